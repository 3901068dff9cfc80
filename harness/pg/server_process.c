/* Children of ours and processes that a killed run left behind.
 *
 * Invariant: nothing is signalled by number alone. A child that is not reaped keeps its number; any other process must
 * prove, through /proc, that it is at home in the folder we are about to remove. */
#include "server_internal.h"

#include "pgr_clock.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A postmaster that is asked to quit kills its children after five seconds; it gets a little longer. */
static const int64_t quit_ns = 8 * PGR_NS_PER_S;
static const int64_t kill_ns = 5 * PGR_NS_PER_S;
static const int64_t leave_ns = 3 * PGR_NS_PER_S;

static void pause_1ms(void) {
  pgr_sleep_until(pgr_now_ns() + PGR_NS_PER_MS);
}

pgr_code pgr__account_choose(pgr__account *a, pgr_err *err) {
  *a = (pgr__account){.uid = geteuid(), .gid = getegid()};
  if (a->uid != 0) return PGR_OK;
  const char *const names[] = {"postgres", "nobody"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    const struct passwd *pw = getpwnam(names[i]);
    if (!pw || pw->pw_uid == 0) continue;
    *a = (pgr__account){.uid = pw->pw_uid, .gid = pw->pw_gid, .drop = true};
    snprintf(a->name, sizeof a->name, "%s", names[i]);
    return PGR_OK;
  }
  return pgr_fail(
      err, PGR_EENVIRONMENT,
      "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as: "
      "run pgrace as an ordinary user, or use --dsn");
}

/* What the child tells us when it does not get as far as exec. */
typedef struct child_error {
  int number;
  char doing[24];
} child_error;

/* Backends that a release of the barrier wakes must not preempt the driver while it is still releasing the others:
 * a batch task does not preempt on wake-up. A system that refuses is no worse than before. */
static void become_batch(void) {
  struct sched_param param = {0};
  sched_setscheduler(0, SCHED_BATCH, &param);
}

static const char *drop_privileges(const pgr__account *a) {
  if (!a->drop) return NULL;
  if (setgroups(1, &a->gid)) return "set groups";
  if (setgid(a->gid)) return "set group";
  if (setuid(a->uid)) return "set user";
  return NULL;
}

/* Between fork and exec: async-signal-safe calls only, for other threads may have held any lock. */
static _Noreturn void child(const pgr__command *c, char *const *env, pid_t parent, int null_fd, int report_fd) {
  sigset_t none;
  sigemptyset(&none);
  /* What we ignore, or were started to ignore (a script's background job ignores SIGQUIT), would stay ignored until the
   * program says otherwise: the signal of our death among it. */
  for (int signo = 1; signo < NSIG; signo++)
    signal(signo, SIG_DFL);
  sigprocmask(SIG_SETMASK, &none, NULL);
  setsid();
  const char *failed = drop_privileges(c->account);
  if (!failed) {
    /* After the change of user, which clears it; and our parent may have died before it was set. */
    prctl(PR_SET_PDEATHSIG, c->death_signal);
    if (getppid() != parent) _exit(1);
    /* A SIGQUIT that comes before the server can catch it must not leave a core file. */
    setrlimit(RLIMIT_CORE, &(struct rlimit){0});
    if (c->batch) become_batch();
    if (dup2(null_fd, 0) < 0 || dup2(c->out_fd, 1) < 0 || dup2(c->out_fd, 2) < 0) failed = "set up files";
    /* Descriptors that we inherited from whoever started us are not the server's business. */
    syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */);
    if (!failed && chdir("/")) failed = "chdir /";
  }
  if (!failed) {
    execve(c->argv[0], (char *const *)c->argv, env);
    failed = "execute it";
  }
  child_error e = {.number = errno};
  for (size_t i = 0; i < sizeof e.doing - 1 && failed[i]; i++)
    e.doing[i] = failed[i];
  ssize_t ignored = write(report_fd, &e, sizeof e);
  (void)ignored;
  _exit(127);
}

/* Nothing of PG* reaches the server, and its messages are in English whatever our user reads. TZ keeps initdb from
 * guessing the machine's zone, which is slow and makes results differ between machines. */
static char **environment(char *storage[8]) {
  static char locale[] = "LC_ALL=C", zone[] = "TZ=UTC";
  static const char *const kept[] = {"PATH", "LD_LIBRARY_PATH"};
  size_t n = 0;
  storage[n++] = locale;
  storage[n++] = zone;
  for (char **e = environ; e && *e; e++)
    for (size_t i = 0; i < sizeof kept / sizeof *kept && n < 7; i++) {
      size_t len = strlen(kept[i]);
      if (strncmp(*e, kept[i], len) == 0 && (*e)[len] == '=') storage[n++] = *e;
    }
  storage[n] = NULL;
  return storage;
}

