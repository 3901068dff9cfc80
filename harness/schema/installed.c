/* Which version of a declared trigger a database has. A function's source says it, byte for byte; what a trigger is
 * like (its WHEN, whether it is enabled) is compared with the record that was made when it was installed, for the
 * server writes definitions in its own words. Invariant: what is written without a schema is looked up by the session's
 * search path, everything else with pg_catalog alone in it. */
#include "installed_internal.h"

#include "pgr_mem.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pgr_code no_memory(pgr_err *err) {
  return pgr_fail(err, PGR_ENOMEM, "out of memory");
}

/* ---- a look ---- */

pgr_code pgr__look_begin(pgr__look *look, pgr_db *db, pgr_err *err) {
  *look = (pgr__look){.db = db, .within = PQtransactionStatus(pgr_db_raw(db)) == PQTRANS_INTRANS};
  return pgr_db_exec(
      db, look->within ? "SAVEPOINT pgrace_look; SET LOCAL transaction_read_only = on" : "BEGIN READ ONLY", err);
}

pgr_code pgr__look_end(pgr__look *look, pgr_code code, pgr_err *err) {
  pgr_err ignored;
  pgr_code ended = pgr_db_exec(
      look->db, look->within ? "ROLLBACK TO SAVEPOINT pgrace_look; RELEASE SAVEPOINT pgrace_look" : "ROLLBACK",
      code ? &ignored : err);
  return code ? code : ended;
}

/* ---- what is there ---- */

/* A trigger that some version makes. */
typedef struct found_trigger {
  const pgr_made_trigger *made; /* of the first version that has it */
  char relation[16];            /* of its table; "" when there is none */
  bool there;
  char enabled;                  /* 'O', 'D', 'R', 'A' */
  const char *function, *source; /* function: its name alone */
  const char *function_shown;    /* qualified, where that is needed */
  const char *definition;
  int type;              /* pg_trigger.tgtype */
  size_t columns;        /* UPDATE OF these many */
  bool conditional;      /* it has a WHEN */
  const char *partition; /* one where it is enabled otherwise; NULL */
} found_trigger;

/* A function that some version makes. */
typedef struct found_function {
  const pgr_made_function *made;
  PGresult *sources; /* of those that it may be */
} found_function;

/* What the journal says of a trigger. Borrowed of looking.records. */
typedef struct record {
  const char *trigger, *relation, *definition, *source;
  int version;
  char enabled;
} record;

typedef struct looking {
  pgr_db *db;
  const pgr_trigger *t;
  pgr_arena *arena;
  pgr_err *err;
  found_trigger *triggers;
  found_function *functions;
  size_t trigger_count, function_count;
  PGresult *records; /* NULL: there are none */
} looking;

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static found_trigger *trigger_of(const looking *l, const pgr_made_trigger *made) {
  for (size_t i = 0; i < l->trigger_count; i++) {
    const pgr_made_trigger *m = l->triggers[i].made;
    if (same(m->name, made->name) && same(m->table, made->table) && same(m->schema, made->schema))
      return &l->triggers[i];
  }
  return NULL;
}

static found_function *function_of(const looking *l, const pgr_made_function *made) {
  for (size_t i = 0; i < l->function_count; i++)
    if (same(l->functions[i].made->name, made->name) && same(l->functions[i].made->schema, made->schema))
      return &l->functions[i];
  return NULL;
}

/* Lists what all versions make, each once. */
static pgr_code list_made(looking *l) {
  size_t triggers = 0, functions = 0;
  for (size_t i = 0; i < l->t->version_count; i++) {
    triggers += l->t->versions[i].objects.trigger_count;
    functions += l->t->versions[i].objects.function_count;
  }
  l->triggers = pgr_arena_alloc(l->arena, (triggers + 1) * sizeof *l->triggers);
  l->functions = pgr_arena_alloc(l->arena, (functions + 1) * sizeof *l->functions);
  if (!l->triggers || !l->functions) return no_memory(l->err);
  for (size_t i = l->t->version_count; i-- > 0;) {
    const pgr_objects *made = &l->t->versions[i].objects;
    for (size_t k = 0; k < made->trigger_count; k++)
      if (!trigger_of(l, &made->triggers[k])) l->triggers[l->trigger_count++].made = &made->triggers[k];
    for (size_t k = 0; k < made->function_count; k++)
      if (!function_of(l, &made->functions[k])) l->functions[l->function_count++].made = &made->functions[k];
  }
  return PGR_OK;
}

