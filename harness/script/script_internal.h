/* What the parts of the script parser share: the splitting of the text, the commands under construction. */
#ifndef PGR_SCRIPT_INTERNAL_H
#define PGR_SCRIPT_INTERNAL_H

#include "pgr_buf.h"
#include "pgr_script.h"

/* ---- lex.c: where commands and words begin and end ---- */

typedef enum pgr__ending {
  PGR__ENDED_SEMICOLON,
  PGR__ENDED_BACKSLASH, /* a meta command follows */
  PGR__ENDED_TEXT
} pgr__ending;

/* The next SQL command. Init with {0}. */
typedef struct pgr__statement {
  pgr_buf text;    /* what is sent: as written, without what comes before it and without the backslash of \; and \: */
  pgr_buf *inside; /* for each byte of text what it stands in, as in pgr_use; NULL: not wanted */
  size_t offset;   /* of its first byte in the source */
  int statement_count;
  pgr__ending ending;
  /* What was opened and not closed: "quote", with its place; NULL when all is. */
  const char *open;
  size_t open_offset, open_bytes;
  size_t brace_offset; /* of the first :{?name}, when brace_bytes is not 0 */
  size_t brace_bytes;
} pgr__statement;

/* *at: where to start; then past the semicolon, past the backslash or at the end. */
void pgr__lex_statement(const pgr_source *source, size_t *at, pgr__statement *out);

typedef struct pgr__word {
  size_t offset, len_bytes;
} pgr__word;

/* The end of a meta command's line: of its newline or of the text. A backslash before a newline continues the line. */
size_t pgr__lex_line_end(const pgr_source *source, size_t at);

/* The next run of characters that are not blank, before `end`. false: there is none. */
bool pgr__lex_word(const pgr_source *source, size_t *at, size_t end, pgr__word *out);

/* How many bytes of a variable's name stand at `text`; 0: none. */
size_t pgr__lex_name(const char *text);

/* ---- script.c: the state of one parse ---- */

typedef struct pgr__parser {
  pgr_source source; /* the arena's copy */
  pgr_names *names;
  pgr_arena *arena;
  pgr_faults *faults;
  size_t at;
  pgr_command *commands; /* owned until they are all there */
  int count, cap;
  bool full; /* a fault said that there are too many commands */
  int sql_count;
  bool uses_shell, uses_pipeline;
  bool no_memory;
  size_t placed_offset; /* `placed` is its place: texts are read forward, so few bytes are looked at twice */
  pgr_place_in placed;
} pgr__parser;

pgr_place_in pgr__place(pgr__parser *p, size_t offset, size_t width);

/* A new command at the end of the list. NULL: p->full or p->no_memory. Valid until the next one. */
pgr_command *pgr__command_add(pgr__parser *p, pgr_command_kind kind, size_t offset, size_t width);

/* The slot of a name that is valid; at: for a fault. -1: a fault was added, or p->no_memory. */
int pgr__slot(pgr__parser *p, pgr_place_in at, const char *name, size_t len_bytes);

/* Presets that a script may read and not set. */
static inline bool pgr__is_owned(const pgr_names *names, int slot) {
  return !names->free && slot >= 0 && slot <= PGR_SLOT_LAST_KEY;
}

/* A copy in the arena, NUL-terminated; NULL: p->no_memory. */
char *pgr__copy(pgr__parser *p, const char *bytes, size_t len_bytes);

/* ---- meta.c ---- */

/* One meta command; `backslash`: its offset; p->at is just past it, then past the line. */
void pgr__meta_parse(pgr__parser *p, size_t backslash);

/* ---- flow.c ---- */

/* Compiles \if … \endif into jumps, and finds what cannot work inside or outside a pipeline. */
void pgr__flow_check(pgr__parser *p);

/* ---- template.c ---- */

/* The next variable from *at on: its colon's offset, and its name's length. false: none; *at is then len. */
bool pgr__next_variable(const char *text, size_t len, size_t *at, size_t *name_bytes);

/* at: for faults. numbered: NULL when not wanted. false: a fault was added or p->no_memory. */
bool pgr__template_build(pgr__parser *p, pgr_place_in at, const char *text, size_t len_bytes, int vars_max,
                         pgr_template *out, const char **numbered);

#endif
