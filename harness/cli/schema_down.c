/* pgrace schema down, redo: the last migrations taken back, and, with redo, applied again in the same transaction.
 * Invariant: nothing changes before it was told which migrations it is about, and agreed to. */
#include "schema_migrate.h"
#include <stdio.h>
#include <string.h>

enum { TITLE_BYTES = PGR_STANDING_TITLE_BYTES };

static pgr_code plan_one(pgr_migrator *m, const pgr_standing *s, pgr_err *err) {
  pgr_migrate_plan_add(m, s->migration);
  m->plan[m->planned - 1].applied_at = pgr_arena_strdup(&m->arena, s->applied_at);
  return m->plan[m->planned - 1].applied_at ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

/* A file that is not what was applied may be of another project that has one of this name. */
static pgr_code refuse_changed(const pgr_standing *s, pgr_err *err) {
  return pgr_fail(
      err, PGR_EUSAGE,
      "%.200s, or what it includes, is not what was applied (%s): is this another project's database? If it "
      "was changed on purpose, --changed says so",
      s->migration->up.file, s->applied_at);
}

/* The last ones, the last first. One whose file was changed may be taken back: that is how it comes to be right. */
static pgr_code plan_down(pgr_migrator *m, pgr_err *err) {
  pgr_standings all;
  pgr_code code = pgr_migrate_compare(m, &all, err);
  if (!code) code = pgr_migrate_plan_room(m, all.count, err);
  for (size_t i = all.count; !code && i-- > 0 && (int64_t)m->planned < m->options.count;) {
    const pgr_standing *s = &all.items[i];
    if (s->state == PGR_STANDING_MISSING) code = pgr_standing_refuse(&all, i, err);
    if (s->state != PGR_STANDING_APPLIED && s->state != PGR_STANDING_CHANGED) continue;
    if (s->state == PGR_STANDING_CHANGED && !m->options.changed)
      code = refuse_changed(s, err);
    else if (!s->migration->down.file)
      code = pgr_fail(err, PGR_EUSAGE, "%.200s has no down: what it did can only be undone by a further migration",
                      s->migration->up.file);
    else
      code = plan_one(m, s, err);
  }
  return code;
}

/* ---- the question ---- */

static bool same_plan(const pgr_migrate_step *a, size_t a_count, const pgr_migrate_step *b, size_t b_count) {
  bool same = a_count == b_count;
  for (size_t i = 0; same && i < a_count; i++)
    same = a[i].migration == b[i].migration;
  return same;
}

/* After the answer, which nobody was kept waiting for: the lock, and whether what was agreed to still holds. */
static pgr_code begin_agreed(pgr_migrator *m, pgr_err *err) {
  pgr_migrate_step *agreed = m->plan;
  size_t count = m->planned;
  pgr_journal_close(m->journal);
  m->journal = NULL;
  pgr_code code = pgr_migrate_open_journal(m, true, err);
  if (!code) code = plan_down(m, err);
  if (!code && !same_plan(agreed, count, m->plan, m->planned))
    code = pgr_fail(err, PGR_EDATABASE, "somebody else applied or took back migrations meanwhile; nothing was changed");
  if (!code) m->plan = agreed; /* with its listings */
  return code;
}

/* "0003_b and 0002_a" */
static void add_titles(const pgr_migrator *m, pgr_buf *out) {
  enum { SHOWN = 5 };
  char title[TITLE_BYTES], shown[PGR_SCHEMA_CELL_BYTES];
  for (size_t i = 0; i < m->planned && i < SHOWN; i++)
    pgr_buf_addf(out, "%s%s",
                 i == 0                ? ""
                 : i + 1 == m->planned ? " and "
                                       : ", ",
                 pgr_schema_show(pgr_migration_title(m->plan[i].migration, title), shown));
  if (m->planned > SHOWN) pgr_buf_addf(out, " and %zu more", m->planned - SHOWN);
}

static bool drops_tables(const pgr_migrator *m) {
  for (size_t i = 0; i < m->planned; i++)
    if (pgr_standing_drops_tables(m->plan[i].migration)) return true;
  return false;
}

static pgr_code agree(pgr_migrator *m, bool again, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2], name[PGR_SCHEMA_CELL_BYTES];
  pgr_buf question;
  pgr_buf_init(&question, 0);
  pgr_schema_show(PQdb(pgr_db_raw(m->database.place.db)), name);
  pgr_buf_addf(&question, "\nThis takes %s of %s back", pgr_migrate_count(m->planned, count), name);
  if (again) pgr_buf_addf(&question, " and applies %s as the files are now", m->planned == 1 ? "it" : "them");
  pgr_buf_adds(&question, ":\n");
  add_titles(m, &question);
  pgr_code code =
      pgr_schema_confirm(m->options.yes, pgr_buf_text(&question), PQdb(pgr_db_raw(m->database.place.db)), err);
  pgr_buf_deinit(&question);
  return code;
}

