/* The driver against a real server, below the command line: its limits, its faults, its bookkeeping. */
#include "pgr_live.h"

#include "pgr_clock.h"
#include "pgr_ownership.h"
#include "pgr_race.h"
#include "pgr_schema.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void fresh_inbox(fixture *f) {
  pgr_err err;
  must(pgr_schema_down(f->db, "0001_inbox", &err), &err);
  must(pgr_schema_up(f->db, "0001_inbox", &err), &err);
}

static pgr_race_options options(void) {
  return (pgr_race_options){.scenario = pgr_scenario_claim(),
                            .agents = 8,
                            .contenders = 8,
                            .connections = 8,
                            .threads = 2,
                            .rounds = 50,
                            .retry = {.max_tries = 3, .base_ns = PGR_NS_PER_MS, .cap_ns = 10 * PGR_NS_PER_MS},
                            .seed = 1,
                            .max_ops = 1000000};
}

static pgr_race_result race(fixture *f, const pgr_race_options *o) {
  pgr_race_result r;
  pgr_err err;
  fresh_inbox(f);
  must(pgr_race_run(o, f->target, f->db, &(pgr_race_watch){0}, &r, &err), &err);
  return r;
}

static void check_history(const pgr_race_result *r, const pgr_race_options *o) {
  size_t claims = 0;
  for (size_t i = 0; i < pgr_history_count(r->history); i++) {
    const pgr_op *op = pgr_history_at(r->history, i);
    claims += op->kind == 0 && op->outcome != PGR_OUTCOME_RETRIED;
    assert_true(0 <= op->intended_ns && op->intended_ns <= op->call_ns && op->call_ns <= op->return_ns);
    assert_true(op->pool_wait_ns >= 0 && op->pool_wait_ns <= op->return_ns - op->intended_ns);
    assert_true(op->agent >= 1 && op->agent <= o->agents);
    assert_true(op->round >= 1 && op->round <= r->rounds && op->key == op->round);
  }
  assert_int_equal(claims, (size_t)r->rounds * o->contenders);
}

/* Shapes of a race: threads, pools, contests, members that do not divide. */
static void every_shape_adds_up(void **state) {
  static const struct {
    uint32_t agents, contenders, connections, threads;
  } shapes[] = {{2, 2, 1, 1}, {2, 2, 2, 2}, {8, 2, 8, 2}, {9, 2, 3, 3}, {33, 8, 5, 4}, {40, 40, 7, 2}, {100, 3, 32, 4}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    pgr_race_options o = options();
    o.agents = shapes[i].agents;
    o.contenders = shapes[i].contenders;
    o.connections = shapes[i].connections;
    o.threads = shapes[i].threads;
    pgr_race_result r = race(*state, &o);
    assert_true(r.complete);
    assert_int_equal(r.rounds, 50);
    check_history(&r, &o);
    pgr_race_result_deinit(&r);
  }
}

/* More rounds than keys are made ahead: the supply keeps up. */
static void keys_are_made_as_needed(void **state) {
  pgr_race_options o = options();
  o.agents = o.connections = 12;
  o.contenders = 2;
  o.rounds = 12000;
  o.threads = 1;
  pgr_race_result r = race(*state, &o);
  assert_true(r.complete);
  assert_int_equal(r.rounds, 12000);
  assert_int_equal(r.tally.outcomes[0][PGR_OUTCOME_FAILED], 0);
  pgr_race_result_deinit(&r);
}

static void a_full_history_ends_the_race(void **state) {
  pgr_race_options o = options();
  o.rounds = 100000;
  o.max_ops = 2000;
  pgr_race_result r = race(*state, &o);
  assert_true(r.history_full);
  assert_false(r.complete);
  assert_true(pgr_history_count(r.history) >= 2000);
  assert_true(r.rounds < 100000);
  /* The rounds it has are whole. */
  pgr_ownership_report report;
  uint64_t claims = 0;
  assert_int_equal(pgr_verify_ownership(r.history, o.scenario->model, &report, NULL), PGR_OK);
  assert_int_equal(report.unexplained, 0);
  assert_int_equal(report.rounds, r.rounds);
  for (int k = 0; k < PGR_OUTCOME_COUNT; k++)
    if (k != PGR_OUTCOME_RETRIED) claims += r.tally.outcomes[0][k];
  assert_int_equal(claims, r.rounds * 8);
  pgr_race_result_deinit(&r);
}

static void a_missing_table_is_an_error(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  must(pgr_schema_down(f->db, "0001_inbox", &err), &err);
  assert_int_equal(pgr_race_run(&o, f->target, f->db, &(pgr_race_watch){0}, &r, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "conversations"));
  pgr_race_result_deinit(&r);
}

/* More connections than the server has: the workers' word reaches the caller, and all is torn down. */
static void too_many_connections_is_an_error(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  o.agents = o.contenders = o.connections = 200;
  fresh_inbox(f);
  assert_int_equal(pgr_race_run(&o, f->target, f->db, &(pgr_race_watch){0}, &r, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "cannot open 200 connections: "));
  assert_non_null(strstr(err.msg, "use fewer --connections"));
  assert_false(r.complete);
  pgr_race_result_deinit(&r);
}

/* Something takes the connections and says nothing: connect_timeout holds for the agents' connections too. */
static void a_silent_server_is_given_up(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  char dir[] = "/tmp/pgrace-test-XXXXXX", dsn[128];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  assert_non_null(mkdtemp(dir));
  snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.7", dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 64), 0);
  snprintf(dsn, sizeof dsn, "host=%s port=7 user=nobody connect_timeout=2", dir);
  pgr_target *silent;
  must(pgr_target_parse(dsn, &silent, &err), &err);
  fresh_inbox(f);
  assert_int_equal(pgr_race_run(&o, silent, f->db, &(pgr_race_watch){0}, &r, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "in time"));
  pgr_race_result_deinit(&r);
  pgr_db *db;
  assert_int_equal(pgr_db_connect(silent, &db, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "timed out"));
  pgr_target_destroy(silent);
  close(fd);
  unlink(address.sun_path);
  rmdir(dir);
}

static pgr_code stop_at_once(void *user, pgr_err *err) {
  int *calls = user;
  return ++*calls > 5 ? pgr_fail(err, PGR_EENVIRONMENT, "the watch says stop") : PGR_OK;
}

static void the_watch_can_end_it(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  int calls = 0;
  o.rounds = 0;
  o.duration_ns = 60 * PGR_NS_PER_S;
  fresh_inbox(f);
  assert_int_equal(
      pgr_race_run(&o, f->target, f->db, &(pgr_race_watch){.check = stop_at_once, .user = &calls}, &r, &err),
      PGR_EENVIRONMENT);
  assert_string_equal(err.msg, "the watch says stop");
  pgr_race_result_deinit(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_shape_adds_up),
                                     cmocka_unit_test(keys_are_made_as_needed),
                                     cmocka_unit_test(a_full_history_ends_the_race),
                                     cmocka_unit_test(a_missing_table_is_an_error),
                                     cmocka_unit_test(too_many_connections_is_an_error),
                                     cmocka_unit_test(a_silent_server_is_given_up),
                                     cmocka_unit_test(the_watch_can_end_it)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
