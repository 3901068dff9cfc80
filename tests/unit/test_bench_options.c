/* pgrace bench's command line: values and defaults, habits of pgbench, what excludes what, and the help. */
#include "pgr_test.h"

#include "bench_options.h"
#include "pgr_clock.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct parsed {
  pgr_bench_options o;
  bool help;
  pgr_code code; /* of parsing, else of checking */
  pgr_err err;
} parsed;

static const parsed *parse(int argc, const char **argv) {
  static parsed p;
  p = (parsed){0};
  p.code = pgr_bench_options_parse(&p.o, argc, (char **)(uintptr_t)argv, &p.help, &p.err);
  if (!p.code && !p.help) p.code = pgr_bench_options_check(&p.o, &p.err);
  return &p;
}

#define PARSE(...)                                                                                                     \
  parse((int)(sizeof((const char *[]){"bench", __VA_ARGS__}) / sizeof(char *)),                                        \
        (const char *[]){"bench", __VA_ARGS__, NULL})

static const parsed *must_parse(const parsed *p) {
  assert_string_equal(p->err.msg, "");
  assert_int_equal(p->code, PGR_OK);
  assert_false(p->help);
  return p;
}

#define MUST_PARSE(...) (&must_parse(PARSE(__VA_ARGS__))->o)

static void defaults(void **state) {
  (void)state;
  const pgr_bench_options *o = &must_parse(parse(1, (const char *[]){"bench", NULL}))->o;
  assert_null(o->scenario);
  assert_int_equal(o->script_count + o->schema.count + o->defines.count + o->thresholds.count, 0);
  assert_true(!o->strategies && !o->isolation && !o->protocol && !o->dsn && !o->out && !o->baseline);
  assert_int_equal(o->client_count, 1);
  assert_int_equal(o->clients[0], 16);
  assert_int_equal(o->connections, 0);
  assert_int_equal(o->threads, 1);
  assert_int_equal(o->duration_ns, 3 * PGR_NS_PER_S);
  assert_int_equal(o->warmup_ns, 500 * PGR_NS_PER_MS);
  assert_int_equal(o->repetitions, 6);
  assert_int_equal(o->transactions + o->hold_ns + o->gap_ns + o->max_lag_ns + o->max_tries + o->progress_ns, 0);
  assert_false(o->open);
  assert_true(o->poisson);
  assert_int_equal(o->keys.count, 0);
  assert_int_equal(o->keys.spread, PGR_SPREAD_UNIFORM);
  assert_false(o->spread_given || o->count_given || o->seed_given || o->floor_given);
  assert_true(o->verify && o->sample);
  assert_false(o->durable || o->quiet || o->allow_shell || o->use_database || o->compare_anyway);
  assert_string_equal(o->format, "text");
  assert_true(o->floor > 0.0499 && o->floor < 0.0501);
  assert_int_equal(o->floor_ns, 100 * PGR_NS_PER_US);
}

