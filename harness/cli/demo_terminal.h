/* pgrace demo --terminal: two agents side by side, statement by statement. Main thread; blocks. */
#ifndef PGR_DEMO_TERMINAL_H
#define PGR_DEMO_TERMINAL_H

#include "demo_options.h"
#include "demo_rooms.h"

/* strategies: those to show, in order, each a story of its own (the naive code, then the trigger). rooms: open. Errors:
 * those of the inbox and of rooms; PGR_EINTERRUPTED. *exit_status: 0 when each ended as its strategy is expected to. */
pgr_code pgr_demo_terminal(const pgr_demo_options *o, pgr_demo_rooms *rooms, const pgr_strategy *const *strategies,
                           int strategy_count, int *exit_status, pgr_err *err) PGR_MUST_CHECK;

#endif
