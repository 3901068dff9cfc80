/* The journal: who may change a database's schema now, and what was applied to it. Invariant: a name of ours in SQL is
 * qualified, operators too, for a role's or a migration's search_path may name others first. */
#include "journal_internal.h"

#include "pgr_buf.h"
#include "pgr_clock.h"
#include "pgr_names.h"
#include "pgr_units.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ALLOWS(table, privilege) "pg_catalog.has_table_privilege(" table ".oid, '" privilege "')"
#define EQUALS " OPERATOR(pg_catalog.=) "
#define COLUMN_MIGRATION                                                                                               \
  "number pg_catalog.int8 PRIMARY KEY, name pg_catalog.text NOT NULL, checksum pg_catalog.text NOT NULL,"              \
  " applied_at pg_catalog.timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),"                                  \
  " applied_by pg_catalog.text NOT NULL DEFAULT session_user"
#define COLUMN_TRIGGER                                                                                                 \
  "name pg_catalog.text NOT NULL, version pg_catalog.int4 NOT NULL, trigger pg_catalog.text NOT NULL,"                 \
  " relation pg_catalog.text NOT NULL, definition pg_catalog.text NOT NULL, enabled pg_catalog.text NOT NULL,"         \
  " function pg_catalog.text NOT NULL, source pg_catalog.text NOT NULL, migration pg_catalog.int8 NOT NULL,"           \
  " PRIMARY KEY (name, trigger, relation)"

const char *pgr__journal_ms(int64_t ns, char out[PGR__MS_BYTES]) {
  int64_t ms = (ns + PGR_NS_PER_MS - 1) / PGR_NS_PER_MS;
  snprintf(out, PGR__MS_BYTES, "%d", ms < INT_MAX ? (int)ms : INT_MAX);
  return out;
}

static pgr_code deny(const pgr_journal *j, const char *reason, pgr_err *err) {
  pgr_buf role;
  pgr_buf_init(&role, 0);
  pgr_sql_name(PQuser(pgr_db_raw(j->db)), &role);
  pgr_fail(err, PGR_EDATABASE,
           "the records in schema pgrace: %s; let their owner run: GRANT USAGE ON SCHEMA pgrace TO %s; GRANT %s ON ALL "
           "TABLES IN SCHEMA pgrace TO %s",
           reason, pgr_buf_text(&role), j->changes ? "SELECT, INSERT, DELETE" : "SELECT", pgr_buf_text(&role));
  pgr_buf_deinit(&role);
  return PGR_EDATABASE;
}

pgr_code pgr__journal_blame(const pgr_journal *j, pgr_code code, const pgr_err *reason, pgr_err *err) {
  bool denied = code == PGR_EDATABASE && strcmp(pgr_db_sqlstate(j->db), "42501") == 0;
  if (denied) return deny(j, reason->msg, err);
  return pgr_fail(err, code, "the records in schema pgrace: %s", reason->msg);
}

/* ---- the lock ---- */

typedef struct holder {
  int pid;           /* 0: nobody has it now */
  char program[128]; /* application_name */
  char since[32];    /* "2026-11-30 12:00:00+00", of the session; "" when we may not know */
} holder;

static pgr_code find_holder(const pgr_journal *j, holder *out, pgr_err *err) {
  static const char sql[] =
      "SELECT l.pid, a.application_name, pg_catalog.to_char(a.backend_start AT TIME ZONE 'UTC', 'YYYY-MM-DD "
      "HH24:MI:SS') FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid" EQUALS
      "l.pid WHERE l.locktype" EQUALS "'advisory' AND l.classid" EQUALS PGR__JOURNAL_LOCK_HIGH
      " AND l.objid" EQUALS PGR__JOURNAL_LOCK_LOW " AND l.objsubid" EQUALS "1 AND l.granted AND l.database" EQUALS
      "(SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname" EQUALS "pg_catalog.current_database())";
  PGresult *found = NULL;
  *out = (holder){0};
  pgr_code code = pgr_db_query(j->db, sql, 0, NULL, &found, err);
  if (code) return code;
  if (PQntuples(found) > 0) {
    out->pid = (int)strtol(PQgetvalue(found, 0, 0), NULL, 10);
    snprintf(out->program, sizeof out->program, "%s", PQgetvalue(found, 0, 1));
    snprintf(out->since, sizeof out->since, "%s%s", PQgetvalue(found, 0, 2), PQgetisnull(found, 0, 2) ? "" : "+00");
  }
  PQclear(found);
  return PGR_OK;
}

