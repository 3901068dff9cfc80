/* YAML as a tree that knows where everything stands. libcyaml loads the values but gives no place for them, so faults
 * about values are placed by looking them up here. Invariant: the text is somebody's; nothing builds a tree of it, here
 * or in libcyaml, before the event pass has found it bounded (no aliases, no deep nesting). */
#include "pgr_yaml.h"

#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <stdlib.h>
#include <string.h>

/* Whether a byte is inside a character, not its first. */
static bool continues(char c) {
  return ((unsigned char)c & 0xC0) == 0x80;
}

bool pgr_text_check(pgr_source *source, size_t bytes, pgr_faults *faults) {
  source->len_bytes = strlen(source->text);
  if (source->len_bytes != bytes) {
    pgr_faults_add(faults, source, pgr_place_at(source, source->len_bytes), NULL, "a NUL byte: this is not a text");
    return false;
  }
  /* The copy has '?' where the text is not UTF-8, byte for byte. */
  char *copy = pgr_calloc(bytes + 1, 1);
  if (!copy) {
    pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "out of memory");
    return false;
  }
  pgr_utf8_copy(copy, bytes + 1, source->text);
  size_t i = 0;
  while (i < bytes && (copy[i] == source->text[i] || (unsigned char)source->text[i] < 0x80))
    i++;
  pgr_free(copy);
  if (i == bytes) return true;
  pgr_faults_add(faults, source, pgr_place_at(source, i), "save the file as UTF-8", "byte 0x%02X is not UTF-8 here",
                 (unsigned char)source->text[i]);
  return false;
}

/* libyaml counts characters, and has line ends that editors do not know (U+2028); so a place is made from the index. */
static size_t offset_of(const pgr_source *source, const yaml_mark_t *mark) {
  const char *p = source->text, *end = p + source->len_bytes;
  for (size_t left = mark->index; p < end; p++) {
    if (!continues(*p) && left-- == 0) break;
  }
  return (size_t)(p - source->text);
}

/* From an offset to another one, at most to the end of the line. */
static pgr_place_in place_between(const pgr_source *source, size_t from, size_t to) {
  pgr_place_in at = pgr_place_at(source, from);
  size_t width = strcspn(source->text + from, "\r\n");
  if (to > from && to - from < width) width = to - from;
  at.width = width > 0 ? (int)width : 1;
  return at;
}

pgr_place_in pgr_yaml_place(const pgr_yaml *y, const yaml_node_t *node) {
  size_t from = offset_of(y->source, &node->start_mark);
  if (node->type == YAML_SCALAR_NODE) return place_between(y->source, from, offset_of(y->source, &node->end_mark));
  return pgr_place_at(y->source, from);
}

static void add_at_mark(const pgr_source *source, const yaml_mark_t *mark, pgr_faults *faults, const char *hint,
                        const char *what) {
  pgr_place_in at = {0};
  if (faults->count < PGR_FAULTS_KEPT) at = pgr_place_at(source, offset_of(source, mark));
  pgr_faults_add(faults, source, at, hint, "%s", what);
}

static void add_parser_error(const yaml_parser_t *p, const pgr_source *source, pgr_faults *faults) {
  char what[300];
  const char *hint = NULL;
  if (p->error == YAML_MEMORY_ERROR) {
    pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "out of memory");
    return;
  }
  snprintf(what, sizeof what, "not valid YAML: %s%s%s", p->problem ? p->problem : "no reason given",
           p->context ? ", " : "", p->context ? p->context : "");
  if (p->error == YAML_READER_ERROR) {
    size_t offset = p->problem_offset < source->len_bytes ? p->problem_offset : source->len_bytes;
    pgr_faults_add(faults, source, pgr_place_at(source, offset), NULL, "%s", what);
    return;
  }
  if (source->text[offset_of(source, &p->problem_mark)] == '\t') hint = "YAML is indented with spaces, not with tabs";
  if (p->problem && strstr(p->problem, "mapping values are not allowed"))
    hint = "a text with ': ' in it wants quotes, or | and a block of its own";
  add_at_mark(source, &p->problem_mark, faults, hint, what);
}

