/* A violation as a person would tell it: who saw what, who wrote what, how far apart. */
#include "pgr_report.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <stdio.h>

void pgr_report_statement(const pgr_scenario *s, const pgr_trace_step *step, pgr_buf *out) {
  const pgr_step *def = &s->operations[step->kind].steps[step->step];
  for (const char *p = def->sql; *p; p++) {
    int n = p[0] == '$' ? p[1] - '1' : -1;
    if (n < 0 || n >= def->param_count) {
      pgr_buf_add(out, p, 1);
      continue;
    }
    pgr_buf_addf(out, "%lld", def->params[n] == PGR_PARAM_KEY ? (long long)step->key : (long long)step->agent);
    p++;
  }
}

static void add_answer(const pgr_trace_step *step, pgr_buf *out) {
  if (*step->sqlstate)
    pgr_buf_addf(out, "error %s", step->sqlstate);
  else if (*step->value)
    pgr_buf_adds(out, step->value);
  else
    pgr_buf_addf(out, "%lld row%s", (long long)step->rows, step->rows == 1 ? "" : "s");
}

/* Characters a terminal shows: bytes that do not continue a UTF-8 sequence. */
static size_t width(const char *s) {
  size_t n = 0;
  for (; *s; s++)
    n += ((unsigned char)*s & 0xC0) != 0x80;
  return n;
}

void pgr_report_story(const pgr_scenario *s, const pgr_cell *cell, pgr_buf *out) {
  const pgr_story *story = &cell->story;
  if (!story->count) return;
  char key[PGR_TEXT_BYTES];
  pgr_buf_addf(out, "How two agents got key %s (%s, round %s):\n", pgr_format_count(key, story->key),
               cell->strategy->name, key);
  pgr_buf statement;
  pgr_buf_init(&statement, 4096);
  size_t widest = 0;
  for (size_t i = 0; i < story->count; i++) {
    pgr_buf_clear(&statement);
    pgr_report_statement(s, &story->steps[i], &statement);
    size_t w = width(pgr_buf_text(&statement));
    if (w > widest) widest = w;
  }
  for (size_t i = 0; i < story->count; i++) {
    const pgr_trace_step *step = &story->steps[i];
    pgr_buf_clear(&statement);
    pgr_report_statement(s, step, &statement);
    double us = (double)(step->call_ns - story->steps[0].call_ns) / (double)PGR_NS_PER_US;
    pgr_buf_addf(out, "%8.0f µs  agent %-3u %s%*s  ", us, step->agent, pgr_buf_text(&statement),
                 (int)(widest - width(pgr_buf_text(&statement))), "");
    add_answer(step, out);
    if (step->outcome == PGR_OUTCOME_OK) pgr_buf_addf(out, "  told: %s ok", s->operations[step->kind].name);
    if (step->outcome == PGR_OUTCOME_OK && step->agent == story->second_owner) pgr_buf_adds(out, "  ← second owner");
    pgr_buf_adds(out, "\n");
  }
  pgr_buf_deinit(&statement);
  pgr_buf_addf(out, "  %s\n", s->broken);
}
