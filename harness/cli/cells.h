/* Which cells a command works on: strategies × isolation levels, × gaps, from --strategy, --isolation and --gap. Pure.
 */
#ifndef PGR_CELLS_H
#define PGR_CELLS_H

#include "options.h"
#include "pgr_result.h"

/* strategies: a comma list, "all", or NULL for the scenario's `compare`. isolation: a comma list, "all", or NULL for
 * each strategy's first level. gaps_ns: each with each of them; NULL: none. Fills result->cells, a strategy's together,
 * in the order asked for. Errors: PGR_EUSAGE, PGR_ENOMEM. */
pgr_code pgr_cells_choose(pgr_result *result, const char *strategies, const char *isolation,
                          const pgr_option_ints *gaps_ns, pgr_err *err) PGR_MUST_CHECK;

#endif
