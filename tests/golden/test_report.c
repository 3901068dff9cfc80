/* One fixed result, every renderer: what comes out is compared with the files beside this one. With PGR_GOLDEN_WRITE
 * set they are written instead: look at the difference before you commit it. */
#include "pgr_test.h"

#include "pgr_report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_dir;

static const pgr_latency fast = {16000, 212000, 611000, 904000, 5120000};
static const pgr_latency slow = {14000, 310000, 880000, 1200000, 12000000};

static pgr_trace_step step(uint32_t agent, uint8_t index, int64_t call_ns, const char *value, int64_t rows,
                           pgr_outcome outcome) {
  pgr_trace_step s = {.round = 17,
                      .key = 17,
                      .call_ns = call_ns,
                      .return_ns = call_ns + 40000,
                      .rows = rows,
                      .agent = agent,
                      .step = index,
                      .outcome = (uint8_t)outcome};
  snprintf(s.value, sizeof s.value, "%s", value);
  return s;
}

static void fill_naive(pgr_cell *c, const pgr_scenario *s) {
  c->strategy = &s->strategies[0];
  c->rounds = 2000;
  c->elapsed_ns = 1700000000;
  c->served = 8;
  c->rounds_per_s = 1176.5;
  c->statements_per_s = 28512.4;
  c->evidence = (pgr_evidence){.expect = PGR_EXPECT_RACE,
                               .ran = true,
                               .contested = 2000,
                               .duplicates = 1987,
                               .doubled = 1987,
                               .rows_known = true,
                               .complete = true};
  c->share = (pgr_interval){0.98891, 0.99653};
  c->outcomes[0][PGR_OUTCOME_OK] = 4101;
  c->outcomes[0][PGR_OUTCOME_REFUSED] = 11899;
  c->outcomes[1][PGR_OUTCOME_OK] = c->outcomes[2][PGR_OUTCOME_OK] = 4101;
  c->service[0][PGR_OUTCOME_OK] = c->response[0][PGR_OUTCOME_OK] = c->winner = fast;
  c->service[0][PGR_OUTCOME_REFUSED] = c->response[0][PGR_OUTCOME_REFUSED] = c->loser = slow;
  c->start_skew = (pgr_latency){2000, 32400, 80100, 121000, 1660000};
  c->story = (pgr_story){.key = 17, .round = 17, .second_owner = 5, .count = 4};
  c->story.steps[0] = step(3, 0, 1000000, "NULL", 1, PGR_OUTCOME_COUNT);
  c->story.steps[1] = step(5, 0, 1011000, "NULL", 1, PGR_OUTCOME_COUNT);
  c->story.steps[2] = step(3, 1, 1094000, "", 1, PGR_OUTCOME_OK);
  c->story.steps[3] = step(5, 1, 1101000, "", 1, PGR_OUTCOME_OK);
}

static void fill_trigger(pgr_cell *c, const pgr_scenario *s) {
  c->strategy = &s->strategies[1];
  c->rounds = 2000;
  c->elapsed_ns = 1900000000;
  c->served = 8;
  c->rounds_per_s = 1052.6;
  c->statements_per_s = 20242;
  c->evidence =
      (pgr_evidence){.expect = PGR_EXPECT_SAFE, .ran = true, .contested = 2000, .rows_known = true, .complete = true};
  c->upper_bound = 0.0014967;
  c->share = (pgr_interval){0, 0.0018428};
  c->outcomes[0][PGR_OUTCOME_OK] = 2000;
  c->outcomes[0][PGR_OUTCOME_REFUSED] = 2199;
  c->outcomes[0][PGR_OUTCOME_REJECTED] = 11801;
  c->outcomes[1][PGR_OUTCOME_OK] = c->outcomes[2][PGR_OUTCOME_OK] = 2000;
  c->winner = fast;
  c->loser = slow;
  c->start_skew = (pgr_latency){2000, 33200, 79700, 104000, 193000};
}

static pgr_result *fixed_result(void) {
  static pgr_result r;
  memset(&r, 0, sizeof r);
  r.command = "run";
  r.scenario = pgr_scenario_claim();
  r.complete = true;
  r.seed = 42;
  r.settings.agents = r.settings.contenders = r.settings.connections = 8;
  r.settings.threads = 1;
  r.settings.rounds = 2000;
  r.settings.max_tries = 10;
  r.environment.private_server = r.environment.in_memory = true;
  r.environment.libpq_version = 150018;
  r.environment.cpus = 2;
  strcpy(r.environment.server_version, "15.18");
  strcpy(r.environment.server_settings, "fsync=off full_page_writes=off max_connections=12 synchronous_commit=on");
  strcpy(r.environment.machine, "Linux 6.1 x86_64");
  r.environment.startup_ns = 240123456;
  strcpy(r.environment.started_at, "2026-01-02T03:04:05Z");
  r.cell_count = 2;
  fill_naive(&r.cells[0], r.scenario);
  fill_trigger(&r.cells[1], r.scenario);
  for (size_t i = 0; i < r.cell_count; i++)
    strcpy(r.cells[i].isolation, "read committed");
  pgr_result_judge(&r);
  return &r;
}

