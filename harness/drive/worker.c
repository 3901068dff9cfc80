/* A worker: one loop, its pool, and the agents dealt to it. Everything here but the post to another worker's mailbox
 * touches this thread's objects alone. */
#include "race_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stdio.h>
#include <string.h>

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

/* What follows the operation that just ended, for the same agent: the next one in the scenario's order whose condition
 * holds. -1: nothing. */
static int next_operation(const pgr__race *race, uint8_t kind, uint8_t ok) {
  const pgr_scenario *s = race->options->scenario;
  for (int k = kind + 1; k < s->operation_count; k++) {
    const pgr_operation *o = &s->operations[k];
    if (o->when == PGR_WHEN_AFTER && ok >> o->after & 1) return k;
  }
  return -1;
}

static void on_done(pgr_agent *a, uint8_t kind, pgr_outcome outcome) {
  pgr__worker *w = (pgr__worker *)a->shared;
  pgr__contest *c = a->user;
  atomic_store_explicit(&w->ops, (long long)pgr_history_count(w->shared.history), memory_order_relaxed);
  if (outcome == PGR_OUTCOME_OK) c->ok[a->slot] |= (uint8_t)(1U << kind);
  if (c->phase == 0) {
    if (w->race->options->scenario->operations[kind].when == PGR_WHEN_START) {
      a->served = true;
      c->called_ns[a->slot] = a->first_call_ns;
    }
    int next = next_operation(w->race, kind, c->ok[a->slot]);
    if (next >= 0) {
      pgr_agent_begin(a, (uint8_t)next, pgr_now_ns() - a->shared->origin_ns);
      return;
    }
  }
  pgr__contest_arrive(c, w);
}

void pgr__worker_perform(pgr__worker *w, pgr__contest *c) {
  pgr__race *race = w->race;
  uint32_t contenders = c->contender_count;
  int phase = c->phase;
  int64_t round = c->round, released_ns = c->released_ns, key = race->options->scenario->key.first + round - 1;
  /* The last of ours to arrive may end the phase and hand the contest on: count ours first, touch it no more after. */
  uint32_t ours = 0;
  for (uint32_t i = 0; i < contenders; i++)
    ours += pgr__worker_of(race, c->members[i]) == w && pgr__takes_part(c, i);
  for (uint32_t i = 0; ours > 0; i++) {
    if (pgr__worker_of(race, c->members[i]) != w || !pgr__takes_part(c, i)) continue;
    ours--;
    pgr_agent *a = &race->agents[c->members[i]];
    a->user = c;
    pgr_code code = phase == 0 ? pgr_agent_enter(a, key, round, i + 1) : PGR_OK;
    if (code) {
      pgr__race_fault(race, code, "out of memory");
      return;
    }
    pgr_agent_begin(a, phase == 0 ? race->starts[i % (uint32_t)race->start_count] : race->ends[phase - 1], released_ns);
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
                                 .strategy = o->strategy,
                                 .protocol = o->protocol,
                                 .tally = &w->tally,
                                 .defines = o->defines,
                                 .define_count = o->define_count,
                                 .max_tries = o->max_tries,
                                 .gap_ns = o->gap_ns,
                                 .agents = o->agents,
                                 .contenders = o->contenders,
                                 .seed = o->seed,
                                 .done = on_done,
                                 .fault = on_fault};
  memcpy(w->shared.statement_base, race->session.base, sizeof race->session.base);
  pgr_buf_init(&w->shared.scratch, 0);
  w->shared.history = pgr_history_create(SIZE_MAX); /* the main thread ends the race at max_ops */
  if (!w->shared.history) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = pgr_loop_create(&w->shared.loop, err);
  if (code) return code;
  return pgr_pool_create(w->shared.loop, target, (int)connections, &race->session.session,
                         (pgr_pool_events){on_pool_ready, on_pool_failed, w}, &w->shared.pool, err);
}

void pgr__worker_deinit(pgr__worker *w) {
  pgr_loop_destroy(w->shared.loop);
  pgr_pool_destroy(w->shared.pool);
  pgr_history_destroy(w->shared.history);
  pgr_tally_deinit(&w->tally);
  pgr_trace_deinit(&w->trace);
  pgr_buf_deinit(&w->shared.scratch);
}
