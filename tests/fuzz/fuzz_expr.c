/* Expressions: any bytes parse or are refused with one fault; what parses evaluates, twice alike from one random state,
 * or fails in words. The bytes serve as a variable's text as well. */
#include "pgr_expr.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVALUATED_BYTES = 4096 }; /* longer ones are parsed only: drawing by rejection takes its time */

static void count_debug(void *user, const char *text) {
  assert(text[0]);
  ++*(size_t *)user;
}

static bool same(pgr_value a, pgr_value b) {
  if (a.type != b.type) return false;
  switch (a.type) {
  case PGR_TYPE_NULL: return true;
  case PGR_TYPE_BOOL: return a.as.b == b.as.b;
  case PGR_TYPE_INT: return a.as.i == b.as.i;
  case PGR_TYPE_DOUBLE: return a.as.d == b.as.d || (isnan(a.as.d) && isnan(b.as.d));
  }
  return false;
}

static void fill(pgr_vars *vars, pgr_names *names, const char *text) {
  int x = pgr_names_intern(names, "x", 1), n = pgr_names_intern(names, "n", 1), t = pgr_names_intern(names, "t", 1);
  if (x < 0 || n < 0 || t < 0) return;
  pgr_vars_set_int(vars, n, -3);
  pgr_vars_set_int(vars, PGR_SLOT_DEFAULT_SEED, 42);
  assert(pgr_vars_set_text(vars, t, "tru") == PGR_OK);
  assert(pgr_vars_set_text(vars, x, text) == PGR_OK);
}

static void evaluate_twice(const pgr_expr *e, const pgr_names *names, pgr_vars *vars) {
  pgr_value v[2] = {{0}};
  pgr_err err[2] = {{0}};
  pgr_code code[2];
  size_t debugged[2] = {0};
  for (int i = 0; i < 2; i++) {
    pgr_prng random;
    pgr_prng_seed(&random, 7);
    pgr_scope scope = {.names = names, .vars = vars, .random = &random, .debug = count_debug, .user = &debugged[i]};
    code[i] = pgr_expr_eval(e, &scope, &v[i], &err[i]);
  }
  assert(code[0] == code[1] && debugged[0] == debugged[1]);
  if (code[0]) {
    assert(code[0] == PGR_EUSAGE && err[0].msg[0] && strcmp(err[0].msg, err[1].msg) == 0);
    return;
  }
  char text[PGR_VALUE_BYTES];
  assert(same(v[0], v[1]));
  assert(strlen(pgr_value_text(v[0], text)) < sizeof text);
  (void)pgr_value_is_true(v[0]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  pgr_source source = {.name = "fuzz", .text = text, .len_bytes = strlen(text)};
  pgr_arena arena = {0};
  pgr_names names;
  pgr_vars vars;
  pgr_faults faults = {0};
  const pgr_expr *e = NULL;
  assert(pgr_names_init(&names, &arena) == PGR_OK);
  bool parsed = pgr_expr_parse(&source, 0, source.len_bytes, &names, &arena, &faults, &e);
  assert(parsed == (e != NULL) && faults.count == !parsed);
  assert(parsed || (faults.kept[0].text && strncmp(faults.kept[0].text, "fuzz:", 5) == 0));
  assert(pgr_vars_init(&vars, PGR_NAMES_MAX) == PGR_OK);
  fill(&vars, &names, text);
  if (parsed && source.len_bytes <= EVALUATED_BYTES) evaluate_twice(e, &names, &vars);
  pgr_vars_deinit(&vars);
  pgr_faults_deinit(&faults);
  pgr_names_deinit(&names);
  pgr_arena_deinit(&arena);
  free(text);
  return 0;
}
