/* The ownership checker: sort by key, then sweep each key's intervals. Nothing here depends on how many keys, agents or
 * rounds there are: a history of one key is as good as one of a million.
 *
 * The invariant most easily broken: `certain` intervals may only be too short and `possible` ones only too long, so
 * that a reported violation is one whatever the truth between call and return was. */
#include "verify_internal.h"

#include "pgr_mem.h"
#include <stdlib.h>

int pgr__by_key_agent_call(const void *a, const void *b) {
  const pgr__event *x = a, *y = b;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  if (x->agent != y->agent) return x->agent < y->agent ? -1 : 1;
  if (x->call_ns != y->call_ns) return x->call_ns < y->call_ns ? -1 : 1;
  return (x->op > y->op) - (x->op < y->op);
}

static int by_start(const void *a, const void *b) {
  const pgr__interval *x = a, *y = b;
  if (x->start_ns != y->start_ns) return x->start_ns < y->start_ns ? -1 : 1;
  return (x->op > y->op) - (x->op < y->op);
}

/* A try that was done again may have committed something before the statement that failed. */
bool pgr__may_have_happened(const pgr_op *op) {
  return op->outcome == PGR_OUTCOME_OK || op->outcome == PGR_OUTCOME_UNKNOWN || op->outcome == PGR_OUTCOME_RETRIED;
}

bool pgr__is_refusal(const pgr_op *acquire) {
  return acquire->outcome == PGR_OUTCOME_REFUSED || acquire->outcome == PGR_OUTCOME_REJECTED;
}

void pgr__ends_release(pgr__ends *ends, const pgr_op *release) {
  if (pgr__may_have_happened(release)) ends->certain_ns = release->call_ns;
  if (release->outcome == PGR_OUTCOME_OK) ends->possible_ns = release->return_ns;
}

/* ---- the sweep of one key ---- */

pgr_code pgr__sweep_init(pgr__sweep *s, int64_t capacity) {
  *s = (pgr__sweep){.capacity = capacity};
  s->longest = pgr_calloc((size_t)capacity + 1, sizeof *s->longest);
  return s->longest ? PGR_OK : PGR_ENOMEM;
}

void pgr__sweep_deinit(pgr__sweep *s) {
  pgr_free(s->longest);
  pgr_free(s->certain);
  pgr_free(s->possible);
  pgr_free(s->latest_end_ns);
  *s = (pgr__sweep){0};
}

static bool grow(void *array, size_t count, size_t size) {
  void **p = array;
  void *grown = pgr_realloc(*p, count, size);
  if (grown) *p = grown;
  return grown != NULL;
}

pgr_code pgr__sweep_reserve(pgr__sweep *s, size_t count) {
  if (count <= s->cap) return PGR_OK;
  if (!grow(&s->certain, count, sizeof *s->certain) || !grow(&s->possible, count, sizeof *s->possible) ||
      !grow(&s->latest_end_ns, count, sizeof *s->latest_end_ns))
    return PGR_ENOMEM;
  s->cap = count;
  return PGR_OK;
}

void pgr__sweep_begin(pgr__sweep *s) {
  s->certain_count = s->possible_count = s->longest_count = 0;
}

void pgr__sweep_acquire(pgr__sweep *s, const pgr_op *acquire, size_t op, pgr__ends ends) {
  if (!pgr__may_have_happened(acquire)) return;
  s->possible[s->possible_count++] = (pgr__interval){acquire->call_ns, ends.possible_ns, acquire->agent, op};
  if (acquire->outcome == PGR_OUTCOME_OK && ends.certain_ns > acquire->return_ns)
    s->certain[s->certain_count++] = (pgr__interval){acquire->return_ns, ends.certain_ns, acquire->agent, op};
}

void pgr__sweep_sort(pgr__sweep *s) {
  qsort(s->certain, s->certain_count, sizeof *s->certain, by_start);
  qsort(s->possible, s->possible_count, sizeof *s->possible, by_start);
  for (size_t i = 0; i < s->possible_count; i++) {
    int64_t so_far = i ? s->latest_end_ns[i - 1] : INT64_MIN;
    s->latest_end_ns[i] = s->possible[i].end_ns > so_far ? s->possible[i].end_ns : so_far;
  }
}

/* Keeps `longest` the intervals of different agents that last longest, the longest first. */
static void keep_longest(pgr__sweep *s, const pgr__interval *now) {
  pgr__interval *longest = s->longest;
  size_t at = 0, count = s->longest_count;
  while (at < count && longest[at].agent != now->agent)
    at++;
  if (at == count && count == (size_t)s->capacity + 1)
    at--; /* the shortest gives way, if it is shorter */
  else if (at == count)
    s->longest_count++;
  if (at < count && longest[at].end_ns >= now->end_ns) return;
  for (; at > 0 && longest[at - 1].end_ns < now->end_ns; at--)
    longest[at] = longest[at - 1];
  longest[at] = *now;
}

/* Of the intervals swept so far only those of `capacity` + 1 different agents that last longest can still matter: if
 * one that is left out is not over yet, neither are they, and at least `capacity` of them are other agents'. */
