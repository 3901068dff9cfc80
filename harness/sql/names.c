/* Writes and reads names. Invariant: whether a word is free to be a name is asked of PostgreSQL's own grammar, never of
 * a list of ours. */
#include "pgr_names.h"

#include <pg_query.h>
#include <stdio.h>
#include <string.h>

enum { NAME_BYTES = 64 };

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static char folded(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* ---- writing ---- */

static bool parses(const char *sql) {
  PgQuerySplitResult r = pg_query_split_with_parser(sql);
  bool good = !r.error;
  pg_query_free_split_result(r);
  return good;
}

/* Some keywords may name a table or a column, some a function or a type, some both, and these need no quotes. */
static bool is_free(const char *word) {
  char table[2 * NAME_BYTES + 64], function[2 * NAME_BYTES + 64];
  snprintf(table, sizeof table, "CREATE TABLE %s (%s int)", word, word);
  snprintf(function, sizeof function, "CREATE FUNCTION %s(v %s) RETURNS int AS '' LANGUAGE sql", word, word);
  return parses(table) && parses(function);
}

static bool reads_as_it_is(const char *name) {
  size_t len = 0;
  if (is_digit(*name)) return false;
  while (is_digit(name[len]) || (is_letter(name[len]) && folded(name[len]) == name[len]))
    len++;
  return len > 0 && len < NAME_BYTES && !name[len] && is_free(name);
}

static void add_doubled(const char *text, const char *doubled, pgr_buf *out) {
  while (*text) {
    size_t plain = strcspn(text, doubled);
    pgr_buf_add(out, text, plain);
    text += plain;
    if (!*text) break;
    pgr_buf_add(out, text, 1);
    pgr_buf_add(out, text++, 1);
  }
}

void pgr_sql_name(const char *name, pgr_buf *out) {
  if (reads_as_it_is(name)) {
    pgr_buf_adds(out, name);
  } else {
    pgr_buf_adds(out, "\"");
    add_doubled(name, "\"", out);
    pgr_buf_adds(out, "\"");
  }
}

void pgr_sql_qualified(const char *schema, const char *name, pgr_buf *out) {
  if (schema) {
    pgr_sql_name(schema, out);
    pgr_buf_adds(out, ".");
  }
  pgr_sql_name(name, out);
}

/* E'…' means the same whatever standard_conforming_strings says. */
void pgr_sql_literal(const char *text, pgr_buf *out) {
  pgr_buf_adds(out, strchr(text, '\\') ? "E'" : "'");
  add_doubled(text, "'\\", out);
  pgr_buf_adds(out, "'");
}

/* ---- reading ---- */

static const char *skip_space(const char *p) {
  return p + strspn(p, " \t\r\n\f\v");
}

/* These return the end of the part at p, or NULL: it has none, or is too long. */

static const char *read_quoted(const char *p, char part[NAME_BYTES]) {
  size_t len = 0;
  for (p++; *p; p++) {
    if (*p == '"' && *++p != '"') {
      part[len] = '\0';
      return len ? p : NULL;
    }
    if (len == NAME_BYTES - 1) return NULL;
    part[len++] = *p;
  }
  return NULL;
}

static const char *read_bare(const char *p, char part[NAME_BYTES]) {
  size_t len = 0;
  for (; is_letter(*p) || ((unsigned char)*p & 0x80) || (len && (is_digit(*p) || *p == '$')); p++) {
    if (len == NAME_BYTES - 1) return NULL;
    part[len++] = folded(*p);
  }
  part[len] = '\0';
  return len ? p : NULL;
}

static const char *read_part(const char *p, char part[NAME_BYTES]) {
  p = skip_space(p);
  p = *p == '"' ? read_quoted(p, part) : read_bare(p, part);
  return p ? skip_space(p) : NULL;
}

bool pgr_sql_read_qualified(const char *text, char schema[64], char name[64]) {
  schema[0] = '\0';
  const char *p = read_part(text, name);
  if (p && *p == '.') {
    memcpy(schema, name, NAME_BYTES);
    p = read_part(p + 1, name);
  }
  return p && !*p;
}
