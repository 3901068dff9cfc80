/* Runs of specs that end otherwise than isolationtester's: stopped, out of time, without a connection or memory; and
 * permutations that the caller makes. What is printed in ordinary runs is compared in test_spec_run.c. */
#include "pgr_live.h"

#include "pgr_clock.h"
#include "pgr_spec_run.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct outcome {
  pgr_code code;
  pgr_err err;
  pgr_spec_run_result result;
  char *text; /* what was printed; owned */
} outcome;

static void parse(const char *text, pgr_arena *arena, pgr_spec *spec) {
  pgr_faults faults = {0};
  if (!pgr_spec_parse(&(pgr_source){"t.spec", text, strlen(text)}, arena, &faults, spec))
    fail_msg("%s", faults.kept[0].text);
  pgr_faults_deinit(&faults);
}

static void run(const pgr_target *target, const char *text, pgr_spec_run_options o, outcome *out) {
  pgr_arena arena = {0};
  pgr_spec spec;
  size_t len = 0;
  *out = (outcome){0};
  parse(text, &arena, &spec);
  o.out = o.complaints = open_memstream(&out->text, &len);
  o.name = "t";
  assert_non_null(o.out);
  out->code = pgr_spec_run(&spec, target, &o, &out->result, &out->err);
  fclose(o.out);
  pgr_arena_deinit(&arena);
}

/* How many statements of specs run on the server. */
static int64_t running(fixture *f) {
  pgr_err err;
  int64_t count;
  must(pgr_db_query_int(
           f->db,
           "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'isolation/%' AND state = 'active'",
           &count, &err),
       &err);
  return count;
}

static void done(fixture *f, outcome *o) {
  /* Backends need a moment to notice that they were cancelled. */
  int64_t until_ns = pgr_now_ns() + 20 * PGR_NS_PER_S;
  while (running(f) && pgr_now_ns() < until_ns)
    ;
  assert_int_equal(running(f), 0);
  free(o->text);
}

/* ---- the caller's permutations ---- */

static bool next_of_two(void *user, pgr_spec_permutation *out) {
  static const pgr_spec_pstep steps[] = {{.step = 1}, {.step = 0}, {.step = 1}};
  int *count = user;
  *out = (pgr_spec_permutation){steps, 3 - *count};
  return (*count)++ < 2;
}

static void callers_permutations(void **state) {
  outcome o;
  int count = 0;
  run(((fixture *)*state)->target, "session a step a1 { BEGIN; } session b step b1 { SELECT FROM pg_class; }",
      (pgr_spec_run_options){.next = next_of_two, .user = &count, .pin = true}, &o);
  must(o.code, &o.err);
  assert_string_equal(o.text, "Parsed test spec with 2 sessions\n"
                              "\nstarting permutation: b1 a1 b1\n"
                              "step b1: SELECT FROM pg_class;\nstep a1: BEGIN;\nstep b1: SELECT FROM pg_class;\n"
                              "\nstarting permutation: b1 a1\n"
                              "step b1: SELECT FROM pg_class;\n"
                              "a: WARNING:  there is already a transaction in progress\nstep a1: BEGIN;\n");
  assert_int_equal(o.result.permutations, 2);
  assert_int_equal(o.result.steps, 5);
  assert_int_equal(o.result.waits, 0);
  done(*state, &o);
}

/* ---- time ---- */

static void steps_out_of_time(void **state) {
  outcome o;
  run(((fixture *)*state)->target,
      "setup { CREATE TABLE t (id int); } teardown { DROP TABLE t; }\n"
      "session a setup { BEGIN; } step a1 { LOCK t; } step a2 { ROLLBACK; }\n"
      "session b step b1 { SELECT FROM pg_sleep(1000); } step b2 { LOCK t; } step b3 { SELECT FROM t; }\n"
      "permutation b1 a1 b3 a2\npermutation a1 b3 b1 a2",
      (pgr_spec_run_options){.step_timeout_ns = PGR_NS_PER_S}, &o);
  must(o.code, &o.err);
  assert_string_equal(o.text, "unused step name: b2\nParsed test spec with 2 sessions\n"
                              "\nstarting permutation: b1 a1 b3 a2\n"
                              "isolationtester: canceling step b1 after 1 seconds\n"
                              "step b1: SELECT FROM pg_sleep(1000);\n"
                              "ERROR:  canceling statement due to user request\n"
                              "step a1: LOCK t;\n"
                              "step b3: SELECT FROM t; <waiting ...>\n"
                              "step a2: ROLLBACK;\n"
                              "step b3: <... completed>\n"
                              "\nstarting permutation: a1 b3 b1 a2\n"
                              "step a1: LOCK t;\n"
                              "step b3: SELECT FROM t; <waiting ...>\n"
                              "isolationtester: canceling step b3 after 1 seconds\n"
                              "step b3: <... completed>\n"
                              "ERROR:  canceling statement due to user request\n"
                              "isolationtester: canceling step b1 after 1 seconds\n"
                              "step b1: SELECT FROM pg_sleep(1000);\n"
                              "ERROR:  canceling statement due to user request\n"
                              "step a2: ROLLBACK;\n");
  assert_int_equal(o.result.waits, 2);
  done(*state, &o);
}

