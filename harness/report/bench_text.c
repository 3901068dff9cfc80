/* A bench as a person reads it in a terminal. Order: what each cell got done and how long it took, who was told what
 * cannot be true, what a transaction cost the server and where its processes were, whether the client kept up, what was
 * asked for and not kept, what changed. */
#include "bench_internal.h"

#include "pgr_units.h"
#include "pgr_utf8.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { BOUNDED_MIN = 6 /* repetitions that bound a median with 95 % */ };

/* Text from elsewhere, without what would move a terminal's cursor. */
void pgr__bench_add_clean(pgr_buf *out, const char *text) {
  char fit[PGR__BENCH_NAME_BYTES];
  pgr_utf8_copy(fit, sizeof fit, text);
  pgr_buf_adds(out, fit);
}

void pgr__bench_add_name(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_bench_cell_name(b, c, &name);
  out->failed |= name.failed;
  pgr__bench_add_clean(out, pgr_buf_text(&name));
  pgr_buf_deinit(&name);
}

/* A paragraph is wrapped as one, hence in one colour, or none: NULL. */
size_t pgr__bench_begin_paragraph(const char *colour, pgr_buf *out) {
  if (colour) pgr_buf_adds(out, colour);
  return out->len;
}

void pgr__bench_end_paragraph(size_t from, const char *colour, pgr_buf *out) {
  pgr__wrap(out, from);
  pgr_buf_addf(out, "%s\n", colour ? PGR__PLAIN : "");
}

bool pgr__bench_was_run(const pgr_bench_cell *c) {
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

const char *pgr__bench_main_operation(const pgr_bench *b) {
  return b->scenario->operations[pgr_scenario_main_operation(b->scenario)].name;
}

/* ---- figures by name ---- */

double pgr__bench_value_of(const pgr_bench_cell *c, const char *name, double otherwise) {
  const pgr_figure *f = pgr_bench_figure(c, name);
  return f ? f->value : otherwise;
}

static bool any_above_zero(const pgr_bench *b, const char *name) {
  for (size_t i = 0; i < b->cell_count; i++)
    if (pgr__bench_value_of(&b->cells[i], name, 0) > 0) return true;
  return false;
}

/* NULL when no cell has it. */
const pgr_bench_cell *pgr__bench_highest(const pgr_bench *b, const char *name) {
  const pgr_bench_cell *found = NULL;
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (pgr_bench_figure(c, name) && (!found || pgr__bench_value_of(c, name, 0) > pgr__bench_value_of(found, name, 0)))
      found = c;
  }
  return found;
}

/* ---- tables of cells ---- */

void pgr__bench_add_value(pgr__table *t, pgr_unit unit, double value) {
  pgr_buf text;
  pgr_buf_init(&text, PGR__BENCH_VALUE_BYTES);
  pgr_bench_value(unit, value, &text);
  pgr__table_add(t, pgr_buf_text(&text), NULL);
  pgr_buf_deinit(&text);
}

/* "" when the cell has none. */
void pgr__bench_add_figure(pgr__table *t, const pgr_bench_cell *c, pgr_unit unit, const char *name) {
  const pgr_figure *f = pgr_bench_figure(c, name);
  if (f)
    pgr__bench_add_value(t, unit, f->value);
  else
    pgr__table_add(t, "", NULL);
}

/* Of a count that is only shown when some cell has any. */
static void add_rarity(pgr__table *t, const pgr_bench *b, const pgr_bench_cell *c, const char *name) {
  if (any_above_zero(b, name))
    pgr__bench_add_value(t, PGR_UNIT_COUNT, pgr__bench_value_of(c, name, 0));
  else
    pgr__table_add(t, "", NULL);
}

