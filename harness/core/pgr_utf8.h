/* Text from elsewhere (a server's message, a value) made fit to be printed and put into JSON. */
#ifndef PGR_UTF8_H
#define PGR_UTF8_H

#include <stddef.h>

/* Copies as many whole characters of `text` as fit into `bytes` (>= 1), NUL included. Bytes that are not UTF-8 become
 * '?', control characters become spaces. Source: RFC 3629, section 4. */
void pgr_utf8_copy(char *out, size_t bytes, const char *text);

/* Bytes of the first `characters` characters of the text, of all when it has fewer. A byte that continues a character
 * counts with what is before it, wherever it is. */
size_t pgr_utf8_offset(const char *text, size_t characters);

#endif
