/* The shape of a scenario: which keys there are, which must be there, what may be how many. libcyaml holds it as a
 * schema and loads by it; it stops at the first fault and places it badly, so the tree is compared with the same schema
 * first. Invariant: what pgr__shape_load returns lies in the arena whole, hence libcyaml never frees anything. */
#include "scenario_internal.h"

#include "pgr_mem.h"
#include "pgr_units.h"
#include <cyaml/cyaml.h>
#include <stdio.h>
#include <string.h>

#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define MAYBE_TEXT(key, type, member)                                                                                  \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, CYAML_UNLIMITED)
#define LIST(key, type, member, count, item, max)                                                                      \
  CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER, type, member, count, item, 1, max)
#define MAYBE_LIST(key, type, member, count, item, max)                                                                \
  CYAML_FIELD_SEQUENCE_COUNT(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, count, item, 1, max)

static const cyaml_schema_value_t text_item = {CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 1, CYAML_UNLIMITED)};

static const cyaml_schema_field_t key_fields[] = {MAYBE_TEXT("name", pgr__raw_key, name),
                                                  MAYBE_TEXT("first", pgr__raw_key, first),
                                                  MAYBE_TEXT("last", pgr__raw_key, last), CYAML_FIELD_END};

static const cyaml_schema_field_t ownership_fields[] = {
    TEXT("rule", pgr__raw_ownership, rule), TEXT("acquire", pgr__raw_ownership, acquire),
    MAYBE_TEXT("release", pgr__raw_ownership, release), MAYBE_TEXT("capacity", pgr__raw_ownership, capacity),
    CYAML_FIELD_END};

static const cyaml_schema_field_t operation_fields[] = {
    TEXT("name", pgr__raw_operation, name), MAYBE_TEXT("script", pgr__raw_operation, script),
    MAYBE_TEXT("after", pgr__raw_operation, after), MAYBE_TEXT("when", pgr__raw_operation, when), CYAML_FIELD_END};
static const cyaml_schema_value_t operation_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_operation, operation_fields)};

static const cyaml_schema_field_t invariant_fields[] = {TEXT("rule", pgr__raw_invariant, rule),
                                                        TEXT("sql", pgr__raw_invariant, sql), CYAML_FIELD_END};
static const cyaml_schema_value_t invariant_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_invariant, invariant_fields)};

static const cyaml_schema_field_t rejection_fields[] = {
    TEXT("sqlstate", pgr__raw_rejection, sqlstate), MAYBE_TEXT("constraint", pgr__raw_rejection, constraint),
    MAYBE_TEXT("field", pgr__raw_rejection, field), MAYBE_TEXT("message", pgr__raw_rejection, message),
    CYAML_FIELD_END};
static const cyaml_schema_value_t rejection_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_rejection, rejection_fields)};

static const cyaml_schema_field_t retry_fields[] = {
    CYAML_FIELD_IGNORE("sqlstate", CYAML_FLAG_DEFAULT), MAYBE_TEXT("attempts", pgr__raw_retry, attempts),
    MAYBE_TEXT("backoff", pgr__raw_retry, backoff),     MAYBE_TEXT("max_backoff", pgr__raw_retry, max_backoff),
    MAYBE_TEXT("again", pgr__raw_retry, again),         CYAML_FIELD_END};
static const cyaml_schema_value_t retry_item = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_retry, retry_fields)};

static const cyaml_schema_field_t isolation_fields[] = {
    MAYBE_TEXT("read committed", pgr__raw_isolation, at[PGR_READ_COMMITTED]),
    MAYBE_TEXT("repeatable read", pgr__raw_isolation, at[PGR_REPEATABLE_READ]),
    MAYBE_TEXT("serializable", pgr__raw_isolation, at[PGR_SERIALIZABLE]), CYAML_FIELD_END};

static const cyaml_schema_field_t strategy_fields[] = {
    TEXT("name", pgr__raw_strategy, name),
    TEXT("summary", pgr__raw_strategy, summary),
    MAYBE_TEXT("sampled", pgr__raw_strategy, sampled),
    MAYBE_LIST("install", pgr__raw_strategy, install, install_count, &text_item, PGR_INSTALLS_MAX),
    CYAML_FIELD_IGNORE("scripts", CYAML_FLAG_OPTIONAL),
    MAYBE_LIST("retries", pgr__raw_strategy, retries, retry_count, &retry_item, PGR_RETRIES_MAX),
    CYAML_FIELD_MAPPING("isolation", CYAML_FLAG_DEFAULT, pgr__raw_strategy, isolation, isolation_fields),
    CYAML_FIELD_END};
