/* Cuts a SQL file into its statements. Invariant: the syntax of the whole is checked by splitting, which builds no
 * tree; a tree is built of one statement at a time, and only when what it has beside string constants is short, for
 * libpg_query writes trees out by recursion. */
#include "sql_internal.h"

#include "pgr_utf8.h"
#include <pg_query.h>
#include <string.h>
#include <strings.h>

enum {
  TOKEN_STRING = 261, /* SCONST, SQL_COMMENT and C_COMMENT of libpg_query's pg_query.proto */
  TOKEN_LINE_COMMENT = 275,
  TOKEN_COMMENT = 276,
  STEPS_BACK_MAX = 64
};

typedef struct cutter {
  const pgr_source *source;
  pgr_faults *faults;
  pgr__piece_visit visit;
  void *context;
  char *copy; /* of the source; ended early while a part of it is read */
  pgr__token *tokens;
  size_t token_count, token_cap;
} cutter;

/* ---- the tree ---- */

const char *pgr__field(const json_t *node, const char *name) {
  return json_string_value(json_object_get(node, name));
}

bool pgr__flag(const json_t *node, const char *name) {
  return json_is_true(json_object_get(node, name));
}

bool pgr__field_is(const json_t *node, const char *name, const char *value) {
  const char *text = pgr__field(node, name);
  return text && strcmp(text, value) == 0;
}

const json_t *pgr__list(const json_t *names) {
  return json_is_array(names) ? names : json_object_get(json_object_get(names, "List"), "items");
}

const char *pgr__string_at(const json_t *names, size_t index) {
  return pgr__field(json_object_get(json_array_get(pgr__list(names), index), "String"), "sval");
}

/* ---- tokens ---- */

/* One number of the protobuf message; *at moves on. 0 at the end. */
static size_t read_varint(const unsigned char **at, const unsigned char *end) {
  size_t value = 0;
  for (unsigned shift = 0; *at < end && shift < 63; shift += 7) {
    unsigned char byte = *(*at)++;
    value |= (size_t)(byte & 0x7F) << shift;
    if (!(byte & 0x80)) break;
  }
  return value;
}

static bool add_token(cutter *c, const unsigned char *at, const unsigned char *end) {
  pgr__token token = {0};
  size_t kind = 0;
  while (at < end) {
    size_t field = read_varint(&at, end), value = read_varint(&at, end);
    if (field >> 3 == 1) token.start = value;
    if (field >> 3 == 2) token.end = value;
    if (field >> 3 == 4) kind = value;
  }
  if (kind == TOKEN_LINE_COMMENT || kind == TOKEN_COMMENT) return true;
  token.is_string = kind == TOKEN_STRING;
  if (c->token_count == c->token_cap) {
    size_t cap = c->token_cap ? c->token_cap * 2 : 256;
    pgr__token *grown = pgr_realloc(c->tokens, cap, sizeof *grown);
    if (!grown) return false;
    c->tokens = grown;
    c->token_cap = cap;
  }
  c->tokens[c->token_count++] = token;
  return true;
}

/* Where an error is, which is counted in characters from 1, in bytes. */
static size_t error_offset(const char *text, const PgQueryError *error) {
  return pgr_utf8_offset(text, error->cursorpos > 0 ? (size_t)error->cursorpos - 1 : 0);
}

/* The message: pg_query.proto's ScanResult, whose field 2 are the tokens. */
static pgr_code read_tokens(cutter *c, const PgQueryProtobuf *message) {
  const unsigned char *at = (const unsigned char *)message->data, *end = at + message->len;
  while (at < end) {
    size_t field = read_varint(&at, end), value = read_varint(&at, end);
    if ((field & 7) != 2) continue;
    if (value > (size_t)(end - at)) break;
    if (field >> 3 == 2 && !add_token(c, at, at + value)) return PGR_ENOMEM;
    at += value;
  }
  return PGR_OK;
}

/* Reads the tokens of text, which is a part of the copy; of what is before the first that has no end. */
static pgr_code scan(cutter *c, char *text) {
  c->token_count = 0;
  PgQueryScanResult r = pg_query_scan(text);
  size_t good = r.error ? error_offset(text, r.error) : 0;
  if (good) {
    char kept = text[good];
    pg_query_free_scan_result(r);
    text[good] = '\0';
    r = pg_query_scan(text);
    text[good] = kept;
  }
  pgr_code code = r.error ? PGR_OK : read_tokens(c, &r.pbuf);
  pg_query_free_scan_result(r);
  return code;
}

