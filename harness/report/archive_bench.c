/* Of a result document: what benches have. Histograms are not in it; what was made of them is: figures and curves. */
#include "archive_internal.h"

#include "pgr_mem.h"
#include "pgr_sample.h"
#include "pgr_utf8.h"
#include <math.h>
#include <string.h>

/* `count` objects and one more, so that there is always one; NULL after a fault, or without memory, which it then says.
 * The caller's, to be given to pgr_free. */
static void *allocate(pgr__archive_reader *r, size_t count, size_t size) {
  void *p = r->code ? NULL : pgr_calloc(count + 1, size);
  if (!p) pgr__archive_no_memory(r);
  return p;
}

/* ---- figures ---- */

static double read_value(pgr__archive_reader *r, json_t *o, const char *key) {
  return pgr__archive_number(r, o, key, NAN, -PGR__ARCHIVE_NUMBER_MAX, PGR__ARCHIVE_NUMBER_MAX);
}

static void read_each(pgr__archive_reader *r, json_t *o, pgr_figure *f) {
  json_t *each = pgr__archive_list(r, o, "each", PGR_SAMPLE_MAX);
  size_t count = json_array_size(each);
  f->each = allocate(r, count, sizeof *f->each);
  if (!f->each) return;
  for (size_t i = 0; i < count && !r->code; i++) {
    json_t *v = json_array_get(each, i);
    if (!json_is_number(v) && !json_is_null(v))
      pgr__archive_complain(r, "each", "every value must be a number or null");
    f->each[f->count++] = json_is_number(v) ? json_number_value(v) : NAN;
  }
}

static void read_figure(pgr__archive_reader *r, json_t *o, const char *name, pgr_figure *f) {
  static const char *const units[] = {[PGR_UNIT_COUNT] = "count",
                                      [PGR_UNIT_PER_S] = "per_s",
                                      [PGR_UNIT_NS] = "ns",
                                      [PGR_UNIT_SHARE] = "share",
                                      [PGR_UNIT_BYTES] = "bytes"};
  static const char *const directions[] = {[PGR_BETTER_LOWER] = "lower", [PGR_BETTER_HIGHER] = "higher"};
  pgr_utf8_copy(f->name, sizeof f->name, name);
  f->unit = (pgr_unit)pgr__archive_choice(r, o, "unit", units, 5);
  f->better = PGR_BETTER_NEITHER;
  if (pgr__archive_find(o, "better")) f->better = (pgr_better)pgr__archive_choice(r, o, "better", directions, 2);
  f->value = read_value(r, o, "value");
  f->median = read_value(r, o, "median");
  f->interval = (pgr_interval){read_value(r, o, "low"), read_value(r, o, "high")};
  f->bounded = pgr__archive_flag(r, o, "bounded");
  read_each(r, o, f);
}

static void read_figures(pgr__archive_reader *r, json_t *cell, pgr_bench_cell *c) {
  json_t *figures = pgr__archive_object(r, cell, "figures"), *one;
  const char *name;
  size_t count = json_object_size(figures);
  if (!figures) pgr__archive_complain(r, "figures", "is missing");
  if (count > PGR__ARCHIVE_FIGURES_MAX)
    pgr__archive_complain(r, "figures", "at most %d, not %zu", PGR__ARCHIVE_FIGURES_MAX, count);
  c->figures = allocate(r, count, sizeof *c->figures);
  if (!c->figures) return;
  c->figure_cap = count + 1;
  size_t before = pgr__archive_enter(r, "figures");
  json_object_foreach(figures, name, one) {
    pgr_figure *f = &c->figures[c->figure_count++];
    char shown[PGR_FIGURE_NAME_BYTES];
    pgr_utf8_copy(shown, sizeof shown, name);
    size_t inner = pgr__archive_enter(r, "%s", shown);
    if (!json_is_object(one)) pgr__archive_complain(r, "", "must be an object");
    read_figure(r, one, name, f);
    pgr__archive_leave(r, inner);
    if (r->code) return;
  }
  pgr__archive_leave(r, before);
}

/* ---- the server ---- */

