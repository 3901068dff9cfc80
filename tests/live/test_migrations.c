/* A database's journal: migrations applied, taken back, compared; and what is left when one fails, ends its own
 * transaction, waits, or when whoever applies it is killed. */
#include "pgr_live.h"
#include "pgr_migration_test.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_journal.h"
#include "pgr_mem.h"
#include "pgr_schema.h"
#include <signal.h>
#include <sys/wait.h>

static const pgr_migration *find(const pgr_migrations *m, int64_t number) {
  for (size_t i = 0; i < m->count; i++)
    if (m->items[i].number == number) return &m->items[i];
  fail_msg("no migration %lld", (long long)number);
  return NULL;
}

/* ---- a database ---- */

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(f->db, sql, &err), &err);
}

static int64_t number(fixture *f, const char *sql) {
  pgr_err err;
  int64_t n = -1;
  must(pgr_db_query_int(f->db, sql, &n, &err), &err);
  return n;
}

static void text_is(fixture *f, const char *sql, const char *expected) {
  pgr_err err;
  char got[8192];
  must(pgr_db_query_text(f->db, sql, got, sizeof got, &err), &err);
  assert_string_equal(got, expected);
}

/* An empty database, for whatever the last test left, and nobody else in it. */
static void clean(fixture *f) {
  exec(f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> "
          "pg_backend_pid()");
  exec(f, "ROLLBACK; SELECT pg_advisory_unlock_all(); RESET ALL");
  exec(f, "DROP SCHEMA IF EXISTS pgrace, evil CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public");
  new_folder();
}

static pgr_db *connect_as(fixture *f, const char *keyword, const char *value) {
  pgr_target *target;
  pgr_db *db;
  pgr_err err;
  must(pgr_target_clone(f->target, &target, &err), &err);
  must(pgr_target_set(target, keyword, value, &err), &err);
  must(pgr_db_connect(target, &db, &err), &err);
  pgr_target_destroy(target);
  return db;
}

static pgr_journal *open_on(pgr_db *db) {
  pgr_journal *j;
  pgr_err err;
  const pgr_journal_options options = {.changes = true, .lock_timeout_ns = 50 * PGR_NS_PER_MS};
  must(pgr_journal_open(db, &options, &j, &err), &err);
  return j;
}

static pgr_journal *open_journal(fixture *f) {
  return open_on(f->db);
}

static const pgr_triggers no_triggers;

static void up(pgr_journal *j, const pgr_migrations *m, int64_t n) {
  pgr_err err;
  must(pgr_journal_up(j, find(m, n), &no_triggers, &err), &err);
}

static void down(pgr_journal *j, const pgr_migrations *m, int64_t n) {
  pgr_err err;
  must(pgr_journal_down(j, find(m, n), &no_triggers, &err), &err);
}

/* "1 applied, 2 pending" */
static void stands(pgr_journal *j, const pgr_migrations *m, const char *expected) {
  static const char *const words[] = {"applied", "pending", "late", "changed", "missing", "other"};
  const pgr_standing *all;
  size_t count, used = 0;
  pgr_err err;
  char got[512] = "";
  must(pgr_journal_compare(j, m, &all, &count, &err), &err);
  for (size_t i = 0; i < count && used < sizeof got; i++)
    used += (size_t)snprintf(got + used, sizeof got - used, "%s%lld %s", i ? ", " : "", (long long)all[i].number,
                             words[all[i].state]);
  assert_string_equal(got, expected);
}

static void holds(const pgr_err *err, const char *const *texts) {
  for (; *texts; texts++)
    if (!strstr(err->msg, *texts)) fail_msg("expected: %s\ngot: %s", *texts, err->msg);
}

/* Whether the migration fails with the code and a message that holds all of the texts (NULL-ended), and leaves no
 * record. */
static void up_fails(pgr_journal *j, const pgr_migration *m, pgr_code code, const char *const *texts) {
  pgr_err err = {0};
  assert_int_equal(pgr_journal_up(j, m, &no_triggers, &err), code);
  assert_int_equal(err.code, code);
  holds(&err, texts);
}

static void nothing_open(fixture *f) {
  assert_int_equal(PQtransactionStatus(pgr_db_raw(f->db)), PQTRANS_IDLE);
}

