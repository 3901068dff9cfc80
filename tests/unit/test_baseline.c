/* Baselines: what pgrace bench writes is read again and found alike; every condition that differs is told; what is no
 * such document is refused in words; changes are found where there are any, and only there. */
#include "pgr_test.h"

#include "pgr_baseline.h"
#include "pgr_mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must_contain(const char *text, const char *part) {
  if (!strstr(text, part)) fail_msg("'%s' is not in '%s'", part, text);
}

/* ---- a bench ---- */

enum { REPETITIONS = 10, CELLS = 2, FIGURES_MAX = 8 };

static const pgr_scenario claim = {.name = "claim",
                                   .operations = {{.name = "claim"}, {.name = "release"}},
                                   .operation_count = 2,
                                   .strategies = {{.name = "naive"}, {.name = "trigger"}},
                                   .strategy_count = 2};

/* each: REPETITIONS values. */
static void add_figure(pgr_bench_cell *c, const char *name, pgr_unit unit, pgr_better better, const double *each) {
  assert_true(c->figure_count < FIGURES_MAX);
  pgr_figure *f = &c->figures[c->figure_count++];
  *f = (pgr_figure){.unit = unit, .better = better, .count = REPETITIONS};
  f->each = pgr_calloc(REPETITIONS, sizeof *f->each);
  assert_non_null(f->each);
  memcpy(f->each, each, REPETITIONS * sizeof *each);
  snprintf(f->name, sizeof f->name, "%s", name);
}

/* naive and trigger with 8 clients and no figures; everything that can be asked for was. */
static void bench_init(pgr_bench *b) {
  *b = (pgr_bench){.scenario = &claim,
                   .settings = {.threads = 2,
                                .repetitions = REPETITIONS,
                                .warmup_ns = 2000000000,
                                .duration_ns = 10000000000,
                                .hold_ns = 1000000,
                                .gap_ns = 250000,
                                .max_lag_ns = 5000000,
                                .open = true,
                                .poisson = true,
                                .verify = true,
                                .rate = {100.1, 2000},
                                .keys = {.spread = PGR_SPREAD_ZIPFIAN, .count = 1000, .exponent = 1.1},
                                .protocol = PGR_PROTOCOL_PREPARED,
                                .max_tries = 3},
                   .environment = {.private_server = true,
                                   .in_memory = true,
                                   .server_version = "15.17",
                                   .server_settings = "fsync=off full_page_writes=off max_connections=100",
                                   .cpus = 4,
                                   .machine = "Linux x86_64",
                                   .started_at = "2026-01-01T00:00:00Z"}};
  b->cell_count = CELLS;
  b->cells = pgr_calloc(CELLS, sizeof *b->cells);
  assert_non_null(b->cells);
  for (size_t i = 0; i < CELLS; i++) {
    pgr_bench_cell *c = &b->cells[i];
    c->strategy = &claim.strategies[i];
    c->clients = 8;
    c->connections = 4;
    c->threads = 2;
    c->figures = pgr_calloc(FIGURES_MAX, sizeof *c->figures);
    assert_non_null(c->figures);
  }
}

/* What pgrace bench would write of it, read again; the caller's. */
static pgr_baseline *baseline_of(const pgr_bench *b) {
  pgr_baseline *l = NULL;
  pgr_buf text;
  pgr_err err;
  pgr_buf_init(&text, 0);
  if (pgr_bench_json(b, &text, &err) || pgr_baseline_read(pgr_buf_text(&text), text.len, "b.json", &l, &err))
    fail_msg("%s", err.msg);
  pgr_buf_deinit(&text);
  return l;
}

/* "" when they may be compared, else the message; static. */
static const char *checked(const pgr_baseline *l, const pgr_bench *b) {
  static pgr_err err;
  err = (pgr_err){0};
  pgr_code code = pgr_baseline_check(l, b, &err);
  assert_true(code == PGR_OK || code == PGR_EUSAGE);
  assert_true(code == err.code);
  return err.msg;
}

/* ---- whether they may be compared ---- */

