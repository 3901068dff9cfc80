/* Thresholds: how they are read, which figures a bench can have, and which cells cross them. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_threshold.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- a bench of two strategies at two levels, with two numbers of clients ---- */

static const pgr_script scripts[] = {{.sql_count = 3}, {.sql_count = 1}, {.sql_count = 12}};

static pgr_scenario *scenario(void) {
  static pgr_scenario s;
  s = (pgr_scenario){.name = "claim",
                     .operations = {{.name = "claim"}, {.name = "re.ply"}, {.name = "transaction"}},
                     .operation_count = 3,
                     .ownership = {.declared = true},
                     .invariant_count = 1,
                     .strategy_count = 3};
  s.strategies[0] = (pgr_strategy){.name = "naive", .scripts = {&scripts[0], &scripts[1], &scripts[1]}};
  s.strategies[1] = (pgr_strategy){.name = "trigger", .scripts = {&scripts[1], NULL, &scripts[1]}};
  s.strategies[2] = (pgr_strategy){.name = "advisory", .scripts = {&scripts[2], &scripts[1], &scripts[1]}};
  return &s;
}

enum { CELLS = 4, FIGURES_MAX = 8 };

/* Cells: 0 naive and 1 trigger at READ COMMITTED with 8 clients, 2 trigger at SERIALIZABLE with 8, 3 there with 64. */
static void bench_init(pgr_bench *b) {
  *b = (pgr_bench){.scenario = scenario()};
  b->settings.verify = b->settings.open = true;
  b->settings.keys.spread = PGR_SPREAD_ONCE;
  b->cell_count = CELLS;
  b->cells = pgr_calloc(CELLS, sizeof *b->cells);
  assert_non_null(b->cells);
  for (size_t i = 0; i < CELLS; i++) {
    pgr_bench_cell *c = &b->cells[i];
    c->strategy = &b->scenario->strategies[i > 0];
    c->isolation = i < 2 ? PGR_READ_COMMITTED : PGR_SERIALIZABLE;
    c->clients = i == 3 ? 64 : 8;
    c->figures = pgr_calloc(FIGURES_MAX, sizeof *c->figures);
    assert_non_null(c->figures);
  }
}

static void add_figure(pgr_bench *b, size_t cell, const char *name, pgr_unit unit, double value) {
  pgr_bench_cell *c = &b->cells[cell];
  assert_true(c->figure_count < FIGURES_MAX);
  pgr_figure *f = &c->figures[c->figure_count++];
  *f = (pgr_figure){.unit = unit, .value = value};
  snprintf(f->name, sizeof f->name, "%s", name);
}

static pgr_threshold parsed(const char *text, const char *where) {
  pgr_threshold t;
  pgr_err err;
  if (pgr_threshold_parse(text, where, &t, &err)) fail_msg("%s", err.msg);
  return t;
}

/* "" when it passes, else the message; static. */
static const char *checked_in(pgr_bench *b, const char *text, const char *where) {
  static pgr_err err;
  pgr_threshold t = parsed(text, where);
  b->thresholds = &t;
  b->threshold_count = 1;
  err = (pgr_err){0};
  pgr_code code = pgr_threshold_check(b, &err);
  b->thresholds = NULL;
  b->threshold_count = 0;
  assert_true(code == PGR_OK || code == PGR_EUSAGE);
  assert_true(code == err.code);
  return err.msg;
}

static const char *checked(pgr_bench *b, const char *text) {
  return checked_in(b, text, "--threshold");
}

static void must_contain(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("'%s' is not in '%s'", part, text);
}

static void must_not_contain(const char *text, const char *part) {
  if (strstr(text, part)) fail_msg("'%s' is in '%s'", part, text);
}

/* ---- reading ---- */

