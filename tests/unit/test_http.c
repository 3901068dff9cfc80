/* The server on a loop that the test turns, with real sockets: pairs, and a port of the loopback. */
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

static void snapshot(void *user, const char *token, pgr_buf *out) {
  server *s = user;
  s->states++;
  snprintf(s->call_token, sizeof s->call_token, "%s", token);
  pgr_buf_addf(out, "{\"token\":\"%s\",\"fill\":\"", token);
  for (size_t i = 0; i < s->state_bytes; i++)
    pgr_buf_adds(out, "x");
  pgr_buf_adds(out, "\"}");
}

static void on_link_used(void *user) {
  ((server *)user)->links_used++;
}

static void echo(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  ((server *)user)->calls++;
  assert_int_equal(strlen(body), len_bytes);
  pgr_http_answer(call, 200, "text/plain", body, len_bytes, NULL);
}

static void keep(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)body;
  (void)len_bytes;
  server *s = user;
  s->later[s->later_count++] = call;
}

static void tell(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  server *s = user;
  pgr_http_publish(s->http, "moment", body, len_bytes);
  pgr_http_flush(s->http);
  if (s->later_count) pgr_http_answer(s->later[--s->later_count], 200, NULL, "", 0, NULL);
  pgr_http_answer(call, 204, NULL, "", 0, NULL);
}

static void report(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  (void)user;
  assert_true(len_bytes == 0 && body[0] == '\0');
  pgr_http_answer(call, 200, "application/json", "{}", 2, "re\"port\r\n.json");
}

