/* What is the same for every schedule of a cell: what each statement may touch, how the tables are looked at when a
 * schedule is over, and how they are put back.
 *
 * Tables are put back from copies that the control session keeps in temporary tables, one that may have changed at a
 * time: rows are deleted and inserted while triggers and foreign keys are off (session_replication_role), or, under
 * SERIALIZABLE, where dead rows would change what conflicts, truncated. Where that role cannot be taken, the scenario's
 * reset and seed do it. The invariant most easily broken: the order of the control session's statements is that of
 * their indices. */
#include "explore_internal.h"

#include "pgr_mem.h"
#include "pgr_rules.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { STATEMENTS_MAX = 4 * PGR__TABLES_MAX + PGR_INVARIANTS_MAX + 80, SEQUENCES_MAX = 40, YIELD_CLASS = 7471 };

static pgr_code no_memory(pgr_err *err) {
  return pgr_fail(err, PGR_ENOMEM, "out of memory");
}

/* ---- the statements of the control session ---- */

/* text: in the arena; NULL for no memory, as the result is then. */
static int add_statement(pgr__plan *p, const char *text) {
  if (!text || p->control.count == STATEMENTS_MAX) return -1;
  p->statements[p->control.count] = text;
  return p->control.count++;
}

/* ---- tables ---- */

/* Transaction numbers and the like are never the same twice: they are left out as if they were declared. */

static const char tables_query[] =
    "SELECT c.oid::regclass::text,"
    " (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid"
    "  AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''),"
    " ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
    "  AND (c.relname || '.' || a.attname = ANY ($1::text[])"
    "   OR a.atttypid IN ('xid'::regtype, 'xid8'::regtype, 'pg_lsn'::regtype, 'pg_snapshot'::regtype)))::text"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't' AND c.relkind = 'r'"
    " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass"
    " AND d.deptype = 'e') ORDER BY 1";

/* Partitioned tables too, for a foreign key may be theirs. */
static const char truncate_query[] =
    "SELECT 'TRUNCATE ' || string_agg(c.oid::regclass::text, ', ') FROM pg_class c JOIN pg_namespace n"
    " ON n.oid = c.relnamespace WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
    " AND c.relpersistence <> 't' AND c.relkind IN ('r', 'p') AND NOT EXISTS (SELECT FROM pg_depend d"
    " WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND d.deptype = 'e')";

/* ignored: an array literal of columns, "{}" for none. */
static pgr_code add_table(pgr__plan *p, const char *name, const char *columns, const char *ignored, pgr_err *err) {
  pgr__table *t = &p->tables[p->table_count];
  pgr_reach reach;
  char sql[400];
  snprintf(sql, sizeof sql, "SELECT FROM %s", name);
  t->name = pgr_arena_strdup(&p->arena, name);
  if (!t->name || pgr_reaches_of(p->reaches, sql, &reach)) return no_memory(err);
  t->own = reach.reads;
  t->always = strcmp(ignored, "{}") != 0;
  pgr_buf_addf(&p->setup, "CREATE TEMPORARY TABLE pgrace_seed_%d AS SELECT %s FROM ONLY %s;", p->table_count,
               columns ? columns : "", name);
  const char *row = t->always ? pgr_arena_printf(&p->arena, "(to_jsonb(pgrace_row.*) - '%s'::text[])::text", ignored)
                              : "pgrace_row::text";
  if (!row) return no_memory(err);
  t->print = add_statement(p, pgr_arena_printf(&p->arena, "SELECT %s FROM ONLY %s pgrace_row", row, name));
  t->clear = add_statement(p, pgr_arena_printf(&p->arena, "DELETE FROM ONLY %s pgrace_row RETURNING %s", name, row));
  t->fill =
      columns
          ? add_statement(p, pgr_arena_printf(
                                 &p->arena, "INSERT INTO %s (%s) OVERRIDING SYSTEM VALUE SELECT * FROM pgrace_seed_%d",
                                 name, columns, p->table_count))
          : add_statement(p, pgr_arena_printf(&p->arena, "SELECT"));
  p->table_count++;
  return t->print < 0 || t->clear < 0 || t->fill < 0 ? no_memory(err) : PGR_OK;
}

