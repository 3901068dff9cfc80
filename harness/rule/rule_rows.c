/* Queries for what broke a rule before there was its trigger, and the transition table as a script. */
#include "rule_internal.h"

#include "pgr_names.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void write_names(const char *const *names, int count, pgr_buf *out) {
  for (int i = 0; i < count; i++) {
    if (i > 0) pgr_buf_adds(out, ", ");
    pgr_sql_name(names[i], out);
  }
}

/* ---- existing rows ---- */

static int named_values(const pgr_rule_column *column, const char *values[PGR_STATES_MAX]) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(column, states), named = 0;
  for (int i = 0; i < count; i++)
    if (states[i].side.kind == PGR_SIDE_VALUE) values[named++] = states[i].side.value;
  return named;
}

/* What the rule does not know: NULL, values that it does not name, or both. */
typedef struct unknown {
  bool null, other;
} unknown;

static unknown unknown_states(const pgr_rule_column *column) {
  pgr_state null = {.side = {.kind = PGR_SIDE_NULL}}, other = {.side = {.kind = PGR_SIDE_ANY}, .other = 1};
  return (unknown){.null = !pgr__knows(column, null), .other = !pgr__knows(column, other)};
}

static void write_unknown(const pgr_rule_column *column, pgr_buf *out) {
  const char *values[PGR_STATES_MAX];
  int count = named_values(column, values);
  unknown u = unknown_states(column);
  if (u.null) {
    pgr_sql_name(column->name, out);
    pgr_buf_adds(out, " IS NULL");
  }
  if (!u.other) return;
  if (u.null) pgr_buf_adds(out, " OR ");
  pgr_sql_name(column->name, out);
  pgr_buf_adds(out, " ");
  if (count > 0)
    pgr__write_not_among(values, count, out);
  else
    pgr_buf_adds(out, "IS NOT NULL");
}

void pgr_rule_write_existing(const pgr_rule *rule, const char *const *key, int key_count, pgr_buf *out) {
  const char *columns[PGR_RULE_COLUMNS_MAX];
  int conditions = 0;
  pgr_buf where;
  pgr_buf_init(&where, 0);
  for (int i = 0; i < rule->column_count; i++) {
    const pgr_rule_column *column = &rule->columns[i];
    unknown u = unknown_states(column);
    columns[i] = column->name;
    if (!u.null && !u.other) continue;
    pgr_buf_adds(&where, conditions++ ? "\n   OR " : "\nWHERE ");
    write_unknown(column, &where);
  }
  if (conditions > 0) {
    pgr_buf_adds(out, "SELECT ");
    write_names(key, key_count, out);
    if (key_count > 0) pgr_buf_adds(out, ", ");
    write_names(columns, rule->column_count, out);
    pgr_buf_adds(out, "\nFROM ");
    pgr__write_table(rule, out);
    pgr_buf_adds(out, pgr_buf_text(&where));
    if (key_count > 0) {
      pgr_buf_adds(out, "\nORDER BY ");
      write_names(key, key_count, out);
    }
    pgr_buf_adds(out, "\n");
  }
  pgr__piece_end(&where, out);
}

/* ---- histories ---- */

static void write_history_table(const pgr_rule *rule, pgr_buf *out) {
  char schema[64], table[64];
  if (pgr_sql_read_qualified(rule->history.table, schema, table))
    pgr_sql_qualified(*schema ? schema : NULL, table, out);
  else
    out->failed = true;
}

/* A condition on steps: a row's first one is a beginning, each other a change of the one before. Steps whose neighbours
 * are not known, because another one has the same place, are none of either. */
static void write_refused_step(const pgr_rule_column *column, bool changes, bool begins, pgr_buf *out) {
  if (begins) {
    pgr_buf_adds(out, "step_rows = 1 AND step_rows_old IS NULL AND (");
    pgr__write_refused_begin(column, "step_new", out);
    pgr_buf_adds(out, ")");
  }
  if (begins && changes) pgr_buf_adds(out, "\n   OR ");
  if (changes) {
    pgr_buf_adds(out, "step_rows = 1 AND step_rows_old = 1 AND (");
    pgr__write_refused(column, "step_old", "step_new", 5, out);
    pgr_buf_adds(out, ")");
  }
}

