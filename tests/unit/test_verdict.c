/* Every rule that turns counts into a verdict and an exit status. */
#include "pgr_test.h"

#include "pgr_verdict.h"
#include <string.h>

static pgr_evidence raced(pgr_expect expect) {
  return (pgr_evidence){
      .expect = expect, .ran = true, .rules_known = true, .contested = 100, .duplicates = 90, .complete = true};
}

static pgr_evidence quiet(pgr_expect expect) {
  return (pgr_evidence){.expect = expect, .ran = true, .rules_known = true, .contested = 100, .complete = true};
}

static int judge(pgr_evidence a, pgr_evidence b, pgr_judgement out[2]) {
  pgr_evidence cells[] = {a, b};
  pgr_judge(cells, 2, out);
  return pgr_judge_exit_status(cells, out, 2, false);
}

static void the_main_job(void **state) {
  (void)state;
  pgr_judgement j[2];
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), quiet(PGR_EXPECT_SAFE), j), 0);
  assert_int_equal(j[0].verdict, PGR_VERDICT_RACE);
  assert_int_equal(j[1].verdict, PGR_VERDICT_NONE_SEEN);
  assert_true(j[0].as_expected && j[1].as_expected);
  assert_string_equal(j[0].why, "");
  /* The order of the cells does not matter. */
  assert_int_equal(judge(quiet(PGR_EXPECT_SAFE), raced(PGR_EXPECT_RACE), j), 0);
}

/* That a schedule can break the naive code says nothing of what a race would have seen. */
static void an_explored_control_is_none_for_races(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence witness = raced(PGR_EXPECT_RACE);
  witness.explored = true;
  assert_int_equal(judge(witness, quiet(PGR_EXPECT_SAFE), j), 2);
  assert_int_equal(j[0].verdict, PGR_VERDICT_RACE);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_non_null(strstr(j[1].why, "none was run"));
}

/* Explored: a proof needs no control, and one that contradicts what was declared breaks the run. */
static void proofs(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence proved = quiet(PGR_EXPECT_SAFE), open = quiet(PGR_EXPECT_SAFE);
  proved.explored = proved.proved = open.explored = true;
  open.short_of = "60 schedules run";
  open.complete = false;
  assert_int_equal(judge(proved, proved, j), 0);
  assert_int_equal(j[0].verdict, PGR_VERDICT_SAFE);
  assert_int_equal(judge(proved, open, j), 2);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_string_equal(j[1].why, "60 schedules run");
  pgr_evidence declared = proved;
  declared.expect = PGR_EXPECT_RACE;
  assert_int_equal(judge(declared, proved, j), 1);
  assert_int_equal(j[0].verdict, PGR_VERDICT_SAFE);
  assert_false(j[0].as_expected);
  pgr_evidence never = proved;
  never.never_ok = "claim";
  assert_int_equal(judge(proved, never, j), 2);
  pgr_evidence troubled = proved;
  troubled.trouble = "a statement was cancelled";
  troubled.failed = 1;
  assert_int_equal(judge(proved, troubled, j), 2);
  assert_string_equal(j[1].why, "a statement was cancelled");
  troubled.duplicates = 1;
  troubled.failed = 0;
  assert_int_equal(judge(proved, troubled, j), 1);
  assert_int_equal(j[1].verdict, PGR_VERDICT_RACE);
}

static void a_safe_strategy_that_races_breaks_the_run(void **state) {
  (void)state;
  pgr_judgement j[2];
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), raced(PGR_EXPECT_SAFE), j), 1);
  assert_int_equal(j[1].verdict, PGR_VERDICT_RACE);
  assert_false(j[1].as_expected);
}

static void nothing_proves_nothing_without_a_control(void **state) {
  (void)state;
  pgr_judgement j[2];
  assert_int_equal(judge(quiet(PGR_EXPECT_RACE), quiet(PGR_EXPECT_SAFE), j), 2);
  assert_int_equal(j[0].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_non_null(strstr(j[0].why, "control"));
  assert_int_equal(judge(quiet(PGR_EXPECT_SAFE), quiet(PGR_EXPECT_NOTHING), j), 2);
  assert_non_null(strstr(j[0].why, "none was run"));
  /* A race is one, control or not. */
  assert_int_equal(judge(quiet(PGR_EXPECT_RACE), raced(PGR_EXPECT_SAFE), j), 1);
}

static void uncontested_rounds_prove_nothing(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence alone = quiet(PGR_EXPECT_SAFE);
  alone.contested = 0;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), alone, j), 2);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
}

static void broken_evidence_is_an_error(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence e = quiet(PGR_EXPECT_SAFE);
  e.failed = 1;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 1);
  assert_int_equal(j[1].verdict, PGR_VERDICT_ERROR);
  assert_non_null(strstr(j[1].why, "failed"));
  e = quiet(PGR_EXPECT_SAFE);
  e.unexplained = 1;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 1);
  assert_int_equal(j[1].verdict, PGR_VERDICT_ERROR);
  assert_non_null(strstr(j[1].why, "turned away"));
  /* A race in broken evidence is no race: the failed operations may have made it. */
  e = raced(PGR_EXPECT_RACE);
  e.failed = 1;
  assert_int_equal(judge(e, quiet(PGR_EXPECT_SAFE), j), 1);
  assert_int_equal(j[0].verdict, PGR_VERDICT_ERROR);
  /* Where nothing is expected broken evidence is an error all the same. */
  e.expect = PGR_EXPECT_NOTHING;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 1);
  assert_false(j[1].as_expected);
}

