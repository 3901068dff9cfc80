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

/* What a cell is added to, and each with which gaps. */
typedef struct choice {
  pgr_result *result;
  const bool *levels; /* NULL: each strategy's first */
  const pgr_option_ints *gaps_ns;
  bool no_memory;
} choice;

static void add_cells(choice *c, const pgr_strategy *strategy, pgr_isolation level) {
  for (int i = 0; i < (c->gaps_ns ? c->gaps_ns->count : 1); i++) {
    pgr_cell *cell = pgr_result_add_cell(c->result);
    c->no_memory |= !cell;
    if (!cell) return;
    cell->strategy = strategy;
    cell->isolation = level;
    cell->gap_ns = c->gaps_ns ? c->gaps_ns->items[i] : 0;
    cell->evidence.expect = strategy->at[level].expect;
    cell->evidence.sampled_rarely = strategy->sampled_rarely;
  }
}

static void add_strategy(choice *c, const pgr_strategy *strategy) {
  if (!c->levels) add_cells(c, strategy, strategy->first);
  for (int level = 0; c->levels && level < PGR_ISOLATION_COUNT; level++)
    if (c->levels[level] && strategy->at[level].runs) add_cells(c, strategy, (pgr_isolation)level);
}

static pgr_code add_named(choice *c, const char *text, pgr_err *err) {
  const pgr_scenario *s = c->result->scenario;
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
    add_strategy(c, found);
  }
  return any ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "--strategy: name at least one");
}

pgr_code pgr_cells_choose(pgr_result *result, const char *strategies, const char *isolation,
                          const pgr_option_ints *gaps_ns, pgr_err *err) {
  const pgr_scenario *s = result->scenario;
  bool levels[PGR_ISOLATION_COUNT] = {true, true, true}, asked[PGR_ISOLATION_COUNT] = {false};
  choice c = {.result = result, .levels = isolation ? levels : NULL, .gaps_ns = gaps_ns};
  pgr_code code = PGR_OK;
  if (isolation && strcmp(isolation, "all") != 0) {
    code = read_levels(isolation, asked, err);
    memcpy(levels, asked, sizeof levels);
  }
  if (code) return code;
  if (!strategies) {
    for (int i = 0; i < s->compare_count; i++)
      add_strategy(&c, &s->strategies[s->compare[i]]);
  } else if (strcmp(strategies, "all") == 0) {
    for (int i = 0; i < s->strategy_count; i++)
      add_strategy(&c, &s->strategies[i]);
  } else {
    code = add_named(&c, strategies, err);
  }
  if (!code && c.no_memory) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (code || result->cell_count) return code;
  return pgr_fail(err, PGR_EUSAGE, "--isolation: none of these strategies of %s runs at that level; see pgrace list %s",
                  s->name, s->name);
}
