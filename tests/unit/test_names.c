/* Names and values written into SQL, and names read from what people wrote. tests/live/test_locks.c compares with a
 * server's quote_ident and reads literals back. */
#include "pgr_test.h"

#include "pgr_names.h"
#include <string.h>

typedef struct pair {
  const char *given, *expected;
} pair;

static void check(const pair *pairs, size_t count, void (*write)(const char *, pgr_buf *)) {
  for (size_t i = 0; i < count; i++) {
    pgr_buf out;
    pgr_buf_init(&out, 0);
    write(pairs[i].given, &out);
    assert_string_equal(pgr_buf_text(&out), pairs[i].expected);
    pgr_buf_deinit(&out);
  }
}

static void names(void **state) {
  (void)state;
  static const pair pairs[] = {
      {"conversations", "conversations"},
      {"_x1", "_x1"},
      {"name", "name"}, /* a keyword that may be any name */
      {"select", "\"select\""},
      {"left", "\"left\""}, /* may be a function, not a column */
      {"int", "\"int\""},   /* may be a column, not a function; as a type it means another name */
      {"between", "\"between\""},
      {"Capital", "\"Capital\""},
      {"two words", "\"two words\""},
      {"1st", "\"1st\""},
      {"a$b", "\"a$b\""},
      {"", "\"\""},
      {"\"", "\"\"\"\""},
      {"a\"; DROP TABLE t; --", "\"a\"\"; DROP TABLE t; --\""},
      {"line\nend", "\"line\nend\""},
      {"$$", "\"$$\""},
      {"%s", "\"%s\""},
      {"caf\303\251", "\"caf\303\251\""},
      {"\360\237\246\206", "\"\360\237\246\206\""},
      {"u&", "\"u&\""},
      {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
      /* 64 bytes: PostgreSQL would cut it */
      {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
       "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\""},
  };
  check(pairs, sizeof pairs / sizeof *pairs, pgr_sql_name);
}

static void literals(void **state) {
  (void)state;
  static const pair pairs[] = {
      {"", "''"},           {"open", "'open'"},
      {"it's", "'it''s'"},  {"a\\b", "E'a\\\\b'"},
      {"\\'", "E'\\\\'''"}, {"$$ %s\n\360\237\246\206", "'$$ %s\n\360\237\246\206'"},
  };
  check(pairs, sizeof pairs / sizeof *pairs, pgr_sql_literal);
}

static void qualified(void **state) {
  (void)state;
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_sql_qualified("My app", "order", &out);
  pgr_buf_adds(&out, " ");
  pgr_sql_qualified(NULL, "jobs", &out);
  assert_string_equal(pgr_buf_text(&out), "\"My app\".\"order\" jobs");
  pgr_buf_deinit(&out);
}

static void failed_buffers_stay_failed(void **state) {
  (void)state;
  pgr_buf out;
  pgr_buf_init(&out, 4);
  pgr_sql_name("Too long", &out);
  pgr_sql_literal("x", &out);
  assert_true(out.failed);
  pgr_buf_deinit(&out);
}

static void names_that_people_wrote(void **state) {
  (void)state;
  static const struct {
    const char *text, *schema, *name; /* name NULL: it is none */
  } examples[] = {
      {"conversations", "", "conversations"},
      {"Conversations", "", "conversations"},
      {"app.Jobs", "app", "jobs"},
      {" app . jobs\n", "app", "jobs"},
      {"\"My app\".\"Order\"", "My app", "Order"},
      {"\"a\"\"b\".c", "a\"b", "c"},
      {"\"a.b\"", "", "a.b"},
      {"order", "", "order"},
      {"a$1", "", "a$1"},
      {"caf\303\251", "", "caf\303\251"},
      {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "",
       "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"},
      {"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "", NULL},
      {"\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"", "", NULL},
      {"", "", NULL},
      {" ", "", NULL},
      {".", "", NULL},
      {"a.", "", NULL},
      {".a", "", NULL},
      {"a.b.c", "", NULL},
      {"a b", "", NULL},
      {"1a", "", NULL},
      {"$a", "", NULL},
      {"a;b", "", NULL},
      {"\"", "", NULL},
      {"\"\"", "", NULL},
      {"\"\".a", "", NULL},
      {"\"a", "", NULL},
      {"\"a\"\"", "", NULL},
      {"\"a\"b", "", NULL},
      {"a\"b\"", "", NULL},
      {"a--b", "", NULL},
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    char schema[64], name[64];
    bool is_name = pgr_sql_read_qualified(examples[i].text, schema, name);
    if (is_name != (examples[i].name != NULL)) fail_msg("%s", examples[i].text);
    if (!is_name) continue;
    assert_string_equal(schema, examples[i].schema);
    assert_string_equal(name, examples[i].name);
  }
}

/* What is written is read back, whatever the name is. */
static void round_trip(void **state) {
  (void)state;
  static const char *const odd[] = {"a",  "Select",           "select", "x\"y", "a.b", "\n",
                                    "$$", "\360\237\246\206", "%d",     "'",    " "};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++)
    for (size_t k = 0; k < sizeof odd / sizeof *odd; k++) {
      pgr_buf out;
      char schema[64], name[64];
      pgr_buf_init(&out, 0);
      pgr_sql_qualified(odd[i], odd[k], &out);
      assert_true(pgr_sql_read_qualified(pgr_buf_text(&out), schema, name));
      assert_string_equal(schema, odd[i]);
      assert_string_equal(name, odd[k]);
      pgr_buf_deinit(&out);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(names),
      cmocka_unit_test(literals),
      cmocka_unit_test(qualified),
      cmocka_unit_test(failed_buffers_stay_failed),
      cmocka_unit_test(names_that_people_wrote),
      cmocka_unit_test(round_trip),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
