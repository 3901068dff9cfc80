/* What every agent asked for, when, and what it was told: the evidence a verdict rests on (docs/adr/0001). */
#ifndef PGR_HISTORY_H
#define PGR_HISTORY_H

#include "pgr_err.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* X(name, text) */
#define PGR_OUTCOMES(X)                                                                                                \
  X(PGR_OUTCOME_OK, "ok")                                                                                              \
  X(PGR_OUTCOME_REFUSED, "refused")   /* the code saw that it may not */                                               \
  X(PGR_OUTCOME_REJECTED, "rejected") /* the database said no, by a declared SQLSTATE and constraint */                \
  X(PGR_OUTCOME_FAILED, "failed")     /* undeclared error: it did not happen, and it is a bug */                       \
  X(PGR_OUTCOME_UNKNOWN, "unknown")   /* the connection died: it may have happened */                                  \
  X(PGR_OUTCOME_RETRIED, "retried")   /* this try ended in an error and something of it was done again */

typedef enum pgr_outcome {
#define PGR_OUTCOME_ENUM(name, text) name,
  PGR_OUTCOMES(PGR_OUTCOME_ENUM)
#undef PGR_OUTCOME_ENUM
      PGR_OUTCOME_COUNT
} pgr_outcome;

const char *pgr_outcome_name(pgr_outcome o);

enum { PGR_KINDS_MAX = 8 }; /* kinds of operation a history can tell apart */

/* One try of one operation of one agent. Times are CLOCK_MONOTONIC nanoseconds since the run's start, closed
 * interval: whatever the operation did, it did between call_ns and return_ns. */
typedef struct pgr_op {
  int64_t intended_ns;  /* when it should have started (the barrier's release); <= call_ns */
  int64_t call_ns;      /* its first statement was sent */
  int64_t return_ns;    /* the agent knew the outcome; >= call_ns */
  int64_t pool_wait_ns; /* spent waiting for a connection, before and between its statements */
  int64_t key;          /* the contested thing */
  int64_t round;        /* from 1 */
  uint32_t agent;       /* from 1 */
  uint16_t attempt;     /* from 1; every try is an op of its own */
  uint8_t kind;         /* index into the scenario's operations; < PGR_KINDS_MAX */
  uint8_t outcome;      /* pgr_outcome */
  char sqlstate[6];     /* "" when no error was raised */
} pgr_op;

/* An append-only log. One thread appends; after it is joined, any one thread reads and takes. */
typedef struct pgr_history pgr_history;

/* max_ops: the cap after which append says PGR_ELIMIT. NULL when there is no memory. */
pgr_history *pgr_history_create(size_t max_ops) PGR_MUST_CHECK;
void pgr_history_destroy(pgr_history *h);

/* Copies *op. Errors: PGR_ENOMEM, PGR_ELIMIT; h unchanged on both. Blocks: never. */
pgr_code pgr_history_append(pgr_history *h, const pgr_op *op) PGR_MUST_CHECK;

/* Moves every op of `from` into h, almost all without copying; `from` is empty afterwards and still the caller's to
 * destroy. The order between ops is not kept: they carry their times. The cap of h grows by the number moved.
 * Errors: PGR_ENOMEM, both unchanged. */
pgr_code pgr_history_take(pgr_history *h, pgr_history *from) PGR_MUST_CHECK;

/* Empties it, for the next short one. */
void pgr_history_clear(pgr_history *h);

size_t pgr_history_count(const pgr_history *h);

/* i < pgr_history_count. Borrowed until h is destroyed or taken. O(1). */
const pgr_op *pgr_history_at(const pgr_history *h, size_t i);

/* Writes the history as CSV with a header line (docs/history.md), in no particular order. kinds: the name of each
 * operation, indexed by pgr_op.kind. Each line begins with `strategy` and ends with `isolation`, plain names, and
 * `gap_ns`, the gap that scripts were given. When `header` is false only rows are written, so that several cells share
 * a file. Errors: PGR_EENVIRONMENT (a full disk, says so). */
pgr_code pgr_history_write_csv(const pgr_history *h, const char *strategy, const char *isolation, int64_t gap_ns,
                               const char *const *kinds, int header, FILE *out, pgr_err *err) PGR_MUST_CHECK;

#endif