/* The first pass. */
typedef struct scanned {
  const pgr_source *source;
  const char *what; /* of one file there is one */
  pgr_faults *faults;
  int depth, documents;
} scanned;

static void check_event(scanned *s, const yaml_event_t *e) {
  const yaml_char_t *anchor = NULL, *tag = NULL;
  char said[160];
  switch (e->type) {
  case YAML_ALIAS_EVENT:
    add_at_mark(s->source, &e->start_mark, s->faults, NULL, "an alias: write the value out");
    break;
  case YAML_SCALAR_EVENT:
    anchor = e->data.scalar.anchor;
    tag = e->data.scalar.tag;
    break;
  case YAML_SEQUENCE_START_EVENT:
    anchor = e->data.sequence_start.anchor;
    tag = e->data.sequence_start.tag;
    s->depth++;
    break;
  case YAML_MAPPING_START_EVENT:
    anchor = e->data.mapping_start.anchor;
    tag = e->data.mapping_start.tag;
    s->depth++;
    break;
  case YAML_SEQUENCE_END_EVENT:
  case YAML_MAPPING_END_EVENT: s->depth--; break;
  case YAML_DOCUMENT_START_EVENT:
    if (++s->documents > 1) {
      snprintf(said, sizeof said, "a second document: one file, one %s", s->what);
      add_at_mark(s->source, &e->start_mark, s->faults, NULL, said);
    }
    break;
  case YAML_NO_EVENT:
  case YAML_STREAM_START_EVENT:
  case YAML_STREAM_END_EVENT:
  case YAML_DOCUMENT_END_EVENT: break;
  }
  if (anchor) {
    snprintf(said, sizeof said, "an anchor: aliases are not used in %s files", s->what);
    add_at_mark(s->source, &e->start_mark, s->faults, NULL, said);
  }
  if (tag) add_at_mark(s->source, &e->start_mark, s->faults, NULL, "a tag: types are known here, leave it out");
  if (s->depth == PGR_YAML_DEPTH_MAX + 1)
    add_at_mark(s->source, &e->start_mark, s->faults, NULL, "nested too deeply: at most 16 levels");
}
_Static_assert(PGR_YAML_DEPTH_MAX == 16, "the message says so");

/* The first pass keeps nothing, so whatever is in the text costs no memory. */
static bool scan(const pgr_source *source, const char *what, pgr_faults *faults) {
  yaml_parser_t p;
  scanned s = {.source = source, .what = what, .faults = faults};
  size_t before = faults->count;
  if (!yaml_parser_initialize(&p)) {
    pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "out of memory");
    return false;
  }
  yaml_parser_set_input_string(&p, (const unsigned char *)source->text, source->len_bytes);
  for (bool over = false; !over && s.depth <= PGR_YAML_DEPTH_MAX && s.documents <= 1;) {
    yaml_event_t e;
    if (!yaml_parser_parse(&p, &e)) {
      add_parser_error(&p, source, faults);
      break;
    }
    check_event(&s, &e);
    over = e.type == YAML_STREAM_END_EVENT;
    yaml_event_delete(&e);
  }
  yaml_parser_delete(&p);
  if (faults->count == before && s.documents == 0)
    pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "it is empty");
  return faults->count == before;
}

bool pgr_yaml_open(pgr_yaml *y, const pgr_source *source, const char *what, pgr_faults *faults) {
  yaml_parser_t p;
  *y = (pgr_yaml){.source = source};
  if (!scan(source, what, faults)) return false;
  if (!yaml_parser_initialize(&p)) {
    pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "out of memory");
    return false;
  }
  yaml_parser_set_input_string(&p, (const unsigned char *)source->text, source->len_bytes);
  y->open = yaml_parser_load(&p, &y->document) != 0;
  if (!y->open) add_parser_error(&p, source, faults);
  yaml_parser_delete(&p);
  return y->open;
}

