#ifndef PGR_WITNESS_INTERNAL_H
#define PGR_WITNESS_INTERNAL_H

#include "pgr_mem.h"
#include <stdbool.h>

/* A copy fit for a terminal: one line of UTF-8, no control characters, none that are invisible or turn the writing's
 * direction ('?' instead), white space squeezed. NULL without memory. */
char *pgr__to_show(pgr_arena *arena, const char *text) PGR_MUST_CHECK;

/* The next two: of a text fit for a terminal. Width is in its columns: 2 for a Chinese character, 0 for an accent. */
int pgr__shown_width(const char *text, size_t len_bytes);

/* Bytes of `text` to put on a line of `width` columns: all of it, or up to a blank, before a word with which a clause
 * begins where that leaves the line a third full; inside a word where there is no blank. At least one character. */
size_t pgr__line_end(const char *text, int width);

/* Whether text[at] is a blank at which nothing that belongs together is torn, as an operator and its operand. */
bool pgr__ends_well(const char *text, size_t at);

#endif
