/* Expressions for comparing two evaluators: from a grammar that mostly respects types and hardly uses parentheses, so
 * that precedence decides; then, for a part of them, with tokens dropped, doubled, swapped or replaced. The same seed
 * makes the same expressions. */
#ifndef EXPR_GENERATOR_H
#define EXPR_GENERATOR_H

#include "pgr_prng.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { TOKENS_MAX = 160, TOKEN_BYTES = 28, EXPR_BYTES = TOKENS_MAX * (TOKEN_BYTES + 4) };

typedef struct generator {
  pgr_prng random;
  char tokens[TOKENS_MAX][TOKEN_BYTES];
  int count;
} generator;

/* Variables that both sides have to know, with these texts. */
static const char *const generator_variables[][2] = {{"i", "7"},
                                                     {"neg", "-3"},
                                                     {"max", "9223372036854775807"},
                                                     {"d", "2.5"},
                                                     {"n", "null"},
                                                     {"b", " 12"},
                                                     {"hex", "0x10"},
                                                     {"x9", "1e-5"},
                                                     {"t", "true"},
                                                     {"f", "of"},
                                                     {"e", "Ye"},
                                                     {"bad", "hello"},
                                                     {"tail", "5 "},
                                                     {"inf", "inf"},
                                                     {"_u", "1e999"},
                                                     {"big", "9223372036854775808"}};

static uint64_t below(generator *g, uint64_t n) {
  return pgr_prng_range(&g->random, 0, n - 1);
}

static bool percent(generator *g, uint64_t n) {
  return below(g, 100) < n;
}

static void put(generator *g, const char *token) {
  if (g->count < TOKENS_MAX) snprintf(g->tokens[g->count++], TOKEN_BYTES, "%s", token);
}

#define PICK(g, list) ((list)[below(g, sizeof(list) / sizeof *(list))])

static const char *const ints[] = {"0",
                                   "1",
                                   "2",
                                   "3",
                                   "5",
                                   "7",
                                   "10",
                                   "31",
                                   "63",
                                   "64",
                                   "2147483648",
                                   "00012",
                                   "123456789",
                                   "9223372036854775807",
                                   "4611686018427387904"};
static const char *const doubles[] = {"0.0", "0.5",  "1.5",    "2.5",   "3.",        ".25",
                                      "1e3", "1.e2", "2E-1",   "1e18",  "9.3e18",    "1e300",
                                      "7.0", "-0.5", "1e-300", ".1e+1", "12345.678", "1.7976931348623157e308"};
static const char *const number_ops[] = {"+", "-", "*", "/", "%", "|", "&", "#", "<<", ">>"};
static const char *const comparisons[] = {"<", ">", "=", "<=", ">=", "<>", "!="};
static const char *const bool_ops[] = {"and", "or", "AND", "Or"};
static const char *const is_ops[] = {"is null",  "is not null", "is true", "is not true",
                                     "is false", "ISNULL",      "notnull", "IS NOT FALSE"};

static void generate_number(generator *g, int depth);
static void generate_bool(generator *g, int depth);

static void generate_any(generator *g, int depth) {
  if (percent(g, 60))
    generate_number(g, depth);
  else
    generate_bool(g, depth);
}

static void generate_variable(generator *g) {
  char name[16];
  const size_t count = sizeof generator_variables / sizeof *generator_variables;
  /* Those whose text is no value are rare. */
  uint64_t i = percent(g, 95) ? below(g, 8) : below(g, count);
  snprintf(name, sizeof name, ":%s", generator_variables[i][0]);
  put(g, name);
}

static void generate_arguments(generator *g, int count, int depth) {
  put(g, "(");
  if (percent(g, 1)) put(g, ",");
  for (int i = 0; i < count; i++) {
    if (i) put(g, ",");
    generate_number(g, depth - 1);
  }
  put(g, ")");
}

static void generate_call(generator *g, int depth) {
  static const struct {
    const char *name;
    int least, most;
  } functions[] = {{"abs", 1, 1},   {"ABS", 1, 1},      {"int", 1, 1},         {"double", 1, 1},     {"sqrt", 1, 1},
                   {"ln", 1, 1},    {"exp", 1, 1},      {"pow", 2, 2},         {"Power", 2, 2},      {"mod", 2, 2},
                   {"least", 1, 5}, {"greatest", 1, 5}, {"hash", 1, 2},        {"hash_fnv1a", 1, 2}, {"pi", 0, 0},
                   {"debug", 1, 1}, {"permute", 2, 3},  {"hash_murmur2", 1, 2}};
  uint64_t f = below(g, sizeof functions / sizeof *functions);
  int spread = functions[f].most - functions[f].least;
  put(g, functions[f].name);
  generate_arguments(g, functions[f].least + (int)below(g, (uint64_t)spread + 1), depth);
}

/* Literal bounds and parameters only: from a NaN pgbench draws nonsense, or never returns. */
static void generate_draw(generator *g) {
  static const char *const draws[][8] = {{"random", "(", "1", ",", "10", ")"},
                                         {"random", "(", "5", ",", "5", ")"},
                                         {"random_gaussian", "(", "1", ",", "100", ",", "2.5", ")"},
                                         {"random_exponential", "(", "0", ",", "9", ",", "3", ")"},
                                         {"random_zipfian", "(", "1", ",", "1000", ",", "1.5", ")"}};
  uint64_t d = below(g, 5);
  for (int i = 0; i < 8 && draws[d][i]; i++)
    put(g, draws[d][i]);
}

