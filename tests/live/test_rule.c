/* What is generated of a rule, on a real server: the trigger against pgr_rule_allows for every pair of states of random
 * rules, the article's trigger against its generated one, versions, what is left, the transition table as a test that
 * finds mutations, queries for what came before, and logs of rejections. */
#include "pgr_live.h"

#include "pgr_names.h"
#include "pgr_random.h"
#include "pgr_rule_text.h"
#include "pgr_schema.h"
#include <stdlib.h>
#include <string.h>

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  if (pgr_db_exec(f->db, sql, &err)) fail_msg("%s\n%s", err.msg, sql);
}

static int64_t number(fixture *f, const char *sql) {
  pgr_err err;
  int64_t n = -1;
  if (pgr_db_query_int(f->db, sql, &n, &err)) fail_msg("%s\n%s", err.msg, sql);
  return n;
}

static void text(fixture *f, const char *sql, char *out, size_t bytes) {
  pgr_err err;
  if (pgr_db_query_text(f->db, sql, out, bytes, &err)) fail_msg("%s\n%s", err.msg, sql);
}

static void install(fixture *f, const pgr_rule *rule, int version) {
  pgr_err err;
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  must(pgr_rule_check(rule, &err), &err);
  pgr_rule_write_version(rule, version, &sql);
  assert_false(sql.failed);
  pgr_source source = {"version.sql", pgr_buf_text(&sql), sql.len};
  if (pgr_schema_apply(f->db, &source, &err)) fail_msg("%s\n%s", err.msg, pgr_buf_text(&sql));
  pgr_buf_deinit(&sql);
}

static void drop(fixture *f, const pgr_rule *rule) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_rule_write_drop(rule, &sql);
  assert_false(sql.failed);
  exec(f, pgr_buf_text(&sql));
  pgr_buf_deinit(&sql);
}

/* Every object that SQL can make, and the words on them. */
static const char catalogs[] =
    "SELECT concat_ws(',', (SELECT count(*) FROM pg_class), (SELECT count(*) FROM pg_proc), (SELECT count(*) FROM "
    "pg_trigger), (SELECT count(*) FROM pg_description), (SELECT count(*) FROM pg_type), (SELECT count(*) FROM "
    "pg_namespace), (SELECT count(*) FROM pg_constraint), (SELECT count(*) FROM pg_depend))";

/* ---- random rules ---- */

enum { KINDS = 4, STATES = PGR_STATES_MAX };

static const struct kind {
  const char *type;
  const char *values[6];
  int count;
} kinds[KINDS] = {{"bigint", {"1", "2", "3", "-4", "5", "9223372036854775807"}, 6},
                  {"text", {"open", "it's on hold", "$$ 50% \\ $rule1$", "", "\xF0\x9F\x98\x80", "NULL"}, 6},
                  {"mood", {"good", "so-so", "b'ad", "x", "y", "z"}, 6},
                  {"boolean", {"true", "false"}, 2}};

static const char mood[] = "CREATE TYPE mood AS ENUM ('good', 'so-so', 'b''ad', 'x', 'y', 'z')";

/* A session's search_path that lies about equality, inequality and membership. */
static const char hostile[] =
    "CREATE SCHEMA hostile;"
    "CREATE FUNCTION hostile.yes(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
    "CREATE FUNCTION hostile.no(text, text) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
    "CREATE FUNCTION hostile.yes(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
    "CREATE FUNCTION hostile.no(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
    "CREATE FUNCTION hostile.yes(mood, mood) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
    "CREATE FUNCTION hostile.no(mood, mood) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
    "CREATE FUNCTION hostile.yes(boolean, boolean) RETURNS boolean LANGUAGE sql AS 'SELECT true';"
    "CREATE FUNCTION hostile.no(boolean, boolean) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
    "CREATE FUNCTION hostile.format(text, VARIADIC text[]) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';"
    "CREATE OPERATOR hostile.= (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.yes);"
    "CREATE OPERATOR hostile.<> (LEFTARG = text, RIGHTARG = text, FUNCTION = hostile.no);"
    "CREATE OPERATOR hostile.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.yes);"
    "CREATE OPERATOR hostile.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = hostile.no);"
    "CREATE OPERATOR hostile.= (LEFTARG = mood, RIGHTARG = mood, FUNCTION = hostile.yes);"
    "CREATE OPERATOR hostile.<> (LEFTARG = mood, RIGHTARG = mood, FUNCTION = hostile.no);"
    "CREATE OPERATOR hostile.= (LEFTARG = boolean, RIGHTARG = boolean, FUNCTION = hostile.yes);"
    "CREATE OPERATOR hostile.<> (LEFTARG = boolean, RIGHTARG = boolean, FUNCTION = hostile.no)";

typedef struct made {
  pgr_rule rule;
  int kinds[PGR_RULE_COLUMNS_MAX];
  pgr_state states[PGR_RULE_COLUMNS_MAX][STATES]; /* those that have a value */
  const char *texts[PGR_RULE_COLUMNS_MAX][STATES];
  int counts[PGR_RULE_COLUMNS_MAX];
} made;

static pgr_side draw_side(pgr_random *r, const struct kind *kind) {
  uint64_t which = pgr_random_below(r, 5);
  if (which == 0) return (pgr_side){.kind = PGR_SIDE_NULL};
  if (which == 1) return (pgr_side){.kind = PGR_SIDE_ANY};
  return (pgr_side){.kind = PGR_SIDE_VALUE, .value = kind->values[pgr_random_below(r, kind->count > 2 ? 3 : 2)]};
}

static bool side_equal(pgr_side a, pgr_side b) {
  return a.kind == b.kind && (a.kind != PGR_SIDE_VALUE || strcmp(a.value, b.value) == 0);
}

static void draw_column(pgr_random *r, const struct kind *kind, pgr_rule_column *column) {
  int changes = (int)pgr_random_below(r, 6);
  column->same = pgr_random_below(r, 3) != 0 || changes == 0;
  for (int i = 0; i < changes; i++) {
    pgr_change change = {draw_side(r, kind), draw_side(r, kind)};
    bool there = change.from.kind != PGR_SIDE_ANY && side_equal(change.from, change.to);
    for (int k = 0; k < column->change_count; k++)
      there =
          there || (side_equal(column->changes[k].from, change.from) && side_equal(column->changes[k].to, change.to));
    if (!there) column->changes[column->change_count++] = change;
  }
  column->begins_ruled = pgr_random_below(r, 3) == 0;
  for (int i = 0; column->begins_ruled && i < 2; i++) {
    pgr_side side = draw_side(r, kind);
    if (i == 0 || !side_equal(side, column->begins[0])) column->begins[column->begin_count++] = side;
  }
}

static bool names_value(const pgr_state *states, int count, const char *value) {
  for (int i = 0; i < count; i++)
    if (states[i].side.kind == PGR_SIDE_VALUE && strcmp(states[i].side.value, value) == 0) return true;
  return false;
}

/* The states of a column, two others always, as far as its type has values for them. */
static void prepare_states(made *m, int column) {
  const struct kind *kind = &kinds[m->kinds[column]];
  pgr_state all[STATES];
  int count = pgr_rule_states(&m->rule.columns[column], all), kept = 0;
  for (int i = 0; i < count; i++) {
    if (all[i].side.kind == PGR_SIDE_ANY) continue;
    m->texts[column][kept] = all[i].side.value;
    m->states[column][kept++] = all[i];
  }
  for (int i = 0, other = 1; i < kind->count && other <= 2; i++) {
    if (names_value(all, count, kind->values[i])) continue;
    m->texts[column][kept] = kind->values[i];
    m->states[column][kept++] = (pgr_state){.side = {.kind = PGR_SIDE_ANY}, .other = other++};
  }
  m->counts[column] = kept;
}

static const char *const plain_names[] = {"a", "b", "c"};
static const char *const odd_names[] = {"Select", "it's \"odd\" 100%s $$", "\xC3\xBC\xF0\x9F\x98\x80; -- /*"};

/* The next random rule that is one. odd: all of its names are. */
static void draw_rule(pgr_random *r, bool odd, made *m) {
  pgr_err err;
  do {
    *m = (made){.rule = {.name = odd ? "no \"way\" $$ 100%L 'x' \\ \xF0\x9F\x98\x80" : "rule_holds",
                         .function = odd ? "Fn $rule1$ 'q' \"d\" %" : "rule_says_no",
                         .schema = odd ? "Sch $$ \"a\" 'b' %I" : NULL,
                         .table = odd ? "T'able \"x\" %s $$" : "ruled",
                         .sqlstate = "23514",
                         .message = odd ? "100% \"no\" $$ it's %L \\ \xF0\x9F\x98\x80" : "It may not.",
                         .why = odd ? "because $$ 'of' -- it" : NULL,
                         .column_count = 1 + (int)pgr_random_below(r, 3)}};
    for (int i = 0; i < m->rule.column_count; i++) {
      m->kinds[i] = (int)pgr_random_below(r, KINDS);
      m->rule.columns[i].name = (odd ? odd_names : plain_names)[i];
      draw_column(r, &kinds[m->kinds[i]], &m->rule.columns[i]);
    }
    if (odd && pgr_random_below(r, 2)) strcpy(m->rule.sqlstate, "23P01");
  } while (pgr_rule_check(&m->rule, &err));
  for (int i = 0; i < m->rule.column_count; i++)
    prepare_states(m, i);
}

