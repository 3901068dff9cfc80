/* The result as one JSON document. Names and units are documented in docs/result.md; format 1. */
#include "json_internal.h"
#include "pgr_report.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *not_zero(int64_t value) {
  return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *latency(const pgr_latency *l) {
  return json_pack("{s:I,s:I,s:I,s:I,s:I}", "count", (json_int_t)l->count, "p50", (json_int_t)l->p50, "p95",
                   (json_int_t)l->p95, "p99", (json_int_t)l->p99, "max", (json_int_t)l->max);
}

json_t *pgr__json_number(double value) {
  static const double integers_end = 9007199254740992; /* 2^53: to there a double holds every integer */
  if (!isfinite(value)) return json_null();
  if (floor(value) == value && fabs(value) < integers_end) return json_integer((json_int_t)value);
  return json_real(value);
}

json_t *pgr__json_outcomes(const pgr_scenario *s, const uint64_t of[][PGR_OUTCOME_COUNT]) {
  json_t *all = json_object();
  for (int k = 0; k < s->operation_count; k++) {
    json_t *one = json_object();
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
      if (o != PGR_OUTCOME_RETRIED)
        json_object_set_new(one, pgr_outcome_name((pgr_outcome)o), json_integer((json_int_t)of[k][o]));
    json_object_set_new(all, s->operations[k].name, one);
  }
  return all;
}

json_t *pgr__json_retries(const pgr_scenario *s, const uint64_t of[][PGR_OUTCOME_COUNT]) {
  json_t *all = json_object();
  for (int k = 0; k < s->operation_count; k++)
    json_object_set_new(all, s->operations[k].name, json_integer((json_int_t)of[k][PGR_OUTCOME_RETRIED]));
  return all;
}

static json_t *latencies(const pgr_scenario *s, const pgr_latency of[PGR_OPERATIONS_MAX][PGR_OUTCOME_COUNT]) {
  json_t *all = json_object();
  for (int k = 0; k < s->operation_count; k++) {
    json_t *one = json_object();
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
      if (of[k][o].count) json_object_set_new(one, pgr_outcome_name((pgr_outcome)o), latency(&of[k][o]));
    json_object_set_new(all, s->operations[k].name, one);
  }
  return all;
}

static const char *when_name(pgr_when when) {
  switch (when) {
  case PGR_WHEN_START: return "start";
  case PGR_WHEN_AFTER: return "after";
  case PGR_WHEN_END: break;
  }
  return "end";
}

json_t *pgr__json_scenario(const pgr_scenario *s) {
  json_t *operations = json_array(), *rejections = json_array();
  bool owned = s->ownership.declared;
  for (int k = 0; k < s->operation_count; k++)
    json_array_append_new(
        operations, json_pack("{s:s,s:s}", "name", s->operations[k].name, "when", when_name(s->operations[k].when)));
  for (int i = 0; i < s->rejection_count; i++) {
    const pgr_rejection *r = &s->rejections[i];
    json_array_append_new(rejections,
                          json_pack("{s:s,s:o,s:o,s:o}", "sqlstate", r->sqlstate, "constraint",
                                    pgr_json_text_or_null(r->constraint), "field", pgr_json_text_or_null(r->field),
                                    "message", pgr_json_text_or_null(r->message)));
  }
  return json_pack("{s:s,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:o}", "name", s->name, "title",
                   pgr_json_text_or_null(s->title), "file", pgr_json_text_or_null(s->source.name), "lesson",
                   pgr_json_text_or_null(s->lesson), "key", pgr_json_text_or_null(s->key.name), "capacity",
                   owned ? json_integer((json_int_t)s->ownership.capacity) : json_null(), "owns",
                   pgr_json_text_or_null(owned ? s->ownership.name : NULL), "broken", pgr_json_text_or_null(s->broken),
                   "operations", operations, "main", s->operations[pgr_scenario_main_operation(s)].name, "rejections",
                   rejections);
}

static json_t *curve(const pgr_curve *c) {
  json_t *all = json_array();
  for (size_t i = 0; i < c->count; i++)
    json_array_append_new(all, json_pack("[o,I]", pgr__json_number(c->points[i].share), (json_int_t)c->points[i].ns));
  return all;
}

json_t *pgr__json_curves(const pgr_curve *winner, const pgr_curve *loser) {
  return json_pack("{s:o,s:o}", "winner", curve(winner), "loser", curve(loser));
}

