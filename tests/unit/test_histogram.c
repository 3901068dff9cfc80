/* Quantiles, counts and the deviation against exact ones from sorted values; merging against recording together. */
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

static void check_against(const pgr_histogram *h, const int64_t *values, size_t count) {
  double sum = 0, squares = 0;
  for (size_t i = 0; i < count; i++)
    sum += (double)values[i];
  for (size_t i = 0; i < count; i++)
    squares += ((double)values[i] - sum / (double)count) * ((double)values[i] - sum / (double)count);
  double largest = (double)values[count - 1], deviation = sqrt(squares / (double)count);
  assert_true(fabs(pgr_histogram_deviation(h) - deviation) <= 0.001 * largest);
  for (size_t i = 0; i < count; i += 1 + count / 50) {
    size_t at_least = i + 1, at_most;
    double near = (double)values[i] * 1.001;
    while (at_least < count && values[at_least] == values[i])
      at_least++;
    for (at_most = at_least; at_most < count && (double)values[at_most] <= near;)
      at_most++;
    uint64_t got = pgr_histogram_count_to(h, values[i]);
    assert_true(got >= at_least);
    assert_true(got <= at_most);
  }
  assert_int_equal(pgr_histogram_count_to(h, values[count - 1]), count);
  assert_int_equal(pgr_histogram_count_to(h, INT64_MAX), count);
  if (values[0] > 1) assert_int_equal(pgr_histogram_count_to(h, values[0] - 1 - values[0] / 500), 0);
}

static void counts_and_deviation_are_within_a_thousandth(void **state) {
  (void)state;
  static int64_t values[COUNT];
  pgr_random r;
  pgr_random_init(&r, 12, 3);
  for (int shape = 0; shape < SHAPES; shape++)
    for (size_t count = 1; count <= COUNT; count = count * 7 + 1) {
      pgr_histogram *h = pgr_histogram_create();
      for (size_t i = 0; i < count; i++) {
        values[i] = draw(&r, shape);
        assert_int_equal(pgr_histogram_record(h, values[i]), PGR_OK);
      }
      qsort(values, count, sizeof *values, by_value);
      check_against(h, values, count);
      pgr_histogram_destroy(h);
    }
}

/* Small values have steps of their own: here the deviation is exact, and equal values have none. */
static void deviation_of_few(void **state) {
  (void)state;
  pgr_histogram *h = pgr_histogram_create();
  assert_true(pgr_histogram_deviation(h) == 0);
  assert_int_equal(pgr_histogram_count_to(h, INT64_MAX), 0);
  const int64_t values[] = {2, 4, 4, 4, 5, 5, 7, 9};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    assert_int_equal(pgr_histogram_record(h, values[i]), PGR_OK);
  assert_true(pgr_histogram_deviation(h) == 2);
  assert_int_equal(pgr_histogram_count_to(h, 4), 4);
  assert_int_equal(pgr_histogram_count_to(h, 6), 6);
  assert_int_equal(pgr_histogram_count_to(h, 1), 0);
  assert_int_equal(pgr_histogram_count_to(h, -1), 0);
  pgr_histogram_destroy(h);
  h = pgr_histogram_create();
  for (int i = 0; i < 1000; i++)
    assert_int_equal(pgr_histogram_record(h, 5000001), PGR_OK);
  assert_true(pgr_histogram_deviation(h) < 1e-6);
  pgr_histogram_destroy(h);
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

static uint64_t count_of(const pgr_histogram *h) {
  return h ? pgr_histogram_count(h) : 0;
}

static void record_under_load(pgr_tally *t, int statements, int64_t value_ns) {
  assert_int_equal(pgr_tally_time_statements(t, statements), PGR_OK);
  for (int i = 0; i < statements; i += 2)
    assert_int_equal(pgr_tally_record(&t->statement[i], value_ns + i), PGR_OK);
  assert_int_equal(pgr_tally_record(&t->tries[PGR_KINDS_MAX - 1], 3), PGR_OK);
  assert_int_equal(pgr_tally_record(&t->transaction, value_ns), PGR_OK);
}

static void room_for_statements_grows_and_keeps(void **state) {
  (void)state;
  pgr_tally t;
  pgr_tally_init(&t);
  record_under_load(&t, 3, 100);
  assert_int_equal(pgr_tally_time_statements(&t, 2), PGR_OK);
  assert_int_equal(t.statement_kinds, 3);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_tally_time_statements(&t, 50), PGR_ENOMEM);
  assert_int_equal(t.statement_kinds, 3);
  assert_int_equal(pgr_tally_time_statements(&t, 50), PGR_OK);
  assert_int_equal(t.statement_kinds, 50);
  for (int i = 0; i < 50; i++)
    assert_int_equal(count_of(t.statement[i]), i == 0 || i == 2);
  pgr_tally_deinit(&t);
  assert_null(t.statement);
  assert_int_equal(t.statement_kinds, 0);
  pgr_tally_deinit(&t);
}