static void nothing(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
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

static pgr_http_options options_of(server *s) {
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

static void turn(server *s) {
  pgr_loop_turn(s->loop, false);
  sched_yield();
}

enum { TURNS = 20000, /* until something happens that must */ QUIET_TURNS = 50 /* in which nothing must happen */ };

static void turns(server *s) {
  for (int i = 0; i < QUIET_TURNS; i++)
    turn(s);
}

static void stop(server *s) {
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

static client with(server *s, int fd) {
  return (client){
      .server = s, .fd = fd, .in = pgr_calloc(1, CLIENT_BYTES + 1), .text = pgr_calloc(1, CLIENT_BYTES + 1)};
}

static client come(server *s) {
  int fds[2];
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  pgr_http_adopt(s->http, fds[1]);
  return with(s, fds[0]);
}

static void leave(client *c) {
  if (c->fd >= 0) close(c->fd);
  pgr_free(c->in);
  pgr_free(c->text);
  *c = (client){.fd = -1};
}

static void say_bytes(client *c, const char *bytes, size_t len) {
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

static void say(client *c, const char *text) {
  say_bytes(c, text, strlen(text));
}

static void hear(client *c) {
  ssize_t n = recv(c->fd, c->in + c->in_len, CLIENT_BYTES - c->in_len, 0);
  if (n > 0) {
    c->in_len += (size_t)n;
    c->in[c->in_len] = '\0';
  } else if (n == 0 ? c->in_len < CLIENT_BYTES : errno != EAGAIN) {
    c->closed = true;
  }
}

static void drop(client *c, size_t bytes) {
  c->in_len -= bytes;
  memmove(c->in, c->in + bytes, c->in_len + 1);
}

typedef struct reply {
  int status; /* 0: the connection was closed without one */
  char head[2048];
  char body[8192];
  size_t body_bytes;
} reply;

static bool read_head(client *c, reply *r) {
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

static void hear_head(client *c, reply *r) {
  *r = (reply){0};
  for (int i = 0; !read_head(c, r) && !c->closed && i < TURNS; i++) {
    turn(c->server);
    hear(c);
  }
}

/* One whole answer; what comes after it stays. */
static reply hear_reply_to(client *c, bool head) {
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

static reply hear_reply(client *c) {
  return hear_reply_to(c, false);
}

static void ask(client *c, const char *method, const char *path, const char *headers, const char *body) {
  char text[8192 + PGR_HTTP_BODY_BYTES_MAX];
  int n = snprintf(text, sizeof text, "%s %s HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", method, path, c->server->host, headers,
                   body);
  assert_true(n < (int)sizeof text);
  say(c, text);
}

static reply get(client *c, const char *path, const char *headers) {
  ask(c, "GET", path, headers, "");
  return hear_reply(c);
}

/* A call as the page makes it, or with other headers. */
static const char *call_headers(server *s, size_t body_bytes) {
  static char text[512];
  snprintf(text, sizeof text, "%sX-Pgrace-Token: %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n",
           s->cookie, s->call_token, body_bytes);
  return text;
}

static reply post(client *c, const char *path, const char *body) {
  ask(c, "POST", path, call_headers(c->server, strlen(body)), body);
  return hear_reply(c);
}

static int once(server *s, const char *method, const char *path, const char *headers, const char *body) {
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

static void keep_cookie(server *s, const reply *r) {
  const char *cookie = value_of(r, "Set-Cookie");
  assert_non_null(cookie);
  snprintf(s->cookie, sizeof s->cookie, "Cookie: %.*s\r\n", (int)strcspn(cookie, ";"), cookie);
}

/* ---- streams ---- */

/* Whole chunks of what came, to text; as much as fits. */
static void unchunk(client *c) {
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
static bool hear_event(client *c, event *e) {
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
static event next_event(client *c) {
  event e;
  do
    assert_true(hear_event(c, &e));
  while (e.remark);
  return e;
}

static void watch_from(client *c, const char *last_event_id) {
  char headers[512];
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

static client watching(server *s) {
  client c = come(s);
  watch_from(&c, NULL);
  assert_string_equal(next_event(&c).name, "state");
  return c;
}

static void publish(server *s, int number) {
  char data[64];
  int n = snprintf(data, sizeof data, "{\"n\":%d}", number);
  pgr_http_publish(s->http, "moment", data, (size_t)n);
}

static void expect_moment(client *c, int number) {
  char data[64];
  snprintf(data, sizeof data, "{\"n\":%d}", number);
  event e = next_event(c);
  assert_string_equal(e.name, "moment");
  assert_string_equal(e.data, data);
}

static void expect_silence(client *c) {
  turns(c->server);
  hear(c);
  unchunk(c);
  assert_true(!c->closed && c->in_len == 0 && c->text_len == 0);
}

static void expect_viewers(server *s, int count) {
  for (int i = 0; pgr_http_viewers(s->http) != count && i < TURNS; i++)
    turn(s);
  assert_int_equal(pgr_http_viewers(s->http), count);
}

/* With a session and its call token. */
static void start(server *s) {
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

/* ---- who may ---- */

static void a_link_works_once(void **state) {
  (void)state;
  server s;
  start(&s);
  char start_of_link[256];
  snprintf(start_of_link, sizeof start_of_link, "http://%s/?token=", s.host);
  assert_int_equal(strncmp(link_of(&s, true), start_of_link, strlen(start_of_link)), 0);

  char path[128];
  snprintf(path, sizeof path, "%s", link_of(&s, false));
  client c = come(&s);
  reply r = get(&c, path, "");
  assert_int_equal(r.status, 303);
  assert_string_equal(value_of(&r, "Location"), "/");
  char attributes[64];
  const char *cookie = value_of(&r, "Set-Cookie");
  snprintf(attributes, sizeof attributes, "pgrace_demo_%u=", pgr_http_port(s.http));
  assert_int_equal(strncmp(cookie, attributes, strlen(attributes)), 0);
  assert_string_equal(strchr(cookie, ';'), "; HttpOnly; SameSite=Strict; Path=/");
  assert_int_equal(s.links_used, 1);
  keep_cookie(&s, &r);
  r = get(&c, "/", s.cookie);
  assert_int_equal(r.status, 200);
  assert_string_equal(r.body, page);

  r = get(&c, path, ""); /* somebody else, with the same */
  assert_int_equal(r.status, 403);
  assert_non_null(strstr(r.body, "the one that stands last"));
  assert_null(value_of(&r, "Set-Cookie"));
  r = get(&c, path, s.cookie); /* whose it was, by the back button */
  assert_int_equal(r.status, 303);
  assert_null(value_of(&r, "Set-Cookie"));
  assert_int_equal(s.links_used, 1);
  leave(&c);
  stop(&s);
}

static void somebody_known_uses_a_link_up_too(void **state) {
  (void)state;
  server s;
  start(&s);
  char path[128];
  snprintf(path, sizeof path, "%s", link_of(&s, false));
  client c = come(&s);
  reply r = get(&c, path, s.cookie);
  assert_int_equal(r.status, 303);
  assert_null(value_of(&r, "Set-Cookie"));
  assert_int_equal(s.links_used, 1);
  assert_int_equal(s.http->door.session_count, 1); /* the one that it was */
  assert_int_equal(get(&c, path, "").status, 403);
  leave(&c);
  stop(&s);
}

static void asking_for_the_head_uses_no_link_up(void **state) {
  (void)state;
  server s;
  start(&s);
  char path[128];
  snprintf(path, sizeof path, "%s", link_of(&s, false));
  assert_int_equal(once(&s, "HEAD", path, "", ""), 303);
  assert_int_equal(once(&s, "HEAD", "/?token=0", "", ""), 403);
  assert_int_equal(s.links_used, 0);
  assert_int_equal(once(&s, "GET", path, "", ""), 303);
  assert_int_equal(once(&s, "HEAD", path, "", ""), 403);
  stop(&s);
}

static void sixteen_links_are_good(void **state) {
  (void)state;
  server s;
  start(&s);
  char paths[PGR__LINKS_MAX + 2][128];
  for (int i = 0; i < PGR__LINKS_MAX + 1; i++)
    snprintf(paths[i], sizeof paths[i], "%s", link_of(&s, false));
  assert_int_equal(once(&s, "GET", paths[0], "", ""), 403);
  assert_int_equal(once(&s, "GET", paths[7], "", ""), 303);
  /* One was used: there is room for one more. */
  snprintf(paths[PGR__LINKS_MAX + 1], sizeof paths[0], "%s", link_of(&s, false));
  for (int i = 1; i < PGR__LINKS_MAX + 2; i++)
    assert_int_equal(once(&s, "GET", paths[i], "", ""), i == 7 ? 403 : 303);
  stop(&s);
}

static void without_a_session_there_is_nothing(void **state) {
  (void)state;
  server s;
  start(&s);
  static const char *const paths[] = {"/",        "/demo.js", "/events",       "/report",
                                      "/nowhere", "/?token=", "/?token=0&x=1", "/demo.js?token=0"};
  char wrong[256], near[160];
  snprintf(near, sizeof near, "%s", s.cookie);
  char *last = strchr(near, '\r') - 1;
  *last = *last == '0' ? '1' : '0';
  snprintf(wrong, sizeof wrong, "Cookie: pgrace_demo_%u=\r\n", pgr_http_port(s.http));
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    assert_int_equal(once(&s, "GET", paths[i], "", ""), 403);
    assert_int_equal(once(&s, "GET", paths[i], wrong, ""), 403);
    assert_int_equal(once(&s, "GET", paths[i], near, ""), 403);
    assert_int_equal(once(&s, "HEAD", paths[i], near, ""), 403);
  }
  snprintf(wrong, sizeof wrong, "X-Pgrace-Token: %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n",
           s.call_token);
  assert_int_equal(once(&s, "POST", "/echo", wrong, "{}"), 403);
  assert_int_equal(s.calls, 0);
  /* A link opens "/" alone. */
  char path[160];
  snprintf(path, sizeof path, "/demo.js%s", link_of(&s, false) + 1);
  assert_int_equal(once(&s, "GET", path, "", ""), 403);
  assert_int_equal(s.links_used, 0);
  stop(&s);
}

/* The Host that a page sends whose name was made to resolve to this machine is its own. */
static void host_names_this_server(void **state) {
  (void)state;
  server s;
  start(&s);
  unsigned port = pgr_http_port(s.http);
  char good[64];
  snprintf(good, sizeof good, "localhost:%u", port);
  snprintf(s.host, sizeof s.host, "%s", good);
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 200);
  static const char *const bad[] = {
      "evil.example:%u", "evil.example", "127.0.0.1", "127.0.0.1:1",   "127.0.0.2:%u",    "[::1]:%u",
      "0.0.0.0:%u",      ":%u",          "",          "127.0.0.1:0%u", "127.0.0.1:%u:%u", "2130706433:%u"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(s.host, sizeof s.host, bad[i], port, port);
#pragma GCC diagnostic pop
    assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 421);
    assert_int_equal(once(&s, "GET", link_of(&s, false), "", ""), 421);
  }
  snprintf(s.host, sizeof s.host, "%s\r\nHost: %s", good, good);
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 421);
  assert_int_equal(s.links_used, 0);
  client c = come(&s);
  say(&c, "GET / HTTP/1.1\r\n\r\n");
  assert_int_equal(hear_reply(&c).status, 400);
  leave(&c);
  c = come(&s);
  say(&c, "GET / HTTP/1.0\r\n\r\n");
  assert_int_equal(hear_reply(&c).status, 421);
  leave(&c);
  stop(&s);
}

static void names_by_address(void **state) {
  (void)state;
  static const struct {
    const char *address, *host;
    uint16_t port;
    bool good;
  } table[] = {{"127.0.0.1", "127.0.0.1:80", 80, true},
               {"127.0.0.1", "127.0.0.1", 80, true},
               {"127.0.0.1", "LOCALHOST", 80, true},
               {"127.0.0.1", "localhost:81", 80, false},
               {"::1", "[::1]:8734", 8734, true},
               {"::1", "[0:0:0:0:0:0:0:1]:8734", 8734, true},
               {"::1", "localhost:8734", 8734, true},
               {"::1", "[::1]", 80, true},
               {"::1", "[::1]", 8734, false},
               {"::1", "::1:8734", 8734, false},
               {"::1", "[::2]:8734", 8734, false},
               {"::1", "127.0.0.1:8734", 8734, false},
               {"::1", "[:8734", 8734, false},
               {"::1", "[]:8734", 8734, false},
               {"192.0.2.7", "192.0.2.7:8734", 8734, true},
               {"192.0.2.7", "localhost:8734", 8734, false},
               {"192.0.2.7", "127.0.0.1:8734", 8734, false},
               {"0.0.0.0", "192.0.2.7:8734", 8734, true},
               {"0.0.0.0", "localhost:8734", 8734, true},
               {"0.0.0.0", "evil.example:8734", 8734, false},
               {"0.0.0.0", "192.0.2.7:1", 8734, false},
               {"::", "[2001:db8::7]:8734", 8734, true},
               {"::", "evil.example:8734", 8734, false}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    static pgr__door d;
    assert_int_equal(pgr__door_init(&d, table[i].address, NULL), PGR_OK);
    pgr__door_set_port(&d, table[i].port);
    assert_int_equal(pgr__door_is_host(&d, table[i].host), table[i].good);
  }
  static const char *const addresses[] = {"", "localhost", "127.1", "::1%lo", "[::1]", "1.2.3.4.5", "127.0.0.1 "};
  for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
    static pgr__door d;
    pgr_err err = {0};
    assert_int_equal(pgr__door_init(&d, addresses[i], &err), PGR_EUSAGE);
    assert_non_null(strstr(err.msg, "numeric address"));
  }
}

static void origin_is_this_server(void **state) {
  (void)state;
  server s;
  start(&s);
  char headers[1024];
  static const struct {
    const char *origin;
    int status;
  } table[] = {{"Origin: http://127.0.0.1:%u\r\n", 200},
               {"Origin: HTTP://127.0.0.1:%u\r\n", 200},
               {"", 200},
               {"Origin: http://localhost:%u\r\n", 403},
               {"Origin: https://127.0.0.1:%u\r\n", 403},
               {"Origin: http://127.0.0.1:%u0\r\n", 403},
               {"Origin: http://127.0.0.1\r\n", 403},
               {"Origin: http://evil.example:%u\r\n", 403},
               {"Origin: null\r\n", 403},
               {"Origin:\r\n", 403},
               {"Origin: http://127.0.0.1:%u\r\nOrigin: http://127.0.0.1:%u\r\n", 403}};
  unsigned port = pgr_http_port(s.http);
  int calls = 0;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    int n = snprintf(headers, sizeof headers, table[i].origin, port, port);
#pragma GCC diagnostic pop
    snprintf(headers + n, sizeof headers - (size_t)n, "%s", call_headers(&s, 2));
    assert_int_equal(once(&s, "POST", "/echo", headers, "{}"), table[i].status);
    calls += table[i].status == 200;
    snprintf(headers + n, sizeof headers - (size_t)n, "%s", s.cookie);
    assert_int_equal(once(&s, "GET", "/", headers, ""), table[i].status);
    assert_int_equal(s.calls, calls);
  }
  stop(&s);
}

/* A tag in the page of another server of this machine: no Origin, and our cookie. */
static void other_pages_get_the_page_alone(void **state) {
  (void)state;
  server s;
  start(&s);
  static const struct {
    const char *said;
    bool own;
  } table[] = {{"Sec-Fetch-Site: same-origin\r\n", true},
               {"Sec-Fetch-Site: none\r\n", true},
               {"Sec-Fetch-Site: same-site\r\n", false},
               {"Sec-Fetch-Site: cross-site\r\n", false},
               {"Sec-Fetch-Site:\r\n", false},
               {"Sec-Fetch-Site: none\r\nSec-Fetch-Site: none\r\n", false}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char headers[1024];
    int n = snprintf(headers, sizeof headers, "%s", table[i].said);
    snprintf(headers + n, sizeof headers - (size_t)n, "%s", s.cookie);
    assert_int_equal(once(&s, "GET", "/report", headers, ""), table[i].own ? 200 : 403);
    assert_int_equal(once(&s, "GET", "/demo.js", headers, ""), table[i].own ? 200 : 403);
    assert_int_equal(once(&s, "HEAD", "/events", headers, ""), table[i].own ? 200 : 403);
    assert_int_equal(once(&s, "GET", "/", headers, ""), 200);
    assert_int_equal(once(&s, "GET", link_of(&s, false), table[i].said, ""), 303);
    snprintf(headers + n, sizeof headers - (size_t)n, "%s", call_headers(&s, 2));
    assert_int_equal(once(&s, "POST", "/echo", headers, "{}"), table[i].own ? 200 : 403);
  }
  stop(&s);
}

static void a_call_wants_its_token_and_type(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = come(&s);
  reply r = post(&c, "/echo", "{\"a\":1}");
  assert_int_equal(r.status, 200);
  assert_string_equal(r.body, "{\"a\":1}");
  assert_string_equal(value_of(&r, "Content-Type"), "text/plain");
  assert_int_equal(post(&c, "/nothing", "").status, 204);
  leave(&c);
  char other[128], headers[1024], token[128];
  snprintf(token, sizeof token, "X-Pgrace-Token: %s\r\n", s.call_token);
  snprintf(other, sizeof other, "X-Pgrace-Token: %s\r\n", s.call_token);
  other[strlen(other) - 3] ^= 1;
  const char *json = "Content-Type: application/json\r\n";
  const struct {
    const char *token, *type;
    int status;
  } table[] = {{token, json, 200},
               {token, "Content-Type: Application/JSON; charset=utf-8\r\n", 200},
               {"", json, 403},
               {"X-Pgrace-Token:\r\n", json, 403},
               {"X-Pgrace-Token: 0\r\n", json, 403},
               {other, json, 403},
               {token, "", 415},
               {token, "Content-Type: text/plain\r\n", 415},
               {token, "Content-Type: application/jsonp\r\n", 415},
               {token, "Content-Type: application/x-www-form-urlencoded\r\n", 415},
               {token, "Content-Type: application/json\r\nContent-Type: text/plain\r\n", 415}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    int before = s.calls;
    snprintf(headers, sizeof headers, "%s%s%sContent-Length: 2\r\n", s.cookie, table[i].token, table[i].type);
    assert_int_equal(once(&s, "POST", "/echo", headers, "{}"), table[i].status);
    assert_int_equal(s.calls - before, table[i].status == 200);
  }
  /* Two tokens, and one of another session. */
  snprintf(headers, sizeof headers, "%s%s%s", token, token, call_headers(&s, 2));
  assert_int_equal(once(&s, "POST", "/echo", headers, "{}"), 403);
  c = come(&s);
  r = get(&c, link_of(&s, false), "");
  keep_cookie(&s, &r);
  leave(&c);
  assert_int_equal(once(&s, "POST", "/echo", call_headers(&s, 2), "{}"), 403);
  stop(&s);
}

static void at_most_so_many_calls_a_second(void **state) {
  (void)state;
  static pgr__door d;
  assert_int_equal(pgr__door_init(&d, "127.0.0.1", NULL), PGR_OK);
  int64_t now = 5 * PGR_NS_PER_S;
  for (int second = 0; second < 3; second++, now += PGR_NS_PER_S) {
    for (int i = 0; i < PGR_HTTP_CALLS_PER_S; i++)
      assert_true(pgr__door_may_call(&d, now + i));
    assert_false(pgr__door_may_call(&d, now + PGR_NS_PER_S - 1));
    assert_false(pgr__door_may_call(&d, now + PGR_NS_PER_S - 1));
  }
  server s;
  start(&s);
  for (int reads = 0; reads < 2; reads++) {
    client c = come(&s);
    reply r = {0};
    int tries = 0;
    do
      r = reads ? get(&c, "/report", s.cookie) : post(&c, "/echo", "{}");
    while (r.status == 200 && ++tries < 100 * PGR_HTTP_CALLS_PER_S);
    assert_int_equal(r.status, 429);
    assert_string_equal(value_of(&r, "Retry-After"), "1");
    if (!reads) assert_true(tries >= PGR_HTTP_CALLS_PER_S && s.calls == tries);
    leave(&c);
  }
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 200); /* files are free */
  stop(&s);
}

static void the_session_idle_for_longest_goes(void **state) {
  (void)state;
  static pgr__door d;
  assert_int_equal(pgr__door_init(&d, "127.0.0.1", NULL), PGR_OK);
  static pgr__token cookies[PGR_HTTP_SESSIONS_MAX + 1];
  pgr__session *session = NULL;
  for (int i = 0; i <= PGR_HTTP_SESSIONS_MAX; i++) {
    if (i == PGR_HTTP_SESSIONS_MAX) {
      /* The first asked lately, the second watches: the third goes. */
      assert_non_null(pgr__door_session(&d, cookies[0], 1000));
      pgr__door_session(&d, cookies[1], 1)->streams = 1;
    }
    session = pgr__door_trade(&d, pgr__door_new_link(&d), NULL, i);
    assert_non_null(session);
    memcpy(cookies[i], session->cookie, sizeof cookies[i]);
  }
  for (int i = 0; i <= PGR_HTTP_SESSIONS_MAX; i++)
    assert_int_equal(pgr__door_session(&d, cookies[i], 0) != NULL, i != 2);
  assert_null(pgr__door_session(&d, NULL, 0));
}

/* ---- what there is ---- */

static void paths_and_methods(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = come(&s);
  reply r = get(&c, "/demo.js", s.cookie);
  assert_int_equal(r.status, 200);
  assert_string_equal(value_of(&r, "Content-Type"), "text/javascript");
  r = get(&c, "/report", s.cookie);
  assert_int_equal(r.status, 200);
  assert_string_equal(value_of(&r, "Content-Disposition"), "attachment; filename=\"re_port__.json\"");
  static const char *const missing[] = {"/nowhere", "/demo.js/", "//", "/%64emo.js", "/demo.js%00", "/Demo.js", "/x?y"};
  for (size_t i = 0; i < sizeof missing / sizeof *missing; i++)
    assert_int_equal(get(&c, missing[i], s.cookie).status, 404);
  static const struct {
    const char *method, *path, *allow;
  } wrong[] = {{"POST", "/", "GET, HEAD"},       {"PUT", "/demo.js", "GET, HEAD"},  {"DELETE", "/events", "GET, HEAD"},
               {"OPTIONS", "/echo", "POST"},     {"GET", "/echo", "POST"},          {"HEAD", "/later", "POST"},
               {"POST", "/report", "GET, HEAD"}, {"TRACE", "/report", "GET, HEAD"}, {"BREW", "/", "GET, HEAD"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    ask(&c, wrong[i].method, wrong[i].path, s.cookie, "");
    r = hear_reply_to(&c, strcmp(wrong[i].method, "HEAD") == 0);
    if (r.status == 0 || c.closed) {
      leave(&c);
      c = come(&s);
    }
    assert_int_equal(r.status, 405);
    assert_string_equal(value_of(&r, "Allow"), wrong[i].allow);
    if (strcasestr(r.head, "connection: close")) {
      leave(&c);
      c = come(&s);
    }
  }
  leave(&c);
  assert_int_equal(once(&s, "POST", "/nowhere", s.cookie, ""), 404);
  assert_int_equal(once(&s, "OPTIONS", "/nowhere", s.cookie, ""), 404);
  stop(&s);
}

static void head_is_get_without_its_body(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = come(&s);
  static const char *const paths[] = {"/", "/demo.js", "/report"};
  for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
    reply r = get(&c, paths[i], s.cookie);
    char length[16];
    snprintf(length, sizeof length, "%s", value_of(&r, "Content-Length"));
    ask(&c, "HEAD", paths[i], s.cookie, "");
    r = hear_reply_to(&c, true);
    assert_int_equal(r.status, 200);
    assert_string_equal(value_of(&r, "Content-Length"), length);
  }
  ask(&c, "HEAD", "/events", s.cookie, "");
  reply r = hear_reply_to(&c, true);
  assert_int_equal(r.status, 200);
  assert_string_equal(value_of(&r, "Content-Type"), "text/event-stream");
  assert_int_equal(pgr_http_viewers(s.http), 0);
  assert_int_equal(get(&c, "/", s.cookie).status, 200); /* nothing of a body was in between */
  leave(&c);
  stop(&s);
}

static void check_headers(const reply *r) {
  static const char *const expected[][2] = {
      {"Content-Security-Policy",
       "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri "
       "'none'; form-action 'none'; frame-ancestors 'none'"},
      {"X-Content-Type-Options", "nosniff"},
      {"Referrer-Policy", "no-referrer"},
      {"Cache-Control", "no-store"},
      {"Cross-Origin-Opener-Policy", "same-origin"},
      {"Cross-Origin-Resource-Policy", "same-origin"}};
  for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
    assert_string_equal(value_of(r, expected[i][0]), expected[i][1]);
  assert_null(value_of(r, "Access-Control-Allow-Origin"));
}

static void every_answer_keeps_browsers_strict_and_repeats_nothing(void **state) {
  (void)state;
  server s;
  start(&s);
  char headers[1024];
  snprintf(headers, sizeof headers, "%sX-Evil: zQ7zQ7\r\nReferer: http://zQ7zQ7/\r\nCookie: zQ7zQ7=zQ7zQ7\r\n",
           s.cookie);
  static const struct {
    const char *method, *path;
    bool with_session;
    int status;
  } table[] = {{"GET", "/", true, 200},        {"GET", "/?zQ7zQ7=1", true, 200},      {"GET", "/zQ7zQ7", true, 404},
               {"GET", "/zQ7zQ7", false, 403}, {"GET", "/?token=zQ7zQ7", false, 403}, {"zQ7zQ7", "/", true, 405},
               {"GET", "/report", true, 200},  {"GET", "/?token=zQ7zQ7", true, 303},  {"GET", "/events", true, 200},
               {"POST", "/echo", true, 403}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    client c = come(&s);
    ask(&c, table[i].method, table[i].path, table[i].with_session ? headers : "X-Evil: zQ7zQ7\r\n", "");
    reply r;
    hear_head(&c, &r);
    assert_int_equal(r.status, table[i].status);
    check_headers(&r);
    turns(&s);
    hear(&c);
    assert_true(!strstr(r.head, "zQ7") && !strstr(c.in, "zQ7"));
    leave(&c);
  }
  snprintf(s.host, sizeof s.host, "zQ7zQ7");
  client c = come(&s);
  reply r = get(&c, "/zQ7zQ7", headers);
  assert_int_equal(r.status, 421);
  check_headers(&r);
  assert_true(!strstr(r.head, "zQ7") && !strstr(r.body, "zQ7"));
  leave(&c);
  stop(&s);
}

/* ---- sizes and connections ---- */

static void bodies_have_a_limit(void **state) {
  (void)state;
  server s;
  start(&s);
  char body[PGR_HTTP_BODY_BYTES_MAX + 2], headers[1024], chunk[1100];
  memset(body, 'x', sizeof body);
  body[PGR_HTTP_BODY_BYTES_MAX] = '\0';
  client c = come(&s);
  reply r = post(&c, "/echo", body);
  assert_int_equal(r.status, 200);
  assert_string_equal(r.body, body);
  assert_int_equal(post(&c, "/echo", "").status, 200);
  body[PGR_HTTP_BODY_BYTES_MAX] = 'x';
  body[PGR_HTTP_BODY_BYTES_MAX + 1] = '\0';
  assert_int_equal(post(&c, "/echo", body).status, 413);
  leave(&c);
  assert_int_equal(once(&s, "POST", "/echo", call_headers(&s, SIZE_MAX), ""), 413); /* before any of it is sent */

  /* Nobody says how long it is. */
  snprintf(headers, sizeof headers,
           "%sX-Pgrace-Token: %s\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n", s.cookie,
           s.call_token);
  static const struct { int chunks, status; } table[] = {{0, 200}, {4, 200}, {5, 413}, {60, 413}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    c = come(&s);
    ask(&c, "POST", "/echo", headers, "");
    for (int k = 0; k < table[i].chunks; k++) {
      snprintf(chunk, sizeof chunk, "400\r\n%01024d\r\n", 0);
      say(&c, chunk);
    }
    say(&c, "0\r\n\r\n");
    r = hear_reply(&c);
    assert_int_equal(r.status, table[i].status);
    assert_true(r.status != 200 || r.body_bytes == (size_t)table[i].chunks * 1024);
    assert_int_equal(get(&c, "/", s.cookie).status, 200); /* its rest belonged to it */
    leave(&c);
  }
  /* One without an end is not read for ever. */
  int calls = s.calls;
  c = come(&s);
  ask(&c, "POST", "/echo", headers, "");
  for (int k = 0; k < 200 && !c.closed; k++) {
    say(&c, chunk);
    hear(&c);
  }
  assert_true(c.closed && c.in_len == 0 && s.calls == calls);
  leave(&c);
  stop(&s);
}

static void heads_have_a_limit(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = come(&s);
  say(&c, "GET / HTTP/1.1\r\nX-Long: ");
  char kilobyte[1025];
  snprintf(kilobyte, sizeof kilobyte, "%01024d", 0);
  for (int k = 0; k < 64 && !c.closed; k++) {
    say(&c, kilobyte);
    hear(&c);
  }
  reply r;
  hear_head(&c, &r);
  assert_true(r.status == 0 || r.status == 413 || r.status == 431);
  for (int i = 0; !c.closed && i < TURNS; i++) {
    turn(&s);
    hear(&c);
  }
  assert_true(c.closed);
  leave(&c);
  /* As much as other servers of this machine may have a browser send along. */
  char headers[8192];
  int n = snprintf(headers, sizeof headers, "%.*s", (int)strcspn(s.cookie, "\r"), s.cookie);
  snprintf(headers + n, sizeof headers - (size_t)n, "; other=%06000d\r\n", 0);
  assert_int_equal(once(&s, "GET", "/", headers, ""), 200);
  stop(&s);
}

static void a_body_belongs_to_a_post(void **state) {
  (void)state;
  server s;
  start(&s);
  static const char *const lengths[] = {"Content-Length: 32\r\n", "Transfer-Encoding: chunked\r\n"};
  for (size_t i = 0; i < 2; i++) {
    char headers[512];
    snprintf(headers, sizeof headers, "%s%s", s.cookie, lengths[i]);
    client c = come(&s);
    ask(&c, "GET", "/", headers, i ? "1\r\nx\r\n0\r\n\r\n" : "GET /demo.js HTTP/1.1\r\n\r\nxxxxxxx");
    reply r = hear_reply(&c);
    assert_int_equal(r.status, 400);
    for (int k = 0; !c.closed && k < TURNS; k++) {
      turn(&s);
      hear(&c);
    }
    assert_true(c.closed && c.in_len == 0);
    leave(&c);
  }
  stop(&s);
}

/* What lies in one packet is answered in order, each call with its own body. */
static void requests_in_a_row(void **state) {
  (void)state;
  server s;
  start(&s);
  char text[4096] = "";
  static const char *const bodies[] = {"{\"first\":1}", "", "GET / HTTP/1.1\r\n\r\n", "4"};
  size_t n = 0;
  for (size_t i = 0; i < 4; i++) {
    n += (size_t)snprintf(text + n, sizeof text - n, "POST /echo HTTP/1.1\r\nHost: %s\r\n%s\r\n%s", s.host,
                          call_headers(&s, strlen(bodies[i])), bodies[i]);
    n += (size_t)snprintf(text + n, sizeof text - n, "GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n", s.host, s.cookie);
  }
  for (int by_byte = 0; by_byte < 2; by_byte++) {
    client c = come(&s);
    for (size_t i = 0; by_byte && i < n; i++)
      say_bytes(&c, text + i, 1);
    if (!by_byte) say(&c, text);
    for (size_t i = 0; i < 4; i++) {
      reply r = hear_reply(&c);
      assert_int_equal(r.status, 200);
      assert_string_equal(r.body, bodies[i]);
      assert_string_equal(hear_reply(&c).body, page);
    }
    leave(&c);
  }
  stop(&s);
}

/* What is due, not that it happens: nobody wants to wait for it. */
static void whoever_says_nothing_is_not_waited_for(void **state) {
  (void)state;
  server s;
  start(&s);
  turns(&s);
  assert_int_equal(s.http->daemon_due.slot, 0); /* with nobody there, nothing is */
  client v = watching(&s);
  turns(&s);
  assert_int_equal(s.http->daemon_due.slot, 0); /* a stream may be silent */
  int64_t before_ns = pgr_now_ns();
  client c = come(&s);
  say(&c, "GET / HTTP/1.1\r\nHo");
  turns(&s);
  assert_true(s.http->daemon_due.slot > 0);
  assert_true(s.http->daemon_due.due_ns >= before_ns + 14 * PGR_NS_PER_S);
  assert_true(s.http->daemon_due.due_ns <= pgr_now_ns() + 16 * PGR_NS_PER_S);
  leave(&c);
  leave(&v);
  stop(&s);
}

static void expect_closed(client *c) {
  for (int i = 0; !c->closed && i < TURNS; i++) {
    turn(c->server);
    hear(c);
  }
  assert_true(c->closed && c->in_len == 0);
}

static void one_connection_too_many_is_closed(void **state) {
  (void)state;
  struct rlimit limit;
  assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
  server s;
  start(&s);
  static client clients[PGR_HTTP_CONNECTIONS_MAX];
  for (int i = 0; i < PGR_HTTP_CONNECTIONS_MAX; i++) {
    clients[i] = come(&s);
    turn(&s);
  }
  /* They show no session: the oldest of them gives way, and the next, whatever it has begun to say. */
  assert_int_equal(get(&clients[0], "/", s.cookie).status, 200);
  assert_int_equal(get(&clients[1], "/", "").status, 403);
  say(&clients[2], "GET / HTTP/1.1\r\nHo");
  for (int i = 1; i <= 2; i++) {
    client more = come(&s);
    assert_int_equal(get(&more, "/", s.cookie).status, 200);
    expect_closed(&clients[i]);
    leave(&clients[i]);
    clients[i] = more;
  }
  /* All are somebody's: it is one too many. */
  for (int i = 3; i < PGR_HTTP_CONNECTIONS_MAX; i++)
    assert_int_equal(get(&clients[i], "/", s.cookie).status, 200);
  client more = come(&s);
  ask(&more, "GET", "/", s.cookie, "");
  expect_closed(&more);
  leave(&more);
  assert_int_equal(get(&clients[0], "/", s.cookie).status, 200);
  leave(&clients[1]);
  turns(&s);
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 200);
  /* So many at once that nothing is closed in between. */
  static client crowd[PGR_HTTP_CONNECTIONS_MAX];
  for (int i = 0; i < PGR_HTTP_CONNECTIONS_MAX; i++)
    crowd[i] = come(&s);
  turns(&s);
  assert_true(s.http->connection_count <= PGR_HTTP_CONNECTIONS_MAX);
  for (int i = 0; i < PGR_HTTP_CONNECTIONS_MAX; i++)
    leave(&crowd[i]);
  for (int i = 0; i < PGR_HTTP_CONNECTIONS_MAX; i++)
    leave(&clients[i]);
  stop(&s);
}

/* ---- the stream ---- */

static void the_state_comes_first_then_what_happens(void **state) {
  (void)state;
  server s;
  start(&s);
  publish(&s, 1);
  publish(&s, 2);
  pgr_http_flush(s.http);
  client c = come(&s);
  watch_from(&c, NULL);
  assert_int_equal(pgr_http_viewers(s.http), 1);
  event e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, 2); /* it says all up to there */
  assert_non_null(strstr(e.data, s.call_token));
  expect_silence(&c);
  publish(&s, 3);
  expect_silence(&c); /* not flushed yet */
  publish(&s, 4);
  pgr_http_flush(s.http);
  pgr_http_flush(s.http);
  expect_moment(&c, 3);
  expect_moment(&c, 4);
  expect_silence(&c);
  publish(&s, 5);
  pgr_http_flush(s.http);
  e = next_event(&c);
  assert_int_equal(e.number, 5);
  assert_int_equal(s.states, 1);
  leave(&c);
  stop(&s);
}

static void everybody_sees_the_same(void **state) {
  (void)state;
  enum { VIEWERS = 5, EVENTS = 500 };
  server s;
  start(&s);
  client clients[VIEWERS];
  for (int i = 0; i < VIEWERS; i++)
    clients[i] = watching(&s);
  for (int k = 0; k < EVENTS; k++) {
    publish(&s, k);
    if (k % 7 == 0) pgr_http_flush(s.http);
    if (k % 3 == 0) turn(&s);
  }
  pgr_http_flush(s.http);
  for (int i = 0; i < VIEWERS; i++) {
    for (int k = 0; k < EVENTS; k++)
      expect_moment(&clients[i], k);
    expect_silence(&clients[i]);
    leave(&clients[i]);
  }
  expect_viewers(&s, 0);
  stop(&s);
}

/* A call tells everybody, and answers another one. */
static void what_a_call_does_is_seen_at_once(void **state) {
  (void)state;
  server s;
  start(&s);
  client v = watching(&s), waits = come(&s), c = come(&s);
  for (int k = 0; k < 3; k++) {
    ask(&waits, "POST", "/later", call_headers(&s, 2), "{}");
    turns(&s);
    char body[32];
    snprintf(body, sizeof body, "{\"n\":%d}", k);
    assert_int_equal(post(&c, "/tell", body).status, 204);
    expect_moment(&v, k);
    assert_int_equal(hear_reply(&waits).status, 200);
  }
  leave(&v);
  leave(&waits);
  leave(&c);
  stop(&s);
}

static void whoever_comes_back_goes_on(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = watching(&s);
  for (int k = 1; k <= 3; k++)
    publish(&s, k);
  pgr_http_flush(s.http);
  event e = next_event(&c);
  assert_int_equal(e.number, 1);
  leave(&c);
  s.states = 0;
  char id[64];
  for (int known = 0; known <= 3; known++) {
    snprintf(id, sizeof id, "%s-%d", e.run, known);
    c = come(&s);
    watch_from(&c, id);
    for (int k = known + 1; k <= 3; k++)
      expect_moment(&c, k);
    expect_silence(&c);
    leave(&c);
  }
  assert_int_equal(s.states, 0);

  char run[16];
  snprintf(run, sizeof run, "%s", e.run);
  run[0] = run[0] == '0' ? '1' : '0';
  const struct {
    const char *run, *rest;
  } unknown[] = {{e.run, "-4"},
                 {e.run, "-99999999999999999999"},
                 {e.run, "-18446744073709551617"},
                 {e.run, "--1"},
                 {e.run, "-"},
                 {e.run, ""},
                 {run, "-1"},
                 {"", "1"},
                 {e.run, "-1x"},
                 {e.run, "-+1"},
                 {"", "\xff\xfe"}};
  for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
    snprintf(id, sizeof id, "%s%s", unknown[i].run, unknown[i].rest);
    c = come(&s);
    watch_from(&c, id);
    e = next_event(&c);
    assert_string_equal(e.name, "state");
    assert_int_equal(e.number, 3);
    leave(&c);
  }
  stop(&s);
}

static void what_is_not_kept_is_told_as_the_state(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = watching(&s);
  publish(&s, 1);
  pgr_http_flush(s.http);
  event e = next_event(&c);
  leave(&c);
  for (int k = 2; k <= PGR_HTTP_EVENTS_KEPT + 1; k++)
    publish(&s, k);
  pgr_http_flush(s.http);
  /* The second event is the oldest that is kept: whoever saw the first goes on. */
  char id[64];
  snprintf(id, sizeof id, "%s-1", e.run);
  c = come(&s);
  watch_from(&c, id);
  expect_moment(&c, 2);
  leave(&c);
  publish(&s, 0);
  c = come(&s);
  watch_from(&c, id);
  e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, PGR_HTTP_EVENTS_KEPT + 2);
  leave(&c);
  stop(&s);
}