static pgr_code held_by_another(const pgr_journal *j, int64_t wait_ns, pgr_err *err) {
  holder h;
  char waited[PGR_TEXT_BYTES];
  pgr_code code = find_holder(j, &h, err);
  if (code) return code;
  pgr_format_duration(waited, wait_ns);
  if (!h.pid)
    return pgr_fail(err, PGR_EDATABASE, "others changed this database's schema for longer than %s: run again", waited);
  return pgr_fail(err, PGR_EDATABASE,
                  "server process %d (%s%s%s) changes this database's schema and did not end within %s: run again when "
                  "it has, or end it: SELECT pg_terminate_backend(%d)",
                  h.pid, *h.program ? h.program : "of no name", *h.since ? ", connected since " : "", h.since, waited,
                  h.pid);
}

static pgr_code wait_for_lock(pgr_journal *j, const pgr_journal_options *options, pgr_err *err) {
  char sql[200], ms[PGR__MS_BYTES];
  holder h;
  pgr_err reason;
  pgr_code code = find_holder(j, &h, err);
  if (code) return code;
  if (h.pid && options->watch) options->watch->on_wait(options->watch->user, h.pid, h.program);
  snprintf(sql, sizeof sql,
           "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = %s;"
           " SELECT pg_catalog.pg_advisory_lock(" PGR__JOURNAL_LOCK "); COMMIT",
           pgr__journal_ms(options->wait_ns, ms));
  code = pgr_db_exec(j->db, sql, &reason);
  if (!code) return PGR_OK;
  bool timed_out = strcmp(pgr_db_sqlstate(j->db), "55P03") == 0;
  pgr_err ignored;
  pgr_code rolled_back = pgr_db_exec(j->db, "ROLLBACK", &ignored);
  (void)rolled_back; /* the reason is what matters */
  if (timed_out) return held_by_another(j, options->wait_ns, err);
  return pgr_fail(err, code, "waiting for others that change this database's schema: %s", reason.msg);
}

/* Of a session, so that it lasts over several transactions. Whoever is killed gives it back with the session's end. */
static pgr_code take_lock(pgr_journal *j, const pgr_journal_options *options, pgr_err *err) {
  char got[8];
  pgr_code code =
      pgr_db_query_text(j->db, "SELECT pg_catalog.pg_try_advisory_lock(" PGR__JOURNAL_LOCK ")", got, sizeof got, err);
  if (!code && *got != 't') code = wait_for_lock(j, options, err);
  j->locked = !code;
  return code;
}

/* A server that runs a long statement does not notice that its client was killed, unless it is told to look. Some
 * platforms cannot. */
static void find_whether_watched(pgr_journal *j) {
  pgr_err ignored;
  if (PQserverVersion(pgr_db_raw(j->db)) < 140000) return;
  j->watched = pgr_db_exec(j->db, "BEGIN; " PGR__JOURNAL_WATCH "; COMMIT", &ignored) == PGR_OK;
  if (!j->watched && pgr_db_exec(j->db, "ROLLBACK", &ignored)) return; /* the next statement says why */
}

/* ---- the tables ---- */

typedef struct tables {
  bool schema, migrations, triggers;
  bool ours; /* we may read and write both */
} tables;

