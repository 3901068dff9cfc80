/* An agent as a state machine. One operation is a few tries; a try is its script's actions in order. A statement checks
 * a connection out; it goes back when no transaction and no pipeline is open, or with PGR_POOL_SESSION at the end.
 *
 * The invariants most easily broken: the connection is given back before the agent goes on, and giving it back may
 * start another agent's statement at once; and a send may fail at once, which ends the operation and may begin the next
 * one, before the call returns. */
#include "agent_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void advance(pgr_agent *a);
static void unwind(pgr_agent *a);

static void set_state(pgr_agent *a, pgr_agent_state to) {
  a->state = to;
}

static int64_t now_ns(const pgr_agent *a) {
  return pgr_now_ns() - a->shared->origin_ns;
}

static bool in_transaction(const pgr_agent *a) {
  return a->conn && pgr_conn_transaction(a->conn) != PQTRANS_IDLE;
}

static void out_of_memory(pgr_agent *a) {
  a->shared->fault(a->shared, PGR_ENOMEM);
}

static void complain(pgr_agent *a, const pgr_command *command, const char *sqlstate, const char *message) {
  pgr_tally_complain(a->shared->tally, a->op.kind, a->interp.script->source.name, command ? command->at.line : 0,
                     sqlstate, message);
}

/* A statement is sent, or a ROLLBACK after one. */
static void count_statement(const pgr_agent *a) {
  const pgr_agent_shared *s = a->shared;
  s->tally->statements += !s->measures || (a->step_call_ns >= s->from_ns && a->step_call_ns < s->until_ns);
}

/* Whether the operation is one of those that are counted. */
static bool is_counted(const pgr_agent *a) {
  const pgr_agent_shared *s = a->shared;
  return !s->measures || (a->op.intended_ns >= s->from_ns && a->op.intended_ns < s->until_ns);
}

/* How long an operation, or a try of it, took. */
static pgr_code count(pgr_agent *a, pgr_outcome outcome) {
  pgr_tally *t = a->shared->tally;
  t->outcomes[a->op.kind][outcome]++;
  if (outcome == PGR_OUTCOME_RETRIED)
    return a->shared->measures
               ? pgr_tally_record(&t->service[a->op.kind][outcome], a->op.return_ns - a->op.call_ns - a->try_wait_ns)
               : PGR_OK;
  int64_t service_ns = a->op.return_ns - a->first_call_ns - a->later_wait_ns;
  pgr_code code = pgr_tally_record(&t->service[a->op.kind][outcome], service_ns);
  if (!code) code = pgr_tally_record(&t->response[a->op.kind][outcome], a->op.return_ns - a->op.intended_ns);
  int64_t wait_ns = a->first_wait_ns + a->later_wait_ns;
  if (!code && wait_ns > 0) code = pgr_tally_record(&t->pool_wait, wait_ns);
  t->unqueued += wait_ns <= 0;
  if (!a->shared->measures) return code;
  if (!code && a->op.attempt > 1) code = pgr_tally_record(&t->tries[a->op.kind], a->op.attempt);
  t->first_tries[a->op.kind] += a->op.attempt == 1;
  return code;
}

/* Writes the try down. false: it could not be, and the owner was told. */
static bool record(pgr_agent *a, pgr_outcome outcome) {
  a->op.outcome = (uint8_t)outcome;
  a->op.return_ns = a->told_ns ? a->told_ns : now_ns(a);
  if (!a->op.call_ns) a->op.call_ns = a->op.return_ns; /* it sent nothing */
  if (!a->first_call_ns) a->first_call_ns = a->op.call_ns;
  pgr_code code = a->shared->history ? pgr_history_append(a->shared->history, &a->op) : PGR_OK;
  if (!code && is_counted(a)) code = count(a, outcome);
  if (code) a->shared->fault(a->shared, code);
  return code == PGR_OK;
}

static void give_back(pgr_agent *a) {
  pgr_conn *conn = a->conn;
  a->conn = NULL;
  if (conn) pgr_pool_checkin(a->shared->pool, conn);
}

static void finish(pgr_agent *a, pgr_outcome outcome) {
  set_state(a, PGR_AGENT_IDLE);
  a->finished++;
  pgr__trace_conclude(a, outcome);
  if (record(a, outcome) && !a->shared->stopped) a->shared->done(a, a->op.kind, outcome);
}

