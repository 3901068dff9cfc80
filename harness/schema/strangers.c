/* The triggers of a database that no folder declares. */
#include "installed_internal.h"

#include <string.h>

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

/* Under the session's search path, by which tables are found and shown: so operators and types are named whole, for
 * others may have made some of the same name, in a schema that comes first. */
static const char strangers_sql[] =
    "SELECT t.tgname, c.relname, n.nspname, pg_catalog.pg_table_is_visible(c.oid), pg_catalog.quote_ident(t.tgname),"
    " c.oid::pg_catalog.regclass, t.tgfoid::pg_catalog.regproc, t.tgenabled OPERATOR(pg_catalog.<>) 'D',"
    " pg_catalog.obj_description(t.oid, 'pg_trigger'), t.oid FROM pg_catalog.pg_trigger t"
    " JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid"
    " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
    " WHERE NOT t.tgisinternal AND t.tgparentid OPERATOR(pg_catalog.=) 0::pg_catalog.oid"
    " AND n.nspname OPERATOR(pg_catalog.<>) 'pgrace' AND n.nspname OPERATOR(pg_catalog.!~~) 'pg\\_temp%'"
    " AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d WHERE d.deptype OPERATOR(pg_catalog.=) 'e'"
    " AND ((d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_trigger'::pg_catalog.regclass"
    " AND d.objid OPERATOR(pg_catalog.=) t.oid)"
    " OR (d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass"
    " AND d.objid OPERATOR(pg_catalog.=) c.oid)))"
    " ORDER BY n.nspname, c.relname, t.tgname";
enum { PLAIN_NAME, PLAIN_TABLE, SCHEMA, VISIBLE, SHOWN_NAME, SHOWN_TABLE, FUNCTION, ENABLED, COMMENT, NUMBER };

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

/* Takes away those that are declared, but were renamed, or their tables were. oids: the strangers' numbers. */
static pgr_code leave_out_moved(pgr_db *db, const pgr_triggers *known, pgr_arena *arena, pgr_stranger *all,
                                const char **oids, size_t *count, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; i < known->count && *count && !code; i++) {
    const char *const *moved = NULL;
    size_t moved_count = 0, kept = 0;
    code = pgr__moved_find(db, &known->items[i], arena, &moved, &moved_count, err);
    for (size_t k = 0; k < *count; k++) {
      size_t m = 0;
      while (m < moved_count && !same(moved[m], oids[k]))
        m++;
      if (m < moved_count) continue;
      all[kept] = all[k];
      oids[kept++] = oids[k];
    }
    *count = kept;
  }
  return code;
}

pgr_code pgr_installed_strangers(pgr_db *db, const pgr_triggers *known, pgr_arena *arena, const pgr_stranger **out,
                                 size_t *count, pgr_err *err) {
  PGresult *rows = NULL;
  *out = NULL;
  *count = 0;
  pgr_code code = pgr_db_query(db, strangers_sql, 0, NULL, &rows, err);
  if (code) return code;
  pgr_stranger *all = pgr_arena_alloc(arena, ((size_t)PQntuples(rows) + 1) * sizeof *all);
  const char **oids = pgr_arena_alloc(arena, ((size_t)PQntuples(rows) + 1) * sizeof *oids);
  bool filled = all && oids;
  for (int i = 0; i < PQntuples(rows) && filled; i++) {
    if (is_declared(known, rows, i)) continue;
    oids[*count] = PQgetvalue(rows, i, NUMBER);
    filled = fill_stranger(rows, i, arena, &all[(*count)++]);
  }
  code = filled ? leave_out_moved(db, known, arena, all, oids, count, err) : pgr_fail(err, PGR_ENOMEM, "out of memory");
  PQclear(rows);
  *out = all;
  return code;
}
