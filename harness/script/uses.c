/* Where a script reads variables. Invariant most easily broken: what is found is what the parser found; hence SQL is
 * split by the same lexer once more, and its variables are taken from the same template. */
#include "script_internal.h"

#include <string.h>

typedef struct finder {
  const pgr_script *script;
  const pgr_names *names;
  void (*visit)(void *user, const pgr_use *use);
  void *user;
} finder;

static void visit_name(const finder *f, const pgr_command *c, size_t colon, size_t name_bytes) {
  int slot = pgr_names_find(f->names, f->script->source.text + colon + 1, name_bytes);
  if (slot >= 0) f->visit(f->user, &(pgr_use){.command = c, .slot = slot, .offset = colon});
}

static bool in_sql(const finder *f, const pgr_command *c) {
  const char *source = f->script->source.text;
  pgr_buf inside;
  pgr__statement s = {.inside = &inside};
  pgr_buf_init(&inside, 0);
  pgr_buf_init(&s.text, 0);
  /* A command that begins with \; or \: has its offset past the backslash. */
  bool escaped = c->offset > 0 && source[c->offset - 1] == '\\';
  size_t end = c->offset - escaped;
  pgr__lex_statement(&f->script->source, &end, &s);
  bool ok = !s.text.failed && !inside.failed;
  size_t at = 0, name, passed = 0, offset = c->offset;
  for (int i = 0; ok && i < c->sql.text.var_count; i++) {
    if (!pgr__next_variable(s.text.data, s.text.len, &at, &name)) break;
    for (; passed < at; passed++, offset++)
      if (source[offset] == '\\' && s.text.data[passed] != '\\') offset++;
    if (source[offset] == '\\') offset++;
    f->visit(f->user,
             &(pgr_use){.command = c, .slot = c->sql.text.slots[i], .offset = offset, .inside = inside.data[at]});
    at += 1 + name;
  }
  pgr_buf_deinit(&s.text);
  pgr_buf_deinit(&inside);
  return ok;
}

static bool is_name(char c) {
  return pgr__lex_name((const char[]){'a', c, '\0'}) == 2;
}

/* An expression has neither strings nor comments: each colon in it begins a variable. So has \sleep. */
static void in_expression(const finder *f, const pgr_command *c) {
  const char *text = f->script->source.text;
  size_t end = pgr__lex_line_end(&f->script->source, c->offset);
  for (size_t i = c->offset, len; i < end; i += 1 + len) {
    len = 0;
    if (text[i] != ':') continue;
    while (i + 1 + len < end && is_name(text[i + 1 + len]))
      len++;
    visit_name(f, c, i, len);
  }
}

/* A word is a variable as a whole, or not at all. */
static void in_shell(const finder *f, const pgr_command *c) {
  const char *text = f->script->source.text;
  size_t at = c->offset, end = pgr__lex_line_end(&f->script->source, at);
  pgr__word w;
  while (pgr__lex_word(&f->script->source, &at, end, &w))
    if (text[w.offset] == ':' && w.len_bytes > 1 && text[w.offset + 1] != ':')
      visit_name(f, c, w.offset, w.len_bytes - 1);
}

bool pgr_script_each_use(const pgr_script *s, const pgr_names *names, void (*visit)(void *user, const pgr_use *use),
                         void *user) {
  const finder f = {.script = s, .names = names, .visit = visit, .user = user};
  bool ok = true;
  for (int i = 0; ok && i < s->count; i++) {
    const pgr_command *c = &s->commands[i];
    switch (c->kind) {
    case PGR_COMMAND_SQL: ok = in_sql(&f, c); break;
    case PGR_COMMAND_SET:
    case PGR_COMMAND_IF:
    case PGR_COMMAND_ELIF:
    case PGR_COMMAND_SLEEP: in_expression(&f, c); break;
    case PGR_COMMAND_SHELL:
    case PGR_COMMAND_SETSHELL: in_shell(&f, c); break;
    case PGR_COMMAND_ELSE:
    case PGR_COMMAND_ENDIF:
    case PGR_COMMAND_STARTPIPELINE:
    case PGR_COMMAND_ENDPIPELINE:
    case PGR_COMMAND_REFUSE: break;
    }
  }
  return ok;
}
