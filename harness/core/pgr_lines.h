/* Texts in narrow columns of a terminal: what it can be given, how wide that comes out, where a line ends. Pure. */
#ifndef PGR_LINES_H
#define PGR_LINES_H

#include "pgr_mem.h"
#include <stdbool.h>

/* A copy fit for a terminal: one line of UTF-8, no control characters, none that are invisible or turn the writing's
 * direction ('?' instead), white space squeezed. NULL without memory. */
char *pgr_line_fit(pgr_arena *arena, const char *text) PGR_MUST_CHECK;

/* These are of a text fit for a terminal. Width is in its columns: 2 for a Chinese character, 0 for an accent. */
int pgr_line_width(const char *text, size_t len_bytes);

/* Bytes of `text` to put on a line of `width` columns: all of it, or up to a blank, of SQL before a word with which a
 * clause begins where that leaves the line a third full; inside a word where there is no blank. At least one character.
 */
size_t pgr_line_end(const char *text, int width, bool is_sql);

/* Whether text[at] is a blank at which nothing of SQL that belongs together is torn, as an operator and its operand. */
bool pgr_line_ends_well(const char *text, size_t at);

#endif