/* -1: this server does not say. */
static int64_t read_counter(pgr__archive_reader *r, json_t *o, const char *key) {
  return pgr__archive_int(r, o, key, -1, 0, PGR__ARCHIVE_COUNT_MAX);
}

static void read_waits(pgr__archive_reader *r, json_t *cell, pgr_server_figures *f) {
  json_t *waits = pgr__archive_list(r, cell, "waits", PGR_WAITS_MAX);
  for (size_t i = 0; i < json_array_size(waits) && !r->code; i++) {
    json_t *o = json_array_get(waits, i);
    pgr_wait *w = &f->waits[f->wait_count++];
    size_t before = pgr__archive_enter(r, "waits[%zu]", i);
    pgr__archive_copy(r, o, "what", w->what, sizeof w->what);
    w->seen = (uint64_t)pgr__archive_count(r, o, "seen");
    pgr__archive_leave(r, before);
  }
}

static void read_server(pgr__archive_reader *r, json_t *cell, pgr_server_figures *f) {
  json_t *o = pgr__archive_object(r, cell, "server");
  f->known = o != NULL;
  if (!o) return;
  size_t before = pgr__archive_enter(r, "server");
  f->looks = (uint64_t)pgr__archive_count(r, o, "looks");
  f->took_ns = pgr__archive_count(r, o, "took_ns");
  f->phase_s = pgr__archive_number(r, o, "phase_s", 0, 0, PGR__ARCHIVE_NUMBER_MAX);
  f->wal_bytes = read_counter(r, o, "wal_bytes");
  f->wal_records = read_counter(r, o, "wal_records");
  f->wal_full_pages = read_counter(r, o, "wal_full_pages");
  f->commits = read_counter(r, o, "commits");
  f->rollbacks = read_counter(r, o, "rollbacks");
  f->deadlocks = read_counter(r, o, "deadlocks");
  f->conflicts = read_counter(r, o, "conflicts");
  f->blocks_hit = read_counter(r, o, "blocks_hit");
  f->blocks_read = read_counter(r, o, "blocks_read");
  f->temp_bytes = read_counter(r, o, "temp_bytes");
  pgr__archive_leave(r, before);
  read_waits(r, cell, f);
}

/* ---- the first duplicate ---- */

static pgr_op read_operation(pgr__archive_reader *r, json_t *story, const char *which) {
  json_t *o = pgr__archive_object(r, story, which);
  pgr_op op = {0};
  if (!o) pgr__archive_complain(r, which, "is missing");
  size_t before = pgr__archive_enter(r, "%s", which);
  const char *names[PGR_OUTCOME_COUNT];
  for (int k = 0; k < PGR_OUTCOME_COUNT; k++)
    names[k] = pgr_outcome_name((pgr_outcome)k);
  op.agent = (uint32_t)pgr__archive_int(r, o, "agent", 1, 1, UINT32_MAX);
  op.kind = (uint8_t)pgr__archive_operation(r, o, "operation");
  op.attempt = (uint16_t)pgr__archive_int(r, o, "attempt", 1, 1, UINT16_MAX);
  op.key = pgr__archive_int(r, o, "key", 0, -PGR__ARCHIVE_COUNT_MAX, PGR__ARCHIVE_COUNT_MAX);
  op.round = pgr__archive_count(r, o, "round");
  op.intended_ns = pgr__archive_count(r, o, "intended_ns");
  op.call_ns = pgr__archive_count(r, o, "call_ns");
  op.return_ns = pgr__archive_count(r, o, "return_ns");
  op.outcome = (uint8_t)pgr__archive_choice(r, o, "outcome", names, PGR_OUTCOME_COUNT);
  pgr__archive_copy(r, o, "sqlstate", op.sqlstate, sizeof op.sqlstate);
  pgr__archive_leave(r, before);
  return op;
}

static void read_story(pgr__archive_reader *r, json_t *cell, pgr_bench_cell *c) {
  static const char *const kinds[] = {"duplicate", "unexplained"};
  json_t *o = pgr__archive_object(r, cell, "story");
  if (!o) return;
  size_t before = pgr__archive_enter(r, "story");
  if (pgr__archive_choice(r, o, "what", kinds, 2) == 0) {
    c->story.duplicates = 1;
    c->story.violation.first = read_operation(r, o, "first");
    c->story.violation.second = read_operation(r, o, "second");
  } else {
    c->story.unexplained = 1;
    c->story.unexplained_first.second = read_operation(r, o, "second");
  }
  pgr__archive_leave(r, before);
}

