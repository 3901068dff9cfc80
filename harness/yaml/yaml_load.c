/* The tree against a schema of libcyaml's, then libcyaml itself. The tree first, for libcyaml stops at the first fault
 * and names no place for many: what passes here it loads. */
#include "pgr_yaml_load.h"

#include "pgr_units.h"
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

const char *pgr_yaml_hint(char out[PGR_YAML_HINT_BYTES], const char *text, const char *const *names) {
  const char *near = pgr_nearest(text, names);
  if (near) {
    snprintf(out, PGR_YAML_HINT_BYTES, "did you mean '%s'?", near);
    return out;
  }
  size_t len = (size_t)snprintf(out, PGR_YAML_HINT_BYTES, "there is: ");
  for (size_t i = 0; names[i]; i++) {
    size_t more = strlen(names[i]) + 2;
    if (len + more + 4 > PGR_YAML_HINT_BYTES) {
      snprintf(out + len, PGR_YAML_HINT_BYTES - len, " …");
      break;
    }
    len += (size_t)snprintf(out + len, PGR_YAML_HINT_BYTES - len, "%s%s", i ? ", " : "", names[i]);
  }
  return out;
}

/* ---- the tree against the schema ---- */

enum { FIELDS_MAX = PGR_YAML_FIELDS_MAX + 1 };

typedef struct shape {
  pgr_yaml *yaml;
  pgr_faults *faults;
  const pgr_yaml_noun *noun;
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
    bool texts = schema->sequence.entry->type == CYAML_STRING;
    wrong_kind(c, node, at, what, "a list",
               texts ? "begin each item with a dash and a space, or write [a, b]"
                     : "begin each item with a dash and a space");
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
  char hint[PGR_YAML_HINT_BYTES];
  size_t n = 0;
  /* Only those that are kept are worth a look for what was meant. */
  for (; known[n].key && c->faults->count < PGR_FAULTS_KEPT; n++)
    names[n] = known[n].key;
  names[n] = NULL;
  const char *noun = c->noun && known == c->noun->fields ? c->noun->noun : "key";
  const char *value = (const char *)key->data.scalar.value;
  pgr_faults_add(c->faults, c->yaml->source, place(c, key), pgr_yaml_hint(hint, value, names),
                 "unknown %s '%.80s' in %s", noun, value, what);
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
  if (c->noun && known == c->noun->fields && start == top)
    pgr_faults_add(c->faults, c->yaml->source, place(c, at), c->noun->example, "%s names no %s", what, c->noun->noun);
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

void *pgr_yaml_load(pgr_yaml *y, const cyaml_schema_value_t *schema, const char *what, const pgr_yaml_noun *noun,
                    pgr_arena *arena, pgr_faults *faults) {
  const shape c = {.yaml = y, .faults = faults, .noun = noun};
  size_t before = faults->count;
  yaml_node_t *root = yaml_document_get_root_node(&y->document);
  if (!root) {
    pgr_faults_add(faults, y->source, (pgr_place_in){0}, NULL, "it is empty");
    return NULL;
  }
  check(&c, schema, root, root, what);
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
      cyaml_load_data((const uint8_t *)y->source->text, y->source->len_bytes, &config, schema, &data, NULL);
  if (code == CYAML_OK && data) return data;
  if (code == CYAML_ERR_OOM)
    pgr_faults_add(faults, y->source, (pgr_place_in){0}, NULL, "out of memory");
  else
    pgr_faults_add(faults, y->source, (pgr_place_in){.line = said.line, .column = said.column, .width = 1}, NULL, "%s",
                   *said.what ? said.what : cyaml_strerror(code));
  return NULL;
}
