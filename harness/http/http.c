/* The server: libmicrohttpd without a thread of its own. Its epoll is one of the loop's watches, its timeouts are a
 * timer. Connections are accepted here and given to it.
 *
 * The invariant most easily broken: libmicrohttpd runs from the loop alone, never from within one of its callbacks or
 * of a caller's call; and after each run it is asked when it wants to run again. */
#include "http_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
  CONNECTION_BYTES = 16 << 10, /* of buffers each: a request's head must fit into them */
  IDLE_S = 15,                 /* a connection that is not suspended and says or takes nothing for so long is closed */
  BACKLOG = 128,
  LEAVING_MAX = 64 /* connections that libmicrohttpd has not seen closed yet */
};
#define LISTEN_AGAIN_NS (100 * PGR_NS_PER_MS)

/* ---- libmicrohttpd on the loop ---- */

/* Without memory for the timer whatever is heard next plans again. */
static void run_at(pgr_http *h, int64_t due_ns) {
  pgr_timer_cancel(h->options.loop, &h->daemon_due);
  pgr_code ignored = pgr_timer_start(h->options.loop, &h->daemon_due, due_ns);
  (void)ignored;
}

static void plan(pgr_http *h) {
  MHD_UNSIGNED_LONG_LONG wait_ms = 0;
  if (MHD_get_timeout(h->daemon, &wait_ms) == MHD_YES)
    run_at(h, pgr_now_ns() + (int64_t)wait_ms * PGR_NS_PER_MS);
  else
    pgr_timer_cancel(h->options.loop, &h->daemon_due);
}

/* Without threads of its own libmicrohttpd wakes nobody by itself. */
void pgr__http_resume(pgr_http *h, struct MHD_Connection *connection) {
  MHD_resume_connection(connection);
  int64_t now_ns = pgr_now_ns();
  if (!h->daemon_due.slot || h->daemon_due.due_ns > now_ns) run_at(h, now_ns);
}

static void run(pgr_http *h) {
  MHD_run(h->daemon);
  plan(h);
}

static void on_daemon_ready(pgr_watch *w, unsigned events) {
  (void)events;
  run((pgr_http *)((char *)w - offsetof(pgr_http, daemon_ready)));
}

static void on_daemon_due(pgr_timer *t) {
  run((pgr_http *)((char *)t - offsetof(pgr_http, daemon_due)));
}

/* Paths and arguments are compared as they were sent: none of ours needs escaping. */
static size_t leave_escaped(void *user, struct MHD_Connection *connection, char *text) {
  (void)user;
  (void)connection;
  return strlen(text);
}

/* ---- who holds connections ---- */

static void list(pgr_http *h, pgr__guest *g) {
  g->listed = true;
  g->previous = h->last_guest;
  if (g->previous)
    g->previous->next = g;
  else
    h->first_guest = g;
  h->last_guest = g;
}

static void strike_off(pgr_http *h, pgr__guest *g) {
  if (!g->listed) return;
  g->listed = false;
  if (g->previous)
    g->previous->next = g->next;
  else
    h->first_guest = g->next;
  if (g->next)
    g->next->previous = g->previous;
  else
    h->last_guest = g->previous;
}

static void on_connection_change(void *user, struct MHD_Connection *connection, void **context,
                                 enum MHD_ConnectionNotificationCode what) {
  pgr_http *h = user;
  pgr__guest *g = *context;
  bool comes = what == MHD_CONNECTION_NOTIFY_STARTED;
  h->connection_count += comes ? 1 : -1;
  if (comes) {
    g = *context = pgr_calloc(1, sizeof *g);
    if (!g) return; /* it stays for as long as it likes */
    g->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    list(h, g);
  } else if (g) {
    strike_off(h, g);
    pgr_free(g);
  }
}

void pgr__http_welcome(pgr_http *h, struct MHD_Connection *connection) {
  pgr__guest *g = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
  if (g) strike_off(h, g);
}