static void events_are_kept_by_their_bytes_too(void **state) {
  (void)state;
  enum { BYTES = 1 << 20 };
  server s;
  start(&s);
  client c = watching(&s);
  char *data = pgr_calloc(1, PGR_HTTP_EVENTS_BYTES_KEPT + 1);
  memset(data, 'x', PGR_HTTP_EVENTS_BYTES_KEPT);
  for (int k = 0; k < 20; k++) {
    pgr_http_publish(s.http, "moment", data, BYTES);
    assert_true(s.http->stream.kept_bytes <= PGR_HTTP_EVENTS_BYTES_KEPT);
  }
  assert_int_equal(s.http->stream.last - s.http->stream.first + 1, PGR_HTTP_EVENTS_BYTES_KEPT / BYTES - 1);
  /* One that is larger than everything: the state instead, for who was ahead and for who is behind. */
  publish(&s, 21);
  pgr_http_publish(s.http, "moment", data, PGR_HTTP_EVENTS_BYTES_KEPT);
  publish(&s, 23);
  pgr_http_flush(s.http);
  event e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, 23);
  pgr_http_publish(s.http, "moment", data, PGR_HTTP_EVENTS_BYTES_KEPT);
  pgr_http_flush(s.http);
  e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, 24);
  publish(&s, 25);
  pgr_http_flush(s.http);
  expect_moment(&c, 25);
  pgr_free(data);
  leave(&c);
  stop(&s);
}

