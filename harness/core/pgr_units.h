/* Numbers and durations as people write and read them. Parsing is strict: the whole string or an error. */
#ifndef PGR_UNITS_H
#define PGR_UNITS_H

#include "pgr_err.h"
#include <stddef.h>
#include <stdint.h>

/* Decimal digits, with thousands separators as people type them ("10,000" and "10_000" pass).
 * what: names the value in the message ("--agents"). Errors: PGR_EUSAGE, *out unchanged. */
pgr_code pgr_parse_int(const char *text, const char *what, int64_t min, int64_t max, int64_t *out,
                       pgr_err *err) PGR_MUST_CHECK;

/* A number with a unit: ns us ms s m h, fractions allowed ("1.5ms"); a bare "0" needs no unit.
 * Result in nanoseconds, at most 10,000 h. Errors: PGR_EUSAGE, *out_ns unchanged. */
pgr_code pgr_parse_duration(const char *text, const char *what, int64_t *out_ns, pgr_err *err) PGR_MUST_CHECK;

enum { PGR_TEXT_BYTES = 32 }; /* enough for any of the texts below */

/* 1234567 → "1,234,567". Returns out. */
char *pgr_format_count(char out[PGR_TEXT_BYTES], int64_t n);

/* Three significant digits and a unit: "812 ns", "94.1 µs", "1.20 ms", "3.41 s". Returns out. */
char *pgr_format_duration(char out[PGR_TEXT_BYTES], int64_t ns);

/* The name in `names` (NULL-ended) nearest to `text` by edit distance, for "did you mean"; NULL when none is near. */
const char *pgr_nearest(const char *text, const char *const *names);

/* Writes n in decimal, as %lld does and several times faster; returns out. */
enum { PGR_INT_BYTES = 21 };
char *pgr_write_int(char out[PGR_INT_BYTES], int64_t n);

#endif
