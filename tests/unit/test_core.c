/* Errors, memory, buffers, randomness. */
#include "pgr_test.h"

#include "pgr_buf.h"
#include "pgr_err.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

static void error_is_one_line(void **state) {
  (void)state;
  pgr_err err;
  assert_int_equal(pgr_fail(&err, PGR_EDATABASE, "  two\nlines\t and\r\n an end\n"), PGR_EDATABASE);
  assert_string_equal(err.msg, "two lines and an end");
}

static void error_is_cut_not_overrun(void **state) {
  (void)state;
  pgr_err err;
  char big[5000];
  memset(big, 'x', sizeof big - 1);
  big[sizeof big - 1] = '\0';
  pgr_fail(&err, PGR_EUSAGE, "%s", big);
  assert_int_equal(strlen(err.msg), sizeof err.msg - 1);
}

static void exit_statuses(void **state) {
  (void)state;
  assert_int_equal(pgr_exit_status(PGR_OK), 0);
  assert_int_equal(pgr_exit_status(PGR_EINTERRUPTED), 2);
  assert_int_equal(pgr_exit_status(PGR_EUSAGE), 4);
  assert_int_equal(pgr_exit_status(PGR_EDATABASE), 5);
  assert_int_equal(pgr_exit_status(PGR_EENVIRONMENT), 5);
}

static void multiplication_is_checked(void **state) {
  (void)state;
  assert_null(pgr_realloc(NULL, SIZE_MAX / 2, 3));
  assert_null(pgr_calloc(SIZE_MAX / 2, 3));
  assert_null(pgr_calloc_aligned(64, SIZE_MAX / 2, 3));
}

static void nth_allocation_fails_alone(void **state) {
  (void)state;
  pgr_mem_fail_nth(2);
  void *first = pgr_calloc(1, 8), *second = pgr_calloc(1, 8), *third = pgr_calloc(1, 8);
  assert_non_null(first);
  assert_null(second);
  assert_non_null(third);
  pgr_free(first);
  pgr_free(third);
}

static void arena_keeps_what_it_gave(void **state) {
  (void)state;
  pgr_arena a = {0};
  char *kept[2000];
  for (int i = 0; i < 2000; i++) {
    kept[i] = pgr_arena_printf(&a, "%d-%0*d", i, i % 97 + 1, 0);
    assert_non_null(kept[i]);
    assert_int_equal((uintptr_t)kept[i] % _Alignof(max_align_t), 0);
  }
  for (int i = 0; i < 2000; i++) {
    char head[16];
    snprintf(head, sizeof head, "%d-", i);
    assert_int_equal(strncmp(kept[i], head, strlen(head)), 0);
    assert_int_equal(strlen(kept[i]), strlen(head) + (size_t)(i % 97) + 1);
  }
  char *large = pgr_arena_alloc(&a, 100000);
  assert_non_null(large);
  for (size_t i = 0; i < 100000; i++)
    assert_int_equal(large[i], 0);
  pgr_arena_deinit(&a);
}

static void buffer_grows_to_its_maximum(void **state) {
  (void)state;
  pgr_buf b;
  pgr_buf_init(&b, 1000);
  assert_string_equal(pgr_buf_text(&b), "");
  for (int i = 0; i < 100; i++)
    pgr_buf_addf(&b, "%09d\n", i);
  assert_int_equal(b.len, 1000);
  assert_false(b.failed);
  pgr_buf_adds(&b, "x");
  assert_true(b.failed);
  assert_int_equal(b.len, 1000);
  assert_null(pgr_buf_take(&b));
  pgr_buf_adds(&b, "again");
  char *text = pgr_buf_take(&b);
  assert_string_equal(text, "again");
  pgr_free(text);
  pgr_buf_deinit(&b);
}

static void buffer_survives_no_memory(void **state) {
  (void)state;
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_mem_fail_nth(1);
  pgr_buf_adds(&b, "lost");
  pgr_mem_fail_nth(0);
  assert_true(b.failed);
  pgr_buf_deinit(&b);
}

