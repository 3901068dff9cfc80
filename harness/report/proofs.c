/* What exploring found, as a person reads it: the verdict and what it rests on, then the witness as a story. */
#include "report_internal.h"

#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

static void add_replays(const pgr_witness *w, pgr_buf *out) {
  if (w->broke == w->replayed)
    pgr_buf_addf(out, "; replayed %d of %d", w->broke, w->replayed);
  else
    pgr_buf_addf(out, "; replayed, it broke %d of %d times: something else than the order matters", w->broke,
                 w->replayed);
}

/* "4 of 6 schedules break", or "broken by schedule 3" where the search ended with it. */
static void add_race(const pgr_cell *c, pgr_buf *out) {
  const pgr_proof *p = &c->proof;
  char n[PGR_TEXT_BYTES], k[PGR_TEXT_BYTES];
  if (p->proved || p->totals.exhausted || p->totals.broken > 1)
    pgr_buf_addf(out, "%s of %s schedules break", pgr_format_count(n, p->totals.broken),
                 pgr_format_count(k, p->totals.schedules));
  else
    pgr_buf_addf(out, "schedule %s breaks", pgr_format_count(n, p->found_after));
  if (p->witness) add_replays(p->witness, out);
  if (p->totals.exhausted) pgr_buf_addf(out, "; %s", p->coverage);
}

void pgr_report_proof(const pgr_result *r, const pgr_cell *c, bool colour, pgr_buf *out) {
  size_t from = out->len;
  char seconds[PGR_TEXT_BYTES];
  const char *tint = c->judgement.verdict == PGR_VERDICT_INCONCLUSIVE ? PGR__YELLOW
                     : c->judgement.as_expected                       ? PGR__GREEN
                                                                      : PGR__RED;
  pgr_buf_addf(out, "%s / %s / %s, %d agents%s: ", r->scenario->name, c->strategy->name,
               pgr_isolation_name(c->isolation), c->proof.agents, c->proof.split ? ", statements split" : "");
  pgr_buf_addf(out, "%s%s%s", colour ? tint : "", pgr__verdict_words(c), colour ? PGR__PLAIN : "");
  if (c->evidence.expect != PGR_EXPECT_NOTHING && c->judgement.verdict != PGR_VERDICT_INCONCLUSIVE)
    pgr_buf_adds(out, c->judgement.as_expected ? ", as expected" : ", NOT expected");
  pgr_buf_adds(out, ". ");
  size_t sentence = out->len;
  switch (c->judgement.verdict) {
  case PGR_VERDICT_RACE: add_race(c, out); break;
  case PGR_VERDICT_SAFE: pgr_buf_adds(out, c->proof.coverage); break;
  case PGR_VERDICT_NONE_SEEN:
  case PGR_VERDICT_INCONCLUSIVE:
  case PGR_VERDICT_ERROR: pgr_buf_addf(out, "%s", c->judgement.why); break;
  }
  if (!out->failed && out->data[sentence] >= 'a' && out->data[sentence] <= 'z') out->data[sentence] -= 'a' - 'A';
  pgr_buf_addf(out, "; %s.\n", pgr_format_duration(seconds, c->elapsed_ns));
  pgr__wrap(out, from);
}

void pgr_report_witness(const pgr_cell *c, int columns, bool colour, pgr_buf *out) {
  if (!c->proof.witness) return;
  pgr_buf_adds(out, "\n");
  pgr_witness_story(c->proof.witness, columns, colour, out);
  if (*c->proof.witness->why) pgr_buf_addf(out, "  %s\n", c->proof.witness->why);
}

static void add_errors(const pgr_cell *c, pgr_buf *out) {
  for (size_t i = 0; i < c->complaint_count; i++) {
    size_t from = out->len;
    const pgr_complaint *e = &c->complaints[i];
    pgr_buf_addf(out, "  %s at %s, %s:%d: %s%s%s\n", c->strategy->name, pgr_isolation_name(c->isolation), e->file,
                 e->line, e->message, *e->sqlstate ? " " : "", e->sqlstate);
    pgr__wrap(out, from);
  }
}

void pgr_report_proofs(const pgr_result *r, bool colour, pgr_buf *out) {
  if (pgr__is_matrix(r) || r->cell_count > 4) {
    pgr_buf_addf(out, "\n%s: %s\n\n", r->scenario->name, r->scenario->title);
    pgr__add_verdicts(r, colour, out);
  }
  size_t before = out->len;
  pgr_buf_adds(out, "\n");
  for (size_t i = 0; i < r->cell_count; i++)
    if (r->cells[i].evidence.failed) add_errors(&r->cells[i], out);
  if (out->len == before + 1) out->len = before;
  if (!out->failed) out->data[out->len] = '\0';
  if (*r->note) pgr_buf_addf(out, "\n%s\n", r->note);
}
