/* The demo's two people: clicks, contests, releases, step by step. */
#include "pgr_inbox_test.h"

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

/* An agent's last statement that waited; NULL. */
static const pgr_contest_step *waited_step(const pgr_contest *c, uint32_t agent) {
  const pgr_contest_step *waited = NULL;
  for (int k = 0; k < c->step_count; k++)
    if (c->steps[k].agent == agent && c->steps[k].waits_ns) waited = &c->steps[k];
  return waited;
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
  const pgr_contest_step *waited = waited_step(pgr_inbox_contest(s.inbox), 2);
  assert_non_null(waited);
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

static void take_turns(show *s, const char *order) {
  pgr_err err;
  for (; *order; order++) {
    AWAIT(s, nobody_on_the_way);
    must(pgr_inbox_step(s->inbox, (uint32_t)(*order - 'A') + 1, &err), &err);
  }
}

/* Ben got the row's lock as Ada committed; the foreign key of her reply needs that row, until he rolls back. */
static void an_answer_waits_too(void **state) {
  show s;
  pgr_err err;
  open_show(&s, *state, "for-update", 0);
  pgr_inbox_set_stepping(s.inbox, true);
  must(pgr_inbox_claim_both(s.inbox, 1, &err), &err);
  take_turns(&s, "AABBAAA");
  AWAIT(&s, first_waits);
  const pgr_contest_step *answer = waited_step(pgr_inbox_contest(s.inbox), 1);
  assert_non_null(answer);
  assert_int_equal(answer->operation, REPLY);
  assert_int_equal(answer->waits_for, 2);
  must(pgr_inbox_step(s.inbox, 2, &err), &err);
  AWAIT(&s, is_quiet);
  assert_int_equal(pgr_inbox_conversation(s.inbox, 1)->replies, 1);
  check_record(&s, 0);
  check_explained(&s, "Ben waited for Ada");
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

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(naive_gives_one_conversation_to_both),
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
      cmocka_unit_test(an_answer_waits_too),
      cmocka_unit_test(orders_decide),
      cmocka_unit_test(an_impossible_order_is_told),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
