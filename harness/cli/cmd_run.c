/* pgrace run: race the strategies of a scenario, one after the other, and say what came of it. */
#include "cells.h"
#include "commands.h"
#include "describe.h"
#include "exploring.h"
#include "gallery.h"
#include "inputs.h"
#include "options.h"
#include "outdir.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_progress.h"
#include "pgr_race.h"
#include "pgr_rehearsal.h"
#include "pgr_report.h"
#include "pgr_rules.h"
#include "pgr_units.h"
#include "place.h"
#include <stdio.h>
#include <stdlib.h>
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
enum { EXPLORE_REPLAYS = 20 };
static const int64_t EXPLORE_NS = 5 * PGR_NS_PER_S; /* a cell; what takes longer is raced */
static const size_t HISTORY_MAX_OPS = 20000000;     /* 1.4 GB; what a longer run needs is pgrace bench */

typedef struct run_options {
  int64_t agents, contenders, connections, threads, rounds, duration_ns, gap_ns, max_tries, seed;
  bool rounds_given, duration_given, contenders_given, connections_given, threads_given, seed_given;
  bool durable, quiet, allow_shell, explore;
  const char *scenario, *strategies, *isolation, *protocol, *dsn, *out, *format;
  pgr_option_list defines;
} run_options;

typedef struct run {
  run_options options;
  pgr_scenario *scenario;
  pgr_define defines[PGR_DEFINES_MAX];
  int define_count;
  pgr_race_options race;
  pgr_place place;
  pgr_result result;
  pgr_outdir *out; /* NULL without --out */
  pgr_progress progress;
  const pgr_cell *current;
  pgr_exploring exploring;              /* with --explore */
  pgr_witness witnesses[PGR_CELLS_MAX]; /* by cell */
  bool split;                           /* the cell before left yield points in the database */
  int64_t entered_ns;
} run;

static void help(void) {
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
        "  --gap D             think time between check and use: :gap in the scripts (default 0)\n"
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
        "  --format text|json  on standard output (default text)\n"
        "  --out DIR           also write DIR/result.json and DIR/history.csv\n"
        "  -q, --quiet         no progress, no header\n\n"
        "Exit status: 0 as expected, 1 an expectation broke, 2 inconclusive or interrupted,\n"
        "4 usage or scenario, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace run\n"
        "  pgrace run claim --strategy all --isolation all\n"
        "  pgrace run ./mine --agents 200 --contenders 4 --connections 20 --duration 10s\n"
        "  pgrace run --dsn postgresql://me@localhost/postgres --out race-report\n",
        stdout);
}

