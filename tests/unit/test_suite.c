/* Results as cases of a test suite: what becomes of which cell, what it says, and that every format says the same. */
#include "../golden/ci_fixture.h"

#include "pgr_suite.h"
#include "pgr_utf8.h"
#include <stdlib.h>

typedef pgr_code (*renderer)(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err);

static pgr_suite suite_of(const pgr_document *d) {
  pgr_suite s = {0};
  pgr_err err = {0};
  if (pgr_suite_make(d, &s, &err)) fail_msg("%s", err.msg);
  return s;
}

/* The caller's to deinit. */
static pgr_buf rendered(renderer render, const pgr_document *d, size_t count) {
  pgr_buf out;
  pgr_err err = {0};
  pgr_buf_init(&out, 0);
  if (render(d, count, &out, &err)) fail_msg("%s", err.msg);
  return out;
}

static size_t occurrences(const pgr_buf *text, const char *what) {
  size_t n = 0;
  for (const char *p = pgr_buf_text(text); (p = strstr(p, what)); p += strlen(what))
    n++;
  return n;
}

static void contains(const pgr_buf *text, const char *what) {
  if (!strstr(pgr_buf_text(text), what)) fail_msg("there is no “%s” in\n%.2000s", what, pgr_buf_text(text));
}

static void lacks(const pgr_buf *text, const char *what) {
  if (strstr(pgr_buf_text(text), what)) fail_msg("there is “%s” in\n%.2000s", what, pgr_buf_text(text));
}

/* What becomes of a cell ----------------------------------------------------------------------------------------------
 */

static void counts_and_exit_status(void **state) {
  (void)state;
  for (size_t i = 0; i < CI_CASES; i++) {
    const ci_case *c = &ci_cases[i];
    ci_fixture f;
    ci_make(&f, c);
    pgr_suite s = suite_of(&f.document);
    if (s.count != c->count || s.failed != c->failed || s.skipped != c->skipped || s.errors != c->errors)
      fail_msg("%s: %zu cases, %zu failed, %zu skipped, %zu errors", c->name, s.count, s.failed, s.skipped, s.errors);
    assert_int_equal(s.exit_status, c->exit_status);
    if (s.exit_status) assert_true(s.failed + s.skipped + s.errors > 0);
    pgr_suite_deinit(&s);
    ci_deinit(&f);
  }
}

static const struct saying {
  const char *result;
  size_t cell;
  pgr_case_status status;
  const char *name, *kind, *message;
} sayings[] = {
    {"as-expected", 0, PGR_CASE_PASSED, "naive / read committed", "",
     "race, as expected: 1,987 of 2,000 contested rounds"},
    {"as-expected", 1, PGR_CASE_PASSED, "trigger / read committed", "",
     "none seen in 2,000 contested rounds, at most 0.15 % with 95 % confidence; a control raced"},
    {"broken", 1, PGR_CASE_FAILED, "trigger / read committed", "race",
     "race, although it is declared safe: 3 of 2,000 contested rounds broke “one owner a conversation”"},
    {"broken", 2, PGR_CASE_FAILED, "unique-key / read committed", "error",
     "error: 4 operations failed, first: 42703 column \"texter\" does not exist"},
    {"gaps", 0, PGR_CASE_SKIPPED, "naive / read committed, gap 0", "",
     "none seen in 2,000 contested rounds, at most 0.15 % with 95 % confidence, although a race is declared"},
    {"gaps", 1, PGR_CASE_PASSED, "naive / read committed, gap 1.5 ms", "",
     "race, as expected: 12 of 2,000 contested rounds"},
    {"inconclusive", 1, PGR_CASE_SKIPPED, "trigger / read committed", "",
     "none seen in 2,000 contested rounds, at most 0.15 % with 95 % confidence; inconclusive: nothing was seen, which "
     "proves nothing without a control that raced"},
    {"interrupted", 0, PGR_CASE_SKIPPED, "naive / read committed", "",
     "incomplete: race, as expected: 1,200 of 2,000 contested rounds"},
    {"interrupted", 1, PGR_CASE_SKIPPED, "trigger / read committed", "",
     "not run: Interrupted: what ran is shown, and incomplete."},
    {"proofs", 0, PGR_CASE_PASSED, "naive / read committed", "", "race, as expected: 4 of 6 schedules"},
    {"proofs", 1, PGR_CASE_FAILED, "naive / repeatable read", "no-race",
     "safe, although a race is declared: all 6 interleavings of 2 agents, 4 classes"},
    {"proofs", 2, PGR_CASE_PASSED, "trigger / read committed", "", "safe: all 6 interleavings of 2 agents, 4 classes"},
    {"proofs", 3, PGR_CASE_FAILED, "trigger / repeatable read", "race",
     "race, although it is declared safe: 1 of 6 schedules broke “one owner a conversation”"},
    {"server-died", 1, PGR_CASE_ERROR, "trigger / read committed", "",
     "not run: the server is gone: terminating connection due to administrator command"},
    {"no-server", 0, PGR_CASE_ERROR, "run", "", "cannot connect to db.example:5432: Connection refused"},
    {"bench", 3, PGR_CASE_PASSED, "trigger / read committed@64", "", "275 /s, claim ok p99 3.89 ms"},
    {"bench", 0, PGR_CASE_PASSED, "naive / read committed@8", "",
     "295 /s, claim ok p99 479 µs; 42 duplicates, as expected"},
    {"bench-compared", 1, PGR_CASE_FAILED, "naive / read committed@64", "threshold",
     "response.claim.ok.p99 < 5ms is not kept: 3.84 ms"},
    {"bench-compared", 3, PGR_CASE_FAILED, "trigger / read committed@64", "threshold",
     "trigger@64: tps > 300 is not kept: 275 /s; worse than baseline.json: tps 301 /s → 275 /s (-8.7 %); "
     "response.claim.ok.p99 3.10 ms → 3.85 ms (+24.1 %)"},
    {"bench-incomplete", 0, PGR_CASE_FAILED, "naive / read committed", "error",
     "15 errors, first: 42703 column \"texter\" does not exist"},
    {"bench-incomplete", 1, PGR_CASE_FAILED, "trigger / repeatable read", "race",
     "race, although it is declared safe: 1 duplicate, rows broke one answer a conversation: 3 keys"},
    {"bench-died", 1, PGR_CASE_ERROR, "trigger / read committed", "", "not run: the server is gone"}};

