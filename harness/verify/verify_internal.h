/* What the two ownership checkers share: that of a whole history and that of a run under way. ownership.c */
#ifndef PGR_VERIFY_INTERNAL_H
#define PGR_VERIFY_INTERNAL_H

#include "pgr_ownership.h"
#include <stdbool.h>

/* An acquire or a release, as the sort sees it. op: an index; of two with the same call the lower one came first. */
typedef struct pgr__event {
  int64_t key, call_ns;
  uint32_t agent;
  size_t op;
} pgr__event;

int pgr__by_key_agent_call(const void *a, const void *b);

/* When what an agent was given ends; INT64_MAX: never. Going backwards through the agent's operations of a key, a
 * release says how all before it ends. */
typedef struct pgr__ends {
  int64_t certain_ns, possible_ns;
} pgr__ends;

#define PGR__ENDS_NEVER ((pgr__ends){INT64_MAX, INT64_MAX})

void pgr__ends_release(pgr__ends *ends, const pgr_op *release);

bool pgr__may_have_happened(const pgr_op *op); /* for certain or not */
bool pgr__is_refusal(const pgr_op *acquire);

/* How long an acquire's agent owns its key. op: index of the acquire. */
typedef struct pgr__interval {
  int64_t start_ns, end_ns;
  uint32_t agent;
  size_t op;
} pgr__interval;

/* One key at a time: reserve, begin, add its acquires, sort, ask. */
typedef struct pgr__sweep {
  int64_t capacity;
  pgr__interval *certain, *possible; /* by start and index, once sorted */
  size_t certain_count, possible_count;
  int64_t *latest_end_ns; /* of possible[0 … i] */
  size_t cap;
  pgr__interval *longest; /* capacity + 1: see pgr__sweep_own */
  size_t longest_count;
} pgr__sweep;

/* Deinit after use, also when this fails. Errors: PGR_ENOMEM. */
pgr_code pgr__sweep_init(pgr__sweep *s, int64_t capacity) PGR_MUST_CHECK;
void pgr__sweep_deinit(pgr__sweep *s);

/* Room for a key's intervals. Errors: PGR_ENOMEM. */
pgr_code pgr__sweep_reserve(pgr__sweep *s, size_t count) PGR_MUST_CHECK;
void pgr__sweep_begin(pgr__sweep *s);
void pgr__sweep_acquire(pgr__sweep *s, const pgr_op *acquire, size_t op, pgr__ends ends);
void pgr__sweep_sort(pgr__sweep *s);

/* The certain ownerships of a key, one after the other by start. True when `now` is one too many: *other is then one
 * it overlaps, of another agent. */
bool pgr__sweep_own(pgr__sweep *s, const pgr__interval *now, pgr__interval *other);

/* Whether a possible ownership meets [refusal->call_ns, refusal->return_ns]. */
bool pgr__sweep_explains(const pgr__sweep *s, const pgr_op *refusal);

#endif
