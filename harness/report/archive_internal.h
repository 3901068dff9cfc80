/* Reading a result document back. The text may come from anybody: every list has a stated end, every number a range,
 * every name is looked up, texts lose what would move a terminal's cursor, and the first thing that is wrong ends the
 * reading. What is easily broken: a field that a writer (json.c, bench_json.c) adds and a renderer looks at has to be
 * read here, too. */
#ifndef PGR_ARCHIVE_INTERNAL_H
#define PGR_ARCHIVE_INTERNAL_H

#include "pgr_document.h"
#include "pgr_threshold.h"
#include <jansson.h>

enum {
  PGR__ARCHIVE_NAME_BYTES = 256,       /* of a name, its NUL included: what is longer is cut */
  PGR__ARCHIVE_PROSE_BYTES = 64 << 10, /* of a text that people read */
  PGR__ARCHIVE_BENCH_CELLS_MAX = 4096, /* as a baseline's */
  PGR__ARCHIVE_FIGURES_MAX = 2000,     /* a cell */
  PGR__ARCHIVE_CHANGES_MAX = 200000,   /* against a baseline */
  PGR__ARCHIVE_CROSSINGS_MAX = 200000, /* of all thresholds */
  PGR__ARCHIVE_TRIGGERS_MAX = 1000
};

/* Times and counts: far enough from the end that two can be added or subtracted. */
#define PGR__ARCHIVE_COUNT_MAX (INT64_MAX / 4)
/* Figures: what can be rounded to a whole number. */
#define PGR__ARCHIVE_NUMBER_MAX 9e18

struct pgr_archive {
  pgr_arena arena; /* names and texts */
  pgr_scenario scenario;
  pgr_result run;
  pgr_bench bench;
  pgr_witness *witnesses; /* owned, one a cell of run; most are empty */
  size_t witness_count;
  bool is_bench;
  bool of_triggers; /* nothing else of it was read */
};

typedef struct pgr__archive_reader {
  pgr_archive *a;
  const char *name; /* for messages */
  char where[240];  /* "cells[3].witness.steps[1]"; "" at the top */
  pgr_code code;    /* of the first fault; what is read after it is empty or 0 */
  pgr_err *err;
} pgr__archive_reader;

/* ---- archive.c: values. o may be NULL; one that is null or not there is "", 0, false or `missing`. ---- */

/* What is wrong with the key of the object being read ("" : with the object itself). */
void pgr__archive_complain(pgr__archive_reader *r, const char *key, const char *fmt, ...) PGR_PRINTF(3, 4);
void pgr__archive_no_memory(pgr__archive_reader *r);

/* Goes into a part of the document, for messages; returns what leave wants. */
size_t pgr__archive_enter(pgr__archive_reader *r, const char *fmt, ...) PGR_PRINTF(2, 3);
void pgr__archive_leave(pgr__archive_reader *r, size_t before);

/* Borrowed from o; NULL for null, too. */
json_t *pgr__archive_find(json_t *o, const char *key);
/* The same, and it must be an object, or a list of at most `most`; NULL otherwise. */
json_t *pgr__archive_object(pgr__archive_reader *r, json_t *o, const char *key);
json_t *pgr__archive_list(pgr__archive_reader *r, json_t *o, const char *key, size_t most);

/* Borrowed from o, as it is written: to be compared, not to be shown. */
const char *pgr__archive_text(pgr__archive_reader *r, json_t *o, const char *key);
/* Fit to be shown, cut to a field. */
void pgr__archive_copy(pgr__archive_reader *r, json_t *o, const char *key, char *out, size_t bytes);
/* Fit to be shown, the archive's. */
const char *pgr__archive_name(pgr__archive_reader *r, json_t *o, const char *key);
/* The same of a longer text, whose line ends stay; NULL when there is none. */
const char *pgr__archive_prose(pgr__archive_reader *r, json_t *o, const char *key);
const char *pgr__archive_keep(pgr__archive_reader *r, const char *text);

bool pgr__archive_flag(pgr__archive_reader *r, json_t *o, const char *key);
int64_t pgr__archive_int(pgr__archive_reader *r, json_t *o, const char *key, int64_t missing, int64_t low,
                         int64_t high);
/* 0 … PGR__ARCHIVE_COUNT_MAX: counts, and times in nanoseconds. */
int64_t pgr__archive_count(pgr__archive_reader *r, json_t *o, const char *key);
double pgr__archive_number(pgr__archive_reader *r, json_t *o, const char *key, double missing, double low, double high);
/* Index of the text in `names`; it must be one of them. */
int pgr__archive_choice(pgr__archive_reader *r, json_t *o, const char *key, const char *const *names, int count);

/* ---- archive.c: what both kinds have ---- */

/* Never missing: what has none would look as if all were well. */
int pgr__archive_exit_status(pgr__archive_reader *r, json_t *document);
pgr_isolation pgr__archive_isolation(pgr__archive_reader *r, json_t *o);
pgr_protocol pgr__archive_protocol(pgr__archive_reader *r, json_t *o);
pgr_expect pgr__archive_expect(pgr__archive_reader *r, json_t *o);
/* The strategy that a cell is of, added to the scenario when it is met first, with what the cell says is expected. */
const pgr_strategy *pgr__archive_strategy(pgr__archive_reader *r, json_t *cell);
/* Index of the operation that the key names. */
int pgr__archive_operation(pgr__archive_reader *r, json_t *o, const char *key);
void pgr__archive_environment(pgr__archive_reader *r, json_t *document, pgr_environment *out);
/* `outcomes` and `retries` of a cell. */
void pgr__archive_outcomes(pgr__archive_reader *r, json_t *cell, uint64_t out[][PGR_OUTCOME_COUNT]);
void pgr__archive_rejections(pgr__archive_reader *r, json_t *cell, uint64_t *out);
size_t pgr__archive_errors(pgr__archive_reader *r, json_t *cell, pgr_complaint *out);
/* `winner` or `loser` of a cell's curves. */
void pgr__archive_curve(pgr__archive_reader *r, json_t *cell, const char *key, pgr_curve *out);

/* ---- archive_run.c, archive_bench.c: into the archive, whose scenario's operations are known ---- */

void pgr__archive_run(pgr__archive_reader *r, json_t *document);
void pgr__archive_bench(pgr__archive_reader *r, json_t *document);

#endif
