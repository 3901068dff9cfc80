/* SQL and words made of rules: the article's to the letter, the condition of each kind of rule, hostile names and
 * texts, and that nothing is half written without memory. That the SQL does what the rule says is for
 * tests/live/test_rule.c. */
#include "pgr_test.h"

#include "pgr_rule_text.h"
#include <stdlib.h>
#include <string.h>

static void add(pgr_rule *rule, pgr_arena *arena, const char *name, const char *allow, const char *begin) {
  pgr_err err;
  size_t at;
  pgr_rule_column *column = &rule->columns[rule->column_count++];
  column->name = name;
  if (pgr_rule_parse_allow(allow, arena, column, &at, &err)) fail_msg("%s: %s", allow, err.msg);
  if (begin && pgr_rule_parse_begin(begin, arena, column, &at, &err)) fail_msg("%s: %s", begin, err.msg);
}

static void article(pgr_rule *rule, pgr_arena *arena) {
  *rule = (pgr_rule){.name = "texter_assignment",
                     .function = "check_texter_update",
                     .table = "conversations",
                     .sqlstate = "23514",
                     .message = "Conversation is already assigned to a texter.",
                     .why = "Two texters must not own one conversation.",
                     .field = "texter_id",
                     .shown = "This conversation is already checked out"};
  add(rule, arena, "texter_id", "null->any, any->null, same", NULL);
}

static void small(pgr_rule *rule) {
  *rule = (pgr_rule){.name = "rule", .function = "says_no", .table = "t", .sqlstate = "23514", .message = "No."};
}

static void the_article_s_rule(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out;
  article(&rule, &arena);
  pgr_buf_init(&out, 0);
  pgr_rule_write_version(&rule, 3, &out);
  assert_string_equal(
      pgr_buf_text(&out),
      "-- conversations.texter_id may go from NULL to any value and from any value to NULL, and may be set to what it "
      "is.\n"
      "-- Two texters must not own one conversation.\n"
      "-- The application matches SQLSTATE 23514 and the constraint's name: they are part of the contract.\n"
      "-- The rule is WHEN; NULL there refuses nothing. Its operators are found once, by the search_path this is run "
      "with.\n"
      "CREATE OR REPLACE FUNCTION check_texter_update() RETURNS trigger\n"
      "LANGUAGE plpgsql\n"
      "AS $$\n"
      "-- texter_assignment, version 3: conversations.texter_id may go from NULL to any value and from any value to "
      "NULL, and\n"
      "-- may be set to what it is.\n"
      "BEGIN\n"
      "  RAISE EXCEPTION USING\n"
      "    ERRCODE = '23514',\n"
      "    MESSAGE = 'Conversation is already assigned to a texter.',\n"
      "    DETAIL = CASE -- values are for who may read them\n"
      "      WHEN pg_catalog.has_column_privilege(TG_RELID, 'texter_id', 'SELECT')\n"
      "        AND NOT pg_catalog.row_security_active(TG_RELID)\n"
      "      THEN pg_catalog.format('texter_id may not go from %L to %L.', OLD.texter_id, NEW.texter_id)\n"
      "      ELSE 'texter_id may not be set to this.' END,\n"
      "    SCHEMA = TG_TABLE_SCHEMA,\n"
      "    TABLE = TG_TABLE_NAME,\n"
      "    COLUMN = 'texter_id',\n"
      "    CONSTRAINT = 'texter_assignment';\n"
      "END;\n"
      "$$;\n"
      "COMMENT ON FUNCTION check_texter_update() IS\n"
      "  'Trigger texter_assignment on conversations, version 3: says no, and why. The rule is the trigger''s WHEN.';\n"
      "\n"
      "CREATE OR REPLACE TRIGGER texter_assignment\n"
      "  BEFORE UPDATE ON conversations\n"
      "  FOR EACH ROW\n"
      "  WHEN (OLD.texter_id <> NEW.texter_id)\n"
      "  EXECUTE FUNCTION check_texter_update();\n"
      "COMMENT ON TRIGGER texter_assignment ON conversations IS\n"
      "  'conversations.texter_id may go from NULL to any value and from any value to NULL, and may be set to what it "
      "is. "
      "Two texters must not own one conversation. Raises 23514; shown as \"This conversation is already checked "
      "out\".';\n"
      "\n"
      "-- Triggers that another version had and this one has not; DROP TRIGGER IF EXISTS would lock readers out for "
      "nothing.\n"
      "DO $$\n"
      "DECLARE stale name; BEGIN\n"
      "  FOR stale IN SELECT tgname FROM pg_trigger WHERE tgrelid = 'conversations'::regclass\n"
      "    AND tgfoid = 'check_texter_update()'::regprocedure\n"
      "    AND (tgname = 'texter_assignment_insert' OR starts_with(tgname, 'texter_assignment_insert_')\n"
      "      OR starts_with(tgname, 'texter_assignment_set_'))\n"
      "    AND tgname NOT IN ('texter_assignment')\n"
      "  LOOP EXECUTE format('DROP TRIGGER %I ON conversations', stale); END LOOP;\n"
      "END $$;\n");
  pgr_buf_clear(&out);
  pgr_rule_write_drop(&rule, &out);
  assert_string_equal(pgr_buf_text(&out), "DROP TRIGGER IF EXISTS texter_assignment ON conversations;\n"
                                          "DROP FUNCTION IF EXISTS check_texter_update();\n");
  pgr_buf_deinit(&out);
  pgr_arena_deinit(&arena);
}