static void up_down_and_redo(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("0001_a.up.sql", "CREATE TABLE a ()");
  write_file("0001_a.down.sql", "DROP TABLE a");
  write_file("0002_b.up.sql", "CREATE TABLE b (); -- the end");
  write_file("0002_b.down.sql", "DROP TABLE b;");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  stands(j, &m, "1 pending, 2 pending");
  up(j, &m, 1);
  stands(j, &m, "1 applied, 2 pending");
  up(j, &m, 2);
  stands(j, &m, "1 applied, 2 applied");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 2);
  down(j, &m, 2);
  stands(j, &m, "1 applied, 2 pending");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 1);
  up(j, &m, 2);
  pgr_journal_close(j);
  /* Another run finds what this one left. */
  j = open_journal(f);
  stands(j, &m, "1 applied, 2 applied");
  down(j, &m, 2);
  down(j, &m, 1);
  stands(j, &m, "1 pending, 2 pending");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void the_record(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  const pgr_standing *all;
  size_t count;
  pgr_err err;
  clean(f);
  write_file("0001_a.up.sql", "SELECT 1");
  write_file("0002_b.up.sql", "SELECT 2");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up(j, &m, 1);
  exec(f, "UPDATE pgrace.migrations SET applied_at = '2026-11-30 12:00:00.5-05'");
  exec(f, "SET datestyle = german; SET timezone = 'Asia/Kathmandu'");
  must(pgr_journal_compare(j, &m, &all, &count, &err), &err);
  assert_int_equal(count, 2);
  assert_int_equal(all[0].number, 1);
  assert_ptr_equal(all[0].migration, &m.items[0]);
  assert_string_equal(all[0].name, "a");
  assert_string_equal(all[0].checksum, m.items[0].checksum);
  assert_string_equal(all[0].applied_at, "2026-11-30 17:00:00+00");
  assert_string_equal(all[0].applied_by, pgr_server_user(f->server));
  assert_int_equal(all[1].number, 2);
  assert_null(all[1].name);
  assert_null(all[1].applied_at);
  assert_null(all[1].applied_by);
  assert_null(all[1].checksum);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void changed_missing_late(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  static const char *const files[] = {"1_a.up.sql", "2_b.up.sql", "3_c.up.sql", "4_d.up.sql"};
  for (size_t i = 0; i < 4; i++)
    write_file(files[i], "SELECT 1");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  for (int i = 1; i <= 4; i++)
    up(j, &m, i);
  pgr_migrations_deinit(&m);
  write_file("2_b.up.sql", "SELECT 2");
  assert_int_equal(unlink(path_of("4_d.up.sql")), 0);
  assert_int_equal(unlink(path_of("1_a.up.sql")), 0);
  write_file("0_early.up.sql", "SELECT 0");
  write_file("5_e.up.sql", "SELECT 5");
  read_folder(&m);
  stands(j, &m, "0 late, 1 missing, 2 changed, 3 applied, 4 missing, 5 pending");
  const pgr_standing *all;
  size_t count;
  pgr_err err;
  must(pgr_journal_compare(j, &m, &all, &count, &err), &err);
  assert_null(all[1].migration);
  assert_string_equal(all[1].name, "a");
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void reading_makes_nothing(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_journal *j;
  pgr_err err = {0};
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a ()");
  read_folder(&m);
  must(pgr_journal_open(f->db, &(pgr_journal_options){0}, &j, &err), &err);
  stands(j, &m, "1 pending");
  assert_int_equal(pgr_journal_up(j, find(&m, 1), &no_triggers, &err), PGR_EUSAGE);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_namespace WHERE nspname = 'pgrace'"), 0);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
  pgr_journal_close(j);
  /* Nor does it keep others away, or wait for them. */
  pgr_journal *changes = open_journal(f);
  up(changes, &m, 1);
  pgr_db *db = connect_as(f, "application_name", "reader");
  must(pgr_journal_open(db, &(pgr_journal_options){0}, &j, &err), &err);
  stands(j, &m, "1 applied");
  pgr_journal_close(j);
  pgr_db_close(db);
  pgr_journal_close(changes);
  pgr_migrations_deinit(&m);
}

static void out_of_turn(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_err err;
  clean(f);
  write_file("0001_a.up.sql", "CREATE TABLE a ()");
  write_file("0002_b.up.sql", "CREATE TABLE b ()");
  write_file("0002_b.down.sql", "DROP TABLE b");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up(j, &m, 1);
  up_fails(j, find(&m, 1), PGR_EUSAGE, (const char *const[]){"0001_a is applied already", NULL});
  assert_int_equal(pgr_journal_down(j, find(&m, 2), &no_triggers, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "0002_b is not applied");
  assert_int_equal(pgr_journal_down(j, find(&m, 1), &no_triggers, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "0001_a cannot be taken back: there is no 0001_a.down.sql");
  nothing_open(f);
  stands(j, &m, "1 applied, 2 pending");
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void a_part_that_fails(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  char place[PATH_MAX + 8400];
  clean(f);
  write_file("one.txt", "CREATE TABLE one ();");
  write_file("two.txt", "CREATE TABLE two ();");
  write_file("three.txt", "CREATE TABLE three ();\n/* é */ SELECT nonsense FROM three;");
  write_file("1_a.up.sql", "\\ir one.txt\n\\ir two.txt\n\\ir three.txt\n\\ir one.txt\n");
  write_file("1_a.down.sql", "DROP TABLE one; DROP TABLE other;");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  snprintf(place, sizeof place, "%s:2:17: column \"nonsense\" does not exist", path_of("three.txt"));
  up_fails(j, find(&m, 1), PGR_EUSAGE, (const char *const[]){place, NULL});
  nothing_open(f);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
  stands(j, &m, "1 pending");
  /* Down, too. */
  pgr_migrations_deinit(&m);
  write_file("three.txt", "CREATE TABLE three ();");
  write_file("1_a.up.sql", "\\ir one.txt\n\\ir two.txt\n\\ir three.txt\n");
  read_folder(&m);
  up(j, &m, 1);
  pgr_err err;
  assert_int_equal(pgr_journal_down(j, find(&m, 1), &no_triggers, &err), PGR_EUSAGE);
  assert_non_null(strstr(err.msg, "1_a.down.sql: table \"other\" does not exist"));
  stands(j, &m, "1 applied");
  assert_int_equal(number(f, "SELECT count(*) FROM one"), 0);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* A constraint that is only asked at the end, and no place is known. */
static void what_fails_at_the_end(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql",
             "CREATE TABLE a (id int UNIQUE DEFERRABLE INITIALLY DEFERRED); INSERT INTO a VALUES (1), (1)");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up_fails(j, find(&m, 1), PGR_EUSAGE, (const char *const[]){"1_a.up.sql: duplicate key value", NULL});
  nothing_open(f);
  stands(j, &m, "1 pending");
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* ---- again, in one transaction ---- */

static pgr_code redo(pgr_journal *j, const pgr_migrations *m, const int64_t *numbers, size_t count, pgr_err *err) {
  const pgr_migration *all[8];
  for (size_t i = 0; i < count; i++)
    all[i] = find(m, numbers[i]);
  return pgr_journal_redo(j, all, count, &no_triggers, err);
}

static void write_logging(const char *name, const char *text) {
  char whole[512];
  snprintf(whole, sizeof whole,
           "%s; INSERT INTO public.log (said, path, format, timeout) SELECT '%s',"
           " current_setting('search_path'), current_setting('DateStyle'),"
           " current_setting('lock_timeout');",
           text, name);
  write_file(name, whole);
}

static void a_redo(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_err err;
  clean(f);
  exec(f, "CREATE TABLE log (n serial, said text, path text, format text, timeout text,"
          " transaction bigint DEFAULT txid_current()); CREATE TABLE kept (id int PRIMARY KEY);"
          "CREATE TABLE keep (id int REFERENCES kept DEFERRABLE INITIALLY DEFERRED)");
  write_logging("1_a.up.sql", "CREATE TABLE a (id int PRIMARY KEY);"
                              "CREATE TABLE c (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED)");
  write_logging("1_a.down.sql",
                "DROP TABLE c; DROP TABLE a; SET search_path = nowhere; SET DateStyle = German; SET ROLE pg_monitor;"
                "RESET ROLE");
  write_logging("2_b.up.sql", "CREATE TABLE b (id int REFERENCES a DEFERRABLE INITIALLY DEFERRED);"
                              "INSERT INTO b VALUES (1); INSERT INTO a VALUES (1);"
                              "INSERT INTO keep VALUES (1); INSERT INTO kept VALUES (1)");
  write_logging("2_b.down.sql", "DROP TABLE b; INSERT INTO c VALUES (2); INSERT INTO a VALUES (2);"
                                "DELETE FROM keep; DELETE FROM kept");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up(j, &m, 1);
  up(j, &m, 2);
  exec(f, "DELETE FROM log");
  assert_int_equal(redo(j, &m, (const int64_t[]){1}, 1, &err), PGR_EUSAGE); /* b needs it */
  stands(j, &m, "1 applied, 2 applied");
  assert_int_equal(number(f, "SELECT count(*) FROM b JOIN a USING (id)"), 1);
  /* c has events pending when it is dropped, unless what was deferred is done first; then keep's is deferred again. */
  must(redo(j, &m, (const int64_t[]){2, 1}, 2, &err), &err);
  stands(j, &m, "1 applied, 2 applied");
  text_is(f, "SELECT string_agg(said, ' ' ORDER BY n) FROM log", "2_b.down.sql 1_a.down.sql 1_a.up.sql 2_b.up.sql");
  assert_int_equal(number(f, "SELECT count(DISTINCT transaction) FROM log"), 1);
  assert_int_equal(number(f, "SELECT count(*) FROM b JOIN a USING (id)"), 1);
  /* Each as if it were alone. */
  text_is(f,
          "SELECT string_agg(DISTINCT path || ' ' || format || ' ' || timeout, ', ') FROM log WHERE said <> "
          "'1_a.down.sql'",
          "\"$user\", public ISO, MDY 50ms");
  text_is(f, "SELECT current_setting('search_path') || current_setting('lock_timeout')", "\"$user\", public0");
  nothing_open(f);
  must(redo(j, &m, NULL, 0, &err), &err);
  nothing_open(f);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void a_redo_that_fails(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_err err;
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a (id int)");
  write_file("1_a.down.sql", "DROP TABLE a");
  write_file("2_b.up.sql", "CREATE TABLE b AS SELECT 1 / (SELECT count(*) FROM c) AS n");
  write_file("2_b.down.sql", "DROP TABLE b; DROP TABLE c");
  write_file("3_c.up.sql", "SELECT 1");
  read_folder(&m);
  exec(f, "CREATE TABLE c AS SELECT 1");
  pgr_journal *j = open_journal(f);
  for (int i = 1; i <= 3; i++)
    up(j, &m, i);
  assert_int_equal(redo(j, &m, (const int64_t[]){3, 2, 1}, 3, &err), PGR_EUSAGE);
  holds(&err, (const char *const[]){"3_c cannot be taken back: there is no 3_c.down.sql", NULL});
  assert_int_equal(redo(j, &m, (const int64_t[]){2, 1}, 2, &err), PGR_EUSAGE);
  holds(&err, (const char *const[]){"2_b.up.sql:1:", "relation \"c\" does not exist", NULL});
  nothing_open(f);
  stands(j, &m, "1 applied, 2 applied, 3 applied");
  assert_int_equal(number(f, "SELECT count(*) FROM a, b, c"), 0);
  exec(f, "DELETE FROM pgrace.migrations WHERE number = 2");
  assert_int_equal(redo(j, &m, (const int64_t[]){2, 1}, 2, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "2_b is not applied");
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* What is deferred is done in the migration's session, not with our settings. */
static void what_is_deferred(void **state) {
#define TEMPORARY                                                                                                      \
  "CREATE TEMP TABLE p (id int PRIMARY KEY); INSERT INTO p VALUES (1);"                                                \
  "CREATE TEMP TABLE q (id int REFERENCES p DEFERRABLE INITIALLY DEFERRED); INSERT INTO q"
  fixture *f = *state;
  pgr_migrations m;
  pgr_err err;
  clean(f);
  exec(f, "CREATE TABLE log (path text); CREATE TABLE a (id int);"
          "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log VALUES "
          "(current_setting('search_path')); RETURN NULL; END $$;"
          "CREATE CONSTRAINT TRIGGER t AFTER INSERT ON a DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION "
          "noted()");
  write_file("1_a.up.sql", "INSERT INTO a VALUES (1)");
  write_file("1_a.down.sql", "");
  write_file("2_b.up.sql", TEMPORARY " VALUES (1)");
  write_file("2_b.down.sql", TEMPORARY " VALUES (1)");
  write_file("3_c.up.sql", TEMPORARY " VALUES (2)");
#undef TEMPORARY
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up(j, &m, 1);
  text_is(f, "SELECT path FROM log", "\"$user\", public");
  /* What goes with its table may be waited for still. */
  up(j, &m, 2);
  must(redo(j, &m, (const int64_t[]){2, 1}, 2, &err), &err);
  up_fails(j, find(&m, 3), PGR_EUSAGE, (const char *const[]){"3_c.up.sql: ", "violates foreign key constraint", NULL});
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void a_migration_of_another_name(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_err err;
  clean(f);
  write_file("0001_a.up.sql", "CREATE TABLE a ()");
  write_file("0001_a.down.sql", "DROP TABLE a");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up(j, &m, 1);
  exec(f, "UPDATE pgrace.migrations SET name = E'it''s \"%s\" $$\\n😀'");
  stands(j, &m, "1 other");
  static const char *const texts[] = {"0001_a: what was applied here as number 1 is \"it's \"%s\" $$ 😀\"",
                                      "the folder has \"a\"", "is this another project's database, or another folder?",
                                      NULL};
  up_fails(j, find(&m, 1), PGR_EUSAGE, texts);
  assert_int_equal(pgr_journal_down(j, find(&m, 1), &no_triggers, &err), PGR_EUSAGE);
  holds(&err, texts);
  assert_int_equal(redo(j, &m, (const int64_t[]){1}, 1, &err), PGR_EUSAGE);
  holds(&err, texts);
  nothing_open(f);
  stands(j, &m, "1 other");
  assert_int_equal(number(f, "SELECT count(*) FROM a"), 0);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* ---- transactions that are not the migration's ---- */

/* As if nobody had looked at the text first, which is so where our parser does not know it. */
static void apply_text(pgr_journal *j, const char *text, pgr_code code, const char *const *texts) {
  pgr_migration m = {.number = 7, .digits = 1, .name = "ends", .checksum = "x"};
  m.up.file = "7_ends.up.sql";
  m.up.parts[0] = (pgr_source){"7_ends.up.sql", text, strlen(text)};
  m.up.part_count = 1;
  up_fails(j, &m, code, texts);
}

static void texts_that_end_the_transaction(void **state) {
  fixture *f = *state;
  static const struct {
    const char *text, *says;
    bool before, after; /* whether the tables are there */
  } table[] = {
      {"CREATE TABLE b (); COMMIT; CREATE TABLE c ();", "what stood before that has happened", true, true},
      {"CREATE TABLE b (); COMMIT", "what stood before that has happened", true, false},
      {"CREATE TABLE b (); COMMIT; BEGIN; CREATE TABLE c ();", "what stood before that has happened", true, false},
      {"CREATE TABLE b (); COMMIT AND CHAIN; CREATE TABLE c ();", "what stood before that has happened", true, false},
      {"CREATE TABLE b (); COMMIT; CREATE TABLE c (); SELECT 1 / 0", "then it failed: 7_ends.up.sql: division by zero",
       true, false},
      {"CREATE TABLE b (); COMMIT; BEGIN; CREATE TABLE c (); SELECT 1 / 0", "then it failed: ", true, false},
      {"CREATE TABLE b (); ROLLBACK; CREATE TABLE c ();", "what stood before that was undone", false, true},
      {"CREATE TABLE b (); ROLLBACK; BEGIN; CREATE TABLE c ();", "what stood before that was undone", false, false},
      {"CREATE TABLE b (); ABORT", "what stood before that was undone", false, false},
      /* RESET does not hide it. */
      {"CREATE TABLE b (); COMMIT; BEGIN; RESET ALL; SET LOCAL search_path = public", "has happened", true, false},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    clean(f);
    pgr_journal *j = open_journal(f);
    apply_text(j, table[i].text, PGR_EUSAGE,
               (const char *const[]){"7_ends.up.sql: its text ended the transaction", table[i].says, NULL});
    nothing_open(f);
    assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE tablename = 'b'"), table[i].before);
    assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE tablename = 'c'"), table[i].after);
    assert_int_equal(number(f, "SELECT count(*) FROM pgrace.migrations"), 0);
    pgr_journal_close(j);
  }
}

/* Nothing more is run once the transaction is not the migration's any more. */
static void a_part_that_ends_the_transaction(void **state) {
  fixture *f = *state;
  pgr_migration m = {.number = 7, .digits = 1, .name = "ends", .checksum = "x"};
  m.up.file = "7_ends.up.sql";
  m.up.parts[0] = (pgr_source){"one.sql", "CREATE TABLE b (); COMMIT", 25};
  m.up.parts[1] = (pgr_source){"two.sql", "CREATE TABLE c ();", 18};
  m.up.part_count = 2;
  clean(f);
  pgr_journal *j = open_journal(f);
  up_fails(j, &m, PGR_EUSAGE, (const char *const[]){"what stood before that has happened", NULL});
  nothing_open(f);
  text_is(f, "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'", "b");
  pgr_journal_close(j);
}

static void ends_that_cannot_be(void **state) {
  fixture *f = *state;
  static const char *const texts[] = {
      "CREATE TABLE b (); DO $$ BEGIN COMMIT; END $$",
      "CREATE TABLE b (); DO $$ BEGIN EXECUTE 'COMMIT'; END $$",
      "CREATE TABLE b (); CREATE PROCEDURE p() LANGUAGE plpgsql AS $$ BEGIN ROLLBACK; END $$; CALL p();",
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    clean(f);
    pgr_journal *j = open_journal(f);
    apply_text(j, texts[i], PGR_EUSAGE, (const char *const[]){"7_ends.up.sql: ", NULL});
    nothing_open(f);
    assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
    assert_int_equal(number(f, "SELECT count(*) FROM pgrace.migrations"), 0);
    pgr_journal_close(j);
  }
}

static void the_lock_given_away(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", "SELECT pg_advisory_unlock_all()");
  write_file("2_b.up.sql", "CREATE TABLE b ()");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up_fails(j, find(&m, 1), PGR_EUSAGE,
           (const char *const[]){"1_a.up.sql gives away the lock that keeps other runs of pgrace schema away; nothing "
                                 "was changed: leave pg_advisory_unlock_all out of it",
                                 NULL});
  nothing_open(f);
  up_fails(j, find(&m, 2), PGR_EDATABASE, (const char *const[]){"the lock that keeps others away is lost", NULL});
  nothing_open(f);
  stands(j, &m, "1 pending, 2 pending");
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* The locks that it took for itself, as often as it took them, it did not have to give back; ours it keeps. */
static void locks_of_a_session(void **state) {
  fixture *f = *state;
  static const char left[] = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()";
  static const char taking[] =
      "SELECT pg_advisory_lock(-1), pg_advisory_lock(-1), pg_advisory_lock_shared(-1), pg_advisory_lock(-2, 2),"
      " pg_advisory_lock_shared(2147483647, -2147483648), pg_advisory_lock(9223372036854775807),"
      " pg_advisory_xact_lock(7), pg_advisory_lock(28775, 1918985061)";
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", taking);
  write_file("2_b.up.sql", "CREATE TABLE b ()");
  write_file("3_c.up.sql", "SELECT pg_advisory_lock(3); SELECT 1 / 0");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up(j, &m, 1);
  assert_int_equal(number(f, left), 1);
  up(j, &m, 2);
  up_fails(j, find(&m, 3), PGR_EUSAGE, (const char *const[]){"division by zero", NULL});
  assert_int_equal(number(f, left), 1);
  pgr_journal_close(j);
  assert_int_equal(number(f, left), 0);
  pgr_migrations_deinit(&m);
}

static void recorded_meanwhile(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a (); INSERT INTO pgrace.migrations VALUES (1, 'a', 'another run''s')");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up_fails(j, find(&m, 1), PGR_EDATABASE,
           (const char *const[]){"1_a: another run applied it meanwhile; nothing was changed: run again", NULL});
  nothing_open(f);
  stands(j, &m, "1 pending");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'"), 0);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* Until the transaction ends, whatever the text reset: nobody's records are waited for without end, and the server
 * notices when we are gone. */
static void settings_of_the_record(void **state) {
  fixture *f = *state;
  static const char expected[] = "50ms 1s";
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a ()");
  write_file("2_b.up.sql", "RESET ALL; SET lock_timeout = 0; SET client_connection_check_interval = 0");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  exec(f,
       "CREATE TABLE seen (at text, settings text);"
       "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.seen VALUES (TG_ARGV[0],"
       " concat(current_setting('lock_timeout'), ' ', current_setting('client_connection_check_interval')));"
       " RETURN NULL; END $$;"
       "CREATE TRIGGER now AFTER INSERT ON pgrace.migrations FOR EACH ROW EXECUTE FUNCTION see('record');"
       "CREATE CONSTRAINT TRIGGER later AFTER INSERT ON pgrace.migrations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW"
       " EXECUTE FUNCTION see('commit')");
  up(j, &m, 1);
  up(j, &m, 2);
  assert_int_equal(number(f, "SELECT count(*) FROM seen"), 4);
  text_is(f, "SELECT string_agg(DISTINCT settings, ', ') FROM seen", expected);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

static void records_that_are_locked(void **state) {
  fixture *f = *state;
  char who[64];
  pgr_migrations m;
  pgr_err err;
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a ()");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  pgr_db *db = connect_as(f, "application_name", "backup");
  must(pgr_db_exec(db, "BEGIN; LOCK TABLE pgrace.migrations IN SHARE MODE", &err), &err);
  snprintf(who, sizeof who, "is locked (ShareLock) by server process %d (backup", PQbackendPID(pgr_db_raw(db)));
  up_fails(j, find(&m, 1), PGR_EDATABASE,
           (const char *const[]){"1_a: the records in schema pgrace: a lock was not to be had in time: "
                                 "pgrace.migrations ",
                                 who, NULL});
  nothing_open(f);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'"), 0);
  pgr_db_close(db);
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* What one migration sets, the next one does not find: each may be run alone. */
static void a_session_of_its_own(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  exec(f, "DROP ROLE IF EXISTS modest; CREATE ROLE modest; GRANT ALL ON SCHEMA public TO modest");
  write_file("1_a.up.sql", "CREATE SCHEMA evil; SET search_path = evil; CREATE TABLE a (); CREATE TEMP TABLE t ();"
                           "PREPARE p AS SELECT 1; SET lock_timeout = 1; LISTEN l; SET LOCAL statement_timeout = 0");
  write_file("2_b.up.sql", "CREATE TABLE b (); CREATE TEMP TABLE t (); PREPARE p AS SELECT 1; SET ROLE modest");
  write_file("3_c.up.sql", "CREATE TABLE c (); SET SESSION AUTHORIZATION modest; CREATE TABLE d ()");
  write_file("4_d.up.sql", "SET LOCAL ROLE modest; CREATE TABLE e ()");
  write_file("1_a.down.sql", "DROP SCHEMA evil CASCADE; SET ROLE modest");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  for (int i = 1; i <= 4; i++)
    up(j, &m, i);
  text_is(f,
          "SELECT string_agg(schemaname || '.' || tablename || ' ' || (tableowner = 'modest'), ', ' ORDER BY tablename)"
          " FROM pg_tables WHERE tablename IN ('a', 'b', 'c', 'd', 'e')",
          "evil.a false, public.b false, public.c false, public.d true, public.e true");
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.migrations WHERE applied_by = current_user"), 4);
  text_is(f, "SHOW lock_timeout", "0");
  text_is(f, "SHOW client_connection_check_interval", "0");
  text_is(f, "SHOW application_name", "pgrace");
  down(j, &m, 1);
  stands(j, &m, "1 late, 2 applied, 3 applied, 4 applied");
  pgr_journal_close(j);
  exec(f, "DROP SCHEMA public CASCADE; CREATE SCHEMA public; DROP ROLE modest");
  pgr_migrations_deinit(&m);
}

/* Functions and operators of somebody's, which his search path names first, and which lie. */
static void a_search_path_that_lies(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  exec(f, "CREATE SCHEMA evil;"
          "CREATE FUNCTION evil.no(bigint, bigint) RETURNS bool LANGUAGE sql AS 'SELECT false';"
          "CREATE FUNCTION evil.no(name, name) RETURNS bool LANGUAGE sql AS 'SELECT false';"
          "CREATE FUNCTION evil.no(text, text) RETURNS bool LANGUAGE sql AS 'SELECT false';"
          "CREATE FUNCTION evil.no(oid, oid) RETURNS bool LANGUAGE sql AS 'SELECT false';"
          "CREATE OPERATOR evil.= (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.no);"
          "CREATE OPERATOR evil.= (LEFTARG = name, RIGHTARG = name, FUNCTION = evil.no);"
          "CREATE OPERATOR evil.= (LEFTARG = text, RIGHTARG = text, FUNCTION = evil.no);"
          "CREATE OPERATOR evil.= (LEFTARG = oid, RIGHTARG = oid, FUNCTION = evil.no);"
          "CREATE FUNCTION evil.txid_current() RETURNS bigint LANGUAGE sql AS 'SELECT 1::bigint';"
          "CREATE FUNCTION evil.to_char(timestamp, text) RETURNS text LANGUAGE sql AS $$SELECT 'x'$$;"
          "CREATE DOMAIN evil.text AS pg_catalog.text CHECK (false);"
          "CREATE TABLE evil.pg_locks (); CREATE TABLE evil.migrations ();");
  write_file("1_a.up.sql", "SET search_path = evil, pg_catalog; SELECT 1");
  write_file("1_a.down.sql", "SET search_path = evil, pg_catalog; SELECT 1");
  write_file("2_b.up.sql", "SET LOCAL search_path = nowhere");
  read_folder(&m);
  pgr_db *db = connect_as(f, "options", "-c search_path=evil,pg_catalog");
  pgr_journal *j = open_on(db);
  stands(j, &m, "1 pending, 2 pending");
  up(j, &m, 1);
  up(j, &m, 2);
  stands(j, &m, "1 applied, 2 applied");
  down(j, &m, 1);
  stands(j, &m, "1 late, 2 applied");
  pgr_journal_close(j);
  j = open_on(db); /* when the tables are there already */
  const pgr_standing *all;
  size_t count;
  pgr_err err;
  must(pgr_journal_compare(j, &m, &all, &count, &err), &err);
  assert_int_equal(strncmp(all[1].applied_at, "20", 2), 0);
  up_fails(j, find(&m, 2), PGR_EUSAGE, (const char *const[]){"2_b is applied already", NULL});
  pgr_journal_close(j);
  pgr_db_close(db);
  pgr_migrations_deinit(&m);
}

/* ---- privileges ---- */

static void open_is_denied(pgr_db *db, bool changes, const char *grant) {
  pgr_journal *j = NULL;
  pgr_err err = {0};
  const pgr_migrations m = {0};
  const pgr_standing *all;
  size_t count;
  pgr_code code = pgr_journal_open(db, &(pgr_journal_options){.changes = changes}, &j, &err);
  if (!code) code = pgr_journal_compare(j, &m, &all, &count, &err);
  assert_int_equal(code, PGR_EDATABASE);
  if (!strstr(err.msg, grant)) fail_msg("expected: %s\ngot: %s", grant, err.msg);
  pgr_journal_close(j);
}

static void privileges(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", "SELECT 1");
  read_folder(&m);
  exec(f, "DROP ROLE IF EXISTS \"Mo\"\"dest\"; CREATE ROLE \"Mo\"\"dest\" LOGIN");
  pgr_db *db = connect_as(f, "user", "Mo\"dest");
  open_is_denied(db, true, "GRANT CREATE ON DATABASE postgres TO \"Mo\"\"dest\"");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
  exec(f, "CREATE SCHEMA pgrace");
  open_is_denied(db, true, "GRANT CREATE, USAGE ON SCHEMA pgrace TO \"Mo\"\"dest\"");
  exec(f, "DROP SCHEMA pgrace");
  pgr_journal *j = open_journal(f);
  pgr_journal_close(j);
  static const char all[] =
      "GRANT USAGE ON SCHEMA pgrace TO \"Mo\"\"dest\"; GRANT SELECT, INSERT, DELETE ON ALL TABLES "
      "IN SCHEMA pgrace TO \"Mo\"\"dest\"";
  open_is_denied(db, true, all);
  open_is_denied(db, false, "GRANT SELECT ON ALL TABLES IN SCHEMA pgrace TO \"Mo\"\"dest\"");
  exec(f,
       "GRANT USAGE ON SCHEMA pgrace TO \"Mo\"\"dest\"; GRANT SELECT ON ALL TABLES IN SCHEMA pgrace TO \"Mo\"\"dest\"");
  open_is_denied(db, true, all);
  /* What the message says is enough. */
  exec(f, all);
  j = open_on(db);
  up(j, &m, 1);
  stands(j, &m, "1 applied");
  pgr_journal_close(j);
  pgr_db_close(db);
  exec(f, "DROP OWNED BY \"Mo\"\"dest\"; DROP ROLE \"Mo\"\"dest\"");
  pgr_migrations_deinit(&m);
}

/* A migration that lacks something: all that is to be done is said at once, and it is enough. */
static void privileges_of_a_migration(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  exec(f, "DROP ROLE IF EXISTS \"Mo\"\"dest\", app; CREATE ROLE app; CREATE ROLE \"Mo\"\"dest\" LOGIN;"
          "GRANT ALL ON SCHEMA public TO app; GRANT USAGE ON SCHEMA public TO \"Mo\"\"dest\";"
          "CREATE TABLE a (id int); ALTER TABLE a OWNER TO app; CREATE TABLE \"B'b\" ()");
  write_file("part.txt", "CREATE INDEX ON a (id); ALTER TABLE a ADD c int;");
  write_file("rest.txt", "\nALTER TABLE \"B'b\" ADD c int;");
  write_file("0001_a.up.sql", "\\ir part.txt\n\\ir rest.txt\n");
  write_file("0002_b.up.sql", "DO $$ BEGIN RAISE insufficient_privilege; END $$");
  read_folder(&m);
  pgr_db *db = connect_as(f, "user", "Mo\"dest");
  open_is_denied(db, true, "TO \"Mo\"\"dest\"; it also has to own the tables and functions that migrations change");
  pgr_journal_close(open_journal(f));
  open_is_denied(db, true, "TO \"Mo\"\"dest\"; it also has to own the tables and functions that migrations change");
  exec(f, "GRANT USAGE ON SCHEMA pgrace TO \"Mo\"\"dest\"; GRANT ALL ON ALL TABLES IN SCHEMA pgrace TO \"Mo\"\"dest\"");
  pgr_journal *j = open_on(db);
  up_fails(j, find(&m, 1), PGR_EDATABASE,
           (const char *const[]){"0001_a: ", "part.txt: must be owner of table a; nothing was changed",
                                 "It was role \"Mo\"\"dest\", which has to own",
                                 "public.a belongs to app, public.\"B'b\"",
                                 "let an administrator run: GRANT app TO \"Mo\"\"dest\"; "
                                 "ALTER TABLE public.\"B'b\" OWNER TO \"Mo\"\"dest\"",
                                 NULL});
  assert_int_equal(PQtransactionStatus(pgr_db_raw(db)), PQTRANS_IDLE);
  up_fails(j, find(&m, 2), PGR_EDATABASE,
           (const char *const[]){"0002_b.up.sql: ", "It was role \"Mo\"\"dest\", which has to own", NULL});
  exec(f, "GRANT app TO \"Mo\"\"dest\"; ALTER TABLE public.\"B'b\" OWNER TO \"Mo\"\"dest\"");
  up(j, &m, 1);
  stands(j, &m, "1 applied, 2 pending");
  pgr_journal_close(j);
  pgr_db_close(db);
  exec(f, "DROP OWNED BY \"Mo\"\"dest\", app; DROP ROLE \"Mo\"\"dest\", app");
  pgr_migrations_deinit(&m);
}

/* The file is not to blame: another role may run it. */
static void privileges_of_a_file(void **state) {
  fixture *f = *state;
  static const char text[] = "CREATE TABLE b ()";
  const pgr_source file = {"b.sql", text, sizeof text - 1};
  pgr_err err;
  clean(f);
  exec(f, "DROP ROLE IF EXISTS modest; CREATE ROLE modest LOGIN; GRANT USAGE ON SCHEMA public TO modest");
  pgr_db *db = connect_as(f, "user", "modest");
  assert_int_equal(pgr_schema_apply(db, &file, &err), PGR_EDATABASE);
  holds(&err, (const char *const[]){"b.sql:1:14: permission denied for schema public", NULL});
  pgr_db_close(db);
  exec(f, "DROP OWNED BY modest; DROP ROLE modest");
}

static void nothing_may_be_written(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_journal *j = NULL;
  pgr_err err;
  clean(f);
  write_file("1_a.up.sql", "SET TRANSACTION READ ONLY; CREATE TABLE a ()");
  read_folder(&m);
  pgr_db *db = connect_as(f, "options", "-c default_transaction_read_only=on");
  assert_int_equal(pgr_journal_open(db, &(pgr_journal_options){.changes = true}, &j, &err), PGR_EDATABASE);
  holds(&err, (const char *const[]){"default_transaction_read_only is on (where it is set: client)", "is no standby",
                                    "-c default_transaction_read_only=off", NULL});
  must(pgr_journal_open(db, &(pgr_journal_options){.changes = false}, &j, &err), &err);
  stands(j, &m, "1 pending");
  pgr_journal_close(j);
  pgr_db_close(db);
  j = open_journal(f);
  up_fails(j, find(&m, 1), PGR_EUSAGE,
           (const char *const[]){"1_a.up.sql: cannot execute CREATE TABLE in a read-only transaction", NULL});
  /* When it begins later. */
  exec(f, "SET default_transaction_read_only = on");
  up_fails(j, find(&m, 1), PGR_EDATABASE,
           (const char *const[]){"1_a: ", "default_transaction_read_only is on (where it is set: session)", NULL});
  exec(f, "RESET default_transaction_read_only");
  pgr_journal_close(j);
  /* The server says that it is one: what it says is all that we know of it. */
  exec(f, "CREATE OR REPLACE FUNCTION pg_catalog.pg_is_in_recovery() RETURNS bool LANGUAGE sql AS 'SELECT true'");
  pgr_code code = pgr_journal_open(f->db, &(pgr_journal_options){.changes = true}, &j, &err);
  exec(f,
       "CREATE OR REPLACE FUNCTION pg_catalog.pg_is_in_recovery() RETURNS bool LANGUAGE internal STRICT PARALLEL SAFE "
       "AS 'pg_is_in_recovery'");
  assert_int_equal(code, PGR_EDATABASE);
  holds(&err, (const char *const[]){"this server is a standby", "target_session_attrs=read-write", NULL});
  pgr_migrations_deinit(&m);
}

/* ---- others ---- */

typedef struct waiting {
  pgr_journal *held; /* closed when somebody waits for it */
  int times, pid;
  char program[128];
} waiting;

static void on_wait(void *user, int pid, const char *program) {
  waiting *w = user;
  w->times++;
  w->pid = pid;
  snprintf(w->program, sizeof w->program, "%s", program);
  pgr_journal_close(w->held);
  w->held = NULL;
}

static void one_waits_for_the_other(void **state) {
  fixture *f = *state;
  pgr_err err;
  clean(f);
  pgr_db *db = connect_as(f, "application_name", "ci \"7\"");
  waiting w = {.held = open_on(db)};
  pgr_journal *j;
  const pgr_journal_watch watch = {on_wait, &w};
  must(pgr_journal_open(f->db, &(pgr_journal_options){.changes = true, .watch = &watch}, &j, &err), &err);
  assert_int_equal(w.times, 1);
  assert_int_equal(w.pid, PQbackendPID(pgr_db_raw(db)));
  assert_string_equal(w.program, "ci \"7\"");
  assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"), 1);
  pgr_journal_close(j);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
  pgr_db_close(db);
}

static void nobody_waits_for_longer(void **state) {
  fixture *f = *state;
  pgr_err err;
  char holder[64];
  clean(f);
  pgr_db *db = connect_as(f, "application_name", "deploy");
  pgr_journal *held = open_on(db), *j;
  pgr_code code = pgr_journal_open(f->db, &(pgr_journal_options){.changes = true, .wait_ns = PGR_NS_PER_MS}, &j, &err);
  assert_int_equal(code, PGR_EDATABASE);
  snprintf(holder, sizeof holder, "server process %d (deploy, connected since 20", PQbackendPID(pgr_db_raw(db)));
  if (!strstr(err.msg, holder)) fail_msg("expected: %s\ngot: %s", holder, err.msg);
  nothing_open(f);
  text_is(f, "SHOW lock_timeout", "0");
  pgr_journal_close(held);
  pgr_db_close(db);
}

static void a_lock_that_is_not_to_be_had(void **state) {
  fixture *f = *state;
  static const struct {
    const char *held, *wanted, *says;
  } table[] = {
      {"LOCK TABLE a IN ACCESS SHARE MODE", "SELECT 1; ALTER TABLE a ADD c int",
       "public.a is locked (AccessShareLock)"},
      {"UPDATE a SET id = 2",
       "CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION "
       "suppress_redundant_updates_trigger()",
       "public.a is locked (RowExclusiveLock)"},
      {"UPDATE a SET id = 2", "UPDATE public.a SET id = 3", "public.a is locked (RowExclusiveLock)"},
      {"LOCK TABLE \"B'b\" IN EXCLUSIVE MODE", "INSERT INTO \"B'b\" DEFAULT VALUES",
       "public.\"B'b\" is locked (ExclusiveLock)"},
      {"LOCK TABLE a IN ACCESS SHARE MODE", "DO $$ BEGIN EXECUTE 'ALTER TABLE a ADD c int'; END $$",
       "perhaps public.a is locked (AccessShareLock)"},
      /* What the statements do not name: partitions, children, both ends of a foreign key. */
      {"LOCK TABLE p1 IN ACCESS SHARE MODE", "ALTER TABLE p ADD c int",
       "public.p1 (related to public.p) is locked (AccessShareLock)"},
      {"LOCK TABLE grandchild IN ROW EXCLUSIVE MODE", "ALTER TABLE a ADD c int",
       "public.grandchild (related to public.a) is locked (RowExclusiveLock)"},
      {"LOCK TABLE referring IN ACCESS SHARE MODE", "DROP TABLE referred CASCADE",
       "public.referring (related to public.referred) is locked (AccessShareLock)"},
      {"LOCK TABLE referred IN ACCESS SHARE MODE", "DROP TABLE referring",
       "public.referred (related to public.referring) is locked (AccessShareLock)"},
      {"SELECT id FROM referred FOR UPDATE", "INSERT INTO referring VALUES (1)",
       "public.referred (related to public.referring) is locked (RowShareLock)"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char who[64];
    pgr_migrations m;
    pgr_err err;
    clean(f);
    pgr_db *db = connect_as(f, "application_name", "psql 'x'");
    exec(f, "CREATE TABLE a (id int); INSERT INTO a VALUES (1); CREATE TABLE \"B'b\" ();"
            "CREATE TABLE child () INHERITS (a); CREATE TABLE grandchild () INHERITS (child);"
            "CREATE TABLE p (id int) PARTITION BY LIST (id); CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1);"
            "CREATE TABLE referred (id int PRIMARY KEY); INSERT INTO referred VALUES (1);"
            "CREATE TABLE referring (id int REFERENCES referred)");
    must(pgr_db_exec(db, "BEGIN", &err), &err);
    must(pgr_db_exec(db, table[i].held, &err), &err);
    write_file("1_a.up.sql", table[i].wanted);
    read_folder(&m);
    pgr_journal *j = open_journal(f);
    snprintf(who, sizeof who, "by server process %d (psql 'x', idle in transaction since 20",
             PQbackendPID(pgr_db_raw(db)));
    up_fails(j, find(&m, 1), PGR_EDATABASE,
             (const char *const[]){"1_a.up.sql: a lock was not to be had in time: ", table[i].says, who,
                                   "nothing was changed: run again, or raise --lock-timeout", NULL});
    nothing_open(f);
    stands(j, &m, "1 pending");
    must(pgr_db_exec(db, "ROLLBACK", &err), &err);
    up(j, &m, 1);
    pgr_journal_close(j);
    pgr_db_close(db);
    pgr_migrations_deinit(&m);
  }
}

/* Whoever waits for a lock that no table has is not told that somebody left. */
static void a_lock_of_no_table(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_err err;
  clean(f);
  pgr_db *db = connect_as(f, "application_name", "other");
  exec(f, "CREATE TABLE a (id int)");
  must(pgr_db_exec(db, "BEGIN; SELECT pg_advisory_xact_lock(1)", &err), &err);
  write_file("1_a.up.sql", "ALTER TABLE a ADD c int; SELECT pg_advisory_xact_lock(1) FROM a RIGHT JOIN (SELECT 1) b "
                           "ON true");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up_fails(j, find(&m, 1), PGR_EDATABASE,
           (const char *const[]){"a lock was not to be had in time: nobody is seen now who has locked it", NULL});
  pgr_journal_close(j);
  pgr_db_close(db);
  pgr_migrations_deinit(&m);
}

/* In a process of its own, with a connection of its own: applies what is pending. The exit status: the code. */
static pid_t apply_elsewhere(fixture *f, const pgr_migrations *m) {
  fflush(NULL);
  pid_t pid = fork();
  if (pid < 0) fail_msg("fork: %s", strerror(errno));
  if (pid > 0) return pid;
  pgr_db *db = NULL;
  pgr_journal *j = NULL;
  const pgr_standing *all;
  size_t count = 0;
  pgr_err err;
  pgr_code code = pgr_interrupt_install(&err);
  if (!code) code = pgr_db_connect(f->target, &db, &err);
  if (!code) code = pgr_journal_open(db, &(pgr_journal_options){.changes = true}, &j, &err);
  if (!code) code = pgr_journal_compare(j, m, &all, &count, &err);
  for (size_t i = 0; !code && i < count; i++)
    if (all[i].state == PGR_STANDING_PENDING) code = pgr_journal_up(j, all[i].migration, &no_triggers, &err);
  if (code) fprintf(stderr, "%s\n", err.msg);
  pgr_journal_close(j);
  pgr_db_close(db);
  _exit((int)code);
}

static void wait_until(fixture *f, const char *sql) {
  enum { TRIES = 2000 };
  for (int i = 0; i < TRIES; i++) {
    if (number(f, sql)) return;
    pgr_sleep_until(pgr_now_ns() + 10 * PGR_NS_PER_MS);
  }
  fail_msg("never: %s", sql);
}

static void all_at_once(void **state) {
  enum { PROCESSES = 4, MIGRATIONS = 6 };
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  exec(f, "CREATE TABLE runs (n int)");
  for (int i = 1; i <= MIGRATIONS; i++) {
    char name[32], text[64];
    snprintf(name, sizeof name, "%d_a.up.sql", i);
    snprintf(text, sizeof text, "INSERT INTO runs VALUES (%d); SELECT pg_sleep(0.01)", i);
    write_file(name, text);
  }
  read_folder(&m);
  pid_t pids[PROCESSES];
  for (int i = 0; i < PROCESSES; i++)
    pids[i] = apply_elsewhere(f, &m);
  for (int i = 0; i < PROCESSES; i++) {
    int status = -1;
    assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
    assert_int_equal(status, 0);
  }
  text_is(f, "SELECT string_agg(n::text, ' ') FROM runs", "1 2 3 4 5 6");
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.migrations"), MIGRATIONS);
  pgr_migrations_deinit(&m);
}

static const char sleeps[] = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'";

static const char sleeping[] = "CREATE TABLE b (); SELECT pg_sleep(600)";

static void start_sleeping(fixture *f, const char *text, pgr_migrations *m, pid_t *pid) {
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a ()");
  write_file("2_b.up.sql", text);
  read_folder(m);
  *pid = apply_elsewhere(f, m);
  wait_until(f, sleeps);
}

/* The first is there with its record, of the second there is nothing, and nobody is kept away. */
static void only_the_first(fixture *f, const pgr_migrations *m) {
  wait_until(f, "SELECT (count(*) = 0)::int FROM pg_locks WHERE locktype = 'advisory'");
  assert_int_equal(number(f, sleeps), 0);
  text_is(f, "SELECT string_agg(tablename, ' ') FROM pg_tables WHERE schemaname = 'public'", "a");
  pgr_journal *j = open_journal(f);
  stands(j, m, "1 applied, 2 pending");
  pgr_journal_close(j);
}

static void killed_in_the_middle(void **state) {
  fixture *f = *state;
  static const char *const texts[] = {
      sleeping,
      /* in the midst of COMMIT */
      "CREATE TABLE b (); CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(600);"
      " RETURN NULL; END $$; CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON pgrace.migrations DEFERRABLE INITIALLY"
      " DEFERRED FOR EACH ROW EXECUTE FUNCTION slow()"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    pgr_migrations m;
    pid_t pid;
    int status = 0;
    start_sleeping(f, texts[i], &m, &pid);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    only_the_first(f, &m);
    pgr_migrations_deinit(&m);
  }
}

static void interrupted_in_the_middle(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pid_t pid;
  int status = 0;
  start_sleeping(f, sleeping, &m, &pid);
  assert_int_equal(kill(pid, SIGINT), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), PGR_EINTERRUPTED);
  only_the_first(f, &m);
  pgr_migrations_deinit(&m);
}

/* Found when the folder is read, but where our parser does not know the text. */
static void data_that_nobody_gives(void **state) {
  fixture *f = *state;
  clean(f);
  pgr_journal *j = open_journal(f);
  apply_text(
      j, "CREATE TABLE a (id int); COPY a FROM STDIN", PGR_EUSAGE,
      (const char *const[]){"7_ends.up.sql: ", "a migration has no data for COPY … FROM STDIN: write INSERT", NULL});
  apply_text(j, "CREATE TABLE a (id int); COPY a FROM STDIN;\n1\n", PGR_EUSAGE,
             (const char *const[]){"7_ends.up.sql:2:1: ", NULL});
  nothing_open(f);
  assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), 0);
  pgr_journal_close(j);
}

/* A deadlock, a statement_timeout, an administrator: the text is not to blame. */
static void what_passes(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a (); SET LOCAL statement_timeout = 1; SELECT pg_sleep(600)");
  read_folder(&m);
  pgr_journal *j = open_journal(f);
  up_fails(
      j, find(&m, 1), PGR_EDATABASE,
      (const char *const[]){"1_a.up.sql: canceling statement due to statement timeout; nothing was changed", NULL});
  nothing_open(f);
  stands(j, &m, "1 pending");
  pgr_journal_close(j);
  pgr_migrations_deinit(&m);
}

/* Whatever allocation fails: nothing is half done. */
static void a_journal_without_memory(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a ()");
  read_folder(&m);
  pgr_code code = PGR_ENOMEM;
  unsigned long nth = 0;
  while (code) {
    pgr_journal *j = NULL;
    const pgr_standing *all;
    size_t count;
    pgr_err err;
    pgr_mem_fail_nth(++nth);
    code = pgr_journal_open(f->db, &(pgr_journal_options){.changes = true}, &j, &err);
    if (!code) code = pgr_journal_up(j, find(&m, 1), &no_triggers, &err);
    if (!code) code = pgr_journal_compare(j, &m, &all, &count, &err);
    pgr_mem_fail_nth(0);
    pgr_journal_close(j);
    if (code) assert_int_equal(code, PGR_ENOMEM);
    nothing_open(f);
    assert_int_equal(number(f, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0);
    j = open_journal(f);
    must(pgr_journal_compare(j, &m, &all, &count, &err), &err);
    if (all[0].state == PGR_STANDING_APPLIED) exec(f, "DELETE FROM pgrace.migrations; DROP TABLE a");
    pgr_journal_close(j);
    assert_int_equal(number(f, "SELECT count(*) FROM pg_tables WHERE tablename = 'a'"), 0);
    exec(f, "DROP SCHEMA pgrace CASCADE");
  }
  assert_true(nth > 3);
  pgr_migrations_deinit(&m);
}

/* ---- what triggers looked like ---- */

static const char seen[] =
    "SELECT coalesce(string_agg(concat_ws(' ', name, version, trigger, relation, enabled, function, md5(source) = "
    "md5($$"
    " BEGIN RETURN NEW; END $$), migration), ', ' ORDER BY name, trigger), '') FROM pgrace.triggers";

static void write_trigger(const char *path, const char *body, const char *comment, bool second) {
  char text[2048];
  snprintf(text, sizeof text,
           "-- %s\nCREATE OR REPLACE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$%s$$;\n"
           "CREATE OR REPLACE TRIGGER guard BEFORE UPDATE ON \"T\" FOR EACH ROW EXECUTE FUNCTION guard();\n%s",
           comment, body,
           second ? "CREATE OR REPLACE TRIGGER guard_insert BEFORE INSERT ON \"T\" FOR EACH ROW EXECUTE FUNCTION "
                    "guard();\n"
                  : "DROP TRIGGER IF EXISTS guard_insert ON \"T\";\n");
  write_file(path, text);
}

static void triggers_are_remembered(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_triggers t;
  pgr_faults faults = {0};
  pgr_err err;
  clean(f);
  make_folder("triggers");
  make_folder("triggers/guard");
  write_file("triggers/guard/trigger.yaml", "table: '\"T\"'\nfunction: guard\n");
  write_trigger("triggers/guard/v1.sql", " BEGIN RETURN NEW; END ", "first", false);
  write_trigger("triggers/guard/v2.sql", " BEGIN RETURN new; END ", "second", true);
  write_file("1_table.up.sql", "CREATE TABLE \"T\" ()");
  write_file("1_table.down.sql", "DROP TABLE \"T\"");
  write_file("2_guard.up.sql", "\\ir triggers/guard/v1.sql");
  write_file("2_guard.down.sql", "DROP TRIGGER guard ON \"T\"; DROP FUNCTION guard();");
  write_file("3_guard.up.sql", "\\ir triggers/guard/v2.sql");
  write_file("3_guard.down.sql", "\\ir triggers/guard/v1.sql");
  write_file("4_other.up.sql", "SET search_path = nowhere");
  read_folder(&m);
  must(pgr_triggers_read(folder, &t, &faults, &err), &err);
  if (faults.count > 0) fail_msg("%s", faults.kept[0].text);
  pgr_journal *j = open_journal(f);
  must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
  text_is(f, seen, "");
  must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
  text_is(f, seen, "guard 1 guard public.\"T\" O public.guard t 2");
  text_is(f, "SELECT definition FROM pgrace.triggers",
          "CREATE TRIGGER guard BEFORE UPDATE ON public.\"T\" FOR EACH ROW EXECUTE FUNCTION public.guard()");
  must(pgr_journal_up(j, find(&m, 3), &t, &err), &err);
  text_is(f, seen,
          "guard 2 guard public.\"T\" O public.guard f 3, guard 2 guard_insert public.\"T\" O public.guard f 3");
  must(pgr_journal_down(j, find(&m, 3), &t, &err), &err);
  text_is(f, seen, "guard 1 guard public.\"T\" O public.guard t 3");
  /* A migration that has nothing to do with it leaves the record, even of what is gone: that is drift. */
  exec(f, "ALTER TABLE \"T\" DISABLE TRIGGER guard");
  must(pgr_journal_up(j, find(&m, 4), &t, &err), &err);
  text_is(f, seen, "guard 1 guard public.\"T\" O public.guard t 3");
  must(pgr_journal_down(j, find(&m, 2), &t, &err), &err);
  text_is(f, seen, "");
  pgr_journal_close(j);
  pgr_triggers_deinit(&t);
  pgr_migrations_deinit(&m);
}

/* ---- what others made, what is left ---- */

/* A trigger "guard" on public."T", its two versions, migrations 1 (the table) and 2 (version 1). */
static void write_guard(const char *v1, const char *down) {
  make_folder("triggers");
  make_folder("triggers/guard");
  write_file("triggers/guard/trigger.yaml", "table: '\"T\"'\nfunction: guard\n");
  write_file("triggers/guard/v1.sql", v1);
  write_file("1_table.up.sql", "CREATE TABLE \"T\" (at timestamptz, id int)");
  write_file("2_guard.up.sql", "\\ir triggers/guard/v1.sql");
  write_file("2_guard.down.sql", down);
}

static void read_both(pgr_migrations *m, pgr_triggers *t) {
  pgr_faults faults = {0};
  pgr_err err;
  read_folder(m);
  must(pgr_triggers_read(folder, t, &faults, &err), &err);
  if (faults.count > 0) fail_msg("%s", faults.kept[0].text);
}

#define FUNCTION(begin, body) begin " FUNCTION guard() RETURNS trigger LANGUAGE plpgsql AS $$" body "$$;"
#define TRIGGER(begin) begin " TRIGGER guard BEFORE UPDATE ON \"T\" FOR EACH ROW EXECUTE FUNCTION guard();"
#define OURS " BEGIN RETURN NEW; END "
#define THEIRS " BEGIN RETURN OLD; END "
static const char guard_v1[] = FUNCTION("CREATE OR REPLACE", OURS) TRIGGER("CREATE OR REPLACE");
static const char guard_down[] = "DROP TRIGGER guard ON \"T\"; DROP FUNCTION guard();";

static void what_others_made(void **state) {
  fixture *f = *state;
  static const char dropping[] =
      "DROP TRIGGER IF EXISTS guard ON \"T\";" FUNCTION("CREATE OR REPLACE", OURS) TRIGGER("CREATE");
  static const char elsewhere[] =
      "CREATE SCHEMA s; CREATE FUNCTION s.\"O'dd\"() RETURNS trigger LANGUAGE plpgsql AS $$" THEIRS "$$;"
      "CREATE TRIGGER guard BEFORE UPDATE ON \"T\" FOR EACH ROW EXECUTE FUNCTION s.\"O'dd\"();";
  static const struct {
    const char *there, *v1, *says; /* says NULL: nothing stands in the way */
  } table[] = {
      {FUNCTION("CREATE", THEIRS) TRIGGER("CREATE"), guard_v1,
       "there is trigger guard on public.\"T\", which executes public.guard(), already, and pgrace did not install it"},
      {elsewhere, guard_v1, "there is trigger guard on public.\"T\", which executes s.\"O'dd\"(), already"},
      {elsewhere, dropping, "there is trigger guard on public.\"T\", which executes s.\"O'dd\"(), already"},
      {FUNCTION("CREATE", THEIRS), guard_v1, "there is function public.guard() already, and pgrace did not install it"},
      {FUNCTION("CREATE", OURS) TRIGGER("CREATE"), guard_v1, NULL}, /* by psql, or adopted */
      {"CREATE FUNCTION guard(int) RETURNS int LANGUAGE sql AS 'SELECT 1'; CREATE TABLE other ();"
       "CREATE TRIGGER guard BEFORE UPDATE ON other FOR EACH ROW EXECUTE FUNCTION "
       "suppress_redundant_updates_trigger()",
       guard_v1, NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_migrations m;
    pgr_triggers t;
    pgr_err err = {0};
    clean(f);
    exec(f, "DROP SCHEMA IF EXISTS s CASCADE");
    write_guard(table[i].v1, guard_down);
    read_both(&m, &t);
    pgr_journal *j = open_journal(f);
    must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
    exec(f, table[i].there);
    pgr_code code = pgr_journal_up(j, find(&m, 2), &t, &err);
    assert_int_equal(code, table[i].says ? PGR_EUSAGE : PGR_OK);
    if (table[i].says)
      holds(&err,
            (const char *const[]){"2_guard: ", table[i].says, "--name, --function", "make what is there v1.sql", NULL});
    assert_int_equal(number(f, "SELECT count(*) FROM pgrace.triggers"), table[i].says ? 0 : 1);
    if (table[i].says) assert_int_equal(number(f, "SELECT count(*) FROM pg_proc WHERE prosrc = $$" OURS "$$"), 0);
    nothing_open(f);
    pgr_journal_close(j);
    pgr_triggers_deinit(&t);
    pgr_migrations_deinit(&m);
  }
  exec(f, "DROP SCHEMA IF EXISTS s CASCADE");
}

static void a_down_that_leaves_it(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_triggers t;
  pgr_err err = {0};
  clean(f);
  write_guard(guard_v1, "DROP TRIGGER IF EXISTS guard ON \"T\";");
  write_file("triggers/guard/v2.sql", FUNCTION("CREATE OR REPLACE", THEIRS) TRIGGER("CREATE OR REPLACE"));
  write_file("3_guard.up.sql", "\\ir triggers/guard/v2.sql");
  write_file("3_guard.down.sql", FUNCTION("CREATE OR REPLACE", OURS));
  write_file("4_guard.up.sql", "\\ir triggers/guard/v2.sql");
  write_file("4_guard.down.sql", "SELECT 1");
  read_both(&m, &t);
  pgr_journal *j = open_journal(f);
  must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
  must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
  must(pgr_journal_up(j, find(&m, 4), &t, &err), &err);
  assert_int_equal(pgr_journal_down(j, find(&m, 4), &t, &err), PGR_EUSAGE); /* it is as version 2 left it */
  holds(&err, (const char *const[]){"leaves trigger guard on public.\"T\"", NULL});
  /* Changed back by hand, as version 1 was: that is no trigger left behind. */
  must(pgr_journal_up(j, find(&m, 3), &t, &err), &err);
  must(pgr_journal_down(j, find(&m, 3), &t, &err), &err);
  exec(f, "DELETE FROM pgrace.migrations WHERE number = 4; UPDATE pgrace.triggers SET version = 1");
  /* Another table of that name comes first. */
  exec(f, "CREATE SCHEMA evil; CREATE TABLE evil.\"T\" (); SET search_path = evil, public");
  pgr_db *db = connect_as(f, "options", "-c search_path=evil,public");
  pgr_journal_close(j);
  j = open_on(db);
  assert_int_equal(pgr_journal_down(j, find(&m, 2), &t, &err), PGR_EUSAGE);
  holds(&err, (const char *const[]){"2_guard.down.sql", "leaves trigger guard on public.\"T\"", "search_path",
                                    "as in DROP TRIGGER guard ON public.\"T\"", NULL});
  assert_int_equal(PQtransactionStatus(pgr_db_raw(db)), PQTRANS_IDLE);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.migrations WHERE number = 2"), 1);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.triggers"), 1);
  pgr_journal_close(j);
  pgr_db_close(db);
  j = open_journal(f);
  exec(f, "SET search_path = public");
  must(pgr_journal_down(j, find(&m, 2), &t, &err), &err);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.triggers"), 0);
  pgr_journal_close(j);
  pgr_triggers_deinit(&t);
  pgr_migrations_deinit(&m);
}

/* Forgotten when another migration drops it, its table too; not when it only has another name or table, or when others
 * took it away before. */
static void dropped_later(void **state) {
  fixture *f = *state;
  static const struct {
    const char *text;
    int recorded;
  } table[] = {
      {guard_down, 0},
      {"DROP TABLE \"T\"; DROP FUNCTION guard()", 0},
      {"DROP FUNCTION guard() CASCADE; SET quote_all_identifiers = off", 0},
      {"DROP TRIGGER guard ON \"T\";" TRIGGER("CREATE"), 1},
      {"ALTER TRIGGER guard ON \"T\" RENAME TO \"g'2\"", 1},
      {"ALTER TABLE \"T\" RENAME TO u", 1},
      {"ALTER TRIGGER guard ON \"T\" RENAME TO other; DROP TRIGGER other ON \"T\"", 0},
      {"SELECT 1", 1},
  };
  pgr_db *db = NULL;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_migrations m;
    pgr_triggers t;
    pgr_err err = {0};
    pgr_db_close(db);
    clean(f);
    write_guard(guard_v1, guard_down);
    write_file("3_later.up.sql", table[i].text);
    read_both(&m, &t);
    db = connect_as(f, "options", "-c quote_all_identifiers=on");
    pgr_journal *j = open_on(db);
    must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
    must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
    exec(f,
         "INSERT INTO pgrace.triggers SELECT 'gone', version, 'gone', relation, definition, enabled, function, source,"
         " migration, attributes FROM pgrace.triggers");
    must(pgr_journal_up(j, find(&m, 3), &t, &err), &err);
    assert_int_equal(number(f, "SELECT count(*) FROM pgrace.triggers WHERE name = 'guard'"), table[i].recorded);
    assert_int_equal(number(f, "SELECT count(*) FROM pgrace.triggers WHERE name = 'gone'"), 1);
    pgr_journal_close(j);
    pgr_triggers_deinit(&t);
    pgr_migrations_deinit(&m);
  }
  pgr_db_close(db);
}

static void attributes_are_remembered(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pgr_triggers t;
  pgr_err err = {0};
  clean(f);
  exec(f,
       "DROP ROLE IF EXISTS \"Mo\"\"dest\"; CREATE ROLE \"Mo\"\"dest\"; GRANT ALL ON SCHEMA public TO \"Mo\"\"dest\"");
  write_guard(
      "CREATE FUNCTION guard() RETURNS trigger LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = '' AS "
      "$$" OURS "$$; ALTER FUNCTION guard() OWNER TO \"Mo\"\"dest\";" TRIGGER("CREATE"),
      guard_down);
  read_both(&m, &t);
  pgr_journal *j = open_journal(f);
  must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
  must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
  text_is(
      f, "SELECT attributes FROM pgrace.triggers",
      "language plpgsql, security definer, provolatile s, owner \"Mo\"\"dest\", settings {\"search_path=\\\"\\\"\"}");
  must(pgr_journal_down(j, find(&m, 2), &t, &err), &err);
  pgr_journal_close(j);
  exec(f, "DROP OWNED BY \"Mo\"\"dest\"; DROP ROLE \"Mo\"\"dest\"");
  pgr_triggers_deinit(&t);
  pgr_migrations_deinit(&m);
}

/* Operators of somebody's, which his search path names first, and which lie. */
static void triggers_and_a_search_path_that_lies(void **state) {
  fixture *f = *state;
  static const char *const types[] = {"name, name",    "oid, oid",           "text, text",    "name, text",
                                      "smallint, int", "\"char\", \"char\"", "bigint, bigint"};
  pgr_migrations m;
  pgr_triggers t;
  pgr_err err = {0};
  clean(f);
  exec(f, "CREATE SCHEMA evil");
  for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
    char sql[512], left[32];
    snprintf(left, sizeof left, "%.*s", (int)strcspn(types[i], ","), types[i]);
    snprintf(sql, sizeof sql,
             "CREATE FUNCTION evil.no(%s) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN RAISE 'evil'; END $$;"
             "CREATE OPERATOR evil.= (LEFTARG = %s, RIGHTARG = %s, FUNCTION = evil.no)",
             types[i], left, types[i] + strlen(left) + 1);
    exec(f, sql);
  }
  write_guard(guard_v1, guard_down);
  read_both(&m, &t);
  pgr_db *db = connect_as(f, "options", "-c search_path=evil,pg_catalog");
  pgr_journal *j = open_on(db);
  must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
  must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
  must(pgr_journal_redo(j, (const pgr_migration *const[]){find(&m, 2)}, 1, &t, &err), &err);
  text_is(f, "SELECT relation FROM pgrace.triggers", "evil.\"T\"");
  must(pgr_journal_down(j, find(&m, 2), &t, &err), &err);
  assert_int_equal(number(f, "SELECT count(*) FROM pgrace.triggers"), 0);
  pgr_journal_close(j);
  pgr_db_close(db);
  pgr_triggers_deinit(&t);
  pgr_migrations_deinit(&m);
}

/* However a session prints, the same is recorded; and a migration has its own settings. */
static void settings_that_print(void **state) {
  fixture *f = *state;
  char first[2048], second[2048];
  pgr_migrations m;
  pgr_triggers t;
  pgr_err err = {0};
  static const char recorded[] = "SELECT concat_ws(' ', definition, relation, function) FROM pgrace.triggers";
  clean(f);
  write_guard(
      FUNCTION("CREATE OR REPLACE",
               OURS) "CREATE TABLE seen AS SELECT current_setting('DateStyle') || current_setting('TimeZone') AS s;"
                     "CREATE OR REPLACE TRIGGER guard BEFORE UPDATE ON \"T\" FOR EACH ROW WHEN (NEW.at > '2026-11-30 "
                     "12:00:00+00' AND NEW.at - OLD.at > '1 day 02:03:04' AND NEW.id::float8 < 0.1::float8 + "
                     "1e-300 AND '\\x00ff'::bytea IS NOT NULL) EXECUTE FUNCTION guard();",
      "DROP TRIGGER guard ON \"T\"; DROP FUNCTION guard(); DROP TABLE seen");
  read_both(&m, &t);
  pgr_journal *j = open_journal(f);
  must(pgr_journal_up(j, find(&m, 1), &t, &err), &err);
  must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
  must(pgr_db_query_text(f->db, recorded, first, sizeof first, &err), &err);
  must(pgr_journal_down(j, find(&m, 2), &t, &err), &err);
  pgr_journal_close(j);
  pgr_db *db = connect_as(f, "options",
                          "-c DateStyle=German -c IntervalStyle=iso_8601 -c quote_all_identifiers=on "
                          "-c extra_float_digits=-10 -c bytea_output=escape -c TimeZone=Asia/Tokyo "
                          "-c standard_conforming_strings=on -c xmlbinary=hex");
  j = open_on(db);
  must(pgr_journal_up(j, find(&m, 2), &t, &err), &err);
  must(pgr_db_query_text(db, recorded, second, sizeof second, &err), &err);
  assert_string_equal(second, first);
  text_is(f, "SELECT s FROM seen", "German, DMYAsia/Tokyo");
  must(pgr_db_query_text(db, "SHOW DateStyle", second, sizeof second, &err), &err);
  assert_string_equal(second, "German, DMY");
  pgr_journal_close(j);
  pgr_db_close(db);
  pgr_triggers_deinit(&t);
  pgr_migrations_deinit(&m);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(up_down_and_redo),
                                     cmocka_unit_test(the_record),
                                     cmocka_unit_test(changed_missing_late),
                                     cmocka_unit_test(reading_makes_nothing),
                                     cmocka_unit_test(out_of_turn),
                                     cmocka_unit_test(a_part_that_fails),
                                     cmocka_unit_test(what_fails_at_the_end),
                                     cmocka_unit_test(what_is_deferred),
                                     cmocka_unit_test(a_redo),
                                     cmocka_unit_test(a_redo_that_fails),
                                     cmocka_unit_test(a_migration_of_another_name),
                                     cmocka_unit_test(texts_that_end_the_transaction),
                                     cmocka_unit_test(a_part_that_ends_the_transaction),
                                     cmocka_unit_test(ends_that_cannot_be),
                                     cmocka_unit_test(the_lock_given_away),
                                     cmocka_unit_test(locks_of_a_session),
                                     cmocka_unit_test(recorded_meanwhile),
                                     cmocka_unit_test(settings_of_the_record),
                                     cmocka_unit_test(records_that_are_locked),
                                     cmocka_unit_test(a_session_of_its_own),
                                     cmocka_unit_test(a_search_path_that_lies),
                                     cmocka_unit_test(privileges),
                                     cmocka_unit_test(privileges_of_a_migration),
                                     cmocka_unit_test(privileges_of_a_file),
                                     cmocka_unit_test(nothing_may_be_written),
                                     cmocka_unit_test(one_waits_for_the_other),
                                     cmocka_unit_test(nobody_waits_for_longer),
                                     cmocka_unit_test(a_lock_that_is_not_to_be_had),
                                     cmocka_unit_test(a_lock_of_no_table),
                                     cmocka_unit_test(all_at_once),
                                     cmocka_unit_test(killed_in_the_middle),
                                     cmocka_unit_test(interrupted_in_the_middle),
                                     cmocka_unit_test(data_that_nobody_gives),
                                     cmocka_unit_test(what_passes),
                                     cmocka_unit_test(a_journal_without_memory),
                                     cmocka_unit_test(triggers_are_remembered),
                                     cmocka_unit_test(what_others_made),
                                     cmocka_unit_test(a_down_that_leaves_it),
                                     cmocka_unit_test(dropped_later),
                                     cmocka_unit_test(attributes_are_remembered),
                                     cmocka_unit_test(triggers_and_a_search_path_that_lies),
                                     cmocka_unit_test(settings_that_print)};
  int failed = cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
  remove_all();
  return failed;
}
