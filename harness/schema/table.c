/* A table as the catalogs describe it: facts for whoever writes rows, and a CREATE TABLE of as much of it as a scenario
 * needs. Invariant: names and types are written by the server's own functions with nothing but public in the search
 * path, so that they mean the same in an empty database, and in both functions here. */
#include "installed_internal.h"
#include "journal_internal.h"

#include "pgr_mem.h"
#include "pgr_names.h"
#include "pgr_units.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- finding it ---- */

/* What is asked while the session's search path is in force names its operators and types whole: others may have made
 * some of the same name, in a schema that comes first. */

static pgr_code no_memory(pgr_err *err) {
  return pgr_fail(err, PGR_ENOMEM, "out of memory");
}

pgr_code pgr__relation_find(pgr_db *db, const char *schema, const char *table, pgr__relation *out, pgr_err *err) {
  static const char sql[] =
      "SELECT c.oid, c.relkind, c.relpersistence OPERATOR(pg_catalog.=) 't',"
      " n.nspname OPERATOR(pg_catalog.=) ANY ('{pg_catalog,information_schema,pg_toast}'::pg_catalog.name[])"
      " FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
      " WHERE CASE WHEN $1::pg_catalog.name IS NULL THEN c.oid OPERATOR(pg_catalog.=)"
      " pg_catalog.to_regclass(pg_catalog.quote_ident($2::pg_catalog.text))"
      " ELSE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.name"
      " AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.text::pg_catalog.name END";
  PGresult *found = NULL;
  *out = (pgr__relation){0};
  pgr_code code = pgr_db_query(db, sql, 2, (const char *const[]){schema, table}, &found, err);
  if (code) return code;
  if (PQntuples(found) > 0) {
    snprintf(out->oid, sizeof out->oid, "%s", PQgetvalue(found, 0, 0));
    out->kind = *PQgetvalue(found, 0, 1);
    out->temporary = *PQgetvalue(found, 0, 2) == 't';
    out->system = *PQgetvalue(found, 0, 3) == 't';
  }
  PQclear(found);
  return PGR_OK;
}

/* "app.conversations", for messages: as it would be written in SQL. */
static const char *shown_name(const char *schema, const char *table, char out[160]) {
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_sql_qualified(schema, table, &b);
  snprintf(out, 160, "%s", pgr_buf_text(&b));
  pgr_buf_deinit(&b);
  return out;
}

/* Says so, with the table that may have been meant: of the same name in another schema, or else the nearest name. */
static pgr_code no_table(pgr_db *db, const char *schema, const char *table, pgr_err *err) {
  static const char sql[] =
      "SELECT pg_catalog.concat(CASE WHEN NOT pg_catalog.pg_table_is_visible(c.oid)"
      " THEN pg_catalog.concat(pg_catalog.quote_ident(n.nspname), '.') END, pg_catalog.quote_ident(c.relname)),"
      " c.relname OPERATOR(pg_catalog.=) $1::pg_catalog.name FROM pg_catalog.pg_class c"
      " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
      " WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog.\"char\"[])"
      " AND n.nspname OPERATOR(pg_catalog.<>) ALL ('{pg_catalog,information_schema}'::pg_catalog.name[])"
      " AND n.nspname OPERATOR(pg_catalog.!~~) 'pg\\_t%' ORDER BY 2 DESC, 1 LIMIT 2000";
  char name[160];
  PGresult *tables = NULL;
  pgr_code code = pgr_db_query(db, sql, 1, &table, &tables, err);
  if (code) return code;
  int count = PQntuples(tables);
  const char **names = pgr_calloc((size_t)count + 1, sizeof *names), *near = NULL;
  for (int i = 0; names && i < count; i++)
    names[i] = PQgetvalue(tables, i, 0);
  shown_name(schema, table, name);
  if (names && count > 0) near = *PQgetvalue(tables, 0, 1) == 't' ? names[0] : pgr_nearest(name, names);
  code = pgr_fail(err, PGR_EUSAGE, "there is no table %s%s%s%s", name, near ? ", did you mean " : "", near ? near : "",
                  near    ? "?"
                  : count ? ""
                          : ", and no other one");
  pgr_free(names);
  PQclear(tables);
  return code;
}

