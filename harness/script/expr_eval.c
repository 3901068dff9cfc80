/* Evaluates an expression. The order of evaluation is pgbench's, for it shows: in the numbers drawn and in which of
 * two errors is met. Recursion goes as deep as the expression is high, which the parser limits; a chain of operators of
 * one level is walked in a loop. */
#include "expr_internal.h"

#include <math.h>
#include <stdio.h>

static const char *type_name(pgr_type type) {
  switch (type) {
  case PGR_TYPE_NULL: return "null";
  case PGR_TYPE_BOOL: return "boolean";
  case PGR_TYPE_INT: return "int";
  case PGR_TYPE_DOUBLE: return "double";
  }
  return "none";
}

char *pgr__fixed_text(double d, char out[PGR__FIXED_BYTES]) {
  char text[PGR_VALUE_BYTES];
  if (isfinite(d))
    snprintf(out, PGR__FIXED_BYTES, "%f", d);
  else
    snprintf(out, PGR__FIXED_BYTES, "%s", pgr_value_text(pgr__double(d), text));
  return out;
}

pgr_code pgr__to_int(pgr_value v, int64_t *out, pgr_err *err) {
  if (v.type == PGR_TYPE_INT) {
    *out = v.as.i;
    return PGR_OK;
  }
  if (v.type != PGR_TYPE_DOUBLE) return pgr_fail(err, PGR_EUSAGE, "cannot coerce %s to int", type_name(v.type));
  double d = rint(v.as.d);
  char text[PGR__FIXED_BYTES];
  if (!(d >= -0x1p63 && d < 0x1p63))
    return pgr_fail(err, PGR_EUSAGE, "double to int overflow for %s", pgr__fixed_text(d, text));
  *out = (int64_t)d;
  return PGR_OK;
}

pgr_code pgr__to_double(pgr_value v, double *out, pgr_err *err) {
  if (v.type == PGR_TYPE_DOUBLE)
    *out = v.as.d;
  else if (v.type == PGR_TYPE_INT)
    *out = (double)v.as.i;
  else
    return pgr_fail(err, PGR_EUSAGE, "cannot coerce %s to double", type_name(v.type));
  return PGR_OK;
}

static pgr_code to_bool(pgr_value v, bool *out, pgr_err *err) {
  if (v.type != PGR_TYPE_BOOL) return pgr_fail(err, PGR_EUSAGE, "cannot coerce %s to boolean", type_name(v.type));
  *out = v.as.b;
  return PGR_OK;
}

bool pgr_value_is_true(pgr_value v) {
  switch (v.type) {
  case PGR_TYPE_NULL: return false;
  case PGR_TYPE_BOOL: return v.as.b;
  case PGR_TYPE_INT: return v.as.i != 0;
  case PGR_TYPE_DOUBLE: return v.as.d != 0.0;
  }
  return false;
}

static bool is_bitwise(pgr__op op) {
  return op >= PGR__OP_BITAND && op <= PGR__OP_RSHIFT;
}

/* A shift by a negative or a large number is the processor's: only the lowest six bits of it count. */
static int64_t bitwise(pgr__op op, int64_t a, int64_t b) {
  if (op == PGR__OP_BITAND) return a & b;
  if (op == PGR__OP_BITOR) return a | b;
  if (op == PGR__OP_BITXOR) return a ^ b;
  if (op == PGR__OP_LSHIFT) return (int64_t)((uint64_t)a << (b & 63));
  return a >> (b & 63);
}

static pgr_value compared(pgr__op op, bool equal, bool less) {
  if (op == PGR__OP_EQ) return pgr__bool(equal);
  if (op == PGR__OP_NE) return pgr__bool(!equal);
  return pgr__bool(less || (op == PGR__OP_LE && equal));
}

static pgr_value on_doubles(pgr__op op, double a, double b) {
  if (op == PGR__OP_ADD) return pgr__double(a + b);
  if (op == PGR__OP_SUB) return pgr__double(a - b);
  if (op == PGR__OP_MUL) return pgr__double(a * b);
  if (op == PGR__OP_DIV) return pgr__double(a / b);
  return compared(op, a == b, a < b);
}

static pgr_code divide(pgr__op op, int64_t a, int64_t b, pgr_value *out, pgr_err *err) {
  if (b == 0) return pgr_fail(err, PGR_EUSAGE, "division by zero");
  if (b != -1)
    *out = pgr__int(op == PGR__OP_DIV ? a / b : a % b);
  else if (op == PGR__OP_MOD)
    *out = pgr__int(0);
  else if (a == INT64_MIN)
    return pgr_fail(err, PGR_EUSAGE, "bigint div out of range");
  else
    *out = pgr__int(-a);
  return PGR_OK;
}

static pgr_code on_ints(pgr__op op, int64_t a, int64_t b, pgr_value *out, pgr_err *err) {
  int64_t r = 0;
  if (op == PGR__OP_DIV || op == PGR__OP_MOD) return divide(op, a, b, out, err);
  if (op == PGR__OP_ADD && __builtin_add_overflow(a, b, &r))
    return pgr_fail(err, PGR_EUSAGE, "bigint add out of range");
  if (op == PGR__OP_SUB && __builtin_sub_overflow(a, b, &r))
    return pgr_fail(err, PGR_EUSAGE, "bigint sub out of range");
  if (op == PGR__OP_MUL && __builtin_mul_overflow(a, b, &r))
    return pgr_fail(err, PGR_EUSAGE, "bigint mul out of range");
  if (is_bitwise(op)) r = bitwise(op, a, b);
  *out = op >= PGR__OP_EQ && op <= PGR__OP_LE ? compared(op, a == b, a < b) : pgr__int(r);
  return PGR_OK;
}

