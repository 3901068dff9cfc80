/* pgrace schema up: what is pending applied to a database, or, without one, a rehearsal. Invariant: rows that stand in
 * the way of a rule are found before the first migration is applied, as far as the tables are there. */
#include "schema_migrate.h"
#include <stdio.h>
#include <string.h>

enum { TITLE_BYTES = PGR_STANDING_TITLE_BYTES };

/* ---- what is to be done ---- */

static pgr_code refuse_late(const pgr_standing *s, pgr_err *err) {
  return pgr_fail(err, PGR_EUSAGE,
                  "%.200s comes before a migration that is applied: give it a later number, or apply it all the same "
                  "with --out-of-order",
                  s->migration->up.file);
}

static pgr_code check_to(const pgr_migrator *m, pgr_err *err) {
  if (!m->options.to_given) return PGR_OK;
  for (size_t i = 0; i < m->folder.migrations.count; i++)
    if (m->folder.migrations.items[i].number == m->options.to) return PGR_OK;
  return pgr_fail(err, PGR_EUSAGE, "--to: the folder %.200s has no migration %lld", m->options.dir,
                  (long long)m->options.to);
}

/* Everything pending, by number. What was applied is looked at whole: after a change nobody knows what the rest would
 * meet. */
static pgr_code plan_up(pgr_migrator *m, pgr_err *err) {
  pgr_standings all;
  pgr_code code = pgr_migrate_compare(m, &all, err);
  if (!code) code = pgr_migrate_plan_room(m, all.count, err);
  for (size_t i = 0; !code && i < all.count; i++) {
    const pgr_standing *s = &all.items[i];
    bool wanted = !m->options.to_given || s->number <= m->options.to;
    switch (s->state) {
    case PGR_STANDING_APPLIED: break;
    case PGR_STANDING_CHANGED:
    case PGR_STANDING_MISSING:
    case PGR_STANDING_OTHER: code = pgr_standing_refuse(&all, i, err); break;
    case PGR_STANDING_LATE:
      if (wanted && !m->options.out_of_order) code = refuse_late(s, err);
      if (wanted && !code) pgr_migrate_plan_add(m, s->migration);
      break;
    case PGR_STANDING_PENDING:
      if (wanted) pgr_migrate_plan_add(m, s->migration);
      break;
    }
  }
  return code;
}

/* ---- a database ---- */

/* What kept the rest from being said: only what rows say. */
static bool is_worth_a_word(const pgr_migrator *m, const pgr_migrate_step *s) {
  return m->options.dry_run || s->worries->rows > 0 || *s->worries->unasked;
}

/* The verdict first: all is asked before anything is printed. */
static pgr_code check(pgr_migrator *m, pgr_err *err) {
  int64_t rows = 0;
  bool unasked = false, mended = false, spaced = true;
  pgr_code code = pgr_migrate_ask_all(m, true, &rows, err);
  if (code) return code;
  for (size_t i = 0; i < m->planned; i++) {
    unasked |= *m->plan[i].worries->unasked != '\0';
    mended |= m->plan[i].mending != NULL;
  }
  m->broke = rows > 0;
  m->doubtful = mended;
  pgr_migrate_print_planned(m, rows > 0  ? "pending, and rows break their rules"
                               : mended  ? "pending, some may mend rows that break a rule"
                               : unasked ? "pending, no row breaks a rule that can be asked yet"
                                         : "pending, no row breaks their rules");
  for (size_t i = 0; i < m->planned; i++) {
    bool wants_space = is_worth_a_word(m, &m->plan[i]);
    if (wants_space || spaced) putchar('\n');
    pgr_migrate_print_worries(m, &m->plan[i]);
    spaced = wants_space;
  }
  if (rows > 0)
    pgr_schema_mend_print();
  else
    puts("\nNext: pgrace schema up, without --check");
  return PGR_OK;
}

static void print_summary(const pgr_migrator *m) {
  char count[PGR_TEXT_BYTES * 2], name[PGR_SCHEMA_CELL_BYTES], title[TITLE_BYTES], line[PGR_SCHEMA_CELL_BYTES * 2];
  putchar('\n');
  if (m->done == m->planned) {
    pgr_schema_show(PQdb(pgr_db_raw(m->database.place.db)), name);
    snprintf(line, sizeof line, "%s applied to %s.", pgr_migrate_count(m->done, count), name);
  } else {
    snprintf(line, sizeof line, "%zu of %s applied; %s was not, nothing of it is left.", m->done,
             pgr_migrate_count(m->planned, count), pgr_migration_title(m->plan[m->done].migration, title));
  }
  pgr_schema_print_wrapped(line, 0);
}