static pgr_code find_table(pgr_db *db, const char *schema, const char *table, pgr__relation *out, pgr_err *err) {
  char name[160];
  pgr_code code = pgr__relation_find(db, schema, table, out, err);
  if (code) return code;
  if (out->system)
    return pgr_fail(err, PGR_EUSAGE, "%s is PostgreSQL's own: a rule is about a table of yours",
                    shown_name(schema, table, name));
  if (out->temporary && out->kind != 'S')
    return pgr_fail(err, PGR_EUSAGE, "%s is temporary, it goes with its session: a rule is about a table that stays",
                    shown_name(schema, table, name));
  switch (out->kind) {
  case '\0': return no_table(db, schema, table, err);
  case 'r':
  case 'p': return PGR_OK;
  case 'v':
  case 'm':
    return pgr_fail(err, PGR_EUSAGE, "%s is a view: a rule is about the rows of a table, give the one below it",
                    shown_name(schema, table, name));
  case 'f':
    return pgr_fail(err, PGR_EUSAGE, "%s is a foreign table: a rule of this database cannot guard it",
                    shown_name(schema, table, name));
  default: return pgr_fail(err, PGR_EUSAGE, "%s is no table", shown_name(schema, table, name));
  }
}

/* Finds the table; then nothing but public is in the search path, and the session's settings change no text, until the
 * look ends. */
static pgr_code begin(pgr__look *look, pgr_db *db, const char *schema, const char *table, pgr__relation *out,
                      pgr_err *err) {
  pgr_code code = pgr__look_begin(look, db, err);
  if (code) return code;
  code = find_table(db, schema, table, out, err);
  if (!code) code = pgr_db_exec(db, "SET LOCAL search_path = public; " pgr__printing_settings, err);
  return code ? pgr__look_end(look, code, err) : PGR_OK;
}

/* ---- facts ---- */

/* Whether what the type d.base is made of has a default operator class of btree or hash, of its own or of a type that
 * it is the same bytes as: the = of others is another relation than being the same value, or there is none. An array is
 * as its elements are, a composite as its columns. */
#define comparable_sql                                                                                                 \
  "WITH RECURSIVE m(id) AS (SELECT d.base UNION SELECT x.id FROM m JOIN pg_catalog.pg_type t ON t.oid = m.id,"         \
  " LATERAL (SELECT t.typelem AS id WHERE t.typcategory = 'A' AND t.typlen = -1"                                       \
  " UNION ALL SELECT t.typbasetype WHERE t.typtype = 'd'"                                                              \
  " UNION ALL SELECT f.atttypid FROM pg_catalog.pg_attribute f WHERE t.typtype = 'c' AND f.attrelid = t.typrelid"      \
  " AND f.attnum > 0 AND NOT f.attisdropped) x)"                                                                       \
  " SELECT coalesce(pg_catalog.bool_and(t.typtype IN ('e', 'r', 'm') OR EXISTS (SELECT FROM pg_catalog.pg_opclass o"   \
  " JOIN pg_catalog.pg_am a ON a.oid = o.opcmethod WHERE o.opcdefault AND a.amname IN ('btree', 'hash')"               \
  " AND (o.opcintype = t.oid OR EXISTS (SELECT FROM pg_catalog.pg_cast c WHERE c.castsource = t.oid"                   \
  " AND c.casttarget = o.opcintype AND c.castmethod = 'b' AND c.castcontext = 'i')))), true) AS comparable"            \
  " FROM m JOIN pg_catalog.pg_type t ON t.oid = m.id"                                                                  \
  " WHERE t.typtype NOT IN ('c', 'd') AND NOT (t.typcategory = 'A' AND t.typlen = -1)"

/* A row a column, in their order: name, type, category, NOT NULL, has a default, is generated, kind of its type for
 * `values_of`, whether the type may refuse such values, three labels of an enum,
 * comparable. A domain is what it is made of. */
