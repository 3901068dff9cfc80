/* The words of a rule, read. One pass over the text; `at` is always the byte that a fault would be shown at. */
#include "rule_internal.h"

#include <string.h>
#include <strings.h>

typedef struct reader {
  const char *text, *at;
  pgr_arena *arena;
  pgr_rule_column *out;
  size_t *offset;
  pgr_err *err;
  bool begins; /* of --insert, else of --allow */
} reader;

/* A word as it stands in the text. */
typedef struct term {
  const char *start;
  pgr_side side;
  bool same;
} term;

static const char arrow[] = "\xE2\x86\x92"; /* → */

#define FAULT(r, place, code, ...) (*(r)->offset = (size_t)((place) - (r)->text), pgr_fail((r)->err, code, __VA_ARGS__))

static bool begins_with(const char *s, const char *start) {
  return strncmp(s, start, strlen(start)) == 0;
}

static bool at_arrow(const char *s) {
  return begins_with(s, "->") || begins_with(s, arrow);
}

static bool of_word(const char *s) {
  unsigned char c = (unsigned char)*s;
  if (at_arrow(s)) return false;
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80 ||
         (c && strchr("_.+-", c));
}

static void skip_spaces(reader *r) {
  while (*r->at && strchr(" \t\r\n", *r->at))
    r->at++;
}

static const char *example(const reader *r) {
  return r->begins ? "open, null" : "null->any, any->null, same";
}

/* How many bytes the character has that begins here; 0: it is no UTF-8, or not one that a value may have. */
static size_t character_len(const char *s) {
  unsigned char c = (unsigned char)*s;
  size_t len = c < 0x80 ? 1 : c >= 0xF0 && c < 0xF5 ? 4 : c >= 0xE0 ? 3 : c >= 0xC2 ? 2 : 0;
  if (c < 0x20 || c == 0x7F || c >= 0xF5) return 0;
  for (size_t i = 1; i < len; i++)
    if (((unsigned char)s[i] & 0xC0) != 0x80) return 0;
  unsigned char next = len > 1 ? (unsigned char)s[1] : 0;
  if ((c == 0xE0 && next < 0xA0) || (c == 0xED && next >= 0xA0)) return 0; /* too long, surrogates */
  if ((c == 0xF0 && next < 0x90) || (c == 0xF4 && next >= 0x90)) return 0;
  return len;
}

/* The value between start and end; quoted: doubled quotes in it are one. */
static pgr_code keep_value(reader *r, const char *start, const char *end, bool quoted, const char **value) {
  char kept[PGR_RULE_VALUE_BYTES_MAX + 1];
  size_t len = 0;
  for (const char *s = start; s < end;) {
    size_t bytes = character_len(s);
    if (bytes == 0) return FAULT(r, s, PGR_EUSAGE, "a value is text of one line, in UTF-8: this character cannot be");
    if (len + bytes > PGR_RULE_VALUE_BYTES_MAX)
      return FAULT(r, start, PGR_ELIMIT, "the value is too long, the most is %d bytes", PGR_RULE_VALUE_BYTES_MAX);
    memcpy(kept + len, s, bytes);
    len += bytes;
    s += quoted && *s == '\'' ? 2 : bytes;
  }
  kept[len] = '\0';
  *value = pgr_arena_strdup(r->arena, kept);
  return *value ? PGR_OK : FAULT(r, start, PGR_ENOMEM, "out of memory");
}

static pgr_code read_quoted(reader *r, term *t) {
  const char *end = r->at + 1;
  while (*end && !(*end == '\'' && end[1] != '\''))
    end += *end == '\'' ? 2 : 1;
  if (!*end) return FAULT(r, r->at, PGR_EUSAGE, "the quote is not closed: write 'on hold', and ' inside it twice");
  t->side.kind = PGR_SIDE_VALUE;
  pgr_code code = keep_value(r, r->at + 1, end, true, &t->side.value);
  r->at = end + 1;
  return code;
}

