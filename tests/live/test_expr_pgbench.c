/* Our evaluator beside pgbench 15's own: the same expressions, the same variables, the same random seed. A value must
 * agree in type and text, an error must be one there too; what pgbench leaves undefined is left out and counted. */
#include "pgr_test.h"

#include "expr_generator.h"
#include "pgr_expr.h"
#include "pgr_server.h"
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  EXPRESSIONS = 4000,
  A_SCRIPT = 250, /* expressions that have a value: so many in one run of pgbench */
  A_CROWD = 30,   /* those that fail: one client each */
  CROWDS = 8,
  REFUSED = 150, /* those that do not parse: one run each */
  PATIENCE_S = 20
};

static char pgbench[PATH_MAX + 16];
static pgr_server *server;

/* --- pgbench --- */

typedef struct run {
  int status;   /* exit status, -1 when it was killed */
  char *output; /* standard error */
} run;

static void start_pgbench(const char *const *options, FILE *script, FILE *output) {
  char port[16], definitions[sizeof generator_variables / sizeof *generator_variables][64];
  const char *argv[64] = {pgbench, "-n", "-t", "1", "-f", "-", "-h", pgr_server_socket_dir(server), "-p", port};
  int argc = 10;
  snprintf(port, sizeof port, "%d", pgr_server_port(server));
  for (size_t i = 0; i < sizeof generator_variables / sizeof *generator_variables; i++) {
    snprintf(definitions[i], sizeof definitions[i], "%s=%s", generator_variables[i][0], generator_variables[i][1]);
    argv[argc++] = "-D";
    argv[argc++] = definitions[i];
  }
  for (; *options; options++)
    argv[argc++] = *options;
  argv[argc++] = "-U";
  argv[argc++] = pgr_server_user(server);
  argv[argc++] = "postgres";
  dup2(fileno(script), STDIN_FILENO);
  dup2(fileno(output), STDERR_FILENO);
  if (!freopen("/dev/null", "w", stdout)) _exit(126);
  alarm(PATIENCE_S); /* outlives exec */
  execv(pgbench, (char *const *)argv);
  _exit(127);
}

static char *contents(FILE *file) {
  long size = (fseek(file, 0, SEEK_END), ftell(file));
  char *text = calloc(1, (size_t)size + 1);
  assert_non_null(text);
  rewind(file);
  assert_int_equal(fread(text, 1, (size_t)size, file), (size_t)size);
  return text;
}

static run run_pgbench(const char *const *options, const char *script) {
  FILE *in = tmpfile(), *out = tmpfile();
  assert_true(in && out);
  fputs(script, in);
  fflush(in);
  rewind(in);
  pid_t pid = fork();
  if (pid == 0) start_pgbench(options, in, out);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  run r = {.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1, .output = contents(out)};
  fclose(in);
  fclose(out);
  return r;
}

/* --- Ours --- */

typedef struct ours {
  pgr_arena arena;
  pgr_names names;
  pgr_vars vars;
  pgr_prng random;
  pgr_faults faults;
} ours;

/* As a pgbench of so many clients sets out from a seed: a generator a client, then the seed of the hash functions. */
static void set_out(ours *o, uint64_t seed, int clients, int client) {
  pgr_prng base;
  pgr_prng_seed(&base, seed);
  for (int i = 0; i < clients; i++) {
    uint64_t s = pgr_prng_next(&base);
    if (i == client) pgr_prng_seed(&o->random, s);
  }
  pgr_vars_clear(&o->vars, 0);
  for (size_t i = 0; i < sizeof generator_variables / sizeof *generator_variables; i++) {
    const char *name = generator_variables[i][0];
    assert_int_equal(
        pgr_vars_set_text(&o->vars, pgr_names_intern(&o->names, name, strlen(name)), generator_variables[i][1]),
        PGR_OK);
  }
  pgr_vars_set_int(&o->vars, PGR_SLOT_DEFAULT_SEED, (int64_t)pgr_prng_next(&base));
}

