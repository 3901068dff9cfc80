/* Strict parsing of numbers and durations, and their printing. Pure. */
#include "pgr_units.h"

#include "pgr_clock.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* Reads digits with optional separators between groups of three. Returns the first unread character, NULL when there
 * is no digit, a separator is misplaced, or the value overflows. */
static const char *read_digits(const char *s, int64_t *value) {
  int64_t v = 0;
  int since_separator = 0;
  bool separated = false;
  if (!is_digit(*s)) return NULL;
  for (;; s++) {
    if (is_digit(*s)) {
      if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *s - '0', &v)) return NULL;
      since_separator++;
    } else if ((*s == ',' || *s == '_') && is_digit(s[1])) {
      if (since_separator > 3 || (separated && since_separator != 3)) return NULL;
      separated = true;
      since_separator = 0;
    } else {
      break;
    }
  }
  if (separated && since_separator != 3) return NULL;
  *value = v;
  return s;
}

pgr_code pgr_parse_int(const char *text, const char *what, int64_t min, int64_t max, int64_t *out, pgr_err *err) {
  char lo[PGR_TEXT_BYTES], hi[PGR_TEXT_BYTES];
  int64_t v;
  bool negative = *text == '-';
  const char *end = read_digits(text + negative, &v);
  if (!end || *end) return pgr_fail(err, PGR_EUSAGE, "%s: '%.64s' is not a whole number", what, text);
  if (negative) v = -v;
  if (v < min || v > max)
    return pgr_fail(err, PGR_EUSAGE, "%s: %.64s is out of range, give %s to %s", what, text, pgr_format_count(lo, min),
                    pgr_format_count(hi, max));
  *out = v;
  return PGR_OK;
}

static const struct unit {
  const char *name;
  int64_t ns;
} units[] = {{"ns", 1},           {"us", PGR_NS_PER_US},    {"µs", PGR_NS_PER_US},      {"ms", PGR_NS_PER_MS},
             {"s", PGR_NS_PER_S}, {"m", 60 * PGR_NS_PER_S}, {"min", 60 * PGR_NS_PER_S}, {"h", 3600 * PGR_NS_PER_S}};

static const int64_t duration_max_ns = INT64_C(10000) * 3600 * PGR_NS_PER_S;

pgr_code pgr_parse_duration(const char *text, const char *what, int64_t *out_ns, pgr_err *err) {
  int64_t whole, fraction_ns = 0, scale;
  const char *s = read_digits(text, &whole), *fraction = NULL;
  if (s && *s == '.' && is_digit(s[1])) {
    fraction = ++s;
    while (is_digit(*s))
      s++;
  }
  if (s && *s == ' ') s++;
  if (!s)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%.64s' is not a duration, write it like 500us, 5ms, 2s or 1m", what, text);
  if (whole == 0 && !fraction && !*s) {
    *out_ns = 0;
    return PGR_OK;
  }
  for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
    if (strcmp(s, units[i].name) != 0) continue;
    scale = units[i].ns;
    if (whole > duration_max_ns / scale)
      return pgr_fail(err, PGR_EUSAGE, "%s: %.64s is too long, the most is 10,000 h", what, text);
    for (int64_t digit = scale / 10; fraction && is_digit(*fraction) && digit > 0; fraction++, digit /= 10)
      fraction_ns += (*fraction - '0') * digit;
    *out_ns = whole * scale + fraction_ns;
    return PGR_OK;
  }
  if (!*s)
    return pgr_fail(err, PGR_EUSAGE, "%s: '%.64s' has no unit, write it like %.32sms or %.32ss", what, text, text,
                    text);
  return pgr_fail(err, PGR_EUSAGE, "%s: '%.64s' has an unknown unit, use ns, us, ms, s, m or h", what, text);
}

char *pgr_format_count(char out[PGR_TEXT_BYTES], int64_t n) {
  char digits[24];
  int len = snprintf(digits, sizeof digits, "%lld", (long long)(n < 0 ? -n : n));
  char *p = out;
  if (n < 0) *p++ = '-';
  for (int i = 0; i < len; i++) {
    if (i > 0 && (len - i) % 3 == 0) *p++ = ',';
    *p++ = digits[i];
  }
  *p = '\0';
  return out;
}

char *pgr_format_duration(char out[PGR_TEXT_BYTES], int64_t ns) {
  static const struct {
    const char *name;
    double ns;
  } scales[] = {{"s", 1e9}, {"ms", 1e6}, {"µs", 1e3}};
  for (size_t i = 0; i < sizeof scales / sizeof *scales; i++) {
    double v = (double)ns / scales[i].ns;
    if (v < 0.9995) continue;
    int decimals = v < 9.995 ? 2 : v < 99.95 ? 1 : 0;
    snprintf(out, PGR_TEXT_BYTES, "%.*f %s", decimals, v, scales[i].name);
    return out;
  }
  snprintf(out, PGR_TEXT_BYTES, "%lld ns", (long long)ns);
  return out;
}

/* Levenshtein distance, cut to the first 31 characters: names here are short. */
static size_t edit_distance(const char *a, const char *b) {
  enum { LONGEST = 31 };
  size_t row[LONGEST + 1], la = strnlen(a, LONGEST), lb = strnlen(b, LONGEST);
  for (size_t j = 0; j <= lb; j++)
    row[j] = j;
  for (size_t i = 1; i <= la; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= lb; j++) {
      size_t above = row[j], best = diagonal + (a[i - 1] != b[j - 1]);
      if (above + 1 < best) best = above + 1;
      if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
      diagonal = above;
      row[j] = best;
    }
  }
  return row[lb];
}

const char *pgr_nearest(const char *text, const char *const *names) {
  size_t limit = strlen(text) / 3 + 1, best = limit + 1;
  const char *nearest = NULL;
  for (; *names; names++) {
    size_t d = edit_distance(text, *names);
    if (d < best) {
      best = d;
      nearest = *names;
    }
  }
  return nearest;
}

char *pgr_write_int(char out[PGR_INT_BYTES], int64_t n) {
  char digits[PGR_INT_BYTES], *p = digits + sizeof digits;
  uint64_t rest = n < 0 ? -(uint64_t)n : (uint64_t)n;
  *--p = '\0';
  do
    *--p = (char)('0' + rest % 10);
  while (rest /= 10);
  if (n < 0) *--p = '-';
  return memcpy(out, p, (size_t)(digits + sizeof digits - p));
}
