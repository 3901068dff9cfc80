/* pgrace schema lint: what is wrong, or soon will be, with the migrations and triggers of a folder; for people, for
 * programs, and as annotations beside the lines of a pull request. */
#include "pgr_schema_lint.h"
#include "schema_command.h"
#include "schema_contest.h"

#include "gallery.h"
#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FORMAT = 1 };

static const char default_scenarios[] = "scenarios";

typedef struct check_options {
  const char *dir, *dsn, *scenarios, *format;
} check_options;

typedef struct checker {
  check_options options;
  pgr_schema_folder folder;
  pgr_schema_database database;
  bool connected;
  pgr_lint_declared *declared; /* texts in the arena */
  size_t declared_count, declared_capacity;
  bool looked; /* for scenarios */
  pgr_arena arena;
  const pgr_lint_finding *found;
  size_t count;
} checker;

static void help(void) {
  fputs("Usage: pgrace schema lint [OPTION …]\n\n"
        "Looks at the migrations and triggers of a folder for what is wrong, or soon\n"
        "will be: names that do not tie trigger, function and constraint together, errors\n"
        "that no driver maps, a search_path that bends a rule, rules that nobody raced,\n"
        "versions that nothing installs, locks that keep readers waiting.\n\n"
        "  --dir DIR         the folder (default: schema)\n"
        "  --scenarios DIR   where scenarios are: DIR/NAME/NAME.yaml (default: scenarios,\n"
        "                    when it is there)\n"
        "  --dsn URI         also look into this database, which is only read: triggers\n"
        "                    that no folder declares, files edited after being applied,\n"
        "                    what fires after a rule or has bent it\n"
        "  --format F        text (default), json, or github: annotations for a workflow\n\n"
        "Each finding names its check in brackets; docs/triggers.md explains them.\n\n"
        "Exit status: 0 no errors (warnings there may be), 1 errors, 4 usage, or files\n"
        "that cannot be read as what they are, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema lint\n"
        "  pgrace schema lint --dsn postgresql://localhost/inbox\n"
        "  pgrace schema lint --format github\n",
        stdout);
}

/* ---- scenarios ---- */