/* So that whoever holds connections and says nothing keeps nobody out. false: all of them are of sessions. */
static bool make_room(pgr_http *h) {
  pgr__guest *g = h->first_guest;
  if (!g) return false;
  strike_off(h, g);
  shutdown(g->fd, SHUT_RDWR); /* libmicrohttpd closes it then */
  return true;
}

/* ---- */

static pgr_code start_daemon(pgr_http *h, pgr_err *err) {
  h->daemon = MHD_start_daemon(
      MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_NO_LISTEN_SOCKET, 0, NULL, NULL, pgr__http_request, h,
      MHD_OPTION_NOTIFY_COMPLETED, pgr__http_completed, h, MHD_OPTION_NOTIFY_CONNECTION, on_connection_change, h,
      MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL, MHD_OPTION_CONNECTION_LIMIT,
      (unsigned)(PGR_HTTP_CONNECTIONS_MAX + LEAVING_MAX), MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_BYTES,
      MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
  if (!h->daemon) return pgr_fail(err, PGR_EENVIRONMENT, "cannot start libmicrohttpd: %s", strerror(errno));
  h->daemon_ready.ready = on_daemon_ready;
  h->daemon_due.fire = on_daemon_due;
  int epoll = MHD_get_daemon_info(h->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
  if (pgr_watch_set(h->options.loop, &h->daemon_ready, epoll, PGR_READABLE) == PGR_OK) return PGR_OK;
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot watch libmicrohttpd: %s", strerror(errno));
}

/* ---- connections ---- */

void pgr_http_adopt(pgr_http *h, int fd) {
  if (h->connection_count >= PGR_HTTP_CONNECTIONS_MAX && !make_room(h)) {
    close(fd);
    return;
  }
  /* It wants to be told an address, and makes no use of it here. */
  struct sockaddr_in somebody = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  MHD_add_connection(h->daemon, fd, (struct sockaddr *)&somebody, sizeof somebody); /* or has closed it */
  plan(h);
}

static void on_connection(pgr_watch *w, unsigned events) {
  (void)events;
  pgr_http *h = (pgr_http *)((char *)w - offsetof(pgr_http, listener));
  int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd >= 0) {
    pgr_http_adopt(h, fd);
    return;
  }
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return; /* that one is gone again */
  if (pgr_timer_start(h->options.loop, &h->listen_again, pgr_now_ns() + LISTEN_AGAIN_NS) == PGR_OK)
    pgr_watch_end(h->options.loop, w); /* it would be ready all the time */
}

static void on_listen_again(pgr_timer *t) {
  pgr_http *h = (pgr_http *)((char *)t - offsetof(pgr_http, listen_again));
  pgr_code code = pgr_watch_set(h->options.loop, &h->listener, h->listener.fd, PGR_READABLE);
  if (code) code = pgr_timer_start(h->options.loop, t, pgr_now_ns() + LISTEN_AGAIN_NS);
  (void)code; /* the timer's place in the heap is still there */
}

/* ---- listening ---- */

typedef union socket_address {
  struct sockaddr any;
  struct sockaddr_in four;
  struct sockaddr_in6 six;
} socket_address;

static socklen_t fill_address(const pgr__door *d, uint16_t port, socket_address *a) {
  *a = (socket_address){0};
  if (d->family == AF_INET) {
    a->four.sin_family = AF_INET;
    a->four.sin_port = htons(port);
    memcpy(&a->four.sin_addr, &d->address, sizeof a->four.sin_addr);
    return sizeof a->four;
  }
  a->six.sin6_family = AF_INET6;
  a->six.sin6_port = htons(port);
  a->six.sin6_addr = d->address;
  return sizeof a->six;
}

static pgr_code cannot_listen(const pgr_http_options *o, int why, pgr_err *err) {
  if (why == EADDRINUSE)
    return pgr_fail(err, PGR_EENVIRONMENT,
                    "cannot listen on %s: port %u is taken; name another one, or 0 for any that is free", o->address,
                    o->port);
  if (why == EADDRNOTAVAIL)
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot listen on %s: this machine does not have that address", o->address);
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot listen on port %u of %s: %s; name another port or address", o->port,
                  o->address, strerror(why));
}

