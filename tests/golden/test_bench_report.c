/* Every case of bench_fixture.h by every renderer: what comes out is compared with the files in bench/. With
 * PGR_GOLDEN_WRITE set they are written instead: look at the difference before you commit it. */
#include "bench_fixture.h"
#include "bench_rules.h"

#include "pgr_report.h"
#include <stdlib.h>

static const char *golden_dir;

static void compare(const char *name, const char *extension, const pgr_buf *got) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.%s", golden_dir, name, extension);
  if (getenv("PGR_GOLDEN_WRITE")) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(pgr_buf_text(got), f);
    fclose(f);
    return;
  }
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("there is no %s", path);
  pgr_buf want;
  char part[4096];
  pgr_buf_init(&want, 0);
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    pgr_buf_add(&want, part, n);
  fclose(f);
  assert_string_equal(pgr_buf_text(got), pgr_buf_text(&want));
  pgr_buf_deinit(&want);
}

/* Renderers ---------------------------------------------------------------------------------------------------------
 */

static void render_text(const pgr_bench *b, pgr_buf *out) {
  pgr_bench_header(b, out);
  pgr_bench_text(b, 0, out);
}

static void render_ansi(const pgr_bench *b, pgr_buf *out) {
  pgr_bench_header(b, out);
  pgr_bench_text(b, PGR_STYLE_COLOUR, out);
}

static void render_verbose(const pgr_bench *b, pgr_buf *out) {
  pgr_bench_text(b, PGR_STYLE_VERBOSE, out);
}

static void render_json(const pgr_bench *b, pgr_buf *out) {
  assert_int_equal(pgr_bench_json(b, out, NULL), PGR_OK);
}

static void render_smaller_is_better(const pgr_bench *b, pgr_buf *out) {
  assert_int_equal(pgr_bench_smaller_is_better(b, out, NULL), PGR_OK);
}

static void render_hgrm(const pgr_bench *b, pgr_buf *out) {
  pgr_bench_hgrm(b->cells[0].all.tally.response[BENCH_CLAIM][PGR_OUTCOME_OK], out);
}

/* The golden file is CASE.EXTENSION; of a case named `only`, if that is not NULL. */
static const struct renderer {
  const char *extension, *only;
  void (*render)(const pgr_bench *b, pgr_buf *out);
} renderers[] = {{"txt", NULL, render_text},
                 {"ansi", "compared", render_ansi},
                 {"verbose.txt", "incomplete", render_verbose},
                 {"json", "incomplete", render_json},
                 {"benchmark.json", "incomplete", render_smaller_is_better},
                 {"metrics.txt", "hostile", pgr_bench_openmetrics},
                 {"series.csv", "hostile", pgr_bench_csv},
                 {"hgrm", "incomplete", render_hgrm}};