static pgr_code declare(checker *c, const char *constraint, const char *scenario, pgr_err *err) {
  if (c->declared_count == c->declared_capacity) {
    size_t capacity = c->declared_capacity ? 2 * c->declared_capacity : 16;
    pgr_lint_declared *more = pgr_realloc(c->declared, capacity, sizeof *more);
    if (!more) return pgr_fail(err, PGR_ENOMEM, "out of memory");
    c->declared = more;
    c->declared_capacity = capacity;
  }
  pgr_lint_declared *d = &c->declared[c->declared_count++];
  *d = (pgr_lint_declared){pgr_arena_strdup(&c->arena, constraint), pgr_arena_strdup(&c->arena, scenario)};
  return d->constraint && d->scenario ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

/* What it says of itself when it cannot be read is told; false then, with *status. */
static bool add_scenario(checker *c, const char *path, int *status) {
  pgr_scenario *s = NULL;
  pgr_faults faults = {0};
  pgr_err err;
  pgr_code code = pgr_gallery_open(path, &s, &faults, &err);
  for (int i = 0; !code && i < s->rejection_count; i++)
    if (s->rejections[i].constraint) code = declare(c, s->rejections[i].constraint, s->name, &err);
  if (code) *status = pgr_gallery_complain(&faults, &err);
  pgr_scenario_destroy(s);
  pgr_faults_deinit(&faults);
  return !code;
}

static bool read_folder(checker *c, const char *dir, DIR *d, int *status) {
  for (const struct dirent *e; (e = readdir(d));) {
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s/%s.yaml", dir, e->d_name, e->d_name);
    if (*e->d_name == '.' || n >= PATH_MAX || access(path, F_OK)) continue;
    if (!add_scenario(c, path, status)) return false;
  }
  return true;
}

/* The order in which they are found does not matter. */
static bool read_scenarios(checker *c, int *status) {
  const char *dir = c->options.scenarios ? c->options.scenarios : default_scenarios;
  DIR *d = opendir(dir);
  if (!d && !c->options.scenarios && errno == ENOENT) return true;
  if (!d) {
    pgr_err err;
    (void)pgr_fail(&err, PGR_EUSAGE, "--scenarios: cannot read the folder %.200s: %s", dir, strerror(errno));
    *status = pgr_schema_complain(&err);
    return false;
  }
  c->looked = true;
  bool ok = read_folder(c, dir, d, status);
  closedir(d);
  return ok;
}

/* Whether pgrace schema new transition has a scenario for it. The table is not known here: of texts there is always
 * another one. */
static bool is_contested(const pgr_rule *rule) {
  pgr_rule_target_column columns[PGR_RULE_COLUMNS_MAX];
  pgr_contest_column found[PGR_RULE_COLUMNS_MAX];
  pgr_contest contest;
  pgr_arena arena = {0};
  for (int i = 0; i < rule->column_count; i++)
    columns[i] = (pgr_rule_target_column){.name = rule->columns[i].name, .type = "text", .category = 'S'};
  const pgr_rule_target target = {.columns = columns, .column_count = rule->column_count};
  pgr_contest_columns(rule, &target, &arena, found);
  bool contested = pgr_contest_find(rule, found, &contest);
  pgr_arena_deinit(&arena);
  return contested;
}

/* ---- what comes out ---- */

static size_t errors_of(const checker *c) {
  size_t errors = 0;
  for (size_t i = 0; i < c->count; i++)
    errors += !c->found[i].warning;
  return errors;
}

/* "2 errors and 1 warning" */
static void add_counts(const checker *c, pgr_buf *out) {
  size_t errors = errors_of(c), warnings = c->count - errors;
  if (errors) pgr_buf_addf(out, "%zu error%s", errors, errors == 1 ? "" : "s");
  if (errors && warnings) pgr_buf_adds(out, " and ");
  if (warnings) pgr_buf_addf(out, "%zu warning%s", warnings, warnings == 1 ? "" : "s");
  if (c->count == 0) pgr_buf_adds(out, "nothing found");
}

/* As compilers say it, with the line and a caret. */
static void add_finding(const pgr_lint_finding *f, pgr_buf *out) {
  static const pgr_source database = {.name = "the database"};
  pgr_faults one = {0};
  char hint[600];
  if (f->hint) snprintf(hint, sizeof hint, "      = %s", f->hint);
  pgr_faults_add(&one, f->source ? f->source : &database, f->at, f->hint ? hint : NULL, "%s: %s [%s]",
                 f->warning ? "warning" : "error", f->message, f->check);
  pgr_faults_print(&one, out);
  pgr_faults_deinit(&one);
}

static void add_text(const checker *c, pgr_buf *out) {
  for (size_t i = 0; i < c->count; i++)
    add_finding(&c->found[i], out);
  pgr_buf_addf(out, "%s: ", c->options.dir);
  add_counts(c, out);
  pgr_buf_adds(out, "\n");
}

/* ---- JSON ---- */

static json_t *finding_json(const pgr_lint_finding *f) {
  bool placed = f->source && f->at.line > 0;
  char file[PATH_MAX];
  pgr_utf8_copy(file, sizeof file, f->source ? f->source->name : "");
  return json_pack("{s:s, s:s, s:o, s:o, s:o, s:s, s:s?}", "check", f->check, "level", f->warning ? "warning" : "error",
                   "file", f->source ? json_string(file) : json_null(), "line",
                   placed ? json_integer(f->at.line) : json_null(), "column",
                   placed ? json_integer(f->at.column) : json_null(), "message", f->message, "hint", f->hint);
}

static void add_json(const checker *c, pgr_buf *out) {
  json_t *list = json_array();
  size_t errors = errors_of(c);
  for (size_t i = 0; i < c->count; i++)
    if (json_array_append_new(list, finding_json(&c->found[i]))) out->failed = true;
  json_t *document = json_pack("{s:i, s:s, s:I, s:I, s:o}", "format", FORMAT, "command", "schema lint", "errors",
                               (json_int_t)errors, "warnings", (json_int_t)(c->count - errors), "findings", list);
  char *text = document ? json_dumps(document, JSON_INDENT(2)) : NULL;
  json_decref(document);
  if (text)
    pgr_buf_addf(out, "%s\n", text);
  else
    out->failed = true;
  free(text);
}

/* ---- GitHub ---- */

/* As actions/toolkit, command.ts; property: what would end one is escaped, too. */
static void add_escaped(const char *text, bool property, pgr_buf *out) {
  for (; *text; text++) {
    if (strchr(property ? "%\r\n:," : "%\r\n", *text))
      pgr_buf_addf(out, "%%%02X", (unsigned char)*text);
    else
      pgr_buf_add(out, text, 1);
  }
}

static void add_annotation(const pgr_lint_finding *f, pgr_buf *out) {
  pgr_buf_addf(out, "::%s ", f->warning ? "warning" : "error");
  if (f->source) {
    pgr_buf_adds(out, "file=");
    add_escaped(f->source->name, true, out);
    if (f->at.line > 0) pgr_buf_addf(out, ",line=%d,col=%d", f->at.line, f->at.column);
    pgr_buf_adds(out, ",");
  }
  pgr_buf_addf(out, "title=pgrace schema lint%%3A %s::", f->check);
  add_escaped(f->message, false, out);
  if (f->hint) {
    pgr_buf_adds(out, "%0A");
    add_escaped(f->hint, false, out);
  }
  pgr_buf_adds(out, "\n");
}

/* It shows ten a step and kind: errors are told first. */
static void add_github(const checker *c, pgr_buf *out) {
  for (int warnings = 0; warnings < 2; warnings++)
    for (size_t i = 0; i < c->count; i++)
      if (c->found[i].warning == (warnings == 1)) add_annotation(&c->found[i], out);
}

static pgr_code print(const checker *c, pgr_err *err) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  if (strcmp(c->options.format, "json") == 0)
    add_json(c, &out);
  else if (strcmp(c->options.format, "github") == 0)
    add_github(c, &out);
  else
    add_text(c, &out);
  pgr_code code = out.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  if (!code && (fwrite(pgr_buf_text(&out), 1, out.len, stdout) != out.len || fflush(stdout)))
    code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the findings to standard output");
  pgr_buf_deinit(&out);
  return code;
}

