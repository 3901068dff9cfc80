/* The generator of random(): xoroshiro128** from state (1, 2) by hand, and what follows from a seed. Its sequences are
 * compared with pgbench's in test_expr.c and tests/live/test_expr_pgbench.c. */
#include "pgr_test.h"

#include "pgr_prng.h"
#include <math.h>

static void by_hand_and_against_itself(void **state) {
  (void)state;
  pgr_prng p = {.s0 = 1, .s1 = 2};
  assert_true(pgr_prng_next(&p) == 5760); /* rotl(1 * 5, 7) * 9 */
  assert_true(p.s0 == (UINT64_C(1) << 24 ^ 3 ^ 3 << 16) && p.s1 == UINT64_C(3) << 37);
  pgr_prng a, b;
  pgr_prng_seed(&a, 7);
  pgr_prng_seed(&b, 7);
  for (int i = 0; i < 1000; i++) {
    double d = pgr_prng_double(&a);
    assert_true(d >= 0 && d < 1);
    assert_true(d == ldexp((double)(pgr_prng_next(&b) >> 12), -52));
    uint64_t n = pgr_prng_range(&a, 10, 12);
    assert_true(n >= 10 && n <= 12 && n == pgr_prng_range(&b, 10, 12));
  }
  b = a;
  assert_true(pgr_prng_range(&a, 3, 3) == 3 && a.s0 == b.s0 && a.s1 == b.s1);
  assert_true(pgr_prng_range(&a, 0, UINT64_MAX) == pgr_prng_next(&b));
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(by_hand_and_against_itself)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
