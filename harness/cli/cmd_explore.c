/* pgrace explore: every schedule of a few agents that can matter, and either a proof or a witness. */
#include "cells.h"
#include "commands.h"
#include "describe.h"
#include "exploring.h"
#include "gallery.h"
#include "inputs.h"
#include "outputs.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_random.h"
#include "pgr_rehearsal.h"
#include "pgr_report.h"
#include "pgr_units.h"
#include "spec_command.h"
#include "witness_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_LIMIT = 20000, DEFAULT_JOBS_MAX = 4, REPLAYS = 20, SERIAL_AGENTS_MAX = 4 };
static const int64_t DEFAULT_STEP_TIMEOUT_NS = 10 * PGR_NS_PER_S;

typedef struct explore_options {
  int64_t agents, bound, limit, time_ns, jobs, seed, step_timeout_ns, max_tries;
  bool agents_given, bound_given, jobs_given, seed_given, time_given, step_timeout_given;
  bool no_reduction, keep_going, split, quiet, verbose;
  const char *scenario, *strategies, *isolation, *operations, *oracles, *protocol, *dsn, *out, *format, *emit_spec;
  pgr_option_list defines;
} explore_options;

typedef struct exploration {
  explore_options options;
  pgr_scenario *scenario;
  pgr_define defines[PGR_DEFINES_MAX];
  pgr_exploring exploring;
  pgr_place place;
  pgr_result result;
  pgr_witness witnesses[PGR_CELLS_MAX]; /* by cell */
  pgr_outputs outputs;
  pgr_progress progress;
  const pgr_cell *told; /* whose story was printed */
  pgr_err unwritten;    /* a witness or a spec that could not be written; code 0: all were */
} exploration;

static void help(void) {
  fputs("Usage: pgrace explore [SCENARIO | FILE.spec] [OPTION …]\n\n"
        "Runs every order of a few agents' statements that can matter, one statement at a\n"
        "time, and ends with a proof that the scenario's rules hold, or with the shortest\n"
        "schedule found that breaks them (default scenario: claim). A .spec file is one of\n"
        "PostgreSQL's isolation tests: its permutations are run as isolationtester does.\n\n"
        "What is explored\n"
        "  --strategy A,B      these strategies, or all (default: those the scenario compares)\n"
        "  --isolation L,M     at these levels, or all (default: the first each strategy lists)\n"
        "  --agents N          2 … 8 (default: as few as make sense, mostly 2)\n"
        "  --operations A,B    run these operations only (default: all)\n"
        "  --split             also stop inside statements, between reading and writing: adds\n"
        "                      triggers to the tables (strategies marked 'sampled: rarely'\n"
        "                      always have it)\n"
        "  -D NAME=VALUE       set a variable of the scripts; again for more\n"
        "  --max-tries N       tries of an operation, whatever the scenario says\n"
        "  --oracle A,B        what objects: rules, serial (no serial order gives this), state\n"
        "                      (default: rules, or serial where the scenario has none)\n"
        "How far\n"
        "  --limit N           schedules a cell, the last quarter at random (default 20,000)\n"
        "  --time D            a cell, as 10s, 1m\n"
        "  --bound B           only schedules with at most B preemptions, all of them\n"
        "  --no-reduction      also those that only reorder statements that commute\n"
        "  -k, --keep-going    past the first schedule that breaks a rule: count them\n"
        "  --step-timeout D    cancel a statement that takes longer (default 10s)\n"
        "How\n"
        "  --jobs J            workers, each in a database of its own (default: processors,\n"
        "                      up to 4)\n"
        "  --seed N            of the scripts' random functions and the random schedules\n"
        "  -M, --protocol P    simple, extended or prepared (default: the scenario's)\n"
        "  --dsn URI           use this server: databases pgrace_… are created and dropped\n"
        "What comes out\n"
        "  --format F          on standard output: text (default), json, junit, tap, markdown,\n"
        "                      github, html, trace\n"
        "  --out DIR           also write result.json, a witness a cell, junit.xml, summary.md,\n"
        "                      report.html and trace.json into DIR\n"
        "  --emit-spec FILE    the witness as a spec for PostgreSQL's isolationtester\n"
        "  -q, --quiet         no progress, no header\n"
        "  -v, --verbose       every cell's witness, not the first one only\n\n"
        "Exit status: 0 as expected, 1 an expectation broke, 2 neither proof nor witness,\n"
        "4 usage or scenario, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace explore claim --strategy naive,trigger\n"
        "  pgrace explore ./mine --agents 3 --time 1m --jobs 2\n"
        "  pgrace explore insert-not-exists --strategy not-exists\n",
        stdout);
}

