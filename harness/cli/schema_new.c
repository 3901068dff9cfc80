/* pgrace schema new: files that begin something: a rule's trigger, its next version, an empty migration. Invariant: no
 * file of the user's is overwritten, and all that a command makes is there, or nothing of it is. */
#include "schema_new.h"

#include "pgr_units.h"
#include "schema_contest.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

const char pgr_schema_default_scenarios[] = "scenarios";
const char *const pgr_schema_checks[PGR_SCHEMA_CHECKS] = {"lint --server", "run", "explore"};

enum {
  NAME_BYTES_MAX = 63,
  DIGITS_DEFAULT = 4,
  FILE_NAME_BYTES = 160,
  NAMES_MAX = 64,
  COMMENT_COLUMNS = 117,
  REMARK_BYTES = 1024
};

static void help(FILE *out) {
  fputs("Usage: pgrace schema new transition --table T --column C --allow RULE [OPTION]\n"
        "       pgrace schema new version NAME [OPTION]\n"
        "       pgrace schema new migration NAME [--dir DIR]\n\n"
        "transition  a rule about how a column may change: its trigger, the migration\n"
        "            that installs it, and a scenario that races it\n"
        "version     the next version of a trigger, from its trigger.yaml as you have\n"
        "            changed it, or, of one that was written by hand, a copy to edit\n"
        "migration   an empty migration, up and down\n\n"
        "pgrace schema new transition --help has the options. A file that is there stays\n"
        "as it is, but for two of a scenario, which version changes: its YAML, of which\n"
        "only the version's path, and transitions.sql, unless you have edited it.\n\n"
        "Exit status: 0 made, 4 usage, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema new transition --table conversations --column texter_id \\\n"
        "      --allow 'null->any, any->null, same'\n"
        "  pgrace schema new version conversations_texter_id_transition\n"
        "  pgrace schema new migration texters\n",
        out);
}

static void help_migration(void) {
  fputs("Usage: pgrace schema new migration NAME [--dir DIR]\n\n"
        "Makes the next migration, two empty files: NUMBER_NAME.up.sql and .down.sql.\n\n"
        "  --dir DIR   the folder of the migrations (default: schema); made when it is\n"
        "              not there\n\n"
        "Exit status: 0 made, 4 usage, 5 it cannot be written.\n\n"
        "Example\n"
        "  pgrace schema new migration texters\n",
        stdout);
}

/* ---- shared ---- */

bool pgr_schema_folder_open_or_begin(const char *dir, pgr_schema_folder *out, int *status) {
  struct stat ignored;
  if (stat(dir, &ignored) == 0 || errno != ENOENT) return pgr_schema_folder_open(dir, out, status);
  *out = (pgr_schema_folder){.migrations.folder = dir, .triggers.folder = dir};
  return true;
}

pgr_code pgr_schema_check_name(const char *what, const char *name, pgr_err *err) {
  static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
  size_t len = strlen(name);
  if (len > 0 && len <= NAME_BYTES_MAX && strspn(name, letters) == len && !strchr(".-", *name)) return PGR_OK;
  if (pgr_looks_secret(name)) return pgr_fail(err, PGR_EUSAGE, "this is no name for a %s", what);
  return pgr_fail(err, PGR_EUSAGE,
                  "'%.80s' is no name for a %s: letters, digits, _ and, after the first one, also . -, at most %d",
                  name, what, NAME_BYTES_MAX);
}

void pgr_schema_comment(const char *text, pgr_buf *out) {
  while (*text) {
    size_t len = strlen(text), end = len;
    if (len > COMMENT_COLUMNS) {
      for (end = COMMENT_COLUMNS; end > 0 && text[end] != ' ';)
        end--;
      if (end == 0) end = strcspn(text, " ");
    }
    pgr_buf_adds(out, "-- ");
    for (size_t i = 0; i < end; i++) /* a line end would end the comment */
      pgr_buf_add(out, text[i] == '\n' || text[i] == '\r' ? " " : text + i, 1);
    pgr_buf_adds(out, "\n");
    text += end + (text[end] == ' ');
  }
}

