/* A worker: one loop, its pool, its clients. Everything here touches this thread's objects alone, but for the counters,
 * the draws of keys, and what is handed over to be verified.
 *
 * Invariants most easily broken: an operation may end before pgr_agent_begin returns, and with it the transaction, so
 * begin() never calls itself through a client's end; and nothing may begin once `stopping` is set. */
#include "load_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

static const int64_t BEAT_NS = 10 * PGR_NS_PER_MS;
/* Before the loop gets its turn: transactions without a wait, and arrivals. */
enum { AT_ONCE_MAX = 100, ARRIVALS_MAX = 1000 };

static int64_t now_ns(const pgr__load_worker *w) {
  return pgr_now_ns() - w->shared.origin_ns;
}

static void fault(pgr__load_worker *w, pgr_code code) {
  pgr__load_fault(w->load, code, "out of memory");
}

/* On the history's clock. */
static void start_timer(pgr__load_worker *w, pgr_timer *t, int64_t due_ns) {
  if (pgr_timer_start(w->shared.loop, t, w->shared.origin_ns + due_ns)) fault(w, PGR_ENOMEM);
}

static bool in_window(const pgr__load_worker *w, int64_t intended_ns) {
  return intended_ns >= w->shared.from_ns && intended_ns < w->shared.until_ns;
}

/* ---- how busy our own thread is ---- */

/* Time this thread was runnable without running; -1: the system does not say. */
static int64_t run_wait_ns(void) {
  long long ran, waited = -1;
  FILE *f = fopen("/proc/thread-self/schedstat", "re");
  if (!f) return -1;
  if (fscanf(f, "%lld %lld", &ran, &waited) != 2) waited = -1; /* NOLINT(cert-err34-c): the kernel's own format */
  fclose(f);
  return waited;
}

