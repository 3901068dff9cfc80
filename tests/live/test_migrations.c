/* Folders of migrations as they are read, and a database's journal: applied, taken back, compared; and what is left
 * when a migration fails, ends its own transaction, waits, or when whoever applies it is killed. */
#include "pgr_live.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_journal.h"
#include "pgr_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- a folder ---- */

static char root[PATH_MAX], folder[PATH_MAX + 16]; /* root/schema */

static void remove_all(void) {
  char command[PATH_MAX + 16];
  if (!*root) return;
  snprintf(command, sizeof command, "rm -rf '%s'", root);
  if (system(command) != 0) fail_msg("cannot remove %s", root);
}

static void new_folder(void) {
  const char *tmp = getenv("TMPDIR");
  remove_all();
  snprintf(root, sizeof root, "%s/pgr_migrations.XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!mkdtemp(root)) fail_msg("mkdtemp: %s", strerror(errno));
  snprintf(folder, sizeof folder, "%s/schema", root);
  assert_int_equal(mkdir(folder, 0700), 0);
}

static const char *path_of(const char *name) {
  static char path[2 * PATH_MAX];
  snprintf(path, sizeof path, "%s/%s", folder, name);
  return path;
}

static void write_bytes(const char *name, const char *bytes, size_t len) {
  FILE *f = fopen(path_of(name), "w");
  if (!f) fail_msg("%s: %s", name, strerror(errno));
  assert_int_equal(fwrite(bytes, 1, len, f), len);
  assert_int_equal(fclose(f), 0);
}

static void write_file(const char *name, const char *text) {
  write_bytes(name, text, strlen(text));
}

static void make_folder(const char *name) {
  assert_int_equal(mkdir(path_of(name), 0700), 0);
}

/* What reading the folder says: an error's line, or the faults as printed, where the folder is called "schema". */
static const char *complaints(void) {
  static char out[65536];
  pgr_migrations m;
  pgr_faults faults = {0};
  pgr_err err;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_code code = pgr_migrations_read(folder, &m, &faults, &err);
  if (code) pgr_buf_addf(&text, "%d %s", pgr_exit_status(code), err.msg);
  pgr_faults_print(&faults, &text);
  const char *from = pgr_buf_text(&text);
  size_t used = 0, len = strlen(folder);
  while (*from && used + 8 < sizeof out) {
    if (strncmp(from, folder, len) == 0) {
      memcpy(out + used, "schema", 6);
      used += 6;
      from += len;
    } else {
      out[used++] = *from++;
    }
  }
  out[used] = '\0';
  pgr_buf_deinit(&text);
  pgr_faults_deinit(&faults);
  pgr_migrations_deinit(&m);
  return out;
}

static void says(const char *expected) {
  const char *got = complaints();
  if (!strstr(got, expected)) fail_msg("expected: %s\ngot: %s", expected, got);
}

static void read_folder(pgr_migrations *m) {
  pgr_faults faults = {0};
  pgr_err err;
  must(pgr_migrations_read(folder, m, &faults, &err), &err);
  if (faults.count > 0) fail_msg("%s", faults.kept[0].text);
}

static const pgr_migration *find(const pgr_migrations *m, int64_t number) {
  for (size_t i = 0; i < m->count; i++)
    if (m->items[i].number == number) return &m->items[i];
  fail_msg("no migration %lld", (long long)number);
  return NULL;
}

static void pairs_by_number(void **state) {
  (void)state;
  char title[160];
  pgr_migrations m;
  new_folder();
  write_file("10_last.up.sql", "SELECT 10");
  write_file("0002_b-b.b_ä.up.sql", "SELECT 2");
  write_file("0002_b-b.b_ä.down.sql", "");
  write_file("00001_first.up.sql", "\xEF\xBB\xBFSELECT 1\r\n");
  write_file("1_first.down.sql", "SELECT -1");
  write_file("20261130120000_stamp.up.sql", "-- nothing yet\n");
  write_file("README.md", "no SQL");
  write_file(".0003_hidden.up.sql", "SELECT 3");
  write_file("0004_x.up.sql~", "an editor's");
  make_folder("triggers");
  read_folder(&m);
  assert_int_equal(m.count, 4);
  static const char *const titles[] = {"00001_first", "0002_b-b.b_ä", "10_last", "20261130120000_stamp"};
  for (size_t i = 0; i < 4; i++) {
    assert_string_equal(pgr_migration_title(&m.items[i], title), titles[i]);
    assert_int_equal(m.items[i].up.part_count, 1);
    assert_string_equal(m.items[i].up.parts[0].name, m.items[i].up.file);
  }
  assert_string_equal(m.items[0].up.file, path_of("00001_first.up.sql"));
  assert_string_equal(m.items[0].up.parts[0].text, "SELECT 1\r\n");
  assert_int_equal(m.items[0].up.parts[0].len_bytes, 10);
  assert_string_equal(m.items[0].down.parts[0].text, "SELECT -1");
  assert_string_equal(m.items[1].down.file, path_of("0002_b-b.b_ä.down.sql"));
  assert_int_equal(m.items[1].down.part_count, 1);
  assert_null(m.items[2].down.file);
  assert_int_equal(m.items[2].down.part_count, 0);
  pgr_migrations_deinit(&m);
}

/* sha256sum says so; of the includes' texts, one behind the other; line ends do not matter. */
static void checksums(void **state) {
  (void)state;
  static const char expected[] = "82efb67f3010c6eb7ead02e4f6d9550633dbc1407f99aa487468e7b2567aebbc";
  pgr_migrations m;
  new_folder();
  write_file("1_plain.up.sql", "SELECT 1;\nSELECT 2;\n");
  write_file("2_windows.up.sql", "SELECT 1;\r\nSELECT 2;\r\n");
  write_file("3_includes.up.sql", "-- two parts\n\\ir one.txt\n\\ir two.txt\n");
  write_file("one.txt", "SELECT 1;\n");
  write_file("two.txt", "\xEF\xBB\xBFSELECT 2;\n");
  write_file("4_other.up.sql", "SELECT 1;\nSELECT 3;\n");
  write_file("5_return.up.sql", "SELECT 1;\n\rSELECT 2;\n");
  read_folder(&m);
  for (size_t i = 0; i < 3; i++)
    assert_string_equal(m.items[i].checksum, expected);
  assert_string_not_equal(m.items[3].checksum, expected);
  assert_string_not_equal(m.items[4].checksum, expected);
  pgr_migrations_deinit(&m);
}

static void includes(void **state) {
  (void)state;
  pgr_migrations m;
  new_folder();
  make_folder("triggers");
  make_folder("triggers/it");
  make_folder("with space");
  write_file("triggers/it/v1.sql", "SELECT 'v1'");
  write_file("with space/it's.sql", "SELECT 'space'");
  write_file("1_a.up.sql", "\n  -- why\r\n\t\\ir triggers/it/v1.sql  \r\n\\ir ./triggers//it/../it/v1.sql\n"
                           "\\ir 'with space/it''s.sql'");
  assert_int_equal(symlink("it/v1.sql", path_of("triggers/current.sql")), 0);
  write_file("1_a.down.sql", "\\ir triggers/current.sql");
  read_folder(&m);
  assert_int_equal(m.items[0].up.part_count, 3);
  /* However it was written: the name that triggers/ knows it by. */
  for (size_t i = 0; i < 2; i++)
    assert_string_equal(m.items[0].up.parts[i].name, path_of("triggers/it/v1.sql"));
  assert_string_equal(m.items[0].up.parts[2].name, path_of("with space/it's.sql"));
  assert_string_equal(m.items[0].up.parts[2].text, "SELECT 'space'");
  assert_string_equal(m.items[0].up.file, path_of("1_a.up.sql"));
  assert_string_equal(m.items[0].down.parts[0].name, path_of("triggers/it/v1.sql"));
  pgr_migrations_deinit(&m);
}

static void includes_that_are_refused(void **state) {
  (void)state;
  static const struct {
    const char *text, *fault;
  } table[] = {
      {"-- first\n  \\ir nothing.sql\n",
       "schema/1_a.up.sql:2:3: cannot include nothing.sql: there is no such file\n    2 |   \\ir nothing.sql\n"},
      {"\\ir ../../../../../../../../../etc/passwd",
       "schema/1_a.up.sql:1:1: cannot include ../../../../../../../../../etc/passwd: it lies outside of the folder"},
      {"\\ir ../secret.sql", "cannot include ../secret.sql: it lies outside of the folder"},
      {"\\ir ../schema2/secret.sql", "cannot include ../schema2/secret.sql: it lies outside of the folder"},
      {"\\ir ../scheme/secret.sql", "cannot include ../scheme/secret.sql: it lies outside of the folder"},
      {"\\ir away.sql", "cannot include away.sql: it lies outside of the folder"},
      {"\\ir away/secret.sql", "cannot include away/secret.sql: it lies outside of the folder"},
      {"\\ir .", "cannot include .: it lies outside of the folder"},
      {"\\ir triggers", "cannot include triggers: it is a folder"},
      {"\\ir pipe.sql_", "cannot include pipe.sql_: it is no regular file"},
      {"\\ir loop", "cannot include loop: Too many levels of symbolic links"},
      {"\\ir /etc/passwd", "schema/1_a.up.sql:1:1: a path from this file's folder, not from the root"},
      {"\\ir 'open", "the path ends the line"},
      {"\\ir ''", "the path ends the line"},
      {"\\ir", "write \\ir and the file's path"},
      {"\\irx y", "write \\ir and the file's path"},
      {"\\ir one.txt two.txt", "the path ends the line"},
      {"\\ir one.txt -- why", "the path ends the line"},
      {"\\ir :variable", "the path ends the line"},
      {"\\ir `date`", "the path ends the line"},
      {"\\i one.txt", "write \\ir and the file's path"},
      {"\\! rm -rf /", "write \\ir and the file's path"},
      {"\\ir one.txt\nSELECT 1;\n", "schema/1_a.up.sql:2:1: write \\ir and the file's path"},
      {"\\ir nested.txt", "schema/1_a.up.sql:1:1: schema/nested.txt includes others itself: one level is enough"},
      {"\\ir 1_a.up.sql", "schema/1_a.up.sql includes others itself: one level is enough"},
      {"SELECT 1;\n\\ir one.txt\n", "schema/1_a.up.sql:2:1: a command of psql's among SQL"},
      {"SELECT 1;\n  \\set x 1\n", "schema/1_a.up.sql:2:3: a command of psql's among SQL"},
      {"\\ir bad.txt", "schema/bad.txt:1:8: byte 0xFF is not UTF-8 here"},
      {"\\ir commits.txt", "schema/commits.txt:2:1: COMMIT: the transaction is not the migration's to end"},
  };
  new_folder();
  make_folder("triggers");
  make_folder("../schema2");
  make_folder("../scheme");
  write_file("../secret.sql", "SELECT 'secret'");
  write_file("../schema2/secret.sql", "SELECT 'secret'");
  write_file("../scheme/secret.sql", "SELECT 'secret'");
  write_file("one.txt", "SELECT 1");
  write_file("two.txt", "SELECT 2");
  write_file("nested.txt", "-- deeper\n\\ir one.txt");
  write_file("bad.txt", "SELECT \xFF");
  write_file("commits.txt", "SELECT 1;\nCOMMIT;");
  assert_int_equal(symlink("../secret.sql", path_of("away.sql")), 0);
  assert_int_equal(symlink("../schema2", path_of("away")), 0);
  assert_int_equal(symlink("loop", path_of("loop")), 0);
  assert_int_equal(mkfifo(path_of("pipe.sql_"), 0600), 0);
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    write_file("1_a.up.sql", table[i].text);
    says(table[i].fault);
  }
}

