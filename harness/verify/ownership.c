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

/* Scratch for one key at a time; grows to the largest. */
typedef struct sweep {
  const pgr_history *history;
  pgr_ownership_model model;
  pgr_ownership_report *out;
  interval *certain, *possible;
  interval **longest; /* capacity + 1: see find_violations */
  int64_t *latest_end_ns;
  size_t certain_count, possible_count, cap;
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

static bool grow(void *array, size_t count, size_t size) {
  void **p = array;
  void *grown = pgr_realloc(*p, count, size);
  if (grown) *p = grown;
  return grown != NULL;
}

static pgr_code reserve(sweep *s, size_t count) {
  if (count <= s->cap) return PGR_OK;
  if (!grow(&s->certain, count, sizeof *s->certain) || !grow(&s->possible, count, sizeof *s->possible) ||
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
    bool ok = op->outcome == PGR_OUTCOME_OK;
    /* A try that was done again may have committed something before the statement that failed. */
    bool may_have = op->outcome == PGR_OUTCOME_UNKNOWN || op->outcome == PGR_OUTCOME_RETRIED;
    if (op->kind == s->model.release) {
      if (ok || may_have) certain_end_ns = op->call_ns;
      if (ok) possible_end_ns = op->return_ns;
      continue;
    }
    if (ok || may_have) s->possible[s->possible_count++] = (interval){op->call_ns, possible_end_ns, op->agent, e->op};
    if (ok && certain_end_ns > op->return_ns)
      s->certain[s->certain_count++] = (interval){op->return_ns, certain_end_ns, op->agent, e->op};
  }
}

static void gather(sweep *s, const event *begin, const event *end) {
  s->certain_count = s->possible_count = 0;
  s->first_kept = s->out->kept_count;
  while (begin < end) {
    const event *next = begin + 1;
    while (next < end && next->agent == begin->agent)
      next++;
    gather_agent(s, begin, next);
    begin = next;
  }
}

static pgr_code violate(sweep *s, const interval *first, const interval *second) {
  const pgr_op *op = pgr_history_at(s->history, second->op);
  pgr_code code = pgr_rounds_add(&s->out->broken, op->round);
  for (size_t i = s->first_kept; i < s->out->kept_count; i++)
    if (s->out->kept[i].round == op->round) return code;
  if (s->out->kept_count < PGR_VIOLATIONS_KEPT)
    s->out->kept[s->out->kept_count++] = (pgr_violation){op->key, op->round, first->op, second->op};
  return code;
}

/* Keeps `longest` the intervals of different agents that last longest, the longest first. Returns how many it holds. */
static size_t keep_longest(interval **longest, size_t count, size_t max, interval *now) {
  size_t at = 0, held = count;
  while (at < count && longest[at]->agent != now->agent)
    at++;
  if (at == count && count == max)
    at--; /* the shortest gives way, if it is shorter */
  else if (at == count)
    held++;
  if (at < count && longest[at]->end_ns >= now->end_ns) return held;
  for (; at > 0 && longest[at - 1]->end_ns < now->end_ns; at--)
    longest[at] = longest[at - 1];
  longest[at] = now;
  return held;
}

/* Of the intervals swept so far only those of `capacity` + 1 different agents that last longest can still matter: if
 * one that is left out is not over yet, neither are they, and at least `capacity` of them are other agents'. */
static pgr_code find_violations(sweep *s) {
  size_t max = (size_t)s->model.capacity + 1, kept = 0;
  pgr_code code = PGR_OK;
  qsort(s->certain, s->certain_count, sizeof *s->certain, by_start);
  for (size_t i = 0; !code && i < s->certain_count; i++) {
    interval *now = &s->certain[i];
    const interval *other = NULL;
    int64_t others = 0;
    for (size_t j = 0; j < kept && s->longest[j]->end_ns > now->start_ns; j++) {
      if (s->longest[j]->agent == now->agent) continue;
      if (!other) other = s->longest[j];
      others++;
    }
    if (other && others >= s->model.capacity) code = violate(s, other, now);
    kept = keep_longest(s->longest, kept, max, now);
  }
  return code;
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
    code = find_violations(s);
    if (code) return code;
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
  s.longest = pgr_calloc((size_t)model.capacity + 1, sizeof *s.longest);
  pgr_code code = s.longest ? sweep_keys(&s, events, count) : PGR_ENOMEM;
  pgr_rounds_settle(&out->broken);
  pgr_free(s.longest);
  pgr_free(s.certain);
  pgr_free(s.possible);
  pgr_free(s.latest_end_ns);
  pgr_free(events);
  return code ? pgr_fail(err, code, "out of memory while verifying %zu operations", total) : PGR_OK;
}

void pgr_ownership_report_deinit(pgr_ownership_report *r) {
  pgr_rounds_deinit(&r->broken);
}
