/* pgrace schema up, down, redo: migrations applied and taken back, with what each statement locks told beforehand, and
 * the rows that break a rule before it is installed. Invariant: nothing changes before it was told, and, where it takes
 * back, before it was agreed to. */
#include "pgr_clock.h"
#include "pgr_installed.h"
#include "pgr_journal.h"
#include "pgr_names.h"
#include "pgr_rule_text.h"
#include "pgr_statements.h"
#include "pgr_units.h"
#include "schema_command.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { LISTING_COLUMNS = 4, TITLE_BYTES = 160, SUBJECT_BYTES = 80 };

static const int64_t DEFAULT_LOCK_TIMEOUT_NS = 5 * PGR_NS_PER_S;

typedef struct migrate_options {
  const char *dir, *dsn;
  int64_t to, count, lock_timeout_ns;
  bool to_given, dry_run, check, accept_existing, out_of_order, yes;
} migrate_options;

/* What the statements of one direction lock: rows of LISTING_COLUMNS texts. */
typedef struct listing {
  const char **cells;
  size_t rows;
} listing;

/* A migration that is to be applied, or taken back. */
typedef struct step {
  const pgr_migration *migration;
  listing up, down; /* those that are to be printed, else empty */
} step;

typedef struct migrator {
  migrate_options options;
  pgr_schema_folder folder;
  pgr_schema_database database;
  pgr_journal *journal;
  pgr_arena arena;
  step *plan; /* in the order of what is done first */
  size_t planned, done;
  pgr_schema_columns columns; /* of all listings */
  bool heading;               /* of them was printed */
  bool begun;                 /* something may have been changed */
  bool broke;                 /* rows break a rule */
} migrator;

/* ---- what statements lock ---- */

/* Where `word` ends in the text's first bytes; NULL: it is not there. */
static const char *after_word(const char *text, size_t len, const char *word) {
  size_t word_len = strlen(word);
  for (size_t i = 0; i + word_len <= len; i++)
    if (strncasecmp(text + i, word, word_len) == 0) return text + i + word_len;
  return NULL;
}

/* Bytes of the name at text, which may be quoted and qualified; 0: there is none. */
static size_t name_len(const char *text) {
  size_t len = 0;
  for (bool quoted = false; text[len]; len++) {
    if (text[len] == '"') quoted = !quoted;
    if (!quoted && strchr(" \t\n(),;$'", text[len])) break;
  }
  return len;
}

static const char *after_blanks(const char *text) {
  return text + strspn(text, " \t\n");
}

/* What a statement that locks nothing is about, in its own words: "texters" of CREATE TABLE texters (…), "COLUMN a.b"
 * of COMMENT ON COLUMN a.b IS …. "" where the next word is no name. */
static const char *subject_of(const pgr_sql_statement *s, const pgr_source *source, pgr_arena *arena) {
  static const char *const fillers[] = {"ON ", "INTO ", "FROM ", "IF NOT EXISTS ", "IF EXISTS "};
  char subject[SUBJECT_BYTES];
  if (strcmp(s->what, "GRANT") == 0 || strcmp(s->what, "REVOKE") == 0) return ""; /* privileges come next */
  const char *space = strrchr(s->what, ' ');
  const char *from = after_word(source->text + s->offset, s->len, space ? space + 1 : s->what);
  if (!from) return "";
  from = after_blanks(from);
  for (size_t i = 0; i < sizeof fillers / sizeof *fillers; i++)
    if (strncasecmp(from, fillers[i], strlen(fillers[i])) == 0) from = after_blanks(from + strlen(fillers[i]));
  size_t len = name_len(from);
  const char *second = after_blanks(from + len);
  if (strcmp(s->what, "COMMENT") == 0) len = (size_t)(second - from) + name_len(second);
  snprintf(subject, sizeof subject, "%.*s", (int)len, from);
  const char *kept = pgr_arena_strdup(arena, subject);
  return kept ? kept : "";
}

/* What the ith lock is on. One that is not told by name, beside others: what a foreign key or an index leads to. */
static const char *relation_of(const pgr_sql_statement *s, size_t i, const pgr_source *source, pgr_arena *arena) {
  const pgr_lock *lock = &s->locks[i];
  if (!lock->relation) return s->lock_count > 1 ? "related tables" : subject_of(s, source, arena);
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_sql_qualified(lock->schema, lock->relation, &name);
  const char *kept = pgr_arena_strdup(arena, pgr_buf_text(&name));
  pgr_buf_deinit(&name);
  return kept ? kept : "";
}

static void add_row(listing *l, const char *what, const char *on, const char *lock, const char *waiting) {
  const char **row = l->cells + l->rows++ * LISTING_COLUMNS;
  row[0] = what;
  row[1] = on;
  row[2] = lock;
  row[3] = waiting;
}

static void add_statement(listing *l, const pgr_sql_statement *s, const pgr_source *source, pgr_arena *arena) {
  if (s->lock_count == 0) add_row(l, s->what, subject_of(s, source, arena), "none", "nobody");
  for (size_t i = 0; i < s->lock_count; i++) {
    const char *what = i == 0 ? s->what : "", *on = relation_of(s, i, source, arena);
    pgr_lock_mode mode = s->locks[i].mode;
    if (mode == PGR_LOCK_UNKNOWN)
      add_row(l, what, on, "unknown", "whoever it meets");
    else
      add_row(l, what, on, pgr_lock_mode_name(mode), pgr_lock_mode_blocks(mode));
  }
}

