/* A bench as a person reads it in a terminal. Order: what each cell got done and how long it took, who was told what
 * cannot be true, what a transaction cost the server and where its processes were, whether the client kept up, what was
 * asked for and not kept, what changed. */
#include "report_internal.h"

#include "pgr_bench.h"
#include "pgr_threshold.h"
#include "pgr_units.h"
#include "pgr_utf8.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { VALUE_BYTES = 64, NAME_BYTES = 256, BOUNDED_MIN = 6 /* repetitions that bound a median with 95 % */ };

/* Text from elsewhere, without what would move a terminal's cursor. */
static void add_clean(pgr_buf *out, const char *text) {
  char fit[NAME_BYTES];
  pgr_utf8_copy(fit, sizeof fit, text);
  pgr_buf_adds(out, fit);
}

static void add_name(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_bench_cell_name(b, c, &name);
  out->failed |= name.failed;
  add_clean(out, pgr_buf_text(&name));
  pgr_buf_deinit(&name);
}

/* A paragraph is wrapped as one, hence in one colour, or none: NULL. */
static size_t begin_paragraph(const char *colour, pgr_buf *out) {
  if (colour) pgr_buf_adds(out, colour);
  return out->len;
}

static void end_paragraph(size_t from, const char *colour, pgr_buf *out) {
  pgr__wrap(out, from);
  pgr_buf_addf(out, "%s\n", colour ? PGR__PLAIN : "");
}

static bool was_run(const pgr_bench_cell *c) {
  return c->repetition_count > 0;
}

static bool mixes_levels(const pgr_bench *b) {
  for (size_t i = 1; i < b->cell_count; i++)
    if (b->cells[i].isolation != b->cells[0].isolation) return true;
  return false;
}

static bool varies_clients(const pgr_bench *b) {
  for (size_t i = 1; i < b->cell_count; i++)
    if (b->cells[i].clients != b->cells[0].clients) return true;
  return false;
}

static const char *main_operation(const pgr_bench *b) {
  return b->scenario->operations[pgr_scenario_main_operation(b->scenario)].name;
}

/* ---- figures by name ---- */

static double value_of(const pgr_bench_cell *c, const char *name, double otherwise) {
  const pgr_figure *f = pgr_bench_figure(c, name);
  return f ? f->value : otherwise;
}

static bool any_above_zero(const pgr_bench *b, const char *name) {
  for (size_t i = 0; i < b->cell_count; i++)
    if (value_of(&b->cells[i], name, 0) > 0) return true;
  return false;
}

/* NULL when no cell has it. */
static const pgr_bench_cell *highest(const pgr_bench *b, const char *name) {
  const pgr_bench_cell *found = NULL;
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (pgr_bench_figure(c, name) && (!found || value_of(c, name, 0) > value_of(found, name, 0))) found = c;
  }
  return found;
}

/* ---- tables of cells ---- */

static void add_value(pgr__table *t, pgr_unit unit, double value) {
  pgr_buf text;
  pgr_buf_init(&text, VALUE_BYTES);
  pgr_bench_value(unit, value, &text);
  pgr__table_add(t, pgr_buf_text(&text), NULL);
  pgr_buf_deinit(&text);
}

/* "" when the cell has none. */
static void add_figure(pgr__table *t, const pgr_bench_cell *c, pgr_unit unit, const char *name) {
  const pgr_figure *f = pgr_bench_figure(c, name);
  if (f)
    add_value(t, unit, f->value);
  else
    pgr__table_add(t, "", NULL);
}

/* Of a count that is only shown when some cell has any. */
static void add_rarity(pgr__table *t, const pgr_bench *b, const pgr_bench_cell *c, const char *name) {
  if (any_above_zero(b, name))
    add_value(t, PGR_UNIT_COUNT, value_of(c, name, 0));
  else
    pgr__table_add(t, "", NULL);
}

