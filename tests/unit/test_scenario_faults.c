/* Every way in which a scenario can be wrong, each made by one change to one that is right: place, message, hint. */
#include "pgr_scenario_test.h"

#include "pgr_clock.h"

typedef struct wrong {
  const char *find, *replace;
  const char *text; /* of the first fault, after "mine/mine.yaml" unless it begins with ">" */
  const char *hint; /* NULL: none */
} wrong;

static void check_faults(const char *yaml, size_t len, const wrong *w) {
  pgr_faults faults = {0};
  char expected[700];
  snprintf(expected, sizeof expected, "%s%s", *w->text == '>' ? "" : "mine/mine.yaml", w->text + (*w->text == '>'));
  pgr_scenario *s = load(yaml, len, &faults);
  if (s) fail_msg("no fault, expected: %s", expected);
  if (faults.count < 1) fail_msg("neither scenario nor fault, expected: %s", expected);
  assert_string_equal(faults.kept[0].text, expected);
  if (w->hint && !faults.kept[0].hint) fail_msg("%s: no hint, expected: %s", expected, w->hint);
  if (w->hint) assert_string_equal(faults.kept[0].hint, w->hint);
  if (!w->hint && faults.kept[0].hint) fail_msg("%s: unexpected hint: %s", expected, faults.kept[0].hint);
  pgr_faults_deinit(&faults);
}

static void check_changes(const wrong *w, size_t n) {
  for (size_t i = 0; i < n; i++) {
    char *text = change(w[i].find, w[i].replace);
    check_faults(text, 0, &w[i]);
    free(text);
  }
}

#define CHECK_CHANGES(table) check_changes(table, sizeof(table) / sizeof *(table))

static void shape_faults(void **state) {
  (void)state;
  static const char some_names[] = "did you mean 'title'?";
  static const wrong table[] = {
      {"title:", "titel:", ":1:1: unknown key 'titel' in the scenario", some_names},
      {"see:", "xyzzyxyzzy:", ":5:1: unknown key 'xyzzyxyzzy' in the scenario",
       "there is: title, lesson, see, broken, schema, seed, reset, ignore, protocol, pool_mode, key, variables, "
       "operations, ownership, invariants, rejections, retries, strategies, compare, thresholds"},
      {"    after: claim\n", "    aftr: claim\n", ":21:5: unknown key 'aftr' in an item of 'operations'",
       "did you mean 'after'?"},
      {"title: agents claim one key\n", "", ":1:1: the scenario lacks 'title'", NULL},
      {"  rule: one owner a key\n", "", ":26:1: 'ownership' lacks 'rule'", NULL},
      {"    summary: check, then update\n", "", ":51:5: an item of 'strategies' lacks 'summary'", NULL},
      {"see:", "title:", ":5:1: 'title' is there twice in the scenario", NULL},
      {"see: https://example.org/", "see:", ":5:1: 'see' is empty", NULL},
      {"see: https://example.org/", "see: '  '", ":5:1: 'see' is empty", NULL},
      {"see: https://example.org/", "see: [a]", ":5:1: 'see' must be a text, here is a list", NULL},
      {"see: https://example.org/", "see: {a: b}", ":5:1: 'see' must be a text, here is a mapping", NULL},
      {"see: https://example.org/", "see:\n  a: b", ":5:1: 'see' must be a text, here is a mapping",
       "a text with ': ' in it wants quotes"},
      {"see: https://example.org/", "see: \"a\\eb\"", ":5:6: 'see' holds a control character, 0x1B", NULL},
      {"see: https://example.org/", "see: \"a\\0b\"", ":5:6: 'see' holds a control character, 0x00", NULL},
      {"[../schema/a.sql]", "../schema/a.sql", ":7:9: 'schema' must be a list, here is a text",
       "begin each item with a dash and a space, or write [a, b]"},
      {"[../schema/a.sql]", "", ":7:1: 'schema' must be a list, here is nothing",
       "begin each item with a dash and a space, or write [a, b]"},
      {"[../schema/a.sql]", "[]", ":7:1: 'schema' is empty", "give at least one, or leave the key out"},
      {"[../schema/a.sql]", "[a, [b]]", ":7:13: an item of 'schema' must be a text, here is a list", NULL},
      {"[../schema/a.sql]", "[1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,a]", ":7:42: 'schema': 17 are too many, at most 16 fit",
       NULL},
      {"key:\n  name", "key: [b]\nkey2:\n  name",
       ":13:1: 'key' must be a mapping (lines of 'key: value'), here is a list", NULL},
      {"see:", "[see]:", ":5:1: a key in the scenario is a list, it must be a text", NULL},
      {"repeatable read", "repeatable raed", ":55:17: unknown isolation level 'repeatable raed' in 'isolation'",
       "did you mean 'repeatable read'?"},
      {"{repeatable read: race, read committed: unsaid}", "{}", ":55:5: 'isolation' names no isolation level",
       "write it like {read committed: safe}"},
      {"    isolation:\n      serializable: safe\n", "", ":56:5: an item of 'strategies' lacks 'isolation'", NULL},
  };
  CHECK_CHANGES(table);
}

