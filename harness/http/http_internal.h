/* Inside the module: http.c has the server, http_door.c who may, http_serve.c requests, http_stream.c events. */
#ifndef PGR_HTTP_INTERNAL_H
#define PGR_HTTP_INTERNAL_H

#include "pgr_http.h"
#include <microhttpd.h>
#include <netinet/in.h>

/* ---- who may (http_door.c); knows no sockets ---- */

enum { PGR__TOKEN_CHARS = 32, PGR__LINKS_MAX = 16 };

/* 128 random bits, hexadecimal. */
typedef char pgr__token[PGR__TOKEN_CHARS + 1];

typedef struct pgr__session {
  pgr__token cookie, call_token;
  int64_t used_ns;
  int streams; /* while there are any it is not put out */
} pgr__session;

typedef struct pgr__door {
  int family; /* AF_INET, AF_INET6 */
  struct in6_addr address;
  bool any, loopback; /* 0.0.0.0 or ::, 127.… or ::1 */
  uint16_t port;
  char cookie_name[24];
  pgr__token links[PGR__LINKS_MAX]; /* the oldest first */
  int link_count;
  pgr__session sessions[PGR_HTTP_SESSIONS_MAX];
  int session_count;
  int64_t second_ns; /* when the second began whose calls are counted */
  int calls;
} pgr__door;

/* hex_chars: even, at most PGR__TOKEN_CHARS. false: there is no randomness, out is "". */
bool pgr__door_random(char *out, int hex_chars) PGR_MUST_CHECK;
/* Errors: PGR_EUSAGE, no numeric address. */
pgr_code pgr__door_init(pgr__door *d, const char *address, pgr_err *err) PGR_MUST_CHECK;
void pgr__door_set_port(pgr__door *d, uint16_t port); /* once it is known */
/* What a browser of this machine reaches it under: "127.0.0.1:8734", "[::1]:8734". */
void pgr__door_name(const pgr__door *d, pgr_buf *out);
/* NULL: there is no randomness. Borrowed until the next one. */
const char *pgr__door_new_link(pgr__door *d) PGR_MUST_CHECK;
bool pgr__door_has_link(const pgr__door *d, const char *link);
/* The link is good no more. session: whose client it is already; NULL: it becomes a new one. NULL: the link is not good
 * or there is no randomness. */
pgr__session *pgr__door_trade(pgr__door *d, const char *link, pgr__session *session, int64_t now_ns) PGR_MUST_CHECK;
pgr__session *pgr__door_session(pgr__door *d, const char *cookie, int64_t now_ns); /* cookie: NULL is nobody's */
bool pgr__door_is_host(const pgr__door *d, const char *host);
bool pgr__door_is_origin(const char *host, const char *origin); /* host: as is_host found it right */
bool pgr__door_is_call_token(const pgr__session *session, const char *call_token);
/* Counts one more call. false: it is one too many. */
bool pgr__door_may_call(pgr__door *d, int64_t now_ns);

/* ---- events (http_stream.c) ---- */

/* Text on its way to viewers. */
typedef struct pgr__event {
  unsigned holders;
  size_t len_bytes;
  char text[];
} pgr__event;

typedef struct pgr__viewer {
  pgr_watch watch; /* whether its client hangs up */
  pgr_http *http;
  struct MHD_Connection *connection;
  pgr__session *session;
  struct pgr__viewer *next, *previous;
  pgr__event *current; /* held; `sent_bytes` of it are on their way */
  size_t sent_bytes;
  uint64_t at; /* the number of the next event; of one that is not kept: the state is next */
  bool idle;   /* suspended: nothing is there for it */
  bool gone;
} pgr__viewer;

typedef struct pgr__stream {
  char run[9];          /* tells the numbers of this server from those of another one */
  uint64_t first, last; /* the numbers of those that are kept; first = last + 1: none is */
  size_t kept_bytes;
  pgr__event **kept; /* number n is at n % PGR_HTTP_EVENTS_KEPT */
  pgr__event *greeting, *beat;
  pgr__viewer *viewers;
  int viewer_count;
  pgr_timer beats;
} pgr__stream;

pgr_code pgr__stream_init(pgr__stream *s, pgr_err *err) PGR_MUST_CHECK;
void pgr__stream_deinit(pgr__stream *s);
/* The response for one more viewer; last_event_id: what its client saw last; NULL: nothing. NULL: no memory. */
struct MHD_Response *pgr__stream_response(pgr_http *h, struct MHD_Connection *connection, pgr__session *session,
                                          const char *last_event_id) PGR_MUST_CHECK;
void pgr__stream_beat(pgr_http *h); /* a sign of life to everybody who would get nothing */
void pgr__stream_wake(pgr_http *h); /* so that libmicrohttpd may end: it does not end what is suspended */

/* ---- requests (http_serve.c) ---- */

typedef enum pgr__call_state {
  PGR__RECEIVING, /* its body comes in */
  PGR__SERVING,   /* in its route's serve */
  PGR__WAITING,   /* for an answer; its connection is suspended */
  PGR__ANSWERED   /* the answer is to be queued, or was */
} pgr__call_state;

struct pgr_http_call {
  pgr_http *http;
  struct MHD_Connection *connection;
  const pgr_http_route *route;
  pgr__call_state state;
  int status;
  struct MHD_Response *response;         /* of one ANSWERED, until it is queued; NULL: no memory */
  struct pgr_http_call *next, *previous; /* of those that wait */
  size_t len_bytes;                      /* of the body; more than the maximum are counted, not kept */
  char body[PGR_HTTP_BODY_BYTES_MAX + 1];
};

/* Says what every answer of this server says, and its type (NULL: none). Destroys r when there is no memory for it:
 * NULL. r: NULL is fine. */
struct MHD_Response *pgr__http_dress(struct MHD_Response *r, const char *type) PGR_MUST_CHECK;
/* libmicrohttpd's callbacks; user: the pgr_http. */
enum MHD_Result pgr__http_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len_bytes, void **state);
void pgr__http_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why);

/* ---- the server (http.c) ---- */

/* A connection; listed while none of its requests had a session. */
typedef struct pgr__guest {
  int fd;
  bool listed;
  struct pgr__guest *next, *previous;
} pgr__guest;

struct pgr_http {
  pgr_http_options options;
  struct MHD_Daemon *daemon; /* NULL: closed */
  pgr_watch listener, daemon_ready;
  pgr_timer daemon_due, listen_again;
  struct MHD_Response **files; /* of options.files */
  pgr__door door;
  pgr__stream stream;
  pgr_http_call *waiting;
  int waiting_count;
  pgr__guest *first_guest, *last_guest; /* those listed, as they came */
  int connection_count;
};

/* A request of the connection has a session: it is not closed for the sake of others any more. */
void pgr__http_welcome(pgr_http *h, struct MHD_Connection *connection);
/* Has a suspended connection go on when libmicrohttpd runs next, which is soon. */
void pgr__http_resume(pgr_http *h, struct MHD_Connection *connection);

#endif