static size_t rows_of(const pgr_sql_statements *s) {
  size_t rows = 1; /* for what cannot be parsed */
  for (size_t i = 0; i < s->count; i++)
    rows += s->items[i].lock_count ? s->items[i].lock_count : 1;
  return rows;
}

/* Errors: PGR_ENOMEM. What the grammar of pgrace does not know is said in a row, the server may know it. */
static pgr_code list(migrator *m, const pgr_migration_text *text, listing *out, pgr_err *err) {
  pgr_sql_statements parts[PGR_PARTS_MAX];
  bool understood[PGR_PARTS_MAX];
  size_t rows = 0;
  for (size_t i = 0; i < text->part_count; i++) {
    pgr_faults faults = {0};
    pgr_code code = pgr_statements_read(&text->parts[i], &m->arena, &parts[i], &faults, err);
    understood[i] = faults.count == 0;
    pgr_faults_deinit(&faults);
    if (code) return code;
    rows += rows_of(&parts[i]);
  }
  out->cells = pgr_arena_alloc(&m->arena, (rows + 1) * LISTING_COLUMNS * sizeof *out->cells);
  if (!out->cells) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < text->part_count; i++) {
    for (size_t k = 0; k < parts[i].count; k++)
      add_statement(out, &parts[i].items[k], &text->parts[i], &m->arena);
    if (!understood[i]) add_row(out, "not understood", text->parts[i].name, "unknown", "whoever it meets");
  }
  pgr_schema_columns_measure(&m->columns, out->cells, out->rows);
  return PGR_OK;
}

static const char *const headings[LISTING_COLUMNS] = {"statement", "on", "lock", "keeps waiting"};

/* Of the plan: the directions that will be printed. */
static pgr_code list_plan(migrator *m, bool ups, bool downs, pgr_err *err) {
  pgr_code code = PGR_OK;
  m->columns = (pgr_schema_columns){.count = LISTING_COLUMNS, .indent = 2, .cut = 2};
  pgr_schema_columns_measure(&m->columns, headings, 1);
  for (size_t i = 0; !code && i < m->planned; i++) {
    step *s = &m->plan[i];
    if (ups) code = list(m, &s->migration->up, &s->up, err);
    if (!code && downs) code = list(m, &s->migration->down, &s->down, err);
  }
  pgr_schema_columns_fit(&m->columns);
  return code;
}

static void print_listing(migrator *m, const listing *l) {
  if (!m->heading && l->rows > 0) pgr_schema_columns_print(&m->columns, headings, 1);
  m->heading |= l->rows > 0;
  pgr_schema_columns_print(&m->columns, l->cells, l->rows);
  if (l->rows == 0) puts("  no statements");
}

/* ---- rows that break a rule ---- */

/* Of one trigger that a migration installs. */
typedef struct worry {
  const pgr_trigger *trigger;
  const pgr_offenders *offenders;
  size_t count;
  int64_t rows; /* of all offenders */
} worry;

typedef struct worries {
  worry items[PGR_PARTS_MAX];
  size_t count;
  int64_t rows;
  char unasked[PGR_SCHEMA_CELL_BYTES]; /* why one could not be asked; "" */
} worries;

