/* pgrace explore FILE.spec. Main thread. */
#ifndef PGR_SPEC_COMMAND_H
#define PGR_SPEC_COMMAND_H

#include <stdint.h>

/* step_timeout_ns: 0 for isolationtester's 300 s. Returns the exit status. */
int pgr_spec_command(const char *path, const char *dsn, int64_t step_timeout_ns);

#endif
