/* The server's own statistics of a phase.
 *
 * Sessions report what they counted at most once a second, and at the latest when they end; what they report was done
 * before they leave pg_stat_activity. So the counters are read when nobody is left, and after our own session has
 * reported too: what it counts of itself is taken off.
 *
 * The invariant most easily broken: nothing is asked inside a transaction of the caller's. An error of ours would end
 * it, and statistics stand still in it. */
#include "pgr_sampler.h"

#include "pgr_clock.h"
#include "pgr_units.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SERVER_WITH_WAL_COUNTERS = 140000, SERVER_WITH_SHARED_COUNTERS = 150000, NUMBERS_MAX = 7 };

/* How often the collector of older servers writes its file, and sessions report to it. */
static const int64_t COLLECTOR_NS = 501 * PGR_NS_PER_MS;
static const int64_t ANSWER_NS = 2 * PGR_NS_PER_S;
static const int64_t LEAVING_NS = PGR_NS_PER_S, LEAVING_POLL_NS = 10 * PGR_NS_PER_MS;

static const pgr_server_figures unknown = {.wal_bytes = -1,
                                           .wal_records = -1,
                                           .wal_full_pages = -1,
                                           .commits = -1,
                                           .rollbacks = -1,
                                           .deadlocks = -1,
                                           .conflicts = -1,
                                           .blocks_hit = -1,
                                           .blocks_read = -1,
                                           .temp_bytes = -1};

/* What a role may not see of other roles' sessions is NULL, but for who they are: usesysid tells sessions from the
 * server's own processes. */
#define OTHER_SESSIONS                                                                                                 \
  " FROM pg_stat_activity WHERE datname = current_database()"                                                          \
  " AND pid <> pg_backend_pid() AND usesysid IS NOT NULL"                                                              \
  " AND (backend_type = 'client backend' OR backend_type IS NULL)"

static const char processes[] =
    "SELECT CASE WHEN backend_type IS NULL OR state = 'disabled' THEN 'hidden'"
    " WHEN state LIKE 'idle in transaction%' THEN state"
    " ELSE coalesce(wait_event_type || ':' || wait_event, 'CPU') END, count(*)" OTHER_SESSIONS
    " AND state IS DISTINCT FROM 'idle' GROUP BY 1";
static const char sessions[] = "SELECT count(*)" OTHER_SESSIONS;
/* No row where nothing is counted: zeros would be wrong. */
static const char database_counters[] =
    "SELECT xact_commit, xact_rollback, deadlocks, conflicts, blks_hit, blks_read, temp_bytes"
    " FROM pg_stat_database WHERE datname = current_database()"
    " AND current_setting('track_counts')::bool";
/* Commits alone are nothing to report: hence the table. */
static const char report_own[] =
    "SELECT pg_stat_force_next_flush() FROM pg_database WHERE datname = current_database()";
static const char wal_counters[] = "SELECT wal_records, wal_fpi FROM pg_stat_wal";
static const char wal_position[] = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint";

/* ---- asking ---- */

static int version_of(const pgr_sampler *s) {
  return PQserverVersion(pgr_db_raw(s->db));
}

/* *out: to be given to PQclear when true. false: the server does not say, to us or to anybody; or s->failed, when it
 * says nothing at all any more. */
static bool ask(pgr_sampler *s, const char *sql, PGresult **out) {
  if (s->failed || PQtransactionStatus(pgr_db_raw(s->db)) != PQTRANS_IDLE) {
    s->failed = true;
    return false;
  }
  pgr_db_limit(s->db, ANSWER_NS); /* a load is not kept waiting by its observer */
  pgr_code code = pgr_db_query(s->db, sql, 0, NULL, out, NULL);
  pgr_db_limit(s->db, 0);
  if (!code) {
    s->own_commits++;
    return true;
  }
  s->failed = !pgr_db_blames_sql(s->db);
  s->own_rollbacks++;
  return false;
}

/* The only row's numbers; -1 for each that the server does not say. */
static void ask_numbers(pgr_sampler *s, const char *sql, int64_t *const *out, int count) {
  PGresult *answer = NULL;
  bool answered = ask(s, sql, &answer);
  for (int i = 0; i < count; i++) {
    *out[i] = -1;
    if (!answered || PQntuples(answer) != 1 || PQgetisnull(answer, 0, i)) continue;
    if (pgr_parse_int(PQgetvalue(answer, 0, i), "counter", 0, INT64_MAX, out[i], NULL)) *out[i] = -1;
  }
  if (answered) PQclear(answer);
}

static void ask_position(pgr_sampler *s, int64_t *out) {
  ask_numbers(s, wal_position, (int64_t *const[]){out}, 1);
}

static void ask_wal_counters(pgr_sampler *s, pgr_server_figures *out) {
  if (version_of(s) < SERVER_WITH_WAL_COUNTERS) return;
  ask_numbers(s, wal_counters, (int64_t *const[]){&out->wal_records, &out->wal_full_pages}, 2);
}

static void ask_database_counters(pgr_sampler *s, pgr_server_figures *out) {
  int64_t *const numbers[NUMBERS_MAX] = {&out->commits,    &out->rollbacks,   &out->deadlocks, &out->conflicts,
                                         &out->blocks_hit, &out->blocks_read, &out->temp_bytes};
  ask_numbers(s, database_counters, numbers, NUMBERS_MAX);
}

/* ---- waiting for what is reported late ---- */