/* What will be done, on a journal that only reads. */
static pgr_code prepare(pgr_migrator *m, bool again, pgr_err *err) {
  pgr_code code = pgr_migrate_open_database(m, err);
  if (!code) code = pgr_migrate_open_journal(m, false, err);
  if (!code) code = plan_down(m, err);
  if (!code) code = pgr_migrate_list(m, again, true, err);
  if (code) return code;
  if (m->planned == 0) {
    pgr_migrate_print_verdict(m, "nothing to do, no migration is applied");
    return PGR_OK;
  }
  pgr_migrate_print_planned(m, m->options.dry_run ? "would be taken back"
                               : again            ? "to take back and apply again, in one transaction"
                                                  : "to take back");
  putchar('\n');
  pgr_migrate_print_plan(m, true);
  for (size_t i = m->planned; again && i-- > 0;) {
    printf("\nagain: ");
    pgr_migrate_print_title(m->plan[i].migration);
    pgr_migrate_print_listing(m, &m->plan[i].up);
  }
  if (drops_tables(m)) puts("\nThis drops tables: their rows are gone then.");
  return PGR_OK;
}

/* ---- down ---- */

static pgr_code take_back_all(pgr_migrator *m, pgr_err *err) {
  pgr_code code = PGR_OK;
  m->begun = true;
  puts("\nTaken back, the last one first");
  for (; !code && m->done < m->planned; m->done++) {
    code = pgr_migrate_take_back(m, &m->plan[m->done], err);
    if (code) break;
  }
  return code;
}

static pgr_code down(pgr_migrator *m, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2];
  pgr_code code = prepare(m, false, err);
  if (code || m->planned == 0 || m->options.dry_run) return code;
  code = agree(m, false, err);
  if (!code) code = begin_agreed(m, err);
  if (!code) code = take_back_all(m, err);
  if (code) return code;
  printf("\n%s taken back. To apply it again: pgrace schema up\n", pgr_migrate_count(m->done, count));
  return PGR_OK;
}

/* ---- redo ---- */

/* By the records, which were written in the same transaction: whether all are those of before. */
static bool is_untouched(pgr_migrator *m) {
  pgr_standings all;
  pgr_err ignored;
  size_t same = 0;
  if (pgr_migrate_compare(m, &all, &ignored)) return false;
  for (size_t i = 0; i < all.count; i++)
    for (size_t k = 0; k < m->planned; k++)
      same += all.items[i].migration == m->plan[k].migration && all.items[i].applied_at &&
              strcmp(all.items[i].applied_at, m->plan[k].applied_at) == 0;
  return same == m->planned;
}

static int complain_of_redo(pgr_migrator *m, const pgr_err *err) {
  int status = pgr_schema_complain(err);
  if (m->begun && is_untouched(m))
    fputs("pgrace: all of the redo was undone: what was there is still in force\n", stderr);
  return status;
}

/* *refused: rows break a rule that it would install, and are told. */
static pgr_code ask_before(pgr_migrator *m, bool *refused, pgr_err *err) {
  int64_t rows = 0;
  pgr_code code = pgr_migrate_ask_all(m, false, &rows, err);
  *refused = !code && rows > 0 && !m->options.accept_existing;
  for (size_t i = m->planned; !code && i-- > 0;) {
    if (m->plan[i].worries->rows == 0) continue;
    putchar('\n');
    pgr_migrate_print_worries(m, &m->plan[i]);
  }
  if (!*refused) return code;
  m->broke = true;
  pgr_schema_mend_print();
  puts("Nothing was changed: what was there is still in force.");
  return PGR_OK;
}

static pgr_code do_again(pgr_migrator *m, pgr_err *err) {
  char count[PGR_TEXT_BYTES * 2], took[PGR_TEXT_BYTES];
  const pgr_migration **migrations = pgr_arena_alloc(&m->arena, m->planned * sizeof *migrations);
  if (!migrations) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (size_t i = 0; i < m->planned; i++)
    migrations[i] = m->plan[i].migration;
  fflush(stdout);
  m->begun = true;
  int64_t begin_ns = pgr_now_ns();
  pgr_code code = pgr_journal_redo(m->journal, migrations, m->planned, &m->folder.triggers, err);
  if (code) return code;
  m->begun = false;
  printf("\n%s taken back and applied again in %s.\n", pgr_migrate_count(m->planned, count),
         pgr_format_duration(took, pgr_now_ns() - begin_ns));
  for (size_t i = m->planned; !code && i-- > 0;) {
    int64_t accepted = m->options.accept_existing ? m->plan[i].worries->rows : 0; /* else they were to be mended */
    code = pgr_migrate_ask_again(m, migrations[i], accepted, err);
  }
  return code;
}