static void a_scenario(void **state) {
  (void)state;
  const pgr_bench_options *o = MUST_PARSE(
      "claim", "--strategy", "all", "--isolation", "serializable", "-M", "extended", "-D", "a=1", "--define", "b=2",
      "--clients", "1,8,64", "--connections", "32", "-j", "4", "-T", "10", "--warmup", "1", "--repetitions", "20", "-R",
      "100..2000", "--arrivals", "constant", "--max-lag", "50ms", "--keys", "1,000", "--spread", "hot:10:90%", "--hold",
      "2ms", "--gap", "1ms", "--max-tries", "30", "--no-verify", "--no-sample", "--threshold", "tps > 5", "--threshold",
      "claim.ok.p99 < 5ms", "--baseline", "old.json", "--compare-anyway", "--floor", "3%", "--floor-time", "1ms",
      "--seed", "7", "--dsn", "", "--allow-shell", "--format", "json", "--out", "dir", "-P", "5", "-q");
  assert_string_equal(o->scenario, "claim");
  assert_string_equal(o->strategies, "all");
  assert_string_equal(o->isolation, "serializable");
  assert_string_equal(o->protocol, "extended");
  assert_int_equal(o->defines.count, 2);
  assert_string_equal(o->defines.items[1], "b=2");
  assert_int_equal(o->client_count, 3);
  assert_int_equal(o->clients[0], 1);
  assert_int_equal(o->clients[2], 64);
  assert_int_equal(o->connections, 32);
  assert_int_equal(o->threads, 4);
  assert_int_equal(o->duration_ns, 10 * PGR_NS_PER_S);
  assert_int_equal(o->warmup_ns, PGR_NS_PER_S);
  assert_int_equal(o->repetitions, 20);
  assert_true(o->open && !o->poisson);
  assert_true(o->rate.from > 99.9 && o->rate.from < 100.1 && o->rate.to > 1999.9 && o->rate.to < 2000.1);
  assert_int_equal(o->max_lag_ns, 50 * PGR_NS_PER_MS);
  assert_int_equal(o->keys.count, 1000);
  assert_int_equal(o->keys.spread, PGR_SPREAD_HOT);
  assert_int_equal(o->keys.hot, 10);
  assert_true(o->keys.share > 0.899 && o->keys.share < 0.901);
  assert_true(o->count_given && o->spread_given);
  assert_int_equal(o->hold_ns, 2 * PGR_NS_PER_MS);
  assert_int_equal(o->gap_ns, PGR_NS_PER_MS);
  assert_int_equal(o->max_tries, 30);
  assert_false(o->verify || o->sample);
  assert_int_equal(o->thresholds.count, 2);
  assert_string_equal(o->thresholds.items[0], "tps > 5");
  assert_string_equal(o->baseline, "old.json");
  assert_true(o->compare_anyway && o->floor_given && o->floor > 0.0299 && o->floor < 0.0301);
  assert_int_equal(o->floor_ns, PGR_NS_PER_MS);
  assert_true(o->seed_given && o->seed == 7);
  assert_string_equal(o->dsn, "");
  assert_true(o->allow_shell && o->quiet);
  assert_string_equal(o->format, "json");
  assert_string_equal(o->out, "dir");
  assert_int_equal(o->progress_ns, 5 * PGR_NS_PER_S);
}

static void scripts_and_their_weights(void **state) {
  (void)state;
  const pgr_bench_options *o = MUST_PARSE("-f", "a.sql", "-fb.sql@3", "--script", "at@home/c.sql", "--script=d@e@20",
                                          "--schema", "x.sql", "--schema", "y.sql", "--durable");
  static const struct {
    const char *path;
    int weight;
  } expected[] = {{"a.sql", 1}, {"b.sql", 3}, {"at@home/c.sql", 1}, {"d@e", 20}};
  assert_int_equal(o->script_count, 4);
  for (int i = 0; i < 4; i++) {
    assert_string_equal(o->scripts[i], expected[i].path);
    assert_int_equal(o->weights[i], expected[i].weight);
  }
  assert_int_equal(o->schema.count, 2);
  assert_string_equal(o->schema.items[1], "y.sql");
  assert_true(o->durable);
  assert_true(MUST_PARSE("-f", "a.sql", "--dsn", "host=h", "--use-database")->use_database);
}

static void a_path_has_an_end(void **state) {
  (void)state;
  char path[513];
  memset(path, 'x', sizeof path);
  path[511] = '\0';
  assert_string_equal(MUST_PARSE("-f", path)->scripts[0], path);
  path[511] = 'x';
  path[512] = '\0';
  assert_string_equal(PARSE("-f", path)->err.msg,
                      "--script: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…: a path has at "
                      "most 511 bytes");
  assert_int_equal(MUST_PARSE("-fa", "-fa", "-fa", "-fa", "-fa", "-fa", "-fa", "-fa")->script_count, 8);
  assert_string_equal(PARSE("-fa", "-fa", "-fa", "-fa", "-fa", "-fa", "-fa", "-fa", "-fa")->err.msg,
                      "--script: at most 8 of them");
}

/* pgbench's way: -c -j -T -t -R -P -D -M -f mean what they mean there. */
static void as_pgbench(void **state) {
  (void)state;
  const pgr_bench_options *o = MUST_PARSE("-c", "32", "-j", "2", "-t", "100", "-M", "prepared", "-f", "a.sql", "-P1");
  assert_int_equal(o->clients[0], 32);
  assert_int_equal(o->transactions, 100);
  assert_int_equal(o->progress_ns, PGR_NS_PER_S);
  assert_int_equal(MUST_PARSE("-T", "1.5")->duration_ns, 1500 * PGR_NS_PER_MS);
  assert_int_equal(MUST_PARSE("-T", "250ms")->duration_ns, 250 * PGR_NS_PER_MS);
  assert_int_equal(MUST_PARSE("--client", "3", "--protocol", "simple")->clients[0],
                   3); /* as every unambiguous prefix */
  assert_int_equal(MUST_PARSE("--agents", "5,6")->clients[1], 6);
}

