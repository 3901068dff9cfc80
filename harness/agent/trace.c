/* What an agent keeps of its statements. Bounded: past PGR_AGENT_TRACE_MAX the rest of the round is left out, and the
 * last step kept then says nothing of the outcome. */
#include "agent_internal.h"

#include "pgr_clock.h"
#include "pgr_utf8.h"
#include <stdlib.h>
#include <string.h>

/* How long the statement that is being sent has waited for a connection: what its operation has waited in all, without
 * what those before it did, whatever the try. */
static int64_t wait_of_next_ns(const pgr_agent *a) {
  int64_t wait_ns = a->first_wait_ns + a->later_wait_ns;
  for (uint8_t i = 0; i < a->trace_count; i++)
    if (a->trace[i].kind == a->op.kind) wait_ns -= a->trace[i].call_ns - a->trace[i].ready_ns;
  return wait_ns;
}

void pgr__trace_begin(pgr_agent *a, const pgr_command *command) {
  if (!a->piping) a->trace_answered = a->trace_count; /* no answer comes any more to what was lost before */
  if (!a->trace || a->trace_count == PGR_AGENT_TRACE_MAX) {
    a->trace_cut = true;
    return;
  }
  int64_t wait_ns = wait_of_next_ns(a);
  pgr_trace_step *s = &a->trace[a->trace_count++];
  *s = (pgr_trace_step){.round = a->op.round,
                        .key = a->op.key,
                        .call_ns = a->step_call_ns,
                        .ready_ns = a->step_call_ns - wait_ns,
                        .rows = -1,
                        .agent = a->op.agent,
                        .kind = a->op.kind,
                        .outcome = PGR_OUTCOME_COUNT};
  pgr_buf *scratch = &a->shared->scratch;
  pgr_buf_clear(scratch);
  pgr_template_fill(&command->sql.text, &a->shared->scenario->names, &a->vars, scratch);
  if (scratch->data) pgr_statement_squeeze(scratch->data);
  pgr_utf8_copy(s->sql, sizeof s->sql, scratch->data ? scratch->data : "");
}

void pgr__trace_answer(pgr_agent *a, const PGresult *result, pgr_outcome conclusion) {
  if (a->trace_answered == a->trace_count) return;
  pgr_trace_step *s = &a->trace[a->trace_answered++];
  s->return_ns = pgr_now_ns() - a->shared->origin_ns;
  s->outcome = (uint8_t)conclusion;
  memcpy(s->sqlstate, a->op.sqlstate, sizeof s->sqlstate);
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK) {
    s->rows = PQntuples(result);
    if (s->rows > 0 && PQnfields(result) > 0)
      pgr_utf8_copy(s->value, sizeof s->value, PQgetisnull(result, 0, 0) ? "NULL" : PQgetvalue(result, 0, 0));
  } else if (status == PGRES_COMMAND_OK || status == PGRES_EMPTY_QUERY) {
    const char *affected = PQcmdTuples((PGresult *)(uintptr_t)result);
    if (*affected) s->rows = strtoll(affected, NULL, 10);
  }
}

void pgr__trace_conclude(pgr_agent *a, pgr_outcome outcome) {
  if (a->trace_count == 0 || a->trace_cut) return;
  pgr_trace_step *s = &a->trace[a->trace_count - 1];
  if (s->kind == a->op.kind) s->outcome = (uint8_t)outcome;
}
