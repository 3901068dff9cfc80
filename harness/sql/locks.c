/* What a statement locks, as far as its text says it. Invariant: a kind of statement that is not known here is UNKNOWN,
 * never nothing. Long, for it has something to say of every kind; queries are queries.c's.
 *
 * Only the catalogs know of a table's partitions and children, indexes, sequences and triggers, of the tables below a
 * view, and that a row of one table is looked up in another for a foreign key; none of these are told. Source:
 * PostgreSQL 15's "Explicit Locking", the pages of the statements, AlterTableGetLockLevel; tests/live/test_locks.c asks
 * a server. */
#include "sql_internal.h"

#include <string.h>
#include <strings.h>

const char *pgr_lock_mode_name(pgr_lock_mode mode) {
  static const char *const names[] = {
      "NONE",  "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",    "SHARE UPDATE EXCLUSIVE",
      "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE", "?"};
  return names[mode];
}

const char *pgr_lock_mode_blocks(pgr_lock_mode mode) {
  switch (mode) {
  case PGR_LOCK_NONE:
  case PGR_LOCK_ACCESS_SHARE: return "nobody";
  case PGR_LOCK_ROW_SHARE:
  case PGR_LOCK_ROW_EXCLUSIVE: return "writers of the same rows";
  case PGR_LOCK_SHARE_UPDATE_EXCLUSIVE: return "VACUUM and DDL";
  case PGR_LOCK_SHARE:
  case PGR_LOCK_SHARE_ROW_EXCLUSIVE:
  case PGR_LOCK_EXCLUSIVE: return "writers";
  case PGR_LOCK_ACCESS_EXCLUSIVE: return "readers and writers";
  case PGR_LOCK_UNKNOWN: return "?";
  }
  return "?";
}

/* ---- the list ---- */

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same(const pgr_lock *l, const char *schema, const char *relation) {
  return same_text(l->schema, schema) && same_text(l->relation, relation);
}

static bool is_made(const pgr__made *made, const char *schema, const char *relation) {
  for (size_t i = 0; relation && i < made->count; i++)
    if (same(&made->at[i], schema, relation)) return true;
  return false;
}

/* Whether an earlier statement made what a name in this one means, or CREATE SCHEMA itself. */
static bool is_made_for(const pgr__locker *r, const char *schema, const char *relation) {
  return is_made(r->made, schema, relation) || (r->schema && !schema && is_made(r->made, r->schema, relation));
}

/* Room for one more. NULL: no memory. */
static pgr_lock *append(pgr_arena *arena, pgr_lock **list, size_t *count, size_t *cap) {
  if (*count == *cap) {
    size_t grown = *cap ? *cap * 2 : 4;
    pgr_lock *at = pgr_arena_alloc(arena, grown * sizeof *at);
    if (!at) return NULL;
    if (*count) memcpy(at, *list, *count * sizeof *at);
    *list = at;
    *cap = grown;
  }
  return &(*list)[(*count)++];
}

static void fill(pgr__locker *r, pgr_lock *l, const char *schema, const char *relation, pgr_lock_mode mode) {
  if (!l) {
    r->no_memory = true;
    return;
  }
  *l = (pgr_lock){.mode = mode};
  if (schema) l->schema = pgr_arena_strdup(r->arena, schema);
  if (relation) l->relation = pgr_arena_strdup(r->arena, relation);
  r->no_memory |= (schema && !l->schema) || (relation && !l->relation);
}

void pgr__lock(pgr__locker *r, const char *schema, const char *relation, pgr_lock_mode mode) {
  if (mode == PGR_LOCK_NONE || is_made_for(r, schema, relation)) return;
  for (size_t i = 0; i < r->count; i++)
    if (same(&r->locks[i], schema, relation)) {
      if (mode > r->locks[i].mode) r->locks[i].mode = mode;
      return;
    }
  fill(r, append(r->arena, &r->locks, &r->count, &r->cap), schema, relation, mode);
}

void pgr__lock_untold(pgr__locker *r, pgr_lock_mode mode) {
  r->made->linked |= mode == PGR_LOCK_UNKNOWN;
  pgr__lock(r, NULL, NULL, mode);
}

/* The tables that foreign keys tie to the relation. */
static void lock_tied(pgr__locker *r, const char *schema, const char *relation) {
  if (r->made->linked || !is_made_for(r, schema, relation)) pgr__lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
}

static void lock_range(pgr__locker *r, const json_t *range_var, pgr_lock_mode mode) {
  const char *name = pgr__field(range_var, "relname");
  if (name) pgr__lock(r, pgr__field(range_var, "schemaname"), name, mode);
}

/* The first count strings of a name: [catalog.][schema.]relation */
static void lock_name(pgr__locker *r, const json_t *names, size_t count, pgr_lock_mode mode) {
  const char *name = count ? pgr__string_at(names, count - 1) : NULL;
  if (name) pgr__lock(r, count > 1 ? pgr__string_at(names, count - 2) : NULL, name, mode);
}

