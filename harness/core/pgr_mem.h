/* Allocation. Everything of ours goes through here, so that a test can fail the nth one. */
#ifndef PGR_MEM_H
#define PGR_MEM_H

#include "pgr_err.h"
#include <stddef.h>

/* Zeroed memory for `count` objects of `size` bytes; NULL when there is none or count * size overflows.
 * Ownership: the caller's, to be given to pgr_free. Any thread. */
void *pgr_calloc(size_t count, size_t size) PGR_MUST_CHECK;

/* The same at a multiple of `align` bytes (a power of two), for what must not share a cache line. */
void *pgr_calloc_aligned(size_t align, size_t count, size_t size) PGR_MUST_CHECK;

/* As realloc for an array; NULL (and `p` untouched) when there is none or count * size overflows. */
void *pgr_realloc(void *p, size_t count, size_t size) PGR_MUST_CHECK;
char *pgr_strdup(const char *s) PGR_MUST_CHECK;
void pgr_free(void *p);

/* Tests: make the nth allocation from now on (1 = the next) and no other fail; 0 turns it off. */
void pgr_mem_fail_nth(unsigned long nth);

/* An arena: many small objects with one lifetime. Init with {0}; not thread-safe. */
typedef struct pgr_arena {
  struct pgr_arena_block *head;
} pgr_arena;

/* Zeroed, aligned for any object; NULL when there is no memory. Valid until pgr_arena_deinit. */
void *pgr_arena_alloc(pgr_arena *a, size_t size) PGR_MUST_CHECK;
char *pgr_arena_strdup(pgr_arena *a, const char *s) PGR_MUST_CHECK;
char *pgr_arena_printf(pgr_arena *a, const char *fmt, ...) PGR_PRINTF(2, 3) PGR_MUST_CHECK;
void pgr_arena_deinit(pgr_arena *a);

#endif