void pgr__bench_add_heading(pgr__table *t, const pgr_bench *b, const char *const *columns) {
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
void pgr__bench_add_name_columns(pgr__table *t, const pgr_bench *b, const pgr_bench_cell *c) {
  if (mixes_levels(b)) {
    pgr_buf name;
    pgr_buf_init(&name, 0);
    pgr__bench_add_name(b, c, &name);
    pgr__table_add(t, pgr_buf_text(&name), NULL);
    pgr__table_add(t, "", NULL);
    pgr_buf_deinit(&name);
  } else {
    pgr__table_add(t, c->strategy->name, NULL);
    pgr__bench_add_value(t, PGR_UNIT_COUNT, c->clients);
  }
}

/* ---- what it got done ---- */

/* Half of the interval, of the median. */
static void add_spread(pgr__table *t, const pgr_bench_cell *c) {
  const pgr_figure *f = pgr_bench_figure(c, "tps");
  if (f && c->repetition_count > 1 && f->median > 0)
    pgr__bench_add_value(t, PGR_UNIT_SHARE, (f->interval.high - f->interval.low) / 2 / f->median);
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
  snprintf(retries, sizeof retries, "%s.retries", pgr__bench_main_operation(b));
  pgr__bench_add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    pgr__bench_add_name_columns(&t, b, c);
    if (pgr__bench_was_run(c)) {
      pgr__bench_add_value(&t, PGR_UNIT_COUNT, pgr__bench_value_of(c, "tps", NAN));
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
  size_t from = pgr__bench_begin_paragraph(NULL, out);
  if (most == 1)
    pgr_buf_adds(out, "  One repetition does not say how much a figure varies: give --repetitions.");
  else if (fewest < BOUNDED_MIN)
    pgr_buf_adds(out, "  ±: half of the range of what was seen; fewer than 6 repetitions give no 95 % interval.");
  else
    pgr_buf_adds(out, "  ±: half of the median's 95 % interval.");
  pgr__bench_end_paragraph(from, NULL, out);
}

/* ---- how long it took ---- */

static void add_response(pgr__table *t, const pgr_bench_cell *c, const char *operation, const char *what) {
  char name[PGR_FIGURE_NAME_BYTES];
  snprintf(name, sizeof name, "response.%s.%s", operation, what);
  pgr__bench_add_figure(t, c, PGR_UNIT_NS, name);
}

static void add_latencies(const pgr_bench *b, pgr_buf *out) {
  static const char *const columns[] = {"p50", "p99", "p99.99", "max", "lost p99", NULL};
  const char *operation = pgr__bench_main_operation(b);
  char rejected[PGR_FIGURE_NAME_BYTES];
  pgr__table t;
  pgr__table_init(&t, "lrrrRrr");
  snprintf(rejected, sizeof rejected, "response.%s.rejected.p99", operation);
  pgr__bench_add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!pgr__bench_was_run(c)) continue;
    pgr__bench_add_name_columns(&t, b, c);
    add_response(&t, c, operation, "ok.p50");
    add_response(&t, c, operation, "ok.p99");
    add_response(&t, c, operation, "ok.p99.99");
    add_response(&t, c, operation, "ok.max");
    add_response(&t, c, operation, pgr_bench_figure(c, rejected) ? "rejected.p99" : "refused.p99");
    pgr__table_end_line(&t);
  }
  pgr_buf_adds(out, "\n  ");
  pgr__bench_add_clean(out, operation);
  pgr_buf_adds(out, " ok, from its intended start; lost: refused or rejected\n");
  pgr__table_take(&t, out);
}

/* ---- all there is ---- */

/* A line of what was timed under one name; left out where nothing was. count: NULL where it has none. */
static void add_times(pgr__table *t, const pgr_bench_cell *c, const char *what, const char *how, const char *figure,
                      const char *count) {
  static const char *const quantiles[] = {"p50", "p95", "p99", "p99.9", "max"};
  char name[PGR_FIGURE_NAME_BYTES];
  snprintf(name, sizeof name, "%s.max", figure);
  if (!pgr_bench_figure(c, name) && !(count && pgr_bench_figure(c, count))) return;
  pgr__table_add(t, what, NULL);
  pgr__table_add(t, how, NULL);
  if (count)
    pgr__bench_add_figure(t, c, PGR_UNIT_COUNT, count);
  else
    pgr__table_add(t, "", NULL);
  for (size_t i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
    snprintf(name, sizeof name, "%s.%s", figure, quantiles[i]);
    pgr__bench_add_figure(t, c, PGR_UNIT_NS, name);
  }
  pgr__table_end_line(t);
}

static void add_operation(pgr__table *t, const pgr_bench_cell *c, const char *operation) {
  const char *shown = operation;
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
    const char *outcome = pgr_outcome_name((pgr_outcome)o);
    char service[PGR_FIGURE_NAME_BYTES], response[PGR_FIGURE_NAME_BYTES], count[PGR_FIGURE_NAME_BYTES];
    snprintf(service, sizeof service, "%s.%s", operation, outcome);
    snprintf(response, sizeof response, "response.%s.%s", operation, outcome);
    snprintf(count, sizeof count, "%s.%s.count", operation, outcome);
    if (!pgr_bench_figure(c, count)) continue;
    add_times(t, c, shown, outcome, service, count);
    add_times(t, c, "", "– response", response, NULL);
    shown = "";
  }
}