/* By the search path where no schema is written. */
static pgr_code find_names(looking *l) {
  static const char sql[] = "SELECT p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n"
                            " ON n.oid = p.pronamespace WHERE p.proname = $2 AND CASE WHEN $1::text IS NULL"
                            " THEN pg_catalog.pg_function_is_visible(p.oid) ELSE n.nspname = $1 END";
  pgr_code code = PGR_OK;
  for (size_t i = 0; i < l->trigger_count && !code; i++) {
    found_trigger *f = &l->triggers[i];
    pgr__relation relation;
    code = pgr__relation_find(l->db, f->made->schema, f->made->table, &relation, l->err);
    memcpy(f->relation, relation.oid, sizeof f->relation);
  }
  for (size_t i = 0; i < l->function_count && !code; i++) {
    found_function *f = &l->functions[i];
    const char *const values[] = {f->made->schema, f->made->name};
    code = pgr_db_query(l->db, sql, 2, values, &f->sources, l->err);
  }
  return code;
}

static const char *kept(const looking *l, const PGresult *rows, int column, bool *failed) {
  if (PQgetisnull(rows, 0, column)) return NULL;
  const char *text = pgr_arena_strdup(l->arena, PQgetvalue(rows, 0, column));
  *failed = *failed || !text;
  return text;
}

static pgr_code find_trigger(const looking *l, found_trigger *f) {
  static const char sql[] =
      "WITH RECURSIVE clones(oid, relation, enabled) AS (SELECT oid, tgrelid, tgenabled FROM pg_trigger"
      " WHERE tgrelid = $1::oid AND tgname = $2 UNION ALL SELECT t.oid, t.tgrelid, t.tgenabled"
      " FROM clones JOIN pg_trigger t ON t.tgparentid = clones.oid)"
      " SELECT t.tgenabled, p.proname, p.oid::regproc, p.prosrc, pg_get_triggerdef(t.oid), t.tgtype,"
      " coalesce(array_length(t.tgattr::int2[], 1), 0), t.tgqual IS NOT NULL,"
      " (SELECT min(c.relation::regclass::text) FROM clones c WHERE c.enabled <> t.tgenabled)"
      " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
      " WHERE t.tgrelid = $1::oid AND t.tgname = $2 AND NOT t.tgisinternal";
  const char *const values[] = {f->relation, f->made->name};
  PGresult *rows = NULL;
  bool failed = false;
  if (!*f->relation) return PGR_OK;
  pgr_code code = pgr_db_query(l->db, sql, 2, values, &rows, l->err);
  if (code) return code;
  f->there = PQntuples(rows) > 0;
  if (f->there) {
    f->enabled = *PQgetvalue(rows, 0, 0);
    f->function = kept(l, rows, 1, &failed);
    f->function_shown = kept(l, rows, 2, &failed);
    f->source = kept(l, rows, 3, &failed);
    f->definition = kept(l, rows, 4, &failed);
    f->type = (int)strtol(PQgetvalue(rows, 0, 5), NULL, 10);
    f->columns = (size_t)strtol(PQgetvalue(rows, 0, 6), NULL, 10);
    f->conditional = *PQgetvalue(rows, 0, 7) == 't';
    f->partition = kept(l, rows, 8, &failed);
  }
  PQclear(rows);
  return failed ? no_memory(l->err) : PGR_OK;
}

/* No schema pgrace, or none that we may read: nothing is recorded. */
static pgr_code find_records(looking *l) {
  static const char there[] =
      "SELECT (SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
      " FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
      " WHERE n.nspname = 'pgrace' AND c.relname = 'triggers')";
  static const char sql[] = "SELECT trigger, to_regclass(relation)::oid, version, definition, enabled, source"
                            " FROM pgrace.triggers WHERE name = $1";
  PGresult *answer = NULL;
  pgr_code code = pgr_db_query(l->db, there, 0, NULL, &answer, l->err);
  if (code) return code;
  bool readable = *PQgetvalue(answer, 0, 0) == 't';
  PQclear(answer);
  return readable ? pgr_db_query(l->db, sql, 1, &l->t->name, &l->records, l->err) : PGR_OK;
}