static const ci_case *case_named(const char *name) {
  for (size_t i = 0; i < CI_CASES; i++)
    if (strcmp(ci_cases[i].name, name) == 0) return &ci_cases[i];
  fail_msg("there is no case %s", name);
  return NULL;
}

static void what_each_cell_says(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof sayings / sizeof *sayings; i++) {
    const struct saying *want = &sayings[i];
    ci_fixture f;
    ci_make(&f, case_named(want->result));
    pgr_suite s = suite_of(&f.document);
    assert_true(want->cell < s.count);
    const pgr_case *got = &s.cases[want->cell];
    assert_string_equal(got->name, want->name);
    assert_string_equal(got->message, want->message);
    assert_string_equal(got->kind, want->kind);
    assert_int_equal(got->status, want->status);
    pgr_suite_deinit(&s);
    ci_deinit(&f);
  }
}

static void details_and_places(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("broken"));
  pgr_suite s = suite_of(&f.document);
  assert_string_equal(s.cases[1].file, "scenarios/claim/claim.yaml");
  assert_int_equal(s.cases[1].line, 37);
  assert_int_equal(s.cases[1].elapsed_ns, 1700000000);
  assert_int_equal(s.elapsed_ns, 5100000000);
  assert_non_null(strstr(s.cases[1].details, "← second owner"));
  assert_non_null(strstr(s.cases[2].details, "in claim, scenarios/claim/claim.sql:6"));
  pgr_suite_deinit(&s);
  ci_deinit(&f);
  ci_make(&f, case_named("proofs"));
  s = suite_of(&f.document);
  assert_non_null(strstr(s.cases[3].details, "Agent 2 was told ok while agent 1 owned it."));
  assert_string_equal(s.cases[2].details, "");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

static void the_suite_itself(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("server-died"));
  snprintf(f.run.note, sizeof f.run.note, "1 of 2 cells ran.");
  pgr_suite s = suite_of(&f.document);
  assert_string_equal(s.name, "claim");
  assert_string_equal(s.title, "agents claim one conversation");
  assert_string_equal(s.command, "run");
  assert_string_equal(s.started_at, "2026-01-02T03:04:05Z");
  assert_string_equal(s.repeat, "pgrace run claim --agents 8 --rounds 2000 --seed 42");
  assert_string_equal(s.note,
                      "the server is gone: terminating connection due to administrator command; 1 of 2 cells ran.");
  assert_string_equal(s.environment,
                      "pgrace " PGR_VERSION " · private PostgreSQL 15.18, not durable, 8 agents, 1 thread · seed 42");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

static void an_error_that_is_the_note(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("no-server"));
  snprintf(f.run.note, sizeof f.run.note, "%s", "cannot connect to db.example:5432: Connection refused");
  pgr_suite s = suite_of(&f.document);
  assert_string_equal(s.note, "cannot connect to db.example:5432: Connection refused");
  assert_string_equal(s.cases[0].message, s.note);
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* Nothing is green when the exit status is not 0, though every cell is well. */
static void what_no_cell_says(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("as-expected"));
  f.run.exit_status = 2;
  snprintf(f.run.note, sizeof f.run.note, "Interrupted.");
  pgr_suite s = suite_of(&f.document);
  assert_int_equal(s.count, 3);
  assert_int_equal(s.skipped, 1);
  assert_string_equal(s.cases[2].name, "run");
  assert_string_equal(s.cases[2].message, "Interrupted.");
  pgr_suite_deinit(&s);
  f.run.exit_status = 5;
  snprintf(f.run.error, sizeof f.run.error, "the database could not be dropped");
  s = suite_of(&f.document);
  assert_int_equal(s.errors, 1);
  assert_int_equal(s.skipped, 0);
  assert_string_equal(s.cases[2].message, "the database could not be dropped; Interrupted.");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* A document that contradicts itself. */
static void exit_status_without_a_reason(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("as-expected"));
  f.run.exit_status = 1;
  pgr_suite s = suite_of(&f.document);
  assert_int_equal(s.failed, 1);
  assert_string_equal(s.cases[2].kind, "error");
  assert_string_equal(s.cases[2].message, "exit status 1, and no cell says why");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* An interrupted run exits with 2 whatever it saw; what it saw is a failure all the same. */
static void interrupted_and_broken(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("broken"));
  f.run.interrupted = true;
  pgr_result_judge(&f.run);
  pgr_suite s = suite_of(&f.document);
  assert_int_equal(s.exit_status, 2);
  assert_int_equal(s.failed, 2);
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