static void figures_comparisons_and_values(void **state) {
  (void)state;
  static const struct {
    const char *text, *figure;
    pgr_comparison comparison;
    double value;
    bool has_unit;
    pgr_unit unit;
  } table[] = {
      {"claim.ok.p99 < 5ms", "claim.ok.p99", PGR_LESS, 5e6, true, PGR_UNIT_NS},
      {"claim.ok.p99<=250us", "claim.ok.p99", PGR_LESS_OR_EQUAL, 250e3, true, PGR_UNIT_NS},
      {"  transaction.max   <  1.5s  ", "transaction.max", PGR_LESS, 1.5e9, true, PGR_UNIT_NS},
      {"transaction.p50 < 2 m", "transaction.p50", PGR_LESS, 120e9, true, PGR_UNIT_NS},
      {"transaction.p50 > 0", "transaction.p50", PGR_MORE, 0, false, PGR_UNIT_COUNT},
      {"tps >= 1,000.25", "tps", PGR_MORE_OR_EQUAL, 1000.25, false, PGR_UNIT_COUNT},
      {"tps > 2_000/s", "tps", PGR_MORE, 2000, true, PGR_UNIT_PER_S},
      {"tps > 2000 /s", "tps", PGR_MORE, 2000, true, PGR_UNIT_PER_S},
      {"duplicates == 0", "duplicates", PGR_EQUAL, 0, false, PGR_UNIT_COUNT},
      {"errors != 3", "errors", PGR_NOT_EQUAL, 3, false, PGR_UNIT_COUNT},
      {"client.cpu_share < 12%", "client.cpu_share", PGR_LESS, 0.12, true, PGR_UNIT_SHARE},
      {"client.cpu_share < 0.5", "client.cpu_share", PGR_LESS, 0.5, false, PGR_UNIT_COUNT},
      {"server.wal_per_transaction < 512B", "server.wal_per_transaction", PGR_LESS, 512, true, PGR_UNIT_BYTES},
      {"server.wal_per_transaction < 1.5kB", "server.wal_per_transaction", PGR_LESS, 1536, true, PGR_UNIT_BYTES},
      {"server.wal_per_transaction < 10MB", "server.wal_per_transaction", PGR_LESS, 10485760, true, PGR_UNIT_BYTES},
      {"server.wal_per_transaction < 1 GB", "server.wal_per_transaction", PGR_LESS, 1073741824, true, PGR_UNIT_BYTES},
      {"server.wal_per_transaction < 1TB", "server.wal_per_transaction", PGR_LESS, 1099511627776, true, PGR_UNIT_BYTES},
      {"server.wait.Lock:transactionid < 2", "server.wait.Lock:transactionid", PGR_LESS, 2, false, PGR_UNIT_COUNT},
      {" server.wait.IO:DataFileRead < 2", "server.wait.IO:DataFileRead", PGR_LESS, 2, false, PGR_UNIT_COUNT},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_threshold t = parsed(table[i].text, "--threshold");
    assert_string_equal(t.text, table[i].text);
    assert_string_equal(t.where, "--threshold");
    assert_string_equal(t.figure, table[i].figure);
    assert_int_equal(t.comparison, table[i].comparison);
    assert_true(t.value == table[i].value);
    assert_int_equal(t.has_unit, table[i].has_unit);
    assert_int_equal(t.unit, table[i].unit);
    assert_string_equal(t.strategy, "");
    assert_string_equal(t.level, "");
    assert_true(t.clients == 0);
  }
}

