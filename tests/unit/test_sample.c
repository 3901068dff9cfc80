/* Medians and their intervals against the binomial distribution; Mann-Whitney against published values, against every
 * way to deal the values, and against the normal distribution. */
#include "pgr_test.h"

#include "pgr_random.h"
#include "pgr_sample.h"
#include <float.h>
#include <math.h>

#define near(a, b, eps) assert_true(fabs((a) - (b)) <= (eps))
#define same(a, b) assert_true((a) == (b))
#define COUNT(array) (sizeof(array) / sizeof *(array))

static pgr_random dice;

/* 1 … n in no order. */
static void shuffled_ranks(double *values, size_t n) {
  for (size_t i = 0; i < n; i++) {
    size_t at = pgr_random_below(&dice, i + 1);
    if (at < i) values[i] = values[at];
    values[at] = (double)i + 1;
  }
}

static void medians(void **state) {
  (void)state;
  const double odd[] = {5, -1, 3}, even[] = {4, 1, 3, 2}, one[] = {7}, huge[] = {DBL_MAX, DBL_MAX};
  same(pgr_sample_median(NULL, 0), 0);
  same(pgr_sample_median(one, 1), 7);
  same(pgr_sample_median(odd, 3), 3);
  same(pgr_sample_median(even, 4), 2.5);
  same(pgr_sample_median(huge, 2), DBL_MAX);
  static double many[PGR_SAMPLE_MAX];
  shuffled_ranks(many, PGR_SAMPLE_MAX);
  same(pgr_sample_median(many, PGR_SAMPLE_MAX), (PGR_SAMPLE_MAX + 1) / 2.0);
}

static void published_ranks_of_the_interval(void **state) {
  (void)state;
  /* Tables of the distribution-free interval of the median at 95 %; covered: in percent. */
  const struct {
    size_t n, low, high;
    double covered;
  } table[] = {{6, 1, 6, 96.875},  {8, 1, 8, 99.22},   {9, 2, 8, 96.09},    {10, 2, 9, 97.85},   {15, 4, 12, 96.48},
               {20, 6, 15, 95.86}, {25, 8, 18, 95.67}, {30, 10, 21, 95.72}, {100, 40, 61, 96.48}};
  for (size_t i = 0; i < COUNT(table); i++) {
    double values[100], covered = 0;
    pgr_interval got;
    shuffled_ranks(values, table[i].n);
    assert_true(pgr_sample_median_interval(values, table[i].n, &got));
    same(got.low, (double)table[i].low);
    same(got.high, (double)table[i].high);
    double n = (double)table[i].n;
    for (double k = got.low; k < got.high; k++)
      covered += exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * log(2));
    near(100 * covered, table[i].covered, 0.005);
  }
}

/* That the median of the population lies between the r-th smallest and the r-th largest: at least r and at most n - r
 * of n are below it. */
static double covered_by(size_t n, size_t r) {
  double sum = 0, all = (double)n;
  for (size_t k = r; k + r <= n; k++)
    sum += exp(lgamma(all + 1) - lgamma((double)k + 1) - lgamma(all - (double)k + 1) - all * log(2));
  return sum;
}

static void the_interval_is_the_narrowest_that_covers(void **state) {
  (void)state;
  static double values[PGR_SAMPLE_MAX];
  for (size_t n = 6; n <= PGR_SAMPLE_MAX; n += n < 100 ? 1 : 180) {
    pgr_interval got;
    shuffled_ranks(values, n);
    assert_true(pgr_sample_median_interval(values, n, &got));
    size_t r = (size_t)got.low;
    assert_true(r >= 1 && 2 * r <= n);
    same(got.high, (double)(n + 1 - r));
    assert_true(covered_by(n, r) >= 0.95);
    assert_true(covered_by(n, r + 1) < 0.95);
  }
}