/* It reads nothing while more is published than is kept: it loses events, whole ones, and is told the state instead. */
static void a_slow_reader_costs_nothing(void **state) {
  (void)state;
  enum { EVENTS = 3 * PGR_HTTP_EVENTS_KEPT };
  server s;
  start(&s);
  s.state_bytes = 100000; /* does not fit into the socket either */
  client c = come(&s);
  ask(&c, "GET", "/events", s.cookie, "");
  expect_viewers(&s, 1);
  for (int k = 1; k <= EVENTS; k++) {
    publish(&s, k);
    if (k % 64) continue;
    pgr_http_flush(s.http);
    turn(&s);
  }
  pgr_http_flush(s.http);
  assert_int_equal(s.http->stream.last - s.http->stream.first + 1, PGR_HTTP_EVENTS_KEPT);
  reply r;
  hear_head(&c, &r);
  assert_int_equal(r.status, 200);
  event e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, 0);
  uint64_t seen = 0;
  int states = 0;
  while (seen < EVENTS) {
    e = next_event(&c);
    if (strcmp(e.name, "state") == 0) {
      assert_true(e.number > seen);
      states++;
    } else {
      char data[64];
      snprintf(data, sizeof data, "{\"n\":%" PRIu64 "}", e.number);
      assert_string_equal(e.data, data);
      assert_int_equal(e.number, seen + 1);
    }
    seen = e.number;
  }
  assert_int_equal(states, 1);
  publish(&s, EVENTS + 1);
  pgr_http_flush(s.http);
  expect_moment(&c, EVENTS + 1);
  leave(&c);
  stop(&s);
}

