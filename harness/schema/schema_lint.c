/* Lint of a folder: what can be told of migrations and versions, of scenarios that should know a trigger, and of a
 * database that has others. What is wrong inside of one version is in schema_lint_trigger.c. Only what a trigger is
 * now, its latest version, is found fault with: what stands in an older one has happened. */
#include "schema_lint_internal.h"

#include "pgr_installed.h"
#include "pgr_journal.h"
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
  if (!l->input->declared) return;
  for (size_t i = 0; i < l->input->declared_count; i++)
    if (strcmp(l->input->declared[i].constraint, t->name) == 0) return;
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
  if (l->input->db) check_strangers(l);
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
