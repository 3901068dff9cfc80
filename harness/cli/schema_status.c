/* pgrace schema status: what the folder has, and what of it a database really has. Changes nothing. */
#include "pgr_installed.h"
#include "pgr_journal.h"
#include "pgr_json.h"
#include "pgr_units.h"
#include "schema_command.h"
#include "schema_standing.h"
#include <stdio.h>
#include <string.h>

enum {
  STATUS_BROKEN = 1,
  STATUS_PENDING = 2,
  MIGRATION_COLUMNS = 3,
  TRIGGER_COLUMNS = 4,
  TITLE_BYTES = PGR_STANDING_TITLE_BYTES
};

/* How a declared trigger stands in the database, all things considered. */
typedef enum trigger_state {
  TRIGGER_UNASKED, /* no database was named */
  TRIGGER_CURRENT,
  TRIGGER_ABSENT, /* and nobody says that it was installed */
  TRIGGER_BEHIND,
  TRIGGER_DRIFTED, /* not as it was installed, or gone */
  TRIGGER_UNKNOWN, /* its function is no version's */
  TRIGGER_DROPPED  /* a migration that is applied took it away, which is as it should be */
} trigger_state;

static const char *const trigger_states[] = {"", "current", "absent", "behind", "drifted", "unknown", "dropped"};

typedef struct trigger_row {
  const pgr_trigger *trigger;
  pgr_installed installed;
  trigger_state state;
  const char *why; /* one line; NULL */
} trigger_row;

typedef struct status_options {
  const char *dir, *dsn, *format;
} status_options;

typedef struct status {
  status_options options;
  pgr_schema_folder folder;
  pgr_schema_database database;
  pgr_journal *journal;
  pgr_arena arena;
  const pgr_standing *migrations;
  size_t migration_count;
  trigger_row *triggers;
  const pgr_stranger *strangers;
  size_t stranger_count;
  size_t applied, pending, changed, missing, other, drifted, unknown, behind; /* late is pending; absent is behind */
} status;

/* ---- asking ---- */

static pgr_code judge(status *s, trigger_row *row, pgr_err *err) {
  const pgr_installed *i = &row->installed;
  int latest = pgr_trigger_latest(row->trigger)->number;
  row->why = i->why;
  switch (i->presence) {
  case PGR_PRESENCE_ABSENT:
    row->state = i->recorded ? TRIGGER_DRIFTED : i->dropped ? TRIGGER_DROPPED : TRIGGER_ABSENT;
    if (i->recorded)
      row->why = pgr_arena_printf(&s->arena, "version %d was installed, and the trigger is gone", i->recorded);
    if (i->recorded && !row->why) return pgr_fail(err, PGR_ENOMEM, "out of memory");
    break;
  case PGR_PRESENCE_UNKNOWN: row->state = TRIGGER_UNKNOWN; break;
  case PGR_PRESENCE_DRIFTED: row->state = TRIGGER_DRIFTED; break;
  case PGR_PRESENCE_VERSION: row->state = i->version == latest ? TRIGGER_CURRENT : TRIGGER_BEHIND; break;
  }
  return PGR_OK;
}

static void count_trigger(status *s, trigger_state state) {
  switch (state) {
  case TRIGGER_UNASKED:
  case TRIGGER_DROPPED:
  case TRIGGER_CURRENT: break;
  case TRIGGER_ABSENT:
  case TRIGGER_BEHIND: s->behind++; break;
  case TRIGGER_DRIFTED: s->drifted++; break;
  case TRIGGER_UNKNOWN: s->unknown++; break;
  }
}

static void count_migration(status *s, pgr_standing_state state) {
  switch (state) {
  case PGR_STANDING_APPLIED: s->applied++; break;
  case PGR_STANDING_PENDING:
  case PGR_STANDING_LATE: s->pending++; break;
  case PGR_STANDING_CHANGED: s->changed++; break;
  case PGR_STANDING_MISSING: s->missing++; break;
  case PGR_STANDING_OTHER: s->other++; break;
  }
}