static void add_heading(pgr__table *t, const pgr_bench *b, const char *const *columns) {
  if (mixes_levels(b))
    pgr__table_add(t, varies_clients(b) ? "strategy/isolation@clients" : "strategy/isolation", NULL);
  else
    pgr__table_add(t, "strategy", NULL);
  pgr__table_add(t, "clients", NULL);
  for (; *columns; columns++)
    pgr__table_add(t, *columns, NULL);
  pgr__table_end_line(t);
}

/* A column for the whole name where levels differ, else one for each part. */
static void add_name_columns(pgr__table *t, const pgr_bench *b, const pgr_bench_cell *c) {
  if (mixes_levels(b)) {
    pgr_buf name;
    pgr_buf_init(&name, 0);
    add_name(b, c, &name);
    pgr__table_add(t, pgr_buf_text(&name), NULL);
    pgr__table_add(t, "", NULL);
    pgr_buf_deinit(&name);
  } else {
    pgr__table_add(t, c->strategy->name, NULL);
    add_value(t, PGR_UNIT_COUNT, c->clients);
  }
}

/* ---- what it got done ---- */

/* Half of the interval, of the median. */
static void add_spread(pgr__table *t, const pgr_bench_cell *c) {
  const pgr_figure *f = pgr_bench_figure(c, "tps");
  if (f && c->repetition_count > 1 && f->median > 0)
    add_value(t, PGR_UNIT_SHARE, (f->interval.high - f->interval.low) / 2 / f->median);
  else
    pgr__table_add(t, "", NULL);
}

/* "Lock:transactionid 64 %": of the processes that were found busy. */
static void add_where_it_hurts(pgr__table *t, const pgr_bench_cell *c) {
  const pgr_server_figures *server = &c->all.server;
  uint64_t all = 0;
  for (size_t i = 0; i < server->wait_count; i++)
    all += server->waits[i].seen;
  if (!server->known || all == 0) {
    pgr__table_add(t, "", NULL);
    return;
  }
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_addf(&text, "%s ", server->waits[0].what);
  pgr_bench_value(PGR_UNIT_SHARE, (double)server->waits[0].seen / (double)all, &text);
  pgr__table_add(t, pgr_buf_text(&text), NULL);
  pgr_buf_deinit(&text);
}

static void add_duplicates_column(pgr__table *t, const pgr_bench_cell *c, bool colour) {
  const pgr_figure *f = pgr_bench_figure(c, "duplicates");
  char text[PGR_TEXT_BYTES];
  const char *shade = NULL;
  if (!f) {
    pgr__table_add(t, "", NULL);
    return;
  }
  if (colour && f->value > 0) shade = c->expect == PGR_EXPECT_SAFE ? PGR__RED : PGR__YELLOW;
  pgr__table_add(t, pgr_format_count(text, llround(f->value)), shade);
}

/* What there may be no room for is said in the remarks too. */
static void add_cells(const pgr_bench *b, bool colour, pgr_buf *out) {
  static const char *const columns[] = {"tps",        "±",           "retries/op",     "deadlocks", "errors",
                                        "duplicates", "rows broken", "where it hurts", NULL};
  char retries[PGR_FIGURE_NAME_BYTES];
  pgr__table t;
  pgr__table_init(&t, "lrrrrrRrRL");
  snprintf(retries, sizeof retries, "%s.retries", main_operation(b));
  add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    add_name_columns(&t, b, c);
    if (was_run(c)) {
      add_value(&t, PGR_UNIT_COUNT, value_of(c, "tps", NAN));
      add_spread(&t, c);
      add_rarity(&t, b, c, retries);
      add_rarity(&t, b, c, "server.deadlocks");
      add_rarity(&t, b, c, "errors");
      add_duplicates_column(&t, c, colour);
      add_rarity(&t, b, c, "rows_broken");
      add_where_it_hurts(&t, c);
    } else {
      pgr__table_add(&t, "not run", NULL);
    }
    pgr__table_end_line(&t);
  }
  pgr__table_take(&t, out);
}

