/* An agent as a state machine. One operation is a few tries; a try is its statements in order, each over a connection
 * checked out for that statement alone, as an application without a transaction does.
 *
 * The invariant most easily broken: the connection is given back before the agent goes on, and giving it back may start
 * another agent's statement at once. */
#include "pgr_agent.h"

#include "pgr_clock.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void next_step(pgr_agent *a);

static void set_state(pgr_agent *a, pgr_agent_state to) {
  a->state = to;
}

static int64_t now_ns(const pgr_agent *a) {
  return pgr_now_ns() - a->shared->origin_ns;
}

static const pgr_operation *operation(const pgr_agent *a) {
  return &a->shared->scenario->operations[a->op.kind];
}

static void keep_step(pgr_agent *a, const PGresult *result, pgr_outcome conclusion) {
  if (a->trace_count == PGR_AGENT_TRACE_MAX) return;
  pgr_trace_step *s = &a->trace[a->trace_count++];
  *s = (pgr_trace_step){.round = a->op.round,
                        .key = a->op.key,
                        .call_ns = a->step_call_ns,
                        .return_ns = now_ns(a),
                        .rows = -1,
                        .agent = a->op.agent,
                        .kind = a->op.kind,
                        .step = (uint8_t)a->step,
                        .outcome = (uint8_t)conclusion};
  memcpy(s->sqlstate, a->op.sqlstate, sizeof s->sqlstate);
  if (PQresultStatus(result) == PGRES_TUPLES_OK) {
    s->rows = PQntuples(result);
    if (s->rows > 0)
      pgr_utf8_copy(s->value, sizeof s->value, PQgetisnull(result, 0, 0) ? "NULL" : PQgetvalue(result, 0, 0));
  } else if (PQresultStatus(result) == PGRES_COMMAND_OK) {
    s->rows = strtoll(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
  }
}

/* Writes the try down. false: it could not be, and the owner was told. */
static bool record(pgr_agent *a, pgr_outcome outcome) {
  pgr_tally *t = a->shared->tally;
  a->op.outcome = (uint8_t)outcome;
  a->op.return_ns = now_ns(a);
  t->outcomes[a->op.kind][outcome]++;
  pgr_code code = pgr_history_append(a->shared->history, &a->op);
  if (!code && outcome != PGR_OUTCOME_RETRIED) {
    int64_t service_ns = a->op.return_ns - a->first_call_ns - a->later_wait_ns;
    int64_t response_ns = a->op.return_ns - a->op.intended_ns;
    code = pgr_tally_record(&t->service[a->op.kind][outcome], service_ns);
    if (!code) code = pgr_tally_record(&t->response[a->op.kind][outcome], response_ns);
    if (!code) code = pgr_tally_record(&t->pool_wait, a->first_wait_ns + a->later_wait_ns);
  }
  if (code) a->shared->fault(a->shared, code);
  return code == PGR_OK;
}

static void finish(pgr_agent *a, pgr_outcome outcome) {
  set_state(a, PGR_AGENT_IDLE);
  if (record(a, outcome) && !a->shared->stopped) a->shared->done(a, a->op.kind, outcome);
}

static void begin_try(pgr_agent *a) {
  a->step = 0;
  a->op.call_ns = 0;
  a->op.pool_wait_ns = 0;
  memset(a->op.sqlstate, 0, sizeof a->op.sqlstate);
  next_step(a);
}

static void on_pause_over(pgr_timer *t) {
  pgr_agent *a = (pgr_agent *)((char *)t - offsetof(pgr_agent, timer));
  if (a->shared->stopped) return;
  if (a->step == 0)
    begin_try(a);
  else
    next_step(a);
}

static void pause_for(pgr_agent *a, int64_t pause_ns) {
  set_state(a, PGR_AGENT_PAUSED);
  pgr_code code = pgr_timer_start(a->shared->loop, &a->timer, pgr_now_ns() + pause_ns);
  if (code) a->shared->fault(a->shared, code);
}

static void send_step(pgr_agent *a, pgr_conn *conn) {
  const pgr_step *step = &operation(a)->steps[a->step];
  char texts[PGR_PARAMS_MAX][24];
  const char *values[PGR_PARAMS_MAX];
  for (int i = 0; i < step->param_count; i++) {
    long long v = step->params[i] == PGR_PARAM_KEY ? (long long)a->op.key : (long long)a->op.agent;
    snprintf(texts[i], sizeof texts[i], "%lld", v);
    values[i] = texts[i];
  }
  a->conn = conn;
  set_state(a, PGR_AGENT_WAITING);
  a->shared->tally->statements++;
  a->step_call_ns = now_ns(a);
  int64_t wait_ns = a->step_call_ns - a->queued_ns;
  a->op.pool_wait_ns += wait_ns;
  if (!a->op.call_ns) a->op.call_ns = a->step_call_ns;
  if (a->first_call_ns) {
    a->later_wait_ns += wait_ns;
  } else {
    a->first_call_ns = a->step_call_ns;
    a->first_wait_ns = wait_ns;
  }
  pgr_conn_execute(conn, a->op.kind * PGR_STEPS_MAX + a->step, step->param_count, values, &a->reply);
}

static void on_granted(pgr_waiter *w, pgr_conn *conn) {
  send_step((pgr_agent *)((char *)w - offsetof(pgr_agent, waiter)), conn);
}

static void next_step(pgr_agent *a) {
  a->queued_ns = now_ns(a);
  set_state(a, PGR_AGENT_QUEUED);
  pgr_conn *conn = pgr_pool_checkout(a->shared->pool, &a->waiter);
  if (conn) send_step(a, conn);
}

/* What the application makes of an answer: go on (PGR_OUTCOME_COUNT) or conclude. */
static pgr_outcome conclude_rows(const pgr_agent *a, const PGresult *result) {
  const pgr_operation *op = operation(a);
  bool last = a->step + 1 == op->step_count;
  switch (op->steps[a->step].guard) {
  case PGR_GUARD_FREE:
    if (PQntuples(result) != 1) return PGR_OUTCOME_FAILED;
    if (!PQgetisnull(result, 0, 0)) return PGR_OUTCOME_REFUSED;
    break;
  case PGR_GUARD_ONE_ROW:
    if (strcmp(PQcmdTuples((PGresult *)(uintptr_t)result), "1") != 0) return PGR_OUTCOME_FAILED;
    break;
  }
  return last ? PGR_OUTCOME_OK : PGR_OUTCOME_COUNT;
}

static bool retryable(const char *sqlstate) {
  return strcmp(sqlstate, "40001") == 0 || strcmp(sqlstate, "40P01") == 0;
}

static pgr_outcome conclude_error(pgr_agent *a, const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
  const pgr_rejection *declared = &a->shared->scenario->rejection;
  snprintf(a->op.sqlstate, sizeof a->op.sqlstate, "%s", sqlstate ? sqlstate : "");
  if (constraint && strcmp(a->op.sqlstate, declared->sqlstate) == 0 && strcmp(constraint, declared->constraint) == 0)
    return PGR_OUTCOME_REJECTED;
  if (retryable(a->op.sqlstate) && a->op.attempt < a->shared->retry.max_tries) return PGR_OUTCOME_RETRIED;
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  pgr_tally_complain(a->shared->tally, a->op.kind, (uint8_t)a->step, a->op.sqlstate,
                     message ? message : PQresultErrorMessage(result));
  return PGR_OUTCOME_FAILED;
}

static pgr_outcome conclude(pgr_agent *a, const PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) return conclude_error(a, result);
  pgr_outcome outcome = conclude_rows(a, result);
  if (outcome == PGR_OUTCOME_FAILED)
    pgr_tally_complain(a->shared->tally, a->op.kind, (uint8_t)a->step, "", "expected exactly one row");
  return outcome;
}

