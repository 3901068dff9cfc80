/* Files are written under a temporary name in the folder itself and renamed at the end: a reader never meets half. */
#include "outdir.h"

#include "pgr_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pgr_outdir {
  char *path;
  int dir;
  bool made, finished, broken;
  FILE *history;
  bool history_begun;
  char history_name[32], result_name[32];
};

static pgr_code cannot_write(const pgr_outdir *o, const char *name, pgr_err *err) {
  return pgr_fail(err, PGR_EENVIRONMENT, "--out: cannot write %s/%s: %s", o->path, name, strerror(errno));
}

static FILE *begin(pgr_outdir *o, const char *name) {
  int fd = openat(o->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
  return fd < 0 ? NULL : fdopen(fd, "w");
}

pgr_code pgr_outdir_open(const char *path, pgr_outdir **out, pgr_err *err) {
  pgr_outdir *o = pgr_calloc(1, sizeof *o);
  if (!o || !(o->path = pgr_strdup(path))) {
    pgr_free(o);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  snprintf(o->history_name, sizeof o->history_name, ".history.csv.%d", (int)getpid());
  snprintf(o->result_name, sizeof o->result_name, ".result.json.%d", (int)getpid());
  o->made = mkdir(path, 0777) == 0;
  o->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  pgr_code code = PGR_OK;
  if (o->dir < 0) {
    code = pgr_fail(err, PGR_EENVIRONMENT, "--out: cannot open the folder %s: %s", path, strerror(errno));
  } else if (!(o->history = begin(o, o->history_name))) {
    code = cannot_write(o, "history.csv", err);
  }
  if (code)
    pgr_outdir_close(o);
  else
    *out = o;
  return code;
}

pgr_code pgr_outdir_add_history(pgr_outdir *o, const pgr_history *h, const char *strategy, const char *isolation,
                                int64_t gap_ns, const char *const *kinds, pgr_err *err) {
  pgr_err reason;
  pgr_code code = pgr_history_write_csv(h, strategy, isolation, gap_ns, kinds, !o->history_begun, o->history, &reason);
  o->history_begun = true;
  o->broken |= code != PGR_OK;
  return code ? pgr_fail(err, code, "--out: cannot write %s/history.csv: %s", o->path, reason.msg) : PGR_OK;
}

bool pgr_outdir_works(const pgr_outdir *o) {
  return o && !o->broken;
}

pgr_code pgr_outdir_finish(pgr_outdir *o, const pgr_buf *result, bool keep_history, pgr_err *err) {
  FILE *f = begin(o, o->result_name);
  if (!f) return cannot_write(o, "result.json", err);
  bool written = fwrite(result->data ? result->data : "", 1, result->len, f) == result->len;
  if (fclose(f) || !written) return cannot_write(o, "result.json", err);
  int closed = fclose(o->history);
  o->history = NULL;
  if (closed) return cannot_write(o, "history.csv", err);
  if (o->history_begun && renameat(o->dir, o->history_name, o->dir, "history.csv"))
    return cannot_write(o, "history.csv", err);
  if (!o->history_begun && !keep_history) unlinkat(o->dir, "history.csv", 0);
  if (renameat(o->dir, o->result_name, o->dir, "result.json")) return cannot_write(o, "result.json", err);
  o->finished = true;
  return PGR_OK;
}

pgr_code pgr_outdir_write(pgr_outdir *o, const char *name, const pgr_buf *text, pgr_err *err) {
  char temporary[300];
  snprintf(temporary, sizeof temporary, ".%.250s.%d", name, (int)getpid());
  FILE *f = begin(o, temporary);
  if (!f) return cannot_write(o, name, err);
  bool written = fwrite(text->data ? text->data : "", 1, text->len, f) == text->len;
  if (fclose(f) == 0 && written && renameat(o->dir, temporary, o->dir, name) == 0) return PGR_OK;
  pgr_code code = cannot_write(o, name, err);
  unlinkat(o->dir, temporary, 0);
  return code;
}

void pgr_outdir_close(pgr_outdir *o) {
  if (!o) return;
  if (o->history) fclose(o->history);
  if (o->dir >= 0) {
    unlinkat(o->dir, o->history_name, 0);
    unlinkat(o->dir, o->result_name, 0);
    close(o->dir);
  }
  if (o->made && !o->finished) rmdir(o->path);
  pgr_free(o->path);
  pgr_free(o);
}
