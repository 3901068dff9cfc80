/* Which version of a declared trigger a database has. A function's source says it, byte for byte; what a trigger is
 * like (its WHEN, whether it is enabled) is compared with the record that was made when it was installed, for the
 * server writes definitions in its own words. Invariant: what is written without a schema is looked up by the session's
 * search path, everything else with pg_catalog alone in it. */
#include "installed_internal.h"
#include "journal_internal.h"

#include "pgr_mem.h"
#include "pgr_names.h"
#include <openssl/evp.h>
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

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

pgr__found_trigger *pgr__found_trigger_of(const pgr__looking *l, const pgr_made_trigger *made) {
  for (size_t i = 0; i < l->trigger_count; i++) {
    const pgr_made_trigger *m = l->triggers[i].made;
    if (same(m->name, made->name) && same(m->table, made->table) && same(m->schema, made->schema))
      return &l->triggers[i];
  }
  return NULL;
}

pgr__found_function *pgr__found_function_of(const pgr__looking *l, const char *schema, const char *name) {
  for (size_t i = 0; i < l->function_count; i++)
    if (same(l->functions[i].made->name, name) && same(l->functions[i].made->schema, schema)) return &l->functions[i];
  return NULL;
}

/* Lists what all versions make, each once. */
static pgr_code list_made(pgr__looking *l) {
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
      if (!pgr__found_trigger_of(l, &made->triggers[k])) l->triggers[l->trigger_count++].made = &made->triggers[k];
    for (size_t k = 0; k < made->function_count; k++)
      if (!pgr__found_function_of(l, made->functions[k].schema, made->functions[k].name))
        l->functions[l->function_count++].made = &made->functions[k];
  }
  return PGR_OK;
}

/* By the search path where no schema is written. */
static pgr_code find_names(pgr__looking *l) {
  static const char sql[] =
      "SELECT p.prosrc FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n"
      " ON n.oid OPERATOR(pg_catalog.=) p.pronamespace WHERE p.proname OPERATOR(pg_catalog.=) $2::pg_catalog.name"
      " AND CASE WHEN $1::pg_catalog.text IS NULL THEN pg_catalog.pg_function_is_visible(p.oid)"
      " ELSE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name END";
  pgr_code code = PGR_OK;
  for (size_t i = 0; i < l->trigger_count && !code; i++) {
    pgr__found_trigger *f = &l->triggers[i];
    pgr__relation relation;
    code = pgr__relation_find(l->db, f->made->schema, f->made->table, &relation, l->err);
    memcpy(f->relation, relation.oid, sizeof f->relation);
  }
  for (size_t i = 0; i < l->function_count && !code; i++) {
    pgr__found_function *f = &l->functions[i];
    const char *const values[] = {f->made->schema, f->made->name};
    code = pgr_db_query(l->db, sql, 2, values, &f->sources, l->err);
  }
  return code;
}

/* Of a record r; to_regclass would want USAGE of the schema. */
#define RECORDED_TABLE                                                                                                 \
  "(SELECT rc.oid FROM pg_class rc JOIN pg_namespace rn ON rn.oid = rc.relnamespace"                                   \
  " WHERE format('%I.%I', rn.nspname, rc.relname) = r.relation)"

/* No schema pgrace, or none that we may read: nothing is recorded. */
static pgr_code find_records(pgr__looking *l) {
  static const char there[] =
      "SELECT (SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
      " FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid"
      " WHERE n.nspname = 'pgrace' AND c.relname = 'triggers')";
  static const char sql[] = "SELECT trigger, " RECORDED_TABLE ", version, definition, enabled, source,"
                            " relation, to_jsonb(r) ->> 'attributes' FROM pgrace.triggers r WHERE name = $1";
  PGresult *answer = NULL;
  pgr_code code = pgr_db_query(l->db, there, 0, NULL, &answer, l->err);
  if (code) return code;
  bool readable = *PQgetvalue(answer, 0, 0) == 't';
  l->unreadable = !readable && !PQgetisnull(answer, 0, 0);
  PQclear(answer);
  return readable ? pgr_db_query(l->db, sql, 1, &l->t->name, &l->records, l->err) : PGR_OK;
}

