/* The demo's inbox in use: the crowd, one strategy after the other, databases that go away, limits, threads. */
#include "pgr_inbox_test.h"

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
  open_show(&s, *state, "naive", PGR_INBOX_GAP_MAX_S * PGR_NS_PER_S);
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
  open_show(&s, &own, "naive", PGR_INBOX_GAP_MAX_S * PGR_NS_PER_S);
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

int main(void) {
  const struct CMUnitTest tests[] = {
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
      cmocka_unit_test(a_started_loop_works_too),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
