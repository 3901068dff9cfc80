/* Which version a trigger is, and what of it is otherwise than when it was installed: in words, the weightiest alone.
 * Invariant: what can be told without a record is told without one. */
#include "installed_internal.h"

#include "pgr_names.h"
#include "pgr_utf8.h"
#include <string.h>

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

/* ---- which version it is ---- */

static bool is_there(const pgr__found_trigger *f) {
  return *f->oid != '\0';
}

static bool makes(const pgr_version *v, const pgr__found_trigger *f, const pgr__looking *l) {
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const pgr__found_trigger *made = pgr__found_trigger_of(l, &v->objects.triggers[i]);
    if (made == f || made->same == f || f->same == made) return true;
  }
  return false;
}

/* Whether nothing has the name of the function that the trigger of a version is to execute, as far as versions make
 * it: what is executed instead of it is the same one under another name, then. */
static bool is_gone(const pgr__looking *l, const pgr_made_trigger *made) {
  const pgr__found_function *f = pgr__found_function_of(l, made->function_schema, made->function);
  return f && PQntuples(f->sources) == 0;
}

/* Where a trigger of the version executes the function, that one counts; else any that the name may mean. */
static bool has_source(const pgr__looking *l, const pgr_version *v, const pgr_made_function *made) {
  bool executed = false;
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const pgr_made_trigger *trigger = &v->objects.triggers[i];
    const pgr__found_trigger *f = pgr__found_trigger_of(l, trigger);
    bool renamed = same(trigger->function, made->name) && is_gone(l, trigger);
    if (!is_there(f) || (!same(f->function, made->name) && !renamed)) continue;
    if (!same(f->source, made->body)) return false;
    executed = true;
  }
  const PGresult *sources = pgr__found_function_of(l, made->schema, made->name)->sources;
  for (int i = 0; i < PQntuples(sources) && !executed; i++)
    executed = same(PQgetvalue(sources, i, 0), made->body);
  return executed;
}

static bool has_sources(const pgr__looking *l, const pgr_version *v) {
  for (size_t i = 0; i < v->objects.function_count; i++)
    if (!has_source(l, v, &v->objects.functions[i])) return false;
  return v->objects.trigger_count > 0;
}

static bool has_column(const pgr__found_trigger *f, const char *column) {
  for (size_t i = 0; i < f->column_count; i++)
    if (same(f->columns[i], column)) return true;
  return false;
}

/* What can be compared without the server's words for it: all but the condition of WHEN. */
static bool has_shape(const pgr__found_trigger *f, const pgr_made_trigger *made) {
  int type = (made->row ? 1 : 0) | (made->before ? 2 : 0) | (made->inserts ? 4 : 0) | (made->deletes ? 8 : 0) |
             (made->updates ? 16 : 0) | (made->truncates ? 32 : 0) | (!made->before && !made->after ? 64 : 0);
  if (f->type != type || f->column_count != made->column_count || f->conditional != (made->when != NULL)) return false;
  for (size_t i = 0; i < made->column_count; i++)
    if (!has_column(f, made->columns[i])) return false;
  return f->constraint == made->constraint;
}

/* How far the triggers are from what the version makes; for versions that have the same functions. */
static int distance(const pgr__looking *l, const pgr_version *v) {
  int far = 0;
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const pgr__found_trigger *f = pgr__found_trigger_of(l, &v->objects.triggers[i]);
    far += !is_there(f) ? 1 : has_shape(f, &v->objects.triggers[i]) ? 0 : 2;
  }
  for (size_t i = 0; i < l->trigger_count; i++)
    far += is_there(&l->triggers[i]) && !makes(v, &l->triggers[i], l);
  return far;
}

/* NULL: the functions are those of no version. *other: one that is as near, so nobody can tell which it is; NULL. */
static const pgr_version *find_version(const pgr__looking *l, int recorded, const pgr_version **other) {
  const pgr_version *best = NULL;
  int least = 0;
  *other = NULL;
  for (size_t i = l->t->version_count; i-- > 0;) {
    const pgr_version *v = &l->t->versions[i];
    if (!has_sources(l, v)) continue;
    int far = v->number == recorded ? -1 : distance(l, v);
    if (best && far == least && !*other) *other = v;
    if (best && far >= least) continue;
    best = v;
    least = far;
    *other = NULL;
  }
  return best;
}

/* ---- whether it is as it was ---- */

