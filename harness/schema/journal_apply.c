/* One migration up or down, in one transaction with its record. Invariant: nothing is recorded in another transaction
 * than the one that was begun for it; its number tells, whatever the migration's text did meanwhile. */
#include "journal_internal.h"

#include "pgr_buf.h"
#include "pgr_interrupt.h"
#include "pgr_schema.h"
#include "pgr_statements.h"
#include "pgr_units.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct change {
  pgr_journal *j;
  const pgr_migration *m;
  const pgr_migration_text *text; /* m's up or down */
  const pgr_triggers *triggers;
  bool down;
  char title[160];
  char number[PGR_INT_BYTES]; /* the migration's */
  char transaction[24];       /* its number, "" before it has begun */
} change;

/* ---- why it failed ---- */

/* What became of the transaction that was begun: "committed", "aborted", "in progress" (it was prepared); "" when
 * nobody knows. Outside of a transaction. */
static void fate(const change *c, char out[24]) {
  const char *values[] = {c->transaction};
  PGresult *found = NULL;
  pgr_err ignored;
  *out = '\0';
  if (!*c->transaction ||
      pgr_db_query(c->j->db, "SELECT pg_catalog.txid_status($1::pg_catalog.int8)", 1, values, &found, &ignored))
    return;
  snprintf(out, 24, "%s", PQgetvalue(found, 0, 0));
  PQclear(found);
}

static bool is_open(const change *c) {
  return PQtransactionStatus(pgr_db_raw(c->j->db)) == PQTRANS_INTRANS;
}

static void roll_back(const change *c) {
  pgr_err ignored;
  pgr_code code = pgr_db_exec(c->j->db, "ROLLBACK", &ignored);
  (void)code; /* then the connection's end does it */
}

/* reason: the error that came after; NULL: there was none. */
static pgr_code ended_itself(const change *c, const char *became, const pgr_err *reason, pgr_err *err) {
  bool aborted = strcmp(became, "aborted") == 0, prepared = strcmp(became, "in progress") == 0;
  const char *before = aborted ? "was undone" : prepared ? "is a prepared transaction now" : "has happened";
  return pgr_fail(
      err, PGR_EUSAGE,
      "%s: its text ended the transaction of the migration itself: what stood before that %s, what came "
      "after may have happened, and the records say nothing of it: mend it by hand, and leave BEGIN, COMMIT "
      "and the like out of migrations%s%s",
      c->text->file, before, reason ? "; then it failed: " : "", reason ? reason->msg : "");
}

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

/* Appends who has a lock that keeps one of ours waiting. schema, relation, modes: NULL for any. false: nobody, or they
 * cannot be found. In a transaction of its own, whose search path nobody bends. */
static bool find_blocker(const change *c, const char *schema, const char *relation, const char *modes, pgr_buf *out) {
  static const char sql[] =
      "SELECT c.oid::regclass, l.mode, l.pid, a.application_name, a.state,"
      " to_char(a.state_change AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"
      " FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
      " LEFT JOIN pg_stat_activity a ON a.pid = l.pid"
      " WHERE l.granted AND l.pid <> pg_backend_pid() AND l.locktype = 'relation'"
      " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
      " AND ($1::text IS NULL OR n.nspname = $1) AND ($2::text IS NULL OR c.relname = $2)"
      " AND ($3::text IS NULL OR l.mode = ANY ($3::text[])) AND ($2 IS NOT NULL OR c.oid >= 16384)"
      " ORDER BY a.xact_start NULLS LAST, l.pid LIMIT 1";
  const char *values[] = {schema, relation, modes};
  PGresult *found = NULL;
  pgr_err ignored;
  if (pgr_db_query(c->j->db, sql, 3, values, &found, &ignored)) return false;
  bool any = PQntuples(found) > 0;
  if (any) {
    const char *program = PQgetvalue(found, 0, 3), *state = PQgetvalue(found, 0, 4), *since = PQgetvalue(found, 0, 5);
    pgr_buf_addf(out, "%s is locked (%s) by server process %s (%s", PQgetvalue(found, 0, 0), PQgetvalue(found, 0, 1),
                 PQgetvalue(found, 0, 2), *program ? program : "of no name");
    if (*state) pgr_buf_addf(out, ", %s", state);
    if (*state && *since) pgr_buf_addf(out, " since %s+00", since);
    pgr_buf_adds(out, ")");
  }
  PQclear(found);
  return any;
}

/* A lock of the part's statements that somebody keeps waiting. rows: of their rows, not of the relations. *unknown:
 * what some statement locks is not known. */
