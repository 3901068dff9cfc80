/* Draws against their exact distributions, by chi-square with fixed seeds; texts, their faults, and both ways. */
#include "pgr_test.h"

#include "pgr_keys.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CELLS_MAX = 64, DRAWS = 400000, MANY_DRAWS = 1000000 };

static const double euler_gamma = 0.57721566490153286061, zeta_3 = 1.2020569031595942854;

/* ---- distributions ---- */

/* The value of chi-square that one in a million is above. Source: Wilson & Hilferty 1931. */
static double chi_square_limit(int degrees) {
  double d = 2.0 / (9.0 * degrees), cube_root = 1 - d + 4.753 * sqrt(d);
  return degrees * cube_root * cube_root * cube_root;
}

static void assert_distributed(const int64_t *seen, const double *probability, int cells) {
  double chi_square = 0, total = 0, all = 0;
  for (int i = 0; i < cells; i++) {
    total += (double)seen[i];
    all += probability[i];
  }
  assert_true(fabs(all - 1) < 1e-6);
  for (int i = 0; i < cells; i++) {
    double expected = total * probability[i];
    assert_true(expected > 5); /* else chi-square says nothing */
    chi_square += ((double)seen[i] - expected) * ((double)seen[i] - expected) / expected;
  }
  if (chi_square > chi_square_limit(cells - 1)) fail_msg("chi-square %g of %d cells", chi_square, cells);
}

static void assert_drawn(const pgr_key_options *o, const double *probability) {
  int64_t seen[CELLS_MAX] = {0};
  pgr_keys keys;
  pgr_random random;
  assert_true(o->count <= CELLS_MAX);
  assert_int_equal(pgr_keys_check(o, NULL), PGR_OK);
  pgr_keys_init(&keys, o);
  pgr_random_init(&random, 17, (uint64_t)o->count);
  for (int64_t i = 0; i < DRAWS; i++) {
    int64_t key = pgr_keys_draw(&keys, &random, i);
    assert_in_range(key, 0, o->count - 1);
    seen[key]++;
  }
  if (o->count > 1) assert_distributed(seen, probability, (int)o->count);
}

static void uniform_is_uniform(void **state) {
  (void)state;
  const int64_t counts[] = {1, 2, 7, 64};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
    double probability[CELLS_MAX];
    for (int64_t i = 0; i < counts[c]; i++)
      probability[i] = 1.0 / (double)counts[c];
    assert_drawn(&(pgr_key_options){.spread = PGR_SPREAD_UNIFORM, .count = counts[c]}, probability);
  }
}

static void zipfian_is_zipfian(void **state) {
  (void)state;
  /* With 1 are its neighbours, where a formula of its own would begin; 10 is the most there is. */
  const double exponents[] = {0.01, 0.5, 1 - 1e-9, 1, 1 + 1e-12, 1.1, 3, 10};
  const int64_t counts[] = {1, 2, 3, 10, 30};
  for (size_t e = 0; e < sizeof exponents / sizeof *exponents; e++)
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++) {
      double probability[CELLS_MAX], sum = 0;
      if (exponents[e] == 3 && counts[c] > 10) continue; /* too few in the last cells */
      if (exponents[e] == 10 && counts[c] > 3) continue;
      for (int64_t k = 1; k <= counts[c]; k++)
        sum += probability[k - 1] = pow((double)k, -exponents[e]);
      for (int64_t k = 0; k < counts[c]; k++)
        probability[k] /= sum;
      assert_drawn(&(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .count = counts[c], .exponent = exponents[e]},
                   probability);
    }
}

/* P(rank <= n), count 2^62: of the sums of k^-exponent, by the first terms of Euler and Maclaurin's formula. */
static double zipfian_cdf(double n, double exponent) {
  const double count = 0x1p62;
  if (n >= count) return 1;
  if (exponent == 1) return (log(n) + euler_gamma + 1 / (2 * n) - 1 / (12 * n * n)) / (log(count) + euler_gamma);
  if (exponent == 3) {
    double sum = 0;
    for (double k = 1; k <= n && k < 1000; k++)
      sum += 1 / (k * k * k);
    return sum / zeta_3;
  }
  return pow(n / count, 1 - exponent);
}

