/* Migrations up, down and again, in one transaction with their records. Invariant: nothing is recorded in another
 * transaction than the one that was begun for it; its number tells, whatever a migration's text did meanwhile. */
#include "journal_internal.h"

#include "pgr_buf.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include "pgr_schema.h"
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
  char transaction[24];       /* its number, "" before it has begun; that of all of a redo */
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

/* What the server's SQLSTATE makes of a text that failed. The transaction was rolled back. */
static pgr_code judge(const change *c, const pgr_source *part, const char *state, pgr_code code, const pgr_err *reason,
                      pgr_err *err) {
  static const char *const passing[] = {"40P01", "40001", "57014"}; /* nothing is wrong with the text */
  bool copies = strcmp(state, "57014") == 0 && code == PGR_EUSAGE;
  pgr_err why;
  if (strcmp(state, "55P03") == 0) return pgr__journal_blame_holder(c->j, part, err);
  if (strcmp(state, "42501") == 0) return pgr__journal_deny_text(c->j, c->title, c->text, reason, err);
  if (strcmp(state, "25006") == 0 && pgr__journal_check_writable(c->j, &why))
    return pgr_fail(err, PGR_EDATABASE, "%s: %s", c->title, why.msg);
  if (copies)
    return pgr_fail(err, code, "%s; a migration has no data for COPY … FROM STDIN: write INSERT INTO … VALUES",
                    reason->msg);
  for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
    if (strcmp(state, passing[i]) == 0)
      return pgr_fail(err, PGR_EDATABASE, "%s; nothing was changed: run again", reason->msg);
  return pgr_fail(err, code, "%s", reason->msg);
}

/* The only tables that statements of ours wait for. */
static pgr_code blame_records_holder(const change *c, pgr_err *err) {
  static const char text[] = "INSERT INTO pgrace.migrations SELECT; INSERT INTO pgrace.triggers SELECT";
  char name[sizeof c->title + 64];
  snprintf(name, sizeof name, "%s: the records in schema pgrace", c->title);
  return pgr__journal_blame_holder(c->j, &(pgr_source){name, text, sizeof text - 1}, err);
}

