/* What pgrace bench found: one struct, filled in once, read by every renderer. Pure; documented in docs/result.md.
 *
 * A cell is a strategy at a level with so many clients, measured in several repetitions. All that is said of it in
 * numbers is a list of figures with names (docs/benchmarking.md): what a threshold asks for, a baseline compares and
 * the formats for other programs carry. Only renderers that show more than numbers look at the measure itself. */
#ifndef PGR_BENCH_H
#define PGR_BENCH_H

#include "pgr_arrivals.h"
#include "pgr_buf.h"
#include "pgr_curve.h"
#include "pgr_environment.h"
#include "pgr_follow.h"
#include "pgr_interval.h"
#include "pgr_keys.h"
#include "pgr_measure.h"
#include "pgr_scenario.h"

typedef enum pgr_unit {
  PGR_UNIT_COUNT,
  PGR_UNIT_PER_S,
  PGR_UNIT_NS,
  PGR_UNIT_SHARE, /* 0 … 1 */
  PGR_UNIT_BYTES
} pgr_unit;

typedef enum pgr_better { PGR_BETTER_LOWER, PGR_BETTER_HIGHER, PGR_BETTER_NEITHER } pgr_better;

enum { PGR_FIGURE_NAME_BYTES = 96 };

typedef struct pgr_figure {
  char name[PGR_FIGURE_NAME_BYTES]; /* "tps", "claim.ok.p99", "response.claim.ok.p99", "duplicates" … */
  pgr_unit unit;
  pgr_better better;
  double value;          /* counts: of all repetitions; percentiles: of all their samples; else the median of theirs */
  double median;         /* of `each` */
  pgr_interval interval; /* of the median, 95 % when `bounded`, else smallest and largest */
  bool bounded;
  double *each; /* one a repetition, owned; NAN where a repetition has none */
  size_t count;
} pgr_figure;

typedef struct pgr_bench_repetition {
  pgr_series series; /* owned */
  int64_t window_ns;
} pgr_bench_repetition;

typedef struct pgr_bench_cell {
  const pgr_strategy *strategy;
  pgr_isolation isolation;
  uint32_t clients, connections, threads;
  pgr_expect expect;
  pgr_measure all;                   /* of all repetitions */
  pgr_bench_repetition *repetitions; /* owned */
  size_t repetition_count;
  pgr_figure *figures; /* owned; in the order in which they are shown */
  size_t figure_count, figure_cap;
  pgr_curve winner_curve, loser_curve; /* service time of the main operation, told yes; refused or rejected */
  pgr_follow_report story;             /* of the first repetition that had a duplicate, else an unexplained refusal */
  char rules[200]; /* what the rows broke at a phase's end: "balance is never negative: 3 keys"; "" */
  uint64_t rows_broken;
  char trouble[200]; /* why its figures say less than they seem to; "" */
} pgr_bench_cell;

/* How a threshold came out for one cell. */
typedef struct pgr_crossing {
  size_t threshold, cell; /* indices */
  double value;
} pgr_crossing;

/* A change against the baseline. */
typedef struct pgr_change {
  size_t cell, figure;
  double before, after; /* medians */
  double p;
  bool significant; /* p < 0.05, and beyond both floors */
  bool worse;       /* significant, and in the direction that is not better */
} pgr_change;

struct pgr_threshold;

typedef struct pgr_bench {
  const pgr_scenario *scenario;
  bool bare; /* a script without a scenario */
  int exit_status;
  bool complete, interrupted;
  char note[200]; /* why it is incomplete, "" when it is not */
  uint64_t seed;
  struct {
    uint32_t threads;
    int repetitions;
    int64_t warmup_ns, duration_ns, transactions, hold_ns, gap_ns, max_lag_ns;
    bool open, poisson, verify, durable;
    pgr_rate rate;
    pgr_key_options keys;
    pgr_protocol protocol;
    int max_tries;
  } settings;
  pgr_environment environment;
  char error[300];       /* what of the environment ended it (exit status 5), "" when nothing did */
  char repeat[1024];     /* the command that repeats it, never with a connection string; "" when not known */
  pgr_bench_cell *cells; /* owned */
  size_t cell_count;
  const struct pgr_threshold *thresholds; /* borrowed */
  size_t threshold_count;
  pgr_crossing *crossings; /* owned: those that failed */
  size_t crossing_count;
  bool compared;       /* with a baseline */
  char baseline[200];  /* its file */
  pgr_change *changes; /* owned */
  size_t change_count;
} pgr_bench;

/* Adds what one repetition measured to its cell and its figures; takes m's series. c: its `threads` and, with this
 * repetition's, its `rows_broken` are filled in. Errors: PGR_ENOMEM; c is then only good to deinit. */
pgr_code pgr_bench_add(pgr_bench_cell *c, const pgr_scenario *s, pgr_measure *m) PGR_MUST_CHECK;
/* Medians, intervals, what all repetitions say. After the last one. Errors: PGR_ENOMEM. */
pgr_code pgr_bench_settle(pgr_bench_cell *c, const pgr_scenario *s) PGR_MUST_CHECK;
/* NULL: it has none of that name. */
const pgr_figure *pgr_bench_figure(const pgr_bench_cell *c, const char *name);
/* "trigger/read committed@64": what tells cells apart; appended. */
void pgr_bench_cell_name(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out);
/* A value in its unit, for people: "1.25 ms", "2,103 /s", "12 %". Appended. */
void pgr_bench_value(pgr_unit unit, double value, pgr_buf *out);
void pgr_bench_deinit(pgr_bench *b);

/* ---- renderers; each appends ---- */

/* For people: at most 80 columns, but for names that are longer. style: of PGR_STYLE_… (pgr_report.h); VERBOSE adds
 * what each cell's operations and statements took, by outcome. */
void pgr_bench_text(const pgr_bench *b, unsigned style, pgr_buf *out);
void pgr_bench_header(const pgr_bench *b, pgr_buf *out);
/* The document of docs/result.md. Errors: PGR_ENOMEM. */
pgr_code pgr_bench_json(const pgr_bench *b, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;
/* Second by second, every repetition. */
void pgr_bench_csv(const pgr_bench *b, pgr_buf *out);
/* OpenMetrics text, one sample a figure and cell. Source: OpenMetrics 1.0. */
void pgr_bench_openmetrics(const pgr_bench *b, pgr_buf *out);
/* The list of {name, unit, value, range, extra} that benchmark-tracking CI actions take as customSmallerIsBetter:
 * figures that are better when they are lower. Errors: PGR_ENOMEM. */
pgr_code pgr_bench_smaller_is_better(const pgr_bench *b, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;
/* HdrHistogram's percentile listing (.hgrm), values in milliseconds. */
void pgr_bench_hgrm(const pgr_histogram *h, pgr_buf *out);

#endif