/* Whatever the rows' order. */
uint64_t pgr__table_print(const pgr__table *t, const PGresult *rows) {
  uint64_t print = 0;
  for (int i = 0; i < PQntuples(rows); i++) {
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    const char *texts[] = {t->name, "=", PQgetvalue(rows, i, 0)};
    for (int k = 0; k < 3; k++)
      for (const char *c = texts[k]; *c; c++)
        h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd); /* so that sums differ where bytes do */
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    print += h ^ h >> 33;
  }
  return print;
}

static pgr_code add_ignored(const pgr_scenario *s, pgr_buf *out, pgr_err *err) {
  pgr_buf_init(out, 0);
  pgr_buf_adds(out, "{");
  for (int i = 0; i < s->ignored_count; i++)
    pgr_buf_addf(out, "%s\"%s\"", i ? "," : "", s->ignored[i]);
  pgr_buf_adds(out, "}");
  return out->failed ? no_memory(err) : PGR_OK;
}

static pgr_code add_tables(pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  PGresult *rows = NULL, *all = NULL;
  pgr_buf ignored;
  pgr_code code = add_ignored(stage->scenario, &ignored, err);
  const char *values[] = {pgr_buf_text(&ignored)};
  if (!code) code = pgr_db_query(stage->db, tables_query, 1, values, &rows, err);
  if (!code && PQntuples(rows) > PGR__TABLES_MAX)
    code = pgr_fail(err, PGR_EUSAGE, "%s: %d tables, exploring copes with %d", stage->scenario->source.name,
                    PQntuples(rows), PGR__TABLES_MAX);
  for (int i = 0; !code && i < PQntuples(rows); i++) {
    code = add_table(p, PQgetvalue(rows, i, 0), PQgetisnull(rows, i, 1) ? NULL : PQgetvalue(rows, i, 1),
                     PQgetvalue(rows, i, 2), err);
  }
  if (!code) code = pgr_db_query(stage->db, truncate_query, 0, NULL, &all, err);
  if (!code && p->table_count &&
      (p->truncate = add_statement(p, pgr_arena_strdup(&p->arena, PQgetvalue(all, 0, 0)))) < 0)
    code = no_memory(err);
  PQclear(rows);
  PQclear(all);
  pgr_buf_deinit(&ignored);
  return code;
}

/* Rolled back or not, a number that was drawn is gone: sequences are put back, but are no part of the state. */
static pgr_code add_sequences(pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  PGresult *rows = NULL;
  pgr_reach reach;
  if (pgr_reaches_of(p->reaches, "SELECT nextval('x')", &reach)) return no_memory(err);
  p->sequence_mask = reach.writes;
  p->sequences = p->control.count;
  pgr_code code = pgr_db_query(stage->db,
                               "SELECT format('SELECT setval(%L, %s, %L)', format('%I.%I', schemaname, sequencename),"
                               " coalesce(last_value, start_value), last_value IS NOT NULL) FROM pg_sequences"
                               " WHERE schemaname !~ '^pg_' ORDER BY 1",
                               0, NULL, &rows, err);
  if (!code && PQntuples(rows) > SEQUENCES_MAX)
    code = pgr_fail(err, PGR_EUSAGE, "%s: %d sequences, exploring copes with %d", stage->scenario->source.name,
                    PQntuples(rows), SEQUENCES_MAX);
  for (int i = 0; !code && i < PQntuples(rows); i++, p->sequence_count++)
    if (add_statement(p, pgr_arena_printf(&p->arena, "%s", PQgetvalue(rows, i, 0))) < 0) code = no_memory(err);
  PQclear(rows);
  return code;
}

/* ---- rules ---- */

static pgr_code add_invariant(pgr__plan *p, const pgr_stage *stage, const pgr_invariant *invariant, pgr_err *err) {
  pgr_buf text;
  pgr_vars vars;
  pgr_buf_init(&text, 0);
  if (pgr_vars_init(&vars, stage->scenario->names.count)) return no_memory(err);
  pgr_vars_set_int(&vars, PGR_SLOT_AGENTS, stage->agents);
  pgr_vars_set_int(&vars, PGR_SLOT_CONTENDERS, stage->contenders);
  pgr_template_fill(&invariant->sql, &stage->scenario->names, &vars, &text);
  pgr_vars_deinit(&vars);
  int index = text.failed ? -1 : add_statement(p, pgr_arena_printf(&p->arena, "%s", pgr_buf_text(&text)));
  pgr_buf_deinit(&text);
  return index < 0 ? no_memory(err) : PGR_OK;
}

