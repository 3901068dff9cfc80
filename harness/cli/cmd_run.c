/* pgrace run: race the strategies of a scenario, one after the other, and say what came of it. */
#include "commands.h"
#include "options.h"
#include "outdir.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_progress.h"
#include "pgr_race.h"
#include "pgr_report.h"
#include "pgr_schema.h"
#include "pgr_units.h"
#include "place.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
  DEFAULT_AGENTS = 8,
  DEFAULT_ROUNDS = 2000,
  DEFAULT_CLAIMS = 16000,
  FEWEST_ROUNDS = 20,
  DEFAULT_CONNECTIONS = 64,
  THREADS_DEFAULT_MAX = 8
};
static const size_t HISTORY_MAX_OPS = 20000000; /* 1.4 GB; what a longer run needs is pgrace bench */

typedef struct run_options {
  int64_t agents, contenders, connections, threads, rounds, duration_ns, gap_ns, max_tries, seed;
  bool rounds_given, duration_given, contenders_given, connections_given, threads_given, seed_given;
  bool durable, quiet;
  const char *strategies, *dsn, *out, *format;
} run_options;

typedef struct run {
  run_options options;
  pgr_race_options race;
  pgr_place place;
  pgr_result result;
  pgr_outdir *out; /* NULL without --out */
  pgr_progress progress;
  const pgr_strategy *current;
  int64_t entered_ns;
} run;

static void help(void) {
  fputs("Usage: pgrace run [SCENARIO] [OPTION …]\n\n"
        "Races agents for the same keys with each strategy of the scenario (default: claim)\n"
        "and reports how often two of them were told that they own one, and at what cost.\n\n"
        "What is raced\n"
        "  --strategy A,B      only these strategies (default: all of the scenario)\n"
        "  --agents N          simulated users (default 8)\n"
        "  --contenders K      of them in a round; with fewer than N, several rounds run\n"
        "                      at once (default: all)\n"
        "  --rounds R          rounds a strategy (default 2,000; fewer, but at least 20,\n"
        "                      when more than 8 contend)\n"
        "  --duration D        run each strategy for this long instead, as 500ms, 10s, 1m\n"
        "  --gap D             think time between check and use (default 0)\n"
        "  --max-tries N       tries of an operation that ends in 40001 or 40P01 (default 10)\n"
        "  --seed N            repeat the random choices of the run that printed this seed\n"
        "How\n"
        "  --connections C     size of the pool the agents share (default: one each, up to 64)\n"
        "  --threads T         threads that drive them (default: half the processors, up to 8)\n"
        "  --dsn URI           use this server: a database pgrace_… is created and dropped\n"
        "                      ('' takes PGHOST, PGUSER … from the environment)\n"
        "  --durable           private server with fsync on, on a disk\n"
        "What comes out\n"
        "  --format text|json  on standard output (default text)\n"
        "  --out DIR           also write DIR/result.json and DIR/history.csv\n"
        "  -q, --quiet         no progress, no header\n\n"
        "Exit status: 0 as expected, 1 an expectation broke, 2 inconclusive or interrupted,\n"
        "4 usage, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace run\n"
        "  pgrace run --agents 200 --contenders 4 --connections 20 --duration 10s\n"
        "  pgrace run --dsn postgresql://me@localhost/postgres --out race-report\n",
        stdout);
}

