/* Which violation is told as a story, and how: from traces that are made up. */
#include "pgr_test.h"

#include "pgr_result.h"
#include <string.h>

enum { CLAIM, REPLY };

static const pgr_scenario scenario = {
    .name = "claim",
    .key = {"conversation", 101, 1000},
    .operations = {{"claim", PGR_WHEN_START, -1}, {"reply", PGR_WHEN_AFTER, 0}},
    .operation_count = 2,
    .ownership = {.declared = true, .name = "one owner", .acquire = CLAIM, .release = -1, .capacity = 1},
    .invariants = {{.name = "one answer"}, {.name = "no answer twice"}},
    .invariant_count = 2,
    .strategies = {{.name = "naive", .at = {{true, PGR_EXPECT_RACE}}}},
    .strategy_count = 1};

typedef struct made {
  pgr_history *history;
  pgr_trace trace;
  pgr_findings findings;
} made;

static made make(void) {
  made m = {.history = pgr_history_create(1000), .findings = {.known = true, .rule_count = 3}};
  assert_non_null(m.history);
  m.findings.rules[0] = (pgr_rule){.name = "one owner", .from_history = true, .known = true};
  m.findings.rules[1] = (pgr_rule){.name = "one answer", .known = true};
  m.findings.rules[2] = (pgr_rule){.name = "no answer twice", .known = true};
  return m;
}

static void add_steps(made *m, int64_t round, uint32_t agent, int kind, int64_t first_ns, int64_t last_ns,
                      pgr_outcome outcome) {
  pgr_trace_step steps[2] = {{.round = round,
                              .key = 100 + round,
                              .agent = agent,
                              .kind = (uint8_t)kind,
                              .call_ns = first_ns,
                              .return_ns = first_ns + 5,
                              .outcome = PGR_OUTCOME_COUNT}};
  steps[1] = steps[0];
  steps[1].call_ns = last_ns;
  steps[1].return_ns = last_ns + 5;
  steps[1].outcome = (uint8_t)outcome;
  assert_int_equal(pgr_trace_add(&m->trace, steps, 2), PGR_OK);
}

/* Agents a and b were both told yes, b second. */
static void add_violation(made *m, int64_t round, uint32_t a, uint32_t b) {
  pgr_op op = {.key = 100 + round, .round = round, .agent = a, .kind = CLAIM, .outcome = PGR_OUTCOME_OK};
  pgr_ownership_report *r = &m->findings.ownership;
  size_t at = pgr_history_count(m->history);
  assert_int_equal(pgr_history_append(m->history, &op), PGR_OK);
  op.agent = b;
  assert_int_equal(pgr_history_append(m->history, &op), PGR_OK);
  r->kept[r->kept_count++] = (pgr_violation){op.key, round, at, at + 1};
  assert_int_equal(pgr_rounds_add(&m->findings.broken, round), PGR_OK);
  m->findings.rules[0].broken++;
}

static void add_broken_rows(made *m, int rule, int64_t round) {
  m->findings.rules[rule].broken++;
  assert_int_equal(pgr_rounds_add(&m->findings.broken, round), PGR_OK);
  if (m->findings.rows_rule && strcmp(m->findings.rows_rule, m->findings.rules[rule].name) != 0) return;
  m->findings.rows_rule = m->findings.rules[rule].name;
  assert_int_equal(pgr_rounds_add(&m->findings.rows_broken, round), PGR_OK);
}

/* The story of all that; frees it. */
static pgr_story story_of(made *m) {
  static pgr_cell cell;
  pgr_tally tally;
  pgr_err err;
  cell = (pgr_cell){.strategy = &scenario.strategies[0], .elapsed_ns = 1000};
  pgr_tally_init(&tally);
  pgr_rounds_settle(&m->findings.broken);
  pgr_rounds_settle(&m->findings.rows_broken);
  assert_int_equal(pgr_cell_fill(&cell, &scenario, &tally, m->history, &m->trace, &m->findings, &err), PGR_OK);
  assert_true(cell.evidence.ran && cell.evidence.rules_known);
  assert_int_equal(cell.evidence.duplicates, m->findings.broken.count);
  assert_int_equal(cell.rule_count, 3);
  pgr_tally_deinit(&tally);
  pgr_history_destroy(m->history);
  pgr_trace_deinit(&m->trace);
  pgr_findings_deinit(&m->findings);
  return cell.stories[0];
}

static void two_owners_by_their_acquires(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 7, 3, 5);
  add_steps(&m, 7, 3, CLAIM, 10, 30, PGR_OUTCOME_OK);
  add_steps(&m, 7, 3, REPLY, 40, 50, PGR_OUTCOME_OK);
  add_steps(&m, 7, 5, CLAIM, 20, 35, PGR_OUTCOME_OK);
  add_steps(&m, 7, 9, CLAIM, 15, 25, PGR_OUTCOME_REFUSED);
  pgr_story s = story_of(&m);
  assert_int_equal(s.count, 4);
  assert_int_equal(s.round, 7);
  assert_int_equal(s.key, 107);
  assert_int_equal(s.second_owner, 5);
  assert_string_equal(s.rule, "one owner");
  const int64_t calls[] = {10, 20, 30, 35};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(s.steps[i].call_ns, calls[i]);
    assert_int_equal(s.steps[i].agent, i % 2 ? 5 : 3);
    assert_int_equal(s.steps[i].kind, CLAIM);
  }
}