static void cells(void **state) {
  (void)state;
  static const struct {
    const char *text, *strategy, *level;
    int64_t clients;
    const char *figure;
  } table[] = {
      {"trigger: tps > 1", "trigger", "", 0, "tps"},
      {"trigger:tps > 1", "trigger", "", 0, "tps"},
      {" trigger / serializable : tps > 1", "trigger", "serializable", 0, "tps"},
      {"trigger/read committed@64: tps > 1", "trigger", "read committed", 64, "tps"},
      {"trigger/repeatable-read @ 1,000: tps > 1", "trigger", "repeatable read", 1000, "tps"},
      {"trigger/read_committed: tps > 1", "trigger", "read committed", 0, "tps"},
      {"for-update@8: tps > 1", "for-update", "", 8, "tps"},
      {"trigger: server.wait.Lock:tuple < 1", "trigger", "", 0, "server.wait.Lock:tuple"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_threshold t = parsed(table[i].text, "claim.yaml:12:5");
    assert_string_equal(t.strategy, table[i].strategy);
    assert_string_equal(t.level, table[i].level);
    assert_true(t.clients == table[i].clients);
    assert_string_equal(t.figure, table[i].figure);
  }
}

static void what_cannot_be_read(void **state) {
  (void)state;
  static const struct {
    const char *text, *message;
  } table[] = {
      {"", "compares nothing"},
      {"tps", "'tps' compares nothing"},
      {"trigger: tps", "compares nothing"},
      {"trigger: ", "compares nothing"},
      {"< 5ms", "names no figure"},
      {"trigger: < 5ms", "names no figure"},
      {"tps = 5", "'=' is no comparison"},
      {"tps => 5", "'=>' is no comparison"},
      {"tps <<<<<<<<<<<< 5", "is no comparison"},
      {"tps ! 5", "'!' is no comparison"},
      {"tps <", "'' is no value"},
      {"tps < many", "'many' is no value"},
      {"tps < -5", "'-5' is no value"},
      {"tps < 5 ms ms", "is no value"},
      {"tps < 5.", "is no value"},
      {"tps < .5", "is no value"},
      {"tps < 1,00", "is no value"},
      {"tps < 1e6", "is no value"},
      {"tps < 10Mb", "one of ns us ms s m h, %, B kB MB GB TB, /s"},
      {"tps < 99999999999999999999", "is no value"},
      {"tps < 99999999999999999999999999999999999999", "is no value"},
      {"tps < 20000h", "is no value"},
      {": tps < 5", "names no cell"},
      {"/serializable: tps < 5", "names no cell"},
      {"@8: tps < 5", "names no cell"},
      {"trigger/serializeable: tps < 5", "unknown level 'serializeable', did you mean 'serializable'?"},
      {"trigger/quick: tps < 5", "unknown level 'quick', there are: read committed, repeatable read, serializable"},
      {"trigger/: tps < 5", "unknown level ''"},
      {"trigger/read committed or anything above it: tps < 5", "unknown level"},
      {"trigger@: tps < 5", "clients: '' is not a whole number"},
      {"trigger@0: tps < 5", "clients: 0 is out of range"},
      {"trigger@x: tps < 5", "clients: 'x' is not a whole number"},
      {"trigger@1111111111111111111111111111111111: tps < 5", "too many digits"},
      {"a.figure.with.a.name.that.is.longer.than.any.figure.of.any.bench.could.ever.be.called.by.anybody.at.all < 5",
       "no figure has a name that long"},
      {"a-strategy-with-a-name-that-is-longer-than-any-scenario-could-ever-declare: tps < 5", "names no cell"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_err err = {0};
    pgr_threshold t = {.clients = 42};
    if (pgr_threshold_parse(table[i].text, "claim.yaml:12:5", &t, &err) != PGR_EUSAGE)
      fail_msg("'%s' was read", table[i].text);
    must_contain(err.msg, table[i].message);
    assert_ptr_equal(strstr(err.msg, "claim.yaml:12:5: "), err.msg);
    assert_true(t.clients == 42);
  }
}

static void too_long_a_text(void **state) {
  (void)state;
  char text[220] = "tps < 5";
  pgr_threshold t;
  pgr_err err;
  memset(text + strlen(text), ' ', 199 - strlen(text));
  text[199] = '\0';
  assert_int_equal(pgr_threshold_parse(text, "--threshold", &t, &err), PGR_OK);
  assert_string_equal(t.text, text);
  text[199] = ' ';
  assert_int_equal(pgr_threshold_parse(text, "--threshold", &t, &err), PGR_EUSAGE);
  must_contain(err.msg, "at most 199 bytes, not 200");
}

static void a_text_is_made_fit_to_be_printed(void **state) {
  (void)state;
  pgr_threshold t = parsed("tps\t<\n5", "a\x1b[31m.yaml");
  assert_string_equal(t.text, "tps < 5");
  assert_string_equal(t.where, "a [31m.yaml");
  assert_string_equal(t.figure, "tps");
  assert_string_equal(parsed("\xff < 5", "--threshold").figure, "?");
}

/* ---- the figures there can be ---- */

static void every_figure_is_known(void **state) {
  (void)state;
  static const char *const with_number[] = {"transactions",         "unfinished",
                                            "duplicates",           "unexplained",
                                            "rows_broken",          "errors",
                                            "claim.ok.count",       "claim.refused.count",
                                            "claim.rejected.count", "claim.failed.count",
                                            "re.ply.unknown.count", "transaction.retried.count",
                                            "claim.retries",        "re.ply.retries",
                                            "claim.tries.max",      "arrivals.due",
                                            "arrivals.late",        "arrivals.shed",
                                            "arrivals.unsent",      "server.deadlocks",
                                            "server.rollbacks",     "server.wait.Lock:transactionid",
                                            "server.wait.CPU",      "server.wait.Some.New.Thing"};
  static const char *const with_rate[] = {"tps", "statements_per_s", "claim.ok.rate", "re.ply.failed.rate"};
  static const char *const with_time[] = {"transaction",
                                          "pool_wait",
                                          "lag",
                                          "claim.ok",
                                          "claim.retried",
                                          "re.ply.rejected",
                                          "transaction.refused",
                                          "response.claim.ok",
                                          "response.re.ply.unknown",
                                          "response.transaction.ok",
                                          "statement.claim.1",
                                          "statement.claim.3",
                                          "statement.re.ply.1",
                                          "client.loop_lag"};
  static const char *const quantiles[] = {"mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"};
  static const char *const times[] = {"connect", "client.cpu_per_transaction", "server.cpu_per_transaction"};
  static const char *const shares[] = {"client.cpu_share", "client.run_wait_share", "server.hit_share"};
  char text[160];
  pgr_bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof with_number / sizeof *with_number; i++) {
    snprintf(text, sizeof text, "%s < 5", with_number[i]);
    assert_string_equal(checked(&b, text), "");
    snprintf(text, sizeof text, "%s < 5ms", with_number[i]);
    must_contain(checked(&b, text), "is a number without a unit");
  }
  for (size_t i = 0; i < sizeof with_rate / sizeof *with_rate; i++) {
    snprintf(text, sizeof text, "%s < 5/s", with_rate[i]);
    assert_string_equal(checked(&b, text), "");
    snprintf(text, sizeof text, "%s < 5", with_rate[i]);
    assert_string_equal(checked(&b, text), "");
    snprintf(text, sizeof text, "%s < 5%%", with_rate[i]);
    must_contain(checked(&b, text), "is a number a second");
  }
  for (size_t i = 0; i < sizeof with_time / sizeof *with_time; i++)
    for (size_t q = 0; q < sizeof quantiles / sizeof *quantiles; q++) {
      snprintf(text, sizeof text, "%s.%s < 5ms", with_time[i], quantiles[q]);
      assert_string_equal(checked(&b, text), "");
      snprintf(text, sizeof text, "%s.%s < 5", with_time[i], quantiles[q]);
      must_contain(checked(&b, text), "is a time, write it like 250us, 5ms or 1.5s");
    }
  for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
    snprintf(text, sizeof text, "%s < 5kB", times[i]);
    must_contain(checked(&b, text), "is a time");
    snprintf(text, sizeof text, "%s > 0", times[i]);
    assert_string_equal(checked(&b, text), "");
  }
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
    snprintf(text, sizeof text, "%s < 120%%", shares[i]);
    assert_string_equal(checked(&b, text), "");
    snprintf(text, sizeof text, "%s < 1", shares[i]);
    assert_string_equal(checked(&b, text), "");
    snprintf(text, sizeof text, "%s < 12", shares[i]);
    must_contain(checked(&b, text), "is a share, write it like 12% or 0.12");
  }
  assert_string_equal(checked(&b, "server.wal_per_transaction < 5kB"), "");
  assert_string_equal(checked(&b, "server.wal_per_transaction < 5000"), "");
  must_contain(checked(&b, "server.wal_per_transaction < 5s"), "is a size");
  pgr_bench_deinit(&b);
}

