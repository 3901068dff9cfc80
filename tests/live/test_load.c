/* The load engine against a real server: what is counted, by closed and open loops, what is verified meanwhile, and
 * what a pause of the server does to the percentiles. */
#include "pgr_race_test.h"

#include "pgr_load.h"
#include "pgr_server_cpu.h"
#include <pthread.h>
#include <signal.h>

enum { CLAIM, REPLY, RELEASE, KEYS = 4 };

static const sheet inbox_sheets[] = {
    {"test/test.yaml", "title: agents claim one conversation\n"
                       "lesson: test\n"
                       "schema: [tables.sql]\n"
                       "seed: INSERT INTO conversations (id) SELECT generate_series(:first_key, :last_key)\n"
                       "key: {name: conversation, first: 101, last: 1100}\n"
                       "operations:\n"
                       "  - {name: claim, script: claim.sql}\n"
                       "  - {name: reply, script: reply.sql, after: claim}\n"
                       "  - {name: release, script: release.sql, after: claim, when: end}\n"
                       "ownership: {rule: one owner, acquire: claim, release: release}\n"
                       "rejections: [{sqlstate: \"23505\", constraint: claims_pkey}]\n"
                       "retries: [{sqlstate: \"40001\", attempts: 100}]\n"
                       "strategies:\n"
                       "  - {name: naive, summary: check then update, isolation: {read committed: race}}\n"
                       "  - name: claims\n"
                       "    summary: a claim is a row\n"
                       "    scripts: {claim: claims.sql, release: release-claims.sql}\n"
                       "    isolation: {read committed: safe}\n"
                       "  - name: conditional\n"
                       "    summary: one statement\n"
                       "    scripts: {claim: conditional.sql}\n"
                       "    isolation: {read committed: safe}\n"
                       "  - name: retried\n"
                       "    summary: a transaction that is done again\n"
                       "    scripts: {claim: retried.sql}\n"
                       "    isolation: {serializable: safe}\n"
                       "  - name: slow\n"
                       "    summary: 5 ms in the server\n"
                       "    scripts: {claim: slow.sql, reply: nothing.sql, release: nothing.sql}\n"
                       "    isolation: {read committed: race}\n"
                       "  - name: broken\n"
                       "    summary: it divides by zero\n"
                       "    scripts: {claim: broken.sql}\n"
                       "    isolation: {read committed: race}\n"
                       "  - name: mixed\n"
                       "    summary: the second agent takes its time\n"
                       "    scripts: {claim: mixed.sql, reply: nothing.sql, release: nothing.sql}\n"
                       "    isolation: {read committed: race}\n"
                       "  - name: late\n"
                       "    summary: not all of it can be prepared at first\n"
                       "    scripts: {claim: late.sql, reply: nothing.sql, release: nothing.sql}\n"
                       "    isolation: {repeatable read: race}\n"
                       "  - name: hostile\n"
                       "    summary: it names its columns after what pgrace sets\n"
                       "    scripts: {claim: hostile.sql, reply: nothing.sql, release: nothing.sql}\n"
                       "    isolation: {read committed: race}\n"
                       "  - name: silent\n"
                       "    summary: nothing is sent\n"
                       "    scripts: {claim: nothing.sql, reply: nothing.sql, release: nothing.sql}\n"
                       "    isolation: {read committed: race}\n"},
    {"test/tables.sql", "CREATE TABLE conversations (id bigint PRIMARY KEY, texter_id bigint);\n"
                        "CREATE TABLE replies (conversation_id bigint, texter_id bigint, at timestamptz DEFAULT "
                        "clock_timestamp());\n"
                        "CREATE TABLE claims (id bigint PRIMARY KEY, texter_id bigint);\n"},
    {"test/claim.sql", "SELECT texter_id IS NULL AS free FROM conversations WHERE id = :key \\gset\n"
                       "\\if not :free\n"
                       "  \\refuse\n"
                       "\\endif\n"
                       "\\sleep :gap us\n"
                       "UPDATE conversations SET texter_id = :agent WHERE id = :key;\n"},
    {"test/claims.sql", "INSERT INTO claims VALUES (:key, :agent);\n"},
    {"test/conditional.sql", "UPDATE conversations SET texter_id = :agent WHERE id = :key AND texter_id IS NULL;\n"
                             "\\if :ROW_COUNT = 0\n"
                             "  \\refuse\n"
                             "\\endif\n"},
    {"test/retried.sql", "BEGIN;\n"
                         "SELECT texter_id IS NULL AS free FROM conversations WHERE id = :key \\gset\n"
                         "\\if not :free\n"
                         "  \\refuse\n"
                         "\\endif\n"
                         "\\sleep 1 ms\n"
                         "UPDATE conversations SET texter_id = :agent WHERE id = :key;\n"
                         "COMMIT;\n"},
    {"test/slow.sql", "SELECT pg_sleep(0.005);\n"},
    {"test/mixed.sql", "\\if :agent = 2\nSELECT pg_sleep(0.2);\n\\else\nSELECT 1;\n\\endif\n"},
    /* A statement that cannot be prepared when the session begins, before and after others that can be. */
    {"test/late.sql", "CREATE TEMPORARY TABLE IF NOT EXISTS late (id int);\n"
                      "INSERT INTO late VALUES (1);\n"
                      "SELECT count(*) = 3 AND bool_and(statement NOT LIKE 'INSERT%') AND"
                      " current_setting('transaction_isolation') = 'repeatable read' AS begun"
                      " FROM pg_prepared_statements \\gset\n"
                      "\\if not :begun\n  \\refuse\n\\endif\n"
                      "SELECT 1;\n"},
    /* Its second transaction fails. */
    {"test/hostile.sql", "SELECT 1 / (:round <= 8)::int;\n"
                         "SELECT false AS \"ON_ERROR_STOP\" \\gset\n"},
    {"test/broken.sql", "SELECT 1 / 0;\n"},
    {"test/nothing.sql", "\\set nothing 1\n"},
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

/* Eight agents on a few keys, closed, for 0.3 s after 0.1 s. */
static pgr_load_options options(const char *strategy, const pgr_keys *keys) {
  pgr_load_options o = {.scenario = inbox,
                        .strategy = pgr_scenario_strategy(inbox, strategy),
                        .protocol = PGR_PROTOCOL_PREPARED,
                        .agents = 8,
                        .connections = 8,
                        .threads = 2,
                        .keys = keys,
                        .first_key = inbox->key.first,
                        .warmup_ns = 100 * PGR_NS_PER_MS,
                        .duration_ns = 300 * PGR_NS_PER_MS,
                        .verify = true,
                        .verify_max = 100000,
                        .seed = 1};
  assert_non_null(o.strategy);
  o.isolation = o.strategy->first;
  return o;
}

static pgr_keys keys_of(pgr_key_options o) {
  pgr_keys k;
  pgr_err err;
  must(pgr_keys_check(&o, &err), &err);
  pgr_keys_init(&k, &o);
  return k;
}

static const pgr_key_options few = {PGR_SPREAD_UNIFORM, .count = KEYS};

/* Installs, seeds and runs; the measure is the caller's to deinit. */
static pgr_measure load_watched(fixture *f, const pgr_load_options *o, const pgr_load_watch *watch,
                                pgr_follow_report *stories) {
  pgr_measure m = {0};
  pgr_err err;
  pgr_stage stage = {f->db, o->scenario, o->agents, o->agents};
  must(pgr_db_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &err), &err);
  must(pgr_stage_install(&stage, o->strategy, &err), &err);
  must(pgr_stage_seed(&stage, o->first_key, o->first_key + o->keys->o.count - 1, &err), &err);
  must(pgr_load_run(o, f->target, watch, &m, stories, &err), &err);
  return m;
}

