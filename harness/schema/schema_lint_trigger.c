/* Lint of one trigger, by its declaration and its latest version: what its names tell, what its error carries, what it
 * can be talked into, and what it costs. */
#include "schema_lint_internal.h"

#include "pgr_rule_text.h"
#include "pgr_statements.h"
#include "schema_doc_internal.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HINT_BYTES = 480 };

/* ---- places ---- */

static pgr_place_in at_function(const pgr_source *source, const pgr_made_function *f) {
  return pgr__lint_at_word(source, f->offset, f->name);
}

static pgr_place_in at_trigger(const pgr_source *source, const pgr_made_trigger *t) {
  return pgr__lint_at_word(source, t->offset, t->name);
}

/* The RAISE of a body; the function where its body is written with escapes, and so is not found. */
static pgr_place_in at_raise(const pgr_source *source, const pgr_made_function *f, const pgr_raise *r) {
  const char *body = f->body ? strstr(source->text + f->offset, f->body) : NULL, *line = body;
  if (!body) return at_function(source, f);
  for (int i = 1; line && i < r->line; i++) {
    line = strchr(line, '\n');
    if (line) line++;
  }
  if (!line) return at_function(source, f);
  line += strspn(line, " \t\r\n");
  pgr_place_in at = pgr_place_at(source, (size_t)(line - source->text));
  at.width = (int)strcspn(line, "\r\n");
  return at;
}

/* ---- names ---- */

static const pgr_made_function *function_of(const pgr_objects *o, const pgr_made_trigger *t) {
  for (size_t i = 0; i < o->function_count; i++)
    if (strcmp(o->functions[i].name, t->function) == 0) return &o->functions[i];
  return NULL;
}

/* A function of the file that is some trigger's of it: what it raises is what an application sees. */
static bool is_of_trigger(const pgr_objects *o, const pgr_made_function *f) {
  for (size_t i = 0; i < o->trigger_count; i++)
    if (strcmp(o->triggers[i].function, f->name) == 0) return true;
  return false;
}

static bool same_text(const char *a, const char *b) {
  return a && b ? strcmp(a, b) == 0 : !a && !b;
}

/* Another folder's trigger that calls the same function; NULL: none. */
static const char *other_user(const pgr__lint *l, const pgr_trigger *t, const pgr_made_trigger *made) {
  const pgr_triggers *all = l->input->triggers;
  for (size_t i = 0; i < all->count; i++) {
    if (&all->items[i] == t) continue;
    const pgr_objects *o = &pgr_trigger_latest(&all->items[i])->objects;
    for (size_t k = 0; k < o->trigger_count; k++)
      if (strcmp(o->triggers[k].function, made->function) == 0 &&
          same_text(o->triggers[k].function_schema, made->function_schema))
        return all->items[i].name;
  }
  return NULL;
}

/* NAME, or NAME_insert and the like. */
static bool is_named_after(const char *name, const char *folder) {
  size_t len = strlen(folder);
  return strncmp(name, folder, len) == 0 && (!name[len] || name[len] == '_');
}

static void check_names(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_trigger *made) {
  pgr_place_in at = at_trigger(&v->source, made);
  const pgr_made_function *f = function_of(&v->objects, made);
  const char *other = other_user(l, t, made);
  if (!is_named_after(made->name, t->name))
    pgr__lint_add(l, PGR__LINT_WARNING, "name-ties", &v->source, at,
                  "one folder a trigger; a second one for new rows is NAME_insert",
                  "the folder of '%s' makes a trigger '%s'", t->name, made->name);
  if (!f && !other)
    pgr__lint_add(l, PGR__LINT_WARNING, "name-ties", &v->source, at,
                  "a version is complete: function, triggers, comments; then a database's version can be told",
                  "the function '%s' of trigger '%s' is not made in this file", made->function, made->name);
  if (other)
    pgr__lint_add(l, PGR__LINT_WARNING, "name-ties", &v->source, at,
                  "give each trigger a function of its own, which raises that trigger's name",
                  "the triggers '%s' and '%s' call the same function '%s': its constraint names one of them at most",
                  made->name, other, made->function);
}

