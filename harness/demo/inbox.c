/* The inbox: its state, and the commands that are about no agent in particular. Everything happens on the thread of its
 * loop. What a command asks of agents is noted and done a turn of the loop later, by work(): a command may come from
 * inside of an event, where an agent's function is on the stack. */
#include "inbox_internal.h"

#include "pgr_cast.h"
#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const int64_t OPENING_NS = 5 * PGR_NS_PER_S, REOPEN_NS = 100 * PGR_NS_PER_MS;

int64_t pgr__now_ns(const pgr_inbox *i) {
  return pgr_now_ns() - i->origin_ns;
}

void pgr__changed(pgr_inbox *i) {
  i->changed = true;
  if (i->posted || i->closed) return;
  i->posted = true;
  pgr_loop_post(i->loop, &i->work);
}

void pgr__fault(pgr_inbox *i, const char *why) {
  if (!i->faulted) pgr_cast_sentence(i->fault, sizeof i->fault, why);
  i->faulted = true;
  pgr__changed(i);
}

void pgr__set_database(pgr_inbox *i, pgr_inbox_database to, const char *why) {
  i->database = to;
  pgr_cast_sentence(i->why, sizeof i->why, why);
  pgr__changed(i);
}

pgr_moment pgr__moment_of(const pgr__member *m, pgr_moment_kind kind) {
  return (pgr_moment){.kind = kind,
                      .at_ns = pgr__now_ns(m->inbox),
                      .agent = m->agent.op.agent,
                      .key = m->at ? m->at->shown.key : 0,
                      .operation = m->agent.op.kind,
                      .outcome = PGR_OUTCOME_COUNT,
                      .rows = kind == PGR_MOMENT_ANSWERED ? -1 : 0,
                      .sqlstate = "",
                      .constraint = "",
                      .error = ""};
}

void pgr__emit(pgr_inbox *i, const pgr_moment *m) {
  i->events.moment(i->events.user, m);
}

const char *pgr__name_of(uint32_t agent, char name[PGR_CAST_NAME_BYTES]) {
  *name = '\0';
  pgr_cast_agent(agent, name);
  return name;
}

pgr_code pgr__need_database(const pgr_inbox *i, pgr_err *err) {
  switch (i->database) {
  case PGR_INBOX_READY: break;
  case PGR_INBOX_PREPARING:
    return pgr_fail(err, PGR_EUSAGE, "The connections to the database are being made. Try again in a moment.");
  case PGR_INBOX_AWAY:
    if (!i->record) return pgr_fail(err, PGR_EUSAGE, "There is no database yet. Try again in a moment.");
    return pgr_fail(err, PGR_EUSAGE, "Nobody can do anything, for there is no database: %s", i->why);
  }
  return PGR_OK;
}

pgr_code pgr__need_room(const pgr_inbox *i, pgr_err *err) {
  pgr_code code = pgr__need_database(i, err);
  if (code || !pgr__record_is_full(i)) return code;
  return pgr_fail(err, PGR_EUSAGE,
                  "%zu operations of this strategy are known, and no more are kept. Start the demo anew.", i->ops_max);
}

/* ---- what was noted is done ---- */

static void on_reopen(pgr_timer *t) {
  pgr_inbox *i = (pgr_inbox *)((char *)t - offsetof(pgr_inbox, reopen));
  pgr_err err;
  if (pgr__desk_open(i, i->target, i->record->strategy, &err)) pgr__fault(i, err.msg);
}

/* A server may have no room yet for new connections, while it ends those of the use before. false: it had its time. */
static bool open_again(pgr_inbox *i) {
  if (i->record->since_ns || pgr__now_ns(i) - i->opened_ns > OPENING_NS) return false;
  pgr__desk_retire(i);
  return pgr_timer_start(i->loop, &i->reopen, pgr_now_ns() + REOPEN_NS) == PGR_OK;
}

/* Nothing of the inbox is touched after an event: its receiver may have begun another use. */
static void give_up(pgr_inbox *i) {
  i->faulted = false;
  if (open_again(i)) return;
  pgr_inbox_leave(i, i->fault);
  i->changed = false;
  i->events.changed(i->events.user);
  if (!i->closed && !i->desk) i->events.away(i->events.user, i->fault);
}

static void work(pgr_message *m) {
  pgr_inbox *i = (pgr_inbox *)((char *)m - offsetof(pgr_inbox, work));
  i->posted = false;
  if (i->closed) return;
  pgr__desks_free(i);
  if (i->faulted) {
    give_up(i);
    return;
  }
  if (i->desk) {
    pgr__order_work(i);
    pgr__seats_work(i);
    pgr__crowd_work(i);
  }
  if (!i->changed) return;
  i->changed = false;
  i->events.changed(i->events.user);
}

/* ---- life ---- */

pgr_code pgr_inbox_create(pgr_loop *loop, const pgr_scenario *scenario, pgr_inbox_events events, pgr_inbox **out,
                          pgr_err *err) {
  if (!scenario->ownership.declared)
    return pgr_fail(err, PGR_EUSAGE, "scenario %s declares no ownership: nothing in it could have two owners",
                    scenario->name);
  pgr_inbox *i = pgr_calloc(1, sizeof *i);
  if (!i) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  i->loop = loop;
  i->scenario = scenario;
  i->events = events;
  i->origin_ns = pgr_now_ns();
  i->work.deliver = work;
  i->reopen.fire = on_reopen;
  i->ops_max = PGR_INBOX_OPS_MAX;
  i->last = -1;
  i->campaign_last = -1;
  pgr_buf_init(&i->text, 0);
  *out = i;
  return PGR_OK;
}

