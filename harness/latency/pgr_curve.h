/* A distribution as a line, for a plot: what share of the samples took at most how long. Pure data. */
#ifndef PGR_CURVE_H
#define PGR_CURVE_H

#include "pgr_histogram.h"

#include <stddef.h>

enum { PGR_CURVE_POINTS_MAX = 64 };

/* Nanoseconds; share rises strictly from above 0 to 1, ns never falls. Empty: no samples. */
typedef struct pgr_curve {
  size_t count;
  struct {
    double share;
    int64_t ns;
  } points[PGR_CURVE_POINTS_MAX];
} pgr_curve;

/* Two points each time the distance to 1 has halved, as far as there are samples to tell them apart; the last is the
 * maximum at share 1. NULL: no samples. */
void pgr_curve_of(const pgr_histogram *h, pgr_curve *out);

#endif