static void yaml_faults(void **state) {
  (void)state;
  static const wrong table[] = {
      {"title: agents", "title: a: agents", ":1:9: not valid YAML: mapping values are not allowed in this context",
       "a text with ': ' in it wants quotes, or | and a block of its own"},
      {"seed:", "\tseed:",
       ":8:1: not valid YAML: found character that cannot start any token, while scanning for the next token",
       "YAML is indented with spaces, not with tabs"},
      {"[../schema/a.sql]", "[a",
       ":8:5: not valid YAML: did not find expected ',' or ']', while parsing a flow sequence", NULL},
      {"see: h", "see: &x h", ":5:6: an anchor: aliases are not used in scenario files", NULL},
      {"see: https://example.org/", "see: *x", ":5:6: an alias: write the value out", NULL},
      {"see: h", "see: !!str h", ":5:6: a tag: types are known here, leave it out", NULL},
      {"see:", "---\nsee:", ":5:1: a second document: one file, one scenario", NULL},
      {"see: https://example.org/", "see: [[[[[[[[[[[[[[[[a]]]]]]]]]]]]]]]]",
       ":5:21: nested too deeply: at most 16 levels", NULL},
      {"see: h", "see: \x01h", ":5:6: not valid YAML: control characters are not allowed", NULL},
      {"see: h", "see: \xC3\xA9\xFFh", ":5:8: byte 0xFF is not UTF-8 here", "save the file as UTF-8"},
  };
  CHECK_CHANGES(table);
  check_faults("", 0, &(wrong){NULL, NULL, ": it is empty", NULL});
  check_faults("# nothing\n", 0, &(wrong){NULL, NULL, ": it is empty", NULL});
  check_faults(
      "just text", 0,
      &(wrong){NULL, NULL, ":1:1: the scenario must be a mapping (lines of 'key: value'), here is a text", NULL});
  check_faults("title: a\nlesson: \0b\n", 20, &(wrong){NULL, NULL, ":2:9: a NUL byte: this is not a text", NULL});
}

