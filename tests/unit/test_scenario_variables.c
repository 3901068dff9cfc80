/* Variables of a scenario: defaults, names that nothing sets, names where none is replaced. */
#include "pgr_scenario_test.h"

typedef struct variables_case {
  const char *find, *replace; /* in the YAML */
  const char *script;         /* claim.sql */
  const char *faults[6];      /* text and hint ("" for none) of each, all of them; none: it passes */
} variables_case;

/* Whatever is not in question is as in base. */
#define NOTHING "title", "title"
#define SIMPLE "protocol: extended", "protocol: simple"

static pgr_scenario *load_case(const variables_case *c, pgr_faults *faults) {
  file changed[40] = {{"mine/claim.sql", c->script, 0}};
  for (size_t i = 0; files[i].path; i++)
    changed[i + 1] = files[i];
  char *yaml = change(c->find, c->replace);
  disk d = {.files = changed, .yaml = yaml};
  const pgr_reader reader = {.read = read_memory, .user = &d};
  pgr_scenario *s = pgr_scenario_load("mine/mine.yaml", &reader, faults);
  free(yaml);
  return s;
}

static void check_case(const variables_case *c) {
  pgr_faults faults = {0};
  pgr_scenario *s = load_case(c, &faults);
  size_t expected = 0;
  while (expected < 3 && c->faults[2 * expected])
    expected++;
  for (size_t i = 0; i < faults.count && i < expected; i++) {
    assert_string_equal(faults.kept[i].text, c->faults[2 * i]);
    assert_string_equal(faults.kept[i].hint ? faults.kept[i].hint : "", c->faults[2 * i + 1]);
  }
  if (faults.count > expected) fail_msg("%s\none too many: %s", c->script, faults.kept[expected].text);
  if (faults.count < expected) fail_msg("%s\nmissing: %s", c->script, c->faults[2 * faults.count]);
  assert_int_equal(s != NULL, expected == 0);
  if (s) pgr_scenario_destroy(s);
  pgr_faults_deinit(&faults);
}

#define CHECK_CASES(table)                                                                                             \
  for (size_t case_index = 0; case_index < sizeof(table) / sizeof *(table); case_index++)                              \
  check_case(&(table)[case_index])

static void defaults(void **state) {
  (void)state;
  pgr_faults faults = {0};
  const variables_case c = {"key:\n",
                            "variables: {price: 60, word: 'a b', scale: 5}\nkey:\n",
                            "SELECT :price, :scale;\n\\shell echo :word\n",
                            {NULL}};
  pgr_scenario *s = load_case(&c, &faults);
  if (!s) fail_msg("%s", faults.kept[0].text);
  assert_int_equal(s->variable_count, 3);
  assert_string_equal(s->names.at[s->variables[0].slot], "price");
  assert_string_equal(s->variables[0].text, "60");
  assert_string_equal(s->variables[1].text, "a b");
  assert_int_equal(s->variables[2].slot, PGR_SLOT_SCALE);
  pgr_scenario_destroy(s);
  s = must_load(base);
  assert_int_equal(s->variable_count, 0);
  pgr_scenario_destroy(s);
}

static void wrong_defaults(void **state) {
  (void)state;
  static const char form[] = "write it like {price: 60}";
  static const variables_case table[] = {
      {"key:\n",
       "variables: [price]\nkey:\n",
       "SELECT 1;",
       {"mine/mine.yaml:13:1: 'variables' must map names to their defaults", form}},
      {"key:\n",
       "variables:\nkey:\n",
       "SELECT 1;",
       {"mine/mine.yaml:13:1: 'variables' must map names to their defaults", form}},
      {"key:\n",
       "variables: {[a]: 1}\nkey:\n",
       "SELECT 1;",
       {"mine/mine.yaml:13:13: 'variables' must map names to their defaults", form}},
      {"key:\n",
       "variables: {1a: 1}\nkey:\n",
       "SELECT 1;",
       {"mine/mine.yaml:13:13: '1a' cannot be a variable's name", "a name has letters, digits and _, no digit first"}},
      {"key:\n",
       "variables: {agent: 1}\nkey:\n",
       "SELECT 1;",
       {"mine/mine.yaml:13:13: :agent is set by pgrace", "give the variable another name"}},
      {"key:\n",
       "variables: {a: 1, a: 2}\nkey:\n",
       "SELECT :a;",
       {"mine/mine.yaml:13:19: variable 'a' is there twice", ""}},
      {"key:\n",
       "variables: {a: }\nkey:\n",
       "SELECT :a;",
       {"mine/mine.yaml:13:13: variable 'a' must have a text as its default", form}},
      {"key:\n",
       "variables: {a: \"x\\x01\"}\nkey:\n",
       "SELECT :a;",
       {"mine/mine.yaml:13:16: the default of 'a' holds a control character, 0x01", ""}},
      {"key:\n",
       "variables: {prize: 1}\nkey:\n",
       "\\set price 2\nSELECT :price;",
       {"mine/mine.yaml:13:13: no script refers to :prize", "did you mean 'price'?"}},
      {"key:\n",
       "variables: {prize: 1}\nkey:\n",
       "SELECT 1;",
       {"mine/mine.yaml:13:13: no script refers to :prize", ""}},
      {"key:\n",
       "variables: {prize: 1}\nkey:\n",
       "SELECT :price;",
       {"mine/claim.sql:1:8: nothing sets :price", "did you mean :prize?",
        "mine/mine.yaml:13:13: no script refers to :prize", "did you mean 'price'?"}},
  };
  CHECK_CASES(table);
}

