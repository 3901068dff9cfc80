/* Text with variables in it. Where a variable stands is decided by a plain scan, as in pgbench: also inside quotes and
 * comments, and never after a second colon. Invariant most easily broken: literals are var_count + 1, and with each
 * variable's ":name" between them they are the text. */
#include "script_internal.h"

#include <ctype.h>
#include <string.h>

enum { TEXT_VARS_MAX = 10000 }; /* of a text without commands, where no protocol sets a limit */

bool pgr__next_variable(const char *text, size_t len, size_t *at, size_t *name_bytes) {
  while (*at < len) {
    const char *colon = memchr(text + *at, ':', len - *at);
    if (!colon) break;
    *at = (size_t)(colon - text);
    *name_bytes = pgr__lex_name(colon + 1);
    if (*name_bytes > 0) return true;
    while (*at < len && text[*at] == ':')
      ++*at;
  }
  *at = len;
  return false;
}

static int count_variables(const char *text, size_t len) {
  int n = 0;
  for (size_t at = 0, name; pgr__next_variable(text, len, &at, &name); at += 1 + name)
    n++;
  return n;
}

bool pgr__template_build(pgr__parser *p, pgr_place_in at, const char *text, size_t len_bytes, int vars_max,
                         pgr_template *out, const char **numbered) {
  int count = count_variables(text, len_bytes);
  if (count > vars_max) {
    pgr_faults_add(p->faults, &p->source, at, NULL, "%d uses of variables, at most %d are possible here", count,
                   vars_max);
    return false;
  }
  const char **literals = pgr_arena_alloc(p->arena, ((size_t)count + 1) * sizeof *literals);
  uint16_t *slots = pgr_arena_alloc(p->arena, ((size_t)count + 1) * sizeof *slots);
  pgr_buf with_numbers;
  pgr_buf_init(&with_numbers, 0);
  bool ok = literals && slots;
  size_t from = 0, to = 0, name;
  for (int i = 0; ok && pgr__next_variable(text, len_bytes, &to, &name); i++) {
    pgr_buf_add(&with_numbers, text + from, to - from);
    pgr_buf_addf(&with_numbers, "$%d", i + 1);
    literals[i] = pgr__copy(p, text + from, to - from);
    int slot = literals[i] ? pgr__slot(p, at, text + to + 1, name) : -1;
    if (slot >= 0) slots[i] = (uint16_t)slot;
    ok = slot >= 0;
    from = to += 1 + name;
  }
  if (ok) {
    pgr_buf_add(&with_numbers, text + from, len_bytes - from);
    literals[count] = pgr__copy(p, text + from, len_bytes - from);
    *out = (pgr_template){.literals = literals, .slots = slots, .var_count = count};
    if (numbered) *numbered = with_numbers.failed ? NULL : pgr__copy(p, pgr_buf_text(&with_numbers), with_numbers.len);
    ok = literals[count] && (!numbered || *numbered);
  }
  if (!literals || !slots || with_numbers.failed) p->no_memory = true;
  pgr_buf_deinit(&with_numbers);
  return ok;
}

bool pgr_template_parse(const pgr_source *source, pgr_names *names, pgr_arena *arena, pgr_faults *faults,
                        pgr_template *out) {
  pgr__parser p = {.source = *source, .names = names, .arena = arena, .faults = faults};
  pgr_place_in start = {.line = 1, .column = 1, .width = 1};
  bool ok = pgr__template_build(&p, start, source->text, source->len_bytes, TEXT_VARS_MAX, out, NULL);
  if (p.no_memory) pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "out of memory");
  return ok;
}

void pgr_template_fill(const pgr_template *t, const pgr_names *names, const pgr_vars *vars, pgr_buf *out) {
  for (int i = 0; i < t->var_count; i++) {
    char scratch[PGR_VALUE_BYTES];
    const char *value = pgr_vars_text(vars, t->slots[i], scratch);
    pgr_buf_adds(out, t->literals[i]);
    if (!value) pgr_buf_adds(out, ":");
    pgr_buf_adds(out, value ? value : names->at[t->slots[i]]);
  }
  pgr_buf_adds(out, t->literals[t->var_count]);
}

/* Goes through what was sent and what was written side by side. */
typedef struct walk {
  const char *source;
  size_t at;   /* in source */
  size_t left; /* characters of what was sent, up to the position in question */
} walk;

static size_t characters(const char *text) {
  size_t n = 0;
  for (; *text; text++)
    n += ((unsigned char)*text & 0xC0) != 0x80;
  return n;
}

/* \; and \: are the only places where a backslash was left out. */
static void skip_backslash(walk *w, char sent) {
  if (w->source[w->at] == '\\' && sent != '\\') w->at++;
}

static bool in_literal(walk *w, const char *text) {
  for (; *text; text++, w->at++) {
    skip_backslash(w, *text);
    if (((unsigned char)*text & 0xC0) == 0x80) continue;
    if (w->left == 0) return true;
    w->left--;
  }
  return false;
}

static bool in_variable(walk *w, size_t width) {
  skip_backslash(w, ':');
  if (w->left < width) return true;
  w->left -= width;
  w->at += 1 + pgr__lex_name(w->source + w->at + 1);
  return false;
}

size_t pgr_sql_source_offset(const pgr_command *c, const pgr_script *s, size_t position) {
  walk w = {.source = s->source.text + c->offset, .left = position};
  const pgr_template *t = &c->sql.text;
  size_t digits = 1;
  for (int i = 0; i < t->var_count; i++) {
    if (i + 1 == 10 || i + 1 == 100) digits++;
    if (in_literal(&w, t->literals[i]) || in_variable(&w, 1 + digits)) return c->offset + w.at;
  }
  (void)in_literal(&w, t->literals[t->var_count]);
  return c->offset + w.at;
}

size_t pgr_sql_filled_offset(const pgr_command *c, const pgr_script *s, const pgr_names *names, const pgr_vars *vars,
                             size_t position) {
  walk w = {.source = s->source.text + c->offset, .left = position};
  const pgr_template *t = &c->sql.text;
  for (int i = 0; i < t->var_count; i++) {
    char scratch[PGR_VALUE_BYTES];
    const char *value = pgr_vars_text(vars, t->slots[i], scratch);
    size_t width = value ? characters(value) : 1 + characters(names->at[t->slots[i]]);
    if (in_literal(&w, t->literals[i]) || in_variable(&w, width)) return c->offset + w.at;
  }
  (void)in_literal(&w, t->literals[t->var_count]);
  return c->offset + w.at;
}

void pgr_statement_squeeze(char *text) {
  char *out = text;
  for (const char *in = text; *in; in++) {
    bool blank = isspace((unsigned char)*in);
    if (blank && (out == text || out[-1] == ' ')) continue;
    *out++ = blank ? ' ' : *in;
  }
  while (out > text && (out[-1] == ' ' || out[-1] == ';'))
    out--;
  *out = '\0';
}
