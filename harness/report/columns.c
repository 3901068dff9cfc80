/* Pieces of a table: printf counts bytes, terminals count characters. */
#include "report_internal.h"

#include "pgr_units.h"
#include <math.h>
#include <string.h>

int pgr__width(const char *text) {
  int shown = 0;
  for (; *text; text++)
    shown += ((unsigned char)*text & 0xC0) != 0x80;
  return shown;
}

int pgr__padding(const char *text, int width) {
  int shown = pgr__width(text);
  return shown < width ? width - shown : 0;
}

void pgr__add_right(pgr_buf *out, const char *text, int width) {
  pgr_buf_addf(out, "%*s%s", pgr__padding(text, width), "", text);
}

void pgr__add_count(pgr_buf *out, uint64_t n, int width) {
  char text[PGR_TEXT_BYTES];
  pgr__add_right(out, pgr_format_count(text, (int64_t)n), width);
}

void pgr__add_time(pgr_buf *out, int64_t ns, int width) {
  char text[PGR_TEXT_BYTES];
  pgr__add_right(out, pgr_format_duration(text, ns), width);
}

/* "99.4", "0.031": two or three digits that matter, never rounded to a flat 0 or 100 when it is neither. The ends of an
 * interval are rounded outward: what is printed was shown, and no more. */
void pgr__add_percent(pgr_buf *out, double p, pgr__rounding how) {
  double v = p * 100;
  int digits = v == 0 || v == 100 ? 0 : v > 99.9 ? 2 : v >= 1 ? 1 : 1 - (int)floor(log10(v));
  double scale = pow(10, digits), scaled = v * scale;
  scaled = how == PGR__UP ? ceil(scaled - 1e-9) : how == PGR__DOWN ? floor(scaled + 1e-9) : round(scaled);
  if (v < 100 && scaled >= 100 * scale && how != PGR__UP) scaled = 100 * scale - 1;
  pgr_buf_addf(out, "%.*f", scaled == 100 * scale ? 0 : digits, scaled / scale);
}

/* Characters of the word at `text`, up to the next space, and a percent sign that belongs to it. */
static int word_width(const char *text, size_t *len_bytes) {
  size_t len = strcspn(text, " \n");
  if (text[len] == ' ' && text[len + 1] == '%') len += 2 + strcspn(text + len + 2, " \n");
  *len_bytes = len;
  int shown = 0;
  for (size_t i = 0; i < len; i++)
    shown += ((unsigned char)text[i] & 0xC0) != 0x80;
  return shown;
}

void pgr__wrap(pgr_buf *out, size_t from) {
  pgr_buf plain;
  if (out->failed) return;
  pgr_buf_init(&plain, 0);
  pgr_buf_add(&plain, pgr_buf_text(out) + from, out->len - from);
  out->failed = plain.failed;
  if (!out->failed) out->len = from;
  int column = 0, indent = 0;
  for (const char *p = pgr_buf_text(&plain); *p && !out->failed;) {
    size_t len, blanks = strspn(p, " ");
    int width = word_width(p + blanks, &len);
    if (column == 0) indent = (int)blanks + 2;
    if (column > (int)blanks && column + (int)blanks + width > PGR__COLUMNS) {
      pgr_buf_addf(out, "\n%*s", indent, "");
      column = indent;
    } else {
      pgr_buf_add(out, p, blanks);
      column += (int)blanks;
    }
    pgr_buf_add(out, p + blanks, len);
    column += width;
    p += blanks + len;
    if (*p != '\n') continue;
    pgr_buf_adds(out, "\n");
    column = 0;
    p++;
  }
  pgr_buf_deinit(&plain);
}

int pgr__name_width(const pgr_result *r) {
  size_t widest = strlen("strategy");
  for (size_t i = 0; i < r->cell_count; i++)
    if (strlen(r->cells[i].strategy->name) > widest) widest = strlen(r->cells[i].strategy->name);
  return (int)widest;
}
