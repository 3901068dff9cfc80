/* The main thread's part of a load: set up, watch, verify, tear down, add up.
 *
 * Shut-down order: the window closes on each worker by its own clock, or `quit` closes it → transactions under way end,
 * or the grace period does → `quit` closes what is on each loop → join → what is left is verified, and all is added up.
 */
#include "load_internal.h"

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

static const int64_t DRAIN_NS = 10 * PGR_NS_PER_S, INTERRUPTED_NS = 2 * PGR_NS_PER_S, TICK_NS = 100 * PGR_NS_PER_MS;
static const int64_t COLLECT_NS = 250 * PGR_NS_PER_MS;
enum { TURN_MS = 50 };

void pgr__load_wake(pgr__load *load) {
  uint64_t one = 1;
  ssize_t ignored = write(load->wake_fd, &one, sizeof one);
  (void)ignored;
}

void pgr__load_fault(pgr__load *load, pgr_code code, const char *why) {
  if (!atomic_exchange(&load->faulted, true)) {
    pgr_fail(&load->fault, code, "%s", why);
    atomic_store(&load->fault_reported, true);
  }
  pgr__load_wake(load);
}

/* One turn of waiting: for a worker's word, Ctrl-C, or the next tick. */
static pgr_code wait_turn(pgr__load *load, const pgr_load_watch *watch, bool heed_interrupt, pgr_err *err) {
  struct pollfd fds[2] = {{.fd = load->wake_fd, .events = POLLIN},
                          {.fd = heed_interrupt ? pgr_interrupt_fd() : -1, .events = POLLIN}};
  if (poll(fds, 2, TURN_MS) < 0 && errno != EINTR) return pgr_fail(err, PGR_EENVIRONMENT, "poll: %s", strerror(errno));
  uint64_t count;
  ssize_t ignored = read(load->wake_fd, &count, sizeof count);
  (void)ignored;
  if (watch->check) {
    pgr_code code = watch->check(watch->user, err);
    if (code) return code;
  }
  if (!atomic_load(&load->fault_reported)) return PGR_OK;
  if (err) *err = load->fault;
  return load->fault.code;
}

static void post_all(pgr__load *load, size_t message_offset) {
  for (uint32_t t = 0; t < load->options->threads; t++)
    pgr_loop_post(load->workers[t].shared.loop, (pgr_message *)(void *)((char *)&load->workers[t] + message_offset));
}

static pgr_code connect_all(pgr__load *load, const pgr_load_watch *watch, pgr_measure *out, pgr_err *err) {
  int64_t begun_ns = pgr_now_ns();
  post_all(load, offsetof(pgr__load_worker, open));
  while (atomic_load(&load->pools_ready) < load->options->threads) {
    pgr_code code = wait_turn(load, watch, true, err);
    if (code) return code;
    if (pgr_interrupt_pending()) return PGR_EINTERRUPTED;
  }
  out->connect_ns = pgr_now_ns() - begun_ns;
  return PGR_OK;
}

/* ---- verifying ---- */

/* Everybody has handed over what they had. The last one to be taken brings the time up to which all is known. */
static pgr_code verify_collected(pgr__load *load, int64_t *upto_ns) {
  int64_t known_ns = INT64_MAX;
  uint32_t threads = load->options->threads;
  for (uint32_t t = 0; t < threads; t++)
    if (load->workers[t].upto_ns < known_ns) known_ns = load->workers[t].upto_ns;
  if (known_ns < *upto_ns) known_ns = *upto_ns;
  pgr_code code = PGR_OK;
  for (uint32_t t = 0; !code && t < threads; t++)
    code = pgr_follow_take(load->follow, load->workers[t].outgoing, t + 1 == threads ? known_ns : *upto_ns,
                           &load->follow_err);
  *upto_ns = known_ns;
  return code;
}

/* When it begins to cost more memory than it may, the load goes on without it. */
typedef struct verifying {
  int64_t upto_ns, asked_ns;
  bool asked, limited;
} verifying;

