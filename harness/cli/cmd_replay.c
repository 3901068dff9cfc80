/* pgrace replay: a witness's schedule, run again. */
#include "commands.h"
#include "exploring.h"
#include "gallery.h"
#include "inputs.h"
#include "options.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_rehearsal.h"
#include "pgr_units.h"
#include "witness_file.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { DEFAULT_TIMES = 20 };

typedef struct replay_options {
  int64_t times, step_timeout_ns;
  bool quiet;
  const char *file, *scenario, *dsn;
} replay_options;

typedef struct replay {
  replay_options options;
  pgr_witness witness;
  pgr_scenario *scenario;
  pgr_define defines[PGR_DEFINES_MAX];
  pgr_exploring exploring;
  pgr_place place;
  pgr_replayed replayed;
} replay;

static void help(void) {
  fputs("Usage: pgrace replay FILE [OPTION …]\n\n"
        "Runs the schedule of a witness that pgrace explore has written, against the\n"
        "scenario as it is now, and says whether the race is still there.\n\n"
        "  --times N          run it so often (default 20)\n"
        "  --scenario S       where its scenario is, if not where it was\n"
        "  --step-timeout D   cancel a statement that takes longer (default 10s)\n"
        "  --dsn URI          use this server: a database pgrace_… is created and dropped\n"
        "  -q, --quiet        the verdict only, no story\n\n"
        "Exit status: 0 the race is gone, 1 it is there, 2 the schedule does not fit the\n"
        "scripts any more, 4 usage or scenario, 5 database or environment.\n\n"
        "Example\n"
        "  pgrace replay pgrace-witness-claim-naive.json\n",
        stdout);
}

static pgr_code parse(replay_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  const pgr_option table[] = {{"times", 0, PGR_OPTION_INT, &o->times, 1, 100000, NULL},
                              {"scenario", 0, PGR_OPTION_TEXT, &o->scenario, 0, 0, NULL},
                              {"step-timeout", 0, PGR_OPTION_DURATION, &o->step_timeout_ns, 0, 0, NULL},
                              {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {"quiet", 'q', PGR_OPTION_FLAG, &o->quiet, 0, 0, NULL},
                              {0}};
  int operands = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, &o->file, 1, &operands, wants_help, err);
  if (!code && !*wants_help && !o->file) code = pgr_fail(err, PGR_EUSAGE, "name the witness: pgrace replay FILE");
  if (!code && o->step_timeout_ns == 0) code = pgr_fail(err, PGR_EUSAGE, "--step-timeout: give more than 0");
  return code;
}

/* ---- from the witness to options ---- */

static pgr_code choose_level(const char *name, pgr_isolation *out, const char *file, pgr_err *err) {
  for (int i = 0; i < PGR_ISOLATION_COUNT; i++) {
    if (strcmp(name, pgr_isolation_name((pgr_isolation)i)) != 0) continue;
    *out = (pgr_isolation)i;
    return PGR_OK;
  }
  return pgr_fail(err, PGR_EUSAGE, "%s: unknown isolation level '%.60s'", file, name);
}

static pgr_code choose_operations(const replay *r, uint32_t *mask, pgr_err *err) {
  const pgr_scenario *s = r->scenario;
  *mask = *r->witness.operations ? 0 : (UINT32_C(1) << s->operation_count) - 1;
  for (const char *at = r->witness.operations; *at;) {
    size_t len = strcspn(at, ",");
    bool found = false;
    for (int k = 0; k < s->operation_count; k++)
      if (strlen(s->operations[k].name) == len && strncmp(s->operations[k].name, at, len) == 0) {
        *mask |= UINT32_C(1) << k;
        found = true;
      }
    if (!found)
      return pgr_fail(err, PGR_EUSAGE, "%s: %s has no operation '%.*s' any more", r->options.file, s->name,
                      (int)(len < 60 ? len : 60), at);
    at += len + (at[len] == ',');
  }
  return PGR_OK;
}

static pgr_code add_defines(replay *r, pgr_err *err) {
  const pgr_scenario *s = r->scenario;
  pgr_explore_options *o = &r->exploring.options;
  for (int i = 0; i < r->witness.define_count && o->define_count < PGR_DEFINES_MAX; i++) {
    const pgr_witness_define *d = &r->witness.defines[i];
    int slot = pgr_names_find(&s->names, d->name, strlen(d->name));
    if (slot >= 0 && slot < PGR_SLOT_CLIENT_ID)
      return pgr_fail(err, PGR_EUSAGE, "%s: pgrace sets :%.60s itself", r->options.file, d->name);
    if (slot >= 0) r->defines[o->define_count++] = (pgr_define){slot, d->value};
  }
  return PGR_OK;
}

