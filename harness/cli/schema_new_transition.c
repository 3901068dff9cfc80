/* pgrace schema new transition: from a rule on the command line to a trigger's folder, its migration and its scenario.
 * Invariant: everything that can be wrong is found before the first file is written. */
#include "schema_new.h"

#include "pgr_installed.h"
#include "pgr_names.h"
#include "pgr_utf8.h"
#include "schema_scenario.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { NAME_BYTES_MAX = 63, ROOM_BYTES = 64 };

typedef struct transition_options {
  const char *dir, *dsn, *scenarios, *table, *name, *function, *message, *why, *field, *shown, *sqlstate, *log;
  const char *history, *history_key, *history_order;
  pgr_option_list columns, allows, inserts;
  bool no_scenario, dry_run;
} transition_options;

typedef struct transition {
  transition_options options;
  pgr_schema_folder folder;
  pgr_schema_database database;
  pgr_rule rule;
  pgr_rule_target target;
  pgr_schema_files files;
  pgr_buf remarks, version;                                                /* version: v1.sql */
  const char *allows[PGR_RULE_COLUMNS_MAX], *begins[PGR_RULE_COLUMNS_MAX]; /* options' texts, one a column; NULL */
  bool has_scenario;
  pgr_faults faults;
  pgr_arena arena;
} transition;

static void help(void) {
  fputs("Usage: pgrace schema new transition --table T --column C --allow RULE [OPTION]\n\n"
        "Makes of a rule about how a column may change a trigger that keeps it, the\n"
        "migration that installs it, and a scenario that races and explores it.\n\n"
        "  --table T, --column C    as in SQL: app.tickets, '\"Odd Table\"'\n"
        "  --allow RULE       'open->claimed->closed'; 'null->any, any->null, same':\n"
        "                     NULL, any value, and an UPDATE may set what is there\n"
        "  --insert VALUES    what new rows may begin with: 'open'\n"
        "                     Of several columns: --allow 'status: open->closed', or\n"
        "                     --column and --allow again and again\n"
        "  --name N, --function F   default: TABLE_COLUMN_transition, and the same\n"
        "  --message M, --sqlstate S   of the error (default: 23514, check_violation)\n"
        "  --why W            what would happen without it, one sentence\n"
        "  --field F, --shown S   what the application shows, and where\n"
        "  --log server|table   record what is refused: a line of the server's log, or a\n"
        "                     row that outlives the rollback (needs dblink)\n"
        "  --history T --history-key K --history-order O   a table of earlier values\n"
        "  --dsn URI          the database that has the table, only read (default: a\n"
        "                     throw-away server with the folder's migrations)\n"
        "  --dir DIR          the folder of the migrations (default: schema)\n"
        "  --scenarios DIR    where the scenario goes (default: scenarios); --no-scenario\n"
        "  --dry-run          show what would be written\n\n"
        "Exit status: 0 made, 4 usage, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema new transition --table conversations --column texter_id \\\n"
        "      --allow 'null->any, any->null, same' --why 'Two texters must not own one.'\n"
        "  pgrace schema new transition --table tickets --insert 'status: open' \\\n"
        "      --allow 'status: open->claimed->closed'\n",
        stdout);
}

/* ---- the rule ---- */

/* Where the rule begins behind "column:", with the column's name in name; NULL: there is no such prefix. */
static const char *behind_prefix(const char *text, char name[ROOM_BYTES]) {
  char prefix[2 * NAME_BYTES_MAX + 3], schema[ROOM_BYTES];
  const char *p = text + strspn(text, " \t"), *end = p;
  if (*p == '"') {
    end = strchr(p + 1, '"');
    while (end && end[1] == '"')
      end = strchr(end + 2, '"');
    end = end ? end + 1 : p;
  } else {
    while (isalnum((unsigned char)*end) || *end == '_' || *end == '$' || (unsigned char)*end >= 0x80)
      end++;
  }
  const char *colon = end + strspn(end, " \t");
  if (end == p || *colon != ':' || (size_t)(end - p) >= sizeof prefix) return NULL;
  snprintf(prefix, sizeof prefix, "%.*s", (int)(end - p), p);
  return pgr_sql_read_qualified(prefix, schema, name) && !*schema ? colon + 1 : NULL;
}

