/* As pgr_witness_story looks, but a line at a time: what comes next is not known yet, so the columns are halves. */
#include "demo_columns.h"

#include "pgr_buf.h"
#include "pgr_cast.h"
#include "pgr_lines.h"
#include "pgr_moment.h"
#include "pgr_utf8.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
  WIDTH_MIN = 80,
  WIDTH_MAX = 132,
  MARGIN = 5,  /* a statement's number and two blanks */
  GAP = 3,     /* between the columns */
  HEADING = 3, /* before a heading's words */
  INDENT = 2,  /* of the second line of a statement */
  BEFORE_ANSWER = 2,
  BUBBLE_SHIFT = 12, /* of an agent's, to the right */
  BUBBLE_MAX = 44,   /* text in it */
  LINE_BYTES = 1024
};

#define PLAIN "\033[0m"

static const char *begin(pgr_demo_style style) {
  switch (style) {
  case PGR_DEMO_PLAIN: break;
  case PGR_DEMO_DIM: return "\033[2m";
  case PGR_DEMO_BOLD: return "\033[1m";
  case PGR_DEMO_GOOD: return "\033[32m";
  case PGR_DEMO_ERROR: return "\033[31m";
  case PGR_DEMO_BROKEN: return "\033[1;31m";
  case PGR_DEMO_ADA: return "\033[1;36m";
  case PGR_DEMO_BEN: return "\033[1;35m";
  }
  return "";
}

/* ---- texts in columns ---- */

static const char *skip_blank(const char *text) {
  return *text == ' ' ? text + 1 : text;
}

static void put(pgr_demo_columns *c, const pgr_buf *line) {
  if (c->error) return;
  if (line->failed) {
    c->error = ENOMEM;
    return;
  }
  errno = 0;
  bool ok = fwrite(pgr_buf_text(line), 1, line->len, stdout) == line->len && fflush(stdout) == 0;
  if (!ok) c->error = errno ? errno : EIO;
}

static void add_blanks(pgr_buf *b, int count) {
  if (count > 0) pgr_buf_addf(b, "%*s", count, "");
}

static void add_styled(const pgr_demo_columns *c, pgr_buf *b, pgr_demo_style style, const char *text, size_t len) {
  bool styled = c->colour && style != PGR_DEMO_PLAIN && len > 0;
  if (styled) pgr_buf_adds(b, begin(style));
  pgr_buf_add(b, text, len);
  if (styled) pgr_buf_adds(b, PLAIN);
}

/* ---- what is printed ---- */

void pgr_demo_columns_open(pgr_demo_columns *c) {
  struct winsize size;
  *c = (pgr_demo_columns){.width = WIDTH_MIN, .terminal = isatty(STDOUT_FILENO)};
  if (c->terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > WIDTH_MIN)
    c->width = size.ws_col < WIDTH_MAX ? size.ws_col : WIDTH_MAX;
  c->colour = c->terminal && !getenv("NO_COLOR");
  c->column = (c->width - MARGIN - GAP) / PGR_SEATS;
}

void pgr_demo_columns_blank(pgr_demo_columns *c) {
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_buf_adds(&b, "\n");
  put(c, &b);
  pgr_buf_deinit(&b);
}

void pgr_demo_columns_heading(pgr_demo_columns *c, const char *name, const char *words) {
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_buf_adds(&b, "── ");
  add_styled(c, &b, PGR_DEMO_BOLD, name, strlen(name));
  pgr_buf_adds(&b, ": ");
  int used = HEADING + pgr_line_width(name, strlen(name)) + 2;
  for (;;) {
    size_t len = pgr_line_end(words, c->width - used, false);
    pgr_buf_add(&b, words, len);
    used += pgr_line_width(words, len) + 1;
    words = skip_blank(words + len);
    if (!*words) break;
    pgr_buf_addf(&b, "\n%*s", HEADING, "");
    used = HEADING;
  }
  for (int at = used; at < c->width; at++)
    pgr_buf_adds(&b, at == used ? " ─" : "─");
  pgr_buf_adds(&b, "\n");
  put(c, &b);
  pgr_buf_deinit(&b);
}

static int start_of(const pgr_demo_columns *c, uint32_t agent) {
  return MARGIN + (int)(agent - 1) * (c->column + GAP);
}

void pgr_demo_columns_seats(pgr_demo_columns *c) {
  pgr_buf b;
  int at = 0;
  pgr_buf_init(&b, 0);
  for (uint32_t agent = 1; agent <= PGR_SEATS; agent++) {
    char name[PGR_CAST_NAME_BYTES];
    pgr_cast_agent(agent, name);
    add_blanks(&b, start_of(c, agent) - at);
    add_styled(c, &b, (pgr_demo_style)(PGR_DEMO_ADA + agent - 1), name, strlen(name));
    at = start_of(c, agent) + (int)strlen(name);
  }
  pgr_buf_adds(&b, "\n");
  put(c, &b);
  pgr_buf_deinit(&b);
}

