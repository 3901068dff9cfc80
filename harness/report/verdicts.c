/* The verdicts: a line a strategy, or a matrix of strategies and isolation levels when some strategy ran at several. */
#include "report_internal.h"

#include "pgr_units.h"
#include <limits.h>
#include <string.h>

enum { MATRIX_COLUMN = 18, MATRIX_COLUMN_SHORT = 15 /* beside a column of gaps */, GAP_COLUMN = 7 };

bool pgr__was_raced(const pgr_cell *c) {
  return c->evidence.ran && !c->evidence.explored;
}

bool pgr__is_matrix(const pgr_result *r) {
  for (size_t i = 1; i < r->cell_count; i++)
    if (r->cells[i].strategy == r->cells[i - 1].strategy && r->cells[i].isolation != r->cells[i - 1].isolation)
      return true;
  return false;
}

bool pgr__sweeps_gaps(const pgr_result *r) {
  return r->settings.gap_count > 1;
}

bool pgr__mixes_levels(const pgr_result *r) {
  for (size_t i = 1; i < r->cell_count; i++)
    if (r->cells[i].isolation != r->cells[0].isolation) return true;
  return false;
}

/* As its user wrote it, or nearly: "1 ms", not "1.00 ms". Returns out. */
static const char *gap_text(char out[PGR_TEXT_BYTES], int64_t ns) {
  pgr_format_duration(out, ns);
  if (ns == 0) out[1] = '\0';
  char *point = strchr(out, '.'), *unit = strchr(out, ' '), *end = unit;
  if (!point || !unit) return out;
  while (end[-1] == '0')
    end--;
  if (end - 1 == point) end--;
  memmove(end, unit, strlen(unit) + 1);
  return out;
}

static void add_gap(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  if (pgr__sweeps_gaps(r)) pgr_buf_addf(out, ", gap %s", gap_text(text, c->gap_ns));
}

void pgr__add_cell_name(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  pgr_buf_adds(out, c->strategy->name);
  if (pgr__mixes_levels(r)) pgr_buf_addf(out, " at %s", pgr_isolation_name(c->isolation));
  add_gap(r, c, out);
}

void pgr__add_row_name(const pgr_result *r, const pgr_cell *c, pgr_buf *out) {
  pgr_buf_adds(out, c->strategy->name);
  add_gap(r, c, out);
}

int pgr__row_name_width(const pgr_result *r) {
  int widest = pgr__name_width(r);
  for (size_t i = 0; i < r->cell_count; i++) {
    pgr_buf name;
    pgr_buf_init(&name, 0);
    pgr__add_row_name(r, &r->cells[i], &name);
    if (pgr__width(pgr_buf_text(&name)) > widest) widest = pgr__width(pgr_buf_text(&name));
    pgr_buf_deinit(&name);
  }
  return widest;
}

const char *pgr__verdict_words(const pgr_cell *c) {
  switch (c->judgement.verdict) {
  case PGR_VERDICT_RACE: return "race";
  case PGR_VERDICT_SAFE: return "safe";
  case PGR_VERDICT_NONE_SEEN: return "none seen";
  case PGR_VERDICT_INCONCLUSIVE: return "inconclusive";
  case PGR_VERDICT_ERROR: return "error";
  }
  return "";
}

bool pgr__contradicts(const pgr_cell *c) {
  return !c->judgement.as_expected && c->evidence.expect != PGR_EXPECT_NOTHING &&
         c->judgement.verdict != PGR_VERDICT_INCONCLUSIVE;
}

static const char *verdict_colour(const pgr_cell *c) {
  if (c->judgement.verdict == PGR_VERDICT_INCONCLUSIVE) return PGR__YELLOW;
  return c->judgement.as_expected ? PGR__GREEN : PGR__RED;
}

static double share_of(const pgr_cell *c) {
  uint64_t contested = c->evidence.contested ? c->evidence.contested : 1;
  return (double)c->evidence.duplicates / (double)contested;
}

/* "99.4 % (98.9–99.7)", or a bound when nothing was seen. */
static void add_share(const pgr_cell *c, bool with_interval, pgr_buf *out) {
  if (c->evidence.explored) {
    pgr_buf_adds(out, "schedules");
    return;
  }
  if (c->evidence.duplicates == 0) {
    pgr_buf_adds(out, "≤ ");
    pgr__add_percent(out, c->upper_bound, PGR__UP);
    pgr_buf_adds(out, " %");
    return;
  }
  pgr__add_percent(out, share_of(c), PGR__NEAREST);
  pgr_buf_adds(out, " %");
  if (!with_interval) return;
  pgr_buf_adds(out, " (");
  pgr__add_percent(out, c->share.low, PGR__DOWN);
  pgr_buf_adds(out, "–");
  pgr__add_percent(out, c->share.high, PGR__UP);
  pgr_buf_adds(out, ")");
}

