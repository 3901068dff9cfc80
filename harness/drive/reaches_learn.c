/* Reads the catalogs: what there is, and what is tied to what. Anybody may read what is read here. Invariant: whatever
 * a statement can set off without naming it is an edge here; one that is never taken costs time, one that is missing
 * makes two steps commute that do not. */
#include "reaches_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Event triggers are not among them: they act on DDL, which reaches everything as it is. */

#define NOT_THE_SYSTEMS(namespace)                                                                                     \
  namespace " NOT IN (SELECT oid FROM pg_namespace WHERE nspname IN ('pg_catalog', 'information_schema', 'pg_toast'))"
#define RELATIONS "relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND " NOT_THE_SYSTEMS("relnamespace")

/* Those that have bits of their own come first. */
static const char relations_query[] =
    "SELECT c.oid, c.relname, c.relkind, c.oid::regclass FROM pg_class c WHERE c." RELATIONS
    " ORDER BY EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid"
    "  AND d.deptype = 'e'), c.relkind = 'v', c.oid";

static const char system_query[] =
    "SELECT 'r', relname, true FROM pg_class WHERE relkind IN ('r', 'v')"
    "  AND relnamespace = 'pg_catalog'::regnamespace"
    " UNION ALL SELECT 'f', proname, bool_and(provolatile = 'i' OR prokind IN ('a', 'w')) FROM pg_proc"
    "  WHERE pronamespace = 'pg_catalog'::regnamespace GROUP BY proname";

/* %s: the body of a function in the SQL standard's form, which is not in prosrc. The last column: an operator, a cast,
 * a type or an index may call it. */
static const char functions_query[] =
    "SELECT p.oid, p.proname, l.lanname, p.provolatile, p.prokind, p.prosrc, %s,"
    " pg_get_expr(p.proargdefaults, 0),"
    " (SELECT concat_ws(' ', aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn,"
    "  aggminvtransfn, aggmfinalfn) FROM pg_aggregate WHERE aggfnoid = p.oid),"
    " p.oid IN (SELECT unnest(ARRAY[oprcode, oprrest, oprjoin]::oid[]) FROM pg_operator"
    "  UNION ALL SELECT castfunc FROM pg_cast UNION ALL SELECT amproc FROM pg_amproc"
    "  UNION ALL SELECT unnest(ARRAY[typinput, typoutput, typreceive, typsend, typmodin, typmodout]::oid[]) FROM "
    "pg_type"
    "  UNION ALL SELECT unnest(ARRAY[rngcanonical, rngsubdiff]::oid[]) FROM pg_range)"
    " FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang"
    " WHERE " NOT_THE_SYSTEMS("p.pronamespace") " ORDER BY p.oid";

