/* Who waits for whom, and whether a deadlock's victim was up to chance: with moments made up, in milliseconds. */
#include "pgr_test.h"

#include "lockstep_internal.h"
#include "pgr_clock.h"

enum { A = 1, B = 2, C = 4, D = 8 };

/* A wait of `seat` that an answer found at_ms, of a statement sent after after_ms. */
typedef struct wait {
  uint32_t seat, blockers;
  int after_ms, at_ms;
} wait;

static int index_of(uint32_t seat) {
  return __builtin_ctz(seat);
}

static pgr__waits start(void) {
  return (pgr__waits){.deadlock_ns = 10 * PGR_NS_PER_MS};
}

/* An answer that finds `w` beside those who are blocked already. */
static uint32_t add(pgr__waits *waits, wait w) {
  uint32_t blockers[PGR_SEATS_MAX];
  for (int i = 0; i < PGR_SEATS_MAX; i++)
    blockers[i] = waits->blockers[i];
  blockers[index_of(w.seat)] = w.blockers;
  return pgr__waits_answer(waits, waits->blocked | w.seat, blockers, w.after_ms * PGR_NS_PER_MS,
                           w.at_ms * PGR_NS_PER_MS);
}

static uint32_t remove_all(pgr__waits *waits, uint32_t gone, int at_ms) {
  uint32_t blockers[PGR_SEATS_MAX];
  for (int i = 0; i < PGR_SEATS_MAX; i++)
    blockers[i] = waits->blockers[i] & ~gone;
  return pgr__waits_answer(waits, waits->blocked & ~gone, blockers, at_ms * PGR_NS_PER_MS, at_ms * PGR_NS_PER_MS);
}

static void circles_are_found(void **state) {
  (void)state;
  pgr__waits w = start();
  assert_int_equal(add(&w, (wait){A, B, 0, 1}), A);
  assert_int_equal(add(&w, (wait){B, C | PGR_SEAT_CONTROL, 1, 2}), B);
  assert_int_equal(pgr__waits_in_circles(&w, A | B | C), 0);
  add(&w, (wait){D, A, 2, 3}); /* waits for a circle, is none of it */
  add(&w, (wait){C, A | D, 3, 4});
  assert_int_equal(w.circle[index_of(A)], A | B | C | D); /* it is: C waits for it */
  w = start();
  add(&w, (wait){A, B, 0, 1});
  add(&w, (wait){D, A, 1, 2});
  add(&w, (wait){B, A, 2, 3});
  assert_int_equal(w.circle[index_of(A)], A | B);
  assert_int_equal(w.circle[index_of(B)], A | B);
  assert_int_equal(pgr__waits_in_circles(&w, A | B | C | D), A | B);
  assert_int_equal(pgr__waits_in_circles(&w, C | D), 0);
  assert_int_equal(pgr__waits_closers(&w, A | B | D), B);
  remove_all(&w, A, 4);
  assert_int_equal(pgr__waits_in_circles(&w, A | B | C | D), 0);
}

static void two_circles_are_two(void **state) {
  (void)state;
  pgr__waits w = start();
  add(&w, (wait){A, B, 0, 1});
  add(&w, (wait){B, A, 1, 2});
  add(&w, (wait){C, D, 2, 3});
  add(&w, (wait){D, C, 3, 4});
  assert_int_equal(w.circle[index_of(A)], A | B);
  assert_int_equal(w.circle[index_of(D)], C | D);
  assert_int_equal(pgr__waits_closers(&w, A | B | C | D), B | D);
}

/* A circle of two: A waits since 1 ms at the latest, B after closed_ms at the earliest. */
static bool ambiguous(int closed_ms, uint32_t ended, uint32_t failed, uint32_t deadlocked) {
  pgr__waits w = start();
  add(&w, (wait){A, B, 0, 1});
  add(&w, (wait){B, A, closed_ms, closed_ms + 30});
  pgr__waits_ended(&w, ended, failed, deadlocked, closed_ms * PGR_NS_PER_MS);
  assert_int_equal(pgr__waits_in_circles(&w, A | B), 0);
  assert_int_equal(w.blocked, (A | B) & ~ended);
  return w.ambiguous;
}

static void the_victim_is_certain_when_the_others_had_looked(void **state) {
  (void)state;
  assert_true(ambiguous(5, B, B, B));  /* A looks at 11 at the latest */
  assert_true(ambiguous(11, B, B, B)); /* just now */
  assert_false(ambiguous(12, B, B, B));
  assert_true(ambiguous(12, A, A, A));      /* it looked late */
  assert_false(ambiguous(12, A | B, B, B)); /* whom it let go has ended too */
  assert_true(ambiguous(5, A | B, B, B));
  assert_false(ambiguous(5, B, B, 0)); /* a lock timeout, say */
  assert_true(ambiguous(5, B, 0, 0));  /* the queue was put in another order */
  assert_false(ambiguous(12, B, 0, 0));
}

static void a_circle_that_nobody_saw_counts_too(void **state) {
  (void)state;
  pgr__waits w = start();
  add(&w, (wait){A, B, 0, 1});
  pgr__waits_ended(&w, B, B, B, 12 * PGR_NS_PER_MS);
  assert_false(w.ambiguous);
  w = start();
  add(&w, (wait){A, B, 0, 1});
  pgr__waits_ended(&w, B, B, B, 5 * PGR_NS_PER_MS);
  assert_true(w.ambiguous);
  w = start();
  add(&w, (wait){A, B, 0, 1});
  pgr__waits_ended(&w, A, A, A, 12 * PGR_NS_PER_MS); /* who had been waiting all the time did not close it */
  assert_true(w.ambiguous);
}

/* Whoever may have been let go has begun to wait anew, as far as anybody knows. */
static void waits_may_begin_anew(void **state) {
  (void)state;
  pgr__waits w = start();
  assert_int_equal(pgr__waits_checked_ns(&w), 0);
  add(&w, (wait){A, B, 0, 1});
  add(&w, (wait){C, A, 1, 2});
  assert_int_equal(pgr__waits_checked_ns(&w), 13 * PGR_NS_PER_MS);
  /* Nothing ended: the same waits. */
  assert_int_equal(remove_all(&w, 0, 20), 0);
  assert_int_equal(pgr__waits_checked_ns(&w), 13 * PGR_NS_PER_MS);
  /* A statement of D ends: nobody waits for it. */
  pgr__waits_ended(&w, D, 0, 0, 0);
  assert_int_equal(remove_all(&w, 0, 21), 0);
  /* One of B: A waits for it, and C for A. */
  pgr__waits_ended(&w, B, 0, 0, 0);
  assert_int_equal(remove_all(&w, 0, 22), A | C);
  assert_int_equal(pgr__waits_checked_ns(&w), 33 * PGR_NS_PER_MS);
  /* A goes on: C may have been let go. */
  assert_int_equal(remove_all(&w, A, 23), C);
  assert_int_equal(w.blocked, C);
  /* The control connection counts among those who let go. */
  add(&w, (wait){D, PGR_SEAT_CONTROL, 23, 24});
  assert_int_equal(remove_all(&w, 0, 25), 0);
  pgr__waits_disturb(&w, PGR_SEAT_CONTROL);
  assert_int_equal(remove_all(&w, 0, 26), D);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(circles_are_found),
      cmocka_unit_test(two_circles_are_two),
      cmocka_unit_test(the_victim_is_certain_when_the_others_had_looked),
      cmocka_unit_test(a_circle_that_nobody_saw_counts_too),
      cmocka_unit_test(waits_may_begin_anew),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
