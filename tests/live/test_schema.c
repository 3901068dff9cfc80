/* SQL files against a real server: the inbox and its trigger, up and down, the whole transition table of the trigger;
 * and what a file that is wrong says and leaves. */
#include "pgr_live.h"

#include "pgr_migrations.h"
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

/* The folder schema/ of the sources, read once for all tests. */
static pgr_migrations migrations;

static int set_up(void **state) {
  pgr_faults faults = {0};
  pgr_err err;
  pgr_buf text;
  if (fixture_set_up(state)) return -1;
  pgr_code code = pgr_migrations_read(PGR_SOURCE_DIR "/schema", &migrations, &faults, &err);
  if (code) fprintf(stderr, "%s\n", err.msg);
  pgr_buf_init(&text, 0);
  pgr_faults_print(&faults, &text);
  fputs(pgr_buf_text(&text), stderr);
  pgr_buf_deinit(&text);
  bool ok = !code && faults.count == 0;
  pgr_faults_deinit(&faults);
  return ok ? 0 : -1;
}

static int tear_down(void **state) {
  pgr_migrations_deinit(&migrations);
  return fixture_tear_down(state);
}

static const pgr_migration *find(const char *title) {
  char got[160];
  for (size_t i = 0; i < migrations.count; i++)
    if (strcmp(pgr_migration_title(&migrations.items[i], got), title) == 0) return &migrations.items[i];
  fail_msg("schema/ has no %s", title);
  return NULL;
}

static void apply(fixture *f, const pgr_migration_text *text) {
  pgr_err err;
  exec(f, "BEGIN");
  must(pgr_schema_apply_within(f->db, text->parts, text->part_count, &err), &err);
  exec(f, "COMMIT");
}

static void up(fixture *f, const char *title) {
  apply(f, &find(title)->up);
}

static void down(fixture *f, const char *title) {
  apply(f, &find(title)->down);
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
  pgr_err err;
  int64_t empty = number(f, objects);
  exec(f, "CREATE TABLE replies ()"); /* what the file makes second */
  assert_int_equal(pgr_schema_apply(f->db, find(inbox)->up.parts, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, PGR_SOURCE_DIR "/schema/0001_inbox.up.sql: relation \"replies\" already exists");
  exec(f, "DROP TABLE replies");
  assert_int_equal(number(f, objects), empty);
}

static pgr_source text_of(const char *name, const char *text) {
  return (pgr_source){name, text, strlen(text)};
}

/* Several files in a transaction of the caller's, which stays the caller's. */
static void files_within_a_transaction(void **state) {
  fixture *f = *state;
  pgr_err err;
  const pgr_source good[] = {text_of("a.sql", "CREATE TABLE t (id int) -- no semicolon"),
                             text_of("b.sql", "\nINSERT INTO t VALUES (1);"), text_of("c.sql", "")};
  int64_t before = number(f, objects);
  exec(f, "BEGIN");
  must(pgr_schema_apply_within(f->db, good, 3, &err), &err);
  assert_int_equal(PQtransactionStatus(pgr_db_raw(f->db)), PQTRANS_INTRANS);
  assert_int_equal(number(f, "SELECT count(*) FROM t"), 1);
  exec(f, "ROLLBACK");
  assert_int_equal(number(f, objects), before);
  const pgr_source bad[] = {good[0], text_of("b.sql", "/* é */\n  SELECT nonsense FROM t;"), good[1]};
  exec(f, "BEGIN");
  assert_int_equal(pgr_schema_apply_within(f->db, bad, 3, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "b.sql:2:10: column \"nonsense\" does not exist");
  assert_int_equal(PQtransactionStatus(pgr_db_raw(f->db)), PQTRANS_INERROR);
  exec(f, "ROLLBACK");
  /* The first byte of a file is its first byte. */
  const pgr_source first = text_of("d.sql", "SELEC 1");
  exec(f, "BEGIN");
  assert_int_equal(pgr_schema_apply_within(f->db, &first, 1, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "d.sql:1:1: syntax error at or near \"SELEC\"");
  exec(f, "ROLLBACK");
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
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transition_table),           cmocka_unit_test(other_columns_and_other_rows_are_free),
      cmocka_unit_test(down_leaves_nothing),        cmocka_unit_test(up_twice_and_down_twice),
      cmocka_unit_test(an_error_names_its_place),   cmocka_unit_test(a_failing_file_changes_nothing),
      cmocka_unit_test(files_within_a_transaction), cmocka_unit_test(ends_of_files)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
