/* From an inbox's records to a result. Nobody played these rounds to an end by plan: a conversation may be given back
 * and claimed once more, and while the rows are asked the demo goes on. Invariant: the rows judge a conversation only
 * where its history says all that they hold. */
#include "demo_report.h"

#include "pgr_contests.h"
#include "pgr_document.h"
#include "pgr_mem.h"
#include "pgr_page.h"
#include "pgr_race.h"
#include "pgr_rules.h"
#include "scenario_triggers.h"
#include <stdio.h>

/* By round, from 1: when somebody first began to give the conversation back; INT64_MAX: nobody. NULL: no memory. */
static int64_t *released_at(const pgr_scenario *s, const pgr_history *history, int64_t last_round) {
  int64_t *at = pgr_calloc((size_t)last_round + 1, sizeof *at);
  size_t count = at ? pgr_history_count(history) : 0;
  for (int64_t i = 0; at && i <= last_round; i++)
    at[i] = INT64_MAX;
  for (size_t i = 0; i < count; i++) {
    const pgr_op *op = pgr_history_at(history, i);
    if (op->kind == s->ownership.release && op->round <= last_round && op->call_ns < at[op->round])
      at[op->round] = op->call_ns;
  }
  return at;
}

/* The scenario's invariants speak of one claim and what follows it: two answers are right where the first agent had
 * given the conversation back. Rounds in which somebody got it after that; settled. */
static pgr_code find_claimed_again(const pgr_scenario *s, int64_t last_round, const pgr_history *history,
                                   pgr_rounds *out) {
  int64_t *released = released_at(s, history, last_round);
  pgr_code code = released ? PGR_OK : PGR_ENOMEM;
  size_t count = pgr_history_count(history);
  for (size_t i = 0; !code && i < count; i++) {
    const pgr_op *op = pgr_history_at(history, i);
    bool got = op->outcome == PGR_OUTCOME_OK || op->outcome == PGR_OUTCOME_UNKNOWN;
    if (op->kind != s->ownership.acquire || !got || op->round > last_round) continue;
    if (op->return_ns >= released[op->round]) code = pgr_rounds_add(out, op->round);
  }
  pgr_rounds_settle(out);
  pgr_free(released);
  return code;
}

/* Rounds that are left to the history were contested all the same. */
static pgr_code count_contested(const pgr_stage *stage, const pgr_inbox_record *r, pgr_rounds *aside,
                                pgr_findings *findings, pgr_err *err) {
  bool contends[PGR_KINDS_MAX];
  pgr_contests contests;
  pgr_race_contends(stage->scenario, contends);
  pgr_code code = pgr_verify_contests(r->history, contends, stage->contenders, &contests, err);
  pgr_rounds_intersect(&contests.contested, aside);
  pgr_rounds_subtract(&contests.contested, &r->unfinished);
  if (!code && pgr_rounds_unite(&findings->contested, &contests.contested))
    code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_contests_deinit(&contests);
  return code;
}

/* To the rules the rounds set aside are unfinished, and so is the last one that there may be: the rows may know of
 * rounds that began after the record was made. */
static pgr_code check_rules(const pgr_stage *stage, const pgr_inbox_record *r, int64_t last_round,
                            pgr_findings *findings, pgr_err *err) {
  pgr_rounds aside = {0}, unfinished = {0};
  pgr_code code = find_claimed_again(stage->scenario, last_round, r->history, &aside);
  if (!code) code = pgr_rounds_add(&unfinished, last_round);
  if (!code) code = pgr_rounds_unite(&unfinished, &aside);
  if (!code) code = pgr_rounds_unite(&unfinished, &r->unfinished);
  if (code) pgr_fail(err, code, "out of memory");
  if (!code) code = pgr_rules_check(stage, r->history, &unfinished, findings, err);
  if (!code) code = count_contested(stage, r, &aside, findings, err);
  pgr_rounds_deinit(&aside);
  pgr_rounds_deinit(&unfinished);
  return code;
}