int pgr_schema_complain_of_faults(const pgr_faults *faults) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_faults_print(faults, &text);
  fputs(pgr_buf_text(&text), stderr);
  pgr_buf_deinit(&text);
  return pgr_exit_status(PGR_EUSAGE);
}

void pgr_schema_print_remarks(const char *remarks) {
  while (*remarks) {
    char line[REMARK_BYTES];
    size_t len = strcspn(remarks, "\n");
    snprintf(line, sizeof line, "%.*s", (int)len, remarks);
    for (char *p = line; *p; p++)
      if ((unsigned char)*p < 0x20 || *p == 0x7F) *p = ' ';
    pgr_schema_print_wrapped(line, 0);
    remarks += len + (remarks[len] ? 1 : 0);
  }
}

pgr_code pgr_schema_add_migration(const pgr_migrations *migrations, const char *dir, const char *name, const char *up,
                                  const char *down, pgr_schema_files *files, pgr_err *err) {
  char file[FILE_NAME_BYTES];
  const pgr_migration *last = migrations->count ? &migrations->items[migrations->count - 1] : NULL;
  long long number = last ? last->number + 1 : 1;
  int digits = last ? last->digits : DIGITS_DEFAULT;
  snprintf(file, sizeof file, "%0*lld_%s.up.sql", digits, number, name);
  pgr_code code = pgr_schema_files_add(files, (const char *[]){dir, file, NULL}, up, NULL, err);
  snprintf(file, sizeof file, "%0*lld_%s.down.sql", digits, number, name);
  if (!code) code = pgr_schema_files_add(files, (const char *[]){dir, file, NULL}, down, NULL, err);
  return code;
}

