/* The migrations against a real server: the whole transition table of the trigger, up twice, down to nothing. */
#include "pgr_live.h"

#include "pgr_schema.h"
#include <stdbool.h>
#include <stdio.h>
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

static void up(fixture *f, const char *name) {
  pgr_err err;
  must(pgr_schema_up(f->db, name, &err), &err);
}

static void down(fixture *f, const char *name) {
  pgr_err err;
  must(pgr_schema_down(f->db, name, &err), &err);
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

/* Everything a migration could leave: relations, functions, triggers, constraints, types of the public schema. */
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

static void up_twice_and_down_twice_are_clean(void **state) {
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

static void a_failing_migration_changes_nothing(void **state) {
  fixture *f = *state;
  pgr_err err;
  int64_t empty = number(f, objects);
  exec(f, "CREATE TABLE replies ()");
  assert_int_equal(pgr_schema_up(f->db, inbox, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "schema/0001_inbox.up.sql"));
  assert_non_null(strstr(err.msg, "replies"));
  exec(f, "DROP TABLE replies");
  assert_int_equal(number(f, objects), empty);
  assert_int_equal(pgr_schema_up(f->db, "0009_nothing", &err), PGR_EUSAGE);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(transition_table), cmocka_unit_test(other_columns_and_other_rows_are_free),
      cmocka_unit_test(down_leaves_nothing), cmocka_unit_test(up_twice_and_down_twice_are_clean),
      cmocka_unit_test(a_failing_migration_changes_nothing)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
