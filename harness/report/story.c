/* A violation as a person would tell it: who saw what, who wrote what, how far apart. */
#include "report_internal.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <stdio.h>

/* Longer statements stand out of the column, so that the short ones need not be padded past a terminal's width. */
enum { SQL_COLUMN_MAX = 66 };

static void add_answer(const pgr_trace_step *step, pgr_buf *out) {
  if (*step->sqlstate)
    pgr_buf_addf(out, "error %s", step->sqlstate);
  else if (*step->value)
    pgr_buf_adds(out, step->value);
  else if (step->rows >= 0)
    pgr_buf_addf(out, "%lld row%s", (long long)step->rows, step->rows == 1 ? "" : "s");
}

static bool is_of_two(const pgr_story *story) {
  uint32_t a = story->steps[0].agent, b = a;
  for (size_t i = 1; i < story->count; i++) {
    uint32_t agent = story->steps[i].agent;
    if (agent != a && b != a && agent != b) return false;
    if (agent != a) b = agent;
  }
  return true;
}

/* "How two agents got conversation 44 (naive, round 44):" */
static void add_heading(const pgr_result *r, const pgr_cell *cell, const pgr_story *story, pgr_buf *out) {
  const pgr_scenario *s = r->scenario;
  char key[PGR_TEXT_BYTES], round[PGR_TEXT_BYTES], capacity[PGR_TEXT_BYTES];
  size_t from = out->len;
  bool crowd = s->ownership.capacity > 1;
  pgr_format_count(key, story->key);
  if (story->second_owner && crowd)
    pgr_buf_addf(out, "How more than %s agents got %s %s (", pgr_format_count(capacity, s->ownership.capacity),
                 s->key.name, key);
  else if (story->second_owner)
    pgr_buf_addf(out, "How two agents got %s %s (", s->key.name, key);
  else
    pgr_buf_addf(out, "How %s %s broke the rule “%s” (", s->key.name, key, story->rule ? story->rule : "");
  pgr__add_cell_name(r, cell, out);
  pgr_buf_addf(out, ", round %s)%s:\n", pgr_format_count(round, story->round),
               !story->second_owner ? is_of_two(story) ? ", two of its agents" : ", all its agents"
               : crowd              ? ", two of them"
                                    : "");
  pgr__wrap(out, from);
}

static int widest_sql(const pgr_story *story) {
  int widest = 0;
  for (size_t i = 0; i < story->count; i++)
    if (pgr__width(story->steps[i].sql) > widest) widest = pgr__width(story->steps[i].sql);
  return widest < SQL_COLUMN_MAX ? widest : SQL_COLUMN_MAX;
}

static int widest_agent(const pgr_story *story) {
  int widest = 3;
  for (size_t i = 0; i < story->count; i++) {
    int digits = snprintf(NULL, 0, "%u", story->steps[i].agent);
    if (digits > widest) widest = digits;
  }
  return widest;
}

void pgr_report_story(const pgr_result *r, const pgr_cell *cell, size_t i, pgr_buf *out) {
  const pgr_scenario *s = r->scenario;
  if (i >= cell->story_count) return;
  const pgr_story *story = &cell->stories[i];
  add_heading(r, cell, story, out);
  int sql = widest_sql(story), agent = widest_agent(story);
  for (size_t k = 0; k < story->count; k++) {
    const pgr_trace_step *step = &story->steps[k];
    double us = (double)(step->call_ns - story->steps[0].call_ns) / (double)PGR_NS_PER_US;
    pgr_buf_addf(out, "%8.0f µs  agent %-*u %s%*s  ", us, agent, step->agent, step->sql, pgr__padding(step->sql, sql),
                 "");
    add_answer(step, out);
    if (step->outcome < PGR_OUTCOME_COUNT)
      pgr_buf_addf(out, "  told: %s %s", s->operations[step->kind].name, pgr_outcome_name((pgr_outcome)step->outcome));
    if (step->outcome == PGR_OUTCOME_OK && step->agent == story->second_owner)
      pgr_buf_adds(out, s->ownership.capacity > 1 ? "  ← one too many" : "  ← second owner");
    while (out->len > 0 && out->data[out->len - 1] == ' ')
      out->data[--out->len] = '\0';
    pgr_buf_adds(out, "\n");
  }
  size_t from = out->len;
  if (s->broken) pgr_buf_addf(out, "  %s\n", s->broken);
  pgr__wrap(out, from);
}
