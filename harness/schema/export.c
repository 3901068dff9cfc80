/* Migrations in the forms of others: what all forms share, and the two that are SQL. Invariant: the server gets every
 * byte of a statement as it is in the file; no text can end the string, the comment or the name that it is written
 * into. */
#include "export_internal.h"

#include "pgr_statements.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const pgr_export_words[] = {"sql", "flyway", "ecto", "rails", "django", NULL};

int pgr_export_to_read(const char *word) {
  for (int i = 0; pgr_export_words[i]; i++)
    if (strcmp(pgr_export_words[i], word) == 0) return i;
  return -1;
}

static pgr_code no_memory(const pgr__exporter *x) {
  return pgr_fail(x->err, PGR_ENOMEM, "out of memory");
}

pgr_code pgr__export_add(pgr__exporter *x, const char *name, const pgr_buf *text) {
  char *copy = name && !text->failed ? pgr_arena_alloc(x->arena, text->len + 1) : NULL;
  if (!copy) return no_memory(x);
  memcpy(copy, pgr_buf_text(text), text->len);
  if (x->file_count == x->file_room) {
    size_t room = x->file_room ? x->file_room * 2 : 16;
    pgr_export_file *grown = pgr_arena_alloc(x->arena, room * sizeof *grown);
    if (!grown) return no_memory(x);
    if (x->file_count) memcpy(grown, x->files, x->file_count * sizeof *grown);
    x->files = grown;
    x->file_room = room;
  }
  x->files[x->file_count++] = (pgr_export_file){name, copy, text->len};
  return PGR_OK;
}

/* ---- cutting SQL ---- */

/* Behind a comment that begins at `at`; `at` itself when none does. Comments of C nest in SQL. */
static size_t skip_comment(const char *text, size_t at) {
  if (text[at] == '-' && text[at + 1] == '-') return at + strcspn(text + at, "\n");
  if (text[at] != '/' || text[at + 1] != '*') return at;
  int depth = 0;
  do {
    bool opens = text[at] == '/' && text[at + 1] == '*', closes = text[at] == '*' && text[at + 1] == '/';
    depth += opens - closes;
    at += opens || closes ? 2 : 1;
  } while (depth > 0 && text[at]);
  return at;
}

/* Of what lies between a statement and the next one: behind the semicolon, and behind a comment on the same line. end:
 * where the next one begins. closed: whether there is a semicolon. */
static size_t behind_statement(const char *text, size_t at, size_t end, bool *closed) {
  while (at < end && text[at] != ';') {
    size_t behind = skip_comment(text, at);
    at = behind > at ? behind : at + 1;
  }
  *closed = at < end;
  if (!*closed) return end;
  at++;
  size_t blank = at + strspn(text + at, " \t");
  return text[blank] == '-' ? skip_comment(text, blank) : at;
}

static pgr__extract trimmed(const char *text, size_t from, size_t to) {
  while (from < to && isspace((unsigned char)text[from]))
    from++;
  while (to > from && isspace((unsigned char)text[to - 1]))
    to--;
  return (pgr__extract){text + from, to - from};
}

/* closed: whether its last statement has a semicolon, or there is none. */
static pgr_code read_statements(const pgr__exporter *x, const pgr_source *part, pgr_sql_statements *out, bool *closed) {
  pgr_faults faults = {0};
  pgr_err first;
  pgr_code code = pgr_statements_read(part, x->arena, out, &faults, x->err);
  if (!code && pgr_faults_first(&faults, &first))
    code = pgr_fail(x->err, PGR_EUSAGE, "cannot be cut into statements: %s", first.msg);
  pgr_faults_deinit(&faults);
  *closed = true;
  if (code || !out->count) return code;
  const pgr_sql_statement *last = &out->items[out->count - 1];
  (void)behind_statement(part->text, last->offset + last->len, part->len_bytes, closed);
  return PGR_OK;
}

