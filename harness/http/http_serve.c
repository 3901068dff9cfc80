/* Requests: who asks, what there is, what a call is told.
 *
 * The invariant most easily broken: a call's connection is suspended exactly while the call waits, for libmicrohttpd
 * asks a connection that is neither suspended nor has its answer again and again. Nothing that a client sent is ever
 * said back. */
#include "http_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A body that comes without its length said is read to its end, to be refused in words; not for ever. */
enum { READ_BYTES_MAX = 16 * PGR_HTTP_BODY_BYTES_MAX };

typedef struct request {
  pgr_http *http;
  struct MHD_Connection *connection;
  const char *url, *method;
  const char *host;
  bool reads, head; /* GET or HEAD; HEAD */
  bool has_body;    /* none of which has come yet */
  pgr__session *session;
} request;

/* ---- answers ---- */

struct MHD_Response *pgr__http_dress(struct MHD_Response *r, const char *type) {
  static const char *const headers[][2] = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
       "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-store"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"}};
  if (!r) return NULL;
  bool ok = !type || MHD_add_response_header(r, "Content-Type", type) == MHD_YES;
  for (size_t i = 0; ok && i < sizeof headers / sizeof *headers; i++)
    ok = MHD_add_response_header(r, headers[i][0], headers[i][1]) == MHD_YES;
  if (ok) return r;
  MHD_destroy_response(r);
  return NULL;
}

/* Queues r and lets it go. r: NULL closes the connection. */
static enum MHD_Result queue(struct MHD_Connection *connection, int status, struct MHD_Response *r) {
  if (!r) return MHD_NO;
  enum MHD_Result result = MHD_queue_response(connection, (unsigned)status, r);
  MHD_destroy_response(r);
  return result;
}

typedef struct refusal {
  int status;
  const char *words, *type;
  const char *header, *value; /* one more; NULL: none */
} refusal;

#define TEXT "text/plain; charset=utf-8"

static const refusal not_this_server = {
    421, "This server answers only under the address that pgrace printed, with its port.\n", TEXT, NULL, NULL};
static const refusal other_origin = {403, "Another server's page asks for this. It is refused.\n", TEXT, NULL, NULL};
static const refusal no_session = {
    403,
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>pgrace</title>\n"
    "<h1>This address is not good any more</h1>\n"
    "<p>Each address that pgrace prints opens the page once, in one browser. Open the one that stands last in the "
    "terminal where pgrace runs.</p>\n"
    "<p>Was it opened in this browser a moment ago? Then <a href=\"/\">go on</a>.</p>\n</html>\n",
    "text/html; charset=utf-8", NULL, NULL};
static const refusal no_call_token = {403, "The call lacks its session's token. Load the page again.\n", TEXT, NULL,
                                      NULL};
static const refusal nothing_here = {404, "There is nothing here.\n", TEXT, NULL, NULL};
static const refusal too_long = {413, "The body of a call is too long.\n", TEXT, NULL, NULL};
static const refusal other_type = {415, "The body of a call is application/json.\n", TEXT, NULL, NULL};
static const refusal too_many_calls = {429, "Too many calls at once. Try again in a second.\n", TEXT, "Retry-After",
                                       "1"};
static const refusal too_many_viewers = {503, "Too many watch already. Try again when somebody has left.\n", TEXT,
                                         "Retry-After", "5"};
static const refusal body_to_read = {400, "A body belongs to a POST.\n", TEXT, NULL, NULL};

static enum MHD_Result refuse(struct MHD_Connection *connection, const refusal *why) {
  struct MHD_Response *r =
      MHD_create_response_from_buffer(strlen(why->words), (void *)(uintptr_t)why->words, MHD_RESPMEM_PERSISTENT);
  r = pgr__http_dress(r, why->type);
  if (r && why->header && MHD_add_response_header(r, why->header, why->value) != MHD_YES) {
    MHD_destroy_response(r);
    return MHD_NO;
  }
  return queue(connection, why->status, r);
}

/* ---- headers ---- */

typedef struct wanted {
  const char *name, *value;
  int count;
} wanted;

