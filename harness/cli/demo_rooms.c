/* Rooms on one server. Invariant: on a server of the user's every database that we made is in a place of ours until it
 * was dropped, or named to the user. */
#include "demo_rooms.h"

#include "pgr_moment.h"
#include <stdio.h>

/* Descriptors of those who watch, and of the web server itself. */
enum { VIEWER_DESCRIPTORS = 512 };

/* One for each room, the first place's, and an inbox's twice: of the strategy that is left the server may not have
 * ended them all yet. */
static int connections_of(const pgr_demo_rooms *r) {
  return 2 * r->connections + r->scenario->strategy_count + 1;
}

pgr_code pgr_demo_rooms_prepare(const pgr_demo_rooms *r, pgr_err *err) {
  pgr_target *unused = NULL;
  pgr_code code = r->dsn ? pgr_target_parse(r->dsn, &unused, err) : pgr_target_private("/", 0, "nobody", &unused, err);
  pgr_target_destroy(unused);
  return code ? code : pgr_place_raise_descriptors(connections_of(r) + VIEWER_DESCRIPTORS, 2, err);
}

pgr_code pgr_demo_rooms_open(pgr_demo_rooms *r, pgr_err *err) {
  pgr_place_options options = {.dsn = r->dsn, .connections = connections_of(r), .fewer = "connections elsewhere"};
  pgr_code code = pgr_place_open(&r->first, &options, err);
  r->open = !code;
  return code;
}

/* A connection that was lost meanwhile is made anew: the database is what it was. */
static pgr_code revive(pgr_place *p, pgr_err *err) {
  pgr_err ignored;
  if (p->db && !pgr_db_exec(p->db, "SELECT 1", &ignored)) return PGR_OK;
  pgr_db_close(p->db);
  p->db = NULL;
  return pgr_db_connect(p->target, &p->db, err);
}

pgr_stage pgr_demo_room_stage(pgr_demo_rooms *r, pgr_demo_room *room) {
  return (pgr_stage){
      .db = room->place.db, .scenario = r->scenario, .agents = PGR_SEATS + PGR_CROWD, .contenders = PGR_SEATS};
}

static pgr_code make(pgr_demo_rooms *r, pgr_demo_room *room, const pgr_strategy *strategy, pgr_err *err) {
  pgr_code code = pgr_place_beside(&room->place, &r->first, err);
  if (code) return code;
  int64_t first = r->scenario->key.first, last = first + PGR_DEMO_KEYS - 1;
  if (last > r->scenario->key.last) last = r->scenario->key.last;
  pgr_stage stage = pgr_demo_room_stage(r, room);
  code = pgr_stage_install(&stage, strategy, err);
  if (!code) code = pgr_stage_seed(&stage, first, last, err);
  if (!code) {
    room->strategy = strategy;
    room->first_key = first;
    room->last_key = last;
    return PGR_OK;
  }
  pgr_err left;
  if (pgr_place_close(&room->place, &left)) fprintf(stderr, "pgrace: %s\n", left.msg);
  return code;
}

pgr_code pgr_demo_rooms_enter(pgr_demo_rooms *r, const pgr_strategy *strategy, pgr_demo_room **out, pgr_err *err) {
  pgr_demo_room *room = &r->rooms[strategy - r->scenario->strategies];
  pgr_code code = room->strategy ? revive(&room->place, err) : make(r, room, strategy, err);
  if (!code) *out = room;
  return code;
}

pgr_code pgr_demo_rooms_check(pgr_demo_rooms *r, pgr_err *err) {
  return r->open ? pgr_place_check(&r->first, err) : PGR_OK;
}

/* The first error is kept, others are told. */
static void note(pgr_code code, const pgr_err *why, pgr_err *first) {
  if (!code) return;
  if (first->code) {
    fprintf(stderr, "pgrace: %s\n", why->msg);
    return;
  }
  *first = *why;
  first->code = code;
}

static void close_rooms(pgr_demo_rooms *r, pgr_err *first) {
  pgr_err why;
  for (int i = 0; i < PGR_STRATEGIES_MAX; i++) {
    if (r->rooms[i].strategy) note(pgr_place_close(&r->rooms[i].place, &why), &why, first);
    r->rooms[i] = (pgr_demo_room){0};
  }
}

/* Whether the user's server takes connections; gives up when the user interrupts, which dropping would not. */
static pgr_code knock(const pgr_place *p, pgr_err *err) {
  pgr_target *t = NULL;
  pgr_db *db = NULL;
  pgr_code code = pgr_target_clone(p->target, &t, err);
  if (!code) code = pgr_target_set(t, "dbname", p->maintenance, err);
  if (!code) code = pgr_db_connect(t, &db, err);
  pgr_db_close(db);
  pgr_target_destroy(t);
  return code;
}

pgr_code pgr_demo_rooms_recover(pgr_demo_rooms *r, pgr_err *err) {
  pgr_err left = {0};
  if (!r->dsn) {
    pgr_code closed = pgr_demo_rooms_close(r, &left);
    if (closed) fprintf(stderr, "pgrace: %s\n", left.msg);
    return pgr_demo_rooms_open(r, err);
  }
  if (!r->open) return pgr_demo_rooms_open(r, err);
  pgr_code code = knock(&r->first, err);
  if (!code) code = pgr_place_renew(&r->first, err); /* it may be another server's cluster by now */
  if (code) return code;
  close_rooms(r, &left);
  if (left.code) fprintf(stderr, "pgrace: %s\n", left.msg);
  return PGR_OK;
}

pgr_code pgr_demo_rooms_close(pgr_demo_rooms *r, pgr_err *err) {
  pgr_err first = {0}, why;
  close_rooms(r, &first);
  if (r->open) note(pgr_place_close(&r->first, &why), &why, &first);
  r->open = false;
  if (first.code) *err = first;
  return first.code;
}
