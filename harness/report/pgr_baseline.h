/* A bench beside an earlier one, as benchstat compares: medians, and the Mann–Whitney U test over the repetitions.
 * Pure.
 */
#ifndef PGR_BASELINE_H
#define PGR_BASELINE_H

#include "pgr_bench.h"

enum { PGR_BASELINE_REPETITIONS_MIN = 10 };

typedef struct pgr_baseline pgr_baseline;

/* text: a result.json of pgrace bench, untrusted: at most 64 MiB, 4,096 cells, 2,000 figures a cell, 1,000 repetitions.
 * name: for messages, copied. Errors: PGR_EUSAGE (no such document, another format, fewer than 10 repetitions),
 * PGR_ENOMEM. */
pgr_code pgr_baseline_read(const char *text, size_t len_bytes, const char *name, pgr_baseline **out,
                           pgr_err *err) PGR_MUST_CHECK;
void pgr_baseline_destroy(pgr_baseline *l);

/* Whether the two may be compared: scenario, machine, server's version and settings, what was asked for. Before
 * anything runs, once b's cells, settings and environment are filled in. Errors: PGR_EUSAGE, all that differs in one
 * line, or that there is nothing to compare. */
pgr_code pgr_baseline_check(const pgr_baseline *l, const pgr_bench *b, pgr_err *err) PGR_MUST_CHECK;

typedef struct pgr_floors {
  double relative;    /* 0.05: changes below 5 % are none */
  double absolute_ns; /* of times: below it, none either */
} pgr_floors;

/* Fills b->changes: one for every figure of a cell that both have, in 10 repetitions at least, and that is better one
 * way. Errors: PGR_ENOMEM. */
pgr_code pgr_baseline_compare(const pgr_baseline *l, pgr_bench *b, pgr_floors floors) PGR_MUST_CHECK;

#endif