/* Ranks up to the first bound, from there up to the second, and so on; the last bound is the count. */
static void assert_zipfian_between(double exponent, const double *bounds, int cells) {
  int64_t seen[CELLS_MAX] = {0};
  double probability[CELLS_MAX];
  pgr_keys keys;
  pgr_random random;
  pgr_keys_init(&keys,
                &(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .count = INT64_C(1) << 62, .exponent = exponent});
  pgr_random_init(&random, 18, 0);
  for (int i = 0; i < cells; i++)
    probability[i] = zipfian_cdf(bounds[i], exponent) - (i ? zipfian_cdf(bounds[i - 1], exponent) : 0);
  for (int i = 0; i < MANY_DRAWS; i++) {
    int64_t key = pgr_keys_draw(&keys, &random, 0);
    int cell = 0;
    assert_true(key >= 0 && key < INT64_C(1) << 62);
    while (cell < cells - 1 && key >= (int64_t)bounds[cell])
      cell++;
    seen[cell]++;
  }
  assert_distributed(seen, probability, cells);
}

static void zipfian_of_very_many_keys(void **state) {
  (void)state;
  double even[16], doubled[62];
  for (int i = 0; i < 16; i++)
    even[i] = ldexp(i + 1, 58);
  for (int i = 0; i < 62; i++)
    doubled[i] = ldexp(1, i + 1);
  assert_zipfian_between(0.001, even, 16);
  assert_zipfian_between(0.5, even, 16);
  assert_zipfian_between(1, doubled, 62);
  assert_zipfian_between(3, (double[]){1, 2, 3, 5, 10, 20, 0x1p62}, 7);
}

/* States from which pgr_random_next gives all zeroes, and all ones. */
static const pgr_random lowest = {.s = {1, 0, 2, 3}}, highest = {.s = {1, UINT64_C(0x4FC71C71C71C71C7), 2, 3}};

/* Both ends of the unit interval, where rounding leads out of the range first. */
static void the_ends_stay_inside(void **state) {
  (void)state;
  const int64_t counts[] = {1, 2, 1000, INT64_C(1) << 62, INT64_MAX};
  for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
    for (int i = 1; i <= 10000; i++) {
      pgr_keys keys;
      pgr_random low = lowest, high = highest;
      pgr_keys_init(&keys, &(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .count = counts[c], .exponent = i * 1e-3});
      int64_t last = pgr_keys_draw(&keys, &low, 0), first = pgr_keys_draw(&keys, &high, 0);
      assert_true(last >= 0 && last < counts[c]);
      assert_true(first >= 0 && (first == 0 || counts[c] > 1000)); /* among very many, areas are coarser than a key */
    }
}

/* The largest count there is would not survive a cast from the double that is nearest to it. */
static void the_most_keys(void **state) {
  (void)state;
  const pgr_key_options all[] = {
      {.spread = PGR_SPREAD_UNIFORM, .count = INT64_MAX},
      {.spread = PGR_SPREAD_ZIPFIAN, .count = INT64_MAX, .exponent = 1e-9},
      {.spread = PGR_SPREAD_HOT, .count = INT64_MAX, .hot = INT64_MAX - 1, .share = 0.5},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    pgr_keys keys;
    pgr_random random;
    int64_t most = 0;
    pgr_keys_init(&keys, &all[i]);
    pgr_random_init(&random, 19, i);
    for (int n = 0; n < 10000; n++) {
      int64_t key = pgr_keys_draw(&keys, &random, n);
      assert_true(key >= 0 && key < INT64_MAX);
      if (key > most) most = key;
    }
    assert_true(most > INT64_MAX / 100 * 99);
  }
}

static void hot_keys_have_their_share(void **state) {
  (void)state;
  const struct {
    int64_t count, hot;
    double share;
  } table[] = {{10, 1, 0.9}, {10, 9, 0.9}, {40, 4, 0.5}, {2, 1, 0.001}};
  for (size_t t = 0; t < sizeof table / sizeof *table; t++) {
    double probability[CELLS_MAX];
    for (int64_t i = 0; i < table[t].count; i++)
      probability[i] = i < table[t].hot ? table[t].share / (double)table[t].hot
                                        : (1 - table[t].share) / (double)(table[t].count - table[t].hot);
    assert_drawn(
        &(pgr_key_options){
            .spread = PGR_SPREAD_HOT, .count = table[t].count, .hot = table[t].hot, .share = table[t].share},
        probability);
  }
}