static pgr_measure load(fixture *f, const pgr_load_options *o) {
  return load_watched(f, o, &(pgr_load_watch){.user = NULL}, NULL);
}

static uint64_t ended(const pgr_measure *m, int kind) {
  uint64_t n = 0;
  for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
    if (o != PGR_OUTCOME_RETRIED) n += m->tally.outcomes[kind][o];
  return n;
}

static uint64_t recorded(const pgr_histogram *h) {
  return h ? pgr_histogram_count(h) : 0;
}

/* Every figure counts the same operations. */
static void adds_up(const pgr_load_options *o, const pgr_measure *m) {
  const pgr_tally *t = &m->tally;
  uint64_t all = 0, statements = 0;
  assert_true(m->complete && m->window_ns > 0);
  for (int k = 0; k < inbox->operation_count; k++) {
    uint64_t service = 0, response = 0;
    for (int x = 0; x < PGR_OUTCOME_COUNT; x++) {
      service += recorded(t->service[k][x]);
      response += recorded(t->response[k][x]);
      assert_true(recorded(t->service[k][x]) == t->outcomes[k][x]);
    }
    assert_true(service - t->outcomes[k][PGR_OUTCOME_RETRIED] == response);
    assert_true(recorded(t->tries[k]) == ended(m, k));
    all += ended(m, k);
  }
  assert_true(recorded(t->pool_wait) == all);
  assert_true(recorded(t->transaction) == m->begun);
  for (int i = 0; i < t->statement_kinds; i++)
    statements += recorded(t->statement[i]);
  /* Those are counted by when they were sent, these by when their operation was to begin. */
  assert_true(statements > 0 && statements <= t->statements + 8 * (uint64_t)o->agents);
  /* What began in the window with its claim did not all begin its later operations in it. */
  assert_true(ended(m, CLAIM) >= m->begun && ended(m, CLAIM) <= m->begun + m->unfinished);
  assert_true(m->transactions > 0 && m->transactions <= m->begun + o->agents);
  uint64_t in_series = 0;
  for (size_t i = 0; i < m->series.count; i++)
    in_series += m->series.at[i].ended;
  assert_true(in_series + o->agents >= m->transactions);
}