/* What stands between WHEN and EXECUTE of the nth trigger (from 0). */
static void when_of(const pgr_rule *rule, int nth, pgr_buf *out) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_rule_write_version(rule, 1, &sql);
  const char *when = pgr_buf_text(&sql);
  for (int i = 0; when && i <= nth; i++) {
    when = strstr(when, "\n  WHEN (");
    if (when) when += strlen("\n  WHEN (");
  }
  const char *end = when ? strstr(when, ")\n  EXECUTE FUNCTION") : NULL;
  if (end) pgr_buf_add(out, when, (size_t)(end - when));
  pgr_buf_deinit(&sql);
}

/* The shortest condition that is equivalent, of each kind of rule. */
static void conditions(void **state) {
  (void)state;
  static const struct {
    const char *allow, *when;
  } table[] = {
      {"same", "OLD.c IS DISTINCT FROM NEW.c"},
      {"null->any, same", "OLD.c IS NOT NULL AND NEW.c IS DISTINCT FROM OLD.c"},
      {"any->null, same", "NEW.c IS NOT NULL AND NEW.c IS DISTINCT FROM OLD.c"},
      {"null->any, any->null, same", "OLD.c <> NEW.c"},
      {"any->any, same", "(OLD.c IS NULL) <> (NEW.c IS NULL)"},
      {"null->any, any->any, same", "OLD.c IS NOT NULL AND NEW.c IS NULL"},
      {"any->null, any->any, same", "OLD.c IS NULL AND NEW.c IS NOT NULL"},
      {"null->any, any->any, a->null, same", "NEW.c IS NULL AND OLD.c <> 'a'"},
      {"any->null, any->any, null->a, null->b, same", "OLD.c IS NULL AND NEW.c NOT IN ('a', 'b')"},
      {"null->any, any->null, any->a, same", "OLD.c <> NEW.c AND NEW.c <> 'a'"},
      {"null->any, any->null, a->any, b->any, same", "OLD.c <> NEW.c AND OLD.c NOT IN ('a', 'b')"},
      {"null->any, any->null, a->b, same", "OLD.c <> NEW.c\n    AND NOT (OLD.c = 'a' AND NEW.c = 'b')"},
      {"a->b, same", "OLD.c IS DISTINCT FROM NEW.c\n    AND (OLD.c = 'a' AND NEW.c = 'b') IS NOT TRUE"},
      {"a->b, a->'it''s', same",
       "OLD.c IS DISTINCT FROM NEW.c\n    AND (OLD.c = 'a' AND NEW.c IN ('b', 'it''s')) IS NOT TRUE"},
      {"a->b->c, same",
       "OLD.c IS DISTINCT FROM NEW.c\n    AND ((OLD.c, NEW.c) IN (('a', 'b'), ('b', 'c'))) IS NOT TRUE"},
      {"a->b->c->d->a, same",
       "OLD.c IS DISTINCT FROM NEW.c\n    AND ((OLD.c, NEW.c) IN (\n        ('a', 'b'),\n        "
       "('b', 'c'),\n        ('c', 'd'),\n        ('d', 'a'))) IS NOT TRUE"},
      {"null->a, any->a, same", "OLD.c IS DISTINCT FROM NEW.c\n    AND (NEW.c = 'a') IS NOT TRUE"},
      {"null->a, a->null, a->b, same", "OLD.c IS DISTINCT FROM NEW.c\n    AND (OLD.c IS NULL AND NEW.c = 'a'\n      OR "
                                       "OLD.c = 'a' AND NEW.c = 'b'\n      "
                                       "OR OLD.c = 'a' AND NEW.c IS NULL) IS NOT TRUE"},
      {"null->any, any->null", "(OLD.c IS NULL) = (NEW.c IS NULL)"},
      {"null->any", "OLD.c IS NOT NULL OR NEW.c IS NULL"},
      {"any->null", "OLD.c IS NULL OR NEW.c IS NOT NULL"},
      {"any->any", "(OLD.c <> NEW.c) IS NOT TRUE"},
      {"any->any, null->any", "NEW.c IS NULL OR NEW.c IS NOT DISTINCT FROM OLD.c"},
      {"any->any, any->null", "OLD.c IS NULL OR NEW.c IS NOT DISTINCT FROM OLD.c"},
      {"any->any, any->null, null->any", "NEW.c IS NOT DISTINCT FROM OLD.c"},
      {"a->b", "(OLD.c = 'a' AND NEW.c = 'b') IS NOT TRUE"},
      {"a->b->c", "((OLD.c, NEW.c) IN (('a', 'b'), ('b', 'c'))) IS NOT TRUE"},
      {"null->any, a->b",
       "NEW.c IS NOT DISTINCT FROM OLD.c\n    OR (OLD.c IS NULL\n      OR OLD.c = 'a' AND NEW.c = 'b') IS NOT TRUE"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    static pgr_rule rule;
    pgr_arena arena = {0};
    pgr_buf out;
    small(&rule);
    add(&rule, &arena, "c", table[i].allow, NULL);
    pgr_buf_init(&out, 0);
    when_of(&rule, 0, &out);
    if (strcmp(pgr_buf_text(&out), table[i].when) != 0)
      fail_msg("%s:\n%s\nnot\n%s", table[i].allow, pgr_buf_text(&out), table[i].when);
    pgr_buf_deinit(&out);
    pgr_arena_deinit(&arena);
  }
}

static void conditions_of_new_rows(void **state) {
  (void)state;
  static const struct {
    const char *begin, *when;
  } table[] = {{"null", "NEW.c IS NOT NULL"},
               {"any", "NEW.c IS NULL"},
               {"any, a", "NEW.c IS NULL"},
               {"a", "NEW.c IS DISTINCT FROM 'a'"},
               {"a, b", "(NEW.c IN ('a', 'b')) IS NOT TRUE"},
               {"null, a", "NEW.c <> 'a'"},
               {"a, null, b", "NEW.c NOT IN ('a', 'b')"}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    static pgr_rule rule;
    pgr_arena arena = {0};
    pgr_buf out;
    small(&rule);
    add(&rule, &arena, "c", "same", table[i].begin);
    pgr_buf_init(&out, 0);
    when_of(&rule, 1, &out);
    assert_string_equal(pgr_buf_text(&out), table[i].when);
    pgr_buf_deinit(&out);
    pgr_arena_deinit(&arena);
  }
}

static void has(const pgr_buf *out, const char *part) {
  if (!strstr(pgr_buf_text(out), part)) fail_msg("no '%s' in:\n%s", part, pgr_buf_text(out));
}

static void has_not(const pgr_buf *out, const char *part) {
  if (strstr(pgr_buf_text(out), part)) fail_msg("'%s' in:\n%s", part, pgr_buf_text(out));
}

static void triggers_of_several_columns(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out;
  small(&rule);
  rule.schema = "app";
  add(&rule, &arena, "a", "null->any, any->null, same", "null");
  add(&rule, &arena, "b", "x->y", "x");
  add(&rule, &arena, "Order", "same", NULL);
  pgr_buf_init(&out, 0);
  pgr_rule_write_version(&rule, 1, &out);
  has(&out, "CREATE OR REPLACE FUNCTION app.says_no() RETURNS trigger\n");
  has(&out, "\nCREATE OR REPLACE TRIGGER rule\n  BEFORE UPDATE ON app.t\n  FOR EACH ROW\n  WHEN (OLD.a <> NEW.a)\n"
            "  EXECUTE FUNCTION app.says_no();\n");
  has(&out, "\nCREATE OR REPLACE TRIGGER \"rule_set_Order\"\n  BEFORE UPDATE ON app.t\n  FOR EACH ROW\n"
            "  WHEN (OLD.\"Order\" IS DISTINCT FROM NEW.\"Order\")\n");
  has(&out, "\nCREATE OR REPLACE TRIGGER rule_set_b\n  BEFORE UPDATE OF b ON app.t\n  FOR EACH ROW\n"
            "  WHEN ((OLD.b = 'x' AND NEW.b = 'y') IS NOT TRUE)\n");
  has(&out, "\nCREATE OR REPLACE TRIGGER rule_insert\n  AFTER INSERT ON app.t\n  FOR EACH ROW\n"
            "  WHEN (NEW.a IS NOT NULL)\n");
  has(&out, "\nCREATE OR REPLACE TRIGGER rule_insert_b\n  AFTER INSERT ON app.t\n  FOR EACH ROW\n"
            "  WHEN (NEW.b IS DISTINCT FROM 'x')\n");
  has(&out, "SET search_path = pg_catalog, pg_temp\n");
  has(&out, "\nDECLARE\n  broken text; -- the column\n  reason text;\nBEGIN\n"
            "  IF TG_NAME = 'rule_insert_b' THEN\n"
            "    broken := 'b';\n"
            "    reason := format('b may not begin with %L.', NEW.b);\n"
            "  ELSIF TG_NAME = 'rule_insert' THEN\n");
  has(&out, "\n  ELSE\n"
            "    broken := 'a';\n"
            "    reason := format('a may not go from %L to %L.', OLD.a, NEW.a);\n"
            "  END IF;\n"
            "  IF (has_column_privilege(TG_RELID, broken, 'SELECT')\n"
            "    AND NOT row_security_active(TG_RELID)) IS NOT TRUE THEN\n"
            "    reason := broken || ' may not be set to this.'; -- values are for who may read them\n"
            "  END IF;\n");
  has(&out, "\n-- A row that an UPDATE moves to another partition is a new row there.\n");
  has(&out, "NOT IN ('rule', 'rule_set_Order', 'rule_set_b', 'rule_insert', 'rule_insert_b')");
  pgr_buf_clear(&out);
  pgr_rule_write_drop(&rule, &out);
  assert_string_equal(pgr_buf_text(&out), "DROP TRIGGER IF EXISTS rule ON app.t;\n"
                                          "DROP TRIGGER IF EXISTS \"rule_set_Order\" ON app.t;\n"
                                          "DROP TRIGGER IF EXISTS rule_set_b ON app.t;\n"
                                          "DROP TRIGGER IF EXISTS rule_insert ON app.t;\n"
                                          "DROP TRIGGER IF EXISTS rule_insert_b ON app.t;\n"
                                          "DROP FUNCTION IF EXISTS app.says_no();\n");
  pgr_buf_deinit(&out);
  pgr_arena_deinit(&arena);
}

/* Everything allowed of changes, new rows ruled: the one trigger has the rule's own name. */
static void only_new_rows_are_ruled(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out;
  small(&rule);
  add(&rule, &arena, "c", "null->any, any->any, any->null, same", "a");
  pgr_buf_init(&out, 0);
  pgr_rule_write_version(&rule, 1, &out);
  has(&out, "-- t.c may change in any way; new rows begin with 'a'.\n");
  has(&out, "CREATE OR REPLACE TRIGGER rule\n  AFTER INSERT ON t\n");
  has(&out, "\n      THEN pg_catalog.format('c may not begin with %L.', NEW.c)\n");
  has_not(&out, "BEFORE UPDATE");
  pgr_buf_deinit(&out);
  pgr_arena_deinit(&arena);
}

static void hostile_texts_stay_texts(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out;
  small(&rule);
  rule.name = "n\"; DROP TABLE x; --";
  rule.message = "it's 100% $$ \\";
  rule.why = "a\n; DROP TABLE y;";
  add(&rule, &arena, "c%s'\"", "'$$'->'$rule1$', 'a''b'->'c\\d', same", NULL);
  pgr_buf_init(&out, 0);
  pgr_rule_write_version(&rule, 1, &out);
  has(&out, "CREATE OR REPLACE TRIGGER \"n\"\"; DROP TABLE x; --\"\n");
  has(&out, "MESSAGE = E'it''s 100% $$ \\\\',\n");
  has(&out, "THEN pg_catalog.format('c%%s''\" may not go from %L to %L.', OLD.\"c%s'\"\"\", NEW.\"c%s'\"\"\")\n");
  has(&out, "-- a ; DROP TABLE y;\n");
  has_not(&out, "\n; DROP TABLE y;\n-- The");
  has(&out, "AS $rule2$\n"); /* $$ and $rule1$ are in the body */
  has(&out, "\n$rule2$;\n");
  pgr_buf_deinit(&out);
  pgr_arena_deinit(&arena);
}

static void logs_are_written_when_asked_for(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out;
  article(&rule, &arena);
  pgr_buf_init(&out, 0);
  pgr_rule_write_version(&rule, 1, &out);
  has_not(&out, "RAISE LOG");
  has_not(&out, "dblink");
  has_not(&out, "SECURITY DEFINER");
  pgr_buf_clear(&out);
  rule.log = PGR_RULE_LOG_SERVER;
  pgr_rule_write_version(&rule, 1, &out);
  has(&out, "    RAISE LOG '%', json_build_object(\n      'rejection', 'texter_assignment'");
  has_not(&out, "dblink");
  pgr_buf_clear(&out);
  rule.log = PGR_RULE_LOG_TABLE;
  pgr_rule_write_version(&rule, 1, &out);
  has(&out, "CREATE EXTENSION IF NOT EXISTS dblink;\n");
  has(&out, "SECURITY DEFINER");
  pgr_buf_clear(&out);
  pgr_rule_write_drop(&rule, &out);
  assert_string_equal(
      pgr_buf_text(&out),
      "DROP TRIGGER IF EXISTS texter_assignment ON conversations;\n"
      "DROP FUNCTION IF EXISTS check_texter_update();\n"
      "-- What other triggers may use stays. When none does, and nobody needs what was recorded, this takes it away:\n"
      "--   DROP SERVER IF EXISTS pgrace_rejections CASCADE; -- and its user mappings\n"
      "--   DROP EXTENSION IF EXISTS dblink; -- if nothing else calls it\n"
      "--   DROP TABLE IF EXISTS pgrace.rejections;\n");
  pgr_buf_deinit(&out);
  pgr_arena_deinit(&arena);
}

/* ---- words ---- */

static void words(void **state) {
  (void)state;
  static const struct {
    const char *allow, *begin, *words;
  } table[] = {
      {"null->any, any->null, same", NULL,
       "t.c may go from NULL to any value and from any value to NULL, and may be set to what it is."},
      {"open->claimed->closed, open->closed", NULL,
       "t.c may go from 'open' to 'claimed', from 'claimed' to 'closed' and from 'open' to 'closed', and must change "
       "when "
       "it is set."},
      {"any->any, same", NULL, "t.c may go from any value to another, and may be set to what it is."},
      {"same", NULL, "t.c never changes."},
      {"same", "a, null", "t.c never changes; new rows begin with 'a' or NULL."},
      {"null->any, any->null, any->any, same", "any", "t.c may change in any way; new rows begin with any value."}};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    static pgr_rule rule;
    pgr_arena arena = {0};
    pgr_buf out;
    small(&rule);
    add(&rule, &arena, "c", table[i].allow, table[i].begin);
    pgr_buf_init(&out, 0);
    pgr_rule_words(&rule, &out);
    assert_string_equal(pgr_buf_text(&out), table[i].words);
    pgr_buf_deinit(&out);
    pgr_arena_deinit(&arena);
  }
}