/* part: that failed; NULL: our own statements did. Ends the transaction. */
static pgr_code give_up(const change *c, const pgr_source *part, pgr_code code, const pgr_err *reason, pgr_err *err) {
  char state[6], what[24];
  snprintf(state, sizeof state, "%s", pgr_db_sqlstate(c->j->db));
  roll_back(c);
  if (code == PGR_EINTERRUPTED)
    return pgr_fail(err, code, "interrupted: nothing of %s was %s", c->title, c->down ? "taken back" : "applied");
  fate(c, what);
  if (strcmp(what, "committed") == 0 || strcmp(what, "in progress") == 0) return ended_itself(c, what, reason, err);
  if (part) return judge(c, part, state, code, reason, err);
  if (strcmp(state, "55P03") == 0) return blame_records_holder(c, err);
  bool named = strstr(reason->msg, c->title) != NULL;
  return pgr_fail(err, code, "%s%s%s", named ? "" : c->title, named ? "" : ": ", reason->msg);
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
      "INSERT INTO pgrace.triggers (name, version, trigger, relation, definition, enabled, function, source, migration,"
      " attributes)"
      " SELECT $1, $2::int4, t.tgname, format('%I.%I', n.nspname, c.relname), pg_get_triggerdef(t.oid), t.tgenabled,"
      " format('%I.%I', s.nspname, p.proname), p.prosrc, $3::int8, " pgr__function_attributes
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
static pgr_code forget_gone(const change *c, const pgr_trigger *trigger, pgr_err *err) {
  static const char sql[] =
      "DELETE FROM pgrace.triggers r WHERE r.name = $1 AND NOT EXISTS (SELECT FROM pg_trigger t"
      " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE NOT t.tgisinternal AND t.tgname = r.trigger AND format('%I.%I', n.nspname, c.relname) = r.relation)";
  return run(c, sql, 1, (const char *const[]){trigger->name}, NULL, err);
}

/* Triggers that are recorded and there before the text: a row of arrays, of names and numbers, as PostgreSQL writes
 * them; NULL: there are none. Asked by names as they are recorded, whatever the session's settings make of them. */
static pgr_code find_recorded(const change *c, PGresult **out, pgr_err *err) {
  static const char begin[] =
      "SAVEPOINT pgrace_recorded; SET LOCAL search_path = pg_catalog; SET LOCAL quote_all_identifiers = off";
  static const char end[] = "ROLLBACK TO SAVEPOINT pgrace_recorded; RELEASE SAVEPOINT pgrace_recorded";
  static const char sql[] =
      "SELECT array_agg(r.name)::text, array_agg(r.trigger)::text, array_agg(r.relation)::text, array_agg(t.oid)::text"
      " FROM pgrace.triggers r JOIN pg_trigger t ON t.tgname = r.trigger JOIN pg_class c ON c.oid = t.tgrelid"
      " JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE NOT t.tgisinternal AND format('%I.%I', n.nspname, c.relname) = r.relation";
  pgr_err reason;
  if (!c->triggers || c->triggers->count == 0) return PGR_OK;
  pgr_code code = pgr_db_exec(c->j->db, begin, &reason);
  if (!code) code = pgr_db_query(c->j->db, sql, 0, NULL, out, &reason);
  if (!code) code = pgr_db_exec(c->j->db, end, &reason);
  return code ? pgr__journal_blame(c->j, code, &reason, err) : PGR_OK;
}

/* What was there before the text and is gone after it was dropped, also by a text that is no version's. What has
 * another name or table now is not gone. search_path is pg_catalog. */
static pgr_code forget_dropped(const change *c, const PGresult *before, pgr_err *err) {
  static const char sql[] =
      "DELETE FROM pgrace.triggers r USING unnest($1::text[], $2::text[], $3::text[], $4::oid[])"
      " AS b(name, trigger, relation, oid)"
      " WHERE r.name = b.name AND r.trigger = b.trigger AND r.relation = b.relation"
      " AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.oid = b.oid)"
      " AND NOT EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
      " JOIN pg_namespace n ON n.oid = c.relnamespace"
      " WHERE NOT t.tgisinternal AND t.tgname = r.trigger AND format('%I.%I', n.nspname, c.relname) = r.relation)";
  const char *values[4];
  if (!before || PQgetisnull(before, 0, 0)) return PGR_OK;
  for (int i = 0; i < 4; i++)
    values[i] = PQgetvalue(before, 0, i);
  return run(c, sql, 4, values, NULL, err);
}

/* A trigger that a down without a version of it was to remove, and did not. A later version than the first may have
 * been changed back by hand: what is not as it was installed counts as that. */
static pgr_code refuse_left(const change *c, const pgr_trigger *trigger, pgr_err *err) {
  static const char sql[] =
      "SELECT quote_ident(r.trigger), r.relation FROM pgrace.triggers r JOIN pg_trigger t ON t.tgname = r.trigger"
      " JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
      " JOIN pg_proc p ON p.oid = t.tgfoid"
      " WHERE r.name = $1 AND NOT t.tgisinternal AND format('%I.%I', n.nspname, c.relname) = r.relation"
      " AND (r.version = 1 OR (pg_get_triggerdef(t.oid) = r.definition AND p.prosrc = r.source)) ORDER BY 2, 1 LIMIT 1";
  PGresult *found = NULL;
  pgr_err reason;
  pgr_code code = pgr_db_query(c->j->db, sql, 1, &trigger->name, &found, &reason);
  if (code) return pgr__journal_blame(c->j, code, &reason, err);
  if (PQntuples(found) > 0)
    code = pgr_fail(err, PGR_EUSAGE,
                    "%s, the down of %s, leaves trigger %s on %s, which the migration installed; nothing was changed. "
                    "A down's names are looked up by the search_path: write them with their schema, as in DROP TRIGGER "
                    "%s ON %s",
                    c->text->file, c->title, PQgetvalue(found, 0, 0), PQgetvalue(found, 0, 1), PQgetvalue(found, 0, 0),
                    PQgetvalue(found, 0, 1));
  PQclear(found);
  return code;
}

static bool has_part_of(const change *c, const pgr_migration_text *text, const pgr_trigger *wanted) {
  const pgr_trigger *trigger;
  const pgr_version *version;
  for (size_t i = 0; i < text->part_count; i++)
    if (pgr_triggers_of_part(c->triggers, &text->parts[i], &trigger, &version) && trigger == wanted) return true;
  return false;
}

/* After a down, of what the migration's up installs. search_path is pg_catalog. */
static pgr_code look_after_down(const change *c, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && c->triggers && i < c->m->up.part_count; i++) {
    const pgr_trigger *trigger;
    const pgr_version *version;
    if (!pgr_triggers_of_part(c->triggers, &c->m->up.parts[i], &trigger, &version)) continue;
    if (!has_part_of(c, &c->m->down, trigger)) code = refuse_left(c, trigger, err);
    if (!code) code = forget_gone(c, trigger, err);
  }
  return code;
}

