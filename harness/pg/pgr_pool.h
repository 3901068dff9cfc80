/* A pool of connections on one loop, as an application has one: whoever comes first is served first.
 * Owning thread only, but for create and destroy. */
#ifndef PGR_POOL_H
#define PGR_POOL_H

#include "pgr_conn.h"

typedef struct pgr_pool pgr_pool;

typedef struct pgr_pool_events {
  void (*ready)(pgr_pool *p, void *user); /* once: every connection stands */
  /* A connection could not be made at the start, or not be made again within five seconds of its loss. `why` is one
   * line, borrowed. Called once; close the pool. */
  void (*failed)(pgr_pool *p, const char *why, void *user);
  void *user;
} pgr_pool_events;

/* Someone in the queue. Embed it, zeroed. */
typedef struct pgr_waiter {
  struct pgr_waiter *next;
  void (*granted)(struct pgr_waiter *w, pgr_conn *c);
} pgr_waiter;

/* size >= 1. Nothing connects yet. Errors: PGR_ENOMEM. */
pgr_code pgr_pool_create(pgr_loop *l, const pgr_target *target, int size, const pgr_session *session,
                         pgr_pool_events events, pgr_pool **out, pgr_err *err) PGR_MUST_CHECK;

void pgr_pool_open(pgr_pool *p);

/* A connection at once, or NULL and w->granted later. */
pgr_conn *pgr_pool_checkout(pgr_pool *p, pgr_waiter *w);

/* Gives back a connection that is not lost; nothing is in flight, no transaction is open. Nobody holds it then. May
 * call the next waiter's granted before it returns.
 */
void pgr_pool_checkin(pgr_pool *p, pgr_conn *c);

/* Closes every connection; their holders get `lost`, waiters are forgotten. No event follows. */
void pgr_pool_close(pgr_pool *p);

/* After the loop's join. NULL is fine. */
void pgr_pool_destroy(pgr_pool *p);

#endif
