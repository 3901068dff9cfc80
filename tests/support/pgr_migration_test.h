/* A folder of migrations that a test writes. */
#ifndef PGR_MIGRATION_TEST_H
#define PGR_MIGRATION_TEST_H

#include "pgr_test.h"

#include "pgr_migrations.h"
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[PATH_MAX], folder[PATH_MAX + 16]; /* root/schema */

static inline void remove_all(void) {
  char command[PATH_MAX + 16];
  if (!*root) return;
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  if (system(command) != 0) fail_msg("cannot remove %s", root);
}

static inline void new_folder(void) {
  const char *tmp = getenv("TMPDIR");
  remove_all();
  snprintf(root, sizeof root, "%s/pgr_migrations.XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(root)) fail_msg("mkdtemp: %s", strerror(errno));
  snprintf(folder, sizeof folder, "%s/schema", root);
  assert_int_equal(mkdir(folder, 0700), 0);
}

static inline const char *path_of(const char *name) {
  static char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static inline void write_bytes(const char *name, const char *bytes, size_t len) {
  FILE *f = fopen(path_of(name), "w");
  if (!f) fail_msg("%s: %s", name, strerror(errno));
  assert_int_equal(fwrite(bytes, 1, len, f), len);
  assert_int_equal(fclose(f), 0);
}

static inline void write_file(const char *name, const char *text) {
  write_bytes(name, text, strlen(text));
}

static inline void make_folder(const char *name) {
  assert_int_equal(mkdir(path_of(name), 0700), 0);
}

static inline void read_folder(pgr_migrations *m) {
  pgr_faults faults = {0};
  pgr_err err;
  if (pgr_migrations_read(folder, m, &faults, &err)) fail_msg("%s", err.msg);
  if (faults.count > 0) fail_msg("%s", faults.kept[0].text);
}

#endif
