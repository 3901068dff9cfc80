/* Repeatable randomness: xoshiro256** streams, all derived from the one seed a run prints.
 * Source: Blackman & Vigna, "Scrambled linear pseudorandom number generators", 2021. */
#ifndef PGR_RANDOM_H
#define PGR_RANDOM_H

#include "pgr_err.h"
#include <stddef.h>
#include <stdint.h>

typedef struct pgr_random {
  uint64_t s[4];
} pgr_random;

/* Streams of the same seed with different ids are independent; the same pair gives the same numbers. */
void pgr_random_init(pgr_random *r, uint64_t seed, uint64_t stream);
uint64_t pgr_random_next(pgr_random *r);

/* Uniform in 0 … bound-1, without modulo bias. bound > 0. */
uint64_t pgr_random_below(pgr_random *r, uint64_t bound);

/* Chooses k of items[0 … n-1] uniformly, in uniform order, into items[0 … k-1]. k <= n. */
void pgr_random_choose(pgr_random *r, uint32_t *items, size_t n, size_t k);

/* Bytes from the kernel: for seeds and names that must not repeat, never for a choice a seed should repeat. */
uint64_t pgr_random_entropy(void);

#endif