/* A step that is marked with (*) need not end, nor wait for a lock, for the next to be launched. */
static void marked_step_that_sleeps(void **state) {
  outcome o;
  run(((fixture *)*state)->target,
      "session a step a1 { SELECT FROM pg_sleep(1000); }\n"
      "session b step b1 { SELECT FROM pg_stat_activity WHERE application_name LIKE '%/a' AND pg_cancel_backend(pid); "
      "}\n"
      "permutation a1(*) b1",
      (pgr_spec_run_options){0}, &o);
  must(o.code, &o.err);
  assert_string_equal(o.text, "Parsed test spec with 2 sessions\n"
                              "\nstarting permutation: a1 b1\n"
                              "step a1: SELECT FROM pg_sleep(1000); <waiting ...>\n"
                              "step b1: SELECT FROM pg_stat_activity WHERE application_name LIKE '%/a' AND "
                              "pg_cancel_backend(pid);\n"
                              "step a1: <... completed>\n"
                              "ERROR:  canceling statement due to user request\n");
  done(*state, &o);
}

/* isolationtester looks after 10 ms, so it sees what the server ends sooner as never having waited. How soon that is
 * depends on the machine: one time out of some is enough. */
static void ended_soon(fixture *f, const char *spec, const char *text) {
  outcome o = {0};
  bool seen = false;
  for (int i = 0; i < 30 && !seen; i++) {
    run(f->target, spec, (pgr_spec_run_options){0}, &o);
    must(o.code, &o.err);
    seen = strstr(o.text, text);
    if (!seen && i == 29) print_error("%s", o.text);
    done(f, &o);
  }
  assert_true(seen);
}

static void ended_by_the_server(void **state) {
  ended_soon(*state,
             "session a setup { BEGIN; } step a1 { SELECT FROM pg_advisory_xact_lock(1); } teardown { COMMIT; }\n"
             "session b setup { SET lock_timeout = '2ms'; } step b1 { SELECT FROM pg_advisory_xact_lock(1); }\n"
             "permutation a1 b1",
             "step b1: SELECT FROM pg_advisory_xact_lock(1);\nERROR:  canceling statement due to lock timeout\n");
  ended_soon(
      *state,
      "session a setup { BEGIN; SET deadlock_timeout = '2ms'; } step a1 { SELECT FROM pg_advisory_xact_lock(1); }\n"
      "step a2 { SELECT FROM pg_advisory_xact_lock(2); } teardown { COMMIT; }\n"
      "session b setup { BEGIN; SET deadlock_timeout = '100s'; } step b1 { SELECT FROM pg_advisory_xact_lock(1); }\n"
      "step b2 { SELECT FROM pg_advisory_xact_lock(2); } teardown { COMMIT; }\n"
      "permutation a1 b2 b1 a2",
      "step b1: SELECT FROM pg_advisory_xact_lock(1); <waiting ...>\n"
      "step a2: SELECT FROM pg_advisory_xact_lock(2);\nERROR:  deadlock detected\nstep b1: <... completed>\n");
  ended_soon(*state,
             "session a setup { BEGIN; } step a1 { SELECT FROM pg_advisory_xact_lock(1); } teardown { COMMIT; }\n"
             "session b step b1 { SELECT FROM pg_advisory_xact_lock(1); } step b2 { SELECT; }\n"
             "session c step c1 { SELECT FROM pg_stat_activity WHERE application_name LIKE '%/b' AND "
             "pg_cancel_backend(pid); } step c2 { SELECT; }\n"
             "permutation a1 b1 c1 c2 b2",
             "pg_cancel_backend(pid);\nstep b1: <... completed>\nERROR:  canceling statement due to user request\n"
             "step c2: ");
}

/* Held up by each other's markers: a1 cannot be reported before b1, whose session waits for a lock of a's. */
static void steps_that_block_each_other(void **state) {
  outcome o;
  run(((fixture *)*state)->target,
      "setup { CREATE TABLE t (id int); }\n"
      "session a step a1 { SELECT 1 AS one; } step a2 { SELECT 2 AS two; }\n"
      "session b step b1 { SELECT 3 AS three; } permutation b1(a1) a1 a2(b1 notices 1)",
      (pgr_spec_run_options){.step_timeout_ns = PGR_NS_PER_S}, &o);
  assert_int_equal(o.code, PGR_EDATABASE);
  assert_string_equal(o.err.msg, "failed to complete permutation due to mutually-blocking steps");
  assert_non_null(strstr(o.text, "step a2: SELECT 2 AS two; <waiting ...>\nfailed to complete permutation due to "
                                 "mutually-blocking steps\n"));
  done(*state, &o);
  run(((fixture *)*state)->target,
      "session a step a1 { SELECT 1 AS one; } session b step b1 { SELECT 3 AS three; } step b2 { SELECT 4; }\n"
      "permutation b1(a1 notices 1) a1 b2",
      (pgr_spec_run_options){.step_timeout_ns = PGR_NS_PER_S / 5}, &o);
  assert_int_equal(o.code, PGR_EDATABASE);
  assert_string_equal(o.err.msg, "step b1 timed out after 0 seconds");
  assert_non_null(strstr(o.text, "step b1 timed out after 0 seconds\nactive steps are: b1\n"));
  done(*state, &o);
}

