/* A set of rounds: appended to in any order, then settled. */
#ifndef PGR_ROUNDS_H
#define PGR_ROUNDS_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Init with {0}. */
typedef struct pgr_rounds {
  int64_t *at; /* owned; ascending and distinct once settled */
  size_t count, cap;
} pgr_rounds;

/* Errors: PGR_ENOMEM, unchanged. */
pgr_code pgr_rounds_add(pgr_rounds *r, int64_t round) PGR_MUST_CHECK;
void pgr_rounds_settle(pgr_rounds *r);

/* All of these take settled sets. */
bool pgr_rounds_has(const pgr_rounds *r, int64_t round);
pgr_code pgr_rounds_unite(pgr_rounds *r, const pgr_rounds *with) PGR_MUST_CHECK; /* settled again */
void pgr_rounds_subtract(pgr_rounds *r, const pgr_rounds *those);
void pgr_rounds_intersect(pgr_rounds *r, const pgr_rounds *with);

void pgr_rounds_deinit(pgr_rounds *r);

#endif
