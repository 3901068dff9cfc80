/* A load second by second: where things are counted, quantiles against exact ones, merging against counting together.
 * And phases added up. */
#include "pgr_test.h"

#include "pgr_measure.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include "pgr_series.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum { SECOND = 1000000000 };
static const int64_t hour = 3600 * (int64_t)SECOND;

static pgr_random dice;

static void add(pgr_series *s, int64_t at_ns, int64_t response_ns, int failed) {
  assert_int_equal(pgr_series_add(s, at_ns, response_ns, failed), PGR_OK);
}

/* From 1 µs up, as likely in each power of two as in the next. */
static int64_t draw(int64_t below) {
  int64_t most = 2000;
  while (most < below && pgr_random_below(&dice, 32))
    most *= 2;
  if (most > below) most = below;
  return 1000 + (int64_t)pgr_random_below(&dice, (uint64_t)most - 1000);
}

static uint64_t counted(const pgr_interval_figures *f) {
  uint64_t sum = 0;
  for (int i = 0; i < PGR_SERIES_STEPS; i++)
    sum += f->steps[i];
  return sum;
}

static void each_in_the_interval_it_ended_in(void **state) {
  (void)state;
  pgr_series s = {.width_ns = SECOND};
  add(&s, 0, 5000, 0);
  add(&s, SECOND - 1, 9000, 1);
  add(&s, SECOND, 7000, 42);
  add(&s, 3 * (int64_t)SECOND, 1, 0);
  assert_int_equal(s.count, 4);
  const struct {
    uint64_t ended, errors;
    int64_t max_ns;
  } want[] = {{2, 1, 9000}, {1, 1, 7000}, {0, 0, 0}, {1, 0, 1}};
  for (size_t i = 0; i < COUNT(want); i++) {
    assert_int_equal(s.at[i].ended, want[i].ended);
    assert_int_equal(s.at[i].errors, want[i].errors);
    assert_int_equal(s.at[i].max_ns, want[i].max_ns);
    assert_int_equal(counted(&s.at[i]), want[i].ended);
  }
  add(&s, 0, 100, 0); /* late news of an earlier one */
  assert_int_equal(s.count, 4);
  assert_int_equal(s.at[0].ended, 3);
  assert_int_equal(s.at[0].max_ns, 9000);
  pgr_series_deinit(&s);
}