static void value_faults(void **state) {
  (void)state;
  static const char name_hint[] =
      "names go into file names: letters, digits, and after the first one also _ . -, at most 63";
  static const wrong table[] = {
      {"agents claim one key", "|\n  a\n  b", ":1:8: 'title' must be one line",
       "fold it: > instead of |, and no empty lines"},
      {"name: claim", "name: cl aim", ":18:11: 'cl aim' is no name for an operation", name_hint},
      {"name: naive", "name: .naive", ":51:11: '.naive' is no name for a strategy", name_hint},
      {"name: naive", "name: n234567890123456789012345678901234567890123456789012345678901234",
       ":51:11: 'n234567890123456789012345678901234567890123456789012345678901234' is no name for a strategy",
       name_hint},
      {"first: 5", "first: 5x", ":15:10: first: '5x' is not a whole number", NULL},
      {"first: 5", "first: 1000001", ":16:9: the first key, 1000001, comes after the last one, 1000000", NULL},
      {"first: 5", "first: -5", ":15:10: first: -5 is out of range, give 0 to 1,000,000,000,000,000,000", NULL},
      {"capacity: 2", "capacity: 0", ":30:13: capacity: 0 is out of range, give 1 to 1,000,000", NULL},
      {"attempts: 3", "attempts: 10x", ":46:15: attempts: '10x' is not a whole number", NULL},
      {"attempts: 3", "attempts: 0", ":46:15: attempts: 0 is out of range, give 1 to 1,000", NULL},
      {"backoff: 2ms", "backoff: 2", ":47:14: backoff: '2' has no unit, write it like 2ms or 2s", NULL},
      {"max_backoff: 1s", "max_backoff: 1us", ":48:18: max_backoff: 1us is less than the backoff of 2ms", NULL},
      {"again: transaction", "again: transation", ":49:12: unknown thing to do again 'transation'",
       "did you mean 'transaction'?"},
      {"\"23514\"", "\"2351\"", ":39:15: '2351' is no SQLSTATE",
       "five digits or capital letters, like \"23505\" or \"40P01\""},
      {"40P01]", "40p01]", ":45:25: '40p01' is no SQLSTATE",
       "five digits or capital letters, like \"23505\" or \"40P01\""},
      {"[\"40001\", 40P01]", "{a: b}", ":45:5: 'sqlstate' must be one SQLSTATE or a list of them", NULL},
      {"[\"40001\", 40P01]", "[\"40001\", \"40001\"]", ":45:25: 40001 is retried already by what stands before", NULL},
      {"[\"40001\", 40P01]", "[00001,00002,00003,00004,00005,00006,00007,00008,00009]",
       ":45:64: too many errors to retry, at most 8 fit", NULL},
      {"    constraint: only_one\n", "", ":42:15: the same error is declared twice", NULL},
      {"protocol: extended", "protocol: extnded", ":11:11: unknown protocol 'extnded'", "did you mean 'extended'?"},
      {"pool_mode: session", "pool_mode: statement", ":12:12: unknown pool mode 'statement'",
       "there is: transaction, session"},
      {"when: end", "when: ent", ":25:11: unknown time 'ent'", "did you mean 'end'?"},
      {"unsaid}", "save}", ":55:56: unknown expectation 'save'", "did you mean 'safe'?"},
      {"sampled: rarely", "sampled: never", ":54:14: unknown way to sample 'never'", "there is: rarely"},
      {"b.c]", "b]", ":10:21: 'b' is no table.column", "write it like orders.created_at"},
      {"b.c]", "b.c.]", ":10:21: 'b.c.' is no table.column", "write it like orders.created_at"},
      {"b.c]", "b.c.d]", ":10:21: 'b.c.d' is no table.column", "write it like orders.created_at"},
  };
  CHECK_CHANGES(table);
}

static void reference_faults(void **state) {
  (void)state;
  static const wrong table[] = {
      {"name: reply", "name: claim", ":20:11: there are two operations 'claim'", NULL},
      {"after: claim", "after: clam", ":21:12: unknown operation 'clam'", "did you mean 'claim'?"},
      {"after: claim", "after: reply", ":21:12: 'reply' comes after 'reply'",
       "list the operations in the order in which an agent runs them"},
      {"after: claim", "after: release", ":21:12: 'release' comes later than 'reply'",
       "list the operations in the order in which an agent runs them"},
      {"    script: claim.sql\n", "    script: claim.sql\n    when: end\n", ":17:1: no operation begins the round",
       "one at least has neither 'after' nor 'when: end'"},
      {"acquire: claim", "acquire: x", ":28:12: unknown operation 'x'", "there is: claim, reply, release"},
      {"release: release", "release: claim", ":29:12: 'claim' must be an operation 'after: claim'",
       "who releases is who acquired: give it that 'after'"},
      {"    after: claim\n    when", "    after: reply\n    when",
       ":29:12: 'release' must be an operation 'after: claim'", "who releases is who acquired: give it that 'after'"},
      {"name: trigger", "name: naive", ":56:11: there are two strategies 'naive'", NULL},
      {"{claim: locked.sql, ", "{clam: locked.sql, ", ":59:15: unknown operation 'clam'", "did you mean 'claim'?"},
      {"{claim: locked.sql, ", "{reply: locked.sql, ", ":59:34: operation 'reply' is there twice", NULL},
      {"{reply: claim.sql}", "[claim.sql]", ":53:5: 'scripts' must map operations to files",
       "write it like {claim: claim-locked.sql}"},
      {"{reply: claim.sql}", "{reply: }", ":53:15: 'scripts' must map operations to files",
       "write it like {claim: claim-locked.sql}"},
      {"    scripts: {reply: claim.sql}\n", "", ":51:11: strategy 'naive' has no script for operation 'reply'",
       "give the operation a 'script', or the strategy one under 'scripts'"},
      {"compare: [trigger]", "compare: [trigr]", ":65:11: unknown strategy 'trigr'", "did you mean 'trigger'?"},
      {"compare: [trigger]", "compare: [naive, naive]", ":65:18: strategy 'naive' is named twice", NULL},
      {"      - sqlstate: \"40001\"", "      - sqlstate: [00001,00002,00003,00004,00005,00006,00007,00008]",
       ":60:5: too many errors to retry together with the scenario's, at most 8 fit", NULL},
  };
  CHECK_CHANGES(table);
}

