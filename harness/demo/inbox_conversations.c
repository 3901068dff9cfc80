/* What is so in each conversation: who is at it, who owns it, who was told what; and the counts that follow from it.
 *
 * The invariant most easily broken: an ownership lasts here exactly as the checker (pgr_ownership.h) has it in the
 * history: from the return of an ok acquire to the call of a release, unless that release failed at its first try. */
#include "inbox_internal.h"

#include "pgr_cast.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

pgr__conversation *pgr__conversation_of(pgr_inbox *i, int64_t key) {
  return key >= i->first && key <= i->last ? &i->conversations[pgr__place_of(key)] : NULL;
}

/* Whether conversations from key `first` on can be all that is in the inbox. */
static pgr_code may_drop_before(pgr_inbox *i, int64_t first, pgr_err *err) {
  for (int64_t key = i->first; key < first && key <= i->last; key++) {
    bool campaign = i->crowd_busy && key >= i->campaign_first && key <= i->campaign_last;
    if (campaign || pgr__conversation_of(i, key)->at)
      return pgr_fail(err, PGR_EUSAGE, "The inbox is full, and somebody is at %s %lld, which would leave it. Wait.",
                      i->scenario->key.name, (long long)key);
  }
  return PGR_OK;
}

pgr_code pgr__conversations_add(pgr_inbox *i, int count, bool campaign, pgr_err *err) {
  int64_t next = i->record->next_key;
  if (count < 1 || count > PGR_INBOX_CONVERSATIONS_MAX)
    return pgr_fail(err, PGR_EUSAGE, "Between 1 and %d %ss can come at once, not %d.", PGR_INBOX_CONVERSATIONS_MAX,
                    i->scenario->key.name, count);
  long long left = i->last_key - next + 1;
  if (left < count)
    return pgr_fail(err, PGR_EUSAGE, "%lld %ss of this strategy's database are left. Start the demo anew for more.",
                    left, i->scenario->key.name);
  int64_t last = next + count - 1, first = i->first;
  if (first < last - PGR_INBOX_CONVERSATIONS_MAX + 1) first = last - PGR_INBOX_CONVERSATIONS_MAX + 1;
  pgr_code code = may_drop_before(i, first, err);
  if (code) return code;
  i->first = first;
  i->last = last;
  i->record->next_key = last + 1;
  for (int64_t key = next; key <= last; key++)
    *pgr__conversation_of(i, key) = (pgr__conversation){.shown = {.key = key, .campaign = campaign}};
  pgr__changed(i);
  return PGR_OK;
}

/* ---- visits ---- */

int pgr__following(const pgr__member *m, uint8_t kind) {
  const pgr_scenario *s = m->inbox->scenario;
  for (int k = kind + 1; k < s->operation_count; k++) {
    const pgr_operation *o = &s->operations[k];
    if (o->when == PGR_WHEN_AFTER && m->ok >> o->after & 1) return k;
  }
  return -1;
}

void pgr__visit_begin(pgr__member *m, pgr__conversation *c) {
  m->at = c;
  m->ok = 0;
  c->at |= pgr__bit(m);
}

void pgr__visit_end(pgr__member *m) {
  m->at->at &= ~pgr__bit(m);
  m->at->wants &= ~pgr__bit(m);
  m->at = NULL;
}

static bool several(pgr__agents agents) {
  return (agents & (agents - 1)) != 0;
}

void pgr__operation_begin(pgr__member *m, uint8_t kind) {
  pgr__conversation *c = m->at;
  pgr__record *r = m->inbox->record;
  m->let_go = false;
  m->rows = -1;
  *m->constraint = '\0';
  if (kind != m->inbox->scenario->ownership.acquire) return;
  r->rounds += !c->tried;
  c->tried |= pgr__bit(m);
  c->wants |= pgr__bit(m);
  if (c->contested || !several(c->wants)) return;
  c->contested = true;
  r->counts.contested++;
}

/* ---- owners ---- */