/* What a tie is, two relations (or a relation and a function), a text. */
static const char ties_query[] =
    "WITH mine AS (SELECT oid, relkind FROM pg_class WHERE " RELATIONS ")"
    " SELECT 'trigger', t.tgrelid, t.tgfoid, substring(pg_get_triggerdef(t.oid) FROM 'WHEN \\((.*)\\) EXECUTE')"
    "  FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
    "  WHERE p.pronamespace <> 'pg_catalog'::regnamespace OR t.tgqual IS NOT NULL"
    " UNION ALL SELECT CASE WHEN confdeltype IN ('c', 'n', 'd') OR confupdtype IN ('c', 'n', 'd') THEN 'cascade'"
    "  ELSE 'reference' END, conrelid, confrelid, NULL FROM pg_constraint WHERE contype = 'f'"
    " UNION ALL SELECT 'default', adrelid, 0, pg_get_expr(adbin, adrelid) FROM pg_attrdef"
    "  WHERE adrelid IN (SELECT oid FROM mine)"
    " UNION ALL SELECT 'check', conrelid, 0, pg_get_expr(conbin, conrelid) FROM pg_constraint"
    "  WHERE contype = 'c' AND conrelid IN (SELECT oid FROM mine)"
    " UNION ALL SELECT 'check', indrelid, 0, concat_ws(' ', pg_get_expr(indexprs, indrelid),"
    "  pg_get_expr(indpred, indrelid)) FROM pg_index"
    "  WHERE (indexprs IS NOT NULL OR indpred IS NOT NULL) AND indrelid IN (SELECT oid FROM mine)"
    " UNION ALL SELECT 'check', partrelid, 0, pg_get_partkeydef(partrelid) FROM pg_partitioned_table"
    " UNION ALL SELECT 'policy', polrelid, 0, concat_ws(' ', pg_get_expr(polqual, polrelid),"
    "  pg_get_expr(polwithcheck, polrelid)) FROM pg_policy"
    " UNION ALL SELECT 'view', oid, 0, pg_get_viewdef(oid) FROM mine WHERE relkind = 'v'"
    " UNION ALL SELECT 'rule', ev_class, 0, substr(pg_get_ruledef(oid), length('CREATE RULE ')) FROM pg_rewrite"
    "  WHERE rulename <> '_RETURN' AND ev_class IN (SELECT oid FROM mine)"
    " UNION ALL SELECT 'part', inhparent, inhrelid, NULL FROM pg_inherits"
    " UNION ALL SELECT 'unique', indrelid, 0, NULL FROM pg_index WHERE indisunique OR indisexclusion"
    " UNION ALL SELECT 'key', attrelid, 0, attname FROM pg_index JOIN pg_attribute ON attrelid = indrelid"
    "  AND attnum = ANY (indkey) WHERE indisunique OR indisexclusion"
    /* A trigger may set what the statement does not, and so does a column that is computed. */
    " UNION ALL SELECT 'any key', tgrelid, 0, NULL FROM pg_trigger WHERE tgtype & 2 <> 0 AND NOT tgisinternal"
    " UNION ALL SELECT 'any key', attrelid, 0, NULL FROM pg_attribute a WHERE attrelid IN (SELECT oid FROM mine)"
    "  AND coalesce(to_jsonb(a) ->> 'attgenerated', '') <> ''"
    " UNION ALL SELECT 'identity', d.refobjid, d.objid, NULL FROM pg_depend d JOIN mine ON mine.oid = d.objid"
    "  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.deptype = 'i'"
    "  AND mine.relkind = 'S'"
    " UNION ALL SELECT 'domain', 0, 0, pg_get_expr(conbin, 0) FROM pg_constraint"
    "  WHERE contypid <> 0 AND " NOT_THE_SYSTEMS(
        "connamespace") " UNION ALL SELECT 'domain', 0, 0, typdefault FROM pg_type"
                        "  WHERE typtype = 'd' AND typdefault IS NOT NULL AND " NOT_THE_SYSTEMS(
                            "typnamespace") " UNION ALL SELECT 'deferred', 0, 0, NULL WHERE EXISTS"
                                            "  (SELECT FROM pg_trigger t JOIN mine ON mine.oid = t.tgrelid WHERE "
                                            "t.tgdeferrable)";

static uint32_t oid_at(const PGresult *rows, int row, int column) {
  return (uint32_t)strtoul(PQgetvalue(rows, row, column), NULL, 10);
}

static bool true_at(const PGresult *rows, int row, int column) {
  return *PQgetvalue(rows, row, column) == 't';
}

/* NULL for SQL NULL. */
static const char *text_at(const PGresult *rows, int row, int column) {
  return PQgetisnull(rows, row, column) ? NULL : PQgetvalue(rows, row, column);
}

static int compare_oids(const void *a, const void *b) {
  uint32_t x = ((const pgr__oid *)a)->oid, y = ((const pgr__oid *)b)->oid;
  return x < y ? -1 : x > y;
}

/* -1: not one of the user's. */
static int find_oid(const pgr__oid *oids, int count, uint32_t oid) {
  const pgr__oid key = {.oid = oid};
  const pgr__oid *found = count ? bsearch(&key, oids, (size_t)count, sizeof *oids, compare_oids) : NULL;
  return found ? found->index : -1;
}

/* ---- what there is ---- */

static pgr_code learn_relations(pgr_reaches *r, pgr_db *db, pgr_err *err) {
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, relations_query, 0, NULL, &rows, err);
  if (code) return code;
  int count = PQntuples(rows);
  r->shares = count > PGR__REACH_BITS;
  r->relations = pgr_arena_alloc(&r->arena, sizeof *r->relations * (size_t)count);
  r->relation_oids = pgr_arena_alloc(&r->arena, sizeof *r->relation_oids * (size_t)count);
  for (int i = 0; i < count && r->relations && r->relation_oids; i++) {
    pgr__name *n = pgr__name_get(r, PQgetvalue(rows, i, 1));
    pgr__relation *relation = &r->relations[i];
    *relation = (pgr__relation){.oid = oid_at(rows, i, 0),
                                .kind = *PQgetvalue(rows, i, 2),
                                .next = n ? n->relation : -1,
                                .bit = UINT64_C(1) << (i < PGR__REACH_BITS ? i : PGR__REACH_BITS - 1),
                                .label = pgr_arena_strdup(&r->arena, PQgetvalue(rows, i, 3))};
    if (!n || !relation->label) break;
    n->relation = i;
    r->relation_oids[i] = (pgr__oid){relation->oid, i};
    r->all |= relation->bit;
    if (relation->kind == 'S') r->sequences |= relation->bit;
    r->relation_count++;
  }
  r->no_memory |= r->relation_count < count;
  PQclear(rows);
  if (r->relation_oids) qsort(r->relation_oids, (size_t)r->relation_count, sizeof *r->relation_oids, compare_oids);
  return PGR_OK;
}

