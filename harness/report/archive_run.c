/* Of a result document: what runs and explorations have. Verdicts are what the document says, not judged anew. */
#include "archive_internal.h"

#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const verdicts[] = {[PGR_VERDICT_RACE] = "race",
                                       [PGR_VERDICT_SAFE] = "safe",
                                       [PGR_VERDICT_NONE_SEEN] = "none-seen",
                                       [PGR_VERDICT_INCONCLUSIVE] = "inconclusive",
                                       [PGR_VERDICT_ERROR] = "error"};

/* ---- times ---- */

static pgr_latency read_latency(pgr__archive_reader *r, json_t *o, const char *key) {
  json_t *l = pgr__archive_object(r, o, key);
  size_t before = pgr__archive_enter(r, "%s", key);
  pgr_latency latency = {.count = (uint64_t)pgr__archive_count(r, l, "count"),
                         .p50 = pgr__archive_count(r, l, "p50"),
                         .p95 = pgr__archive_count(r, l, "p95"),
                         .p99 = pgr__archive_count(r, l, "p99"),
                         .max = pgr__archive_count(r, l, "max")};
  pgr__archive_leave(r, before);
  return latency;
}

static void read_latencies(pgr__archive_reader *r, json_t *cell, const char *key,
                           pgr_latency out[][PGR_OUTCOME_COUNT]) {
  const pgr_scenario *s = &r->a->scenario;
  json_t *all = pgr__archive_object(r, cell, key);
  size_t before = pgr__archive_enter(r, "%s", key);
  for (int k = 0; k < s->operation_count && !r->code; k++) {
    json_t *one = pgr__archive_object(r, all, s->operations[k].name);
    size_t inner = pgr__archive_enter(r, "%s", s->operations[k].name);
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
      out[k][o] = read_latency(r, one, pgr_outcome_name((pgr_outcome)o));
    pgr__archive_leave(r, inner);
  }
  pgr__archive_leave(r, before);
}

static void read_throughput(pgr__archive_reader *r, json_t *cell, pgr_throughput *out) {
  json_t *o = pgr__archive_object(r, cell, "throughput");
  if (!o) return;
  size_t before = pgr__archive_enter(r, "throughput");
  out->slice_ns = pgr__archive_int(r, o, "slice_ns", 1, 1, PGR__ARCHIVE_COUNT_MAX);
  json_t *ended = pgr__archive_list(r, o, "ended", PGR_SLICES_MAX);
  for (size_t i = 0; i < json_array_size(ended) && !r->code; i++) {
    json_t *n = json_array_get(ended, i);
    if (!json_is_integer(n) || json_integer_value(n) < 0)
      pgr__archive_complain(r, "ended", "every value must be a whole number, not negative");
    else
      out->ended[out->count++] = (uint64_t)json_integer_value(n);
  }
  pgr__archive_leave(r, before);
}

/* ---- stories ---- */

static void read_step(pgr__archive_reader *r, json_t *o, pgr_story *story, size_t i) {
  pgr_trace_step *t = &story->steps[i];
  t->round = story->round;
  t->key = story->key;
  t->call_ns = pgr__archive_count(r, o, "call_ns");
  t->return_ns = pgr__archive_count(r, o, "return_ns");
  t->ready_ns = pgr__archive_find(o, "ready_ns") ? pgr__archive_count(r, o, "ready_ns") : t->call_ns;
  t->rows = pgr__archive_int(r, o, "rows", -1, -1, PGR__ARCHIVE_COUNT_MAX);
  t->agent = (uint32_t)pgr__archive_int(r, o, "agent", 1, 1, UINT32_MAX);
  t->kind = (uint8_t)pgr__archive_operation(r, o, "operation");
  t->outcome = PGR_OUTCOME_COUNT;
  if (pgr__archive_find(o, "outcome")) {
    const char *names[PGR_OUTCOME_COUNT];
    for (int k = 0; k < PGR_OUTCOME_COUNT; k++)
      names[k] = pgr_outcome_name((pgr_outcome)k);
    t->outcome = (uint8_t)pgr__archive_choice(r, o, "outcome", names, PGR_OUTCOME_COUNT);
  }
  pgr__archive_copy(r, o, "sql", t->sql, sizeof t->sql);
  pgr__archive_copy(r, o, "value", t->value, sizeof t->value);
  pgr__archive_copy(r, o, "sqlstate", t->sqlstate, sizeof t->sqlstate);
  story->waited[i].for_agent = (uint32_t)pgr__archive_int(r, o, "waited_for", 0, 0, UINT32_MAX);
  story->waited[i].until_ns = pgr__archive_count(r, o, "waited_until_ns");
}

