/* pgrace schema new version: the next version of a trigger, the migration to it and back, and the scenarios that
 * installed the last one pointed to it. Invariant: what was installed somewhere, an older version's file, is never
 * touched. */
#include "schema_new.h"

#include "pgr_installed.h"
#include "pgr_names.h"
#include "schema_scenario.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { VERSION_NAME_BYTES = 96 };

typedef struct version_options {
  const char *dir, *dsn, *scenarios;
  bool no_scenario, dry_run;
} version_options;

typedef struct next_version {
  version_options options;
  pgr_schema_folder folder;
  const pgr_trigger *trigger;
  const pgr_version *last;
  pgr_schema_files files;
  pgr_buf text; /* of the new version */
  pgr_buf remarks;
  bool untried; /* what transitions.sql does not try has been told */
  pgr_arena arena;
} next_version;

static void help(void) {
  fputs("Usage: pgrace schema new version NAME [OPTION …]\n\n"
        "Makes the next version of the trigger NAME: from the rule in its trigger.yaml,\n"
        "which you have changed before, or, where there is none, a copy of the last\n"
        "version, which you change then. Also the migration that installs it, and its\n"
        "way back: to the last version, or, where trigger.yaml has the table's new name,\n"
        "which that version has not, to no trigger. Scenarios of the last version install\n"
        "this one: only its path is changed in their YAML, and transitions.sql is written\n"
        "anew unless you have edited it. No other file that is there is written over.\n"
        "Shows the diff.\n\n"
        "  --dsn URI         the database that has the table, only read (default: a\n"
        "                    throw-away server with the folder's migrations)\n"
        "  --dir DIR         the folder of the migrations (default: schema)\n"
        "  --scenarios DIR   where scenarios are (default: scenarios); --no-scenario\n"
        "  --dry-run         show what would be written\n\n"
        "Exit status: 0 made, 4 usage, 5 database or environment.\n\n"
        "Example\n"
        "  pgrace schema new version conversations_texter_id_transition\n",
        stdout);
}

/* ---- the version ---- */

static pgr_code write_version(next_version *v, pgr_err *err) {
  const pgr_rule *rule = &v->trigger->rule;
  if (v->last->number == PGR_VERSIONS_MAX)
    return pgr_fail(err, PGR_ELIMIT, "%s has %d versions, more are not possible", rule->name, PGR_VERSIONS_MAX);
  if (rule->column_count == 0) {
    pgr_buf_adds(&v->text, v->last->source.text);
    return v->text.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  }
  pgr_code code = pgr_rule_check(rule, err);
  if (code) return code;
  pgr_rule_write_version(rule, v->last->number, &v->text);
  if (strcmp(pgr_buf_text(&v->text), v->last->source.text) == 0)
    return pgr_fail(err, PGR_EUSAGE,
                    "%.300s is just what its trigger.yaml declares: change the rule there first, then run this again",
                    v->last->source.name);
  pgr_buf_clear(&v->text);
  pgr_rule_write_version(rule, v->last->number + 1, &v->text);
  return v->text.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

static void put_table(const char *schema, const char *table, pgr_buf *out) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_sql_qualified(schema, table, &name);
  pgr_schema_show_text(pgr_buf_text(&name), out);
  out->failed |= name.failed;
  pgr_buf_deinit(&name);
}

/* What the trigger, which was written by hand, consists of, taken off the table that trigger.yaml declares. */
static void put_drop_by_hand(const next_version *v, pgr_buf *out) {
  const pgr_objects *made = &v->last->objects;
  for (size_t i = 0; i < made->trigger_count; i++) {
    pgr_buf_adds(out, "DROP TRIGGER IF EXISTS ");
    pgr_sql_name(made->triggers[i].name, out);
    pgr_buf_adds(out, " ON ");
    pgr_sql_qualified(v->trigger->rule.schema, v->trigger->rule.table, out);
    pgr_buf_adds(out, ";\n");
  }
  for (size_t i = 0; i < made->function_count; i++) {
    pgr_buf_adds(out, "DROP FUNCTION IF EXISTS ");
    pgr_sql_qualified(made->functions[i].schema, made->functions[i].name, out);
    pgr_buf_adds(out, "();\n");
  }
}