/* ---- what somebody else made ---- */

/* Whether some version makes a function of this source. */
static bool is_ours(const pgr_trigger *t, const char *source) {
  for (size_t i = 0; i < t->version_count; i++)
    for (size_t k = 0; k < t->versions[i].objects.function_count; k++) {
      const char *body = t->versions[i].objects.functions[k].body;
      if (body && strcmp(body, source) == 0) return true;
    }
  return false;
}

/* sql: of what stands in the way, its words and its function's source. */
static pgr_code refuse_foreign(const change *c, const pgr_source *part, const pgr_trigger *t, const char *sql,
                               int count, const char *const *values, pgr_err *err) {
  PGresult *found = NULL;
  pgr_err reason;
  pgr_code code = pgr_db_query(c->j->db, sql, count, values, &found, &reason);
  if (code) return pgr_fail(err, code, "looking for what is there already: %s", reason.msg);
  for (int i = 0; !code && i < PQntuples(found); i++)
    if (!is_ours(t, PQgetvalue(found, i, 1)))
      code = pgr_fail(err, PGR_EUSAGE,
                      "%s: %s: there is %s already, and pgrace did not install it: its source is no version's of "
                      "triggers/%s; nothing was changed. Take another name (pgrace schema new transition --name, "
                      "--function), drop it in a migration before this one, or adopt it: make what is there v1.sql, by "
                      "hand",
                      c->title, part->name, PQgetvalue(found, i, 0), t->name);
  PQclear(found);
  return code;
}

/* Before the first version of a trigger: CREATE OR REPLACE takes what others made for its own. By the search path as
 * the part will find it. */
