/* Numbers and durations, in and out. */
#include "pgr_test.h"

#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

static void whole_numbers(void **state) {
  (void)state;
  const struct {
    const char *text;
    int64_t value;
  } good[] = {{"0", 0}, {"8", 8}, {"10,000", 10000}, {"1_000_000", 1000000}, {"-5", -5}, {"007", 7}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t v = 99;
    assert_int_equal(pgr_parse_int(good[i].text, "--n", -10, 10000000, &v, NULL), PGR_OK);
    assert_int_equal(v, good[i].value);
  }
  const char *bad[] = {"",     "x",      "10x", "1.5", "1,00", "1,0000", ",100",
                       "100,", "1__000", "+5",  " 5",  "5 ",   "0x10",   "99999999999999999999",
                       "--5"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t v = 99;
    pgr_err err;
    assert_int_equal(pgr_parse_int(bad[i], "--n", -10, 10000000, &v, &err), PGR_EUSAGE);
    assert_int_equal(v, 99);
    assert_non_null(strstr(err.msg, "--n"));
  }
}

static void range_is_told(void **state) {
  (void)state;
  int64_t v;
  pgr_err err;
  assert_int_equal(pgr_parse_int("100001", "--agents", 2, 100000, &v, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "--agents: 100001 is out of range, give 2 to 100,000");
}

static void durations(void **state) {
  (void)state;
  const struct {
    const char *text;
    int64_t ns;
  } good[] = {{"0", 0},
              {"5ms", 5000000},
              {"500us", 500000},
              {"1.5s", 1500000000},
              {"2 s", 2000000000},
              {"1m", 60000000000},
              {"1h", 3600000000000},
              {"7ns", 7},
              {"0.25us", 250},
              {"10,000us", 10000000}};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    int64_t ns = -1;
    assert_int_equal(pgr_parse_duration(good[i].text, "--gap", &ns, NULL), PGR_OK);
    assert_int_equal(ns, good[i].ns);
  }
  const char *bad[] = {"", "5", "ms", "-5ms", "5 parsecs", "1..5s", "1.s", "5ms ", "1e3s", "10001h", "0.5"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    int64_t ns = -1;
    assert_int_equal(pgr_parse_duration(bad[i], "--gap", &ns, NULL), PGR_EUSAGE);
    assert_int_equal(ns, -1);
  }
}

static void missing_unit_is_explained(void **state) {
  (void)state;
  int64_t ns;
  pgr_err err;
  assert_int_equal(pgr_parse_duration("5", "--gap", &ns, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "--gap: '5' has no unit, write it like 5ms or 5s");
}

static void counts_and_durations_print(void **state) {
  (void)state;
  char t[PGR_TEXT_BYTES];
  assert_string_equal(pgr_format_count(t, 0), "0");
  assert_string_equal(pgr_format_count(t, 999), "999");
  assert_string_equal(pgr_format_count(t, 1234567), "1,234,567");
  assert_string_equal(pgr_format_count(t, -1000), "-1,000");
  assert_string_equal(pgr_format_duration(t, 0), "0 ns");
  assert_string_equal(pgr_format_duration(t, 812), "812 ns");
  assert_string_equal(pgr_format_duration(t, 94100), "94.1 µs");
  assert_string_equal(pgr_format_duration(t, 999600), "1.00 ms");
  assert_string_equal(pgr_format_duration(t, 3412000000), "3.41 s");
  assert_string_equal(pgr_format_duration(t, 100000000), "100 ms");
}

static void nearest_name(void **state) {
  (void)state;
  const char *const names[] = {"agents", "rounds", "contenders", "connections", NULL};
  assert_string_equal(pgr_nearest("agnets", names), "agents");
  assert_string_equal(pgr_nearest("conection", names), "connections");
  assert_null(pgr_nearest("zebra", names));
}

static void integers(void **state) {
  (void)state;
  static const int64_t numbers[] = {0, 1, -1, 9, 10, -10, 1234567890, INT64_MAX, INT64_MIN};
  char got[PGR_INT_BYTES], want[32];
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    snprintf(want, sizeof want, "%lld", (long long)numbers[i]);
    assert_string_equal(pgr_write_int(got, numbers[i]), want);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(integers),
                                     cmocka_unit_test(whole_numbers),
                                     cmocka_unit_test(range_is_told),
                                     cmocka_unit_test(durations),
                                     cmocka_unit_test(missing_unit_is_explained),
                                     cmocka_unit_test(counts_and_durations_print),
                                     cmocka_unit_test(nearest_name)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
