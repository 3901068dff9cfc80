/* The end of a schedule: what the state is, which rule is broken, and everything put back, in one round trip where it
 * can be. Only tables that something may have written are looked at and put back: the others are what the seed made. */
#include "player_internal.h"

#include "pgr_mem.h"
#include "pgr_ownership.h"
#include "pgr_units.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  BATCH_MAX = 4 * PGR__TABLES_MAX + PGR_INVARIANTS_MAX + 60,
  TRUNCATE_EVERY = 200 /* schedules: deleted rows pile up */
};

typedef enum purpose { FOR_NOTHING, FOR_STATE, FOR_INVARIANT } purpose;

/* Statements of one round trip, and what their results are for. */
typedef struct batch {
  pgr__player *p;
  pgr_control_statement statements[BATCH_MAX];
  struct {
    purpose for_what;
    int index; /* table or invariant */
  } uses[BATCH_MAX];
  int count;
  uint64_t state;
  int broken;  /* the first invariant that is; -1: none */
  int keyless; /* an invariant whose rows have no key; -1: none */
} batch;

static void add(batch *b, int statement, purpose for_what, int index) {
  b->statements[b->count] = (pgr_control_statement){.statement = statement};
  b->uses[b->count].for_what = for_what;
  b->uses[b->count++].index = index;
}

static bool may_have_changed(const pgr__player *p, const pgr__table *t) {
  return (p->written & t->own) != 0;
}

/* Tables that nothing has written count with what they had after the seed. deletes: clearing a table returns what was
 * in it, which saves looking. */
static void add_state(batch *b, bool deletes) {
  const pgr__plan *plan = b->p->plan;
  for (int i = 0; i < plan->table_count; i++) {
    if (!may_have_changed(b->p, &plan->tables[i]))
      b->state += plan->tables[i].seed_print;
    else if (!deletes)
      add(b, plan->tables[i].print, FOR_STATE, i);
  }
}

static void on_batch_result(void *user, int index, const PGresult *r) {
  batch *b = user;
  const pgr__plan *plan = b->p->plan;
  int which = b->uses[index].index;
  switch (b->uses[index].for_what) {
  case FOR_NOTHING: return;
  case FOR_STATE: b->state += pgr__table_print(&plan->tables[which], r); return;
  case FOR_INVARIANT:
    if (PQntuples(r) == 0) return;
    if (b->broken < 0) b->broken = which;
    if (PQfnumber(r, "key") < 0) b->keyless = which;
    return;
  }
}

static pgr_code run(batch *b, pgr_err *err) {
  return b->count ? pgr_lockstep_batch(b->p->lockstep, b->statements, b->count, on_batch_result, b, err) : PGR_OK;
}

pgr_code pgr__look_at_state(pgr__player *p, uint64_t *state, pgr_err *err) {
  batch *b = pgr_calloc(1, sizeof *b);
  if (!b) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  b->p = p;
  add_state(b, false);
  pgr_code code = run(b, err);
  *state = b->state;
  pgr_free(b);
  return code;
}

/* ---- rules ---- */

static pgr_code add_invariants(batch *b, pgr_err *err) {
  pgr__player *p = b->p;
  const pgr_scenario *s = p->plan->options->scenario;
  if (s->invariant_count == 0) return PGR_OK;
  if (pgr__needs_history(s)) {
    pgr__history_rows_clear(&p->rows);
    for (size_t i = 0; i < pgr_history_count(p->history); i++)
      pgr__history_rows_add(&p->rows, s, pgr_history_at(p->history, i));
    add(b, p->plan->history_insert, FOR_NOTHING, 0);
    b->statements[b->count - 1].count = PGR__HISTORY_COLUMNS;
    b->statements[b->count - 1].values = pgr__history_rows_values(&p->rows);
    if (!b->statements[b->count - 1].values) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  for (int i = 0; i < s->invariant_count; i++)
    add(b, p->plan->invariants + i, FOR_INVARIANT, i);
  if (pgr__needs_history(s)) add(b, p->plan->history_clear, FOR_NOTHING, 0);
  return PGR_OK;
}

static pgr_code check_ownership(const pgr__player *p, pgr__end *end, pgr_err *err) {
  const pgr_ownership *o = &p->plan->options->scenario->ownership;
  pgr_ownership_report report = {0};
  if (!o->declared) return PGR_OK;
  pgr_ownership_model model = {.acquire = o->acquire, .release = o->release, .capacity = o->capacity};
  pgr_code code = pgr_verify_ownership(p->history, model, &report, err);
  if (!code && report.broken.count) {
    end->broken_rule = 0;
    if (report.kept_count) end->second_owner = pgr_history_at(p->history, report.kept[0].second)->agent;
  }
  end->unexplained = !code && report.unexplained > 0;
  pgr_ownership_report_deinit(&report);
  return code;
}

/* ---- putting back ---- */

static void add_restore(batch *b, bool truncate, bool wants_state) {
  const pgr__plan *plan = b->p->plan;
  if (truncate) add(b, plan->truncate, FOR_NOTHING, 0);
  for (int i = 0; !truncate && i < plan->table_count; i++)
    if (may_have_changed(b->p, &plan->tables[i]))
      add(b, plan->tables[i].clear, wants_state ? FOR_STATE : FOR_NOTHING, i);
  for (int i = 0; i < plan->table_count; i++)
    if (truncate || may_have_changed(b->p, &plan->tables[i])) add(b, plan->tables[i].fill, FOR_NOTHING, 0);
  for (int i = 0; b->p->written & plan->sequence_mask && i < plan->sequence_count; i++)
    add(b, plan->sequences + i, FOR_NOTHING, 0);
}

static pgr_code restore_slowly(pgr__player *p, pgr_err *err) {
  const pgr_explore_options *o = p->plan->options;
  pgr_stage stage = {
      .db = p->room.db, .scenario = o->scenario, .agents = (uint32_t)o->agents, .contenders = (uint32_t)o->agents};
  int64_t key = o->scenario->key.first;
  pgr_code code = pgr_stage_reset(&stage, err);
  return code ? code : pgr_stage_seed(&stage, key, key, err);
}

static bool wants_truncate(pgr__player *p) {
  if (p->plan->table_count == 0) return false;
  bool serializable = p->plan->options->isolation == PGR_SERIALIZABLE;
  if (!serializable && ++p->restores < TRUNCATE_EVERY) return false;
  p->restores = 0;
  return true;
}

pgr_code pgr__judge_and_restore(pgr__player *p, bool judge, uint64_t *state, pgr__end *end, pgr_err *err) {
  pgr_code code = judge ? check_ownership(p, end, err) : PGR_OK;
  if (code) return code;
  batch *b = pgr_calloc(1, sizeof *b);
  if (!b) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  b->p = p;
  b->broken = b->keyless = -1;
  bool wants_state = judge && state, truncate = p->plan->fast && wants_truncate(p);
  if (wants_state) add_state(b, p->plan->fast && !truncate);
  if (judge) code = add_invariants(b, err);
  if (p->plan->fast) add_restore(b, truncate, wants_state);
  if (!code) code = run(b, err);
  if (!code && state) *state = b->state;
  if (!code && b->broken >= 0 && end->broken_rule < 0) end->broken_rule = b->broken + 1;
  if (!code && b->keyless >= 0)
    code = pgr_fail(err, PGR_EUSAGE, "%s: invariant '%s' returns no column named key",
                    p->plan->options->scenario->source.name, p->plan->options->scenario->invariants[b->keyless].name);
  pgr_free(b);
  if (!code && !p->plan->fast) code = restore_slowly(p, err);
  return code;
}
