/* Result documents read back: what is written is read as it was, and every renderer says the same of it; what versions
 * before have written can be read; what is wrong is named where it is. The first argument is the folder documents/. */
#include "../golden/bench_fixture.h"

#include "pgr_document.h"
#include "pgr_report.h"
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *documents_dir;

/* path: below documents/. The caller's to deinit. */
static pgr_buf text_of_file(const char *path) {
  char full[4096], part[4096];
  pgr_buf text;
  pgr_buf_init(&text, 0);
  snprintf(full, sizeof full, "%s/%s", documents_dir, path);
  FILE *f = fopen(full, "r");
  if (!f) fail_msg("there is no %s", full);
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    pgr_buf_add(&text, part, n);
  fclose(f);
  assert_false(text.failed);
  return text;
}

static pgr_archive *read_or_fail(const char *name, const pgr_buf *text) {
  pgr_archive *a = NULL;
  pgr_err err = {0};
  if (pgr_archive_read(name, pgr_buf_text(text), text->len, &a, &err)) fail_msg("%s", err.msg);
  assert_non_null(a);
  return a;
}

static pgr_archive *archive_of_file(const char *path) {
  pgr_buf text = text_of_file(path);
  pgr_archive *a = read_or_fail(path, &text);
  pgr_buf_deinit(&text);
  return a;
}

static pgr_buf json_of(const pgr_document *d) {
  pgr_buf out;
  pgr_err err = {0};
  pgr_buf_init(&out, 0);
  if (pgr_document_json(d, &out, &err)) fail_msg("%s", err.msg);
  return out;
}

static pgr_buf words_of(const pgr_document *d, unsigned style) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_document_header(d, &out);
  pgr_document_text(d, style, &out);
  assert_false(out.failed);
  return out;
}

static void assert_same_words(const pgr_document *a, const pgr_document *b) {
  static const unsigned styles[] = {0, PGR_STYLE_COLOUR, PGR_STYLE_VERBOSE};
  for (size_t i = 0; i < sizeof styles / sizeof *styles; i++) {
    pgr_buf of_a = words_of(a, styles[i]), of_b = words_of(b, styles[i]);
    assert_true(of_a.len > 100);
    assert_string_equal(pgr_buf_text(&of_a), pgr_buf_text(&of_b));
    pgr_buf_deinit(&of_a);
    pgr_buf_deinit(&of_b);
  }
}

/* What was read of d's JSON; the caller's. It says the same, and is written the same. */
static pgr_archive *assert_round_trip(const pgr_document *d) {
  pgr_buf written = json_of(d);
  pgr_archive *a = read_or_fail("again.json", &written);
  pgr_document again = pgr_archive_document(a);
  pgr_buf rewritten = json_of(&again);
  assert_string_equal(pgr_buf_text(&written), pgr_buf_text(&rewritten));
  assert_same_words(d, &again);
  assert_string_equal(pgr_document_command(d), pgr_document_command(&again));
  assert_int_equal(pgr_document_exit_status(d), pgr_document_exit_status(&again));
  assert_string_equal(pgr_document_repeat(d), pgr_document_repeat(&again));
  pgr_buf_deinit(&written);
  pgr_buf_deinit(&rewritten);
  return a;
}

/* Runs --------------------------------------------------------------------------------------------------------------
 */

static pgr_scenario *claim_scenario(void) {
  static pgr_scenario s;
  s = (pgr_scenario){
      .name = "claim",
      .title = "agents claim one conversation",
      .lesson = "Looking first and\nwriting then is not enough.\n",
      .broken = "The customer got two answers.",
      .source = {.name = "scenarios/claim/claim.yaml"},
      .key = {"conversation", 1, 1000000},
      .protocol = PGR_PROTOCOL_PREPARED,
      .operations = {{"claim", PGR_WHEN_START, -1}, {"reply", PGR_WHEN_AFTER, 0}, {"release", PGR_WHEN_END, 0}},
      .operation_count = 3,
      .ownership = {.declared = true, .name = "one owner", .acquire = 0, .release = 2, .capacity = 3},
      .rejections = {{"23514", "conversation_check", "texter_id", "It is already checked out"},
                     {"55P03", NULL, NULL, "Somebody is checking it out right now"}},
      .rejection_count = 2,
      .strategies = {{.name = "naive", .summary = "looks, then writes", .line = 31, .at = {{true, PGR_EXPECT_RACE}}},
                     {.name = "trigger",
                      .summary = "the table says no",
                      .line = 40,
                      .at = {{true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}}}},
      .strategy_count = 2};
  return &s;
}

static pgr_story story_of(uint32_t first, uint32_t second) {
  pgr_story story = {.key = 17, .round = 17, .rule = "one owner", .second_owner = second, .count = 2};
  story.steps[0] = (pgr_trace_step){.round = 17,
                                    .key = 17,
                                    .call_ns = 1000000,
                                    .return_ns = 1040000,
                                    .ready_ns = 990000,
                                    .rows = 1,
                                    .agent = first,
                                    .outcome = PGR_OUTCOME_COUNT,
                                    .value = "t",
                                    .sql = "SELECT texter_id IS NULL FROM conversations WHERE id = 17"};
  story.steps[1] = (pgr_trace_step){.round = 17,
                                    .key = 17,
                                    .call_ns = 1050000,
                                    .return_ns = 1090000,
                                    .ready_ns = 1050000,
                                    .rows = -1,
                                    .agent = second,
                                    .kind = 1,
                                    .outcome = PGR_OUTCOME_OK,
                                    .sqlstate = "40001",
                                    .sql = "UPDATE conversations SET texter_id = 5 WHERE id = 17"};
  story.waited[1] = (pgr_waited){.for_agent = first, .until_ns = 1070000};
  return story;
}

