/* A witness as one of PostgreSQL's isolation specs: the scenario's tables in a schema of their own, a session an agent,
 * the statements with their values, in the schedule's order; at the end what the tables hold and which keys break a
 * rule. */
#include "pgr_spec.h"
#include "witness_file.h"

#include "pgr_mem.h"
#include <stdio.h>
#include <string.h>

enum { SCHEMA_BYTES = 80, STEPS_EXTRA = 200, YIELD_CLASS = 7471 };

typedef struct emitting {
  const pgr_witness *witness;
  const pgr_stage *stage;
  const pgr_strategy *strategy;
  pgr_arena arena;
  pgr_spec spec;
  const char *setups[2 * PGR_INSTALLS_MAX + 4 + PGR_SPEC_SESSIONS_MAX];
  pgr_spec_session sessions[PGR_WITNESS_AGENTS_MAX + 2];
  int session_of[PGR_WITNESS_AGENTS_MAX]; /* by agent; -1: takes no part */
  pgr_spec_step *steps;
  int *order; /* indices of a session's steps, all sessions' one after the other */
  int order_count;
  pgr_spec_pstep *psteps;
  pgr_spec_permutation permutation;
  bool no_memory;
} emitting;

static const char *text(emitting *e, const char *made) {
  if (!made) e->no_memory = true;
  return made ? made : "";
}

/* sql, as a spec may hold it; in the arena. */
static const char *spec_sql(emitting *e, const char *sql) {
  pgr_buf out;
  if (!strchr(sql, '}')) return sql;
  pgr_buf_init(&out, 0);
  pgr_spec_without_braces(sql, &out);
  const char *kept = text(e, out.failed ? NULL : pgr_arena_strdup(&e->arena, pgr_buf_text(&out)));
  pgr_buf_deinit(&out);
  return kept;
}

static void add_setup(emitting *e, const char *sql) {
  e->setups[e->spec.setup_count++] = spec_sql(e, sql);
}

/* Returns its index. */
static int add_step(emitting *e, int session, const char *name, const char *sql) {
  e->steps[e->spec.step_count] =
      (pgr_spec_step){.name = name, .sql = spec_sql(e, sql), .session = session, .used = true};
  return e->spec.step_count++;
}

static void perform(emitting *e, int step) {
  e->psteps[e->permutation.count++] = (pgr_spec_pstep){.step = step};
}

static int add_session(emitting *e, const char *name, const char *setup) {
  e->sessions[e->spec.session_count] = (pgr_spec_session){.name = name, .setup = setup};
  return e->spec.session_count++;
}

