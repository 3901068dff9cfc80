/* A distribution as a line. A share stands for a rank among the samples; of shares that stand for the same one the
 * largest is kept. */
#include "pgr_curve.h"

#include <math.h>

/* The last place is the maximum's. 1 - share is a power of two or three times one, hence exact. */
void pgr_curve_of(const pgr_histogram *h, pgr_curve *out) {
  uint64_t count = h ? pgr_histogram_count(h) : 0, last_rank = 0;
  *out = (pgr_curve){0};
  if (count == 0) return;
  for (int i = 0;; i++) {
    double distance = (i % 2 ? 0.5 : 0.75) / (double)(UINT64_C(1) << (i / 2)), share = 1 - distance;
    if (distance * (double)count < 1) break;
    uint64_t rank = (uint64_t)ceil(share * (double)count);
    if (rank != last_rank && out->count == PGR_CURVE_POINTS_MAX - 1) break;
    out->count += rank != last_rank;
    last_rank = rank;
    out->points[out->count - 1].share = share;
    out->points[out->count - 1].ns = pgr_histogram_quantile(h, share);
  }
  out->points[out->count].share = 1;
  out->points[out->count].ns = pgr_histogram_max(h);
  out->count++;
}
