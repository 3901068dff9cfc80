/* Stories and witnesses as Chrome Trace Events, which Perfetto and chrome://tracing open: a process a cell, a thread an
 * agent, a slice a statement. Source: "Trace Event Format", JSON object format. Pure. */
#ifndef PGR_TRACE_EVENTS_H
#define PGR_TRACE_EVENTS_H

#include "pgr_document.h"

/* Times are microseconds. The rounds of a cell stand one after the other, each from its own beginning. A witness has no
 * times, so its steps stand a millisecond apart. The trace says both. A cell without a story is not in it, nor is a
 * bench. Appends one JSON document. Errors: PGR_ENOMEM. */
pgr_code pgr_trace_events(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
