/* Thresholds from the command line and from scenarios: any text is read or refused in words; what is read is read again
 * as it was, checked against a bench and applied to it. */
#include "pgr_threshold.h"

#include "pgr_mem.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const pgr_script script = {.sql_count = 3};
static const pgr_scenario scenario = {
    .name = "claim",
    .operations = {{.name = "claim"}, {.name = "re.ply"}},
    .operation_count = 2,
    .ownership = {.declared = true},
    .strategies = {{.name = "naive", .scripts = {&script, &script}}, {.name = "trigger", .scripts = {&script, NULL}}},
    .strategy_count = 2};

static void check_reading(const pgr_threshold *t) {
  pgr_threshold again;
  pgr_err err = {0};
  assert(t->comparison >= PGR_LESS && t->comparison <= PGR_MORE && isfinite(t->value) && t->value >= 0);
  assert(*t->figure && t->clients >= 0 && (*t->strategy || (!*t->level && !t->clients)));
  pgr_code code = pgr_threshold_parse(t->text, t->where, &again, &err);
  assert(code == PGR_OK && strcmp(again.text, t->text) == 0 && strcmp(again.figure, t->figure) == 0);
  assert(again.comparison == t->comparison && again.value == t->value && again.unit == t->unit);
  assert(again.clients == t->clients && strcmp(again.level, t->level) == 0);
}

/* In a bench of two cells, which have one figure, and that of the threshold. */
static void check_bench(const pgr_threshold *t, bool open) {
  pgr_figure figures[] = {{.name = "tps", .unit = PGR_UNIT_PER_S, .value = 100}, {.value = NAN}};
  pgr_bench_cell cells[] = {
      {.strategy = &scenario.strategies[0], .clients = 8, .figures = figures, .figure_count = 2},
      {.strategy = &scenario.strategies[1], .isolation = PGR_SERIALIZABLE, .figures = figures, .figure_count = 1}};
  pgr_bench b = {.scenario = &scenario, .cells = cells, .cell_count = 2, .thresholds = t, .threshold_count = 1};
  pgr_err err = {0};
  memcpy(figures[1].name, t->figure, sizeof t->figure);
  b.settings.open = b.settings.verify = open;
  pgr_code code = pgr_threshold_check(&b, &err);
  assert(code == PGR_OK || (code == PGR_EUSAGE && strncmp(err.msg, t->where, strlen(t->where)) == 0));
  code = pgr_threshold_apply(&b);
  assert(code == PGR_OK && b.crossing_count <= 2);
  pgr_free(b.crossings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const places[] = {"--threshold", "claim.yaml:12:5"};
  pgr_threshold t;
  pgr_err err = {0};
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  for (int i = 0; i < 2; i++) {
    pgr_code code = pgr_threshold_parse(text, places[i], &t, &err);
    assert(code == PGR_OK || (code == PGR_EUSAGE && strncmp(err.msg, places[i], strlen(places[i])) == 0));
    if (code) continue;
    check_reading(&t);
    check_bench(&t, false);
    check_bench(&t, true);
  }
  free(text);
  return 0;
}
