/* A server of pages of our own, and its clients on socket pairs: what the tests of HTTP share. */
#ifndef PGR_HTTP_TEST_H
#define PGR_HTTP_TEST_H

#include "pgr_test.h"

#include "http_internal.h"
#include "pgr_clock.h"
#include "pgr_mem.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- a server ---- */

static const char page[] = "<!doctype html><title>A page</title>";

typedef struct server {
  pgr_loop *loop;
  pgr_http *http;
  char host[160];
  char cookie[128];         /* a header, of a session */
  char call_token[64];      /* of the session that was last told the state */
  pgr_http_call *later[64]; /* not answered yet */
  int later_count;
  int calls, states, links_used;
  size_t state_bytes; /* more than the state would have */
} server;

static inline void snapshot(void *user, const char *token, pgr_buf *out) {
  server *s = user;
  s->states++;
  snprintf(s->call_token, sizeof s->call_token, "%s", token);
  pgr_buf_addf(out, "{\"token\":\"%s\",\"fill\":\"", token);
  for (size_t i = 0; i < s->state_bytes; i++)
    pgr_buf_adds(out, "x");
  pgr_buf_adds(out, "\"}");
}

static inline void on_link_used(void *user) {
  ((server *)user)->links_used++;
}

static inline void echo(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  ((server *)user)->calls++;
  assert_int_equal(strlen(body), len_bytes);
  pgr_http_answer(call, 200, "text/plain", body, len_bytes, NULL);
}

static inline void keep(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)body;
  (void)len_bytes;
  server *s = user;
  s->later[s->later_count++] = call;
}

static inline void tell(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  server *s = user;
  pgr_http_publish(s->http, "moment", body, len_bytes);
  pgr_http_flush(s->http);
  if (s->later_count) pgr_http_answer(s->later[--s->later_count], 200, NULL, "", 0, NULL);
  pgr_http_answer(call, 204, NULL, "", 0, NULL);
}

static inline void report(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)user;
  assert_true(len_bytes == 0 && body[0] == '\0');
  pgr_http_answer(call, 200, "application/json", "{}", 2, "re\"port\r\n.json");
}

static inline void nothing(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)user;
  (void)body;
  (void)len_bytes;
  pgr_http_answer(call, 204, NULL, "", 0, NULL);
}

static const pgr_http_file files[] = {{"/", "text/html; charset=utf-8", page, sizeof page - 1},
                                      {"/demo.js", "text/javascript", "1;", 2}};
static const pgr_http_route routes[] = {{"/echo", true, echo},       {"/later", true, keep},
                                        {"/nothing", true, nothing}, {"/tell", true, tell},
                                        {"/report", false, report},  {"/report-later", false, keep}};

static inline pgr_http_options options_of(server *s) {
  return (pgr_http_options){.loop = s->loop,
                            .address = "127.0.0.1",
                            .files = files,
                            .file_count = sizeof files / sizeof *files,
                            .routes = routes,
                            .route_count = sizeof routes / sizeof *routes,
                            .snapshot = snapshot,
                            .stream_path = "/events",
                            .link_used = on_link_used,
                            .user = s};
}

static inline void turn(server *s) {
  pgr_loop_turn(s->loop, false);
  sched_yield();
}

enum { TURNS = 20000, /* until something happens that must */ QUIET_TURNS = 50 /* in which nothing must happen */ };

static inline void turns(server *s) {
  for (int i = 0; i < QUIET_TURNS; i++)
    turn(s);
}

static inline void stop(server *s) {
  pgr_http_close(s->http);
  pgr_loop_finish(s->loop);
  pgr_loop_join(s->loop);
  pgr_loop_destroy(s->loop);
  pgr_http_destroy(s->http);
}

/* ---- a client ---- */

enum { CLIENT_BYTES = 1 << 17 };

typedef struct client {
  server *server;
  int fd;
  bool closed; /* by the server */
  char *in;    /* what came and was not read yet */
  size_t in_len;
  char *text; /* of a stream: what came, without its chunks */
  size_t text_len;
} client;

static inline client with(server *s, int fd) {
  return (client){
      .server = s, .fd = fd, .in = pgr_calloc(1, CLIENT_BYTES + 1), .text = pgr_calloc(1, CLIENT_BYTES + 1)};
}

static inline client come(server *s) {
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  pgr_http_adopt(s->http, fds[1]);
  return with(s, fds[0]);
}

static inline void leave(client *c) {
  if (c->fd >= 0) close(c->fd);
  pgr_free(c->in);
  pgr_free(c->text);
  *c = (client){.fd = -1};
}