static void read_story(pgr__archive_reader *r, json_t *o, pgr_story *story) {
  json_t *steps = pgr__archive_list(r, o, "steps", PGR_STORY_STEPS_MAX);
  if (json_array_size(steps) == 0) pgr__archive_complain(r, "steps", steps ? "must not be empty" : "is missing");
  story->key = pgr__archive_int(r, o, "key", 0, -PGR__ARCHIVE_COUNT_MAX, PGR__ARCHIVE_COUNT_MAX);
  story->round = pgr__archive_count(r, o, "round");
  story->rule = pgr__archive_name(r, o, "rule");
  story->second_owner = (uint32_t)pgr__archive_int(r, o, "second_owner", 0, 0, UINT32_MAX);
  for (size_t i = 0; i < json_array_size(steps) && !r->code; i++) {
    size_t before = pgr__archive_enter(r, "steps[%zu]", i);
    read_step(r, json_array_get(steps, i), story, i);
    story->count++;
    pgr__archive_leave(r, before);
  }
}

static void read_stories(pgr__archive_reader *r, json_t *cell, pgr_cell *c) {
  json_t *worst = pgr__archive_object(r, cell, "witness");
  json_t *more = pgr__archive_list(r, cell, "more_witnesses", PGR_STORIES_MAX - 1);
  if (!worst) return;
  size_t before = pgr__archive_enter(r, "witness");
  read_story(r, worst, &c->stories[c->story_count++]);
  pgr__archive_leave(r, before);
  for (size_t i = 0; i < json_array_size(more) && !r->code; i++) {
    before = pgr__archive_enter(r, "more_witnesses[%zu]", i);
    read_story(r, json_array_get(more, i), &c->stories[c->story_count++]);
    pgr__archive_leave(r, before);
  }
}

/* ---- proofs ---- */

static uint64_t read_digest(pgr__archive_reader *r, json_t *o) {
  const char *text = pgr__archive_text(r, o, "digest");
  size_t len = strlen(text);
  if (len > 16 || strspn(text, "0123456789abcdef") != len)
    pgr__archive_complain(r, "digest", "must be 16 hexadecimal digits");
  return r->code ? 0 : strtoull(text, NULL, 16);
}

/* The document that pgrace replay reads; its own reader checks it. */
static void read_witness(pgr__archive_reader *r, json_t *cell, pgr_cell *c, pgr_witness *witness) {
  json_t *o = pgr__archive_object(r, cell, "witness");
  char name[PGR__ARCHIVE_NAME_BYTES + sizeof r->where + 16];
  pgr_err why = {0};
  if (!o) return;
  char *text = json_dumps(o, JSON_COMPACT);
  snprintf(name, sizeof name, "%s: %s.witness", r->name, r->where);
  if (!text)
    pgr__archive_no_memory(r);
  else if (pgr_witness_read(name, text, strlen(text), witness, &why))
    r->code = pgr_fail(r->err, why.code, "%s", why.msg);
  else
    c->proof.witness = witness;
  free(text);
}

static void read_proof(pgr__archive_reader *r, json_t *cell, pgr_cell *c) {
  json_t *o = pgr__archive_object(r, cell, "proof");
  pgr_proof *p = &c->proof;
  pgr_search_totals *t = &p->totals;
  if (!o) pgr__archive_complain(r, "proof", "is missing");
  t->schedules = pgr__archive_count(r, cell, "schedules");
  t->classes = pgr__archive_count(r, cell, "classes");
  size_t before = pgr__archive_enter(r, "proof");
  p->agents = (int)pgr__archive_int(r, o, "agents", 0, 0, INT32_MAX);
  p->proved = c->evidence.proved = pgr__archive_flag(r, o, "proved");
  p->reduced = pgr__archive_flag(r, o, "reduced");
  p->split = pgr__archive_flag(r, o, "split");
  p->bound = (int)pgr__archive_int(r, o, "bound", -1, 0, INT32_MAX);
  p->found_after = pgr__archive_count(r, o, "found_after");
  pgr__archive_copy(r, o, "coverage", p->coverage, sizeof p->coverage);
  t->exhausted = pgr__archive_flag(r, o, "exhausted");
  t->class_digest = read_digest(r, o);
  t->broken = pgr__archive_count(r, o, "broken");
  t->serial = pgr__archive_count(r, o, "serial");
  t->random = pgr__archive_count(r, o, "random");
  t->cut = pgr__archive_count(r, o, "cut");
  t->left = pgr__archive_count(r, o, "left");
  t->depth = (size_t)pgr__archive_count(r, o, "depth");
  pgr__archive_leave(r, before);
}

/* ---- a cell ---- */

