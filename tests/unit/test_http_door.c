/* Who may: links, sessions, tokens, Host and Origin. */
#include "pgr_http_test.h"

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
  snprintf(headers, sizeof headers, "%s%s%.500s", token, token, call_headers(&s, 2));
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
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