pgr__record pgr__record_at(const pgr__looking *l, int row) {
  return (pgr__record){.trigger = PQgetvalue(l->records, row, 0),
                       .relation = PQgetvalue(l->records, row, 1),
                       .version = (int)strtol(PQgetvalue(l->records, row, 2), NULL, 10),
                       .definition = PQgetvalue(l->records, row, 3),
                       .enabled = *PQgetvalue(l->records, row, 4),
                       .source = PQgetvalue(l->records, row, 5),
                       .table = PQgetvalue(l->records, row, 6),
                       .attributes = PQgetisnull(l->records, row, 7) ? NULL : PQgetvalue(l->records, row, 7)};
}

bool pgr__record_of(const pgr__looking *l, const pgr__found_trigger *f, pgr__record *out) {
  for (int i = 0; l->records && i < PQntuples(l->records); i++) {
    *out = pgr__record_at(l, i);
    if (same(out->trigger, f->made->name) && same(out->relation, f->relation)) return true;
  }
  return false;
}

/* Whether "schema.name", as it is recorded, is a table of this name. */
static bool is_called(const char *recorded, const char *name) {
  pgr_buf tail;
  pgr_buf_init(&tail, 0);
  pgr_buf_adds(&tail, ".");
  pgr_sql_name(name, &tail);
  size_t len = strlen(recorded);
  bool called = !tail.failed && len > tail.len && strcmp(recorded + len - tail.len, pgr_buf_text(&tail)) == 0;
  pgr_buf_deinit(&tail);
  return called;
}

/* A table that is named without its schema is the one on which it was installed, if that is known, wherever the search
 * path of this session leads. */
static void look_where_installed(pgr__looking *l) {
  for (size_t i = 0; i < l->trigger_count; i++) {
    pgr__found_trigger *f = &l->triggers[i];
    pgr__record r;
    if (f->made->schema || pgr__record_of(l, f, &r)) continue;
    for (int row = 0; l->records && row < PQntuples(l->records); row++) {
      r = pgr__record_at(l, row);
      if (!same(r.trigger, f->made->name) || !*r.relation || !is_called(r.table, f->made->table)) continue;
      snprintf(f->relation, sizeof f->relation, "%s", r.relation);
      break;
    }
  }
}

static const char *kept(const pgr__looking *l, const PGresult *rows, int column, bool *failed) {
  if (PQgetisnull(rows, 0, column)) return NULL;
  const char *text = pgr_arena_strdup(l->arena, PQgetvalue(rows, 0, column));
  *failed = *failed || !text;
  return text;
}

static pgr_code find_trigger(const pgr__looking *l, pgr__found_trigger *f) {
  static const char sql[] =
      "SELECT oid FROM pg_trigger WHERE tgrelid = $1::oid AND tgname = $2::name AND NOT tgisinternal";
  const char *const values[] = {f->relation, f->made->name};
  PGresult *rows = NULL;
  if (!*f->relation) return PGR_OK;
  pgr_code code = pgr_db_query(l->db, sql, 2, values, &rows, l->err);
  if (code) return code;
  if (PQntuples(rows) > 0) snprintf(f->oid, sizeof f->oid, "%s", PQgetvalue(rows, 0, 0));
  PQclear(rows);
  return PGR_OK;
}

/* Of CREATE [CONSTRAINT] TRIGGER name …, as pg_get_triggerdef writes it: what a new name leaves as it is. */
#define AFTER_NAME(definition, name)                                                                                   \
  "right(" definition ", -length(quote_ident(" name ")) - CASE WHEN " definition                                       \
  " LIKE 'CREATE CONSTRAINT %' THEN 26 ELSE 15 END)"

/* One that was installed and is not there any more: perhaps it has another name now, or its table has. Records tell:
 * without one nobody knows that a trigger which looks alike is this one. */
