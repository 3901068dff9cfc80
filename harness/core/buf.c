/* Growing text buffer. Invariant: data[len] == '\0' whenever data is not NULL. */
#include "pgr_buf.h"

#include "pgr_mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { DEFAULT_MAX_BYTES = 64 << 20 };

void pgr_buf_init(pgr_buf *b, size_t max_bytes) {
  *b = (pgr_buf){.max = max_bytes ? max_bytes : DEFAULT_MAX_BYTES};
}

void pgr_buf_deinit(pgr_buf *b) {
  pgr_free(b->data);
  *b = (pgr_buf){.max = b->max};
}

void pgr_buf_clear(pgr_buf *b) {
  b->len = 0;
  b->failed = false;
  if (b->data) b->data[0] = '\0';
}

static bool reserve(pgr_buf *b, size_t more) {
  if (b->failed) return false;
  if (more > b->max || b->len > b->max - more) {
    b->failed = true;
    return false;
  }
  if (more < b->cap - b->len) return true; /* strictly less: room for the NUL */
  size_t cap = b->cap ? b->cap * 2 : 256;
  while (cap <= b->len + more)
    cap *= 2;
  char *data = pgr_realloc(b->data, cap, 1);
  if (!data) {
    b->failed = true;
    return false;
  }
  b->data = data;
  b->cap = cap;
  return true;
}

void pgr_buf_add(pgr_buf *b, const char *bytes, size_t len) {
  if (!reserve(b, len)) return;
  memcpy(b->data + b->len, bytes, len);
  b->len += len;
  b->data[b->len] = '\0';
}

void pgr_buf_adds(pgr_buf *b, const char *s) {
  pgr_buf_add(b, s, strlen(s));
}

void pgr_buf_addf(pgr_buf *b, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  if (n < 0 || !reserve(b, (size_t)n)) {
    b->failed = true;
    return;
  }
  va_start(ap, fmt);
  vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
  va_end(ap);
  b->len += (size_t)n;
}

const char *pgr_buf_text(const pgr_buf *b) {
  return b->data ? b->data : "";
}

char *pgr_buf_take(pgr_buf *b) {
  char *text = NULL;
  if (!b->failed) text = b->data ? b->data : pgr_strdup("");
  if (b->failed) pgr_free(b->data);
  *b = (pgr_buf){.max = b->max};
  return text;
}
