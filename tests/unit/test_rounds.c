/* A set of rounds against an array of booleans. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_random.h"
#include "pgr_rounds.h"

enum { RANGE = 40 };

typedef struct plain {
  bool has[RANGE];
} plain;

/* The same rounds in both, added in any order, some of them again and again. */
static pgr_rounds random_set(pgr_random *r, plain *p) {
  pgr_rounds set = {0};
  uint64_t n = pgr_random_below(r, 2 * RANGE), range = 1 + pgr_random_below(r, RANGE);
  *p = (plain){{false}};
  for (uint64_t i = 0; i < n; i++) {
    uint64_t round = pgr_random_below(r, range);
    p->has[round] = true;
    assert_int_equal(pgr_rounds_add(&set, (int64_t)round - RANGE / 2), PGR_OK);
  }
  pgr_rounds_settle(&set);
  return set;
}

static void check(const pgr_rounds *set, const plain *p) {
  size_t count = 0;
  for (int i = 0; i < RANGE; i++) {
    assert_int_equal(pgr_rounds_has(set, i - RANGE / 2), p->has[i]);
    count += p->has[i];
  }
  assert_int_equal(set->count, count);
  for (size_t i = 1; i < count; i++)
    assert_true(set->at[i - 1] < set->at[i]);
  assert_false(pgr_rounds_has(set, INT64_MIN));
  assert_false(pgr_rounds_has(set, INT64_MAX));
}

static void sets_are_sets(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 7, 7);
  for (int i = 0; i < 3000; i++) {
    plain a, b;
    pgr_rounds x = random_set(&r, &a), y = random_set(&r, &b);
    check(&x, &a);
    check(&y, &b);
    uint64_t how = pgr_random_below(&r, 3);
    if (how == 0) assert_int_equal(pgr_rounds_unite(&x, &y), PGR_OK);
    if (how == 1) pgr_rounds_subtract(&x, &y);
    if (how == 2) pgr_rounds_intersect(&x, &y);
    for (int k = 0; k < RANGE; k++)
      a.has[k] = how == 0 ? a.has[k] || b.has[k] : how == 1 ? a.has[k] && !b.has[k] : a.has[k] && b.has[k];
    check(&x, &a);
    check(&y, &b);
    pgr_rounds_deinit(&x);
    pgr_rounds_deinit(&y);
  }
}

static void empty_sets(void **state) {
  (void)state;
  pgr_rounds a = {0}, b = {0};
  pgr_rounds_settle(&a);
  assert_int_equal(pgr_rounds_unite(&a, &b), PGR_OK);
  pgr_rounds_subtract(&a, &b);
  pgr_rounds_intersect(&a, &b);
  assert_int_equal(a.count, 0);
  assert_false(pgr_rounds_has(&a, 0));
  pgr_rounds_deinit(&a);
  pgr_rounds_deinit(&a);
}

static void no_memory_changes_nothing(void **state) {
  (void)state;
  pgr_rounds a = {0};
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_rounds_add(&a, 1), PGR_ENOMEM);
  assert_int_equal(a.count, 0);
  for (int64_t i = 0; i < 64; i++)
    assert_int_equal(pgr_rounds_add(&a, i), PGR_OK);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_rounds_add(&a, 64), PGR_ENOMEM);
  pgr_mem_fail_nth(0);
  pgr_rounds_settle(&a);
  assert_int_equal(a.count, 64);
  pgr_rounds_deinit(&a);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(sets_are_sets), cmocka_unit_test(empty_sets),
                                     cmocka_unit_test(no_memory_changes_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
