/* Lint of a folder: what can be told of migrations and versions, of scenarios that should know a trigger, and of a
 * database that has others. What is wrong inside of one version is in schema_lint_trigger.c. Only what a trigger is
 * now, its latest version, is found fault with: what stands in an older one has happened. */
#include "schema_lint_internal.h"

#include "installed_internal.h"
#include "pgr_statements.h"
#include "pgr_utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MESSAGE_BYTES = 480, HINT_BYTES = 480 };

static const pgr_place_in nowhere = {0};

/* ---- findings ---- */

static bool make_room(pgr__lint *l) {
  if (l->count < l->capacity) return true;
  size_t capacity = l->capacity ? 2 * l->capacity : 32;
  pgr_lint_finding *found = pgr_realloc(l->found, capacity, sizeof *found);
  if (!found) {
    l->code = pgr_fail(l->err, PGR_ENOMEM, "out of memory");
    return false;
  }
  l->found = found;
  l->capacity = capacity;
  return true;
}

void pgr__lint_add(pgr__lint *l, pgr__lint_level level, const char *check, const pgr_source *source, pgr_place_in at,
                   const char *hint, const char *fmt, ...) {
  char text[MESSAGE_BYTES], shown[MESSAGE_BYTES];
  if (l->code || !make_room(l)) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  pgr_utf8_copy(shown, sizeof shown, text);
  pgr_lint_finding f = {.check = check, .source = source, .at = at, .warning = level == PGR__LINT_WARNING};
  f.message = pgr_arena_strdup(l->arena, shown);
  if (hint) {
    char clean[HINT_BYTES];
    pgr_utf8_copy(clean, sizeof clean, hint);
    f.hint = pgr_arena_strdup(l->arena, clean);
  }
  if (!f.message || (hint && !f.hint))
    l->code = pgr_fail(l->err, PGR_ENOMEM, "out of memory");
  else
    l->found[l->count++] = f;
}

pgr_place_in pgr__lint_at_word(const pgr_source *source, size_t offset, const char *word) {
  const char *found = *word ? strstr(source->text + offset, word) : NULL;
  pgr_place_in at = pgr_place_at(source, found ? (size_t)(found - source->text) : offset);
  if (found) at.width = (int)strlen(word);
  return at;
}

/* ---- statements ---- */

/* libpg_query speaks PostgreSQL 15: a newer server may well know what it does not. */
static void add_not_parsed(pgr__lint *l, const pgr_source *source, const pgr_faults *faults) {
  const pgr_fault *first = &faults->kept[0];
  pgr_place_in at = nowhere;
  size_t name = strlen(source->name);
  const char *message = first->text ? first->text : "out of memory";
  if (strncmp(message, source->name, name) == 0 && message[name] == ':') {
    message += name + 1;
    char *rest;
    long line = strtol(message, &rest, 10);
    if (line > 0 && *rest == ':') {
      at = (pgr_place_in){.line = (int)line, .column = (int)strtol(rest + 1, &rest, 10), .width = 1};
      message = *rest == ':' ? rest + 1 : rest;
    }
    message += strspn(message, " ");
  }
  pgr__lint_add(l, PGR__LINT_WARNING, "not-parsed", source, at,
                "nothing else is said of this file; PostgreSQL 15's grammar is what lint knows", "cannot be parsed: %s",
                message);
}

/* What an ACCESS EXCLUSIVE lock does to a table that is in use. */
static void check_lock(pgr__lint *l, const pgr_source *source, const pgr_sql_statement *s, const pgr_lock *lock) {
  const char *hint = strcmp(s->what, "DROP TRIGGER") == 0
                         ? "CREATE OR REPLACE TRIGGER (PostgreSQL 14) needs no DROP before it, and lets readers go on"
                         : "its lock waits for every transaction that uses the table, and all that come later wait "
                           "for it; --lock-timeout makes it give up";
  pgr_place_in at = pgr_place_at(source, s->offset);
  at.width = (int)strlen(s->what);
  pgr__lint_add(l, PGR__LINT_WARNING, "lock", source, at, hint, "%s takes %s on '%s': it keeps %s waiting", s->what,
                pgr_lock_mode_name(lock->mode), lock->relation, pgr_lock_mode_blocks(lock->mode));
}

