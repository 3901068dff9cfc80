/* The driver against a real server, below the command line: its shapes, limits, faults, bookkeeping. */
#include "pgr_race_test.h"

#include "pgr_contests.h"
#include "pgr_ownership.h"
#include "pgr_rules.h"
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CLAIM, REPLY, RELEASE };

static const sheet inbox_sheets[] = {
    {"test/test.yaml",
     "title: agents claim one conversation\n"
     "lesson: test\n"
     "schema: [tables.sql]\n"
     "seed: INSERT INTO conversations (id) SELECT generate_series(:first_key, :last_key)\n"
     "key: {name: conversation, first: 101}\n"
     "operations:\n"
     "  - {name: claim, script: claim.sql}\n"
     "  - {name: reply, script: reply.sql, after: claim}\n"
     "  - {name: release, script: release.sql, after: claim, when: end}\n"
     "ownership: {rule: one owner, acquire: claim, release: release}\n"
     "invariants:\n"
     "  - rule: who was told yes has answered\n"
     "    sql: SELECT key FROM pgrace_history h WHERE operation = 'claim' AND outcome = 'ok' AND NOT\n"
     "         EXISTS (SELECT FROM replies WHERE (conversation_id, texter_id) = (h.key, h.agent))\n"
     "rejections: [{sqlstate: \"23505\", constraint: claims_pkey}]\n"
     "strategies:\n"
     "  - {name: naive, summary: check then update, isolation: {read committed: race}}\n"
     "  - name: claims\n"
     "    summary: a claim is a row\n"
     "    scripts: {claim: claims.sql, release: release-claims.sql}\n"
     "    isolation: {read committed: safe}\n"
     "  - name: late\n"
     "    summary: the answer takes its time\n"
     "    scripts: {reply: late.sql}\n"
     "    isolation: {read committed: race}\n"
     "  - name: slow\n"
     "    summary: a claim takes its time\n"
     "    scripts: {claim: slow.sql}\n"
     "    isolation: {read committed: race}\n"},
    {"test/tables.sql", "CREATE TABLE conversations (id bigint PRIMARY KEY, texter_id bigint);\n"
                        "CREATE TABLE replies (conversation_id bigint REFERENCES conversations, texter_id bigint);\n"
                        "CREATE TABLE claims (id bigint PRIMARY KEY, texter_id bigint);\n"},
    {"test/claim.sql", "SELECT texter_id IS NULL AS free FROM conversations WHERE id = :key \\gset\n"
                       "\\if not :free\n"
                       "  \\refuse\n"
                       "\\endif\n"
                       "UPDATE conversations SET texter_id = :agent WHERE id = :key;\n"},
    {"test/claims.sql", "INSERT INTO claims VALUES (:key, :agent);\n"},
    {"test/slow.sql", "SELECT pg_sleep(0.02);\n"
                      "UPDATE conversations SET texter_id = :agent WHERE id = :key;\n"},
    {"test/late.sql", "\\sleep 20 s\nINSERT INTO replies VALUES (:key, :agent);\n"},
    {"test/reply.sql", "INSERT INTO replies VALUES (:key, :agent);\n"},
    {"test/release.sql", "UPDATE conversations SET texter_id = NULL WHERE id = :key AND texter_id = :agent;\n"},
    {"test/release-claims.sql", "DELETE FROM claims WHERE id = :key AND texter_id = :agent;\n"},
    {NULL, NULL}};

static pgr_scenario *inbox;

static int set_up(void **state) {
  inbox = scenario_of(inbox_sheets);
  return fixture_set_up(state);
}

static int tear_down(void **state) {
  pgr_scenario_destroy(inbox);
  return fixture_tear_down(state);
}

static pgr_race_options options(void) {
  return options_of(inbox, "naive");
}

/* What is known of a round from its operations. */
typedef struct seen {
  size_t claims, owners, replies, releases;
  int64_t released_ns; /* what its claims were intended for */
  int64_t told_ns;     /* the last of claims and replies ended */
  int64_t let_go_ns;   /* the first release began */
} seen;

static void note_op(seen *s, const pgr_op *op) {
  bool last_try = op->outcome != PGR_OUTCOME_RETRIED;
  switch (op->kind) {
  case CLAIM:
    if (s->claims + s->owners == 0) s->released_ns = op->intended_ns;
    assert_int_equal(op->intended_ns, s->released_ns); /* one barrier for all */
    s->claims += last_try;
    s->owners += op->outcome == PGR_OUTCOME_OK;
    break;
  case REPLY: s->replies += last_try; break;
  case RELEASE:
    s->releases += last_try;
    if (!s->let_go_ns || op->call_ns < s->let_go_ns) s->let_go_ns = op->call_ns;
    return;
  default: fail_msg("kind %d", op->kind);
  }
  if (op->return_ns > s->told_ns) s->told_ns = op->return_ns;
}

