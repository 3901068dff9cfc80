#include "pgr_trace.h"

#include "pgr_mem.h"
#include <string.h>

pgr_code pgr_trace_add(pgr_trace *t, const pgr_trace_step *steps, size_t count) {
  if (count > PGR_TRACE_STEPS_MAX - t->count) return PGR_OK;
  if (count > t->cap - t->count) {
    size_t cap = t->cap ? t->cap * 2 : 256;
    while (cap < t->count + count)
      cap *= 2;
    pgr_trace_step *grown = pgr_realloc(t->steps, cap, sizeof *grown);
    if (!grown) return PGR_ENOMEM;
    t->steps = grown;
    t->cap = cap;
  }
  if (count) memcpy(t->steps + t->count, steps, count * sizeof *steps);
  t->count += count;
  return PGR_OK;
}

void pgr_trace_deinit(pgr_trace *t) {
  pgr_free(t->steps);
  *t = (pgr_trace){0};
}
