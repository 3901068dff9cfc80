/* Splits a spec into words where PostgreSQL's specscanner.l does.
 * Invariant most easily broken: a comment ends at a carriage return too, and blanks inside SQL are trimmed at its ends
 * only, never the line ends. */
#include "spec_internal.h"

#include <string.h>

static const struct {
  const char *word;
  pgr__token_kind kind;
} keywords[] = {{"notices", PGR__TOKEN_NOTICES}, {"permutation", PGR__TOKEN_PERMUTATION},
                {"session", PGR__TOKEN_SESSION}, {"setup", PGR__TOKEN_SETUP},
                {"step", PGR__TOKEN_STEP},       {"teardown", PGR__TOKEN_TEARDOWN}};

static pgr__token_kind kind_of(const char *word, size_t len) {
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
    if (strlen(keywords[i].word) == len && memcmp(keywords[i].word, word, len) == 0) return keywords[i].kind;
  return PGR__TOKEN_NAME;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

static bool is_name(char c) {
  return is_name_start(c) || is_digit(c) || c == '$';
}

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\f';
}

bool pgr__spec_is_plain(const char *name) {
  size_t len = strlen(name);
  if (!is_name_start(*name) || kind_of(name, len) != PGR__TOKEN_NAME) return false;
  for (size_t i = 1; i < len; i++)
    if (!is_name(name[i])) return false;
  return true;
}

/* Of the byte at offset, on the line the lexer is in. */
static pgr_place_in place(const pgr__lexer *l, size_t offset, size_t width) {
  int column = (int)(offset - l->line_offset) + 1;
  return (pgr_place_in){.line = l->line, .column = column, .width = width ? (int)width : 1};
}

/* The end of it all: nothing follows. */
static pgr__token stop(pgr__lexer *l, pgr_place_in at) {
  l->failed = true;
  return (pgr__token){.kind = PGR__TOKEN_END, .at = at};
}

static pgr__token fault(pgr__lexer *l, pgr_place_in at, const char *hint, const char *what) {
  pgr_faults_add(l->faults, l->source, at, hint, "%s", what);
  return stop(l, at);
}

static char *copy(pgr__lexer *l, size_t from, size_t to) {
  char *text = pgr_arena_alloc(l->arena, to - from + 1);
  if (text && to > from) memcpy(text, l->source->text + from, to - from);
  return text;
}

static pgr__token with_text(pgr__lexer *l, pgr__token_kind kind, char *text, pgr_place_in at) {
  if (!text) return fault(l, (pgr_place_in){0}, NULL, "out of memory");
  return (pgr__token){.kind = kind, .text = text, .at = at};
}

static void new_line(pgr__lexer *l, size_t offset) {
  l->line++;
  l->line_offset = offset + 1;
}

static void skip_blanks(pgr__lexer *l) {
  const pgr_source *s = l->source;
  for (; l->offset < s->len_bytes; l->offset++) {
    char c = s->text[l->offset];
    if (c == '\n')
      new_line(l, l->offset);
    else if (c == '#')
      while (l->offset + 1 < s->len_bytes && s->text[l->offset + 1] != '\n' && s->text[l->offset + 1] != '\r')
        l->offset++;
    else if (!is_blank(c))
      return;
  }
}

static pgr__token word(pgr__lexer *l) {
  const pgr_source *s = l->source;
  size_t from = l->offset, to = from + 1;
  while (to < s->len_bytes && is_name(s->text[to]))
    to++;
  l->offset = to;
  pgr_place_in at = place(l, from, to - from);
  pgr__token_kind kind = kind_of(s->text + from, to - from);
  if (kind != PGR__TOKEN_NAME) return (pgr__token){.kind = kind, .at = at};
  return with_text(l, PGR__TOKEN_NAME, copy(l, from, to), at);
}

