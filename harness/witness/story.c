/* A witness as a story: a column an agent, a line after the other, time downwards. A statement that waits is told where
 * it was sent, and its result where it came: at the step that released it.
 *
 * First the lines are made (entries), then the columns are laid out to fit them, then they are printed. Nothing reaches
 * the terminal but through pgr_line_fit. */
#include "pgr_lines.h"
#include "pgr_witness.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum {
  COLUMNS_MIN = 80,
  COLUMNS_MAX = 1000,
  GAP = 3,    /* between two agents' columns */
  INDENT = 2, /* of the second line of a statement */
  BEFORE_ANSWER = 2,
  COLUMN_MIN = 22,    /* where an agent would have less, statements run into the columns to the right */
  LAST_COLUMN = 40,   /* what the last agent has then */
  ENTRIES_A_STEP = 6, /* statement, answer, yield point, release, outcome, break */
  LINES_MAX = 12,     /* of one statement; the middle of a longer one is left out */
  LINES_KEPT_AT_END = 4
};

#define DIM "\033[2m"
#define BROKEN "\033[1;31m"
#define PLAIN "\033[0m"

typedef enum line_style { STYLE_PLAIN, STYLE_DIM, STYLE_BROKEN } line_style;

/* One line, before it is broken into as many as its column needs. */
typedef struct entry {
  int agent;          /* from 0 */
  int number;         /* of the step; 0: none */
  const char *text;   /* at the column's left */
  const char *answer; /* at its right; "" for none */
  line_style style;
  bool names_agent; /* where columns overlap */
} entry;

typedef struct teller {
  const pgr_witness *w;
  pgr_buf *out;
  bool colour;
  pgr_arena arena; /* of what is shown */
  entry *entries;
  int count;
  bool failed; /* no memory */
  int columns, margin;
  int start[PGR_WITNESS_AGENTS_MAX], width[PGR_WITNESS_AGENTS_MAX];
  bool overlaps;
} teller;

/* ---- what is told ---- */

static const char *show(teller *t, const char *text) {
  const char *shown = pgr_line_fit(&t->arena, text);
  if (!shown) t->failed = true;
  return shown ? shown : "";
}

/* The two with a blank between them. */
static const char *join(teller *t, const char *a, const char *b) {
  const char *joined = pgr_arena_printf(&t->arena, "%s %s", a, b);
  return show(t, joined ? joined : (t->failed = true, ""));
}

/* Names of the errors that races end in, for those who do not know the codes. Source: PostgreSQL, errcodes.txt. */
static const char *explain(const char *result) {
  static const struct {
    const char *result, *words;
  } known[] = {{"ERROR 23503", "foreign key violation"},
               {"ERROR 23505", "unique violation"},
               {"ERROR 23514", "check violation"},
               {"ERROR 23P01", "exclusion violation"},
               {"ERROR 25P02", "transaction is aborted"},
               {"ERROR 40001", "serialization failure"},
               {"ERROR 40P01", "deadlock"},
               {"ERROR 55P03", "lock not available"},
               {"ERROR 57014", "cancelled"}};
  for (size_t i = 0; i < sizeof known / sizeof *known; i++)
    if (strcmp(result, known[i].result) == 0) return known[i].words;
  return "";
}

static const char *answer_of(teller *t, const pgr_witness_step *s) {
  const char *words = explain(s->result);
  return *words ? join(t, s->result, words) : show(t, s->result);
}

static entry *add(teller *t, int agent, const char *text, const char *answer) {
  assert(t->count < ENTRIES_A_STEP * t->w->step_count);
  entry *e = &t->entries[t->count++];
  *e = (entry){.agent = agent, .text = text, .answer = answer};
  return e;
}

static bool comes_later(const pgr_witness *w, int step) {
  int by = w->steps[step].released_by;
  return by > step && by < w->step_count;
}

static bool begins_or_ends(const char *sql) {
  static const char *const words[] = {"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"};
  size_t len = strcspn(sql, " ;");
  for (size_t i = 0; i < sizeof words / sizeof *words; i++)
    if (strlen(words[i]) == len && strncasecmp(sql, words[i], len) == 0) return true;
  return false;
}

static void tell_ending(teller *t, const pgr_witness_step *s) {
  char again[40];
  snprintf(again, sizeof again, "again: try %lld", (long long)s->attempt + 1);
  if (strcmp(s->outcome, "retried") == 0)
    add(t, s->agent - 1, join(t, s->operation, again), "");
  else if (*s->outcome)
    add(t, s->agent - 1, join(t, s->operation, s->outcome), "");
  if (s->breaks) add(t, s->agent - 1, join(t, "✗", t->w->rule), "")->style = STYLE_BROKEN;
}