bool pgr__token_is(const pgr__piece *piece, size_t index, const char *word) {
  if (index >= piece->token_count) return false;
  const pgr__token *t = &piece->tokens[index];
  size_t len = strlen(word);
  return t->end - t->start == len && strncasecmp(piece->text + t->start, word, len) == 0;
}

/* ---- one statement ---- */

/* The text with its string constants emptied: what makes a tree large. */
static pgr_code is_short(const cutter *c, const char *text, bool *yes) {
  pgr_buf rest;
  size_t end = 0;
  pgr_buf_init(&rest, 0);
  for (size_t i = 0; i < c->token_count; i++) {
    const pgr__token *t = &c->tokens[i];
    if (!t->is_string) continue;
    pgr_buf_add(&rest, text + end, t->start - end);
    pgr_buf_adds(&rest, "''");
    end = t->end;
  }
  pgr_buf_adds(&rest, text + end);
  *yes = rest.len <= PGR_STUDY_BYTES_MAX && !pgr__may_swell(pgr_buf_text(&rest), rest.len);
  pgr_code code = rest.failed ? PGR_ENOMEM : PGR_OK;
  pgr_buf_deinit(&rest);
  return code;
}

static pgr_code visit_tree(cutter *c, pgr__piece *piece) {
  bool is_read = false;
  pgr_code code = is_short(c, piece->text, &is_read);
  if (code) return code;
  PgQueryParseResult r = {0};
  if (is_read) r = pg_query_parse(piece->text);
  json_t *tree = is_read && !r.error ? json_loads(r.parse_tree, 0, NULL) : NULL;
  json_t *statement = json_object_get(json_array_get(json_object_get(tree, "stmts"), 0), "stmt");
  void *node = json_object_iter(statement);
  if (node) {
    piece->kind = json_object_iter_key(node);
    piece->node = json_object_iter_value(node);
  }
  code = c->visit(c->context, piece);
  json_decref(tree);
  if (is_read) pg_query_free_parse_result(r);
  return code;
}

/* The statement that the bytes from…to of the copy hold, if any. */
static pgr_code visit_piece(cutter *c, size_t from, size_t to) {
  char kept = c->copy[to];
  c->copy[to] = '\0';
  pgr_code code = scan(c, c->copy + from);
  c->copy[to] = kept;
  if (code || !c->token_count) return code;
  size_t start = c->tokens[0].start, end = c->tokens[c->token_count - 1].end;
  for (size_t i = 0; i < c->token_count; i++) {
    c->tokens[i].start -= start;
    c->tokens[i].end -= start;
  }
  pgr__piece piece = {.text = c->copy + from + start,
                      .offset = from + start,
                      .len = end - start,
                      .tokens = c->tokens,
                      .token_count = c->token_count};
  kept = c->copy[from + end];
  c->copy[from + end] = '\0';
  code = visit_tree(c, &piece);
  c->copy[from + end] = kept;
  return code;
}

static pgr_code visit_all(cutter *c, size_t from, const PgQuerySplitResult *r) {
  pgr_code code = PGR_OK;
  for (int i = 0; i < r->n_stmts && !code; i++) {
    size_t start = from + (size_t)r->stmts[i]->stmt_location;
    code = visit_piece(c, start, start + (size_t)r->stmts[i]->stmt_len);
  }
  return code;
}

/* ---- the whole ---- */

/* Adds what libpg_query found in the text that begins at from. Returns its place, in bytes from there. */
static size_t add_error(cutter *c, size_t from, const PgQueryError *error) {
  static const char near[] = "at or near \"";
  size_t offset = error_offset(c->copy + from, error);
  pgr_place_in at = pgr_place_at(c->source, from + offset);
  const char *token = strstr(error->message, near), *close = strrchr(error->message, '"');
  if (token && close > token + sizeof near - 1 && close - token < 1000)
    at.width = (int)(close - token) - (int)sizeof near + 1;
  pgr_faults_add(c->faults, c->source, at, NULL, "%s", error->message);
  return offset;
}