static void print_nothing(const pgr_migrator *m) {
  char verdict[PGR_SCHEMA_CELL_BYTES] = "nothing to do, all migrations are applied";
  if (m->folder.migrations.count == 0)
    snprintf(verdict, sizeof verdict, "nothing to do, the folder has no migrations");
  else if (m->options.to_given)
    snprintf(verdict, sizeof verdict, "nothing to do, all migrations up to %lld are applied", (long long)m->options.to);
  pgr_migrate_print_verdict(m, verdict);
}

/* Rows stand in the way of some rule: that is told before the first migration, not in the middle of a deployment. */
static void print_in_the_way(pgr_migrator *m) {
  m->broke = true;
  pgr_migrate_print_planned(m, "to apply, and rows break their rules: nothing was applied");
  for (size_t i = 0; i < m->planned; i++) {
    if (m->plan[i].worries->rows == 0) continue;
    putchar('\n');
    pgr_migrate_print_worries(m, &m->plan[i]);
  }
  pgr_schema_mend_print();
}

static pgr_code apply_planned(pgr_migrator *m, pgr_err *err) {
  int64_t rows = 0;
  pgr_code code = m->options.accept_existing ? PGR_OK : pgr_migrate_ask_all(m, true, &rows, err);
  if (code) return code;
  if (rows > 0) {
    print_in_the_way(m);
    return PGR_OK;
  }
  pgr_migrate_print_planned(m, "to apply");
  putchar('\n');
  code = pgr_migrate_apply_all(m, err);
  if (code) return code;
  print_summary(m);
  if (m->done < m->planned) pgr_schema_mend_print();
  return PGR_OK;
}

static pgr_code up_as_planned(pgr_migrator *m, pgr_err *err) {
  if (m->planned == 0) {
    print_nothing(m);
    return PGR_OK;
  }
  if (m->options.check) return check(m, err);
  if (!m->options.dry_run) return apply_planned(m, err);
  pgr_migrate_print_planned(m, "would be applied");
  putchar('\n');
  pgr_migrate_print_plan(m, false);
  return PGR_OK;
}

static pgr_code up_database(pgr_migrator *m, pgr_err *err) {
  pgr_code code = pgr_migrate_open_database(m, err);
  if (!code) code = pgr_migrate_open_journal(m, !m->options.check && !m->options.dry_run, err);
  if (!code) code = plan_up(m, err);
  if (!code) code = pgr_migrate_list(m, true, false, err);
  return code ? code : up_as_planned(m, err);
}

/* ---- the rehearsal ---- */

static pgr_code plan_folder(pgr_migrator *m, pgr_err *err) {
  const pgr_migrations *all = &m->folder.migrations;
  pgr_code code = pgr_migrate_plan_room(m, all->count, err);
  for (size_t i = 0; !code && i < all->count; i++)
    if (!m->options.to_given || all->items[i].number <= m->options.to) pgr_migrate_plan_add(m, &all->items[i]);
  return code;
}

static pgr_code dry_run_folder(pgr_migrator *m, pgr_err *err) {
  pgr_code code = plan_folder(m, err);
  if (!code) code = pgr_migrate_list(m, true, false, err);
  if (code) return code;
  pgr_migrate_print_planned(m, "in the folder; with --dsn URI: those that are pending");
  putchar('\n');
  pgr_migrate_print_plan(m, false);
  return PGR_OK;
}

/* Down as far as there are downs, then up again. *back: how many that were. */
static pgr_code there_and_back(pgr_migrator *m, size_t *back, pgr_err *err) {
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  size_t kept = m->planned;
  pgr_code code = PGR_OK;
  puts("\nTaken back, the last one first");
  while (!code && kept > 0 && m->plan[kept - 1].migration->down.file)
    code = pgr_migrate_take_back(m, &m->plan[--kept], err);
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
    pgr_migrate_print_line(m, m->plan[kept].migration, begin_ns);
  }
  return PGR_OK;
}