static void check_function_name(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_function *f) {
  char hint[HINT_BYTES];
  if (strstr(f->name, t->name) || strstr(t->name, f->name)) return;
  snprintf(hint, sizeof hint, "a next version may call it '%.63s'; until then its comment has to name the trigger",
           t->name);
  pgr__lint_add(l, PGR__LINT_WARNING, "name-ties", &v->source, at_function(&v->source, f), hint,
                "the function '%s' is called otherwise than its trigger '%s': who finds one does not find the other",
                f->name, t->name);
}

/* ---- what is raised ---- */

/* What stands behind CONSTRAINT = in the statement, which may be no constant: TG_NAME; NULL: nothing does. */
static const char *constraint_set(const pgr_source *source, pgr_place_in at) {
  const char *p = source->text;
  for (int i = 1; i < at.line && p; i++) {
    p = strchr(p, '\n');
    if (p) p++;
  }
  size_t len = p ? strcspn(p, ";") : 0;
  for (size_t i = 0; i + 10 <= len; i++)
    if (strncasecmp(p + i, "CONSTRAINT", 10) == 0) return p + i + 10 + strspn(p + i + 10, " \t\r\n:=");
  return NULL;
}

/* The constraint is each trigger's own name, and not all that call the function are called as the folder is. */
static void check_own_name(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_function *f,
                           pgr_place_in at, const char *hint) {
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const pgr_made_trigger *made = &v->objects.triggers[i];
    if (strcmp(made->function, f->name) != 0 || strcmp(made->name, t->name) == 0) continue;
    pgr__lint_add(l, PGR__LINT_ERROR, "name-ties", &v->source, at, hint,
                  "raises TG_NAME as the constraint, which is '%s' where that trigger fires, and not '%s'", made->name,
                  t->name);
    return;
  }
}

static void check_declared_error(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, pgr_place_in at,
                                 const pgr_raise *r) {
  const pgr_rule *rule = &t->rule;
  if (r->sqlstate && strcmp(r->sqlstate, rule->sqlstate) != 0 && strncmp(r->sqlstate, "23", 2) == 0)
    pgr__lint_add(l, PGR__LINT_ERROR, "name-ties", &v->source, at, "make them agree",
                  "raises SQLSTATE %s, and trigger.yaml says %s", r->sqlstate, rule->sqlstate);
  if (r->message && rule->message && strcmp(r->message, rule->message) != 0)
    pgr__lint_add(l, PGR__LINT_WARNING, "name-ties", &v->source, at, "make them agree",
                  "raises '%.120s', and trigger.yaml says '%.120s'", r->message, rule->message);
}

static void check_raise(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_function *f,
                        const pgr_raise *r) {
  pgr_place_in at = at_raise(&v->source, f, r);
  char hint[HINT_BYTES];
  if (r->sqlstate && strncmp(r->sqlstate, "23", 2) != 0)
    pgr__lint_add(l, PGR__LINT_ERROR, "sqlstate-class", &v->source, at,
                  "USING ERRCODE = 'check_violation': drivers and frameworks map class 23 to a field's error",
                  "raises SQLSTATE %s, which no driver takes for a broken constraint", r->sqlstate);
  snprintf(hint, sizeof hint, "USING CONSTRAINT = '%.63s': by that name an application finds what to show", t->name);
  const char *set = constraint_set(&v->source, at);
  if (!r->constraint && set && strncasecmp(set, "TG_NAME", 7) == 0)
    check_own_name(l, t, v, f, at, hint);
  else if (!r->constraint && !set)
    pgr__lint_add(l, PGR__LINT_ERROR, "constraint-set", &v->source, at, hint, "raises an error without a constraint");
  else if (r->constraint && strcmp(r->constraint, t->name) != 0)
    pgr__lint_add(l, PGR__LINT_ERROR, "name-ties", &v->source, at, hint,
                  "raises the constraint '%s', and the trigger is '%s'", r->constraint, t->name);
  check_declared_error(l, t, v, at, r);
}

/* What cannot be read raises nothing as far as one can see. */
static bool is_read(const pgr_made_function *f) {
  return strcasecmp(f->language, "plpgsql") == 0 &&
         (f->raise_count > 0 || !f->body || !strcasestr(f->body, "RAISE EXCEPTION"));
}

