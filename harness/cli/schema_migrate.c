/* What pgrace schema up, down and redo share: the plan, what each statement locks, the rows that break a rule before it
 * is installed, one migration applied or taken back. Invariant: nothing changes before it was told. */
#include "schema_migrate.h"

#include "pgr_statements.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { TITLE_BYTES = PGR_STANDING_TITLE_BYTES };

/* ---- what is said ---- */

const char *pgr_migrate_count(size_t count, char out[PGR_TEXT_BYTES * 2]) {
  char number[PGR_TEXT_BYTES];
  snprintf(out, PGR_TEXT_BYTES * 2, "%s migration%s", pgr_format_count(number, (int64_t)count), count == 1 ? "" : "s");
  return out;
}

void pgr_migrate_print_verdict(const pgr_migrator *m, const char *verdict) {
  pgr_schema_print_verdict(m->database.place.db ? &m->database : NULL, m->options.dir, verdict);
}

void pgr_migrate_print_planned(const pgr_migrator *m, const char *what) {
  char count[PGR_TEXT_BYTES * 2], verdict[PGR_SCHEMA_CELL_BYTES];
  snprintf(verdict, sizeof verdict, "%s %s", pgr_migrate_count(m->planned, count), what);
  pgr_migrate_print_verdict(m, verdict);
}

void pgr_migrate_print_title(const pgr_migration *migration) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  printf("%s\n", pgr_schema_show(pgr_migration_title(migration, title), shown));
}

void pgr_migrate_print_line(const pgr_migrator *m, const pgr_migration *migration, int64_t begin_ns) {
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

void pgr_migrate_print_listing(pgr_migrator *m, const pgr_schema_listing *l) {
  pgr_schema_listing_print(l, &m->columns, &m->headed);
}

void pgr_migrate_print_plan(pgr_migrator *m, bool down) {
  for (size_t i = 0; i < m->planned; i++) {
    if (i > 0) putchar('\n');
    pgr_migrate_print_title(m->plan[i].migration);
    pgr_migrate_print_listing(m, down ? &m->plan[i].down : &m->plan[i].up);
  }
}

static void say_who_waits_for_whom(void *user, int pid, const char *program) {
  const pgr_migrator *m = user;
  char shown[PGR_SCHEMA_CELL_BYTES], most[PGR_TEXT_BYTES];
  fflush(stdout);
  fprintf(stderr, "pgrace: waiting for another run to end: process %d (%s); ", pid,
          program && *program ? pgr_schema_show(program, shown) : "of no name");
  if (m->options.wait_ns > 0) fprintf(stderr, "%s at most (--wait), ", pgr_format_duration(most, m->options.wait_ns));
  fputs("Ctrl-C gives up\n", stderr);
}

/* What failed for its own fault was not applied; of the rest the error itself says what is known. */
int pgr_migrate_complain(const pgr_migrator *m, const pgr_err *err, const char *verb) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES], count[PGR_TEXT_BYTES * 2];
  int status = pgr_schema_complain(err);
  if (!m->begun || m->done == m->planned) return status;
  fprintf(stderr, "pgrace: %zu of %s %s", m->done, pgr_migrate_count(m->planned, count), verb);
  if (err->code == PGR_EUSAGE)
    fprintf(stderr, "; %s was not\n", pgr_schema_show(pgr_migration_title(m->plan[m->done].migration, title), shown));
  else
    fputs(" before that\n", stderr);
  return status;
}

int pgr_migrate_leave(pgr_migrator *m, int status) {
  pgr_journal_close(m->journal);
  pgr_arena_deinit(&m->arena);
  return pgr_schema_finish(&m->folder, &m->database, status);
}

/* ---- what is to be done ---- */