static const char *enabled_words(char enabled) {
  switch (enabled) {
  case 'D': return "is disabled";
  case 'R': return "is enabled for replicas only";
  case 'A': return "is enabled for replicas too";
  default: return "is enabled";
  }
}

/* Its table has another name, or it is on another table. */
static const char *moved_words(const pgr__looking *l, const pgr__found_trigger *f, const pgr__record *r) {
  if (*f->relation)
    return pgr_arena_printf(l->arena, "the trigger %s is on %s, not on %s", f->made->name, f->elsewhere, r->table);
  return pgr_arena_printf(l->arena, "the table %s is called %s now: %spgrace schema new version %s", r->table,
                          f->elsewhere, pgr_trigger_elsewhere(l->t) ? "" : "change 'table' in trigger.yaml, then run ",
                          l->t->name);
}

static const char *executes_words(const pgr__looking *l, const pgr_made_trigger *made, const pgr__found_trigger *f) {
  pgr_buf wanted;
  pgr_buf_init(&wanted, 0);
  pgr_sql_qualified(made->function_schema, made->function, &wanted);
  const char *words = is_gone(l, made) ? pgr_arena_printf(l->arena, "the function %s() is called %s() now",
                                                          pgr_buf_text(&wanted), f->function_shown)
                                       : pgr_arena_printf(l->arena, "the trigger %s executes %s(), not %s()",
                                                          made->name, f->function_shown, pgr_buf_text(&wanted));
  pgr_buf_deinit(&wanted);
  return words;
}

/* Where the last part begins that ends before `at`: parts are separated by ", ", and what follows "settings" is one. */
static size_t part_start(const char *text, size_t at) {
  const char *settings = strstr(text, ", settings ");
  size_t start = settings && (size_t)(settings - text) + 2 < at ? (size_t)(settings - text) + 2 : at;
  while (start > 0 && !(start > 1 && memcmp(text + start - 2, ", ", 2) == 0))
    start--;
  return start;
}

/* Those of the function's attributes that changed. */
static const char *attributes_words(const pgr__looking *l, const pgr__found_trigger *f, const char *before) {
  const char *now = f->attributes, *settings = strstr(before, ", settings ");
  size_t start = 0, before_end = strlen(before), now_end = strlen(now);
  while (before[start] && before[start] == now[start])
    start++;
  start = part_start(before, start);
  while (before_end > start && now_end > start && before[before_end - 1] == now[now_end - 1]) {
    before_end--;
    now_end--;
  }
  /* What is alike at the end is left out in whole parts. */
  const char *rest = strstr(before + before_end, ", ");
  if (!rest || !settings || rest > settings) rest = before + strlen(before);
  now_end += (size_t)(rest - before) - before_end;
  before_end = (size_t)(rest - before);
  return pgr_arena_printf(l->arena, "the function %s() was installed with %.*s, now it has %.*s", f->function_shown,
                          (int)(before_end - start), before + start, (int)(now_end - start), now + start);
}

/* Without a record: what the version's text says of the function. */
static const char *function_drift(const pgr__looking *l, const pgr_version *v, const pgr__found_trigger *f) {
  const pgr_made_function *made = NULL;
  for (size_t i = 0; i < v->objects.function_count; i++)
    if (same(v->objects.functions[i].name, f->function)) made = &v->objects.functions[i];
  if (made && f->definer != made->security_definer)
    return pgr_arena_printf(l->arena, "the function %s() is SECURITY %s, version %d makes it SECURITY %s",
                            f->function_shown, f->definer ? "DEFINER" : "INVOKER", v->number,
                            f->definer ? "INVOKER" : "DEFINER");
  if (made && f->sets_path != made->sets_search_path)
    return pgr_arena_printf(l->arena, "the function %s() %s search_path, version %d makes it %s", f->function_shown,
                            f->sets_path ? "sets" : "does not set", v->number,
                            f->sets_path ? "without" : "with SET search_path");
  return NULL;
}

/* Whether it is defined as it was, on the table as that is called now. */
static bool is_as_defined(const pgr__looking *l, const pgr__found_trigger *f, const pgr__record *r) {
  if (!f->elsewhere) return same(r->definition, f->definition);
  char *on = pgr_arena_printf(l->arena, " ON %s ", r->table);
  const char *at = on ? strstr(r->definition, on) : NULL;
  if (!at) return false;
  return same(f->definition, pgr_arena_printf(l->arena, "%.*s ON %s %s", (int)(at - r->definition), r->definition,
                                              f->elsewhere, at + strlen(on)));
}