static pgr_code find_moved(const pgr__looking *l, pgr__found_trigger *f) {
  static const char sql[] =
      "SELECT t.oid, t.tgname, t.tgrelid::regclass, t.tgrelid::text = $1"
      " FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_class c ON c.oid = t.tgrelid"
      " WHERE NOT t.tgisinternal AND t.tgparentid = 0 AND c.relpersistence <> 't'"
      " AND (p.proname = $3::name OR p.prosrc = $4) AND (t.tgrelid::text = $1) <> (t.tgname = $2::name)"
      " AND NOT EXISTS (SELECT FROM pgrace.triggers r WHERE r.trigger = t.tgname"
      " AND " RECORDED_TABLE " = t.tgrelid)"
      " AND (t.tgrelid::text <> $1 OR " AFTER_NAME("pg_get_triggerdef(t.oid)", "t.tgname") " = " AFTER_NAME(
          "$5", "$2") ") ORDER BY t.tgrelid::text = $1 DESC, p.proname = $3::name DESC, 2, 3 LIMIT 1";
  pgr__record r;
  PGresult *rows = NULL;
  bool failed = false;
  if (*f->oid || !pgr__record_of(l, f, &r)) return PGR_OK;
  const char *const values[] = {f->relation, f->made->name, f->made->function, r.source, r.definition};
  pgr_code code = pgr_db_query(l->db, sql, 5, values, &rows, l->err);
  if (code) return code;
  if (PQntuples(rows) > 0) {
    snprintf(f->oid, sizeof f->oid, "%s", PQgetvalue(rows, 0, 0));
    if (*PQgetvalue(rows, 0, 3) == 't')
      f->renamed = kept(l, rows, 1, &failed);
    else
      f->elsewhere = kept(l, rows, 2, &failed);
  }
  PQclear(rows);
  return failed ? no_memory(l->err) : PGR_OK;
}

/* Tables whose rows come with those of the trigger's table t.tgrelid, and which the trigger does not reach: partitions
 * have it, too. */
#define HEIRS                                                                                                          \
  "WITH RECURSIVE h(oid) AS (SELECT inhrelid FROM pg_inherits WHERE inhparent = t.tgrelid"                             \
  " UNION SELECT i.inhrelid FROM h JOIN pg_inherits i ON i.inhparent = h.oid)"                                         \
  " SELECT array_to_string((array_agg(h.oid::regclass::text ORDER BY h.oid::regclass::text))[1:3], ', ') AS names,"    \
  " count(*) AS count FROM h WHERE t.tgtype & 1 = 1"                                                                   \
  " AND NOT EXISTS (SELECT FROM pg_trigger x WHERE x.tgrelid = h.oid AND x.tgfoid = t.tgfoid"                          \
  " AND (x.tgenabled <> 'D' OR x.tgparentid <> 0))"

static pgr_code find_columns(const pgr__looking *l, pgr__found_trigger *f) {
  static const char sql[] = "SELECT a.attname FROM pg_trigger t, unnest(t.tgattr::int2[]) k(number)"
                            " JOIN pg_attribute a ON a.attnum = k.number WHERE t.oid = $1::oid"
                            " AND a.attrelid = t.tgrelid";
  const char *const values[] = {f->oid};
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(l->db, sql, 1, values, &rows, l->err);
  if (code) return code;
  f->column_count = (size_t)PQntuples(rows);
  const char **columns = pgr_arena_alloc(l->arena, (f->column_count + 1) * sizeof *columns);
  bool failed = !columns;
  for (size_t i = 0; i < f->column_count && !failed; i++) {
    columns[i] = pgr_arena_strdup(l->arena, PQgetvalue(rows, (int)i, 0));
    failed = !columns[i];
  }
  f->columns = columns;
  PQclear(rows);
  return failed ? no_memory(l->err) : PGR_OK;
}