static void others_are_not(void **state) {
  (void)state;
  static const char *const table[] = {"claim",
                                      "claim.ok",
                                      "claim.okay.p99",
                                      "claim.ok.p98",
                                      "claim.ok.p99.",
                                      "claim.ok.p99.99.9",
                                      "claim.p99",
                                      "claim..p99",
                                      "claim.tries",
                                      "claim.tries.p99",
                                      "response.claim.ok.count",
                                      "response.claim.retries",
                                      "response.ok.p99",
                                      "statement.claim.p99",
                                      "statement.claim.0.p99",
                                      "statement.claim.01.p99",
                                      "statement.claim.4.p99",
                                      "statement.claim.99999999999.p99",
                                      "statement.claim.1",
                                      "statement.release.1.p99",
                                      "transactions.p99",
                                      "tps.mean",
                                      "connect.p99",
                                      "server",
                                      "server.wait",
                                      "server.wait.",
                                      "client.loop_lag",
                                      "arrivals",
                                      "lag",
                                      "TPS",
                                      "."};
  char text[160];
  pgr_bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    snprintf(text, sizeof text, "%s > 0", table[i]);
    const char *message = checked(&b, text);
    snprintf(text, sizeof text, "--threshold: '%s' is no figure of claim", table[i]);
    must_contain(message, text);
    must_contain(message, "there are ");
  }
  pgr_bench_deinit(&b);
}

