/* Times of arrivals against the rate that was asked for: exactly where they are evenly spaced, by their distribution
 * with fixed seeds where they are not; texts of rates and their faults. */
#include "pgr_test.h"

#include "pgr_arrivals.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { GAPS = 200000 };

static const int64_t second_ns = INT64_C(1000000000);

/* 4.9 standard deviations: one in a million is outside. */
static const double deviations = 4.9;

static pgr_arrivals arrivals(double from, double to, double ramp_s, bool poisson) {
  pgr_arrivals a;
  pgr_arrivals_init(&a, &(pgr_rate){.from = from, .to = to}, (int64_t)(ramp_s * 1e9), 1, poisson, 31, 0);
  return a;
}

static int64_t count_until(pgr_arrivals *a, int64_t end_ns) {
  int64_t count = 0;
  while (pgr_arrivals_next(a) < end_ns)
    count++;
  return count;
}

/* ---- evenly spaced ---- */

static void spacing_is_exact(void **state) {
  (void)state;
  const double rates[] = {0.5, 1, 250.5, 1000, 3000, 1e9};
  for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
    pgr_arrivals a = arrivals(rates[r], rates[r], 0, false);
    for (int64_t i = 0; i < 100000; i++) {
      long double exact = ((long double)i + 0.5L) * 1e9L / (long double)rates[r];
      assert_true(fabsl((long double)pgr_arrivals_next(&a) - exact) <= 0.5L + exact * 1e-15L);
    }
  }
  pgr_arrivals a = arrivals(1000, 1000, 0, false);
  int64_t before_ns = pgr_arrivals_next(&a);
  for (int i = 0; i < 1000000; i++) {
    int64_t next_ns = pgr_arrivals_next(&a);
    assert_int_equal(next_ns - before_ns, 1000000);
    before_ns = next_ns;
  }
}