static pgr_code parse(run_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  const pgr_option table[] = {
      {"strategy", 0, PGR_OPTION_TEXT, &o->strategies, 0, 0, NULL},
      {"agents", 0, PGR_OPTION_INT, &o->agents, 2, PGR_AGENTS_MAX, NULL},
      {"contenders", 0, PGR_OPTION_INT, &o->contenders, 2, PGR_AGENTS_MAX, &o->contenders_given},
      {"rounds", 0, PGR_OPTION_INT, &o->rounds, 1, 1000000000, &o->rounds_given},
      {"duration", 0, PGR_OPTION_DURATION, &o->duration_ns, 0, 0, &o->duration_given},
      {"gap", 0, PGR_OPTION_DURATION, &o->gap_ns, 0, 0, NULL},
      {"max-tries", 0, PGR_OPTION_INT, &o->max_tries, 1, 1000, NULL},
      {"seed", 0, PGR_OPTION_INT, &o->seed, 0, (INT64_C(1) << 53) - 1, &o->seed_given},
      {"connections", 0, PGR_OPTION_INT, &o->connections, 1, PGR_CONNECTIONS_MAX, &o->connections_given},
      {"threads", 0, PGR_OPTION_INT, &o->threads, 1, PGR_THREADS_MAX, &o->threads_given},
      {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
      {"durable", 0, PGR_OPTION_FLAG, &o->durable, 0, 0, NULL},
      {"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, NULL},
      {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, NULL},
      {"quiet", 'q', PGR_OPTION_FLAG, &o->quiet, 0, 0, NULL},
      {0}};
  const char *operand = NULL;
  int operands = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, &operand, 1, &operands, wants_help, err);
  if (code || *wants_help) return code;
  if (operands && strcmp(operand, pgr_scenario_claim()->name) != 0) {
    if (pgr_looks_secret(operand))
      return pgr_fail(err, PGR_EUSAGE,
                      "unknown scenario (not shown: it may hold a password); a connection string is "
                      "one word, quoted, after --dsn");
    return pgr_fail(err, PGR_EUSAGE, "unknown scenario '%.64s', there is: claim", operand);
  }
  return PGR_OK;
}

static pgr_code check(const run_options *o, pgr_err *err) {
  if (o->rounds_given && o->duration_given)
    return pgr_fail(err, PGR_EUSAGE, "--rounds and --duration exclude each other");
  if (o->duration_given && o->duration_ns == 0) return pgr_fail(err, PGR_EUSAGE, "--duration: give more than 0");
  if (o->contenders > o->agents)
    return pgr_fail(err, PGR_EUSAGE, "--contenders %lld: there are only %lld agents, raise --agents",
                    (long long)o->contenders, (long long)o->agents);
  if (o->connections > o->agents)
    return pgr_fail(err, PGR_EUSAGE, "--connections %lld: an agent uses one at a time, %lld agents need no more",
                    (long long)o->connections, (long long)o->agents);
  if (o->threads > o->connections)
    return pgr_fail(err, PGR_EUSAGE, "--threads %lld: each needs a connection of its own, there are %lld",
                    (long long)o->threads, (long long)o->connections);
  if (o->durable && o->dsn)
    return pgr_fail(err, PGR_EUSAGE, "--durable is for the private server; the one of --dsn has its own settings");
  if (strcmp(o->format, "text") != 0 && strcmp(o->format, "json") != 0)
    return pgr_fail(err, PGR_EUSAGE, "--format: '%.40s' is unknown, give text or json", o->format);
  return PGR_OK;
}

static int64_t at_most(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static void fill_defaults(run_options *o) {
  if (!o->contenders_given) o->contenders = o->agents;
  if (!o->connections_given) o->connections = at_most(o->agents, DEFAULT_CONNECTIONS);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (!o->threads_given) o->threads = at_most(at_most(cpus > 3 ? cpus / 2 : 1, THREADS_DEFAULT_MAX), o->connections);
  if (o->duration_given) {
    o->rounds = 0;
  } else if (!o->rounds_given) {
    o->rounds = at_most(DEFAULT_ROUNDS, DEFAULT_CLAIMS / o->contenders);
    if (o->rounds < FEWEST_ROUNDS) o->rounds = FEWEST_ROUNDS;
  }
  /* 32 bits: short enough to type again. */
  if (!o->seed_given) o->seed = (int64_t)(pgr_random_entropy() >> 32);
}

static void add_cell(pgr_result *result, const pgr_strategy *strategy) {
  pgr_cell *cell = &result->cells[result->cell_count++];
  cell->strategy = strategy;
  cell->evidence.expect = strategy->expect;
}

static pgr_code unknown_strategy(const char *name, const char *const *names, pgr_err *err) {
  const char *near = pgr_nearest(name, names);
  if (near) return pgr_fail(err, PGR_EUSAGE, "--strategy: unknown strategy '%s', did you mean '%s'?", name, near);
  char all[200] = "";
  for (size_t i = 0, len = 0; names[i] && len < sizeof all; i++)
    len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
  return pgr_fail(err, PGR_EUSAGE, "--strategy: unknown strategy '%s', there are: %s", name, all);
}

static pgr_code choose_strategies(run *r, pgr_err *err) {
  const pgr_scenario *s = r->result.scenario;
  if (!r->options.strategies || strcmp(r->options.strategies, "all") == 0) {
    for (int i = 0; i < s->strategy_count; i++)
      add_cell(&r->result, &s->strategies[i]);
    return PGR_OK;
  }
  const char *names[PGR_STRATEGIES_MAX + 1] = {NULL};
  for (int i = 0; i < s->strategy_count; i++)
    names[i] = s->strategies[i].name;
  for (const char *p = r->options.strategies; *p;) {
    char name[64];
    size_t len = strcspn(p, ",");
    snprintf(name, sizeof name, "%.*s", (int)len, p);
    const pgr_strategy *found = pgr_scenario_strategy(s, name);
    if (!found) return unknown_strategy(name, names, err);
    for (size_t i = 0; i < r->result.cell_count; i++)
      if (r->result.cells[i].strategy == found)
        return pgr_fail(err, PGR_EUSAGE, "--strategy: '%s' is named twice", name);
    add_cell(&r->result, found);
    p += len + (p[len] == ',');
  }
  if (!r->result.cell_count) return pgr_fail(err, PGR_EUSAGE, "--strategy: name at least one");
  return PGR_OK;
}

/* Sockets, loops and the rest: many agents mean many descriptors, and the soft limit is often 1,024. */
static pgr_code raise_descriptor_limit(int64_t connections, int64_t threads, pgr_err *err) {
  enum { EACH_LOOP = 8, OURS = 256 };
  struct rlimit limit;
  rlim_t need = (rlim_t)(connections + threads * EACH_LOOP + OURS);
  if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need) return PGR_OK;
  limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
  if (limit.rlim_cur < need || setrlimit(RLIMIT_NOFILE, &limit))
    return pgr_fail(err, PGR_EENVIRONMENT,
                    "%lld connections on %lld threads need %lld open files, the limit is %lld: raise ulimit -n",
                    (long long)connections, (long long)threads, (long long)need, (long long)limit.rlim_max);
  return PGR_OK;
}

static void describe(run *r) {
  pgr_result *result = &r->result;
  const run_options *o = &r->options;
  result->command = "run";
  result->seed = (uint64_t)o->seed;
  result->settings.agents = (uint32_t)o->agents;
  result->settings.contenders = (uint32_t)o->contenders;
  result->settings.connections = (uint32_t)o->connections;
  result->settings.threads = (uint32_t)o->threads;
  result->settings.rounds = o->rounds;
  result->settings.duration_ns = o->duration_ns;
  result->settings.gap_ns = o->gap_ns;
  result->settings.max_tries = (int)o->max_tries;
  result->settings.durable = o->durable;
  result->environment.private_server = !o->dsn;
  result->environment.in_memory = r->place.in_memory;
  result->environment.libpq_version = PQlibVersion();
  result->environment.cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
  snprintf(result->environment.server_version, sizeof result->environment.server_version, "%s", r->place.version);
  snprintf(result->environment.server_settings, sizeof result->environment.server_settings, "%s", r->place.settings);
  if (o->dsn)
    snprintf(result->environment.target, sizeof result->environment.target, "%s", pgr_target_describe(r->place.target));
  struct utsname u;
  if (uname(&u) == 0)
    snprintf(result->environment.machine, sizeof result->environment.machine, "%.24s %.40s %.24s", u.sysname, u.release,
             u.machine);
  time_t now = time(NULL);
  struct tm utc;
  strftime(result->environment.started_at, sizeof result->environment.started_at, "%Y-%m-%dT%H:%M:%SZ",
           gmtime_r(&now, &utc));
  r->race = (pgr_race_options){
      .scenario = result->scenario,
      .agents = (uint32_t)o->agents,
      .contenders = (uint32_t)o->contenders,
      .connections = (uint32_t)o->connections,
      .threads = (uint32_t)o->threads,
      .rounds = o->rounds,
      .duration_ns = o->duration_ns,
      .gap_ns = o->gap_ns,
      .retry = {.max_tries = (int)o->max_tries, .base_ns = PGR_NS_PER_MS, .cap_ns = 100 * PGR_NS_PER_MS},
      .seed = (uint64_t)o->seed,
      .max_ops = HISTORY_MAX_OPS};
}

static void on_progress(void *user, const pgr_race_progress *p) {
  run *r = user;
  if (r->options.quiet) return;
  pgr_progress_show(&r->progress, r->current->name, p->rounds, p->rounds_planned, p->elapsed_ns, r->options.duration_ns,
                    p->suspects);
}

static pgr_code on_check(void *user, pgr_err *err) {
  return pgr_place_check(&((run *)user)->place, err);
}

/* From an empty database to one that holds this strategy's objects and no rows. */
static pgr_code install(run *r, const pgr_strategy *strategy, pgr_err *err) {
  const pgr_scenario *s = r->result.scenario;
  pgr_code code = PGR_OK;
  for (int i = s->strategy_count - 1; !code && i >= 0; i--)
    for (int m = 3; !code && m >= 0; m--)
      if (s->strategies[i].migrations[m]) code = pgr_schema_down(r->place.db, s->strategies[i].migrations[m], err);
  for (int m = 0; !code && m < 4 && strategy->migrations[m]; m++)
    code = pgr_schema_up(r->place.db, strategy->migrations[m], err);
  return code;
}

/* What the rows say, independently of the history. After an interrupt this still is worth a few seconds; when it cannot
 * be had then, it is not known, which is not zero. */
static pgr_code audit(run *r, pgr_cell *cell, pgr_err *err) {
  const char *sql = r->result.scenario->audit_sql;
  int64_t doubled = 0;
  pgr_code code = pgr_interrupt_pending() ? PGR_EINTERRUPTED : pgr_db_query_int(r->place.db, sql, &doubled, err);
  if (code == PGR_EINTERRUPTED) {
    pgr_db *db = NULL;
    code = pgr_db_connect_for_cleanup(r->place.target, &db, err);
    if (!code) code = pgr_db_query_int(db, sql, &doubled, err);
    pgr_db_close(db);
    if (code) return PGR_OK;
  }
  cell->evidence.rows_known = !code;
  cell->evidence.doubled = (uint64_t)doubled;
  return code;
}

static pgr_code settle(run *r, pgr_cell *cell, const pgr_race_result *raced, pgr_err *err) {
  const pgr_scenario *s = r->result.scenario;
  pgr_ownership_report report;
  cell->rounds = raced->rounds;
  cell->elapsed_ns = raced->elapsed_ns;
  cell->served = raced->served;
  cell->evidence.complete = raced->complete;
  pgr_code code = pgr_verify_ownership(raced->history, s->model, &report, err);
  if (!code) code = pgr_cell_fill(cell, s, &raced->tally, raced->history, &raced->trace, &report, err);
  if (!code && r->out) {
    const char *kinds[PGR_OPERATIONS_MAX] = {NULL};
    for (int k = 0; k < s->operation_count; k++)
      kinds[k] = s->operations[k].name;
    code = pgr_outdir_add_history(r->out, raced->history, cell->strategy->name, kinds, err);
  }
  return code ? code : audit(r, cell, err);
}

static pgr_code race_one(run *r, pgr_cell *cell, pgr_err *err) {
  pgr_race_watch watch = {.progress = on_progress, .check = on_check, .user = r};
  pgr_race_result raced;
  r->current = cell->strategy;
  pgr_progress_restart(&r->progress);
  pgr_code code = install(r, cell->strategy, err);
  if (!code)
    code = pgr_db_query_text(r->place.db, "SHOW default_transaction_isolation", cell->isolation, sizeof cell->isolation,
                             err);
  if (code) return code;
  code = pgr_race_run(&r->race, r->place.target, r->place.db, &watch, &raced, err);
  pgr_progress_wipe(&r->progress);
  if (!code) code = settle(r, cell, &raced, err);
  if (!r->result.environment.startup_ns && raced.started_ns)
    r->result.environment.startup_ns = raced.started_ns - r->entered_ns;
  if (raced.interrupted) r->result.interrupted = true;
  if (raced.history_full)
    snprintf(r->result.note, sizeof r->result.note,
             "The history is full (%zu operations) and the run was cut short: use fewer rounds.", HISTORY_MAX_OPS);
  pgr_race_result_deinit(&raced);
  return code;
}

static pgr_code race_all(run *r, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < r->result.cell_count && !pgr_interrupt_pending(); i++)
    code = race_one(r, &r->result.cells[i], err);
  if (pgr_interrupt_pending()) {
    r->result.interrupted = true;
    snprintf(r->result.note, sizeof r->result.note, "Interrupted: what ran is shown, and incomplete.");
  }
  if (code == PGR_EINTERRUPTED) code = PGR_OK;
  return code;
}

