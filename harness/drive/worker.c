/* A worker: one loop, its pool, and the agents dealt to it. Everything here but the post to another worker's mailbox
 * touches this thread's objects alone. */
#include "race_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stdio.h>

pgr__worker *pgr__worker_of(pgr__race *race, uint32_t agent) {
  return &race->workers[agent % race->options->threads];
}

static void on_pool_ready(pgr_pool *p, void *user) {
  (void)p;
  pgr__worker *w = user;
  atomic_fetch_add(&w->race->pools_ready, 1);
  pgr__race_wake(w->race);
}

static void on_pool_failed(pgr_pool *p, const char *why, void *user) {
  (void)p;
  pgr__worker *w = user;
  char text[480];
  bool at_start = atomic_load(&w->race->pools_ready) < w->race->options->threads;
  snprintf(text, sizeof text,
           at_start ? "cannot open %u connections: %.300s; use fewer --connections"
                    : "%u connections could not be kept: %.300s",
           w->race->options->connections, why);
  pgr__race_fault(w->race, PGR_EDATABASE, text);
}

static void on_fault(pgr_agent_shared *shared, pgr_code code) {
  pgr__worker *w = (pgr__worker *)shared;
  pgr__race_fault(w->race, code, "out of memory");
}

static void on_done(pgr_agent *a, uint8_t kind, pgr_outcome outcome) {
  pgr__worker *w = (pgr__worker *)a->shared;
  pgr__contest *c = a->user;
  atomic_store_explicit(&w->ops, (long long)pgr_history_count(w->shared.history), memory_order_relaxed);
  if (kind == w->race->claim) {
    a->served = true;
    c->called_ns[a->slot] = a->first_call_ns;
    if (outcome == PGR_OUTCOME_OK) {
      c->owns[a->slot] = true;
      pgr_agent_begin(a, w->race->reply, c->round, c->round, pgr_now_ns() - a->shared->origin_ns);
      return;
    }
  }
  pgr__contest_arrive(c, w);
}

void pgr__worker_perform(pgr__worker *w, pgr__contest *c) {
  pgr__race *race = w->race;
  bool claiming = c->phase == PGR__CLAIMING;
  uint32_t contenders = c->contender_count;
  int64_t round = c->round, released_ns = c->released_ns;
  /* The last of ours to arrive may end the phase and hand the contest on: count ours first, touch it no more after. */
  uint32_t ours = 0;
  for (uint32_t i = 0; i < contenders; i++)
    ours += pgr__worker_of(race, c->members[i]) == w && (claiming || c->owns[i]);
  for (uint32_t i = 0; ours > 0; i++) {
    if (pgr__worker_of(race, c->members[i]) != w || !(claiming || c->owns[i])) continue;
    ours--;
    pgr_agent *a = &race->agents[c->members[i]];
    a->user = c;
    if (claiming) pgr_agent_clear_trace(a);
    pgr_agent_begin(a, claiming ? race->claim : race->release, round, round, released_ns);
  }
}

static void on_open(pgr_message *m) {
  pgr__worker *w = (pgr__worker *)((char *)m - offsetof(pgr__worker, open));
  pgr_pool_open(w->shared.pool);
}

static void on_quit(pgr_message *m) {
  pgr__worker *w = (pgr__worker *)((char *)m - offsetof(pgr__worker, quit));
  pgr__race *race = w->race;
  w->shared.stopped = true;
  pgr_pool_close(w->shared.pool);
  for (uint32_t i = w->index; i < race->options->agents; i += race->options->threads)
    pgr_agent_abandon(&race->agents[i]);
  for (uint32_t i = 0; i < race->contest_count; i++)
    if (atomic_load_explicit(&race->contests[i].starved_on, memory_order_relaxed) == w)
      pgr_timer_cancel(w->shared.loop, &race->contests[i].starved);
  pgr_loop_finish(w->shared.loop);
}

pgr_code pgr__worker_init(pgr__worker *w, pgr__race *race, uint32_t index, const pgr_target *target,
                          uint32_t connections, pgr_err *err) {
  const pgr_race_options *o = race->options;
  w->race = race;
  w->index = index;
  w->open.deliver = on_open;
  w->quit.deliver = on_quit;
  atomic_init(&w->rounds, 0);
  atomic_init(&w->suspects, 0);
  atomic_init(&w->ops, 0);
  pgr_tally_init(&w->tally);
  w->shared = (pgr_agent_shared){.scenario = o->scenario,
                                 .tally = &w->tally,
                                 .retry = o->retry,
                                 .gap_ns = o->gap_ns,
                                 .done = on_done,
                                 .fault = on_fault};
  w->shared.history = pgr_history_create(SIZE_MAX); /* the main thread ends the race at max_ops */
  if (!w->shared.history) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = pgr_loop_create(&w->shared.loop, err);
  if (code) return code;
  return pgr_pool_create(w->shared.loop, target, (int)connections, race->statements,
                         o->scenario->operation_count * PGR_STEPS_MAX,
                         (pgr_pool_events){on_pool_ready, on_pool_failed, w}, &w->shared.pool, err);
}

void pgr__worker_deinit(pgr__worker *w) {
  pgr_loop_destroy(w->shared.loop);
  pgr_pool_destroy(w->shared.pool);
  pgr_history_destroy(w->shared.history);
  pgr_tally_deinit(&w->tally);
  pgr_trace_deinit(&w->trace);
}
