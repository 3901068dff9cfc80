/* Connection strings: understood, overridable, and silent about passwords. */
#include "pgr_test.h"

#include "pgr_target.h"
#include <stdlib.h>
#include <string.h>

static const char *value_of(const pgr_target *t, const char *keyword) {
  for (size_t i = 0; pgr_target_keywords(t)[i]; i++)
    if (strcmp(pgr_target_keywords(t)[i], keyword) == 0) return pgr_target_values(t)[i];
  return NULL;
}

static void forms_are_understood(void **state) {
  (void)state;
  const char *same[] = {"postgresql://me:s3cret@db.example:5433/inbox",
                        "host=db.example port=5433 user=me password=s3cret dbname=inbox"};
  for (int i = 0; i < 2; i++) {
    pgr_target *t;
    assert_int_equal(pgr_target_parse(same[i], &t, NULL), PGR_OK);
    assert_string_equal(value_of(t, "password"), "s3cret");
    assert_string_equal(value_of(t, "dbname"), "inbox");
    assert_string_equal(value_of(t, "application_name"), "pgrace");
    assert_string_equal(pgr_target_describe(t), "db.example:5433, user me");
    assert_int_equal(pgr_target_set(t, "dbname", "pgrace_1", NULL), PGR_OK);
    assert_string_equal(value_of(t, "dbname"), "pgrace_1");
    pgr_target_destroy(t);
  }
}

static void own_application_name_is_kept(void **state) {
  (void)state;
  pgr_target *t;
  assert_int_equal(pgr_target_parse("application_name=mine", &t, NULL), PGR_OK);
  assert_string_equal(value_of(t, "application_name"), "mine");
  pgr_target_destroy(t);
}

static void an_error_never_shows_the_password(void **state) {
  (void)state;
  const char *bad[] = {"password=s3cret nonsense",
                       "nonsense s3cret",
                       "password='s3cret",
                       "s3cret=1",
                       "postgresql://me:p@s3cret@host/db",
                       "postgresql://me:p/s3cret@host/db",
                       "postgresql://me:%s3cret@host/db",
                       "postgresql://me:x@host/db?s3cret=1",
                       "port=s3cret",
                       "postgresql://me:a%z\"s3cret@h/db",
                       "host=h password=abc se\"s3cret",
                       "host=h password=a \"=\"s3cret"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    pgr_target *t;
    pgr_err err = {0};
    assert_int_equal(pgr_target_parse(bad[i], &t, &err), PGR_EUSAGE);
    assert_true(strlen(err.msg) > 10);
    assert_null(strstr(err.msg, "s3cret"));
  }
}

static void private_target_ignores_the_environment(void **state) {
  (void)state;
  pgr_target *t;
  setenv("PGHOST", "elsewhere.example", 1);
  setenv("PGSERVICE", "production", 1);
  setenv("PGPASSWORD", "s3cret", 1);
  setenv("PGOPTIONS", "-c jit=off", 1);
  assert_int_equal(pgr_target_private("/tmp/socket", 5432, "postgres", &t, NULL), PGR_OK);
  assert_null(getenv("PGHOST"));
  assert_null(getenv("PGSERVICE"));
  assert_null(getenv("PGPASSWORD"));
  assert_string_equal(getenv("PGOPTIONS"), "-c jit=off");
  assert_string_equal(value_of(t, "host"), "/tmp/socket");
  pgr_target_destroy(t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(forms_are_understood), cmocka_unit_test(own_application_name_is_kept),
      cmocka_unit_test(an_error_never_shows_the_password), cmocka_unit_test(private_target_ignores_the_environment)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
