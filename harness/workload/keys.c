/* Spreads of keys: their texts, and their draws. A drawn key must never leave 0 … count - 1, whatever the arithmetic in
 * doubles came to: beyond that range are rows that nobody seeded.
 * Source of the zipfian: Hörmann & Derflinger, "Rejection-inversion to generate variates from monotone discrete
 * distributions", 1996, with the hat's integral written so that it holds for any exponent, 1 included, as in the
 * RejectionInversionZipfSampler of Apache Commons RNG. */
#include "pgr_keys.h"

#include "workload_internal.h"
#include <assert.h>
#include <float.h>
#include <math.h>

static const double exponent_default = 1.1, exponent_max = 10;

enum { PARTS_MAX = 4 }; /* one more than any spread has */

static const struct form {
  const char *name, *text;
  int least, most; /* parts, the name included */
} forms[] = {[PGR_SPREAD_UNIFORM] = {"uniform", "uniform", 1, 1},
             [PGR_SPREAD_ZIPFIAN] = {"zipfian", "zipfian[:EXPONENT]", 1, 2},
             [PGR_SPREAD_HOT] = {"hot", "hot:KEYS:SHARE", 3, 3},
             [PGR_SPREAD_ONCE] = {"once", "once:EACH", 2, 2}};

/* ---- texts ---- */

static bool find_spread(const char *text, pgr_spread *out) {
  size_t len = strcspn(text, ":");
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    if (strlen(forms[i].name) != len || memcmp(forms[i].name, text, len) != 0) continue;
    *out = (pgr_spread)i;
    return true;
  }
  return false;
}

/* Cuts a copy at the colons. Returns the number of parts: PARTS_MAX means that many or more, 0 that it is too long. */
static int split(const char *text, char copy[PGR__TEXT_MAX], char *part[PARTS_MAX]) {
  int count = 0;
  size_t len = strlen(text);
  if (len >= PGR__TEXT_MAX) return 0;
  memcpy(copy, text, len + 1);
  for (char *s = copy; s && count < PARTS_MAX;) {
    part[count++] = s;
    s = strchr(s, ':');
    if (s) *s++ = '\0';
  }
  return count;
}

static pgr_code parse_exponent(const char *text, double *out, pgr_err *err) {
  if (pgr__parse_decimal(text, out)) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "zipfian:EXPONENT: '%.64s' is not a number, write it like 1.1", text);
}

static pgr_code parse_share(char *text, double *out, pgr_err *err) {
  size_t len = strlen(text);
  bool percent = len > 0 && text[len - 1] == '%';
  if (percent) text[len - 1] = '\0';
  if (!pgr__parse_decimal(text, out))
    return pgr_fail(err, PGR_EUSAGE, "hot:KEYS:SHARE: '%.64s%s' is not a share, write it like 0.9 or 90%%", text,
                    percent ? "%" : "");
  if (percent) *out /= 100;
  return PGR_OK;
}

/* What can be said of the fields without the number of keys. */
static pgr_code check_spread(const pgr_key_options *o, pgr_err *err) {
  switch (o->spread) {
  case PGR_SPREAD_UNIFORM: return PGR_OK;
  case PGR_SPREAD_ZIPFIAN:
    if (o->exponent > 0 && o->exponent <= exponent_max) return PGR_OK;
    return pgr_fail(err, PGR_EUSAGE, "zipfian:EXPONENT: %g is out of range, give more than 0, at most %g", o->exponent,
                    exponent_max);
  case PGR_SPREAD_HOT:
    if (o->hot < 1)
      return pgr_fail(err, PGR_EUSAGE, "hot:KEYS: %lld is out of range, give at least 1", (long long)o->hot);
    if (o->share >= 0 && o->share <= 1) return PGR_OK;
    return pgr_fail(err, PGR_EUSAGE, "hot:KEYS:SHARE: %g is out of range, give 0 to 1, or 0%% to 100%%", o->share);
  case PGR_SPREAD_ONCE:
    if (o->each >= 1) return PGR_OK;
    return pgr_fail(err, PGR_EUSAGE, "once:EACH: %lld is out of range, give at least 1", (long long)o->each);
  }
  return PGR_OK;
}

pgr_code pgr_keys_parse(const char *text, pgr_key_options *out, pgr_err *err) {
  pgr_key_options o = {.count = out->count};
  char copy[PGR__TEXT_MAX] = "", *part[PARTS_MAX] = {copy, copy, copy, copy};
  if (!find_spread(text, &o.spread))
    return pgr_fail(err, PGR_EUSAGE, "'%.64s' is no spread of keys, give %s, %s, %s or %s", text,
                    forms[PGR_SPREAD_UNIFORM].text, forms[PGR_SPREAD_ZIPFIAN].text, forms[PGR_SPREAD_HOT].text,
                    forms[PGR_SPREAD_ONCE].text);
  const struct form *form = &forms[o.spread];
  int parts = split(text, copy, part);
  if (parts < form->least || parts > form->most)
    return pgr_fail(err, PGR_EUSAGE, "'%.64s' is no spread of keys, write it like %s", text, form->text);
  pgr_code code = PGR_OK;
  switch (o.spread) {
  case PGR_SPREAD_UNIFORM: break;
  case PGR_SPREAD_ZIPFIAN:
    o.exponent = exponent_default;
    if (parts == 2) code = parse_exponent(part[1], &o.exponent, err);
    break;
  case PGR_SPREAD_HOT:
    code = pgr_parse_int(part[1], "hot:KEYS", -INT64_MAX, INT64_MAX, &o.hot, err);
    if (!code) code = parse_share(part[2], &o.share, err);
    break;
  case PGR_SPREAD_ONCE: code = pgr_parse_int(part[1], "once:EACH", -INT64_MAX, INT64_MAX, &o.each, err); break;
  }
  if (!code) code = check_spread(&o, err);
  if (!code) *out = o;
  return code;
}