pgr_code pgr_migrate_plan_room(pgr_migrator *m, size_t count, pgr_err *err) {
  m->planned = m->done = 0;
  m->plan = pgr_arena_alloc(&m->arena, (count + 1) * sizeof *m->plan);
  return m->plan ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

void pgr_migrate_plan_add(pgr_migrator *m, const pgr_migration *migration) {
  m->plan[m->planned++] = (pgr_migrate_step){.migration = migration};
}

pgr_code pgr_migrate_list(pgr_migrator *m, bool ups, bool downs, pgr_err *err) {
  pgr_code code = PGR_OK;
  pgr_schema_listing_begin(&m->columns);
  for (size_t i = 0; !code && i < m->planned; i++) {
    pgr_migrate_step *s = &m->plan[i];
    if (ups) code = pgr_schema_list(&s->migration->up, &m->columns, &m->arena, &s->up, err);
    if (!code && downs) code = pgr_schema_list(&s->migration->down, &m->columns, &m->arena, &s->down, err);
  }
  pgr_schema_columns_fit(&m->columns);
  return code;
}

pgr_code pgr_migrate_compare(pgr_migrator *m, pgr_standings *out, pgr_err *err) {
  *out = (pgr_standings){.folder = &m->folder.migrations};
  pgr_code code = pgr_journal_compare(m->journal, out->folder, &out->items, &out->count, err);
  return code ? code : pgr_standing_refuse_others(out, err);
}

pgr_code pgr_migrate_open_journal(pgr_migrator *m, bool changes, pgr_err *err) {
  const pgr_journal_watch watch = {.on_wait = say_who_waits_for_whom, .user = m};
  pgr_journal_options options = {.changes = changes,
                                 .lock_timeout_ns = m->options.lock_timeout_ns,
                                 .wait_ns = m->options.wait_ns,
                                 .watch = &watch};
  return pgr_journal_open(m->database.place.db, &options, &m->journal, err);
}

pgr_code pgr_migrate_open_database(pgr_migrator *m, pgr_err *err) {
  return pgr_schema_database_open(m->options.dsn, NULL, &m->database, err);
}

/* ---- rows that break a rule ---- */

pgr_code pgr_migrate_ask(pgr_migrator *m, const pgr_migration *migration, bool early, pgr_schema_worries *out,
                         pgr_err *err) {
  pgr_schema_asking asking = {.db = m->database.place.db,
                              .triggers = &m->folder.triggers,
                              .arena = &m->arena,
                              .accepts = m->options.accept_existing,
                              .only_looks = m->options.check,
                              .may_be_early = early};
  return pgr_schema_ask(&asking, migration, out, err);
}

/* Whether the text, of len bytes, has the word in any case. */
static bool mentions(const char *text, size_t len, const char *word) {
  size_t word_len = strlen(word);
  for (size_t i = 0; i + word_len <= len; i++)
    if (strncasecmp(text + i, word, word_len) == 0) return true;
  return false;
}

/* Statements that may change rows, or do what nobody can tell. */
static bool may_write(const char *what) {
  static const char *const writing[] = {"UPDATE", "DELETE", "MERGE", "INSERT",      "TRUNCATE TABLE",
                                        "DO",     "SELECT", "CALL",  "ALTER TABLE", "DROP TABLE"};
  for (size_t i = 0; i < sizeof writing / sizeof *writing; i++)
    if (strcmp(what, writing[i]) == 0) return true;
  return false;
}

static pgr_code part_may_mend(const pgr_source *part, const char *table, bool *may, pgr_err *err) {
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_sql_statements statements = {0};
  pgr_code code = pgr_statements_read(part, &arena, &statements, &faults, err);
  for (size_t i = 0; !code && i < statements.count; i++) {
    const pgr_sql_statement *s = &statements.items[i];
    *may |= may_write(s->what) && mentions(part->text + s->offset, s->len, table);
  }
  *may |= faults.count > 0 && mentions(part->text, strlen(part->text), table);
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
  return code;
}

/* A trigger's version does not: it makes functions and triggers, and what it does beside that is about those. */
static pgr_code may_mend(const pgr_triggers *triggers, const pgr_migration *earlier, const pgr_schema_worries *w,
                         bool *may, pgr_err *err) {
  const pgr_trigger *trigger;
  const pgr_version *version;
  pgr_code code = PGR_OK;
  bool all = true;
  for (size_t i = 0; !code && i < w->count; i++) {
    bool one = w->items[i].rows == 0;
    for (size_t k = 0; !code && k < earlier->up.part_count; k++)
      if (!pgr_triggers_of_part(triggers, &earlier->up.parts[k], &trigger, &version))
        code = part_may_mend(&earlier->up.parts[k], w->items[i].trigger->rule.table, &one, err);
    all &= one;
  }
  *may = all;
  return code;
}

/* The step that is the ith to be applied. */
static pgr_migrate_step *step_at(const pgr_migrator *m, bool forward, size_t i) {
  return &m->plan[forward ? i : m->planned - 1 - i];
}

static pgr_code find_mending(pgr_migrator *m, bool forward, size_t at, pgr_err *err) {
  pgr_code code = PGR_OK;
  pgr_migrate_step *s = step_at(m, forward, at);
  for (size_t i = 0; !code && i < at && !s->mending; i++) {
    const pgr_migration *earlier = step_at(m, forward, i)->migration;
    bool may = false;
    code = may_mend(&m->folder.triggers, earlier, s->worries, &may, err);
    if (!code && may) s->mending = earlier;
  }
  return code;
}

pgr_code pgr_migrate_ask_all(pgr_migrator *m, bool forward, int64_t *rows, pgr_err *err) {
  pgr_code code = PGR_OK;
  *rows = 0;
  for (size_t i = 0; !code && i < m->planned; i++) {
    pgr_migrate_step *s = step_at(m, forward, i);
    s->worries = pgr_arena_alloc(&m->arena, sizeof *s->worries);
    if (!s->worries) return pgr_fail(err, PGR_ENOMEM, "out of memory");
    code = pgr_migrate_ask(m, s->migration, i > 0, s->worries, err);
    if (!code && s->worries->rows > 0) code = find_mending(m, forward, i, err);
    if (!s->mending) *rows += s->worries->rows;
  }
  return code;
}

void pgr_migrate_print_worries(pgr_migrator *m, const pgr_migrate_step *s) {
  const pgr_schema_worries *w = s->worries;
  char breaking[PGR_TEXT_BYTES * 2], title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  pgr_migrate_print_title(s->migration);
  if (m->options.dry_run) pgr_migrate_print_listing(m, &s->up);
  if (m->options.dry_run && w->rows > 0) putchar('\n');
  if (w->rows > 0) printf("  %s a rule that it installs", pgr_schema_rows_break(w->rows, breaking));
  if (w->rows > 0 && s->mending)
    printf(";\n  %s comes before it, and may mend them",
           pgr_schema_show(pgr_migration_title(s->mending, title), shown));
  if (w->rows > 0) puts(":");
  pgr_schema_worries_print(w);
  if (*w->unasked) {
    puts("  its rows cannot be asked yet:");
    pgr_schema_print_wrapped(w->unasked, 4);
  }
}

/* The trigger is in force now: there will be no more of them. */
pgr_code pgr_migrate_ask_again(pgr_migrator *m, const pgr_migration *migration, int64_t before, pgr_err *err) {
  pgr_schema_worries after;
  char rows[PGR_TEXT_BYTES * 2];
  pgr_code code = pgr_migrate_ask(m, migration, false, &after, err);
  if (code || after.rows <= before) return code;
  m->broke = true;
  printf("  While it was being applied rows slipped in: %s a rule now. The trigger is in\n"
         "  force, there will be no more of them; mend these.\n",
         pgr_schema_rows_break(after.rows, rows));
  pgr_schema_worries_print(&after);
  return PGR_OK;
}

/* ---- one migration ---- */

/* *refused: nothing was done, for rows break a rule that it installs. */
static pgr_code apply(pgr_migrator *m, const pgr_migrate_step *s, bool *refused, pgr_err *err) {
  pgr_schema_worries before;
  char rows[PGR_TEXT_BYTES * 2], took[PGR_TEXT_BYTES];
  pgr_migrate_print_title(s->migration);
  pgr_code code = pgr_migrate_ask(m, s->migration, false, &before, err);
  if (code) return code;
  *refused = before.rows > 0 && !m->options.accept_existing;
  if (before.rows > 0) {
    printf("  %s%s a rule that it installs%s:\n", *refused ? "not applied: " : "",
           pgr_schema_rows_break(before.rows, rows), *refused ? "" : ", and stay");
    pgr_schema_worries_print(&before);
  }
  if (*refused) return PGR_OK;
  if (*before.unasked) {
    puts("  its rows were not asked:");
    pgr_schema_print_wrapped(before.unasked, 4);
  }
  if (before.rows > 0 || *before.unasked) putchar('\n');
  pgr_migrate_print_listing(m, &s->up);
  fflush(stdout);
  int64_t begin_ns = pgr_now_ns();
  code = pgr_journal_up(m->journal, s->migration, &m->folder.triggers, err);
  if (code) return code;
  printf("  applied in %s\n", pgr_format_duration(took, pgr_now_ns() - begin_ns));
  return pgr_migrate_ask_again(m, s->migration, before.rows, err);
}

pgr_code pgr_migrate_apply_all(pgr_migrator *m, pgr_err *err) {
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

pgr_code pgr_migrate_take_back(const pgr_migrator *m, const pgr_migrate_step *s, pgr_err *err) {
  int64_t begin_ns = pgr_now_ns();
  pgr_code code = pgr_journal_down(m->journal, s->migration, &m->folder.triggers, err);
  if (!code) pgr_migrate_print_line(m, s->migration, begin_ns);
  return code;
}
