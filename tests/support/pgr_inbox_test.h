/* A show: the demo's inbox on a loop that the test turns, on a real server, with the scenario that pgrace demo plays;
 * and what it told. */
#ifndef PGR_INBOX_TEST_H
#define PGR_INBOX_TEST_H

#include "pgr_gallery_test.h"
#include "pgr_race_test.h"

#include "pgr_inbox.h"
#include "pgr_ownership.h"
#include <signal.h>

enum { CLAIM, REPLY, RELEASE, KEYS = 5000, MOMENTS_MAX = 20000 };
static const int64_t PATIENCE_NS = 30 * PGR_NS_PER_S;
/* Long enough for the other to come in between on a busy machine. */
static const int64_t WIDE_NS = 700 * PGR_NS_PER_MS;

/* ---- a show: an inbox on a loop that is turned here, and what it told ---- */

typedef struct heard {
  pgr_moment moment; /* its texts are the next ones */
  char sql[PGR_MOMENT_SQL_BYTES], value[48], sqlstate[6], constraint[64], error[160], message[160];
} heard;

typedef struct show {
  fixture *f;
  pgr_loop *loop;
  pgr_inbox *inbox;
  pgr_timer late;
  bool is_late;
  heard *heard;
  int count;
  int changes;
  int aways;
  char why[200];
} show;

static pgr_scenario *claim;

static inline void copy(char *out, size_t bytes, const char *text) {
  snprintf(out, bytes, "%.*s", (int)bytes - 1, text ? text : "");
}

static inline void on_moment(void *user, const pgr_moment *m) {
  show *s = user;
  if (s->count == MOMENTS_MAX) return;
  heard *h = &s->heard[s->count++];
  h->moment = *m;
  copy(h->sql, sizeof h->sql, m->sql);
  copy(h->value, sizeof h->value, m->value);
  copy(h->sqlstate, sizeof h->sqlstate, m->sqlstate);
  copy(h->constraint, sizeof h->constraint, m->constraint);
  copy(h->error, sizeof h->error, m->error);
  copy(h->message, sizeof h->message, m->message);
}

static inline void on_changed(void *user) {
  ((show *)user)->changes++;
}

static inline void on_away(void *user, const char *why) {
  show *s = user;
  s->aways++;
  copy(s->why, sizeof s->why, why);
}

static inline void on_late(pgr_timer *t) {
  ((show *)((char *)t - offsetof(show, late)))->is_late = true;
}

static inline pgr_inbox_state state_of(const show *s) {
  pgr_inbox_state state;
  pgr_inbox_state_of(s->inbox, &state);
  return state;
}

static inline pgr_inbox_counts counts_of(const show *s) {
  pgr_inbox_counts counts;
  pgr_inbox_counts_of(s->inbox, &counts);
  return counts;
}

/* Turns the loop until it is so. */
static inline void await(show *s, bool (*so)(const show *s), const char *what) {
  s->is_late = false;
  assert_int_equal(pgr_timer_start(s->loop, &s->late, pgr_now_ns() + PATIENCE_NS), PGR_OK);
  while (!s->is_late && !so(s))
    pgr_loop_turn(s->loop, true);
  pgr_timer_cancel(s->loop, &s->late);
  if (s->is_late) fail_msg("waited in vain until %s (%s)", what, state_of(s).why);
}
#define AWAIT(s, so) await(s, so, #so)

static inline bool is_ready(const show *s) {
  return state_of(s).database == PGR_INBOX_READY;
}

static inline bool is_away(const show *s) {
  return state_of(s).database == PGR_INBOX_AWAY;
}

static inline bool was_away(const show *s) {
  return s->aways > 0;
}

static inline bool is_quiet(const show *s) {
  pgr_inbox_state state = state_of(s);
  return !state.seats[0].busy && !state.seats[1].busy && !state.crowd_busy && !state.order_left;
}

static inline bool first_thinks(const show *s) {
  return state_of(s).seats[0].thinks_until_ns > 0;
}

static inline bool first_waits(const show *s) {
  return state_of(s).seats[0].waits;
}

static inline bool second_is_free(const show *s) {
  return !state_of(s).seats[1].busy;
}

static inline bool second_waits(const show *s) {
  return state_of(s).seats[1].waits;
}

static inline bool first_in_flight(const show *s) {
  return state_of(s).seats[0].in_flight;
}

/* Whoever is busy is parked. */
static inline bool all_parked(const show *s) {
  pgr_inbox_state state = state_of(s);
  for (int k = 0; k < PGR_SEATS; k++)
    if (state.seats[k].busy && !state.seats[k].parked) return false;
  return true;
}

/* Whoever is busy is parked or waits for a lock. */
static inline bool nobody_on_the_way(const show *s) {
  pgr_inbox_state state = state_of(s);
  for (int k = 0; k < PGR_SEATS; k++)
    if (state.seats[k].busy && !state.seats[k].parked && !state.seats[k].waits) return false;
  return true;
}

static inline const pgr_strategy *strategy_of(const char *name) {
  const pgr_strategy *strategy = pgr_scenario_strategy(claim, name);
  assert_non_null(strategy);
  return strategy;
}

static inline void use(show *s, const char *strategy, bool afresh) {
  pgr_err err;
  must(pgr_inbox_use(s->inbox, s->f->target, strategy_of(strategy), 1, KEYS, afresh, &err), &err);
  AWAIT(s, is_ready);
}

/* The strategy is installed in the emptied database. */
static inline void set_stage(fixture *f, const char *strategy) {
  pgr_err err;
  pgr_stage stage = {f->db, claim, PGR_SEATS + PGR_CROWD, PGR_SEATS};
  must(pgr_db_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &err), &err);
  must(pgr_stage_install(&stage, strategy_of(strategy), &err), &err);
  must(pgr_stage_seed(&stage, 1, KEYS, &err), &err);
}