void pgr__lint_statements(pgr__lint *l, const pgr_source *source) {
  pgr_faults faults = {0};
  pgr_sql_statements all = {0};
  pgr_code code = l->code ? l->code : pgr_statements_read(source, l->arena, &all, &faults, l->err);
  if (code) {
    l->code = code;
  } else {
    if (faults.count) add_not_parsed(l, source, &faults);
    for (size_t i = 0; i < all.count; i++)
      for (size_t k = 0; k < all.items[i].lock_count; k++) {
        const pgr_lock *lock = &all.items[i].locks[k];
        if (lock->mode != PGR_LOCK_ACCESS_EXCLUSIVE || !lock->relation) continue;
        check_lock(l, source, &all.items[i], lock);
        break;
      }
  }
  pgr_faults_deinit(&faults);
}

/* ---- versions ---- */

static bool installs(const pgr__lint *l, const pgr_migration *m, const pgr_version *version) {
  const pgr_trigger *t;
  const pgr_version *v;
  for (size_t i = 0; i < m->up.part_count; i++)
    if (pgr_triggers_of_part(l->input->triggers, &m->up.parts[i], &t, &v) && v == version) return true;
  return false;
}

static bool is_installed(const pgr__lint *l, const pgr_version *version) {
  const pgr_migrations *all = l->input->migrations;
  for (size_t i = 0; i < all->count; i++)
    if (installs(l, &all->items[i], version)) return true;
  return false;
}

/* As the database says; without one nothing is. */
static bool is_applied(const pgr__lint *l, const pgr_migration *m) {
  for (size_t i = 0; i < l->standing_count; i++)
    if (l->standing[i].migration == m)
      return l->standing[i].state == PGR_STANDING_APPLIED || l->standing[i].state == PGR_STANDING_CHANGED;
  return false;
}

bool pgr__lint_is_applied(const pgr__lint *l, const pgr_version *version) {
  const pgr_migrations *all = l->input->migrations;
  for (size_t i = 0; i < all->count; i++)
    if (is_applied(l, &all->items[i]) && installs(l, &all->items[i], version)) return true;
  return false;
}

static void check_versions(pgr__lint *l, const pgr_trigger *t) {
  for (size_t i = 0; i < t->version_count; i++) {
    const pgr_version *v = &t->versions[i];
    bool latest = i + 1 == t->version_count;
    char hint[HINT_BYTES];
    snprintf(hint, sizeof hint, "write a migration that says: \\ir triggers/%s/v%d.sql", t->name, v->number);
    if (!is_installed(l, v))
      pgr__lint_add(l, latest ? PGR__LINT_ERROR : PGR__LINT_WARNING, "version-not-installed", &v->source, nowhere, hint,
                    "no migration installs version %d of '%s'%s", v->number, t->name,
                    latest ? ": no database will have it" : "");
    for (size_t k = 0; k < i; k++)
      if (t->versions[k].source.len_bytes == v->source.len_bytes &&
          memcmp(t->versions[k].source.text, v->source.text, v->source.len_bytes) == 0)
        pgr__lint_add(l, PGR__LINT_WARNING, "version-duplicated", &v->source, nowhere,
                      "a migration may install an older version again: \\ir takes any",
                      "version %d of '%s' says what version %d says", v->number, t->name, t->versions[k].number);
  }
}

/* ---- scenarios ---- */

static void check_scenario(pgr__lint *l, const pgr_trigger *t) {
  const pgr_lint_input *input = l->input;
  if (!input->declared) return;
  if (input->contested && t->rule.column_count > 0 && !input->contested(&t->rule)) return;
  for (size_t i = 0; i < input->declared_count; i++)
    if (strcmp(input->declared[i].constraint, t->name) == 0) return;
  pgr__lint_add(l, PGR__LINT_WARNING, "scenario-missing", &t->declaration, nowhere,
                "list it among the rejections of one, or let pgrace schema new transition write one",
                "no scenario declares the constraint '%s': nobody has raced what it forbids", t->name);
}