static void make(pgr__locker *r, const char *schema, const char *relation) {
  pgr__made *m = r->made;
  fill(r, append(m->arena, &m->at, &m->count, &m->cap), schema, relation, PGR_LOCK_NONE);
}

void pgr__made_one(pgr__locker *r, const json_t *range_var, const char *renamed) {
  const char *name = renamed ? renamed : pgr__field(range_var, "relname");
  const char *schema = pgr__field(range_var, "schemaname");
  if (name) make(r, schema ? schema : r->schema, name);
}

/* It may have hidden another of its name: a temporary table, or one in a schema that is looked at earlier. */
static void unmake(pgr__made *m, const char *schema, const char *relation) {
  size_t kept = 0;
  for (size_t i = 0; i < m->count; i++)
    if (!same(&m->at[i], schema, relation)) m->at[kept++] = m->at[i];
  m->count = kept;
}

void pgr__forget_made(pgr__made *m, bool all) {
  size_t kept = 0;
  for (size_t i = 0; i < m->count && !all; i++)
    if (m->at[i].schema) m->at[kept++] = m->at[i];
  m->count = kept;
}

/* ---- tables ---- */

static bool weak_option(const char *name) {
  static const char *const names[] = {"fillfactor",           "parallel_workers", "toast_tuple_target",
                                      "vacuum_index_cleanup", "vacuum_truncate",  "log_autovacuum_min_duration",
                                      "deduplicate_items"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (strcmp(name, names[i]) == 0) return true;
  return strncmp(name, "autovacuum_", 11) == 0;
}

static pgr_lock_mode mode_of_options(const json_t *options) {
  const json_t *option;
  size_t i;
  json_array_foreach(options, i, option) {
    const char *name = pgr__field(json_object_get(option, "DefElem"), "defname");
    if (!name || !weak_option(name)) return PGR_LOCK_ACCESS_EXCLUSIVE;
  }
  return PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
}

/* Subcommands that take less than ACCESS EXCLUSIVE. */
static const struct {
  const char *subtype;
  pgr_lock_mode mode;
} subcommands[] = {
    {"AT_SetStatistics", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_ClusterOn", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_DropCluster", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_SetOptions", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_ResetOptions", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_ValidateConstraint", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_AttachPartition", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_DetachPartitionFinalize", PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AT_EnableTrig", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_EnableAlwaysTrig", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_EnableReplicaTrig", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_EnableTrigAll", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_EnableTrigUser", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_DisableTrig", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_DisableTrigAll", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"AT_DisableTrigUser", PGR_LOCK_SHARE_ROW_EXCLUSIVE},
};

/* Tables that foreign keys in a definition refer to. */
static void lock_referenced(pgr__locker *r, const json_t *tree) {
  const json_t *value;
  const char *key;
  size_t i;
  json_object_foreach((json_t *)tree, key, value) {
    bool refers = strcmp(key, "pktable") == 0;
    r->made->linked |= refers;
    if (refers)
      lock_range(r, value, PGR_LOCK_SHARE_ROW_EXCLUSIVE);
    else
      lock_referenced(r, value);
  }
  json_array_foreach(tree, i, value) lock_referenced(r, value);
}

static pgr_lock_mode mode_of_constraint(const json_t *constraint) {
  return pgr__field_is(constraint, "contype", "CONSTR_FOREIGN") ? PGR_LOCK_SHARE_ROW_EXCLUSIVE
                                                                : PGR_LOCK_ACCESS_EXCLUSIVE;
}

static pgr_lock_mode mode_of_command(const json_t *command) {
  const char *subtype = pgr__field(command, "subtype");
  const json_t *def = json_object_get(command, "def");
  if (!subtype) return PGR_LOCK_ACCESS_EXCLUSIVE;
  for (size_t i = 0; i < sizeof subcommands / sizeof *subcommands; i++)
    if (strcmp(subtype, subcommands[i].subtype) == 0) return subcommands[i].mode;
  if (strcmp(subtype, "AT_SetRelOptions") == 0 || strcmp(subtype, "AT_ResetRelOptions") == 0)
    return mode_of_options(pgr__list(def));
  if (strcmp(subtype, "AT_AddConstraint") == 0) return mode_of_constraint(json_object_get(def, "Constraint"));
  if (strcmp(subtype, "AT_DetachPartition") == 0 && pgr__flag(json_object_get(def, "PartitionCmd"), "concurrent"))
    return PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  return PGR_LOCK_ACCESS_EXCLUSIVE;
}

/* What a subcommand computes for the rows that there are: a default, a check, a new value. */
static void read_computed(pgr__locker *r, const char *subtype, const json_t *def) {
  static const char *const computing[] = {"AT_AddColumn", "AT_AlterColumnType", "AT_AddConstraint"};
  bool is_later = pgr__flag(json_object_get(def, "Constraint"), "skip_validation");
  for (size_t i = 0; i < sizeof computing / sizeof *computing && !is_later; i++)
    if (strcmp(subtype, computing[i]) == 0) pgr__read_calls(r, def);
}

/* What a subcommand locks beside its table. */
static void lock_others(pgr__locker *r, const json_t *table, const json_t *command) {
  const char *subtype = pgr__field(command, "subtype");
  const json_t *def = json_object_get(command, "def"), *partition = json_object_get(def, "PartitionCmd");
  if (!subtype) return;
  lock_referenced(r, def);
  read_computed(r, subtype, def);
  lock_range(r, json_object_get(partition, "name"), PGR_LOCK_ACCESS_EXCLUSIVE);
  r->made->linked |= partition != NULL;
  if (strcmp(subtype, "AT_AttachPartition") == 0) /* the default partition, and tables that the parent refers to */
    pgr__lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
  if (strcmp(subtype, "AT_DetachPartition") == 0) {
    pgr__lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
    r->statement->needs_none |= pgr__flag(partition, "concurrent");
  }
  if (strcmp(subtype, "AT_DropConstraint") == 0 || strcmp(subtype, "AT_DropColumn") == 0 ||
      strcmp(subtype, "AT_AlterColumnType") == 0)
    lock_tied(r, pgr__field(table, "schemaname"), pgr__field(table, "relname"));
  if (strcmp(subtype, "AT_ValidateConstraint") == 0) pgr__lock_untold(r, PGR_LOCK_ROW_SHARE);
  if (strcmp(subtype, "AT_AddInherit") == 0)
    lock_range(r, json_object_get(def, "RangeVar"), PGR_LOCK_SHARE_UPDATE_EXCLUSIVE);
  if (strcmp(subtype, "AT_DropInherit") == 0) lock_range(r, json_object_get(def, "RangeVar"), PGR_LOCK_ACCESS_SHARE);
}

static void read_alter_table(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *commands = json_object_get(node, "cmds"), *command, *table = json_object_get(node, "relation");
  size_t i;
  mode = PGR_LOCK_NONE;
  json_array_foreach(commands, i, command) {
    const json_t *fields = json_object_get(command, "AlterTableCmd");
    pgr_lock_mode one = mode_of_command(fields);
    if (one > mode) mode = one;
    if (pgr__field_is(fields, "behavior", "DROP_CASCADE")) pgr__lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
  }
  if (pgr__field_is(node, "objtype", "OBJECT_TYPE")) return; /* no table has it, or CASCADE reaches those */
  lock_range(r, table, mode);
  json_array_foreach(commands, i, command) lock_others(r, table, json_object_get(command, "AlterTableCmd"));
}

/* CREATE TABLE, and CREATE FOREIGN TABLE. */
static void read_create_table(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *base = json_object_get(node, "base"), *parent, *element;
  size_t i;
  if (!base) base = node;
  bool is_partition = json_object_get(base, "partbound") != NULL;
  mode = is_partition ? PGR_LOCK_ACCESS_EXCLUSIVE : PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  json_array_foreach(json_object_get(base, "inhRelations"), i, parent)
      lock_range(r, json_object_get(parent, "RangeVar"), mode);
  r->made->linked |= is_partition;
  if (is_partition)
    pgr__lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE); /* the default partition, tables the parent refers to */
  json_array_foreach(json_object_get(base, "tableElts"), i, element)
      lock_range(r, json_object_get(json_object_get(element, "TableLikeClause"), "relation"), PGR_LOCK_ACCESS_SHARE);
  lock_referenced(r, json_object_get(base, "tableElts"));
  if (!pgr__flag(base, "if_not_exists")) pgr__made_one(r, json_object_get(base, "relation"), NULL);
}