static void add_number(const pgr_demo_columns *c, pgr_buf *b, int number, int column) {
  char text[16] = "";
  if (number) snprintf(text, sizeof text, "%*d", MARGIN - 2, number);
  add_styled(c, b, PGR_DEMO_DIM, text, strlen(text));
  add_blanks(b, column - (int)strlen(text));
}

/* The answer ends at the column's right edge: on the last line of the text, or below it where that has no room. */
void pgr_demo_columns_line(pgr_demo_columns *c, uint32_t agent, int number, const char *text, const char *answer,
                           pgr_demo_style style) {
  char clean[LINE_BYTES];
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_utf8_copy(clean, sizeof clean, text);
  int start = start_of(c, agent), used = 0, beside = pgr_line_width(answer, strlen(answer));
  const char *rest = clean;
  for (int i = 0; *rest; i++) {
    int indent = i ? INDENT : 0, room = c->column - indent;
    size_t len = pgr_line_end(rest, room, number > 0);
    int less = room - BEFORE_ANSWER - beside;
    if (!rest[len] && beside && less > 0 && pgr_line_width(rest, len) > less) {
      size_t shorter = pgr_line_end(rest, less, number > 0);
      if (pgr_line_ends_well(rest, shorter)) len = shorter;
    }
    if (i) pgr_buf_adds(&b, "\n");
    add_number(c, &b, i ? 0 : number, start + indent);
    add_styled(c, &b, style, rest, len);
    used = indent + pgr_line_width(rest, len);
    rest = skip_blank(rest + len);
  }
  if (*answer && used && used + BEFORE_ANSWER + beside > c->column) {
    pgr_buf_adds(&b, "\n");
    used = 0;
  }
  if (*answer) {
    add_blanks(&b, (used ? 0 : start) + c->column - used - beside);
    bool error = strncmp(answer, "ERROR", strlen("ERROR")) == 0;
    add_styled(c, &b, error ? PGR_DEMO_ERROR : PGR_DEMO_BOLD, answer, strlen(answer));
  }
  pgr_buf_adds(&b, "\n");
  put(c, &b);
  pgr_buf_deinit(&b);
}

void pgr_demo_columns_words(pgr_demo_columns *c, const char *mark, const char *words, pgr_demo_style style) {
  char clean[LINE_BYTES];
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_utf8_copy(clean, sizeof clean, words);
  const char *rest = clean;
  for (int i = 0; *rest; i++) {
    size_t len = pgr_line_end(rest, c->width - MARGIN - 1, false);
    int lead = i ? 0 : pgr_line_width(mark, strlen(mark));
    add_blanks(&b, MARGIN - (lead ? lead + 1 : 0));
    if (lead) pgr_buf_addf(&b, "%s ", mark);
    add_styled(c, &b, style, rest, len);
    pgr_buf_adds(&b, "\n");
    rest = skip_blank(rest + len);
  }
  put(c, &b);
  pgr_buf_deinit(&b);
}

static void add_edge(pgr_buf *b, int at, int width, const char *left, const char *right) {
  add_blanks(b, at);
  pgr_buf_adds(b, left);
  for (int i = 0; i < width + 2; i++)
    pgr_buf_adds(b, "─");
  pgr_buf_adds(b, right);
}

/* A text of the cast's is one line of it. */
void pgr_demo_columns_bubble(pgr_demo_columns *c, uint32_t agent, const char *text) {
  char name[PGR_CAST_NAME_BYTES] = "", clean[LINE_BYTES];
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_utf8_copy(clean, sizeof clean, text);
  size_t len = pgr_utf8_offset(clean, BUBBLE_MAX);
  int at = MARGIN + (agent ? BUBBLE_SHIFT : 0), width = pgr_line_width(clean, len);
  add_edge(&b, at, width, "╭", "╮\n");
  add_blanks(&b, at);
  pgr_buf_adds(&b, "│ ");
  pgr_buf_add(&b, clean, len);
  pgr_buf_adds(&b, " │");
  if (agent) {
    pgr_cast_agent(agent, name);
    pgr_buf_adds(&b, " ");
    add_styled(c, &b, (pgr_demo_style)(PGR_DEMO_ADA + agent - 1), name, strlen(name));
  }
  pgr_buf_adds(&b, "\n");
  add_edge(&b, at, width, "╰", "╯\n");
  put(c, &b);
  pgr_buf_deinit(&b);
}
