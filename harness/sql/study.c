/* Studies a statement by the tree that libpg_query writes as JSON. Invariant: a node this file does not know is walked
 * like any other, and a statement it does not know is OTHER, so that nothing is missed for being new.
 *
 * In that tree a field of a fixed node type is a bare object (the target of an INSERT: "relation": {"relname": …}), any
 * other is wrapped in its type's name ({"RangeVar": {"relname": …}}); only a RangeVar has a relname. */
#include "sql_internal.h"

#include "pgr_words.h"
#include <pg_query.h>
#include <string.h>
#include <strings.h>

enum { SWOLLEN_BYTES_MAX = 512 << 10 };

typedef struct list {
  void *at;
  size_t count, cap;
} list;

typedef struct study {
  pgr_arena *arena;
  list relations, functions, ctes;
  bool into; /* SELECT INTO, anywhere */
  bool no_memory;
} study;

typedef enum role { ROLE_READ, ROLE_LOCK, ROLE_INSERT, ROLE_UPDATE, ROLE_WRITE } role;

/* Room for one more element; NULL: no memory. */
static void *add(study *s, list *l, size_t size) {
  if (l->count == l->cap) {
    size_t cap = l->cap ? l->cap * 2 : 8;
    void *at = pgr_arena_alloc(s->arena, cap * size);
    if (!at) {
      s->no_memory = true;
      return NULL;
    }
    if (l->count) memcpy(at, l->at, l->count * size);
    l->at = at;
    l->cap = cap;
  }
  return (char *)l->at + l->count++ * size;
}

static const char *keep(study *s, const char *text) {
  const char *kept = pgr_arena_strdup(s->arena, text);
  if (!kept) s->no_memory = true;
  return kept;
}

static void add_name(study *s, list *l, const char *name) {
  const char **at = add(s, l, sizeof *at);
  if (at) *at = keep(s, name);
}

/* columns: of an UPDATE, else empty. */
static void add_relation(study *s, const json_t *range_var, role r, list columns) {
  pgr_mention *m = add(s, &s->relations, sizeof *m);
  const char *schema = json_string_value(json_object_get(range_var, "schemaname"));
  if (!m) return;
  *m = (pgr_mention){.schema = schema ? keep(s, schema) : NULL,
                     .name = keep(s, json_string_value(json_object_get(range_var, "relname"))),
                     .writes = r != ROLE_READ,
                     .locks = r == ROLE_LOCK,
                     .inserts = r == ROLE_INSERT,
                     .updates = r == ROLE_UPDATE,
                     .sets = columns.at,
                     .set_count = columns.count};
}

/* The last of a list of String nodes; NULL: it ends in something else. */
static const char *last_name(const json_t *names) {
  size_t n = json_array_size(names);
  const json_t *string = n ? json_object_get(json_array_get(names, n - 1), "String") : NULL;
  return json_string_value(json_object_get(string, "sval"));
}

/* ---- the tree of a query ---- */

static void walk(study *s, const json_t *node, role inherited);

/* What FOR … OF names. */
typedef struct locked {
  const char *names[64];
  bool met[64];
  size_t count;
  bool all; /* a clause without OF, or more names than fit */
} locked;

static locked find_locked(const json_t *clauses) {
  locked l = {.count = 0};
  const json_t *clause, *name;
  size_t i, k;
  json_array_foreach(clauses, i, clause) {
    const json_t *names = json_object_get(json_object_get(clause, "LockingClause"), "lockedRels");
    if (!json_array_size(names)) l.all = true;
    json_array_foreach(names, k, name) {
      const char *text = json_string_value(json_object_get(json_object_get(name, "RangeVar"), "relname"));
      if (!text || l.count == sizeof l.names / sizeof *l.names)
        l.all = true;
      else
        l.names[l.count++] = text;
    }
  }
  return l;
}

static bool meets(locked *l, const char *name) {
  bool met = false;
  for (size_t i = 0; i < l->count; i++)
    if (name && strcmp(l->names[i], name) == 0) met = l->met[i] = true;
  return met;
}

static const char *alias_of(const json_t *node) {
  return json_string_value(json_object_get(json_object_get(node, "alias"), "aliasname"));
}

/* One item of a FROM of which FOR … OF locks a part. */
static void walk_item(study *s, const json_t *item, locked *l, role inherited) {
  const json_t *node, *value;
  const char *key;
  if ((node = json_object_get(item, "RangeVar"))) {
    const char *alias = alias_of(node);
    if (!alias) alias = json_string_value(json_object_get(node, "relname"));
    walk(s, item, meets(l, alias) ? ROLE_LOCK : inherited);
  } else if ((node = json_object_get(item, "RangeSubselect"))) {
    walk(s, item, meets(l, alias_of(node)) ? ROLE_LOCK : inherited);
  } else if ((node = json_object_get(item, "JoinExpr")) || (node = json_object_get(item, "RangeTableSample"))) {
    json_object_foreach((json_t *)node, key, value) {
      if (json_is_object(value))
        walk_item(s, value, l, inherited);
      else
        walk(s, value, inherited);
    }
  } else {
    walk(s, item, inherited);
  }
}