/* The way back to the last version: its file, unless that is on a table which has another name by now. */
static void write_down(next_version *v, pgr_buf *out) {
  const pgr_trigger *t = v->trigger;
  const pgr_made_trigger *elsewhere = pgr_trigger_elsewhere(t);
  int last = v->last->number;
  pgr_buf was, is, words;
  if (!elsewhere) {
    pgr_buf_addf(out, "-- Back to version %d.\n\\ir triggers/%s/v%d.sql\n", last, t->name, last);
    return;
  }
  pgr_buf_init(&was, 0);
  pgr_buf_init(&is, 0);
  pgr_buf_init(&words, 0);
  put_table(elsewhere->schema, elsewhere->table, &was);
  put_table(t->rule.schema, t->rule.table, &is);
  pgr_buf_addf(
      &words,
      "Not back to version %d: that is for %s, which is %s here, and would fail. The trigger is taken away, and "
      "nothing keeps the rule from then on: apply this migration again, or have another one install it.",
      last, pgr_buf_text(&was), pgr_buf_text(&is));
  pgr_schema_comment(pgr_buf_text(&words), out);
  if (t->rule.column_count > 0)
    pgr_rule_write_drop(&t->rule, out);
  else
    put_drop_by_hand(v, out);
  pgr_buf_addf(&v->remarks,
               "The down of this migration takes the trigger away, and does not bring version %d back: that is for %s, "
               "which is %s by now.\n",
               last, pgr_buf_text(&was), pgr_buf_text(&is));
  out->failed |= was.failed || is.failed || words.failed;
  pgr_buf_deinit(&was);
  pgr_buf_deinit(&is);
  pgr_buf_deinit(&words);
}

static pgr_code add_files(next_version *v, pgr_err *err) {
  const char *name = v->trigger->name, *dir = v->options.dir;
  int number = v->last->number + 1;
  char file[VERSION_NAME_BYTES], migration[VERSION_NAME_BYTES];
  pgr_buf up, down, words;
  pgr_buf_init(&up, 0);
  pgr_buf_init(&down, 0);
  pgr_buf_init(&words, 0);
  if (v->trigger->rule.column_count > 0)
    pgr_rule_words(&v->trigger->rule, &words);
  else
    pgr_buf_addf(&words, "Version %d of the trigger %s.", number, name);
  pgr_schema_comment(pgr_buf_text(&words), &up);
  pgr_buf_addf(&up, "\\ir triggers/%s/v%d.sql\n", name, number);
  write_down(v, &down);
  snprintf(file, sizeof file, "v%d.sql", number);
  snprintf(migration, sizeof migration, "%s_v%d", name, number);
  pgr_code code = up.failed || down.failed || words.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  if (!code)
    code = pgr_schema_files_add(&v->files, (const char *[]){dir, "triggers", name, file, NULL}, pgr_buf_text(&v->text),
                                NULL, err);
  if (!code)
    code = pgr_schema_add_migration(&v->folder.migrations, dir, migration, pgr_buf_text(&up), pgr_buf_text(&down),
                                    &v->files, err);
  pgr_buf_deinit(&up);
  pgr_buf_deinit(&down);
  pgr_buf_deinit(&words);
  return code;
}

/* ---- scenarios ---- */

static bool of_file_name(char c) {
  return isalnum((unsigned char)c) || (unsigned char)c >= 0x80 || (c && strchr("_-.", c));
}

/* The text with the new version for the last one, where that is a path, or its end, and not a part of another name;
 * false: the last one is not in it. */
static bool point(const next_version *v, const char *text, pgr_buf *out) {
  char last[VERSION_NAME_BYTES + 32];
  const char *from = text;
  bool found = false;
  int len = snprintf(last, sizeof last, "triggers/%s/v%d.sql", v->trigger->name, v->last->number);
  for (const char *hit = text; (hit = strstr(hit, last)); hit += len) {
    if ((hit > text && of_file_name(hit[-1])) || of_file_name(hit[len]) || hit[len] == '/') continue;
    pgr_buf_add(out, from, (size_t)(hit - from));
    pgr_buf_addf(out, "triggers/%s/v%d.sql", v->trigger->name, v->last->number + 1);
    from = hit + len;
    found = true;
  }
  pgr_buf_adds(out, from);
  return found;
}

