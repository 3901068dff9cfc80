/* trigger.yaml and the folder triggers/: what is right is read, each way of being wrong is told with its place, and any
 * rule that is written reads as itself. */
#include "pgr_test.h"

#include "pgr_random.h"
#include "pgr_rule_text.h"
#include "pgr_triggers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char base[] = "table: app.conversations\n"                  /* 1 */
                           "function: check_status\n"                    /* 2 */
                           "rule:\n"                                     /* 3 */
                           "  - column: status\n"                        /* 4 */
                           "    allow: open->claimed->closed, same\n"    /* 5 */
                           "    insert: open\n"                          /* 6 */
                           "  - column: texter_id\n"                     /* 7 */
                           "    allow: >\n"                              /* 8 */
                           "      null->any,\n"                          /* 9 */
                           "      any->null, same\n"                     /* 10 */
                           "message: 'Already assigned: to a texter.'\n" /* 11 */
                           "sqlstate: 23P01\n"                           /* 12 */
                           "why: >\n"                                    /* 13 */
                           "  Two texters must not\n"                    /* 14 */
                           "  own one conversation.\n"                   /* 15 */
                           "shown:\n"                                    /* 16 */
                           "  field: texter_id\n"                        /* 17 */
                           "  message: Already checked out\n"            /* 18 */
                           "log: server\n"                               /* 19 */
                           "history:\n"                                  /* 20 */
                           "  table: app.changes\n"                      /* 21 */
                           "  key: conversation_id\n"                    /* 22 */
                           "  order: '\"At\"'\n"                         /* 23 */
                           "existing: |\n"                               /* 24 */
                           "  SELECT 1\n"                                /* 25 */
                           "  FROM t\n"                                  /* 26 */
                           "decision: docs/adr/0007-x.md\n";             /* 27 */

static const char by_hand[] = "table: t\nfunction: f\n";

typedef struct read {
  pgr_arena arena;
  pgr_faults faults;
  const pgr_rule *rule;
} read_text;

static void read_as(read_text *r, const char *name, const char *text) {
  const pgr_source source = {"mine/trigger.yaml", text, strlen(text)};
  *r = (read_text){0};
  r->rule = pgr_trigger_declaration_read(&source, name, &r->arena, &r->faults);
  assert_int_equal(r->rule == NULL, r->faults.count > 0);
}

static void done(read_text *r) {
  pgr_faults_deinit(&r->faults);
  pgr_arena_deinit(&r->arena);
}

static const pgr_rule *must_read(read_text *r, const char *name, const char *text) {
  read_as(r, name, text);
  if (!r->rule) fail_msg("%s\n%s", r->faults.kept[0].text, text);
  return r->rule;
}

static void a_declaration(void **state) {
  (void)state;
  read_text r;
  const pgr_rule *rule = must_read(&r, "assignment", base);
  assert_string_equal(rule->name, "assignment");
  assert_string_equal(rule->function, "check_status");
  assert_string_equal(rule->schema, "app");
  assert_string_equal(rule->table, "conversations");
  assert_int_equal(rule->column_count, 2);
  const pgr_rule_column *status = &rule->columns[0], *texter = &rule->columns[1];
  assert_string_equal(status->name, "status");
  assert_true(status->same && status->begins_ruled && status->change_count == 2 && status->begin_count == 1);
  assert_string_equal(status->changes[1].to.value, "closed");
  assert_string_equal(status->begins[0].value, "open");
  assert_string_equal(texter->name, "texter_id");
  assert_true(texter->same && !texter->begins_ruled && texter->change_count == 2);
  assert_int_equal(texter->changes[0].from.kind, PGR_SIDE_NULL);
  assert_string_equal(rule->message, "Already assigned: to a texter.");
  assert_string_equal(rule->sqlstate, "23P01");
  assert_string_equal(rule->why, "Two texters must not own one conversation.");
  assert_string_equal(rule->field, "texter_id");
  assert_string_equal(rule->shown, "Already checked out");
  assert_int_equal(rule->log, PGR_RULE_LOG_SERVER);
  assert_string_equal(rule->history.table, "app.changes");
  assert_string_equal(rule->history.key, "conversation_id");
  assert_string_equal(rule->history.order, "At");
  assert_string_equal(rule->existing, "SELECT 1\nFROM t\n");
  assert_string_equal(rule->decision, "docs/adr/0007-x.md");
  done(&r);
}

static void what_need_not_be_there(void **state) {
  (void)state;
  read_text r;
  const pgr_rule *rule = must_read(&r, "c",
                                   "table: \"\\\"Odd \\u00e9\\\"\"\nrule:\n  - {column: C, allow: null->any, insert: "
                                   "null}\nmessage: No.\nlog: none\n");
  assert_null(rule->schema);
  assert_string_equal(rule->table, "Odd \xC3\xA9");
  assert_string_equal(rule->function, "c");
  assert_string_equal(rule->columns[0].name, "c"); /* as PostgreSQL reads it */
  assert_int_equal(rule->columns[0].begin_count, 1);
  assert_int_equal(rule->columns[0].begins[0].kind, PGR_SIDE_NULL); /* which is a text to us, not YAML's nothing */
  assert_string_equal(rule->sqlstate, "23514");
  assert_int_equal(rule->log, PGR_RULE_LOG_NONE);
  assert_null(rule->why);
  assert_null(rule->field);
  assert_null(rule->shown);
  assert_null(rule->history.table);
  assert_null(rule->existing);
  assert_null(rule->decision);
  done(&r);
}

