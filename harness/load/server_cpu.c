#include "pgr_server_cpu.h"

#include "pgr_clock.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Fields 4, 14 and 15 of /proc/PID/stat; the name before them may hold anything, a parenthesis too. */
static bool read_stat(const char *pid, long *parent, int64_t *ticks) {
  char path[64], text[1024];
  snprintf(path, sizeof path, "/proc/%.20s/stat", pid);
  FILE *f = fopen(path, "re");
  if (!f) return false;
  size_t len = fread(text, 1, sizeof text - 1, f);
  fclose(f);
  text[len] = '\0';
  const char *after = strrchr(text, ')');
  long long user = 0, system = 0;
  if (!after ||
      sscanf(after + 1, " %*c %ld %*d %*d %*d %*d %*u %*u %*u %*u %*u %lld %lld", parent, &user, &system) != 3)
    return false;
  *ticks = user + system;
  return true;
}

int64_t pgr_server_cpu_ns(const pgr_server *server) {
  int64_t sum = 0, ticks;
  long tick_hz = sysconf(_SC_CLK_TCK), parent, postmaster = server ? pgr_server_pid(server) : 0;
  DIR *proc = postmaster > 0 && tick_hz > 0 ? opendir("/proc") : NULL;
  if (!proc) return -1;
  for (const struct dirent *e; (e = readdir(proc));) {
    if (*e->d_name < '1' || *e->d_name > '9' || !read_stat(e->d_name, &parent, &ticks)) continue;
    if (parent == postmaster || strtol(e->d_name, NULL, 10) == postmaster) sum += ticks;
  }
  closedir(proc);
  return sum * (PGR_NS_PER_S / tick_hz);
}
