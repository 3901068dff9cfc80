/* The line that says how far a long piece of work has come. Main thread. */
#ifndef PGR_PROGRESS_H
#define PGR_PROGRESS_H

#include "pgr_search.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct pgr_progress {
  FILE *out;
  bool rewrites;      /* a terminal: the line is drawn over itself; else one plain line a second */
  int64_t printed_ns; /* of elapsed time, at the last line */
  bool shown;         /* a line stands that must be wiped */
} pgr_progress;

/* Rewrites only when out is a terminal that can and CI is not set. */
void pgr_progress_init(pgr_progress *p, FILE *out);

/* what: the strategy. planned: rounds, or 0 when the work ends after planned_ns. suspects: rounds with too many owners;
 * -1 leaves them out. */
void pgr_progress_show(pgr_progress *p, const char *what, int64_t done, int64_t planned, int64_t elapsed_ns,
                       int64_t planned_ns, int64_t suspects);

/* Of a phase of load: planned_ns 0 when it ends after so many transactions. */
void pgr_progress_loaded(pgr_progress *p, const char *what, uint64_t transactions, uint64_t errors, int64_t elapsed_ns,
                         int64_t planned_ns);

/* Of an exploration: schedules, their rate, the longest, classes of outcome, branches that are known and not run. */
void pgr_progress_explored(pgr_progress *p, const char *what, const pgr_search_totals *t, int64_t elapsed_ns);

/* Removes the line, so that what follows starts on a clean one. */
void pgr_progress_wipe(pgr_progress *p);

/* The next piece of work begins. */
void pgr_progress_restart(pgr_progress *p);

#endif