static void closed_loops(void **state) {
  fixture *f = *state;
  static const struct {
    const char *strategy;
    uint32_t agents, connections, threads;
    pgr_protocol protocol;
  } shapes[] = {{"claims", 8, 8, 2, PGR_PROTOCOL_PREPARED},
                {"conditional", 8, 2, 1, PGR_PROTOCOL_EXTENDED},
                {"conditional", 30, 7, 3, PGR_PROTOCOL_SIMPLE},
                {"retried", 6, 6, 2, PGR_PROTOCOL_PREPARED},
                {"claims", 1, 1, 1, PGR_PROTOCOL_SIMPLE}};
  const pgr_keys keys = keys_of(few);
  for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
    pgr_load_options o = options(shapes[i].strategy, &keys);
    o.agents = shapes[i].agents;
    o.connections = shapes[i].connections;
    o.threads = shapes[i].threads;
    o.protocol = shapes[i].protocol;
    pgr_measure m = load(f, &o);
    adds_up(&o, &m);
    assert_true(m.tally.outcomes[CLAIM][PGR_OUTCOME_OK] > 0 && m.tally.outcomes[RELEASE][PGR_OUTCOME_OK] > 0);
    if (o.agents > 1)
      assert_true(m.tally.outcomes[CLAIM][PGR_OUTCOME_REFUSED] + m.tally.outcomes[CLAIM][PGR_OUTCOME_REJECTED] > 0);
    assert_true(m.verified && !m.verify_limited && m.duplicates == 0 && m.unexplained == 0);
    assert_true(m.verified_operations >= ended(&m, CLAIM)); /* the warm-up's too */
    if (o.agents > 10 * o.connections / 3) assert_true(pgr_histogram_max(m.tally.pool_wait) > 0);
    assert_true(m.cpu_ns > 0 && m.connect_ns > 0 && recorded(m.loop_lag) > 0);
    pgr_measure_deinit(&m);
  }
}

/* The history is dropped as it goes, and the duplicates are found all the same. */
static void duplicates_are_found_under_load(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("naive", &keys);
  pgr_follow_report stories = {0};
  o.gap_ns = PGR_NS_PER_MS;
  o.duration_ns = 800 * PGR_NS_PER_MS; /* several turns of the verifier */
  pgr_measure m = load_watched(f, &o, &(pgr_load_watch){.user = NULL}, &stories);
  adds_up(&o, &m);
  assert_true(m.duplicates > 0 && m.unexplained == 0 && stories.duplicates == m.duplicates);
  assert_true(stories.violation.first.agent != stories.violation.second.agent);
  assert_true(stories.violation.first.key == stories.violation.second.key);
  assert_true(m.verify_kept_max < m.verified_operations);
  pgr_measure_deinit(&m);
  o.verify = false;
  m = load(f, &o);
  assert_true(!m.verified && m.duplicates == 0 && m.verified_operations == 0);
  pgr_measure_deinit(&m);
}

