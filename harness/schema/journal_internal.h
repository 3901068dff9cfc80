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

struct pgr_journal {
  pgr_db *db; /* borrowed */
  bool changes;
  bool locked;  /* we have the lock */
  bool watched; /* the server can be asked to look whether we are still there: then nothing outlives us for long */
  bool present; /* the table of migrations is there */
  int64_t lock_timeout_ns;
  pgr_arena standings; /* of the last pgr_journal_compare */
};

/* For a statement of ours that failed: the server's reason, and the GRANT that helps where a privilege is missing. */
pgr_code pgr__journal_blame(const pgr_journal *j, pgr_code code, const pgr_err *reason, pgr_err *err);

/* Nanoseconds as PostgreSQL's settings take them: milliseconds, at least 1 of what is more than 0. */
enum { PGR__MS_BYTES = 16 };
const char *pgr__journal_ms(int64_t ns, char out[PGR__MS_BYTES]);

#endif