static void ours_init(ours *o) {
  *o = (ours){0};
  assert_int_equal(pgr_names_init(&o->names, &o->arena), PGR_OK);
  assert_int_equal(pgr_vars_init(&o->vars, PGR_NAMES_MAX), PGR_OK);
  set_out(o, 1, 1, 0);
}

static void ours_deinit(ours *o) {
  pgr_faults_deinit(&o->faults);
  pgr_vars_deinit(&o->vars);
  pgr_names_deinit(&o->names);
  pgr_arena_deinit(&o->arena);
}

typedef enum verdict { VALUE, FAILS, REFUSES } verdict;

/* text: the value as debug() writes it, or what is wrong. */
static void describe(pgr_value v, char text[700]) {
  static const char *const types[] = {"null", "boolean ", "int ", "double "};
  char value[PGR_VALUE_BYTES];
  snprintf(text, 700, "%s%s", types[v.type], v.type == PGR_TYPE_NULL ? "" : pgr_value_text(v, value));
}

static verdict evaluate(ours *o, const char *expression, char text[700]) {
  pgr_source source = {.name = "stdin", .text = expression, .len_bytes = strlen(expression)};
  pgr_scope scope = {.names = &o->names, .vars = &o->vars, .random = &o->random};
  const pgr_expr *e = NULL;
  pgr_value v;
  pgr_err err;
  pgr_faults_deinit(&o->faults);
  if (!pgr_expr_parse(&source, 0, source.len_bytes, &o->names, &o->arena, &o->faults, &e)) {
    snprintf(text, 700, "%s", o->faults.kept[0].text);
    return REFUSES;
  }
  if (pgr_expr_eval(e, &scope, &v, &err)) {
    snprintf(text, 700, "%s", err.msg);
    return FAILS;
  }
  describe(v, text);
  return VALUE;
}

/* --- The comparisons --- */

typedef struct sample {
  char *expression;
  verdict verdict;
} sample;

static sample samples[EXPRESSIONS];

/* C leaves these to the processor and so does pgbench; ours refuses them. */
static bool is_undefined_there(const char *message) {
  return strstr(message, "(not NaN)") || strstr(message, "(not Infinity)");
}

static bool takes_a_boolean_as_bits(const char *expression, const char *message) {
  return strcasestr(expression, "abs") && strstr(message, "cannot coerce boolean to double");
}

static uint64_t test_seed(void) {
  const char *given = getenv("PGR_EXPR_SEED");
  return given ? strtoull(given, NULL, 10) : 15;
}

static int set_up(void **state) {
  (void)state;
  int counts[3] = {0};
  generator g = {0};
  ours o;
  char text[700], expression[EXPR_BYTES];
  pgr_prng_seed(&g.random, test_seed());
  ours_init(&o);
  for (int i = 0; i < EXPRESSIONS; i++) {
    generate(&g, expression);
    samples[i] = (sample){.expression = strdup(expression), .verdict = evaluate(&o, expression, text)};
    assert_non_null(samples[i].expression);
    counts[samples[i].verdict]++;
  }
  ours_deinit(&o);
  print_message("%d expressions from seed %" PRIu64 ": %d have a value, %d fail, %d do not parse\n", EXPRESSIONS,
                test_seed(), counts[VALUE], counts[FAILS], counts[REFUSES]);
  pgr_err err;
  if (pgr_server_start(&(pgr_server_options){.max_connections = A_CROWD + 10}, &server, &err) == PGR_OK) return 0;
  fprintf(stderr, "%s\n", err.msg);
  return -1;
}

static int tear_down(void **state) {
  (void)state;
  for (int i = 0; i < EXPRESSIONS; i++)
    free(samples[i].expression);
  pgr_server_stop(server);
  return 0;
}

/* What debug() wrote, one line after the other; NULL at the end. */
static char *next_debug(char **at) {
  for (char *line; (line = strsep(at, "\n"));)
    if (strncmp(line, "debug(", 6) == 0 && strstr(line, "): ")) return strstr(line, "): ") + 3;
  return NULL;
}