static void hot_shares_of_all_and_nothing(void **state) {
  (void)state;
  for (int all = 0; all < 2; all++) {
    pgr_keys keys;
    pgr_random random;
    pgr_keys_init(&keys, &(pgr_key_options){.spread = PGR_SPREAD_HOT, .count = 9, .hot = 3, .share = all});
    pgr_random_init(&random, 20, 0);
    for (int i = 0; i < 10000; i++)
      assert_int_equal(pgr_keys_draw(&keys, &random, i) < 3, all);
    random = all ? highest : lowest;
    assert_int_equal(pgr_keys_draw(&keys, &random, 0) < 3, all);
  }
}

static void once_gives_each_key_its_draws(void **state) {
  (void)state;
  pgr_keys keys;
  pgr_random random, before;
  pgr_keys_init(&keys, &(pgr_key_options){.spread = PGR_SPREAD_ONCE, .count = 7, .each = 3});
  pgr_random_init(&random, 21, 0);
  before = random;
  for (int64_t number = 0; number < 21; number++)
    assert_int_equal(pgr_keys_draw(&keys, &random, number), number / 3);
  for (int64_t number = 21; number < 30; number++)
    assert_int_equal(pgr_keys_draw(&keys, &random, number), -1);
  assert_int_equal(pgr_keys_draw(&keys, &random, INT64_MAX), -1);
  assert_memory_equal(&random, &before, sizeof random);
}

/* ---- texts ---- */

static void texts_are_read(void **state) {
  (void)state;
  const struct {
    const char *text;
    pgr_key_options options;
  } table[] = {{"uniform", {.spread = PGR_SPREAD_UNIFORM}},
               {"zipfian", {.spread = PGR_SPREAD_ZIPFIAN, .exponent = 1.1}},
               {"zipfian:0.5", {.spread = PGR_SPREAD_ZIPFIAN, .exponent = 0.5}},
               {"zipfian:10", {.spread = PGR_SPREAD_ZIPFIAN, .exponent = 10}},
               {"zipfian:25e-1", {.spread = PGR_SPREAD_ZIPFIAN, .exponent = 2.5}},
               {"hot:10:0.9", {.spread = PGR_SPREAD_HOT, .hot = 10, .share = 0.9}},
               {"hot:1,000:90%", {.spread = PGR_SPREAD_HOT, .hot = 1000, .share = 0.9}},
               {"hot:1:0", {.spread = PGR_SPREAD_HOT, .hot = 1, .share = 0}},
               {"hot:1:100%", {.spread = PGR_SPREAD_HOT, .hot = 1, .share = 1}},
               {"once:3", {.spread = PGR_SPREAD_ONCE, .each = 3}}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const pgr_key_options *want = &table[i].options;
    pgr_key_options o = {.count = 123, .exponent = 7, .hot = 7, .share = 0.7, .each = 7};
    assert_int_equal(pgr_keys_parse(table[i].text, &o, NULL), PGR_OK);
    assert_int_equal(o.spread, want->spread);
    assert_int_equal(o.count, 123);
    assert_true(o.exponent == want->exponent && o.share == want->share);
    assert_int_equal(o.hot, want->hot);
    assert_int_equal(o.each, want->each);
  }
}

