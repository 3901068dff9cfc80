/* The demo's inbox against a real server, with the scenario that pgrace demo plays. */
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

static void copy(char *out, size_t bytes, const char *text) {
  snprintf(out, bytes, "%.*s", (int)bytes - 1, text ? text : "");
}

static void on_moment(void *user, const pgr_moment *m) {
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

static void on_changed(void *user) {
  ((show *)user)->changes++;
}

static void on_away(void *user, const char *why) {
  show *s = user;
  s->aways++;
  copy(s->why, sizeof s->why, why);
}

static void on_late(pgr_timer *t) {
  ((show *)((char *)t - offsetof(show, late)))->is_late = true;
}

static pgr_inbox_state state_of(const show *s) {
  pgr_inbox_state state;
  pgr_inbox_state_of(s->inbox, &state);
  return state;
}

static pgr_inbox_counts counts_of(const show *s) {
  pgr_inbox_counts counts;
  pgr_inbox_counts_of(s->inbox, &counts);
  return counts;
}

/* Turns the loop until it is so. */
static void await(show *s, bool (*so)(const show *s), const char *what) {
  s->is_late = false;
  assert_int_equal(pgr_timer_start(s->loop, &s->late, pgr_now_ns() + PATIENCE_NS), PGR_OK);
  while (!s->is_late && !so(s))
    pgr_loop_turn(s->loop, true);
  pgr_timer_cancel(s->loop, &s->late);
  if (s->is_late) fail_msg("waited in vain until %s (%s)", what, state_of(s).why);
}
#define AWAIT(s, so) await(s, so, #so)

static bool is_ready(const show *s) {
  return state_of(s).database == PGR_INBOX_READY;
}

static bool is_away(const show *s) {
  return state_of(s).database == PGR_INBOX_AWAY;
}

static bool was_away(const show *s) {
  return s->aways > 0;
}

static bool is_quiet(const show *s) {
  pgr_inbox_state state = state_of(s);
  return !state.seats[0].busy && !state.seats[1].busy && !state.crowd_busy && !state.order_left;
}

static bool first_thinks(const show *s) {
  return state_of(s).seats[0].thinks_until_ns > 0;
}

static bool first_waits(const show *s) {
  return state_of(s).seats[0].waits;
}

static bool second_is_free(const show *s) {
  return !state_of(s).seats[1].busy;
}

static bool second_waits(const show *s) {
  return state_of(s).seats[1].waits;
}

static bool first_in_flight(const show *s) {
  return state_of(s).seats[0].in_flight;
}

/* Whoever is busy is parked. */
static bool all_parked(const show *s) {
  pgr_inbox_state state = state_of(s);
  for (int k = 0; k < PGR_SEATS; k++)
    if (state.seats[k].busy && !state.seats[k].parked) return false;
  return true;
}

static const pgr_strategy *strategy_of(const char *name) {
  const pgr_strategy *strategy = pgr_scenario_strategy(claim, name);
  assert_non_null(strategy);
  return strategy;
}

static void use(show *s, const char *strategy, bool afresh) {
  pgr_err err;
  must(pgr_inbox_use(s->inbox, s->f->target, strategy_of(strategy), 1, KEYS, afresh, &err), &err);
  AWAIT(s, is_ready);
}

/* The strategy is installed in the emptied database. */
static void set_stage(fixture *f, const char *strategy) {
  pgr_err err;
  pgr_stage stage = {f->db, claim, PGR_SEATS + PGR_CROWD, PGR_SEATS};
  must(pgr_db_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &err), &err);
  must(pgr_stage_install(&stage, strategy_of(strategy), &err), &err);
  must(pgr_stage_seed(&stage, 1, KEYS, &err), &err);
}

static show open_unused(fixture *f) {
  show s = {.f = f, .late.fire = on_late, .heard = calloc(MOMENTS_MAX, sizeof(heard))};
  pgr_err err;
  assert_non_null(s.heard);
  must(pgr_loop_create(&s.loop, &err), &err);
  return s;
}

/* s stays where it is from now on. */
static void open_show(show *s, fixture *f, const char *strategy, int64_t gap_ns) {
  pgr_err err;
  *s = open_unused(f);
  must(pgr_inbox_create(s->loop, claim, (pgr_inbox_events){on_moment, on_changed, on_away, s}, &s->inbox, &err), &err);
  set_stage(f, strategy);
  must(pgr_inbox_set_gap(s->inbox, gap_ns, &err), &err);
  use(s, strategy, false);
  must(pgr_inbox_arrive(s->inbox, 5, &err), &err);
}

static void close_show(show *s) {
  pgr_inbox_close(s->inbox);
  pgr_loop_finish(s->loop);
  pgr_loop_join(s->loop);
  pgr_inbox_destroy(s->inbox);
  pgr_loop_destroy(s->loop);
  free(s->heard);
}

/* ---- what was told ---- */

/* The nth moment of a kind and agent, from 1; NULL. */
static const heard *heard_of(const show *s, pgr_moment_kind kind, uint32_t agent, int nth) {
  for (int k = 0; k < s->count; k++)
    if (s->heard[k].moment.kind == kind && s->heard[k].moment.agent == agent && --nth == 0) return &s->heard[k];
  return NULL;
}

static int count_heard(const show *s, pgr_moment_kind kind, uint32_t agent) {
  int n = 0;
  while (heard_of(s, kind, agent, n + 1))
    n++;
  return n;
}

static pgr_outcome outcome_of(const show *s, uint32_t agent, uint8_t operation) {
  for (int n = 1;; n++) {
    const heard *h = heard_of(s, PGR_MOMENT_TOLD, agent, n);
    if (!h) return PGR_OUTCOME_COUNT;
    if (h->moment.operation == operation) return h->moment.outcome;
  }
}

/* The kinds of an agent's moments so far, as letters: S(tarted), >(sent), w(aits), <(answered), z (paused), p(arked),
 * T(old), D(oubled). */
