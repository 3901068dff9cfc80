/* Bring the spans of each round together, merge each agent's tries, then sweep the round. Rounds are numbers close to
 * each other, so they are dealt to their places instead of sorted, which counts with ten million operations. */
#include "pgr_contests.h"

#include "pgr_mem.h"
#include <stdlib.h>

/* A try of an operation, then all of one agent's in the round. */
typedef struct span {
  int64_t round, start_ns, end_ns;
  uint32_t agent;
  bool decided; /* an outcome other than `retried` */
} span;

static int by_round(const void *a, const void *b) {
  const span *x = a, *y = b;
  return (x->round > y->round) - (x->round < y->round);
}

static int by_agent(const void *a, const void *b) {
  const span *x = a, *y = b;
  return (x->agent > y->agent) - (x->agent < y->agent);
}

static int by_start(const void *a, const void *b) {
  const span *x = a, *y = b;
  return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

/* One round's. */
static size_t merge_tries(span *spans, size_t count) {
  size_t merged = 0;
  qsort(spans, count, sizeof *spans, by_agent);
  for (size_t i = 0; i < count; i++) {
    const span *now = &spans[i];
    span *last = merged ? &spans[merged - 1] : NULL;
    if (!last || last->agent != now->agent) {
      spans[merged++] = *now;
      continue;
    }
    if (now->start_ns < last->start_ns) last->start_ns = now->start_ns;
    if (now->end_ns > last->end_ns) last->end_ns = now->end_ns;
    last->decided |= now->decided;
  }
  return merged;
}

static pgr_code sweep_round(span *spans, size_t count, uint32_t contenders, pgr_contests *out) {
  uint32_t decided = 0;
  bool overlap = false;
  qsort(spans, count, sizeof *spans, by_start);
  int64_t end_ns = spans[0].end_ns;
  for (size_t i = 0; i < count; i++) {
    decided += spans[i].decided;
    overlap |= i > 0 && spans[i].start_ns <= end_ns;
    if (spans[i].end_ns > end_ns) end_ns = spans[i].end_ns;
  }
  if (decided < contenders) return PGR_OK;
  pgr_code code = pgr_rounds_add(&out->judged, spans[0].round);
  if (!code && overlap) code = pgr_rounds_add(&out->contested, spans[0].round);
  return code;
}

static pgr_code sweep(span *spans, size_t count, uint32_t contenders, pgr_rounds *unknown, pgr_contests *out) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < count;) {
    size_t j = i + 1;
    while (j < count && spans[j].round == spans[i].round)
      j++;
    code = sweep_round(spans + i, merge_tries(spans + i, j - i), contenders, out);
    i = j;
  }
  pgr_rounds_settle(unknown);
  pgr_rounds_settle(&out->judged);
  pgr_rounds_settle(&out->contested);
  pgr_rounds_subtract(&out->judged, unknown);
  pgr_rounds_subtract(&out->contested, unknown);
  return code;
}

static span span_of(const pgr_op *op) {
  return (span){op->round, op->call_ns, op->return_ns, op->agent, op->outcome != PGR_OUTCOME_RETRIED};
}

/* Where they are not close to each other. */
static void sort_spans(const pgr_history *h, const bool contends[PGR_KINDS_MAX], span *spans, size_t count) {
  size_t n = 0, total = pgr_history_count(h);
  for (size_t i = 0; i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (contends[op->kind]) spans[n++] = span_of(op);
  }
  qsort(spans, count, sizeof *spans, by_round);
}

/* next: for each round from `first` on, where its next span goes; holds their numbers when called. */
static void deal_spans(const pgr_history *h, const bool contends[PGR_KINDS_MAX], span *spans, size_t *next,
                       size_t rounds, int64_t first) {
  size_t from = 0, total = pgr_history_count(h);
  for (size_t r = 0; r < rounds; r++) {
    size_t count = next[r];
    next[r] = from;
    from += count;
  }
  for (size_t i = 0; i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (contends[op->kind]) spans[next[op->round - first]++] = span_of(op);
  }
}

static pgr_code arrange(const pgr_history *h, const bool contends[PGR_KINDS_MAX], span *spans, size_t count) {
  size_t total = pgr_history_count(h);
  int64_t first = INT64_MAX, last = INT64_MIN, range;
  for (size_t i = 0; i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (contends[op->kind] && op->round < first) first = op->round;
    if (contends[op->kind] && op->round > last) last = op->round;
  }
  if (count == 0) return PGR_OK;
  if (__builtin_sub_overflow(last, first, &range) || (uint64_t)range > 4 * (uint64_t)count) {
    sort_spans(h, contends, spans, count);
    return PGR_OK;
  }
  size_t rounds = (size_t)range + 1;
  size_t *next = pgr_calloc(rounds, sizeof *next);
  if (!next) return PGR_ENOMEM;
  for (size_t i = 0; i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (contends[op->kind]) next[op->round - first]++;
  }
  deal_spans(h, contends, spans, next, rounds, first);
  pgr_free(next);
  return PGR_OK;
}

pgr_code pgr_verify_contests(const pgr_history *h, const bool contends[PGR_KINDS_MAX], uint32_t contenders,
                             pgr_contests *out, pgr_err *err) {
  size_t total = pgr_history_count(h), count = 0;
  pgr_rounds unknown = {0};
  pgr_code code = PGR_OK;
  *out = (pgr_contests){0};
  for (size_t i = 0; !code && i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (op->outcome == PGR_OUTCOME_UNKNOWN) code = pgr_rounds_add(&unknown, op->round);
    count += contends[op->kind];
  }
  span *spans = pgr_calloc(count, sizeof *spans);
  if (!spans) code = PGR_ENOMEM;
  if (!code) code = arrange(h, contends, spans, count);
  if (!code) code = sweep(spans, count, contenders, &unknown, out);
  pgr_free(spans);
  pgr_rounds_deinit(&unknown);
  return code ? pgr_fail(err, code, "out of memory while verifying %zu operations", total) : PGR_OK;
}

void pgr_contests_deinit(pgr_contests *c) {
  pgr_rounds_deinit(&c->contested);
  pgr_rounds_deinit(&c->judged);
}