static void what_may_have_been_meant(void **state) {
  (void)state;
  static const struct {
    const char *figure, *meant; /* NULL: nothing is near */
  } table[] = {
      {"tsp", "tps"},
      {"claim.okay.p99", "claim.ok.p99"},
      {"claim.ok.p999", "claim.ok.p99.9"},
      {"clam.ok.p99", "claim.ok.p99"},
      {"re.ply.regected.maxx", "re.ply.rejected.max"},
      {"clame.regected.mean", "claim.rejected.mean"},
      {"transactoin.p99", "transaction.p99"},
      {"transactoins", "transactions"},
      {"respons.claim.ok.p99", "response.claim.ok.p99"},
      {"statment.claim.2.p99", "statement.claim.2.p99"},
      {"statement.claim.2.p9999", "statement.claim.2.p99.99"},
      {"arrivals.du", "arrivals.due"},
      {"claim.retrie", "claim.retries"},
      {"claim.tires.max", "claim.tries.max"},
      {"sever.wait.CPU", "server.wait.CPU"},
      {"client.looplag.p99", "client.loop_lag.p99"},
      {"claim.ok", NULL},
      {"statement.claim.4.p99", NULL},
      {"throughput", NULL},
  };
  char text[160];
  pgr_bench b;
  bench_init(&b);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    snprintf(text, sizeof text, "%s > 0", table[i].figure);
    const char *message = checked(&b, text);
    if (table[i].meant) {
      snprintf(text, sizeof text, "'%s' is no figure of claim, did you mean '%s'? there are ", table[i].figure,
               table[i].meant);
      must_contain(message, text);
    } else {
      must_not_contain(message, "did you mean");
    }
  }
  pgr_bench_deinit(&b);
}

static void what_there_is(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  assert_string_equal(
      checked(&b, "claim.okay.p99 < 5ms"),
      "--threshold: 'claim.okay.p99' is no figure of claim, did you mean 'claim.ok.p99'? there are tps, "
      "statements_per_s, transactions, unfinished, errors, duplicates, unexplained, rows_broken, connect, "
      "transaction.Q, pool_wait.Q, lag.Q, arrivals.…, client.…, server.…, OPERATION.OUTCOME.Q, .count and .rate, "
      "response.OPERATION.OUTCOME.Q, OPERATION.retries, OPERATION.tries.max, statement.OPERATION.N.Q with Q: mean, "
      "p50, p90, p95, p99, p99.9, p99.99, max; OUTCOME: ok, refused, rejected, failed, unknown, retried; OPERATION: "
      "claim, re.ply, transaction");
  assert_string_equal(checked(&b, "client.memory < 5MB"),
                      "--threshold: 'client.memory' is no figure of claim: there are client.cpu_per_transaction, "
                      "client.cpu_share, client.run_wait_share, client.loop_lag.p99 and the like");
  assert_string_equal(checked(&b, "arrivals.now < 5"),
                      "--threshold: 'arrivals.now' is no figure of claim: there are arrivals.due, arrivals.late, "
                      "arrivals.shed, arrivals.unsent");
  must_contain(checked(&b, "server.waits < 5"), "server.hit_share, server.wait.WHAT");
  must_contain(checked(&b, "statement.claim.4.p99 < 5ms"), "OPERATION: claim (N to 3), re.ply (N to 1), transaction");
  b.settings.open = b.settings.verify = false;
  const char *message = checked(&b, "nothing < 5ms");
  must_contain(message, "errors, connect, transaction.Q, pool_wait.Q, client.…");
  pgr_bench_deinit(&b);
}