/* ---- the command ---- */

static pgr_code parse(check_options *o, int argc, char **argv, bool *wants_help, pgr_err *err) {
  const pgr_option table[] = {{"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {"scenarios", 0, PGR_OPTION_TEXT, &o->scenarios, 0, 0, NULL},
                              {"format", 0, PGR_OPTION_TEXT, &o->format, 0, 0, NULL},
                              {0}};
  int count = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &count, wants_help, err);
  if (code || *wants_help) return code;
  if (strcmp(o->format, "text") != 0 && strcmp(o->format, "json") != 0 && strcmp(o->format, "github") != 0)
    return pgr_fail(err, PGR_EUSAGE, "--format: '%.40s' is unknown, give text, json or github", o->format);
  return PGR_OK;
}

static pgr_code look(checker *c, pgr_err *err) {
  pgr_code code = PGR_OK;
  if (c->options.dsn) {
    code = pgr_schema_database_open(c->options.dsn, NULL, &c->database, err);
    c->connected = !code;
  }
  pgr_lint_input input = {.migrations = &c->folder.migrations,
                          .triggers = &c->folder.triggers,
                          .declared = c->declared,
                          .declared_count = c->declared_count,
                          .contested = is_contested,
                          .db = c->connected ? c->database.place.db : NULL};
  static const pgr_lint_declared none;
  if (c->looked && !c->declared) input.declared = &none;
  if (!code) code = pgr_schema_lint(&input, &c->arena, &c->found, &c->count, err);
  if (!code) code = print(c, err);
  return code;
}

/* Returns the exit status. */
static int check(checker *c) {
  int status = 0;
  pgr_err err;
  if (!pgr_schema_folder_open(c->options.dir, &c->folder, &status) || !read_scenarios(c, &status)) return status;
  status = look(c, &err) ? pgr_schema_complain(&err) : errors_of(c) > 0;
  if (c->connected && pgr_schema_database_close(&c->database, &err)) status = pgr_schema_complain(&err);
  return status;
}

int pgr_schema_check(int argc, char **argv) {
  checker c = {.options = {.dir = pgr_schema_default_dir, .format = "text"}};
  bool wants_help = false;
  pgr_err err;
  if (parse(&c.options, argc, argv, &wants_help, &err)) return pgr_schema_complain(&err);
  if (wants_help) {
    help();
    return 0;
  }
  int status = check(&c);
  pgr_schema_folder_close(&c.folder);
  pgr_free(c.declared);
  pgr_arena_deinit(&c.arena);
  return status;
}