static void write_column_history(const pgr_rule *rule, const pgr_rule_column *column, bool changes, bool begins,
                                 pgr_buf *out) {
  pgr_buf_adds(out, "SELECT step_key, step_order, ");
  pgr_sql_literal(column->name, out);
  pgr_buf_adds(out,
               ", step_old::text, step_new::text,\n  CASE WHEN step_rows_old IS NULL THEN 'may not begin with this' "
               "ELSE 'may not change so' END\n"
               "FROM (\n  SELECT step_key, step_order, step_new, lag(step_new) OVER earlier AS step_old,\n"
               "    step_rows, lag(step_rows) OVER earlier AS step_rows_old\n"
               "  FROM (SELECT ");
  pgr_sql_name(rule->history.key, out);
  pgr_buf_adds(out, " AS step_key, ");
  pgr_sql_name(rule->history.order, out);
  pgr_buf_adds(out, " AS step_order, ");
  pgr_sql_name(column->name, out);
  pgr_buf_adds(out, " AS step_new,\n          count(");
  pgr_sql_name(rule->history.order, out);
  pgr_buf_adds(out, ") OVER (PARTITION BY ");
  pgr_sql_name(rule->history.key, out);
  pgr_buf_adds(out, ", ");
  pgr_sql_name(rule->history.order, out);
  pgr_buf_adds(out, ") AS step_rows\n        FROM ");
  write_history_table(rule, out);
  pgr_buf_adds(out, ") AS steps\n  WINDOW earlier AS (PARTITION BY step_key ORDER BY step_order)\n) AS steps\nWHERE ");
  write_refused_step(column, changes, begins, out);
  pgr_buf_adds(out, "\n");
}

/* Rows whose place among those of their key is not known, so that nothing can be said of them. It names the columns of
 * the whole query. */
static void write_history_ties(const pgr_rule *rule, pgr_buf *out) {
  const char *const place[] = {rule->history.key, rule->history.order};
  pgr_buf_adds(out, "SELECT ");
  write_names(place, 2, out);
  pgr_buf_adds(out, ", NULL AS \"column\", NULL AS old, NULL AS new,\n  CASE WHEN count(");
  pgr_sql_name(rule->history.order, out);
  pgr_buf_adds(out, ") = 0 THEN 'not compared: the order is NULL'\n"
                    "    ELSE 'not compared: ' || count(*) || ' rows with this order' END AS fault\nFROM ");
  write_history_table(rule, out);
  pgr_buf_adds(out, "\nGROUP BY ");
  write_names(place, 2, out);
  pgr_buf_adds(out, "\nHAVING count(");
  pgr_sql_name(rule->history.order, out);
  pgr_buf_adds(out, ") <> 1\n");
}

void pgr_rule_write_history(const pgr_rule *rule, pgr_buf *out) {
  int queries = 0;
  if (!rule->history.table) return;
  for (int i = 0; i < rule->column_count; i++) {
    bool changes = pgr__refuses_changes(&rule->columns[i]), begins = pgr__refuses_begins(&rule->columns[i]);
    if (!changes && !begins) continue;
    if (queries++ == 0) write_history_ties(rule, out);
    pgr_buf_adds(out, "UNION ALL\n");
    write_column_history(rule, &rule->columns[i], changes, begins, out);
  }
  if (queries > 0) pgr_buf_adds(out, "ORDER BY 1, 2, 3\n");
}

/* ---- the transition table ---- */

/* How one column's states are written; text NULL: NULL, or a state without a value. */
typedef struct tried {
  pgr_state state;
  const char *text;
  bool possible; /* a row can have it, and we know how to write it */
} tried;