static void fill_raced(pgr_cell *c) {
  c->rounds = 2000;
  c->elapsed_ns = 1700000001;
  c->served = 8;
  c->rounds_per_s = 1176.5;
  c->statements_per_s = 28512.4;
  c->evidence.contested = 1990;
  c->evidence.duplicates = 1987;
  c->share = (pgr_interval){0.98891, 0.99653};
  c->rule_count = 2;
  c->rules[0] = (pgr_rule){"one owner", true, true, 1987};
  c->rules[1] = (pgr_rule){"one answer", false, true, 12};
  c->evidence.rules_known = c->evidence.complete = true;
  c->outcomes[0][PGR_OUTCOME_OK] = 4101;
  c->outcomes[0][PGR_OUTCOME_REFUSED] = 11899;
  c->outcomes[0][PGR_OUTCOME_RETRIED] = 3;
  c->outcomes[1][PGR_OUTCOME_UNKNOWN] = c->evidence.unknown = 2;
  c->service[0][PGR_OUTCOME_OK] = c->winner = (pgr_latency){4101, 212000, 611000, 904000, 5120000};
  c->response[0][PGR_OUTCOME_OK] = (pgr_latency){4101, 213000, 612000, 905000, 5120001};
  c->loser = (pgr_latency){11899, 310000, 880000, 1200000, 12000000};
  c->pool_wait = (pgr_latency){16000, 1, 2, 3, 4};
  c->start_skew = (pgr_latency){2000, 32400, 80100, 121000, 1660000};
  c->winner_curve = (pgr_curve){2, {{0.5, 212000}, {1, 5120000}}};
  c->loser_curve = (pgr_curve){1, {{1, 12000000}}};
  c->throughput = (pgr_throughput){.slice_ns = 100000000, .count = 3, .ended = {7, 0, 9}};
  c->story_count = 3;
  for (uint32_t i = 0; i < 3; i++)
    c->stories[i] = story_of(3 + i, 7 + i);
}

static void fill_held(pgr_cell *c) {
  c->rounds = c->evidence.contested = 2000;
  c->upper_bound = 0.0014967;
  c->share = (pgr_interval){0, 0.0018428};
  c->rule_count = 1;
  c->rules[0] = (pgr_rule){"one owner", true, true, 0};
  c->evidence.rules_known = c->evidence.complete = true;
  c->outcomes[0][PGR_OUTCOME_OK] = 2000;
  c->outcomes[0][PGR_OUTCOME_REJECTED] = c->rejections[0] = 14000;
}

static pgr_cell *add_cell(pgr_result *r, int strategy, pgr_isolation level, int64_t gap_ns) {
  pgr_cell *c = pgr_result_add_cell(r);
  assert_non_null(c);
  c->strategy = &r->scenario->strategies[strategy];
  c->isolation = level;
  c->gap_ns = gap_ns;
  c->evidence.ran = true;
  c->evidence.expect = pgr_cell_expect(c);
  return c;
}

static pgr_result result_of(const char *command) {
  pgr_result r = {.command = command, .scenario = claim_scenario(), .complete = true, .seed = 9007199254740991};
  r.settings.agents = 16;
  r.settings.contenders = r.settings.connections = 8;
  r.settings.threads = 2;
  r.settings.rounds = 2000;
  r.settings.gap_count = 1;
  r.settings.max_tries = 4;
  r.settings.protocol = PGR_PROTOCOL_PREPARED;
  r.environment = (pgr_environment){.private_server = true,
                                    .in_memory = true,
                                    .server_version = "15.18",
                                    .server_settings = "fsync=off",
                                    .libpq_version = 150018,
                                    .cpus = 2,
                                    .machine = "Linux 6.1 x86_64",
                                    .startup_ns = 240123456,
                                    .started_at = "2026-01-02T03:04:05Z"};
  snprintf(r.repeat, sizeof r.repeat, "pgrace run claim --seed 9007199254740991");
  return r;
}

static void run_is_read_as_it_was(void **state) {
  (void)state;
  pgr_result r = result_of("run");
  fill_raced(add_cell(&r, 0, PGR_READ_COMMITTED, 0));
  fill_held(add_cell(&r, 1, PGR_READ_COMMITTED, 0));
  pgr_result_judge(&r);
  assert_int_equal(r.exit_status, 0);
  pgr_archive *a = assert_round_trip(&(pgr_document){.run = &r});
  pgr_document d = pgr_archive_document(a);
  assert_null(d.bench);
  const pgr_scenario *s = pgr_document_scenario(&d), *was = r.scenario;
  assert_string_equal(s->name, "claim");
  assert_string_equal(s->title, was->title);
  assert_string_equal(s->lesson, was->lesson);
  assert_string_equal(s->broken, was->broken);
  assert_string_equal(s->source.name, was->source.name);
  assert_string_equal(s->key.name, "conversation");
  assert_true(s->ownership.declared);
  assert_string_equal(s->ownership.name, "one owner");
  assert_int_equal(s->ownership.capacity, 3);
  assert_int_equal(s->operation_count, 3);
  assert_int_equal(s->operations[2].when, PGR_WHEN_END);
  assert_int_equal(s->rejection_count, 2);
  assert_null(s->rejections[1].constraint);
  assert_int_equal(s->strategies[1].line, 40);
  assert_string_equal(s->strategies[1].summary, "the table says no");
  assert_int_equal(s->strategies[1].at[PGR_READ_COMMITTED].expect, PGR_EXPECT_SAFE);
  const pgr_cell *c = &d.run->cells[0];
  assert_memory_equal(&c->winner_curve, &r.cells[0].winner_curve, sizeof c->winner_curve);
  assert_memory_equal(&c->loser_curve, &r.cells[0].loser_curve, sizeof c->loser_curve);
  assert_memory_equal(&c->throughput, &r.cells[0].throughput, sizeof c->throughput);
  assert_memory_equal(c->outcomes, r.cells[0].outcomes, sizeof c->outcomes);
  assert_memory_equal(c->service, r.cells[0].service, sizeof c->service);
  assert_memory_equal(c->response, r.cells[0].response, sizeof c->response);
  assert_int_equal(c->story_count, 3);
  for (size_t i = 0; i < c->story_count; i++) {
    assert_memory_equal(c->stories[i].steps, r.cells[0].stories[i].steps, sizeof c->stories[i].steps);
    assert_memory_equal(c->stories[i].waited, r.cells[0].stories[i].waited, sizeof c->stories[i].waited);
    assert_int_equal(c->stories[i].second_owner, 7 + i);
  }
  pgr_archive_close(a);
  pgr_result_deinit(&r);
}

