/* How a load went, second by second: counts and a coarse histogram an interval. One thread writes; merged after the
 * join. Fixed cost an interval (about 1 kB). */
#ifndef PGR_SERIES_H
#define PGR_SERIES_H

#include "pgr_err.h"
#include <stddef.h>
#include <stdint.h>

/* Eight steps in each power of two from 1 µs up: a quantile is off by at most 10 %. */
enum { PGR_SERIES_STEPS = 256 };

typedef struct pgr_interval_figures {
  uint64_t ended;  /* transactions */
  uint64_t errors; /* of them, with an operation that failed or whose outcome is not known */
  int64_t max_ns;  /* of their response times */
  uint32_t steps[PGR_SERIES_STEPS];
} pgr_interval_figures;

/* Init with {.width_ns = …}; deinit after use. */
typedef struct pgr_series {
  int64_t width_ns;
  pgr_interval_figures *at; /* owned */
  size_t count, cap;
} pgr_series;

/* at_ns: since the beginning, >= 0; when it ended. Errors: PGR_ENOMEM, unchanged. */
pgr_code pgr_series_add(pgr_series *s, int64_t at_ns, int64_t response_ns, int failed) PGR_MUST_CHECK;
pgr_code pgr_series_merge(pgr_series *s, const pgr_series *from) PGR_MUST_CHECK; /* of the same width */
void pgr_series_deinit(pgr_series *s);

/* Of one interval, q in 0 … 1; 0 when it is empty. Never more than its max_ns. */
int64_t pgr_series_quantile(const pgr_interval_figures *f, double q);

#endif