static const char *told_in_short(const show *s, uint32_t agent, char out[64]) {
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
static void check_record(const show *s, int k) {
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

static void must_claim(show *s, uint32_t agent, int64_t key) {
  pgr_err err;
  must(pgr_inbox_claim(s->inbox, agent, key, &err), &err);
}

/* What happened can be told in three sentences. */
static void check_explained(const show *s, const char *in_title) {
  pgr_explanation x = {.title = ""};
  assert_true(pgr_explain(pgr_inbox_contest(s->inbox), claim, state_of(s).strategy, &x));
  if (!strstr(x.title, in_title)) fail_msg("'%s' lacks '%s'", x.title, in_title);
  for (int k = 0; k < PGR_SENTENCES; k++)
    assert_true(*x.sentences[k] != '\0');
}

/* ---- two people ---- */

/* Ben claims while Ada thinks, and thinks for longer: her check comes first, then his, then her write, then his. The
 * gap is WIDE_NS. */
static void claim_in_turn(show *s, int64_t key) {
  pgr_err err;
  must_claim(s, 1, key);
  AWAIT(s, first_thinks);
  must(pgr_inbox_set_gap(s->inbox, 2 * WIDE_NS, &err), &err);
  must_claim(s, 2, key);
  AWAIT(s, is_quiet);
  must(pgr_inbox_set_gap(s->inbox, WIDE_NS, &err), &err);
}

static void naive_gives_one_conversation_to_both(void **state) {
  show s;
  char text[64];
  open_show(&s, *state, "naive", WIDE_NS);
  claim_in_turn(&s, 1);
  const pgr_conversation *c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->owners, 2);
  assert_int_equal(c->owners_most, 2);
  assert_int_equal(c->replies, 2);
  assert_int_equal(c->told_count, 2);
  assert_int_equal(c->told[0].agent, 1);
  assert_true(c->told[0].owns && c->told[1].owns && c->told[0].replied && c->told[1].replied);
  pgr_inbox_counts counts = counts_of(&s);
  assert_int_equal(counts.outcomes[PGR_OUTCOME_OK], 2);
  assert_int_equal(counts.contested, 1);
  assert_int_equal(counts.doubled, 1);
  assert_int_equal(counts.doubly_answered, 1);
  assert_int_equal(counts.replies, 2);
  assert_string_equal(told_in_short(&s, 1, text), "S><z><TS><T");
  assert_string_equal(told_in_short(&s, 2, text), "S><z><TDS><T");
  assert_string_equal(heard_of(&s, PGR_MOMENT_TOLD, 2, 1)->message, "Conversation claimed successfully");
  assert_int_equal(heard_of(&s, PGR_MOMENT_DOUBLED, 2, 1)->moment.owners, 2);
  for (int k = 0; k < s.count; k++) {
    assert_int_equal(s.heard[k].moment.contest, 1);
    assert_int_equal(s.heard[k].moment.key, 1);
    if (k) assert_true(s.heard[k].moment.at_ns >= s.heard[k - 1].moment.at_ns);
  }
  assert_int_equal(number(*state, "SELECT count(*) FROM replies WHERE conversation_id = 1"), 2);
  check_record(&s, 0);
  check_explained(&s, "Two agents own conversation 1");
  close_show(&s);
}

static void must_release(show *s, uint32_t agent, int64_t key) {
  pgr_err err;
  must(pgr_inbox_release(s->inbox, agent, key, &err), &err);
  AWAIT(s, is_quiet);
}

/* Whoever answers after the other has given it back contradicts nobody. */
static void a_hand_over_is_no_contradiction(void **state) {
  show s;
  open_show(&s, *state, "trigger", 0);
  for (uint32_t agent = 1; agent <= PGR_SEATS; agent++) {
    must_claim(&s, agent, 1);
    AWAIT(&s, is_quiet);
    must_release(&s, agent, 1);
  }
  const pgr_conversation *c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->replies, 2);
  assert_int_equal(c->answered_by, 2);
  assert_false(c->contradicted);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->replies, 3);
  assert_int_equal(c->answered_by, 2); /* agents, not answers */
  assert_int_equal(counts_of(&s).doubly_answered, 0);
  close_show(&s);
}

static void overlapping_answers_contradict(void **state) {
  show s;
  open_show(&s, *state, "naive", WIDE_NS);
  claim_in_turn(&s, 1);
  assert_true(pgr_inbox_conversation(s.inbox, 1)->contradicted);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->answered_by, 2);
  assert_int_equal(counts_of(&s).doubly_answered, 1);
  close_show(&s);
}

static void a_release_that_changes_nothing_says_so(void **state) {
  show s;
  open_show(&s, *state, "naive", WIDE_NS);
  claim_in_turn(&s, 1); /* the row names Ben */
  must_release(&s, 1, 1);
  must_release(&s, 2, 1);
  assert_string_equal(heard_of(&s, PGR_MOMENT_TOLD, 1, 3)->message, "It was not yours any more");
  assert_string_equal(heard_of(&s, PGR_MOMENT_TOLD, 2, 3)->message, "Conversation given back");
  assert_string_equal(pgr_inbox_conversation(s.inbox, 1)->told[0].message, "It was not yours any more");
  close_show(&s);
}

static void a_contest_is_told_step_by_step(void **state) {
  show s;
  open_show(&s, *state, "naive", WIDE_NS);
  claim_in_turn(&s, 2);
  const pgr_contest *c = pgr_inbox_contest(s.inbox);
  assert_int_equal(c->number, 1);
  assert_int_equal(c->key, 2);
  assert_int_equal(c->step_count, 6);
  assert_int_equal(c->doubled, 2);
  assert_false(c->cut);
  assert_string_equal(c->steps[0].sql, "SELECT texter_id IS NULL AS free FROM conversations WHERE id = 2");
  assert_string_equal(c->steps[0].value, "t");
  assert_string_equal(c->steps[1].value, "t");
  assert_int_equal(c->steps[1].agent, 2);
  assert_string_equal(c->steps[2].sql, "UPDATE conversations SET texter_id = 1 WHERE id = 2");
  assert_int_equal(c->steps[2].rows, 1);
  assert_int_equal(c->steps[0].outcome, PGR_OUTCOME_COUNT);
  assert_int_equal(c->steps[2].outcome, PGR_OUTCOME_OK);
  for (int k = 0; k < c->step_count; k++) {
    assert_int_equal(c->steps[k].step, k + 1);
    assert_true(c->steps[k].answered_ns >= c->steps[k].sent_ns && c->steps[k].sent_ns > 0);
    assert_int_equal(c->steps[k].waits_ns, 0);
    if (k) assert_true(c->steps[k].sent_ns >= c->steps[k - 1].sent_ns);
  }
  assert_int_equal(strlen(state_of(&s).order), 6);
  must_claim(&s, 1, 3);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_contest(s.inbox)->number, 2);
  assert_int_equal(pgr_inbox_contest(s.inbox)->key, 3);
  close_show(&s);
}

static void the_trigger_rejects_the_second(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "trigger", WIDE_NS);
  claim_in_turn(&s, 1);
  const heard *told = heard_of(&s, PGR_MOMENT_TOLD, 2, 1);
  assert_int_equal(told->moment.outcome, PGR_OUTCOME_REJECTED);
  assert_string_equal(told->sqlstate, "23514");
  assert_string_equal(told->constraint, "conversation_texter_assignment_constraint");
  assert_string_equal(told->message, "This conversation is already checked out");
  const heard *answer = heard_of(&s, PGR_MOMENT_ANSWERED, 2, 2);
  assert_string_equal(answer->sqlstate, "23514");
  assert_string_equal(answer->constraint, "conversation_texter_assignment_constraint");
  assert_int_equal(answer->moment.rows, -1);
  const pgr_conversation *c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->owners, 1);
  assert_int_equal(c->told[1].outcome, PGR_OUTCOME_REJECTED);
  assert_false(c->told[1].owns);
  pgr_inbox_counts counts = counts_of(&s);
  assert_int_equal(counts.outcomes[PGR_OUTCOME_REJECTED], 1);
  assert_int_equal(counts.doubled, 0);
  assert_int_equal(counts.doubly_answered, 0);
  assert_int_equal(counts.contested, 1);
  check_explained(&s, "rejected Ben's claim");
  /* Given back, it is the other's to have: another contest. */
  must(pgr_inbox_release(s.inbox, 1, 1, &err), &err);
  AWAIT(&s, is_quiet);
  c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->owners, 0);
  assert_int_equal(c->told[0].operation, RELEASE);
  assert_false(c->told[0].owns);
  assert_int_equal(pgr_inbox_contest(s.inbox)->number, 1);
  must_claim(&s, 2, 1);
  AWAIT(&s, is_quiet);
  c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->owners, 1);
  assert_true(c->told[1].owns);
  assert_int_equal(pgr_inbox_contest(s.inbox)->number, 2);
  assert_int_equal(counts_of(&s).doubled, 0);
  check_record(&s, 0);
  close_show(&s);
}