static pgr_code add_rules(pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  const pgr_scenario *s = stage->scenario;
  if (pgr__needs_history(s)) {
    pgr_buf_addf(&p->setup, "%s;", pgr__history_rows_table);
    p->history_insert = add_statement(p, pgr_arena_printf(&p->arena, "%s", pgr__history_rows_insert));
    p->history_clear = add_statement(p, pgr_arena_printf(&p->arena, "DELETE FROM pgrace_history"));
  }
  p->invariants = p->control.count;
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < s->invariant_count; i++)
    code = add_invariant(p, stage, &s->invariants[i], err);
  return code;
}

/* ---- what statements may touch ---- */

/* Whether a statement's text is not known before it is sent. */
static bool pastes(const pgr_explore_options *o, int operation) {
  const pgr_script *script = o->strategy->scripts[operation];
  bool any = false;
  for (int i = 0; i < script->count; i++)
    any |= script->commands[i].kind == PGR_COMMAND_SQL && script->commands[i].sql.text.var_count > 0;
  return any && o->protocol == PGR_PROTOCOL_SIMPLE;
}

static bool pastes_variables(const pgr__plan *p) {
  bool any = false;
  for (int k = 0; k < p->options->scenario->operation_count; k++)
    any |= pastes(p->options, k);
  return any;
}

/* Whether a statement may leave something in its session that the next schedule would find: a setting, an advisory
 * lock, a temporary table. */
static bool marks_session(const pgr_command *c, const pgr_reach *reach) {
  static const char *const words[] = {"advisory_lock", "set_config", "currval", "lastval", NULL};
  const char *sql = c->sql.numbered;
  if (reach->kind == PGR_REACH_EVERYTHING) return true;
  if (reach->kind == PGR_REACH_NOTHING && strncasecmp(sql, "set", 3) == 0) return true;
  for (int i = 0; words[i]; i++)
    if (strcasestr(sql, words[i])) return true;
  return false;
}

/* Snapshots and transaction numbers are of the whole server: with a second worker they would show what it does. */
static bool sees_others(const char *sql) {
  static const char *const words[] = {"_snapshot", "txid", "xact_id", "pg_stat", "pg_locks", "xmin", NULL};
  for (int i = 0; words[i]; i++)
    if (strcasestr(sql, words[i])) return true;
  return false;
}

/* Statements that are each a transaction of their own do not overlap, unless they are split: then the level is of no
 * consequence. */
static bool has_transactions(const pgr__plan *p) {
  const pgr_explore_options *o = p->options;
  bool has = o->split || pastes_variables(p);
  for (int k = 0; !has && k < o->scenario->operation_count; k++)
    for (int i = 0; i < o->strategy->scripts[k]->sql_count; i++)
      has |= p->reach[k][i].kind != PGR_REACH_QUERY;
  return has;
}

static uint64_t scope_of(const pgr__plan *p, int operation) {
  uint64_t scope = 0;
  if (pastes(p->options, operation)) return 0;
  for (int i = 0; i < p->options->strategy->scripts[operation]->sql_count; i++) {
    const pgr_reach *r = &p->reach[operation][i];
    if (r->kind == PGR_REACH_EVERYTHING) return 0;
    scope |= r->reads | r->writes | r->shares | r->appends;
  }
  return scope;
}

/* Whether somebody may wait for two others that hold one row together. */
static bool is_crowd(const pgr__plan *p) {
  const pgr_explore_options *o = p->options;
  uint64_t shares = 0, keys = 0;
  bool joins = false;
  for (int k = 0; k < o->scenario->operation_count; k++) {
    joins |= pastes(o, k);
    for (int i = 0; i < o->strategy->scripts[k]->sql_count; i++) {
      shares |= p->reach[k][i].shares;
      keys |= p->reach[k][i].keys;
      joins |= p->reach[k][i].joins;
    }
  }
  return o->agents > 2 && (joins || (shares & keys));
}

