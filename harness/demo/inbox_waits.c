/* The control connection: whether the database is there, and which seat waits for whose lock. It is asked only while a
 * seat's statement has been in flight for a while. */
#include "inbox_internal.h"

#include "pgr_clock.h"
#include "pgr_lockstep.h"
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

static const int64_t FIRST_NS = 5 * PGR_NS_PER_MS, NEXT_NS = 20 * PGR_NS_PER_MS, PLAYING_NS = 2 * PGR_NS_PER_MS,
                     RECONNECT_NS = 250 * PGR_NS_PER_MS, GIVE_UP_NS = 5 * PGR_NS_PER_S;

static const char *const asks[] = {PGR_LOCKSTEP_ASK};
static const pgr_session session = {.setup = "", .statements = asks, .count = 1};

static pgr__desk *desk_of(pgr_holder *h) {
  return (pgr__desk *)((char *)h - offsetof(pgr__desk, control_holder));
}

static void start_timer(pgr__desk *d, pgr_timer *t, int64_t in_ns) {
  if (!t->slot && pgr_timer_start(d->inbox->loop, t, pgr_now_ns() + in_ns)) pgr__fault(d->inbox, "out of memory");
}

/* ---- the question ---- */

static int pid_of(const pgr__member *m) {
  return m->agent.conn ? pgr_conn_pid(m->agent.conn) : 0;
}

static bool ask(pgr__desk *d) {
  char pids[64];
  const char *values[] = {pids};
  int len = 0;
  for (int k = 0; k < PGR_SEATS; k++) {
    pgr__seat *s = &d->seats[k];
    s->asked_step = 0;
    int pid = s->in_flight ? pid_of(&s->member) : 0;
    if (!pid) continue;
    s->asked_step = s->step;
    len += snprintf(pids + len, sizeof pids - (size_t)len, "%c%d", len ? ',' : '{', pid);
  }
  if (!len) return false;
  snprintf(pids + len, sizeof pids - (size_t)len, "}");
  d->asking = true;
  d->asked_pulse = d->inbox->pulse;
  pgr_conn_execute(d->control, 0, 1, values);
  return true;
}

static bool anybody_in_flight(const pgr__desk *d) {
  return d->seats[0].in_flight || d->seats[1].in_flight;
}

static void on_ask(pgr_timer *t) {
  pgr__desk *d = (pgr__desk *)((char *)t - offsetof(pgr__desk, ask));
  if (!anybody_in_flight(d)) return;
  if (d->control_stands && !d->asking) ask(d);
  start_timer(d, &d->ask, d->inbox->order.playing ? PLAYING_NS : NEXT_NS);
}

void pgr__waits_watch(pgr__desk *d) {
  start_timer(d, &d->ask, d->inbox->order.playing ? PLAYING_NS : FIRST_NS);
}

/* The first of "{1,2}" that is one of ours; 0: none. */
static uint32_t holder_of(pgr__desk *d, const char *array) {
  while (*array == '{' || *array == ',') {
    char *end;
    long pid = strtol(array + 1, &end, 10);
    for (uint32_t agent = 1; pid && agent <= PGR__AGENTS; agent++)
      if (pid_of(pgr__desk_member(d, agent)) == pid) return agent;
    array = end;
  }
  return 0;
}

static void note_wait(pgr__desk *d, pgr__seat *s, const char *blockers) {
  uint32_t holder = holder_of(d, blockers);
  bool known = s->waits;
  if (s->waits_at_pulse != d->asked_pulse || !known || s->waits_for != holder) pgr__changed(d->inbox);
  s->waits = true;
  s->waits_at_pulse = d->asked_pulse;
  s->waits_for = holder;
  pgr__contest_waits(s);
  if (known) return;
  pgr_moment m = pgr__moment_of(&s->member, PGR_MOMENT_WAITS);
  m.contest = s->contest;
  m.step = s->step;
  m.for_agent = holder;
  pgr__emit(d->inbox, &m);
}

/* An answer to a question about an earlier statement says nothing of the one in flight now. */
static void on_result(pgr_holder *h, const PGresult *result, bool last) {
  (void)last;
  pgr__desk *d = desk_of(h);
  if (PQresultStatus(result) != PGRES_TUPLES_OK) return;
  for (int row = 0; row < PQntuples(result); row++) {
    long pid = strtol(PQgetvalue(result, row, 0), NULL, 10);
    for (int k = 0; k < PGR_SEATS; k++) {
      pgr__seat *s = &d->seats[k];
      if (s->in_flight && s->asked_step == s->step && pid_of(&s->member) == pid)
        note_wait(d, s, PQgetvalue(result, row, 1));
    }
  }
}

static void on_done(pgr_holder *h) {
  desk_of(h)->asking = false;
}

static void on_lost(pgr_holder *h) {
  desk_of(h)->asking = false;
}

/* ---- whether the database is there ---- */

static void on_control_ready(pgr_conn *c, void *user) {
  pgr__desk *d = user;
  pgr_conn_hold(c, &d->control_holder);
  d->control_stands = true;
  d->control_lost_ns = 0;
  pgr__desk_look(d);
}

static void on_control_lost(pgr_conn *c, const char *why, void *user) {
  (void)c;
  pgr__desk *d = user;
  pgr_inbox *i = d->inbox;
  int64_t now = pgr_now_ns();
  d->control_stands = false;
  if (i->database == PGR_INBOX_READY) pgr__set_database(i, PGR_INBOX_AWAY, "The database does not answer.");
  if (!d->control_lost_ns) d->control_lost_ns = now;
  if (now - d->control_lost_ns >= GIVE_UP_NS)
    pgr__fault(i, why);
  else
    start_timer(d, &d->reconnect, now == d->control_lost_ns ? 0 : RECONNECT_NS);
}

static void on_reconnect(pgr_timer *t) {
  pgr__desk *d = (pgr__desk *)((char *)t - offsetof(pgr__desk, reconnect));
  pgr_conn_open(d->control, d->control_lost_ns + GIVE_UP_NS);
}

pgr_code pgr__waits_open(pgr__desk *d, const pgr_target *target) {
  d->ask.fire = on_ask;
  d->reconnect.fire = on_reconnect;
  d->control_holder = (pgr_holder){on_result, on_done, on_lost};
  d->control =
      pgr_conn_create(d->inbox->loop, target, &session, (pgr_conn_events){on_control_ready, on_control_lost, d});
  if (!d->control) return PGR_ENOMEM;
  pgr_conn_open(d->control, 0);
  return PGR_OK;
}

void pgr__waits_close(pgr__desk *d) {
  pgr_timer_cancel(d->inbox->loop, &d->ask);
  pgr_timer_cancel(d->inbox->loop, &d->reconnect);
  if (d->control) pgr_conn_close(d->control);
}

void pgr__waits_free(pgr__desk *d) {
  pgr_conn_destroy(d->control);
}