static pgr_code parse(explore_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  const pgr_option table[] = {
      {"strategy", 0, PGR_OPTION_TEXT, &o->strategies, 0, 0, NULL},
      {"isolation", 0, PGR_OPTION_TEXT, &o->isolation, 0, 0, NULL},
      {"operations", 0, PGR_OPTION_TEXT, &o->operations, 0, 0, NULL},
      {"oracle", 0, PGR_OPTION_TEXT, &o->oracles, 0, 0, NULL},
      {"protocol", 'M', PGR_OPTION_TEXT, &o->protocol, 0, 0, NULL},
      {"define", 'D', PGR_OPTION_LIST, &o->defines, 0, 0, NULL},
      {"agents", 0, PGR_OPTION_INT, &o->agents, 2, PGR_SEARCH_AGENTS_MAX, &o->agents_given},
      {"bound", 0, PGR_OPTION_INT, &o->bound, 0, PGR_SEARCH_DEPTH_MAX, &o->bound_given},
      {"limit", 0, PGR_OPTION_INT, &o->limit, 1, 1000000000, NULL},
      {"time", 0, PGR_OPTION_DURATION, &o->time_ns, 0, 0, &o->time_given},
      {"jobs", 0, PGR_OPTION_INT, &o->jobs, 1, PGR_JOBS_MAX, &o->jobs_given},
      {"seed", 0, PGR_OPTION_INT, &o->seed, 0, (INT64_C(1) << 53) - 1, &o->seed_given},
      {"step-timeout", 0, PGR_OPTION_DURATION, &o->step_timeout_ns, 0, 0, &o->step_timeout_given},
      {"max-tries", 0, PGR_OPTION_INT, &o->max_tries, 1, 1000, NULL},
      {"no-reduction", 0, PGR_OPTION_FLAG, &o->no_reduction, 0, 0, NULL},
      {"keep-going", 'k', PGR_OPTION_FLAG, &o->keep_going, 0, 0, NULL},
      {"split", 0, PGR_OPTION_FLAG, &o->split, 0, 0, NULL},
      {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
      {"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, NULL},
      {"out", 0, PGR_OPTION_TEXT, &o->out, 0, 0, NULL},
      {"emit-spec", 0, PGR_OPTION_TEXT, &o->emit_spec, 0, 0, NULL},
      {"quiet", 'q', PGR_OPTION_FLAG, &o->quiet, 0, 0, NULL},
      {"verbose", 'v', PGR_OPTION_FLAG, &o->verbose, 0, 0, NULL},
      {0}};
  int operands = 0;
  return pgr_options_parse(table, argc, argv, &o->scenario, 1, &operands, wants_help, err);
}

static pgr_code check(const explore_options *o, pgr_err *err) {
  if (o->time_given && o->time_ns == 0) return pgr_fail(err, PGR_EUSAGE, "--time: give more than 0");
  if (o->step_timeout_ns == 0) return pgr_fail(err, PGR_EUSAGE, "--step-timeout: give more than 0");
  if (o->quiet && o->verbose) return pgr_fail(err, PGR_EUSAGE, "--quiet and --verbose exclude each other");
  return pgr_outputs_check_format(o->format, false, err);
}

/* ---- what is explored ---- */

static bool bit_of(const char *word, const char *const *names, int count, uint32_t *mask) {
  for (int i = 0; i < count; i++)
    if (names[i] && strcmp(names[i], word) == 0) {
      *mask |= UINT32_C(1) << i;
      return true;
    }
  return false;
}

/* A comma list of names as a mask. */
static pgr_code read_words(const char *option, const char *text, const char *const *names, int count, uint32_t *mask,
                           pgr_err *err) {
  *mask = 0;
  while (*text) {
    char word[64];
    size_t len = strcspn(text, ",");
    snprintf(word, sizeof word, "%.*s", (int)len, text);
    if (len && !bit_of(word, names, count, mask)) {
      const char *near = pgr_nearest(word, names);
      return near ? pgr_fail(err, PGR_EUSAGE, "%s: unknown '%s', did you mean '%s'?", option, word, near)
                  : pgr_fail(err, PGR_EUSAGE, "%s: unknown '%s'", option, word);
    }
    text += len + (text[len] == ',');
  }
  return *mask ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "%s: name at least one", option);
}

static pgr_code choose_operations(const exploration *x, uint32_t *mask, pgr_err *err) {
  const pgr_scenario *s = x->scenario;
  const char *names[PGR_OPERATIONS_MAX + 1] = {NULL};
  bool starts = false;
  for (int k = 0; k < s->operation_count; k++)
    names[k] = s->operations[k].name;
  *mask = (UINT32_C(1) << s->operation_count) - 1;
  if (!x->options.operations) return PGR_OK;
  pgr_code code = read_words("--operations", x->options.operations, names, s->operation_count, mask, err);
  for (int k = 0; k < s->operation_count; k++)
    starts |= *mask >> k & 1 && s->operations[k].when == PGR_WHEN_START;
  return code || starts ? code : pgr_fail(err, PGR_EUSAGE, "--operations: none of them begins the round");
}

static pgr_code choose_oracles(const exploration *x, unsigned *out, pgr_err *err) {
  static const char *const names[] = {"rules", "serial", "state", NULL};
  const pgr_scenario *s = x->scenario;
  bool has_rules = s->ownership.declared || s->invariant_count > 0;
  uint32_t mask = has_rules ? PGR_ORACLE_RULES : PGR_ORACLE_SERIAL;
  pgr_code code = x->options.oracles ? read_words("--oracle", x->options.oracles, names, 3, &mask, err) : PGR_OK;
  *out = mask;
  if (!code && mask & ~(uint32_t)PGR_ORACLE_RULES && x->options.agents > SERIAL_AGENTS_MAX)
    return pgr_fail(err, PGR_EUSAGE, "--agents %lld: every serial order has to be known, which takes %d agents at most",
                    (long long)x->options.agents, SERIAL_AGENTS_MAX);
  if (!code && mask & PGR_ORACLE_RULES && !has_rules)
    return pgr_fail(err, PGR_EUSAGE, "--oracle rules: %s declares none; give serial or state", s->name);
  return code;
}

static pgr_code check_agents(const exploration *x, pgr_err *err) {
  int least = pgr_exploring_agents(x->scenario), starts = 0;
  const pgr_ownership *own = &x->scenario->ownership;
  if (own->declared && own->capacity >= PGR_SEARCH_AGENTS_MAX && x->scenario->invariant_count == 0)
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: %lld may own a %s at once, a race takes one more, and no more than %d agents can be explored: "
                    "use pgrace run",
                    x->scenario->name, (long long)own->capacity, x->scenario->key.name, PGR_SEARCH_AGENTS_MAX);
  for (int k = 0; k < x->scenario->operation_count; k++)
    starts += x->scenario->operations[k].when == PGR_WHEN_START;
  if (x->options.agents >= starts) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--agents %lld: %s starts %d different operations, each needs an agent; give %d",
                  (long long)x->options.agents, x->scenario->name, starts, least);
}