/* Until what our own session and those that are gone have counted can be read. Servers before 15 have no way to ask for
 * that: a session reports at a transaction's end if it has not just done so, and the collector's file may be old. */
static void settle(pgr_sampler *s) {
  PGresult *ignored = NULL;
  bool shared = version_of(s) >= SERVER_WITH_SHARED_COUNTERS;
  if (s->failed) return;
  if (!shared) pgr_sleep_until(pgr_now_ns() + COLLECTOR_NS);
  if (ask(s, shared ? report_own : "SELECT 1", &ignored)) PQclear(ignored);
  if (!shared && !s->failed) pgr_sleep_until(pgr_now_ns() + COLLECTOR_NS);
}

/* A session goes on for a while after its connection was closed. Somebody else's may stay. */
static void await_leaving(pgr_sampler *s, int64_t staying) {
  int64_t count = -1, fewest = INT64_MAX, patience_ns = 0;
  for (;;) {
    ask_numbers(s, sessions, (int64_t *const[]){&count}, 1);
    if (count < fewest) {
      fewest = count;
      patience_ns = pgr_now_ns() + LEAVING_NS;
    }
    if (count <= staying || pgr_now_ns() >= patience_ns) return;
    pgr_sleep_until(pgr_now_ns() + LEAVING_POLL_NS);
  }
}

/* ---- waits ---- */

/* Those that come when the table is full are left out. */
static void add_wait(pgr_server_figures *f, const char *what, uint64_t seen) {
  pgr_wait new = {.seen = 0};
  size_t i = 0;
  snprintf(new.what, sizeof new.what, "%s", what);
  while (i < f->wait_count && strcmp(f->waits[i].what, new.what) != 0)
    i++;
  if (i == PGR_WAITS_MAX) return;
  if (i == f->wait_count) f->waits[f->wait_count++] = new;
  f->waits[i].seen += seen;
}

static int compare_waits(const void *a, const void *b) {
  const pgr_wait *x = a, *y = b;
  if (x->seen != y->seen) return x->seen > y->seen ? -1 : 1;
  return strcmp(x->what, y->what);
}

/* ---- a phase ---- */

void pgr_sampler_begin(pgr_sampler *s, pgr_db *db) {
  *s = (pgr_sampler){.db = db, .before = unknown, .figures = unknown};
  settle(s);
  s->own_commits = s->own_rollbacks = 0;
  ask_database_counters(s, &s->before);
  ask_wal_counters(s, &s->before);
  ask_position(s, &s->before.wal_bytes);
  s->begun_ns = pgr_now_ns();
}

void pgr_sampler_look(pgr_sampler *s) {
  int64_t start_ns = pgr_now_ns();
  PGresult *answer = NULL;
  if (!ask(s, processes, &answer)) {
    s->failed = true;
    return;
  }
  for (int row = 0; row < PQntuples(answer); row++) {
    int64_t seen = 0;
    if (pgr_parse_int(PQgetvalue(answer, row, 1), "count", 0, INT64_MAX, &seen, NULL)) continue;
    add_wait(&s->figures, PQgetvalue(answer, row, 0), (uint64_t)seen);
  }
  PQclear(answer);
  s->figures.looks++;
  s->figures.took_ns += pgr_now_ns() - start_ns;
}

/* own: what of it is the sampler's. Counters that were reset meanwhile say nothing. */
static int64_t grown(int64_t before, int64_t after, int64_t own) {
  return before >= 0 && after >= before + own ? after - before - own : -1;
}

void pgr_sampler_mark(pgr_sampler *s) {
  int64_t position = -1;
  s->marked = true;
  s->figures.phase_s = (double)(pgr_now_ns() - s->begun_ns) / (double)PGR_NS_PER_S;
  if (s->before.wal_bytes >= 0) ask_position(s, &position);
  s->figures.wal_bytes = grown(s->before.wal_bytes, position, 0);
}

static void end_database(pgr_sampler *s) {
  const pgr_server_figures *before = &s->before;
  pgr_server_figures *f = &s->figures, after = unknown;
  int64_t own_commits = s->own_commits, own_rollbacks = s->own_rollbacks; /* without this question */
  if (before->commits < 0) return;
  ask_database_counters(s, &after);
  f->commits = grown(before->commits, after.commits, own_commits);
  f->rollbacks = grown(before->rollbacks, after.rollbacks, own_rollbacks);
  f->deadlocks = grown(before->deadlocks, after.deadlocks, 0);
  f->conflicts = grown(before->conflicts, after.conflicts, 0);
  f->blocks_hit = grown(before->blocks_hit, after.blocks_hit, 0);
  f->blocks_read = grown(before->blocks_read, after.blocks_read, 0);
  f->temp_bytes = grown(before->temp_bytes, after.temp_bytes, 0);
}

static void end_wal(pgr_sampler *s) {
  pgr_server_figures after = unknown;
  if (s->before.wal_records < 0) return;
  ask_wal_counters(s, &after);
  s->figures.wal_records = grown(s->before.wal_records, after.wal_records, 0);
  s->figures.wal_full_pages = grown(s->before.wal_full_pages, after.wal_full_pages, 0);
}

void pgr_sampler_end(pgr_sampler *s, int staying, pgr_server_figures *out) {
  if (!s->marked) pgr_sampler_mark(s);
  await_leaving(s, staying);
  settle(s);
  end_database(s);
  end_wal(s);
  qsort(s->figures.waits, s->figures.wait_count, sizeof *s->figures.waits, compare_waits);
  s->figures.known = true;
  *out = s->failed ? unknown : s->figures;
}
