/* Renderers: each reads a pgr_result and appends to a buffer. Pure. */
#ifndef PGR_REPORT_H
#define PGR_REPORT_H

#include "pgr_buf.h"
#include "pgr_result.h"

/* For people: verdicts first, then what they cost, one violation as a story, what to do next. At most 80 columns, but
 * for SQL and for names that are longer. colour: ANSI escapes, never the only carrier of a meaning. */
void pgr_report_text(const pgr_result *r, bool colour, pgr_buf *out);

/* The header line alone, to be printed before the work begins. */
void pgr_report_header(const pgr_result *r, pgr_buf *out);

/* One violation, as in the text report; nothing when the cell, one of r's, has no story. */
void pgr_report_story(const pgr_result *r, const pgr_cell *cell, pgr_buf *out);

/* Of a cell that was explored: its verdict and what it rests on, a line or two; and its witness, side by side. */
void pgr_report_proof(const pgr_result *r, const pgr_cell *cell, bool colour, pgr_buf *out);
void pgr_report_witness(const pgr_cell *cell, int columns, bool colour, pgr_buf *out);

/* What there is to say when all cells were explored: the matrix where there are many, errors, why it is incomplete. */
void pgr_report_proofs(const pgr_result *r, bool colour, pgr_buf *out);

/* The document of docs/result.md, indented, with a final newline. Errors: PGR_ENOMEM. */
pgr_code pgr_report_json(const pgr_result *r, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
