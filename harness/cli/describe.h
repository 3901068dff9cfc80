/* Where a result was found: server, machine, time. Main thread. */
#ifndef PGR_DESCRIBE_H
#define PGR_DESCRIBE_H

#include "pgr_environment.h"
#include "place.h"

/* place: open. dsn: as given, NULL for the private server; nothing of it is repeated. */
void pgr_describe_environment(pgr_environment *e, const pgr_place *place, const char *dsn);

#endif