/* Every trigger of the folder gets its row, asked or not. */
static pgr_code add_triggers(status *s, pgr_err *err) {
  const pgr_triggers *all = &s->folder.triggers;
  pgr_code code = PGR_OK;
  s->triggers = pgr_arena_alloc(&s->arena, (all->count + 1) * sizeof *s->triggers);
  if (!s->triggers) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; !code && i < all->count; i++) {
    trigger_row *row = &s->triggers[i];
    row->trigger = &all->items[i];
    if (!s->options.dsn) continue;
    code = pgr_installed_trigger(s->database.place.db, row->trigger, &s->arena, &row->installed, err);
    if (!code) code = judge(s, row, err);
    if (!code) count_trigger(s, row->state);
  }
  return code;
}

static pgr_code ask(status *s, pgr_err *err) {
  if (!s->options.dsn) return add_triggers(s, err);
  pgr_code code = pgr_schema_database_open(s->options.dsn, NULL, &s->database, err);
  if (!code) code = pgr_journal_open(s->database.place.db, &(pgr_journal_options){.changes = false}, &s->journal, err);
  if (!code) code = add_triggers(s, err);
  if (!code)
    code = pgr_installed_strangers(s->database.place.db, &s->folder.triggers, &s->arena, &s->strangers,
                                   &s->stranger_count, err);
  if (!code) code = pgr_journal_compare(s->journal, &s->folder.migrations, &s->migrations, &s->migration_count, err);
  for (size_t i = 0; !code && i < s->migration_count; i++)
    count_migration(s, s->migrations[i].state);
  return code;
}

static int exit_status(const status *s) {
  if (s->changed || s->missing || s->other || s->drifted || s->unknown) return STATUS_BROKEN;
  return s->pending || s->behind ? STATUS_PENDING : 0;
}

/* ---- text ---- */

static const char *const migration_states[] = {
    [PGR_STANDING_APPLIED] = "applied", [PGR_STANDING_PENDING] = "pending", [PGR_STANDING_LATE] = "late",
    [PGR_STANDING_CHANGED] = "changed", [PGR_STANDING_MISSING] = "missing", [PGR_STANDING_OTHER] = "other"};

/* Appends ", 2 migrations pending", without the comma at the beginning. */
static void add_count(pgr_buf *out, size_t count, const char *what, const char *is) {
  char number[PGR_TEXT_BYTES];
  if (count == 0) return;
  pgr_buf_addf(out, "%s%s %s%s%s%s", out->len ? ", " : "", pgr_format_count(number, (int64_t)count), what,
               count == 1 ? "" : "s", *is ? " " : "", is);
}

static void print_verdict(const status *s) {
  pgr_buf verdict;
  pgr_buf_init(&verdict, 0);
  add_count(&verdict, s->other, "migration", "of another name than the record");
  add_count(&verdict, s->changed, "migration", "changed");
  add_count(&verdict, s->missing, "migration", "missing");
  add_count(&verdict, s->unknown, "trigger", "of no known version");
  add_count(&verdict, s->drifted, "trigger", "drifted");
  add_count(&verdict, s->pending, "migration", "pending");
  if (!s->pending) add_count(&verdict, s->behind, "trigger", "not at its latest version");
  if (verdict.len == 0 && s->options.dsn) {
    pgr_buf_adds(&verdict, "as it should be");
    add_count(&verdict, s->applied, "migration", "");
    add_count(&verdict, s->folder.triggers.count, "trigger", "");
  }
  add_count(&verdict, s->stranger_count, "trigger", "declared nowhere");
  if (!s->options.dsn) {
    add_count(&verdict, s->folder.migrations.count, "migration", "in the folder");
    add_count(&verdict, s->folder.triggers.count, "trigger", "declared");
    if (verdict.len == 0) pgr_buf_adds(&verdict, "no migrations");
  }
  pgr_schema_print_verdict(s->options.dsn ? &s->database : NULL, s->options.dir, pgr_buf_text(&verdict));
  pgr_buf_deinit(&verdict);
}