/* What it raises is its own business. */
static void one_by_hand(void **state) {
  (void)state;
  read_text r;
  const pgr_rule *rule = must_read(&r, "c", by_hand);
  assert_int_equal(rule->column_count, 0);
  assert_string_equal(rule->message, "");
  assert_string_equal(rule->function, "f");
  done(&r);
  rule = must_read(&r, "c", "table: t\nsqlstate: P0001\nmessage: Nothing comes of it.\n");
  assert_string_equal(rule->sqlstate, "P0001");
  assert_string_equal(rule->message, "Nothing comes of it.");
  done(&r);
}

/* ---- faults ---- */

typedef struct wrong {
  const char *find, *replace;
  const char *text; /* of the first fault, after "mine/trigger.yaml" */
  const char *hint; /* NULL: none */
} wrong;

/* base with the first `find` replaced; the caller frees. */
static char *change(const char *find, const char *replace) {
  const char *hit = strstr(base, find);
  if (!hit) fail_msg("the test is wrong: '%s' is not in the declaration", find);
  size_t len = sizeof base + strlen(replace);
  char *text = calloc(len, 1);
  assert_non_null(text);
  snprintf(text, len, "%.*s%s%s", (int)(hit - base), base, replace, hit + strlen(find));
  return text;
}

static void check_fault(const pgr_faults *faults, size_t i, const char *text, const char *hint) {
  char expected[700];
  snprintf(expected, sizeof expected, "mine/trigger.yaml%s", text);
  if (faults->count <= i) fail_msg("no fault, expected: %s", expected);
  assert_string_equal(faults->kept[i].text, expected);
  assert_string_equal(faults->kept[i].hint ? faults->kept[i].hint : "no hint", hint ? hint : "no hint");
}

static void check_changes(const wrong *w, size_t n) {
  for (size_t i = 0; i < n; i++) {
    read_text r;
    char *text = change(w[i].find, w[i].replace);
    read_as(&r, "assignment", text);
    check_fault(&r.faults, 0, w[i].text, w[i].hint);
    assert_int_equal(r.faults.count, 1);
    done(&r);
    free(text);
  }
}

#define CHECK_CHANGES(table) check_changes(table, sizeof(table) / sizeof *(table))

static const char name_hint[] = "as in SQL: in double quotes unless it is lower case letters, digits and _; at most 63 "
                                "bytes";

static void shape_faults(void **state) {
  (void)state;
  static const wrong table[] = {
      {"table:", "tabel:\ntable:", ":1:1: unknown key 'tabel' in the trigger", "did you mean 'table'?"},
      {"why:", "xyzzyxyzzy:", ":13:1: unknown key 'xyzzyxyzzy' in the trigger",
       "there is: table, function, rule, message, sqlstate, why, shown, log, history, existing, decision"},
      {"    allow: open", "    alow: x\n    allow: open", ":5:5: unknown key 'alow' in an item of 'rule'",
       "did you mean 'allow'?"},
      {"table: app.conversations\n", "", ":1:1: the trigger lacks 'table'", NULL},
      {"    allow: open->claimed->closed, same\n", "", ":4:5: an item of 'rule' lacks 'allow'", NULL},
      {"message: 'Already assigned: to a texter.'\n", "", ":1:1: the trigger lacks 'message', the error's text", NULL},
      {"  key: conversation_id\n", "", ":20:1: 'history' lacks 'key'", NULL},
      {"log:", "why:", ":19:1: 'why' is there twice in the trigger", NULL},
      {"log: server", "log:", ":19:1: 'log' is empty", NULL},
      {"log: server", "log: [a]", ":19:1: 'log' must be a text, here is a list", NULL},
      {"log: server", "log:\n  a: b", ":19:1: 'log' must be a text, here is a mapping",
       "a text with ': ' in it wants quotes"},
      {"log: server", "log: \"\\e\"", ":19:6: 'log' holds a control character, 0x1B", NULL},
      {"log: server", "log: sever", ":19:6: unknown log 'sever'", "did you mean 'server'?"},
      {"shown:\n  field: texter_id\n  message: Already checked out\n", "shown: no\n",
       ":16:8: 'shown' must be a mapping (lines of 'key: value'), here is a text", NULL},
      {"why:", "[why]:", ":13:1: a key in the trigger is a list, it must be a text", NULL},
      {"why:", "? &a why\n:", ":13:3: an anchor: aliases are not used in trigger files", NULL},
      {"decision:", "---\ndecision:", ":27:1: a second document: one file, one trigger", NULL},
      {"sqlstate: 23P01", "sqlstate: 2351", ":12:11: '2351' is no SQLSTATE",
       "five digits or capital letters, like \"23514\""},
      {"table: app.conversations", "table: app.b.c", ":1:8: 'app.b.c' is no name", name_hint},
      {"function: check_status", "function: app.check",
       ":2:11: 'app.check': the name alone is wanted here, without a schema", name_hint},
      {"column: texter_id", "column: texter-id", ":7:13: 'texter-id' is no name", name_hint},
      {"key: conversation_id", "key: a b", ":22:8: 'a b' is no name", name_hint},
  };
  CHECK_CHANGES(table);
}

