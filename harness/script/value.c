/* Values as text and text as values. The rules are pgbench's, odd ones included: "o" is no boolean but "of" is false,
 * and an integer may have blanks before it but not after it. */
#include "pgr_value.h"

#include "pgr_units.h"

#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* PostgreSQL spells what is not finite in its own way. */
static char *double_text(double d, char out[PGR_VALUE_BYTES]) {
  if (isnan(d))
    snprintf(out, PGR_VALUE_BYTES, "NaN");
  else if (isinf(d))
    snprintf(out, PGR_VALUE_BYTES, "%sInfinity", d < 0 ? "-" : "");
  else
    snprintf(out, PGR_VALUE_BYTES, "%.*g", DBL_DIG, d);
  return out;
}

char *pgr_value_text(pgr_value v, char out[PGR_VALUE_BYTES]) {
  switch (v.type) {
  case PGR_TYPE_NULL: snprintf(out, PGR_VALUE_BYTES, "NULL"); break;
  case PGR_TYPE_BOOL: snprintf(out, PGR_VALUE_BYTES, "%s", v.as.b ? "true" : "false"); break;
  case PGR_TYPE_INT: pgr_write_int(out, v.as.i); break;
  case PGR_TYPE_DOUBLE: return double_text(v.as.d, out);
  }
  return out;
}

static bool is_prefix(const char *text, const char *word) {
  return strncasecmp(text, word, strlen(text)) == 0;
}

static bool read_bool(const char *text, bool *out) {
  *out = is_prefix(text, "true") || is_prefix(text, "yes") || strcasecmp(text, "on") == 0;
  return *out || is_prefix(text, "false") || is_prefix(text, "no") || strcasecmp(text, "off") == 0 ||
         strcasecmp(text, "of") == 0;
}

/* [blanks] [sign] then what should be digits; *digits: where they begin. */
static bool looks_like_int(const char *text, bool *negative, const char **digits) {
  text += strspn(text, " \t\n\v\f\r");
  *negative = *text == '-';
  if (*text == '+' || *text == '-') text++;
  *digits = text;
  return text[strspn(text, "0123456789")] == '\0';
}

/* Accumulates downwards, since the most negative integer has no positive counterpart. */
static bool read_digits(const char *digits, bool negative, int64_t *out) {
  int64_t n = 0;
  for (; *digits; digits++)
    if (__builtin_mul_overflow(n, 10, &n) || __builtin_sub_overflow(n, *digits - '0', &n)) return false;
  if (!negative && __builtin_sub_overflow(0, n, &n)) return false;
  *out = n;
  return true;
}

pgr_code pgr_value_read(const char *text, const char *name, pgr_value *out, pgr_err *err) {
  bool b, negative;
  const char *digits;
  if (!*text)
    return pgr_fail(err, PGR_EUSAGE,
                    "malformed variable \"%s\" value: \"\" (an SQL NULL becomes an empty text, which is no value in an "
                    "expression)",
                    name);
  if (strcasecmp(text, "null") == 0) {
    *out = (pgr_value){.type = PGR_TYPE_NULL};
  } else if (read_bool(text, &b)) {
    *out = (pgr_value){.type = PGR_TYPE_BOOL, .as.b = b};
  } else if (looks_like_int(text, &negative, &digits)) {
    int64_t i;
    if (!*digits)
      return pgr_fail(err, PGR_EUSAGE, "malformed variable \"%s\" value: \"%s\" (no digit in it)", name, text);
    if (!read_digits(digits, negative, &i))
      return pgr_fail(err, PGR_EUSAGE, "malformed variable \"%s\": value \"%s\" is out of range for type bigint", name,
                      text);
    *out = (pgr_value){.type = PGR_TYPE_INT, .as.i = i};
  } else {
    char *end;
    errno = 0;
    double d = strtod(text, &end);
    if (errno || end == text || *end)
      return pgr_fail(err, PGR_EUSAGE, "malformed variable \"%s\" value: \"%s\"", name, text);
    *out = (pgr_value){.type = PGR_TYPE_DOUBLE, .as.d = d};
  }
  return PGR_OK;
}
