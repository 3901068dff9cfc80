/* The functions by name. Draws are bit for bit those of pgbench 15 from the same state, so the order and number of
 * pgr_prng calls in here, and the order of the floating-point operations, are part of the interface. */
#include "expr_internal.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static const double gaussian_min = 2.0, zipfian_min = 1.001, zipfian_max = 1000.0;
static const double pi = 3.14159265358979323846;

static const pgr__function functions[] = {
#define ROW(op, name, least, most) {name, least, most, op},
    PGR__FUNCTIONS(ROW)
#undef ROW
};

static const char *const function_names[] = {
#define ROW(op, name, least, most) name,
    PGR__FUNCTIONS(ROW)
#undef ROW
        NULL};

const pgr__function *pgr__function_find(const char *name, size_t len_bytes) {
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
    if (strlen(functions[i].name) == len_bytes && strncasecmp(functions[i].name, name, len_bytes) == 0)
      return &functions[i];
  return NULL;
}

const char *const *pgr__function_names(void) {
  return function_names;
}

/* What a double beyond int64 becomes is the processor's choice in C; here it is the nearest integer there is. */
static int64_t whole(double d) {
  if (!(d > -0x1p63)) return INT64_MIN;
  return d < 0x1p63 ? (int64_t)d : INT64_MAX;
}

