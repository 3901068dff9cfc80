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
pgr_holder *pgr_conn_holder(const pgr_conn *c);

/* Who hears what no statement asked for. Embed it. It may not close the connection or send on it. */
typedef struct pgr_conn_ear {
  void (*notice)(struct pgr_conn_ear *ear, const PGresult *notice); /* NOTICE, WARNING …; in the order of results */
  void (*notified)(struct pgr_conn_ear *ear, const PGnotify *n);    /* those that a statement brings: before `done` */
} pgr_conn_ear;

/* In an ear's notice: a result that came before it has not been delivered yet, and is the next to be. */
bool pgr_conn_keeps_result(const pgr_conn *c);

/* ear: borrowed until another is given; NULL, as at first: nobody listens. At any time. */
void pgr_conn_listen(pgr_conn *c, pgr_conn_ear *ear);

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

/* A statement of its holder is in flight; what a pipeline has not sent yet is not. */
bool pgr_conn_busy(const pgr_conn *c);
/* How often `done` came; wraps. Tells whether a statement ended though the next is in flight. */
unsigned pgr_conn_ended(const pgr_conn *c);
/* SQLSTATE of the first error of the last statement or pipeline; "" when it had none. Borrowed. */
const char *pgr_conn_sqlstate(const pgr_conn *c);
/* Of the server's process; 0 while the connection does not stand. */
int pgr_conn_pid(const pgr_conn *c);

/* Asks the server to give up what is in flight; its end comes as always. Blocks: for as long as a connection takes, so
 * not on a loop that others wait for. false: the request did not get through. */
bool pgr_conn_cancel(pgr_conn *c);

/* Closes without events; a holder gets its `lost`. */
void pgr_conn_close(pgr_conn *c);

/* Once the loop has run the close callbacks (after the join). */
void pgr_conn_destroy(pgr_conn *c);

#endif