static pgr_code rehearse(pgr_migrator *m, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2];
  size_t back = 0;
  pgr_code code = plan_folder(m, err);
  if (!code && m->planned == 0) {
    printf("%s: no migrations\n", m->options.dir);
    return PGR_OK;
  }
  if (!code) code = pgr_migrate_list(m, true, false, err);
  if (!code) code = pgr_migrate_open_database(m, err);
  if (!code) code = pgr_migrate_open_journal(m, true, err);
  if (code) return code;
  printf("A rehearsal on a throw-away PostgreSQL %s: %s\n\n", m->database.place.version,
         pgr_migrate_count(m->planned, count));
  code = pgr_migrate_apply_all(m, err);
  if (!code && m->done < m->planned) pgr_schema_mend_print();
  if (code || m->done < m->planned) return code;
  code = there_and_back(m, &back, err);
  if (code) return code;
  printf("\nIt went well: %zu up, %zu down, %zu up again. No database of yours was touched.\n"
         "To apply them to one: pgrace schema up --dsn URI\n",
         m->planned, back, back);
  return PGR_OK;
}

/* ---- the command ---- */

static void help(void) {
  fputs("Usage: pgrace schema up [--dsn URI] [OPTION …]\n\n"
        "Applies the migrations that a database has not had, in order, each in one\n"
        "transaction, and says what each statement locks. Before the first one, rows that\n"
        "break a pending rule are looked for; when there are any, nothing is applied.\n"
        "Without --dsn it is a rehearsal on a throw-away server: up, down, up again.\n\n"
        "  --dsn URI           this database ('' takes PGHOST, PGDATABASE … from the\n"
        "                      environment)\n"
        "  --to N              up to migration N\n"
        "  --dry-run           print what is pending and what it locks, change nothing\n"
        "  --check             only look for rows that break a pending rule\n"
        "  --accept-existing   such rows may stay; the rule holds for later changes\n"
        "  --out-of-order      also migrations that come before an applied one\n"
        "  --lock-timeout D    how long a statement waits for a lock (default 5s)\n"
        "  --wait D            how long to wait for another run (default 1m; 0: for ever)\n"
        "  --yes               nothing: up asks no question\n"
        "  --dir DIR           the folder (default schema)\n\n"
        "Exit status: 0 done, 1 rows break a rule, 2 interrupted, or (--check) rows that\n"
        "a pending migration may mend, 4 usage or a wrong or changed file, 5 database or\n"
        "environment.\n\n"
        "Examples\n"
        "  pgrace schema up\n"
        "  pgrace schema up --check --dsn postgresql://localhost/inbox\n"
        "  pgrace schema up --dsn postgresql://localhost/inbox\n",
        stdout);
}

static pgr_code up(pgr_migrator *m, pgr_err *err) {
  pgr_code code = check_to(m, err);
  if (code) return code;
  if (m->options.dsn) return up_database(m, err);
  return m->options.dry_run ? dry_run_folder(m, err) : rehearse(m, err);
}

int pgr_schema_up(int argc, char **argv) {
  static pgr_migrator m;
  pgr_migrate_options *o = &m.options;
  *o = (pgr_migrate_options){
      .dir = pgr_schema_default_dir, .lock_timeout_ns = PGR_MIGRATE_LOCK_TIMEOUT_NS, .wait_ns = PGR_MIGRATE_WAIT_NS};
  const pgr_option table[] = {{"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
                              {"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
                              {"to", 0, PGR_OPTION_INT, &o->to, 0, INT64_MAX, &o->to_given},
                              {"dry-run", 0, PGR_OPTION_FLAG, &o->dry_run, 0, 0, NULL},
                              {"check", 0, PGR_OPTION_FLAG, &o->check, 0, 0, NULL},
                              {"accept-existing", 0, PGR_OPTION_FLAG, &o->accept_existing, 0, 0, NULL},
                              {"out-of-order", 0, PGR_OPTION_FLAG, &o->out_of_order, 0, 0, NULL},
                              {"lock-timeout", 0, PGR_OPTION_DURATION, &o->lock_timeout_ns, 0, 0, NULL},
                              {"wait", 0, PGR_OPTION_DURATION, &o->wait_ns, 0, 0, NULL},
                              {"yes", 0, PGR_OPTION_FLAG, &o->yes, 0, 0, NULL}, /* as down takes it: nothing is asked */
                              {0}};
  int operands = 0, status = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, NULL, 0, &operands, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  if (!code && o->check && !o->dsn)
    code = pgr_fail(&err, PGR_EUSAGE, "--check asks the rows of a database: name it with --dsn");
  if (code) return pgr_schema_complain(&err);
  if (!pgr_schema_folder_open(o->dir, &m.folder, &status)) return pgr_migrate_leave(&m, status);
  code = up(&m, &err);
  if (code) return pgr_migrate_leave(&m, pgr_migrate_complain(&m, &err, "applied"));
  return pgr_migrate_leave(&m, m.broke ? 1 : m.doubtful ? 2 : 0);
}
