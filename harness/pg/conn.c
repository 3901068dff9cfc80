/* One connection as a state machine; set_state is the one place that changes it.
 *
 *   CLOSED      no socket
 *   CONNECTING  libpq's handshake; the socket may change under way
 *   PREPARING   statements are prepared one after the other
 *   IDLE        waits for a statement
 *   BUSY        a statement is in flight
 *
 * The invariant most easily broken: a poll handle outlives its socket until libuv has closed it, so each is an object
 * of its own that frees itself. */
#include "pgr_conn.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef enum conn_state { CLOSED, CONNECTING, PREPARING, IDLE, BUSY } conn_state;

struct pgr_conn {
  pgr_loop *loop;
  pgr_timer deadline; /* of connecting and preparing */
  const pgr_target *target;
  const char *const *statements;
  int count, prepared;
  pgr_conn_events events;
  conn_state state;
  PGconn *pg;
  uv_poll_t *poll;
  int fd, watched; /* what poll watches, and for which UV_ events */
  PGresult *result;
  pgr_reply *reply;
};

static void on_poll(uv_poll_t *handle, int status, int events);

static void set_state(pgr_conn *c, conn_state to) {
  c->state = to;
}

static void free_handle(uv_handle_t *handle) {
  pgr_free(handle);
}

static void unwatch(pgr_conn *c) {
  if (!c->poll) return;
  uv_close((uv_handle_t *)c->poll, free_handle);
  c->poll = NULL;
  c->watched = 0;
}

static bool watch(pgr_conn *c, int events) {
  int fd = PQsocket(c->pg);
  if (c->poll && fd != c->fd) unwatch(c);
  if (c->poll && c->watched == events) return true;
  if (!c->poll) {
    uv_poll_t *poll = pgr_calloc(1, sizeof *poll);
    if (!poll) return false;
    if (uv_poll_init(pgr_loop_uv(c->loop), poll, fd)) {
      pgr_free(poll);
      return false;
    }
    poll->data = c;
    c->poll = poll;
    c->fd = fd;
  }
  c->watched = events;
  return uv_poll_start(c->poll, events, on_poll) == 0;
}

static void drop(pgr_conn *c) {
  pgr_timer_cancel(c->loop, &c->deadline);
  unwatch(c);
  PQclear(c->result);
  c->result = NULL;
  PQfinish(c->pg);
  c->pg = NULL;
  set_state(c, CLOSED);
}

static void lose(pgr_conn *c, const char *why) {
  pgr_err reason;
  pgr_fail(&reason, PGR_EDATABASE, "%s", why && *why ? why : "the connection was closed");
  pgr_reply *reply = c->reply;
  c->reply = NULL;
  drop(c);
  if (reply) reply->lost(reply);
  c->events.lost(c, reason.msg, c->events.user);
}

/* Sends what libpq still holds. false: the connection is lost, and was reported. */
static bool flush(pgr_conn *c) {
  int unsent = PQflush(c->pg);
  if (unsent < 0 || !watch(c, unsent ? UV_READABLE | UV_WRITABLE : UV_READABLE)) {
    lose(c, PQerrorMessage(c->pg));
    return false;
  }
  return true;
}

