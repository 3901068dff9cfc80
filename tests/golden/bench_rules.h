/* What each format for other programs must keep to, whatever was measured: read back, and compared with the bench. */
#ifndef PGR_BENCH_RULES_H
#define PGR_BENCH_RULES_H

#include "bench_fixture.h"

#include "pgr_baseline.h"
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* Ten digits are written at least. */
static inline void rules_near(double got, double want) {
  if (fabs(got - want) > 1e-8 * fabs(want)) fail_msg("%.17g, not %.17g", got, want);
}

static inline json_t *rules_parse(const pgr_buf *text) {
  json_error_t error;
  json_t *o = json_loadb(text->data, text->len, JSON_REJECT_DUPLICATES, &error);
  if (!o) fail_msg("line %d: %s", error.line, error.text);
  return o;
}

static inline const char *rules_text(const json_t *o, const char *key) {
  const char *text = json_string_value(json_object_get(o, key));
  if (!text) fail_msg("there is no text %s", key);
  return text;
}

/* JSON --------------------------------------------------------------------------------------------------------------
 */

/* null stands for what is not finite. */
static inline void rules_number(const json_t *o, const char *key, double want) {
  const json_t *v = json_object_get(o, key);
  if (!v) fail_msg("there is no %s", key);
  if (!isfinite(want))
    assert_true(json_is_null(v));
  else
    rules_near(json_number_value(v), want);
}

static inline void rules_json_figure(const json_t *o, const pgr_figure *f) {
  static const char *const units[] = {"count", "per_s", "ns", "share", "bytes"};
  rules_number(o, "value", f->value);
  rules_number(o, "median", f->median);
  rules_number(o, "low", f->interval.low);
  rules_number(o, "high", f->interval.high);
  assert_string_equal(rules_text(o, "unit"), units[f->unit]);
  assert_int_equal(json_is_true(json_object_get(o, "bounded")), f->bounded);
  if (f->better == PGR_BETTER_NEITHER)
    assert_true(json_is_null(json_object_get(o, "better")));
  else
    assert_string_equal(rules_text(o, "better"), f->better == PGR_BETTER_LOWER ? "lower" : "higher");
  const json_t *each = json_object_get(o, "each");
  assert_int_equal(json_array_size(each), f->count);
  for (size_t i = 0; i < f->count; i++)
    if (isfinite(f->each[i]))
      rules_near(json_number_value(json_array_get(each, i)), f->each[i]);
    else
      assert_true(json_is_null(json_array_get(each, i)));
}

static inline void rules_json_latency(const json_t *o, const pgr_histogram *h) {
  if (!h) {
    assert_true(json_is_null(o));
    return;
  }
  rules_number(o, "count", (double)pgr_histogram_count(h));
  rules_number(o, "mean", pgr_histogram_mean(h));
  rules_number(o, "p50", (double)pgr_histogram_quantile(h, 0.5));
  rules_number(o, "p90", (double)pgr_histogram_quantile(h, 0.9));
  rules_number(o, "p95", (double)pgr_histogram_quantile(h, 0.95));
  rules_number(o, "p99", (double)pgr_histogram_quantile(h, 0.99));
  rules_number(o, "p999", (double)pgr_histogram_quantile(h, 0.999));
  rules_number(o, "p9999", (double)pgr_histogram_quantile(h, 0.9999));
  rules_number(o, "max", (double)pgr_histogram_max(h));
}

static inline void rules_json_operation(const json_t *o, const char *name, pgr_histogram *const by_outcome[]) {
  const json_t *latencies = json_object_get(o, name);
  for (int i = 0; i < PGR_OUTCOME_COUNT; i++)
    if (by_outcome[i])
      rules_json_latency(json_object_get(latencies, pgr_outcome_name((pgr_outcome)i)), by_outcome[i]);
    else
      assert_null(json_object_get(latencies, pgr_outcome_name((pgr_outcome)i)));
}