/* ---- connections ---- */

static void no_server(void **state) {
  (void)state;
  pgr_target *target;
  pgr_err err;
  outcome o;
  must(pgr_target_parse("host=/nonexistent dbname=x", &target, &err), &err);
  run(target, "session a step a1 { SELECT 1; }", (pgr_spec_run_options){0}, &o);
  assert_int_equal(o.code, PGR_EDATABASE);
  assert_non_null(strstr(o.err.msg, "cannot connect session a: "));
  assert_string_equal(o.text, "Parsed test spec with 1 sessions\n");
  free(o.text);
  pgr_target_destroy(target);
}

static void lost_connection(void **state) {
  outcome o;
  run(((fixture *)*state)->target,
      "session a step a1 { SELECT FROM pg_terminate_backend(pg_backend_pid()); }\nsession b step b1 { SELECT 1; }",
      (pgr_spec_run_options){0}, &o);
  assert_int_equal(o.code, PGR_EDATABASE);
  assert_string_equal(o.err.msg, "the connection of session a was lost: FATAL: terminating connection due to "
                                 "administrator command");
  done(*state, &o);
}

/* ---- stopping ---- */

typedef struct stopper {
  fixture *f;
  const char *sought; /* a query: how much there is of what is waited for */
  atomic_bool stop;
} stopper;

static void *stop_soon(void *arg) {
  stopper *s = arg;
  pgr_err err;
  pgr_db *db = NULL;
  int64_t found = 0;
  if (pgr_db_connect(s->f->target, &db, &err) == PGR_OK)
    while (!found && pgr_db_query_int(db, s->sought, &found, &err) == PGR_OK)
      ;
  pgr_db_close(db);
  atomic_store(&s->stop, true);
  return NULL;
}

static void stopped_while(fixture *f, const char *spec, const char *sought) {
  stopper s = {.f = f, .sought = sought};
  pthread_t thread;
  outcome o;
  assert_int_equal(pthread_create(&thread, NULL, stop_soon, &s), 0);
  run(f->target, spec, (pgr_spec_run_options){.stop = &s.stop}, &o);
  pthread_join(thread, NULL);
  assert_int_equal(o.code, PGR_EINTERRUPTED);
  done(f, &o);
}

static void stopped(void **state) {
  static const char b_runs[] =
      "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'isolation/%/b' AND state = "
      "'active' AND query LIKE '%pg_sleep%'";
  static const char c_waits[] = "SELECT count(*) FROM pg_locks NATURAL JOIN pg_stat_activity WHERE NOT granted";
  static const char setup_runs[] = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE "
                                   "'isolation/%/control connection' AND state = 'active' AND query LIKE '%pg_sleep%'";
  stopped_while(*state, "session b step b1 { SELECT pg_sleep(1000); }", b_runs);
  stopped_while(*state,
                "session a setup { BEGIN; } step a1 { SELECT FROM pg_advisory_xact_lock(1); } teardown { COMMIT; }\n"
                "session c step c1 { SELECT FROM pg_advisory_xact_lock(1); }\npermutation a1 c1",
                c_waits);
  stopped_while(*state, "setup { SELECT pg_sleep(1000); } session a step a1 { SELECT 1; }", setup_runs);
}

static void without_memory(void **state) {
  fixture *f = *state;
  pgr_arena arena = {0};
  pgr_spec spec;
  pgr_err err;
  parse("setup { SELECT 1; } session a step a1 { SELECT 1; }\n"
        "session b step b1 { DO $$ BEGIN RAISE NOTICE 'x'; END $$; } permutation a1(b1 notices 1) b1",
        &arena, &spec);
  for (unsigned long nth = 1;; nth++) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    pgr_mem_fail_nth(nth);
    pgr_code code =
        pgr_spec_run(&spec, f->target, &(pgr_spec_run_options){.out = out, .complaints = out, .name = "t"}, NULL, &err);
    pgr_mem_fail_nth(0);
    fclose(out);
    bool complete = code == PGR_OK && len > 100;
    free(text);
    if (complete) break;
    if (code != PGR_ENOMEM && code != PGR_EDATABASE) fail_msg("%lu: %s", nth, err.msg);
    assert_true(nth < 1000);
  }
  pgr_arena_deinit(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(callers_permutations),
                                     cmocka_unit_test(steps_out_of_time),
                                     cmocka_unit_test(marked_step_that_sleeps),
                                     cmocka_unit_test(ended_by_the_server),
                                     cmocka_unit_test(steps_that_block_each_other),
                                     cmocka_unit_test(no_server),
                                     cmocka_unit_test(lost_connection),
                                     cmocka_unit_test(stopped),
                                     cmocka_unit_test(without_memory)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
