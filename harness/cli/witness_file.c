/* A file is written beside its place and renamed, so that there is a whole one or none. */
#include "witness_file.h"

#include "pgr_mem.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static pgr_code cannot(const char *what, const char *path, pgr_err *err) {
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot %s %.200s: %s", what, path, strerror(errno));
}

pgr_code pgr_write_whole_file(const char *path, const pgr_buf *text, pgr_err *err) {
  char draft[600];
  snprintf(draft, sizeof draft, "%.560s.part-%ld", path, (long)getpid());
  FILE *f = fopen(draft, "wxe");
  if (!f) return cannot("write", path, err);
  bool ok = fwrite(text->data, 1, text->len, f) == text->len;
  ok &= fclose(f) == 0;
  if (ok && rename(draft, path) == 0) return PGR_OK;
  pgr_code code = cannot("write", path, err);
  unlink(draft);
  return code;
}

/* A plain name out of any. */
static void add_plain(pgr_buf *out, const char *name) {
  pgr_buf_adds(out, "-");
  for (const char *c = name; *c; c++) {
    bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
    pgr_buf_add(out, plain ? c : "-", 1);
  }
}

pgr_code pgr_witness_save(const pgr_witness *w, const char *folder, char *path, size_t path_bytes, pgr_err *err) {
  pgr_buf text, name;
  pgr_buf_init(&text, 0);
  pgr_buf_init(&name, 0);
  if (strcmp(folder, ".") != 0) pgr_buf_addf(&name, "%s/", folder);
  pgr_buf_adds(&name, "pgrace-witness");
  const char *slash = strrchr(w->scenario, '/');
  add_plain(&name, slash ? slash + 1 : w->scenario);
  add_plain(&name, w->strategy);
  if (strcmp(w->isolation, "read committed") != 0) add_plain(&name, w->isolation);
  pgr_buf_adds(&name, ".json");
  pgr_code code = pgr_witness_write(w, &text, err);
  if (!code && name.failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code && name.len >= path_bytes) code = pgr_fail(err, PGR_EUSAGE, "the witness's path is too long");
  if (!code) snprintf(path, path_bytes, "%s", pgr_buf_text(&name));
  if (!code) code = pgr_write_whole_file(path, &text, err);
  pgr_buf_deinit(&text);
  pgr_buf_deinit(&name);
  return code;
}

pgr_code pgr_witness_load(const char *path, pgr_witness *out, pgr_err *err) {
  FILE *f = fopen(path, "re");
  if (!f) return pgr_fail(err, PGR_EUSAGE, "cannot read %.200s: %s", path, strerror(errno));
  char *text = pgr_calloc(PGR_WITNESS_BYTES_MAX + 2, 1);
  pgr_code code = text ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
  size_t len = code ? 0 : fread(text, 1, PGR_WITNESS_BYTES_MAX + 1, f);
  if (!code && ferror(f)) code = pgr_fail(err, PGR_EUSAGE, "cannot read %.200s: %s", path, strerror(errno));
  fclose(f);
  if (!code && len > PGR_WITNESS_BYTES_MAX)
    code = pgr_fail(err, PGR_EUSAGE, "%.200s: longer than %d bytes, no witness is", path, PGR_WITNESS_BYTES_MAX);
  if (!code) code = pgr_witness_read(path, text, len, out, err);
  pgr_free(text);
  return code;
}