static inline void rules_json_series(const json_t *o, const pgr_bench_repetition *of, size_t repetition) {
  rules_number(o, "repetition", (double)repetition);
  rules_number(o, "width_ns", (double)of->series.width_ns);
  static const char *const lists[] = {"transactions", "errors", "p50_ns", "p99_ns", "max_ns"};
  for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
    assert_int_equal(json_array_size(json_object_get(o, lists[k])), of->series.count);
  for (size_t i = 0; i < of->series.count; i++) {
    const pgr_interval_figures *f = &of->series.at[i];
    const int64_t want[] = {(int64_t)f->ended, (int64_t)f->errors, pgr_series_quantile(f, 0.5),
                            pgr_series_quantile(f, 0.99), f->max_ns};
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++) {
      const json_t *v = json_array_get(json_object_get(o, lists[k]), i);
      if (k >= 2 && f->ended == 0)
        assert_true(json_is_null(v));
      else
        assert_int_equal(json_integer_value(v), want[k]);
    }
  }
}

static inline void rules_json_curve(const json_t *curves, const char *name, const pgr_curve *want) {
  const json_t *o = json_object_get(curves, name);
  assert_int_equal(json_array_size(o), want->count);
  for (size_t i = 0; i < want->count; i++) {
    const json_t *point = json_array_get(o, i);
    rules_near(json_number_value(json_array_get(point, 0)), want->points[i].share);
    assert_int_equal(json_integer_value(json_array_get(point, 1)), want->points[i].ns);
  }
}

static inline void rules_json_cell(const json_t *o, const pgr_scenario *s, const pgr_bench_cell *c) {
  const pgr_tally *t = &c->all.tally;
  const json_t *figures = json_object_get(o, "figures"), *statements = json_object_get(o, "statements");
  assert_string_equal(rules_text(o, "strategy"), c->strategy->name);
  assert_string_equal(rules_text(o, "isolation"), pgr_isolation_name(c->isolation));
  rules_number(o, "clients", c->clients);
  rules_number(o, "connections", c->connections);
  rules_number(o, "repetitions", (double)c->repetition_count);
  assert_int_equal(json_object_size(figures), c->figure_count);
  for (size_t i = 0; i < c->figure_count; i++)
    rules_json_figure(json_object_get(figures, c->figures[i].name), &c->figures[i]);
  for (int k = 0; k < s->operation_count; k++) {
    rules_json_operation(json_object_get(o, "latency_ns"), s->operations[k].name, t->service[k]);
    rules_json_operation(json_object_get(o, "response_ns"), s->operations[k].name, t->response[k]);
  }
  rules_json_latency(json_object_get(o, "transaction_ns"), t->transaction);
  rules_json_latency(json_object_get(o, "pool_wait_ns"), t->pool_wait);
  rules_json_latency(json_object_get(o, "lag_ns"), c->all.lag);
  rules_json_latency(json_object_get(o, "loop_lag_ns"), c->all.loop_lag);
  assert_int_equal(json_array_size(json_object_get(o, "series")), c->repetition_count);
  for (size_t i = 0; i < c->repetition_count; i++)
    rules_json_series(json_array_get(json_object_get(o, "series"), i), &c->repetitions[i], i + 1);
  const pgr_histogram *won = t->service[pgr_scenario_main_operation(s)][PGR_OUTCOME_OK];
  pgr_curve winner;
  pgr_curve_of(won, &winner);
  rules_json_curve(json_object_get(o, "curves"), "winner", &winner);
  rules_json_curve(json_object_get(o, "curves"), "loser", &c->loser_curve);
  rules_number(o, "line", c->strategy->line);
  assert_int_equal(json_array_size(statements), BENCH_STATEMENTS);
  for (int i = 0; i < BENCH_STATEMENTS; i++)
    rules_json_latency(json_object_get(json_array_get(statements, (size_t)i), "latency_ns"),
                       i < t->statement_kinds ? t->statement[i] : NULL);
  assert_int_equal(json_is_null(json_object_get(o, "waits")), !c->all.server.known);
  assert_int_equal(json_is_null(json_object_get(o, "server")), !c->all.server.known);
  assert_int_equal(json_is_null(json_object_get(o, "story")), !c->story.duplicates && !c->story.unexplained);
}