/* The rule's column of that name, added when it is new; NULL: there are too many, or no memory. */
static pgr_rule_column *column_of(transition *t, const char *name, pgr_err *err) {
  pgr_rule *rule = &t->rule;
  for (int i = 0; i < rule->column_count; i++)
    if (strcmp(rule->columns[i].name, name) == 0) return &rule->columns[i];
  char *copy = pgr_arena_strdup(&t->arena, name);
  if (!copy || rule->column_count == PGR_RULE_COLUMNS_MAX) {
    (void)pgr_fail(err, copy ? PGR_EUSAGE : PGR_ENOMEM, copy ? "at most %d columns have a rule" : "out of memory",
                   PGR_RULE_COLUMNS_MAX);
    return NULL;
  }
  rule->columns[rule->column_count].name = copy;
  return &rule->columns[rule->column_count++];
}

/* A fault in an option's text, at its place. width: bytes to underline. */
static pgr_code place_fault(transition *t, const char *option, const char *text, size_t offset, int width,
                            pgr_err *err) {
  pgr_source source = {.name = option, .text = text, .len_bytes = strlen(text)};
  if (err->code != PGR_EUSAGE) return err->code;
  if (offset > source.len_bytes) offset = source.len_bytes;
  pgr_place_in place = pgr_place_at(&source, offset);
  place.width = width;
  pgr_faults_add(&t->faults, &source, place, NULL, "%s", err->msg);
  return PGR_EUSAGE;
}

static pgr_code read_allow(transition *t, const char *text, int *unnamed, pgr_err *err) {
  char name[ROOM_BYTES], schema[ROOM_BYTES];
  const pgr_option_list *columns = &t->options.columns;
  const char *rest = behind_prefix(text, name);
  size_t offset = 0;
  if (!rest) {
    if (*unnamed == columns->count)
      return pgr_fail(err, PGR_EUSAGE, "--allow '%.80s': of which column? Give --column before it, or write %s", text,
                      "'COLUMN: RULE'");
    if (!pgr_sql_read_qualified(columns->items[*unnamed], schema, name) || *schema)
      return pgr_fail(err, PGR_EUSAGE,
                      "--column '%.80s' is no column's name; one that needs quotes in SQL needs them here: '\"Odd\"'",
                      columns->items[*unnamed]);
    ++*unnamed;
    rest = text;
  }
  pgr_rule_column *column = column_of(t, name, err);
  if (!column) return err->code;
  if (column->change_count || column->same)
    return pgr_fail(err, PGR_EUSAGE, "the column %.80s has two --allow: write one, with commas", column->name);
  t->allows[column - t->rule.columns] = text;
  pgr_code code = pgr_rule_parse_allow(rest, &t->arena, column, &offset, err);
  return code ? place_fault(t, "--allow", text, offset + (size_t)(rest - text), 1, err) : PGR_OK;
}

static pgr_code read_insert(transition *t, const char *text, pgr_err *err) {
  char name[ROOM_BYTES];
  const char *rest = behind_prefix(text, name);
  size_t offset = 0;
  if (!rest && t->rule.column_count > 1)
    return pgr_fail(err, PGR_EUSAGE, "--insert '%.80s': of which column? Write 'COLUMN: VALUES'", text);
  pgr_rule_column *column = rest ? column_of(t, name, err) : &t->rule.columns[0];
  if (!column) return err->code;
  if (column->begins_ruled)
    return pgr_fail(err, PGR_EUSAGE, "the column %.80s has two --insert: write one, with commas", column->name);
  if (!rest) rest = text;
  t->begins[column - t->rule.columns] = text;
  pgr_code code = pgr_rule_parse_begin(rest, &t->arena, column, &offset, err);
  return code ? place_fault(t, "--insert", text, offset + (size_t)(rest - text), 1, err) : PGR_OK;
}

