/* The main thread's part of a race: set up, make keys, watch, tear down, add up.
 *
 * Shut-down order: stopping is set → contests run out (or the grace period does) → `quit` closes what is on each loop →
 * join → merge. `quit` is the last message a worker gets: contests that could post have run out, or their agents were
 * told to stop; a late post finds the mailbox still there, for the loops are destroyed after every join. */
#include "race_internal.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { KEYS_AHEAD = 10000 };
static const int64_t GRACE_NS = 2 * PGR_NS_PER_S, TICK_NS = 100 * PGR_NS_PER_MS;

void pgr__race_wake(pgr__race *race) {
  uint64_t one = 1;
  ssize_t ignored = write(race->wake_fd, &one, sizeof one);
  (void)ignored;
}

void pgr__race_fault(pgr__race *race, pgr_code code, const char *why) {
  if (!atomic_exchange(&race->faulted, true)) {
    pgr_fail(&race->fault, code, "%s", why);
    atomic_store(&race->fault_reported, true);
  }
  atomic_store(&race->stopping, true);
  pgr__race_wake(race);
}

int64_t pgr__race_keys(const pgr__race *race) {
  const pgr_scenario *s = race->options->scenario;
  return s->key.last - s->key.first + 1;
}

static pgr_code make_keys(pgr__race *race, const pgr_race_watch *watch, pgr_err *err) {
  const pgr_race_options *o = race->options;
  int64_t made = atomic_load(&race->keys_made), upto = made + KEYS_AHEAD, first = o->scenario->key.first;
  if (o->rounds && upto > o->rounds) upto = o->rounds;
  if (upto > pgr__race_keys(race)) upto = pgr__race_keys(race);
  if (upto <= made) return PGR_OK;
  pgr_code code = watch->seed ? watch->seed(watch->user, first + made, first + upto - 1, err) : PGR_OK;
  if (!code) atomic_store(&race->keys_made, upto);
  return code;
}

static void sum_up(const pgr__race *race, pgr_race_progress *p) {
  p->rounds = p->suspects = 0;
  for (uint32_t t = 0; t < race->options->threads; t++) {
    p->rounds += atomic_load_explicit(&race->workers[t].rounds, memory_order_relaxed);
    p->suspects += atomic_load_explicit(&race->workers[t].suspects, memory_order_relaxed);
  }
  /* A round is suspected before it is over: as a person reads it, not in more rounds than there were. */
  if (p->suspects > p->rounds) p->suspects = p->rounds;
  if (!race->options->scenario->ownership.declared) p->suspects = -1;
}

static bool history_is_full(const pgr__race *race) {
  size_t ops = 0;
  for (uint32_t t = 0; t < race->options->threads; t++)
    ops += (size_t)atomic_load_explicit(&race->workers[t].ops, memory_order_relaxed);
  return ops >= race->options->max_ops;
}

/* One turn of waiting: for a worker's word, Ctrl-C, or the next tick. */
static pgr_code wait_turn(pgr__race *race, const pgr_race_watch *watch, bool heed_interrupt, pgr_err *err) {
  struct pollfd fds[2] = {{.fd = race->wake_fd, .events = POLLIN},
                          {.fd = heed_interrupt ? pgr_interrupt_fd() : -1, .events = POLLIN}};
  if (poll(fds, 2, (int)(TICK_NS / PGR_NS_PER_MS / 5)) < 0 && errno != EINTR)
    return pgr_fail(err, PGR_EENVIRONMENT, "poll: %s", strerror(errno));
  uint64_t count;
  ssize_t ignored = read(race->wake_fd, &count, sizeof count);
  (void)ignored;
  if (watch->check) {
    pgr_code code = watch->check(watch->user, err);
    if (code) return code;
  }
  if (!atomic_load(&race->fault_reported)) return PGR_OK;
  if (err) *err = race->fault;
  return race->fault.code;
}

static pgr_code connect_all(pgr__race *race, const pgr_race_watch *watch, pgr_err *err) {
  for (uint32_t t = 0; t < race->options->threads; t++)
    pgr_loop_post(race->workers[t].shared.loop, &race->workers[t].open);
  while (atomic_load(&race->pools_ready) < race->options->threads) {
    pgr_code code = wait_turn(race, watch, true, err);
    if (code) return code;
    if (pgr_interrupt_pending()) return PGR_EINTERRUPTED;
  }
  return PGR_OK;
}

