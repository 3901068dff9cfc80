/* The throw-away server: it starts, keeps to itself, dies with its owner, and leaves nothing behind. */
#include "pgr_server_test.h"

#include "pgr_interrupt.h"
#include <sched.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>

/* Waits until `condition(arg)`, at most ten seconds. */
static bool within_10s(bool (*condition)(const void *arg), const void *arg) {
  for (int64_t deadline = pgr_now_ns() + 10 * PGR_NS_PER_S; pgr_now_ns() < deadline;) {
    if (condition(arg)) return true;
    pgr_sleep_until(pgr_now_ns() + PGR_NS_PER_MS);
  }
  return condition(arg);
}

/* A zombie is gone: whose child it is, and whether that reaps, is not the server's business. */
static bool is_gone(const void *pid) {
  char path[64], stat[256];
  snprintf(path, sizeof path, "/proc/%d/stat", *(const pid_t *)pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  ssize_t n = read(fd, stat, sizeof stat - 1);
  close(fd);
  stat[n > 0 ? n : 0] = '\0';
  const char *state = strrchr(stat, ')');
  return !state || strncmp(state, ") Z", 3) == 0 || strncmp(state, ") X", 3) == 0;
}

/* What PostgreSQL leaves outside of its folder when it dies badly: System V segments (of the user the server runs as)
 * and POSIX ones. */
static int count_segments(void) {
  int count = 0;
  char line[512];
  pgr__account account;
  assert_int_equal(pgr__account_choose(&account, NULL), PGR_OK);
  FILE *f = fopen("/proc/sysvipc/shm", "r");
  assert_non_null(f);
  while (fgets(line, sizeof line, f)) {
    unsigned uid;
    if (sscanf(line, "%*d %*d %*o %*u %*d %*d %*u %u", &uid) == 1) count += uid == account.uid;
  }
  fclose(f);
  DIR *dir = opendir("/dev/shm");
  for (struct dirent *e; dir && (e = readdir(dir));)
    count += strncmp(e->d_name, "PostgreSQL.", 11) == 0;
  if (dir) closedir(dir);
  return count;
}

static bool segments_are_no_more_than(const void *count) {
  return count_segments() <= *(const int *)count;
}

static bool nobody_lives_in(const void *dir) {
  bool none = true;
  DIR *proc = opendir("/proc");
  assert_non_null(proc);
  for (struct dirent *e; (e = readdir(proc));) {
    char link[300], cwd[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%s/cwd", e->d_name);
    ssize_t n = readlink(link, cwd, sizeof cwd - 1);
    cwd[n > 0 ? n : 0] = '\0';
    if (strncmp(cwd, dir, strlen(dir)) == 0) none = false;
  }
  closedir(proc);
  return none;
}

/* A postgres whose arguments name `dir`, as soon as it is executed. */
static pid_t found_pid;
static bool server_of_base_is_found(const void *dir) {
  bool found = false;
  DIR *proc = opendir("/proc");
  assert_non_null(proc);
  for (struct dirent *e; !found && (e = readdir(proc));) {
    char path[300], args[PATH_MAX];
    snprintf(path, sizeof path, "/proc/%s/cmdline", e->d_name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) continue;
    ssize_t n = read(fd, args, sizeof args - 1);
    close(fd);
    args[n > 0 ? n : 0] = '\0';
    found_pid = (pid_t)strtol(e->d_name, NULL, 10);
    size_t program = strlen(args);
    if (program < 9 || strcmp(args + program - 9, "/postgres") != 0) continue;
    for (const char *arg = args; arg < args + n; arg += strlen(arg) + 1)
      found = found || strncmp(arg, dir, strlen(dir)) == 0;
  }
  closedir(proc);
  return found;
}

static bool shm_exists(const pgr__postmaster *p) {
  struct shmid_ds ds;
  return p->shm_key != 0 && shmctl(p->shm_id, IPC_STAT, &ds) == 0;
}

/* The folder of a run and its lock. */
static void place_of(const pgr_server *s, char path[PATH_MAX]) {
  snprintf(path, PATH_MAX, "%s", pgr_server_socket_dir(s));
  *strrchr(path, '/') = '\0';
}

static void assert_no_trace(const char *place) {
  char lock[PATH_MAX + 8];
  snprintf(lock, sizeof lock, "%s.lock", place);
  assert_false(exists(place));
  assert_false(exists(lock));
  assert_true(nobody_lives_in(place));
}

/* What another run tells us of its server. */
typedef struct other_run {
  pid_t pid;
  pgr__postmaster postmaster;
  char place[PATH_MAX];
} other_run;

/* A process of its own that starts a server and then only waits. */
static other_run start_elsewhere(void) {
  other_run o = {0};
  int report[2];
  assert_int_equal(pipe2(report, O_CLOEXEC), 0);
  pid_t pid = fork();
  if (pid == 0) {
    pgr_server *s;
    if (pgr_server_start(&fast, &s, NULL)) _exit(1);
    place_of(s, o.place);
    o.postmaster = pgr__postmaster_read(o.place);
    if (write(report[1], &o, sizeof o) != (ssize_t)sizeof o) _exit(1);
    for (;;)
      pause();
  }
  close(report[1]);
  assert_true(receive(report[0], &o, sizeof o));
  close(report[0]);
  o.pid = pid;
  return o;
}

static void kill_and_reap(pid_t pid) {
  assert_int_equal(kill(pid, SIGKILL), 0);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Starts a durable server in a child, whose folders then lie in the private base; its exit status is the pgr_code. */
static pid_t start_in_child(void) {
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid != 0) return pid;
  pgr_server *s;
  if (pgr_interrupt_install(NULL)) _exit(99);
  pgr_code code = pgr_server_start(&durable, &s, NULL);
  if (!code) pgr_server_stop(s); /* it was faster than the signal */
  _exit((int)code);
}

/* The first "<private base>/ID<suffix>" there is. */
static bool find_in_base(const char *suffix, char found[PATH_MAX]) {
  bool ok = false;
  DIR *dir = opendir(own_base);
  for (struct dirent *e; dir && !ok && (e = readdir(dir));) {
    char path[PATH_MAX];
    if (e->d_name[0] == '.' || strstr(e->d_name, ".lock") || !pgr__join(path, own_base, e->d_name)) continue;
    ok = pgr__join(found, path, suffix) && exists(found);
  }
  if (dir) closedir(dir);
  return ok;
}

static bool appeared(const void *suffix) {
  char found[PATH_MAX];
  return find_in_base(suffix, found);
}

static bool base_is_gone(const void *unused) {
  (void)unused;
  return !exists(own_base);
}

static void start_and_stop_leave_nothing(void **state) {
  (void)state;
  char place[PATH_MAX], base[PATH_MAX], complaint[256] = "x";
  pgr_server *s = must_start(&fast);
  place_of(s, place);
  pgr__postmaster p = pgr__postmaster_read(place);
  assert_true(p.pid > 1 && shm_exists(&p));
  assert_true(pgr_server_alive(s));
  pgr_server_last_complaint(s, complaint, sizeof complaint);
  assert_string_equal(complaint, "");
  assert_answer(s, "show server_version_num", ask(s, "select current_setting('server_version_num')", complaint));
  assert_answer(s, "select current_user", pgr_server_user(s));
  assert_answer(s, "select split_part(current_setting('server_version'), ' ', 1)", pgr_server_version(s));
  assert_answer(s, "show fsync", "off");
  assert_answer(s, "show max_connections", "18");
  assert_int_equal(sched_getscheduler(p.pid), SCHED_BATCH);
  assert_int_equal(pgr_server_in_memory(s), pgr__on_tmpfs(place));
  pgr_server_stop(s);
  assert_no_trace(place);
  assert_true(is_gone(&p.pid));
  assert_false(shm_exists(&p));
  /* The base too, unless another run uses it. */
  snprintf(base, sizeof base, "%s", place);
  *strrchr(base, '/') = '\0';
  if (exists(base) && rmdir(base) == 0) fail_msg("an empty %s was left", base);
}

static void several_runs_do_not_disturb_each_other(void **state) {
  (void)state;
  char place[PATH_MAX];
  other_run other = start_elsewhere();
  pgr_server *a = must_start(&fast), *b = must_start(&fast);
  assert_string_not_equal(pgr_server_socket_dir(a), pgr_server_socket_dir(b));
  place_of(a, place);
  pgr_server_stop(a);
  assert_no_trace(place);
  assert_answer(b, "select 1", "1");
  assert_true(exists(other.place));
  assert_false(is_gone(&other.postmaster.pid));
  place_of(b, place);
  pgr_server_stop(b);
  assert_no_trace(place);
  kill_and_reap(other.pid);
  assert_true(within_10s(is_gone, &other.postmaster.pid));
  pgr_server_stop(must_start(&fast));
  assert_no_trace(other.place);
}

/* Whether one of the process's sockets is listed in a table of TCP sockets. */
static bool has_socket_in(pid_t pid, const char *table_path) {
  static char table[1 << 20];
  char folder[64], link[400], target[256], needle[64];
  bool found = false;
  int fd = open(table_path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false; /* no IPv6 */
  size_t len = 0;
  for (ssize_t n; (n = read(fd, table + len, sizeof table - 1 - len)) > 0;)
    len += (size_t)n;
  close(fd);
  table[len] = '\0';
  snprintf(folder, sizeof folder, "/proc/%d/fd", (int)pid);
  DIR *dir = opendir(folder);
  if (!dir) SKIP_BECAUSE("the server's descriptors cannot be seen without CAP_SYS_PTRACE");
  int sockets = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    unsigned long inode;
    snprintf(link, sizeof link, "%s/%s", folder, e->d_name);
    ssize_t n = readlink(link, target, sizeof target - 1);
    target[n > 0 ? n : 0] = '\0';
    if (sscanf(target, "socket:[%lu]", &inode) != 1) continue;
    sockets++;
    snprintf(needle, sizeof needle, " %lu ", inode);
    found = found || strstr(table, needle);
  }
  closedir(dir);
  assert_true(sockets > 0); /* the unix socket, at least, was seen */
  return found;
}

static void nothing_listens_on_tcp(void **state) {
  (void)state;
  char place[PATH_MAX];
  pgr_server *s = must_start(&fast);
  place_of(s, place);
  pid_t pid = pgr__postmaster_read(place).pid;
  assert_answer(s, "show listen_addresses", "");
  bool tcp = has_socket_in(pid, "/proc/net/tcp") || has_socket_in(pid, "/proc/net/tcp6");
  struct stat st;
  assert_int_equal(stat(pgr_server_socket_dir(s), &st), 0);
  assert_int_equal(st.st_mode & 0777, 0700);
  pgr_server_stop(s);
  assert_false(tcp);
}

static void durable_lies_on_a_disk(void **state) {
  (void)state;
  char place[PATH_MAX];
  if (pgr__on_tmpfs(home)) SKIP_BECAUSE("the temporary folder is in memory");
  pgr_server *s = must_start(&durable);
  place_of(s, place);
  assert_false(pgr__on_tmpfs(place));
  assert_false(pgr_server_in_memory(s));
  assert_non_null(strstr(place, home));
  assert_answer(s, "show fsync", "on");
  assert_answer(s, "show synchronous_commit", "on");
  assert_answer(s, "show full_page_writes", "on");
  pgr_server_stop(s);
  assert_no_trace(place);
}

static void long_temporary_folder_still_has_a_socket(void **state) {
  (void)state;
  char deep[PATH_MAX], place[PATH_MAX];
  if (pgr__on_tmpfs(home)) SKIP_BECAUSE("the temporary folder is in memory");
  in_home(deep, "a-folder-with-a-name-that-is-much-too-long-for-the-path-of-a-unix-socket-which-has-108-bytes");
  assert_int_equal(mkdir(deep, 0755), 0);
  setenv("TMPDIR", deep, 1);
  pgr_server *s = must_start(&durable);
  setenv("TMPDIR", home, 1);
  place_of(s, place);
  assert_answer(s, "select 1", "1");
  assert_answer(s, "select strpos(current_setting('data_directory'), 'much-too-long') > 0", "t");
  assert_int_equal(strncmp(place, "/tmp/pgrace-", 12), 0);
  pgr_server_stop(s);
  assert_no_trace(place);
  assert_int_equal(rmdir(deep), 0);
}

static void server_dies_with_a_killed_owner(void **state) {
  (void)state;
  other_run other = start_elsewhere();
  assert_true(shm_exists(&other.postmaster));
  kill_and_reap(other.pid);
  assert_true(within_10s(is_gone, &other.postmaster.pid));
  assert_true(within_10s(nobody_lives_in, other.place));
  assert_false(shm_exists(&other.postmaster));
  assert_true(exists(other.place));
  pgr_server_stop(must_start(&fast));
  assert_no_trace(other.place);
}

static void crashed_server_of_a_killed_owner_is_swept(void **state) {
  (void)state;
  other_run other = start_elsewhere();
  assert_int_equal(kill(other.postmaster.pid, SIGKILL), 0);
  kill_and_reap(other.pid);
  assert_true(within_10s(is_gone, &other.postmaster.pid));
  pgr_server_stop(must_start(&fast));
  assert_no_trace(other.place);
  assert_false(shm_exists(&other.postmaster));
}

static void crash_is_noticed_and_cleaned_up(void **state) {
  (void)state;
  char place[PATH_MAX];
  pgr_server *s = must_start(&fast);
  place_of(s, place);
  pgr__postmaster p = pgr__postmaster_read(place);
  assert_int_equal(kill(p.pid, SIGKILL), 0);
  for (int64_t deadline = pgr_now_ns() + 10 * PGR_NS_PER_S; pgr_server_alive(s) && pgr_now_ns() < deadline;)
    pgr_sleep_until(pgr_now_ns() + PGR_NS_PER_MS);
  assert_false(pgr_server_alive(s));
  assert_true(shm_exists(&p));
  pgr_server_stop(s);
  assert_no_trace(place);
  assert_false(shm_exists(&p));
}

/* Someone who looks around in a leftover is not killed with it. */
static void strangers_in_a_leftover_survive(void **state) {
  (void)state;
  char data[PATH_MAX];
  int ready[2];
  other_run other = start_elsewhere();
  kill_and_reap(other.pid);
  assert_true(within_10s(nobody_lives_in, other.place));
  assert_true(pgr__join(data, other.place, "data"));
  assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
  pid_t visitor = fork();
  if (visitor == 0) {
    char ok = chdir(data) == 0;
    if (write(ready[1], &ok, 1) != 1) _exit(1);
    for (;;)
      pause();
  }
  char ok = 0;
  assert_true(receive(ready[0], &ok, 1) && ok);
  close(ready[0]);
  close(ready[1]);
  pgr_server_stop(must_start(&fast));
  assert_false(exists(other.place));
  assert_int_equal(waitpid(visitor, NULL, WNOHANG), 0);
  kill_and_reap(visitor);
}

static void interrupted_start_leaves_nothing(void **state) {
  (void)state;
  int status, before = count_segments();
  if (pgr__on_tmpfs(home)) SKIP_BECAUSE("the temporary folder is in memory");
  /* While initdb works, while its backends do, while the server starts from the cache. */
  static const struct {
    const char *appears;
    bool cached;
  } stages[] = {{"data/PG_VERSION", false}, {"data/postmaster.pid", false}, {"data/base/1/1259", false},
                {"data/global", true},      {"server.log", true},           {"data/postmaster.pid", true}};
  pgr_server_stop(must_start(&fast)); /* the cache is there */
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    if (!stages[i].cached) setenv("XDG_CACHE_HOME", "/dev/null/none", 1);
    pid_t pid = start_in_child();
    setenv("XDG_CACHE_HOME", home, 1);
    assert_true(within_10s(appeared, stages[i].appears));
    assert_int_equal(kill(pid, SIGINT), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) != PGR_OK || !stages[i].cached) assert_int_equal(WEXITSTATUS(status), PGR_EINTERRUPTED);
    assert_true(base_is_gone(NULL));
    assert_true(within_10s(nobody_lives_in, own_base)); /* one that ends lets go of its folder last */
    assert_true(within_10s(segments_are_no_more_than, &before));
  }
}

