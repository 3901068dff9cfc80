/* The same page as a document, for the report and for programs: docs/result.md. */
#include "schema_doc_internal.h"

#include "pgr_mem.h"
#include "pgr_names.h"
#include "pgr_rule_text.h"
#include <jansson.h>
#include <string.h>

enum { FORMAT = 1 };

/* ---- values; each is NULL without memory, which jansson hands on as an error ---- */

/* null for NULL. */
static json_t *text(const char *s) {
  pgr_buf clean;
  if (!s) return json_null();
  pgr_buf_init(&clean, 0);
  pgr__doc_clean(s, true, &clean);
  json_t *value = clean.failed ? NULL : json_string(pgr_buf_text(&clean));
  pgr_buf_deinit(&clean);
  return value;
}

/* What was made in the buffer, whose end this is. */
static json_t *taken(pgr_buf *made) {
  json_t *value = made->failed ? NULL : text(pgr_buf_text(made));
  pgr_buf_deinit(made);
  return value;
}

static json_t *qualified(const char *schema, const char *name, const char *after) {
  pgr_buf made;
  pgr_buf_init(&made, 0);
  pgr_sql_qualified(schema, name, &made);
  pgr_buf_adds(&made, after);
  return taken(&made);
}

/* Puts it in, and notes when that was not possible. value: taken over. */
static void set(json_t *o, const char *key, json_t *value, bool *ok) {
  if (json_object_set_new(o, key, value)) *ok = false;
}

static void add(json_t *list, json_t *value, bool *ok) {
  if (json_array_append_new(list, value)) *ok = false;
}

/* ---- the rule ---- */

static json_t *state(pgr_state s) {
  pgr_buf made;
  pgr_buf_init(&made, 0);
  pgr_state_words(s, &made);
  return taken(&made);
}

static json_t *column(const pgr_rule_column *c, bool *ok) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(c, states);
  json_t *o = json_object(), *names = json_array(), *allowed = json_array();
  json_t *begins = c->begins_ruled ? json_array() : json_null();
  pgr_buf made;
  for (int i = 0; i < count; i++) {
    json_t *row = json_array();
    add(names, state(states[i]), ok);
    for (int k = 0; k < count; k++)
      add(row, json_boolean(pgr_rule_allows(c, states[i], states[k])), ok);
    add(allowed, row, ok);
    if (c->begins_ruled) add(begins, json_boolean(pgr_rule_allows_begin(c, states[i])), ok);
  }
  set(o, "name", text(c->name), ok);
  pgr_buf_init(&made, 0);
  pgr_rule_write_allow(c, &made);
  set(o, "allow", taken(&made), ok);
  if (c->begins_ruled) {
    pgr_buf_init(&made, 0);
    pgr_rule_write_begin(c, &made);
  }
  set(o, "insert", c->begins_ruled ? taken(&made) : json_null(), ok);
  set(o, "states", names, ok);
  set(o, "allowed", allowed, ok);
  set(o, "begins", begins, ok);
  return o;
}

static json_t *rule(const pgr_rule *r, bool *ok) {
  json_t *o, *columns;
  pgr_buf words;
  if (r->column_count == 0) return json_null();
  o = json_object();
  columns = json_array();
  pgr_buf_init(&words, 0);
  pgr_rule_words(r, &words);
  set(o, "words", taken(&words), ok);
  for (int i = 0; i < r->column_count; i++)
    add(columns, column(&r->columns[i], ok), ok);
  set(o, "columns", columns, ok);
  return o;
}

/* ---- what it makes ---- */

static json_t *events(const pgr_made_trigger *t, bool *ok) {
  json_t *list = json_array();
  if (t->inserts) add(list, text("INSERT"), ok);
  if (t->updates) add(list, text("UPDATE"), ok);
  if (t->deletes) add(list, text("DELETE"), ok);
  if (t->truncates) add(list, text("TRUNCATE"), ok);
  return list;
}

static json_t *fires(const pgr_made_trigger *t, bool *ok) {
  json_t *o = json_object(), *columns = json_array();
  for (size_t i = 0; i < t->column_count; i++)
    add(columns, text(t->columns[i]), ok);
  set(o, "name", text(t->name), ok);
  set(o, "table", qualified(t->schema, t->table, ""), ok);
  set(o, "timing", text(t->before ? "BEFORE" : t->after ? "AFTER" : "INSTEAD OF"), ok);
  set(o, "events", events(t, ok), ok);
  set(o, "columns", columns, ok);
  set(o, "row", json_boolean(t->row), ok);
  set(o, "when", text(t->when), ok);
  set(o, "function", qualified(t->function_schema, t->function, "()"), ok);
  set(o, "comment", text(t->comment), ok);
  return o;
}

