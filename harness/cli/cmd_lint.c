/* pgrace lint: is a scenario right? Without a server as far as that can be told, with one also by its word. */
#include "commands.h"
#include "gallery.h"
#include "options.h"
#include "pgr_rehearsal.h"
#include "place.h"
#include <stdio.h>

enum { SCENARIOS_MAX = 100, AGENTS = 4 };

typedef struct lint_options {
  bool server;
  const char *dsn;
} lint_options;

/* Opened when the first scenario needs it, shared by all. */
typedef struct linter {
  lint_options options;
  pgr_place place;
  bool open, used;
} linter;

static void help(void) {
  fputs("Usage: pgrace lint [--server | --dsn URI] SCENARIO …\n\n"
        "Checks scenarios without running them: the YAML, the scripts, and each SQL\n"
        "statement by PostgreSQL 15's grammar. Whether tables and columns exist only a\n"
        "server knows:\n\n"
        "  --server    also install every strategy in a throw-away PostgreSQL, let it\n"
        "              prepare every statement, and check seed, reset and invariants\n"
        "  --dsn URI   the same on this server, in databases pgrace_… that are dropped\n"
        "              ('' takes PGHOST, PGUSER … from the environment)\n\n"
        "A SCENARIO is a name of the gallery, a folder NAME that holds NAME.yaml, or the\n"
        "path of a YAML file.\n\n"
        "Says 'NAME: ok' for each one that is right; for the others what is wrong and\n"
        "where, on standard error.\n\n"
        "Exit status: 0 all are right, 4 some are not, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace lint claim\n"
        "  pgrace lint --server ./mine ./other/other.yaml\n",
        stdout);
}

static pgr_code empty_database(linter *l, pgr_err *err) {
  pgr_code code = PGR_OK;
  if (!l->open)
    code = pgr_place_open(&l->place, &(pgr_place_options){.dsn = l->options.dsn, .connections = AGENTS}, err);
  else if (l->used)
    code = pgr_place_renew(&l->place, err);
  if (!code) l->open = l->used = true;
  return code;
}

static pgr_code on_check(void *user, pgr_err *err) {
  return pgr_place_check(&((linter *)user)->place, err);
}

/* Scripts that run a shell are not run: nobody allowed it. */
static pgr_code rehearse(linter *l, const pgr_stage *stage, const pgr_strategy *strategy, pgr_err *err) {
  pgr_define defines[PGR_VARIABLES_MAX];
  for (int i = 0; i < stage->scenario->variable_count; i++)
    defines[i] = (pgr_define){stage->scenario->variables[i].slot, stage->scenario->variables[i].text};
  pgr_race_options options = {.scenario = stage->scenario,
                              .strategy = strategy,
                              .isolation = strategy->first,
                              .protocol = stage->scenario->protocol,
                              .defines = defines,
                              .define_count = stage->scenario->variable_count,
                              .agents = AGENTS,
                              .contenders = AGENTS,
                              .connections = AGENTS,
                              .threads = 1,
                              .rounds = 1,
                              .max_ops = SIZE_MAX};
  pgr_race_watch watch = {.check = on_check, .user = l};
  return pgr_rehearse(stage, &options, l->place.target, &watch, !stage->scenario->uses_shell, err);
}

static pgr_code check_strategy(linter *l, const pgr_scenario *s, const pgr_strategy *strategy, pgr_faults *faults,
                               pgr_err *err) {
  pgr_code code = empty_database(l, err);
  if (code) return code;
  pgr_stage stage = {.db = l->place.db, .scenario = s, .agents = AGENTS, .contenders = AGENTS};
  size_t before = faults->count;
  code = pgr_stage_install(&stage, strategy, err);
  if (!code) code = pgr_stage_check_statements(&stage, strategy, faults, err);
  if (code || faults->count > before) return code;
  return rehearse(l, &stage, strategy, err);
}

static pgr_code check(linter *l, const pgr_scenario *s, pgr_faults *faults, pgr_err *err) {
  pgr_scenario_check_sql(s, faults);
  if (!l->options.server && !l->options.dsn) return PGR_OK;
  pgr_code code = PGR_OK;
  for (int i = 0; !code && faults->count == 0 && i < s->strategy_count; i++)
    code = check_strategy(l, s, &s->strategies[i], faults, err);
  return code;
}

/* Returns the exit status. */
static int lint(linter *l, const char *name) {
  pgr_scenario *s = NULL;
  pgr_faults faults = {0};
  pgr_err err;
  int status = 0;
  pgr_code code = pgr_gallery_open(name, &s, &faults, &err);
  if (!code) code = check(l, s, &faults, &err);
  if (code || faults.count > 0)
    status = pgr_gallery_complain(&faults, &err);
  else
    printf("%s: ok\n", name);
  pgr_scenario_destroy(s);
  pgr_faults_deinit(&faults);
  return status;
}

int pgr_cmd_lint(int argc, char **argv) {
  linter l = {0};
  const pgr_option table[] = {{"server", 0, PGR_OPTION_FLAG, &l.options.server, 0, 0, NULL},
                              {"dsn", 0, PGR_OPTION_TEXT, &l.options.dsn, 0, 0, NULL},
                              {0}};
  const char *names[SCENARIOS_MAX];
  int count = 0, status = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, names, SCENARIOS_MAX, &count, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  if (!code && count == 0)
    code =
        pgr_fail(&err, PGR_EUSAGE, "lint: name a scenario, as in: pgrace lint claim; pgrace list shows what there is");
  if (code) {
    fprintf(stderr, "pgrace: %s\n", err.msg);
    return pgr_exit_status(code);
  }
  for (int i = 0; i < count; i++) {
    int one = lint(&l, names[i]);
    if (one > status) status = one;
  }
  if (l.open && pgr_place_close(&l.place, &err)) {
    fprintf(stderr, "pgrace: %s\n", err.msg);
    status = pgr_exit_status(err.code);
  }
  if (fflush(stdout)) {
    perror("pgrace: cannot write");
    return pgr_exit_status(PGR_EENVIRONMENT);
  }
  return status;
}