static void check_raises(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_function *f) {
  if (!is_read(f))
    pgr__lint_add(l, PGR__LINT_WARNING, "not-parsed", &v->source, at_function(&v->source, f),
                  "lint knows plpgsql that PostgreSQL 15 takes; a scenario shows what this one does",
                  "what the function '%s' raises is not known: its %s cannot be read", f->name, f->language);
  for (size_t i = 0; i < f->raise_count; i++)
    if (!pgr__lint_is_caught(f->body, f->raises[i].line)) check_raise(l, t, v, f, &f->raises[i]);
}

/* ---- functions ---- */

static void check_search_path(pgr__lint *l, const pgr_version *v, const pgr_made_function *f) {
  if (f->sets_search_path) return;
  if (f->security_definer)
    pgr__lint_add(l, PGR__LINT_ERROR, "search-path", &v->source, at_function(&v->source, f),
                  "SET search_path = pg_catalog, pg_temp",
                  "the function '%s' is SECURITY DEFINER without SET search_path: whoever may create a function runs "
                  "his own with its owner's rights",
                  f->name);
  else if (f->compares)
    pgr__lint_add(
        l, PGR__LINT_WARNING, "search-path", &v->source, at_function(&v->source, f),
        "compare in WHEN, which is resolved when the trigger is made, or SET search_path = pg_catalog, pg_temp",
        "what the function '%s' compares with is found by the search_path of the session that writes", f->name);
}

static void check_function(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_function *f) {
  char hint[HINT_BYTES];
  if (!f->comment) {
    snprintf(hint, sizeof hint, "COMMENT ON FUNCTION %.63s() IS 'Trigger %.63s: what it forbids, and why'", f->name,
             t->name);
    pgr__lint_add(l, PGR__LINT_WARNING, "comment-missing", &v->source, at_function(&v->source, f), hint,
                  "the function '%s' has no comment: \\df+ says nothing of it", f->name);
  }
  check_search_path(l, v, f);
  if (!is_of_trigger(&v->objects, f)) return;
  check_function_name(l, t, v, f);
  check_raises(l, t, v, f);
}

/* ---- triggers ---- */

static void check_comment(pgr__lint *l, const pgr_version *v, const pgr_made_trigger *made) {
  char hint[HINT_BYTES];
  if (made->comment) return;
  snprintf(hint, sizeof hint, "COMMENT ON TRIGGER %.63s ON %.63s IS 'what it forbids, and why'", made->name,
           made->table);
  pgr__lint_add(l, PGR__LINT_WARNING, "comment-missing", &v->source, at_trigger(&v->source, made), hint,
                "the trigger '%s' has no comment", made->name);
}

/* One line of a condition as it was written. */
static void add_condition(const char *text, size_t len, char *out, size_t bytes) {
  size_t used = 0;
  for (size_t i = 0; i < len && used + 1 < bytes; i++) {
    bool blank = strchr(" \t\r\n", text[i]) != NULL;
    if (blank && used > 0 && out[used - 1] == ' ') continue;
    out[used++] = blank ? ' ' : text[i];
  }
  out[used] = '\0';
}

static void check_when(pgr__lint *l, const pgr_version *v, const pgr_made_trigger *made) {
  const pgr_made_function *f = function_of(&v->objects, made);
  const char *condition = NULL;
  size_t len = 0;
  char text[HINT_BYTES / 2], hint[HINT_BYTES];
  if (!made->row || made->when || !f || !pgr__lint_first_if(f, made, &condition, &len)) return;
  add_condition(condition, len, text, sizeof text);
  snprintf(hint, sizeof hint, "FOR EACH ROW WHEN (%s)", len < sizeof text ? text : "…");
  pgr__lint_add(l, PGR__LINT_WARNING, "when-possible", &v->source, at_trigger(&v->source, made), hint,
                "'%s' calls its function for every row, which first asks what WHEN could ask", made->name);
}

/* ---- running again ---- */

static bool continues_name(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '$' || (c & 0x80);
}

/* As words of their own: keep is not in keep_insert. */
static bool contains(const pgr_source *source, const pgr_sql_statement *s, const char *text) {
  const char *begin = source->text + s->offset;
  size_t len = strlen(text);
  for (size_t i = 0; i + len <= s->len; i++)
    if (strncasecmp(begin + i, text, len) == 0 && (i == 0 || !continues_name(begin[i - 1])) &&
        (i + len == s->len || !continues_name(begin[i + len])))
      return true;
  return false;
}