static pgr_code go_on_verifying(pgr__load *load, verifying *v, pgr_err *err) {
  if (!load->follow || v->limited) return PGR_OK;
  int64_t now = pgr_now_ns();
  if (!v->asked) {
    if (now - v->asked_ns < COLLECT_NS) return PGR_OK;
    for (uint32_t t = 0; t < load->options->threads; t++)
      atomic_store(&load->workers[t].collected, false);
    v->asked = true;
    v->asked_ns = now;
    post_all(load, offsetof(pgr__load_worker, collect));
    return PGR_OK;
  }
  for (uint32_t t = 0; t < load->options->threads; t++)
    if (!atomic_load(&load->workers[t].collected)) return PGR_OK;
  v->asked = false;
  pgr_code code = verify_collected(load, &v->upto_ns);
  if (code == PGR_ELIMIT) { /* what they go on writing down is dropped */
    v->limited = true;
    atomic_store(&load->unverified, true);
    post_all(load, offsetof(pgr__load_worker, collect));
    return PGR_OK;
  }
  if (code && err) *err = load->follow_err;
  return code;
}

/* After the join. */
static pgr_code end_verifying(pgr__load *load, verifying *v, pgr_measure *out, pgr_follow_report *stories,
                              pgr_err *err) {
  pgr_follow_report r;
  pgr_code code = PGR_OK;
  if (!load->follow) return PGR_OK;
  for (uint32_t t = 0; !code && !v->limited && t < load->options->threads; t++) {
    code = pgr_follow_take(load->follow, load->workers[t].outgoing, v->upto_ns, err);
    if (!code) code = pgr_follow_take(load->follow, load->workers[t].shared.history, v->upto_ns, err);
  }
  if (!code && !v->limited) code = pgr_follow_finish(load->follow, err);
  v->limited |= code == PGR_ELIMIT;
  pgr_follow_total(load->follow, &r);
  out->verified = true;
  out->verify_limited = v->limited;
  out->duplicates = r.duplicates;
  out->unexplained = r.unexplained;
  out->verified_operations = r.operations;
  out->verify_kept_max = r.kept_max;
  if (stories) *stories = r;
  return code == PGR_ELIMIT ? PGR_OK : code;
}

/* ---- the phase ---- */

typedef struct phases {
  pgr_load_phase now;
  int64_t origin_ns, ticked_ns, over_ns; /* over_ns: since when nothing new begins; 0: not yet */
} phases;

static void enter(phases *p, const pgr_load_watch *watch, pgr_load_phase to) {
  p->now = to;
  if (watch->entered) watch->entered(watch->user, to);
}

static void tick(const pgr__load *load, phases *p, const pgr_load_watch *watch) {
  int64_t now = pgr_now_ns();
  if (now - p->ticked_ns < TICK_NS) return;
  p->ticked_ns = now;
  if (watch->look && p->now != PGR_LOAD_DRAINING) watch->look(watch->user);
  if (!watch->progress) return;
  const pgr_load_options *o = load->options;
  pgr_load_progress progress = {.phase = p->now, .elapsed_ns = now - p->origin_ns};
  if (!o->transactions) progress.planned_ns = o->warmup_ns + o->duration_ns;
  for (uint32_t t = 0; t < o->threads; t++) {
    progress.transactions += atomic_load_explicit(&load->workers[t].ended, memory_order_relaxed);
    progress.errors += atomic_load_explicit(&load->workers[t].errors, memory_order_relaxed);
  }
  if (load->follow) {
    pgr_follow_report r;
    pgr_follow_total(load->follow, &r);
    progress.duplicates = r.duplicates;
  }
  watch->progress(watch->user, &progress);
}

