/* The words of an SQL or PL/pgSQL text, as PostgreSQL would look them up: unquoted identifiers folded to lower case,
 * quoted ones as they are, both cut at 63 bytes. Inside strings, comments and quotes too: more words than the text
 * says, never fewer. Pure. */
#ifndef PGR_WORDS_H
#define PGR_WORDS_H

#include <stdbool.h>

enum { PGR_WORD_BYTES = 64 };

/* Init with {.at = text}; text: borrowed, NUL-terminated. */
typedef struct pgr_words {
  const char *at;            /* behind the word, or in front of what else it may be read as */
  bool whole;                /* the last word has a $ in it; its pieces come next */
  char word[PGR_WORD_BYTES]; /* the last one found */
  bool unclear;              /* a U&"…" was met, which can be any name */
} pgr_words;

/* false: none is left. */
bool pgr_words_next(pgr_words *w);

#endif