/* debug() within the expression writes as well: the result is what comes after a mark. */
static char *next_result(char **at) {
  for (char *line; (line = next_debug(at));)
    if (strcmp(line, "int 424242424242") == 0) return next_debug(at);
  return NULL;
}

static int compare_script(ours *o, const char *const *batch, int count, uint64_t seed) {
  pgr_buf script;
  char option[64], text[700];
  pgr_buf_init(&script, 0);
  for (int i = 0; i < count; i++)
    pgr_buf_addf(&script, "\\set v %s\n\\set m debug(424242424242)\n\\set w debug(:v)\n", batch[i]);
  snprintf(option, sizeof option, "--random-seed=%" PRIu64, seed);
  run r = run_pgbench((const char *const[]){option, NULL}, pgr_buf_text(&script));
  char *at = r.output;
  char tail[400];
  snprintf(tail, sizeof tail, "%s", strlen(at) > 390 ? at + strlen(at) - 390 : at);
  set_out(o, seed, 1, 0);
  for (int i = 0; i < count; i++) {
    const char *theirs = next_result(&at);
    /* Drawing again, from that state, it may fail where it did not before; so it must there. */
    if (evaluate(o, batch[i], text) != VALUE) {
      if (theirs) fail_msg("%s\nours: %s\npgbench: %s", batch[i], text, theirs);
      assert_int_equal(r.status, 2);
      pgr_buf_deinit(&script);
      free(r.output);
      return i + 1;
    }
    if (!theirs) fail_msg("%s\nours: %s\npgbench (exit status %d): %s", batch[i], text, r.status, tail);
    if (strcmp(theirs, text) != 0) fail_msg("%s\nours: %s\npgbench: %s", batch[i], text, theirs);
  }
  assert_int_equal(r.status, 0);
  pgr_buf_deinit(&script);
  free(r.output);
  return count;
}

static void values_agree(void **state) {
  (void)state;
  const char *batch[A_SCRIPT];
  int compared = 0, count = 0;
  ours o;
  ours_init(&o);
  for (int i = 0; i <= EXPRESSIONS; i++) {
    if (count == A_SCRIPT || i == EXPRESSIONS) {
      for (int done = 0; done < count;)
        done += compare_script(&o, batch + done, count - done, 1000 + (uint64_t)i);
      compared += count;
      count = 0;
    }
    if (i < EXPRESSIONS && samples[i].verdict == VALUE) batch[count++] = samples[i].expression;
  }
  ours_deinit(&o);
  print_message("%d values compared\n", compared);
  assert_true(compared >= 500);
}

/* Of a client that gave up: the message before it says so. */
static bool find_complaint(const char *output, int client, char message[700]) {
  char mark[64];
  snprintf(mark, sizeof mark, "client %d aborted", client);
  const char *abort = strstr(output, mark);
  while (abort && abort > output && abort[-1] != '\n')
    abort--;
  if (!abort) return false;
  const char *line = abort > output ? abort - 1 : abort;
  while (line > output && line[-1] != '\n')
    line--;
  snprintf(message, 700, "%.*s", (int)strcspn(line, "\n"), line);
  return true;
}

static void check_failure(ours *o, const char *expression, int clients, int client, uint64_t seed, const char *output) {
  static const char prefix[] = "pgbench: error: ";
  char text[700], theirs[700];
  set_out(o, seed, clients, client);
  verdict v = evaluate(o, expression, text);
  if (!find_complaint(output, client, theirs)) {
    if (v == FAILS) fail_msg("%s\nours: %s\npgbench has a value", expression, text);
    return; /* of another draw it has a value, here and there */
  }
  if (v != FAILS) fail_msg("%s\nours: %s\npgbench: %s", expression, text, theirs);
  /* Our message may say more. */
  if (strncmp(theirs, prefix, strlen(prefix)) != 0) fail_msg("%s\n%s", expression, theirs);
  if (!strstr(text, theirs + strlen(prefix))) fail_msg("%s\nours: %s\npgbench: %s", expression, text, theirs);
}

