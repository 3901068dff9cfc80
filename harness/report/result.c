/* From what a race added up to the figures that people read. */
#include "report_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_units.h"

#include <assert.h>
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

pgr_code pgr__merge_losers(const pgr_tally *tally, int operation, pgr_histogram **out) {
  const pgr_histogram *refused = tally->service[operation][PGR_OUTCOME_REFUSED];
  const pgr_histogram *rejected = tally->service[operation][PGR_OUTCOME_REJECTED];
  pgr_histogram *both = pgr_histogram_create();
  pgr_code code = both ? PGR_OK : PGR_ENOMEM;
  if (!code && refused) code = pgr_histogram_merge(both, refused);
  if (!code && rejected) code = pgr_histogram_merge(both, rejected);
  if (code) pgr_histogram_destroy(both);
  *out = code ? NULL : both;
  return code;
}

static pgr_code summarize_main(pgr_cell *cell, const pgr_tally *tally, int operation) {
  const pgr_histogram *won = tally->service[operation][PGR_OUTCOME_OK];
  pgr_histogram *lost;
  pgr_code code = pgr__merge_losers(tally, operation, &lost);
  if (code) return code;
  cell->winner = summarize(won);
  pgr_curve_of(won, &cell->winner_curve);
  cell->loser = summarize(lost);
  pgr_curve_of(lost, &cell->loser_curve);
  pgr_histogram_destroy(lost);
  return PGR_OK;
}

/* ---- throughput ---- */

/* The narrowest of 1, 2, 5, 10, 20 … ms of which PGR_SLICES_MAX cover the time. */
static int64_t slice_for(int64_t length_ns) {
  static const int64_t steps[] = {1, 2, 5};
  for (int64_t unit_ns = PGR_NS_PER_MS;; unit_ns *= 10)
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
      if (length_ns <= steps[i] * unit_ns * PGR_SLICES_MAX) return steps[i] * unit_ns;
}

static bool has_ended(const pgr_op *op) {
  return op->outcome != PGR_OUTCOME_RETRIED;
}

static void slice(pgr_throughput *out, const pgr_history *history, int64_t elapsed_ns) {
  int64_t length_ns = elapsed_ns;
  size_t count = pgr_history_count(history), ended = 0;
  for (size_t i = 0; i < count; i++) {
    const pgr_op *op = pgr_history_at(history, i);
    if (has_ended(op) && op->return_ns >= length_ns) length_ns = op->return_ns + 1;
    ended += has_ended(op);
  }
  if (ended == 0) return;
  out->slice_ns = slice_for(length_ns);
  out->count = (size_t)((length_ns + out->slice_ns - 1) / out->slice_ns);
  for (size_t i = 0; i < count; i++) {
    const pgr_op *op = pgr_history_at(history, i);
    if (has_ended(op)) out->ended[op->return_ns / out->slice_ns]++;
  }
}

/* ---- stories ---- */

static int by_call(const void *a, const void *b) {
  const pgr_trace_step *x = a, *y = b;
  return (x->call_ns > y->call_ns) - (x->call_ns < y->call_ns);
}

/* The statements of two agents in a round (0: of all its agents), in the order in which they were sent. kind: of this
 * operation only; -1: of all. false when the trace does not have them or they are too many. */
static bool gather(pgr_story *story, const pgr_trace *trace, int64_t round, uint32_t a, uint32_t b, int kind) {
  story->count = 0;
  story->round = round;
  for (size_t i = 0; i < trace->count; i++) {
    const pgr_trace_step *s = &trace->steps[i];
    if (s->round != round || (kind >= 0 && s->kind != kind) || (a && s->agent != a && s->agent != b)) continue;
    if (story->count == PGR_STORY_STEPS_MAX) return false;
    story->steps[story->count++] = *s;
  }
  qsort(story->steps, story->count, sizeof *story->steps, by_call);
  return story->count > 0;
}