static json_t *throughput(const pgr_throughput *t) {
  if (t->count == 0) return json_null();
  json_t *ended = json_array();
  for (size_t i = 0; i < t->count; i++)
    json_array_append_new(ended, json_integer((json_int_t)t->ended[i]));
  return json_pack("{s:I,s:o}", "slice_ns", (json_int_t)t->slice_ns, "ended", ended);
}

static json_t *step(const pgr_scenario *s, const pgr_trace_step *t, const pgr_waited *w) {
  json_t *o =
      json_pack("{s:I,s:I,s:I,s:i,s:s,s:s,s:o,s:I,s:o,s:o}", "ready_ns", (json_int_t)t->ready_ns, "call_ns",
                (json_int_t)t->call_ns, "return_ns", (json_int_t)t->return_ns, "agent", (int)t->agent, "operation",
                s->operations[t->kind].name, "sql", t->sql, "value", pgr_json_text_or_null(t->value), "rows",
                (json_int_t)t->rows, "sqlstate", pgr_json_text_or_null(t->sqlstate), "outcome",
                t->outcome < PGR_OUTCOME_COUNT ? json_string(pgr_outcome_name((pgr_outcome)t->outcome)) : json_null());
  if (!o) return NULL;
  json_object_set_new(o, "waited_for", not_zero(w->for_agent));
  json_object_set_new(o, "waited_until_ns", w->for_agent ? json_integer((json_int_t)w->until_ns) : json_null());
  return o;
}

static json_t *story(const pgr_scenario *s, const pgr_story *of) {
  json_t *steps = json_array();
  for (size_t i = 0; i < of->count; i++)
    json_array_append_new(steps, step(s, &of->steps[i], &of->waited[i]));
  return json_pack("{s:I,s:I,s:o,s:o,s:o}", "round", (json_int_t)of->round, "key", (json_int_t)of->key, "rule",
                   pgr_json_text_or_null(of->rule), "second_owner", not_zero(of->second_owner), "steps", steps);
}

static json_t *first_story(const pgr_scenario *s, const pgr_cell *c) {
  return c->story_count ? story(s, &c->stories[0]) : json_null();
}

static json_t *more_stories(const pgr_scenario *s, const pgr_cell *c) {
  if (c->evidence.explored) return json_null();
  json_t *all = json_array();
  for (size_t i = 1; i < c->story_count; i++)
    json_array_append_new(all, story(s, &c->stories[i]));
  return all;
}

json_t *pgr__json_errors(const pgr_scenario *s, const pgr_complaint *complaints, size_t count) {
  json_t *all = json_array();
  for (size_t i = 0; i < count; i++) {
    const pgr_complaint *e = &complaints[i];
    json_array_append_new(all, json_pack("{s:o,s:s,s:s,s:o,s:o,s:I}", "sqlstate", pgr_json_text_or_null(e->sqlstate),
                                         "message", e->message, "operation", s->operations[e->kind].name, "file",
                                         pgr_json_text_or_null(e->file), "line",
                                         e->line ? json_integer(e->line) : json_null(), "count", (json_int_t)e->count));
  }
  return all;
}

/* What the database's no was recognised by, and what the application tells its user then. */
json_t *pgr__json_rejections(const pgr_scenario *s, const uint64_t *counts) {
  json_t *all = json_array();
  for (int i = 0; i < s->rejection_count; i++) {
    const pgr_rejection *r = &s->rejections[i];
    if (counts[i] == 0) continue;
    json_array_append_new(all, json_pack("{s:s,s:o,s:o,s:o,s:I}", "sqlstate", r->sqlstate, "constraint",
                                         pgr_json_text_or_null(r->constraint), "field", pgr_json_text_or_null(r->field),
                                         "message", pgr_json_text_or_null(r->message), "count", (json_int_t)counts[i]));
  }
  return all;
}

static json_t *rules(const pgr_cell *c) {
  json_t *all = json_array();
  for (int i = 0; i < c->rule_count; i++)
    json_array_append_new(
        all, json_pack("{s:s,s:s,s:o}", "rule", c->rules[i].name, "by", c->rules[i].from_history ? "history" : "rows",
                       "broken", c->rules[i].known ? json_integer((json_int_t)c->rules[i].broken) : json_null()));
  return all;
}

static json_t *explored_count(const pgr_cell *c, int64_t n) {
  return c->evidence.explored ? json_integer((json_int_t)n) : json_null();
}

