/* When somebody arrives, whether or not the server keeps up: the open loop. Pure. */
#ifndef PGR_ARRIVALS_H
#define PGR_ARRIVALS_H

#include "pgr_random.h"
#include <stdbool.h>

/* Arrivals a second: `from` at the beginning, changing linearly to `to` within ramp_ns, and `to` from then on. */
typedef struct pgr_rate {
  double from, to; /* > 0; equal: no ramp */
} pgr_rate;

/* "1000", "250.5", "100..2000"; at most 1,000,000,000: one a nanosecond. Errors: PGR_EUSAGE, unchanged. */
pgr_code pgr_rate_parse(const char *text, pgr_rate *out, pgr_err *err) PGR_MUST_CHECK;

typedef struct pgr_arrivals {
  pgr_rate rate;
  double ramp_s, sum; /* sum: expected arrivals until the last one */
  int64_t last_ns;
  bool poisson;
  pgr_random random;
} pgr_arrivals;

/* share: of the rate, 1 / threads. poisson: else evenly spaced, and threads whose streams are numbered in a row take
 * turns, so that together they are evenly spaced too. Poisson streams of one seed are independent. */
void pgr_arrivals_init(pgr_arrivals *a, const pgr_rate *rate, int64_t ramp_ns, double share, bool poisson,
                       uint64_t seed, uint64_t stream);

/* Nanoseconds from the beginning to the next arrival; never less than the one before. At most INT64_MAX / 2, which is
 * never, so that the time of the beginning can be added. */
int64_t pgr_arrivals_next(pgr_arrivals *a);

/* How many are expected in the first ns nanoseconds. */
double pgr_arrivals_expected(const pgr_arrivals *a, int64_t ns);

#endif