static void killed_initdb_leaves_no_process(void **state) {
  (void)state;
  int before = count_segments();
  if (pgr__on_tmpfs(home)) SKIP_BECAUSE("the temporary folder is in memory");
  static const char *const stages[] = {"data/PG_VERSION", "data/postmaster.pid", "data/base/1/1259"};
  for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
    setenv("XDG_CACHE_HOME", "/dev/null/none", 1);
    pid_t pid = start_in_child();
    setenv("XDG_CACHE_HOME", home, 1);
    assert_true(within_10s(appeared, stages[i]));
    kill_and_reap(pid);
    /* At once, without waiting for them to end by themselves. */
    pgr_server_stop(must_start(&fast));
    assert_true(within_10s(nobody_lives_in, own_base));
    assert_true(base_is_gone(NULL));
    assert_true(within_10s(segments_are_no_more_than, &before));
  }
}

/* Started by a script in the background, we ignore SIGQUIT, and so would the server until it says otherwise: for some
 * milliseconds after its start it would not hear of our death. */
static void server_dies_with_an_owner_that_ignores_quit(void **state) {
  (void)state;
  if (pgr__on_tmpfs(home)) SKIP_BECAUSE("the temporary folder is in memory");
  for (int i = 0; i < 5; i++) {
    pid_t pid = fork();
    if (pid == 0) {
      pgr_server *s;
      signal(SIGQUIT, SIG_IGN);
      if (pgr_interrupt_install(NULL)) _exit(99);
      _exit((int)pgr_server_start(&durable, &s, NULL));
    }
    assert_true(within_10s(server_of_base_is_found, own_base));
    kill_and_reap(pid);
    assert_true(within_10s(is_gone, &found_pid));
    pgr_server_stop(must_start(&fast));
    assert_true(base_is_gone(NULL));
  }
}