/* DROP TRIGGER IF EXISTS of it stands before. */
static bool is_dropped_before(const pgr_source *source, const pgr_sql_statements *all, const char *what,
                              const char *name, size_t offset) {
  for (size_t i = 0; i < all->count && all->items[i].offset < offset; i++)
    if (strcmp(all->items[i].what, what) == 0 && contains(source, &all->items[i], "IF EXISTS") &&
        contains(source, &all->items[i], name))
      return true;
  return false;
}

static const pgr_sql_statement *statement_at(const pgr_sql_statements *all, size_t offset) {
  for (size_t i = 0; i < all->count; i++)
    if (offset >= all->items[i].offset && offset < all->items[i].offset + all->items[i].len) return &all->items[i];
  return NULL;
}

static bool made_before(const pgr_trigger *t, const char *trigger) {
  for (size_t i = 0; i + 1 < t->version_count; i++)
    for (size_t k = 0; k < t->versions[i].objects.trigger_count; k++)
      if (strcmp(t->versions[i].objects.triggers[k].name, trigger) == 0) return true;
  return false;
}

static void check_replaces(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_sql_statements *all) {
  const pgr_objects *o = &v->objects;
  for (size_t i = 0; i < o->trigger_count; i++) {
    const pgr_made_trigger *made = &o->triggers[i];
    char hint[HINT_BYTES];
    if (made->replaces || is_dropped_before(&v->source, all, "DROP TRIGGER", made->name, made->offset)) continue;
    if (made->constraint)
      snprintf(hint, sizeof hint, "DROP TRIGGER IF EXISTS %.63s ON %.63s; before it", made->name, made->table);
    else
      snprintf(hint, sizeof hint, "CREATE OR REPLACE TRIGGER (PostgreSQL 14)");
    pgr__lint_add(l, made_before(t, made->name) ? PGR__LINT_ERROR : PGR__LINT_WARNING, "replaces", &v->source,
                  at_trigger(&v->source, made), hint, "'%s' cannot be made where another version of it stands",
                  made->name);
  }
  for (size_t i = 0; i < o->function_count; i++) {
    const pgr_made_function *f = &o->functions[i];
    const pgr_sql_statement *s = statement_at(all, f->offset);
    if (!s ||
        contains(&v->source, &(pgr_sql_statement){.offset = s->offset, .len = s->len < 40 ? s->len : 40}, "REPLACE"))
      continue;
    pgr__lint_add(l, PGR__LINT_WARNING, "replaces", &v->source, at_function(&v->source, f),
                  "CREATE OR REPLACE FUNCTION", "'%s' cannot be made where another version of it stands", f->name);
  }
}

/* ---- UPDATE OF ---- */

static const pgr_rule_column *column_of(const pgr_rule *rule, const char *name) {
  for (int i = 0; i < rule->column_count; i++)
    if (strcmp(rule->columns[i].name, name) == 0) return &rule->columns[i];
  return NULL;
}

/* Some trigger of the version looks at it in every UPDATE. */
static bool sees_changes(const pgr_rule *rule, const pgr_objects *o, const char *column) {
  for (size_t i = 0; i < o->trigger_count; i++)
    if (o->triggers[i].updates && o->triggers[i].column_count == 0 && pgr__lint_watches(rule, &o->triggers[i], column))
      return true;
  return false;
}

/* Whichever trigger of the version does. */
static bool sees_column(const pgr_rule *rule, const pgr_objects *o, const char *column) {
  for (size_t i = 0; i < o->trigger_count; i++)
    if (o->triggers[i].updates && pgr__lint_watches(rule, &o->triggers[i], column)) return true;
  return false;
}

/* An UPDATE can break it; else only its beginnings are ruled. */
static bool rules_updates(const pgr_rule_column *column) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(column, states);
  if (!column->same || states[count - 1].side.kind != PGR_SIDE_ANY) return true;
  for (int i = 0; i < count; i++)
    for (int k = 0; k < count; k++)
      if (!pgr_rule_allows(column, states[i], states[k])) return true;
  return false;
}

