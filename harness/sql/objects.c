/* What a SQL file makes: functions and triggers. Invariant: a name is kept as PostgreSQL would keep it, folded and cut
 * by its parser; texts (a body, a condition) as they are written. */
#include "sql_internal.h"

#include <string.h>
#include <strings.h>

typedef struct made_function {
  pgr_made_function f;
  char *arguments; /* their types, as text; "" for none */
  bool dropped;
} made_function;

typedef struct made_trigger {
  pgr_made_trigger t;
  bool dropped;
} made_trigger;

typedef struct maker {
  pgr_arena *arena;
  made_function *functions;
  size_t function_count, function_cap;
  made_trigger *triggers;
  size_t trigger_count, trigger_cap;
  bool no_memory;
} maker;

/* NULL stays NULL. */
static const char *keep(maker *m, const char *text) {
  if (!text) return NULL;
  const char *kept = pgr_arena_strdup(m->arena, text);
  if (!kept) m->no_memory = true;
  return kept;
}

/* [catalog.][schema.]name: the last string, and the one before it. */
static void read_name(maker *m, const json_t *names, const char **schema, const char **name) {
  size_t count = json_array_size(pgr__list(names));
  *name = count ? keep(m, pgr__string_at(names, count - 1)) : NULL;
  *schema = count > 1 ? keep(m, pgr__string_at(names, count - 2)) : NULL;
}

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

/* Room for one more; NULL: no memory. */
static void *grow(maker *m, void *list, size_t count, size_t *cap, size_t size) {
  if (count < *cap) return list;
  size_t grown = *cap ? *cap * 2 : 8;
  void *at = pgr_arena_alloc(m->arena, grown * size);
  if (!at) {
    m->no_memory = true;
    return NULL;
  }
  if (count) memcpy(at, list, count * size);
  *cap = grown;
  return at;
}

/* ---- functions ---- */

static bool is_argument(const json_t *parameter) {
  return !pgr__field_is(parameter, "mode", "FUNC_PARAM_OUT") && !pgr__field_is(parameter, "mode", "FUNC_PARAM_TABLE");
}