static json_t *all_fires(const pgr_trigger *t, bool *ok) {
  const pgr_objects *made = &pgr_trigger_latest(t)->objects;
  json_t *list = json_array();
  for (size_t i = 0; i < made->trigger_count; i++)
    add(list, fires(&made->triggers[i], ok), ok);
  return list;
}

static json_t *error(const pgr_trigger *t, bool *ok) {
  if (!pgr__doc_refuses(t)) return json_null();
  json_t *o = json_object();
  set(o, "sqlstate", text(t->rule.sqlstate), ok);
  set(o, "constraint", text(t->name), ok);
  set(o, "message", text(t->rule.message), ok);
  set(o, "field", text(t->rule.field), ok);
  set(o, "shown", text(t->rule.shown), ok);
  return o;
}

/* Of all its triggers, a line each; null for none. */
static json_t *comments(const pgr_version *v) {
  pgr_buf made;
  bool any = false;
  pgr_buf_init(&made, 0);
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const char *comment = pgr__doc_comment(v, i);
    if (!comment) continue;
    if (any) pgr_buf_adds(&made, "\n");
    pgr_buf_adds(&made, comment);
    any = true;
  }
  json_t *value = taken(&made);
  if (any) return value;
  json_decref(value);
  return json_null();
}

static json_t *versions(const pgr_triggers *triggers, const pgr_migrations *migrations, const pgr_trigger *t,
                        bool *ok) {
  json_t *list = json_array();
  char title[160];
  for (size_t i = 0; i < t->version_count; i++) {
    const pgr_version *v = &t->versions[i];
    json_t *o = json_object(), *installed = migrations ? json_array() : json_null();
    for (size_t k = 0; migrations && k < migrations->count; k++)
      if (pgr__doc_installs(triggers, &migrations->items[k], v))
        add(installed, text(pgr_migration_title(&migrations->items[k], title)), ok);
    set(o, "number", json_integer(v->number), ok);
    set(o, "file", text(v->source.name), ok);
    set(o, "comment", comments(v), ok);
    set(o, "migrations", installed, ok);
    add(list, o, ok);
  }
  return list;
}

/* ---- the document ---- */

static json_t *trigger(const pgr_triggers *triggers, const pgr_migrations *migrations, const pgr_trigger *t, bool *ok) {
  static const char *const logs[] = {
      [PGR_RULE_LOG_NONE] = "none", [PGR_RULE_LOG_SERVER] = "server", [PGR_RULE_LOG_TABLE] = "table"};
  json_t *o = json_object();
  set(o, "name", text(t->name), ok);
  set(o, "table", qualified(t->rule.schema, t->rule.table, ""), ok);
  set(o, "declaration", text(t->declaration.name), ok);
  set(o, "why", text(t->rule.why), ok);
  set(o, "rule", rule(&t->rule, ok), ok);
  set(o, "fires", all_fires(t, ok), ok);
  set(o, "error", error(t, ok), ok);
  set(o, "log", text(logs[t->rule.log]), ok);
  set(o, "versions", versions(triggers, migrations, t, ok), ok);
  set(o, "decision", text(t->rule.decision), ok);
  return o;
}

pgr_code pgr_schema_doc_json(const pgr_triggers *triggers, const pgr_migrations *migrations, pgr_buf *out,
                             pgr_err *err) {
  bool ok = true;
  json_t *document = json_object(), *list = json_array();
  for (size_t i = 0; i < triggers->count; i++)
    add(list, trigger(triggers, migrations, &triggers->items[i], &ok), &ok);
  set(document, "format", json_integer(FORMAT), &ok);
  set(document, "command", text("schema"), &ok);
  set(document, "folder", text(triggers->folder), &ok);
  set(document, "triggers", list, &ok);
  char *written = ok ? json_dumps(document, JSON_INDENT(2)) : NULL;
  json_decref(document);
  if (written) {
    pgr_buf_adds(out, written);
    pgr_buf_adds(out, "\n");
  }
  bool failed = !written || out->failed;
  free(written);
  return failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}