/* ---- a cell ---- */

static void read_measure(pgr__archive_reader *r, json_t *o, pgr_measure *m) {
  m->complete = pgr__archive_flag(r, o, "complete");
  m->window_ns = pgr__archive_count(r, o, "window_ns");
  m->verified = pgr__archive_flag(r, o, "verified");
  m->verify_limited = pgr__archive_flag(r, o, "verify_limited");
  m->verified_operations = (uint64_t)pgr__archive_count(r, o, "verified_operations");
  m->duplicates = (uint64_t)pgr__archive_count(r, o, "duplicates");
  m->unexplained = (uint64_t)pgr__archive_count(r, o, "unexplained");
  pgr__archive_outcomes(r, o, m->tally.outcomes);
  pgr__archive_rejections(r, o, m->tally.rejections);
  m->tally.complaint_count = pgr__archive_errors(r, o, m->tally.complaints);
  read_server(r, o, &m->server);
}

static void read_cell(pgr__archive_reader *r, json_t *o, pgr_bench_cell *c) {
  if (!json_is_object(o)) pgr__archive_complain(r, "", "must be an object");
  c->strategy = pgr__archive_strategy(r, o);
  c->isolation = pgr__archive_isolation(r, o);
  c->expect = pgr__archive_expect(r, o);
  c->clients = (uint32_t)pgr__archive_int(r, o, "clients", 1, 1, UINT32_MAX);
  c->connections = (uint32_t)pgr__archive_int(r, o, "connections", 1, 1, UINT32_MAX);
  c->threads = (uint32_t)pgr__archive_int(r, o, "threads", 1, 1, UINT32_MAX);
  read_measure(r, o, &c->all);
  size_t repetitions = (size_t)pgr__archive_int(r, o, "repetitions", 0, 0, PGR_SAMPLE_MAX);
  c->repetitions = allocate(r, repetitions, sizeof *c->repetitions);
  c->repetition_count = c->repetitions ? repetitions : 0; /* their series stay in the document */
  read_figures(r, o, c);
  pgr__archive_curve(r, o, "winner", &c->winner_curve);
  pgr__archive_curve(r, o, "loser", &c->loser_curve);
  read_story(r, o, c);
  pgr__archive_copy(r, o, "rules", c->rules, sizeof c->rules);
  pgr__archive_copy(r, o, "trouble", c->trouble, sizeof c->trouble);
  c->rows_broken = (uint64_t)pgr__archive_count(r, o, "rows_broken");
}

/* names: filled in, a cell's name → its index. */
static void read_cells(pgr__archive_reader *r, json_t *document, json_t *names) {
  json_t *cells = pgr__archive_list(r, document, "cells", PGR__ARCHIVE_BENCH_CELLS_MAX);
  pgr_bench *b = &r->a->bench;
  size_t count = json_array_size(cells);
  b->cells = allocate(r, count, sizeof *b->cells);
  if (!b->cells) return;
  for (size_t i = 0; i < count && !r->code; i++) {
    json_t *o = json_array_get(cells, i);
    size_t before = pgr__archive_enter(r, "cells[%zu]", i);
    read_cell(r, o, &b->cells[b->cell_count++]);
    const char *name = pgr__archive_text(r, o, "name");
    if (json_object_get(names, name)) pgr__archive_complain(r, "name", "is that of an earlier cell, too");
    if (json_object_set_new(names, name, json_integer((json_int_t)i))) pgr__archive_no_memory(r);
    pgr__archive_leave(r, before);
  }
}

/* ---- what was asked for, what changed ---- */

static size_t find_cell(pgr__archive_reader *r, json_t *o, json_t *names) {
  json_t *at = json_object_get(names, pgr__archive_text(r, o, "cell"));
  if (!at) pgr__archive_complain(r, "cell", "is none of the document's");
  return (size_t)json_integer_value(at);
}