static pgr_code no_column(const pgr_rule *rule, const pgr_rule_target *target, const char *name, pgr_err *err) {
  const char *names[NAMES_MAX + 1] = {NULL};
  for (int i = 0; i < target->column_count && i < NAMES_MAX; i++)
    names[i] = target->columns[i].name;
  const char *near = pgr_nearest(name, names);
  return pgr_fail(err, PGR_EUSAGE, "the table %.80s has no column %.80s%s%.80s%s", rule->table, name,
                  near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* ---- what the columns' types make of the rule ---- */

typedef struct type_check {
  pgr_db *db;
  const pgr_rule_target_column *target;
  const char *values[PGR_RULE_VALUES_MAX]; /* that the rule names */
  int count;
  int culprit; /* of `values`; NONE: the fault is the type's */
} type_check;

enum { NONE = -1 };

/* For this look only: texts that mean the same to every session, and the types' names, which are as one with nothing
 * but public in its search path writes them; operators may lie elsewhere. How a date's numbers are read stays as the
 * database has it. */
static const char look_sql[] =
    "BEGIN READ ONLY; SET LOCAL datestyle = ISO; SET LOCAL timezone = 'UTC'; SET LOCAL intervalstyle = postgres;"
    " SET LOCAL bytea_output = hex; SET LOCAL extra_float_digits = 1; SELECT pg_catalog.set_config('search_path',"
    " pg_catalog.concat_ws(', ', 'public', nullif(pg_catalog.current_setting('search_path'), '')), true)";

/* A query of which the server may say that the rule makes no sense: then *reason is what it says, and *rows NULL. */
static pgr_code ask(const type_check *c, const pgr_buf *sql, int count, const char *const *values, PGresult **rows,
                    pgr_err *reason, pgr_err *err) {
  *rows = NULL;
  if (sql->failed) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = pgr_db_query(c->db, pgr_buf_text(sql), count, values, rows, reason);
  if (!code || (code == PGR_EDATABASE && pgr_db_blames_sql(c->db))) return PGR_OK;
  *err = *reason;
  return code;
}

/* What a text that differs from the value's own is: something that was cut, or another way to write it, which may mean
 * something else another day. */
static pgr_code other_text(const type_check *c, const char *value, const char *text, pgr_err *err) {
  size_t len = strlen(text);
  bool cut = c->target->category == 'S' && value[strspn(value, " ")] && strncmp(value, text, len) == 0 &&
             value[len + strspn(value + len, " ")];
  if (cut)
    return pgr_fail(err, PGR_EUSAGE, "the column %.80s is of the type %.80s, which cannot hold '%.200s'",
                    c->target->name, c->target->type, value);
  return pgr_fail(err, PGR_EUSAGE, "'%.200s' is '%.200s' to PostgreSQL, as %.80s of the column %.80s: write that",
                  value, text, c->target->type, c->target->name);
}

/* Whether the value is one of the type, and written as the type writes it: 'today' would be the day of the migration
 * for ever. The text of money is another one in another locale, so it is not compared. */
static pgr_code check_value(type_check *c, int i, pgr_err *err) {
  PGresult *rows;
  pgr_err reason;
  pgr_buf sql;
  pgr_buf_init(&sql, 0);
  pgr_buf_addf(&sql, "SELECT ($1::text::%s)::text", c->target->type);
  c->culprit = i;
  pgr_code code = ask(c, &sql, 1, &c->values[i], &rows, &reason, err);
  if (!code && !rows)
    code = pgr_fail(err, PGR_EUSAGE, "the column %.80s is of the type %.80s: %.300s", c->target->name, c->target->type,
                    reason.msg);
  else if (!code && strcmp(PQgetvalue(rows, 0, 0), c->values[i]) != 0 && strcmp(c->target->type, "money") != 0)
    code = other_text(c, c->values[i], PQgetvalue(rows, 0, 0), err);
  PQclear(rows);
  pgr_buf_deinit(&sql);
  return code;
}

/* Whether values that differ as texts differ: 1.0 and 1.00 do not, whatever a rule says of each. */
static pgr_code check_distinct(type_check *c, pgr_err *err) {
  PGresult *rows;
  pgr_err reason;
  pgr_buf sql;
  if (c->count < 2) return PGR_OK;
  pgr_buf_init(&sql, 0);
  pgr_buf_adds(&sql, "WITH v(i, x) AS (VALUES ");
  for (int i = 0; i < c->count; i++)
    pgr_buf_addf(&sql, "%s(%d, $%d::text::%s)", i ? ", " : "", i, i + 1, c->target->type);
  pgr_buf_adds(&sql, ") SELECT a.i, b.i FROM v a JOIN v b ON a.i < b.i AND a.x IS NOT DISTINCT FROM b.x ORDER BY 2, 1");
  pgr_code code = ask(c, &sql, c->count, c->values, &rows, &reason, err);
  if (!code && rows && PQntuples(rows) > 0) {
    int a = (int)strtol(PQgetvalue(rows, 0, 0), NULL, 10), b = (int)strtol(PQgetvalue(rows, 0, 1), NULL, 10);
    c->culprit = b;
    code = pgr_fail(err, PGR_EUSAGE, "'%.200s' and '%.200s' are one value of the type %.80s: write only one of them",
                    c->values[a], c->values[b], c->target->type);
  } else if (!code && !rows) {
    c->culprit = NONE;
    code = pgr_fail(err, PGR_EUSAGE, "the column %.80s is of the type %.80s: %.300s", c->target->name, c->target->type,
                    reason.msg);
  }
  PQclear(rows);
  pgr_buf_deinit(&sql);
  return code;
}

static pgr_code check_column(type_check *c, const pgr_rule_column *column, pgr_err *err) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(column, states);
  for (int i = 0; i < count; i++)
    if (states[i].side.kind == PGR_SIDE_VALUE) c->values[c->count++] = states[i].side.value;
  if (!c->target->comparable)
    return pgr_fail(err, PGR_EUSAGE,
                    "the column %.80s is of the type %.80s, which has no = that tells whether two values are the same: "
                    "a rule needs a column of another type",
                    c->target->name, c->target->type);
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < c->count; i++)
    code = check_value(c, i, err);
  return code ? code : check_distinct(c, err);
}