static const char columns_sql[] =
    "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod), b.typcategory, a.attnotnull OR d.not_null,"
    " (a.atthasdef AND a.attgenerated = '') OR a.attidentity <> '' OR d.has_default,"
    " a.attgenerated <> '' OR a.attidentity = 'a',"
    " CASE WHEN b.typtype = 'e' THEN 'enum' WHEN b.typcategory = 'A' AND b.typlen = -1 THEN 'array'"
    " WHEN b.typcategory = 'S' THEN 'text' WHEN n.nspname = 'pg_catalog' THEN b.typname ELSE '' END,"
    " d.depth > 0 OR (a.atttypmod >= 0 AND b.typcategory <> 'S'), e.labels[1], e.labels[2], e.labels[3], s.comparable"
    " FROM pg_catalog.pg_attribute a,"
    " LATERAL (WITH RECURSIVE r(id, depth) AS (SELECT a.atttypid, 0 UNION ALL SELECT t.typbasetype, r.depth + 1"
    " FROM r JOIN pg_catalog.pg_type t ON t.oid = r.id WHERE t.typtype = 'd')"
    " SELECT (pg_catalog.array_agg(r.id ORDER BY r.depth DESC))[1] AS base, pg_catalog.bool_or(t.typnotnull) AS "
    "not_null,"
    " pg_catalog.bool_or(t.typdefault IS NOT NULL) AS has_default, pg_catalog.max(r.depth) AS depth"
    " FROM r JOIN pg_catalog.pg_type t ON t.oid = r.id) d"
    " JOIN pg_catalog.pg_type b ON b.oid = d.base JOIN pg_catalog.pg_namespace n ON n.oid = b.typnamespace,"
    " LATERAL (SELECT pg_catalog.array_agg(enumlabel::text ORDER BY enumsortorder) AS labels"
    " FROM pg_catalog.pg_enum WHERE enumtypid = d.base) e,"
    " LATERAL (" comparable_sql ") s"
    " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum";
enum { VALUES = 3 };
enum { NAME, TYPE, CATEGORY, NOT_NULL, HAS_DEFAULT, GENERATED, KIND, UNSURE, LABELS, COMPARABLE = LABELS + VALUES };

/* Two or three values of a kind of type, distinct ones; NULL where pgrace knows none. */
static const char *const *values_of(const char *kind) {
  static const struct {
    const char *kinds; /* between spaces */
    const char *values[VALUES];
  } known[] = {
      {" int2 int4 int8 numeric float4 float8 money oid json jsonb ", {"1", "2", "3"}},
      {" text ", {"a", "b", "c"}},
      {" bool ", {"true", "false", NULL}},
      {" uuid ",
       {"00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002",
        "00000000-0000-4000-8000-000000000003"}},
      {" date ", {"2001-01-01", "2001-01-02", "2001-01-03"}},
      {" timestamp ", {"2001-01-01 00:00:00", "2001-01-02 00:00:00", "2001-01-03 00:00:00"}},
      {" timestamptz ", {"2001-01-01 00:00:00+00", "2001-01-02 00:00:00+00", "2001-01-03 00:00:00+00"}},
      {" time ", {"01:00:00", "02:00:00", "03:00:00"}},
      {" timetz ", {"01:00:00+00", "02:00:00+00", "03:00:00+00"}},
      {" interval ", {"1 day", "2 days", "3 days"}},
      {" bytea ", {"\\x01", "\\x02", "\\x03"}},
      {" inet ", {"192.0.2.1", "192.0.2.2", "192.0.2.3"}},
      {" cidr ", {"192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"}},
      {" macaddr ", {"00:00:5e:00:53:01", "00:00:5e:00:53:02", "00:00:5e:00:53:03"}},
      {" array ", {"{}", "{NULL}", "{NULL,NULL}"}},
  };
  char word[80];
  snprintf(word, sizeof word, " %s ", kind);
  for (size_t i = 0; *kind && i < sizeof known / sizeof *known; i++)
    if (strstr(known[i].kinds, word)) return known[i].values;
  return NULL;
}

