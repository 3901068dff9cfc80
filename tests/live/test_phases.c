/* What happens in a round, and in what order: who runs what at the barrier, what follows, what the end is; and what a
 * retry does again. The scripts write down what they see; here it is read. */
#include "pgr_race_test.h"

static const char tables[] =
    "CREATE TABLE log (id bigint GENERATED ALWAYS AS IDENTITY, what text, round bigint, key bigint, agent int,\n"
    "                  contender int, contenders int, agents int, value text);\n";

#define LOG(what, value)                                                                                               \
  "INSERT INTO log (what, round, key, agent, contender, contenders, agents, value)\n"                                  \
  "VALUES ('" what "', :round, :key, :agent, :contender, :contenders, :agents, " value ");\n"

#define HEAD                                                                                                           \
  "title: agents do things\n"                                                                                          \
  "lesson: test\n"                                                                                                     \
  "schema: [tables.sql]\n"                                                                                             \
  "invariants: [{rule: none, sql: SELECT 1 AS key WHERE false}]\n"
#define ONE_STRATEGY "strategies: [{name: only, summary: the only one, isolation: {read committed: safe}}]\n"

/* Starting ----------------------------------------------------------------------------------------------------------
 */

enum { A, B, C, LAST, CLOSE };

static const char starts_yaml[] = HEAD "key: {first: 1001}\n"
                                       "operations:\n"
                                       "  - {name: a, script: a.sql}\n"
                                       "  - {name: b, script: b.sql}\n"
                                       "  - {name: c, script: c.sql}\n"
                                       "  - {name: last, script: last.sql, after: b, when: end}\n"
                                       "  - {name: close, script: close.sql, when: end}\n" ONE_STRATEGY;

static const sheet starts_sheets[] = {{"test/test.yaml", starts_yaml},          {"test/tables.sql", tables},
                                      {"test/a.sql", LOG("a", "NULL")},         {"test/b.sql", LOG("b", "NULL")},
                                      {"test/c.sql", LOG("c", "NULL")},         {"test/last.sql", LOG("last", "NULL")},
                                      {"test/close.sql", LOG("close", "NULL")}, {NULL, NULL}};

/* Several operations at the barrier are dealt in turn; an end without `after` runs once, by the first contender, after
 * the ends before it. */
static void starts_are_dealt_in_turn(void **state) {
  fixture *f = *state;
  pgr_scenario *s = scenario_of(starts_sheets);
  pgr_race_options o = options_of(s, "only");
  o.agents = 20;
  o.connections = 5;
  o.rounds = 40;
  pgr_race_result r = race(f, &o);
  assert_true(r.complete);
  assert_int_equal(count_ops(&r, A, PGR_OUTCOME_OK), 3 * 40);
  assert_int_equal(count_ops(&r, B, PGR_OUTCOME_OK), 3 * 40);
  assert_int_equal(count_ops(&r, C, PGR_OUTCOME_OK), 2 * 40);
  assert_int_equal(count_ops(&r, LAST, PGR_OUTCOME_OK), 3 * 40);
  assert_int_equal(count_ops(&r, CLOSE, PGR_OUTCOME_OK), 40);
  assert_int_equal(number(f, "SELECT count(*) FROM log"), 12 * 40);
  assert_int_equal(number(f, "SELECT count(*) FROM log WHERE what IN ('a', 'b', 'c')"
                             " AND what <> substr('abc', (contender - 1) % 3 + 1, 1)"),
                   0);
  assert_int_equal(number(f, "SELECT count(*) FROM log WHERE key <> 1000 + round OR contenders <> 8 OR agents <> 20"
                             " OR contender NOT BETWEEN 1 AND 8 OR agent NOT BETWEEN 1 AND 20"),
                   0);
  /* Each contender of a round is another agent, and who closes is the first of them. */
  assert_int_equal(number(f, "SELECT count(*) FROM (SELECT FROM log WHERE what IN ('a', 'b', 'c') GROUP BY round"
                             " HAVING count(DISTINCT agent) = 8 AND count(DISTINCT contender) = 8) whole"),
                   40);
  assert_int_equal(number(f, "SELECT count(*) FROM log WHERE what = 'close' AND contender <> 1"), 0);
  /* The order of a round: what starts, the end of those who did b, the close. */
  assert_int_equal(number(f, "SELECT count(*) FROM log x JOIN log y USING (round) WHERE x.id < y.id AND"
                             " ((x.what IN ('last', 'close') AND y.what IN ('a', 'b', 'c')) OR"
                             " (x.what = 'close' AND y.what = 'last'))"),
                   0);
  assert_int_equal(number(f, "SELECT count(*) FROM log x WHERE what = 'last' AND NOT EXISTS"
                             " (SELECT FROM log y WHERE y.what = 'b' AND (y.round, y.agent) = (x.round, x.agent))"),
                   0);
  pgr_race_result_deinit(&r);
  pgr_scenario_destroy(s);
}