static void search_that_ended_early(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("proofs"));
  for (size_t i = 0; i < 4; i++)
    f.run.cells[i].proof.proved = f.run.cells[i].proof.totals.exhausted = false;
  f.run.cells[0].proof.totals.broken = 1;
  pgr_suite s = suite_of(&f.document);
  assert_string_equal(s.cases[0].message, "race, as expected: schedule 2, the first to break a rule");
  assert_string_equal(s.cases[3].message,
                      "race, although it is declared safe: schedule 2 broke “one owner a conversation”");
  pgr_buf text = rendered(pgr_markdown, &f.document, 1);
  contains(&text, "| naive | ✅ race, schedule 2 |");
  pgr_buf_deinit(&text);
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

static void unmeasured_loads(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("bench"));
  f.bench.settings.repetitions = 10;
  snprintf(f.bench.cells[0].trouble, sizeof f.bench.cells[0].trouble, "the keys were used up");
  pgr_suite s = suite_of(&f.document);
  assert_int_equal(s.skipped, 4);
  assert_string_equal(s.cases[0].message, "incomplete: 6 of 10 repetitions; the keys were used up");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* A phase that was cut short is no repetition; what was found in it counts. */
static void what_was_found_in_part_of_a_phase(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("bench"));
  f.bench.cells[2].story.unexplained = 1;
  f.bench.cells[3].story.duplicates = 2;
  pgr_suite s = suite_of(&f.document);
  assert_string_equal(s.cases[2].message, "1 refusal that nothing explains");
  assert_string_equal(s.cases[2].kind, "error");
  assert_string_equal(s.cases[3].message, "race, although it is declared safe: 2 duplicates");
  assert_string_equal(s.cases[3].kind, "race");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* Arrivals that were left out: only where something must be kept. */
static void unsent_arrivals(void **state) {
  (void)state;
  const ci_case open = {.name = "open", .bench = bench_open};
  ci_fixture f;
  ci_make(&f, &open);
  pgr_suite s = suite_of(&f.document);
  assert_int_equal(s.skipped, 0);
  pgr_suite_deinit(&s);
  f.bench.compared = true;
  s = suite_of(&f.document);
  assert_int_equal(s.skipped, 2);
  assert_string_equal(s.cases[0].message, "incomplete: arrivals were left out, so nothing can have been kept");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* Texts ---------------------------------------------------------------------------------------------------------------
 */

/* As the header promises. */
static void check_text(const char *text, bool lines) {
  char copy[1 << 17];
  assert_true(strlen(text) < sizeof copy);
  pgr_utf8_copy(copy, sizeof copy, text);
  for (size_t i = 0; text[i]; i++)
    if (text[i] != copy[i] && !(lines && text[i] == '\n')) fail_msg("byte %zu of “%s”", i, text);
  assert_null(strstr(text, "\xC2\x85"));
  assert_null(strstr(text, "\xE2\x80\xAE"));
  assert_null(strstr(text, "\xEF\xBF\xBF"));
}

static void fit_to_be_shown(void **state) {
  (void)state;
  for (size_t i = 0; i < CI_CASES; i++) {
    ci_fixture f;
    ci_make(&f, &ci_cases[i]);
    pgr_suite s = suite_of(&f.document);
    const char *const texts[] = {s.name, s.title, s.command, s.started_at, s.repeat, s.note, s.environment};
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
      check_text(texts[k], false);
    for (size_t k = 0; k < s.count; k++) {
      check_text(s.cases[k].name, false);
      check_text(s.cases[k].message, false);
      check_text(s.cases[k].file, false);
      check_text(s.cases[k].details, true);
      assert_true(*s.cases[k].name && *s.cases[k].message);
      for (size_t j = 0; j < k; j++)
        assert_string_not_equal(s.cases[k].name, s.cases[j].name);
    }
    pgr_suite_deinit(&s);
    ci_deinit(&f);
  }
}

static void cleaned_and_cut(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("hostile"));
  pgr_suite s = suite_of(&f.document);
  assert_string_equal(s.name, "<script>alert('1')</script>");
  assert_string_equal(s.cases[0].name, "na|ive # TODO \\ \"quoted\" `code` ::error::x / read committed");
  assert_string_equal(s.cases[1].name, "\xEF\xBF\xBDtrigger\xE2\x80\x8F \xEF\xBF\xBD  / read committed");
  assert_int_equal(strlen(s.cases[2].name), 160);
  assert_string_equal(s.cases[2].name + 157, "…");
  assert_string_equal(s.cases[3].name + 157, "… (4)");
  assert_string_equal(s.cases[0].file, "a,b:c%d/\xEF\xBF\xBD\"claim\".yaml");
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

static void each_unfit_character(void **state) {
  (void)state;
  static const struct {
    const char *text, *shown;
  } titles[] = {
      {"a\x01\x7F\t\r\nb", "a     b"},
      {"\xC2\x80|\xC2\x9F|\xC2\xA0", " | |\xC2\xA0"},
      {"\xE2\x80\xA7|\xE2\x80\xA8|\xE2\x80\xA9", "\xE2\x80\xA7| | "},
      {"\xE2\x80\x8E\xE2\x80\x8F", "\xE2\x80\x8E\xE2\x80\x8F"},
      {"\xE2\x80\xAA\xE2\x80\xAE\xE2\x80\xAF", "\xEF\xBF\xBD\xEF\xBF\xBD\xE2\x80\xAF"},
      {"\xE2\x81\xA5\xE2\x81\xA6\xE2\x81\xA9\xE2\x81\xAA", "\xE2\x81\xA5\xEF\xBF\xBD\xEF\xBF\xBD\xE2\x81\xAA"},
      {"\xEF\xBB\xBF|\xEF\xBF\xBD|\xEF\xBF\xBE|\xEF\xBF\xBF", "\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD|\xEF\xBF\xBD"},
      {"\xFF\xC3", "??"},
      {"\xF0\x9D\x84\x9E", "\xF0\x9D\x84\x9E"}};
  for (size_t i = 0; i < sizeof titles / sizeof *titles; i++) {
    ci_fixture f;
    ci_make(&f, case_named("as-expected"));
    f.scenario.title = titles[i].text;
    pgr_suite s = suite_of(&f.document);
    assert_string_equal(s.title, titles[i].shown);
    pgr_suite_deinit(&s);
    ci_deinit(&f);
  }
}

/* Wherever the cut falls, it falls between two characters. */
static void cut_between_characters(void **state) {
  (void)state;
  for (size_t before = 0; before < 4; before++) {
    char name[1000] = "aaa";
    name[before] = '\0';
    for (size_t i = 0; i < 200; i++)
      memcpy(name + before + 4 * i, "\xF0\x9D\x84\x9E", 5);
    ci_fixture f;
    ci_make(&f, case_named("as-expected"));
    f.scenario.name = name;
    pgr_suite s = suite_of(&f.document);
    check_text(s.name, false);
    assert_in_range(strlen(s.name), 157, 160);
    assert_string_equal(s.name + strlen(s.name) - strlen("\xF0\x9D\x84\x9E…"), "\xF0\x9D\x84\x9E…");
    pgr_suite_deinit(&s);
    ci_deinit(&f);
  }
}

/* Formats -------------------------------------------------------------------------------------------------------------
 */

/* What stands after `name="`, in the first tag that begins so. */
static size_t attribute(const pgr_buf *xml, const char *tag, const char *name) {
  const char *begin = strstr(pgr_buf_text(xml), tag);
  assert_non_null(begin);
  const char *value = strstr(begin, name);
  assert_non_null(value);
  assert_true(value < strchr(begin, '>'));
  return strtoul(value + strlen(name), NULL, 10);
}

static void check_junit(const pgr_document *d, const pgr_suite *s) {
  pgr_buf xml = rendered(pgr_junit, d, 1);
  assert_int_equal(occurrences(&xml, "<testcase "), s->count);
  assert_int_equal(occurrences(&xml, "<failure "), s->failed);
  assert_int_equal(occurrences(&xml, "<skipped "), s->skipped);
  assert_int_equal(occurrences(&xml, "<error "), s->errors);
  size_t outputs = s->count - s->failed - s->skipped - s->errors; /* of those that were skipped: their place */
  for (size_t i = 0; i < s->count; i++)
    outputs += s->cases[i].status == PGR_CASE_SKIPPED && *s->cases[i].file;
  assert_int_equal(occurrences(&xml, "<system-out>"), outputs);
  static const char *const tags[] = {"<testsuites ", "<testsuite "};
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(attribute(&xml, tags[i], "tests=\""), s->count);
    assert_int_equal(attribute(&xml, tags[i], "failures=\""), s->failed);
    assert_int_equal(attribute(&xml, tags[i], "errors=\""), s->errors);
  }
  assert_int_equal(attribute(&xml, "<testsuite ", "skipped=\""), s->skipped);
  pgr_buf_deinit(&xml);
}