static void write_table(const made *m, pgr_buf *out) {
  pgr_sql_qualified(m->rule.schema, m->rule.table, out);
}

static void create_table(fixture *f, const made *m) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  if (m->rule.schema) {
    pgr_buf_adds(&sql, "CREATE SCHEMA ");
    pgr_sql_name(m->rule.schema, &sql);
    pgr_buf_adds(&sql, ";");
  }
  pgr_buf_adds(&sql, "CREATE TABLE ");
  write_table(m, &sql);
  pgr_buf_adds(&sql, " (id bigint PRIMARY KEY, note text");
  for (int i = 0; i < m->rule.column_count; i++) {
    pgr_buf_adds(&sql, ", ");
    pgr_sql_name(m->rule.columns[i].name, &sql);
    pgr_buf_addf(&sql, " %s", kinds[m->kinds[i]].type);
  }
  pgr_buf_adds(&sql, ")");
  exec(f, pgr_buf_text(&sql));
  pgr_buf_deinit(&sql);
}

static void drop_table(fixture *f, const made *m) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_buf_adds(&sql, "DROP TABLE ");
  write_table(m, &sql);
  if (m->rule.schema) {
    pgr_buf_adds(&sql, "; DROP SCHEMA ");
    pgr_sql_name(m->rule.schema, &sql);
  }
  exec(f, pgr_buf_text(&sql));
  pgr_buf_deinit(&sql);
}

static void write_value(const char *value, pgr_buf *out) {
  if (value)
    pgr_sql_literal(value, out);
  else
    pgr_buf_adds(out, "NULL");
}

static void write_insert(const made *m, int id, const int *states, pgr_buf *out) {
  pgr_buf_adds(out, "INSERT INTO ");
  write_table(m, out);
  pgr_buf_addf(out, " VALUES (%d, NULL", id);
  for (int i = 0; i < m->rule.column_count; i++) {
    pgr_buf_adds(out, ", ");
    write_value(m->texts[i][states[i]], out);
  }
  pgr_buf_adds(out, ");");
}

/* Runs it in the transaction that is open, which is rolled back, and compares what the server says. */
static void expect(fixture *f, const made *m, const char *sql, bool allowed) {
  pgr_err err;
  pgr_code code = pgr_db_exec(f->db, sql, &err);
  bool refused = code == PGR_EDATABASE && strcmp(pgr_db_sqlstate(f->db), m->rule.sqlstate) == 0 &&
                 strcmp(pgr_db_constraint(f->db), m->rule.name) == 0 && strcmp(err.msg, m->rule.message) == 0;
  if (allowed ? code != PGR_OK : !refused) {
    pgr_buf version;
    pgr_buf_init(&version, 0);
    pgr_rule_write_version(&m->rule, 1, &version);
    fail_msg("%s\nshould be %s: %s %s %s\n%s", sql, allowed ? "let through" : "refused", code ? err.msg : "let through",
             pgr_db_sqlstate(f->db), pgr_db_constraint(f->db), pgr_buf_text(&version));
  }
  exec(f, "ROLLBACK");
}

static const char *const paths[] = {"SET LOCAL search_path = public;",
                                    "SET LOCAL search_path = hostile, pg_catalog, public;"};

/* A row in any states, whatever the trigger says of new ones. */
static void begin_with_row(fixture *f, const made *m, const int *states, const char *path) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_buf_adds(&sql, "BEGIN; SET LOCAL session_replication_role = replica;");
  write_insert(m, 1, states, &sql);
  pgr_buf_addf(&sql, "SET LOCAL session_replication_role = origin; %s", path);
  exec(f, pgr_buf_text(&sql));
  pgr_buf_deinit(&sql);
}

/* An UPDATE of the columns in `set` (bits). */
static void try_update(fixture *f, const made *m, const int *from, const int *to, unsigned set, const char *path) {
  bool allowed = true;
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_buf_adds(&sql, "UPDATE ");
  write_table(m, &sql);
  pgr_buf_adds(&sql, " SET note = 'x'");
  for (int i = 0; i < m->rule.column_count; i++) {
    if (!(set & 1U << i)) continue;
    pgr_buf_adds(&sql, ", ");
    pgr_sql_name(m->rule.columns[i].name, &sql);
    pgr_buf_adds(&sql, " = ");
    write_value(m->texts[i][to[i]], &sql);
    allowed = allowed && pgr_rule_allows(&m->rule.columns[i], m->states[i][from[i]], m->states[i][to[i]]);
  }
  begin_with_row(f, m, from, path);
  expect(f, m, pgr_buf_text(&sql), allowed);
  pgr_buf_deinit(&sql);
}

static void draw_states(pgr_random *r, const made *m, int *out) {
  for (int i = 0; i < m->rule.column_count; i++)
    out[i] = (int)pgr_random_below(r, (uint64_t)m->counts[i]);
}

static void try_insert(fixture *f, const made *m, const int *states, const char *path) {
  bool allowed = true;
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  for (int i = 0; i < m->rule.column_count; i++)
    allowed = allowed && pgr_rule_allows_begin(&m->rule.columns[i], m->states[i][states[i]]);
  pgr_buf_addf(&sql, "BEGIN; %s", path);
  exec(f, pgr_buf_text(&sql));
  pgr_buf_clear(&sql);
  write_insert(m, 1, states, &sql);
  expect(f, m, pgr_buf_text(&sql), allowed);
  pgr_buf_deinit(&sql);
}

/* Every pair of states of every column; inserts, changes of several columns and of none at random. */
static void try_all(fixture *f, const made *m, pgr_random *r, const char *path) {
  int from[PGR_RULE_COLUMNS_MAX], to[PGR_RULE_COLUMNS_MAX];
  for (int i = 0; i < m->rule.column_count; i++) {
    for (int pair = 0; pair < m->counts[i] * m->counts[i]; pair++) {
      draw_states(r, m, from);
      from[i] = pair / m->counts[i];
      to[i] = pair % m->counts[i];
      try_update(f, m, from, to, 1U << i, path);
    }
    for (int state = 0; state < m->counts[i]; state++) {
      draw_states(r, m, from);
      from[i] = state;
      try_insert(f, m, from, path);
    }
  }
  for (int n = 0; n < 12; n++) {
    draw_states(r, m, from);
    draw_states(r, m, to);
    try_update(f, m, from, to, (unsigned)pgr_random_below(r, 8), path);
  }
}

static void random_rules(fixture *f, uint64_t seed, int rules, bool odd) {
  static made m;
  pgr_random r;
  pgr_random_init(&r, seed, odd);
  for (int i = 0; i < rules; i++) {
    draw_rule(&r, odd, &m);
    char before[128], after[128];
    create_table(f, &m);
    text(f, catalogs, before, sizeof before);
    install(f, &m.rule, 1 + i);
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
      try_all(f, &m, &r, paths[p]);
    drop(f, &m.rule);
    text(f, catalogs, after, sizeof after);
    assert_string_equal(before, after);
    drop_table(f, &m);
  }
}

static void a_trigger_does_what_its_rule_says(void **state) {
  random_rules(*state, 7, 80, false);
}

static void a_trigger_with_odd_names_does_too(void **state) {
  random_rules(*state, 8, 40, true);
}

/* Else the tests above show nothing. */
static void the_hostile_path_lies(void **state) {
  fixture *f = *state;
  exec(f, "BEGIN; SET LOCAL search_path = hostile, pg_catalog, public");
  assert_int_equal(number(f, "SELECT ('a'::text IS DISTINCT FROM 'b'::text)::int::bigint"), 0);
  assert_int_equal(number(f, "SELECT (1::bigint <> 2::bigint)::int::bigint"), 0);
  assert_int_equal(number(f, "SELECT ('good'::mood IN ('x', 'y'))::int::bigint"), 1);
  assert_int_equal(number(f, "SELECT (true = false)::int::bigint"), 1);
  exec(f, "ROLLBACK");
}

/* ---- the article's ---- */

static void add_column(pgr_rule *rule, pgr_arena *arena, const char *name, const char *allow, const char *begin) {
  pgr_err err;
  size_t at;
  pgr_rule_column *column = &rule->columns[rule->column_count++];
  column->name = name;
  must(pgr_rule_parse_allow(allow, arena, column, &at, &err), &err);
  if (begin) must(pgr_rule_parse_begin(begin, arena, column, &at, &err), &err);
}

/* What became of a statement: "" or "SQLSTATE constraint message". */
static const char outcome_function[] =
    "CREATE FUNCTION outcome(statement text) RETURNS text LANGUAGE plpgsql AS $$ "
    "DECLARE state text; broken text; said text; detail text; col text; rel text; nsp text; BEGIN "
    "EXECUTE statement; RETURN ''; EXCEPTION WHEN OTHERS THEN GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, "
    "broken = CONSTRAINT_NAME, said = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, col = COLUMN_NAME, rel = TABLE_NAME, "
    "nsp = SCHEMA_NAME; RETURN concat_ws('|', state, broken, said) || CASE WHEN current_setting('test.whole', true) = "
    "'on' "
    "THEN '|' || concat_ws('|', nsp, rel, col, detail) ELSE '' END; END $$";

static const char conversations[] = "CREATE TABLE conversations (id bigint PRIMARY KEY, texter_id bigint, note text)";