static pgr_code report(run *r, pgr_err *err) {
  bool json = strcmp(r->options.format, "json") == 0;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_code code = PGR_OK;
  r->result.complete = !r->result.interrupted;
  for (size_t i = 0; i < r->result.cell_count; i++)
    r->result.complete &= r->result.cells[i].evidence.ran && r->result.cells[i].evidence.complete;
  pgr_result_judge(&r->result);
  if (r->out || json) code = pgr_report_json(&r->result, &text, err);
  if (!code && r->out) code = pgr_outdir_finish(r->out, &text, err);
  if (!json) {
    pgr_buf_clear(&text);
    pgr_report_text(&r->result, isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), &text);
  }
  if (fwrite(text.data ? text.data : "", 1, text.len, stdout) != text.len || fflush(stdout))
    code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the report to standard output");
  pgr_buf_deinit(&text);
  return code;
}

static void print_header(run *r) {
  if (r->options.quiet || strcmp(r->options.format, "json") == 0) return;
  pgr_buf line;
  pgr_buf_init(&line, 0);
  pgr_report_header(&r->result, &line);
  fputs(pgr_buf_text(&line), stdout);
  fflush(stdout);
  pgr_buf_deinit(&line);
}

static int complain(const pgr_err *err) {
  fprintf(stderr, "pgrace: %s\n", err->msg);
  return pgr_exit_status(err->code);
}

