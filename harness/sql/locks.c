/* What a statement locks, as far as its text says it. Invariant: a kind of statement that is not known here is UNKNOWN,
 * never nothing. Long, for it has something to say of every kind.
 *
 * Only the catalogs know of a table's partitions and children, indexes and triggers, of the tables below a view, and
 * that a row of one table is looked up in another for a foreign key; none of these are told. Source: PostgreSQL 15's
 * "Explicit Locking", the pages of the statements, AlterTableGetLockLevel; tests/live/test_locks.c asks a server. */
#include "sql_internal.h"

#include "pgr_names.h"
#include <string.h>

typedef struct reader {
  pgr__made *made;
  pgr_arena *arena;
  pgr_sql_statement *statement;
  pgr_lock *locks;
  size_t count, cap;
  bool no_memory;
} reader;

const char *pgr_lock_mode_name(pgr_lock_mode mode) {
  static const char *const names[] = {
      "NONE",  "ACCESS SHARE",        "ROW SHARE", "ROW EXCLUSIVE",    "SHARE UPDATE EXCLUSIVE",
      "SHARE", "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE", "?"};
  return names[mode];
}

const char *pgr_lock_mode_blocks(pgr_lock_mode mode) {
  switch (mode) {
  case PGR_LOCK_NONE: return "nobody";
  case PGR_LOCK_ACCESS_SHARE:
  case PGR_LOCK_ROW_SHARE:
  case PGR_LOCK_ROW_EXCLUSIVE:
  case PGR_LOCK_SHARE_UPDATE_EXCLUSIVE: return "DDL";
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

static void fill(reader *r, pgr_lock *l, const char *schema, const char *relation, pgr_lock_mode mode) {
  if (!l) {
    r->no_memory = true;
    return;
  }
  *l = (pgr_lock){.mode = mode};
  if (schema) l->schema = pgr_arena_strdup(r->arena, schema);
  if (relation) l->relation = pgr_arena_strdup(r->arena, relation);
  r->no_memory |= (schema && !l->schema) || (relation && !l->relation);
}

/* relation NULL: of an object that is not told. */
static void lock(reader *r, const char *schema, const char *relation, pgr_lock_mode mode) {
  if (mode == PGR_LOCK_NONE || is_made(r->made, schema, relation)) return;
  for (size_t i = 0; i < r->count; i++)
    if (same(&r->locks[i], schema, relation)) {
      if (mode > r->locks[i].mode) r->locks[i].mode = mode;
      return;
    }
  fill(r, append(r->arena, &r->locks, &r->count, &r->cap), schema, relation, mode);
}

static void lock_untold(reader *r, pgr_lock_mode mode) {
  lock(r, NULL, NULL, mode);
}

static void lock_range(reader *r, const json_t *range_var, pgr_lock_mode mode) {
  const char *name = pgr__field(range_var, "relname");
  if (name) lock(r, pgr__field(range_var, "schemaname"), name, mode);
}

/* The first count strings of a name: [catalog.][schema.]relation */
static void lock_name(reader *r, const json_t *names, size_t count, pgr_lock_mode mode) {
  const char *name = count ? pgr__string_at(names, count - 1) : NULL;
  if (name) lock(r, count > 1 ? pgr__string_at(names, count - 2) : NULL, name, mode);
}

static void made_one(reader *r, const json_t *range_var, const char *renamed) {
  const char *name = renamed ? renamed : pgr__field(range_var, "relname");
  pgr__made *m = r->made;
  if (name)
    fill(r, append(m->arena, &m->at, &m->count, &m->cap), pgr__field(range_var, "schemaname"), name, PGR_LOCK_NONE);
}

/* A temporary table may have hidden another of its name. */
static void unmake(pgr__made *m, const char *schema, const char *relation) {
  size_t kept = 0;
  for (size_t i = 0; i < m->count; i++)
    if (!same(&m->at[i], schema, relation)) m->at[kept++] = m->at[i];
  m->count = kept;
}

/* all: also those that were made with a schema's name. */
static void forget_made(pgr__made *m, bool all) {
  size_t kept = 0;
  for (size_t i = 0; i < m->count && !all; i++)
    if (m->at[i].schema) m->at[kept++] = m->at[i];
  m->count = kept;
}

/* ---- queries ---- */

/* Functions of PostgreSQL's own, and of extensions that come with it, that lock no table: with them a statement of a
 * migration is not unknown. */
static bool is_harmless(const char *name) {
  static const char beginnings[] = "array_ json_ jsonb_ pg_ regexp_ ";
  static const char names[] =
      " abs age avg bit_and bit_length bit_or bool_and bool_or btrim cardinality ceil ceiling char_length chr "
      "clock_timestamp concat concat_ws count crypt current_database current_schema current_schemas "
      "current_setting date_bin date_part date_trunc decode dense_rank digest encode every exp extract first_value "
      "floor format gen_random_bytes gen_random_uuid gen_salt generate_series generate_subscripts hashtext initcap "
      "isfinite justify_interval lag last_value lead left length like_escape ln log lower lpad ltrim make_date "
      "make_interval make_time make_timestamp make_timestamptz max md5 min mod now nth_value ntile num_nonnulls "
      "num_nulls octet_length overlay percent_rank position power quote_ident quote_literal quote_nullable random "
      "rank repeat replace reverse right round row_number row_to_json rpad rtrim sha224 sha256 sha512 sign "
      "similarity split_part sqrt starts_with statement_timestamp stddev string_agg string_to_array strpos substr "
      "substring sum timeofday timezone to_char to_date to_json to_jsonb to_number to_regclass to_timestamp "
      "to_tsquery to_tsvector transaction_timestamp translate trim trunc txid_current unistr unnest upper "
      "uuid_generate_v1 uuid_generate_v4 variance version width_bucket xmlagg ";
  size_t len = strlen(name), word;
  if (strchr(name, ' ')) return false;
  for (const char *at = beginnings; *at; at += word + 1) {
    word = strcspn(at, " ");
    if (strncmp(name, at, word) == 0) return true;
  }
  for (const char *at = names; (at = strstr(at, name)); at++)
    if (at[-1] == ' ' && at[len] == ' ') return true;
  return false;
}

/* nextval('s'): the sequence is a constant, or one that is not told. */
static void lock_sequence(reader *r, const json_t *call) {
  const json_t *argument = json_array_get(json_object_get(call, "args"), 0), *cast;
  while ((cast = json_object_get(argument, "TypeCast")))
    argument = json_object_get(cast, "arg");
  const char *text = pgr__field(json_object_get(json_object_get(argument, "A_Const"), "sval"), "sval");
  char schema[64], name[64];
  if (text && pgr_sql_read_qualified(text, schema, name))
    lock(r, *schema ? schema : NULL, name, PGR_LOCK_ROW_EXCLUSIVE);
  else
    lock_untold(r, PGR_LOCK_ROW_EXCLUSIVE);
}

static void read_call(reader *r, const json_t *call) {
  const json_t *names = json_object_get(call, "funcname");
  size_t count = json_array_size(names);
  const char *name = count ? pgr__string_at(names, count - 1) : NULL;
  const char *schema = count > 1 ? pgr__string_at(names, count - 2) : NULL;
  bool own = !schema || strcmp(schema, "pg_catalog") == 0;
  if (name && own && (strcmp(name, "nextval") == 0 || strcmp(name, "setval") == 0 || strcmp(name, "currval") == 0))
    lock_sequence(r, call);
  else if (name && own && strcmp(name, "set_config") == 0)
    forget_made(r->made, false);
  else if (!name || !own || (!schema && !is_harmless(name)))
    lock_untold(r, PGR_LOCK_UNKNOWN);
}

/* Functions that are called anywhere in a tree. Recursion is bounded by the depth that jansson reads. */
static void read_calls(reader *r, const json_t *tree) {
  const json_t *value;
  const char *key;
  size_t i;
  json_object_foreach((json_t *)tree, key, value) {
    if (strcmp(key, "FuncCall") == 0) read_call(r, value);
    read_calls(r, value);
  }
  json_array_foreach(tree, i, value) read_calls(r, value);
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
    if (same_text(s->ctes[i], m->name)) return true;
  return false;
}

/* Whether the same was mentioned before, so that not every mention is looked for in the whole tree. */
static bool is_repeated(const pgr_study *s, size_t index) {
  const pgr_mention *m = &s->relations[index];
  for (size_t i = 0; i < index; i++) {
    const pgr_mention *before = &s->relations[i];
    if (!before->schema && !before->writes && same_text(before->name, m->name)) return true;
  }
  return false;
}

/* What parsing the query locks. */
static void read_mentions(reader *r, const json_t *query) {
  pgr_study s;
  if (pgr__study_tree(query, r->arena, &s)) {
    r->no_memory = true;
    return;
  }
  for (size_t i = 0; i < s.relation_count; i++) {
    const pgr_mention *m = &s.relations[i];
    if (is_cte(&s, m) && (is_repeated(&s, i) || !refers(query, m->name, false))) continue;
    lock(r, m->schema, m->name,
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

static void read_query(reader *r, const json_t *query, pgr_lock_mode mode) {
  const json_t *into = into_of(query);
  (void)mode;
  if (into) made_one(r, into, NULL);
  read_mentions(r, query);
  read_calls(r, query);
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
static void lock_referenced(reader *r, const json_t *tree) {
  const json_t *value;
  const char *key;
  size_t i;
  json_object_foreach((json_t *)tree, key, value) {
    if (strcmp(key, "pktable") == 0)
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

/* What a subcommand locks beside its table. */
static void lock_others(reader *r, const json_t *command) {
  const char *subtype = pgr__field(command, "subtype");
  const json_t *def = json_object_get(command, "def"), *partition = json_object_get(def, "PartitionCmd");
  if (!subtype) return;
  lock_referenced(r, def);
  lock_range(r, json_object_get(partition, "name"), PGR_LOCK_ACCESS_EXCLUSIVE);
  if (strcmp(subtype, "AT_AttachPartition") == 0) /* the default partition, and tables that the parent refers to */
    lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
  if (strcmp(subtype, "AT_DetachPartition") == 0) {
    lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
    r->statement->needs_none |= pgr__flag(partition, "concurrent");
  }
  if (strcmp(subtype, "AT_DropConstraint") == 0 || strcmp(subtype, "AT_DropColumn") == 0)
    lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE); /* the table that a foreign key refers to */
  if (strcmp(subtype, "AT_ValidateConstraint") == 0) lock_untold(r, PGR_LOCK_ROW_SHARE);
  if (strcmp(subtype, "AT_AddInherit") == 0)
    lock_range(r, json_object_get(def, "RangeVar"), PGR_LOCK_SHARE_UPDATE_EXCLUSIVE);
  if (strcmp(subtype, "AT_DropInherit") == 0) lock_range(r, json_object_get(def, "RangeVar"), PGR_LOCK_ACCESS_SHARE);
}

static void read_alter_table(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *commands = json_object_get(node, "cmds"), *command;
  size_t i;
  mode = PGR_LOCK_NONE;
  json_array_foreach(commands, i, command) {
    const json_t *fields = json_object_get(command, "AlterTableCmd");
    pgr_lock_mode one = mode_of_command(fields);
    if (one > mode) mode = one;
    lock_others(r, fields);
    if (pgr__field_is(fields, "behavior", "DROP_CASCADE")) lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
  }
  if (!pgr__field_is(node, "objtype", "OBJECT_TYPE")) lock_range(r, json_object_get(node, "relation"), mode);
}

/* CREATE TABLE, and CREATE FOREIGN TABLE. */
static void read_create_table(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *base = json_object_get(node, "base"), *parent, *element;
  size_t i;
  if (!base) base = node;
  bool is_partition = json_object_get(base, "partbound") != NULL;
  mode = is_partition ? PGR_LOCK_ACCESS_EXCLUSIVE : PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  json_array_foreach(json_object_get(base, "inhRelations"), i, parent)
      lock_range(r, json_object_get(parent, "RangeVar"), mode);
  if (is_partition) lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE); /* the default partition, tables the parent refers to */
  json_array_foreach(json_object_get(base, "tableElts"), i, element)
      lock_range(r, json_object_get(json_object_get(element, "TableLikeClause"), "relation"), PGR_LOCK_ACCESS_SHARE);
  lock_referenced(r, json_object_get(base, "tableElts"));
  if (!pgr__flag(base, "if_not_exists")) made_one(r, json_object_get(base, "relation"), NULL);
}

static void read_create_as(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *query = json_object_get(node, "query"), *into = json_object_get(node, "into");
  (void)mode;
  read_mentions(r, query);
  if (json_object_get(query, "ExecuteStmt"))
    lock_untold(r, PGR_LOCK_UNKNOWN);
  else if (!pgr__flag(into, "skipData"))
    read_calls(r, query);
  if (!pgr__flag(node, "if_not_exists")) made_one(r, json_object_get(into, "rel"), NULL);
}

static void read_view(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *view = json_object_get(node, "view");
  (void)mode;
  read_mentions(r, json_object_get(node, "query"));
  if (pgr__flag(node, "replace"))
    lock_range(r, view, PGR_LOCK_ACCESS_EXCLUSIVE);
  else
    made_one(r, view, NULL);
}

static void read_index(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *table = json_object_get(node, "relation");
  const char *name = pgr__field(node, "idxname");
  r->statement->needs_none |= pgr__flag(node, "concurrent");
  mode = pgr__flag(node, "concurrent") ? PGR_LOCK_SHARE_UPDATE_EXCLUSIVE : PGR_LOCK_SHARE;
  lock_range(r, table, mode);
  if (name && !pgr__flag(node, "if_not_exists")) made_one(r, table, name);
}

/* ---- kinds in general ---- */

static void read_unknown(reader *r, const json_t *node, pgr_lock_mode mode) {
  (void)node, (void)mode;
  lock_untold(r, PGR_LOCK_UNKNOWN);
}

static void read_alone(reader *r, const json_t *node, pgr_lock_mode mode) {
  (void)node, (void)mode;
  r->statement->needs_none = true;
}

/* One relation, in the field of that name. */
static void read_relation(reader *r, const json_t *node, pgr_lock_mode mode) {
  lock_range(r, json_object_get(node, "relation"), mode);
}

static void read_trigger(reader *r, const json_t *node, pgr_lock_mode mode) {
  read_relation(r, node, mode);
  lock_range(r, json_object_get(node, "constrrel"), PGR_LOCK_ACCESS_SHARE);
}

/* Its queries lock what they mention, when it is made. */
static void read_policy(reader *r, const json_t *node, pgr_lock_mode mode) {
  lock_range(r, json_object_get(node, "table"), mode);
  read_mentions(r, json_object_get(node, "qual"));
  read_mentions(r, json_object_get(node, "with_check"));
}

static void read_rule(reader *r, const json_t *node, pgr_lock_mode mode) {
  read_relation(r, node, mode);
  read_mentions(r, json_object_get(node, "actions"));
  read_mentions(r, json_object_get(node, "whereClause"));
}

static void read_relations(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relation;
  size_t i;
  json_array_foreach(json_object_get(node, "relations"), i, relation)
      lock_range(r, json_object_get(relation, "RangeVar"), mode);
  if (pgr__field_is(node, "behavior", "DROP_CASCADE")) lock_untold(r, mode);
}

static void read_lock(reader *r, const json_t *node, pgr_lock_mode mode) {
  json_int_t stated = json_integer_value(json_object_get(node, "mode")); /* numbered as here */
  mode =
      stated >= PGR_LOCK_ACCESS_SHARE && stated <= PGR_LOCK_ACCESS_EXCLUSIVE ? (pgr_lock_mode)stated : PGR_LOCK_UNKNOWN;
  read_relations(r, node, mode);
}

static void read_refresh(reader *r, const json_t *node, pgr_lock_mode mode) {
  mode = pgr__flag(node, "concurrent") ? PGR_LOCK_EXCLUSIVE : PGR_LOCK_ACCESS_EXCLUSIVE;
  read_relation(r, node, mode);
  if (!pgr__flag(node, "skipData")) lock_untold(r, PGR_LOCK_ACCESS_SHARE); /* what its query reads */
}

static bool has_option(const json_t *options, const char *name) {
  const json_t *option;
  size_t i;
  json_array_foreach(options, i, option) {
    const json_t *element = json_object_get(option, "DefElem");
    if (!pgr__field_is(element, "defname", name)) continue;
    const json_t *arg = json_object_get(element, "arg"), *number = json_object_get(arg, "Integer");
    if (number) return json_integer_value(json_object_get(number, "ival")) != 0;
    return !pgr__field_is(json_object_get(arg, "String"), "sval", "false") &&
           !pgr__field_is(json_object_get(arg, "String"), "sval", "off");
  }
  return false;
}

static void read_vacuum(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relations = json_object_get(node, "rels"), *relation;
  size_t i;
  r->statement->needs_none |= pgr__flag(node, "is_vacuumcmd");
  mode = has_option(json_object_get(node, "options"), "full") ? PGR_LOCK_ACCESS_EXCLUSIVE
                                                              : PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  json_array_foreach(relations, i, relation)
      lock_range(r, json_object_get(json_object_get(relation, "VacuumRelation"), "relation"), mode);
  if (!json_array_size(relations)) lock_untold(r, mode);
}

static void read_cluster(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relation = json_object_get(node, "relation");
  lock_range(r, relation, mode);
  if (relation) return;
  lock_untold(r, mode);
  r->statement->needs_none = true;
}

static void read_reindex(reader *r, const json_t *node, pgr_lock_mode mode) {
  bool concurrent = has_option(json_object_get(node, "params"), "concurrently");
  const json_t *relation = json_object_get(node, "relation");
  bool is_index = pgr__field_is(node, "kind", "REINDEX_OBJECT_INDEX");
  pgr_lock_mode index = concurrent ? PGR_LOCK_SHARE_UPDATE_EXCLUSIVE : PGR_LOCK_ACCESS_EXCLUSIVE;
  mode = concurrent ? PGR_LOCK_SHARE_UPDATE_EXCLUSIVE : PGR_LOCK_SHARE;
  r->statement->needs_none |= concurrent || !relation;
  lock_range(r, relation, is_index ? index : mode);
  lock_untold(r, is_index ? mode : index);
}

static void read_copy(reader *r, const json_t *node, pgr_lock_mode mode) {
  mode = pgr__flag(node, "is_from") ? PGR_LOCK_ROW_EXCLUSIVE : PGR_LOCK_ACCESS_SHARE;
  read_relation(r, node, mode);
  read_query(r, json_object_get(node, "query"), mode);
  read_calls(r, json_object_get(node, "whereClause"));
}

/* EXPLAIN, PREPARE, DECLARE: parsing the query already locks; only EXPLAIN ANALYZE runs it at once. */
static void read_planned(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *query = json_object_get(node, "query");
  (void)mode;
  if (json_object_get(query, "ExecuteStmt")) lock_untold(r, PGR_LOCK_UNKNOWN);
  if (json_object_get(query, "CreateTableAsStmt"))
    query = json_object_get(json_object_get(query, "CreateTableAsStmt"), "query");
  read_mentions(r, query);
  if (has_option(json_object_get(node, "options"), "analyze")) read_calls(r, query);
}

/* ---- sequences, publications, statistics, functions ---- */

static const json_t *option_of(const json_t *options, const char *name) {
  const json_t *option;
  size_t i;
  json_array_foreach(options, i, option) {
    const json_t *element = json_object_get(option, "DefElem");
    if (pgr__field_is(element, "defname", name)) return json_object_get(element, "arg");
  }
  return NULL;
}

static void read_sequence(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *owner = option_of(json_object_get(node, "options"), "owned_by"),
               *sequence = json_object_get(node, "sequence");
  size_t parts = json_array_size(pgr__list(owner));
  if (parts > 1) lock_name(r, owner, parts - 1, PGR_LOCK_ACCESS_SHARE);
  lock_range(r, sequence, mode);
  if (mode == PGR_LOCK_NONE && !pgr__flag(node, "if_not_exists")) made_one(r, sequence, NULL);
}

static void read_publication(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *object;
  size_t i;
  json_array_foreach(json_object_get(node, "pubobjects"), i, object) {
    const json_t *table = json_object_get(json_object_get(object, "PublicationObjSpec"), "pubtable");
    lock_range(r, json_object_get(table, "relation"), mode);
  }
}

/* The checker of an sql function's body parses its queries. */
static void read_function(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *language = json_object_get(option_of(json_object_get(node, "options"), "language"), "String");
  (void)mode;
  read_mentions(r, json_object_get(node, "sql_body"));
  if (pgr__field_is(language, "sval", "sql") && !json_object_get(node, "sql_body"))
    lock_untold(r, PGR_LOCK_ROW_EXCLUSIVE);
}

/* A constraint on a domain is checked in the tables that use it. */
static void read_domain(reader *r, const json_t *node, pgr_lock_mode mode) {
  const char *subtype = pgr__field(node, "subtype");
  if (subtype && strchr("COV", *subtype)) lock_untold(r, mode); /* ADD, SET NOT NULL, VALIDATE */
  if (pgr__field_is(node, "behavior", "DROP_CASCADE")) lock_untold(r, PGR_LOCK_ACCESS_EXCLUSIVE);
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

static void lock_object(reader *r, const char *type, const json_t *name, pgr_lock_mode mode) {
  size_t parts = json_array_size(pgr__list(name));
  object_name named = names_what(type);
  if (named == NAMES_RELATION) lock_name(r, name, parts, mode);
  if (named == NAMES_PART && parts > 1) lock_name(r, name, parts - 1, mode);
}

/* A column's comment is its table's; what else belongs to a table has an identity of its own. */
static void read_comment(reader *r, const json_t *node, pgr_lock_mode mode) {
  const char *type = pgr__field(node, "objtype");
  if (names_what(type) == NAMES_PART && strcmp(type, "OBJECT_COLUMN") != 0) mode = PGR_LOCK_ACCESS_SHARE;
  lock_object(r, type, json_object_get(node, "object"), mode);
}

static void read_drop(reader *r, const json_t *node, pgr_lock_mode mode) {
  const char *type = pgr__field(node, "removeType");
  const json_t *object;
  size_t i;
  if (pgr__flag(node, "concurrent")) {
    r->statement->needs_none = true;
    mode = PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  }
  json_array_foreach(json_object_get(node, "objects"), i, object) {
    size_t parts = json_array_size(pgr__list(object));
    lock_object(r, type, object, mode);
    if (names_what(type) == NAMES_RELATION && parts)
      unmake(r->made, parts > 1 ? pgr__string_at(object, parts - 2) : NULL, pgr__string_at(object, parts - 1));
  }
  if (!type || strcmp(type, "OBJECT_INDEX") == 0 || strcmp(type, "OBJECT_TABLE") == 0 ||
      pgr__field_is(node, "behavior", "DROP_CASCADE"))
    lock_untold(r, mode); /* an index' table; tables that foreign keys refer to; what depends on it */
  if (type && strcmp(type, "OBJECT_STATISTIC_EXT") == 0) lock_untold(r, PGR_LOCK_SHARE_UPDATE_EXCLUSIVE);
}

static void read_rename(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *relation = json_object_get(node, "relation");
  const char *type = pgr__field(node, "renameType");
  if (!type || strcmp(type, "OBJECT_ATTRIBUTE") == 0) return; /* of a composite type */
  if (strcmp(type, "OBJECT_INDEX") == 0) mode = PGR_LOCK_SHARE_UPDATE_EXCLUSIVE;
  bool was_made = is_made(r->made, pgr__field(relation, "schemaname"), pgr__field(relation, "relname"));
  lock_range(r, relation, mode);
  if (was_made && names_what(type) == NAMES_RELATION) made_one(r, relation, pgr__field(node, "newname"));
}

/* ---- transactions and settings ---- */

static void read_transaction(reader *r, const json_t *node, pgr_lock_mode mode) {
  const char *kind = pgr__field(node, "kind");
  (void)mode;
  if (!kind) return;
  r->statement->ends_transaction = strcmp(kind, "TRANS_STMT_SAVEPOINT") != 0 &&
                                   strcmp(kind, "TRANS_STMT_RELEASE") != 0 &&
                                   strcmp(kind, "TRANS_STMT_ROLLBACK_TO") != 0;
  r->statement->needs_none =
      strcmp(kind, "TRANS_STMT_COMMIT_PREPARED") == 0 || strcmp(kind, "TRANS_STMT_ROLLBACK_PREPARED") == 0;
  if (strncmp(kind, "TRANS_STMT_ROLLBACK", 19) == 0) forget_made(r->made, true);
}

/* After SET search_path, or by another user, the same word may mean another relation. */
static void read_setting(reader *r, const json_t *node, pgr_lock_mode mode) {
  const char *name = pgr__field(node, "name");
  (void)mode;
  if (!name || strcmp(name, "search_path") == 0 || strcmp(name, "role") == 0 ||
      strcmp(name, "session_authorization") == 0)
    forget_made(r->made, false);
}

static void read_discard(reader *r, const json_t *node, pgr_lock_mode mode) {
  (void)mode;
  r->statement->needs_none = pgr__field_is(node, "target", "DISCARD_ALL");
}

static void read_database(reader *r, const json_t *node, pgr_lock_mode mode) {
  (void)mode;
  r->statement->needs_none = option_of(json_object_get(node, "options"), "tablespace") != NULL;
}

/* ---- all kinds ---- */

static void read_node(reader *r, const char *kind, const json_t *node);

static void read_schema(reader *r, const json_t *node, pgr_lock_mode mode) {
  const json_t *elements = json_object_get(node, "schemaElts"), *element, *fields;
  const char *kind;
  size_t i;
  (void)mode;
  json_array_foreach(elements, i, element) json_object_foreach((json_t *)element, kind, fields)
      read_node(r, kind, fields);
}

static const struct {
  const char *kind;
  void (*read)(reader *r, const json_t *node, pgr_lock_mode mode);
  pgr_lock_mode mode;
} kinds[] = {
    {"SelectStmt", read_query, PGR_LOCK_NONE},
    {"InsertStmt", read_query, PGR_LOCK_NONE},
    {"UpdateStmt", read_query, PGR_LOCK_NONE},
    {"DeleteStmt", read_query, PGR_LOCK_NONE},
    {"MergeStmt", read_query, PGR_LOCK_NONE},
    {"CopyStmt", read_copy, PGR_LOCK_NONE},
    {"ExplainStmt", read_planned, PGR_LOCK_NONE},
    {"PrepareStmt", read_planned, PGR_LOCK_NONE},
    {"DeclareCursorStmt", read_planned, PGR_LOCK_NONE},
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
    {"AlterObjectSchemaStmt", read_relation, PGR_LOCK_ACCESS_EXCLUSIVE},
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
    {"CreateSubscriptionStmt", read_alone, PGR_LOCK_NONE},
    {"DropSubscriptionStmt", read_alone, PGR_LOCK_NONE},
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
    "FetchStmt",
    "GrantRoleStmt",
    "GrantStmt",
    "ImportForeignSchemaStmt",
    "ListenStmt",
    "LoadStmt",
    "NotifyStmt",
    "UnlistenStmt",
    "VariableShowStmt",
};

static void read_node(reader *r, const char *kind, const json_t *node) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
    if (strcmp(kind, kinds[i].kind) == 0) {
      kinds[i].read(r, node, kinds[i].mode);
      return;
    }
  for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
    if (strcmp(kind, harmless[i]) == 0) return;
  lock_untold(r, PGR_LOCK_UNKNOWN);
}

pgr_code pgr__locks_read(pgr__made *made, const pgr__piece *piece, pgr_sql_statement *out) {
  reader r = {.made = made, .arena = made->arena, .statement = out};
  if (piece->kind)
    read_node(&r, piece->kind, piece->node);
  else
    lock_untold(&r, PGR_LOCK_UNKNOWN);
  out->locks = r.locks;
  out->lock_count = r.count;
  return r.no_memory ? PGR_ENOMEM : PGR_OK;
}
