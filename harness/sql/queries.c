/* What a query locks: the relations that it names, and what the functions that it calls are known to. Invariant: a
 * function that is not known is UNKNOWN, never nothing. */
#include "sql_internal.h"

#include "pgr_functions.h"
#include "pgr_names.h"
#include <string.h>

/* nextval('s'): the sequence is a constant, or one that is not told. */
static void lock_sequence(pgr__locker *r, const json_t *call) {
  const json_t *argument = json_array_get(json_object_get(call, "args"), 0), *cast;
  while ((cast = json_object_get(argument, "TypeCast")))
    argument = json_object_get(cast, "arg");
  const char *text = pgr__field(json_object_get(json_object_get(argument, "A_Const"), "sval"), "sval");
  char schema[64], name[64];
  if (text && pgr_sql_read_qualified(text, schema, name))
    pgr__lock(r, *schema ? schema : NULL, name, PGR_LOCK_ROW_EXCLUSIVE);
  else
    pgr__lock_untold(r, PGR_LOCK_ROW_EXCLUSIVE);
}

static void read_call(pgr__locker *r, const json_t *call) {
  const json_t *names = json_object_get(call, "funcname");
  size_t count = json_array_size(names);
  const char *name = count ? pgr__string_at(names, count - 1) : NULL;
  const char *schema = count > 1 ? pgr__string_at(names, count - 2) : NULL;
  bool own = !schema || strcmp(schema, "pg_catalog") == 0;
  if (name && own && (strcmp(name, "nextval") == 0 || strcmp(name, "setval") == 0 || strcmp(name, "currval") == 0))
    lock_sequence(r, call);
  else if (name && own && strcmp(name, "set_config") == 0)
    pgr__forget_made(r->made, false);
  else if (!name || !own || !pgr_function_locks_nothing(name))
    pgr__lock_untold(r, PGR_LOCK_UNKNOWN);
}

/* Recursion is bounded by the depth that jansson reads. */
void pgr__read_calls(pgr__locker *r, const json_t *tree) {
  const json_t *value;
  const char *key;
  size_t i;
  json_object_foreach((json_t *)tree, key, value) {
    if (strcmp(key, "FuncCall") == 0) read_call(r, value);
    pgr__read_calls(r, value);
  }
  json_array_foreach(tree, i, value) pgr__read_calls(r, value);
}

static bool refers(const json_t *tree, const char *name, bool hidden);

/* The queries of a WITH, each of which sees the names before its own, or with RECURSIVE all. Sets *hides when one of
 * them is the name. */
static bool refers_in_with(const json_t *with, const char *name, bool hidden, bool *hides) {
  const json_t *ctes = json_object_get(with, "ctes"), *cte;
  bool recursive = pgr__flag(with, "recursive"), found = false, before = hidden;
  size_t i;
  json_array_foreach(ctes, i, cte) *hides |= pgr__field_is(json_object_get(cte, "CommonTableExpr"), "ctename", name);
  json_array_foreach(ctes, i, cte) {
    const json_t *fields = json_object_get(cte, "CommonTableExpr");
    found = found || refers(json_object_get(fields, "ctequery"), name, recursive ? hidden || *hides : before);
    before |= pgr__field_is(fields, "ctename", name);
  }
  return found;
}

/* Whether an unqualified name that some WITH gives means a table somewhere; hidden: not here. */
static bool refers(const json_t *tree, const char *name, bool hidden) {
  const json_t *with = json_object_get(tree, "withClause"), *value;
  const char *key;
  size_t i;
  bool hides = hidden, found = with && refers_in_with(with, name, hidden, &hides);
  if (pgr__field_is(tree, "relname", name) && !pgr__field(tree, "schemaname")) return !hidden;
  json_object_foreach((json_t *)tree, key, value) if (value != with) found = found || refers(value, name, hides);
  json_array_foreach(tree, i, value) found = found || refers(value, name, hidden);
  return found;
}

static bool is_cte(const pgr_study *s, const pgr_mention *m) {
  for (size_t i = 0; i < s->cte_count && !m->schema && !m->writes; i++)
    if (strcmp(s->ctes[i], m->name) == 0) return true;
  return false;
}

/* Whether the same was mentioned before, so that not every mention is looked for in the whole tree. */
static bool is_repeated(const pgr_study *s, size_t index) {
  const pgr_mention *m = &s->relations[index];
  for (size_t i = 0; i < index; i++) {
    const pgr_mention *before = &s->relations[i];
    if (!before->schema && !before->writes && strcmp(before->name, m->name) == 0) return true;
  }
  return false;
}

void pgr__read_mentions(pgr__locker *r, const json_t *query) {
  pgr_study s;
  if (pgr__study_tree(query, r->arena, &s)) {
    r->no_memory = true;
    return;
  }
  for (size_t i = 0; i < s.relation_count; i++) {
    const pgr_mention *m = &s.relations[i];
    if (is_cte(&s, m) && (is_repeated(&s, i) || !refers(query, m->name, false))) continue;
    pgr__lock(r, m->schema, m->name,
              m->locks    ? PGR_LOCK_ROW_SHARE
              : m->writes ? PGR_LOCK_ROW_EXCLUSIVE
                          : PGR_LOCK_ACCESS_SHARE);
  }
}

static const json_t *into_of(const json_t *select) {
  const json_t *left;
  while (!json_object_get(select, "intoClause") && (left = json_object_get(select, "larg")))
    select = left;
  return json_object_get(json_object_get(select, "intoClause"), "rel");
}

void pgr__read_query(pgr__locker *r, const json_t *query, pgr_lock_mode mode) {
  const json_t *into = into_of(query);
  (void)mode;
  if (into) pgr__made_one(r, into, NULL);
  pgr__read_mentions(r, query);
  pgr__read_calls(r, query);
}