static pgr__token quoted(pgr__lexer *l) {
  const pgr_source *s = l->source;
  size_t from = l->offset, to = from + 1, len = 0;
  for (;; to++) {
    if (to == s->len_bytes) return fault(l, place(l, from, 1), NULL, "this quoted name is not closed: \" is missing");
    if (s->text[to] == '\n')
      return fault(l, place(l, from, to - from), NULL, "this quoted name is not closed on its line: \" is missing");
    if (s->text[to] != '"') continue;
    if (to + 1 == s->len_bytes || s->text[to + 1] != '"') break;
    to++;
  }
  pgr_place_in at = place(l, from, to + 1 - from);
  char *text = copy(l, from + 1, to);
  for (size_t i = from + 1; text && i < to; i++) {
    text[len++] = s->text[i];
    if (s->text[i] == '"') i++;
  }
  if (text) text[len] = '\0';
  l->offset = to + 1;
  return with_text(l, PGR__TOKEN_NAME, text, at);
}

static pgr__token integer(pgr__lexer *l) {
  const pgr_source *s = l->source;
  size_t from = l->offset;
  int number = 0;
  for (; l->offset < s->len_bytes && is_digit(s->text[l->offset]); l->offset++) {
    if (number > 100 * 1000 * 1000)
      return fault(l, place(l, from, l->offset + 1 - from), NULL, "this number is too large");
    number = number * 10 + (s->text[l->offset] - '0');
  }
  return (pgr__token){.kind = PGR__TOKEN_INTEGER, .number = number, .at = place(l, from, l->offset - from)};
}

static pgr__token sql(pgr__lexer *l) {
  const pgr_source *s = l->source;
  size_t from = l->offset + 1;
  pgr_place_in at = place(l, l->offset, 1);
  const char *close = memchr(s->text + from, '}', s->len_bytes - from);
  if (!close)
    return fault(l, at, "SQL that holds a '}' cannot be written in a spec",
                 "this block of SQL is not closed: '}' is missing");
  size_t to = (size_t)(close - s->text);
  l->offset = to + 1;
  l->after_sql = true;
  for (size_t i = from; i < to; i++)
    if (s->text[i] == '\n') new_line(l, i);
  while (from < to && is_blank(s->text[from]))
    from++;
  while (from < to && is_blank(s->text[to - 1]))
    to--;
  return with_text(l, PGR__TOKEN_SQL, copy(l, from, to), at);
}

static pgr__token sign(pgr__lexer *l, pgr__token_kind kind) {
  l->offset++;
  return (pgr__token){.kind = kind, .at = place(l, l->offset - 1, 1)};
}

pgr__token pgr__spec_next(pgr__lexer *l) {
  const pgr_source *s = l->source;
  if (!l->failed) skip_blanks(l);
  if (l->failed || l->offset == s->len_bytes) return (pgr__token){.kind = PGR__TOKEN_END, .at = place(l, l->offset, 1)};
  char c = s->text[l->offset];
  const char *hint = l->after_sql ? "a block of SQL ends at its first '}', wherever that stands" : NULL;
  l->after_sql = false;
  if (is_name_start(c)) return word(l);
  if (is_digit(c)) return integer(l);
  switch (c) {
  case '"': return quoted(l);
  case '{': return sql(l);
  case '(': return sign(l, PGR__TOKEN_OPEN);
  case ')': return sign(l, PGR__TOKEN_CLOSE);
  case ',': return sign(l, PGR__TOKEN_COMMA);
  case '*': return sign(l, PGR__TOKEN_STAR);
  case '}': return fault(l, place(l, l->offset, 1), hint, "a '}' without its '{'");
  default: break;
  }
  pgr_place_in at = place(l, l->offset, 1);
  if (!hint && strchr("-/'[];:", c)) hint = "comments begin with #; SQL stands in braces";
  pgr_faults_add(l->faults, l->source, at, hint, "unexpected character '%c'", c);
  return stop(l, at);
}
