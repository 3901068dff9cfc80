/* The scenario of a rule, written. Invariant: what comes from names and values of others is quoted in every language
 * that it is written in: SQL, the variables of scripts in it, YAML; and nothing of it is in a script's comments. */
#include "schema_scenario.h"

#include "schema_contest.h"
#include "schema_quote.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_MAX = 9, SMALLINT_KEYS = 30000, NOT_FOUND = -1 };

/* How the number of a key becomes a value of its column. */
typedef enum key_form { KEY_NONE, KEY_NUMBER, KEY_TEXT, KEY_UUID } key_form;

typedef struct writing {
  const pgr_schema_scenario_input *input;
  const pgr_rule *rule;
  const pgr_rule_target *target;
  const pgr_rule_target_column *key; /* the column of the key that is another one for each key; the others are fixed */
  key_form form;
  int64_t last_key; /* 0: as many as there can be */
  pgr_contest_column columns[PGR_RULE_COLUMNS_MAX];
  pgr_contest contest;
  bool tries, restarts; /* there is a transitions.sql, a restart.sql */
  pgr_arena *arena;
  pgr_buf *remarks;
} writing;

static const pgr_rule_target_column *contested(const writing *w) {
  return w->columns[w->contest.column].target;
}

/* ---- the key ---- */

static int64_t power_of_ten(long digits) {
  int64_t n = 1;
  for (long i = 0; i < digits && i < DIGITS_MAX; i++)
    n *= 10;
  return n;
}

/* The number behind the parenthesis of a type, 0 where there is none. */
static long length_of(const char *type) {
  const char *parenthesis = strchr(type, '(');
  return parenthesis ? strtol(parenthesis + 1, NULL, 10) : 0;
}

static key_form form_of(const pgr_rule_target_column *c, int64_t *last) {
  long length = length_of(c->type);
  *last = length > 0 ? power_of_ten(length) - 1 : 0;
  if (strcmp(c->type, "smallint") == 0) *last = SMALLINT_KEYS;
  if (strcmp(c->type, "uuid") == 0) return KEY_UUID;
  if (strcmp(c->type, "\"char\"") == 0 || strcmp(c->type, "money") == 0) return KEY_NONE;
  return c->category == 'N' ? KEY_NUMBER : c->category == 'S' ? KEY_TEXT : KEY_NONE;
}

static pgr_code find_key(writing *w, pgr_err *err) {
  const pgr_rule *rule = w->rule;
  const char *type = "none";
  if (w->target->key_count == 0)
    return pgr_fail(err, PGR_EUSAGE,
                    "the table %s has no primary key, by which a scenario tells its rows apart: give it one, or give "
                    "--no-scenario",
                    rule->table);
  for (int i = 0; i < w->target->key_count; i++) {
    const pgr_rule_target_column *c = pgr_contest_find_column(w->target, w->target->key[i]);
    for (int k = 0; c && k < rule->column_count; k++)
      if (strcmp(rule->columns[k].name, c->name) == 0)
        return pgr_fail(err, PGR_EUSAGE,
                        "the column %s is part of the primary key, and a scenario needs a key that stays: give "
                        "--no-scenario",
                        c->name);
    if (c) type = c->type;
    if (!c || w->key) continue;
    w->form = form_of(c, &w->last_key);
    if (w->form != KEY_NONE) w->key = c;
  }
  if (w->key) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE,
                  "the key of %s is of the type %s, whose values cannot be made of numbers (integers, text, uuid can): "
                  "give --no-scenario",
                  rule->table, type);
}

static void put_key(const writing *w, const char *number, pgr_buf *out) {
  if (w->form == KEY_UUID)
    pgr_buf_addf(out, "lpad(%s::text, 32, '0')::uuid", number);
  else
    pgr_buf_addf(out, w->form == KEY_TEXT ? "%s::text" : "%s", number);
}

