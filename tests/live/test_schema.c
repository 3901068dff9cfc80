/* SQL files against a real server: the inbox and its trigger, up and down, the whole transition table of the trigger;
 * and what a file that is wrong says and leaves. */
#include "pgr_live.h"

#include "pgr_schema.h"
#include <string.h>

static const char trigger[] = "0002_conversation_texter_assignment", inbox[] = "0001_inbox";

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(f->db, sql, &err), &err);
}

static int64_t number(fixture *f, const char *sql) {
  pgr_err err;
  int64_t n = -1;
  must(pgr_db_query_int(f->db, sql, &n, &err), &err);
  return n;
}

/* A file of schema/, at most `max` bytes of it. */
static pgr_source read_file(const char *name, const char *direction, char *text, size_t max) {
  static char shown[128];
  char path[1024];
  snprintf(shown, sizeof shown, "schema/%s.%s.sql", name, direction);
  snprintf(path, sizeof path, "%s/%s", PGR_SOURCE_DIR, shown);
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("%s cannot be read", path);
  size_t len = fread(text, 1, max - 1, f);
  fclose(f);
  text[len] = '\0';
  return (pgr_source){shown, text, len};
}

static void apply(fixture *f, const char *name, const char *direction) {
  char text[8192];
  pgr_source file = read_file(name, direction, text, sizeof text);
  pgr_err err;
  must(pgr_schema_apply(f->db, &file, &err), &err);
}

static void up(fixture *f, const char *name) {
  apply(f, name, "up");
}

static void down(fixture *f, const char *name) {
  apply(f, name, "down");
}

static void transition_table(void **state) {
  fixture *f = *state;
  const struct {
    const char *from, *to;
    bool passes;
  } table[] = {{"NULL", "1", true}, {"1", "1", true},  {"1", "NULL", true}, {"NULL", "NULL", true},
               {"1", "2", false},   {"2", "1", false}, {"0", "1", false},   {"-1", "9223372036854775807", false}};
  up(f, inbox);
  up(f, trigger);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char insert[128], update[128];
    snprintf(insert, sizeof insert, "INSERT INTO conversations VALUES (%zu, %s)", i, table[i].from);
    snprintf(update, sizeof update, "UPDATE conversations SET texter_id = %s WHERE id = %zu", table[i].to, i);
    exec(f, insert);
    pgr_err err;
    pgr_code code = pgr_db_exec(f->db, update, &err);
    if (table[i].passes) {
      must(code, &err);
      assert_int_equal(number(f, "SELECT count(*) FROM conversations WHERE texter_id IS NOT NULL"),
                       strcmp(table[i].to, "NULL") != 0);
    } else {
      assert_int_equal(code, PGR_EDATABASE);
      assert_string_equal(pgr_db_sqlstate(f->db), "23514");
      assert_string_equal(pgr_db_constraint(f->db), "conversation_texter_assignment_constraint");
      assert_string_equal(err.msg, "Conversation is already assigned to a texter.");
    }
    exec(f, "DELETE FROM conversations");
  }
  down(f, trigger);
  down(f, inbox);
}

static void other_columns_and_other_rows_are_free(void **state) {
  fixture *f = *state;
  up(f, inbox);
  up(f, trigger);
  exec(f, "INSERT INTO conversations VALUES (1, 7), (2, NULL)");
  exec(f, "UPDATE conversations SET id = 3 WHERE id = 1");
  exec(f, "UPDATE conversations SET texter_id = 8 WHERE id = 2");
  down(f, trigger);
  down(f, inbox);
}

/* Everything a file could leave: relations, functions, triggers, constraints, types of the public schema. */
static const char objects[] =
    "SELECT (SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace "
    "WHERE nspname = 'public') + (SELECT count(*) FROM pg_proc p JOIN pg_namespace n ON n.oid "
    "= pronamespace WHERE nspname = 'public') + (SELECT count(*) FROM pg_trigger) + (SELECT "
    "count(*) FROM pg_type t JOIN pg_namespace n ON n.oid = typnamespace WHERE nspname = "
    "'public') + (SELECT count(*) FROM pg_constraint c JOIN pg_namespace n ON n.oid = "
    "connamespace WHERE nspname = 'public')";