static void cut_part(const pgr_source *part, const pgr_sql_statements *s, pgr__extract *out) {
  size_t from = 0;
  for (size_t i = 0; i < s->count; i++) {
    bool last = i + 1 == s->count, closed;
    size_t end = last ? part->len_bytes : s->items[i + 1].offset;
    size_t to = last ? end : behind_statement(part->text, s->items[i].offset + s->items[i].len, end, &closed);
    out[i] = trimmed(part->text, from, to);
    from = to;
  }
}

pgr_code pgr__export_cut(pgr__exporter *x, const pgr_migration_text *t, const pgr__extract **out, size_t *count) {
  pgr_sql_statements parts[PGR_PARTS_MAX];
  size_t all = 0;
  for (size_t i = 0; i < t->part_count; i++) {
    bool closed;
    pgr_code code = read_statements(x, &t->parts[i], &parts[i], &closed);
    if (code) return code;
    all += parts[i].count;
  }
  pgr__extract *items = pgr_arena_alloc(x->arena, (all + 1) * sizeof *items);
  if (!items) return no_memory(x);
  *out = items;
  *count = all;
  for (size_t i = 0; i < t->part_count; items += parts[i++].count)
    cut_part(&t->parts[i], &parts[i], items);
  return PGR_OK;
}

/* ---- texts in a language's source ---- */

/* Bytes of the character when it is not one to be shown as it is; else 0. */
static size_t hidden(const char *text) {
  const unsigned char *c = (const unsigned char *)text;
  if (c[0] < ' ') return c[0] != '\n' && c[0] != '\t';
  if (c[0] == 0x7F) return 1;
  if (c[0] == 0xC2 && c[1] < 0xA0) return 2; /* U+0080 … U+009F */
  if (c[0] != 0xE2) return 0;
  bool ends_or_turns = c[1] == 0x80 && c[2] >= 0xA8 && c[2] <= 0xAE; /* U+2028 … U+202E */
  bool isolates = c[1] == 0x81 && c[2] >= 0xA6 && c[2] <= 0xA9;      /* U+2066 … U+2069 */
  return ends_or_turns || isolates ? 3 : 0;
}

/* A number of at most 16 bits, of one, two or three bytes. */
static unsigned number_of(const char *text, size_t bytes) {
  const unsigned char *c = (const unsigned char *)text;
  if (bytes == 1) return c[0];
  if (bytes == 2) return (c[0] & 0x1FU) << 6 | (c[1] & 0x3FU);
  return (c[0] & 0xFU) << 12 | (c[1] & 0x3FU) << 6 | (c[2] & 0x3FU);
}

bool pgr__export_is_plain(const char *text, size_t len) {
  for (size_t i = 0; i < len; i++)
    if (hidden(text + i)) return false;
  return true;
}

void pgr__export_escape(const char *text, size_t len, pgr__escapes escapes, bool lines, pgr_buf *out) {
  for (size_t i = 0; i < len; i++) {
    size_t bytes = hidden(text + i);
    bool interpolates = escapes == PGR__ESCAPES_INTERPOLATED && text[i] == '#' && i + 1 < len && text[i + 1] &&
                        strchr("{$@", text[i + 1]);
    if (bytes)
      pgr_buf_addf(out, "\\u%04X", number_of(text + i, bytes));
    else if (!lines && (text[i] == '\n' || text[i] == '\t'))
      pgr_buf_adds(out, text[i] == '\n' ? "\\n" : "\\t");
    else if (text[i] == '\\' || text[i] == '"' || interpolates)
      pgr_buf_addf(out, "\\%c", text[i]);
    else
      pgr_buf_add(out, text + i, 1);
    if (bytes) i += bytes - 1;
  }
}

void pgr__export_literal(const char *text, pgr__escapes escapes, pgr_buf *out) {
  pgr_buf_adds(out, "\"");
  pgr__export_escape(text, strlen(text), escapes, false, out);
  pgr_buf_adds(out, "\"");
}