static bool is_fixed_key(const writing *w, const pgr_rule_target_column *c) {
  for (int i = 0; i < w->target->key_count; i++)
    if (c != w->key && strcmp(w->target->key[i], c->name) == 0) return true;
  return false;
}

/* The condition that finds the row. operation: " = " with a number's expression, or " IN " with a query. */
static void put_where(const writing *w, const char *alias, const char *operation, const char *number, pgr_buf *out) {
  bool query = strcmp(operation, " IN ") == 0;
  pgr_buf_adds(out, alias);
  pgr_quote_name(w->key->name, out);
  pgr_buf_addf(out, "%s%s", operation, query ? "(SELECT " : "");
  put_key(w, number, out);
  if (query) pgr_buf_adds(out, " FROM generate_series(:first_key, :last_key) AS k)");
  for (int i = 0; i < w->target->column_count; i++) {
    const pgr_rule_target_column *c = &w->target->columns[i];
    if (!is_fixed_key(w, c)) continue;
    pgr_buf_addf(out, " AND %s", alias);
    pgr_quote_name(c->name, out);
    pgr_buf_adds(out, " = ");
    pgr_quote_value(c, c->values[0], out);
  }
}

/* ---- the seed ---- */

static int ruled(const writing *w, const char *name) {
  for (int i = 0; i < w->rule->column_count; i++)
    if (strcmp(w->rule->columns[i].name, name) == 0) return i;
  return NOT_FOUND;
}

/* What a new row has there; *left_out: nothing is written. false: a value is needed, and pgrace knows none. */
static bool first_value(const writing *w, const pgr_rule_target_column *c, const char **value, bool *left_out) {
  int i = ruled(w, c->name);
  pgr_state begin = w->contest.before[0];
  *value = c->values[0];
  if (i != NOT_FOUND) {
    if (i != w->contest.column && !pgr_contest_begin(&w->rule->columns[i], &w->columns[i], &begin)) return false;
    *value = pgr_contest_text(&w->columns[i], begin);
    *left_out = false;
    return true;
  }
  bool key = is_fixed_key(w, c);
  *left_out = !key && (c->generated || !c->not_null || c->has_default); /* table.sql has the others only */
  return *left_out || *value;
}

/* false: a column needs a value that is not known; a remark says which. */
static bool put_insert(const writing *w, pgr_buf *out) {
  pgr_buf values;
  bool known = true;
  pgr_buf_init(&values, 0);
  pgr_buf_adds(out, "INSERT INTO ");
  pgr_quote_table(w->rule, out);
  pgr_buf_adds(out, " (");
  pgr_quote_name(w->key->name, out);
  put_key(w, "k", &values);
  for (int i = 0; known && i < w->target->column_count; i++) {
    const pgr_rule_target_column *c = &w->target->columns[i];
    const char *value;
    bool left_out;
    if (c == w->key) continue;
    known = first_value(w, c, &value, &left_out);
    if (!known)
      pgr_buf_addf(w->remarks,
                   "No scenario was written: a row needs a value of %s, of the type %s, and pgrace knows none.\n",
                   c->name, c->type);
    if (!known || left_out) continue;
    pgr_buf_adds(out, ", ");
    pgr_quote_name(c->name, out);
    pgr_buf_adds(&values, ", ");
    pgr_quote_value(c, value, &values);
  }
  pgr_buf_addf(out, ")%s\n  SELECT %s\n  FROM generate_series(:first_key, :last_key) AS k",
               w->key->generated ? " OVERRIDING SYSTEM VALUE" : "", pgr_buf_text(&values));
  out->failed |= values.failed;
  pgr_buf_deinit(&values);
  return known;
}

static void put_update(const writing *w, pgr_state to, pgr_buf *out) {
  const pgr_rule_target_column *c = contested(w);
  pgr_buf_adds(out, "UPDATE ");
  pgr_quote_table(w->rule, out);
  pgr_buf_adds(out, " SET ");
  pgr_quote_name(c->name, out);
  pgr_buf_adds(out, " = ");
  pgr_quote_value(c, pgr_contest_text(&w->columns[w->contest.column], to), out);
}