/* The same seed and round draw the same contenders in the same places, however the race is driven. */
static void the_seed_draws_the_contenders(void **state) {
  fixture *f = *state;
  pgr_scenario *s = scenario_of(starts_sheets);
  static const char digest[] =
      "SELECT (sum(hashtextextended(concat_ws(' ', round, contender, agent), 0)) % 1000003)::bigint"
      " FROM log WHERE what IN ('a', 'b', 'c')";
  int64_t drawn[3];
  for (int i = 0; i < 3; i++) {
    pgr_race_options o = options_of(s, "only");
    o.agents = 20;
    o.rounds = 25;
    o.connections = i == 1 ? 2 : 9;
    o.threads = i == 1 ? 1 : 3;
    o.seed = i == 2 ? 2 : 1;
    pgr_race_result r = race(f, &o);
    drawn[i] = number(f, digest);
    pgr_race_result_deinit(&r);
  }
  assert_int_equal(drawn[0], drawn[1]);
  assert_int_not_equal(drawn[0], drawn[2]);
  pgr_scenario_destroy(s);
}

/* What follows ------------------------------------------------------------------------------------------------------
 */

enum { FIRST, SECOND, THIRD, SIDE, UNDO };

static const char chain_yaml[] = HEAD "operations:\n"
                                      "  - {name: first, script: first.sql}\n"
                                      "  - {name: second, script: second.sql, after: first}\n"
                                      "  - {name: third, script: third.sql, after: second}\n"
                                      "  - {name: side, script: side.sql, after: first}\n"
                                      "  - {name: undo, script: undo.sql, after: third, when: end}\n" ONE_STRATEGY;

static const sheet chain_sheets[] = {
    {"test/test.yaml", chain_yaml},
    {"test/tables.sql", tables},
    {"test/first.sql", "\\set x :agent * 10\n" LOG("first", ":x")},
    {"test/second.sql", "\\if :agent % 2 = 1\n  \\refuse\n\\endif\n\\set x :x + 1\n" LOG("second", ":x")},
    {"test/third.sql", LOG("third", ":x")},
    {"test/side.sql", LOG("side", ":x")},
    {"test/undo.sql", LOG("undo", ":x")},
    {NULL, NULL}};

