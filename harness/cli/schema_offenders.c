/* Rows that break a rule before it is installed: asked for, and shown. */
#include "schema_offenders.h"

#include "pgr_names.h"
#include "pgr_rule_text.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

static pgr_code table_exists(pgr_db *db, const pgr_rule *rule, bool *out, pgr_err *err) {
  pgr_buf name;
  PGresult *answer = NULL;
  pgr_buf_init(&name, 0);
  pgr_sql_qualified(rule->schema, rule->table, &name);
  const char *values[] = {pgr_buf_text(&name)};
  pgr_code code = pgr_db_query(db, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", 1, values, &answer, err);
  if (!code) *out = strcmp(PQgetvalue(answer, 0, 0), "t") == 0;
  if (!code) PQclear(answer);
  pgr_buf_deinit(&name);
  return code;
}

/* The server did not let us: a privilege, row level security, a timeout. Whoever accepts all rows need not know them.
 */
static pgr_code not_asked(const pgr_schema_asking *a, pgr_schema_worries *w, pgr_code code, const pgr_err *reason,
                          pgr_err *err) {
  bool refused = code == PGR_EDATABASE && PQstatus(pgr_db_raw(a->db)) == CONNECTION_OK;
  if (!refused) return pgr_fail(err, code, "%s", reason->msg);
  if (!a->accepts) return pgr_fail(err, code, "%.560s; or go on without asking, with --accept-existing", reason->msg);
  pgr_utf8_copy(w->unasked, sizeof w->unasked, reason->msg);
  return PGR_OK;
}

static pgr_code ask(const pgr_schema_asking *a, const pgr_trigger *trigger, pgr_schema_worries *w, pgr_err *err) {
  pgr_schema_worry *one = &w->items[w->count];
  bool exists = false;
  pgr_err reason;
  *one = (pgr_schema_worry){.trigger = trigger};
  pgr_code code = table_exists(a->db, &trigger->rule, &exists, &reason);
  if (code) return not_asked(a, w, code, &reason, err);
  if (!exists) {
    if (a->only_looks) snprintf(w->unasked, sizeof w->unasked, "its table is not there yet");
    return PGR_OK;
  }
  code = pgr_installed_offenders(a->db, trigger, a->arena, &one->offenders, &one->count, &reason);
  if (code == PGR_EUSAGE && a->may_be_early) {
    snprintf(w->unasked, sizeof w->unasked, "%.200s", reason.msg);
    return PGR_OK;
  }
  if (code) return not_asked(a, w, code, &reason, err);
  for (size_t i = 0; i < one->count; i++)
    one->rows += one->offenders[i].count;
  w->rows += one->rows;
  w->count++;
  return PGR_OK;
}

pgr_code pgr_schema_ask(const pgr_schema_asking *a, const pgr_migration *migration, pgr_schema_worries *out,
                        pgr_err *err) {
  pgr_code code = PGR_OK;
  *out = (pgr_schema_worries){.count = 0};
  for (size_t i = 0; !code && i < migration->up.part_count; i++) {
    const pgr_trigger *trigger = NULL;
    const pgr_version *version = NULL;
    if (!pgr_triggers_of_part(a->triggers, &migration->up.parts[i], &trigger, &version)) continue;
    if (version == pgr_trigger_latest(trigger)) code = ask(a, trigger, out, err);
  }
  return code;
}

/* NULL is told from the texts NULL and nothing. */
static const char *cell_text(const char *cell) {
  if (!cell) return "NULL";
  if (strcmp(cell, "NULL") == 0) return "'NULL'";
  return *cell ? cell : "''";
}

static void print_offenders(const pgr_offenders *o) {
  char count[PGR_TEXT_BYTES], source[PGR_SCHEMA_CELL_BYTES];
  pgr_schema_columns columns = {.count = o->column_count, .indent = 4};
  const char *cells[(PGR_OFFENDERS_SHOWN + 1) * PGR_SCHEMA_COLUMNS_MAX];
  if (columns.count > PGR_SCHEMA_COLUMNS_MAX) columns.count = PGR_SCHEMA_COLUMNS_MAX;
  for (size_t i = 0; i < columns.count; i++)
    cells[i] = o->columns[i];
  for (size_t row = 0; row < o->shown; row++)
    for (size_t i = 0; i < columns.count; i++)
      cells[(row + 1) * columns.count + i] = cell_text(o->cells[row * o->column_count + i]);
  printf("  %s: %s", pgr_schema_show(o->source, source), pgr_format_count(count, o->count));
  if ((int64_t)o->shown < o->count) printf(", the first %zu of them", o->shown);
  putchar('\n');
  pgr_schema_columns_measure(&columns, cells, o->shown + 1);
  pgr_schema_columns_fit(&columns);
  pgr_schema_columns_print(&columns, cells, o->shown + 1);
}

static void print_worry(const pgr_schema_worry *w) {
  char name[PGR_SCHEMA_CELL_BYTES];
  pgr_buf words;
  pgr_buf_init(&words, 0);
  printf("  %s\n", pgr_schema_show(w->trigger->name, name));
  if (w->trigger->rule.column_count > 0) pgr_rule_words(&w->trigger->rule, &words);
  pgr_schema_print_wrapped(pgr_buf_text(&words), 4);
  pgr_buf_deinit(&words);
  for (size_t i = 0; i < w->count; i++)
    if (w->offenders[i].count > 0) print_offenders(&w->offenders[i]);
}

void pgr_schema_worries_print(const pgr_schema_worries *w) {
  for (size_t i = 0; i < w->count; i++)
    if (w->items[i].rows > 0) print_worry(&w->items[i]);
}

const char *pgr_schema_rows_break(int64_t rows, char out[PGR_TEXT_BYTES * 2]) {
  char count[PGR_TEXT_BYTES];
  snprintf(out, PGR_TEXT_BYTES * 2, "%s row%s", pgr_format_count(count, rows), rows == 1 ? " breaks" : "s break");
  return out;
}

void pgr_schema_mend_print(void) {
  puts("\nMend these rows, or let them stand with --accept-existing: the rule then holds\n"
       "for what is changed from now on.");
}