static bool put_seed(const writing *w, pgr_buf *out) {
  if (!put_insert(w, out)) return false;
  for (int i = 1; i < w->contest.before_count; i++) {
    pgr_buf_adds(out, ";\n");
    put_update(w, w->contest.before[i], out);
    pgr_buf_adds(out, "\n  WHERE ");
    put_where(w, "", " IN ", "k", out);
  }
  return true;
}

/* ---- change.sql ---- */

static bool writes_null(const pgr_contest *c) {
  bool null = c->stale.side.kind == PGR_SIDE_NULL;
  for (int i = 0; i < c->step_count; i++)
    null = null || c->steps[i].side.kind == PGR_SIDE_NULL;
  return null;
}

static void put_check(const writing *w, pgr_buf *out) {
  const pgr_rule_target_column *c = contested(w);
  pgr_state from = w->contest.before[w->contest.before_count - 1];
  const char *text = pgr_contest_text(&w->columns[w->contest.column], from);
  pgr_buf_adds(out, "SELECT ");
  pgr_quote_name(c->name, out);
  if (text) {
    pgr_buf_adds(out, writes_null(&w->contest) ? " IS NOT DISTINCT FROM " : " = ");
    pgr_quote_value(c, text, out);
  }
  pgr_buf_addf(out, "%s FROM ", text ? " AS unchanged" : " IS NULL AS unchanged");
  pgr_quote_table(w->rule, out);
  pgr_buf_adds(out, " WHERE ");
  put_where(w, "", " = ", ":key", out);
  pgr_buf_adds(out, " \\gset\n\\if not :unchanged\n  \\refuse\n\\endif\n\\sleep :gap us\n");
}

static void put_write(const writing *w, const char *indent, pgr_state to, pgr_buf *out) {
  pgr_buf_adds(out, indent);
  put_update(w, to, out);
  pgr_buf_adds(out, " WHERE ");
  put_where(w, "", " = ", ":key", out);
  pgr_buf_adds(out, ";\n");
}

static void put_own_write(const writing *w, pgr_buf *out) {
  const pgr_rule_target_column *c = contested(w);
  pgr_buf_adds(out, "UPDATE ");
  pgr_quote_table(w->rule, out);
  pgr_buf_adds(out, " SET ");
  pgr_quote_name(c->name, out);
  if (strcmp(c->type, "uuid") == 0)
    pgr_buf_adds(out, " = lpad(:agent::text, 32, '0')::uuid");
  else if (c->category != 'N')
    pgr_buf_adds(out, " = 'agent ' || :agent");
  else if (w->contest.number_base)
    pgr_buf_addf(out, " = %d + :agent", w->contest.number_base);
  else
    pgr_buf_adds(out, " = :agent");
  pgr_buf_adds(out, " WHERE ");
  put_where(w, "", " = ", ":key", out);
  pgr_buf_adds(out, ";\n");
}

/* Who takes the steps. Of several steps the last is easily overtaken by others' first, so that the row would not show
 * what happened: then one agent goes all the way. */
static const char *which_agents(const pgr_contest *c) {
  return c->step_count > 1 ? " = 1" : " % 2 = 1";
}

static void put_change(const writing *w, pgr_buf *out) {
  const pgr_contest *c = &w->contest;
  pgr_buf_adds(out, "-- Check, then write: between the two another agent can do the same. The language is pgbench's, "
                    "see docs/scenarios.md.\n");
  put_check(w, out);
  if (c->kind == PGR_CONTEST_OWN) {
    put_own_write(w, out);
  } else if (c->kind == PGR_CONTEST_SAME) {
    put_write(w, "", c->stale, out);
  } else {
    pgr_buf_addf(out, "\\if :agent%s\n", which_agents(c));
    for (int i = 0; i < c->step_count; i++)
      put_write(w, "  ", c->steps[i], out);
    pgr_buf_adds(out, "\\else\n");
    put_write(w, "  ", c->stale, out);
    pgr_buf_adds(out, "\\endif\n");
  }
}