static void article(pgr_rule *rule, pgr_arena *arena) {
  *rule = (pgr_rule){.name = "conversation_texter_assignment_constraint",
                     .function = "check_texter_update",
                     .table = "conversations",
                     .sqlstate = "23514",
                     .message = "Conversation is already assigned to a texter.",
                     .why = "Two texters must not own one conversation.",
                     .field = "texter_id",
                     .shown = "This conversation is already checked out"};
  add_column(rule, arena, "texter_id", "null->any, any->null, same", NULL);
}

/* The outcome of every change of a conversation's texter and of changes of something else, one text. */
static void conversation_outcomes(fixture *f, char *out, size_t bytes) {
  static const char *const values[] = {"NULL", "1", "2", "-9223372036854775808"};
  size_t len = 0;
  for (int from = 0; from < 4; from++) {
    for (int to = 0; to < 5; to++) {
      char insert[128], ask[256], got[256];
      snprintf(insert, sizeof insert, "DELETE FROM conversations; INSERT INTO conversations VALUES (1, %s, NULL)",
               values[from]);
      snprintf(ask, sizeof ask,
               "SELECT outcome('UPDATE conversations SET %s = %s') || ' ' || "
               "coalesce((SELECT texter_id::text FROM conversations), 'null')",
               to < 4 ? "texter_id" : "note", to < 4 ? values[to] : "''x''");
      exec(f, insert);
      text(f, ask, got, sizeof got);
      len += (size_t)snprintf(out + len, bytes - len, "%s\n", got);
      assert_true(len < bytes);
    }
  }
}

static void apply_file(fixture *f, const char *path) {
  char sql[8192];
  pgr_err err;
  FILE *file = fopen(path, "r");
  if (!file) fail_msg("%s cannot be read", path);
  size_t len = fread(sql, 1, sizeof sql - 1, file);
  fclose(file);
  sql[len] = '\0';
  must(pgr_schema_apply(f->db, &(pgr_source){path, sql, len}, &err), &err);
}

static void the_article_s_trigger_is_what_its_rule_makes(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  static char by_hand[8192], generated[8192];
  pgr_arena arena = {0};
  article(&rule, &arena);
  exec(f, conversations);
  apply_file(f, PGR_SOURCE_DIR "/schema/triggers/conversation_texter_assignment_constraint/v1.sql");
  conversation_outcomes(f, by_hand, sizeof by_hand);
  if (!strstr(by_hand, "23514|conversation_texter_assignment_constraint|Conversation is already assigned"))
    fail_msg("%s", by_hand);
  install(f, &rule, 2); /* over what was written by hand, which has the same names */
  assert_int_equal(number(f, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'conversations'::regclass AND "
                             "pg_get_triggerdef(oid) LIKE '%WHEN ((old.texter_id <> new.texter_id))%'"),
                   1);
  conversation_outcomes(f, generated, sizeof generated);
  assert_string_equal(by_hand, generated);
  exec(f, "DROP TABLE conversations; DROP FUNCTION check_texter_update");
  pgr_arena_deinit(&arena);
}

/* ---- what the error says ---- */

static void tickets(pgr_rule *rule, pgr_arena *arena) {
  *rule = (pgr_rule){.name = "tickets_rule",
                     .function = "tickets_rule",
                     .schema = "app",
                     .table = "tickets",
                     .sqlstate = "23514",
                     .message = "No."};
  add_column(rule, arena, "status", "open->claimed->closed, same", "open");
  add_column(rule, arena, "agent 100%", "null->any, any->null, same", "null");
  add_column(rule, arena, "level", "low->high->low", NULL);
}

static const char tickets_table[] = "CREATE SCHEMA app; CREATE TABLE app.tickets (id bigint, queue text, status text, "
                                    "\"agent 100%\" bigint, level text, PRIMARY KEY (queue, id))";

static void assert_outcome(fixture *f, const char *statement, const char *expected) {
  pgr_buf ask;
  char got[512];
  pgr_buf_init(&ask, 0);
  pgr_buf_adds(&ask, "SELECT outcome(");
  pgr_sql_literal(statement, &ask);
  pgr_buf_adds(&ask, ")");
  text(f, pgr_buf_text(&ask), got, sizeof got);
  assert_string_equal(got, expected);
  pgr_buf_deinit(&ask);
}

static void the_detail_names_what_broke_the_rule(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  tickets(&rule, &arena);
  exec(f, tickets_table);
  install(f, &rule, 1);
  exec(f, "SET test.whole = on; INSERT INTO app.tickets VALUES (1, 'q', 'open', NULL, 'low')");
  assert_outcome(f, "UPDATE app.tickets SET status = 'closed', level = 'high'",
                 "23514|tickets_rule|No.|app|tickets|status|status may not go from 'open' to 'closed'.");
  assert_outcome(f, "UPDATE app.tickets SET level = 'low'",
                 "23514|tickets_rule|No.|app|tickets|level|level may not go from 'low' to 'low'.");
  exec(f, "UPDATE app.tickets SET \"agent 100%\" = 1");
  assert_outcome(f, "UPDATE app.tickets SET \"agent 100%\" = 2, status = NULL",
                 "23514|tickets_rule|No.|app|tickets|status|status may not go from 'open' to NULL.");
  assert_outcome(f, "UPDATE app.tickets SET \"agent 100%\" = 2, status = 'claimed'",
                 "23514|tickets_rule|No.|app|tickets|agent 100%|agent 100% may not go from '1' to '2'.");
  assert_outcome(f, "INSERT INTO app.tickets VALUES (2, 'q', 'open', 5, 'high')",
                 "23514|tickets_rule|No.|app|tickets|agent 100%|agent 100% may not begin with '5'.");
  assert_outcome(f, "INSERT INTO app.tickets VALUES (2, 'q', NULL, NULL, 'high')",
                 "23514|tickets_rule|No.|app|tickets|status|status may not begin with NULL.");
  exec(f, "RESET test.whole; DROP SCHEMA app CASCADE");
  pgr_arena_deinit(&arena);
}

static bool has_extension(fixture *f, const char *name) {
  char ask[128];
  snprintf(ask, sizeof ask, "SELECT count(*) FROM pg_available_extensions WHERE name = '%s'", name);
  if (number(f, ask) > 0) return true;
  print_message("skipped: the server has no extension %s (Debian: it is in postgresql-15)\n", name);
  return false;
}

/* What is inserted is judged: not what ON CONFLICT leaves out, and as later triggers have made it. */
static void only_rows_that_are_inserted_are_new(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  static const char refused[] = "23514|tickets_rule|No.";
  tickets(&rule, &arena);
  exec(f, tickets_table);
  install(f, &rule, 1);
  exec(f, "INSERT INTO app.tickets VALUES (1, 'q', 'open', NULL, 'low')");
  assert_outcome(f,
                 "INSERT INTO app.tickets VALUES (1, 'q', 'claimed', 7, 'high') ON CONFLICT (queue, id) DO UPDATE "
                 "SET status = excluded.status, \"agent 100%\" = excluded.\"agent 100%\"",
                 "");
  assert_int_equal(number(f, "SELECT count(*) FROM app.tickets WHERE status = 'claimed' AND \"agent 100%\" = 7"), 1);
  assert_outcome(f, "INSERT INTO app.tickets VALUES (1, 'q', 'shut', 8, 'x') ON CONFLICT DO NOTHING", "");
  assert_outcome(f,
                 "INSERT INTO app.tickets VALUES (1, 'q', 'open', NULL, 'x') ON CONFLICT (queue, id) DO UPDATE "
                 "SET status = excluded.status",
                 refused);
  assert_outcome(f, "INSERT INTO app.tickets VALUES (2, 'q', 'claimed', NULL, 'x') ON CONFLICT DO NOTHING", refused);
  exec(f, "CREATE FUNCTION app.zz() RETURNS trigger LANGUAGE plpgsql AS "
          "'BEGIN NEW.status := CASE NEW.id WHEN 3 THEN ''open'' ELSE ''shut'' END; RETURN NEW; END'; "
          "CREATE TRIGGER zz BEFORE INSERT ON app.tickets FOR EACH ROW EXECUTE FUNCTION app.zz()");
  assert_outcome(f, "INSERT INTO app.tickets VALUES (3, 'q', 'shut', NULL, 'x')", "");
  assert_outcome(f, "INSERT INTO app.tickets VALUES (4, 'q', 'open', NULL, 'x')", refused);
  exec(f, "DROP SCHEMA app CASCADE");
  pgr_arena_deinit(&arena);
}

/* As the generated text says of them. */
static void a_row_that_moves_is_new_in_its_partition(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  rule = (pgr_rule){
      .name = "ruled_rule", .function = "rule_says_no", .table = "ruled", .sqlstate = "23514", .message = "No."};
  add_column(&rule, &arena, "c", "open->closed, same", "open");
  exec(f, "CREATE TABLE ruled (c text, place int) PARTITION BY LIST (place); "
          "CREATE TABLE ruled_1 PARTITION OF ruled FOR VALUES IN (1); "
          "CREATE TABLE ruled_2 PARTITION OF ruled FOR VALUES IN (2)");
  install(f, &rule, 1);
  exec(f, "INSERT INTO ruled VALUES ('open', 1); UPDATE ruled SET place = 2; UPDATE ruled SET c = 'closed'");
  assert_outcome(f, "UPDATE ruled SET place = 1", "23514|ruled_rule|No.");
  exec(f, "DROP TABLE ruled; DROP FUNCTION rule_says_no");
  pgr_arena_deinit(&arena);
}