/* Several gaps, a budget, an error that ended it, a cell that was not run, complaints, a rule that is not known. */
static void odd_run_is_read_as_it_was(void **state) {
  (void)state;
  pgr_result r = result_of("run");
  r.settings.gap_count = 2;
  r.settings.gaps_ns[1] = 5000000;
  r.settings.budget_ns = 30000000000;
  r.settings.rounds = 0;
  r.settings.duration_ns = 10000000000;
  r.environment.private_server = false;
  snprintf(r.environment.target, sizeof r.environment.target, "somebody@db.example:5432");
  fill_raced(add_cell(&r, 0, PGR_READ_COMMITTED, 0));
  pgr_cell *c = add_cell(&r, 0, PGR_READ_COMMITTED, 5000000);
  fill_raced(c);
  c->rules[1].known = c->evidence.rules_known = false;
  c->rules[1].broken = 0;
  c->complaint_count = 2;
  c->outcomes[1][PGR_OUTCOME_FAILED] = c->evidence.failed = 3;
  c->complaints[0] =
      (pgr_complaint){.sqlstate = "42703", .message = "no \"such\" column", .file = "a.sql", .line = 6, .count = 2};
  c->complaints[1] = (pgr_complaint){.message = "the shell command failed", .kind = 1, .file = "", .count = 1};
  c = add_cell(&r, 1, PGR_REPEATABLE_READ, 0);
  c->evidence.ran = false;
  r.complete = false;
  snprintf(r.error, sizeof r.error, "cannot connect");
  pgr_result_judge(&r);
  r.exit_status = 5;
  pgr_archive *a = assert_round_trip(&(pgr_document){.run = &r});
  const pgr_result *again = pgr_archive_document(a).run;
  assert_int_equal(again->settings.gap_count, 2);
  assert_int_equal(again->settings.gaps_ns[1], 5000000);
  assert_int_equal(again->settings.budget_ns, 30000000000);
  assert_int_equal(again->cells[1].gap_ns, 5000000);
  assert_false(again->cells[2].evidence.ran);
  assert_false(again->cells[1].evidence.rules_known);
  assert_string_equal(again->error, "cannot connect");
  pgr_buf words = words_of(&(pgr_document){.run = again}, 0);
  assert_non_null(strstr(pgr_buf_text(&words), "\nIt ended with an error: cannot connect\n"));
  pgr_buf_deinit(&words);
  pgr_archive_close(a);
  pgr_result_deinit(&r);
}

/* What people played by hand: nothing was planned, nobody drew, and two strategies had different gaps. */
static void demo_is_read_as_it_was(void **state) {
  (void)state;
  pgr_result r = result_of("demo");
  r.seed = 0;
  r.settings.agents = 52;
  r.settings.contenders = 2;
  r.settings.rounds = 0;
  r.settings.gap_count = 2;
  r.settings.gaps_ns[0] = 2000000000;
  for (int i = 0; i < 2; i++) {
    pgr_cell *c = add_cell(&r, i != 0, PGR_READ_COMMITTED, r.settings.gaps_ns[i]);
    c->rule_count = 1;
    c->rules[0] = (pgr_rule){.name = "one owner", .from_history = true, .known = true};
    c->rounds = 3;
    c->evidence.ran = c->evidence.complete = true;
    c->evidence.contested = 2;
    c->evidence.duplicates = i == 0;
  }
  pgr_result_judge(&r);
  pgr_archive *a = assert_round_trip(&(pgr_document){.run = &r});
  const pgr_result *again = pgr_archive_document(a).run;
  assert_string_equal(again->command, "demo");
  pgr_buf words = words_of(&(pgr_document){.run = again}, 0);
  assert_non_null(strstr(pgr_buf_text(&words), "played by hand: 2 seats and a crowd of 50\n"));
  assert_non_null(strstr(pgr_buf_text(&words), "2 agents claim one conversation, or the crowd does"));
  assert_null(strstr(pgr_buf_text(&words), "seed"));
  assert_null(strstr(pgr_buf_text(&words), "at a time"));
  pgr_buf_deinit(&words);
  pgr_archive_close(a);
  pgr_result_deinit(&r);
}

/* Explorations ------------------------------------------------------------------------------------------------------
 */

static const char witness_text[] =
    "{\"format\": 1, \"kind\": \"pgrace-witness\", \"scenario\": \"claim\", \"strategy\": \"naive\",\n"
    "\"isolation\": \"read committed\", \"protocol\": \"simple\", \"agents\": 2, \"key\": 7, \"seed\": 42,\n"
    "\"oracle\": \"rules\", \"rule\": \"one owner\", \"why\": \"two own it\", \"replayed\": 20, \"broke\": 20,\n"
    "\"steps\": [{\"agent\": 1, \"operation\": \"claim\", \"text\": \"SELECT 1\", \"result\": \"1 row\"},\n"
    "{\"agent\": 2, \"operation\": \"claim\", \"text\": \"SELECT 2\", \"outcome\": \"ok\", \"breaks\": true}]}";

static void exploration_is_read_as_it_was(void **state) {
  (void)state;
  pgr_result r = result_of("explore");
  pgr_witness w;
  pgr_err err = {0};
  r.settings.gap_count = 0;
  assert_int_equal(pgr_witness_read("w", witness_text, strlen(witness_text), &w, &err), PGR_OK);
  for (int i = 0; i < 3; i++) {
    pgr_cell *c = add_cell(&r, i != 0, i == 2 ? PGR_REPEATABLE_READ : PGR_READ_COMMITTED, 0);
    bool broken = i == 0;
    c->elapsed_ns = 20850865;
    c->proof.agents = 2;
    c->proof.proved = c->proof.reduced = c->proof.totals.exhausted = true;
    c->proof.bound = i - 1;
    c->proof.found_after = broken ? 3 : 0;
    c->proof.witness = broken ? &w : NULL;
    c->proof.totals.schedules = 6;
    c->proof.totals.classes = 4;
    c->proof.totals.broken = broken ? 2 : 0;
    c->proof.totals.class_digest = UINT64_C(0xe181f90eff3394ef);
    c->proof.totals.depth = 5;
    pgr_tally tally = {0};
    tally.outcomes[0][PGR_OUTCOME_OK] = 6;
    pgr_cell_prove(c, r.scenario, &tally);
  }
  pgr_result_judge(&r);
  pgr_archive *a = assert_round_trip(&(pgr_document){.run = &r});
  const pgr_result *again = pgr_archive_document(a).run;
  assert_int_equal(again->cells[0].proof.totals.class_digest, UINT64_C(0xe181f90eff3394ef));
  assert_string_equal(again->cells[0].proof.witness->steps[1].text, "SELECT 2");
  assert_null(again->cells[1].proof.witness);
  assert_int_equal(again->cells[1].proof.bound, 0);
  pgr_archive_close(a);
  pgr_witness_deinit(&w);
  pgr_result_deinit(&r);
}