/* Whether somebody may look at the numbers of transactions. */
static bool is_watched(const pgr__plan *p) {
  const pgr_explore_options *o = p->options;
  bool watched = pastes_variables(p);
  for (int k = 0; k < o->scenario->operation_count; k++)
    for (int i = 0; i < o->strategy->scripts[k]->sql_count; i++) {
      const pgr_reach *r = &p->reach[k][i];
      watched |= r->numbers || (r->kind != PGR_REACH_EVERYTHING && r->reads & PGR_REACH_NUMBERS);
    }
  return watched;
}

static pgr_code learn_reaches(pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  const pgr_explore_options *o = p->options;
  pgr_code code = pgr_reaches_learn(stage->db, &p->reaches, err);
  if (code) return code;
  for (int k = 0; k < o->scenario->operation_count; k++) {
    const pgr_script *script = o->strategy->scripts[k];
    for (int i = 0; i < script->count; i++) {
      const pgr_command *c = &script->commands[i];
      if (c->kind != PGR_COMMAND_SQL) continue;
      pgr_reach *reach = &p->reach[k][c->sql.index];
      if (pgr_reaches_of(p->reaches, c->sql.numbered, reach)) return no_memory(err);
      p->marks_sessions |= marks_session(c, reach);
      p->sees_others |= sees_others(c->sql.numbered);
    }
  }
  for (int i = 0; i < o->strategy->install_count; i++)
    p->sees_others |= sees_others(o->strategy->installs[i]->text);
  for (int i = 0; i < o->scenario->schema_count; i++)
    p->sees_others |= sees_others(o->scenario->schema[i]->text);
  for (int k = 0; k < o->scenario->operation_count; k++)
    p->scope[k] = scope_of(p, k);
  p->crowd = is_crowd(p);
  p->watched = is_watched(p);
  p->marks_sessions |= pastes_variables(p);
  p->level = has_transactions(p) ? (pgr_level)o->isolation : PGR_LEVEL_READ_COMMITTED;
  p->rollback = (pgr_reach){.kind = PGR_REACH_UNDO, .level = -1};
  return PGR_OK;
}

/* ---- yield points ---- */

/* A row's trigger fires when its statement has read and not yet written. The controller holds the agent's number. */
static const char yield_function[] = "CREATE FUNCTION pgrace_yield() RETURNS trigger LANGUAGE plpgsql AS $yield$"
                                     " DECLARE agent text := current_setting('pgrace.agent', true);"
                                     " BEGIN"
                                     "  IF agent <> '' THEN"
                                     "   PERFORM pg_advisory_lock_shared(7471, agent::int);"
                                     "   PERFORM pg_advisory_unlock_shared(7471, agent::int);"
                                     "  END IF;"
                                     "  IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;"
                                     "  RETURN NEW;"
                                     " END $yield$";

/* The name sorts before all others: triggers fire in the order of their names. */
static pgr_code install_yields(const pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  pgr_code code = pgr_db_exec(stage->db, yield_function, err);
  for (int i = 0; !code && i < p->table_count; i++) {
    char sql[400];
    snprintf(sql, sizeof sql,
             "CREATE TRIGGER \" pgrace_yield\" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW"
             " EXECUTE FUNCTION pgrace_yield()",
             p->tables[i].name);
    code = pgr_db_exec(stage->db, sql, err);
  }
  return code;
}

/* ---- the whole ---- */

static void sort_operations(pgr__plan *p) {
  const pgr_scenario *s = p->options->scenario;
  for (int k = 0; k < s->operation_count; k++) {
    if (!(p->options->operations >> k & 1)) continue;
    if (s->operations[k].when == PGR_WHEN_START) p->starts[p->start_count++] = (uint8_t)k;
    if (s->operations[k].when == PGR_WHEN_END) p->ends[p->end_count++] = (uint8_t)k;
  }
}