/* Whether the type takes the value: a domain has checks, numeric(2,2) no 1. */
static pgr_code takes(pgr_db *db, const char *type, const char *value, bool *out, pgr_err *err) {
  char sql[400];
  pgr_err ignored;
  PGresult *cast = NULL;
  *out = false;
  if (snprintf(sql, sizeof sql, "SELECT CAST($1 AS %s)", type) >= (int)sizeof sql) return PGR_OK;
  pgr_code code = pgr_db_exec(db, "SAVEPOINT pgrace_value", err);
  if (code) return code;
  code = pgr_db_query(db, sql, 1, &value, &cast, err);
  *out = !code;
  if (!code) PQclear(cast);
  if (code && !pgr_db_blames_sql(db)) return code;
  return pgr_db_exec(db, "ROLLBACK TO SAVEPOINT pgrace_value", code ? &ignored : err);
}

static const char *kept(pgr_arena *arena, const PGresult *rows, int row, int column, bool *failed) {
  if (PQgetisnull(rows, row, column)) return NULL;
  const char *text = pgr_arena_strdup(arena, PQgetvalue(rows, row, column));
  *failed = *failed || !text;
  return text;
}

static bool is_true(const PGresult *rows, int row, int column) {
  return *PQgetvalue(rows, row, column) == 't';
}

static pgr_code fill_column(pgr_db *db, pgr_arena *arena, const PGresult *rows, int row, pgr_rule_target_column *out,
                            pgr_err *err) {
  bool failed = false, taken = true;
  const char *kind = PQgetvalue(rows, row, KIND);
  bool labels = strcmp(kind, "enum") == 0;
  const char *const *values = labels ? NULL : values_of(kind);
  int count = 0;
  *out = (pgr_rule_target_column){.category = *PQgetvalue(rows, row, CATEGORY),
                                  .not_null = is_true(rows, row, NOT_NULL),
                                  .has_default = is_true(rows, row, HAS_DEFAULT),
                                  .generated = is_true(rows, row, GENERATED),
                                  .comparable = is_true(rows, row, COMPARABLE)};
  out->name = kept(arena, rows, row, NAME, &failed);
  out->type = kept(arena, rows, row, TYPE, &failed);
  for (int i = 0; i < VALUES && !failed; i++) {
    const char *value = labels ? kept(arena, rows, row, LABELS + i, &failed) : values ? values[i] : NULL;
    pgr_code code = value && is_true(rows, row, UNSURE) ? takes(db, out->type, value, &taken, err) : PGR_OK;
    if (code) return code;
    if (value && taken) out->values[count++] = value;
  }
  return failed ? no_memory(err) : PGR_OK;
}

static pgr_code fill_columns(pgr_db *db, const char *oid, pgr_arena *arena, pgr_rule_target *out, pgr_err *err) {
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, columns_sql, 1, &oid, &rows, err);
  if (code) return code;
  int count = PQntuples(rows);
  pgr_rule_target_column *columns = pgr_arena_alloc(arena, ((size_t)count + 1) * sizeof *columns);
  if (!columns) code = no_memory(err);
  for (int i = 0; i < count && columns && !code; i++)
    code = fill_column(db, arena, rows, i, &columns[i], err);
  out->columns = columns;
  out->column_count = count;
  PQclear(rows);
  return code;
}

static pgr_code fill_key(pgr_db *db, const char *oid, pgr_arena *arena, pgr_rule_target *out, pgr_err *err) {
  static const char sql[] = "SELECT a.attname FROM pg_catalog.pg_index i,"
                            " pg_catalog.unnest(i.indkey) WITH ORDINALITY k(attnum, place)"
                            " JOIN pg_catalog.pg_attribute a ON a.attnum = k.attnum"
                            " WHERE i.indrelid = $1::oid AND i.indisprimary AND a.attrelid = i.indrelid"
                            " AND k.place <= i.indnkeyatts ORDER BY k.place";
  PGresult *rows = NULL;
  bool failed = false;
  pgr_code code = pgr_db_query(db, sql, 1, &oid, &rows, err);
  if (code) return code;
  int count = PQntuples(rows);
  const char **key = pgr_arena_alloc(arena, ((size_t)count + 1) * sizeof *key);
  for (int i = 0; i < count && key; i++)
    key[i] = kept(arena, rows, i, 0, &failed);
  PQclear(rows);
  if (!key || failed) return no_memory(err);
  out->key = key;
  out->key_count = count;
  return PGR_OK;
}

