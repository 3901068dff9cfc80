/* Which file system a run's folder goes to: memory for speed, a disk for --durable. */
#include "server_internal.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

static const char memory_root[] = "/dev/shm";
enum { MEMORY_ROOT_FREE_BYTES = 512 << 20 };

bool pgr__on_tmpfs(const char *path) {
  struct statfs fs;
  return statfs(path, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC);
}

static bool may_pass(const struct stat *st, const pgr__account *a) {
  if (st->st_uid == a->uid) return st->st_mode & S_IXUSR;
  if (st->st_gid == a->gid) return st->st_mode & S_IXGRP;
  return st->st_mode & S_IXOTH;
}

/* Every folder on the way, for a server that runs as somebody else: root's $TMPDIR may be closed to it. */
static bool reachable(const char *path, const pgr__account *a) {
  char prefix[PATH_MAX];
  struct stat st;
  for (const char *end = path; end; end = strchr(end + 1, '/')) {
    snprintf(prefix, sizeof prefix, "%.*s", end == path ? 1 : (int)(end - path), path);
    if (stat(prefix, &st) || !may_pass(&st, a)) return false;
  }
  return stat(path, &st) == 0 && may_pass(&st, a);
}

/* A folder that we can write to, that the server can get to, and in which no stranger can rename what is ours. */
static bool is_usable(const char *root, const pgr__account *a) {
  struct stat st;
  if (stat(root, &st) || !S_ISDIR(st.st_mode) || access(root, W_OK | X_OK)) return false;
  bool strangers_write = (st.st_mode & S_IWOTH) || ((st.st_mode & S_IWGRP) && st.st_gid != getegid());
  if (strangers_write ? !(st.st_mode & S_ISVTX) : st.st_uid != 0 && st.st_uid != geteuid()) return false;
  return !a->drop || reachable(root, a);
}

static bool has_room(const char *root) {
  struct statfs fs;
  return statfs(root, &fs) == 0 &&
         (unsigned long long)fs.f_bavail * (unsigned long long)fs.f_bsize >= MEMORY_ROOT_FREE_BYTES;
}

enum { ROOTS = 4 };

/* /dev/shm, $TMPDIR, /tmp and /var/tmp without links, for /proc knows folders by that name; "" where one is not usable.
 */
static void list_roots(const pgr__account *a, char roots[ROOTS][PATH_MAX]) {
  const char *tmpdir = getenv("TMPDIR");
  const char *const given[ROOTS] = {memory_root, tmpdir && *tmpdir == '/' ? tmpdir : NULL, "/tmp", "/var/tmp"};
  for (int i = 0; i < ROOTS; i++)
    if (!given[i] || !realpath(given[i], roots[i]) || !is_usable(roots[i], a)) roots[i][0] = '\0';
}

pgr_code pgr__root_choose(const pgr__account *account, bool durable, char root[PATH_MAX], pgr_err *err) {
  char places[ROOTS][PATH_MAX];
  list_roots(account, places);
  bool only_memory = false;
  for (int i = durable ? 1 : 0; i < ROOTS; i++) {
    if (!places[i][0]) continue;
    if (i == 0 && (!pgr__on_tmpfs(places[i]) || !has_room(places[i]))) continue;
    if (durable && pgr__on_tmpfs(places[i])) {
      only_memory = true;
      continue;
    }
    memcpy(root, places[i], strlen(places[i]) + 1);
    return PGR_OK;
  }
  if (only_memory)
    return pgr_fail(err, PGR_EENVIRONMENT,
                    "a durable server needs a disk, but $TMPDIR, /tmp and /var/tmp are all in memory or cannot be "
                    "written to: set TMPDIR to a folder on a disk");
  return pgr_fail(err, PGR_EENVIRONMENT,
                  "no folder for the server's files: %s$TMPDIR, /tmp and /var/tmp cannot be used",
                  durable ? "" : "/dev/shm, ");
}

void pgr__sweep_roots(const pgr__account *account) {
  char roots[ROOTS][PATH_MAX];
  list_roots(account, roots);
  for (int i = 0; i < ROOTS; i++)
    if (roots[i][0]) pgr__place_sweep(roots[i]);
}