static void read_crossings(pgr__archive_reader *r, json_t *threshold, size_t index, json_t *names) {
  pgr_bench *b = &r->a->bench;
  json_t *all = pgr__archive_list(r, threshold, "crossings", PGR__ARCHIVE_CROSSINGS_MAX - b->crossing_count);
  size_t count = json_array_size(all);
  if (r->code) return;
  pgr_crossing *more = pgr_realloc(b->crossings, b->crossing_count + count + 1, sizeof *more);
  if (!more) {
    pgr__archive_no_memory(r);
    return;
  }
  b->crossings = more;
  for (size_t i = 0; i < count && !r->code; i++) {
    json_t *o = json_array_get(all, i);
    size_t before = pgr__archive_enter(r, "crossings[%zu]", i);
    b->crossings[b->crossing_count++] =
        (pgr_crossing){.threshold = index, .cell = find_cell(r, o, names), .value = read_value(r, o, "value")};
    pgr__archive_leave(r, before);
  }
}

/* The renderers' order: by threshold. */
static void read_thresholds(pgr__archive_reader *r, json_t *document, json_t *names) {
  pgr_bench *b = &r->a->bench;
  json_t *all = pgr__archive_list(r, document, "thresholds", PGR_THRESHOLDS_MAX);
  size_t count = json_array_size(all);
  pgr_threshold *thresholds = count ? pgr_arena_alloc(&r->a->arena, count * sizeof *thresholds) : NULL;
  if (count && !thresholds) pgr__archive_no_memory(r);
  b->thresholds = thresholds;
  for (size_t i = 0; i < count && !r->code; i++) {
    json_t *o = json_array_get(all, i);
    pgr_err why = {0};
    char where[sizeof thresholds->where];
    size_t before = pgr__archive_enter(r, "thresholds[%zu]", i);
    pgr__archive_copy(r, o, "where", where, sizeof where);
    if (!r->code && pgr_threshold_parse(pgr__archive_text(r, o, "text"), where, &thresholds[i], &why))
      pgr__archive_complain(r, "text", "%s", why.msg);
    if (!r->code) b->threshold_count++;
    read_crossings(r, o, i, names);
    pgr__archive_leave(r, before);
  }
}

/* Index of a figure of the cell; both are in the same order, so it is looked for behind the last one first. */
static size_t find_figure(pgr__archive_reader *r, json_t *o, const pgr_bench_cell *c, size_t last) {
  char name[PGR_FIGURE_NAME_BYTES];
  pgr__archive_copy(r, o, "figure", name, sizeof name);
  for (size_t i = 0; i < c->figure_count; i++) {
    size_t at = (last + i) % c->figure_count;
    if (strcmp(c->figures[at].name, name) == 0) return at;
  }
  pgr__archive_complain(r, "figure", "is none of the cell's");
  return 0;
}

static void read_changes(pgr__archive_reader *r, json_t *document, json_t *names) {
  pgr_bench *b = &r->a->bench;
  json_t *all = pgr__archive_list(r, document, "changes", PGR__ARCHIVE_CHANGES_MAX);
  size_t count = json_array_size(all);
  b->compared = pgr__archive_find(document, "baseline") != NULL;
  pgr__archive_copy(r, document, "baseline", b->baseline, sizeof b->baseline);
  b->changes = allocate(r, count, sizeof *b->changes);
  if (!b->changes) return;
  for (size_t i = 0; i < count && !r->code; i++) {
    json_t *o = json_array_get(all, i);
    pgr_change *c = &b->changes[i];
    size_t before = pgr__archive_enter(r, "changes[%zu]", i);
    c->cell = find_cell(r, o, names);
    c->figure = find_figure(r, o, &b->cells[c->cell], i ? b->changes[i - 1].figure + 1 : 0);
    c->before = read_value(r, o, "before");
    c->after = read_value(r, o, "after");
    c->p = pgr__archive_number(r, o, "p", 1, 0, 1);
    c->significant = pgr__archive_flag(r, o, "significant");
    c->worse = pgr__archive_flag(r, o, "worse");
    b->change_count = i + 1;
    pgr__archive_leave(r, before);
  }
}

