#include "cells.h"

#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

enum { WORD_BYTES = 64 };

/* The next word of a comma list; false at its end. */
static bool next_word(const char **p, char word[WORD_BYTES]) {
  while (**p == ',' || **p == ' ')
    ++*p;
  if (!**p) return false;
  size_t len = strcspn(*p, ",");
  snprintf(word, WORD_BYTES, "%.*s", (int)len, *p);
  for (size_t n = strlen(word); n > 0 && word[n - 1] == ' '; n--)
    word[n - 1] = '\0';
  *p += len;
  return true;
}

static pgr_code unknown(const char *option, const char *what, const char *name, const char *const *names,
                        pgr_err *err) {
  const char *near = pgr_nearest(name, names);
  if (near) return pgr_fail(err, PGR_EUSAGE, "%s: unknown %s '%s', did you mean '%s'?", option, what, name, near);
  char all[400] = "";
  for (size_t i = 0, len = 0; names[i] && len < sizeof all; i++)
    len += (size_t)snprintf(all + len, sizeof all - len, "%s%s", i ? ", " : "", names[i]);
  return pgr_fail(err, PGR_EUSAGE, "%s: unknown %s '%s', there are: %s", option, what, name, all);
}

static pgr_code read_levels(const char *text, bool wanted[PGR_ISOLATION_COUNT], pgr_err *err) {
  const char *names[PGR_ISOLATION_COUNT + 1] = {NULL};
  char word[WORD_BYTES];
  bool any = false;
  for (int i = 0; i < PGR_ISOLATION_COUNT; i++)
    names[i] = pgr_isolation_name((pgr_isolation)i);
  while (next_word(&text, word)) {
    for (char *c = word; *c; c++)
      if (*c == '-' || *c == '_') *c = ' '; /* so that it need not be quoted */
    int found = -1;
    for (int i = 0; i < PGR_ISOLATION_COUNT; i++)
      if (strcmp(word, names[i]) == 0) found = i;
    if (found < 0) return unknown("--isolation", "level", word, names, err);
    wanted[found] = any = true;
  }
  return any ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "--isolation: name at least one level, or all");
}

static void add_cell(pgr_result *result, const pgr_strategy *strategy, pgr_isolation level) {
  pgr_cell *cell = pgr_result_add_cell(result);
  if (!cell) return;
  cell->strategy = strategy;
  cell->isolation = level;
  cell->evidence.expect = strategy->at[level].expect;
  cell->evidence.sampled_rarely = strategy->sampled_rarely;
}

/* wanted: NULL for the strategy's first level. */
static void add_strategy(pgr_result *result, const pgr_strategy *strategy, const bool *wanted) {
  if (!wanted) add_cell(result, strategy, strategy->first);
  for (int level = 0; wanted && level < PGR_ISOLATION_COUNT; level++)
    if (wanted[level] && strategy->at[level].runs) add_cell(result, strategy, (pgr_isolation)level);
}

static pgr_code add_named(pgr_result *result, const char *text, const bool *wanted, pgr_err *err) {
  const pgr_scenario *s = result->scenario;
  const char *names[PGR_STRATEGIES_MAX + 1] = {NULL};
  bool named[PGR_STRATEGIES_MAX] = {false}, any = false;
  char word[WORD_BYTES];
  for (int i = 0; i < s->strategy_count; i++)
    names[i] = s->strategies[i].name;
  while (next_word(&text, word)) {
    const pgr_strategy *found = pgr_scenario_strategy(s, word);
    if (!found) return unknown("--strategy", "strategy", word, names, err);
    if (named[found - s->strategies]) return pgr_fail(err, PGR_EUSAGE, "--strategy: '%s' is named twice", word);
    named[found - s->strategies] = any = true;
    add_strategy(result, found, wanted);
  }
  return any ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "--strategy: name at least one");
}

pgr_code pgr_cells_choose(pgr_result *result, const char *strategies, const char *isolation, pgr_err *err) {
  const pgr_scenario *s = result->scenario;
  bool levels[PGR_ISOLATION_COUNT] = {true, true, true}, asked[PGR_ISOLATION_COUNT] = {false};
  const bool *wanted = isolation ? levels : NULL;
  pgr_code code = PGR_OK;
  if (isolation && strcmp(isolation, "all") != 0) {
    code = read_levels(isolation, asked, err);
    memcpy(levels, asked, sizeof levels);
  }
  if (code) return code;
  if (!strategies) {
    for (int i = 0; i < s->compare_count; i++)
      add_strategy(result, &s->strategies[s->compare[i]], wanted);
  } else if (strcmp(strategies, "all") == 0) {
    for (int i = 0; i < s->strategy_count; i++)
      add_strategy(result, &s->strategies[i], wanted);
  } else {
    code = add_named(result, strategies, wanted, err);
  }
  if (code || result->cell_count) return code;
  return pgr_fail(err, PGR_EUSAGE, "--isolation: none of these strategies of %s runs at that level; see pgrace list %s",
                  s->name, s->name);
}