/* Golden documents --------------------------------------------------------------------------------------------------
 */

static void golden_documents_are_written_again(void **state) {
  static const char *const names[] = {"as-expected", "failed", "interrupted", "rows", "swept"};
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[64];
    snprintf(path, sizeof path, "../golden/%s.json", names[i]);
    pgr_buf text = text_of_file(path);
    pgr_archive *a = read_or_fail(path, &text);
    pgr_document d = pgr_archive_document(a);
    pgr_buf again = json_of(&d);
    assert_string_equal(pgr_buf_text(&text), pgr_buf_text(&again));
    pgr_buf_deinit(&text);
    pgr_buf_deinit(&again);
    pgr_archive_close(a);
  }
}

/* Benches -----------------------------------------------------------------------------------------------------------
 */

/* To the nine digits that are written. */
static void assert_same_figure(const pgr_figure *was, const pgr_figure *is) {
  if (strpbrk(was->name, "\x1b\n")) return; /* hostile: it has lost what is no text */
  assert_string_equal(is->name, was->name);
  assert_int_equal(is->unit, was->unit);
  assert_int_equal(is->better, was->better);
  assert_int_equal(is->bounded, was->bounded);
  assert_int_equal(is->count, was->count);
  assert_int_equal(isnan(is->value), isnan(was->value));
  assert_false(fabs(is->value - was->value) > 1e-8 * fabs(was->value));
  assert_false(fabs(is->interval.high - was->interval.high) > 1e-8 * fabs(was->interval.high));
  for (size_t i = 0; i < is->count; i++)
    assert_false(fabs(is->each[i] - was->each[i]) > 1e-8 * fabs(was->each[i]));
}

static void bench_says_the_same(void **state) {
  const bench_case *c = *state;
  pgr_scenario *s = bench_scenario();
  pgr_bench b = c->make(s);
  pgr_document before = {.bench = &b};
  pgr_buf text = json_of(&before);
  pgr_archive *a = read_or_fail(c->name, &text);
  pgr_document after = pgr_archive_document(a);
  assert_null(after.run);
  assert_same_words(&before, &after);
  assert_int_equal(after.bench->exit_status, b.exit_status);
  for (size_t i = 0; i < b.cell_count; i++) {
    const pgr_bench_cell *was = &b.cells[i], *is = &after.bench->cells[i];
    assert_int_equal(is->winner_curve.count, was->winner_curve.count);
    assert_int_equal(is->figure_count, was->figure_count);
    assert_int_equal(is->repetition_count, was->repetition_count);
    for (size_t k = 0; k < is->figure_count; k++)
      assert_same_figure(&was->figures[k], &is->figures[k]);
  }
  pgr_buf_deinit(&text);
  pgr_archive_close(a);
  pgr_bench_deinit(&b);
  pgr_scenario_destroy(s);
}

/* Older documents ---------------------------------------------------------------------------------------------------
 */

typedef struct older {
  const char *path, *scenario, *title;
  size_t cells;
  int strategies, operations;
  const char *says; /* the text */
} older;

static const older olders[] = {
    {"0.1-first/run.json", "claim", "agents", 2, 2, 3, "claim: 8 agents, 100 rounds, read committed\n"},
    {"0.1-first/run-stock.json", "stock", "agents", 3, 3, 2, "stock: 8 agents, "},
    {"0.1-first/run-explore.json", "claim", "agents", 33, 13, 3, "RACE ("},
    {"0.1-first/explore.json", "claim", "agents", 2, 2, 3,
     "claim / trigger / read committed, 2 agents: safe, as expected. 6 schedules"},
    {"0.1-first/bench.json", "claim", "", 2, 2, 3,
     "naive: 58 duplicates in 30,648 operations, as expected; the first: key 85, agent"},
    {"0.1-first/bench-bare.json", "one", "", 1, 1, 1, "\none: 1 repetition of 1.00 s after 500 ms of warm-up"}};

static void older_can_be_read(void **state) {
  const older *o = *state;
  pgr_archive *a = archive_of_file(o->path);
  pgr_document d = pgr_archive_document(a);
  const pgr_scenario *s = pgr_document_scenario(&d);
  assert_string_equal(s->name, o->scenario);
  assert_string_equal(s->title, o->title);
  assert_int_equal(s->strategy_count, o->strategies);
  assert_int_equal(s->operation_count, o->operations);
  assert_int_equal(d.run ? d.run->cell_count : d.bench->cell_count, o->cells);
  assert_int_equal(pgr_document_exit_status(&d), 0);
  assert_string_equal(pgr_document_repeat(&d), "");
  pgr_buf text = words_of(&d, 0);
  if (!strstr(pgr_buf_text(&text), o->says)) fail_msg("%s does not say '%s':\n%s", o->path, o->says, text.data);
  pgr_buf_deinit(&text);
  pgr_archive_close(a);
}