static pgr_code look(const pgr_journal *j, tables *out, pgr_err *err) {
  static const char sql[] =
      "SELECT m.oid IS NOT NULL, t.oid IS NOT NULL, coalesce(pg_catalog.has_schema_privilege(n.oid, 'USAGE') "
      "AND " ALLOWS("m", "SELECT") " AND " ALLOWS("m", "INSERT") " AND " ALLOWS("m", "DELETE") " AND " ALLOWS(
          "t", "SELECT") " AND " ALLOWS("t", "INSERT") " AND " ALLOWS("t", "DELETE") ", false)"
                                                                                     " FROM pg_catalog.pg_namespace n"
                                                                                     " LEFT JOIN pg_catalog.pg_class m "
                                                                                     "ON m.relnamespace" EQUALS
                                                                                     "n.oid AND m.relname" EQUALS
                                                                                     "'migrations'"
                                                                                     " LEFT JOIN pg_catalog.pg_class t "
                                                                                     "ON t.relnamespace" EQUALS
                                                                                     "n.oid AND t.relname" EQUALS
                                                                                     "'triggers'"
                                                                                     " WHERE n.nspname" EQUALS
                                                                                     "'pgrace'";
  PGresult *found = NULL;
  pgr_code code = pgr_db_query(j->db, sql, 0, NULL, &found, err);
  if (code) return code;
  *out = (tables){.schema = PQntuples(found) > 0};
  if (out->schema) {
    out->migrations = *PQgetvalue(found, 0, 0) == 't';
    out->triggers = *PQgetvalue(found, 0, 1) == 't';
    out->ours = *PQgetvalue(found, 0, 2) == 't';
  }
  PQclear(found);
  return PGR_OK;
}

static pgr_code cannot_make(const pgr_journal *j, const tables *there, const pgr_err *reason, pgr_err *err) {
  pgr_buf role, database;
  pgr_buf_init(&role, 0);
  pgr_buf_init(&database, 0);
  pgr_sql_name(PQuser(pgr_db_raw(j->db)), &role);
  pgr_sql_name(PQdb(pgr_db_raw(j->db)), &database);
  if (there->schema)
    pgr_fail(err, PGR_EDATABASE,
             "cannot make the tables that record migrations: %s; let the owner of schema pgrace run: GRANT CREATE, "
             "USAGE ON SCHEMA pgrace TO %s",
             reason->msg, pgr_buf_text(&role));
  else
    pgr_fail(err, PGR_EDATABASE,
             "cannot make schema pgrace, which records migrations: %s; let an administrator run: GRANT CREATE ON "
             "DATABASE %s TO %s",
             reason->msg, pgr_buf_text(&database), pgr_buf_text(&role));
  pgr_buf_deinit(&role);
  pgr_buf_deinit(&database);
  return PGR_EDATABASE;
}

/* Only what is missing: even IF NOT EXISTS asks for the privilege. */
static pgr_code make_tables(pgr_journal *j, const tables *there, pgr_err *err) {
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  if (!there->schema)
    pgr_buf_adds(&sql, "CREATE SCHEMA pgrace;"
                       "COMMENT ON SCHEMA pgrace IS 'pgrace schema: which migrations were applied here';");
  if (!there->migrations)
    pgr_buf_adds(&sql, "CREATE TABLE pgrace.migrations (" COLUMN_MIGRATION ");"
                       "COMMENT ON TABLE pgrace.migrations IS 'Migrations that pgrace schema up applied';");
  if (!there->triggers)
    pgr_buf_adds(&sql, "CREATE TABLE pgrace.triggers (" COLUMN_TRIGGER ");"
                       "COMMENT ON TABLE pgrace.triggers IS 'What declared triggers looked like when pgrace schema "
                       "installed them';");
  pgr_err reason;
  pgr_code code =
      sql.failed ? pgr_fail(&reason, PGR_ENOMEM, "out of memory") : pgr_db_exec(j->db, pgr_buf_text(&sql), &reason);
  pgr_buf_deinit(&sql);
  if (code == PGR_EDATABASE && strcmp(pgr_db_sqlstate(j->db), "42501") == 0) return cannot_make(j, there, &reason, err);
  if (code) return pgr_fail(err, code, "cannot make the tables that record migrations: %s", reason.msg);
  return PGR_OK;
}

/* ---- open, close ---- */

