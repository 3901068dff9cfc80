/* What the parser of expressions hands to the evaluator. Private to expr_*.c. */
#ifndef PGR_EXPR_INTERNAL_H
#define PGR_EXPR_INTERNAL_H

#include "pgr_expr.h"

/* X(op, name, fewest arguments, most arguments), by name. Where one more may be given than must be, what is missing is
 * :default_seed. */
#define PGR__FUNCTIONS(X)                                                                                              \
  X(PGR__OP_ABS, "abs", 1, 1)                                                                                          \
  X(PGR__OP_DEBUG, "debug", 1, 1)                                                                                      \
  X(PGR__OP_DOUBLE, "double", 1, 1)                                                                                    \
  X(PGR__OP_EXP, "exp", 1, 1)                                                                                          \
  X(PGR__OP_GREATEST, "greatest", 1, PGR__ANY_NUMBER)                                                                  \
  X(PGR__OP_HASH_MURMUR2, "hash", 1, 2)                                                                                \
  X(PGR__OP_HASH_FNV1A, "hash_fnv1a", 1, 2)                                                                            \
  X(PGR__OP_HASH_MURMUR2, "hash_murmur2", 1, 2)                                                                        \
  X(PGR__OP_INT, "int", 1, 1)                                                                                          \
  X(PGR__OP_LEAST, "least", 1, PGR__ANY_NUMBER)                                                                        \
  X(PGR__OP_LN, "ln", 1, 1)                                                                                            \
  X(PGR__OP_MOD, "mod", 2, 2)                                                                                          \
  X(PGR__OP_PERMUTE, "permute", 2, 3)                                                                                  \
  X(PGR__OP_PI, "pi", 0, 0)                                                                                            \
  X(PGR__OP_POW, "pow", 2, 2)                                                                                          \
  X(PGR__OP_POW, "power", 2, 2)                                                                                        \
  X(PGR__OP_RANDOM, "random", 2, 2)                                                                                    \
  X(PGR__OP_RANDOM_EXPONENTIAL, "random_exponential", 3, 3)                                                            \
  X(PGR__OP_RANDOM_GAUSSIAN, "random_gaussian", 3, 3)                                                                  \
  X(PGR__OP_RANDOM_ZIPFIAN, "random_zipfian", 3, 3)                                                                    \
  X(PGR__OP_SQRT, "sqrt", 1, 1)

enum { PGR__ANY_NUMBER = -1 };

typedef enum pgr__op {
  /* Both operands are evaluated. */
  PGR__OP_ADD,
  PGR__OP_SUB,
  PGR__OP_MUL,
  PGR__OP_DIV,
  PGR__OP_MOD,
  PGR__OP_EQ,
  PGR__OP_NE,
  PGR__OP_LT,
  PGR__OP_LE,
  PGR__OP_BITAND,
  PGR__OP_BITOR,
  PGR__OP_BITXOR,
  PGR__OP_LSHIFT,
  PGR__OP_RSHIFT,
  PGR__OP_IS, /* the right operand is a constant */
  /* The right operand is evaluated when the left one does not decide. */
  PGR__OP_AND,
  PGR__OP_OR,
  PGR__OP_NOT, /* no right operand */
  /* Functions. */
  PGR__OP_ABS,
  PGR__OP_DEBUG,
  PGR__OP_DOUBLE,
  PGR__OP_EXP,
  PGR__OP_GREATEST,
  PGR__OP_HASH_FNV1A,
  PGR__OP_HASH_MURMUR2,
  PGR__OP_INT,
  PGR__OP_LEAST,
  PGR__OP_LN,
  PGR__OP_PERMUTE,
  PGR__OP_PI,
  PGR__OP_POW,
  PGR__OP_RANDOM,
  PGR__OP_RANDOM_EXPONENTIAL,
  PGR__OP_RANDOM_GAUSSIAN,
  PGR__OP_RANDOM_ZIPFIAN,
  PGR__OP_SQRT
} pgr__op;

typedef struct pgr__function {
  const char *name;
  int min_args, max_args;
  pgr__op op;
} pgr__function;

/* Case does not matter. NULL: there is none. */
const pgr__function *pgr__function_find(const char *name, size_t len_bytes);
/* NULL-ended. */
const char *const *pgr__function_names(void);

typedef enum pgr__node_kind {
  PGR__NODE_CONSTANT,
  PGR__NODE_VARIABLE,
  PGR__NODE_CALL,
  PGR__NODE_CASE, /* arguments: condition, result, condition, result … and what else */
  PGR__NODE_CHAIN /* first op right op right …, from the left: a long sum is long, not deep */
} pgr__node_kind;

typedef struct pgr__step {
  pgr__op op;
  const pgr_expr *right; /* NULL for NOT */
  struct pgr__step *next;
} pgr__step;

struct pgr_expr {
  pgr__node_kind kind;
  int height;     /* levels below this one: evaluating recurses that deep */
  pgr_expr *next; /* among the arguments of one call */
  union {
    pgr_value constant;
    int slot;
    struct {
      pgr__op op; /* not for CASE */
      pgr_expr *args;
    } call;
    struct {
      const pgr_expr *first;
      pgr__step *steps, **end; /* where the next one goes while parsing */
    } chain;
  } as;
};

/* Errors: PGR_EUSAGE in pgbench's words; *out unchanged. None of the arguments is NULL, but for DEBUG. */
pgr_code pgr__function_call(pgr__op op, const pgr_value *args, int count, const pgr_scope *scope, pgr_value *out,
                            pgr_err *err) PGR_MUST_CHECK;
/* Both operands evaluated, neither NULL. */
pgr_code pgr__binary(pgr__op op, pgr_value a, pgr_value b, pgr_value *out, pgr_err *err) PGR_MUST_CHECK;

/* Errors: PGR_EUSAGE, "cannot coerce boolean to int" or "double to int overflow"; *out unchanged. A double becomes the
 * nearest integer, the even one of two. */
pgr_code pgr__to_int(pgr_value v, int64_t *out, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr__to_double(pgr_value v, double *out, pgr_err *err) PGR_MUST_CHECK;

static inline pgr_value pgr__int(int64_t i) {
  return (pgr_value){.type = PGR_TYPE_INT, .as.i = i};
}

static inline pgr_value pgr__double(double d) {
  return (pgr_value){.type = PGR_TYPE_DOUBLE, .as.d = d};
}

static inline pgr_value pgr__bool(bool b) {
  return (pgr_value){.type = PGR_TYPE_BOOL, .as.b = b};
}

enum { PGR__FIXED_BYTES = 352 }; /* enough for "%f" of any double */
/* As PostgreSQL's "%f". Returns out. */
char *pgr__fixed_text(double d, char out[PGR__FIXED_BYTES]);

#endif