/* An operation follows where the one it names ended ok, in the scenario's order, with the variables of the round. */
static void operations_follow_one_another(void **state) {
  fixture *f = *state;
  pgr_scenario *s = scenario_of(chain_sheets);
  pgr_race_options o = options_of(s, "only");
  o.connections = 3;
  o.rounds = 30;
  pgr_race_result r = race(f, &o);
  assert_true(r.complete);
  assert_int_equal(count_ops(&r, FIRST, PGR_OUTCOME_OK), 8 * 30);
  assert_int_equal(count_ops(&r, SECOND, PGR_OUTCOME_OK), 4 * 30);
  assert_int_equal(count_ops(&r, SECOND, PGR_OUTCOME_REFUSED), 4 * 30);
  assert_int_equal(count_ops(&r, THIRD, PGR_OUTCOME_OK), 4 * 30);
  assert_int_equal(count_ops(&r, SIDE, PGR_OUTCOME_OK), 8 * 30);
  assert_int_equal(count_ops(&r, UNDO, PGR_OUTCOME_OK), 4 * 30);
  assert_int_equal(number(f, "SELECT count(*) FROM (SELECT string_agg(what || ' ' || value, ' ' ORDER BY id) AS did,"
                             " agent FROM log GROUP BY round, agent) x WHERE did IS DISTINCT FROM CASE agent % 2"
                             " WHEN 1 THEN format('first %1$s side %1$s', agent * 10)"
                             " ELSE format('first %1$s second %2$s third %2$s side %2$s undo %2$s',"
                             " agent * 10, agent * 10 + 1) END"),
                   0);
  /* The end waits for everybody. */
  assert_int_equal(number(f, "SELECT count(*) FROM log x JOIN log y USING (round)"
                             " WHERE x.what = 'undo' AND y.what <> 'undo' AND x.id < y.id"),
                   0);
  for (size_t i = 0; i < pgr_history_count(r.history); i++) {
    const pgr_op *op = pgr_history_at(r.history, i);
    assert_true(op->intended_ns <= op->call_ns && op->call_ns <= op->return_ns);
    assert_int_equal(op->attempt, 1);
  }
  pgr_race_result_deinit(&r);
  pgr_scenario_destroy(s);
}

/* The isolation level is the session's: also of a plain BEGIN, and of a statement alone. */
static void the_level_is_the_sessions(void **state) {
  fixture *f = *state;
  static const sheet sheets[] = {
      {"test/test.yaml", HEAD "operations: [{name: look, script: look.sql}]\n" ONE_STRATEGY},
      {"test/tables.sql", tables},
      {"test/look.sql", LOG("alone", "current_setting('transaction_isolation')") "BEGIN;\n" LOG(
                            "inside", "current_setting('transaction_isolation')") "COMMIT;\n"},
      {NULL, NULL}};
  pgr_scenario *s = scenario_of(sheets);
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++) {
    char sql[128];
    pgr_race_options o = options_of(s, "only");
    o.isolation = (pgr_isolation)level;
    o.rounds = 3;
    o.contenders = 2; /* few enough not to fail at SERIALIZABLE */
    o.agents = o.connections = 2;
    pgr_race_result r = race(f, &o);
    snprintf(sql, sizeof sql, "SELECT count(*) FROM log WHERE value = '%s'", pgr_isolation_name((pgr_isolation)level));
    assert_int_equal(number(f, sql), number(f, "SELECT count(*) FROM log"));
    assert_true(number(f, sql) > 0);
    pgr_race_result_deinit(&r);
  }
  pgr_scenario_destroy(s);
}

/* Again -------------------------------------------------------------------------------------------------------------
 */

/* trip() fails so many times with an error that is retried, and counts beyond rollbacks. */
static const char tripping[] = "CREATE FUNCTION trip(sequence text, fails int) RETURNS int LANGUAGE plpgsql AS $$\n"
                               "BEGIN\n"
                               "  IF nextval(sequence) <= fails THEN RAISE 'tripped' USING ERRCODE = '40001'; END IF;\n"
                               "  RETURN 0;\n"
                               "END $$;\n";

static const char tripping_seed[] =
    "seed: |\n"
    "  DO $$ BEGIN\n"
    "    FOR k IN :first_key .. :last_key LOOP\n"
    "      FOR a IN 1 .. :agents LOOP EXECUTE format('CREATE SEQUENCE s_%s_%s', k, a); END LOOP;\n"
    "    END LOOP;\n"
    "  END $$\n";