/* Without `same` a rule is about statements that name the column: then UPDATE OF says just that. */
static bool must_see_all(const pgr_rule *rule, const pgr_objects *o, const pgr_made_trigger *made) {
  for (size_t i = 0; i < made->column_count; i++) {
    const pgr_rule_column *c = column_of(rule, made->columns[i]);
    if (!c || (c->same && !sees_changes(rule, o, c->name))) return true;
  }
  return false;
}

/* A version may have a trigger for each of its columns. Columns are missed once, at the first that looks at updates. */
static void check_update_of(pgr__lint *l, const pgr_trigger *t, const pgr_version *v) {
  const pgr_objects *o = &v->objects;
  const pgr_made_trigger *first = NULL;
  if (!pgr__doc_refuses(t)) return;
  for (size_t i = 0; i < o->trigger_count; i++) {
    const pgr_made_trigger *made = &o->triggers[i];
    if (!made->updates) continue;
    if (!first) first = made;
    if (made->column_count > 0 && must_see_all(&t->rule, o, made))
      pgr__lint_add(l, PGR__LINT_WARNING, "update-of", &v->source, at_trigger(&v->source, made),
                    "BEFORE UPDATE, with WHEN (OLD.c IS DISTINCT FROM NEW.c AND …), sees every change",
                    "UPDATE OF sees what a statement names: what another trigger changes in the row goes by");
  }
  for (int i = 0; first && i < t->rule.column_count; i++)
    if (rules_updates(&t->rule.columns[i]) && !sees_column(&t->rule, o, t->rule.columns[i].name))
      pgr__lint_add(l, PGR__LINT_ERROR, "update-of", &v->source, at_trigger(&v->source, first),
                    "name it there, or give it a trigger of its own",
                    "the rule is about '%s', which neither UPDATE OF nor WHEN names: nobody looks when it is changed",
                    t->rule.columns[i].name);
}

/* ---- what fires later ---- */

const char pgr__lint_later_hint[] =
    "triggers fire in the order of their names: a name that sorts later closes it, or an "
    "AFTER constraint trigger, which sees the row as it is stored";

bool pgr__lint_looks_before(const pgr_trigger *t, const pgr_made_trigger *made) {
  return made->before && made->row && pgr__doc_refuses(t);
}

static bool same_table(const pgr_made_trigger *a, const pgr_made_trigger *b) {
  return strcmp(a->table, b->table) == 0 && (!a->schema || !b->schema || strcmp(a->schema, b->schema) == 0);
}

/* `later` fires after `made`, for the same row. */
static bool fires_after(const pgr_made_trigger *later, const pgr_made_trigger *made) {
  return later->before && later->row && same_table(later, made) && strcmp(later->name, made->name) > 0 &&
         ((later->inserts && made->inserts) || (later->updates && made->updates));
}

/* Once for the later one, at the first trigger that it comes after and may undo. */
static void check_one_later(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_trigger *later,
                            const pgr_made_function *f) {
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const pgr_made_trigger *made = &v->objects.triggers[i];
    if (!pgr__lint_looks_before(t, made) || !fires_after(later, made)) continue;
    if (!pgr__lint_may_change(t, made, f->language, f->body)) continue;
    pgr__lint_add(l, PGR__LINT_WARNING, "later-trigger", &v->source, at_trigger(&v->source, made), pgr__lint_later_hint,
                  "'%s' fires after '%s', and may change what that has looked at", later->name, made->name);
    return;
  }
}

/* Among the folder's own. A function that is made elsewhere is not known. */
static void check_later(pgr__lint *l, const pgr_trigger *t, const pgr_version *v) {
  const pgr_triggers *all = l->input->triggers;
  for (size_t i = 0; i < all->count; i++) {
    const pgr_objects *o = &pgr_trigger_latest(&all->items[i])->objects;
    for (size_t k = 0; k < o->trigger_count; k++) {
      const pgr_made_function *f = function_of(o, &o->triggers[k]);
      if (f) check_one_later(l, t, v, &o->triggers[k], f);
    }
  }
}

/* ---- the rule and the version that was made of it ---- */