/* What somebody edited is theirs: the new one lies beside it. */
static pgr_code leave_transitions(next_version *v, const char *folder, const pgr_buf *text, pgr_err *err) {
  char beside[VERSION_NAME_BYTES];
  snprintf(beside, sizeof beside, "transitions.v%d.sql", v->last->number + 1);
  pgr_buf_addf(&v->remarks,
               "%s/%s/transitions.sql has been edited, and stays as it is: it may still try the rule of version %d. ",
               v->options.scenarios, folder, v->last->number);
  if (text->len == 0) {
    pgr_buf_adds(&v->remarks, "Of the new rule pgrace can try nothing: adapt it.\n");
    return PGR_OK;
  }
  pgr_buf_addf(&v->remarks,
               "What tries that of version %d is beside it, in %s: take over what you need, and delete that file; or "
               "put it in the place of the former, and the next version will write it anew.\n",
               v->last->number + 1, beside);
  return pgr_schema_files_add(&v->files, (const char *[]){v->options.scenarios, folder, beside, NULL},
                              pgr_buf_text(text), NULL, err);
}

/* transitions.sql is the rule's, as the version is: it is written anew, unless it has been edited. */
static pgr_code renew_transitions(next_version *v, const char *folder, pgr_db *db, pgr_err *err) {
  char path[PATH_MAX];
  char *before = NULL;
  const pgr_rule *rule = &v->trigger->rule;
  pgr_rule_target target;
  pgr_buf text, untried;
  snprintf(path, sizeof path, "%s/%s/transitions.sql", v->options.scenarios, folder);
  pgr_code code = pgr_schema_file_read(path, &before, err);
  if (code || !before) return code;
  pgr_buf_init(&text, 0);
  pgr_buf_init(&untried, 0);
  code = pgr_installed_table(db, rule->schema, rule->table, &v->arena, &target, err);
  if (!code) pgr_schema_scenario_transitions(rule, &target, &text, &untried);
  if (!code && (text.failed || untried.failed)) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code && strcmp(before, pgr_buf_text(&text)) != 0) {
    if (text.len == 0 || !pgr_schema_scenario_unedited(before))
      code = leave_transitions(v, folder, &text, err);
    else
      code = pgr_schema_files_add(&v->files, (const char *[]){v->options.scenarios, folder, "transitions.sql", NULL},
                                  pgr_buf_text(&text), before, err);
  }
  if (!v->untried) pgr_buf_adds(&v->remarks, pgr_buf_text(&untried)); /* the same in each scenario */
  v->untried = true;
  pgr_buf_deinit(&text);
  pgr_buf_deinit(&untried);
  pgr_free(before);
  return code;
}

/* One file of a scenario's folder. *found is set when it installs the last version. */
static pgr_code point_file(next_version *v, const char *folder, const char *file, bool *found, pgr_err *err) {
  char path[PATH_MAX];
  char *before = NULL;
  pgr_buf text;
  int len = snprintf(path, sizeof path, "%s/%s/%s", v->options.scenarios, folder, file);
  if (len < 0 || len >= (int)sizeof path) return PGR_OK;
  pgr_code code = pgr_schema_file_read(path, &before, err);
  if (code || !before) return code;
  pgr_buf_init(&text, 0);
  if (point(v, before, &text)) {
    *found = true;
    code = text.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory")
                       : pgr_schema_files_add(&v->files, (const char *[]){v->options.scenarios, folder, file, NULL},
                                              pgr_buf_text(&text), before, err);
  }
  pgr_buf_deinit(&text);
  pgr_free(before);
  return code;
}

static bool is_yaml(const char *name) {
  size_t len = strlen(name);
  return len > 5 && strcmp(name + len - 5, ".yaml") == 0;
}

static pgr_code point_folder(next_version *v, const char *folder, pgr_db *db, pgr_err *err) {
  char path[PATH_MAX];
  int len = snprintf(path, sizeof path, "%s/%s", v->options.scenarios, folder);
  DIR *d = len > 0 && len < (int)sizeof path ? opendir(path) : NULL;
  pgr_code code = PGR_OK;
  bool found = false;
  for (struct dirent *entry; d && !code && (entry = readdir(d));)
    if (is_yaml(entry->d_name)) code = point_file(v, folder, entry->d_name, &found, err);
  if (d) closedir(d);
  return !code && found && db ? renew_transitions(v, folder, db, err) : code;
}