static enum MHD_Result look_at(void *user, enum MHD_ValueKind kind, const char *name, const char *value) {
  (void)kind;
  wanted *w = user;
  if (strcasecmp(name, w->name) == 0) {
    w->count++;
    w->value = value ? value : "";
  }
  return MHD_YES;
}

/* How many headers have that name; the last one's value to *value. Whoever decides by a header wants it once: of two,
 * somebody else may have read the other. */
static int count_headers(const request *r, const char *name, const char **value) {
  wanted w = {.name = name};
  MHD_get_connection_values(r->connection, MHD_HEADER_KIND, look_at, &w);
  *value = w.value;
  return w.count;
}

static const char *header(const request *r, const char *name) {
  return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

/* ---- what there is ---- */

static struct MHD_Response *find_file(const request *r) {
  const pgr_http_options *o = &r->http->options;
  for (int i = 0; i < o->file_count; i++)
    if (strcmp(o->files[i].path, r->url) == 0) return r->http->files[i];
  return NULL;
}

static const pgr_http_route *find_route(const request *r, bool post) {
  const pgr_http_options *o = &r->http->options;
  for (int i = 0; i < o->route_count; i++)
    if (o->routes[i].post == post && strcmp(o->routes[i].path, r->url) == 0) return &o->routes[i];
  return NULL;
}

static enum MHD_Result refuse_method(const request *r) {
  bool reads = find_file(r) || find_route(r, false) || strcmp(r->url, r->http->options.stream_path) == 0;
  bool calls = find_route(r, true);
  if (!reads && !calls) return refuse(r->connection, &nothing_here);
  refusal other_method = {405, "This path wants another method.\n", TEXT, "Allow",
                          reads && calls ? "GET, HEAD, POST"
                          : reads        ? "GET, HEAD"
                                         : "POST"};
  return refuse(r->connection, &other_method);
}

static enum MHD_Result go_on(pgr_http_call *call);

/* What serve is to be called for, once all has come. */
static enum MHD_Result begin_call(const request *r, const pgr_http_route *route, void **state) {
  if (!pgr__door_may_call(&r->http->door, pgr_now_ns())) return refuse(r->connection, &too_many_calls);
  pgr_http_call *call = pgr_calloc(1, sizeof *call);
  if (!call) return MHD_NO;
  *call = (pgr_http_call){.http = r->http, .connection = r->connection, .route = route, .state = PGR__RECEIVING};
  *state = call;
  return r->has_body ? MHD_YES : go_on(call);
}

static enum MHD_Result open_stream(const request *r) {
  if (r->http->stream.viewer_count >= PGR_HTTP_VIEWERS_MAX) return refuse(r->connection, &too_many_viewers);
  if (!r->head)
    return queue(r->connection, MHD_HTTP_OK,
                 pgr__stream_response(r->http, r->connection, r->session, header(r, "Last-Event-ID")));
  return queue(r->connection, MHD_HTTP_OK,
               pgr__http_dress(MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), "text/event-stream"));
}

static enum MHD_Result serve_reading(const request *r, void **state) {
  struct MHD_Response *file = find_file(r);
  if (file) return MHD_queue_response(r->connection, MHD_HTTP_OK, file);
  const pgr_http_route *route = find_route(r, false);
  if (route) return begin_call(r, route, state);
  if (strcmp(r->url, r->http->options.stream_path) == 0) return open_stream(r);
  return refuse_method(r);
}

static bool is_json(const char *type) {
  static const char json[] = "application/json";
  size_t length = sizeof json - 1;
  return strncasecmp(type, json, length) == 0 && strchr("; \t", type[length]);
}

static enum MHD_Result serve_posting(const request *r, void **state) {
  const pgr_http_route *route = find_route(r, true);
  const char *call_token, *type, *length = header(r, "Content-Length");
  if (!route) return refuse_method(r);
  if (count_headers(r, "X-Pgrace-Token", &call_token) != 1 || !pgr__door_is_call_token(r->session, call_token))
    return refuse(r->connection, &no_call_token);
  if (count_headers(r, "Content-Type", &type) != 1 || !is_json(type)) return refuse(r->connection, &other_type);
  if (length && strtoull(length, NULL, 10) > PGR_HTTP_BODY_BYTES_MAX) return refuse(r->connection, &too_long);
  return begin_call(r, route, state);
}

