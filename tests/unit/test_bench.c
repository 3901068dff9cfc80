/* From measures to figures with names, and what of them a person reads. */
#include "../golden/bench_fixture.h"

#include <math.h>
#include <stdlib.h>

#define near(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))

/* A cell made of measures that a test fills in by hand. */
typedef struct fixture {
  pgr_scenario *s;
  pgr_bench b;
} fixture;

static int set_up(void **state) {
  static fixture f;
  f.s = bench_scenario();
  f.b = bench_of(f.s);
  *state = &f;
  return 0;
}

static int tear_down(void **state) {
  fixture *f = *state;
  pgr_bench_deinit(&f->b);
  pgr_scenario_destroy(f->s);
  return 0;
}

static pgr_bench_cell *cell_of(fixture *f) {
  bench_load l = bench_with(BENCH_NAIVE, 8, 8);
  l.repetitions = 0;
  l.duplicates = 0;
  bench_add_cell(&f->b, &l);
  return &f->b.cells[f->b.cell_count - 1];
}

/* Two seconds in which nothing is known of the server. */
static pgr_measure bare(uint64_t transactions) {
  return (pgr_measure){.window_ns = 2 * PGR_NS_PER_S,
                       .transactions = transactions,
                       .run_wait_ns = -1,
                       .server_cpu_ns = -1,
                       .complete = true};
}

static void add(fixture *f, pgr_bench_cell *c, pgr_measure m) {
  assert_int_equal(pgr_bench_add(c, f->s, &m), PGR_OK);
  pgr_measure_deinit(&m);
}

static void settle(fixture *f, pgr_bench_cell *c) {
  assert_int_equal(pgr_bench_settle(c, f->s), PGR_OK);
}

static const pgr_figure *figure(const pgr_bench_cell *c, const char *name) {
  const pgr_figure *f = pgr_bench_figure(c, name);
  if (!f) fail_msg("there is no figure %s", name);
  return f;
}

static void has_not(const pgr_bench_cell *c, const char *name) {
  if (pgr_bench_figure(c, name)) fail_msg("there is a figure %s", name);
}

static void is_each(const pgr_bench_cell *c, const char *name, const double *want, size_t count) {
  const pgr_figure *f = figure(c, name);
  assert_int_equal(f->count, count);
  for (size_t i = 0; i < count; i++) {
    bool same = isnan(want[i]) ? isnan(f->each[i]) : fabs(f->each[i] - want[i]) <= fabs(want[i]) * 1e-9;
    if (!same) fail_msg("%s of repetition %zu is %g, not %g", name, i + 1, f->each[i], want[i]);
  }
}

#define IS_EACH(c, name, ...)                                                                                          \
  is_each(c, name, (const double[]){__VA_ARGS__}, sizeof(const double[]){__VA_ARGS__} / sizeof(double))

/* Names -------------------------------------------------------------------------------------------------------------
 */

