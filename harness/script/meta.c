/* Meta commands: one line each, read to its end also when there is a fault in it. Invariant most easily broken: \if,
 * \elif, \else and \endif are added even when they have a fault, so that it is told once and not again as a lone
 * \endif. */
#include "script_internal.h"

#include "pgr_units.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { NAMED_BYTES_MAX = 40 };

typedef struct meta {
  size_t backslash, line_end;
  pgr__word name;
  const char *known; /* its name as we write it */
  pgr__word args[PGR_META_ARGS_MAX];
  int arg_count;
} meta;

#define META_NAMES(X)                                                                                                  \
  X("set", PGR_COMMAND_SET)                                                                                            \
  X("if", PGR_COMMAND_IF)                                                                                              \
  X("elif", PGR_COMMAND_ELIF)                                                                                          \
  X("else", PGR_COMMAND_ELSE)                                                                                          \
  X("endif", PGR_COMMAND_ENDIF)                                                                                        \
  X("sleep", PGR_COMMAND_SLEEP)                                                                                        \
  X("shell", PGR_COMMAND_SHELL)                                                                                        \
  X("setshell", PGR_COMMAND_SETSHELL)                                                                                  \
  X("startpipeline", PGR_COMMAND_STARTPIPELINE)                                                                        \
  X("endpipeline", PGR_COMMAND_ENDPIPELINE)                                                                            \
  X("refuse", PGR_COMMAND_REFUSE)

static bool is(const pgr__parser *p, pgr__word w, const char *text) {
  return w.len_bytes == strlen(text) && strncasecmp(p->source.text + w.offset, text, w.len_bytes) == 0;
}

static const char *text_of(const pgr__parser *p, pgr__word w) {
  return p->source.text + w.offset;
}

static pgr_place_in place(pgr__parser *p, pgr__word w) {
  return pgr__place(p, w.offset, w.len_bytes);
}

/* A word, for a message: cut when it is long. */
static int shown(pgr__word w) {
  return w.len_bytes > NAMED_BYTES_MAX ? NAMED_BYTES_MAX : (int)w.len_bytes;
}

/* The backslash and the name. */
static pgr__word command_word(const meta *m) {
  return (pgr__word){.offset = m->backslash, .len_bytes = m->name.offset + m->name.len_bytes - m->backslash};
}

static pgr_command *add(pgr__parser *p, const meta *m, pgr_command_kind kind) {
  return pgr__command_add(p, kind, m->backslash, command_word(m).len_bytes);
}

/* ---- names ---- */

/* The slot of a variable that the command sets. */
static int target(pgr__parser *p, const meta *m, pgr__word w) {
  const char *name = text_of(p, w);
  if (!pgr_name_is_valid(name, w.len_bytes)) {
    const char *hint = name[0] == ':'                        ? "the colon is for reading: write the name without it"
                       : memchr(name, '=', w.len_bytes) != 0 ? "write \\set NAME EXPRESSION, without ="
                                                             : "a name has letters, digits and _, no digit first";
    pgr_faults_add(p->faults, &p->source, place(p, w), hint, "\\%s: '%.*s' cannot be a variable's name", m->known,
                   shown(w), name);
    return -1;
  }
  int slot = pgr__slot(p, place(p, w), name, w.len_bytes);
  if (!pgr__is_owned(p->names, slot)) return slot;
  pgr_faults_add(p->faults, &p->source, place(p, w), "give the variable another name", "\\%s: '%.*s' is set by pgrace",
                 m->known, shown(w), name);
  return -1;
}

/* The slot of a variable that is read as a word ":name". */
static int read_from(pgr__parser *p, const meta *m, pgr__word w) {
  const char *name = text_of(p, w) + 1;
  size_t len = w.len_bytes - 1;
  if (!pgr_name_is_valid(name, len)) {
    pgr_faults_add(p->faults, &p->source, place(p, w), NULL, "\\%s: '%.*s' is not a colon and a variable's name",
                   m->known, shown(w), text_of(p, w));
    return -1;
  }
  return pgr__slot(p, place(p, w), name, len);
}

/* ---- arguments ---- */