/* Until nothing is under way any more, or for as long as that is waited for. */
static pgr_code run(pgr__load *load, const pgr_load_watch *watch, verifying *v, pgr_measure *out, pgr_err *err) {
  phases p = {.now = PGR_LOAD_CONNECTING};
  bool interrupted = false;
  enter(&p, watch, PGR_LOAD_WARMING); /* which may take its time */
  p.origin_ns = v->asked_ns = pgr_now_ns();
  for (uint32_t t = 0; t < load->options->threads; t++)
    load->workers[t].shared.origin_ns = p.origin_ns;
  post_all(load, offsetof(pgr__load_worker, begin));
  pgr_code code = PGR_OK;
  while (!code && atomic_load(&load->live) > 0) {
    code = wait_turn(load, watch, !interrupted, err);
    if (!code) code = go_on_verifying(load, v, err);
    if (p.now == PGR_LOAD_WARMING && atomic_load(&load->opened)) enter(&p, watch, PGR_LOAD_MEASURING);
    if (p.now == PGR_LOAD_MEASURING && atomic_load(&load->closed)) enter(&p, watch, PGR_LOAD_DRAINING);
    interrupted |= pgr_interrupt_pending();
    if (code == PGR_EINTERRUPTED) code = PGR_OK;
    if (!p.over_ns && (interrupted || atomic_load(&load->closed))) p.over_ns = pgr_now_ns();
    if (p.over_ns && pgr_now_ns() - p.over_ns > (interrupted ? INTERRUPTED_NS : DRAIN_NS)) break;
    if (interrupted && !atomic_load(&load->closed)) break;
    tick(load, &p, watch);
  }
  if (p.now == PGR_LOAD_WARMING && atomic_load(&load->opened)) enter(&p, watch, PGR_LOAD_MEASURING);
  if (p.now == PGR_LOAD_MEASURING) enter(&p, watch, PGR_LOAD_DRAINING);
  out->complete = !code && !interrupted;
  return code;
}

/* ---- adding up ---- */

static pgr_code merge_histogram(pgr_histogram **to, const pgr_histogram *from) {
  if (!from) return PGR_OK;
  if (!*to && !(*to = pgr_histogram_create())) return PGR_ENOMEM;
  return pgr_histogram_merge(*to, from);
}

static pgr_code add_up(const pgr__load *load, pgr_measure *out) {
  pgr_code code = PGR_OK;
  out->series.width_ns = PGR_NS_PER_S;
  for (uint32_t t = 0; !code && t < load->options->threads; t++) {
    const pgr__load_worker *w = &load->workers[t];
    code = pgr_tally_merge(&out->tally, &w->tally);
    if (!code) code = pgr_series_merge(&out->series, &w->series);
    if (!code) code = merge_histogram(&out->lag, w->lag);
    if (!code) code = merge_histogram(&out->loop_lag, w->loop_lag);
    out->transactions += w->transactions;
    out->begun += w->begun;
    out->unfinished += w->unfinished;
    out->errors += atomic_load(&w->errors);
    out->arrivals.due += w->figures.due;
    out->arrivals.late += w->figures.late;
    out->arrivals.shed += w->figures.shed;
    out->arrivals.unsent += w->figures.unsent;
    out->run_wait_ns = w->run_wait_ns < 0 || out->run_wait_ns < 0 ? -1 : out->run_wait_ns + w->run_wait_ns;
  }
  out->cpu_ns = load->cpu_ns;
  out->keys_used_up = atomic_load(&load->keys_used_up);
  out->complete &= !out->keys_used_up;
  return code;
}

/* ---- set up, tear down ---- */

static void sort_operations(pgr__load *load) {
  const pgr_load_options *o = load->options;
  for (int k = 0; k < o->scenario->operation_count; k++) {
    if (o->scenario->operations[k].when != PGR_WHEN_START) continue;
    load->starts[load->start_count++] = (uint8_t)k;
    if (o->weights) load->weight_sum += o->weights[k];
  }
}