static pgr_code parse(run_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
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
  int operands = 0;
  return pgr_options_parse(table, argc, argv, &o->scenario, 1, &operands, wants_help, err);
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

static void fill_defaults(run_options *o, const pgr_scenario *s, size_t cells) {
  if (!o->contenders_given) o->contenders = o->agents;
  if (!o->connections_given) o->connections = at_most(o->agents, DEFAULT_CONNECTIONS);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (!o->threads_given) o->threads = at_most(at_most(cpus > 3 ? cpus / 2 : 1, THREADS_DEFAULT_MAX), o->connections);
  if (o->duration_given) {
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

static pgr_code check_against_scenario(run *r, pgr_err *err) {
  const pgr_scenario *s = r->scenario;
  int starts = 0;
  if (!s->ownership.declared && s->invariant_count == 0)
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: nothing says what must hold: add 'ownership' or 'invariants', or let pgrace explore ask what "
                    "no serial order gives",
                    s->source.name);
  pgr_code code = pgr_inputs_protocol(s, r->options.protocol, &r->race.protocol, err);
  for (size_t i = 0; !code && i < r->result.cell_count; i++)
    code = pgr_inputs_check_scripts(s, r->result.cells[i].strategy, r->race.protocol, r->options.allow_shell, err);
  if (code) return code;
  for (int k = 0; k < s->operation_count; k++)
    starts += s->operations[k].when == PGR_WHEN_START;
  if (r->options.contenders < starts)
    return pgr_fail(err, PGR_EUSAGE, "--contenders %lld: %s starts %d different operations, each needs an agent",
                    (long long)r->options.contenders, s->name, starts);
  int64_t keys = s->key.last - s->key.first + 1;
  if (r->options.rounds > keys)
    return pgr_fail(err, PGR_EUSAGE, "--rounds %lld: each contests a key of its own, and %s has %lld",
                    (long long)r->options.rounds, s->name, (long long)keys);
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
  result->settings.gaps_ns[0] = o->gap_ns;
  result->settings.gap_count = 1;
  result->settings.max_tries = (int)o->max_tries;
  result->settings.durable = o->durable;
  pgr_describe_environment(&result->environment, &r->place, o->dsn);
  result->settings.protocol = r->race.protocol;
  r->race = (pgr_race_options){.scenario = result->scenario,
                               .protocol = r->race.protocol,
                               .defines = r->defines,
                               .define_count = r->define_count,
                               .agents = (uint32_t)o->agents,
                               .contenders = (uint32_t)o->contenders,
                               .connections = (uint32_t)o->connections,
                               .threads = (uint32_t)o->threads,
                               .rounds = o->rounds,
                               .duration_ns = o->duration_ns,
                               .gap_ns = o->gap_ns,
                               .max_tries = (int)o->max_tries,
                               .seed = (uint64_t)o->seed,
                               .max_ops = HISTORY_MAX_OPS};
}

static void on_progress(void *user, const pgr_race_progress *p) {
  run *r = user;
  char what[128];
  if (r->options.quiet) return;
  snprintf(what, sizeof what, "%s, %s", r->current->strategy->name, pgr_isolation_name(r->current->isolation));
  pgr_progress_show(&r->progress, what, p->rounds, p->rounds_planned, p->elapsed_ns, r->options.duration_ns,
                    p->suspects);
}

static pgr_code on_check(void *user, pgr_err *err) {
  return pgr_place_check(&((run *)user)->place, err);
}

static pgr_stage stage_of(const run *r) {
  return (pgr_stage){.db = r->place.db,
                     .scenario = r->scenario,
                     .agents = (uint32_t)r->options.agents,
                     .contenders = (uint32_t)r->options.contenders};
}

static pgr_code on_seed(void *user, int64_t first, int64_t last, pgr_err *err) {
  pgr_stage stage = stage_of(user);
  return pgr_stage_seed(&stage, first, last, err);
}

/* A strategy has a database of its own; its isolation levels share it, reset in between. */
static pgr_code prepare(run *r, const pgr_cell *cell, const pgr_race_watch *watch, pgr_err *err) {
  const pgr_cell *first = r->result.cells, *last = cell > first ? cell - 1 : NULL;
  bool new = last && (last->strategy != cell->strategy || r->split);
  pgr_code code = new ? pgr_place_renew(&r->place, err) : PGR_OK;
  if (code) return code;
  r->split = false;
  pgr_stage stage = stage_of(r);
  if (last && !new) return pgr_stage_reset(&stage, err);
  code = pgr_stage_install(&stage, cell->strategy, err);
  return code ? code : pgr_rehearse(&stage, &r->race, r->place.target, watch, true, err);
}

/* After an interrupt the rows are worth a few seconds still, over a connection that is not interrupted. */
static pgr_code check_rules(run *r, const pgr_race_result *raced, pgr_findings *findings, pgr_err *err) {
  pgr_stage stage = stage_of(r);
  pgr_db *db = NULL;
  if (pgr_interrupt_pending() && pgr_db_connect_for_cleanup(r->place.target, &db, err) == PGR_OK) stage.db = db;
  pgr_code code = pgr_rules_check(&stage, raced->history, &raced->unfinished, findings, err);
  pgr_db_close(db);
  return code;
}

static pgr_code settle(run *r, pgr_cell *cell, const pgr_race_result *raced, pgr_err *err) {
  const pgr_scenario *s = r->scenario;
  pgr_findings findings = {0};
  cell->rounds = raced->rounds;
  cell->elapsed_ns = raced->elapsed_ns;
  cell->served = raced->served;
  cell->evidence.complete = raced->complete;
  pgr_code code = check_rules(r, raced, &findings, err);
  if (!code) code = pgr_cell_fill(cell, s, &raced->tally, raced->history, &raced->trace, &findings, err);
  pgr_findings_deinit(&findings);
  if (!code && r->out) {
    const char *kinds[PGR_OPERATIONS_MAX] = {NULL};
    for (int k = 0; k < s->operation_count; k++)
      kinds[k] = s->operations[k].name;
    code = pgr_outdir_add_history(r->out, raced->history, cell->strategy->name, pgr_isolation_name(cell->isolation),
                                  kinds, err);
  }
  return code;
}

static void note(run *r, const pgr_race_result *raced) {
  if (raced->interrupted) r->result.interrupted = true;
  if (raced->history_full)
    snprintf(r->result.note, sizeof r->result.note,
             "The history is full (%zu operations) and the run was cut short: use fewer rounds.", HISTORY_MAX_OPS);
  if (raced->keys_used_up)
    snprintf(r->result.note, sizeof r->result.note,
             "Every key of the scenario was used and the run was cut short: raise key.last or lower --duration.");
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

/* With --explore: *done when it ended with a proof or a witness. Else the cell is as it was, its database too. */
static pgr_code explore_one(run *r, pgr_cell *cell, bool *done, pgr_err *err) {
  const pgr_evidence before = cell->evidence;
  size_t i = (size_t)(cell - r->result.cells);
  pgr_explore_options *o = &r->exploring.options;
  *o = (pgr_explore_options){.scenario = r->scenario,
                             .protocol = r->race.protocol,
                             .defines = r->defines,
                             .define_count = r->define_count,
                             .agents = pgr_exploring_agents(r->scenario),
                             .operations = (UINT32_C(1) << r->scenario->operation_count) - 1,
                             .oracles = PGR_ORACLE_RULES,
                             .max_tries = (int)r->options.max_tries,
                             .seed = (uint64_t)r->options.seed,
                             .split = cell->strategy->sampled_rarely,
                             .reduce = true,
                             .bound = -1,
                             .duration_ns = EXPLORE_NS,
                             .step_timeout_ns = 2 * EXPLORE_NS,
                             .jobs = 1,
                             .replays = EXPLORE_REPLAYS,
                             .own_server = !r->options.dsn};
  r->exploring.place = &r->place;
  r->exploring.progress = r->options.quiet ? NULL : &r->progress;
  r->split = o->split;
  pgr_code code = pgr_exploring_run(&r->exploring, cell, &r->witnesses[i], err);
  *done = !code && (cell->proof.proved || cell->proof.totals.broken > 0 || cell->evidence.failed > 0);
  if (code || *done) return code;
  cell->evidence = before;
  cell->proof = (pgr_proof){0};
  code = pgr_place_renew(&r->place, err);
  pgr_stage stage = stage_of(r);
  r->split = false;
  return code ? code : pgr_stage_install(&stage, cell->strategy, err);
}

static pgr_code race_one(run *r, pgr_cell *cell, pgr_err *err) {
  pgr_race_watch watch = {.progress = on_progress, .check = on_check, .seed = on_seed, .user = r};
  pgr_race_result raced;
  r->current = cell;
  r->race.strategy = cell->strategy;
  r->race.isolation = cell->isolation;
  pgr_progress_restart(&r->progress);
  pgr_code code = prepare(r, cell, &watch, err);
  if (code) return code;
  if (cell == r->result.cells) print_header(r); /* not before the scenario has shown that it works */
  bool explored = false;
  if (r->options.explore) code = explore_one(r, cell, &explored, err);
  if (code || explored) return code;
  code = pgr_race_run(&r->race, r->place.target, &watch, &raced, err);
  pgr_progress_wipe(&r->progress);
  if (!code) code = settle(r, cell, &raced, err);
  if (!r->result.environment.startup_ns && raced.started_ns)
    r->result.environment.startup_ns = raced.started_ns - r->entered_ns;
  note(r, &raced);
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
    pgr_report_text(&r->result, isatty(STDOUT_FILENO) && !getenv("NO_COLOR") ? PGR_STYLE_COLOUR : 0, &text);
  }
  if (fwrite(text.data ? text.data : "", 1, text.len, stdout) != text.len || fflush(stdout))
    code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the report to standard output");
  pgr_buf_deinit(&text);
  return code;
}

static int complain(const pgr_err *err) {
  fprintf(stderr, "pgrace: %s\n", err->msg);
  return pgr_exit_status(err->code);
}

/* Everything that can be found wrong before a server is asked. */
static pgr_code set_up(run *r, pgr_err *err) {
  run_options *o = &r->options;
  r->result.scenario = r->scenario;
  pgr_code code = pgr_cells_choose(&r->result, o->strategies, o->isolation, err);
  if (!code) fill_defaults(o, r->scenario, r->result.cell_count);
  if (!code) code = check(o, err);
  if (!code) code = check_against_scenario(r, err);
  if (!code) code = pgr_inputs_defines(r->scenario, &o->defines, r->defines, &r->define_count, err);
  if (!code) code = pgr_place_raise_descriptors(o->connections, o->threads, err);
  if (!code && o->out) code = pgr_outdir_open(o->out, &r->out, err);
  return code;
}

static pgr_code work(run *r, pgr_err *err) {
  pgr_err close_err = {0};
  pgr_progress_init(&r->progress, stderr);
  int more = r->options.explore ? PGR_SEARCH_AGENTS_MAX + 1 : 0;
  pgr_code code = pgr_place_open(&r->place,
                                 &(pgr_place_options){.dsn = r->options.dsn,
                                                      .durable = r->options.durable,
                                                      .still = r->options.explore,
                                                      .connections = (int)r->options.connections + more},
                                 err);
  if (code) return code;
  describe(r);
  code = race_all(r, err);
  pgr_code closed = pgr_place_close(&r->place, &close_err);
  if (!code) code = report(r, err);
  if (closed && !code) {
    code = closed;
    *err = close_err;
  } else if (closed) {
    complain(&close_err);
  }
  return code;
}

int pgr_cmd_run(int argc, char **argv) {
  static run r; /* about a megabyte: figures of every cell */
  pgr_err err = {0};
  pgr_faults faults = {0};
  bool wants_help = false;
  r.entered_ns = pgr_now_ns();
  r.options = (run_options){.agents = DEFAULT_AGENTS, .format = "text"};
  pgr_code code = parse(&r.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    help();
    return 0;
  }
  if (!code) code = pgr_gallery_open(r.options.scenario ? r.options.scenario : "claim", &r.scenario, &faults, &err);
  if (!code) {
    pgr_scenario_check_sql(r.scenario, &faults); /* better now than in every round */
    code = pgr_faults_first(&faults, &err);
  }
  if (code && faults.count) {
    int status = pgr_gallery_complain(&faults, &err);
    pgr_faults_deinit(&faults);
    pgr_scenario_destroy(r.scenario);
    return status;
  }
  if (!code) code = set_up(&r, &err);
  if (!code) code = work(&r, &err);
  for (size_t i = 0; i < PGR_CELLS_MAX; i++)
    pgr_witness_deinit(&r.witnesses[i]);
  pgr_result_deinit(&r.result);
  pgr_outdir_close(r.out);
  pgr_scenario_destroy(r.scenario);
  return code ? complain(&err) : r.result.exit_status;
}
