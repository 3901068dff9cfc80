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

/* The document of docs/result.md, indented, with a final newline. Errors: PGR_ENOMEM. */
pgr_code pgr_report_json(const pgr_result *r, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