static record record_at(const looking *l, int row) {
  return (record){.trigger = PQgetvalue(l->records, row, 0),
                  .relation = PQgetvalue(l->records, row, 1),
                  .version = (int)strtol(PQgetvalue(l->records, row, 2), NULL, 10),
                  .definition = PQgetvalue(l->records, row, 3),
                  .enabled = *PQgetvalue(l->records, row, 4),
                  .source = PQgetvalue(l->records, row, 5)};
}

/* false: nothing is recorded of it. */
static bool find_record(const looking *l, const found_trigger *f, record *out) {
  for (int i = 0; l->records && i < PQntuples(l->records); i++) {
    *out = record_at(l, i);
    if (same(out->trigger, f->made->name) && same(out->relation, f->relation)) return true;
  }
  return false;
}

static int recorded_version(const looking *l) {
  int version = 0;
  for (int i = 0; l->records && i < PQntuples(l->records); i++)
    if (record_at(l, i).version > version) version = record_at(l, i).version;
  return version;
}

static pgr_code find_all(looking *l) {
  pgr_code code = list_made(l);
  if (!code) code = find_names(l);
  if (!code) code = pgr_db_exec(l->db, "SET LOCAL search_path = pg_catalog", l->err);
  for (size_t i = 0; i < l->trigger_count && !code; i++)
    code = find_trigger(l, &l->triggers[i]);
  return code ? code : find_records(l);
}

/* ---- which version it is ---- */

static bool makes(const pgr_version *v, const found_trigger *f, const looking *l) {
  for (size_t i = 0; i < v->objects.trigger_count; i++)
    if (trigger_of(l, &v->objects.triggers[i]) == f) return true;
  return false;
}

/* Where a trigger of the version executes the function, that one counts; else any that the name may mean. */
static bool has_source(const looking *l, const pgr_version *v, const pgr_made_function *made) {
  bool executed = false;
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const found_trigger *f = trigger_of(l, &v->objects.triggers[i]);
    if (!f->there || !same(f->function, made->name)) continue;
    if (!same(f->source, made->body)) return false;
    executed = true;
  }
  const PGresult *sources = function_of(l, made)->sources;
  for (int i = 0; i < PQntuples(sources) && !executed; i++)
    executed = same(PQgetvalue(sources, i, 0), made->body);
  return executed;
}

static bool has_sources(const looking *l, const pgr_version *v) {
  for (size_t i = 0; i < v->objects.function_count; i++)
    if (!has_source(l, v, &v->objects.functions[i])) return false;
  return v->objects.trigger_count > 0;
}

static bool has_shape(const found_trigger *f, const pgr_made_trigger *made) {
  int type = (made->row ? 1 : 0) | (made->before ? 2 : 0) | (made->inserts ? 4 : 0) | (made->deletes ? 8 : 0) |
             (made->updates ? 16 : 0) | (made->truncates ? 32 : 0) | (!made->before && !made->after ? 64 : 0);
  return f->type == type && f->columns == made->column_count && f->conditional == (made->when != NULL);
}

/* How far the triggers are from what the version makes; for versions that have the same functions. */
static int distance(const looking *l, const pgr_version *v) {
  int far = 0;
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const found_trigger *f = trigger_of(l, &v->objects.triggers[i]);
    far += !f->there ? 1 : has_shape(f, &v->objects.triggers[i]) ? 0 : 2;
  }
  for (size_t i = 0; i < l->trigger_count; i++)
    far += l->triggers[i].there && !makes(v, &l->triggers[i], l);
  return far;
}

