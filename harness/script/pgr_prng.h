/* PostgreSQL's pg_prng (xoroshiro128**, splitmix64 seeding), bit for bit, for the script language's random functions
 * and permute(): a script draws what it draws in pgbench from the same state.
 * Source: Blackman & Vigna 2018; src/common/pg_prng.c of PostgreSQL 15. */
#ifndef PGR_PRNG_H
#define PGR_PRNG_H

#include <stdint.h>

typedef struct pgr_prng {
  uint64_t s0, s1;
} pgr_prng;

void pgr_prng_seed(pgr_prng *p, uint64_t seed);
uint64_t pgr_prng_next(pgr_prng *p);
/* Uniform in low … high, low <= high; without bias. */
uint64_t pgr_prng_range(pgr_prng *p, uint64_t low, uint64_t high);
double pgr_prng_double(pgr_prng *p); /* 0 <= x < 1 */

#endif