static void faults_of_texts_are_told(void **state) {
  (void)state;
  static const char unknown[] = " is no spread of keys, give uniform, zipfian[:EXPONENT], hot:KEYS:SHARE or once:EACH";
  const struct {
    const char *text, *message, *rest;
  } table[] = {
      {"", "''", unknown},
      {"zipf", "'zipf'", unknown},
      {"zipfians:1", "'zipfians:1'", unknown},
      {"Uniform", "'Uniform'", unknown},
      {" uniform", "' uniform'", unknown},
      {"uniform:1", "'uniform:1' is no spread of keys, write it like uniform", ""},
      {"zipfian:1:2", "'zipfian:1:2' is no spread of keys, write it like zipfian[:EXPONENT]", ""},
      {"zipfian:", "zipfian:EXPONENT: '' is not a number, write it like 1.1", ""},
      {"zipfian:x", "zipfian:EXPONENT: 'x' is not a number, write it like 1.1", ""},
      {"zipfian:1.", "zipfian:EXPONENT: '1.' is not a number, write it like 1.1", ""},
      {"zipfian:.5", "zipfian:EXPONENT: '.5' is not a number, write it like 1.1", ""},
      {"zipfian:1e", "zipfian:EXPONENT: '1e' is not a number, write it like 1.1", ""},
      {"zipfian:1e-", "zipfian:EXPONENT: '1e-' is not a number, write it like 1.1", ""},
      {"zipfian:1.1 ", "zipfian:EXPONENT: '1.1 ' is not a number, write it like 1.1", ""},
      {"zipfian:-1", "zipfian:EXPONENT: '-1' is not a number, write it like 1.1", ""},
      {"zipfian:nan", "zipfian:EXPONENT: 'nan' is not a number, write it like 1.1", ""},
      {"zipfian:0x1", "zipfian:EXPONENT: '0x1' is not a number, write it like 1.1", ""},
      {"zipfian:0", "zipfian:EXPONENT: 0 is out of range, give more than 0, at most 10", ""},
      {"zipfian:10.5", "zipfian:EXPONENT: 10.5 is out of range, give more than 0, at most 10", ""},
      {"zipfian:1e999", "zipfian:EXPONENT: inf is out of range, give more than 0, at most 10", ""},
      {"hot", "'hot' is no spread of keys, write it like hot:KEYS:SHARE", ""},
      {"hot:10", "'hot:10' is no spread of keys, write it like hot:KEYS:SHARE", ""},
      {"hot:10:0.9:1", "'hot:10:0.9:1' is no spread of keys, write it like hot:KEYS:SHARE", ""},
      {"hot:1.5:0.9", "hot:KEYS: '1.5' is not a whole number", ""},
      {"hot:0:0.9", "hot:KEYS: 0 is out of range, give at least 1", ""},
      {"hot:-1:0.9", "hot:KEYS: -1 is out of range, give at least 1", ""},
      {"hot:1:", "hot:KEYS:SHARE: '' is not a share, write it like 0.9 or 90%", ""},
      {"hot:1:%", "hot:KEYS:SHARE: '%' is not a share, write it like 0.9 or 90%", ""},
      {"hot:1:x%", "hot:KEYS:SHARE: 'x%' is not a share, write it like 0.9 or 90%", ""},
      {"hot:1:90", "hot:KEYS:SHARE: 90 is out of range, give 0 to 1, or 0% to 100%", ""},
      {"hot:1:101%", "hot:KEYS:SHARE: 1.01 is out of range, give 0 to 1, or 0% to 100%", ""},
      {"once", "'once' is no spread of keys, write it like once:EACH", ""},
      {"once:1:2", "'once:1:2' is no spread of keys, write it like once:EACH", ""},
      {"once:two", "once:EACH: 'two' is not a whole number", ""},
      {"once:0", "once:EACH: 0 is out of range, give at least 1", ""},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const pgr_key_options before = {.spread = PGR_SPREAD_ONCE, .count = 5, .each = 2};
    pgr_key_options o = before;
    char message[640];
    pgr_err err;
    snprintf(message, sizeof message, "%s%s", table[i].message, table[i].rest);
    assert_int_equal(pgr_keys_parse(table[i].text, &o, &err), PGR_EUSAGE);
    assert_string_equal(err.msg, message);
    assert_memory_equal(&o, &before, sizeof o);
  }
}

/* One too long for its copy is refused rather than read as its beginning. */
static void long_texts_are_not_cut(void **state) {
  (void)state;
  for (int digits = 100; digits < 200; digits++) {
    char text[256];
    pgr_key_options o = {.count = 1};
    pgr_err err;
    memset(text, '0', sizeof text);
    memcpy(text, "zipfian:1.", 10);
    memcpy(text + 10 + digits, "1", 2);
    if (pgr_keys_parse(text, &o, &err) == PGR_OK)
      assert_true(o.exponent == 1 && digits < 120);
    else
      assert_true(digits > 110 && strstr(err.msg, "write it like zipfian[:EXPONENT]"));
  }
}