/* ---- NAME.yaml ---- */

static void put_line(const char *key, const pgr_buf *value, pgr_buf *out) {
  pgr_buf_addf(out, "%s: ", key);
  pgr_quote_yaml(pgr_buf_text(value), out);
  pgr_buf_adds(out, "\n");
  out->failed |= value->failed;
}

static void put_head(const writing *w, pgr_buf *out) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_addf(out,
               "# The rule of the trigger %s, as a race: pgrace run races it, pgrace explore\n"
               "# proves it. docs/scenarios.md explains every key.\n",
               w->rule->name);
  pgr_buf_addf(&text, "agents change %s of one row of %s", contested(w)->name, w->rule->table);
  put_line("title", &text, out);
  pgr_buf_clear(&text);
  pgr_rule_words(w->rule, &text);
  pgr_buf_adds(&text, " Between the check and the write another agent can do the same: the trigger looks at the row as "
                      "it is when it is written.");
  pgr_buf_adds(out, "lesson: ");
  pgr_quote_folded(pgr_buf_text(&text), 2, out);
  if (w->rule->why) {
    pgr_buf_adds(out, "broken: ");
    pgr_quote_yaml(w->rule->why, out);
    pgr_buf_adds(out, "\n");
  }
  out->failed |= text.failed;
  pgr_buf_deinit(&text);
}

/* What must hold of the last step and of what the others write, judged by what agents were told and by the row. */
static void put_invariant(const writing *w, pgr_buf *out) {
  const pgr_contest *c = &w->contest;
  const pgr_rule_target_column *column = contested(w);
  const char *text = pgr_contest_text(&w->columns[c->column], c->stale);
  pgr_buf rule, sql;
  pgr_buf_init(&rule, 0);
  pgr_buf_init(&sql, 0);
  pgr_buf_adds(&rule, c->both_ways ? "a row does not become both " : "a row does not go from ");
  pgr_state_words(c->steps[c->step_count - 1], &rule);
  pgr_buf_adds(&rule, c->both_ways ? " and " : " to ");
  pgr_state_words(c->stale, &rule);
  if (c->both_ways) {
    pgr_buf_adds(&sql, "-- Agents with an odd number were told one thing, those with an even one the other.\n"
                       "SELECT key FROM pgrace_history WHERE outcome = 'ok'\n"
                       "GROUP BY key HAVING count(DISTINCT agent % 2) > 1");
  } else {
    pgr_buf_adds(&sql, "-- Who took the first branch of change.sql was told that the row came further than it did.\n"
                       "SELECT DISTINCT h.key FROM pgrace_history h JOIN ");
    pgr_quote_table(w->rule, &sql);
    pgr_buf_adds(&sql, " t ON ");
    put_where(w, "t.", " = ", "h.key", &sql);
    pgr_buf_addf(&sql, "\nWHERE h.outcome = 'ok' AND h.agent%s AND t.", which_agents(c));
    pgr_quote_name(column->name, &sql);
    pgr_buf_adds(&sql, text ? " = " : " IS ");
    pgr_quote_value(column, text, &sql);
  }
  pgr_buf_adds(out, "\ninvariants:\n");
  put_line("  - rule", &rule, out);
  pgr_buf_adds(out, "    sql: ");
  pgr_quote_block(pgr_buf_text(&sql), 6, out);
  out->failed |= sql.failed;
  pgr_buf_deinit(&rule);
  pgr_buf_deinit(&sql);
}

static void put_rejections(const writing *w, pgr_buf *out) {
  const pgr_rule *rule = w->rule;
  pgr_buf_addf(out, "\nrejections:\n  - sqlstate: \"%s\"\n    constraint: %s\n    field: ", rule->sqlstate, rule->name);
  pgr_quote_yaml(rule->field ? rule->field : contested(w)->name, out);
  pgr_buf_adds(out, "\n    message: ");
  pgr_quote_yaml(rule->shown ? rule->shown : rule->message, out);
  pgr_buf_adds(out,
               "\n\n# Above READ COMMITTED an UPDATE that met a concurrent change fails: try again, from the check "
               "on.\nretries:\n  - sqlstate: \"40001\"\n    attempts: 30\n");
}