/* What ± means, once. */
static void add_meaning_of_spread(const pgr_bench *b, pgr_buf *out) {
  size_t fewest = SIZE_MAX, most = 0;
  for (size_t i = 0; i < b->cell_count; i++) {
    size_t n = b->cells[i].repetition_count;
    if (n > 0 && n < fewest) fewest = n;
    if (n > most) most = n;
  }
  if (most == 0) return;
  size_t from = begin_paragraph(NULL, out);
  if (most == 1)
    pgr_buf_adds(out, "  One repetition does not say how much a figure varies: give --repetitions.");
  else if (fewest < BOUNDED_MIN)
    pgr_buf_adds(out, "  ±: half of the range of what was seen; fewer than 6 repetitions give no 95 % interval.");
  else
    pgr_buf_adds(out, "  ±: half of the median's 95 % interval.");
  end_paragraph(from, NULL, out);
}

/* ---- how long it took ---- */

static void add_response(pgr__table *t, const pgr_bench_cell *c, const char *operation, const char *what) {
  char name[PGR_FIGURE_NAME_BYTES];
  snprintf(name, sizeof name, "response.%s.%s", operation, what);
  add_figure(t, c, PGR_UNIT_NS, name);
}

static void add_latencies(const pgr_bench *b, pgr_buf *out) {
  static const char *const columns[] = {"p50", "p99", "p99.99", "max", "lost p99", NULL};
  const char *operation = main_operation(b);
  char rejected[PGR_FIGURE_NAME_BYTES];
  pgr__table t;
  pgr__table_init(&t, "lrrrRrr");
  snprintf(rejected, sizeof rejected, "response.%s.rejected.p99", operation);
  add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!was_run(c)) continue;
    add_name_columns(&t, b, c);
    add_response(&t, c, operation, "ok.p50");
    add_response(&t, c, operation, "ok.p99");
    add_response(&t, c, operation, "ok.p99.99");
    add_response(&t, c, operation, "ok.max");
    add_response(&t, c, operation, pgr_bench_figure(c, rejected) ? "rejected.p99" : "refused.p99");
    pgr__table_end_line(&t);
  }
  pgr_buf_adds(out, "\n  ");
  add_clean(out, operation);
  pgr_buf_adds(out, " ok, from its intended start; lost: refused or rejected\n");
  pgr__table_take(&t, out);
}

/* ---- what cannot be true ---- */

/* "conversation 17: agent 3 was told ok, and 9.00 µs later agent 5 as well" */
static void add_first_duplicate(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out) {
  const pgr_followed *v = &c->story.violation;
  char key[PGR_TEXT_BYTES], later[PGR_TEXT_BYTES];
  if (c->story.duplicates == 0) return;
  pgr_buf_adds(out, "; the first: ");
  add_clean(out, b->scenario->key.name);
  pgr_buf_addf(out, " %s, agent %u was told ok, and %s later agent %u %s", pgr_format_count(key, v->second.key),
               v->first.agent, pgr_format_duration(later, v->second.return_ns - v->first.return_ns), v->second.agent,
               b->scenario->ownership.capacity > 1 ? "as one too many" : "as well");
}

static void add_duplicates(const pgr_bench *b, const pgr_bench_cell *c, bool colour, pgr_buf *out) {
  const char *shade = colour && c->expect == PGR_EXPECT_SAFE ? PGR__RED : NULL;
  char text[PGR_TEXT_BYTES], of[PGR_TEXT_BYTES];
  size_t from = begin_paragraph(shade, out);
  add_name(b, c, out);
  pgr_buf_addf(out, ": %s duplicate%s in %s operations", pgr_format_count(text, (int64_t)c->all.duplicates),
               c->all.duplicates == 1 ? "" : "s", pgr_format_count(of, (int64_t)c->all.verified_operations));
  if (c->expect != PGR_EXPECT_NOTHING)
    pgr_buf_adds(out, c->expect == PGR_EXPECT_RACE ? ", as expected" : ", NOT expected");
  add_first_duplicate(b, c, out);
  pgr_buf_adds(out, ".");
  end_paragraph(from, shade, out);
}