static void read_create_as(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *query = json_object_get(node, "query"), *into = json_object_get(node, "into");
  (void)mode;
  pgr__read_mentions(r, query);
  if (json_object_get(query, "ExecuteStmt"))
    pgr__lock_untold(r, PGR_LOCK_UNKNOWN);
  else if (!pgr__flag(into, "skipData"))
    pgr__read_calls(r, query);
  if (!pgr__flag(node, "if_not_exists")) pgr__made_one(r, json_object_get(into, "rel"), NULL);
}

static void read_view(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *view = json_object_get(node, "view");
  (void)mode;
  pgr__read_mentions(r, json_object_get(node, "query"));
  if (pgr__flag(node, "replace"))
    lock_range(r, view, PGR_LOCK_ACCESS_EXCLUSIVE);
  else
    pgr__made_one(r, view, NULL);
}

static void read_index(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *table = json_object_get(node, "relation");
  const char *name = pgr__field(node, "idxname");
  r->statement->needs_none |= pgr__flag(node, "concurrent");
  mode = pgr__flag(node, "concurrent") ? PGR_LOCK_SHARE_UPDATE_EXCLUSIVE : PGR_LOCK_SHARE;
  lock_range(r, table, mode);
  pgr__read_calls(r, json_object_get(node, "indexParams"));
  pgr__read_calls(r, json_object_get(node, "whereClause"));
  if (name && !pgr__flag(node, "if_not_exists")) pgr__made_one(r, table, name);
}

