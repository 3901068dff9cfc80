/* Sort by round and agent, merge each agent's tries, then sweep each round. */
#include "pgr_contests.h"

#include "pgr_mem.h"
#include <stdlib.h>

/* A try of an operation, then all of one agent's in one round. */
typedef struct span {
  int64_t round, start_ns, end_ns;
  uint32_t agent;
  bool decided; /* an outcome other than `retried` */
} span;

static int by_round_agent(const void *a, const void *b) {
  const span *x = a, *y = b;
  if (x->round != y->round) return x->round < y->round ? -1 : 1;
  return (x->agent > y->agent) - (x->agent < y->agent);
}

static int by_start(const void *a, const void *b) {
  const span *x = a, *y = b;
  return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static size_t merge_tries(span *spans, size_t count) {
  size_t merged = 0;
  for (size_t i = 0; i < count; i++) {
    const span *now = &spans[i];
    span *last = merged ? &spans[merged - 1] : NULL;
    if (!last || last->round != now->round || last->agent != now->agent) {
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
    code = sweep_round(spans + i, j - i, contenders, out);
    i = j;
  }
  pgr_rounds_settle(unknown);
  pgr_rounds_settle(&out->judged);
  pgr_rounds_settle(&out->contested);
  pgr_rounds_subtract(&out->judged, unknown);
  pgr_rounds_subtract(&out->contested, unknown);
  return code;
}

pgr_code pgr_verify_contests(const pgr_history *h, const bool contends[PGR_KINDS_MAX], uint32_t contenders,
                             pgr_contests *out, pgr_err *err) {
  size_t total = pgr_history_count(h), count = 0;
  pgr_rounds unknown = {0};
  *out = (pgr_contests){0};
  span *spans = pgr_calloc(total, sizeof *spans);
  pgr_code code = spans ? PGR_OK : PGR_ENOMEM;
  for (size_t i = 0; !code && i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (op->outcome == PGR_OUTCOME_UNKNOWN) code = pgr_rounds_add(&unknown, op->round);
    if (contends[op->kind])
      spans[count++] = (span){op->round, op->call_ns, op->return_ns, op->agent, op->outcome != PGR_OUTCOME_RETRIED};
  }
  if (!code) {
    qsort(spans, count, sizeof *spans, by_round_agent);
    code = sweep(spans, merge_tries(spans, count), contenders, &unknown, out);
  }
  pgr_free(spans);
  pgr_rounds_deinit(&unknown);
  return code ? pgr_fail(err, code, "out of memory while verifying %zu operations", total) : PGR_OK;
}

void pgr_contests_deinit(pgr_contests *c) {
  pgr_rounds_deinit(&c->contested);
  pgr_rounds_deinit(&c->judged);
}