/* The types of a function's arguments: of FunctionParameter nodes, or of TypeName nodes. */
static char *arguments_of(maker *m, const json_t *list) {
  pgr_buf text;
  const json_t *element, *part;
  size_t i, k;
  pgr_buf_init(&text, 0);
  json_array_foreach(list, i, element) {
    const json_t *parameter = json_object_get(element, "FunctionParameter"),
                 *type = json_object_get(element, "TypeName");
    if (parameter && !is_argument(parameter)) continue;
    if (parameter) type = json_object_get(parameter, "argType");
    json_array_foreach(json_object_get(type, "names"), k, part)
        pgr_buf_addf(&text, "%s.", pgr__field(json_object_get(part, "String"), "sval"));
    pgr_buf_addf(&text, "%zu,", json_array_size(json_object_get(type, "arrayBounds")));
  }
  char *kept = text.failed ? NULL : pgr_arena_strdup(m->arena, pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  m->no_memory |= !kept;
  return kept;
}

/* arguments NULL: any. NULL: it was not made here, or was dropped. */
static made_function *find_function(maker *m, const char *schema, const char *name, const char *arguments) {
  for (size_t i = m->function_count; i > 0; i--) {
    made_function *f = &m->functions[i - 1];
    if (!f->dropped && same_text(f->f.schema, schema) && same_text(f->f.name, name) &&
        (!arguments || same_text(f->arguments, arguments)))
      return f;
  }
  return NULL;
}

/* The function that an ObjectWithArgs names. */
static made_function *named_function(maker *m, const json_t *object) {
  const char *schema, *name;
  read_name(m, json_object_get(object, "objname"), &schema, &name);
  if (pgr__flag(object, "args_unspecified")) return find_function(m, schema, name, NULL);
  const json_t *parameters = json_object_get(object, "objfuncargs");
  return find_function(m, schema, name, arguments_of(m, parameters ? parameters : json_object_get(object, "objargs")));
}

/* prosrc: the last of what stands after AS; for C that is the symbol. */
static void read_body(maker *m, const json_t *arg, pgr_made_function *f) {
  size_t count = json_array_size(pgr__list(arg));
  f->body = count ? keep(m, pgr__string_at(arg, count - 1)) : NULL;
}

/* Also of ALTER FUNCTION. */
static void read_options(maker *m, const json_t *options, pgr_made_function *f) {
  const json_t *option;
  size_t i;
  json_array_foreach(options, i, option) {
    const json_t *element = json_object_get(option, "DefElem"), *arg = json_object_get(element, "arg");
    const json_t *setting = json_object_get(arg, "VariableSetStmt");
    if (pgr__field_is(element, "defname", "language"))
      f->language = keep(m, pgr__field(json_object_get(arg, "String"), "sval"));
    else if (pgr__field_is(element, "defname", "as"))
      read_body(m, arg, f);
    else if (pgr__field_is(element, "defname", "security"))
      f->security_definer = pgr__flag(json_object_get(arg, "Boolean"), "boolval");
    else if (pgr__field_is(setting, "kind", "VAR_RESET_ALL"))
      f->sets_search_path = false;
    else if (pgr__field_is(setting, "name", "search_path"))
      f->sets_search_path =
          !pgr__field_is(setting, "kind", "VAR_RESET") && !pgr__field_is(setting, "kind", "VAR_SET_DEFAULT");
  }
}

/* A comment outlives CREATE OR REPLACE. */
static void make_function(maker *m, const pgr__piece *piece) {
  pgr_made_function f = {.offset = piece->offset};
  read_name(m, json_object_get(piece->node, "funcname"), &f.schema, &f.name);
  char *arguments = arguments_of(m, json_object_get(piece->node, "parameters"));
  read_options(m, json_object_get(piece->node, "options"), &f);
  if (!f.language) f.language = "sql";
  if (m->no_memory || (f.body && pgr__body_read(piece->text, m->arena, &f))) {
    m->no_memory = true;
    return;
  }
  if (!f.body) f.body = "";
  made_function *before = find_function(m, f.schema, f.name, arguments);
  if (before) {
    f.comment = before->f.comment;
    before->dropped = true;
  }
  made_function *list = grow(m, m->functions, m->function_count, &m->function_cap, sizeof *list);
  if (!list) return;
  m->functions = list;
  list[m->function_count++] = (made_function){.f = f, .arguments = arguments};
}

static void alter_function(maker *m, const pgr__piece *piece) {
  made_function *f = named_function(m, json_object_get(piece->node, "func"));
  if (f) read_options(m, json_object_get(piece->node, "actions"), &f->f);
}

/* ---- triggers ---- */

static made_trigger *find_trigger(maker *m, const char *schema, const char *table, const char *name) {
  for (size_t i = m->trigger_count; i > 0; i--) {
    made_trigger *t = &m->triggers[i - 1];
    if (!t->dropped && same_text(t->t.schema, schema) && same_text(t->t.table, table) && same_text(t->t.name, name))
      return t;
  }
  return NULL;
}

/* The trigger that [catalog.][schema.]table.trigger names. */
static made_trigger *named_trigger(maker *m, const json_t *names) {
  size_t count = json_array_size(pgr__list(names));
  if (count < 2) return NULL;
  return find_trigger(m, count > 2 ? pgr__string_at(names, count - 3) : NULL, pgr__string_at(names, count - 2),
                      pgr__string_at(names, count - 1));
}

/* What stands between the parentheses after WHEN, which is a reserved word. */
static const char *condition_of(maker *m, const pgr__piece *p) {
  size_t i = 0, depth = 0;
  while (i < p->token_count && !pgr__token_is(p, i, "when"))
    i++;
  size_t open = i + 1;
  for (i = open; i < p->token_count; i++) {
    if (pgr__token_is(p, i, "(")) depth++;
    if (pgr__token_is(p, i, ")") && --depth == 0) break;
    if (depth == 0) return NULL;
  }
  if (i >= p->token_count) return NULL;
  size_t start = p->tokens[open].end, end = p->tokens[i].start;
  while (start < end && strchr(" \t\r\n\f\v", p->text[start]))
    start++;
  while (end > start && strchr(" \t\r\n\f\v", p->text[end - 1]))
    end--;
  char *text = pgr_arena_alloc(m->arena, end - start + 1);
  m->no_memory |= !text;
  if (text) memcpy(text, p->text + start, end - start);
  return text;
}

static void read_columns(maker *m, const json_t *columns, pgr_made_trigger *t) {
  size_t count = json_array_size(columns);
  const char **at = count ? pgr_arena_alloc(m->arena, count * sizeof *at) : NULL;
  m->no_memory |= count && !at;
  for (size_t i = 0; at && i < count; i++)
    at[i] = keep(m, pgr__string_at(columns, i));
  t->columns = at;
  t->column_count = at ? count : 0;
}

/* Bits of pg_trigger.tgtype, as the tree has them. Source: catalog/pg_trigger.h. */
enum {
  BITS_BEFORE = 1 << 1,
  BITS_INSERT = 1 << 2,
  BITS_DELETE = 1 << 3,
  BITS_UPDATE = 1 << 4,
  BITS_TRUNCATE = 1 << 5,
  BITS_INSTEAD = 1 << 6
};

static void make_trigger(maker *m, const pgr__piece *piece) {
  const json_t *node = piece->node, *relation = json_object_get(node, "relation");
  json_int_t timing = json_integer_value(json_object_get(node, "timing"));
  json_int_t events = json_integer_value(json_object_get(node, "events"));
  pgr_made_trigger t = {.name = keep(m, pgr__field(node, "trigname")),
                        .schema = keep(m, pgr__field(relation, "schemaname")),
                        .table = keep(m, pgr__field(relation, "relname")),
                        .before = timing & BITS_BEFORE,
                        .after = !(timing & (BITS_BEFORE | BITS_INSTEAD)),
                        .row = pgr__flag(node, "row"),
                        .inserts = events & BITS_INSERT,
                        .updates = events & BITS_UPDATE,
                        .deletes = events & BITS_DELETE,
                        .truncates = events & BITS_TRUNCATE,
                        .replaces = pgr__flag(node, "replace"),
                        .constraint = pgr__flag(node, "isconstraint"),
                        .offset = piece->offset};
  read_name(m, json_object_get(node, "funcname"), &t.function_schema, &t.function);
  read_columns(m, json_object_get(node, "columns"), &t);
  if (json_object_get(node, "whenClause")) t.when = condition_of(m, piece);
  made_trigger *before = find_trigger(m, t.schema, t.table, t.name);
  if (before) {
    t.comment = before->t.comment;
    before->dropped = true;
  }
  made_trigger *list = grow(m, m->triggers, m->trigger_count, &m->trigger_cap, sizeof *list);
  if (!list) return;
  m->triggers = list;
  list[m->trigger_count++] = (made_trigger){.t = t};
}

/* ---- comments and drops ---- */

static bool is_function_type(const char *type) {
  return type && (strcmp(type, "OBJECT_FUNCTION") == 0 || strcmp(type, "OBJECT_PROCEDURE") == 0 ||
                  strcmp(type, "OBJECT_ROUTINE") == 0);
}

static void read_comment(maker *m, const pgr__piece *piece) {
  const json_t *object = json_object_get(piece->node, "object");
  const char *type = pgr__field(piece->node, "objtype"), *comment = pgr__field(piece->node, "comment");
  made_function *f = is_function_type(type) ? named_function(m, json_object_get(object, "ObjectWithArgs")) : NULL;
  made_trigger *t = type && strcmp(type, "OBJECT_TRIGGER") == 0 ? named_trigger(m, object) : NULL;
  if (f) f->f.comment = keep(m, comment);
  if (t) t->t.comment = keep(m, comment);
}

static void read_drop(maker *m, const pgr__piece *piece) {
  const char *type = pgr__field(piece->node, "removeType");
  const json_t *object;
  size_t i;
  json_array_foreach(json_object_get(piece->node, "objects"), i, object) {
    made_function *f = is_function_type(type) ? named_function(m, json_object_get(object, "ObjectWithArgs")) : NULL;
    made_trigger *t = type && strcmp(type, "OBJECT_TRIGGER") == 0 ? named_trigger(m, object) : NULL;
    if (f) f->dropped = true;
    if (t) t->dropped = true;
  }
}

/* ---- pgr_objects_read ---- */

static pgr_code read_piece(void *context, const pgr__piece *piece) {
  static const struct {
    const char *kind;
    void (*read)(maker *m, const pgr__piece *piece);
  } kinds[] = {{"CreateFunctionStmt", make_function},
               {"AlterFunctionStmt", alter_function},
               {"CreateTrigStmt", make_trigger},
               {"CommentStmt", read_comment},
               {"DropStmt", read_drop}};
  maker *m = context;
  for (size_t i = 0; piece->kind && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(piece->kind, kinds[i].kind) == 0) kinds[i].read(m, piece);
  return m->no_memory ? PGR_ENOMEM : PGR_OK;
}

static pgr_code hand_over(maker *m, pgr_objects *out) {
  pgr_made_function *functions = pgr_arena_alloc(m->arena, (m->function_count + 1) * sizeof *functions);
  pgr_made_trigger *triggers = pgr_arena_alloc(m->arena, (m->trigger_count + 1) * sizeof *triggers);
  if (!functions || !triggers) return PGR_ENOMEM;
  for (size_t i = 0; i < m->function_count; i++)
    if (!m->functions[i].dropped) functions[out->function_count++] = m->functions[i].f;
  for (size_t i = 0; i < m->trigger_count; i++)
    if (!m->triggers[i].dropped) triggers[out->trigger_count++] = m->triggers[i].t;
  out->functions = functions;
  out->triggers = triggers;
  return PGR_OK;
}

pgr_code pgr_objects_read(const pgr_source *source, pgr_arena *arena, pgr_objects *out, pgr_faults *faults,
                          pgr_err *err) {
  maker m = {.arena = arena};
  *out = (pgr_objects){0};
  pgr_code code = pgr__pieces(source, faults, read_piece, &m);
  if (!code) code = hand_over(&m, out);
  return code ? pgr_fail(err, code, "out of memory") : PGR_OK;
}