/* Statements by their number in the operation's script. */
static void add_statements(pgr__table *t, const pgr_bench_cell *c, const char *operation) {
  enum { STATEMENTS_MAX = 1000 };
  char name[PGR_FIGURE_NAME_BYTES], number[PGR_TEXT_BYTES];
  bool first = true;
  for (int i = 1; i <= STATEMENTS_MAX; i++) {
    snprintf(name, sizeof name, "statement.%s.%d.max", operation, i);
    if (!pgr_bench_figure(c, name)) continue;
    snprintf(name, sizeof name, "statement.%s.%d", operation, i);
    snprintf(number, sizeof number, "statement %d", i);
    add_times(t, c, first ? operation : "", number, name, NULL);
    first = false;
  }
}

static void add_details(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out) {
  static const char *const columns[] = {"operation", "outcome", "count", "p50", "p95", "p99", "p99.9", "max"};
  pgr__table t;
  pgr_buf_adds(out, "\n  ");
  pgr__bench_add_name(b, c, out);
  pgr_buf_adds(out, "\n");
  pgr__table_init(&t, "llrrRrRr");
  for (size_t i = 0; i < sizeof columns / sizeof *columns; i++)
    pgr__table_add(&t, columns[i], NULL);
  pgr__table_end_line(&t);
  for (int k = 0; k < b->scenario->operation_count; k++)
    add_operation(&t, c, b->scenario->operations[k].name);
  for (int k = 0; k < b->scenario->operation_count; k++)
    add_statements(&t, c, b->scenario->operations[k].name);
  add_times(&t, c, "transaction", "", "transaction", "transactions");
  add_times(&t, c, "pool wait", "", "pool_wait", NULL);
  pgr__table_take(&t, out);
}

static void add_all_details(const pgr_bench *b, pgr_buf *out) {
  pgr_buf_adds(out, "\n  every operation and statement; – response: from its intended start\n");
  for (size_t i = 0; i < b->cell_count; i++)
    if (pgr__bench_was_run(&b->cells[i])) add_details(b, &b->cells[i], out);
}

/* ---- what cannot be true ---- */

/* "conversation 17: agent 3 was told ok, and 9.00 µs later agent 5 as well" */
static void add_first_duplicate(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out) {
  const pgr_followed *v = &c->story.violation;
  char key[PGR_TEXT_BYTES], later[PGR_TEXT_BYTES];
  if (c->story.duplicates == 0) return;
  pgr_buf_adds(out, "; the first: ");
  pgr__bench_add_clean(out, b->scenario->key.name);
  pgr_buf_addf(out, " %s, agent %u was told ok, and %s later agent %u %s", pgr_format_count(key, v->second.key),
               v->first.agent, pgr_format_duration(later, v->second.return_ns - v->first.return_ns), v->second.agent,
               b->scenario->ownership.capacity > 1 ? "as one too many" : "as well");
}

static void add_duplicates(const pgr_bench *b, const pgr_bench_cell *c, bool colour, pgr_buf *out) {
  const char *shade = colour && c->expect == PGR_EXPECT_SAFE ? PGR__RED : NULL;
  char text[PGR_TEXT_BYTES], of[PGR_TEXT_BYTES];
  size_t from = pgr__bench_begin_paragraph(shade, out);
  pgr__bench_add_name(b, c, out);
  pgr_buf_addf(out, ": %s duplicate%s in %s operations", pgr_format_count(text, (int64_t)c->all.duplicates),
               c->all.duplicates == 1 ? "" : "s", pgr_format_count(of, (int64_t)c->all.verified_operations));
  if (c->expect != PGR_EXPECT_NOTHING)
    pgr_buf_adds(out, c->expect == PGR_EXPECT_RACE ? ", as expected" : ", NOT expected");
  add_first_duplicate(b, c, out);
  pgr_buf_adds(out, ".");
  pgr__bench_end_paragraph(from, shade, out);
}

