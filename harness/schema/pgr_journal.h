/* What a database says was applied to it: schema pgrace, table migrations; and migrations applied and taken back, each
 * in one transaction together with its record. Main thread.
 *
 * The tables, made when the first migration is applied:
 *   pgrace.migrations  number bigint, name text, checksum text, applied_at timestamptz, applied_by text (session_user)
 *   pgrace.triggers    what the catalogs showed when a declared trigger's version was installed, a row for each
 *                      trigger that the version makes:
 *     name text        of the folder; primary key together with trigger and relation
 *     version integer
 *     trigger text     pg_trigger.tgname
 *     relation text    quote_ident(schema).quote_ident(table), the schema always
 *     definition text  pg_get_triggerdef(oid) while search_path was pg_catalog
 *     enabled text     pg_trigger.tgenabled
 *     function text    as relation, of the function; without its arguments, for it has none
 *     source text      its prosrc
 *     migration bigint whose up or down left it so
 *     attributes text  of the function, what else changes what it does: its language, SECURITY DEFINER or INVOKER,
 *                      volatility, owner, settings; pgr__function_attributes
 * Texts are made with the settings that change how values are printed pinned: pgr__printing_settings. */
#ifndef PGR_JOURNAL_H
#define PGR_JOURNAL_H

#include "pgr_db.h"
#include "pgr_triggers.h"

typedef struct pgr_journal pgr_journal;

/* Told, not asked: what a person may want to see while it waits. pid: of the server process that is waited for;
 * program: its application_name. */
typedef struct pgr_journal_watch {
  void (*on_wait)(void *user, int pid, const char *program);
  void *user;
} pgr_journal_watch;

typedef struct pgr_journal_options {
  bool changes; /* take the lock that only one may have, and make the tables where they are missing; else only read */
  int64_t lock_timeout_ns;        /* of each statement of a migration; 0: none */
  int64_t wait_ns;                /* for the lock that only one may have; 0: for ever */
  const pgr_journal_watch *watch; /* NULL */
} pgr_journal_options;

/* db: borrowed, its own for as long as the journal is open (a session's lock). Errors: PGR_EDATABASE (who has the lock;
 * missing privileges, with the GRANT that gives them; changes, but the session may only read), PGR_EINTERRUPTED,
 * PGR_ENOMEM. */
pgr_code pgr_journal_open(pgr_db *db, const pgr_journal_options *options, pgr_journal **out,
                          pgr_err *err) PGR_MUST_CHECK;
void pgr_journal_close(pgr_journal *j); /* gives the lock back; NULL is fine */

typedef enum pgr_standing_state {
  PGR_STANDING_APPLIED,
  PGR_STANDING_PENDING,
  PGR_STANDING_LATE,    /* pending, but a later one is applied */
  PGR_STANDING_CHANGED, /* applied, and the file says something else now */
  PGR_STANDING_MISSING, /* applied, and there is no file */
  PGR_STANDING_OTHER    /* applied under this number was one of another name: most likely another project's database */
} pgr_standing_state;

typedef struct pgr_standing {
  pgr_standing_state state;
  const pgr_migration *migration; /* NULL: MISSING */
  int64_t number;
  const char *name, *applied_at,
      *applied_by;      /* of the record; NULL where there is none. applied_at: "2026-11-30 12:00:00+00" */
  const char *checksum; /* of the record */
} pgr_standing;

/* Every migration of the folder and of the records, by number. *out: the journal's until its next call. Errors: as
 * above. */
pgr_code pgr_journal_compare(pgr_journal *j, const pgr_migrations *m, const pgr_standing **out, size_t *count,
                             pgr_err *err) PGR_MUST_CHECK;

/* Applies one that is pending, or takes back one that is applied: its SQL, its record, and what its triggers look like
 * now, in one transaction, after which the session's settings and advisory locks are as they were. Records of triggers
 * that it dropped go, too. triggers: to know versions by their files. Errors: PGR_EUSAGE "file:line:column: message"
 * (also: it is applied already, or not; there is no down; the text ended its transaction itself, what stood before that
 * has then happened, and the message says so), PGR_EDATABASE (a lock timeout: who holds the table; a deadlock, a
 * statement timeout; a privilege that the role lacks; a session that may only read; another run applied it meanwhile),
 * PGR_EINTERRUPTED; the database is unchanged. Also PGR_EUSAGE: the text gave away the lock that only one may have; the
 * record under that number has another name. Up: before the first version of a trigger, one of its name on its table,
 * or its function, is there already and was not made by any version. Down: a trigger that it was to remove is still
 * there. */
pgr_code pgr_journal_up(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers,
                        pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_journal_down(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers,
                          pgr_err *err) PGR_MUST_CHECK;
/* Takes back the last ones that are applied, the last first, and applies them again, all in one transaction: nobody
 * meets the database without them. m: `count` of them, the last applied first. Errors: as above. */
pgr_code pgr_journal_redo(pgr_journal *j, const pgr_migration *const *m, size_t count, const pgr_triggers *triggers,
                          pgr_err *err) PGR_MUST_CHECK;

#endif