/* pgrace made it, and its function's body says so. */
static bool is_generated(const pgr_trigger *t, const pgr_version *v) {
  char mark[160];
  snprintf(mark, sizeof mark, "%.63s, version %d:", t->name, v->number);
  for (size_t i = 0; i < v->objects.function_count; i++)
    if (v->objects.functions[i].body && strstr(v->objects.functions[i].body, mark)) return true;
  return false;
}

/* That they fire alike: how texts around it are laid out may differ from one pgrace to the next. */
static bool fire_alike(const pgr_objects *a, const pgr_objects *b) {
  bool alike = a->trigger_count == b->trigger_count;
  for (size_t i = 0; alike && i < a->trigger_count; i++) {
    const pgr_made_trigger *x = &a->triggers[i], *y = &b->triggers[i];
    alike = strcmp(x->name, y->name) == 0 && same_text(x->when, y->when) && x->before == y->before &&
            x->inserts == y->inserts && x->updates == y->updates && x->column_count == y->column_count;
    for (size_t k = 0; alike && k < x->column_count; k++)
      alike = strcmp(x->columns[k], y->columns[k]) == 0;
  }
  return alike;
}

/* false: it is on another table, and nothing else need be said of its rule. */
static bool check_table(pgr__lint *l, const pgr_trigger *t, const pgr_version *v) {
  const pgr_made_trigger *made = pgr_trigger_elsewhere(t);
  const char *schema = t->rule.schema;
  char hint[HINT_BYTES];
  if (!made) return true;
  snprintf(hint, sizeof hint, "pgrace schema new version %.63s", t->name);
  pgr__lint_add(l, PGR__LINT_ERROR, "rule-edited", &t->declaration, (pgr_place_in){0}, hint,
                "'%s' is declared on %s%s%s, and version %d makes it on %s%s%s", t->name, schema ? schema : "",
                schema ? "." : "", t->rule.table, v->number, made->schema ? made->schema : "", made->schema ? "." : "",
                made->table);
  return false;
}

static void check_rule(pgr__lint *l, const pgr_trigger *t, const pgr_version *v) {
  pgr_faults faults = {0};
  pgr_objects made = {0};
  pgr_buf text;
  char hint[HINT_BYTES];
  if (l->code || t->rule.column_count == 0 || !is_generated(t, v)) return;
  pgr_buf_init(&text, 0);
  pgr_rule_write_version(&t->rule, v->number, &text);
  const pgr_source source = {"rule", pgr_buf_text(&text), text.len};
  l->code = text.failed ? pgr_fail(l->err, PGR_ENOMEM, "out of memory")
                        : pgr_objects_read(&source, l->arena, &made, &faults, l->err);
  snprintf(hint, sizeof hint, "pgrace schema new version %.63s", t->name);
  if (!l->code && faults.count == 0 && !fire_alike(&made, &v->objects))
    pgr__lint_add(l, PGR__LINT_ERROR, "rule-edited", &t->declaration, (pgr_place_in){0}, hint,
                  "the rule of '%s' is not the one that version %d was made of", t->name, v->number);
  pgr_faults_deinit(&faults);
  pgr_buf_deinit(&text);
}

/* ---- all ---- */

static void check_made(pgr__lint *l, const pgr_trigger *t, const pgr_version *v, const pgr_made_trigger *made) {
  check_names(l, t, v, made);
  check_comment(l, v, made);
  check_when(l, v, made);
}

void pgr__lint_trigger(pgr__lint *l, const pgr_trigger *t) {
  const pgr_version *v = pgr_trigger_latest(t);
  pgr_faults faults = {0};
  pgr_sql_statements all = {0};
  for (size_t i = 0; i < v->objects.function_count; i++)
    check_function(l, t, v, &v->objects.functions[i]);
  for (size_t i = 0; i < v->objects.trigger_count; i++)
    check_made(l, t, v, &v->objects.triggers[i]);
  check_update_of(l, t, v);
  check_later(l, t, v);
  if (check_table(l, t, v)) check_rule(l, t, v);
  if (!l->code) l->code = pgr_statements_read(&v->source, l->arena, &all, &faults, l->err);
  if (!l->code) check_replaces(l, t, v, &all);
  pgr_faults_deinit(&faults);
  if (!pgr__lint_is_applied(l, v)) pgr__lint_statements(l, &v->source);
}
