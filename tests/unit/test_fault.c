/* Faults as people read them: the place is right, the caret stands below it, and nothing else of the text is shown. */
#include "pgr_test.h"

#include "pgr_fault.h"
#include "pgr_mem.h"
#include <stdio.h>
#include <string.h>

static pgr_source source_of(const char *text) {
  return (pgr_source){.name = "dir/t.sql", .text = text, .len_bytes = strlen(text)};
}

static void places(void **state) {
  (void)state;
  const struct {
    const char *text;
    size_t offset;
    int line, column;
  } cases[] = {{"", 0, 1, 1},
               {"abc", 0, 1, 1},
               {"abc", 2, 1, 3},
               {"abc", 3, 1, 4},
               {"a\nb", 1, 1, 2},
               {"a\nb", 2, 2, 1},
               {"a\n\nb", 3, 3, 1},
               {"a\n", 2, 2, 1},
               {"\xC3\xBC"
                "b",
                2, 1, 3},
               {"a\r\nb", 3, 2, 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_source s = source_of(cases[i].text);
    pgr_place_in at = pgr_place_at(&s, cases[i].offset);
    assert_int_equal(at.line, cases[i].line);
    assert_int_equal(at.column, cases[i].column);
    assert_int_equal(at.width, 1);
  }
}

static void quotes(void **state) {
  (void)state;
  const struct {
    const char *text;
    pgr_place_in at;
    const char *quote;
  } cases[] = {
      {"select 1", {1, 8, 1}, "    1 | select 1\n      |        ^"},
      {"select 12\nx", {1, 8, 2}, "    1 | select 12\n      |        ^^"},
      {"a\nb c", {2, 3, 1}, "    2 | b c\n      |   ^"},
      {"a\r\nb\r\n", {2, 1, 1}, "    2 | b\n      | ^"},
      /* Past the line's end: just behind it. No further than the line. */
      {"ab", {1, 3, 1}, "    1 | ab\n      |   ^"},
      {"ab", {1, 2, 99}, "    1 | ab\n      |  ^"},
      {"", {1, 1, 1}, "    1 | \n      | ^"},
      /* The caret counts characters, and a tab is shown as one blank. */
      {"\xC3\xBC\xC3\xBC x", {1, 6, 1}, "    1 | \xC3\xBC\xC3\xBC x\n      |    ^"},
      {"\xE2\x82\xAC\xE2\x82\xAC", {1, 4, 3}, "    1 | \xE2\x82\xAC\xE2\x82\xAC\n      |  ^"},
      {"\tx", {1, 2, 1}, "    1 |  x\n      |  ^"},
      {"a\x1b[31mb", {1, 7, 1}, "    1 | a [31mb\n      |       ^"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_source s = source_of(cases[i].text);
    pgr_faults f = {0};
    pgr_faults_add(&f, &s, cases[i].at, NULL, "%s", "wrong");
    assert_string_equal(f.kept[0].quote, cases[i].quote);
    pgr_faults_deinit(&f);
  }
}

static void texts(void **state) {
  (void)state;
  pgr_source s = source_of("select 1\n");
  pgr_faults f = {0};
  pgr_faults_add(&f, &s, (pgr_place_in){.line = 1, .column = 8, .width = 1}, "did you mean '2'?", "'%d' is %s", 1,
                 "not 2");
  pgr_faults_add(&f, &s, (pgr_place_in){0}, NULL, "all of it\nis wrong");
  assert_int_equal(f.count, 2);
  assert_string_equal(f.kept[0].text, "dir/t.sql:1:8: '1' is not 2");
  assert_string_equal(f.kept[0].hint, "did you mean '2'?");
  assert_string_equal(f.kept[1].text, "dir/t.sql: all of it is wrong");
  assert_null(f.kept[1].quote);
  assert_null(f.kept[1].hint);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_faults_print(&f, &b);
  assert_string_equal(pgr_buf_text(&b), "dir/t.sql:1:8: '1' is not 2\n"
                                        "    1 | select 1\n"
                                        "      |        ^\n"
                                        "did you mean '2'?\n"
                                        "dir/t.sql: all of it is wrong\n");
  pgr_buf_deinit(&b);
  pgr_err err;
  assert_int_equal(pgr_faults_first(&f, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "dir/t.sql:1:8: '1' is not 2; did you mean '2'?");
  pgr_faults_deinit(&f);
  assert_int_equal(pgr_faults_first(&f, &err), PGR_OK);
}

/* A long line is cut on both sides, the fault stays in sight, and the caret stays below it. */
static void long_lines(void **state) {
  (void)state;
  char text[1000];
  for (size_t at = 0; at < sizeof text - 2; at++) {
    memset(text, '.', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    text[at] = '#';
    pgr_source s = source_of(text);
    pgr_faults f = {0};
    pgr_faults_add(&f, &s, pgr_place_at(&s, at), NULL, "wrong");
    const char *quote = f.kept[0].quote, *second = strchr(quote, '\n') + 1;
    assert_true(strlen(quote) < 450);
    /* Columns on the screen: what continues a character takes none. */
    size_t hash = 0, caret = strcspn(second, "^");
    for (const char *c = quote; *c != '#'; c++)
      hash += ((unsigned char)*c & 0xC0) != 0x80;
    assert_int_equal(hash, caret);
    pgr_faults_deinit(&f);
  }
}

static void only_some_are_kept(void **state) {
  (void)state;
  pgr_source s = source_of("x");
  pgr_faults f = {0};
  for (int i = 0; i < PGR_FAULTS_KEPT + 7; i++)
    pgr_faults_add(&f, &s, (pgr_place_in){0}, NULL, "fault %d", i);
  assert_int_equal(f.count, PGR_FAULTS_KEPT + 7);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_faults_print(&f, &b);
  assert_non_null(strstr(pgr_buf_text(&b), "dir/t.sql: fault 49\nand 7 more\n"));
  assert_null(strstr(pgr_buf_text(&b), "fault 50"));
  pgr_buf_deinit(&b);
  pgr_faults_deinit(&f);
}

static void long_texts_are_cut(void **state) {
  (void)state;
  char text[5000];
  memset(text, 'x', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  pgr_source s = source_of("x");
  pgr_faults f = {0};
  pgr_faults_add(&f, &s, (pgr_place_in){.line = 1, .column = 1, .width = 1}, NULL, "%s", text);
  assert_true(strlen(f.kept[0].text) < 700);
  pgr_faults_deinit(&f);
}

/* A place that is not in the text has no quote; text that is not UTF-8 does no harm. */
static void odd_places(void **state) {
  (void)state;
  pgr_source s = source_of("a\n\xFF\xFE\x80 b\n");
  pgr_faults f = {0};
  pgr_faults_add(&f, &s, (pgr_place_in){.line = 9, .column = 1, .width = 1}, NULL, "x");
  assert_string_equal(f.kept[0].text, "dir/t.sql:9:1: x");
  assert_null(f.kept[0].quote);
  pgr_faults_add(&f, &s, (pgr_place_in){.line = 2, .column = 3, .width = 1}, NULL, "x");
  assert_non_null(strstr(f.kept[1].quote, "    2 | ??? b\n"));
  pgr_faults_add(&f, &s, (pgr_place_in){.line = 2, .column = 0, .width = 0}, NULL, "x");
  assert_null(f.kept[2].quote);
  pgr_faults_deinit(&f);
}

static void no_memory(void **state) {
  (void)state;
  pgr_source s = source_of("select 1");
  for (unsigned long nth = 1; nth <= 3; nth++) {
    pgr_faults f = {0};
    pgr_err err;
    pgr_buf b;
    pgr_mem_fail_nth(nth);
    pgr_faults_add(&f, &s, (pgr_place_in){.line = 1, .column = 1, .width = 6}, "hint", "wrong");
    pgr_mem_fail_nth(0);
    assert_int_equal(f.count, 1);
    assert_int_equal(pgr_faults_first(&f, &err), PGR_EUSAGE);
    pgr_buf_init(&b, 0);
    pgr_faults_print(&f, &b);
    assert_true(b.len > 0);
    pgr_buf_deinit(&b);
    pgr_faults_deinit(&f);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(places),     cmocka_unit_test(quotes),
                                     cmocka_unit_test(texts),      cmocka_unit_test(long_lines),
                                     cmocka_unit_test(odd_places), cmocka_unit_test(only_some_are_kept),
                                     cmocka_unit_test(no_memory),  cmocka_unit_test(long_texts_are_cut)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