static void pause_for(pgr_agent *a, int64_t pause_ns) {
  if (a->shared->stepped) {
    advance(a);
    return;
  }
  set_state(a, PGR_AGENT_PAUSED);
  a->told_ns = 0;
  if (a->shared->paused) a->shared->paused(a, pause_ns);
  pgr_code code = pgr_timer_start(a->shared->loop, &a->timer, pgr_now_ns() + pause_ns);
  if (code) a->shared->fault(a->shared, code);
}

static void begin_try(pgr_agent *a) {
  a->op.call_ns = 0;
  a->op.pool_wait_ns = 0;
  a->try_wait_ns = 0;
  memset(a->op.sqlstate, 0, sizeof a->op.sqlstate);
  a->conclusion = PGR_OUTCOME_COUNT;
}

static void on_pause_over(pgr_timer *t) {
  pgr_agent *a = (pgr_agent *)((char *)t - offsetof(pgr_agent, timer));
  if (!a->shared->stopped) advance(a);
}

/* The connection is back to where the pool can have it, or there is none: the try is over. */
static void settle(pgr_agent *a) {
  pgr_outcome outcome = a->conclusion;
  if (outcome != PGR_OUTCOME_RETRIED) {
    give_back(a);
    finish(a, outcome);
    return;
  }
  if (!in_transaction(a) && a->shared->scenario->pool_mode == PGR_POOL_TRANSACTION) give_back(a);
  if (!record(a, outcome)) return;
  a->op.attempt++;
  switch (a->again) {
  case PGR_AGAIN_OPERATION: pgr_interp_rewind(&a->interp, a->begin_mark); break;
  case PGR_AGAIN_TRANSACTION: pgr_interp_rewind(&a->interp, a->transaction_mark); break;
  case PGR_AGAIN_STATEMENT: pgr_interp_rewind(&a->interp, a->statement_mark); break;
  }
  begin_try(a);
  pause_for(a, (int64_t)pgr_random_below(&a->random, (uint64_t)a->backoff_ns + 1));
}

/* Waits for pgr_agent_go. false: nobody lets agents go one by one. */
static bool park(pgr_agent *a, pgr_pending pending) {
  a->pending = pending;
  if (!a->shared->stepped) return false;
  set_state(a, PGR_AGENT_PARKED);
  if (a->shared->parked) a->shared->parked(a);
  return true;
}

static void roll_back(pgr_agent *a) {
  set_state(a, PGR_AGENT_ROLLING_BACK);
  a->told_ns = 0;
  count_statement(a);
  if (a->shared->sent) a->shared->sent(a);
  pgr_conn_query(a->conn, "ROLLBACK");
}

/* The operation is decided: ends what is open on the connection, as an application's error handler does. A pipeline has
 * been ended already. */
static void unwind(pgr_agent *a) {
  bool keeps = a->conclusion == PGR_OUTCOME_RETRIED && a->again == PGR_AGAIN_STATEMENT;
  if (!in_transaction(a) || keeps) {
    settle(a);
    return;
  }
  if (!park(a, PGR_PENDING_ROLLBACK)) roll_back(a);
}

/* The script decided, or its author's mistake did. What waits in a pipeline is undone: a sync alone would commit it. */
static void conclude(pgr_agent *a, pgr_outcome outcome) {
  a->conclusion = outcome;
  if (!a->piping) {
    unwind(a);
    return;
  }
  uint32_t finished = a->finished;
  set_state(a, PGR_AGENT_WAITING);
  count_statement(a);
  pgr_conn_query_params(a->conn, "ROLLBACK", 0, NULL);
  if (a->finished == finished) pgr_conn_end_pipeline(a->conn);
}

static void give_up(pgr_agent *a, const pgr_command *command, const char *why) {
  complain(a, command, "", why);
  conclude(a, PGR_OUTCOME_FAILED);
}

static void note_call(pgr_agent *a) {
  a->step_call_ns = now_ns(a);
  a->told_ns = 0;
  int64_t wait_ns = a->queued_ns ? a->step_call_ns - a->queued_ns : 0;
  a->queued_ns = 0;
  a->op.pool_wait_ns += wait_ns;
  if (a->op.call_ns)
    a->try_wait_ns += wait_ns;
  else
    a->op.call_ns = a->step_call_ns;
  if (a->first_call_ns) {
    a->later_wait_ns += wait_ns;
  } else {
    a->first_call_ns = a->step_call_ns;
    a->first_wait_ns = wait_ns;
  }
}