/* As pgr_conversation names them: the seats first, then who came first. NULL: there is no place. */
static pgr_inbox_told *place_of(pgr_conversation *c, uint32_t agent, bool known) {
  uint32_t held = c->told_count < PGR_INBOX_TOLD_MAX ? c->told_count : PGR_INBOX_TOLD_MAX;
  for (uint32_t k = 0; known && k < held; k++)
    if (c->told[k].agent == agent) return &c->told[k];
  if (known) return NULL;
  c->told_count++;
  uint32_t at = held;
  if (agent <= PGR_SEATS)
    for (at = 0; at < held && c->told[at].agent < agent;)
      at++;
  if (at == PGR_INBOX_TOLD_MAX) return NULL;
  uint32_t moved = held < PGR_INBOX_TOLD_MAX ? held - at : held - at - 1;
  memmove(&c->told[at + 1], &c->told[at], moved * sizeof *c->told);
  c->told[at] = (pgr_inbox_told){.agent = agent};
  return &c->told[at];
}

static void mark_owner(pgr__member *m) {
  pgr__conversation *c = m->at;
  c->shown.owners = (uint32_t)__builtin_popcountll(c->owns);
  if (c->shown.owners > c->shown.owners_most) c->shown.owners_most = c->shown.owners;
  uint32_t held = c->shown.told_count < PGR_INBOX_TOLD_MAX ? c->shown.told_count : PGR_INBOX_TOLD_MAX;
  for (uint32_t k = 0; k < held; k++)
    if (c->shown.told[k].agent == m->agent.op.agent) c->shown.told[k].owns = (c->owns & pgr__bit(m)) != 0;
  pgr__changed(m->inbox);
}

static bool too_many(const pgr__member *m, pgr__agents owners) {
  return __builtin_popcountll(owners) > m->inbox->scenario->ownership.capacity;
}

/* An ownership begins anew: neither answers nor company of an earlier one of the agent's are of it. */
static void begin_ownership(pgr__member *m) {
  pgr__conversation *c = m->at;
  c->rivals[m->agent.op.agent - 1] = 0;
  c->answers &= ~pgr__bit(m);
}

/* It owns beside others, one too many. */
static void meet_rivals(pgr__member *m) {
  pgr__conversation *c = m->at;
  pgr__agents others = c->owns & ~pgr__bit(m);
  c->rivals[m->agent.op.agent - 1] |= others;
  for (int k = 0; k < PGR__AGENTS; k++)
    if (others >> k & 1) c->rivals[k] |= pgr__bit(m);
}

static void own(pgr__member *m) {
  pgr_inbox *i = m->inbox;
  pgr__conversation *c = m->at;
  c->owns |= pgr__bit(m);
  mark_owner(m);
  if (too_many(m, c->owns | c->leaving)) c->shared |= c->leaving;
  if (too_many(m, c->owns)) meet_rivals(m);
  if (!too_many(m, c->owns) && !(c->shared & pgr__bit(m))) return;
  if (i->contest.key == c->shown.key && m->agent.op.agent <= PGR_SEATS) i->contest.doubled = m->agent.op.agent;
  if (c->doubled) return;
  c->doubled = true;
  if (!too_many(m, c->owns)) c->shown.owners_most = (uint32_t)i->scenario->ownership.capacity + 1;
  i->record->counts.doubled++;
  if (pgr_rounds_add(&i->record->doubled, c->shown.key)) pgr__fault(i, "out of memory");
}

void pgr__let_go(pgr__member *m) {
  if (m->agent.op.kind != m->inbox->scenario->ownership.release || m->let_go) return;
  m->let_go = true;
  m->at->leaving |= m->at->owns & pgr__bit(m);
  m->at->owns &= ~pgr__bit(m);
  mark_owner(m);
}

static void acquired(pgr__member *m, pgr_outcome outcome) {
  pgr__conversation *c = m->at;
  c->wants &= ~pgr__bit(m);
  c->unsure &= ~pgr__bit(m);
  if (outcome == PGR_OUTCOME_UNKNOWN) c->unsure |= pgr__bit(m);
  if (outcome != PGR_OUTCOME_OK) return;
  begin_ownership(m);
  own(m);
}

/* One that failed at its first try ends nothing: what it was to give back is still owned. */
static void released(pgr__member *m, pgr_outcome outcome) {
  pgr__conversation *c = m->at;
  bool ended = outcome == PGR_OUTCOME_OK || outcome == PGR_OUTCOME_UNKNOWN || m->agent.op.attempt > 1;
  bool owned = c->leaving & pgr__bit(m);
  c->leaving &= ~pgr__bit(m);
  if (outcome == PGR_OUTCOME_OK) c->unsure &= ~pgr__bit(m);
  if (outcome == PGR_OUTCOME_UNKNOWN) c->unsure |= pgr__bit(m);
  if (ended)
    pgr__let_go(m);
  else if (owned)
    own(m);
  c->leaving &= ~pgr__bit(m);
  c->shared &= ~pgr__bit(m);
}