static void compare_crowd(ours *o, const char *const *batch, int count, uint64_t seed) {
  pgr_buf script;
  char option[64], clients[16];
  pgr_buf_init(&script, 0);
  for (int i = 0; i < count; i++)
    pgr_buf_addf(&script, "\\%s :client_id = %d\n\\set v %s\n", i ? "elif" : "if", i, batch[i]);
  pgr_buf_adds(&script, "\\endif\n");
  snprintf(option, sizeof option, "--random-seed=%" PRIu64, seed);
  snprintf(clients, sizeof clients, "%d", count);
  run r = run_pgbench((const char *const[]){option, "-c", clients, NULL}, pgr_buf_text(&script));
  if (r.status != 2) fail_msg("pgbench (exit status %d): %.500s", r.status, r.output);
  for (int i = 0; i < count; i++)
    check_failure(o, batch[i], count, i, seed, r.output);
  pgr_buf_deinit(&script);
  free(r.output);
}

static void failures_agree(void **state) {
  (void)state;
  const char *batch[A_CROWD];
  int compared = 0, count = 0, left_out = 0;
  char text[700];
  ours o;
  ours_init(&o);
  for (int i = 0; i < EXPRESSIONS && compared < A_CROWD * CROWDS; i++) {
    if (samples[i].verdict != FAILS) continue;
    evaluate(&o, samples[i].expression, text);
    if (is_undefined_there(text) || takes_a_boolean_as_bits(samples[i].expression, text)) {
      left_out++;
      continue;
    }
    batch[count++] = samples[i].expression;
    if (count < A_CROWD) continue;
    compare_crowd(&o, batch, count, 2000 + (uint64_t)i);
    compared += count;
    count = 0;
  }
  ours_deinit(&o);
  print_message("%d failures compared, %d left out as undefined\n", compared, left_out);
  assert_true(compared >= 60);
}

/* A syntax error is met before pgbench connects; it names the command. */
static void must_refuse(const char *expression, const char *ours_says, char theirs[700]) {
  pgr_buf script;
  pgr_buf_init(&script, 0);
  pgr_buf_addf(&script, "\\set v %s\n", expression);
  run r = run_pgbench((const char *const[]){"-h", "/nonexistent", NULL}, pgr_buf_text(&script));
  if (r.status != 1 || !strstr(r.output, "in command \"set\""))
    fail_msg("%s\nours: %s\npgbench (exit status %d): %.500s", expression, ours_says, r.status, r.output);
  snprintf(theirs, 700, "%s", r.output);
  pgr_buf_deinit(&script);
  free(r.output);
}

static void refusals_agree(void **state) {
  (void)state;
  int compared = 0;
  char text[700], theirs[700];
  ours o;
  ours_init(&o);
  for (int i = 0; i < EXPRESSIONS && compared < REFUSED; i++) {
    if (samples[i].verdict != REFUSES) continue;
    evaluate(&o, samples[i].expression, text);
    must_refuse(samples[i].expression, text, theirs);
    compared++;
  }
  ours_deinit(&o);
  print_message("%d refusals compared\n", compared);
  assert_true(compared >= 60);
}

