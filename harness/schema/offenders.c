/* Rows that break a rule already. Every query runs through a cursor: it is parsed as one statement that only reads, so
 * nothing that a declaration says can end the transaction or change a row; and it runs once, for the count and for the
 * rows that are shown. */
#include "installed_internal.h"

#include "pgr_mem.h"
#include "pgr_names.h"
#include "pgr_utf8.h"
#include "pgr_yaml.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CELL_BYTES = 200, QUERIES_MAX = 3 };

/* Rows that row level security hides are an error, for nobody could tell whether they break the rule. */
static const char see_all[] = "SET LOCAL row_security = off; SAVEPOINT pgrace_all_rows";

static const char opening[] = "DECLARE pgrace_offenders NO SCROLL CURSOR FOR\n";

typedef struct asking {
  pgr_db *db;
  const pgr_trigger *t;
  pgr_arena *arena;
  pgr_err *err;
  pgr_offenders *out; /* QUERIES_MAX */
  size_t count;
  bool ready; /* the table is there, with the columns: else there are no rows to break anything */
} asking;

static pgr_code no_memory(const asking *a) {
  return pgr_fail(a->err, PGR_ENOMEM, "out of memory");
}

/* ---- what a query that fails says ---- */

/* Where the server saw the error, in trigger.yaml: it counts the characters of what was sent. key: "existing". */
static pgr_place_in place_of(const asking *a, const char *key, const char *query) {
  pgr_faults ignored = {0};
  pgr_yaml yaml;
  pgr_place_in at = {0};
  size_t position = (size_t)pgr_db_error_position(a->db), before = strlen(opening), offset = 0;
  if (!a->t->declaration.text || !pgr_yaml_open(&yaml, &a->t->declaration, "trigger", &ignored)) {
    pgr_faults_deinit(&ignored);
    return at;
  }
  for (size_t left = position > before ? position - before - 1 : 0; left > 0 && query[offset]; left--) {
    offset++;
    while (((unsigned char)query[offset] & 0xC0) == 0x80)
      offset++;
  }
  const yaml_node_t *node = pgr_yaml_find(&yaml, key, NULL);
  if (node && node->type == YAML_SCALAR_NODE && position > before)
    at = pgr_place_at(yaml.source, pgr_yaml_offset(&yaml, node, offset));
  else if (node)
    at = pgr_yaml_place(&yaml, node);
  pgr_yaml_close(&yaml);
  pgr_faults_deinit(&ignored);
  return at;
}

/* Whether row level security alone forbids the query: it has the same SQLSTATE as a privilege that is missing, and
 * messages are translated. Then *advice says what to do. */
static bool is_hidden(const asking *a, const char *declare, char advice[300]) {
  pgr_err ignored;
  PGresult *done = NULL;
  char role[64] = "";
  pgr_buf name;
  if (pgr_db_exec(a->db, "ROLLBACK TO SAVEPOINT pgrace_all_rows; SET LOCAL row_security = on", &ignored) ||
      pgr_db_query_text(a->db, "SELECT current_user", role, sizeof role, &ignored) ||
      pgr_db_query(a->db, declare, 0, NULL, &done, &ignored))
    return false;
  PQclear(done);
  pgr_buf_init(&name, 0);
  pgr_sql_name(role, &name);
  snprintf(advice, 300,
           ": rows that %.140s may not see can break the rule too: ask as a role with BYPASSRLS, or as the table's "
           "owner, unless it has FORCE ROW LEVEL SECURITY",
           pgr_buf_text(&name));
  pgr_buf_deinit(&name);
  return true;
}

/* key: of trigger.yaml, what the query is made of. */
static pgr_code blame(const asking *a, pgr_code code, const char *key, const char *query, const char *declare,
                      const pgr_err *reason) {
  char advice[300] = "";
  if (code != PGR_EDATABASE || !pgr_db_blames_sql(a->db)) return pgr_fail(a->err, code, "%s", reason->msg);
  bool denied = strcmp(pgr_db_sqlstate(a->db), "42501") == 0;
  pgr_place_in at = place_of(a, key, query);
  if (denied && !is_hidden(a, declare, advice)) *advice = '\0';
  code = denied ? PGR_EDATABASE : PGR_EUSAGE;
  const char *file = a->t->declaration.name ? a->t->declaration.name : a->t->name;
  if (at.line)
    return pgr_fail(a->err, code, "%s:%d:%d: the query of '%s': %s%s", file, at.line, at.column, key, reason->msg,
                    advice);
  return pgr_fail(a->err, code, "%s: the query of '%s': %s%s", file, key, reason->msg, advice);
}

/* ---- asking ---- */

static const char *cell(const asking *a, const PGresult *rows, int row, int column, bool *failed) {
  char cut[CELL_BYTES];
  if (PQgetisnull(rows, row, column)) return NULL;
  pgr_utf8_copy(cut, sizeof cut, PQgetvalue(rows, row, column));
  const char *text =
      pgr_arena_printf(a->arena, "%s%s", cut, strlen(PQgetvalue(rows, row, column)) > strlen(cut) ? "…" : "");
  *failed = *failed || !text;
  return text;
}