/* The statements between from and an error at `to`: as far as a semicolon from which everything parses. */
static pgr_code visit_before(cutter *c, size_t from, size_t to) {
  char kept = c->copy[to];
  c->copy[to] = '\0';
  pgr_code code = scan(c, c->copy + from);
  c->copy[to] = kept;
  bool found = false;
  size_t steps = 0;
  for (size_t i = code ? 0 : c->token_count; i > 0 && !found && steps < STEPS_BACK_MAX; i--) {
    size_t end = from + c->tokens[i - 1].end;
    if (c->tokens[i - 1].is_string || c->copy[end - 1] != ';') continue;
    steps++;
    kept = c->copy[end];
    c->copy[end] = '\0';
    PgQuerySplitResult r = pg_query_split_with_parser(c->copy + from);
    c->copy[end] = kept;
    found = !r.error;
    if (found) code = visit_all(c, from, &r);
    pg_query_free_split_result(r);
  }
  return code;
}

/* Sets *at behind the first semicolon from there on; at the end when there is none. */
static pgr_code skip_statement(cutter *c, size_t *at) {
  pgr_code code = scan(c, c->copy + *at);
  size_t i = 0;
  while (i < c->token_count && (c->tokens[i].is_string || c->copy[*at + c->tokens[i].end - 1] != ';'))
    i++;
  *at = i < c->token_count ? *at + c->tokens[i].end : c->source->len_bytes;
  return code;
}

/* After an error only more errors are looked for. */
static pgr_code cut(cutter *c) {
  pgr_code code = PGR_OK;
  bool goes_on = true;
  size_t from = 0;
  for (int errors = 0; goes_on && !code && errors < PGR_FAULTS_KEPT; errors++) {
    PgQuerySplitResult r = pg_query_split_with_parser(c->copy + from);
    goes_on = r.error != NULL;
    size_t wrong = goes_on ? from + add_error(c, from, r.error) : 0;
    if (errors == 0) code = goes_on ? visit_before(c, from, wrong) : visit_all(c, from, &r);
    pg_query_free_split_result(r);
    from = wrong;
    if (goes_on && !code) code = skip_statement(c, &from);
    goes_on &= from < c->source->len_bytes;
  }
  return code;
}

pgr_code pgr__pieces(const pgr_source *source, pgr_faults *faults, pgr__piece_visit visit, void *context) {
  cutter c = {.source = source, .faults = faults, .visit = visit, .context = context};
  c.copy = pgr_calloc(source->len_bytes + 1, 1);
  if (!c.copy) return PGR_ENOMEM;
  memcpy(c.copy, source->text, source->len_bytes);
  pgr_code code = cut(&c);
  pgr_free(c.tokens);
  pgr_free(c.copy);
  return code;
}

/* ---- what a statement is called ---- */