/* Ignoring SIGCHLD is inherited from who started us, and makes the kernel reap children behind our back: then their
 * numbers may be another's by the time we signal them. */
static void keep_children(void) {
  struct sigaction now;
  if (sigaction(SIGCHLD, NULL, &now) == 0 && now.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);
}

pgr_code pgr__spawn(const pgr__command *c, pid_t *pid, pgr_err *err) {
  char *storage[8];
  keep_children();
  char **env = environment(storage);
  int report[2], null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (null_fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot open /dev/null: %s", strerror(errno));
  if (pipe2(report, O_CLOEXEC)) {
    close(null_fd);
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a pipe: %s", strerror(errno));
  }
  pid_t self = getpid();
  *pid = fork();
  if (*pid == 0) child(c, env, self, null_fd, report[1]);
  int fork_errno = errno;
  close(null_fd);
  close(report[1]);
  child_error e = {0};
  ssize_t n = 0;
  while (*pid > 0 && (n = read(report[0], &e, sizeof e)) < 0 && errno == EINTR)
    ;
  close(report[0]);
  if (*pid < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot start a process: %s", strerror(fork_errno));
  if (n != (ssize_t)sizeof e) return PGR_OK;
  pgr__wait_child(*pid, pgr_now_ns() + kill_ns, NULL);
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot run %s%s%s: cannot %.23s: %s", c->argv[0],
                  c->account->drop ? " as user " : "", c->account->name, e.doing, strerror(e.number));
}

bool pgr__wait_child(pid_t pid, int64_t deadline_ns, int *status) {
  for (;;) {
    int unused;
    pid_t got = waitpid(pid, status ? status : &unused, WNOHANG);
    if (got == pid || (got < 0 && errno == ECHILD)) return true;
    if (pgr_now_ns() >= deadline_ns) return false;
    pause_1ms();
  }
}

void pgr__end_child(pid_t pid, int gentle_signal) {
  if (gentle_signal) {
    kill(pid, gentle_signal);
    if (pgr__wait_child(pid, pgr_now_ns() + quit_ns, NULL)) return;
    kill(-pid, SIGKILL); /* it leads a session, and is not reaped: the number is still its own */
  }
  kill(pid, SIGKILL);
  pgr__wait_child(pid, pgr_now_ns() + kill_ns, NULL);
}

/* Reads a small file into text, NUL-terminated. Returns its length, -1 when it cannot be read. */
static ssize_t read_small(const char *path, char *text, size_t bytes) {
  int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (fd < 0) return -1;
  ssize_t n = read(fd, text, bytes - 1);
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  return n;
}

/* Source: src/include/utils/pidfile.h. Lines: pid, data, start time, port, socket, address, "key id", status. */
pgr__postmaster pgr__postmaster_read(const char *dir) {
  pgr__postmaster p = {0};
  char path[PATH_MAX], text[PATH_MAX * 3], *line = text;
  if (!pgr__join(path, dir, "data/postmaster.pid") || read_small(path, text, sizeof text) <= 0) return p;
  for (int number = 1; line; number++) {
    char *end = strchr(line, '\n');
    if (number == 1) p.pid = (pid_t)strtol(line, NULL, 10);
    if (number == 1 && p.pid < 0) { /* a backend without a postmaster: one of initdb's */
      p.pid = -p.pid;
      p.standalone = true;
    }
    if (number == 7 && sscanf(line, "%lu %d", &p.shm_key, &p.shm_id) != 2) p.shm_key = 0;
    if (number == 8) p.ready = strncmp(line, "ready", 5) == 0;
    line = end ? end + 1 : NULL;
  }
  return p;
}

static bool is_inside(const char *path, const char *dir) {
  size_t len = strlen(dir);
  return strncmp(path, dir, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

/* "postgres", "initdb", or either after an upgrade replaced it: "postgres (deleted)". */
static bool is_server_program(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  size_t len = strcspn(name, " ");
  return (len == 8 && strncmp(name, "postgres", len) == 0) || (len == 6 && strncmp(name, "initdb", len) == 0);
}

/* "" when it cannot be read. */
static void read_proc_link(pid_t pid, const char *what, char text[PATH_MAX]) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, what);
  ssize_t n = readlink(path, text, PATH_MAX - 1);
  text[n > 0 ? n : 0] = '\0';
}

/* Whether it is a PostgreSQL program at home under `dir`, not, say, the shell of someone who looks around there:
 * servers and backends work in it; the arguments tell of initdb, which does not, and of what may not be looked into (by
 * root without CAP_SYS_PTRACE). */
static bool lives_inside(pid_t pid, const char *dir) {
  char path[64], text[PATH_MAX * 2];
  read_proc_link(pid, "cwd", text);
  bool works_inside = is_inside(text, dir), hidden = !*text && (errno == EACCES || errno == EPERM);
  if (!hidden) {
    read_proc_link(pid, "exe", text);
    if (!is_server_program(text)) return false;
    if (works_inside) return true;
  }
  snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
  ssize_t n = read_small(path, text, sizeof text);
  if (n <= 0 || !is_server_program(text)) return false;
  for (char *arg = text; arg < text + n; arg += strlen(arg) + 1)
    if (is_inside(arg, dir)) return true;
  return false;
}

/* Looks again once the process cannot be exchanged for another of the same number. */
static void signal_inside(pid_t pid, const char *dir, int signo) {
  int fd = (int)syscall(SYS_pidfd_open, pid, 0);
  if (fd < 0 && errno != ENOSYS) return;
  if (lives_inside(pid, dir)) {
    if (fd < 0)
      kill(pid, signo);
    else
      syscall(SYS_pidfd_send_signal, fd, signo, NULL, 0);
  }
  if (fd >= 0) close(fd);
}

/* How many of them there are; each gets the signal, 0 for none. */
static int signal_all_inside(const char *dir, int signo) {
  int count = 0;
  DIR *proc = opendir("/proc");
  if (!proc) return 0;
  for (struct dirent *e; (e = readdir(proc));) {
    pid_t pid = (pid_t)strtol(e->d_name, NULL, 10);
    if (pid <= 1 || pid == getpid() || !lives_inside(pid, dir)) continue;
    if (signo) signal_inside(pid, dir, signo);
    count++;
  }
  closedir(proc);
  return count;
}

static bool empties(const char *dir, int signo, int64_t patience_ns) {
  for (int64_t deadline = pgr_now_ns() + patience_ns; signal_all_inside(dir, signo);) {
    if (pgr_now_ns() >= deadline) return false;
    pause_1ms();
  }
  return true;
}

/* A server that was killed leaves its segment. It is its own when the kernel says so: key, creator. A backend that is
 * ending has let go of its folder, by which we saw it, a moment before it lets go of the segment. */
static void release_shm(const pgr__postmaster *p) {
  struct shmid_ds ds;
  if (!p->shm_key) return;
  for (int64_t deadline = pgr_now_ns() + kill_ns; pgr_now_ns() < deadline; pause_1ms()) {
    if (shmctl(p->shm_id, IPC_STAT, &ds) || (unsigned int)ds.shm_perm.__key != (unsigned int)p->shm_key ||
        ds.shm_cpid != p->pid)
      return;
    if (ds.shm_nattch > 0) continue;
    shmctl(p->shm_id, IPC_RMID, NULL);
    return;
  }
}

/* /proc shows where a process works to its own user, and to root only with a capability that containers take away: as
 * far as files go, this thread becomes the user who owns the cluster. */
static void see_as_owner_of(const char *dir) {
  char data[PATH_MAX];
  struct stat st;
  if (geteuid() != 0 || !pgr__join(data, dir, "data") || lstat(data, &st) || st.st_uid == 0) return;
  setfsgid(st.st_gid);
  setfsuid(st.st_uid);
}

static void see_as_ourselves(void) {
  setfsuid(geteuid());
  setfsgid(getegid());
}

void pgr__end_inside(const char *dir) {
  see_as_owner_of(dir);
  pgr__postmaster p = pgr__postmaster_read(dir);
  if (p.pid > 1 && !p.standalone && lives_inside(p.pid, dir)) {
    signal_inside(p.pid, dir, SIGQUIT);
    for (int64_t deadline = pgr_now_ns() + quit_ns; lives_inside(p.pid, dir) && pgr_now_ns() < deadline;)
      pause_1ms();
  }
  /* Backends without a postmaster, and what initdb started without initdb, end by themselves and clean up; killed, they
   * leave shared memory that has no owner. */
  if (!empties(dir, 0, leave_ns)) {
    pgr__postmaster latest = pgr__postmaster_read(dir);
    if (latest.shm_key) p = latest;
    empties(dir, SIGKILL, kill_ns);
  }
  see_as_ourselves();
  release_shm(&p);
}
