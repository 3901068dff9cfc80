/* The declared triggers that a scenario's strategies install, described for the report's page. Main thread. */
#ifndef PGR_SCENARIO_TRIGGERS_H
#define PGR_SCENARIO_TRIGGERS_H

#include "pgr_buf.h"
#include "pgr_scenario.h"

/* Appends the document that pgrace schema doc makes, of those triggers whose version a strategy installs
 * (…/triggers/NAME/vN.sql) and whose trigger.yaml lies beside it; nothing when there is none. What cannot be read is
 * left out: pgrace schema lint says what is wrong with it. */
void pgr_scenario_triggers(const pgr_scenario *s, pgr_buf *out);

#endif
