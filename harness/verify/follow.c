/* The ownership checker for a run under way. What is given waits, in the order in which it came, until the watermark
 * has passed it: `waiting`. An acquire that is judged and may own on goes to `owners`, a hash table by key; of the rest
 * nothing is kept. Each take looks at the keys of what waits with a call before the watermark, and at no others.
 *
 * Why that is exact: an operation that was called before the watermark has all its rivals beside it. A release that is
 * not given yet ends nothing before the watermark, so that "for ever" is as good as its time; and all owners were
 * called before the releases that are still to be applied.
 *
 * The invariant most easily broken: a release is applied once, when the watermark passes its call. It then waits on
 * until its return is passed too, so that its key is looked at again when what it ended can be forgotten. */
#include "pgr_follow.h"

#include "pgr_mem.h"
#include "verify_internal.h"
#include <assert.h>
#include <stdlib.h>

enum { OWNERS_MIN = 1024, NO_OWNER = 0 };

typedef struct waiting {
  pgr_op op;
  pgr__ends ends; /* of an acquire, as far as releases were applied */
  bool settled;   /* goes at the end of the take */
} waiting;

typedef struct owner {
  pgr_op op;
  pgr__ends ends;
  size_t next; /* in its chain, or in the free list */
} owner;

struct pgr_follow {
  pgr_ownership_model model;
  size_t max_kept;
  int64_t upto_ns; /* the watermark: the highest so far */
  pgr_follow_report report;

  waiting *waiting;
  size_t waiting_count, waiting_cap;

  owner *owners;               /* [0] is nobody: NO_OWNER */
  size_t *chains;              /* owner_cap of them, by the hash of the key */
  size_t owner_cap;            /* 0 or a power of two */
  size_t owner_count, touched; /* now; slots ever used */
  size_t free_owner;

  pgr__event *events; /* scratch of a take */
  size_t event_cap;
  pgr__sweep sweep; /* scratch of a key */
};

pgr_follow *pgr_follow_create(pgr_ownership_model model, size_t max_kept) {
  pgr_follow *f = pgr_calloc(1, sizeof *f);
  if (!f) return NULL;
  f->model = model;
  f->max_kept = max_kept;
  f->upto_ns = INT64_MIN;
  if (pgr__sweep_init(&f->sweep, model.capacity)) {
    pgr_free(f);
    return NULL;
  }
  return f;
}

void pgr_follow_destroy(pgr_follow *f) {
  if (!f) return;
  pgr__sweep_deinit(&f->sweep);
  pgr_free(f->events);
  pgr_free(f->chains);
  pgr_free(f->owners);
  pgr_free(f->waiting);
  pgr_free(f);
}

/* ---- owners ---- */

/* Fibonacci hashing: keys are numbers close to each other. */
static size_t *chain_of(const pgr_follow *f, int64_t key) {
  return &f->chains[((uint64_t)key * UINT64_C(0x9E3779B97F4A7C15) >> 32) & (f->owner_cap - 1)];
}

static size_t skip_others(const pgr_follow *f, size_t at, int64_t key) {
  while (at != NO_OWNER && f->owners[at].op.key != key)
    at = f->owners[at].next;
  return at;
}

static size_t first_owner(const pgr_follow *f, int64_t key) {
  return skip_others(f, *chain_of(f, key), key);
}

static size_t next_owner(const pgr_follow *f, size_t at) {
  return skip_others(f, f->owners[at].next, f->owners[at].op.key);
}

/* Room for `more`. Errors: PGR_ENOMEM, nothing is lost. */
static pgr_code reserve_owners(pgr_follow *f, size_t more) {
  size_t need = f->owner_count + more + 1, cap = f->owner_cap ? f->owner_cap : OWNERS_MIN, old_cap = f->owner_cap;
  if (need <= old_cap) return PGR_OK;
  while (cap < need)
    cap *= 2;
  owner *owners = pgr_realloc(f->owners, cap, sizeof *owners);
  if (!owners) return PGR_ENOMEM;
  f->owners = owners;
  size_t *old = f->chains, *chains = pgr_calloc(cap, sizeof *chains);
  if (!chains) return PGR_ENOMEM;
  if (old_cap == 0) f->touched = 1;
  f->chains = chains;
  f->owner_cap = cap;
  for (size_t i = 0; i < old_cap; i++) {
    for (size_t at = old[i], next; at != NO_OWNER; at = next) {
      size_t *chain = chain_of(f, owners[at].op.key);
      next = owners[at].next;
      owners[at].next = *chain;
      *chain = at;
    }
  }
  pgr_free(old);
  return PGR_OK;
}

