/* A PostgreSQL connection on a loop: connects, sets its session up, prepares its statements, then runs what its holder
 * sends, never blocking. Owning thread only. */
#ifndef PGR_CONN_H
#define PGR_CONN_H

#include "pgr_loop.h"
#include "pgr_target.h"
#include <stdbool.h>

typedef struct pgr_conn pgr_conn;

/* What its owner is told. After `lost` the connection is closed; the owner may open it again. */
typedef struct pgr_conn_events {
  void (*ready)(pgr_conn *c, void *user);
  void (*lost)(pgr_conn *c, const char *why, void *user); /* why: one line, borrowed */
  void *user;
} pgr_conn_events;

/* Who holds the connection. Embed it; it must outlive the call of one of its functions. */
typedef struct pgr_holder {
  /* One result of a statement: rows, a count or an error; borrowed. last: the statement has no further one. */
  void (*result)(struct pgr_holder *h, const PGresult *result, bool last);
  void (*done)(struct pgr_holder *h); /* what was sent is over: the next may be sent */
  /* The connection is gone and no longer held; what was in flight, or in an open transaction, may have happened.
   * Called before events.lost. */
  void (*lost)(struct pgr_holder *h);
} pgr_holder;

/* What every session begins with. All borrowed, and shared by the connections of a pool. */
typedef struct pgr_session {
  const char *setup; /* SQL, "" for none */
  const char *const
      *statements; /* count texts, prepared under their index; what cannot be prepared yet is sent unprepared */
  int count;
} pgr_session;

/* target and session are borrowed. NULL when there is no memory. */
pgr_conn *pgr_conn_create(pgr_loop *l, const pgr_target *target, const pgr_session *session,
                          pgr_conn_events events) PGR_MUST_CHECK;

/* Starts to connect; `ready` or `lost` follows. Only when it is closed. deadline_ns: when to give up, CLOCK_MONOTONIC;
 * 0 for the target's connect_timeout from now. */
void pgr_conn_open(pgr_conn *c, int64_t deadline_ns);

/* Between `ready` and the loss of the connection: h gets all results until it lets go (NULL). */
void pgr_conn_hold(pgr_conn *c, pgr_holder *h);

/* Each sends one statement, whose results and `done` follow; only when nothing is in flight. A failure to send is
 * reported through holder->lost, before this returns. values: text, NULL for SQL NULL, borrowed for the call. */
void pgr_conn_query(pgr_conn *c, const char *sql); /* simple protocol; several statements are one transaction */
void pgr_conn_query_params(pgr_conn *c, const char *sql, int count, const char *const *values);
void pgr_conn_execute(pgr_conn *c, int index, int count, const char *const *values); /* statement of the session */

/* Pipeline mode: what is sent by the last two functions is queued; results come after the end, each statement's after
 * the one before, then one `done`. After an error the rest gives PGRES_PIPELINE_ABORTED. */
void pgr_conn_start_pipeline(pgr_conn *c);
void pgr_conn_end_pipeline(pgr_conn *c);

/* As of the last `done`. */
PGTransactionStatusType pgr_conn_transaction(const pgr_conn *c);

/* Closes without events; a holder gets its `lost`. */
void pgr_conn_close(pgr_conn *c);

/* Once the loop has run the close callbacks (after the join). */
void pgr_conn_destroy(pgr_conn *c);

#endif
