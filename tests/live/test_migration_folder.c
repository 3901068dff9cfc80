/* Folders of migrations as they are read: names, includes, texts, and what is refused of them. */
#include "pgr_migration_test.h"

#include "pgr_buf.h"
#include "pgr_mem.h"

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
      {"\\ir plain.txt", "cannot include plain.txt: its path is not UTF-8"},
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
  write_file("\xFF", "SELECT 1");
  assert_int_equal(symlink("\xFF", path_of("plain.txt")), 0);
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
      {"1_a\xC3.up.sql", "schema/1_a?.up.sql: its name is not UTF-8\n"},
      {"\xFF.sql", "schema/?.sql: its name is not UTF-8\n"},
      {"1_\xED\xA0\x80.up.sql", "its name is not UTF-8\n"}, /* half of a pair */
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
  if (pgr_migrations_read(given, &m, &faults, &err)) fail_msg("%s", err.msg);
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
      {"SELECT 1;\n  copy a (b) from stdin WITH (FORMAT csv);",
       "schema/1_a.up.sql:2:3: COPY … FROM STDIN waits for data\n    2 |   copy a (b) from stdin WITH (FORMAT csv);\n"
       "      |   ^^^^\nwrite INSERT INTO … VALUES: a migration has no data to give\n"},
      {"COPY a FROM STDIN;\n1\tx\n\\.\n", "schema/1_a.up.sql:1:1: COPY … FROM STDIN waits for data"},
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
      "COPY (SELECT 'stdin') TO PROGRAM 'cat'; COPY a FROM '/x'; -- COPY a FROM STDIN",
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
                                     cmocka_unit_test(without_memory)};
  int failed = cmocka_run_group_tests(tests, NULL, NULL);
  remove_all();
  return failed;
}
