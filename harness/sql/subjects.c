/* What a statement is about, as a person would name it. Invariant: a name is written as SQL would read it back; where
 * the statement's tag does not say what type of object it is, the type stands before it. */
#include "sql_internal.h"

#include "pgr_names.h"
#include <string.h>

/* How a field of a tree names something. */
typedef enum shape {
  SHAPE_RANGE,    /* the fields of a RangeVar */
  SHAPE_INTO,     /* of an IntoClause */
  SHAPE_BASE,     /* of a CreateStmt */
  SHAPE_TEXT,     /* a name */
  SHAPE_SETTING,  /* a name, perhaps with a dot in it; in capitals where the grammar made it */
  SHAPE_NAMES,    /* Strings: schema, name */
  SHAPE_FUNCTION, /* the fields of an ObjectWithArgs */
  SHAPE_CALL,     /* of a FuncCall */
  SHAPE_ROLE,     /* of a RoleSpec */
  SHAPE_NODE,     /* any node */
  SHAPE_NODES,    /* a list of them */
  SHAPE_STATEMENT /* a node that is a statement of its own */
} shape;

/* Of one kind the first row counts whose field names something. */
static const struct {
  const char *kind, *field;
  shape shape;
} rows[] = {
    {"AlterCollationStmt", "collname", SHAPE_NAMES},
    {"AlterDatabaseRefreshCollStmt", "dbname", SHAPE_TEXT},
    {"AlterDatabaseSetStmt", "dbname", SHAPE_TEXT},
    {"AlterDatabaseStmt", "dbname", SHAPE_TEXT},
    {"AlterDomainStmt", "typeName", SHAPE_NAMES},
    {"AlterEnumStmt", "typeName", SHAPE_NAMES},
    {"AlterEventTrigStmt", "trigname", SHAPE_TEXT},
    {"AlterExtensionContentsStmt", "extname", SHAPE_TEXT},
    {"AlterExtensionStmt", "extname", SHAPE_TEXT},
    {"AlterFdwStmt", "fdwname", SHAPE_TEXT},
    {"AlterForeignServerStmt", "servername", SHAPE_TEXT},
    {"AlterFunctionStmt", "func", SHAPE_FUNCTION},
    {"AlterObjectDependsStmt", "relation", SHAPE_RANGE},
    {"AlterObjectDependsStmt", "object", SHAPE_NODE},
    {"AlterObjectSchemaStmt", "relation", SHAPE_RANGE},
    {"AlterObjectSchemaStmt", "object", SHAPE_NODE},
    {"AlterOpFamilyStmt", "opfamilyname", SHAPE_NAMES},
    {"AlterOperatorStmt", "opername", SHAPE_FUNCTION},
    {"AlterOwnerStmt", "object", SHAPE_NODE},
    {"AlterPolicyStmt", "table", SHAPE_RANGE},
    {"AlterPublicationStmt", "pubname", SHAPE_TEXT},
    {"AlterRoleSetStmt", "role", SHAPE_ROLE},
    {"AlterRoleStmt", "role", SHAPE_ROLE},
    {"AlterSeqStmt", "sequence", SHAPE_RANGE},
    {"AlterStatsStmt", "defnames", SHAPE_NAMES},
    {"AlterSubscriptionStmt", "subname", SHAPE_TEXT},
    {"AlterTSConfigurationStmt", "cfgname", SHAPE_NAMES},
    {"AlterTSDictionaryStmt", "dictname", SHAPE_NAMES},
    {"AlterTableSpaceOptionsStmt", "tablespacename", SHAPE_TEXT},
    {"AlterTableStmt", "relation", SHAPE_RANGE},
    {"AlterTypeStmt", "typeName", SHAPE_NAMES},
    {"AlterUserMappingStmt", "servername", SHAPE_TEXT},
    {"CallStmt", "funccall", SHAPE_CALL},
    {"ClosePortalStmt", "portalname", SHAPE_TEXT},
    {"ClusterStmt", "relation", SHAPE_RANGE},
    {"CompositeTypeStmt", "typevar", SHAPE_RANGE},
    {"ConstraintsSetStmt", "constraints", SHAPE_NODES},
    {"CopyStmt", "relation", SHAPE_RANGE},
    {"CreateAmStmt", "amname", SHAPE_TEXT},
    {"CreateConversionStmt", "conversion_name", SHAPE_NAMES},
    {"CreateDomainStmt", "domainname", SHAPE_NAMES},
    {"CreateEnumStmt", "typeName", SHAPE_NAMES},
    {"CreateEventTrigStmt", "trigname", SHAPE_TEXT},
    {"CreateExtensionStmt", "extname", SHAPE_TEXT},
    {"CreateFdwStmt", "fdwname", SHAPE_TEXT},
    {"CreateForeignServerStmt", "servername", SHAPE_TEXT},
    {"CreateForeignTableStmt", "base", SHAPE_BASE},
    {"CreateFunctionStmt", "funcname", SHAPE_NAMES},
    {"CreateOpClassStmt", "opclassname", SHAPE_NAMES},
    {"CreateOpFamilyStmt", "opfamilyname", SHAPE_NAMES},
    {"CreatePLangStmt", "plname", SHAPE_TEXT},
    {"CreatePolicyStmt", "table", SHAPE_RANGE},
    {"CreatePublicationStmt", "pubname", SHAPE_TEXT},
    {"CreateRangeStmt", "typeName", SHAPE_NAMES},
    {"CreateRoleStmt", "role", SHAPE_TEXT},
    {"CreateSchemaStmt", "schemaname", SHAPE_TEXT},
    {"CreateSchemaStmt", "authrole", SHAPE_ROLE},
    {"CreateSeqStmt", "sequence", SHAPE_RANGE},
    {"CreateStatsStmt", "relations", SHAPE_NODES},
    {"CreateStmt", "relation", SHAPE_RANGE},
    {"CreateSubscriptionStmt", "subname", SHAPE_TEXT},
    {"CreateTableAsStmt", "into", SHAPE_INTO},
    {"CreateTableSpaceStmt", "tablespacename", SHAPE_TEXT},
    {"CreateTrigStmt", "relation", SHAPE_RANGE},
    {"CreateUserMappingStmt", "servername", SHAPE_TEXT},
    {"CreatedbStmt", "dbname", SHAPE_TEXT},
    {"DeallocateStmt", "name", SHAPE_TEXT},
    {"DeclareCursorStmt", "portalname", SHAPE_TEXT},
    {"DefineStmt", "defnames", SHAPE_NAMES},
    {"DeleteStmt", "relation", SHAPE_RANGE},
    {"DropOwnedStmt", "roles", SHAPE_NODES},
    {"DropRoleStmt", "roles", SHAPE_NODES},
    {"DropSubscriptionStmt", "subname", SHAPE_TEXT},
    {"DropTableSpaceStmt", "tablespacename", SHAPE_TEXT},
    {"DropUserMappingStmt", "servername", SHAPE_TEXT},
    {"DropdbStmt", "dbname", SHAPE_TEXT},
    {"ExecuteStmt", "name", SHAPE_TEXT},
    {"ExplainStmt", "query", SHAPE_STATEMENT},
    {"FetchStmt", "portalname", SHAPE_TEXT},
    {"ImportForeignSchemaStmt", "remote_schema", SHAPE_TEXT},
    {"IndexStmt", "relation", SHAPE_RANGE},
    {"InsertStmt", "relation", SHAPE_RANGE},
    {"ListenStmt", "conditionname", SHAPE_TEXT},
    {"LockStmt", "relations", SHAPE_NODES},
    {"MergeStmt", "relation", SHAPE_RANGE},
    {"NotifyStmt", "conditionname", SHAPE_TEXT},
    {"PrepareStmt", "name", SHAPE_TEXT},
    {"ReassignOwnedStmt", "roles", SHAPE_NODES},
    {"RefreshMatViewStmt", "relation", SHAPE_RANGE},
    {"RenameStmt", "relation", SHAPE_RANGE},
    {"RenameStmt", "object", SHAPE_NODE},
    {"RenameStmt", "subname", SHAPE_TEXT},
    {"RuleStmt", "relation", SHAPE_RANGE},
    {"SelectStmt", "intoClause", SHAPE_INTO},
    {"TransactionStmt", "savepoint_name", SHAPE_TEXT},
    {"TruncateStmt", "relations", SHAPE_NODES},
    {"UnlistenStmt", "conditionname", SHAPE_TEXT},
    {"UpdateStmt", "relation", SHAPE_RANGE},
    {"VacuumStmt", "rels", SHAPE_NODES},
    {"VariableSetStmt", "name", SHAPE_SETTING},
    {"VariableShowStmt", "name", SHAPE_SETTING},
    {"ViewStmt", "view", SHAPE_RANGE},
};