/* The FROM of a SELECT with FOR …, which reaches into its sub-selects. */
static void walk_locked(study *s, const json_t *from, const json_t *clauses, role inherited) {
  locked l = find_locked(clauses);
  const json_t *item;
  size_t i;
  if (!l.all) json_array_foreach(from, i, item) walk_item(s, item, &l, inherited);
  for (i = 0; i < l.count; i++)
    l.all |= !l.met[i]; /* a name that is not understood: all may be meant */
  if (l.all) walk(s, from, ROLE_LOCK);
}

/* What the statement that node is does to its target. A column of an UPDATE that has no name: any may be meant. */
static role target_role(study *s, const json_t *node, list *columns) {
  const json_t *targets = json_object_get(node, "targetList"), *target;
  size_t i;
  if (json_object_get(node, "override")) return json_object_get(node, "onConflictClause") ? ROLE_WRITE : ROLE_INSERT;
  json_array_foreach(targets, i, target) {
    const char *name = json_string_value(json_object_get(json_object_get(target, "ResTarget"), "name"));
    if (!name) return ROLE_WRITE;
    add_name(s, columns, name);
  }
  return columns->count ? ROLE_UPDATE : ROLE_WRITE;
}

static void walk_object(study *s, const json_t *node, role inherited) {
  const json_t *clauses = json_object_get(node, "lockingClause"), *value;
  const char *key;
  json_object_foreach((json_t *)node, key, value) {
    const json_t *target = strcmp(key, "relation") == 0 ? json_object_get(value, "relname") : NULL;
    if (strcmp(key, "relname") == 0) {
      add_relation(s, node, inherited, (list){0});
    } else if (target) { /* bare, hence the target of an INSERT, UPDATE, DELETE or MERGE */
      list columns = {0};
      role r = target_role(s, node, &columns);
      add_relation(s, value, r, columns);
    } else if (strcmp(key, "fromClause") == 0 && clauses) {
      walk_locked(s, value, clauses, inherited);
    } else if (strcmp(key, "lockingClause") != 0) { /* which holds aliases */
      s->into |= strcmp(key, "intoClause") == 0;
      if (strcmp(key, "ctename") == 0) add_name(s, &s->ctes, json_string_value(value));
      const char *function = strcmp(key, "funcname") == 0 ? last_name(value) : NULL;
      if (function) add_name(s, &s->functions, function);
      walk(s, value, inherited);
    }
  }
}

/* inherited: what FOR … further up does to relations that are only read here. Recursion is bounded by the depth that
 * jansson reads, JSON_PARSER_MAX_DEPTH. */
static void walk(study *s, const json_t *node, role inherited) {
  const json_t *value;
  size_t i;
  if (json_is_object(node)) walk_object(s, node, inherited);
  json_array_foreach(node, i, value) walk(s, value, inherited);
}

static void study_tree(study *s, const json_t *tree, pgr_study *out) {
  walk(s, tree, ROLE_READ);
  out->relations = s->relations.at;
  out->relation_count = s->relations.count;
  out->functions = s->functions.at;
  out->function_count = s->functions.count;
  out->ctes = s->ctes.at;
  out->cte_count = s->ctes.count;
}

static pgr_statement_class study_query(study *s, const json_t *statement, pgr_study *out) {
  pgr_study found = *out;
  study_tree(s, statement, &found);
  if (s->into) return PGR_STATEMENT_OTHER;
  *out = found;
  return PGR_STATEMENT_QUERY;
}

pgr_code pgr__study_tree(const json_t *tree, pgr_arena *arena, pgr_study *out) {
  study s = {.arena = arena};
  *out = (pgr_study){.class = PGR_STATEMENT_QUERY};
  study_tree(&s, tree, out);
  return s.no_memory ? PGR_ENOMEM : PGR_OK;
}

/* ---- transactions and settings ---- */

static pgr_stated_isolation isolation_of(const json_t *constant) {
  const json_t *value = json_object_get(json_object_get(constant, "A_Const"), "sval");
  const char *text = json_string_value(json_object_get(value, "sval"));
  if (!text) return PGR_STATED_NONE;
  if (strcasecmp(text, "serializable") == 0) return PGR_STATED_SERIALIZABLE;
  if (strcasecmp(text, "repeatable read") == 0) return PGR_STATED_REPEATABLE_READ;
  if (strcasecmp(text, "read committed") == 0 || strcasecmp(text, "read uncommitted") == 0)
    return PGR_STATED_READ_COMMITTED;
  return PGR_STATED_NONE;
}

/* Options of BEGIN and SET TRANSACTION. false: one that makes the first snapshot wait for others (DEFERRABLE). */
static bool read_modes(const json_t *modes, pgr_study *out) {
  const json_t *mode;
  bool plain = true;
  size_t i;
  json_array_foreach(modes, i, mode) {
    const json_t *element = json_object_get(mode, "DefElem");
    const char *name = json_string_value(json_object_get(element, "defname"));
    if (name && strcmp(name, "transaction_isolation") == 0) {
      out->isolation = isolation_of(json_object_get(element, "arg"));
      plain &= out->isolation != PGR_STATED_NONE;
    } else if (!name || strcmp(name, "transaction_read_only") != 0) {
      plain = false;
    }
  }
  return plain;
}

