/* The expression language of \set and \if: pgbench 15's grammar, functions and traps. Pure.
 * Where pgbench's behaviour is undefined ours is an error: abs() of a boolean, a parameter of a random function that is
 * not a number, an infinite one of random_gaussian. */
#ifndef PGR_EXPR_H
#define PGR_EXPR_H

#include "pgr_fault.h"
#include "pgr_prng.h"
#include "pgr_vars.h"

typedef struct pgr_expr pgr_expr; /* immutable; in its arena */

/* Nesting deeper than the first (a sum may be long: it is not deep), and more nodes than the second, are refused at
 * parse time; a call of more arguments than the third fails when it is evaluated, as in pgbench. */
enum { PGR_EXPR_DEPTH_MAX = 200, PGR_EXPR_NODES_MAX = 10000, PGR_EXPR_ARGS_MAX = 16 };

/* Parses source->text[begin … end), or to the first line end in it that has no backslash before it. Names are interned.
 * false: a fault was added (with file:line:column and a caret), or memory ran out (also a fault). */
bool pgr_expr_parse(const pgr_source *source, size_t begin, size_t end, pgr_names *names, pgr_arena *arena,
                    pgr_faults *faults, const pgr_expr **out) PGR_MUST_CHECK;

/* What evaluating needs besides the expression. */
typedef struct pgr_scope {
  const pgr_names *names;
  pgr_vars *vars;
  pgr_prng *random;
  /* debug(): told the value as pgbench words it, "int 5". NULL: dropped. */
  void (*debug)(void *user, const char *text);
  void *user;
} pgr_scope;

/* Errors: PGR_EUSAGE with pgbench's wording ("division by zero"); *out unchanged. Blocks: never. Work is bounded by
 * the expression's size, but for the rejection loops of random_zipfian and random_gaussian, which are bounded in
 * expectation. */
pgr_code pgr_expr_eval(const pgr_expr *e, const pgr_scope *scope, pgr_value *out, pgr_err *err) PGR_MUST_CHECK;

/* As \if sees a value: a true boolean or a number that is not zero. */
bool pgr_value_is_true(pgr_value v);

#endif