static void a_ramp_to_the_same_is_none(void **state) {
  (void)state;
  pgr_arrivals plain = arrivals(700, 700, 0, false), ramp = arrivals(700, 700, 3, false);
  for (int i = 0; i < 10000; i++)
    assert_in_range(pgr_arrivals_next(&plain) - pgr_arrivals_next(&ramp) + 1, 0, 2);
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void threads_take_turns(void **state) {
  (void)state;
  enum { EACH = 1000, THREADS_MAX = 7 };
  const uint64_t first_streams[] = {0, 5, UINT64_C(1) << 35};
  for (size_t f = 0; f < sizeof first_streams / sizeof *first_streams; f++)
    for (int threads = 1; threads <= THREADS_MAX; threads++) {
      static int64_t times[EACH * THREADS_MAX];
      for (int t = 0; t < threads; t++) {
        pgr_arrivals a;
        pgr_arrivals_init(&a, &(pgr_rate){1000, 1000}, 0, 1.0 / threads, false, 32, first_streams[f] + (uint64_t)t);
        for (int i = 0; i < EACH; i++)
          times[t * EACH + i] = pgr_arrivals_next(&a);
      }
      qsort(times, (size_t)(EACH * threads), sizeof *times, by_time);
      for (int i = 0; i < EACH * threads; i++)
        assert_true(llabs(times[i] - (i * INT64_C(1000000) + 500000)) <= 10);
    }
}

/* ---- Poisson ---- */

/* Gaps in nanoseconds, as they come out: rounded. */
static void draw_gaps(double *gap_ns, double rate, double share, uint64_t seed, uint64_t stream) {
  pgr_arrivals a;
  pgr_arrivals_init(&a, &(pgr_rate){.from = rate, .to = rate}, 0, share, true, seed, stream);
  int64_t before_ns = 0;
  for (int i = 0; i < GAPS; i++) {
    int64_t next_ns = pgr_arrivals_next(&a);
    gap_ns[i] = (double)(next_ns - before_ns);
    before_ns = next_ns;
  }
}

static double mean_of(const double *x, int count) {
  double sum = 0;
  for (int i = 0; i < count; i++)
    sum += x[i];
  return sum / count;
}

static double covariance(const double *x, const double *y, int count) {
  double mean_x = mean_of(x, count), mean_y = mean_of(y, count), sum = 0;
  for (int i = 0; i < count; i++)
    sum += (x[i] - mean_x) * (y[i] - mean_y);
  return sum / count;
}

/* Of an exponential distribution the variance is the mean squared, and the fourth moment nine times that squared. */
static void poisson_gaps_are_exponential(void **state) {
  (void)state;
  enum { CELLS = 20 };
  static double gap_ns[GAPS];
  int64_t seen[CELLS] = {0};
  double chi_square = 0, expected = (double)GAPS / CELLS;
  draw_gaps(gap_ns, 1000, 1, 33, 0);
  double mean = mean_of(gap_ns, GAPS), variance = covariance(gap_ns, gap_ns, GAPS);
  assert_true(fabs(mean / 1e6 - 1) < deviations / sqrt(GAPS));
  assert_true(fabs(variance / 1e12 - 1) < deviations * sqrt(8.0 / GAPS));
  for (int i = 0; i < GAPS; i++)
    seen[(int)(-expm1(-gap_ns[i] / 1e6) * CELLS)]++;
  for (int i = 0; i < CELLS; i++)
    chi_square += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
  assert_true(chi_square < 63.2); /* 19 degrees: one in a million is above */
  assert_true(fabs(covariance(gap_ns, gap_ns + 1, GAPS - 1) / variance) < deviations / sqrt(GAPS));
}

static void streams_are_independent(void **state) {
  (void)state;
  static double one[GAPS], other[GAPS], again[GAPS];
  draw_gaps(one, 1000, 1, 34, 0);
  draw_gaps(again, 1000, 1, 34, 0);
  assert_memory_equal(one, again, sizeof one);
  const struct { uint64_t seed, stream; } others[] = {{34, 1}, {34, 2}, {35, 0}};
  for (size_t o = 0; o < sizeof others / sizeof *others; o++) {
    draw_gaps(other, 1000, 1, others[o].seed, others[o].stream);
    assert_true(fabs(covariance(one, other, GAPS) / 1e12) < deviations / sqrt(GAPS));
  }
}

/* All threads together come at the whole rate. */
static void shares_split_the_rate(void **state) {
  (void)state;
  for (int poisson = 0; poisson < 2; poisson++) {
    int64_t count = 0;
    double expected = 0;
    for (uint64_t thread = 0; thread < 4; thread++) {
      pgr_arrivals a;
      pgr_arrivals_init(&a, &(pgr_rate){.from = 1000, .to = 3000}, 10 * second_ns, 0.25, poisson, 36, thread);
      expected += pgr_arrivals_expected(&a, 20 * second_ns);
      count += count_until(&a, 20 * second_ns);
    }
    assert_true(fabs(expected - 50000) < 1e-6);
    assert_true(fabs((double)count - 50000) <= (poisson ? deviations * sqrt(50000) : 0));
  }
}

/* ---- ramps ---- */

static void expectations_are_areas(void **state) {
  (void)state;
  const struct {
    double from, to, ramp_s, at_s, expected;
  } table[] = {{100, 100, 0, 10, 1000},  {100, 100, 4, 10, 1000}, {100, 300, 10, 5, 750},   {100, 300, 10, 10, 2000},
               {100, 300, 10, 12, 2600}, {300, 100, 10, 5, 1250}, {300, 100, 10, 10, 2000}, {300, 100, 10, 12, 2200},
               {300, 100, 0, 2, 200},    {300, 100, 10, 0, 0},    {300, 100, 10, -5, 0}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_arrivals a = arrivals(table[i].from, table[i].to, table[i].ramp_s, false);
    assert_true(fabs(pgr_arrivals_expected(&a, (int64_t)(table[i].at_s * 1e9)) - table[i].expected) < 1e-9);
    (void)pgr_arrivals_next(&a);
    assert_true(fabs(pgr_arrivals_expected(&a, (int64_t)(table[i].at_s * 1e9)) - table[i].expected) < 1e-9);
  }
}

static const struct ramp { double from, to; } ramps[] = {{500, 5000}, {5000, 500}, {1, 10000}, {10000, 1}};

static void ramps_bring_what_is_expected(void **state) {
  (void)state;
  const double until_s[] = {1, 5, 10, 20}; /* the second is half of the ramp, the third all of it */
  for (size_t r = 0; r < sizeof ramps / sizeof *ramps; r++)
    for (size_t u = 0; u < sizeof until_s / sizeof *until_s; u++) {
      int64_t until_ns = (int64_t)(until_s[u] * 1e9);
      pgr_arrivals even = arrivals(ramps[r].from, ramps[r].to, 10, false);
      pgr_arrivals poisson = arrivals(ramps[r].from, ramps[r].to, 10, true);
      double expected = pgr_arrivals_expected(&even, until_ns);
      assert_true(fabs((double)count_until(&even, until_ns) - expected) <= 0.5 + 1e-6);
      assert_true(fabs((double)count_until(&poisson, until_ns) - expected) < deviations * sqrt(expected));
    }
}

/* Each arrival of a ramp, not only their number. */
static void ramps_are_followed_closely(void **state) {
  (void)state;
  for (size_t r = 0; r < sizeof ramps / sizeof *ramps; r++) {
    pgr_arrivals a = arrivals(ramps[r].from, ramps[r].to, 10, false);
    for (int i = 0; i < 60000; i++)
      assert_true(fabs(pgr_arrivals_expected(&a, pgr_arrivals_next(&a)) - (i + 0.5)) < 1e-5 + 1e-10 * i);
  }
}

/* ---- limits ---- */

static void assert_never_goes_back(pgr_arrivals *a) {
  int64_t before_ns = 0;
  for (int i = 0; i < 1000000; i++) {
    int64_t next_ns = pgr_arrivals_next(a);
    assert_true(next_ns >= before_ns);
    before_ns = next_ns;
  }
}

static void times_never_go_back(void **state) {
  (void)state;
  for (int poisson = 0; poisson < 2; poisson++) {
    pgr_arrivals dense = arrivals(0.9e9, 1e9, 1e-3, poisson), late = arrivals(0.9e7, 1e7, 2e7, poisson);
    late.sum = 0.95e14; /* after months, when a rounding is more than many a gap */
    assert_never_goes_back(&dense);
    assert_never_goes_back(&late);
  }
}

/* Near the end of a steep fall the rate squared is less than what rounding makes of the difference it is: from the
 * second of these rates the last one comes out below 0. */
static void steep_falls_end(void **state) {
  (void)state;
  const double rates[] = {1e9, 513243479.06012136};
  for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
    const pgr_arrivals start = arrivals(rates[r], 1e-3, 60, false);
    double sum = pgr_arrivals_expected(&start, 60 * second_ns) - 1;
    for (int i = 0; i < 1000; i++) {
      pgr_arrivals a = start;
      a.sum = sum = nextafter(sum, 0);
      assert_true(llabs(pgr_arrivals_next(&a) - 60 * second_ns) < 1000000);
    }
  }
}