static pgr_code look_before(const change *c, const pgr_source *part, pgr_err *err) {
  static const char recorded[] =
      "SELECT FROM pgrace.triggers WHERE name OPERATOR(pg_catalog.=) $1::pg_catalog.text LIMIT 1";
  static const char by_trigger[] =
      "SELECT pg_catalog.format('trigger %I on %I.%I, which executes %I.%I(),', t.tgname, n.nspname, c.relname,"
      " s.nspname, p.proname), p.prosrc FROM pg_catalog.pg_trigger t"
      " JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) t.tgrelid"
      " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace"
      " JOIN pg_catalog.pg_proc p ON p.oid OPERATOR(pg_catalog.=) t.tgfoid"
      " JOIN pg_catalog.pg_namespace s ON s.oid OPERATOR(pg_catalog.=) p.pronamespace"
      " WHERE NOT t.tgisinternal AND t.tgname OPERATOR(pg_catalog.=) $1::pg_catalog.name"
      " AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.name AND CASE WHEN $3::pg_catalog.name IS NULL"
      " THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname OPERATOR(pg_catalog.=) $3::pg_catalog.name END";
  static const char by_function[] =
      "SELECT pg_catalog.format('function %I.%I()', n.nspname, p.proname), p.prosrc FROM pg_catalog.pg_proc p"
      " JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) p.pronamespace"
      " WHERE p.proname OPERATOR(pg_catalog.=) $1::pg_catalog.name AND p.pronargs OPERATOR(pg_catalog.=) 0"
      " AND n.nspname OPERATOR(pg_catalog.=) coalesce($2::pg_catalog.name, pg_catalog.current_schema())";
  const pgr_trigger *t;
  const pgr_version *v;
  PGresult *found = NULL;
  pgr_err reason;
  if (c->down || !c->triggers || !pgr_triggers_of_part(c->triggers, part, &t, &v)) return PGR_OK;
  pgr_code code = pgr_db_query(c->j->db, recorded, 1, &t->name, &found, &reason);
  if (code) return pgr__journal_blame(c->j, code, &reason, err);
  bool known = PQntuples(found) > 0;
  PQclear(found);
  for (size_t i = 0; !code && !known && i < v->objects.trigger_count; i++) {
    const pgr_made_trigger *m = &v->objects.triggers[i];
    const char *values[] = {m->name, m->table, m->schema};
    code = refuse_foreign(c, part, t, by_trigger, 3, values, err);
  }
  for (size_t i = 0; !code && !known && i < v->objects.function_count; i++) {
    const char *values[] = {v->objects.functions[i].name, v->objects.functions[i].schema};
    code = refuse_foreign(c, part, t, by_function, 2, values, err);
  }
  return code;
}

/* ---- the transaction ---- */

/* The session's settings as a migration finds them: its defaults, and what is ours for this transaction. */
static pgr_code settle_session(const change *c, const char *first, pgr_err *err) {
  char sql[160], ms[PGR__MS_BYTES];
  snprintf(sql, sizeof sql, "%s; SET LOCAL lock_timeout = %s%s", first, pgr__journal_ms(c->j->lock_timeout_ns, ms),
           c->j->watched ? "; " PGR__JOURNAL_WATCH : "");
  return pgr_db_exec(c->j->db, sql, err);
}

/* Whether the record is as it must be: nobody's, or, to be taken back, this migration's. name: of the record; NULL:
 * there is none. */
static pgr_code check_record(const change *c, const char *name, pgr_err *err) {
  if (name && strcmp(name, c->m->name) != 0)
    return pgr_fail(err, PGR_EUSAGE,
                    "%s: what was applied here as number %s is \"%.130s\", and the folder has \"%s\" under that "
                    "number: is this another project's database, or another folder? Nothing was changed",
                    c->title, c->number, name, c->m->name);
  if ((name != NULL) != c->down)
    return pgr_fail(err, PGR_EUSAGE, "%s is %s", c->title, c->down ? "not applied" : "applied already");
  return PGR_OK;
}

/* Looks, in the transaction, whether it is all as it must be. */
static pgr_code look(change *c, pgr_err *err) {
  static const char sql[] =
      "SELECT pg_catalog.txid_current(), (SELECT name FROM pgrace.migrations WHERE number OPERATOR(pg_catalog.=) "
      "$1::pg_catalog.int8)";
  const char *values[] = {c->number};
  PGresult *found = NULL;
  pgr_err reason;
  bool locked;
  pgr_code code = pgr_db_query(c->j->db, sql, 1, values, &found, &reason);
  if (code) return pgr__journal_blame(c->j, code, &reason, err);
  if (!*c->transaction) snprintf(c->transaction, sizeof c->transaction, "%s", PQgetvalue(found, 0, 0));
  code = pgr__journal_has_lock(c->j, &locked, err);
  if (!code && !locked)
    code = pgr_fail(err, PGR_EDATABASE,
                    "the lock that keeps others away is lost: connect to the server itself, not through a pooler, and "
                    "leave pg_advisory_unlock_all out of migrations");
  if (!code) code = check_record(c, PQgetisnull(found, 0, 1) ? NULL : PQgetvalue(found, 0, 1), err);
  PQclear(found);
  return code;
}

