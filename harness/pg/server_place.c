/* Folders of the runs, their locks, and the sweeping of what killed runs left.
 *
 * Invariant: a folder exists only under a lock file, and is touched only by who holds that lock: made after the lock,
 * removed before it. The base has a name that anyone can guess in a place where anyone can write, so it is used only
 * after it has shown itself to be a real folder of ours that nobody else can write to. */
#include "server_internal.h"

#include "pgr_random.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOCK_SUFFIX ".lock"

bool pgr__join(char out[PATH_MAX], const char *dir, const char *name) {
  int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);
  return n > 0 && n < PATH_MAX;
}

static bool remove_tree_below(int parent_fd, const char *name, int depth) {
  enum { DEEPEST = 64 };
  bool all = true;
  int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  DIR *dir = fd < 0 || depth > DEEPEST ? NULL : fdopendir(fd);
  if (!dir) {
    if (fd >= 0) close(fd);
    return false;
  }
  for (struct dirent *e; (e = readdir(dir));) {
    if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0) continue;
    if (e->d_type != DT_DIR && unlinkat(fd, e->d_name, 0) == 0) continue;
    /* A folder; or a file that went away by itself, which is as good. */
    if (errno == ENOENT && e->d_type != DT_DIR) continue;
    all = remove_tree_below(fd, e->d_name, depth + 1) && all;
  }
  closedir(dir);
  return (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT) && all;
}

bool pgr__remove_tree(int dir_fd, const char *name) {
  struct stat st;
  if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW)) return errno == ENOENT;
  if (!S_ISDIR(st.st_mode)) return unlinkat(dir_fd, name, 0) == 0;
  /* Someone may still write while the first pass runs; processes have been ended, so a second one finds an end. */
  return remove_tree_below(dir_fd, name, 0) || remove_tree_below(dir_fd, name, 0);
}

/* Opens <root>/pgrace-<uid> if it may be trusted. -1 with errno otherwise, *why says what is wrong with it. */
static int open_base(const char *base, const char **why) {
  *why = NULL;
  int fd = open(base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd < 0) {
    if (errno == ELOOP || errno == ENOTDIR) *why = "is not a folder";
    return -1;
  }
  struct stat st;
  if (fstat(fd, &st))
    *why = "cannot be examined";
  else if (st.st_uid != geteuid())
    *why = "belongs to another user";
  else if (st.st_mode & (S_IWGRP | S_IWOTH))
    *why = "can be written to by others";
  if (!*why) return fd;
  close(fd);
  errno = EPERM;
  return -1;
}

static bool base_of(const char *root, char base[PATH_MAX]) {
  char name[32];
  snprintf(name, sizeof name, "pgrace-%u", (unsigned)geteuid());
  return pgr__join(base, root, name);
}

