/* Where a result was found: server, machine, time. Main thread. */
#ifndef PGR_DESCRIBE_H
#define PGR_DESCRIBE_H

#include "pgr_result.h"
#include "place.h"

/* place: open. dsn: as given, NULL for the private server; nothing of it is repeated. */
void pgr_describe_environment(pgr_result *r, const pgr_place *place, const char *dsn);

#endif