/* All that thresholds and baselines may ask for, of a cell in which everything happened. */
static void every_figure_has_its_name_unit_and_direction(void **state) {
  fixture *f = *state;
  static const struct {
    const char *name;
    pgr_unit unit;
    pgr_better better;
  } all[] = {{"tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER},
             {"statements_per_s", PGR_UNIT_PER_S, PGR_BETTER_HIGHER},
             {"transactions", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"unfinished", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"duplicates", PGR_UNIT_COUNT, PGR_BETTER_LOWER},
             {"unexplained", PGR_UNIT_COUNT, PGR_BETTER_LOWER},
             {"errors", PGR_UNIT_COUNT, PGR_BETTER_LOWER},
             {"transaction.mean", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.p50", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.p90", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.p95", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.p99.9", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.p99.99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"transaction.max", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"claim.ok.count", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"claim.ok.rate", PGR_UNIT_PER_S, PGR_BETTER_NEITHER},
             {"claim.ok.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"response.claim.ok.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"claim.rejected.p50", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"response.claim.rejected.p99.99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"claim.failed.count", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"claim.unknown.count", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"claim.retried.count", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"claim.retried.max", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"claim.retries", PGR_UNIT_COUNT, PGR_BETTER_LOWER},
             {"claim.tries.max", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"release.ok.count", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"statement.claim.1.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"statement.claim.2.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"statement.release.1.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"pool_wait.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"lag.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"arrivals.due", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"arrivals.late", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"arrivals.shed", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"arrivals.unsent", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"client.cpu_per_transaction", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"client.cpu_share", PGR_UNIT_SHARE, PGR_BETTER_NEITHER},
             {"client.run_wait_share", PGR_UNIT_SHARE, PGR_BETTER_NEITHER},
             {"client.loop_lag.p99", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"server.cpu_per_transaction", PGR_UNIT_NS, PGR_BETTER_LOWER},
             {"server.wal_per_transaction", PGR_UNIT_BYTES, PGR_BETTER_LOWER},
             {"server.deadlocks", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"server.rollbacks", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"server.hit_share", PGR_UNIT_SHARE, PGR_BETTER_NEITHER},
             {"server.wait.Lock:transactionid", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"server.wait.CPU", PGR_UNIT_COUNT, PGR_BETTER_NEITHER},
             {"connect", PGR_UNIT_NS, PGR_BETTER_NEITHER}};
  bench_load l = bench_with(BENCH_TRIGGER, 64, 16);
  l.open = true;
  l.failed = l.unknown = l.duplicates = 1;
  bench_add_cell(&f->b, &l);
  const pgr_bench_cell *c = &f->b.cells[0];
  size_t before = 0;
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    const pgr_figure *got = figure(c, all[i].name);
    if (got->unit != all[i].unit || got->better != all[i].better)
      fail_msg("%s: unit %d, better %d", got->name, (int)got->unit, (int)got->better);
    if (i > 0 && (size_t)(got - c->figures) <= before) fail_msg("%s stands too early", got->name);
    before = (size_t)(got - c->figures);
  }
  for (size_t i = 0; i < c->figure_count; i++)
    assert_int_equal(c->figures[i].count, 6);
}

static void what_never_was_has_no_figure(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  pgr_measure m = bare(10);
  m.tally.outcomes[BENCH_CLAIM][PGR_OUTCOME_OK] = 10;
  bench_record(&m.tally.pool_wait, 0, 10);
  add(f, c, m);
  settle(f, c);
  static const char *const none[] = {"claim.refused.count",  "claim.refused.rate",
                                     "claim.retries",        "claim.tries.max",
                                     "claim.ok.p50",         "response.claim.ok.p50",
                                     "pool_wait.p50",        "lag.p50",
                                     "arrivals.due",         "duplicates",
                                     "unexplained",          "client.run_wait_share",
                                     "server.hit_share",     "server.deadlocks",
                                     "transaction.p50",      "server.cpu_per_transaction",
                                     "statement.claim.1.p50"};
  for (size_t i = 0; i < sizeof none / sizeof *none; i++)
    has_not(c, none[i]);
  near(figure(c, "claim.ok.count")->value, 10, 0);
}

/* Values ------------------------------------------------------------------------------------------------------------
 */

static void rates_are_medians_and_counts_are_sums(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  static const uint64_t transactions[] = {100, 4000, 200};
  for (size_t i = 0; i < 3; i++) {
    pgr_measure m = bare(transactions[i]);
    m.tally.statements = transactions[i] * 3;
    m.unfinished = i;
    add(f, c, m);
  }
  settle(f, c);
  IS_EACH(c, "tps", 50, 2000, 100);
  IS_EACH(c, "unfinished", 0, 1, 2);
  near(figure(c, "tps")->value, 100, 1e-9);
  near(figure(c, "statements_per_s")->value, 300, 1e-9);
  near(figure(c, "transactions")->value, 4300, 0);
  near(figure(c, "transactions")->median, 200, 0);
  near(figure(c, "unfinished")->value, 3, 0);
}

/* One repetition is slow: its share of all samples decides, not the median of three. */
static void quantiles_are_of_all_samples(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  static const struct {
    int count;
    int64_t ns;
  } repetitions[] = {{10, 1000}, {10, 1000}, {80, 5000}};
  for (size_t i = 0; i < 3; i++) {
    pgr_measure m = bare(1);
    for (int k = 0; k < repetitions[i].count; k++)
      assert_int_equal(pgr_tally_record(&m.tally.transaction, repetitions[i].ns), PGR_OK);
    add(f, c, m);
  }
  settle(f, c);
  const pgr_figure *p50 = figure(c, "transaction.p50");
  near(p50->value, 5000, 5);
  near(p50->median, 1000, 1);
  near(figure(c, "transaction.mean")->value, 4200, 1e-6);
  near(figure(c, "transaction.max")->each[0], 1000, 0);
}

static void fewer_than_six_repetitions_are_not_bounded(void **state) {
  fixture *f = *state;
  pgr_bench_cell *five = cell_of(f);
  for (uint64_t i = 1; i <= 5; i++)
    add(f, five, bare(100 * i));
  settle(f, five);
  const pgr_figure *tps = figure(five, "tps");
  assert_false(tps->bounded);
  near(tps->interval.low, 50, 1e-9);
  near(tps->interval.high, 250, 1e-9);
  add(f, five, bare(600));
  settle(f, five);
  assert_true(figure(five, "tps")->bounded);
}

/* In the first repetitions it occurred 0 times, and took no time. */
static void an_outcome_that_comes_late_has_a_value_for_every_repetition(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  for (uint64_t i = 0; i < 4; i++) {
    pgr_measure m = bare(10);
    bench_operation(&m.tally, BENCH_CLAIM, PGR_OUTCOME_OK, 10, 1000);
    if (i == 2) bench_operation(&m.tally, BENCH_CLAIM, PGR_OUTCOME_FAILED, 4, 1000);
    m.errors = i == 2 ? 4 : 0;
    add(f, c, m);
  }
  settle(f, c);
  IS_EACH(c, "claim.failed.count", 0, 0, 4, 0);
  IS_EACH(c, "claim.failed.rate", 0, 0, 2, 0);
  IS_EACH(c, "errors", 0, 0, 4, 0);
  near(figure(c, "claim.failed.count")->value, 4, 0);
  const pgr_figure *p50 = figure(c, "claim.failed.p50");
  assert_true(isnan(p50->each[0]) && isnan(p50->each[1]) && !isnan(p50->each[2]) && isnan(p50->each[3]));
  near(p50->median, p50->each[2], 0);
  assert_true(p50 > figure(c, "response.claim.ok.max"));
  assert_true(p50 < figure(c, "client.cpu_share"));
}

static void retries_are_a_mean_of_operations(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  pgr_measure m = bare(40);
  m.tally.outcomes[BENCH_CLAIM][PGR_OUTCOME_OK] = 30;
  m.tally.outcomes[BENCH_CLAIM][PGR_OUTCOME_REJECTED] = 10;
  m.tally.outcomes[BENCH_CLAIM][PGR_OUTCOME_RETRIED] = 6;
  assert_int_equal(pgr_tally_record(&m.tally.tries[BENCH_CLAIM], 1), PGR_OK);
  assert_int_equal(pgr_tally_record(&m.tally.tries[BENCH_CLAIM], 5), PGR_OK);
  add(f, c, m);
  add(f, c, bare(0));
  m = bare(1);
  m.tally.outcomes[BENCH_CLAIM][PGR_OUTCOME_OK] = 2;
  m.tally.outcomes[BENCH_CLAIM][PGR_OUTCOME_RETRIED] = 1;
  assert_int_equal(pgr_tally_record(&m.tally.tries[BENCH_CLAIM], 3), PGR_OK);
  add(f, c, m);
  settle(f, c);
  IS_EACH(c, "claim.retries", 0.15, NAN, 0.5);
  near(figure(c, "claim.retries")->value, 0.325, 1e-9);
  IS_EACH(c, "claim.tries.max", 5, NAN, 3);
  near(figure(c, "claim.tries.max")->value, 5, 0);
}

/* Statements are the session's, counted through all scripts. */
static void statements_are_told_apart(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  pgr_measure m = bare(1);
  assert_int_equal(pgr_tally_time_statements(&m.tally, BENCH_STATEMENTS), PGR_OK);
  for (int i = 0; i < BENCH_STATEMENTS; i++)
    assert_int_equal(pgr_tally_record(&m.tally.statement[i], 100 * (i + 1)), PGR_OK);
  add(f, c, m);
  settle(f, c);
  near(figure(c, "statement.claim.1.p50")->value, 100, 0);
  near(figure(c, "statement.claim.2.p50")->value, 200, 0);
  near(figure(c, "statement.release.1.p50")->value, 300, 0);
  has_not(c, "statement.claim.3.p50");
}

static void duplicates_are_of_the_repetitions_that_were_verified(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  static const struct {
    bool verified;
    uint64_t duplicates, unexplained;
  } repetitions[] = {{true, 2, 1}, {false, 0, 0}, {true, 0, 3}};
  for (size_t i = 0; i < 3; i++) {
    pgr_measure m = bare(10);
    m.verified = repetitions[i].verified;
    m.duplicates = repetitions[i].duplicates;
    m.unexplained = repetitions[i].unexplained;
    add(f, c, m);
  }
  settle(f, c);
  IS_EACH(c, "duplicates", 2, NAN, 0);
  IS_EACH(c, "unexplained", 1, NAN, 3);
  near(figure(c, "duplicates")->value, 2, 0);
  near(figure(c, "unexplained")->value, 4, 0);
}

/* The cell's number is the sum so far. */
static void broken_rows_are_told_apart_by_repetition(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  static const uint64_t so_far[] = {0, 3, 3, 8};
  for (size_t i = 0; i < 4; i++) {
    c->rows_broken = so_far[i];
    add(f, c, bare(10));
    if (i == 0) has_not(c, "rows_broken");
  }
  settle(f, c);
  IS_EACH(c, "rows_broken", 0, 3, 0, 5);
  assert_int_equal(figure(c, "rows_broken")->better, PGR_BETTER_LOWER);
  assert_true(figure(c, "rows_broken") < figure(c, "errors"));
  near(figure(c, "rows_broken")->value, 8, 0);
}

static void the_client_is_measured_by_its_threads(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  c->threads = 4;
  for (int i = 0; i < 2; i++) {
    pgr_measure m = bare(1000);
    m.cpu_ns = 2 * PGR_NS_PER_S;
    m.run_wait_ns = i == 0 ? 400000000 : -1;
    add(f, c, m);
  }
  settle(f, c);
  near(figure(c, "client.cpu_share")->value, 0.25, 1e-9);
  near(figure(c, "client.cpu_per_transaction")->value, 2e6, 1e-3);
  IS_EACH(c, "client.run_wait_share", 0.05, NAN);
}

/* WAL is of the phase, 3 s, transactions are of the window, 2 s. */
static void the_server_is_measured_by_transactions_and_looks(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  pgr_measure m = bare(1000);
  m.server_cpu_ns = 5000000;
  m.server = (pgr_server_figures){.known = true,
                                  .looks = 20,
                                  .waits = {{"CPU", 30}},
                                  .wait_count = 1,
                                  .wal_bytes = 600000,
                                  .deadlocks = 2,
                                  .rollbacks = -1,
                                  .blocks_hit = 75,
                                  .blocks_read = 25,
                                  .phase_s = 3};
  add(f, c, m);
  m = bare(1000);
  m.server_cpu_ns = -1;
  m.server = (pgr_server_figures){.known = true,
                                  .looks = 10,
                                  .waits = {{"Lock:tuple", 40}},
                                  .wait_count = 1,
                                  .wal_bytes = -1,
                                  .deadlocks = 1,
                                  .rollbacks = -1,
                                  .blocks_hit = -1,
                                  .blocks_read = 5,
                                  .phase_s = 3};
  add(f, c, m);
  settle(f, c);
  IS_EACH(c, "server.cpu_per_transaction", 5000, NAN);
  IS_EACH(c, "server.wal_per_transaction", 400, NAN);
  IS_EACH(c, "server.deadlocks", 2, 1);
  near(figure(c, "server.deadlocks")->value, 3, 0);
  IS_EACH(c, "server.hit_share", 0.75, NAN);
  IS_EACH(c, "server.wait.CPU", 1.5, 0);
  IS_EACH(c, "server.wait.Lock:tuple", 0, 4);
  has_not(c, "server.rollbacks");
}

/* Nothing is divided by a window that was none, and a throughput of 0 is not claimed. */
static void a_window_that_never_began_measured_nothing(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  add(f, c, (pgr_measure){.connect_ns = 5, .run_wait_ns = 1, .server.known = true, .cpu_ns = 1});
  settle(f, c);
  has_not(c, "tps");
  has_not(c, "client.cpu_share");
  has_not(c, "client.cpu_per_transaction");
  has_not(c, "server.wal_per_transaction");
  has_not(c, "server.hit_share");
  near(figure(c, "connect")->value, 5, 0);
  for (size_t i = 0; i < c->figure_count; i++)
    assert_true(isfinite(c->figures[i].value));
}

static void a_repetition_takes_the_series(void **state) {
  fixture *f = *state;
  pgr_bench_cell *c = cell_of(f);
  pgr_measure m = bare(1);
  m.series.width_ns = PGR_NS_PER_S;
  assert_int_equal(pgr_series_add(&m.series, 1500000000, 1000, 0), PGR_OK);
  assert_int_equal(pgr_bench_add(c, f->s, &m), PGR_OK);
  assert_null(m.series.at);
  assert_int_equal(m.series.count, 0);
  pgr_measure_deinit(&m);
  assert_int_equal(c->repetition_count, 1);
  assert_int_equal(c->repetitions[0].window_ns, 2 * PGR_NS_PER_S);
  assert_int_equal(c->repetitions[0].series.count, 2);
  assert_int_equal(c->repetitions[0].series.at[1].ended, 1);
}

/* Whichever allocation fails, nothing is lost and the cell can be given back. */
static void without_memory_nothing_leaks(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  bool failed = true;
  l.transactions = 20;
  for (unsigned long nth = 1; failed; nth += 1 + nth / 8) {
    pgr_bench b = bench_of(f->s);
    pgr_measure m[2];
    pgr_code code = PGR_OK;
    b.cells = pgr_calloc(1, sizeof *b.cells);
    assert_non_null(b.cells);
    b.cell_count = 1;
    b.cells[0] = (pgr_bench_cell){.strategy = &f->s->strategies[BENCH_TRIGGER], .threads = 1};
    for (int i = 0; i < 2; i++)
      bench_measure(&l, i, &m[i]);
    pgr_mem_fail_nth(nth);
    for (int i = 0; !code && i < 2; i++)
      code = pgr_bench_add(&b.cells[0], f->s, &m[i]);
    pgr_mem_fail_nth(0);
    failed = code != PGR_OK;
    if (failed) assert_int_equal(code, PGR_ENOMEM);
    if (nth == 1) assert_true(failed);
    for (int i = 0; i < 2; i++)
      pgr_measure_deinit(&m[i]);
    pgr_bench_deinit(&b);
  }
}

/* For people --------------------------------------------------------------------------------------------------------
 */

static void is_called(const pgr_bench *b, size_t cell, const char *want) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_bench_cell_name(b, &b->cells[cell], &name);
  assert_string_equal(pgr_buf_text(&name), want);
  pgr_buf_deinit(&name);
}

static void a_name_says_what_tells_a_cell_from_others(void **state) {
  fixture *f = *state;
  bench_load l = {.strategy = BENCH_NAIVE, .clients = 8, .connections = 8};
  bench_add_cell(&f->b, &l);
  is_called(&f->b, 0, "naive");
  l.strategy = BENCH_TRIGGER;
  bench_add_cell(&f->b, &l);
  is_called(&f->b, 1, "trigger");
  l.clients = 1024;
  bench_add_cell(&f->b, &l);
  is_called(&f->b, 0, "naive@8");
  is_called(&f->b, 2, "trigger@1024");
  l.isolation = PGR_REPEATABLE_READ;
  bench_add_cell(&f->b, &l);
  is_called(&f->b, 0, "naive/read committed@8");
  is_called(&f->b, 3, "trigger/repeatable read@1024");
  f->b.cells[0].clients = f->b.cells[1].clients = 1024;
  is_called(&f->b, 3, "trigger/repeatable read");
}

static void values_are_written_for_people(void **state) {
  (void)state;
  static const struct {
    pgr_unit unit;
    double value;
    const char *text;
  } cases[] = {{PGR_UNIT_NS, 1250000, "1.25 ms"},
               {PGR_UNIT_NS, 812.4, "812 ns"},
               {PGR_UNIT_PER_S, 2103.4, "2,103 /s"},
               {PGR_UNIT_PER_S, 99.94, "99.9 /s"},
               {PGR_UNIT_PER_S, 99.96, "100 /s"},
               {PGR_UNIT_PER_S, 9.994, "9.99 /s"},
               {PGR_UNIT_PER_S, 0.0421, "0.042 /s"},
               {PGR_UNIT_COUNT, 0, "0"},
               {PGR_UNIT_COUNT, 7, "7"},
               {PGR_UNIT_COUNT, 1234567, "1,234,567"},
               {PGR_UNIT_COUNT, 0.15, "0.15"},
               {PGR_UNIT_COUNT, 12.34, "12.3"},
               {PGR_UNIT_SHARE, 0.12, "12 %"},
               {PGR_UNIT_SHARE, 0.0124, "1.2 %"},
               {PGR_UNIT_SHARE, 0.00124, "0.12 %"},
               {PGR_UNIT_SHARE, 0.00000124, "0.00012 %"},
               {PGR_UNIT_SHARE, 0, "0 %"},
               {PGR_UNIT_SHARE, 1, "100 %"},
               {PGR_UNIT_SHARE, 0.99999, "99.99 %"},
               {PGR_UNIT_SHARE, 0.9987, "99.87 %"},
               {PGR_UNIT_SHARE, 2.5, "250 %"},
               {PGR_UNIT_SHARE, -0.05, "-5.0 %"},
               {PGR_UNIT_BYTES, 412.4, "412 B"},
               {PGR_UNIT_BYTES, 1023, "1,023 B"},
               {PGR_UNIT_BYTES, 1024, "1 kB"},
               {PGR_UNIT_BYTES, 1536, "1.50 kB"},
               {PGR_UNIT_BYTES, 3.2e9, "2.98 GB"},
               {PGR_UNIT_NS, NAN, "–"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_buf text;
    pgr_buf_init(&text, 0);
    pgr_bench_value(cases[i].unit, cases[i].value, &text);
    assert_string_equal(pgr_buf_text(&text), cases[i].text);
    pgr_buf_deinit(&text);
  }
}

/* The text, where it depends on what a golden file shows one side of. */

static void says(const pgr_bench *b, const char *what, bool expected) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_bench_text(b, false, &out);
  bool found = strstr(pgr_buf_text(&out), what) != NULL;
  if (found != expected) fail_msg("“%s” is %s:\n%s", what, found ? "in" : "not in", pgr_buf_text(&out));
  pgr_buf_deinit(&out);
}

static void a_client_past_any_limit_was_held_up(void **state) {
  fixture *f = *state;
  static const struct {
    double busy, waits;
    int64_t late_ns;
    bool warns;
  } cases[] = {{0.80, 0.20, 1000000, false}, {0.81, 0.00, 0, true}, {0.10, 0.21, 0, true}, {0.10, 0.00, 1100000, true}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_bench b = bench_of(f->s);
    bench_load l = {.clients = 8, .connections = 8};
    bench_add_cell(&b, &l);
    pgr_bench_cell *c = &b.cells[0];
    c->threads = 1;
    pgr_measure m = bare(1000);
    m.cpu_ns = (int64_t)(cases[i].busy * (double)m.window_ns);
    m.run_wait_ns = (int64_t)(cases[i].waits * (double)m.window_ns);
    assert_int_equal(pgr_tally_record(&m.loop_lag, cases[i].late_ns), PGR_OK);
    add(f, c, m);
    settle(f, c);
    says(&b, "pgrace itself was held up in naive (", cases[i].warns);
    pgr_bench_deinit(&b);
  }
}

/* Two are explained; of three only the names. */
static void many_that_were_held_up_are_only_named(void **state) {
  fixture *f = *state;
  static const uint32_t clients[] = {1, 2, 4};
  for (size_t i = 0; i < 3; i++) {
    bench_load l = bench_with(BENCH_TRIGGER, clients[i], clients[i]);
    l.transactions = 100;
    l.cpu_ns = 19 * PGR_NS_PER_S;
    bench_add_cell(&f->b, &l);
    if (i == 1) says(&f->b, "held up in trigger@1 (busy for", true);
  }
  says(&f->b, "held up in trigger@1, trigger@2,", true);
}

static void a_control_without_duplicates_is_remarked(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_NAIVE, 8, 8);
  l.duplicates = 0;
  l.transactions = 100;
  bench_add_cell(&f->b, &l);
  says(&f->b, "naive: none seen, the scenario says race.", true);
  f->b.cells[0].all.verified = false;
  says(&f->b, "none seen", false);
  f->b.cells[0].all.verified = true;
  f->b.cells[0].rows_broken = 1;
  says(&f->b, "none seen", false);
  f->b.cells[0].rows_broken = 0;
  f->b.cells[0].expect = PGR_EXPECT_SAFE;
  says(&f->b, "none seen", false);
}