static void matrices(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out;
  small(&rule);
  add(&rule, &arena, "c", "null->any, any->null, same", NULL);
  add(&rule, &arena, "d", "'a|b'->'<i>*'", "'a|b'");
  pgr_buf_init(&out, 0);
  pgr_rule_write_matrix(&rule.columns[0], &out);
  assert_string_equal(pgr_buf_text(&out), "| from, to | NULL | a value | another value |\n"
                                          "|---|---|---|---|\n"
                                          "| NULL | yes | yes | yes |\n"
                                          "| a value | yes | yes | no |\n"
                                          "| another value | yes | no | yes |\n");
  pgr_buf_clear(&out);
  pgr_rule_write_matrix(&rule.columns[1], &out);
  assert_string_equal(pgr_buf_text(&out), "| from, to | NULL | 'a\\|b' | '\\<i\\>\\*' |\n"
                                          "|---|---|---|---|\n"
                                          "| a new row | no | yes | no |\n"
                                          "| NULL | no | no | no |\n"
                                          "| 'a\\|b' | no | no | yes |\n"
                                          "| '\\<i\\>\\*' | no | no | no |\n");
  pgr_buf_deinit(&out);
  pgr_arena_deinit(&arena);
}

/* ---- rows ---- */

static void existing_rows(void **state) {
  (void)state;
  static const struct {
    const char *allow, *begin, *where;
  } table[] = {{"null->any, any->null, same", NULL, NULL},
               {"same", NULL, NULL},
               {"a->b, same", NULL, "c IS NULL OR c NOT IN ('a', 'b')"},
               {"null->a->null", NULL, "c <> 'a'"},
               {"any->any", NULL, "c IS NULL"},
               {"any->b, same", NULL, "c IS NULL"},
               {"same", "a", "c IS NULL OR c <> 'a'"},
               {"same", "null", "c IS NOT NULL"}};
  static const char *const key[] = {"id", "Key"};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    static pgr_rule rule;
    pgr_arena arena = {0};
    pgr_buf out, expected;
    small(&rule);
    add(&rule, &arena, "c", table[i].allow, table[i].begin);
    pgr_buf_init(&out, 0);
    pgr_buf_init(&expected, 0);
    pgr_rule_write_existing(&rule, key, 2, &out);
    if (table[i].where)
      pgr_buf_addf(&expected, "SELECT id, \"Key\", c\nFROM t\nWHERE %s\nORDER BY id, \"Key\"\n", table[i].where);
    assert_string_equal(pgr_buf_text(&out), pgr_buf_text(&expected));
    pgr_buf_deinit(&out);
    pgr_buf_deinit(&expected);
    pgr_arena_deinit(&arena);
  }
}

