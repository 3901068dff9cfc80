/* Texts in narrow columns. */
#include "pgr_test.h"

#include "pgr_lines.h"
#include <stdio.h>
#include <string.h>

static void texts_are_made_fit(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"", ""},
                                         {" \n a \t\r\n b ", "a b"},
                                         {"\x1b[2Jx\x07", "[2Jx"},
                                         {"a\xC2\x9B"
                                          "31m",
                                          "a 31m"},
                                         {"a\xC2\xA0"
                                          "b",
                                          "a b"},
                                         {"\xE2\x80\xAE"
                                          "evil",
                                          "?evil"},
                                         {"\xEF\xBB\xBFx\xE2\x81\xA9", "?x?"},
                                         {"a\xE2\x80\xA8"
                                          "b",
                                          "a b"},
                                         {"\xF3\xA0\x81\x81", "?"},
                                         {"\xFF\xE2\x80", "???"},
                                         {"שלום", "שלום"},
                                         {"e\xCC\x81", "e\xCC\x81"}};
  pgr_arena arena = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *shown = pgr_line_fit(&arena, cases[i][0]);
    assert_non_null(shown);
    assert_string_equal(shown, cases[i][1]);
  }
  pgr_arena_deinit(&arena);
}

static void lines_end_before_clauses(void **state) {
  (void)state;
  const struct {
    const char *text;
    int width;
    const char *line;
  } cases[] = {{"", 10, ""},
               {"SELECT 1", 8, "SELECT 1"},
               {"SELECT 1", 7, "SELECT"},
               {"SELECT a FROM t WHERE id = 1", 27, "SELECT a FROM t"},
               {"UPDATE t SET a = 1 WHERE b", 20, "UPDATE t SET a = 1"},
               {"UPDATE accounts SET balance = 1", 30, "UPDATE accounts"},
               {"abc defg hij", 10, "abc defg"},
               {"a long = x", 9, "a long"}, /* not "a long =" */
               {"a WHERE x IS NOT NULL", 20, "a WHERE x"},
               {"x (SELECT a FROM t)", 14, "x (SELECT a"},
               {"abcdefghijkl", 5, "abcde"},
               {"\xE6\xBC\xA2\xE6\xBC\xA2\xE6\xBC\xA2", 5, "\xE6\xBC\xA2\xE6\xBC\xA2"},
               {"\xE6\xBC\xA2\xE6\xBC\xA2", 1, "\xE6\xBC\xA2"},
               {"abe\xCC\x81"
                "d",
                3, "abe\xCC\x81"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char line[128];
    snprintf(line, sizeof line, "%.*s", (int)pgr_line_end(cases[i].text, cases[i].width, true), cases[i].text);
    assert_string_equal(line, cases[i].line);
  }
}

/* Where "and" begins no clause a line is as full as it can be. */
static void lines_of_prose_are_full(void **state) {
  (void)state;
  static const char text[] = "free, and for him";
  assert_int_equal(pgr_line_end(text, 13, true), strlen("free,"));
  assert_int_equal(pgr_line_end(text, 13, false), strlen("free, and for"));
  assert_int_equal(pgr_line_end("unbreakable", 4, false), 4);
}

static void what_belongs_together_is_not_torn(void **state) {
  (void)state;
  static const char text[] = "a = 1 WHERE b";
  assert_false(pgr_line_ends_well(text, 1)); /* before = */
  assert_false(pgr_line_ends_well(text, 3)); /* after it */
  assert_true(pgr_line_ends_well(text, 5));
  assert_false(pgr_line_ends_well(text, 4)); /* no blank */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(texts_are_made_fit), cmocka_unit_test(lines_end_before_clauses),
                                     cmocka_unit_test(lines_of_prose_are_full),
                                     cmocka_unit_test(what_belongs_together_is_not_torn)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
