/* A scenario that is right, field by field. */
#include "pgr_scenario_test.h"

#include "pgr_clock.h"

static void every_field(void **state) {
  (void)state;
  pgr_scenario *s = must_load(base);
  assert_string_equal(s->name, "mine");
  assert_string_equal(s->source.name, "mine/mine.yaml");
  assert_string_equal(s->source.text, base);
  assert_string_equal(s->title, "agents claim one key");
  assert_string_equal(s->lesson, "One. Two.");
  assert_string_equal(s->see, "https://example.org/");
  assert_string_equal(s->broken, "Two answers.");
  assert_string_equal(s->key.name, "conversation");
  assert_int_equal(s->key.first, 5);
  assert_int_equal(s->key.last, 1000000);
  assert_int_equal(s->protocol, PGR_PROTOCOL_EXTENDED);
  assert_int_equal(s->pool_mode, PGR_POOL_SESSION);
  assert_int_equal(s->schema_count, 1);
  assert_string_equal(s->schema[0]->name, "schema/a.sql");
  assert_string_equal(s->schema[0]->text, "CREATE TABLE a (id bigint);");
  assert_true(s->has_seed && s->has_reset);
  assert_int_equal(s->seed.var_count, 1);
  assert_int_equal(s->seed.slots[0], PGR_SLOT_FIRST_KEY);
  assert_string_equal(s->seed.literals[1], "::bigint");
  assert_string_equal(s->reset.literals[0], "TRUNCATE a");
  assert_int_equal(s->ignored_count, 2);
  assert_string_equal(s->ignored[0], "a.made_at");
  assert_false(s->uses_shell);
  pgr_scenario_destroy(s);
}

static void operations_and_rules(void **state) {
  (void)state;
  pgr_scenario *s = must_load(base);
  const struct {
    const char *name;
    pgr_when when;
    int after;
  } expected[] = {{"claim", PGR_WHEN_START, -1}, {"reply", PGR_WHEN_AFTER, 0}, {"release", PGR_WHEN_END, 0}};
  assert_int_equal(s->operation_count, 3);
  for (int i = 0; i < 3; i++) {
    assert_string_equal(s->operations[i].name, expected[i].name);
    assert_int_equal(s->operations[i].when, expected[i].when);
    assert_int_equal(s->operations[i].after, expected[i].after);
  }
  assert_true(s->ownership.declared);
  assert_string_equal(s->ownership.name, "one owner a key");
  assert_int_equal(s->ownership.acquire, 0);
  assert_int_equal(s->ownership.release, 2);
  assert_int_equal(s->ownership.capacity, 2);
  assert_int_equal(pgr_scenario_main_operation(s), 0);
  assert_int_equal(s->invariant_count, 2);
  assert_string_equal(s->invariants[0].name, "nothing twice");
  assert_string_equal(s->invariants[0].sql.literals[0], "SELECT id AS key FROM a\nGROUP BY id HAVING count(*) > ");
  assert_int_equal(s->invariants[0].sql.slots[0], PGR_SLOT_AGENTS);
  assert_false(s->invariants[0].needs_history);
  assert_true(s->invariants[1].needs_history);
  pgr_scenario_destroy(s);
}

static void errors_and_retries(void **state) {
  (void)state;
  pgr_scenario *s = must_load(base);
  assert_int_equal(s->rejection_count, 2);
  const pgr_rejection *r = pgr_scenario_rejection(s, "23514", "only_one");
  assert_ptr_equal(r, &s->rejections[0]);
  assert_string_equal(r->field, "texter");
  assert_string_equal(r->message, "Taken already");
  assert_ptr_equal(pgr_scenario_rejection(s, "23514", "other"), &s->rejections[1]);
  assert_ptr_equal(pgr_scenario_rejection(s, "23514", NULL), &s->rejections[1]);
  assert_null(pgr_scenario_rejection(s, "23505", NULL));
  const pgr_strategy *naive = pgr_scenario_strategy(s, "naive"), *trigger = pgr_scenario_strategy(s, "trigger");
  assert_int_equal(naive->retry_count, 2);
  const pgr_retry *retry = pgr_strategy_retry(naive, "40P01");
  assert_int_equal(retry->attempts, 3);
  assert_int_equal(retry->backoff_ns, 2 * PGR_NS_PER_MS);
  assert_int_equal(retry->max_backoff_ns, PGR_NS_PER_S);
  assert_int_equal(retry->again, PGR_AGAIN_TRANSACTION);
  assert_int_equal(trigger->retry_count, 2);
  retry = pgr_strategy_retry(trigger, "40001");
  assert_int_equal(retry->attempts, 10);
  assert_int_equal(retry->backoff_ns, PGR_NS_PER_MS);
  assert_int_equal(retry->max_backoff_ns, 100 * PGR_NS_PER_MS);
  assert_int_equal(retry->again, PGR_AGAIN_STATEMENT);
  assert_int_equal(pgr_strategy_retry(trigger, "40P01")->again, PGR_AGAIN_TRANSACTION);
  assert_null(pgr_strategy_retry(trigger, "23514"));
  pgr_scenario_destroy(s);
}

