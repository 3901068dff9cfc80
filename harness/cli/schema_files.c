/* All of several files, or none. Invariant: what is removed when something fails is what was written or made here. */
#include "schema_files.h"

#include "schema_command.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDERS_MAX = 64, FILE_BYTES_MAX = 8 << 20 };

/* Folders that were not there before, outer ones first. */
typedef struct made_folders {
  char *paths[FOLDERS_MAX];
  size_t count;
} made_folders;

void pgr_schema_files_deinit(pgr_schema_files *f) {
  pgr_arena_deinit(&f->arena);
}

pgr_code pgr_schema_files_add(pgr_schema_files *f, const char *const *path, const char *text, const char *before,
                              pgr_err *err) {
  char joined[PATH_MAX];
  size_t len = 0;
  if (f->count == PGR_SCHEMA_FILES_MAX)
    return pgr_fail(err, PGR_ELIMIT, "more than %d files to write at once", PGR_SCHEMA_FILES_MAX);
  for (const char *const *part = path; *part; part++) {
    int n = snprintf(joined + len, sizeof joined - len, "%s%s", part == path ? "" : "/", *part);
    if (n < 0 || (size_t)n >= sizeof joined - len)
      return pgr_fail(err, PGR_EUSAGE, "the path %.80s… is too long", *path);
    len += (size_t)n;
  }
  pgr_schema_file *file = &f->items[f->count];
  file->path = pgr_arena_strdup(&f->arena, joined);
  file->text = pgr_arena_strdup(&f->arena, text);
  file->before = before ? pgr_arena_strdup(&f->arena, before) : NULL;
  if (!file->path || !file->text || (before && !file->before)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  f->count++;
  return PGR_OK;
}

/* ---- writing ---- */

static bool exists(const char *path) {
  struct stat ignored;
  return lstat(path, &ignored) == 0;
}

/* Remembers which folders on the way to the file are still to be made. false: out of memory. */
static bool note_folders(const char *path, made_folders *made) {
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", path);
  for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    if (made->count < FOLDERS_MAX && !exists(folder)) {
      char *copy = pgr_strdup(folder);
      if (!copy) return false;
      made->paths[made->count++] = copy;
    }
    *slash = '/';
  }
  return true;
}

/* A folder that is noted twice is gone the second time; one in which somebody else put something stays. */
static void remove_folders(const made_folders *made) {
  for (size_t i = made->count; i-- > 0;)
    rmdir(made->paths[i]);
}

static void forget_folders(made_folders *made) {
  for (size_t i = 0; i < made->count; i++)
    pgr_free(made->paths[i]);
}

/* A reader meets the old text or the new one. */
static pgr_code replace(const char *path, const char *text, pgr_err *err) {
  char draft[PATH_MAX];
  int len = snprintf(draft, sizeof draft, "%s.part-%d", path, (int)getpid());
  if (len < 0 || len >= (int)sizeof draft) return pgr_fail(err, PGR_EUSAGE, "the path %.80s… is too long", path);
  FILE *f = fopen(draft, "wxe");
  bool good = f && fwrite(text, 1, strlen(text), f) == strlen(text);
  if (f && fclose(f)) good = false;
  if (good && rename(draft, path) == 0) return PGR_OK;
  pgr_code code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write %.400s: %s", path, strerror(errno));
  if (f) unlink(draft);
  return code;
}

static pgr_code write_file(const pgr_schema_file *file, made_folders *made, pgr_err *err) {
  if (file->before) return replace(file->path, file->text, err);
  if (!note_folders(file->path, made)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  return pgr_schema_write_new(file->path, file->text, strlen(file->text), err);
}

static void undo(const pgr_schema_file *file) {
  pgr_err err;
  if (!file->before)
    unlink(file->path);
  else if (replace(file->path, file->before, &err))
    fprintf(stderr, "pgrace: cannot put %s back as it was: %s\n", file->path, err.msg);
}

/* Those that are there are found before anything is written. */
static pgr_code check_new(const pgr_schema_files *f, pgr_err *err) {
  for (size_t i = 0; i < f->count; i++)
    if (!f->items[i].before && exists(f->items[i].path))
      return pgr_fail(err, PGR_EUSAGE, "%.400s exists already, nothing was written", f->items[i].path);
  return PGR_OK;
}

pgr_code pgr_schema_files_write(const pgr_schema_files *f, pgr_err *err) {
  made_folders made = {.count = 0};
  size_t written = 0;
  pgr_code code = check_new(f, err);
  while (!code && written < f->count) {
    code = write_file(&f->items[written], &made, err);
    if (!code) written++;
  }
  while (code && written > 0)
    undo(&f->items[--written]);
  if (code) remove_folders(&made);
  forget_folders(&made);
  return code;
}

void pgr_schema_show_text(const char *text, pgr_buf *out) {
  char shown[PGR_SCHEMA_CELL_BYTES];
  while (*text) {
    size_t len = strlen(pgr_schema_show(text, shown)); /* as many bytes as of the text */
    for (size_t i = 0; i < len; i++)
      pgr_buf_add(out, strchr("\n\t", text[i]) ? text + i : shown + i, 1);
    text += len;
  }
}

void pgr_schema_files_tell(const pgr_schema_files *f, bool dry_run) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  for (size_t i = 0; i < f->count; i++) {
    const pgr_schema_file *file = &f->items[i];
    pgr_buf_adds(&text, dry_run ? "-- " : file->before ? "Changed " : "Made    ");
    pgr_schema_show_text(file->path, &text);
    pgr_buf_adds(&text, dry_run && file->before ? " (changed)\n" : "\n");
    if (!dry_run) continue;
    pgr_schema_show_text(file->text, &text);
    pgr_buf_adds(&text, "\n");
  }
  fputs(pgr_buf_text(&text), stdout);
  if (text.failed) fputs("pgrace: out of memory: not all files are told\n", stderr);
  pgr_buf_deinit(&text);
}

