/* From what was measured to figures with names. One walk over a measure tells all of them, in the order in which they
 * are shown; it is taken for each repetition, and once more for all together.
 *
 * Whether there is a figure is decided by what all repetitions so far have seen, not the one at hand: an outcome that
 * occurs first in the third repetition occurred 0 times in the first. The invariant most easily broken: every figure
 * has as many values as there are repetitions. */
#include "bench_internal.h"

#include "pgr_mem.h"
#include "pgr_sample.h"
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What sort of figure it is. */
typedef struct sort {
  pgr_unit unit;
  pgr_better better;
  bool of_all;   /* its value is that of all repetitions taken together, not the median of theirs */
  double absent; /* of a repetition in which there was nothing of it */
} sort;

static const sort count = {PGR_UNIT_COUNT, PGR_BETTER_NEITHER, true, 0};
static const sort fault_count = {PGR_UNIT_COUNT, PGR_BETTER_LOWER, true, 0};
static const sort largest = {PGR_UNIT_COUNT, PGR_BETTER_NEITHER, true, NAN};
static const sort retries = {PGR_UNIT_COUNT, PGR_BETTER_LOWER, false, 0};
static const sort processes = {PGR_UNIT_COUNT, PGR_BETTER_NEITHER, false, 0};
static const sort throughput = {PGR_UNIT_PER_S, PGR_BETTER_HIGHER, false, NAN};
static const sort rate = {PGR_UNIT_PER_S, PGR_BETTER_NEITHER, false, 0};
static const sort quantile = {PGR_UNIT_NS, PGR_BETTER_LOWER, true, NAN};
static const sort processor_time = {PGR_UNIT_NS, PGR_BETTER_LOWER, false, NAN};
static const sort once = {PGR_UNIT_NS, PGR_BETTER_NEITHER, false, NAN};
static const sort share = {PGR_UNIT_SHARE, PGR_BETTER_NEITHER, false, NAN};
static const sort size = {PGR_UNIT_BYTES, PGR_BETTER_LOWER, false, NAN};

/* A walk. */
typedef struct telling {
  pgr_bench_cell *cell;
  const pgr_scenario *scenario;
  const pgr_measure *m; /* the last repetition's; when settling, that of all of them */
  bool settling;
  size_t next; /* where in the cell's list the next figure is looked for first, and put when it is new */
  pgr_code code;
} telling;

static double ratio(double part, double whole) {
  return whole > 0 ? part / whole : NAN;
}

static double window_s(const pgr_measure *m) {
  return (double)m->window_ns / 1e9;
}

static pgr_figure *find(telling *t, const char *name) {
  pgr_bench_cell *c = t->cell;
  if (t->next < c->figure_count && strcmp(c->figures[t->next].name, name) == 0) return &c->figures[t->next];
  for (size_t i = 0; i < c->figure_count; i++)
    if (strcmp(c->figures[i].name, name) == 0) return &c->figures[i];
  return NULL;
}

/* NULL: no memory. */
static pgr_figure *insert(telling *t, const sort *of, const char *name) {
  enum { FIRST = 64 };
  pgr_bench_cell *c = t->cell;
  if (c->figure_count == c->figure_cap) {
    size_t cap = c->figure_cap ? c->figure_cap * 2 : FIRST;
    pgr_figure *grown = pgr_realloc(c->figures, cap, sizeof *grown);
    if (!grown) return NULL;
    c->figures = grown;
    c->figure_cap = cap;
  }
  double *each = pgr_calloc(c->repetition_count, sizeof *each);
  if (!each) return NULL;
  for (size_t i = 0; i < c->repetition_count; i++)
    each[i] = of->absent;
  pgr_figure *f = &c->figures[t->next];
  memmove(f + 1, f, (c->figure_count - t->next) * sizeof *f);
  *f = (pgr_figure){.unit = of->unit, .better = of->better, .each = each, .count = c->repetition_count};
  snprintf(f->name, sizeof f->name, "%s", name);
  c->figure_count++;
  return f;
}

PGR_PRINTF(4, 5) static void tell(telling *t, const sort *of, double value, const char *name, ...) {
  char text[PGR_FIGURE_NAME_BYTES];
  if (t->code) return;
  va_list ap;
  va_start(ap, name);
  vsnprintf(text, sizeof text, name, ap);
  va_end(ap);
  pgr_figure *f = find(t, text);
  if (!f && (t->settling || isnan(value))) return;
  if (!f) f = insert(t, of, text);
  if (!f) {
    t->code = PGR_ENOMEM;
    return;
  }
  t->next = (size_t)(f - t->cell->figures) + 1;
  if (!t->settling)
    f->each[f->count - 1] = value;
  else if (of->of_all)
    f->value = value;
}