static void send_bound(pgr_agent *a, const pgr_sql *sql) {
  char scratch[PGR_SQL_VARS_MAX][PGR_VALUE_BYTES];
  const char *values[PGR_SQL_VARS_MAX];
  for (int i = 0; i < sql->text.var_count; i++)
    values[i] = pgr_vars_text(&a->vars, sql->text.slots[i], scratch[i]);
  if (a->shared->protocol == PGR_PROTOCOL_PREPARED)
    pgr_conn_execute(a->conn, a->shared->statement_base[a->op.kind] + sql->index, sql->text.var_count, values);
  else
    pgr_conn_query_params(a->conn, sql->numbered, sql->text.var_count, values);
}

static void send_pasted(pgr_agent *a, const pgr_sql *sql) {
  pgr_buf *text = &a->shared->scratch;
  pgr_buf_clear(text);
  pgr_template_fill(&sql->text, &a->shared->scenario->names, &a->vars, text);
  if (text->failed)
    out_of_memory(a);
  else
    pgr_conn_query(a->conn, pgr_buf_text(text));
}

/* Puts the statement into a pipeline that is not sent yet. false: the operation has ended. */
static bool enqueue(pgr_agent *a, const pgr_command *command) {
  uint32_t finished = a->finished;
  if (!a->pipeline) a->pipeline = pgr_calloc(PGR_AGENT_PIPELINE_MAX, sizeof *a->pipeline);
  if (!a->pipeline) {
    out_of_memory(a);
    return false;
  }
  if (!a->piping) {
    a->piping = true;
    a->pipeline_count = a->pipeline_answered = 0;
    pgr_conn_start_pipeline(a->conn);
    if (a->finished != finished) return false;
  }
  if (a->pipeline_count == PGR_AGENT_PIPELINE_MAX) {
    give_up(a, command, "a pipeline may hold 64 statements");
    return false;
  }
  a->pipeline[a->pipeline_count++] = command;
  send_bound(a, &command->sql);
  return a->finished == finished;
}

/* A retry of this statement begins here; one of its transaction too, unless that is open already. A pipeline is retried
 * whole. */
static void set_marks(pgr_agent *a, const pgr_command *command) {
  if (a->shared->strategy->retry_count == 0) return;
  a->statement_mark = (pgr_mark){.pc = (int)(command - a->interp.script->commands), .random = a->prng};
  if (!in_transaction(a)) a->transaction_mark = a->statement_mark;
}

static bool send_off(pgr_agent *a) {
  const pgr_command *command = a->command;
  set_state(a, PGR_AGENT_WAITING);
  note_call(a);
  count_statement(a);
  if (!a->interp.pipeline) set_marks(a, command);
  pgr__trace_begin(a, command);
  if (a->interp.pipeline) return enqueue(a, command);
  if (a->shared->sent) a->shared->sent(a);
  if (a->shared->protocol == PGR_PROTOCOL_SIMPLE)
    send_pasted(a, &command->sql);
  else
    send_bound(a, &command->sql);
  return false;
}

/* Sends the statement on the connection at hand. true: go on, its answer is for later (a pipeline). */
static bool transmit(pgr_agent *a) {
  if (!a->interp.pipeline && park(a, PGR_PENDING_STATEMENT)) return false;
  return send_off(a);
}

static void end_pipeline(pgr_agent *a) {
  set_state(a, PGR_AGENT_WAITING);
  a->step_call_ns = now_ns(a);
  pgr_conn_end_pipeline(a->conn);
}

void pgr_agent_go(pgr_agent *a) {
  switch (a->pending) {
  case PGR_PENDING_STATEMENT:
    if (send_off(a)) advance(a);
    return;
  case PGR_PENDING_PIPELINE: end_pipeline(a); return;
  case PGR_PENDING_ROLLBACK: roll_back(a); return;
  }
}

/* A parameter's value as a literal: a number as it is, anything else in quotes. */
static void add_literal(const char *value, pgr_buf *out) {
  const char *digits = value + (*value == '-');
  size_t len = strspn(digits, "0123456789");
  bool number = len > 0 && digits[len] == '\0';
  if (number) {
    pgr_buf_adds(out, value);
    return;
  }
  pgr_buf_adds(out, "'");
  for (const char *c = value; *c; c++)
    pgr_buf_addf(out, *c == '\'' ? "''" : "%c", *c);
  pgr_buf_adds(out, "'");
}

