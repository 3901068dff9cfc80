/* The two people: what they are asked to do, and what is told of each of their statements. */
#include "inbox_internal.h"

#include "pgr_cast.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pgr__seat *seat_of(pgr_agent *a) {
  return (pgr__seat *)a;
}

bool pgr__seat_is_idle(const pgr__seat *s) {
  return !s->member.at;
}

/* ---- what is told of a statement ---- */

/* The statement that the agent stands before, or has in flight, into s->sql. */
static void read_statement(pgr__seat *s) {
  pgr_buf *text = &s->member.inbox->text;
  pgr_buf_clear(text);
  pgr_agent_statement(&s->member.agent, text);
  if (text->data) pgr_statement_squeeze(text->data);
  pgr_utf8_copy(s->sql, sizeof s->sql, pgr_buf_text(text));
}

static pgr_moment moment_of(const pgr__seat *s, pgr_moment_kind kind) {
  pgr_moment m = pgr__moment_of(&s->member, kind);
  m.contest = s->contest;
  return m;
}

static void on_parked(pgr_agent *a) {
  pgr__seat *s = seat_of(a);
  read_statement(s);
  s->parked = true;
  s->thinks_until_ns = 0;
  pgr_moment m = moment_of(s, PGR_MOMENT_PARKED);
  m.sql = s->sql;
  pgr__emit(s->member.inbox, &m);
  pgr__changed(s->member.inbox);
}

static void on_sent(pgr_agent *a) {
  pgr__seat *s = seat_of(a);
  pgr_inbox *i = s->member.inbox;
  read_statement(s);
  s->parked = false;
  s->in_flight = true;
  s->thinks_until_ns = 0;
  s->step = ++i->step_count;
  pgr__let_go(&s->member);
  pgr__contest_sent(s);
  pgr_moment m = moment_of(s, PGR_MOMENT_SENT);
  m.step = s->step;
  m.sql = s->sql;
  pgr__emit(i, &m);
  pgr__waits_watch(i->desk);
  pgr__changed(i);
}

static void on_paused(pgr_agent *a, int64_t pause_ns) {
  pgr__seat *s = seat_of(a);
  pgr_moment m = moment_of(s, PGR_MOMENT_PAUSED);
  if (pause_ns <= 0) return;
  m.until_ns = s->thinks_until_ns = m.at_ns + pause_ns;
  pgr__emit(s->member.inbox, &m);
  pgr__changed(s->member.inbox);
}

/* The statement in flight is over, in one way or another. */
static void end_statement(pgr__seat *s, pgr_moment *answer) {
  pgr_inbox *i = s->member.inbox;
  s->in_flight = s->waits = false;
  s->waits_for = 0;
  i->pulse++;
  answer->step = s->step;
  pgr__contest_answered(s, answer);
  pgr__emit(i, answer);
  pgr__changed(i);
}

static const char *field_of(const PGresult *result, int code) {
  const char *text = PQresultErrorField(result, code);
  return text ? text : "";
}

/* value: room for the moment's. */
static void read_result(const PGresult *result, pgr_moment *m, char *value, size_t value_bytes) {
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK) {
    m->rows = PQntuples(result);
    m->has_value = m->rows > 0 && PQnfields(result) > 0;
    if (!m->has_value || PQgetisnull(result, 0, 0)) return;
    pgr_utf8_copy(value, value_bytes, PQgetvalue(result, 0, 0));
    m->value = value;
  } else if (status == PGRES_COMMAND_OK) {
    const char *affected = PQcmdTuples((PGresult *)(uintptr_t)result);
    if (*affected) m->rows = strtoll(affected, NULL, 10);
  } else {
    m->sqlstate = field_of(result, PG_DIAG_SQLSTATE);
    m->constraint = field_of(result, PG_DIAG_CONSTRAINT_NAME);
    m->error = field_of(result, PG_DIAG_MESSAGE_PRIMARY);
  }
}

/* Of a compound, its first result. */
static void on_answered(pgr_agent *a, const PGresult *result) {
  pgr__seat *s = seat_of(a);
  char value[sizeof((pgr_contest_step *)0)->value];
  pgr__note_result(&s->member, result);
  if (!s->in_flight) return;
  pgr_moment m = moment_of(s, PGR_MOMENT_ANSWERED);
  read_result(result, &m, value, sizeof value);
  end_statement(s, &m);
}

/* ---- operations ---- */

static void begin(pgr__seat *s, uint8_t kind) {
  pgr_inbox *i = s->member.inbox;
  s->operation = kind;
  pgr__operation_begin(&s->member, kind);
  pgr__contest_begin(s, kind);
  pgr_moment m = moment_of(s, PGR_MOMENT_STARTED);
  m.operation = kind;
  pgr__emit(i, &m);
  pgr__changed(i);
  pgr_agent_begin(&s->member.agent, kind, pgr__now_ns(i));
}

static void on_done(pgr_agent *a, uint8_t kind, pgr_outcome outcome) {
  pgr__seat *s = seat_of(a);
  pgr_inbox *i = s->member.inbox;
  if (s->in_flight) {
    pgr_moment lost = moment_of(s, PGR_MOMENT_ANSWERED);
    lost.error = "The connection was lost.";
    end_statement(s, &lost);
  }
  s->parked = s->goes = false;
  s->thinks_until_ns = 0;
  i->pulse++;
  pgr__contest_told(s, kind, outcome);
  pgr__tell(&s->member, kind, outcome, s->contest, s->step);
  int next = pgr__following(&s->member, kind);
  if (next >= 0) {
    begin(s, (uint8_t)next);
    return;
  }
  if (pgr__record_visit(i->record, &s->member)) pgr__fault(i, "out of memory");
  pgr__visit_end(&s->member);
}