PGR_PRINTF(3, 4) static void tell_times(telling *t, const pgr_histogram *h, const char *name, ...) {
  static const struct {
    const char *name;
    double q;
  } quantiles[] = {{"p50", 0.5},     {"p90", 0.9},       {"p95", 0.95}, {"p99", 0.99},
                   {"p99.9", 0.999}, {"p99.99", 0.9999}, {"max", 1}};
  char text[PGR_FIGURE_NAME_BYTES];
  bool any = h && pgr_histogram_count(h) > 0;
  va_list ap;
  va_start(ap, name);
  vsnprintf(text, sizeof text, name, ap);
  va_end(ap);
  tell(t, &quantile, any ? pgr_histogram_mean(h) : NAN, "%s.mean", text);
  for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++)
    tell(t, &quantile, any ? (double)pgr_histogram_quantile(h, quantiles[i].q) : NAN, "%s.%s", text, quantiles[i].name);
}

/* ---- the walk ---- */

/* The cell has the sum of all repetitions; the last one's is what the earlier ones do not account for. */
static double rows_broken(telling *t) {
  double broken = (double)t->cell->rows_broken;
  const pgr_figure *f = find(t, "rows_broken");
  for (size_t i = 0; f && !t->settling && i + 1 < f->count; i++)
    broken -= f->each[i];
  return broken > 0 ? broken : 0;
}

static void tell_work(telling *t) {
  const pgr_measure *m = t->m;
  tell(t, &throughput, ratio((double)m->transactions, window_s(m)), "tps");
  tell(t, &throughput, ratio((double)m->tally.statements, window_s(m)), "statements_per_s");
  tell(t, &count, (double)m->transactions, "transactions");
  tell(t, &count, (double)m->unfinished, "unfinished");
  /* One repetition that was not verified makes the sum unverified; what the others saw is still true. */
  bool verified = m->verified || t->settling;
  tell(t, &fault_count, verified ? (double)m->duplicates : NAN, "duplicates");
  tell(t, &fault_count, verified ? (double)m->unexplained : NAN, "unexplained");
  if (t->cell->rows_broken > 0) tell(t, &fault_count, rows_broken(t), "rows_broken");
  tell(t, &fault_count, (double)m->errors, "errors");
  tell_times(t, m->tally.transaction, "transaction");
}

static void tell_retries(telling *t, int k, const char *name) {
  const uint64_t *outcomes = t->m->tally.outcomes[k];
  const pgr_histogram *tries = t->m->tally.tries[k];
  uint64_t ended = 0;
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
    if (o != PGR_OUTCOME_RETRIED) ended += outcomes[o];
  tell(t, &retries, ratio((double)outcomes[PGR_OUTCOME_RETRIED], (double)ended), "%s.retries", name);
  tell(t, &largest, tries && pgr_histogram_count(tries) ? (double)pgr_histogram_max(tries) : NAN, "%s.tries.max", name);
}

static void tell_operation(telling *t, int k) {
  const char *name = t->scenario->operations[k].name;
  const pgr_tally *seen = &t->cell->all.tally, *tally = &t->m->tally;
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
    const char *outcome = pgr_outcome_name((pgr_outcome)o);
    if (seen->outcomes[k][o] == 0) continue;
    tell(t, &count, (double)tally->outcomes[k][o], "%s.%s.count", name, outcome);
    tell(t, &rate, ratio((double)tally->outcomes[k][o], window_s(t->m)), "%s.%s.rate", name, outcome);
    tell_times(t, tally->service[k][o], "%s.%s", name, outcome);
    tell_times(t, tally->response[k][o], "response.%s.%s", name, outcome);
  }
  if (seen->outcomes[k][PGR_OUTCOME_RETRIED] > 0) tell_retries(t, k, name);
}

/* Statements are numbered through the strategy's scripts; people count from 1 in each. */
static void tell_statements(telling *t) {
  const pgr_scenario *s = t->scenario;
  const pgr_tally *tally = &t->m->tally;
  int base = 0;
  for (int k = 0; k < s->operation_count; k++) {
    const pgr_script *script = t->cell->strategy->scripts[k];
    for (int i = 0; script && i < script->sql_count; i++)
      tell_times(t, base + i < tally->statement_kinds ? tally->statement[base + i] : NULL, "statement.%s.%d",
                 s->operations[k].name, i + 1);
    base += script ? script->sql_count : 0;
  }
}

static void tell_waiting(telling *t) {
  const pgr_measure *m = t->m;
  const pgr_histogram *waits = t->cell->all.tally.pool_wait;
  if (waits && pgr_histogram_max(waits) > 0) tell_times(t, m->tally.pool_wait, "pool_wait");
  if (t->cell->all.arrivals.due == 0) return;
  tell_times(t, m->lag, "lag");
  tell(t, &count, (double)m->arrivals.due, "arrivals.due");
  tell(t, &count, (double)m->arrivals.late, "arrivals.late");
  tell(t, &count, (double)m->arrivals.shed, "arrivals.shed");
  tell(t, &count, (double)m->arrivals.unsent, "arrivals.unsent");
}