/* Whether it is recorded how the version was installed. */
static bool is_recorded(const pgr__looking *l, const pgr_version *v, const pgr__found_trigger *f, pgr__record *r) {
  return pgr__record_of(l, f, r) && r->version == v->number;
}

/* What is wrong with a trigger of the version; NULL: nothing. */
static const char *trigger_drift(const pgr__looking *l, const pgr_version *v, const pgr_made_trigger *made) {
  const pgr__found_trigger *f = pgr__found_trigger_of(l, made);
  pgr__record r;
  bool known = is_recorded(l, v, f, &r);
  char usual = known ? r.enabled : f->enabled == 'A' ? 'A' : 'O';
  if (!is_there(f)) return pgr_arena_printf(l->arena, "the trigger %s is missing", made->name);
  if (f->enabled != usual)
    return pgr_arena_printf(l->arena, "the trigger %s %s", made->name, enabled_words(f->enabled));
  if (f->renamed) return pgr_arena_printf(l->arena, "the trigger %s is called %s now", made->name, f->renamed);
  if (f->elsewhere && !f->same) return moved_words(l, f, &r);
  if (!same(f->function, made->function)) return executes_words(l, made, f);
  if (f->partition)
    return pgr_arena_printf(l->arena, "the trigger %s is not enabled alike in partition %s", made->name, f->partition);
  if (known && !is_as_defined(l, f, &r))
    return pgr_arena_printf(l->arena, "the trigger %s is not as it was installed, now it is: %s", made->name,
                            f->definition);
  if (!known && !has_shape(f, made))
    return pgr_arena_printf(l->arena, "the trigger %s is not as version %d makes it, now it is: %s", made->name,
                            v->number, f->definition);
  if (!known || !r.attributes) return function_drift(l, v, f);
  return same(r.attributes, f->attributes) ? NULL : attributes_words(l, f, r.attributes);
}

/* Whether sessions of replicas leave some trigger of the version out. */
static bool is_usual(const pgr__looking *l, const pgr_version *v) {
  for (size_t i = 0; i < v->objects.trigger_count; i++)
    if (pgr__found_trigger_of(l, &v->objects.triggers[i])->enabled == 'O') return true;
  return false;
}

/* What of it is otherwise than the version makes it; NULL: nothing. */
static const char *find_drift(const pgr__looking *l, const pgr_version *v, int recorded) {
  const char *why = NULL;
  for (size_t i = 0; i < v->objects.trigger_count && !why; i++)
    why = trigger_drift(l, v, &v->objects.triggers[i]);
  for (size_t i = 0; i < l->trigger_count && !why; i++)
    if (is_there(&l->triggers[i]) && !makes(v, &l->triggers[i], l))
      why = pgr_arena_printf(l->arena, "the trigger %s is there, which version %d does not make",
                             l->triggers[i].made->name, v->number);
  if (!why && l->silent && is_usual(l, v))
    why = pgr_arena_printf(l->arena, "%s session_replication_role = replica, which triggers do not fire in", l->silent);
  if (!why && recorded && recorded != v->number)
    why = pgr_arena_printf(l->arena, "it is version %d, but version %d was installed last", v->number, recorded);
  return why;
}

/* Whether some version makes the function as the trigger executes it, perhaps under another name. */
static bool is_known(const pgr__looking *l, const pgr__found_trigger *f) {
  for (size_t i = 0; i < l->t->version_count; i++) {
    const pgr_objects *made = &l->t->versions[i].objects;
    for (size_t k = 0; k < made->function_count; k++)
      if (same(made->functions[k].body, f->source)) return true;
  }
  return false;
}

/* Of functions that are no version's. */
static const char *find_unknown(const pgr__looking *l) {
  const pgr__found_trigger *f = l->triggers, *end = l->triggers + l->trigger_count;
  pgr__record r;
  while (f < end && (!is_there(f) || is_known(l, f)))
    f++;
  if (f == end) return pgr_arena_printf(l->arena, "its functions are not those of one version: somebody changed them");
  if (pgr__record_of(l, f, &r) && same(r.source, f->source))
    return pgr_arena_printf(l->arena, "%s() is as version %d installed it, but v%d.sql has changed since",
                            f->function_shown, r.version, r.version);
  return pgr_arena_printf(l->arena, "the source of %s() is no version's: somebody changed it", f->function_shown);
}