static pgr_code read_word(reader *r, term *t) {
  const char *start = r->at;
  while (of_word(r->at))
    r->at++;
  size_t len = (size_t)(r->at - start);
  if (len == 4 && strncasecmp(start, "null", len) == 0)
    t->side.kind = PGR_SIDE_NULL;
  else if (len == 3 && strncasecmp(start, "any", len) == 0)
    t->side.kind = PGR_SIDE_ANY;
  else if (len == 4 && strncasecmp(start, "same", len) == 0)
    t->same = true;
  else {
    t->side.kind = PGR_SIDE_VALUE;
    return keep_value(r, start, r->at, false, &t->side.value);
  }
  return PGR_OK;
}

/* The character for a message; what cannot be shown is a question mark. */
static int shown_len(const char *s) {
  size_t len = character_len(s);
  return len ? (int)len : 0;
}

static pgr_code read_term(reader *r, term *t) {
  *t = (term){.start = r->at};
  if (*r->at == '\'') return read_quoted(r, t);
  if (of_word(r->at)) return read_word(r, t);
  if (at_arrow(r->at)) return FAULT(r, r->at, PGR_EUSAGE, "a value is missing before ->: write it like %s", example(r));
  if (*r->at == '\0' || *r->at == ',')
    return FAULT(r, r->at, PGR_EUSAGE, "a value is missing here: write it like %s", example(r));
  if (*r->at == '"') return FAULT(r, r->at, PGR_EUSAGE, "values stand in single quotes: write 'on hold'");
  if (*r->at == '=' && r->at[1] == '>') return FAULT(r, r->at, PGR_EUSAGE, "write -> between two values, not =>");
  return FAULT(r, r->at, PGR_EUSAGE,
               "'%.*s' cannot be part of a plain word: put the value in single quotes, like 'on hold'",
               shown_len(r->at), r->at);
}

/* What stands behind a term: the end, a comma (passed), or else. */
static pgr_code read_end(reader *r, const term *last) {
  if (*r->at == '\0') return PGR_OK;
  if (*r->at == ',') {
    r->at++;
    skip_spaces(r);
    if (*r->at) return PGR_OK;
    return FAULT(r, r->at, PGR_EUSAGE, "something is missing behind the last comma: write it like %s", example(r));
  }
  if (of_word(r->at) || *r->at == '\'')
    return FAULT(r, r->at, PGR_EUSAGE,
                 "a comma%s is missing here; a value of several words stands in single quotes, like 'on hold'",
                 r->begins || last->same ? "" : " or ->");
  term unread;
  pgr_code code = read_term(r, &unread); /* says what is wrong with it */
  return code ? code : FAULT(r, r->at, PGR_EUSAGE, "a comma is missing here");
}

static pgr_code check_values(reader *r, const term *t) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(r->out, states), values = 0;
  if (t->side.kind != PGR_SIDE_VALUE) return PGR_OK;
  for (int i = 0; i < count; i++) {
    if (pgr__side_equal(states[i].side, t->side)) return PGR_OK;
    values += states[i].side.kind == PGR_SIDE_VALUE;
  }
  if (values < PGR_RULE_VALUES_MAX) return PGR_OK;
  return FAULT(r, t->start, PGR_ELIMIT, "too many different values, the most is %d of a column", PGR_RULE_VALUES_MAX);
}

static pgr_code add_change(reader *r, const term *from, const term *to) {
  pgr_rule_column *column = r->out;
  if (from->side.kind != PGR_SIDE_ANY && pgr__side_equal(from->side, to->side))
    return FAULT(r, to->start, PGR_EUSAGE, "keeping a value is no change: write same, which allows it for all of them");
  for (int i = 0; i < column->change_count; i++)
    if (pgr__side_equal(column->changes[i].from, from->side) && pgr__side_equal(column->changes[i].to, to->side))
      return FAULT(r, from->start, PGR_EUSAGE, "this change is there already: leave it out");
  if (column->change_count == PGR_RULE_CHANGES_MAX)
    return FAULT(r, from->start, PGR_ELIMIT, "too many changes, the most is %d of a column", PGR_RULE_CHANGES_MAX);
  pgr_code code = check_values(r, from);
  if (code) return code;
  column->changes[column->change_count++] = (pgr_change){from->side, to->side};
  code = check_values(r, to);
  if (code) column->change_count--;
  return code;
}