static void add_unexplained(const pgr_bench *b, const pgr_bench_cell *c, bool colour, pgr_buf *out) {
  const char *shade = colour ? PGR__RED : NULL;
  const pgr_op *op = &c->story.unexplained_first.second;
  char text[PGR_TEXT_BYTES];
  size_t from = begin_paragraph(shade, out);
  add_name(b, c, out);
  pgr_buf_addf(out, ": %s refusal%s that nothing explains", pgr_format_count(text, (int64_t)c->all.unexplained),
               c->all.unexplained == 1 ? "" : "s");
  if (c->story.unexplained > 0) {
    pgr_buf_adds(out, "; the first: ");
    add_clean(out, b->scenario->key.name);
    pgr_buf_addf(out, " %s, agent %u", pgr_format_count(text, op->key), op->agent);
  }
  pgr_buf_adds(out, ".");
  end_paragraph(from, shade, out);
}

/* text: of the cell, from elsewhere. */
static void add_remark(const pgr_bench *b, const pgr_bench_cell *c, const char *before, const char *text,
                       const char *colour, pgr_buf *out) {
  if (!*text) return;
  size_t from = begin_paragraph(colour, out);
  add_name(b, c, out);
  pgr_buf_adds(out, before);
  add_clean(out, text);
  pgr_buf_adds(out, ".");
  end_paragraph(from, colour, out);
}

static uint64_t unknown_operations(const pgr_bench *b, const pgr_bench_cell *c) {
  uint64_t unknown = 0;
  for (int k = 0; k < b->scenario->operation_count; k++)
    unknown += c->all.tally.outcomes[k][PGR_OUTCOME_UNKNOWN];
  return unknown;
}

static void add_remarks_of(const pgr_bench *b, const pgr_bench_cell *c, bool colour, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  if (c->all.duplicates > 0) add_duplicates(b, c, colour, out);
  if (c->all.duplicates == 0 && c->all.verified && c->expect == PGR_EXPECT_RACE && c->rows_broken == 0)
    add_remark(b, c, ": ", "none seen, the scenario says race", colour ? PGR__YELLOW : NULL, out);
  if (c->all.unexplained > 0) add_unexplained(b, c, colour, out);
  add_remark(b, c, " broke: ", c->rules, colour && c->expect == PGR_EXPECT_SAFE ? PGR__RED : NULL, out);
  add_remark(b, c, ": ", c->trouble, colour ? PGR__YELLOW : NULL, out);
  uint64_t unknown = unknown_operations(b, c);
  if (unknown > 0) {
    size_t from = begin_paragraph(NULL, out);
    add_name(b, c, out);
    pgr_buf_addf(out, ": %s operation%s in flight when the connection ended may or may not have happened.",
                 pgr_format_count(text, (int64_t)unknown), unknown == 1 ? "" : "s");
    end_paragraph(from, NULL, out);
  }
  if (c->all.tally.complaint_count == 0) return;
  add_name(b, c, out);
  pgr_buf_adds(out, ":\n");
  pgr__add_complaints(b->scenario, c->all.tally.complaints, c->all.tally.complaint_count, out);
}

static void add_remarks(const pgr_bench *b, bool colour, pgr_buf *out) {
  bool broken = false;
  pgr_buf remarks;
  pgr_buf_init(&remarks, 0);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!was_run(c)) continue;
    add_remarks_of(b, c, colour, &remarks);
    broken |= c->all.duplicates > 0 || c->rows_broken > 0;
  }
  if (broken && b->scenario->broken) {
    size_t from = begin_paragraph(NULL, &remarks);
    add_clean(&remarks, b->scenario->broken);
    end_paragraph(from, NULL, &remarks);
  }
  if (remarks.len > 0) pgr_buf_addf(out, "\n%s", pgr_buf_text(&remarks));
  out->failed |= remarks.failed;
  pgr_buf_deinit(&remarks);
}

/* ---- the server ---- */