#define TRIP "SELECT trip('s_' || :key::bigint || '_' || :agent::bigint, :fails::int);\n"
#define OUTSIDE LOG("before", "NULL") "\\set fails 2\n" TRIP LOG("after", "NULL")
#define INSIDE                                                                                                         \
  LOG("before", "NULL") "\\set fails 2\nBEGIN;\n" LOG("inside", "NULL") TRIP "COMMIT;\n" LOG("after", "NULL")

static pgr_scenario *tripping_scenario(const char *again, const char *attempts, const char *rejection,
                                       const char *script) {
  static char yaml[2048], schema[2048];
  snprintf(schema, sizeof schema, "%s%s", tables, tripping);
  snprintf(yaml, sizeof yaml,
           HEAD "key: {last: 10}\n"
                "operations: [{name: try, script: try.sql}]\n"
                "%s%s"
                "retries: [{sqlstate: \"40001\", attempts: %s, backoff: 100us, again: %s}]\n" ONE_STRATEGY,
           tripping_seed, rejection, attempts, again);
  const sheet sheets[] = {
      {"test/test.yaml", yaml}, {"test/tables.sql", schema}, {"test/try.sql", script}, {NULL, NULL}};
  return scenario_of(sheets);
}

enum { TRY_ROUNDS = 10, TRY_AGENTS = 3, TRIES = TRY_ROUNDS * TRY_AGENTS };

static pgr_race_result try_it(fixture *f, const pgr_scenario *s, int max_tries) {
  pgr_race_options o = options_of(s, "only");
  o.agents = o.contenders = o.connections = TRY_AGENTS;
  o.threads = 1;
  o.rounds = TRY_ROUNDS;
  o.max_tries = max_tries;
  return race(f, &o);
}

/* Of each agent in each round: its tries one after the other, numbered, the retried ones with their error. */
static void check_tries(const pgr_race_result *r, int tries, pgr_outcome last) {
  int64_t ended[TRY_ROUNDS + 1][TRY_AGENTS + 1] = {{0}};
  int seen[TRY_ROUNDS + 1][TRY_AGENTS + 1] = {{0}};
  for (size_t i = 0; i < pgr_history_count(r->history); i++) {
    const pgr_op *op = pgr_history_at(r->history, i); /* one worker: in order of time */
    assert_int_equal(op->attempt, ++seen[op->round][op->agent]);
    assert_int_equal(op->outcome, op->attempt < tries ? PGR_OUTCOME_RETRIED : last);
    assert_string_equal(op->sqlstate, op->attempt < tries || last != PGR_OUTCOME_OK ? "40001" : "");
    assert_true(op->call_ns >= ended[op->round][op->agent] && op->return_ns >= op->call_ns);
    ended[op->round][op->agent] = op->return_ns;
  }
  assert_int_equal(pgr_history_count(r->history), TRIES * tries);
  assert_int_equal(count_ops(r, 0, last), TRIES);
  assert_int_equal(count_ops(r, 0, PGR_OUTCOME_RETRIED), TRIES * (tries - 1));
}

static int64_t logged(fixture *f, const char *what) {
  char sql[128];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM log WHERE what = '%s'", what);
  return number(f, sql);
}

/* Each trips twice. statements: of one operation, all its tries and rollbacks. */
static void again(fixture *f, const char *how, const char *script, int before, int inside, uint64_t statements) {
  pgr_scenario *s = tripping_scenario(how, "10", "", script);
  pgr_race_result r = try_it(f, s, 0);
  assert_true(r.complete);
  check_tries(&r, 3, PGR_OUTCOME_OK);
  assert_int_equal(logged(f, "before"), TRIES * before);
  assert_int_equal(logged(f, "inside"), TRIES * inside);
  assert_int_equal(logged(f, "after"), TRIES);
  assert_int_equal(r.tally.statements, TRIES * statements);
  pgr_race_result_deinit(&r);
  pgr_scenario_destroy(s);
}

