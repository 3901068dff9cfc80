/* A bench for other programs: plotters, Prometheus, CI that follows figures from commit to commit. Each format is
 * described in docs/result.md.
 *
 * Those that group or choose figures go by what a name is made of, so a name is first turned into the notation of
 * docs/benchmarking.md: "claim.ok.p99" is OP.OUTCOME, its operation "claim", its outcome "ok", its statistic "p99". */
#include "json_internal.h"
#include "pgr_bench.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_BYTES = PGR_FIGURE_NAME_BYTES + 32 }; /* OP and OUTCOME may be longer than what they stand for */

/* A figure's name, taken apart. Parts that it does not have are NULL. Borrows from the figure and the scenario. */
typedef struct reading {
  char pattern[PATTERN_BYTES]; /* without the statistic: "tps", "OP.OUTCOME", "statement.OP.N", "server.wait.WHAT" */
  const char *operation, *outcome, *wait;
  const char *statistic; /* mean, p50 … max */
  long statement;        /* from 1; 0: of none */
} reading;

/* How a pattern is called elsewhere. The unit is appended. */
typedef struct family {
  const char *pattern, *name, *help;
} family;

static const family families[] = {
    {"tps", "transactions", "Transactions that ended, a second."},
    {"statements_per_s", "statements", "SQL commands that were answered, a second."},
    {"transactions", "transactions", "Transactions that ended in the window."},
    {"unfinished", "unfinished_transactions", "Transactions begun in the window that did not end."},
    {"duplicates", "duplicates", "Acquires that were told yes and were one too many."},
    {"unexplained", "unexplained_refusals", "Refusals that no possible ownership explains."},
    {"rows_broken", "broken_rows", "Keys whose rows broke a rule at the end."},
    {"errors", "errors", "Operations that failed or whose outcome is not known."},
    {"transaction", "transaction", "Time of all that one begin led to."},
    {"OP.OUTCOME.count", "operations", "Operations by outcome; retried: tries."},
    {"OP.OUTCOME.rate", "operations", "Operations by outcome, a second; retried: tries."},
    {"OP.OUTCOME", "operation",
     "Time from an operation's first statement to its outcome, without waiting for a connection."},
    {"response.OP.OUTCOME", "response", "Time from an operation's intended start to its outcome, waiting included."},
    {"OP.retries", "operation_retries", "Tries that were followed by another, an operation."},
    {"OP.tries", "operation_tries", "Tries of an operation."},
    {"statement.OP.N", "statement", "Time from sending an SQL command to its answer."},
    {"pool_wait", "pool_wait", "Time an operation waited for a connection."},
    {"lag", "lag", "Time from a transaction's intended start to its begin."},
    {"arrivals.due", "arrivals_due", "Transactions that were to begin in the window."},
    {"arrivals.late", "arrivals_late", "Arrivals that found no client free."},
    {"arrivals.shed", "arrivals_shed", "Arrivals that were not begun, for they were too late."},
    {"arrivals.unsent", "arrivals_unsent", "Arrivals that were not begun when the phase ended."},
    {"client.cpu_per_transaction", "client_cpu_per_transaction", "Processor time of pgrace itself."},
    {"client.cpu_share", "client_cpu", "Processor time of pgrace's threads in that of the window."},
    {"client.run_wait_share", "client_run_wait",
     "Time pgrace's threads could run and had no processor, in the window."},
    {"client.loop_lag", "client_loop_lag", "How late a timer of pgrace's own fired."},
    {"server.cpu_per_transaction", "server_cpu_per_transaction", "Processor time of the server."},
    {"server.wal_per_transaction", "server_wal_per_transaction", "Write-ahead log."},
    {"server.deadlocks", "server_deadlocks", "Deadlocks that the server broke."},
    {"server.rollbacks", "server_rollbacks", "Transactions that were rolled back."},
    {"server.hit_share", "server_hit", "Blocks found in shared buffers, of all that were asked for."},
    {"server.wait.WHAT", "server_processes", "Server processes found doing or awaiting this, on average."},
    {"connect", "connect", "Time to open and prepare all connections."}};