/* What a generator finds by luck only. theirs: a part of pgbench's message. */
static void traps_are_refused_alike(void **state) {
  (void)state;
  static const struct {
    const char *expression, *ours, *theirs;
  } traps[] = {{"", "expected a value", "syntax error"},
               {"1 < 2 < 3", "comparisons do not chain", "syntax error"},
               {"1 = 2 <> 3", "comparisons do not chain", "syntax error"},
               {"5 -9223372036854775808", "expected a value", "syntax error"},
               {"+9223372036854775808", "expected a value", "syntax error"},
               {"-09223372036854775808", "bigint constant overflow", "bigint constant overflow"},
               {"1e999", "double constant overflow", "double constant overflow"},
               {"1e-320", "double constant overflow", "double constant overflow"},
               {"foo", "unknown function 'foo'", "unexpected function name (foo)"},
               {"abs()", "abs() takes 1 argument, not 0", "unexpected number of arguments (abs)"},
               {"hash(1,2,3)", "hash() takes 1 or 2 arguments, not 3", "unexpected number of arguments (hash)"},
               {"permute(1)", "permute() takes 2 or 3 arguments", "unexpected number of arguments (permute)"},
               {"least()", "least() takes at least 1 argument", "at least one argument expected (least)"},
               {"abs(1,)", "expected a value", "syntax error"},
               {"case 1 when 2 then 3 end", "expected WHEN", "syntax error"},
               {"case when 1 then 2", "expected an operator, WHEN, ELSE or END", "syntax error"},
               {"case else 1 end", "expected WHEN", "syntax error"},
               {"1;", "unexpected character ';'", "unexpected character (;)"},
               {"'text'", "unexpected character", "unexpected character"},
               {":: i", "unexpected character ':'", "unexpected character (:)"},
               {"1 is 2", "expected NULL, TRUE, FALSE or NOT", "syntax error"},
               {"1 isnull 2", "expected an operator", "syntax error"},
               {"is null", "expected a value", "syntax error"},
               {"1 not = 2", "expected an operator", "syntax error"},
               {"0x10", "expected an operator", "syntax error"},
               {"1..5", "expected an operator", "syntax error"},
               {"1 \\ 2", "unexpected character '\\'", "unexpected character (\\)"},
               {"(1", "expected an operator or ')'", "syntax error"},
               {"true(1)", "expected an operator", "syntax error"}};
  char text[700], theirs[700];
  ours o;
  ours_init(&o);
  for (size_t i = 0; i < sizeof traps / sizeof *traps; i++) {
    assert_int_equal(evaluate(&o, traps[i].expression, text), REFUSES);
    must_refuse(traps[i].expression, text, theirs);
    if (!strstr(text, traps[i].ours)) fail_msg("%s\nours: %s", traps[i].expression, text);
    if (!strstr(theirs, traps[i].theirs)) fail_msg("%s\npgbench: %s", traps[i].expression, theirs);
  }
  ours_deinit(&o);
}

static void traps_have_the_same_value(void **state) {
  (void)state;
  static const char *const traps[] = {"abs(,-1)",
                                      "least(,1,2)",
                                      "~1+1",
                                      "2*~1+1",
                                      "1 < not null < 3",
                                      "not 1 = 2",
                                      "not 1 is null",
                                      "1 < 2 is null = null",
                                      "null and false",
                                      "null or true",
                                      "0 is false",
                                      "1.0 is true",
                                      "7 % 2.6",
                                      "-7 % 3",
                                      "7 % -3",
                                      "1.0 / 0",
                                      "-1.0 / 0",
                                      "0.0 / 0",
                                      "abs(-9223372036854775808)",
                                      "-9223372036854775808 % -1",
                                      "int(2.5)",
                                      "int(3.5)",
                                      "1 << 64",
                                      "1 << -1",
                                      "-1 >> 70",
                                      "-0.0",
                                      "0 * -1.0",
                                      "1 + \\\r\n 2",
                                      "1 + \\\n 2",
                                      "2#3&1",
                                      "1|2#3",
                                      "- 9223372036854775808",
                                      "case when null then 1 end",
                                      "1 isnull is not null",
                                      "greatest(1, 0.0/0, 2)",
                                      "least(0.0/0, 1)",
                                      "hash(10, 5432)",
                                      "hash_fnv1a(10, 5432)",
                                      "hash(:n)",
                                      "hash(1)",
                                      "hash_fnv1a(1)",
                                      "permute(3, 10)",
                                      "permute(3, 9223372036854775807, -1)",
                                      "permute(-7, 1000, 2)",
                                      "random(-9223372036854775808, -2)",
                                      "random(null, 5)",
                                      "pow(-8, 1.0 / 3)",
                                      "ln(-1)",
                                      "exp(1000)",
                                      "pi()",
                                      ":hex"};
  const int count = sizeof traps / sizeof *traps;
  ours o;
  ours_init(&o);
  assert_int_equal(compare_script(&o, traps, count, 77), count);
  ours_deinit(&o);
}