/* NULL: the functions are those of no version. */
static const pgr_version *find_version(const looking *l, int recorded) {
  const pgr_version *best = NULL;
  int least = 0;
  for (size_t i = l->t->version_count; i-- > 0;) {
    const pgr_version *v = &l->t->versions[i];
    if (!has_sources(l, v)) continue;
    int far = v->number == recorded ? -1 : distance(l, v);
    if (best && far >= least) continue;
    best = v;
    least = far;
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

/* What is wrong with a trigger of the version; NULL: nothing. */
static const char *trigger_drift(const looking *l, const pgr_version *v, const pgr_made_trigger *made) {
  const found_trigger *f = trigger_of(l, made);
  record r;
  bool known = find_record(l, f, &r) && r.version == v->number;
  char usual = known ? r.enabled : f->enabled == 'A' ? 'A' : 'O';
  if (!f->there) return pgr_arena_printf(l->arena, "the trigger %s is missing", made->name);
  if (f->enabled != usual)
    return pgr_arena_printf(l->arena, "the trigger %s %s", made->name, enabled_words(f->enabled));
  if (!same(f->function, made->function))
    return pgr_arena_printf(l->arena, "the trigger %s executes %s(), not %s()", made->name, f->function_shown,
                            made->function);
  if (f->partition)
    return pgr_arena_printf(l->arena, "the trigger %s is not enabled alike in partition %s", made->name, f->partition);
  if (known && !same(r.definition, f->definition))
    return pgr_arena_printf(l->arena, "the trigger %s is not as it was installed, now it is: %s", made->name,
                            f->definition);
  return NULL;
}

/* What of it is otherwise than the version makes it; NULL: nothing. */
static const char *find_drift(const looking *l, const pgr_version *v, int recorded) {
  const char *why = NULL;
  for (size_t i = 0; i < v->objects.trigger_count && !why; i++)
    why = trigger_drift(l, v, &v->objects.triggers[i]);
  for (size_t i = 0; i < l->trigger_count && !why; i++)
    if (l->triggers[i].there && !makes(v, &l->triggers[i], l))
      why = pgr_arena_printf(l->arena, "the trigger %s is there, which version %d does not make",
                             l->triggers[i].made->name, v->number);
  if (!why && recorded && recorded != v->number)
    why = pgr_arena_printf(l->arena, "it is version %d, but version %d was installed last", v->number, recorded);
  return why;
}

/* Whether some version makes the function as the trigger executes it. */
static bool is_known(const looking *l, const found_trigger *f) {
  for (size_t i = 0; i < l->t->version_count; i++) {
    const pgr_objects *made = &l->t->versions[i].objects;
    for (size_t k = 0; k < made->function_count; k++)
      if (same(made->functions[k].name, f->function) && same(made->functions[k].body, f->source)) return true;
  }
  return false;
}

/* Of functions that are no version's. */
static const char *find_unknown(const looking *l) {
  const found_trigger *f = l->triggers, *end = l->triggers + l->trigger_count;
  record r;
  while (f < end && (!f->there || is_known(l, f)))
    f++;
  if (f == end) return pgr_arena_printf(l->arena, "its functions are not those of one version: somebody changed them");
  if (find_record(l, f, &r) && same(r.source, f->source))
    return pgr_arena_printf(l->arena, "%s() is as version %d installed it, but v%d.sql has changed since",
                            f->function_shown, r.version, r.version);
  return pgr_arena_printf(l->arena, "the source of %s() is no version's: somebody changed it", f->function_shown);
}

static pgr_code judge(const looking *l, pgr_installed *out) {
  bool any = false, function = false;
  out->recorded = recorded_version(l);
  for (size_t i = 0; i < l->trigger_count; i++)
    any = any || l->triggers[i].there;
  const pgr_version *v = find_version(l, out->recorded);
  function = v && v->objects.function_count > 0;
  if (!any && !function) return PGR_OK;
  if (!v) {
    out->presence = PGR_PRESENCE_UNKNOWN;
    out->why = find_unknown(l);
    return out->why ? PGR_OK : no_memory(l->err);
  }
  out->version = v->number;
  out->why = find_drift(l, v, out->recorded);
  out->presence = out->why ? PGR_PRESENCE_DRIFTED : PGR_PRESENCE_VERSION;
  return PGR_OK;
}

pgr_code pgr_installed_trigger(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, pgr_installed *out, pgr_err *err) {
  looking l = {.db = db, .t = t, .arena = arena, .err = err};
  pgr__look look;
  *out = (pgr_installed){.presence = PGR_PRESENCE_ABSENT};
  pgr_code code = pgr__look_begin(&look, db, err);
  if (code) return code;
  code = find_all(&l);
  if (!code) code = judge(&l, out);
  for (size_t i = 0; i < l.function_count; i++)
    PQclear(l.functions[i].sources);
  PQclear(l.records);
  return pgr__look_end(&look, code, err);
}

/* ---- those that no folder declares ---- */

static const char strangers_sql[] =
    "SELECT t.tgname, c.relname, n.nspname, pg_catalog.pg_table_is_visible(c.oid), pg_catalog.quote_ident(t.tgname),"
    " c.oid::pg_catalog.regclass, t.tgfoid::pg_catalog.regproc, t.tgenabled <> 'D',"
    " pg_catalog.obj_description(t.oid, 'pg_trigger') FROM pg_catalog.pg_trigger t"
    " JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
    " WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND n.nspname <> 'pgrace' AND n.nspname NOT LIKE 'pg\\_temp%'"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype = 'e'"
    " AND ((d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objid = t.oid)"
    " OR (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = c.oid)))"
    " ORDER BY n.nspname, c.relname, t.tgname";
enum { PLAIN_NAME, PLAIN_TABLE, SCHEMA, VISIBLE, SHOWN_NAME, SHOWN_TABLE, FUNCTION, ENABLED, COMMENT };

static bool is_table(const PGresult *rows, int row, const char *schema, const char *table) {
  if (!same(PQgetvalue(rows, row, PLAIN_TABLE), table)) return false;
  return schema ? same(PQgetvalue(rows, row, SCHEMA), schema) : *PQgetvalue(rows, row, VISIBLE) == 't';
}

static bool declares(const pgr_trigger *t, const PGresult *rows, int row) {
  const char *name = PQgetvalue(rows, row, PLAIN_NAME);
  if (same(t->name, name) && is_table(rows, row, t->rule.schema, t->rule.table)) return true;
  for (size_t i = 0; i < t->version_count; i++) {
    const pgr_objects *made = &t->versions[i].objects;
    for (size_t k = 0; k < made->trigger_count; k++)
      if (same(made->triggers[k].name, name) && is_table(rows, row, made->triggers[k].schema, made->triggers[k].table))
        return true;
  }
  return false;
}

static bool is_declared(const pgr_triggers *known, const PGresult *rows, int row) {
  for (size_t i = 0; i < known->count; i++)
    if (declares(&known->items[i], rows, row)) return true;
  return false;
}

static bool fill_stranger(const PGresult *rows, int row, pgr_arena *arena, pgr_stranger *out) {
  bool commented = !PQgetisnull(rows, row, COMMENT);
  *out = (pgr_stranger){.name = pgr_arena_strdup(arena, PQgetvalue(rows, row, SHOWN_NAME)),
                        .table = pgr_arena_strdup(arena, PQgetvalue(rows, row, SHOWN_TABLE)),
                        .function = pgr_arena_strdup(arena, PQgetvalue(rows, row, FUNCTION)),
                        .enabled = *PQgetvalue(rows, row, ENABLED) == 't',
                        .comment = commented ? pgr_arena_strdup(arena, PQgetvalue(rows, row, COMMENT)) : NULL};
  return out->name && out->table && out->function && (out->comment || !commented);
}

pgr_code pgr_installed_strangers(pgr_db *db, const pgr_triggers *known, pgr_arena *arena, const pgr_stranger **out,
                                 size_t *count, pgr_err *err) {
  PGresult *rows = NULL;
  *out = NULL;
  *count = 0;
  pgr_code code = pgr_db_query(db, strangers_sql, 0, NULL, &rows, err);
  if (code) return code;
  pgr_stranger *all = pgr_arena_alloc(arena, ((size_t)PQntuples(rows) + 1) * sizeof *all);
  bool filled = all != NULL;
  for (int i = 0; i < PQntuples(rows) && filled; i++)
    if (!is_declared(known, rows, i)) filled = fill_stranger(rows, i, arena, &all[(*count)++]);
  PQclear(rows);
  *out = all;
  return filled ? PGR_OK : no_memory(err);
}