bool pgr__sweep_own(pgr__sweep *s, const pgr__interval *now, pgr__interval *other) {
  int64_t others = 0;
  for (size_t j = 0; j < s->longest_count && s->longest[j].end_ns > now->start_ns; j++) {
    if (s->longest[j].agent == now->agent) continue;
    if (others++ == 0) *other = s->longest[j];
  }
  keep_longest(s, now);
  return others > 0 && others >= s->capacity;
}

bool pgr__sweep_explains(const pgr__sweep *s, const pgr_op *refusal) {
  size_t low = 0, high = s->possible_count;
  while (low < high) {
    size_t mid = low + (high - low) / 2;
    if (s->possible[mid].start_ns <= refusal->return_ns)
      low = mid + 1;
    else
      high = mid;
  }
  return low > 0 && s->latest_end_ns[low - 1] >= refusal->call_ns;
}

/* ---- a whole history ---- */

typedef struct checker {
  const pgr_history *history;
  pgr_ownership_model model;
  pgr_ownership_report *out;
  pgr__sweep sweep;  /* scratch, grows to the largest key */
  size_t first_kept; /* of this key, in out->kept */
} checker;

/* One agent's events of one key, backwards: what ends an ownership is the next release after its acquire. */
static void gather_agent(checker *c, const pgr__event *begin, const pgr__event *end) {
  pgr__ends ends = PGR__ENDS_NEVER;
  for (const pgr__event *e = end; e-- > begin;) {
    const pgr_op *op = pgr_history_at(c->history, e->op);
    if (op->kind == c->model.release)
      pgr__ends_release(&ends, op);
    else
      pgr__sweep_acquire(&c->sweep, op, e->op, ends);
  }
}

static void gather(checker *c, const pgr__event *begin, const pgr__event *end) {
  pgr__sweep_begin(&c->sweep);
  c->first_kept = c->out->kept_count;
  while (begin < end) {
    const pgr__event *next = begin + 1;
    while (next < end && next->agent == begin->agent)
      next++;
    gather_agent(c, begin, next);
    begin = next;
  }
  pgr__sweep_sort(&c->sweep);
}

static pgr_code violate(checker *c, size_t first, size_t second) {
  const pgr_op *op = pgr_history_at(c->history, second);
  pgr_code code = pgr_rounds_add(&c->out->broken, op->round);
  for (size_t i = c->first_kept; i < c->out->kept_count; i++)
    if (c->out->kept[i].round == op->round) return code;
  if (c->out->kept_count < PGR_VIOLATIONS_KEPT)
    c->out->kept[c->out->kept_count++] = (pgr_violation){op->key, op->round, first, second};
  return code;
}

static pgr_code find_violations(checker *c) {
  pgr__sweep *s = &c->sweep;
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < s->certain_count; i++) {
    pgr__interval other;
    if (pgr__sweep_own(s, &s->certain[i], &other)) code = violate(c, other.op, s->certain[i].op);
  }
  return code;
}

static void find_unexplained(checker *c, const pgr__event *begin, const pgr__event *end) {
  for (const pgr__event *e = begin; e < end; e++) {
    const pgr_op *op = pgr_history_at(c->history, e->op);
    if (op->kind != c->model.acquire || !pgr__is_refusal(op) || pgr__sweep_explains(&c->sweep, op)) continue;
    if (c->out->unexplained++ == 0) c->out->unexplained_first = e->op;
  }
}

static pgr_code sweep_keys(checker *c, const pgr__event *events, size_t count) {
  for (size_t i = 0; i < count;) {
    size_t j = i + 1;
    while (j < count && events[j].key == events[i].key)
      j++;
    pgr_code code = pgr__sweep_reserve(&c->sweep, j - i);
    if (code) return code;
    gather(c, events + i, events + j);
    code = find_violations(c);
    if (code) return code;
    find_unexplained(c, events + i, events + j);
    i = j;
  }
  return PGR_OK;
}

pgr_code pgr_verify_ownership(const pgr_history *h, pgr_ownership_model model, pgr_ownership_report *out,
                              pgr_err *err) {
  *out = (pgr_ownership_report){0};
  size_t total = pgr_history_count(h), count = 0;
  pgr__event *events = pgr_calloc(total, sizeof *events);
  if (!events) return pgr_fail(err, PGR_ENOMEM, "out of memory while verifying %zu operations", total);
  for (size_t i = 0; i < total; i++) {
    const pgr_op *op = pgr_history_at(h, i);
    if (op->kind == model.acquire || op->kind == model.release)
      events[count++] = (pgr__event){op->key, op->call_ns, op->agent, i};
  }
  qsort(events, count, sizeof *events, pgr__by_key_agent_call);
  checker c = {.history = h, .model = model, .out = out};
  pgr_code code = pgr__sweep_init(&c.sweep, model.capacity);
  if (!code) code = sweep_keys(&c, events, count);
  pgr_rounds_settle(&out->broken);
  pgr__sweep_deinit(&c.sweep);
  pgr_free(events);
  return code ? pgr_fail(err, code, "out of memory while verifying %zu operations", total) : PGR_OK;
}

void pgr_ownership_report_deinit(pgr_ownership_report *r) {
  pgr_rounds_deinit(&r->broken);
}