static void check_history(const pgr_race_result *r, const pgr_race_options *o) {
  seen *rounds = calloc((size_t)r->rounds + 1, sizeof *rounds);
  assert_non_null(rounds);
  for (size_t i = 0; i < pgr_history_count(r->history); i++) {
    const pgr_op *op = pgr_history_at(r->history, i);
    assert_true(0 <= op->intended_ns && op->intended_ns <= op->call_ns && op->call_ns <= op->return_ns);
    assert_true(op->pool_wait_ns >= 0 && op->pool_wait_ns <= op->return_ns - op->intended_ns);
    assert_true(op->agent >= 1 && op->agent <= o->agents);
    assert_true(op->round >= 1 && op->round <= r->rounds && op->key == o->scenario->key.first + op->round - 1);
    note_op(&rounds[op->round], op);
  }
  for (int64_t k = 1; k <= r->rounds; k++) {
    assert_int_equal(rounds[k].claims, o->contenders);
    assert_int_equal(rounds[k].replies, rounds[k].owners);
    assert_int_equal(rounds[k].releases, rounds[k].owners);
    assert_true(rounds[k].owners > 0 && rounds[k].let_go_ns >= rounds[k].told_ns);
  }
  free(rounds);
}

/* Shapes of a race: threads, pools, contests, members that do not divide, by every protocol. */
static void every_shape_adds_up(void **state) {
  static const struct {
    uint32_t agents, contenders, connections, threads;
    pgr_protocol protocol;
    const char *strategy;
  } shapes[] = {{2, 2, 1, 1, PGR_PROTOCOL_PREPARED, "naive"},    {2, 2, 2, 2, PGR_PROTOCOL_SIMPLE, "claims"},
                {8, 2, 8, 2, PGR_PROTOCOL_EXTENDED, "naive"},    {9, 2, 3, 3, PGR_PROTOCOL_PREPARED, "claims"},
                {33, 8, 5, 4, PGR_PROTOCOL_SIMPLE, "naive"},     {40, 40, 7, 2, PGR_PROTOCOL_PREPARED, "naive"},
                {100, 3, 32, 4, PGR_PROTOCOL_EXTENDED, "claims"}};
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    pgr_race_options o = options_of(inbox, shapes[i].strategy);
    o.agents = shapes[i].agents;
    o.contenders = shapes[i].contenders;
    o.connections = shapes[i].connections;
    o.threads = shapes[i].threads;
    o.protocol = shapes[i].protocol;
    pgr_race_result r = race(*state, &o);
    assert_true(r.complete);
    assert_int_equal(r.rounds, 50);
    check_history(&r, &o);
    assert_int_equal(r.tally.outcomes[CLAIM][PGR_OUTCOME_FAILED], 0);
    assert_int_equal(count_ops(&r, REPLY, PGR_OUTCOME_OK), number(*state, "SELECT count(*) FROM replies"));
    assert_int_equal(number(*state, "SELECT count(*) FROM conversations WHERE texter_id IS NOT NULL"), 0);
    if (strcmp(shapes[i].strategy, "claims") == 0) {
      assert_int_equal(count_ops(&r, CLAIM, PGR_OUTCOME_OK), 50);
      assert_int_equal(count_ops(&r, CLAIM, PGR_OUTCOME_REJECTED), 50 * (o.contenders - 1));
      assert_int_equal(r.tally.rejections[0], 50 * (o.contenders - 1));
    }
    pgr_race_result_deinit(&r);
  }
}

/* What an operation's statements have waited for connections, as the trace has it. */
static int64_t waited_ns(const pgr_trace *t, const pgr_op *op, size_t *steps) {
  int64_t all_ns = 0;
  *steps = 0;
  for (size_t i = 0; i < t->count; i++) {
    const pgr_trace_step *s = &t->steps[i];
    if (s->round != op->round || s->agent != op->agent || s->kind != op->kind) continue;
    assert_true(s->ready_ns > 0 && s->ready_ns <= s->call_ns);
    all_ns += s->call_ns - s->ready_ns;
    ++*steps;
  }
  return all_ns;
}