static pgr_code table_exists(migrator *m, const pgr_rule *rule, bool *out, pgr_err *err) {
  pgr_buf name;
  PGresult *answer = NULL;
  pgr_buf_init(&name, 0);
  pgr_sql_qualified(rule->schema, rule->table, &name);
  const char *values[] = {pgr_buf_text(&name)};
  pgr_code code =
      pgr_db_query(m->database.place.db, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", 1, values, &answer, err);
  if (!code) *out = strcmp(PQgetvalue(answer, 0, 0), "t") == 0;
  if (!code) PQclear(answer);
  pgr_buf_deinit(&name);
  return code;
}

/* Whether a query may have failed because what an earlier migration makes is not there yet. */
static bool may_be_early(const migrator *m, const pgr_migration *migration) {
  return m->options.check && migration != m->plan[0].migration;
}

static pgr_code ask(migrator *m, const pgr_migration *migration, const pgr_trigger *trigger, worries *w, pgr_err *err) {
  worry *one = &w->items[w->count];
  bool exists = false;
  pgr_err reason;
  *one = (worry){.trigger = trigger};
  pgr_code code = table_exists(m, &trigger->rule, &exists, err);
  if (code || !exists) {
    if (!code && m->options.check) snprintf(w->unasked, sizeof w->unasked, "its table is not there yet");
    return code;
  }
  code = pgr_installed_offenders(m->database.place.db, trigger, &m->arena, &one->offenders, &one->count, &reason);
  if (code == PGR_EUSAGE && may_be_early(m, migration)) {
    snprintf(w->unasked, sizeof w->unasked, "%.200s", reason.msg);
    return PGR_OK;
  }
  if (code) {
    *err = reason;
    return code;
  }
  for (size_t i = 0; i < one->count; i++)
    one->rows += one->offenders[i].count;
  w->rows += one->rows;
  w->count++;
  return PGR_OK;
}

/* Of every trigger that the migration brings to its latest version: the declared rule is that version's. */
static pgr_code ask_all(migrator *m, const pgr_migration *migration, worries *out, pgr_err *err) {
  pgr_code code = PGR_OK;
  *out = (worries){.count = 0};
  for (size_t i = 0; !code && i < migration->up.part_count; i++) {
    const pgr_trigger *trigger = NULL;
    const pgr_version *version = NULL;
    if (!pgr_triggers_of_part(&m->folder.triggers, &migration->up.parts[i], &trigger, &version)) continue;
    if (version == pgr_trigger_latest(trigger)) code = ask(m, migration, trigger, out, err);
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

static void print_worry(const worry *w) {
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

static void print_worries(const worries *w) {
  for (size_t i = 0; i < w->count; i++)
    if (w->items[i].rows > 0) print_worry(&w->items[i]);
}

/* "1 row breaks", "3 rows break" */
static const char *rows_break(int64_t rows, char out[PGR_TEXT_BYTES * 2]) {
  char count[PGR_TEXT_BYTES];
  snprintf(out, PGR_TEXT_BYTES * 2, "%s row%s", pgr_format_count(count, rows), rows == 1 ? " breaks" : "s break");
  return out;
}

static void print_mend(void) {
  puts("\nMend these rows, or let them stand with --accept-existing: the rule then holds\n"
       "for what is changed from now on.");
}

/* ---- what is said ---- */

/* "1 migration", "12 migrations" */
static const char *migrations(size_t count, char out[PGR_TEXT_BYTES * 2]) {
  char number[PGR_TEXT_BYTES];
  snprintf(out, PGR_TEXT_BYTES * 2, "%s migration%s", pgr_format_count(number, (int64_t)count), count == 1 ? "" : "s");
  return out;
}

static void print_verdict(const migrator *m, const char *verdict) {
  pgr_schema_print_verdict(m->database.place.db ? &m->database : NULL, m->options.dir, verdict);
}

/* "2 migrations", and what of them. */
static void print_planned(const migrator *m, const char *what) {
  char count[PGR_TEXT_BYTES * 2], verdict[PGR_SCHEMA_CELL_BYTES];
  snprintf(verdict, sizeof verdict, "%s %s", migrations(m->planned, count), what);
  print_verdict(m, verdict);
}

static void print_title(const pgr_migration *migration) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  printf("%s\n", pgr_schema_show(pgr_migration_title(migration, title), shown));
}

static void say_who_waits_for_whom(void *user, int pid, const char *program) {
  char shown[PGR_SCHEMA_CELL_BYTES];
  (void)user;
  fflush(stdout);
  fprintf(stderr, "pgrace: waiting for another run to end: process %d (%s); Ctrl-C gives up\n", pid,
          program && *program ? pgr_schema_show(program, shown) : "of no name");
}

/* An error, and how far it came: what failed for its own fault was not applied; of the rest the error itself says what
 * is known. verb: "applied", "taken back". */
static int complain(const migrator *m, const pgr_err *err, const char *verb) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES], count[PGR_TEXT_BYTES * 2];
  int status = pgr_schema_complain(err);
  if (!m->begun || m->done == m->planned) return status;
  fprintf(stderr, "pgrace: %zu of %s %s", m->done, migrations(m->planned, count), verb);
  if (err->code == PGR_EUSAGE)
    fprintf(stderr, "; %s was not\n", pgr_schema_show(pgr_migration_title(m->plan[m->done].migration, title), shown));
  else
    fputs(" before that\n", stderr);
  return status;
}

/* ---- what is to be done ---- */

static pgr_code plan_room(migrator *m, size_t count, pgr_err *err) {
  m->planned = m->done = 0;
  m->plan = pgr_arena_alloc(&m->arena, (count + 1) * sizeof *m->plan);
  return m->plan ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

static void plan_add(migrator *m, const pgr_migration *migration) {
  m->plan[m->planned++] = (step){.migration = migration};
}

/* A migration that was applied has another text now: its own file, or the one that it includes. */
static pgr_code refuse_changed(const pgr_standing *s, pgr_err *err) {
  const pgr_migration_text *up = &s->migration->up;
  const char *file = up->part_count == 1 ? up->parts[0].name : up->file;
  return pgr_fail(err, PGR_EUSAGE,
                  "%.200s is not what it was when it was applied (%s): put it back, and the change into a migration of "
                  "its own; or, where that is allowed, pgrace schema redo",
                  file, s->applied_at);
}

static pgr_code refuse_missing(const migrator *m, const pgr_standing *s, pgr_err *err) {
  return pgr_fail(err, PGR_EUSAGE,
                  "migration %lld, %.80s, was applied (%s by %.63s), and the folder %.100s has no file of it: get it "
                  "back",
                  (long long)s->number, s->name, s->applied_at, s->applied_by, m->options.dir);
}

static pgr_code refuse_late(const pgr_standing *s, pgr_err *err) {
  return pgr_fail(err, PGR_EUSAGE,
                  "%.200s comes before a migration that is applied: give it a later number, or apply it all the same "
                  "with --out-of-order",
                  s->migration->up.file);
}

static pgr_code check_to(const migrator *m, pgr_err *err) {
  if (!m->options.to_given) return PGR_OK;
  for (size_t i = 0; i < m->folder.migrations.count; i++)
    if (m->folder.migrations.items[i].number == m->options.to) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--to: the folder %.200s has no migration %lld", m->options.dir,
                  (long long)m->options.to);
}

/* Everything pending, by number. What was applied is looked at whole: after a change nobody knows what the rest would
 * meet. */
static pgr_code plan_up(migrator *m, pgr_err *err) {
  const pgr_standing *standings = NULL;
  size_t count = 0;
  pgr_code code = pgr_journal_compare(m->journal, &m->folder.migrations, &standings, &count, err);
  if (!code) code = plan_room(m, count, err);
  for (size_t i = 0; !code && i < count; i++) {
    const pgr_standing *s = &standings[i];
    bool wanted = !m->options.to_given || s->number <= m->options.to;
    switch (s->state) {
    case PGR_STANDING_APPLIED: break;
    case PGR_STANDING_CHANGED: code = refuse_changed(s, err); break;
    case PGR_STANDING_MISSING: code = refuse_missing(m, s, err); break;
    case PGR_STANDING_LATE:
      if (wanted && !m->options.out_of_order) code = refuse_late(s, err);
      if (wanted && !code) plan_add(m, s->migration);
      break;
    case PGR_STANDING_PENDING:
      if (wanted) plan_add(m, s->migration);
      break;
    }
  }
  return code;
}

/* The last ones, the last first. One whose file was changed may be taken back: that is how it comes to be right. */
static pgr_code plan_down(migrator *m, pgr_err *err) {
  const pgr_standing *standings = NULL;
  size_t count = 0;
  pgr_code code = pgr_journal_compare(m->journal, &m->folder.migrations, &standings, &count, err);
  if (!code) code = plan_room(m, count, err);
  for (size_t i = count; !code && i-- > 0 && (int64_t)m->planned < m->options.count;) {
    const pgr_standing *s = &standings[i];
    if (s->state == PGR_STANDING_MISSING) code = refuse_missing(m, s, err);
    if (s->state != PGR_STANDING_APPLIED && s->state != PGR_STANDING_CHANGED) continue;
    if (!s->migration->down.file)
      code = pgr_fail(err, PGR_EUSAGE, "%.200s has no down: what it did can only be undone by a further migration",
                      s->migration->up.file);
    else
      plan_add(m, s->migration);
  }
  return code;
}

static pgr_code open_journal(migrator *m, bool changes, pgr_err *err) {
  static const pgr_journal_watch watch = {.on_wait = say_who_waits_for_whom};
  pgr_journal_options options = {.changes = changes, .lock_timeout_ns = m->options.lock_timeout_ns, .watch = &watch};
  return pgr_journal_open(m->database.place.db, &options, &m->journal, err);
}

static pgr_code open_database(migrator *m, pgr_err *err) {
  return pgr_schema_database_open(m->options.dsn, NULL, &m->database, err);
}

static int leave(migrator *m, int status) {
  pgr_journal_close(m->journal);
  pgr_arena_deinit(&m->arena);
  return pgr_schema_finish(&m->folder, &m->database, status);
}

/* ---- one migration ---- */

/* Rows that were written while the trigger was being installed. It is in force now: there will be no more of them. */
static pgr_code ask_again(migrator *m, const pgr_migration *migration, int64_t before, pgr_err *err) {
  worries after;
  char rows[PGR_TEXT_BYTES * 2];
  pgr_code code = ask_all(m, migration, &after, err);
  if (code || after.rows <= before) return code;
  m->broke = true;
  printf("  While it was being applied rows slipped in: %s a rule now. The trigger is in\n"
         "  force, there will be no more of them; mend these.\n",
         rows_break(after.rows, rows));
  print_worries(&after);
  return PGR_OK;
}

/* *refused: nothing was done, for rows break a rule that it installs. */
static pgr_code apply(migrator *m, const step *s, bool *refused, pgr_err *err) {
  worries before;
  char rows[PGR_TEXT_BYTES * 2], took[PGR_TEXT_BYTES];
  print_title(s->migration);
  pgr_code code = ask_all(m, s->migration, &before, err);
  if (code) return code;
  *refused = before.rows > 0 && !m->options.accept_existing;
  if (before.rows > 0) {
    printf("  %s%s a rule that it installs%s:\n", *refused ? "not applied: " : "", rows_break(before.rows, rows),
           *refused ? "" : ", and stay");
    print_worries(&before);
  }
  if (*refused) return PGR_OK;
  if (before.rows > 0) putchar('\n');
  print_listing(m, &s->up);
  fflush(stdout);
  int64_t begin_ns = pgr_now_ns();
  code = pgr_journal_up(m->journal, s->migration, &m->folder.triggers, err);
  if (code) return code;
  printf("  applied in %s\n", pgr_format_duration(took, pgr_now_ns() - begin_ns));
  return ask_again(m, s->migration, before.rows, err);
}

/* Until the first one that is refused. */
static pgr_code apply_all(migrator *m, pgr_err *err) {
  pgr_code code = PGR_OK;
  bool refused = false;
  m->begun = true;
  for (; !code && m->done < m->planned; m->done++) {
    if (m->done > 0) putchar('\n');
    code = apply(m, &m->plan[m->done], &refused, err);
    if (code || refused) break;
  }
  m->broke |= refused;
  return code;
}

/* A migration and the time it took, below each other. */
static void print_line(const migrator *m, const pgr_migration *migration, int64_t begin_ns) {
  char title[TITLE_BYTES], took[PGR_TEXT_BYTES];
  pgr_schema_columns columns = {.count = 2, .indent = 2};
  for (size_t i = 0; i < m->planned; i++) {
    const char *widest[] = {pgr_migration_title(m->plan[i].migration, title), NULL};
    pgr_schema_columns_measure(&columns, widest, 1);
  }
  const char *line[] = {pgr_migration_title(migration, title), pgr_format_duration(took, pgr_now_ns() - begin_ns)};
  pgr_schema_columns_measure(&columns, line, 1);
  pgr_schema_columns_fit(&columns);
  pgr_schema_columns_print(&columns, line, 1);
  fflush(stdout);
}

static pgr_code take_back(const migrator *m, const step *s, pgr_err *err) {
  int64_t begin_ns = pgr_now_ns();
  pgr_code code = pgr_journal_down(m->journal, s->migration, &m->folder.triggers, err);
  if (!code) print_line(m, s->migration, begin_ns);
  return code;
}

static pgr_code take_back_all(migrator *m, pgr_err *err) {
  pgr_code code = PGR_OK;
  m->begun = true;
  puts("\nTaken back, the last one first");
  for (; !code && m->done < m->planned; m->done++) {
    code = take_back(m, &m->plan[m->done], err);
    if (code) break;
  }
  return code;
}

/* ---- up ---- */

/* Nothing is asked or changed. */
static void print_dry_run(migrator *m, bool down) {
  for (size_t i = 0; i < m->planned; i++) {
    if (i > 0) putchar('\n');
    print_title(m->plan[i].migration);
    print_listing(m, down ? &m->plan[i].down : &m->plan[i].up);
  }
}

/* Of one migration: what it locks, when that was asked for, and the rows. */
static void print_checked(migrator *m, const step *s, const worries *w) {
  char breaking[PGR_TEXT_BYTES * 2];
  print_title(s->migration);
  if (m->options.dry_run) print_listing(m, &s->up);
  if (m->options.dry_run && w->rows > 0) putchar('\n');
  if (w->rows > 0) printf("  %s a rule that it installs:\n", rows_break(w->rows, breaking));
  print_worries(w);
  if (*w->unasked) {
    puts("  its rows cannot be asked yet:");
    pgr_schema_print_wrapped(w->unasked, 4);
  }
}

/* The verdict first: all is asked before anything is printed. */
static pgr_code check(migrator *m, pgr_err *err) {
  pgr_code code = PGR_OK;
  int64_t rows = 0;
  bool unasked = false, spaced = true;
  worries *all = pgr_arena_alloc(&m->arena, (m->planned + 1) * sizeof *all);
  if (!all) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; !code && i < m->planned; i++) {
    code = ask_all(m, m->plan[i].migration, &all[i], err);
    rows += all[i].rows;
    unasked |= *all[i].unasked != '\0';
  }
  if (code) return code;
  m->broke = rows > 0;
  print_planned(m, rows > 0  ? "pending, and rows break their rules"
                   : unasked ? "pending, no row breaks a rule that can be asked yet"
                             : "pending, no row breaks their rules");
  for (size_t i = 0; i < m->planned; i++) {
    bool wants_space = m->options.dry_run || all[i].rows > 0 || *all[i].unasked;
    if (wants_space || spaced) putchar('\n');
    print_checked(m, &m->plan[i], &all[i]);
    spaced = wants_space;
  }
  if (rows > 0)
    print_mend();
  else
    puts("\nNext: pgrace schema up, without --check");
  return PGR_OK;
}