static void names(void **state) {
  (void)state;
  static const struct {
    const char *file, *fault;
  } table[] = {
      {"seed.sql", "schema/seed.sql: is no migration's name: it says neither .up.sql nor .down.sql\na migration is "
                   "NUMBER_name.up.sql and, to take it back, NUMBER_name.down.sql\n"},
      {"inbox.up.sql", "is no migration's name: it begins with a number"},
      {"V1__inbox.up.sql", "is no migration's name: it begins with a number"},
      {"-1_inbox.up.sql", "is no migration's name: it begins with a number"},
      {"1.up.sql", "after the number come _ and a name"},
      {"1_.up.sql", "after the number come _ and a name"},
      {"1-inbox.up.sql", "after the number come _ and a name"},
      {"1_INBOX.UP.SQL", "it ends in .up.sql or .down.sql, in small letters"},
      {"1_inbox.Down.sql", "it ends in .up.sql or .down.sql, in small letters"},
      {"1_inbox.SQL", "it says neither .up.sql nor .down.sql"},
      {"0000000000000000001_a.up.sql", "its number has more than 18 digits"},
      {"9223372036854775808_a.up.sql", "its number has more than 18 digits"},
      {"1_a b.up.sql", "a migration's name has letters, digits, _ - and . only"},
      {"1_a'; DROP TABLE x.up.sql", "a migration's name has letters, digits, _ - and . only"},
      {"1_$(reboot).up.sql", "a migration's name has letters, digits, _ - and . only"},
      {"1_a%s%n.up.sql", "schema/1_a%s%n.up.sql: a migration's name has letters, digits, _ - and . only"},
      {"1_a\n\033[31m.up.sql", "schema/1_a [31m.up.sql: a migration's name has letters"},
      {"1_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
       "xxxxxxxxxxxxxx.up.sql",
       "its name has more than 120 bytes"},
      {"7_only.down.sql", "schema/7_only.down.sql: there is no 7_only.up.sql"},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    new_folder();
    write_file(table[i].file, "SELECT 1");
    says(table[i].fault);
  }
}