/* ---- kinds in general ---- */

static void read_unknown(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  (void)node, (void)mode;
  pgr__lock_untold(r, PGR_LOCK_UNKNOWN);
}

static void read_alone(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  (void)node, (void)mode;
  r->statement->needs_none = true;
}

/* One relation, in the field of that name. */
static void read_relation(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  lock_range(r, json_object_get(node, "relation"), mode);
}

static void read_trigger(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  read_relation(r, node, mode);
  lock_range(r, json_object_get(node, "constrrel"), PGR_LOCK_ACCESS_SHARE);
}

/* Its queries lock what they mention, when it is made. */
static void read_policy(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  lock_range(r, json_object_get(node, "table"), mode);
  pgr__read_mentions(r, json_object_get(node, "qual"));
  pgr__read_mentions(r, json_object_get(node, "with_check"));
}

static void read_rule(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  read_relation(r, node, mode);
  pgr__read_mentions(r, json_object_get(node, "actions"));
  pgr__read_mentions(r, json_object_get(node, "whereClause"));
}

static void read_relations(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relation;
  size_t i;
  json_array_foreach(json_object_get(node, "relations"), i, relation)
      lock_range(r, json_object_get(relation, "RangeVar"), mode);
  if (pgr__field_is(node, "behavior", "DROP_CASCADE")) pgr__lock_untold(r, mode);
}

static void read_lock(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  json_int_t stated = json_integer_value(json_object_get(node, "mode")); /* numbered as here */
  mode =
      stated >= PGR_LOCK_ACCESS_SHARE && stated <= PGR_LOCK_ACCESS_EXCLUSIVE ? (pgr_lock_mode)stated : PGR_LOCK_UNKNOWN;
  read_relations(r, node, mode);
}

static void read_refresh(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  mode = pgr__flag(node, "concurrent") ? PGR_LOCK_EXCLUSIVE : PGR_LOCK_ACCESS_EXCLUSIVE;
  read_relation(r, node, mode);
  if (!pgr__flag(node, "skipData")) pgr__lock_untold(r, PGR_LOCK_ACCESS_SHARE); /* what its query reads */
}

/* A DefElem; NULL: there is none of the name. */
static const json_t *option_named(const json_t *options, const char *name) {
  const json_t *option;
  size_t i;
  json_array_foreach(options, i, option) {
    const json_t *element = json_object_get(option, "DefElem");
    if (pgr__field_is(element, "defname", name)) return element;
  }
  return NULL;
}

static const json_t *option_of(const json_t *options, const char *name) {
  return json_object_get(option_named(options, name), "arg");
}

/* As defGetBoolean reads the argument of an option; none is true. In WITH (…) a word is the name of a type. */
static bool is_false(const json_t *arg) {
  const json_t *number = json_object_get(arg, "Integer"), *type = json_object_get(arg, "TypeName");
  const char *word =
      type ? pgr__string_at(json_object_get(type, "names"), 0) : pgr__field(json_object_get(arg, "String"), "sval");
  if (number) return json_integer_value(json_object_get(number, "ival")) == 0;
  return word && (strcasecmp(word, "false") == 0 || strcasecmp(word, "off") == 0);
}

static bool has_option(const json_t *options, const char *name) {
  const json_t *option = option_named(options, name);
  return option && !is_false(json_object_get(option, "arg"));
}

static bool refuses_option(const json_t *options, const char *name) {
  return is_false(option_of(options, name));
}

static void read_vacuum(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relations = json_object_get(node, "rels"), *relation;
  size_t i;
  r->statement->needs_none |= pgr__flag(node, "is_vacuumcmd");
  mode = has_option(json_object_get(node, "options"), "full") ? PGR_LOCK_ACCESS_EXCLUSIVE
                                                              : PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  json_array_foreach(relations, i, relation)
      lock_range(r, json_object_get(json_object_get(relation, "VacuumRelation"), "relation"), mode);
  if (!json_array_size(relations)) pgr__lock_untold(r, mode);
}

static void read_cluster(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relation = json_object_get(node, "relation");
  lock_range(r, relation, mode);
  if (relation) return;
  pgr__lock_untold(r, mode);
  r->statement->needs_none = true;
}