static void what_cannot_be_tried_is_told(void **state) {
  (void)state;
  static const struct {
    pgr_rule_target_column ruled, other;
    const char *untested;
    bool written;
  } table[] = {{{.name = "c", .type = "mood", .category = 'E', .values = {"a", "b"}},
                {.name = "id"},
                "c: values that the rule does not name, of type mood\n",
                true},
               /* 1.0 and 01 are the 1 that the rule names: no other value is known. */
               {{.name = "c", .type = "numeric", .category = 'N', .values = {"1.0", "01", "2"}},
                {.name = "id"},
                "c: values that the rule does not name, of type numeric\n",
                true},
               {{.name = "c", .type = "boolean", .category = 'B', .values = {"t", "f"}},
                {.name = "id"},
                "c: values that the rule does not name, of type boolean\n",
                true},
               {{.name = "c", .type = "text", .category = 'S', .values = {"a", "x", "y"}},
                {.name = "place", .type = "point", .category = 'G', .not_null = true},
                "every change: a row needs a value for place, of type point\n",
                false},
               {{.name = "c", .type = "text", .category = 'S', .values = {"a", "x", "y"}},
                {.name = "place", .type = "point", .category = 'G', .not_null = true, .has_default = true},
                "",
                true},
               {{.name = "c", .type = "text", .category = 'S', .values = {"a", "x", "y"}, .generated = true},
                {.name = "id"},
                "every change: c is generated\n",
                false},
               {{.name = "d", .type = "text"}, {.name = "id"}, "every change: c is no column of the table\n", false}};
  static const char *const allow[] = {"a->b, same", "1->2, same", "true->false, same"};
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    static pgr_rule rule;
    pgr_arena arena = {0};
    pgr_buf out, untested;
    const pgr_rule_target_column columns[] = {table[i].ruled, table[i].other};
    const pgr_rule_target target = {.columns = columns, .column_count = 2};
    small(&rule);
    add(&rule, &arena, "c", i < 3 ? allow[i] : "a->b, same", NULL);
    pgr_buf_init(&out, 0);
    pgr_buf_init(&untested, 0);
    pgr_rule_write_transitions(&rule, &target, &out, &untested);
    if (strcmp(pgr_buf_text(&untested), table[i].untested) != 0)
      fail_msg("%zu: '%s', not '%s'", i, pgr_buf_text(&untested), table[i].untested);
    assert_int_equal(out.len > 0, table[i].written);
    pgr_buf_deinit(&out);
    pgr_buf_deinit(&untested);
    pgr_arena_deinit(&arena);
  }
}

