/* A result as a CI system sees it: one case a cell, that passed, failed, was skipped or could not be run. The one place
 * that decides which; JUnit, TAP, GitHub's annotations and the Markdown summary say it in their ways. Pure.
 *
 *   failed   the cell is why the exit status is 1 or 3: a broken expectation, a threshold, a baseline
 *   skipped  it proves nothing: inconclusive, incomplete, a control that did not race; with the bound
 *   error    the environment ended the run before the cell was judged
 *   passed   the rest */
#ifndef PGR_SUITE_H
#define PGR_SUITE_H

#include "pgr_document.h"

typedef enum pgr_case_status { PGR_CASE_PASSED, PGR_CASE_FAILED, PGR_CASE_SKIPPED, PGR_CASE_ERROR } pgr_case_status;

/* Texts are the suite's, valid UTF-8, fit to be shown (no control characters but line feeds in `details`). */
typedef struct pgr_case {
  const char *name;    /* "trigger / read committed", unique in its suite; with gap or clients where they vary */
  const char *kind;    /* of what failed: "race", "no-race", "error", "threshold", "baseline"; else "" */
  const char *message; /* one line: the verdict and what it rests on */
  const char *details; /* the story of the witness, or what else explains it; "" */
  const char *file;    /* of the scenario as it was loaded; "" */
  int line;            /* of the strategy in it, from 1; 0: not known */
  pgr_case_status status;
  int64_t elapsed_ns;
} pgr_case;

typedef struct pgr_suite {
  const char *name;  /* the scenario's */
  const char *title; /* its title */
  const char *command, *started_at, *repeat, *note;
  const char *environment; /* one line: what ran against what */
  int exit_status;
  pgr_case *cases;
  size_t count, failed, skipped, errors;
  int64_t elapsed_ns;
  pgr_arena arena;
} pgr_suite;

/* out: zeroed before; deinit after use, also after an error. Errors: PGR_ENOMEM. */
pgr_code pgr_suite_make(const pgr_document *d, pgr_suite *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_suite_deinit(pgr_suite *s);

/* ---- renderers; each appends; `count` documents become one text. Errors: PGR_ENOMEM ---- */

/* JUnit XML as Jenkins' schema has it, a testsuite a document, a testcase a cell. Characters that XML cannot hold
 * become U+FFFD. */
pgr_code pgr_junit(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

/* TAP version 14: `not ok` for failed and error, `# SKIP` for skipped; what explains it as a YAML block. */
pgr_code pgr_tap(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

enum { PGR_ANNOTATIONS_MAX = 10, PGR_MARKDOWN_BYTES_MAX = 900000 };

/* GitHub's workflow commands (::error file=…::…), at most PGR_ANNOTATIONS_MAX: what failed first, then what was
 * skipped; when there are more, the last one says how many. */
pgr_code pgr_annotations(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

/* A summary for a reviewer: the verdict in a sentence, the matrix, what failed with its story, how to repeat it. Under
 * PGR_MARKDOWN_BYTES_MAX: stories are left out from the last on, and it says so. */
pgr_code pgr_markdown(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
