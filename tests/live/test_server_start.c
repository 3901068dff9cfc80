/* Where the throw-away server comes from: the binaries that are found, and the cached copy of initdb's result. */
#include "pgr_server_test.h"

static void wrong_bindir_is_an_error(void **state) {
  (void)state;
  pgr_err err;
  setenv("PGRACE_PG_BINDIR", home, 1);
  must_fail(&fast, PGR_EENVIRONMENT, &err);
  unsetenv("PGRACE_PG_BINDIR");
  assert_non_null(strstr(err.msg, "PGRACE_PG_BINDIR"));
  assert_non_null(strstr(err.msg, home));
}

static void missing_server_names_the_package(void **state) {
  (void)state;
  pgr_err err = {0};
  char found[PATH_MAX], *path = strdup(getenv("PATH"));
  setenv("PATH", home, 1);
  assert_int_equal(pgr__find_server(home, found, sizeof found, &err), PGR_EENVIRONMENT);
  assert_non_null(strstr(err.msg, "apt-get install postgresql;"));
  assert_non_null(strstr(err.msg, "PGRACE_PG_BINDIR"));
  assert_non_null(strstr(err.msg, "--dsn"));
  setenv("PATH", path, 1);
  free(path);
}

static void fake_server(const char *dir, const char *postgres, const char *initdb) {
  char path[PATH_MAX];
  assert_true(mkdir(dir, 0755) == 0 || errno == EEXIST);
  assert_true(pgr__join(path, dir, "postgres"));
  write_program(path, postgres);
  assert_true(pgr__join(path, dir, "initdb"));
  write_program(path, initdb);
}

static void binaries_are_looked_for_in_order(void **state) {
  (void)state;
  char root[PATH_MAX], path[PATH_MAX], nine[PATH_MAX], fifteen[PATH_MAX], bin[PATH_MAX], found[PATH_MAX];
  char script[PATH_MAX + 64], *old_path = strdup(getenv("PATH"));
  in_home(root, "versions");
  in_home(nine, "versions/9");
  in_home(fifteen, "versions/15");
  in_home(bin, "bin");
  assert_int_equal(mkdir(root, 0755) | mkdir(nine, 0755) | mkdir(fifteen, 0755) | mkdir(bin, 0755), 0);
  in_home(nine, "versions/9/bin");
  in_home(fifteen, "versions/15/bin");
  fake_server(nine, "", "");
  fake_server(fifteen, "", "");
  /* A pg_config that names a folder without a server does not end the search. */
  in_home(path, "bin/pg_config");
  snprintf(script, sizeof script, "#!/bin/sh\necho %s\n", home);
  write_program(path, script);
  setenv("PATH", bin, 1);
  assert_int_equal(pgr__find_server(root, found, sizeof found, NULL), PGR_OK);
  assert_string_equal(found, fifteen);
  fake_server(bin, "", "");
  assert_int_equal(pgr__find_server(root, found, sizeof found, NULL), PGR_OK);
  assert_string_equal(found, bin);
  snprintf(script, sizeof script, "#!/bin/sh\necho %s\n", nine);
  write_program(path, script);
  assert_int_equal(pgr__find_server(root, found, sizeof found, NULL), PGR_OK);
  assert_string_equal(found, nine);
  setenv("PGRACE_PG_BINDIR", fifteen, 1);
  assert_int_equal(pgr__find_server(root, found, sizeof found, NULL), PGR_OK);
  assert_string_equal(found, fifteen);
  unsetenv("PGRACE_PG_BINDIR");
  setenv("PATH", old_path, 1);
  free(old_path);
}