static bool as_text(const exploration *x) {
  return strcmp(x->options.format, "text") == 0;
}

/* Everything that can be found wrong before a server is asked. */
static pgr_code set_up(exploration *x, pgr_err *err) {
  explore_options *o = &x->options;
  pgr_explore_options *e = &x->exploring.options;
  x->result.scenario = x->scenario;
  if (!o->agents_given) o->agents = pgr_exploring_agents(x->scenario);
  long cpus = sysconf(_SC_NPROCESSORS_ONLN);
  if (!o->jobs_given) o->jobs = cpus < 1 ? 1 : cpus < DEFAULT_JOBS_MAX ? cpus : DEFAULT_JOBS_MAX;
  if (!o->seed_given) o->seed = (int64_t)(pgr_random_entropy() >> 32);
  bool relative = o->scenario && *o->scenario != '/' && strpbrk(o->scenario, "/.");
  *e = (pgr_explore_options){.scenario = x->scenario,
                             .where = relative ? o->scenario : NULL,
                             .defines = x->defines,
                             .agents = (int)o->agents,
                             .max_tries = (int)o->max_tries,
                             .seed = (uint64_t)o->seed,
                             .reduce = !o->no_reduction,
                             .keep_going = o->keep_going,
                             .bound = o->bound_given ? (int)o->bound : -1,
                             .limit = o->limit,
                             .duration_ns = o->time_ns,
                             .step_timeout_ns = o->step_timeout_ns,
                             .jobs = (int)o->jobs,
                             .replays = REPLAYS,
                             .own_server = !o->dsn};
  pgr_code code = pgr_cells_choose(&x->result, o->strategies, o->isolation, NULL, err);
  if (!code) code = check(o, err);
  if (!code) code = check_agents(x, err);
  if (!code) code = pgr_inputs_protocol(x->scenario, o->protocol, &e->protocol, err);
  if (!code) code = choose_operations(x, &e->operations, err);
  if (!code) code = choose_oracles(x, &e->oracles, err);
  for (size_t i = 0; !code && i < x->result.cell_count; i++)
    code = pgr_inputs_check_scripts(x->scenario, x->result.cells[i].strategy, e->protocol, false, err);
  if (!code) code = pgr_inputs_defines(x->scenario, &o->defines, x->defines, &e->define_count, err);
  /* Text is told cell by cell, as they come. */
  x->outputs = (pgr_outputs){.format = as_text(x) ? NULL : o->format, .verbose = o->verbose};
  if (!code && o->out) code = pgr_outdir_open(o->out, &x->outputs.out, err);
  return code;
}

