/* Clopper-Pearson against published values and against its definition. */
#include "pgr_test.h"

#include "pgr_interval.h"
#include <math.h>

#define near(a, b, eps) assert_true(fabs((a) - (b)) < (eps))

static void published_values(void **state) {
  (void)state;
  /* R 4.2: binom.test(k, n)$conf.int */
  const struct {
    uint64_t k, n;
    double low, high;
  } table[] = {{0, 10, 0, 0.3084971},
               {1, 10, 0.002528579, 0.4450161},
               {5, 10, 0.1870860, 0.8129140},
               {10, 10, 0.6915029, 1},
               {3, 100, 0.006229972, 0.08517605}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_interval got = pgr_interval_95(table[i].k, table[i].n);
    near(got.low, table[i].low, 1e-6);
    near(got.high, table[i].high, 1e-6);
  }
}

/* P(X <= k) for X ~ Binomial(n, p), summed. */
static double binomial_cdf(uint64_t k, uint64_t n, double p) {
  double sum = 0;
  for (uint64_t i = 0; i <= k; i++)
    sum += exp(lgamma((double)n + 1) - lgamma((double)i + 1) - lgamma((double)(n - i) + 1) + (double)i * log(p) +
               (double)(n - i) * log1p(-p));
  return sum;
}

static void bounds_meet_their_definition(void **state) {
  (void)state;
  for (uint64_t n = 1; n <= 300; n += n < 20 ? 1 : 37) {
    for (uint64_t k = 0; k <= n; k++) {
      pgr_interval got = pgr_interval_95(k, n);
      assert_true(0 <= got.low && got.low <= (double)k / (double)n && (double)k / (double)n <= got.high &&
                  got.high <= 1);
      if (k < n) near(binomial_cdf(k, n, got.high), 0.025, 1e-8);
      if (k > 0) near(1 - binomial_cdf(k - 1, n, got.low), 0.025, 1e-8);
      if (k < n) near(binomial_cdf(k, n, pgr_upper_bound_95(k, n)), 0.05, 1e-8);
    }
  }
}

static void nothing_seen(void **state) {
  (void)state;
  near(pgr_upper_bound_95(0, 2000), 0.0014967, 1e-7);
  near(pgr_upper_bound_95(0, 1), 0.95, 1e-12);
  assert_true(pgr_upper_bound_95(0, 0) == 1);
  near(pgr_upper_bound_95(0, 1000000000) * 1e9, 2.9957, 1e-3);
  pgr_interval none = pgr_interval_95(0, 0);
  assert_true(none.low == 0 && none.high == 1);
}

static void large_counts_are_stable(void **state) {
  (void)state;
  const uint64_t n = 1000000000;
  for (uint64_t k = 1; k < n; k = k * 10 + 7) {
    pgr_interval got = pgr_interval_95(k, n);
    double share = (double)k / (double)n, normal = 1.96 * sqrt(share * (1 - share) / (double)n);
    assert_true(got.low < share && share < got.high);
    if (k > 10000) near((got.high - got.low) / (2 * normal), 1, 0.02);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(published_values), cmocka_unit_test(bounds_meet_their_definition),
                                     cmocka_unit_test(nothing_seen), cmocka_unit_test(large_counts_are_stable)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
