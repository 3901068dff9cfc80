/* The contest that is shown: what the two seats did to one conversation, statement by statement. It goes on for as long
 * as they are at that conversation, and when they come back to it, until it was given back. */
#include "inbox_internal.h"

#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

static pgr__seat *other_of(const pgr__seat *s) {
  pgr__desk *d = s->member.inbox->desk;
  return s == &d->seats[0] ? &d->seats[1] : &d->seats[0];
}

/* Whether what the seat begins goes on with the contest that is shown. */
static bool goes_on(const pgr__seat *s, uint8_t kind) {
  const pgr_inbox *i = s->member.inbox;
  const pgr_contest *c = &i->contest;
  if (!c->number || c->key != s->member.at->shown.key) return false;
  if (other_of(s)->member.at == s->member.at || kind != i->scenario->ownership.acquire) return true;
  return !i->contest_released && c->step_count <= PGR_CONTEST_STEPS_MAX / 2;
}

void pgr__contest_begin(pgr__seat *s, uint8_t kind) {
  pgr_inbox *i = s->member.inbox;
  pgr__seat *other = other_of(s);
  if (!goes_on(s, kind)) {
    i->contest = (pgr_contest){.number = ++i->contest_count, .key = s->member.at->shown.key};
    i->contest_released = false;
    *i->went = '\0';
    s->step_at = other->step_at = -1;
    if (other->member.at == s->member.at) other->contest = i->contest.number;
  }
  s->contest = i->contest.number;
  s->step_at = -1;
  i->contest_released |= kind == i->scenario->ownership.release;
}

static pgr_contest_step *step_of(pgr__seat *s) {
  pgr_inbox *i = s->member.inbox;
  return s->contest == i->contest.number && s->step_at >= 0 ? &i->contest.steps[s->step_at] : NULL;
}

static void note_turn(pgr_inbox *i, uint32_t agent) {
  size_t len = strlen(i->went);
  if (len < PGR_INBOX_ORDER_MAX) snprintf(i->went + len, 2, "%c", (char)('A' + agent - 1));
}

void pgr__contest_sent(pgr__seat *s) {
  pgr_inbox *i = s->member.inbox;
  pgr_contest *c = &i->contest;
  s->step_at = -1;
  if (s->contest != c->number) return;
  note_turn(i, s->member.agent.op.agent);
  if (c->step_count == PGR_CONTEST_STEPS_MAX) {
    c->cut = true;
    return;
  }
  s->step_at = c->step_count++;
  pgr_contest_step *step = &c->steps[s->step_at];
  *step = (pgr_contest_step){.agent = s->member.agent.op.agent,
                             .step = s->step,
                             .operation = s->operation,
                             .sent_ns = pgr__now_ns(i),
                             .rows = -1,
                             .outcome = PGR_OUTCOME_COUNT};
  memcpy(step->sql, s->sql, sizeof step->sql);
}

void pgr__contest_waits(pgr__seat *s) {
  pgr_contest_step *step = step_of(s);
  if (!step) return;
  if (!step->waits_ns) step->waits_ns = pgr__now_ns(s->member.inbox);
  step->waits_for = s->waits_for;
}

void pgr__contest_answered(pgr__seat *s, const pgr_moment *answer) {
  pgr_contest_step *step = step_of(s);
  if (!step) return;
  step->answered_ns = answer->at_ns;
  step->rows = answer->rows;
  step->has_value = answer->has_value;
  step->is_null = answer->has_value && !answer->value;
  pgr_utf8_copy(step->value, sizeof step->value, answer->value ? answer->value : "");
  snprintf(step->sqlstate, sizeof step->sqlstate, "%s", answer->sqlstate);
  pgr_utf8_copy(step->constraint, sizeof step->constraint, answer->constraint);
  pgr_utf8_copy(step->error, sizeof step->error, answer->error);
  pgr_contest_infer(&s->member.inbox->contest);
}

void pgr__contest_told(pgr__seat *s, uint8_t kind, pgr_outcome outcome) {
  pgr_contest_step *step = step_of(s);
  if (step && step->operation == kind) step->outcome = outcome;
}
