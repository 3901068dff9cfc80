/* The server on a loop that the test turns, with real sockets: pairs, and a port of the loopback. */
#include "pgr_http_test.h"

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
  assert_string_equal(err.msg, "cannot listen on 192.0.2.1: this machine does not have that address");
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
      cmocka_unit_test(paths_and_methods),
      cmocka_unit_test(head_is_get_without_its_body),
      cmocka_unit_test(every_answer_keeps_browsers_strict_and_repeats_nothing),
      cmocka_unit_test(bodies_have_a_limit),
      cmocka_unit_test(heads_have_a_limit),
      cmocka_unit_test(a_body_belongs_to_a_post),
      cmocka_unit_test(requests_in_a_row),
      cmocka_unit_test(whoever_says_nothing_is_not_waited_for),
      cmocka_unit_test(one_connection_too_many_is_closed),
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