static void add_costs(const pgr_bench *b, pgr_buf *out) {
  static const char *const columns[] = {"server CPU", "WAL", "client CPU", NULL};
  pgr__table t;
  pgr__table_init(&t, "lrrrr");
  add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!was_run(c)) continue;
    add_name_columns(&t, b, c);
    add_figure(&t, c, PGR_UNIT_NS, "server.cpu_per_transaction");
    add_figure(&t, c, PGR_UNIT_BYTES, "server.wal_per_transaction");
    add_figure(&t, c, PGR_UNIT_NS, "client.cpu_per_transaction");
    pgr__table_end_line(&t);
  }
  pgr_buf_adds(out, "\n  what a transaction cost\n");
  pgr__table_take(&t, out);
}

/* As many as there is room for, those seen most. */
static void add_waits_of(const pgr_bench *b, const pgr_bench_cell *c, int names, pgr_buf *out) {
  const pgr_server_figures *server = &c->all.server;
  size_t from = out->len;
  pgr_buf_adds(out, "  ");
  add_name(b, c, out);
  pgr_buf_addf(out, "%*s", pgr__padding(pgr_buf_text(out) + from, names + 2), "");
  for (size_t i = 0; i < server->wait_count; i++) {
    char what[PGR_WAIT_BYTES];
    pgr_buf item;
    pgr_buf_init(&item, 0);
    pgr_utf8_copy(what, sizeof what, server->waits[i].what);
    pgr_buf_addf(&item, "%s%s ", i ? ", " : "  ", what);
    pgr_bench_value(PGR_UNIT_COUNT, (double)server->waits[i].seen / (double)server->looks, &item);
    bool fits = pgr__width(pgr_buf_text(out) + from) + pgr__width(pgr_buf_text(&item)) <= PGR__COLUMNS;
    if (i == 0 || fits) pgr_buf_adds(out, pgr_buf_text(&item));
    pgr_buf_deinit(&item);
    if (!fits) break;
  }
  pgr_buf_adds(out, "\n");
}

static int widest_name(const pgr_bench *b) {
  int widest = 0;
  for (size_t i = 0; i < b->cell_count; i++) {
    pgr_buf name;
    pgr_buf_init(&name, 0);
    add_name(b, &b->cells[i], &name);
    if (pgr__width(pgr_buf_text(&name)) > widest) widest = pgr__width(pgr_buf_text(&name));
    pgr_buf_deinit(&name);
  }
  return widest;
}

static void add_waits(const pgr_bench *b, pgr_buf *out) {
  bool any = false;
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_server_figures *server = &b->cells[i].all.server;
    if (!server->known || server->looks == 0 || server->wait_count == 0) continue;
    if (!any) pgr_buf_adds(out, "\n  where the server's processes were, on average so many\n");
    any = true;
    add_waits_of(b, &b->cells[i], widest_name(b), out);
  }
}

/* ---- the client ---- */

static void add_arrivals(const pgr_bench *b, pgr_buf *out) {
  static const char *const columns[] = {"due", "late", "shed", "unsent", "lag p50", "lag p99", NULL};
  pgr__table t;
  pgr__table_init(&t, "lrrrrrrr");
  add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!was_run(c)) continue;
    add_name_columns(&t, b, c);
    add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.due");
    add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.late");
    add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.shed");
    add_figure(&t, c, PGR_UNIT_COUNT, "arrivals.unsent");
    add_figure(&t, c, PGR_UNIT_NS, "lag.p50");
    add_figure(&t, c, PGR_UNIT_NS, "lag.p99");
    pgr__table_end_line(&t);
  }
  pgr_buf_adds(out, "\n  arrivals; late: no client was free, shed: later than --max-lag\n");
  pgr__table_take(&t, out);
}

/* Past these, what is measured is pgrace and not the server. */
static const struct limit {
  const char *figure;
  double most;
  const char *before, *after; /* around the value */
} limits[] = {{"client.cpu_share", 0.8, "busy for ", " of its threads' time"},
              {"client.run_wait_share", 0.2, "without a processor for ", ""},
              {"client.loop_lag.p99", 1e6, "its timers ", " late (p99)"}};

enum { LIMITS = sizeof limits / sizeof *limits };

