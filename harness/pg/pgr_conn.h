/* A PostgreSQL connection on a loop: connects, prepares its statements, then runs one at a time, never blocking.
 * Owning thread only. */
#ifndef PGR_CONN_H
#define PGR_CONN_H

#include "pgr_loop.h"
#include "pgr_target.h"

typedef struct pgr_conn pgr_conn;

/* What its owner is told. After `lost` the connection is closed; the owner may open it again. */
typedef struct pgr_conn_events {
  void (*ready)(pgr_conn *c, void *user);
  void (*lost)(pgr_conn *c, const char *why, void *user); /* why: one line, borrowed */
  void *user;
} pgr_conn_events;

/* Who waits for a statement's answer. Embed it; it must outlive the call of one of its functions. */
typedef struct pgr_reply {
  void (*result)(struct pgr_reply *r, const PGresult *result); /* rows, a count or an error; borrowed */
  void (*lost)(struct pgr_reply *r); /* no answer will come: the statement may have run. Called before events.lost */
} pgr_reply;

/* statements: count texts, prepared under their index; NULL entries are left out. Borrowed, as is target.
 * NULL when there is no memory. */
pgr_conn *pgr_conn_create(pgr_loop *l, const pgr_target *target, const char *const *statements, int count,
                          pgr_conn_events events) PGR_MUST_CHECK;

/* Starts to connect; `ready` or `lost` follows. Only when it is closed. deadline_ns: when to give up, CLOCK_MONOTONIC;
 * 0 for the target's connect_timeout from now. */
void pgr_conn_open(pgr_conn *c, int64_t deadline_ns);

/* Sends prepared statement `index`. values: text, borrowed for the call. Only between `ready` or an answer and the
 * next call. A failure to send is reported through reply->lost, before this returns. */
void pgr_conn_execute(pgr_conn *c, int index, int count, const char *const *values, pgr_reply *reply);

/* Closes without events; a statement in flight gets its reply->lost. */
void pgr_conn_close(pgr_conn *c);

/* Once the loop has run the close callbacks (after the join). */
void pgr_conn_destroy(pgr_conn *c);

#endif
