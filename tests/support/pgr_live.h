/* A private server and a connection to it, for the live tests below the command line. */
#ifndef PGR_LIVE_H
#define PGR_LIVE_H

#include "pgr_test.h"

#include "pgr_db.h"
#include "pgr_server.h"
#include <stdio.h>

typedef struct fixture {
  pgr_server *server;
  pgr_target *target;
  pgr_db *db;
} fixture;

/* Group set-up: *state becomes a fixture. */
static int fixture_set_up(void **state) {
  static fixture f;
  pgr_err err;
  if (pgr_server_start(&(pgr_server_options){.max_connections = 40}, &f.server, &err) ||
      pgr_target_private(pgr_server_socket_dir(f.server), pgr_server_port(f.server), pgr_server_user(f.server),
                         &f.target, &err) ||
      pgr_db_connect(f.target, &f.db, &err)) {
    fprintf(stderr, "%s\n", err.msg);
    return -1;
  }
  *state = &f;
  return 0;
}

static int fixture_tear_down(void **state) {
  fixture *f = *state;
  if (!f) return -1; /* the set-up failed */
  pgr_db_close(f->db);
  pgr_target_destroy(f->target);
  pgr_server_stop(f->server);
  return 0;
}

static void must(pgr_code code, const pgr_err *err) {
  if (code) fail_msg("%s", err->msg);
}

#endif