/* The longest of everything fits into a title. */
static void longest_title(void **state) {
  (void)state;
  char title[160], name[200];
  pgr_migrations m;
  new_folder();
  snprintf(name, sizeof name, "000000000000000007_%0120d.up.sql", 0);
  write_file(name, "");
  read_folder(&m);
  pgr_migration_title(&m.items[0], title);
  assert_int_equal(strlen(title), 18 + 1 + 120);
  assert_int_equal(strncmp(title, name, strlen(title)), 0);
  pgr_migrations_deinit(&m);
}

static void numbers_given_twice(void **state) {
  (void)state;
  new_folder();
  write_file("0002_b.up.sql", "");
  write_file("2_a.up.sql", "");
  says("schema/0002_b.up.sql: number 2 is also that of 2_a.up.sql\ngive one of them another number\n");
  new_folder();
  write_file("0002_a.up.sql", "");
  write_file("2_a.up.sql", "");
  says("number 2 is also that of 0");
  new_folder();
  write_file("0002_a.up.sql", "");
  write_file("0002_b.down.sql", "");
  says("schema/0002_b.down.sql: number 2 is also that of 0002_a.up.sql");
  new_folder();
  write_file("0002_a.up.sql", "");
  write_file("0002_a.down.sql", "");
  write_file("2_a.down.sql", "");
  says("_a.down.sql: number 2 is also that of 0002_a.up.sql");
}