static inline void say_bytes(client *c, const char *bytes, size_t len) {
  for (int i = 0; len > 0 && i < TURNS; i++) {
    ssize_t n = send(c->fd, bytes, len, MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN) return; /* it was closed: whoever reads sees it */
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    }
    turn(c->server);
  }
}

static inline void say(client *c, const char *text) {
  say_bytes(c, text, strlen(text));
}

static inline void hear(client *c) {
  ssize_t n = recv(c->fd, c->in + c->in_len, CLIENT_BYTES - c->in_len, 0);
  if (n > 0) {
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
  } else if (n == 0 ? c->in_len < CLIENT_BYTES : errno != EAGAIN) {
    c->closed = true;
  }
}

static inline void drop(client *c, size_t bytes) {
  c->in_len -= bytes;
  memmove(c->in, c->in + bytes, c->in_len + 1);
}

typedef struct reply {
  int status; /* 0: the connection was closed without one */
  char head[2048];
  char body[8192];
  size_t body_bytes;
} reply;

static inline bool read_head(client *c, reply *r) {
  const char *end = strstr(c->in, "\r\n\r\n");
  if (!end) return false;
  size_t length = (size_t)(end - c->in) + 4;
  assert_true(length < sizeof r->head);
  memcpy(r->head, c->in, length);
  r->head[length] = '\0';
  assert_int_equal(strncmp(r->head, "HTTP/1.", 7), 0);
  r->status = atoi(r->head + 9);
  drop(c, length);
  return true;
}

static const char *value_of(const reply *r, const char *name) {
  static char value[512];
  char line[128];
  snprintf(line, sizeof line, "\r\n%s: ", name);
  const char *at = strcasestr(r->head, line);
  if (!at) return NULL;
  at += strlen(line);
  snprintf(value, sizeof value, "%.*s", (int)strcspn(at, "\r"), at);
  return value;
}

static inline void hear_head(client *c, reply *r) {
  *r = (reply){0};
  for (int i = 0; !read_head(c, r) && !c->closed && i < TURNS; i++) {
    turn(c->server);
    hear(c);
  }
}

/* One whole answer; what comes after it stays. */
static inline reply hear_reply_to(client *c, bool head) {
  reply r;
  hear_head(c, &r);
  const char *length = r.status && !head ? value_of(&r, "Content-Length") : NULL;
  r.body_bytes = length ? strtoul(length, NULL, 10) : 0;
  assert_true(r.body_bytes < sizeof r.body);
  for (int i = 0; c->in_len < r.body_bytes && !c->closed && i < TURNS; i++) {
    turn(c->server);
    hear(c);
  }
  assert_true(c->in_len >= r.body_bytes);
  memcpy(r.body, c->in, r.body_bytes);
  drop(c, r.body_bytes);
  return r;
}

static inline reply hear_reply(client *c) {
  return hear_reply_to(c, false);
}

static inline void ask(client *c, const char *method, const char *path, const char *headers, const char *body) {
  char text[8192 + PGR_HTTP_BODY_BYTES_MAX];
  int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", method, path, c->server->host, headers,
                   body);
  assert_true(n < (int)sizeof text);
  say(c, text);
}

static inline reply get(client *c, const char *path, const char *headers) {
  ask(c, "GET", path, headers, "");
  return hear_reply(c);
}

/* A call as the page makes it, or with other headers. */
static const char *call_headers(server *s, size_t body_bytes) {
  static char text[1024];
  snprintf(text, sizeof text,
           "%.127sX-Pgrace-Token: %.63s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n", s->cookie,
           s->call_token, body_bytes);
  return text;
}

static inline reply post(client *c, const char *path, const char *body) {
  ask(c, "POST", path, call_headers(c->server, strlen(body)), body);
  return hear_reply(c);
}

static inline int once(server *s, const char *method, const char *path, const char *headers, const char *body) {
  client c = come(s);
  ask(&c, method, path, headers, body);
  reply r = hear_reply_to(&c, strcmp(method, "HEAD") == 0);
  leave(&c);
  return r.status;
}

/* The next address: all of it, or from its path on. */
static const char *link_of(server *s, bool whole) {
  static char text[256];
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_http_link(s->http, &out);
  assert_false(out.failed);
  const char *all = pgr_buf_text(&out);
  snprintf(text, sizeof text, "%s", whole ? all : strstr(all, "/?token="));
  pgr_buf_deinit(&out);
  return text;
}