static void arrivals_at_once(void **state) {
  (void)state;
  for (int ramp_s = 0; ramp_s < 2; ramp_s++) {
    pgr_arrivals a = arrivals(100, 200, ramp_s, true);
    a.random = (pgr_random){.s = {1, 0, 2, 3}}; /* the next number is 0, and so is the gap */
    assert_int_equal(pgr_arrivals_next(&a), 0);
    assert_true(a.sum == 0);
  }
}

static void never_is_far_away(void **state) {
  (void)state;
  pgr_arrivals a = arrivals(1e-300, 1e-300, 5, false), poisson = arrivals(1e-12, 1e-12, 0, true);
  for (int i = 0; i < 3; i++) {
    assert_int_equal(pgr_arrivals_next(&a), INT64_MAX / 2);
    assert_int_equal(pgr_arrivals_next(&poisson), INT64_MAX / 2);
  }
}

/* ---- texts ---- */

static void rates_are_read(void **state) {
  (void)state;
  const struct {
    const char *text;
    pgr_rate rate;
  } table[] = {{"1000", {1000, 1000}},      {"250.5", {250.5, 250.5}},  {"100..2000", {100, 2000}},
               {"2,000..0.5", {2000, 0.5}}, {"1.5..2.5", {1.5, 2.5}},   {"10_000", {10000, 10000}},
               {"1e6..1e3", {1e6, 1e3}},    {"1000000000", {1e9, 1e9}}, {"1e-300", {1e-300, 1e-300}}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_rate rate = {0, 0};
    assert_int_equal(pgr_rate_parse(table[i].text, &rate, NULL), PGR_OK);
    assert_true(rate.from == table[i].rate.from && rate.to == table[i].rate.to);
  }
}

