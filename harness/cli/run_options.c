#include "run_options.h"

#include "pgr_race.h"
#include "pgr_random.h"
#include "pgr_result.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum {
  DEFAULT_AGENTS = 8,
  DEFAULT_ROUNDS = 2000,
  DEFAULT_OPERATIONS = 16000, /* a cell's first operations, */
  DEFAULT_OF_ALL = 64000,     /* and those of all cells */
  FEWEST_ROUNDS = 20,
  DEFAULT_CONNECTIONS = 64,
  THREADS_DEFAULT_MAX = 8
};

void pgr_run_help(void) {
  fputs("Usage: pgrace run [SCENARIO] [OPTION …]\n\n"
        "Races agents for the same keys with the strategies of a scenario (default: claim; a\n"
        "name of pgrace list, a folder or a .yaml file) and reports how often the scenario's\n"
        "rules were broken, and what each attempt cost.\n\n"
        "What is raced\n"
        "  --strategy A,B      these strategies, or all (default: those the scenario compares)\n"
        "  --isolation L,M     at these levels, or all (default: the first each strategy lists)\n"
        "  --agents N          simulated users (default 8)\n"
        "  --contenders K      of them in a round; with fewer than N, several rounds run\n"
        "                      at once (default: all)\n"
        "  --rounds R          rounds a cell (default 2,000; fewer when many contend or there\n"
        "                      are many cells)\n"
        "  --duration D        run each cell for this long instead, as 500ms, 10s, 1m\n"
        "  --budget D          all of it in this time: a proof a cell where one can be had,\n"
        "                      what is left of the time shared by the others' races\n"
        "  --gap D[,D…]        think time between check and use: :gap in the scripts (default 0);\n"
        "                      each cell with each of them\n"
        "  -D NAME=VALUE       set a variable of the scripts; again for more\n"
        "  --explore           prove a cell where that takes no more than a few seconds, with\n"
        "                      as few agents as make sense, and race the others\n"
        "  --max-tries N       tries of an operation, whatever the scenario says\n"
        "  --seed N            repeat the random choices of the run that printed this seed\n"
        "How\n"
        "  -M, --protocol P    simple, extended or prepared (default: the scenario's)\n"
        "  --connections C     size of the pool the agents share (default: one each, up to 64)\n"
        "  --threads T         threads that drive them (default: half the processors, up to 8)\n"
        "  --dsn URI           use this server: databases pgrace_… are created and dropped\n"
        "                      ('' takes PGHOST, PGUSER … from the environment)\n"
        "  --durable           private server with fsync on, on a disk\n"
        "  --allow-shell       let scripts run \\shell and \\setshell\n"
        "What comes out\n"
        "  --format F          on standard output: text (default), json, junit, tap, markdown,\n"
        "                      github, html, trace\n"
        "  --out DIR           also write result.json, history.csv, junit.xml, summary.md,\n"
        "                      report.html and trace.json into DIR\n"
        "  -q, --quiet         no progress, no header\n"
        "  -v, --verbose       also each operation's outcomes and times, and more stories\n\n"
        "Exit status: 0 as expected, 1 an expectation broke, 2 inconclusive or interrupted,\n"
        "4 usage or scenario, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace run\n"
        "  pgrace run claim --strategy all --isolation all\n"
        "  pgrace run ./mine --agents 200 --contenders 4 --connections 20 --duration 10s\n"
        "  pgrace run --dsn postgresql://me@localhost/postgres --out race-report\n",
        stdout);
}