/* Each statement of a trace was ready when its agent began to wait for a connection, or when it was sent. */
static void traces_tell_who_waited(void **state) {
  static const uint32_t connections[] = {2, 8};
  for (size_t i = 0; i < sizeof connections / sizeof *connections; i++) {
    pgr_race_options o = options();
    int64_t waited = 0;
    size_t told = 0;
    o.connections = connections[i];
    pgr_race_result r = race(*state, &o);
    for (size_t k = 0; k < pgr_history_count(r.history); k++) {
      const pgr_op *op = pgr_history_at(r.history, k);
      size_t steps;
      int64_t wait_ns = waited_ns(&r.trace, op, &steps);
      if (steps == 0) continue;
      assert_int_equal(wait_ns, op->pool_wait_ns);
      waited += wait_ns > 0;
      told++;
    }
    assert_true(told > 0);
    assert_int_equal(waited > 0, o.connections < o.agents);
    pgr_race_result_deinit(&r);
  }
}

/* More rounds than keys are made ahead: the supply keeps up, in blocks that follow one another (seed() checks). */
static void keys_are_made_as_needed(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  o.agents = o.connections = 12;
  o.contenders = 2;
  o.rounds = 12000;
  o.threads = 1;
  seeded s = install(f, &o);
  must(pgr_race_run(&o, f->target, &(pgr_race_watch){.seed = seed, .user = &s}, &r, &err), &err);
  assert_true(r.complete);
  assert_int_equal(r.rounds, 12000);
  assert_int_equal(s.first, 101);
  assert_int_equal(s.next, 101 + 12000);
  assert_int_equal(r.tally.outcomes[CLAIM][PGR_OUTCOME_FAILED], 0);
  pgr_race_result_deinit(&r);
}

static pgr_code seed_twice_at_most(void *user, int64_t first, int64_t last, pgr_err *err) {
  seeded *s = user;
  if (s->next) return pgr_fail(err, PGR_EDATABASE, "no keys any more");
  return seed(user, first, last, err);
}

static void keys_that_cannot_be_made_end_the_race(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  o.contenders = 2;
  o.rounds = 12000;
  seeded s = install(f, &o);
  assert_int_equal(pgr_race_run(&o, f->target, &(pgr_race_watch){.seed = seed_twice_at_most, .user = &s}, &r, &err),
                   PGR_EDATABASE);
  assert_string_equal(err.msg, "no keys any more");
  assert_false(r.complete);
  assert_true(r.rounds > 0 && r.rounds <= 10000);
  pgr_race_result_deinit(&r);
}

static void a_full_history_ends_the_race(void **state) {
  pgr_race_options o = options();
  o.rounds = 100000;
  o.max_ops = 2000;
  pgr_race_result r = race(*state, &o);
  assert_true(r.history_full);
  assert_false(r.complete);
  assert_true(pgr_history_count(r.history) >= 2000);
  assert_true(r.rounds < 100000);
  /* The rounds it has are whole. */
  check_history(&r, &o);
  pgr_ownership_report report;
  pgr_contests contests;
  bool contends[PGR_KINDS_MAX];
  pgr_race_contends(inbox, contends);
  pgr_ownership_model model = {.acquire = CLAIM, .release = RELEASE, .capacity = 1};
  assert_int_equal(pgr_verify_ownership(r.history, model, &report, NULL), PGR_OK);
  assert_int_equal(pgr_verify_contests(r.history, contends, o.contenders, &contests, NULL), PGR_OK);
  assert_int_equal(report.unexplained, 0);
  assert_int_equal(contests.judged.count, r.rounds);
  pgr_ownership_report_deinit(&report);
  pgr_contests_deinit(&contests);
  pgr_race_result_deinit(&r);
}

static pgr_rule answered(fixture *f, const pgr_race_options *o, const pgr_race_result *r) {
  pgr_stage stage = {f->db, o->scenario, o->agents, o->contenders};
  pgr_findings findings = {0};
  pgr_err err;
  must(pgr_rules_check(&stage, r->history, &r->unfinished, &findings, &err), &err);
  assert_int_equal(findings.rule_count, 2);
  pgr_rule rule = findings.rules[1];
  assert_true(rule.known && !rule.from_history);
  pgr_findings_deinit(&findings);
  return rule;
}