static void limits(void **state) {
  (void)state;
  char yaml[1200] = "variables: {", script[600] = "SELECT 1", longest[PGR_VARIABLE_BYTES_MAX + 64];
  for (int i = 0; i <= PGR_VARIABLES_MAX; i++) {
    snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "a%d: 1, ", i);
    snprintf(script + strlen(script), sizeof script - strlen(script), ", :a%d", i);
  }
  snprintf(yaml + strlen(yaml), sizeof yaml - strlen(yaml), "}\nkey:\n");
  check_case(&(variables_case){"key:\n", yaml, script, {"mine/mine.yaml:13:259: more than 32 variables", ""}});
  for (int extra = 0; extra < 2; extra++) {
    int len = snprintf(longest, sizeof longest, "variables: {a: ");
    memset(longest + len, 'x', (size_t)(PGR_VARIABLE_BYTES_MAX + extra));
    snprintf(longest + len + PGR_VARIABLE_BYTES_MAX + extra, 20, "}\nkey:\n");
    const char *fault = extra ? "mine/mine.yaml:13:16: the default of 'a' is longer than 256 bytes" : NULL;
    check_case(&(variables_case){"key:\n", longest, "SELECT :a;", {fault, ""}});
  }
}

static void what_sets(void **state) {
  (void)state;
  static const variables_case table[] = {
      {NOTHING, "\\set a 1\n\\setshell b echo 1\nSELECT :a, :b;", {NULL}},
      {NOTHING, "\\if :later\n\\endif\n\\set later 1\n", {NULL}},
      {NOTHING, "SELECT x AS Free, \"Mixed\" FROM a \\gset\nSELECT :free, :Mixed;", {NULL}},
      {NOTHING, "SELECT x, y FROM a \\aset my_\nSELECT :my_x, :my_y;", {NULL}},
      {NOTHING, "UPDATE a SET b = 1 RETURNING * \\gset\n\\if :anything\n\\endif\n", {NULL}},
      {NOTHING, "SELECT 1::bigint, true \\gset\n\\if :bool\nSELECT :int8;\n\\endif\n", {NULL}},
      {NOTHING, "SHOW transaction isolation level \\gset\nSELECT :transaction_isolation;", {NULL}},
      {NOTHING, "SELECT :ROW_COUNT, :gap, :client_id, hash(:key);\n\\set x hash(:agent)\n", {NULL}},
      {SIMPLE, "SELECT 1 AS :word \\gset\n\\if :free\n\\endif\n", {NULL}},
      {NOTHING,
       "SELECT x AS free FROM a WHERE id = :key \\gset\n\\if not :Free\n\\endif\n",
       {"mine/claim.sql:2:9: nothing sets :Free", "did you mean :free?"}},
      {NOTHING,
       "SELECT count(*), count( * ) FROM a \\gset\n\\if :granted\n\\endif\n",
       {"mine/claim.sql:2:5: nothing sets :granted", "a default goes under variables"}},
      {NOTHING,
       "SELECT x FROM a \\gset my_\n\\if :x\n\\endif\n",
       {"mine/claim.sql:2:5: nothing sets :x", "a default goes under variables"}},
      {NOTHING,
       "SELECT * FROM a \\gset my_\n\\if :xylophone and :my_x\n\\endif\n",
       {"mine/claim.sql:2:5: nothing sets :xylophone", "a default goes under variables"}},
      {NOTHING,
       "SELECT 1,\n  :agnt, :agnt;\nSELECT :agnt;\n",
       {"mine/claim.sql:2:3: nothing sets :agnt", "did you mean :agent?"}},
      {NOTHING,
       "BEGIN;\nUPDATE a SET b = 1\n  RETURNING true AS granted;\n\\if :granted\n\\endif\n",
       {"mine/claim.sql:4:5: nothing sets :granted", "did line 2 want \\gset in place of its ;?"}},
      {NOTHING,
       "SELECT 1;\n\\set x 1 + (:granted *\\\n  :another_one)\n",
       {"mine/claim.sql:2:13: nothing sets :granted", "did line 1 want \\gset in place of its ;?",
        "mine/claim.sql:3:3: nothing sets :another_one", "did line 1 want \\gset in place of its ;?"}},
      {NOTHING,
       "\\sleep :pause ms\n\\shell echo a:b ::c :word\n",
       {"mine/claim.sql:1:8: nothing sets :pause", "a default goes under variables",
        "mine/claim.sql:2:21: nothing sets :word", "a default goes under variables"}},
      {NOTHING,
       "SELECT '\\:', 1 \\; SELECT 2;\n",
       {"mine/claim.sql:1:1: 2 statements in one message (\\;) need the simple protocol",
        "set 'protocol: simple' in the scenario"}},
      {NOTHING, "\\: :nobody;\n", {"mine/claim.sql:1:4: nothing sets :nobody", "a default goes under variables"}},
      {NOTHING,
       "SELECT 1 \\:nobody;\n",
       {"mine/claim.sql:1:11: nothing sets :nobody", "a default goes under variables"}},
      /* In the simple protocol what is no variable is text. */
      {SIMPLE, "SELECT 'HH24:MI', :nobody;\n", {NULL}},
      {SIMPLE,
       "\\sleep :pause ms\n\\if :granted\n\\endif\n",
       {"mine/claim.sql:1:8: nothing sets :pause", "a default goes under variables",
        "mine/claim.sql:2:5: nothing sets :granted", "a default goes under variables"}},
      /* Where a script has a fault nobody knows what it sets. */
      {"./x/../release.sql",
       "wrong.sql",
       "SELECT :granted;\n",
       {"mine/wrong.sql:2:3: unknown meta command \\nonsense", ""}},
  };
  CHECK_CASES(table);
}