static const family *family_of(const char *pattern) {
  for (size_t i = 0; i < sizeof families / sizeof *families; i++)
    if (strcmp(families[i].pattern, pattern) == 0) return &families[i];
  return NULL;
}

/* What follows `word` in text; NULL when text does not begin with it. */
static const char *after(const char *text, const char *word) {
  size_t len = strlen(word);
  return strncmp(text, word, len) == 0 ? text + len : NULL;
}

/* "claim.ok.p99" → "claim.ok". NULL: it has none. */
static const char *cut_statistic(char *name) {
  static const char *const statistics[] = {"mean", "p50", "p90", "p95", "p99", "p99.9", "p99.99", "max"};
  for (size_t i = 0; i < sizeof statistics / sizeof *statistics; i++) {
    size_t len = strlen(name), tail = strlen(statistics[i]) + 1;
    if (len <= tail || name[len - tail] != '.' || strcmp(name + len - tail + 1, statistics[i]) != 0) continue;
    name[len - tail] = '\0';
    return statistics[i];
  }
  return NULL;
}

/* text: what follows "OP." in the name. false: there is no such pattern; *out is unchanged. */
static bool read_rest(const char *prefix, const char *operation, const char *text, reading *out) {
  reading r = *out;
  r.operation = operation;
  snprintf(r.pattern, sizeof r.pattern, "%sOP.%s", prefix, text);
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
    const char *name = pgr_outcome_name((pgr_outcome)o), *rest = after(text, name);
    if (!rest || (*rest && *rest != '.')) continue;
    r.outcome = name;
    snprintf(r.pattern, sizeof r.pattern, "%sOP.OUTCOME%s", prefix, rest);
  }
  if (*text && !text[strspn(text, "0123456789")]) {
    r.statement = strtol(text, NULL, 10);
    snprintf(r.pattern, sizeof r.pattern, "%sOP.N", prefix);
  }
  if (!family_of(r.pattern)) return false;
  *out = r;
  return true;
}

static bool read_operation(const pgr_scenario *s, const char *stem, reading *r) {
  static const char *const prefixes[] = {"", "response.", "statement."};
  for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++)
    for (int k = 0; k < s->operation_count; k++) {
      const char *name = s->operations[k].name, *named = after(stem, prefixes[i]);
      const char *rest = named ? after(named, name) : NULL;
      if (rest && *rest == '.' && read_rest(prefixes[i], name, rest + 1, r)) return true;
    }
  return false;
}

static reading read_name(const pgr_scenario *s, const pgr_figure *f) {
  reading r = {0};
  char stem[PGR_FIGURE_NAME_BYTES];
  r.wait = after(f->name, "server.wait.");
  if (r.wait) {
    snprintf(r.pattern, sizeof r.pattern, "server.wait.WHAT");
    return r;
  }
  memcpy(stem, f->name, sizeof stem);
  r.statistic = cut_statistic(stem);
  if (!read_operation(s, stem, &r)) snprintf(r.pattern, sizeof r.pattern, "%s", stem);
  return r;
}

/* CSV ---------------------------------------------------------------------------------------------------------------
 */

/* Source: RFC 4180, 2.6 and 2.7. */
static void add_field(pgr_buf *out, const char *text) {
  if (!strpbrk(text, ",\"\r\n")) {
    pgr_buf_adds(out, text);
    return;
  }
  pgr_buf_adds(out, "\"");
  for (; *text; text++)
    pgr_buf_addf(out, *text == '"' ? "\"%c" : "%c", *text);
  pgr_buf_adds(out, "\"");
}

static double in_ms(double ns) {
  return ns / (double)PGR_NS_PER_MS;
}

