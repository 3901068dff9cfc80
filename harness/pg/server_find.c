/* Where PostgreSQL's server binaries are, and which they are. Runs pg_config and postgres, never through a shell. */
#include "server_internal.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_program(const char *dir, const char *name) {
  char path[PATH_MAX];
  struct stat st;
  return pgr__join(path, dir, name) && stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static bool has_server(const char *dir) {
  return is_program(dir, "postgres") && is_program(dir, "initdb");
}

/* The first line a program prints, or "" when it fails or says nothing within five seconds. */
static void first_line_of(const char *const *argv, char *line, size_t bytes) {
  const pgr__account self = {.uid = geteuid(), .gid = getegid()};
  size_t len = 0;
  int out[2], status = -1;
  pid_t pid;
  line[0] = '\0';
  if (pipe2(out, O_CLOEXEC)) return;
  pgr__command command = {.argv = argv, .account = &self, .death_signal = SIGKILL, .out_fd = out[1]};
  pgr_code code = pgr__spawn(&command, &pid, NULL);
  close(out[1]);
  int64_t deadline = pgr_now_ns() + 5 * PGR_NS_PER_S;
  struct pollfd readable = {.fd = out[0], .events = POLLIN};
  while (!code && len < bytes - 1 && pgr_now_ns() < deadline && !pgr_interrupt_pending()) {
    if (poll(&readable, 1, 100) <= 0) continue;
    ssize_t n = read(out[0], line + len, bytes - 1 - len);
    if (n <= 0) break;
    len += (size_t)n;
  }
  close(out[0]);
  if (!code && !pgr__wait_child(pid, deadline, &status)) pgr__end_child(pid, 0);
  if (code || !WIFEXITED(status) || WEXITSTATUS(status) != 0) len = 0;
  line[len] = '\0';
  line[strcspn(line, "\r\n")] = '\0';
}

/* The first folder of $PATH in which `accept` finds what it wants; the text is found[PATH_MAX]. */
static bool search_path(bool (*accept)(const char *dir), char found[PATH_MAX]) {
  const char *path = getenv("PATH");
  while (path && *path) {
    size_t len = strcspn(path, ":");
    if (len > 0 && len < PATH_MAX && *path == '/') {
      memcpy(found, path, len);
      found[len] = '\0';
      if (accept(found)) return true;
    }
    path += len + (path[len] == ':');
  }
  return false;
}

static bool has_pg_config(const char *dir) {
  return is_program(dir, "pg_config");
}

static bool ask_pg_config(char found[PATH_MAX]) {
  char program[PATH_MAX];
  if (!search_path(has_pg_config, found) || !pgr__join(program, found, "pg_config")) return false;
  const char *const argv[] = {program, "--bindir", NULL};
  first_line_of(argv, found, PATH_MAX);
  return has_server(found);
}

/* Debian's layout: <root>/15/bin. Newest by number, so that 9 does not come after 15. */
static bool newest_version(const char *root, char found[PATH_MAX]) {
  double newest = -1;
  DIR *dir = opendir(root);
  if (!dir) return false;
  for (struct dirent *e; (e = readdir(dir));) {
    char version[PATH_MAX], bin[PATH_MAX], *end;
    double number = strtod(e->d_name, &end);
    if (e->d_name[0] < '0' || e->d_name[0] > '9' || *end || number <= newest) continue;
    if (!pgr__join(version, root, e->d_name) || !pgr__join(bin, version, "bin") || !has_server(bin)) continue;
    newest = number;
    memcpy(found, bin, sizeof bin);
  }
  closedir(dir);
  return newest >= 0;
}

pgr_code pgr__find_server(const char *versions_root, char *bindir, size_t bindir_bytes, pgr_err *err) {
  char found[PATH_MAX] = "", resolved[PATH_MAX];
  const char *given = getenv("PGRACE_PG_BINDIR");
  if (given && *given) {
    if (!has_server(given))
      return pgr_fail(err, PGR_EENVIRONMENT,
                      "PGRACE_PG_BINDIR is %.200s, but there is no %s to run in it: set it to the folder that holds "
                      "postgres and initdb, or unset it",
                      given, is_program(given, "postgres") ? "initdb" : "postgres");
    snprintf(found, sizeof found, "%s", given);
  } else if (!ask_pg_config(found) && !search_path(has_server, found) && !newest_version(versions_root, found)) {
    if (pgr_interrupt_pending()) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    return pgr_fail(err, PGR_EENVIRONMENT,
                    "no PostgreSQL server found (looked in pg_config --bindir, PATH and %s/*/bin): install one, on "
                    "Debian or Ubuntu: apt-get install postgresql; or set PGRACE_PG_BINDIR; or use --dsn",
                    versions_root);
  }
  /* Absolute, for the server does not start where we are; and /usr/local/bin/postgres may be a link into the folder
   * that has both. */
  char program[PATH_MAX];
  if (realpath(found, resolved)) memcpy(found, resolved, sizeof found);
  if (pgr__join(program, found, "postgres") && realpath(program, resolved)) {
    *strrchr(resolved, '/') = '\0';
    if (has_server(resolved)) memcpy(found, resolved, sizeof found);
  }
  if (strlen(found) >= bindir_bytes)
    return pgr_fail(err, PGR_EENVIRONMENT, "the path of PostgreSQL's programs is too long: %.200s…", found);
  memcpy(bindir, found, strlen(found) + 1);
  return PGR_OK;
}

pgr_code pgr_server_find(char *bindir, size_t bindir_bytes, pgr_err *err) {
  return pgr__find_server("/usr/lib/postgresql", bindir, bindir_bytes, err);
}

pgr_code pgr__server_version(const char *bindir, char version[PGR__VERSION_BYTES], pgr_err *err) {
  enum { OLDEST = 12 };
  char program[PATH_MAX], line[256];
  line[0] = '\0';
  if (pgr__join(program, bindir, "postgres")) {
    const char *const argv[] = {program, "-V", NULL};
    first_line_of(argv, line, sizeof line);
  }
  /* "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)" */
  const char *number = strstr(line, ") ");
  number = number ? number + 2 : "";
  long major = strtol(number, NULL, 10);
  if (major <= 0 && pgr_interrupt_pending()) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  if (major <= 0)
    return pgr_fail(err, PGR_EENVIRONMENT, "%s/postgres does not run: `%s/postgres -V` shows why", bindir, bindir);
  snprintf(version, PGR__VERSION_BYTES, "%.*s", (int)strcspn(number, " "), number);
  if (major < OLDEST)
    return pgr_fail(err, PGR_EENVIRONMENT, "PostgreSQL %s in %s is too old: %d or newer is needed", version, bindir,
                    OLDEST);
  return PGR_OK;
}

uint64_t pgr__hash(uint64_t h, const void *data, size_t bytes) {
  const unsigned char *p = data;
  for (size_t i = 0; i < bytes; i++)
    h = (h ^ p[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
  return h;
}

uint64_t pgr__server_identity(const char *bindir) {
  const char *const names[] = {"postgres", "initdb"};
  uint64_t h = pgr__hash(PGR__HASH_START, bindir, strlen(bindir));
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    char path[PATH_MAX];
    struct stat st;
    if (!pgr__join(path, bindir, names[i]) || stat(path, &st)) return 0;
    char facts[128];
    int len = snprintf(facts, sizeof facts, "%ju %ju %jd %jd.%09ld", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
                       (intmax_t)st.st_size, (intmax_t)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
    h = pgr__hash(h, facts, (size_t)len);
  }
  return h ? h : 1;
}