static bool is_past(const pgr_bench_cell *c, const struct limit *l) {
  return value_of(c, l->figure, 0) > l->most;
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
  const char *shade = colour ? PGR__YELLOW : NULL, *separator = "Warning: pgrace itself was the bottleneck in ";
  size_t count = 0;
  for (size_t i = 0; i < b->cell_count; i++)
    count += is_bottleneck(&b->cells[i]);
  if (count == 0) return;
  size_t from = begin_paragraph(shade, out);
  for (size_t i = 0; i < b->cell_count; i++) {
    if (!is_bottleneck(&b->cells[i])) continue;
    pgr_buf_adds(out, separator);
    add_name(b, &b->cells[i], out);
    if (count <= EXPLAINED_MAX) add_reasons(&b->cells[i], out);
    separator = ", ";
  }
  pgr_buf_adds(out, ". What is measured there is not the server: give pgrace more threads, fewer clients, or a machine "
                    "of its own.");
  end_paragraph(from, shade, out);
}

static void add_client(const pgr_bench *b, bool colour, pgr_buf *out) {
  const char *separator = "The client: at most ";
  pgr_buf_adds(out, "\n");
  size_t from = begin_paragraph(NULL, out), before = out->len;
  for (size_t k = 0; k < LIMITS; k++) {
    const pgr_bench_cell *c = highest(b, limits[k].figure);
    if (!c) continue;
    pgr_buf_adds(out, separator);
    add_limit(c, &limits[k], out);
    separator = ", ";
  }
  pgr_buf_adds(out, out->len > before ? "." : "The client: nothing is known of it.");
  end_paragraph(from, NULL, out);
  add_bottlenecks(b, colour, out);
}

/* ---- what was asked for ---- */

static void add_thresholds(const pgr_bench *b, bool colour, pgr_buf *out) {
  const char *shade = colour ? PGR__RED : NULL;
  if (b->threshold_count == 0) return;
  if (b->crossing_count == 0) {
    pgr_buf_addf(out, "\n%zu threshold%s, kept.\n", b->threshold_count, b->threshold_count == 1 ? "" : "s");
    return;
  }
  pgr__table t;
  pgr__table_init(&t, "lllr");
  static const char *const columns[] = {"where", "threshold", "cell", "found"};
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    pgr__table_add(&t, columns[i], NULL);
  pgr__table_end_line(&t);
  for (size_t i = 0; i < b->crossing_count; i++) {
    const pgr_crossing *crossing = &b->crossings[i];
    const pgr_threshold *threshold = &b->thresholds[crossing->threshold];
    const pgr_bench_cell *c = &b->cells[crossing->cell];
    const pgr_figure *f = pgr_bench_figure(c, threshold->figure);
    pgr_buf name;
    pgr_buf_init(&name, 0);
    add_name(b, c, &name);
    pgr__table_add(&t, threshold->where, NULL);
    pgr__table_add(&t, threshold->text, NULL);
    pgr__table_add(&t, pgr_buf_text(&name), NULL);
    add_value(&t, f ? f->unit : PGR_UNIT_COUNT, crossing->value);
    pgr__table_end_line(&t);
    pgr_buf_deinit(&name);
  }
  pgr_buf_addf(out, "\n%sNot kept:%s\n", shade ? shade : "", shade ? PGR__PLAIN : "");
  pgr__table_take(&t, out);
}

/* ---- what changed ---- */

enum { BETTER_SHOWN_MAX = 20 };

typedef enum change_kind { WORSE, BETTER, SAME } change_kind;

static change_kind kind_of(const pgr_change *change) {
  return !change->significant ? SAME : change->worse ? WORSE : BETTER;
}

/* The figures of which one wants to see that they have not changed. */
static bool is_principal(const pgr_bench *b, const char *name) {
  static const char *const quantiles[] = {"p50", "p99"};
  char response[PGR_FIGURE_NAME_BYTES];
  if (strcmp(name, "tps") == 0) return true;
  for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
    snprintf(response, sizeof response, "response.%s.ok.%s", main_operation(b), quantiles[i]);
    if (strcmp(name, response) == 0) return true;
  }
  return false;
}

