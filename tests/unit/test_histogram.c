/* Quantiles against exact ones from sorted values; merging against recording together. */
#include "pgr_test.h"

#include "pgr_histogram.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include "pgr_tally.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COUNT = 20000, SHAPES = 5 };

static int64_t draw(pgr_random *r, int shape) {
  double u = ((double)(pgr_random_next(r) >> 11) + 1) / 9007199254740993.0;
  switch (shape) {
  case 0: return (int64_t)pgr_random_below(r, 1000);
  case 1: return (int64_t)pgr_random_below(r, 1000000000);
  case 2: return (int64_t)(-log(u) * 200000);
  case 3: return (int64_t)exp(u * 40);
  default: return INT64_MAX - (int64_t)pgr_random_below(r, 1000000);
  }
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void quantiles_are_within_a_thousandth(void **state) {
  (void)state;
  static int64_t values[COUNT];
  const double qs[] = {0, 0.0001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};
  pgr_random r;
  pgr_random_init(&r, 11, 3);
  for (int shape = 0; shape < SHAPES; shape++) {
    for (size_t count = 1; count <= COUNT; count = count * 7 + 1) {
      pgr_histogram *h = pgr_histogram_create();
      for (size_t i = 0; i < count; i++) {
        values[i] = draw(&r, shape);
        assert_int_equal(pgr_histogram_record(h, values[i]), PGR_OK);
      }
      qsort(values, count, sizeof *values, by_value);
      assert_int_equal(pgr_histogram_min(h), values[0]);
      assert_int_equal(pgr_histogram_max(h), values[count - 1]);
      for (size_t i = 0; i < sizeof qs / sizeof *qs; i++) {
        double rank = ceil(qs[i] * (double)count);
        int64_t exact = values[rank < 1 ? 0 : (size_t)rank - 1], got = pgr_histogram_quantile(h, qs[i]);
        assert_true(got >= exact);
        assert_true((double)(got - exact) <= 0.001 * (double)exact);
      }
      pgr_histogram_destroy(h);
    }
  }
}

static void merging_is_recording_together(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 5, 5);
  pgr_histogram *parts[3], *together = pgr_histogram_create(), *merged = pgr_histogram_create();
  for (int p = 0; p < 3; p++) {
    parts[p] = pgr_histogram_create();
    for (int i = 0; i < 3000; i++) {
      int64_t v = draw(&r, p + 1);
      assert_int_equal(pgr_histogram_record(parts[p], v), PGR_OK);
      assert_int_equal(pgr_histogram_record(together, v), PGR_OK);
    }
    assert_int_equal(pgr_histogram_merge(merged, parts[p]), PGR_OK);
    pgr_histogram_destroy(parts[p]);
  }
  assert_int_equal(pgr_histogram_count(merged), pgr_histogram_count(together));
  assert_true(fabs(pgr_histogram_mean(merged) / pgr_histogram_mean(together) - 1) < 1e-12);
  for (double q = 0; q <= 1; q += 0.001)
    assert_int_equal(pgr_histogram_quantile(merged, q), pgr_histogram_quantile(together, q));
  pgr_histogram_destroy(merged);
  pgr_histogram_destroy(together);
}

static void edges(void **state) {
  (void)state;
  pgr_histogram *h = pgr_histogram_create();
  assert_int_equal(pgr_histogram_quantile(h, 0.5), 0);
  assert_int_equal(pgr_histogram_max(h), 0);
  assert_int_equal(pgr_histogram_record(h, -5), PGR_OK);
  assert_int_equal(pgr_histogram_max(h), 0);
  assert_int_equal(pgr_histogram_record(h, INT64_MAX), PGR_OK);
  assert_int_equal(pgr_histogram_max(h), INT64_MAX);
  assert_int_equal(pgr_histogram_quantile(h, 0.5), 0);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_histogram_record(h, 1 << 20), PGR_ENOMEM);
  pgr_mem_fail_nth(0);
  assert_int_equal(pgr_histogram_count(h), 2);
  pgr_histogram_destroy(h);
}

static void tallies_add_up(void **state) {
  (void)state;
  pgr_tally a, b;
  pgr_tally_init(&a);
  pgr_tally_init(&b);
  a.outcomes[0][PGR_OUTCOME_OK] = 2;
  b.outcomes[0][PGR_OUTCOME_OK] = 3;
  a.statements = 10;
  b.statements = 20;
  assert_int_equal(pgr_tally_record(&b.service[0][PGR_OUTCOME_OK], 1000), PGR_OK);
  pgr_tally_complain(&a, 0, "a.sql", 1, "42703", "column does not exist");
  pgr_tally_complain(&b, 0, "a.sql", 1, "42703", "column does not exist");
  pgr_tally_complain(&b, 1, "b.sql", 2, "42703", "another column does not exist");
  assert_int_equal(pgr_tally_merge(&a, &b), PGR_OK);
  assert_int_equal(a.outcomes[0][PGR_OUTCOME_OK], 5);
  assert_int_equal(a.statements, 30);
  assert_int_equal(pgr_histogram_count(a.service[0][PGR_OUTCOME_OK]), 1);
  assert_int_equal(a.complaint_count, 2);
  assert_int_equal(a.complaints[0].count, 2);
  for (int i = 0; i < 20; i++) {
    char message[16] = {'a', (char)('a' + i)};
    pgr_tally_complain(&a, 0, "a.sql", 1, "XX000", message);
  }
  assert_int_equal(a.complaint_count, PGR_COMPLAINTS_KEPT);
  pgr_tally_deinit(&a);
  pgr_tally_deinit(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles_are_within_a_thousandth),
                                     cmocka_unit_test(merging_is_recording_together), cmocka_unit_test(edges),
                                     cmocka_unit_test(tallies_add_up)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
