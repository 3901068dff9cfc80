/* Renderers: each reads a pgr_result and appends to a buffer. Pure. */
#ifndef PGR_REPORT_H
#define PGR_REPORT_H

#include "pgr_buf.h"
#include "pgr_result.h"

/* How a text for people is made. COLOUR: ANSI escapes, never the only carrier of a meaning. VERBOSE: all there is, such
 * as every cell's outcomes and latencies by operation, and more stories than the worst. */
enum { PGR_STYLE_COLOUR = 1, PGR_STYLE_VERBOSE = 2 };

/* For people: verdicts first, then what they cost, one violation as a story, what to do next. At most 80 columns, but
 * for SQL and for names that are longer. style: of PGR_STYLE_…. */
void pgr_report_text(const pgr_result *r, unsigned style, pgr_buf *out);

/* The header line alone, to be printed before the work begins. */
void pgr_report_header(const pgr_result *r, pgr_buf *out);

/* The i-th violation, as in the text report; nothing when the cell, one of r's, has no such story. */
void pgr_report_story(const pgr_result *r, const pgr_cell *cell, size_t i, pgr_buf *out);

/* Of a cell that was explored: its verdict and what it rests on, a line or two; and its witness, side by side. */
void pgr_report_proof(const pgr_result *r, const pgr_cell *cell, bool colour, pgr_buf *out);
void pgr_report_witness(const pgr_cell *cell, int columns, bool colour, pgr_buf *out);

/* What there is to say when all cells were explored: the matrix where there are many, errors, why it is incomplete. */
void pgr_report_proofs(const pgr_result *r, bool colour, pgr_buf *out);

/* The document of docs/result.md, indented, with a final newline. Errors: PGR_ENOMEM. */
pgr_code pgr_report_json(const pgr_result *r, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