static bool ask_statements(const change *c, const pgr_sql_statements *statements, bool rows, bool *unknown,
                           pgr_buf *out) {
  enum { ASKED_MAX = 200 };
  size_t asked = 0;
  for (size_t i = 0; i < statements->count; i++)
    for (size_t k = 0; k < statements->items[i].lock_count && asked < ASKED_MAX; k++) {
      const pgr_lock *lock = &statements->items[i].locks[k];
      const char *modes = rows ? "{RowShareLock,RowExclusiveLock}" : conflicts(lock->mode);
      if (lock->mode == PGR_LOCK_UNKNOWN) *unknown = true;
      if (!lock->relation) continue;
      asked++;
      if (find_blocker(c, lock->schema, lock->relation, modes, out)) return true;
    }
  return false;
}

/* By what the part's statements lock; where nobody knows what they lock, whoever has had a transaction for longest. */
static void find_blockers(const change *c, const pgr_source *part, pgr_buf *out) {
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_sql_statements statements = {0};
  pgr_err ignored;
  if (pgr_db_exec(c->j->db, "BEGIN; SET LOCAL search_path = pg_catalog", &ignored)) {
    pgr_buf_adds(out, "who has locked it, the server does not say");
    return;
  }
  bool unknown = pgr_statements_read(part, &arena, &statements, &faults, &ignored) != PGR_OK || faults.count > 0;
  bool found =
      ask_statements(c, &statements, false, &unknown, out) || ask_statements(c, &statements, true, &unknown, out);
  if (!found && unknown) {
    pgr_buf_adds(out, "perhaps ");
    found = find_blocker(c, NULL, NULL, NULL, out);
    if (!found) pgr_buf_clear(out);
  }
  if (!found) pgr_buf_adds(out, "whoever had locked it does not any more");
  roll_back(c);
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
}

static pgr_code timed_out(const change *c, const pgr_source *part, pgr_err *err) {
  pgr_buf who;
  pgr_buf_init(&who, 0);
  find_blockers(c, part, &who);
  pgr_fail(err, PGR_EDATABASE,
           "%s: a lock was not to be had in time: %s; nothing was changed: run again, or raise --lock-timeout",
           part->name, pgr_buf_text(&who));
  pgr_buf_deinit(&who);
  return PGR_EDATABASE;
}

/* part: that failed; NULL: our own statements did. Ends the transaction. */
static pgr_code give_up(const change *c, const pgr_source *part, pgr_code code, const pgr_err *reason, pgr_err *err) {
  static const char *const passing[] = {"40P01", "40001", "57014"}; /* nothing is wrong with the text */
  char state[6], what[24];
  snprintf(state, sizeof state, "%s", pgr_db_sqlstate(c->j->db));
  roll_back(c);
  if (code == PGR_EINTERRUPTED)
    return pgr_fail(err, code, "interrupted: nothing of %s was %s", c->title, c->down ? "taken back" : "applied");
  fate(c, what);
  if (strcmp(what, "committed") == 0 || strcmp(what, "in progress") == 0) return ended_itself(c, what, reason, err);
  if (part && strcmp(state, "55P03") == 0) return timed_out(c, part, err);
  for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
    if (strcmp(state, passing[i]) == 0)
      return pgr_fail(err, PGR_EDATABASE, "%s; nothing was changed: run again", reason->msg);
  return pgr_fail(err, code, "%s", reason->msg);
}

/* ---- what triggers look like ---- */

/* The triggers that a version makes, by the search path that its text left: their numbers, "{1,2}". */
static pgr_code find_made(const change *c, const pgr_version *v, pgr_buf *out, pgr_err *err) {
  static const char sql[] =
      "SELECT t.oid FROM pg_catalog.pg_trigger t JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
      " WHERE NOT t.tgisinternal AND t.tgname OPERATOR(pg_catalog.=) $1::pg_catalog.name"
      " AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name AND CASE WHEN $3::pg_catalog.text IS NULL"
      " THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname OPERATOR(pg_catalog.=) $3::pg_catalog.name END";
  pgr_code code = PGR_OK;
  pgr_buf_adds(out, "{");
  for (size_t i = 0; !code && i < v->objects.trigger_count; i++) {
    const pgr_made_trigger *made = &v->objects.triggers[i];
    const char *values[] = {made->name, made->table, made->schema};
    PGresult *found = NULL;
    code = pgr_db_query(c->j->db, sql, 3, values, &found, err);
    if (!code && PQntuples(found) > 0) pgr_buf_addf(out, "%s%s", out->len > 1 ? "," : "", PQgetvalue(found, 0, 0));
    if (!code) PQclear(found);
  }
  pgr_buf_adds(out, "}");
  if (!code && out->failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  return code;
}

typedef struct made {
  const pgr_trigger *trigger;
  const pgr_version *version;
  pgr_buf numbers;
} made;

/* For every version of a trigger that the text installs. Before the search path is ours. */
static pgr_code find_all_made(const change *c, made out[PGR_PARTS_MAX], size_t *count, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && c->triggers && i < c->text->part_count; i++) {
    made *m = &out[*count];
    if (!pgr_triggers_of_part(c->triggers, &c->text->parts[i], &m->trigger, &m->version)) continue;
    pgr_buf_init(&m->numbers, 0);
    ++*count;
    code = find_made(c, m->version, &m->numbers, err);
  }
  return code;
}