/* Who else has a say in its rows. */
static pgr_code fill_kin(pgr_db *db, const char *oid, pgr_rule_target *out, pgr_err *err) {
  static const char sql[] =
      "WITH RECURSIVE heirs(oid) AS (SELECT i.inhrelid FROM pg_catalog.pg_inherits i WHERE i.inhparent = $1::oid"
      " UNION SELECT i.inhrelid FROM heirs JOIN pg_catalog.pg_inherits i ON i.inhparent = heirs.oid)"
      " SELECT c.relkind = 'p', c.relispartition, CASE WHEN c.relkind = 'p' THEN 0 ELSE"
      " (SELECT pg_catalog.count(*) FROM heirs) END, (SELECT pg_catalog.count(*) FROM pg_catalog.pg_trigger t"
      " WHERE t.tgrelid = c.oid AND NOT t.tgisinternal AND t.tgparentid = 0)"
      " FROM pg_catalog.pg_class c WHERE c.oid = $1::oid";
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, sql, 1, &oid, &rows, err);
  if (code) return code;
  if (PQntuples(rows) > 0) {
    out->partitioned = *PQgetvalue(rows, 0, 0) == 't';
    out->partition = *PQgetvalue(rows, 0, 1) == 't';
    out->children = (int)strtol(PQgetvalue(rows, 0, 2), NULL, 10);
    out->triggers = (int)strtol(PQgetvalue(rows, 0, 3), NULL, 10);
  }
  PQclear(rows);
  return PGR_OK;
}

pgr_code pgr_installed_table(pgr_db *db, const char *schema, const char *table, pgr_arena *arena, pgr_rule_target *out,
                             pgr_err *err) {
  pgr__look look;
  pgr__relation relation;
  *out = (pgr_rule_target){0};
  pgr_code code = begin(&look, db, schema, table, &relation, err);
  if (code) return code;
  code = fill_columns(db, relation.oid, arena, out, err);
  if (!code) code = fill_key(db, relation.oid, arena, out, err);
  if (!code) code = fill_kin(db, relation.oid, out, err);
  return pgr__look_end(&look, code, err);
}

/* ---- CREATE TABLE ---- */

/* $1: the table, $2: names of columns. Of each column that is wanted: whether it is in the key, the text of its default
 * or expression as far as that needs nothing but the table and its types. A sequence, and a default of the key that
 * needs more, are replaced by what needs nothing, so that rows can be written as before. */
#define WANTED                                                                                                         \
  "WITH key AS (SELECT pg_catalog.unnest(indkey) AS attnum FROM pg_catalog.pg_index"                                   \
  " WHERE indrelid = $1::oid AND indisprimary),"                                                                       \
  " described AS (SELECT a.*, a.attnum IN (SELECT attnum FROM key) AS in_key, t.typbasetype, t.typname,"               \
  " t.typnotnull, t.typdefault, pg_catalog.pg_get_expr(f.adbin, f.adrelid, true) AS expression, f.oid AS default_oid," \
  " NOT EXISTS (SELECT FROM pg_catalog.pg_depend p WHERE p.classid = 'pg_catalog.pg_attrdef'::regclass"                \
  " AND p.objid = f.oid AND NOT (p.refclassid = 'pg_catalog.pg_class'::regclass AND p.refobjid = a.attrelid)"          \
  " AND NOT (p.refclassid = 'pg_catalog.pg_type'::regclass AND p.refobjid IN (a.atttypid, t.typbasetype))) AS alone"   \
  " FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid"                                    \
  " LEFT JOIN pg_catalog.pg_attrdef f ON f.adrelid = a.attrelid AND f.adnum = a.attnum"                                \
  " WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped),"                                              \
  " chosen AS (SELECT * FROM described WHERE in_key OR attname = ANY ($2::text[]) OR ((attnotnull OR typnotnull)"      \
  " AND NOT atthasdef AND attidentity = '' AND typdefault IS NULL)),"                                                  \
  " wanted AS (SELECT * FROM described d WHERE d.attnum IN (SELECT attnum FROM chosen) OR EXISTS (SELECT"              \
  " FROM chosen c JOIN pg_catalog.pg_depend p ON p.objid = c.default_oid WHERE c.attgenerated <> '' AND c.alone"       \
  " AND p.classid = 'pg_catalog.pg_attrdef'::regclass AND p.refclassid = 'pg_catalog.pg_class'::regclass"              \
  " AND p.refobjid = d.attrelid AND p.refobjsubid = d.attnum))"