void pgr__seats_hook(pgr_agent_shared *shared) {
  shared->sent = on_sent;
  shared->parked = on_parked;
  shared->paused = on_paused;
  shared->answered = on_answered;
  shared->done = on_done;
}

static void start(pgr__seat *s) {
  int64_t key = s->member.at->shown.key;
  s->starts = false;
  if (pgr_agent_enter(&s->member.agent, key, key, s->member.agent.op.agent)) {
    pgr__fault(s->member.inbox, "out of memory");
    return;
  }
  begin(s, s->operation);
}

void pgr__seats_work(pgr_inbox *i) {
  for (int k = 0; k < PGR_SEATS; k++) {
    pgr__seat *s = &i->desk->seats[k];
    if (s->starts) start(s);
  }
  for (int k = 0; k < PGR_SEATS; k++) {
    pgr__seat *s = &i->desk->seats[k];
    if (!s->goes) continue;
    s->goes = false;
    if (s->member.agent.state == PGR_AGENT_PARKED) pgr_agent_go(&s->member.agent);
  }
}

/* ---- commands ---- */

/* Whether there is such a conversation, and the seat has nothing else to do. */
static pgr_code check(pgr_inbox *i, uint32_t agent, int64_t key, pgr_err *err) {
  char name[PGR_CAST_NAME_BYTES];
  pgr_code code = pgr__need_room(i, err);
  if (code) return code;
  if (agent < 1 || agent > PGR_SEATS)
    return pgr_fail(err, PGR_EUSAGE, "Only agents 1 and 2 are played by hand, not agent %u.", (unsigned)agent);
  if (!pgr__conversation_of(i, key))
    return pgr_fail(err, PGR_EUSAGE, "There is no %s %lld in the inbox.", i->scenario->key.name, (long long)key);
  const pgr__seat *s = &i->desk->seats[agent - 1];
  if (pgr__seat_is_idle(s)) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "%s is still at %s %lld (%s).", pgr__name_of(agent, name), i->scenario->key.name,
                  (long long)s->member.at->shown.key, i->scenario->operations[s->operation].name);
}

static pgr_code check_claim(pgr_inbox *i, uint32_t agent, int64_t key, pgr_err *err) {
  char name[PGR_CAST_NAME_BYTES];
  pgr_code code = check(i, agent, key, err);
  if (code) return code;
  if (pgr__conversation_of(i, key)->shown.campaign)
    return pgr_fail(err, PGR_EUSAGE, "%s %lld came with a campaign and is the crowd's to claim.", i->scenario->key.name,
                    (long long)key);
  if (!(pgr__conversation_of(i, key)->owns & pgr__bit(&i->desk->seats[agent - 1].member))) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "%s owns %s %lld already.", pgr__name_of(agent, name), i->scenario->key.name,
                  (long long)key);
}

static void ask(pgr_inbox *i, uint32_t agent, int64_t key, int kind) {
  pgr__seat *s = &i->desk->seats[agent - 1];
  s->operation = (uint8_t)kind;
  s->starts = true;
  pgr__visit_begin(&s->member, pgr__conversation_of(i, key));
  pgr__changed(i);
}

pgr_code pgr_inbox_claim(pgr_inbox *i, uint32_t agent, int64_t key, pgr_err *err) {
  pgr_code code = check_claim(i, agent, key, err);
  if (code) return code;
  ask(i, agent, key, i->scenario->ownership.acquire);
  return PGR_OK;
}

pgr_code pgr_inbox_claim_both(pgr_inbox *i, int64_t key, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (uint32_t agent = 1; !code && agent <= PGR_SEATS; agent++)
    code = check_claim(i, agent, key, err);
  for (uint32_t agent = 1; !code && agent <= PGR_SEATS; agent++)
    ask(i, agent, key, i->scenario->ownership.acquire);
  return code;
}

pgr_code pgr_inbox_release(pgr_inbox *i, uint32_t agent, int64_t key, pgr_err *err) {
  char name[PGR_CAST_NAME_BYTES];
  int release = i->scenario->ownership.release;
  pgr_code code = check(i, agent, key, err);
  if (code) return code;
  if (release < 0)
    return pgr_fail(err, PGR_EUSAGE, "In the scenario %s a %s is owned for ever.", i->scenario->name,
                    i->scenario->key.name);
  const pgr__conversation *c = pgr__conversation_of(i, key);
  if (!((c->owns | c->unsure) & pgr__bit(&i->desk->seats[agent - 1].member)))
    return pgr_fail(err, PGR_EUSAGE, "%s does not own %s %lld.", pgr__name_of(agent, name), i->scenario->key.name,
                    (long long)key);
  ask(i, agent, key, release);
  return PGR_OK;
}

pgr_code pgr_inbox_step(pgr_inbox *i, uint32_t agent, pgr_err *err) {
  char name[PGR_CAST_NAME_BYTES];
  pgr_code code = pgr__need_database(i, err);
  if (code) return code;
  if (agent < 1 || agent > PGR_SEATS)
    return pgr_fail(err, PGR_EUSAGE, "Only agents 1 and 2 are played by hand, not agent %u.", (unsigned)agent);
  pgr__seat *s = &i->desk->seats[agent - 1];
  pgr__name_of(agent, name);
  if (i->order.playing) return pgr_fail(err, PGR_EUSAGE, "An order is being played. Wait for its end.");
  if (s->waits) return pgr_fail(err, PGR_EUSAGE, "%s waits for a lock, so it cannot be %s's turn.", name, name);
  if (!s->parked || s->goes) return pgr_fail(err, PGR_EUSAGE, "%s has no statement to send.", name);
  s->goes = true;
  pgr__changed(i);
  return PGR_OK;
}