/* What could not be given back is still owned, and the next owner is one too many. */
static void a_release_that_fails_ends_nothing(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", 0);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  must(pgr_db_exec(s.f->db,
                   "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS"
                   " $$BEGIN RAISE EXCEPTION 'no'; END$$;"
                   "CREATE TRIGGER no BEFORE UPDATE ON conversations FOR EACH ROW EXECUTE FUNCTION no()",
                   &err),
       &err);
  must(pgr_inbox_release(s.inbox, 1, 1, &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 1, RELEASE), PGR_OUTCOME_FAILED);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->owners, 1);
  assert_true(pgr_inbox_conversation(s.inbox, 1)->told[0].owns);
  must(pgr_db_exec(s.f->db, "DROP TRIGGER no ON conversations; UPDATE conversations SET texter_id = NULL", &err), &err);
  must_claim(&s, 2, 1);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->owners, 2);
  assert_int_equal(counts_of(&s).doubled, 1);
  check_record(&s, 0);
  close_show(&s);
}

/* Who tried to leave, and could not, was an owner all the time: also beside one who came and left meanwhile. */
static void an_owner_who_could_not_leave_had_company(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", 0);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  must(pgr_db_exec(s.f->db,
                   "CREATE SEQUENCE releases;"
                   "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN"
                   " IF current_query() LIKE '%texter_id = NULL%' AND nextval('releases') = 1 THEN"
                   "  PERFORM pg_advisory_lock(1); RAISE EXCEPTION 'no'; END IF;"
                   " RETURN NULL; END$$;"
                   "CREATE TRIGGER no BEFORE UPDATE ON conversations EXECUTE FUNCTION no();"
                   "SELECT pg_advisory_lock(1)",
                   &err),
       &err);
  must(pgr_inbox_release(s.inbox, 1, 1, &err), &err);
  AWAIT(&s, first_waits);
  must(pgr_db_exec(s.f->db, "UPDATE conversations SET texter_id = NULLIF(1, 1) WHERE id = 1", &err), &err);
  must_claim(&s, 2, 1);
  AWAIT(&s, second_is_free);
  assert_int_equal(outcome_of(&s, 2, CLAIM), PGR_OUTCOME_OK);
  must(pgr_inbox_release(s.inbox, 2, 1, &err), &err);
  AWAIT(&s, second_is_free);
  assert_int_equal(outcome_of(&s, 2, RELEASE), PGR_OUTCOME_OK);
  assert_int_equal(counts_of(&s).doubled, 0);
  must(pgr_db_exec(s.f->db, "SELECT pg_advisory_unlock(1)", &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 1, RELEASE), PGR_OUTCOME_FAILED);
  const pgr_conversation *c = pgr_inbox_conversation(s.inbox, 1);
  assert_int_equal(c->owners, 1);
  assert_int_equal(c->owners_most, 2);
  assert_int_equal(counts_of(&s).doubled, 1);
  assert_int_equal(heard_of(&s, PGR_MOMENT_DOUBLED, 1, 1)->moment.owners, 2);
  check_record(&s, 0);
  close_show(&s);
}

static void one_after_the_other_is_one_contest(void **state) {
  show s;
  open_show(&s, *state, "naive", 0);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  must_claim(&s, 2, 1);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 2, CLAIM), PGR_OUTCOME_REFUSED);
  assert_int_equal(pgr_inbox_contest(s.inbox)->number, 1);
  assert_int_equal(pgr_inbox_contest(s.inbox)->step_count, 4);
  assert_int_equal(counts_of(&s).contested, 0);
  check_explained(&s, "One after the other");
  close_show(&s);
}

static void a_lock_is_waited_for(void **state) {
  show s;
  char text[64];
  open_show(&s, *state, "for-update", WIDE_NS);
  must_claim(&s, 1, 1);
  AWAIT(&s, first_thinks);
  must_claim(&s, 2, 1);
  AWAIT(&s, second_waits);
  assert_int_equal(state_of(&s).seats[1].waits_for, 1);
  assert_true(state_of(&s).seats[1].in_flight);
  AWAIT(&s, is_quiet);
  assert_string_equal(told_in_short(&s, 2, text), "S><>w<><T"); /* BEGIN, SELECT, ROLLBACK */
  const heard *wait = heard_of(&s, PGR_MOMENT_WAITS, 2, 1);
  assert_int_equal(wait->moment.for_agent, 1);
  assert_int_equal(wait->moment.step, heard_of(&s, PGR_MOMENT_SENT, 2, 2)->moment.step);
  assert_int_equal(outcome_of(&s, 2, CLAIM), PGR_OUTCOME_REFUSED);
  const pgr_contest *c = pgr_inbox_contest(s.inbox);
  const pgr_contest_step *waited = NULL;
  for (int k = 0; k < c->step_count; k++)
    if (c->steps[k].waits_ns) waited = &c->steps[k];
  assert_non_null(waited);
  assert_int_equal(waited->agent, 2);
  assert_int_equal(waited->waits_for, 1);
  assert_true(waited->sent_ns <= waited->waits_ns && waited->waits_ns <= waited->answered_ns);
  assert_string_equal(waited->value, "f");
  assert_int_equal(counts_of(&s).doubled, 0);
  check_record(&s, 0);
  check_explained(&s, "Ben waited for Ada");
  close_show(&s);
}

