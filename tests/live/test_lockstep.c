/* Lockstep against a real server: who waits is said to wait, who does not is waited for. Nothing here has to be fast,
 * but for two blocks of a deadlock whose deadlock_timeout is a second. */
#include "pgr_live.h"
#include "pgr_seats.h"

#include "pgr_random.h"
#include <pthread.h>
#include <stdlib.h>

enum { A, B, C, D };
enum { LOCK = 1, UNLOCK, NUMBER, DIVIDE, TAKE };

static const char *const control_statements[] = {PGR_LOCKSTEP_ASK,
                                                 "SELECT pg_advisory_lock($1::bigint)",
                                                 "SELECT pg_advisory_unlock($1::bigint)",
                                                 "SELECT $1::int",
                                                 "SELECT 1 / $1::int",
                                                 "SELECT n FROM item WHERE id = $1::int FOR UPDATE"};
static const pgr_session control_session = {"", control_statements, 6};
static const pgr_lockstep_options defaults = {.patience_ns = 2 * PGR_NS_PER_MS, .deadlock_ns = PGR_NS_PER_S};

/* ---- helpers ---- */

static void open_seats_with(room *r, fixture *f, int count, const char *setup, pgr_lockstep_options o,
                            const pgr_session *control) {
  pgr_err err;
  must(pgr_db_exec(f->db,
                   "SET client_min_messages = warning; DROP TABLE IF EXISTS item;"
                   " CREATE TABLE item (id int PRIMARY KEY, n int DEFAULT 0) WITH (autovacuum_enabled = off);"
                   " INSERT INTO item SELECT generate_series(1, 9)",
                   &err),
       &err);
  must(room_open(r, f->target, count, setup, NULL, 0, control, o, &err), &err);
}

static void open_seats(room *r, fixture *f, int count, const char *setup, pgr_lockstep_options o) {
  open_seats_with(r, f, count, setup, o, &control_session);
}

static void say(room *r, int i, const char *sql) {
  seat *s = &r->seats[i];
  assert_false(pgr_conn_busy(s->conn));
  *s->sqlstate = *s->value = '\0';
  pgr_conn_query(s->conn, sql);
}

static pgr_settled settle(room *r, bool expects_lock) {
  pgr_settled settled;
  pgr_err err;
  must(pgr_lockstep_settle(r->l, expects_lock, &settled, &err), &err);
  for (int i = 0; i < r->count; i++)
    assert_int_equal(pgr_conn_busy(r->conns[i]), settled.blocked >> i & 1);
  assert_false(pgr_conn_busy(r->control));
  return settled;
}

static pgr_settled step(room *r, int i, const char *sql) {
  say(r, i, sql);
  return settle(r, true);
}

/* Ends what it does, and succeeds. */
static void does(room *r, int i, const char *sql) {
  pgr_settled s = step(r, i, sql);
  assert_false(s.blocked >> i & 1);
  assert_string_equal(r->seats[i].sqlstate, "");
}

static uint32_t bit(int i) {
  return UINT32_C(1) << i;
}

#define TAKES(id) "SELECT n FROM item WHERE id = " #id " FOR UPDATE"
#define BEGINS_AND_TAKES(id) "BEGIN; " TAKES(id)

/* Does something on another connection, later. */
typedef struct later {
  pthread_t thread;
  fixture *f;
  const char *sql;
  atomic_bool *flag;
  int64_t after_ns;
  pgr_code code;
} later;

static void *run_later(void *arg) {
  later *l = arg;
  pgr_err err;
  pgr_sleep_until(pgr_now_ns() + l->after_ns);
  if (l->sql) l->code = pgr_db_exec(l->f->db, l->sql, &err);
  if (l->flag) atomic_store(l->flag, true);
  return NULL;
}

static void start_later(later *l) {
  assert_int_equal(pthread_create(&l->thread, NULL, run_later, l), 0);
}

static void join_later(later *l) {
  pthread_join(l->thread, NULL);
  assert_int_equal(l->code, PGR_OK);
}

/* ---- settling ---- */

static void nothing_blocks(void **state) {
  room r;
  open_seats(&r, *state, 3, "", defaults);
  for (int expects = 0; expects < 2; expects++) {
    for (int i = 0; i < 3; i++)
      say(&r, i, i == 1 ? "SELECT pid FROM pg_stat_activity WHERE pid = pg_backend_pid()" : "SELECT 42");
    pgr_settled s = settle(&r, expects);
    assert_int_equal(s.blocked, 0);
    assert_int_equal(s.cancelled, 0);
    assert_false(s.ambiguous);
    assert_string_equal(r.seats[A].value, "42");
    assert_int_equal(strtol(r.seats[B].value, NULL, 10), pgr_conn_pid(r.conns[B]));
    assert_int_equal(r.seats[C].done, expects + 1);
  }
  assert_int_equal(settle(&r, true).blocked, 0); /* nothing is in flight at all */
  room_close(&r);
}

