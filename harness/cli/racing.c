#include "racing.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_rehearsal.h"
#include "pgr_rules.h"
#include <stdio.h>

enum { EXPLORE_REPLAYS = 20 };
static const int64_t EXPLORE_NS = 5 * PGR_NS_PER_S; /* a cell; what takes longer is raced */
static const int64_t STEP_TIMEOUT_NS = 10 * PGR_NS_PER_S;
/* Of a time budget: what is not worth to begin with, and what a race must at least have shown. */
static const int64_t EXPLORE_LEAST_NS = 20 * PGR_NS_PER_MS, RACE_LEAST_NS = 50 * PGR_NS_PER_MS;
static const double BOUND_MOST = 0.05;

static void on_progress(void *user, const pgr_race_progress *p) {
  pgr_racing *r = user;
  char what[128];
  size_t cell = (size_t)(r->current - r->result->cells) + 1;
  int len = 0;
  if (r->options->quiet) return;
  if (r->result->cell_count > 2) len = snprintf(what, sizeof what, "%zu of %zu: ", cell, r->result->cell_count);
  snprintf(what + len, sizeof what - (size_t)len, "%s, %s", r->current->strategy->name,
           pgr_isolation_name(r->current->isolation));
  pgr_progress_show(&r->progress, what, p->rounds, p->rounds_planned, p->elapsed_ns, r->race.duration_ns, p->suspects);
}

static pgr_code on_check(void *user, pgr_err *err) {
  return pgr_place_check(((pgr_racing *)user)->place, err);
}

static pgr_stage stage_of(const pgr_racing *r) {
  return (pgr_stage){
      .db = r->place->db, .scenario = r->scenario, .agents = r->race.agents, .contenders = r->race.contenders};
}

static pgr_code on_seed(void *user, int64_t first, int64_t last, pgr_err *err) {
  pgr_stage stage = stage_of(user);
  return pgr_stage_seed(&stage, first, last, err);
}

static pgr_race_watch watch_of(pgr_racing *r) {
  return (pgr_race_watch){.progress = on_progress, .check = on_check, .seed = on_seed, .user = r};
}

/* A strategy has a database of its own; its cells share it, reset in between. */
static pgr_code prepare(pgr_racing *r, pgr_cell *cell, pgr_err *err) {
  const pgr_strategy *before = r->installed;
  pgr_race_watch watch = watch_of(r);
  r->current = cell;
  r->race.strategy = cell->strategy;
  r->race.isolation = cell->isolation;
  r->race.gap_ns = cell->gap_ns;
  pgr_progress_restart(&r->progress);
  if (before == cell->strategy && !r->altered) {
    pgr_stage stage = stage_of(r);
    return pgr_stage_reset(&stage, err);
  }
  r->installed = NULL;
  pgr_code code = before || r->altered ? pgr_place_renew(r->place, err) : PGR_OK;
  if (code) return code;
  pgr_stage stage = stage_of(r); /* of the new database */
  r->altered = false;
  code = pgr_stage_install(&stage, cell->strategy, err);
  if (!code && before != cell->strategy) code = pgr_rehearse(&stage, &r->race, r->place->target, &watch, true, err);
  if (!code) r->installed = cell->strategy;
  if (!code && !r->has_begun && r->begun) r->begun(r->user);
  r->has_begun |= !code;
  return code;
}

/* ---- proofs ---- */

/* The cell before anything was found. */
static pgr_cell plain(const pgr_cell *cell, int64_t gap_ns) {
  return (pgr_cell){.strategy = cell->strategy,
                    .isolation = cell->isolation,
                    .gap_ns = gap_ns,
                    .evidence = {.expect = cell->evidence.expect, .sampled_rarely = cell->evidence.sampled_rarely}};
}

/* Whether few agents, one statement at a time, can show what the scenario is about. */
static bool can_be_proved(const pgr_scenario *s) {
  bool too_many_own = s->ownership.declared && s->ownership.capacity >= PGR_SEARCH_AGENTS_MAX;
  return !too_many_own && !s->uses_shell;
}

/* Whether the exploration says something of the cell: a schedule broke a rule, an operation failed, or all was seen and
 * everybody can get what he wants at times. */
static bool says_something(const pgr_cell *cell) {
  const pgr_evidence *e = &cell->evidence;
  if (cell->proof.totals.broken > 0) return true;
  return !e->trouble && (e->failed > 0 || (cell->proof.proved && !e->never_ok));
}

