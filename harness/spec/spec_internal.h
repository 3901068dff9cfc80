/* The words of a spec, between its lexer and its parser. */
#ifndef PGR_SPEC_INTERNAL_H
#define PGR_SPEC_INTERNAL_H

#include "pgr_spec.h"

typedef enum pgr__token_kind {
  PGR__TOKEN_END, /* of the file; also after a fault */
  PGR__TOKEN_NAME,
  PGR__TOKEN_INTEGER,
  PGR__TOKEN_SQL,
  PGR__TOKEN_OPEN,
  PGR__TOKEN_CLOSE,
  PGR__TOKEN_COMMA,
  PGR__TOKEN_STAR,
  PGR__TOKEN_NOTICES,
  PGR__TOKEN_PERMUTATION,
  PGR__TOKEN_SESSION,
  PGR__TOKEN_SETUP,
  PGR__TOKEN_STEP,
  PGR__TOKEN_TEARDOWN
} pgr__token_kind;

typedef struct pgr__token {
  pgr__token_kind kind;
  const char *text; /* NAME: unquoted; SQL: trimmed; else NULL. In the arena */
  int number;       /* INTEGER */
  pgr_place_in at;
} pgr__token;

typedef struct pgr__lexer {
  const pgr_source *source;
  pgr_arena *arena;
  pgr_faults *faults;
  size_t offset, line_offset;
  int line;
  bool after_sql; /* the last word was a block of SQL */
  bool failed;    /* a fault was added, or there is no memory: only END follows */
} pgr__lexer;

pgr__token pgr__spec_next(pgr__lexer *l);

/* Whether a name need not be quoted. */
bool pgr__spec_is_plain(const char *name);

#endif
