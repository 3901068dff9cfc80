/* A contest: rounds one after the other. No lock: `pending` is the barrier, and the thread that brings it to zero has
 * the contest to itself until it posts the next phase (the mailbox publishes what it wrote). */
#include "race_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stddef.h>

static const int64_t STARVED_NS = 2 * PGR_NS_PER_MS;

static void on_call(pgr_message *m) {
  pgr__call *call = (pgr__call *)m;
  if (call->worker->shared.stopped) return; /* it came behind `quit` */
  pgr__worker_perform(call->worker, call->contest);
}

static void on_fed(pgr_timer *t) {
  pgr__contest *c = (pgr__contest *)((char *)t - offsetof(pgr__contest, starved));
  pgr__worker *w = atomic_load_explicit(&c->starved_on, memory_order_relaxed);
  atomic_store_explicit(&c->starved_on, NULL, memory_order_relaxed);
  c->round -= c->race->contest_count;
  pgr__contest_open(c, w);
}

static pgr_code create(pgr__contest *c, pgr__race *race, uint32_t index, uint32_t first, uint32_t count) {
  const pgr_race_options *o = race->options;
  atomic_init(&c->pending, 0);
  c->race = race;
  c->index = index;
  c->first_member = first;
  c->member_count = count;
  c->contender_count = o->contenders;
  c->round = (int64_t)index + 1 - race->contest_count;
  c->starved.fire = on_fed;
  c->members = pgr_calloc(count, sizeof *c->members);
  c->ok = pgr_calloc(count, sizeof *c->ok);
  c->called_ns = pgr_calloc(count, sizeof *c->called_ns);
  c->calls = pgr_calloc(o->threads, sizeof *c->calls);
  if (!c->members || !c->ok || !c->called_ns || !c->calls) return PGR_ENOMEM;
  for (uint32_t t = 0; t < o->threads; t++)
    c->calls[t] = (pgr__call){.message.deliver = on_call, .contest = c, .worker = &race->workers[t]};
  return PGR_OK;
}

pgr_code pgr__contests_create(pgr__race *race) {
  const pgr_race_options *o = race->options;
  race->contest_count = o->agents / o->contenders;
  if (o->rounds && race->contest_count > o->rounds) race->contest_count = (uint32_t)o->rounds;
  race->contests = pgr_calloc_aligned(PGR__CACHE_LINE, race->contest_count, sizeof *race->contests);
  if (!race->contests) return PGR_ENOMEM;
  atomic_init(&race->contests_live, race->contest_count);
  for (uint32_t i = 0; i < race->contest_count; i++) {
    uint32_t first = (uint32_t)((uint64_t)o->agents * i / race->contest_count);
    uint32_t next = (uint32_t)((uint64_t)o->agents * (i + 1) / race->contest_count);
    pgr_code code = create(&race->contests[i], race, i, first, next - first);
    if (code) return code;
  }
  return PGR_OK;
}

void pgr__contests_destroy(pgr__race *race) {
  for (uint32_t i = 0; race->contests && i < race->contest_count; i++) {
    pgr__contest *c = &race->contests[i];
    pgr_free(c->members);
    pgr_free(c->ok);
    pgr_free(c->called_ns);
    pgr_free(c->calls);
  }
  pgr_free(race->contests);
}

/* The same seed and round draw the same contenders in the same order, whichever thread gets there when. */
static void draw(pgr__contest *c) {
  pgr_random r;
  pgr_random_init(&r, c->race->options->seed, UINT64_C(1) << 32 | (uint64_t)c->round);
  for (uint32_t i = 0; i < c->member_count; i++) {
    c->members[i] = c->first_member + i;
    c->ok[i] = 0;
  }
  pgr_random_choose(&r, c->members, c->member_count, c->contender_count);
  for (uint32_t i = 0; i < c->contender_count; i++)
    c->race->agents[c->members[i]].slot = i;
}

bool pgr__takes_part(const pgr__contest *c, uint32_t place) {
  if (c->phase == 0) return true;
  const pgr__race *race = c->race;
  int after = race->options->scenario->operations[race->ends[c->phase - 1]].after;
  return after < 0 ? place == 0 : c->ok[place] >> after & 1;
}

