/* The journal: who may change a database's schema now, what was applied to it, and who or what stands in the way of a
 * migration: a privilege, a setting, somebody's lock. Invariant: a name of ours in SQL is qualified, operators too, for
 * a role's or a migration's search_path may name others first. */
#include "journal_internal.h"

#include "pgr_buf.h"
#include "pgr_clock.h"
#include "pgr_names.h"
#include "pgr_statements.h"
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
  " attributes pg_catalog.text, PRIMARY KEY (name, trigger, relation)"

const char *pgr__journal_ms(int64_t ns, char out[PGR__MS_BYTES]) {
  int64_t ms = (ns + PGR_NS_PER_MS - 1) / PGR_NS_PER_MS;
  snprintf(out, PGR__MS_BYTES, "%d", ms < INT_MAX ? (int)ms : INT_MAX);
  return out;
}

/* Said with whatever privilege is missing first, lest they are asked for one by one. */
static const char has_to_own[] = "; it also has to own the tables and functions that migrations change, or to be a "
                                 "member of the role that does";

static pgr_code deny(const pgr_journal *j, const char *reason, pgr_err *err) {
  return pgr_fail(err, PGR_EDATABASE,
                  "the records in schema pgrace: %s; let their owner run: GRANT USAGE ON SCHEMA pgrace TO %s; GRANT %s "
                  "ON ALL TABLES IN SCHEMA pgrace TO %s%s",
                  reason, j->role, j->changes ? "SELECT, INSERT, DELETE" : "SELECT", j->role,
                  j->changes ? has_to_own : "");
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

pgr_code pgr__journal_has_lock(const pgr_journal *j, bool *has, pgr_err *err) {
  static const char sql[] =
      "SELECT pg_catalog.count(*) FROM pg_catalog.pg_locks l WHERE l.pid" EQUALS "pg_catalog.pg_backend_pid() AND "
      "l.locktype" EQUALS "'advisory' AND l.granted AND l.classid" EQUALS PGR__JOURNAL_LOCK_HIGH
      " AND l.objid" EQUALS PGR__JOURNAL_LOCK_LOW " AND l.objsubid" EQUALS "1";
  int64_t found = 0;
  pgr_code code = pgr_db_query_int(j->db, sql, &found, err);
  *has = found > 0;
  return code;
}

/* Not pg_advisory_unlock_all and then ours again: in between another run would take it. A lock is given back as often
 * as it was taken, which nobody tells; objsubid says whether its key was one number or two. */
void pgr__journal_give_back(const pgr_journal *j) {
  enum { TAKEN_MAX = 100 };
  static const char key[] = "l.objsubid" EQUALS "1 AND l.mode" EQUALS;
  static const char one[] =
      "(l.classid::pg_catalog.int8 OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) l.objid::pg_catalog.int8";
  static const char two[] = "l.classid::pg_catalog.int4, l.objid::pg_catalog.int4";
  pgr_buf sql;
  pgr_err ignored;
  int64_t given = 1;
  pgr_buf_init(&sql, 0);
  pgr_buf_addf(&sql,
               "SELECT pg_catalog.count(*) FILTER (WHERE CASE WHEN %s'ExclusiveLock' THEN pg_catalog.pg_advisory_unlock"
               "(%s) WHEN %s'ShareLock' THEN pg_catalog.pg_advisory_unlock_shared(%s) WHEN l.mode" EQUALS
               "'ShareLock' THEN pg_catalog.pg_advisory_unlock_shared(%s) ELSE pg_catalog.pg_advisory_unlock(%s) END)"
               " FROM pg_catalog.pg_locks l WHERE l.pid" EQUALS "pg_catalog.pg_backend_pid() AND l.locktype" EQUALS
               "'advisory' AND l.granted AND NOT (l.classid" EQUALS PGR__JOURNAL_LOCK_HIGH
               " AND l.objid" EQUALS PGR__JOURNAL_LOCK_LOW " AND l.objsubid" EQUALS "1)",
               key, one, key, one, two, two);
  for (int i = 0; !sql.failed && given > 0 && i < TAKEN_MAX; i++)
    if (pgr_db_query_int(j->db, pgr_buf_text(&sql), &given, &ignored)) break;
  pgr_buf_deinit(&sql);
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
  pgr_buf database;
  if (there->schema)
    return pgr_fail(err, PGR_EDATABASE,
                    "cannot make the tables that record migrations: %s; let the owner of schema pgrace run: GRANT "
                    "CREATE, USAGE ON SCHEMA pgrace TO %s%s",
                    reason->msg, j->role, has_to_own);
  pgr_buf_init(&database, 0);
  pgr_sql_name(PQdb(pgr_db_raw(j->db)), &database);
  pgr_fail(err, PGR_EDATABASE,
           "cannot make schema pgrace, which records migrations: %s; let an administrator run: GRANT CREATE ON "
           "DATABASE %s TO %s%s",
           reason->msg, pgr_buf_text(&database), j->role, has_to_own);
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

/* ---- who may change what ---- */

pgr_code pgr__journal_check_writable(const pgr_journal *j, pgr_err *err) {
  static const char sql[] =
      "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('default_transaction_read_only'),"
      " (SELECT s.source FROM pg_catalog.pg_settings s WHERE s.name" EQUALS "'default_transaction_read_only')";
  PGresult *found = NULL;
  pgr_code code = pgr_db_query(j->db, sql, 0, NULL, &found, err);
  if (code) return code;
  if (*PQgetvalue(found, 0, 0) == 't')
    code = pgr_fail(err, PGR_EDATABASE,
                    "this server is a standby, which repeats what its primary does and changes nothing itself: connect "
                    "to the primary (with several hosts in the URI, target_session_attrs=read-write finds it)");
  else if (strcmp(PQgetvalue(found, 0, 1), "on") == 0)
    code = pgr_fail(err, PGR_EDATABASE,
                    "this session may only read: default_transaction_read_only is on (where it is set: %s), and the "
                    "server is no standby: take that setting away, or, if you mean it, connect with "
                    "PGOPTIONS='-c default_transaction_read_only=off'",
                    PQgetvalue(found, 0, 2));
  PQclear(found);
  return code;
}

typedef struct owning {
  const pgr_journal *j;
  pgr_buf *lacks;  /* "public.a belongs to app, …" */
  pgr_buf *grants; /* "GRANT app TO role; …" */
  int count;
} owning;

/* Notes the relation if the role does not own it. A superuser's is not to be had by becoming a superuser. */
static void find_owner(owning *o, const char *schema, const char *relation) {
  enum { SHOWN_MAX = 4 };
  static const char sql[] =
      "SELECT pg_catalog.format('%I.%I', n.nspname, c.relname), pg_catalog.quote_ident(r.rolname), CASE WHEN r.rolsuper"
      " THEN pg_catalog.format('ALTER TABLE %I.%I OWNER TO %s', n.nspname, c.relname, $3::pg_catalog.text)"
      " ELSE pg_catalog.format('GRANT %I TO %s', r.rolname, $3::pg_catalog.text) END FROM pg_catalog.pg_class c"
      " JOIN pg_catalog.pg_namespace n ON n.oid" EQUALS "c.relnamespace JOIN pg_catalog.pg_roles r ON r.oid" EQUALS
      "c.relowner WHERE c.relname" EQUALS "$2::pg_catalog.name AND CASE WHEN $1::pg_catalog.name IS NULL"
      " THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname" EQUALS "$1::pg_catalog.name END"
      " AND NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')";
  const char *values[] = {schema, relation, o->j->role};
  PGresult *found = NULL;
  pgr_err ignored;
  if (o->count == SHOWN_MAX || pgr_db_query(o->j->db, sql, 3, values, &found, &ignored)) return;
  if (PQntuples(found) > 0) {
    char lack[2 * 64 * 4];
    snprintf(lack, sizeof lack, "%s belongs to %s", PQgetvalue(found, 0, 0), PQgetvalue(found, 0, 1));
    if (!strstr(pgr_buf_text(o->lacks), lack)) {
      pgr_buf_addf(o->lacks, "%s%s", o->count++ ? ", " : "", lack);
      if (!strstr(pgr_buf_text(o->grants), PQgetvalue(found, 0, 2)))
        pgr_buf_addf(o->grants, "%s%s", o->grants->len ? "; " : "", PQgetvalue(found, 0, 2));
    }
  }
  PQclear(found);
}

/* Of what the text changes, not of what it only reads or writes rows of. */
static void find_owners(owning *o, const pgr_migration_text *text) {
  for (size_t i = 0; i < text->part_count; i++) {
    pgr_arena arena = {0};
    pgr_faults faults = {0};
    pgr_sql_statements statements = {0};
    pgr_err ignored;
    pgr_code read = pgr_statements_read(&text->parts[i], &arena, &statements, &faults, &ignored);
    for (size_t k = 0; !read && k < statements.count; k++)
      for (size_t l = 0; l < statements.items[k].lock_count; l++) {
        const pgr_lock *lock = &statements.items[k].locks[l];
        if (lock->relation && lock->mode >= PGR_LOCK_SHARE_UPDATE_EXCLUSIVE && lock->mode != PGR_LOCK_UNKNOWN)
          find_owner(o, lock->schema, lock->relation);
      }
    pgr_faults_deinit(&faults);
    pgr_arena_deinit(&arena);
  }
}

pgr_code pgr__journal_deny_text(const pgr_journal *j, const char *title, const pgr_migration_text *text,
                                const pgr_err *reason, pgr_err *err) {
  pgr_buf lacks, grants;
  pgr_buf_init(&lacks, 0);
  pgr_buf_init(&grants, 0);
  find_owners(&(owning){.j = j, .lacks = &lacks, .grants = &grants}, text);
  bool named = strstr(reason->msg, title) != NULL;
  pgr_fail(err, PGR_EDATABASE,
           "%s%s%s; nothing was changed. It was role %s, which has to own the tables and functions that migrations "
           "change, or to be a member of the role that does%s%s%s%s",
           named ? "" : title, named ? "" : ": ", reason->msg, j->role, lacks.len ? ": " : "", pgr_buf_text(&lacks),
           grants.len ? "; let an administrator run: " : "", pgr_buf_text(&grants));
  pgr_buf_deinit(&lacks);
  pgr_buf_deinit(&grants);
  return PGR_EDATABASE;
}

/* ---- who keeps a migration waiting ---- */

/* Modes of pg_locks that keep a mode of pgr_lock_mode waiting. Source: PostgreSQL's documentation, "Explicit Locking".
 */
static const char *conflicts(pgr_lock_mode mode) {
#define FROM_EXCLUSIVE "ExclusiveLock,AccessExclusiveLock"
#define FROM_SHARE "ShareLock,ShareRowExclusiveLock," FROM_EXCLUSIVE
  switch (mode) {
  case PGR_LOCK_ACCESS_SHARE: return "{AccessExclusiveLock}";
  case PGR_LOCK_ROW_SHARE: return "{" FROM_EXCLUSIVE "}";
  case PGR_LOCK_ROW_EXCLUSIVE: return "{" FROM_SHARE "}";
  case PGR_LOCK_SHARE_UPDATE_EXCLUSIVE: return "{ShareUpdateExclusiveLock," FROM_SHARE "}";
  case PGR_LOCK_SHARE: return "{RowExclusiveLock,ShareUpdateExclusiveLock,ShareRowExclusiveLock," FROM_EXCLUSIVE "}";
  case PGR_LOCK_SHARE_ROW_EXCLUSIVE: return "{RowExclusiveLock,ShareUpdateExclusiveLock," FROM_SHARE "}";
  case PGR_LOCK_EXCLUSIVE: return "{RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock," FROM_SHARE "}";
  case PGR_LOCK_ACCESS_EXCLUSIVE:
    return "{AccessShareLock,RowShareLock,RowExclusiveLock,ShareUpdateExclusiveLock," FROM_SHARE "}";
  case PGR_LOCK_NONE:
  case PGR_LOCK_UNKNOWN: break;
  }
#undef FROM_SHARE
#undef FROM_EXCLUSIVE
  return "{}";
}

/* A relation's lock that somebody may have. */
typedef struct wanted {
  const char *schema, *relation; /* NULL: any */
  const char *modes;             /* NULL: any */
  bool related; /* of a table above or below it, or that a foreign key ties to one of these: many statements go there */
} wanted;

/* Appends who has such a lock. false: nobody, or they cannot be found. In a transaction of its own, whose search path
 * nobody bends. */
static bool find_blocker(const pgr_journal *j, const wanted *w, pgr_buf *out) {
  static const char sql[] =
      "WITH RECURSIVE named(oid, written) AS (SELECT c.oid, format('%I.%I', n.nspname, c.relname)"
      " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE ($1::text IS NULL OR n.nspname = $1) AND c.relname = $2),"
      " family(oid, written) AS (SELECT oid, written FROM named UNION"
      " SELECT CASE i.inhparent WHEN f.oid THEN i.inhrelid ELSE i.inhparent END, f.written"
      " FROM family f JOIN pg_inherits i ON f.oid IN (i.inhparent, i.inhrelid)),"
      " related(oid, written) AS (SELECT oid, written FROM family UNION"
      " SELECT CASE k.confrelid WHEN f.oid THEN k.conrelid ELSE k.confrelid END, f.written"
      " FROM family f JOIN pg_constraint k ON k.contype = 'f' AND f.oid IN (k.conrelid, k.confrelid)),"
      " wanted(oid, written) AS (SELECT oid, '' FROM pg_class WHERE $2::text IS NULL AND oid >= 16384"
      " UNION SELECT oid, '' FROM named WHERE NOT $4::bool UNION SELECT oid, written FROM related WHERE $4::bool)"
      " SELECT w.oid::regclass, l.mode, l.pid, a.application_name, a.state,"
      " to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), w.written"
      " FROM pg_locks l JOIN wanted w ON w.oid = l.relation LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
      " WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'"
      " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      " AND ($3::text IS NULL OR l.mode = ANY ($3::text[]))"
      " ORDER BY a.xact_start NULLS LAST, l.pid LIMIT 1";
  const char *values[] = {w->schema, w->relation, w->modes, w->related ? "t" : "f"};
  PGresult *found = NULL;
  pgr_err ignored;
  if (pgr_db_query(j->db, sql, 4, values, &found, &ignored)) return false;
  bool any = PQntuples(found) > 0;
  if (any) {
    const char *program = PQgetvalue(found, 0, 3), *state = PQgetvalue(found, 0, 4), *since = PQgetvalue(found, 0, 5);
    const char *written = PQgetvalue(found, 0, 6);
    pgr_buf_addf(out, "%s%s%s%s is locked (%s) by server process %s (%s", PQgetvalue(found, 0, 0),
                 *written ? " (related to " : "", written, *written ? ")" : "", PQgetvalue(found, 0, 1),
                 PQgetvalue(found, 0, 2), *program ? program : "of no name");
    if (*state) pgr_buf_addf(out, ", %s", state);
    if (*state && *since) pgr_buf_addf(out, " since %s+00", since);
    pgr_buf_adds(out, ")");
  }
  PQclear(found);
  return any;
}

/* What is looked at, one after the other: what statements name comes before what is related to it. */
typedef struct pass {
  bool rows; /* locks of their rows, not of the relations */
  bool related;
} pass;

/* *unknown: what some statement locks is not known, or nothing of it is named. */
static bool ask_statements(const pgr_journal *j, const pgr_sql_statements *statements, pass p, bool *unknown,
                           pgr_buf *out) {
  enum { ASKED_MAX = 200 };
  size_t asked = 0;
  for (size_t i = 0; i < statements->count; i++)
    for (size_t k = 0; k < statements->items[i].lock_count; k++) {
      const pgr_lock *lock = &statements->items[i].locks[k];
      const char *modes = p.rows ? "{RowShareLock,RowExclusiveLock}" : conflicts(lock->mode);
      if (lock->mode == PGR_LOCK_UNKNOWN || asked == ASKED_MAX) *unknown = true;
      if (!lock->relation || asked == ASKED_MAX) continue;
      asked++;
      if (find_blocker(j, &(wanted){lock->schema, lock->relation, modes, p.related}, out)) return true;
    }
  if (asked == 0) *unknown = true;
  return false;
}

/* By what the part's statements lock; where nobody knows what they lock, whoever has had a transaction for longest. */
static void find_blockers(const pgr_journal *j, const pgr_source *part, pgr_buf *out) {
  static const pass passes[] = {{false, false}, {true, false}, {false, true}, {true, true}};
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_sql_statements statements = {0};
  pgr_err ignored;
  if (pgr_db_exec(j->db, "BEGIN; SET LOCAL search_path = pg_catalog", &ignored)) {
    pgr_buf_adds(out, "who has locked it, the server does not say");
    return;
  }
  bool unknown = pgr_statements_read(part, &arena, &statements, &faults, &ignored) != PGR_OK || faults.count > 0;
  bool found = false;
  for (size_t i = 0; !found && i < sizeof passes / sizeof *passes; i++)
    found = ask_statements(j, &statements, passes[i], &unknown, out);
  if (!found && unknown) {
    pgr_buf_adds(out, "perhaps ");
    found = find_blocker(j, &(wanted){0}, out);
    if (!found) pgr_buf_clear(out);
  }
  if (!found) pgr_buf_adds(out, "nobody is seen now who has locked it");
  pgr_code ended = pgr_db_exec(j->db, "ROLLBACK", &ignored);
  (void)ended; /* the next statement says why */
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
}

pgr_code pgr__journal_blame_holder(const pgr_journal *j, const pgr_source *part, pgr_err *err) {
  pgr_buf who;
  pgr_buf_init(&who, 0);
  find_blockers(j, part, &who);
  pgr_fail(err, PGR_EDATABASE,
           "%s: a lock was not to be had in time: %s; nothing was changed: run again, or raise --lock-timeout",
           part->name, pgr_buf_text(&who));
  pgr_buf_deinit(&who);
  return PGR_EDATABASE;
}

/* ---- open, close ---- */

pgr_code pgr_journal_open(pgr_db *db, const pgr_journal_options *options, pgr_journal **out, pgr_err *err) {
  pgr_journal *j = pgr_calloc(1, sizeof *j);
  if (!j) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  *j = (pgr_journal){.db = db, .changes = options->changes, .lock_timeout_ns = options->lock_timeout_ns};
  tables there = {0};
  pgr_code code = pgr_db_query_text(db, "SELECT pg_catalog.quote_ident(current_user)", j->role, sizeof j->role, err);
  if (!code && j->changes) code = pgr__journal_check_writable(j, err);
  if (!code && j->changes) find_whether_watched(j);
  if (!code && j->changes) code = take_lock(j, options, err);
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
    else if (strcmp(s->name, s->migration->name) != 0)
      s->state = PGR_STANDING_OTHER;
    else
      s->state = strcmp(s->checksum, s->migration->checksum) == 0 ? PGR_STANDING_APPLIED : PGR_STANDING_CHANGED;
  }
  PQclear(records);
  *out = all;
  *count = used;
  return code;
}
