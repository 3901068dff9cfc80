/* Pieces of a table: printf counts bytes, terminals count characters. */
#include "report_internal.h"

#include "pgr_units.h"
#include "pgr_utf8.h"
#include <assert.h>
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

/* Bytes of a unit at `text`, which begins with a space: " ms" of " ms late"; 0: there is none. */
static size_t unit_len(const char *text) {
  static const char *const units[] = {"%", "ns", "µs", "ms", "s", "/s"};
  size_t len = *text == ' ' ? strcspn(text + 1, " \n,.;:)") : 0;
  for (size_t i = 0; len && i < sizeof units / sizeof *units; i++)
    if (strlen(units[i]) == len && strncmp(text + 1, units[i], len) == 0) return 1 + strcspn(text + 1, " \n");
  return 0;
}

/* Characters of the word at `text`, up to the next space, and a unit that belongs to it. */
static int word_width(const char *text, size_t *len_bytes) {
  size_t len = strcspn(text, " \n");
  if (len > 0 && text[len - 1] >= '0' && text[len - 1] <= '9') len += unit_len(text + len);
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

/* ---- tables ---- */

/* In `cells`: a cell is its colour, COLOURED, its text and CELL_END. A text holds no control character. */
enum { COLOURED = '\1', CELL_END = '\2', LINE_END = '\n', CELL_BYTES = 256 };

void pgr__table_init(pgr__table *t, const char *alignment) {
  assert(strlen(alignment) <= PGR__TABLE_COLUMNS);
  *t = (pgr__table){.alignment = alignment};
  pgr_buf_init(&t->cells, 0);
}

void pgr__table_add(pgr__table *t, const char *text, const char *colour) {
  char fit[CELL_BYTES];
  pgr_utf8_copy(fit, sizeof fit, text);
  pgr_buf_addf(&t->cells, "%s%c%s%c", colour ? colour : "", COLOURED, fit, CELL_END);
}

void pgr__table_end_line(pgr__table *t) {
  pgr_buf_addf(&t->cells, "%c", LINE_END);
}

/* A cell taken apart. */
typedef struct piece {
  char colour[16], text[CELL_BYTES];
  bool last; /* of its line */
} piece;

static const char *next_piece(const char *p, piece *out) {
  size_t colour = strcspn(p, (char[]){COLOURED, 0});
  memcpy(out->colour, p, colour);
  out->colour[colour] = '\0';
  p += colour + 1;
  size_t text = strcspn(p, (char[]){CELL_END, 0});
  memcpy(out->text, p, text);
  out->text[text] = '\0';
  p += text + 1;
  out->last = *p == LINE_END;
  return p + out->last;
}

/* 0: nothing but a heading, or spared. */
static void measure_columns(const pgr__table *t, int widths[PGR__TABLE_COLUMNS]) {
  bool used[PGR__TABLE_COLUMNS] = {false};
  int column = 0, line = 0, all = 0;
  piece cell;
  memset(widths, 0, PGR__TABLE_COLUMNS * sizeof *widths);
  for (const char *p = pgr_buf_text(&t->cells); *p;) {
    p = next_piece(p, &cell);
    int width = pgr__width(cell.text);
    if (width > widths[column]) widths[column] = width;
    used[column] |= line > 0 && width > 0;
    column = cell.last ? 0 : column + 1;
    line += cell.last;
  }
  for (int i = 0; i < PGR__TABLE_COLUMNS; i++) {
    if (!used[i]) widths[i] = 0;
    all += widths[i] ? widths[i] + 2 : 0;
  }
  for (int i = (int)strlen(t->alignment) - 1; i >= 0 && all > PGR__COLUMNS; i--) {
    if (t->alignment[i] != 'R' && t->alignment[i] != 'L') continue;
    all -= widths[i] ? widths[i] + 2 : 0;
    widths[i] = 0;
  }
}

void pgr__table_take(pgr__table *t, pgr_buf *out) {
  int widths[PGR__TABLE_COLUMNS], column = 0, owed = 0;
  piece cell;
  out->failed |= t->cells.failed;
  measure_columns(t, widths);
  for (const char *p = pgr_buf_text(&t->cells); *p && !out->failed;) {
    p = next_piece(p, &cell);
    int padding = pgr__padding(cell.text, widths[column]);
    bool right = t->alignment[column] == 'r' || t->alignment[column] == 'R';
    if (widths[column]) {
      owed += 2 + (right ? padding : 0);
      if (*cell.text) pgr_buf_addf(out, "%*s%s%s%s", owed, "", cell.colour, cell.text, *cell.colour ? PGR__PLAIN : "");
      owed = (*cell.text ? 0 : owed) + (right ? 0 : padding);
    }
    column++;
    if (!cell.last) continue;
    pgr_buf_adds(out, "\n");
    column = owed = 0;
  }
  pgr_buf_deinit(&t->cells);
}