static inline show open_unused(fixture *f) {
  show s = {.f = f, .late.fire = on_late, .heard = calloc(MOMENTS_MAX, sizeof(heard))};
  pgr_err err;
  assert_non_null(s.heard);
  must(pgr_loop_create(&s.loop, &err), &err);
  return s;
}

/* s stays where it is from now on. */
static inline void open_show(show *s, fixture *f, const char *strategy, int64_t gap_ns) {
  pgr_err err;
  *s = open_unused(f);
  must(pgr_inbox_create(s->loop, claim, (pgr_inbox_events){on_moment, on_changed, on_away, s}, &s->inbox, &err), &err);
  set_stage(f, strategy);
  must(pgr_inbox_set_gap(s->inbox, gap_ns, &err), &err);
  use(s, strategy, false);
  must(pgr_inbox_arrive(s->inbox, 5, &err), &err);
}

static inline void close_show(show *s) {
  pgr_inbox_close(s->inbox);
  pgr_loop_finish(s->loop);
  pgr_loop_join(s->loop);
  pgr_inbox_destroy(s->inbox);
  pgr_loop_destroy(s->loop);
  free(s->heard);
}

/* ---- what was told ---- */

/* The nth moment of a kind and agent, from 1; NULL. */
static inline const heard *heard_of(const show *s, pgr_moment_kind kind, uint32_t agent, int nth) {
  for (int k = 0; k < s->count; k++)
    if (s->heard[k].moment.kind == kind && s->heard[k].moment.agent == agent && --nth == 0) return &s->heard[k];
  return NULL;
}

static inline int count_heard(const show *s, pgr_moment_kind kind, uint32_t agent) {
  int n = 0;
  while (heard_of(s, kind, agent, n + 1))
    n++;
  return n;
}

static inline pgr_outcome outcome_of(const show *s, uint32_t agent, uint8_t operation) {
  for (int n = 1;; n++) {
    const heard *h = heard_of(s, PGR_MOMENT_TOLD, agent, n);
    if (!h) return PGR_OUTCOME_COUNT;
    if (h->moment.operation == operation) return h->moment.outcome;
  }
}

/* The kinds of an agent's moments so far, as letters: S(tarted), >(sent), w(aits), <(answered), z (paused), p(arked),
 * T(old), D(oubled). */
static inline const char *told_in_short(const show *s, uint32_t agent, char out[64]) {
  static const char letters[PGR_MOMENT_KIND_COUNT] = {
      [PGR_MOMENT_STARTED] = 'S',  [PGR_MOMENT_PARKED] = 'p', [PGR_MOMENT_SENT] = '>', [PGR_MOMENT_WAITS] = 'w',
      [PGR_MOMENT_ANSWERED] = '<', [PGR_MOMENT_PAUSED] = 'z', [PGR_MOMENT_TOLD] = 'T', [PGR_MOMENT_DOUBLED] = 'D'};
  size_t len = 0;
  for (int k = 0; k < s->count && len < 63; k++)
    if (s->heard[k].moment.agent == agent) out[len++] = letters[s->heard[k].moment.kind];
  out[len] = '\0';
  return out;
}

/* Of the record of the strategy in use: what the checker finds equals what is counted. */
static inline void check_record(const show *s, int k) {
  pgr_inbox_record r;
  pgr_code code;
  pgr_err err;
  pgr_ownership_report report = {0};
  pgr_inbox_counts counts = counts_of(s);
  assert_true(pgr_inbox_record_of(s->inbox, k, &r, &code));
  assert_int_equal(code, PGR_OK);
  assert_ptr_equal(r.strategy, state_of(s).strategy);
  must(pgr_verify_ownership(r.history, (pgr_ownership_model){CLAIM, RELEASE, 1}, &report, &err), &err);
  assert_int_equal(report.broken.count, counts.doubled);
  assert_int_equal(report.unexplained, 0);
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
    assert_int_equal(counts.outcomes[o], r.tally.outcomes[CLAIM][o]);
  assert_int_equal(r.tally.outcomes[REPLY][PGR_OUTCOME_OK], counts.replies);
  for (size_t n = 1; n < r.trace.count; n++) {
    const pgr_trace_step *a = &r.trace.steps[n - 1], *b = &r.trace.steps[n];
    assert_true(a->round < b->round || (a->round == b->round && a->agent < b->agent) ||
                (a->round == b->round && a->agent == b->agent && a->call_ns <= b->call_ns));
  }
  pgr_ownership_report_deinit(&report);
  pgr_inbox_record_deinit(&r);
}

static inline void must_claim(show *s, uint32_t agent, int64_t key) {
  pgr_err err;
  must(pgr_inbox_claim(s->inbox, agent, key, &err), &err);
}

/* What happened can be told in three sentences. */
static inline void check_explained(const show *s, const char *in_title) {
  pgr_explanation x = {.title = ""};
  assert_true(pgr_explain(pgr_inbox_contest(s->inbox), claim, state_of(s).strategy, &x));
  if (!strstr(x.title, in_title)) fail_msg("'%s' lacks '%s'", x.title, in_title);
  for (int k = 0; k < PGR_SENTENCES; k++)
    assert_true(*x.sentences[k] != '\0');
}

static inline int set_up(void **state) {
  claim = scenario_of_gallery("claim");
  return claim ? fixture_set_up(state) : -1;
}

static inline int tear_down(void **state) {
  pgr_scenario_destroy(claim);
  return fixture_tear_down(state);
}

#endif