int pgr_cmd_run(int argc, char **argv) {
  static run r; /* a few hundred kilobytes: figures of every cell */
  pgr_err err = {0}, close_err = {0};
  bool wants_help = false;
  r.entered_ns = pgr_now_ns();
  r.options = (run_options){.agents = DEFAULT_AGENTS, .max_tries = 10, .format = "text"};
  r.result.scenario = pgr_scenario_claim();
  pgr_code code = parse(&r.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    help();
    return 0;
  }
  if (!code) fill_defaults(&r.options);
  if (!code) code = check(&r.options, &err);
  if (!code) code = choose_strategies(&r, &err);
  if (!code) code = raise_descriptor_limit(r.options.connections, r.options.threads, &err);
  if (!code && r.options.out) code = pgr_outdir_open(r.options.out, &r.out, &err);
  if (code) return complain(&err);
  pgr_progress_init(&r.progress, stderr);
  code = pgr_place_open(&r.place, r.options.dsn, r.options.durable, (int)r.options.connections, &err);
  if (!code) {
    describe(&r);
    print_header(&r);
    code = race_all(&r, &err);
    pgr_code closed = pgr_place_close(&r.place, &close_err);
    if (!code) code = report(&r, &err);
    if (closed && !code) {
      code = closed;
      err = close_err;
    } else if (closed) {
      complain(&close_err);
    }
  }
  pgr_outdir_close(r.out);
  return code ? complain(&err) : r.result.exit_status;
}
