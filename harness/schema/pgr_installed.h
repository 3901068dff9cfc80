/* What a database really has: its tables as far as a rule needs them, its triggers, and which version of a declared one
 * each is. Reads the catalogs, changes nothing. Main thread. */
#ifndef PGR_INSTALLED_H
#define PGR_INSTALLED_H

#include "pgr_db.h"
#include "pgr_rule_text.h"
#include "pgr_triggers.h"

/* schema NULL: by the search path. *out is in the arena. With values for the columns of types that pgrace knows, two
 * labels of an enum. Errors: PGR_EUSAGE (no such table, a view, the nearest name), PGR_EDATABASE. */
pgr_code pgr_installed_table(pgr_db *db, const char *schema, const char *table, pgr_arena *arena, pgr_rule_target *out,
                             pgr_err *err) PGR_MUST_CHECK;

/* Appends CREATE TABLE of the key, of the columns named and of those that must have a value: what a scenario needs,
 * without foreign keys, checks, triggers and defaults that need other objects. */
pgr_code pgr_installed_write_table(pgr_db *db, const char *schema, const char *table, const char *const *columns,
                                   int column_count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

typedef enum pgr_presence {
  PGR_PRESENCE_ABSENT,
  PGR_PRESENCE_VERSION, /* it is version `version`, by its function's source; and its trigger is as it was installed or,
                           where that is not recorded, as the version makes it but for what `unverified` says */
  PGR_PRESENCE_UNKNOWN, /* a trigger of that name is there, whose function's source is no version's: somebody changed it
                         */
  PGR_PRESENCE_DRIFTED  /* the function's source is version `version`'s; a trigger, its function or table has another
                           name,  is missing, disabled, or not as it was installed, or
                           there are sessions in which it does not fire: why */
} pgr_presence;

typedef struct pgr_installed {
  pgr_presence presence;
  int version;
  int recorded;    /* the version that the journal says; 0: it says nothing */
  bool unverified; /* nothing is recorded of its installation, so a WHEN was not compared, or another version looks the
                    * same: why says it where nothing else is wrong */
  bool dropped;    /* of ABSENT: it was installed, and a migration that is applied took it away */
  const char *why; /* one line. Of UNKNOWN and DRIFTED; of VERSION: what else to know; of ABSENT: when it was dropped */
} pgr_installed;

/* Of a declared trigger. Texts in the arena. Errors: PGR_EDATABASE. */
pgr_code pgr_installed_trigger(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, pgr_installed *out,
                               pgr_err *err) PGR_MUST_CHECK;

/* A trigger of the database that no folder declares: users' own, not those of constraints and extensions,
 * and not those that were installed from it and have another name now. */
typedef struct pgr_stranger {
  const char *name, *table, *function; /* quoted and qualified where needed */
  bool enabled;
  const char *comment; /* NULL */
} pgr_stranger;
pgr_code pgr_installed_strangers(pgr_db *db, const pgr_triggers *known, pgr_arena *arena, const pgr_stranger **out,
                                 size_t *count, pgr_err *err) PGR_MUST_CHECK;

/* ---- rows that break a rule before it is installed ---- */

enum { PGR_OFFENDERS_SHOWN = 10 };

typedef struct pgr_offenders {
  const char *rule;   /* the trigger's name */
  const char *source; /* "rows of conversations", "history in conversation_changes", "the query in trigger.yaml" */
  int64_t count;
  const char *const *columns; /* names of the query's */
  size_t column_count;
  const char *const *cells; /* shown * column_count texts; NULL is SQL NULL */
  size_t shown;
} pgr_offenders;

/* Asks every query that the rule gives (rows, history, existing). Those without a row are in *out too, with count 0;
 * *out is empty when the rule gives none. In a read-only transaction. Errors: PGR_EUSAGE for a query of the user's that
 * fails, PGR_EDATABASE (also: row level security hides rows from us). */
pgr_code pgr_installed_offenders(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, const pgr_offenders **out,
                                 size_t *count, pgr_err *err) PGR_MUST_CHECK;

#endif