/* ---- cell by cell ---- */

static int columns(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 80) return size.ws_col < 200 ? size.ws_col : 200;
  return 80;
}

static bool colours(void) {
  return isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
}

static void print(pgr_buf *text) {
  fputs(pgr_buf_text(text), stdout);
  fflush(stdout);
  pgr_buf_clear(text);
}

static void print_header(const exploration *x) {
  const pgr_result *r = &x->result;
  if (x->options.quiet || !as_text(x)) return;
  printf("pgrace " PGR_VERSION " · %s PostgreSQL %s · exploring with %lld worker%s · seed %llu\n\n",
         r->environment.private_server ? "private" : "your", r->environment.server_version, (long long)x->options.jobs,
         x->options.jobs == 1 ? "" : "s", (unsigned long long)r->seed);
  fflush(stdout);
}

/* The story of the first race that is not expected, as soon as it is there; of an expected one, when only a few cells
 * are asked for. */
static bool tells_story(const exploration *x, const pgr_cell *cell) {
  if (cell->proof.witness && x->options.verbose) return true;
  if (!cell->proof.witness || (x->told && (x->told->judgement.as_expected <= cell->judgement.as_expected)))
    return false;
  return !cell->judgement.as_expected || !x->told;
}

/* A file that cannot be written loses nothing else: the first such error is told at the end. */
static void note_unwritten(exploration *x, pgr_code code, const pgr_err *err) {
  if (!code || x->unwritten.code) return;
  x->unwritten = *err;
  x->unwritten.code = code;
}

static void save_witness(exploration *x, const pgr_cell *cell, bool story) {
  char path[512];
  pgr_err err;
  pgr_code code = pgr_witness_save(cell->proof.witness, x->outputs.out ? x->options.out : ".", path, sizeof path, &err);
  note_unwritten(x, code, &err);
  if (code || !story || !as_text(x)) return;
  bool lost = x->options.scenario && *x->options.scenario == '/'; /* a witness holds no path of a machine */
  printf("  Again: pgrace replay %s%s%s\n\n", path, lost ? " --scenario " : "", lost ? x->options.scenario : "");
}

