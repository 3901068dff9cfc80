/* Arrivals, in two steps: the number that is expected until the next one, which grows by 1 (evenly spaced) or by a draw
 * from the exponential distribution (Poisson); and when that many are expected, which is where the ramp comes in. Times
 * follow from the number alone, never from each other, so that rounding to nanoseconds does not add up to another
 * rate. */
#include "pgr_arrivals.h"

#include "workload_internal.h"
#include <math.h>

static const double rate_max = 1e9;
static const int64_t never_ns = INT64_MAX / 2;

static pgr_code parse_rate(const char *text, const char *whole, double *out, pgr_err *err) {
  double rate;
  if (!pgr__parse_decimal(text, &rate))
    return pgr_fail(err, PGR_EUSAGE,
                    "rate: '%.64s' is not a number of arrivals a second, write it like 1000, or 100..2000 to ramp",
                    whole);
  if (!(rate > 0 && rate <= rate_max))
    return pgr_fail(err, PGR_EUSAGE, "rate: %.64s is out of range, give more than 0, at most 1,000,000,000", text);
  *out = rate;
  return PGR_OK;
}

pgr_code pgr_rate_parse(const char *text, pgr_rate *out, pgr_err *err) {
  char from[PGR__TEXT_MAX];
  const char *dots = strstr(text, ".."), *to = dots ? dots + 2 : text;
  size_t len = dots ? (size_t)(dots - text) : 0;
  pgr_rate rate = {0};
  pgr_code code = parse_rate(to, text, &rate.to, err);
  if (code) return code;
  rate.from = rate.to;
  if (dots) {
    snprintf(from, sizeof from, "%.*s", len < sizeof from ? (int)len : 0, text);
    code = parse_rate(from, text, &rate.from, err);
  }
  if (!code) *out = rate;
  return code;
}

void pgr_arrivals_init(pgr_arrivals *a, const pgr_rate *rate, int64_t ramp_ns, double share, bool poisson,
                       uint64_t seed, uint64_t stream) {
  *a = (pgr_arrivals){.rate = {.from = rate->from * share, .to = rate->to * share},
                      .ramp_s = (double)ramp_ns / 1e9,
                      .poisson = poisson};
  pgr_random_init(&a->random, seed, stream);
  /* Thread t of n begins when t + 1/2 arrivals of all n are expected: so the number of arrivals until any time is the
   * nearest to what is expected until then. */
  if (!poisson) a->sum = fmod(((double)stream + 0.5) * share, 1) - 1;
}

/* Of the ramp as a whole. */
static double ramp_expected(const pgr_arrivals *a) {
  return (a->rate.from + a->rate.to) / 2 * a->ramp_s;
}

/* Arrivals a second, a second. Only where there is a ramp. */
static double slope(const pgr_arrivals *a) {
  return (a->rate.to - a->rate.from) / a->ramp_s;
}

/* When so many are expected: the inverse of pgr_arrivals_expected. */
static double expected_after_s(const pgr_arrivals *a, double sum) {
  double ramp = ramp_expected(a), from = a->rate.from;
  if (sum >= ramp) return a->ramp_s + (sum - ramp) / a->rate.to;
  /* from t + slope t² / 2 = sum, solved without a difference of what is nearly equal. */
  double rate_then = sqrt(fmax(from * from + 2 * slope(a) * sum, 0));
  return 2 * sum / (from + rate_then);
}

int64_t pgr_arrivals_next(pgr_arrivals *a) {
  a->sum += a->poisson ? -log1p(-pgr__random_unit(&a->random)) : 1;
  double ns = expected_after_s(a, a->sum) * 1e9;
  int64_t next_ns = ns < (double)never_ns ? llround(ns) : never_ns;
  if (next_ns > a->last_ns) a->last_ns = next_ns; /* else a rounding before it: they are very close */
  return a->last_ns;
}

double pgr_arrivals_expected(const pgr_arrivals *a, int64_t ns) {
  double s = (double)ns / 1e9;
  if (ns <= 0) return 0;
  if (s < a->ramp_s) return a->rate.from * s + slope(a) * s * s / 2;
  return ramp_expected(a) + a->rate.to * (s - a->ramp_s);
}
