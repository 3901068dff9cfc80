/* Exploring a cell: workers, each with a player in a room of its own, take walks from one search; the main thread
 * watches. When a schedule breaks, the first worker's player is used again, after the join, to make the witness small.
 *
 * Two flags end the workers: `enough` between two schedules, which leaves the players good, and `stop` in the middle of
 * one, after which they are good only to be closed. */
#include "explore_internal.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { PARTED_TRIES = 3, AGAIN_TRIES = 50 };
static const int64_t TICK_NS = 100 * PGR_NS_PER_MS, SECOND_JOB_AFTER_NS = 250 * PGR_NS_PER_MS,
                     WAIT_NS = 100 * PGR_NS_PER_US;

typedef struct exploring exploring;

typedef struct worker {
  exploring *x;
  int index;
  pthread_t thread;
  bool started;
  pgr_room room;
  pgr__player *player;
  int again; /* schedules in a row in which chance ended a deadlock */
} worker;

struct exploring {
  const pgr_explore_options *options;
  pgr__plan plan;
  pgr_search *search;
  worker workers[PGR_JOBS_MAX];
  atomic_bool enough, stop;
  pthread_mutex_t mutex; /* of all below */
  pthread_cond_t over;
  int running;
  pgr_code code; /* of the first worker that failed */
  pgr_err err;
  bool found;
  pgr__schedule schedule;
  pgr_explored *out;
  atomic_int parted; /* schedules so far that gave something else than before */
};

/* ---- a worker's thread ---- */

static void fail(exploring *x, pgr_code code, const pgr_err *err) {
  pthread_mutex_lock(&x->mutex);
  if (!x->code) {
    x->code = code;
    x->err = *err;
  }
  pthread_mutex_unlock(&x->mutex);
  atomic_store(&x->enough, true);
}

/* The schedule is broken: keeps the one with the fewest preemptions. Choices are still the walk's. */
static void keep(worker *w, pgr_walk *walk, const pgr__end *end, unsigned objection, int preemptions, uint32_t active) {
  exploring *x = w->x;
  const uint8_t *choices;
  size_t count = pgr_walk_choices(walk, &choices);
  pgr_search_totals totals;
  pgr_search_total(x->search, &totals);
  pthread_mutex_lock(&x->mutex);
  if (!x->found) x->out->found_after = totals.schedules + 1;
  if (!x->found || preemptions < x->schedule.preemptions) {
    x->schedule = (pgr__schedule){.count = count,
                                  .active = active,
                                  .operations = x->options->operations,
                                  .rule = objection == PGR_ORACLE_RULES ? end->broken_rule : -1,
                                  .oracle = objection,
                                  .preemptions = preemptions};
    memcpy(x->schedule.choices, choices, count);
  }
  x->found = true;
  pthread_mutex_unlock(&x->mutex);
  if (!x->options->keep_going) atomic_store(&x->enough, true);
}

/* too_often: it ends the exploration. */
static void note_parted(worker *w, size_t steps, bool too_often) {
  exploring *x = w->x;
  pthread_mutex_lock(&x->mutex);
  if (too_often && !*x->out->parted) {
    snprintf(x->out->parted, sizeof x->out->parted, "step %zu, %s", steps, pgr__player_last(w->player));
    atomic_store(&x->enough, true);
  }
  pthread_mutex_unlock(&x->mutex);
}

/* What kind of end it was, counted. */
static void note_end(worker *w, const pgr__end *end) {
  exploring *x = w->x;
  if (!end->unexplained && !end->cancelled) return;
  pthread_mutex_lock(&x->mutex);
  x->out->unexplained += end->unexplained;
  x->out->cancelled += end->cancelled;
  if (end->cancelled && !*x->out->cancelled_what)
    snprintf(x->out->cancelled_what, sizeof x->out->cancelled_what, "%s", pgr__player_last(w->player));
  pthread_mutex_unlock(&x->mutex);
}

/* A walk, its steps counted, and the choices among them that preempt. */
typedef struct counting {
  pgr_walk *walk;
  size_t steps;
  int last, preemptions;
} counting;

static int count_and_choose(void *user, uint32_t enabled) {
  counting *c = user;
  int choice = pgr_walk_choose(c->walk, enabled);
  if (choice >= 0) c->preemptions += c->last >= 0 && enabled >> c->last & 1 && choice != c->last;
  c->last = choice;
  return choice;
}

static bool count_did(void *user, const pgr_event *e) {
  counting *c = user;
  c->steps++;
  return pgr_walk_did(c->walk, e);
}

