/* What one thread's agents add up: counts, latencies, the errors nobody declared. One thread writes; merged after the
 * join. */
#ifndef PGR_TALLY_H
#define PGR_TALLY_H

#include "pgr_histogram.h"
#include "pgr_history.h"

enum { PGR_COMPLAINTS_KEPT = 8, PGR_COMPLAINT_BYTES = 160, PGR_TALLY_REJECTIONS = 8 };

/* An error that no declaration covers, as the server worded it. */
typedef struct pgr_complaint {
  char sqlstate[6];
  char message[PGR_COMPLAINT_BYTES];
  uint8_t kind;     /* the operation that met it */
  const char *file; /* and where in its script; borrowed, outlives the run */
  int line;
  uint64_t count;
} pgr_complaint;

typedef struct pgr_tally {
  uint64_t outcomes[PGR_KINDS_MAX][PGR_OUTCOME_COUNT]; /* operations; `retried` counts tries */
  /* Nanoseconds by operation and final outcome; NULL until something is recorded. service: from the first statement
   * to the outcome, without the time spent waiting for a connection. response: from the intended start, with it. */
  pgr_histogram *service[PGR_KINDS_MAX][PGR_OUTCOME_COUNT];
  pgr_histogram *response[PGR_KINDS_MAX][PGR_OUTCOME_COUNT];
  pgr_histogram *pool_wait;  /* per operation, zeros included */
  pgr_histogram *start_skew; /* per round: from its first agent's first statement to its last agent's */
  /* Under load only. statement: by the session's statement (pgr_agent_shared.statement_base + its index), from send to
   * answer; the array is the tally's. tries: of an operation. transaction: all that one begin led to. */
  pgr_histogram **statement;
  int statement_kinds;
  pgr_histogram *tries[PGR_KINDS_MAX];
  pgr_histogram *transaction;
  /* What is common is only counted, and recorded when tallies are merged: operations that waited for no connection, and
   * those that needed one try. */
  uint64_t unqueued, first_tries[PGR_KINDS_MAX];
  uint64_t statements;
  uint64_t rejections[PGR_TALLY_REJECTIONS]; /* by the scenario's declaration */
  pgr_complaint complaints[PGR_COMPLAINTS_KEPT];
  size_t complaint_count;
} pgr_tally;

void pgr_tally_init(pgr_tally *t);
/* Makes room for that many statements. Errors: PGR_ENOMEM, unchanged. */
pgr_code pgr_tally_time_statements(pgr_tally *t, int count) PGR_MUST_CHECK;
void pgr_tally_deinit(pgr_tally *t);

/* Records into *h, made when it is NULL. Errors: PGR_ENOMEM. */
pgr_code pgr_tally_record(pgr_histogram **h, int64_t value_ns) PGR_MUST_CHECK;

/* Counts the error under its SQLSTATE and message; past PGR_COMPLAINTS_KEPT different ones it only counts those known.
 */
void pgr_tally_complain(pgr_tally *t, uint8_t kind, const char *file, int line, const char *sqlstate,
                        const char *message);

/* Adds `from` to t. Errors: PGR_ENOMEM; t is then only good to deinit. */
pgr_code pgr_tally_merge(pgr_tally *t, const pgr_tally *from) PGR_MUST_CHECK;

#endif