static void add_statement(const pgr_agent *a, const pgr_template *t, pgr_buf *out) {
  char scratch[PGR_VALUE_BYTES];
  if (a->shared->protocol == PGR_PROTOCOL_SIMPLE) {
    pgr_template_fill(t, &a->shared->scenario->names, &a->vars, out);
    return;
  }
  for (int i = 0; i <= t->var_count; i++) {
    pgr_buf_adds(out, t->literals[i]);
    if (i == t->var_count) break;
    const char *value = pgr_vars_text(&a->vars, t->slots[i], scratch);
    if (value)
      add_literal(value, out);
    else
      pgr_buf_adds(out, "NULL");
  }
}

void pgr_agent_statement(const pgr_agent *a, pgr_buf *out) {
  switch (a->pending) {
  case PGR_PENDING_STATEMENT: add_statement(a, &a->command->sql.text, out); return;
  case PGR_PENDING_PIPELINE:
    for (int i = 0; i < a->pipeline_count; i++) {
      if (i) pgr_buf_adds(out, " ");
      add_statement(a, &a->pipeline[i]->sql.text, out);
    }
    return;
  case PGR_PENDING_ROLLBACK: pgr_buf_adds(out, "ROLLBACK"); return;
  }
}

static void take(pgr_agent *a, pgr_conn *conn) {
  a->conn = conn;
  pgr_conn_hold(conn, &a->holder);
}

static void on_granted(pgr_waiter *w, pgr_conn *conn) {
  pgr_agent *a = (pgr_agent *)((char *)w - offsetof(pgr_agent, waiter));
  take(a, conn);
  if (transmit(a)) advance(a);
}

/* true: as transmit. */
static bool request(pgr_agent *a, const pgr_command *command) {
  a->command = command;
  if (a->conn) return transmit(a);
  pgr_conn *conn = pgr_pool_checkout(a->shared->pool, &a->waiter);
  if (!conn) { /* not before it has to wait: a wait of nothing is none */
    set_state(a, PGR_AGENT_QUEUED);
    a->queued_ns = now_ns(a);
    return false;
  }
  take(a, conn);
  return transmit(a);
}

static void on_shell_done(pgr_agent *a, const pgr__shell_end *end) {
  const char *name = a->command->kind == PGR_COMMAND_SETSHELL ? "\\setshell" : "\\shell";
  pgr_err err;
  if (end->signal)
    pgr_fail(&err, PGR_EUSAGE, "%s: signal %d ended the command", name, end->signal);
  else if (end->status)
    pgr_fail(&err, PGR_EUSAGE, "%s: the command failed with exit status %d", name, (int)end->status);
  else if (pgr_interp_shell_done(&a->interp, a->command, end->line, &err) == PGR_OK) {
    advance(a);
    return;
  }
  give_up(a, a->command, err.msg);
}

static void run_shell(pgr_agent *a, const pgr_action *action) {
  a->command = action->command;
  a->told_ns = 0;
  set_state(a, PGR_AGENT_SHELL);
  const char *why = pgr__shell_run(a, action->shell, action->command->kind == PGR_COMMAND_SETSHELL, on_shell_done);
  if (!why) return;
  pgr_err err;
  pgr_fail(&err, PGR_EENVIRONMENT, "/bin/sh cannot be started: %s", why);
  give_up(a, action->command, err.msg);
}

/* Runs the script up to the next thing to wait for. */
static void advance(pgr_agent *a) {
  pgr_action action;
  for (;;) {
    pgr_interp_next(&a->interp, &action);
    switch (action.kind) {
    case PGR_ACTION_SEND:
      if (!request(a, action.command)) return;
      break;
    case PGR_ACTION_SLEEP:
      if (action.sleep_ns <= 0 || a->shared->stepped) break;
      pause_for(a, action.sleep_ns);
      return;
    case PGR_ACTION_SHELL: run_shell(a, &action); return;
    case PGR_ACTION_STARTPIPELINE: set_marks(a, action.command); break;
    case PGR_ACTION_ENDPIPELINE:
      if (!a->piping) break;
      if (!park(a, PGR_PENDING_PIPELINE)) end_pipeline(a);
      return;
    case PGR_ACTION_END:
      if (in_transaction(a))
        give_up(a, a->command, "the script ended inside a transaction: it lacks a COMMIT or ROLLBACK");
      else
        conclude(a, PGR_OUTCOME_OK);
      return;
    case PGR_ACTION_REFUSE: conclude(a, PGR_OUTCOME_REFUSED); return;
    case PGR_ACTION_FAIL: give_up(a, action.command, action.err.msg); return;
    }
  }
}