static pgr_code read_columns(transition *t, pgr_err *err) {
  const transition_options *o = &t->options;
  pgr_code code = PGR_OK;
  int unnamed = 0;
  if (o->allows.count == 0)
    return pgr_fail(err, PGR_EUSAGE, "give --allow, how the column may change: --allow 'null->any, any->null, same'");
  for (int i = 0; !code && i < o->allows.count; i++)
    code = read_allow(t, o->allows.items[i], &unnamed, err);
  if (!code && unnamed < o->columns.count)
    code = pgr_fail(err, PGR_EUSAGE, "--column '%.80s' has no --allow, which says how it may change",
                    o->columns.items[unnamed]);
  for (int i = 0; !code && i < o->inserts.count; i++)
    code = read_insert(t, o->inserts.items[i], err);
  return code;
}

static pgr_code read_table(transition *t, pgr_err *err) {
  char schema[ROOM_BYTES], name[ROOM_BYTES];
  const char *text = t->options.table;
  if (!text) return pgr_fail(err, PGR_EUSAGE, "give --table, whose rows the rule is about");
  if (!pgr_sql_read_qualified(text, schema, name))
    return pgr_fail(err, PGR_EUSAGE,
                    "--table '%.100s' is no table's name; one that needs quotes in SQL needs them here: '\"Odd "
                    "Table\"'",
                    text);
  t->rule.table = pgr_arena_strdup(&t->arena, name);
  t->rule.schema = *schema ? pgr_arena_strdup(&t->arena, schema) : NULL;
  return t->rule.table && (!*schema || t->rule.schema) ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

static pgr_code read_log(transition *t, pgr_err *err) {
  const char *word = t->options.log;
  if (!word) return PGR_OK;
  if (strcmp(word, "server") == 0)
    t->rule.log = PGR_RULE_LOG_SERVER;
  else if (strcmp(word, "table") == 0)
    t->rule.log = PGR_RULE_LOG_TABLE;
  else
    return pgr_fail(err, PGR_EUSAGE, "--log is 'server' or 'table', not '%.40s'", word);
  return PGR_OK;
}

/* What a folder may be called, out of what a table and a column are. */
static void add_plain(const char *name, pgr_buf *out) {
  for (; *name; name++) {
    char c = (char)tolower((unsigned char)*name);
    pgr_buf_add(out, isalnum((unsigned char)c) && (unsigned char)c < 0x80 ? &c : "_", 1);
  }
}

static pgr_code choose_name(transition *t, pgr_err *err) {
  pgr_buf name;
  if (t->options.name) {
    t->rule.name = t->options.name;
    return pgr_schema_check_name("trigger", t->rule.name, err);
  }
  pgr_buf_init(&name, 0);
  add_plain(t->rule.table, &name);
  for (int i = 0; i < t->rule.column_count && t->rule.column_count == 1; i++) {
    pgr_buf_adds(&name, "_");
    add_plain(t->rule.columns[i].name, &name);
  }
  pgr_buf_adds(&name, "_transition");
  t->rule.name = pgr_arena_strdup(&t->arena, pgr_buf_text(&name));
  bool fits = name.len <= NAME_BYTES_MAX;
  pgr_buf_deinit(&name);
  if (!t->rule.name) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (fits) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "the name %.150s has more than the %d bytes that PostgreSQL keeps: give --name",
                  t->rule.name, NAME_BYTES_MAX);
}

/* PostgreSQL and YAML want UTF-8; what the shell gave may be anything. */
static pgr_code check_text(const char *text, pgr_err *err) {
  size_t len = strlen(text), i = 0;
  char *copy = pgr_calloc(len + 1, 1);
  if (!copy) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_utf8_copy(copy, len + 1, text); /* byte for byte, but for what is no text */
  while (i < len && (copy[i] == text[i] || (unsigned char)text[i] < 0x80))
    i++;
  pgr_free(copy);
  return i == len ? PGR_OK : pgr_fail(err, PGR_EUSAGE, "an argument is no text in UTF-8");
}