static pgr_code print_migrations(status *s, pgr_err *err) {
  static const char *const headings[] = {"migration", "state", "applied"};
  pgr_schema_columns columns = {.count = MIGRATION_COLUMNS, .indent = 2};
  if (s->migration_count == 0) return PGR_OK;
  const char **cells = pgr_arena_alloc(&s->arena, s->migration_count * MIGRATION_COLUMNS * sizeof *cells);
  if (!cells) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < s->migration_count; i++) {
    const pgr_standing *m = &s->migrations[i];
    char title[TITLE_BYTES];
    const char **row = cells + i * MIGRATION_COLUMNS;
    row[0] = pgr_arena_strdup(&s->arena, pgr_standing_title(m, &s->folder.migrations, title));
    row[1] = migration_states[m->state];
    row[2] = m->applied_at ? pgr_arena_printf(&s->arena, "%s by %s", m->applied_at, m->applied_by) : NULL;
  }
  pgr_schema_columns_measure(&columns, headings, 1);
  pgr_schema_columns_measure(&columns, cells, s->migration_count);
  pgr_schema_columns_fit(&columns);
  putchar('\n');
  pgr_schema_columns_print(&columns, headings, 1);
  pgr_schema_columns_print(&columns, cells, s->migration_count);
  return PGR_OK;
}

/* Without a database: those of the folder. */
static void print_folder(const status *s) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  if (s->folder.migrations.count) puts("\n  migration");
  for (size_t i = 0; i < s->folder.migrations.count; i++)
    printf("  %s\n", pgr_schema_show(pgr_migration_title(&s->folder.migrations.items[i], title), shown));
}

static const char *version_name(status *s, int number) {
  return number ? pgr_arena_printf(&s->arena, "v%d", number) : "-";
}

static pgr_code print_triggers(status *s, pgr_err *err) {
  static const char *const headings[] = {"trigger", "latest", "installed", "state"};
  size_t count = s->folder.triggers.count;
  pgr_schema_columns columns = {.count = s->options.dsn ? TRIGGER_COLUMNS : 2, .indent = 2};
  if (count == 0) return PGR_OK;
  const char **cells = pgr_arena_alloc(&s->arena, count * columns.count * sizeof *cells);
  if (!cells) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < count; i++) {
    const trigger_row *t = &s->triggers[i];
    const char **row = cells + i * columns.count;
    row[0] = t->trigger->name;
    row[1] = version_name(s, pgr_trigger_latest(t->trigger)->number);
    if (!s->options.dsn) continue;
    row[2] = t->state == TRIGGER_UNKNOWN ? "?" : version_name(s, t->installed.version);
    row[3] = trigger_states[t->state];
  }
  pgr_schema_columns_measure(&columns, headings, 1);
  pgr_schema_columns_measure(&columns, cells, count);
  pgr_schema_columns_fit(&columns);
  putchar('\n');
  pgr_schema_columns_print(&columns, headings, 1);
  for (size_t i = 0; i < count; i++) {
    pgr_schema_columns_print(&columns, cells + i * columns.count, 1);
    if (s->triggers[i].why) pgr_schema_print_wrapped(s->triggers[i].why, 4);
  }
  return PGR_OK;
}