/* Sums of a bound and an offset wrap, as in a program compiled with -fwrapv. */
static int64_t wrapping_add(int64_t a, int64_t b) {
  return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* In (0, 1]. */
static double positive_uniform(pgr_prng *p) {
  return 1.0 - pgr_prng_double(p);
}

static int64_t draw_exponential(pgr_prng *p, int64_t low, int64_t width, double parameter) {
  double cut = exp(-parameter);
  double x = -log(cut + (1.0 - cut) * positive_uniform(p)) / parameter;
  return wrapping_add(low, whole((double)width * x));
}

/* Box and Muller's transform, drawn again when it falls outside of the parameter. */
static int64_t draw_gaussian(pgr_prng *p, int64_t low, int64_t width, double parameter) {
  double z;
  do {
    double u = positive_uniform(p), v = positive_uniform(p);
    z = sqrt(-2.0 * log(u)) * sin(2.0 * pi * v);
  } while (z < -parameter || z >= parameter);
  double x = (z + parameter) / (parameter * 2.0);
  return wrapping_add(low, whole((double)width * x));
}

/* Devroye, Non-Uniform Random Variate Generation (1986), pages 550 and 551: by rejection. */
static int64_t draw_zipfian(pgr_prng *p, int64_t low, int64_t width, double s) {
  if (width <= 1) return low;
  double b = pow(2.0, s - 1.0);
  for (;;) {
    double u = pgr_prng_double(p), v = pgr_prng_double(p);
    double x = floor(pow(u, -1.0 / (s - 1.0)));
    double t = pow(1.0 + 1.0 / x, s - 1.0);
    if (v * x * (t - 1.0) / (b - 1.0) <= t / b && x <= (double)width)
      return wrapping_add(wrapping_add(low, -1), whole(x));
  }
}

/* A parameter that is not a number is out of range here: pgbench would draw nonsense from it, or never return. */
static pgr_code check_parameter(pgr__op op, double parameter, pgr_err *err) {
  char given[PGR__FIXED_BYTES];
  pgr__fixed_text(parameter, given);
  if (op == PGR__OP_RANDOM_GAUSSIAN && !(parameter >= gaussian_min && isfinite(parameter)))
    return pgr_fail(err, PGR_EUSAGE, "gaussian parameter must be at least %f (not %s)", gaussian_min, given);
  if (op == PGR__OP_RANDOM_ZIPFIAN && !(parameter >= zipfian_min && parameter <= zipfian_max))
    return pgr_fail(err, PGR_EUSAGE, "zipfian parameter must be in range [%.3f, %.0f] (not %s)", zipfian_min,
                    zipfian_max, given);
  if (op == PGR__OP_RANDOM_EXPONENTIAL && !(parameter > 0.0))
    return pgr_fail(err, PGR_EUSAGE, "exponential parameter must be greater than zero (not %s)", given);
  return PGR_OK;
}

static pgr_code draw(pgr__op op, const pgr_value *args, pgr_prng *random, pgr_value *out, pgr_err *err) {
  int64_t low, high, width;
  double parameter;
  pgr_code code = pgr__to_int(args[0], &low, err);
  if (!code) code = pgr__to_int(args[1], &high, err);
  if (code) return code;
  if (low > high) return pgr_fail(err, PGR_EUSAGE, "empty range given to random");
  if (__builtin_sub_overflow(high, low, &width) || __builtin_add_overflow(width, 1, &width))
    return pgr_fail(err, PGR_EUSAGE, "random range is too large");
  if (op == PGR__OP_RANDOM) {
    *out = pgr__int(wrapping_add(low, (int64_t)pgr_prng_range(random, 0, (uint64_t)(width - 1))));
    return PGR_OK;
  }
  code = pgr__to_double(args[2], &parameter, err);
  if (!code) code = check_parameter(op, parameter, err);
  if (code) return code;
  if (op == PGR__OP_RANDOM_GAUSSIAN)
    *out = pgr__int(draw_gaussian(random, low, width, parameter));
  else if (op == PGR__OP_RANDOM_EXPONENTIAL)
    *out = pgr__int(draw_exponential(random, low, width, parameter));
  else
    *out = pgr__int(draw_zipfian(random, low, width, parameter));
  return PGR_OK;
}

/* The eight bytes of v, lowest first. */
static uint64_t hash_fnv1a(uint64_t v, uint64_t seed) {
  uint64_t h = UINT64_C(0xcbf29ce484222325) ^ seed;
  for (int i = 0; i < 8; i++, v >>= 8)
    h = (h ^ (v & 0xff)) * UINT64_C(0x100000001b3);
  return h;
}

/* MurmurHash64A of eight bytes. */
static uint64_t hash_murmur2(uint64_t v, uint64_t seed) {
  const uint64_t m = UINT64_C(0xc6a4a7935bd1e995);
  uint64_t h = seed ^ 8 * m;
  v *= m;
  v = (v ^ v >> 47) * m;
  h = (h ^ v) * m;
  h = (h ^ h >> 47) * m;
  return h ^ h >> 47;
}

static pgr_code hash(pgr__op op, const pgr_value *args, pgr_value *out, pgr_err *err) {
  int64_t v, seed;
  pgr_code code = pgr__to_int(args[0], &v, err);
  if (!code) code = pgr__to_int(args[1], &seed, err);
  if (code) return code;
  *out = pgr__int((int64_t)(op == PGR__OP_HASH_FNV1A ? hash_fnv1a((uint64_t)v, (uint64_t)seed)
                                                     : hash_murmur2((uint64_t)v, (uint64_t)seed)));
  return PGR_OK;
}

/* A bijection of 0 … mask, for mask one less than a power of two of `bits` bits. */
static uint64_t scramble(uint64_t v, uint64_t odd, uint64_t flip, uint64_t mask, int bits) {
  v = ((v * odd) ^ flip) & mask;
  return (v << 1 & mask) | v >> (bits - 1);
}

/* Six rounds, each a bijection of 0 … size-1: scramble its lower part, then its upper part, both as large as the
 * largest power of two that fits, then rotate all of it. All numbers of a round are drawn whether used or not. */
static uint64_t permuted(uint64_t v, uint64_t size, uint64_t seed) {
  if (size < 2) return 0;
  pgr_prng p;
  pgr_prng_seed(&p, seed);
  int bits = 63 - __builtin_clzll(size);
  uint64_t mask = (UINT64_C(1) << bits) - 1;
  v %= size;
  for (int round = 0; round < 6; round++) {
    uint64_t odd = (pgr_prng_next(&p) & mask) | 1, flip = pgr_prng_next(&p) & mask;
    if (v <= mask) v = scramble(v, odd, flip, mask, bits);
    odd = (pgr_prng_next(&p) & mask) | 1;
    flip = pgr_prng_next(&p) & mask;
    if (size - 1 - v <= mask) v = size - 1 - scramble(size - 1 - v, odd, flip, mask, bits);
    v = (v + pgr_prng_range(&p, 0, size - 1)) % size;
  }
  return v;
}

static pgr_code permute(const pgr_value *args, pgr_value *out, pgr_err *err) {
  int64_t v, size, seed;
  pgr_code code = pgr__to_int(args[0], &v, err);
  if (!code) code = pgr__to_int(args[1], &size, err);
  if (!code) code = pgr__to_int(args[2], &seed, err);
  if (code) return code;
  if (size <= 0) return pgr_fail(err, PGR_EUSAGE, "permute size parameter must be greater than zero");
  *out = pgr__int((int64_t)permuted((uint64_t)v, (uint64_t)size, (uint64_t)seed));
  return PGR_OK;
}

static pgr_code extremum_double(bool least, const pgr_value *args, int count, pgr_value *out, pgr_err *err) {
  double best = 0, d;
  for (int i = 0; i < count; i++) {
    pgr_code code = pgr__to_double(args[i], &d, err);
    if (code) return code;
    /* Written so that a NaN gives way, as there. */
    if (i == 0 || !(least ? best < d : best > d)) best = d;
  }
  *out = pgr__double(best);
  return PGR_OK;
}

static pgr_code extremum(bool least, const pgr_value *args, int count, pgr_value *out, pgr_err *err) {
  int64_t best = 0, n;
  for (int i = 0; i < count; i++)
    if (args[i].type == PGR_TYPE_DOUBLE) return extremum_double(least, args, count, out, err);
  for (int i = 0; i < count; i++) {
    pgr_code code = pgr__to_int(args[i], &n, err);
    if (code) return code;
    if (i == 0 || (least ? n < best : n > best)) best = n;
  }
  *out = pgr__int(best);
  return PGR_OK;
}

static pgr_code absolute(pgr_value v, pgr_value *out, pgr_err *err) {
  double d;
  if (v.type == PGR_TYPE_INT) {
    /* The most negative integer stays what it is. */
    *out = pgr__int(v.as.i < 0 ? (int64_t)(0 - (uint64_t)v.as.i) : v.as.i);
    return PGR_OK;
  }
  pgr_code code = pgr__to_double(v, &d, err);
  if (code) return code;
  *out = pgr__double(d < 0.0 ? -d : d);
  return PGR_OK;
}

static void debug(pgr_value v, const pgr_scope *scope) {
  static const char *const types[] = {
      [PGR_TYPE_NULL] = "null", [PGR_TYPE_BOOL] = "boolean ", [PGR_TYPE_INT] = "int ", [PGR_TYPE_DOUBLE] = "double "};
  char text[PGR_VALUE_BYTES + 16], value[PGR_VALUE_BYTES];
  if (!scope->debug) return;
  snprintf(text, sizeof text, "%s%s", types[v.type], v.type == PGR_TYPE_NULL ? "" : pgr_value_text(v, value));
  scope->debug(scope->user, text);
}

/* double, exp, ln, pow and sqrt. */
static pgr_code real(pgr__op op, const pgr_value *args, int count, pgr_value *out, pgr_err *err) {
  double x, y = 0;
  pgr_code code = pgr__to_double(args[0], &x, err);
  if (!code && count > 1) code = pgr__to_double(args[1], &y, err);
  if (code) return code;
  if (op == PGR__OP_EXP) x = exp(x);
  if (op == PGR__OP_LN) x = log(x);
  if (op == PGR__OP_POW) x = pow(x, y);
  if (op == PGR__OP_SQRT) x = sqrt(x);
  *out = pgr__double(x);
  return PGR_OK;
}

static pgr_code to_int(pgr_value v, pgr_value *out, pgr_err *err) {
  int64_t i;
  pgr_code code = pgr__to_int(v, &i, err);
  if (!code) *out = pgr__int(i);
  return code;
}

pgr_code pgr__function_call(pgr__op op, const pgr_value *args, int count, const pgr_scope *scope, pgr_value *out,
                            pgr_err *err) {
  switch (op) {
  case PGR__OP_ABS: return absolute(args[0], out, err);
  case PGR__OP_DEBUG:
    debug(args[0], scope);
    *out = args[0];
    return PGR_OK;
  case PGR__OP_PI: *out = pgr__double(pi); return PGR_OK;
  case PGR__OP_INT: return to_int(args[0], out, err);
  case PGR__OP_DOUBLE:
  case PGR__OP_EXP:
  case PGR__OP_LN:
  case PGR__OP_POW:
  case PGR__OP_SQRT: return real(op, args, count, out, err);
  case PGR__OP_GREATEST:
  case PGR__OP_LEAST: return extremum(op == PGR__OP_LEAST, args, count, out, err);
  case PGR__OP_HASH_FNV1A:
  case PGR__OP_HASH_MURMUR2: return hash(op, args, out, err);
  case PGR__OP_PERMUTE: return permute(args, out, err);
  case PGR__OP_RANDOM:
  case PGR__OP_RANDOM_EXPONENTIAL:
  case PGR__OP_RANDOM_GAUSSIAN:
  case PGR__OP_RANDOM_ZIPFIAN: return draw(op, args, scope->random, out, err);
  case PGR__OP_ADD:
  case PGR__OP_SUB:
  case PGR__OP_MUL:
  case PGR__OP_DIV:
  case PGR__OP_MOD:
  case PGR__OP_EQ:
  case PGR__OP_NE:
  case PGR__OP_LT:
  case PGR__OP_LE:
  case PGR__OP_BITAND:
  case PGR__OP_BITOR:
  case PGR__OP_BITXOR:
  case PGR__OP_LSHIFT:
  case PGR__OP_RSHIFT: return pgr__binary(op, args[0], args[1], out, err);
  case PGR__OP_IS:
  case PGR__OP_AND:
  case PGR__OP_OR:
  case PGR__OP_NOT: break; /* have no name to be called by */
  }
  assert(false);
  return PGR_EUSAGE;
}