static void older_numbers_are_right(void **state) {
  (void)state;
  pgr_archive *a = archive_of_file("0.1-first/run.json");
  const pgr_cell *c = &pgr_archive_document(a).run->cells[0];
  assert_string_equal(c->strategy->name, "naive");
  assert_int_equal(c->evidence.expect, PGR_EXPECT_RACE);
  assert_int_equal(c->judgement.verdict, PGR_VERDICT_RACE);
  assert_true(c->judgement.as_expected);
  assert_int_equal(c->evidence.duplicates, 93);
  assert_int_equal(c->outcomes[0][PGR_OUTCOME_REFUSED], 182);
  assert_int_equal(c->winner.p99, 10551295);
  assert_int_equal(c->served, 8);
  assert_int_equal(c->rule_count, 2);
  assert_float_equal(c->share.low, 0.861080272, 1e-12);
  assert_int_equal(c->stories[0].round, 22);
  assert_int_equal(c->stories[0].count, 4);
  assert_int_equal(c->stories[0].steps[3].ready_ns, c->stories[0].steps[3].call_ns);
  assert_int_equal(pgr_archive_document(a).run->settings.gap_count, 1);
  assert_int_equal(pgr_archive_document(a).run->seed, 7);
  pgr_archive_close(a);
  a = archive_of_file("0.1-first/explore.json");
  c = &pgr_archive_document(a).run->cells[0];
  assert_true(c->evidence.explored && c->evidence.ran);
  assert_int_equal(c->proof.found_after, 3);
  assert_int_equal(c->proof.totals.left, 2);
  assert_non_null(c->proof.witness);
  pgr_archive_close(a);
  a = archive_of_file("0.1-first/bench.json");
  const pgr_bench_cell *b = &pgr_archive_document(a).bench->cells[0];
  assert_int_equal(b->clients, 4);
  assert_int_equal(b->repetition_count, 2);
  assert_int_equal(b->all.duplicates, 58);
  assert_int_equal(b->figure_count, 141);
  assert_float_equal(pgr_bench_figure(b, "tps")->value, 2923.5, 1e-9);
  assert_string_equal(b->all.server.waits[0].what, "CPU");
  assert_int_equal(b->all.server.waits[0].seen, 5);
  assert_false(pgr_archive_document(a).bench->bare);
  pgr_archive_close(a);
  a = archive_of_file("0.1-first/bench-bare.json");
  assert_true(pgr_archive_document(a).bench->bare);
  assert_true(pgr_archive_document(a).bench->settings.open);
  pgr_archive_close(a);
}

/* Faults ------------------------------------------------------------------------------------------------------------
 */

#define ENVIRONMENT "\"environment\": {\"server\": \"private\", \"server_version\": \"15\"}"

static const char run_text[] =
    "{\"format\": 1, \"command\": \"run\", \"exit_status\": 0, \"seed\": 1,\n"
    "\"scenario\": {\"name\": \"claim\", \"title\": \"agents\", \"key\": \"row\", \"capacity\": 1, \"owns\": \"one\",\n"
    " \"operations\": [{\"name\": \"claim\", \"when\": \"start\"}], \"main\": \"claim\", \"rejections\": []},\n"
    "\"settings\": {\"agents\": 8, \"contenders\": 8, \"connections\": 8, \"threads\": 1, \"protocol\": \"simple\",\n"
    " \"gaps_ns\": [0]},\n" ENVIRONMENT ",\n"
    "\"cells\": [{\"strategy\": \"naive\", \"isolation\": \"serializable\", \"expect\": \"race\", \"verdict\": "
    "\"race\",\n"
    " \"method\": \"sampled\", \"as_expected\": true, \"rounds\": 9, \"contested\": 9, \"duplicates\": 4,\n"
    " \"share_interval\": [0.1, 0.9], \"rules\": [{\"rule\": \"one\", \"by\": \"history\", \"broken\": 4}],\n"
    " \"outcomes\": {\"claim\": {\"ok\": 7}}, \"winner_ns\": {\"p50\": 5},\n"
    " \"curves\": {\"winner\": [[0.5, 7], [1, 9]], \"loser\": []}, \"throughput\": {\"slice_ns\": 5, \"ended\": [1]},\n"
    " \"rejections\": [{\"sqlstate\": \"23514\", \"count\": 1}], \"errors\": [],\n"
    " \"witness\": {\"round\": 1, \"key\": 1, \"rule\": \"one\", \"steps\": [{\"call_ns\": 5, \"return_ns\": 6,\n"
    "  \"agent\": 1, \"operation\": \"claim\", \"sql\": \"S\", \"rows\": 1, \"outcome\": \"ok\"}]}, "
    "\"more_witnesses\": []}]}";

static const char bench_text[] =
    "{\"format\": 1, \"command\": \"bench\", \"exit_status\": 3, \"seed\": 1,\n"
    "\"settings\": {\"threads\": 1, \"repetitions\": 1, \"duration_ns\": 9, \"protocol\": \"simple\", \"loop\": "
    "\"closed\",\n"
    " \"keys\": \"uniform\", \"key_count\": 5},\n" ENVIRONMENT ",\n"
    "\"thresholds\": [{\"text\": \"tps > 5\", \"where\": \"--threshold\",\n"
    " \"crossings\": [{\"cell\": \"naive\", \"value\": 4}]}],\n"
    "\"baseline\": \"old.json\", \"changes\": [{\"cell\": \"naive\", \"figure\": \"tps\", \"before\": 6, \"after\": "
    "4,\n"
    " \"p\": 0.01, \"significant\": true, \"worse\": true}],\n"
    "\"cells\": [{\"name\": \"naive\", \"scenario\": \"claim\", \"strategy\": \"naive\", \"isolation\": "
    "\"serializable\",\n"
    " \"clients\": 4, \"connections\": 4, \"threads\": 1, \"repetitions\": 1, \"outcomes\": {\"claim\": {\"ok\": 7}},\n"
    " \"figures\": {\"tps\": {\"value\": 4, \"median\": 4, \"low\": 4, \"high\": 4, \"bounded\": false,\n"
    "  \"unit\": \"per_s\", \"better\": \"higher\", \"each\": [4]}},\n"
    " \"waits\": [{\"what\": \"CPU\", \"seen\": 3}], \"server\": {\"looks\": 2},\n"
    " \"story\": {\"what\": \"duplicate\", \"first\": {\"agent\": 1, \"operation\": \"claim\", \"outcome\": \"ok\"},\n"
    "  \"second\": {\"agent\": 2, \"operation\": \"claim\", \"outcome\": \"ok\"}}}]}";

/* `of` with its first `old` exchanged for `new`; static. */
static const char *exchange(const char *of, const char *old, const char *new) {
  static char text[1 << 17];
  const char *at = strstr(of, old);
  if (!at) fail_msg("there is no '%s'", old);
  snprintf(text, sizeof text, "%.*s%s%s", (int)(at - of), of, new, at + strlen(old));
  return text;
}

typedef struct fault {
  const char *of, *old, *new;
  const char *says; /* after "f.json" */
} fault;