static pgr_code print_strangers(status *s, pgr_err *err) {
  static const char *const headings[] = {"declared nowhere", "on", "calls", ""};
  pgr_schema_columns columns = {.count = 4, .indent = 2};
  if (s->stranger_count == 0) return PGR_OK;
  const char **cells = pgr_arena_alloc(&s->arena, s->stranger_count * columns.count * sizeof *cells);
  if (!cells) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < s->stranger_count; i++) {
    const pgr_stranger *t = &s->strangers[i];
    const char **row = cells + i * columns.count;
    row[0] = t->name;
    row[1] = t->table;
    row[2] = t->function;
    row[3] = t->enabled ? "" : "disabled";
  }
  pgr_schema_columns_measure(&columns, headings, 1);
  pgr_schema_columns_measure(&columns, cells, s->stranger_count);
  pgr_schema_columns_fit(&columns);
  putchar('\n');
  pgr_schema_columns_print(&columns, headings, 1);
  pgr_schema_columns_print(&columns, cells, s->stranger_count);
  return PGR_OK;
}

static pgr_standings standings_of(const status *s) {
  return (pgr_standings){&s->folder.migrations, s->migrations, s->migration_count};
}

/* As one word for a shell. */
static void add_word(const char *text, pgr_buf *out) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./-";
  if (*text && text[strspn(text, plain)] == '\0' && *text != '-') {
    pgr_buf_adds(out, text);
    return;
  }
  pgr_buf_adds(out, "'");
  for (; *text; text++)
    if (*text == '\'')
      pgr_buf_adds(out, "'\\''");
    else
      pgr_buf_add(out, text, 1);
  pgr_buf_adds(out, "'");
}

/* The version of a trigger that the database is to have, by what was installed last. */
static const pgr_version *installed_version(const trigger_row *t) {
  int number = t->installed.recorded;
  bool known = number > 0 && (size_t)number <= t->trigger->version_count;
  return known ? &t->trigger->versions[number - 1] : pgr_trigger_latest(t->trigger);
}

/* Some migration that was applied with this file has another text now: its file may be it. */
static bool is_file_changed(const status *s, const pgr_trigger *trigger, const pgr_version *version) {
  const pgr_trigger *its;
  const pgr_version *one;
  for (size_t i = 0; i < s->migration_count; i++) {
    const pgr_standing *m = &s->migrations[i];
    if (m->state != PGR_STANDING_CHANGED) continue;
    for (size_t k = 0; k < m->migration->up.part_count; k++)
      if (pgr_triggers_of_part(&s->folder.triggers, &m->migration->up.parts[k], &its, &one) && its == trigger &&
          one == version)
        return true;
  }
  return false;
}

/* Of every trigger that is not as it was installed: by the file of the version that was, unless that is not what it was
 * then. */
static void print_mend(const status *s) {
  char shown[PGR_SCHEMA_CELL_BYTES];
  pgr_buf commands, changed;
  pgr_buf_init(&commands, 0);
  pgr_buf_init(&changed, 0);
  for (size_t i = 0; i < s->folder.triggers.count; i++) {
    const trigger_row *t = &s->triggers[i];
    if (t->state != TRIGGER_DRIFTED && t->state != TRIGGER_UNKNOWN) continue;
    const pgr_version *version = installed_version(t);
    if (is_file_changed(s, t->trigger, version)) {
      pgr_buf_addf(&changed, "  %s\n", pgr_schema_show(version->source.name, shown));
      continue;
    }
    pgr_buf_adds(&commands, "psql -d ");
    add_word(pgr_schema_show(PQdb(pgr_db_raw(s->database.place.db)), shown), &commands);
    pgr_buf_adds(&commands, " -f ");
    add_word(pgr_schema_show(version->source.name, shown), &commands);
    pgr_buf_adds(&commands, "\n");
  }
  puts("\nWhat the database has there may be worth a look.");
  if (commands.len) printf("What was installed, once more:\n%s", pgr_buf_text(&commands));
  if (changed.len)
    printf("Not what was installed any more; look for the text of then in git (git log -p):\n%s",
           pgr_buf_text(&changed));
  pgr_buf_deinit(&commands);
  pgr_buf_deinit(&changed);
}

