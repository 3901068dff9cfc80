/* Witnesses beside this one, told at two widths, and written as they were read. With PGR_GOLDEN_WRITE set the stories
 * are written instead: look at the difference before you commit it. */
#include "pgr_test.h"

#include "pgr_witness.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_dir;

static size_t read_file(const char *name, char *text, size_t bytes) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", golden_dir, name);
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("there is no %s", path);
  size_t len = fread(text, 1, bytes - 1, f);
  fclose(f);
  text[len] = '\0';
  return len;
}

static void compare(const char *name, const char *got) {
  static char want[1 << 16];
  char path[4096];
  snprintf(path, sizeof path, "%s/%s", golden_dir, name);
  if (getenv("PGR_GOLDEN_WRITE")) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(got, f);
    fclose(f);
    return;
  }
  read_file(name, want, sizeof want);
  assert_string_equal(got, want);
}

/* Characters, not columns: the file hostile has wide ones, which the unit test measures. */
static void check_lines(const char *text, int columns) {
  for (size_t len; *text; text += len + 1) {
    len = strcspn(text, "\n");
    int shown = 0;
    for (size_t i = 0; i < len; i++) {
      shown += ((unsigned char)text[i] & 0xC0) != 0x80;
      assert_true((unsigned char)text[i] >= ' ' && text[i] != 0x7F);
    }
    if (shown > columns) fail_msg("%d columns, not %d: %.*s", shown, columns, (int)len, text);
    if (len && text[len - 1] == ' ') fail_msg("blanks at the end: '%.*s'", (int)len, text);
    assert_true(text[len] == '\n');
  }
}

static void tell(const char *name, const pgr_witness *w, int columns, bool colour) {
  char file[64];
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_witness_story(w, columns, colour, &out);
  assert_false(out.failed);
  if (!colour) check_lines(pgr_buf_text(&out), columns);
  snprintf(file, sizeof file, "%s-%d.%s", name, columns, colour ? "ansi" : "txt");
  compare(file, pgr_buf_text(&out));
  pgr_buf_deinit(&out);
}

static void golden(const char *name, bool colour) {
  static char text[1 << 16];
  char file[64];
  pgr_witness w;
  pgr_err err;
  pgr_buf out;
  snprintf(file, sizeof file, "%s.json", name);
  size_t len = read_file(file, text, sizeof text);
  if (pgr_witness_read(file, text, len, &w, &err)) fail_msg("%s", err.msg);
  tell(name, &w, 80, false);
  tell(name, &w, 120, false);
  if (colour) tell(name, &w, 80, true);
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_witness_write(&w, &out, &err), PGR_OK);
  compare(file, pgr_buf_text(&out));
  pgr_buf_deinit(&out);
  pgr_witness_deinit(&w);
}

static void two_agents(void **state) {
  (void)state;
  golden("simple", true);
}

static void one_waits(void **state) {
  (void)state;
  golden("wait", false);
}

static void deadlock_and_retry(void **state) {
  (void)state;
  golden("deadlock", true);
}

static void yield_points(void **state) {
  (void)state;
  golden("split", false);
}

static void three_agents(void **state) {
  (void)state;
  golden("three", false);
}

/* Too many for columns of their own in 80 characters. */
static void six_agents(void **state) {
  (void)state;
  golden("six", false);
}

static void hostile_texts(void **state) {
  (void)state;
  golden("hostile", false);
}

int main(int argc, char **argv) {
  golden_dir = argc > 1 ? argv[1] : ".";
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_agents),         cmocka_unit_test(one_waits),
                                     cmocka_unit_test(deadlock_and_retry), cmocka_unit_test(yield_points),
                                     cmocka_unit_test(three_agents),       cmocka_unit_test(six_agents),
                                     cmocka_unit_test(hostile_texts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