static void gaps_are_empty_however_it_grows(void **state) {
  (void)state;
  pgr_series s = {.width_ns = 10};
  for (int64_t at = 0; at < 400; at += 7)
    add(&s, at * 10, 5000, 0);
  add(&s, 9999 * 10, 5000, 0);
  assert_int_equal(s.count, 10000);
  for (size_t i = 0; i < s.count; i++) {
    uint64_t want = i == 9999 || (i < 400 && i % 7 == 0);
    assert_int_equal(s.at[i].ended, want);
    assert_int_equal(counted(&s.at[i]), want);
  }
  pgr_series_deinit(&s);
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static void assert_within_a_tenth(int64_t got, int64_t exact) {
  int64_t off = got > exact ? got - exact : exact - got;
  assert_true(off <= exact / 10);
}

static void quantiles_are_within_a_tenth(void **state) {
  (void)state;
  enum { MANY = 5000 };
  static int64_t values[MANY];
  const double qs[] = {0, 0.0001, 0.01, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};
  for (int64_t below = 4000; below <= hour; below *= 3) {
    for (size_t count = 1; count <= MANY; count = count * 7 + 1) {
      pgr_series s = {.width_ns = SECOND};
      for (size_t i = 0; i < count; i++)
        add(&s, 0, values[i] = draw(below), 0);
      qsort(values, count, sizeof *values, by_value);
      for (size_t i = 0; i < COUNT(qs); i++) {
        double exact = qs[i] * (double)count;
        size_t rank = (size_t)exact;
        if ((double)rank < exact || rank == 0) rank++;
        int64_t got = pgr_series_quantile(&s.at[0], qs[i]);
        assert_within_a_tenth(got, values[rank - 1]);
        assert_true(got <= s.at[0].max_ns);
      }
      assert_int_equal(pgr_series_quantile(&s.at[0], 1), values[count - 1]);
      pgr_series_deinit(&s);
    }
  }
}

/* A longer one beside it, so that the largest cannot stand in for the step. */
static void every_step_is_near_what_it_counts(void **state) {
  (void)state;
  pgr_series all = {.width_ns = SECOND};
  for (int64_t value = 1000; value <= hour; value += value / 100) {
    pgr_series two = {.width_ns = SECOND};
    add(&two, 0, value, 0);
    add(&two, 0, 3 * hour, 0);
    add(&all, 0, value, 0);
    assert_within_a_tenth(pgr_series_quantile(&two.at[0], 0.5), value);
    pgr_series_deinit(&two);
  }
  /* 31 powers of two are within an hour: each of their steps was hit. */
  for (int i = 0; i < 31 * 8; i++)
    assert_true(all.at[0].steps[i] > 0);
  pgr_series_deinit(&all);
}

static void shortest_and_longest(void **state) {
  (void)state;
  pgr_series s = {.width_ns = SECOND};
  add(&s, 0, -5, 0);
  assert_int_equal(s.at[0].max_ns, 0);
  assert_int_equal(pgr_series_quantile(&s.at[0], 0.5), 0);
  add(&s, 0, 0, 0);
  add(&s, 0, 300, 0);
  assert_int_equal(pgr_series_quantile(&s.at[0], 0.5), 300); /* never more than the largest */
  add(&s, SECOND, 2000, 0);
  add(&s, SECOND, 100 * hour, 0);
  add(&s, SECOND, INT64_MAX, 0);
  assert_within_a_tenth(pgr_series_quantile(&s.at[1], 0.3), 2000);
  assert_true(pgr_series_quantile(&s.at[1], 0.6) == INT64_MAX);
  pgr_series_deinit(&s);
}

static void nothing_ended(void **state) {
  (void)state;
  const pgr_interval_figures none = {0};
  for (double q = 0; q <= 1; q += 0.25)
    assert_int_equal(pgr_series_quantile(&none, q), 0);
}

static void assert_same_series(const pgr_series *a, const pgr_series *b) {
  assert_int_equal(a->count, b->count);
  assert_memory_equal(a->at, b->at, a->count * sizeof *a->at);
}

static void merging_is_adding_together(void **state) {
  (void)state;
  enum { PARTS = 3 };
  pgr_series together = {.width_ns = 100}, merged = {.width_ns = 100};
  const uint64_t intervals[PARTS] = {20, 50, 3}; /* so that either is the longer one */
  for (int p = 0; p < PARTS; p++) {
    pgr_series part = {.width_ns = 100};
    for (int i = 0; i < 2000; i++) {
      int64_t at = (int64_t)pgr_random_below(&dice, intervals[p] * 100), response = draw(3 * hour);
      int failed = pgr_random_below(&dice, 3) == 0;
      add(&part, at, response, failed);
      add(&together, at, response, failed);
    }
    assert_int_equal(pgr_series_merge(&merged, &part), PGR_OK);
    pgr_series_deinit(&part);
  }
  assert_same_series(&merged, &together);
  const pgr_series nothing = {0};
  assert_int_equal(pgr_series_merge(&merged, &nothing), PGR_OK);
  assert_same_series(&merged, &together);
  pgr_series_deinit(&merged);
  pgr_series_deinit(&together);
}

static void without_memory_it_stays_as_it_was(void **state) {
  (void)state;
  pgr_series s = {.width_ns = 10}, longer = {.width_ns = 10};
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_series_add(&s, 0, 5000, 0), PGR_ENOMEM);
  assert_int_equal(s.count, 0);
  add(&s, 0, 5000, 0);
  add(&longer, 0, 7000, 0);
  add(&longer, 1000, 7000, 0);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_series_add(&s, 1000, 5000, 0), PGR_ENOMEM);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_series_merge(&s, &longer), PGR_ENOMEM);
  assert_int_equal(s.count, 1);
  assert_int_equal(s.at[0].ended, 1);
  assert_int_equal(s.at[0].max_ns, 5000);
  pgr_series_deinit(&s);
  assert_null(s.at);
  add(&s, 15, 5000, 0); /* its width is kept: ready for the next */
  assert_int_equal(s.count, 2);
  pgr_series_deinit(&s);
  pgr_series_deinit(&longer);
}