pgr_code pgr_schema_check_rule(pgr_db *db, const pgr_rule *rule, const pgr_rule_target *target,
                               pgr_schema_culprit *culprit, pgr_err *err) {
  pgr_err ignored;
  *culprit = (pgr_schema_culprit){0};
  pgr_code code = pgr_db_exec(db, look_sql, err);
  for (int i = 0; !code && i < rule->column_count; i++) {
    type_check c = {.db = db, .target = pgr_contest_find_column(target, rule->columns[i].name), .culprit = NONE};
    if (!c.target)
      code = no_column(rule, target, rule->columns[i].name, err);
    else if (c.target->generated)
      code = pgr_fail(err, PGR_EUSAGE, "the column %.80s is generated: no UPDATE can change it", c.target->name);
    else
      code = check_column(&c, &rule->columns[i], err);
    if (code && c.culprit != NONE) *culprit = (pgr_schema_culprit){.column = i, .value = c.values[c.culprit]};
  }
  if (pgr_db_exec(db, "ROLLBACK", code ? &ignored : err) && !code) code = err->code;
  return code;
}

pgr_code pgr_schema_try_version(const pgr_schema_database *d, const char *sql, pgr_err *err) {
  pgr_err reason, ignored;
  if (!d->ours) return PGR_OK;
  pgr_code code = pgr_db_exec(d->place.db, "BEGIN", err);
  if (code) return code;
  code = pgr_db_exec(d->place.db, sql, &reason);
  if (code == PGR_EDATABASE && pgr_db_blames_sql(d->place.db))
    code = pgr_fail(err, PGR_EUSAGE, "the trigger cannot be installed: %.500s", reason.msg);
  else if (code)
    *err = reason;
  if (pgr_db_exec(d->place.db, "ROLLBACK", code ? &ignored : err) && !code) code = err->code;
  return code;
}

/* ---- new migration ---- */

static int new_migration(int argc, char **argv) {
  const char *dir = pgr_schema_default_dir, *name = NULL;
  bool wants_help = false;
  int operands = 0, status = 0;
  const pgr_option table[] = {{"dir", 0, PGR_OPTION_TEXT, &dir, 0, 0, NULL}, {0}};
  pgr_schema_folder folder;
  pgr_schema_files files = {0};
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, &name, 1, &operands, &wants_help, &err);
  if (!code && wants_help) {
    help_migration();
    return 0;
  }
  if (!code && operands == 0)
    code = pgr_fail(&err, PGR_EUSAGE, "give the migration a name, as in: pgrace schema new migration texters");
  if (!code) code = pgr_schema_check_name("migration", name, &err);
  if (code) return pgr_schema_complain(&err);
  if (pgr_schema_folder_open_or_begin(dir, &folder, &status)) {
    code = pgr_schema_add_migration(&folder.migrations, dir, name, "-- What this migration does, and why.\n",
                                    "-- How it is taken back.\n", &files, &err);
    if (!code) code = pgr_schema_files_write(&files, &err);
    if (code)
      status = pgr_schema_complain(&err);
    else
      pgr_schema_files_tell(&files, false);
  }
  pgr_schema_files_deinit(&files);
  pgr_schema_folder_close(&folder);
  return status;
}

/* ---- new ---- */

static const struct kind {
  const char *name;
  int (*run)(int argc, char **argv);
} kinds[] = {
    {"transition", pgr_schema_new_transition}, {"version", pgr_schema_new_version}, {"migration", new_migration}};

enum { KIND_COUNT = sizeof kinds / sizeof *kinds };

int pgr_schema_new(int argc, char **argv) {
  const char *names[KIND_COUNT + 1] = {NULL};
  if (argc < 2) {
    help(stderr);
    return pgr_exit_status(PGR_EUSAGE);
  }
  if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
    help(stdout);
    return 0;
  }
  for (int i = 0; i < KIND_COUNT; i++) {
    names[i] = kinds[i].name;
    if (strcmp(argv[1], names[i]) == 0) return kinds[i].run(argc - 1, argv + 1);
  }
  pgr_err err;
  const char *near = pgr_nearest(argv[1], names);
  (void)pgr_fail(&err, PGR_EUSAGE, "schema new: the first word is transition, version or migration%s%s%s",
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  return pgr_schema_complain(&err);
}
