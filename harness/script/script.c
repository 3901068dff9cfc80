/* Parses a script: a list of commands. A fault ends one command, not the parse, so that one look shows them all.
 * Invariant most easily broken: p->commands moves while it grows, so a pointer into it lives until the next add. */
#include "script_internal.h"

#include <string.h>

static const char byte_order_mark[] = "\xEF\xBB\xBF";

/* After so many it is no script, and to place each one takes a look at the text. */
enum { FAULTS_MAX = 1000 };

pgr_place_in pgr__place(pgr__parser *p, size_t offset, size_t width) {
  if (offset < p->placed_offset || p->placed.line == 0) {
    p->placed_offset = 0;
    p->placed = (pgr_place_in){.line = 1, .column = 1};
  }
  for (; p->placed_offset < offset; p->placed_offset++) {
    p->placed.column++;
    if (p->source.text[p->placed_offset] != '\n') continue;
    p->placed.line++;
    p->placed.column = 1;
  }
  pgr_place_in at = p->placed;
  at.width = width > 0 ? (int)width : 1;
  return at;
}

char *pgr__copy(pgr__parser *p, const char *bytes, size_t len_bytes) {
  char *copy = pgr_arena_alloc(p->arena, len_bytes + 1);
  if (!copy) {
    p->no_memory = true;
    return NULL;
  }
  if (len_bytes > 0) memcpy(copy, bytes, len_bytes);
  return copy;
}

int pgr__slot(pgr__parser *p, pgr_place_in at, const char *name, size_t len_bytes) {
  if (len_bytes > PGR_NAME_BYTES_MAX) {
    pgr_faults_add(p->faults, &p->source, at, NULL, "the name of a variable is longer than %d bytes",
                   PGR_NAME_BYTES_MAX);
    return -1;
  }
  int slot = pgr_names_intern(p->names, name, len_bytes);
  if (slot >= 0) return slot;
  if (p->names->count >= PGR_NAMES_MAX)
    pgr_faults_add(p->faults, &p->source, at, NULL, "more than %d different variables in all scripts", PGR_NAMES_MAX);
  else
    p->no_memory = true;
  return -1;
}

pgr_command *pgr__command_add(pgr__parser *p, pgr_command_kind kind, size_t offset, size_t width) {
  if (p->count >= PGR_SCRIPT_COMMANDS_MAX) {
    if (!p->full)
      pgr_faults_add(p->faults, &p->source, pgr__place(p, offset, width), NULL, "more than %d commands",
                     PGR_SCRIPT_COMMANDS_MAX);
    p->full = true;
    return NULL;
  }
  if (p->count == p->cap) {
    int cap = p->cap ? p->cap * 2 : 16;
    pgr_command *more = pgr_realloc(p->commands, (size_t)cap, sizeof *more);
    if (!more) {
      p->no_memory = true;
      return NULL;
    }
    p->commands = more;
    p->cap = cap;
  }
  pgr_command *c = &p->commands[p->count++];
  *c = (pgr_command){.kind = kind, .at = pgr__place(p, offset, width), .offset = offset, .slot = -1};
  return c;
}

static size_t first_line_bytes(const pgr__statement *s) {
  size_t n = strcspn(pgr_buf_text(&s->text), "\r\n");
  return n > 0 ? n : 1;
}

static void tell_what_is_open(pgr__parser *p, const pgr__statement *s) {
  const char *before = s->ending == PGR__ENDED_BACKSLASH ? "the meta command" : "the end of the script";
  pgr_place_in at = pgr__place(p, s->open_offset, s->open_bytes);
  if (s->open[0] == '(')
    pgr_faults_add(p->faults, &p->source, at, NULL, "'(' is not closed before %s", before);
  else
    pgr_faults_add(p->faults, &p->source, at, NULL, "%s is not closed before %s", s->open, before);
}