static pgr_code redo(pgr_migrator *m, pgr_err *err) {
  bool refused = false;
  pgr_code code = prepare(m, true, err);
  if (code || m->planned == 0) return code;
  code = agree(m, true, err);
  if (!code) code = begin_agreed(m, err);
  if (!code) code = ask_before(m, &refused, err);
  return code || refused ? code : do_again(m, err);
}

/* ---- the commands ---- */

static void help_down(void) {
  fputs("Usage: pgrace schema down [N] --dsn URI [OPTION …]\n\n"
        "Takes back the last N migrations of a database (default 1), the last first, each\n"
        "in one transaction, by their down files. What a down drops is gone. Asks for the\n"
        "database's name before it does.\n\n"
        "  --dsn URI          the database ('' takes PGHOST, PGDATABASE … from the\n"
        "                     environment)\n"
        "  --yes              do not ask; needed where there is no terminal\n"
        "  --changed          also where a file is not what was applied\n"
        "  --dry-run          print what would be taken back and what it locks\n"
        "  --lock-timeout D   how long a statement waits for a lock (default 5s)\n"
        "  --wait D           how long to wait for another run to end (default 1m)\n"
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
        "again, as the files are now, all in one transaction: for a migration that is\n"
        "still being written. When it fails, nothing has changed. Tables that a down\n"
        "drops come back empty. Asks for the database's name before it does.\n\n"
        "  --dsn URI           the database ('' takes PGHOST, PGDATABASE … from the\n"
        "                      environment)\n"
        "  --yes               do not ask; needed where there is no terminal\n"
        "  --changed           also where a file is not what was applied\n"
        "  --accept-existing   rows that break a rule already may stay\n"
        "  --lock-timeout D    how long a statement waits for a lock (default 5s)\n"
        "  --wait D            how long to wait for another run to end (default 1m)\n"
        "  --dir DIR           the folder (default schema)\n\n"
        "Exit status: 0 done, 1 rows break a rule and nothing was changed, 2 interrupted\n"
        "or not agreed to, 4 usage or a file that is wrong, 5 database or environment.\n\n"
        "Example\n"
        "  pgrace schema redo --yes --dsn postgresql://localhost/inbox_of_mine\n",
        stdout);
}

/* [N]. What stands there may be a connection string that lacks its --dsn. */
static pgr_code parse_count(const char *operand, pgr_migrate_options *o, pgr_err *err) {
  o->count = 1;
  if (!operand) return PGR_OK;
  if (pgr_looks_secret(operand))
    return pgr_fail(err, PGR_EUSAGE,
                    "unexpected argument (not shown: it may hold a password); a connection string is one word, quoted, "
                    "after --dsn");
  return pgr_parse_int(operand, "how many migrations", 1, PGR_MIGRATIONS_MAX, &o->count, err);
}

static pgr_code parse(pgr_migrate_options *o, bool again, int argc, char **argv, bool *wants_help, pgr_err *err) {
  static const char no_dry_run[] = "pgrace schema down --dry-run and up --dry-run show what it would do";
  static const char no_rows[] = "what is taken back meets no rule";
  *o = (pgr_migrate_options){
      .dir = pgr_schema_default_dir, .lock_timeout_ns = PGR_MIGRATE_LOCK_TIMEOUT_NS, .wait_ns = PGR_MIGRATE_WAIT_NS};
  const pgr_option table[] = {
      {"dsn", 0, PGR_OPTION_TEXT, &o->dsn, 0, 0, NULL},
      {"dir", 0, PGR_OPTION_TEXT, &o->dir, 0, 0, NULL},
      {"yes", 0, PGR_OPTION_FLAG, &o->yes, 0, 0, NULL},
      {"changed", 0, PGR_OPTION_FLAG, &o->changed, 0, 0, NULL},
      {"lock-timeout", 0, PGR_OPTION_DURATION, &o->lock_timeout_ns, 0, 0, NULL},
      {"wait", 0, PGR_OPTION_DURATION, &o->wait_ns, 0, 0, NULL},
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
  static pgr_migrator m;
  int status = 0;
  bool wants_help = false;
  pgr_err err;
  pgr_code code = parse(&m.options, again, argc, argv, &wants_help, &err);
  if (!code && wants_help) {
    if (again)
      help_redo();
    else
      help_down();
    return 0;
  }
  if (code) return pgr_schema_complain(&err);
  if (!pgr_schema_folder_open(m.options.dir, &m.folder, &status)) return pgr_migrate_leave(&m, status);
  code = again ? redo(&m, &err) : down(&m, &err);
  if (code)
    return pgr_migrate_leave(&m, again ? complain_of_redo(&m, &err) : pgr_migrate_complain(&m, &err, "taken back"));
  return pgr_migrate_leave(&m, m.broke ? 1 : 0);
}

int pgr_schema_down(int argc, char **argv) {
  return go_back(false, argc, argv);
}

int pgr_schema_redo(int argc, char **argv) {
  return go_back(true, argc, argv);
}