static void missing(pgr__parser *p, const meta *m, const char *what) {
  pgr_faults_add(p->faults, &p->source, place(p, command_word(m)), NULL, "\\%s: %s is missing", m->known, what);
}

static bool at_most(pgr__parser *p, const meta *m, int max) {
  if (m->arg_count <= max) return true;
  pgr__word w = m->args[max];
  const char *hint = is(p, w, ";") ? "a meta command ends with its line: leave the ; out" : NULL;
  pgr_faults_add(p->faults, &p->source, place(p, w), hint, "\\%s: unexpected argument '%.*s'", m->known, shown(w),
                 text_of(p, w));
  return false;
}

/* ---- \set \if \elif ---- */

static void expression(pgr__parser *p, const meta *m, pgr_command *c) {
  pgr__word first;
  size_t peek = p->at;
  if (!pgr__lex_word(&p->source, &peek, m->line_end, &first)) {
    missing(p, m, "the expression");
    return;
  }
  const pgr_expr *e = NULL;
  if (pgr_expr_parse(&p->source, first.offset, m->line_end, p->names, p->arena, p->faults, &e)) c->expr = e;
}

/* psql knows these words; the expression language does not. */
static bool is_switch_word(pgr__parser *p, const meta *m, pgr__word variable) {
  static const char *const words[] = {"on", "off", "yes", "no", NULL};
  pgr__word value, more;
  size_t peek = p->at;
  if (!is(p, variable, "ON_ERROR_STOP") || !pgr__lex_word(&p->source, &peek, m->line_end, &value) ||
      pgr__lex_word(&p->source, &peek, m->line_end, &more))
    return false;
  for (int i = 0; words[i]; i++) {
    if (!is(p, value, words[i])) continue;
    pgr_faults_add(p->faults, &p->source, place(p, value), i % 2 == 0 ? "write true" : "write false",
                   "\\set: the value is an expression, and '%.*s' is none", shown(value), text_of(p, value));
    return true;
  }
  return false;
}

static void parse_set(pgr__parser *p, meta *m) {
  pgr__word name;
  if (!pgr__lex_word(&p->source, &p->at, m->line_end, &name)) {
    missing(p, m, "the variable");
    return;
  }
  int slot = target(p, m, name);
  if (is_switch_word(p, m, name)) return;
  pgr_command *c = add(p, m, PGR_COMMAND_SET);
  if (!c) return;
  c->slot = slot;
  expression(p, m, c);
}

/* ---- \sleep ---- */

static int64_t unit_ns(pgr__parser *p, pgr__word w) {
  static const struct {
    const char *name;
    int64_t ns;
  } units[] = {{"us", 1000}, {"ms", 1000000}, {"s", 1000000000}};
  for (size_t i = 0; i < sizeof units / sizeof *units; i++)
    if (is(p, w, units[i].name)) return units[i].ns;
  pgr_faults_add(p->faults, &p->source, place(p, w), NULL, "\\sleep: '%.*s' is no unit, write us, ms or s", shown(w),
                 text_of(p, w));
  return 0;
}

static void parse_sleep_literal(pgr__parser *p, meta *m, pgr_command *c) {
  pgr__word w = m->args[0];
  const char *text = text_of(p, w);
  size_t i = text[0] == '+' || text[0] == '-', digits = 0;
  int64_t n = 0;
  for (; i < w.len_bytes && text[i] >= '0' && text[i] <= '9'; i++, digits++)
    if (n <= PGR_SLEEP_US_MAX) n = n * 10 + (text[i] - '0');
  bool glued = i < w.len_bytes;
  if (digits == 0 || (glued && (m->arg_count > 1 || text[i] == '.'))) {
    pgr_faults_add(p->faults, &p->source, place(p, w), "write a whole number and us, ms or s: 1500 us",
                   "\\sleep: '%.*s' is not a whole number", shown(w), text);
    return;
  }
  if (text[0] == '-') {
    pgr_faults_add(p->faults, &p->source, place(p, w), NULL, "\\sleep: the time is negative");
    return;
  }
  int64_t scale = 1000000000;
  if (glued) scale = unit_ns(p, (pgr__word){.offset = w.offset + i, .len_bytes = w.len_bytes - i});
  if (m->arg_count > 1) scale = unit_ns(p, m->args[1]);
  if (scale == 0) return;
  if (n > PGR_SLEEP_US_MAX / (scale / 1000)) {
    pgr_faults_add(p->faults, &p->source, place(p, w), NULL, "\\sleep: longer than %d us", PGR_SLEEP_US_MAX);
    return;
  }
  c->sleep_ns = n * scale;
}