/* With room for next to nothing the load goes on, and what was verified until then stands. */
static void verifying_is_limited(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("conditional", &keys);
  o.verify_max = 2;
  o.duration_ns = 800 * PGR_NS_PER_MS;
  pgr_measure m = load(f, &o);
  assert_true(m.complete && m.verified && m.verify_limited);
  assert_true(m.verify_kept_max <= 2 && m.verified_operations < ended(&m, CLAIM));
  pgr_measure_deinit(&m);
}

static void so_many_transactions(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("conditional", &keys);
  o.transactions = 25;
  o.warmup_ns = o.duration_ns = 0;
  pgr_measure m = load(f, &o);
  adds_up(&o, &m);
  assert_int_equal(m.transactions, 8 * 25);
  assert_int_equal(ended(&m, CLAIM), 8 * 25);
  assert_int_equal(ended(&m, REPLY), m.tally.outcomes[CLAIM][PGR_OUTCOME_OK]);
  assert_int_equal(ended(&m, RELEASE), m.tally.outcomes[CLAIM][PGR_OUTCOME_OK]);
  assert_int_equal(number(f, "SELECT count(*) FROM replies"), m.tally.outcomes[REPLY][PGR_OUTCOME_OK]);
  assert_int_equal(number(f, "SELECT count(*) FROM conversations WHERE texter_id IS NOT NULL"), 0);
  pgr_measure_deinit(&m);
}

/* Each key is contended for by so many, and never again. */
static void keys_once(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of((pgr_key_options){PGR_SPREAD_ONCE, .count = 50, .each = 4});
  pgr_load_options o = options("claims", &keys);
  o.warmup_ns = 0;
  o.duration_ns = 60 * PGR_NS_PER_S;
  pgr_measure m = load(f, &o);
  assert_true(m.keys_used_up && !m.complete);
  assert_int_equal(ended(&m, CLAIM), 50 * 4);
  assert_true(m.tally.outcomes[CLAIM][PGR_OUTCOME_OK] >= 50);
  pgr_measure_deinit(&m);
}

/* Between the reply and the release. */
static void held(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("claims", &keys);
  o.hold_ns = 50 * PGR_NS_PER_MS;
  o.transactions = 3;
  o.warmup_ns = o.duration_ns = 0;
  o.agents = o.connections = o.threads = 1;
  pgr_measure m = load(f, &o);
  assert_int_equal(m.transactions, 3);
  assert_true(pgr_histogram_min(m.tally.transaction) >= o.hold_ns);
  assert_true(pgr_histogram_min(m.tally.service[CLAIM][PGR_OUTCOME_OK]) < o.hold_ns);
  pgr_measure_deinit(&m);
}

static void errors_are_counted(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("broken", &keys);
  o.transactions = 5;
  o.warmup_ns = o.duration_ns = 0;
  pgr_measure m = load(f, &o);
  assert_int_equal(m.tally.outcomes[CLAIM][PGR_OUTCOME_FAILED], 8 * 5);
  assert_int_equal(m.errors, 8 * 5);
  assert_int_equal(m.tally.complaint_count, 1);
  assert_string_equal(m.tally.complaints[0].sqlstate, "22012");
  pgr_measure_deinit(&m);
}

/* A script that waits for nothing does not keep the loop from the clock. */
/* What the pipeline that begins a session leaves to do is done: the session's SQL is undone by the failure in it. */
static void what_cannot_be_prepared_at_first_disturbs_nothing(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("late", &keys);
  o.transactions = 5;
  o.warmup_ns = o.duration_ns = 0;
  pgr_measure m = load(f, &o);
  assert_int_equal(m.tally.outcomes[CLAIM][PGR_OUTCOME_OK], 8 * 5);
  assert_int_equal(m.errors, 0);
  pgr_measure_deinit(&m);
}

/* Presets that no script names are put right all the same when the columns of a result have changed them. */
static void every_transaction_stops_on_errors(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("hostile", &keys);
  o.transactions = 2;
  o.warmup_ns = o.duration_ns = 0;
  pgr_measure m = load(f, &o);
  assert_int_equal(m.tally.outcomes[CLAIM][PGR_OUTCOME_OK], 8);
  assert_int_equal(m.tally.outcomes[CLAIM][PGR_OUTCOME_FAILED], 8);
  pgr_measure_deinit(&m);
}