static void tell_step(teller *t, int i) {
  const pgr_witness_step *s = &t->w->steps[i];
  bool later = comes_later(t->w, i);
  const char *sql = show(t, *s->sql ? s->sql : s->text);
  const char *answer = later ? "" : answer_of(t, s);
  assert(s->agent >= 1 && s->agent <= t->w->agents);
  entry *e = add(t, s->agent - 1, s->goes_on ? "… goes on" : sql, s->waits ? "… waits" : answer);
  if (!*e->text) e->text = "…"; /* the number must not be lost */
  e->number = i + 1;
  e->names_agent = true;
  if (begins_or_ends(sql)) e->style = STYLE_DIM;
  if (s->waits && *answer) add(t, s->agent - 1, "", answer);
  if (s->yields) add(t, s->agent - 1, "… has read, has not written", "");
  if (!later) tell_ending(t, s);
  for (int k = 0; k < i; k++) {
    const pgr_witness_step *released = &t->w->steps[k];
    if (!comes_later(t->w, k) || released->released_by != i) continue;
    add(t, released->agent - 1, "(released)", answer_of(t, released))->names_agent = true;
    tell_ending(t, released);
  }
}

/* ---- the columns ---- */

static int width_of_entry(const entry *e) {
  int text = pgr_line_width(e->text, strlen(e->text)), answer = pgr_line_width(e->answer, strlen(e->answer));
  return text + answer + (text && answer ? BEFORE_ANSWER : 0);
}

/* An agent that needs less than its share has what it needs; the others share the rest. */
static void share(teller *t, const int *needs) {
  int agents = t->w->agents, left = agents, room = t->columns - t->margin - GAP * (agents - 1);
  bool settled[PGR_WITNESS_AGENTS_MAX] = {0};
  for (bool found = true; found && left > 0;) {
    int fair = room / left;
    found = false;
    for (int a = 0; a < agents; a++) {
      if (settled[a] || needs[a] > fair) continue;
      t->width[a] = needs[a];
      settled[a] = found = true;
      room -= needs[a];
      left--;
    }
  }
  for (int a = 0; a < agents; a++)
    if (!settled[a]) t->width[a] = room / left;
}

static void lay_out(teller *t) {
  int needs[PGR_WITNESS_AGENTS_MAX], agents = t->w->agents;
  for (int a = 0; a < agents; a++)
    needs[a] = (int)strlen("agent 1");
  for (int i = 0; i < t->count; i++) {
    int a = t->entries[i].agent, width = width_of_entry(&t->entries[i]);
    if (width > needs[a]) needs[a] = width;
  }
  share(t, needs);
  for (int a = 0, at = t->margin; a < agents; at += t->width[a++] + GAP) {
    t->start[a] = at;
    t->overlaps |= t->width[a] < needs[a] && t->width[a] < COLUMN_MIN;
  }
  if (!t->overlaps || agents < 2) return;
  for (int a = 0; a < agents; a++) {
    t->start[a] = t->margin + a * (t->columns - t->margin - LAST_COLUMN) / (agents - 1);
    t->width[a] = t->columns - t->start[a];
  }
}

/* ---- printing ---- */

static void add_blanks(pgr_buf *out, int count) {
  if (count > 0) pgr_buf_addf(out, "%*s", count, "");
}

static void add_number(teller *t, int number, int column) {
  char text[16] = "";
  if (number) snprintf(text, sizeof text, "%*d", t->margin - 2, number);
  pgr_buf_adds(t->out, text);
  add_blanks(t->out, column - (int)strlen(text));
}

static void print_line(teller *t, int number, int column, line_style style, const char *text, size_t len) {
  const char *const begin[] = {[STYLE_PLAIN] = "", [STYLE_DIM] = DIM, [STYLE_BROKEN] = BROKEN};
  bool styled = t->colour && style != STYLE_PLAIN && len > 0;
  add_number(t, number, column);
  if (styled) pgr_buf_adds(t->out, begin[style]);
  pgr_buf_add(t->out, text, len);
  if (styled) pgr_buf_adds(t->out, PLAIN);
}

static const char *skip_blanks(const char *text) {
  while (*text == ' ')
    text++;
  return text;
}