/* ---- who asks ---- */

/* To "/", with the cookie of a session that is new, or without. */
static enum MHD_Result send_in(const request *r, const pgr__session *session) {
  struct MHD_Response *response =
      pgr__http_dress(MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT), NULL);
  if (!response) return MHD_NO;
  char cookie[160];
  bool ok = MHD_add_response_header(response, "Location", "/") == MHD_YES;
  if (session) {
    snprintf(cookie, sizeof cookie, "%s=%s; HttpOnly; SameSite=Strict; Path=/", r->http->door.cookie_name,
             session->cookie);
    ok = ok && MHD_add_response_header(response, "Set-Cookie", cookie) == MHD_YES;
  }
  if (ok) return queue(r->connection, MHD_HTTP_SEE_OTHER, response);
  MHD_destroy_response(response);
  return MHD_NO;
}

/* A page of another server of this machine is not stopped by SameSite, and what its tags ask for has no Origin. To come
 * to the page itself from anywhere is fine. */
static bool asks_from_elsewhere(const request *r) {
  const char *site;
  int sites = count_headers(r, "Sec-Fetch-Site", &site);
  if (sites == 0 || strcmp(r->url, "/") == 0) return false;
  return sites > 1 || (strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0);
}

/* The address that was printed is opened. One that was used is as good as "/" to whose browser it was. HEAD trades
 * nothing: it is to change nothing. */
static enum MHD_Result serve_link(const request *r, const char *link) {
  pgr__door *door = &r->http->door;
  if (r->head) {
    if (r->session || pgr__door_has_link(door, link)) return send_in(r, NULL);
    return refuse(r->connection, &no_session);
  }
  pgr__session *session = pgr__door_trade(door, link, r->session, pgr_now_ns());
  if (!session && !r->session) return refuse(r->connection, &no_session);
  enum MHD_Result result = send_in(r, r->session ? NULL : session);
  if (session && r->http->options.link_used) r->http->options.link_used(r->http->options.user);
  return result;
}

static enum MHD_Result begin(request *r, void **state) {
  const char *origin;
  if (count_headers(r, "Host", &r->host) != 1 || !pgr__door_is_host(&r->http->door, r->host))
    return refuse(r->connection, &not_this_server);
  int origins = count_headers(r, "Origin", &origin);
  if (origins > 1 || (origins == 1 && !pgr__door_is_origin(r->host, origin)) || asks_from_elsewhere(r))
    return refuse(r->connection, &other_origin);
  bool post = strcmp(r->method, MHD_HTTP_METHOD_POST) == 0;
  if (r->has_body && !post) return refuse(r->connection, &body_to_read);
  const char *link = r->reads && strcmp(r->url, "/") == 0
                         ? MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, "token")
                         : NULL;
  if (link) return serve_link(r, link);
  if (!r->session) return refuse(r->connection, &no_session);
  if (post) return serve_posting(r, state);
  return r->reads ? serve_reading(r, state) : refuse_method(r);
}

/* ---- calls ---- */

static void stop_waiting(pgr_http_call *call) {
  call->http->waiting_count--;
  if (call->previous)
    call->previous->next = call->next;
  else
    call->http->waiting = call->next;
  if (call->next) call->next->previous = call->previous;
}

static void wait_for_answer(pgr_http_call *call) {
  call->state = PGR__WAITING;
  call->next = call->http->waiting;
  if (call->next) call->next->previous = call;
  call->http->waiting = call;
  call->http->waiting_count++;
  MHD_suspend_connection(call->connection);
}

static enum MHD_Result take_part(pgr_http_call *call, const char *data, size_t *len_bytes) {
  if (call->len_bytes < PGR_HTTP_BODY_BYTES_MAX) {
    size_t room = PGR_HTTP_BODY_BYTES_MAX - call->len_bytes;
    memcpy(call->body + call->len_bytes, data, *len_bytes < room ? *len_bytes : room);
  }
  call->len_bytes += *len_bytes;
  *len_bytes = 0;
  return call->len_bytes > READ_BYTES_MAX ? MHD_NO : MHD_YES;
}