/* In the midst of an event when it is dropped. */
static void an_event_is_never_cut(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = watching(&s);
  enum { BYTES = 1 << 20 };
  char *data = pgr_calloc(1, BYTES + 1);
  memset(data, 'y', BYTES);
  pgr_http_publish(s.http, "moment", data, BYTES);
  pgr_http_flush(s.http);
  turns(&s);
  for (int k = 2; k <= PGR_HTTP_EVENTS_KEPT + 5; k++)
    publish(&s, k);
  assert_true(s.http->stream.first > 1);
  pgr__stream_beat(s.http);
  size_t bytes = 0;
  char *found = NULL;
  while (!found && !c.closed) { /* it does not fit into the client's memory */
    bytes += c.text_len;
    c.text_len = 0;
    c.text[0] = '\0';
    for (int i = 0; c.text_len == 0 && i < TURNS; i++) {
      turn(&s);
      hear(&c);
      unchunk(&c);
    }
    assert_true(c.text_len > 0);
    found = strstr(c.text, "\n\nid: ");
  }
  bytes += (size_t)(found - c.text);
  assert_int_equal(bytes, BYTES + strlen("id: 01234567-1\nevent: moment\ndata: "));
  c.text_len -= (size_t)(found + 2 - c.text);
  memmove(c.text, found + 2, c.text_len + 1);
  event e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, PGR_HTTP_EVENTS_KEPT + 5);
  pgr_free(data);
  leave(&c);
  stop(&s);
}