static void add_seconds(const pgr_bench_cell *c, size_t repetition, pgr_buf *out) {
  const pgr_series *series = &c->repetitions[repetition].series;
  for (size_t i = 0; i < series->count; i++) {
    const pgr_interval_figures *f = &series->at[i];
    add_field(out, c->strategy->name);
    pgr_buf_addf(out, ",%s,%u,%zu,%.9g,%llu,%llu", pgr_isolation_name(c->isolation), c->clients, repetition + 1,
                 (double)i * (double)series->width_ns / (double)PGR_NS_PER_S, (unsigned long long)f->ended,
                 (unsigned long long)f->errors);
    if (f->ended > 0)
      pgr_buf_addf(out, ",%.6f,%.6f,%.6f\n", in_ms((double)pgr_series_quantile(f, 0.5)),
                   in_ms((double)pgr_series_quantile(f, 0.99)), in_ms((double)f->max_ns));
    else
      pgr_buf_adds(out, ",,,\n");
  }
}

void pgr_bench_csv(const pgr_bench *b, pgr_buf *out) {
  pgr_buf_adds(out, "strategy,isolation,clients,repetition,second,transactions,errors,p50_ms,p99_ms,max_ms\n");
  for (size_t i = 0; i < b->cell_count; i++)
    for (size_t r = 0; r < b->cells[i].repetition_count; r++)
      add_seconds(&b->cells[i], r, out);
}

/* OpenMetrics -------------------------------------------------------------------------------------------------------
 */

/* A figure of a cell, as a gauge. */
typedef struct sample {
  const pgr_bench_cell *cell;
  const pgr_figure *figure;
  reading read;
  char family[PATTERN_BYTES + 32]; /* with its unit, which the format wants at its end */
  bool written;
} sample;

/* "": none. */
static const char *base_unit(pgr_unit unit) {
  switch (unit) {
  case PGR_UNIT_COUNT: return "";
  case PGR_UNIT_PER_S: return "per_second";
  case PGR_UNIT_NS: return "seconds";
  case PGR_UNIT_SHARE: return "ratio";
  case PGR_UNIT_BYTES: break;
  }
  return "bytes";
}

/* A figure that the list above does not have goes by its own name. */
static void name_family(sample *at) {
  const family *known = family_of(at->read.pattern);
  const char *unit = base_unit(at->figure->unit);
  snprintf(at->family, sizeof at->family, "pgrace_%s%s%s", known ? known->name : at->read.pattern, *unit ? "_" : "",
           unit);
  for (char *p = at->family; *p; p++)
    if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9')) *p = '_';
}

/* NULL: no memory. Those without a value are left out. */
static sample *take_samples(const pgr_bench *b, size_t *count) {
  size_t cap = 1;
  for (size_t i = 0; i < b->cell_count; i++)
    cap += b->cells[i].figure_count;
  sample *all = pgr_calloc(cap, sizeof *all);
  *count = 0;
  for (size_t i = 0; all && i < b->cell_count; i++)
    for (size_t k = 0; k < b->cells[i].figure_count; k++) {
      sample *at = &all[*count];
      at->cell = &b->cells[i];
      at->figure = &at->cell->figures[k];
      if (!isfinite(at->figure->value)) continue;
      at->read = read_name(b->scenario, at->figure);
      name_family(at);
      ++*count;
    }
  return all;
}

/* A line feed is escaped; what else would move a terminal's cursor becomes a blank, a carriage return above all: the
 * format has none. */
static void add_escaped(pgr_buf *out, const char *text) {
  for (; *text; text++) {
    if (*text == '\n')
      pgr_buf_adds(out, "\\n");
    else if (*text == '"' || *text == '\\')
      pgr_buf_addf(out, "\\%c", *text);
    else
      pgr_buf_add(out, (unsigned char)*text < ' ' ? " " : text, 1);
  }
}