void pgr__export_atom(const char *text, pgr_buf *out) {
  static const char word[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
  pgr_buf_adds(out, ":");
  if ((islower((unsigned char)*text) || *text == '_') && text[strspn(text, word)] == '\0')
    pgr_buf_adds(out, text);
  else
    pgr__export_literal(text, PGR__ESCAPES_INTERPOLATED, out);
}

void pgr__export_remark(const char *text, pgr_buf *out) {
  for (size_t i = 0; text[i]; i++) {
    size_t bytes = hidden(text + i);
    if (bytes || text[i] == '\n' || text[i] == '\t')
      pgr_buf_adds(out, "?");
    else
      pgr_buf_add(out, text + i, 1);
    if (bytes) i += bytes - 1;
  }
}

void pgr__export_indent(const char *text, size_t len, int indent, pgr_buf *out) {
  for (size_t at = 0; at < len;) {
    const char *end = memchr(text + at, '\n', len - at);
    size_t line = end ? (size_t)(end - text) - at : len - at;
    if (line > 0) pgr_buf_addf(out, "%*s", indent, "");
    pgr_buf_add(out, text + at, line);
    pgr_buf_adds(out, "\n");
    at += line + 1;
  }
}

void pgr__export_origin(const pgr_migration *m, pgr_buf *out) {
  char title[160];
  pgr_buf_adds(out, "# Made by pgrace schema export of ");
  pgr__export_remark(pgr_migration_title(m, title), out);
  pgr_buf_adds(out, ".\n");
}

bool pgr__export_shown(const pgr_rule *rule, const char **field, const char **message) {
  bool has_message = rule->message && *rule->message;
  *field = rule->field ? rule->field : rule->column_count > 0 ? rule->columns[0].name : NULL;
  *message = rule->shown ? rule->shown : has_message ? rule->message : "is invalid";
  return *field != NULL;
}

/* ---- names ---- */

/* Small letters, digits and single underscores, a letter first. verb: begins with one. */
static void write_snake(const char *name, bool verb, pgr_buf *out) {
  static const char *const verbs[] = {"add_",  "change_", "create_", "drop_",   "enable_", "fix_",
                                      "make_", "move_",   "remove_", "rename_", "set_",    "update_"};
  bool has_verb = !verb;
  for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
    has_verb |= strncmp(name, verbs[i], strlen(verbs[i])) == 0;
  if (!has_verb) pgr_buf_adds(out, "add_");
  size_t begin = out->len;
  bool owes = false; /* an underscore, before the next letter */
  for (const char *p = name; *p; p++) {
    if (!isalnum((unsigned char)*p)) {
      owes = out->len > begin;
      continue;
    }
    if (out->len == begin && begin == 0 && isdigit((unsigned char)*p)) pgr_buf_adds(out, "migration_");
    pgr_buf_addf(out, "%s%c", owes ? "_" : "", tolower((unsigned char)*p));
    owes = false;
  }
  if (out->len == begin) pgr_buf_adds(out, "migration");
}

/* As Rails' camelize does it of a name like these. */
static char *camel_of(const char *snake, pgr_arena *arena) {
  char *camel = pgr_arena_strdup(arena, snake), *to = camel;
  bool begins = true;
  for (const char *p = snake; camel && *p; p++) {
    if (*p != '_') *to++ = begins ? (char)toupper((unsigned char)*p) : *p;
    begins = *p == '_';
  }
  if (camel) *to = '\0';
  return camel;
}

static bool is_taken(const pgr__leaving *items, size_t count, const char *camel) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(items[i].camel, camel) == 0) return true;
  return false;
}