/* The document that pgrace replay reads. */
static json_t *witness(const pgr_cell *c) {
  pgr_buf text;
  pgr_err ignored;
  json_t *o = NULL;
  pgr_buf_init(&text, 0);
  if (c->proof.witness && pgr_witness_write(c->proof.witness, &text, &ignored) == PGR_OK)
    o = json_loadb(text.data, text.len, 0, NULL);
  pgr_buf_deinit(&text);
  return o ? o : json_null();
}

static json_t *proof(const pgr_cell *c) {
  const pgr_proof *p = &c->proof;
  const pgr_search_totals *t = &p->totals;
  char digest[32];
  snprintf(digest, sizeof digest, "%016llx", (unsigned long long)t->class_digest);
  return json_pack("{s:i,s:b,s:b,s:b,s:o,s:b,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "agents", p->agents, "proved",
                   p->proved, "reduced", p->reduced, "split", p->split, "bound",
                   p->bound < 0 ? json_null() : json_integer(p->bound), "exhausted", t->exhausted, "coverage",
                   p->coverage, "digest", digest, "broken", (json_int_t)t->broken, "serial", (json_int_t)t->serial,
                   "random", (json_int_t)t->random, "cut", (json_int_t)t->cut, "left", (json_int_t)t->left, "depth",
                   (json_int_t)t->depth, "found_after",
                   p->found_after ? json_integer((json_int_t)p->found_after) : json_null());
}

static json_t *cell(const pgr_scenario *s, const pgr_cell *c) {
  bool sampled = c->evidence.ran && !c->evidence.explored, raced = sampled && c->evidence.duplicates > 0;
  bool counted = sampled && c->evidence.contested > 0;
  json_t *o =
      json_pack("{s:s,s:s,s:s,s:o,s:s,s:o,s:s,s:b}", "scenario", s->name, "strategy", c->strategy->name, "isolation",
                pgr_isolation_name(c->isolation), "expect", pgr_json_text_or_null(pgr_expect_name(c->evidence.expect)),
                "verdict", pgr_verdict_name(c->judgement.verdict), "why", pgr_json_text_or_null(c->judgement.why),
                "method", c->evidence.explored ? "explored" : "sampled", "as_expected", c->judgement.as_expected);
  if (!o) return NULL;
  json_object_update_new(o, json_pack("{s:b,s:I,s:I,s:I,s:o,s:o,s:o,s:I,s:I}", "complete", c->evidence.complete,
                                      "rounds", (json_int_t)c->rounds, "contested", (json_int_t)c->evidence.contested,
                                      "duplicates", (json_int_t)c->evidence.duplicates, "share_interval",
                                      raced ? json_pack("[f,f]", c->share.low, c->share.high) : json_null(),
                                      "upper_bound", counted && !raced ? json_real(c->upper_bound) : json_null(),
                                      "rules", rules(c), "unexplained", (json_int_t)c->evidence.unexplained, "served",
                                      (json_int_t)c->served));
  json_object_update_new(o, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "schedules",
                                      explored_count(c, c->proof.totals.schedules), "classes",
                                      explored_count(c, c->proof.totals.classes), "outcomes",
                                      pgr__json_outcomes(s, c->outcomes), "retries", pgr__json_retries(s, c->outcomes),
                                      "latency_ns", latencies(s, c->service), "response_ns", latencies(s, c->response),
                                      "winner_ns", latency(&c->winner), "loser_ns", latency(&c->loser), "pool_wait_ns",
                                      latency(&c->pool_wait), "start_skew_ns", latency(&c->start_skew)));
  json_object_update_new(o, json_pack("{s:I,s:f,s:f,s:o,s:o,s:o}", "elapsed_ns", (json_int_t)c->elapsed_ns,
                                      "rounds_per_s", c->rounds_per_s, "statements_per_s", c->statements_per_s,
                                      "errors", pgr__json_errors(s, c->complaints, c->complaint_count), "witness",
                                      c->evidence.explored ? witness(c) : first_story(s, c), "rejections",
                                      pgr__json_rejections(s, c->rejections)));
  json_object_update_new(
      o, json_pack("{s:o,s:o,s:o,s:I,s:o,s:o,s:o}", "proof", c->evidence.explored ? proof(c) : json_null(), "line",
                   not_zero(c->strategy->line), "summary", pgr_json_text_or_null(c->strategy->summary), "gap_ns",
                   (json_int_t)c->gap_ns, "curves", pgr__json_curves(&c->winner_curve, &c->loser_curve), "throughput",
                   throughput(&c->throughput), "more_witnesses", more_stories(s, c)));
  return o;
}

