/* The place a command works in: a database of its own, on a throw-away server or on one the user named. Main thread. */
#ifndef PGR_PLACE_H
#define PGR_PLACE_H

#include "pgr_db.h"
#include "pgr_server.h"
#include <stdint.h>

typedef struct pgr_place {
  pgr_server *server;   /* NULL: the user's */
  pgr_target *target;   /* the database of our own */
  pgr_db *db;           /* connected to it */
  bool beside;          /* a database beside another place's: dropped though the server is ours */
  bool copies;          /* the server is ours */
  char created[40];     /* the database to drop, "" when the server goes anyway */
  char maintenance[64]; /* the database to connect to for that */
  char version[64];     /* "15.18" */
  char settings[160];   /* those that bear on durability, as the server reports them */
  bool in_memory;
} pgr_place;

typedef struct pgr_place_options {
  const char *dsn;     /* NULL for a throw-away server; then the next two are its settings */
  bool durable, still; /* as in pgr_server_options */
  bool as_is;          /* with dsn: in the database it names, which is not ours and stays as it is */
  const char *fewer;   /* the option that lowers that, for a message; NULL: --connections */
  int connections;     /* how many more than `db` will be opened; checked against what the server has left */
} pgr_place_options;

/* Sockets, loops and the rest: many agents mean many descriptors, and the soft limit is often 1,024. Errors:
 * PGR_EENVIRONMENT. */
pgr_code pgr_place_raise_descriptors(int64_t connections, int64_t threads, pgr_err *err) PGR_MUST_CHECK;

/* Nothing is left behind on errors. */
pgr_code pgr_place_open(pgr_place *p, const pgr_place_options *o, pgr_err *err) PGR_MUST_CHECK;

/* One more new, empty database on the server of `first`, which must outlive it. To be closed like any place. */
pgr_code pgr_place_beside(pgr_place *p, const pgr_place *first, pgr_err *err) PGR_MUST_CHECK;

/* A new, empty database in place of the one so far, which is dropped. Errors: what failed; p stays good to close. */
pgr_code pgr_place_renew(pgr_place *p, pgr_err *err) PGR_MUST_CHECK;

/* Whether the server still stands; the error says how it ended where that is known. */
pgr_code pgr_place_check(pgr_place *p, pgr_err *err) PGR_MUST_CHECK;

/* Drops the database or stops the server, interrupted or not. Errors: what is left behind, by name. Always frees. */
pgr_code pgr_place_close(pgr_place *p, pgr_err *err);

#endif