static void again_operation(void **state) {
  again(*state, "operation", INSIDE, 3, 1, 2 * 5 + 6); /* before BEGIN inside trip ROLLBACK, twice */
  again(*state, "operation", OUTSIDE, 3, 0, 2 * 2 + 3);
}

static void again_transaction(void **state) {
  again(*state, "transaction", INSIDE, 1, 1, 1 + 2 * 4 + 5); /* BEGIN inside trip ROLLBACK, twice */
  again(*state, "transaction", OUTSIDE, 1, 0, 1 + 2 * 1 + 2);
}

static void again_statement(void **state) {
  again(*state, "statement", OUTSIDE, 1, 0, 1 + 2 * 1 + 2);
}

/* In a transaction that was aborted the statement alone cannot succeed: that is what such code does. */
static void again_statement_in_an_aborted_transaction(void **state) {
  fixture *f = *state;
  pgr_scenario *s = tripping_scenario("statement", "10", "", INSIDE);
  pgr_race_result r = try_it(f, s, 0);
  assert_true(r.complete);
  assert_int_equal(count_ops(&r, 0, PGR_OUTCOME_RETRIED), TRIES);
  assert_int_equal(count_ops(&r, 0, PGR_OUTCOME_FAILED), TRIES);
  assert_int_equal(r.tally.complaint_count, 1);
  assert_string_equal(r.tally.complaints[0].sqlstate, "25P02");
  assert_int_equal(logged(f, "before"), TRIES);
  assert_int_equal(logged(f, "inside"), 0);
  assert_int_equal(logged(f, "after"), 0);
  pgr_race_result_deinit(&r);
  pgr_scenario_destroy(s);
}

/* The last try's error is rejected where it is declared so, else it is a failure. */
static void tries_come_to_an_end(void **state) {
  fixture *f = *state;
  static const char declared[] = "rejections: [{sqlstate: \"40001\", message: Try later}]\n";
  const struct {
    const char *attempts, *rejection;
    int max_tries, tries;
    pgr_outcome last;
  } cases[] = {{"2", "", 0, 2, PGR_OUTCOME_FAILED},
               {"2", declared, 0, 2, PGR_OUTCOME_REJECTED},
               {"10", declared, 1, 1, PGR_OUTCOME_REJECTED},
               {"1", "", 2, 2, PGR_OUTCOME_FAILED},
               {"1", "", 3, 3, PGR_OUTCOME_OK},
               {"3", declared, 0, 3, PGR_OUTCOME_OK}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_scenario *s = tripping_scenario("transaction", cases[i].attempts, cases[i].rejection, INSIDE);
    pgr_race_result r = try_it(f, s, cases[i].max_tries);
    assert_true(r.complete);
    check_tries(&r, cases[i].tries, cases[i].last);
    assert_int_equal(r.tally.complaint_count, cases[i].last == PGR_OUTCOME_FAILED);
    assert_int_equal(r.tally.rejections[0], cases[i].last == PGR_OUTCOME_REJECTED ? TRIES : 0);
    if (cases[i].last == PGR_OUTCOME_FAILED) {
      assert_string_equal(r.tally.complaints[0].message, "tripped (after 2 tries)");
      assert_string_equal(r.tally.complaints[0].file, "test/try.sql");
      assert_int_equal(r.tally.complaints[0].count, TRIES);
    }
    pgr_race_result_deinit(&r);
    pgr_scenario_destroy(s);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(starts_are_dealt_in_turn),
                                     cmocka_unit_test(the_seed_draws_the_contenders),
                                     cmocka_unit_test(operations_follow_one_another),
                                     cmocka_unit_test(the_level_is_the_sessions),
                                     cmocka_unit_test(again_operation),
                                     cmocka_unit_test(again_transaction),
                                     cmocka_unit_test(again_statement),
                                     cmocka_unit_test(again_statement_in_an_aborted_transaction),
                                     cmocka_unit_test(tries_come_to_an_end)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