static void failures_tell_the_servers_reason(void **state) {
  (void)state;
  pgr_err err;
  char bin[PATH_MAX];
  in_home(bin, "fake");
  setenv("PGRACE_PG_BINDIR", bin, 1);
  setenv("XDG_CACHE_HOME", "/dev/null/none", 1);
#define VERSION(v) "#!/bin/sh\nif [ \"$1\" = -V ]; then echo 'postgres (PostgreSQL) " v " (Fake 1)'; exit; fi\n"
  fake_server(bin, VERSION("11.22"), "#!/bin/sh\n");
  must_fail(&fast, PGR_EENVIRONMENT, &err);
  assert_non_null(strstr(err.msg, "11.22"));
  assert_non_null(strstr(err.msg, "too old"));
  fake_server(bin, VERSION("15.1"), "#!/bin/sh\necho 'initdb: error: the stars stand wrong' >&2; exit 1\n");
  must_fail(&fast, PGR_EENVIRONMENT, &err);
  assert_non_null(strstr(err.msg, "initdb failed: initdb: error: the stars stand wrong"));
  static const char makes_data[] = "#!/bin/sh\nwhile [ $1 != -D ]; do shift; done; : >$2/postgresql.conf\n";
  fake_server(bin,
              VERSION("15.1") "echo '2026-01-31 12:00:00.000 UTC [1] FATAL:  no more of it'\n"
                              "echo '2026-01-31 12:00:00.000 UTC [1] LOG:  database system is shut down'; exit 1\n",
              makes_data);
  must_fail(&fast, PGR_EENVIRONMENT, &err);
  assert_non_null(strstr(err.msg, "did not start: FATAL: no more of it"));
  fake_server(bin, VERSION("15.1") "echo 'cannot open shared object file'; exit 127\n", makes_data);
  must_fail(&fast, PGR_EENVIRONMENT, &err);
  assert_non_null(strstr(err.msg, "cannot open shared object file"));
  setenv("XDG_CACHE_HOME", home, 1);
  unsetenv("PGRACE_PG_BINDIR");
}

static bool cache_file(char path[PATH_MAX]) {
  char folder[PATH_MAX];
  in_home(folder, "pgrace");
  DIR *dir = opendir(folder);
  bool found = false;
  for (struct dirent *e; dir && (e = readdir(dir));)
    if (strncmp(e->d_name, "cluster-", 8) == 0 && !strstr(e->d_name, ".draft"))
      found = pgr__join(path, folder, e->d_name);
  if (dir) closedir(dir);
  return found;
}

static bool cache_is_good(void) {
  char path[PATH_MAX];
  if (!cache_file(path)) return false;
  pgr__archive *a = pgr__archive_open(path, pgr__server_identity(bindir));
  pgr__archive_close(a);
  return a != NULL;
}

static void damaged_cache_is_not_used(void **state) {
  (void)state;
  char path[PATH_MAX], draft[PATH_MAX + 8];
  struct stat st;
  pgr_server_stop(must_start(&fast));
  assert_true(cache_is_good());
  assert_true(cache_file(path));
  for (int damage = 0; damage < 4; damage++) {
    assert_int_equal(stat(path, &st), 0);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    char byte = 0;
    if (damage == 0) assert_int_equal(ftruncate(fd, st.st_size / 2), 0);
    if (damage == 1) {
      assert_int_equal(pread(fd, &byte, 1, st.st_size / 2), 1);
      byte ^= 1;
      assert_int_equal(pwrite(fd, &byte, 1, st.st_size / 2), 1);
    }
    if (damage == 2) assert_int_equal(ftruncate(fd, 0), 0);
    if (damage == 3) assert_int_equal(fchmod(fd, 0666), 0); /* anyone may have written to it */
    close(fd);
    assert_false(cache_is_good());
    pgr_server *s = must_start(&fast);
    assert_answer(s, "select count(*) from pg_database", "3");
    pgr_server_stop(s);
    assert_true(cache_is_good());
  }
  assert_null(pgr__archive_open(path, pgr__server_identity(bindir) + 1)); /* other binaries */
  snprintf(draft, sizeof draft, "%s.draft", path);
  assert_false(exists(draft));
}

