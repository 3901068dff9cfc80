/* PostgreSQL's random numbers. The state must never be all zeroes: that is a fixed point, so pgr_prng_seed replaces it
 * as PostgreSQL does. Sequences are compared with a real pgbench in tests/live/test_expr_pgbench.c. */
#include "pgr_prng.h"

#include <assert.h>

static uint64_t rotate_left(uint64_t x, int bits) {
  return x << bits | x >> (64 - bits);
}

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = *state += UINT64_C(0x9E3779B97F4A7C15);
  z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
  return z ^ z >> 31;
}

void pgr_prng_seed(pgr_prng *p, uint64_t seed) {
  p->s0 = splitmix64(&seed);
  p->s1 = splitmix64(&seed);
  if (p->s0 == 0 && p->s1 == 0) *p = (pgr_prng){.s0 = UINT64_C(0x5851F42D4C957F2D), .s1 = UINT64_C(0x14057B7EF767814F)};
}

uint64_t pgr_prng_next(pgr_prng *p) {
  uint64_t a = p->s0, b = p->s1 ^ a;
  p->s0 = rotate_left(a, 24) ^ b ^ b << 16;
  p->s1 = rotate_left(b, 37);
  return rotate_left(a * 5, 7) * 9;
}

uint64_t pgr_prng_range(pgr_prng *p, uint64_t low, uint64_t high) {
  assert(low <= high);
  uint64_t range = high - low, x;
  if (range == 0) return low; /* without a draw, as there */
  int shift = __builtin_clzll(range);
  do
    x = pgr_prng_next(p) >> shift;
  while (x > range);
  return low + x;
}

double pgr_prng_double(pgr_prng *p) {
  return (double)(pgr_prng_next(p) >> 12) * 0x1p-52;
}
