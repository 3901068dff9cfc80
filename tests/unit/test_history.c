/* The log keeps what it is given across takes, limits and lack of memory; the CSV says the same. */
#include "pgr_test.h"

#include "pgr_history.h"
#include "pgr_mem.h"
#include "pgr_trace.h"
#include <stdlib.h>
#include <string.h>

static pgr_op numbered(int64_t n) {
  return (pgr_op){.key = n, .round = n, .agent = 1, .attempt = 1};
}

static pgr_history *filled(int64_t first, size_t count) {
  pgr_history *h = pgr_history_create(count);
  assert_non_null(h);
  for (size_t i = 0; i < count; i++) {
    pgr_op op = numbered(first + (int64_t)i);
    assert_int_equal(pgr_history_append(h, &op), PGR_OK);
  }
  return h;
}

/* Keys 0 … count-1, each once, in whatever order. */
static void check(const pgr_history *h, size_t count) {
  char *seen = pgr_calloc(count, 1);
  assert_int_equal(pgr_history_count(h), count);
  for (size_t i = 0; i < count; i++) {
    size_t key = (size_t)pgr_history_at(h, i)->key;
    assert_true(key < count && !seen[key]);
    seen[key] = 1;
  }
  pgr_free(seen);
}

static void taking_loses_nothing(void **state) {
  (void)state;
  const size_t sizes[] = {0, 1, 100, 8191, 8192, 8193, 12000, 16384, 20000};
  enum { N = sizeof sizes / sizeof *sizes };
  for (int a = 0; a < N; a++) {
    for (int b = 0; b < N; b++) {
      pgr_history *h = filled(0, sizes[a]), *from = filled((int64_t)sizes[a], sizes[b]);
      assert_int_equal(pgr_history_take(h, from), PGR_OK);
      check(h, sizes[a] + sizes[b]);
      assert_int_equal(pgr_history_count(from), 0);
      pgr_history_destroy(from);
      /* And once more, behind what was taken. */
      from = filled((int64_t)(sizes[a] + sizes[b]), 777);
      assert_int_equal(pgr_history_take(h, from), PGR_OK);
      check(h, sizes[a] + sizes[b] + 777);
      pgr_history_destroy(from);
      pgr_history_destroy(h);
    }
  }
}

static void the_cap_holds(void **state) {
  (void)state;
  pgr_history *h = filled(0, 10);
  pgr_op op = numbered(10);
  assert_int_equal(pgr_history_append(h, &op), PGR_ELIMIT);
  check(h, 10);
  pgr_history_destroy(h);
}

static void no_memory_changes_nothing(void **state) {
  (void)state;
  for (unsigned long nth = 1; nth < 5; nth++) {
    pgr_history *h = filled(0, 100), *from = filled(100, 8192 + 8150);
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_history_take(h, from);
    pgr_mem_fail_nth(0);
    if (code) {
      assert_int_equal(code, PGR_ENOMEM);
      check(h, 100);
      assert_int_equal(pgr_history_count(from), 8192 + 8150);
    } else {
      check(h, 100 + 8192 + 8150);
    }
    pgr_history_destroy(h);
    pgr_history_destroy(from);
  }
  pgr_history *h = pgr_history_create(10);
  pgr_op op = numbered(0);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_history_append(h, &op), PGR_ENOMEM);
  pgr_mem_fail_nth(0);
  assert_int_equal(pgr_history_count(h), 0);
  pgr_history_destroy(h);
}

static void csv_says_what_was_recorded(void **state) {
  (void)state;
  char *text = NULL;
  size_t len = 0;
  FILE *f = open_memstream(&text, &len);
  const char *kinds[] = {"claim", "reply"};
  pgr_history *h = pgr_history_create(2);
  pgr_op op = {.intended_ns = 5,
               .call_ns = 10,
               .return_ns = 30,
               .pool_wait_ns = 4,
               .key = 7,
               .round = 3,
               .agent = 2,
               .attempt = 2,
               .kind = 0,
               .outcome = PGR_OUTCOME_REJECTED,
               .sqlstate = "23514"};
  assert_int_equal(pgr_history_append(h, &op), PGR_OK);
  op = (pgr_op){.intended_ns = 31,
                .call_ns = 31,
                .return_ns = 9000000000,
                .key = -1,
                .round = 4,
                .agent = 1,
                .attempt = 1,
                .kind = 1,
                .outcome = PGR_OUTCOME_OK};
  assert_int_equal(pgr_history_append(h, &op), PGR_OK);
  assert_int_equal(pgr_history_write_csv(h, "naive", "read committed", 0, kinds, 1, f, NULL), PGR_OK);
  assert_int_equal(pgr_history_write_csv(h, "trigger", "serializable", 5000000, kinds, 0, f, NULL), PGR_OK);
  fclose(f);
  assert_string_equal(
      text, "strategy,round,key,agent,operation,attempt,outcome,sqlstate,intended_ns,call_ns,return_ns,pool_wait_ns,"
            "isolation,gap_ns\n"
            "naive,3,7,2,claim,2,rejected,23514,5,10,30,4,read committed,0\n"
            "naive,4,-1,1,reply,1,ok,,31,31,9000000000,0,read committed,0\n"
            "trigger,3,7,2,claim,2,rejected,23514,5,10,30,4,serializable,5000000\n"
            "trigger,4,-1,1,reply,1,ok,,31,31,9000000000,0,serializable,5000000\n");
  free(text);
  pgr_history_destroy(h);
}

static void a_full_device_is_reported(void **state) {
  (void)state;
  FILE *f = fopen("/dev/full", "w");
  if (!f) skip();
  const char *kinds[] = {"claim"};
  pgr_history *h = filled(0, 1000);
  pgr_err err;
  assert_int_equal(pgr_history_write_csv(h, "naive", "read committed", 0, kinds, 1, f, &err), PGR_EENVIRONMENT);
  assert_non_null(strstr(err.msg, "No space left"));
  fclose(f);
  pgr_history_destroy(h);
}

static void traces_are_kept_whole_up_to_the_cap(void **state) {
  (void)state;
  pgr_trace t = {0};
  pgr_trace_step steps[3000];
  memset(steps, 0, sizeof steps);
  for (int i = 0; i < 4; i++)
    assert_int_equal(pgr_trace_add(&t, steps, 3000), PGR_OK);
  assert_int_equal(t.count, 6000);
  assert_int_equal(pgr_trace_add(&t, steps, PGR_TRACE_STEPS_MAX - 6000), PGR_OK);
  assert_int_equal(t.count, PGR_TRACE_STEPS_MAX);
  pgr_trace_deinit(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(taking_loses_nothing),      cmocka_unit_test(the_cap_holds),
      cmocka_unit_test(no_memory_changes_nothing), cmocka_unit_test(csv_says_what_was_recorded),
      cmocka_unit_test(a_full_device_is_reported), cmocka_unit_test(traces_are_kept_whole_up_to_the_cap)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