/* To who may update and not read, or not every row, an error tells no values. */
static void the_detail_keeps_what_one_may_not_read(void **state) {
  fixture *f = *state;
  static pgr_rule several, one, logged;
  pgr_arena arena = {0};
  bool logs = has_extension(f, "dblink");
  tickets(&several, &arena);
  tickets(&one, &arena);
  one.column_count = 1;
  one.columns[0].begins_ruled = false;
  one.columns[0].begin_count = 0;
  logged = one;
  logged.log = PGR_RULE_LOG_TABLE;
  const pgr_rule *const rules[] = {&several, &one, &logged};
  exec(f, "CREATE ROLE clerk");
  for (int i = 0; i < (logs ? 3 : 2); i++) {
    static const char change[] = "SET LOCAL ROLE clerk; UPDATE app.tickets SET status = 'shut'",
                      values[] = "23514|tickets_rule|No.|app|tickets|status|status may not go from 'open' to 'shut'.",
                      none[] = "23514|tickets_rule|No.|app|tickets|status|status may not be set to this.";
    exec(f, tickets_table);
    install(f, rules[i], 1);
    exec(f, "INSERT INTO app.tickets VALUES (1, 'q', 'open', NULL, 'low'); GRANT USAGE ON SCHEMA app TO clerk; "
            "GRANT UPDATE ON app.tickets TO clerk; GRANT SELECT (id, level) ON app.tickets TO clerk; "
            "SET test.whole = on");
    assert_outcome(f, change, none);
    exec(f, "GRANT SELECT (status) ON app.tickets TO clerk");
    assert_outcome(f, change, values);
    exec(f, "ALTER TABLE app.tickets ENABLE ROW LEVEL SECURITY; "
            "CREATE POLICY writes ON app.tickets FOR UPDATE TO clerk USING (true) WITH CHECK (true)");
    assert_outcome(f, change, none);
    exec(f, "RESET test.whole; DROP SCHEMA app CASCADE");
  }
  if (logs) exec(f, "DROP SERVER pgrace_rejections CASCADE; DROP EXTENSION dblink; DROP SCHEMA pgrace CASCADE");
  exec(f, "DROP ROLE clerk");
  pgr_arena_deinit(&arena);
}

/* Its = is found by the search_path of the installation alone: what a session compares by, and the function, is not
 * what the rule does. */
static void an_extension_s_types_are_compared_as_when_says(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  static const char *const sessions[] = {"public", "public, ext", "pg_catalog", "hostile, pg_catalog, public"};
  if (!has_extension(f, "citext") || !has_extension(f, "hstore")) skip();
  rule = (pgr_rule){
      .name = "ruled_rule", .function = "rule_says_no", .table = "ruled", .sqlstate = "23514", .message = "No."};
  add_column(&rule, &arena, "name", "open->closed, same", "open, any");
  add_column(&rule, &arena, "other", "null->any, any->any", NULL);
  add_column(&rule, &arena, "bag", "null->any, any->null, same", "null");
  exec(f, "CREATE SCHEMA ext; CREATE EXTENSION citext SCHEMA ext; CREATE EXTENSION hstore SCHEMA ext; "
          "CREATE TABLE ruled (name ext.citext, other ext.citext, bag ext.hstore); SET search_path = public, ext");
  install(f, &rule, 1);
  exec(f, "INSERT INTO ruled VALUES ('OPEN', 'BOB', NULL); UPDATE ruled SET bag = 'a=>1'; SET test.whole = on");
  for (size_t i = 0; i < sizeof sessions / sizeof *sessions; i++) {
    char path[128];
    snprintf(path, sizeof path, "SET search_path = %s", sessions[i]);
    exec(f, path);
    exec(f, "BEGIN; UPDATE public.ruled SET name = 'oPen', bag = 'a=>1'; UPDATE public.ruled SET name = 'CLOSED', "
            "other = 'Eve'; ROLLBACK");
    exec(f, "SET search_path = public");
    snprintf(path, sizeof path, "SET search_path = %s;", sessions[i]);
    static const struct {
      const char *change, *expected;
    } table[] = {
        {"UPDATE public.ruled SET name = 'shut'", "name|name may not go from 'OPEN' to 'shut'."},
        {"UPDATE public.ruled SET name = 'Open', other = 'Bob'", "other|other may not go from 'BOB' to 'Bob'."},
        {"UPDATE public.ruled SET bag = 'a=>2'", "bag|bag may not go from '\"a\"=>\"1\"' to '\"a\"=>\"2\"'."},
        {"INSERT INTO public.ruled VALUES ('open', NULL, '')", "bag|bag may not begin with ''."}};
    for (size_t k = 0; k < sizeof table / sizeof *table; k++) {
      char statement[256], expected[256];
      snprintf(statement, sizeof statement, "%s %s", path, table[k].change);
      snprintf(expected, sizeof expected, "23514|ruled_rule|No.|public|ruled|%s", table[k].expected);
      assert_outcome(f, statement, expected);
    }
  }
  exec(f, "RESET test.whole; RESET search_path; DROP TABLE ruled; DROP FUNCTION rule_says_no; DROP SCHEMA ext CASCADE");
  pgr_arena_deinit(&arena);
}

/* A type without equality cannot have a rule that compares; nothing is half made. */
static void a_type_that_cannot_be_compared_is_refused_when_installed(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf sql;
  pgr_err err;
  rule = (pgr_rule){
      .name = "ruled_rule", .function = "rule_says_no", .table = "ruled", .sqlstate = "23514", .message = "No."};
  add_column(&rule, &arena, "c", "null->any, any->null, same", NULL);
  exec(f, "CREATE TABLE ruled (c json)");
  pgr_buf_init(&sql, 0);
  pgr_rule_write_version(&rule, 1, &sql);
  assert_int_equal(pgr_db_exec(f->db, pgr_buf_text(&sql), &err), PGR_EDATABASE);
  assert_string_equal(err.msg, "operator does not exist: json <> json");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_proc WHERE proname = 'rule_says_no'"), 0);
  exec(f, "DROP TABLE ruled");
  pgr_buf_deinit(&sql);
  pgr_arena_deinit(&arena);
}

/* ---- versions ---- */

static const char triggers_of_table[] =
    "SELECT coalesce(string_agg(pg_get_triggerdef(t.oid) || obj_description(t.oid) || prosrc, E'\\n' ORDER BY tgname), "
    "'') "
    "FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid WHERE tgrelid = 'app.tickets'::regclass";

static void a_version_replaces_any_other(void **state) {
  fixture *f = *state;
  static pgr_rule one, two;
  static char first[16384], second[16384], again[16384];
  pgr_arena arena = {0};
  tickets(&one, &arena); /* five triggers */
  tickets(&two, &arena);
  two.column_count = 1; /* without the other columns, and without a rule for new rows: one trigger */
  two.columns[0].begins_ruled = false;
  two.columns[0].begin_count = 0;
  exec(f, tickets_table);
  install(f, &one, 1);
  text(f, triggers_of_table, first, sizeof first);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'app.tickets'::regclass"), 5);
  install(f, &two, 2);
  text(f, triggers_of_table, second, sizeof second);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'app.tickets'::regclass"), 1);
  assert_non_null(strstr(second, "-- tickets_rule, version 2: "));
  install(f, &one, 1);
  text(f, triggers_of_table, again, sizeof again);
  assert_string_equal(first, again);
  install(f, &two, 2);
  drop(f, &two);
  drop(f, &two); /* a second time there is nothing to be done */
  exec(f, "DROP TABLE app.tickets");
  exec(f, "DROP SCHEMA app");
  pgr_arena_deinit(&arena);
}

/* Of two rules that share a function each keeps its triggers, and takes away its own. */
static void a_version_leaves_another_rule_alone(void **state) {
  fixture *f = *state;
  static pgr_rule rule, other;
  char got[256];
  pgr_arena arena = {0};
  static const char names[] = "SELECT string_agg(tgname, ' ' ORDER BY tgname COLLATE \"C\") FROM pg_trigger WHERE "
                              "tgrelid = 'app.tickets'::regclass";
  tickets(&rule, &arena);
  tickets(&other, &arena);
  other.name = "tickets%";
  exec(f, tickets_table);
  install(f, &rule, 1);
  install(f, &other, 1);
  install(f, &rule, 2);
  rule.column_count = 1;
  rule.columns[0].begins_ruled = false;
  install(f, &rule, 3);
  text(f, names, got, sizeof got);
  assert_string_equal(got, "tickets% tickets%_insert tickets%_insert_agent 100% tickets%_set_agent 100% "
                           "tickets%_set_level tickets_rule");
  other.column_count = 1;
  install(f, &other, 2);
  text(f, names, got, sizeof got);
  assert_string_equal(got, "tickets% tickets%_insert tickets_rule");
  exec(f, "DROP SCHEMA app CASCADE");
  pgr_arena_deinit(&arena);
}

/* A transaction that reads keeps no version waiting, and is not kept waiting. */
static void installing_locks_readers_out_of_nothing(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf sql;
  tickets(&rule, &arena);
  exec(f, tickets_table);
  pgr_buf_init(&sql, 0);
  pgr_rule_write_version(&rule, 1, &sql);
  exec(f, "BEGIN");
  exec(f, pgr_buf_text(&sql));
  assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = "
                             "'app.tickets'::regclass AND mode = 'AccessExclusiveLock'"),
                   0);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = "
                             "'app.tickets'::regclass AND mode = 'ShareRowExclusiveLock'"),
                   1);
  exec(f, "ROLLBACK; DROP SCHEMA app CASCADE");
  pgr_buf_deinit(&sql);
  pgr_arena_deinit(&arena);
}