static void parse_sleep(pgr__parser *p, meta *m) {
  if (m->arg_count == 0) missing(p, m, "the time");
  if (m->arg_count == 0 || !at_most(p, m, 2)) return;
  pgr_command *c = add(p, m, PGR_COMMAND_SLEEP);
  if (!c) return;
  if (*text_of(p, m->args[0]) != ':') {
    parse_sleep_literal(p, m, c);
    return;
  }
  c->slot = read_from(p, m, m->args[0]);
  c->sleep_unit_ns = m->arg_count > 1 ? unit_ns(p, m->args[1]) : 1000000000;
}

/* ---- \shell \setshell ---- */

/* A word as it is, ::x for the word :x, or the value of a variable. */
static bool shell_word(pgr__parser *p, const meta *m, pgr__word w, pgr_template *out) {
  const char *text = text_of(p, w);
  bool variable = text[0] == ':' && (w.len_bytes < 2 || text[1] != ':');
  size_t skip = text[0] == ':' ? 1 : 0;
  int count = variable ? 1 : 0;
  const char **literals = pgr_arena_alloc(p->arena, 2 * sizeof *literals);
  uint16_t *slots = pgr_arena_alloc(p->arena, sizeof *slots);
  if (!literals || !slots) {
    p->no_memory = true;
    return false;
  }
  if (variable) {
    int slot = read_from(p, m, w);
    if (slot < 0) return false;
    *slots = (uint16_t)slot;
    literals[0] = literals[1] = "";
  } else {
    literals[0] = pgr__copy(p, text + skip, w.len_bytes - skip);
  }
  *out = (pgr_template){.literals = literals, .slots = slots, .var_count = count};
  return literals[0] != NULL;
}

static void parse_shell(pgr__parser *p, meta *m, pgr_command_kind kind) {
  int first = kind == PGR_COMMAND_SETSHELL ? 1 : 0;
  if (m->arg_count < first) {
    missing(p, m, "the variable");
    return;
  }
  int slot = first ? target(p, m, m->args[0]) : -1;
  if (m->arg_count == first) {
    missing(p, m, "the command");
    return;
  }
  pgr_command *c = add(p, m, kind);
  pgr_template *words = pgr_arena_alloc(p->arena, (size_t)(m->arg_count - first) * sizeof *words);
  if (!words) p->no_memory = true;
  if (!c || !words) return;
  c->slot = slot;
  c->words = words;
  c->word_count = m->arg_count - first;
  p->uses_shell = true;
  size_t bytes = 0;
  for (int i = first; i < m->arg_count; i++) {
    pgr_template *word = &words[i - first];
    if (!shell_word(p, m, m->args[i], word)) continue;
    bytes += strlen(word->literals[0]) + (i > first);
  }
  if (bytes > PGR_SHELL_BYTES_MAX)
    pgr_faults_add(p->faults, &p->source, c->at, NULL, "\\%s: the command is longer than %d bytes", m->known,
                   PGR_SHELL_BYTES_MAX);
}

/* ---- \gset \aset ---- */

static void parse_keep(pgr__parser *p, meta *m, pgr_keep keep) {
  pgr_command *c = p->count > 0 ? &p->commands[p->count - 1] : NULL;
  if (!c || c->kind != PGR_COMMAND_SQL || c->sql.keep != PGR_KEEP_NOTHING) {
    pgr_faults_add(p->faults, &p->source, place(p, command_word(m)), NULL, "\\%s must follow an SQL command", m->known);
    return;
  }
  c->sql.keep = keep;
  if (m->arg_count == 0 || !at_most(p, m, 1)) return;
  pgr__word w = m->args[0];
  if (!pgr_name_is_valid(text_of(p, w), w.len_bytes) || w.len_bytes > PGR_NAME_BYTES_MAX) {
    const char *hint =
        text_of(p, w)[w.len_bytes - 1] == ';' ? "a meta command ends with its line: leave the ; out" : NULL;
    pgr_faults_add(p->faults, &p->source, place(p, w), hint, "\\%s: '%.*s' cannot begin a variable's name", m->known,
                   shown(w), text_of(p, w));
    return;
  }
  const char *prefix = pgr__copy(p, text_of(p, w), w.len_bytes);
  if (prefix) c->sql.prefix = prefix;
}