static void nothing_to_wait_for(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("silent", &keys);
  o.verify = false;
  for (int open = 0; open < 2; open++) {
    o.open = open;
    o.rate = (pgr_rate){20000, 20000};
    pgr_measure m = load(f, &o);
    assert_true(m.complete && m.transactions > 0);
    pgr_measure_deinit(&m);
  }
}

static void tries_are_counted(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of((pgr_key_options){PGR_SPREAD_UNIFORM, .count = 1});
  pgr_load_options o = options("retried", &keys);
  o.transactions = 100; /* however little a busy machine gets done in a while */
  o.warmup_ns = o.duration_ns = 0;
  pgr_measure m = load(f, &o);
  adds_up(&o, &m);
  assert_true(m.tally.outcomes[CLAIM][PGR_OUTCOME_RETRIED] > 0);
  assert_true(pgr_histogram_max(m.tally.tries[CLAIM]) > 1);
  assert_true(m.duplicates == 0 && m.unexplained == 0);
  pgr_measure_deinit(&m);
}

/* Two operations that start, one client that is free more often than the other: both run alike. */
static void starting_operations_are_dealt_in_turn(void **state) {
  static const sheet sheets[] = {{"test/test.yaml",
                                  "title: two kinds\n"
                                  "lesson: test\n"
                                  "schema: [tables.sql]\n"
                                  "operations:\n"
                                  "  - {name: add, script: add.sql}\n"
                                  "  - {name: remove, script: remove.sql}\n"
                                  "invariants: [{rule: none, sql: SELECT 1 AS key WHERE false}]\n"
                                  "strategies: [{name: only, summary: one, isolation: {read committed: safe}}]\n"},
                                 {"test/tables.sql", "CREATE TABLE t (id bigint);\n"},
                                 {"test/add.sql", "INSERT INTO t VALUES (:key);\n"},
                                 {"test/remove.sql", "DELETE FROM t WHERE id = :key;\n"},
                                 {NULL, NULL}};
  fixture *f = *state;
  pgr_scenario *two = scenario_of(sheets);
  const pgr_keys keys = keys_of(few);
  for (int open = 0; open < 2; open++) {
    pgr_load_options o = options("naive", &keys);
    o.scenario = two;
    o.strategy = &two->strategies[0];
    o.verify = false;
    o.open = open;
    o.rate = (pgr_rate){200, 200};
    o.agents = o.connections = open ? 8 : 1;
    o.threads = 1;
    pgr_err err;
    pgr_stage stage = {f->db, two, 2, 2};
    pgr_measure m = {0};
    must(pgr_db_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &err), &err);
    must(pgr_stage_install(&stage, o.strategy, &err), &err);
    must(pgr_load_run(&o, f->target, &(pgr_load_watch){.user = NULL}, &m, NULL, &err), &err);
    uint64_t added = ended(&m, 0), removed = ended(&m, 1);
    assert_true(added > 10 && added <= removed + 1 && removed <= added + 1);
    pgr_measure_deinit(&m);
  }
  pgr_scenario_destroy(two);
}

/* ---- the open loop ---- */

static void arrivals(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("slow", &keys);
  o.verify = false;
  o.open = true;
  o.rate = (pgr_rate){100, 100}; /* 16 at once at most, of 5 ms each: 1,600 a second */
  o.duration_ns = PGR_NS_PER_S;
  pgr_measure m = load(f, &o);
  assert_int_equal(m.arrivals.due, 100);
  assert_true(m.arrivals.shed == 0 && m.complete);
  assert_int_equal(recorded(m.lag), m.begun);
  assert_int_equal(m.begun + m.unfinished + m.arrivals.unsent, 100);
  assert_int_equal(recorded(m.tally.response[CLAIM][PGR_OUTCOME_OK]), m.begun);
  pgr_measure_deinit(&m);

  /* Twice what two clients get done. */
  o.agents = o.connections = 2;
  o.rate = (pgr_rate){800, 800};
  m = load(f, &o);
  assert_int_equal(m.arrivals.due, 800);
  assert_true(m.arrivals.late > 200 && m.arrivals.shed == 0 && m.arrivals.unsent > 100);
  assert_true(m.begun + m.unfinished + m.arrivals.unsent == m.arrivals.due);
  pgr_measure_deinit(&m);
  o.max_lag_ns = 50 * PGR_NS_PER_MS;
  m = load(f, &o);
  assert_true(m.arrivals.shed > 100);
  assert_true(m.begun + m.unfinished + m.arrivals.unsent + m.arrivals.shed == m.arrivals.due);
  assert_true(pgr_histogram_quantile(m.lag, 0.5) <= o.max_lag_ns); /* who is begun is not that late */
  pgr_measure_deinit(&m);
}