static void threshold_faults(void **state) {
  (void)state;
  static const wrong table[] = {
      {"compare: [trigger]", "thresholds:", ":65:1: 'thresholds' must be a list, here is nothing",
       "begin each item with a dash and a space, or write [a, b]"},
      {"compare: [trigger]", "thresholds: tps > 5", ":65:13: 'thresholds' must be a list, here is a text",
       "begin each item with a dash and a space, or write [a, b]"},
      {"compare: [trigger]", "thresholds: []", ":65:1: 'thresholds' is empty",
       "give at least one, or leave the key out"},
      {"compare: [trigger]", "thresholds: [tps > 5, ' ']", ":65:23: an item of 'thresholds' is empty", NULL},
      {"compare: [trigger]", "thresholds:\n  - naive@8: tps > 5",
       ":66:5: an item of 'thresholds' must be a text, here is a mapping", "a text with ': ' in it wants quotes"},
      {"compare: [trigger]", "thresholds:\n  - |\n    tps\n    > 5", ":66:5: a threshold must be one line",
       "fold it: > instead of |, and no empty lines"},
      {"compare: [trigger]", "thresholds: [1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17]",
       ":65:53: 'thresholds': 17 are too many, at most 16 fit", NULL},
      {"compare:", "threshold:", ":65:1: unknown key 'threshold' in the scenario", "did you mean 'thresholds'?"},
  };
  CHECK_CHANGES(table);
}

static void file_faults(void **state) {
  (void)state;
  static const wrong table[] = {
      {"../schema/a.sql", "../b.sql", ":7:10: cannot read b.sql: no such file", NULL},
      {"../schema/a.sql", "../../../b.sql", ":7:10: cannot read ../../b.sql: no such file", NULL},
      {"script: claim.sql", "script: clam.sql", ":19:13: cannot read mine/clam.sql: no such file", NULL},
      {"[trigger.sql]", "[a.sql]", ":58:15: cannot read mine/a.sql: no such file", NULL},
      {"locked.sql", "lock.sql", ":59:22: cannot read mine/lock.sql: no such file", NULL},
      {"script: claim.sql", "script: latin.sql", ">mine/latin.sql:2:9: byte 0xE9 is not UTF-8 here",
       "save the file as UTF-8"},
      {"script: claim.sql", "script: nul.sql", ">mine/nul.sql:2:1: a NUL byte: this is not a text", NULL},
      {"script: claim.sql", "script: compound.sql",
       ">mine/compound.sql:2:1: 2 statements in one message (\\;) need the simple protocol",
       "set 'protocol: simple' in the scenario"},
  };
  CHECK_CHANGES(table);
  char *text = change("protocol: extended", "protocol: simple"), *at = strstr(text, "claim.sql");
  char *longer = calloc(strlen(text) + 20, 1);
  snprintf(longer, strlen(text) + 20, "%.*spipeline.sql%s", (int)(at - text), text, at + strlen("claim.sql"));
  check_faults(longer, 0,
               &(wrong){NULL, NULL, ">mine/pipeline.sql:2:1: a pipeline needs the extended or the prepared protocol",
                        "take 'protocol: simple' out of the scenario"});
  free(text);
  free(longer);
  text = change("script: claim.sql", "script: wrong.sql");
  pgr_faults faults = {0};
  assert_null(load(text, 0, &faults));
  assert_non_null(strstr(faults.kept[0].text, "mine/wrong.sql:2:3: "));
  pgr_faults_deinit(&faults);
  free(text);
}