/* ---- migrations ---- */

/* Triggers that a migration makes itself, of which no folder tells. */
static void check_undeclared(pgr__lint *l, const pgr_source *part) {
  pgr_faults faults = {0};
  pgr_objects made = {0};
  pgr_code code = l->code ? l->code : pgr_objects_read(part, l->arena, &made, &faults, l->err);
  if (code) l->code = code;
  for (size_t i = 0; i < made.trigger_count; i++)
    pgr__lint_add(l, PGR__LINT_WARNING, "unknown-trigger", part,
                  pgr__lint_at_word(part, made.triggers[i].offset, made.triggers[i].name),
                  "put its SQL into a folder of its own, triggers/NAME/v1.sql, and include that: \\ir",
                  "no folder declares the trigger '%s': its next version will not be seen as one",
                  made.triggers[i].name);
  pgr_faults_deinit(&faults);
}

/* What is applied has had its locks. */
static void check_migration(pgr__lint *l, const pgr_migration *m, bool applied) {
  const pgr_trigger *t;
  const pgr_version *v;
  char title[160];
  if (!m->down.file)
    pgr__lint_add(l, PGR__LINT_WARNING, "down-missing", &m->up.parts[0], nowhere,
                  "write NUMBER_name.down.sql beside it, or leave it, if nobody is to go back behind it",
                  "migration %s has no down: pgrace schema down stops there", pgr_migration_title(m, title));
  for (size_t i = 0; i < m->up.part_count; i++) {
    const pgr_source *part = &m->up.parts[i];
    if (pgr_triggers_of_part(l->input->triggers, part, &t, &v)) continue; /* with its trigger, once */
    check_undeclared(l, part);
    if (!applied) pgr__lint_statements(l, part);
  }
}

static void check_standing(pgr__lint *l, const pgr_standing *s) {
  char title[160];
  if (s->state != PGR_STANDING_CHANGED) return;
  const pgr_source *changed = &s->migration->up.parts[0];
  const pgr_trigger *t;
  const pgr_version *v;
  for (size_t i = 0; i < s->migration->up.part_count; i++)
    if (pgr_triggers_of_part(l->input->triggers, &s->migration->up.parts[i], &t, &v))
      changed = &s->migration->up.parts[i];
  pgr__lint_add(l, PGR__LINT_ERROR, "version-edited", changed, nowhere,
                "take the edit back, and give it a version of its own: pgrace schema new version NAME",
                "was edited after migration %s had been applied: the database has what it said before",
                pgr_migration_title(s->migration, title));
}

static void check_migrations(pgr__lint *l) {
  const pgr_migrations *all = l->input->migrations;
  for (size_t i = 0; i < all->count; i++)
    check_migration(l, &all->items[i], is_applied(l, &all->items[i]));
  for (size_t i = 0; i < l->standing_count; i++)
    check_standing(l, &l->standing[i]);
}

/* ---- the database ---- */

static void check_strangers(pgr__lint *l) {
  const pgr_stranger *all = NULL;
  size_t count = 0;
  if (l->code) return;
  l->code = pgr_installed_strangers(l->input->db, l->input->triggers, l->arena, &all, &count, l->err);
  for (size_t i = 0; i < count && !l->code; i++)
    pgr__lint_add(l, PGR__LINT_WARNING, "unknown-trigger", NULL, nowhere,
                  "declare it in a folder of its own, so that its versions and its reason are seen",
                  "the database has a trigger %s on %s (function %s%s) that no folder declares", all[i].name,
                  all[i].table, all[i].function, all[i].enabled ? "" : "; disabled");
}