static inline void rules_json_thresholds(const json_t *document, const pgr_bench *b) {
  const json_t *thresholds = json_object_get(document, "thresholds"), *changes = json_object_get(document, "changes");
  size_t crossings = 0;
  assert_int_equal(json_array_size(thresholds), b->threshold_count);
  for (size_t i = 0; i < b->threshold_count; i++) {
    const json_t *one = json_array_get(thresholds, i);
    assert_string_equal(rules_text(one, "text"), b->thresholds[i].text);
    assert_string_equal(rules_text(one, "where"), b->thresholds[i].where);
    crossings += json_array_size(json_object_get(one, "crossings"));
  }
  assert_int_equal(crossings, b->crossing_count);
  assert_int_equal(json_array_size(changes), b->change_count);
  for (size_t i = 0; i < b->change_count; i++) {
    const json_t *one = json_array_get(changes, i);
    const pgr_change *c = &b->changes[i];
    assert_string_equal(rules_text(one, "figure"), b->cells[c->cell].figures[c->figure].name);
    rules_number(one, "before", c->before);
    rules_number(one, "after", c->after);
    rules_number(one, "p", c->p);
    assert_int_equal(json_is_true(json_object_get(one, "significant")), c->significant);
    assert_int_equal(json_is_true(json_object_get(one, "worse")), c->worse);
  }
}

static inline void rules_json(const pgr_bench *b) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  assert_int_equal(pgr_bench_json(b, &text, NULL), PGR_OK);
  json_t *document = rules_parse(&text);
  const json_t *cells = json_object_get(document, "cells");
  assert_string_equal(rules_text(document, "command"), "bench");
  rules_number(document, "exit_status", b->exit_status);
  assert_int_equal(json_is_null(json_object_get(document, "baseline")), !b->compared);
  assert_int_equal(json_array_size(cells), b->cell_count);
  for (size_t i = 0; i < b->cell_count; i++)
    rules_json_cell(json_array_get(cells, i), b->scenario, &b->cells[i]);
  rules_json_thresholds(document, b);
  json_decref(document);
  pgr_buf_deinit(&text);
}

/* CSV ---------------------------------------------------------------------------------------------------------------
 */

enum { RULES_FIELDS = 10, RULES_FIELD_BYTES = 128 };

/* One line by RFC 4180; returns what follows it. */
static inline const char *rules_csv_line(const char *p, char fields[RULES_FIELDS][RULES_FIELD_BYTES]) {
  for (int i = 0;; i++) {
    size_t len = 0;
    bool quoted = *p == '"';
    assert_true(i < RULES_FIELDS);
    for (p += quoted; quoted ? *p != '"' || *++p == '"' : !strchr(",\n", *p); p++) {
      assert_true(*p && len + 1 < RULES_FIELD_BYTES);
      fields[i][len++] = *p;
    }
    fields[i][len] = '\0';
    if (*p == '\n' && i + 1 == RULES_FIELDS) return p + 1;
    if (*p++ != ',') fail_msg("field %d ends with '%c'", i, p[-1]);
  }
}