static pgr_code check_new(const transition *t, pgr_err *err) {
  char folder[PATH_MAX];
  struct stat ignored;
  const transition_options *o = &t->options;
  if (!o->dsn && lstat(o->dir, &ignored))
    return pgr_fail(err, PGR_EUSAGE,
                    "there is no folder %.300s with the migration that makes the table: give --dsn, the database that "
                    "has it, or --dir",
                    o->dir);
  if (pgr_triggers_find(&t->folder.triggers, t->rule.name))
    return pgr_fail(err, PGR_EUSAGE,
                    "%.200s/triggers/%s exists already: give --name, or change its trigger.yaml and run pgrace schema "
                    "new version %s",
                    o->dir, t->rule.name, t->rule.name);
  snprintf(folder, sizeof folder, "%s/%s", o->scenarios, t->rule.name);
  if (!o->no_scenario && lstat(folder, &ignored) == 0)
    return pgr_fail(err, PGR_EUSAGE, "%.300s exists already: give --name, or --no-scenario", folder);
  return PGR_OK;
}

static pgr_code fill_rule(transition *t, pgr_err *err) {
  const transition_options *o = &t->options;
  pgr_rule *rule = &t->rule;
  rule->function = o->function ? o->function : rule->name;
  rule->message = o->message;
  if (!rule->message && rule->column_count == 1)
    rule->message =
        pgr_arena_printf(&t->arena, "This change of %s.%s is not allowed.", rule->table, rule->columns[0].name);
  else if (!rule->message)
    rule->message = pgr_arena_printf(&t->arena, "This change of %s is not allowed.", rule->table);
  if (!rule->message) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  rule->why = o->why;
  rule->field = o->field;
  rule->shown = o->shown;
  rule->history.table = o->history;
  rule->history.key = o->history_key;
  rule->history.order = o->history_order;
  if (o->sqlstate && strlen(o->sqlstate) != sizeof rule->sqlstate - 1)
    return pgr_fail(err, PGR_EUSAGE, "--sqlstate '%.20s': an SQLSTATE has five characters, as 23514", o->sqlstate);
  snprintf(rule->sqlstate, sizeof rule->sqlstate, "%s", o->sqlstate ? o->sqlstate : "23514");
  return read_log(t, err);
}

static pgr_code read_rule(transition *t, pgr_err *err) {
  pgr_code code = read_table(t, err);
  if (!code) code = read_columns(t, err);
  if (!code) code = choose_name(t, err);
  if (!code) code = fill_rule(t, err);
  if (!code) code = pgr_rule_check(&t->rule, err);
  if (!code) code = check_new(t, err);
  return code;
}

/* ---- the database ---- */

/* What the search path finds here may be another table where the migration runs: only what is in public, and found
 * there first of all, is called by its name alone. */