/* More than the server gets done, from the beginning: what it does get done in the window is what came long before. */
static void overload(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("slow", &keys);
  o.verify = false;
  o.open = true;
  o.agents = o.connections = 2;
  o.rate = (pgr_rate){4000, 4000};
  o.warmup_ns = PGR_NS_PER_S / 2;
  pgr_measure m = load(f, &o);
  assert_true(m.transactions > 20 && m.begun == 0 && m.arrivals.unsent == m.arrivals.due);
  pgr_measure_deinit(&m);

  o.rate = (pgr_rate){1e8, 1e8}; /* faster than anybody counts: it ends all the same */
  o.duration_ns = 100 * PGR_NS_PER_MS;
  m = load(f, &o);
  assert_true(m.complete && m.transactions > 0 && m.arrivals.unsent > 1000);
  pgr_measure_deinit(&m);
}

/* Each client to its end, however long another thread's takes. */
static void the_last_thread_counts(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of((pgr_key_options){PGR_SPREAD_UNIFORM, .count = 1});
  pgr_load_options o = options("mixed", &keys);
  o.verify = false;
  o.agents = o.connections = o.threads = 2;
  o.transactions = 3;
  o.warmup_ns = o.duration_ns = 0;
  pgr_measure m = load(f, &o);
  assert_int_equal(m.transactions, 6);
  assert_true(m.window_ns >= 600 * PGR_NS_PER_MS && m.cpu_ns > 0);
  pgr_measure_deinit(&m);
}

/* Stops the sessions' processes for a second, in the middle of the window. */
typedef struct outage {
  pgr_db *db;
  pthread_t thread;
  pid_t pids[32];
  int count;
  bool begun;
} outage;

static void *stop_and_go_on(void *user) {
  const outage *p = user;
  pgr_sleep_until(pgr_now_ns() + 500 * PGR_NS_PER_MS);
  for (int i = 0; i < p->count; i++)
    (void)kill(p->pids[i], SIGSTOP);
  pgr_sleep_until(pgr_now_ns() + PGR_NS_PER_S);
  for (int i = 0; i < p->count; i++)
    (void)kill(p->pids[i], SIGCONT);
  return NULL;
}

static void on_entered(void *user, pgr_load_phase phase) {
  outage *p = user;
  PGresult *rows = NULL;
  pgr_err err;
  if (phase != PGR_LOAD_MEASURING) return;
  must(pgr_db_query(
           p->db, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
           0, NULL, &rows, &err),
       &err);
  for (p->count = 0; p->count < PQntuples(rows) && p->count < 32; p->count++)
    p->pids[p->count] = (pid_t)strtol(PQgetvalue(rows, p->count, 0), NULL, 10);
  PQclear(rows);
  p->begun = pthread_create(&p->thread, NULL, stop_and_go_on, p) == 0;
}

/* Whoever was to arrive during a pause waits from then on: a third of all of them, for up to a second. Counted from the
 * send instead, as a closed loop would, or with only those that were in flight, the pause would touch one in a hundred.
 */
static void a_pause_is_felt_by_all_who_were_to_arrive(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of((pgr_key_options){PGR_SPREAD_UNIFORM, .count = 900});
  pgr_load_options o = options("conditional", &keys);
  outage p = {.db = f->db};
  o.open = true;
  o.poisson = true;
  o.rate = (pgr_rate){400, 400};
  o.duration_ns = 3 * PGR_NS_PER_S;
  pgr_measure m = load_watched(f, &o, &(pgr_load_watch){.entered = on_entered, .user = &p}, NULL);
  assert_true(p.begun && pthread_join(p.thread, NULL) == 0 && p.count == 8);
  assert_true(m.complete && m.arrivals.due > 900);
  assert_int_equal(m.unfinished, 0);
  const pgr_histogram *response = m.tally.response[CLAIM][PGR_OUTCOME_OK];
  assert_true(pgr_histogram_quantile(response, 0.99) > 800 * PGR_NS_PER_MS);
  assert_true(pgr_histogram_quantile(response, 0.85) > 300 * PGR_NS_PER_MS);
  assert_true(pgr_histogram_quantile(m.tally.transaction, 0.99) > 800 * PGR_NS_PER_MS);
  /* From the send: the eight that were in flight alone. */
  const pgr_histogram *service = m.tally.service[CLAIM][PGR_OUTCOME_OK];
  assert_true(pgr_histogram_quantile(service, 0.95) < 800 * PGR_NS_PER_MS);
  pgr_measure_deinit(&m);
}