/* From the first of them on, for that takes the others along. */
static void print_changed(const status *s) {
  pgr_standings all = standings_of(s);
  size_t at = 0;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  while (s->migrations[at].state != PGR_STANDING_CHANGED)
    at++;
  bool can = pgr_standing_redo(&all, at, &text);
  puts("\nchanged: the file, or what it includes, is not what was applied. Put it back,");
  printf("and the change into a migration of its own%s\n", can ? "; or, where that is allowed:" : ".");
  pgr_schema_print_wrapped(pgr_buf_text(&text), 0);
  pgr_buf_deinit(&text);
}

static void print_others(const status *s) {
  pgr_standings all = standings_of(s);
  pgr_err why;
  if (!pgr_standing_refuse_others(&all, &why)) return;
  putchar('\n');
  pgr_schema_print_wrapped("other:", 0);
  pgr_schema_print_wrapped(why.msg, 2);
}

static void print_next(const status *s) {
  if (!s->options.dsn) {
    puts("\nWith --dsn URI: what a database really has of it.");
    return;
  }
  if (s->other) print_others(s);
  if (s->missing) puts("\nmissing: applied, and there is no file of it any more. Get the file back.");
  if (s->changed) print_changed(s);
  if (s->drifted || s->unknown) print_mend(s);
  if (s->behind && !s->pending) puts("\nNo migration installs what is not at its latest version: pgrace schema lint");
  if (s->pending && !s->other) puts("\nNext: pgrace schema up --check --dsn URI, then without --check");
}

static pgr_code print_text(status *s, pgr_err *err) {
  print_verdict(s);
  if (!s->options.dsn) print_folder(s);
  pgr_code code = print_migrations(s, err);
  if (!code) code = print_triggers(s, err);
  if (!code) code = print_strangers(s, err);
  if (!code) print_next(s);
  return code;
}

/* ---- JSON ---- */

/* null for NULL. */
static json_t *text_json(const char *text) {
  return text ? pgr_json_text(text) : json_null();
}

static json_t *number_json(int number) {
  return number ? json_integer(number) : json_null();
}

static json_t *migration_json(const status *s, const pgr_standing *m, bool asked) {
  char title[TITLE_BYTES];
  const pgr_migration *file = m->migration;
  return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "number", (json_int_t)m->number, "name",
                   text_json(m->name ? m->name : file->name), "title",
                   text_json(pgr_standing_title(m, &s->folder.migrations, title)), "state",
                   asked ? json_string(migration_states[m->state]) : json_null(), "file",
                   text_json(file ? file->up.file : NULL), "has_down",
                   file ? json_boolean(file->down.file) : json_null(), "checksum",
                   text_json(file ? file->checksum : NULL), "applied_at", text_json(m->applied_at), "applied_by",
                   text_json(m->applied_by));
}

static json_t *migrations_json(const status *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->migration_count; i++)
    json_array_append_new(list, migration_json(s, &s->migrations[i], true));
  for (size_t i = 0; !s->options.dsn && i < s->folder.migrations.count; i++) {
    const pgr_migration *m = &s->folder.migrations.items[i];
    json_array_append_new(
        list, migration_json(s, &(pgr_standing){.migration = m, .number = m->number, .name = m->name}, false));
  }
  return list;
}

static json_t *triggers_json(const status *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->folder.triggers.count; i++) {
    const trigger_row *t = &s->triggers[i];
    bool asked = t->state != TRIGGER_UNASKED;
    json_array_append_new(list, json_pack("{s:o, s:i, s:o, s:o, s:o, s:o}", "name", text_json(t->trigger->name),
                                          "latest", pgr_trigger_latest(t->trigger)->number, "state",
                                          asked ? json_string(trigger_states[t->state]) : json_null(), "installed",
                                          t->state == TRIGGER_UNKNOWN ? json_null() : number_json(t->installed.version),
                                          "recorded", number_json(t->installed.recorded), "why", text_json(t->why)));
  }
  return list;
}

