/* Of a bench's text: who arrived, and whether the client itself kept up. */
#include "bench_internal.h"

#include "pgr_units.h"
#include <string.h>

void pgr__bench_add_arrivals(const pgr_bench *b, pgr_buf *out) {
  static const char *const columns[] = {"due", "late", "shed", "unsent", "lag p50", "lag p99", NULL};
  pgr__table t;
  pgr__table_init(&t, "lrrrrrrr");
  pgr__bench_add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!pgr__bench_was_run(c)) continue;
    pgr__bench_add_name_columns(&t, b, c);
    pgr__bench_add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.due");
    pgr__bench_add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.late");
    pgr__bench_add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.shed");
    pgr__bench_add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.unsent");
    pgr__bench_add_figure(&t, c, PGR_UNIT_NS, "lag.p50");
    pgr__bench_add_figure(&t, c, PGR_UNIT_NS, "lag.p99");
    pgr__table_end_line(&t);
  }
  pgr_buf_adds(out, "\n  arrivals; late: no client was free, shed: later than --max-lag\n");
  pgr__table_take(&t, out);
}

/* Past these, what is measured is pgrace as well as the server. */
static const struct limit {
  const char *figure;
  double most;
  const char *before, *after; /* around the value */
} limits[] = {{"client.cpu_share", 0.8, "busy for ", " of its threads' time"},
              {"client.run_wait_share", 0.2, "without a processor for ", ""},
              {"client.loop_lag.p99", 1e6, "its timers ", " late (p99)"}};

enum { LIMITS = sizeof limits / sizeof *limits };

static bool is_past(const pgr_bench_cell *c, const struct limit *l) {
  return pgr__bench_value_of(c, l->figure, 0) > l->most;
}

static bool is_bottleneck(const pgr_bench_cell *c) {
  for (size_t k = 0; k < LIMITS; k++)
    if (is_past(c, &limits[k])) return true;
  return false;
}

static void add_limit(const pgr_bench_cell *c, const struct limit *l, pgr_buf *out) {
  const pgr_figure *f = pgr_bench_figure(c, l->figure);
  pgr_buf_adds(out, l->before);
  pgr_bench_value(f->unit, f->value, out);
  pgr_buf_adds(out, l->after);
}

/* " (busy for 95 % of its threads' time, its timers 1.20 ms late (p99))" */
static void add_reasons(const pgr_bench_cell *c, pgr_buf *out) {
  const char *separator = " (";
  for (size_t k = 0; k < LIMITS; k++) {
    if (!is_past(c, &limits[k])) continue;
    pgr_buf_adds(out, separator);
    add_limit(c, &limits[k], out);
    separator = ", ";
  }
  pgr_buf_adds(out, ")");
}

/* Of many cells only the names: the worst of each is said before. */
static void add_bottlenecks(const pgr_bench *b, bool colour, pgr_buf *out) {
  enum { EXPLAINED_MAX = 2 };
  const char *shade = colour ? PGR__YELLOW : NULL, *separator = "Warning: pgrace itself was held up in ";
  size_t count = 0;
  for (size_t i = 0; i < b->cell_count; i++)
    count += is_bottleneck(&b->cells[i]);
  if (count == 0) return;
  size_t from = pgr__bench_begin_paragraph(shade, out);
  for (size_t i = 0; i < b->cell_count; i++) {
    if (!is_bottleneck(&b->cells[i])) continue;
    pgr_buf_adds(out, separator);
    pgr__bench_add_name(b, &b->cells[i], out);
    if (count <= EXPLAINED_MAX) add_reasons(&b->cells[i], out);
    separator = ", ";
  }
  pgr_buf_adds(out, ". What it waited for a processor is in these times: it competes with a server on the same machine "
                    "as others do; else give it more threads, fewer clients, or a machine of its own.");
  pgr__bench_end_paragraph(from, shade, out);
}

void pgr__bench_add_client(const pgr_bench *b, bool colour, pgr_buf *out) {
  const char *separator = "The client: at most ";
  pgr_buf_adds(out, "\n");
  size_t from = pgr__bench_begin_paragraph(NULL, out), before = out->len;
  for (size_t k = 0; k < LIMITS; k++) {
    const pgr_bench_cell *c = pgr__bench_highest(b, limits[k].figure);
    if (!c) continue;
    pgr_buf_adds(out, separator);
    add_limit(c, &limits[k], out);
    separator = ", ";
  }
  pgr_buf_adds(out, out->len > before ? "." : "The client: nothing is known of it.");
  pgr__bench_end_paragraph(from, NULL, out);
  add_bottlenecks(b, colour, out);
}