/* A row a line: the column as CREATE TABLE takes it; then its name and type, for messages. */
static const char lines_sql[] = WANTED
    " SELECT pg_catalog.quote_ident(attname) || ' ' || pg_catalog.format_type(atttypid, atttypmod) || CASE"
    " WHEN attidentity = 'a' THEN ' GENERATED ALWAYS AS IDENTITY'"
    " WHEN attidentity = 'd' THEN ' GENERATED BY DEFAULT AS IDENTITY'"
    " WHEN attgenerated = 's' AND alone THEN ' GENERATED ALWAYS AS (' || expression || ') STORED'"
    " WHEN NOT atthasdef OR attgenerated <> '' THEN ''"
    " WHEN alone THEN ' DEFAULT ' || expression"
    " WHEN (in_key OR expression LIKE 'nextval(%') AND atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)"
    " THEN ' GENERATED BY DEFAULT AS IDENTITY'"
    " WHEN in_key AND atttypid = 'uuid'::regtype THEN ' DEFAULT gen_random_uuid()'"
    " WHEN in_key AND atttypid = 'text'::regtype THEN ' DEFAULT gen_random_uuid()::text' ELSE '' END"
    " || CASE WHEN (SELECT pg_catalog.count(*) FROM key) = 1 AND in_key THEN ' PRIMARY KEY'"
    " WHEN attnotnull AND attidentity = '' AND NOT in_key THEN ' NOT NULL' ELSE '' END"
    " FROM wanted ORDER BY attnum";

static const char key_sql[] =
    "SELECT pg_catalog.string_agg(pg_catalog.quote_ident(a.attname), ', ' ORDER BY k.place) FROM pg_catalog.pg_index i,"
    " pg_catalog.unnest(i.indkey) WITH ORDINALITY k(attnum, place), pg_catalog.pg_attribute a"
    " WHERE i.indrelid = $1::oid AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.attnum"
    " AND k.place <= i.indnkeyatts HAVING pg_catalog.count(*) > 1";

/* The types of what is wanted, and what those are made of, as far as no database has them anyway: the deeper first. */
#define OWN_TYPES                                                                                                      \
  "WITH RECURSIVE need(id, depth) AS (SELECT atttypid, 0 FROM (" WANTED                                                \
  " SELECT * FROM wanted) w UNION ALL SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.typelem END,"           \
  " need.depth + 1 FROM need JOIN pg_catalog.pg_type t ON t.oid = need.id"                                             \
  " WHERE t.typtype = 'd' OR (t.typcategory = 'A' AND t.typlen = -1)),"                                                \
  " own AS (SELECT t.oid, t.typname, t.typtype, t.typbasetype, t.typtypmod, t.typnotnull, t.typdefaultbin,"            \
  " pg_catalog.max(need.depth) AS depth, n.nspname, x.extname, x.nspname AS extension_schema"                          \
  " FROM need JOIN pg_catalog.pg_type t ON t.oid = need.id JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace"   \
  " LEFT JOIN LATERAL (SELECT e.extname, s.nspname FROM pg_catalog.pg_depend p"                                        \
  " JOIN pg_catalog.pg_extension e ON e.oid = p.refobjid JOIN pg_catalog.pg_namespace s ON s.oid = e.extnamespace"     \
  " WHERE p.classid = 'pg_catalog.pg_type'::regclass AND p.objid = t.oid AND p.deptype = 'e'"                          \
  " AND p.refclassid = 'pg_catalog.pg_extension'::regclass) x ON true"                                                 \
  " WHERE n.nspname <> 'pg_catalog' AND NOT (t.typcategory = 'A' AND t.typlen = -1 AND t.typtype = 'b')"               \
  " GROUP BY t.oid, n.nspname, x.extname, x.nspname)"