static json_t *strangers_json(const status *s) {
  json_t *list = json_array();
  for (size_t i = 0; i < s->stranger_count; i++) {
    const pgr_stranger *t = &s->strangers[i];
    json_array_append_new(list, json_pack("{s:o, s:o, s:o, s:b, s:o}", "name", text_json(t->name), "table",
                                          text_json(t->table), "function", text_json(t->function), "enabled",
                                          t->enabled, "comment", text_json(t->comment)));
  }
  return list;
}

static pgr_code print_json(const status *s, pgr_err *err) {
  char where[PGR_SCHEMA_CELL_BYTES];
  bool asked = s->options.dsn != NULL;
  json_t *document = json_pack(
      "{s:i, s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:o}", "format", 1, "command", "schema status", "folder",
      text_json(s->options.dir), "database", text_json(asked ? PQdb(pgr_db_raw(s->database.place.db)) : NULL), "target",
      text_json(asked ? pgr_schema_where(&s->database, where) : NULL), "exit_status", exit_status(s), "migrations",
      migrations_json(s), "triggers", triggers_json(s), "undeclared", strangers_json(s));
  bool ok = document && json_dumpf(document, stdout, JSON_INDENT(2)) == 0 && putchar('\n') != EOF;
  json_decref(document);
  return ok ? PGR_OK : pgr_fail(err, PGR_EENVIRONMENT, "cannot write the status");
}

/* ---- the command ---- */

static void help(void) {
  fputs("Usage: pgrace schema status [--dsn URI] [--format text|json] [--dir DIR]\n\n"
        "What the folder has, and what of it a database really has: which migrations are\n"
        "applied, pending, changed since or missing; which version of each trigger is\n"
        "installed, by the source of its function and not by the record alone; and\n"
        "triggers that the folder does not declare. Changes nothing.\n\n"
        "  --dsn URI    this database ('' takes PGHOST, PGDATABASE … from the\n"
        "               environment); without it: the folder alone\n"
        "  --format F   text (default) or json\n"
        "  --dir DIR    the folder (default schema)\n\n"
        "Exit status: 0 as it should be, 1 something was changed, is missing, drifted or\n"
        "of no known version, 2 something is pending, 4 usage or a file that is wrong,\n"
        "5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema status --dsn postgresql://localhost/inbox\n"
        "  pgrace schema status --dsn '' --format json | jq '.triggers[] | select(.why)'\n",
        stdout);
}

static int leave(status *s, int exit) {
  pgr_journal_close(s->journal);
  pgr_arena_deinit(&s->arena);
  return pgr_schema_finish(&s->folder, &s->database, exit);
}

int pgr_schema_status(int argc, char **argv) {
  status s = {.options = {.dir = pgr_schema_default_dir, .format = "text"}};
  const pgr_option table[] = {{"dsn", 0, PGR_OPTION_TEXT, &s.options.dsn, 0, 0, NULL},
                              {"dir", 0, PGR_OPTION_TEXT, &s.options.dir, 0, 0, NULL},
                              {"format", 0, PGR_OPTION_TEXT, &s.options.format, 0, 0, NULL},
                              {0}};
  int operands = 0, exit = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &operands, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  bool json = strcmp(s.options.format, "json") == 0;
  if (!code && !json && strcmp(s.options.format, "text") != 0)
    code = pgr_fail(&err, PGR_EUSAGE, "--format: '%.40s' is unknown, give text or json", s.options.format);
  if (code) return pgr_schema_complain(&err);
  if (!pgr_schema_folder_open(s.options.dir, &s.folder, &exit)) return leave(&s, exit);
  code = ask(&s, &err);
  if (!code) code = json ? print_json(&s, &err) : print_text(&s, &err);
  return leave(&s, code ? pgr_schema_complain(&err) : exit_status(&s));
}
