/* A bench as a whole: what it owns, how its cells and values are called. */
#include "pgr_bench.h"

#include "pgr_mem.h"
#include "pgr_units.h"
#include <math.h>
#include <string.h>

static void deinit_cell(pgr_bench_cell *c) {
  pgr_measure_deinit(&c->all);
  for (size_t i = 0; i < c->repetition_count; i++)
    pgr_series_deinit(&c->repetitions[i].series);
  for (size_t i = 0; i < c->figure_count; i++)
    pgr_free(c->figures[i].each);
  pgr_free(c->repetitions);
  pgr_free(c->figures);
}

void pgr_bench_deinit(pgr_bench *b) {
  for (size_t i = 0; i < b->cell_count; i++)
    deinit_cell(&b->cells[i]);
  pgr_free(b->cells);
  pgr_free(b->crossings);
  pgr_free(b->changes);
  *b = (pgr_bench){0};
}

const pgr_figure *pgr_bench_figure(const pgr_bench_cell *c, const char *name) {
  for (size_t i = 0; i < c->figure_count; i++)
    if (strcmp(c->figures[i].name, name) == 0) return &c->figures[i];
  return NULL;
}

void pgr_bench_cell_name(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out) {
  bool levels = false, clients = false;
  for (size_t i = 1; i < b->cell_count; i++) {
    levels |= b->cells[i].isolation != b->cells[0].isolation;
    clients |= b->cells[i].clients != b->cells[0].clients;
  }
  pgr_buf_adds(out, c->strategy->name);
  if (levels) pgr_buf_addf(out, "/%s", pgr_isolation_name(c->isolation));
  if (clients) pgr_buf_addf(out, "@%u", c->clients);
}

/* Three digits that matter, and thousands apart: "0.042", "12.3", "2,103". */
static void add_number(double value, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  double size = fabs(value);
  if (size >= 99.95 && size < 9e18)
    pgr_buf_adds(out, pgr_format_count(text, llround(value)));
  else if (value == floor(value) || size >= 9e18)
    pgr_buf_addf(out, "%.0f", value);
  else
    pgr_buf_addf(out, "%.*f", size >= 9.995 ? 1 : size >= 0.1 ? 2 : 3, value);
}

/* Two digits that matter, more where they would read 0 or 100 and it is neither. */
static void add_share(double share, pgr_buf *out) {
  double percent = share * 100, size = fabs(percent);
  if (size > 99 && size < 100)
    pgr_buf_addf(out, "%.2f %%", copysign(fmin(size, 99.99), percent));
  else if (size >= 9.95 || size == 0)
    pgr_buf_addf(out, "%.0f %%", percent);
  else
    pgr_buf_addf(out, "%.*f %%", size >= 1 ? 1 : (int)fmin(9, 1 - floor(log10(size))), percent);
}

static void add_bytes(double bytes, pgr_buf *out) {
  static const char *const names[] = {"B", "kB", "MB", "GB", "TB"};
  size_t scale = 0;
  while (fabs(bytes) >= 1023.5 && scale + 1 < sizeof names / sizeof *names) {
    bytes /= 1024;
    scale++;
  }
  add_number(bytes, out);
  pgr_buf_addf(out, " %s", names[scale]);
}

void pgr_bench_value(pgr_unit unit, double value, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  if (isnan(value)) {
    pgr_buf_adds(out, "–");
    return;
  }
  switch (unit) {
  case PGR_UNIT_COUNT: add_number(value, out); return;
  case PGR_UNIT_PER_S:
    add_number(value, out);
    pgr_buf_adds(out, " /s");
    return;
  case PGR_UNIT_NS: pgr_buf_adds(out, pgr_format_duration(text, llround(fmin(value, 9e18)))); return;
  case PGR_UNIT_SHARE: add_share(value, out); return;
  case PGR_UNIT_BYTES: add_bytes(value, out); return;
  }
}