/* Exactly there: of IPv6, without IPv4 as a guest. */
static pgr_code listen_there(pgr_http *h, pgr_err *err) {
  socket_address address;
  socklen_t length = fill_address(&h->door, h->options.port, &address);
  const int on = 1;
  int fd = socket(h->door.family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  h->listener.fd = fd;
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
      (h->door.family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) ||
      bind(fd, &address.any, length) || listen(fd, BACKLOG) || getsockname(fd, &address.any, &length) ||
      pgr_watch_set(h->options.loop, &h->listener, fd, PGR_READABLE))
    return cannot_listen(&h->options, errno, err);
  pgr__door_set_port(&h->door, ntohs(h->door.family == AF_INET ? address.four.sin_port : address.six.sin6_port));
  return PGR_OK;
}

uint16_t pgr_http_port(const pgr_http *h) {
  return h->door.port;
}

void pgr_http_link(pgr_http *h, pgr_buf *out) {
  const char *link = pgr__door_new_link(&h->door);
  pgr_buf_adds(out, "http://");
  pgr__door_name(&h->door, out);
  pgr_buf_addf(out, "/?token=%s", link ? link : "");
  out->failed |= !link;
}

/* ---- from beginning to end ---- */

static pgr_code make_files(pgr_http *h, pgr_err *err) {
  const pgr_http_options *o = &h->options;
  h->files = pgr_calloc((size_t)o->file_count + 1, sizeof(struct MHD_Response *));
  if (!h->files) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (int i = 0; i < o->file_count; i++) {
    const pgr_http_file *f = &o->files[i];
    h->files[i] = pgr__http_dress(
        MHD_create_response_from_buffer(f->len_bytes, (void *)(uintptr_t)f->data, MHD_RESPMEM_PERSISTENT), f->type);
    if (!h->files[i]) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  return PGR_OK;
}

pgr_code pgr_http_open(const pgr_http_options *options, pgr_http **out, pgr_err *err) {
  pgr_http *h = pgr_calloc(1, sizeof *h);
  if (!h) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  h->options = *options;
  h->listener = (pgr_watch){.ready = on_connection, .fd = -1};
  h->listen_again.fire = on_listen_again;
  pgr_code code = pgr__door_init(&h->door, options->address, err);
  if (!code) code = pgr__stream_init(&h->stream, err);
  if (!code) code = make_files(h, err);
  if (!code) code = listen_there(h, err);
  if (!code) code = start_daemon(h, err);
  if (code) {
    pgr_http_close(h);
    pgr_http_destroy(h);
    return code;
  }
  *out = h;
  return PGR_OK;
}

void pgr_http_close(pgr_http *h) {
  pgr_loop *l = h->options.loop;
  pgr_watch_end(l, &h->listener);
  if (h->listener.fd >= 0) close(h->listener.fd);
  h->listener.fd = -1;
  pgr_watch_end(l, &h->daemon_ready);
  pgr_timer_cancel(l, &h->listen_again);
  pgr_timer_cancel(l, &h->stream.beats);
  if (!h->daemon) return;
  pgr__stream_wake(h);
  for (pgr_http_call *call = h->waiting; call; call = call->next)
    MHD_resume_connection(call->connection);
  pgr_timer_cancel(l, &h->daemon_due);
  MHD_stop_daemon(h->daemon);
  h->daemon = NULL;
}

void pgr_http_destroy(pgr_http *h) {
  if (!h) return;
  for (int i = 0; h->files && i < h->options.file_count; i++)
    if (h->files[i]) MHD_destroy_response(h->files[i]);
  pgr_free(h->files);
  pgr__stream_deinit(&h->stream);
  pgr_free(h);
}
