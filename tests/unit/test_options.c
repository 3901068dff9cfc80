/* The option table: values, errors that help, secrets that stay out of them. */
#include "pgr_test.h"

#include "options.h"
#include <string.h>

typedef struct parsed {
  int64_t agents, gap_ns;
  bool agents_given, quiet, help;
  const char *dsn, *operands[2];
  pgr_option_list defines;
  int operand_count;
  pgr_code code;
  pgr_err err;
} parsed;

static parsed parse(int argc, const char **argv) {
  static parsed p;
  p = (parsed){0};
  const pgr_option table[] = {{"agents", 0, PGR_OPTION_INT, &p.agents, 2, 100, &p.agents_given},
                              {"gap", 0, PGR_OPTION_DURATION, &p.gap_ns, 0, 0, NULL},
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
                                     cmocka_unit_test(what_may_be_secret),
                                     cmocka_unit_test(help_wins),
                                     cmocka_unit_test(errors_say_what_to_do),
                                     cmocka_unit_test(a_mistyped_secret_is_not_repeated)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