/* PostgreSQL's command tags, where the kind of the node alone says it. Source: CreateCommandTag. */
static const char *const tags[][2] = {
    {"AlterCollationStmt", "ALTER COLLATION"},
    {"AlterDatabaseRefreshCollStmt", "ALTER DATABASE"},
    {"AlterDatabaseSetStmt", "ALTER DATABASE"},
    {"AlterDatabaseStmt", "ALTER DATABASE"},
    {"AlterDefaultPrivilegesStmt", "ALTER DEFAULT PRIVILEGES"},
    {"AlterDomainStmt", "ALTER DOMAIN"},
    {"AlterEnumStmt", "ALTER TYPE"},
    {"AlterEventTrigStmt", "ALTER EVENT TRIGGER"},
    {"AlterExtensionContentsStmt", "ALTER EXTENSION"},
    {"AlterExtensionStmt", "ALTER EXTENSION"},
    {"AlterFdwStmt", "ALTER FOREIGN DATA WRAPPER"},
    {"AlterForeignServerStmt", "ALTER SERVER"},
    {"AlterOpFamilyStmt", "ALTER OPERATOR FAMILY"},
    {"AlterOperatorStmt", "ALTER OPERATOR"},
    {"AlterPolicyStmt", "ALTER POLICY"},
    {"AlterPublicationStmt", "ALTER PUBLICATION"},
    {"AlterRoleSetStmt", "ALTER ROLE"},
    {"AlterRoleStmt", "ALTER ROLE"},
    {"AlterSeqStmt", "ALTER SEQUENCE"},
    {"AlterStatsStmt", "ALTER STATISTICS"},
    {"AlterSubscriptionStmt", "ALTER SUBSCRIPTION"},
    {"AlterSystemStmt", "ALTER SYSTEM"},
    {"AlterTSConfigurationStmt", "ALTER TEXT SEARCH CONFIGURATION"},
    {"AlterTSDictionaryStmt", "ALTER TEXT SEARCH DICTIONARY"},
    {"AlterTableSpaceOptionsStmt", "ALTER TABLESPACE"},
    {"AlterTypeStmt", "ALTER TYPE"},
    {"AlterUserMappingStmt", "ALTER USER MAPPING"},
    {"CallStmt", "CALL"},
    {"CheckPointStmt", "CHECKPOINT"},
    {"ClosePortalStmt", "CLOSE CURSOR"},
    {"ClusterStmt", "CLUSTER"},
    {"CommentStmt", "COMMENT"},
    {"CompositeTypeStmt", "CREATE TYPE"},
    {"ConstraintsSetStmt", "SET CONSTRAINTS"},
    {"CopyStmt", "COPY"},
    {"CreateAmStmt", "CREATE ACCESS METHOD"},
    {"CreateCastStmt", "CREATE CAST"},
    {"CreateConversionStmt", "CREATE CONVERSION"},
    {"CreateDomainStmt", "CREATE DOMAIN"},
    {"CreateEnumStmt", "CREATE TYPE"},
    {"CreateEventTrigStmt", "CREATE EVENT TRIGGER"},
    {"CreateExtensionStmt", "CREATE EXTENSION"},
    {"CreateFdwStmt", "CREATE FOREIGN DATA WRAPPER"},
    {"CreateForeignServerStmt", "CREATE SERVER"},
    {"CreateForeignTableStmt", "CREATE FOREIGN TABLE"},
    {"CreateOpClassStmt", "CREATE OPERATOR CLASS"},
    {"CreateOpFamilyStmt", "CREATE OPERATOR FAMILY"},
    {"CreatePLangStmt", "CREATE LANGUAGE"},
    {"CreatePolicyStmt", "CREATE POLICY"},
    {"CreatePublicationStmt", "CREATE PUBLICATION"},
    {"CreateRangeStmt", "CREATE TYPE"},
    {"CreateRoleStmt", "CREATE ROLE"},
    {"CreateSchemaStmt", "CREATE SCHEMA"},
    {"CreateSeqStmt", "CREATE SEQUENCE"},
    {"CreateStatsStmt", "CREATE STATISTICS"},
    {"CreateStmt", "CREATE TABLE"},
    {"CreateSubscriptionStmt", "CREATE SUBSCRIPTION"},
    {"CreateTableSpaceStmt", "CREATE TABLESPACE"},
    {"CreateTransformStmt", "CREATE TRANSFORM"},
    {"CreateTrigStmt", "CREATE TRIGGER"},
    {"CreateUserMappingStmt", "CREATE USER MAPPING"},
    {"CreatedbStmt", "CREATE DATABASE"},
    {"DeallocateStmt", "DEALLOCATE"},
    {"DeclareCursorStmt", "DECLARE CURSOR"},
    {"DeleteStmt", "DELETE"},
    {"DoStmt", "DO"},
    {"DropOwnedStmt", "DROP OWNED"},
    {"DropRoleStmt", "DROP ROLE"},
    {"DropSubscriptionStmt", "DROP SUBSCRIPTION"},
    {"DropTableSpaceStmt", "DROP TABLESPACE"},
    {"DropUserMappingStmt", "DROP USER MAPPING"},
    {"DropdbStmt", "DROP DATABASE"},
    {"ExecuteStmt", "EXECUTE"},
    {"ExplainStmt", "EXPLAIN"},
    {"ImportForeignSchemaStmt", "IMPORT FOREIGN SCHEMA"},
    {"IndexStmt", "CREATE INDEX"},
    {"InsertStmt", "INSERT"},
    {"ListenStmt", "LISTEN"},
    {"LoadStmt", "LOAD"},
    {"LockStmt", "LOCK TABLE"},
    {"MergeStmt", "MERGE"},
    {"NotifyStmt", "NOTIFY"},
    {"PrepareStmt", "PREPARE"},
    {"ReassignOwnedStmt", "REASSIGN OWNED"},
    {"RefreshMatViewStmt", "REFRESH MATERIALIZED VIEW"},
    {"ReindexStmt", "REINDEX"},
    {"RuleStmt", "CREATE RULE"},
    {"SecLabelStmt", "SECURITY LABEL"},
    {"SelectStmt", "SELECT"},
    {"TruncateStmt", "TRUNCATE TABLE"},
    {"UnlistenStmt", "UNLISTEN"},
    {"UpdateStmt", "UPDATE"},
    {"VariableShowStmt", "SHOW"},
    {"ViewStmt", "CREATE VIEW"},
};