static void compare(const char *name, const pgr_buf *got) {
  char path[4096];
  static char want[1 << 16];
  snprintf(path, sizeof path, "%s/%s", golden_dir, name);
  if (getenv("PGR_GOLDEN_WRITE")) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(pgr_buf_text(got), f);
    fclose(f);
    return;
  }
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  want[fread(want, 1, sizeof want - 1, f)] = '\0';
  fclose(f);
  assert_string_equal(pgr_buf_text(got), want);
}

static void text(const char *name, const pgr_result *r, bool colour) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_report_header(r, &out);
  pgr_report_text(r, colour, &out);
  assert_false(out.failed);
  compare(name, &out);
  pgr_buf_deinit(&out);
}

static void as_expected(void **state) {
  (void)state;
  pgr_result *r = fixed_result();
  assert_int_equal(r->exit_status, 0);
  text("as-expected.txt", r, false);
  text("as-expected.ansi", r, true);
}

static void as_json(void **state) {
  (void)state;
  pgr_buf out;
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_report_json(fixed_result(), &out, NULL), PGR_OK);
  compare("as-expected.json", &out);
  pgr_buf_deinit(&out);
}

/* A trigger that lets one pass, with undeclared errors on the way, over a pool, with a gap. */
static void not_expected(void **state) {
  (void)state;
  pgr_result *r = fixed_result();
  pgr_cell *c = &r->cells[1];
  r->settings.agents = 10000;
  r->settings.connections = 64;
  r->settings.gap_ns = 5000000;
  c->pool_wait = slow;
  r->cells[0].pool_wait = fast;
  c->evidence.duplicates = c->evidence.doubled = 1;
  c->share = (pgr_interval){0.0000127, 0.00278};
  c->outcomes[0][PGR_OUTCOME_UNKNOWN] = c->evidence.unknown = 2;
  c->outcomes[0][PGR_OUTCOME_RETRIED] = 31;
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("not-expected.txt", r, false);
  c->evidence.failed = c->outcomes[0][PGR_OUTCOME_FAILED] = 3;
  c->complaint_count = 1;
  c->complaints[0] = (pgr_complaint){.sqlstate = "42703", .message = "column \"texter\" does not exist", .count = 3};
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("failed.txt", r, false);
}

static void control_did_not_race(void **state) {
  (void)state;
  pgr_result *r = fixed_result();
  pgr_cell *c = &r->cells[0];
  c->evidence.duplicates = c->evidence.doubled = 0;
  c->upper_bound = 0.0015;
  c->story.count = 0;
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 2);
  text("inconclusive.txt", r, false);
}

static void interrupted(void **state) {
  (void)state;
  pgr_result *r = fixed_result();
  pgr_cell *c = &r->cells[1];
  const pgr_strategy *strategy = c->strategy;
  memset(c, 0, sizeof *c);
  c->strategy = strategy;
  c->evidence.expect = strategy->expect;
  r->complete = false;
  r->interrupted = true;
  r->cells[0].evidence.complete = r->cells[0].evidence.rows_known = false;
  r->cells[0].evidence.doubled = 0;
  strcpy(r->note, "Interrupted: what ran is shown, and incomplete.");
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 2);
  text("interrupted.txt", r, false);
  pgr_buf out;
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_report_json(r, &out, NULL), PGR_OK);
  compare("interrupted.json", &out);
  pgr_buf_deinit(&out);
}

/* The ends of intervals are rounded away from what was seen, and nothing but 0 and 1 is printed as 0 and 100. */
static void bounds_are_rounded_outward(void **state) {
  (void)state;
  static const struct {
    double bound;
    const char *text;
  } cases[] = {{0.006046, "≤ 0.61 %"}, {0.13911, "≤ 14.0 %"}, {0.0000006, "≤ 0.000060 %"},
               {0.05, "≤ 5.0 %"},      {1, "≤ 100 %"},        {0.00000059911, "≤ 0.000060 %"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_result *r = fixed_result();
    pgr_buf out;
    pgr_buf_init(&out, 0);
    r->cells[1].upper_bound = cases[i].bound;
    pgr_report_text(r, false, &out);
    if (!strstr(pgr_buf_text(&out), cases[i].text)) fail_msg("%s is not in:\n%s", cases[i].text, pgr_buf_text(&out));
    pgr_buf_deinit(&out);
  }
}

int main(int argc, char **argv) {
  golden_dir = argc > 1 ? argv[1] : ".";
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_expected),  cmocka_unit_test(as_json),
                                     cmocka_unit_test(not_expected), cmocka_unit_test(control_did_not_race),
                                     cmocka_unit_test(interrupted),  cmocka_unit_test(bounds_are_rounded_outward)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