static void check_tap(const pgr_document *d, const pgr_suite *s) {
  pgr_buf tap = rendered(pgr_tap, d, 1);
  char plan[64];
  snprintf(plan, sizeof plan, "TAP version 14\n1..%zu\n", s->count);
  assert_int_equal(strncmp(pgr_buf_text(&tap), plan, strlen(plan)), 0);
  assert_int_equal(occurrences(&tap, "\nok "), s->count - s->failed - s->errors);
  assert_int_equal(occurrences(&tap, "\nnot ok "), s->failed + s->errors);
  assert_int_equal(occurrences(&tap, " # SKIP "), s->skipped);
  assert_int_equal(occurrences(&tap, "\n  ---\n"), s->failed + s->errors);
  assert_int_equal(occurrences(&tap, "\n  ...\n"), s->failed + s->errors);
  pgr_buf_deinit(&tap);
}

static void check_annotations(const pgr_document *d, const pgr_suite *s) {
  pgr_buf lines = rendered(pgr_annotations, d, 1);
  size_t errors = strncmp(pgr_buf_text(&lines), "::error ", 8) == 0;
  size_t warnings = strncmp(pgr_buf_text(&lines), "::warning ", 10) == 0;
  assert_int_equal(errors + occurrences(&lines, "\n::error "), s->failed + s->errors);
  assert_int_equal(warnings + occurrences(&lines, "\n::warning "), s->skipped);
  assert_int_equal(occurrences(&lines, "\n"), s->failed + s->errors + s->skipped);
  pgr_buf_deinit(&lines);
}

static void check_markdown(const pgr_document *d, const pgr_suite *s) {
  pgr_buf text = rendered(pgr_markdown, d, 1);
  assert_int_equal(strncmp(pgr_buf_text(&text), "**pgrace: ", 10), 0);
  assert_int_equal(occurrences(&text, "\n### ❌ Failed: "), s->failed);
  assert_int_equal(occurrences(&text, "\n### ❌ Not run: "), s->errors);
  assert_int_equal(occurrences(&text, "\n- ⚠️ Inconclusive: "), s->skipped);
  pgr_buf_deinit(&text);
}

static void all_formats_agree(void **state) {
  (void)state;
  for (size_t i = 0; i < CI_CASES; i++) {
    ci_fixture f;
    ci_make(&f, &ci_cases[i]);
    pgr_suite s = suite_of(&f.document);
    check_junit(&f.document, &s);
    check_tap(&f.document, &s);
    check_annotations(&f.document, &s);
    check_markdown(&f.document, &s);
    pgr_suite_deinit(&s);
    ci_deinit(&f);
  }
}