/* ---- the transition table as a test ---- */

static const pgr_rule_target_column conversation_columns[] = {
    {.name = "id", .type = "bigint", .category = 'N', .not_null = true, .values = {"1", "2", "3"}},
    {.name = "texter_id", .type = "bigint", .category = 'N', .values = {"1", "2", "3"}},
    {.name = "note", .type = "text", .category = 'S', .values = {"a", "b", "c"}}};

static const pgr_rule_target_column ticket_columns[] = {
    {.name = "id", .type = "bigint", .category = 'N', .not_null = true, .values = {"1", "2", "3"}},
    {.name = "queue", .type = "text", .category = 'S', .not_null = true, .values = {"a", "b", "c"}},
    {.name = "status", .type = "text", .category = 'S', .values = {"a", "b", "c"}},
    {.name = "agent 100%", .type = "bigint", .category = 'N', .values = {"1", "2", "3"}},
    {.name = "level", .type = "text", .category = 'S', .values = {"a", "b", "c"}}};

static void transitions(const pgr_rule *rule, const pgr_rule_target_column *columns, int count, pgr_buf *out,
                        pgr_buf *untested) {
  pgr_rule_target target = {.columns = columns, .column_count = count};
  pgr_rule_write_transitions(rule, &target, out, untested);
  assert_false(out->failed || untested->failed);
}

/* Runs the script after `mutation`; expected: how its complaint begins, NULL: it has none. Nothing is left of it. */
static void assert_transitions(fixture *f, const char *script, const char *count_rows, const char *mutation,
                               const char *expected) {
  pgr_err err = {0};
  char before[128], after[128];
  exec(f, "BEGIN");
  if (mutation) exec(f, mutation);
  text(f, catalogs, before, sizeof before);
  int64_t rows = number(f, count_rows);
  exec(f, "SAVEPOINT s");
  pgr_code code = pgr_db_exec(f->db, script, &err);
  if (expected && (code != PGR_EDATABASE || strncmp(err.msg, expected, strlen(expected)) != 0))
    fail_msg("%s: '%s', not '%s'", mutation, code ? err.msg : "passes", expected);
  if (!expected) must(code, &err);
  if (expected) exec(f, "ROLLBACK TO s");
  text(f, catalogs, after, sizeof after);
  assert_string_equal(before, after);
  assert_int_equal(number(f, count_rows), rows);
  exec(f, "ROLLBACK");
}

#define REPLACED(when)                                                                                                 \
  "CREATE OR REPLACE TRIGGER conversation_texter_assignment_constraint BEFORE UPDATE ON conversations FOR EACH ROW "   \
  "WHEN (" when ") EXECUTE FUNCTION check_texter_update()"
#define SAYS(what)                                                                                                     \
  "CREATE OR REPLACE FUNCTION check_texter_update() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN " what " END $$"

static void the_transition_table_finds_mutations(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf script, untested;
  static const char rows[] = "SELECT count(*) FROM conversations",
                    refused[] = "texter_id: a change from '1' to '2' should be refused with SQLSTATE 23514, constraint "
                                "'conversation_texter_assignment_constraint', and is ";
  static const struct {
    const char *mutation, *refused, *expected;
  } table[] = {
      {"DROP TRIGGER conversation_texter_assignment_constraint ON conversations", "let through (and 1 more", NULL},
      {"ALTER TABLE conversations DISABLE TRIGGER USER", "let through (and 1 more", NULL},
      {REPLACED("OLD.texter_id < NEW.texter_id - 1"), "let through (and 1 more", NULL},
      {REPLACED("OLD.texter_id < NEW.texter_id"), NULL, "texter_id: a change from '2' to '1' should be refused"},
      {REPLACED("NEW.texter_id IS NOT NULL"), NULL,
       "texter_id: a change from NULL to '1' should be let through, and is refused with SQLSTATE 23514, constraint "
       "'conversation_texter_assignment_constraint': Conversation is already assigned to a texter. (and 3 more"},
      {SAYS("RAISE EXCEPTION USING ERRCODE = '23514', CONSTRAINT = 'other', MESSAGE = 'x';"),
       "refused with SQLSTATE 23514, constraint 'other': x (and 1 more", NULL},
      {SAYS("RAISE EXCEPTION USING ERRCODE = '23505', CONSTRAINT = TG_NAME, MESSAGE = 'x';"),
       "refused with SQLSTATE 23505, constraint 'conversation_texter_assignment_constraint': x (and 1 more", NULL},
      {SAYS("RETURN NULL;"), "refused with SQLSTATE P0001, constraint '': another trigger", NULL},
      {"ALTER TABLE conversations ADD CHECK (texter_id <> 2)", NULL,
       "texter_id: a change from NULL to '2' should be let through, and is refused with SQLSTATE 23514, constraint "
       "'conversations_texter_id_check'"}};
  article(&rule, &arena);
  exec(f, conversations);
  exec(f, "INSERT INTO conversations VALUES (77, 7, 'stays')");
  install(f, &rule, 1);
  pgr_buf_init(&script, 0);
  pgr_buf_init(&untested, 0);
  transitions(&rule, conversation_columns, 3, &script, &untested);
  assert_string_equal(pgr_buf_text(&untested), "");
  assert_transitions(f, pgr_buf_text(&script), rows, NULL, NULL);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char expected[512];
    snprintf(expected, sizeof expected, "%s%s", table[i].refused ? refused : table[i].expected,
             table[i].refused ? table[i].refused : "");
    assert_transitions(f, pgr_buf_text(&script), rows, table[i].mutation, expected);
  }
  exec(f, "DROP TABLE conversations; DROP FUNCTION check_texter_update");
  pgr_buf_deinit(&script);
  pgr_buf_deinit(&untested);
  pgr_arena_deinit(&arena);
}

static void the_transition_table_of_several_columns(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_buf script, untested;
  static const char rows[] = "SELECT count(*) FROM app.tickets";
  tickets(&rule, &arena);
  exec(f, tickets_table);
  install(f, &rule, 1);
  pgr_buf_init(&script, 0);
  pgr_buf_init(&untested, 0);
  transitions(&rule, ticket_columns, 5, &script, &untested);
  assert_string_equal(pgr_buf_text(&untested), "status: changes from NULL, which no row can come to\n"
                                               "status: changes from a value, which no row can come to\n"
                                               "status: changes from another value, which no row can come to\n");
  assert_transitions(f, pgr_buf_text(&script), rows, NULL, NULL);
  assert_transitions(
      f, pgr_buf_text(&script), rows, "DROP TRIGGER tickets_rule_insert ON app.tickets",
      "status: a new row with NULL should be refused with SQLSTATE 23514, constraint 'tickets_rule', and "
      "is let through (and ");
  assert_transitions(f, pgr_buf_text(&script), rows, "DROP TRIGGER tickets_rule_set_level ON app.tickets",
                     "level: a change from NULL to NULL should be refused");
  assert_transitions(f, pgr_buf_text(&script), rows, "DROP TRIGGER tickets_rule ON app.tickets",
                     "status: a change from 'open' to NULL should be refused");
  exec(f, "DROP SCHEMA app CASCADE");
  pgr_buf_deinit(&script);
  pgr_buf_deinit(&untested);
  pgr_arena_deinit(&arena);
}

/* Of random rules, with odd names, too. */
static void the_transition_table_passes_on_what_is_generated(void **state) {
  fixture *f = *state;
  static made m;
  pgr_random r;
  for (int i = 0; i < 20; i++) {
    pgr_rule_target_column columns[PGR_RULE_COLUMNS_MAX + 1] = {
        {.name = "id", .type = "bigint", .category = 'N', .not_null = true, .values = {"1", "2", "3"}}};
    pgr_buf script, untested;
    pgr_random_init(&r, 11, (uint64_t)i);
    draw_rule(&r, i % 2, &m);
    for (int c = 0; c < m.rule.column_count; c++) {
      const struct kind *kind = &kinds[m.kinds[c]];
      columns[c + 1] =
          (pgr_rule_target_column){.name = m.rule.columns[c].name,
                                   .type = kind->type,
                                   .category = (char)("NSEB"[m.kinds[c]]),
                                   .values = {kind->values[0], kind->values[1], kind->values[kind->count - 1]}};
    }
    create_table(f, &m);
    install(f, &m.rule, 1);
    pgr_buf_init(&script, 0);
    pgr_buf_init(&untested, 0);
    transitions(&m.rule, columns, m.rule.column_count + 1, &script, &untested);
    if (script.len == 0 && untested.len == 0) fail_msg("nothing is said of rule %d", i);
    exec(f, pgr_buf_text(&script));
    drop(f, &m.rule);
    drop_table(f, &m);
    pgr_buf_deinit(&script);
    pgr_buf_deinit(&untested);
  }
}