pgr_code pgr__binary(pgr__op op, pgr_value a, pgr_value b, pgr_value *out, pgr_err *err) {
  bool is_double = a.type == PGR_TYPE_DOUBLE || b.type == PGR_TYPE_DOUBLE;
  if (is_double && op != PGR__OP_MOD && !is_bitwise(op)) {
    double x, y;
    pgr_code code = pgr__to_double(a, &x, err);
    if (!code) code = pgr__to_double(b, &y, err);
    if (!code) *out = on_doubles(op, x, y);
    return code;
  }
  int64_t i = 0, j = 0;
  pgr_code code = pgr__to_int(a, &i, err);
  if (!code) code = pgr__to_int(b, &j, err);
  return code ? code : on_ints(op, i, j, out, err);
}

static pgr_code evaluate(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err);

/* NULL on the left is the answer, whatever stands on the right: not SQL's rule. */
static pgr_code and_or(const pgr__step *step, pgr_value *v, const pgr_scope *scope, pgr_err *err) {
  bool b = false;
  if (v->type == PGR_TYPE_NULL) return PGR_OK;
  pgr_code code = to_bool(*v, &b, err);
  if (code || b == (step->op == PGR__OP_OR)) return code;
  code = evaluate(step->right, scope, v, err);
  if (code || v->type == PGR_TYPE_NULL) return code;
  return to_bool(*v, &b, err);
}

static pgr_code negate(pgr_value *v, pgr_err *err) {
  bool b = false;
  if (v->type == PGR_TYPE_NULL) return PGR_OK;
  pgr_code code = to_bool(*v, &b, err);
  if (!code) *v = pgr__bool(!b);
  return code;
}

static pgr_code take_step(const pgr__step *step, pgr_value *v, const pgr_scope *scope, pgr_err *err) {
  if (step->op == PGR__OP_AND || step->op == PGR__OP_OR) return and_or(step, v, scope, err);
  if (step->op == PGR__OP_NOT) return negate(v, err);
  pgr_value right;
  pgr_code code = evaluate(step->right, scope, &right, err);
  if (code) return code;
  if (step->op == PGR__OP_IS) {
    *v = pgr__bool(v->type == right.type && (v->type != PGR_TYPE_BOOL || v->as.b == right.as.b));
  } else if (v->type == PGR_TYPE_NULL || right.type == PGR_TYPE_NULL) {
    *v = (pgr_value){.type = PGR_TYPE_NULL};
  } else {
    code = pgr__binary(step->op, *v, right, v, err);
  }
  return code;
}

static pgr_code chain(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err) {
  pgr_code code = evaluate(e->as.chain.first, scope, out, err);
  for (const pgr__step *step = e->as.chain.steps; step && !code; step = step->next)
    code = take_step(step, out, scope, err);
  return code;
}

static pgr_code call(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err) {
  pgr_value args[PGR_EXPR_ARGS_MAX];
  int count = 0;
  bool has_null = false;
  for (const pgr_expr *arg = e->as.call.args; arg; arg = arg->next) {
    if (count == PGR_EXPR_ARGS_MAX)
      return pgr_fail(err, PGR_EUSAGE, "too many function arguments, maximum is %d", PGR_EXPR_ARGS_MAX);
    pgr_code code = evaluate(arg, scope, &args[count], err);
    if (code) return code;
    has_null = has_null || args[count++].type == PGR_TYPE_NULL;
  }
  if (!has_null || e->as.call.op == PGR__OP_DEBUG)
    return pgr__function_call(e->as.call.op, args, count, scope, out, err);
  *out = (pgr_value){.type = PGR_TYPE_NULL};
  return PGR_OK;
}

static pgr_code first_true(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err) {
  const pgr_expr *branch = e->as.call.args;
  for (; branch->next; branch = branch->next->next) {
    pgr_code code = evaluate(branch, scope, out, err);
    if (code) return code;
    if (pgr_value_is_true(*out)) return evaluate(branch->next, scope, out, err);
  }
  return evaluate(branch, scope, out, err);
}

static pgr_code evaluate(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err) {
  switch (e->kind) {
  case PGR__NODE_CONSTANT: *out = e->as.constant; return PGR_OK;
  case PGR__NODE_VARIABLE: return pgr_vars_value(scope->vars, e->as.slot, scope->names->at[e->as.slot], out, err);
  case PGR__NODE_CALL: return call(e, scope, out, err);
  case PGR__NODE_CASE: return first_true(e, scope, out, err);
  case PGR__NODE_CHAIN: return chain(e, scope, out, err);
  }
  return PGR_OK;
}

pgr_code pgr_expr_eval(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err) {
  pgr_value v;
  pgr_code code = evaluate(e, scope, &v, err);
  if (!code) *out = v;
  return code;
}