/* Every strategy, both at once, twice: exactly the naive ones give a conversation to both. */
static void both_at_once_by_every_strategy(void **state) {
  for (int k = 0; k < claim->strategy_count; k++) {
    const pgr_strategy *strategy = &claim->strategies[k];
    bool races = strategy->at[strategy->first].expect == PGR_EXPECT_RACE;
    show s;
    pgr_err err;
    bool retries = strcmp(strategy->name, "repeatable-read") == 0 || strcmp(strategy->name, "serializable") == 0;
    open_show(&s, *state, strategy->name, races || retries ? WIDE_NS : 20 * PGR_NS_PER_MS);
    for (int64_t key = 1; key <= 2; key++) {
      must(pgr_inbox_claim_both(s.inbox, key, &err), &err);
      AWAIT(&s, is_quiet);
      const pgr_conversation *c = pgr_inbox_conversation(s.inbox, key);
      if (c->owners_most != (races ? 2U : 1U) || c->owners != c->owners_most)
        fail_msg("%s: %u owners", strategy->name, (unsigned)c->owners_most);
      assert_int_equal(c->replies, c->owners);
    }
    pgr_inbox_counts counts = counts_of(&s);
    assert_int_equal(counts.doubled, races ? 2 : 0);
    assert_int_equal(counts.contested, 2);
    assert_int_equal(counts.outcomes[PGR_OUTCOME_FAILED], 0);
    assert_int_equal(counts.outcomes[PGR_OUTCOME_RETRIED] > 0, retries);
    check_explained(&s, races ? "Two agents own" : retries ? "had to try again" : "");
    check_record(&s, 0);
    close_show(&s);
  }
}

/* ---- step by step ---- */

static void nothing_is_sent_before_its_turn(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", PGR_NS_PER_S);
  pgr_inbox_set_stepping(s.inbox, true);
  must(pgr_inbox_claim_both(s.inbox, 1, &err), &err);
  assert_int_equal(pgr_inbox_step(s.inbox, 1, &err), PGR_EUSAGE); /* it has not come to its statement yet */
  AWAIT(&s, all_parked);
  assert_string_equal(state_of(&s).seats[1].sql, "SELECT texter_id IS NULL AS free FROM conversations WHERE id = 1");
  assert_int_equal(count_heard(&s, PGR_MOMENT_SENT, 1) + count_heard(&s, PGR_MOMENT_SENT, 2), 0);
  static const uint32_t turns[] = {1, 2, 1, 2};
  for (size_t k = 0; k < sizeof turns / sizeof *turns; k++) {
    must(pgr_inbox_step(s.inbox, turns[k], &err), &err);
    assert_int_equal(pgr_inbox_step(s.inbox, turns[k], &err), PGR_EUSAGE);
    AWAIT(&s, all_parked);
  }
  assert_string_equal(state_of(&s).order, "ABAB");
  assert_int_equal(counts_of(&s).doubled, 1);
  assert_int_equal(count_heard(&s, PGR_MOMENT_PAUSED, 1), 0); /* nobody thinks step by step */
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->replies, 0);
  /* Leaving lets them go on. */
  pgr_inbox_set_stepping(s.inbox, false);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->replies, 2);
  check_record(&s, 0);
  close_show(&s);
}

/* Stepping that begins in the midst parks what goes on. */
static void stepping_begins_in_the_midst(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", 50 * PGR_NS_PER_MS);
  must_claim(&s, 1, 1);
  AWAIT(&s, first_thinks);
  pgr_seat_state seat = state_of(&s).seats[0];
  assert_true(seat.busy && seat.key == 1 && seat.operation == CLAIM && !seat.parked && !seat.in_flight);
  assert_false(state_of(&s).seats[1].busy);
  pgr_inbox_set_stepping(s.inbox, true);
  AWAIT(&s, all_parked);
  assert_string_equal(state_of(&s).seats[0].sql, "UPDATE conversations SET texter_id = 1 WHERE id = 1");
  must(pgr_inbox_step(s.inbox, 1, &err), &err);
  pgr_inbox_set_stepping(s.inbox, false);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->replies, 1);
  close_show(&s);
}

static void play(show *s, const char *order) {
  pgr_err err;
  int64_t last = state_of(s).last;
  must(pgr_inbox_play(s->inbox, order, &err), &err);
  assert_int_equal(state_of(s).last, last + 1);
  assert_int_equal(state_of(s).order_left, (int)strlen(order));
  AWAIT(s, is_quiet);
}

static void orders_decide(void **state) {
  static const struct {
    const char *order, *went;
    bool doubles;
  } cases[] = {{"ABAB", "ABAB", true}, {"ABBA", "ABBA", true},  {"BAAB", "BAAB", true},
               {"AABB", "AAB", false}, {"BBBA", "BBBA", false}, {"AB", "AB", true}};
  show s;
  uint64_t doubled = 0;
  open_show(&s, *state, "naive", PGR_NS_PER_S);
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    play(&s, cases[k].order);
    pgr_inbox_state now = state_of(&s);
    assert_true(now.stepping);
    assert_string_equal(now.trouble, "");
    assert_memory_equal(now.order, cases[k].went, strlen(cases[k].went));
    doubled += cases[k].doubles;
    assert_int_equal(counts_of(&s).doubled, doubled);
    assert_int_equal(pgr_inbox_conversation(s.inbox, now.last)->owners, cases[k].doubles ? 2 : 1);
  }
  check_record(&s, 0);
  close_show(&s);
}

static void an_impossible_order_is_told(void **state) {
  show s;
  open_show(&s, *state, "for-update", PGR_NS_PER_S);
  play(&s, "AABBBA");
  pgr_inbox_state now = state_of(&s);
  if (!strstr(now.trouble, "Step 5 of AABBBA") || !strstr(now.trouble, "Ben") || !strstr(now.trouble, "Ada"))
    fail_msg("trouble: '%s'", now.trouble);
  assert_memory_equal(now.order, "AABBA", 5);
  assert_int_equal(count_heard(&s, PGR_MOMENT_WAITS, 2), 1);
  assert_int_equal(pgr_inbox_conversation(s.inbox, now.last)->owners, 1);
  assert_int_equal(outcome_of(&s, 2, CLAIM), PGR_OUTCOME_REFUSED);
  /* What waits goes on once the lock is free, and then it can be its turn again; the trouble is over. */
  play(&s, "AABBAAB");
  now = state_of(&s);
  assert_string_equal(now.trouble, "");
  assert_memory_equal(now.order, "AABBAAB", 7);
  close_show(&s);
}

/* ---- the crowd ---- */

static void a_crowd_claims_a_campaign(void **state) {
  static const char *const names[] = {"naive", "trigger", "for-update-nowait"};
  for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
    show s;
    pgr_err err;
    open_show(&s, *state, names[k], 10 * PGR_NS_PER_MS);
    must(pgr_inbox_campaign(s.inbox, 100, &err), &err);
    assert_int_equal(pgr_inbox_campaign(s.inbox, 100, &err), PGR_EUSAGE);
    assert_int_equal(state_of(&s).crowd_busy, PGR_CROWD);
    assert_int_equal(pgr_inbox_claim(s.inbox, 1, 7, &err), PGR_EUSAGE); /* no person may mix in */
    AWAIT(&s, is_quiet);
    pgr_inbox_counts counts = counts_of(&s);
    assert_int_equal(counts.doubled > 0, k == 0);
    assert_int_equal(counts.doubly_answered, counts.doubled);
    assert_true(counts.contested > 0);
    assert_int_equal(counts.outcomes[PGR_OUTCOME_FAILED] + counts.outcomes[PGR_OUTCOME_UNKNOWN], 0);
    uint64_t doubled = 0, owned = 0;
    for (int64_t key = 6; key <= 105; key++) {
      const pgr_conversation *c = pgr_inbox_conversation(s.inbox, key);
      assert_true(c->campaign);
      assert_true(c->told_count >= 1);
      doubled += c->owners_most > 1;
      owned += c->owners > 0;
      for (uint32_t n = 1; n < c->told_count && n < PGR_INBOX_TOLD_MAX; n++)
        assert_true(c->told[n].agent != 1); /* a seat comes first */
    }
    assert_int_equal(doubled, counts.doubled);
    if (k < 2) assert_int_equal(owned, 100);
    check_record(&s, 0);
    close_show(&s);
  }
}

