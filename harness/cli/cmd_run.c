/* pgrace run: race the strategies of a scenario, one after the other, and say what came of it. */
#include "cells.h"
#include "commands.h"
#include "describe.h"
#include "gallery.h"
#include "outputs.h"
#include "pgr_clock.h"
#include "pgr_report.h"
#include "racing.h"
#include <stdio.h>
#include <string.h>

static const size_t HISTORY_MAX_OPS = 20000000; /* 1.4 GB; what a longer run needs is pgrace bench */

typedef struct run {
  pgr_run_options options;
  pgr_scenario *scenario;
  pgr_define defines[PGR_DEFINES_MAX];
  int define_count;
  pgr_protocol protocol;
  pgr_place place;
  pgr_result result;
  pgr_outputs outputs;
  pgr_racing racing;
  int64_t entered_ns;
} run;

/* Everything that can be found wrong before a server is asked. */
static pgr_code set_up(run *r, pgr_err *err) {
  pgr_run_options *o = &r->options;
  const pgr_scenario *s = r->scenario;
  r->result.scenario = s;
  if (!s->ownership.declared && s->invariant_count == 0)
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: nothing says what must hold: add 'ownership' or 'invariants', or let pgrace explore ask what "
                    "no serial order gives",
                    s->source.name);
  pgr_code code = pgr_cells_choose(&r->result, o->strategies, o->isolation, &o->gaps_ns, err);
  if (!code) code = pgr_run_options_settle(o, s, r->result.cell_count, err);
  if (!code) code = pgr_outputs_check_format(o->format, false, err);
  if (!code) code = pgr_inputs_protocol(s, o->protocol, &r->protocol, err);
  for (size_t i = 0; !code && i < r->result.cell_count; i++)
    code = pgr_inputs_check_scripts(s, r->result.cells[i].strategy, r->protocol, o->allow_shell, err);
  if (!code) code = pgr_inputs_defines(s, &o->defines, r->defines, &r->define_count, err);
  if (!code) code = pgr_place_raise_descriptors(o->connections, o->threads, err);
  r->outputs = (pgr_outputs){.format = o->format, .verbose = o->verbose};
  if (!code && o->out) code = pgr_outdir_open(o->out, &r->outputs.out, err);
  return code;
}

static void describe(run *r) {
  pgr_result *result = &r->result;
  const pgr_run_options *o = &r->options;
  result->command = "run";
  result->seed = (uint64_t)o->seed;
  result->settings.agents = (uint32_t)o->agents;
  result->settings.contenders = (uint32_t)o->contenders;
  result->settings.connections = (uint32_t)o->connections;
  result->settings.threads = (uint32_t)o->threads;
  result->settings.rounds = o->rounds;
  result->settings.duration_ns = o->duration_ns;
  result->settings.budget_ns = o->budget_ns;
  result->settings.gap_count = o->gaps_ns.count;
  memcpy(result->settings.gaps_ns, o->gaps_ns.items, sizeof result->settings.gaps_ns);
  result->settings.max_tries = (int)o->max_tries;
  result->settings.durable = o->durable;
  result->settings.protocol = r->protocol;
}

static void print_header(void *user) {
  const run *r = user;
  pgr_buf line;
  if (r->options.quiet || !pgr_outputs_are_text(&r->outputs)) return;
  pgr_buf_init(&line, 0);
  pgr_report_header(&r->result, &line);
  fputs(pgr_buf_text(&line), stdout);
  fflush(stdout);
  pgr_buf_deinit(&line);
}

static pgr_code race(run *r, pgr_err *err) {
  const pgr_run_options *o = &r->options;
  r->racing.options = o;
  r->racing.scenario = r->scenario;
  r->racing.place = &r->place;
  r->racing.result = &r->result;
  r->racing.out = r->outputs.out;
  r->racing.entered_ns = r->entered_ns;
  r->racing.begun = print_header;
  r->racing.user = r;
  r->racing.race = (pgr_race_options){.scenario = r->scenario,
                                      .protocol = r->protocol,
                                      .defines = r->defines,
                                      .define_count = r->define_count,
                                      .agents = (uint32_t)o->agents,
                                      .contenders = (uint32_t)o->contenders,
                                      .connections = (uint32_t)o->connections,
                                      .threads = (uint32_t)o->threads,
                                      .rounds = o->rounds,
                                      .duration_ns = o->duration_ns,
                                      .max_tries = (int)o->max_tries,
                                      .seed = (uint64_t)o->seed,
                                      .max_ops = HISTORY_MAX_OPS};
  pgr_progress_init(&r->racing.progress, stderr);
  return pgr_racing_run(&r->racing, err);
}

/* What the environment ended is a result too, for those who asked for one: CI sees an error, and what ran until then.
 */
static pgr_code report(run *r, pgr_code ended, const pgr_err *why, pgr_err *err) {
  pgr_result *result = &r->result;
  bool environment = pgr_exit_status(ended) == 5;
  if (!pgr_outdir_works(r->outputs.out)) {
    pgr_outdir_close(r->outputs.out);
    r->outputs.out = NULL;
  }
  if (ended && (!environment || !pgr_outputs_want_errors(&r->outputs))) return PGR_OK;
  if (ended) snprintf(result->error, sizeof result->error, "%.290s", why->msg);
  result->complete = !ended && !result->interrupted;
  for (size_t i = 0; i < result->cell_count; i++)
    result->complete &= result->cells[i].evidence.ran && result->cells[i].evidence.complete;
  pgr_result_judge(result);
  if (ended) result->exit_status = pgr_exit_status(ended);
  return pgr_outputs_write(&r->outputs, &(pgr_document){.run = result}, NULL, err);
}

static void complain(const pgr_err *err) {
  fprintf(stderr, "pgrace: %s\n", err->msg);
}

/* The first error counts; of those that follow from it, or come while cleaning up, it is only told. */
static pgr_code work(run *r, pgr_err *err) {
  pgr_err next = {0};
  const pgr_run_options *o = &r->options;
  int more = o->explore ? PGR_SEARCH_AGENTS_MAX + 1 : 0;
  describe(r);
  pgr_code code = pgr_place_open(
      &r->place,
      &(pgr_place_options){
          .dsn = o->dsn, .durable = o->durable, .still = o->explore, .connections = (int)o->connections + more},
      err);
  bool open = !code;
  if (open) pgr_describe_environment(&r->result.environment, &r->place, o->dsn);
  if (open) code = race(r, err);
  pgr_code closed = open ? pgr_place_close(&r->place, &next) : PGR_OK;
  if (closed && code) complain(&next);
  if (closed && !code) *err = next;
  if (!code) code = closed;
  pgr_code reported = report(r, code, err, &next);
  if (reported && code) complain(&next);
  if (reported && !code) *err = next;
  return code ? code : reported;
}

int pgr_cmd_run(int argc, char **argv) {
  static run r; /* about a megabyte: witnesses of every cell */
  pgr_err err = {0};
  pgr_faults faults = {0};
  bool wants_help = false;
  r.entered_ns = pgr_now_ns();
  pgr_code code = pgr_run_options_parse(&r.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    pgr_run_help();
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
  pgr_outputs_repeat(argc, argv, (uint64_t)r.options.seed, r.options.seed_given, r.result.repeat,
                     sizeof r.result.repeat);
  if (!code) code = work(&r, &err);
  pgr_racing_deinit(&r.racing);
  pgr_result_deinit(&r.result);
  pgr_outdir_close(r.outputs.out);
  pgr_scenario_destroy(r.scenario);
  if (code) complain(&err);
  return code ? pgr_exit_status(code) : r.result.exit_status;
}