/* ---- names ---- */

static void cut(pgr_buf *out, size_t len) {
  if (len >= out->len) return;
  out->len = len;
  out->data[len] = '\0';
}

static void add_text(const char *text, pgr_buf *out) {
  if (text) pgr_sql_name(text, out);
}

/* Strings from…to of the list, with dots between them. */
static void add_names(const json_t *names, size_t from, size_t to, pgr_buf *out) {
  for (size_t i = from; i < to; i++) {
    const char *text = pgr__string_at(names, i);
    if (!text) continue;
    if (i > from) pgr_buf_adds(out, ".");
    pgr_sql_name(text, out);
  }
}

static void add_all_names(const json_t *names, pgr_buf *out) {
  add_names(names, 0, json_array_size(pgr__list(names)), out);
}

static void add_range(const json_t *range_var, pgr_buf *out) {
  const char *name = pgr__field(range_var, "relname");
  if (name) pgr_sql_qualified(pgr__field(range_var, "schemaname"), name, out);
}

/* "CURRENT_USER" where the role is not named. */
static void add_role(const json_t *role, pgr_buf *out) {
  static const char prefix[] = "ROLESPEC_";
  const char *name = pgr__field(role, "rolename"), *type = pgr__field(role, "roletype");
  if (name)
    pgr_sql_name(name, out);
  else if (type && strncmp(type, prefix, sizeof prefix - 1) == 0)
    pgr_buf_adds(out, type + sizeof prefix - 1);
}

