/* Allocation with a switch that lets a test fail the nth request. */
#include "pgr_mem.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static atomic_ulong fail_countdown;

void pgr_mem_fail_nth(unsigned long nth) {
  atomic_store(&fail_countdown, nth);
}

static bool must_fail(void) {
  unsigned long left = atomic_load_explicit(&fail_countdown, memory_order_relaxed);
  if (left == 0) return false;
  return atomic_fetch_sub(&fail_countdown, 1) == 1;
}

void *pgr_calloc(size_t count, size_t size) {
  size_t bytes;
  if (must_fail() || __builtin_mul_overflow(count, size, &bytes)) return NULL;
  return calloc(1, bytes ? bytes : 1);
}

void *pgr_calloc_aligned(size_t align, size_t count, size_t size) {
  size_t bytes;
  void *p;
  if (must_fail() || __builtin_mul_overflow(count, size, &bytes)) return NULL;
  if (posix_memalign(&p, align, bytes ? bytes : 1)) return NULL;
  return memset(p, 0, bytes);
}

void *pgr_realloc(void *p, size_t count, size_t size) {
  size_t bytes;
  if (must_fail() || __builtin_mul_overflow(count, size, &bytes)) return NULL;
  return realloc(p, bytes ? bytes : 1);
}

char *pgr_strdup(const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = pgr_calloc(n, 1);
  if (copy) memcpy(copy, s, n);
  return copy;
}

void pgr_free(void *p) {
  free(p);
}

enum { BLOCK_BYTES = 16384 };

typedef struct pgr_arena_block {
  struct pgr_arena_block *next;
  size_t used, size;
  _Alignas(max_align_t) char data[];
} pgr_arena_block;

void *pgr_arena_alloc(pgr_arena *a, size_t size) {
  const size_t align = _Alignof(max_align_t);
  if (size > SIZE_MAX / 2) return NULL;
  size = (size + align - 1) / align * align;
  if (!a->head || a->head->size - a->head->used < size) {
    size_t room = size > BLOCK_BYTES ? size : BLOCK_BYTES;
    pgr_arena_block *b = pgr_calloc(1, sizeof *b + room);
    if (!b) return NULL;
    b->size = room;
    b->next = a->head;
    a->head = b;
  }
  void *p = a->head->data + a->head->used;
  a->head->used += size;
  return p;
}

char *pgr_arena_strdup(pgr_arena *a, const char *s) {
  size_t n = strlen(s) + 1;
  char *copy = pgr_arena_alloc(a, n);
  if (copy) memcpy(copy, s, n);
  return copy;
}

char *pgr_arena_printf(pgr_arena *a, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *s = n < 0 ? NULL : pgr_arena_alloc(a, (size_t)n + 1);
  if (!s) return NULL;
  va_start(ap, fmt);
  vsnprintf(s, (size_t)n + 1, fmt, ap);
  va_end(ap);
  return s;
}

void pgr_arena_deinit(pgr_arena *a) {
  while (a->head) {
    pgr_arena_block *next = a->head->next;
    pgr_free(a->head);
    a->head = next;
  }
}
