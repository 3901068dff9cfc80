/* Ctrl-C and friends, for the main thread: a flag to ask and a descriptor to poll. Signals are a property of the
 * process, hence the one piece of global state in the program. */
#ifndef PGR_INTERRUPT_H
#define PGR_INTERRUPT_H

#include "pgr_err.h"
#include <stdbool.h>

/* Catches SIGINT, SIGTERM and SIGHUP, but for those we were started to ignore (nohup, a script's background job), and
 * ignores SIGPIPE. Call once, before any thread exists. */
pgr_code pgr_interrupt_install(pgr_err *err) PGR_MUST_CHECK;

/* Whether one of them has arrived. Any thread. */
bool pgr_interrupt_pending(void);

/* Readable from the first signal on; never read it. -1 before install. */
int pgr_interrupt_fd(void);

#endif