static void whoever_leaves_is_noticed(void **state) {
  (void)state;
  server s;
  start(&s);
  client idle = watching(&s), half = watching(&s), talking = watching(&s), slow = watching(&s), stays = watching(&s);
  assert_int_equal(pgr_http_viewers(s.http), 5);
  leave(&idle);
  expect_viewers(&s, 4);
  shutdown(half.fd, SHUT_WR);
  expect_viewers(&s, 3);
  leave(&half);
  /* What it says meanwhile is for later. */
  ask(&talking, "GET", "/", s.cookie, "");
  turns(&s);
  assert_int_equal(pgr_http_viewers(s.http), 3);
  leave(&talking);
  expect_viewers(&s, 2);
  for (int k = 0; k < PGR_HTTP_EVENTS_KEPT; k++)
    publish(&s, k);
  pgr_http_flush(s.http);
  turns(&s);
  shutdown(slow.fd, SHUT_WR); /* and it reads nothing: there is no room to write into */
  expect_viewers(&s, 1);
  leave(&slow);
  expect_moment(&stays, 0);
  assert_int_equal(s.http->door.sessions[0].streams, 1);
  leave(&stays);
  expect_viewers(&s, 0);
  assert_int_equal(s.http->door.sessions[0].streams, 0);
  stop(&s);
}