static void alike(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  pgr_baseline *l = baseline_of(&b);
  assert_string_equal(checked(l, &b), "");
  b.settings.repetitions = 20; /* more of the same */
  b.seed = 42;
  b.environment.libpq_version = 160001;
  b.environment.startup_ns = 5;
  snprintf(b.environment.started_at, sizeof b.environment.started_at, "2026-02-02T00:00:00Z");
  assert_string_equal(checked(l, &b), "");
  pgr_baseline_destroy(l);
  b.settings.open = b.settings.poisson = false; /* what is of the open loop means nothing then */
  b.settings.transactions = 500;
  b.settings.duration_ns = b.settings.max_tries = 0;
  l = baseline_of(&b);
  b.settings.rate.to = 7;
  b.settings.max_lag_ns = 7;
  b.settings.poisson = true;
  assert_string_equal(checked(l, &b), "");
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

/* Does one thing otherwise. Returns how that is told; NULL past the last. */
static const char *do_otherwise(pgr_bench *b, int what) {
  pgr_environment *e = &b->environment;
  switch (what) {
  case 0: snprintf(e->server_version, sizeof e->server_version, "15.18"); return "PostgreSQL 15.17 there, 15.18 here";
  case 1:
    snprintf(e->machine, sizeof e->machine, "Linux aarch64");
    return "machine Linux x86_64 there, Linux aarch64 here";
  case 2: e->cpus = 2; return "4 processors there, 2 here";
  case 3:
    e->private_server = false;
    snprintf(e->target, sizeof e->target, "app at db1:5432");
    return "a private server there, a given server here";
  case 4: e->in_memory = false; return "data in memory there, data on disk here";
  case 5:
    snprintf(e->server_settings, sizeof e->server_settings, "fsync=on full_page_writes=off max_connections=100 a=b");
    return "fsync=off there, fsync=on a=b here";
  case 6: e->server_settings[0] = '\0'; return "fsync=off full_page_writes=off max_connections=100 there, none here";
  case 7: b->settings.durable = true; return "not durable there, durable here";
  case 8: b->settings.threads = 1; return "--threads 2 there, 1 here";
  case 9: b->settings.warmup_ns = 0; return "--warmup 2.00 s there, none here";
  case 10: b->settings.duration_ns = 10000000001; return "--duration 10000000000 ns there, 10000000001 ns here";
  case 11: b->settings.transactions = 1000; return "--transactions none there, 1,000 here";
  case 12: b->settings.hold_ns = 2000000; return "--hold 1.00 ms there, 2.00 ms here";
  case 13: b->settings.gap_ns = 0; return "--gap 250 µs there, none here";
  case 14: b->settings.open = false; return "an open loop there, a closed loop here";
  case 15: b->settings.rate.from = 100.2; return "--rate 100.1..2000 there, 100.2..2000 here";
  case 16: b->settings.rate = (pgr_rate){300, 300}; return "--rate 100.1..2000 there, 300 here";
  case 17: b->settings.poisson = false; return "--arrivals poisson there, constant here";
  case 18: b->settings.max_lag_ns = 0; return "--max-lag 5.00 ms there, none here";
  case 19: b->settings.keys.spread = PGR_SPREAD_UNIFORM; return "--spread zipfian:1.1 there, uniform here";
  case 20: b->settings.keys.count = 10000; return "--keys 1,000 there, 10,000 here";
  case 21: b->settings.protocol = PGR_PROTOCOL_SIMPLE; return "--protocol prepared there, simple here";
  case 22: b->settings.max_tries = 5; return "--max-tries 3 there, 5 here";
  case 23: b->settings.verify = false; return "verified there, not verified here";
  case 24: b->cells[1].connections = 8; return "--connections 4 there, 8 here";
  default: return NULL;
  }
}

static void whatever_differs_is_told(void **state) {
  (void)state;
  const char *told = "";
  for (int i = 0; told; i++) {
    char expected[400];
    pgr_bench b;
    bench_init(&b);
    pgr_baseline *l = baseline_of(&b);
    told = do_otherwise(&b, i);
    snprintf(expected, sizeof expected,
             "b.json was measured elsewhere: %s; give --compare-anyway to compare all the same", told ? told : "");
    assert_string_equal(checked(l, &b), told ? expected : "");
    pgr_baseline_destroy(l);
    pgr_bench_deinit(&b);
  }
}

static void which_given_server(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  b.environment.private_server = false;
  snprintf(b.environment.target, sizeof b.environment.target, "app at db1:5432");
  pgr_baseline *l = baseline_of(&b);
  assert_string_equal(checked(l, &b), "");
  snprintf(b.environment.target, sizeof b.environment.target, "app at db2:5432");
  must_contain(checked(l, &b), ": server app at db1:5432 there, app at db2:5432 here; give");
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

static void all_differences_are_in_one_line(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  pgr_baseline *l = baseline_of(&b);
  for (int i = 0; i < 3; i++)
    (void)do_otherwise(&b, i);
  assert_string_equal(checked(l, &b),
                      "b.json was measured elsewhere: PostgreSQL 15.17 there, 15.18 here; machine Linux "
                      "x86_64 there, Linux aarch64 here; 4 processors there, 2 here; give "
                      "--compare-anyway to compare all the same");
  for (int i = 7; i <= 24; i++)
    if (i != 14 && i != 16) (void)do_otherwise(&b, i);
  must_contain(checked(l, &b), "; --spread zipfian:1.1 there, uniform here; and 5 more; give --compare-anyway to");
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

static void the_advice_is_never_cut(void **state) {
  (void)state;
  static const char end[] =
      "4 processors there, 123,456,789 here; and 2 more; give --compare-anyway to compare all the same";
  char name[300];
  pgr_baseline *l = NULL;
  pgr_err err;
  pgr_buf text;
  pgr_bench b;
  bench_init(&b);
  pgr_buf_init(&text, 0);
  memset(name, 'n', sizeof name - 1);
  name[sizeof name - 1] = '\0';
  memset(b.environment.server_settings, 's', sizeof b.environment.server_settings - 1);
  memset(b.environment.machine, 'm', sizeof b.environment.machine - 1);
  memset(b.environment.target, 't', sizeof b.environment.target - 1);
  b.environment.private_server = false;
  if (pgr_bench_json(&b, &text, &err) || pgr_baseline_read(pgr_buf_text(&text), text.len, name, &l, &err))
    fail_msg("%s", err.msg);
  b.environment.server_settings[0] = 'x';
  b.environment.machine[0] = b.environment.target[0] = 'x';
  (void)do_otherwise(&b, 0);
  memset(b.environment.machine + 1, 'M', 90);
  b.environment.cpus = 123456789;
  const char *message = checked(l, &b);
  assert_string_equal(message + strlen(message) - strlen(end), end);
  pgr_baseline_destroy(l);
  pgr_buf_deinit(&text);
  pgr_bench_deinit(&b);
}

static void one_cell_is_enough(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  pgr_baseline *l = baseline_of(&b);
  b.cells[0].clients = 16;
  assert_string_equal(checked(l, &b), "");
  b.cells[1].isolation = PGR_SERIALIZABLE;
  assert_string_equal(checked(l, &b), "b.json: nothing to compare: no cell of this bench is in it (naive/read "
                                      "committed@8 … there, naive/read committed@16 … here); choose the same "
                                      "--strategy, --isolation and --clients");
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

static void another_scenario(void **state) {
  (void)state;
  pgr_scenario other = claim;
  pgr_bench b;
  bench_init(&b);
  pgr_baseline *l = baseline_of(&b);
  other.name = "inbox";
  b.scenario = &other;
  assert_string_equal(checked(l, &b), "b.json: nothing to compare: it is of claim, this is of inbox");
  b.bare = true;
  assert_string_equal(checked(l, &b), "b.json: nothing to compare: it is of claim, this is of scripts");
  pgr_baseline_destroy(l);
  l = baseline_of(&b);
  assert_string_equal(checked(l, &b), "");
  other.operations[1].name = "other";
  must_contain(checked(l, &b), "operations claim, release there, claim, other here");
  b.bare = false;
  assert_string_equal(checked(l, &b), "b.json: nothing to compare: it is of scripts, this is of inbox");
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

static void too_few_repetitions_here(void **state) {
  (void)state;
  pgr_bench b;
  bench_init(&b);
  pgr_baseline *l = baseline_of(&b);
  b.settings.repetitions = 9;
  assert_string_equal(checked(l, &b), "--repetitions 9: a comparison with a baseline needs 10 at least");
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

/* ---- documents ---- */

static const char minimal[] =
    "{\"format\": 1, \"command\": \"bench\",\n"
    "\"settings\": {\"threads\": 2, \"duration_ns\": 1000, \"rate\": null, \"verify\": true, \"keys\": \"uniform\"},\n"
    "\"environment\": {\"server_version\": \"15.17\", \"cpus\": 4, \"in_memory\": true},\n"
    "\"cells\": [{\"scenario\": \"claim\", \"strategy\": \"naive\", \"isolation\": \"serializable\", \"clients\": 8,\n"
    "\"outcomes\": {\"claim\": {}, \"release\": {}},\n"
    "\"figures\": {\"tps\": {\"value\": 1, \"unit\": \"per_s\", \"better\": \"higher\",\n"
    "\"each\": [1, 2, 3.5, 4, 5, 6, 7, 8, 9, null]}}}]}";

/* The minimal document with one piece exchanged; static. */
static const char *minimal_with(const char *old, const char *new) {
  static char text[2048];
  const char *at = strstr(minimal, old);
  assert_non_null(at);
  snprintf(text, sizeof text, "%.*s%s%s", (int)(at - minimal), minimal, new, at + strlen(old));
  return text;
}

static pgr_code read(const char *text, pgr_err *err) {
  pgr_baseline *l = NULL;
  *err = (pgr_err){0};
  pgr_code code = pgr_baseline_read(text, strlen(text), "b.json", &l, err);
  assert_true((code == PGR_OK) == (l != NULL));
  pgr_baseline_destroy(l);
  return code;
}

static void a_minimal_document(void **state) {
  (void)state;
  pgr_err err;
  assert_int_equal(read(minimal, &err), PGR_OK);
  assert_int_equal(read(minimal_with("\"settings\": {", "\"settings\": {\"later\": [], "), &err), PGR_OK);
  assert_int_equal(read(minimal_with("\"outcomes\"", "\"others\""), &err), PGR_OK);
  const char *eight = "\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1";
  assert_int_equal(read(minimal_with("\"release\": {}", eight), &err), PGR_OK);
  assert_int_equal(read(minimal_with("\"scenario\": \"claim\"", "\"scenario\": null"), &err), PGR_OK);
}

static void what_is_no_such_document(void **state) {
  (void)state;
  static const struct {
    const char *old, *new, *message;
  } table[] = {
      {"\"format\": 1", "\"format\": 2", "b.json: format: must be 1"},
      {"\"format\": 1", "\"format\": \"1\"", "b.json: format: must be 1"},
      {"\"format\": 1, ", "", "b.json: format: must be 1"},
      {"\"bench\"", "\"run\"", "b.json: this is a result of pgrace run, give one of pgrace bench"},
      {"\"bench\"", "7", "b.json: this is no result of pgrace bench"},
      {"\"command\"", "\"kind\"", "b.json: this is no result of pgrace bench"},
      {"{\"format\"", "[{\"format\"", "b.json:7:"},
      {"\"command\"", "\"format\"", "b.json:1:"},
      {"\"bench\",", "\"bench\"", "b.json:2:"},
      {"\"settings\"", "\"set\"", "b.json: settings: is missing"},
      {"\"settings\": {", "\"settings\": 1, \"s\": {", "b.json: settings: must be an object"},
      {"\"environment\"", "\"env\"", "b.json: environment: is missing"},
      {"\"environment\": {", "\"environment\": [], \"e\": {", "b.json: environment: must be an object"},
      {"\"threads\": 2", "\"threads\": -1", "b.json: settings.threads: must be a whole number, not negative"},
      {"\"threads\": 2", "\"threads\": 1.5", "b.json: settings.threads: must be a whole number"},
      {"\"rate\": null", "\"rate\": 5", "b.json: settings.rate: must be an object"},
      {"\"rate\": null", "\"rate\": {\"from\": \"a\"}", "b.json: settings.rate.from: must be a number"},
      {"\"verify\": true", "\"verify\": 1", "b.json: settings.verify: must be true or false"},
      {"\"uniform\"", "[]", "b.json: settings.keys: must be a text"},
      {"\"cpus\": 4", "\"cpus\": \"4\"", "b.json: environment.cpus: must be a whole number"},
      {"\"15.17\"", "15.17", "b.json: environment.server_version: must be a text"},
      {"\"cells\"", "\"c\"", "b.json: cells: is missing"},
      {"\"cells\": [", "\"cells\": 5, \"c\": [", "b.json: cells: must be a list"},
      {"\"cells\": [", "\"cells\": [], \"c\": [", "b.json: cells: must be 1 … 4096, not 0"},
      {"\"cells\": [", "\"cells\": [7, ", "b.json: cells[0]: must be an object"},
      {"\"scenario\": \"claim\"", "\"scenario\": 5", "b.json: cells[0].scenario: must be a text"},
      {"\"strategy\": \"naive\", ", "", "b.json: cells[0].strategy: is missing"},
      {"\"naive\"", "\"\"", "b.json: cells[0].strategy: is missing"},
      {"\"serializable\"", "\"quick\"", "b.json: cells[0].isolation: must be \"read committed\""},
      {"\"clients\": 8", "\"clients\": \"8\"", "b.json: cells[0].clients: must be a whole number"},
      {"\"release\": {}", "\"1\":1,\"2\":1,\"3\":1,\"4\":1,\"5\":1,\"6\":1,\"7\":1,\"8\":1",
       "b.json: cells[0].outcomes: at most 8"},
      {"\"figures\"", "\"f\"", "b.json: cells[0].figures: is missing"},
      {"\"figures\": {", "\"figures\": [], \"f\": {", "b.json: cells[0].figures: must be an object"},
      {"\"tps\": {", "\"tps\": 5, \"t\": {", "b.json: cells[0].figures.tps: must be an object"},
      {"\"per_s\"", "\"per_m\"", "b.json: cells[0].figures.tps.unit: must be \"count\""},
      {"\"unit\"", "\"u\"", "b.json: cells[0].figures.tps.unit: must be \"count\""},
      {"\"each\"", "\"e\"", "b.json: cells[0].figures.tps.each: is missing"},
      {"\"each\": [", "\"each\": 5, \"e\": [", "b.json: cells[0].figures.tps.each: must be a list"},
      {"3.5", "\"3.5\"", "b.json: cells[0].figures.tps.each: every value must be a number or null"},
      {"3.5", "3e999", "b.json:7:"},
      {"{\"format\"", "{@", "b.json:1:2: "},
      {"\"settings\": {", "\"settings\"; {", "b.json:2:11: "},
      {", null]", "]",
       "b.json: cells[0].figures.tps.each: a comparison needs 10 repetitions at least, this has 9; "
       "measure it again with --repetitions 10"},
      {"}]}",
       "}, {\"scenario\": \"claim\", \"strategy\": \"naive\", \"isolation\": \"serializable\", \"clients\": 8,"
       "\"figures\": {}}]}",
       "b.json: cells[1].strategy: is the same cell as cells[0]"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_err err;
    const char *text = minimal_with(table[i].old, table[i].new);
    if (read(text, &err) != PGR_EUSAGE) fail_msg("was read: %s", text);
    must_contain(err.msg, table[i].message);
  }
}

static void no_document_at_all(void **state) {
  (void)state;
  static const char *const table[] = {"",  " ",    "{",         "[]",   "{}",
                                      "5", "null", "\"bench\"", "\xff", "{\"a\": \"\\u0000\"}"};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_err err;
    assert_int_equal(read(table[i], &err), PGR_EUSAGE);
    assert_ptr_equal(strstr(err.msg, "b.json:"), err.msg);
  }
}

/* A document with that many cells, figures in the first, and repetitions of its first figure; the caller's. */
static char *large(int cells, int figures, int repetitions) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, "{\"format\": 1, \"command\": \"bench\", \"settings\": {}, \"environment\": {}, \"cells\": [");
  for (int i = 0; i < cells; i++) {
    pgr_buf_addf(&text, "%s{\"strategy\": \"naive\", \"isolation\": \"serializable\", \"clients\": %d, \"figures\": {",
                 i ? "," : "", i);
    for (int f = 0; i == 0 && f < figures; f++) {
      pgr_buf_addf(&text, "%s\"f%d\": {\"unit\": \"count\", \"each\": [0", f ? "," : "", f);
      for (int r = 1; r < (f ? 10 : repetitions); r++)
        pgr_buf_adds(&text, ",0");
      pgr_buf_adds(&text, "]}");
    }
    pgr_buf_adds(&text, "}}");
  }
  pgr_buf_adds(&text, "]}");
  char *taken = pgr_buf_take(&text);
  assert_non_null(taken);
  return taken;
}

static void limits(void **state) {
  (void)state;
  static const struct {
    int cells, figures, repetitions;
    const char *message; /* NULL: it can be read */
  } table[] = {{1, 1, 1000, NULL},  {1, 1, 1001, "f0.each: at most 1000 repetitions, not 1001"},
               {1, 2000, 10, NULL}, {1, 2001, 10, "cells[0].figures: at most 2000, not 2001"},
               {4096, 1, 10, NULL}, {4097, 1, 10, "cells: must be 1 … 4096, not 4097"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_err err;
    char *text = large(table[i].cells, table[i].figures, table[i].repetitions);
    assert_int_equal(read(text, &err), table[i].message ? PGR_EUSAGE : PGR_OK);
    if (table[i].message) must_contain(err.msg, table[i].message);
    pgr_free(text);
  }
  pgr_baseline *l = NULL;
  pgr_err err;
  enum { MOST = 64 << 20 };
  char *text = pgr_calloc(MOST + 2, 1);
  assert_non_null(text);
  memset(text, ' ', MOST + 1);
  memcpy(text, minimal, strlen(minimal));
  assert_int_equal(pgr_baseline_read(text, MOST, "b.json", &l, &err), PGR_OK);
  pgr_baseline_destroy(l);
  assert_int_equal(pgr_baseline_read(text, MOST + 1, "b.json", &l, &err), PGR_EUSAGE);
  must_contain(err.msg, "b.json: at most 67108864 bytes, not 67108865");
  pgr_free(text);
}

static void messages_stay_in_one_line(void **state) {
  (void)state;
  pgr_err err;
  assert_int_equal(
      read(minimal_with("\"tps\": {", "\"a\\nb\\u001b[31m\\u007f\": {\"each\": 1, \"u\": 1}, \"t\": {"), &err),
      PGR_EUSAGE);
  must_contain(err.msg, "b.json: cells[0].figures.a b [31m .unit: must be");
  assert_int_equal(read(minimal_with("\"bench\"", "\"a\\nb\""), &err), PGR_EUSAGE);
  must_contain(err.msg, "a result of pgrace a b, give");
}

/* ---- changes ---- */

/* Around 100, 50 apart from the next of them at most. */
static const double around_100[REPETITIONS] = {98, 102, 99, 101, 100, 97, 103, 96, 104, 100};

/* The changes in one figure of both benches; b->changes is the caller's to look at. */
static size_t changes(pgr_bench *b, pgr_unit unit, pgr_better better, const double *before, const double *after,
                      pgr_floors floors) {
  pgr_bench past;
  bench_init(&past);
  bench_init(b);
  add_figure(&past.cells[1], "figure", unit, better, before);
  add_figure(&b->cells[1], "figure", unit, better, after);
  pgr_baseline *l = baseline_of(&past);
  assert_int_equal(pgr_baseline_compare(l, b, floors), PGR_OK);
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&past);
  return b->change_count;
}

/* "worse", "better", "same" of a figure whose values are those around 100, and those times factor. */
static const char *came_out(pgr_unit unit, pgr_better better, double factor, pgr_floors floors) {
  double after[REPETITIONS];
  pgr_bench b;
  for (int i = 0; i < REPETITIONS; i++)
    after[i] = around_100[i] * factor;
  assert_true(changes(&b, unit, better, around_100, after, floors) == 1);
  pgr_change c = b.changes[0];
  assert_true(c.cell == 1 && c.figure == 0 && c.before == 100 && fabs(c.after - 100 * factor) < 1e-9);
  assert_true(c.p >= 0 && c.p <= 1 && !(c.worse && !c.significant));
  pgr_bench_deinit(&b);
  return c.worse ? "worse" : c.significant ? "better" : "same";
}

static void which_way_is_worse(void **state) {
  (void)state;
  const pgr_floors none = {0};
  assert_string_equal(came_out(PGR_UNIT_PER_S, PGR_BETTER_HIGHER, 0.5, none), "worse");
  assert_string_equal(came_out(PGR_UNIT_PER_S, PGR_BETTER_HIGHER, 2, none), "better");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 2, none), "worse");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 0.5, none), "better");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1, none), "same");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1.001, none), "same"); /* they overlap */
}