static pgr_code set_up(replay *r, pgr_err *err) {
  const pgr_witness *w = &r->witness;
  pgr_explore_options *o = &r->exploring.options;
  *o = (pgr_explore_options){.scenario = r->scenario,
                             .strategy = pgr_scenario_strategy(r->scenario, w->strategy),
                             .defines = r->defines,
                             .agents = w->agents,
                             .max_tries = w->max_tries,
                             .seed = (uint64_t)w->seed,
                             .split = w->split,
                             .bound = -1,
                             .step_timeout_ns = r->options.step_timeout_ns,
                             .jobs = 1,
                             .own_server = !r->options.dsn};
  o->oracles = strcmp(w->oracle, "serial") == 0  ? PGR_ORACLE_SERIAL
               : strcmp(w->oracle, "state") == 0 ? PGR_ORACLE_STATE
                                                 : PGR_ORACLE_RULES;
  if (!o->strategy)
    return pgr_fail(err, PGR_EUSAGE, "%s: %s has no strategy '%.60s' any more", r->options.file, r->scenario->name,
                    w->strategy);
  if (w->key != r->scenario->key.first)
    return pgr_fail(err, PGR_EUSAGE, "%s: it contests the key %lld, and the first of %s is %lld now", r->options.file,
                    (long long)w->key, r->scenario->name, (long long)r->scenario->key.first);
  bool alone = true;
  for (int i = 1; i < w->step_count; i++)
    alone &= w->steps[i].agent == w->steps[0].agent;
  if (alone) return pgr_fail(err, PGR_EUSAGE, "%s: all its steps are of one agent", r->options.file);
  pgr_code code = choose_level(w->isolation, &o->isolation, r->options.file, err);
  if (!code) code = pgr_inputs_protocol(r->scenario, w->protocol, &o->protocol, err);
  if (!code) code = pgr_inputs_check_scripts(r->scenario, o->strategy, o->protocol, false, err);
  if (!code) code = choose_operations(r, &o->operations, err);
  if (!code) code = add_defines(r, err);
  return code;
}

/* ---- running it ---- */

static int columns(void) {
  struct winsize size;
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 80) return size.ws_col < 200 ? size.ws_col : 200;
  return 80;
}

static int report(replay *r) {
  const pgr_replayed *p = &r->replayed;
  const pgr_witness *w = &r->witness;
  pgr_buf text;
  if (p->interrupted) {
    printf("%s / %s / %s: interrupted, after it broke %d of %d times.\n", w->scenario, w->strategy, w->isolation,
           p->broke, p->times);
    return 2;
  }
  if (*p->unfit) {
    printf("%s / %s / %s: the schedule does not fit any more.\n%s\n", w->scenario, w->strategy, w->isolation, p->unfit);
    return 2;
  }
  printf("%s / %s / %s: ", w->scenario, w->strategy, w->isolation);
  if (p->broke)
    printf("the race is there: broke “%s” %d of %d times.\n", w->rule, p->broke, p->times);
  else
    printf("the race is gone: “%s” held %d of %d times.\n", w->rule, p->times, p->times);
  if (!r->options.quiet) {
    pgr_witness seen = p->seen; /* what happened now, under the witness's names */
    seen.agents = w->agents;
    seen.rule = w->rule;
    seen.why = w->why;
    seen.scenario = w->scenario;
    for (int i = 0; p->broke && i < seen.step_count && i < w->step_count; i++)
      seen.steps[i].breaks = w->steps[i].breaks;
    pgr_buf_init(&text, 0);
    pgr_buf_adds(&text, "\n");
    pgr_witness_story(&seen, columns(), isatty(STDOUT_FILENO) && !getenv("NO_COLOR"), &text);
    fputs(pgr_buf_text(&text), stdout);
    pgr_buf_deinit(&text);
  }
  return p->broke ? 1 : 0;
}

static pgr_code run(replay *r, pgr_err *err) {
  pgr_stage stage = {.db = r->place.db,
                     .scenario = r->scenario,
                     .agents = (uint32_t)r->witness.agents,
                     .contenders = (uint32_t)r->witness.agents};
  pgr_explore_watch watch = pgr_exploring_watch(&r->exploring);
  pgr_code code = pgr_stage_install(&stage, r->exploring.options.strategy, err);
  if (code) return code;
  return pgr_replay_run(&r->exploring.options, &watch, &r->witness, (int)r->options.times, &r->replayed, err);
}

static pgr_code work(replay *r, pgr_err *err) {
  pgr_err close_err = {0};
  pgr_place_options place = {
      .dsn = r->options.dsn, .still = true, .fewer = "agents", .connections = r->witness.agents + 2};
  pgr_code code = pgr_place_open(&r->place, &place, err);
  if (code) return code;
  r->exploring.place = &r->place;
  code = run(r, err);
  pgr_code closed = pgr_place_close(&r->place, &close_err);
  if (!closed || code) return code;
  *err = close_err;
  return closed;
}

int pgr_cmd_replay(int argc, char **argv) {
  static replay r;
  pgr_err err = {0};
  pgr_faults faults = {0};
  bool wants_help = false;
  r.options = (replay_options){.times = DEFAULT_TIMES, .step_timeout_ns = 10 * PGR_NS_PER_S};
  pgr_code code = parse(&r.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    help();
    return 0;
  }
  if (!code) code = pgr_witness_load(r.options.file, &r.witness, &err);
  if (!code)
    code = pgr_gallery_open(r.options.scenario ? r.options.scenario : r.witness.scenario, &r.scenario, &faults, &err);
  if (!code) {
    pgr_scenario_check_sql(r.scenario, &faults);
    code = pgr_faults_first(&faults, &err);
  }
  if (code && faults.count) {
    int status = pgr_gallery_complain(&faults, &err);
    pgr_faults_deinit(&faults);
    pgr_witness_deinit(&r.witness);
    pgr_scenario_destroy(r.scenario);
    return status;
  }
  if (!code) code = set_up(&r, &err);
  if (!code) code = work(&r, &err);
  int status = code ? pgr_exit_status(code) : report(&r);
  if (code) fprintf(stderr, "pgrace: %s\n", err.msg);
  pgr_replayed_deinit(&r.replayed);
  pgr_witness_deinit(&r.witness);
  pgr_scenario_destroy(r.scenario);
  return status;
}
