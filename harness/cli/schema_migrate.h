/* What pgrace schema up, down and redo share: the plan, what is told of it, one migration applied or taken back. Main
 * thread. */
#ifndef PGR_SCHEMA_MIGRATE_H
#define PGR_SCHEMA_MIGRATE_H

#include "pgr_clock.h"
#include "schema_command.h"
#include "schema_listing.h"
#include "schema_offenders.h"
#include "schema_standing.h"

#define PGR_MIGRATE_LOCK_TIMEOUT_NS (5 * PGR_NS_PER_S)
#define PGR_MIGRATE_WAIT_NS (60 * PGR_NS_PER_S)

typedef struct pgr_migrate_options {
  const char *dir, *dsn;
  int64_t to, count, lock_timeout_ns, wait_ns;
  bool to_given, dry_run, check, accept_existing, out_of_order, yes, changed;
} pgr_migrate_options;

/* A migration that is to be applied, or taken back. */
typedef struct pgr_migrate_step {
  const pgr_migration *migration;
  const char *applied_at;       /* of its record, when that was read for it; NULL */
  pgr_schema_listing up, down;  /* those that are to be printed, else empty */
  pgr_schema_worries *worries;  /* what was asked before anything was done; NULL: nothing was */
  const pgr_migration *mending; /* one that comes before and may mend those rows; NULL: none */
} pgr_migrate_step;

typedef struct pgr_migrator {
  pgr_migrate_options options;
  pgr_schema_folder folder;
  pgr_schema_database database;
  pgr_journal *journal;
  pgr_arena arena;
  pgr_migrate_step *plan; /* in the order of what is done first */
  size_t planned, done;
  pgr_schema_columns columns; /* of all listings */
  bool headed;                /* they have their heading */
  bool begun;                 /* something may have been changed */
  bool broke;                 /* rows break a rule */
  bool doubtful;              /* they do, but what comes before may mend them */
} pgr_migrator;

/* ---- what is to be done ---- */

pgr_code pgr_migrate_plan_room(pgr_migrator *m, size_t count, pgr_err *err) PGR_MUST_CHECK;
void pgr_migrate_plan_add(pgr_migrator *m, const pgr_migration *migration);
/* The directions that will be printed, of every step. */
pgr_code pgr_migrate_list(pgr_migrator *m, bool ups, bool downs, pgr_err *err) PGR_MUST_CHECK;
/* What the database's records say; a database of another project is refused. Errors: also PGR_EUSAGE. */
pgr_code pgr_migrate_compare(pgr_migrator *m, pgr_standings *out, pgr_err *err) PGR_MUST_CHECK;

pgr_code pgr_migrate_open_database(pgr_migrator *m, pgr_err *err) PGR_MUST_CHECK;
/* changes: with the lock that only one may have, for which it waits. */
pgr_code pgr_migrate_open_journal(pgr_migrator *m, bool changes, pgr_err *err) PGR_MUST_CHECK;

/* ---- rows that break a rule ---- */

/* Of one migration. early: the plan's steps that come before it were not done yet. */
pgr_code pgr_migrate_ask(pgr_migrator *m, const pgr_migration *migration, bool early, pgr_schema_worries *out,
                         pgr_err *err) PGR_MUST_CHECK;
/* Of every step, in the order in which they are applied, before anything is done: fills worries and mending. forward:
 * that order is the plan's, else it is the other way round. *rows: those that stand in the way, however it is meant. */
pgr_code pgr_migrate_ask_all(pgr_migrator *m, bool forward, int64_t *rows, pgr_err *err) PGR_MUST_CHECK;
/* After it: rows that were written while the trigger was being installed are told. before: how many there were. */
pgr_code pgr_migrate_ask_again(pgr_migrator *m, const pgr_migration *migration, int64_t before,
                               pgr_err *err) PGR_MUST_CHECK;
/* Prints what was asked of a step, with its title. */
void pgr_migrate_print_worries(pgr_migrator *m, const pgr_migrate_step *s);

/* ---- one migration ---- */

/* Until the first one that rows stand in the way of: then m->broke, and it was not done. */
pgr_code pgr_migrate_apply_all(pgr_migrator *m, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_migrate_take_back(const pgr_migrator *m, const pgr_migrate_step *s, pgr_err *err) PGR_MUST_CHECK;

/* ---- what is said ---- */

/* "1 migration", "12 migrations". Returns out. */
const char *pgr_migrate_count(size_t count, char out[PGR_TEXT_BYTES * 2]);
void pgr_migrate_print_verdict(const pgr_migrator *m, const char *verdict);
/* "2 migrations", and what of them. */
void pgr_migrate_print_planned(const pgr_migrator *m, const char *what);
void pgr_migrate_print_title(const pgr_migration *migration);
/* A migration and the time it took since, below each other. */
void pgr_migrate_print_line(const pgr_migrator *m, const pgr_migration *migration, int64_t begin_ns);
void pgr_migrate_print_listing(pgr_migrator *m, const pgr_schema_listing *l);
/* Each step's title and what it locks. */
void pgr_migrate_print_plan(pgr_migrator *m, bool down);

/* An error, and how far it came. verb: "applied", "taken back". Returns the exit status. */
int pgr_migrate_complain(const pgr_migrator *m, const pgr_err *err, const char *verb);
/* Closes everything; returns the exit status. */
int pgr_migrate_leave(pgr_migrator *m, int status);

#endif