/* verb: "applied". */
static void print_summary(const migrator *m, const char *verb) {
  char count[PGR_TEXT_BYTES * 2], name[PGR_SCHEMA_CELL_BYTES], title[TITLE_BYTES], line[PGR_SCHEMA_CELL_BYTES * 2];
  putchar('\n');
  if (m->done == m->planned) {
    pgr_schema_show(PQdb(pgr_db_raw(m->database.place.db)), name);
    snprintf(line, sizeof line, "%s %s to %s.", migrations(m->done, count), verb, name);
  } else {
    snprintf(line, sizeof line, "%zu of %s %s; %s was not, nothing of it is left.", m->done,
             migrations(m->planned, count), verb, pgr_migration_title(m->plan[m->done].migration, title));
  }
  pgr_schema_print_wrapped(line, 0);
}

static void print_nothing(const migrator *m) {
  char verdict[PGR_SCHEMA_CELL_BYTES] = "nothing to do, all migrations are applied";
  if (m->folder.migrations.count == 0)
    snprintf(verdict, sizeof verdict, "nothing to do, the folder has no migrations");
  else if (m->options.to_given)
    snprintf(verdict, sizeof verdict, "nothing to do, all migrations up to %lld are applied", (long long)m->options.to);
  print_verdict(m, verdict);
}