static int64_t backoff_ceiling_ns(const pgr_retry *policy, int attempt) {
  int64_t ceiling_ns = policy->backoff_ns;
  for (int i = 1; i < attempt && ceiling_ns < policy->max_backoff_ns; i++)
    ceiling_ns *= 2;
  return ceiling_ns < policy->max_backoff_ns ? ceiling_ns : policy->max_backoff_ns;
}

/* What the application makes of an error: PGR_OUTCOME_COUNT when its script goes on. */
static pgr_outcome judge_error(pgr_agent *a, const pgr_command *command, const PGresult *result) {
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
  const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  snprintf(a->op.sqlstate, sizeof a->op.sqlstate, "%s", sqlstate ? sqlstate : "");
  if (pgr_interp_goes_on(&a->interp)) return PGR_OUTCOME_COUNT;
  const pgr_retry *retry = pgr_strategy_retry(a->shared->strategy, a->op.sqlstate);
  if (retry && a->op.attempt < (a->shared->max_tries ? a->shared->max_tries : retry->attempts)) {
    a->again = retry->again;
    a->backoff_ns = backoff_ceiling_ns(retry, a->op.attempt);
    return PGR_OUTCOME_RETRIED;
  }
  const pgr_rejection *rejection = pgr_scenario_rejection(a->shared->scenario, a->op.sqlstate, constraint);
  if (rejection) {
    a->shared->tally->rejections[rejection - a->shared->scenario->rejections] += is_counted(a);
    return PGR_OUTCOME_REJECTED;
  }
  if (!message) message = PQresultErrorMessage(result);
  pgr_err after;
  pgr_fail(&after, PGR_EDATABASE, "%.120s (after %u %s)", message, (unsigned)a->op.attempt,
           a->op.attempt == 1 ? "try" : "tries");
  complain(a, command, a->op.sqlstate, retry ? after.msg : message);
  return PGR_OUTCOME_FAILED;
}

static const char *column_of(const void *self, int column) {
  return PQfname(self, column);
}

static const char *cell_of(const void *self, int row, int column) {
  return PQgetisnull(self, row, column) ? NULL : PQgetvalue(self, row, column);
}

static pgr_outcome read_answer(pgr_agent *a, const pgr_command *command, const PGresult *result, bool last) {
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_PIPELINE_ABORTED) return PGR_OUTCOME_COUNT; /* it did not run: the error before it counts */
  bool rows = status == PGRES_TUPLES_OK, failed = !rows && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY;
  pgr_outcome outcome = failed ? judge_error(a, command, result) : PGR_OUTCOME_COUNT;
  if (outcome != PGR_OUTCOME_COUNT) return outcome;
  if (!failed && !pgr_interp_minds(&a->interp, command)) return PGR_OUTCOME_COUNT;
  pgr_answer answer = {.sqlstate = failed ? a->op.sqlstate : NULL,
                       .rows = rows ? PQntuples(result) : strtoll(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10),
                       .row_count = rows ? PQntuples(result) : 0,
                       .column_count = rows ? PQnfields(result) : 0,
                       .column = column_of,
                       .cell = cell_of,
                       .self = result,
                       .last = last};
  pgr_err err;
  pgr_code code = pgr_interp_answer(&a->interp, command, &answer, &err);
  a->presets_stand &= command->sql.keep == PGR_KEEP_NOTHING;
  if (failed) memset(a->op.sqlstate, 0, sizeof a->op.sqlstate); /* the script dealt with it */
  if (code == PGR_OK) return PGR_OUTCOME_COUNT;
  if (code == PGR_ENOMEM)
    out_of_memory(a);
  else
    complain(a, command, "", err.msg);
  return PGR_OUTCOME_FAILED;
}

/* From its send; of a pipeline's from its end, for then they are sent. What did not run, for one before it failed, took
 * no time. */
