/* What several repetitions say: medians and whether two sets of them differ. Pure; order of the values does not matter.
 * NAN is the caller's to leave out. */
#ifndef PGR_SAMPLE_H
#define PGR_SAMPLE_H

#include "pgr_err.h"
#include "pgr_interval.h"
#include <stdbool.h>
#include <stddef.h>

/* 0 for none. Errors: none; n is small (at most PGR_SAMPLE_MAX). */
enum { PGR_SAMPLE_MAX = 1000 };
double pgr_sample_median(const double *values, size_t n);

/* Interval of the median by order statistics, at least 95 %: the narrowest symmetric pair of them that covers it. false
 * when n < 6: no pair does, *out is then the smallest and the largest.
 * Source: David & Nagaraja, Order Statistics, 7.1. */
bool pgr_sample_median_interval(const double *values, size_t n, pgr_interval *out);

/* Two-sided p of the Mann–Whitney U test that x and y come from one distribution: exact without ties while n + m <= 50,
 * else by the normal approximation with tie and continuity correction. 1 when either is empty or all values are equal.
 * Source: Mann & Whitney 1947; what benchstat does. */
double pgr_sample_mann_whitney(const double *x, size_t n, const double *y, size_t m);

#endif