static pgr_code keep(const asking *a, const PGresult *rows, pgr_offenders *out) {
  bool failed = false;
  out->column_count = (size_t)PQnfields(rows);
  out->shown = (size_t)PQntuples(rows);
  const char **columns = pgr_arena_alloc(a->arena, (out->column_count + 1) * sizeof *columns);
  const char **cells = pgr_arena_alloc(a->arena, (out->column_count * out->shown + 1) * sizeof *cells);
  if (!columns || !cells) return no_memory(a);
  for (size_t i = 0; i < out->column_count; i++) {
    columns[i] = pgr_arena_strdup(a->arena, PQfname(rows, (int)i));
    failed = failed || !columns[i];
  }
  for (size_t i = 0; i < out->column_count * out->shown; i++)
    cells[i] = cell(a, rows, (int)(i / out->column_count), (int)(i % out->column_count), &failed);
  out->columns = columns;
  out->cells = cells;
  return failed ? no_memory(a) : PGR_OK;
}

static pgr_code fetch(const asking *a, const char *declare, pgr_offenders *out, pgr_err *reason) {
  char move[64];
  PGresult *done = NULL, *rows = NULL;
  snprintf(move, sizeof move, "FETCH %d FROM pgrace_offenders", PGR_OFFENDERS_SHOWN);
  pgr_code code = pgr_db_query(a->db, declare, 0, NULL, &done, reason);
  if (code) return code;
  PQclear(done);
  code = pgr_db_query(a->db, move, 0, NULL, &rows, reason);
  if (code) return code;
  code = keep(a, rows, out);
  PQclear(rows);
  if (code) return pgr_fail(reason, code, "out of memory");
  code = pgr_db_query(a->db, "MOVE FORWARD ALL IN pgrace_offenders", 0, NULL, &done, reason);
  if (code) return code;
  out->count = (int64_t)out->shown + strtoll(PQcmdTuples(done), NULL, 10);
  PQclear(done);
  return pgr_db_exec(a->db, "CLOSE pgrace_offenders", reason);
}

/* One query; its answer is added. */
static pgr_code ask(asking *a, const char *key, const char *source, const char *query) {
  pgr_err reason;
  pgr_buf declare;
  pgr_offenders *out = &a->out[a->count++];
  *out = (pgr_offenders){.rule = a->t->name, .source = source};
  if (!source) return no_memory(a);
  if (!a->ready) return PGR_OK;
  pgr_buf_init(&declare, 0);
  pgr_buf_adds(&declare, opening);
  pgr_buf_adds(&declare, query);
  pgr_code code =
      declare.failed ? pgr_fail(&reason, PGR_ENOMEM, "out of memory") : fetch(a, pgr_buf_text(&declare), out, &reason);
  if (code) code = blame(a, code, key, query, pgr_buf_text(&declare), &reason);
  pgr_buf_deinit(&declare);
  return code;
}

/* ---- the queries of a rule ---- */

/* The key's columns, and whether all that the rule speaks of is there yet: a migration may make it together with the
 * trigger. *key: texts in the arena. */
static pgr_code find_table(asking *a, const char *const **key, int *key_count) {
  const pgr_rule *rule = &a->t->rule;
  pgr__relation relation;
  pgr_rule_target target = {0};
  *key_count = 0;
  pgr_code code = pgr__relation_find(a->db, rule->schema, rule->table, &relation, a->err);
  if (code || (relation.kind != 'r' && relation.kind != 'p')) return code;
  code = pgr_installed_table(a->db, rule->schema, rule->table, a->arena, &target, a->err);
  int there = 0;
  for (int i = 0; i < rule->column_count && !code; i++)
    for (int k = 0; k < target.column_count; k++)
      there += strcmp(rule->columns[i].name, target.columns[k].name) == 0;
  a->ready = there == rule->column_count;
  *key = target.key;
  *key_count = target.key_count;
  return code;
}

static pgr_code ask_rows(asking *a, const char *const *key, int key_count) {
  pgr_buf query;
  pgr_code code = PGR_OK;
  pgr_buf_init(&query, 0);
  pgr_rule_write_existing(&a->t->rule, key, key_count, &query);
  if (query.failed) code = no_memory(a);
  if (!code && query.len)
    code = ask(a, "rule", pgr_arena_printf(a->arena, "rows of %s", a->t->rule.table), pgr_buf_text(&query));
  pgr_buf_deinit(&query);
  return code;
}

static pgr_code ask_history(asking *a) {
  pgr_buf query;
  pgr_buf_init(&query, 0);
  pgr_rule_write_history(&a->t->rule, &query);
  pgr_code code = query.failed ? no_memory(a) : PGR_OK;
  if (!code && query.len)
    code =
        ask(a, "history", pgr_arena_printf(a->arena, "history in %s", a->t->rule.history.table), pgr_buf_text(&query));
  pgr_buf_deinit(&query);
  return code;
}

pgr_code pgr_installed_offenders(pgr_db *db, const pgr_trigger *t, pgr_arena *arena, const pgr_offenders **out,
                                 size_t *count, pgr_err *err) {
  asking a = {.db = db, .t = t, .arena = arena, .err = err, .out = pgr_arena_alloc(arena, QUERIES_MAX * sizeof *a.out)};
  pgr__look look;
  const char *const *key = NULL;
  int key_count = 0;
  *out = a.out;
  *count = 0;
  if (!a.out) return no_memory(&a);
  pgr_code code = pgr__look_begin(&look, db, err);
  if (code) return code;
  code = pgr_db_exec(db, see_all, err);
  if (!code) code = find_table(&a, &key, &key_count);
  if (!code && t->rule.column_count) code = ask_rows(&a, key, key_count);
  if (!code && t->rule.column_count && t->rule.history.table) code = ask_history(&a);
  if (!code && t->rule.existing) code = ask(&a, "existing", "the query in trigger.yaml", t->rule.existing);
  *count = a.count;
  return pgr__look_end(&look, code, err);
}
