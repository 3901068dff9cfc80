/* Syntax faults of every SQL text of a scenario, and where they are said to be. */
#include "pgr_scenario_test.h"

typedef struct sql_case {
  const char *find, *replace; /* in the YAML */
  const char *path, *text;    /* a file in place of the one of that path, or NULL */
  const char *faults[4];      /* all of them; none: it passes */
} sql_case;

static void check_case(const sql_case *c) {
  file changed[40] = {{c->path ? c->path : "unused", c->path ? c->text : "", 0}};
  for (size_t i = 0; files[i].path; i++)
    changed[i + 1] = files[i];
  char *yaml = change(c->find, c->replace);
  disk d = {.files = changed, .yaml = yaml};
  const pgr_reader reader = {.read = read_memory, .user = &d};
  pgr_faults faults = {0};
  pgr_scenario *s = pgr_scenario_load("mine/mine.yaml", &reader, &faults);
  if (!s) fail_msg("%s", faults.kept[0].text);
  pgr_scenario_check_sql(s, &faults);
  size_t expected = 0;
  while (c->faults[expected])
    expected++;
  for (size_t i = 0; i < faults.count && i < expected; i++)
    assert_string_equal(faults.kept[i].text, c->faults[i]);
  if (faults.count > expected) fail_msg("one too many: %s", faults.kept[expected].text);
  if (faults.count < expected) fail_msg("missing: %s", c->faults[faults.count]);
  pgr_scenario_destroy(s);
  pgr_faults_deinit(&faults);
  free(yaml);
}

#define CHECK_CASES(table)                                                                                             \
  for (size_t case_index = 0; case_index < sizeof(table) / sizeof *(table); case_index++)                              \
  check_case(&(table)[case_index])

static void in_scripts(void **state) {
  (void)state;
  static const sql_case table[] = {
      {"title", "title", NULL, NULL, {NULL}},
      {"title",
       "title",
       "mine/claim.sql",
       "SELECT 1;\n\n  SELEC :key;\n",
       {"mine/claim.sql:3:3: syntax error at or near \"SELEC\""}},
      {"title",
       "title",
       "mine/claim.sql",
       "SELECT 'é', :key, :agent\nFRM x WHERE;\nSELECT 1;\nUPDATE;\n",
       {"mine/claim.sql:2:5: syntax error at or near \"x\"", "mine/claim.sql:4:7: syntax error at or near \";\""}},
      {"title",
       "title",
       "mine/claim.sql",
       "SELECT * FROM :key;\n",
       {"mine/claim.sql:1:15: syntax error at or near \"$1\""}},
      /* With the simple protocol a variable may be a number, a name … */
      {"protocol: extended",
       "protocol: simple",
       "mine/claim.sql",
       "SELECT * FROM :t;\nSELECT a FROM b LIMIT :n;\n",
       {NULL}},
      {"protocol: extended",
       "protocol: simple",
       "mine/claim.sql",
       "BEGIN\\; SELECT 1\\;\nSELEC :key;\n",
       {"mine/claim.sql:2:1: syntax error at or near \"SELEC\""}},
  };
  CHECK_CASES(table);
}

static void in_files(void **state) {
  (void)state;
  static const sql_case table[] = {
      {"title",
       "title",
       "schema/a.sql",
       "-- é;\nSELEC 1;\nCREATE TABLE a (id int);\nDROP TABL a;\nCOPY a FROM STDIN;\n1\n",
       {"schema/a.sql:2:1: syntax error at or near \"SELEC\"", "schema/a.sql:4:6: syntax error at or near \"TABL\"",
        "schema/a.sql:6:1: syntax error at or near \"1\""}},
      {"title", "title", "schema/a.sql", "", {NULL}},
      {"title", "title", "schema/a.sql", " ;; /* nothing */ ; -- at all", {NULL}},
      {"title",
       "title",
       "mine/trigger.sql",
       "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; $$;\nSELECT $$",
       {"mine/trigger.sql:2:8: unterminated dollar-quoted string at or near \"$$\""}},
  };
  CHECK_CASES(table);
}