/* Nobody is at anything, and nothing is shown. */
static void empty(pgr_inbox *i) {
  memset(i->conversations, 0, sizeof i->conversations);
  i->first = i->record->next_key;
  i->last = i->first - 1;
  i->contest = (pgr_contest){0};
  *i->went = '\0';
  *i->trouble = '\0';
}

pgr_code pgr_inbox_use(pgr_inbox *i, const pgr_target *target, const pgr_strategy *strategy, int64_t first_key,
                       int64_t last_key, bool afresh, pgr_err *err) {
  pgr__desk_retire(i);
  pgr__record_leave(i);
  if (afresh) pgr__records_forget(i);
  pgr_code code = pgr__record_use(i, strategy, err);
  if (code) {
    pgr__set_database(i, PGR_INBOX_AWAY, "out of memory");
    return code;
  }
  if (i->record->next_key < first_key) i->record->next_key = first_key;
  i->last_key = last_key;
  i->target = target;
  i->opened_ns = pgr__now_ns(i);
  i->faulted = false;
  empty(i);
  pgr__set_database(i, PGR_INBOX_PREPARING, "");
  pgr_err why;
  code = pgr__desk_open(i, target, strategy, &why);
  if (!code) return PGR_OK;
  pgr_inbox_leave(i, why.msg);
  return pgr_fail(err, code, "%s", why.msg);
}

void pgr_inbox_leave(pgr_inbox *i, const char *why) {
  pgr__desk_retire(i);
  pgr__record_leave(i);
  i->faulted = false; /* whatever it was, nobody is to come back for it */
  pgr__set_database(i, PGR_INBOX_AWAY, why);
}

void pgr_inbox_close(pgr_inbox *i) {
  pgr__desk_retire(i);
  pgr__record_leave(i);
  i->closed = true;
}

void pgr_inbox_destroy(pgr_inbox *i) {
  if (!i) return;
  pgr__desks_free(i);
  pgr__records_forget(i);
  pgr_buf_deinit(&i->text);
  pgr_free(i);
}

/* ---- commands ---- */

pgr_code pgr_inbox_arrive(pgr_inbox *i, int count, pgr_err *err) {
  pgr_code code = pgr__need_room(i, err);
  return code ? code : pgr__conversations_add(i, count, false, err);
}

pgr_code pgr_inbox_set_gap(pgr_inbox *i, int64_t gap_ns, pgr_err *err) {
  if (gap_ns < 0 || gap_ns > PGR_INBOX_GAP_MAX_S * PGR_NS_PER_S)
    return pgr_fail(err, PGR_EUSAGE, "The gap lies between 0 and %d seconds.", PGR_INBOX_GAP_MAX_S);
  i->gap_ns = gap_ns;
  if (i->record) i->record->gap_ns = gap_ns;
  if (i->desk) i->desk->seat_group.shared.gap_ns = i->desk->crowd_group.shared.gap_ns = gap_ns;
  pgr__changed(i);
  return PGR_OK;
}

void pgr_inbox_set_stepping(pgr_inbox *i, bool stepping) {
  i->stepping = stepping;
  if (!stepping) pgr__order_forget(i);
  for (int k = 0; i->desk && k < PGR_SEATS; k++) {
    pgr__seat *s = &i->desk->seats[k];
    s->goes |= s->parked && !stepping;
  }
  if (i->desk) i->desk->seat_group.shared.stepped = stepping;
  pgr__changed(i);
}

/* ---- what is so ---- */

static void seat_state_of(const pgr__seat *s, pgr_seat_state *out) {
  if (!s->member.at) return;
  *out = (pgr_seat_state){.busy = true,
                          .operation = s->operation,
                          .key = s->member.at->shown.key,
                          .parked = s->parked && !s->goes,
                          .in_flight = s->in_flight,
                          .waits = s->waits,
                          .waits_for = s->waits_for,
                          .thinks_until_ns = s->thinks_until_ns};
  if (out->parked) snprintf(out->sql, sizeof out->sql, "%s", s->sql);
}

void pgr_inbox_state_of(const pgr_inbox *i, pgr_inbox_state *out) {
  *out = (pgr_inbox_state){.database = i->database,
                           .strategy = i->record ? i->record->strategy : NULL,
                           .gap_ns = i->gap_ns,
                           .stepping = i->stepping,
                           .now_ns = pgr__now_ns(i),
                           .crowd_busy = i->database == PGR_INBOX_AWAY ? 0 : i->crowd_busy,
                           .first = i->first,
                           .last = i->last,
                           .order_left = i->order.count - i->order.at};
  snprintf(out->why, sizeof out->why, "%s", i->why);
  snprintf(out->order, sizeof out->order, "%s", i->went);
  snprintf(out->trouble, sizeof out->trouble, "%s", i->trouble);
  if (i->database == PGR_INBOX_AWAY) return;
  for (int k = 0; i->desk && k < PGR_SEATS; k++)
    seat_state_of(&i->desk->seats[k], &out->seats[k]);
}

void pgr_inbox_counts_of(const pgr_inbox *i, pgr_inbox_counts *out) {
  *out = (pgr_inbox_counts){0};
  if (!i->record) return;
  *out = i->record->counts;
  memcpy(out->outcomes, i->record->tally.outcomes[i->scenario->ownership.acquire], sizeof out->outcomes);
}

const pgr_conversation *pgr_inbox_conversation(const pgr_inbox *i, int64_t key) {
  const pgr__conversation *c = pgr__conversation_of((pgr_inbox *)(uintptr_t)i, key);
  return c ? &c->shown : NULL;
}

void pgr_inbox_keep_at_most(pgr_inbox *i, size_t ops) {
  i->ops_max = ops < PGR_INBOX_OPS_MAX ? ops : PGR_INBOX_OPS_MAX;
}

const pgr_contest *pgr_inbox_contest(const pgr_inbox *i) {
  return &i->contest;
}