static void not_a_declaration(void **state) {
  (void)state;
  static const wrong table[] = {
      {NULL, "", ": it is empty", NULL},
      {NULL, "# nothing\n", ": it is empty", NULL},
      {NULL, "- table\n", ":1:1: the trigger must be a mapping (lines of 'key: value'), here is a list", NULL},
      {NULL, "rule: open->claimed\ntable: t\n", ":1:7: 'rule' must be a list, here is a text",
       "begin each item with a dash and a space"},
      {NULL, "rule: []\ntable: t\n", ":1:1: 'rule' is empty", "give at least one, or leave the key out"},
      {NULL, "table: t\nwhy: a: b\n", ":2:7: not valid YAML: mapping values are not allowed in this context",
       "a text with ': ' in it wants quotes, or | and a block of its own"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    read_text r;
    read_as(&r, "c", table[i].replace);
    check_fault(&r.faults, 0, table[i].text, table[i].hint);
    done(&r);
  }
}

/* What is wrong with a rule is told where it stands, whatever the style of the text it stands in. */
static void rule_faults(void **state) {
  (void)state;
  const struct {
    const char *find, *replace, *place, *says;
  } table[] = {
      {"open->claimed->closed, same", "open->claimed->", ":5:27: ", "missing"},
      {"open->claimed->closed, same", "\"open->\\u00e9, =\"", ":5:27: ", "="},
      {"open->claimed->closed, same", "'open->''on hold'', =>x'", ":5:32: ", "=>"},
      {"null->any,\n      any->null, same", "null->any,\n      any->same", ":10:12: ", "same"},
      {"insert: open", "insert: open, open", ":6:19: ", "already"},
      {"allow: >\n      null->any,\n      any->null, same", "allow: null->any, any->any, any->null, same",
       ":8:12: ", "column texter_id"},
      {"insert: open", "insert: closed", ":6:13: ", "column status"},
      {"insert: open", "insert: null, any", ":6:13: ", "leave insert out"},
      {"column: texter_id", "column: status", ":7:13: ", "ruled twice"},
      {"message: 'Already", "message: 'a\n\n  b", ":11:10: ", "message must be one line"},
      {"  field: texter_id", "  field: |\n    a\n    b", ":17:10: ", "field must be one line"},
      {"sqlstate: 23P01", "sqlstate: P0001", ":12:11: ", "class 23"},
      {"table: app.changes", "table: 'app changes'", ":20:1: ", "no table's name"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    read_text r;
    char *text = change(table[i].find, table[i].replace), place[64];
    read_as(&r, "assignment", text);
    if (r.faults.count != 1) fail_msg("%zu faults in\n%s", r.faults.count, text);
    snprintf(place, sizeof place, "mine/trigger.yaml%s", table[i].place);
    const char *told = r.faults.kept[0].text;
    if (strncmp(told, place, strlen(place)) != 0) fail_msg("not at %s: %s", place, told);
    if (!strstr(told, table[i].says)) fail_msg("'%s' is not said: %s", table[i].says, told);
    done(&r);
    free(text);
  }
}

static void all_faults_at_once(void **state) {
  (void)state;
  read_text r;
  read_as(&r, "c",
          "table: a b\nrule:\n  - column: x-y\n    allow: open->\nlog: loud\nsqlstate: x\nmessage: |\n  a\n  b\n");
  static const char *const first[] = {":1:8: ", ":3:13: ", ":4:18: ", ":6:11: ", ":5:6: "};
  assert_int_equal(r.faults.count, sizeof first / sizeof *first);
  for (size_t i = 0; i < sizeof first / sizeof *first; i++)
    assert_non_null(strstr(r.faults.kept[i].text, first[i]));
  done(&r);
  /* And what is only seen in the whole. */
  read_as(&r, "c",
          "table: t\nrule:\n  - column: a\n    allow: null->any, any->null, any->any, same\n  - column: b\n"
          "    allow: null->any, any->null, any->any, same\nsqlstate: P0001\nmessage: |\n  a\n  b\nwhy: |\n  c\n  d\n");
  static const char *const second[] = {":4:12: ", ":6:12: ", ":8:10: ", ":11:6: ", ":7:11: "};
  assert_int_equal(r.faults.count, sizeof second / sizeof *second);
  for (size_t i = 0; i < sizeof second / sizeof *second; i++)
    if (!strstr(r.faults.kept[i].text, second[i])) fail_msg("not at %s: %s", second[i], r.faults.kept[i].text);
  done(&r);
}

/* The folder's name is the trigger's: 63 bytes fit, 64 do not. */
static void long_names(void **state) {
  (void)state;
  read_text r;
  char name[65] = "";
  memset(name, 'n', 63);
  must_read(&r, name, by_hand);
  done(&r);
  name[63] = 'n';
  read_as(&r, name, by_hand);
  assert_int_equal(r.faults.count, 1);
  assert_non_null(strstr(r.faults.kept[0].text, "mine/trigger.yaml: "));
  assert_non_null(strstr(r.faults.kept[0].text, name));
  done(&r);
}

/* ---- what is written reads as it was ---- */

static void write_rule(const pgr_rule *rule, pgr_buf *out) {
  pgr_buf_init(out, 0);
  pgr_trigger_declaration_write(rule, out);
  assert_false(out->failed);
}

static void same_text(const char *a, const char *b) {
  assert_int_equal(a == NULL, b == NULL);
  if (a) assert_string_equal(a, b);
}

static void same_side(pgr_side a, pgr_side b) {
  assert_int_equal(a.kind, b.kind);
  same_text(a.value, b.value);
}

static void same_rule(const pgr_rule *a, const pgr_rule *b) {
  same_text(a->name, b->name);
  same_text(a->function, b->function);
  same_text(a->schema, b->schema);
  same_text(a->table, b->table);
  assert_int_equal(a->column_count, b->column_count);
  for (int i = 0; i < a->column_count; i++) {
    const pgr_rule_column *c = &a->columns[i], *d = &b->columns[i];
    same_text(c->name, d->name);
    assert_int_equal(c->same, d->same);
    assert_int_equal(c->change_count, d->change_count);
    assert_int_equal(c->begins_ruled, d->begins_ruled);
    assert_int_equal(c->begin_count, d->begin_count);
    for (int k = 0; k < c->change_count; k++) {
      same_side(c->changes[k].from, d->changes[k].from);
      same_side(c->changes[k].to, d->changes[k].to);
    }
    for (int k = 0; k < c->begin_count; k++)
      same_side(c->begins[k], d->begins[k]);
  }
  same_text(a->message, b->message);
  same_text(a->sqlstate, b->sqlstate);
  same_text(a->why, b->why);
  same_text(a->field, b->field);
  same_text(a->shown, b->shown);
  assert_int_equal(a->log, b->log);
  same_text(a->history.table, b->history.table);
  same_text(a->history.key, b->history.key);
  same_text(a->history.order, b->history.order);
  same_text(a->existing, b->existing);
  same_text(a->decision, b->decision);
}

static void round_trip(const pgr_rule *rule) {
  read_text r;
  pgr_buf written, again;
  write_rule(rule, &written);
  same_rule(rule, must_read(&r, rule->name, pgr_buf_text(&written)));
  write_rule(r.rule, &again);
  assert_string_equal(pgr_buf_text(&again), pgr_buf_text(&written));
  pgr_buf_deinit(&again);
  pgr_buf_deinit(&written);
  done(&r);
}

static void written_as_people_write(void **state) {
  (void)state;
  read_text r;
  pgr_buf out;
  write_rule(must_read(&r, "assignment", base), &out);
  assert_string_equal(pgr_buf_text(&out), "table: app.conversations\n"
                                          "function: check_status\n"
                                          "rule:\n"
                                          "  - column: status\n"
                                          "    allow: open->claimed->closed, same\n"
                                          "    insert: open\n"
                                          "  - column: texter_id\n"
                                          "    allow: null->any, any->null, same\n"
                                          "message: 'Already assigned: to a texter.'\n"
                                          "sqlstate: 23P01\n"
                                          "why: Two texters must not own one conversation.\n"
                                          "shown:\n"
                                          "  field: texter_id\n"
                                          "  message: Already checked out\n"
                                          "log: server\n"
                                          "history:\n"
                                          "  table: app.changes\n"
                                          "  key: conversation_id\n"
                                          "  order: '\"At\"'\n"
                                          "existing: |\n"
                                          "  SELECT 1\n"
                                          "  FROM t\n"
                                          "decision: docs/adr/0007-x.md\n");
  round_trip(r.rule);
  pgr_buf_deinit(&out);
  done(&r);
}

/* Texts that YAML, SQL or the rule's own words would read as something else. */
static const char *const hostile[] = {"a",
                                      "null",
                                      "NULL",
                                      "~",
                                      "true",
                                      "No",
                                      "23514",
                                      "1e3",
                                      " leading",
                                      "trailing ",
                                      "a: b",
                                      "a:",
                                      ": a",
                                      "a #b",
                                      "#a",
                                      "- a",
                                      "-",
                                      "---",
                                      "...",
                                      "? a",
                                      "*a",
                                      "&a",
                                      "!a",
                                      "%a",
                                      "@a",
                                      "`a`",
                                      "[a]",
                                      "{a}",
                                      "a, b",
                                      "|",
                                      ">",
                                      "'",
                                      "''",
                                      "it's",
                                      "\"",
                                      "\"a\"",
                                      "back\\slash\\n",
                                      "$$",
                                      "%s%n",
                                      "a->b",
                                      "any",
                                      "same",
                                      "\xE2\x86\x92",
                                      "h\xC3\xA9t",
                                      "\xF0\x9F\xA6\x86 duck",
                                      "\xC2\x85"
                                      "next line",
                                      "line\xE2\x80\xA8separator",
                                      "\xEF\xBB\xBFmark",
                                      "\xC2\x9F",
                                      "tab\tbed"};
enum { HOSTILE = sizeof hostile / sizeof *hostile };

static void hostile_texts(void **state) {
  (void)state;
  read_text r;
  must_read(&r, "assignment", base);
  for (size_t i = 0; i < HOSTILE; i++) {
    pgr_rule rule = *r.rule;
    if (!strchr(hostile[i], '\t')) {
      rule.message = rule.why = rule.field = rule.shown = rule.decision = hostile[i];
      rule.name = rule.function = rule.schema = rule.table = rule.columns[0].name = hostile[i];
      rule.history.key = rule.history.order = hostile[i];
      rule.columns[0].changes[0].from.value = rule.columns[0].begins[0].value = hostile[i];
    }
    rule.existing = hostile[i];
    round_trip(&rule);
    static const char *const around[][3] = {{"", "\n", ""},     {"", "\n", "\n"}, {"", "\n", "\n\n"},
                                            {"", "\n\n  ", ""}, {"\n", "", ""},   {"", "\n \n", "\n "}};
    for (size_t k = 0; k < sizeof around / sizeof *around; k++) {
      char text[200];
      snprintf(text, sizeof text, "%s%s%s%s%s", around[k][0], hostile[i], around[k][1], hostile[i], around[k][2]);
      rule.existing = text;
      round_trip(&rule);
    }
  }
  done(&r);
}

static const char *some_text(pgr_random *random) {
  return hostile[pgr_random_below(random, HOSTILE - 1)]; /* but for the last, which no line may have */
}

static const char *maybe_text(pgr_random *random) {
  return pgr_random_below(random, 2) ? some_text(random) : NULL;
}

static pgr_side some_side(pgr_random *random) {
  pgr_side side = {.kind = (pgr_side_kind)pgr_random_below(random, 3)};
  if (side.kind == PGR_SIDE_VALUE) side.value = some_text(random);
  return side;
}

static void random_column(pgr_random *random, pgr_rule_column *out) {
  *out = (pgr_rule_column){.name = some_text(random), .same = pgr_random_below(random, 2) == 0};
  out->change_count = (int)pgr_random_below(random, 7);
  for (int i = 0; i < out->change_count; i++) {
    bool chain = i > 0 && pgr_random_below(random, 2);
    out->changes[i] = (pgr_change){chain ? out->changes[i - 1].to : some_side(random), some_side(random)};
  }
  out->begins_ruled = pgr_random_below(random, 3) == 0;
  out->begin_count = out->begins_ruled ? 1 + (int)pgr_random_below(random, 3) : 0;
  for (int i = 0; i < out->begin_count; i++)
    out->begins[i] = some_side(random);
}

/* Whether the words of its columns can be read at all: no change twice, none to what it was. */
static bool can_be_declared(const pgr_rule *rule, pgr_arena *arena) {
  pgr_err err;
  bool good = pgr_rule_check(rule, &err) == PGR_OK;
  for (int i = 0; i < rule->column_count && good; i++) {
    pgr_rule_column column = {0};
    pgr_buf text;
    size_t offset;
    pgr_buf_init(&text, 0);
    pgr_rule_write_allow(&rule->columns[i], &text);
    good = pgr_rule_parse_allow(pgr_buf_text(&text), arena, &column, &offset, &err) == PGR_OK;
    pgr_buf_clear(&text);
    pgr_rule_write_begin(&rule->columns[i], &text);
    if (good && text.len) good = pgr_rule_parse_begin(pgr_buf_text(&text), arena, &column, &offset, &err) == PGR_OK;
    pgr_buf_deinit(&text);
  }
  return good;
}

static void random_rules(void **state) {
  (void)state;
  pgr_random random;
  int tried = 0;
  pgr_random_init(&random, 7, 1);
  for (int drawn = 0; drawn < 20000 && tried < 1500; drawn++) {
    static pgr_rule rule;
    pgr_arena arena = {0};
    rule = (pgr_rule){.name = some_text(&random), .schema = maybe_text(&random), .table = some_text(&random)};
    rule.function = pgr_random_below(&random, 2) ? some_text(&random) : rule.name;
    rule.column_count = (int)pgr_random_below(&random, 4);
    for (int i = 0; i < rule.column_count; i++)
      random_column(&random, &rule.columns[i]);
    snprintf(rule.sqlstate, sizeof rule.sqlstate, "%s", pgr_random_below(&random, 2) ? "23514" : "23000");
    rule.message = some_text(&random);
    rule.why = maybe_text(&random);
    rule.field = maybe_text(&random);
    rule.shown = maybe_text(&random);
    rule.log = (pgr_rule_log)pgr_random_below(&random, 3);
    if (pgr_random_below(&random, 2)) {
      rule.history.table = "a.\"b: c\"";
      rule.history.key = some_text(&random);
      rule.history.order = some_text(&random);
    }
    rule.existing = maybe_text(&random);
    rule.decision = maybe_text(&random);
    bool possible = can_be_declared(&rule, &arena);
    if (possible) round_trip(&rule);
    tried += possible;
    pgr_arena_deinit(&arena);
  }
  assert_true(tried >= 500);
}

/* ---- the folder ---- */

typedef struct folder {
  char root[900], path[1000];
  pgr_triggers triggers;
  pgr_faults faults;
} folder;

static void make_folder(folder *f) {
  const char *tmp = getenv("TMPDIR");
  *f = (folder){.root = ""};
  snprintf(f->root, sizeof f->root, "%s/pgr_triggers.XXXXXX", tmp && *tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(f->root));
  snprintf(f->path, sizeof f->path, "%s/schema", f->root);
  assert_int_equal(mkdir(f->path, 0700), 0);
}

/* relative: below the folder, its own folders are made. */
static void put(const folder *f, const char *relative, const char *text, size_t len) {
  char path[1200];
  int start = snprintf(path, sizeof path, "%s/", f->path);
  snprintf(path + start, sizeof path - (size_t)start, "%s", relative);
  for (char *p = path + start; (p = strchr(p, '/')); p++) {
    *p = '\0';
    mkdir(path, 0700);
    *p = '/';
  }
  FILE *out = fopen(path, "w");
  assert_non_null(out);
  assert_int_equal(fwrite(text, 1, len, out), len);
  assert_int_equal(fclose(out), 0);
}

static void put_text(const folder *f, const char *relative, const char *text) {
  put(f, relative, text, strlen(text));
}

static void read_folder(folder *f) {
  pgr_err err;
  pgr_faults_deinit(&f->faults);
  pgr_triggers_deinit(&f->triggers);
  if (pgr_triggers_read(f->path, &f->triggers, &f->faults, &err)) fail_msg("%s", err.msg);
}

static void remove_folder(folder *f) {
  char command[1000];
  pgr_faults_deinit(&f->faults);
  pgr_triggers_deinit(&f->triggers);
  snprintf(command, sizeof command, "rm -r '%s'", f->root);
  assert_int_equal(system(command), 0);
}

/* The fault without the folder's path. */
static void told(const folder *f, size_t i, const char *text) {
  if (i >= f->faults.count) fail_msg("no fault, expected: %s", text);
  const char *after = f->faults.kept[i].text + strlen(f->path) + 1;
  assert_string_equal(after, text);
}

#define VERSION(body)                                                                                                  \
  "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$" body "$$;\n"                                 \
  "CREATE OR REPLACE TRIGGER mine BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f();\n"                             \
  "COMMENT ON TRIGGER mine ON t IS $$Why " body "$$;\n"

static void a_folder(void **state) {
  (void)state;
  folder f;
  pgr_err err;
  make_folder(&f);
  read_folder(&f);
  assert_int_equal(f.triggers.count, 0); /* no triggers/ */
  pgr_triggers_deinit(&f.triggers);
  assert_int_equal(pgr_triggers_read("no/such/folder", &f.triggers, &f.faults, &err), PGR_EUSAGE);
  put_text(&f, "triggers/README.md", "Read this.");
  put_text(&f, "triggers/.hidden/v1.sql", "nonsense");
  put_text(&f, "triggers/mine/trigger.yaml", by_hand);
  put_text(&f, "triggers/mine/notes.txt", "nothing");
  put_text(&f, "triggers/mine/v1.sql", VERSION("BEGIN RETURN NEW; END"));
  put_text(&f, "triggers/mine/v2.sql", VERSION("BEGIN RAISE 'no 2'; END"));
  for (int i = 3; i <= 12; i++) {
    char path[64];
    snprintf(path, sizeof path, "triggers/mine/v%d.sql", i);
    put_text(&f, path, "\xEF\xBB\xBF" VERSION("BEGIN RAISE 'no 12'; END"));
  }
  read_folder(&f);
  assert_int_equal(f.faults.count, 0);
  assert_int_equal(f.triggers.count, 1);
  assert_string_equal(f.triggers.folder, f.path);
  const pgr_trigger *t = pgr_triggers_find(&f.triggers, "mine");
  assert_non_null(t);
  assert_null(pgr_triggers_find(&f.triggers, "min"));
  assert_int_equal(t->version_count, 12);
  for (int i = 0; i < 12; i++) {
    assert_int_equal(t->versions[i].number, i + 1);
    assert_int_equal(t->versions[i].objects.trigger_count, 1);
  }
  assert_ptr_equal(pgr_trigger_latest(t), &t->versions[11]);
  assert_string_equal(t->rule.message, "no 12"); /* as the latest raises it */
  remove_folder(&f);
}

static void parts_of_migrations(void **state) {
  (void)state;
  folder f;
  char name[1100];
  const pgr_trigger *t;
  const pgr_version *v;
  make_folder(&f);
  put_text(&f, "triggers/mine/trigger.yaml", by_hand);
  put_text(&f, "triggers/mine/v1.sql", VERSION("BEGIN RETURN NEW; END"));
  put_text(&f, "triggers/mine/v2.sql", VERSION("BEGIN RETURN NEW; END"));
  read_folder(&f);
  static const char *const ways[] = {"triggers/mine/v2.sql", "./triggers//mine/v2.sql"};
  for (size_t i = 0; i < 2; i++) {
    snprintf(name, sizeof name, "%s/%s", f.path, ways[i]);
    t = NULL;
    v = NULL;
    assert_true(pgr_triggers_of_part(&f.triggers, &(pgr_source){.name = name}, &t, &v));
    assert_ptr_equal(t, &f.triggers.items[0]);
    assert_int_equal(v->number, 2);
  }
  snprintf(name, sizeof name, "%s/triggers/mine/v3.sql", f.path);
  assert_false(pgr_triggers_of_part(&f.triggers, &(pgr_source){.name = name}, &t, &v));
  assert_false(pgr_triggers_of_part(&f.triggers, &(pgr_source){.name = "triggers/mine/v2.sql"}, &t, &v));
  assert_false(pgr_triggers_of_part(&f.triggers, &(pgr_source){.name = name + 1}, &t, &v));
  remove_folder(&f);
}

/* Each of them, and none hides another. */
static void folder_faults(void **state) {
  (void)state;
  folder f;
  make_folder(&f);
  put_text(&f, "triggers/a/v1.sql", VERSION("BEGIN RETURN NEW; END"));
  put_text(&f, "triggers/b/trigger.yaml", by_hand);
  put_text(&f, "triggers/c/trigger.yaml", by_hand);
  put_text(&f, "triggers/c/v1.sql", "");
  put_text(&f, "triggers/c/v3.sql", "");
  put_text(&f, "triggers/d/trigger.yaml", "table: t\n");
  put_text(&f, "triggers/d/v1.sql", VERSION("BEGIN RETURN NEW; END"));
  put_text(&f, "triggers/d/v02.sql", "");
  put_text(&f, "triggers/e/trigger.yaml", by_hand);
  put_text(&f, "triggers/e/v1.sql", "SELECT 1;\n  CREATE TRIGER x;\n");
  put_text(&f, "triggers/f/trigger.yaml", by_hand);
  put(&f, "triggers/f/v1.sql", "SELECT \0;", 9);
  put_text(&f, "triggers/g/trigger.yaml", "table: t\nwhy: \xE9\n");
  put_text(&f, "triggers/g/v1.sql", VERSION("BEGIN RETURN NEW; END"));
  put_text(&f, "triggers/mine/trigger.yaml", by_hand);
  put_text(&f, "triggers/mine/v1.sql", VERSION("BEGIN RETURN NEW; END"));
  read_folder(&f);
  size_t i = 0;
  told(&f, i++, "triggers/a/trigger.yaml: cannot read it: there is no such file");
  told(&f, i++, "triggers/b: there is no version: v1.sql is missing");
  told(&f, i++, "triggers/c: v2.sql is missing, but there is v3.sql");
  told(&f, i++, "triggers/d/v02.sql: this is no version's name");
  told(&f, i++, "triggers/d/v1.sql: it makes no trigger d, which the folder is named after");
  assert_string_equal(f.faults.kept[i - 1].hint, "it makes: mine");
  told(&f, i++, "triggers/e/v1.sql:2:10: syntax error at or near \"TRIGER\"");
  told(&f, i++, "triggers/f/v1.sql:1:8: a NUL byte: this is not a text");
  told(&f, i++, "triggers/g/trigger.yaml:2:6: byte 0xE9 is not UTF-8 here");
  assert_int_equal(f.faults.count, i);
  assert_non_null(pgr_triggers_find(&f.triggers, "mine"));
  remove_folder(&f);
}

static void is_elsewhere(const folder *f, const char *table) {
  const pgr_made_trigger *made = pgr_trigger_elsewhere(pgr_triggers_find(&f->triggers, "mine"));
  assert_string_equal(made ? made->table : "nowhere", table);
}

/* What the declaration says must be what the latest version makes, but for the table: after it was renamed, a next
 * version is made of the declaration that says so. */
static void declaration_and_version(void **state) {
  (void)state;
  folder f;
  make_folder(&f);
  put_text(&f, "triggers/mine/v1.sql", "SELECT 1;"); /* what it was does not matter */
  put_text(&f, "triggers/mine/v2.sql", VERSION("BEGIN RETURN NEW; END"));
  put_text(&f, "triggers/mine/trigger.yaml", "table: u\nfunction: g\n");
  read_folder(&f);
  told(&f, 0, "triggers/mine/v2.sql:2:1: the trigger mine executes f, but trigger.yaml declares the function g");
  assert_int_equal(f.faults.count, 1);
  is_elsewhere(&f, "t");
  put_text(&f, "triggers/mine/trigger.yaml", "table: app.t\nfunction: f\n"); /* by the search path, perhaps */
  read_folder(&f);
  assert_int_equal(f.faults.count, 0);
  is_elsewhere(&f, "nowhere");
  put_text(&f, "triggers/mine/v2.sql", "CREATE TRIGGER mine BEFORE UPDATE ON inbox.t EXECUTE FUNCTION f();");
  read_folder(&f);
  assert_int_equal(f.faults.count, 0);
  is_elsewhere(&f, "t");
  remove_folder(&f);
}

static void make_link(const folder *f, const char *relative, const char *to) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%s", f->path, relative);
  assert_int_equal(symlink(to, path), 0);
}

/* A migration that includes the path has the version of `mine` as its part. */
static void must_include(const folder *f, const char *path, int version) {
  char text[100];
  pgr_migrations migrations;
  pgr_faults faults = {0};
  const pgr_trigger *t = NULL;
  const pgr_version *v = NULL;
  pgr_err err;
  snprintf(text, sizeof text, "\\ir %s\n", path);
  put_text(f, "1_a.up.sql", text);
  if (pgr_migrations_read(f->path, &migrations, &faults, &err)) fail_msg("%s", err.msg);
  if (faults.count) fail_msg("%s", faults.kept[0].text);
  if (!pgr_triggers_of_part(&f->triggers, &migrations.items[0].up.parts[0], &t, &v)) fail_msg("%s", path);
  assert_string_equal(t->name, "mine");
  assert_int_equal(v->number, version);
  pgr_migrations_deinit(&migrations);
}

/* A link is what it leads to, and nothing outside of the folder is read, or shown in a message. */
static void links(void **state) {
  (void)state;
  static const char secret[] = "root:x:0:0:secret", outer[] = VERSION("BEGIN RETURN NEW; END");
  folder f;
  make_folder(&f);
  put_text(&f, "../secret", secret);
  put_text(&f, "../other/mine/trigger.yaml", by_hand);
  put_text(&f, "../other/mine/v1.sql", outer);
  put_text(&f, "triggers/file/trigger.yaml", by_hand);
  make_link(&f, "triggers/file/v1.sql", "../../../secret");
  put_text(&f, "triggers/gone/trigger.yaml", by_hand);
  make_link(&f, "triggers/gone/v1.sql", "v2.sql");
  make_link(&f, "triggers/mine", "../../other/mine");
  make_link(&f, "triggers/nothing", "nowhere");
  make_link(&f, "triggers/README", "../../secret"); /* nobody reads it */
  put_text(&f, "triggers/yaml/v1.sql", outer);
  make_link(&f, "triggers/yaml/trigger.yaml", "../../../secret");
  read_folder(&f);
  size_t i = 0;
  told(&f, i++, "triggers/file/v1.sql: cannot read it: it lies outside of the folder");
  told(&f, i++, "triggers/gone/v1.sql: cannot read it: there is no such file");
  told(&f, i++, "triggers/mine: cannot read it: it lies outside of the folder");
  told(&f, i++, "triggers/nothing: cannot read it: there is no such file");
  told(&f, i++, "triggers/yaml/trigger.yaml: cannot read it: it lies outside of the folder");
  assert_int_equal(f.faults.count, i);
  assert_null(pgr_triggers_find(&f.triggers, "mine"));
  remove_folder(&f);
  /* Inside of it they are followed, and a migration's part is the version that it is, whichever way leads to it. */
  make_folder(&f);
  put_text(&f, "shared/mine/trigger.yaml", by_hand);
  put_text(&f, "shared/mine/v1.sql", outer);
  put_text(&f, "triggers/README", "Read this.");
  make_link(&f, "triggers/mine", "../shared/mine");
  make_link(&f, "../link", "schema");
  strcpy(strrchr(f.path, '/'), "/link");
  read_folder(&f);
  assert_int_equal(f.faults.count, 0);
  must_include(&f, "triggers/mine/v1.sql", 1);
  must_include(&f, "shared/mine/v1.sql", 1);
  must_include(&f, "triggers/mine/../../shared/mine/v1.sql", 1);
  remove_folder(&f);
  /* The folder of all of them. */
  make_folder(&f);
  put_text(&f, "../other/mine/trigger.yaml", by_hand);
  put_text(&f, "../other/mine/v1.sql", outer);
  make_link(&f, "triggers", "../other");
  read_folder(&f);
  told(&f, 0, "triggers: cannot read it: it lies outside of the folder");
  assert_int_equal(f.faults.count, 1);
  assert_int_equal(f.triggers.count, 0);
  remove_folder(&f);
}

#define NAMED(name, function, body)                                                                                    \
  body "CREATE OR REPLACE TRIGGER " name " BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION " function "();\n"
#define MAKES(function) "CREATE FUNCTION " function "() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"

/* What one trigger's version does with a function is done to whoever else has it. */
static void one_function_of_two(void **state) {
  (void)state;
  static const char rule[] = "table: t\nfunction: f\nrule:\n  - {column: c, allow: 'a->b, same'}\nmessage: No.\n";
  folder f;
  make_folder(&f);
  put_text(&f, "triggers/a/trigger.yaml", by_hand);
  put_text(&f, "triggers/a/v1.sql", NAMED("a", "f", MAKES("f")));
  put_text(&f, "triggers/b/trigger.yaml", by_hand);
  put_text(&f, "triggers/b/v1.sql", NAMED("b", "f", ""));
  read_folder(&f);
  assert_int_equal(f.faults.count, 0); /* b only executes it */
  put_text(&f, "triggers/b/v1.sql", NAMED("b", "f", MAKES("f")));
  read_folder(&f);
  assert_int_equal(f.faults.count, 1);
  assert_non_null(strstr(f.faults.kept[0].text, "triggers/b/trigger.yaml:2:11: the function f is that of "));
  assert_non_null(strstr(f.faults.kept[0].text, "/schema/triggers/a/trigger.yaml:2:11, too"));
  put_text(&f, "triggers/b/v1.sql", NAMED("b", "f", ""));
  put_text(&f, "triggers/b/trigger.yaml", rule); /* a rule's version drops what else executes its function */
  read_folder(&f);
  assert_int_equal(f.faults.count, 1);
  put_text(&f, "triggers/a/v1.sql", NAMED("a", "x.f", MAKES("x.f")));
  put_text(&f, "triggers/b/v1.sql", NAMED("b", "y.f", MAKES("y.f")));
  read_folder(&f);
  assert_int_equal(f.faults.count, 0); /* two functions */
  put_text(&f, "triggers/a/v1.sql", NAMED("a", "y.f", MAKES("y.f")));
  read_folder(&f);
  assert_int_equal(f.faults.count, 1);
  /* The one that the folder is named after is declared in no line. */
  put_text(&f, "triggers/a/trigger.yaml", "table: t\n");
  put_text(&f, "triggers/a/v1.sql", NAMED("a", "a", MAKES("a")));
  put_text(&f, "triggers/b/trigger.yaml", "table: t\nfunction: a\n");
  put_text(&f, "triggers/b/v1.sql", NAMED("b", "a", MAKES("a")));
  read_folder(&f);
  assert_int_equal(f.faults.count, 1);
  assert_non_null(strstr(f.faults.kept[0].text, "/schema/triggers/a/trigger.yaml, too"));
  remove_folder(&f);
}

/* The nth allocation fails: it is told, and nothing is lost. */
static void without_memory(void **state) {
  (void)state;
  folder f;
  make_folder(&f);
  put_text(&f, "triggers/mine/trigger.yaml", base);
  put_text(&f, "triggers/mine/v1.sql",
           "CREATE TRIGGER mine BEFORE UPDATE ON app.conversations EXECUTE FUNCTION check_status();");
  int told = 0;
  for (unsigned long nth = 1; nth < 60; nth++) {
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_triggers_read(f.path, &f.triggers, &f.faults, &err);
    pgr_mem_fail_nth(0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    bool failed = code || f.faults.count > 0;
    told += failed;
    if (!failed) assert_int_equal(f.triggers.count, 1);
    if (!failed) assert_string_equal(f.triggers.items[0].rule.columns[0].changes[1].to.value, "closed");
    pgr_faults_deinit(&f.faults);
    pgr_triggers_deinit(&f.triggers);
  }
  assert_in_range(told, 5, 58); /* the last ones have all that they want */
  remove_folder(&f);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_declaration),
                                     cmocka_unit_test(what_need_not_be_there),
                                     cmocka_unit_test(one_by_hand),
                                     cmocka_unit_test(shape_faults),
                                     cmocka_unit_test(not_a_declaration),
                                     cmocka_unit_test(rule_faults),
                                     cmocka_unit_test(all_faults_at_once),
                                     cmocka_unit_test(long_names),
                                     cmocka_unit_test(written_as_people_write),
                                     cmocka_unit_test(hostile_texts),
                                     cmocka_unit_test(random_rules),
                                     cmocka_unit_test(a_folder),
                                     cmocka_unit_test(parts_of_migrations),
                                     cmocka_unit_test(folder_faults),
                                     cmocka_unit_test(declaration_and_version),
                                     cmocka_unit_test(links),
                                     cmocka_unit_test(one_function_of_two),
                                     cmocka_unit_test(without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