/* ---- phases added up ---- */

#define NUMBER(field)                                                                                                  \
  { offsetof(pgr_measure, field), #field }

/* Every 64-bit number of a measure that is simply added. */
static const struct {
  size_t offset;
  const char *name;
} added[] = {NUMBER(window_ns),
             NUMBER(connect_ns),
             NUMBER(transactions),
             NUMBER(unfinished),
             NUMBER(tally.statements),
             NUMBER(arrivals.due),
             NUMBER(arrivals.late),
             NUMBER(arrivals.shed),
             NUMBER(arrivals.unsent),
             NUMBER(cpu_ns),
             NUMBER(server.looks),
             NUMBER(server.took_ns),
             NUMBER(duplicates),
             NUMBER(unexplained),
             NUMBER(verified_operations),
             NUMBER(begun),
             NUMBER(errors)},
  /* And of those that may not be known. */
    knowable[] = {NUMBER(run_wait_ns),        NUMBER(server_cpu_ns),         NUMBER(server.wal_bytes),
                  NUMBER(server.wal_records), NUMBER(server.wal_full_pages), NUMBER(server.commits),
                  NUMBER(server.rollbacks),   NUMBER(server.deadlocks),      NUMBER(server.conflicts),
                  NUMBER(server.blocks_hit),  NUMBER(server.blocks_read),    NUMBER(server.temp_bytes)};

static int64_t *number(pgr_measure *m, size_t offset) {
  void *at = (char *)m + offset;
  return at;
}

/* Each number another one, times `by`. */
static void fill(pgr_measure *m, int64_t by) {
  *m = (pgr_measure){.verified = true, .complete = true, .server = {.known = true, .phase_s = 1.5 * (double)by}};
  for (size_t i = 0; i < COUNT(added); i++)
    *number(m, added[i].offset) = (int64_t)(i + 1) * by;
  for (size_t i = 0; i < COUNT(knowable); i++)
    *number(m, knowable[i].offset) = (int64_t)(i + 101) * by;
}

static void assert_numbers(pgr_measure *m, int64_t by) {
  for (size_t i = 0; i < COUNT(added); i++)
    if (*number(m, added[i].offset) != (int64_t)(i + 1) * by) fail_msg("%s", added[i].name);
  for (size_t i = 0; i < COUNT(knowable); i++)
    if (*number(m, knowable[i].offset) != (int64_t)(i + 101) * by) fail_msg("%s", knowable[i].name);
  assert_true(m->server.phase_s == 1.5 * (double)by);
}

static void sum_up(pgr_measure *to, const pgr_measure *from) {
  assert_int_equal(pgr_measure_add(to, from), PGR_OK);
}

static void numbers_add_up(void **state) {
  (void)state;
  pgr_measure sum = {0}, half = {0}, one, two;
  fill(&one, 1);
  fill(&two, 10);
  sum_up(&half, &one);
  assert_numbers(&half, 1);
  assert_int_equal(half.phases, 1);
  sum_up(&half, &two);
  assert_numbers(&half, 11);
  sum_up(&sum, &half);
  sum_up(&sum, &two);
  assert_numbers(&sum, 21);
  assert_int_equal(sum.phases, 3);
  assert_true(sum.verified && sum.complete && sum.server.known);
  assert_numbers(&two, 10);
  pgr_measure_deinit(&half);
  pgr_measure_deinit(&sum);
}

static void the_most_kept_is_the_largest(void **state) {
  (void)state;
  pgr_measure sum = {0}, phase = {0};
  const uint64_t kept[] = {5, 9, 7};
  for (size_t i = 0; i < COUNT(kept); i++) {
    phase.verify_kept_max = kept[i];
    sum_up(&sum, &phase);
  }
  assert_int_equal(sum.verify_kept_max, 9);
  pgr_measure_deinit(&sum);
}

static void not_known_of_one_is_not_known_of_all(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT(knowable); i++) {
    for (int unknown = 0; unknown < 3; unknown++) {
      pgr_measure sum = {0};
      for (int p = 0; p < 3; p++) {
        pgr_measure phase;
        fill(&phase, 1);
        if (p == unknown) *number(&phase, knowable[i].offset) = -1;
        sum_up(&sum, &phase);
      }
      if (*number(&sum, knowable[i].offset) != -1) fail_msg("%s", knowable[i].name);
      *number(&sum, knowable[i].offset) = (int64_t)(i + 101) * 3; /* and all others as ever */
      assert_numbers(&sum, 3);
      pgr_measure_deinit(&sum);
    }
  }
}