/* Whether lock_fd still is the file called `name`: its last holder removes it. */
static bool is_current(int base_fd, const char *name, int lock_fd) {
  struct stat held, named;
  return fstat(lock_fd, &held) == 0 && fstatat(base_fd, name, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         held.st_ino == named.st_ino && held.st_dev == named.st_dev;
}

/* One try at lock and folder. False with errno: ENOENT or EAGAIN when another run's cleaning came between. */
static bool try_create(int base_fd, mode_t mode, pgr__place *p) {
  char lock[40];
  snprintf(p->id, sizeof p->id, "%08" PRIx32, (uint32_t)pgr_random_entropy());
  snprintf(lock, sizeof lock, "%s" LOCK_SUFFIX, p->id);
  p->lock_fd = openat(base_fd, lock, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (p->lock_fd < 0) {
    if (errno == EEXIST) errno = EAGAIN;
    return false;
  }
  bool locked = flock(p->lock_fd, LOCK_EX | LOCK_NB) == 0;
  if (locked && !is_current(base_fd, lock, p->lock_fd)) {
    locked = false;
    errno = EAGAIN;
  }
  /* The mode again, for the umask may have taken from it. */
  if (locked && mkdirat(base_fd, p->id, mode) == 0 && fchmodat(base_fd, p->id, mode, 0) == 0 &&
      pgr__join(p->path, p->base, p->id))
    return true;
  int saved = errno;
  if (locked) {
    unlinkat(base_fd, p->id, AT_REMOVEDIR);
    unlinkat(base_fd, lock, 0);
  }
  close(p->lock_fd);
  p->lock_fd = -1;
  p->path[0] = '\0';
  errno = saved;
  return false;
}

pgr_code pgr__place_create(const char *root, const pgr__account *account, pgr__place *p, pgr_err *err) {
  enum { TRIES = 100 };
  /* Another user's server must get to its files, though not list what is here. */
  mode_t mode = account->drop ? 0711 : 0700;
  *p = (pgr__place){.lock_fd = -1};
  if (!base_of(root, p->base)) return pgr_fail(err, PGR_EENVIRONMENT, "the path %.200s… is too long", root);
  for (int i = 0; i < TRIES; i++) {
    const char *why = NULL;
    if (mkdir(p->base, mode) && errno != EEXIST)
      return pgr_fail(err, PGR_EENVIRONMENT, "cannot create %s: %s", p->base, strerror(errno));
    int base_fd = open_base(p->base, &why);
    if (base_fd < 0 && errno == ENOENT) continue;
    if (base_fd < 0)
      return pgr_fail(err, PGR_EENVIRONMENT, "%s cannot be used: it %s; have it removed", p->base,
                      why ? why : strerror(errno));
    bool ok = fchmod(base_fd, mode) == 0 && try_create(base_fd, mode, p);
    int saved = errno;
    close(base_fd);
    if (ok) return PGR_OK;
    if (saved != ENOENT && saved != EAGAIN)
      return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a folder in %s: %s", p->base, strerror(saved));
  }
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a folder in %s: other runs keep removing it", p->base);
}

void pgr__place_destroy(pgr__place *p) {
  const char *why;
  if (!p->path[0]) return;
  int base_fd = open_base(p->base, &why);
  if (base_fd >= 0) {
    char lock[40];
    snprintf(lock, sizeof lock, "%s" LOCK_SUFFIX, p->id);
    /* What cannot be removed keeps its lock file, so that the next sweep tries again. */
    if (pgr__remove_tree(base_fd, p->id)) unlinkat(base_fd, lock, 0);
    close(base_fd);
    rmdir(p->base); /* succeeds for the last one only */
  }
  close(p->lock_fd);
  *p = (pgr__place){.lock_fd = -1};
}

static void sweep_one(const char *base, int base_fd, const char *lock) {
  int fd = openat(base_fd, lock, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return;
  if (flock(fd, LOCK_EX | LOCK_NB) == 0 && is_current(base_fd, lock, fd)) {
    char id[256], path[PATH_MAX];
    snprintf(id, sizeof id, "%.*s", (int)(strlen(lock) - strlen(LOCK_SUFFIX)), lock);
    if (pgr__join(path, base, id)) {
      pgr__end_inside(path);
      if (pgr__remove_tree(base_fd, id)) unlinkat(base_fd, lock, 0);
    }
  }
  close(fd);
}

void pgr__place_sweep(const char *root) {
  char base[PATH_MAX];
  const char *why;
  int fd = base_of(root, base) ? open_base(base, &why) : -1;
  if (fd < 0) return;
  int list_fd = dup(fd);
  DIR *dir = list_fd < 0 ? NULL : fdopendir(list_fd);
  if (!dir && list_fd >= 0) close(list_fd);
  for (struct dirent *e; dir && (e = readdir(dir));) {
    size_t len = strlen(e->d_name), suffix = strlen(LOCK_SUFFIX);
    if (len > suffix && strcmp(e->d_name + len - suffix, LOCK_SUFFIX) == 0) sweep_one(base, fd, e->d_name);
  }
  if (dir) closedir(dir);
  close(fd);
  rmdir(base);
}
