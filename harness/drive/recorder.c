/* What happens in a schedule, written into a witness. A step is noted before its statement is sent, its result with the
 * event in which the statement ended, which may be another agent's. */
#include "player_internal.h"

#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

static const char *base_name(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

static void add_written(const pgr_names *names, const pgr_template *t, pgr_buf *out) {
  for (int i = 0; i <= t->var_count; i++) {
    pgr_buf_adds(out, t->literals[i]);
    if (i < t->var_count) pgr_buf_addf(out, ":%s", names->at[t->slots[i]]);
  }
}

static void write_text(pgr__player *p, const pgr_agent *a) {
  const pgr_names *names = &p->plan->options->scenario->names;
  pgr_buf_clear(&p->text);
  switch (a->pending) {
  case PGR_PENDING_STATEMENT: add_written(names, &a->command->sql.text, &p->text); break;
  case PGR_PENDING_PIPELINE:
    for (int i = 0; i < a->pipeline_count; i++)
      add_written(names, &a->pipeline[i]->sql.text, &p->text);
    break;
  case PGR_PENDING_ROLLBACK: pgr_buf_adds(&p->text, "ROLLBACK"); break;
  }
  if (p->text.data) pgr_statement_squeeze(p->text.data);
}

pgr__pending pgr__player_pending(pgr__player *p, int agent) {
  const pgr_agent *a = &p->seats[agent].agent;
  const pgr_scenario *s = p->plan->options->scenario;
  bool script = a->pending != PGR_PENDING_ROLLBACK;
  write_text(p, a);
  return (pgr__pending){.text = pgr_buf_text(&p->text),
                        .file = script ? base_name(a->interp.script->source.name) : "",
                        .operation = s->operations[a->op.kind].name,
                        .line = script ? a->command->at.line : 0,
                        .goes_on = a->state != PGR_AGENT_PARKED};
}

const char *pgr__player_last(pgr__player *p) {
  pgr_buf_clear(&p->text);
  if (p->last_command)
    add_written(&p->plan->options->scenario->names, &p->last_command->sql.text, &p->text);
  else
    pgr_buf_adds(&p->text, "ROLLBACK");
  if (p->text.data) pgr_statement_squeeze(p->text.data);
  snprintf(p->last, sizeof p->last, "agent %d's %.200s", p->last_agent + 1, pgr_buf_text(&p->text));
  return p->last;
}

const char *pgr__player_standing(pgr__player *p, int agent) {
  const pgr__seat *seat = &p->seats[agent];
  if (pgr_conn_busy(p->conns[agent]))
    snprintf(p->last, sizeof p->last, "it waits for a lock");
  else if (*seat->answer.sqlstate)
    snprintf(p->last, sizeof p->last, "it is done: its last statement ended with ERROR %s", seat->answer.sqlstate);
  else
    snprintf(p->last, sizeof p->last, "it is done");
  return p->last;
}

/* A text in the witness's arena; "" when there is no memory, which the player reports. */
static const char *keep(pgr__player *p, const char *text) {
  const char *kept = pgr_arena_strdup(&p->recording->arena, text);
  if (!kept) p->fault = PGR_ENOMEM;
  return kept ? kept : "";
}

void pgr__note_step(pgr__player *p, int agent) {
  pgr_agent *a = &p->seats[agent].agent;
  pgr_witness *w = p->recording;
  if (!w) return;
  if (!w->steps) {
    w->steps = pgr_arena_alloc(&w->arena, PGR_WITNESS_STEPS_MAX * sizeof *w->steps);
    if (!w->steps) p->fault = PGR_ENOMEM;
    p->recorded_ops = 0;
  }
  if (!w->steps || w->step_count == PGR_WITNESS_STEPS_MAX) return;
  if (w->step_count == 0) p->recorded_ops = 0;
  pgr__pending pending = pgr__player_pending(p, agent);
  pgr_witness_step *s = &w->steps[w->step_count];
  *s = (pgr_witness_step){.agent = agent + 1,
                          .operation = keep(p, pending.operation),
                          .attempt = a->op.attempt,
                          .file = keep(p, pending.file),
                          .line = pending.line,
                          .text = keep(p, pending.text),
                          .goes_on = pending.goes_on,
                          .released_by = -1,
                          .result = "",
                          .value = "",
                          .outcome = ""};
  pgr_buf_clear(&p->text);
  pgr_agent_statement(a, &p->text);
  if (p->text.data) pgr_statement_squeeze(p->text.data);
  s->sql = keep(p, pgr_buf_text(&p->text));
  p->seats[agent].last_step = w->step_count++;
}

static void note_result(pgr__player *p, int agent, int now) {
  const pgr__answer *a = &p->seats[agent].answer;
  pgr_witness_step *s = &p->recording->steps[p->seats[agent].last_step];
  char text[160] = "", value[sizeof a->value];
  if (*a->sqlstate)
    snprintf(text, sizeof text, "ERROR %s", a->sqlstate);
  else if (a->is_set && a->rows > 0) {
    pgr_utf8_copy(value, sizeof value, a->value);
    snprintf(text, sizeof text, "%s", value);
    s->value = keep(p, value);
  } else if (a->rows >= 0)
    snprintf(text, sizeof text, "%lld row%s", (long long)a->rows, a->rows == 1 ? "" : "s");
  s->result = keep(p, text);
  s->released_by = p->seats[agent].last_step == now ? -1 : now;
}

/* The outcomes that the event brought, each at its agent's last step. */
static void note_outcomes(pgr__player *p) {
  for (; p->recorded_ops < pgr_history_count(p->history); p->recorded_ops++) {
    const pgr_op *op = pgr_history_at(p->history, p->recorded_ops);
    int step = p->seats[op->agent - 1].last_step;
    if (step < p->recording->step_count) p->recording->steps[step].outcome = pgr_outcome_name((pgr_outcome)op->outcome);
  }
}

void pgr__note_event(pgr__player *p, int agent, const pgr_event *e) {
  if (!p->recording || !p->recording->steps) return;
  int now = p->seats[agent].last_step;
  pgr_witness_step *s = &p->recording->steps[now];
  for (int i = 0; i < p->count; i++)
    if (e->ended >> i & 1) note_result(p, i, now);
  s->yields = p->settled.blocked >> agent & 1 && p->settled.blockers[agent] & PGR_SEAT_CONTROL;
  s->waits = !(e->ended >> agent & 1) && !s->yields;
  note_outcomes(p);
}