void pgr_yaml_close(pgr_yaml *y) {
  if (y->open) yaml_document_delete(&y->document);
  y->open = false;
}

static yaml_node_t *step_into(pgr_yaml *y, yaml_node_t *node, const char *name, size_t len, yaml_node_t **key) {
  if (node->type != YAML_MAPPING_NODE) return NULL;
  for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
    yaml_node_t *k = yaml_document_get_node(&y->document, pair->key);
    if (k->type != YAML_SCALAR_NODE || k->data.scalar.length != len) continue;
    if (memcmp(k->data.scalar.value, name, len) != 0) continue;
    *key = k;
    return yaml_document_get_node(&y->document, pair->value);
  }
  return NULL;
}

static yaml_node_t *step_to_item(pgr_yaml *y, yaml_node_t *node, long index) {
  if (node->type != YAML_SEQUENCE_NODE) return NULL;
  const yaml_node_item_t *start = node->data.sequence.items.start, *top = node->data.sequence.items.top;
  return index < top - start ? yaml_document_get_node(&y->document, start[index]) : NULL;
}

yaml_node_t *pgr_yaml_find(pgr_yaml *y, const char *path, yaml_node_t **key) {
  yaml_node_t *node = yaml_document_get_root_node(&y->document), *last_key = NULL;
  while (node && *path) {
    last_key = NULL;
    if (*path == '[') {
      char *end;
      node = step_to_item(y, node, strtol(path + 1, &end, 10));
      path = end + 1;
    } else {
      path += *path == '.';
      size_t len = strcspn(path, ".[");
      node = step_into(y, node, path, len, &last_key);
      path += len;
    }
  }
  if (key) *key = last_key;
  return node;
}

static bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* How many bytes of a quoted scalar's source make the next character of its value; *blank: it makes white space. */
static size_t quoted_width(const char *p, const char *end, yaml_scalar_style_t style, bool *blank) {
  *blank = is_space(*p);
  if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE && *p == '\'' && p + 1 < end && p[1] == '\'') return 2;
  if (style != YAML_DOUBLE_QUOTED_SCALAR_STYLE || *p != '\\' || p + 1 >= end) return 1;
  *blank = strchr(" tnr\n\r", p[1]) != NULL;
  size_t digits = p[1] == 'x' ? 2 : p[1] == 'u' ? 4 : p[1] == 'U' ? 8 : 0;
  return 2 + digits < (size_t)(end - p) ? 2 + digits : (size_t)(end - p);
}

/* Folding and indentation change white space only: the nth other character of the value is the nth one of the source.
 */
size_t pgr_yaml_offset(const pgr_yaml *y, const yaml_node_t *scalar, size_t offset) {
  const char *value = (const char *)scalar->data.scalar.value;
  yaml_scalar_style_t style = scalar->data.scalar.style;
  const char *p = y->source->text + offset_of(y->source, &scalar->start_mark);
  const char *end = y->source->text + offset_of(y->source, &scalar->end_mark);
  size_t before = 0;
  for (size_t i = 0; i < offset && i < scalar->data.scalar.length; i++)
    before += !is_space(value[i]) && !continues(value[i]);
  if (style == YAML_LITERAL_SCALAR_STYLE || style == YAML_FOLDED_SCALAR_STYLE) {
    while (p < end && *p != '\n')
      p++;
  } else if (style == YAML_SINGLE_QUOTED_SCALAR_STYLE || style == YAML_DOUBLE_QUOTED_SCALAR_STYLE) {
    p++;
  }
  while (p < end) {
    bool blank;
    size_t width = quoted_width(p, end, style, &blank);
    if (!blank && !continues(*p) && before-- == 0) break;
    p += width;
  }
  return (size_t)(p - y->source->text);
}