/* What a run that was killed while it wrote has left is no obstacle. */
static void half_written_cache_is_replaced(void **state) {
  (void)state;
  char path[PATH_MAX], draft[PATH_MAX + 8];
  assert_true(cache_file(path));
  snprintf(draft, sizeof draft, "%s.draft", path);
  assert_int_equal(rename(path, draft), 0);
  assert_int_equal(truncate(draft, 4097), 0);
  pgr_server_stop(must_start(&fast));
  assert_true(cache_is_good());
  assert_false(exists(draft));
}

static void runs_without_a_cache(void **state) {
  (void)state;
  char *old_home = getenv("HOME") ? strdup(getenv("HOME")) : NULL;
  setenv("XDG_CACHE_HOME", "/dev/null/none", 1);
  pgr_server_stop(must_start(&fast));
  unsetenv("XDG_CACHE_HOME");
  unsetenv("HOME");
  pgr_server_stop(must_start(&fast));
  setenv("XDG_CACHE_HOME", home, 1);
  if (old_home) setenv("HOME", old_home, 1);
  free(old_home);
}

/* A database started from the cache is the database initdb made: every file, byte for byte. */
static void archive_gives_back_what_it_took(void **state) {
  (void)state;
  pgr__account self = {.uid = geteuid(), .gid = getegid()};
  char from[PATH_MAX], to[PATH_MAX], archive[PATH_MAX], file[PATH_MAX];
  static const struct {
    const char *name, *text;
    off_t zeros;
  } files[] = {{"empty", "", 0},
               {"zeros", "", 100000},
               {"text", "abc", 0},
               {"tail", "abcdefghi", 70001},
               {"sub/text", "abc", 0},
               {"sub/tail", "abcdefghj", 70001},
               {"sub/deep/tail", "abcdefghi", 70001}};
  in_home(from, "from");
  in_home(archive, "archive");
  assert_int_equal(mkdir(from, 0700), 0);
  in_home(file, "from/sub");
  assert_int_equal(mkdir(file, 0700), 0);
  in_home(file, "from/sub/deep");
  assert_int_equal(mkdir(file, 0700), 0);
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    assert_true(pgr__join(file, from, files[i].name));
    write_program(file, files[i].text);
    assert_int_equal(truncate(file, (off_t)strlen(files[i].text) + files[i].zeros), 0);
  }
  assert_true(pgr__archive_publish(archive, 7, "15.1", open(from, O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
  pgr__archive *a = pgr__archive_open(archive, 7);
  assert_non_null(a);
  assert_string_equal(pgr__archive_version(a), "15.1");
  for (int sparse = 0; sparse < 2; sparse++) {
    in_home(to, sparse ? "to-sparse" : "to");
    assert_int_equal(mkdir(to, 0700), 0);
    int fd = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(pgr__archive_unpack(a, fd, &self, sparse, NULL), PGR_OK);
    close(fd);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
      static char data[200000];
      size_t len = strlen(files[i].text);
      assert_true(pgr__join(file, to, files[i].name));
      fd = open(file, O_RDONLY | O_CLOEXEC);
      assert_int_equal(read(fd, data, sizeof data), (ssize_t)len + files[i].zeros);
      close(fd);
      assert_memory_equal(data, files[i].text, len);
      for (off_t k = 0; k < files[i].zeros; k++)
        assert_int_equal(data[len + (size_t)k], 0);
    }
  }
  pgr__archive_close(a);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(archive_gives_back_what_it_took),  cmocka_unit_test(wrong_bindir_is_an_error),
      cmocka_unit_test(missing_server_names_the_package), cmocka_unit_test(binaries_are_looked_for_in_order),
      cmocka_unit_test(failures_tell_the_servers_reason), cmocka_unit_test(damaged_cache_is_not_used),
      cmocka_unit_test(half_written_cache_is_replaced),   cmocka_unit_test(runs_without_a_cache),
  };
  return cmocka_run_group_tests_name("server_start", tests, set_up, tear_down);
}