/* From 1, of the base scenario. */
static int line_of(const char *text) {
  const char *at = strstr(base, text);
  int line = 1;
  assert_non_null(at);
  for (const char *p = base; p < at; p++)
    line += *p == '\n';
  return line;
}

static void strategies(void **state) {
  (void)state;
  pgr_scenario *s = must_load(base);
  const pgr_strategy *naive = &s->strategies[0], *trigger = &s->strategies[1];
  assert_int_equal(s->strategy_count, 2);
  assert_null(pgr_scenario_strategy(s, "other"));
  assert_string_equal(naive->summary, "check, then update");
  assert_int_equal(naive->line, line_of("- name: naive"));
  assert_int_equal(trigger->line, line_of("- name: trigger"));
  assert_true(naive->sampled_rarely && !trigger->sampled_rarely);
  assert_int_equal(naive->first, PGR_REPEATABLE_READ);
  assert_true(naive->at[PGR_REPEATABLE_READ].runs && naive->at[PGR_READ_COMMITTED].runs);
  assert_false(naive->at[PGR_SERIALIZABLE].runs);
  assert_int_equal(naive->at[PGR_REPEATABLE_READ].expect, PGR_EXPECT_RACE);
  assert_int_equal(naive->at[PGR_READ_COMMITTED].expect, PGR_EXPECT_NOTHING);
  assert_int_equal(trigger->first, PGR_SERIALIZABLE);
  assert_int_equal(trigger->at[PGR_SERIALIZABLE].expect, PGR_EXPECT_SAFE);
  assert_int_equal(trigger->install_count, 1);
  assert_string_equal(trigger->installs[0]->name, "mine/trigger.sql");
  /* A file is one script however often it is named. */
  assert_ptr_equal(naive->scripts[0], naive->scripts[1]);
  assert_ptr_equal(naive->scripts[0], trigger->scripts[1]);
  assert_ptr_equal(naive->scripts[2], trigger->scripts[2]);
  assert_string_equal(naive->scripts[2]->source.name, "mine/release.sql");
  assert_int_equal(trigger->scripts[0]->sql_count, 2);
  assert_int_equal(s->compare_count, 1);
  assert_int_equal(s->compare[0], 1);
  pgr_scenario_destroy(s);
}

/* Kept as they are written, for who knows what the figures are. */
static void thresholds(void **state) {
  (void)state;
  char *text = change("compare: [trigger]\n", "compare: [trigger]\n"
                                              "thresholds:\n"
                                              "  - claim.ok.p99 < 5ms\n"
                                              "  - 'naive/read committed@8: duplicates == 0'\n"
                                              "  - >\n"
                                              "    tps > 1000\n");
  pgr_scenario *s = must_load(text);
  assert_int_equal(s->limit_count, 3);
  static const struct {
    const char *text;
    pgr_place_in at;
  } expected[] = {{"claim.ok.p99 < 5ms", {67, 5, 18}},
                  {"naive/read committed@8: duplicates == 0", {68, 5, 41}},
                  {"tps > 1000", {69, 5, 1}}};
  for (int i = 0; i < 3; i++) {
    assert_string_equal(s->limits[i].text, expected[i].text);
    assert_int_equal(s->limits[i].at.line, expected[i].at.line);
    assert_int_equal(s->limits[i].at.column, expected[i].at.column);
    assert_int_equal(s->limits[i].at.width, expected[i].at.width);
  }
  pgr_scenario_destroy(s);
  free(text);
}

