/* What the formats for CI systems share. */
#ifndef PGR_CI_INTERNAL_H
#define PGR_CI_INTERNAL_H

#include "pgr_suite.h"

/* Appends it as pgr_case has texts: what is not UTF-8 becomes '?', control characters and what ends a line become
 * spaces (lines: but for line feeds), what XML cannot hold or turns the direction of the text that follows becomes
 * U+FFFD. */
void pgr__ci_add_clean(pgr_buf *out, const char *text, bool lines);

/* How often a cell raced; appended: "1,987 of 2,000 contested rounds", "4 of 6 schedules", or "schedule 3" where the
 * search ended with the first that broke a rule. */
void pgr__ci_add_how_often(const pgr_cell *c, pgr_buf *out);

/* The suites of several documents, and the sums of what is in them. Owned. */
typedef struct pgr__suites {
  pgr_suite *each;
  size_t count;
  size_t cases, failed, skipped, errors;
  int64_t elapsed_ns;
} pgr__suites;

/* out: deinit after use, also after an error. Errors: PGR_ENOMEM. */
pgr_code pgr__suites_make(const pgr_document *d, size_t count, pgr__suites *out, pgr_err *err) PGR_MUST_CHECK;
void pgr__suites_deinit(pgr__suites *s);

/* "trigger / read committed", after its suite's name where there are several; appended. */
void pgr__ci_add_case_name(const pgr__suites *all, const pgr_suite *s, const pgr_case *c, pgr_buf *out);

#endif
