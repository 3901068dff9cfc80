/* A rule in words, as it is declared, and as a table. */
#include "rule_internal.h"

#include "pgr_names.h"
#include <string.h>
#include <strings.h>

void pgr_state_words(pgr_state state, pgr_buf *out) {
  switch (state.side.kind) {
  case PGR_SIDE_NULL: pgr_buf_adds(out, "NULL"); return;
  case PGR_SIDE_ANY: pgr_buf_adds(out, state.other == 2 ? "another value" : "a value"); return;
  case PGR_SIDE_VALUE: pgr_sql_literal(state.side.value, out); return;
  }
}

/* "NULL", "any value", "'open'" */
static void side_words(pgr_side side, const char *any, pgr_buf *out) {
  if (side.kind == PGR_SIDE_ANY)
    pgr_buf_adds(out, any);
  else
    pgr_state_words((pgr_state){.side = side}, out);
}

/* Between items of a list: ", " or, before the last one, " and ". */
static void separate(int i, int count, const char *last, pgr_buf *out) {
  if (i > 0) pgr_buf_adds(out, i + 1 == count ? last : ", ");
}

static void changes_words(const pgr_rule_column *column, pgr_buf *out) {
  for (int i = 0; i < column->change_count; i++) {
    pgr_side from = column->changes[i].from, to = column->changes[i].to;
    separate(i, column->change_count, " and ", out);
    pgr_buf_adds(out, "from ");
    side_words(from, "any value", out);
    pgr_buf_adds(out, " to ");
    side_words(to, from.kind == PGR_SIDE_ANY ? "another" : "any value", out);
  }
}

static void write_column_name(const pgr_rule *rule, const pgr_rule_column *column, pgr_buf *out) {
  pgr__write_table(rule, out);
  pgr_buf_adds(out, ".");
  pgr_sql_name(column->name, out);
}

void pgr__change_words(const pgr_rule *rule, const pgr_rule_column *column, pgr_buf *out) {
  write_column_name(rule, column, out);
  if (column->change_count == 0) {
    pgr_buf_adds(out, " never changes");
  } else if (!pgr__refuses_changes(column)) {
    pgr_buf_adds(out, " may change in any way");
  } else {
    pgr_buf_adds(out, " may go ");
    changes_words(column, out);
    pgr_buf_adds(out, column->same ? ", and may be set to what it is" : ", and must change when it is set");
  }
}

static void begins_words(const pgr_rule_column *column, pgr_buf *out) {
  for (int i = 0; i < column->begin_count; i++) {
    separate(i, column->begin_count, " or ", out);
    side_words(column->begins[i], "any value", out);
  }
}

void pgr__begin_words(const pgr_rule *rule, const pgr_rule_column *column, pgr_buf *out) {
  write_column_name(rule, column, out);
  pgr_buf_adds(out, " begins with ");
  begins_words(column, out);
}

void pgr_rule_words(const pgr_rule *rule, pgr_buf *out) {
  for (int i = 0; i < rule->column_count; i++) {
    const pgr_rule_column *column = &rule->columns[i];
    if (i > 0) pgr_buf_adds(out, " ");
    pgr__change_words(rule, column, out);
    if (column->begins_ruled) {
      pgr_buf_adds(out, "; new rows begin with ");
      begins_words(column, out);
    }
    pgr_buf_adds(out, ".");
  }
}

/* ---- as declared ---- */

static bool plain_word(const char *value) {
  static const char *const reserved[] = {"null", "any", "same"};
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++)
    if (strcasecmp(value, reserved[i]) == 0) return false;
  if (!*value || strstr(value, "->") || value[strlen(value) - 1] == '-') return false;
  return strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.+-") == strlen(value);
}

static void write_side(pgr_side side, pgr_buf *out) {
  if (side.kind != PGR_SIDE_VALUE) {
    pgr_buf_adds(out, side.kind == PGR_SIDE_NULL ? "null" : "any");
  } else if (plain_word(side.value)) {
    pgr_buf_adds(out, side.value);
  } else {
    pgr_buf_adds(out, "'");
    for (const char *s = side.value; *s; s++) {
      if (*s == '\'') pgr_buf_adds(out, "'");
      pgr_buf_add(out, s, 1);
    }
    pgr_buf_adds(out, "'");
  }
}

/* Changes that follow one another by a value are a chain; by null or any they are not, which is how people write
 * "null->any, any->null". */
void pgr_rule_write_allow(const pgr_rule_column *column, pgr_buf *out) {
  for (int i = 0; i < column->change_count; i++) {
    const pgr_change *change = &column->changes[i];
    if (i == 0 || change->from.kind != PGR_SIDE_VALUE || !pgr__side_equal(change->from, change[-1].to)) {
      if (i > 0) pgr_buf_adds(out, ", ");
      write_side(change->from, out);
    }
    pgr_buf_adds(out, "->");
    write_side(change->to, out);
  }
  if (column->same) pgr_buf_adds(out, column->change_count ? ", same" : "same");
}

void pgr_rule_write_begin(const pgr_rule_column *column, pgr_buf *out) {
  for (int i = 0; i < column->begin_count; i++) {
    if (i > 0) pgr_buf_adds(out, ", ");
    write_side(column->begins[i], out);
  }
}

/* ---- the table ---- */

/* In a cell of Markdown: nothing of a value is markup, or ends the cell. */
static void cell_words(pgr_state state, pgr_buf *out) {
  pgr_buf words;
  pgr_buf_init(&words, 0);
  pgr_state_words(state, &words);
  for (const char *s = pgr_buf_text(&words); *s; s++) {
    if (strchr("\\`*_{}[]<>#|~&", *s)) pgr_buf_adds(out, "\\");
    pgr_buf_add(out, (unsigned char)*s < 0x20 ? " " : s, 1);
  }
  pgr__piece_end(&words, out);
}

void pgr_rule_write_matrix(const pgr_rule_column *column, pgr_buf *out) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(column, states);
  pgr_buf_adds(out, "| from, to |");
  for (int to = 0; to < count; to++) {
    pgr_buf_adds(out, " ");
    cell_words(states[to], out);
    pgr_buf_adds(out, " |");
  }
  pgr_buf_adds(out, "\n|---|");
  for (int to = 0; to < count; to++)
    pgr_buf_adds(out, "---|");
  if (column->begins_ruled) {
    pgr_buf_adds(out, "\n| a new row |");
    for (int to = 0; to < count; to++)
      pgr_buf_adds(out, pgr_rule_allows_begin(column, states[to]) ? " yes |" : " no |");
  }
  for (int from = 0; from < count; from++) {
    pgr_buf_adds(out, "\n| ");
    cell_words(states[from], out);
    pgr_buf_adds(out, " |");
    for (int to = 0; to < count; to++)
      pgr_buf_adds(out, pgr_rule_allows(column, states[from], states[to]) ? " yes |" : " no |");
  }
  pgr_buf_adds(out, "\n");
}