static void prepare_next(pgr_conn *c) {
  while (c->prepared < c->count && !c->statements[c->prepared])
    c->prepared++;
  if (c->prepared == c->count) {
    pgr_timer_cancel(c->loop, &c->deadline);
    set_state(c, IDLE);
    c->events.ready(c, c->events.user);
    return;
  }
  char name[16];
  snprintf(name, sizeof name, "s%d", c->prepared);
  if (!PQsendPrepare(c->pg, name, c->statements[c->prepared], 0, NULL)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  set_state(c, PREPARING);
  flush(c);
}

static void on_connecting(pgr_conn *c) {
  switch (PQconnectPoll(c->pg)) {
  case PGRES_POLLING_READING:
    if (!watch(c, UV_READABLE)) lose(c, "cannot watch the socket");
    return;
  case PGRES_POLLING_WRITING:
    if (!watch(c, UV_WRITABLE)) lose(c, "cannot watch the socket");
    return;
  case PGRES_POLLING_OK:
    if (PQsetnonblocking(c->pg, 1)) {
      lose(c, PQerrorMessage(c->pg));
      return;
    }
    c->prepared = 0;
    prepare_next(c);
    return;
  case PGRES_POLLING_ACTIVE:
  case PGRES_POLLING_FAILED: lose(c, PQerrorMessage(c->pg)); return;
  }
}

/* The statement is over: libpq has no further result. */
static void on_complete(pgr_conn *c) {
  PGresult *result = c->result;
  c->result = NULL;
  if (c->state == PREPARING) {
    if (PQresultStatus(result) == PGRES_COMMAND_OK) {
      c->prepared++;
      prepare_next(c);
    } else {
      lose(c, PQresultErrorMessage(result));
    }
  } else {
    pgr_reply *reply = c->reply;
    c->reply = NULL;
    set_state(c, IDLE);
    reply->result(reply, result);
  }
  PQclear(result);
}

static void on_readable(pgr_conn *c) {
  if (!PQconsumeInput(c->pg)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  while (c->state != CLOSED && c->state != IDLE && !PQisBusy(c->pg)) {
    PGresult *result = PQgetResult(c->pg);
    if (!result) {
      if (!c->result) {
        lose(c, PQerrorMessage(c->pg));
        return;
      }
      on_complete(c);
      return; /* whatever comes next was sent just now: its answer is another event */
    }
    if (PQstatus(c->pg) == CONNECTION_BAD) {
      /* The server's parting words (57P01 …): whether the statement took effect is not known. */
      char why[512];
      snprintf(why, sizeof why, "%s", PQresultErrorMessage(result));
      PQclear(result);
      lose(c, why);
      return;
    }
    PQclear(c->result);
    c->result = result;
  }
}

static void on_poll(uv_poll_t *handle, int status, int events) {
  pgr_conn *c = handle->data;
  if (c->state == CONNECTING) {
    on_connecting(c);
    return;
  }
  if (status < 0) {
    lose(c, uv_strerror(status));
    return;
  }
  if ((events & UV_WRITABLE) && !flush(c)) return;
  if (events & UV_READABLE) on_readable(c);
}

static void on_deadline(pgr_timer *t) {
  lose((pgr_conn *)((char *)t - offsetof(pgr_conn, deadline)), "the server did not answer in time");
}

pgr_conn *pgr_conn_create(pgr_loop *l, const pgr_target *target, const char *const *statements, int count,
                          pgr_conn_events events) {
  pgr_conn *c = pgr_calloc(1, sizeof *c);
  if (!c) return NULL;
  c->loop = l;
  c->target = target;
  c->statements = statements;
  c->count = count;
  c->events = events;
  c->deadline.fire = on_deadline;
  return c;
}

static void ignore_notice(void *arg, const PGresult *notice) {
  (void)arg, (void)notice;
}

void pgr_conn_open(pgr_conn *c, int64_t deadline_ns) {
  set_state(c, CONNECTING);
  c->pg = PQconnectStartParams(pgr_target_keywords(c->target), pgr_target_values(c->target), 0);
  if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD) {
    lose(c, c->pg ? PQerrorMessage(c->pg) : "out of memory");
    return;
  }
  PQsetNoticeReceiver(c->pg, ignore_notice, NULL);
  int64_t limit_ns = deadline_ns ? 0 : pgr_connect_limit_ns(c->pg);
  if (limit_ns) deadline_ns = pgr_now_ns() + limit_ns;
  if ((deadline_ns && pgr_timer_start(c->loop, &c->deadline, deadline_ns)) || !watch(c, UV_WRITABLE))
    lose(c, "cannot watch the socket");
}

void pgr_conn_execute(pgr_conn *c, int index, int count, const char *const *values, pgr_reply *reply) {
  char name[16];
  snprintf(name, sizeof name, "s%d", index);
  c->reply = reply;
  set_state(c, BUSY);
  if (!PQsendQueryPrepared(c->pg, name, count, values, NULL, NULL, 0)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  flush(c);
}

void pgr_conn_close(pgr_conn *c) {
  pgr_reply *reply = c->reply;
  c->reply = NULL;
  if (c->state != CLOSED) drop(c);
  if (reply) reply->lost(reply);
}

void pgr_conn_destroy(pgr_conn *c) {
  pgr_free(c);
}
