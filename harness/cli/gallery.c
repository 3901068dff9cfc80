/* Where scenarios come from. Invariant: a scenario's files are all of one kind, compiled in or on disk; a built-in one
 * never reads the user's files, nor the other way round. */
#include "gallery.h"

#include "options.h"
#include "pgr_embedded.h"
#include "pgr_mem.h"
#include "pgr_units.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* schema/… and scenarios/…, by their paths from the source's root. */
extern const pgr_embedded pgr_embedded_gallery[];

enum { SCENARIOS_MAX = 100 };

/* ---- compiled in ---- */

static bool read_embedded(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  (void)user;
  for (const pgr_embedded *e = pgr_embedded_gallery; e->name; e++) {
    if (strcmp(e->name, path) != 0) continue;
    *text = pgr_calloc(e->len_bytes + 1, 1);
    snprintf(why, 128, "out of memory");
    if (!*text) return false;
    memcpy(*text, e->data, e->len_bytes);
    *len_bytes = e->len_bytes;
    return true;
  }
  snprintf(why, 128, "it is not in the gallery");
  return false;
}

/* Whether an embedded file is scenarios/NAME/NAME.yaml. */
static bool is_scenario(const pgr_embedded *e, char name[PGR_GALLERY_NAME_BYTES]) {
  static const char folder[] = "scenarios/";
  char path[PATH_MAX];
  if (strncmp(e->name, folder, sizeof folder - 1) != 0) return false;
  const char *begin = e->name + sizeof folder - 1;
  size_t len = strcspn(begin, "/");
  if (len >= PGR_GALLERY_NAME_BYTES) return false;
  memcpy(name, begin, len);
  name[len] = '\0';
  snprintf(path, sizeof path, "scenarios/%s/%s.yaml", name, name);
  return strcmp(path, e->name) == 0;
}

bool pgr_gallery_name(size_t i, char out[PGR_GALLERY_NAME_BYTES]) {
  for (const pgr_embedded *e = pgr_embedded_gallery; e->name; e++)
    if (is_scenario(e, out) && i-- == 0) return true;
  return false;
}

/* ---- on disk ---- */

static bool cannot(char why[128], int error) {
  snprintf(why, 128, "%s", error == ENOENT ? "no such file" : strerror(error));
  return false;
}

static bool read_open(int fd, char **text, size_t *len_bytes, char why[128]) {
  struct stat st;
  if (fstat(fd, &st)) return cannot(why, errno);
  if (!S_ISREG(st.st_mode)) {
    snprintf(why, 128, S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file");
    return false;
  }
  if (st.st_size > PGR_SQL_BYTES_MAX) {
    snprintf(why, 128, "larger than %d MiB", PGR_SQL_BYTES_MAX >> 20);
    return false;
  }
  size_t room = (size_t)st.st_size, used = 0;
  char *data = pgr_calloc(room + 1, 1);
  if (!data) return cannot(why, ENOMEM);
  while (used < room) {
    ssize_t n = read(fd, data + used, room - used);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      int error = errno;
      pgr_free(data);
      return cannot(why, error);
    }
    if (n == 0) break;
    used += (size_t)n;
  }
  data[used] = '\0';
  *text = data;
  *len_bytes = used;
  return true;
}

/* Nonblocking, lest a pipe that nobody writes to holds us up. */
static bool read_file(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  (void)user;
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) return cannot(why, errno);
  bool ok = read_open(fd, text, len_bytes, why);
  close(fd);
  return ok;
}

