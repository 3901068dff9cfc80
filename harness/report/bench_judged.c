/* Of a bench's text: what was asked for and not kept, and what changed against the baseline. */
#include "bench_internal.h"

#include "pgr_threshold.h"
#include "pgr_units.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- what was asked for ---- */

void pgr__bench_add_thresholds(const pgr_bench *b, bool colour, pgr_buf *out) {
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
    pgr__bench_add_name(b, c, &name);
    pgr__table_add(&t, threshold->where, NULL);
    pgr__table_add(&t, threshold->text, NULL);
    pgr__table_add(&t, pgr_buf_text(&name), NULL);
    pgr__bench_add_value(&t, f ? f->unit : PGR_UNIT_COUNT, crossing->value);
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
    snprintf(response, sizeof response, "response.%s.ok.%s", pgr__bench_main_operation(b), quantiles[i]);
    if (strcmp(name, response) == 0) return true;
  }
  return false;
}

static void add_change(const pgr_bench *b, const pgr_change *change, bool colour, pgr__table *t) {
  const pgr_bench_cell *c = &b->cells[change->cell];
  const pgr_figure *f = &c->figures[change->figure];
  change_kind kind = kind_of(change);
  const char *shade = !colour || kind == SAME ? NULL : kind == WORSE ? PGR__RED : PGR__GREEN;
  char text[PGR__BENCH_VALUE_BYTES] = "~";
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr__bench_add_name(b, c, &name);
  pgr__table_add(t, pgr_buf_text(&name), NULL);
  pgr_buf_deinit(&name);
  pgr__table_add(t, f->name, NULL);
  pgr__bench_add_value(t, f->unit, change->before);
  pgr__bench_add_value(t, f->unit, change->after);
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

void pgr__bench_add_changes(const pgr_bench *b, bool colour, pgr_buf *out) {
  static const char *const columns[] = {"cell", "figure", "old", "new", "change", "p"};
  char text[PGR_TEXT_BYTES];
  if (!b->compared) return;
  pgr_buf_adds(out, "\nAgainst ");
  pgr__bench_add_clean(out, b->baseline);
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
