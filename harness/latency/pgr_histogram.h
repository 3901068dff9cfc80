/* Log-linear histogram of int64 values (nanoseconds here): exact count, min, max and sum, quantiles within 0.1 % of
 * the true value. Mergeable: recording apart and merging equals recording together.
 * Source: the HdrHistogram layout (G. Tene), here with 1,024 linear steps in each power of two. */
#ifndef PGR_HISTOGRAM_H
#define PGR_HISTOGRAM_H

#include "pgr_err.h"
#include <stdint.h>

typedef struct pgr_histogram pgr_histogram;

/* An empty one, small until it records: counts are allocated a power of two at a time. NULL: no memory.
 * One thread records; merge after the join. */
pgr_histogram *pgr_histogram_create(void) PGR_MUST_CHECK;
void pgr_histogram_destroy(pgr_histogram *h);

/* value < 0 counts as 0. Errors: PGR_ENOMEM, h unchanged. */
pgr_code pgr_histogram_record(pgr_histogram *h, int64_t value) PGR_MUST_CHECK;

/* The same n times. */
pgr_code pgr_histogram_record_many(pgr_histogram *h, int64_t value, uint64_t n) PGR_MUST_CHECK;

/* Adds all of `from`, which stays as it is. Errors: PGR_ENOMEM; h then holds a part of it and is only good to destroy.
 */
pgr_code pgr_histogram_merge(pgr_histogram *h, const pgr_histogram *from) PGR_MUST_CHECK;

uint64_t pgr_histogram_count(const pgr_histogram *h);
int64_t pgr_histogram_min(const pgr_histogram *h); /* 0 when empty */
int64_t pgr_histogram_max(const pgr_histogram *h); /* exact; 0 when empty */
double pgr_histogram_mean(const pgr_histogram *h); /* exact sum / count; 0 when empty */

/* The smallest recorded value (within 0.1 %) that at least q of all values do not exceed; q in 0 … 1. q = 0 gives
 * the minimum, q = 1 the maximum, both exact; 0 when empty. */
int64_t pgr_histogram_quantile(const pgr_histogram *h, double q);

/* How many values do not exceed `value`; those within 0.1 % of it, as it tells them apart, are counted too. */
uint64_t pgr_histogram_count_to(const pgr_histogram *h, int64_t value);

/* Standard deviation (of these values, not of what they are a sample of), each taken as the middle of its step:
 * recording need not add up squares, and nothing cancels out. 0 when empty. */
double pgr_histogram_deviation(const pgr_histogram *h);

/* The layout in HdrHistogram's terms, for its file formats. */
enum { PGR_HISTOGRAM_BUCKETS = 53, PGR_HISTOGRAM_SUB_BUCKETS = 2048 };

#endif
