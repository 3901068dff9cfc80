/* What is wrong in a text that a person wrote: where, what, and what may have been meant. Collected, so that one look
 * shows them all. Not thread-safe. */
#ifndef PGR_FAULT_H
#define PGR_FAULT_H

#include "pgr_buf.h"
#include "pgr_err.h"
#include <stddef.h>

/* A text and the name a person knows it by. Both borrowed. */
typedef struct pgr_source {
  const char *name; /* a path as given: "scenarios/mine/mine.yaml" */
  const char *text; /* NUL-terminated; len_bytes does not count the NUL, and no NUL comes before it */
  size_t len_bytes;
} pgr_source;

/* From 1; columns count bytes, as compilers and editors do. line 0: the file as a whole. */
typedef struct pgr_place_in {
  int line, column;
  int width; /* bytes to underline; at least 1 */
} pgr_place_in;

enum { PGR_FAULTS_KEPT = 50 };

typedef struct pgr_fault {
  char *text;  /* "name:line:column: message", one line; owned */
  char *quote; /* the line and the caret below it, two lines; NULL without a place; owned */
  char *hint;  /* "did you mean 'x'?", or NULL; owned */
} pgr_fault;

/* Init with {0}. */
typedef struct pgr_faults {
  pgr_fault kept[PGR_FAULTS_KEPT];
  size_t count; /* all, also those past the kept ones */
} pgr_faults;

/* hint: NULL for none; copied. Without memory the fault is counted and its text is missing. */
void pgr_faults_add(pgr_faults *f, const pgr_source *source, pgr_place_in at, const char *hint, const char *fmt, ...)
    PGR_PRINTF(5, 6);

/* Line and column of a byte offset; width 1. offset <= len_bytes. */
pgr_place_in pgr_place_at(const pgr_source *source, size_t offset);

/* Appends all of them as people read them, and a line that says how many were left out. */
void pgr_faults_print(const pgr_faults *f, pgr_buf *out);

/* Fills err with the first one's text (PGR_EUSAGE) and returns its code; PGR_OK when there is none. */
pgr_code pgr_faults_first(const pgr_faults *f, pgr_err *err) PGR_MUST_CHECK;

void pgr_faults_deinit(pgr_faults *f);

#endif