static void as_written(void **state) {
  const bench_case *c = *state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = c->make(s);
  for (size_t i = 0; i < sizeof renderers / sizeof *renderers; i++) {
    const struct renderer *r = &renderers[i];
    pgr_buf out;
    if (r->only && strcmp(r->only, c->name) != 0) continue;
    pgr_buf_init(&out, 0);
    r->render(&b, &out);
    assert_false(out.failed);
    compare(c->name, r->extension, &out);
    pgr_buf_deinit(&out);
  }
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* The text ----------------------------------------------------------------------------------------------------------
 */

static int width_of(const char *line, size_t len) {
  int shown = 0;
  for (size_t i = 0; i < len; i++)
    shown += ((unsigned char)line[i] & 0xC0) != 0x80;
  return shown;
}

/* Nothing is wider than a terminal but names; nothing but line ends moves its cursor. */
static void check_fit(const pgr_buf *out, bool long_name) {
  for (const char *p = pgr_buf_text(out); *p;) {
    size_t len = strcspn(p, "\n");
    if (width_of(p, len) > 80 && !long_name) fail_msg("%d columns: %.*s", width_of(p, len), (int)len, p);
    if (len && p[len - 1] == ' ') fail_msg("blanks at the end: '%.*s'", (int)len, p);
    for (size_t i = 0; i < len; i++)
      if ((unsigned char)p[i] < ' ') fail_msg("a control character: %.*s", (int)len, p);
    p += len + (p[len] == '\n');
  }
}

static void text_is_fit_for_a_terminal(void **state) {
  const bench_case *c = *state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = c->make(s);
  pgr_buf out;
  pgr_buf_init(&out, 0);
  render_text(&b, &out);
  render_verbose(&b, &out);
  check_fit(&out, strlen(s->strategies[0].name) > 20);
  pgr_buf_deinit(&out);
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* What the colours say is said in words too: without them the text is the same. */
static void colour_carries_nothing(void **state) {
  const bench_case *c = *state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = c->make(s);
  pgr_buf plain, coloured, stripped;
  pgr_buf_init(&plain, 0);
  pgr_buf_init(&coloured, 0);
  pgr_buf_init(&stripped, 0);
  render_text(&b, &plain);
  render_ansi(&b, &coloured);
  for (const char *p = pgr_buf_text(&coloured); *p; p++) {
    if (*p == '\x1b')
      p += strcspn(p, "m");
    else
      pgr_buf_add(&stripped, p, 1);
  }
  assert_string_equal(pgr_buf_text(&stripped), pgr_buf_text(&plain));
  pgr_buf_deinit(&stripped);
  pgr_buf_deinit(&coloured);
  pgr_buf_deinit(&plain);
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* For other programs ------------------------------------------------------------------------------------------------
 */

static void formats_keep_their_rules(void **state) {
  const bench_case *c = *state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = c->make(s);
  rules_json(&b);
  rules_csv(&b);
  rules_openmetrics(&b);
  rules_smaller_is_better(&b);
  rules_hgrm(&b);
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* Figures of a cell that has these only. */
static void metrics_of(pgr_scenario *s, pgr_figure *figures, size_t count, pgr_buf *out) {
  pgr_bench_cell cell = {
      .strategy = &s->strategies[BENCH_NAIVE], .clients = 1, .figures = figures, .figure_count = count};
  pgr_bench b = {.scenario = s, .cells = &cell, .cell_count = 1};
  pgr_buf_init(out, 0);
  pgr_bench_openmetrics(&b, out);
}

static void has_sample(const pgr_buf *text, const char *family, const char *labels, const char *value) {
  char line[512];
  snprintf(line, sizeof line,
           "\n%s{scenario=\"claim\",strategy=\"naive\",isolation=\"read committed\",clients=\"1\"%s} %s\n", family,
           labels, value);
  if (!strstr(pgr_buf_text(text), line)) fail_msg("there is no %s in\n%s", line, pgr_buf_text(text));
}

/* Operations may be called as other parts of a name are. What is not known goes by its own name. */
static void names_are_read(void **state) {
  (void)state;
  pgr_scenario *s = bench_scenario();
  pgr_buf out;
  s->operations[BENCH_CLAIM].name = "response";
  s->operations[BENCH_RELEASE].name = "ok";
  pgr_figure figures[] = {{.name = "response.ok.p99.9", .unit = PGR_UNIT_NS, .value = 1500000},
                          {.name = "response.response.ok.p99", .unit = PGR_UNIT_NS, .value = 2e9},
                          {.name = "response.ok.ok.max", .unit = PGR_UNIT_NS, .value = 3},
                          {.name = "ok.retried.count", .unit = PGR_UNIT_COUNT, .value = 12345678901},
                          {.name = "ok.tries.max", .unit = PGR_UNIT_COUNT, .value = 4},
                          {.name = "ok.retries", .unit = PGR_UNIT_COUNT, .value = 0.25},
                          {.name = "statement.ok.12.mean", .unit = PGR_UNIT_NS, .value = NAN},
                          {.name = "statement.response.12.mean", .unit = PGR_UNIT_NS, .value = 1},
                          {.name = "server.wait.Client:max", .unit = PGR_UNIT_COUNT, .value = 1.5},
                          {.name = "server.hit_share", .unit = PGR_UNIT_SHARE, .value = 0.5},
                          {.name = "later-\"thing\".p50", .unit = PGR_UNIT_BYTES, .value = 7}};
  metrics_of(s, figures, sizeof figures / sizeof *figures, &out);
  has_sample(&out, "pgrace_operation_seconds", ",operation=\"response\",outcome=\"ok\",statistic=\"p99.9\"", "0.0015");
  has_sample(&out, "pgrace_response_seconds", ",operation=\"response\",outcome=\"ok\",statistic=\"p99\"", "2");
  has_sample(&out, "pgrace_response_seconds", ",operation=\"ok\",outcome=\"ok\",statistic=\"max\"", "3e-09");
  has_sample(&out, "pgrace_operations", ",operation=\"ok\",outcome=\"retried\"", "12345678901");
  has_sample(&out, "pgrace_operation_tries", ",operation=\"ok\",statistic=\"max\"", "4");
  has_sample(&out, "pgrace_operation_retries", ",operation=\"ok\"", "0.25");
  has_sample(&out, "pgrace_statement_seconds", ",operation=\"response\",statement=\"12\",statistic=\"mean\"", "1e-09");
  has_sample(&out, "pgrace_server_processes", ",wait=\"Client:max\"", "1.5");
  has_sample(&out, "pgrace_server_hit_ratio", "", "0.5");
  has_sample(&out, "pgrace_later__thing__bytes", ",statistic=\"p50\"", "7");
  assert_non_null(strstr(pgr_buf_text(&out), "# HELP pgrace_later__thing__bytes later-\\\"thing\\\"\n"));
  assert_null(strstr(pgr_buf_text(&out), "statement=\"12\",statistic=\"mean\"} nan"));
  pgr_buf_deinit(&out);
  pgr_mem_fail_nth(1);
  metrics_of(s, figures, 1, &out);
  pgr_mem_fail_nth(0);
  assert_true(out.failed);
  pgr_buf_deinit(&out);
  pgr_scenario_destroy(s);
}

/* Four values that have steps of their own, in nanoseconds. Two of them are equal. */
static void a_listing(void **state) {
  (void)state;
  const int64_t values[] = {100, 200, 200, 900};
  pgr_histogram *h = pgr_histogram_create();
  pgr_buf out;
  pgr_buf_init(&out, 0);
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    assert_int_equal(pgr_histogram_record(h, values[i]), PGR_OK);
  pgr_bench_hgrm(h, &out);
  assert_string_equal(pgr_buf_text(&out), "       Value     Percentile TotalCount 1/(1-Percentile)\n"
                                          "\n"
                                          "    0.000100 0.000000000000          1           1.00\n"
                                          "    0.000100 0.100000000000          1           1.11\n"
                                          "    0.000100 0.200000000000          1           1.25\n"
                                          "    0.000200 0.300000000000          3           1.43\n"
                                          "    0.000200 0.400000000000          3           1.67\n"
                                          "    0.000200 0.500000000000          3           2.00\n"
                                          "    0.000200 0.550000000000          3           2.22\n"
                                          "    0.000200 0.600000000000          3           2.50\n"
                                          "    0.000200 0.650000000000          3           2.86\n"
                                          "    0.000200 0.700000000000          3           3.33\n"
                                          "    0.000200 0.750000000000          3           4.00\n"
                                          "    0.000900 0.775000000000          4           4.44\n"
                                          "    0.000900 1.000000000000          4\n"
                                          "#[Mean    =     0.000350, StdDeviation   =     0.000320]\n"
                                          "#[Max     =     0.000900, Total count    =            4]\n"
                                          "#[Buckets =           53, SubBuckets     =         2048]\n");
  pgr_histogram_destroy(h);
  pgr_buf_clear(&out);
  h = pgr_histogram_create();
  pgr_bench_hgrm(h, &out);
  assert_non_null(strstr(pgr_buf_text(&out), "1/(1-Percentile)\n\n#[Mean    =     0.000000,"));
  pgr_histogram_destroy(h);
  pgr_buf_deinit(&out);
}

/* Seconds in which nothing ended have no times, and what RFC 4180 wants quoted is. */
static void a_series(void **state) {
  (void)state;
  pgr_scenario *s = bench_scenario();
  s->strategies[BENCH_NAIVE].name = "a, \"b\"";
  pgr_interval_figures seconds[3] = {{0}};
  pgr_bench_repetition repetition = {.series = {.width_ns = PGR_NS_PER_S / 2, .at = seconds, .count = 3}};
  pgr_bench_cell cell = {
      .strategy = &s->strategies[BENCH_NAIVE], .clients = 8, .repetitions = &repetition, .repetition_count = 1};
  pgr_bench b = {.scenario = s, .cells = &cell, .cell_count = 1};
  pgr_series one = {.width_ns = PGR_NS_PER_S};
  pgr_buf out;
  assert_int_equal(pgr_series_add(&one, 0, 1250, 1), PGR_OK);
  seconds[1] = one.at[0];
  pgr_buf_init(&out, 0);
  pgr_bench_csv(&b, &out);
  assert_string_equal(pgr_buf_text(&out),
                      "strategy,isolation,clients,repetition,second,transactions,errors,p50_ms,p99_ms,max_ms\n"
                      "\"a, \"\"b\"\"\",read committed,8,1,0,0,0,,,\n"
                      "\"a, \"\"b\"\"\",read committed,8,1,0.5,1,1,0.001250,0.001250,0.001250\n"
                      "\"a, \"\"b\"\"\",read committed,8,1,1,0,0,,,\n");
  pgr_buf_deinit(&out);
  pgr_series_deinit(&one);
  pgr_scenario_destroy(s);
}

/* A repetition that has no value of a figure, and a figure that has none at all; a baseline that was not reached. */
static void what_is_not_there_is_null(void **state) {
  (void)state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = bench_closed(s);
  pgr_figure *f = b.cells[0].figures;
  f[0].each[1] = NAN;
  f[1].value = f[1].median = f[1].interval.low = NAN;
  f[1].interval.high = INFINITY;
  snprintf(b.baseline, sizeof b.baseline, "baseline.json");
  rules_json(&b);
  rules_openmetrics(&b);
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* The document is what a later bench is compared with. */
static void what_is_written_can_be_a_baseline(void **state) {
  (void)state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = bench_of(s);
  bench_load l = bench_with(BENCH_TRIGGER, 8, 8);
  pgr_baseline *baseline;
  pgr_buf text;
  pgr_err err;
  l.transactions = 200;
  l.repetitions = b.settings.repetitions = PGR_BASELINE_REPETITIONS_MIN;
  bench_add_cell(&b, &l);
  pgr_buf_init(&text, 0);
  render_json(&b, &text);
  if (pgr_baseline_read(text.data, text.len, "result.json", &baseline, &err)) fail_msg("%s", err.msg);
  if (pgr_baseline_check(baseline, &b, &err)) fail_msg("%s", err.msg);
  assert_int_equal(pgr_baseline_compare(baseline, &b, (pgr_floors){0.05, 100000}), PGR_OK);
  assert_true(b.change_count > 20);
  for (size_t i = 0; i < b.change_count; i++) {
    rules_near(b.changes[i].before, b.changes[i].after);
    assert_false(b.changes[i].significant);
  }
  b.settings.keys.each = 4;
  assert_int_equal(pgr_baseline_check(baseline, &b, &err), PGR_EUSAGE);
  pgr_baseline_destroy(baseline);
  pgr_buf_deinit(&text);
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* Each of these over every case. */
static const struct check {
  const char *name;
  CMUnitTestFunction run;
} checks[] = {{"as written", as_written},
              {"text is fit for a terminal", text_is_fit_for_a_terminal},
              {"colour carries nothing", colour_carries_nothing},
              {"formats keep their rules", formats_keep_their_rules}};

static const struct CMUnitTest others[] = {cmocka_unit_test(names_are_read), cmocka_unit_test(a_listing),
                                           cmocka_unit_test(a_series), cmocka_unit_test(what_is_not_there_is_null),
                                           cmocka_unit_test(what_is_written_can_be_a_baseline)};

enum {
  CASES = sizeof bench_cases / sizeof *bench_cases,
  CHECKS = sizeof checks / sizeof *checks,
  OTHERS = sizeof others / sizeof *others
};

int main(int argc, char **argv) {
  static char names[CASES * CHECKS][64];
  struct CMUnitTest tests[CASES * CHECKS + OTHERS];
  golden_dir = argc > 1 ? argv[1] : ".";
  for (size_t i = 0; i < CASES * CHECKS; i++) {
    const bench_case *c = &bench_cases[i % CASES];
    const struct check *check = &checks[i / CASES];
    snprintf(names[i], sizeof names[i], "%s: %s", c->name, check->name);
    tests[i] = (struct CMUnitTest){.name = names[i], .test_func = check->run, .initial_state = (void *)(uintptr_t)c};
  }
  memcpy(tests + CASES * CHECKS, others, sizeof others);
  return _cmocka_run_group_tests("bench report", tests, CASES * CHECKS + OTHERS, NULL, NULL);
}