static bool has_steps(const pgr_trace *t, const pgr_op *op) {
  for (size_t k = 0; k < t->count; k++)
    if (t->steps[k].round == op->round && t->steps[k].agent == op->agent) return true;
  return false;
}

/* What is kept of statements is full of conversations with one owner when the first gets two. */
static void what_breaks_late_can_be_told(void **state) {
  show s;
  pgr_err err;
  pgr_inbox_record r;
  pgr_code code;
  pgr_ownership_report report = {0};
  open_show(&s, *state, "trigger", 0);
  while (3 * counts_of(&s).replies < PGR_TRACE_STEPS_MAX) { /* of three statements each */
    must(pgr_inbox_campaign(s.inbox, PGR_INBOX_CAMPAIGN_MAX, &err), &err);
    AWAIT(&s, is_quiet);
  }
  assert_int_equal(counts_of(&s).doubled, 0);
  must(pgr_db_exec(s.f->db, "ALTER TABLE conversations DISABLE TRIGGER USER", &err), &err);
  must(pgr_inbox_set_gap(s.inbox, WIDE_NS, &err), &err);
  must(pgr_inbox_arrive(s.inbox, 1, &err), &err);
  must(pgr_inbox_claim_both(s.inbox, state_of(&s).last, &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(counts_of(&s).doubled, 1);
  assert_true(pgr_inbox_record_of(s.inbox, 0, &r, &code));
  must(pgr_verify_ownership(r.history, (pgr_ownership_model){CLAIM, RELEASE, 1}, &report, &err), &err);
  assert_int_equal(report.kept_count, 1);
  assert_true(has_steps(&r.trace, pgr_history_at(r.history, report.kept[0].first)));
  assert_true(has_steps(&r.trace, pgr_history_at(r.history, report.kept[0].second)));
  pgr_ownership_report_deinit(&report);
  pgr_inbox_record_deinit(&r);
  close_show(&s);
}

/* ---- strategies and databases ---- */

static void coming_back_goes_on(void **state) {
  show s;
  pgr_err err;
  pgr_inbox_record r;
  pgr_code code;
  open_show(&s, *state, "naive", WIDE_NS);
  must(pgr_inbox_claim_both(s.inbox, 5, &err), &err);
  AWAIT(&s, is_quiet);
  use(&s, "conditional-update", false); /* needs nothing else installed */
  pgr_inbox_state now = state_of(&s);
  assert_true(now.last < now.first); /* an empty inbox */
  assert_int_equal(counts_of(&s).doubled, 0);
  assert_int_equal(counts_of(&s).outcomes[PGR_OUTCOME_OK], 0);
  assert_null(pgr_inbox_conversation(s.inbox, 5));
  assert_int_equal(pgr_inbox_contest(s.inbox)->number, 0);
  use(&s, "naive", false);
  assert_int_equal(counts_of(&s).doubled, 1);
  must(pgr_inbox_arrive(s.inbox, 1, &err), &err);
  assert_int_equal(state_of(&s).first, 6); /* what was in the inbox once does not come again */
  must(pgr_inbox_claim_both(s.inbox, 6, &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(counts_of(&s).doubled, 2);
  assert_int_equal(pgr_inbox_contest(s.inbox)->number, 2);
  check_record(&s, 0);
  assert_true(pgr_inbox_record_of(s.inbox, 0, &r, &code));
  assert_int_equal(r.rounds, 2);
  assert_int_equal(r.served, 2);
  assert_int_equal(r.gap_ns, WIDE_NS);
  assert_true(r.elapsed_ns > 0 && r.trace.count == 12);
  pgr_inbox_record_deinit(&r);
  assert_true(pgr_inbox_record_of(s.inbox, 1, &r, &code));
  assert_string_equal(r.strategy->name, "conditional-update");
  assert_int_equal(r.rounds, 0);
  pgr_inbox_record_deinit(&r);
  assert_false(pgr_inbox_record_of(s.inbox, 2, &r, &code));
  set_stage(*state, "naive");
  use(&s, "naive", true);
  assert_int_equal(counts_of(&s).doubled, 0);
  assert_false(pgr_inbox_record_of(s.inbox, 1, &r, &code));
  must(pgr_inbox_arrive(s.inbox, 1, &err), &err);
  assert_int_equal(state_of(&s).first, 1);
  close_show(&s);
}

/* A use in the midst abandons what is under way. */
static void what_is_under_way_is_abandoned(void **state) {
  show s;
  pgr_err err;
  pgr_inbox_record r;
  pgr_code code;
  open_show(&s, *state, "naive", 10 * PGR_NS_PER_S);
  must_claim(&s, 1, 1);
  must(pgr_inbox_campaign(s.inbox, 20, &err), &err);
  AWAIT(&s, first_thinks);
  assert_true(pgr_inbox_record_of(s.inbox, 0, &r, &code));
  assert_true(pgr_rounds_has(&r.unfinished, 1) && !pgr_rounds_has(&r.unfinished, 2));
  pgr_inbox_record_deinit(&r);
  use(&s, "naive", false);
  assert_true(is_quiet(&s));
  assert_true(counts_of(&s).outcomes[PGR_OUTCOME_UNKNOWN] >= 1);
  must(pgr_inbox_arrive(s.inbox, 1, &err), &err);
  must_claim(&s, 1, state_of(&s).last);
  pgr_inbox_leave(s.inbox, "for lunch");
  assert_true(is_quiet(&s));
  assert_string_equal(state_of(&s).why, "for lunch.");
  assert_int_equal(pgr_inbox_claim(s.inbox, 1, 26, &err), PGR_EUSAGE);
  assert_non_null(strstr(err.msg, "for lunch"));
  close_show(&s);
}

static void end_who_waits(const show *s) {
  int64_t ended = 0;
  while (ended == 0) /* its backend must have begun to wait */
    ended =
        number(s->f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
}

/* What had two owners can be told, though nobody came to the end of it. */
static void what_was_doubled_before_it_was_abandoned_can_be_told(void **state) {
  static const uint32_t turns[] = {1, 2, 1, 2};
  show s;
  pgr_err err;
  pgr_inbox_record r;
  pgr_code code;
  open_show(&s, *state, "naive", 0);
  pgr_inbox_set_stepping(s.inbox, true);
  must(pgr_inbox_claim_both(s.inbox, 1, &err), &err);
  AWAIT(&s, all_parked);
  for (size_t k = 0; k < sizeof turns / sizeof *turns; k++) {
    must(pgr_inbox_step(s.inbox, turns[k], &err), &err);
    AWAIT(&s, all_parked);
  }
  assert_int_equal(counts_of(&s).doubled, 1);
  pgr_inbox_leave(s.inbox, "for lunch");
  assert_true(pgr_inbox_record_of(s.inbox, 0, &r, &code));
  assert_int_equal(r.unfinished.count, 0);
  assert_int_equal(r.trace.count, 4);
  pgr_inbox_record_deinit(&r);
  check_record(&s, 0);
  close_show(&s);
}

static void a_lost_connection_is_unknown(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", 0);
  must(pgr_db_exec(s.f->db, "BEGIN; LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE", &err), &err);
  must_claim(&s, 1, 1);
  AWAIT(&s, first_in_flight);
  end_who_waits(&s);
  AWAIT(&s, is_quiet);
  must(pgr_db_exec(s.f->db, "COMMIT", &err), &err);
  const heard *told = heard_of(&s, PGR_MOMENT_TOLD, 1, 1);
  assert_int_equal(told->moment.outcome, PGR_OUTCOME_UNKNOWN);
  assert_int_equal(count_heard(&s, PGR_MOMENT_ANSWERED, 1), 1); /* its statement is not left open */
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->owners, 0);
  assert_int_equal(s.aways, 0);
  /* It may be hers: she may give it back, once. */
  must(pgr_inbox_release(s.inbox, 1, 1, &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 1, RELEASE), PGR_OUTCOME_OK);
  assert_int_equal(pgr_inbox_release(s.inbox, 1, 1, &err), PGR_EUSAGE);
  must_claim(&s, 1, 1);
  must_claim(&s, 2, 2);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->owners, 1);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 2)->owners, 1);
  check_record(&s, 0);
  close_show(&s);
}

/* Nobody knows whether it was given back, so it can be tried once more. */
static void a_release_that_may_have_happened_can_be_tried_again(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", 0);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  must(pgr_db_exec(s.f->db, "BEGIN; LOCK TABLE conversations IN ACCESS EXCLUSIVE MODE", &err), &err);
  must(pgr_inbox_release(s.inbox, 1, 1, &err), &err);
  AWAIT(&s, first_in_flight);
  end_who_waits(&s);
  AWAIT(&s, is_quiet);
  must(pgr_db_exec(s.f->db, "COMMIT", &err), &err);
  assert_int_equal(outcome_of(&s, 1, RELEASE), PGR_OUTCOME_UNKNOWN);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->owners, 0);
  must(pgr_inbox_release(s.inbox, 1, 1, &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_release(s.inbox, 1, 1, &err), PGR_EUSAGE);
  must_claim(&s, 2, 1);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 2, CLAIM), PGR_OUTCOME_OK);
  check_record(&s, 0);
  close_show(&s);
}