static pgr_code up_as_planned(migrator *m, pgr_err *err) {
  const migrate_options *o = &m->options;
  if (m->planned == 0) {
    print_nothing(m);
    return PGR_OK;
  }
  if (o->check) return check(m, err);
  print_planned(m, o->dry_run ? "would be applied" : "to apply");
  putchar('\n');
  if (o->dry_run) {
    print_dry_run(m, false);
    return PGR_OK;
  }
  pgr_code code = apply_all(m, err);
  if (code) return code;
  print_summary(m, "applied");
  if (m->done < m->planned) print_mend();
  return PGR_OK;
}

static pgr_code up_database(migrator *m, pgr_err *err) {
  pgr_code code = open_database(m, err);
  if (!code) code = open_journal(m, !m->options.check && !m->options.dry_run, err);
  if (!code) code = plan_up(m, err);
  if (!code) code = list_plan(m, true, false, err);
  return code ? code : up_as_planned(m, err);
}

/* ---- the rehearsal ---- */

static pgr_code plan_folder(migrator *m, pgr_err *err) {
  const pgr_migrations *all = &m->folder.migrations;
  pgr_code code = plan_room(m, all->count, err);
  for (size_t i = 0; !code && i < all->count; i++)
    if (!m->options.to_given || all->items[i].number <= m->options.to) plan_add(m, &all->items[i]);
  return code;
}

