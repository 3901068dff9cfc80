/* The option table: values, errors that help, secrets that stay out of them. */
#include "pgr_test.h"

#include "options.h"
#include <stdio.h>
#include <string.h>

typedef struct parsed {
  int64_t agents, gap_ns, time_ns;
  pgr_option_ints clients, pauses;
  double floor;
  bool agents_given, quiet, help;
  const char *dsn, *operands[2];
  pgr_option_list defines;
  int operand_count;
  pgr_code code;
  pgr_err err;
} parsed;

static parsed parse(int argc, const char **argv) {
  static parsed p;
  static char not_here[] = "give -D scale=N";
  p = (parsed){0};
  const pgr_option table[] = {{"agents", 0, PGR_OPTION_INT, &p.agents, 2, 100, &p.agents_given},
                              {"gap", 0, PGR_OPTION_DURATION, &p.gap_ns, 0, 0, NULL},
                              {"clients", 'c', PGR_OPTION_INTS, &p.clients, 1, 10000, NULL},
                              {"pause", 0, PGR_OPTION_DURATIONS, &p.pauses, 0, 0, NULL},
                              {"time", 'T', PGR_OPTION_SECONDS, &p.time_ns, 0, 0, NULL},
                              {"floor", 0, PGR_OPTION_PERCENT, &p.floor, 0, 0, NULL},
                              {"scale", 's', PGR_OPTION_ABSENT, not_here, 0, 0, NULL},
                              {"dsn", 0, PGR_OPTION_TEXT, &p.dsn, 0, 0, NULL},
                              {"quiet", 'q', PGR_OPTION_FLAG, &p.quiet, 0, 0, NULL},
                              {"define", 'D', PGR_OPTION_LIST, &p.defines, 0, 0, NULL},
                              {0}};
  p.code = pgr_options_parse(table, argc, (char **)(uintptr_t)argv, p.operands, 2, &p.operand_count, &p.help, &p.err);
  return p;
}

#define PARSE(...)                                                                                                     \
  parse((int)(sizeof((const char *[]){"cmd", __VA_ARGS__}) / sizeof(char *)),                                          \
        (const char *[]){"cmd", __VA_ARGS__, NULL})

static void values(void **state) {
  (void)state;
  parsed p = PARSE("--agents", "12", "claim", "--gap=5ms", "-q", "--dsn", "", "--", "--agents");
  assert_string_equal(p.err.msg, "");
  assert_int_equal(p.code, PGR_OK);
  assert_int_equal(p.agents, 12);
  assert_true(p.agents_given);
  assert_int_equal(p.gap_ns, 5000000);
  assert_true(p.quiet);
  assert_string_equal(p.dsn, "");
  assert_int_equal(p.operand_count, 2);
  assert_string_equal(p.operands[0], "claim");
  assert_string_equal(p.operands[1], "--agents");
}

static void a_list_keeps_its_order(void **state) {
  (void)state;
  parsed p = PARSE("-D", "a=1", "--define", "b=2", "-Da=3", "--define=c=4=5", "x");
  assert_int_equal(p.code, PGR_OK);
  assert_int_equal(p.defines.count, 4);
  assert_string_equal(p.defines.items[0], "a=1");
  assert_string_equal(p.defines.items[1], "b=2");
  assert_string_equal(p.defines.items[2], "a=3");
  assert_string_equal(p.defines.items[3], "c=4=5");
  assert_int_equal(p.operand_count, 1);
  assert_string_equal(PARSE("-D").err.msg, "option '-D' needs a value; see --help");
}

static void a_list_has_an_end(void **state) {
  (void)state;
  const char *argv[PGR_OPTION_LIST_MAX + 3] = {"cmd"};
  for (int i = 1; i <= PGR_OPTION_LIST_MAX + 1; i++)
    argv[i] = "-Dx=1";
  parsed p = parse(PGR_OPTION_LIST_MAX + 1, argv);
  assert_int_equal(p.code, PGR_OK);
  assert_int_equal(p.defines.count, PGR_OPTION_LIST_MAX);
  p = parse(PGR_OPTION_LIST_MAX + 2, argv);
  assert_int_equal(p.code, PGR_EUSAGE);
  assert_string_equal(p.err.msg, "--define: at most 64 of them");
}