static void add_setting(const json_t *statement, const char *name, pgr_buf *out) {
  const char *dot = name ? strchr(name, '.') : NULL;
  if (pgr__field_is(statement, "kind", "VAR_SET_MULTI") && name) {
    pgr_buf_adds(out, name);
    return;
  }
  if (dot) {
    pgr_buf space;
    pgr_buf_init(&space, 0);
    pgr_buf_add(&space, name, (size_t)(dot - name));
    pgr_sql_qualified(pgr_buf_text(&space), dot + 1, out);
    out->failed |= space.failed;
    pgr_buf_deinit(&space);
  } else {
    add_text(name, out);
  }
}

/* ---- nodes ---- */

static void add_node(const json_t *node, pgr_buf *out) {
  const json_t *object = json_object_get(node, "ObjectWithArgs"), *type = json_object_get(node, "TypeName");
  add_range(json_object_get(node, "RangeVar"), out);
  add_range(json_object_get(json_object_get(node, "VacuumRelation"), "relation"), out);
  add_role(json_object_get(node, "RoleSpec"), out);
  add_text(pgr__field(json_object_get(node, "String"), "sval"), out);
  add_text(pgr__field(json_object_get(node, "AccessPriv"), "priv_name"), out);
  if (object) add_all_names(json_object_get(object, "objname"), out);
  if (type) add_all_names(json_object_get(type, "names"), out);
  if (json_object_get(node, "List")) add_all_names(node, out);
}

static bool type_is(const char *type, const char *const *types, size_t count) {
  bool found = false;
  for (size_t i = 0; type && i < count; i++)
    found |= strcmp(type, types[i]) == 0;
  return found;
}

/* Whose name ends in that of what is on a table. */
static bool is_on_table(const char *type) {
  static const char *const types[] = {"OBJECT_TRIGGER", "OBJECT_RULE", "OBJECT_POLICY", "OBJECT_TABCONSTRAINT"};
  return type_is(type, types, sizeof types / sizeof *types);
}

/* Whose name begins with that of an access method. */
static bool is_of_method(const char *type) {
  static const char *const types[] = {"OBJECT_OPCLASS", "OBJECT_OPFAMILY"};
  return type_is(type, types, sizeof types / sizeof *types);
}

/* Of what is on a table: the table. */
static void add_typed(const json_t *node, const char *type, pgr_buf *out) {
  size_t count = json_array_size(pgr__list(node));
  if (is_on_table(type) && count > 1)
    add_names(node, 0, count - 1, out);
  else if (is_of_method(type))
    add_names(node, 1, count, out);
  else
    add_node(node, out);
}

/* Those that have a name, with commas between them. type: of them all; NULL: it does not matter. */
static void add_nodes(const json_t *nodes, const char *type, pgr_buf *out) {
  const json_t *node;
  size_t i, start = out->len;
  json_array_foreach(nodes, i, node) {
    size_t before = out->len;
    if (before > start) pgr_buf_adds(out, ", ");
    size_t named = out->len;
    add_typed(node, type, out);
    if (out->len == named) cut(out, before);
  }
}

/* Of ALTER: what is changed. */
static const char *type_of(const json_t *statement) {
  const char *renamed = pgr__field(statement, "renameType");
  return renamed ? renamed : pgr__field(statement, "objectType");
}

static void add_statement(const char *kind, const json_t *node, pgr_buf *out);

static void add_shape(shape form, const json_t *statement, const json_t *value, pgr_buf *out) {
  switch (form) {
  case SHAPE_RANGE: add_range(value, out); break;
  case SHAPE_INTO: add_range(json_object_get(value, "rel"), out); break;
  case SHAPE_BASE: add_range(json_object_get(value, "relation"), out); break;
  case SHAPE_TEXT: add_text(json_string_value(value), out); break;
  case SHAPE_SETTING: add_setting(statement, json_string_value(value), out); break;
  case SHAPE_NAMES: add_all_names(value, out); break;
  case SHAPE_FUNCTION: add_all_names(json_object_get(value, "objname"), out); break;
  case SHAPE_CALL: add_all_names(json_object_get(value, "funcname"), out); break;
  case SHAPE_ROLE: add_role(value, out); break;
  case SHAPE_NODE: add_typed(value, type_of(statement), out); break;
  case SHAPE_NODES: add_nodes(value, NULL, out); break;
  case SHAPE_STATEMENT: {
    void *inner = json_object_iter((json_t *)value);
    if (inner) add_statement(json_object_iter_key(inner), json_object_iter_value(inner), out);
  } break;
  }
}