static const cyaml_schema_value_t strategy_item = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, pgr__raw_strategy, strategy_fields)};

static const cyaml_schema_field_t fields[] = {
    TEXT("title", pgr__raw, title),
    TEXT("lesson", pgr__raw, lesson),
    MAYBE_TEXT("see", pgr__raw, see),
    MAYBE_TEXT("broken", pgr__raw, broken),
    MAYBE_LIST("schema", pgr__raw, schema, schema_count, &text_item, PGR_INSTALLS_MAX),
    MAYBE_TEXT("seed", pgr__raw, seed),
    MAYBE_TEXT("reset", pgr__raw, reset),
    MAYBE_LIST("ignore", pgr__raw, ignore, ignore_count, &text_item, PGR_IGNORED_MAX),
    MAYBE_TEXT("protocol", pgr__raw, protocol),
    MAYBE_TEXT("pool_mode", pgr__raw, pool_mode),
    CYAML_FIELD_MAPPING("key", CYAML_FLAG_OPTIONAL, pgr__raw, key, key_fields),
    CYAML_FIELD_IGNORE("variables", CYAML_FLAG_OPTIONAL),
    LIST("operations", pgr__raw, operations, operation_count, &operation_item, PGR_OPERATIONS_MAX),
    CYAML_FIELD_MAPPING("ownership", CYAML_FLAG_OPTIONAL, pgr__raw, ownership, ownership_fields),
    MAYBE_LIST("invariants", pgr__raw, invariants, invariant_count, &invariant_item, PGR_INVARIANTS_MAX),
    MAYBE_LIST("rejections", pgr__raw, rejections, rejection_count, &rejection_item, PGR_REJECTIONS_MAX),
    MAYBE_LIST("retries", pgr__raw, retries, retry_count, &retry_item, PGR_RETRIES_MAX),
    LIST("strategies", pgr__raw, strategies, strategy_count, &strategy_item, PGR_STRATEGIES_MAX),
    MAYBE_LIST("compare", pgr__raw, compare, compare_count, &text_item, PGR_STRATEGIES_MAX),
    MAYBE_LIST("thresholds", pgr__raw, thresholds, threshold_count, &text_item, PGR_LIMITS_MAX),
    CYAML_FIELD_END};
static const cyaml_schema_value_t scenario_value = {CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, pgr__raw, fields)};

/* ---- the tree against the schema ---- */

enum { FIELDS_MAX = 24 };
_Static_assert(sizeof fields / sizeof *fields <= FIELDS_MAX, "names and `seen` in check_mapping hold them all");

typedef struct shape {
  pgr_yaml *yaml;
  pgr_faults *faults;
} shape;

static pgr_place_in place(const shape *c, const yaml_node_t *node) {
  return c->faults->count < PGR_FAULTS_KEPT ? pgr_yaml_place(c->yaml, node) : (pgr_place_in){0};
}

static void check(const shape *c, const cyaml_schema_value_t *schema, yaml_node_t *node, const yaml_node_t *at,
                  const char *what);

static const char *kind_of(const yaml_node_t *node) {
  switch (node->type) {
  case YAML_MAPPING_NODE: return "a mapping";
  case YAML_SEQUENCE_NODE: return "a list";
  case YAML_SCALAR_NODE: return node->data.scalar.length ? "a text" : "nothing";
  case YAML_NO_NODE: break;
  }
  return "nothing";
}

static void wrong_kind(const shape *c, const yaml_node_t *node, const yaml_node_t *at, const char *what,
                       const char *kind, const char *hint) {
  bool shown = node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0;
  pgr_faults_add(c->faults, c->yaml->source, place(c, shown ? node : at), hint, "%s must be %s, here is %s", what, kind,
                 kind_of(node));
}

