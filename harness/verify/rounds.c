#include "pgr_rounds.h"

#include "pgr_mem.h"
#include <stdlib.h>

pgr_code pgr_rounds_add(pgr_rounds *r, int64_t round) {
  if (r->count == r->cap) {
    size_t cap = r->cap ? r->cap * 2 : 64;
    int64_t *grown = pgr_realloc(r->at, cap, sizeof *grown);
    if (!grown) return PGR_ENOMEM;
    r->at = grown;
    r->cap = cap;
  }
  r->at[r->count++] = round;
  return PGR_OK;
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

void pgr_rounds_settle(pgr_rounds *r) {
  if (r->count == 0) return;
  qsort(r->at, r->count, sizeof *r->at, by_value);
  size_t distinct = 1;
  for (size_t i = 1; i < r->count; i++)
    if (r->at[i] != r->at[i - 1]) r->at[distinct++] = r->at[i];
  r->count = distinct;
}

bool pgr_rounds_has(const pgr_rounds *r, int64_t round) {
  return r->count > 0 && bsearch(&round, r->at, r->count, sizeof *r->at, by_value);
}

pgr_code pgr_rounds_unite(pgr_rounds *r, const pgr_rounds *with) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < with->count; i++)
    code = pgr_rounds_add(r, with->at[i]);
  pgr_rounds_settle(r);
  return code;
}

static void keep_those(pgr_rounds *r, const pgr_rounds *other, bool in_other) {
  size_t kept = 0;
  for (size_t i = 0; i < r->count; i++)
    if (pgr_rounds_has(other, r->at[i]) == in_other) r->at[kept++] = r->at[i];
  r->count = kept;
}

void pgr_rounds_subtract(pgr_rounds *r, const pgr_rounds *those) {
  keep_those(r, those, false);
}

void pgr_rounds_intersect(pgr_rounds *r, const pgr_rounds *with) {
  keep_those(r, with, true);
}

void pgr_rounds_deinit(pgr_rounds *r) {
  pgr_free(r->at);
  *r = (pgr_rounds){0};
}