/* Literals are of the column's type, whatever that is. */
static void columns_of_other_types(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  static const struct {
    const char *type;
    char category;
    const char *values[5]; /* three that are named, two others */
  } table[] = {{"varchar(20)", 'S', {"a", "b c", "d", "e", "f"}},
               {"char(8)", 'S', {"a", "b", "c", "d", "e"}},
               {"numeric(6,2)", 'N', {"1", "2.50", "-3", "4", "5"}},
               {"real", 'N', {"0.5", "1e3", "2", "4", "5"}},
               {"date", 'D', {"2026-01-01", "2026-01-02", "2026-02-03", "2026-01-04", "1999-12-31"}},
               {"uuid",
                'U',
                {"00000000-0000-0000-0000-000000000001", "00000000-0000-0000-0000-000000000002",
                 "00000000-0000-0000-0000-000000000003", "00000000-0000-0000-0000-000000000004",
                 "00000000-0000-0000-0000-000000000005"}},
               {"inet", 'I', {"10.0.0.1", "10.0.0.2", "::1", "10.0.0.4", "10.0.0.5"}},
               {"text[]", 'A', {"{a}", "{b,NULL}", "{}", "{d}", "{e}"}},
               {"jsonb", 'U', {"1", "{\"a\": 2}", "[]", "null", "5"}},
               {"short", 'S', {"a", "b", "c", "d", "e"}}};
  exec(f, "CREATE DOMAIN short AS text CHECK (length(value) < 3)");
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    const char *const *v = table[i].values;
    const pgr_rule_target_column column = {
        .name = "c", .type = table[i].type, .category = table[i].category, .values = {v[3], v[4]}};
    char create[128];
    pgr_buf script, untested;
    rule = (pgr_rule){.name = "rule_holds",
                      .function = "rule_says_no",
                      .table = "ruled",
                      .sqlstate = "23514",
                      .message = "No.",
                      .columns = {{.name = "c",
                                   .same = true,
                                   .changes = {{{PGR_SIDE_VALUE, v[0]}, {PGR_SIDE_VALUE, v[1]}},
                                               {{PGR_SIDE_VALUE, v[1]}, {PGR_SIDE_VALUE, v[2]}},
                                               {{PGR_SIDE_ANY, NULL}, {PGR_SIDE_VALUE, v[0]}},
                                               {{PGR_SIDE_NULL, NULL}, {PGR_SIDE_ANY, NULL}}},
                                   .change_count = 4}},
                      .column_count = 1};
    snprintf(create, sizeof create, "CREATE TABLE ruled (c %s)", table[i].type);
    exec(f, create);
    install(f, &rule, 1);
    pgr_buf_init(&script, 0);
    pgr_buf_init(&untested, 0);
    transitions(&rule, &column, 1, &script, &untested);
    assert_string_equal(pgr_buf_text(&untested), "");
    exec(f, pgr_buf_text(&script));
    exec(f, "DROP TABLE ruled");
    pgr_buf_deinit(&script);
    pgr_buf_deinit(&untested);
  }
  exec(f, "DROP DOMAIN short; DROP FUNCTION rule_says_no");
}

/* ---- what came before ---- */

/* By pgr_rule_allows alone. */
static bool known(const pgr_rule_column *column, pgr_state state, const pgr_state *states, int count) {
  bool ruled = column->begins_ruled || column->change_count > 0;
  if (!ruled || (column->begins_ruled && pgr_rule_allows_begin(column, state))) return true;
  for (int i = 0; i < count; i++) {
    bool same = side_equal(states[i].side, state.side) && states[i].other == state.other;
    if (!same && (pgr_rule_allows(column, state, states[i]) || pgr_rule_allows(column, states[i], state))) return true;
  }
  return false;
}

static void existing_rows_are_those_in_states_that_nothing_leads_to(void **state) {
  fixture *f = *state;
  static made m;
  static const char *const key[] = {"id"};
  int found_some = 0, silent = 0;
  for (int i = 0; i < 60; i++) {
    pgr_random r;
    pgr_buf sql, ask;
    int states[PGR_RULE_COLUMNS_MAX], expected = 0;
    pgr_random_init(&r, 13, (uint64_t)i);
    draw_rule(&r, i % 4 == 3, &m);
    if (m.kinds[0] == 3) continue; /* of a boolean there are not always two other values to ask with */
    create_table(f, &m);
    pgr_buf_init(&sql, 0);
    pgr_buf_init(&ask, 0);
    for (int row = 1; row <= 30; row++) {
      bool all_known = true;
      draw_states(&r, &m, states);
      for (int c = 0; c < m.rule.column_count; c++) {
        pgr_state all[STATES];
        int count = pgr_rule_states(&m.rule.columns[c], all);
        if (all[count - 1].side.kind != PGR_SIDE_ANY)
          for (int other = 1; other <= 2; other++)
            all[count++] = (pgr_state){.side = {.kind = PGR_SIDE_ANY}, .other = other};
        all_known = all_known && known(&m.rule.columns[c], m.states[c][states[c]], all, count);
      }
      write_insert(&m, row, states, &sql);
      expected += !all_known;
    }
    exec(f, pgr_buf_text(&sql));
    pgr_buf_clear(&sql);
    pgr_rule_write_existing(&m.rule, key, 1, &sql);
    if (sql.len == 0) {
      silent++;
      assert_int_equal(expected, 0);
    } else {
      pgr_buf_addf(&ask, "SELECT count(DISTINCT id) FROM (%s) AS found", pgr_buf_text(&sql));
      if (number(f, pgr_buf_text(&ask)) != expected)
        fail_msg("rule %d, not %d rows: %s", i, expected, pgr_buf_text(&sql));
      found_some += expected > 0;
    }
    drop_table(f, &m);
    pgr_buf_deinit(&sql);
    pgr_buf_deinit(&ask);
  }
  assert_true(found_some > 5 && silent > 5);
}

static void histories_are_judged_step_by_step(void **state) {
  fixture *f = *state;
  static made m;
  int found = 0;
  for (int i = 0; i < 40; i++) {
    pgr_random r;
    pgr_buf sql, ask, table;
    int before[PGR_RULE_COLUMNS_MAX], now[PGR_RULE_COLUMNS_MAX], expected = 0;
    pgr_random_init(&r, 17, (uint64_t)i);
    draw_rule(&r, i % 4 == 3, &m);
    pgr_buf_init(&sql, 0);
    pgr_buf_init(&ask, 0);
    pgr_buf_init(&table, 0);
    write_table(&m, &table);
    m.rule.history.table = pgr_buf_text(&table);
    m.rule.history.key = "note";
    m.rule.history.order = "id";
    pgr_err err;
    must(pgr_rule_check(&m.rule, &err), &err);
    create_table(f, &m);
    for (int row = 1; row <= 40; row++) { /* 4 keys of 10 steps each */
      draw_states(&r, &m, now);
      for (int c = 0; c < m.rule.column_count; c++)
        expected += row % 10 == 1 ? !pgr_rule_allows_begin(&m.rule.columns[c], m.states[c][now[c]])
                                  : !pgr_rule_allows(&m.rule.columns[c], m.states[c][before[c]], m.states[c][now[c]]);
      write_insert(&m, row, now, &sql);
      memcpy(before, now, sizeof before);
    }
    exec(f, pgr_buf_text(&sql));
    pgr_buf_clear(&sql);
    pgr_buf_addf(&sql, "UPDATE %s SET note = 'key ' || (id - 1) / 10", pgr_buf_text(&table));
    exec(f, pgr_buf_text(&sql));
    pgr_buf_clear(&sql);
    pgr_rule_write_history(&m.rule, &sql);
    if (sql.len > 0) {
      pgr_buf_addf(&ask, "SELECT count(*) FROM (%s) AS found (key, place, changed, old, new, fault)",
                   pgr_buf_text(&sql));
      if (number(f, pgr_buf_text(&ask)) != expected)
        fail_msg("rule %d, not %d steps: %s", i, expected, pgr_buf_text(&sql));
      found += expected;
    } else {
      assert_int_equal(expected, 0);
    }
    drop_table(f, &m);
    pgr_buf_deinit(&sql);
    pgr_buf_deinit(&ask);
    pgr_buf_deinit(&table);
  }
  assert_true(found > 100);
}

/* What history is made of; expected: the query's rows. */
static void assert_history(fixture *f, const pgr_rule *rule, const char *rows, const char *expected) {
  pgr_buf sql, ask;
  char got[1024];
  pgr_buf_init(&sql, 0);
  pgr_buf_init(&ask, 0);
  pgr_buf_addf(&sql,
               "CREATE SCHEMA app; CREATE TABLE app.\"Past\" (conversation int, at int, texter_id int, status text); "
               "INSERT INTO app.\"Past\" VALUES %s",
               rows);
  exec(f, pgr_buf_text(&sql));
  pgr_buf_clear(&sql);
  pgr_rule_write_history(rule, &sql);
  pgr_buf_addf(&ask, "SELECT coalesce(string_agg(found::text, ' '), '') FROM (%s) AS found", pgr_buf_text(&sql));
  text(f, pgr_buf_text(&ask), got, sizeof got);
  if (strcmp(got, expected) != 0) fail_msg("%s, not %s:\n%s", got, expected, pgr_buf_text(&sql));
  snprintf(got, sizeof got, "SELECT \"column\", old, new, fault, conversation, at FROM (");
  pgr_buf_clear(&ask);
  pgr_buf_addf(&ask, "%s%s) AS named", got, pgr_buf_text(&sql));
  exec(f, pgr_buf_text(&ask));
  exec(f, "DROP SCHEMA app CASCADE");
  pgr_buf_deinit(&sql);
  pgr_buf_deinit(&ask);
}