static const fault faults[] = {
    /* the document */
    {run_text, "{\"format\"", "{{", ":1:2: string or '}' expected near '{'"},
    {run_text, "\"seed\": 1,\n", "\"seed\": 1,\n\"seed\"", ":2:"},
    {run_text, "\"seed\": 1", "\"seed\": 1, \"seed\": 2", ":1:"},
    {run_text, run_text, "[]",
     ": this is no result of pgrace, give a result.json of pgrace run, explore, demo or bench"},
    {run_text, run_text, "7", ":1:1: '[' or '{' expected near '7'"},
    {run_text, run_text, witness_text, ": this is a witness, for pgrace replay; give a result.json"},
    {run_text, "\"format\": 1", "\"format\": 2", ": format: must be 1, this was written by another pgrace"},
    {run_text, "\"run\"", "\"replay\"", ": command: must be \"run\", \"explore\", \"demo\" or \"bench\""},
    {run_text, "\"exit_status\": 0", "\"exit_status\": 6", ": exit_status: must be 0 … 5, not 6"},
    {run_text, "\"exit_status\": 0, ", "", ": exit_status: is missing"},
    {bench_text, "\"exit_status\": 3", "\"exit_status\": null", ": exit_status: is missing"},
    {run_text, "\"seed\": 1", "\"seed\": -1", ": seed: must be 0 … 9223372036854775807, not -1"},
    {run_text, "\"settings\"", "\"s\"", ": settings: is missing"},
    {run_text, "\"environment\"", "\"e\"", ": environment: is missing"},
    {run_text, "\"cells\": [", "\"cells\": [], \"c\": [", ": cells: must be a list, and not empty"},
    {run_text, "\"cells\"", "\"c\"", ": cells: is missing"},
    {run_text, "\"cells\": [", "\"cells\": [7, ", ": cells[0]: must be an object"},
    {run_text, "\"agents\": 8", "\"agents\": 0", ": settings.agents: must be 1 … 4294967295, not 0"},
    {run_text, "\"contenders\": 8", "\"contenders\": 0", ": settings.contenders: must be 1 … 4294967295, not 0"},
    {run_text, "\"contenders\": 8", "\"contenders\": 1.5", ": settings.contenders: must be a whole number"},
    {run_text, "\"protocol\": \"simple\"", "\"protocol\": 5", ": settings.protocol: must be a text"},
    {run_text, "[0]", "[0,0,0,0,0,0,0,0,0]", ": settings.gaps_ns: at most 8, not 9"},
    {run_text, "[0]", "[-1]", ": settings.gaps_ns: every value must be nanoseconds"},
    {run_text, "\"private\"", "\"mine\"", ": environment.server: must be \"private\" or \"given\""},
    /* its scenario */
    {run_text, "{\"name\": \"claim\", \"title\"", "{\"title\"", ": scenario.name: is missing"},
    {run_text, "\"when\": \"start\"", "\"when\": \"now\"",
     ": scenario.operations[0].when: must be \"start\", \"after\" or \"end\""},
    {run_text, "{\"name\": \"claim\", \"when\": \"start\"}", "",
     ": scenario.main: 'claim' is none of the scenario's operations"},
    {run_text, "\"capacity\": 1", "\"capacity\": 0", ": scenario.capacity: must be 1 … 9223372036854775807, not 0"},
    {run_text, "\"title\": \"agents\"", "\"title\": []", ": scenario.title: must be a text"},
    /* a cell */
    {run_text, "\"strategy\": \"naive\"", "\"strategy\": null", ": cells[0].strategy: is missing"},
    {run_text, "\"serializable\"", "\"none\"",
     ": cells[0].isolation: must be \"read committed\", \"repeatable read\" or \"serializable\""},
    {run_text, "\"expect\": \"race\"", "\"expect\": \"none\"", ": cells[0].expect: must be \"race\" or \"safe\""},
    {run_text, "\"verdict\": \"race\"", "\"verdict\": \"fine\"",
     ": cells[0].verdict: must be \"race\", \"safe\", \"none-seen\", \"inconclusive\" or \"error\""},
    {run_text, "\"sampled\"", "\"seen\"", ": cells[0].method: must be \"sampled\" or \"explored\""},
    {run_text, "\"sampled\"", "\"explored\"", ": cells[0].proof: is missing"},
    {run_text, "\"as_expected\": true", "\"as_expected\": 1", ": cells[0].as_expected: must be true or false"},
    {run_text, "\"duplicates\": 4", "\"duplicates\": 10", ": cells[0].duplicates: must not be more than contested"},
    {run_text, "[0.1, 0.9]", "[0.1, 1.9]", ": cells[0].share_interval: must be two numbers from 0 to 1"},
    {run_text, "[0.1, 0.9]", "[]", ": cells[0].share_interval: must be two numbers from 0 to 1"},
    {run_text, "\"share_interval\"", "\"upper_bound\": 2, \"share_interval\"",
     ": cells[0].upper_bound: must be 0 … 1, not 2"},
    {run_text, "\"by\": \"history\"", "\"by\": \"me\"", ": cells[0].rules[0].by: must be \"history\" or \"rows\""},
    {run_text, "\"ok\": 7", "\"ok\": -7", ": cells[0].outcomes.claim.ok: must be 0 … 2305843009213693951, not -7"},
    {run_text, "\"p50\": 5", "\"p50\": []", ": cells[0].winner_ns.p50: must be a whole number"},
    {run_text, "[1, 9]", "[0.5, 9]", ": cells[0].curves.winner: shares must rise to 1, and times must not fall"},
    {run_text, "[1, 9]", "[1, 6]", ": cells[0].curves.winner: shares must rise to 1, and times must not fall"},
    {run_text, "[1, 9]", "[1.5, 9]", ": cells[0].curves.winner: shares must rise to 1, and times must not fall"},
    {run_text, "[1, 9]", "9", ": cells[0].curves.winner: every point must be a list of a share and nanoseconds"},
    {run_text, "\"ended\": [1]", "\"ended\": [-1]",
     ": cells[0].throughput.ended: every value must be a whole number, not negative"},
    {run_text, "\"slice_ns\": 5", "\"slice_ns\": 0",
     ": cells[0].throughput.slice_ns: must be 1 … 2305843009213693951, not 0"},
    {run_text, "\"sqlstate\": \"23514\"", "\"sqlstate\": \"\"", ": cells[0].rejections[0].sqlstate: is missing"},
    {run_text, "\"errors\": []", "\"errors\": [{\"operation\": \"b\"}]",
     ": cells[0].errors[0].operation: 'b' is none of the scenario's operations"},
    {run_text, "\"errors\": []", "\"errors\": [1,1,1,1,1,1,1,1,1]", ": cells[0].errors: at most 8, not 9"},
    {run_text, "\"more_witnesses\": []", "\"more_witnesses\": [1, 2, 3]",
     ": cells[0].more_witnesses: at most 2, not 3"},
    {run_text, "\"more_witnesses\": []", "\"more_witnesses\": [{}]", ": cells[0].more_witnesses[0].steps: is missing"},
    {run_text, "\"agent\": 1", "\"agent\": 0", ": cells[0].witness.steps[0].agent: must be 1 … 4294967295, not 0"},
    {run_text, "\"operation\": \"claim\"", "\"operation\": \"x\"",
     ": cells[0].witness.steps[0].operation: 'x' is none of the scenario's operations"},
    {run_text, "\"call_ns\": 5", "\"call_ns\": 9223372036854775807",
     ": cells[0].witness.steps[0].call_ns: must be 0 … 2305843009213693951, not 9223372036854775807"},
    {run_text, "\"outcome\": \"ok\"", "\"outcome\": \"fine\"",
     ": cells[0].witness.steps[0].outcome: must be \"ok\", \"refused\", \"rejected\", \"failed\", \"unknown\" or "
     "\"retried\""},
    {run_text, "\"sampled\"", "\"explored\", \"proof\": {\"digest\": \"xyz\"}",
     ": cells[0].proof.digest: must be 16 hexadecimal digits"},
    {run_text, "\"sampled\"", "\"explored\", \"proof\": {}",
     ": cells[0].witness: kind: must be \"pgrace-witness\": this is not a witness"},
    /* a bench */
    {bench_text, "\"loop\": \"closed\"", "\"loop\": \"wide\"", ": settings.loop: must be \"closed\" or \"open\""},
    {bench_text, "\"keys\": \"uniform\"", "\"keys\": \"unevn\"", ": settings.keys: "},
    {bench_text, "\"key_count\": 5", "\"key_count\": 0",
     ": settings.key_count: must be 1 … 2305843009213693951, not 0"},
    {bench_text, "tps > 5", "tps >", ": thresholds[0].text: "},
    {bench_text, "{\"cell\": \"naive\", \"value\"", "{\"cell\": \"x\", \"value\"",
     ": thresholds[0].crossings[0].cell: is none of the document's"},
    {bench_text, "{\"cell\": \"naive\", \"figure\"", "{\"cell\": \"x\", \"figure\"",
     ": changes[0].cell: is none of the document's"},
    {bench_text, "\"figure\": \"tps\"", "\"figure\": \"x\"", ": changes[0].figure: is none of the cell's"},
    {bench_text, "\"p\": 0.01", "\"p\": 7", ": changes[0].p: must be 0 … 1, not 7"},
    {bench_text, "\"outcomes\": {\"claim\": {\"ok\": 7}}", "\"outcomes\": {}", ": cells[0]: names no operation"},
    {bench_text, "\"figures\"", "\"f\"", ": cells[0].figures: is missing"},
    {bench_text, "\"unit\": \"per_s\"", "\"unit\": \"m\"",
     ": cells[0].figures.tps.unit: must be \"count\", \"per_s\", \"ns\", \"share\" or \"bytes\""},
    {bench_text, "\"value\": 4, \"median\"", "\"value\": 1e300, \"median\"",
     ": cells[0].figures.tps.value: must be -9e+18 … 9e+18, not 1e+300"},
    {bench_text, "\"each\": [4]", "\"each\": [true]",
     ": cells[0].figures.tps.each: every value must be a number or null"},
    {bench_text, "{\"name\": \"naive\", \"scenario\": \"claim\",",
     "{\"name\": \"naive\", \"strategy\": \"a\", \"isolation\": \"serializable\", \"outcomes\": {\"claim\": {}},"
     "\"figures\": {}}, {\"name\": \"naive\", \"scenario\": \"claim\",",
     ": cells[1].name: is that of an earlier cell, too"},
    {bench_text, "\"seen\": 3", "\"seen\": \"3\"", ": cells[0].waits[0].seen: must be a whole number"},
    {bench_text, "\"what\": \"duplicate\"", "\"what\": \"x\"",
     ": cells[0].story.what: must be \"duplicate\" or \"unexplained\""},
    {bench_text, "\"first\"", "\"f\"", ": cells[0].story.first: is missing"}};