static inline void keep_cookie(server *s, const reply *r) {
  const char *cookie = value_of(r, "Set-Cookie");
  assert_non_null(cookie);
  snprintf(s->cookie, sizeof s->cookie, "Cookie: %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
}

/* ---- streams ---- */

/* Whole chunks of what came, to text; as much as fits. */
static inline void unchunk(client *c) {
  for (;;) {
    char *end;
    size_t bytes = strtoul(c->in, &end, 16);
    if (end == c->in || end[0] != '\r' || end[1] != '\n') return;
    size_t head = (size_t)(end - c->in) + 2;
    if (c->in_len < head + bytes + 2 || c->text_len + bytes > CLIENT_BYTES) return;
    memcpy(c->text + c->text_len, c->in + head, bytes);
    c->text_len += bytes;
    c->text[c->text_len] = '\0';
    drop(c, head + bytes + 2);
    if (bytes == 0) c->closed = true;
  }
}

typedef struct event {
  char name[16], run[16];
  uint64_t number;
  char data[512]; /* its beginning */
  bool remark;    /* a comment, "retry" */
} event;

/* false: nothing more comes. */
static inline bool hear_event(client *c, event *e) {
  *e = (event){0};
  char *end;
  for (int i = 0; !(end = strstr(c->text, "\n\n")) && !c->closed && i < TURNS; i++) {
    turn(c->server);
    hear(c);
    unchunk(c);
  }
  if (!end) return false;
  *end = '\0';
  int at = 0;
  if (sscanf(c->text, "id: %15[0-9a-f]-%" SCNu64 "\nevent: %15s\ndata: %n", e->run, &e->number, e->name, &at) == 3 &&
      at)
    snprintf(e->data, sizeof e->data, "%.500s", c->text + at);
  else
    e->remark = true;
  if (e->remark) snprintf(e->data, sizeof e->data, "%.500s", c->text);
  size_t length = (size_t)(end - c->text) + 2;
  c->text_len -= length;
  memmove(c->text, c->text + length, c->text_len + 1);
  return true;
}

/* The next one that is no remark. */
static inline event next_event(client *c) {
  event e;
  do
    assert_true(hear_event(c, &e));
  while (e.remark);
  return e;
}

static inline void watch_from(client *c, const char *last_event_id) {
  char headers[1024];
  snprintf(headers, sizeof headers, "%s%s%s%s", c->server->cookie, last_event_id ? "Last-Event-ID: " : "",
           last_event_id ? last_event_id : "", last_event_id ? "\r\n" : "");
  ask(c, "GET", "/events", headers, "");
  reply r;
  hear_head(c, &r);
  assert_int_equal(r.status, 200);
  assert_string_equal(value_of(&r, "Content-Type"), "text/event-stream");
  event e;
  assert_true(hear_event(c, &e) && e.remark);
  assert_string_equal(e.data, "retry: 1000");
}

static inline client watching(server *s) {
  client c = come(s);
  watch_from(&c, NULL);
  assert_string_equal(next_event(&c).name, "state");
  return c;
}

static inline void publish(server *s, int number) {
  char data[64];
  int n = snprintf(data, sizeof data, "{\"n\":%d}", number);
  pgr_http_publish(s->http, "moment", data, (size_t)n);
}

static inline void expect_moment(client *c, int number) {
  char data[64];
  snprintf(data, sizeof data, "{\"n\":%d}", number);
  event e = next_event(c);
  assert_string_equal(e.name, "moment");
  assert_string_equal(e.data, data);
}

static inline void expect_silence(client *c) {
  turns(c->server);
  hear(c);
  unchunk(c);
  assert_true(!c->closed && c->in_len == 0 && c->text_len == 0);
}

static inline void expect_viewers(server *s, int count) {
  for (int i = 0; pgr_http_viewers(s->http) != count && i < TURNS; i++)
    turn(s);
  assert_int_equal(pgr_http_viewers(s->http), count);
}

/* With a session and its call token. */
static inline void start(server *s) {
  *s = (server){0};
  assert_int_equal(pgr_loop_create(&s->loop, NULL), PGR_OK);
  pgr_http_options options = options_of(s);
  assert_int_equal(pgr_http_open(&options, &s->http, NULL), PGR_OK);
  snprintf(s->host, sizeof s->host, "127.0.0.1:%u", pgr_http_port(s->http));
  client c = come(s);
  reply r = get(&c, link_of(s, false), "");
  assert_int_equal(r.status, 303);
  keep_cookie(s, &r);
  leave(&c);
  c = watching(s);
  leave(&c);
  expect_viewers(s, 0);
  s->states = s->links_used = 0;
}

#endif