static void defaults_that_depend(void **state) {
  (void)state;
  const pgr_bench_options *o = MUST_PARSE("-t", "10");
  assert_int_equal(o->duration_ns, 0);
  assert_int_equal(o->warmup_ns, 0);
  assert_int_equal(MUST_PARSE("-t", "10", "--warmup", "0")->warmup_ns, 0);
  assert_int_equal(MUST_PARSE("-T", "10", "--warmup", "0")->warmup_ns, 0);
  assert_int_equal(MUST_PARSE("-T", "10")->warmup_ns, 500 * PGR_NS_PER_MS);
  assert_int_equal(MUST_PARSE("-f", "a.sql")->repetitions, 1);
  assert_int_equal(MUST_PARSE("-f", "a.sql", "--repetitions", "3")->repetitions, 3);
  assert_int_equal(MUST_PARSE("--baseline", "x")->repetitions, 10);
  assert_int_equal(MUST_PARSE("--baseline", "x", "-f", "a.sql")->repetitions, 10);
  assert_int_equal(MUST_PARSE("--baseline", "x", "--repetitions", "12")->repetitions, 12);
  o = MUST_PARSE("-R", "250.5");
  assert_true(o->open && o->poisson && o->rate.from > 250.4 && o->rate.from < 250.6);
  assert_int_equal(MUST_PARSE("--spread", "once:8")->keys.each, 8);
  assert_true(MUST_PARSE("--baseline", "x", "--floor-time", "1us")->floor_given);
}