/* A statement a row. $3: the schema that the table is named with. */
static const char places_sql[] = OWN_TYPES
    " SELECT 'CREATE SCHEMA IF NOT EXISTS ' || pg_catalog.quote_ident(s) AS statement, '' AS name, 1 AS step"
    " FROM (SELECT coalesce(extension_schema, nspname) AS s FROM own UNION SELECT $3::text) schemas"
    " WHERE s NOT IN ('public', 'pg_catalog') UNION"
    " SELECT 'CREATE EXTENSION IF NOT EXISTS ' || pg_catalog.quote_ident(extname)"
    " || CASE WHEN extension_schema IN ('public', 'pg_catalog') THEN ''"
    " ELSE ' WITH SCHEMA ' || pg_catalog.quote_ident(extension_schema) END, '', 2 FROM own WHERE extname IS NOT NULL"
    " ORDER BY 3, 1";

/* A statement a row, in the order in which they must run; NULL for a type that cannot be written. Then its name. */
static const char types_sql[] =
    OWN_TYPES " SELECT CASE typtype"
              " WHEN 'e' THEN 'CREATE TYPE ' || pg_catalog.format_type(oid, NULL) || ' AS ENUM (' || coalesce((SELECT"
              " pg_catalog.string_agg(pg_catalog.quote_literal(enumlabel), ', ' ORDER BY enumsortorder)"
              " FROM pg_catalog.pg_enum WHERE enumtypid = own.oid), '') || ')'"
              " WHEN 'd' THEN 'CREATE DOMAIN ' || pg_catalog.format_type(oid, NULL) || ' AS '"
              " || pg_catalog.format_type(typbasetype, typtypmod)"
              " || CASE WHEN typdefaultbin IS NULL OR EXISTS (SELECT FROM pg_catalog.pg_depend p"
              " WHERE p.classid = 'pg_catalog.pg_type'::regclass AND p.objid = own.oid AND p.refclassid IN"
              " ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass)) THEN ''"
              " ELSE ' DEFAULT ' || pg_catalog.pg_get_expr(typdefaultbin, 0, true) END"
              " || CASE WHEN typnotnull THEN ' NOT NULL' ELSE '' END || coalesce((SELECT"
              " pg_catalog.string_agg(' ' || pg_catalog.pg_get_constraintdef(c.oid, true), '' ORDER BY c.conname)"
              " FROM pg_catalog.pg_constraint c WHERE c.contypid = own.oid AND c.contype = 'c' AND NOT EXISTS (SELECT"
              " FROM pg_catalog.pg_depend p WHERE p.classid = 'pg_catalog.pg_constraint'::regclass AND p.objid = c.oid"
              " AND p.refclassid <> 'pg_catalog.pg_type'::regclass)), '') END, pg_catalog.format_type(oid, NULL)"
              " FROM own WHERE extname IS NULL ORDER BY depth DESC, 2";

/* Appends {"a","b"}, as an array's text. */
static void add_array(const char *const *names, int count, pgr_buf *out) {
  pgr_buf_adds(out, "{");
  for (int i = 0; i < count; i++) {
    pgr_buf_adds(out, i ? ",\"" : "\"");
    for (const char *p = names[i]; *p; p++) {
      if (*p == '"' || *p == '\\') pgr_buf_adds(out, "\\");
      pgr_buf_add(out, p, 1);
    }
    pgr_buf_adds(out, "\"");
  }
  pgr_buf_adds(out, "}");
}

static pgr_code no_column(const char *table, const char *column, const char *const *names, pgr_err *err) {
  char quoted[160];
  const char *near = pgr_nearest(column, names);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  if (near) pgr_sql_name(near, &b);
  shown_name(NULL, column, quoted);
  pgr_code code = pgr_fail(err, PGR_EUSAGE, "%.63s has no column %s%s%s%s", table, quoted,
                           near ? ", did you mean " : "", pgr_buf_text(&b), near ? "?" : "");
  pgr_buf_deinit(&b);
  return code;
}