static pgr_code set_up(pgr__load *load, const pgr_target *target, uint32_t *initialised, pgr_err *err) {
  const pgr_load_options *o = load->options;
  const pgr_ownership *owns = &o->scenario->ownership;
  load->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (load->wake_fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an eventfd: %s", strerror(errno));
  atomic_store(&load->live, o->threads);
  load->clients = pgr_calloc_aligned(PGR__LOAD_LINE, o->agents, sizeof *load->clients);
  load->workers = pgr_calloc_aligned(PGR__LOAD_LINE, o->threads, sizeof *load->workers);
  if (!load->clients || !load->workers ||
      pgr_cell_session_make(&load->session, o->scenario, o->strategy, o->isolation, o->protocol, ""))
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (o->verify && owns->declared) {
    const pgr_ownership_model model = {.acquire = owns->acquire, .release = owns->release, .capacity = owns->capacity};
    load->follow = pgr_follow_create(model, o->verify_max);
    if (!load->follow) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  sort_operations(load);
  for (uint32_t t = 0; t < o->threads; t++) {
    uint32_t share = o->connections / o->threads + (t < o->connections % o->threads);
    pgr_code code = pgr__load_worker_init(&load->workers[t], load, t, target, share, err);
    *initialised = t + 1;
    if (code) return code;
  }
  return PGR_OK;
}

static void join(pgr__load *load, uint32_t initialised, uint32_t started) {
  for (uint32_t t = 0; t < initialised; t++) {
    pgr__load_worker *w = &load->workers[t];
    if (!w->shared.loop) continue;
    if (t < started)
      pgr_loop_post(w->shared.loop, &w->quit);
    else
      pgr_loop_finish(w->shared.loop);
  }
  for (uint32_t t = 0; t < initialised; t++)
    if (load->workers[t].shared.loop) pgr_loop_join(load->workers[t].shared.loop);
}

static void tear_down(pgr__load *load, uint32_t initialised) {
  for (uint32_t t = 0; t < initialised; t++)
    pgr__load_worker_deinit(&load->workers[t]);
  for (uint32_t i = 0; load->clients && i < load->options->agents; i++)
    pgr_agent_deinit(&load->clients[i].agent);
  pgr_free(load->clients);
  pgr_cell_session_deinit(&load->session);
  pgr_free(load->workers);
  pgr_follow_destroy(load->follow);
  if (load->wake_fd >= 0) close(load->wake_fd);
}

/* As it was asked for, unless it was cut short or ends with the last transaction. */
static int64_t window_ns(const pgr__load *load) {
  const pgr_load_options *o = load->options;
  int64_t end_ns = 0;
  for (uint32_t t = 0; t < o->threads; t++)
    if (load->workers[t].stopped_ns > end_ns) end_ns = load->workers[t].stopped_ns;
  if (!o->transactions && end_ns > o->warmup_ns + o->duration_ns) end_ns = o->warmup_ns + o->duration_ns;
  return end_ns > o->warmup_ns ? end_ns - o->warmup_ns : 0;
}

/* What was cut off in the middle of a statement goes on in the server. */
static void tell_left(const pgr__load *load, const pgr_load_watch *watch) {
  for (uint32_t t = 0; watch->left && t < load->options->threads; t++)
    if (load->workers[t].left_count > 0) watch->left(watch->user, load->workers[t].left, load->workers[t].left_count);
}

pgr_code pgr_load_run(const pgr_load_options *options, const pgr_target *target, const pgr_load_watch *watch,
                      pgr_measure *out, pgr_follow_report *stories, pgr_err *err) {
  pgr__load load = {.options = options, .wake_fd = -1};
  assert(options->threads >= 1 && options->connections >= options->threads && options->agents >= options->connections &&
         (options->duration_ns > 0 || options->transactions > 0));
  uint32_t initialised = 0, started = 0;
  verifying v = {0};
  out->server_cpu_ns = -1;
  pgr_code code = set_up(&load, target, &initialised, err);
  for (; !code && started < initialised; started++) {
    char name[32];
    snprintf(name, sizeof name, "clients-%u", started);
    code = pgr_loop_start(load.workers[started].shared.loop, name, err);
    if (code) break;
  }
  if (watch->entered) watch->entered(watch->user, PGR_LOAD_CONNECTING);
  if (!code) code = connect_all(&load, watch, out, err);
  if (!code) code = run(&load, watch, &v, out, err);
  if (code == PGR_EINTERRUPTED) code = PGR_OK;
  join(&load, initialised, started);
  if (initialised == options->threads && started == options->threads) {
    pgr_err late;
    if (atomic_load(&load.opened)) out->window_ns = window_ns(&load);
    tell_left(&load, watch);
    pgr_code added = end_verifying(&load, &v, out, stories, &late);
    if (!added && add_up(&load, out)) added = pgr_fail(&late, PGR_ENOMEM, "out of memory while adding up the figures");
    if (added && !code) code = pgr_fail(err, added, "%s", late.msg);
  }
  tear_down(&load, initialised);
  return code;
}
