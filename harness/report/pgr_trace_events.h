/* Stories and witnesses as Chrome Trace Events, which Perfetto and chrome://tracing open: a process a cell, a thread an
 * agent, a slice a statement. Source: "Trace Event Format", JSON object format. Pure. */
#ifndef PGR_TRACE_EVENTS_H
#define PGR_TRACE_EVENTS_H

#include "pgr_document.h"

/* Times are microseconds; a witness has none, so its steps stand a millisecond apart, which it says. Appends one JSON
 * document. Errors: PGR_ENOMEM. */
pgr_code pgr_trace_events(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