typedef struct trial {
  const pgr_rule_column *column;
  const pgr_rule_target_column *target; /* NULL: the table has no such column */
  tried states[PGR_STATES_MAX];
  int count;
  bool reached[PGR_STATES_MAX];
  int via[PGR_STATES_MAX]; /* as pgr__reach, by possible states alone */
  int begin;               /* with which the rows for other columns begin; -1: there is none */
} trial;

static const pgr_rule_target_column *find_target(const pgr_rule_target *target, const char *name) {
  for (int i = 0; i < target->column_count; i++)
    if (strcmp(target->columns[i].name, name) == 0) return &target->columns[i];
  return NULL;
}

static bool boolean_of(const char *text) {
  return strchr("tTyY1", *text) || strcasecmp(text, "on") == 0;
}

/* Whether two texts are one value of the column's type, as far as that can be told without a database. */
static bool same_value(char category, const char *a, const char *b) {
  char *a_end, *b_end;
  if (category == 'B') return boolean_of(a) == boolean_of(b);
  if (category == 'N') {
    double x = strtod(a, &a_end), y = strtod(b, &b_end);
    if (a_end != a && !*a_end && b_end != b && !*b_end) return x == y;
  }
  return strcmp(a, b) == 0;
}

static bool is_named(const trial *t, const char *text) {
  for (int i = 0; i < t->count; i++)
    if (t->states[i].state.side.kind == PGR_SIDE_VALUE &&
        same_value(t->target->category, t->states[i].state.side.value, text))
      return true;
  return false;
}

/* The nth value (from 1) of the type that the rule does not name; NULL: none is known. */
static const char *other_value(const trial *t, int nth) {
  for (size_t i = 0; i < sizeof t->target->values / sizeof *t->target->values; i++) {
    const char *text = t->target->values[i];
    if (text && !is_named(t, text) && --nth == 0) return text;
  }
  return NULL;
}

static void prepare_state(trial *t, int i) {
  tried *s = &t->states[i];
  switch (s->state.side.kind) {
  case PGR_SIDE_NULL: s->possible = !t->target->not_null; return;
  case PGR_SIDE_VALUE: s->text = s->state.side.value; break;
  case PGR_SIDE_ANY: s->text = other_value(t, s->state.other); break;
  }
  s->possible = s->text != NULL;
}

/* As pgr__reach, over what can be tried. */
static void reach_possible(trial *t) {
  pgr_state states[PGR_STATES_MAX];
  int index[PGR_STATES_MAX], count = 0, via[PGR_STATES_MAX];
  bool reached[PGR_STATES_MAX];
  for (int i = 0; i < t->count; i++) {
    if (!t->states[i].possible) continue;
    index[count] = i;
    states[count++] = t->states[i].state;
  }
  pgr__reach(t->column, states, count, reached, via);
  for (int i = 0; i < count; i++) {
    t->reached[index[i]] = reached[i];
    t->via[index[i]] = via[i] < 0 ? -1 : index[via[i]];
  }
}

static void prepare_trial(trial *t, pgr_buf *untested) {
  pgr_state states[PGR_STATES_MAX];
  bool unwritten = false;
  t->count = pgr__every_state(t->column, states);
  for (int i = 0; i < t->count; i++) {
    t->states[i].state = states[i];
    t->via[i] = -1;
  }
  for (int i = 0; i < t->count; i++) {
    prepare_state(t, i);
    if (!t->states[i].possible && states[i].side.kind != PGR_SIDE_NULL) unwritten = true;
  }
  if (unwritten)
    pgr_buf_addf(untested, "%s: values that the rule does not name, of type %s\n", t->column->name, t->target->type);
  reach_possible(t);
  t->begin = -1;
  for (int i = 0; i < t->count && t->begin < 0; i++)
    if (t->states[i].possible && pgr_rule_allows_begin(t->column, states[i])) t->begin = i;
  for (int i = 0; i < t->count; i++) {
    if (!t->states[i].possible || t->reached[i]) continue;
    pgr_buf_addf(untested, "%s: changes from ", t->column->name);
    pgr_state_words(states[i], untested);
    pgr_buf_adds(untested, ", which no row can come to\n");
  }
}