static void replied(pgr__member *m) {
  pgr__conversation *c = m->at;
  pgr_inbox_counts *counts = &m->inbox->record->counts;
  counts->replies++;
  c->shown.replies++;
  c->replied |= pgr__bit(m);
  c->answers |= pgr__bit(m);
  c->shown.answered_by = (uint32_t)__builtin_popcountll(c->replied);
  if (c->shown.contradicted || !(c->answers & c->rivals[m->agent.op.agent - 1])) return;
  c->shown.contradicted = true;
  counts->doubly_answered++;
}

/* ---- what agents are told ---- */

void pgr__note_result(pgr__member *m, const PGresult *result) {
  const char *constraint = PQresultErrorField(result, PG_DIAG_CONSTRAINT_NAME);
  const char *rows = PQcmdTuples((PGresult *)(uintptr_t)result);
  if (*rows) m->rows = strtoll(rows, NULL, 10);
  if (PQresultStatus(result) != PGRES_FATAL_ERROR) return;
  snprintf(m->constraint, sizeof m->constraint, "%s", constraint ? constraint : "");
}

static const char *message_of(const pgr__member *m, uint8_t kind, pgr_outcome outcome) {
  const pgr_scenario *s = m->inbox->scenario;
  if (kind == s->ownership.release && outcome == PGR_OUTCOME_OK && m->rows == 0) return pgr_cast_nothing_released();
  const pgr_rejection *rejection =
      outcome == PGR_OUTCOME_REJECTED ? pgr_scenario_rejection(s, m->agent.op.sqlstate, m->constraint) : NULL;
  return pgr_cast_message(s, kind, outcome, rejection);
}

static void note_told(pgr__member *m, uint8_t kind, pgr_outcome outcome, const char *message) {
  pgr__conversation *c = m->at;
  pgr_inbox_told *told = place_of(&c->shown, m->agent.op.agent, c->told & pgr__bit(m));
  c->told |= pgr__bit(m);
  m->inbox->record->served |= pgr__bit(m);
  if (!told) return;
  const pgr_ownership *model = &m->inbox->scenario->ownership;
  if (c->owns & pgr__bit(m) && kind != model->acquire && kind != model->release && outcome == PGR_OUTCOME_OK) {
    told->replied = c->replied & pgr__bit(m); /* that it owns it is what the agent still reads */
    return;
  }
  *told = (pgr_inbox_told){.agent = m->agent.op.agent,
                           .operation = kind,
                           .outcome = outcome,
                           .owns = c->owns & pgr__bit(m),
                           .replied = c->replied & pgr__bit(m),
                           .message = message};
  memcpy(told->sqlstate, m->agent.op.sqlstate, sizeof told->sqlstate);
}

void pgr__tell(pgr__member *m, uint8_t kind, pgr_outcome outcome, uint32_t contest, uint32_t step) {
  pgr_inbox *i = m->inbox;
  pgr__conversation *c = m->at;
  const pgr_ownership *model = &i->scenario->ownership;
  bool was_doubled = c->doubled;
  if (outcome == PGR_OUTCOME_OK) m->ok |= (uint8_t)(1U << kind);
  if (kind == model->acquire)
    acquired(m, outcome);
  else if (kind == model->release)
    released(m, outcome);
  else if (outcome == PGR_OUTCOME_OK && i->scenario->operations[kind].when == PGR_WHEN_AFTER)
    replied(m);
  const char *message = message_of(m, kind, outcome);
  note_told(m, kind, outcome, message);
  pgr_moment told = pgr__moment_of(m, PGR_MOMENT_TOLD);
  told.contest = contest;
  told.step = step;
  told.outcome = outcome;
  told.message = message;
  told.sqlstate = m->agent.op.sqlstate;
  told.constraint = m->constraint;
  pgr__emit(i, &told);
  pgr__changed(i);
  if (!c->doubled || was_doubled) return;
  pgr_moment doubled = pgr__moment_of(m, PGR_MOMENT_DOUBLED);
  doubled.contest = contest;
  doubled.owners = c->shown.owners_most;
  pgr__emit(i, &doubled);
}
