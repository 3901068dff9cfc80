/* pgrace demo's command line: values and defaults, what excludes what, each error one line that says what to do. */
#include "pgr_test.h"

#include "demo_options.h"
#include "pgr_clock.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct parsed {
  pgr_demo_options o;
  bool help;
  pgr_code code;
  pgr_err err;
} parsed;

static const parsed *parse(int argc, const char **argv) {
  static parsed p;
  p = (parsed){0};
  p.code = pgr_demo_options_parse(&p.o, argc, (char **)(uintptr_t)argv, &p.help, &p.err);
  return &p;
}

#define PARSE(...)                                                                                                     \
  parse((int)(sizeof((const char *[]){"demo", __VA_ARGS__}) / sizeof(char *)),                                         \
        (const char *[]){"demo", __VA_ARGS__, NULL})

static const parsed *must_parse(const parsed *p) {
  assert_string_equal(p->err.msg, "");
  assert_int_equal(p->code, PGR_OK);
  assert_false(p->help);
  return p;
}

#define MUST_PARSE(...) (&must_parse(PARSE(__VA_ARGS__))->o)

static void must_fail(const parsed *p, const char *message) {
  assert_string_equal(p->err.msg, message);
  assert_int_equal(p->code, PGR_EUSAGE);
}

#define MUST_FAIL(message, ...) must_fail(PARSE(__VA_ARGS__), message)

static void defaults(void **state) {
  (void)state;
  const pgr_demo_options *o = &must_parse(parse(1, (const char *[]){"demo", NULL}))->o;
  assert_true(!o->strategies && !o->order && !o->dsn);
  assert_int_equal(o->gap_ns, 2 * PGR_NS_PER_S);
  assert_false(o->step || o->open || o->terminal || o->port_given || o->pace_given);
  assert_string_equal(o->listen, "127.0.0.1");
  assert_int_equal(o->port, 8734);
  assert_int_equal(o->pace_ns, 0);
}

static void the_terminal_has_no_gap_of_its_own(void **state) {
  (void)state;
  assert_int_equal(MUST_PARSE("--terminal")->gap_ns, 0);
  MUST_FAIL(
      "--gap is for the browser; in the terminal nobody pauses between look and claim, say the steps with --order "
      "ABBA",
      "--terminal", "--gap", "2s");
}

static void all_of_the_page(void **state) {
  (void)state;
  const pgr_demo_options *o = MUST_PARSE("--strategy", "trigger,naive", "--gap", "0", "--step", "--order=ABBA",
                                         "--open", "--port", "0", "--listen", "::1", "--dsn", "");
  assert_string_equal(o->strategies, "trigger,naive");
  assert_int_equal(o->gap_ns, 0);
  assert_true(o->step && o->open && o->port_given);
  assert_string_equal(o->order, "ABBA");
  assert_int_equal(o->port, 0);
  assert_string_equal(o->listen, "::1");
  assert_string_equal(o->dsn, "");
}

static void all_of_the_terminal(void **state) {
  (void)state;
  const pgr_demo_options *o = MUST_PARSE("--terminal", "--pace", "400ms", "--order", "AB", "--strategy", "naive");
  assert_true(o->terminal && o->pace_given);
  assert_int_equal(o->pace_ns, 400 * PGR_NS_PER_MS);
  assert_string_equal(o->order, "AB");
  assert_true(MUST_PARSE("--terminal", "--pace", "0")->pace_given);
}

static void addresses(void **state) {
  (void)state;
  assert_string_equal(MUST_PARSE("--listen", "0.0.0.0")->listen, "0.0.0.0");
  assert_string_equal(MUST_PARSE("--listen", "fe80::1")->listen, "fe80::1");
  MUST_FAIL("--listen: 'localhost' is no numeric address, write it like 127.0.0.1, ::1 or 0.0.0.0 (any)", "--listen",
            "localhost");
  MUST_FAIL("--listen: '127.0.0.1:80' is no numeric address, write it like 127.0.0.1, ::1 or 0.0.0.0 (any)",
            "--listen=127.0.0.1:80");
  MUST_FAIL("--listen: '' is no numeric address, write it like 127.0.0.1, ::1 or 0.0.0.0 (any)", "--listen", "");
}

static void ports(void **state) {
  (void)state;
  assert_int_equal(MUST_PARSE("--port", "65535")->port, 65535);
  assert_int_equal(PARSE("--port", "65536")->code, PGR_EUSAGE);
  assert_non_null(strstr(PARSE("--port", "65536")->err.msg, "--port"));
  assert_int_equal(PARSE("--port", "-1")->code, PGR_EUSAGE);
  assert_int_equal(PARSE("--port", "http")->code, PGR_EUSAGE);
}