/* A trigger of the folder as the database has it. */
typedef struct standing_trigger {
  const pgr_trigger *t;
  const pgr_made_trigger *made; /* of the latest version */
  const char *relation;         /* OID */
} standing_trigger;

static void ask(pgr__lint *l, const char *sql, int count, const char *const *values, PGresult **rows) {
  *rows = NULL;
  if (!l->code) l->code = pgr_db_query(l->input->db, sql, count, values, rows, l->err);
}

static int rows_of(const PGresult *rows) {
  return rows ? PQntuples(rows) : 0;
}

/* What the folder makes has been compared without a database. */
static bool is_made(const pgr_triggers *all, const char *name, const char *table) {
  for (size_t i = 0; i < all->count; i++) {
    const pgr_objects *o = &pgr_trigger_latest(&all->items[i])->objects;
    for (size_t k = 0; k < o->trigger_count; k++)
      if (strcmp(o->triggers[k].name, name) == 0 && strcmp(o->triggers[k].table, table) == 0) return true;
  }
  return false;
}

/* tgtype */
enum { TYPE_INSERT = 4, TYPE_UPDATE = 16 };

/* What fires later in the database. */
typedef struct later_trigger {
  const char *name, *language, *source;
  int type;
} later_trigger;

/* It fires after `made`, for the same row, and may undo what that has seen. */
static bool may_undo(const later_trigger *later, const pgr_trigger *t, const pgr_made_trigger *made) {
  bool meets = (made->inserts && later->type & TYPE_INSERT) || (made->updates && later->type & TYPE_UPDATE);
  return meets && pgr__lint_looks_before(t, made) && strcmp(later->name, made->name) > 0 &&
         pgr__lint_may_change(t, made, later->language, later->source);
}

/* Told at the first trigger of the version that it comes after and may undo. */
static bool undoes_first(const later_trigger *later, const standing_trigger *s) {
  const pgr_made_trigger *made = pgr_trigger_latest(s->t)->objects.triggers;
  for (; made < s->made; made++)
    if (may_undo(later, s->t, made)) return false;
  return may_undo(later, s->t, s->made);
}

/* A partition may have one of its own. tgtype: 1 row, 2 before. */
static void check_later(pgr__lint *l, const standing_trigger *s) {
  static const char sql[] =
      "SELECT t.tgname, quote_ident(t.tgname), t.tgrelid::regclass, l.lanname, p.prosrc, t.tgtype"
      " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_language l ON l.oid = p.prolang"
      " WHERE (t.tgrelid = $1::oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree($1::oid::regclass)))"
      " AND t.tgparentid = 0 AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A') AND t.tgname > $2::name"
      " AND t.tgtype & 3 = 3 AND p.oid <> 'suppress_redundant_updates_trigger'::regproc"
      " ORDER BY t.tgname, 3";
  enum { NAME, SHOWN, TABLE, LANGUAGE, SOURCE, TYPE };
  const char *const values[] = {s->relation, s->made->name};
  PGresult *rows;
  if (!pgr__lint_looks_before(s->t, s->made)) return;
  ask(l, sql, 2, values, &rows);
  for (int i = 0; i < rows_of(rows); i++) {
    const later_trigger later = {.name = PQgetvalue(rows, i, NAME),
                                 .language = PQgetvalue(rows, i, LANGUAGE),
                                 .source = PQgetvalue(rows, i, SOURCE),
                                 .type = (int)strtol(PQgetvalue(rows, i, TYPE), NULL, 10)};
    if (!is_made(l->input->triggers, later.name, s->made->table) && undoes_first(&later, s))
      pgr__lint_add(l, PGR__LINT_WARNING, "later-trigger", NULL, nowhere, pgr__lint_later_hint,
                    "the trigger %s on %s fires after '%s', and may change what that has looked at",
                    PQgetvalue(rows, i, SHOWN), PQgetvalue(rows, i, TABLE), s->made->name);
  }
  PQclear(rows);
}

