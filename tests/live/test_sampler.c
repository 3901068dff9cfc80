/* The server's figures of a phase, with real sessions: who waits is found waiting, what was done is counted, and what
 * the server or the role does not say is not known. The server does nothing of its own accord: counts are exact. */
#include "pgr_live.h"

#include "pgr_clock.h"
#include "pgr_sampler.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 20, ROUNDS = 20 };

/* How long something that has to come is waited for before the test fails. */
static const int64_t PATIENCE_NS = 30 * PGR_NS_PER_S;

/* ---- helpers ---- */

static void exec(pgr_db *db, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(db, sql, &err), &err);
}

static int64_t number(pgr_db *db, const char *sql) {
  pgr_err err;
  int64_t n = -1;
  must(pgr_db_query_int(db, sql, &n, &err), &err);
  return n;
}

static pgr_db *connect_to(const fixture *f, const char *keyword, const char *value) {
  pgr_err err;
  pgr_target *t = NULL;
  pgr_db *db = NULL;
  must(pgr_target_clone(f->target, &t, &err), &err);
  if (keyword) must(pgr_target_set(t, keyword, value, &err), &err);
  must(pgr_db_connect(t, &db, &err), &err);
  pgr_target_destroy(t);
  return db;
}

static pgr_db *connect_one(const fixture *f) {
  return connect_to(f, NULL, NULL);
}

/* A session that runs one statement on a thread of its own. */
typedef struct busy {
  pthread_t thread;
  pgr_db *db;
  const char *sql;
  pgr_code code;
} busy;

static void *run_busy(void *arg) {
  busy *b = arg;
  pgr_err err;
  b->code = pgr_db_exec(b->db, b->sql, &err);
  return NULL;
}

static void start(busy *b, pgr_db *db, const char *sql) {
  *b = (busy){.db = db, .sql = sql};
  assert_int_equal(pthread_create(&b->thread, NULL, run_busy, b), 0);
}

static pgr_code join(busy *b) {
  pthread_join(b->thread, NULL);
  return b->code;
}

static void cancel_and_close(fixture *f, busy *b) {
  char sql[64];
  snprintf(sql, sizeof sql, "SELECT pg_cancel_backend(%d)::int", PQbackendPID(pgr_db_raw(b->db)));
  assert_int_equal(number(f->db, sql), 1);
  assert_int_equal(join(b), PGR_EDATABASE);
  assert_string_equal(pgr_db_sqlstate(b->db), "57014");
  pgr_db_close(b->db);
}

static const char computes[] = "DO $$ BEGIN LOOP END LOOP; END $$";

static uint64_t seen(const pgr_server_figures *f, const char *what) {
  for (size_t i = 0; i < f->wait_count; i++)
    if (strcmp(f->waits[i].what, what) == 0) return f->waits[i].seen;
  return 0;
}

static uint64_t seen_in_all(const pgr_server_figures *f) {
  uint64_t sum = 0;
  for (size_t i = 0; i < f->wait_count; i++)
    sum += f->waits[i].seen;
  return sum;
}

static void look_for(pgr_sampler *s, const char *what) {
  int64_t until_ns = pgr_now_ns() + PATIENCE_NS;
  do
    pgr_sampler_look(s);
  while (!s->failed && !seen(&s->figures, what) && pgr_now_ns() < until_ns);
  assert_false(s->failed);
  if (!seen(&s->figures, what)) fail_msg("%s was never seen", what);
}

/* From here on only. */
static void look_afresh(pgr_sampler *s, int looks) {
  s->figures.wait_count = 0;
  s->figures.looks = 0;
  for (int i = 0; i < looks; i++)
    pgr_sampler_look(s);
  assert_int_equal(s->figures.looks, looks);
}

static pgr_server_figures end(pgr_sampler *s) {
  pgr_server_figures f = {.looks = 99};
  pgr_sampler_mark(s);
  pgr_sampler_end(s, 0, &f);
  return f;
}