/* What was deferred to the transaction's end is done now: in the session as the text left it, and blamed on it. last:
 * nothing comes after it; else what follows finds the constraints deferred that are so at first. */
static pgr_code settle_deferred(const change *c, bool last, pgr_err *err) {
  static const char each[] =
      "SELECT coalesce(pg_catalog.string_agg(DISTINCT k.name, ', '), ''),"
      " coalesce(pg_catalog.string_agg(DISTINCT k.name, ', ') FILTER (WHERE k.condeferred), '')"
      " FROM (SELECT pg_catalog.format('%I.%I', n.nspname, k.conname) AS name, k.condeferred FROM"
      " pg_catalog.pg_constraint k JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) k.connamespace"
      " WHERE k.condeferrable AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')) k";
  PGresult *found = NULL;
  pgr_buf sql;
  if (last) return pgr_db_exec(c->j->db, "SET CONSTRAINTS ALL IMMEDIATE", err);
  pgr_code code = pgr_db_query(c->j->db, each, 0, NULL, &found, err);
  if (code) return code;
  pgr_buf_init(&sql, 0);
  const char *all = PQgetvalue(found, 0, 0), *deferred = PQgetvalue(found, 0, 1);
  if (*all) pgr_buf_addf(&sql, "SET CONSTRAINTS %s IMMEDIATE;", all);
  if (*deferred) pgr_buf_addf(&sql, "SET CONSTRAINTS %s DEFERRED", deferred);
  code = sql.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : pgr_db_exec(c->j->db, pgr_buf_text(&sql), err);
  pgr_buf_deinit(&sql);
  PQclear(found);
  return code;
}

/* Makes the session as it was, so that each migration begins as if it were alone: DISCARD ALL without giving the lock
 * back. Then the search path is ours, and how values are printed; what is ours of a transaction RESET ALL undid. */
static pgr_code restore(const change *c, pgr_err *err) {
  static const char sql[] = "CLOSE ALL; DEALLOCATE ALL; UNLISTEN *; RESET SESSION AUTHORIZATION; RESET ROLE;"
                            " RESET ALL; DISCARD TEMP; " pgr__printing_settings;
  pgr_code code = pgr_db_exec(c->j->db, sql, err);
  return code ? code : settle_session(c, "SET LOCAL search_path = pg_catalog", err);
}

/* A text that gave the lock away would be recorded twice, were another run at it. */
static pgr_code check_lock(const change *c, pgr_err *err) {
  bool locked;
  pgr_code code = pgr__journal_has_lock(c->j, &locked, err);
  if (code || locked) return code;
  return pgr_fail(err, PGR_EUSAGE,
                  "%s gives away the lock that keeps other runs of pgrace schema away; nothing was changed: leave "
                  "pg_advisory_unlock_all out of it, and give back what it takes by pg_advisory_unlock, or take it by "
                  "pg_advisory_xact_lock",
                  c->text->file);
}

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
  if (code && strcmp(pgr_db_sqlstate(c->j->db), "23505") == 0)
    return pgr_fail(err, PGR_EDATABASE, "%s: another run applied it meanwhile; nothing was changed: run again",
                    c->title);
  return code;
}