/* Lets the workers start the phase. From the first post on the contest is no longer ours. */
static void start(pgr__contest *c, uint32_t pending) {
  pgr__race *race = c->race;
  uint64_t needed[PGR_THREADS_MAX / 64] = {0};
  for (uint32_t i = 0; i < c->contender_count; i++) {
    if (!pgr__takes_part(c, i)) continue;
    uint32_t t = c->members[i] % race->options->threads;
    needed[t / 64] |= UINT64_C(1) << t % 64;
  }
  c->released_ns = pgr_now_ns() - race->workers[0].shared.origin_ns;
  atomic_store_explicit(&c->pending, pending, memory_order_relaxed);
  for (uint32_t t = 0; t < race->options->threads; t++)
    if (needed[t / 64] >> t % 64 & 1) pgr_loop_post(race->workers[t].shared.loop, &c->calls[t].message);
}

/* Starts the next phase that anybody takes part in. false: the round is over. */
static bool start_next_phase(pgr__contest *c) {
  while (c->phase < c->race->end_count) {
    uint32_t pending = 0;
    c->phase++;
    for (uint32_t i = 0; i < c->contender_count; i++)
      pending += pgr__takes_part(c, i);
    if (pending == 0) continue;
    start(c, pending);
    return true;
  }
  return false;
}

static bool over(const pgr__contest *c) {
  pgr__race *race = c->race;
  if (atomic_load(&race->stopping)) return true;
  if (race->options->rounds && c->round > race->options->rounds) return true;
  if (c->round > pgr__race_keys(race)) return true;
  return race->deadline_ns && pgr_now_ns() - race->workers[0].shared.origin_ns >= race->deadline_ns;
}

void pgr__contest_open(pgr__contest *c, pgr__worker *w) {
  pgr__race *race = c->race;
  c->round += race->contest_count;
  if (over(c)) {
    if (atomic_fetch_sub(&race->contests_live, 1) == 1) pgr__race_wake(race);
    return;
  }
  if (c->round > atomic_load(&race->keys_made)) {
    atomic_store_explicit(&c->starved_on, w, memory_order_relaxed);
    pgr_code code = pgr_timer_start(w->shared.loop, &c->starved, pgr_now_ns() + STARVED_NS);
    if (code) pgr__race_fault(race, code, "out of memory");
    return;
  }
  draw(c);
  c->phase = 0;
  c->under_way = true;
  start(c, c->contender_count);
}

static uint32_t count_owners(const pgr__contest *c) {
  const pgr_ownership *model = &c->race->options->scenario->ownership;
  uint32_t owners = 0;
  for (uint32_t i = 0; model->declared && i < c->contender_count; i++) {
    bool released = model->release >= 0 && c->ok[i] >> model->release & 1;
    owners += !released && c->ok[i] >> model->acquire & 1;
  }
  return owners;
}

/* Keeps the statements of those who were told yes when they are too many; else of everybody, as long as there is room
 * to spare: what the invariants will say of the round is not known yet. */
static pgr_code keep_statements(pgr__contest *c, pgr__worker *w, bool suspect) {
  const pgr_scenario *s = c->race->options->scenario;
  pgr_code code = PGR_OK;
  if (!suspect && (s->invariant_count == 0 || w->trace.count > PGR_TRACE_STEPS_MAX / 2)) return PGR_OK;
  for (uint32_t i = 0; !code && i < c->contender_count; i++) {
    const pgr_agent *a = &c->race->agents[c->members[i]];
    if (!suspect || c->ok[i] >> s->ownership.acquire & 1) code = pgr_trace_add(&w->trace, a->trace, a->trace_count);
  }
  return code;
}

/* Everyone has been told: count owners, measure the start, keep what may be told as a story. */
static void settle(pgr__contest *c, pgr__worker *w) {
  int64_t first_ns = INT64_MAX, last_ns = INT64_MIN;
  for (uint32_t i = 0; i < c->contender_count; i++) {
    if (c->called_ns[i] < first_ns) first_ns = c->called_ns[i];
    if (c->called_ns[i] > last_ns) last_ns = c->called_ns[i];
  }
  const pgr_ownership *model = &c->race->options->scenario->ownership;
  bool suspect = model->declared && count_owners(c) > model->capacity;
  pgr_code code = pgr_tally_record(&w->tally.start_skew, last_ns - first_ns);
  if (!code) code = keep_statements(c, w, suspect);
  if (code) pgr__race_fault(c->race, code, "out of memory");
  if (suspect) atomic_fetch_add_explicit(&w->suspects, 1, memory_order_relaxed);
}

void pgr__contest_arrive(pgr__contest *c, pgr__worker *w) {
  if (atomic_fetch_sub_explicit(&c->pending, 1, memory_order_acq_rel) != 1) return;
  if (c->phase == 0) settle(c, w);
  if (start_next_phase(c)) return;
  c->under_way = false;
  atomic_fetch_add_explicit(&w->rounds, 1, memory_order_relaxed);
  pgr__contest_open(c, w);
}
