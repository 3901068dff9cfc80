/* The result of a demo: what its inbox saw, as the document that the other commands write, or as its page. Main thread.
 */
#ifndef PGR_DEMO_REPORT_H
#define PGR_DEMO_REPORT_H

#include "demo_rooms.h"
#include "pgr_buf.h"
#include "pgr_environment.h"
#include "pgr_inbox.h"

typedef struct pgr_demo_report {
  const pgr_environment *environment;
  const char *repeat; /* the command that shows it again */
  bool page;          /* report.html; else result.json */
} pgr_demo_report;

/* Whether anybody was told anything: a strategy that was chosen and not used is none of a result. */
bool pgr_demo_report_has_any(const pgr_inbox_record *records, int count);

/* Appends it. records: of strategies whose rooms are open; at least one was used. Asks the rooms' rows. Errors:
 * PGR_EDATABASE, PGR_EINTERRUPTED, PGR_EUSAGE (built without the page), PGR_ENOMEM. */
pgr_code pgr_demo_report_make(const pgr_demo_report *report, pgr_demo_rooms *rooms, const pgr_inbox_record *records,
                              int count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