static void faults_of_rates_are_told(void **state) {
  (void)state;
  static const char *const no_numbers[] = {"",        "x",     "1000/s", "1.",   ".5",   "-5",    "+5",   " 5",
                                           "5 ",      "nan",   "inf",    "0x10", "..",   "100..", "..10", "1...2",
                                           "1..2..3", "1.2.3", "1,00",   "1..x", "x..1", "1e",    "1e+"};
  static const struct {
    const char *text, *part;
  } out_of_range[] = {{"0", "0"},         {"0.0", "0.0"},       {"1,000,000,001", "1,000,000,001"},
                      {"1e999", "1e999"}, {"1e-999", "1e-999"}, {"0..1000", "0"},
                      {"1000..0", "0"},   {"2e9..5", "2e9"}};
  char message[640];
  pgr_err err;
  pgr_rate rate = {3, 4};
  for (size_t i = 0; i < sizeof no_numbers / sizeof *no_numbers; i++) {
    snprintf(message, sizeof message,
             "rate: '%s' is not a number of arrivals a second, write it like 1000, or 100..2000 to ramp",
             no_numbers[i]);
    assert_int_equal(pgr_rate_parse(no_numbers[i], &rate, &err), PGR_EUSAGE);
    assert_string_equal(err.msg, message);
  }
  for (size_t i = 0; i < sizeof out_of_range / sizeof *out_of_range; i++) {
    snprintf(message, sizeof message, "rate: %s is out of range, give more than 0, at most 1,000,000,000",
             out_of_range[i].part);
    assert_int_equal(pgr_rate_parse(out_of_range[i].text, &rate, &err), PGR_EUSAGE);
    assert_string_equal(err.msg, message);
  }
  assert_true(rate.from == 3 && rate.to == 4);
}

/* One too long for its copy is refused rather than read as its beginning. */
static void long_rates_are_not_cut(void **state) {
  (void)state;
  const char *const after[] = {"1", "1..5"};
  for (size_t a = 0; a < sizeof after / sizeof *after; a++)
    for (int zeros = 100; zeros < 300; zeros++) {
      char text[400] = "1.";
      pgr_rate rate = {3, 4};
      pgr_err err;
      memset(text + 2, '0', (size_t)zeros);
      snprintf(text + 2 + zeros, sizeof text - 2 - (size_t)zeros, "%s", after[a]);
      if (pgr_rate_parse(text, &rate, &err) == PGR_OK)
        assert_true(rate.from == 1 && zeros < 126);
      else
        assert_true(rate.from == 3 && zeros > 120 && strstr(err.msg, "is not a number of arrivals a second"));
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(spacing_is_exact),
                                     cmocka_unit_test(a_ramp_to_the_same_is_none),
                                     cmocka_unit_test(threads_take_turns),
                                     cmocka_unit_test(poisson_gaps_are_exponential),
                                     cmocka_unit_test(streams_are_independent),
                                     cmocka_unit_test(shares_split_the_rate),
                                     cmocka_unit_test(expectations_are_areas),
                                     cmocka_unit_test(ramps_bring_what_is_expected),
                                     cmocka_unit_test(ramps_are_followed_closely),
                                     cmocka_unit_test(times_never_go_back),
                                     cmocka_unit_test(steep_falls_end),
                                     cmocka_unit_test(arrivals_at_once),
                                     cmocka_unit_test(never_is_far_away),
                                     cmocka_unit_test(rates_are_read),
                                     cmocka_unit_test(faults_of_rates_are_told),
                                     cmocka_unit_test(long_rates_are_not_cut)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