static pgr_code dry_run_folder(migrator *m, pgr_err *err) {
  pgr_code code = plan_folder(m, err);
  if (!code) code = list_plan(m, true, false, err);
  if (code) return code;
  print_planned(m, "in the folder; with --dsn URI: those that are pending");
  putchar('\n');
  print_dry_run(m, false);
  return PGR_OK;
}

/* Down as far as there are downs, then up again. *back: how many that were. */
static pgr_code there_and_back(migrator *m, size_t *back, pgr_err *err) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  size_t kept = m->planned;
  pgr_code code = PGR_OK;
  puts("\nTaken back, the last one first");
  while (!code && kept > 0 && m->plan[kept - 1].migration->down.file)
    code = take_back(m, &m->plan[--kept], err);
  if (code) return code;
  *back = m->planned - kept;
  if (kept > 0)
    printf("  %s has no down: it stays, and so do those before it\n",
           pgr_schema_show(pgr_migration_title(m->plan[kept - 1].migration, title), shown));
  puts("\nApplied again");
  for (; !code && kept < m->planned; kept++) {
    int64_t begin_ns = pgr_now_ns();
    pgr_err reason;
    code = pgr_journal_up(m->journal, m->plan[kept].migration, &m->folder.triggers, &reason);
    if (code) return pgr_fail(err, code, "%s (when applied again: does its down take everything back?)", reason.msg);
    print_line(m, m->plan[kept].migration, begin_ns);
  }
  return PGR_OK;
}

static pgr_code rehearse(migrator *m, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2];
  size_t back = 0;
  pgr_code code = plan_folder(m, err);
  if (!code && m->planned == 0) {
    printf("%s: no migrations\n", m->options.dir);
    return PGR_OK;
  }
  if (!code) code = list_plan(m, true, false, err);
  if (!code) code = open_database(m, err);
  if (!code) code = open_journal(m, true, err);
  if (code) return code;
  printf("A rehearsal on a throw-away PostgreSQL %s: %s\n\n", m->database.place.version, migrations(m->planned, count));
  code = apply_all(m, err);
  if (!code && m->done < m->planned) print_mend();
  if (code || m->done < m->planned) return code;
  code = there_and_back(m, &back, err);
  if (code) return code;
  printf("\nIt went well: %zu up, %zu down, %zu up again. No database of yours was touched.\n"
         "To apply them to one: pgrace schema up --dsn URI\n",
         m->planned, back, back);
  return PGR_OK;
}

static void help_up(void) {
  fputs("Usage: pgrace schema up [--dsn URI] [OPTION …]\n\n"
        "Applies the migrations that a database has not had, in order, each in one\n"
        "transaction, and says what each statement locks. Before it installs a rule, rows\n"
        "that break the rule already are shown, and the migration is not applied.\n"
        "Without --dsn it is a rehearsal on a throw-away server: up, down, up again.\n\n"
        "  --dsn URI           this database ('' takes PGHOST, PGDATABASE … from the\n"
        "                      environment)\n"
        "  --to N              up to migration N\n"
        "  --dry-run           print what is pending and what it locks, change nothing\n"
        "  --check             only look for rows that break a pending rule\n"
        "  --accept-existing   such rows may stay; the rule holds for later changes\n"
        "  --out-of-order      also migrations that come before an applied one\n"
        "  --lock-timeout D    how long a statement waits for a lock (default 5s)\n"
        "  --dir DIR           the folder (default schema)\n\n"
        "Exit status: 0 done, 1 rows break a rule, 2 interrupted, 4 usage or a file that\n"
        "is wrong or was changed, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema up\n"
        "  pgrace schema up --check --dsn postgresql://localhost/inbox\n"
        "  pgrace schema up --dsn postgresql://localhost/inbox\n",
        stdout);
}