static void too_few_for_an_interval(void **state) {
  (void)state;
  const double values[] = {3, 9, 1, 4, 5};
  pgr_interval got = {-1, -1};
  assert_false(pgr_sample_median_interval(values, 0, &got));
  assert_true(got.low == 0 && got.high == 0);
  assert_false(pgr_sample_median_interval(values, 1, &got));
  assert_true(got.low == 3 && got.high == 3);
  assert_false(pgr_sample_median_interval(values, 5, &got));
  assert_true(got.low == 1 && got.high == 9);
}

/* ---- Mann-Whitney ---- */

static void both_ways(const double *x, size_t n, const double *y, size_t m, double p, double eps) {
  near(pgr_sample_mann_whitney(x, n, y, m), p, eps);
  same(pgr_sample_mann_whitney(x, n, y, m), pgr_sample_mann_whitney(y, m, x, n));
}

static void published_p_without_ties(void **state) {
  (void)state;
  /* R: wilcox.test(x, y). The second is its documentation's, after Hollander & Wolfe, table 4.1. */
  const double x1[] = {1, 2, 3, 4, 5}, y1[] = {6, 7, 8, 9, 10};
  both_ways(x1, 5, y1, 5, 0.007936508, 5e-10);
  const double x2[] = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46},
               y2[] = {1.15, 0.88, 0.90, 0.74, 1.21};
  both_ways(x2, 10, y2, 5, 764 / 3003.0, 1e-15); /* 0.2544 */
}

static void published_p_with_ties(void **state) {
  (void)state;
  /* R: wilcox.test(mpg ~ am, mtcars), W = 42; wilcox.test(Ozone ~ Month, airquality, Month %in% c(5, 8)), W = 127.5 */
  const double automatic[] = {21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3,
                              15.2, 10.4, 10.4, 14.7, 21.5, 15.5, 15.2, 13.3, 19.2},
               manual[] = {21, 21, 22.8, 32.4, 30.4, 33.9, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4};
  both_ways(automatic, COUNT(automatic), manual, COUNT(manual), 0.001871, 5e-7);
  const double may[] = {41, 36, 12, 18, 28, 23, 19, 8, 7,  16, 11, 14,  18,
                        14, 34, 6,  30, 11, 1,  11, 4, 32, 23, 45, 115, 37},
               august[] = {39, 9,  16, 78, 35, 66, 122, 89,  110, 44, 28,  65, 22,
                           59, 23, 31, 44, 21, 9,  45,  168, 73,  76, 118, 84, 85};
  both_ways(may, COUNT(may), august, COUNT(august), 0.0001208, 5e-8);
}

/* Two samples without ties in which x is the larger in u of the n * m pairs. */
static void of_u(double *x, size_t n, double *y, size_t m, size_t u) {
  for (size_t j = 0; j < m; j++)
    y[j] = (double)j + 1;
  for (size_t i = 0; i < n; i++) {
    size_t beaten = u < m ? u : m;
    x[i] = (double)beaten + (double)(i + 1) / (double)(n + 1);
    u -= beaten;
  }
  assert_int_equal(u, 0);
}

static double p_of_u(size_t n, size_t m, size_t u) {
  double x[PGR_SAMPLE_MAX], y[PGR_SAMPLE_MAX];
  of_u(x, n, y, m, u);
  return pgr_sample_mann_whitney(x, n, y, m);
}

static void published_critical_values(void **state) {
  (void)state;
  /* The largest U that is significant at 5 %, two-sided: the usual table. */
  const struct {
    size_t n, m, critical;
  } table[] = {{4, 4, 0},    {5, 5, 2},    {5, 8, 6},     {7, 9, 12},  {8, 8, 13},
               {10, 10, 23}, {15, 15, 64}, {20, 20, 127}, {5, 20, 20}, {20, 5, 20}};
  for (size_t i = 0; i < COUNT(table); i++) {
    size_t n = table[i].n, m = table[i].m, critical = table[i].critical;
    assert_true(p_of_u(n, m, critical) <= 0.05);
    assert_true(p_of_u(n, m, critical + 1) > 0.05);
    same(p_of_u(n, m, n * m - critical), p_of_u(n, m, critical));
  }
}

enum { DEALT_MAX = 12 };

