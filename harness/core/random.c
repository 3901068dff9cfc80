/* xoshiro256**, seeded through splitmix64 as its authors advise. */
#include "pgr_random.h"

#include "pgr_clock.h"
#include <sys/random.h>
#include <unistd.h>

static uint64_t splitmix64(uint64_t *state) {
  uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
  z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
  return z ^ (z >> 31);
}

void pgr_random_init(pgr_random *r, uint64_t seed, uint64_t stream) {
  uint64_t state = seed;
  state = splitmix64(&state) ^ stream;
  for (int i = 0; i < 4; i++)
    r->s[i] = splitmix64(&state);
}

static uint64_t rotl(uint64_t x, int k) {
  return (x << k) | (x >> (64 - k));
}

uint64_t pgr_random_next(pgr_random *r) {
  uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
  s[2] ^= s[0];
  s[3] ^= s[1];
  s[1] ^= s[2];
  s[0] ^= s[3];
  s[2] ^= t;
  s[3] = rotl(s[3], 45);
  return result;
}

uint64_t pgr_random_below(pgr_random *r, uint64_t bound) {
  uint64_t threshold = -bound % bound, x;
  do
    x = pgr_random_next(r);
  while (x < threshold);
  return x % bound;
}

void pgr_random_choose(pgr_random *r, uint32_t *items, size_t n, size_t k) {
  for (size_t i = 0; i < k; i++) {
    size_t j = i + pgr_random_below(r, n - i);
    uint32_t t = items[i];
    items[i] = items[j];
    items[j] = t;
  }
}

uint64_t pgr_random_entropy(void) {
  uint64_t x;
  if (getrandom(&x, sizeof x, 0) != (ssize_t)sizeof x) x = (uint64_t)pgr_now_ns() ^ (uint64_t)getpid() << 40;
  return x;
}