static bool owns_for_certain(const pgr_op *op, const pgr__ends *ends) {
  return op->outcome == PGR_OUTCOME_OK && ends->certain_ns == INT64_MAX;
}

/* Of an agent's ownerships of a key that end together one is kept, for certain if one is. Where nothing is ever given
 * back, of a key those of `capacity` + 1 certain owners (they decide for everybody else, and one is not counted against
 * itself), or else one that is possible. What has an end is about to be forgotten. There is room: reserve_owners. */
static void add_owner(pgr_follow *f, const waiting *acquire) {
  bool certain = owns_for_certain(&acquire->op, &acquire->ends), for_ever = f->model.release < 0;
  bool open = acquire->ends.possible_ns == INT64_MAX;
  int64_t owners = 0;
  for (size_t at = first_owner(f, acquire->op.key); open && at != NO_OWNER; at = next_owner(f, at)) {
    owner *o = &f->owners[at];
    if (o->ends.possible_ns != INT64_MAX) continue;
    bool o_certain = owns_for_certain(&o->op, &o->ends);
    owners++;
    bool together = o->op.agent == acquire->op.agent || (for_ever && !(certain && o_certain));
    if (!together) continue;
    if (certain && !o_certain) {
      o->op = acquire->op;
      o->ends = acquire->ends;
    }
    return;
  }
  if (for_ever && owners > f->model.capacity) return;
  size_t slot = f->free_owner, *chain = chain_of(f, acquire->op.key);
  if (slot != NO_OWNER)
    f->free_owner = f->owners[slot].next;
  else
    slot = f->touched++;
  f->owners[slot] = (owner){acquire->op, acquire->ends, *chain};
  *chain = slot;
  f->owner_count++;
}

/* Those who gave it back for certain before upto_ns: nothing that waits or is still to come can meet that. */
static void forget_owners(pgr_follow *f, int64_t key, int64_t upto_ns) {
  size_t *link = chain_of(f, key);
  while (*link != NO_OWNER) {
    size_t at = *link;
    owner *o = &f->owners[at];
    if (o->op.key != key || o->ends.possible_ns >= upto_ns) {
      link = &o->next;
      continue;
    }
    *link = o->next;
    o->next = f->free_owner;
    f->free_owner = at;
    f->owner_count--;
  }
}

/* ---- one key ---- */

/* Indices of owners, in the sweep, come after those of what waits. */
static const pgr_op *op_at(const pgr_follow *f, size_t op) {
  return op < f->waiting_count ? &f->waiting[op].op : &f->owners[op - f->waiting_count].op;
}

/* What had no end until now ends with the next release. */
static void apply(const pgr__ends *release, pgr__ends *ends) {
  if (ends->certain_ns == INT64_MAX) ends->certain_ns = release->certain_ns;
  if (ends->possible_ns == INT64_MAX) ends->possible_ns = release->possible_ns;
}

/* One agent's events of one key, backwards. */
static void gather_agent(pgr_follow *f, const pgr__event *begin, const pgr__event *end) {
  pgr__ends ends = PGR__ENDS_NEVER;
  for (const pgr__event *e = end; e-- > begin;) {
    waiting *w = &f->waiting[e->op];
    if (w->op.kind == f->model.release) {
      if (w->op.call_ns >= f->upto_ns) pgr__ends_release(&ends, &w->op);
      continue;
    }
    apply(&ends, &w->ends);
    pgr__sweep_acquire(&f->sweep, &w->op, e->op, w->ends);
  }
  if (ends.certain_ns == INT64_MAX) return;
  for (size_t at = first_owner(f, begin->key); at != NO_OWNER; at = next_owner(f, at))
    if (f->owners[at].op.agent == begin->agent) apply(&ends, &f->owners[at].ends);
}