static void tallies_of_load_add_up(void **state) {
  (void)state;
  pgr_tally sum, few, many, none;
  pgr_tally_init(&sum);
  pgr_tally_init(&few);
  pgr_tally_init(&many);
  pgr_tally_init(&none);
  record_under_load(&few, 3, 100);
  record_under_load(&many, 5, 200);
  assert_int_equal(pgr_tally_merge(&sum, &few), PGR_OK);
  assert_int_equal(pgr_tally_merge(&sum, &many), PGR_OK);
  assert_int_equal(pgr_tally_merge(&sum, &few), PGR_OK);
  assert_int_equal(pgr_tally_merge(&sum, &none), PGR_OK);
  assert_int_equal(sum.statement_kinds, 5);
  const uint64_t counts[] = {3, 0, 3, 0, 1};
  for (int i = 0; i < 5; i++)
    assert_int_equal(count_of(sum.statement[i]), counts[i]);
  assert_int_equal(pgr_histogram_max(sum.statement[2]), 202);
  for (int k = 0; k < PGR_KINDS_MAX; k++)
    assert_int_equal(count_of(sum.tries[k]), k == PGR_KINDS_MAX - 1 ? 3 : 0);
  assert_int_equal(pgr_histogram_count(sum.transaction), 3);
  assert_int_equal(pgr_histogram_min(sum.transaction), 100);
  assert_int_equal(pgr_histogram_count(few.transaction), 1);
  pgr_tally_deinit(&sum);
  pgr_tally_deinit(&few);
  pgr_tally_deinit(&many);
}

/* That nothing is lost or freed twice is for the sanitizers to see. */
static void a_merge_without_memory_can_be_given_back(void **state) {
  (void)state;
  pgr_tally from;
  pgr_tally_init(&from);
  record_under_load(&from, 3, 100);
  assert_int_equal(pgr_tally_record(&from.service[1][PGR_OUTCOME_OK], 100), PGR_OK);
  assert_int_equal(pgr_tally_record(&from.response[1][PGR_OUTCOME_OK], 100), PGR_OK);
  assert_int_equal(pgr_tally_record(&from.pool_wait, 100), PGR_OK);
  assert_int_equal(pgr_tally_record(&from.start_skew, 100), PGR_OK);
  unsigned long nth = 1;
  for (pgr_code code = PGR_ENOMEM; code; nth++) {
    pgr_tally sum;
    pgr_tally_init(&sum);
    pgr_mem_fail_nth(nth);
    code = pgr_tally_merge(&sum, &from);
    pgr_mem_fail_nth(0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    pgr_tally_deinit(&sum);
  }
  assert_int_equal(nth, 19); /* eight histograms, a row in each, the statements' array; and one that went well */
  pgr_tally_deinit(&from);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(quantiles_are_within_a_thousandth),
                                     cmocka_unit_test(counts_and_deviation_are_within_a_thousandth),
                                     cmocka_unit_test(deviation_of_few),
                                     cmocka_unit_test(merging_is_recording_together),
                                     cmocka_unit_test(edges),
                                     cmocka_unit_test(tallies_add_up),
                                     cmocka_unit_test(room_for_statements_grows_and_keeps),
                                     cmocka_unit_test(tallies_of_load_add_up),
                                     cmocka_unit_test(a_merge_without_memory_can_be_given_back)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
