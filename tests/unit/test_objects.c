/* The functions and triggers of SQL files, written down in words. */
#include "pgr_test.h"

#include "pgr_buf.h"
#include "pgr_objects.h"
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct reading {
  pgr_arena arena;
  pgr_faults faults;
  pgr_objects objects;
} reading;

static void read_text(reading *r, const char *sql) {
  pgr_source source = {"v1.sql", sql, strlen(sql)};
  pgr_err err;
  *r = (reading){.arena = {0}};
  assert_int_equal(pgr_objects_read(&source, &r->arena, &r->objects, &r->faults, &err), PGR_OK);
}

static void forget(reading *r) {
  pgr_faults_deinit(&r->faults);
  pgr_arena_deinit(&r->arena);
}

/* ---- functions ---- */

/* The file that this project began with. */
static void first_trigger(void **state) {
  (void)state;
  static const char body[] =
      "\nBEGIN\n"
      "  IF OLD.texter_id IS NOT NULL AND NEW.texter_id IS NOT NULL AND NEW.texter_id <> OLD.texter_id THEN\n"
      "    RAISE EXCEPTION 'Conversation is already assigned to a texter.'\n"
      "      USING ERRCODE = 'check_violation', CONSTRAINT = 'conversation_texter_assignment_constraint';\n"
      "  END IF;\n  RETURN NEW;\nEND;\n";
  pgr_buf sql;
  reading r;
  pgr_buf_init(&sql, 0);
  pgr_buf_addf(&sql,
               "-- why\nCREATE OR REPLACE FUNCTION check_texter_update() RETURNS trigger AS $$%s$$ LANGUAGE plpgsql;\n"
               "COMMENT ON FUNCTION check_texter_update() IS\n  'Keeps it.';\n"
               "DROP TRIGGER IF EXISTS one_texter ON conversations;\n"
               "CREATE TRIGGER one_texter BEFORE UPDATE ON conversations\n"
               "  FOR EACH ROW EXECUTE FUNCTION check_texter_update();\n"
               "COMMENT ON TRIGGER one_texter ON conversations IS 'It''s kept.';\n",
               body);
  read_text(&r, pgr_buf_text(&sql));
  assert_int_equal(r.faults.count, 0);
  assert_int_equal(r.objects.function_count, 1);
  assert_int_equal(r.objects.trigger_count, 1);
  const pgr_made_function *f = &r.objects.functions[0];
  assert_null(f->schema);
  assert_string_equal(f->name, "check_texter_update");
  assert_string_equal(f->language, "plpgsql");
  assert_string_equal(f->body, body);
  assert_string_equal(f->comment, "Keeps it.");
  assert_false(f->security_definer || f->sets_search_path);
  assert_true(f->compares);
  assert_int_equal(f->offset, strlen("-- why\n"));
  assert_int_equal(f->raise_count, 1);
  assert_string_equal(f->raises[0].sqlstate, "23514");
  assert_string_equal(f->raises[0].constraint, "conversation_texter_assignment_constraint");
  assert_string_equal(f->raises[0].message, "Conversation is already assigned to a texter.");
  assert_int_equal(f->raises[0].line, 4);
  const pgr_made_trigger *t = &r.objects.triggers[0];
  assert_string_equal(t->name, "one_texter");
  assert_null(t->schema);
  assert_string_equal(t->table, "conversations");
  assert_null(t->function_schema);
  assert_string_equal(t->function, "check_texter_update");
  assert_true(t->before && t->row && t->updates);
  assert_false(t->after || t->inserts || t->deletes || t->truncates || t->replaces || t->constraint);
  assert_int_equal(t->column_count, 0);
  assert_null(t->when);
  assert_string_equal(t->comment, "It's kept.");
  assert_memory_equal(pgr_buf_text(&sql) + t->offset, "CREATE TRIGGER", 14);
  forget(&r);
  pgr_buf_deinit(&sql);
}

