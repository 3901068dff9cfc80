/* Clopper-Pearson through the regularized incomplete beta function.
 * Source: the continued fraction 26.5.8 of Abramowitz & Stegun, evaluated by Lentz's method. */
#include "pgr_interval.h"

#include <math.h>

static double continued_fraction(double a, double b, double x) {
  const double tiny = 1e-300;
  double c = 1, d = 1 - (a + b) * x / (a + 1);
  d = 1 / (fabs(d) < tiny ? tiny : d);
  double f = d;
  for (int m = 1; m < 100000; m++) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 + even * d;
    c = 1 + even / c;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    c = fabs(c) < tiny ? tiny : c;
    f *= d * c;
    double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 + odd * d;
    c = 1 + odd / c;
    d = 1 / (fabs(d) < tiny ? tiny : d);
    c = fabs(c) < tiny ? tiny : c;
    f *= d * c;
    if (fabs(d * c - 1) < 1e-14) break;
  }
  return f;
}

/* P(X <= x) for X ~ Beta(a, b). */
static double beta_cdf(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
  if (x < (a + 1) / (a + b + 2)) return front * continued_fraction(a, b, x) / a;
  return 1 - front * continued_fraction(b, a, 1 - x) / b;
}

static double beta_quantile(double a, double b, double p) {
  double low = 0, high = 1;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; i++) {
    double mid = (low + high) / 2;
    if (beta_cdf(a, b, mid) < p)
      low = mid;
    else
      high = mid;
  }
  return (low + high) / 2;
}

static double lower(uint64_t k, uint64_t n, double alpha) {
  return k == 0 ? 0 : beta_quantile((double)k, (double)(n - k) + 1, alpha);
}

static double upper(uint64_t k, uint64_t n, double alpha) {
  if (k == n) return 1;
  if (k == 0) return -expm1(log(alpha) / (double)n);
  return beta_quantile((double)k + 1, (double)(n - k), 1 - alpha);
}

pgr_interval pgr_interval_95(uint64_t k, uint64_t n) {
  if (n == 0) return (pgr_interval){0, 1};
  return (pgr_interval){lower(k, n, 0.025), upper(k, n, 0.025)};
}

double pgr_upper_bound_95(uint64_t k, uint64_t n) {
  return n == 0 ? 1 : upper(k, n, 0.05);
}