static pgr_code learn_system(pgr_reaches *r, pgr_db *db, pgr_err *err) {
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, system_query, 0, NULL, &rows, err);
  for (int i = 0; !code && i < PQntuples(rows); i++) {
    pgr__name *n = pgr__name_get(r, PQgetvalue(rows, i, 1));
    if (!n) break;
    if (*PQgetvalue(rows, i, 0) == 'r')
      n->meanings |= PGR__MEANS_SYSTEM;
    else
      pgr__name_builtin(n, true_at(rows, i, 2));
  }
  PQclear(rows);
  return code;
}

static pgr_code query_functions(pgr_db *db, PGresult **rows, pgr_err *err) {
  char sql[sizeof functions_query + 64];
  bool standard = PQserverVersion(pgr_db_raw(db)) >= 140000;
  int len = snprintf(sql, sizeof sql, functions_query, standard ? "pg_get_function_sqlbody(p.oid)" : "NULL");
  if (len < 0 || (size_t)len >= sizeof sql) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  return pgr_db_query(db, sql, 0, NULL, rows, err);
}

static pgr_code learn_functions(pgr_reaches *r, const PGresult *rows) {
  int count = PQntuples(rows);
  r->functions = pgr_arena_alloc(&r->arena, sizeof *r->functions * (size_t)count);
  r->function_oids = pgr_arena_alloc(&r->arena, sizeof *r->function_oids * (size_t)count);
  for (int i = 0; i < count && r->functions && r->function_oids; i++) {
    pgr__name *n = pgr__name_get(r, PQgetvalue(rows, i, 1));
    if (!n) break;
    r->functions[i] = (pgr__function){.oid = oid_at(rows, i, 0), .next = n->function};
    r->function_oids[i] = (pgr__oid){r->functions[i].oid, i}; /* in order already */
    n->function = i;
    r->function_count++;
  }
  return r->function_count < count ? PGR_ENOMEM : PGR_OK;
}

/* ---- what functions do ---- */

/* Functions in C of known extensions that only give chance or compute. */
static bool computes(const char *name) {
  return pgr__has_word("uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 gen_random_uuid gen_random_bytes gen_salt"
                       " pgp_sym_encrypt pgp_sym_encrypt_bytea pgp_pub_encrypt pgp_pub_encrypt_bytea unaccent",
                       name);
}

static void read_function(pgr_reaches *r, const PGresult *rows, int i) {
  int node = pgr__function_node(r, i);
  const char *language = PQgetvalue(rows, i, 2);
  char volatility = *PQgetvalue(rows, i, 3);
  bool native = strcmp(language, "c") == 0 || strcmp(language, "internal") == 0;
  bool sql = strcmp(language, "sql") == 0, aggregate = *PQgetvalue(rows, i, 4) == 'a', ambient = true_at(rows, i, 9);
  if (aggregate) {
    pgr__read_text(r, node, text_at(rows, i, 8), PGR__TEXT_EXPRESSION, PGR__READ);
  } else if (sql || strcmp(language, "plpgsql") == 0) {
    pgr__read_text(r, node, PQgetvalue(rows, i, 5), sql ? PGR__TEXT_SQL_BODY : PGR__TEXT_BODY, PGR__WRITE);
    pgr__read_text(r, node, text_at(rows, i, 6), PGR__TEXT_BODY, PGR__WRITE);
  } else if (native && volatility == 's' && !computes(PQgetvalue(rows, i, 1))) {
    r->values[node].reads |= r->all; /* it may run a query it is given, as tablefunc's crosstab does */
    ambient = false;                 /* but not when it is an operator */
  } else if (!native || (volatility == 'v' && !computes(PQgetvalue(rows, i, 1)))) {
    r->values[node].everything = true;
  }
  pgr__read_text(r, node, text_at(rows, i, 7), PGR__TEXT_EXPRESSION, PGR__READ);
  if (ambient) pgr__add_edge(r, pgr__ambient_node(r), node);
}

/* ---- what relations are tied to ---- */