static inline const char *rules_csv_second(const char *p, const pgr_bench_cell *c, size_t r, size_t second) {
  char f[RULES_FIELDS][RULES_FIELD_BYTES];
  const pgr_interval_figures *want = &c->repetitions[r].series.at[second];
  p = rules_csv_line(p, f);
  assert_string_equal(f[0], c->strategy->name);
  assert_string_equal(f[1], pgr_isolation_name(c->isolation));
  assert_int_equal(strtoul(f[2], NULL, 10), c->clients);
  assert_int_equal(strtoul(f[3], NULL, 10), r + 1);
  assert_int_equal(strtoul(f[4], NULL, 10), second);
  assert_int_equal(strtoull(f[5], NULL, 10), want->ended);
  assert_int_equal(strtoull(f[6], NULL, 10), want->errors);
  for (int i = 7; i < RULES_FIELDS; i++)
    assert_int_equal(*f[i] == '\0', want->ended == 0);
  rules_near(strtod(f[7], NULL) * 1e6, (double)pgr_series_quantile(want, 0.5));
  rules_near(strtod(f[8], NULL) * 1e6, (double)pgr_series_quantile(want, 0.99));
  rules_near(strtod(f[9], NULL) * 1e6, (double)want->max_ns);
  return p;
}

static inline void rules_csv(const pgr_bench *b) {
  pgr_buf text;
  char header[RULES_FIELDS][RULES_FIELD_BYTES];
  pgr_buf_init(&text, 0);
  pgr_bench_csv(b, &text);
  const char *p = rules_csv_line(pgr_buf_text(&text), header);
  assert_string_equal(header[4], "second");
  for (size_t i = 0; i < b->cell_count; i++)
    for (size_t r = 0; r < b->cells[i].repetition_count; r++)
      for (size_t second = 0; second < b->cells[i].repetitions[r].series.count; second++)
        p = rules_csv_second(p, &b->cells[i], r, second);
  assert_string_equal(p, "");
  pgr_buf_deinit(&text);
}

/* OpenMetrics -------------------------------------------------------------------------------------------------------
 */

enum { RULES_FAMILIES = 128, RULES_NAME_BYTES = 160 };

typedef struct rules_metrics {
  char families[RULES_FAMILIES][RULES_NAME_BYTES];
  size_t family_count, samples;
  int metadata; /* lines of the family at hand: 1 TYPE, 2 UNIT, 3 HELP; 4: its samples have begun */
} rules_metrics;

static inline size_t rules_name_len(const char *p, bool label) {
  size_t len = 0;
  while (isalpha((unsigned char)p[len]) || p[len] == '_' || (p[len] == ':' && !label) ||
         (len > 0 && isdigit((unsigned char)p[len])))
    len++;
  return len;
}

/* "# TYPE name gauge" and so on; TYPE first, each once. */
static inline void rules_metadata(rules_metrics *m, const char *line) {
  static const char *const kinds[] = {"# TYPE ", "# UNIT ", "# HELP "};
  int kind = 0;
  while (kind < 3 && strncmp(line, kinds[kind], 7) != 0)
    kind++;
  if (kind == 3) fail_msg("no metadata: %s", line);
  const char *name = line + 7, *value;
  size_t len = rules_name_len(name, false);
  value = name + len + 1;
  assert_true(len > 0 && len < RULES_NAME_BYTES && name[len] == ' ' && *value);
  if (kind == 0) {
    assert_string_equal(value, "gauge");
    assert_true(m->family_count < RULES_FAMILIES);
    snprintf(m->families[m->family_count], RULES_NAME_BYTES, "%.*s", (int)len, name);
    for (size_t i = 0; i < m->family_count; i++)
      if (strcmp(m->families[i], m->families[m->family_count]) == 0) fail_msg("twice: %s", line);
    m->family_count++;
    m->metadata = 0;
  }
  const char *family = m->families[m->family_count - 1];
  if (strlen(family) != len || strncmp(family, name, len) != 0) fail_msg("%s has: %s", family, line);
  if (kind == 1) {
    size_t tail = strlen(value);
    assert_true(tail < len && family[len - tail - 1] == '_');
    assert_string_equal(family + len - tail, value);
  }
  assert_true(m->metadata <= kind);
  m->metadata = kind + 1;
}