static void statements_are_those_of_its_cells(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  assert_string_equal(checked(&b, "naive: statement.claim.3.p99 < 5ms"), "");
  assert_string_equal(checked(&b, "trigger: statement.claim.1.p99 < 5ms"), "");
  must_contain(checked(&b, "trigger: statement.claim.3.p99 < 5ms"), "claim (N to 1), re.ply (N to 0)");
  must_contain(checked(&b, "statement.claim.12.p99 < 5ms"), "claim (N to 3)"); /* a strategy that is not measured */
  assert_string_equal(checked_in(&b, "advisory: statement.claim.12.p99 < 5ms", "claim.yaml:12:5"), "");
  must_contain(checked_in(&b, "advisory: statement.claim.13.p99 < 5ms", "claim.yaml:12:5"), "claim (N to 12)");
  pgr_bench_deinit(&b);
}

static void figures_that_this_bench_leaves_out(void **state) {
  (void)state;
  static const struct {
    const char *text, *without_open, *without_verify, *without_rules; /* what the message says; NULL: it passes */
  } table[] = {
      {"lag.p99 < 5ms", "'lag.p99' is a figure of the open loop, give --rate", NULL, NULL},
      {"arrivals.late < 5", "'arrivals.late' is a figure of the open loop", NULL, NULL},
      {"duplicates == 0", NULL, "without verification there is no 'duplicates', leave out --no-verify",
       "there is no 'duplicates' of claim, which declares no ownership"},
      {"unexplained == 0", NULL, "without verification there is no 'unexplained'", "declares no ownership"},
      {"rows_broken == 0", NULL, "without verification there is no 'rows_broken'",
       "no invariant of claim is asked of these keys"},
      {"response.claim.ok.p99 < 5ms", NULL, NULL, NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++)
    for (int without = 0; without < 3; without++) {
      const char *expected[] = {table[i].without_open, table[i].without_verify, table[i].without_rules};
      pgr_bench b;
      bench_init(&b);
      pgr_scenario *s = scenario();
      if (without == 0) b.settings.open = false;
      if (without == 1) b.settings.verify = false;
      if (without == 2) {
        s->ownership.declared = false;
        s->invariants[0].needs_history = true;
      }
      const char *message = checked(&b, table[i].text);
      if (expected[without])
        must_contain(message, expected[without]);
      else
        assert_string_equal(message, "");
      assert_string_equal(checked_in(&b, table[i].text, "claim.yaml:12:5"), ""); /* the scenario's own */
      pgr_bench_deinit(&b);
    }
}

static void cells_there_are(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  static const char *const fine[] = {"naive: tps > 1", "trigger/serializable: tps > 1",
                                     "trigger/serializable@64: tps > 1", "trigger@64: tps > 1",
                                     "naive/read committed@8: tps > 1"};
  static const char *const none[] = {"advisory: tps > 1", "naive/serializable: tps > 1", "naive@64: tps > 1",
                                     "trigger/read committed@64: tps > 1", "trigger/repeatable read: tps > 1"};
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++)
    assert_string_equal(checked(&b, fine[i]), "");
  for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
    must_contain(checked(&b, none[i]),
                 "is about no cell of this bench, there are: naive/read committed@8, trigger/read committed@8, "
                 "trigger/serializable@8, trigger/serializable@64");
    assert_string_equal(checked_in(&b, none[i], "claim.yaml:12:5"), "");
  }
  must_contain(checked(&b, "triger: tps > 1"), "unknown strategy 'triger', did you mean 'trigger'?");
  must_contain(checked_in(&b, "triger: tps > 1", "claim.yaml:12:5"), "claim.yaml:12:5: 'triger: tps > 1': unknown");
  must_contain(checked(&b, "somethingelse: tps > 1"), "there are: naive, trigger, advisory");
  pgr_bench_deinit(&b);
}

