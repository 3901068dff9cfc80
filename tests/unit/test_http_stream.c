/* The stream of events: everybody is told the same, in order, however slow and whenever he comes back. */
#include "pgr_http_test.h"

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

int main(void) {
  signal(SIGPIPE, SIG_IGN);
  const struct CMUnitTest tests[] = {
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
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
