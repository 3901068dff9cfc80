/* The histogram of an interval: a value is counted in steps of 125 ns, eight of which are 1 µs, and each power of two
 * above 1 µs is eight steps wide. Shorter values share the first step, those of 67 minutes and more the last one. */
#include "pgr_series.h"

#include "pgr_mem.h"
#include <assert.h>
#include <string.h>

enum { UNIT_NS = 125, IN_A_POWER = 8, LAST = PGR_SERIES_STEPS - 1, COUNT_FIRST = 16 };

/* Step `power * 8 + i` holds (8 + i) << power … ((9 + i) << power) - 1 units. */
static int step_of(int64_t ns) {
  int64_t units = ns / UNIT_NS;
  if (units < IN_A_POWER) return 0;
  int power = 60 - __builtin_clzll((unsigned long long)units);
  int64_t step = (int64_t)power * IN_A_POWER + (units >> power) - IN_A_POWER;
  return step < LAST ? (int)step : LAST;
}

/* The middle of a step: at most 1/16 from whatever fell into it. */
static int64_t middle_ns(int step) {
  int64_t low = IN_A_POWER + step % IN_A_POWER;
  return ((2 * low + 1) << (step / IN_A_POWER)) * UNIT_NS / 2;
}

/* Those added are empty. */
static pgr_code ensure(pgr_series *s, size_t count) {
  if (count <= s->count) return PGR_OK;
  if (count > s->cap) {
    size_t cap = s->cap ? s->cap * 2 : COUNT_FIRST;
    if (cap < count) cap = count;
    pgr_interval_figures *at = pgr_realloc(s->at, cap, sizeof *at);
    if (!at) return PGR_ENOMEM;
    s->at = at;
    s->cap = cap;
  }
  memset(s->at + s->count, 0, (count - s->count) * sizeof *s->at);
  s->count = count;
  return PGR_OK;
}

pgr_code pgr_series_add(pgr_series *s, int64_t at_ns, int64_t response_ns, int failed) {
  assert(s->width_ns > 0 && at_ns >= 0);
  size_t index = (size_t)(at_ns / s->width_ns);
  pgr_code code = ensure(s, index + 1);
  if (code) return code;
  pgr_interval_figures *f = &s->at[index];
  f->ended++;
  f->errors += failed != 0;
  if (response_ns > f->max_ns) f->max_ns = response_ns;
  f->steps[step_of(response_ns)]++;
  return PGR_OK;
}

pgr_code pgr_series_merge(pgr_series *s, const pgr_series *from) {
  assert(from->count == 0 || s->width_ns == from->width_ns);
  pgr_code code = ensure(s, from->count);
  if (code) return code;
  for (size_t i = 0; i < from->count; i++) {
    pgr_interval_figures *to = &s->at[i];
    const pgr_interval_figures *f = &from->at[i];
    to->ended += f->ended;
    to->errors += f->errors;
    if (f->max_ns > to->max_ns) to->max_ns = f->max_ns;
    for (int step = 0; step < PGR_SERIES_STEPS; step++)
      to->steps[step] += f->steps[step];
  }
  return PGR_OK;
}

void pgr_series_deinit(pgr_series *s) {
  pgr_free(s->at);
  *s = (pgr_series){.width_ns = s->width_ns};
}

int64_t pgr_series_quantile(const pgr_interval_figures *f, double q) {
  if (q >= 1) return f->max_ns;
  double exact = q * (double)f->ended;
  uint64_t rank = exact > 0 ? (uint64_t)exact : 0, seen = 0;
  if ((double)rank < exact || rank == 0) rank++;
  for (int step = 0; step < LAST; step++) {
    seen += f->steps[step];
    if (seen < rank) continue;
    int64_t value = middle_ns(step);
    return value < f->max_ns ? value : f->max_ns;
  }
  return f->max_ns;
}
