#include "describe.h"

#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void pgr_describe_environment(pgr_environment *e, const pgr_place *place, const char *dsn) {
  e->private_server = !dsn;
  e->in_memory = place->in_memory;
  e->libpq_version = PQlibVersion();
  e->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
  snprintf(e->server_version, sizeof e->server_version, "%s", place->version);
  snprintf(e->server_settings, sizeof e->server_settings, "%s", place->settings);
  if (dsn) snprintf(e->target, sizeof e->target, "%s", pgr_target_describe(place->target));
  struct utsname u;
  if (uname(&u) == 0) snprintf(e->machine, sizeof e->machine, "%.24s %.40s %.24s", u.sysname, u.release, u.machine);
  time_t now = time(NULL);
  struct tm utc;
  strftime(e->started_at, sizeof e->started_at, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &utc));
}
