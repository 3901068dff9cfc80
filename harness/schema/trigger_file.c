/* trigger.yaml: from the text to a rule, by a schema of libcyaml's. Invariant: what is loaded lies in the arena whole,
 * hence libcyaml never frees anything. */
#include "pgr_triggers.h"

#include "pgr_names.h"
#include "pgr_units.h"
#include "pgr_yaml_load.h"
#include <stdio.h>
#include <string.h>

/* ---- the shape ---- */

typedef struct raw_column {
  char *column, *allow, *insert;
} raw_column;

typedef struct raw_shown {
  char *field, *message;
} raw_shown;

typedef struct raw_history {
  char *table, *key, *order;
} raw_history;

typedef struct raw_trigger {
  char *table, *function, *message, *sqlstate, *why, *log, *existing, *decision;
  raw_column *columns;
  raw_shown shown;
  raw_history history;
  unsigned column_count;
} raw_trigger;

#define TEXT(key, type, member) CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER, type, member, 1, CYAML_UNLIMITED)
#define MAYBE_TEXT(key, type, member)                                                                                  \
  CYAML_FIELD_STRING_PTR(key, CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, type, member, 1, CYAML_UNLIMITED)

static const cyaml_schema_field_t column_fields[] = {TEXT("column", raw_column, column),
                                                     TEXT("allow", raw_column, allow),
                                                     MAYBE_TEXT("insert", raw_column, insert), CYAML_FIELD_END};
static const cyaml_schema_value_t column_item = {CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, raw_column, column_fields)};

static const cyaml_schema_field_t shown_fields[] = {MAYBE_TEXT("field", raw_shown, field),
                                                    MAYBE_TEXT("message", raw_shown, message), CYAML_FIELD_END};

static const cyaml_schema_field_t history_fields[] = {TEXT("table", raw_history, table), TEXT("key", raw_history, key),
                                                      TEXT("order", raw_history, order), CYAML_FIELD_END};

static const cyaml_schema_field_t trigger_fields[] = {
    TEXT("table", raw_trigger, table),
    MAYBE_TEXT("function", raw_trigger, function),
    CYAML_FIELD_SEQUENCE_COUNT("rule", CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL, raw_trigger, columns, column_count,
                               &column_item, 1, PGR_RULE_COLUMNS_MAX),
    MAYBE_TEXT("message", raw_trigger, message),
    MAYBE_TEXT("sqlstate", raw_trigger, sqlstate),
    MAYBE_TEXT("why", raw_trigger, why),
    CYAML_FIELD_MAPPING("shown", CYAML_FLAG_OPTIONAL, raw_trigger, shown, shown_fields),
    MAYBE_TEXT("log", raw_trigger, log),
    CYAML_FIELD_MAPPING("history", CYAML_FLAG_OPTIONAL, raw_trigger, history, history_fields),
    MAYBE_TEXT("existing", raw_trigger, existing),
    MAYBE_TEXT("decision", raw_trigger, decision),
    CYAML_FIELD_END};
static const cyaml_schema_value_t trigger_value = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_POINTER, raw_trigger, trigger_fields)};

_Static_assert(sizeof trigger_fields / sizeof *trigger_fields <= PGR_YAML_FIELDS_MAX + 1, "the loader holds them all");

typedef struct reading {
  pgr_yaml *yaml;
  pgr_arena *arena;
  pgr_faults *faults;
  const raw_trigger *raw;
  pgr_rule *rule;
} reading;

static void out_of_memory(const reading *r) {
  pgr_faults_add(r->faults, r->yaml->source, (pgr_place_in){0}, NULL, "out of memory");
}

/* What will not be kept needs no place, and finding one reads the whole text. */
static pgr_place_in place(const reading *r, const yaml_node_t *node) {
  return r->faults->count < PGR_FAULTS_KEPT ? pgr_yaml_place(r->yaml, node) : (pgr_place_in){0};
}

/* ---- values ---- */

enum { PATH_BYTES = 32 };