/* Owners were told, and so had called, before all that waits was told. */
static void gather_owners(pgr_follow *f, int64_t key) {
  int64_t latest_ns = INT64_MIN;
  for (size_t at = first_owner(f, key); at != NO_OWNER; at = next_owner(f, at)) {
    const owner *o = &f->owners[at];
    pgr__interval now = {o->op.return_ns, o->ends.certain_ns, o->op.agent, f->waiting_count + at}, ignored;
    if (o->op.outcome == PGR_OUTCOME_OK) (void)pgr__sweep_own(&f->sweep, &now, &ignored);
    if (o->ends.possible_ns > latest_ns) latest_ns = o->ends.possible_ns;
  }
  if (latest_ns > INT64_MIN)
    f->sweep.possible[f->sweep.possible_count++] = (pgr__interval){.start_ns = INT64_MIN, .end_ns = latest_ns};
}

static void gather(pgr_follow *f, const pgr__event *begin, const pgr__event *end) {
  int64_t key = begin->key;
  pgr__sweep_begin(&f->sweep);
  while (begin < end) {
    const pgr__event *next = begin + 1;
    while (next < end && next->agent == begin->agent)
      next++;
    gather_agent(f, begin, next);
    begin = next;
  }
  gather_owners(f, key);
  pgr__sweep_sort(&f->sweep);
}

/* The first is the one that was told first, however the run is cut. */
static void note(uint64_t *counter, pgr_followed *first, const pgr_followed *now) {
  if ((*counter)++ == 0 || now->second.return_ns < first->second.return_ns) *first = *now;
}

static void judge_acquires(pgr_follow *f, int64_t upto_ns) {
  pgr__sweep *s = &f->sweep;
  for (size_t i = 0; i < s->certain_count && s->certain[i].start_ns < upto_ns; i++) {
    pgr__interval other;
    if (!pgr__sweep_own(s, &s->certain[i], &other)) continue;
    const pgr_followed now = {*op_at(f, other.op), *op_at(f, s->certain[i].op)};
    note(&f->report.duplicates, &f->report.violation, &now);
  }
}

/* One that is explained stays so; one that is not may be until the watermark has passed its return. */
static void settle_refusal(pgr_follow *f, waiting *w, int64_t upto_ns) {
  bool explained = pgr__sweep_explains(&f->sweep, &w->op);
  w->settled = explained || w->op.return_ns < upto_ns;
  if (!w->settled || explained) return;
  const pgr_followed now = {.second = w->op};
  note(&f->report.unexplained, &f->report.unexplained_first, &now);
}

static void settle_acquire(pgr_follow *f, waiting *w, int64_t upto_ns) {
  bool over = !pgr__may_have_happened(&w->op) || w->ends.possible_ns < upto_ns;
  w->settled = over || w->op.return_ns < upto_ns;
  if (w->settled && !over) add_owner(f, w);
}

static void settle_key(pgr_follow *f, const pgr__event *begin, const pgr__event *end, int64_t upto_ns) {
  gather(f, begin, end);
  judge_acquires(f, upto_ns);
  forget_owners(f, begin->key, upto_ns);
  for (const pgr__event *e = begin; e < end; e++) {
    waiting *w = &f->waiting[e->op];
    if (w->op.kind == f->model.release)
      w->settled = w->op.return_ns < upto_ns;
    else if (pgr__is_refusal(&w->op))
      settle_refusal(f, w, upto_ns);
    else
      settle_acquire(f, w, upto_ns);
  }
}

/* ---- a take ---- */

static pgr_code reserve_waiting(pgr_follow *f, size_t more) {
  size_t need = f->waiting_count + more;
  if (need <= f->waiting_cap) return PGR_OK;
  size_t cap = need > 2 * f->waiting_cap ? need : 2 * f->waiting_cap;
  waiting *grown = pgr_realloc(f->waiting, cap, sizeof *grown);
  if (!grown) return PGR_ENOMEM;
  f->waiting = grown;
  f->waiting_cap = cap;
  return PGR_OK;
}