/* Object types whose name in a tag is not their name in the tree. */
static const char *const objects[][2] = {
    {"AMOP", "OPERATOR FAMILY"},
    {"AMPROC", "OPERATOR FAMILY"},
    {"ATTRIBUTE", "TYPE"},
    {"COLUMN", "TABLE"},
    {"DOMCONSTRAINT", "DOMAIN"},
    {"FDW", "FOREIGN DATA WRAPPER"},
    {"FOREIGN_SERVER", "SERVER"},
    {"LARGEOBJECT", "LARGE OBJECT"},
    {"MATVIEW", "MATERIALIZED VIEW"},
    {"OPCLASS", "OPERATOR CLASS"},
    {"OPFAMILY", "OPERATOR FAMILY"},
    {"STATISTIC_EXT", "STATISTICS"},
    {"TABCONSTRAINT", "TABLE"},
    {"TSCONFIGURATION", "TEXT SEARCH CONFIGURATION"},
    {"TSDICTIONARY", "TEXT SEARCH DICTIONARY"},
    {"TSPARSER", "TEXT SEARCH PARSER"},
    {"TSTEMPLATE", "TEXT SEARCH TEMPLATE"},
};

/* Kinds whose tag is a verb and the type of an object; which field says the type. */
static const struct {
  const char *kind, *verb, *field;
} typed[] = {
    {"AlterFunctionStmt", "ALTER", "objtype"},
    {"AlterObjectDependsStmt", "ALTER", "objectType"},
    {"AlterObjectSchemaStmt", "ALTER", "objectType"},
    {"AlterOwnerStmt", "ALTER", "objectType"},
    {"AlterTableMoveAllStmt", "ALTER", "objtype"},
    {"AlterTableStmt", "ALTER", "objtype"},
    {"CreateTableAsStmt", "CREATE", "objtype"},
    {"DefineStmt", "CREATE", "kind"},
    {"DropStmt", "DROP", "removeType"},
    {"RenameStmt", "ALTER", "renameType"},
};

/* {"COMMIT", …}: what the tag of a TransactionStmt, TRANS_STMT_…, is when its name with spaces is not. */
static const char *const transactions[][2] = {
    {"START", "START TRANSACTION"}, {"ROLLBACK_TO", "ROLLBACK"}, {"PREPARE", "PREPARE TRANSACTION"}};

static const char *find(const char *const pairs[][2], size_t count, const char *key) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(pairs[i][0], key) == 0) return pairs[i][1];
  return NULL;
}

#define FIND(pairs, key) find(pairs, sizeof(pairs) / sizeof *(pairs), key)

const char *pgr__object_word(const char *type) {
  return FIND(objects, type);
}

/* "FOREIGN_TABLE" → "FOREIGN TABLE" */
static char *spaced(pgr_arena *arena, const char *verb, const char *name) {
  char *text = pgr_arena_printf(arena, "%s%s%s", verb, *verb ? " " : "", name);
  for (char *p = text; p && *p; p++)
    if (*p == '_') *p = ' ';
  return text;
}

static const char *typed_tag(const pgr__piece *p, pgr_arena *arena, size_t row) {
  static const char prefix[] = "OBJECT_";
  const char *type = pgr__field(p->node, typed[row].field);
  if (type && strcmp(p->kind, "RenameStmt") == 0 && strcmp(type, "OBJECT_COLUMN") == 0)
    type = pgr__field(p->node, "relationType");
  if (!type || strncmp(type, prefix, sizeof prefix - 1) != 0) return typed[row].verb;
  type += sizeof prefix - 1;
  if (strcmp(p->kind, "CreateTableAsStmt") == 0 && strcmp(type, "TABLE") == 0) type = "TABLE_AS";
  const char *name = pgr__object_word(type);
  return spaced(arena, typed[row].verb, name ? name : type);
}

