/* Which cells --strategy and --isolation choose: all combinations against the rules of the header, and the errors. */
#include "pgr_test.h"

#include "cells.h"
#include <stdio.h>
#include <string.h>

static pgr_scenario *scenario(void) {
  static pgr_scenario s;
  s = (pgr_scenario){.name = "inbox", .strategy_count = 4, .compare = {3, 0}, .compare_count = 2};
  s.strategies[0] = (pgr_strategy){.name = "naive",
                                   .first = PGR_REPEATABLE_READ,
                                   .at = {[PGR_READ_COMMITTED] = {true, PGR_EXPECT_RACE},
                                          [PGR_REPEATABLE_READ] = {true, PGR_EXPECT_NOTHING},
                                          [PGR_SERIALIZABLE] = {true, PGR_EXPECT_SAFE}}};
  s.strategies[1] = (pgr_strategy){.name = "for-update",
                                   .first = PGR_READ_COMMITTED,
                                   .sampled_rarely = true,
                                   .at = {[PGR_READ_COMMITTED] = {true, PGR_EXPECT_SAFE}}};
  s.strategies[2] = (pgr_strategy){
      .name = "serializable", .first = PGR_SERIALIZABLE, .at = {[PGR_SERIALIZABLE] = {true, PGR_EXPECT_SAFE}}};
  s.strategies[3] = (pgr_strategy){
      .name = "trigger",
      .first = PGR_READ_COMMITTED,
      .at = {[PGR_READ_COMMITTED] = {true, PGR_EXPECT_SAFE}, [PGR_SERIALIZABLE] = {true, PGR_EXPECT_SAFE}}};
  return &s;
}

static pgr_result result;

static pgr_code choose(const char *strategies, const char *isolation, pgr_err *err) {
  pgr_result_deinit(&result);
  memset(&result, 0, sizeof result);
  *err = (pgr_err){0};
  result.scenario = scenario();
  return pgr_cells_choose(&result, strategies, isolation, NULL, err);
}

/* "naive/rr trigger/rc", as chosen. */
static const char *chosen(const char *strategies, const char *isolation) {
  static char text[1024];
  static const char *const levels[] = {"rc", "rr", "s"};
  pgr_err err;
  text[0] = '\0';
  if (choose(strategies, isolation, &err)) fail_msg("%s", err.msg);
  for (size_t i = 0, len = 0; i < result.cell_count; i++)
    len += (size_t)snprintf(text + len, sizeof text - len, "%s%s/%s", i ? " " : "", result.cells[i].strategy->name,
                            levels[result.cells[i].isolation]);
  return text;
}

static void by_default_what_is_compared_at_its_first_level(void **state) {
  (void)state;
  assert_string_equal(chosen(NULL, NULL), "trigger/rc naive/rr");
}

static void named_ones_in_the_order_asked_for(void **state) {
  (void)state;
  assert_string_equal(chosen("serializable,naive", NULL), "serializable/s naive/rr");
  assert_string_equal(chosen(" naive , for-update,", NULL), "naive/rr for-update/rc");
  assert_string_equal(chosen("all", NULL), "naive/rr for-update/rc serializable/s trigger/rc");
}

static void levels_in_the_order_of_their_strictness(void **state) {
  (void)state;
  assert_string_equal(chosen("naive", "serializable,read committed"), "naive/rc naive/s");
  assert_string_equal(chosen("naive", "all"), "naive/rc naive/rr naive/s");
  assert_string_equal(chosen("all", "all"),
                      "naive/rc naive/rr naive/s for-update/rc serializable/s trigger/rc trigger/s");
  assert_string_equal(chosen(NULL, "serializable"), "trigger/s naive/s");
  assert_string_equal(chosen("trigger,naive", "repeatable read"), "naive/rr"); /* the others do not run there */
}

static void levels_need_no_quotes(void **state) {
  (void)state;
  assert_string_equal(chosen("naive", "read-committed"), "naive/rc");
  assert_string_equal(chosen("naive", "read_committed, repeatable-read"), "naive/rc naive/rr");
  assert_string_equal(chosen("naive", "serializable,serializable"), "naive/s");
}