/* Those of 0 … all-1 whose bit is set go to x, the others to y; says how often x is the larger. */
static size_t deal(unsigned bits, size_t all, double *x, size_t *n, double *y, size_t *m) {
  size_t u = 0;
  *n = *m = 0;
  for (size_t i = 0; i < all; i++) {
    if (bits >> i & 1) {
      x[(*n)++] = (double)i;
      u += *m;
    } else {
      y[(*m)++] = (double)i;
    }
  }
  return u;
}

static void exact_is_every_way_to_deal(void **state) {
  (void)state;
  double x[DEALT_MAX], y[DEALT_MAX];
  size_t n, m;
  for (size_t all = 2; all <= DEALT_MAX; all++) {
    /* by the number dealt to x, and U */
    unsigned ways[DEALT_MAX + 1][DEALT_MAX * DEALT_MAX / 4 + 1] = {0}, total[DEALT_MAX + 1] = {0};
    for (unsigned bits = 0; bits < 1u << all; bits++) {
      size_t u = deal(bits, all, x, &n, y, &m);
      ways[n][u]++;
      total[n]++;
    }
    for (unsigned bits = 1; bits < (1u << all) - 1; bits++) {
      size_t u = deal(bits, all, x, &n, y, &m);
      unsigned low = 0, high = 0;
      for (size_t other = 0; other <= n * m; other++) {
        if (other <= u) low += ways[n][other];
        if (other >= u) high += ways[n][other];
      }
      double p = 2.0 * (low < high ? low : high) / total[n];
      same(pgr_sample_mann_whitney(x, n, y, m), p > 1 ? 1 : p);
    }
  }
}

/* P(|Z| >= distance / deviation), with half a step taken off. */
static double two_sided(double distance, double variance) {
  double z = (fabs(distance) - 0.5) / sqrt(variance);
  return z <= 0 ? 1 : 1 - erf(z / sqrt(2));
}

/* U and what the same values, dealt in all ways, say of its variance. */
static double dealt_variance(const double *values, size_t all, size_t n, unsigned dealt, double *u) {
  double sum = 0, squares = 0, ways = 0;
  for (unsigned bits = 0; bits < 1u << all; bits++) {
    double of_bits = 0;
    if ((size_t)__builtin_popcount(bits) != n) continue;
    for (size_t i = 0; i < all; i++)
      for (size_t j = 0; j < all; j++)
        if ((bits >> i & 1) && !(bits >> j & 1))
          of_bits += values[i] > values[j] ? 1 : values[i] == values[j] ? 0.5 : 0;
    sum += of_bits;
    squares += of_bits * of_bits;
    ways++;
    if (bits == dealt) *u = of_bits;
  }
  near(sum / ways, (double)(n * (all - n)) / 2, 1e-9);
  return squares / ways - sum / ways * (sum / ways);
}

static int has_ties(const double *values, size_t all) {
  for (size_t i = 0; i < all; i++)
    for (size_t j = 0; j < i; j++)
      if (values[i] == values[j]) return 1;
  return 0;
}

static void ties_are_the_normal_distribution_of_all_ways(void **state) {
  (void)state;
  int below_one = 0;
  for (int run = 0; run < 150; run++) {
    double values[9], x[9], y[9], u = 0;
    size_t all = 2 + pgr_random_below(&dice, 8), n = 0, m = 0;
    for (size_t i = 0; i < all; i++)
      values[i] = (double)pgr_random_below(&dice, 5);
    unsigned bits = 1 + (unsigned)pgr_random_below(&dice, (1u << all) - 2);
    for (size_t i = 0; i < all; i++) {
      if (bits >> i & 1)
        x[n++] = values[i];
      else
        y[m++] = values[i];
    }
    if (!has_ties(values, all)) continue;
    double variance = dealt_variance(values, all, n, bits, &u);
    double p = two_sided(u - (double)(n * m) / 2, variance);
    near(pgr_sample_mann_whitney(x, n, y, m), p, 1e-9);
    below_one += p < 1;
  }
  assert_true(below_one > 50);
}