static void all_are_checked(void **state) {
  (void)state;
  pgr_err err = {0};
  pgr_bench b;
  bench_init(&b);
  pgr_threshold list[] = {parsed("tps > 1", "--threshold"), parsed("errors == 0", "--threshold"),
                          parsed("tsp > 1", "--threshold")};
  b.thresholds = list;
  b.threshold_count = 2;
  assert_int_equal(pgr_threshold_check(&b, &err), PGR_OK);
  b.threshold_count = 3;
  assert_int_equal(pgr_threshold_check(&b, &err), PGR_EUSAGE);
  b.threshold_count = 0;
  assert_int_equal(pgr_threshold_check(&b, &err), PGR_OK);
  pgr_bench_deinit(&b);
}

/* ---- crossings ---- */

/* "1:250 3:0", cell and value of those that crossed; static. */
static const char *crossed(pgr_bench *b, const char *text) {
  static char out[200];
  size_t len = 0;
  pgr_threshold t = parsed(text, "--threshold");
  b->thresholds = &t;
  b->threshold_count = 1;
  assert_int_equal(pgr_threshold_apply(b), PGR_OK);
  out[0] = '\0';
  for (size_t i = 0; i < b->crossing_count; i++) {
    assert_true(b->crossings[i].threshold == 0);
    len += (size_t)snprintf(out + len, sizeof out - len, "%s%zu:%g", i ? " " : "", b->crossings[i].cell,
                            b->crossings[i].value);
  }
  b->thresholds = NULL;
  b->threshold_count = 0;
  return out;
}

static void comparisons_hold_or_do_not(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  for (size_t i = 0; i < 3; i++)
    add_figure(&b, i, "tps", PGR_UNIT_PER_S, 100.0 * (double)(i + 1));
  assert_string_equal(crossed(&b, "tps < 200"), "1:200 2:300");
  assert_string_equal(crossed(&b, "tps <= 200"), "2:300");
  assert_string_equal(crossed(&b, "tps == 200"), "0:100 2:300");
  assert_string_equal(crossed(&b, "tps != 200"), "1:200");
  assert_string_equal(crossed(&b, "tps >= 200"), "0:100");
  assert_string_equal(crossed(&b, "tps > 200"), "0:100 1:200");
  pgr_bench_deinit(&b);
}

static void only_the_cells_it_is_about(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  for (size_t i = 0; i < CELLS; i++)
    add_figure(&b, i, "transaction.p99", PGR_UNIT_NS, 5e6 + (double)i);
  assert_string_equal(crossed(&b, "transaction.p99 < 5ms"), "0:5e+06 1:5e+06 2:5e+06 3:5e+06");
  assert_string_equal(crossed(&b, "naive: transaction.p99 < 5ms"), "0:5e+06");
  assert_string_equal(crossed(&b, "trigger/serializable: transaction.p99 < 5ms"), "2:5e+06 3:5e+06");
  assert_string_equal(crossed(&b, "trigger@8: transaction.p99 < 5ms"), "1:5e+06 2:5e+06");
  assert_string_equal(crossed(&b, "advisory: transaction.p99 < 5ms"), "");
  pgr_bench_deinit(&b);
}

static void a_race_that_was_expected_crosses_too(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  b.cells[0].expect = PGR_EXPECT_RACE;
  add_figure(&b, 0, "duplicates", PGR_UNIT_COUNT, 12);
  add_figure(&b, 1, "duplicates", PGR_UNIT_COUNT, 0);
  assert_string_equal(crossed(&b, "duplicates == 0"), "0:12");
  assert_string_equal(crossed(&b, "trigger: duplicates == 0"), "");
  pgr_bench_deinit(&b);
}