/* While others hold the server's connections there is none for the inbox. */
static void room_for_connections_is_waited_for(void **state) {
  enum { OTHERS_MAX = 100 };
  show s = open_unused(*state);
  pgr_db *others[OTHERS_MAX];
  int count = 0;
  pgr_err err;
  must(pgr_inbox_create(s.loop, claim, (pgr_inbox_events){on_moment, on_changed, on_away, &s}, &s.inbox, &err), &err);
  set_stage(*state, "naive");
  while (count < OTHERS_MAX && pgr_db_connect(s.f->target, &others[count], &err) == PGR_OK)
    count++;
  assert_true(count < OTHERS_MAX);
  must(pgr_inbox_use(s.inbox, s.f->target, strategy_of("naive"), 1, KEYS, false, &err), &err);
  assert_int_equal(pgr_timer_start(s.loop, &s.late, pgr_now_ns() + 300 * PGR_NS_PER_MS), PGR_OK);
  while (!s.is_late)
    pgr_loop_turn(s.loop, true);
  assert_int_equal(state_of(&s).database, PGR_INBOX_PREPARING);
  while (count > 0)
    pgr_db_close(others[--count]);
  AWAIT(&s, is_ready);
  assert_int_equal(s.aways, 0);
  must(pgr_inbox_arrive(s.inbox, 1, &err), &err);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 1, CLAIM), PGR_OUTCOME_OK);
  close_show(&s);
}

/* Whoever leaves before it was seen that there is no database is not taken back there: its target may be gone. */
static void leaving_is_for_good(void **state) {
  show s = open_unused(*state);
  pgr_target *nowhere;
  pgr_err err;
  must(pgr_inbox_create(s.loop, claim, (pgr_inbox_events){on_moment, on_changed, on_away, &s}, &s.inbox, &err), &err);
  must(pgr_target_private("/nowhere", 1, "nobody", &nowhere, &err), &err);
  must(pgr_inbox_use(s.inbox, nowhere, strategy_of("naive"), 1, KEYS, false, &err), &err);
  pgr_inbox_leave(s.inbox, "for lunch");
  pgr_target_destroy(nowhere);
  assert_int_equal(pgr_timer_start(s.loop, &s.late, pgr_now_ns() + 300 * PGR_NS_PER_MS), PGR_OK);
  while (!s.is_late)
    pgr_loop_turn(s.loop, true);
  assert_string_equal(state_of(&s).why, "for lunch.");
  assert_int_equal(s.aways, 0);
  close_show(&s);
}

/* All connections are lost, but the server is there: it comes back by itself. */
static void a_moment_without_the_database_passes(void **state) {
  show s;
  open_show(&s, *state, "naive", 0);
  number(s.f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND "
              "backend_type = 'client backend'");
  AWAIT(&s, is_away);
  assert_string_equal(state_of(&s).why, "The database does not answer.");
  pgr_err err;
  assert_int_equal(pgr_inbox_claim(s.inbox, 1, 1, &err), PGR_EUSAGE);
  AWAIT(&s, is_ready);
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  assert_int_equal(outcome_of(&s, 1, CLAIM), PGR_OUTCOME_OK);
  assert_int_equal(s.aways, 0);
  close_show(&s);
}

static void a_stopped_server_is_told(void **state) {
  (void)state;
  fixture own = {0};
  show s;
  pgr_err err;
  must(pgr_server_start(&(pgr_server_options){.max_connections = 40}, &own.server, &err), &err);
  must(pgr_target_private(pgr_server_socket_dir(own.server), pgr_server_port(own.server), pgr_server_user(own.server),
                          &own.target, &err),
       &err);
  must(pgr_db_connect(own.target, &own.db, &err), &err);
  open_show(&s, &own, "naive", 10 * PGR_NS_PER_S);
  must_claim(&s, 1, 1);
  AWAIT(&s, first_thinks);
  pgr_db_close(own.db);
  pgr_server_stop(own.server);
  AWAIT(&s, is_away);
  assert_int_equal(s.aways, 0); /* it may come back */
  assert_true(is_quiet(&s));    /* what was under way is over, as far as anybody knows */
  AWAIT(&s, was_away);
  assert_int_equal(s.aways, 1);
  assert_true(*s.why != '\0' && is_away(&s) && is_quiet(&s));
  close_show(&s);
  pgr_target_destroy(own.target);
}

