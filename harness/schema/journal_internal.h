/* What journal.c and journal_apply.c share. */
#ifndef PGR_JOURNAL_INTERNAL_H
#define PGR_JOURNAL_INTERNAL_H

#include "pgr_journal.h"

/* The lock that only one may have: "pgrace" in ASCII as a number, for no other program will come upon it. pg_locks
 * shows its two halves. */
#define PGR__JOURNAL_LOCK "123589602927461"
#define PGR__JOURNAL_LOCK_HIGH "28775"
#define PGR__JOURNAL_LOCK_LOW "1918985061"

/* The server looks every second, while it runs a statement of this transaction, whether we are still there. */
#define PGR__JOURNAL_WATCH "SET LOCAL client_connection_check_interval = 1000"

/* What settings change in texts that are recorded and compared later: pinned while they are made, in a transaction. */
#define pgr__printing_settings                                                                                         \
  "SET LOCAL DateStyle = 'ISO, YMD'; SET LOCAL IntervalStyle = 'postgres'; SET LOCAL quote_all_identifiers = off;"     \
  " SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL standard_conforming_strings = on;"     \
  " SET LOCAL TimeZone = 'UTC'; SET LOCAL xmlbinary = 'base64'; SET LOCAL lc_monetary = 'C'"

/* What of a function beyond its source can change what it does, as pgrace.triggers.attributes has it. A SQL expression
 * over p, a row of pg_proc, of type text; the search path has pg_catalog alone. */
#define pgr__function_attributes                                                                                       \
  "format('language %I, security %s, provolatile %s, owner %I, settings %s',"                                          \
  " (SELECT l.lanname FROM pg_language l WHERE l.oid = p.prolang),"                                                    \
  " CASE WHEN p.prosecdef THEN 'definer' ELSE 'invoker' END,"                                                          \
  " p.provolatile, pg_get_userbyid(p.proowner), coalesce(p.proconfig::text, '{}'))"

struct pgr_journal {
  pgr_db *db; /* borrowed */
  bool changes;
  bool locked;  /* we have the lock */
  bool watched; /* the server can be asked to look whether we are still there: then nothing outlives us for long */
  bool present; /* the table of migrations is there */
  int64_t lock_timeout_ns;
  char role[2 * 64 + 3]; /* current_user when it was opened, quoted where SQL needs that */
  pgr_arena standings;   /* of the last pgr_journal_compare */
};

/* Whether the session has the lock still. */
pgr_code pgr__journal_has_lock(const pgr_journal *j, bool *has, pgr_err *err) PGR_MUST_CHECK;

/* Gives back the advisory locks of the session that are not ours: a migration's text took them. Outside of a
 * transaction; what cannot be given back goes with the session. */
void pgr__journal_give_back(const pgr_journal *j);

/* For a statement of ours that failed: the server's reason, and the GRANT that helps where a privilege is missing. */
pgr_code pgr__journal_blame(const pgr_journal *j, pgr_code code, const pgr_err *reason, pgr_err *err);

/* PGR_EDATABASE when the session may only read: whether the server is a standby or a setting says so, and what to do.
 * Outside of a transaction. */
pgr_code pgr__journal_check_writable(const pgr_journal *j, pgr_err *err);

/* For a text that lacked a privilege: reason, which role it was, what of all that the text locks the role does not own,
 * and what gives it that. PGR_EDATABASE. Outside of a transaction, after it was rolled back. */
pgr_code pgr__journal_deny_text(const pgr_journal *j, const char *title, const pgr_migration_text *text,
                                const pgr_err *reason, pgr_err *err);

/* For a part that waited too long for a lock: who has it. PGR_EDATABASE. Outside of a transaction. */
pgr_code pgr__journal_blame_holder(const pgr_journal *j, const pgr_source *part, pgr_err *err);

/* Nanoseconds as PostgreSQL's settings take them: milliseconds, at least 1 of what is more than 0. */
enum { PGR__MS_BYTES = 16 };
const char *pgr__journal_ms(int64_t ns, char out[PGR__MS_BYTES]);

#endif