static void write_text(const tried *s, pgr_buf *out) {
  if (s->text)
    pgr_sql_literal(s->text, out);
  else
    pgr_buf_adds(out, "NULL");
}

static void write_way(const trial *t, int state, pgr_buf *out) {
  if (t->via[state] >= 0) {
    write_way(t, t->via[state], out);
    pgr_buf_adds(out, ", ");
  }
  write_text(&t->states[state], out);
}

/* from -1: a new row. */
static void write_row(const trial *t, int from, int to, bool *first, pgr_buf *out) {
  bool allowed = from < 0 ? pgr_rule_allows_begin(t->column, t->states[to].state)
                          : pgr_rule_allows(t->column, t->states[from].state, t->states[to].state);
  pgr_buf_adds(out, *first ? "\n      (" : ",\n      (");
  pgr_sql_literal(t->column->name, out);
  pgr_buf_adds(out, ", ARRAY[");
  if (from >= 0) {
    write_way(t, from, out);
    pgr_buf_adds(out, ", ");
  }
  write_text(&t->states[to], out);
  pgr_buf_addf(out, "]::text[], %s)", allowed ? "true" : "false");
  *first = false;
}

static void write_rows(const trial *t, bool *first, pgr_buf *out) {
  for (int to = 0; t->column->begins_ruled && to < t->count; to++)
    if (t->states[to].possible) write_row(t, -1, to, first, out);
  for (int from = 0; from < t->count; from++)
    for (int to = 0; t->reached[from] && to < t->count; to++)
      if (t->states[to].possible) write_row(t, from, to, first, out);
}

static bool is_ruled(const trial *trials, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(trials[i].column->name, name) == 0) return true;
  return false;
}

/* The other columns of a row: those that need a value. false: one of them has none that is known. */
static bool write_fillers(const pgr_rule_target *target, const trial *trials, int count, pgr_buf *names,
                          pgr_buf *values, pgr_buf *untested) {
  bool good = true;
  for (int i = 0; i < target->column_count; i++) {
    const pgr_rule_target_column *column = &target->columns[i];
    if (!column->not_null || column->has_default || column->generated || is_ruled(trials, count, column->name))
      continue;
    if (!column->values[0]) {
      pgr_buf_addf(untested, "every change: a row needs a value for %s, of type %s\n", column->name, column->type);
      good = false;
      continue;
    }
    pgr_sql_name(column->name, names);
    pgr_buf_adds(names, ", ");
    pgr_sql_literal(column->values[0], values);
    pgr_buf_adds(values, ", ");
  }
  return good;
}

/* The values of the ruled columns: one is what the row is to begin with, the others begin somewhere. */
static void write_beginnings(const trial *trials, int count, pgr_buf *out) {
  for (int i = 0; i < count; i++) {
    if (i > 0) pgr_buf_adds(out, " || ', ' ||");
    pgr_buf_adds(out, "\n        quote_nullable(");
    if (count > 1) {
      pgr_buf_adds(out, "CASE WHEN change.column_name = ");
      pgr_sql_literal(trials[i].column->name, out);
      pgr_buf_adds(out, " THEN change.way[1] ELSE ");
      write_text(&trials[i].states[trials[i].begin], out);
      pgr_buf_adds(out, " END)");
    } else {
      pgr_buf_adds(out, "change.way[1])");
    }
  }
}