/* ---- with a type ---- */

/* "FOREIGN TABLE" */
static void add_type(const char *type, pgr_buf *out) {
  static const char prefix[] = "OBJECT_";
  if (!type || strncmp(type, prefix, sizeof prefix - 1) != 0) return;
  type += sizeof prefix - 1;
  const char *word = pgr__object_word(type);
  if (strcmp(type, "COLUMN") == 0) word = "COLUMN";
  if (strcmp(type, "TABCONSTRAINT") == 0 || strcmp(type, "DOMCONSTRAINT") == 0) word = "CONSTRAINT";
  for (const char *p = word ? word : type; *p; p++)
    pgr_buf_add(out, *p == '_' ? " " : p, 1);
}

/* "TRIGGER a ON t" */
static void add_described(const json_t *node, const char *type, pgr_buf *out) {
  size_t count = json_array_size(pgr__list(node));
  const json_t *first = json_array_get(pgr__list(node), 0);
  bool on_domain = type && strcmp(type, "OBJECT_DOMCONSTRAINT") == 0;
  add_type(type, out);
  pgr_buf_adds(out, " ");
  if (on_domain || (is_on_table(type) && count > 1)) {
    add_names(node, count - 1, count, out);
    pgr_buf_adds(out, on_domain ? " ON DOMAIN " : " ON ");
  }
  if (on_domain)
    add_node(first, out);
  else
    add_typed(node, type, out);
}

static void add_granted(const json_t *node, pgr_buf *out) {
  const char *type = pgr__field(node, "objtype");
  const json_t *objects = json_object_get(node, "objects");
  bool all = pgr__field_is(node, "targtype", "ACL_TARGET_ALL_IN_SCHEMA");
  if (all) pgr_buf_adds(out, "ALL ");
  add_type(type, out);
  pgr_buf_adds(out, all ? "S IN SCHEMA " : " ");
  add_nodes(objects, NULL, out);
}

static void add_reindexed(const json_t *node, pgr_buf *out) {
  static const char prefix[] = "REINDEX_OBJECT_";
  const char *kind = pgr__field(node, "kind"), *name = pgr__field(node, "name");
  if (kind && strncmp(kind, prefix, sizeof prefix - 1) == 0) pgr_buf_addf(out, "%s ", kind + sizeof prefix - 1);
  add_range(json_object_get(node, "relation"), out);
  add_text(name, out);
}

/* ---- statements ---- */

/* Those of which one field does not say it. false: it is none of them. */
static bool add_special(const char *kind, const json_t *node, pgr_buf *out) {
  if (strcmp(kind, "DropStmt") == 0) {
    add_nodes(json_object_get(node, "objects"), pgr__field(node, "removeType"), out);
  } else if (strcmp(kind, "CommentStmt") == 0 || strcmp(kind, "SecLabelStmt") == 0) {
    add_described(json_object_get(node, "object"), pgr__field(node, "objtype"), out);
  } else if (strcmp(kind, "GrantStmt") == 0) {
    add_granted(node, out);
  } else if (strcmp(kind, "GrantRoleStmt") == 0) {
    pgr_buf_adds(out, "ROLE ");
    add_nodes(json_object_get(node, "granted_roles"), NULL, out);
  } else if (strcmp(kind, "ReindexStmt") == 0) {
    add_reindexed(node, out);
  } else {
    return false;
  }
  return true;
}

static void add_statement(const char *kind, const json_t *node, pgr_buf *out) {
  if (add_special(kind, node, out)) return;
  for (size_t i = 0; i < sizeof rows / sizeof *rows && !out->len; i++)
    if (strcmp(kind, rows[i].kind) == 0) add_shape(rows[i].shape, node, json_object_get(node, rows[i].field), out);
}

pgr_code pgr__subject_read(const pgr__piece *piece, pgr_arena *arena, const char **out) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  *out = NULL;
  if (piece->kind) add_statement(piece->kind, piece->node, &text);
  while (text.len && text.data[text.len - 1] == ' ') /* a cast has a type, but no name */
    cut(&text, text.len - 1);
  if (text.len && !text.failed) *out = pgr_arena_strdup(arena, pgr_buf_text(&text));
  pgr_code code = text.failed || (text.len && !*out) ? PGR_ENOMEM : PGR_OK;
  pgr_buf_deinit(&text);
  return code;
}