static void put_strategies(const writing *w, pgr_buf *out) {
  pgr_buf_adds(out, "\nstrategies:\n"
                    "  - name: naive # the control: unless it races, that the trigger does not proves nothing\n"
                    "    summary: check, then write\n"
                    "    isolation: {read committed: race, repeatable read: race, serializable: race}\n"
                    "  - name: trigger\n"
                    "    summary: the same code, and the trigger\n"
                    "    install:\n"
                    "      - ");
  pgr_quote_yaml(w->input->version_path, out);
  if (w->tries) pgr_buf_adds(out, "\n      - transitions.sql # every change of every column, tried");
  if (w->restarts) pgr_buf_adds(out, "\n      - restart.sql");
  pgr_buf_adds(out, "\n    isolation: {read committed: safe, repeatable read: safe, serializable: safe}\n");
}

/* false: there is no seed, as a remark says. */
static bool put_yaml(const writing *w, pgr_buf *out) {
  pgr_buf seed;
  pgr_buf_init(&seed, 0);
  bool seeded = put_seed(w, &seed);
  put_head(w, out);
  pgr_buf_adds(out, "\nschema: [table.sql]\nseed: ");
  pgr_quote_block(pgr_buf_text(&seed), 2, out);
  out->failed |= seed.failed;
  pgr_buf_deinit(&seed);
  pgr_buf_adds(out, "\nkey:\n  name: row\n");
  if (w->last_key) pgr_buf_addf(out, "  last: %lld # what the type of the key holds\n", (long long)w->last_key);
  pgr_buf_adds(out, "\noperations:\n  - name: change\n    script: change.sql\n");
  if (w->contest.one_wins)
    pgr_buf_adds(out, "\nownership:\n  rule: one agent a row\n  acquire: change\n");
  else
    put_invariant(w, out);
  put_rejections(w, out);
  put_strategies(w, out);
  return seeded;
}

/* ---- all of it ---- */

/* The numbers of keys, ruled columns and rejections, which trying takes from sequences: a scenario begins where a reset
 * leads to. Harmless elsewhere: no sequence of a table with rows is touched. */
static bool put_restart(const writing *w, pgr_buf *out) {
  static const char comment[] = "-- What transitions.sql leaves behind: numbers that what it tried took.\n";
  pgr_buf table;
  pgr_buf_init(&table, 0);
  pgr_quote_table(w->rule, &table);
  for (int i = 0; i < w->target->column_count; i++) {
    const pgr_rule_target_column *c = &w->target->columns[i];
    if (!c->has_default || (c != w->key && !is_fixed_key(w, c) && ruled(w, c->name) == NOT_FOUND)) continue;
    pgr_buf_addf(out, "%sSELECT setval(pg_get_serial_sequence(", out->len ? "" : comment);
    pgr_quote_value(&(pgr_rule_target_column){.type = "text", .category = 'S'}, pgr_buf_text(&table), out);
    pgr_buf_adds(out, ", ");
    pgr_quote_value(&(pgr_rule_target_column){.type = "text", .category = 'S'}, c->name, out);
    pgr_buf_addf(out, "), 1, false) WHERE NOT EXISTS (SELECT FROM %s);\n", pgr_buf_text(&table));
  }
  if (w->rule->log == PGR_RULE_LOG_TABLE)
    pgr_buf_addf(out,
                 "%sSELECT setval(pg_get_serial_sequence('pgrace.rejections', 'id'), 1, false)\n"
                 "  WHERE NOT EXISTS (SELECT FROM pgrace.rejections);\n",
                 out->len ? "" : comment);
  out->failed |= table.failed;
  pgr_buf_deinit(&table);
  return out->len > 0;
}