static void read_reindex(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  bool concurrent = has_option(json_object_get(node, "params"), "concurrently");
  const json_t *relation = json_object_get(node, "relation");
  bool is_index = pgr__field_is(node, "kind", "REINDEX_OBJECT_INDEX");
  pgr_lock_mode index = concurrent ? PGR_LOCK_SHARE_UPDATE_EXCLUSIVE : PGR_LOCK_ACCESS_EXCLUSIVE;
  mode = concurrent ? PGR_LOCK_SHARE_UPDATE_EXCLUSIVE : PGR_LOCK_SHARE;
  r->statement->needs_none |= concurrent || !relation;
  lock_range(r, relation, is_index ? index : mode);
  pgr__lock_untold(r, is_index ? mode : index);
}

static void read_copy(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  mode = pgr__flag(node, "is_from") ? PGR_LOCK_ROW_EXCLUSIVE : PGR_LOCK_ACCESS_SHARE;
  r->statement->wants_input = pgr__flag(node, "is_from") && !pgr__field(node, "filename");
  read_relation(r, node, mode);
  pgr__read_query(r, json_object_get(node, "query"), mode);
  pgr__read_calls(r, json_object_get(node, "whereClause"));
}

/* EXPLAIN, PREPARE: parsing the query already locks; only EXPLAIN ANALYZE runs it at once. */
static void read_planned(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *query = json_object_get(node, "query");
  (void)mode;
  if (json_object_get(query, "ExecuteStmt")) pgr__lock_untold(r, PGR_LOCK_UNKNOWN);
  if (json_object_get(query, "CreateTableAsStmt"))
    query = json_object_get(json_object_get(query, "CreateTableAsStmt"), "query");
  pgr__read_mentions(r, query);
  if (has_option(json_object_get(node, "options"), "analyze")) pgr__read_calls(r, query);
}

/* It locks what the query mentions; FETCH calls its functions, and for WITH HOLD the end of the transaction does. */
static void read_declare(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  enum { WITH_HOLD = 0x20 }; /* CURSOR_OPT_HOLD of parsenodes.h */
  const json_t *query = json_object_get(node, "query");
  const char *name = pgr__field(node, "portalname");
  pgr__locker later = {.made = r->made, .arena = r->arena, .statement = r->statement};
  pgr__cursor *cursor = pgr_arena_alloc(r->arena, sizeof *cursor);
  (void)mode;
  pgr__read_mentions(r, query);
  pgr__read_calls(&later, query);
  for (size_t i = 0; i < later.count && json_integer_value(json_object_get(node, "options")) & WITH_HOLD; i++)
    pgr__lock(r, later.locks[i].schema, later.locks[i].relation, later.locks[i].mode);
  if (cursor) {
    *cursor = (pgr__cursor){r->made->cursors, name ? pgr_arena_strdup(r->arena, name) : NULL, later.locks, later.count};
    r->made->cursors = cursor;
  }
  r->no_memory |= later.no_memory || !cursor || (name && !cursor->name);
}

/* A cursor that was not declared here may do anything. */
static void read_fetch(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const pgr__cursor *cursor = r->made->cursors;
  (void)mode;
  while (cursor && !(cursor->name && pgr__field_is(node, "portalname", cursor->name)))
    cursor = cursor->before;
  if (!cursor) pgr__lock_untold(r, PGR_LOCK_UNKNOWN);
  for (size_t i = 0; cursor && i < cursor->count; i++)
    pgr__lock(r, cursor->locks[i].schema, cursor->locks[i].relation, cursor->locks[i].mode);
}

/* ---- sequences, publications, statistics, functions ---- */

static void read_sequence(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *owner = option_of(json_object_get(node, "options"), "owned_by"),
               *sequence = json_object_get(node, "sequence");
  size_t parts = json_array_size(pgr__list(owner));
  r->made->linked |= parts > 1;
  lock_range(r, sequence, mode);
  if (parts > 1) lock_name(r, owner, parts - 1, PGR_LOCK_ACCESS_SHARE);
  if (mode == PGR_LOCK_NONE && !pgr__flag(node, "if_not_exists")) pgr__made_one(r, sequence, NULL);
}

static void read_publication(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *object;
  size_t i;
  json_array_foreach(json_object_get(node, "pubobjects"), i, object) {
    const json_t *table = json_object_get(json_object_get(object, "PublicationObjSpec"), "pubtable");
    lock_range(r, json_object_get(table, "relation"), mode);
  }
  if (pgr__field_is(node, "action", "AP_SetObjects")) pgr__lock_untold(r, mode); /* tables that are in it no more */
}

/* Only a slot on the publisher needs to be made outside a transaction. The tables to be copied are looked up there. */
static void read_subscription(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *options = json_object_get(node, "options");
  bool connects = !refuses_option(options, "connect");
  r->statement->needs_none = connects && !refuses_option(options, "create_slot");
  if (connects) pgr__lock_untold(r, mode);
}

