/* The statements of a few rounds, kept so that one of them can be told as a story. The history is complete; a trace is
 * a bounded sample: the rounds in which too many agents were told that they own the key, else the first ones. */
#ifndef PGR_TRACE_H
#define PGR_TRACE_H

#include "pgr_err.h"
#include <stddef.h>
#include <stdint.h>

enum { PGR_TRACE_VALUE_BYTES = 24, PGR_TRACE_SQL_BYTES = 160, PGR_TRACE_STEPS_MAX = 8192 };

/* One statement and its answer. Times as in pgr_op. */
typedef struct pgr_trace_step {
  int64_t round, key, call_ns, return_ns;
  int64_t ready_ns; /* when the agent had it to send; earlier than call_ns where it waited for a connection */
  int64_t rows;     /* returned or written; -1 when it failed or has no count (BEGIN) */
  uint32_t agent;
  uint8_t kind;    /* index into the scenario's operations */
  uint8_t outcome; /* what the agent concluded: a pgr_outcome, or PGR_OUTCOME_COUNT when the operation went on */
  char sqlstate[6];
  char value[PGR_TRACE_VALUE_BYTES]; /* first column of the first row, cut; "" when there is none, "NULL" for NULL */
  char sql[PGR_TRACE_SQL_BYTES];     /* with its variables filled in, white space squeezed, cut: for reading only */
} pgr_trace_step;

/* Init with {0}. One thread appends; merge after the join. */
typedef struct pgr_trace {
  pgr_trace_step *steps; /* owned; in order of round, then agent, then time */
  size_t count, cap;
} pgr_trace;

/* Copies all of the steps or, past PGR_TRACE_STEPS_MAX, none and still says PGR_OK. Errors: PGR_ENOMEM. */
pgr_code pgr_trace_add(pgr_trace *t, const pgr_trace_step *steps, size_t count) PGR_MUST_CHECK;
void pgr_trace_deinit(pgr_trace *t);

#endif