static void a_commit_ends_a_wait(void **state) {
  room r;
  open_seats(&r, *state, 3, "", defaults);
  for (int expects = 0; expects < 2; expects++) {
    does(&r, A, BEGINS_AND_TAKES(1));
    say(&r, B, TAKES(1));
    pgr_settled s = settle(&r, expects);
    assert_int_equal(s.blocked, bit(B));
    assert_int_equal(s.blockers[B], bit(A));
    s = step(&r, C, "SELECT 1"); /* what others do does not hide it */
    assert_int_equal(s.blocked, bit(B));
    assert_int_equal(s.blockers[B], bit(A));
    say(&r, A, "UPDATE item SET n = n + 1 WHERE id = 1");
    assert_int_equal(settle(&r, expects).blocked, bit(B));
    say(&r, A, "COMMIT");
    assert_int_equal(settle(&r, expects).blocked, 0);
    assert_int_equal(r.seats[B].done, expects + 1);
    assert_string_equal(r.seats[B].value, expects ? "2" : "1");
  }
  room_close(&r);
}

static void a_commit_hands_a_wait_on(void **state) {
  room r;
  open_seats(&r, *state, 4, "", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  does(&r, C, BEGINS_AND_TAKES(2));
  pgr_settled s = step(&r, B, BEGINS_AND_TAKES(1) ";" TAKES(2));
  assert_int_equal(s.blocked, bit(B));
  assert_int_equal(s.blockers[B], bit(A));
  s = step(&r, D, TAKES(1)); /* behind B */
  assert_int_equal(s.blocked, bit(B) | bit(D));
  s = step(&r, A, "COMMIT");
  assert_int_equal(s.blocked, bit(B) | bit(D));
  assert_int_equal(s.blockers[B], bit(C));
  assert_int_equal(s.blockers[D], bit(B));
  s = step(&r, C, "COMMIT");
  assert_int_equal(s.blocked, bit(D));
  assert_int_equal(r.seats[B].done, 1);
  assert_int_equal(step(&r, B, "COMMIT").blocked, 0);
  assert_int_equal(r.seats[D].done, 1);
  room_close(&r);
}

/* A statement may let others go in its middle and then wait itself. */
static void who_waits_may_have_let_go_before(void **state) {
  room r;
  open_seats(&r, *state, 3, "", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  does(&r, C, BEGINS_AND_TAKES(2));
  assert_int_equal(step(&r, B, TAKES(1)).blocked, bit(B));
  pgr_settled s = step(&r, A, "COMMIT; " TAKES(2));
  assert_int_equal(s.blocked, bit(A));
  assert_int_equal(s.blockers[A], bit(C));
  assert_int_equal(r.seats[B].done, 1);
  assert_int_equal(step(&r, C, "COMMIT").blocked, 0);
  room_close(&r);
}

static void what_is_slow_is_not_blocked(void **state) {
  room r;
  open_seats(&r, *state, 2, "", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  assert_int_equal(step(&r, B, "SELECT pg_sleep(0.05), 7").blocked, 0);
  assert_int_equal(r.seats[B].done, 1);
  /* Whoever waits for somebody who runs has not come to rest. */
  say(&r, A, "SELECT pg_sleep(0.05); COMMIT");
  say(&r, B, TAKES(1));
  assert_int_equal(settle(&r, true).blocked, 0);
  assert_int_equal(r.seats[B].done, 2);
  room_close(&r);
}

static void foreign_locks_are_waited_for(void **state) {
  fixture *f = *state;
  room r;
  pgr_err err;
  open_seats(&r, f, 2, "", defaults);
  must(pgr_db_exec(f->db, BEGINS_AND_TAKES(1), &err), &err);
  later commit = {.f = f, .sql = "COMMIT", .after_ns = 50 * PGR_NS_PER_MS};
  start_later(&commit);
  assert_int_equal(step(&r, A, TAKES(1)).blocked, 0);
  assert_int_equal(r.seats[A].done, 1);
  join_later(&commit);
  /* Of ours and of others: ours counts. */
  must(pgr_db_exec(f->db, "BEGIN; LOCK TABLE item IN SHARE MODE", &err), &err);
  does(&r, A, "BEGIN; LOCK TABLE item IN SHARE MODE");
  pgr_settled s = step(&r, B, "UPDATE item SET n = 1 WHERE id = 1");
  assert_int_equal(s.blocked, bit(B));
  assert_int_equal(s.blockers[B], bit(A));
  start_later(&commit);
  assert_int_equal(step(&r, A, "COMMIT").blocked, 0);
  join_later(&commit);
  room_close(&r);
}

static void control_holds_yield_points(void **state) {
  room r;
  pgr_err err;
  const char *key[] = {"17"};
  open_seats(&r, *state, 2, "", defaults);
  for (int i = 0; i < 3; i++) {
    must(pgr_lockstep_control(r.l, LOCK, 1, key, NULL, NULL, &err), &err);
    pgr_settled s = step(&r, A, "SELECT pg_advisory_xact_lock_shared(17), 'through'");
    assert_int_equal(s.blocked, bit(A));
    assert_int_equal(s.blockers[A], PGR_SEAT_CONTROL);
    does(&r, B, "SELECT 1");
    must(pgr_lockstep_control(r.l, UNLOCK, 1, key, NULL, NULL, &err), &err);
    assert_int_equal(settle(&r, false).blocked, 0);
    assert_int_equal(r.seats[A].done, i + 1);
  }
  room_close(&r);
}

/* A reader that waits for a safe snapshot waits for no lock. */
static void deferrable_readers_wait(void **state) {
  room r;
  open_seats(&r, *state, 2, "SET default_transaction_isolation = serializable", defaults);
  does(&r, A, "BEGIN; UPDATE item SET n = 1 WHERE id = 1");
  pgr_settled s = step(&r, B, "BEGIN READ ONLY DEFERRABLE; SELECT n FROM item WHERE id = 1");
  assert_int_equal(s.blocked, bit(B));
  assert_int_equal(s.blockers[B], bit(A));
  assert_int_equal(step(&r, A, "COMMIT").blocked, 0);
  room_close(&r);
}

/* After each that it looks at, this question takes a while: time for things to happen behind its back. */
static const char *const slow_question[] = {
    "SELECT p, b FROM (SELECT p, pg_blocking_pids(p) AS b, pg_sleep(0.05) FROM unnest($1::int[]) AS p OFFSET 0) AS x"
    " WHERE b <> '{}'"};
static const pgr_session slow_control = {"", slow_question, 1};

/* Sends it and lets it begin to wait. On a machine that is too slow the next two tests show less, and do not fail. */
static void say_and_pause(room *r, int i, const char *sql) {
  say(r, i, sql);
  pgr_sleep_until(pgr_now_ns() + 10 * PGR_NS_PER_MS);
}

static void an_answer_about_what_was_is_thrown_away(void **state) {
  room r;
  open_seats_with(&r, *state, 3, "", defaults, &slow_control);
  does(&r, A, BEGINS_AND_TAKES(1));
  does(&r, B, "BEGIN; SET LOCAL lock_timeout = '145ms';" TAKES(2));
  say_and_pause(&r, B, TAKES(1));
  settle(&r, true);
  /* Once both were seen to wait B gives up, and C goes on. */
  say_and_pause(&r, C, TAKES(2) "; SELECT pg_sleep(0.3)");
  assert_int_equal(settle(&r, true).blocked, 0);
  assert_int_equal(r.seats[C].done, 1);
  assert_string_equal(r.seats[B].sqlstate, "55P03");
  room_close(&r);
}

static void an_answer_in_which_two_moved_is_not_believed(void **state) {
  room r;
  open_seats_with(&r, *state, 3, "", defaults, &slow_control);
  does(&r, C, BEGINS_AND_TAKES(2));
  does(&r, B, BEGINS_AND_TAKES(1));
  say_and_pause(&r, A, TAKES(1) "; SELECT pg_sleep(0.3)");
  say(&r, B, "SELECT pg_sleep(0.02); COMMIT; " TAKES(2));
  /* B lets A go after A was seen to wait, and then is seen to wait itself. */
  assert_int_equal(settle(&r, true).blocked, bit(B));
  assert_int_equal(r.seats[A].done, 1);
  room_close(&r);
}

/* ---- time ---- */

static void a_statement_that_never_ends_is_cancelled(void **state) {
  fixture *f = *state;
  room r;
  pgr_err err;
  pgr_lockstep_options o = defaults;
  o.timeout_ns = 300 * PGR_NS_PER_MS;
  open_seats(&r, f, 3, "", o);
  does(&r, A, BEGINS_AND_TAKES(1));
  assert_int_equal(step(&r, B, TAKES(1)).blocked, bit(B));
  pgr_settled s = step(&r, C, "SELECT pg_sleep(3600)");
  assert_int_equal(s.cancelled, bit(C));
  assert_string_equal(r.seats[C].sqlstate, "57014");
  assert_int_equal(s.blocked, bit(B)); /* that is its right */
  s = step(&r, C, "SELECT 5");
  assert_int_equal(s.cancelled, 0);
  assert_string_equal(r.seats[C].value, "5");
  /* What a lock of somebody else holds up is no better. */
  must(pgr_db_exec(f->db, BEGINS_AND_TAKES(2), &err), &err);
  assert_int_equal(step(&r, C, TAKES(2)).cancelled, bit(C));
  must(pgr_db_exec(f->db, "COMMIT", &err), &err);
  assert_int_equal(step(&r, A, "COMMIT").blocked, 0);
  room_close(&r);
}

static void time_ends_a_wait(void **state) {
  room r;
  pgr_settled s;
  pgr_err err;
  open_seats(&r, *state, 3, "", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  does(&r, B, "BEGIN; SET lock_timeout = '200ms';" TAKES(2));
  assert_int_equal(step(&r, C, TAKES(2)).blocked, bit(C));
  /* Not the seat's own end alone is waited for: what it lets go ends too. */
  say(&r, B, TAKES(1));
  s = settle(&r, true);
  if (s.blocked & bit(B)) must(pgr_lockstep_wait(r.l, B, 3600 * PGR_NS_PER_S, &s, &err), &err);
  assert_int_equal(s.blocked, 0);
  assert_string_equal(r.seats[B].sqlstate, "55P03");
  assert_int_equal(r.seats[C].done, 1);
  /* … and no longer than it is told to. */
  does(&r, B, "ROLLBACK");
  assert_int_equal(step(&r, C, TAKES(1)).blocked, bit(C));
  must(pgr_lockstep_wait(r.l, C, 20 * PGR_NS_PER_MS, &s, &err), &err);
  assert_int_equal(s.blocked, bit(C));
  assert_int_equal(s.blockers[C], bit(A));
  assert_int_equal(step(&r, A, "COMMIT").blocked, 0);
  room_close(&r);
}

static void the_user_stops(void **state) {
  room r;
  pgr_settled s;
  pgr_err err;
  const char *id[] = {"1"};
  atomic_bool stop = false;
  pgr_lockstep_options o = defaults;
  o.stop = &stop;
  open_seats(&r, *state, 2, "", o);
  does(&r, A, BEGINS_AND_TAKES(1));
  say(&r, B, "SELECT pg_sleep(3600)");
  later set = {.flag = &stop, .after_ns = 20 * PGR_NS_PER_MS};
  start_later(&set);
  assert_int_equal(pgr_lockstep_settle(r.l, true, &s, &err), PGR_EINTERRUPTED);
  join_later(&set);
  assert_int_equal(pgr_lockstep_settle(r.l, false, &s, &err), PGR_EINTERRUPTED);
  assert_false(pgr_conn_busy(r.control));
  /* What takes no time is still done; what a seat holds up is not waited for. */
  must(pgr_lockstep_control(r.l, NUMBER, 1, id, NULL, NULL, &err), &err);
  assert_int_equal(pgr_lockstep_control(r.l, TAKE, 1, id, NULL, NULL, &err), PGR_EINTERRUPTED);
  assert_false(pgr_conn_busy(r.control));
  room_close(&r);
}

/* ---- deadlocks ---- */

/* count seats each hold a row and want the next one's; the last closes the circle. Returns who was ended. */
static int run_circle(room *r, int count, bool hold, bool *ambiguous) {
  static const char *const own[] = {BEGINS_AND_TAKES(1), BEGINS_AND_TAKES(2), BEGINS_AND_TAKES(3)}, *const wanted[] = {
                                                                                                        TAKES(1),
                                                                                                        TAKES(2),
                                                                                                        TAKES(3)};
  int victim = -1;
  pgr_settled s = {0};
  for (int i = 0; i < count; i++)
    does(r, i, own[i]);
  for (int i = 0; i < count; i++) {
    if (hold && i == count - 1) pgr_lockstep_hold(r->l);
    s = step(r, i, wanted[(i + 1) % count]);
    if (i < count - 1) {
      assert_int_equal(s.blocked, bit(i + 1) - 1);
      assert_false(s.ambiguous);
    }
  }
  *ambiguous = s.ambiguous;
  for (int i = 0; i < count; i++) {
    if (strcmp(r->seats[i].sqlstate, "40P01") != 0) continue;
    assert_int_equal(victim, -1);
    victim = i;
  }
  assert_true(victim >= 0);
  /* Whoever waited for the victim has gone on; the others wait for those who did. */
  uint32_t blocked = 0;
  for (int k = 2; k < count; k++)
    blocked |= bit((victim + count - k) % count);
  assert_int_equal(s.blocked, blocked);
  for (int k = 0; k < count; k++)
    does(r, (victim + count - k) % count, "ROLLBACK");
  return victim;
}

static void a_deadlock_is_waited_for(void **state) {
  for (int count = 2; count <= 3; count++) {
    room r;
    bool ambiguous;
    pgr_lockstep_options o = defaults;
    o.awaits_deadlocks = true;
    open_seats(&r, *state, count, "SET deadlock_timeout = '1s'", o);
    run_circle(&r, count, false, &ambiguous);
    assert_true(ambiguous);
    room_close(&r);
  }
}

/* Who closes the circle is ended, whenever the answer calls it certain; and mostly it does. */
static void who_closes_a_circle_after_holding_is_ended(void **state) {
  for (int count = 2; count <= 3; count++) {
    room r;
    pgr_lockstep_options o = defaults;
    o.awaits_deadlocks = true;
    o.deadlock_ns = 3 * PGR_NS_PER_MS;
    open_seats(&r, *state, count, "SET deadlock_timeout = '3ms'", o);
    int certain = 0;
    for (int i = 0; i < 200 && certain < 20; i++) {
      bool ambiguous;
      int victim = run_circle(&r, count, true, &ambiguous);
      if (ambiguous) continue; /* a server process was kept from running for a while */
      assert_int_equal(victim, count - 1);
      certain++;
    }
    assert_int_equal(certain, 20);
    room_close(&r);
  }
}

/* The server ends one while it is being asked about all: an answer about what was is thrown away. */
static void many_deadlocks_end_as_they_must(void **state) {
  room r;
  bool ambiguous;
  pgr_lockstep_options o = defaults;
  o.awaits_deadlocks = true;
  o.deadlock_ns = PGR_NS_PER_MS;
  open_seats(&r, *state, 3, "SET deadlock_timeout = '1ms'", o);
  for (int i = 0; i < 200; i++)
    run_circle(&r, 3, false, &ambiguous);
  room_close(&r);
}

/* Where deadlocks are not awaited all are blocked, and their time comes later. */
static void a_deadlock_may_be_left_to_itself(void **state) {
  room r;
  pgr_settled s;
  pgr_err err;
  open_seats(&r, *state, 2, "SET deadlock_timeout = '1s'", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  does(&r, B, BEGINS_AND_TAKES(2));
  assert_int_equal(step(&r, A, TAKES(2)).blocked, bit(A));
  s = step(&r, B, TAKES(1));
  assert_int_equal(s.blocked, bit(A) | bit(B));
  assert_int_equal(s.blockers[A], bit(B));
  assert_int_equal(s.blockers[B], bit(A));
  must(pgr_lockstep_wait(r.l, A, 3600 * PGR_NS_PER_S, &s, &err), &err);
  assert_int_equal(s.blocked, 0);
  assert_true(s.ambiguous);
  assert_true((strcmp(r.seats[A].sqlstate, "40P01") == 0) != (strcmp(r.seats[B].sqlstate, "40P01") == 0));
  room_close(&r);
}

/* The server does not see a circle that goes through a wait for a safe snapshot. */
static void a_circle_the_server_does_not_see_is_cancelled(void **state) {
  room r;
  pgr_lockstep_options o = defaults;
  o.awaits_deadlocks = true;
  o.timeout_ns = 300 * PGR_NS_PER_MS;
  open_seats(&r, *state, 2, "SET default_transaction_isolation = serializable; SET deadlock_timeout = '1ms'", o);
  does(&r, A, "BEGIN; UPDATE item SET n = 1 WHERE id = 1");
  does(&r, B, "BEGIN READ ONLY DEFERRABLE; LOCK TABLE item IN ACCESS SHARE MODE");
  pgr_settled s = step(&r, B, "SELECT n FROM item WHERE id = 1");
  assert_int_equal(s.blocked, bit(B));
  assert_int_equal(s.blockers[B], bit(A));
  s = step(&r, A, "LOCK TABLE item IN ACCESS EXCLUSIVE MODE");
  assert_int_equal(s.cancelled, bit(A)); /* who closed it */
  assert_int_equal(s.blocked, 0);
  room_close(&r);
}

/* ---- connections ---- */

static void a_lost_connection_is_an_error(void **state) {
  fixture *f = *state;
  room r;
  pgr_settled s;
  pgr_err err;
  char sql[64];
  open_seats(&r, f, 2, "", defaults);
  snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d)", pgr_conn_pid(r.conns[B]));
  later kill = {.f = f, .sql = sql, .after_ns = 20 * PGR_NS_PER_MS};
  say(&r, B, "SELECT pg_sleep(3600)");
  start_later(&kill);
  assert_int_equal(pgr_lockstep_settle(r.l, true, &s, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "session 2"));
  join_later(&kill);
  assert_int_equal(r.seats[B].lost, 1);
  assert_int_equal(r.failures, 1);
  assert_int_equal(pgr_conn_pid(r.conns[B]), 0);
  assert_false(pgr_conn_busy(r.control));
  assert_int_equal(pgr_lockstep_settle(r.l, true, &s, &err), PGR_EDATABASE);
  room_close(&r);
}

static void a_lost_control_connection_is_an_error(void **state) {
  fixture *f = *state;
  room r;
  pgr_settled s;
  pgr_err err;
  char sql[64];
  const char *id[] = {"1"};
  open_seats(&r, f, 1, "", defaults);
  snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 10000)", pgr_conn_pid(r.control));
  must(pgr_db_exec(f->db, sql, &err), &err);
  say(&r, A, "SELECT pg_sleep(0.05)");
  assert_int_equal(pgr_lockstep_settle(r.l, true, &s, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "control"));
  assert_int_equal(pgr_lockstep_control(r.l, NUMBER, 1, id, NULL, NULL, &err), PGR_EDATABASE);
  room_close(&r);
}

/* A seat may get a new connection between two settlings. */
static void a_new_connection_is_asked_about(void **state) {
  fixture *f = *state;
  room r;
  open_seats(&r, f, 2, "", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  does(&r, B, "BEGIN");
  int ready = r.ready;
  pgr_conn_close(r.conns[B]);
  pgr_conn_open(r.conns[B], 0);
  while (r.ready == ready)
    pgr_loop_turn(r.loop, true);
  pgr_conn_hold(r.conns[B], &r.seats[B].holder);
  assert_int_equal(settle(&r, true).blocked, 0);
  pgr_settled s = step(&r, B, TAKES(1));
  assert_int_equal(s.blocked, bit(B));
  assert_int_equal(s.blockers[B], bit(A));
  room_close(&r);
}

typedef struct ear {
  pgr_conn_ear ear;
  const seat *seat;
  int notices, notifications;
  unsigned done_before; /* statements that were over when it was notified */
  char heard[64];
} ear;

static void hear_notice(pgr_conn_ear *e, const PGresult *notice) {
  ear *own = (ear *)e;
  own->notices++;
  snprintf(own->heard, sizeof own->heard, "%s", PQresultErrorField(notice, PG_DIAG_MESSAGE_PRIMARY));
}

static void hear_notification(pgr_conn_ear *e, const PGnotify *n) {
  ear *own = (ear *)e;
  own->notifications++;
  own->done_before = own->seat->done;
  snprintf(own->heard, sizeof own->heard, "%s %s", n->relname, n->extra);
}

static void notices_and_notifications_are_heard(void **state) {
  room r;
  open_seats(&r, *state, 2, "", defaults);
  ear e = {.ear = {hear_notice, hear_notification}, .seat = &r.seats[A]};
  does(&r, A, "DO $$ BEGIN RAISE NOTICE 'dropped'; END $$");
  pgr_conn_listen(r.conns[A], &e.ear);
  does(&r, A, "DO $$ BEGIN RAISE NOTICE 'one'; RAISE NOTICE 'two'; END $$");
  assert_int_equal(e.notices, 2);
  assert_string_equal(e.heard, "two");
  does(&r, A, "LISTEN news; NOTIFY news, 'own'");
  assert_int_equal(e.notifications, 1);
  assert_int_equal(e.done_before, 2);
  assert_string_equal(e.heard, "news own");
  does(&r, B, "NOTIFY news, 'other'");
  does(&r, A, "SELECT 1"); /* at the latest now */
  assert_int_equal(e.notifications, 2);
  assert_string_equal(e.heard, "news other");
  pgr_conn_listen(r.conns[A], NULL);
  does(&r, A, "NOTIFY news, 'dropped'");
  assert_int_equal(e.notifications, 2);
  room_close(&r);
}

/* ---- the control connection ---- */

typedef struct answers {
  int count, index[8];
  char value[8][16];
} answers;

static void on_batch_result(void *user, int index, const PGresult *r) {
  answers *a = user;
  a->index[a->count] = index;
  snprintf(a->value[a->count++], sizeof a->value[0], "%s", PQgetvalue(r, 0, 0));
}

static void on_single_result(void *user, const PGresult *r) {
  on_batch_result(user, -1, r);
}

static void control_runs_statements(void **state) {
  room r;
  pgr_err err;
  const char *one[] = {"1"}, *zero[] = {"0"}, *seven[] = {"7"};
  open_seats(&r, *state, 1, "", defaults);
  does(&r, A, BEGINS_AND_TAKES(1));
  answers a = {0};
  must(pgr_lockstep_control(r.l, NUMBER, 1, seven, on_single_result, &a, &err), &err);
  assert_int_equal(a.count, 1);
  assert_string_equal(a.value[0], "7");
  assert_int_equal(pgr_lockstep_control(r.l, DIVIDE, 1, zero, on_single_result, &a, &err), PGR_EDATABASE);
  assert_string_equal(err.msg, "division by zero");
  assert_int_equal(a.count, 1);
  must(pgr_lockstep_control(r.l, DIVIDE, 1, one, NULL, NULL, &err), &err);
  a = (answers){0};
  const pgr_control_statement good[] = {{NUMBER, 1, seven}, {DIVIDE, 1, one}, {NUMBER, 1, one}};
  must(pgr_lockstep_batch(r.l, good, 3, on_batch_result, &a, &err), &err);
  assert_int_equal(a.count, 3);
  for (int i = 0; i < 3; i++)
    assert_int_equal(a.index[i], i);
  assert_string_equal(a.value[0], "7");
  a = (answers){0};
  const pgr_control_statement bad[] = {{NUMBER, 1, seven}, {DIVIDE, 1, zero}, {NUMBER, 1, one}};
  assert_int_equal(pgr_lockstep_batch(r.l, bad, 3, on_batch_result, &a, &err), PGR_EDATABASE);
  assert_string_equal(err.msg, "division by zero");
  assert_int_equal(a.count, 1);
  must(pgr_lockstep_batch(r.l, good, 0, NULL, NULL, &err), &err);
  must(pgr_lockstep_batch(r.l, good, 3, NULL, NULL, &err), &err);
  assert_int_equal(settle(&r, true).blocked, 0);
  room_close(&r);
}

/* Whoever holds the control connection holds it again, and may use it. */
static void control_is_given_back(void **state) {
  room r;
  pgr_err err;
  const char *one[] = {"1"};
  open_seats(&r, *state, 1, "", defaults);
  seat own = {.holder = {seat_result, seat_done, seat_lost}};
  pgr_conn_hold(r.control, &own.holder);
  does(&r, A, "SELECT 1");
  must(pgr_lockstep_control(r.l, NUMBER, 1, one, NULL, NULL, &err), &err);
  assert_int_equal(own.done, 0);
  pgr_conn_query(r.control, "SELECT 12");
  while (!own.done)
    pgr_loop_turn(r.loop, true);
  assert_string_equal(own.value, "12");
  room_close(&r);
}

/* A seat's lock holds up a statement of the control connection. */
static void control_does_not_wait_for_ever(void **state) {
  room r;
  pgr_err err;
  const char *one[] = {"1"};
  pgr_lockstep_options o = defaults;
  o.timeout_ns = 300 * PGR_NS_PER_MS;
  open_seats(&r, *state, 1, "", o);
  does(&r, A, BEGINS_AND_TAKES(1));
  assert_int_equal(pgr_lockstep_control(r.l, TAKE, 1, one, NULL, NULL, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "cancel"));
  does(&r, A, "COMMIT");
  must(pgr_lockstep_control(r.l, TAKE, 1, one, NULL, NULL, &err), &err);
  room_close(&r);
}

/* ---- many schedules ---- */

enum { AGENTS = 4, ROWS = 2, SCHEDULES = 500 };

/* What must be: each agent takes some of the rows in their order, one at a time, and commits; a row goes to whoever has
 * waited longest. */
typedef struct model {
  int at[AGENTS];               /* 0: before BEGIN; 1 … ROWS: next is that row; ROWS + 1: COMMIT; ROWS + 2: the end */
  bool wants[AGENTS][ROWS + 1]; /* by row from 1 */
  int queue[ROWS + 1][AGENTS], len[ROWS + 1]; /* its owner first */
} model;

static uint32_t waiting(const model *m) {
  uint32_t mask = 0;
  for (int row = 1; row <= ROWS; row++)
    for (int k = 1; k < m->len[row]; k++)
      mask |= bit(m->queue[row][k]);
  return mask;
}

static void advance(model *m, int agent) {
  do
    m->at[agent]++;
  while (m->at[agent] <= ROWS && !m->wants[agent][m->at[agent]]);
}

static void leave(model *m, int agent) {
  for (int row = 1; row <= ROWS; row++) {
    if (!m->len[row] || m->queue[row][0] != agent) continue;
    memmove(m->queue[row], m->queue[row] + 1, sizeof(int) * (size_t)--m->len[row]);
  }
}

/* Sends the agent's next statement, and moves the model to where everybody must be then. */
static void model_step(room *r, model *m, int agent) {
  char sql[64];
  int row = m->at[agent];
  if (row == 0) {
    say(r, agent, "BEGIN");
  } else if (row <= ROWS) {
    snprintf(sql, sizeof sql, "SELECT n FROM item WHERE id = %d FOR UPDATE", row);
    say(r, agent, sql);
    m->queue[row][m->len[row]++] = agent;
  } else {
    say(r, agent, "COMMIT");
    leave(m, agent);
  }
  advance(m, agent);
}

static void play(room *r, pgr_random *random) {
  model m = {0};
  for (int i = 0; i < AGENTS; i++)
    for (int row = 1; row <= ROWS; row++)
      m.wants[i][row] = pgr_random_below(random, 3) > 0;
  for (;;) {
    uint32_t enabled = 0;
    for (int i = 0; i < AGENTS; i++)
      if (m.at[i] < ROWS + 2) enabled |= bit(i);
    if (!enabled) break;
    enabled &= ~waiting(&m);
    assert_true(enabled);
    int agent;
    do
      agent = (int)pgr_random_below(random, AGENTS);
    while (!(enabled & bit(agent)));
    model_step(r, &m, agent);
    pgr_settled s = settle(r, pgr_random_below(random, 2));
    assert_int_equal(s.blocked, waiting(&m));
    for (int row = 1; row <= ROWS; row++)
      for (int k = 1; k < m.len[row]; k++)
        assert_true(s.blockers[m.queue[row][k]] & bit(m.queue[row][k - 1]));
    for (int i = 0; i < AGENTS; i++)
      assert_string_equal(r->seats[i].sqlstate, "");
  }
}

static void random_schedules_are_as_they_must_be(void **state) {
  room r;
  pgr_random random;
  pgr_lockstep_options o = defaults;
  o.awaits_deadlocks = true;
  o.patience_ns = 500 * PGR_NS_PER_US;
  open_seats(&r, *state, AGENTS, "SET deadlock_timeout = '1ms'", o);
  pgr_random_init(&random, 1, 1);
  for (int i = 0; i < SCHEDULES; i++)
    play(&r, &random);
  room_close(&r);
}

/* The last: from here on this thread stays on one processor. */
static void those_on_one_processor_too(void **state) {
  room r;
  pgr_random random;
  open_seats(&r, *state, AGENTS, "SET deadlock_timeout = '1ms'", defaults);
  pgr_lockstep_pin(r.l, 1);
  pgr_random_init(&random, 2, 1);
  for (int i = 0; i < SCHEDULES; i++)
    play(&r, &random);
  room_close(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(nothing_blocks),
      cmocka_unit_test(a_commit_ends_a_wait),
      cmocka_unit_test(a_commit_hands_a_wait_on),
      cmocka_unit_test(who_waits_may_have_let_go_before),
      cmocka_unit_test(what_is_slow_is_not_blocked),
      cmocka_unit_test(foreign_locks_are_waited_for),
      cmocka_unit_test(control_holds_yield_points),
      cmocka_unit_test(deferrable_readers_wait),
      cmocka_unit_test(an_answer_about_what_was_is_thrown_away),
      cmocka_unit_test(an_answer_in_which_two_moved_is_not_believed),
      cmocka_unit_test(a_statement_that_never_ends_is_cancelled),
      cmocka_unit_test(time_ends_a_wait),
      cmocka_unit_test(the_user_stops),
      cmocka_unit_test(a_deadlock_is_waited_for),
      cmocka_unit_test(who_closes_a_circle_after_holding_is_ended),
      cmocka_unit_test(many_deadlocks_end_as_they_must),
      cmocka_unit_test(a_deadlock_may_be_left_to_itself),
      cmocka_unit_test(a_circle_the_server_does_not_see_is_cancelled),
      cmocka_unit_test(a_lost_connection_is_an_error),
      cmocka_unit_test(a_lost_control_connection_is_an_error),
      cmocka_unit_test(a_new_connection_is_asked_about),
      cmocka_unit_test(notices_and_notifications_are_heard),
      cmocka_unit_test(control_runs_statements),
      cmocka_unit_test(control_is_given_back),
      cmocka_unit_test(control_does_not_wait_for_ever),
      cmocka_unit_test(random_schedules_are_as_they_must_be),
      cmocka_unit_test(those_on_one_processor_too),
  };
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