static void a_history_says_key_place_column_and_values(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  article(&rule, &arena);
  rule.history.table = "app.\"Past\"";
  rule.history.key = "conversation";
  rule.history.order = "at";
  assert_history(f, &rule, "(10, 1, 5), (9, 1, NULL), (9, 3, 8), (9, 2, 7), (10, 2, NULL), (10, 3, 6)",
                 "(9,3,texter_id,7,8,\"may not change so\")");
  add_column(&rule, &arena, "status", "any->null, null->any, any->any, same",
             "open"); /* every change; not beginnings */
  assert_history(f, &rule, "(1, 1, 5, 'open'), (1, 2, 5, 'x'), (2, 7, 5, 'closed'), (2, 8, 6, 'open'), (3, 1, 1, NULL)",
                 "(2,7,status,,closed,\"may not begin with this\") (2,8,texter_id,5,6,\"may not change so\") "
                 "(3,1,status,,,\"may not begin with this\")");
  pgr_arena_deinit(&arena);
}

/* Which of two came first is not known: that is said, and nothing is claimed of either. */
static void a_history_without_an_order_is_told(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  article(&rule, &arena);
  add_column(&rule, &arena, "status", "same", "open");
  rule.history.table = "app.\"Past\"";
  rule.history.key = "conversation";
  rule.history.order = "at";
  assert_history(f, &rule,
                 "(1, 1, 5, 'a'), (1, 1, 6, 'b'), (1, 2, 7, 'c'), (1, 3, 8, 'c'), "
                 "(2, 1, 5, 'open'), (2, NULL, 6, 'c'), (3, NULL, 1, 'c'), (3, NULL, 2, 'c'), (4, 1, 5, 'open')",
                 "(1,1,,,,\"not compared: 2 rows with this order\") (1,3,texter_id,7,8,\"may not change so\") "
                 "(2,,,,,\"not compared: the order is NULL\") (3,,,,,\"not compared: the order is NULL\")");
  pgr_arena_deinit(&arena);
}

/* ---- logs ---- */

/* The one line of the server's log that has the mark, from the mark on. out: bytes. */
static void logged_line(fixture *f, const char *mark, char *out, size_t bytes) {
  char path[1024], line[4096];
  int found = 0;
  text(f, "SELECT current_setting('data_directory') || '/../server.log'", path, sizeof path);
  FILE *log = fopen(path, "r");
  if (!log) fail_msg("%s cannot be read", path);
  while (fgets(line, sizeof line, log)) {
    const char *at = strstr(line, mark);
    if (!at) continue;
    found++;
    snprintf(out, bytes, "%s", at);
  }
  fclose(log);
  assert_int_equal(found, 1);
}

static void the_server_s_log_keeps_a_rejection(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_err err;
  tickets(&rule, &arena);
  rule.log = PGR_RULE_LOG_SERVER;
  rule.name = "tickets \"rule\" 100%";
  exec(f, tickets_table);
  install(f, &rule, 1);
  exec(f, "INSERT INTO app.tickets VALUES (1, E'q\\n1', 'open', NULL, 'low'); SET application_name = 'the \"app\"'; "
          "CREATE ROLE clerk; GRANT USAGE ON SCHEMA app TO clerk; GRANT SELECT, UPDATE ON app.tickets TO clerk; "
          "SET ROLE clerk");
  assert_outcome(f, "UPDATE app.tickets SET status = E'clo\\nsed'", "23514|tickets \"rule\" 100%|No.");
  exec(f, "RESET ROLE");
  /* JSON, or the cast would fail. */
  static const char read_back[] =
      "SELECT concat_ws('|', j->>'rejection', j->>'role', (j->>'login') = session_user, j->>'application', "
      "j->>'address', "
      "j->>'table', "
      "j->>'operation', (j->>'pid')::int = pg_backend_pid(), (j->>'at')::timestamptz <= clock_timestamp(), j->'key', "
      "j->'old', j->'new') FROM (SELECT $1::jsonb AS j) AS line";
  char line[2048];
  const char *const values[] = {line};
  PGresult *got;
  logged_line(f, "{\"rejection\"", line, sizeof line);
  must(pgr_db_query(f->db, read_back, 1, values, &got, &err), &err);
  assert_string_equal(
      PQgetvalue(got, 0, 0),
      "tickets \"rule\" 100%|clerk|t|the \"app\"|app.tickets|UPDATE|t|t|{\"id\": 1, \"queue\": \"q\\n1\"}|"
      "{\"level\": \"low\", \"status\": \"open\", \"agent 100%\": null}|"
      "{\"level\": \"low\", \"status\": \"clo\\nsed\", \"agent 100%\": null}");
  PQclear(got);
  /* A row that no JSON can be made of is refused all the same. */
  exec(f, "CREATE TYPE app.odd AS ENUM ('a'); CREATE FUNCTION app.odd_json(app.odd) RETURNS json LANGUAGE plpgsql AS "
          "'BEGIN RAISE ''no''; END'; CREATE CAST (app.odd AS json) WITH FUNCTION app.odd_json(app.odd); "
          "ALTER TABLE app.tickets ADD odd app.odd DEFAULT 'a'");
  assert_outcome(f, "UPDATE app.tickets SET status = 'closed'", "23514|tickets \"rule\" 100%|No.");
  exec(f, "RESET application_name; DROP SCHEMA app CASCADE; DROP ROLE clerk");
  pgr_arena_deinit(&arena);
}

static const char recorded[] =
    "SELECT coalesce(string_agg(concat_ws('|', role, login = session_user, application, trigger, relation, operation, "
    "key, old, new), ' ' ORDER BY id), '') FROM pgrace.rejections";

/* By the statements in the drop's comment. */
static void take_away_what_stays(fixture *f, const pgr_rule *rule) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_rule_write_drop(rule, &sql);
  const char *at = strstr(pgr_buf_text(&sql), "\n--   ");
  assert_non_null(at);
  for (; at; at = strstr(at + 1, "\n--   ")) {
    char statement[256];
    snprintf(statement, sizeof statement, "%.*s", (int)strcspn(at + 6, "\n"), at + 6);
    exec(f, statement);
  }
  pgr_buf_deinit(&sql);
}

static void a_table_keeps_a_rejection(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  char got[1024];
  pgr_err err;
  if (!has_extension(f, "dblink")) skip();
  article(&rule, &arena);
  rule.log = PGR_RULE_LOG_TABLE;
  exec(f, conversations);
  install(f, &rule, 1);
  install(f, &rule, 2); /* what it shares with others is there already */
  exec(f, "INSERT INTO conversations VALUES (5, 1, NULL); CREATE ROLE texter_app; "
          "GRANT SELECT, UPDATE ON conversations TO texter_app");
  exec(f, "SET application_name = 'it''s %'; SET SESSION AUTHORIZATION texter_app");
  assert_int_equal(pgr_db_exec(f->db, "BEGIN; UPDATE conversations SET texter_id = 2", &err), PGR_EDATABASE);
  assert_string_equal(pgr_db_sqlstate(f->db), "23514");
  assert_string_equal(pgr_db_constraint(f->db), rule.name);
  exec(f, "ROLLBACK; RESET SESSION AUTHORIZATION");
  text(f, recorded, got, sizeof got);
  assert_string_equal(got, "texter_app|f|it's %|conversation_texter_assignment_constraint|public.conversations|UPDATE|"
                           "{\"id\": 5}|{\"texter_id\": 1}|{\"texter_id\": 2}");
  assert_int_equal(
      number(f, "SELECT has_function_privilege('texter_app', 'check_texter_update()', 'EXECUTE')::int::bigint"), 0);
  /* Whose role it was, where all share a connection. */
  exec(f, "DELETE FROM pgrace.rejections; RESET application_name; SET ROLE texter_app");
  assert_int_equal(pgr_db_exec(f->db, "UPDATE conversations SET texter_id = 2", &err), PGR_EDATABASE);
  exec(f, "RESET ROLE");
  text(f, "SELECT concat_ws('|', role, login = session_user) FROM pgrace.rejections", got, sizeof got);
  assert_string_equal(got, "texter_app|t");
  /* Nobody but the owner can write there; and without the connection the rejection stands. */
  assert_outcome(f, "SET LOCAL ROLE texter_app; INSERT INTO pgrace.rejections DEFAULT VALUES",
                 "42501||permission denied for schema pgrace");
  exec(f, "RESET ROLE; ALTER SERVER pgrace_rejections OPTIONS (SET port '1')");
  assert_outcome(f, "UPDATE conversations SET texter_id = 2",
                 "23514|conversation_texter_assignment_constraint|Conversation is already assigned to a texter.");
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.rejections"), 1);
  drop(f, &rule);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.rejections"), 1); /* a record stays */
  take_away_what_stays(f, &rule);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_foreign_server"), 0);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_extension WHERE extname = 'dblink'"), 0);
  exec(f, "DROP TABLE conversations; DROP SCHEMA pgrace; DROP ROLE texter_app"); /* nothing is in it any more */
  pgr_arena_deinit(&arena);
}

static pgr_db *connect_to(fixture *f, const char *database) {
  pgr_target *target;
  pgr_db *db;
  pgr_err err;
  must(pgr_target_private(pgr_server_socket_dir(f->server), pgr_server_port(f->server), pgr_server_user(f->server),
                          &target, &err),
       &err);
  must(pgr_target_set(target, "dbname", database, &err), &err);
  must(pgr_db_connect(target, &db, &err), &err);
  pgr_target_destroy(target);
  return db;
}