/* How two agents came to own a key. false also when the answers overtook each other, which is true but hard to follow.
 */
static bool tell_owners(pgr_story *story, const pgr_trace *trace, const pgr_op *first, const pgr_op *second) {
  *story = (pgr_story){.key = second->key, .second_owner = second->agent};
  if (!gather(story, trace, second->round, first->agent, second->agent, second->kind)) return false;
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

/* How bad a violation is, the most important first. */
typedef struct rank {
  uint32_t told_yes; /* agents, of the round */
  int64_t shared_ns; /* two of them owned the key; INT64_MAX: they own it for ever; 0: the rows broke a rule */
  int64_t length_ns; /* the shorter, the easier to follow: the first rounds of a run are slow, plans are made in them */
} rank;

static bool is_worse(const rank *a, const rank *b) {
  if (a->told_yes != b->told_yes) return a->told_yes > b->told_yes;
  if (a->shared_ns != b->shared_ns) return a->shared_ns > b->shared_ns;
  return a->length_ns < b->length_ns;
}

/* A trace holds an agent's statements of a round together. */
static uint32_t count_told_yes(const pgr_trace *trace, int64_t round, int operation) {
  uint32_t count = 0, last = 0;
  for (size_t i = 0; i < trace->count; i++) {
    const pgr_trace_step *s = &trace->steps[i];
    if (s->round != round || s->kind != operation || s->outcome != PGR_OUTCOME_OK || s->agent == last) continue;
    count++;
    last = s->agent;
  }
  return count;
}

/* The worst so far; ranks are those of the cell's stories. */
typedef struct choice {
  pgr_cell *cell;
  rank ranks[PGR_STORIES_MAX];
} choice;

/* A story of a round that has one already takes its place, or none. */
static void keep_worst(choice *c, const pgr_story *story, const rank *r) {
  pgr_story *stories = c->cell->stories;
  size_t count = c->cell->story_count, at = 0, end = count;
  while (at < count && !is_worse(r, &c->ranks[at])) {
    if (stories[at].round == story->round) return;
    at++;
  }
  for (size_t i = at; i < count; i++)
    if (stories[i].round == story->round) end = i;
  if (at == PGR_STORIES_MAX) return;
  if (end == PGR_STORIES_MAX) end--;
  memmove(&stories[at + 1], &stories[at], (end - at) * sizeof *stories);
  memmove(&c->ranks[at + 1], &c->ranks[at], (end - at) * sizeof *c->ranks);
  stories[at] = *story;
  c->ranks[at] = *r;
  if (end == count) c->cell->story_count++;
}

/* Of one agent in one round. */
typedef struct stretch {
  uint32_t agent;
  int64_t from_ns, to_ns;
  uint8_t kind; /* the operation it began with */
  bool ok;      /* it was told yes at least once */
} stretch;

enum { STRETCHES_MAX = 64 };

/* steps[0 … count): one round's, an agent's together. */
static size_t stretches_of(const pgr_trace_step *steps, size_t count, stretch *out) {
  size_t n = 0;
  for (size_t i = 0; i < count; i++) {
    const pgr_trace_step *s = &steps[i];
    if (n == 0 || out[n - 1].agent != s->agent) {
      if (n == STRETCHES_MAX) break;
      out[n++] = (stretch){.agent = s->agent, .from_ns = s->call_ns, .kind = s->kind};
    }
    out[n - 1].to_ns = s->return_ns;
    out[n - 1].ok |= s->outcome == PGR_OUTCOME_OK;
  }
  return n;
}

/* Two agents whose work overlapped; rather two that were told yes, and rather two that did different things. */
static bool choose_pair(const stretch *s, size_t n, uint32_t *a, uint32_t *b) {
  int best = -1;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      int worth = s[i].ok + s[j].ok + (s[i].kind != s[j].kind);
      if (s[i].from_ns > s[j].to_ns || s[j].from_ns > s[i].to_ns || worth <= best) continue;
      best = worth;
      *a = s[i].agent;
      *b = s[j].agent;
    }
  return best >= 0;
}

