/* Offline checks by PostgreSQL's own grammar. Invariant: no tree of a statement is built from a text of any length, for
 * libpg_query writes trees out by recursion; the syntax is checked by splitting, which does not. */
#include "scenario_internal.h"

#include <jansson.h>
#include <pg_query.h>
#include <stdio.h>
#include <string.h>

enum { TREE_BYTES_MAX = 16 << 10 };

typedef struct checker {
  const pgr_scenario *s;
  pgr_faults *faults;
  pgr_yaml yaml;
} checker;

/* A text that is checked, and where its bytes come from. */
typedef struct checked {
  const checker *c;
  const char *sql;
  const pgr_source *source;
  const pgr_script *script; /* of this script, and command its `numbered`; or */
  const pgr_command *command;
  const yaml_node_t
      *node; /* in the YAML, a template with a character for each variable; or neither: the source itself */
  const pgr_template *made_from;
} checked;

/* ---- from a parsed text back to where it was written ---- */

static size_t in_template(const checked *t, size_t offset) {
  const pgr_template *m = t->made_from;
  size_t origin = 0;
  for (int i = 0; i < m->var_count; i++) {
    size_t literal = strlen(m->literals[i]);
    if (offset <= literal) break;
    offset -= literal + 1;
    origin += literal + 1 + strlen(t->c->s->names.at[m->slots[i]]);
  }
  return origin + offset;
}

static size_t characters(const char *text, size_t bytes) {
  size_t n = 0;
  for (size_t i = 0; i < bytes; i++)
    n += ((unsigned char)text[i] & 0xC0) != 0x80;
  return n;
}

static pgr_place_in place(const checked *t, size_t offset, size_t width) {
  if (t->c->faults->count >= PGR_FAULTS_KEPT) return (pgr_place_in){0};
  size_t origin = offset;
  if (t->command) origin = pgr_sql_source_offset(t->command, t->script, characters(t->sql, offset));
  if (t->node) origin = pgr_yaml_offset(&t->c->yaml, t->node, in_template(t, offset));
  pgr_place_in at = pgr_place_at(t->source, origin);
  at.width = width > 0 && width < 1000 ? (int)width : 1;
  return at;
}

/* ---- parsing ---- */

/* Adds the fault that libpg_query found in text, which begins `base` bytes into t. */
static void add_error(const checked *t, const char *text, size_t base, const PgQueryError *error) {
  static const char near[] = "at or near \"";
  size_t offset = 0, width = 1;
  for (int left = error->cursorpos - 1; text[offset]; offset++)
    if (((unsigned char)text[offset] & 0xC0) != 0x80 && left-- <= 0) break;
  const char *token = strstr(error->message, near), *close = strrchr(error->message, '"');
  if (token && close > token + sizeof near - 1) width = (size_t)(close - token) - sizeof near + 1;
  pgr_faults_add(t->c->faults, t->source, place(t, base + offset, width), NULL, "%s", error->message);
}

/* The first error of text is told when `tell`. */
static bool parses(const checked *t, const char *text, size_t base, bool tell) {
  PgQuerySplitResult r = pg_query_split_with_parser(text);
  bool good = !r.error;
  if (!good && tell) add_error(t, text, base, r.error);
  pg_query_free_split_result(r);
  return good;
}

static void out_of_memory(const checked *t) {
  pgr_faults_add(t->c->faults, t->source, (pgr_place_in){0}, NULL, "out of memory");
}

static void parse_part(const checked *t, size_t from, size_t to) {
  pgr_buf part;
  if (from >= to) return;
  pgr_buf_init(&part, 0);
  pgr_buf_add(&part, t->sql + from, to - from);
  if (part.failed)
    out_of_memory(t);
  else
    parses(t, pgr_buf_text(&part), from, true);
  pgr_buf_deinit(&part);
}

/* Statement by statement, so that each wrong one is told. The scanner passes over what does not begin like a statement;
 * that is what stands between two. */
static void parse_statements(const checked *t) {
  PgQuerySplitResult r = pg_query_split_with_scanner(t->sql);
  size_t len = strlen(t->sql), end = 0;
  if (r.error) {
    parses(t, t->sql, 0, true);
  } else {
    for (int i = 0; i < r.n_stmts; i++) {
      size_t from = (size_t)r.stmts[i]->stmt_location, to = from + (size_t)r.stmts[i]->stmt_len;
      parse_part(t, end, from);
      parse_part(t, from, to);
      end = to;
    }
    parse_part(t, end, len);
  }
  pg_query_free_split_result(r);
}

/* ---- scripts and files ---- */

static void write_out(const pgr_template *m, char stand_in, pgr_buf *out) {
  for (int i = 0; i <= m->var_count; i++) {
    pgr_buf_adds(out, m->literals[i]);
    if (i < m->var_count) pgr_buf_add(out, &stand_in, 1);
  }
}

/* With the simple protocol a variable is text: what parses with a number or with a name in its place may be right. */
static bool may_be_right(const checked *t) {
  bool good = false;
  for (const char *stand_in = "1x"; *stand_in && !good; stand_in++) {
    pgr_buf text;
    pgr_buf_init(&text, 0);
    write_out(&t->command->sql.text, *stand_in, &text);
    good = !text.failed && parses(t, pgr_buf_text(&text), 0, false);
    pgr_buf_deinit(&text);
  }
  return good;
}