static void fields_that_do_not_fit(void **state) {
  (void)state;
  const struct {
    pgr_key_options options;
    const char *message; /* NULL: they fit */
  } table[] = {
      {{.spread = PGR_SPREAD_UNIFORM, .count = 1}, NULL},
      {{.spread = PGR_SPREAD_UNIFORM}, "keys: 0 are too few to draw from, give at least 1"},
      {{.spread = PGR_SPREAD_ONCE, .count = -3, .each = 1}, "keys: -3 are too few to draw from, give at least 1"},
      {{.spread = PGR_SPREAD_ONCE, .count = 1, .each = 1}, NULL},
      {{.spread = PGR_SPREAD_ONCE, .count = 1}, "once:EACH: 0 is out of range, give at least 1"},
      {{.spread = PGR_SPREAD_ZIPFIAN, .count = 1, .exponent = 10}, NULL},
      {{.spread = PGR_SPREAD_ZIPFIAN, .count = 1}, "zipfian:EXPONENT: 0 is out of range, give more than 0, at most 10"},
      {{.spread = PGR_SPREAD_HOT, .count = 2000, .hot = 1999, .share = 1}, NULL},
      {{.spread = PGR_SPREAD_HOT, .count = 2000, .hot = 2000, .share = 1},
       "hot:KEYS: 2,000 hot of 2,000 keys leave no others, give fewer, or more keys in all"},
      {{.spread = PGR_SPREAD_HOT, .count = 1, .hot = 1, .share = 1},
       "hot:KEYS: 1 hot of 1 keys leave no others, give fewer, or more keys in all"},
      {{.spread = PGR_SPREAD_HOT, .count = 9, .share = 1}, "hot:KEYS: 0 is out of range, give at least 1"},
      {{.spread = PGR_SPREAD_HOT, .count = 9, .hot = 1, .share = -0.5},
       "hot:KEYS:SHARE: -0.5 is out of range, give 0 to 1, or 0% to 100%"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_err err = {0};
    pgr_code code = pgr_keys_check(&table[i].options, &err);
    assert_int_equal(code, table[i].message ? PGR_EUSAGE : PGR_OK);
    if (table[i].message) assert_string_equal(err.msg, table[i].message);
  }
  pgr_key_options not_a_number = {.spread = PGR_SPREAD_ZIPFIAN, .count = 1, .exponent = NAN, .hot = 1, .share = NAN};
  assert_int_equal(pgr_keys_check(&not_a_number, NULL), PGR_EUSAGE);
  not_a_number.spread = PGR_SPREAD_HOT;
  not_a_number.count = 2;
  assert_int_equal(pgr_keys_check(&not_a_number, NULL), PGR_EUSAGE);
}

static void assert_written(const pgr_key_options *o, const char *text) {
  pgr_key_options again = {.count = o->count};
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_buf_adds(&b, "<");
  pgr_keys_write(o, &b);
  if (text) assert_string_equal(pgr_buf_text(&b) + 1, text);
  assert_true(*pgr_buf_text(&b) == '<');
  assert_int_equal(pgr_keys_parse(pgr_buf_text(&b) + 1, &again, NULL), PGR_OK);
  assert_true(again.spread == o->spread && again.hot == o->hot && again.each == o->each);
  assert_true(again.exponent == o->exponent && again.share == o->share);
  pgr_buf_deinit(&b);
}

static void what_is_written_is_read(void **state) {
  (void)state;
  pgr_random random;
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_UNIFORM}, "uniform");
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .exponent = 1.1}, "zipfian:1.1");
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .exponent = 10}, "zipfian:10");
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .exponent = 1e-300}, "zipfian:1e-300");
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_HOT, .hot = 12345, .share = 0.9}, "hot:12345:0.9");
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_HOT, .hot = 1, .share = 1}, "hot:1:1");
  assert_written(&(pgr_key_options){.spread = PGR_SPREAD_ONCE, .each = INT64_MAX}, "once:9223372036854775807");
  pgr_random_init(&random, 22, 0);
  for (int i = 0; i < 10000; i++) {
    double x = (double)pgr_random_next(&random) * 0x1p-64;
    assert_written(&(pgr_key_options){.spread = PGR_SPREAD_HOT, .hot = 1, .share = x}, NULL);
    if (x > 0) assert_written(&(pgr_key_options){.spread = PGR_SPREAD_ZIPFIAN, .exponent = 10 * x}, NULL);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(uniform_is_uniform),
                                     cmocka_unit_test(zipfian_is_zipfian),
                                     cmocka_unit_test(zipfian_of_very_many_keys),
                                     cmocka_unit_test(the_ends_stay_inside),
                                     cmocka_unit_test(the_most_keys),
                                     cmocka_unit_test(hot_keys_have_their_share),
                                     cmocka_unit_test(hot_shares_of_all_and_nothing),
                                     cmocka_unit_test(once_gives_each_key_its_draws),
                                     cmocka_unit_test(texts_are_read),
                                     cmocka_unit_test(faults_of_texts_are_told),
                                     cmocka_unit_test(long_texts_are_not_cut),
                                     cmocka_unit_test(fields_that_do_not_fit),
                                     cmocka_unit_test(what_is_written_is_read)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
