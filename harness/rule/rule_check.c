/* What a rule must not be. The first thing that is wrong is told. */
#include "rule_internal.h"

#include "pgr_names.h"
#include <string.h>

static bool one_line(const char *text) {
  for (; *text; text++)
    if ((unsigned char)*text < 0x20 || *text == 0x7F) return false;
  return true;
}

/* what: "the column's name". */
static pgr_code check_name(const char *name, const char *what, pgr_err *err) {
  if (!name || !*name) return pgr_fail(err, PGR_EUSAGE, "%s is missing", what);
  if (!one_line(name))
    return pgr_fail(err, PGR_EUSAGE, "%s has a control character or several lines: %.80s", what, name);
  if (strlen(name) > PGR_RULE_NAME_BYTES_MAX)
    return pgr_fail(err, PGR_EUSAGE, "%s has %zu bytes and PostgreSQL would cut it at %d, choose a shorter one: %.300s",
                    what, strlen(name), PGR_RULE_NAME_BYTES_MAX, name);
  return PGR_OK;
}

static pgr_code check_line(const char *text, const char *what, pgr_err *err) {
  if (!text || one_line(text)) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "%s must be one line without control characters", what);
}

static pgr_code check_trigger_names(const pgr_rule *rule, pgr_err *err) {
  pgr__trigger triggers[PGR__TRIGGERS_MAX];
  int count = pgr__triggers(rule, triggers);
  pgr_code code = PGR_OK;
  for (int i = 0; i < count && !code; i++) {
    pgr_buf name;
    pgr_buf_init(&name, 0);
    pgr__trigger_name(rule, &triggers[i], i, &name);
    code = name.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory")
                       : check_name(pgr_buf_text(&name), i == 0 ? "the trigger's name" : "a trigger's name", err);
    pgr_buf_deinit(&name);
  }
  return code;
}

static pgr_code check_names(const pgr_rule *rule, pgr_err *err) {
  pgr_code code = check_name(rule->name, "the rule's name", err);
  if (!code) code = check_name(rule->function, "the function's name", err);
  if (!code && rule->schema) code = check_name(rule->schema, "the schema's name", err);
  if (!code) code = check_name(rule->table, "the table's name", err);
  for (int i = 0; i < rule->column_count && !code; i++)
    code = check_name(rule->columns[i].name, "a column's name", err);
  return code ? code : check_trigger_names(rule, err);
}

static pgr_code check_lines(const pgr_rule *rule, pgr_err *err) {
  pgr_code code = check_line(rule->message, "message", err);
  if (!code) code = check_line(rule->why, "why", err);
  if (!code) code = check_line(rule->field, "shown: field", err);
  if (!code) code = check_line(rule->shown, "shown: message", err);
  if (!code) code = check_line(rule->decision, "decision", err);
  if (!code && rule->column_count > 0 && (!rule->message || !*rule->message))
    code = pgr_fail(err, PGR_EUSAGE, "message is missing: what the error says, like 'This is already assigned.'");
  return code;
}

static pgr_code check_sqlstate(const pgr_rule *rule, pgr_err *err) {
  const char *s = rule->sqlstate;
  if (strlen(s) == 5 && strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5 && s[0] == '2' && s[1] == '3')
    return PGR_OK;
  return pgr_fail(
      err, PGR_EUSAGE,
      "sqlstate '%.5s' is not of class 23, by which drivers know that a constraint was broken: leave it out, "
      "or write '23514'",
      s);
}

static pgr_code check_history(const pgr_rule *rule, pgr_err *err) {
  char schema[64], table[64];
  int given = (rule->history.table != NULL) + (rule->history.key != NULL) + (rule->history.order != NULL);
  if (given == 0) return PGR_OK;
  if (given < 3)
    return pgr_fail(err, PGR_EUSAGE,
                    "history needs all three: the table of earlier values, the key of what they belong to, and the "
                    "column that orders them (%s is missing)",
                    !rule->history.table ? "table"
                    : !rule->history.key ? "key"
                                         : "order");
  if (!pgr_sql_read_qualified(rule->history.table, schema, table))
    return pgr_fail(err, PGR_EUSAGE, "history: '%.200s' is no table's name, write it like app.status_changes",
                    rule->history.table);
  pgr_code code = check_name(rule->history.key, "history: the key's name", err);
  return code ? code : check_name(rule->history.order, "history: the order's name", err);
}

/* A value that no row can ever have: what the rule says of it is a slip, or its begins are. */
static pgr_code check_reachable(const pgr_rule_column *column, pgr_err *err) {
  pgr_state states[PGR_STATES_MAX];
  bool reached[PGR_STATES_MAX];
  int via[PGR_STATES_MAX], count = pgr__every_state(column, states);
  pgr__reach(column, states, count, reached, via);
  for (int i = 0; i < count; i++)
    if (states[i].side.kind == PGR_SIDE_VALUE && !reached[i])
      return pgr_fail(err, PGR_EUSAGE,
                      "column %.64s: no row can ever have the value '%.200s': no new row begins with it and no allowed "
                      "change leads to it",
                      column->name, states[i].side.value);
  return PGR_OK;
}

static pgr_code check_column(const pgr_rule *rule, int which, pgr_err *err) {
  const pgr_rule_column *column = &rule->columns[which];
  for (int i = 0; i < which; i++)
    if (strcmp(rule->columns[i].name, column->name) == 0)
      return pgr_fail(err, PGR_EUSAGE, "column %.64s is ruled twice: put all that is allowed into one list",
                      column->name);
  if (!column->same && column->change_count == 0)
    return pgr_fail(
        err, PGR_EUSAGE,
        "column %.64s: no change is allowed, not even to what is there: write at least 'same', or 'null->any, "
        "any->any, any->null, same' for all of them",
        column->name);
  if (column->begins_ruled && column->begin_count == 0)
    return pgr_fail(err, PGR_EUSAGE, "column %.64s: no new row is allowed: write what one may begin with",
                    column->name);
  if (column->begins_ruled && !pgr__refuses_begins(column))
    return pgr_fail(err, PGR_EUSAGE, "column %.64s: any new row is allowed (null and any): leave insert out",
                    column->name);
  if (!pgr__refuses_changes(column) && !pgr__refuses_begins(column))
    return pgr_fail(err, PGR_EUSAGE,
                    "column %.64s: everything is allowed, so there is nothing to be checked: leave it out",
                    column->name);
  return check_reachable(column, err);
}

pgr_code pgr_rule_check(const pgr_rule *rule, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int i = 0; i < rule->column_count && !code; i++)
    code = check_name(rule->columns[i].name, "a column's name", err);
  for (int i = 0; i < rule->column_count && !code; i++)
    code = check_column(rule, i, err);
  if (!code) code = check_names(rule, err);
  if (!code) code = check_lines(rule, err);
  if (!code) code = check_sqlstate(rule, err);
  if (!code) code = check_history(rule, err);
  return code;
}