/* OPERATOR(app.<>), app.is_open(…): then it is meant. */
static bool is_meant(const pgr_made_trigger *made, const char *schema) {
  size_t len = strlen(schema);
  for (const char *at = made->when; at && (at = strcasestr(at, schema)); at += len)
    if (at[len] == '.' || (at[len] == '"' && at[len + 1] == '.')) return true;
  return false;
}

/* What a WHEN calls is looked up once, when the trigger is made: by whatever search_path the session had. What stands
 * in for PostgreSQL's own was found there, but for the comparisons that a type brings with it, an extension's or
 * another: they are beside it, and its owner's. What PostgreSQL came with is in no pg_depend. */
static void check_operators(pgr__lint *l, const standing_trigger *s) {
  static const char sql[] =
      "WITH used(classid, oid, shown, schema, arguments, owner, own) AS ("
      " SELECT 'pg_operator'::regclass, o.oid, o.oid::regoperator::text, o.oprnamespace, ARRAY[o.oprleft, o.oprright],"
      "  o.oprowner, EXISTS (SELECT FROM pg_operator b WHERE b.oprname = o.oprname"
      "   AND b.oprnamespace = 'pg_catalog'::regnamespace) FROM pg_operator o"
      " UNION ALL SELECT 'pg_proc'::regclass, p.oid, p.oid::regprocedure::text, p.pronamespace, p.proargtypes::oid[],"
      "  p.proowner, EXISTS (SELECT FROM pg_proc b WHERE b.proname = p.proname"
      "   AND b.pronamespace = 'pg_catalog'::regnamespace) FROM pg_proc p)"
      " SELECT t.tgrelid::regclass, u.shown, n.nspname FROM pg_trigger t JOIN pg_depend d"
      " ON d.classid = 'pg_trigger'::regclass AND d.objid = t.oid"
      " JOIN used u ON u.classid = d.refclassid AND u.oid = d.refobjid JOIN pg_namespace n ON n.oid = u.schema"
      " WHERE t.tgrelid = $1::oid AND t.tgname = $2 AND NOT t.tgisinternal AND u.own"
      " AND n.nspname <> 'pg_catalog' AND NOT (u.classid = 'pg_proc'::regclass AND u.oid = t.tgfoid)"
      " AND NOT EXISTS (SELECT FROM pg_type y WHERE y.oid = ANY (u.arguments) AND y.typtype = 'b'"
      "  AND y.typnamespace = u.schema AND y.typowner = u.owner)"
      " ORDER BY u.shown";
  enum { TABLE, SHOWN, SCHEMA };
  const char *const values[] = {s->relation, s->made->name};
  PGresult *rows;
  ask(l, sql, 2, values, &rows);
  for (int i = 0; i < rows_of(rows); i++)
    if (!is_meant(s->made, PQgetvalue(rows, i, SCHEMA)))
      pgr__lint_add(l, PGR__LINT_ERROR, "operator", NULL, nowhere,
                    "install its version again with a search_path that does not find that one, and ask who made it",
                    "the trigger '%s' on %s decides by %s, which is not PostgreSQL's: a search_path bent the rule when "
                    "it was installed",
                    s->made->name, PQgetvalue(rows, i, TABLE), PQgetvalue(rows, i, SHOWN));
  PQclear(rows);
}