static pgr_code up(migrator *m, pgr_err *err) {
  pgr_code code = check_to(m, err);
  if (code) return code;
  if (m->options.dsn) return up_database(m, err);
  return m->options.dry_run ? dry_run_folder(m, err) : rehearse(m, err);
}

int pgr_schema_up(int argc, char **argv) {
  static migrator m;
  migrate_options *o = &m.options;
  *o = (migrate_options){.dir = pgr_schema_default_dir, .lock_timeout_ns = DEFAULT_LOCK_TIMEOUT_NS};
  const pgr_option table[] = {{"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"to", 0, PGR_OPTION_INT, &o->to, 0, INT64_MAX, &o->to_given},
                              {"dry-run", 0, PGR_OPTION_FLAG, &o->dry_run, 0, 0, NULL},
                              {"check", 0, PGR_OPTION_FLAG, &o->check, 0, 0, NULL},
                              {"accept-existing", 0, PGR_OPTION_FLAG, &o->accept_existing, 0, 0, NULL},
                              {"out-of-order", 0, PGR_OPTION_FLAG, &o->out_of_order, 0, 0, NULL},
                              {"lock-timeout", 0, PGR_OPTION_DURATION, &o->lock_timeout_ns, 0, 0, NULL},
                              {"yes", 0, PGR_OPTION_FLAG, &o->yes, 0, 0, NULL}, /* as down takes it: nothing is asked */
                              {0}};
  int operands = 0, status = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &operands, &wants_help, &err);
  if (!code && wants_help) {
    help_up();
    return 0;
  }
  if (!code && o->check && !o->dsn)
    code = pgr_fail(&err, PGR_EUSAGE, "--check asks the rows of a database: name it with --dsn");
  if (code) return pgr_schema_complain(&err);
  if (!pgr_schema_folder_open(o->dir, &m.folder, &status)) return leave(&m, status);
  code = up(&m, &err);
  if (code) return leave(&m, complain(&m, &err, "applied"));
  return leave(&m, m.broke ? 1 : 0);
}

/* ---- down and redo ---- */

static bool same_plan(const step *a, size_t a_count, const step *b, size_t b_count) {
  bool same = a_count == b_count;
  for (size_t i = 0; same && i < a_count; i++)
    same = a[i].migration == b[i].migration;
  return same;
}

/* After the answer, which nobody was kept waiting for: the lock, and whether what was agreed to still holds. */
static pgr_code begin_agreed(migrator *m, pgr_err *err) {
  const step *agreed = m->plan;
  size_t count = m->planned;
  pgr_journal_close(m->journal);
  m->journal = NULL;
  pgr_code code = open_journal(m, true, err);
  if (!code) code = plan_down(m, err);
  if (!code && !same_plan(agreed, count, m->plan, m->planned))
    code = pgr_fail(err, PGR_EDATABASE, "somebody else applied or took back migrations meanwhile; nothing was changed");
  return code;
}

static pgr_code agree(migrator *m, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2], name[PGR_SCHEMA_CELL_BYTES], question[PGR_SCHEMA_CELL_BYTES * 2];
  pgr_schema_show(PQdb(pgr_db_raw(m->database.place.db)), name);
  snprintf(question, sizeof question, "\nThis takes %s of %s back.", migrations(m->planned, count), name);
  return pgr_schema_confirm(m->options.yes, question, PQdb(pgr_db_raw(m->database.place.db)), err);
}

/* What will be taken back, on a journal that only reads. */
static pgr_code prepare_down(migrator *m, bool again, pgr_err *err) {
  pgr_code code = open_database(m, err);
  if (!code) code = open_journal(m, false, err);
  if (!code) code = plan_down(m, err);
  if (!code) code = list_plan(m, again, true, err);
  if (code) return code;
  if (m->planned == 0) {
    print_verdict(m, "nothing to do, no migration is applied");
    return PGR_OK;
  }
  print_planned(m, m->options.dry_run ? "would be taken back"
                   : again            ? "to take back and apply again"
                                      : "to take back");
  putchar('\n');
  print_dry_run(m, true);
  return PGR_OK;
}

static pgr_code down(migrator *m, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2];
  pgr_code code = prepare_down(m, false, err);
  if (code || m->planned == 0 || m->options.dry_run) return code;
  code = agree(m, err);
  if (!code) code = begin_agreed(m, err);
  if (!code) code = take_back_all(m, err);
  if (code) return code;
  printf("\n%s taken back. To apply it again: pgrace schema up\n", migrations(m->done, count));
  return PGR_OK;
}

/* The plan the other way round, to be applied. */
static void turn(migrator *m) {
  for (size_t i = 0; i < m->planned / 2; i++) {
    step first = m->plan[i];
    m->plan[i] = m->plan[m->planned - 1 - i];
    m->plan[m->planned - 1 - i] = first;
  }
  m->done = 0;
}

static pgr_code redo(migrator *m, pgr_err *err) {
  pgr_code code = prepare_down(m, true, err);
  if (code || m->planned == 0) return code;
  const step *listed = m->plan;
  code = agree(m, err);
  if (!code) code = begin_agreed(m, err);
  if (!code) code = take_back_all(m, err);
  if (code) return code;
  putchar('\n');
  memcpy(m->plan, listed, m->planned * sizeof *m->plan);
  turn(m);
  code = apply_all(m, err);
  if (code) return code;
  print_summary(m, "applied again");
  if (m->done < m->planned) print_mend();
  return PGR_OK;
}