static void duplicates_without_a_story_are_counted(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  l.duplicates = 2;
  bench_add_cell(&f->b, &l);
  says(&f->b, "duplicates in 887 operations, NOT expected; the first:", true);
  f->b.cells[0].story = (pgr_follow_report){0};
  says(&f->b, "trigger: 12 duplicates in 887 operations, NOT expected.\n", true);
  f->b.cells[0].expect = PGR_EXPECT_NOTHING;
  says(&f->b, "trigger: 12 duplicates in 887 operations.\n", true);
}

static void a_refusal_that_nothing_explains_is_told(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  bench_add_cell(&f->b, &l);
  says(&f->b, "that nothing explains", false);
  f->b.cells[0].all.unexplained = 1;
  f->b.cells[0].story.unexplained = 1;
  f->b.cells[0].story.unexplained_first.second = (pgr_op){.key = 1234, .agent = 9};
  says(&f->b, "trigger: 1 refusal that nothing explains; the first: conversation 1,234, agent", true);
}

static void thresholds_that_were_kept_are_counted(void **state) {
  fixture *f = *state;
  pgr_bench *b = &f->b;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  bench_add_cell(b, &l);
  says(b, "kept", false);
  b->thresholds = (const pgr_threshold[]){{.text = "tps > 1"}, {.text = "errors == 0"}};
  b->threshold_count = 2;
  says(b, "2 thresholds, kept.", true);
  b->threshold_count = 1;
  says(b, "1 threshold, kept.", true);
}