static void they_append(void **state) {
  (void)state;
  static const renderer renderers[] = {pgr_junit, pgr_tap, pgr_annotations, pgr_markdown};
  ci_fixture f;
  ci_make(&f, case_named("broken"));
  for (size_t i = 0; i < 4; i++) {
    pgr_buf out;
    pgr_buf_init(&out, 0);
    pgr_buf_adds(&out, "before\n");
    assert_int_equal(renderers[i](&f.document, 1, &out, NULL), PGR_OK);
    pgr_buf alone = rendered(renderers[i], &f.document, 1);
    assert_string_equal(pgr_buf_text(&out) + strlen("before\n"), pgr_buf_text(&alone));
    pgr_buf_deinit(&alone);
    pgr_buf_deinit(&out);
  }
  ci_deinit(&f);
}

static void hostile_texts(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("hostile"));
  pgr_buf xml = rendered(pgr_junit, &f.document, 1), tap = rendered(pgr_tap, &f.document, 1);
  pgr_buf lines = rendered(pgr_annotations, &f.document, 1), text = rendered(pgr_markdown, &f.document, 1);
  contains(&xml, "&lt;script&gt;alert");
  lacks(&xml, "<script");
  lacks(&xml, "]]>");
  contains(&tap, "\nok 1 - na|ive \\# TODO \\\\ \"quoted\"");
  lacks(&tap, " # TODO");
  contains(&lines, "::error file=a%2Cb%3Ac%25d/");
  contains(&lines, "no ]]> %250A");
  lacks(&text, "<script");
  lacks(&text, "@somebody");
  contains(&text, "| na&#124;ive #&#8203; TODO &#92; \"quoted\" &#96;code&#96; ::error::x |");
  contains(&text, "\n`````text\n");
  contains(&text, "\n````sh\npgrace run '<b>'");
  pgr_buf_deinit(&xml);
  pgr_buf_deinit(&tap);
  pgr_buf_deinit(&lines);
  pgr_buf_deinit(&text);
  ci_deinit(&f);
}

/* Perl's reader of these blocks takes a word and a colon for a key, in quotes or not. */
static void colons_in_a_list(void **state) {
  (void)state;
  static const struct {
    const char *line, *item;
  } lines[] = {
      {"first: of all", "\"first\\x3a of all\""}, {": none", "\"\\x3a none\""}, {"a : b", "\"a \\x3a b\""},
      {"two words: b", "\"two words: b\""},       {"time 1:2", "\"time 1:2\""}, {"\\ \"x\"", "\"\\\\ \\\"x\\\"\""}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    ci_fixture f;
    char want[64];
    ci_make(&f, case_named("broken"));
    f.scenario.broken = NULL;
    f.run.cells[1].story_count = 0;
    f.run.cells[1].proof.witness = NULL;
    snprintf(f.run.cells[1].complaints[0].message, PGR_COMPLAINT_BYTES, "x\n%s", lines[i].line);
    f.run.cells[1].complaint_count = 1;
    pgr_buf tap = rendered(pgr_tap, &f.document, 1);
    snprintf(want, sizeof want, "\n    - %s\n", lines[i].item);
    contains(&tap, want);
    pgr_buf_deinit(&tap);
    ci_deinit(&f);
  }
}

static void first_line(const pgr_document *d, const char *want) {
  pgr_buf text = rendered(pgr_markdown, d, 1);
  size_t len = strcspn(pgr_buf_text(&text), "\n");
  if (len != strlen(want) || memcmp(pgr_buf_text(&text), want, len) != 0)
    fail_msg("not “%s”: %.*s", want, (int)len, pgr_buf_text(&text));
  pgr_buf_deinit(&text);
}

static void verdict_in_a_sentence(void **state) {
  (void)state;
  static const struct {
    const char *result, *sentence;
  } sentences[] = {
      {"as-expected", "**pgrace: claim showed no race with trigger (≤ 0.15 %), and naive races as expected**"},
      {"broken", "**pgrace: claim broke in trigger / read committed, and met errors in unique-key / read committed**"},
      {"matrix", "**pgrace: claim is as expected: it showed no race in 4 cells (at most 0.15 %) and races in 2**"},
      {"inconclusive", "**pgrace: claim is inconclusive: nothing is shown by naive / read committed, trigger / read "
                       "committed**"},
      {"proofs",
       "**pgrace: claim broke in trigger / repeatable read, and is proved safe where it should race, in naive / "
       "repeatable read**"},
      {"no-server", "**pgrace: claim could not be run to its end: cannot connect to db.example:5432: Connection "
                    "refused**"},
      {"bench", "**pgrace: claim measured in 4 cells**"}};
  for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
    ci_fixture f;
    ci_make(&f, case_named(sentences[i].result));
    first_line(&f.document, sentences[i].sentence);
    ci_deinit(&f);
  }
}