pgr_code pgr_keys_check(const pgr_key_options *o, pgr_err *err) {
  char hot[PGR_TEXT_BYTES], count[PGR_TEXT_BYTES];
  if (o->count < 1)
    return pgr_fail(err, PGR_EUSAGE, "keys: %lld are too few to draw from, give at least 1", (long long)o->count);
  pgr_code code = check_spread(o, err);
  if (!code && o->spread == PGR_SPREAD_HOT && o->hot >= o->count)
    return pgr_fail(err, PGR_EUSAGE, "hot:KEYS: %s hot of %s keys leave no others, give fewer, or more keys in all",
                    pgr_format_count(hot, o->hot), pgr_format_count(count, o->count));
  return code;
}

/* The shortest text that is read back as the same number. */
static void write_number(double x, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  int digits = 6;
  do
    snprintf(text, sizeof text, "%.*g", digits++, x);
  while (digits <= DBL_DECIMAL_DIG && strtod(text, NULL) != x);
  pgr_buf_adds(out, text);
}

void pgr_keys_write(const pgr_key_options *o, pgr_buf *out) {
  pgr_buf_adds(out, forms[o->spread].name);
  switch (o->spread) {
  case PGR_SPREAD_UNIFORM: break;
  case PGR_SPREAD_ZIPFIAN:
    pgr_buf_adds(out, ":");
    write_number(o->exponent, out);
    break;
  case PGR_SPREAD_HOT:
    pgr_buf_addf(out, ":%lld:", (long long)o->hot);
    write_number(o->share, out);
    break;
  case PGR_SPREAD_ONCE: pgr_buf_addf(out, ":%lld", (long long)o->each); break;
  }
}

/* ---- draws ---- */

/* (e^x - 1) / x and ln(1 + x) / x, with their limits at 0: where the exponent is 1. */
static double expm1_over(double x) {
  return x == 0 ? 1 : expm1(x) / x;
}

static double log1p_over(double x) {
  return x == 0 ? 1 : log1p(x) / x;
}

static double hat(double x, double exponent) {
  return exp(-exponent * log(x));
}

/* From 1 to x: (x^(1 - exponent) - 1) / (1 - exponent), or ln x. */
static double hat_integral(double x, double exponent) {
  double log_x = log(x);
  return expm1_over((1 - exponent) * log_x) * log_x;
}

/* Infinite where rounding took the area to what the hat has beyond any x, or past it. */
static double hat_integral_inverse(double area, double exponent) {
  return exp(log1p_over(fmax(area * (1 - exponent), -1)) * area);
}

void pgr_keys_init(pgr_keys *k, const pgr_key_options *o) {
  assert(pgr_keys_check(o, NULL) == PGR_OK);
  *k = (pgr_keys){.o = *o};
  if (o->spread != PGR_SPREAD_ZIPFIAN) return;
  k->head = hat_integral(1.5, o->exponent) - 1;
  k->tail = hat_integral((double)o->count + 0.5, o->exponent);
  k->shift = 2 - hat_integral_inverse(hat_integral(2.5, o->exponent) - hat(2, o->exponent), o->exponent);
}

static int64_t nearest_rank(double x, int64_t count) {
  if (!(x + 0.5 < (double)count)) return count; /* before the cast, which has no answer beyond int64_t */
  return x < 1 ? 1 : (int64_t)(x + 0.5);
}

/* Ranks from 1. A point under the hat is kept when it is under its rank's column; within `shift` below a rank all are.
 * Fewer than two tries on average, whatever the exponent and the count. Of a far rank everything is kept: what the hat
 * has beyond the column is less than 10^-11 of it there, and rounding much more, which would decide by chance. Ranks
 * that a double cannot tell apart, past 2^53, share their weight. */
static int64_t draw_zipfian(const pgr_keys *k, pgr_random *r) {
  const int64_t far = 1 << 20;
  double exponent = k->o.exponent;
  for (;;) {
    double area = k->tail + pgr__random_unit(r) * (k->head - k->tail);
    double x = hat_integral_inverse(area, exponent);
    int64_t rank = nearest_rank(x, k->o.count);
    double column = (double)rank;
    if (rank >= far || column - x <= k->shift) return rank;
    if (area >= hat_integral(column + 0.5, exponent) - hat(column, exponent)) return rank;
  }
}

static int64_t below(pgr_random *r, int64_t bound) {
  return (int64_t)pgr_random_below(r, (uint64_t)bound);
}

int64_t pgr_keys_draw(const pgr_keys *k, pgr_random *r, int64_t number) {
  const pgr_key_options *o = &k->o;
  switch (o->spread) {
  case PGR_SPREAD_UNIFORM: break;
  case PGR_SPREAD_ZIPFIAN: return draw_zipfian(k, r) - 1;
  case PGR_SPREAD_HOT:
    if (pgr__random_unit(r) < o->share) return below(r, o->hot);
    return o->hot + below(r, o->count - o->hot);
  case PGR_SPREAD_ONCE: return number / o->each < o->count ? number / o->each : -1;
  }
  return below(r, o->count);
}