/* Names items[index], unlike those before it. false: no memory. */
static bool name_one(pgr__leaving *items, size_t index, bool verb, pgr_arena *arena) {
  pgr_buf snake;
  pgr_buf_init(&snake, 0);
  pgr__leaving *l = &items[index];
  write_snake(l->migration->name, verb, &snake);
  l->camel = camel_of(pgr_buf_text(&snake), arena);
  while (l->camel && !snake.failed && is_taken(items, index, l->camel)) {
    pgr_buf_addf(&snake, "_%lld", (long long)l->migration->number);
    l->camel = camel_of(pgr_buf_text(&snake), arena);
  }
  l->snake = pgr_arena_strdup(arena, pgr_buf_text(&snake));
  bool named = l->camel && l->snake && !snake.failed;
  pgr_buf_deinit(&snake);
  return named;
}

/* ---- times ---- */

static int days_in(int year, int month) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leaps = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[month - 1] + (month == 2 && leaps);
}

/* Parts of a stamp: year, month, day, hour, minute, second. */
enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, STAMP_PARTS };

static void take_apart(int64_t stamp, int parts[STAMP_PARTS]) {
  for (int i = SECOND; i > YEAR; i--, stamp /= 100)
    parts[i] = (int)(stamp % 100);
  parts[YEAR] = (int)(stamp % 10000);
}

bool pgr_export_stamp_is_valid(int64_t stamp) {
  int p[STAMP_PARTS];
  if (stamp < 19700101000000 || stamp > 99991231235959) return false;
  take_apart(stamp, p);
  return p[MONTH] >= 1 && p[MONTH] <= 12 && p[DAY] >= 1 && p[DAY] <= days_in(p[YEAR], p[MONTH]) && p[HOUR] < 24 &&
         p[MINUTE] < 60 && p[SECOND] < 60;
}

static int64_t second_after(int64_t stamp) {
  int p[STAMP_PARTS];
  take_apart(stamp, p);
  const int least[] = {0, 1, 1, 0, 0, 0}, most[] = {9999, 12, days_in(p[YEAR], p[MONTH]), 23, 59, 59};
  for (int i = SECOND; i >= YEAR && ++p[i] > most[i]; i--)
    p[i] = least[i];
  int64_t next = 0;
  for (int i = YEAR; i < STAMP_PARTS; i++)
    next = next * 100 + p[i];
  return next;
}

/* ---- the forms that are SQL ---- */

/* Parts one behind the other, none of whose statements runs on into the next part. */
static pgr_code write_sql(const pgr__exporter *x, const pgr_migration_text *t, pgr_buf *out) {
  pgr_sql_statements statements;
  for (size_t i = 0; i < t->part_count; i++) {
    const pgr_source *part = &t->parts[i];
    bool closed = true, last = i + 1 == t->part_count;
    pgr_code code = last ? PGR_OK : read_statements(x, part, &statements, &closed);
    if (code == PGR_ENOMEM) return code;
    pgr_buf_add(out, part->text, part->len_bytes);
    if (part->len_bytes && part->text[part->len_bytes - 1] != '\n') pgr_buf_adds(out, "\n");
    if (code || !closed) pgr_buf_adds(out, ";\n"); /* one too many means nothing */
    if (!last) pgr_buf_adds(out, "\n");
  }
  return PGR_OK;
}

static pgr_code add_sql(pgr__exporter *x, const pgr_migration_text *t, const char *name) {
  pgr_buf text;
  if (!t->file) return PGR_OK;
  pgr_buf_init(&text, 0);
  pgr_code code = write_sql(x, t, &text);
  if (!code) code = pgr__export_add(x, name, &text);
  /* Flyway would put something in place of ${…}, or refuse to. */
  bool replaces = x->options->to == PGR_EXPORT_FLYWAY && strstr(pgr_buf_text(&text), "${");
  if (!code && replaces) {
    pgr_buf_clear(&text);
    pgr_buf_adds(&text, "placeholderReplacement=false\n");
    code = pgr__export_add(x, pgr_arena_printf(x->arena, "%s.conf", name), &text);
  }
  pgr_buf_deinit(&text);
  return code;
}