/* Where agents have different parts, who matters is not known: then all of them, if they are few enough. */
static bool gather_cast(pgr_story *story, const pgr_scenario *scenario, const pgr_trace *trace, int64_t round,
                        const stretch *stretches, size_t count) {
  uint32_t a = 0, b = 0;
  int starts = 0;
  for (int k = 0; k < scenario->operation_count; k++)
    starts += scenario->operations[k].when == PGR_WHEN_START;
  if (starts > 1 && gather(story, trace, round, 0, 0, -1)) return true;
  return choose_pair(stretches, count, &a, &b) && gather(story, trace, round, a, b, -1);
}

/* A round whose rows break a rule, the first of those broken. */
static void tell_rows(choice *c, const pgr_scenario *scenario, const pgr_trace *trace, const pgr_findings *findings) {
  stretch stretches[STRETCHES_MAX];
  for (size_t i = 0; i < trace->count;) {
    int64_t round = trace->steps[i].round;
    size_t j = i;
    while (j < trace->count && trace->steps[j].round == round)
      j++;
    pgr_story story = {.key = scenario->key.first + round - 1, .rule = findings->rows_rule};
    if (pgr_rounds_has(&findings->rows_broken, round) &&
        gather_cast(&story, scenario, trace, round, stretches, stretches_of(&trace->steps[i], j - i, stretches))) {
      const pgr_trace of_round = {.steps = &trace->steps[i], .count = j - i};
      rank r = {.told_yes = count_told_yes(&of_round, round, pgr_scenario_main_operation(scenario)),
                .length_ns = length_ns(&story)};
      keep_worst(c, &story, &r);
    }
    i = j;
  }
}

/* ---- the worst ---- */

/* Two owners of a key, as two operations in the history. */
typedef struct pair {
  const pgr_op *first, *second;
  int64_t first_ends_ns, second_ends_ns; /* INT64_MAX: it owns for ever */
} pair;

/* An agent's ownership ends where it next releases the key, as far as that is certain. */
static void end_at(int64_t *ends_ns, const pgr_op *acquired, const pgr_op *released) {
  bool ends = released->outcome == PGR_OUTCOME_OK || released->outcome == PGR_OUTCOME_UNKNOWN ||
              released->outcome == PGR_OUTCOME_RETRIED;
  if (!ends || released->agent != acquired->agent || released->key != acquired->key) return;
  if (released->call_ns >= acquired->return_ns && released->call_ns < *ends_ns) *ends_ns = released->call_ns;
}

static size_t pairs_of(const pgr_scenario *scenario, const pgr_history *history, const pgr_ownership_report *report,
                       pair pairs[PGR_VIOLATIONS_KEPT]) {
  for (size_t i = 0; i < report->kept_count; i++)
    pairs[i] = (pair){pgr_history_at(history, report->kept[i].first), pgr_history_at(history, report->kept[i].second),
                      INT64_MAX, INT64_MAX};
  size_t count = scenario->ownership.release < 0 ? 0 : pgr_history_count(history);
  for (size_t k = 0; k < count && report->kept_count > 0; k++) {
    const pgr_op *op = pgr_history_at(history, k);
    for (size_t i = 0; op->kind == scenario->ownership.release && i < report->kept_count; i++) {
      end_at(&pairs[i].first_ends_ns, pairs[i].first, op);
      end_at(&pairs[i].second_ends_ns, pairs[i].second, op);
    }
  }
  return report->kept_count;
}

static int64_t shared_ns(const pair *p) {
  int64_t from = p->first->return_ns > p->second->return_ns ? p->first->return_ns : p->second->return_ns;
  int64_t to = p->first_ends_ns < p->second_ends_ns ? p->first_ends_ns : p->second_ends_ns;
  return to == INT64_MAX ? to : to - from;
}