/* ---- the rest ---- */

static void read_loop(pgr__archive_reader *r, json_t *o) {
  static const char *const loops[] = {"closed", "open"}, *const arrivals[] = {"constant", "poisson"};
  pgr_bench *b = &r->a->bench;
  b->settings.open = pgr__archive_choice(r, o, "loop", loops, 2) == 1;
  if (!b->settings.open) return;
  b->settings.poisson = pgr__archive_choice(r, o, "arrivals", arrivals, 2) == 1;
  b->settings.max_lag_ns = pgr__archive_count(r, o, "max_lag_ns");
  json_t *rate = pgr__archive_object(r, o, "rate");
  size_t before = pgr__archive_enter(r, "rate");
  b->settings.rate.from = pgr__archive_number(r, rate, "from", 0, 0, PGR__ARCHIVE_NUMBER_MAX);
  b->settings.rate.to = pgr__archive_number(r, rate, "to", 0, 0, PGR__ARCHIVE_NUMBER_MAX);
  pgr__archive_leave(r, before);
}

static void read_keys(pgr__archive_reader *r, json_t *o) {
  pgr_key_options *keys = &r->a->bench.settings.keys;
  pgr_err why = {0};
  if (pgr__archive_find(o, "keys") && !r->code && pgr_keys_parse(pgr__archive_text(r, o, "keys"), keys, &why))
    pgr__archive_complain(r, "keys", "%s", why.msg);
  keys->count = pgr__archive_int(r, o, "key_count", 1, 1, PGR__ARCHIVE_COUNT_MAX);
}

static void read_settings(pgr__archive_reader *r, json_t *document) {
  pgr_bench *b = &r->a->bench;
  json_t *o = pgr__archive_object(r, document, "settings");
  if (!o) pgr__archive_complain(r, "settings", "is missing");
  size_t before = pgr__archive_enter(r, "settings");
  b->settings.threads = (uint32_t)pgr__archive_int(r, o, "threads", 1, 1, UINT32_MAX);
  b->settings.repetitions = (int)pgr__archive_int(r, o, "repetitions", 1, 1, PGR_SAMPLE_MAX);
  b->settings.warmup_ns = pgr__archive_count(r, o, "warmup_ns");
  b->settings.duration_ns = pgr__archive_count(r, o, "duration_ns");
  b->settings.transactions = pgr__archive_count(r, o, "transactions");
  b->settings.hold_ns = pgr__archive_count(r, o, "hold_ns");
  b->settings.gap_ns = pgr__archive_count(r, o, "gap_ns");
  b->settings.max_tries = (int)pgr__archive_int(r, o, "max_tries", 0, 0, INT32_MAX);
  b->settings.protocol = r->a->scenario.protocol = pgr__archive_protocol(r, o);
  b->settings.durable = pgr__archive_flag(r, o, "durable");
  b->settings.verify = pgr__archive_flag(r, o, "verify");
  read_keys(r, o);
  read_loop(r, o);
  pgr__archive_leave(r, before);
}

void pgr__archive_bench(pgr__archive_reader *r, json_t *document) {
  pgr_bench *b = &r->a->bench;
  json_t *names = json_object();
  if (!names) pgr__archive_no_memory(r);
  b->scenario = &r->a->scenario;
  b->bare = !pgr__archive_find(json_array_get(json_object_get(document, "cells"), 0), "scenario");
  b->exit_status = pgr__archive_exit_status(r, document);
  b->complete = pgr__archive_flag(r, document, "complete");
  b->interrupted = pgr__archive_flag(r, document, "interrupted");
  b->seed = (uint64_t)pgr__archive_int(r, document, "seed", 0, 0, INT64_MAX);
  pgr__archive_copy(r, document, "note", b->note, sizeof b->note);
  pgr__archive_copy(r, document, "error", b->error, sizeof b->error);
  pgr__archive_copy(r, document, "repeat", b->repeat, sizeof b->repeat);
  read_settings(r, document);
  pgr__archive_environment(r, document, &b->environment);
  read_cells(r, document, names);
  read_thresholds(r, document, names);
  read_changes(r, document, names);
  json_decref(names);
}