/* What this role may set; a setting that it may not has the server's value. */
static pgr_code choose_settings(pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  pgr_err refused;
  int64_t timeout_ms = 0;
  pgr_code code = pgr_db_exec(stage->db, "SET session_replication_role = replica", &refused);
  if (code == PGR_EINTERRUPTED) return pgr_fail(err, code, "interrupted");
  p->fast = code == PGR_OK && !stage->scenario->has_reset;
  if (code == PGR_OK && (code = pgr_db_exec(stage->db, "RESET session_replication_role", err))) return code;
  if (p->fast) pgr_buf_adds(&p->setup, "SET session_replication_role = replica;");
  const char *deadlock = "";
  if (pgr_db_exec(stage->db, "SET deadlock_timeout = '1ms'", &refused) == PGR_OK)
    deadlock = "SET deadlock_timeout = 1;";
  code = pgr_db_query_int(stage->db, "SELECT setting::bigint FROM pg_settings WHERE name = 'deadlock_timeout'",
                          &timeout_ms, err);
  p->deadlock_ns = timeout_ms * 1000000;
  snprintf(p->agent_setup, sizeof p->agent_setup, "%sSET plan_cache_mode = force_generic_plan;", deadlock);
  return code;
}

static pgr_code seed(const pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  int64_t key = p->options->scenario->key.first;
  return pgr_stage_seed(stage, key, key, err);
}

static pgr_code print_seed(pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < p->table_count; i++) {
    PGresult *rows = NULL;
    code = pgr_db_query(stage->db, p->statements[p->tables[i].print], 0, NULL, &rows, err);
    if (!code) p->tables[i].seed_print = pgr__table_print(&p->tables[i], rows);
    PQclear(rows);
  }
  return code;
}

pgr_code pgr__plan_make(pgr__plan *p, const pgr_explore_options *o, const pgr_stage *stage, pgr_err *err) {
  *p = (pgr__plan){.options = o};
  pgr_buf_init(&p->setup, 0);
  p->reaching = pgr_calloc(1, sizeof *p->reaching);
  if (!p->reaching) return no_memory(err);
  pthread_mutex_init(p->reaching, NULL);
  p->statements = pgr_calloc(STATEMENTS_MAX, sizeof *p->statements);
  if (!p->statements || add_statement(p, pgr_arena_printf(&p->arena, "%s", PGR_LOCKSTEP_ASK)) != 0)
    return no_memory(err);
  sort_operations(p);
  pgr_code code = learn_reaches(p, stage, err);
  if (!code) code = choose_settings(p, stage, err);
  if (!code) code = add_tables(p, stage, err);
  if (!code && o->split) code = install_yields(p, stage, err);
  if (!code) code = seed(p, stage, err);
  if (!code) code = print_seed(p, stage, err);
  if (!code) code = add_sequences(p, stage, err); /* as the seed left them */
  if (!code) code = add_rules(p, stage, err);
  if (code) return code;
  if (o->split) {
    p->lock = add_statement(p, pgr_arena_printf(&p->arena, "SELECT pg_advisory_lock(%d, $1::int)", YIELD_CLASS));
    p->unlock = add_statement(p, pgr_arena_printf(&p->arena, "SELECT pg_advisory_unlock(%d, $1::int)", YIELD_CLASS));
  }
  if (p->lock < 0 || p->unlock < 0 || p->setup.failed) return no_memory(err);
  p->control.setup = pgr_buf_text(&p->setup);
  p->control.statements = p->statements;
  return PGR_OK;
}

pgr_code pgr__plan_reach_of(const pgr__plan *p, const char *sql, pgr_reach *out) {
  pthread_mutex_lock(p->reaching);
  pgr_code code = pgr_reaches_of(p->reaches, sql, out);
  pthread_mutex_unlock(p->reaching);
  return code;
}

pgr_code pgr__plan_ready(const pgr__plan *p, const pgr_stage *stage, pgr_err *err) {
  pgr_code code = p->options->split ? install_yields(p, stage, err) : PGR_OK;
  return code ? code : seed(p, stage, err);
}

void pgr__plan_deinit(pgr__plan *p) {
  pgr_reaches_destroy(p->reaches);
  if (p->reaching) pthread_mutex_destroy(p->reaching);
  pgr_free(p->reaching);
  pgr_free(p->statements);
  pgr_buf_deinit(&p->setup);
  pgr_arena_deinit(&p->arena);
}