static void time_statement(pgr_agent *a, const pgr_command *command, const PGresult *result) {
  pgr_tally *t = a->shared->tally;
  int at = a->shared->statement_base[a->op.kind] + command->sql.index;
  a->told_ns = now_ns(a);
  if (!is_counted(a) || at >= t->statement_kinds || PQresultStatus(result) == PGRES_PIPELINE_ABORTED) return;
  if (pgr_tally_record(&t->statement[at], a->told_ns - a->step_call_ns)) out_of_memory(a);
}

static void on_result(pgr_holder *h, const PGresult *result, bool last) {
  pgr_agent *a = (pgr_agent *)((char *)h - offsetof(pgr_agent, holder));
  if (a->shared->answered) a->shared->answered(a, result);
  if (a->state == PGR_AGENT_ROLLING_BACK) return;
  if (a->piping && a->pipeline_answered == a->pipeline_count) return; /* conclude's ROLLBACK */
  const pgr_command *command = a->piping ? a->pipeline[a->pipeline_answered] : a->command;
  if (a->piping && last) a->pipeline_answered++;
  if (last && a->shared->measures) time_statement(a, command, result);
  if (a->conclusion == PGR_OUTCOME_COUNT) a->conclusion = read_answer(a, command, result, last);
  if (last || a->conclusion != PGR_OUTCOME_COUNT) pgr__trace_answer(a, result, a->conclusion);
}

static void on_done(pgr_holder *h) {
  pgr_agent *a = (pgr_agent *)((char *)h - offsetof(pgr_agent, holder));
  if (a->state == PGR_AGENT_ROLLING_BACK) {
    settle(a);
    return;
  }
  a->piping = false;
  if (a->conclusion != PGR_OUTCOME_COUNT) {
    unwind(a);
    return;
  }
  if (a->shared->scenario->pool_mode == PGR_POOL_TRANSACTION && !in_transaction(a)) give_back(a);
  advance(a);
}

/* What the agent was told before stands, for the server ends what it loses: only the transaction of a statement that is
 * to be sent once more cannot be gone on with. Otherwise what was in flight, or in an open transaction, may have
 * happened. */
static void on_lost(pgr_holder *h) {
  pgr_agent *a = (pgr_agent *)((char *)h - offsetof(pgr_agent, holder));
  bool again = a->conclusion == PGR_OUTCOME_RETRIED;
  a->conn = NULL;
  a->piping = false;
  a->told_ns = 0;
  pgr_timer_cancel(a->shared->loop, &a->timer);
  pgr__shell_abandon(a);
  if (a->conclusion == PGR_OUTCOME_COUNT || (again && (a->again == PGR_AGAIN_STATEMENT || a->shared->stopped)))
    a->conclusion = PGR_OUTCOME_UNKNOWN;
  settle(a);
}

pgr_code pgr_agent_init(pgr_agent *a, pgr_agent_shared *shared, uint32_t id) {
  *a = (pgr_agent){.shared = shared};
  a->holder = (pgr_holder){on_result, on_done, on_lost};
  a->waiter.granted = on_granted;
  a->timer.fire = on_pause_over;
  a->op.agent = id;
  pgr_random_init(&a->random, shared->seed, id);
  return pgr_vars_init(&a->vars, shared->scenario->names.count);
}

void pgr_agent_deinit(pgr_agent *a) {
  pgr_vars_deinit(&a->vars);
  pgr_free(a->trace);
  pgr_free(a->pipeline);
  a->trace = NULL;
  a->pipeline = NULL;
}

/* What a script draws depends on the seed, the round and the agent alone, not on what happened before. */
static void seed_script(pgr_agent *a, int64_t round) {
  pgr_random r;
  pgr_random_init(&r, a->shared->seed ^ (uint64_t)round << 20, UINT64_C(1) << 33 | a->op.agent);
  pgr_prng_seed(&a->prng, pgr_random_next(&r));
}