static void begin(pgr_sampler *s, pgr_db *db) {
  pgr_sampler_begin(s, db);
  assert_false(s->failed);
}

/* What a session counts that does this, and nothing else happens. */
static pgr_server_figures phase_of(fixture *f, int times, const char *sql) {
  pgr_sampler s;
  begin(&s, f->db);
  if (sql) {
    pgr_err ignored;
    pgr_db *db = connect_one(f);
    for (int i = 0; i < times; i++) {
      pgr_code code = pgr_db_exec(db, sql, &ignored);
      assert_true(code == PGR_OK || code == PGR_EDATABASE);
    }
    pgr_db_close(db);
  }
  pgr_server_figures figures = end(&s);
  assert_true(figures.known);
  return figures;
}

static int set_up(void **state) {
  if (fixture_set_up(state)) return -1;
  fixture *f = *state;
  pgr_err err;
  if (pgr_db_exec(f->db, "ALTER SYSTEM SET autovacuum = off", &err) ||
      pgr_db_exec(f->db, "SELECT pg_reload_conf()", &err) ||
      /* Who waits looks up then, and does not wait for a moment. */
      pgr_db_exec(f->db, "ALTER ROLE CURRENT_USER SET deadlock_timeout = '1h'", &err) ||
      pgr_db_exec(f->db, "CREATE ROLE stranger LOGIN", &err) || pgr_db_exec(f->db, "CREATE DATABASE elsewhere", &err) ||
      pgr_db_exec(f->db, "CREATE TABLE item (id int PRIMARY KEY, n int)", &err) ||
      pgr_db_exec(f->db, "INSERT INTO item SELECT generate_series(1, 9), 0", &err) ||
      pgr_db_exec(f->db, "CREATE TABLE bulk (t text)", &err)) {
    fprintf(stderr, "%s\n", err.msg);
    return -1;
  }
  return 0;
}

/* Those of the test before may still be leaving. */
static int await_others_end(void **state) {
  fixture *f = *state;
  int64_t until_ns = pgr_now_ns() + PATIENCE_NS;
  exec(f->db, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
              " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()");
  while (number(f->db, "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") > 1)
    if (pgr_now_ns() > until_ns) return -1;
  return 0;
}

/* ---- waits ---- */

static void who_waits_for_a_row_is_found(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  busy first, second;
  pgr_db *holder = connect_one(f), *idle = connect_one(f);
  exec(holder, "BEGIN; UPDATE item SET n = n + 1 WHERE id = 1");
  begin(&s, f->db);
  start(&first, connect_one(f), "UPDATE item SET n = n + 1 WHERE id = 1");
  look_for(&s, "Lock:transactionid");
  start(&second, connect_one(f), "UPDATE item SET n = n + 1 WHERE id = 1");
  look_for(&s, "Lock:tuple");
  /* These three and nobody else: neither the one that idles nor our own. */
  look_afresh(&s, LOOKS);
  assert_int_equal(s.figures.wait_count, 3);
  assert_int_equal(seen(&s.figures, "Lock:transactionid"), LOOKS);
  assert_int_equal(seen(&s.figures, "Lock:tuple"), LOOKS);
  assert_int_equal(seen(&s.figures, "idle in transaction"), LOOKS);
  assert_true(s.figures.took_ns > 0);
  exec(holder, "COMMIT");
  assert_int_equal(join(&first), PGR_OK);
  assert_int_equal(join(&second), PGR_OK);
  look_afresh(&s, LOOKS);
  assert_int_equal(s.figures.wait_count, 0);
  pgr_db_close(first.db);
  pgr_db_close(second.db);
  pgr_db_close(holder);
  pgr_db_close(idle);
  assert_true(end(&s).known);
}

static void several_at_once_are_counted(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  pgr_db *holders[3];
  for (int i = 0; i < 3; i++) {
    holders[i] = connect_one(f);
    exec(holders[i], "BEGIN; SELECT 1");
  }
  begin(&s, f->db);
  look_afresh(&s, LOOKS);
  assert_int_equal(seen(&s.figures, "idle in transaction"), 3 * LOOKS);
  for (int i = 0; i < 3; i++)
    pgr_db_close(holders[i]);
}