static void emit_spec(exploration *x, const pgr_cell *cell) {
  pgr_err err;
  pgr_stage stage = {.db = x->place.db,
                     .scenario = x->scenario,
                     .agents = (uint32_t)x->options.agents,
                     .contenders = (uint32_t)x->options.agents};
  pgr_code code = pgr_witness_emit_spec(cell->proof.witness, &stage, cell->strategy, x->options.emit_spec, &err);
  note_unwritten(x, code, &err);
  if (!code && as_text(x)) printf("  For isolationtester: %s\n\n", x->options.emit_spec);
}

static void tell(exploration *x, const pgr_cell *cell) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  bool story = tells_story(x, cell);
  if (as_text(x)) {
    pgr_report_proof(&x->result, cell, colours(), &text);
    if (story) pgr_report_witness(cell, columns(), colours(), &text);
    if (story) pgr_buf_adds(&text, "\n");
    print(&text);
  }
  if (cell->proof.witness && (story || x->outputs.out)) save_witness(x, cell, story);
  if (story && x->options.emit_spec && (!x->told || !cell->judgement.as_expected)) emit_spec(x, cell);
  if (story) x->told = cell;
  pgr_buf_deinit(&text);
}

/* A strategy has a database of its own; its levels share it, unless yield points were put into it. */
static pgr_code prepare(exploration *x, const pgr_cell *cell, pgr_err *err) {
  const pgr_cell *first = x->result.cells, *last = cell > first ? cell - 1 : NULL;
  pgr_stage stage = {.db = x->place.db,
                     .scenario = x->scenario,
                     .agents = (uint32_t)x->options.agents,
                     .contenders = (uint32_t)x->options.agents};
  pgr_race_options race = {.scenario = x->scenario, .strategy = cell->strategy};
  pgr_race_watch watch = {0};
  if (last && last->strategy == cell->strategy && !x->exploring.options.split) return pgr_stage_reset(&stage, err);
  pgr_code code = last ? pgr_place_renew(&x->place, err) : PGR_OK;
  stage.db = x->place.db;
  if (!code) code = pgr_stage_install(&stage, cell->strategy, err);
  return code ? code : pgr_rehearse(&stage, &race, x->place.target, &watch, false, err);
}

static pgr_code explore_one(exploration *x, pgr_cell *cell, pgr_err *err) {
  bool split = x->options.split || cell->strategy->sampled_rarely;
  pgr_progress_restart(&x->progress);
  pgr_code code = prepare(x, cell, err); /* as the cell before left it */
  x->exploring.options.split = split;
  if (!code) code = pgr_exploring_run(&x->exploring, cell, &x->witnesses[cell - x->result.cells], err);
  if (code) return code;
  pgr_result_judge(&x->result);
  tell(x, cell);
  return PGR_OK;
}

static pgr_code explore_all(exploration *x, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < x->result.cell_count && !pgr_interrupt_pending(); i++)
    code = explore_one(x, &x->result.cells[i], err);
  if (pgr_interrupt_pending()) {
    x->result.interrupted = true;
    snprintf(x->result.note, sizeof x->result.note, "Interrupted: what was explored is shown, and incomplete.");
  }
  return code == PGR_EINTERRUPTED ? PGR_OK : code;
}

static void describe(exploration *x) {
  pgr_result *r = &x->result;
  r->command = "explore";
  r->seed = (uint64_t)x->options.seed;
  r->settings.agents = r->settings.contenders = r->settings.connections = (uint32_t)x->options.agents;
  r->settings.threads = (uint32_t)x->options.jobs;
  r->settings.max_tries = (int)x->options.max_tries;
  r->settings.protocol = x->exploring.options.protocol;
}

/* What the environment ended is a result too, for those who asked for one: CI sees an error, and what ran until then.
 */