/* Posted to a worker to let a contest begin. */
typedef struct opening {
  pgr_message message; /* first: deliver casts back */
  pgr__contest *contest;
  pgr__worker *worker;
} opening;

static void on_opening(pgr_message *m) {
  opening *o = (opening *)m;
  pgr__contest_open(o->contest, o->worker);
}

/* Lets every contest begin, then watches until the last one is over. */
static pgr_code run_contests(pgr__race *race, const pgr_race_watch *watch, opening *openings, pgr_race_result *out,
                             pgr_err *err) {
  int64_t origin_ns = pgr_now_ns(), stopped_ns = 0, ticked_ns = origin_ns;
  pgr_race_progress progress = {.rounds_planned = race->options->rounds};
  out->started_ns = origin_ns;
  for (uint32_t t = 0; t < race->options->threads; t++)
    race->workers[t].shared.origin_ns = origin_ns;
  race->deadline_ns = race->options->duration_ns;
  for (uint32_t i = 0; i < race->contest_count; i++) {
    pgr__worker *w = pgr__worker_of(race, i); /* dealt like agents */
    openings[i] = (opening){.message.deliver = on_opening, .contest = &race->contests[i], .worker = w};
    pgr_loop_post(w->shared.loop, &openings[i].message);
  }
  pgr_code code = PGR_OK;
  while (!code && atomic_load(&race->contests_live) > 0) {
    code = wait_turn(race, watch, stopped_ns == 0, err);
    int64_t now = pgr_now_ns();
    sum_up(race, &progress);
    if (pgr_interrupt_pending()) {
      out->interrupted = true;
      atomic_store(&race->stopping, true);
    }
    /* No new rounds, but those under way are finished: half a round in the history would accuse the innocent. */
    if (history_is_full(race) && !out->history_full && atomic_load(&race->contests_live) > 0) {
      out->history_full = true;
      atomic_store(&race->stopping, true);
    }
    if (atomic_load(&race->stopping) && !stopped_ns) stopped_ns = now;
    if (atomic_load(&race->fault_reported) || (stopped_ns && now - stopped_ns > GRACE_NS)) break;
    if (!code && !stopped_ns && atomic_load(&race->keys_made) - progress.rounds < KEYS_AHEAD / 2)
      code = make_keys(race, watch, err);
    if (code == PGR_EINTERRUPTED) code = PGR_OK;
    if (watch->progress && now - ticked_ns >= TICK_NS) {
      ticked_ns = now;
      progress.elapsed_ns = now - origin_ns;
      watch->progress(watch->user, &progress);
    }
  }
  out->elapsed_ns = pgr_now_ns() - origin_ns;
  sum_up(race, &progress);
  out->keys_used_up = !race->options->rounds && progress.rounds >= pgr__race_keys(race);
  /* A fault may have come after the last look at it, or while keys were made. */
  if (!code && atomic_load(&race->fault_reported)) {
    if (err) *err = race->fault;
    code = race->fault.code;
  }
  return code;
}

static pgr_code merge(pgr__race *race, pgr_race_result *out, pgr_err *err) {
  pgr_race_progress progress;
  sum_up(race, &progress);
  out->rounds = progress.rounds;
  pgr_code code = PGR_OK;
  for (uint32_t t = 0; !code && t < race->options->threads; t++) {
    pgr__worker *w = &race->workers[t];
    code = pgr_history_take(out->history, w->shared.history);
    if (!code) code = pgr_tally_merge(&out->tally, &w->tally);
    if (!code) code = pgr_trace_add(&out->trace, w->trace.steps, w->trace.count);
  }
  for (uint32_t i = 0; !code && race->contests && i < race->contest_count; i++)
    if (race->contests[i].under_way) code = pgr_rounds_add(&out->unfinished, race->contests[i].round);
  pgr_rounds_settle(&out->unfinished);
  for (uint32_t i = 0; i < race->options->agents; i++)
    out->served += race->agents[i].served;
  return code ? pgr_fail(err, code, "out of memory while adding up the results") : PGR_OK;
}

void pgr_race_contends(const pgr_scenario *s, bool *contends) {
  for (int k = 0; k < PGR_KINDS_MAX; k++)
    contends[k] = k < s->operation_count && s->operations[k].when == PGR_WHEN_START;
}

