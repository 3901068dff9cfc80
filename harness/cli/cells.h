/* Which cells a command works on: strategies × isolation levels, from --strategy and --isolation. Pure. */
#ifndef PGR_CELLS_H
#define PGR_CELLS_H

#include "pgr_result.h"

/* strategies: a comma list, "all", or NULL for the scenario's `compare`. isolation: a comma list, "all", or NULL for
 * each strategy's first level. Fills result->cells, a strategy's together, in the order asked for. Errors: PGR_EUSAGE.
 */
pgr_code pgr_cells_choose(pgr_result *result, const char *strategies, const char *isolation,
                          pgr_err *err) PGR_MUST_CHECK;

#endif