/* Appends and fills up to `width` characters. */
static void fill_column(pgr_buf *out, size_t from, int width) {
  pgr_buf_addf(out, "%*s", pgr__padding(pgr_buf_text(out) + from, width), "");
}

static int widest_share(const pgr_result *r, bool with_interval) {
  int widest = (int)strlen("share");
  for (size_t i = 0; i < r->cell_count; i++) {
    pgr_buf text;
    if (!r->cells[i].evidence.ran) continue;
    pgr_buf_init(&text, 256);
    add_share(&r->cells[i], with_interval, &text);
    if (pgr__width(pgr_buf_text(&text)) > widest) widest = pgr__width(pgr_buf_text(&text));
    pgr_buf_deinit(&text);
  }
  return widest;
}

/* What there is room for beside the names. Where levels are shown a mark says what is a phrase elsewhere. */
typedef struct list_columns {
  bool levels, gaps, rounds, interval;
  int share_width;
} list_columns;

static void add_list_line(const pgr_cell *c, const list_columns *columns, bool colour, pgr_buf *out) {
  if (columns->rounds) pgr__add_count(out, c->evidence.explored ? c->evidence.contested : (uint64_t)c->rounds, 8);
  pgr__add_count(out, c->evidence.duplicates, 8);
  pgr_buf_adds(out, "  ");
  size_t before = out->len;
  add_share(c, columns->interval, out);
  fill_column(out, before, columns->share_width);
  pgr_buf_addf(out, "  %s%s%s", colour ? verdict_colour(c) : "", pgr__verdict_words(c), colour ? PGR__PLAIN : "");
  if (columns->levels)
    pgr_buf_adds(out, pgr__contradicts(c) ? " !" : "");
  else if (c->evidence.expect != PGR_EXPECT_NOTHING && c->judgement.verdict != PGR_VERDICT_INCONCLUSIVE)
    pgr_buf_adds(out, c->judgement.as_expected ? ", as expected" : ", NOT expected");
  pgr_buf_adds(out, "\n");
}

static void add_gap_column(const pgr_cell *c, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  pgr_buf_adds(out, "  ");
  pgr__add_right(out, gap_text(text, c->gap_ns), GAP_COLUMN);
}

static void add_list(const pgr_result *r, bool colour, pgr_buf *out) {
  int names = pgr__name_width(r);
  list_columns columns = {.levels = pgr__mixes_levels(r), .gaps = pgr__sweeps_gaps(r)};
  bool marked = false;
  columns.rounds = !(columns.levels && columns.gaps);
  columns.interval = !columns.levels && !columns.gaps;
  columns.share_width = widest_share(r, columns.interval);
  pgr_buf_addf(out, "  %-*s%s%s%s  broken  %-*s  verdict\n", names, "strategy",
               columns.levels ? "  isolation      " : "", columns.gaps ? "      gap" : "",
               columns.rounds ? "  rounds" : "", columns.share_width, "share");
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    pgr_buf_addf(out, "  %-*s", names, c->strategy->name);
    if (columns.levels) pgr_buf_addf(out, "  %-15s", pgr_isolation_name(c->isolation));
    if (columns.gaps) add_gap_column(c, out);
    if (c->evidence.ran)
      add_list_line(c, &columns, colour, out);
    else
      pgr_buf_adds(out, "  not run\n");
    marked |= columns.levels && c->evidence.ran && pgr__contradicts(c);
  }
  if (marked) pgr_buf_adds(out, "\n  !: not what the scenario says\n");
}

/* The cell of the same strategy and gap at a level; NULL: there is none. */
static const pgr_cell *find_cell(const pgr_result *r, const pgr_cell *like, pgr_isolation level) {
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (c->strategy == like->strategy && c->gap_ns == like->gap_ns && c->isolation == level) return c;
  }
  return NULL;
}

static bool begins_matrix_line(const pgr_result *r, size_t cell) {
  for (size_t i = 0; i < cell; i++)
    if (r->cells[i].strategy == r->cells[cell].strategy && r->cells[i].gap_ns == r->cells[cell].gap_ns) return false;
  return true;
}

