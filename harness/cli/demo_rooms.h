/* The databases of the demo: one for each strategy that was used, on one server, installed once and kept to the end.
 * Main thread. */
#ifndef PGR_DEMO_ROOMS_H
#define PGR_DEMO_ROOMS_H

#include "pgr_scenario.h"
#include "pgr_stage.h"
#include "place.h"

enum { PGR_DEMO_KEYS = 10000 }; /* conversations a database is seeded with, from key.first */

typedef struct pgr_demo_room {
  const pgr_strategy *strategy; /* NULL: not made yet */
  int64_t first_key, last_key;  /* seeded */
  pgr_place place;
} pgr_demo_room;

/* Zeroed, then set up by its owner up to `connections`. */
typedef struct pgr_demo_rooms {
  const pgr_scenario *scenario;
  const char *dsn; /* NULL: a throw-away server */
  int connections; /* of an inbox */
  bool open;
  pgr_place first; /* the server; it has no database of a strategy's */
  pgr_demo_room rooms[PGR_STRATEGIES_MAX];
} pgr_demo_rooms;

/* What must not wait until other threads run: libpq's variables leave the environment (of a throw-away server), the
 * connection string is looked at, and the limit of open files is raised. Errors: PGR_EUSAGE, PGR_EENVIRONMENT. */
pgr_code pgr_demo_rooms_prepare(const pgr_demo_rooms *r, pgr_err *err) PGR_MUST_CHECK;

/* Nothing is left behind on errors; may be called again then. Errors: those of pgr_place_open. */
pgr_code pgr_demo_rooms_open(pgr_demo_rooms *r, pgr_err *err) PGR_MUST_CHECK;
/* The database of a strategy, made, installed and seeded the first time. *out: borrowed until recover or close; its
 * place's own connection stands. */
pgr_code pgr_demo_rooms_enter(pgr_demo_rooms *r, const pgr_strategy *strategy, pgr_demo_room **out,
                              pgr_err *err) PGR_MUST_CHECK;
pgr_stage pgr_demo_room_stage(pgr_demo_rooms *r, pgr_demo_room *room);
/* Whether our own server's process still stands. Asks nobody, so it may be called often. */
pgr_code pgr_demo_rooms_check(pgr_demo_rooms *r, pgr_err *err) PGR_MUST_CHECK;
/* After a loss: a new server in place of our own, or the user's once it answers, and no rooms; those there were are
 * dropped. Errors: it is still away; call it again. */
pgr_code pgr_demo_rooms_recover(pgr_demo_rooms *r, pgr_err *err) PGR_MUST_CHECK;
/* Open or not. Errors: what is left behind, by name; several of them: the others are told on standard error. */
pgr_code pgr_demo_rooms_close(pgr_demo_rooms *r, pgr_err *err);

#endif