static pgr_code take_walk(worker *w, pgr_walk *walk, pgr_err *err) {
  exploring *x = w->x;
  counting c = {.walk = walk, .last = -1};
  pgr__chooser chooser = {count_and_choose, count_did, &c};
  pgr__end end;
  uint32_t active = (UINT32_C(1) << x->options->agents) - 1;
  pgr_walk_kind kind = pgr_walk_what(walk);
  pgr_code code = pgr__player_play(w->player, active, x->options->operations, &chooser, NULL, &end, err);
  if (code) {
    pgr_walk_abandon(walk);
    return code;
  }
  note_end(w, &end);
  if (end.how != PGR__PLAYED_AGAIN) w->again = 0;
  switch (end.how) {
  case PGR__PLAYED: break;
  case PGR__PLAYED_CUT: pgr_walk_finish(walk, NULL); return PGR_OK;
  case PGR__PLAYED_PART:
    note_parted(w, c.steps, atomic_fetch_add(&x->parted, 1) + 1 >= PARTED_TRIES);
    pgr_walk_abandon(walk);
    return PGR_OK;
  case PGR__PLAYED_AGAIN:
    note_parted(w, c.steps + 1, ++w->again >= AGAIN_TRIES);
    pgr_walk_abandon(walk);
    return PGR_OK;
  }
  unsigned asked = x->options->oracles;
  if (kind == PGR_WALK_SERIAL) asked &= PGR_ORACLE_RULES;
  unsigned objection = pgr__objection(asked, x->search, &end);
  if (objection) keep(w, walk, &end, objection, c.preemptions, active);
  pgr_walk_finish(walk,
                  &(pgr_walk_end){.outcome = pgr__outcome_for(x->options->oracles, &end), .broken = objection != 0});
  return PGR_OK;
}

static pgr_code work(worker *w, pgr_err *err) {
  exploring *x = w->x;
  pgr_code code = pgr__player_open(&x->plan, &w->room, w->index, &x->stop, &w->player, err);
  while (!code && !atomic_load(&x->enough)) {
    pgr_walk *walk = NULL;
    switch (pgr_search_next(x->search, &walk)) {
    case PGR_SEARCH_WALK: code = take_walk(w, walk, err); break;
    case PGR_SEARCH_WAIT: pgr_sleep_until(pgr_now_ns() + WAIT_NS); break;
    case PGR_SEARCH_OVER: return PGR_OK;
    }
  }
  return code;
}

static void *run_worker(void *arg) {
  worker *w = arg;
  exploring *x = w->x;
  pgr_err err = {0};
  pgr_code code = work(w, &err);
  if (code && code != PGR_EINTERRUPTED) fail(x, code, &err);
  pthread_mutex_lock(&x->mutex);
  x->running--;
  pthread_cond_signal(&x->over);
  pthread_mutex_unlock(&x->mutex);
  return NULL;
}

/* ---- the main thread ---- */

static pgr_stage stage_of(const exploring *x, const pgr_room *room) {
  const pgr_explore_options *o = x->options;
  return (pgr_stage){
      .db = room->db, .scenario = o->scenario, .agents = (uint32_t)o->agents, .contenders = (uint32_t)o->agents};
}

static pgr_code start_worker(exploring *x, const pgr_explore_watch *watch, int index, pgr_err *err) {
  worker *w = &x->workers[index];
  w->x = x;
  w->index = index;
  if (index > 0) {
    pgr_code code = watch->room(watch->user, index, &w->room, err);
    pgr_stage stage = stage_of(x, &w->room);
    if (!code) code = pgr__plan_ready(&x->plan, &stage, err);
    if (code) return code;
  }
  pthread_mutex_lock(&x->mutex);
  x->running++;
  pthread_mutex_unlock(&x->mutex);
  if (pthread_create(&w->thread, NULL, run_worker, w)) {
    pthread_mutex_lock(&x->mutex);
    x->running--;
    pthread_mutex_unlock(&x->mutex);
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot start a thread");
  }
  w->started = true;
  return PGR_OK;
}

/* Until a worker ends or a while has passed. How many still run. */
static int wait_a_while(exploring *x) {
  struct timespec until;
  clock_gettime(CLOCK_MONOTONIC, &until);
  until.tv_nsec += 20 * 1000000;
  if (until.tv_nsec >= 1000000000) {
    until.tv_sec++;
    until.tv_nsec -= 1000000000;
  }
  pthread_mutex_lock(&x->mutex);
  if (x->running > 0) pthread_cond_timedwait(&x->over, &x->mutex, &until);
  int running = x->running;
  pthread_mutex_unlock(&x->mutex);
  return running;
}

static void end_all(exploring *x) {
  atomic_store(&x->enough, true);
  atomic_store(&x->stop, true);
}