static void a_cell_takes_what_the_scenario_says_of_it(void **state) {
  (void)state;
  chosen("all", "all");
  assert_int_equal(result.cells[0].evidence.expect, PGR_EXPECT_RACE);
  assert_int_equal(result.cells[1].evidence.expect, PGR_EXPECT_NOTHING);
  assert_int_equal(result.cells[2].evidence.expect, PGR_EXPECT_SAFE);
  assert_false(result.cells[0].evidence.sampled_rarely);
  assert_true(result.cells[3].evidence.sampled_rarely);
  assert_false(result.cells[0].evidence.ran);
  for (size_t i = 0; i < result.cell_count; i++)
    assert_int_equal(pgr_cell_expect(&result.cells[i]), result.cells[i].evidence.expect);
}

static void each_with_each_gap(void **state) {
  (void)state;
  static const int64_t want[] = {0, 5000000, 0, 5000000};
  pgr_option_ints gaps = {.items = {0, 5000000}, .count = 2};
  pgr_err err;
  pgr_result_deinit(&result);
  memset(&result, 0, sizeof result);
  result.scenario = scenario();
  assert_int_equal(pgr_cells_choose(&result, "naive,trigger", NULL, &gaps, &err), PGR_OK);
  assert_int_equal(result.cell_count, 4);
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(result.cells[i].strategy->name, i < 2 ? "naive" : "trigger");
    assert_int_equal(result.cells[i].gap_ns, want[i]);
  }
}

static void refuses(const char *strategies, const char *isolation, const char *message) {
  pgr_err err;
  assert_int_equal(choose(strategies, isolation, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, message);
}

static void errors_say_what_to_do(void **state) {
  (void)state;
  refuses("naiv", NULL, "--strategy: unknown strategy 'naiv', did you mean 'naive'?");
  refuses("xyzzyfoo", NULL,
          "--strategy: unknown strategy 'xyzzyfoo', there are: naive, for-update, serializable, trigger");
  refuses("naive,naive", NULL, "--strategy: 'naive' is named twice");
  refuses("", NULL, "--strategy: name at least one");
  refuses(" , ", NULL, "--strategy: name at least one");
  refuses(NULL, "serialisable", "--isolation: unknown level 'serialisable', did you mean 'serializable'?");
  refuses(NULL, "chaos",
          "--isolation: unknown level 'chaos', there are: read committed, repeatable read, serializable");
  refuses(NULL, "", "--isolation: name at least one level, or all");
  refuses("for-update", "serializable",
          "--isolation: none of these strategies of inbox runs at that level; see pgrace list inbox");
  refuses("all,naive", NULL, "--strategy: unknown strategy 'all', there are: naive, for-update, serializable, trigger");
}

/* A word longer than any name is not some shorter name. */
static void long_words_are_unknown(void **state) {
  (void)state;
  char word[300], message[512];
  pgr_err err;
  memset(word, 'n', sizeof word);
  word[sizeof word - 1] = '\0';
  assert_int_equal(choose(word, NULL, &err), PGR_EUSAGE);
  snprintf(message, sizeof message, "naive%*s", 100, "");
  for (char *c = message + 5; *c; c++)
    *c = 'e';
  assert_int_equal(choose(message, NULL, &err), PGR_EUSAGE);
  snprintf(message, sizeof message, "naive%*s,trigger", 200, "");
  assert_string_equal(chosen(message, NULL), "naive/rr trigger/rc");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(by_default_what_is_compared_at_its_first_level),
                                     cmocka_unit_test(each_with_each_gap),
                                     cmocka_unit_test(named_ones_in_the_order_asked_for),
                                     cmocka_unit_test(levels_in_the_order_of_their_strictness),
                                     cmocka_unit_test(levels_need_no_quotes),
                                     cmocka_unit_test(a_cell_takes_what_the_scenario_says_of_it),
                                     cmocka_unit_test(errors_say_what_to_do),
                                     cmocka_unit_test(long_words_are_unknown)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