static void a_silent_server_silences_all(void **state) {
  (void)state;
  for (int silent = 0; silent < 3; silent++) {
    pgr_measure sum = {0};
    for (int p = 0; p < 3; p++) {
      pgr_measure phase;
      fill(&phase, 1);
      if (p == silent) phase.server = (pgr_server_figures){0};
      sum_up(&sum, &phase);
    }
    assert_false(sum.server.known);
    assert_int_equal(sum.server.looks, 0);
    assert_int_equal(sum.transactions, 9);
    pgr_measure_deinit(&sum);
  }
}

static void flags_of_all_and_of_any(void **state) {
  (void)state;
  for (unsigned bits = 0; bits < 8; bits++) {
    pgr_measure sum = {0};
    for (int p = 0; p < 3; p++) {
      bool on = bits >> p & 1;
      /* Each flag otherwise, so that none can stand in for another. */
      const pgr_measure phase = {.verified = on, .complete = !on, .verify_limited = on, .keys_used_up = !on};
      sum_up(&sum, &phase);
    }
    assert_int_equal(sum.verified, bits == 7);
    assert_int_equal(sum.complete, bits == 0);
    assert_int_equal(sum.verify_limited, bits != 0);
    assert_int_equal(sum.keys_used_up, bits != 7);
    pgr_measure_deinit(&sum);
  }
}

static void wait_for(pgr_measure *m, const char *what, uint64_t seen) {
  pgr_wait *w = &m->server.waits[m->server.wait_count++];
  snprintf(w->what, sizeof w->what, "%s", what);
  w->seen = seen;
}

static void waits_add_up_by_name(void **state) {
  (void)state;
  pgr_measure sum = {0}, one, two;
  fill(&one, 1);
  fill(&two, 1);
  wait_for(&one, "Lock:transactionid", 10);
  wait_for(&one, "CPU", 7);
  wait_for(&one, "Lock:tuple", 4);
  wait_for(&two, "CPU", 9);
  wait_for(&two, "LWLock:WALWrite", 5);
  wait_for(&two, "IO:WALSync", 4);
  sum_up(&sum, &one);
  sum_up(&sum, &two);
  const pgr_wait want[] = {
      {"CPU", 16}, {"Lock:transactionid", 10}, {"LWLock:WALWrite", 5}, {"IO:WALSync", 4}, {"Lock:tuple", 4}};
  assert_int_equal(sum.server.wait_count, COUNT(want));
  for (size_t i = 0; i < COUNT(want); i++) {
    assert_string_equal(sum.server.waits[i].what, want[i].what);
    assert_int_equal(sum.server.waits[i].seen, want[i].seen);
  }
  pgr_measure_deinit(&sum);
}

static void the_least_seen_waits_are_dropped(void **state) {
  (void)state;
  pgr_measure sum = {0}, one, two;
  fill(&one, 1);
  fill(&two, 1);
  /* The first has odd counts 95 … 1, the second even ones 96 … 2: the upper half of either is left. */
  for (int i = 0; i < PGR_WAITS_MAX; i++) {
    char what[PGR_WAIT_BYTES];
    uint64_t seen = 2 * (uint64_t)(PGR_WAITS_MAX - i);
    snprintf(what, sizeof what, "first:%d", i);
    wait_for(&one, what, seen - 1);
    snprintf(what, sizeof what, "second:%d", i);
    wait_for(&two, what, seen);
  }
  sum_up(&sum, &one);
  sum_up(&sum, &two);
  assert_int_equal(sum.server.wait_count, PGR_WAITS_MAX);
  for (int i = 0; i < PGR_WAITS_MAX; i++) {
    char want[PGR_WAIT_BYTES];
    snprintf(want, sizeof want, "%s:%d", i % 2 ? "first" : "second", i / 2);
    assert_string_equal(sum.server.waits[i].what, want);
    assert_int_equal(sum.server.waits[i].seen, 2 * PGR_WAITS_MAX - i);
  }
  pgr_measure_deinit(&sum);
}