/* Only where a subscription writes the table: elsewhere nobody need know. */
static void check_replica(pgr__lint *l, const standing_trigger *s) {
  static const char sql[] = "SELECT t.tgrelid::regclass, quote_ident(t.tgname) FROM pg_trigger t"
                            " WHERE t.tgrelid = $1::oid AND t.tgname = $2 AND NOT t.tgisinternal AND t.tgenabled = 'O'"
                            " AND EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srrelid = t.tgrelid)";
  const char *const values[] = {s->relation, s->made->name};
  char hint[HINT_BYTES];
  PGresult *rows;
  ask(l, sql, 2, values, &rows);
  for (int i = 0; i < rows_of(rows); i++) {
    snprintf(hint, sizeof hint,
             "ALTER TABLE %.130s ENABLE ALWAYS TRIGGER %.130s: then a row that breaks the rule stops the subscription",
             PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
    pgr__lint_add(l, PGR__LINT_WARNING, "replica", NULL, nowhere, hint,
                  "a subscription writes %s, and the trigger '%s' does not fire for what it brings",
                  PQgetvalue(rows, i, 0), s->made->name);
  }
  PQclear(rows);
}

/* Tables are found by the session's search path, everything else with pg_catalog alone in it. */
static void check_standing_trigger(pgr__lint *l, const pgr_trigger *t, const pgr_made_trigger *made) {
  pgr_db *db = l->input->db;
  pgr__look look;
  pgr__relation relation;
  if (!l->code) l->code = pgr__look_begin(&look, db, l->err);
  if (l->code) return;
  l->code = pgr__relation_find(db, made->schema, made->table, &relation, l->err);
  if (!l->code) l->code = pgr_db_exec(db, "SET LOCAL search_path = pg_catalog", l->err);
  if (!l->code && *relation.oid) {
    const standing_trigger s = {t, made, relation.oid};
    check_later(l, &s);
    check_operators(l, &s);
    check_replica(l, &s);
  }
  l->code = pgr__look_end(&look, l->code, l->err);
}

static void check_database(pgr__lint *l) {
  const pgr_triggers *all = l->input->triggers;
  check_strangers(l);
  for (size_t i = 0; i < all->count; i++) {
    const pgr_objects *o = &pgr_trigger_latest(&all->items[i])->objects;
    for (size_t k = 0; k < o->trigger_count; k++)
      check_standing_trigger(l, &all->items[i], &o->triggers[k]);
  }
}

/* ---- all ---- */

static int by_place(const void *a, const void *b) {
  const pgr_lint_finding *x = a, *y = b;
  if (!x->source != !y->source) return x->source ? -1 : 1;
  int order = x->source ? strcmp(x->source->name, y->source->name) : 0;
  if (!order) order = (x->at.line > y->at.line) - (x->at.line < y->at.line);
  if (!order) order = (x->at.column > y->at.column) - (x->at.column < y->at.column);
  if (!order) order = x->warning - y->warning;
  if (!order) order = strcmp(x->check, y->check);
  return order ? order : strcmp(x->message, y->message);
}

/* Sorted, in the arena. */
static pgr_code hand_over(pgr__lint *l, const pgr_lint_finding **out, size_t *count) {
  pgr_lint_finding *kept = pgr_arena_alloc(l->arena, (l->count + 1) * sizeof *kept);
  if (!kept) return pgr_fail(l->err, PGR_ENOMEM, "out of memory");
  if (l->count) {
    qsort(l->found, l->count, sizeof *l->found, by_place);
    memcpy(kept, l->found, l->count * sizeof *kept);
  }
  *out = kept;
  *count = l->count;
  return PGR_OK;
}

static void check_all(pgr__lint *l) {
  const pgr_triggers *triggers = l->input->triggers;
  for (size_t i = 0; i < triggers->count; i++) {
    pgr__lint_trigger(l, &triggers->items[i]);
    check_versions(l, &triggers->items[i]);
    check_scenario(l, &triggers->items[i]);
  }
  check_migrations(l);
  if (l->input->db) check_database(l);
}

pgr_code pgr_schema_lint(const pgr_lint_input *input, pgr_arena *arena, const pgr_lint_finding **out, size_t *count,
                         pgr_err *err) {
  pgr__lint l = {.input = input, .arena = arena, .err = err};
  pgr_journal *journal = NULL;
  const pgr_journal_options options = {.changes = false};
  *out = NULL;
  *count = 0;
  if (input->db) l.code = pgr_journal_open(input->db, &options, &journal, err);
  if (journal) l.code = pgr_journal_compare(journal, input->migrations, &l.standing, &l.standing_count, err);
  if (!l.code) check_all(&l);
  if (!l.code) l.code = hand_over(&l, out, count);
  pgr_journal_close(journal);
  pgr_free(l.found);
  return l.code;
}