static void a_list_of_durations(void **state) {
  (void)state;
  parsed p = PARSE("--pause", "0s,500us,5ms");
  assert_int_equal(p.code, PGR_OK);
  assert_int_equal(p.pauses.count, 3);
  assert_int_equal(p.pauses.items[0], 0);
  assert_int_equal(p.pauses.items[1], 500000);
  assert_int_equal(p.pauses.items[2], 5000000);
  assert_int_equal(PARSE("--pause", "0").pauses.count, 1); /* nothing needs no unit */
  assert_int_equal(PARSE("--pause", "1ms,").code, PGR_EUSAGE);
  assert_int_equal(PARSE("--pause", "1ms,5").code, PGR_EUSAGE);
  p = PARSE("--pause", "1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s,1s");
  assert_string_equal(p.err.msg, "--pause: at most 16 durations");
}

static void a_list_of_numbers(void **state) {
  (void)state;
  parsed p = PARSE("--clients", "1,8,64", "-c16");
  assert_int_equal(p.code, PGR_OK); /* the last one counts, as for every other option */
  assert_int_equal(p.clients.count, 1);
  assert_int_equal(p.clients.items[0], 16);
  p = PARSE("-c", "1,1_000,64");
  assert_int_equal(p.clients.count, 3);
  assert_int_equal(p.clients.items[1], 1000);
  assert_int_equal(p.clients.items[2], 64);
  p = PARSE("-c", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16");
  assert_int_equal(p.clients.count, PGR_OPTION_INTS_MAX);
  assert_int_equal(p.clients.items[15], 16);
  static const struct {
    const char *text, *msg;
  } wrong[] = {
      {"1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17", "--clients: at most 16 numbers"},
      {"8,", "--clients: '' is not a whole number"},
      {",8", "--clients: '' is not a whole number"},
      {"", "--clients: '' is not a whole number"},
      {"8, 9", "--clients: ' 9' is not a whole number"},
      {"8,9x", "--clients: '9x' is not a whole number"},
      {"8,0", "--clients: 0 is out of range, give 1 to 10,000"},
      {"8,10001,9", "--clients: 10001 is out of range, give 1 to 10,000"},
      {"10,000", "--clients: a comma is between two numbers here, write thousands as 1000 or 1_000"},
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    p = PARSE("-c", wrong[i].text);
    assert_string_equal(p.err.msg, wrong[i].msg);
    assert_int_equal(p.code, PGR_EUSAGE);
    assert_int_equal(p.clients.count, 0);
  }
}

static void seconds_need_no_unit(void **state) {
  (void)state;
  static const struct {
    const char *text;
    int64_t ns;
  } right[] = {{"10", 10000000000},  {"1.5", 1500000000}, {"1,000", 1000000000000}, {"0", 0},
               {"500ms", 500000000}, {"1m", 60000000000}, {"2 s", 2000000000}};
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
    parsed p = PARSE("-T", right[i].text);
    assert_string_equal(p.err.msg, "");
    assert_int_equal(p.time_ns, right[i].ns);
  }
  static const struct {
    const char *text, *msg;
  } wrong[] = {{"", "--time: '' is not a duration, write it like 500us, 5ms, 2s or 1m"},
               {"-5", "--time: '-5' is not a duration, write it like 500us, 5ms, 2s or 1m"},
               {"5x", "--time: '5x' has an unknown unit, use ns, us, ms, s, m or h"},
               {"99999999999", "--time: 99999999999s is too long, the most is 10,000 h"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    parsed p = PARSE("-T", wrong[i].text);
    assert_string_equal(p.err.msg, wrong[i].msg);
    assert_int_equal(p.code, PGR_EUSAGE);
    assert_int_equal(p.time_ns, 0);
  }
  /* Others still want one. */
  assert_string_equal(PARSE("--gap", "5").err.msg, "--gap: '5' has no unit, write it like 5ms or 5s");
}

static void percentages(void **state) {
  (void)state;
  static const struct {
    const char *text;
    double share;
  } right[] = {{"5%", 0.05}, {"5", 0.05}, {"0.5%", 0.005}, {"0", 0}, {"1000%", 10}};
  for (size_t i = 0; i < sizeof right / sizeof *right; i++) {
    parsed p = PARSE("--floor", right[i].text);
    assert_string_equal(p.err.msg, "");
    assert_true(p.floor > right[i].share - 1e-12 && p.floor < right[i].share + 1e-12);
  }
  static const char *const wrong[] = {"", "%", "-5%", "5%%", "5 %", ".5", "5.", "1.2.3", "0x5", "inf", "five"};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char msg[100];
    parsed p = PARSE("--floor", wrong[i]);
    snprintf(msg, sizeof msg, "--floor: '%s' is no percentage, write it like 5%%", wrong[i]);
    assert_string_equal(p.err.msg, msg);
    assert_int_equal(p.code, PGR_EUSAGE);
  }
  assert_string_equal(PARSE("--floor", "1000.1%").err.msg, "--floor: 1000.1% is out of range, give 0% to 1000%");
}