static void sort_operations(pgr__race *race) {
  const pgr_scenario *s = race->options->scenario;
  for (int k = 0; k < s->operation_count; k++) {
    switch (s->operations[k].when) {
    case PGR_WHEN_START: race->starts[race->start_count++] = (uint8_t)k; break;
    case PGR_WHEN_AFTER: break;
    case PGR_WHEN_END: race->ends[race->end_count++] = (uint8_t)k; break;
    }
  }
}

static pgr_code set_up(pgr__race *race, const pgr_target *target, uint32_t *initialised, pgr_err *err) {
  const pgr_race_options *o = race->options;
  race->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (race->wake_fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an eventfd: %s", strerror(errno));
  race->agents = pgr_calloc(o->agents, sizeof *race->agents);
  race->workers = pgr_calloc_aligned(PGR__CACHE_LINE, o->threads, sizeof *race->workers);
  if (!race->agents || !race->workers ||
      pgr_cell_session_make(&race->session, o->scenario, o->strategy, o->isolation, o->protocol, ""))
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  sort_operations(race);
  for (uint32_t t = 0; t < o->threads; t++) {
    uint32_t share = o->connections / o->threads + (t < o->connections % o->threads);
    pgr_code code = pgr__worker_init(&race->workers[t], race, t, target, share, err);
    *initialised = t + 1;
    if (code) return code;
  }
  for (uint32_t i = 0; i < o->agents; i++)
    if (pgr_agent_init(&race->agents[i], &pgr__worker_of(race, i)->shared, i + 1))
      return pgr_fail(err, PGR_ENOMEM, "out of memory");
  return pgr__contests_create(race) ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

pgr_code pgr_race_run(const pgr_race_options *options, const pgr_target *target, const pgr_race_watch *watch,
                      pgr_race_result *out, pgr_err *err) {
  pgr__race race = {.options = options, .wake_fd = -1};
  assert(options->threads >= 1 && options->connections >= options->threads && options->contenders >= 2 &&
         options->agents >= options->contenders);
  uint32_t initialised = 0, started = 0;
  opening *openings = NULL;
  *out = (pgr_race_result){.history = pgr_history_create(SIZE_MAX)};
  pgr_code code = out->history ? set_up(&race, target, &initialised, err) : pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code && !(openings = pgr_calloc(race.contest_count, sizeof *openings)))
    code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code) code = make_keys(&race, watch, err);
  for (; !code && started < options->threads; started++) {
    char name[32];
    snprintf(name, sizeof name, "agents-%u", started);
    code = pgr_loop_start(race.workers[started].shared.loop, name, err);
    if (code) break;
  }
  if (!code) code = connect_all(&race, watch, err);
  if (!code) code = run_contests(&race, watch, openings, out, err);
  if (code == PGR_EINTERRUPTED) {
    out->interrupted = true;
    code = PGR_OK;
  }
  out->complete = !code && !out->interrupted && !out->history_full && !out->keys_used_up && started == options->threads;
  atomic_store(&race.stopping, true);
  for (uint32_t t = 0; t < initialised; t++) {
    pgr__worker *w = &race.workers[t];
    if (!w->shared.loop) continue;
    if (t < started)
      pgr_loop_post(w->shared.loop, &w->quit);
    else
      pgr_loop_finish(w->shared.loop);
  }
  for (uint32_t t = 0; t < initialised; t++)
    if (race.workers[t].shared.loop) pgr_loop_join(race.workers[t].shared.loop);
  if (initialised == options->threads && race.agents) {
    pgr_err merge_err;
    pgr_code merged = merge(&race, out, &merge_err);
    if (merged && !code) code = pgr_fail(err, merged, "%s", merge_err.msg);
  }
  for (uint32_t t = 0; t < initialised; t++)
    pgr__worker_deinit(&race.workers[t]);
  pgr__contests_destroy(&race);
  pgr_free(openings);
  for (uint32_t i = 0; race.agents && i < options->agents; i++)
    pgr_agent_deinit(&race.agents[i]);
  pgr_free(race.agents);
  pgr_cell_session_deinit(&race.session);
  pgr_free(race.workers);
  if (race.wake_fd >= 0) close(race.wake_fd);
  return code;
}

void pgr_race_result_deinit(pgr_race_result *r) {
  pgr_history_destroy(r->history);
  pgr_tally_deinit(&r->tally);
  pgr_trace_deinit(&r->trace);
  pgr_rounds_deinit(&r->unfinished);
  *r = (pgr_race_result){0};
}