/* A statement on the records. changed: rows; may be NULL. */
static pgr_code run(const change *c, const char *sql, int count, const char *const *values, int *changed,
                    pgr_err *err) {
  PGresult *result = NULL;
  pgr_err reason;
  pgr_code code = pgr_db_query(c->j->db, sql, count, values, &result, &reason);
  if (code) return pgr__journal_blame(c->j, code, &reason, err);
  if (changed) *changed = (int)strtol(PQcmdTuples(result), NULL, 10);
  PQclear(result);
  return PGR_OK;
}

/* search_path is pg_catalog now, so names in definitions are whole. */
static pgr_code record_made(const change *c, const made *m, pgr_err *err) {
  static const char sql[] =
      "INSERT INTO pgrace.triggers (name, version, trigger, relation, definition, enabled, function, source, migration)"
      " SELECT $1, $2::int4, t.tgname, format('%I.%I', n.nspname, c.relname), pg_get_triggerdef(t.oid), t.tgenabled,"
      " format('%I.%I', s.nspname, p.proname), p.prosrc, $3::int8"
      " FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " JOIN pg_proc p ON p.oid = t.tgfoid JOIN pg_namespace s ON s.oid = p.pronamespace"
      " WHERE t.oid = ANY ($4::oid[])";
  char version[PGR_INT_BYTES];
  pgr_write_int(version, m->version->number);
  const char *values[] = {m->trigger->name, version, c->number, pgr_buf_text(&m->numbers)};
  pgr_code code = run(c, "DELETE FROM pgrace.triggers WHERE name = $1", 1, values, NULL, err);
  return code ? code : run(c, sql, 4, values, NULL, err);
}

/* Triggers that the migration installed once and that are gone now. */
static pgr_code forget_gone(const change *c, pgr_err *err) {
  static const char sql[] =
      "DELETE FROM pgrace.triggers r WHERE r.name = $1 AND NOT EXISTS (SELECT FROM pg_trigger t"
      " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE NOT t.tgisinternal AND t.tgname = r.trigger AND format('%I.%I', n.nspname, c.relname) = r.relation)";
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && c->triggers && i < c->m->up.part_count; i++) {
    const pgr_trigger *trigger;
    const pgr_version *version;
    if (!pgr_triggers_of_part(c->triggers, &c->m->up.parts[i], &trigger, &version)) continue;
    code = run(c, sql, 1, (const char *const[]){trigger->name}, NULL, err);
  }
  return code;
}

/* ---- the migration ---- */

/* Begins the transaction, and looks whether it is all as it must be. */
static pgr_code begin(change *c, pgr_err *err) {
  static const char look[] =
      "SELECT pg_catalog.txid_current(), EXISTS (SELECT FROM pgrace.migrations WHERE number OPERATOR(pg_catalog.=) "
      "$1::pg_catalog.int8), EXISTS (SELECT FROM pg_catalog.pg_locks l WHERE l.pid OPERATOR(pg_catalog.=) "
      "pg_catalog.pg_backend_pid() AND l.locktype OPERATOR(pg_catalog.=) 'advisory' AND l.granted AND l.classid "
      "OPERATOR(pg_catalog.=) " PGR__JOURNAL_LOCK_HIGH " AND l.objid OPERATOR(pg_catalog.=) " PGR__JOURNAL_LOCK_LOW
      " AND l.objsubid OPERATOR(pg_catalog.=) 1)";
  char sql[160], ms[PGR__MS_BYTES];
  snprintf(sql, sizeof sql, "BEGIN; SET LOCAL lock_timeout = %s%s", pgr__journal_ms(c->j->lock_timeout_ns, ms),
           c->j->watched ? "; " PGR__JOURNAL_WATCH : "");
  pgr_code code = pgr_db_exec(c->j->db, sql, err);
  if (code) return code;
  const char *values[] = {c->number};
  PGresult *found = NULL;
  pgr_err reason;
  code = pgr_db_query(c->j->db, look, 1, values, &found, &reason);
  if (code) return pgr__journal_blame(c->j, code, &reason, err);
  snprintf(c->transaction, sizeof c->transaction, "%s", PQgetvalue(found, 0, 0));
  bool recorded = *PQgetvalue(found, 0, 1) == 't', locked = *PQgetvalue(found, 0, 2) == 't';
  PQclear(found);
  if (!locked)
    return pgr_fail(err, PGR_EDATABASE,
                    "the lock that keeps others away is lost: connect to the server itself, not through a pooler, and "
                    "leave pg_advisory_unlock_all out of migrations");
  if (recorded != c->down)
    return pgr_fail(err, PGR_EUSAGE, "%s is %s", c->title, c->down ? "not applied" : "applied already");
  return PGR_OK;
}