static void add_unexplained(const pgr_bench *b, const pgr_bench_cell *c, bool colour, pgr_buf *out) {
  const char *shade = colour ? PGR__RED : NULL;
  const pgr_op *op = &c->story.unexplained_first.second;
  char text[PGR_TEXT_BYTES];
  size_t from = pgr__bench_begin_paragraph(shade, out);
  pgr__bench_add_name(b, c, out);
  pgr_buf_addf(out, ": %s refusal%s that nothing explains", pgr_format_count(text, (int64_t)c->all.unexplained),
               c->all.unexplained == 1 ? "" : "s");
  if (c->story.unexplained > 0) {
    pgr_buf_adds(out, "; the first: ");
    pgr__bench_add_clean(out, b->scenario->key.name);
    pgr_buf_addf(out, " %s, agent %u", pgr_format_count(text, op->key), op->agent);
  }
  pgr_buf_adds(out, ".");
  pgr__bench_end_paragraph(from, shade, out);
}

/* text: of the cell, from elsewhere. */
static void add_remark(const pgr_bench *b, const pgr_bench_cell *c, const char *before, const char *text,
                       const char *colour, pgr_buf *out) {
  if (!*text) return;
  size_t from = pgr__bench_begin_paragraph(colour, out);
  pgr__bench_add_name(b, c, out);
  pgr_buf_adds(out, before);
  pgr__bench_add_clean(out, text);
  pgr_buf_adds(out, ".");
  pgr__bench_end_paragraph(from, colour, out);
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
    size_t from = pgr__bench_begin_paragraph(NULL, out);
    pgr__bench_add_name(b, c, out);
    pgr_buf_addf(out, ": %s operation%s in flight when the connection ended may or may not have happened.",
                 pgr_format_count(text, (int64_t)unknown), unknown == 1 ? "" : "s");
    pgr__bench_end_paragraph(from, NULL, out);
  }
  if (c->all.tally.complaint_count == 0) return;
  pgr__bench_add_name(b, c, out);
  pgr_buf_adds(out, ":\n");
  pgr__add_complaints(b->scenario, c->all.tally.complaints, c->all.tally.complaint_count, out);
}

static void add_remarks(const pgr_bench *b, bool colour, pgr_buf *out) {
  bool broken = false;
  pgr_buf remarks;
  pgr_buf_init(&remarks, 0);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!pgr__bench_was_run(c)) continue;
    add_remarks_of(b, c, colour, &remarks);
    broken |= c->all.duplicates > 0 || c->rows_broken > 0;
  }
  if (broken && b->scenario->broken) {
    size_t from = pgr__bench_begin_paragraph(NULL, &remarks);
    pgr__bench_add_clean(&remarks, b->scenario->broken);
    pgr__bench_end_paragraph(from, NULL, &remarks);
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
  pgr__bench_add_heading(&t, b, columns);
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    if (!pgr__bench_was_run(c)) continue;
    pgr__bench_add_name_columns(&t, b, c);
    pgr__bench_add_figure(&t, c, PGR_UNIT_NS, "server.cpu_per_transaction");
    pgr__bench_add_figure(&t, c, PGR_UNIT_BYTES, "server.wal_per_transaction");
    pgr__bench_add_figure(&t, c, PGR_UNIT_NS, "client.cpu_per_transaction");
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
  pgr__bench_add_name(b, c, out);
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
    pgr__bench_add_name(b, &b->cells[i], &name);
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
  pgr__bench_add_clean(out, s->name);
  pgr_buf_adds(out, ": ");
  if (s->title && *s->title) {
    pgr__bench_add_clean(out, s->title);
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
  pgr__bench_end_paragraph(from, NULL, out);
  pgr_buf_adds(out, "\n");
}

void pgr_bench_text(const pgr_bench *b, unsigned style, pgr_buf *out) {
  bool any_run = false, colour = style & PGR_STYLE_COLOUR;
  for (size_t i = 0; i < b->cell_count; i++)
    any_run |= pgr__bench_was_run(&b->cells[i]);
  add_title(b, out);
  add_cells(b, colour, out);
  if (any_run) {
    add_meaning_of_spread(b, out);
    add_latencies(b, out);
    if (style & PGR_STYLE_VERBOSE) add_all_details(b, out);
    add_remarks(b, colour, out);
    add_costs(b, out);
    add_waits(b, out);
    if (b->settings.open) pgr__bench_add_arrivals(b, out);
    pgr__bench_add_client(b, colour, out);
  }
  if (any_run) {
    pgr__bench_add_thresholds(b, colour, out);
    pgr__bench_add_changes(b, colour, out);
  }
  if (!*b->note) return;
  pgr_buf_adds(out, "\n");
  size_t from = pgr__bench_begin_paragraph(NULL, out);
  pgr__bench_add_clean(out, b->note);
  pgr__bench_end_paragraph(from, NULL, out);
}
