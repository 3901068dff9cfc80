/* Texts as JSON. */
#include "pgr_test.h"

#include "pgr_json.h"
#include <string.h>

static void is_text(json_t *value, const char *expected) {
  assert_true(json_is_string(value));
  assert_string_equal(json_string_value(value), expected);
  json_decref(value);
}

static void test_utf8_stays(void **state) {
  (void)state;
  is_text(pgr_json_text(""), "");
  is_text(pgr_json_text("Zoë \xF0\x9F\x98\x80\n\"x\""), "Zoë \xF0\x9F\x98\x80\n\"x\"");
}

static void test_what_is_not_utf8_is_marked(void **state) {
  (void)state;
  is_text(pgr_json_text("a\xFFz"), "a?z");
  char longer[5000];
  memset(longer, 'x', sizeof longer);
  longer[0] = '\xC0';
  longer[sizeof longer - 1] = '\0';
  json_t *value = pgr_json_text(longer);
  assert_int_equal(json_string_length(value), sizeof longer - 1); /* whole */
  json_decref(value);
}

static void test_nothing_is_null(void **state) {
  (void)state;
  assert_true(json_is_null(pgr_json_text_or_null(NULL)));
  assert_true(json_is_null(pgr_json_text_or_null("")));
  is_text(pgr_json_text_or_null("x"), "x");
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_utf8_stays),
                                     cmocka_unit_test(test_what_is_not_utf8_is_marked),
                                     cmocka_unit_test(test_nothing_is_null)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