/* A proof holds, for so many agents; a sample has a bound. */
static void proofs_hold_and_samples_show(void **state) {
  (void)state;
  ci_fixture f;
  ci_begin(&f);
  (void)ci_explored(&f, CI_TRIGGER, PGR_READ_COMMITTED, 0);
  (void)ci_raced(&f, CI_NAIVE, PGR_READ_COMMITTED, 1987);
  f.document.run = &f.run;
  pgr_result_judge(&f.run);
  first_line(&f.document, "**pgrace: claim holds for 2 agents with trigger, and naive races as expected**");
  ci_held(&f, CI_UNIQUE, PGR_READ_COMMITTED)->upper_bound = 0.394;
  pgr_result_judge(&f.run);
  first_line(&f.document, "**pgrace: claim holds for 2 agents with trigger, showed no race with unique-key (≤ 39.4 %), "
                          "and naive races as expected**");
  f.run.cells[0].proof.agents = 3;
  (void)ci_explored(&f, CI_NAIVE, PGR_SERIALIZABLE, 0);
  f.run.cells[3].evidence.expect = PGR_EXPECT_NOTHING;
  pgr_result_judge(&f.run);
  first_line(&f.document, "**pgrace: claim is as expected: it holds for 2 to 3 agents in 2 cells, showed no race in 1 "
                          "cell (≤ 39.4 %) and races in 1**");
  ci_deinit(&f);
}

/* Several bounds: the largest. */
static void worst_of_several_bounds(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("as-expected"));
  ci_held(&f, CI_UNIQUE, PGR_READ_COMMITTED)->upper_bound = 0.394;
  pgr_result_judge(&f.run);
  first_line(&f.document,
             "**pgrace: claim showed no race with trigger, unique-key (at most 39.4 %), and naive races as expected**");
  ci_deinit(&f);
}

static void rounds_of_a_table_are_contested(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("as-expected"));
  f.run.cells[0].evidence.contested = 1998;
  f.run.cells[1].evidence.contested = 1;
  pgr_buf text = rendered(pgr_markdown, &f.document, 1);
  contains(&text, "race, 1,987 of 1,998 contested rounds |");
  contains(&text, "none seen in 1 contested round, ≤ ");
  pgr_buf_deinit(&text);
  ci_deinit(&f);
}

static void proofs_say_for_how_many(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("proofs"));
  f.run.cells[1].proof.reduced = true;
  pgr_buf text = rendered(pgr_markdown, &f.document, 1);
  contains(&text, "safe, 6 schedules for all orders of 2 agents |");
  contains(&text, "safe, all 6 interleavings of 2 agents |");
  pgr_buf_deinit(&text);
  pgr_buf_init(&text, 0);
  pgr_document_text(&f.document, 0, &text);
  contains(&text, "safe (n): proved for 2 agents, n schedules\n  stand for all;");
  pgr_buf_deinit(&text);
  ci_deinit(&f);
}

/* What a proof rests on, in words. */
static void coverage_in_words(void **state) {
  (void)state;
  static const struct {
    int64_t schedules, classes;
    int agents, bound;
    bool reduced;
    const char *words;
  } cases[] = {{6, 4, 2, -1, false, "all 6 interleavings of 2 agents, 4 classes"},
               {6, 4, 3, -1, true, "6 schedules stand for every interleaving of 3 agents, 4 classes"},
               {1, 1, 1, -1, true, "1 schedule stands for every interleaving of 1 agent, 1 class"},
               {6, 4, 2, 1, false, "all 6 interleavings of 2 agents with at most 1 preemption, 4 classes"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ci_fixture f;
    const pgr_tally tally = {0};
    ci_begin(&f);
    pgr_cell *c = ci_explored(&f, CI_TRIGGER, PGR_READ_COMMITTED, 0);
    c->proof.agents = cases[i].agents;
    c->proof.bound = cases[i].bound;
    c->proof.reduced = cases[i].reduced;
    c->proof.totals.schedules = cases[i].schedules;
    c->proof.totals.classes = cases[i].classes;
    pgr_cell_prove(c, &f.scenario, &tally);
    assert_string_equal(c->proof.coverage, cases[i].words);
    ci_deinit(&f);
  }
}

static void what_nobody_declared(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("as-expected"));
  f.run.cells[0].evidence.expect = f.run.cells[1].evidence.expect = PGR_EXPECT_NOTHING;
  pgr_result_judge(&f.run);
  f.run.cell_count = 1;
  f.run.exit_status = 0;
  first_line(&f.document, "**pgrace: claim: naive races**");
  ci_deinit(&f);
}

static void thresholds_kept(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("bench"));
  f.bench.threshold_count = 1;
  f.bench.compared = true;
  first_line(&f.document,
             "**pgrace: claim measured in 4 cells, all thresholds kept, nothing worse than the baseline**");
  ci_deinit(&f);
}

static void paths_as_the_repository_has_them(void **state) {
  (void)state;
  ci_fixture f;
  ci_make(&f, case_named("broken"));
  f.scenario.source.name = ".//./races/seat.yaml";
  pgr_buf lines = rendered(pgr_annotations, &f.document, 1);
  contains(&lines, "::error file=races/seat.yaml,line=");
  pgr_buf_deinit(&lines);
  ci_deinit(&f);
}

static void what_is_not_known(void **state) {
  (void)state;
  static char path[301];
  memset(path, 'x', sizeof path - 1);
  ci_fixture f;
  ci_make(&f, case_named("broken"));
  f.scenario.source.name = path;
  f.run.environment.started_at[0] = '\0';
  pgr_buf xml = rendered(pgr_junit, &f.document, 1), text = rendered(pgr_markdown, &f.document, 1);
  lacks(&xml, "timestamp=");
  contains(&xml, path);
  lacks(&text, path);
  pgr_buf_deinit(&xml);
  pgr_buf_deinit(&text);
  f.scenario.source.name = NULL;
  pgr_buf lines = rendered(pgr_annotations, &f.document, 1);
  assert_int_equal(strncmp(pgr_buf_text(&lines), "::error title=", 14), 0);
  xml = rendered(pgr_junit, &f.document, 1);
  lacks(&xml, "file=");
  pgr_buf_deinit(&xml);
  pgr_buf_deinit(&lines);
  ci_deinit(&f);
}