/* How the version is refused, when it is. */
static void assert_not_installed(fixture *f, const pgr_rule *rule, const char *expected) {
  pgr_err err = {0};
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_rule_write_version(rule, 1, &sql);
  assert_int_equal(pgr_db_exec(f->db, pgr_buf_text(&sql), &err), PGR_EDATABASE);
  if (strncmp(err.msg, expected, strlen(expected)) != 0) fail_msg("%s, not %s", err.msg, expected);
  pgr_buf_deinit(&sql);
}

/* Its server is the original's, which must not hear of what is refused here. */
static void a_copied_database_records_nothing_elsewhere(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  fixture copy = *f;
  static const char refused[] =
      "23514|conversation_texter_assignment_constraint|Conversation is already assigned to a texter.",
                    change[] = "UPDATE conversations SET texter_id = 2";
  if (!has_extension(f, "dblink")) skip();
  article(&rule, &arena);
  rule.log = PGR_RULE_LOG_TABLE;
  exec(f, conversations);
  install(f, &rule, 1);
  exec(f, "INSERT INTO conversations VALUES (5, 1, NULL)");
  exec(f, "CREATE DATABASE \"the copy\" TEMPLATE postgres");
  copy.db = connect_to(f, "the copy");
  assert_outcome(&copy, change, refused);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.rejections"), 0);
  assert_int_equal(number(&copy, "SELECT count(*) FROM pgrace.rejections"), 0);
  assert_not_installed(&copy, &rule, "log: table: the server pgrace_rejections leads to another database");
  exec(&copy, "ALTER SERVER pgrace_rejections OPTIONS (SET dbname 'the copy')");
  install(&copy, &rule, 1);
  assert_outcome(&copy, change, refused);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.rejections"), 0);
  assert_int_equal(number(&copy, "SELECT count(*) FROM pgrace.rejections"), 1);
  pgr_db_close(copy.db);
  exec(f, "DROP DATABASE \"the copy\" WITH (FORCE)");
  exec(f, "DROP TABLE conversations; DROP FUNCTION check_texter_update; DROP SERVER pgrace_rejections CASCADE; "
          "DROP EXTENSION dblink; DROP SCHEMA pgrace CASCADE");
  pgr_arena_deinit(&arena);
}

/* It cannot see where the server's sockets are, nor connect without a password: told when it is installed. */
static void who_cannot_record_is_told_at_once(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  if (!has_extension(f, "dblink")) skip();
  article(&rule, &arena);
  rule.schema = "app";
  rule.log = PGR_RULE_LOG_TABLE;
  exec(f, "CREATE ROLE clerk LOGIN; CREATE EXTENSION dblink; GRANT USAGE ON FOREIGN DATA WRAPPER dblink_fdw TO clerk; "
          "CREATE SCHEMA app AUTHORIZATION clerk; CREATE SCHEMA pgrace AUTHORIZATION clerk; "
          "GRANT CREATE ON DATABASE postgres TO clerk; SET ROLE clerk; "
          "CREATE TABLE app.conversations (id bigint PRIMARY KEY, texter_id bigint)");
  assert_not_installed(f, &rule, "log: table: pgrace_rejections cannot be reached as clerk: ");
  exec(f, "RESET ROLE");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'app.conversations'::regclass"), 0);
  /* A superuser has made the server; the mapping says what it needs. */
  exec(f, "DO $$ BEGIN EXECUTE format('CREATE SERVER pgrace_rejections FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host "
          "%L, port %L, dbname %L)', current_setting('unix_socket_directories'), current_setting('port'), "
          "current_database()); END $$; GRANT USAGE ON FOREIGN SERVER pgrace_rejections TO clerk; "
          "CREATE USER MAPPING FOR clerk SERVER pgrace_rejections OPTIONS (user 'clerk'); SET ROLE clerk");
  assert_not_installed(f, &rule,
                       "log: table: pgrace_rejections cannot be reached as clerk: password is required: make its "
                       "server and a user mapping with OPTIONS (user '...', password '...') beforehand");
  exec(f, "RESET ROLE; DROP SCHEMA app CASCADE; DROP SCHEMA pgrace CASCADE; DROP EXTENSION dblink CASCADE; "
          "DROP OWNED BY clerk; DROP ROLE clerk");
  pgr_arena_deinit(&arena);
}

/* Another connection has written what is recorded of them, so that nothing takes it back by itself. */
static void the_transition_table_leaves_no_rejections(void **state) {
  fixture *f = *state;
  static pgr_rule rule;
  char got[64];
  pgr_arena arena = {0};
  pgr_buf script, untested;
  if (!has_extension(f, "dblink")) skip();
  article(&rule, &arena);
  rule.log = PGR_RULE_LOG_TABLE;
  exec(f, conversations);
  install(f, &rule, 1);
  exec(f, "INSERT INTO conversations VALUES (5, 1, NULL)");
  assert_outcome(f, "UPDATE conversations SET texter_id = 7",
                 "23514|conversation_texter_assignment_constraint|Conversation is already assigned to a texter.");
  exec(f, "INSERT INTO pgrace.rejections (at, role, login, pid, trigger, relation, operation) "
          "VALUES (clock_timestamp() + interval '1 day', 'x', 'x', 0, 'x', 'x', 'x')"); /* another session's */
  pgr_buf_init(&script, 0);
  pgr_buf_init(&untested, 0);
  transitions(&rule, conversation_columns, 3, &script, &untested);
  exec(f, pgr_buf_text(&script));
  text(f, "SELECT string_agg(concat_ws('|', pid = pg_backend_pid(), new), ' ' ORDER BY id) FROM pgrace.rejections", got,
       sizeof got);
  assert_string_equal(got, "t|{\"texter_id\": 7} f");
  exec(f, "DROP TABLE pgrace.rejections");
  exec(f, pgr_buf_text(&script)); /* without the table there is nothing to be done */
  exec(f, "DROP TABLE conversations; DROP FUNCTION check_texter_update; DROP SERVER pgrace_rejections CASCADE; "
          "DROP EXTENSION dblink; DROP SCHEMA pgrace");
  pgr_buf_deinit(&script);
  pgr_buf_deinit(&untested);
  pgr_arena_deinit(&arena);
}

/* Of each test: one that failed leaves nothing to the next. */
static int clean(void **state) {
  exec(*state, "ROLLBACK; RESET ROLE; RESET ALL; SET client_min_messages = error; DROP SCHEMA IF EXISTS app, ext, "
               "pgrace CASCADE; "
               "DROP EXTENSION IF EXISTS dblink CASCADE; "
               "DO $$ BEGIN IF to_regrole('clerk') IS NOT NULL THEN DROP OWNED BY clerk; END IF; END $$; "
               "DROP ROLE IF EXISTS clerk; "
               "DROP SCHEMA IF EXISTS \"Sch $$ \"\"a\"\" 'b' %I\" CASCADE; DROP TABLE IF EXISTS conversations, ruled; "
               "DROP FUNCTION IF EXISTS check_texter_update, rule_says_no; DROP DOMAIN IF EXISTS short");
  return 0;
}

static int set_up(void **state) {
  int failed = fixture_set_up(state);
  if (failed) return failed;
  exec(*state, mood);
  exec(*state, hostile);
  exec(*state, outcome_function);
  return 0;
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup(the_hostile_path_lies, clean),
      cmocka_unit_test_setup(a_trigger_does_what_its_rule_says, clean),
      cmocka_unit_test_setup(a_trigger_with_odd_names_does_too, clean),
      cmocka_unit_test_setup(the_article_s_trigger_is_what_its_rule_makes, clean),
      cmocka_unit_test_setup(the_detail_names_what_broke_the_rule, clean),
      cmocka_unit_test_setup(only_rows_that_are_inserted_are_new, clean),
      cmocka_unit_test_setup(a_row_that_moves_is_new_in_its_partition, clean),
      cmocka_unit_test_setup(the_detail_keeps_what_one_may_not_read, clean),
      cmocka_unit_test_setup(an_extension_s_types_are_compared_as_when_says, clean),
      cmocka_unit_test_setup(a_type_that_cannot_be_compared_is_refused_when_installed, clean),
      cmocka_unit_test_setup(a_version_replaces_any_other, clean),
      cmocka_unit_test_setup(a_version_leaves_another_rule_alone, clean),
      cmocka_unit_test_setup(installing_locks_readers_out_of_nothing, clean),
      cmocka_unit_test_setup(the_transition_table_finds_mutations, clean),
      cmocka_unit_test_setup(the_transition_table_of_several_columns, clean),
      cmocka_unit_test_setup(the_transition_table_passes_on_what_is_generated, clean),
      cmocka_unit_test_setup(columns_of_other_types, clean),
      cmocka_unit_test_setup(existing_rows_are_those_in_states_that_nothing_leads_to, clean),
      cmocka_unit_test_setup(histories_are_judged_step_by_step, clean),
      cmocka_unit_test_setup(a_history_says_key_place_column_and_values, clean),
      cmocka_unit_test_setup(a_history_without_an_order_is_told, clean),
      cmocka_unit_test_setup(the_server_s_log_keeps_a_rejection, clean),
      cmocka_unit_test_setup(a_table_keeps_a_rejection, clean),
      cmocka_unit_test_setup(a_copied_database_records_nothing_elsewhere, clean),
      cmocka_unit_test_setup(who_cannot_record_is_told_at_once, clean),
      cmocka_unit_test_setup(the_transition_table_leaves_no_rejections, clean)};
  return cmocka_run_group_tests(tests, set_up, fixture_tear_down);
}
