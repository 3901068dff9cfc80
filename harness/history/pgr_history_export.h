/* A history in the forms of others: Jepsen's, whose checkers (Knossos) read it. docs/history.md says what becomes
 * what. */
#ifndef PGR_HISTORY_EXPORT_H
#define PGR_HISTORY_EXPORT_H

#include "pgr_history.h"

#include <stdio.h>

/* A history.csv that pgrace wrote: the rows of one cell. Names are the reading's own. */
typedef struct pgr_history_rows {
  char *strategy, *isolation;
  int64_t gap_ns;
  char *kinds[PGR_KINDS_MAX]; /* by pgr_op.kind; NULL: not used */
  int kind_count;
  pgr_history *history;
} pgr_history_rows;

typedef struct pgr_history_file {
  pgr_history_rows *cells; /* in the order in which they first appear */
  size_t count;
} pgr_history_file;

/* Untrusted. Reads a line at a time. name: for messages. out: zeroed before, deinit after use. max_ops: of all cells.
 * Errors: PGR_EUSAGE (name:line:column: what is wrong), PGR_ELIMIT, PGR_ENOMEM, PGR_EENVIRONMENT (cannot be read); out
 * is zeroed then. */
pgr_code pgr_history_read_csv(FILE *in, const char *name, size_t max_ops, pgr_history_file *out,
                              pgr_err *err) PGR_MUST_CHECK;
void pgr_history_file_deinit(pgr_history_file *f);

/* Every try as two entries, its invocation and its end, in order of time, one entry a line: EDN maps, or one JSON array
 * of objects. Errors: PGR_ENOMEM, PGR_EENVIRONMENT (a full disk, says so). */
pgr_code pgr_history_write_edn(const pgr_history_rows *rows, FILE *out, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_history_write_json(const pgr_history_rows *rows, FILE *out, pgr_err *err) PGR_MUST_CHECK;

#endif