static int64_t process_cpu_ns(void) {
  struct rusage u;
  if (getrusage(RUSAGE_SELF, &u)) return 0;
  return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * PGR_NS_PER_S +
         (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * PGR_NS_PER_US;
}

/* Every beat that was missed counts: else a long stall would be one late beat among many. */
static void on_beat(pgr_timer *t) {
  pgr__load_worker *w = (pgr__load_worker *)((char *)t - offsetof(pgr__load_worker, beat));
  int64_t now = now_ns(w), due_ns = t->due_ns - w->shared.origin_ns;
  if (!w->beating) return;
  for (; due_ns <= now; due_ns += BEAT_NS)
    if (pgr_tally_record(&w->loop_lag, now - due_ns)) fault(w, PGR_ENOMEM);
  start_timer(w, t, due_ns);
}

static void open_window(pgr__load_worker *w) {
  w->run_wait_ns = run_wait_ns();
  w->beating = true;
  start_timer(w, &w->beat, now_ns(w) + BEAT_NS);
  if (w->index > 0) return;
  w->load->cpu_ns = process_cpu_ns();
  atomic_store(&w->load->opened, true);
  pgr__load_wake(w->load);
}

static void on_opens(pgr_timer *t) {
  open_window((pgr__load_worker *)((char *)t - offsetof(pgr__load_worker, opens)));
}

/* ---- the end ---- */

/* Says once that nothing of ours is under way any more. */
static void count_off(pgr__load_worker *w) {
  if (!w->stopping || w->busy > 0 || w->last_word) return;
  w->last_word = true;
  atomic_fetch_sub(&w->load->live, 1);
  pgr__load_wake(w->load);
}

/* Those that were due and that we did not even come to look at, for there were too many. */
static void count_unseen(pgr__load_worker *w) {
  const pgr_arrivals *a = &w->arrivals;
  int64_t from_ns = w->due_ns > w->shared.from_ns ? w->due_ns : w->shared.from_ns;
  int64_t upto_ns = w->stopped_ns < w->shared.until_ns ? w->stopped_ns : w->shared.until_ns;
  if (!w->load->options->open || from_ns >= upto_ns) return;
  double more = pgr_arrivals_expected(a, upto_ns) - pgr_arrivals_expected(a, from_ns);
  uint64_t unseen = (uint64_t)more + (from_ns == w->due_ns);
  w->figures.due += unseen;
  w->figures.unsent += unseen;
}

static void stop(pgr__load_worker *w) {
  if (w->stopping) return;
  int64_t waited_ns = run_wait_ns();
  w->stopping = true;
  w->stopped_ns = now_ns(w);
  w->beating = false;
  w->run_wait_ns = waited_ns < 0 || w->run_wait_ns < 0 ? -1 : waited_ns - w->run_wait_ns;
  pgr_timer_cancel(w->shared.loop, &w->due);
  pgr_timer_cancel(w->shared.loop, &w->beat);
  pgr_timer_cancel(w->shared.loop, &w->opens);
  for (size_t i = 0; i < w->queue.count; i++)
    w->figures.unsent += in_window(w, w->queue.at[(w->queue.first + i) & (w->queue.cap - 1)]);
  w->queue.count = 0;
  count_unseen(w);
  if (atomic_fetch_add(&w->load->stopped, 1) + 1 == w->load->options->threads) {
    w->load->cpu_ns = process_cpu_ns() - w->load->cpu_ns;
    atomic_store(&w->load->closed, true);
    pgr__load_wake(w->load);
  }
  count_off(w);
}

static void on_closes(pgr_timer *t) {
  stop((pgr__load_worker *)((char *)t - offsetof(pgr__load_worker, closes)));
}

/* ---- a transaction ---- */

static void begin(pgr__client *c, int64_t intended_ns);
static void next(pgr__client *c);

/* In turn, whoever it is: clients of an open loop are not all busy, and a key that is contended for once needs them
 * all. */
static uint8_t deal(pgr__load_worker *w) {
  const pgr__load *l = w->load;
  if (!l->options->weights) return l->starts[(w->index + w->dealt++) % (uint64_t)l->start_count];
  int64_t at = (int64_t)pgr_random_below(&w->random, (uint64_t)l->weight_sum);
  int i = 0;
  while (at >= l->options->weights[l->starts[i]])
    at -= l->options->weights[l->starts[i++]];
  return l->starts[i];
}

/* -1: none is left. */
static int64_t draw_key(pgr__load_worker *w) {
  const pgr_load_options *o = w->load->options;
  int64_t number = o->keys->o.spread == PGR_SPREAD_ONCE ? atomic_fetch_add(&w->load->draws, 1) : 0;
  int64_t drawn = pgr_keys_draw(o->keys, &w->random, number);
  return drawn < 0 ? -1 : o->first_key + drawn;
}

static void begin_once(pgr__client *c, int64_t intended_ns) {
  pgr__load_worker *w = c->worker;
  const pgr_load_options *o = w->load->options;
  int64_t key = draw_key(w);
  if (key < 0) {
    atomic_store(&w->load->keys_used_up, true);
    stop(w);
    return;
  }
  c->intended_ns = intended_ns;
  c->count++;
  c->ok = 0;
  c->ending = -1;
  c->failed = false;
  c->busy = true;
  w->busy++;
  if (o->open && in_window(w, intended_ns) && pgr_tally_record(&w->lag, now_ns(w) - intended_ns)) fault(w, PGR_ENOMEM);
  /* A round is a transaction: what it acquires is told apart from what others do. */
  int64_t round = (c->count - 1) * o->agents + c->index + 1;
  if (pgr_agent_enter(&c->agent, key, round, c->index + 1))
    fault(w, PGR_ENOMEM);
  else
    pgr_agent_begin(&c->agent, deal(w), intended_ns);
}

static bool has_done_its_share(const pgr__client *c) {
  int64_t transactions = c->worker->load->options->transactions;
  return transactions && c->count >= transactions;
}

/* Begins a transaction, and the next ones as long as each ends without a wait. */
static void begin(pgr__client *c, int64_t intended_ns) {
  pgr__load_worker *w = c->worker;
  int at_once = 0;
  c->inside = true;
  for (;;) {
    c->again = false;
    begin_once(c, intended_ns);
    if (!c->again || w->stopping || w->load->options->open || has_done_its_share(c) || ++at_once == AT_ONCE_MAX) break;
    intended_ns = now_ns(w);
  }
  c->inside = false;
  if (c->again) next(c);
}

static void take_arrival(pgr__client *c) {
  pgr__load_worker *w = c->worker;
  const int64_t max_lag_ns = w->load->options->max_lag_ns;
  while (w->queue.count > 0) {
    int64_t intended_ns = w->queue.at[w->queue.first];
    w->queue.first = (w->queue.first + 1) & (w->queue.cap - 1);
    w->queue.count--;
    if (!max_lag_ns || now_ns(w) - intended_ns <= max_lag_ns) {
      begin(c, intended_ns);
      return;
    }
    w->figures.shed += in_window(w, intended_ns);
  }
  w->idle[w->idle_count++] = c;
}

/* The client is free. */
static void next(pgr__client *c) {
  pgr__load_worker *w = c->worker;
  if (w->stopping) {
    count_off(w);
  } else if (has_done_its_share(c)) {
    const pgr_load_options *o = w->load->options;
    uint32_t ours = o->agents / o->threads + (w->index < o->agents % o->threads);
    if (++w->done_count == ours) stop(w);
  } else if (c->again) { /* nothing had to be waited for: the loop gets its turn */
    c->again = false;
    start_timer(w, &c->hold, now_ns(w));
  } else if (w->load->options->open) {
    take_arrival(c);
  } else {
    begin(c, c->count ? c->agent.op.return_ns : now_ns(w)); /* as the last one ended */
  }
}

static void end_transaction(pgr__client *c) {
  pgr__load_worker *w = c->worker;
  int64_t now = c->agent.op.return_ns, response_ns = now - c->intended_ns;
  pgr_code code = PGR_OK;
  w->transactions += in_window(w, now);
  if (in_window(w, c->intended_ns)) {
    w->begun++;
    code = pgr_tally_record(&w->tally.transaction, response_ns);
  }
  if (!code && now >= w->shared.from_ns)
    code = pgr_series_add(&w->series, now - w->shared.from_ns, response_ns, c->failed);
  if (code) fault(w, code);
  atomic_store_explicit(&w->ended, atomic_load_explicit(&w->ended, memory_order_relaxed) + 1, memory_order_relaxed);
  c->busy = false;
  w->busy--;
  if (c->inside)
    c->again = true;
  else
    next(c);
}

/* Operations that run while the key is held, then those that give it back. -1: the transaction is over. */
static int following(const pgr__client *c, int kind) {
  const pgr_scenario *s = c->worker->load->options->scenario;
  for (int k = kind + 1; c->ending < 0 && k < s->operation_count; k++)
    if (s->operations[k].when == PGR_WHEN_AFTER && c->ok >> s->operations[k].after & 1) return k;
  for (int k = c->ending < 0 ? 0 : c->ending + 1; k < s->operation_count; k++) {
    const pgr_operation *o = &s->operations[k];
    if (o->when == PGR_WHEN_END && o->after >= 0 && c->ok >> o->after & 1) return k;
  }
  return -1;
}

static void on_hold_over(pgr_timer *t) {
  pgr__client *c = (pgr__client *)((char *)t - offsetof(pgr__client, hold));
  if (c->worker->shared.stopped) return;
  if (c->busy)
    pgr_agent_begin(&c->agent, (uint8_t)c->ending, t->due_ns - c->worker->shared.origin_ns);
  else
    next(c);
}

static void on_done(pgr_agent *a, uint8_t kind, pgr_outcome outcome) {
  pgr__client *c = (pgr__client *)((char *)a - offsetof(pgr__client, agent));
  pgr__load_worker *w = c->worker;
  const pgr_load_options *o = w->load->options;
  if (outcome == PGR_OUTCOME_OK) c->ok |= (uint8_t)(1U << kind);
  if (outcome == PGR_OUTCOME_FAILED || outcome == PGR_OUTCOME_UNKNOWN) {
    c->failed = true;
    atomic_store_explicit(&w->errors, atomic_load_explicit(&w->errors, memory_order_relaxed) + 1, memory_order_relaxed);
  }
  int k = following(c, kind);
  if (k < 0) {
    end_transaction(c);
    return;
  }
  bool first_of_end = o->scenario->operations[k].when == PGR_WHEN_END && c->ending < 0;
  if (o->scenario->operations[k].when == PGR_WHEN_END) c->ending = (int8_t)k;
  if (first_of_end && o->hold_ns > 0)
    start_timer(w, &c->hold, now_ns(w) + o->hold_ns);
  else
    pgr_agent_begin(a, (uint8_t)k, now_ns(w));
}

/* ---- arrivals ---- */

static bool enqueue(pgr__load_worker *w, int64_t intended_ns) {
  pgr__queue *q = &w->queue;
  if (q->count == q->cap) {
    if (q->cap == PGR__QUEUE_MAX) return false;
    size_t cap = q->cap ? q->cap * 2 : 1024;
    int64_t *grown = pgr_calloc(cap, sizeof *grown);
    if (!grown) {
      fault(w, PGR_ENOMEM);
      return false;
    }
    for (size_t i = 0; i < q->count; i++)
      grown[i] = q->at[(q->first + i) & (q->cap - 1)];
    pgr_free(q->at);
    *q = (pgr__queue){.at = grown, .count = q->count, .cap = cap};
  }
  q->at[(q->first + q->count++) & (q->cap - 1)] = intended_ns;
  return true;
}

/* Whoever finds no room to wait in is never begun. */
static void arrive(pgr__load_worker *w, int64_t intended_ns) {
  bool counts = in_window(w, intended_ns);
  w->figures.due += counts;
  if (w->idle_count > 0) {
    begin(w->idle[--w->idle_count], intended_ns);
    return;
  }
  w->figures.late += counts;
  if (!enqueue(w, intended_ns)) w->figures.unsent += counts;
}

static void on_due(pgr_timer *t) {
  pgr__load_worker *w = (pgr__load_worker *)((char *)t - offsetof(pgr__load_worker, due));
  for (int i = 0; i < ARRIVALS_MAX && !w->stopping && w->due_ns <= now_ns(w); i++) {
    int64_t intended_ns = w->due_ns;
    w->due_ns = pgr_arrivals_next(&w->arrivals);
    arrive(w, intended_ns);
  }
  int64_t now = now_ns(w);
  if (!w->stopping) start_timer(w, t, w->due_ns > now ? w->due_ns : now);
}

/* ---- messages ---- */

static void on_open(pgr_message *m) {
  pgr__load_worker *w = (pgr__load_worker *)((char *)m - offsetof(pgr__load_worker, open));
  pgr_pool_open(w->shared.pool);
}

static void on_begin(pgr_message *m) {
  pgr__load_worker *w = (pgr__load_worker *)((char *)m - offsetof(pgr__load_worker, begin));
  const pgr_load_options *o = w->load->options;
  if (o->transactions) {
    open_window(w);
  } else {
    start_timer(w, &w->opens, w->shared.from_ns);
    start_timer(w, &w->closes, w->shared.until_ns);
  }
  if (o->open) {
    for (uint32_t i = w->index; i < o->agents; i += o->threads)
      w->idle[w->idle_count++] = &w->load->clients[i];
    w->due_ns = pgr_arrivals_next(&w->arrivals);
    start_timer(w, &w->due, w->due_ns);
    return;
  }
  for (uint32_t i = w->index; !w->stopping && i < o->agents; i += o->threads)
    begin(&w->load->clients[i], now_ns(w));
}

/* Whatever is not handed over yet was called at or after upto_ns: it is under way, or to come. */
static void on_collect(pgr_message *m) {
  pgr__load_worker *w = (pgr__load_worker *)((char *)m - offsetof(pgr__load_worker, collect));
  const pgr_load_options *o = w->load->options;
  w->upto_ns = now_ns(w);
  for (uint32_t i = w->index; i < o->agents; i += o->threads) {
    int64_t called_ns = pgr_agent_called_ns(&w->load->clients[i].agent);
    if (called_ns && called_ns < w->upto_ns) w->upto_ns = called_ns;
  }
  if (atomic_load(&w->load->unverified)) { /* nobody takes it any more */
    pgr_history_destroy(w->shared.history);
    w->shared.history = NULL;
    return;
  }
  pgr_history *full = w->shared.history;
  w->shared.history = w->outgoing;
  w->outgoing = full;
  atomic_store(&w->collected, true);
  pgr__load_wake(w->load);
}

/* The server does not notice that a connection is closed until it has something to say on it. */
static void note_left(pgr__load_worker *w, const pgr__client *c) {
  const pgr_conn *conn = c->agent.conn;
  if (conn && pgr_conn_busy(conn)) w->left[w->left_count++] = pgr_conn_pid(conn);
}

static void on_quit(pgr_message *m) {
  pgr__load_worker *w = (pgr__load_worker *)((char *)m - offsetof(pgr__load_worker, quit));
  const pgr_load_options *o = w->load->options;
  stop(w);
  w->shared.stopped = true;
  pgr_timer_cancel(w->shared.loop, &w->closes);
  for (uint32_t i = w->index; i < o->agents; i += o->threads)
    note_left(w, &w->load->clients[i]);
  pgr_pool_close(w->shared.pool);
  for (uint32_t i = w->index; i < o->agents; i += o->threads) {
    w->unfinished += w->load->clients[i].busy && in_window(w, w->load->clients[i].intended_ns);
    pgr_timer_cancel(w->shared.loop, &w->load->clients[i].hold);
    pgr_agent_abandon(&w->load->clients[i].agent);
  }
  pgr_loop_finish(w->shared.loop);
}

/* ---- */

static void on_pool_ready(pgr_pool *p, void *user) {
  (void)p;
  pgr__load_worker *w = user;
  atomic_fetch_add(&w->load->pools_ready, 1);
  pgr__load_wake(w->load);
}

static void on_pool_failed(pgr_pool *p, const char *why, void *user) {
  (void)p;
  pgr__load_worker *w = user;
  char text[480];
  bool at_start = atomic_load(&w->load->pools_ready) < w->load->options->threads;
  snprintf(text, sizeof text,
           at_start ? "cannot open %u connections: %.300s; use fewer --connections"
                    : "%u connections could not be kept: %.300s",
           w->load->options->connections, why);
  pgr__load_fault(w->load, PGR_EDATABASE, text);
}

static void on_fault(pgr_agent_shared *shared, pgr_code code) {
  fault((pgr__load_worker *)shared, code);
}

static pgr_code make_clients(pgr__load_worker *w) {
  const pgr_load_options *o = w->load->options;
  w->idle = pgr_calloc(o->agents / o->threads + 1, sizeof *w->idle);
  w->left = pgr_calloc(o->agents / o->threads + 1, sizeof *w->left);
  pgr_code code = w->idle && w->left ? PGR_OK : PGR_ENOMEM;
  for (uint32_t i = w->index; !code && i < o->agents; i += o->threads) {
    pgr__client *c = &w->load->clients[i];
    *c = (pgr__client){.worker = w, .index = i, .ending = -1, .hold.fire = on_hold_over};
    code = pgr_agent_init(&c->agent, &w->shared, i + 1);
  }
  return code;
}

static void set_messages(pgr__load_worker *w) {
  w->open.deliver = on_open;
  w->begin.deliver = on_begin;
  w->collect.deliver = on_collect;
  w->quit.deliver = on_quit;
  w->due.fire = on_due;
  w->opens.fire = on_opens;
  w->closes.fire = on_closes;
  w->beat.fire = on_beat;
}

pgr_code pgr__load_worker_init(pgr__load_worker *w, pgr__load *load, uint32_t index, const pgr_target *target,
                               uint32_t connections, pgr_err *err) {
  const pgr_load_options *o = load->options;
  w->load = load;
  w->index = index;
  w->series.width_ns = PGR_NS_PER_S;
  set_messages(w);
  atomic_init(&w->collected, false);
  atomic_init(&w->ended, 0);
  atomic_init(&w->errors, 0);
  pgr_tally_init(&w->tally);
  pgr_random_init(&w->random, o->seed, (UINT64_C(1) << 34) | index);
  w->shared = (pgr_agent_shared){.scenario = o->scenario,
                                 .strategy = o->strategy,
                                 .protocol = o->protocol,
                                 .tally = &w->tally,
                                 .defines = o->defines,
                                 .define_count = o->define_count,
                                 .max_tries = o->max_tries,
                                 .gap_ns = o->gap_ns,
                                 .agents = o->agents,
                                 .contenders = o->agents,
                                 .seed = o->seed,
                                 .measures = true,
                                 .from_ns = o->warmup_ns,
                                 .until_ns = o->transactions ? INT64_MAX : o->warmup_ns + o->duration_ns,
                                 .done = on_done,
                                 .fault = on_fault};
  memcpy(w->shared.statement_base, load->session.base, sizeof load->session.base);
  pgr_buf_init(&w->shared.scratch, 0);
  if (o->open)
    pgr_arrivals_init(&w->arrivals, &o->rate, o->warmup_ns + o->duration_ns, 1.0 / o->threads, o->poisson, o->seed,
                      (UINT64_C(1) << 35) | index);
  if (load->follow) {
    w->shared.history = pgr_history_create(SIZE_MAX);
    w->outgoing = pgr_history_create(SIZE_MAX);
    if (!w->shared.history || !w->outgoing) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  if (pgr_tally_time_statements(&w->tally, load->session.count) || make_clients(w))
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = pgr_loop_create(&w->shared.loop, err);
  if (code) return code;
  return pgr_pool_create(w->shared.loop, target, (int)connections, &load->session.session,
                         (pgr_pool_events){on_pool_ready, on_pool_failed, w}, &w->shared.pool, err);
}

void pgr__load_worker_deinit(pgr__load_worker *w) {
  pgr_loop_destroy(w->shared.loop);
  pgr_pool_destroy(w->shared.pool);
  pgr_history_destroy(w->shared.history);
  pgr_history_destroy(w->outgoing);
  pgr_tally_deinit(&w->tally);
  pgr_series_deinit(&w->series);
  pgr_histogram_destroy(w->lag);
  pgr_histogram_destroy(w->loop_lag);
  pgr_buf_deinit(&w->shared.scratch);
  pgr_free(w->queue.at);
  pgr_free(w->idle);
  pgr_free(w->left);
}