static pgr_code resolve_schema(transition *t, pgr_err *err) {
  pgr_rule *rule = &t->rule;
  PGresult *rows = NULL;
  if (rule->schema) return PGR_OK;
  pgr_code code = pgr_db_query(
      t->database.place.db,
      "SELECT n.nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
      " WHERE c.oid = pg_catalog.to_regclass(pg_catalog.quote_ident($1::text)) AND (n.nspname <> 'public'"
      " OR (pg_catalog.current_schemas(false))[1] <> 'public')",
      1, &rule->table, &rows, err);
  if (code) return code;
  if (PQntuples(rows) > 0) {
    pgr_buf table;
    pgr_buf_init(&table, 0);
    rule->schema = pgr_arena_strdup(&t->arena, PQgetvalue(rows, 0, 0));
    if (rule->schema) pgr_sql_qualified(rule->schema, rule->table, &table);
    if (!rule->schema || table.failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
    pgr_buf_addf(&t->remarks,
                 "The search path of this database leads to %s. All that was made says so, to mean the same table "
                 "wherever it runs.\n",
                 pgr_buf_text(&table));
    pgr_buf_deinit(&table);
  }
  PQclear(rows);
  return code;
}

static size_t arrow_len(const char *s) {
  static const char arrow[] = "→";
  if (strncmp(s, "->", 2) == 0) return 2;
  return strncmp(s, arrow, sizeof arrow - 1) == 0 ? sizeof arrow - 1 : 0;
}

/* A value as a rule writes it: the bytes of the word, or of the quoted text, that begins here; *is_it: it is this
 * value. */
static size_t word_len(const char *word, const char *value, bool *is_it) {
  size_t len = 0, i = 0;
  bool quoted = *word == '\'';
  *is_it = true;
  if (quoted) len = 1;
  while (quoted ? word[len] && (word[len] != '\'' || word[len + 1] == '\'')
                : word[len] && !strchr(" \t\r\n,'", word[len]) && !arrow_len(word + len)) {
    *is_it = *is_it && value[i] == word[len];
    if (value[i]) i++;
    len += quoted && word[len] == '\'' ? 2 : 1;
  }
  *is_it = *is_it && !value[i];
  return len + (quoted && word[len] ? 1 : 0);
}

static bool is_keyword(const char *word, size_t len) {
  static const char *const keywords[] = {"null", "any", "same"};
  for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
    if (strlen(keywords[i]) == len && strncasecmp(word, keywords[i], len) == 0) return true;
  return false;
}

/* Where the option's text names the value. text NULL: it is not given. false: it does not. */
static bool find_value(const char *text, const char *value, size_t *offset, size_t *len) {
  char name[ROOM_BYTES];
  const char *rest = text ? behind_prefix(text, name) : NULL;
  for (const char *p = rest ? rest : text; p && *p;) {
    bool is_it;
    *len = word_len(p, value, &is_it);
    *offset = (size_t)(p - text);
    if (*len > 0 && is_it && !is_keyword(p, *len)) return true;
    p += *len ? *len : arrow_len(p) ? arrow_len(p) : 1;
  }
  return false;
}

/* Whether the table can keep the rule; a value that it cannot is shown where it was given. */
static pgr_code check_rule(transition *t, pgr_err *err) {
  pgr_schema_culprit culprit;
  size_t offset, len;
  pgr_code code = pgr_schema_check_rule(t->database.place.db, &t->rule, &t->target, &culprit, err);
  if (code != PGR_EUSAGE || !culprit.value) return code;
  bool allow = find_value(t->allows[culprit.column], culprit.value, &offset, &len);
  if (!allow && !find_value(t->begins[culprit.column], culprit.value, &offset, &len)) return code;
  return place_fault(t, allow ? "--allow" : "--insert", allow ? t->allows[culprit.column] : t->begins[culprit.column],
                     offset, (int)len, err);
}

/* CREATE OR REPLACE would take somebody's function, or trigger, away. */
static pgr_code check_free(const transition *t, pgr_err *err) {
  const pgr_rule *rule = &t->rule;
  PGresult *rows = NULL;
  pgr_buf table;
  pgr_buf_init(&table, 0);
  pgr_sql_qualified(rule->schema, rule->table, &table);
  const char *values[] = {rule->function, rule->name, pgr_buf_text(&table)};
  pgr_code code = pgr_db_query(t->database.place.db,
                               "SELECT EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.proname = $1::text AND"
                               " p.pronargs = 0 AND pg_catalog.pg_function_is_visible(p.oid)),"
                               " EXISTS (SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = $3::pg_catalog.regclass"
                               " AND g.tgname IN ($2::text, $2::text || '_insert'))",
                               3, values, &rows, err);
  if (!code && strcmp(PQgetvalue(rows, 0, 0), "t") == 0)
    code = pgr_fail(err, PGR_EUSAGE, "the database has a function %s() already: give --function", rule->function);
  if (!code && strcmp(PQgetvalue(rows, 0, 1), "t") == 0)
    code = pgr_fail(err, PGR_EUSAGE, "the table %s has a trigger %s already: give --name", pgr_buf_text(&table),
                    rule->name);
  PQclear(rows);
  pgr_buf_deinit(&table);
  return code;
}

static pgr_code write_scenario(transition *t, pgr_err *err) {
  const pgr_rule *rule = &t->rule;
  const char *names[PGR_RULE_COLUMNS_MAX];
  char folder[PATH_MAX], version[PATH_MAX], path[PATH_MAX];
  pgr_schema_scenario_file made[PGR_SCHEMA_SCENARIO_FILES_MAX];
  size_t count = 0;
  pgr_buf table;
  for (int i = 0; i < rule->column_count; i++)
    names[i] = rule->columns[i].name;
  snprintf(folder, sizeof folder, "%s/%s", t->options.scenarios, rule->name);
  snprintf(version, sizeof version, "%s/triggers/%s/v1.sql", t->options.dir, rule->name);
  pgr_buf_init(&table, 0);
  pgr_code code = pgr_schema_relative(folder, version, path, err);
  if (!code)
    code = pgr_installed_write_table(t->database.place.db, rule->schema, rule->table, names, rule->column_count, &table,
                                     err);
  pgr_schema_scenario_input input = {
      .rule = rule, .target = &t->target, .table_sql = pgr_buf_text(&table), .version_path = path};
  if (!code) code = pgr_schema_scenario(&input, &t->arena, made, &count, &t->remarks, err);
  for (size_t i = 0; !code && i < count; i++)
    code = pgr_schema_files_add(&t->files, (const char *[]){t->options.scenarios, rule->name, made[i].name, NULL},
                                made[i].text, NULL, err);
  pgr_buf_deinit(&table);
  return code;
}

/* ---- the files ---- */

static pgr_code add_trigger(transition *t, pgr_err *err) {
  const char *dir = t->options.dir, *name = t->rule.name;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_trigger_declaration_write(&t->rule, &text);
  pgr_code code = text.failed || t->version.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  if (!code)
    code = pgr_schema_files_add(&t->files, (const char *[]){dir, "triggers", name, "trigger.yaml", NULL},
                                pgr_buf_text(&text), NULL, err);
  if (!code)
    code = pgr_schema_files_add(&t->files, (const char *[]){dir, "triggers", name, "v1.sql", NULL},
                                pgr_buf_text(&t->version), NULL, err);
  pgr_buf_deinit(&text);
  return code;
}

static pgr_code add_migration(transition *t, pgr_err *err) {
  pgr_buf words, up, down;
  pgr_buf_init(&words, 0);
  pgr_buf_init(&up, 0);
  pgr_buf_init(&down, 0);
  pgr_rule_words(&t->rule, &words);
  pgr_schema_comment(pgr_buf_text(&words), &up);
  pgr_buf_addf(&up, "\\ir triggers/%s/v1.sql\n", t->rule.name);
  pgr_rule_write_drop(&t->rule, &down);
  pgr_code code = words.failed || up.failed || down.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  if (!code)
    code = pgr_schema_add_migration(&t->folder.migrations, t->options.dir, t->rule.name, pgr_buf_text(&up),
                                    pgr_buf_text(&down), &t->files, err);
  pgr_buf_deinit(&words);
  pgr_buf_deinit(&up);
  pgr_buf_deinit(&down);
  return code;
}

/* ---- all of it ---- */

static pgr_code look(transition *t, pgr_err *err) {
  const pgr_rule *rule = &t->rule;
  pgr_db *db = t->database.place.db;
  pgr_code code = resolve_schema(t, err);
  if (!code) code = pgr_installed_table(db, rule->schema, rule->table, &t->arena, &t->target, err);
  if (!code) code = check_rule(t, err);
  if (!code) code = check_free(t, err);
  if (code) return code;
  pgr_rule_write_version(rule, 1, &t->version);
  code = add_trigger(t, err);
  if (!code) code = add_migration(t, err);
  if (!code) code = pgr_schema_try_version(&t->database, pgr_buf_text(&t->version), err);
  size_t without = t->files.count;
  if (!code && !t->options.no_scenario) code = write_scenario(t, err);
  t->has_scenario = t->files.count > without;
  if (!code) pgr_schema_scenario_remarks(rule, &t->target, &t->remarks);
  return code;
}

static pgr_code look_at_database(transition *t, pgr_err *err) {
  pgr_err closing;
  pgr_code code = pgr_schema_database_open(t->options.dsn, &t->folder, &t->database, err);
  if (code) return code;
  if (t->options.dsn) code = pgr_db_exec(t->database.place.db, "SET default_transaction_read_only = on", err);
  if (!code) code = look(t, err);
  if (pgr_schema_database_close(&t->database, code ? &closing : err) && !code) code = err->code;
  return code;
}

static void tell_next(const transition *t, bool raced) {
  const transition_options *o = &t->options;
  bool here = strcmp(o->dir, pgr_schema_default_dir) == 0;
  const char *dot = strchr("./", *o->scenarios) ? "" : "./", *option = here ? "" : " --dir ", *dir = here ? "" : o->dir;
  fputs("\nNext:\n", stdout);
  for (int i = 0; raced && i < PGR_SCHEMA_CHECKS; i++)
    printf("  pgrace %s %s%s/%s\n", pgr_schema_checks[i], dot, o->scenarios, t->rule.name);
  printf("  pgrace schema up%s%s              a rehearsal, on a server of its own\n"
         "  pgrace schema up%s%s --dsn URI    install it\n",
         option, dir, option, dir);
}

static pgr_code make(transition *t, pgr_err *err) {
  pgr_code code = read_rule(t, err);
  if (code) return code;
  code = look_at_database(t, err);
  if (!code && !t->options.dry_run) code = pgr_schema_files_write(&t->files, err);
  if (code) return code;
  pgr_schema_files_tell(&t->files, t->options.dry_run);
  if (!t->options.dry_run) tell_next(t, t->has_scenario);
  if (t->remarks.len > 0) {
    fputs("\n", stdout);
    pgr_schema_print_remarks(pgr_buf_text(&t->remarks));
  }
  return PGR_OK;
}

static int run(transition *t, int argc, char **argv) {
  pgr_err err;
  int status = 0;
  pgr_code code = PGR_OK;
  for (int i = 1; !code && i < argc; i++)
    code = check_text(argv[i], &err);
  if (!code && !pgr_schema_folder_open_or_begin(t->options.dir, &t->folder, &status)) return status;
  if (!code) code = make(t, &err);
  if (t->faults.count > 0) return pgr_schema_complain_of_faults(&t->faults);
  return code ? pgr_schema_complain(&err) : 0;
}

int pgr_schema_new_transition(int argc, char **argv) {
  transition t = {.options = {.dir = pgr_schema_default_dir, .scenarios = pgr_schema_default_scenarios}};
  transition_options *o = &t.options;
  const pgr_option table[] = {{"table", 0, PGR_OPTION_TEXT, &o->table, 0, 0, NULL},
                              {"column", 0, PGR_OPTION_LIST, &o->columns, 0, 0, NULL},
                              {"allow", 0, PGR_OPTION_LIST, &o->allows, 0, 0, NULL},
                              {"insert", 0, PGR_OPTION_LIST, &o->inserts, 0, 0, NULL},
                              {"name", 0, PGR_OPTION_TEXT, &o->name, 0, 0, NULL},
                              {"function", 0, PGR_OPTION_TEXT, &o->function, 0, 0, NULL},
                              {"message", 0, PGR_OPTION_TEXT, &o->message, 0, 0, NULL},
                              {"why", 0, PGR_OPTION_TEXT, &o->why, 0, 0, NULL},
                              {"field", 0, PGR_OPTION_TEXT, &o->field, 0, 0, NULL},
                              {"shown", 0, PGR_OPTION_TEXT, &o->shown, 0, 0, NULL},
                              {"sqlstate", 0, PGR_OPTION_TEXT, &o->sqlstate, 0, 0, NULL},
                              {"log", 0, PGR_OPTION_TEXT, &o->log, 0, 0, NULL},
                              {"history", 0, PGR_OPTION_TEXT, &o->history, 0, 0, NULL},
                              {"history-key", 0, PGR_OPTION_TEXT, &o->history_key, 0, 0, NULL},
                              {"history-order", 0, PGR_OPTION_TEXT, &o->history_order, 0, 0, NULL},
                              {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"scenarios", 0, PGR_OPTION_TEXT, &o->scenarios, 0, 0, NULL},
                              {"no-scenario", 0, PGR_OPTION_FLAG, &o->no_scenario, 0, 0, NULL},
                              {"dry-run", 0, PGR_OPTION_FLAG, &o->dry_run, 0, 0, NULL},
                              {0}};
  bool wants_help = false;
  int operands = 0;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &operands, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  if (code) return pgr_schema_complain(&err);
  pgr_buf_init(&t.remarks, 0);
  pgr_buf_init(&t.version, 0);
  int status = run(&t, argc, argv);
  pgr_buf_deinit(&t.remarks);
  pgr_buf_deinit(&t.version);
  pgr_faults_deinit(&t.faults);
  pgr_schema_files_deinit(&t.files);
  pgr_schema_folder_close(&t.folder);
  pgr_arena_deinit(&t.arena);
  return status;
}
