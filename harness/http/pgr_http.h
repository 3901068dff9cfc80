/* HTTP/1.1 for a page of pgrace's own, on a loop: files that do not change, a few calls, and one stream of events to
 * everybody who watches. libmicrohttpd reads and writes; what is decided here is who may (docs/adr/0018).
 *
 * Who may: an address that pgr_http_link made works once; it is traded for a session, a cookie. Everything but that
 * trade wants the session. A call (POST) also wants the session's token in the header X-Pgrace-Token, the type
 * application/json. An Origin, where one is sent, is this very server's; and of what a browser says that another page
 * asks for it gets "/" alone. Host must name this server (else: 421). Who has no session gets 403 for every path.
 *
 * Owning thread of the loop only. */
#ifndef PGR_HTTP_H
#define PGR_HTTP_H

#include "pgr_buf.h"
#include "pgr_loop.h"

typedef struct pgr_http pgr_http;

/* A request that is to be answered once, at once or later: it lives until then, whatever became of its client. */
typedef struct pgr_http_call pgr_http_call;

enum {
  PGR_HTTP_VIEWERS_MAX = 200,          /* streams at once; one more gets 503 */
  PGR_HTTP_CONNECTIONS_MAX = 400,      /* one more: the oldest that showed no session is closed, or else itself */
  PGR_HTTP_BODY_BYTES_MAX = 4096,      /* of a call; more: 413 */
  PGR_HTTP_CALLS_PER_S = 200,          /* of all sessions, to routes; more: 429 */
  PGR_HTTP_CALLS_WAITING_MAX = 8,      /* for an answer; one more GET of a route gets 429: it may cost much */
  PGR_HTTP_SESSIONS_MAX = 256,         /* the one that was idle for longest goes first */
  PGR_HTTP_EVENTS_KEPT = 16384,        /* for those who are behind, or come back */
  PGR_HTTP_EVENTS_BYTES_KEPT = 8 << 20 /* the same; whichever is reached first */
};

/* What does not change; all borrowed for the server's life. */
typedef struct pgr_http_file {
  const char *path; /* "/" , "/demo.js" */
  const char *type; /* Content-Type */
  const char *data;
  size_t len_bytes;
} pgr_http_file;

typedef struct pgr_http_route {
  const char *path;
  bool post; /* else GET, and HEAD, whose body is not sent */
  /* body: of a POST, NUL-terminated, "" for none; borrowed for the call. Calls pgr_http_answer, now or later. */
  void (*serve)(void *user, pgr_http_call *call, const char *body, size_t len_bytes);
} pgr_http_route;

typedef struct pgr_http_options {
  pgr_loop *loop;
  const char *address;        /* a numeric address to listen on: "127.0.0.1", "::1", or one that the user named */
  uint16_t port;              /* 0: any that is free */
  const pgr_http_file *files; /* file_count; borrowed */
  int file_count;
  const pgr_http_route *routes; /* route_count; borrowed */
  int route_count;
  /* Appends what somebody who begins to watch is to know, JSON: the data of an event "state", after which the events
   * that are published from now on follow. token: of the session, for its calls. */
  void (*snapshot)(void *user, const char *token, pgr_buf *out);
  /* The path where the stream is, "/events". */
  const char *stream_path;
  /* A link was used: the one that is printed is not good any more. NULL: nobody minds. */
  void (*link_used)(void *user);
  void *user;
} pgr_http_options;

/* Listens. *out: the caller's, to be closed, then destroyed. Errors: PGR_EENVIRONMENT (the port is taken: says so and
 * what to do), PGR_EUSAGE (no numeric address), PGR_ENOMEM. */
pgr_code pgr_http_open(const pgr_http_options *options, pgr_http **out, pgr_err *err) PGR_MUST_CHECK;

/* Appends an address that works once: "http://127.0.0.1:8734/?token=…". The last 16 of them that were not used are
 * good. No memory: out->failed. */
void pgr_http_link(pgr_http *h, pgr_buf *out);

uint16_t pgr_http_port(const pgr_http *h);
int pgr_http_viewers(const pgr_http *h); /* streams that are open */

/* Adds an event: "event: name", "data: " the JSON text, which holds no line break, "id: RUN-N", N a number that counts
 * up, RUN this server's.
 * Whoever watches gets it at the next flush. No memory, or one event larger than what is kept: those who watch are told
 * the state anew. */
void pgr_http_publish(pgr_http *h, const char *name, const char *data, size_t len_bytes);
/* Sends what was published. Not after every event: hundreds in a hundredth of a second are one send for each viewer. */
void pgr_http_flush(pgr_http *h);

/* Answers a call: status and body (copied), type NULL for none. save_as: the name a browser saves it under; NULL: it is
 * shown. */
void pgr_http_answer(pgr_http_call *call, int status, const char *type, const char *body, size_t len_bytes,
                     const char *save_as);

/* A connection that somebody else accepted becomes one of this server's; fd is the server's from then on. For tests. */
void pgr_http_adopt(pgr_http *h, int fd);

/* Closes every connection; calls that were not answered are forgotten and must not be answered. Not from within one of
 * the options' functions. */
void pgr_http_close(pgr_http *h);
void pgr_http_destroy(pgr_http *h); /* after the loop's join; NULL is fine */

#endif
