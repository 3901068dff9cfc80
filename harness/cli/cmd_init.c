/* pgrace init: a folder with a small scenario that runs as it is. Invariant: it is there whole, or nothing of it is. */
#include "commands.h"
#include "gallery.h"
#include "options.h"
#include "pgr_buf.h"
#include "pgr_embedded.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* harness/cli/template; NAME in a file's name and @NAME@ in its text stand for the scenario's. */
extern const pgr_embedded pgr_embedded_template[];

enum { NAME_BYTES_MAX = 63 };

static void help(void) {
  fputs("Usage: pgrace init NAME\n\n"
        "Makes a folder NAME with a scenario that runs as it is: NAME.yaml, a schema, and\n"
        "the scripts of two strategies, one that races and one that does not. Change it\n"
        "into yours. The folder must not exist.\n\n"
        "Exit status: 0 made, 4 usage, 5 it cannot be written.\n\n"
        "Example\n"
        "  pgrace init mine && pgrace run mine\n",
        stdout);
}

static pgr_code check_name(const char *name, pgr_err *err) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  char taken[PGR_GALLERY_NAME_BYTES];
  size_t len = strlen(name);
  if (len == 0 || len > NAME_BYTES_MAX || strspn(name, letters) != len || strchr("_.-", *name)) {
    if (pgr_looks_secret(name)) return pgr_fail(err, PGR_EUSAGE, "init: this is no name for a scenario");
    return pgr_fail(err, PGR_EUSAGE,
                    "init: '%.80s' is no name for a scenario: letters, digits, and after the first one also _ . -, "
                    "at most %d",
                    name, NAME_BYTES_MAX);
  }
  for (size_t i = 0; pgr_gallery_name(i, taken); i++)
    if (strcmp(taken, name) == 0)
      return pgr_fail(err, PGR_EUSAGE, "init: the gallery has a scenario '%s', give yours another name", name);
  return PGR_OK;
}

/* Appends text with `name` for each `placeholder`. */
static void put_name(const char *text, const char *placeholder, const char *name, pgr_buf *out) {
  for (const char *hit; (hit = strstr(text, placeholder)); text = hit + strlen(placeholder)) {
    pgr_buf_add(out, text, (size_t)(hit - text));
    pgr_buf_adds(out, name);
  }
  pgr_buf_adds(out, text);
}

static void file_name(const pgr_embedded *e, const char *name, char out[NAME_MAX + 1]) {
  pgr_buf b;
  pgr_buf_init(&b, 0);
  put_name(e->name, "NAME", name, &b);
  snprintf(out, NAME_MAX + 1, "%s", pgr_buf_text(&b));
  pgr_buf_deinit(&b);
}

static bool write_file(int folder, const char *name, const char *data, size_t len) {
  int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return false;
  FILE *f = fdopen(fd, "w");
  if (!f) {
    close(fd);
    return false;
  }
  bool ok = fwrite(data, 1, len, f) == len;
  return fclose(f) == 0 && ok;
}

/* errno says why not. */
static bool write_files(int folder, const char *name) {
  for (const pgr_embedded *e = pgr_embedded_template; e->name; e++) {
    char file[NAME_MAX + 1];
    pgr_buf text;
    pgr_buf_init(&text, 0);
    file_name(e, name, file);
    put_name(e->data, "@NAME@", name, &text);
    errno = ENOMEM;
    bool ok = !text.failed && write_file(folder, file, pgr_buf_text(&text), text.len);
    pgr_buf_deinit(&text);
    if (!ok) return false;
  }
  return true;
}

static void remove_files(int folder, const char *name) {
  for (const pgr_embedded *e = pgr_embedded_template; e->name; e++) {
    char file[NAME_MAX + 1];
    file_name(e, name, file);
    unlinkat(folder, file, 0);
  }
}

static pgr_code make(const char *name, pgr_err *err) {
  if (mkdir(name, 0777)) {
    if (errno == EEXIST) return pgr_fail(err, PGR_EUSAGE, "init: '%s' exists already, nothing was changed", name);
    return pgr_fail(err, PGR_EENVIRONMENT, "init: cannot make the folder %s: %s", name, strerror(errno));
  }
  int folder = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  bool ok = folder >= 0 && write_files(folder, name);
  int error = errno;
  if (!ok && folder >= 0) remove_files(folder, name);
  if (folder >= 0) close(folder);
  if (ok) return PGR_OK;
  rmdir(name);
  return pgr_fail(err, PGR_EENVIRONMENT, "init: cannot write into %s: %s", name, strerror(error));
}

int pgr_cmd_init(int argc, char **argv) {
  const pgr_option table[] = {{0}};
  const char *name = NULL;
  int count = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, &name, 1, &count, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  if (!code && count == 0) code = pgr_fail(&err, PGR_EUSAGE, "init: give the scenario a name, as in: pgrace init mine");
  if (!code) code = check_name(name, &err);
  if (!code) code = make(name, &err);
  if (code) {
    fprintf(stderr, "pgrace: %s\n", err.msg);
    return pgr_exit_status(code);
  }
  printf("Made %s/%s.yaml and its scripts. Next:\n  pgrace lint %s\n  pgrace run %s\n", name, name, name, name);
  return 0;
}