static void texts_that_are_none(void **state) {
  (void)state;
  new_folder();
  write_bytes("1_a.up.sql", "SELECT 1;\n\0DROP", 15);
  says("schema/1_a.up.sql:2:1: a NUL byte: this is not a text");
  new_folder();
  write_file("1_a.up.sql", "SELECT 'ä\xC3';");
  says("schema/1_a.up.sql:1:11: byte 0xC3 is not UTF-8 here");
  new_folder();
  write_file("1_a.up.sql", "");
  write_file("1_a.down.sql", "");
  assert_int_equal(truncate(path_of("1_a.down.sql"), 10 << 20), 0);
  says("schema/1_a.down.sql: cannot read it: it is larger than 8 MiB");
  new_folder();
  make_folder("1_a.up.sql");
  says("schema/1_a.up.sql: cannot read it: it is a folder");
  new_folder();
  write_file("../secret.sql", "SELECT 1");
  assert_int_equal(symlink("../secret.sql", path_of("1_a.up.sql")), 0);
  says("schema/1_a.up.sql: cannot read it: it lies outside of the folder");
  new_folder();
  assert_int_equal(symlink("nowhere", path_of("1_a.up.sql")), 0);
  says("schema/1_a.up.sql: cannot read it: there is no such file");
}

static void folders_that_are_none(void **state) {
  (void)state;
  pgr_migrations m;
  new_folder();
  read_folder(&m);
  assert_int_equal(m.count, 0);
  pgr_migrations_deinit(&m);
  assert_int_equal(rmdir(folder), 0);
  says("4 schema: there is no such folder; --dir names the one with the migrations");
  FILE *f = fopen(folder, "w");
  assert_non_null(f);
  fclose(f);
  says("4 schema: this is no folder; --dir names the one with the migrations");
}