/* The checker of an sql function's body parses its queries. */
static void read_function(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *language = json_object_get(option_of(json_object_get(node, "options"), "language"), "String");
  (void)mode;
  pgr__read_mentions(r, json_object_get(node, "sql_body"));
  if (pgr__field_is(language, "sval", "sql") && !json_object_get(node, "sql_body"))
    pgr__lock_untold(r, PGR_LOCK_ROW_EXCLUSIVE);
}

/* A constraint on a domain is checked in the tables that use it. */
static void read_domain(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const char *subtype = pgr__field(node, "subtype");
  if (subtype && strchr("COV", *subtype)) pgr__lock_untold(r, mode); /* ADD, SET NOT NULL, VALIDATE */
  if (subtype && *subtype == 'C') pgr__read_calls(r, json_object_get(node, "def"));
  if (pgr__field_is(node, "behavior", "DROP_CASCADE")) pgr__lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
}

/* ---- by type of object ---- */

typedef enum object_name {
  NAMES_NONE,
  NAMES_RELATION,
  NAMES_PART /* of a relation: a column, a trigger */
} object_name;

static object_name names_what(const char *type) {
  static const char *const relations[] = {"OBJECT_TABLE",         "OBJECT_VIEW",     "OBJECT_MATVIEW",
                                          "OBJECT_FOREIGN_TABLE", "OBJECT_SEQUENCE", "OBJECT_INDEX"};
  static const char *const parts[] = {"OBJECT_COLUMN", "OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY",
                                      "OBJECT_TABCONSTRAINT"};
  for (size_t i = 0; type && i < sizeof relations / sizeof *relations; i++)
    if (strcmp(type, relations[i]) == 0) return NAMES_RELATION;
  for (size_t i = 0; type && i < sizeof parts / sizeof *parts; i++)
    if (strcmp(type, parts[i]) == 0) return NAMES_PART;
  return NAMES_NONE;
}

static void lock_object(pgr__locker *r, const char *type, const json_t *name, pgr_lock_mode mode) {
  size_t parts = json_array_size(pgr__list(name));
  object_name named = names_what(type);
  if (named == NAMES_RELATION) lock_name(r, name, parts, mode);
  if (named == NAMES_PART && parts > 1) lock_name(r, name, parts - 1, mode);
}

/* A column's comment is its table's; what else belongs to a table has an identity of its own. */
static void read_comment(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const char *type = pgr__field(node, "objtype");
  if (names_what(type) == NAMES_PART && strcmp(type, "OBJECT_COLUMN") != 0) mode = PGR_LOCK_ACCESS_SHARE;
  lock_object(r, type, json_object_get(node, "object"), mode);
}

static void drop_made(pgr__locker *r, const char *type, const json_t *names) {
  size_t parts = json_array_size(pgr__list(names));
  if (!parts) return;
  const char *schema = parts > 1 ? pgr__string_at(names, parts - 2) : NULL, *name = pgr__string_at(names, parts - 1);
  if (strcmp(type, "OBJECT_TABLE") == 0) lock_tied(r, schema, name);
  unmake(r->made, schema, name);
}

static void read_drop(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const char *type = pgr__field(node, "removeType");
  const json_t *object;
  size_t i;
  if (pgr__flag(node, "concurrent")) {
    r->statement->needs_none = true;
    mode = PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  }
  json_array_foreach(json_object_get(node, "objects"), i, object) {
    lock_object(r, type, object, mode);
    if (names_what(type) == NAMES_RELATION) drop_made(r, type, object);
  }
  if (!type || strcmp(type, "OBJECT_INDEX") == 0 || pgr__field_is(node, "behavior", "DROP_CASCADE"))
    pgr__lock_untold(r, mode); /* an index' table; what depends on it */
  if (type && strcmp(type, "OBJECT_STATISTIC_EXT") == 0) pgr__lock_untold(r, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE);
  if (type && strcmp(type, "OBJECT_SCHEMA") == 0) pgr__forget_made(r->made, true);
}

/* What was made is elsewhere now; its old place may have hidden another relation. NULL: it stays as it was. */
static void move_made(pgr__locker *r, const json_t *relation, const char *schema, const char *name) {
  const char *old_schema = pgr__field(relation, "schemaname"), *old_name = pgr__field(relation, "relname");
  if (!is_made(r->made, old_schema, old_name)) return;
  unmake(r->made, old_schema, old_name);
  make(r, schema ? schema : old_schema, name ? name : old_name);
}