static pgr_code report(exploration *x, pgr_code ended, const pgr_err *why, pgr_err *err) {
  bool environment = pgr_exit_status(ended) == 5;
  if (ended && (!environment || !pgr_outputs_want_errors(&x->outputs))) return PGR_OK;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_code code = PGR_OK;
  if (ended) snprintf(x->result.error, sizeof x->result.error, "%.290s", why->msg);
  x->result.complete = !ended && !x->result.interrupted;
  for (size_t i = 0; i < x->result.cell_count; i++)
    x->result.complete &= x->result.cells[i].evidence.ran && x->result.cells[i].evidence.complete;
  pgr_result_judge(&x->result);
  if (ended) x->result.exit_status = pgr_exit_status(ended);
  if (x->options.emit_spec && !x->told)
    fprintf(stderr, "pgrace: no witness, %s is not written\n", x->options.emit_spec);
  if (as_text(x)) pgr_report_proofs(&x->result, colours(), &text);
  if (fwrite(text.data ? text.data : "", 1, text.len, stdout) != text.len || fflush(stdout))
    code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the report to standard output");
  pgr_buf_deinit(&text);
  if (!code) code = pgr_outputs_write(&x->outputs, &(pgr_document){.run = &x->result}, NULL, err);
  if (!code && x->unwritten.code) {
    *err = x->unwritten;
    code = x->unwritten.code;
  }
  return code;
}

/* The first error counts; of those that follow from it, or come while cleaning up, it is only told. */
static pgr_code work(exploration *x, pgr_err *err) {
  pgr_err next = {0};
  const explore_options *o = &x->options;
  pgr_progress_init(&x->progress, stderr);
  x->exploring.place = &x->place;
  x->exploring.progress = o->quiet ? NULL : &x->progress;
  pgr_place_options place = {
      .dsn = o->dsn, .still = true, .fewer = "--jobs or --agents", .connections = (int)(o->jobs * (o->agents + 2) + 2)};
  describe(x);
  pgr_code code = pgr_place_open(&x->place, &place, err);
  bool open = !code;
  if (open) pgr_describe_environment(&x->result.environment, &x->place, o->dsn);
  if (open) print_header(x);
  if (open) code = explore_all(x, err);
  pgr_progress_wipe(&x->progress);
  pgr_code closed = open ? pgr_place_close(&x->place, &next) : PGR_OK;
  if (closed && code) fprintf(stderr, "pgrace: %s\n", next.msg);
  if (closed && !code) *err = next;
  if (!code) code = closed;
  pgr_code reported = report(x, code, err, &next);
  if (reported && code) fprintf(stderr, "pgrace: %s\n", next.msg);
  if (reported && !code) *err = next;
  return code ? code : reported;
}

static bool is_spec(const char *name) {
  size_t len = name ? strlen(name) : 0;
  return len > 5 && strcmp(name + len - 5, ".spec") == 0;
}

int pgr_cmd_explore(int argc, char **argv) {
  static exploration x; /* figures of every cell */
  pgr_err err = {0};
  pgr_faults faults = {0};
  bool wants_help = false;
  x.options = (explore_options){.limit = DEFAULT_LIMIT, .step_timeout_ns = DEFAULT_STEP_TIMEOUT_NS, .format = "text"};
  pgr_code code = parse(&x.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    help();
    return 0;
  }
  if (!code && is_spec(x.options.scenario))
    return pgr_spec_command(x.options.scenario, x.options.dsn,
                            x.options.step_timeout_given ? x.options.step_timeout_ns : 0);
  if (!code) code = pgr_gallery_open(x.options.scenario ? x.options.scenario : "claim", &x.scenario, &faults, &err);
  if (!code) {
    pgr_scenario_check_sql(x.scenario, &faults);
    code = pgr_faults_first(&faults, &err);
  }
  if (code && faults.count) {
    int status = pgr_gallery_complain(&faults, &err);
    pgr_faults_deinit(&faults);
    pgr_scenario_destroy(x.scenario);
    return status;
  }
  if (!code) code = set_up(&x, &err);
  pgr_outputs_repeat(argc, argv, (uint64_t)x.options.seed, x.options.seed_given, x.result.repeat,
                     sizeof x.result.repeat);
  if (!code) code = work(&x, &err);
  for (size_t i = 0; i < PGR_CELLS_MAX; i++)
    pgr_witness_deinit(&x.witnesses[i]);
  pgr_result_deinit(&x.result);
  pgr_outdir_close(x.outputs.out);
  pgr_scenario_destroy(x.scenario);
  if (!code) return x.result.exit_status;
  fprintf(stderr, "pgrace: %s\n", err.msg);
  return pgr_exit_status(err.code);
}