static void read_rules(pgr__archive_reader *r, json_t *cell, pgr_cell *c) {
  static const char *const kinds[] = {"history", "rows"};
  json_t *all = pgr__archive_list(r, cell, "rules", PGR_RULES_MAX);
  c->evidence.rules_known = true;
  for (size_t i = 0; i < json_array_size(all) && !r->code; i++) {
    json_t *o = json_array_get(all, i);
    pgr_rule *rule = &c->rules[c->rule_count++];
    size_t before = pgr__archive_enter(r, "rules[%zu]", i);
    rule->name = pgr__archive_name(r, o, "rule");
    rule->from_history = pgr__archive_choice(r, o, "by", kinds, 2) == 0;
    rule->known = pgr__archive_find(o, "broken") != NULL;
    rule->broken = (uint64_t)pgr__archive_count(r, o, "broken");
    c->evidence.rules_known &= rule->known;
    pgr__archive_leave(r, before);
  }
}

/* Of contested rounds; what is not said is what is known without any. */
static void read_share(pgr__archive_reader *r, json_t *cell, pgr_cell *c) {
  json_t *share = pgr__archive_list(r, cell, "share_interval", 2), *low = json_array_get(share, 0),
         *high = json_array_get(share, 1);
  c->share = (pgr_interval){0, 1};
  c->upper_bound = pgr__archive_number(r, cell, "upper_bound", 1, 0, 1);
  if (!share) return;
  c->share = (pgr_interval){json_number_value(low), json_number_value(high)};
  if (!json_is_number(low) || !json_is_number(high) || c->share.low < 0 || c->share.low > c->share.high ||
      c->share.high > 1)
    pgr__archive_complain(r, "share_interval", "must be two numbers from 0 to 1");
}

static void read_evidence(pgr__archive_reader *r, json_t *cell, pgr_cell *c) {
  static const char *const methods[] = {"sampled", "explored"};
  pgr_evidence *e = &c->evidence;
  e->expect = c->strategy ? pgr_cell_expect(c) : PGR_EXPECT_NOTHING;
  e->explored = pgr__archive_choice(r, cell, "method", methods, 2) == 1;
  e->complete = pgr__archive_flag(r, cell, "complete");
  e->contested = (uint64_t)pgr__archive_count(r, cell, "contested");
  e->duplicates = (uint64_t)pgr__archive_count(r, cell, "duplicates");
  e->unexplained = (uint64_t)pgr__archive_count(r, cell, "unexplained");
  e->ran = e->explored || c->rule_count > 0; /* no cell is raced without a rule */
  for (int k = 0; k < r->a->scenario.operation_count; k++) {
    e->failed += c->outcomes[k][PGR_OUTCOME_FAILED];
    e->unknown += c->outcomes[k][PGR_OUTCOME_UNKNOWN];
  }
  if (!e->explored && e->duplicates > e->contested)
    pgr__archive_complain(r, "duplicates", "must not be more than contested");
}

static void read_cell(pgr__archive_reader *r, json_t *o, pgr_cell *c, pgr_witness *witness) {
  if (!json_is_object(o)) pgr__archive_complain(r, "", "must be an object");
  c->strategy = pgr__archive_strategy(r, o);
  c->isolation = pgr__archive_isolation(r, o);
  c->gap_ns = pgr__archive_find(o, "gap_ns") ? pgr__archive_count(r, o, "gap_ns") : r->a->run.settings.gaps_ns[0];
  pgr__archive_outcomes(r, o, c->outcomes);
  read_rules(r, o, c);
  read_evidence(r, o, c);
  c->judgement.verdict = (pgr_verdict)pgr__archive_choice(r, o, "verdict", verdicts, 5);
  c->judgement.as_expected = pgr__archive_flag(r, o, "as_expected");
  pgr__archive_copy(r, o, "why", c->judgement.why, sizeof c->judgement.why);
  c->rounds = pgr__archive_count(r, o, "rounds");
  c->served = (uint32_t)pgr__archive_int(r, o, "served", 0, 0, UINT32_MAX);
  read_share(r, o, c);
  read_latencies(r, o, "latency_ns", c->service);
  read_latencies(r, o, "response_ns", c->response);
  c->winner = read_latency(r, o, "winner_ns");
  c->loser = read_latency(r, o, "loser_ns");
  c->pool_wait = read_latency(r, o, "pool_wait_ns");
  c->start_skew = read_latency(r, o, "start_skew_ns");
  pgr__archive_curve(r, o, "winner", &c->winner_curve);
  pgr__archive_curve(r, o, "loser", &c->loser_curve);
  read_throughput(r, o, &c->throughput);
  c->elapsed_ns = pgr__archive_count(r, o, "elapsed_ns");
  c->rounds_per_s = pgr__archive_number(r, o, "rounds_per_s", 0, 0, PGR__ARCHIVE_NUMBER_MAX);
  c->statements_per_s = pgr__archive_number(r, o, "statements_per_s", 0, 0, PGR__ARCHIVE_NUMBER_MAX);
  pgr__archive_rejections(r, o, c->rejections);
  c->complaint_count = pgr__archive_errors(r, o, c->complaints);
  if (!c->evidence.explored) {
    read_stories(r, o, c);
    return;
  }
  read_proof(r, o, c);
  read_witness(r, o, c, witness);
}