static void in_the_yaml(void **state) {
  (void)state;
  static const sql_case table[] = {
      {"SELECT :first_key::bigint",
       "SELECT :first_key::bigint FRM b c",
       NULL,
       NULL,
       {"mine/mine.yaml:8:51: syntax error at or near \"b\""}},
      {"INSERT INTO a SELECT :first_key::bigint",
       "INSERT INTO a SELECT :first_key, :last_key;\n  SELEC 1; SELECT :agents AS",
       NULL,
       NULL,
       {"mine/mine.yaml:9:3: syntax error at or near \"SELEC\"", "mine/mine.yaml:9:29: syntax error at end of input"}},
      {"TRUNCATE a", "'TRUNCATE ''a'''", NULL, NULL, {"mine/mine.yaml:9:18: syntax error at or near \"'a'\""}},
      {"GROUP BY id HAVING",
       "GROUP BY é HAVNG",
       NULL,
       NULL,
       {"mine/mine.yaml:35:19: syntax error at or near \"HAVNG\""}},
      {"SELECT key FROM pgrace_history",
       ">-\n      SELECT key\n      FROM pgrace_history\n      WERE a",
       NULL,
       NULL,
       {"mine/mine.yaml:40:12: syntax error at or near \"a\""}},
  };
  CHECK_CASES(table);
}

static void invariants(void **state) {
  (void)state;
#define INVARIANT(sql, ...)                                                                                            \
  {                                                                                                                    \
    "SELECT key FROM pgrace_history", sql, NULL, NULL, {                                                               \
      __VA_ARGS__                                                                                                      \
    }                                                                                                                  \
  }
  static const char no_key[] = "mine/mine.yaml:37:10: an invariant must return a column named key";
  static const char not_one[] = "mine/mine.yaml:37:10: an invariant must be one SELECT";
  const sql_case table[] = {
      INVARIANT("SELECT id FROM a", no_key),
      INVARIANT("SELECT id, count(*), 1, 'x'::text, a.b FROM a", no_key),
      INVARIANT("SELECT id AS kee UNION SELECT id AS key", no_key),
      INVARIANT("SELECT 1 AS key; SELECT 2", not_one),
      INVARIANT("DELETE FROM a", not_one),
      INVARIANT("SELECT a.key FROM a", NULL),
      INVARIANT("SELECT key::text FROM a", NULL),
      INVARIANT("SELECT * FROM a", NULL),
      INVARIANT("SELECT a.* FROM a", NULL),
      INVARIANT("WITH x AS (SELECT 1) SELECT 2 AS key FROM x;", NULL),
      INVARIANT("SELECT id AS key UNION SELECT id", NULL),
      INVARIANT("SELECT key(a) FROM a", NULL),
      INVARIANT("TABLE a", NULL),
      INVARIANT("VALUES (1)", NULL),
      INVARIANT("SELECT CASE WHEN true THEN 1 END", NULL),
  };
  CHECK_CASES(table);
}

/* What libpg_query would write out by recursion must not be written out. */
static void long_expressions(void **state) {
  (void)state;
  enum { BYTES = 200000 };
  char *sum = calloc(BYTES + 100, 1), *script = calloc(BYTES + 100, 1);
  for (size_t i = 0; i < BYTES; i += 2)
    memcpy(sum + i, "1+", 2);
  memcpy(sum + BYTES, "1 AS key", sizeof "1 AS key");
  snprintf(script, BYTES + 100, "SELECT %s;\n", sum);
  check_case(&(sql_case){"title", "title", "mine/claim.sql", script, {NULL}});
  check_case(&(sql_case){"title", "title", "schema/a.sql", script, {NULL}});
  snprintf(script, BYTES + 100, "SELECT %s\n", sum);
  check_case(&(sql_case){"SELECT key FROM pgrace_history\n", script, NULL, NULL, {NULL}});
  free(sum);
  free(script);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(in_scripts), cmocka_unit_test(in_files),
                                     cmocka_unit_test(in_the_yaml), cmocka_unit_test(invariants),
                                     cmocka_unit_test(long_expressions)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