/* before: what stands before the label. value NULL: it has none. */
static void add_label(pgr_buf *out, char before, const char *name, const char *value) {
  if (!value) return;
  pgr_buf_addf(out, "%c%s=\"", before, name);
  add_escaped(out, value);
  pgr_buf_adds(out, "\"");
}

static void add_sample(const pgr_bench *b, const sample *at, pgr_buf *out) {
  char clients[16], statement[32];
  snprintf(clients, sizeof clients, "%u", at->cell->clients);
  snprintf(statement, sizeof statement, "%ld", at->read.statement);
  pgr_buf_adds(out, at->family);
  add_label(out, '{', "scenario", b->scenario->name);
  add_label(out, ',', "strategy", at->cell->strategy->name);
  add_label(out, ',', "isolation", pgr_isolation_name(at->cell->isolation));
  add_label(out, ',', "clients", clients);
  add_label(out, ',', "operation", at->read.operation);
  add_label(out, ',', "outcome", at->read.outcome);
  add_label(out, ',', "statement", at->read.statement ? statement : NULL);
  add_label(out, ',', "statistic", at->read.statistic);
  add_label(out, ',', "wait", at->read.wait);
  double value = at->figure->value / (at->figure->unit == PGR_UNIT_NS ? (double)PGR_NS_PER_S : 1);
  pgr_buf_addf(out, "} %.15g\n", value);
}

static void add_metadata(const sample *at, pgr_buf *out) {
  const family *known = family_of(at->read.pattern);
  const char *unit = base_unit(at->figure->unit);
  pgr_buf_addf(out, "# TYPE %s gauge\n", at->family);
  if (*unit) pgr_buf_addf(out, "# UNIT %s %s\n", at->family, unit);
  pgr_buf_addf(out, "# HELP %s ", at->family);
  add_escaped(out, known ? known->help : at->read.pattern);
  pgr_buf_adds(out, "\n");
}

void pgr_bench_openmetrics(const pgr_bench *b, pgr_buf *out) {
  size_t count;
  sample *all = take_samples(b, &count);
  if (!all) out->failed = true;
  for (size_t i = 0; all && i < count; i++) {
    if (all[i].written) continue;
    add_metadata(&all[i], out);
    for (size_t k = i; k < count; k++) {
      if (all[k].written || strcmp(all[k].family, all[i].family) != 0) continue;
      add_sample(b, &all[k], out);
      all[k].written = true;
    }
  }
  pgr_free(all);
  pgr_buf_adds(out, "# EOF\n");
}

/* customSmallerIsBetter ---------------------------------------------------------------------------------------------
 */

/* What is worth an alarm: a chart and a comparison each, so not everything. */
static bool is_tracked(const reading *r) {
  static const char *const tracked[] = {"transaction.p50",
                                        "transaction.p99",
                                        "transaction.p99.9",
                                        "OP.OUTCOME.p50",
                                        "OP.OUTCOME.p99",
                                        "errors",
                                        "duplicates",
                                        "client.cpu_per_transaction",
                                        "server.wal_per_transaction"};
  char name[PATTERN_BYTES + 8];
  snprintf(name, sizeof name, "%s%s%s", r->pattern, r->statistic ? "." : "", r->statistic ? r->statistic : "");
  for (size_t i = 0; i < sizeof tracked / sizeof *tracked; i++)
    if (strcmp(tracked[i], name) == 0) return true;
  return false;
}

static double as_tracked(const pgr_figure *f, double value) {
  return f->unit == PGR_UNIT_NS ? in_ms(value) : value;
}

static const char *tracked_unit(pgr_unit unit) {
  return unit == PGR_UNIT_NS ? "ms" : unit == PGR_UNIT_BYTES ? "bytes" : "count";
}

/* NULL: none. Counts have none: theirs is of a repetition, their value of all. */
static json_t *tracked_range(const pgr_figure *f) {
  if (f->unit == PGR_UNIT_COUNT || f->count < 2 || !isfinite(f->interval.low) || !isfinite(f->interval.high))
    return NULL;
  return json_sprintf("%.4g … %.4g", as_tracked(f, f->interval.low), as_tracked(f, f->interval.high));
}