/* When it says nothing the cell is as it was. */
static pgr_code explore_one(pgr_racing *r, pgr_cell *cell, int64_t duration_ns, pgr_err *err) {
  const pgr_evidence before = cell->evidence;
  size_t i = (size_t)(cell - r->result->cells);
  pgr_explore_options *o = &r->exploring.options;
  pgr_code code = prepare(r, cell, err);
  if (code) return code;
  *o = (pgr_explore_options){.scenario = r->scenario,
                             .protocol = r->race.protocol,
                             .defines = r->race.defines,
                             .define_count = r->race.define_count,
                             .agents = pgr_exploring_agents(r->scenario),
                             .operations = (UINT32_C(1) << r->scenario->operation_count) - 1,
                             .oracles = PGR_ORACLE_RULES,
                             .max_tries = r->race.max_tries,
                             .seed = r->race.seed,
                             .split = cell->strategy->sampled_rarely,
                             .reduce = true,
                             .bound = -1,
                             .duration_ns = duration_ns,
                             .step_timeout_ns = STEP_TIMEOUT_NS,
                             .jobs = 1,
                             .replays = EXPLORE_REPLAYS,
                             .own_server = !r->options->dsn};
  r->exploring.place = r->place;
  r->exploring.progress = r->options->quiet ? NULL : &r->progress;
  code = pgr_exploring_run(&r->exploring, cell, &r->witnesses[i], err);
  r->settled[i] = !code && says_something(cell);
  r->altered = o->split || !r->settled[i];
  if (r->settled[i]) cell->gap_ns = 0; /* no pauses are taken */
  if (code || r->settled[i]) return code;
  *cell = plain(cell, cell->gap_ns);
  cell->evidence = before;
  pgr_witness_deinit(&r->witnesses[i]);
  r->witnesses[i] = (pgr_witness){0};
  return PGR_OK;
}

static pgr_code explore_all(pgr_racing *r, pgr_err *err) {
  pgr_result *result = r->result;
  int64_t until_ns = r->started_ns + r->options->budget_ns / 2; /* what proofs may take of a budget */
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < result->cell_count && !pgr_interrupt_pending(); i++) {
    int64_t share_ns = EXPLORE_NS;
    if (r->options->budget_ns) share_ns = (until_ns - pgr_now_ns()) / (int64_t)(result->cell_count - i);
    if (share_ns >= EXPLORE_LEAST_NS) code = explore_one(r, &result->cells[i], share_ns, err);
  }
  return code;
}

/* ---- races ---- */

/* After an interrupt the rows are worth a few seconds still, over a connection that is not interrupted. */
static pgr_code check_rules(pgr_racing *r, const pgr_race_result *raced, pgr_findings *findings, pgr_err *err) {
  pgr_stage stage = stage_of(r);
  pgr_db *db = NULL;
  if (pgr_interrupt_pending() && pgr_db_connect_for_cleanup(r->place->target, &db, err) == PGR_OK) stage.db = db;
  pgr_code code = pgr_rules_check(&stage, raced->history, &raced->unfinished, findings, err);
  pgr_db_close(db);
  return code;
}

/* A race that time allowed little of is no evidence, whatever it did not show. */
static void judge_length(pgr_racing *r, pgr_cell *cell) {
  if (!r->options->budget_ns || cell->evidence.duplicates > 0 || cell->upper_bound <= BOUND_MOST) return;
  cell->evidence.complete = false;
  snprintf(r->result->note, sizeof r->result->note,
           "The time budget left a race too short (a bound above %.0f %%): raise --budget.", 100 * BOUND_MOST);
}

static pgr_code settle(pgr_racing *r, pgr_cell *cell, const pgr_race_result *raced, pgr_err *err) {
  const pgr_scenario *s = r->scenario;
  pgr_findings findings = {0};
  cell->rounds = raced->rounds;
  cell->elapsed_ns = raced->elapsed_ns;
  cell->served = raced->served;
  cell->evidence.complete =
      raced->complete || (r->options->budget_ns && (raced->history_full || raced->keys_used_up) && !raced->interrupted);
  pgr_code code = check_rules(r, raced, &findings, err);
  if (!code) code = pgr_cell_fill(cell, s, &raced->tally, raced->history, &raced->trace, &findings, err);
  pgr_findings_deinit(&findings);
  if (!code) judge_length(r, cell);
  if (!code && r->out) {
    const char *kinds[PGR_OPERATIONS_MAX] = {NULL};
    for (int k = 0; k < s->operation_count; k++)
      kinds[k] = s->operations[k].name;
    code = pgr_outdir_add_history(r->out, raced->history, cell->strategy->name, pgr_isolation_name(cell->isolation),
                                  cell->gap_ns, kinds, err);
  }
  return code;
}