/* ---- what cannot be done ---- */

#define REFUSED(call, text)                                                                                            \
  do {                                                                                                                 \
    pgr_err refused_err = {.msg = ""};                                                                                 \
    assert_int_equal(call, PGR_EUSAGE);                                                                                \
    if (!strstr(refused_err.msg, text)) fail_msg("'%s' lacks '%s'", refused_err.msg, text);                            \
  } while (0)

static void what_cannot_be_done_is_refused(void **state) {
  show s = open_unused(*state);
  pgr_err err;
  must(pgr_inbox_create(s.loop, claim, (pgr_inbox_events){on_moment, on_changed, on_away, &s}, &s.inbox, &err), &err);
  REFUSED(pgr_inbox_claim(s.inbox, 1, 1, &refused_err), "no database");
  REFUSED(pgr_inbox_arrive(s.inbox, 1, &refused_err), "no database");
  REFUSED(pgr_inbox_play(s.inbox, "ABBA", &refused_err), "no database");
  set_stage(*state, "naive");
  must(pgr_inbox_set_gap(s.inbox, PGR_INBOX_GAP_MAX_S * PGR_NS_PER_S, &err), &err);
  must(pgr_inbox_use(s.inbox, s.f->target, strategy_of("naive"), 1, KEYS, false, &err), &err);
  REFUSED(pgr_inbox_claim(s.inbox, 1, 1, &refused_err), "being made");
  AWAIT(&s, is_ready);
  REFUSED(pgr_inbox_claim(s.inbox, 1, 1, &refused_err), "no conversation 1 in the inbox");
  must(pgr_inbox_arrive(s.inbox, 2, &err), &err);
  REFUSED(pgr_inbox_claim(s.inbox, 3, 1, &refused_err), "agents 1 and 2");
  REFUSED(pgr_inbox_claim(s.inbox, 0, 1, &refused_err), "agents 1 and 2");
  REFUSED(pgr_inbox_release(s.inbox, 1, 1, &refused_err), "Ada does not own conversation 1");
  REFUSED(pgr_inbox_step(s.inbox, 1, &refused_err), "no statement to send");
  REFUSED(pgr_inbox_play(s.inbox, "", &refused_err), "A and B");
  REFUSED(pgr_inbox_play(s.inbox, "ABC", &refused_err), "A and B");
  char longest[PGR_INBOX_ORDER_MAX + 2];
  memset(longest, 'A', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  REFUSED(pgr_inbox_play(s.inbox, longest, &refused_err), "at most 64");
  REFUSED(pgr_inbox_set_gap(s.inbox, -1, &refused_err), "gap");
  REFUSED(pgr_inbox_set_gap(s.inbox, PGR_INBOX_GAP_MAX_S * PGR_NS_PER_S + 1, &refused_err), "gap");
  REFUSED(pgr_inbox_campaign(s.inbox, PGR_INBOX_CAMPAIGN_MAX + 1, &refused_err), "at most 200");
  REFUSED(pgr_inbox_campaign(s.inbox, 0, &refused_err), "Between 1 and");
  REFUSED(pgr_inbox_arrive(s.inbox, PGR_INBOX_CONVERSATIONS_MAX + 1, &refused_err), "Between 1 and 400");
  must(pgr_inbox_campaign(s.inbox, 1, &err), &err);
  REFUSED(pgr_inbox_claim(s.inbox, 1, 3, &refused_err), "conversation 3 came with a campaign");
  REFUSED(pgr_inbox_claim_both(s.inbox, 3, &refused_err), "conversation 3 came with a campaign");
  must_claim(&s, 1, 1);
  REFUSED(pgr_inbox_claim(s.inbox, 1, 2, &refused_err), "Ada is still at conversation 1 (claim)");
  REFUSED(pgr_inbox_claim_both(s.inbox, 2, &refused_err), "Ada is still");
  REFUSED(pgr_inbox_play(s.inbox, "AB", &refused_err), "Wait");
  assert_false(state_of(&s).seats[1].busy);
  REFUSED(pgr_inbox_arrive(s.inbox, PGR_INBOX_CONVERSATIONS_MAX, &refused_err), "somebody is at conversation 1");
  close_show(&s);
}

/* Each allocation in turn fails. */
static void no_memory_is_told(void **state) {
  int failed = 0;
  set_stage(*state, "naive");
  for (unsigned long nth = 1; nth < 400; nth += 1 + nth / 8) {
    show s = open_unused(*state);
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code =
        pgr_inbox_create(s.loop, claim, (pgr_inbox_events){on_moment, on_changed, on_away, &s}, &s.inbox, &err);
    if (!code) code = pgr_inbox_use(s.inbox, s.f->target, strategy_of("naive"), 1, KEYS, false, &err);
    pgr_mem_fail_nth(0);
    failed += code == PGR_ENOMEM;
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    if (s.inbox) {
      assert_int_equal(state_of(&s).database, code ? PGR_INBOX_AWAY : PGR_INBOX_PREPARING);
      if (code) use(&s, "naive", false); /* there is memory again */
      pgr_inbox_close(s.inbox);
    }
    pgr_loop_finish(s.loop);
    pgr_loop_join(s.loop);
    pgr_inbox_destroy(s.inbox);
    pgr_loop_destroy(s.loop);
    free(s.heard);
  }
  assert_true(failed > 10);
}

/* Then nothing begins; what has begun comes to its end. */
static void so_many_operations_are_kept(void **state) {
  show s;
  pgr_err err;
  pgr_inbox_record r;
  pgr_code code;
  open_show(&s, *state, "naive", 0);
  pgr_inbox_set_stepping(s.inbox, true);
  must(pgr_inbox_claim_both(s.inbox, 1, &err), &err);
  AWAIT(&s, all_parked);
  pgr_inbox_keep_at_most(s.inbox, 1);
  for (int k = 0; !is_quiet(&s) && k < 8; k++) { /* Ada first, then Ben */
    must(pgr_inbox_step(s.inbox, state_of(&s).seats[0].busy ? 1 : 2, &err), &err);
    AWAIT(&s, all_parked);
  }
  assert_true(is_quiet(&s));
  assert_int_equal(outcome_of(&s, 1, REPLY), PGR_OUTCOME_OK);
  assert_int_equal(outcome_of(&s, 2, CLAIM), PGR_OUTCOME_REFUSED);
  REFUSED(pgr_inbox_claim(s.inbox, 2, 2, &refused_err), "1 operations of this strategy are known");
  REFUSED(pgr_inbox_claim_both(s.inbox, 2, &refused_err), "no more are kept");
  REFUSED(pgr_inbox_release(s.inbox, 1, 1, &refused_err), "no more are kept");
  REFUSED(pgr_inbox_arrive(s.inbox, 1, &refused_err), "no more are kept");
  REFUSED(pgr_inbox_campaign(s.inbox, 1, &refused_err), "no more are kept");
  REFUSED(pgr_inbox_play(s.inbox, "AB", &refused_err), "no more are kept");
  pgr_inbox_set_stepping(s.inbox, false);
  /* A campaign ends before all have tried everything. */
  enum { KEPT = 100 };
  pgr_inbox_keep_at_most(s.inbox, KEPT);
  must(pgr_inbox_campaign(s.inbox, PGR_INBOX_CAMPAIGN_MAX, &err), &err);
  AWAIT(&s, is_quiet);
  assert_true(pgr_inbox_record_of(s.inbox, 0, &r, &code));
  assert_true(pgr_history_count(r.history) >= KEPT);
  assert_true(pgr_history_count(r.history) <= KEPT + 2 * PGR_CROWD);
  pgr_inbox_record_deinit(&r);
  REFUSED(pgr_inbox_arrive(s.inbox, 1, &refused_err), "no more are kept");
  pgr_inbox_keep_at_most(s.inbox, SIZE_MAX);
  must(pgr_inbox_arrive(s.inbox, 1, &err), &err);
  check_record(&s, 0);
  close_show(&s);
}

static void the_inbox_has_an_end(void **state) {
  show s;
  open_show(&s, *state, "naive", 0);
  pgr_err err;
  must_claim(&s, 1, 1);
  AWAIT(&s, is_quiet);
  REFUSED(pgr_inbox_claim(s.inbox, 1, 1, &refused_err), "Ada owns conversation 1 already");
  must(pgr_inbox_arrive(s.inbox, PGR_INBOX_CONVERSATIONS_MAX, &err), &err); /* those that came first leave */
  assert_null(pgr_inbox_conversation(s.inbox, 1));
  assert_int_equal(state_of(&s).first, 6);
  assert_int_equal(state_of(&s).last, 405);
  while (state_of(&s).last + PGR_INBOX_CONVERSATIONS_MAX <= KEYS)
    must(pgr_inbox_arrive(s.inbox, PGR_INBOX_CONVERSATIONS_MAX, &err), &err);
  REFUSED(pgr_inbox_arrive(s.inbox, PGR_INBOX_CONVERSATIONS_MAX, &refused_err), "are left");
  must_claim(&s, 2, state_of(&s).last);
  AWAIT(&s, is_quiet);
  assert_int_equal(counts_of(&s).outcomes[PGR_OUTCOME_OK], 2);
  check_record(&s, 0);
  close_show(&s);
}

/* ---- a loop with a thread of its own ---- */

typedef struct errand {
  pgr_message message; /* first: deliver casts back */
  show *s;
  int64_t key;
} errand;

static void on_errand_claim(pgr_message *m) {
  errand *e = (errand *)m;
  pgr_err err;
  must(pgr_inbox_claim_both(e->s->inbox, e->key, &err), &err);
}

static void on_errand_end(pgr_message *m) {
  errand *e = (errand *)m;
  pgr_inbox_close(e->s->inbox);
  pgr_loop_finish(e->s->loop);
}

static void a_started_loop_works_too(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "naive", WIDE_NS);
  errand begin = {.message.deliver = on_errand_claim, .s = &s, .key = 1};
  errand end = {.message.deliver = on_errand_end, .s = &s};
  must(pgr_loop_start(s.loop, "inbox", &err), &err);
  pgr_loop_post(s.loop, &begin.message);
  for (int64_t give_up_ns = pgr_now_ns() + PATIENCE_NS; number(s.f, "SELECT count(*) FROM replies") < 2;)
    if (pgr_now_ns() > give_up_ns) fail_msg("nobody answered");
  pgr_loop_post(s.loop, &end.message);
  pgr_loop_join(s.loop);
  assert_int_equal(counts_of(&s).doubled, 1);
  pgr_inbox_destroy(s.inbox);
  pgr_loop_destroy(s.loop);
  free(s.heard);
}