static json_t *gaps(const pgr_result *r) {
  json_t *all = json_array();
  for (int i = 0; i < r->settings.gap_count; i++)
    json_array_append_new(all, json_integer((json_int_t)r->settings.gaps_ns[i]));
  return all;
}

static json_t *settings(const pgr_result *r) {
  bool swept = r->settings.gap_count > 1;
  return json_pack("{s:I,s:I,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:s,s:b}", "agents", (json_int_t)r->settings.agents,
                   "contenders", (json_int_t)r->settings.contenders, "connections", (json_int_t)r->settings.connections,
                   "threads", (json_int_t)r->settings.threads, "rounds", not_zero(r->settings.rounds), "duration_ns",
                   not_zero(r->settings.duration_ns), "budget_ns", not_zero(r->settings.budget_ns), "gap_ns",
                   swept ? json_null() : json_integer((json_int_t)r->settings.gaps_ns[0]), "gaps_ns", gaps(r),
                   "max_tries", not_zero(r->settings.max_tries), "protocol", pgr_protocol_name(r->settings.protocol),
                   "durable", r->settings.durable);
}

json_t *pgr__json_environment(const pgr_environment *e) {
  return json_pack("{s:s,s:s,s:s,s:o,s:b,s:s,s:i,s:s,s:i,s:I,s:o}", "pgrace", PGR_VERSION, "started_at", e->started_at,
                   "server", e->private_server ? "private" : "given", "target", pgr_json_text_or_null(e->target),
                   "in_memory", e->in_memory, "server_version", e->server_version, "libpq_version", e->libpq_version,
                   "machine", e->machine, "cpus", e->cpus, "startup_ns", (json_int_t)e->startup_ns, "server_settings",
                   pgr_json_text_or_null(e->server_settings));
}

/* Bytes of the list that begins at text, if there is nothing but numbers and nulls in it; else 0. */
static size_t plain_list_len(const char *text) {
  size_t len = 1 + strspn(text + 1, "0123456789+-.eEnul, \n");
  return len > 1 && text[len] == ']' ? len + 1 : 0;
}

/* What was indented, but for lists of numbers: these take a line each, not one a number. */
static void add_compactly(const char *text, pgr_buf *out) {
  bool quoted = false;
  const char *from = text, *p = text;
  for (; *p; p++) {
    size_t len = !quoted && *p == '[' ? plain_list_len(p) : 0;
    if (*p == '\\' && quoted) {
      p++;
    } else if (*p == '"') {
      quoted = !quoted;
    } else if (len > 0) {
      pgr_buf_add(out, from, (size_t)(p - from));
      for (from = p + len; p < from; p++) {
        if (*p == ',')
          pgr_buf_adds(out, ", ");
        else if (*p != ' ' && *p != '\n')
          pgr_buf_add(out, p, 1);
      }
      p--;
    }
  }
  pgr_buf_add(out, from, (size_t)(p - from));
}

pgr_code pgr__json_write(json_t *document, pgr_buf *out, pgr_err *err) {
  char *text = document ? json_dumps(document, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : NULL;
  json_decref(document);
  if (!text) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  add_compactly(text, out);
  pgr_buf_adds(out, "\n");
  free(text);
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

pgr_code pgr_report_json(const pgr_result *r, pgr_buf *out, pgr_err *err) {
  json_t *cells = json_array();
  for (size_t i = 0; i < r->cell_count; i++)
    json_array_append_new(cells, cell(r->scenario, &r->cells[i]));
  /* The seed is 64 bits unsigned; JSON readers lose integers past 2^53, so the command line takes seeds below that. */
  json_t *document = json_pack("{s:i,s:s,s:i,s:b,s:b,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o}", "format", 1, "command",
                               r->command, "exit_status", r->exit_status, "complete", r->complete, "interrupted",
                               r->interrupted, "note", pgr_json_text_or_null(r->note), "error",
                               pgr_json_text_or_null(r->error), "repeat", pgr_json_text_or_null(r->repeat), "seed",
                               (json_int_t)r->seed, "scenario", pgr__json_scenario(r->scenario), "settings",
                               settings(r), "environment", pgr__json_environment(&r->environment), "cells", cells);
  return pgr__json_write(document, out, err);
}