static pgr_code fill(pgr_demo_rooms *rooms, const pgr_inbox_record *record, pgr_cell *cell, pgr_err *err) {
  const pgr_scenario *s = rooms->scenario;
  pgr_demo_room *room = NULL;
  pgr_findings findings = {0};
  cell->strategy = record->strategy;
  cell->isolation = record->strategy->first;
  cell->gap_ns = record->gap_ns;
  cell->rounds = record->rounds;
  cell->elapsed_ns = record->elapsed_ns;
  cell->served = record->served;
  cell->evidence.expect = pgr_cell_expect(cell);
  cell->evidence.sampled_rarely = record->strategy->sampled_rarely;
  cell->evidence.complete = true;
  pgr_code code = pgr_demo_rooms_enter(rooms, record->strategy, &room, err);
  if (code) return code;
  pgr_stage stage = pgr_demo_room_stage(rooms, room);
  code = check_rules(&stage, record, room->last_key - s->key.first + 1, &findings, err);
  if (!code) code = pgr_cell_fill(cell, s, &record->tally, record->history, &record->trace, &findings, err);
  pgr_findings_deinit(&findings);
  return code;
}

static void describe(const pgr_demo_report *report, const pgr_demo_rooms *rooms, pgr_result *r) {
  r->command = "demo";
  r->scenario = rooms->scenario;
  r->complete = true;
  r->environment = *report->environment;
  r->settings.agents = PGR_SEATS + PGR_CROWD;
  r->settings.contenders = PGR_SEATS;
  r->settings.connections = PGR_SEATS + PGR_INBOX_CROWD_CONNECTIONS;
  r->settings.threads = 1;
  r->settings.protocol = rooms->scenario->protocol;
  snprintf(r->repeat, sizeof r->repeat, "%s", report->repeat);
}

/* Those that cells have, each once; PGR_GAPS_MAX are told. */
static void add_gap(pgr_result *r, int64_t gap_ns) {
  for (int i = 0; i < r->settings.gap_count; i++)
    if (r->settings.gaps_ns[i] == gap_ns) return;
  if (r->settings.gap_count < PGR_GAPS_MAX) r->settings.gaps_ns[r->settings.gap_count++] = gap_ns;
}

static pgr_code render_page(const pgr_result *r, const pgr_buf *json, pgr_buf *out, pgr_err *err) {
  pgr_buf triggers;
  pgr_buf_init(&triggers, 0);
  pgr_scenario_triggers(r->scenario, &triggers);
  const pgr_buf all[] = {*json, triggers}; /* borrowed */
  pgr_code code = pgr_page(all, 1 + (triggers.len > 0 && !triggers.failed), out, err);
  pgr_buf_deinit(&triggers);
  return code;
}

static pgr_code render(const pgr_demo_report *report, const pgr_result *r, pgr_buf *out, pgr_err *err) {
  const pgr_document d = {.run = r};
  pgr_buf json;
  if (!report->page) return pgr_document_json(&d, out, err);
  pgr_buf_init(&json, 0);
  pgr_code code = pgr_document_json(&d, &json, err);
  if (!code) code = render_page(r, &json, out, err);
  pgr_buf_deinit(&json);
  return code;
}

static bool was_used(const pgr_inbox_record *r) {
  return pgr_history_count(r->history) > 0;
}

bool pgr_demo_report_has_any(const pgr_inbox_record *records, int count) {
  for (int i = 0; i < count; i++)
    if (was_used(&records[i])) return true;
  return false;
}

pgr_code pgr_demo_report_make(const pgr_demo_report *report, pgr_demo_rooms *rooms, const pgr_inbox_record *records,
                              int count, pgr_buf *out, pgr_err *err) {
  pgr_result r = {0};
  pgr_code code = PGR_OK;
  describe(report, rooms, &r);
  for (int i = 0; !code && i < count; i++) {
    if (!was_used(&records[i])) continue;
    pgr_cell *cell = pgr_result_add_cell(&r);
    code = cell ? fill(rooms, &records[i], cell, err) : pgr_fail(err, PGR_ENOMEM, "out of memory");
    add_gap(&r, records[i].gap_ns);
  }
  if (!code) pgr_result_judge(&r);
  if (!code) code = render(report, &r, out, err);
  pgr_result_deinit(&r);
  return code;
}
