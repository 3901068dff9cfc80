/* From what a race added up to the figures that people read. */
#include "pgr_result.h"

#include <stdlib.h>
#include <string.h>

static pgr_latency summarize(const pgr_histogram *h) {
  if (!h) return (pgr_latency){0};
  return (pgr_latency){.count = pgr_histogram_count(h),
                       .p50 = pgr_histogram_quantile(h, 0.50),
                       .p95 = pgr_histogram_quantile(h, 0.95),
                       .p99 = pgr_histogram_quantile(h, 0.99),
                       .max = pgr_histogram_max(h)};
}

static pgr_code summarize_losers(pgr_cell *cell, const pgr_tally *tally, uint8_t acquire) {
  const pgr_histogram *refused = tally->service[acquire][PGR_OUTCOME_REFUSED];
  const pgr_histogram *rejected = tally->service[acquire][PGR_OUTCOME_REJECTED];
  pgr_histogram *both = pgr_histogram_create();
  pgr_code code = both ? PGR_OK : PGR_ENOMEM;
  if (!code && refused) code = pgr_histogram_merge(both, refused);
  if (!code && rejected) code = pgr_histogram_merge(both, rejected);
  if (!code) cell->loser = summarize(both);
  pgr_histogram_destroy(both);
  return code;
}

static int by_call(const void *a, const void *b) {
  const pgr_trace_step *x = a, *y = b;
  return (x->call_ns > y->call_ns) - (x->call_ns < y->call_ns);
}

/* The two agents' statements of the operation that made them owners, in the order in which they were sent. false when
 * the trace does not have them all, or when the answers overtook each other, which is true but hard to follow. */
static bool tell(pgr_story *story, const pgr_trace *trace, const pgr_op *first, const pgr_op *second) {
  *story = (pgr_story){.key = second->key, .round = second->round, .second_owner = second->agent};
  for (size_t i = 0; i < trace->count && story->count < PGR_STORY_STEPS_MAX; i++) {
    const pgr_trace_step *s = &trace->steps[i];
    if (s->round != second->round || s->kind != second->kind) continue;
    if (s->agent == first->agent || s->agent == second->agent) story->steps[story->count++] = *s;
  }
  qsort(story->steps, story->count, sizeof *story->steps, by_call);
  bool told_first = false;
  for (size_t i = 0; i < story->count; i++) {
    if (story->steps[i].outcome != PGR_OUTCOME_OK) continue;
    if (story->steps[i].agent == second->agent) return told_first && i + 1 == story->count;
    told_first = true;
  }
  return false;
}

static int64_t length_ns(const pgr_story *s) {
  return s->steps[s->count - 1].call_ns - s->steps[0].call_ns;
}

/* Of the violations that can be told, the quickest: the first rounds of a run are slow, for plans are made in them. */
static void choose_story(pgr_cell *cell, const pgr_history *history, const pgr_trace *trace,
                         const pgr_ownership_report *report) {
  for (size_t i = 0; i < report->kept_count; i++) {
    pgr_story story;
    const pgr_violation *v = &report->kept[i];
    if (!tell(&story, trace, pgr_history_at(history, v->first), pgr_history_at(history, v->second))) continue;
    if (cell->story.count == 0 || length_ns(&story) < length_ns(&cell->story)) cell->story = story;
  }
}

pgr_code pgr_cell_fill(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally, const pgr_history *history,
                       const pgr_trace *trace, const pgr_ownership_report *report, pgr_err *err) {
  uint8_t acquire = scenario->model.acquire;
  double seconds = (double)cell->elapsed_ns / 1e9;
  memcpy(cell->outcomes, tally->outcomes, sizeof cell->outcomes);
  cell->evidence.contested = report->contested;
  cell->evidence.duplicates = report->duplicates;
  cell->evidence.unexplained = report->unexplained;
  for (int k = 0; k < scenario->operation_count; k++) {
    cell->evidence.failed += tally->outcomes[k][PGR_OUTCOME_FAILED];
    cell->evidence.unknown += tally->outcomes[k][PGR_OUTCOME_UNKNOWN];
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
      cell->service[k][o] = summarize(tally->service[k][o]);
      cell->response[k][o] = summarize(tally->response[k][o]);
    }
  }
  cell->winner = cell->service[acquire][PGR_OUTCOME_OK];
  cell->pool_wait = summarize(tally->pool_wait);
  cell->start_skew = summarize(tally->start_skew);
  cell->share = pgr_interval_95(report->duplicates, report->contested);
  cell->upper_bound = pgr_upper_bound_95(0, report->contested);
  if (seconds > 0) {
    cell->rounds_per_s = (double)cell->rounds / seconds;
    cell->statements_per_s = (double)tally->statements / seconds;
  }
  memcpy(cell->complaints, tally->complaints, sizeof cell->complaints);
  cell->complaint_count = tally->complaint_count;
  choose_story(cell, history, trace, report);
  if (summarize_losers(cell, tally, acquire)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  cell->evidence.ran = true;
  return PGR_OK;
}

void pgr_result_judge(pgr_result *r) {
  pgr_evidence evidence[PGR_STRATEGIES_MAX];
  pgr_judgement judged[PGR_STRATEGIES_MAX];
  for (size_t i = 0; i < r->cell_count; i++)
    evidence[i] = r->cells[i].evidence;
  pgr_judge(evidence, r->cell_count, judged);
  for (size_t i = 0; i < r->cell_count; i++)
    r->cells[i].judgement = judged[i];
  r->exit_status = pgr_judge_exit_status(evidence, judged, r->cell_count, r->interrupted);
}