/* With a time budget a race that ran out of keys or room has run for long enough. */
static void note(pgr_racing *r, const pgr_race_result *raced) {
  pgr_result *result = r->result;
  if (raced->interrupted) result->interrupted = true;
  if (r->options->budget_ns) return;
  if (raced->history_full)
    snprintf(result->note, sizeof result->note,
             "The history is full (%zu operations) and the run was cut short: use fewer rounds.", r->race.max_ops);
  if (raced->keys_used_up)
    snprintf(result->note, sizeof result->note,
             "Every key of the scenario was used and the run was cut short: raise key.last or lower --duration.");
}

static pgr_code race_one(pgr_racing *r, pgr_cell *cell, pgr_err *err) {
  pgr_race_watch watch = watch_of(r);
  pgr_race_result raced;
  pgr_code code = prepare(r, cell, err);
  if (code) return code;
  code = pgr_race_run(&r->race, r->place->target, &watch, &raced, err);
  pgr_progress_wipe(&r->progress);
  if (!code) code = settle(r, cell, &raced, err);
  if (!r->result->environment.startup_ns && raced.started_ns)
    r->result->environment.startup_ns = raced.started_ns - r->entered_ns;
  note(r, &raced);
  pgr_race_result_deinit(&raced);
  return code;
}

/* What a race did not show is bounded only where a race shows something: where cells are left to be raced and no
 * control is among them, one that was proved to race. NULL: none is needed, or there is none. */
static pgr_cell *control_to_race(const pgr_racing *r) {
  pgr_result *result = r->result;
  pgr_cell *control = NULL;
  bool any_left = false;
  for (size_t i = 0; i < result->cell_count; i++) {
    pgr_cell *cell = &result->cells[i];
    bool is_control = pgr_cell_expect(cell) == PGR_EXPECT_RACE && !cell->strategy->sampled_rarely;
    bool broke = cell->evidence.duplicates > 0 && cell->evidence.failed == 0;
    any_left |= !r->settled[i] && !is_control;
    if (is_control && !r->settled[i]) return NULL;
    if (is_control && broke && !control) control = cell;
  }
  return any_left ? control : NULL;
}

static bool has_time(pgr_racing *r, size_t left) {
  if (!r->options->budget_ns || left == 0) return true;
  r->race.duration_ns = (r->started_ns + r->options->budget_ns - pgr_now_ns()) / (int64_t)left;
  if (r->race.duration_ns >= RACE_LEAST_NS) return true;
  snprintf(r->result->note, sizeof r->result->note,
           "The time budget was used up before every cell had its race: raise --budget.");
  return false;
}

/* Its witness gives way to what the race showed, if it came to that. */
static pgr_code race_control(pgr_racing *r, pgr_cell *cell, pgr_err *err) {
  size_t i = (size_t)(cell - r->result->cells);
  r->proved = *cell;
  *cell = plain(cell, r->options->gaps_ns.items[0]);
  pgr_code code = race_one(r, cell, err);
  if (code || !cell->evidence.ran) {
    *cell = r->proved;
    return code;
  }
  pgr_witness_deinit(&r->witnesses[i]);
  r->witnesses[i] = (pgr_witness){0};
  return PGR_OK;
}

static pgr_code race_all(pgr_racing *r, pgr_err *err) {
  pgr_result *result = r->result;
  pgr_cell *control = r->options->explore ? control_to_race(r) : NULL;
  pgr_code code = PGR_OK;
  size_t left = control != NULL;
  for (size_t i = 0; i < result->cell_count; i++)
    left += !r->settled[i];
  if (control && !pgr_interrupt_pending() && has_time(r, left)) code = race_control(r, control, err);
  left -= control != NULL;
  for (size_t i = 0; !code && i < result->cell_count && !pgr_interrupt_pending(); i++)
    if (!r->settled[i] && has_time(r, left--)) code = race_one(r, &result->cells[i], err);
  return code;
}

pgr_code pgr_racing_run(pgr_racing *r, pgr_err *err) {
  pgr_code code = PGR_OK;
  r->started_ns = pgr_now_ns();
  if (r->options->explore && can_be_proved(r->scenario)) code = explore_all(r, err);
  if (!code) code = race_all(r, err);
  if (pgr_interrupt_pending()) {
    r->result->interrupted = true;
    snprintf(r->result->note, sizeof r->result->note, "Interrupted: what ran is shown, and incomplete.");
  }
  return code == PGR_EINTERRUPTED ? PGR_OK : code;
}

void pgr_racing_deinit(pgr_racing *r) {
  for (size_t i = 0; i < PGR_CELLS_MAX; i++)
    pgr_witness_deinit(&r->witnesses[i]);
}