static int recorded_version(const pgr__looking *l) {
  int version = 0;
  for (int i = 0; l->records && i < PQntuples(l->records); i++)
    if (pgr__record_at(l, i).version > version) version = pgr__record_at(l, i).version;
  return version;
}

/* Names and definitions of others are in it: made one line. NULL: no memory. */
static const char *one_line(const pgr__looking *l, const char *why) {
  size_t bytes = why ? strlen(why) + 1 : 0;
  char *line = why ? pgr_arena_alloc(l->arena, bytes) : NULL;
  if (line) pgr_utf8_copy(line, bytes, why);
  return line;
}

/* ---- what else to know ---- */

static bool has_unknown_when(const pgr__looking *l, const pgr_version *v) {
  pgr__record r;
  for (size_t i = 0; i < v->objects.trigger_count; i++)
    if (v->objects.triggers[i].when && !is_recorded(l, v, pgr__found_trigger_of(l, &v->objects.triggers[i]), &r))
      return true;
  return false;
}

static void note_unverified(const pgr__looking *l, const pgr_version *other, bool when, pgr_buf *out) {
  const char *record = l->unreadable ? "you may not read the record of its installation, pgrace.triggers"
                                     : "there is no record of its installation";
  if (other)
    pgr_buf_addf(out, "it may be version %d as well, which looks the same%s: %s", other->number,
                 when ? " but for its WHEN" : "", record);
  else if (when)
    pgr_buf_addf(out, "its WHEN was not compared: %s", record);
}

static void note_heirs(const pgr__looking *l, const pgr_version *v, pgr_buf *out) {
  const pgr__found_trigger *f = NULL;
  for (size_t i = 0; i < v->objects.trigger_count && !(f && f->heirs); i++)
    f = pgr__found_trigger_of(l, &v->objects.triggers[i]);
  if (!f || !f->heirs) return;
  if (out->len) pgr_buf_adds(out, "; ");
  if (f->heir_count == 1)
    pgr_buf_addf(out, "the table %s that inherits from it has no such trigger", f->heirs);
  else if (f->heir_count <= 3)
    pgr_buf_addf(out, "the tables %s that inherit from it have no such trigger", f->heirs);
  else
    pgr_buf_addf(out, "the tables %s and %d more that inherit from it have no such trigger", f->heirs,
                 f->heir_count - 3);
}

/* Of a version that is as it should be. */
static pgr_code add_notes(const pgr__looking *l, const pgr_version *v, const pgr_version *other, pgr_installed *out) {
  pgr_buf notes;
  pgr_buf_init(&notes, 0);
  note_unverified(l, other, has_unknown_when(l, v), &notes);
  note_heirs(l, v, &notes);
  if (notes.len) out->why = one_line(l, pgr_buf_text(&notes));
  bool failed = notes.failed || (notes.len && !out->why);
  pgr_buf_deinit(&notes);
  return failed ? pgr_fail(l->err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

static pgr_code say_dropped(const pgr__looking *l, pgr_installed *out) {
  out->dropped = true;
  out->why = pgr_arena_printf(
      l->arena, "migration %lld installed version %d, but no migration that is applied leaves the trigger there",
      (long long)l->installed_by, l->installed_version);
  return out->why ? PGR_OK : pgr_fail(l->err, PGR_ENOMEM, "out of memory");
}

pgr_code pgr__judge(const pgr__looking *l, pgr_installed *out) {
  const pgr_version *other;
  bool any = false, function = false;
  out->recorded = recorded_version(l);
  for (size_t i = 0; i < l->trigger_count; i++)
    any = any || is_there(&l->triggers[i]);
  if (!any && l->installed_by) return say_dropped(l, out);
  const pgr_version *v = find_version(l, out->recorded, &other);
  function = v && v->objects.function_count > 0;
  if (!any && !function) return PGR_OK;
  if (!v) {
    out->presence = PGR_PRESENCE_UNKNOWN;
    out->why = one_line(l, find_unknown(l));
    return out->why ? PGR_OK : pgr_fail(l->err, PGR_ENOMEM, "out of memory");
  }
  out->version = v->number;
  out->unverified = other || has_unknown_when(l, v);
  const char *drift = find_drift(l, v, out->recorded);
  out->presence = drift ? PGR_PRESENCE_DRIFTED : PGR_PRESENCE_VERSION;
  if (!drift) return add_notes(l, v, other, out);
  out->why = one_line(l, drift);
  return out->why ? PGR_OK : pgr_fail(l->err, PGR_ENOMEM, "out of memory");
}