pgr_code pgr_journal_open(pgr_db *db, const pgr_journal_options *options, pgr_journal **out, pgr_err *err) {
  pgr_journal *j = pgr_calloc(1, sizeof *j);
  if (!j) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  *j = (pgr_journal){.db = db, .changes = options->changes, .lock_timeout_ns = options->lock_timeout_ns};
  tables there = {0};
  pgr_code code = PGR_OK;
  if (j->changes) find_whether_watched(j);
  if (j->changes) code = take_lock(j, options, err);
  if (!code) code = look(j, &there, err);
  bool complete = there.migrations && there.triggers;
  if (!code && j->changes && !complete) code = make_tables(j, &there, err);
  if (!code && j->changes && complete && !there.ours) code = deny(j, "permission denied", err);
  if (code) {
    pgr_journal_close(j);
    return code;
  }
  j->present = j->changes || there.migrations;
  *out = j;
  return PGR_OK;
}

void pgr_journal_close(pgr_journal *j) {
  if (!j) return;
  pgr_err ignored;
  pgr_code unlocked = PGR_OK;
  if (j->locked) unlocked = pgr_db_exec(j->db, "SELECT pg_catalog.pg_advisory_unlock(" PGR__JOURNAL_LOCK ")", &ignored);
  (void)unlocked; /* if not now, then when the connection ends */
  pgr_arena_deinit(&j->standings);
  pgr_free(j);
}

/* ---- what stands how ---- */

static pgr_code read_records(pgr_journal *j, PGresult **out, pgr_err *err) {
  static const char sql[] =
      "SELECT number, name, checksum, pg_catalog.to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'),"
      " applied_by FROM pgrace.migrations ORDER BY number";
  *out = NULL;
  if (!j->present) return PGR_OK;
  pgr_err reason;
  pgr_code code = pgr_db_query(j->db, sql, 0, NULL, out, &reason);
  return code ? pgr__journal_blame(j, code, &reason, err) : PGR_OK;
}

/* Fills what the record says. false: no memory. */
static bool take_record(pgr_journal *j, const PGresult *records, int row, pgr_standing *s) {
  s->name = pgr_arena_strdup(&j->standings, PQgetvalue(records, row, 1));
  s->checksum = pgr_arena_strdup(&j->standings, PQgetvalue(records, row, 2));
  s->applied_at = pgr_arena_printf(&j->standings, "%s+00", PQgetvalue(records, row, 3));
  s->applied_by = pgr_arena_strdup(&j->standings, PQgetvalue(records, row, 4));
  return s->name && s->checksum && s->applied_at && s->applied_by;
}

static int64_t number_of(const PGresult *records, int row) {
  return strtoll(PQgetvalue(records, row, 0), NULL, 10);
}

pgr_code pgr_journal_compare(pgr_journal *j, const pgr_migrations *m, const pgr_standing **out, size_t *count,
                             pgr_err *err) {
  PGresult *records;
  pgr_arena_deinit(&j->standings);
  pgr_code code = read_records(j, &records, err);
  if (code) return code;
  int rows = records ? PQntuples(records) : 0, row = 0;
  int64_t last = rows ? number_of(records, rows - 1) : -1;
  pgr_standing *all = pgr_arena_alloc(&j->standings, (m->count + (size_t)rows) * sizeof *all);
  if (!all) {
    PQclear(records);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  size_t i = 0, used = 0;
  while (!code && (i < m->count || row < rows)) {
    pgr_standing *s = &all[used++];
    bool file = i < m->count && (row == rows || m->items[i].number <= number_of(records, row));
    bool record = row < rows && (i == m->count || number_of(records, row) <= m->items[i].number);
    if (file) s->migration = &m->items[i++];
    s->number = file ? s->migration->number : number_of(records, row);
    if (record && !take_record(j, records, row++, s)) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
    if (code) break;
    if (!record)
      s->state = s->number < last ? PGR_STANDING_LATE : PGR_STANDING_PENDING;
    else if (!file)
      s->state = PGR_STANDING_MISSING;
    else
      s->state = strcmp(s->checksum, s->migration->checksum) == 0 ? PGR_STANDING_APPLIED : PGR_STANDING_CHANGED;
  }
  PQclear(records);
  *out = all;
  *count = used;
  return code;
}