static void read_rename(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relation = json_object_get(node, "relation");
  const char *type = pgr__field(node, "renameType");
  if (!type) return;
  if (strcmp(type, "OBJECT_ATTRIBUTE") == 0) { /* of a composite type: its tables, which only CASCADE reaches */
    if (pgr__field_is(node, "behavior", "DROP_CASCADE")) pgr__lock_untold(r, mode);
    return;
  }
  if (strcmp(type, "OBJECT_INDEX") == 0) mode = PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  if (strcmp(type, "OBJECT_SCHEMA") == 0) pgr__forget_made(r->made, true);
  lock_range(r, relation, mode);
  if (names_what(type) == NAMES_RELATION) move_made(r, relation, NULL, pgr__field(node, "newname"));
}

static void read_move(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  read_relation(r, node, mode);
  move_made(r, json_object_get(node, "relation"), pgr__field(node, "newschema"), NULL);
}

/* ---- transactions and settings ---- */

static void read_transaction(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const char *kind = pgr__field(node, "kind");
  (void)mode;
  if (!kind) return;
  r->statement->ends_transaction = strcmp(kind, "TRANS_STMT_SAVEPOINT") != 0 &&
                                   strcmp(kind, "TRANS_STMT_RELEASE") != 0 &&
                                   strcmp(kind, "TRANS_STMT_ROLLBACK_TO") != 0;
  r->statement->needs_none =
      strcmp(kind, "TRANS_STMT_COMMIT_PREPARED") == 0 || strcmp(kind, "TRANS_STMT_ROLLBACK_PREPARED") == 0;
  if (strncmp(kind, "TRANS_STMT_ROLLBACK", 19) == 0) pgr__forget_made(r->made, true);
}

/* After SET search_path, or by another user, the same word may mean another relation. */
static void read_setting(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const char *name = pgr__field(node, "name");
  (void)mode;
  if (!name || strcmp(name, "search_path") == 0 || strcmp(name, "role") == 0 ||
      strcmp(name, "session_authorization") == 0)
    pgr__forget_made(r->made, false);
}

static void read_discard(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  (void)mode;
  r->statement->needs_none = pgr__field_is(node, "target", "DISCARD_ALL");
}

static void read_database(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  (void)mode;
  r->statement->needs_none = option_of(json_object_get(node, "options"), "tablespace") != NULL;
}

/* ---- all kinds ---- */

static void read_node(pgr__locker *r, const char *kind, const json_t *node);

/* A schema without a name has that of its owner; of CURRENT_USER it is not known, and no name means it afterwards. */
static void read_schema(pgr__locker *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *elements = json_object_get(node, "schemaElts"), *element, *fields;
  const char *kind;
  size_t i;
  (void)mode;
  r->schema = pgr__field(node, "schemaname");
  if (!r->schema) r->schema = pgr__field(json_object_get(node, "authrole"), "rolename");
  if (!r->schema) r->schema = "";
  json_array_foreach(elements, i, element) json_object_foreach((json_t *)element, kind, fields)
      read_node(r, kind, fields);
}

static const struct {
  const char *kind;
  void (*read)(pgr__locker *r, const json_t *node, pgr_lock_mode mode);
  pgr_lock_mode mode;
} kinds[] = {
    {"SelectStmt", pgr__read_query, PGR_LOCK_NONE},
    {"InsertStmt", pgr__read_query, PGR_LOCK_NONE},
    {"UpdateStmt", pgr__read_query, PGR_LOCK_NONE},
    {"DeleteStmt", pgr__read_query, PGR_LOCK_NONE},
    {"MergeStmt", pgr__read_query, PGR_LOCK_NONE},
    {"CopyStmt", read_copy, PGR_LOCK_NONE},
    {"ExplainStmt", read_planned, PGR_LOCK_NONE},
    {"PrepareStmt", read_planned, PGR_LOCK_NONE},
    {"DeclareCursorStmt", read_declare, PGR_LOCK_NONE},
    {"FetchStmt", read_fetch, PGR_LOCK_NONE},
    {"AlterTableStmt", read_alter_table, PGR_LOCK_NONE},
    {"AlterTableMoveAllStmt", read_unknown, PGR_LOCK_NONE},
    {"CreateStmt", read_create_table, PGR_LOCK_NONE},
    {"CreateForeignTableStmt", read_create_table, PGR_LOCK_NONE},
    {"CreateTableAsStmt", read_create_as, PGR_LOCK_NONE},
    {"ViewStmt", read_view, PGR_LOCK_NONE},
    {"IndexStmt", read_index, PGR_LOCK_NONE},
    {"CreateTrigStmt", read_trigger, PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"CreatePolicyStmt", read_policy, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"AlterPolicyStmt", read_policy, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"RuleStmt", read_rule, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"CreateStatsStmt", read_relations, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"TruncateStmt", read_relations, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"LockStmt", read_lock, PGR_LOCK_NONE},
    {"RefreshMatViewStmt", read_refresh, PGR_LOCK_NONE},
    {"VacuumStmt", read_vacuum, PGR_LOCK_NONE},
    {"ClusterStmt", read_cluster, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"ReindexStmt", read_reindex, PGR_LOCK_NONE},
    {"CommentStmt", read_comment, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"SecLabelStmt", read_comment, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"DropStmt", read_drop, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"RenameStmt", read_rename, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"AlterObjectSchemaStmt", read_move, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"AlterObjectDependsStmt", read_relation, PGR_LOCK_ACCESS_EXCLUSIVE},
    {"CreateSeqStmt", read_sequence, PGR_LOCK_NONE},
    {"AlterSeqStmt", read_sequence, PGR_LOCK_SHARE_ROW_EXCLUSIVE},
    {"CreatePublicationStmt", read_publication, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"AlterPublicationStmt", read_publication, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE},
    {"CreateFunctionStmt", read_function, PGR_LOCK_NONE},
    {"AlterDomainStmt", read_domain, PGR_LOCK_SHARE},
    {"CreateSchemaStmt", read_schema, PGR_LOCK_NONE},
    {"TransactionStmt", read_transaction, PGR_LOCK_NONE},
    {"VariableSetStmt", read_setting, PGR_LOCK_NONE},
    {"DiscardStmt", read_discard, PGR_LOCK_NONE},
    {"AlterDatabaseStmt", read_database, PGR_LOCK_NONE},
    {"CreatedbStmt", read_alone, PGR_LOCK_NONE},
    {"DropdbStmt", read_alone, PGR_LOCK_NONE},
    {"CreateTableSpaceStmt", read_alone, PGR_LOCK_NONE},
    {"DropTableSpaceStmt", read_alone, PGR_LOCK_NONE},
    {"AlterSystemStmt", read_alone, PGR_LOCK_NONE},
    {"CreateSubscriptionStmt", read_subscription, PGR_LOCK_ACCESS_SHARE},
    {"DropSubscriptionStmt", read_alone, PGR_LOCK_NONE}, /* only the catalogs know of one without a slot */
};