static void faults_are_named(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
    const fault *f = &faults[i];
    const char *text = exchange(f->of, f->old, f->new);
    char want[400];
    pgr_archive *a = NULL;
    pgr_err err = {0};
    snprintf(want, sizeof want, "f.json%s", f->says);
    if (pgr_archive_read("f.json", text, strlen(text), &a, &err) != PGR_EUSAGE)
      fail_msg("'%s' for '%s' was read", f->new, f->old);
    assert_null(a);
    if (strncmp(err.msg, want, strlen(want)) != 0) fail_msg("'%s' says %s\nexpected %s", f->new, err.msg, want);
  }
}

/* The pieces that the faults were made of are none themselves. */
static void pieces_can_be_read(void **state) {
  (void)state;
  const char *const texts[] = {run_text, bench_text};
  for (size_t i = 0; i < 2; i++) {
    pgr_archive *a = NULL;
    pgr_err err = {0};
    if (pgr_archive_read("f.json", texts[i], strlen(texts[i]), &a, &err)) fail_msg("%s", err.msg);
    pgr_document d = pgr_archive_document(a);
    pgr_buf words = words_of(&d, 0);
    pgr_buf_deinit(&words);
    pgr_archive_close(a);
  }
}

/* An edited document, or another program's: its cases say more than its exit status does. */
static void failures_outweigh_exit_status(void **state) {
  (void)state;
  static const struct {
    const char *of, *old, *new;
    int status;
  } documents[] = {{run_text, "\"seed\": 1", "\"seed\": 1", 0},
                   {run_text, "\"expect\": \"race\"", "\"expect\": \"safe\"", 1},
                   {run_text, "\"seed\": 1", "\"seed\": 1, \"error\": \"cannot connect\"", 5},
                   {run_text, "\"exit_status\": 0", "\"exit_status\": 2", 2},
                   {bench_text, "\"exit_status\": 3", "\"exit_status\": 0", 1},
                   {bench_text, "\"seed\": 1", "\"seed\": 1", 3}};
  for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
    const char *text = exchange(documents[i].of, documents[i].old, documents[i].new);
    pgr_archive *a = NULL;
    pgr_err err = {0};
    if (pgr_archive_read("f.json", text, strlen(text), &a, &err)) fail_msg("%s", err.msg);
    pgr_document d = pgr_archive_document(a);
    assert_int_equal(pgr_document_exit_status(&d), documents[i].status);
    pgr_archive_close(a);
  }
}