static bool rules_begins(const pgr_rule *rule) {
  for (int i = 0; i < rule->column_count; i++)
    if (rule->columns[i].begins_ruled) return true;
  return false;
}

/* FNV-1a. Who edits a file does not mean to deceive anybody. */
static uint64_t print_of(const char *text, size_t len) {
  uint64_t print = UINT64_C(14695981039346656037);
  for (size_t i = 0; i < len; i++)
    print = (print ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
  return print;
}

/* The last line, which tells the text above it from one that somebody has edited. */
static const char seal[] = "-- As pgrace wrote it, unless edited, and then new version lets it be: ";
enum { PRINT_DIGITS = 16 };

void pgr_schema_scenario_transitions(const pgr_rule *rule, const pgr_rule_target *target, pgr_buf *out,
                                     pgr_buf *remarks) {
  pgr_buf untested;
  bool begins_ruled = rules_begins(rule);
  pgr_buf_init(&untested, 0);
  pgr_buf_clear(out);
  pgr_rule_write_transitions(rule, target, out, &untested);
  if (out->len > 0) pgr_buf_addf(out, "%s%016" PRIx64 "\n", seal, print_of(pgr_buf_text(out), out->len));
  if (untested.len > 0)
    pgr_buf_addf(remarks, "transitions.sql tries new rows%s. Of them it does not try:\n%s",
                 begins_ruled ? ", which begin as the rule says" : "", pgr_buf_text(&untested));
  if (untested.len > 0 && begins_ruled)
    pgr_buf_adds(remarks, "Rows that are older than the rule may have any value: what becomes of them is ruled too, "
                          "and not tried.\n");
  remarks->failed |= untested.failed;
  pgr_buf_deinit(&untested);
}

bool pgr_schema_scenario_unedited(const char *text) {
  const char *last = NULL;
  char print[PRINT_DIGITS + 2];
  for (const char *hit = text; (hit = strstr(hit, seal)); hit++)
    last = hit;
  if (!last) return false;
  snprintf(print, sizeof print, "%016" PRIx64 "\n", print_of(text, (size_t)(last - text)));
  return strcmp(last + strlen(seal), print) == 0;
}

/* Takes the buffer's text. false: out of memory. */
static bool add_file(const writing *w, const char *name, pgr_buf *text, pgr_schema_scenario_file *out, size_t *count) {
  const char *copy = text->failed ? NULL : pgr_arena_strdup(w->arena, pgr_buf_text(text));
  pgr_buf_clear(text);
  if (!name || !copy) return false;
  out[(*count)++] = (pgr_schema_scenario_file){.name = name, .text = copy};
  return true;
}

static pgr_code write_files(writing *w, pgr_schema_scenario_file *out, size_t *count, pgr_err *err) {
  pgr_buf text, transitions, restart;
  pgr_buf_init(&text, 0);
  pgr_buf_init(&transitions, 0);
  pgr_buf_init(&restart, 0);
  pgr_schema_scenario_transitions(w->rule, w->target, &transitions, w->remarks);
  w->tries = transitions.len > 0 || transitions.failed;
  w->restarts = w->tries && put_restart(w, &restart);
  bool seeded = put_yaml(w, &text);
  bool good = add_file(w, pgr_arena_printf(w->arena, "%s.yaml", w->rule->name), &text, out, count);
  pgr_buf_adds(&text, w->input->table_sql);
  good = good && add_file(w, "table.sql", &text, out, count);
  put_change(w, &text);
  good = good && add_file(w, "change.sql", &text, out, count);
  good = good && (!w->tries || add_file(w, "transitions.sql", &transitions, out, count));
  good = good && (!w->restarts || add_file(w, "restart.sql", &restart, out, count));
  pgr_buf_deinit(&text);
  pgr_buf_deinit(&transitions);
  pgr_buf_deinit(&restart);
  if (!seeded) *count = 0;
  return good ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

/* No race breaks a rule by two agents that write the same where it may be set again, and that may still not be what its
 * author wants. */
static void remark_on_same(const writing *w) {
  for (int i = 0; i < w->rule->column_count; i++)
    if (w->rule->columns[i].same)
      pgr_buf_addf(w->remarks,
                   "Two agents can both set %s to the same value and both be told yes, for an UPDATE may set what is "
                   "there already. If only one may be told yes, leave out 'same'.\n",
                   w->rule->columns[i].name);
}

/* A rule may speak of NULL where the column does not. */
static void remark_on_null(const writing *w) {
  for (int i = 0; i < w->rule->column_count; i++) {
    const pgr_rule_column *column = &w->rule->columns[i];
    bool null = false;
    for (int k = 0; k < column->change_count; k++)
      null = null || column->changes[k].from.kind == PGR_SIDE_NULL || column->changes[k].to.kind == PGR_SIDE_NULL;
    if (null && w->columns[i].target && w->columns[i].target->not_null)
      pgr_buf_addf(w->remarks, "The column %s is NOT NULL: what the rule says of null never happens.\n", column->name);
  }
}

/* Nothing was found to race: because there is nothing, or because no values are known to race with. */
static void remark_on_values(const writing *w) {
  const char *same = NULL; /* a column that may be set again */
  for (int i = 0; i < w->rule->column_count; i++) {
    const pgr_contest_column *c = &w->columns[i];
    pgr_state states[PGR_STATES_MAX];
    int count = pgr_rule_states(&w->rule->columns[i], states);
    if (w->rule->columns[i].same && !same) same = w->rule->columns[i].name;
    if (states[count - 1].side.kind != PGR_SIDE_ANY || !c->target || c->others[1]) continue;
    pgr_buf_addf(w->remarks,
                 "No scenario was written: pgrace does not know two values of the type %s that the rule does not "
                 "name.\n",
                 c->target->type);
    remark_on_same(w);
    return;
  }
  pgr_buf_adds(w->remarks, "No scenario was written: pgrace finds no way in which agents that check and then write "
                           "break this rule, so there is nothing to race.");
  if (same)
    pgr_buf_addf(w->remarks,
                 " What the rule allows is that two of them set %s to the same value and both are told yes, for it "
                 "says 'same'. If only one may be told yes, leave that out.",
                 same);
  pgr_buf_adds(w->remarks, "\n");
}

void pgr_schema_scenario_remarks(const pgr_rule *rule, const pgr_rule_target *target, pgr_buf *remarks) {
  bool begins_ruled = rules_begins(rule);
  if (begins_ruled && (target->partitioned || target->partition))
    pgr_buf_addf(
        remarks,
        "%s is %s, and new rows are ruled: an UPDATE that moves a row to another partition is an INSERT there, "
        "and is refused when the row has no value that a new one may begin with.\n",
        rule->table, target->partitioned ? "partitioned" : "a partition");
  if (target->children > 0)
    pgr_buf_addf(remarks,
                 "%s has children by inheritance, and they do not inherit its triggers: the rule holds for none of "
                 "their rows, also when they are changed through %s.\n",
                 rule->table, rule->table);
}

pgr_code pgr_schema_scenario(const pgr_schema_scenario_input *input, pgr_arena *arena, pgr_schema_scenario_file *out,
                             size_t *count, pgr_buf *remarks, pgr_err *err) {
  writing w = {.input = input, .rule = input->rule, .target = input->target, .arena = arena, .remarks = remarks};
  *count = 0;
  pgr_code code = find_key(&w, err);
  if (code) return code;
  pgr_contest_columns(input->rule, input->target, arena, w.columns);
  remark_on_null(&w);
  bool found = pgr_contest_find(input->rule, w.columns, &w.contest);
  if (found && !w.contest.one_wins) remark_on_same(&w);
  if (!found) {
    remark_on_values(&w);
    return PGR_OK;
  }
  return write_files(&w, out, count, err);
}