static void floors(void **state) {
  (void)state;
  assert_string_equal(came_out(PGR_UNIT_COUNT, PGR_BETTER_LOWER, 1.2, (pgr_floors){0.19, 0}), "worse");
  assert_string_equal(came_out(PGR_UNIT_COUNT, PGR_BETTER_LOWER, 1.2, (pgr_floors){0.21, 0}), "same");
  assert_string_equal(came_out(PGR_UNIT_COUNT, PGR_BETTER_LOWER, 0.8, (pgr_floors){0.19, 0}), "better");
  assert_string_equal(came_out(PGR_UNIT_COUNT, PGR_BETTER_LOWER, 0.8, (pgr_floors){0.21, 0}), "same");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1.5, (pgr_floors){0.05, 49}), "worse");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1.5, (pgr_floors){0.05, 51}), "same");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1.2, (pgr_floors){0.21, 1}), "same");
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1.5, (pgr_floors){0.5, 0}), "same"); /* not beyond it */
  assert_string_equal(came_out(PGR_UNIT_NS, PGR_BETTER_LOWER, 1.5, (pgr_floors){0, 50}), "same");
  assert_string_equal(came_out(PGR_UNIT_BYTES, PGR_BETTER_LOWER, 1.5, (pgr_floors){0.05, 51}), "worse");
}

