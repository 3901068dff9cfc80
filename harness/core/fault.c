/* Faults in texts that people wrote. Nothing of the text but the line in question is repeated. */
#include "pgr_fault.h"

#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { QUOTE_BYTES_MAX = 160 };

pgr_place_in pgr_place_at(const pgr_source *source, size_t offset) {
  pgr_place_in at = {.line = 1, .column = 1, .width = 1};
  for (size_t i = 0; i < offset && i < source->len_bytes; i++) {
    at.column++;
    if (source->text[i] != '\n') continue;
    at.line++;
    at.column = 1;
  }
  return at;
}

static const char *line_of(const pgr_source *source, int line, size_t *len_bytes) {
  const char *p = source->text, *end = p + source->len_bytes;
  for (int i = 1; i < line; i++) {
    p = memchr(p, '\n', (size_t)(end - p));
    if (!p) return NULL;
    p++;
  }
  const char *stop = memchr(p, '\n', (size_t)(end - p));
  *len_bytes = (size_t)((stop ? stop : end) - p);
  if (*len_bytes && p[*len_bytes - 1] == '\r') --*len_bytes;
  return p;
}

static bool continues(char c) {
  return ((unsigned char)c & 0xC0) == 0x80;
}

/* The line, shown from a little before the fault when it is long, and carets below it. The caret line repeats tabs and
 * counts characters, not bytes, so that it stands below the right place. */
static char *quote(const pgr_source *source, pgr_place_in at) {
  size_t len = 0, from = 0, column = (size_t)at.column - 1;
  const char *line = line_of(source, at.line, &len);
  if (!line || at.column < 1) return NULL;
  if (column > len) column = len;
  if (column > QUOTE_BYTES_MAX / 2) from = column - QUOTE_BYTES_MAX / 2;
  while (from > 0 && continues(line[from]))
    from--;
  size_t to = len - from > QUOTE_BYTES_MAX ? from + QUOTE_BYTES_MAX : len;
  while (to < len && to > from && continues(line[to]))
    to--;
  if (column > to) column = to;
  pgr_buf b;
  pgr_buf_init(&b, 0);
  char cut[QUOTE_BYTES_MAX + 1], shown[QUOTE_BYTES_MAX + 1];
  memcpy(cut, line + from, to - from);
  cut[to - from] = '\0';
  pgr_utf8_copy(shown, sizeof shown, cut);
  pgr_buf_addf(&b, "%5d | %s%s%s\n      | %s", at.line, from ? "…" : "", shown, to < len ? "…" : "", from ? " " : "");
  for (size_t i = from; i < column; i++)
    if (!continues(line[i])) pgr_buf_adds(&b, " ");
  size_t end = column + (at.width > 0 ? (size_t)at.width : 1);
  pgr_buf_adds(&b, "^");
  for (size_t i = column + 1; i < end && i < to; i++)
    if (!continues(line[i])) pgr_buf_adds(&b, "^");
  return pgr_buf_take(&b);
}

void pgr_faults_add(pgr_faults *f, const pgr_source *source, pgr_place_in at, const char *hint, const char *fmt, ...) {
  if (f->count++ >= PGR_FAULTS_KEPT) return;
  pgr_fault *fault = &f->kept[f->count - 1];
  pgr_err message;
  char what[512];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  /* pgr_fail makes one line of it. */
  if (at.line > 0)
    pgr_fail(&message, PGR_EUSAGE, "%s:%d:%d: %s", source->name, at.line, at.column, what);
  else
    pgr_fail(&message, PGR_EUSAGE, "%s: %s", source->name, what);
  char clean[sizeof message.msg];
  pgr_utf8_copy(clean, sizeof clean, message.msg);
  fault->text = pgr_strdup(clean);
  fault->quote = at.line > 0 && source->text ? quote(source, at) : NULL;
  fault->hint = hint ? pgr_strdup(hint) : NULL;
}

void pgr_faults_print(const pgr_faults *f, pgr_buf *out) {
  size_t kept = f->count < PGR_FAULTS_KEPT ? f->count : PGR_FAULTS_KEPT;
  for (size_t i = 0; i < kept; i++) {
    const pgr_fault *fault = &f->kept[i];
    pgr_buf_addf(out, "%s\n", fault->text ? fault->text : "out of memory");
    if (fault->quote) pgr_buf_addf(out, "%s\n", fault->quote);
    if (fault->hint) pgr_buf_addf(out, "%s\n", fault->hint);
  }
  if (f->count > kept) pgr_buf_addf(out, "and %zu more\n", f->count - kept);
}

pgr_code pgr_faults_first(const pgr_faults *f, pgr_err *err) {
  if (f->count == 0) return PGR_OK;
  const pgr_fault *fault = &f->kept[0];
  return pgr_fail(err, PGR_EUSAGE, "%s%s%s", fault->text ? fault->text : "out of memory", fault->hint ? "; " : "",
                  fault->hint ? fault->hint : "");
}

void pgr_faults_deinit(pgr_faults *f) {
  for (size_t i = 0; i < PGR_FAULTS_KEPT; i++) {
    pgr_free(f->kept[i].text);
    pgr_free(f->kept[i].quote);
    pgr_free(f->kept[i].hint);
  }
  *f = (pgr_faults){0};
}
