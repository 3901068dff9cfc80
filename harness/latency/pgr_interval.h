/* What k successes in n trials say about a probability. Pure.
 * Source: Clopper & Pearson, Biometrika 26 (1934); "exact": coverage is never below the stated level.
 * Ours because the maintained C libraries that have the beta quantile are under the GPL (docs/adr/0004). */
#ifndef PGR_INTERVAL_H
#define PGR_INTERVAL_H

#include <stdint.h>

typedef struct pgr_interval {
  double low, high;
} pgr_interval;

/* Two-sided 95 % interval. 0 <= k <= n, n >= 1; n = 0 gives {0, 1}. */
pgr_interval pgr_interval_95(uint64_t k, uint64_t n);

/* One-sided 95 % upper bound: with a true rate at or above it, seeing k or fewer of n had at most 5 % chance.
 * For k = 0 it is 1 - 0.05^(1/n), near 3/n. n = 0 gives 1. */
double pgr_upper_bound_95(uint64_t k, uint64_t n);

#endif