/* However many there are: every one that is worse is shown. */
static void changes_for_the_worse_are_all_shown(void **state) {
  fixture *f = *state;
  pgr_bench *b = &f->b;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  bench_add_cell(b, &l);
  b->compared = true;
  for (int i = 0; i < 30; i++)
    bench_add_change(b, 0, "claim.ok.p50", 0.9, 0.01);
  for (int i = 0; i < 29; i++)
    bench_add_change(b, 0, "claim.ok.p90", 1.2, 0.01);
  bench_add_change(b, 0, "claim.ok.p95", 1.2, 0.0001);
  says(b, "claim.ok.p95", true);
  says(b, "<0.001  worse", true);
  says(b, "10 more figures are better.", true);
  says(b, "did not change", false);
  bench_add_change(b, 0, "claim.ok.max", 1.0, 0.6);
  says(b, "1 other figure did not change significantly.", true);
  says(b, "claim.ok.max", false);
}

/* The text's lines that hold `what`; the caller's to deinit. */
static void lines_with(const pgr_bench *b, const char *what, pgr_buf *lines) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_buf_init(lines, 0);
  pgr_bench_text(b, false, &out);
  for (const char *p = pgr_buf_text(&out); *p;) {
    size_t len = strcspn(p, "\n");
    const char *found = strstr(p, what);
    if (found && found < p + len) pgr_buf_add(lines, p, len + 1);
    p += len + (p[len] == '\n');
  }
  pgr_buf_deinit(&out);
}