/* db: NULL where the rule is written by hand, and so are the tests of it. */
static pgr_code point_scenarios(next_version *v, pgr_db *db, pgr_err *err) {
  DIR *d = v->options.no_scenario ? NULL : opendir(v->options.scenarios);
  pgr_code code = PGR_OK;
  for (struct dirent *entry; d && !code && (entry = readdir(d));)
    if (*entry->d_name != '.') code = point_folder(v, entry->d_name, db, err);
  if (d) closedir(d);
  return code;
}

/* ---- all of it ---- */

/* What is wrong with the rule is wrong in trigger.yaml. */
static pgr_code check_rule(const next_version *v, pgr_db *db, const pgr_rule_target *target, pgr_err *err) {
  pgr_schema_culprit culprit;
  pgr_err reason;
  pgr_code code = pgr_schema_check_rule(db, &v->trigger->rule, target, &culprit, &reason);
  if (code == PGR_EUSAGE) return pgr_fail(err, code, "%.200s: %s", v->trigger->declaration.name, reason.msg);
  if (code) *err = reason;
  return code;
}

/* A table that was renamed took the trigger along. One that has it still is another table, whose trigger would go on
 * with the function of this version. */
static pgr_code check_moved(const next_version *v, pgr_db *db, pgr_err *err) {
  static const char sql[] = "SELECT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid ="
                            " pg_catalog.to_regclass($1::text) AND tgname = $2::text AND NOT tgisinternal)";
  const pgr_made_trigger *made = pgr_trigger_elsewhere(v->trigger);
  PGresult *rows = NULL;
  pgr_buf table, was, is;
  if (!made) return PGR_OK;
  pgr_buf_init(&table, 0);
  pgr_buf_init(&was, 0);
  pgr_buf_init(&is, 0);
  pgr_sql_qualified(made->schema, made->table, &table);
  put_table(made->schema, made->table, &was);
  put_table(v->trigger->rule.schema, v->trigger->rule.table, &is);
  const char *values[] = {pgr_buf_text(&table), made->name};
  pgr_code code = pgr_db_query(db, sql, 2, values, &rows, err);
  if (!code && strcmp(PQgetvalue(rows, 0, 0), "t") == 0)
    code = pgr_fail(err, PGR_EUSAGE,
                    "%.200s declares the table %.150s, but %.150s has version %d of the trigger: a rule about another "
                    "table is another trigger, made by pgrace schema new transition",
                    v->trigger->declaration.name, pgr_buf_text(&is), pgr_buf_text(&was), v->last->number);
  PQclear(rows);
  pgr_buf_deinit(&table);
  pgr_buf_deinit(&was);
  pgr_buf_deinit(&is);
  return code;
}

static pgr_code look(next_version *v, pgr_schema_database *database, pgr_err *err) {
  const pgr_rule *rule = &v->trigger->rule;
  pgr_rule_target target;
  pgr_db *db = database->place.db;
  pgr_code code = PGR_OK;
  if (v->options.dsn) code = pgr_db_exec(db, "SET default_transaction_read_only = on", err);
  if (!code) code = pgr_installed_table(db, rule->schema, rule->table, &v->arena, &target, err);
  if (!code) code = check_moved(v, db, err);
  if (!code) code = check_rule(v, db, &target, err);
  if (!code) pgr_schema_scenario_remarks(rule, &target, &v->remarks);
  if (!code) code = pgr_schema_try_version(database, pgr_buf_text(&v->text), err);
  if (!code) code = point_scenarios(v, db, err);
  return code;
}

static pgr_code look_at_database(next_version *v, pgr_err *err) {
  pgr_schema_database database;
  pgr_err closing;
  if (v->trigger->rule.column_count == 0) return point_scenarios(v, NULL, err);
  pgr_code code = pgr_schema_database_open(v->options.dsn, &v->folder, &database, err);
  if (code) return code;
  code = look(v, &database, err);
  if (pgr_schema_database_close(&database, code ? &closing : err) && !code) code = err->code;
  return code;
}