static void what_never_happened(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  for (size_t i = 0; i < CELLS; i++)
    add_figure(&b, i, "tps", PGR_UNIT_PER_S, 1);
  add_figure(&b, 0, "claim.failed.count", PGR_UNIT_COUNT, 3);
  add_figure(&b, 1, "claim.refused.p99", PGR_UNIT_NS, NAN);
  assert_string_equal(crossed(&b, "claim.failed.count == 0"), "0:3");
  assert_string_equal(crossed(&b, "claim.failed.count > 0"), "1:0 2:0 3:0");
  assert_string_equal(crossed(&b, "naive: claim.ok.rate >= 1"), "0:0");
  assert_string_equal(crossed(&b, "trigger@64: claim.retries > 1"), "3:0");
  assert_string_equal(crossed(&b, "trigger@64: server.wait.Lock:tuple > 1"), "3:0");
  assert_string_equal(crossed(&b, "claim.failed.p99 > 5ms"), "");  /* nobody can say */
  assert_string_equal(crossed(&b, "claim.refused.p99 > 5ms"), ""); /* nor here */
  assert_string_equal(crossed(&b, "server.wal_per_transaction > 5kB"), "");
  assert_string_equal(crossed(&b, "server.hit_share > 50%"), "");
  pgr_bench_deinit(&b);
}

static void what_was_not_measured(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  add_figure(&b, 0, "errors", PGR_UNIT_COUNT, 0);
  assert_string_equal(crossed(&b, "transactions > 0"), "0:0"); /* the other cells did not run */
  assert_string_equal(crossed(&b, "arrivals.due > 0"), "0:0");
  assert_string_equal(crossed(&b, "duplicates > 0"), "0:0");
  b.settings.open = b.settings.verify = false;
  assert_string_equal(crossed(&b, "arrivals.due > 0"), "");
  assert_string_equal(crossed(&b, "duplicates > 0"), "");
  pgr_bench_deinit(&b);
}

static void many_at_once_and_again(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  pgr_threshold list[16];
  for (size_t i = 0; i < 16; i++)
    list[i] = parsed(i % 2 ? "tps > 5" : "tps < 5", "--threshold");
  for (size_t i = 0; i < CELLS; i++)
    add_figure(&b, i, "tps", PGR_UNIT_PER_S, 7);
  b.thresholds = list;
  b.threshold_count = 16;
  for (int round = 0; round < 2; round++) {
    assert_int_equal(pgr_threshold_apply(&b), PGR_OK);
    assert_true(b.crossing_count == 8 * (size_t)CELLS);
    for (size_t i = 0; i < b.crossing_count; i++) {
      assert_true(b.crossings[i].threshold == i / CELLS * 2 && b.crossings[i].cell == i % CELLS);
      assert_true(b.crossings[i].value == 7);
    }
  }
  for (unsigned long nth = 1; nth <= 2; nth++) { /* the first list, and its growing */
    pgr_mem_fail_nth(nth);
    assert_int_equal(pgr_threshold_apply(&b), PGR_ENOMEM);
  }
  pgr_mem_fail_nth(0);
  pgr_bench_deinit(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(figures_comparisons_and_values),
      cmocka_unit_test(cells),
      cmocka_unit_test(what_cannot_be_read),
      cmocka_unit_test(too_long_a_text),
      cmocka_unit_test(a_text_is_made_fit_to_be_printed),
      cmocka_unit_test(every_figure_is_known),
      cmocka_unit_test(others_are_not),
      cmocka_unit_test(what_may_have_been_meant),
      cmocka_unit_test(what_there_is),
      cmocka_unit_test(statements_are_those_of_its_cells),
      cmocka_unit_test(figures_that_this_bench_leaves_out),
      cmocka_unit_test(cells_there_are),
      cmocka_unit_test(all_are_checked),
      cmocka_unit_test(comparisons_hold_or_do_not),
      cmocka_unit_test(only_the_cells_it_is_about),
      cmocka_unit_test(a_race_that_was_expected_crosses_too),
      cmocka_unit_test(what_never_happened),
      cmocka_unit_test(what_was_not_measured),
      cmocka_unit_test(many_at_once_and_again),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