pgr_code pgr_run_options_parse(pgr_run_options *o, int argc, char **argv, bool *help, pgr_err *err) {
  *o = (pgr_run_options){.agents = DEFAULT_AGENTS, .format = "text", .gaps_ns = {.count = 1}};
  const pgr_option table[] = {
      {"strategy", 0, PGR_OPTION_TEXT, &o->strategies, 0, 0, NULL},
      {"isolation", 0, PGR_OPTION_TEXT, &o->isolation, 0, 0, NULL},
      {"protocol", 'M', PGR_OPTION_TEXT, &o->protocol, 0, 0, NULL},
      {"define", 'D', PGR_OPTION_LIST, &o->defines, 0, 0, NULL},
      {"allow-shell", 0, PGR_OPTION_FLAG, &o->allow_shell, 0, 0, NULL},
      {"explore", 0, PGR_OPTION_FLAG, &o->explore, 0, 0, NULL},
      {"agents", 0, PGR_OPTION_INT, &o->agents, 2, PGR_AGENTS_MAX, NULL},
      {"contenders", 0, PGR_OPTION_INT, &o->contenders, 2, PGR_AGENTS_MAX, &o->contenders_given},
      {"rounds", 0, PGR_OPTION_INT, &o->rounds, 1, 1000000000, &o->rounds_given},
      {"duration", 0, PGR_OPTION_DURATION, &o->duration_ns, 0, 0, &o->duration_given},
      {"budget", 0, PGR_OPTION_DURATION, &o->budget_ns, 0, 0, &o->budget_given},
      {"gap", 0, PGR_OPTION_DURATIONS, &o->gaps_ns, 0, 0, NULL},
      {"max-tries", 0, PGR_OPTION_INT, &o->max_tries, 1, 1000, NULL},
      {"seed", 0, PGR_OPTION_INT, &o->seed, 0, (INT64_C(1) << 53) - 1, &o->seed_given},
      {"connections", 0, PGR_OPTION_INT, &o->connections, 1, PGR_CONNECTIONS_MAX, &o->connections_given},
      {"threads", 0, PGR_OPTION_INT, &o->threads, 1, PGR_THREADS_MAX, &o->threads_given},
      {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
      {"durable", 0, PGR_OPTION_FLAG, &o->durable, 0, 0, NULL},
      {"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, NULL},
      {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, NULL},
      {"quiet", 'q', PGR_OPTION_FLAG, &o->quiet, 0, 0, NULL},
      {"verbose", 'v', PGR_OPTION_FLAG, &o->verbose, 0, 0, NULL},
      {0}};
  int operands = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, &o->scenario, 1, &operands, help, err);
  o->explore |= o->budget_given;
  return code;
}

static int64_t at_most(int64_t a, int64_t b) {
  return a < b ? a : b;
}

static void fill_defaults(pgr_run_options *o, const pgr_scenario *s, size_t cells) {
  if (!o->contenders_given) o->contenders = o->agents;
  if (!o->connections_given) o->connections = at_most(o->agents, DEFAULT_CONNECTIONS);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (!o->threads_given) o->threads = at_most(at_most(cpus > 3 ? cpus / 2 : 1, THREADS_DEFAULT_MAX), o->connections);
  if (o->duration_given || o->budget_given) {
    o->rounds = 0;
  } else if (!o->rounds_given) {
    int64_t operations = at_most(DEFAULT_OPERATIONS, DEFAULT_OF_ALL / (int64_t)(cells ? cells : 1));
    o->rounds = at_most(DEFAULT_ROUNDS, operations / o->contenders);
    if (o->rounds < FEWEST_ROUNDS) o->rounds = FEWEST_ROUNDS;
    o->rounds = at_most(o->rounds, s->key.last - s->key.first + 1);
  }
  /* 32 bits: short enough to type again. */
  if (!o->seed_given) o->seed = (int64_t)(pgr_random_entropy() >> 32);
}

static pgr_code check_gaps(const pgr_run_options *o, pgr_err *err) {
  const pgr_option_ints *gaps = &o->gaps_ns;
  if (gaps->count > PGR_GAPS_MAX) return pgr_fail(err, PGR_EUSAGE, "--gap: at most %d of them", PGR_GAPS_MAX);
  for (int i = 0; i < gaps->count; i++)
    for (int j = 0; j < i; j++)
      if (gaps->items[i] == gaps->items[j]) return pgr_fail(err, PGR_EUSAGE, "--gap: the same gap twice");
  if (gaps->count > 1 && o->explore)
    return pgr_fail(err, PGR_EUSAGE, "--%s: a proof knows no pauses, so several gaps can only be raced: give one --gap",
                    o->budget_given ? "budget" : "explore");
  return PGR_OK;
}

static pgr_code check(const pgr_run_options *o, pgr_err *err) {
  if (o->rounds_given && o->duration_given)
    return pgr_fail(err, PGR_EUSAGE, "--rounds and --duration exclude each other");
  if (o->budget_given && (o->rounds_given || o->duration_given))
    return pgr_fail(err, PGR_EUSAGE, "--budget says how long all cells may take; it excludes --%s",
                    o->rounds_given ? "rounds" : "duration");
  if (o->duration_given && o->duration_ns == 0) return pgr_fail(err, PGR_EUSAGE, "--duration: give more than 0");
  if (o->budget_given && o->budget_ns == 0) return pgr_fail(err, PGR_EUSAGE, "--budget: give more than 0");
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
  if (o->quiet && o->verbose) return pgr_fail(err, PGR_EUSAGE, "--quiet and --verbose exclude each other");
  return check_gaps(o, err);
}

static pgr_code check_against(const pgr_run_options *o, const pgr_scenario *s, pgr_err *err) {
  int starts = 0;
  for (int k = 0; k < s->operation_count; k++)
    starts += s->operations[k].when == PGR_WHEN_START;
  if (o->contenders < starts)
    return pgr_fail(err, PGR_EUSAGE, "--contenders %lld: %s starts %d different operations, each needs an agent",
                    (long long)o->contenders, s->name, starts);
  int64_t keys = s->key.last - s->key.first + 1;
  if (o->rounds > keys)
    return pgr_fail(err, PGR_EUSAGE, "--rounds %lld: each contests a key of its own, and %s has %lld",
                    (long long)o->rounds, s->name, (long long)keys);
  return PGR_OK;
}

pgr_code pgr_run_options_settle(pgr_run_options *o, const pgr_scenario *s, size_t cells, pgr_err *err) {
  fill_defaults(o, s, cells);
  pgr_code code = check(o, err);
  return code ? code : check_against(o, s, err);
}