/* A phase with one of everything that owns memory. */
static void fill_all(pgr_measure *m, int64_t value_ns) {
  fill(m, 1);
  m->series.width_ns = SECOND;
  add(&m->series, 0, value_ns, 0);
  assert_int_equal(pgr_tally_record(&m->lag, value_ns), PGR_OK);
  assert_int_equal(pgr_tally_record(&m->loop_lag, value_ns), PGR_OK);
  assert_int_equal(pgr_tally_record(&m->tally.transaction, value_ns), PGR_OK);
  assert_int_equal(pgr_tally_time_statements(&m->tally, 2), PGR_OK);
  assert_int_equal(pgr_tally_record(&m->tally.statement[1], value_ns), PGR_OK);
}

static void histograms_add_up_and_series_do_not(void **state) {
  (void)state;
  pgr_measure sum = {0}, one, two, bare;
  fill_all(&one, 100);
  fill_all(&two, 200);
  fill(&bare, 1); /* a closed loop has no lag */
  sum_up(&sum, &bare);
  assert_null(sum.lag);
  sum_up(&sum, &one);
  sum_up(&sum, &two);
  sum_up(&sum, &bare);
  const pgr_histogram *all[] = {sum.lag, sum.loop_lag, sum.tally.transaction, sum.tally.statement[1]};
  for (size_t i = 0; i < COUNT(all); i++) {
    assert_int_equal(pgr_histogram_count(all[i]), 2);
    assert_int_equal(pgr_histogram_min(all[i]), 100);
    assert_int_equal(pgr_histogram_max(all[i]), 200);
  }
  assert_int_equal(pgr_histogram_count(one.lag), 1);
  assert_int_equal(sum.series.count, 0);
  assert_int_equal(one.series.count, 1);
  pgr_measure_deinit(&sum);
  pgr_measure_deinit(&one);
  pgr_measure_deinit(&two);
}

/* That nothing is lost or freed twice is for the sanitizers to see. */
static void without_memory_a_sum_can_be_given_back(void **state) {
  (void)state;
  pgr_measure phase;
  fill_all(&phase, 100);
  unsigned long nth = 1;
  for (pgr_code code = PGR_ENOMEM; code; nth++) {
    pgr_measure sum = {0};
    pgr_mem_fail_nth(nth);
    code = pgr_measure_add(&sum, &phase);
    pgr_mem_fail_nth(0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    pgr_measure_deinit(&sum);
    assert_null(sum.lag);
    assert_int_equal(sum.phases, 0);
    pgr_measure_deinit(&sum);
  }
  assert_int_equal(nth, 11); /* four histograms, a row in each, the statements' array; and one that went well */
  pgr_measure_deinit(&phase);
  assert_null(phase.series.at);
  assert_null(phase.tally.statement);
}

static int seed(void **state) {
  (void)state;
  pgr_random_init(&dice, 23, 1);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(each_in_the_interval_it_ended_in),
                                     cmocka_unit_test(gaps_are_empty_however_it_grows),
                                     cmocka_unit_test(quantiles_are_within_a_tenth),
                                     cmocka_unit_test(every_step_is_near_what_it_counts),
                                     cmocka_unit_test(shortest_and_longest),
                                     cmocka_unit_test(nothing_ended),
                                     cmocka_unit_test(merging_is_adding_together),
                                     cmocka_unit_test(without_memory_it_stays_as_it_was),
                                     cmocka_unit_test(numbers_add_up),
                                     cmocka_unit_test(the_most_kept_is_the_largest),
                                     cmocka_unit_test(not_known_of_one_is_not_known_of_all),
                                     cmocka_unit_test(a_silent_server_silences_all),
                                     cmocka_unit_test(flags_of_all_and_of_any),
                                     cmocka_unit_test(waits_add_up_by_name),
                                     cmocka_unit_test(the_least_seen_waits_are_dropped),
                                     cmocka_unit_test(histograms_add_up_and_series_do_not),
                                     cmocka_unit_test(without_memory_a_sum_can_be_given_back)};
  return cmocka_run_group_tests(tests, seed, NULL);
}
