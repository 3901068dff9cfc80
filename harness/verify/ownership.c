/* The ownership checker: sort by key, then sweep each key's intervals. Nothing here depends on how many keys, agents or
 * rounds there are: a history of one key is as good as one of a million.
 *
 * The invariant most easily broken: `certain` intervals may only be too short and `possible` ones only too long, so
 * that a reported violation is one whatever the truth between call and return was. */
#include "pgr_ownership.h"

#include "pgr_mem.h"
#include <stdbool.h>
#include <stdlib.h>

/* An acquire or a release, as the sort sees it. */
typedef struct event {
  int64_t key, call_ns;
  uint32_t agent;
  size_t op;
} event;

typedef struct interval {
  int64_t start_ns, end_ns;
  uint32_t agent;
  size_t op; /* the acquire */
} interval;

/* A try of an acquire, then all of one agent's in one round. */
typedef struct span {
  int64_t round, start_ns, end_ns;
  uint32_t agent;
  bool unknown;
} span;

/* Scratch for one key at a time; grows to the largest. */
typedef struct sweep {
  const pgr_history *history;
  pgr_ownership_model model;
  pgr_ownership_report *out;
  interval *certain, *possible;
  span *spans;
  int64_t *broken_rounds, *latest_end_ns;
  size_t certain_count, possible_count, span_count, broken_count, cap;
  size_t first_kept; /* of this key, in out->kept */
} sweep;

static int by_key_agent_call(const void *a, const void *b) {
  const event *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  if (x->agent != y->agent) return x->agent < y->agent ? -1 : 1;
  if (x->call_ns != y->call_ns) return x->call_ns < y->call_ns ? -1 : 1;
  return (x->op > y->op) - (x->op < y->op);
}

static int by_start(const void *a, const void *b) {
  const interval *x = a, *y = b;
  if (x->start_ns != y->start_ns) return x->start_ns < y->start_ns ? -1 : 1;
  return (x->op > y->op) - (x->op < y->op);
}

static int by_round_agent(const void *a, const void *b) {
  const span *x = a, *y = b;
  if (x->round != y->round) return x->round < y->round ? -1 : 1;
  return (x->agent > y->agent) - (x->agent < y->agent);
}

static int by_round_start(const void *a, const void *b) {
  const span *x = a, *y = b;
  if (x->round != y->round) return x->round < y->round ? -1 : 1;
  return (x->start_ns > y->start_ns) - (x->start_ns < y->start_ns);
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static bool grow(void *array, size_t count, size_t size) {
  void **p = array;
  void *grown = pgr_realloc(*p, count, size);
  if (grown) *p = grown;
  return grown != NULL;
}

static pgr_code reserve(sweep *s, size_t count) {
  if (count <= s->cap) return PGR_OK;
  if (!grow(&s->certain, count, sizeof *s->certain) || !grow(&s->possible, count, sizeof *s->possible) ||
      !grow(&s->spans, count, sizeof *s->spans) || !grow(&s->broken_rounds, count, sizeof *s->broken_rounds) ||
      !grow(&s->latest_end_ns, count, sizeof *s->latest_end_ns))
    return PGR_ENOMEM;
  s->cap = count;
  return PGR_OK;
}

/* One agent's events of one key, backwards: what ends an ownership is the next release after its acquire. */
static void gather_agent(sweep *s, const event *begin, const event *end) {
  int64_t certain_end_ns = INT64_MAX, possible_end_ns = INT64_MAX;
  for (const event *e = end; e-- > begin;) {
    const pgr_op *op = pgr_history_at(s->history, e->op);
    bool ok = op->outcome == PGR_OUTCOME_OK, unknown = op->outcome == PGR_OUTCOME_UNKNOWN;
    if (op->kind == s->model.release) {
      if (ok || unknown) certain_end_ns = op->call_ns;
      if (ok) possible_end_ns = op->return_ns;
      continue;
    }
    s->spans[s->span_count++] = (span){op->round, op->call_ns, op->return_ns, op->agent, unknown};
    if (ok || unknown) s->possible[s->possible_count++] = (interval){op->call_ns, possible_end_ns, op->agent, e->op};
    if (ok && certain_end_ns > op->return_ns)
      s->certain[s->certain_count++] = (interval){op->return_ns, certain_end_ns, op->agent, e->op};
  }
}

static void gather(sweep *s, const event *begin, const event *end) {
  s->certain_count = s->possible_count = s->span_count = s->broken_count = 0;
  s->first_kept = s->out->kept_count;
  while (begin < end) {
    const event *next = begin + 1;
    while (next < end && next->agent == begin->agent)
      next++;
    gather_agent(s, begin, next);
    begin = next;
  }
}

static void violate(sweep *s, const interval *first, const interval *second) {
  const pgr_op *op = pgr_history_at(s->history, second->op);
  s->broken_rounds[s->broken_count++] = op->round;
  for (size_t i = s->first_kept; i < s->out->kept_count; i++)
    if (s->out->kept[i].round == op->round) return;
  if (s->out->kept_count < PGR_VIOLATIONS_KEPT)
    s->out->kept[s->out->kept_count++] = (pgr_violation){op->key, op->round, first->op, second->op};
}

/* Of the intervals swept so far only the two that last longest, of different agents, can still matter. */
static void find_violations(sweep *s) {
  qsort(s->certain, s->certain_count, sizeof *s->certain, by_start);
  const interval *longest = NULL, *runner_up = NULL; /* of another agent than longest */
  for (size_t i = 0; i < s->certain_count; i++) {
    const interval *now = &s->certain[i];
    const interval *other = longest && longest->agent != now->agent ? longest : runner_up;
    if (other && other->end_ns > now->start_ns) violate(s, other, now);
    if (!longest || now->end_ns > longest->end_ns) {
      if (longest && longest->agent != now->agent) runner_up = longest;
      longest = now;
    } else if (now->agent != longest->agent && (!runner_up || now->end_ns > runner_up->end_ns)) {
      runner_up = now;
    }
  }
  qsort(s->broken_rounds, s->broken_count, sizeof *s->broken_rounds, by_value);
  size_t distinct = 0;
  for (size_t i = 0; i < s->broken_count; i++)
    if (i == 0 || s->broken_rounds[i] != s->broken_rounds[i - 1]) s->broken_rounds[distinct++] = s->broken_rounds[i];
  s->broken_count = distinct;
  s->out->duplicates += distinct;
}

/* One span an agent and round, from its first try to its last. */
static void merge_tries(sweep *s) {
  qsort(s->spans, s->span_count, sizeof *s->spans, by_round_agent);
  size_t merged = 0;
  for (size_t i = 0; i < s->span_count; i++) {
    const span *now = &s->spans[i];
    span *last = merged ? &s->spans[merged - 1] : NULL;
    if (!last || last->round != now->round || last->agent != now->agent) {
      s->spans[merged++] = *now;
      continue;
    }
    if (now->start_ns < last->start_ns) last->start_ns = now->start_ns;
    if (now->end_ns > last->end_ns) last->end_ns = now->end_ns;
    last->unknown |= now->unknown;
  }
  s->span_count = merged;
}

static void find_contests(sweep *s) {
  merge_tries(s);
  qsort(s->spans, s->span_count, sizeof *s->spans, by_round_start);
  for (size_t i = 0; i < s->span_count;) {
    int64_t round = s->spans[i].round, end_ns = s->spans[i].end_ns;
    bool overlap = false, unknown = s->spans[i].unknown;
    size_t j = i + 1;
    for (; j < s->span_count && s->spans[j].round == round; j++) {
      overlap |= s->spans[j].start_ns <= end_ns;
      unknown |= s->spans[j].unknown;
      if (s->spans[j].end_ns > end_ns) end_ns = s->spans[j].end_ns;
    }
    bool broken =
        s->broken_count && bsearch(&round, s->broken_rounds, s->broken_count, sizeof *s->broken_rounds, by_value);
    s->out->rounds++;
    s->out->contested += broken || (overlap && !unknown);
    i = j;
  }
}

/* Whether a possible ownership meets [op->call_ns, op->return_ns]; `possible` is sorted by start. */
static bool explained(const sweep *s, const pgr_op *op) {
  size_t low = 0, high = s->possible_count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (s->possible[mid].start_ns <= op->return_ns)
      low = mid + 1;
    else
      high = mid;
  }
  return low > 0 && s->latest_end_ns[low - 1] >= op->call_ns;
}

