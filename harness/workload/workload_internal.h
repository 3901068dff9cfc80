/* What keys.c and arrivals.c share: a number as people write it, and a draw from the unit interval. */
#ifndef PGR_WORKLOAD_INTERNAL_H
#define PGR_WORKLOAD_INTERNAL_H

#include "pgr_random.h"
#include "pgr_units.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PGR__TEXT_MAX = 128 }; /* a spread or a rate with its NUL: nobody writes a longer one */

static inline const char *pgr__skip_digits(const char *s) {
  return s + strspn(s, "0123456789");
}

/* Digits as pgr_parse_int takes them, then a fraction and a power of ten, if any: "1,000", "0.5", "1e-5". Not below 0;
 * infinite when beyond a double. The whole text or false, *out unchanged. */
static inline bool pgr__parse_decimal(const char *text, double *out) {
  char whole[PGR__TEXT_MAX], plain[PGR__TEXT_MAX + PGR_TEXT_BYTES];
  int64_t n;
  size_t len = strspn(text, "0123456789,_");
  if (strlen(text) >= sizeof whole) return false;
  memcpy(whole, text, len);
  whole[len] = '\0';
  if (pgr_parse_int(whole, "", 0, INT64_MAX, &n, NULL) != PGR_OK) return false;
  const char *s = text + len, *digits;
  if (*s == '.') {
    digits = s + 1;
    s = pgr__skip_digits(digits);
    if (s == digits) return false;
  }
  if (*s == 'e' || *s == 'E') {
    digits = s + 1;
    if (*digits == '+' || *digits == '-') digits++;
    s = pgr__skip_digits(digits);
    if (s == digits) return false;
  }
  if (*s) return false;
  snprintf(plain, sizeof plain, "%lld%s", (long long)n, text + len);
  *out = strtod(plain, NULL);
  return true;
}

/* 0 <= x < 1, a multiple of 2^-53. */
static inline double pgr__random_unit(pgr_random *r) {
  return (double)(pgr_random_next(r) >> 11) * 0x1p-53;
}

#endif