static void generate_case(generator *g, bool number, int depth) {
  put(g, percent(g, 50) ? "case" : "CASE");
  for (int whens = 1 + (int)below(g, 2); whens > 0; whens--) {
    put(g, "when");
    generate_any(g, depth - 1);
    put(g, "then");
    if (number)
      generate_number(g, depth - 1);
    else
      generate_bool(g, depth - 1);
  }
  if (percent(g, 70)) {
    put(g, "else");
    if (number)
      generate_number(g, depth - 1);
    else
      generate_bool(g, depth - 1);
  }
  put(g, "end");
}

static void generate_number(generator *g, int depth) {
  uint64_t kind = depth > 0 ? below(g, 100) : below(g, 30);
  if (kind < 17) {
    put(g, PICK(g, ints));
  } else if (kind < 22) {
    put(g, PICK(g, doubles));
  } else if (kind < 27) {
    generate_variable(g);
  } else if (kind < 28) {
    put(g, "null");
  } else if (kind < 29) {
    put(g, "-");
    put(g, "9223372036854775808");
  } else if (kind < 30) {
    generate_draw(g);
  } else if (kind < 40) {
    static const char *const prefixes[] = {"-", "~", "+"};
    put(g, PICK(g, prefixes));
    generate_number(g, depth - 1);
  } else if (kind < 72) {
    generate_number(g, depth - 1);
    put(g, PICK(g, number_ops));
    generate_number(g, depth - 1);
  } else if (kind < 85) {
    generate_call(g, depth);
  } else if (kind < 90) {
    generate_case(g, true, depth);
  } else if (kind < 94) {
    put(g, "(");
    generate_number(g, depth - 1);
    put(g, ")");
  } else {
    generate_bool(g, depth - 1);
  }
}

static void generate_bool(generator *g, int depth) {
  uint64_t kind = depth > 0 ? below(g, 100) : below(g, 15);
  if (kind < 5) {
    put(g, "true");
  } else if (kind < 10) {
    put(g, "False");
  } else if (kind < 12) {
    put(g, "NULL");
  } else if (kind < 15) {
    put(g, percent(g, 50) ? ":t" : ":f");
  } else if (kind < 40) {
    generate_number(g, depth - 1);
    put(g, PICK(g, comparisons));
    generate_number(g, depth - 1);
  } else if (kind < 62) {
    generate_bool(g, depth - 1);
    put(g, PICK(g, bool_ops));
    generate_bool(g, depth - 1);
  } else if (kind < 74) {
    put(g, percent(g, 70) ? "not" : "NOT");
    generate_bool(g, depth - 1);
  } else if (kind < 88) {
    generate_any(g, depth - 1);
    put(g, PICK(g, is_ops));
  } else if (kind < 94) {
    generate_case(g, false, depth);
  } else {
    put(g, "(");
    generate_bool(g, depth - 1);
    put(g, ")");
  }
}

static void mutate(generator *g) {
  static const char *const others[] = {"+",
                                       "-",
                                       "~",
                                       "not",
                                       "is",
                                       "null",
                                       "and",
                                       ",",
                                       "(",
                                       ")",
                                       "<",
                                       "=",
                                       "end",
                                       "when",
                                       "case",
                                       "else",
                                       "then",
                                       "1",
                                       "0.5",
                                       "1e",
                                       "abs",
                                       "pi",
                                       "foo",
                                       "least",
                                       ":i",
                                       ":none",
                                       ":9x",
                                       "9223372036854775808",
                                       "true",
                                       "isnull",
                                       "%",
                                       "!",
                                       ".",
                                       "1e400",
                                       "$",
                                       "2x",
                                       "99999999999999999999"};
  if (g->count < 2) return;
  size_t at = (size_t)below(g, (uint64_t)g->count - 1);
  char kept[TOKEN_BYTES];
  switch (below(g, 4)) {
  case 0: memmove(g->tokens[at], g->tokens[at + 1], (size_t)(--g->count - (int)at) * TOKEN_BYTES); break;
  case 1:
    if (g->count == TOKENS_MAX) break;
    memmove(g->tokens[at + 1], g->tokens[at], (size_t)(g->count++ - (int)at) * TOKEN_BYTES);
    break;
  case 2:
    memcpy(kept, g->tokens[at], TOKEN_BYTES);
    memcpy(g->tokens[at], g->tokens[at + 1], TOKEN_BYTES);
    memcpy(g->tokens[at + 1], kept, TOKEN_BYTES);
    break;
  default: snprintf(g->tokens[at], TOKEN_BYTES, "%s", PICK(g, others));
  }
}

/* The next expression; several lines when one ends with a backslash. */
static void generate(generator *g, char out[EXPR_BYTES]) {
  g->count = 0;
  do
    generate_any(g, 1 + (int)below(g, 4));
  while (g->count == 0);
  if (percent(g, 30))
    for (uint64_t i = 1 + below(g, 2); i > 0; i--)
      mutate(g);
  size_t used = 0;
  out[0] = '\0';
  for (int i = 0; i < g->count; i++) {
    const char *gap = i == 0 ? "" : percent(g, 8) ? "" : percent(g, 5) ? " \\\n\t" : " ";
    used += (size_t)snprintf(out + used, EXPR_BYTES - used, "%s%s", gap, g->tokens[i]);
  }
}

#endif