static void seeds_repeat_and_streams_differ(void **state) {
  (void)state;
  pgr_random a, b, c;
  pgr_random_init(&a, 42, 1);
  pgr_random_init(&b, 42, 1);
  pgr_random_init(&c, 42, 2);
  int same = 0;
  for (int i = 0; i < 1000; i++) {
    uint64_t x = pgr_random_next(&a);
    assert_true(x == pgr_random_next(&b));
    same += x == pgr_random_next(&c);
  }
  assert_int_equal(same, 0);
}

static void below_is_uniform(void **state) {
  (void)state;
  pgr_random r;
  int seen[7] = {0};
  pgr_random_init(&r, 1, 1);
  for (int i = 0; i < 70000; i++)
    seen[pgr_random_below(&r, 7)]++;
  for (int i = 0; i < 7; i++)
    assert_in_range(seen[i], 9600, 10400); /* 4 standard deviations; the seed is fixed */
}

static void choosing_is_a_permutation(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 9, 9);
  int first[10] = {0};
  for (int round = 0; round < 10000; round++) {
    uint32_t items[10], seen = 0;
    for (uint32_t i = 0; i < 10; i++)
      items[i] = i;
    pgr_random_choose(&r, items, 10, 4);
    for (int i = 0; i < 10; i++)
      seen |= 1u << items[i];
    assert_int_equal(seen, 1023);
    first[items[0]]++;
  }
  for (int i = 0; i < 10; i++)
    assert_in_range(first[i], 850, 1150);
}

static void text_from_elsewhere_is_made_fit(void **state) {
  (void)state;
  static const struct {
    const char *in, *out;
  } cases[] = {{"plain", "plain"},
               {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
               {"latin1 \xfc.", "latin1 ?."},
               {"tab\tline\nesc\x1b[31m", "tab line esc [31m"},
               {"overlong \xc0\x80 \xe0\x80\x80", "overlong ?? ???"},
               {"surrogate \xed\xa0\x80", "surrogate ???"},
               {"cut \xe2\x82", "cut ??"},
               {"\xf0\x9f\x90\x98 \xf4\x90\x80\x80", "\xf0\x9f\x90\x98 ????"}};
  char out[32];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_utf8_copy(out, sizeof out, cases[i].in);
    assert_string_equal(out, cases[i].out);
  }
  /* No half characters. */
  pgr_utf8_copy(out, 4, "ab\xc3\xbc");
  assert_string_equal(out, "ab");
  pgr_utf8_copy(out, 5, "ab\xc3\xbc");
  assert_string_equal(out, "ab\xc3\xbc");
  pgr_utf8_copy(out, 1, "ab");
  assert_string_equal(out, "");
}

static void characters_are_counted_as_bytes(void **state) {
  (void)state;
  static const char text[] = "a\xc3\xbc\xf0\x9f\x90\x98\xe2\x82\xac"
                             "b"; /* of 1, 2, 4, 3 and 1 bytes */
  static const size_t offsets[] = {0, 1, 3, 7, 10, 11, 11};
  for (size_t i = 0; i < sizeof offsets / sizeof *offsets; i++)
    assert_int_equal(pgr_utf8_offset(text, i), offsets[i]);
  assert_int_equal(pgr_utf8_offset("", 0), 0);
  assert_int_equal(pgr_utf8_offset("", SIZE_MAX), 0);
  assert_int_equal(pgr_utf8_offset("a\xbc\xbcz", 1), 3);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(text_from_elsewhere_is_made_fit),
                                     cmocka_unit_test(characters_are_counted_as_bytes),
                                     cmocka_unit_test(error_is_one_line),
                                     cmocka_unit_test(error_is_cut_not_overrun),
                                     cmocka_unit_test(exit_statuses),
                                     cmocka_unit_test(multiplication_is_checked),
                                     cmocka_unit_test(nth_allocation_fails_alone),
                                     cmocka_unit_test(arena_keeps_what_it_gave),
                                     cmocka_unit_test(buffer_grows_to_its_maximum),
                                     cmocka_unit_test(buffer_survives_no_memory),
                                     cmocka_unit_test(seeds_repeat_and_streams_differ),
                                     cmocka_unit_test(below_is_uniform),
                                     cmocka_unit_test(choosing_is_a_permutation)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