static pgr_code add_seed(emitting *e, pgr_err *err) {
  const pgr_scenario *s = e->stage->scenario;
  pgr_vars vars;
  pgr_buf sql;
  if (!s->has_seed) return PGR_OK;
  pgr_buf_init(&sql, 0);
  if (pgr_vars_init(&vars, s->names.count)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_vars_set_int(&vars, PGR_SLOT_FIRST_KEY, e->witness->key);
  pgr_vars_set_int(&vars, PGR_SLOT_LAST_KEY, e->witness->key);
  pgr_vars_set_int(&vars, PGR_SLOT_AGENTS, e->witness->agents);
  pgr_vars_set_int(&vars, PGR_SLOT_CONTENDERS, e->witness->agents);
  pgr_template_fill(&s->seed, &s->names, &vars, &sql);
  pgr_vars_deinit(&vars);
  add_setup(e, text(e, pgr_arena_strdup(&e->arena, pgr_buf_text(&sql))));
  pgr_buf_deinit(&sql);
  return PGR_OK;
}

/* Yield points, as exploring had them: an advisory lock that the session "pgrace" holds stops a statement before it
 * writes. */
static void add_yields(emitting *e, const PGresult *tables) {
  add_setup(e, "CREATE FUNCTION pgrace_yield() RETURNS trigger LANGUAGE plpgsql AS $yield$"
               " DECLARE agent text := current_setting('pgrace.agent', true);"
               " BEGIN IF agent <> '' THEN PERFORM pg_advisory_lock_shared(7471, agent::int);"
               " PERFORM pg_advisory_unlock_shared(7471, agent::int); END IF;"
               " IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END $yield$;");
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  for (int i = 0; i < PQntuples(tables); i++)
    pgr_buf_addf(&sql,
                 "CREATE TRIGGER \" pgrace_yield\" BEFORE INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW"
                 " EXECUTE FUNCTION pgrace_yield();\n",
                 PQgetvalue(tables, i, 0));
  add_setup(e, text(e, pgr_arena_strdup(&e->arena, pgr_buf_text(&sql))));
  pgr_buf_deinit(&sql);
}

static pgr_code add_setups(emitting *e, const PGresult *tables, pgr_err *err) {
  const pgr_scenario *s = e->stage->scenario;
  add_setup(e, "CREATE SCHEMA pgrace_witness; SET search_path = pgrace_witness;");
  for (int i = 0; i < s->schema_count; i++)
    add_setup(e, s->schema[i]->text);
  for (int i = 0; i < e->strategy->install_count; i++)
    add_setup(e, e->strategy->installs[i]->text);
  if (e->witness->split) add_yields(e, tables);
  e->spec.teardown = "DROP SCHEMA pgrace_witness CASCADE; RESET search_path;";
  return add_seed(e, err);
}

/* Who is ended by a deadlock depends on whose deadlock_timeout is over first: the one whom the witness has. */
static const char *deadlock_setting(const pgr_witness *w, int agent) {
  bool any = false, self = false;
  for (int i = 0; i < w->step_count; i++) {
    bool victim = strcmp(w->steps[i].result, "ERROR 40P01") == 0;
    any |= victim;
    self |= victim && w->steps[i].agent == agent;
  }
  return !any ? "" : self ? " SET deadlock_timeout = '50ms';" : " SET deadlock_timeout = '100s';";
}

static void add_agents(emitting *e) {
  const pgr_witness *w = e->witness;
  for (int a = 0; a < PGR_WITNESS_AGENTS_MAX; a++)
    e->session_of[a] = -1;
  for (int i = 0; i < w->step_count; i++) {
    int a = w->steps[i].agent - 1;
    if (e->session_of[a] >= 0) continue;
    const char *yield = w->split ? text(e, pgr_arena_printf(&e->arena, " SET pgrace.agent = '%d';", a + 1)) : "";
    e->session_of[a] = add_session(e, text(e, pgr_arena_printf(&e->arena, "agent_%d", a + 1)),
                                   text(e, pgr_arena_printf(&e->arena,
                                                            "SET search_path = pgrace_witness;"
                                                            " SET default_transaction_isolation = '%s';%s%s",
                                                            w->isolation, deadlock_setting(w, a + 1), yield)));
  }
}

/* The schedule. With yield points the session `control` holds an agent up before each statement it sends, and lets it
 * go where the schedule does. */
static void add_schedule(emitting *e, int control) {
  const pgr_witness *w = e->witness;
  bool held[PGR_WITNESS_AGENTS_MAX] = {false};
  int hold[PGR_WITNESS_AGENTS_MAX], go[PGR_WITNESS_AGENTS_MAX], sent[PGR_WITNESS_AGENTS_MAX] = {0};
  for (int a = 0; control >= 0 && a < PGR_WITNESS_AGENTS_MAX; a++) {
    if (e->session_of[a] < 0) continue;
    hold[a] = add_step(e, control, text(e, pgr_arena_printf(&e->arena, "hold_%d", a + 1)),
                       text(e, pgr_arena_printf(&e->arena, "DO $$ BEGIN PERFORM pg_advisory_lock(%d, %d); END $$;",
                                                YIELD_CLASS, a + 1)));
    go[a] = add_step(e, control, text(e, pgr_arena_printf(&e->arena, "go_%d", a + 1)),
                     text(e, pgr_arena_printf(&e->arena, "DO $$ BEGIN PERFORM pg_advisory_unlock(%d, %d); END $$;",
                                              YIELD_CLASS, a + 1)));
  }
  for (int i = 0; i < w->step_count; i++) {
    const pgr_witness_step *s = &w->steps[i];
    int a = s->agent - 1;
    if (s->goes_on) {
      perform(e, go[a]);
      held[a] = false;
      continue;
    }
    if (control >= 0 && !held[a]) perform(e, hold[a]);
    held[a] = control >= 0;
    perform(e, add_step(e, e->session_of[a], text(e, pgr_arena_printf(&e->arena, "a%d_%d", a + 1, ++sent[a])),
                        text(e, pgr_arena_printf(&e->arena, "%s;", s->sql))));
  }
}

/* What it left behind, and the keys that break a rule. */
static pgr_code add_checks(emitting *e, const PGresult *tables, pgr_err *err) {
  const pgr_scenario *s = e->stage->scenario;
  int session = add_session(e, "check", "SET search_path = pgrace_witness;");
  for (int i = 0; i < PQntuples(tables); i++)
    perform(e,
            add_step(e, session, text(e, pgr_arena_printf(&e->arena, "rows_%d", i + 1)),
                     text(e, pgr_arena_printf(&e->arena, "SELECT * FROM %s ORDER BY 1;", PQgetvalue(tables, i, 0)))));
  for (int i = 0; i < s->invariant_count; i++) {
    pgr_vars vars;
    pgr_buf sql;
    if (s->invariants[i].needs_history) continue;
    pgr_buf_init(&sql, 0);
    if (pgr_vars_init(&vars, s->names.count)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
    pgr_vars_set_int(&vars, PGR_SLOT_AGENTS, e->witness->agents);
    pgr_vars_set_int(&vars, PGR_SLOT_CONTENDERS, e->witness->agents);
    pgr_template_fill(&s->invariants[i].sql, &s->names, &vars, &sql);
    pgr_vars_deinit(&vars);
    perform(e, add_step(e, session, text(e, pgr_arena_printf(&e->arena, "broken_%d", i + 1)),
                        text(e, pgr_arena_strdup(&e->arena, pgr_buf_text(&sql)))));
    pgr_buf_deinit(&sql);
  }
  return PGR_OK;
}

/* Each session's steps in a row. */
static void deal_steps(emitting *e) {
  for (int k = 0; k < e->spec.session_count; k++) {
    e->sessions[k].steps = e->order + e->order_count;
    for (int i = 0; i < e->spec.step_count; i++) {
      if (e->steps[i].session != k) continue;
      e->order[e->order_count++] = i;
      e->sessions[k].step_count++;
    }
  }
}

static pgr_code build(emitting *e, pgr_err *err) {
  const pgr_witness *w = e->witness;
  size_t most = (size_t)w->step_count * 2 + STEPS_EXTRA;
  PGresult *tables = NULL;
  e->steps = pgr_arena_alloc(&e->arena, most * sizeof *e->steps);
  e->order = pgr_arena_alloc(&e->arena, most * sizeof *e->order);
  e->psteps = pgr_arena_alloc(&e->arena, 2 * most * sizeof *e->psteps);
  if (!e->steps || !e->order || !e->psteps) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = pgr_db_query(e->stage->db,
                               "SELECT quote_ident(c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid ="
                               " c.relnamespace WHERE n.nspname = 'public' AND c.relkind = 'r' AND NOT EXISTS (SELECT"
                               " FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass AND"
                               " d.deptype = 'e') ORDER BY 1 LIMIT 60",
                               0, NULL, &tables, err);
  if (!code) code = add_setups(e, tables, err);
  if (!code) {
    add_agents(e);
    int control = w->split ? add_session(e, "pgrace", NULL) : -1;
    add_schedule(e, control);
    code = add_checks(e, tables, err);
  }
  PQclear(tables);
  deal_steps(e);
  e->spec.setups = e->setups;
  e->spec.sessions = e->sessions;
  e->spec.steps = e->steps;
  e->spec.permutations = &e->permutation;
  e->spec.permutation_count = 1;
  e->permutation.steps = e->psteps;
  return code || !e->no_memory ? code : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

pgr_code pgr_witness_emit_spec(const pgr_witness *w, const pgr_stage *stage, const pgr_strategy *strategy,
                               const char *path, pgr_err *err) {
  emitting *e = pgr_calloc(1, sizeof *e);
  if (!e) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  *e = (emitting){.witness = w, .stage = stage, .strategy = strategy};
  pgr_buf out, comment;
  pgr_buf_init(&out, 0);
  pgr_buf_init(&comment, 0);
  pgr_buf_addf(&comment,
               "%s / %s / %s: a schedule that breaks the rule \"%s\", found by pgrace explore.\n"
               "It makes and drops the schema pgrace_witness. The last steps show what it leaves behind, and\n"
               "broken_N the keys that break a rule. To run it: isolationtester 'dbname=postgres' < this file",
               w->scenario, w->strategy, w->isolation, w->rule);
  pgr_code code = build(e, err);
  if (!code) code = pgr_spec_write(&e->spec, pgr_buf_text(&comment), &out, err);
  if (!code) code = pgr_write_whole_file(path, &out, err);
  pgr_buf_deinit(&out);
  pgr_buf_deinit(&comment);
  pgr_arena_deinit(&e->arena);
  pgr_free(e);
  return code;
}