/* The statements that bring a row its way. names, values: of the columns that are not ruled, each ends with a comma. */
static void write_steps(const pgr_rule *rule, const trial *trials, const pgr_buf *names, const pgr_buf *values,
                        pgr_buf *out) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, "INSERT INTO ");
  pgr__write_table(rule, &text);
  pgr_buf_addf(&text, " (%s", pgr_buf_text(names));
  for (int i = 0; i < rule->column_count; i++) {
    if (i > 0) pgr_buf_adds(&text, ", ");
    pgr_sql_name(rule->columns[i].name, &text);
  }
  pgr_buf_addf(&text, ") VALUES (%s", pgr_buf_text(values));
  pgr_buf_adds(out, "      EXECUTE ");
  pgr__piece_literal(&text, out);
  pgr_buf_adds(out, " ||");
  write_beginnings(trials, rule->column_count, out);
  pgr_buf_adds(out, " || ') RETURNING tableoid, ctid'\n"
                    "        INTO row_table, row_id;\n"
                    "      FOR next_step IN 2 .. cardinality(change.way) LOOP\n"
                    "        step := next_step;\n"
                    "        EXECUTE ");
  pgr_buf_adds(&text, "UPDATE ");
  pgr__write_table(rule, &text);
  pgr_buf_adds(&text, " SET ");
  pgr_sql_literal(pgr_buf_text(&text), out);
  pgr_buf_adds(out, " || quote_ident(change.column_name) ||\n"
                    "          ' = ' || quote_nullable(change.way[step]) ||\n"
                    "          ' WHERE tableoid = $1 AND ctid = $2 RETURNING tableoid, ctid'\n"
                    "          INTO row_table, row_id USING row_table, row_id;\n"
                    "      END LOOP;\n");
  pgr__piece_end(&text, out);
}

static const char transitions_declare[] = "DECLARE\n"
                                          "  change record;\n"
                                          "  step integer;    -- of the way, from 1\n"
                                          "  row_table oid;\n"
                                          "  row_id tid;\n"
                                          "  state text;      -- of the error, NULL: none; its constraint and message\n"
                                          "  broken text;\n"
                                          "  said text;\n"
                                          "  tried text;\n"
                                          "  outcome text;\n"
                                          "  wrong text[] := '{}';\n";
static const char transitions_begin[] = "BEGIN\n"
                                        "  FOR change IN\n"
                                        "    -- The way of a row: all of it is allowed but, perhaps, the last step, "
                                        "which is what is tried.\n"
                                        "    SELECT * FROM (VALUES";
static const char transitions_loop[] = "\n    ) AS changes (column_name, way, allowed)\n"
                                       "  LOOP\n"
                                       "    step := 1;\n"
                                       "    state := NULL;\n"
                                       "    BEGIN\n";
static const char transitions_taken_back[] =
    "      IF row_id IS NULL THEN\n"
    "        RAISE EXCEPTION 'another trigger or a rule of the table left it out';\n"
    "      END IF;\n"
    "      RAISE EXCEPTION USING ERRCODE = 'PGR00'; -- takes everything back\n"
    "    EXCEPTION\n"
    "      WHEN SQLSTATE 'PGR00' THEN\n"
    "        NULL;\n"
    "      WHEN OTHERS THEN\n"
    "        GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, broken = CONSTRAINT_NAME, said = MESSAGE_TEXT;\n"
    "    END;\n"
    "    tried := change.column_name || CASE WHEN step = 1 THEN format(': a new row with %L', change.way[1])\n"
    "      ELSE format(': a change from %L to %L', change.way[step - 1], change.way[step]) END;\n"
    "    outcome := CASE WHEN state IS NULL THEN 'is let through'\n"
    "      ELSE format('is refused with SQLSTATE %s, constraint %L: %s', state, broken, said) END;\n"
    "    IF step < cardinality(change.way) OR (change.allowed AND state IS NOT NULL) THEN\n"
    "      wrong := array_append(wrong, tried || ' should be let through, and ' || outcome);\n";

/* Another connection has recorded them, so that nothing takes them back. */
static const char forget_rejections[] =
    "  IF to_regclass('pgrace.rejections') IS NOT NULL THEN -- what was refused here, for no caller\n"
    "    DELETE FROM pgrace.rejections WHERE pid = pg_backend_pid() AND at >= began;\n"
    "  END IF;\n";

