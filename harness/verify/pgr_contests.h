/* Which rounds can be judged, and which of them were contests at all. Pure: reads a history, knows nothing of who wrote
 * it. */
#ifndef PGR_CONTESTS_H
#define PGR_CONTESTS_H

#include "pgr_history.h"
#include "pgr_rounds.h"
#include <stdbool.h>

/* Init with {0}; deinit after use. Both settled. */
typedef struct pgr_contests {
  /* Rounds that came to their end with every outcome known: only of them does it prove anything what the rows say. */
  pgr_rounds judged;
  /* Those of them in which the operations of two agents overlapped in time (closed intervals [call of the first try,
   * return of the last]): what a share or a bound of "nothing seen" may count. */
  pgr_rounds contested;
} pgr_contests;

/* contends: by kind, the operations that agents are released for. contenders: agents a round.
 * Memory: about 40 bytes an operation while it runs. Errors: PGR_ENOMEM. */
pgr_code pgr_verify_contests(const pgr_history *h, const bool contends[PGR_KINDS_MAX], uint32_t contenders,
                             pgr_contests *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_contests_deinit(pgr_contests *c);

#endif