static void a_failed_transaction_has_its_own_name(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  pgr_err ignored;
  pgr_db *db = connect_one(f);
  exec(db, "BEGIN");
  assert_int_equal(pgr_db_exec(db, "SELECT 1 / 0", &ignored), PGR_EDATABASE);
  begin(&s, f->db);
  look_afresh(&s, LOOKS);
  assert_int_equal(s.figures.wait_count, 1);
  assert_int_equal(seen(&s.figures, "idle in transaction (aborted)"), LOOKS);
  pgr_db_close(db);
}

static void who_computes_is_on_the_processor(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  busy here, elsewhere;
  begin(&s, f->db);
  start(&elsewhere, connect_to(f, "dbname", "elsewhere"), computes);
  start(&here, connect_one(f), computes);
  look_for(&s, "CPU");
  look_afresh(&s, LOOKS);
  assert_int_equal(seen(&s.figures, "CPU"), LOOKS); /* not those of another database */
  assert_int_equal(s.figures.wait_count, 1);
  cancel_and_close(f, &here);
  cancel_and_close(f, &elsewhere);
}

static void helpers_of_a_session_are_not_counted(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  busy leader;
  pgr_db *db = connect_one(f);
  exec(db, "SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;"
           " SET parallel_leader_participation = off");
  begin(&s, f->db);
  start(&leader, db, "SELECT n FROM item WHERE pg_sleep(3600) IS NULL");
  int64_t until_ns = pgr_now_ns() + PATIENCE_NS;
  while (!number(f->db, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"))
    assert_true(pgr_now_ns() < until_ns);
  look_for(&s, "IPC:ExecuteGather");
  look_afresh(&s, LOOKS);
  assert_int_equal(s.figures.wait_count, 1);
  assert_int_equal(seen(&s.figures, "IPC:ExecuteGather"), LOOKS);
  cancel_and_close(f, &leader);
}

/* A statement that wants more from its client is active. */
static void who_waits_for_its_client_in_a_statement_is_found(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  PGconn *pg = PQconnectdbParams(pgr_target_keywords(f->target), pgr_target_values(f->target), 0);
  assert_int_equal(PQstatus(pg), CONNECTION_OK);
  PGresult *copying = PQexec(pg, "COPY item FROM STDIN");
  assert_int_equal(PQresultStatus(copying), PGRES_COPY_IN);
  PQclear(copying);
  begin(&s, f->db);
  look_for(&s, "Client:ClientRead");
  look_afresh(&s, LOOKS);
  assert_int_equal(seen(&s.figures, "Client:ClientRead"), LOOKS);
  PQfinish(pg);
}

static void what_a_role_may_not_see_is_hidden(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  pgr_server_figures figures;
  pgr_db *holder = connect_one(f), *idle = connect_one(f);
  exec(holder, "BEGIN; SELECT 1");
  pgr_db *stranger = connect_to(f, "user", "stranger"), *own = connect_to(f, "user", "stranger");
  exec(own, "BEGIN; SELECT 1");
  begin(&s, stranger);
  look_afresh(&s, LOOKS);
  /* The two above, and the fixture's. */
  assert_int_equal(seen(&s.figures, "hidden"), 3 * LOOKS);
  assert_int_equal(seen(&s.figures, "idle in transaction"), LOOKS);
  assert_int_equal(s.figures.wait_count, 2);
  exec(f->db, "GRANT pg_monitor TO stranger");
  look_afresh(&s, LOOKS);
  assert_int_equal(seen(&s.figures, "hidden"), 0);
  assert_int_equal(seen(&s.figures, "idle in transaction"), 2 * LOOKS);
  exec(f->db, "REVOKE pg_monitor FROM stranger");
  /* A session that does not tell what it does. */
  exec(own, "COMMIT");
  exec(holder, "COMMIT; SET track_activities = off");
  begin(&s, f->db);
  look_afresh(&s, LOOKS);
  assert_int_equal(seen(&s.figures, "hidden"), LOOKS);
  assert_int_equal(s.figures.wait_count, 1);
  pgr_db_close(own);
  pgr_db_close(holder);
  pgr_db_close(idle);
  begin(&s, stranger);
  figures = end(&s);
  assert_true(figures.known && figures.commits >= 0 && figures.wal_bytes >= 0);
  pgr_db_close(stranger);
}

static void the_most_seen_come_first(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  busy here;
  pgr_db *holder = connect_one(f);
  exec(holder, "BEGIN; SELECT 1");
  begin(&s, f->db);
  look_afresh(&s, 2);
  start(&here, connect_one(f), computes);
  look_for(&s, "CPU");
  pgr_db_close(holder);
  while (seen(&s.figures, "CPU") <= seen(&s.figures, "idle in transaction"))
    pgr_sampler_look(&s);
  cancel_and_close(f, &here);
  pgr_server_figures figures = end(&s);
  assert_true(figures.known);
  assert_int_equal(figures.wait_count, s.figures.wait_count);
  assert_string_equal(figures.waits[0].what, "CPU");
  assert_int_equal(figures.looks, s.figures.looks);
  for (size_t i = 1; i < figures.wait_count; i++)
    assert_true(figures.waits[i - 1].seen >= figures.waits[i].seen);
}

static void so_many_different_ones_are_kept(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  pgr_db *holder = connect_one(f), *failed = connect_one(f);
  pgr_err ignored;
  begin(&s, f->db);
  for (int i = 0; i < PGR_WAITS_MAX - 1; i++)
    snprintf(s.figures.waits[i].what, sizeof s.figures.waits[i].what, "Extension:%d", i);
  s.figures.wait_count = PGR_WAITS_MAX - 1;
  exec(holder, "BEGIN; SELECT 1");
  pgr_sampler_look(&s);
  assert_int_equal(s.figures.wait_count, PGR_WAITS_MAX);
  assert_int_equal(pgr_db_exec(failed, "BEGIN; SELECT 1 / 0", &ignored), PGR_EDATABASE);
  pgr_sampler_look(&s);
  assert_int_equal(s.figures.wait_count, PGR_WAITS_MAX);
  assert_int_equal(seen(&s.figures, "idle in transaction"), 2);
  assert_int_equal(seen_in_all(&s.figures), 2);
  pgr_db_close(holder);
  pgr_db_close(failed);
}

/* ---- counters ---- */

static void nothing_is_counted_when_nothing_happens(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  for (int i = 0; i < ROUNDS; i++) /* what was done before is reported late */
    exec(f->db, "UPDATE item SET n = n + 1 WHERE id = 2");
  begin(&s, f->db);
  for (int i = 0; i < LOOKS; i++)
    pgr_sampler_look(&s);
  pgr_server_figures figures = end(&s);
  assert_true(figures.known);
  assert_int_equal(figures.commits, 0); /* our own are none of the load's */
  assert_int_equal(figures.rollbacks, 0);
  assert_int_equal(figures.deadlocks, 0);
  assert_int_equal(figures.conflicts, 0);
  assert_int_equal(figures.temp_bytes, 0);
  assert_int_equal(figures.wal_full_pages, 0);
  /* Its checkpointer and background writer may have had something to note. */
  assert_in_range(figures.wal_bytes, 0, 1000);
  assert_in_range(figures.wal_records, 0, 10);
  assert_int_equal(figures.looks, LOOKS);
  assert_true(figures.phase_s > 0);
}

/* What sessions have to report they do report when a second has passed, and then there is less to ask for. */
static void a_long_phase_is_counted_as_exactly(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  begin(&s, f->db);
  pgr_sleep_until(pgr_now_ns() + 1100 * PGR_NS_PER_MS);
  pgr_server_figures figures = end(&s);
  assert_true(figures.known);
  assert_int_equal(figures.commits, 0);
  assert_true(figures.phase_s >= 1.1);
}

static void commits_and_rollbacks_are_counted(void **state) {
  fixture *f = *state;
  pgr_server_figures none = phase_of(f, 0, "");
  /* Each time the session is only just leaving when the counters are asked for. */
  for (int i = 0; i < 5; i++) {
    pgr_server_figures commits = phase_of(f, ROUNDS, "UPDATE item SET n = n + 1 WHERE id = 3");
    assert_int_equal(commits.commits - none.commits, ROUNDS);
    assert_int_equal(commits.rollbacks, none.rollbacks);
    pgr_server_figures rollbacks = phase_of(f, ROUNDS, "SELECT 1 / 0");
    assert_int_equal(rollbacks.commits, none.commits);
    assert_int_equal(rollbacks.rollbacks - none.rollbacks, ROUNDS);
  }
}

static void sessions_that_stay_are_not_waited_for_for_ever(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  begin(&s, f->db);
  pgr_db *db = connect_one(f);
  assert_true(end(&s).known);
  pgr_db_close(db);
}

static void a_deadlock_is_counted(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  busy b;
  pgr_err ignored;
  begin(&s, f->db);
  pgr_db *one = connect_one(f), *other = connect_one(f);
  exec(one, "BEGIN; UPDATE item SET n = 0 WHERE id = 4");
  exec(other, "SET deadlock_timeout = '1ms'; BEGIN; UPDATE item SET n = 0 WHERE id = 5");
  start(&b, one, "UPDATE item SET n = 0 WHERE id = 5");
  look_for(&s, "Lock:transactionid");
  assert_int_equal(pgr_db_exec(other, "UPDATE item SET n = 0 WHERE id = 4", &ignored), PGR_EDATABASE);
  assert_string_equal(pgr_db_sqlstate(other), "40P01");
  assert_int_equal(join(&b), PGR_OK);
  pgr_db_close(one);
  pgr_db_close(other);
  pgr_server_figures figures = end(&s);
  assert_true(figures.known);
  assert_int_equal(figures.deadlocks, 1);
}

static void blocks_and_files_are_counted(void **state) {
  fixture *f = *state;
  pgr_server_figures none = phase_of(f, 0, "");
  pgr_server_figures writes = phase_of(f, 1, "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, 1000)");
  assert_true(writes.blocks_read - none.blocks_read > 100); /* new ones count as read */
  assert_true(writes.blocks_hit - none.blocks_hit > 100);
  assert_int_equal(writes.temp_bytes, 0);
  pgr_server_figures sorts =
      phase_of(f, 1, "SET work_mem = '64kB'; SELECT i FROM generate_series(1, 100000) i ORDER BY -i OFFSET 99999");
  assert_true(sorts.temp_bytes > 100000);
  exec(f->db, "TRUNCATE bulk");
}

static void wal_is_measured_up_to_the_mark(void **state) {
  fixture *f = *state;
  static const char insert[] = "INSERT INTO bulk SELECT repeat('x', 1000) FROM generate_series(1, 1000)";
  pgr_sampler s;
  pgr_server_figures figures;
  for (int after = 0; after < 2; after++) {
    begin(&s, f->db);
    pgr_db *db = connect_one(f);
    if (!after) exec(db, insert);
    pgr_sampler_mark(&s);
    if (after) exec(db, insert);
    pgr_db_close(db);
    double phase_s = s.figures.phase_s;
    pgr_sampler_end(&s, 0, &figures);
    assert_true(figures.known && figures.phase_s == phase_s);
    if (after)
      assert_in_range(figures.wal_bytes, 0, 100000);
    else
      assert_in_range(figures.wal_bytes, 1000000, 1200000);
    assert_in_range(figures.wal_records, 1000, 1200);
  }
  /* Without a mark the phase ends when it ends. */
  begin(&s, f->db);
  pgr_db *db = connect_one(f);
  exec(db, insert);
  exec(db, "CREATE INDEX ON bulk (t)"); /* written as full pages */
  pgr_db_close(db);
  pgr_sampler_end(&s, 0, &figures);
  assert_true(figures.known && figures.phase_s > 0);
  assert_true(figures.wal_bytes > 1000000);
  assert_true(figures.wal_full_pages > 0);
  exec(f->db, "DROP TABLE bulk; CREATE TABLE bulk (t text)");
}

static void counters_that_were_reset_say_nothing(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  begin(&s, f->db);
  exec(f->db, "SELECT pg_stat_reset(), pg_stat_reset_shared('wal')");
  pgr_server_figures figures = end(&s);
  assert_true(figures.known && figures.wal_bytes >= 0);
  assert_int_equal(figures.commits, -1);
  assert_int_equal(figures.blocks_hit, -1);
  assert_int_equal(figures.wal_records, -1);
}

/* ---- what is not said ---- */

static void what_a_role_may_not_ask_is_unknown(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  pgr_server_figures figures;
  pgr_db *stranger = connect_to(f, "user", "stranger");
  exec(f->db, "REVOKE EXECUTE ON FUNCTION pg_current_wal_insert_lsn() FROM PUBLIC");
  exec(f->db, "REVOKE SELECT ON pg_stat_wal FROM PUBLIC");
  begin(&s, stranger);
  pgr_sampler_look(&s);
  figures = end(&s);
  assert_true(figures.known);
  assert_int_equal(figures.wal_bytes, -1);
  assert_int_equal(figures.wal_records, -1);
  assert_int_equal(figures.wal_full_pages, -1);
  assert_int_equal(figures.rollbacks, 0); /* what we were refused ourselves is not the load's */
  assert_true(figures.commits >= 0 && figures.blocks_hit >= 0);
  assert_true(figures.wait_count > 0);
  exec(f->db, "GRANT EXECUTE ON FUNCTION pg_current_wal_insert_lsn() TO PUBLIC");
  exec(f->db, "GRANT SELECT ON pg_stat_wal TO PUBLIC");
  exec(f->db, "REVOKE SELECT ON pg_stat_database FROM PUBLIC");
  exec(f->db, "REVOKE EXECUTE ON FUNCTION pg_stat_force_next_flush() FROM PUBLIC");
  begin(&s, stranger);
  figures = end(&s);
  assert_true(figures.known && figures.wal_bytes >= 0 && figures.wal_records >= 0);
  const int64_t unsaid[] = {figures.commits,    figures.rollbacks,   figures.deadlocks, figures.conflicts,
                            figures.blocks_hit, figures.blocks_read, figures.temp_bytes};
  for (size_t i = 0; i < sizeof unsaid / sizeof *unsaid; i++)
    assert_int_equal(unsaid[i], -1);
  exec(f->db, "GRANT SELECT ON pg_stat_database TO PUBLIC");
  exec(f->db, "GRANT EXECUTE ON FUNCTION pg_stat_force_next_flush() TO PUBLIC");
  /* Without what the looks are for, there is nothing. */
  exec(f->db, "REVOKE SELECT ON pg_stat_activity FROM PUBLIC");
  begin(&s, stranger);
  pgr_sampler_look(&s);
  assert_true(s.failed);
  assert_false(end(&s).known);
  exec(f->db, "GRANT SELECT ON pg_stat_activity TO PUBLIC");
  exec(stranger, "SELECT 1");
  pgr_db_close(stranger);
}

static void what_is_not_counted_is_unknown(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  exec(f->db, "SET track_counts = off");
  begin(&s, f->db);
  pgr_server_figures figures = end(&s);
  exec(f->db, "RESET track_counts");
  assert_true(figures.known && figures.wal_bytes >= 0);
  assert_int_equal(figures.commits, -1);
  assert_int_equal(figures.blocks_hit, -1);
}

static void assert_unknown(const pgr_server_figures *f) {
  assert_false(f->known);
  assert_int_equal(f->looks, 0);
  assert_int_equal(f->wait_count, 0);
  assert_int_equal(f->wal_bytes, -1);
  assert_int_equal(f->commits, -1);
}

static void a_lost_connection_makes_it_unknown(void **state) {
  fixture *f = *state;
  for (int when = 0; when < 4; when++) {
    pgr_sampler s;
    char sql[64];
    pgr_db *db = connect_one(f);
    snprintf(sql, sizeof sql, "SELECT pg_terminate_backend(%d, 30000)::int", PQbackendPID(pgr_db_raw(db)));
    if (when == 0) assert_int_equal(number(f->db, sql), 1);
    pgr_sampler_begin(&s, db);
    assert_int_equal(s.failed, when == 0);
    if (when == 1) assert_int_equal(number(f->db, sql), 1);
    pgr_sampler_look(&s);
    assert_int_equal(s.failed, when <= 1);
    if (when == 2) assert_int_equal(number(f->db, sql), 1);
    pgr_sampler_mark(&s);
    assert_int_equal(s.failed, when <= 2);
    if (when == 3) assert_int_equal(number(f->db, sql), 1);
    pgr_server_figures figures = {.known = true, .looks = 99, .wait_count = 7};
    pgr_sampler_end(&s, 0, &figures);
    assert_unknown(&figures);
    pgr_db_close(db);
  }
}

/* Nothing is asked in it: it stays as it is. */
static void a_transaction_of_the_callers_is_left_alone(void **state) {
  fixture *f = *state;
  pgr_sampler s;
  pgr_err ignored;
  pgr_server_figures figures = {.known = true, .looks = 99};
  exec(f->db, "BEGIN; UPDATE item SET n = 77 WHERE id = 6");
  exec(f->db, "SAVEPOINT a");
  assert_int_equal(pgr_db_exec(f->db, "SELECT 1 / 0", &ignored), PGR_EDATABASE);
  pgr_sampler_begin(&s, f->db);
  pgr_sampler_look(&s);
  pgr_sampler_mark(&s);
  pgr_sampler_end(&s, 0, &figures);
  assert_true(s.failed);
  assert_unknown(&figures);
  exec(f->db, "ROLLBACK TO a");
  pgr_sampler_begin(&s, f->db);
  assert_true(s.failed);
  exec(f->db, "COMMIT");
  assert_int_equal(number(f->db, "SELECT n FROM item WHERE id = 6"), 77);
  /* Once it has failed it asks nothing more. */
  pgr_sampler_look(&s);
  pgr_sampler_end(&s, 0, &figures);
  assert_unknown(&figures);
  begin(&s, f->db);
  assert_true(end(&s).known);
}

#define ALONE(test) cmocka_unit_test_setup(test, await_others_end)

int main(void) {
  const struct CMUnitTest tests[] = {
      ALONE(who_waits_for_a_row_is_found),
      ALONE(several_at_once_are_counted),
      ALONE(a_failed_transaction_has_its_own_name),
      ALONE(who_computes_is_on_the_processor),
      ALONE(helpers_of_a_session_are_not_counted),
      ALONE(who_waits_for_its_client_in_a_statement_is_found),
      ALONE(what_a_role_may_not_see_is_hidden),
      ALONE(the_most_seen_come_first),
      ALONE(so_many_different_ones_are_kept),
      ALONE(nothing_is_counted_when_nothing_happens),
      ALONE(a_long_phase_is_counted_as_exactly),
      ALONE(commits_and_rollbacks_are_counted),
      ALONE(sessions_that_stay_are_not_waited_for_for_ever),
      ALONE(a_deadlock_is_counted),
      ALONE(blocks_and_files_are_counted),
      ALONE(wal_is_measured_up_to_the_mark),
      ALONE(counters_that_were_reset_say_nothing),
      ALONE(what_a_role_may_not_ask_is_unknown),
      ALONE(what_is_not_counted_is_unknown),
      ALONE(a_lost_connection_makes_it_unknown),
      ALONE(a_transaction_of_the_callers_is_left_alone),
  };
  return cmocka_run_group_tests(tests, set_up, fixture_tear_down);
}