/* Those seen most, as many as a line holds. */
static void waits_fill_a_line_and_no_more(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  bench_add_cell(&f->b, &l);
  pgr_server_figures *server = &f->b.cells[0].all.server;
  server->looks = 1;
  for (server->wait_count = 0; server->wait_count < 20; server->wait_count++) {
    pgr_wait *w = &server->waits[server->wait_count];
    snprintf(w->what, sizeof w->what, "Wait:number%zu", server->wait_count);
    w->seen = 20 - server->wait_count;
  }
  pgr_buf lines;
  lines_with(&f->b, ", Wait:number1 19", &lines);
  assert_in_range(lines.len, 60, 81);
  assert_non_null(strstr(pgr_buf_text(&lines), "Wait:number0 20, Wait:number1 19, Wait:number2 18"));
  assert_null(strstr(pgr_buf_text(&lines), "Wait:number7"));
  pgr_buf_deinit(&lines);
}

static void a_table_moves_no_cursor(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  bench_add_cell(&f->b, &l);
  pgr_wait *w = &f->b.cells[0].all.server.waits[0];
  snprintf(w->what, sizeof w->what, "My:\x1b[2J\n\1\2\xff.");
  says(&f->b, "  My: [2J   ?. 76 %\n", true);
}

/* Wherever the line breaks. */
static void a_number_keeps_its_unit(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  bench_add_cell(&f->b, &l);
  for (int width = 40; width < 80; width++) {
    pgr_buf lines;
    snprintf(f->b.cells[0].trouble, sizeof f->b.cells[0].trouble, "%0*d then 31.5 µs, 12 %% late", width, 0);
    lines_with(&f->b, "31.5", &lines);
    if (!strstr(pgr_buf_text(&lines), "31.5 µs")) fail_msg("%d: %s", width, pgr_buf_text(&lines));
    pgr_buf_deinit(&lines);
    lines_with(&f->b, "% late", &lines);
    if (lines.len) assert_non_null(strstr(pgr_buf_text(&lines), "12 % late"));
    pgr_buf_deinit(&lines);
  }
}