static void sql_command(pgr__parser *p, const pgr__statement *s) {
  pgr_command *c = pgr__command_add(p, PGR_COMMAND_SQL, s->offset, first_line_bytes(s));
  if (!c) return;
  c->sql.index = p->sql_count++;
  c->sql.prefix = "";
  c->sql.statement_count = s->statement_count;
  if (s->open) tell_what_is_open(p, s);
  if (s->brace_bytes > 0)
    pgr_faults_add(p->faults, &p->source, pgr__place(p, s->brace_offset, s->brace_bytes), NULL,
                   ":{?name} is of psql: here it would be FALSE, whatever the variable");
  (void)pgr__template_build(p, c->at, s->text.data, s->text.len, PGR_SQL_VARS_MAX, &c->sql.text, &c->sql.numbered);
}

static void parse_all(pgr__parser *p, size_t faults_max) {
  while (p->at < p->source.len_bytes && !p->full && !p->no_memory && p->faults->count < faults_max) {
    pgr__statement s = {0};
    pgr_buf_init(&s.text, 0);
    pgr__lex_statement(&p->source, &p->at, &s);
    size_t backslash = p->at - 1;
    if (s.text.failed)
      p->no_memory = true;
    else if (s.text.len > 0)
      sql_command(p, &s);
    pgr_buf_deinit(&s.text);
    if (s.ending == PGR__ENDED_BACKSLASH && !p->full) pgr__meta_parse(p, backslash);
  }
}

static bool text_is_fit(pgr__parser *p) {
  const pgr_source *s = &p->source;
  if (s->len_bytes > PGR_SCRIPT_BYTES_MAX) {
    pgr_faults_add(p->faults, s, (pgr_place_in){0}, NULL, "the script is larger than %d bytes", PGR_SCRIPT_BYTES_MAX);
    return false;
  }
  if (s->len_bytes > 0 && memchr(s->text, '\0', s->len_bytes)) {
    pgr_faults_add(p->faults, s, (pgr_place_in){0}, NULL, "the script holds a NUL byte: it is no text");
    return false;
  }
  return true;
}

static const pgr_script *finished(pgr__parser *p) {
  pgr_script *script = pgr_arena_alloc(p->arena, sizeof *script);
  pgr_command *commands = pgr_arena_alloc(p->arena, (size_t)p->count * sizeof *commands);
  if (!script || !commands) {
    p->no_memory = true;
    return NULL;
  }
  memcpy(commands, p->commands, (size_t)p->count * sizeof *commands);
  *script = (pgr_script){.source = p->source,
                         .commands = commands,
                         .count = p->count,
                         .sql_count = p->sql_count,
                         .uses_shell = p->uses_shell,
                         .uses_pipeline = p->uses_pipeline};
  return script;
}

bool pgr_script_parse(const pgr_source *source, pgr_names *names, pgr_arena *arena, pgr_faults *faults,
                      const pgr_script **out) {
  pgr__parser p = {.source = *source, .names = names, .arena = arena, .faults = faults};
  size_t before = faults->count;
  const pgr_script *script = NULL;
  if (text_is_fit(&p)) {
    p.source.name = pgr__copy(&p, source->name, strlen(source->name));
    p.source.text = pgr__copy(&p, source->text, source->len_bytes);
  }
  if (faults->count == before && !p.no_memory) {
    if (strncmp(p.source.text, byte_order_mark, 3) == 0) p.at = 3;
    parse_all(&p, before + FAULTS_MAX);
    if (!p.no_memory && !p.full) pgr__flow_check(&p);
    if (p.count == 0 && faults->count == before && !p.no_memory)
      pgr_faults_add(faults, &p.source, (pgr_place_in){0}, NULL, "the script is empty");
    if (faults->count == before && !p.no_memory) script = finished(&p);
  }
  if (p.no_memory) pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "out of memory");
  pgr_free(p.commands);
  if (!script) return false;
  *out = script;
  return true;
}