static void tell_next(const next_version *v) {
  bool changed = false;
  pgr_buf shown;
  pgr_buf_init(&shown, 0);
  for (size_t i = 0; i < v->files.count; i++) {
    const char *path = v->files.items[i].path, *slash = strrchr(path, '/');
    if (!v->files.items[i].before || !is_yaml(path)) continue;
    if (!changed) {
      fputs("\n", stdout);
      pgr_schema_print_wrapped(pgr_trigger_elsewhere(v->trigger)
                                   ? "Of the scenario only this is new: its table, seed and change.sql are as they "
                                     "were, with the table's former name. Change that there, then:"
                                   : "Of the scenario only this is new: its table, seed and change.sql are as they "
                                     "were. See whether they fit:",
                               0);
    }
    changed = true;
    pgr_buf_clear(&shown);
    pgr_schema_show_text(path, &shown);
    for (int k = 0; k < PGR_SCHEMA_CHECKS; k++)
      printf("  pgrace %s %s%.*s\n", pgr_schema_checks[k], strchr("./", *path) ? "" : "./", (int)(slash - path),
             pgr_buf_text(&shown)); /* its bytes are the path's */
  }
  pgr_buf_deinit(&shown);
}

static pgr_code tell(const next_version *v, pgr_err *err) {
  char label_a[PGR_SCHEMA_LABEL_BYTES], label_b[PGR_SCHEMA_LABEL_BYTES];
  bool differ = false;
  const pgr_trigger *t = v->trigger;
  pgr_source from = pgr_schema_labelled(t, v->last->number, v->last->source.text, label_a);
  pgr_source to = pgr_schema_labelled(t, v->last->number + 1, pgr_buf_text(&v->text), label_b);
  pgr_schema_files_tell(&v->files, v->options.dry_run);
  fputs("\n", stdout);
  pgr_code code = pgr_schema_print_diff(&from, &to, &differ, err);
  if (code) return code;
  if (!differ) printf("It is a copy of version %d, for you to change.\n", v->last->number);
  if (!v->options.dry_run) tell_next(v);
  if (v->remarks.len > 0) {
    fputs("\n", stdout);
    pgr_schema_print_remarks(pgr_buf_text(&v->remarks));
  }
  return PGR_OK;
}

static pgr_code make(next_version *v, const char *name, pgr_err *err) {
  v->trigger = pgr_schema_find_trigger(&v->folder.triggers, name, err);
  if (!v->trigger) return err->code;
  v->last = pgr_trigger_latest(v->trigger);
  pgr_code code = write_version(v, err);
  if (!code) code = add_files(v, err);
  if (!code) code = look_at_database(v, err);
  if (!code && !v->options.dry_run) code = pgr_schema_files_write(&v->files, err);
  return code ? code : tell(v, err);
}

int pgr_schema_new_version(int argc, char **argv) {
  next_version v = {.options = {.dir = pgr_schema_default_dir, .scenarios = pgr_schema_default_scenarios}};
  version_options *o = &v.options;
  const pgr_option table[] = {{"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {"scenarios", 0, PGR_OPTION_TEXT, &o->scenarios, 0, 0, NULL},
                              {"no-scenario", 0, PGR_OPTION_FLAG, &o->no_scenario, 0, 0, NULL},
                              {"dry-run", 0, PGR_OPTION_FLAG, &o->dry_run, 0, 0, NULL},
                              {0}};
  const char *name = NULL;
  bool wants_help = false;
  int operands = 0, status = 0;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, &name, 1, &operands, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  if (!code && operands == 0) code = pgr_fail(&err, PGR_EUSAGE, "schema new version: give a trigger's name");
  if (code) return pgr_schema_complain(&err);
  pgr_buf_init(&v.text, 0);
  pgr_buf_init(&v.remarks, 0);
  if (pgr_schema_folder_open(o->dir, &v.folder, &status)) {
    code = make(&v, name, &err);
    status = code ? pgr_schema_complain(&err) : 0;
  }
  pgr_buf_deinit(&v.text);
  pgr_buf_deinit(&v.remarks);
  pgr_schema_files_deinit(&v.files);
  pgr_schema_folder_close(&v.folder);
  pgr_arena_deinit(&v.arena);
  return status;
}