static void add_change(const pgr_bench *b, const pgr_change *change, bool colour, pgr__table *t) {
  const pgr_bench_cell *c = &b->cells[change->cell];
  const pgr_figure *f = &c->figures[change->figure];
  change_kind kind = kind_of(change);
  const char *shade = !colour || kind == SAME ? NULL : kind == WORSE ? PGR__RED : PGR__GREEN;
  char text[VALUE_BYTES] = "~";
  pgr_buf name;
  pgr_buf_init(&name, 0);
  add_name(b, c, &name);
  pgr__table_add(t, pgr_buf_text(&name), NULL);
  pgr_buf_deinit(&name);
  pgr__table_add(t, f->name, NULL);
  add_value(t, f->unit, change->before);
  add_value(t, f->unit, change->after);
  if (kind != SAME && change->before != 0)
    snprintf(text, sizeof text, "%+.1f %%", (change->after / change->before - 1) * 100);
  else if (kind != SAME)
    snprintf(text, sizeof text, "–");
  pgr__table_add(t, text, NULL);
  snprintf(text, sizeof text, change->p < 0.001 ? "<0.001" : "%.3f", change->p);
  pgr__table_add(t, text, NULL);
  pgr__table_add(t, kind == WORSE ? "worse" : kind == BETTER ? "better" : "", shade);
  pgr__table_end_line(t);
}

/* Worse ones all, better ones up to a number, others only of the principal figures. */
static size_t add_changes_of(const pgr_bench *b, change_kind kind, bool colour, pgr__table *t) {
  size_t shown = 0, left = 0;
  for (size_t i = 0; i < b->change_count; i++) {
    const pgr_change *change = &b->changes[i];
    if (kind_of(change) != kind) continue;
    const char *name = b->cells[change->cell].figures[change->figure].name;
    if ((kind == BETTER && shown == BETTER_SHOWN_MAX) || (kind == SAME && !is_principal(b, name))) {
      left++;
      continue;
    }
    add_change(b, change, colour, t);
    shown++;
  }
  return left;
}

static void add_changes(const pgr_bench *b, bool colour, pgr_buf *out) {
  static const char *const columns[] = {"cell", "figure", "old", "new", "change", "p"};
  char text[PGR_TEXT_BYTES];
  if (!b->compared) return;
  pgr_buf_adds(out, "\nAgainst ");
  add_clean(out, b->baseline);
  if (b->change_count == 0) {
    pgr_buf_adds(out, ": no figure that both have.\n");
    return;
  }
  pgr_buf_adds(out, ", medians; ~: no significant change\n");
  pgr__table t;
  pgr__table_init(&t, "llrrrrl");
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    pgr__table_add(&t, columns[i], NULL);
  pgr__table_add(&t, "", NULL);
  pgr__table_end_line(&t);
  (void)add_changes_of(b, WORSE, colour, &t);
  size_t better = add_changes_of(b, BETTER, colour, &t), same = add_changes_of(b, SAME, colour, &t);
  pgr__table_take(&t, out);
  if (better) pgr_buf_addf(out, "  %s more figures are better.\n", pgr_format_count(text, (int64_t)better));
  if (same)
    pgr_buf_addf(out, "  %s other figure%s did not change significantly.\n", pgr_format_count(text, (int64_t)same),
                 same == 1 ? "" : "s");
}

/* ---- all of it ---- */

/* "8, 64": each once, in the order of the cells. */
static void add_distinct(const pgr_bench *b, bool connections, pgr_buf *out) {
  const char *separator = "";
  for (size_t i = 0; i < b->cell_count; i++) {
    uint32_t n = connections ? b->cells[i].connections : b->cells[i].clients;
    char text[PGR_TEXT_BYTES];
    bool known = false;
    for (size_t j = 0; j < i; j++)
      known |= (connections ? b->cells[j].connections : b->cells[j].clients) == n;
    if (known) continue;
    pgr_buf_addf(out, "%s%s", separator, pgr_format_count(text, n));
    separator = ", ";
  }
}