/* ---- the rest ---- */

/* A statement that takes longer than it may is given up; nobody waits for its end. */
static void answers_have_a_limit(void **state) {
  fixture *f = *state;
  pgr_db *db = NULL;
  pgr_err err;
  must(pgr_db_connect(f->target, &db, &err), &err);
  pgr_db_limit(db, 50 * PGR_NS_PER_MS);
  must(pgr_db_exec(db, "SELECT 1", &err), &err);
  int64_t begun_ns = pgr_now_ns();
  assert_int_equal(pgr_db_exec(db, "SELECT pg_sleep(600)", &err), PGR_EDATABASE);
  assert_true(pgr_now_ns() - begun_ns < 300 * PGR_NS_PER_S);
  assert_true(number(f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE query LIKE '%sleep(600)'"
                        " AND state = 'active' AND pid <> pg_backend_pid()") == 1);
  pgr_db_close(db);
}

static void server_processes_cost_something(void **state) {
  fixture *f = *state;
  int64_t before_ns = pgr_server_cpu_ns(f->server);
  assert_true(before_ns >= 0 && pgr_server_cpu_ns(NULL) == -1);
  (void)number(f, "SELECT count(*) FROM generate_series(1, 3000000)");
  assert_true(pgr_server_cpu_ns(f->server) > before_ns);
}

/* Ends the sessions that are in the midst of a statement, once, when the window has been open for a while. */
typedef struct killer {
  fixture *f;
  int looks; /* since the window began; -1: not yet */
} killer;

static void on_entered_kill(void *user, pgr_load_phase phase) {
  killer *k = user;
  if (phase == PGR_LOAD_MEASURING) k->looks = 0;
}

static void on_look_kill(void *user) {
  killer *k = user;
  if (k->looks < 0 || k->looks++ != 1) return;
  assert_true(number(k->f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                           " WHERE query LIKE 'SELECT pg_sleep(0.005)%' AND state = 'active'") > 0);
}

/* What was in flight may have happened. */
static void lost_connections_are_unknown(void **state) {
  fixture *f = *state;
  const pgr_keys keys = keys_of(few);
  pgr_load_options o = options("slow", &keys);
  killer k = {.f = f, .looks = -1};
  const pgr_load_watch watch = {.entered = on_entered_kill, .look = on_look_kill, .user = &k};
  o.duration_ns = PGR_NS_PER_S;
  pgr_measure m = load_watched(f, &o, &watch, NULL);
  assert_true(m.complete && m.tally.outcomes[CLAIM][PGR_OUTCOME_UNKNOWN] > 0);
  assert_true(m.tally.outcomes[CLAIM][PGR_OUTCOME_FAILED] == 0 && m.tally.outcomes[CLAIM][PGR_OUTCOME_OK] > 0);
  pgr_measure_deinit(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(closed_loops),
      cmocka_unit_test(duplicates_are_found_under_load),
      cmocka_unit_test(verifying_is_limited),
      cmocka_unit_test(answers_have_a_limit),
      cmocka_unit_test(so_many_transactions),
      cmocka_unit_test(keys_once),
      cmocka_unit_test(held),
      cmocka_unit_test(errors_are_counted),
      cmocka_unit_test(what_cannot_be_prepared_at_first_disturbs_nothing),
      cmocka_unit_test(every_transaction_stops_on_errors),
      cmocka_unit_test(nothing_to_wait_for),
      cmocka_unit_test(tries_are_counted),
      cmocka_unit_test(arrivals),
      cmocka_unit_test(overload),
      cmocka_unit_test(the_last_thread_counts),
      cmocka_unit_test(starting_operations_are_dealt_in_turn),
      cmocka_unit_test(a_pause_is_felt_by_all_who_were_to_arrive),
      cmocka_unit_test(server_processes_cost_something),
      cmocka_unit_test(lost_connections_are_unknown),
  };
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