static void read_cells(pgr__archive_reader *r, json_t *document) {
  json_t *cells = pgr__archive_list(r, document, "cells", PGR_CELLS_MAX);
  size_t count = json_array_size(cells);
  pgr_archive *a = r->a;
  if (r->code) return;
  a->witnesses = pgr_calloc(count, sizeof *a->witnesses);
  if (!a->witnesses) pgr__archive_no_memory(r);
  a->witness_count = a->witnesses ? count : 0;
  for (size_t i = 0; i < count && !r->code; i++) {
    pgr_cell *c = pgr_result_add_cell(&a->run);
    size_t before = pgr__archive_enter(r, "cells[%zu]", i);
    if (c)
      read_cell(r, json_array_get(cells, i), c, &a->witnesses[i]);
    else
      pgr__archive_no_memory(r);
    pgr__archive_leave(r, before);
  }
}

/* ---- the rest ---- */

/* An older document has but one gap; an exploration may have none. */
static void read_gaps(pgr__archive_reader *r, json_t *o) {
  pgr_result *run = &r->a->run;
  json_t *all = pgr__archive_list(r, o, "gaps_ns", PGR_GAPS_MAX);
  run->settings.gaps_ns[0] = pgr__archive_count(r, o, "gap_ns");
  run->settings.gap_count = all ? (int)json_array_size(all) : 1;
  for (int i = 0; all && i < run->settings.gap_count && !r->code; i++) {
    json_t *n = json_array_get(all, (size_t)i);
    if (!json_is_integer(n) || json_integer_value(n) < 0 || json_integer_value(n) > PGR__ARCHIVE_COUNT_MAX)
      pgr__archive_complain(r, "gaps_ns", "every value must be nanoseconds");
    else
      run->settings.gaps_ns[i] = json_integer_value(n);
  }
}

static void read_settings(pgr__archive_reader *r, json_t *document) {
  pgr_result *run = &r->a->run;
  json_t *o = pgr__archive_object(r, document, "settings");
  if (!o) pgr__archive_complain(r, "settings", "is missing");
  size_t before = pgr__archive_enter(r, "settings");
  run->settings.agents = (uint32_t)pgr__archive_int(r, o, "agents", 1, 1, UINT32_MAX);
  run->settings.contenders = (uint32_t)pgr__archive_int(r, o, "contenders", 1, 1, UINT32_MAX);
  run->settings.connections = (uint32_t)pgr__archive_int(r, o, "connections", 1, 1, UINT32_MAX);
  run->settings.threads = (uint32_t)pgr__archive_int(r, o, "threads", 1, 1, UINT32_MAX);
  run->settings.rounds = pgr__archive_count(r, o, "rounds");
  run->settings.duration_ns = pgr__archive_count(r, o, "duration_ns");
  run->settings.budget_ns = pgr__archive_count(r, o, "budget_ns");
  run->settings.max_tries = (int)pgr__archive_int(r, o, "max_tries", 0, 0, INT32_MAX);
  run->settings.protocol = r->a->scenario.protocol = pgr__archive_protocol(r, o);
  run->settings.durable = pgr__archive_flag(r, o, "durable");
  read_gaps(r, o);
  pgr__archive_leave(r, before);
}

void pgr__archive_run(pgr__archive_reader *r, json_t *document) {
  pgr_result *run = &r->a->run;
  run->scenario = &r->a->scenario;
  run->exit_status = pgr__archive_exit_status(r, document);
  run->complete = pgr__archive_flag(r, document, "complete");
  run->interrupted = pgr__archive_flag(r, document, "interrupted");
  run->seed = (uint64_t)pgr__archive_int(r, document, "seed", 0, 0, INT64_MAX);
  pgr__archive_copy(r, document, "note", run->note, sizeof run->note);
  pgr__archive_copy(r, document, "error", run->error, sizeof run->error);
  pgr__archive_copy(r, document, "repeat", run->repeat, sizeof run->repeat);
  read_settings(r, document);
  pgr__archive_environment(r, document, &run->environment);
  read_cells(r, document);
}