void pgr_bench_header(const pgr_bench *b, pgr_buf *out) {
  bool pooled = false;
  for (size_t i = 0; i < b->cell_count; i++)
    pooled |= b->cells[i].connections < b->cells[i].clients;
  pgr__add_server(&b->environment, b->settings.durable, out);
  add_distinct(b, false, out);
  pgr_buf_adds(out, b->cell_count == 1 && b->cells[0].clients == 1 ? " client" : " clients");
  if (pooled) {
    pgr_buf_adds(out, " over ");
    add_distinct(b, true, out);
    pgr_buf_adds(out, " connections");
  }
  pgr_buf_addf(out, ", %u thread%s · seed %llu\n", b->settings.threads, b->settings.threads == 1 ? "" : "s",
               (unsigned long long)b->seed);
}

static void add_rate(const pgr_bench *b, pgr_buf *out) {
  const pgr_rate *rate = &b->settings.rate;
  if (!b->settings.open) return;
  pgr_buf_adds(out, ", arrivals ");
  if (rate->from != rate->to) {
    pgr_bench_value(PGR_UNIT_COUNT, rate->from, out);
    pgr_buf_adds(out, " to ");
  }
  pgr_bench_value(PGR_UNIT_PER_S, rate->to, out);
  pgr_buf_adds(out, b->settings.poisson ? " at random" : " evenly");
}

/* "claim: agents claim one conversation, 6 repetitions of 10.0 s after 2.00 s of warm-up, …" */
static void add_title(const pgr_bench *b, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  const pgr_scenario *s = b->scenario;
  pgr_buf_adds(out, "\n");
  size_t from = out->len;
  add_clean(out, s->name);
  pgr_buf_adds(out, ": ");
  if (s->title && *s->title) {
    add_clean(out, s->title);
    pgr_buf_adds(out, ", ");
  }
  pgr_buf_addf(out, "%d repetition%s of ", b->settings.repetitions, b->settings.repetitions == 1 ? "" : "s");
  if (b->settings.transactions)
    pgr_buf_addf(out, "%s transactions a client", pgr_format_count(text, b->settings.transactions));
  else
    pgr_buf_adds(out, pgr_format_duration(text, b->settings.duration_ns));
  if (b->settings.warmup_ns)
    pgr_buf_addf(out, " after %s of warm-up", pgr_format_duration(text, b->settings.warmup_ns));
  add_rate(b, out);
  if (!b->bare) { /* whose scripts draw for themselves */
    pgr_buf_addf(out, ", %s key%s ", pgr_format_count(text, b->settings.keys.count),
                 b->settings.keys.count == 1 ? "" : "s");
    pgr_keys_write(&b->settings.keys, out);
  }
  if (b->settings.hold_ns) pgr_buf_addf(out, ", held for %s", pgr_format_duration(text, b->settings.hold_ns));
  if (b->settings.gap_ns) pgr_buf_addf(out, ", a gap of %s", pgr_format_duration(text, b->settings.gap_ns));
  if (!mixes_levels(b) && b->cell_count > 0) pgr_buf_addf(out, ", %s", pgr_isolation_name(b->cells[0].isolation));
  end_paragraph(from, NULL, out);
  pgr_buf_adds(out, "\n");
}

void pgr_bench_text(const pgr_bench *b, bool colour, pgr_buf *out) {
  bool any_run = false;
  for (size_t i = 0; i < b->cell_count; i++)
    any_run |= was_run(&b->cells[i]);
  add_title(b, out);
  add_cells(b, colour, out);
  if (any_run) {
    add_meaning_of_spread(b, out);
    add_latencies(b, out);
    add_remarks(b, colour, out);
    add_costs(b, out);
    add_waits(b, out);
    if (b->settings.open) add_arrivals(b, out);
    add_client(b, colour, out);
  }
  if (any_run) {
    add_thresholds(b, colour, out);
    add_changes(b, colour, out);
  }
  if (!*b->note) return;
  pgr_buf_adds(out, "\n");
  size_t from = begin_paragraph(NULL, out);
  add_clean(out, b->note);
  end_paragraph(from, NULL, out);
}