static pgr_code note(const change *c, const PGresult *before, bool *same, pgr_err *err) {
  made all[PGR_PARTS_MAX];
  size_t count = 0;
  pgr_code code = find_all_made(c, all, &count, err);
  if (!code) code = restore(c, err);
  if (!code) code = check_lock(c, err);
  if (!code) code = record(c, same, err);
  for (size_t i = 0; !code && *same && i < count; i++)
    code = record_made(c, &all[i], err);
  if (!code && *same && c->down) code = look_after_down(c, err);
  if (!code && *same) code = forget_dropped(c, before, err);
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

static pgr_code stopped_itself(const change *c, pgr_err *err) {
  char what[24];
  fate(c, what);
  return ended_itself(c, what, NULL, err);
}

/* The parts. After an error the transaction is over. */
static pgr_code run_text(const change *c, bool last, pgr_err *err) {
  pgr_err reason, why;
  for (size_t i = 0; i < c->text->part_count; i++) {
    const pgr_source *part = &c->text->parts[i];
    pgr_code code = look_before(c, part, &reason);
    if (code) return give_up(c, NULL, code, &reason, err);
    code = pgr_schema_apply_within(c->j->db, part, 1, &reason);
    if (code) return give_up(c, part, code, &reason, err);
    if (!is_open(c)) return stopped_itself(c, err);
  }
  pgr_code code = settle_deferred(c, last, &why);
  if (!code) return PGR_OK;
  bool its_own = code == PGR_EDATABASE && pgr_db_blames_sql(c->j->db);
  pgr_fail(&reason, code, "%s: %s", c->text->file, why.msg);
  return give_up(c, c->text->part_count ? &c->text->parts[c->text->part_count - 1] : NULL, its_own ? PGR_EUSAGE : code,
                 &reason, err);
}

/* The text and its record. After an error the transaction is over. */
static pgr_code change_and_note(const change *c, bool last, const PGresult *before, pgr_err *err) {
  pgr_err reason;
  bool same = false;
  pgr_code code = run_text(c, last, err);
  if (code) return code;
  code = note(c, before, &same, &reason);
  if (code) return give_up(c, NULL, code, &reason, err);
  if (same) return PGR_OK;
  roll_back(c);
  return stopped_itself(c, err);
}

/* One of those that the transaction is of. After an error it is over. */
static pgr_code apply(change *c, bool first, bool last, pgr_err *err) {
  pgr_err reason;
  PGresult *before = NULL;
  pgr_code code = settle_session(c, first ? "BEGIN" : "RESET ALL", &reason);
  if (!code) code = look(c, &reason);
  if (!code) code = find_recorded(c, &before, &reason);
  code = code ? give_up(c, NULL, code, &reason, err) : change_and_note(c, last, before, err);
  PQclear(before);
  return code;
}

static pgr_code apply_all(change *all, size_t count, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < count; i++) {
    if (i > 0) memcpy(all[i].transaction, all[0].transaction, sizeof all[i].transaction);
    code = apply(&all[i], i == 0, i + 1 == count, err);
  }
  if (!code && count > 0) code = commit(&all[count - 1], err);
  if (count > 0) pgr__journal_give_back(all->j);
  return code;
}

static pgr_code prepare(change *c, pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers, bool down,
                        pgr_err *err) {
  *c = (change){.j = j, .m = m, .text = down ? &m->down : &m->up, .triggers = triggers, .down = down};
  pgr_migration_title(m, c->title);
  pgr_write_int(c->number, m->number);
  if (!j->locked) return pgr_fail(err, PGR_EUSAGE, "%s: the records were opened to be read only", c->title);
  if (!c->text->file)
    return pgr_fail(err, PGR_EUSAGE, "%s cannot be taken back: there is no %s.down.sql", c->title, c->title);
  return PGR_OK;
}

pgr_code pgr_journal_up(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers, pgr_err *err) {
  change c;
  pgr_code code = prepare(&c, j, m, triggers, false, err);
  return code ? code : apply_all(&c, 1, err);
}

pgr_code pgr_journal_down(pgr_journal *j, const pgr_migration *m, const pgr_triggers *triggers, pgr_err *err) {
  change c;
  pgr_code code = prepare(&c, j, m, triggers, true, err);
  return code ? code : apply_all(&c, 1, err);
}

pgr_code pgr_journal_redo(pgr_journal *j, const pgr_migration *const *m, size_t count, const pgr_triggers *triggers,
                          pgr_err *err) {
  pgr_code code = PGR_OK;
  change *all = pgr_calloc(2 * count + 1, sizeof *all);
  if (!all) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; !code && i < 2 * count; i++) {
    bool down = i < count;
    code = prepare(&all[i], j, m[down ? i : 2 * count - 1 - i], triggers, down, err);
  }
  if (!code) code = apply_all(all, 2 * count, err);
  pgr_free(all);
  return code;
}
