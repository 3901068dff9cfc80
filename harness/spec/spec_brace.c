/* A spec's SQL ends at its first closing brace. One that stands in a literal, a quoted name or a function's body can be
 * written as an escape; SQL has it nowhere else but in comments, which are left out then. */
#include "pgr_spec.h"

#include <ctype.h>
#include <string.h>

typedef enum token { PLAIN, LITERAL, ESCAPED, NAME, DOLLAR, COMMENT } token;

static bool is_word(char c) {
  return isalnum((unsigned char)c) || c == '_' || c == '$' || (unsigned char)c >= 0x80;
}

/* Bytes up to the closing quote, it included; 0: there is none. */
static size_t quoted(const char *at, char quote, bool escapes) {
  size_t i = 1;
  for (; at[i]; i++) {
    if (escapes && at[i] == '\\' && at[i + 1]) {
      i++;
    } else if (at[i] == quote) {
      if (at[i + 1] != quote) return i + 1;
      i++;
    }
  }
  return 0;
}

/* "$tag$ … $tag$"; 0: no such thing begins here. *tag: bytes of one delimiter. */
static size_t dollar(const char *at, size_t *tag) {
  size_t n = 1;
  while (is_word(at[n]) && at[n] != '$')
    n++;
  if (at[n] != '$' || isdigit((unsigned char)at[1])) return 0;
  *tag = n + 1;
  for (const char *end = strchr(at + *tag, '$'); end; end = strchr(end + 1, '$'))
    if (strncmp(end, at, *tag) == 0) return (size_t)(end - at) + *tag;
  return 0;
}

static size_t comment(const char *at) {
  if (at[1] == '-') return strcspn(at, "\n");
  size_t i = 2;
  for (int depth = 1; at[i] && depth; i++) {
    if (at[i] == '*' && at[i + 1] == '/')
      depth--, i++;
    else if (at[i] == '/' && at[i + 1] == '*')
      depth++, i++;
  }
  return i;
}

/* What begins at `at`, and how long it is. before: the byte before it. */
static token next(const char *at, char before, size_t *len, size_t *tag) {
  bool fresh = !is_word(before);
  if (strncmp(at, "--", 2) == 0 || strncmp(at, "/*", 2) == 0) {
    *len = comment(at);
    return COMMENT;
  }
  bool escapes = fresh && (*at == 'e' || *at == 'E') && at[1] == '\'';
  if (escapes && (*len = quoted(at + 1, '\'', true)) > 0) {
    ++*len;
    return ESCAPED;
  }
  if ((*at == '\'' || *at == '"') && (*len = quoted(at, *at, false)) > 0) return *at == '"' ? NAME : LITERAL;
  if (fresh && *at == '$' && (*len = dollar(at, tag)) > 0) return DOLLAR;
  *len = 1;
  return PLAIN;
}

/* U&'…': a brace as \007D. double_quotes: the text comes from where quotes were not doubled. */
static void add_unicode(const char *text, size_t len, char quote, bool double_quotes, pgr_buf *out) {
  pgr_buf_addf(out, "U&%c", quote);
  for (size_t i = 0; i < len; i++) {
    if (text[i] == '}')
      pgr_buf_adds(out, "\\007D");
    else if (text[i] == '\\' || (double_quotes && text[i] == quote))
      pgr_buf_addf(out, "%c%c", text[i], text[i]);
    else
      pgr_buf_add(out, &text[i], 1);
  }
  pgr_buf_addf(out, "%c", quote);
}

static void add_without(token kind, const char *at, size_t len, size_t tag, pgr_buf *out) {
  switch (kind) {
  case PLAIN: pgr_buf_add(out, at, len); return; /* no SQL; the reader says so */
  case LITERAL: add_unicode(at + 1, len - 2, '\'', false, out); return;
  case NAME: add_unicode(at + 1, len - 2, '"', false, out); return;
  case DOLLAR: add_unicode(at + tag, len - 2 * tag, '\'', true, out); return;
  case COMMENT: pgr_buf_adds(out, " "); return;
  case ESCAPED:
    for (size_t i = 0; i < len; i++)
      pgr_buf_adds(out, at[i] == '}' ? "\\x7D" : (char[]){at[i], '\0'});
    return;
  }
}

void pgr_spec_without_braces(const char *sql, pgr_buf *out) {
  char before = ' ';
  for (const char *at = sql; *at;) {
    size_t len = 1, tag = 0;
    token kind = next(at, before, &len, &tag);
    if (memchr(at, '}', len))
      add_without(kind, at, len, tag, out);
    else
      pgr_buf_add(out, at, len);
    before = at[len - 1];
    at += len;
  }
}