static pgr_code watch_workers(exploring *x, const pgr_explore_watch *watch, pgr_err *err) {
  const pgr_explore_options *o = x->options;
  int64_t began_ns = pgr_now_ns(), ticked_ns = began_ns;
  int jobs = 1, wanted = x->plan.sees_others ? 1 : o->jobs;
  pgr_code code = start_worker(x, watch, 0, err);
  while (wait_a_while(x) > 0) {
    int64_t now_ns = pgr_now_ns();
    if (pgr_interrupt_pending() && !atomic_load(&x->stop)) {
      x->out->interrupted = true;
      end_all(x);
    }
    if (o->duration_ns && now_ns - began_ns >= o->duration_ns && !atomic_load(&x->enough)) {
      x->out->timed_out = true;
      atomic_store(&x->enough, true);
    }
    if (!code && watch->check) code = watch->check(watch->user, err);
    if (!code && jobs < wanted && now_ns - began_ns >= SECOND_JOB_AFTER_NS && !atomic_load(&x->enough))
      code = start_worker(x, watch, jobs++, err);
    if (code) end_all(x);
    if (watch->progress && now_ns - ticked_ns >= TICK_NS) {
      pgr_explore_progress p = {.elapsed_ns = now_ns - began_ns};
      pgr_search_total(x->search, &p.totals);
      watch->progress(watch->user, &p);
      ticked_ns = now_ns;
    }
  }
  x->out->elapsed_ns = pgr_now_ns() - began_ns;
  return code;
}

static pgr_code join(exploring *x, pgr_code code, pgr_err *err) {
  for (int i = 0; i < PGR_JOBS_MAX; i++)
    if (x->workers[i].started) pthread_join(x->workers[i].thread, NULL);
  if (!code && x->code) {
    code = x->code;
    *err = x->err;
  }
  for (int i = 0; i < PGR_JOBS_MAX; i++)
    if (x->workers[i].player && pgr_tally_merge(&x->out->tally, pgr__player_tally(x->workers[i].player)) && !code)
      code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  return code;
}

static pgr_code explore(exploring *x, const pgr_explore_watch *watch, pgr_err *err) {
  const pgr_explore_options *o = x->options;
  pgr_explored *out = x->out;
  pgr_code code = watch->room(watch->user, 0, &x->workers[0].room, err);
  pgr_stage stage = stage_of(x, &x->workers[0].room);
  if (!code) code = pgr__plan_make(&x->plan, o, &stage, err);
  pgr_search_options so = {.agents = o->agents,
                           .reduce = o->reduce && o->bound < 0,
                           .bound = o->bound,
                           .limit = o->limit,
                           .random_depth = o->bound < 0 ? 3 : 0,
                           .seed = o->seed};
  if (!code) code = pgr_search_create(&so, &x->search, err);
  if (code) return code;
  code = watch_workers(x, watch, err);
  code = join(x, code, err);
  pgr_search_total(x->search, &out->totals);
  out->proved = !code && out->totals.exhausted && !out->totals.deep && o->bound < 0 && !out->cancelled &&
                !*out->parted && !out->interrupted;
  if (!code && x->found && !out->interrupted && x->workers[0].player) {
    pgr__interrupts interrupts;
    pgr__interrupts_begin(&interrupts, &x->stop);
    code = pgr__shrink(x->workers[0].player, &x->plan, x->search, &x->schedule, o->replays, &out->witness, err);
    pgr__interrupts_end(&interrupts);
    out->has_witness = code == PGR_OK;
    if (code == PGR_EINTERRUPTED) code = PGR_OK;
  }
  return code;
}

pgr_code pgr_explore_run(const pgr_explore_options *options, const pgr_explore_watch *watch, pgr_explored *out,
                         pgr_err *err) {
  *out = (pgr_explored){0};
  pgr_tally_init(&out->tally);
  exploring *x = pgr_calloc(1, sizeof *x);
  if (!x) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  x->options = options;
  x->out = out;
  pthread_condattr_t attr;
  pthread_condattr_init(&attr);
  pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
  pthread_cond_init(&x->over, &attr);
  pthread_condattr_destroy(&attr);
  pthread_mutex_init(&x->mutex, NULL);
  pgr_code code = explore(x, watch, err);
  if (code == PGR_EINTERRUPTED) {
    out->interrupted = true;
    code = PGR_OK;
  }
  for (int i = 0; i < PGR_JOBS_MAX; i++)
    pgr__player_close(x->workers[i].player);
  pgr_search_destroy(x->search);
  pgr__plan_deinit(&x->plan);
  pthread_cond_destroy(&x->over);
  pthread_mutex_destroy(&x->mutex);
  pgr_free(x);
  return code;
}

void pgr_explored_deinit(pgr_explored *e) {
  pgr_tally_deinit(&e->tally);
  pgr_witness_deinit(&e->witness);
}