static void the_test_is_mann_whitney_over_repetitions(void **state) {
  (void)state;
  double after[REPETITIONS];
  pgr_bench b;
  for (int i = 0; i < REPETITIONS; i++)
    after[i] = 1000.5 + i;
  static const double before[REPETITIONS] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  assert_true(changes(&b, PGR_UNIT_COUNT, PGR_BETTER_LOWER, before, after, (pgr_floors){0}) == 1);
  assert_true(fabs(b.changes[0].p - 2.0 / 184756) < 1e-12); /* one of the ways to choose 10 of 20, and its mirror */
  assert_true(b.changes[0].before == 5.5 && b.changes[0].after == 1005);
  pgr_bench_deinit(&b);
}

static void from_nothing(void **state) {
  (void)state;
  static const double zeros[REPETITIONS] = {0};
  pgr_bench b;
  assert_true(changes(&b, PGR_UNIT_COUNT, PGR_BETTER_LOWER, zeros, around_100, (pgr_floors){0.05, 0}) == 1);
  assert_true(b.changes[0].before == 0 && b.changes[0].after == 100 && b.changes[0].worse);
  pgr_bench_deinit(&b);
  assert_true(changes(&b, PGR_UNIT_COUNT, PGR_BETTER_LOWER, around_100, zeros, (pgr_floors){0.05, 0}) == 1);
  assert_true(b.changes[0].significant && !b.changes[0].worse);
  pgr_bench_deinit(&b);
  assert_true(changes(&b, PGR_UNIT_COUNT, PGR_BETTER_LOWER, zeros, zeros, (pgr_floors){0.05, 0}) == 1);
  assert_true(!b.changes[0].significant && b.changes[0].p == 1);
  pgr_bench_deinit(&b);
}

