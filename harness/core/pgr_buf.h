/* A growing text buffer with a maximum. A failed append is remembered, so that a writer of many pieces checks once,
 * at the end. Not thread-safe. */
#ifndef PGR_BUF_H
#define PGR_BUF_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pgr_buf {
  char *data; /* always NUL-terminated once anything was appended; owned */
  size_t len, cap, max;
  bool failed; /* out of memory or past max: data holds what came before */
} pgr_buf;

/* max_bytes: 0 means 64 MiB. */
void pgr_buf_init(pgr_buf *b, size_t max_bytes);
void pgr_buf_deinit(pgr_buf *b);
void pgr_buf_clear(pgr_buf *b);
void pgr_buf_add(pgr_buf *b, const char *bytes, size_t len);
void pgr_buf_adds(pgr_buf *b, const char *s);
void pgr_buf_addf(pgr_buf *b, const char *fmt, ...) PGR_PRINTF(2, 3);

/* The text so far, "" when empty. Borrowed until the next append. */
const char *pgr_buf_text(const pgr_buf *b);

/* The text; the caller owns it and frees it with pgr_free. NULL when an append failed. Leaves b empty. */
char *pgr_buf_take(pgr_buf *b) PGR_MUST_CHECK;

#endif
