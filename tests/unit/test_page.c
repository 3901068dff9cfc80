/* The page with documents in it: they stand in one element, whole and unable to end it; numbers keep their digits. */
#include "pgr_test.h"

#include "pgr_page.h"
#include <string.h>

static const char begin[] = "<script type=\"application/json\" id=\"documents\">";

/* The page of up to two texts; the caller's to deinit. */
static pgr_buf page_of(const char *first, const char *second) {
  pgr_buf documents[2], out;
  pgr_err err = {0};
  size_t count = (first != NULL) + (second != NULL);
  pgr_buf_init(&documents[0], 0);
  pgr_buf_init(&documents[1], 0);
  pgr_buf_adds(&documents[0], first ? first : "");
  pgr_buf_adds(&documents[1], second ? second : "");
  pgr_buf_init(&out, 0);
  if (pgr_page(documents, count, &out, &err)) fail_msg("%s", err.msg);
  pgr_buf_deinit(&documents[0]);
  pgr_buf_deinit(&documents[1]);
  return out;
}

static void assert_holds(const pgr_buf *page, const char *expected) {
  const char *from = strstr(pgr_buf_text(page), begin);
  assert_non_null(from);
  from += sizeof begin - 1;
  const char *to = strstr(from, "</script>");
  assert_non_null(to);
  assert_int_equal(to - from, strlen(expected));
  assert_memory_equal(from, expected, strlen(expected));
}

static void puts_documents_in(void **state) {
  (void)state;
  pgr_buf page =
      page_of("{\n  \"format\": 1,\n\t\"cells\": [ ]\r\n}\n", "{ \"share\": 0.10, \"big\": 9007199254740991 }");
  assert_holds(&page, "[{\"format\":1,\"cells\":[]},\n{\"share\":0.10,\"big\":9007199254740991}]");
  pgr_buf_deinit(&page);
  page = page_of(NULL, NULL);
  assert_holds(&page, "[]");
  pgr_buf_deinit(&page);
}

static void keeps_what_stands_in_strings(void **state) {
  (void)state;
  pgr_buf page = page_of("{\"a \\\" b\": \"c  \\\\\", \"d\": \" e \\\\\\\" : f\"}", NULL);
  assert_holds(&page, "[{\"a \\\" b\":\"c  \\\\\",\"d\":\" e \\\\\\\" : f\"}]");
  pgr_buf_deinit(&page);
}

static void lets_no_document_end_its_element(void **state) {
  (void)state;
  pgr_buf page = page_of("[\"</script><script>alert(1)</script>\", \"<!--<script\", \"@DOCUMENTS@\"]", NULL);
  assert_holds(&page, "[[\"\\u003c/script>\\u003cscript>alert(1)\\u003c/script>\",\"\\u003c!--\\u003cscript\","
                      "\"@DOCUMENTS@\"]]");
  assert_null(strstr(pgr_buf_text(&page), "<script>alert"));
  pgr_buf_deinit(&page);
}

static void is_a_whole_page_that_asks_for_nothing(void **state) {
  (void)state;
  pgr_buf page = page_of("{}", NULL);
  const char *text = pgr_buf_text(&page), *end = "</html>\n";
  assert_int_equal(strncmp(text, "<!doctype html>", 15), 0);
  assert_true(page.len > strlen(end));
  assert_string_equal(text + page.len - strlen(end), end);
  assert_non_null(strstr(text, "default-src 'none'"));
  assert_non_null(strstr(text, "Leon Sorokin")); /* uPlot's notice, which its license asks for */
  assert_null(strstr(text, "@DOCUMENTS@"));
  assert_null(strstr(text, "<link"));
  pgr_buf_deinit(&page);
}

static void says_that_memory_is_short(void **state) {
  (void)state;
  pgr_buf out;
  pgr_err err = {0};
  pgr_buf_init(&out, 1000);
  assert_int_equal(pgr_page(NULL, 0, &out, &err), PGR_ENOMEM);
  pgr_buf_deinit(&out);
}

static void says_how_to_have_it(void **state) {
  (void)state;
  pgr_buf out;
  pgr_err err = {0};
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_page(NULL, 0, &out, &err), PGR_EUSAGE);
  assert_non_null(strstr(err.msg, "-DPGR_HTML=ON"));
  assert_int_equal(out.len, 0);
  pgr_buf_deinit(&out);
}

int main(void) {
  const struct CMUnitTest built[] = {
      cmocka_unit_test(puts_documents_in),
      cmocka_unit_test(keeps_what_stands_in_strings),
      cmocka_unit_test(lets_no_document_end_its_element),
      cmocka_unit_test(is_a_whole_page_that_asks_for_nothing),
      cmocka_unit_test(says_that_memory_is_short),
  };
  const struct CMUnitTest without[] = {cmocka_unit_test(says_how_to_have_it)};
  return pgr_page_is_built() ? cmocka_run_group_tests(built, NULL, NULL) : cmocka_run_group_tests(without, NULL, NULL);
}