static void tell_client(telling *t) {
  const pgr_measure *m = t->m;
  double threads_ns = (double)m->window_ns * t->cell->threads;
  double waited_ns = m->run_wait_ns < 0 ? NAN : (double)m->run_wait_ns;
  tell(t, &processor_time, ratio((double)m->cpu_ns, (double)m->transactions), "client.cpu_per_transaction");
  tell(t, &share, ratio((double)m->cpu_ns, threads_ns), "client.cpu_share");
  tell(t, &share, ratio(waited_ns, threads_ns), "client.run_wait_share");
  tell_times(t, m->loop_lag, "client.loop_lag");
}

static double seen_of(const pgr_server_figures *server, const char *what) {
  for (size_t i = 0; i < server->wait_count; i++)
    if (strcmp(server->waits[i].what, what) == 0) return (double)server->waits[i].seen;
  return 0;
}

static void tell_server(telling *t) {
  const pgr_measure *m = t->m;
  const pgr_server_figures *server = &m->server;
  double cpu_ns = m->server_cpu_ns < 0 ? NAN : (double)m->server_cpu_ns;
  if (m->server_cpu_ns != 0)
    tell(t, &processor_time, ratio(cpu_ns, (double)m->transactions), "server.cpu_per_transaction");
  if (!server->known) return;
  /* WAL is of the whole phase, transactions are of the window: both a second. */
  double wal_per_s = server->wal_bytes < 0 ? NAN : ratio((double)server->wal_bytes, server->phase_s);
  tell(t, &size, ratio(wal_per_s, ratio((double)m->transactions, window_s(m))), "server.wal_per_transaction");
  tell(t, &count, server->deadlocks < 0 ? NAN : (double)server->deadlocks, "server.deadlocks");
  tell(t, &count, server->rollbacks < 0 ? NAN : (double)server->rollbacks, "server.rollbacks");
  if (server->blocks_hit >= 0 && server->blocks_read >= 0)
    tell(t, &share, ratio((double)server->blocks_hit, (double)server->blocks_hit + (double)server->blocks_read),
         "server.hit_share");
  const pgr_server_figures *all = &t->cell->all.server;
  for (size_t i = 0; i < all->wait_count; i++)
    tell(t, &processes, ratio(seen_of(server, all->waits[i].what), (double)server->looks), "server.wait.%s",
         all->waits[i].what);
}

static pgr_code tell_all(telling *t) {
  tell_work(t);
  for (int k = 0; k < t->scenario->operation_count; k++)
    tell_operation(t, k);
  tell_statements(t);
  tell_waiting(t);
  tell_client(t);
  tell_server(t);
  tell(t, &once, (double)t->m->connect_ns, "connect");
  return t->code;
}

/* ---- repetitions ---- */

/* Takes m's series; every figure has a value more, which is none. */
static pgr_code add_repetition(pgr_bench_cell *c, pgr_measure *m) {
  size_t n = c->repetition_count + 1;
  pgr_bench_repetition *grown = pgr_realloc(c->repetitions, n, sizeof *grown);
  if (!grown) return PGR_ENOMEM;
  c->repetitions = grown;
  for (size_t i = 0; i < c->figure_count; i++) {
    double *each = pgr_realloc(c->figures[i].each, n, sizeof *each);
    if (!each) return PGR_ENOMEM;
    c->figures[i].each = each;
    each[n - 1] = NAN;
    c->figures[i].count = n;
  }
  c->repetitions[n - 1] = (pgr_bench_repetition){.series = m->series, .window_ns = m->window_ns};
  m->series = (pgr_series){.width_ns = m->series.width_ns};
  c->repetition_count = n;
  return PGR_OK;
}

pgr_code pgr_bench_add(pgr_bench_cell *c, const pgr_scenario *s, pgr_measure *m) {
  assert(c->threads > 0 && c->repetition_count < PGR_SAMPLE_MAX);
  telling t = {.cell = c, .scenario = s, .m = m};
  pgr_code code = pgr_measure_add(&c->all, m);
  if (!code) code = add_repetition(c, m);
  return code ? code : tell_all(&t);
}

static void settle(pgr_figure *f) {
  double known[PGR_SAMPLE_MAX];
  size_t n = 0;
  for (size_t i = 0; i < f->count; i++)
    if (!isnan(f->each[i])) known[n++] = f->each[i];
  f->value = f->median = pgr_sample_median(known, n);
  f->bounded = pgr_sample_median_interval(known, n, &f->interval);
}

static pgr_code draw_curves(pgr_bench_cell *c, const pgr_scenario *s) {
  int k = pgr_scenario_main_operation(s);
  pgr_histogram *lost;
  pgr_code code = pgr__merge_losers(&c->all.tally, k, &lost);
  if (code) return code;
  pgr_curve_of(c->all.tally.service[k][PGR_OUTCOME_OK], &c->winner_curve);
  pgr_curve_of(lost, &c->loser_curve);
  pgr_histogram_destroy(lost);
  return PGR_OK;
}

pgr_code pgr_bench_settle(pgr_bench_cell *c, const pgr_scenario *s) {
  telling t = {.cell = c, .scenario = s, .m = &c->all, .settling = true};
  for (size_t i = 0; i < c->figure_count; i++)
    settle(&c->figures[i]);
  pgr_code code = draw_curves(c, s);
  return code ? code : tell_all(&t);
}