static void an_unknown_outcome_alone_changes_nothing(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence e = quiet(PGR_EXPECT_SAFE);
  e.unknown = 3;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 0);
  assert_int_equal(j[1].verdict, PGR_VERDICT_NONE_SEEN);
}

/* What was seen stands, what was not asked is open. */
static void unchecked_rules(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence e = quiet(PGR_EXPECT_SAFE);
  e.rules_known = false;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 2);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_false(j[1].as_expected);
  assert_string_equal(j[1].why, "not every rule could be checked");
  e = raced(PGR_EXPECT_RACE);
  e.rules_known = false;
  assert_int_equal(judge(e, quiet(PGR_EXPECT_SAFE), j), 0);
  assert_int_equal(j[0].verdict, PGR_VERDICT_RACE);
}

/* Its race lies inside one statement: not to see it says little, to see it says as much as anywhere. */
static void what_is_sampled_rarely(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence e = quiet(PGR_EXPECT_SAFE);
  e.sampled_rarely = true;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 2);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_non_null(strstr(j[1].why, "inside one statement"));
  e.expect = PGR_EXPECT_RACE;
  assert_int_equal(judge(e, quiet(PGR_EXPECT_SAFE), j), 2);
  assert_non_null(strstr(j[0].why, "inside one statement"));
  assert_non_null(strstr(j[1].why, "control that raced"));
  e = raced(PGR_EXPECT_RACE);
  e.sampled_rarely = true;
  assert_int_equal(judge(e, quiet(PGR_EXPECT_SAFE), j), 0);
  assert_int_equal(j[0].verdict, PGR_VERDICT_RACE);
  /* A missing contest is the plainer reason. */
  e = quiet(PGR_EXPECT_SAFE);
  e.sampled_rarely = true;
  e.contested = 0;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 2);
  assert_non_null(strstr(j[1].why, "no round was contested"));
}

static void incomplete_and_interrupted(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence e = quiet(PGR_EXPECT_SAFE);
  e.complete = false;
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), e, j), 2);
  pgr_evidence cells[] = {raced(PGR_EXPECT_RACE), raced(PGR_EXPECT_SAFE)};
  pgr_judge(cells, 2, j);
  assert_int_equal(pgr_judge_exit_status(cells, j, 2, true), 2);
  assert_int_equal(pgr_judge_exit_status(cells, j, 0, false), 2);
}

static void what_did_not_run_is_no_evidence(void **state) {
  (void)state;
  pgr_judgement j[2];
  pgr_evidence unrun = {.expect = PGR_EXPECT_SAFE};
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), unrun, j), 2);
  assert_int_equal(j[1].verdict, PGR_VERDICT_INCONCLUSIVE);
  assert_false(j[1].as_expected);
  assert_string_equal(j[1].why, "it was not run");
  unrun.expect = PGR_EXPECT_RACE;
  assert_int_equal(judge(unrun, quiet(PGR_EXPECT_SAFE), j), 2);
  assert_non_null(strstr(j[1].why, "none was run"));
}

/* Each of them vouches for the others only if it raced itself. */
static void every_control_must_race(void **state) {
  (void)state;
  pgr_judgement j[2];
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), quiet(PGR_EXPECT_RACE), j), 2);
  assert_false(j[1].as_expected);
}

static void nothing_expected(void **state) {
  (void)state;
  pgr_judgement j[2];
  assert_int_equal(judge(raced(PGR_EXPECT_RACE), raced(PGR_EXPECT_NOTHING), j), 0);
  assert_true(j[1].as_expected);
}

static void names(void **state) {
  (void)state;
  assert_string_equal(pgr_verdict_name(PGR_VERDICT_RACE), "race");
  assert_string_equal(pgr_verdict_name(PGR_VERDICT_SAFE), "safe");
  assert_string_equal(pgr_verdict_name(PGR_VERDICT_NONE_SEEN), "none-seen");
  assert_string_equal(pgr_verdict_name(PGR_VERDICT_INCONCLUSIVE), "inconclusive");
  assert_string_equal(pgr_verdict_name(PGR_VERDICT_ERROR), "error");
  assert_string_equal(pgr_expect_name(PGR_EXPECT_RACE), "race");
  assert_string_equal(pgr_expect_name(PGR_EXPECT_SAFE), "safe");
  assert_null(pgr_expect_name(PGR_EXPECT_NOTHING));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_main_job),
                                     cmocka_unit_test(names),
                                     cmocka_unit_test(proofs),
                                     cmocka_unit_test(a_safe_strategy_that_races_breaks_the_run),
                                     cmocka_unit_test(nothing_proves_nothing_without_a_control),
                                     cmocka_unit_test(an_explored_control_is_none_for_races),
                                     cmocka_unit_test(uncontested_rounds_prove_nothing),
                                     cmocka_unit_test(broken_evidence_is_an_error),
                                     cmocka_unit_test(an_unknown_outcome_alone_changes_nothing),
                                     cmocka_unit_test(unchecked_rules),
                                     cmocka_unit_test(what_is_sampled_rarely),
                                     cmocka_unit_test(incomplete_and_interrupted),
                                     cmocka_unit_test(what_did_not_run_is_no_evidence),
                                     cmocka_unit_test(every_control_must_race),
                                     cmocka_unit_test(nothing_expected)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