/* "RACE 99.4 %", "none ≤ 0.15 %"; with a mark when the scenario says otherwise. Filled up to `width` characters. */
static void add_matrix_cell(const pgr_cell *c, bool colour, int width, pgr_buf *out) {
  pgr_buf text;
  pgr_buf_init(&text, 256);
  if (!c) {
    pgr_buf_adds(&text, "–");
  } else if (!c->evidence.ran) {
    pgr_buf_adds(&text, "not run");
  } else if (c->evidence.explored) {
    bool race = c->judgement.verdict == PGR_VERDICT_RACE;
    int64_t tried = race && !c->proof.totals.exhausted ? c->proof.found_after : c->proof.totals.schedules;
    char count[PGR_TEXT_BYTES];
    pgr_buf_addf(&text, "%s", race ? "RACE" : pgr__verdict_words(c));
    if (race || c->judgement.verdict == PGR_VERDICT_SAFE) pgr_buf_addf(&text, " (%s)", pgr_format_count(count, tried));
  } else if (c->judgement.verdict == PGR_VERDICT_RACE) {
    pgr_buf_adds(&text, "RACE ");
    add_share(c, false, &text);
  } else if (c->judgement.verdict == PGR_VERDICT_NONE_SEEN) {
    pgr_buf_adds(&text, "none ");
    add_share(c, false, &text);
  } else {
    pgr_buf_adds(&text, pgr__verdict_words(c));
  }
  if (c && c->evidence.ran && pgr__contradicts(c)) pgr_buf_adds(&text, " !");
  bool coloured = colour && c && c->evidence.ran;
  pgr_buf_addf(out, "%s%s%s", coloured ? verdict_colour(c) : "", pgr_buf_text(&text), coloured ? PGR__PLAIN : "");
  pgr_buf_addf(out, "%*s", pgr__padding(pgr_buf_text(&text), width), "");
  pgr_buf_deinit(&text);
}

void pgr__add_proof_agents(const pgr_result *r, pgr_buf *out) {
  int fewest = INT_MAX, most = 0;
  for (size_t i = 0; i < r->cell_count; i++) {
    const pgr_cell *c = &r->cells[i];
    if (c->evidence.explored && c->proof.agents < fewest) fewest = c->proof.agents;
    if (c->evidence.explored && c->proof.agents > most) most = c->proof.agents;
  }
  if (fewest < most) pgr_buf_addf(out, "%d to ", fewest);
  pgr_buf_addf(out, "%d agent%s", most, most == 1 ? "" : "s");
}

static bool any_explored(const pgr_result *r) {
  for (size_t i = 0; i < r->cell_count; i++)
    if (r->cells[i].evidence.explored) return true;
  return false;
}

static bool any_sampled(const pgr_result *r) {
  for (size_t i = 0; i < r->cell_count; i++)
    if (pgr__was_raced(&r->cells[i])) return true;
  return false;
}

static void add_matrix(const pgr_result *r, bool colour, pgr_buf *out) {
  int names = pgr__name_width(r), last = 0;
  bool used[PGR_ISOLATION_COUNT] = {false}, gaps = pgr__sweeps_gaps(r);
  int width = gaps ? MATRIX_COLUMN_SHORT : MATRIX_COLUMN;
  for (size_t i = 0; i < r->cell_count; i++)
    used[r->cells[i].isolation] = true;
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    if (used[level]) last = level;
  pgr_buf_addf(out, "  %-*s%s", names, "strategy", gaps ? "      gap" : "");
  for (int level = 0; level <= last; level++)
    if (used[level]) pgr_buf_addf(out, "  %-*s", level == last ? 0 : width, pgr_isolation_name((pgr_isolation)level));
  pgr_buf_adds(out, "\n");
  for (size_t i = 0; i < r->cell_count; i++) {
    if (!begins_matrix_line(r, i)) continue;
    pgr_buf_addf(out, "  %-*s", names, r->cells[i].strategy->name);
    if (gaps) add_gap_column(&r->cells[i], out);
    for (int level = 0; level <= last; level++) {
      if (!used[level]) continue;
      pgr_buf_adds(out, "  ");
      add_matrix_cell(find_cell(r, &r->cells[i], (pgr_isolation)level), colour, level == last ? 0 : width, out);
    }
    pgr_buf_adds(out, "\n");
  }
  if (any_explored(r)) {
    pgr_buf_adds(out, "\n  RACE (n): broken by schedule n; safe (n): proved for ");
    pgr__add_proof_agents(r, out);
    pgr_buf_adds(out, ", n schedules\n  stand for all; –: not run there; !: unlike the scenario says\n");
  }
  if (any_sampled(r))
    pgr_buf_adds(out, "\n  RACE: share of contested rounds that broke a rule; none: seen in none, at most\n"
                      "  that share with 95 % confidence; –: not run there; !: unlike the scenario says\n");
}

void pgr__add_verdicts(const pgr_result *r, bool colour, pgr_buf *out) {
  if (pgr__is_matrix(r))
    add_matrix(r, colour, out);
  else
    add_list(r, colour, out);
}