/* at: what to point at when the value itself has no width. */
static void check_text(const shape *c, const yaml_node_t *node, const yaml_node_t *at, const char *what) {
  if (node->type != YAML_SCALAR_NODE) {
    bool block = node->type == YAML_MAPPING_NODE && node->data.mapping.style == YAML_BLOCK_MAPPING_STYLE;
    wrong_kind(c, node, at, what, "a text", block ? "a text with ': ' in it wants quotes" : NULL);
    return;
  }
  const unsigned char *value = node->data.scalar.value;
  size_t len = node->data.scalar.length, blank = 0;
  for (size_t i = 0; i < len; i++) {
    bool space = value[i] == ' ' || value[i] == '\t' || value[i] == '\n';
    blank += space;
    if ((value[i] >= ' ' && value[i] != 0x7F) || space) continue;
    pgr_faults_add(c->faults, c->yaml->source, place(c, node), NULL, "%s holds a control character, 0x%02X", what,
                   value[i]);
    return;
  }
  if (blank == len) pgr_faults_add(c->faults, c->yaml->source, place(c, at), NULL, "%s is empty", what);
}

static void check_list(const shape *c, const cyaml_schema_value_t *schema, const yaml_node_t *node,
                       const yaml_node_t *at, const char *what) {
  char item_name[96];
  if (node->type != YAML_SEQUENCE_NODE) {
    wrong_kind(c, node, at, what, "a list", "begin each item with a dash and a space, or write [a, b]");
    return;
  }
  const yaml_node_item_t *start = node->data.sequence.items.start;
  size_t count = (size_t)(node->data.sequence.items.top - start);
  if (count < schema->sequence.min)
    pgr_faults_add(c->faults, c->yaml->source, place(c, at), "give at least one, or leave the key out", "%s is empty",
                   what);
  if (count > schema->sequence.max) {
    yaml_node_t *first_beyond = yaml_document_get_node(&c->yaml->document, start[schema->sequence.max]);
    pgr_faults_add(c->faults, c->yaml->source, place(c, first_beyond), NULL, "%s: %zu are too many, at most %u fit",
                   what, count, (unsigned)schema->sequence.max);
    count = schema->sequence.max;
  }
  snprintf(item_name, sizeof item_name, "an item of %s", what);
  for (size_t i = 0; i < count; i++) {
    yaml_node_t *item = yaml_document_get_node(&c->yaml->document, start[i]);
    check(c, schema->sequence.entry, item, item, item_name);
  }
}

static void unknown_key(const shape *c, const cyaml_schema_field_t *known, const yaml_node_t *key, const char *what) {
  const char *names[FIELDS_MAX + 1];
  char hint[PGR__HINT_BYTES];
  size_t n = 0;
  /* Only those that are kept are worth a look for what was meant. */
  for (; known[n].key && c->faults->count < PGR_FAULTS_KEPT; n++)
    names[n] = known[n].key;
  names[n] = NULL;
  const char *noun = known == isolation_fields ? "isolation level" : "key";
  const char *value = (const char *)key->data.scalar.value;
  pgr_faults_add(c->faults, c->yaml->source, place(c, key), pgr__hint(hint, value, names), "unknown %s '%.80s' in %s",
                 noun, value, what);
}

static void check_pair(const shape *c, const cyaml_schema_field_t *known, const yaml_node_pair_t *pair,
                       bool seen[FIELDS_MAX], const char *what) {
  yaml_node_t *key = yaml_document_get_node(&c->yaml->document, pair->key);
  if (key->type != YAML_SCALAR_NODE) {
    pgr_faults_add(c->faults, c->yaml->source, place(c, key), NULL, "a key in %s is %s, it must be a text", what,
                   kind_of(key));
    return;
  }
  for (size_t i = 0; known[i].key; i++) {
    if (strcmp(known[i].key, (const char *)key->data.scalar.value) != 0) continue;
    if (strlen(known[i].key) != key->data.scalar.length) continue;
    char name[64];
    snprintf(name, sizeof name, "'%s'", known[i].key);
    if (seen[i]) pgr_faults_add(c->faults, c->yaml->source, place(c, key), NULL, "%s is there twice in %s", name, what);
    seen[i] = true;
    check(c, &known[i].value, yaml_document_get_node(&c->yaml->document, pair->value), key, name);
    return;
  }
  unknown_key(c, known, key, what);
}