static void orders(void **state) {
  (void)state;
  char steps[PGR_DEMO_ORDER_MAX + 2];
  memset(steps, 'A', sizeof steps);
  steps[PGR_DEMO_ORDER_MAX] = '\0';
  assert_string_equal(MUST_PARSE("--order", steps)->order, steps);
  steps[PGR_DEMO_ORDER_MAX] = 'B';
  steps[PGR_DEMO_ORDER_MAX + 1] = '\0';
  MUST_FAIL("--order: 65 steps, at most 64 are played", "--order", steps);
  MUST_FAIL("--order: 'ABC' holds more than A and B, write who goes next, like ABBA", "--order", "ABC");
  MUST_FAIL("--order: 'abba' holds more than A and B, write who goes next, like ABBA", "--order", "abba");
  MUST_FAIL("--order: say who goes, like ABBA", "--order", "");
}

static void gaps(void **state) {
  (void)state;
  assert_int_equal(MUST_PARSE("--gap", "5s")->gap_ns, 5 * PGR_NS_PER_S);
  MUST_FAIL("--gap: nobody waits longer than 5s here, give 0 to 5s", "--gap", "5001ms");
  assert_int_equal(PARSE("--gap", "2")->code, PGR_EUSAGE);
}

static void what_excludes_what(void **state) {
  (void)state;
  MUST_FAIL("--pace is for --terminal; in the browser --step lets you set the pace", "--pace", "1s");
  MUST_FAIL("--open is for the browser, --terminal opens no page: leave one out", "--terminal", "--open");
  MUST_FAIL("--port is for the browser, --terminal opens no page: leave one out", "--port", "0", "--terminal");
  MUST_FAIL("--listen is for the browser, --terminal opens no page: leave one out", "--terminal", "--listen", "::1");
  MUST_FAIL("--step is for the browser; in the terminal say the steps with --order ABBA", "--terminal", "--step");
}

static void what_is_unknown(void **state) {
  (void)state;
  MUST_FAIL("unknown option '--strategies', did you mean --strategy?", "--strategies", "naive");
  MUST_FAIL("unexpected argument 'claim'; see --help", "claim");
  MUST_FAIL("option '--order' needs a value; see --help", "--order");
}

/* Also beside what is wrong. */
static void help_is_asked_for(void **state) {
  (void)state;
  assert_true(PARSE("--help")->help);
  assert_true(PARSE("--pace", "1s", "-h")->help);
  assert_int_equal(PARSE("--pace", "1s", "-h")->code, PGR_OK);
}

/* As a terminal has it: 24 lines were not enough for all of it, a window of today is taller; 88 columns as the others'
 * help. Each option is in it. */
static void help_fits_a_screen(void **state) {
  (void)state;
  char text[8192] = "";
  fflush(stdout);
  int kept = dup(STDOUT_FILENO), ends[2];
  assert_int_equal(pipe(ends), 0);
  dup2(ends[1], STDOUT_FILENO);
  pgr_demo_help();
  fflush(stdout);
  dup2(kept, STDOUT_FILENO);
  close(kept);
  close(ends[1]);
  size_t len = 0;
  for (ssize_t n; (n = read(ends[0], text + len, sizeof text - 1 - len)) > 0;)
    len += (size_t)n;
  close(ends[0]);
  static const char *const options[] = {"--strategy", "--gap",    "--step",     "--order", "--open",
                                        "--port",     "--listen", "--terminal", "--pace",  "--dsn"};
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    assert_non_null(strstr(text, options[i]));
  int lines = 0;
  for (const char *line = text; *line; lines++) {
    size_t length = strcspn(line, "\n"), columns = 0;
    for (size_t i = 0; i < length; i++)
      columns += ((unsigned char)line[i] & 0xc0U) != 0x80;
    assert_in_range(columns, 0, 88);
    line += length + (line[length] == '\n');
  }
  assert_in_range(lines, 10, 40);
  assert_non_null(strstr(text, "Examples"));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(defaults),
                                     cmocka_unit_test(the_terminal_has_no_gap_of_its_own),
                                     cmocka_unit_test(all_of_the_page),
                                     cmocka_unit_test(all_of_the_terminal),
                                     cmocka_unit_test(addresses),
                                     cmocka_unit_test(ports),
                                     cmocka_unit_test(orders),
                                     cmocka_unit_test(gaps),
                                     cmocka_unit_test(what_excludes_what),
                                     cmocka_unit_test(what_is_unknown),
                                     cmocka_unit_test(help_is_asked_for),
                                     cmocka_unit_test(help_fits_a_screen)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