/* More strategies, operations, cells and bytes than there can be. */
static void limits_are_named(void **state) {
  (void)state;
  static const char cell[] = "\"cells\": [{\"strategy\": \"naive\"";
  pgr_err err = {0};
  pgr_archive *a = NULL;
  pgr_buf many;
  pgr_buf_init(&many, 0);
  pgr_buf_adds(&many, "\"cells\": [");
  for (int i = 0; i <= PGR_STRATEGIES_MAX; i++)
    pgr_buf_addf(&many,
                 "{\"strategy\": \"s%d\", \"isolation\": \"serializable\", \"verdict\": \"race\", \"method\": "
                 "\"sampled\"}, ",
                 i);
  pgr_buf_adds(&many, "{\"strategy\": \"naive\"");
  const char *text = exchange(run_text, cell, pgr_buf_text(&many));
  assert_int_equal(pgr_archive_read("f.json", text, strlen(text), &a, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "f.json: cells[32].strategy: at most 32 different ones");
  pgr_buf_clear(&many);
  pgr_buf_adds(&many, "\"cells\": [");
  for (int i = 0; i < PGR_CELLS_MAX; i++)
    pgr_buf_adds(&many, "0, ");
  pgr_buf_adds(&many, "{\"strategy\": \"naive\"");
  text = exchange(run_text, cell, pgr_buf_text(&many));
  assert_int_equal(pgr_archive_read("f.json", text, strlen(text), &a, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "f.json: cells: at most 768, not 769");
  assert_int_equal(pgr_archive_read("f.json", text, PGR_DOCUMENT_BYTES_MAX + (size_t)1, &a, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "f.json: longer than 67108864 bytes, no result is");
  assert_null(a);
  pgr_buf_deinit(&many);
}

/* Texts that are too long end at a character's border, and none moves a cursor. */
static void texts_are_made_fit(void **state) {
  (void)state;
  char note[1200] = "\"seed\": 1, \"note\": \"", name[700] = "\"name\": \"";
  for (int i = 0; i < 150; i++)
    strcat(note, "ü—");
  strcat(note, "\"");
  for (int i = 0; i < 200; i++)
    strcat(name, "—");
  strcat(name, "\", \"title\": \"\\u001b[31m\\n\"");
  char text[sizeof run_text + sizeof note + sizeof name];
  snprintf(text, sizeof text, "%s", exchange(run_text, "\"seed\": 1", note));
  const char *both = exchange(text, "\"name\": \"claim\", \"title\": \"agents\"", name);
  pgr_archive *a = NULL;
  pgr_err err = {0};
  if (pgr_archive_read("f.json", both, strlen(both), &a, &err)) fail_msg("%s", err.msg);
  const pgr_result *r = pgr_archive_document(a).run;
  assert_int_equal(strlen(r->note), 197);
  assert_string_equal(r->note + 195, "ü");
  assert_int_equal(strlen(r->scenario->name), 255);
  assert_string_equal(r->scenario->title, " [31m\n");
  pgr_archive_close(a);
}

/* Without memory it says so, and leaves nothing. */
static void memory_may_end(void **state) {
  (void)state;
  const char *const texts[] = {run_text, bench_text};
  for (size_t i = 0; i < 2; i++)
    for (unsigned long nth = 1;; nth++) {
      pgr_archive *a = NULL;
      pgr_err err = {0};
      pgr_mem_fail_nth(nth);
      pgr_code code = pgr_archive_read("f.json", texts[i], strlen(texts[i]), &a, &err);
      pgr_mem_fail_nth(0);
      if (code == PGR_OK) {
        assert_true(nth > 3);
        pgr_archive_close(a);
        break;
      }
      assert_int_equal(code, PGR_ENOMEM);
      assert_null(a);
    }
}

int main(int argc, char **argv) {
  documents_dir = argc > 1 ? argv[1] : ".";
  enum { BENCHES = sizeof bench_cases / sizeof *bench_cases, OLDERS = sizeof olders / sizeof *olders };
  struct CMUnitTest tests[BENCHES + OLDERS + 16] = {{0}};
  size_t count = 0;
  const struct CMUnitTest others[] = {cmocka_unit_test(run_is_read_as_it_was),
                                      cmocka_unit_test(odd_run_is_read_as_it_was),
                                      cmocka_unit_test(exploration_is_read_as_it_was),
                                      cmocka_unit_test(demo_is_read_as_it_was),
                                      cmocka_unit_test(golden_documents_are_written_again),
                                      cmocka_unit_test(older_numbers_are_right),
                                      cmocka_unit_test(faults_are_named),
                                      cmocka_unit_test(pieces_can_be_read),
                                      cmocka_unit_test(failures_outweigh_exit_status),
                                      cmocka_unit_test(limits_are_named),
                                      cmocka_unit_test(texts_are_made_fit),
                                      cmocka_unit_test(memory_may_end)};
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    tests[count++] = others[i];
  for (size_t i = 0; i < BENCHES; i++)
    tests[count++] = (struct CMUnitTest){.name = bench_cases[i].name,
                                         .test_func = bench_says_the_same,
                                         .initial_state = (void *)(uintptr_t)&bench_cases[i]};
  for (size_t i = 0; i < OLDERS; i++)
    tests[count++] = (struct CMUnitTest){
        .name = olders[i].path, .test_func = older_can_be_read, .initial_state = (void *)(uintptr_t)&olders[i]};
  return _cmocka_run_group_tests("archive", tests, count, NULL, NULL);
}