static void exact_up_to_fifty(void **state) {
  (void)state;
  const double deals = 126410606437752; /* 50 over 25 */
  same(p_of_u(25, 25, 0), 2 / deals);
  same(p_of_u(25, 25, 625), 2 / deals);
  same(p_of_u(25, 25, 1), 4 / deals);
  same(p_of_u(25, 25, 312), 1);
  same(p_of_u(1, 49, 0), 0.04);
  same(p_of_u(49, 1, 3), 0.16);
  near(p_of_u(25, 26, 200), two_sided(325 - 200, 25 * 26 * 52 / 12.0), 1e-12);
  near(p_of_u(1, 50, 0), two_sided(25, 50 * 52 / 12.0), 1e-12);
  /* One tie, and 50 values are no longer dealt. */
  double x[25], y[25];
  of_u(x, 25, y, 25, 200);
  y[0] = y[1];
  double equal = 2 * 2 * 2 - 2;
  near(pgr_sample_mann_whitney(x, 25, y, 25), two_sided(312.5 - 200, 625 / 12.0 * (51 - equal / (50 * 49))), 1e-12);
}

static void as_many_as_there_may_be(void **state) {
  (void)state;
  const double most = PGR_SAMPLE_MAX, variance = most * most * (2 * most + 1) / 12;
  near(p_of_u(PGR_SAMPLE_MAX, PGR_SAMPLE_MAX, 480000), two_sided(20000, variance), 1e-12);
  double extreme = p_of_u(PGR_SAMPLE_MAX, PGR_SAMPLE_MAX, 0);
  assert_true(extreme >= 0 && extreme < 1e-300);
}

static void nothing_to_tell_apart(void **state) {
  (void)state;
  double equal[60];
  for (size_t i = 0; i < COUNT(equal); i++)
    equal[i] = 0.1;
  same(pgr_sample_mann_whitney(equal, 0, equal, 5), 1);
  same(pgr_sample_mann_whitney(equal, 5, equal, 0), 1);
  same(pgr_sample_mann_whitney(NULL, 0, NULL, 0), 1);
  same(pgr_sample_mann_whitney(equal, 1, equal, 1), 1);
  same(pgr_sample_mann_whitney(equal, 7, equal, 5), 1);
  same(pgr_sample_mann_whitney(equal, 60, equal, 60), 1);
  const double zero[] = {0.0}, minus_zero[] = {-0.0}, one[] = {1};
  same(pgr_sample_mann_whitney(zero, 1, minus_zero, 1), 1);
  same(pgr_sample_mann_whitney(zero, 1, one, 1), 1);
}

static void order_does_not_matter(void **state) {
  (void)state;
  double x[20], y[20];
  of_u(x, 20, y, 20, 127);
  double p = pgr_sample_mann_whitney(x, 20, y, 20);
  for (size_t i = 0; i < 10; i++) {
    double swapped = x[i];
    x[i] = x[19 - i];
    x[19 - i] = swapped;
  }
  same(pgr_sample_mann_whitney(x, 20, y, 20), p);
}

static int seed(void **state) {
  (void)state;
  pgr_random_init(&dice, 17, 1);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(medians),
                                     cmocka_unit_test(published_ranks_of_the_interval),
                                     cmocka_unit_test(the_interval_is_the_narrowest_that_covers),
                                     cmocka_unit_test(too_few_for_an_interval),
                                     cmocka_unit_test(published_p_without_ties),
                                     cmocka_unit_test(published_p_with_ties),
                                     cmocka_unit_test(published_critical_values),
                                     cmocka_unit_test(exact_is_every_way_to_deal),
                                     cmocka_unit_test(ties_are_the_normal_distribution_of_all_ways),
                                     cmocka_unit_test(exact_up_to_fifty),
                                     cmocka_unit_test(as_many_as_there_may_be),
                                     cmocka_unit_test(nothing_to_tell_apart),
                                     cmocka_unit_test(order_does_not_matter)};
  return cmocka_run_group_tests(tests, seed, NULL);
}