/* Kinds that lock no table. */
static const char *const harmless[] = {
    "AlterCollationStmt",
    "AlterDatabaseSetStmt",
    "AlterDefaultPrivilegesStmt",
    "AlterEnumStmt",
    "AlterEventTrigStmt",
    "AlterFdwStmt",
    "AlterForeignServerStmt",
    "AlterFunctionStmt",
    "AlterOperatorStmt",
    "AlterOpFamilyStmt",
    "AlterOwnerStmt",
    "AlterRoleSetStmt",
    "AlterRoleStmt",
    "AlterTSConfigurationStmt",
    "AlterTSDictionaryStmt",
    "AlterTableSpaceOptionsStmt",
    "AlterTypeStmt",
    "AlterUserMappingStmt",
    "CheckPointStmt",
    "ClosePortalStmt",
    "CompositeTypeStmt",
    "ConstraintsSetStmt",
    "CreateAmStmt",
    "CreateCastStmt",
    "CreateConversionStmt",
    "CreateDomainStmt",
    "CreateEnumStmt",
    "CreateEventTrigStmt",
    "CreateExtensionStmt",
    "CreateFdwStmt",
    "CreateForeignServerStmt",
    "CreateOpClassStmt",
    "CreateOpFamilyStmt",
    "CreatePLangStmt",
    "CreateRangeStmt",
    "CreateRoleStmt",
    "CreateTransformStmt",
    "CreateUserMappingStmt",
    "DeallocateStmt",
    "DefineStmt",
    "DropRoleStmt",
    "DropUserMappingStmt",
    "GrantRoleStmt",
    "GrantStmt",
    "ImportForeignSchemaStmt",
    "ListenStmt",
    "LoadStmt",
    "NotifyStmt",
    "UnlistenStmt",
    "VariableShowStmt",
};

static void read_node(pgr__locker *r, const char *kind, const json_t *node) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kind, kinds[i].kind) == 0) {
      kinds[i].read(r, node, kinds[i].mode);
      return;
    }
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (strcmp(kind, harmless[i]) == 0) return;
  pgr__lock_untold(r, PGR_LOCK_UNKNOWN);
}

/* What is told by name comes before the others. */
static void put_untold_last(pgr__locker *r) {
  for (size_t i = 0; i + 1 < r->count; i++) {
    pgr_lock l = r->locks[i];
    if (l.relation) continue;
    r->locks[i] = r->locks[i + 1];
    r->locks[i + 1] = l;
  }
}

pgr_code pgr__locks_read(pgr__made *made, const pgr__piece *piece, pgr_sql_statement *out) {
  pgr__locker r = {.made = made, .arena = made->arena, .statement = out};
  if (piece->kind)
    read_node(&r, piece->kind, piece->node);
  else
    pgr__lock_untold(&r, PGR_LOCK_UNKNOWN);
  put_untold_last(&r);
  out->locks = r.locks;
  out->lock_count = r.count;
  return r.no_memory ? PGR_ENOMEM : PGR_OK;
}
