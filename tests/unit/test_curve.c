/* Distributions as lines, against what was recorded. */
#include "pgr_test.h"

#include "pgr_curve.h"
#include "pgr_random.h"
#include <math.h>

static pgr_curve curve_of(pgr_histogram *h) {
  pgr_curve c;
  pgr_curve_of(h, &c);
  pgr_histogram_destroy(h);
  return c;
}

static pgr_histogram *values_to(int64_t last) {
  pgr_histogram *h = pgr_histogram_create();
  assert_non_null(h);
  for (int64_t i = 1; i <= last; i++)
    assert_int_equal(pgr_histogram_record(h, i), PGR_OK);
  return h;
}

static void check_shape(const pgr_curve *c, int64_t max_ns) {
  assert_in_range(c->count, 1, PGR_CURVE_POINTS_MAX);
  for (size_t i = 0; i < c->count; i++) {
    assert_true(c->points[i].share > (i ? c->points[i - 1].share : 0));
    assert_true(i == 0 || c->points[i].ns >= c->points[i - 1].ns);
  }
  assert_true(c->points[c->count - 1].share == 1);
  assert_int_equal(c->points[c->count - 1].ns, max_ns);
}

static void check_point(const pgr_curve *c, size_t i, double share, int64_t ns) {
  assert_true(i < c->count);
  assert_true(c->points[i].share == share);
  assert_int_equal(c->points[i].ns, ns);
}

static void no_samples(void **state) {
  (void)state;
  pgr_curve c = {.count = 7};
  pgr_curve_of(NULL, &c);
  assert_int_equal(c.count, 0);
  c = curve_of(values_to(0));
  assert_int_equal(c.count, 0);
}

static void one_sample(void **state) {
  (void)state;
  pgr_curve c = curve_of(values_to(1));
  assert_int_equal(c.count, 1);
  check_point(&c, 0, 1, 1);
}

/* As many points as there are samples to tell apart, each the share that it stands for. */
static void few_samples(void **state) {
  (void)state;
  pgr_curve two = curve_of(values_to(2)), four = curve_of(values_to(4));
  assert_int_equal(two.count, 2);
  check_point(&two, 0, 0.5, 1);
  check_point(&two, 1, 1, 2);
  assert_int_equal(four.count, 4);
  check_point(&four, 0, 0.25, 1);
  check_point(&four, 1, 0.5, 2);
  check_point(&four, 2, 0.75, 3);
  check_point(&four, 3, 1, 4);
}

/* Two points each time the distance to 1 has halved; of shares that stand for one rank the largest is kept. */
static void many_samples(void **state) {
  (void)state;
  static const double shares[] = {0.25, 0.5, 0.625, 0.75, 0.8125, 0.875};
  pgr_curve c = curve_of(values_to(1000));
  check_shape(&c, 1000);
  assert_int_equal(c.count, 19);
  for (size_t i = 0; i < sizeof shares / sizeof *shares; i++)
    check_point(&c, i, shares[i], (int64_t)ceil(shares[i] * 1000));
  assert_true(c.points[c.count - 2].share > 0.998);
}

static void any_samples_make_a_curve(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 7, 0);
  for (int i = 0; i < 200; i++) {
    pgr_histogram *h = pgr_histogram_create();
    assert_non_null(h);
    uint64_t n = 1 + pgr_random_below(&r, 300), range = UINT64_C(1) << pgr_random_below(&r, 40);
    for (uint64_t k = 0; k < n; k++)
      assert_int_equal(pgr_histogram_record(h, (int64_t)pgr_random_below(&r, range)), PGR_OK);
    int64_t max_ns = pgr_histogram_max(h);
    pgr_curve c = curve_of(h);
    check_shape(&c, max_ns);
    assert_true(c.count <= n);
  }
}

/* However many samples there are. */
static void it_is_bounded(void **state) {
  (void)state;
  pgr_histogram *h = pgr_histogram_create();
  assert_non_null(h);
  assert_int_equal(pgr_histogram_record_many(h, 1000, UINT64_C(1) << 60), PGR_OK);
  assert_int_equal(pgr_histogram_record(h, 5000), PGR_OK);
  pgr_curve c = curve_of(h);
  check_shape(&c, 5000);
  assert_int_equal(c.count, PGR_CURVE_POINTS_MAX);
  assert_int_equal(c.points[c.count - 2].ns, 1000);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(no_samples),
                                     cmocka_unit_test(one_sample),
                                     cmocka_unit_test(few_samples),
                                     cmocka_unit_test(many_samples),
                                     cmocka_unit_test(any_samples_make_a_curve),
                                     cmocka_unit_test(it_is_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