static void check_mapping(const shape *c, const cyaml_schema_value_t *schema, const yaml_node_t *node,
                          const yaml_node_t *at, const char *what) {
  const cyaml_schema_field_t *known = schema->mapping.fields;
  bool seen[FIELDS_MAX] = {false};
  if (node->type != YAML_MAPPING_NODE) {
    wrong_kind(c, node, at, what, "a mapping (lines of 'key: value')", NULL);
    return;
  }
  const yaml_node_pair_t *start = node->data.mapping.pairs.start, *top = node->data.mapping.pairs.top;
  for (const yaml_node_pair_t *pair = start; pair < top; pair++)
    check_pair(c, known, pair, seen, what);
  for (size_t i = 0; known[i].key; i++)
    if (!seen[i] && !(known[i].value.flags & CYAML_FLAG_OPTIONAL))
      pgr_faults_add(c->faults, c->yaml->source, place(c, at), NULL, "%s lacks '%s'", what, known[i].key);
  if (known == isolation_fields && start == top)
    pgr_faults_add(c->faults, c->yaml->source, place(c, at), "write it like {read committed: safe}",
                   "%s names no isolation level", what);
}

/* The recursion follows the schema, not the text. */
static void check(const shape *c, const cyaml_schema_value_t *schema, yaml_node_t *node, const yaml_node_t *at,
                  const char *what) {
  if (schema->type == CYAML_STRING)
    check_text(c, node, at, what);
  else if (schema->type == CYAML_SEQUENCE)
    check_list(c, schema, node, at, what);
  else if (schema->type == CYAML_MAPPING)
    check_mapping(c, schema, node, at, what);
}

/* ---- libcyaml ---- */

/* Blocks know their size, so that one can grow; the arena frees them all. */
typedef struct block {
  size_t size;
  _Alignas(max_align_t) char data[];
} block;

static void *from_arena(void *arena, void *old, size_t size) {
  block *b = size ? pgr_arena_alloc(arena, sizeof *b + size) : NULL;
  if (!b) return NULL;
  b->size = size;
  if (!old) return b->data;
  const block *before = (const void *)((char *)old - offsetof(block, data));
  memcpy(b->data, before->data, before->size < size ? before->size : size);
  return b->data;
}

/* The first line says what, the second opens a backtrace, the third says where; more follow. */
typedef struct complaint {
  char what[200];
  int line, column;
} complaint;

static void on_log(cyaml_log_t level, void *user, const char *fmt, va_list args) PGR_PRINTF(3, 0);
static void on_log(cyaml_log_t level, void *user, const char *fmt, va_list args) {
  complaint *c = user;
  char text[200];
  if (level < CYAML_LOG_ERROR) return;
  vsnprintf(text, sizeof text, fmt, args);
  const char *where = strstr(text, "(line: ");
  if (where && c->line == 0) {
    if (sscanf(where, "(line: %9d, column: %9d)", &c->line, &c->column) != 2) c->line = 0;
  } else if (!where && !*c->what && !strstr(text, "Backtrace")) {
    memcpy(c->what, text, sizeof c->what);
  }
}

const pgr__raw *pgr__shape_load(pgr_yaml *y, pgr_arena *arena, pgr_faults *faults) {
  const shape c = {.yaml = y, .faults = faults};
  size_t before = faults->count;
  yaml_node_t *root = yaml_document_get_root_node(&y->document);
  if (!root) {
    pgr_faults_add(faults, y->source, (pgr_place_in){0}, NULL, "it is empty");
    return NULL;
  }
  check(&c, &scenario_value, root, root, "the scenario");
  if (faults->count != before) return NULL;
  complaint said = {0};
  const cyaml_config_t config = {.log_fn = on_log,
                                 .log_ctx = &said,
                                 .log_level = CYAML_LOG_ERROR,
                                 .mem_fn = from_arena,
                                 .mem_ctx = arena,
                                 .flags = CYAML_CFG_NO_ALIAS};
  cyaml_data_t *data = NULL;
  cyaml_err_t code =
      cyaml_load_data((const uint8_t *)y->source->text, y->source->len_bytes, &config, &scenario_value, &data, NULL);
  if (code == CYAML_OK && data) return data;
  if (code == CYAML_ERR_OOM)
    pgr_faults_add(faults, y->source, (pgr_place_in){0}, NULL, "out of memory");
  else
    pgr_faults_add(faults, y->source, (pgr_place_in){.line = said.line, .column = said.column, .width = 1}, NULL, "%s",
                   *said.what ? said.what : cyaml_strerror(code));
  return NULL;
}