static void write_verdict(const pgr_rule *rule, pgr_buf *out) {
  pgr_buf expected;
  pgr_buf_init(&expected, 0);
  pgr_buf_addf(out, "    ELSIF NOT change.allowed\n      AND (state, broken) IS DISTINCT FROM ('%s', ", rule->sqlstate);
  pgr_sql_literal(rule->name, out);
  pgr_buf_adds(out, ") THEN\n      wrong := array_append(wrong, tried ||\n        ");
  pgr_buf_addf(&expected, " should be refused with SQLSTATE %s, constraint ", rule->sqlstate);
  pgr_sql_literal(rule->name, &expected);
  pgr_buf_adds(&expected, ", and ");
  pgr_sql_literal(pgr_buf_text(&expected), out);
  pgr_buf_adds(out, " || outcome);\n"
                    "    END IF;\n"
                    "  END LOOP;\n");
  if (rule->log == PGR_RULE_LOG_TABLE) pgr_buf_adds(out, forget_rejections);
  pgr_buf_adds(out, "  IF cardinality(wrong) > 0 THEN\n"
                    "    RAISE EXCEPTION USING\n"
                    "      MESSAGE = wrong[1] || CASE WHEN cardinality(wrong) > 1\n"
                    "        THEN format(' (and %s more: see the detail)', cardinality(wrong) - 1) ELSE '' END,\n"
                    "      DETAIL = array_to_string(wrong, E'\\n');\n"
                    "  END IF;\n"
                    "END;\n");
  pgr__piece_end(&expected, out);
}

static void write_script(const pgr_rule *rule, const trial *trials, const pgr_buf *names, const pgr_buf *values,
                         pgr_buf *out) {
  pgr_buf body, title;
  bool first = true;
  pgr_buf_init(&body, 0);
  pgr_buf_init(&title, 0);
  pgr_buf_adds(&body, transitions_declare);
  if (rule->log == PGR_RULE_LOG_TABLE) pgr_buf_adds(&body, "  began timestamptz := clock_timestamp();\n");
  pgr_buf_adds(&body, transitions_begin);
  for (int i = 0; i < rule->column_count; i++)
    write_rows(&trials[i], &first, &body);
  pgr_buf_adds(&body, transitions_loop);
  write_steps(rule, trials, names, values, &body);
  pgr_buf_adds(&body, transitions_taken_back);
  write_verdict(rule, &body);
  pgr_buf_addf(&title, "The transition table of %s, tried: each change on a row of its own, which is taken back.",
               rule->name);
  pgr__write_comment(pgr_buf_text(&title), out);
  pgr_buf_adds(out, "DO ");
  pgr__write_dollars(&body, out);
  pgr_buf_adds(out, ";\n");
  pgr__piece_end(&title, out);
  pgr__piece_end(&body, out);
}

/* false: no row can be made, and untested says why. */
static bool prepare_trials(const pgr_rule *rule, const pgr_rule_target *target, trial *trials, pgr_buf *untested) {
  for (int i = 0; i < rule->column_count; i++) {
    trial *t = &trials[i];
    t->column = &rule->columns[i];
    t->target = find_target(target, t->column->name);
    if (!t->target || t->target->generated) {
      pgr_buf_addf(untested, "every change: %s is %s\n", t->column->name,
                   t->target ? "generated" : "no column of the table");
      return false;
    }
    prepare_trial(t, untested);
    if (t->begin < 0) {
      pgr_buf_addf(untested, "every change: no value is known that a new row's %s may begin with\n", t->column->name);
      return false;
    }
  }
  return true;
}

void pgr_rule_write_transitions(const pgr_rule *rule, const pgr_rule_target *target, pgr_buf *out, pgr_buf *untested) {
  pgr_buf names, values;
  if (rule->column_count == 0) return;
  trial *trials = pgr_calloc((size_t)rule->column_count, sizeof *trials);
  if (!trials) {
    out->failed = true;
    return;
  }
  pgr_buf_init(&names, 0);
  pgr_buf_init(&values, 0);
  if (prepare_trials(rule, target, trials, untested) &&
      write_fillers(target, trials, rule->column_count, &names, &values, untested))
    write_script(rule, trials, &names, &values, out);
  pgr__piece_end(&names, out);
  pgr__piece_end(&values, out);
  pgr_free(trials);
}