static void lead(pgr_reaches *r, int i, pgr__role from, pgr__role to) {
  pgr__add_edge(r, pgr__relation_node(i, from), pgr__relation_node(i, to));
}

/* What is added or changed there goes elsewhere, or more happens than the statement says. */
static void any_is_write(pgr_reaches *r, int i) {
  lead(r, i, PGR__APPEND, PGR__WRITE);
  r->relations[i].any_key = true;
}

static void begin_relation(pgr_reaches *r, int i) {
  static const pgr__role leads[][2] = {{PGR__READ, PGR__NAMED},  {PGR__LOCK, PGR__READ},   {PGR__APPEND, PGR__FIRE},
                                       {PGR__INSERT, PGR__READ}, {PGR__INSERT, PGR__FIRE}, {PGR__CHANGE, PGR__READ},
                                       {PGR__CHANGE, PGR__FIRE}, {PGR__WRITE, PGR__LOCK},  {PGR__WRITE, PGR__CHANGE},
                                       {PGR__WRITE, PGR__INSERT}};
  const pgr__relation *relation = &r->relations[i];
  pgr__value *values = &r->values[pgr__relation_node(i, PGR__NAMED)];
  for (size_t k = 0; k < sizeof leads / sizeof *leads; k++)
    lead(r, i, leads[k][0], leads[k][1]);
  values[PGR__NAMED].reads = relation->bit;
  values[PGR__SHARE].shares = relation->bit;
  values[PGR__LOCK].writes = values[PGR__LOCK].keys = relation->bit;
  values[PGR__APPEND].appends = values[PGR__APPEND].adds = relation->bit;
  values[PGR__INSERT].writes = values[PGR__INSERT].adds = relation->bit;
  values[PGR__CHANGE].writes = relation->bit;
  if (relation->kind != 'r') any_is_write(r, i);
  /* What is drawn from a sequence is seen by others at once. */
  if (relation->kind == 'S') r->values[pgr__relation_node(i, PGR__READ)].writes = relation->bit;
  if (relation->kind == 'f') r->values[pgr__relation_node(i, PGR__NAMED)].everything = true;
}

/* PGR__LOCK for a query with FOR UPDATE in it; "for" stands in substring(… FOR …) too. */
static pgr__role role_in(const char *query) {
  return pgr__has_word(query, "for") ? PGR__LOCK : PGR__READ;
}

static void tie_view(pgr_reaches *r, int i, const char *text) {
  pgr__read_text(r, pgr__relation_node(i, PGR__READ), text, PGR__TEXT_QUERY, role_in(text));
  pgr__read_text(r, pgr__relation_node(i, PGR__LOCK), text, PGR__TEXT_QUERY, PGR__LOCK);
  pgr__read_text(r, pgr__relation_node(i, PGR__WRITE), text, PGR__TEXT_QUERY, PGR__WRITE);
}

static void tie_part(pgr_reaches *r, int parent, int child) {
  for (int role = PGR__READ; role < PGR__ROLES; role++)
    pgr__add_edge(r, pgr__relation_node(parent, (pgr__role)role), pgr__relation_node(child, (pgr__role)role));
  pgr__add_edge(r, pgr__relation_node(child, PGR__NAMED), pgr__relation_node(parent, PGR__NAMED));
}

/* Foreign keys: a row of the child locks its parent's key; when that goes, its children are looked for (by what is no
 * key of theirs, and as they are now, whatever the transaction's snapshot is: so SHARE is not enough), or change too.
 */
static void tie_reference(pgr_reaches *r, int child, int parent, bool cascades) {
  pgr__add_edge(r, pgr__relation_node(child, PGR__FIRE), pgr__relation_node(parent, PGR__SHARE));
  pgr__add_edge(r, pgr__relation_node(parent, PGR__WRITE),
                pgr__relation_node(child, cascades ? PGR__WRITE : PGR__LOCK));
}

static void tie_key(pgr_reaches *r, int i, const char *column) {
  pgr__column *c = pgr_arena_alloc(&r->arena, sizeof *c);
  const char *name = pgr_arena_strdup(&r->arena, column);
  if (!c || !name) {
    r->no_memory = true;
    return;
  }
  *c = (pgr__column){.next = r->relations[i].keys, .name = name};
  r->relations[i].keys = c;
}