static bool ends_in_yaml(const char *name) {
  size_t len = strlen(name);
  return len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static bool is_path(const char *name) {
  return strchr(name, '/') || ends_in_yaml(name) || strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* The file of a folder's name in it. What is called "." has its name elsewhere. */
static void file_in_folder(const char *folder, char out[PATH_MAX]) {
  char real[PATH_MAX], trimmed[PATH_MAX];
  snprintf(trimmed, sizeof trimmed, "%s", folder);
  size_t len = strlen(trimmed);
  while (len > 1 && trimmed[len - 1] == '/')
    trimmed[--len] = '\0';
  const char *slash = strrchr(trimmed, '/'), *name = slash ? slash + 1 : trimmed;
  if ((strcmp(name, ".") == 0 || strcmp(name, "..") == 0) && realpath(trimmed, real)) name = strrchr(real, '/') + 1;
  int n = snprintf(out, PATH_MAX, "%s/%s.yaml", trimmed, name);
  if (n >= PATH_MAX) *out = '\0';
}

/* How many files a folder holds that may be scenarios, and the first of them by name, "" when there is none. */
static int scenarios_in(const char *folder, char first[NAME_MAX + 1]) {
  DIR *d = opendir(folder);
  int count = 0;
  *first = '\0';
  for (const struct dirent *e; d && (e = readdir(d));) {
    if (!ends_in_yaml(e->d_name)) continue;
    if (count++ == 0 || strcmp(e->d_name, first) < 0) snprintf(first, NAME_MAX + 1, "%s", e->d_name);
  }
  if (d) closedir(d);
  return count;
}

/* Of a folder without the file of its name, but with others that may have been meant. PGR_OK: it is none. */
static pgr_code otherwise_named(const char *folder, pgr_err *err) {
  char path[PATH_MAX], first[NAME_MAX + 1], more[40] = "";
  if (!is_folder(folder)) return PGR_OK;
  file_in_folder(folder, path);
  int count = *path && access(path, F_OK) ? scenarios_in(folder, first) : 0;
  if (count == 0) return PGR_OK;
  if (count > 1) snprintf(more, sizeof more, " and %d more", count - 1);
  return pgr_fail(err, PGR_EUSAGE, "the folder %.80s holds no %.60s (there %s %.60s%s)", folder, strrchr(path, '/') + 1,
                  count > 1 ? "are" : "is", first, more);
}

/* ---- both ---- */

static pgr_code unknown(const char *name, pgr_err *err) {
  char all[SCENARIOS_MAX][PGR_GALLERY_NAME_BYTES];
  const char *names[SCENARIOS_MAX + 1] = {NULL};
  if (pgr_looks_secret(name))
    return pgr_fail(err, PGR_EUSAGE,
                    "unknown scenario (not shown: it may hold a password); a connection string is "
                    "one word, quoted, after --dsn");
  for (size_t i = 0; i < SCENARIOS_MAX && pgr_gallery_name(i, all[i]); i++)
    names[i] = all[i];
  const char *near = pgr_nearest(name, names);
  if (near)
    return pgr_fail(err, PGR_EUSAGE, "unknown scenario '%.80s', did you mean '%s'? pgrace list shows what there is",
                    name, near);
  return pgr_fail(err, PGR_EUSAGE, "unknown scenario '%.80s'; pgrace list shows what there is", name);
}

static pgr_code load(const char *path, const pgr_reader *reader, pgr_scenario **out, pgr_faults *faults, pgr_err *err) {
  pgr_scenario *s = pgr_scenario_load(path, reader, faults);
  if (!s) return pgr_faults_first(faults, err);
  *out = s;
  return PGR_OK;
}

static pgr_code open_path(const char *name, pgr_scenario **out, pgr_faults *faults, pgr_err *err) {
  const pgr_reader disk = {.read = read_file, .user = NULL};
  char path[PATH_MAX];
  snprintf(path, sizeof path, "%s", name);
  if (is_folder(name)) file_in_folder(name, path);
  if (access(path, F_OK) == 0 && strlen(name) < sizeof path) return load(path, &disk, out, faults, err);
  if (pgr_looks_secret(name)) return unknown(name, err);
  int error = errno;
  pgr_code code = otherwise_named(name, err);
  if (code) return code;
  return pgr_fail(err, PGR_EUSAGE, "there is no scenario %.200s: %s", *path ? path : name, strerror(error));
}

pgr_code pgr_gallery_open(const char *name, pgr_scenario **out, pgr_faults *faults, pgr_err *err) {
  const pgr_reader gallery = {.read = read_embedded, .user = NULL};
  char path[PATH_MAX], found[PGR_GALLERY_NAME_BYTES];
  if (is_path(name)) return open_path(name, out, faults, err);
  int n = snprintf(path, sizeof path, "%s/%s.yaml", name, name);
  if (*name && n < PATH_MAX && access(path, F_OK) == 0) return open_path(path, out, faults, err);
  for (size_t i = 0; pgr_gallery_name(i, found); i++) {
    if (strcmp(found, name) != 0) continue;
    snprintf(path, sizeof path, "scenarios/%s/%s.yaml", found, found);
    return load(path, &gallery, out, faults, err);
  }
  pgr_code code = pgr_looks_secret(name) ? PGR_OK : otherwise_named(name, err);
  return code ? code : unknown(name, err);
}

bool pgr_gallery_read(const pgr_scenario *s, const char *path, char **text, size_t *len_bytes, char why[128]) {
  for (const pgr_embedded *e = pgr_embedded_gallery; e->name; e++)
    if (strcmp(e->name, s->source.name) == 0 && e->len_bytes == s->source.len_bytes &&
        memcmp(e->data, s->source.text, e->len_bytes) == 0)
      return read_embedded(NULL, path, text, len_bytes, why);
  return read_file(NULL, path, text, len_bytes, why);
}

int pgr_gallery_complain(const pgr_faults *faults, const pgr_err *err) {
  if (faults->count == 0) {
    fprintf(stderr, "pgrace: %s\n", err->msg);
    return pgr_exit_status(err->code);
  }
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_faults_print(faults, &text);
  fputs(pgr_buf_text(&text), stderr);
  pgr_buf_deinit(&text);
  return pgr_exit_status(PGR_EUSAGE);
}