/* A column that must not be NULL is never tried with NULL, which is no want of values. */
static void null_is_not_tried_where_it_cannot_be(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf out, untested;
  pgr_rule_target_column column = {
      .name = "c", .type = "text", .category = 'S', .not_null = true, .values = {"x", "y", "z"}};
  const pgr_rule_target target = {.columns = &column, .column_count = 1};
  small(&rule);
  add(&rule, &arena, "c", "any->any, any->null, null->any", NULL);
  pgr_buf_init(&out, 0);
  pgr_buf_init(&untested, 0);
  pgr_rule_write_transitions(&rule, &target, &out, &untested);
  assert_string_equal(pgr_buf_text(&untested), "");
  has(&out, "('c', ARRAY['x', 'x']::text[], false)");
  has_not(&out, "ARRAY[NULL");
  has_not(&out, ", NULL]");
  pgr_buf_deinit(&out);
  pgr_buf_deinit(&untested);
  pgr_arena_deinit(&arena);
}

/* ---- memory ---- */

static void write_all(const pgr_rule *rule, pgr_buf *out) {
  static const char *const key[] = {"id"};
  const pgr_rule_target_column columns[] = {
      {.name = "id", .type = "bigint", .category = 'N', .not_null = true, .values = {"1", "2", "3"}},
      {.name = "c", .type = "text", .category = 'S', .values = {"x", "y", "z"}},
      {.name = "d", .type = "text", .category = 'S', .values = {"x", "y", "z"}}};
  const pgr_rule_target target = {.columns = columns, .column_count = 3};
  pgr_rule_write_version(rule, 1, out);
  pgr_rule_write_drop(rule, out);
  pgr_rule_write_existing(rule, key, 1, out);
  pgr_rule_write_history(rule, out);
  pgr_rule_write_transitions(rule, &target, out, out);
  pgr_rule_words(rule, out);
  for (int i = 0; i < rule->column_count; i++)
    pgr_rule_write_matrix(&rule->columns[i], out);
}