static void retry(pgr_agent *a) {
  const pgr_retry *policy = &a->shared->retry;
  int64_t ceiling_ns = policy->base_ns;
  for (int i = 1; i < a->op.attempt && ceiling_ns < policy->cap_ns; i++)
    ceiling_ns *= 2;
  if (ceiling_ns > policy->cap_ns) ceiling_ns = policy->cap_ns;
  a->op.attempt++;
  a->step = 0;
  pause_for(a, (int64_t)pgr_random_below(&a->random, (uint64_t)ceiling_ns + 1));
}

static void on_result(pgr_reply *r, const PGresult *result) {
  pgr_agent *a = (pgr_agent *)((char *)r - offsetof(pgr_agent, reply));
  pgr_outcome outcome = conclude(a, result);
  keep_step(a, result, outcome);
  bool paused = outcome == PGR_OUTCOME_COUNT && a->step == 0 && a->shared->gap_ns > 0;
  pgr_conn *conn = a->conn;
  a->conn = NULL;
  pgr_pool_checkin(a->shared->pool, conn);
  if (outcome == PGR_OUTCOME_RETRIED) {
    if (record(a, outcome)) retry(a);
  } else if (outcome != PGR_OUTCOME_COUNT) {
    finish(a, outcome);
  } else {
    a->step++;
    if (paused)
      pause_for(a, a->shared->gap_ns);
    else
      next_step(a);
  }
}

static void on_lost(pgr_reply *r) {
  pgr_agent *a = (pgr_agent *)((char *)r - offsetof(pgr_agent, reply));
  a->conn = NULL;
  finish(a, PGR_OUTCOME_UNKNOWN);
}

void pgr_agent_init(pgr_agent *a, pgr_agent_shared *shared, uint32_t id, uint64_t seed) {
  *a = (pgr_agent){.shared = shared};
  a->reply = (pgr_reply){on_result, on_lost};
  a->waiter.granted = on_granted;
  a->timer.fire = on_pause_over;
  a->op.agent = id;
  pgr_random_init(&a->random, seed, id);
}

void pgr_agent_begin(pgr_agent *a, uint8_t kind, int64_t key, int64_t round, int64_t intended_ns) {
  a->op.kind = kind;
  a->op.key = key;
  a->op.round = round;
  a->op.intended_ns = intended_ns;
  a->op.attempt = 1;
  a->first_call_ns = 0;
  a->first_wait_ns = a->later_wait_ns = 0;
  begin_try(a);
}

void pgr_agent_clear_trace(pgr_agent *a) {
  a->trace_count = 0;
}

void pgr_agent_abandon(pgr_agent *a) {
  pgr_timer_cancel(a->shared->loop, &a->timer);
  if (a->state != PGR_AGENT_WAITING) set_state(a, PGR_AGENT_IDLE);
}