/* Every random function, permute() and the hashes, drawn in turn from one state. */
static void draws_are_bit_for_bit(void **state) {
  (void)state;
  static const char *const draws[] = {"random(1, 6)",
                                      "random(-9223372036854775807, -2)",
                                      "random(0, 9223372036854775806)",
                                      "random(-5, 4.6)",
                                      "random_gaussian(1, 1000000000000, 2.0)",
                                      "random_gaussian(-100, 100, 7.5)",
                                      "random_gaussian(-1, 9007199254740992000, 3)",
                                      "random_exponential(0, 9223372036854775806, 0.01)",
                                      "random_exponential(-100, 100, 12)",
                                      "random_zipfian(1, 1000000000000, 1.001)",
                                      "random_zipfian(1, 1000, 1.9)",
                                      "random_zipfian(-5, 5, 1000)",
                                      "permute(random(0, 999), 1000)",
                                      "permute(random(0, 4611686018427387903), 4611686018427387904, random(1, 1000))",
                                      "permute(random(0, 2), 3, random(1, 1000))",
                                      "hash(random(-1000, 1000))",
                                      "hash_fnv1a(random(-1000, 1000), random(0, 9))",
                                      "random(1, 10) > random(1, 10)",
                                      "random_gaussian(random(1, 5), 5 + random(1, 5), 2 + random(0, 3) / 2.0)"};
  static const uint64_t seeds[] = {0, 1, 5432, UINT64_MAX};
  enum { KINDS = sizeof draws / sizeof *draws, TIMES = 40 };
  const char *batch[KINDS * TIMES];
  int compared = 0;
  ours o;
  ours_init(&o);
  for (int i = 0; i < KINDS * TIMES; i++)
    batch[i] = draws[i % KINDS];
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++)
    compared += compare_script(&o, batch, KINDS * TIMES, seeds[i]);
  ours_deinit(&o);
  print_message("%d draws compared\n", compared);
  assert_int_equal(compared, KINDS * TIMES * 4);
}

/* A later pgbench may differ on purpose. */
static bool is_pgbench_15(const char *path) {
  char command[PATH_MAX + 32], version[128] = "";
  snprintf(command, sizeof command, "'%s' --version 2>/dev/null", path);
  FILE *p = access(path, X_OK) == 0 ? popen(command, "r") : NULL;
  if (!p) return false;
  bool read = fgets(version, sizeof version, p) != NULL;
  pclose(p);
  return read && strstr(version, "(PostgreSQL) 15.");
}

static bool find_pgbench(void) {
  char bindir[PATH_MAX];
  if (pgr_server_find(bindir, sizeof bindir, NULL) == PGR_OK) {
    snprintf(pgbench, sizeof pgbench, "%s/pgbench", bindir);
    if (is_pgbench_15(pgbench)) return true;
  }
  snprintf(pgbench, sizeof pgbench, "/usr/lib/postgresql/15/bin/pgbench");
  return is_pgbench_15(pgbench);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(values_agree),
                                     cmocka_unit_test(failures_agree),
                                     cmocka_unit_test(refusals_agree),
                                     cmocka_unit_test(traps_are_refused_alike),
                                     cmocka_unit_test(traps_have_the_same_value),
                                     cmocka_unit_test(draws_are_bit_for_bit)};
  setenv("LC_ALL", "C", 1); /* messages are compared */
  unsetenv("LANGUAGE");
  if (!find_pgbench()) {
    printf("skipped: no pgbench of PostgreSQL 15 beside the server's programs\n");
    return 77;
  }
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
