/* What the sessions of a cell's agents begin with: its isolation level, and the strategy's statements prepared. */
#ifndef PGR_CELL_SESSION_H
#define PGR_CELL_SESSION_H

#include "pgr_conn.h"
#include "pgr_scenario.h"

/* Init by make; the texts live as long as it does. */
typedef struct pgr_cell_session {
  pgr_session session;
  int base[PGR_OPERATIONS_MAX]; /* where an operation's statements begin */
  const char **statements;
  int count; /* of all operations, prepared or not */
  pgr_buf setup;
} pgr_cell_session;

/* extra: SQL that follows the isolation level, "" for none. Errors: PGR_ENOMEM; deinit in any case. */
pgr_code pgr_cell_session_make(pgr_cell_session *c, const pgr_scenario *scenario, const pgr_strategy *strategy,
                               pgr_isolation isolation, pgr_protocol protocol, const char *extra) PGR_MUST_CHECK;
void pgr_cell_session_deinit(pgr_cell_session *c);

#endif