static pgr_code write_pair(pgr__exporter *x, size_t index) {
  const pgr_migration *m = x->leaving[index].migration;
  char title[160];
  pgr_migration_title(m, title);
  pgr_code code = add_sql(x, &m->up, pgr_arena_printf(x->arena, "%s.up.sql", title));
  return code ? code : add_sql(x, &m->down, pgr_arena_printf(x->arena, "%s.down.sql", title));
}

static pgr_code write_flyway(pgr__exporter *x, size_t index) {
  const pgr__leaving *l = &x->leaving[index];
  const pgr_migration *m = l->migration;
  char version[32];
  snprintf(version, sizeof version, "%0*lld", l->stamp ? 1 : m->digits, (long long)(l->stamp ? l->stamp : m->number));
  pgr_code code = add_sql(x, &m->up, pgr_arena_printf(x->arena, "V%s__%s.sql", version, m->name));
  return code ? code : add_sql(x, &m->down, pgr_arena_printf(x->arena, "U%s__%s.sql", version, m->name));
}

static pgr_code check_sql(const pgr_export_options *o, pgr_err *err) {
  if (!o->app && !o->after) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--%s: SQL has no place for it, leave it out", o->app ? "app" : "after");
}

static const pgr__form form_sql = {.check = check_sql, .write = write_pair};
static const pgr__form form_flyway = {.check = check_sql, .write = write_flyway};

/* ---- all of them ---- */

static pgr_code check_stamp(const pgr__form *form, const pgr_export_options *o, pgr_err *err) {
  if (o->first_stamp == 0 && !form->stamped) return PGR_OK;
  if (!form->stamped && o->to != PGR_EXPORT_FLYWAY)
    return pgr_fail(err, PGR_EUSAGE, "--stamp: %s has no times in its names, leave it out", pgr_export_words[o->to]);
  if (pgr_export_stamp_is_valid(o->first_stamp)) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--stamp: %lld is no time, write it like 20261130120000", (long long)o->first_stamp);
}

static pgr_code write_all(pgr__exporter *x, const pgr__form *form) {
  for (size_t i = 0; i < x->leaving_count; i++) {
    pgr_code code = form->write(x, i);
    if (code) return code;
  }
  return PGR_OK;
}

pgr_code pgr_export(const pgr_migrations *migrations, const pgr_triggers *triggers, const pgr_export_options *options,
                    pgr_arena *arena, const pgr_export_file **out, size_t *count, pgr_buf *application, pgr_err *err) {
  static const pgr__form *const forms[] = {&form_sql, &form_flyway, &pgr__form_ecto, &pgr__form_rails,
                                           &pgr__form_django};
  const pgr__form *form = forms[options->to];
  pgr__exporter x = {.options = options, .arena = arena, .err = err};
  pgr_code code = form->check(options, err);
  if (!code) code = check_stamp(form, options, err);
  if (code) return code;
  pgr__leaving *all = pgr_arena_alloc(arena, (migrations->count + 1) * sizeof *all);
  if (!all) return no_memory(&x);
  int64_t stamp = options->first_stamp;
  x.leaving = all + migrations->count;
  for (size_t i = migrations->count; i > 0 && migrations->items[i - 1].number >= options->from; i--)
    x.leaving = all + i - 1;
  for (size_t i = 0; i < migrations->count; i++) {
    all[i].migration = &migrations->items[i];
    if (!name_one(all, i, form->names_code, arena)) return no_memory(&x);
    if (!stamp || &all[i] < x.leaving) continue;
    all[i].stamp = stamp;
    stamp = second_after(stamp);
  }
  x.leaving_count = (size_t)(all + migrations->count - x.leaving);
  code = write_all(&x, form);
  *out = x.files;
  *count = x.file_count;
  if (!code && form->write_application && triggers->count > 0) form->write_application(triggers, application);
  return code || !application->failed ? code : no_memory(&x);
}