static void unreadable_scenarios(void **state) {
  (void)state;
  disk d = {.files = files, .yaml = base};
  const pgr_reader reader = {.read = read_memory, .user = &d};
  static const struct {
    const char *path, *text;
  } table[] = {
      {"none.yaml", "none.yaml: cannot read it: no such file"},
      {"schema/a.sql", "schema/a.sql:1:1: the scenario must be a mapping (lines of 'key: value'), here is a text"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_faults faults = {0};
    assert_null(pgr_scenario_load(table[i].path, &reader, &faults));
    assert_string_equal(faults.kept[0].text, table[i].text);
    pgr_faults_deinit(&faults);
  }
  char *big = calloc(PGR_YAML_BYTES_MAX + 2, 1);
  memset(big, '\n', PGR_YAML_BYTES_MAX + 1);
  check_faults(big, 0, &(wrong){NULL, NULL, ": larger than 256 KiB", NULL});
  free(big);
  const file odd[] = {{"my scenario.yaml", base, 0}, {NULL, NULL, 0}};
  d.files = odd;
  pgr_faults faults = {0};
  assert_null(pgr_scenario_load("my scenario.yaml", &reader, &faults));
  assert_string_equal(faults.kept[0].text,
                      "my scenario.yaml: 'my scenario' is no name for a scenario (the file's name)");
  pgr_faults_deinit(&faults);
}

static void variables_in_the_wrong_place(void **state) {
  (void)state;
  static const wrong table[] = {
      {":first_key::bigint", ":frst_key", ":8:28: variable ':frst_key' has no value here", "did you mean 'first_key'?"},
      {"INSERT INTO a SELECT :first_key::bigint", "\"a ''\\n\\u00e9 :key\"", ":8:21: variable ':key' has no value here",
       "there is: first_key, last_key, contenders, agents"},
      {"TRUNCATE a", "'it''s :key'", ":9:15: variable ':key' has no value here", "it takes no variables"},
      {"> :agents", "> :key", ":35:37: variable ':key' has no value here", "there is: contenders, agents"},
      {"GROUP BY id HAVING count(*) > :agents", "GROUP BY id\n\n      HAVING é > :key",
       ":37:19: variable ':key' has no value here", "there is: contenders, agents"},
      {"SELECT key FROM pgrace_history\n", ">\n      SELECT 1\n      FROM :agents WHERE\n      :round\n",
       ":40:7: variable ':round' has no value here", "there is: contenders, agents"},
  };
  CHECK_CHANGES(table);
  enum { USES = 10001, USE = 8 };
  char *many = calloc(USES * USE + 1, 1);
  for (size_t i = 0; i < USES; i++)
    memcpy(many + i * USE, ",:agents", USE);
  char *text = change("FROM pgrace_history", many);
  check_faults(text, 0, &(wrong){NULL, NULL, ":37:10: 10001 uses of variables, at most 10000 are possible here", NULL});
  free(many);
  free(text);
}

static void all_faults_at_once(void **state) {
  (void)state;
  char *text =
      change("title: agents claim one key\nlesson: >\n  One.\n  Two.\nsee:", "titel: x\ntitel: y\nsee: {}\nsea:");
  pgr_faults faults = {0};
  assert_null(load(text, 0, &faults));
  assert_int_equal(faults.count, 6); /* titel twice, see, sea, and what is missing: title, lesson */
  pgr_faults_deinit(&faults);
  free(text);
  text = change("first: 5\n  last: 1,000,000", "first: x\n  last: y");
  assert_null(load(text, 0, &faults));
  assert_int_equal(faults.count, 2);
  assert_string_equal(faults.kept[0].quote, "   15 |   first: x\n      |          ^");
  pgr_faults_deinit(&faults);
  free(text);
  /* A script that all strategies share is missed once. */
  text = change("./x/../release.sql", "releas.sql");
  assert_null(load(text, 0, &faults));
  assert_int_equal(faults.count, 1);
  pgr_faults_deinit(&faults);
  free(text);
}

/* Thousands of faults, each of which wants a place in a long text, must not take long. */
static void many_faults_are_cheap(void **state) {
  (void)state;
  char *text = calloc(PGR_YAML_BYTES_MAX + 1, 1);
  for (size_t len = 0, i = 0; len + 16 < PGR_YAML_BYTES_MAX; i++)
    len += (size_t)snprintf(text + len, 16, "k%zu: v\n", i);
  pgr_faults faults = {0};
  int64_t began = pgr_now_ns();
  assert_null(load(text, 0, &faults));
  assert_true(pgr_now_ns() - began < 10 * PGR_NS_PER_S);
  assert_true(faults.count > 10000);
  pgr_faults_deinit(&faults);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(shape_faults),         cmocka_unit_test(yaml_faults),
      cmocka_unit_test(value_faults),         cmocka_unit_test(reference_faults),
      cmocka_unit_test(threshold_faults),     cmocka_unit_test(file_faults),
      cmocka_unit_test(unreadable_scenarios), cmocka_unit_test(variables_in_the_wrong_place),
      cmocka_unit_test(all_faults_at_once),   cmocka_unit_test(many_faults_are_cheap)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