/* As a person gives it. */
static void a_folder_with_slashes(void **state) {
  (void)state;
  pgr_migrations m;
  pgr_faults faults = {0};
  pgr_err err;
  char given[PATH_MAX + 32];
  new_folder();
  write_file("1_a.up.sql", "\\ir a.txt");
  write_file("a.txt", "");
  snprintf(given, sizeof given, "%s///", folder);
  must(pgr_migrations_read(given, &m, &faults, &err), &err);
  assert_int_equal(faults.count, 0);
  assert_string_equal(m.folder, given);
  assert_string_equal(m.items[0].up.file, path_of("1_a.up.sql"));
  assert_string_equal(m.items[0].up.parts[0].name, path_of("a.txt"));
  pgr_migrations_deinit(&m);
}

static void too_many(void **state) {
  (void)state;
  char name[64];
  new_folder();
  for (int i = 0; i <= PGR_MIGRATIONS_MAX; i++) {
    snprintf(name, sizeof name, "%05d_a.up.sql", i);
    write_file(name, "");
  }
  says("4 schema: more than 10000 migrations");
  assert_int_equal(unlink(path_of("00000_a.up.sql")), 0);
  assert_string_equal(complaints(), "");
  new_folder();
  char text[1024] = "";
  for (int i = 0; i < PGR_PARTS_MAX; i++)
    snprintf(text + strlen(text), sizeof text - strlen(text), "\\ir a.txt\n");
  write_file("a.txt", "");
  write_file("1_a.up.sql", text);
  assert_string_equal(complaints(), "");
  snprintf(text + strlen(text), sizeof text - strlen(text), "\\ir a.txt\n");
  write_file("1_a.up.sql", text);
  says("schema/1_a.up.sql:17:1: more than 16 includes");
}

/* Sparse files: nothing of this is on a disk. */
static void too_much(void **state) {
  enum { FILES = (PGR_MIGRATIONS_BYTES_MAX / PGR_MIGRATION_BYTES_MAX) + 1 };
  (void)state;
  new_folder();
  for (int i = 1; i <= FILES; i++) {
    char name[32];
    snprintf(name, sizeof name, "%02d_a.up.sql", i);
    write_file(name, "");
    assert_int_equal(truncate(path_of(name), PGR_MIGRATION_BYTES_MAX), 0);
  }
  says("4 schema: its migrations have more than 256 MiB together");
}