/* Those that can be told; rows only where no owners can be. */
static void choose_stories(pgr_cell *cell, const pgr_scenario *scenario, const pgr_history *history,
                           const pgr_trace *trace, const pgr_findings *findings) {
  choice chosen = {.cell = cell};
  pair pairs[PGR_VIOLATIONS_KEPT];
  size_t count = pairs_of(scenario, history, &findings->ownership, pairs);
  for (size_t i = 0; i < count; i++) {
    pgr_story story;
    if (!tell_owners(&story, trace, pairs[i].first, pairs[i].second)) continue;
    story.rule = scenario->ownership.name;
    rank r = {.told_yes = count_told_yes(trace, story.round, scenario->ownership.acquire),
              .shared_ns = shared_ns(&pairs[i]),
              .length_ns = length_ns(&story)};
    keep_worst(&chosen, &story, &r);
  }
  if (cell->story_count == 0) tell_rows(&chosen, scenario, trace, findings);
  for (size_t i = 0; i < cell->story_count; i++)
    pgr__infer_waits(&cell->stories[i], trace);
}

pgr_cell *pgr_result_add_cell(pgr_result *r) {
  if (r->cell_count == PGR_CELLS_MAX) return NULL;
  if (r->cell_count == r->cell_cap) {
    size_t cap = r->cell_cap ? r->cell_cap * 2 : 4;
    pgr_cell *cells = pgr_realloc(r->cells, cap, sizeof *cells);
    if (!cells) return NULL;
    r->cells = cells;
    r->cell_cap = cap;
  }
  pgr_cell *cell = &r->cells[r->cell_count++];
  *cell = (pgr_cell){0};
  return cell;
}

void pgr_result_deinit(pgr_result *r) {
  pgr_free(r->cells);
  r->cells = NULL;
  r->cell_count = r->cell_cap = 0;
}

pgr_expect pgr_cell_expect(const pgr_cell *cell) {
  return cell->strategy->at[cell->isolation].expect;
}

pgr_code pgr_cell_fill(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally, const pgr_history *history,
                       const pgr_trace *trace, const pgr_findings *findings, pgr_err *err) {
  int k_main = pgr_scenario_main_operation(scenario);
  double seconds = (double)cell->elapsed_ns / 1e9;
  memcpy(cell->outcomes, tally->outcomes, sizeof cell->outcomes);
  memcpy(cell->rules, findings->rules, sizeof cell->rules);
  cell->rule_count = findings->rule_count;
  cell->evidence.contested = findings->contested.count;
  cell->evidence.duplicates = findings->broken.count;
  cell->evidence.unexplained = findings->ownership.unexplained;
  cell->evidence.rules_known = findings->known;
  for (int k = 0; k < scenario->operation_count; k++) {
    if (cell->rounds > 0 && scenario->operations[k].when == PGR_WHEN_START && !tally->outcomes[k][PGR_OUTCOME_OK])
      cell->evidence.never_ok = scenario->operations[k].name;
    cell->evidence.failed += tally->outcomes[k][PGR_OUTCOME_FAILED];
    cell->evidence.unknown += tally->outcomes[k][PGR_OUTCOME_UNKNOWN];
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
      cell->service[k][o] = summarize(tally->service[k][o]);
      cell->response[k][o] = summarize(tally->response[k][o]);
    }
  }
  cell->pool_wait = summarize(tally->pool_wait);
  cell->start_skew = summarize(tally->start_skew);
  cell->share = pgr_interval_95(findings->broken.count, findings->contested.count);
  cell->upper_bound = pgr_upper_bound_95(0, findings->contested.count);
  if (seconds > 0) {
    cell->rounds_per_s = (double)cell->rounds / seconds;
    cell->statements_per_s = (double)tally->statements / seconds;
  }
  static_assert((int)PGR_REJECTIONS_MAX <= (int)PGR_TALLY_REJECTIONS, "every declaration is counted");
  memcpy(cell->rejections, tally->rejections, sizeof cell->rejections);
  memcpy(cell->complaints, tally->complaints, sizeof cell->complaints);
  cell->complaint_count = tally->complaint_count;
  slice(&cell->throughput, history, cell->elapsed_ns);
  choose_stories(cell, scenario, history, trace, findings);
  if (summarize_main(cell, tally, k_main)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  cell->evidence.ran = true;
  return PGR_OK;
}