static void small_values(void **state) {
  (void)state;
  double before[REPETITIONS], after[REPETITIONS];
  for (int i = 0; i < REPETITIONS; i++) {
    before[i] = around_100[i] / 1e6;
    after[i] = around_100[i] / 1e5;
  }
  pgr_bench b;
  assert_true(changes(&b, PGR_UNIT_COUNT, PGR_BETTER_LOWER, before, after, (pgr_floors){0.05, 0}) == 1);
  assert_true(b.changes[0].worse);
  pgr_bench_deinit(&b);
  assert_true(changes(&b, PGR_UNIT_PER_S, PGR_BETTER_HIGHER, before, after, (pgr_floors){0.05, 0}) == 1);
  assert_true(b.changes[0].significant && !b.changes[0].worse);
  pgr_bench_deinit(&b);
}

static void a_figure_that_some_repetitions_lack(void **state) {
  (void)state;
  double some[REPETITIONS];
  pgr_bench b;
  memcpy(some, around_100, sizeof some);
  some[4] = NAN;
  assert_true(changes(&b, PGR_UNIT_NS, PGR_BETTER_LOWER, some, around_100, (pgr_floors){0}) == 0);
  pgr_bench_deinit(&b);
  assert_true(changes(&b, PGR_UNIT_NS, PGR_BETTER_LOWER, around_100, some, (pgr_floors){0}) == 0);
  pgr_bench_deinit(&b);
}