/* "definer, path" of the last function. */
static void options(void **state) {
  (void)state;
  static const struct {
    const char *sql;
    bool definer, path;
  } examples[] = {
      {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS ''", false, false},
      {"CREATE FUNCTION f() RETURNS trigger SECURITY DEFINER SET search_path = '' LANGUAGE plpgsql AS ''", true, true},
      {"CREATE FUNCTION f() RETURNS trigger SECURITY INVOKER SET work_mem = '1MB' LANGUAGE plpgsql AS ''", false,
       false},
      {"CREATE FUNCTION f() RETURNS trigger SET search_path FROM CURRENT LANGUAGE plpgsql AS ''", false, true},
      {"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS ''; ALTER FUNCTION f() SECURITY DEFINER SET "
       "search_path "
       "TO pg_catalog",
       true, true},
      {"CREATE FUNCTION f() RETURNS trigger SET search_path = a LANGUAGE plpgsql AS ''; ALTER FUNCTION f RESET "
       "search_path",
       false, false},
      {"CREATE FUNCTION f() RETURNS trigger SET search_path = a LANGUAGE plpgsql AS ''; ALTER FUNCTION f() RESET ALL",
       false, false},
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    reading r;
    read_text(&r, examples[i].sql);
    assert_int_equal(r.objects.function_count, 1);
    const pgr_made_function *f = &r.objects.functions[0];
    if (f->security_definer != examples[i].definer || f->sets_search_path != examples[i].path)
      fail_msg("%s", examples[i].sql);
    forget(&r);
  }
}

/* Of two that make the same the last counts; others are kept apart by schema and by the types of their arguments. */
static void same_function(void **state) {
  (void)state;
  reading r;
  read_text(&r, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; COMMENT ON FUNCTION f IS 'first';"
                "CREATE FUNCTION a.f() RETURNS int LANGUAGE sql AS 'SELECT 2';"
                "CREATE FUNCTION f(x int, OUT y text) LANGUAGE sql AS 'SELECT ''3''';"
                "CREATE FUNCTION f(int[]) RETURNS int LANGUAGE sql AS 'SELECT 4';"
                "COMMENT ON FUNCTION f(integer) IS 'third'; COMMENT ON FUNCTION other() IS 'nobody''s';"
                "CREATE OR REPLACE FUNCTION \"f\"() RETURNS int LANGUAGE sql AS 'SELECT 5';"
                "CREATE FUNCTION gone() RETURNS int LANGUAGE sql AS 'SELECT 6'; DROP FUNCTION gone();"
                "CREATE FUNCTION \"F\"() RETURNS int RETURN 7; COMMENT ON FUNCTION \"F\"() IS 'x';"
                "COMMENT ON FUNCTION \"F\"() IS NULL; COMMENT ON FUNCTION a.f() IS 'second'");
  assert_int_equal(r.objects.function_count, 5);
  const pgr_made_function *f = r.objects.functions;
  assert_string_equal(f[0].schema, "a");
  assert_string_equal(f[0].comment, "second");
  assert_string_equal(f[1].body, "SELECT '3'");
  assert_string_equal(f[1].comment, "third");
  assert_string_equal(f[2].body, "SELECT 4");
  assert_null(f[2].comment);
  assert_string_equal(f[3].body, "SELECT 5");
  assert_string_equal(f[3].comment, "first");
  assert_string_equal(f[4].name, "F");
  assert_string_equal(f[4].body, "");
  assert_string_equal(f[4].language, "sql");
  assert_null(f[4].comment);
  forget(&r);
}

/* ---- RAISE ---- */

static void show(pgr_buf *out, const char *text) {
  pgr_buf_addf(out, " %s", text ? text : "-");
}

/* line sqlstate constraint message, of each */
static void raises(void **state) {
  (void)state;
  static const struct {
    const char *statement, *expected;
  } examples[] = {
      {"RAISE EXCEPTION 'plain'", "1 P0001 - plain;"},
      {"RAISE 'plain'", "1 P0001 - plain;"},
      {"RAISE EXCEPTION '100%% of %', 1", "1 P0001 - -;"},
      {"RAISE EXCEPTION '100%% sure'", "1 P0001 - 100% sure;"},
      {"RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = 'it''s', CONSTRAINT = 'c', DETAIL = x", "1 23514 c it's;"},
      {"RAISE EXCEPTION USING ERRCODE = 'check_violation', MESSAGE = E'a\\nb'::text", "1 23514 - a\nb;"},
      {"RAISE EXCEPTION 'x' USING ERRCODE = 'unique_violation', CONSTRAINT = TG_NAME", "1 23505 - x;"},
      {"RAISE EXCEPTION 'x' USING ERRCODE = 'no_such_condition'", "1 - - x;"},
      {"RAISE EXCEPTION 'x' USING ERRCODE = 'P' || '0002'", "1 - - x;"},
      {"RAISE EXCEPTION 'x' USING ERRCODE = state, CONSTRAINT = f('c')", "1 - - x;"},
      {"RAISE EXCEPTION USING MESSAGE = pg_catalog.format('%s', OLD.a)", "1 P0001 - -;"},
      {"RAISE exclusion_violation", "1 23P01 - exclusion_violation;"},
      {"RAISE foreign_key_violation USING MESSAGE = 'x'", "1 23503 - x;"},
      {"RAISE SQLSTATE 'AB123'", "1 AB123 - AB123;"},
      {"RAISE EXCEPTION USING ERRCODE = 'not_null_violation'", "1 23502 - not_null_violation;"},
      {"RAISE NOTICE 'x'; RAISE WARNING 'x'; RAISE LOG 'x'; RAISE INFO 'x'; RAISE DEBUG 'x'", ""},
      {"BEGIN x := 1; EXCEPTION WHEN others THEN RAISE; END", ""},
      {"IF a THEN\n RAISE 'a'; ELSIF b THEN\n RAISE 'b'; ELSE\n RAISE 'c'; END IF",
       "2 P0001 - a;3 P0001 - b;4 P0001 - c;"},
      {"FOR i IN 1..2 LOOP\n RAISE 'a'; END LOOP; WHILE true LOOP\n RAISE 'b'; END LOOP", "2 P0001 - a;3 P0001 - b;"},
      {"CASE WHEN x THEN\n RAISE 'a'; ELSE\n RAISE 'b'; END CASE", "2 P0001 - a;3 P0001 - b;"},
      {"BEGIN NULL; EXCEPTION WHEN others THEN\n RAISE 'a'; END", "2 P0001 - a;"},
      {"FOREACH x IN ARRAY y LOOP RAISE 'a'; END LOOP; FOR r IN SELECT 1 LOOP\n RAISE 'b'; END LOOP",
       "1 P0001 - a;2 P0001 - b;"},
      {"RAISE 'no end", ""},
      {"not plpgsql at all", ""},
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    pgr_buf sql, line;
    reading r;
    pgr_buf_init(&sql, 0);
    pgr_buf_init(&line, 0);
    pgr_buf_addf(
        &sql,
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE x int; y int[]; r record; state text; "
        "BEGIN %s; END$$",
        examples[i].statement);
    read_text(&r, pgr_buf_text(&sql));
    assert_int_equal(r.objects.function_count, 1);
    for (size_t k = 0; k < r.objects.functions[0].raise_count; k++) {
      const pgr_raise *raise = &r.objects.functions[0].raises[k];
      pgr_buf_addf(&line, "%d", raise->line);
      show(&line, raise->sqlstate);
      show(&line, raise->constraint);
      show(&line, raise->message);
      pgr_buf_adds(&line, ";");
    }
    if (strcmp(pgr_buf_text(&line), examples[i].expected) != 0)
      fail_msg("%s\n is  %s\n not %s", examples[i].statement, pgr_buf_text(&line), examples[i].expected);
    forget(&r);
    pgr_buf_deinit(&sql);
    pgr_buf_deinit(&line);
  }
}

/* ---- the search path ---- */

static void search_path(void **state) {
  (void)state;
  static const struct {
    const char *statement;
    bool compares;
  } examples[] = {
      {"RETURN NEW", false},
      {"RAISE EXCEPTION 'x %', OLD.a", false},
      {"RAISE EXCEPTION USING DETAIL = pg_catalog.format('%L', OLD.a)", false},
      {"RAISE EXCEPTION USING DETAIL = format('%L', OLD.a)", true},
      {"RAISE EXCEPTION 'x %', OLD.a || 'b'", true},
      {"IF OLD.a IS NULL AND NOT b THEN RETURN NULL; END IF", false},
      {"IF OLD.a = NEW.a THEN RETURN NULL; END IF", true},
      {"IF OLD.a OPERATOR(pg_catalog.=) NEW.a THEN RETURN NULL; END IF", false},
      {"IF OLD.a IS DISTINCT FROM NEW.a THEN RETURN NULL; END IF", true},
      {"IF OLD.a IN ('x', 'y') THEN RETURN NULL; END IF", true},
      {"IF OLD.a IN (SELECT a FROM t) THEN RETURN NULL; END IF", true},
      {"IF OLD.a BETWEEN 1 AND 2 THEN RETURN NULL; END IF", true},
      {"IF OLD.a LIKE 'x' THEN RETURN NULL; END IF", true},
      {"IF EXISTS (SELECT a FROM t) THEN RETURN NULL; END IF", false},
      {"x := CASE OLD.a WHEN 1 THEN 2 END", true},
      {"x := CASE WHEN b THEN 2 END", false},
      {"x := 1", false},
      {"y[x] := 1", false},
      {"NEW.a = 1", false},
      {"NEW.a = x = 1", true},
      {"x := x + 1", true},
      {"CASE x WHEN 1 THEN NULL; ELSE NULL; END CASE", true},
      {"UPDATE t SET a = 1 WHERE CURRENT OF c", false},
      {"UPDATE t SET a = 1 WHERE a > 2", true},
      {"PERFORM f()", true},
      {"PERFORM app.f(), COALESCE(a, b), CURRENT_TIMESTAMP FROM t", false},
      {"INSERT INTO log VALUES (now())", true},
      {"FOR x IN 1..2 LOOP NULL; END LOOP", false},
  };
  for (size_t i = 0; i < sizeof examples / sizeof *examples; i++) {
    pgr_buf sql;
    reading r;
    pgr_buf_init(&sql, 0);
    pgr_buf_addf(&sql,
                 "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$DECLARE x int; y int[]; BEGIN %s; END$$",
                 examples[i].statement);
    read_text(&r, pgr_buf_text(&sql));
    if (r.objects.functions[0].compares != examples[i].compares) fail_msg("%s", examples[i].statement);
    forget(&r);
    pgr_buf_deinit(&sql);
  }
  reading r;
  read_text(&r, "CREATE FUNCTION a() RETURNS int LANGUAGE plpgsql AS 'DECLARE x int := 1 + 1; BEGIN END';"
                "CREATE FUNCTION b() RETURNS int LANGUAGE sql AS 'SELECT 1; SELECT f()';"
                "CREATE FUNCTION c() RETURNS int LANGUAGE sql AS 'SELECT 1';"
                "CREATE FUNCTION d() RETURNS int LANGUAGE sql RETURN 1 + 1"); /* found when it is made */
  assert_true(r.objects.functions[0].compares && r.objects.functions[1].compares);
  assert_false(r.objects.functions[2].compares || r.objects.functions[3].compares);
  forget(&r);
}

/* ---- triggers ---- */

static void triggers(void **state) {
  (void)state;
  reading r;
  read_text(&r,
            "CREATE OR REPLACE TRIGGER \"when\" AFTER INSERT OR UPDATE OF a, \"B\" OR DELETE ON app.\"My table\"\n"
            "FOR EACH ROW WHEN\n( (NEW.a = ')' /* ( */ OR $$($$ <> '') -- )\n AND f(OLD.\"when\") ) EXECUTE PROCEDURE "
            "\"Lib\".check_it('x');"
            "CREATE TRIGGER s BEFORE TRUNCATE ON t EXECUTE FUNCTION g();"
            "CREATE TRIGGER v INSTEAD OF UPDATE ON t FOR EACH ROW EXECUTE FUNCTION g();"
            "CREATE CONSTRAINT TRIGGER c AFTER UPDATE ON t DEFERRABLE FOR EACH ROW WHEN(true)EXECUTE FUNCTION g()");
  assert_int_equal(r.objects.trigger_count, 4);
  const pgr_made_trigger *t = r.objects.triggers;
  assert_string_equal(t[0].name, "when");
  assert_string_equal(t[0].schema, "app");
  assert_string_equal(t[0].table, "My table");
  assert_string_equal(t[0].function_schema, "Lib");
  assert_string_equal(t[0].function, "check_it");
  assert_true(t[0].after && t[0].row && t[0].inserts && t[0].updates && t[0].deletes && t[0].replaces);
  assert_false(t[0].before || t[0].truncates || t[0].constraint);
  assert_int_equal(t[0].column_count, 2);
  assert_string_equal(t[0].columns[0], "a");
  assert_string_equal(t[0].columns[1], "B");
  assert_string_equal(t[0].when, "(NEW.a = ')' /* ( */ OR $$($$ <> '') -- )\n AND f(OLD.\"when\")");
  assert_true(t[1].before && t[1].truncates);
  assert_false(t[1].row || t[1].updates || t[1].when);
  assert_false(t[2].before || t[2].after);
  assert_true(t[3].constraint && t[3].after);
  assert_string_equal(t[3].when, "true");
  forget(&r);
}

static void same_trigger(void **state) {
  (void)state;
  reading r;
  read_text(&r, "CREATE TRIGGER x BEFORE UPDATE ON t EXECUTE FUNCTION f(); COMMENT ON TRIGGER x ON t IS 'kept';"
                "CREATE TRIGGER x BEFORE UPDATE ON a.t EXECUTE FUNCTION f(); COMMENT ON TRIGGER x ON a.t IS 'other';"
                "CREATE OR REPLACE TRIGGER x AFTER UPDATE ON t EXECUTE FUNCTION f();"
                "CREATE TRIGGER y BEFORE UPDATE ON t EXECUTE FUNCTION f(); COMMENT ON TRIGGER y ON t IS 'lost';"
                "DROP TRIGGER y ON t; CREATE TRIGGER y AFTER UPDATE ON t EXECUTE FUNCTION f();"
                "DROP TRIGGER x ON a.t");
  assert_int_equal(r.objects.trigger_count, 2);
  assert_string_equal(r.objects.triggers[0].name, "x");
  assert_null(r.objects.triggers[0].schema);
  assert_true(r.objects.triggers[0].after);
  assert_string_equal(r.objects.triggers[0].comment, "kept");
  assert_string_equal(r.objects.triggers[1].name, "y");
  assert_null(r.objects.triggers[1].comment);
  forget(&r);
}

/* ---- bounds ---- */

static void faults(void **state) {
  (void)state;
  reading r;
  read_text(&r, "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1';\nCREATE TRIGGER oh;\n"
                "CREATE FUNCTION g() RETURNS int LANGUAGE sql AS 'SELECT 1';");
  assert_int_equal(r.faults.count, 1);
  assert_string_equal(r.faults.kept[0].text, "v1.sql:2:18: syntax error at or near \";\"");
  assert_int_equal(r.objects.function_count, 1);
  forget(&r);
}

/* Bodies at which libpg_query's plpgsql parser stumbles, or that nest deeply; what it prints is not let through. */
static void odd_bodies(void **state) {
  (void)state;
  static const char *const bodies[] = {"",
                                       ";",
                                       "BEGIN",
                                       "\\",
                                       "$1",
                                       "BEGIN RETURN; END; BEGIN END",
                                       "<<a>> BEGIN EXIT a; END",
                                       "DECLARE c CURSOR (x int) FOR SELECT x; BEGIN OPEN c(1); FETCH c INTO r; END",
                                       "DECLARE a t%ROWTYPE; b t.c%TYPE; d ALIAS FOR $1; BEGIN a.x.y := 1; END",
                                       "BEGIN EXECUTE 'x' INTO STRICT y USING 1, 2; GET DIAGNOSTICS x = ROW_COUNT; END",
                                       "#variable_conflict use_column\nBEGIN END",
                                       "BEGIN RAISE EXCEPTION '%'; END"};
  char printed[256] = {0};
  int kept = dup(STDERR_FILENO), tube[2];
  assert_int_equal(pipe(tube), 0);
  assert_int_equal(fcntl(tube[0], F_SETFL, O_NONBLOCK), 0);
  dup2(tube[1], STDERR_FILENO);
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    pgr_buf sql;
    reading r;
    pgr_buf_init(&sql, 0);
    pgr_buf_addf(&sql, "CREATE FUNCTION f(int) RETURNS trigger LANGUAGE plpgsql AS $body$%s$body$", bodies[i]);
    read_text(&r, pgr_buf_text(&sql));
    assert_int_equal(r.objects.function_count, 1);
    assert_string_equal(r.objects.functions[0].body, bodies[i]);
    forget(&r);
    pgr_buf_deinit(&sql);
  }
  dup2(kept, STDERR_FILENO);
  close(kept);
  assert_true(read(tube[0], printed, sizeof printed - 1) <= 0);
  close(tube[0]);
  close(tube[1]);
}