/* ---- */

static bool read_source(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  char full[1024];
  (void)user;
  snprintf(why, 128, "no such file");
  snprintf(full, sizeof full, "%s/%s", PGR_SOURCE_DIR, path);
  FILE *file = fopen(full, "r");
  if (!file) return false;
  *text = pgr_calloc(PGR_YAML_BYTES_MAX, 1);
  *len_bytes = *text ? fread(*text, 1, PGR_YAML_BYTES_MAX - 1, file) : 0;
  fclose(file);
  return *text != NULL;
}

static int set_up(void **state) {
  pgr_faults faults = {0};
  const pgr_reader reader = {.read = read_source};
  claim = pgr_scenario_load("scenarios/claim/claim.yaml", &reader, &faults);
  if (!claim) fprintf(stderr, "%s\n", faults.count ? faults.kept[0].text : "no memory");
  pgr_faults_deinit(&faults);
  return claim ? fixture_set_up(state) : -1;
}

static int tear_down(void **state) {
  pgr_scenario_destroy(claim);
  return fixture_tear_down(state);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(naive_gives_one_conversation_to_both),
                                     cmocka_unit_test(a_hand_over_is_no_contradiction),
                                     cmocka_unit_test(overlapping_answers_contradict),
                                     cmocka_unit_test(a_release_that_changes_nothing_says_so),
                                     cmocka_unit_test(a_contest_is_told_step_by_step),
                                     cmocka_unit_test(the_trigger_rejects_the_second),
                                     cmocka_unit_test(a_release_that_fails_ends_nothing),
                                     cmocka_unit_test(an_owner_who_could_not_leave_had_company),
                                     cmocka_unit_test(one_after_the_other_is_one_contest),
                                     cmocka_unit_test(a_lock_is_waited_for),
                                     cmocka_unit_test(both_at_once_by_every_strategy),
                                     cmocka_unit_test(nothing_is_sent_before_its_turn),
                                     cmocka_unit_test(stepping_begins_in_the_midst),
                                     cmocka_unit_test(orders_decide),
                                     cmocka_unit_test(an_impossible_order_is_told),
                                     cmocka_unit_test(a_crowd_claims_a_campaign),
                                     cmocka_unit_test(what_breaks_late_can_be_told),
                                     cmocka_unit_test(coming_back_goes_on),
                                     cmocka_unit_test(what_is_under_way_is_abandoned),
                                     cmocka_unit_test(what_was_doubled_before_it_was_abandoned_can_be_told),
                                     cmocka_unit_test(a_lost_connection_is_unknown),
                                     cmocka_unit_test(a_release_that_may_have_happened_can_be_tried_again),
                                     cmocka_unit_test(room_for_connections_is_waited_for),
                                     cmocka_unit_test(leaving_is_for_good),
                                     cmocka_unit_test(a_moment_without_the_database_passes),
                                     cmocka_unit_test(a_stopped_server_is_told),
                                     cmocka_unit_test(what_cannot_be_done_is_refused),
                                     cmocka_unit_test(no_memory_is_told),
                                     cmocka_unit_test(so_many_operations_are_kept),
                                     cmocka_unit_test(the_inbox_has_an_end),
                                     cmocka_unit_test(a_started_loop_works_too)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