static void defaults(void **state) {
  (void)state;
  pgr_scenario *s = must_load("title: t\nlesson: l\noperations: [{name: a, script: shell.sql}]\n"
                              "ownership: {rule: r, acquire: a}\n"
                              "retries: [{sqlstate: '40001', backoff: 1s}]\n"
                              "strategies:\n- {name: x, summary: s, isolation: {read committed: race}}\n"
                              "- {name: y, summary: s, isolation: {serializable: safe}}\n");
  assert_null(s->see);
  assert_null(s->broken);
  assert_string_equal(s->key.name, "key");
  assert_int_equal(s->key.first, 1);
  assert_int_equal(s->key.last, 1000000000);
  assert_int_equal(s->protocol, PGR_PROTOCOL_PREPARED);
  assert_int_equal(s->pool_mode, PGR_POOL_TRANSACTION);
  assert_false(s->has_seed || s->has_reset);
  assert_int_equal(s->ownership.release, -1);
  assert_int_equal(s->ownership.capacity, 1);
  assert_int_equal(s->compare_count, 2);
  assert_int_equal(s->compare[1], 1);
  assert_int_equal(s->limit_count, 0);
  assert_true(s->uses_shell);
  /* The longest pause is never shorter than the first one. */
  assert_int_equal(s->strategies[0].retries[0].max_backoff_ns, PGR_NS_PER_S);
  pgr_scenario_destroy(s);
}

static void files_are_read_once_and_marks_are_skipped(void **state) {
  (void)state;
  char *text = change("script: claim.sql", "script: marked.sql"), *marked = calloc(strlen(text) + 4, 1);
  snprintf(marked, strlen(text) + 4, "\xEF\xBB\xBF%s", text);
  disk d = {.files = files, .yaml = marked};
  const pgr_reader reader = {.read = read_memory, .user = &d};
  pgr_faults faults = {0};
  pgr_scenario *s = pgr_scenario_load("mine/mine.yaml", &reader, &faults);
  assert_non_null(s);
  assert_int_equal(d.reads, 7);
  assert_string_equal(s->strategies[0].scripts[0]->source.text, "SELECT 1;\n");
  assert_string_equal(s->title, "agents claim one key");
  pgr_scenario_destroy(s);
  free(text);
  free(marked);
}

static void absolute_paths_stay(void **state) {
  (void)state;
  char *text = change("script: claim.sql", "script: /../x/..//absolute.sql");
  pgr_scenario *s = must_load(text);
  assert_string_equal(s->strategies[0].scripts[0]->source.name, "/absolute.sql");
  pgr_scenario_destroy(s);
  free(text);
}

static void names_of_choices(void **state) {
  (void)state;
  assert_string_equal(pgr_isolation_name(PGR_REPEATABLE_READ), "repeatable read");
  assert_string_equal(pgr_protocol_name(PGR_PROTOCOL_SIMPLE), "simple");
  assert_string_equal(pgr_pool_mode_name(PGR_POOL_SESSION), "session");
}

/* With each allocation of ours failing in turn: a fault and nothing leaked, or all is well. */
static void without_memory(void **state) {
  (void)state;
  for (unsigned long n = 1;; n++) {
    pgr_faults faults = {0};
    pgr_mem_fail_nth(n);
    pgr_scenario *s = load(base, 0, &faults);
    pgr_mem_fail_nth(0);
    assert_true((s != NULL) == (faults.count == 0));
    bool done = s != NULL;
    pgr_scenario_destroy(s);
    pgr_faults_deinit(&faults);
    if (done) break;
    assert_true(n < 10000);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_field),
                                     cmocka_unit_test(operations_and_rules),
                                     cmocka_unit_test(errors_and_retries),
                                     cmocka_unit_test(strategies),
                                     cmocka_unit_test(thresholds),
                                     cmocka_unit_test(defaults),
                                     cmocka_unit_test(files_are_read_once_and_marks_are_skipped),
                                     cmocka_unit_test(absolute_paths_stay),
                                     cmocka_unit_test(names_of_choices),
                                     cmocka_unit_test(without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
