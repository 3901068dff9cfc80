/* trigger.yaml written: a rule as a text that reads as this rule, in the forms that people write. */
#include "pgr_triggers.h"

#include "pgr_names.h"
#include "pgr_rule_text.h"
#include <string.h>
#include <strings.h>

/* Length of the character at p, and its code point. What is not UTF-8 is a byte of its own. */
static size_t character(const char *p, unsigned *code) {
  const unsigned char *u = (const unsigned char *)p;
  size_t len = u[0] < 0xC0 ? 1 : u[0] < 0xE0 ? 2 : u[0] < 0xF0 ? 3 : 4;
  *code = len == 1 ? u[0] : u[0] & (0x7Fu >> len);
  for (size_t i = 1; i < len; i++) {
    if ((u[i] & 0xC0) != 0x80) return 1;
    *code = *code << 6 | (u[i] & 0x3Fu);
  }
  return len;
}

/* What YAML takes for a line's end or for no text at all, unless it is written as an escape. */
static bool wants_escape(unsigned code) {
  return code < ' ' || (code >= 0x7F && code < 0xA0) || code == 0x2028 || code == 0x2029 || code == 0xFEFF ||
         code == 0xFFFE || code == 0xFFFF;
}

static bool has_escapes(const char *text, const char *but) {
  unsigned code;
  for (const char *p = text; *p; p += character(p, &code)) {
    character(p, &code);
    if (wants_escape(code) && !(code < 0x80 && strchr(but, (int)code))) return true;
  }
  return false;
}

static void add_double_quoted(const char *text, pgr_buf *out) {
  unsigned code;
  pgr_buf_adds(out, "\"");
  for (const char *p = text; *p;) {
    size_t len = character(p, &code);
    if (*p == '"' || *p == '\\')
      pgr_buf_addf(out, "\\%c", *p);
    else if (*p == '\n')
      pgr_buf_adds(out, "\\n");
    else if (wants_escape(code))
      pgr_buf_addf(out, "\\u%04X", code);
    else
      pgr_buf_add(out, p, len);
    p += len;
  }
  pgr_buf_adds(out, "\"");
}

static void add_single_quoted(const char *text, pgr_buf *out) {
  pgr_buf_adds(out, "'");
  for (const char *p = text; *p; p++)
    pgr_buf_add(out, *p == '\'' ? "''" : p, *p == '\'' ? 2 : 1);
  pgr_buf_adds(out, "'");
}

/* Whether YAML reads it as this text, and as a text, when it stands alone on its line. */
static bool is_plain(const char *text) {
  static const char *const words[] = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "~"};
  size_t len = strlen(text);
  if (len == 0 || strchr(" -?:,[]{}#&*!|>'\"%@`.=<", *text) || text[len - 1] == ' ' || text[len - 1] == ':')
    return false;
  if (strstr(text, ": ") || strstr(text, " #")) return false;
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strcasecmp(words[i], text) == 0) return false;
  return strspn(text, "0123456789+-.eExXoO_:") != len;
}

/* A block of its own needs a first line that shows how far it is indented, and one line end at most after the last. */
static bool is_block(const char *text) {
  size_t len = strlen(text);
  const char *first_end = strchr(text, '\n');
  return first_end && *text != ' ' && *text != '\t' && *text != '\n' &&
         !(len > 1 && text[len - 1] == '\n' && text[len - 2] == '\n') && !has_escapes(text, "\n\t");
}

static void add_block(const char *text, pgr_buf *out) {
  size_t len = strlen(text);
  bool ended = text[len - 1] == '\n';
  pgr_buf_adds(out, ended ? "|\n" : "|-\n");
  for (const char *p = text; *p;) {
    size_t width = strcspn(p, "\n");
    if (width) pgr_buf_adds(out, "  ");
    pgr_buf_add(out, p, width);
    pgr_buf_adds(out, "\n");
    p += width + (p[width] == '\n');
  }
}

/* "key: text" and a line end; nothing for NULL. key: with what stands before it on the line. */
static void write_text(const char *key, const char *text, pgr_buf *out) {
  if (!text) return;
  pgr_buf_addf(out, "%s: ", key);
  if (has_escapes(text, "")) {
    add_double_quoted(text, out);
  } else if (is_plain(text)) {
    pgr_buf_adds(out, text);
  } else {
    add_single_quoted(text, out);
  }
  pgr_buf_adds(out, "\n");
}

/* What pgr_rule_text.h appends, as a text of YAML. */
static void write_made(const char *key, pgr_buf *made, pgr_buf *out) {
  write_text(key, pgr_buf_text(made), out);
  out->failed = out->failed || made->failed;
  pgr_buf_clear(made);
}

static void write_name(const char *key, const char *name, pgr_buf *made, pgr_buf *out) {
  if (!name) return;
  pgr_sql_name(name, made);
  write_made(key, made, out);
}

static void write_columns(const pgr_rule *rule, pgr_buf *made, pgr_buf *out) {
  if (rule->column_count) pgr_buf_adds(out, "rule:\n");
  for (int i = 0; i < rule->column_count; i++) {
    const pgr_rule_column *column = &rule->columns[i];
    write_name("  - column", column->name, made, out);
    pgr_rule_write_allow(column, made);
    write_made("    allow", made, out);
    if (!column->begins_ruled) continue;
    pgr_rule_write_begin(column, made);
    write_made("    insert", made, out);
  }
}

void pgr_trigger_declaration_write(const pgr_rule *rule, pgr_buf *out) {
  pgr_buf made;
  pgr_buf_init(&made, 0);
  pgr_sql_qualified(rule->schema, rule->table, &made);
  write_made("table", &made, out);
  if (rule->function && strcmp(rule->function, rule->name) != 0) write_name("function", rule->function, &made, out);
  write_columns(rule, &made, out);
  if (rule->message && *rule->message) write_text("message", rule->message, out);
  if (strcmp(rule->sqlstate, "23514") != 0) write_text("sqlstate", rule->sqlstate, out);
  write_text("why", rule->why, out);
  if (rule->field || rule->shown) pgr_buf_adds(out, "shown:\n");
  write_text("  field", rule->field, out);
  write_text("  message", rule->shown, out);
  if (rule->log) write_text("log", rule->log == PGR_RULE_LOG_SERVER ? "server" : "table", out);
  if (rule->history.table) {
    pgr_buf_adds(out, "history:\n");
    write_text("  table", rule->history.table, out);
    write_name("  key", rule->history.key, &made, out);
    write_name("  order", rule->history.order, &made, out);
  }
  if (rule->existing && is_block(rule->existing)) {
    pgr_buf_adds(out, "existing: ");
    add_block(rule->existing, out);
  } else {
    write_text("existing", rule->existing, out);
  }
  write_text("decision", rule->decision, out);
  pgr_buf_deinit(&made);
}