/* Many ----------------------------------------------------------------------------------------------------------------
 */

enum { MANY = 90 };

/* failed: of the trigger's cells; the others were not run. */
static void many(ci_fixture *f, int failed) {
  ci_begin(f);
  f->run.settings.gap_count = 8;
  (void)ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 1987);
  for (int i = 0; i < MANY; i++) {
    pgr_cell *c = i >= MANY - failed ? ci_raced(f, CI_TRIGGER, PGR_READ_COMMITTED, 3)
                                     : ci_not_run(f, CI_TRIGGER, PGR_READ_COMMITTED);
    c->gap_ns = (int64_t)(i + 1) * PGR_NS_PER_MS;
  }
  pgr_result_judge(&f->run);
  f->document.run = &f->run;
}

static void at_most_ten_annotations(void **state) {
  (void)state;
  static const struct {
    int failed;
    size_t errors;
    const char *last;
  } cases[] = {{0, 0, "::warning title=pgrace::81 more prove nothing\n"},
               {3, 3, "::warning title=pgrace::81 more prove nothing\n"},
               {9, 9, "::warning title=pgrace::81 more prove nothing\n"},
               {12, 10, "::error title=pgrace::3 more failed, 78 more prove nothing\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ci_fixture f;
    many(&f, cases[i].failed);
    pgr_buf lines = rendered(pgr_annotations, &f.document, 1);
    assert_int_equal(occurrences(&lines, "\n"), PGR_ANNOTATIONS_MAX);
    assert_int_equal(occurrences(&lines, "::error "), cases[i].errors);
    assert_string_equal(pgr_buf_text(&lines) + lines.len - strlen(cases[i].last), cases[i].last);
    if (cases[i].failed) assert_int_equal(strncmp(pgr_buf_text(&lines), "::error ", 8), 0);
    pgr_buf_deinit(&lines);
    ci_deinit(&f);
  }
}

/* What is the same in both is not shown twice: ten fit without a remark. */
static void ten_annotations_need_no_remark(void **state) {
  (void)state;
  ci_fixture f;
  many(&f, MANY);
  f.run.cell_count = 11;
  pgr_result_judge(&f.run);
  pgr_buf lines = rendered(pgr_annotations, &f.document, 1);
  assert_int_equal(occurrences(&lines, "::error file="), 10);
  lacks(&lines, " more ");
  pgr_buf_deinit(&lines);
  ci_deinit(&f);
}

static void lists_have_an_end(void **state) {
  (void)state;
  ci_fixture f;
  many(&f, 20);
  pgr_buf text = rendered(pgr_markdown, &f.document, 1);
  assert_int_equal(occurrences(&text, "\n### ❌ Failed: "), 20);
  assert_int_equal(occurrences(&text, "\n- ⚠️ Inconclusive: "), 40);
  contains(&text, "\n30 more are not listed here.\n");
  pgr_buf_deinit(&text);
  ci_deinit(&f);
}

static void tables_have_an_end(void **state) {
  (void)state;
  enum { CELLS = 203 };
  ci_fixture f;
  ci_begin(&f);
  f.run.settings.gap_count = 8;
  for (int i = 0; i < CELLS; i++)
    ci_raced(&f, CI_NAIVE, PGR_READ_COMMITTED, 3)->gap_ns = i;
  pgr_result_judge(&f.run);
  f.document.run = &f.run;
  pgr_buf text = rendered(pgr_markdown, &f.document, 1);
  assert_int_equal(occurrences(&text, "\n| naive, gap "), 200);
  contains(&text, "\n3 more rows are not shown.\n");
  pgr_buf_deinit(&text);
  ci_deinit(&f);
  ci_make(&f, case_named("bench-died"));
  for (uint32_t i = 2; i < CELLS; i++) {
    const bench_load l = {.strategy = BENCH_NAIVE, .clients = i};
    bench_add_cell(&f.bench, &l);
  }
  text = rendered(pgr_markdown, &f.document, 1);
  assert_int_equal(occurrences(&text, "\n| naive / ") + occurrences(&text, "\n| trigger / "), 200);
  contains(&text, "\n3 more rows are not shown.\n");
  pgr_buf_deinit(&text);
  ci_deinit(&f);
}

/* A witness whose story is longer than what a case keeps. */
static pgr_witness long_witness(void) {
  enum { STEPS = 100 };
  static pgr_witness_step steps[STEPS];
  static char sql[400];
  memset(sql, '`', sizeof sql - 1);
  for (size_t i = 0; i < STEPS; i++) {
    steps[i] = ci_witness_steps[i % 2];
    steps[i].sql = sql;
  }
  pgr_witness w = ci_witness;
  w.steps = steps;
  w.step_count = STEPS;
  return w;
}

static void room_for_some_stories(void **state) {
  (void)state;
  enum { STORIES = 18 };
  ci_fixture f;
  pgr_witness w = long_witness();
  ci_begin(&f);
  f.run.settings.gap_count = 8;
  for (int i = 0; i < STORIES; i++) {
    pgr_cell *c = ci_explored(&f, CI_TRIGGER, PGR_READ_COMMITTED, 1);
    c->proof.witness = &w;
    c->gap_ns = i;
  }
  pgr_result_judge(&f.run);
  f.document.run = &f.run;
  pgr_suite s = suite_of(&f.document);
  assert_true(strlen(s.cases[0].details) > 60000 && strlen(s.cases[0].details) <= 64 << 10);
  pgr_buf text = rendered(pgr_markdown, &f.document, 1);
  size_t shown = occurrences(&text, "`text\n");
  assert_in_range(text.len, PGR_MARKDOWN_BYTES_MAX - (66 << 10), PGR_MARKDOWN_BYTES_MAX);
  assert_in_range(shown, 12, 14);
  char want[64];
  snprintf(want, sizeof want, "The stories of the last %zu cells are left out", STORIES - shown);
  contains(&text, want);
  assert_int_equal(occurrences(&text, "\n### ❌ Failed: "), STORIES);
  pgr_buf_deinit(&text);
  pgr_suite_deinit(&s);
  ci_deinit(&f);
}

/* As much of everything as there can be, all of it to be escaped. */
static void room_for_some_documents(void **state) {
  (void)state;
  ci_fixture f;
  ci_begin(&f);
  f.run.settings.gap_count = 8;
  static char wide[400];
  memset(wide, '|', sizeof wide - 1);
  f.scenario.name = f.scenario.title = f.scenario.source.name = f.scenario.strategies[CI_TRIGGER].name = wide;
  f.scenario.ownership.name = wide;
  memset(f.run.note, '<', sizeof f.run.note - 1);
  for (size_t i = 0; i < PGR_CELLS_MAX; i++)
    ci_raced(&f, CI_TRIGGER, (pgr_isolation)(i % 3), 3)->gap_ns = (int64_t)i;
  pgr_result_judge(&f.run);
  pgr_document d[3];
  for (size_t i = 0; i < 3; i++)
    d[i] = (pgr_document){.run = &f.run};
  pgr_buf text = rendered(pgr_markdown, d, 1);
  assert_in_range(text.len, 100000, PGR_MARKDOWN_BYTES_MAX);
  lacks(&text, "left out: a summary");
  pgr_buf_deinit(&text);
  text = rendered(pgr_markdown, d, 3);
  assert_in_range(text.len, 100000, PGR_MARKDOWN_BYTES_MAX);
  contains(&text, "more results are left out: a summary has room for 900000 bytes.\n");
  char want[64];
  size_t untold = occurrences(&text, "\n### ❌ Failed: ") - occurrences(&text, "```text\n");
  snprintf(want, sizeof want, "The stories of the last %zu cells are left out", untold);
  if (untold > 0)
    contains(&text, want);
  else
    lacks(&text, "The stories of");
  pgr_buf_deinit(&text);
  ci_deinit(&f);
}

/* Without memory ------------------------------------------------------------------------------------------------------
 */

static void no_memory(void **state) {
  (void)state;
  static const renderer renderers[] = {pgr_junit, pgr_tap, pgr_annotations, pgr_markdown};
  static const char *const names[] = {"broken", "bench-compared", "proofs"};
  for (size_t i = 0; i < 12; i++) {
    ci_fixture f;
    ci_make(&f, case_named(names[i / 4]));
    pgr_code code = PGR_ENOMEM;
    unsigned long nth = 1;
    for (; code; nth++) {
      pgr_buf out;
      pgr_err err = {0};
      pgr_buf_init(&out, 0);
      pgr_mem_fail_nth(nth);
      code = renderers[i % 4](&f.document, 1, &out, &err);
      pgr_mem_fail_nth(0);
      if (code) assert_int_equal(code, PGR_ENOMEM);
      if (code) assert_string_equal(err.msg, "out of memory");
      pgr_buf_deinit(&out);
    }
    assert_true(nth > 20);
    ci_deinit(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(counts_and_exit_status),
                                     cmocka_unit_test(what_each_cell_says),
                                     cmocka_unit_test(details_and_places),
                                     cmocka_unit_test(the_suite_itself),
                                     cmocka_unit_test(an_error_that_is_the_note),
                                     cmocka_unit_test(what_no_cell_says),
                                     cmocka_unit_test(exit_status_without_a_reason),
                                     cmocka_unit_test(interrupted_and_broken),
                                     cmocka_unit_test(search_that_ended_early),
                                     cmocka_unit_test(unmeasured_loads),
                                     cmocka_unit_test(what_was_found_in_part_of_a_phase),
                                     cmocka_unit_test(unsent_arrivals),
                                     cmocka_unit_test(fit_to_be_shown),
                                     cmocka_unit_test(cleaned_and_cut),
                                     cmocka_unit_test(each_unfit_character),
                                     cmocka_unit_test(cut_between_characters),
                                     cmocka_unit_test(all_formats_agree),
                                     cmocka_unit_test(they_append),
                                     cmocka_unit_test(hostile_texts),
                                     cmocka_unit_test(colons_in_a_list),
                                     cmocka_unit_test(verdict_in_a_sentence),
                                     cmocka_unit_test(proofs_hold_and_samples_show),
                                     cmocka_unit_test(worst_of_several_bounds),
                                     cmocka_unit_test(rounds_of_a_table_are_contested),
                                     cmocka_unit_test(proofs_say_for_how_many),
                                     cmocka_unit_test(coverage_in_words),
                                     cmocka_unit_test(what_nobody_declared),
                                     cmocka_unit_test(thresholds_kept),
                                     cmocka_unit_test(paths_as_the_repository_has_them),
                                     cmocka_unit_test(what_is_not_known),
                                     cmocka_unit_test(at_most_ten_annotations),
                                     cmocka_unit_test(ten_annotations_need_no_remark),
                                     cmocka_unit_test(lists_have_an_end),
                                     cmocka_unit_test(tables_have_an_end),
                                     cmocka_unit_test(room_for_some_stories),
                                     cmocka_unit_test(room_for_some_documents),
                                     cmocka_unit_test(no_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