static void statements_that_cannot_be(void **state) {
  (void)state;
  static const struct {
    const char *text, *fault;
  } table[] = {
      {"CREATE TABLE a ();\n  COMMIT;", "schema/1_a.up.sql:2:3: COMMIT: the transaction is not the migration's to "
                                        "end\n    2 |   COMMIT;\n      |   ^^^^^^\nleave it out"},
      {"BEGIN; SELECT 1; COMMIT;", "schema/1_a.up.sql:1:1: BEGIN: the transaction is not the migration's to end"},
      {"ROLLBACK", "schema/1_a.up.sql:1:1: ROLLBACK: the transaction"},
      {"VACUUM a", "schema/1_a.up.sql:1:1: VACUUM, as it stands here, cannot run in a transaction"},
      {"CREATE INDEX CONCURRENTLY ON a (b)", "schema/1_a.up.sql:1:1: CREATE INDEX"},
  };
  new_folder();
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    write_file("1_a.up.sql", table[i].text);
    says(table[i].fault);
  }
  /* Each kind that our parser tells, in any case and after anything. */
  static const char *const refused[] = {"abort",
                                        "Begin",
                                        "START TRANSACTION",
                                        "END",
                                        "COMMIT AND CHAIN",
                                        "PREPARE TRANSACTION 'x'",
                                        "COMMIT PREPARED 'x'",
                                        "ROLLBACK PREPARED 'x'",
                                        "vacuum",
                                        "CLUSTER",
                                        "CREATE DATABASE d",
                                        "DROP DATABASE d",
                                        "ALTER DATABASE d SET TABLESPACE s",
                                        "CREATE TABLESPACE s LOCATION '/x'",
                                        "DROP TABLESPACE s",
                                        "ALTER SYSTEM SET work_mem = 1",
                                        "REINDEX DATABASE d",
                                        "REINDEX TABLE CONCURRENTLY t",
                                        "DROP INDEX CONCURRENTLY i",
                                        "ALTER TABLE t DETACH PARTITION p CONCURRENTLY",
                                        "DISCARD ALL"};
  for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
    char text[128];
    snprintf(text, sizeof text, "SELECT 1;/**/%s;SELECT 2", refused[i]);
    write_file("1_a.up.sql", text);
    says("schema/1_a.up.sql:1:14: ");
  }
  static const char *const fine[] = {
      "SAVEPOINT a; ROLLBACK TO a; RELEASE a;",
      "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$ BEGIN\n  COMMIT;\nEND $$;",
      "SELECT $$\n\\ir x\n$$;", /* a line of a string */
      "WHAT newer servers know;",
      "SELECT 'COMMIT'; -- COMMIT;",
  };
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
    write_file("1_a.up.sql", fine[i]);
    assert_string_equal(complaints(), "");
  }
}

/* One fault where it stands, though two migrations include the file. */
static void a_file_included_twice(void **state) {
  (void)state;
  new_folder();
  write_file("v1.txt", "COMMIT");
  write_file("1_a.up.sql", "\\ir v1.txt");
  write_file("2_a.up.sql", "\\ir v1.txt");
  const char *got = complaints(), *first = strstr(got, "the migration's to end");
  assert_non_null(first);
  assert_null(strstr(first + 1, "the migration's to end"));
}