/* Bytes of `text` on a line that is `width` wide. Where it is the last and has no room for the answer beside it, it is
 * broken once more, if that tears nothing. */
static size_t next_line(const char *text, int width, int answer) {
  size_t len = pgr_line_end(text, width, true);
  int beside = width - BEFORE_ANSWER - answer;
  if (text[len] || !answer || beside < 1 || pgr_line_width(text, len) <= beside) return len;
  size_t less = pgr_line_end(text, beside, true);
  return pgr_line_ends_well(text, less) ? less : len;
}

static int count_lines(const char *text, int width, int answer) {
  int lines = 0;
  for (; *text; lines++)
    text = skip_blanks(text + next_line(text, lines ? width - INDENT : width, answer));
  return lines;
}

/* Leaves the last line open. answer: the width of what is to stand beside it. Returns how wide the last line is, its
 * indent included. */
static int print_text(teller *t, const entry *e, const char *text, int column, int width, int answer) {
  int lines = count_lines(text, width, answer), shown = 0;
  int first_out = LINES_MAX - LINES_KEPT_AT_END - 1, last_out = lines - LINES_KEPT_AT_END - 1;
  for (int i = 0; *text; i++) {
    int indent = i ? INDENT : 0;
    size_t len = next_line(text, width - indent, answer);
    bool left_out = lines > LINES_MAX && i >= first_out && i <= last_out;
    if (i > 0 && (!left_out || i == first_out)) pgr_buf_adds(t->out, "\n");
    if (left_out && i == first_out) print_line(t, 0, column + indent, e->style, "…", strlen("…"));
    if (!left_out) print_line(t, i ? 0 : e->number, column + indent, e->style, text, len);
    shown = indent + pgr_line_width(text, len);
    text = skip_blanks(text + len);
  }
  return shown;
}

/* The answer ends at the column's right edge: on the last line of the text, or below it. */
static void print_entry(teller *t, const entry *e) {
  int column = t->start[e->agent], width = t->width[e->agent];
  const char *text = e->text, *answer = e->answer;
  if (t->overlaps && e->names_agent) {
    text = pgr_arena_printf(&t->arena, "%d: %s", e->agent + 1, text);
    if (!text) t->failed = true;
  }
  if (t->failed) return;
  int answer_width = pgr_line_width(answer, strlen(answer));
  int shown = print_text(t, e, text, column, width, answer_width);
  if (*answer && shown && shown + BEFORE_ANSWER + answer_width > width) {
    pgr_buf_adds(t->out, "\n");
    shown = 0;
  }
  if (answer_width > width) {
    entry whole = {.style = STYLE_PLAIN};
    print_text(t, &whole, answer, column, width, 0);
  } else if (*answer) {
    add_blanks(t->out, (shown ? 0 : column) + width - shown - answer_width);
    pgr_buf_adds(t->out, answer);
  }
  pgr_buf_adds(t->out, "\n");
}

static void print_heading(teller *t) {
  if (t->overlaps) {
    add_blanks(t->out, t->margin);
    pgr_buf_addf(t->out, "agents 1 to %d, from left to right\n", t->w->agents);
    return;
  }
  for (int a = 0, at = 0; a < t->w->agents; a++) {
    add_blanks(t->out, t->start[a] - at);
    pgr_buf_addf(t->out, "agent %d", a + 1);
    at = t->start[a] + (int)strlen("agent 1");
  }
  pgr_buf_adds(t->out, "\n");
}

void pgr_witness_story(const pgr_witness *w, int columns, bool colour, pgr_buf *out) {
  teller t = {.w = w, .out = out, .colour = colour, .margin = 3 + 2};
  t.columns = columns < COLUMNS_MIN ? COLUMNS_MIN : columns > COLUMNS_MAX ? COLUMNS_MAX : columns;
  if (w->step_count > 999) t.margin++;
  assert(w->agents >= 1 && w->agents <= PGR_WITNESS_AGENTS_MAX);
  t.entries = pgr_arena_alloc(&t.arena, (size_t)(ENTRIES_A_STEP * w->step_count) * sizeof *t.entries);
  t.failed = !t.entries;
  for (int i = 0; i < w->step_count; i++)
    if (!t.failed) tell_step(&t, i);
  if (!t.failed) {
    lay_out(&t);
    print_heading(&t);
    for (int i = 0; i < t.count; i++)
      print_entry(&t, &t.entries[i]);
  }
  out->failed |= t.failed;
  pgr_arena_deinit(&t.arena);
}