/* Of the value at a path, or of its key where the value shows nothing. */
static pgr_place_in place_of(const reading *r, const char *path) {
  yaml_node_t *key = NULL, *node = pgr_yaml_find(r->yaml, path, &key);
  if (!node) return (pgr_place_in){0};
  bool shown = node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0;
  return place(r, key && !shown ? key : node);
}

/* A text that a person wrote as one, perhaps folded: the line end at its end is the block's, not the text's. */
static const char *line(char *text) {
  size_t len = text ? strlen(text) : 0;
  while (len > 0 && text[len - 1] == '\n')
    text[--len] = '\0';
  return text;
}

/* A name as in SQL, in double quotes or not. schema NULL: there may be none. Writes NULL where nothing is written. */
static void read_name(const reading *r, const char *path, const char *written, const char **schema, const char **name) {
  char before[64], last[64];
  if (!written) return;
  bool good = pgr_sql_read_qualified(written, before, last);
  if (!good || (*before && !schema)) {
    pgr_faults_add(r->faults, r->yaml->source, place_of(r, path),
                   "as in SQL: in double quotes unless it is lower case letters, digits and _; at most 63 bytes",
                   good ? "'%.80s': the name alone is wanted here, without a schema" : "'%.80s' is no name", written);
    return;
  }
  *name = pgr_arena_strdup(r->arena, last);
  if (schema && *before) *schema = pgr_arena_strdup(r->arena, before);
  if (!*name || (schema && *before && !*schema)) out_of_memory(r);
}

typedef pgr_code (*parser)(const char *text, pgr_arena *arena, pgr_rule_column *out, size_t *offset, pgr_err *err);

static void read_changes(const reading *r, const char *path, const char *text, parser parse, pgr_rule_column *out) {
  pgr_err err;
  size_t offset = 0;
  pgr_code code = text ? parse(text, r->arena, out, &offset, &err) : PGR_OK;
  if (!code) return;
  pgr_place_in at = {0};
  const yaml_node_t *node = pgr_yaml_find(r->yaml, path, NULL);
  if (node && code != PGR_ENOMEM && r->faults->count < PGR_FAULTS_KEPT)
    at = pgr_place_at(r->yaml->source, pgr_yaml_offset(r->yaml, node, offset));
  pgr_faults_add(r->faults, r->yaml->source, at, NULL, "%s", err.msg);
}

static void read_columns(const reading *r) {
  char path[PATH_BYTES];
  pgr_rule *rule = r->rule;
  rule->column_count = (int)r->raw->column_count;
  for (int i = 0; i < rule->column_count; i++) {
    const raw_column *raw = &r->raw->columns[i];
    snprintf(path, sizeof path, "rule[%d].column", i);
    read_name(r, path, raw->column, NULL, &rule->columns[i].name);
    snprintf(path, sizeof path, "rule[%d].allow", i);
    read_changes(r, path, raw->allow, pgr_rule_parse_allow, &rule->columns[i]);
    snprintf(path, sizeof path, "rule[%d].insert", i);
    read_changes(r, path, raw->insert, pgr_rule_parse_begin, &rule->columns[i]);
  }
}

