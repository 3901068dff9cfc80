/* What the throw-away server costs: the processor time of all its processes. Main thread. */
#ifndef PGR_SERVER_CPU_H
#define PGR_SERVER_CPU_H

#include "pgr_server.h"
#include <stdint.h>

/* Nanoseconds, in steps of a clock tick (10 ms) a process; of the processes that are there now. -1: not known (server
 * NULL: the user's own). */
int64_t pgr_server_cpu_ns(const pgr_server *server);

#endif
