/* pgrace bench's options, its help, and what excludes what. Invariant: what has passed here needs no second look at
 * the command line; what a scenario has to say to it is checked once it is read. */
#include "bench_options.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

enum { DEFAULT_CLIENTS = 16, DEFAULT_REPETITIONS = 6 };
static const int64_t DEFAULT_DURATION_NS = 3 * PGR_NS_PER_S;
static const int64_t DEFAULT_WARMUP_NS = 500 * PGR_NS_PER_MS;
static const double DEFAULT_FLOOR = 0.05;
static const int64_t DEFAULT_FLOOR_NS = 100 * PGR_NS_PER_US;
static const int64_t KEYS_MAX = INT64_C(1) << 53;
static const int64_t SEED_MAX = (INT64_C(1) << 53) - 1;

void pgr_bench_help(void) {
  fputs("Usage: pgrace bench [SCENARIO] [OPTION …]\n"
        "       pgrace bench --script FILE [OPTION …]\n\n"
        "Puts the strategies of a scenario (default: claim; a name of pgrace list, a\n"
        "folder or a .yaml file), or scripts of pgbench's, under load, and reports what\n"
        "the server gets done, what each operation and statement waits, and how often\n"
        "the scenario's rules were broken meanwhile.\n\n"
        "What runs\n"
        "  --strategy A,B         these strategies, or all (default: those the scenario\n"
        "                         compares)\n"
        "  --isolation L,M        at these levels, or all (default: the first each\n"
        "                         strategy lists)\n"
        "  -f, --script FILE[@W]  a script in place of a scenario; again for more, each\n"
        "                         drawn by its weight W (default 1)\n"
        "  --schema FILE          SQL that makes the tables of scripts; again for more\n"
        "  -D NAME=VALUE          set a variable of the scripts; again for more\n"
        "  --max-tries N          tries of an operation, whatever the scenario says\n"
        "  --gap D                think time between check and use: :gap in the scripts\n"
        "  --hold D               keep what was acquired that long before it is released\n"
        "  --keys N               draw from so many keys (default 100; with once 100,000)\n"
        "  --spread S             how: uniform (default), zipfian[:EXPONENT],\n"
        "                         hot:KEYS:SHARE, or once:EACH (default once:8 where what\n"
        "                         is acquired is never released)\n"
        "  --seed N               repeat the random choices of the bench that printed\n"
        "                         this seed\n"
        "How much\n"
        "  -c, --clients N,…      simulated users (default 16); with several numbers each\n"
        "                         is measured. --agents is the same\n"
        "  -R, --rate R           open loop: so many transactions a second arrive, or R\n"
        "                         as A..B: from A to B (default: closed, each client\n"
        "                         begins the next one at once)\n"
        "  --arrivals A           poisson (default) or constant\n"
        "  --max-lag D            an arrival that late is dropped, and counted\n"
        "  -T, --duration D       measure for so long: seconds, or as 500ms, 1m\n"
        "                         (default 3)\n"
        "  --warmup D             before that, not counted (default 500ms)\n"
        "  -t, --transactions N   so many a client instead, all of them counted\n"
        "  --repetitions N        of each cell (default 6; 1 with --script; 10 with\n"
        "                         --baseline)\n"
        "How\n"
        "  -M, --protocol P       simple, extended or prepared (default: the scenario's;\n"
        "                         of scripts simple, as pgbench)\n"
        "  --connections C        size of the pool the clients share (default: one each)\n"
        "  -j, --threads T        threads that drive them (default 1)\n"
        "  --dsn URI              use this server: databases pgrace_… are created and\n"
        "                         dropped ('' takes PGHOST, PGUSER … from the\n"
        "                         environment)\n"
        "  --use-database         with --script and --dsn: run in that database itself;\n"
        "                         what the scripts write stays\n"
        "  --durable              private server with fsync on, on a disk\n"
        "  --allow-shell          let scripts run \\shell and \\setshell\n"
        "  --no-verify            do not check ownership while it runs\n"
        "  --no-sample            do not look at the server's statistics\n",
        stdout);
  fputs("What it must keep to\n"
        "  --threshold 'LIMIT'    as 'claim.ok.p99 < 5ms'; again for more; they come on\n"
        "                         top of the scenario's\n"
        "  --baseline FILE        compare with the result.json of an earlier bench\n"
        "  --compare-anyway       even if it ran elsewhere, or otherwise\n"
        "  --floor PERCENT        smaller changes are none (default 5%)\n"
        "  --floor-time D         nor are those of less time (default 100us)\n"
        "What comes out\n"
        "  --format F             text (default), json, openmetrics, junit, tap,\n"
        "                         markdown, github, html or trace\n"
        "  --out DIR              also write result.json, report.html, junit.xml and\n"
        "                         others into DIR\n"
        "  -P, --progress SEC     a line every so many seconds\n"
        "  -q, --quiet            no progress, no header\n"
        "  --verbose              also each operation's and each statement's times\n\n"
        "Exit status: 0 as expected, 1 an expectation broke, 2 inconclusive or\n"
        "interrupted, 3 a threshold was crossed or it got worse than the baseline,\n"
        "4 usage or scenario, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace bench claim --strategy all --clients 1,8,64\n"
        "  pgrace bench claim --rate 500 --spread hot:10:90% --threshold 'tps > 450'\n"
        "  pgrace bench ./mine --baseline before/result.json --out after\n"
        "  pgrace bench -f transfer.sql --schema tables.sql -c 32 -j 2 -T 60 -P 5\n",
        stdout);
}