static pgr_statement_class study_transaction(const json_t *node, pgr_study *out) {
  static const struct {
    const char *kind;
    pgr_statement_class class;
  } kinds[] = {{"TRANS_STMT_BEGIN", PGR_STATEMENT_BEGIN},
               {"TRANS_STMT_START", PGR_STATEMENT_BEGIN},
               {"TRANS_STMT_COMMIT", PGR_STATEMENT_COMMIT},
               {"TRANS_STMT_ROLLBACK", PGR_STATEMENT_ROLLBACK},
               {"TRANS_STMT_SAVEPOINT", PGR_STATEMENT_SAVEPOINT},
               {"TRANS_STMT_RELEASE", PGR_STATEMENT_SAVEPOINT},
               {"TRANS_STMT_ROLLBACK_TO", PGR_STATEMENT_ROLLBACK_TO}};
  const char *kind = json_string_value(json_object_get(node, "kind"));
  if (!read_modes(json_object_get(node, "options"), out) || json_is_true(json_object_get(node, "chain")))
    return PGR_STATEMENT_OTHER;
  for (size_t i = 0; kind && i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kind, kinds[i].kind) == 0) return kinds[i].class;
  return PGR_STATEMENT_OTHER;
}

/* Settings that say how later statements of the session take their snapshots. */
static bool governs_snapshots(const char *setting) {
  static const char *const names[] = {"transaction_isolation", "default_transaction_isolation",
                                      "transaction_deferrable", "default_transaction_deferrable"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcasecmp(setting, names[i]) == 0) return true;
  return false;
}

static pgr_statement_class study_setting(const json_t *node, pgr_study *out) {
  const char *kind = json_string_value(json_object_get(node, "kind"));
  const char *name = json_string_value(json_object_get(node, "name"));
  const json_t *args = json_object_get(node, "args");
  if (!kind || !name) return PGR_STATEMENT_OTHER; /* RESET ALL */
  if (strcmp(kind, "VAR_SET_MULTI") == 0)
    return strcmp(name, "TRANSACTION") == 0 && read_modes(args, out) ? PGR_STATEMENT_SETTING : PGR_STATEMENT_OTHER;
  if (strcasecmp(name, "transaction_isolation") == 0) out->isolation = isolation_of(json_array_get(args, 0));
  return governs_snapshots(name) ? PGR_STATEMENT_OTHER : PGR_STATEMENT_SETTING;
}

/* ---- the statement ---- */

static pgr_statement_class study_statement(study *s, const json_t *statement, pgr_study *out) {
  static const char *const queries[] = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"};
  const json_t *node;
  for (size_t i = 0; i < sizeof queries / sizeof *queries; i++)
    if (json_object_get(statement, queries[i])) {
      out->changes = i > 0;
      return study_query(s, statement, out);
    }
  if ((node = json_object_get(statement, "TransactionStmt"))) return study_transaction(node, out);
  if ((node = json_object_get(statement, "VariableSetStmt"))) return study_setting(node, out);
  return json_object_get(statement, "VariableShowStmt") ? PGR_STATEMENT_SETTING : PGR_STATEMENT_OTHER;
}

bool pgr__may_swell(const char *sql, size_t len) {
  double sets = 0, columns = 0, copies = 1;
  bool assigns = false;
  for (const char *p = sql; *p; p++) {
    columns += *p == ',';
    if (*p == ')') assigns |= strchr("=/-", p[1 + strspn(p + 1, " \t\r\n\f\v")]) != NULL; /* perhaps after a comment */
  }
  for (pgr_words w = {.at = sql}; pgr_words_next(&w);)
    sets += strcmp(w.word, "set") == 0;
  columns += sets;
  for (double i = 0; assigns && i < sets && copies < SWOLLEN_BYTES_MAX; i++)
    copies *= columns / sets;
  return copies > 1 && copies * (double)len > SWOLLEN_BYTES_MAX;
}

pgr_code pgr_study_sql(const char *sql, pgr_arena *arena, pgr_study *out) {
  study s = {.arena = arena};
  *out = (pgr_study){.class = PGR_STATEMENT_OTHER};
  size_t len = strnlen(sql, PGR_STUDY_BYTES_MAX + 1);
  if (len > PGR_STUDY_BYTES_MAX || pgr__may_swell(sql, len)) return PGR_OK;
  PgQueryParseResult r = pg_query_parse(sql);
  json_t *tree = r.error ? NULL : json_loads(r.parse_tree, 0, NULL);
  const json_t *statements = json_object_get(tree, "stmts");
  if (json_is_array(statements) && json_array_size(statements) == 0) out->class = PGR_STATEMENT_SETTING;
  if (json_array_size(statements) == 1)
    out->class = study_statement(&s, json_object_get(json_array_get(statements, 0), "stmt"), out);
  json_decref(tree);
  pg_query_free_parse_result(r);
  return s.no_memory ? PGR_ENOMEM : PGR_OK;
}