/* libpg_query's plpgsql parser ends the process when there is no body. */
static void no_bodies(void **state) {
  (void)state;
  reading r;
  read_text(&r, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql; CREATE FUNCTION g() RETURNS int LANGUAGE "
                "plpgsql RETURN 1");
  assert_int_equal(r.objects.function_count, 2);
  assert_string_equal(r.objects.functions[0].body, "");
  assert_string_equal(r.objects.functions[1].language, "plpgsql");
  forget(&r);
}

static void deep_bodies(void **state) {
  (void)state;
  static const char *const openings[] = {"IF a THEN ", "BEGIN ", "LOOP ", "x:=(", "x:=- "};
  for (size_t i = 0; i < sizeof openings / sizeof *openings; i++) {
    pgr_buf sql;
    reading r;
    pgr_buf_init(&sql, 0);
    pgr_buf_adds(&sql, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN ");
    for (int k = 0; k < 6000; k++)
      pgr_buf_adds(&sql, openings[i] + (i > 2 && k ? 3 : 0));
    pgr_buf_adds(&sql, " 1; END$$");
    read_text(&r, pgr_buf_text(&sql));
    assert_int_equal(r.objects.function_count, 1);
    forget(&r);
    pgr_buf_deinit(&sql);
  }
}

/* Whichever allocation fails: an error, no crash, and nothing leaks. */
static void no_memory(void **state) {
  (void)state;
  static const char sql[] =
      "CREATE FUNCTION a.f(int) RETURNS trigger LANGUAGE plpgsql AS $$BEGIN x := 1 + 2; RAISE EXCEPTION 'x' USING "
      "ERRCODE = 'check_violation', CONSTRAINT = 'c'; END$$; COMMENT ON FUNCTION a.f(int) IS 'x';"
      "CREATE TRIGGER t BEFORE UPDATE OF a, b ON a.x FOR EACH ROW WHEN (OLD.a = 1) EXECUTE FUNCTION a.f();"
      "COMMENT ON TRIGGER t ON a.x IS 'y'; DROP TRIGGER t ON a.x";
  pgr_source source = {"v1.sql", sql, strlen(sql)};
  bool failed = true;
  for (unsigned long nth = 1; failed && nth < 1000; nth++) {
    pgr_arena arena = {0};
    pgr_faults found = {.count = 0};
    pgr_objects objects;
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_objects_read(&source, &arena, &objects, &found, &err);
    pgr_mem_fail_nth(0);
    failed = code != PGR_OK;
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    assert_true(nth > 1 || failed);
    pgr_faults_deinit(&found);
    pgr_arena_deinit(&arena);
  }
  assert_false(failed);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_trigger), cmocka_unit_test(options),     cmocka_unit_test(same_function),
      cmocka_unit_test(raises),        cmocka_unit_test(search_path), cmocka_unit_test(triggers),
      cmocka_unit_test(same_trigger),  cmocka_unit_test(faults),      cmocka_unit_test(odd_bodies),
      cmocka_unit_test(no_bodies),     cmocka_unit_test(deep_bodies), cmocka_unit_test(no_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