static void check_script(const checker *c, const pgr_script *script) {
  for (int i = 0; i < script->count; i++) {
    const pgr_command *command = &script->commands[i];
    if (command->kind != PGR_COMMAND_SQL) continue;
    const checked t = {
        .c = c, .sql = command->sql.numbered, .source = &script->source, .script = script, .command = command};
    if (parses(&t, t.sql, 0, false)) continue;
    if (c->s->protocol == PGR_PROTOCOL_SIMPLE && command->sql.text.var_count > 0 && may_be_right(&t)) continue;
    parses(&t, t.sql, 0, true);
  }
}

static void check_file(const checker *c, const pgr_source *source) {
  const checked t = {.c = c, .sql = source->text, .source = source};
  parse_statements(&t);
}

/* ---- SQL in the YAML ---- */

/* The last name of a list of String nodes: "key" of x.key. NULL: it ends in something else, an asterisk. */
static const char *last_name(const json_t *names) {
  size_t n = json_array_size(names);
  const json_t *string = n ? json_object_get(json_array_get(names, n - 1), "String") : NULL;
  return json_string_value(json_object_get(string, "sval"));
}

/* What PostgreSQL calls a column without AS. NULL: not known here. */
static const char *column_name(const json_t *value) {
  const json_t *node;
  while ((node = json_object_get(value, "TypeCast")))
    value = json_object_get(node, "arg");
  if ((node = json_object_get(value, "ColumnRef"))) return last_name(json_object_get(node, "fields"));
  if ((node = json_object_get(value, "FuncCall"))) return last_name(json_object_get(node, "funcname"));
  return json_object_get(value, "A_Const") || json_object_get(value, "A_Expr") ? "?column?" : NULL;
}

/* Whether a query surely has no column called key. */
static bool lacks_key(const json_t *select) {
  const json_t *left;
  while ((left = json_object_get(select, "larg")))
    select = left;
  const json_t *targets = json_object_get(select, "targetList"), *target;
  size_t i;
  if (!json_array_size(targets)) return false;
  json_array_foreach(targets, i, target) {
    const json_t *column = json_object_get(target, "ResTarget");
    const char *name = json_string_value(json_object_get(column, "name"));
    if (!name) name = column_name(json_object_get(column, "val"));
    if (!name || strcmp(name, "key") == 0) return false;
  }
  return true;
}

static void check_query(const checked *t) {
  if (strlen(t->sql) > TREE_BYTES_MAX) return;
  PgQueryParseResult r = pg_query_parse(t->sql);
  json_t *tree = r.error ? NULL : json_loads(r.parse_tree, 0, NULL);
  const json_t *statements = json_object_get(tree, "stmts");
  const json_t *statement = json_object_get(json_array_get(statements, 0), "stmt");
  const json_t *select = json_object_get(statement, "SelectStmt");
  if (tree && (json_array_size(statements) != 1 || !select))
    pgr_faults_add(t->c->faults, t->source, place(t, 0, 1), NULL, "an invariant must be one SELECT");
  else if (tree && lacks_key(select))
    pgr_faults_add(t->c->faults, t->source, place(t, 0, 1), "name the column that says which key: … AS key",
                   "an invariant must return a column named key");
  json_decref(tree);
  pg_query_free_parse_result(r);
}

static void check_template(checker *c, const char *path, const pgr_template *made_from, bool is_query) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  write_out(made_from, '1', &text);
  const checked t = {.c = c,
                     .sql = pgr_buf_text(&text),
                     .made_from = made_from,
                     .source = &c->s->source,
                     .node = pgr_yaml_find(&c->yaml, path, NULL)};
  size_t before = c->faults->count;
  if (text.failed || !t.node)
    out_of_memory(&t);
  else
    parse_statements(&t);
  if (is_query && c->faults->count == before) check_query(&t);
  pgr_buf_deinit(&text);
}

static void check_yaml(checker *c) {
  const pgr_scenario *s = c->s;
  if (!s->has_seed && !s->has_reset && s->invariant_count == 0) return;
  if (!pgr_yaml_open(&c->yaml, &s->source, "scenario", c->faults)) return;
  if (s->has_seed) check_template(c, "seed", &s->seed, false);
  if (s->has_reset) check_template(c, "reset", &s->reset, false);
  for (int i = 0; i < s->invariant_count; i++) {
    char path[40];
    snprintf(path, sizeof path, "invariants[%d].sql", i);
    check_template(c, path, &s->invariants[i].sql, true);
  }
  pgr_yaml_close(&c->yaml);
}

/* ---- each file once ---- */

typedef struct seen {
  const void *at[PGR_STRATEGIES_MAX * (PGR_INSTALLS_MAX + PGR_OPERATIONS_MAX) + PGR_INSTALLS_MAX];
  size_t count;
} seen;

static bool is_new(seen *list, const void *file) {
  for (size_t i = 0; i < list->count; i++)
    if (list->at[i] == file) return false;
  list->at[list->count++] = file;
  return true;
}

void pgr_scenario_check_sql(const pgr_scenario *s, pgr_faults *faults) {
  checker c = {.s = s, .faults = faults};
  seen files = {.count = 0};
  check_yaml(&c);
  for (int i = 0; i < s->schema_count; i++)
    if (is_new(&files, s->schema[i])) check_file(&c, s->schema[i]);
  for (int i = 0; i < s->strategy_count; i++) {
    const pgr_strategy *g = &s->strategies[i];
    for (int k = 0; k < g->install_count; k++)
      if (is_new(&files, g->installs[k])) check_file(&c, g->installs[k]);
    for (int k = 0; k < s->operation_count; k++)
      if (is_new(&files, g->scripts[k])) check_script(&c, g->scripts[k]);
  }
}