/* A round that was cut short after its claims is not blamed for the answers that did not come. */
static void unfinished_rounds_are_not_judged(void **state) {
  fixture *f = *state;
  pgr_race_options o = options_of(inbox, "late");
  o.contenders = 2;
  o.max_ops = 1;
  pgr_race_result r = race(f, &o); /* gives up two seconds after the history is full */
  assert_true(r.history_full);
  assert_int_equal(r.rounds, 0);
  assert_int_equal(r.unfinished.count, 4);
  for (size_t i = 0; i < 4; i++)
    assert_int_equal(r.unfinished.at[i], i + 1);
  assert_true(count_ops(&r, CLAIM, PGR_OUTCOME_OK) >= 4);
  assert_int_equal(count_ops(&r, REPLY, PGR_OUTCOME_OK), 0);
  assert_int_equal(answered(f, &o, &r).broken, 0);
  /* With the same history, but finished, they are. */
  pgr_rounds_deinit(&r.unfinished);
  assert_int_equal(answered(f, &o, &r).broken, 4);
  pgr_race_result_deinit(&r);
  /* And those of a whole race are, and have answered. */
  o = options();
  r = race(f, &o);
  assert_int_equal(r.unfinished.count, 0);
  assert_int_equal(answered(f, &o, &r).broken, 0);
  pgr_race_result_deinit(&r);
}

/* A race by time whose keys are fewer than the time: also with several contests, whose rounds interleave. */
static void keys_are_used_up(void **state) {
  for (uint32_t contenders = 2; contenders <= 8; contenders += 6) {
    pgr_scenario few = *inbox;
    pgr_race_options o = options();
    few.key.last = few.key.first + 29;
    o.scenario = &few;
    o.contenders = contenders;
    o.rounds = 0;
    o.duration_ns = 60 * PGR_NS_PER_S;
    pgr_race_result r = race(*state, &o);
    assert_true(r.keys_used_up);
    assert_false(r.complete);
    assert_false(r.interrupted);
    assert_int_equal(r.rounds, 30);
    check_history(&r, &o);
    assert_int_equal(number(*state, "SELECT count(*) FROM conversations"), 30);
    pgr_race_result_deinit(&r);
  }
}

static void by_time(void **state) {
  pgr_race_options o = options();
  o.rounds = 0;
  o.duration_ns = 200 * PGR_NS_PER_MS;
  pgr_race_result r = race(*state, &o);
  assert_true(r.complete);
  assert_false(r.keys_used_up);
  assert_true(r.rounds > 0 && r.elapsed_ns >= o.duration_ns);
  check_history(&r, &o);
  pgr_race_result_deinit(&r);
}

/* The statements cannot be prepared, and every operation fails where the table is named. */
static void a_missing_table_is_a_failure_with_a_place(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  o.rounds = 5;
  install(f, &o);
  must(pgr_db_exec(f->db, "DROP TABLE conversations CASCADE", &err), &err);
  must(pgr_race_run(&o, f->target, &(pgr_race_watch){0}, &r, &err), &err);
  assert_true(r.complete);
  assert_int_equal(count_ops(&r, CLAIM, PGR_OUTCOME_FAILED), 5 * 8);
  assert_int_equal(count_ops(&r, REPLY, PGR_OUTCOME_OK), 0);
  assert_int_equal(r.tally.complaint_count, 1);
  const pgr_complaint *c = &r.tally.complaints[0];
  assert_string_equal(c->sqlstate, "42P01");
  assert_string_equal(c->message, "relation \"conversations\" does not exist");
  assert_string_equal(c->file, "test/claim.sql");
  assert_int_equal(c->line, 1);
  assert_int_equal(c->count, 5 * 8);
  pgr_race_result_deinit(&r);
}

/* More connections than the server has: the workers' word reaches the caller, and all is torn down. */
static void too_many_connections_is_an_error(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  o.agents = o.contenders = o.connections = 200;
  seeded s = install(f, &o);
  assert_int_equal(pgr_race_run(&o, f->target, &(pgr_race_watch){.seed = seed, .user = &s}, &r, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "cannot open 200 connections: "));
  assert_non_null(strstr(err.msg, "use fewer --connections"));
  assert_false(r.complete);
  pgr_race_result_deinit(&r);
}

/* Something takes the connections and says nothing: connect_timeout holds for the agents' connections too. */
static void a_silent_server_is_given_up(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  char dir[] = "/tmp/pgrace-test-XXXXXX", dsn[128];
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  assert_non_null(mkdtemp(dir));
  snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.7", dir);
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  assert_int_equal(listen(fd, 64), 0);
  snprintf(dsn, sizeof dsn, "host=%s port=7 user=nobody connect_timeout=2", dir);
  pgr_target *silent;
  must(pgr_target_parse(dsn, &silent, &err), &err);
  seeded s = install(f, &o);
  assert_int_equal(pgr_race_run(&o, silent, &(pgr_race_watch){.seed = seed, .user = &s}, &r, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "in time"));
  pgr_race_result_deinit(&r);
  pgr_db *db;
  assert_int_equal(pgr_db_connect(silent, &db, &err), PGR_EDATABASE);
  assert_non_null(strstr(err.msg, "timed out"));
  pgr_target_destroy(silent);
  close(fd);
  unlink(address.sun_path);
  rmdir(dir);
}