static void without_memory(void **state) {
  (void)state;
  new_folder();
  write_file("1_a.up.sql", "\\ir a.txt");
  write_file("1_a.down.sql", "SELECT 1");
  write_file("a.txt", "SELECT 'ä'");
  write_file("b.sql", "");
  unsigned long nth = 0;
  for (bool enough = false; !enough; nth++) {
    pgr_migrations m;
    pgr_faults faults = {0};
    pgr_err err;
    pgr_mem_fail_nth(nth + 1);
    pgr_code code = pgr_migrations_read(folder, &m, &faults, &err);
    pgr_mem_fail_nth(0);
    enough = !code && faults.count == 1 && faults.kept[0].text && faults.kept[0].hint && m.count == 1;
    if (code) assert_int_equal(code, PGR_ENOMEM);
    if (!code && !enough) assert_true(faults.count > 0);
    pgr_faults_deinit(&faults);
    pgr_migrations_deinit(&m);
    assert_true(nth < 200);
  }
  assert_true(nth > 8);
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
  static const char *const words[] = {"applied", "pending", "late", "changed", "missing"};
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

/* Whether the migration fails with the code and a message that holds all of the texts (NULL-ended), and leaves no
 * record. */
static void up_fails(pgr_journal *j, const pgr_migration *m, pgr_code code, const char *const *texts) {
  pgr_err err = {0};
  assert_int_equal(pgr_journal_up(j, m, &no_triggers, &err), code);
  assert_int_equal(err.code, code);
  for (; *texts; texts++)
    if (!strstr(err.msg, *texts)) fail_msg("expected: %s\ngot: %s", *texts, err.msg);
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
  char place[PATH_MAX + 64];
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
  up(j, &m, 1);
  up_fails(j, find(&m, 2), PGR_EDATABASE, (const char *const[]){"the lock that keeps others away is lost", NULL});
  nothing_open(f);
  stands(j, &m, "1 applied, 2 pending");
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
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    char who[64];
    pgr_migrations m;
    pgr_err err;
    clean(f);
    pgr_db *db = connect_as(f, "application_name", "psql 'x'");
    exec(f, "CREATE TABLE a (id int); INSERT INTO a VALUES (1); CREATE TABLE \"B'b\" ()");
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

static void start_sleeping(fixture *f, pgr_migrations *m, pid_t *pid) {
  clean(f);
  write_file("1_a.up.sql", "CREATE TABLE a ()");
  write_file("2_b.up.sql", "CREATE TABLE b (); SELECT pg_sleep(600)");
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
  pgr_migrations m;
  pid_t pid;
  int status = 0;
  start_sleeping(f, &m, &pid);
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFSIGNALED(status));
  only_the_first(f, &m);
  pgr_migrations_deinit(&m);
}

static void interrupted_in_the_middle(void **state) {
  fixture *f = *state;
  pgr_migrations m;
  pid_t pid;
  int status = 0;
  start_sleeping(f, &m, &pid);
  assert_int_equal(kill(pid, SIGINT), 0);
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_true(WIFEXITED(status));
  assert_int_equal(WEXITSTATUS(status), PGR_EINTERRUPTED);
  only_the_first(f, &m);
  pgr_migrations_deinit(&m);
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

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(pairs_by_number),
                                     cmocka_unit_test(checksums),
                                     cmocka_unit_test(includes),
                                     cmocka_unit_test(includes_that_are_refused),
                                     cmocka_unit_test(names),
                                     cmocka_unit_test(longest_title),
                                     cmocka_unit_test(numbers_given_twice),
                                     cmocka_unit_test(texts_that_are_none),
                                     cmocka_unit_test(folders_that_are_none),
                                     cmocka_unit_test(a_folder_with_slashes),
                                     cmocka_unit_test(too_many),
                                     cmocka_unit_test(too_much),
                                     cmocka_unit_test(statements_that_cannot_be),
                                     cmocka_unit_test(a_file_included_twice),
                                     cmocka_unit_test(without_memory),
                                     cmocka_unit_test(up_down_and_redo),
                                     cmocka_unit_test(the_record),
                                     cmocka_unit_test(changed_missing_late),
                                     cmocka_unit_test(reading_makes_nothing),
                                     cmocka_unit_test(out_of_turn),
                                     cmocka_unit_test(a_part_that_fails),
                                     cmocka_unit_test(what_fails_at_the_end),
                                     cmocka_unit_test(texts_that_end_the_transaction),
                                     cmocka_unit_test(a_part_that_ends_the_transaction),
                                     cmocka_unit_test(ends_that_cannot_be),
                                     cmocka_unit_test(the_lock_given_away),
                                     cmocka_unit_test(a_session_of_its_own),
                                     cmocka_unit_test(a_search_path_that_lies),
                                     cmocka_unit_test(privileges),
                                     cmocka_unit_test(one_waits_for_the_other),
                                     cmocka_unit_test(nobody_waits_for_longer),
                                     cmocka_unit_test(a_lock_that_is_not_to_be_had),
                                     cmocka_unit_test(all_at_once),
                                     cmocka_unit_test(killed_in_the_middle),
                                     cmocka_unit_test(interrupted_in_the_middle),
                                     cmocka_unit_test(what_passes),
                                     cmocka_unit_test(a_journal_without_memory),
                                     cmocka_unit_test(triggers_are_remembered)};
  int failed = cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
  remove_all();
  return failed;
}