static void inside_quotes(void **state) {
  (void)state;
  static const char apart[] = "write the colon apart, as 'HH24' || ':' || 'MI', or set protocol: simple";
  static const char paste[] = "write 'text ' || :key, or set protocol: simple";
  static const variables_case table[] = {
      {NOTHING,
       "SELECT 'é',\n  'key :key';\n",
       {"mine/claim.sql:2:8: ':key' inside quotes is not replaced in the extended and prepared protocols", paste}},
      {NOTHING,
       "SELECT e'it\\'s :key', ':key';\n",
       {"mine/claim.sql:1:16: ':key' inside quotes is not replaced in the extended and prepared protocols", paste,
        "mine/claim.sql:1:24: ':key' inside quotes is not replaced in the extended and prepared protocols", paste}},
      {NOTHING,
       "SELECT to_char(now(), 'HH24:MI:SS');\n",
       {"mine/claim.sql:1:28: ':MI' inside quotes is not replaced in the extended and prepared protocols", apart}},
      {NOTHING,
       "SELECT to_char(now(), 'HH24:MI') AS at, * FROM a \\gset\n",
       {"mine/claim.sql:1:28: ':MI' inside quotes is not replaced in the extended and prepared protocols", apart}},
      {NOTHING,
       "SELECT 1 AS \"x:key\";\n",
       {"mine/claim.sql:1:15: ':key' inside a quoted name is not replaced in the extended and prepared protocols",
        "set protocol: simple"}},
      {NOTHING,
       "DO $x$ BEGIN PERFORM :key; END $x$;\n",
       {"mine/claim.sql:1:22: ':key' inside a dollar quote is not replaced in the extended and prepared protocols",
        "set protocol: simple"}},
      {NOTHING,
       "-- :nobody\nSELECT 1 -- of :key\n, 2 /* :agent */;\n-- :nobody\n",
       {"mine/claim.sql:2:16: ':key' inside a comment is not replaced in the extended and prepared protocols",
        "leave the colon out, or set protocol: simple",
        "mine/claim.sql:3:8: ':agent' inside a comment is not replaced in the extended and prepared protocols",
        "leave the colon out, or set protocol: simple"}},
      {SIMPLE, "SELECT ':key' -- :key\n;\n", {NULL}},
      {NOTHING, "SELECT '::key', ': key', 'a:1', :key::text || ':' || 'x';\n", {NULL}},
  };
  CHECK_CASES(table);
}

static void a_file_in_place_of_sql(void **state) {
  (void)state;
  static const variables_case table[] = {
      {"seed: INSERT INTO a SELECT :first_key::bigint",
       "seed: rows.sql",
       "SELECT 1;",
       {"mine/mine.yaml:8:7: seed is SQL, not a file: write the SQL here", ""}},
      {"reset: TRUNCATE a",
       "reset: ../reset.sql",
       "SELECT 1;",
       {"mine/mine.yaml:9:8: reset is SQL, not a file: write the SQL here", ""}},
      {"sql: SELECT key FROM pgrace_history",
       "sql: check.sql",
       "SELECT 1;",
       {"mine/mine.yaml:37:10: an invariant is SQL, not a file: write the SQL here", ""}},
      {"reset: TRUNCATE a", "reset: TRUNCATE a.sql", "SELECT 1;", {NULL}},
  };
  CHECK_CASES(table);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(defaults),      cmocka_unit_test(wrong_defaults),
                                     cmocka_unit_test(limits),        cmocka_unit_test(what_sets),
                                     cmocka_unit_test(inside_quotes), cmocka_unit_test(a_file_in_place_of_sql)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