static pgr_code read_same(reader *r, const term *t) {
  if (r->out->same) return FAULT(r, t->start, PGR_EUSAGE, "same is there already: leave it out");
  if (at_arrow(r->at))
    return FAULT(r, t->start, PGR_EUSAGE, "same stands alone, it leads nowhere; a value of this name is 'same'");
  r->out->same = true;
  return PGR_OK;
}

/* same, or a->b->c */
static pgr_code read_chain(reader *r) {
  term from, to;
  pgr_code code = read_term(r, &from);
  if (code) return code;
  skip_spaces(r);
  if (from.same) {
    code = read_same(r, &from);
    return code ? code : read_end(r, &from);
  }
  if (*r->at == '\0' || *r->at == ',')
    return FAULT(r, from.start, PGR_EUSAGE, "this leads nowhere: write where to, like open->claimed");
  while (at_arrow(r->at)) {
    r->at += *r->at == '-' ? 2 : sizeof arrow - 1;
    skip_spaces(r);
    if (*r->at == '\0' || *r->at == ',' || at_arrow(r->at))
      return FAULT(r, r->at, PGR_EUSAGE, "a value is missing behind ->: write where it leads, like open->claimed");
    code = read_term(r, &to);
    if (!code && to.same)
      code = FAULT(r, to.start, PGR_EUSAGE, "same stands alone, nothing leads there; a value of this name is 'same'");
    if (!code) code = add_change(r, &from, &to);
    if (code) return code;
    from = to;
    skip_spaces(r);
  }
  return read_end(r, &from);
}

static pgr_code read_begin(reader *r) {
  pgr_rule_column *column = r->out;
  term t;
  pgr_code code = read_term(r, &t);
  if (code) return code;
  if (t.same)
    return FAULT(r, t.start, PGR_EUSAGE,
                 "a new row has no value before, so same says nothing; a value of this name is 'same'");
  for (int i = 0; i < column->begin_count; i++)
    if (pgr__side_equal(column->begins[i], t.side))
      return FAULT(r, t.start, PGR_EUSAGE, "this value is there already: leave it out");
  if (column->begin_count == PGR_RULE_VALUES_MAX)
    return FAULT(r, t.start, PGR_ELIMIT, "too many values, the most is %d", PGR_RULE_VALUES_MAX);
  code = check_values(r, &t);
  if (code) return code;
  column->begins[column->begin_count++] = t.side;
  skip_spaces(r);
  if (at_arrow(r->at))
    return FAULT(r, r->at, PGR_EUSAGE, "a new row comes from nowhere: write what it may begin with, like open, null");
  return read_end(r, &t);
}

static pgr_code read_all(reader *r, pgr_code (*read_one)(reader *)) {
  *r->offset = 0;
  if (strnlen(r->text, PGR_RULE_TEXT_BYTES_MAX + 1) > PGR_RULE_TEXT_BYTES_MAX)
    return FAULT(r, r->text, PGR_ELIMIT, "the rule is too long, the most is %d bytes", PGR_RULE_TEXT_BYTES_MAX);
  skip_spaces(r);
  if (!*r->at) return FAULT(r, r->text, PGR_EUSAGE, "the rule is empty: write it like %s", example(r));
  while (*r->at) {
    pgr_code code = read_one(r);
    if (code) return code;
  }
  return PGR_OK;
}

pgr_code pgr_rule_parse_allow(const char *text, pgr_arena *arena, pgr_rule_column *out, size_t *offset, pgr_err *err) {
  reader r = {.text = text, .at = text, .arena = arena, .out = out, .offset = offset, .err = err};
  out->same = false;
  out->change_count = 0;
  return read_all(&r, read_chain);
}

pgr_code pgr_rule_parse_begin(const char *text, pgr_arena *arena, pgr_rule_column *out, size_t *offset, pgr_err *err) {
  reader r = {.text = text, .at = text, .arena = arena, .out = out, .offset = offset, .err = err, .begins = true};
  out->begins_ruled = true;
  out->begin_count = 0;
  return read_all(&r, read_begin);
}