static void read_sqlstate(const reading *r) {
  const char *text = r->raw->sqlstate ? r->raw->sqlstate : "23514";
  if (strlen(text) == 5 && strspn(text, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == 5)
    memcpy(r->rule->sqlstate, text, 6);
  else
    pgr_faults_add(r->faults, r->yaml->source, place_of(r, "sqlstate"),
                   "five digits or capital letters, like \"23514\"", "'%.40s' is no SQLSTATE", text);
}

static void read_log(const reading *r) {
  static const char *const names[] = {"none", "server", "table", NULL}; /* as in pgr_rule_log */
  char hint[PGR_YAML_HINT_BYTES];
  if (!r->raw->log) return;
  for (int i = 0; names[i]; i++) {
    if (strcmp(names[i], r->raw->log) != 0) continue;
    r->rule->log = (pgr_rule_log)i;
    return;
  }
  pgr_faults_add(r->faults, r->yaml->source, place_of(r, "log"), pgr_yaml_hint(hint, r->raw->log, names),
                 "unknown log '%.80s'", r->raw->log);
}

/* A trigger without a rule may raise what it likes, or nothing. */
static void read_message(const reading *r) {
  r->rule->message = r->raw->message ? line(r->raw->message) : "";
  if (r->raw->message || !r->raw->column_count) return;
  pgr_faults_add(r->faults, r->yaml->source, place(r, yaml_document_get_root_node(&r->yaml->document)), NULL,
                 "the trigger lacks 'message', the error's text");
}

static void fill(const reading *r) {
  const raw_trigger *raw = r->raw;
  pgr_rule *rule = r->rule;
  read_name(r, "table", raw->table, &rule->schema, &rule->table);
  rule->function = rule->name;
  read_name(r, "function", raw->function, NULL, &rule->function);
  read_columns(r);
  read_message(r);
  read_sqlstate(r);
  read_log(r);
  rule->why = line(raw->why);
  rule->field = line(raw->shown.field);
  rule->shown = line(raw->shown.message);
  rule->history.table = line(raw->history.table);
  read_name(r, "history.key", raw->history.key, NULL, &rule->history.key);
  read_name(r, "history.order", raw->history.order, NULL, &rule->history.order);
  rule->existing = raw->existing;
  rule->decision = line(raw->decision);
}

/* ---- the rule as a whole ---- */

/* What a complaint of pgr_rule_check may be about. It gives no places: the value without which it says something else
 * is the one. */
typedef enum suspect {
  SUSPECT_NAME,
  SUSPECT_FUNCTION,
  SUSPECT_TABLE,
  SUSPECT_MESSAGE,
  SUSPECT_SQLSTATE,
  SUSPECT_WHY,
  SUSPECT_FIELD,
  SUSPECT_SHOWN,
  SUSPECT_LOG,
  SUSPECT_HISTORY,
  SUSPECT_EXISTING,
  SUSPECT_DECISION,
  SUSPECT_COLUMNS /* what rows begin with, the changes, the name: of the last column, then of the one before it … */
} suspect;
enum { COLUMN_PARTS = 3, SUSPECTS = SUSPECT_COLUMNS + COLUMN_PARTS * PGR_RULE_COLUMNS_MAX };

static const char *const suspect_paths[] = {"",         "function", "table",       "message",
                                            "sqlstate", "why",      "shown.field", "shown.message",
                                            "log",      "history",  "existing",    "decision"};
_Static_assert(sizeof suspect_paths / sizeof *suspect_paths == SUSPECT_COLUMNS, "one of each");

/* Part 0 is what rows begin with, 1 the changes, 2 the name, which no other column has then. */
static bool acquit_column(pgr_rule_column *column, int i, int part) {
  static const char *const names[PGR_RULE_COLUMNS_MAX] = {"1", "2", "3", "4", "5", "6", "7", "8"};
  if (part == 0 && !column->begins_ruled) return false;
  if (part == 0) {
    column->begins_ruled = false;
    column->begin_count = 0;
  } else if (part == 1) {
    column->same = true;
    column->change_count = 1;
    column->changes[0] = (pgr_change){{.kind = PGR_SIDE_NULL}, {.kind = PGR_SIDE_ANY}};
  } else {
    column->name = names[i];
  }
  return true;
}

/* The column, and which part of it. */
static int suspect_column(const pgr_rule *rule, int s, int *part) {
  *part = (s - SUSPECT_COLUMNS) % COLUMN_PARTS;
  return rule->column_count - 1 - (s - SUSPECT_COLUMNS) / COLUMN_PARTS;
}

/* Puts something harmless in its place. false: there is no such suspect. */
static bool acquit(pgr_rule *rule, int s) {
  int part, i;
  switch (s) {
  case SUSPECT_NAME:
    if (rule->function == rule->name) rule->function = "f";
    rule->name = "n";
    break;
  case SUSPECT_FUNCTION: rule->function = "f"; break;
  case SUSPECT_TABLE:
    rule->schema = NULL;
    rule->table = "t";
    break;
  case SUSPECT_MESSAGE: rule->message = "m"; break;
  case SUSPECT_SQLSTATE: memcpy(rule->sqlstate, "23514", 6); break;
  case SUSPECT_WHY: rule->why = NULL; break;
  case SUSPECT_FIELD: rule->field = NULL; break;
  case SUSPECT_SHOWN: rule->shown = NULL; break;
  case SUSPECT_LOG: rule->log = PGR_RULE_LOG_NONE; break;
  case SUSPECT_HISTORY: rule->history.table = rule->history.key = rule->history.order = NULL; break;
  case SUSPECT_EXISTING: rule->existing = NULL; break;
  case SUSPECT_DECISION: rule->decision = NULL; break;
  default: i = suspect_column(rule, s, &part); return i >= 0 && acquit_column(&rule->columns[i], i, part);
  }
  return true;
}

static pgr_place_in suspect_place(const reading *r, int s) {
  static const char *const parts[COLUMN_PARTS] = {"insert", "allow", "column"};
  char path[PATH_BYTES];
  int part, i;
  if (s == SUSPECT_NAME) return (pgr_place_in){0}; /* the folder's */
  if (s < SUSPECT_COLUMNS) return place_of(r, suspect_paths[s]);
  i = suspect_column(r->rule, s, &part);
  snprintf(path, sizeof path, "rule[%d].%s", i, parts[part]);
  return place_of(r, path);
}

/* The one without which `complaint` is not made; *trial is the rule without it. -1: none alone. */
static int find_culprit(const pgr_rule *rule, pgr_rule *trial, const char *complaint) {
  pgr_err err;
  for (int s = 0; s < SUSPECTS; s++) {
    *trial = *rule;
    if (!acquit(trial, s)) continue;
    if (!pgr_rule_check(trial, &err) || strcmp(err.msg, complaint) != 0) return s;
  }
  return -1;
}

/* Every complaint, each with the place of what it is about. */
static void check_rule(const reading *r) {
  pgr_rule *rule = pgr_arena_alloc(r->arena, sizeof *rule), *trial = pgr_arena_alloc(r->arena, sizeof *trial);
  pgr_err err;
  if (!rule || !trial) {
    out_of_memory(r);
    return;
  }
  *rule = *r->rule;
  if (rule->column_count == 0) acquit(rule, SUSPECT_SQLSTATE); /* by hand: what it raises is its own business */
  for (int left = SUSPECTS; left > 0 && pgr_rule_check(rule, &err); left--) {
    int culprit = find_culprit(rule, trial, err.msg);
    pgr_faults_add(r->faults, r->yaml->source, culprit < 0 ? place_of(r, "rule") : suspect_place(r, culprit), NULL,
                   "%s", err.msg);
    if (culprit < 0) return;
    *rule = *trial;
  }
}

const pgr_rule *pgr_trigger_declaration_read(const pgr_source *source, const char *name, pgr_arena *arena,
                                             pgr_faults *faults) {
  pgr_yaml yaml;
  reading r = {.yaml = &yaml, .arena = arena, .faults = faults, .rule = pgr_arena_alloc(arena, sizeof *r.rule)};
  size_t before = faults->count;
  if (!pgr_yaml_open(&yaml, source, "trigger", faults)) return NULL;
  if (r.rule) r.rule->name = pgr_arena_strdup(arena, name);
  if (!r.rule || !r.rule->name)
    out_of_memory(&r);
  else
    r.raw = pgr_yaml_load(r.yaml, &trigger_value, "the trigger", NULL, arena, faults);
  if (r.raw) fill(&r);
  if (r.raw && faults->count == before) check_rule(&r);
  pgr_yaml_close(&yaml);
  return faults->count == before ? r.rule : NULL;
}