/* What was run and what was not. A proof holds for so many agents only, so it says how many. */
static void say_coverage(pgr_proof *p) {
  const pgr_search_totals *t = &p->totals;
  char n[PGR_TEXT_BYTES], k[PGR_TEXT_BYTES], left[PGR_TEXT_BYTES];
  char *out = p->coverage;
  size_t size = sizeof p->coverage;
  const char *s = t->schedules == 1 ? "" : "s", *es = t->classes == 1 ? "" : "es";
  char agents[32];
  snprintf(agents, sizeof agents, "%d agent%s", p->agents, p->agents == 1 ? "" : "s");
  pgr_format_count(n, t->schedules);
  pgr_format_count(k, t->classes);
  pgr_format_count(left, t->left);
  if (t->exhausted && p->bound >= 0)
    snprintf(out, size, "all %s interleaving%s of %s with at most %d preemption%s, %s class%s", n, s, agents, p->bound,
             p->bound == 1 ? "" : "s", k, es);
  else if (t->exhausted && !p->reduced)
    snprintf(out, size, "all %s interleaving%s of %s, %s class%s", n, s, agents, k, es);
  else if (t->exhausted)
    snprintf(out, size, "%s schedule%s stand%s for every interleaving of %s, %s class%s", n, s, *s ? "" : "s", agents,
             k, es);
  else if (t->random)
    snprintf(out, size, "%s schedule%s run, the last %lld of them at random (seed %llu), %s branches known and not run",
             n, s, (long long)t->random, (unsigned long long)p->seed, left);
  else
    snprintf(out, size, "%s schedule%s run, %s class%s, %s branch%s known and not run", n, s, k, es, left,
             t->left == 1 ? "" : "es");
}

void pgr_cell_prove(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally) {
  pgr_evidence *e = &cell->evidence;
  pgr_proof *p = &cell->proof;
  say_coverage(p);
  memcpy(cell->outcomes, tally->outcomes, sizeof cell->outcomes);
  memcpy(cell->rejections, tally->rejections, sizeof cell->rejections);
  memcpy(cell->complaints, tally->complaints, sizeof cell->complaints);
  cell->complaint_count = tally->complaint_count;
  e->ran = e->rules_known = e->explored = true;
  e->proved = p->proved;
  e->duplicates = (uint64_t)p->totals.broken;
  e->contested = (uint64_t)p->totals.schedules;
  e->complete = p->proved || p->totals.broken > 0 || (p->bound >= 0 && p->totals.exhausted);
  for (int k = 0; k < scenario->operation_count; k++) {
    if (scenario->operations[k].when == PGR_WHEN_START && !tally->outcomes[k][PGR_OUTCOME_OK])
      e->never_ok = scenario->operations[k].name;
    e->failed += tally->outcomes[k][PGR_OUTCOME_FAILED];
    e->unknown += tally->outcomes[k][PGR_OUTCOME_UNKNOWN];
  }
  if (!e->short_of) e->short_of = p->coverage;
}

void pgr_result_judge(pgr_result *r) {
  static pgr_evidence evidence[PGR_CELLS_MAX];
  static pgr_judgement judged[PGR_CELLS_MAX];
  for (size_t i = 0; i < r->cell_count; i++)
    evidence[i] = r->cells[i].evidence;
  pgr_judge(evidence, r->cell_count, judged);
  for (size_t i = 0; i < r->cell_count; i++)
    r->cells[i].judgement = judged[i];
  r->exit_status = pgr_judge_exit_status(evidence, judged, r->cell_count, r->interrupted);
}