static void habits_of_pgbench(void **state) {
  (void)state;
  static const struct {
    const char *option, *msg;
  } table[] = {
      {"-n", "there is no option '-n': leave it out, nothing is vacuumed here"},
      {"--no-vacuum", "there is no option '--no-vacuum': leave it out, nothing is vacuumed here"},
      {"-v", "there is no option '-v': nothing is vacuumed here"},
      {"-r", "there is no option '-r': leave it out, the result always has the latency of every statement"},
      {"-S", "there is no option '-S': pgbench's built-in scripts are not here, give yours with -f FILE"},
      {"-N", "there is no option '-N': pgbench's built-in scripts are not here, give yours with -f FILE"},
      {"-btpcb-like", "there is no option '-b': pgbench's built-in scripts are not here, give yours with -f FILE"},
      {"--builtin=list",
       "there is no option '--builtin': pgbench's built-in scripts are not here, give yours with -f FILE"},
      {"-i", "there is no option '-i': pgbench's tables are not here, make yours with --schema FILE"},
      {"-C", "there is no option '-C': clients keep their connections, connecting again and again is not supported"},
      {"-s10", "there is no option '-s': set :scale with -D scale=N"},
      {"-l", "there is no option '-l': give a folder for the result with --out"},
      {"-L5", "there is no option '-L': say what must hold with --threshold 'transaction.p99 < 5ms', or drop late "
              "arrivals with --max-lag"},
      {"-dpostgresql://me:s3cret@h/d",
       "there is no option '-d': say where the server is with --dsn, a URI or key=value pairs"},
      {"-p5432", "there is no option '-p': say where the server is with --dsn, a URI or key=value pairs"},
      {"-Ume", "there is no option '-U': say where the server is with --dsn, a URI or key=value pairs"},
      {"--file=x", "there is no option '--file': give the script with --script, or -f"},
      {"--time=5", "there is no option '--time': give the duration with --duration, or -T"},
      {"--jobs=5", "there is no option '--jobs': give the threads with --threads, or -j"},
      {"--random-seed=5", "there is no option '--random-seed': give the seed with --seed"},
      {"-x", "unknown option '-x'; see --help"},
      {"--clinets=8", "unknown option '--clinets', did you mean --clients?"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const parsed *p = PARSE(table[i].option);
    assert_string_equal(p->err.msg, table[i].msg);
    assert_int_equal(p->code, PGR_EUSAGE);
  }
  assert_true(PARSE("-h")->help);
  assert_true(PARSE("--help", "-n")->help);
  /* Who asks for help is not told what is wrong. */
  const parsed *p = PARSE("--spread", "normal", "--help");
  assert_true(p->help);
  assert_int_equal(p->code, PGR_OK);
}

typedef struct wrong {
  const char *argv[10]; /* after the first, NULL-ended */
  const char *msg;
} wrong;

static void check_wrong(const wrong *table, size_t count) {
  for (size_t i = 0; i < count; i++) {
    const char *argv[12] = {"bench"};
    int argc = 1;
    for (; table[i].argv[argc - 1]; argc++)
      argv[argc] = table[i].argv[argc - 1];
    const parsed *p = parse(argc, argv);
    assert_string_equal(p->err.msg, table[i].msg);
    assert_int_equal(p->code, PGR_EUSAGE);
  }
}

#define CHECK_WRONG(table) check_wrong(table, sizeof(table) / sizeof *(table))

static void values_that_will_not_do(void **state) {
  (void)state;
  static const wrong table[] = {
      {{"-c", "0"}, "--clients: 0 is out of range, give 1 to 100,000"},
      {{"--agents", "100001"}, "--agents: 100001 is out of range, give 1 to 100,000"},
      {{"--connections", "10001"}, "--connections: 10001 is out of range, give 1 to 10,000"},
      {{"-j", "257"}, "--threads: 257 is out of range, give 1 to 256"},
      {{"-t", "0"}, "--transactions: 0 is out of range, give 1 to 1,000,000,000"},
      {{"--repetitions", "1001"}, "--repetitions: 1001 is out of range, give 1 to 1,000"},
      {{"--keys", "0"}, "--keys: 0 is out of range, give 1 to 9,007,199,254,740,992"},
      {{"--max-tries", "0"}, "--max-tries: 0 is out of range, give 1 to 1,000"},
      {{"-T", "0"}, "--duration: give more than 0"},
      {{"-P", "0"}, "--progress: give more than 0"},
      {{"-R", "5", "--max-lag", "0"}, "--max-lag: give more than 0"},
      {{"--gap", "5"}, "--gap: '5' has no unit, write it like 5ms or 5s"},
      {{"--floor", "x"}, "--floor: 'x' is no percentage, write it like 5%"},
      {{"-R", "fast"}, "--rate: 'fast' is not a number of arrivals a second, write it like 1000, or 100..2000 to ramp"},
      {{"-R", "5", "--arrivals", "even"}, "--arrivals: 'even' is unknown, give poisson or constant"},
      {{"--spread", "normal"},
       "--spread: 'normal' is no spread of keys, give uniform, zipfian[:EXPONENT], hot:KEYS:SHARE or once:EACH"},
      {{"--spread", "hot:10:90%", "--keys", "10"},
       "--spread: hot:KEYS: 10 hot of 10 keys leave no others, give fewer, or more keys in all"},
      {{"-q", "--verbose"}, "--quiet and --verbose exclude each other"},
      {{"-f", "@2"}, "--script: '@2' names no file"},
      {{"-f", ""}, "--script: '' names no file"},
      {{"-f", "a.sql@"}, "--script a.sql@: its weight, after the @: '' is not a whole number"},
      {{"-f", "a.sql@b"}, "--script a.sql@b: its weight, after the @: 'b' is not a whole number"},
      {{"-f", "a.sql@0"}, "--script a.sql@0: its weight, after the @: 0 is out of range, give 1 to 1,000,000"},
  };
  CHECK_WRONG(table);
}

static void what_excludes_what(void **state) {
  (void)state;
  static const wrong table[] = {
      {{"claim", "-f", "a.sql"},
       "a scenario ('claim') and --script exclude each other; where a database is to be named, that is --dsn"},
      {{"-f", "a.sql", "postgresql://me:s3cret@h/d"},
       "unexpected argument (not shown: it may hold a password); a connection string is one word, quoted, after --dsn"},
      {{"-f", "a.sql", "--strategy", "x"},
       "--strategy and --script exclude each other: a script is a strategy of its own"},
      {{"-f", "a.sql", "--isolation", "serializable"},
       "--isolation and --script exclude each other: scripts run at READ COMMITTED, write BEGIN ISOLATION LEVEL … "
       "into them"},
      {{"-f", "a.sql", "--hold", "1ms"},
       "--hold and --script exclude each other: a script releases nothing, write \\sleep into it"},
      {{"claim", "--schema", "a.sql"}, "--schema is for --script: a scenario brings its own"},
      {{"claim", "--use-database", "--dsn", ""},
       "--use-database is for --script: a scenario runs in a database of its own"},
      {{"-f", "a.sql", "--use-database"}, "--use-database needs --dsn, which says which database"},
      {{"-f", "a.sql", "--use-database", "--dsn", "", "--schema", "b.sql"},
       "--use-database and --schema exclude each other: that database has its tables already"},
      {{"--durable", "--dsn", ""}, "--durable is for the private server; the one of --dsn has its own settings"},
      {{"-t", "5", "-T", "5"}, "--transactions and --duration exclude each other"},
      {{"-t", "5", "-R", "5"}, "--transactions and --rate exclude each other: who arrives is not counted by client"},
      {{"-t", "5", "--warmup", "1"}, "--transactions and --warmup exclude each other: all of them are counted"},
      {{"--max-lag", "5ms"}, "--max-lag needs --rate: without it nobody arrives late"},
      {{"--arrivals", "poisson"}, "--arrivals needs --rate"},
      {{"--compare-anyway"}, "--compare-anyway needs --baseline"},
      {{"--floor", "5%"}, "--floor and --floor-time need --baseline"},
      {{"--floor-time", "5ms"}, "--floor and --floor-time need --baseline"},
      {{"--baseline", "x", "--repetitions", "9"},
       "--repetitions 9: to be compared with a --baseline, give 10 at least"},
  };
  CHECK_WRONG(table);
}

/* Of a sweep the largest counts. */
static void clients_connections_threads(void **state) {
  (void)state;
  static const wrong table[] = {
      {{"-c", "8,1,8"}, "--clients: 8 is there twice"},
      {{"-c", "1,8", "--connections", "9"}, "--connections 9: a client uses one at a time, 8 clients need no more"},
      {{"-c", "8,2", "-j", "9"}, "--threads 9: each needs a connection of its own, there are 8"},
      {{"-c", "8", "--connections", "2", "-j", "3"}, "--threads 3: each needs a connection of its own, there are 2"},
      {{"-c", "1,10001"}, "--clients 10001: at most 10000 can have a connection each, give --connections"},
  };
  CHECK_WRONG(table);
  assert_int_equal(MUST_PARSE("-c", "1,8", "--connections", "8", "-j", "8")->threads, 8);
  assert_int_equal(MUST_PARSE("-c", "8,1", "-j", "8")->threads, 8);
  assert_int_equal(MUST_PARSE("-c", "100000", "--connections", "10000")->connections, 10000);
}

static size_t columns(const char *text, size_t bytes) {
  size_t n = 0;
  for (size_t i = 0; i < bytes; i++)
    n += ((unsigned char)text[i] & 0xC0) != 0x80;
  return n;
}

static void print_help_to(FILE *file) {
  fflush(stdout);
  int before = dup(STDOUT_FILENO);
  assert_true(before >= 0 && dup2(fileno(file), STDOUT_FILENO) >= 0);
  pgr_bench_help();
  fflush(stdout);
  assert_true(dup2(before, STDOUT_FILENO) >= 0);
  close(before);
}

static void the_help_has_every_option(void **state) {
  (void)state;
  static const char *const options[] = {"-f, --script",   "--schema",
                                        "--strategy",     "--isolation",
                                        "-M, --protocol", "-D NAME",
                                        "-c, --clients",  "--connections",
                                        "-j, --threads",  "-T, --duration",
                                        "--warmup",       "--repetitions",
                                        "-R, --rate",     "-t, --transactions",
                                        "--arrivals",     "--max-lag",
                                        "--keys",         "--spread",
                                        "--hold",         "--gap",
                                        "--max-tries",    "--no-verify",
                                        "--no-sample",    "--threshold",
                                        "--baseline",     "--compare-anyway",
                                        "--floor P",      "--floor-time",
                                        "--seed",         "--dsn",
                                        "--use-database", "--durable",
                                        "--allow-shell",  "--format",
                                        "--out",          "-P, --progress",
                                        "-q, --quiet",    "--verbose"};
  char text[16384];
  FILE *file = tmpfile();
  assert_non_null(file);
  print_help_to(file);
  rewind(file);
  size_t len = fread(text, 1, sizeof text - 1, file);
  fclose(file);
  assert_true(len > 1000 && len < sizeof text - 1);
  text[len] = '\0';
  for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
    char line[40];
    snprintf(line, sizeof line, "\n  %s", options[i]);
    if (!strstr(text, line)) fail_msg("the help lacks %s", options[i]);
  }
  assert_non_null(strstr(text, "--agents is the same"));
  for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
    if (columns(line, strcspn(line, "\n")) > 80) fail_msg("too wide: %.100s", line);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(defaults),
                                     cmocka_unit_test(a_scenario),
                                     cmocka_unit_test(scripts_and_their_weights),
                                     cmocka_unit_test(a_path_has_an_end),
                                     cmocka_unit_test(as_pgbench),
                                     cmocka_unit_test(defaults_that_depend),
                                     cmocka_unit_test(habits_of_pgbench),
                                     cmocka_unit_test(values_that_will_not_do),
                                     cmocka_unit_test(what_excludes_what),
                                     cmocka_unit_test(clients_connections_threads),
                                     cmocka_unit_test(the_help_has_every_option)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
