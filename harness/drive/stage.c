/* Installing, seeding and putting back. What is pasted into the scenario's SQL here are integers of ours. */
#include "pgr_stage.h"

#include "pgr_schema.h"
#include <string.h>

/* Tables and sequences that are the scenario's: not the server's, not temporary. */
#define OF_THE_SCENARIO                                                                                                \
  " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"                                                     \
  " WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND c.relpersistence <> 't'"                       \
  " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.classid = 'pg_class'::regclass"                \
  " AND d.deptype = 'e')"

pgr_code pgr_stage_install(const pgr_stage *s, const pgr_strategy *strategy, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < s->scenario->schema_count; i++)
    code = pgr_schema_apply(s->db, s->scenario->schema[i], err);
  for (int i = 0; !code && i < strategy->install_count; i++)
    code = pgr_schema_apply(s->db, strategy->installs[i], err);
  return code;
}

/* The text with its presets; *text is the caller's to deinit. */
static pgr_code fill(const pgr_stage *s, const pgr_template *sql, int64_t first, int64_t last, pgr_buf *text,
                     pgr_err *err) {
  pgr_vars vars;
  pgr_buf_init(text, 0);
  pgr_code code = pgr_vars_init(&vars, s->scenario->names.count);
  if (code) return pgr_fail(err, code, "out of memory");
  pgr_vars_set_int(&vars, PGR_SLOT_FIRST_KEY, first);
  pgr_vars_set_int(&vars, PGR_SLOT_LAST_KEY, last);
  pgr_vars_set_int(&vars, PGR_SLOT_AGENTS, s->agents);
  pgr_vars_set_int(&vars, PGR_SLOT_CONTENDERS, s->contenders);
  pgr_template_fill(sql, &s->scenario->names, &vars, text);
  pgr_vars_deinit(&vars);
  return text->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

static pgr_code explain(const pgr_stage *s, pgr_code code, const char *what, const pgr_err *reason, pgr_err *err) {
  if (code == PGR_OK) return PGR_OK;
  if (code != PGR_EDATABASE) return pgr_fail(err, code, "%s", reason->msg);
  if (pgr_db_blames_sql(s->db)) code = PGR_EUSAGE;
  return pgr_fail(err, code, "%s: %s: %s", s->scenario->source.name, what, reason->msg);
}

/* Several statements are one transaction: they are one message of the simple protocol. */
static pgr_code execute(const pgr_stage *s, const char *what, const pgr_template *sql, int64_t first, int64_t last,
                        pgr_err *err) {
  pgr_buf text;
  pgr_err reason = {0};
  pgr_code code = fill(s, sql, first, last, &text, err);
  if (!code) code = explain(s, pgr_db_exec(s->db, pgr_buf_text(&text), &reason), what, &reason, err);
  pgr_buf_deinit(&text);
  return code;
}

pgr_code pgr_stage_seed(const pgr_stage *s, int64_t first, int64_t last, pgr_err *err) {
  return s->scenario->has_seed ? execute(s, "seed", &s->scenario->seed, first, last, err) : PGR_OK;
}

/* Runs the one text that a query builds, if it builds one. */
static pgr_code run_built(const pgr_stage *s, const char *builder, pgr_err *err) {
  PGresult *built = NULL;
  pgr_code code = pgr_db_query(s->db, builder, 0, NULL, &built, err);
  if (!code && !PQgetisnull(built, 0, 0)) code = pgr_db_exec(s->db, PQgetvalue(built, 0, 0), err);
  PQclear(built);
  return code;
}

pgr_code pgr_stage_reset(const pgr_stage *s, pgr_err *err) {
  if (s->scenario->has_reset) return execute(s, "reset", &s->scenario->reset, 0, 0, err);
  pgr_err reason = {0};
  pgr_code code = run_built(s,
                            "SELECT 'TRUNCATE ' || string_agg(c.oid::regclass::text, ', ') ||"
                            " ' RESTART IDENTITY CASCADE'" OF_THE_SCENARIO " AND c.relkind IN ('r', 'p')",
                            &reason);
  if (!code)
    code = run_built(s,
                     "SELECT string_agg('ALTER SEQUENCE ' || c.oid::regclass || ' RESTART', '; ')" OF_THE_SCENARIO
                     " AND c.relkind = 'S'",
                     &reason);
  return explain(s, code, "truncating every table", &reason, err);
}

/* An array literal of the columns that are not compared. */
static pgr_code add_ignored(const pgr_stage *s, pgr_buf *out, pgr_err *err) {
  pgr_buf_init(out, 0);
  pgr_buf_adds(out, "{");
  for (int i = 0; i < s->scenario->ignored_count; i++)
    pgr_buf_addf(out, "%s\"%s\"", i ? "," : "", s->scenario->ignored[i]); /* checked to be plain names */
  pgr_buf_adds(out, "}");
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

/* Of a table the number of its rows and the sum of their hashes, which does not depend on their order. */
static pgr_code print_tables(const pgr_stage *s, const char *ignored, pgr_print *out, pgr_err *err) {
  static const char builder[] =
      "SELECT string_agg(CASE c.relkind WHEN 'S' THEN"
      " format('SELECT %L AS name, last_value || '':'' || is_called AS print FROM %s', c.oid::regclass, "
      "c.oid::regclass)"
      " ELSE format('SELECT %L, count(*) || '' rows, hash '' ||"
      " coalesce(sum(hashtextextended((to_jsonb(pgrace_row.*) - %L::text[])::text, 0)), 0) FROM %s pgrace_row', "
      "c.oid::regclass,"
      " ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0"
      " AND c.relname || '.' || a.attname = ANY ($1::text[])), c.oid::regclass) END,"
      " ' UNION ALL ' ORDER BY c.relkind DESC, c.oid::regclass::text)" OF_THE_SCENARIO " AND c.relkind IN ('r', 'S')";
  PGresult *built = NULL;
  const char *values[] = {ignored};
  pgr_code code = pgr_db_query(s->db, builder, 1, values, &built, err);
  if (!code && !PQgetisnull(built, 0, 0)) code = pgr_db_query(s->db, PQgetvalue(built, 0, 0), 0, NULL, &out->rows, err);
  PQclear(built);
  return code;
}

/* A column that is named under `ignore` and is not there is a typing error, which would show as a reset that fails. */
static pgr_code check_ignored(const pgr_stage *s, const char *ignored, pgr_err *err) {
  PGresult *missing = NULL;
  const char *values[] = {ignored};
  pgr_code code = pgr_db_query(
      s->db,
      "SELECT i FROM unnest($1::text[]) AS i WHERE NOT EXISTS (SELECT FROM pg_attribute a JOIN pg_class c ON"
      " c.oid = a.attrelid WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relname || '.' || a.attname = i)",
      1, values, &missing, err);
  if (!code && PQntuples(missing) > 0)
    code = pgr_fail(err, PGR_EUSAGE, "%s: ignore: there is no column %s", s->scenario->source.name,
                    PQgetvalue(missing, 0, 0));
  PQclear(missing);
  return code;
}

pgr_code pgr_stage_print(const pgr_stage *s, pgr_print *out, pgr_err *err) {
  pgr_buf ignored;
  pgr_err reason = {0};
  pgr_code code = add_ignored(s, &ignored, err);
  if (code) return code;
  code = print_tables(s, pgr_buf_text(&ignored), out, &reason);
  code = explain(s, code, "comparing its tables", &reason, err);
  if (!code && s->scenario->ignored_count) code = check_ignored(s, pgr_buf_text(&ignored), err);
  pgr_buf_deinit(&ignored);
  return code;
}

void pgr_print_deinit(pgr_print *p) {
  PQclear(p->rows);
  p->rows = NULL;
}

static const char *print_of(const pgr_print *p, const char *name) {
  for (int i = 0; p->rows && i < PQntuples(p->rows); i++)
    if (strcmp(PQgetvalue(p->rows, i, 0), name) == 0) return PQgetvalue(p->rows, i, 1);
  return NULL;
}

pgr_code pgr_stage_compare(const pgr_stage *s, const pgr_print *before, const pgr_print *after, pgr_err *err) {
  for (int i = 0; before->rows && i < PQntuples(before->rows); i++) {
    const char *name = PQgetvalue(before->rows, i, 0), *was = PQgetvalue(before->rows, i, 1);
    const char *is = print_of(after, name);
    if (is && strcmp(was, is) == 0) continue;
    return pgr_fail(
        err, PGR_EUSAGE,
        "%s: the reset does not restore what the seed made: %s differs (%s, after a round and the reset %s); "
        "%s, or name columns that differ by nature under 'ignore'",
        s->scenario->source.name, name, was, is ? is : "gone",
        s->scenario->has_reset ? "mend 'reset'" : "write a 'reset', the default truncates every table");
  }
  return PGR_OK;
}

pgr_code pgr_stage_query(const pgr_stage *s, const char *what, const pgr_template *sql, PGresult **out, pgr_err *err) {
  pgr_buf text;
  pgr_err reason = {0};
  pgr_code code = fill(s, sql, 0, 0, &text, err);
  if (!code) code = explain(s, pgr_db_query(s->db, pgr_buf_text(&text), 0, NULL, out, &reason), what, &reason, err);
  pgr_buf_deinit(&text);
  return code;
}