/* ---- reading ---- */

pgr_code pgr_schema_file_read(const char *path, char **out, pgr_err *err) {
  *out = NULL;
  FILE *f = fopen(path, "re");
  if (!f && errno == ENOENT) return PGR_OK;
  if (!f) return pgr_fail(err, PGR_EENVIRONMENT, "cannot read %.400s: %s", path, strerror(errno));
  char *text = pgr_calloc(FILE_BYTES_MAX + 2, 1);
  if (!text) {
    fclose(f);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr_code code = PGR_OK;
  size_t len = fread(text, 1, FILE_BYTES_MAX + 1, f);
  if (ferror(f)) code = pgr_fail(err, PGR_EENVIRONMENT, "cannot read %.400s: %s", path, strerror(errno));
  fclose(f);
  if (!code && (len > FILE_BYTES_MAX || strlen(text) != len))
    code = pgr_fail(err, PGR_EUSAGE, "%.400s is no text, or larger than 8 MiB", path);
  _Static_assert(FILE_BYTES_MAX == 8 << 20, "the message says so");
  if (code)
    pgr_free(text);
  else
    *out = text;
  return code;
}

/* ---- paths ---- */

/* Absolute, without links and dots as far as it exists; the rest as it is written. */
static pgr_code resolve(const char *path, char out[PATH_MAX], pgr_err *err) {
  char head[PATH_MAX], real[PATH_MAX];
  const char *rest = "";
  int len = snprintf(head, sizeof head, "%s", path);
  while (len > 0 && head[len - 1] == '/')
    head[--len] = '\0';
  while (!realpath(*head ? head : "/", real)) {
    if (errno != ENOENT) return pgr_fail(err, PGR_EENVIRONMENT, "cannot find %.400s: %s", path, strerror(errno));
    char *slash = strrchr(head, '/');
    if (!slash && strcmp(head, ".") == 0) return pgr_fail(err, PGR_EENVIRONMENT, "the current folder is gone");
    rest = slash ? path + (slash - head) + 1 : path;
    if (slash)
      *slash = '\0';
    else
      snprintf(head, sizeof head, ".");
  }
  len = snprintf(out, PATH_MAX, "%s%s%s", strcmp(real, "/") == 0 ? "" : real, *rest ? "/" : "", rest);
  if (len < 0 || len >= PATH_MAX) return pgr_fail(err, PGR_EUSAGE, "the path %.80s… is too long", path);
  return PGR_OK;
}

pgr_code pgr_schema_relative(const char *from, const char *to, char out[PATH_MAX], pgr_err *err) {
  char a[PATH_MAX] = "", b[PATH_MAX] = "";
  pgr_buf text;
  pgr_code code = resolve(from, a, err);
  if (!code) code = resolve(to, b, err);
  if (code) return code;
  size_t same = 0; /* bytes of the folders that both have */
  for (size_t i = 0; a[i] == b[i] || ((!a[i] || a[i] == '/') && (!b[i] || b[i] == '/')); i++) {
    if (!a[i] || a[i] == '/') same = i + 1;
    if (!a[i] || !b[i]) break;
  }
  pgr_buf_init(&text, PATH_MAX);
  for (const char *step = same <= strlen(a) ? a + same - 1 : ""; (step = strchr(step, '/')); step++)
    pgr_buf_adds(&text, "../");
  pgr_buf_adds(&text, same <= strlen(b) ? b + same : ".");
  if (text.failed || text.len >= PATH_MAX) code = pgr_fail(err, PGR_EUSAGE, "the path %.80s… is too long", to);
  snprintf(out, PATH_MAX, "%s", pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  return code;
}
