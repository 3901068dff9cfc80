/* What a bench must keep to: "claim.ok.p99 < 5ms". Pure.
 *
 *   [CELL:] FIGURE COMPARISON VALUE
 *
 * CELL: STRATEGY[/LEVEL][@CLIENTS], the cells it is about; all without one. FIGURE: a name of docs/benchmarking.md.
 * COMPARISON: < <= == != >= >. VALUE: a number, with a unit where the figure has one: 5ms, 250us, 1.5s, 12%, 10MB
 * (1 kB is 1024 bytes, as PostgreSQL has it). */
#ifndef PGR_THRESHOLD_H
#define PGR_THRESHOLD_H

#include "pgr_bench.h"

enum { PGR_THRESHOLDS_MAX = 64 };

typedef enum pgr_comparison {
  PGR_LESS,
  PGR_LESS_OR_EQUAL,
  PGR_EQUAL,
  PGR_NOT_EQUAL,
  PGR_MORE_OR_EQUAL,
  PGR_MORE
} pgr_comparison;

typedef struct pgr_threshold {
  char text[200];  /* as given */
  char where[200]; /* "--threshold", or "claim.yaml:12:5": what begins with - was given for this bench */
  char strategy[64], level[32];
  int64_t clients; /* 0: any */
  char figure[PGR_FIGURE_NAME_BYTES];
  pgr_comparison comparison;
  double value; /* in the figure's unit: nanoseconds, a share, bytes, a count */
  bool has_unit;
  pgr_unit unit; /* of the value, when it has one */
} pgr_threshold;

/* Errors: PGR_EUSAGE, one line: where, what, what to do. */
pgr_code pgr_threshold_parse(const char *text, const char *where, pgr_threshold *out, pgr_err *err) PGR_MUST_CHECK;

/* Before anything runs: that each names a figure there can be in this bench, cells there are, and a unit that fits.
 * A scenario's own may be about cells and figures that this bench leaves out (no such strategy chosen, no open loop).
 * Errors: PGR_EUSAGE; of an unknown figure it lists those there are. */
pgr_code pgr_threshold_check(const pgr_bench *b, pgr_err *err) PGR_MUST_CHECK;

/* Fills b->crossings. A figure that a cell does not have (no operation ended like that) crosses nothing, but for
 * "count > 0" and the like, where it counts as 0. Errors: PGR_ENOMEM. */
pgr_code pgr_threshold_apply(pgr_bench *b) PGR_MUST_CHECK;

#endif