static void untrusted_base_is_refused(void **state) {
  (void)state;
  pgr_err err;
  char elsewhere[PATH_MAX];
  if (pgr__on_tmpfs(home)) SKIP_BECAUSE("the temporary folder is in memory");
  in_home(elsewhere, "elsewhere");
  assert_int_equal(mkdir(elsewhere, 0700), 0);
  assert_int_equal(symlink(elsewhere, own_base), 0);
  must_fail(&durable, PGR_EENVIRONMENT, &err);
  assert_non_null(strstr(err.msg, own_base));
  assert_non_null(strstr(err.msg, "not a folder"));
  assert_int_equal(unlink(own_base), 0);
  assert_int_equal(rmdir(elsewhere), 0); /* still empty */
  assert_int_equal(mkdir(own_base, 0700), 0);
  assert_int_equal(chmod(own_base, 0777), 0);
  char foreign[PATH_MAX];
  assert_true(pgr__join(foreign, own_base, "somebodys.lock"));
  write_program(foreign, "");
  must_fail(&durable, PGR_EENVIRONMENT, &err);
  assert_non_null(strstr(err.msg, "written to by others"));
  assert_true(exists(foreign)); /* nor swept */
  assert_int_equal(unlink(foreign), 0);
  if (geteuid() == 0) {
    assert_int_equal(chmod(own_base, 0700), 0);
    assert_int_equal(chown(own_base, 65534, 65534), 0);
    must_fail(&durable, PGR_EENVIRONMENT, &err);
    assert_non_null(strstr(err.msg, "another user"));
  }
  assert_int_equal(rmdir(own_base), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(start_and_stop_leave_nothing),
      cmocka_unit_test(several_runs_do_not_disturb_each_other),
      cmocka_unit_test(nothing_listens_on_tcp),
      cmocka_unit_test(durable_lies_on_a_disk),
      cmocka_unit_test(long_temporary_folder_still_has_a_socket),
      cmocka_unit_test(server_dies_with_a_killed_owner),
      cmocka_unit_test(server_dies_with_an_owner_that_ignores_quit),
      cmocka_unit_test(crashed_server_of_a_killed_owner_is_swept),
      cmocka_unit_test(crash_is_noticed_and_cleaned_up),
      cmocka_unit_test(strangers_in_a_leftover_survive),
      cmocka_unit_test(interrupted_start_leaves_nothing),
      cmocka_unit_test(killed_initdb_leaves_no_process),
      cmocka_unit_test(untrusted_base_is_refused),
  };
  return cmocka_run_group_tests_name("server", tests, set_up, tear_down);
}