static pgr_code check_columns(pgr_db *db, const char *oid, const char *table, const char *const *columns, int count,
                              pgr_err *err) {
  static const char sql[] = "SELECT attname FROM pg_catalog.pg_attribute WHERE attrelid = $1::oid AND attnum > 0"
                            " AND NOT attisdropped ORDER BY attnum";
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, sql, 1, &oid, &rows, err);
  if (code) return code;
  int there = PQntuples(rows);
  const char **names = pgr_calloc((size_t)there + 1, sizeof *names);
  if (!names) code = no_memory(err);
  for (int i = 0; i < there && names; i++)
    names[i] = PQgetvalue(rows, i, 0);
  for (int i = 0; i < count && names && !code; i++) {
    int k = 0;
    while (k < there && strcmp(names[k], columns[i]) != 0)
      k++;
    if (k == there) code = no_column(table, columns[i], names, err);
  }
  pgr_free(names);
  PQclear(rows);
  return code;
}

static pgr_code write_statements(pgr_db *db, const char *sql, int count, const char *const *parameters, pgr_buf *out,
                                 pgr_err *err) {
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, sql, count, parameters, &rows, err);
  if (code) return code;
  for (int i = 0; i < PQntuples(rows) && !code; i++) {
    if (PQgetisnull(rows, i, 0))
      code = pgr_fail(err, PGR_EUSAGE,
                      "the type %s is needed, which is neither an enum nor a domain nor an extension's: write the "
                      "CREATE TABLE by hand",
                      PQgetvalue(rows, i, 1));
    else
      pgr_buf_addf(out, "%s;\n", PQgetvalue(rows, i, 0));
  }
  PQclear(rows);
  return code;
}

static pgr_code write_lines(pgr_db *db, const char *const parameters[2], pgr_buf *out, pgr_err *err) {
  PGresult *lines = NULL, *key = NULL;
  pgr_code code = pgr_db_query(db, lines_sql, 2, parameters, &lines, err);
  if (code) return code;
  code = pgr_db_query(db, key_sql, 1, parameters, &key, err);
  int count = PQntuples(lines);
  for (int i = 0; i < count && !code; i++)
    pgr_buf_addf(out, "%s\n  %s", i ? "," : "", PQgetvalue(lines, i, 0));
  if (!code && PQntuples(key)) pgr_buf_addf(out, ",\n  PRIMARY KEY (%s)", PQgetvalue(key, 0, 0));
  if (!code && count) pgr_buf_adds(out, "\n");
  PQclear(key);
  PQclear(lines);
  return code;
}

pgr_code pgr_installed_write_table(pgr_db *db, const char *schema, const char *table, const char *const *columns,
                                   int column_count, pgr_buf *out, pgr_err *err) {
  pgr__look look;
  pgr__relation relation;
  pgr_buf names, made;
  pgr_code code = begin(&look, db, schema, table, &relation, err);
  if (code) return code;
  pgr_buf_init(&names, 0);
  pgr_buf_init(&made, 0);
  add_array(columns, column_count, &names);
  const char *const parameters[] = {relation.oid, pgr_buf_text(&names), schema ? schema : "public"};
  code = check_columns(db, relation.oid, table, columns, column_count, err);
  if (!code) code = write_statements(db, places_sql, 3, parameters, &made, err);
  if (!code) code = write_statements(db, types_sql, 2, parameters, &made, err);
  pgr_buf_adds(&made, "CREATE TABLE ");
  pgr_sql_qualified(schema, table, &made);
  pgr_buf_adds(&made, " (");
  if (!code) code = write_lines(db, parameters, &made, err);
  pgr_buf_adds(&made, ");\n");
  if (!code && (names.failed || made.failed)) code = no_memory(err);
  if (!code) pgr_buf_adds(out, pgr_buf_text(&made));
  pgr_buf_deinit(&names);
  pgr_buf_deinit(&made);
  return pgr__look_end(&look, code, err);
}