static void a_sign_of_life(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = watching(&s);
  event e;
  for (int i = 0; i < 2; i++) {
    pgr__stream_beat(s.http);
    pgr__stream_beat(s.http); /* is under way already */
    assert_true(hear_event(&c, &e) && e.remark);
    assert_string_equal(e.data, ":");
    expect_silence(&c);
  }
  assert_true(s.http->stream.beats.slot > 0);
  leave(&c);
  stop(&s);
}

static void so_many_may_watch(void **state) {
  (void)state;
  server s;
  start(&s);
  static client clients[PGR_HTTP_VIEWERS_MAX];
  for (int i = 0; i < PGR_HTTP_VIEWERS_MAX; i++)
    clients[i] = watching(&s);
  assert_int_equal(pgr_http_viewers(s.http), PGR_HTTP_VIEWERS_MAX);
  client more = come(&s);
  assert_int_equal(get(&more, "/events", s.cookie).status, 503);
  publish(&s, 1);
  pgr_http_flush(s.http);
  for (int i = 0; i < PGR_HTTP_VIEWERS_MAX; i++)
    expect_moment(&clients[i], 1);
  leave(&clients[100]);
  expect_viewers(&s, PGR_HTTP_VIEWERS_MAX - 1);
  watch_from(&more, NULL);
  assert_string_equal(next_event(&more).name, "state");
  leave(&more);
  for (int i = 0; i < PGR_HTTP_VIEWERS_MAX; i++)
    leave(&clients[i]);
  expect_viewers(&s, 0);
  stop(&s);
}

/* ---- answers that come later ---- */

static void an_answer_may_come_later(void **state) {
  (void)state;
  server s;
  start(&s);
  client a = come(&s), b = come(&s);
  ask(&a, "POST", "/later", call_headers(&s, 2), "{}");
  ask(&a, "GET", "/demo.js", s.cookie, ""); /* has to wait for its turn */
  ask(&b, "GET", "/report-later", s.cookie, "");
  turns(&s);
  assert_int_equal(s.later_count, 2);
  hear(&a);
  hear(&b);
  assert_true(a.in_len == 0 && b.in_len == 0);
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 200); /* nobody else waits */
  pgr_http_answer(s.later[1], 409, "text/plain", "second", 6, NULL);
  reply r = hear_reply(&b);
  assert_int_equal(r.status, 409);
  assert_string_equal(r.body, "second");
  pgr_http_answer(s.later[0], 200, "text/plain", "first", 5, NULL);
  assert_string_equal(hear_reply(&a).body, "first");
  assert_string_equal(hear_reply(&a).body, "1;");
  leave(&a);
  leave(&b);
  stop(&s);
}

static void so_many_may_wait_for_an_answer(void **state) {
  (void)state;
  server s;
  start(&s);
  client clients[PGR_HTTP_CALLS_WAITING_MAX], more = come(&s);
  for (int i = 0; i < PGR_HTTP_CALLS_WAITING_MAX; i++) {
    clients[i] = come(&s);
    ask(&clients[i], i % 2 ? "POST" : "GET", i % 2 ? "/later" : "/report-later", i % 2 ? call_headers(&s, 2) : s.cookie,
        i % 2 ? "{}" : "");
  }
  turns(&s);
  assert_int_equal(s.later_count, PGR_HTTP_CALLS_WAITING_MAX);
  leave(&clients[0]); /* whoever has gone is still to be answered */
  turns(&s);
  assert_int_equal(get(&more, "/report-later", s.cookie).status, 429);
  assert_int_equal(post(&more, "/echo", "{}").status, 200); /* clicks go on */
  assert_int_equal(s.later_count, PGR_HTTP_CALLS_WAITING_MAX);
  pgr_http_answer(s.later[--s.later_count], 204, NULL, "", 0, NULL);
  ask(&more, "GET", "/report-later", s.cookie, "");
  turns(&s);
  assert_int_equal(s.later_count, PGR_HTTP_CALLS_WAITING_MAX);
  stop(&s);
  for (int i = 0; i < PGR_HTTP_CALLS_WAITING_MAX; i++)
    leave(&clients[i]);
  leave(&more);
}

static void an_answer_whose_client_has_gone(void **state) {
  (void)state;
  server s;
  start(&s);
  for (int i = 0; i < 3; i++) {
    client c = come(&s);
    ask(&c, "POST", "/later", call_headers(&s, 2), "{}");
    turns(&s);
    leave(&c);
    turns(&s);
  }
  assert_int_equal(s.later_count, 3);
  for (int i = 2; i >= 0; i--) {
    pgr_http_answer(s.later[i], 200, "text/plain", "late", 4, NULL);
    turns(&s);
  }
  assert_null(s.http->waiting);
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 200);
  stop(&s);
}

/* The sanitizers look. */
static void everything_open_is_closed(void **state) {
  (void)state;
  server s;
  start(&s);
  client clients[8];
  for (int i = 0; i < 8; i++)
    clients[i] = i < 4 ? watching(&s) : come(&s);
  for (int k = 0; k < PGR_HTTP_EVENTS_KEPT; k++)
    publish(&s, k);
  leave(&clients[0]);
  pgr_http_flush(s.http); /* those are resumed, and not turned */
  ask(&clients[4], "POST", "/later", call_headers(&s, 2), "{}");
  ask(&clients[5], "GET", "/report-later", s.cookie, "");
  ask(&clients[6], "POST", "/echo", call_headers(&s, 100), "{");
  say(&clients[7], "GET / HT");
  turns(&s);
  assert_int_equal(s.later_count, 2);
  clients[0] = watching(&s);
  publish(&s, 0);
  pgr_http_flush(s.http);
  pgr_http_answer(s.later[0], 200, "text/plain", "", 0, NULL); /* resumed too */
  stop(&s);
  for (int i = 0; i < 8; i++)
    leave(&clients[i]);
}

static void without_memory(void **state) {
  (void)state;
  server s;
  start(&s);
  for (unsigned long nth = 1;; nth++) {
    pgr_http *h = NULL;
    pgr_err err = {0};
    pgr_http_options options = options_of(&s);
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_http_open(&options, &h, &err);
    pgr_mem_fail_nth(0);
    if (code == PGR_OK) {
      pgr_http_close(h);
      pgr_http_destroy(h);
      assert_true(nth > 4);
      break;
    }
    assert_int_equal(code, PGR_ENOMEM);
    assert_null(h);
  }
  client c = watching(&s);
  pgr_mem_fail_nth(1);
  publish(&s, 1);
  pgr_mem_fail_nth(0);
  pgr_http_flush(s.http);
  event e = next_event(&c);
  assert_string_equal(e.name, "state");
  assert_int_equal(e.number, 1);
  publish(&s, 2);
  pgr_http_flush(s.http);
  expect_moment(&c, 2);
  leave(&c);
  /* A request that there is no memory for closes its connection. */
  static const char *const paths[] = {"/events", "/report"};
  for (size_t i = 0; i < 2; i++) {
    c = come(&s);
    turns(&s);
    pgr_mem_fail_nth(1);
    ask(&c, "GET", paths[i], s.cookie, "");
    reply r;
    hear_head(&c, &r);
    pgr_mem_fail_nth(0);
    assert_int_equal(r.status, 0);
    assert_true(c.closed);
    leave(&c);
  }
  assert_int_equal(pgr_http_viewers(s.http), 0);
  stop(&s);
}

