/* A fresh database cluster: initdb's work, done once for each installed PostgreSQL and kept in the user's cache.
 * Any trouble with the cache costs time, never the run. */
#include "server_internal.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Makes the missing folders of an absolute path. Root does not plant its own in another user's home (sudo keeps
 * HOME): that user could not use them afterwards. */
static bool make_folders(const char *path) {
  char prefix[PATH_MAX];
  struct stat st;
  for (const char *end = strchr(path + 1, '/');; end = strchr(end + 1, '/')) {
    snprintf(prefix, sizeof prefix, "%.*s", end ? (int)(end - path) : (int)strlen(path), path);
    if (stat(prefix, &st)) {
      if (errno != ENOENT || mkdir(prefix, 0700)) return false;
    } else if (!S_ISDIR(st.st_mode) || (end && geteuid() == 0 && st.st_uid != 0)) {
      return false;
    }
    if (!end) return true;
  }
}

/* Where the packed cluster of these binaries is kept; false when there is no such place. One file for each bindir, so
 * that upgrades replace what they make useless. */
static bool cache_path(const char *bindir, char path[PATH_MAX]) {
  char folder[PATH_MAX], name[64];
  struct stat st;
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (xdg && *xdg == '/') {
    if (!pgr__join(folder, xdg, "pgrace")) return false;
  } else if (!home || *home != '/' || !pgr__join(folder, home, ".cache/pgrace")) {
    return false;
  }
  if (!make_folders(folder) || lstat(folder, &st) || !S_ISDIR(st.st_mode) || st.st_uid != geteuid() ||
      (st.st_mode & (S_IWGRP | S_IWOTH)))
    return false;
  snprintf(name, sizeof name, "cluster-%016" PRIx64, pgr__hash(PGR__HASH_START, bindir, strlen(bindir)));
  return pgr__join(path, folder, name);
}

static pgr_code wait_for_initdb(pid_t pid, const pgr__place *place, pgr_err *err) {
  int64_t now = pgr_now_ns(), deadline = now + 120 * PGR_NS_PER_S;
  int status = -1;
  while (!pgr__wait_child(pid, pgr_now_ns(), &status)) {
    bool interrupted = pgr_interrupt_pending();
    if (interrupted || pgr_now_ns() > deadline) {
      pgr__end_child(pid, SIGTERM);
      pgr__end_inside(place->path);
      return interrupted ? pgr_fail(err, PGR_EINTERRUPTED, "interrupted")
                         : pgr_fail(err, PGR_EENVIRONMENT, "initdb did not end within two minutes");
    }
    pgr_sleep_until(pgr_now_ns() + PGR_NS_PER_MS);
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return PGR_OK;
  char why[384];
  pgr__log_complaint(place->path, true, why, sizeof why);
  return pgr_fail(err, PGR_EENVIRONMENT, "initdb failed: %s", *why ? why : "it did not say why");
}

static pgr_code run_initdb(const char *bindir, const char *version, const char *data, const pgr__place *place,
                           const pgr__account *account, int log_fd, pgr_err *err) {
  char program[PATH_MAX];
  pid_t pid;
  if (!pgr__join(program, bindir, "initdb")) return pgr_fail(err, PGR_EENVIRONMENT, "%.200s… is too long", bindir);
  const char *argv[16] = {program,           "-D",         data,       "-U", "postgres", "--auth=trust",
                          "--encoding=UTF8", "--locale=C", "--no-sync"};
  size_t n = 9;
  if (strtol(version, NULL, 10) >= 14) argv[n++] = "--no-instructions";
  argv[n] = NULL;
  /* SIGTERM, which it heeds between two steps: it tries out shared memory under a name that only it knows, and killed
   * meanwhile would leave it behind for good. */
  pgr__command command = {.argv = argv, .account = account, .death_signal = SIGTERM, .out_fd = log_fd};
  pgr_code code = pgr__spawn(&command, &pid, err);
  return code ? code : wait_for_initdb(pid, place, err);
}

static pgr_code give_away(int dir_fd, const pgr__account *account, pgr_err *err) {
  if (!account->drop || fchown(dir_fd, account->uid, account->gid) == 0) return PGR_OK;
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot give the server's folder to user %s: %s", account->name,
                  strerror(errno));
}

pgr_code pgr__cluster_create(const char *bindir, const pgr__place *place, const pgr__account *account, bool durable,
                             int log_fd, char version[PGR__VERSION_BYTES], pgr_err *err) {
  char data[PATH_MAX], cache[PATH_MAX];
  uint64_t identity = pgr__server_identity(bindir);
  bool cacheable = identity != 0 && cache_path(bindir, cache);
  if (!pgr__join(data, place->path, "data") || mkdir(data, 0700))
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot create %s/data: %s", place->path, strerror(errno));
  int dir_fd = open(data, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (dir_fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot open %s: %s", data, strerror(errno));
  pgr__archive *archive = cacheable ? pgr__archive_open(cache, identity) : NULL;
  if (archive) {
    snprintf(version, PGR__VERSION_BYTES, "%s", pgr__archive_version(archive));
    pgr_code code = pgr__archive_unpack(archive, dir_fd, account, !durable, err);
    pgr__archive_close(archive);
    /* Last, so that nobody but us can move anything in it while we write. */
    if (!code) code = give_away(dir_fd, account, err);
    close(dir_fd);
    return code;
  }
  pgr_code code = pgr__server_version(bindir, version, err);
  if (!code) code = give_away(dir_fd, account, err);
  if (!code) code = run_initdb(bindir, version, data, place, account, log_fd, err);
  if (!code && cacheable)
    pgr__archive_publish(cache, identity, version, dir_fd);
  else
    close(dir_fd);
  return code;
}