/* a: a relation; b: another one, or -1; function: or that. */
static void tie(pgr_reaches *r, const char *what, int a, int b, int function, const char *text) {
  if (strcmp(what, "trigger") == 0) {
    if (function >= 0) pgr__add_edge(r, pgr__relation_node(a, PGR__FIRE), pgr__function_node(r, function));
    pgr__read_text(r, pgr__relation_node(a, PGR__FIRE), text, PGR__TEXT_EXPRESSION, PGR__READ);
  } else if (strcmp(what, "default") == 0) {
    pgr__read_text(r, pgr__relation_node(a, PGR__FIRE), text, PGR__TEXT_EXPRESSION, PGR__READ);
  } else if (strcmp(what, "check") == 0) { /* the planner may look at it for a query too */
    pgr__read_text(r, pgr__relation_node(a, PGR__READ), text, PGR__TEXT_EXPRESSION, PGR__READ);
    pgr__read_text(r, pgr__relation_node(a, PGR__FIRE), text, PGR__TEXT_EXPRESSION, PGR__READ);
  } else if (strcmp(what, "unique") == 0) {
    lead(r, a, PGR__APPEND, PGR__INSERT);
  } else if (strcmp(what, "key") == 0) {
    if (text) tie_key(r, a, text);
  } else if (strcmp(what, "any key") == 0) {
    r->relations[a].any_key = true;
  } else if (strcmp(what, "policy") == 0) {
    pgr__read_text(r, pgr__relation_node(a, PGR__READ), text, PGR__TEXT_QUERY, role_in(text));
    any_is_write(r, a);
  } else if (strcmp(what, "view") == 0) {
    tie_view(r, a, text);
  } else if (strcmp(what, "rule") == 0) {
    any_is_write(r, a);
    r->relations[a].ruled = true;
    pgr__read_text(r, pgr__relation_node(a, PGR__WRITE), text, PGR__TEXT_BODY, PGR__WRITE);
  } else if (b >= 0 && strcmp(what, "part") == 0) {
    tie_part(r, a, b);
    any_is_write(r, a);
    any_is_write(r, b);
  } else if (b >= 0 && strcmp(what, "identity") == 0) {
    pgr__add_edge(r, pgr__relation_node(a, PGR__FIRE), pgr__relation_node(b, PGR__READ));
  } else if (b >= 0) {
    tie_reference(r, a, b, strcmp(what, "cascade") == 0);
  }
}

static pgr_code learn_ties(pgr_reaches *r, pgr_db *db, pgr_err *err) {
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db, ties_query, 0, NULL, &rows, err);
  for (int i = 0; !code && i < PQntuples(rows); i++) {
    const char *what = PQgetvalue(rows, i, 0);
    int a = find_oid(r->relation_oids, r->relation_count, oid_at(rows, i, 1));
    int b = find_oid(r->relation_oids, r->relation_count, oid_at(rows, i, 2));
    int function = find_oid(r->function_oids, r->function_count, oid_at(rows, i, 2));
    if (strcmp(what, "deferred") == 0)
      r->defers = true;
    else if (strcmp(what, "domain") == 0)
      pgr__read_text(r, pgr__ambient_node(r), text_at(rows, i, 3), PGR__TEXT_EXPRESSION, PGR__READ);
    else if (a >= 0)
      tie(r, what, a, b, function, text_at(rows, i, 3));
  }
  PQclear(rows);
  return code;
}

/* ---- */

/* Values along the edges, until nothing changes. */
static void close_graph(pgr_reaches *r) {
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < r->edge_count; i++) {
      changed |= pgr__value_add(&r->values[r->edges[i].from], &r->values[r->edges[i].to]);
    }
  }
}

static pgr_code learn_graph(pgr_reaches *r, pgr_db *db, const PGresult *functions, pgr_err *err) {
  if (learn_functions(r, functions) || r->no_memory) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  r->values = pgr_calloc((size_t)pgr__node_count(r), sizeof *r->values);
  if (!r->values) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (int i = 0; i < r->relation_count; i++)
    begin_relation(r, i);
  for (int i = 0; i < r->function_count; i++)
    read_function(r, functions, i);
  pgr_code code = learn_ties(r, db, err);
  if (code) return code;
  if (r->no_memory) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  close_graph(r);
  return PGR_OK;
}

pgr_code pgr__learn(pgr_reaches *r, pgr_db *db, pgr_err *err) {
  PGresult *functions = NULL;
  pgr_code code = pgr__names_begin(r);
  if (code) return pgr_fail(err, code, "out of memory");
  code = learn_relations(r, db, err);
  if (!code) code = learn_system(r, db, err);
  if (!code) code = query_functions(db, &functions, err);
  if (!code) code = learn_graph(r, db, functions, err);
  PQclear(functions);
  pgr_free(r->edges);
  r->edges = NULL;
  return code;
}