/* What follows `name="value"`. */
static inline const char *rules_label(const char *p) {
  size_t len = rules_name_len(p, true);
  assert_true(len > 0);
  p += len;
  assert_true(p[0] == '=' && p[1] == '"');
  for (p += 2; *p != '"'; p++) {
    if (*p == '\\') {
      p++;
      assert_non_null(strchr("n\"\\", *p));
    }
    assert_true((unsigned char)*p >= ' ');
  }
  return p + 1;
}

static inline void rules_sample(rules_metrics *m, const char *line) {
  const char *family = m->families[m->family_count - 1];
  size_t len = rules_name_len(line, false);
  char *end;
  if (strlen(family) != len || strncmp(family, line, len) != 0) fail_msg("%s has: %s", family, line);
  assert_true(m->metadata >= 3);
  m->metadata = 4;
  const char *p = line + len;
  assert_true(*p == '{');
  do
    p = rules_label(p + 1);
  while (*p == ',');
  assert_true(p[0] == '}' && p[1] == ' ');
  assert_true(isfinite(strtod(p + 2, &end)) && end > p + 2 && *end == '\0');
  m->samples++;
}

/* Of those lines no two are the same sample. */
static inline void rules_distinct(const char *text) {
  for (const char *a = text; *a; a += strcspn(a, "\n") + 1) {
    if (*a == '#') continue;
    size_t len = strcspn(a, "\n");
    while (a[len] != '}')
      len--;
    for (const char *b = a + strcspn(a, "\n") + 1; *b != '#' && *b; b += strcspn(b, "\n") + 1)
      if (strncmp(a, b, len + 1) == 0) fail_msg("twice: %.*s", (int)len + 1, a);
  }
}

static inline void rules_openmetrics(const pgr_bench *b) {
  rules_metrics m = {0};
  pgr_buf text;
  size_t values = 0;
  pgr_buf_init(&text, 0);
  pgr_bench_openmetrics(b, &text);
  const char *p = pgr_buf_text(&text);
  rules_distinct(p);
  while (strcmp(p, "# EOF\n") != 0) {
    char line[1024];
    size_t len = strcspn(p, "\n");
    assert_true(len > 0 && len < sizeof line && p[len] == '\n');
    snprintf(line, sizeof line, "%.*s", (int)len, p);
    if (*p == '#')
      rules_metadata(&m, line);
    else
      rules_sample(&m, line);
    p += len + 1;
  }
  for (size_t i = 0; i < b->cell_count; i++)
    for (size_t k = 0; k < b->cells[i].figure_count; k++)
      values += isfinite(b->cells[i].figures[k].value);
  assert_int_equal(m.samples, values);
  pgr_buf_deinit(&text);
}

/* customSmallerIsBetter ---------------------------------------------------------------------------------------------
 */

/* The entry's figure, found by the end of its name. */
static inline const pgr_figure *rules_tracked(const pgr_bench *b, const char *name) {
  for (size_t i = 0; i < b->cell_count; i++) {
    const pgr_bench_cell *c = &b->cells[i];
    char cell[512];
    int len = snprintf(cell, sizeof cell, "%s/%s/%s@%u ", b->scenario->name, c->strategy->name,
                       pgr_isolation_name(c->isolation), c->clients);
    if (strncmp(name, cell, (size_t)len) == 0) return pgr_bench_figure(c, name + len);
  }
  return NULL;
}

