/* Names, variables, and what a text means. */
#include "pgr_test.h"

#include "pgr_vars.h"
#include <stdio.h>
#include <string.h>

static void text_is_typed_when_it_is_used(void **state) {
  (void)state;
  static const struct {
    const char *text;
    pgr_type type;
    const char *shown;
  } good[] = {{"null", PGR_TYPE_NULL, "NULL"},
              {"NuLL", PGR_TYPE_NULL, "NULL"},
              {"t", PGR_TYPE_BOOL, "true"},
              {"TRU", PGR_TYPE_BOOL, "true"},
              {"true", PGR_TYPE_BOOL, "true"},
              {"y", PGR_TYPE_BOOL, "true"},
              {"Yes", PGR_TYPE_BOOL, "true"},
              {"on", PGR_TYPE_BOOL, "true"},
              {"f", PGR_TYPE_BOOL, "false"},
              {"n", PGR_TYPE_BOOL, "false"},
              {"fals", PGR_TYPE_BOOL, "false"},
              {"no", PGR_TYPE_BOOL, "false"},
              {"of", PGR_TYPE_BOOL, "false"},
              {"OFF", PGR_TYPE_BOOL, "false"},
              {"0", PGR_TYPE_INT, "0"},
              {"-0", PGR_TYPE_INT, "0"},
              {"+12", PGR_TYPE_INT, "12"},
              {" \t12", PGR_TYPE_INT, "12"},
              {"000123", PGR_TYPE_INT, "123"},
              {"9223372036854775807", PGR_TYPE_INT, "9223372036854775807"},
              {"-9223372036854775808", PGR_TYPE_INT, "-9223372036854775808"},
              {"1.5", PGR_TYPE_DOUBLE, "1.5"},
              {" 1e3", PGR_TYPE_DOUBLE, "1000"},
              {"0x10", PGR_TYPE_DOUBLE, "16"},
              {"-0.0", PGR_TYPE_DOUBLE, "-0"},
              {"inf", PGR_TYPE_DOUBLE, "Infinity"},
              {"-Infinity", PGR_TYPE_DOUBLE, "-Infinity"},
              {"nan", PGR_TYPE_DOUBLE, "NaN"},
              {"1.23456789012345678", PGR_TYPE_DOUBLE, "1.23456789012346"}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    pgr_value v = {0};
    pgr_err err;
    char shown[PGR_VALUE_BYTES];
    if (pgr_value_read(good[i].text, "v", &v, &err)) fail_msg("%s", err.msg);
    assert_int_equal(v.type, good[i].type);
    assert_string_equal(pgr_value_text(v, shown), good[i].shown);
  }
}

static void what_is_no_value_is_refused(void **state) {
  (void)state;
  static const char *const bad[] = {"",
                                    "o",
                                    "truex",
                                    "yess",
                                    "nul",
                                    "nulll",
                                    "1 ",
                                    "1x",
                                    "-",
                                    " + ",
                                    "1.5 ",
                                    "hello",
                                    "1e999",
                                    "1e-999",
                                    "--1",
                                    "+-1",
                                    "0x",
                                    "1,000",
                                    "9223372036854775808",
                                    "-9223372036854775809",
                                    " ",
                                    "99999999999999999999999"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    pgr_value v = {.type = PGR_TYPE_INT, .as.i = 99};
    pgr_err err = {0};
    if (pgr_value_read(bad[i], "where", &v, &err) != PGR_EUSAGE) fail_msg("'%s' passes", bad[i]);
    assert_int_equal(v.as.i, 99);
    assert_non_null(strstr(err.msg, "malformed variable \"where\""));
  }
}

static void names_have_slots(void **state) {
  (void)state;
  pgr_arena arena = {0};
  pgr_names n;
  assert_int_equal(pgr_names_init(&n, &arena), PGR_OK);
  assert_int_equal(n.count, PGR_PRESET_COUNT);
  assert_int_equal(pgr_names_find(&n, "key", 3), PGR_SLOT_KEY);
  assert_int_equal(pgr_names_intern(&n, "default_seed", 12), PGR_SLOT_DEFAULT_SEED);
  assert_int_equal(pgr_names_find(&n, "ke", 2), -1);
  assert_int_equal(pgr_names_find(&n, "KEY", 3), -1);
  int a = pgr_names_intern(&n, "answer, 42", 6);
  assert_int_equal(a, PGR_PRESET_COUNT);
  assert_int_equal(pgr_names_intern(&n, "answer", 6), a);
  assert_string_equal(n.at[a], "answer");
  assert_int_equal(pgr_names_intern(&n, "", 0), -1);
  for (int i = (int)n.count; i < PGR_NAMES_MAX; i++) {
    char name[16];
    int len = snprintf(name, sizeof name, "v%d", i);
    assert_int_equal(pgr_names_intern(&n, name, (size_t)len), i);
  }
  assert_int_equal(pgr_names_intern(&n, "one_more", 8), -1);
  assert_int_equal(pgr_names_intern(&n, "answer", 6), a);
  pgr_names_deinit(&n);
  pgr_arena_deinit(&arena);
}