/* Those that scripts name, and two that are read without being named: only the columns of a \gset change these. */
static pgr_code set_presets(pgr_agent *a, uint32_t contender) {
  const pgr_agent_shared *shared = a->shared;
  const uint32_t named = shared->scenario->names.named;
  const struct {
    int slot;
    int64_t value;
  } numbers[] = {{PGR_SLOT_CLIENT_ID, (int64_t)a->op.agent - 1},
                 {PGR_SLOT_SCALE, 1},
                 {PGR_SLOT_RANDOM_SEED, (int64_t)shared->seed},
                 {PGR_SLOT_ROW_COUNT, 0},
                 {PGR_SLOT_KEY, a->op.key},
                 {PGR_SLOT_ROUND, a->op.round},
                 {PGR_SLOT_AGENT, a->op.agent},
                 {PGR_SLOT_AGENTS, shared->agents},
                 {PGR_SLOT_CONTENDER, contender},
                 {PGR_SLOT_CONTENDERS, shared->contenders},
                 {PGR_SLOT_GAP, shared->gap_ns / PGR_NS_PER_US}};
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
    if (named >> numbers[i].slot & 1) pgr_vars_set_int(&a->vars, numbers[i].slot, numbers[i].value);
  if (!a->presets_stand || named >> PGR_SLOT_DEFAULT_SEED & 1)
    pgr_vars_set_int(&a->vars, PGR_SLOT_DEFAULT_SEED, (int64_t)(shared->seed * UINT64_C(0x9E3779B97F4A7C15) >> 1));
  if (!a->presets_stand || named >> PGR_SLOT_ON_ERROR_STOP & 1)
    pgr_vars_set(&a->vars, PGR_SLOT_ON_ERROR_STOP, (pgr_value){PGR_TYPE_BOOL, {.b = true}});
  a->presets_stand = true;
  if (named >> PGR_SLOT_ERROR & 1) pgr_vars_set(&a->vars, PGR_SLOT_ERROR, (pgr_value){PGR_TYPE_BOOL, {.b = false}});
  return named >> PGR_SLOT_SQLSTATE & 1 ? pgr_vars_set_text(&a->vars, PGR_SLOT_SQLSTATE, "00000") : PGR_OK;
}

pgr_code pgr_agent_enter(pgr_agent *a, int64_t key, int64_t round, uint32_t contender) {
  const pgr_agent_shared *shared = a->shared;
  pgr_vars *v = &a->vars;
  if (!shared->measures && !a->trace && !(a->trace = pgr_calloc(PGR_AGENT_TRACE_MAX, sizeof *a->trace)))
    return PGR_ENOMEM;
  a->trace_count = a->trace_answered = 0;
  a->trace_cut = false;
  a->op.key = key;
  a->op.round = round;
  seed_script(a, round);
  pgr_code code = set_presets(a, contender);
  pgr_vars_clear(v, PGR_PRESET_COUNT);
  for (int k = 0; !code && k < shared->define_count; k++)
    code = pgr_vars_set_text(v, shared->defines[k].slot, shared->defines[k].text);
  return code;
}

/* debug() of a script's expression: pgbench's line, with what we call its parts. */
static void on_debug(void *user, const char *text) {
  const pgr_agent *a = user;
  const pgr_script *script = a->interp.script;
  fprintf(stderr, "debug(agent=%u,%s:%d): %s\n", a->op.agent, script->source.name,
          script->commands[a->interp.pc].at.line, text);
}

void pgr_agent_begin(pgr_agent *a, uint8_t kind, int64_t intended_ns) {
  a->op.kind = kind;
  a->op.intended_ns = intended_ns;
  a->op.attempt = 1;
  a->first_call_ns = 0;
  a->first_wait_ns = a->later_wait_ns = 0;
  a->queued_ns = a->told_ns = 0;
  a->interp.scope = (pgr_scope){
      .names = &a->shared->scenario->names, .vars = &a->vars, .random = &a->prng, .debug = on_debug, .user = a};
  pgr_interp_begin(&a->interp, a->shared->strategy->scripts[kind]);
  if (a->shared->strategy->retry_count > 0) a->begin_mark = pgr_interp_mark(&a->interp);
  begin_try(a);
  advance(a);
}

int64_t pgr_agent_called_ns(const pgr_agent *a) {
  return a->state == PGR_AGENT_IDLE ? 0 : a->op.call_ns;
}

void pgr_agent_abandon(pgr_agent *a) {
  pgr_timer_cancel(a->shared->loop, &a->timer);
  pgr__shell_abandon(a);
  if (a->state == PGR_AGENT_IDLE) return;
  if (a->first_call_ns)
    finish(a, PGR_OUTCOME_UNKNOWN); /* between two statements, without a connection: the first may have taken effect */
  else
    set_state(a, PGR_AGENT_IDLE);
}