static void find_unexplained(sweep *s, const event *begin, const event *end) {
  qsort(s->possible, s->possible_count, sizeof *s->possible, by_start);
  for (size_t i = 0; i < s->possible_count; i++) {
    int64_t so_far = i ? s->latest_end_ns[i - 1] : INT64_MIN;
    s->latest_end_ns[i] = s->possible[i].end_ns > so_far ? s->possible[i].end_ns : so_far;
  }
  for (const event *e = begin; e < end; e++) {
    const pgr_op *op = pgr_history_at(s->history, e->op);
    if (op->kind != s->model.acquire) continue;
    if (op->outcome != PGR_OUTCOME_REFUSED && op->outcome != PGR_OUTCOME_REJECTED) continue;
    if (explained(s, op)) continue;
    if (s->out->unexplained++ == 0) s->out->unexplained_first = e->op;
  }
}

static pgr_code sweep_keys(sweep *s, const event *events, size_t count) {
  for (size_t i = 0; i < count;) {
    size_t j = i + 1;
    while (j < count && events[j].key == events[i].key)
      j++;
    pgr_code code = reserve(s, j - i);
    if (code) return code;
    gather(s, events + i, events + j);
    find_violations(s);
    find_contests(s);
    find_unexplained(s, events + i, events + j);
    i = j;
  }
  return PGR_OK;
}

pgr_code pgr_verify_ownership(const pgr_history *h, pgr_ownership_model model, pgr_ownership_report *out,
                              pgr_err *err) {
  *out = (pgr_ownership_report){0};
  size_t total = pgr_history_count(h), count = 0;
  event *events = pgr_calloc(total, sizeof *events);
  if (!events) return pgr_fail(err, PGR_ENOMEM, "out of memory while verifying %zu operations", total);
  for (size_t i = 0; i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (op->kind == model.acquire || op->kind == model.release)
      events[count++] = (event){op->key, op->call_ns, op->agent, i};
  }
  qsort(events, count, sizeof *events, by_key_agent_call);
  sweep s = {.history = h, .model = model, .out = out};
  pgr_code code = sweep_keys(&s, events, count);
  pgr_free(s.certain);
  pgr_free(s.possible);
  pgr_free(s.spans);
  pgr_free(s.broken_rounds);
  pgr_free(s.latest_end_ns);
  pgr_free(events);
  return code ? pgr_fail(err, code, "out of memory while verifying %zu operations", total) : PGR_OK;
}