static void down_leaves_nothing(void **state) {
  fixture *f = *state;
  int64_t empty = number(f, objects);
  up(f, inbox);
  int64_t with_inbox = number(f, objects);
  assert_true(with_inbox > empty);
  up(f, trigger);
  assert_int_equal(number(f, objects), with_inbox + 2); /* the function and the trigger */
  assert_int_equal(number(f, "SELECT count(*) FROM pg_trigger WHERE tgname = "
                             "'conversation_texter_assignment_constraint'"),
                   1);
  down(f, trigger);
  assert_int_equal(number(f, objects), with_inbox);
  down(f, inbox);
  assert_int_equal(number(f, objects), empty);
}

/* The trigger's file may run again; the inbox is made once, for nothing is ever installed twice into one database. */
static void up_twice_and_down_twice(void **state) {
  fixture *f = *state;
  up(f, inbox);
  up(f, trigger);
  int64_t once = number(f, objects);
  up(f, trigger);
  assert_int_equal(number(f, objects), once);
  down(f, trigger);
  down(f, trigger);
  down(f, inbox);
  down(f, inbox);
}

static void fails(fixture *f, const char *text, const char *message) {
  pgr_err err;
  int64_t before = number(f, objects);
  assert_int_equal(pgr_schema_apply(f->db, &(pgr_source){"mine/tables.sql", text, strlen(text)}, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, message);
  assert_int_equal(number(f, objects), before); /* which also shows that the connection is good */
  assert_int_equal(
      number(f, "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'transactionid'"), 0);
}

static void an_error_names_its_place(void **state) {
  fixture *f = *state;
  fails(f, "SELEC 1;\n", "mine/tables.sql:1:1: syntax error at or near \"SELEC\"");
  fails(f, "CREATE TABLE t (id int);\n\n  CREATE TABLE u (\n    id no_type);\n",
        "mine/tables.sql:4:8: type \"no_type\" does not exist");
  /* The server counts characters, columns are bytes: each of these is two. */
  fails(f, "-- ä ö ü\nCREATE TABLE t (id int); /* é */ SELECT nonsense FROM t;",
        "mine/tables.sql:2:42: column \"nonsense\" does not exist");
  fails(f, "CREATE TABLE t (id int);\nCREATE TABLE t (id int);", "mine/tables.sql: relation \"t\" already exists");
  fails(f, "CREATE TABLE t (id int);\nSELECT 1 / count(*) FROM t;", "mine/tables.sql: division by zero");
  /* An unfinished text fails at its end. */
  fails(f, "CREATE TABLE t (id int", "mine/tables.sql:1:23: syntax error at or near \";\"");
}

static void a_failing_file_changes_nothing(void **state) {
  fixture *f = *state;
  char text[8192];
  pgr_source file = read_file(inbox, "up", text, sizeof text);
  pgr_err err;
  int64_t empty = number(f, objects);
  exec(f, "CREATE TABLE replies ()"); /* what the file makes second */
  assert_int_equal(pgr_schema_apply(f->db, &file, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "schema/0001_inbox.up.sql: relation \"replies\" already exists");
  exec(f, "DROP TABLE replies");
  assert_int_equal(number(f, objects), empty);
}

/* What ends without a semicolon, in a comment, or holds nothing at all. */
static void ends_of_files(void **state) {
  fixture *f = *state;
  static const char *const texts[] = {"", "-- nothing", "CREATE TABLE t ()", "CREATE TABLE t (); -- the end",
                                      "CREATE TABLE t () /* the end */"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    pgr_err err;
    must(pgr_schema_apply(f->db, &(pgr_source){"t.sql", texts[i], strlen(texts[i])}, &err), &err);
    assert_int_equal(number(f, "SELECT count(*) FROM pg_class WHERE relname = 't'"), i >= 2);
    exec(f, "DROP TABLE IF EXISTS t");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(transition_table),
                                     cmocka_unit_test(other_columns_and_other_rows_are_free),
                                     cmocka_unit_test(down_leaves_nothing),
                                     cmocka_unit_test(up_twice_and_down_twice),
                                     cmocka_unit_test(an_error_names_its_place),
                                     cmocka_unit_test(a_failing_file_changes_nothing),
                                     cmocka_unit_test(ends_of_files)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