static pgr_code stop_at_once(void *user, pgr_err *err) {
  int *calls = user;
  return ++*calls > 5 ? pgr_fail(err, PGR_EENVIRONMENT, "the watch says stop") : PGR_OK;
}

static void the_watch_can_end_it(void **state) {
  fixture *f = *state;
  pgr_race_options o = options();
  pgr_race_result r;
  pgr_err err;
  int calls = 0;
  o.rounds = 0;
  o.duration_ns = 60 * PGR_NS_PER_S;
  install(f, &o);
  assert_int_equal(pgr_race_run(&o, f->target, &(pgr_race_watch){.check = stop_at_once, .user = &calls}, &r, &err),
                   PGR_EENVIRONMENT);
  assert_string_equal(err.msg, "the watch says stop");
  pgr_race_result_deinit(&r);
}

typedef struct killer {
  seeded seeded; /* first: watch.seed casts */
  int left, done;
} killer;

/* Ends a backend that is in the middle of a claim. */
static pgr_code kill_one(void *user, pgr_err *err) {
  killer *k = user;
  int64_t killed = 0;
  if (k->left == 0) return PGR_OK;
  pgr_code code =
      pgr_db_query_int(k->seeded.stage.db,
                       "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE"
                       " state = 'active' AND query LIKE '%pg_sleep(0.02)%' AND pid <> pg_backend_pid()"
                       " AND datname = current_database() LIMIT 1) victim",
                       &killed, err);
  k->left -= (int)killed;
  k->done += (int)killed;
  return code;
}

/* A connection that dies takes with it what was in flight, and nothing else: that may have happened. The race goes on
 * over a new one; the round is not judged. */
static void a_lost_connection_leaves_one_unknown(void **state) {
  fixture *f = *state;
  pgr_race_options o = options_of(inbox, "slow");
  pgr_race_result r;
  pgr_err err;
  killer k = {.left = 5};
  o.connections = 4;
  o.rounds = 60;
  k.seeded = install(f, &o);
  must(pgr_race_run(&o, f->target, &(pgr_race_watch){.seed = seed, .check = kill_one, .user = &k}, &r, &err), &err);
  assert_true(r.complete);
  assert_int_equal(k.done, 5);
  assert_int_equal(r.rounds, 60);
  size_t unknown = count_ops(&r, CLAIM, PGR_OUTCOME_UNKNOWN);
  assert_true(unknown > 0 && unknown <= 5); /* a backend may have answered before it read its signal */
  assert_int_equal(count_ops(&r, CLAIM, PGR_OUTCOME_FAILED), 0);
  assert_int_equal(count_ops(&r, CLAIM, PGR_OUTCOME_OK), 60 * 8 - unknown);
  pgr_rounds rounds = {0};
  pgr_contests contests;
  bool contends[PGR_KINDS_MAX];
  for (size_t i = 0; i < pgr_history_count(r.history); i++) {
    const pgr_op *op = pgr_history_at(r.history, i);
    if (op->outcome == PGR_OUTCOME_UNKNOWN) assert_int_equal(pgr_rounds_add(&rounds, op->round), PGR_OK);
  }
  pgr_rounds_settle(&rounds);
  pgr_race_contends(inbox, contends);
  assert_int_equal(pgr_verify_contests(r.history, contends, o.contenders, &contests, NULL), PGR_OK);
  assert_int_equal(contests.judged.count, 60 - rounds.count);
  pgr_contests_deinit(&contests);
  pgr_rounds_deinit(&rounds);
  pgr_race_result_deinit(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_shape_adds_up),
                                     cmocka_unit_test(traces_tell_who_waited),
                                     cmocka_unit_test(keys_are_made_as_needed),
                                     cmocka_unit_test(keys_that_cannot_be_made_end_the_race),
                                     cmocka_unit_test(a_full_history_ends_the_race),
                                     cmocka_unit_test(unfinished_rounds_are_not_judged),
                                     cmocka_unit_test(keys_are_used_up),
                                     cmocka_unit_test(by_time),
                                     cmocka_unit_test(a_missing_table_is_a_failure_with_a_place),
                                     cmocka_unit_test(too_many_connections_is_an_error),
                                     cmocka_unit_test(a_silent_server_is_given_up),
                                     cmocka_unit_test(the_watch_can_end_it),
                                     cmocka_unit_test(a_lost_connection_leaves_one_unknown)};
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
