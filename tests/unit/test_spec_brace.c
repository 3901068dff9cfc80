/* SQL without closing braces means the same: what is written, case by case; that PostgreSQL agrees is live.emit_spec's.
 */
#include "pgr_test.h"

#include "pgr_spec.h"
#include <string.h>

static void check(const char *sql, const char *expected) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_spec_without_braces(sql, &out);
  assert_string_equal(pgr_buf_text(&out), expected);
  pgr_buf_deinit(&out);
}

static void escapes(void **state) {
  (void)state;
  check("SELECT 1", "SELECT 1");
  check("SELECT '{}'", "SELECT U&'{\\007D'");
  check("SELECT 'it''s {a\\b}'", "SELECT U&'it''s {a\\\\b\\007D'");
  check("SELECT E'\\'}' || '}'", "SELECT E'\\'\\x7D' || U&'\\007D'");
  check("SELECT \"}\" FROM t", "SELECT U&\"\\007D\" FROM t");
  check("AS $$ it's } $$", "AS U&' it''s \\007D '");
  check("AS $a$ $$ } $a$ x", "AS U&' $$ \\007D ' x");
  check("SELECT a$b, '}' -- }\n, 2", "SELECT a$b, U&'\\007D'  \n, 2");
  check("/* } /* } */ */ SELECT '{'", "  SELECT '{'");
  check("SELECT 'open }", "SELECT 'open }");
  check("SELECT }", "SELECT }"); /* no SQL: pgr_spec_write refuses it */
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(escapes)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