/* The first word, in capitals. */
static const char *first_word(const pgr__piece *p, pgr_arena *arena) {
  char *word = pgr_arena_printf(arena, "%.*s", (int)(p->tokens[0].end < 64 ? p->tokens[0].end : 64), p->text);
  for (char *c = word; c && *c; c++)
    if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 'a' + 'A');
  return word;
}

static const char *transaction_tag(const pgr__piece *p, pgr_arena *arena) {
  static const char prefix[] = "TRANS_STMT_";
  const char *kind = pgr__field(p->node, "kind");
  if (!kind || strncmp(kind, prefix, sizeof prefix - 1) != 0) return "BEGIN";
  kind += sizeof prefix - 1;
  const char *tag = FIND(transactions, kind);
  return tag ? tag : spaced(arena, "", kind);
}

static const char *discard_tag(const json_t *node) {
  if (pgr__field_is(node, "target", "DISCARD_PLANS")) return "DISCARD PLANS";
  if (pgr__field_is(node, "target", "DISCARD_SEQUENCES")) return "DISCARD SEQUENCES";
  return pgr__field_is(node, "target", "DISCARD_TEMP") ? "DISCARD TEMP" : "DISCARD ALL";
}

/* NULL: no memory. */
static const char *tag_of(const pgr__piece *p, pgr_arena *arena) {
  const char *tag = p->kind ? FIND(tags, p->kind) : NULL;
  if (tag || !p->kind) return tag ? tag : first_word(p, arena);
  for (size_t i = 0; i < sizeof typed / sizeof *typed; i++)
    if (strcmp(p->kind, typed[i].kind) == 0) return typed_tag(p, arena, i);
  if (strcmp(p->kind, "TransactionStmt") == 0) return transaction_tag(p, arena);
  if (strcmp(p->kind, "CreateFunctionStmt") == 0)
    return pgr__flag(p->node, "is_procedure") ? "CREATE PROCEDURE" : "CREATE FUNCTION";
  if (strcmp(p->kind, "FetchStmt") == 0) return pgr__flag(p->node, "ismove") ? "MOVE" : "FETCH";
  if (strcmp(p->kind, "DiscardStmt") == 0) return discard_tag(p->node);
  if (strcmp(p->kind, "VacuumStmt") == 0) return pgr__flag(p->node, "is_vacuumcmd") ? "VACUUM" : "ANALYZE";
  return first_word(p, arena);
}

/* ---- pgr_statements_read ---- */

typedef struct reading {
  pgr_arena *arena;
  pgr__made made;
  pgr_sql_statement *items;
  size_t count, cap;
} reading;

static pgr_code read_statement(void *context, const pgr__piece *piece) {
  reading *r = context;
  if (r->count == r->cap) {
    size_t cap = r->cap ? r->cap * 2 : 16;
    pgr_sql_statement *items = pgr_arena_alloc(r->arena, cap * sizeof *items);
    if (!items) return PGR_ENOMEM;
    if (r->count) memcpy(items, r->items, r->count * sizeof *items);
    r->items = items;
    r->cap = cap;
  }
  pgr_sql_statement *s = &r->items[r->count];
  *s = (pgr_sql_statement){.offset = piece->offset, .len = piece->len, .what = tag_of(piece, r->arena)};
  if (!s->what) return PGR_ENOMEM;
  pgr_code code = pgr__subject_read(piece, r->arena, &s->object);
  if (!code) code = pgr__locks_read(&r->made, piece, s);
  if (!code) r->count++;
  return code;
}

pgr_code pgr_statements_read(const pgr_source *source, pgr_arena *arena, pgr_sql_statements *out, pgr_faults *faults,
                             pgr_err *err) {
  reading r = {.arena = arena, .made = {.arena = arena}};
  pgr_code code = pgr__pieces(source, faults, read_statement, &r);
  *out = (pgr_sql_statements){.items = r.items, .count = r.count};
  return code ? pgr_fail(err, code, "out of memory") : PGR_OK;
}
