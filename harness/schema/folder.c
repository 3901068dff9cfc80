/* A folder that people, and what they merged, wrote. Invariant: a file is opened by its real path, after that was found
 * to be inside of the folder. */
#include "folder_internal.h"

#include "pgr_utf8.h"
#include "pgr_yaml.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

pgr_code pgr__folder_open(const char *name, pgr_arena *arena, pgr__folder *out, pgr_err *err) {
  struct stat st;
  size_t len = strlen(name);
  while (len > 1 && name[len - 1] == '/')
    len--;
  *out = (pgr__folder){.arena = arena};
  out->name = pgr_arena_printf(arena, "%.*s", (int)len, name);
  if (!out->name) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!realpath(name, out->real) && errno == ENOENT)
    return pgr_fail(err, PGR_EUSAGE, "%s: there is no such folder; --dir names the one with the migrations", out->name);
  if (!*out->real || stat(out->real, &st)) return pgr_fail(err, PGR_EENVIRONMENT, "%s: %s", out->name, strerror(errno));
  if (!S_ISDIR(st.st_mode))
    return pgr_fail(err, PGR_EUSAGE, "%s: this is no folder; --dir names the one with the migrations", out->name);
  if (strcmp(out->real, "/") == 0) *out->real = '\0';
  return PGR_OK;
}

bool pgr__folder_is_utf8(const char *name) {
  char copy[PATH_MAX];
  pgr_utf8_copy(copy, sizeof copy, name);
  for (size_t i = 0; name[i]; i++)
    if ((unsigned char)name[i] >= 0x80 && (i + 1 >= sizeof copy || copy[i] != name[i])) return false;
  return true;
}

static bool cannot(char why[PGR__WHY_BYTES], const char *reason) {
  snprintf(why, PGR__WHY_BYTES, "%s", reason);
  return false;
}

bool pgr__folder_find(const pgr__folder *f, const char *relative, char real[PATH_MAX], char why[PGR__WHY_BYTES]) {
  char path[PATH_MAX];
  int n = snprintf(path, sizeof path, "%s/%s", f->real, relative);
  if (n >= (int)sizeof path) return cannot(why, "its path is too long");
  size_t len = strlen(f->real);
  if (!realpath(path, real)) return cannot(why, errno == ENOENT ? "there is no such file" : strerror(errno));
  if (strncmp(real, f->real, len) != 0 || real[len] != '/') return cannot(why, "it lies outside of the folder");
  if (!pgr__folder_is_utf8(real + len)) return cannot(why, "its path is not UTF-8");
  return true;
}

/* What of an open file stands in the way; *size: its bytes. */
static bool check(int fd, size_t max, size_t *size, char why[PGR__WHY_BYTES]) {
  struct stat st;
  if (fd < 0 || fstat(fd, &st)) return cannot(why, strerror(errno));
  if (!S_ISREG(st.st_mode)) return cannot(why, S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file");
  *size = (size_t)st.st_size;
  if (*size <= max) return true;
  bool mega = max >= 1 << 20;
  snprintf(why, PGR__WHY_BYTES, "it is larger than %zu %s", mega ? max >> 20 : max >> 10, mega ? "MiB" : "KiB");
  return false;
}

/* *used: bytes that were read; a file may have shrunk meanwhile. */
static bool read_bytes(int fd, char *data, size_t size, size_t *used, char why[PGR__WHY_BYTES]) {
  for (*used = 0; *used < size;) {
    ssize_t n = read(fd, data + *used, size - *used);
    if (n == 0) break;
    if (n > 0) *used += (size_t)n;
    if (n < 0 && errno != EINTR) return cannot(why, strerror(errno));
  }
  return true;
}

/* Nonblocking, lest a pipe that nobody writes to holds us up. *text NULL: why says what was wrong. */
static pgr_code slurp(const pgr__folder *f, const char *real, size_t max, char **text, size_t *len,
                      char why[PGR__WHY_BYTES], pgr_err *err) {
  int fd = open(real, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
  pgr_code code = PGR_OK;
  size_t size;
  if (check(fd, max, &size, why)) {
    *text = pgr_arena_alloc(f->arena, size + 1);
    if (!*text)
      code = pgr_fail(err, PGR_ENOMEM, "out of memory");
    else if (!read_bytes(fd, *text, size, len, why))
      *text = NULL;
  }
  if (fd >= 0) close(fd);
  return code;
}

pgr_code pgr__folder_file_read(const pgr__folder *f, const char *relative, size_t max, pgr_source *out,
                               char why[PGR__WHY_BYTES], pgr_faults *faults, pgr_err *err) {
  char real[PATH_MAX], *text = NULL;
  size_t len = 0;
  *why = '\0';
  *out = (pgr_source){.name = out->name};
  if (!pgr__folder_find(f, relative, real, why)) return PGR_OK;
  pgr_code code = slurp(f, real, max, &text, &len, why, err);
  if (code || !text) return code;
  if (!out->name) out->name = pgr_arena_printf(f->arena, "%s%s", f->name, real + strlen(f->real));
  if (!out->name) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  size_t mark = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* a byte order mark is no SQL */
  out->text = text + mark;
  if (!pgr_text_check(out, len - mark, faults)) *out = (pgr_source){.name = out->name, .len_bytes = len};
  return PGR_OK;
}
