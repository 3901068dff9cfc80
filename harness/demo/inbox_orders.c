/* Plays an order: lets the seats go one after the other, each time once both have come to rest. A seat rests when it is
 * parked, has nothing to do, or waits for a lock; that it waits counts only when it was seen after the last event that
 * may have ended the wait. */
#include "inbox_internal.h"

#include "pgr_cast.h"
#include <stdio.h>
#include <string.h>

static bool waits(const pgr__seat *s) {
  return s->waits && s->waits_at_pulse == s->member.inbox->pulse;
}

static bool rests(const pgr__seat *s) {
  if (s->starts || s->goes) return false;
  return pgr__seat_is_idle(s) || s->parked || waits(s);
}

static void give_up(pgr_inbox *i, const pgr__seat *s) {
  char name[PGR_CAST_NAME_BYTES], holder[PGR_CAST_NAME_BYTES];
  char whose[PGR_CAST_NAME_BYTES + 16] = "a";
  pgr__name_of(s->member.agent.op.agent, name);
  if (s->waits_for) snprintf(whose, sizeof whose, "%s's", pgr__name_of(s->waits_for, holder));
  pgr_err said;
  pgr_fail(&said, PGR_EUSAGE, "Step %d of %s is %s's, who waits for %s lock: impossible with the strategy %s.",
           i->order.at + 1, i->order.steps, name, whose, i->record->strategy->name);
  snprintf(i->trouble, sizeof i->trouble, "%.*s", (int)sizeof i->trouble - 1, said.msg);
  i->order.at = i->order.count;
}

/* Whose turn it is; NULL: the order is over, or cannot be gone on with. Whoever has ended already is passed over. */
static pgr__seat *next_of(pgr_inbox *i) {
  pgr__order *o = &i->order;
  while (o->at < o->count) {
    pgr__seat *s = &i->desk->seats[o->steps[o->at] - 'A'];
    if (s->parked) {
      o->at++;
      return s;
    }
    if (pgr__seat_is_idle(s))
      o->at++;
    else
      give_up(i, s);
  }
  return NULL;
}

/* What no order names goes on to its end, agent 1 first. */
static pgr__seat *next_left(pgr_inbox *i) {
  for (int k = 0; k < PGR_SEATS; k++)
    if (i->desk->seats[k].parked) return &i->desk->seats[k];
  return NULL;
}

void pgr__order_work(pgr_inbox *i) {
  bool idle = true;
  if (!i->order.playing) return;
  for (int k = 0; k < PGR_SEATS; k++) {
    if (!rests(&i->desk->seats[k])) return;
    idle &= pgr__seat_is_idle(&i->desk->seats[k]);
  }
  pgr__seat *s = next_of(i);
  if (!s) s = next_left(i);
  i->changed = true;
  if (s)
    s->goes = true;
  else if (idle)
    i->order.playing = false;
}

void pgr__order_forget(pgr_inbox *i) {
  i->order = (pgr__order){0};
}

static pgr_code check(const char *order, pgr_err *err) {
  size_t len = strlen(order);
  if (len == 0 || strspn(order, "AB") != len)
    return pgr_fail(err, PGR_EUSAGE, "An order is written in A and B, whose turn it is: ABBA.");
  if (len > PGR_INBOX_ORDER_MAX)
    return pgr_fail(err, PGR_EUSAGE, "An order has at most %d steps.", PGR_INBOX_ORDER_MAX);
  return PGR_OK;
}

pgr_code pgr_inbox_play(pgr_inbox *i, const char *order, pgr_err *err) {
  pgr_code code = check(order, err);
  if (!code) code = pgr__need_room(i, err);
  if (code) return code;
  for (int k = 0; k < PGR_SEATS; k++)
    if (!pgr__seat_is_idle(&i->desk->seats[k]))
      return pgr_fail(err, PGR_EUSAGE, "Somebody is at a %s. Wait until both agents are free.", i->scenario->key.name);
  code = pgr__conversations_add(i, 1, false, err);
  if (!code) code = pgr_inbox_claim_both(i, i->last, err);
  if (code) return code;
  pgr_inbox_set_stepping(i, true);
  *i->trouble = '\0';
  i->order = (pgr__order){.playing = true, .count = (int)strlen(order)};
  snprintf(i->order.steps, sizeof i->order.steps, "%s", order);
  return PGR_OK;
}