static pgr_code describe(const pgr__looking *l, pgr__found_trigger *f) {
  static const char sql[] =
      "WITH RECURSIVE clones(oid, relation, enabled) AS (SELECT oid, tgrelid, tgenabled FROM pg_trigger"
      " WHERE oid = $1::oid UNION ALL SELECT t.oid, t.tgrelid, t.tgenabled"
      " FROM clones JOIN pg_trigger t ON t.tgparentid = clones.oid)"
      " SELECT t.tgenabled, p.proname, p.oid::regproc, p.prosrc, pg_get_triggerdef(t.oid), t.tgtype,"
      " t.tgqual IS NOT NULL, t.tgconstraint <> 0,"
      " (SELECT min(c.relation::regclass::text) FROM clones c WHERE c.enabled <> t.tgenabled),"
      " p.prosecdef, EXISTS (SELECT FROM unnest(p.proconfig) s WHERE s LIKE 'search\\_path=%'),"
      " " pgr__function_attributes ", heirs.names, heirs.count FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid,"
      " LATERAL (" HEIRS ") heirs WHERE t.oid = $1::oid";
  const char *const values[] = {f->oid};
  PGresult *rows = NULL;
  bool failed = false;
  if (!*f->oid) return PGR_OK;
  pgr_code code = pgr_db_query(l->db, sql, 1, values, &rows, l->err);
  if (code) return code;
  if (PQntuples(rows) > 0) {
    f->enabled = *PQgetvalue(rows, 0, 0);
    f->function = kept(l, rows, 1, &failed);
    f->function_shown = kept(l, rows, 2, &failed);
    f->source = kept(l, rows, 3, &failed);
    f->definition = kept(l, rows, 4, &failed);
    f->type = (int)strtol(PQgetvalue(rows, 0, 5), NULL, 10);
    f->conditional = *PQgetvalue(rows, 0, 6) == 't';
    f->constraint = *PQgetvalue(rows, 0, 7) == 't';
    f->partition = kept(l, rows, 8, &failed);
    f->definer = *PQgetvalue(rows, 0, 9) == 't';
    f->sets_path = *PQgetvalue(rows, 0, 10) == 't';
    f->attributes = kept(l, rows, 11, &failed);
    f->heirs = kept(l, rows, 12, &failed);
    f->heir_count = (int)strtol(PQgetvalue(rows, 0, 13), NULL, 10);
  }
  PQclear(rows);
  return failed ? no_memory(l->err) : find_columns(l, f);
}

/* Where a version makes the trigger on the table as it is called now, that is the same trigger. */
static void join_moved(const pgr__looking *l) {
  for (size_t i = 0; i < l->trigger_count; i++)
    for (size_t k = 0; k < l->trigger_count && l->triggers[i].elsewhere; k++)
      if (k != i && same(l->triggers[k].oid, l->triggers[i].oid)) l->triggers[i].same = &l->triggers[k];
}

static pgr_code find_all(pgr__looking *l) {
  pgr_code code = list_made(l);
  if (!code) code = find_names(l);
  if (!code) code = pgr_db_exec(l->db, "SET LOCAL search_path = pg_catalog; " pgr__printing_settings, l->err);
  if (!code) code = find_records(l);
  if (!code) look_where_installed(l);
  for (size_t i = 0; i < l->trigger_count && !code; i++) {
    code = find_trigger(l, &l->triggers[i]);
    if (!code) code = find_moved(l, &l->triggers[i]);
    if (!code) code = describe(l, &l->triggers[i]);
  }
  if (!code) join_moved(l);
  return code;
}

/* ---- what is around it ---- */

/* As a migration has it that is this version and nothing else. */
static pgr_code make_checksum(const pgr_source *s, char out[PGR_CHECKSUM_BYTES], pgr_err *err) {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned count = 0;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  for (const char *p = s->text; *p; p++)
    if (p[0] != '\r' || p[1] != '\n') pgr_buf_add(&text, p, 1);
  bool ok = !text.failed && EVP_Digest(pgr_buf_text(&text), text.len, bytes, &count, EVP_sha256(), NULL);
  pgr_buf_deinit(&text);
  for (unsigned i = 0; ok && i < count && 2 * i + 2 < PGR_CHECKSUM_BYTES; i++)
    snprintf(out + 2 * (size_t)i, 3, "%02x", bytes[i]);
  return ok ? PGR_OK : no_memory(err);
}

/* Which applied migration is a version of what is not there and not recorded any more. Nothing where the records cannot
 * be read: it may be that it was dropped by hand. */
static pgr_code find_installer(pgr__looking *l) {
  static const char readable[] = "SELECT (SELECT has_table_privilege(c.oid, 'SELECT') FROM pg_class c"
                                 " JOIN pg_namespace n ON n.oid = c.relnamespace"
                                 " WHERE n.nspname = 'pgrace' AND c.relname = 'migrations')";
  static const char sql[] = "SELECT number FROM pgrace.migrations WHERE checksum = $1 ORDER BY number DESC LIMIT 1";
  char checksum[PGR_CHECKSUM_BYTES], answer[8] = "";
  if (!l->records || PQntuples(l->records)) return PGR_OK;
  for (size_t i = 0; i < l->trigger_count; i++)
    if (*l->triggers[i].oid) return PGR_OK;
  pgr_code code = pgr_db_query_text(l->db, readable, answer, sizeof answer, l->err);
  if (code || *answer != 't') return code;
  for (size_t i = l->t->version_count; i-- > 0 && !code && !l->installed_by;) {
    const char *const values[] = {checksum};
    PGresult *rows = NULL;
    code = make_checksum(&l->t->versions[i].source, checksum, l->err);
    if (!code) code = pgr_db_query(l->db, sql, 1, values, &rows, l->err);
    if (!code && PQntuples(rows) > 0) {
      l->installed_by = strtoll(PQgetvalue(rows, 0, 0), NULL, 10);
      l->installed_version = l->t->versions[i].number;
    }
    PQclear(rows);
  }
  return code;
}