/* Whichever allocation fails: the buffer says so, or the text is whole. */
static void without_memory_a_text_is_failed_or_whole(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf whole;
  bool ended = false;
  small(&rule);
  rule.log = PGR_RULE_LOG_TABLE;
  rule.history.table = "past";
  rule.history.key = "id";
  rule.history.order = "at";
  add(&rule, &arena, "c", "a->b->c, same", "a");
  add(&rule, &arena, "d", "a->b", NULL);
  pgr_buf_init(&whole, 0);
  write_all(&rule, &whole);
  assert_false(whole.failed);
  for (unsigned long nth = 1; !ended; nth++) {
    pgr_buf out;
    pgr_buf_init(&out, 0);
    pgr_mem_fail_nth(nth);
    write_all(&rule, &out);
    pgr_mem_fail_nth(0);
    bool same = strcmp(pgr_buf_text(&out), pgr_buf_text(&whole)) == 0;
    if (!out.failed && !same) fail_msg("allocation %lu: half a text that looks whole", nth);
    ended = same;
    pgr_buf_deinit(&out);
    assert_true(nth < 2000);
  }
  pgr_buf_deinit(&whole);
  pgr_arena_deinit(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_article_s_rule),
                                     cmocka_unit_test(conditions),
                                     cmocka_unit_test(conditions_of_new_rows),
                                     cmocka_unit_test(triggers_of_several_columns),
                                     cmocka_unit_test(only_new_rows_are_ruled),
                                     cmocka_unit_test(hostile_texts_stay_texts),
                                     cmocka_unit_test(logs_are_written_when_asked_for),
                                     cmocka_unit_test(words),
                                     cmocka_unit_test(matrices),
                                     cmocka_unit_test(existing_rows),
                                     cmocka_unit_test(what_cannot_be_tried_is_told),
                                     cmocka_unit_test(null_is_not_tried_where_it_cannot_be),
                                     cmocka_unit_test(without_memory_a_text_is_failed_or_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