/* All has come, or the answer has. */
static enum MHD_Result go_on(pgr_http_call *call) {
  if (call->state == PGR__RECEIVING) {
    if (call->len_bytes > PGR_HTTP_BODY_BYTES_MAX) return refuse(call->connection, &too_long);
    if (!call->route->post && call->http->waiting_count >= PGR_HTTP_CALLS_WAITING_MAX)
      return refuse(call->connection, &too_many_calls);
    call->state = PGR__SERVING;
    call->route->serve(call->http->options.user, call, call->body, call->len_bytes);
  }
  if (call->state == PGR__SERVING) {
    wait_for_answer(call);
    return MHD_YES;
  }
  assert(call->state == PGR__ANSWERED);
  struct MHD_Response *response = call->response;
  call->response = NULL;
  return queue(call->connection, call->status, response);
}

/* NULL: no memory. */
static struct MHD_Response *make_answer(const char *type, const char *body, size_t len_bytes, const char *save_as) {
  struct MHD_Response *r = MHD_create_response_from_buffer(len_bytes, (void *)(uintptr_t)body, MHD_RESPMEM_MUST_COPY);
  r = pgr__http_dress(r, type);
  if (!r || !save_as) return r;
  char value[160];
  int length = snprintf(value, sizeof value, "attachment; filename=\"%s", save_as);
  if (length > (int)sizeof value - 2) length = (int)sizeof value - 2;
  for (char *c = strchr(value, '"') + 1; *c; c++)
    if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-", *c)) *c = '_';
  snprintf(value + length, sizeof value - (size_t)length, "\"");
  if (MHD_add_response_header(r, "Content-Disposition", value) == MHD_YES) return r;
  MHD_destroy_response(r);
  return NULL;
}

void pgr_http_answer(pgr_http_call *call, int status, const char *type, const char *body, size_t len_bytes,
                     const char *save_as) {
  assert(call->state == PGR__SERVING || call->state == PGR__WAITING);
  bool waits = call->state == PGR__WAITING;
  call->response = make_answer(type, body, len_bytes, save_as);
  call->status = status;
  call->state = PGR__ANSWERED;
  if (!waits) return;
  stop_waiting(call);
  pgr__http_resume(call->http, call->connection);
}

/* ---- */

static bool has_body(struct MHD_Connection *connection) {
  const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Content-Length");
  return (length && strcmp(length, "0") != 0) ||
         MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Transfer-Encoding");
}

/* The state of a request without a body, from its first call to the second: libmicrohttpd closes a connection after an
 * answer to the first one. That is right where a body is left unread. */
static const char all_has_come;

enum MHD_Result pgr__http_request(void *user, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len_bytes, void **state) {
  (void)version;
  bool first = !*state;
  if (first && !has_body(connection)) {
    *state = (void *)(uintptr_t)&all_has_come;
    return MHD_YES;
  }
  if (!first && *state != &all_has_come) return *len_bytes > 0 ? take_part(*state, data, len_bytes) : go_on(*state);
  *state = NULL;
  pgr_http *h = user;
  request r = {.http = h, .connection = connection, .url = url, .method = method, .has_body = first};
  r.head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
  r.reads = r.head || strcmp(method, MHD_HTTP_METHOD_GET) == 0;
  const char *cookie = MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, h->door.cookie_name);
  r.session = pgr__door_session(&h->door, cookie, pgr_now_ns());
  if (r.session) pgr__http_welcome(h, connection);
  return begin(&r, state);
}

void pgr__http_completed(void *user, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode why) {
  (void)user;
  (void)connection;
  (void)why;
  if (!*state || *state == &all_has_come) return;
  pgr_http_call *call = *state;
  if (call->state == PGR__WAITING) stop_waiting(call);
  if (call->response) MHD_destroy_response(call->response);
  pgr_free(call);
  *state = NULL;
}