/* All that settling `events` of them may need, so that it cannot fail halfway. One more: see gather_owners. */
static pgr_code reserve_settling(pgr_follow *f, size_t events) {
  if (events > f->event_cap) {
    pgr__event *grown = pgr_realloc(f->events, events, sizeof *grown);
    if (!grown) return PGR_ENOMEM;
    f->events = grown;
    f->event_cap = events;
  }
  pgr_code code = pgr__sweep_reserve(&f->sweep, events + 1);
  return code ? code : reserve_owners(f, events);
}

static void drop_settled(pgr_follow *f) {
  size_t left = 0;
  for (size_t i = 0; i < f->waiting_count; i++)
    if (!f->waiting[i].settled) f->waiting[left++] = f->waiting[i];
  f->report.operations += f->waiting_count - left;
  f->waiting_count = left;
}

/* Those that wait with a call before upto_ns, by key. */
static void collect_events(pgr_follow *f, int64_t upto_ns) {
  size_t count = 0;
  for (size_t i = 0; i < f->waiting_count; i++) {
    const pgr_op *op = &f->waiting[i].op;
    if (op->call_ns < upto_ns) f->events[count++] = (pgr__event){op->key, op->call_ns, op->agent, i};
  }
  qsort(f->events, count, sizeof *f->events, pgr__by_key_agent_call);
}

/* Errors: PGR_ENOMEM, nothing has changed. */
static pgr_code settle(pgr_follow *f, int64_t upto_ns) {
  size_t events = 0;
  for (size_t i = 0; i < f->waiting_count; i++)
    events += f->waiting[i].op.call_ns < upto_ns;
  if (events > 0) {
    pgr_code code = reserve_settling(f, events);
    if (code) return code;
    collect_events(f, upto_ns);
    for (size_t i = 0, j; i < events; i = j) {
      for (j = i + 1; j < events && f->events[j].key == f->events[i].key;)
        j++;
      settle_key(f, f->events + i, f->events + j, upto_ns);
    }
    drop_settled(f);
  }
  f->upto_ns = upto_ns;
  return PGR_OK;
}

/* Errors: PGR_ENOMEM, nothing has changed. */
static pgr_code take(pgr_follow *f, const pgr_history *from, int64_t upto_ns) {
  size_t before = f->waiting_count, given = pgr_history_count(from);
  pgr_code code = reserve_waiting(f, given);
  if (code) return code;
  for (size_t i = 0; i < given; i++) {
    const pgr_op *op = pgr_history_at(from, i);
    if (op->kind != f->model.acquire && op->kind != f->model.release) continue;
    assert(op->call_ns >= f->upto_ns); /* so it was promised */
    f->waiting[f->waiting_count++] = (waiting){.op = *op, .ends = PGR__ENDS_NEVER};
  }
  if (upto_ns > f->upto_ns) code = settle(f, upto_ns);
  if (code) f->waiting_count = before;
  return code;
}

pgr_code pgr_follow_take(pgr_follow *f, pgr_history *from, int64_t upto_ns, pgr_err *err) {
  if (take(f, from, upto_ns))
    return pgr_fail(err, PGR_ENOMEM, "out of memory while verifying %zu operations",
                    f->waiting_count + pgr_history_count(from));
  pgr_history_clear(from);
  size_t kept = f->waiting_count + f->owner_count;
  if (kept > f->max_kept)
    return pgr_fail(
        err, PGR_ELIMIT,
        "verifying ownership would have to keep more than %zu operations: make the run shorter, or its keys fewer",
        f->max_kept);
  f->report.kept = kept;
  if (kept > f->report.kept_max) f->report.kept_max = kept;
  return PGR_OK;
}

pgr_code pgr_follow_finish(pgr_follow *f, pgr_err *err) {
  if (settle(f, INT64_MAX))
    return pgr_fail(err, PGR_ENOMEM, "out of memory while verifying %zu operations", f->waiting_count);
  f->report.kept = f->waiting_count + f->owner_count;
  return PGR_OK;
}

void pgr_follow_total(const pgr_follow *f, pgr_follow_report *out) {
  *out = f->report;
}
