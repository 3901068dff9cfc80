/* Baselines: any bytes are read or refused in words; what is read can be checked against a bench and compared with it.
 */
#include "pgr_baseline.h"

#include "pgr_mem.h"
#include <assert.h>
#include <math.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { REPETITIONS = 11, CELLS = 2, FIGURES = 3 };

static const pgr_scenario scenario = {.name = "claim",
                                      .operations = {{.name = "claim"}, {.name = "release"}},
                                      .operation_count = 2,
                                      .strategies = {{.name = "naive"}, {.name = "trigger"}},
                                      .strategy_count = 2};

static void check_changes(const pgr_bench *b) {
  assert(b->change_count <= (size_t)CELLS * FIGURES);
  for (size_t i = 0; i < b->change_count; i++) {
    const pgr_change *c = &b->changes[i];
    assert(c->cell < b->cell_count && c->figure < b->cells[c->cell].figure_count);
    assert(isfinite(c->before) && isfinite(c->after) && c->p >= 0 && c->p <= 1);
    assert(!c->worse || c->significant);
    assert(!c->significant || (c->p < 0.05 && c->before != c->after));
  }
}

static void check_bench(const pgr_baseline *l) {
  double each[REPETITIONS] = {NAN};
  for (int i = 1; i < REPETITIONS; i++)
    each[i] = i;
  pgr_figure figures[FIGURES] = {
      {.name = "tps", .unit = PGR_UNIT_PER_S, .better = PGR_BETTER_HIGHER, .each = each, .count = REPETITIONS},
      {.name = "transaction.p99", .unit = PGR_UNIT_NS, .better = PGR_BETTER_LOWER, .each = each, .count = REPETITIONS},
      {.name = "transactions", .better = PGR_BETTER_NEITHER, .each = each, .count = REPETITIONS}};
  pgr_bench_cell cells[CELLS] = {
      {.strategy = &scenario.strategies[0], .clients = 8, .figures = figures, .figure_count = FIGURES},
      {.strategy = &scenario.strategies[1], .clients = 8, .figures = figures, .figure_count = FIGURES}};
  pgr_bench b = {.scenario = &scenario, .cells = cells, .cell_count = CELLS};
  pgr_err err = {0};
  b.settings.repetitions = REPETITIONS;
  pgr_code code = pgr_baseline_check(l, &b, &err);
  assert(code == PGR_OK || (code == PGR_EUSAGE && strncmp(err.msg, "fuzz", 4) == 0));
  code = pgr_baseline_compare(l, &b, (pgr_floors){.relative = 0.05, .absolute_ns = 1});
  assert(code == PGR_OK);
  check_changes(&b);
  pgr_free(b.changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pgr_baseline *l = NULL;
  pgr_err err = {0};
  if (pgr_baseline_read((const char *)data, size, "fuzz", &l, &err)) {
    assert(err.code == PGR_EUSAGE && strncmp(err.msg, "fuzz:", 5) == 0);
    assert(!l);
    return 0;
  }
  check_bench(l);
  pgr_baseline_destroy(l);
  return 0;
}