static void help_down(void) {
  fputs("Usage: pgrace schema down [N] --dsn URI [OPTION …]\n\n"
        "Takes back the last N migrations of a database (default 1), the last first, each\n"
        "in one transaction, by their down files. What a down drops is gone. Asks for the\n"
        "database's name before it does.\n\n"
        "  --dsn URI          the database ('' takes PGHOST, PGDATABASE … from the\n"
        "                     environment)\n"
        "  --yes              do not ask; needed where there is no terminal\n"
        "  --dry-run          print what would be taken back and what it locks\n"
        "  --lock-timeout D   how long a statement waits for a lock (default 5s)\n"
        "  --dir DIR          the folder (default schema)\n\n"
        "Exit status: 0 done, 2 interrupted or not agreed to, 4 usage or a file that is\n"
        "wrong, 5 database or environment.\n\n"
        "Examples\n"
        "  pgrace schema down --dsn postgresql://localhost/inbox\n"
        "  pgrace schema down 2 --yes --dsn ''\n",
        stdout);
}

static void help_redo(void) {
  fputs("Usage: pgrace schema redo [N] --dsn URI [OPTION …]\n\n"
        "Takes back the last N migrations of a database (default 1) and applies them\n"
        "again, as the files are now: for a migration that is still being written. Asks\n"
        "for the database's name before it does.\n\n"
        "  --dsn URI           the database ('' takes PGHOST, PGDATABASE … from the\n"
        "                      environment)\n"
        "  --yes               do not ask; needed where there is no terminal\n"
        "  --accept-existing   rows that break a rule already may stay\n"
        "  --lock-timeout D    how long a statement waits for a lock (default 5s)\n"
        "  --dir DIR           the folder (default schema)\n\n"
        "Exit status: 0 done, 1 rows break a rule and it stays taken back, 2 interrupted\n"
        "or not agreed to, 4 usage or a file that is wrong, 5 database or environment.\n\n"
        "Example\n"
        "  pgrace schema redo --yes --dsn postgresql://localhost/inbox_of_mine\n",
        stdout);
}

/* [N]. What stands there may be a connection string that lacks its --dsn. */
static pgr_code parse_count(const char *operand, migrate_options *o, pgr_err *err) {
  o->count = 1;
  if (!operand) return PGR_OK;
  if (pgr_looks_secret(operand))
    return pgr_fail(err, PGR_EUSAGE,
                    "unexpected argument (not shown: it may hold a password); a connection string is one word, quoted, "
                    "after --dsn");
  return pgr_parse_int(operand, "how many migrations", 1, PGR_MIGRATIONS_MAX, &o->count, err);
}

static pgr_code parse_backward(migrate_options *o, bool again, int argc, char **argv, bool *wants_help, pgr_err *err) {
  static const char no_dry_run[] = "pgrace schema down --dry-run and up --dry-run show what it would do";
  static const char no_rows[] = "what is taken back meets no rule";
  *o = (migrate_options){.dir = pgr_schema_default_dir, .lock_timeout_ns = DEFAULT_LOCK_TIMEOUT_NS};
  const pgr_option table[] = {
      {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
      {"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
      {"yes", 0, PGR_OPTION_FLAG, &o->yes, 0, 0, NULL},
      {"lock-timeout", 0, PGR_OPTION_DURATION, &o->lock_timeout_ns, 0, 0, NULL},
      {"dry-run", 0, again ? PGR_OPTION_ABSENT : PGR_OPTION_FLAG, again ? (void *)no_dry_run : &o->dry_run, 0, 0, NULL},
      {"accept-existing", 0, again ? PGR_OPTION_FLAG : PGR_OPTION_ABSENT, again ? &o->accept_existing : (void *)no_rows,
       0, 0, NULL},
      {0}};
  const char *operand = NULL;
  int operands = 0;
  pgr_code code = pgr_options_parse(table, argc, argv, &operand, 1, &operands, wants_help, err);
  if (code || *wants_help) return code;
  code = parse_count(operand, o, err);
  if (!code && !o->dsn)
    code = pgr_fail(err, PGR_EUSAGE,
                    "%s: name the database with --dsn URI ('' takes PGHOST, PGDATABASE … from the "
                    "environment)",
                    argv[0]);
  return code;
}

static int go_back(bool again, int argc, char **argv) {
  static migrator m;
  int status = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = parse_backward(&m.options, again, argc, argv, &wants_help, &err);
  if (!code && wants_help) {
    if (again)
      help_redo();
    else
      help_down();
    return 0;
  }
  if (code) return pgr_schema_complain(&err);
  if (!pgr_schema_folder_open(m.options.dir, &m.folder, &status)) return leave(&m, status);
  code = again ? redo(&m, &err) : down(&m, &err);
  if (code) return leave(&m, complain(&m, &err, again ? "done again" : "taken back"));
  return leave(&m, m.broke ? 1 : 0);
}

int pgr_schema_down(int argc, char **argv) {
  return go_back(false, argc, argv);
}

int pgr_schema_redo(int argc, char **argv) {
  return go_back(true, argc, argv);
}