/* Of two settings of the same role, that for this database counts. */
static pgr_code find_silent(pgr__looking *l) {
  static const char sql[] =
      "WITH s AS (SELECT setdatabase, setrole, lower(substr(c, 26)) AS value FROM pg_db_role_setting, "
      "unnest(setconfig) c"
      " WHERE c LIKE 'session\\_replication\\_role=%' AND (setdatabase = 0 OR setdatabase ="
      " (SELECT oid FROM pg_database WHERE datname = current_database())))"
      " SELECT CASE WHEN own.setting = 'replica' AND own.source IN ('configuration file', 'command line')"
      " THEN 'all sessions of the server have' ELSE coalesce((SELECT string_agg("
      "CASE WHEN setrole <> 0 THEN 'sessions of role ' || quote_ident(pg_get_userbyid(setrole))"
      " WHEN setdatabase <> 0 THEN 'sessions of this database' ELSE 'sessions of all databases' END,"
      " ', ' ORDER BY setrole, setdatabase) || ' have' FROM s WHERE value = 'replica' AND (setdatabase <> 0"
      " OR NOT EXISTS (SELECT FROM s nearer WHERE nearer.setrole = s.setrole AND nearer.setdatabase <> 0))),"
      " CASE WHEN own.setting = 'replica' THEN 'this session has' END) END"
      " FROM pg_settings own WHERE own.name = 'session_replication_role'";
  PGresult *rows = NULL;
  bool failed = false;
  pgr_code code = pgr_db_query(l->db, sql, 0, NULL, &rows, l->err);
  if (code) return code;
  if (PQntuples(rows) > 0) l->silent = kept(l, rows, 0, &failed);
  PQclear(rows);
  return failed ? no_memory(l->err) : PGR_OK;
}

/* What is begun wants `end`. */
static pgr_code begin(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, pgr__look *look, pgr__looking *l,
                      pgr_err *err) {
  *l = (pgr__looking){.db = db, .t = t, .arena = arena, .err = err};
  return pgr__look_begin(look, db, err);
}

static pgr_code end(pgr__look *look, pgr__looking *l, pgr_code code) {
  for (size_t i = 0; i < l->function_count; i++)
    PQclear(l->functions[i].sources);
  PQclear(l->records);
  return pgr__look_end(look, code, l->err);
}

pgr_code pgr_installed_trigger(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, pgr_installed *out, pgr_err *err) {
  pgr__looking l;
  pgr__look look;
  *out = (pgr_installed){.presence = PGR_PRESENCE_ABSENT};
  pgr_code code = begin(db, t, arena, &look, &l, err);
  if (code) return code;
  code = find_all(&l);
  if (!code) code = find_installer(&l);
  if (!code) code = find_silent(&l);
  if (!code) code = pgr__judge(&l, out);
  return end(&look, &l, code);
}

pgr_code pgr__moved_find(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, const char *const **oids, size_t *count,
                         pgr_err *err) {
  pgr__looking l;
  pgr__look look;
  *count = 0;
  pgr_code code = begin(db, t, arena, &look, &l, err);
  if (code) return code;
  code = find_all(&l);
  const char **found = code ? NULL : pgr_arena_alloc(arena, (l.trigger_count + 1) * sizeof *found);
  if (!code && !found) code = no_memory(err);
  for (size_t i = 0; found && i < l.trigger_count; i++)
    if (l.triggers[i].renamed || l.triggers[i].elsewhere) found[(*count)++] = l.triggers[i].oid;
  *oids = found;
  return end(&look, &l, code);
}
