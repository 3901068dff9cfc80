/* What the parts of a bench's text share. All append. */
#ifndef PGR_BENCH_INTERNAL_H
#define PGR_BENCH_INTERNAL_H

#include "pgr_bench.h"
#include "report_internal.h"

enum { PGR__BENCH_VALUE_BYTES = 64, PGR__BENCH_NAME_BYTES = 256 };

/* ---- bench_text.c ---- */

/* Text from elsewhere, without what would move a terminal's cursor. */
void pgr__bench_add_clean(pgr_buf *out, const char *text);
void pgr__bench_add_name(const pgr_bench *b, const pgr_bench_cell *c, pgr_buf *out);
/* A paragraph is wrapped as one, hence in one colour, or none: NULL. */
size_t pgr__bench_begin_paragraph(const char *colour, pgr_buf *out);
void pgr__bench_end_paragraph(size_t from, const char *colour, pgr_buf *out);
bool pgr__bench_was_run(const pgr_bench_cell *c);
const char *pgr__bench_main_operation(const pgr_bench *b);
double pgr__bench_value_of(const pgr_bench_cell *c, const char *name, double otherwise);
/* The cell with the highest figure of that name; NULL when none has it. */
const pgr_bench_cell *pgr__bench_highest(const pgr_bench *b, const char *name);
/* Pieces of a table of cells: its heading (columns ends with NULL) after the names', a cell's names, a value, a figure
 * ("" when the cell has none). */
void pgr__bench_add_heading(pgr__table *t, const pgr_bench *b, const char *const *columns);
void pgr__bench_add_name_columns(pgr__table *t, const pgr_bench *b, const pgr_bench_cell *c);
void pgr__bench_add_value(pgr__table *t, pgr_unit unit, double value);
void pgr__bench_add_figure(pgr__table *t, const pgr_bench_cell *c, pgr_unit unit, const char *name);

/* ---- bench_client.c ---- */

void pgr__bench_add_arrivals(const pgr_bench *b, pgr_buf *out);
void pgr__bench_add_client(const pgr_bench *b, bool colour, pgr_buf *out);

/* ---- bench_judged.c ---- */

void pgr__bench_add_thresholds(const pgr_bench *b, bool colour, pgr_buf *out);
void pgr__bench_add_changes(const pgr_bench *b, bool colour, pgr_buf *out);

#endif
