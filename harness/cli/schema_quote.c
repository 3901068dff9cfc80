/* Quoting for scenarios. Invariant: no colon is left before a letter in what a script would look for variables in. */
#include "schema_quote.h"

#include "pgr_names.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_control(char c) {
  return (unsigned char)c < 0x20 || c == 0x7f;
}

/* Whether nothing in the text needs an escape: no control character, nothing that looks like a variable. */
static bool is_harmless(const char *text) {
  for (; *text; text++) {
    unsigned char next = (unsigned char)text[1];
    if (is_control(*text) || (*text == ':' && (isalpha(next) || next == '_' || next >= 0x80))) return false;
  }
  return true;
}

void pgr_quote_name(const char *name, pgr_buf *out) {
  if (is_harmless(name)) {
    pgr_sql_name(name, out);
    return;
  }
  pgr_buf_adds(out, "U&\"");
  for (; *name; name++) {
    if (*name == ':' || is_control(*name))
      pgr_buf_addf(out, "\\%04x", (unsigned)*name);
    else if (*name == '"' || *name == '\\')
      pgr_buf_addf(out, "%c%c", *name, *name);
    else
      pgr_buf_add(out, name, 1);
  }
  pgr_buf_adds(out, "\"");
}

void pgr_quote_table(const pgr_rule *rule, pgr_buf *out) {
  if (rule->schema) {
    pgr_quote_name(rule->schema, out);
    pgr_buf_adds(out, ".");
  }
  pgr_quote_name(rule->table, out);
}

/* As E'…' where it has to be. */
static void put_literal(const char *text, pgr_buf *out) {
  if (is_harmless(text)) {
    pgr_sql_literal(text, out);
    return;
  }
  pgr_buf_adds(out, "E'");
  for (; *text; text++) {
    if (*text == ':' || is_control(*text))
      pgr_buf_addf(out, "\\x%02x", (unsigned)*text);
    else if (*text == '\'' || *text == '\\')
      pgr_buf_addf(out, "%c%c", *text, *text);
    else
      pgr_buf_add(out, text, 1);
  }
  pgr_buf_adds(out, "'");
}

/* A number that needs no quotes where the type has numbers. */
static bool is_number(const pgr_rule_target_column *column, const char *text) {
  static const char *const types[] = {"smallint", "integer", "bigint", "numeric", "real", "double precision"};
  bool has_numbers = false;
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    has_numbers = has_numbers || strncmp(column->type, types[i], strlen(types[i])) == 0;
  if (*text == '-') text++;
  size_t digits = strspn(text, "0123456789");
  return has_numbers && digits > 0 && digits <= 18 && !text[digits];
}

void pgr_quote_value(const pgr_rule_target_column *column, const char *text, pgr_buf *out) {
  bool boolean = text && column->category == 'B' && (strcmp(text, "true") == 0 || strcmp(text, "false") == 0);
  if (!text)
    pgr_buf_adds(out, "NULL");
  else if (boolean || is_number(column, text))
    pgr_buf_adds(out, text);
  else
    put_literal(text, out);
}

/* ---- YAML ---- */

/* What YAML would read as something else than this text. */
static bool is_plain(const char *text) {
  static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "y", "n"};
  size_t len = strlen(text);
  if (!isalpha((unsigned char)*text) && strncmp(text, "../", 3) != 0) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasecmp(text, words[i]) == 0) return false;
  for (const char *c = text; *c; c++)
    if (is_control(*c) || (unsigned char)*c >= 0x80 || strchr(":#{}[],&*!|>%@`\"\\", *c)) return false;
  return text[len - 1] != ' ';
}

/* U+0080 to U+009F, U+FEFF, U+FFFE, U+FFFF: characters, but not printable ones to YAML. Returns the bytes, 0 for any
 * other. */
static size_t unprintable(const char *text, unsigned *code) {
  const unsigned char *c = (const unsigned char *)text;
  if (c[0] == 0xc2 && c[1] >= 0x80 && c[1] < 0xa0) {
    *code = c[1];
    return 2;
  }
  if (c[0] != 0xef) return 0;
  if (c[1] == 0xbb && c[2] == 0xbf) {
    *code = 0xfeff;
    return 3;
  }
  *code = 0xffc0U | (c[2] & 0x3fU);
  return c[1] == 0xbf && c[2] >= 0xbe ? 3 : 0;
}

static bool is_printable(const char *text) {
  unsigned ignored;
  for (; *text; text++)
    if (unprintable(text, &ignored) || (is_control(*text) && *text != '\n')) return false;
  return true;
}

/* Bytes of the text's first line; the space that ends it is not one of them, and no line begins or ends with one. */
static size_t line_of(const char *text, size_t most) {
  size_t len = strlen(text), end = len > most ? most : len;
  while (end > 0 && text[end] && (text[end] != ' ' || text[end + 1] == ' ' || text[end - 1] == ' '))
    end--;
  if (end > 0) return end;
  for (end = most; text[end] && (text[end] != ' ' || text[end + 1] == ' ' || text[end - 1] == ' ');)
    end++;
  return end;
}

void pgr_quote_folded(const char *text, int indent, pgr_buf *out) {
  enum { COLUMNS = 118 };
  if (!is_printable(text) || strchr(text, '\n') || *text == ' ' || (*text && text[strlen(text) - 1] == ' ')) {
    pgr_quote_yaml(text, out);
    pgr_buf_adds(out, "\n");
    return;
  }
  pgr_buf_adds(out, ">\n");
  while (*text) {
    size_t len = line_of(text, (size_t)(COLUMNS - indent));
    pgr_buf_addf(out, "%*s%.*s\n", indent, "", (int)len, text);
    text += len + (text[len] == ' ');
  }
}

void pgr_quote_block(const char *text, int indent, pgr_buf *out) {
  if (!is_printable(text) || isspace((unsigned char)*text)) {
    pgr_quote_yaml(text, out);
    pgr_buf_adds(out, "\n");
    return;
  }
  pgr_buf_adds(out, "|\n");
  while (*text) {
    size_t len = strcspn(text, "\n");
    pgr_buf_addf(out, "%*s%.*s\n", indent, "", (int)len, text);
    text += len + (text[len] ? 1 : 0);
  }
}

void pgr_quote_yaml(const char *text, pgr_buf *out) {
  if (is_plain(text)) {
    pgr_buf_adds(out, text);
    return;
  }
  pgr_buf_adds(out, "\"");
  while (*text) {
    unsigned code;
    size_t bytes = unprintable(text, &code);
    if (bytes > 0)
      pgr_buf_addf(out, "\\u%04x", code);
    else if (is_control(*text))
      pgr_buf_addf(out, "\\x%02x", (unsigned)*text);
    else if (*text == '"' || *text == '\\')
      pgr_buf_addf(out, "\\%c", *text);
    else
      pgr_buf_add(out, text, 1);
    text += bytes ? bytes : 1;
  }
  pgr_buf_adds(out, "\"");
}