static void the_quickest_is_told(void **state) {
  (void)state;
  made m = make();
  for (int64_t round = 1; round <= 3; round++) {
    int64_t takes_ns = round == 2 ? 50 : 500;
    add_violation(&m, round, 1, 2);
    add_steps(&m, round, 1, CLAIM, 10, 10 + takes_ns, PGR_OUTCOME_OK);
    add_steps(&m, round, 2, CLAIM, 12, 12 + takes_ns, PGR_OUTCOME_OK);
  }
  assert_int_equal(story_of(&m).round, 2);
}

/* Where the second one's last statement went out before the first one's, the order of the answers cannot be read from
 * the order of the statements: another round is told, or none. */
static void what_is_hard_to_follow_is_not_told(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 1, 2);
  add_steps(&m, 1, 1, CLAIM, 10, 40, PGR_OUTCOME_OK);
  add_steps(&m, 1, 2, CLAIM, 12, 30, PGR_OUTCOME_OK);
  add_violation(&m, 2, 1, 2); /* without a trace */
  assert_int_equal(story_of(&m).count, 0);
}

static void rows_are_told_by_two_who_met(void **state) {
  (void)state;
  made m = make();
  add_broken_rows(&m, 1, 4);
  add_steps(&m, 3, 1, CLAIM, 10, 20, PGR_OUTCOME_OK); /* another round, nothing broken */
  add_steps(&m, 3, 2, CLAIM, 11, 21, PGR_OUTCOME_OK);
  add_steps(&m, 4, 1, CLAIM, 10, 30, PGR_OUTCOME_OK);
  add_steps(&m, 4, 1, REPLY, 40, 50, PGR_OUTCOME_OK);
  add_steps(&m, 4, 2, CLAIM, 11, 31, PGR_OUTCOME_REFUSED);
  add_steps(&m, 4, 3, CLAIM, 45, 60, PGR_OUTCOME_OK);
  add_steps(&m, 4, 4, CLAIM, 90, 99, PGR_OUTCOME_OK); /* nobody else was there any more */
  pgr_story s = story_of(&m);
  assert_int_equal(s.round, 4);
  assert_int_equal(s.key, 104);
  assert_int_equal(s.second_owner, 0);
  assert_string_equal(s.rule, "one answer");
  assert_int_equal(s.count, 6); /* both operations of 1, and 3 */
  for (size_t i = 0; i < s.count; i++)
    assert_true(s.steps[i].agent == 1 || s.steps[i].agent == 3);
  for (size_t i = 1; i < s.count; i++)
    assert_true(s.steps[i - 1].call_ns <= s.steps[i].call_ns);
}

/* A round is told as what it is: not as a breach of a rule that another round broke. */
static void a_story_is_of_the_rule_it_names(void **state) {
  (void)state;
  made m = make();
  add_broken_rows(&m, 1, 5);
  add_broken_rows(&m, 2, 6);
  add_steps(&m, 5, 1, CLAIM, 10, 900, PGR_OUTCOME_OK);
  add_steps(&m, 5, 2, CLAIM, 11, 901, PGR_OUTCOME_OK);
  add_steps(&m, 6, 1, CLAIM, 10, 20, PGR_OUTCOME_OK); /* quicker */
  add_steps(&m, 6, 2, CLAIM, 11, 21, PGR_OUTCOME_OK);
  pgr_story s = story_of(&m);
  assert_string_equal(s.rule, "one answer");
  assert_int_equal(s.round, 5);
}

/* Two owners that cannot be told, and rows that are in order: no story, rather than one that names no rule. */
static void no_rule_no_story(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 1, 2);
  add_steps(&m, 1, 1, CLAIM, 10, 40, PGR_OUTCOME_OK);
  add_steps(&m, 1, 2, CLAIM, 12, 30, PGR_OUTCOME_OK);
  pgr_story s = story_of(&m);
  assert_int_equal(s.count, 0);
}

static void owners_before_rows(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 1, 2);
  add_steps(&m, 1, 1, CLAIM, 10, 40, PGR_OUTCOME_OK);
  add_steps(&m, 1, 2, CLAIM, 12, 50, PGR_OUTCOME_OK);
  add_broken_rows(&m, 1, 2);
  add_steps(&m, 2, 1, CLAIM, 10, 11, PGR_OUTCOME_OK);
  add_steps(&m, 2, 2, CLAIM, 10, 11, PGR_OUTCOME_OK);
  pgr_story s = story_of(&m);
  assert_int_equal(s.second_owner, 2);
  assert_string_equal(s.rule, "one owner");
}

static void too_many_statements_are_no_story(void **state) {
  (void)state;
  made m = make();
  add_broken_rows(&m, 1, 1);
  for (uint32_t agent = 1; agent <= 2; agent++)
    for (int i = 0; i < PGR_STORY_STEPS_MAX / 4 + 1; i++)
      add_steps(&m, 1, agent, CLAIM, 10 + i, 20 + i, PGR_OUTCOME_OK);
  assert_int_equal(story_of(&m).count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_owners_by_their_acquires),
                                     cmocka_unit_test(the_quickest_is_told),
                                     cmocka_unit_test(what_is_hard_to_follow_is_not_told),
                                     cmocka_unit_test(rows_are_told_by_two_who_met),
                                     cmocka_unit_test(a_story_is_of_the_rule_it_names),
                                     cmocka_unit_test(no_rule_no_story),
                                     cmocka_unit_test(owners_before_rows),
                                     cmocka_unit_test(too_many_statements_are_no_story)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
