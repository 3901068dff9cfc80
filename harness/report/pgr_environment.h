/* Where a result was found: server, machine, time. Pure data. */
#ifndef PGR_ENVIRONMENT_H
#define PGR_ENVIRONMENT_H

#include <stdbool.h>
#include <stdint.h>

typedef struct pgr_environment {
  bool private_server, in_memory;
  char server_version[64];
  char target[256];          /* never with a password; "" for a private server */
  char server_settings[160]; /* "fsync=off synchronous_commit=off …", as the server reports them */
  int libpq_version, cpus;
  char machine[96];
  int64_t startup_ns;  /* from the command's start to the first round */
  char started_at[32]; /* UTC, RFC 3339 */
} pgr_environment;

#endif