/* Makes the session as it was, so that each migration begins as if it were alone: DISCARD ALL without giving the lock
 * back. Then the search path is ours until the transaction ends. */
static const char restore[] = "CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; RESET SESSION AUTHORIZATION; RESET ROLE;"
                              " RESET ALL; DISCARD TEMP; SET LOCAL search_path = pg_catalog";

/* *same: the transaction is the one that was begun. */
static pgr_code record(const change *c, bool *same, pgr_err *err) {
  static const char insert[] = "INSERT INTO pgrace.migrations (number, name, checksum)"
                               " SELECT $1::int8, $2, $3 WHERE txid_current() = $4::int8";
  static const char delete[] = "DELETE FROM pgrace.migrations WHERE number = $1::int8 AND txid_current() = $2::int8";
  const char *inserted[] = {c->number, c->m->name, c->m->checksum, c->transaction};
  const char *deleted[] = {c->number, c->transaction};
  int changed = 0;
  pgr_code code = c->down ? run(c, delete, 2, deleted, &changed, err) : run(c, insert, 4, inserted, &changed, err);
  *same = changed == 1;
  return code;
}

static pgr_code note(const change *c, bool *same, pgr_err *err) {
  made all[PGR_PARTS_MAX];
  size_t count = 0;
  pgr_code code = find_all_made(c, all, &count, err);
  if (!code) code = pgr_db_exec(c->j->db, restore, err);
  if (!code) code = record(c, same, err);
  for (size_t i = 0; !code && *same && i < count; i++)
    code = record_made(c, &all[i], err);
  if (!code && *same && c->down) code = forget_gone(c, err);
  for (size_t i = 0; i < count; i++)
    pgr_buf_deinit(&all[i].numbers);
  return code;
}

static pgr_code commit(const change *c, pgr_err *err) {
  pgr_err reason;
  if (pgr_interrupt_pending()) return give_up(c, NULL, PGR_EINTERRUPTED, NULL, err);
  pgr_code code = pgr_db_exec(c->j->db, "COMMIT", &reason);
  if (!code) return PGR_OK;
  if (code == PGR_EINTERRUPTED || !*pgr_db_sqlstate(c->j->db))
    return pgr_fail(err, code, "%s while %s was committed: pgrace schema status tells whether it was", reason.msg,
                    c->title);
  /* What was deferred to the end */
  return pgr_fail(err, pgr_db_blames_sql(c->j->db) ? PGR_EUSAGE : code, "%s: %s", c->text->file, reason.msg);
}

static pgr_code apply(change *c, pgr_err *err) {
  pgr_err reason;
  bool same = false;
  char what[24];
  pgr_code code = begin(c, &reason);
  if (code) return give_up(c, NULL, code, &reason, err);
  for (size_t i = 0; i < c->text->part_count; i++) {
    const pgr_source *part = &c->text->parts[i];
    code = pgr_schema_apply_within(c->j->db, part, 1, &reason);
    if (code) return give_up(c, part, code, &reason, err);
    if (is_open(c)) continue;
    fate(c, what);
    return ended_itself(c, what, NULL, err);
  }
  code = note(c, &same, &reason);
  if (code) return give_up(c, NULL, code, &reason, err);
  if (same) return commit(c, err);
  roll_back(c);
  fate(c, what);
  return ended_itself(c, what, NULL, err);
}

static pgr_code start(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers, bool down, pgr_err *err) {
  change c = {.j = j, .m = m, .text = down ? &m->down : &m->up, .triggers = triggers, .down = down};
  pgr_migration_title(m, c.title);
  pgr_write_int(c.number, m->number);
  if (!j->locked) return pgr_fail(err, PGR_EUSAGE, "%s: the records were opened to be read only", c.title);
  if (!c.text->file)
    return pgr_fail(err, PGR_EUSAGE, "%s cannot be taken back: there is no %s.down.sql", c.title, c.title);
  return apply(&c, err);
}

pgr_code pgr_journal_up(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers, pgr_err *err) {
  return start(j, m, triggers, false, err);
}

pgr_code pgr_journal_down(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers, pgr_err *err) {
  return start(j, m, triggers, true, err);
}
