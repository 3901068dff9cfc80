/* A lockstep with its loop, its control connection and its seats, each of which sends what it is told to. */
#ifndef PGR_SEATS_H
#define PGR_SEATS_H

#include "pgr_clock.h"
#include "pgr_lockstep.h"
#include <stdio.h>
#include <string.h>

enum { SEATS_MAX = 4 };

/* The holder of a connection. */
typedef struct seat {
  pgr_holder holder;
  pgr_conn *conn;
  unsigned done, lost; /* times */
  char sqlstate[6];    /* of the statement that ended last; "" when it succeeded */
  char value[64];      /* the first of its results */
} seat;

typedef struct room {
  pgr_loop *loop;
  pgr_session control_session, session;
  pgr_conn *control;
  seat seats[SEATS_MAX];
  pgr_conn *conns[SEATS_MAX];
  int count, ready, failures;
  pgr_lockstep *l;
} room;

static inline void seat_result(pgr_holder *h, const PGresult *r, bool last) {
  seat *s = (seat *)h;
  (void)last;
  const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  if (sqlstate) snprintf(s->sqlstate, sizeof s->sqlstate, "%s", sqlstate);
  if (PQntuples(r) > 0 && PQnfields(r) > 0) snprintf(s->value, sizeof s->value, "%s", PQgetvalue(r, 0, 0));
}

static inline void seat_done(pgr_holder *h) {
  ((seat *)h)->done++;
}

static inline void seat_lost(pgr_holder *h) {
  ((seat *)h)->lost++;
}

static inline void room_ready(pgr_conn *c, void *user) {
  (void)c;
  ((room *)user)->ready++;
}

static inline void room_lost(pgr_conn *c, const char *why, void *user) {
  (void)c;
  room *r = user;
  r->failures++;
  if (!r->l) fprintf(stderr, "%s\n", why);
}

static inline bool room_connect(room *r, const pgr_target *t, const pgr_session *session, pgr_conn **out) {
  *out = pgr_conn_create(r->loop, t, session, (pgr_conn_events){room_ready, room_lost, r});
  if (!*out) return false;
  pgr_conn_open(*out, 0);
  int before = r->ready;
  while (r->ready == before && !r->failures)
    pgr_loop_turn(r->loop, true);
  return !r->failures;
}

/* setup and statements (the question is added, as the first) of the sessions; o: what is not about connections. */
static inline pgr_code room_open(room *r, const pgr_target *t, int count, const char *setup,
                                 const char *const *statements, int statement_count, const pgr_session *control,
                                 pgr_lockstep_options o, pgr_err *err) {
  *r = (room){.count = count, .control_session = *control, .session = {setup, statements, statement_count}};
  pgr_code code = pgr_loop_create(&r->loop, err);
  if (code) return code;
  if (!room_connect(r, t, &r->control_session, &r->control)) return pgr_fail(err, PGR_EDATABASE, "no control");
  for (int i = 0; i < count; i++) {
    if (!room_connect(r, t, &r->session, &r->conns[i])) return pgr_fail(err, PGR_EDATABASE, "no seat");
    r->seats[i] = (seat){.holder = {seat_result, seat_done, seat_lost}, .conn = r->conns[i]};
    pgr_conn_hold(r->conns[i], &r->seats[i].holder);
  }
  o.loop = r->loop;
  o.control = r->control;
  o.seats = r->conns;
  o.count = count;
  return pgr_lockstep_create(&o, &r->l, err);
}

static inline void room_close(room *r) {
  pgr_lockstep_destroy(r->l);
  for (int i = 0; i < r->count; i++)
    pgr_conn_close(r->conns[i]);
  pgr_conn_close(r->control);
  pgr_loop_finish(r->loop);
  pgr_loop_join(r->loop);
  for (int i = 0; i < r->count; i++)
    pgr_conn_destroy(r->conns[i]);
  pgr_conn_destroy(r->control);
  pgr_loop_destroy(r->loop);
}

#endif
