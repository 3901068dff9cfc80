#include "describe.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void pgr_describe_environment(pgr_result *r, const pgr_place *place, const char *dsn) {
  r->environment.private_server = !dsn;
  r->environment.in_memory = place->in_memory;
  r->environment.libpq_version = PQlibVersion();
  r->environment.cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
  snprintf(r->environment.server_version, sizeof r->environment.server_version, "%s", place->version);
  snprintf(r->environment.server_settings, sizeof r->environment.server_settings, "%s", place->settings);
  if (dsn) snprintf(r->environment.target, sizeof r->environment.target, "%s", pgr_target_describe(place->target));
  struct utsname u;
  if (uname(&u) == 0)
    snprintf(r->environment.machine, sizeof r->environment.machine, "%.24s %.40s %.24s", u.sysname, u.release,
             u.machine);
  time_t now = time(NULL);
  struct tm utc;
  strftime(r->environment.started_at, sizeof r->environment.started_at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}