/* ---- a port ---- */

static client connect_to(server *s, int family, const struct sockaddr *address, socklen_t length) {
  int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  assert_int_equal(connect(fd, address, length), 0);
  assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
  return with(s, fd);
}

static client come_by_port(server *s) {
  struct sockaddr_in address = {
      .sin_family = AF_INET, .sin_port = htons(pgr_http_port(s->http)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  return connect_to(s, AF_INET, (struct sockaddr *)&address, sizeof address);
}

static void over_a_port(void **state) {
  (void)state;
  server s;
  start(&s);
  client c = come_by_port(&s), v = come_by_port(&s);
  assert_string_equal(get(&c, "/", s.cookie).body, page);
  assert_int_equal(post(&c, "/echo", "{}").status, 200);
  watch_from(&v, NULL);
  assert_string_equal(next_event(&v).name, "state");
  publish(&s, 1);
  pgr_http_flush(s.http);
  expect_moment(&v, 1);
  /* It leaves without having read all: it is cut off, not closed. */
  for (int k = 2; k < PGR_HTTP_EVENTS_KEPT; k++)
    publish(&s, k);
  pgr_http_flush(s.http);
  turns(&s);
  leave(&v);
  expect_viewers(&s, 0);
  /* A body too large is answered although nobody reads it. */
  char body[PGR_HTTP_BODY_BYTES_MAX * 2];
  memset(body, 'x', sizeof body - 1);
  body[sizeof body - 1] = '\0';
  ask(&c, "POST", "/echo", call_headers(&s, sizeof body - 1), "");
  say(&c, body);
  assert_int_equal(hear_reply(&c).status, 413);
  leave(&c);
  stop(&s);
}

static void exactly_where_it_was_told(void **state) {
  (void)state;
  server s;
  start(&s);
  struct sockaddr_in elsewhere = {.sin_family = AF_INET, .sin_port = htons(pgr_http_port(s.http))};
  assert_int_equal(inet_pton(AF_INET, "127.0.0.2", &elsewhere.sin_addr), 1);
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&elsewhere, sizeof elsewhere), -1);
  close(fd);

  pgr_http *second = NULL;
  pgr_err err = {0};
  pgr_http_options options = options_of(&s);
  options.port = pgr_http_port(s.http);
  assert_int_equal(pgr_http_open(&options, &second, &err), PGR_EENVIRONMENT);
  assert_non_null(strstr(err.msg, "is taken; name another one"));
  options.address = "192.0.2.1"; /* nobody's: RFC 5737 */
  assert_int_equal(pgr_http_open(&options, &second, &err), PGR_EENVIRONMENT);
  assert_non_null(strstr(err.msg, "192.0.2.1"));
  options.address = "localhost";
  assert_int_equal(pgr_http_open(&options, &second, &err), PGR_EUSAGE);
  assert_null(second);

  /* At once again, although connections of the one before have not been forgotten yet. */
  client c = come_by_port(&s);
  assert_int_equal(get(&c, "/", s.cookie).status, 200);
  options = options_of(&s);
  options.port = pgr_http_port(s.http);
  pgr_http_close(s.http);
  pgr_http_destroy(s.http);
  assert_int_equal(pgr_http_open(&options, &s.http, &err), PGR_OK);
  leave(&c);
  assert_int_equal(once(&s, "GET", "/", s.cookie, ""), 403); /* a session of the one before */
  stop(&s);
}

static void over_ipv6(void **state) {
  (void)state;
  server s = {0};
  assert_int_equal(pgr_loop_create(&s.loop, NULL), PGR_OK);
  pgr_http_options options = options_of(&s);
  options.address = "::1";
  if (pgr_http_open(&options, &s.http, NULL)) {
    pgr_loop_finish(s.loop);
    pgr_loop_join(s.loop);
    pgr_loop_destroy(s.loop);
    skip(); /* this machine has none */
  }
  snprintf(s.host, sizeof s.host, "[::1]:%u", pgr_http_port(s.http));
  assert_non_null(strstr(link_of(&s, true), s.host));
  struct sockaddr_in6 address = {
      .sin6_family = AF_INET6, .sin6_port = htons(pgr_http_port(s.http)), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  client c = connect_to(&s, AF_INET6, (struct sockaddr *)&address, sizeof address);
  reply r = get(&c, link_of(&s, false), "");
  assert_int_equal(r.status, 303);
  leave(&c);
  stop(&s);
}

static void links_fail_without_memory(void **state) {
  (void)state;
  server s;
  start(&s);
  pgr_buf out;
  pgr_buf_init(&out, 8);
  pgr_http_link(s.http, &out);
  assert_true(out.failed);
  pgr_buf_deinit(&out);
  stop(&s);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_link_works_once),
      cmocka_unit_test(somebody_known_uses_a_link_up_too),
      cmocka_unit_test(asking_for_the_head_uses_no_link_up),
      cmocka_unit_test(sixteen_links_are_good),
      cmocka_unit_test(without_a_session_there_is_nothing),
      cmocka_unit_test(host_names_this_server),
      cmocka_unit_test(names_by_address),
      cmocka_unit_test(origin_is_this_server),
      cmocka_unit_test(other_pages_get_the_page_alone),
      cmocka_unit_test(a_call_wants_its_token_and_type),
      cmocka_unit_test(at_most_so_many_calls_a_second),
      cmocka_unit_test(the_session_idle_for_longest_goes),
      cmocka_unit_test(paths_and_methods),
      cmocka_unit_test(head_is_get_without_its_body),
      cmocka_unit_test(every_answer_keeps_browsers_strict_and_repeats_nothing),
      cmocka_unit_test(bodies_have_a_limit),
      cmocka_unit_test(heads_have_a_limit),
      cmocka_unit_test(a_body_belongs_to_a_post),
      cmocka_unit_test(requests_in_a_row),
      cmocka_unit_test(whoever_says_nothing_is_not_waited_for),
      cmocka_unit_test(one_connection_too_many_is_closed),
      cmocka_unit_test(the_state_comes_first_then_what_happens),
      cmocka_unit_test(everybody_sees_the_same),
      cmocka_unit_test(what_a_call_does_is_seen_at_once),
      cmocka_unit_test(whoever_comes_back_goes_on),
      cmocka_unit_test(what_is_not_kept_is_told_as_the_state),
      cmocka_unit_test(events_are_kept_by_their_bytes_too),
      cmocka_unit_test(a_slow_reader_costs_nothing),
      cmocka_unit_test(an_event_is_never_cut),
      cmocka_unit_test(whoever_leaves_is_noticed),
      cmocka_unit_test(a_sign_of_life),
      cmocka_unit_test(so_many_may_watch),
      cmocka_unit_test(an_answer_may_come_later),
      cmocka_unit_test(so_many_may_wait_for_an_answer),
      cmocka_unit_test(an_answer_whose_client_has_gone),
      cmocka_unit_test(everything_open_is_closed),
      cmocka_unit_test(without_memory),
      cmocka_unit_test(over_a_port),
      cmocka_unit_test(exactly_where_it_was_told),
      cmocka_unit_test(over_ipv6),
      cmocka_unit_test(links_fail_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
