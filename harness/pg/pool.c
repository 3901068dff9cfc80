/* The pool. Invariant: waiters queue only while no connection is idle. */
#include "pgr_pool.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stdbool.h>

/* A burst of connects fills the server's accept queue, and a full one refuses a unix socket at once. */
enum { CONNECTING_MAX = 16 };
static const int64_t RETRY_NS = 50 * PGR_NS_PER_MS, GIVE_UP_NS = 5 * PGR_NS_PER_S;

/* A connection and how it came to be closed, while it is. */
typedef struct member {
  pgr_timer retry; /* first: the timer's fire casts back */
  pgr_pool *pool;
  pgr_conn *conn;
  int64_t lost_ns;
} member;

struct pgr_pool {
  pgr_loop *loop;
  pgr_pool_events events;
  member *members;
  int size, opened, connecting, standing;
  pgr_conn **idle;
  int idle_count;
  pgr_waiter *first, **last;
  bool ready, closed;
};

static void open_more(pgr_pool *p) {
  while (!p->closed && p->opened < p->size && p->connecting < CONNECTING_MAX) {
    p->connecting++;
    pgr_conn_open(p->members[p->opened++].conn, 0);
  }
}

static void on_ready(pgr_conn *c, void *user) {
  member *m = user;
  pgr_pool *p = m->pool;
  if (m->lost_ns) {
    m->lost_ns = 0;
  } else {
    p->connecting--;
  }
  p->standing++;
  pgr_pool_checkin(p, c);
  open_more(p);
  if (!p->ready && p->standing == p->size) {
    p->ready = true;
    p->events.ready(p, p->events.user);
  }
}

static void on_retry(pgr_timer *t) {
  member *m = (member *)t;
  pgr_conn_open(m->conn, m->lost_ns + GIVE_UP_NS);
}

static void forget_idle(pgr_pool *p, pgr_conn *c) {
  for (int i = 0; i < p->idle_count; i++) {
    if (p->idle[i] != c) continue;
    p->idle[i] = p->idle[--p->idle_count];
    return;
  }
}

static void on_lost(pgr_conn *c, const char *why, void *user) {
  member *m = user;
  pgr_pool *p = m->pool;
  if (p->closed) return;
  int64_t now = pgr_now_ns();
  if (p->ready && !m->lost_ns) {
    m->lost_ns = now;
    p->standing--;
    forget_idle(p, c);
  }
  if (p->ready && now - m->lost_ns < GIVE_UP_NS && pgr_timer_start(p->loop, &m->retry, now + RETRY_NS) == PGR_OK)
    return;
  p->closed = true;
  p->events.failed(p, why, p->events.user);
}

pgr_code pgr_pool_create(pgr_loop *l, const pgr_target *target, int size, const pgr_session *session,
                         pgr_pool_events events, pgr_pool **out, pgr_err *err) {
  pgr_pool *p = pgr_calloc(1, sizeof *p);
  if (!p) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  *p = (pgr_pool){.loop = l, .events = events, .size = size};
  p->last = &p->first;
  p->members = pgr_calloc((size_t)size, sizeof *p->members);
  p->idle = pgr_calloc((size_t)size, sizeof *p->idle);
  bool complete = p->members && p->idle;
  for (int i = 0; complete && i < size; i++) {
    member *m = &p->members[i];
    m->pool = p;
    m->retry.fire = on_retry;
    m->conn = pgr_conn_create(l, target, session, (pgr_conn_events){on_ready, on_lost, m});
    complete = m->conn != NULL;
  }
  if (!complete) {
    pgr_pool_destroy(p);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  *out = p;
  return PGR_OK;
}

void pgr_pool_open(pgr_pool *p) {
  open_more(p);
}

pgr_conn *pgr_pool_checkout(pgr_pool *p, pgr_waiter *w) {
  if (p->idle_count > 0) return p->idle[--p->idle_count];
  if (p->closed) return NULL;
  w->next = NULL;
  *p->last = w;
  p->last = &w->next;
  return NULL;
}

void pgr_pool_checkin(pgr_pool *p, pgr_conn *c) {
  pgr_conn_hold(c, NULL);
  pgr_waiter *w = p->first;
  if (!w) {
    p->idle[p->idle_count++] = c;
    return;
  }
  p->first = w->next;
  if (!p->first) p->last = &p->first;
  w->granted(w, c);
}

void pgr_pool_close(pgr_pool *p) {
  p->closed = true;
  p->idle_count = 0;
  p->first = NULL;
  p->last = &p->first;
  for (int i = 0; i < p->size; i++) {
    pgr_timer_cancel(p->loop, &p->members[i].retry);
    pgr_conn_close(p->members[i].conn);
  }
}

void pgr_pool_destroy(pgr_pool *p) {
  if (!p) return;
  for (int i = 0; p->members && i < p->size; i++)
    pgr_conn_destroy(p->members[i].conn);
  pgr_free(p->members);
  pgr_free(p->idle);
  pgr_free(p);
}