static void a_value_that_is_missing_beyond_ten_is_left_out(void **state) {
  (void)state;
  pgr_err err;
  pgr_baseline *l = NULL;
  pgr_bench b;
  bench_init(&b);
  b.cells[0].isolation = PGR_SERIALIZABLE;
  add_figure(&b.cells[0], "tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER, around_100);
  const char *text = minimal_with("[1, 2,", "[null, 1, null, 2, 2.5,");
  assert_int_equal(pgr_baseline_read(text, strlen(text), "b.json", &l, &err), PGR_OK);
  assert_int_equal(pgr_baseline_compare(l, &b, (pgr_floors){0}), PGR_OK);
  assert_true(b.change_count == 1 && b.changes[0].before == 4.5);
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&b);
}

static void only_what_both_have_and_is_better_one_way(void **state) {
  (void)state;
  pgr_bench past, b;
  bench_init(&past);
  bench_init(&b);
  pgr_bench_cell *before = past.cells, *after = b.cells;
  add_figure(&before[0], "tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER, around_100);
  add_figure(&before[0], "gone", PGR_UNIT_COUNT, PGR_BETTER_LOWER, around_100);
  add_figure(&before[0], "transactions", PGR_UNIT_COUNT, PGR_BETTER_NEITHER, around_100);
  add_figure(&before[0], "other unit", PGR_UNIT_COUNT, PGR_BETTER_LOWER, around_100);
  add_figure(&before[0], "errors", PGR_UNIT_COUNT, PGR_BETTER_LOWER, around_100);
  add_figure(&before[1], "tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER, around_100);
  add_figure(&after[0], "errors", PGR_UNIT_COUNT, PGR_BETTER_LOWER, around_100); /* in another order, too */
  add_figure(&after[0], "new", PGR_UNIT_COUNT, PGR_BETTER_LOWER, around_100);
  add_figure(&after[0], "transactions", PGR_UNIT_COUNT, PGR_BETTER_NEITHER, around_100);
  add_figure(&after[0], "other unit", PGR_UNIT_NS, PGR_BETTER_LOWER, around_100);
  add_figure(&after[0], "tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER, around_100);
  add_figure(&after[1], "tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER, around_100);
  after[1].clients = 16; /* a cell that was not measured then */
  pgr_baseline *l = baseline_of(&past);
  for (int round = 0; round < 2; round++) {
    assert_int_equal(pgr_baseline_compare(l, &b, (pgr_floors){0}), PGR_OK);
    assert_true(b.change_count == 2);
    assert_true(b.changes[0].cell == 0 && b.changes[0].figure == 0 && b.changes[1].cell == 0);
    assert_true(b.changes[1].figure == 4);
  }
  after[1].clients = 8;
  assert_int_equal(pgr_baseline_compare(l, &b, (pgr_floors){0}), PGR_OK);
  assert_true(b.change_count == 3 && b.changes[2].cell == 1 && b.changes[2].figure == 0);
  pgr_baseline_destroy(l);
  pgr_bench_deinit(&past);
  pgr_bench_deinit(&b);
}

static void without_memory(void **state) {
  (void)state;
  pgr_bench b;
  pgr_buf text;
  pgr_err err;
  pgr_baseline *l = NULL;
  bench_init(&b);
  for (int i = 0; i < CELLS; i++)
    add_figure(&b.cells[i], "tps", PGR_UNIT_PER_S, PGR_BETTER_HIGHER, around_100);
  pgr_buf_init(&text, 0);
  assert_int_equal(pgr_bench_json(&b, &text, &err), PGR_OK);
  unsigned long nth = 1;
  for (; !l && nth < 100; nth++) {
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_baseline_read(pgr_buf_text(&text), text.len, "b.json", &l, &err);
    assert_true(code == (l ? PGR_OK : PGR_ENOMEM));
  }
  assert_true(l && nth > 3);
  for (nth = 1; nth <= 2; nth++) { /* a list for each cell */
    pgr_mem_fail_nth(nth);
    assert_int_equal(pgr_baseline_compare(l, &b, (pgr_floors){0}), PGR_ENOMEM);
  }
  pgr_mem_fail_nth(0);
  assert_int_equal(pgr_baseline_compare(l, &b, (pgr_floors){0}), PGR_OK);
  assert_true(b.change_count == 2);
  pgr_baseline_destroy(l);
  pgr_baseline_destroy(NULL);
  pgr_buf_deinit(&text);
  pgr_bench_deinit(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(alike),
      cmocka_unit_test(whatever_differs_is_told),
      cmocka_unit_test(which_given_server),
      cmocka_unit_test(all_differences_are_in_one_line),
      cmocka_unit_test(the_advice_is_never_cut),
      cmocka_unit_test(one_cell_is_enough),
      cmocka_unit_test(another_scenario),
      cmocka_unit_test(too_few_repetitions_here),
      cmocka_unit_test(a_minimal_document),
      cmocka_unit_test(what_is_no_such_document),
      cmocka_unit_test(no_document_at_all),
      cmocka_unit_test(limits),
      cmocka_unit_test(messages_stay_in_one_line),
      cmocka_unit_test(which_way_is_worse),
      cmocka_unit_test(floors),
      cmocka_unit_test(the_test_is_mann_whitney_over_repetitions),
      cmocka_unit_test(from_nothing),
      cmocka_unit_test(small_values),
      cmocka_unit_test(a_figure_that_some_repetitions_lack),
      cmocka_unit_test(a_value_that_is_missing_beyond_ten_is_left_out),
      cmocka_unit_test(only_what_both_have_and_is_better_one_way),
      cmocka_unit_test(without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