static inline void rules_smaller_is_better(const pgr_bench *b) {
  pgr_buf text;
  size_t at;
  json_t *entry;
  pgr_buf_init(&text, 0);
  assert_int_equal(pgr_bench_smaller_is_better(b, &text, NULL), PGR_OK);
  json_t *all = rules_parse(&text), *names = json_object();
  json_array_foreach(all, at, entry) {
    const char *name = rules_text(entry, "name");
    const pgr_figure *f = rules_tracked(b, name);
    if (!f) fail_msg("there is no %s", name);
    if (strstr(name, "response.") || strstr(name, "statement.")) fail_msg("%s is not worth an alarm", name);
    assert_int_equal(f->better, PGR_BETTER_LOWER);
    assert_null(json_object_get(names, name));
    json_object_set_new(names, name, json_null());
    rules_number(entry, "value", f->unit == PGR_UNIT_NS ? f->value / 1e6 : f->value);
    assert_string_equal(rules_text(entry, "unit"), f->unit == PGR_UNIT_NS      ? "ms"
                                                   : f->unit == PGR_UNIT_BYTES ? "bytes"
                                                                               : "count");
    assert_non_null(rules_text(entry, "extra"));
    bool ranges = f->count > 1 && f->unit != PGR_UNIT_COUNT;
    assert_int_equal(json_is_string(json_object_get(entry, "range")), ranges);
  }
  /* A few of each cell that ran: those of its transactions, its operations, two counts, two costs. */
  for (size_t i = 0; i < b->cell_count; i++)
    if (b->cells[i].repetition_count > 0)
      assert_true(json_array_size(all) >= 9 && json_array_size(all) <= 25 * b->cell_count);
  json_decref(names);
  json_decref(all);
  pgr_buf_deinit(&text);
}

/* HdrHistogram ------------------------------------------------------------------------------------------------------
 */

/* Five a half distance: 0 %, 10 … 50, 55 … 75, 77.5 … Exact: all of them are sums of a few powers of two. */
static inline double rules_next_percent(double at) {
  double half = 50, step = 10;
  while (at >= 100 - half) {
    half /= 2;
    step /= 2;
  }
  return at + step;
}

static inline void rules_listing(const pgr_histogram *h) {
  static const char head[] = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
  pgr_buf text;
  double value, percentile, want = 0, inverse;
  unsigned long long upto = 0;
  int used;
  pgr_buf_init(&text, 0);
  pgr_bench_hgrm(h, &text);
  const char *p = pgr_buf_text(&text);
  assert_memory_equal(p, head, strlen(head));
  p += strlen(head);
  for (; sscanf(p, "%lf %lf %llu %lf%n", &value, &percentile, &upto, &inverse, &used) == 4 && p[used] == '\n';
       p += used + 1) {
    assert_true(fabs(percentile - want / 100) < 1e-11);
    assert_true(fabs(inverse * (1 - percentile) - 1) < 0.01);
    rules_near(value * 1e6, (double)pgr_histogram_quantile(h, want / 100));
    assert_true((double)upto >= want / 100 * (double)pgr_histogram_count(h));
    want = rules_next_percent(want);
  }
  assert_int_equal(upto, pgr_histogram_count(h));
  assert_int_equal(sscanf(p, "%lf %lf %llu%n", &value, &percentile, &upto, &used), 3);
  assert_true(percentile == 1 && p[used] == '\n' && p[used + 1] == '#');
  rules_near(value * 1e6, (double)pgr_histogram_max(h));
  assert_int_equal(sscanf(p + used + 1, "#[Mean = %lf, StdDeviation = %lf]\n#[Max = %lf, Total count = %llu]", &value,
                          &percentile, &want, &upto),
                   4);
  assert_true(fabs(value * 1e6 - pgr_histogram_mean(h)) <= 1 && fabs(want * 1e6 - (double)pgr_histogram_max(h)) <= 1);
  assert_true(fabs(percentile * 1e6 - pgr_histogram_deviation(h)) <= 1);
  assert_int_equal(upto, pgr_histogram_count(h));
  pgr_buf_deinit(&text);
}

static inline void rules_hgrm(const pgr_bench *b) {
  for (size_t i = 0; i < b->cell_count; i++)
    for (int k = 0; k < b->scenario->operation_count; k++)
      for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
        if (b->cells[i].all.tally.service[k][o]) rules_listing(b->cells[i].all.tally.service[k][o]);
}

#endif