static void one_repetition_has_no_spread(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.transactions = 100;
  l.repetitions = 1;
  bench_add_cell(&f->b, &l);
  says(&f->b, "One repetition does not say how much a figure varies", true);
  says(&f->b, "±", false);
}

static void what_was_not_run_has_no_figures(void **state) {
  fixture *f = *state;
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  l.repetitions = 0;
  bench_add_cell(&f->b, &l);
  says(&f->b, "not run", true);
  says(&f->b, "p99", false);
  says(&f->b, "The client", false);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
  const struct CMUnitTest tests[] = {TEST(every_figure_has_its_name_unit_and_direction),
                                     TEST(what_never_was_has_no_figure),
                                     TEST(rates_are_medians_and_counts_are_sums),
                                     TEST(quantiles_are_of_all_samples),
                                     TEST(fewer_than_six_repetitions_are_not_bounded),
                                     TEST(an_outcome_that_comes_late_has_a_value_for_every_repetition),
                                     TEST(retries_are_a_mean_of_operations),
                                     TEST(statements_are_told_apart),
                                     TEST(duplicates_are_of_the_repetitions_that_were_verified),
                                     TEST(broken_rows_are_told_apart_by_repetition),
                                     TEST(the_client_is_measured_by_its_threads),
                                     TEST(the_server_is_measured_by_transactions_and_looks),
                                     TEST(a_window_that_never_began_measured_nothing),
                                     TEST(a_repetition_takes_the_series),
                                     TEST(without_memory_nothing_leaks),
                                     TEST(a_name_says_what_tells_a_cell_from_others),
                                     TEST(values_are_written_for_people),
                                     TEST(a_client_past_any_limit_was_held_up),
                                     TEST(many_that_were_held_up_are_only_named),
                                     TEST(a_control_without_duplicates_is_remarked),
                                     TEST(duplicates_without_a_story_are_counted),
                                     TEST(a_refusal_that_nothing_explains_is_told),
                                     TEST(thresholds_that_were_kept_are_counted),
                                     TEST(changes_for_the_worse_are_all_shown),
                                     TEST(waits_fill_a_line_and_no_more),
                                     TEST(a_table_moves_no_cursor),
                                     TEST(a_number_keeps_its_unit),
                                     TEST(one_repetition_has_no_spread),
                                     TEST(what_was_not_run_has_no_figures)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