/* However it is written, with a value or without. */
static void what_is_absent_says_what_there_is(void **state) {
  (void)state;
  assert_string_equal(PARSE("-s", "10").err.msg, "there is no option '-s': give -D scale=N");
  assert_string_equal(PARSE("-s10").err.msg, "there is no option '-s': give -D scale=N");
  assert_string_equal(PARSE("-qs").err.msg, "there is no option '-s': give -D scale=N");
  assert_string_equal(PARSE("--scale").err.msg, "there is no option '--scale': give -D scale=N");
  assert_string_equal(PARSE("--scale=s3cret").err.msg, "there is no option '--scale': give -D scale=N");
  assert_int_equal(PARSE("--scale", "10").code, PGR_EUSAGE);
  /* It is nothing that may have been meant. */
  assert_string_equal(PARSE("--scalf").err.msg, "unknown option '--scalf'; see --help");
}

static void what_may_be_secret(void **state) {
  (void)state;
  assert_true(pgr_looks_secret("postgresql://me@host/db"));
  assert_true(pgr_looks_secret("password=x"));
  assert_true(pgr_looks_secret("me@host"));
  assert_false(pgr_looks_secret("claim"));
  assert_false(pgr_looks_secret("./my-scenario/my.yaml"));
}

static void help_wins(void **state) {
  (void)state;
  assert_true(PARSE("--help").help);
  assert_true(PARSE("-h", "--nonsense").help);
}

static void errors_say_what_to_do(void **state) {
  (void)state;
  assert_string_equal(PARSE("--agnets", "3").err.msg, "unknown option '--agnets', did you mean --agents?");
  assert_string_equal(PARSE("--zzzzzz").err.msg, "unknown option '--zzzzzz'; see --help");
  assert_string_equal(PARSE("-x").err.msg, "unknown option '-x'; see --help");
  assert_string_equal(PARSE("--agents").err.msg, "option '--agents' needs a value; see --help");
  assert_string_equal(PARSE("--agents", "1").err.msg, "--agents: 1 is out of range, give 2 to 100");
  assert_string_equal(PARSE("a", "b", "c").err.msg, "unexpected argument 'c'; see --help");
  assert_int_equal(PARSE("--agents", "x").code, PGR_EUSAGE);
}

static void a_mistyped_secret_is_not_repeated(void **state) {
  (void)state;
  assert_null(strstr(PARSE("--dns=postgresql://me:s3cret@h/d").err.msg, "s3cret"));
  assert_string_equal(PARSE("--quiet=s3cret").err.msg, "option '--quiet' takes no value");
  assert_string_equal(PARSE("--help=s3cret").err.msg, "option '--help' takes no value");
  assert_string_equal(PARSE("--dsn", "s3cret", "-xq").err.msg, "unknown option '-x'; see --help");
  assert_null(strstr(PARSE("a", "b", "password=s3cret").err.msg, "s3cret"));
  assert_null(strstr(PARSE("a", "b", "postgresql://me:s3cret@h/d").err.msg, "s3cret"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values),
                                     cmocka_unit_test(a_list_keeps_its_order),
                                     cmocka_unit_test(a_list_has_an_end),
                                     cmocka_unit_test(a_list_of_numbers),
                                     cmocka_unit_test(a_list_of_durations),
                                     cmocka_unit_test(seconds_need_no_unit),
                                     cmocka_unit_test(percentages),
                                     cmocka_unit_test(what_is_absent_says_what_there_is),
                                     cmocka_unit_test(what_may_be_secret),
                                     cmocka_unit_test(help_wins),
                                     cmocka_unit_test(errors_say_what_to_do),
                                     cmocka_unit_test(a_mistyped_secret_is_not_repeated)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