/* ---- parsing ---- */

/* What options of the table are parsed into first. */
typedef struct raw {
  pgr_option_list scripts;
  pgr_option_ints clients;
  const char *rate, *arrivals, *spread;
  bool no_verify, no_sample, progress_given, floor_given, floor_time_given;
} raw;

static const char built_in[] = "pgbench's built-in scripts are not here, give yours with -f FILE";
static const char server[] = "say where the server is with --dsn, a URI or key=value pairs";

static pgr_code parse_table(pgr_bench_options *o, raw *r, int argc, char **argv, bool *help, pgr_err *err) {
#define ABSENT(name, letter, instead)                                                                                  \
  { name, letter, PGR_OPTION_ABSENT, (void *)(uintptr_t)(instead), 0, 0, NULL }
  const pgr_option table[] = {
      {"script", 'f', PGR_OPTION_LIST, &r->scripts, 0, 0, NULL},
      {"schema", 0, PGR_OPTION_LIST, &o->schema, 0, 0, NULL},
      {"strategy", 0, PGR_OPTION_TEXT, &o->strategies, 0, 0, NULL},
      {"isolation", 0, PGR_OPTION_TEXT, &o->isolation, 0, 0, NULL},
      {"protocol", 'M', PGR_OPTION_TEXT, &o->protocol, 0, 0, NULL},
      {"define", 'D', PGR_OPTION_LIST, &o->defines, 0, 0, NULL},
      {"clients", 'c', PGR_OPTION_INTS, &r->clients, 1, PGR_BENCH_CLIENTS_MAX, NULL},
      {"agents", 0, PGR_OPTION_INTS, &r->clients, 1, PGR_BENCH_CLIENTS_MAX, NULL},
      {"connections", 0, PGR_OPTION_INT, &o->connections, 1, PGR_BENCH_CONNECTIONS_MAX, NULL},
      {"threads", 'j', PGR_OPTION_INT, &o->threads, 1, PGR_BENCH_THREADS_MAX, NULL},
      {"duration", 'T', PGR_OPTION_SECONDS, &o->duration_ns, 0, 0, &o->duration_given},
      {"warmup", 0, PGR_OPTION_SECONDS, &o->warmup_ns, 0, 0, &o->warmup_given},
      {"transactions", 't', PGR_OPTION_INT, &o->transactions, 1, 1000000000, NULL},
      {"repetitions", 0, PGR_OPTION_INT, &o->repetitions, 1, 1000, &o->repetitions_given},
      {"rate", 'R', PGR_OPTION_TEXT, &r->rate, 0, 0, &o->open},
      {"arrivals", 0, PGR_OPTION_TEXT, &r->arrivals, 0, 0, &o->arrivals_given},
      {"max-lag", 0, PGR_OPTION_DURATION, &o->max_lag_ns, 0, 0, &o->max_lag_given},
      {"keys", 0, PGR_OPTION_INT, &o->keys.count, 1, KEYS_MAX, &o->count_given},
      {"spread", 0, PGR_OPTION_TEXT, &r->spread, 0, 0, &o->spread_given},
      {"hold", 0, PGR_OPTION_DURATION, &o->hold_ns, 0, 0, NULL},
      {"gap", 0, PGR_OPTION_DURATION, &o->gap_ns, 0, 0, NULL},
      {"max-tries", 0, PGR_OPTION_INT, &o->max_tries, 1, 1000, NULL},
      {"seed", 0, PGR_OPTION_INT, &o->seed, 0, SEED_MAX, &o->seed_given},
      {"no-verify", 0, PGR_OPTION_FLAG, &r->no_verify, 0, 0, NULL},
      {"no-sample", 0, PGR_OPTION_FLAG, &r->no_sample, 0, 0, NULL},
      {"threshold", 0, PGR_OPTION_LIST, &o->thresholds, 0, 0, NULL},
      {"baseline", 0, PGR_OPTION_TEXT, &o->baseline, 0, 0, NULL},
      {"compare-anyway", 0, PGR_OPTION_FLAG, &o->compare_anyway, 0, 0, NULL},
      {"floor", 0, PGR_OPTION_PERCENT, &o->floor, 0, 0, &r->floor_given},
      {"floor-time", 0, PGR_OPTION_DURATION, &o->floor_ns, 0, 0, &r->floor_time_given},
      {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
      {"use-database", 0, PGR_OPTION_FLAG, &o->use_database, 0, 0, NULL},
      {"durable", 0, PGR_OPTION_FLAG, &o->durable, 0, 0, NULL},
      {"allow-shell", 0, PGR_OPTION_FLAG, &o->allow_shell, 0, 0, NULL},
      {"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, NULL},
      {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, NULL},
      {"progress", 'P', PGR_OPTION_SECONDS, &o->progress_ns, 0, 0, &r->progress_given},
      {"quiet", 'q', PGR_OPTION_FLAG, &o->quiet, 0, 0, NULL},
      {"verbose", 0, PGR_OPTION_FLAG, &o->verbose, 0, 0, NULL},
      /* Habits of pgbench, by its names in PostgreSQL 15. */
      ABSENT("file", 0, "give the script with --script, or -f"),
      ABSENT("time", 0, "give the duration with --duration, or -T"),
      ABSENT("jobs", 0, "give the threads with --threads, or -j"),
      ABSENT("random-seed", 0, "give the seed with --seed"),
      ABSENT("no-vacuum", 'n', "leave it out, nothing is vacuumed here"),
      ABSENT("vacuum-all", 'v', "nothing is vacuumed here"),
      ABSENT("report-per-command", 'r', "leave it out, the result always has the latency of every statement"),
      ABSENT("log", 'l', "give a folder for the result with --out"),
      ABSENT("latency-limit", 'L',
             "say what must hold with --threshold 'transaction.p99 < 5ms', or drop late "
             "arrivals with --max-lag"),
      ABSENT("scale", 's', "set :scale with -D scale=N"),
      ABSENT("connect", 'C', "clients keep their connections, connecting again and again is not supported"),
      ABSENT("builtin", 'b', built_in),
      ABSENT("select-only", 'S', built_in),
      ABSENT("skip-some-updates", 'N', built_in),
      ABSENT("initialize", 'i', "pgbench's tables are not here, make yours with --schema FILE"),
      ABSENT("debug", 'd', server), /* since PostgreSQL 17 the database */
      ABSENT("port", 'p', server),
      ABSENT("username", 'U', server),
      {0}};
#undef ABSENT
  int operands = 0;
  return pgr_options_parse(table, argc, argv, &o->scenario, 1, &operands, help, err);
}

/* FILE[@WEIGHT]; an @ in a folder's name begins no weight. */
static pgr_code add_script(pgr_bench_options *o, const char *given, pgr_err *err) {
  const char *at = strrchr(given, '@');
  char what[96];
  int64_t weight = 1;
  if (at && strchr(at, '/')) at = NULL;
  size_t len = at ? (size_t)(at - given) : strlen(given);
  if (o->script_count == PGR_BENCH_SCRIPTS_MAX)
    return pgr_fail(err, PGR_EUSAGE, "--script: at most %d of them", PGR_BENCH_SCRIPTS_MAX);
  char *path = o->script_paths[o->script_count];
  if (len == 0) return pgr_fail(err, PGR_EUSAGE, "--script: '%.64s' names no file", given);
  if (len >= sizeof o->script_paths[0])
    return pgr_fail(err, PGR_EUSAGE, "--script: %.64s…: a path has at most %zu bytes", given,
                    sizeof o->script_paths[0] - 1);
  snprintf(what, sizeof what, "--script %.60s: its weight, after the @", given);
  pgr_code code = at ? pgr_parse_int(at + 1, what, 1, 1000000, &weight, err) : PGR_OK;
  if (code) return code;
  memcpy(path, given, len);
  path[len] = '\0';
  o->scripts[o->script_count] = path;
  o->weights[o->script_count++] = (int)weight;
  return PGR_OK;
}

static pgr_code read_texts(pgr_bench_options *o, const raw *r, pgr_err *err) {
  pgr_err own = {0};
  for (int i = 0; i < r->scripts.count; i++) {
    pgr_code code = add_script(o, r->scripts.items[i], err);
    if (code) return code;
  }
  if (r->rate && pgr_rate_parse(r->rate, &o->rate, &own)) return pgr_fail(err, own.code, "--%s", own.msg);
  if (r->spread && pgr_keys_parse(r->spread, &o->keys, &own)) return pgr_fail(err, own.code, "--spread: %s", own.msg);
  if (r->arrivals && strcmp(r->arrivals, "constant") == 0)
    o->poisson = false;
  else if (r->arrivals && strcmp(r->arrivals, "poisson") != 0)
    return pgr_fail(err, PGR_EUSAGE, "--arrivals: '%.40s' is unknown, give poisson or constant", r->arrivals);
  if (r->progress_given && o->progress_ns == 0) return pgr_fail(err, PGR_EUSAGE, "--progress: give more than 0");
  return PGR_OK;
}

/* What depends on other options. */
static void fill_defaults(pgr_bench_options *o, const raw *r) {
  o->client_count = r->clients.count;
  memcpy(o->clients, r->clients.items, sizeof o->clients);
  o->verify = !r->no_verify;
  o->sample = !r->no_sample;
  o->floor_given = r->floor_given || r->floor_time_given;
  if (!o->duration_given) o->duration_ns = o->transactions ? 0 : DEFAULT_DURATION_NS;
  if (!o->warmup_given) o->warmup_ns = o->transactions ? 0 : DEFAULT_WARMUP_NS;
  if (o->repetitions_given) return;
  o->repetitions = o->script_count ? 1 : DEFAULT_REPETITIONS;
  if (o->baseline) o->repetitions = PGR_BENCH_COMPARED_MIN;
}

pgr_code pgr_bench_options_parse(pgr_bench_options *o, int argc, char **argv, bool *help, pgr_err *err) {
  raw r = {.clients = {.items = {DEFAULT_CLIENTS}, .count = 1}};
  *o = (pgr_bench_options){.threads = 1,
                           .poisson = true,
                           .format = "text",
                           .floor = DEFAULT_FLOOR,
                           .floor_ns = DEFAULT_FLOOR_NS,
                           .keys = {.spread = PGR_SPREAD_UNIFORM}};
  pgr_code code = parse_table(o, &r, argc, argv, help, err);
  if (code || *help) return code;
  code = read_texts(o, &r, err);
  if (!code) fill_defaults(o, &r);
  return code;
}

/* ---- checking ---- */

typedef struct rule {
  bool broken;
  const char *msg;
} rule;

static pgr_code check_rules(const rule *rules, size_t count, pgr_err *err) {
  for (size_t i = 0; i < count; i++)
    if (rules[i].broken) return pgr_fail(err, PGR_EUSAGE, "%s", rules[i].msg);
  return PGR_OK;
}

#define CHECK_RULES(rules, err) check_rules(rules, sizeof(rules) / sizeof *(rules), err)

static pgr_code check_scripts(const pgr_bench_options *o, pgr_err *err) {
  bool scripts = o->script_count > 0;
  const rule rules[] = {
      {scripts && o->strategies, "--strategy and --script exclude each other: a script is a strategy of its own"},
      {scripts && o->isolation, "--isolation and --script exclude each other: scripts run at READ COMMITTED, write "
                                "BEGIN ISOLATION LEVEL … into them"},
      {scripts && o->hold_ns, "--hold and --script exclude each other: a script releases nothing, write \\sleep "
                              "into it"},
      {!scripts && o->schema.count, "--schema is for --script: a scenario brings its own"},
      {!scripts && o->use_database, "--use-database is for --script: a scenario runs in a database of its own"},
      {o->use_database && !o->dsn, "--use-database needs --dsn, which says which database"},
      {o->use_database && o->schema.count,
       "--use-database and --schema exclude each other: that database has its tables already"},
      {o->durable && o->dsn, "--durable is for the private server; the one of --dsn has its own settings"},
  };
  if (scripts && o->scenario && pgr_looks_secret(o->scenario))
    return pgr_fail(err, PGR_EUSAGE,
                    "unexpected argument (not shown: it may hold a password); a connection string is one word, "
                    "quoted, after --dsn");
  if (scripts && o->scenario)
    return pgr_fail(err, PGR_EUSAGE,
                    "a scenario ('%.64s') and --script exclude each other; where a database is to be named, that is "
                    "--dsn",
                    o->scenario);
  return CHECK_RULES(rules, err);
}

static pgr_code check_amounts(const pgr_bench_options *o, pgr_err *err) {
  const rule rules[] = {
      {o->transactions && o->duration_given, "--transactions and --duration exclude each other"},
      {o->transactions && o->open,
       "--transactions and --rate exclude each other: who arrives is not counted by client"},
      {o->transactions && o->warmup_ns, "--transactions and --warmup exclude each other: all of them are counted"},
      {!o->transactions && o->duration_ns == 0, "--duration: give more than 0"},
      {!o->open && o->max_lag_given, "--max-lag needs --rate: without it nobody arrives late"},
      {!o->open && o->arrivals_given, "--arrivals needs --rate"},
      {o->max_lag_given && o->max_lag_ns == 0, "--max-lag: give more than 0"},
      {!o->baseline && o->compare_anyway, "--compare-anyway needs --baseline"},
      {!o->baseline && o->floor_given, "--floor and --floor-time need --baseline"},
  };
  pgr_code code = CHECK_RULES(rules, err);
  if (code) return code;
  if (o->baseline && o->repetitions < PGR_BENCH_COMPARED_MIN)
    return pgr_fail(err, PGR_EUSAGE, "--repetitions %lld: to be compared with a --baseline, give %d at least",
                    (long long)o->repetitions, PGR_BENCH_COMPARED_MIN);
  return PGR_OK;
}

static pgr_code check_sweep(const pgr_bench_options *o, pgr_err *err) {
  int64_t most = 0;
  for (int i = 0; i < o->client_count; i++) {
    if (o->clients[i] > most) most = o->clients[i];
    for (int k = 0; k < i; k++)
      if (o->clients[k] == o->clients[i])
        return pgr_fail(err, PGR_EUSAGE, "--clients: %lld is there twice", (long long)o->clients[i]);
  }
  if (o->connections > most)
    return pgr_fail(err, PGR_EUSAGE, "--connections %lld: a client uses one at a time, %lld clients need no more",
                    (long long)o->connections, (long long)most);
  if (!o->connections && most > PGR_BENCH_CONNECTIONS_MAX)
    return pgr_fail(err, PGR_EUSAGE, "--clients %lld: at most %d can have a connection each, give --connections",
                    (long long)most, PGR_BENCH_CONNECTIONS_MAX);
  int64_t connections = o->connections ? o->connections : most;
  if (o->threads > connections)
    return pgr_fail(err, PGR_EUSAGE, "--threads %lld: each needs a connection of its own, there are %lld",
                    (long long)o->threads, (long long)connections);
  return PGR_OK;
}

static pgr_code check_keys(const pgr_bench_options *o, pgr_err *err) {
  pgr_err own = {0};
  if (!o->count_given || !pgr_keys_check(&o->keys, &own)) return PGR_OK;
  return pgr_fail(err, own.code, "--spread: %s", own.msg);
}

pgr_code pgr_bench_options_check(const pgr_bench_options *o, pgr_err *err) {
  if (o->quiet && o->verbose) return pgr_fail(err, PGR_EUSAGE, "--quiet and --verbose exclude each other");
  pgr_code code = check_scripts(o, err);
  if (!code) code = check_amounts(o, err);
  if (!code) code = check_sweep(o, err);
  if (!code) code = check_keys(o, err);
  return code;
}
