/* Order statistics of few values: everything works on a sorted copy on the stack, so nothing here can fail. */
#include "pgr_sample.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static void sort_into(double *sorted, const double *values, size_t n) {
  assert(n <= PGR_SAMPLE_MAX);
  memcpy(sorted, values, n * sizeof *sorted);
  qsort(sorted, n, sizeof *sorted, by_value);
}

double pgr_sample_median(const double *values, size_t n) {
  double sorted[PGR_SAMPLE_MAX];
  if (n == 0) return 0;
  sort_into(sorted, values, n);
  /* Halved before they are added: the sum of two large ones may be infinite. */
  return n % 2 ? sorted[n / 2] : sorted[n / 2 - 1] / 2 + sorted[n / 2] / 2;
}

/* The largest r, from 1, so that the r-th smallest and the r-th largest of n enclose the median with at least 95 %; 0
 * when none does. Each of the two tails outside has the chance of at most r - 1 heads in n tosses of a coin. */
static size_t enclosing_rank(size_t n) {
  double chance = ldexp(1, -(int)n), tail = 0;
  size_t r = 0;
  for (;;) {
    tail += chance;
    if (2 * tail > 0.05) return r;
    chance *= (double)(n - r) / (double)(r + 1);
    r++;
  }
}

bool pgr_sample_median_interval(const double *values, size_t n, pgr_interval *out) {
  double sorted[PGR_SAMPLE_MAX];
  *out = (pgr_interval){0, 0};
  if (n == 0) return false;
  sort_into(sorted, values, n);
  size_t r = enclosing_rank(n), first = r ? r - 1 : 0;
  *out = (pgr_interval){sorted[first], sorted[n - 1 - first]};
  return r > 0;
}

/* ---- Mann–Whitney ---- */

/* With 25 and 25 values there are 126,410,606,437,752 ways to deal them, which a double still holds exactly. */
enum { EXACT_MAX = 50, EXACT_U_MAX = EXACT_MAX * EXACT_MAX / 4 };

/* What the ranks of both samples together say. */
typedef struct ranking {
  double u;        /* pairs in which x is the larger, equal ones half */
  double tie_term; /* sum of t³ - t over groups of t equal values; 0: all differ */
} ranking;

/* How many are equal to the least that is left. Asked as "not greater", so that whatever comes is passed. */
static size_t run_length(const double *sorted, size_t n, size_t from, double value) {
  size_t end = from;
  while (end < n && !(sorted[end] > value))
    end++;
  return end - from;
}

/* Walks two sorted samples as one; value by value, x's beat every y already passed. */
static ranking rank_both(const double *x, size_t n, const double *y, size_t m) {
  ranking r = {0};
  for (size_t i = 0, j = 0; i < n || j < m;) {
    double value = i == n || (j < m && y[j] < x[i]) ? y[j] : x[i];
    size_t of_x = run_length(x, n, i, value), of_y = run_length(y, m, j, value);
    double equal = (double)(of_x + of_y);
    r.u += (double)of_x * ((double)j + (double)of_y / 2);
    r.tie_term += equal * equal * equal - equal;
    i += of_x;
    j += of_y;
  }
  return r;
}

/* ways[u], u <= n * m: in how many of the (n + m over n) deals U comes to u. Grows n one by one; U of i and m values
 * has the generating function of i - 1 and m times (1 - q^(m + i)) / (1 - q^i): the Gaussian binomial coefficient.
 * Powers are taken upwards where a term divides and downwards where it multiplies, so that one array does. */
static void count_ways(size_t n, size_t m, int64_t *ways) {
  size_t top = n * m;
  memset(ways, 0, (top + 1) * sizeof *ways);
  ways[0] = 1;
  for (size_t i = 1; i <= n; i++) {
    for (size_t u = top; u >= m + i; u--)
      ways[u] -= ways[u - m - i];
    for (size_t u = i; u <= top; u++)
      ways[u] += ways[u - i];
  }
}

/* Without ties, u is a whole number. By symmetry the smaller tail is that of the smaller of u and n * m - u. */
static double exact_p(size_t n, size_t m, double u) {
  int64_t ways[EXACT_U_MAX + 1], all = 0, tail = 0;
  count_ways(n, m, ways);
  double extreme = fmin(u, (double)(n * m) - u);
  for (size_t i = 0; i <= n * m; i++) {
    all += ways[i];
    if ((double)i <= extreme) tail += ways[i];
  }
  return fmin(1, 2 * (double)tail / (double)all);
}

static double normal_p(size_t n, size_t m, const ranking *r) {
  double pairs = (double)n * (double)m, all = (double)(n + m);
  double variance = pairs / 12 * (all + 1 - r->tie_term / (all * (all - 1)));
  double distance = fabs(r->u - pairs / 2) - 0.5; /* U has steps; half of one is the correction for continuity */
  /* In the middle, where U always is when all values are equal: then there is no variance either. */
  if (distance <= 0) return 1;
  return erfc(distance / sqrt(2 * variance));
}

double pgr_sample_mann_whitney(const double *x, size_t n, const double *y, size_t m) {
  double sorted_x[PGR_SAMPLE_MAX], sorted_y[PGR_SAMPLE_MAX];
  if (n == 0 || m == 0) return 1;
  sort_into(sorted_x, x, n);
  sort_into(sorted_y, y, m);
  ranking r = rank_both(sorted_x, n, sorted_y, m);
  if (r.tie_term == 0 && n + m <= EXACT_MAX) return exact_p(n, m, r.u);
  return normal_p(n, m, &r);
}