/* ---- all ---- */

static bool read_args(pgr__parser *p, meta *m) {
  pgr__word w;
  while (pgr__lex_word(&p->source, &p->at, m->line_end, &w)) {
    if (m->arg_count == PGR_META_ARGS_MAX) {
      pgr_faults_add(p->faults, &p->source, place(p, w), NULL, "\\%s: more than %d arguments", m->known,
                     PGR_META_ARGS_MAX);
      return false;
    }
    m->args[m->arg_count++] = w;
  }
  return true;
}

static void unknown(pgr__parser *p, const meta *m) {
#define META_NAME(name, kind) name,
  static const char *const names[] = {"gset", "aset", META_NAMES(META_NAME) NULL};
#undef META_NAME
  pgr_place_in where = place(p, command_word(m));
  if (is(p, m->name, "syncpipeline")) {
    pgr_faults_add(p->faults, &p->source, where, "end the pipeline with \\endpipeline and start the next one",
                   "\\syncpipeline is from PostgreSQL 17 and not supported here");
    return;
  }
  char name[NAMED_BYTES_MAX + 1], hint[NAMED_BYTES_MAX + 32];
  int len = shown(m->name);
  for (int i = 0; i < len; i++)
    name[i] = (char)tolower((unsigned char)text_of(p, m->name)[i]);
  name[len] = '\0';
  const char *near = pgr_nearest(name, names);
  if (near) snprintf(hint, sizeof hint, "did you mean '\\%s'?", near);
  pgr_faults_add(p->faults, &p->source, where, near ? hint : NULL, "unknown meta command \\%.*s", len,
                 text_of(p, m->name));
}

static void parse_known(pgr__parser *p, meta *m, pgr_command_kind kind) {
  if (kind == PGR_COMMAND_SET) {
    parse_set(p, m);
    return;
  }
  if (kind == PGR_COMMAND_IF || kind == PGR_COMMAND_ELIF) {
    pgr_command *c = add(p, m, kind);
    if (c) expression(p, m, c);
    return;
  }
  bool args_fit = read_args(p, m);
  if (kind == PGR_COMMAND_SLEEP) {
    if (args_fit) parse_sleep(p, m);
  } else if (kind == PGR_COMMAND_SHELL || kind == PGR_COMMAND_SETSHELL) {
    if (args_fit) parse_shell(p, m, kind);
  } else {
    (void)at_most(p, m, 0);
    if (kind == PGR_COMMAND_STARTPIPELINE) p->uses_pipeline = true;
    (void)add(p, m, kind);
  }
}

static void parse_named(pgr__parser *p, meta *m) {
#define META_ROW(name, kind) {name, kind},
  static const struct {
    const char *name;
    pgr_command_kind kind;
  } rows[] = {META_NAMES(META_ROW)};
#undef META_ROW
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    if (!is(p, m->name, rows[i].name)) continue;
    m->known = rows[i].name;
    parse_known(p, m, rows[i].kind);
    return;
  }
  bool gset = is(p, m->name, "gset");
  if (!gset && !is(p, m->name, "aset")) {
    unknown(p, m);
    return;
  }
  m->known = gset ? "gset" : "aset";
  if (read_args(p, m)) parse_keep(p, m, gset ? PGR_KEEP_GSET : PGR_KEEP_ASET);
}

void pgr__meta_parse(pgr__parser *p, size_t backslash) {
  meta m = {.backslash = backslash, .line_end = pgr__lex_line_end(&p->source, p->at)};
  if (pgr__lex_word(&p->source, &p->at, m.line_end, &m.name)) parse_named(p, &m);
  p->at = m.line_end < p->source.len_bytes ? m.line_end + 1 : m.line_end;
}