/* All of what tells a cell from others, always: a name is how commits are compared, and must not change with what else
 * was asked for. */
static json_t *tracked_figure(const pgr_bench *b, const pgr_bench_cell *c, const pgr_figure *f) {
  json_t *range = tracked_range(f);
  json_t *o = json_pack("{s:o,s:s,s:o,s:o}", "name",
                        json_sprintf("%s/%s/%s@%u %s", b->scenario->name, c->strategy->name,
                                     pgr_isolation_name(c->isolation), c->clients, f->name),
                        "unit", tracked_unit(f->unit), "value", pgr__json_number(as_tracked(f, f->value)), "extra",
                        json_sprintf("%zu repetition%s%s\nPostgreSQL %s\nseed %llu", c->repetition_count,
                                     c->repetition_count == 1 ? "" : "s",
                                     !range       ? ""
                                     : f->bounded ? ", range: 95 % of their median"
                                                  : ", range: smallest and largest",
                                     b->environment.server_version, (unsigned long long)b->seed));
  if (range) json_object_set_new(o, "range", range);
  return o;
}

pgr_code pgr_bench_smaller_is_better(const pgr_bench *b, pgr_buf *out, pgr_err *err) {
  json_t *all = json_array();
  for (size_t i = 0; i < b->cell_count; i++)
    for (size_t k = 0; k < b->cells[i].figure_count; k++) {
      const pgr_figure *f = &b->cells[i].figures[k];
      reading r = read_name(b->scenario, f);
      if (is_tracked(&r) && isfinite(f->value)) json_array_append_new(all, tracked_figure(b, &b->cells[i], f));
    }
  return pgr__json_write(all, out, err);
}

/* HdrHistogram ------------------------------------------------------------------------------------------------------
 */

/* Six decimals, not HdrHistogram's three: a millisecond is long here.
 * Source: AbstractHistogram.outputPercentileDistribution and its PercentileIterator, 5 ticks a half distance. */
static void add_percentiles(const pgr_histogram *h, pgr_buf *out) {
  enum { TICKS = 5 };
  double percent = 0;
  uint64_t upto = 0, count = pgr_histogram_count(h);
  while (upto < count) {
    int64_t value = pgr_histogram_quantile(h, percent / 100);
    upto = pgr_histogram_count_to(h, value);
    pgr_buf_addf(out, "%12.6f %14.12f %10llu %14.2f\n", in_ms((double)value), percent / 100, (unsigned long long)upto,
                 1 / (1 - percent / 100));
    percent += 100 / (TICKS * exp2(floor(log2(100 / (100 - percent))) + 1));
  }
  if (count > 0)
    pgr_buf_addf(out, "%12.6f %14.12f %10llu\n", in_ms((double)pgr_histogram_max(h)), 1.0, (unsigned long long)count);
}

void pgr_bench_hgrm(const pgr_histogram *h, pgr_buf *out) {
  pgr_buf_addf(out, "%12s %14s %10s %14s\n\n", "Value", "Percentile", "TotalCount", "1/(1-Percentile)");
  add_percentiles(h, out);
  pgr_buf_addf(out, "#[Mean    = %12.6f, StdDeviation   = %12.6f]\n", in_ms(pgr_histogram_mean(h)),
               in_ms(pgr_histogram_deviation(h)));
  pgr_buf_addf(out, "#[Max     = %12.6f, Total count    = %12llu]\n", in_ms((double)pgr_histogram_max(h)),
               (unsigned long long)pgr_histogram_count(h));
  pgr_buf_addf(out, "#[Buckets = %12d, SubBuckets     = %12d]\n", PGR_HISTOGRAM_BUCKETS, PGR_HISTOGRAM_SUB_BUCKETS);
}