static void names_are_letters_then_digits(void **state) {
  (void)state;
  assert_true(pgr_name_is_valid("a", 1));
  assert_true(pgr_name_is_valid("_9", 2));
  assert_true(pgr_name_is_valid("\xc3\xa9t\xc3\xa9", 5));
  assert_false(pgr_name_is_valid("", 0));
  assert_false(pgr_name_is_valid("9a", 2));
  assert_false(pgr_name_is_valid("a-b", 3));
  assert_false(pgr_name_is_valid("a b", 3));
}

static void variables_keep_text_and_values(void **state) {
  (void)state;
  pgr_vars v;
  pgr_value got = {0};
  pgr_err err;
  char scratch[PGR_VALUE_BYTES];
  assert_int_equal(pgr_vars_init(&v, 4), PGR_OK);
  assert_null(pgr_vars_text(&v, 0, scratch));
  assert_int_equal(pgr_vars_value(&v, 0, "x", &got, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "undefined variable \"x\"");

  assert_int_equal(pgr_vars_set_text(&v, 0, "007"), PGR_OK);
  assert_int_equal(pgr_vars_value(&v, 0, "x", &got, &err), PGR_OK);
  assert_int_equal(got.as.i, 7);
  assert_string_equal(pgr_vars_text(&v, 0, scratch), "007"); /* read, it is still what is sent */

  pgr_vars_set_int(&v, 0, 8);
  assert_string_equal(pgr_vars_text(&v, 0, scratch), "8");
  pgr_vars_set(&v, 1, (pgr_value){.type = PGR_TYPE_NULL});
  assert_string_equal(pgr_vars_text(&v, 1, scratch), "NULL");
  assert_int_equal(pgr_vars_value(&v, 1, "y", &got, &err), PGR_OK);
  assert_int_equal(got.type, PGR_TYPE_NULL);

  /* From itself, shorter and longer. */
  assert_int_equal(pgr_vars_set_text(&v, 2, "a long text that needs room"), PGR_OK);
  assert_int_equal(pgr_vars_set_text(&v, 2, pgr_vars_text(&v, 2, scratch) + 7), PGR_OK);
  assert_string_equal(pgr_vars_text(&v, 2, scratch), "text that needs room");
  assert_int_equal(pgr_vars_set_text(&v, 2, "a text that needs a good deal more room than before"), PGR_OK);

  pgr_vars_clear(&v, 0);
  for (int i = 0; i < 4; i++)
    assert_null(pgr_vars_text(&v, i, scratch));
  pgr_vars_deinit(&v);
}

static void without_memory_nothing_changes(void **state) {
  (void)state;
  pgr_arena arena = {0};
  pgr_names n;
  pgr_vars v;
  char scratch[PGR_VALUE_BYTES];
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_names_init(&n, &arena), PGR_ENOMEM);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_vars_init(&v, 4), PGR_ENOMEM);
  pgr_vars_deinit(&v);
  assert_int_equal(pgr_vars_init(&v, 1), PGR_OK);
  pgr_vars_set_int(&v, 0, 5);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_vars_set_text(&v, 0, "text"), PGR_ENOMEM);
  pgr_mem_fail_nth(0);
  assert_string_equal(pgr_vars_text(&v, 0, scratch), "5");
  pgr_vars_deinit(&v);
  pgr_arena_deinit(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(text_is_typed_when_it_is_used),
                                     cmocka_unit_test(what_is_no_value_is_refused),
                                     cmocka_unit_test(names_have_slots),
                                     cmocka_unit_test(names_are_letters_then_digits),
                                     cmocka_unit_test(variables_keep_text_and_values),
                                     cmocka_unit_test(without_memory_nothing_changes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
