/* The throw-away server: from nothing to one that takes connections, and back to nothing.
 *
 * Invariant: whatever exists of it (folders, process, shared memory) is reachable from the pgr_server, so that
 * pgr_server_stop undoes a start at whatever point it failed. */
#include "server_internal.h"

#include "pgr_buf.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 5432 }; /* names the socket; the folder around it is what makes it ours */

struct pgr_server {
  pgr__account account;
  pgr__place place;        /* holds data, server.log, and the socket's folder where its path is short enough */
  pgr__place socket_place; /* holds the socket's folder otherwise */
  char bindir[PATH_MAX];
  char socket_dir[PATH_MAX];
  char version[PGR__VERSION_BYTES];
  pid_t pid; /* 0: not started, or reaped */
  bool in_memory;
};

/* A socket's path is short by law, and a comma or quote in it would have to be quoted twice in the settings. */
static bool fits_socket(const char *path) {
  static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+-";
  struct sockaddr_un address;
  return strlen(path) + sizeof "/s/.s.PGSQL.65535" <= sizeof address.sun_path && !path[strspn(path, plain)];
}

static pgr_code make_socket_dir(pgr_server *s, pgr_err *err) {
  const char *parent = s->place.path;
  if (!fits_socket(parent)) {
    pgr_code code = pgr__place_create("/tmp", &s->account, &s->socket_place, err);
    if (code) return code;
    parent = s->socket_place.path;
  }
  if (!pgr__join(s->socket_dir, parent, "s") || mkdir(s->socket_dir, 0700) ||
      (s->account.drop && lchown(s->socket_dir, s->account.uid, s->account.gid)))
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot create %s/s: %s", parent, strerror(errno));
  return PGR_OK;
}

/* Room for WAL between two checkpoints: much, so that none falls into a measurement, but a fraction of what is there.
 */
static long long wal_mib(const char *path) {
  struct statfs fs;
  if (statfs(path, &fs)) return 1024;
  long long quarter = (long long)fs.f_bavail * (long long)fs.f_bsize / 4 >> 20;
  return quarter < 64 ? 64 : quarter > 4096 ? 4096 : quarter;
}

static pgr_code write_settings(const pgr_server *s, const pgr_server_options *o, pgr_err *err) {
  enum { RESERVE = 8, RESERVE_SUPERUSER = 3 };
  char path[PATH_MAX];
  pgr_buf b;
  pgr_buf_init(&b, 65536);
  pgr_buf_addf(&b,
               "\n# pgrace\ncluster_name = 'pgrace'\nlisten_addresses = ''\nport = %d\n"
               "unix_socket_directories = '%s'\nunix_socket_permissions = 0700\n"
               "max_connections = %d\nsuperuser_reserved_connections = %d\n",
               PORT, s->socket_dir, o->max_connections + RESERVE, RESERVE_SUPERUSER);
  /* mmap: segments are files in the data folder, so nothing of them outlives it. huge_pages: the few that a machine
   * has are for its real server. No replication here: no launcher for it, no senders, the least WAL. */
  pgr_buf_adds(&b, "dynamic_shared_memory_type = mmap\nhuge_pages = off\njit = off\n"
                   "wal_level = minimal\nmax_wal_senders = 0\nmax_logical_replication_workers = 0\n");
  /* Each DROP TABLE looks at every buffer: specs make and drop theirs all the time (2 to 6 % of it, measured). */
  pgr_buf_addf(&b, "shared_buffers = %dMB\n", o->still ? 16 : 128);
  pgr_buf_addf(&b, "max_wal_size = %lldMB\ncheckpoint_timeout = 1h\n", wal_mib(s->place.path));
  const char *safe = o->durable ? "on" : "off";
  /* synchronous_commit stays on: without it every commit signals the WAL writer, which costs more than a write to
   * memory (a quarter of all statements a second, measured). */
  pgr_buf_addf(&b, "fsync = %s\nfull_page_writes = %s\nwal_init_zero = %s\nupdate_process_title = off\n", safe, safe,
               safe);
  /* Errors are what a run provokes on purpose, and its history has them: the log is for what ends a server. */
  pgr_buf_adds(&b, "logging_collector = off\nlog_destination = 'stderr'\nlog_line_prefix = '%m [%p] '\n"
                   "log_min_messages = log\nlog_min_error_statement = panic\nlog_checkpoints = off\n"
                   "log_autovacuum_min_duration = -1\n");
  if (o->still) pgr_buf_addf(&b, "autovacuum = off\nmax_prepared_transactions = %d\n", o->max_connections);
  bool ok = !b.failed && pgr__join(path, s->place.path, "data/postgresql.conf");
  int fd = ok ? open(path, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC) : -1;
  ok = fd >= 0 && write(fd, b.data, b.len) == (ssize_t)b.len;
  int saved = errno;
  if (fd >= 0) close(fd);
  pgr_buf_deinit(&b);
  return ok ? PGR_OK : pgr_fail(err, PGR_EENVIRONMENT, "cannot write the server's settings: %s", strerror(saved));
}

static pgr_code fail_start(pgr_server *s, const char *what, pgr_err *err) {
  char why[384];
  pgr__log_complaint(s->place.path, true, why, sizeof why);
  return pgr_fail(err, PGR_EENVIRONMENT, "PostgreSQL %s from %.128s %s: %s", s->version, s->bindir, what,
                  *why ? why : "it did not say why");
}

static pgr_code wait_ready(pgr_server *s, pgr_err *err) {
  enum { START_SECONDS = 60 };
  int64_t deadline = pgr_now_ns() + START_SECONDS * PGR_NS_PER_S;
  for (;;) {
    if (!pgr_server_alive(s)) return fail_start(s, "did not start", err);
    pgr__postmaster p = pgr__postmaster_read(s->place.path);
    if (p.ready && p.pid == s->pid) return PGR_OK;
    if (pgr_interrupt_pending()) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    if (pgr_now_ns() > deadline) return fail_start(s, "did not take connections within a minute", err);
    pgr_sleep_until(pgr_now_ns() + PGR_NS_PER_MS);
  }
}

static pgr_code start_process(pgr_server *s, int log_fd, pgr_err *err) {
  char program[PATH_MAX], data[PATH_MAX];
  if (!pgr__join(program, s->bindir, "postgres") || !pgr__join(data, s->place.path, "data"))
    return pgr_fail(err, PGR_EENVIRONMENT, "%.200s… is too long", s->bindir);
  const char *const argv[] = {program, "-D", data, NULL};
  pgr__command command = {
      .argv = argv, .account = &s->account, .death_signal = SIGQUIT, .out_fd = log_fd, .batch = true};
  pid_t pid;
  pgr_code code = pgr__spawn(&command, &pid, err);
  if (!code) s->pid = pid;
  return code;
}

/* The log is opened by us, not by the server, so that it tells even why the server could not be executed. */
static int open_log(const pgr_server *s) {
  char path[PATH_MAX];
  return pgr__join(path, s->place.path, "server.log")
             ? open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600)
             : -1;
}

static pgr_code start(pgr_server *s, const pgr_server_options *o, pgr_err *err) {
  char root[PATH_MAX];
  pgr_code code = pgr__account_choose(&s->account, err);
  if (!code) code = pgr_server_find(s->bindir, sizeof s->bindir, err);
  if (!code) code = pgr__root_choose(&s->account, o->durable, root, err);
  if (code) return code;
  pgr__sweep_roots(&s->account);
  if (pgr_interrupt_pending()) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  code = pgr__place_create(root, &s->account, &s->place, err);
  if (code) return code;
  s->in_memory = pgr__on_tmpfs(s->place.path);
  int log_fd = open_log(s);
  if (log_fd < 0)
    return pgr_fail(err, PGR_EENVIRONMENT, "cannot create %s/server.log: %s", s->place.path, strerror(errno));
  code = pgr__cluster_create(s->bindir, &s->place, &s->account, o->durable, log_fd, s->version, err);
  if (!code) code = make_socket_dir(s, err);
  if (!code) code = write_settings(s, o, err);
  if (!code) code = start_process(s, log_fd, err);
  close(log_fd);
  return code ? code : wait_ready(s, err);
}

pgr_code pgr_server_start(const pgr_server_options *options, pgr_server **out, pgr_err *err) {
  pgr_server *s = pgr_calloc(1, sizeof *s);
  if (!s) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  s->place.lock_fd = s->socket_place.lock_fd = -1;
  pgr_code code = start(s, options, err);
  if (code) {
    pgr_server_stop(s);
    return code;
  }
  *out = s;
  return PGR_OK;
}

const char *pgr_server_socket_dir(const pgr_server *s) {
  return s->socket_dir;
}

int pgr_server_port(const pgr_server *s) {
  (void)s;
  return PORT;
}

const char *pgr_server_user(const pgr_server *s) {
  (void)s;
  return "postgres";
}

const char *pgr_server_version(const pgr_server *s) {
  return s->version;
}

int pgr_server_pid(const pgr_server *s) {
  return (int)s->pid;
}

bool pgr_server_in_memory(const pgr_server *s) {
  return s->in_memory;
}

bool pgr_server_alive(pgr_server *s) {
  if (s->pid && pgr__wait_child(s->pid, 0, NULL)) s->pid = 0;
  return s->pid != 0;
}

/* How much a line says about a failure; 0: nothing. initdb and the dynamic linker write "error" in lower case. A panic
 * is followed by less telling lines about the signal that it ended in. */
static int weight(const char *line) {
  const char *const complaints[] = {"FATAL:  ", "ERROR:  ", "error: ", " was terminated by signal "};
  if (strstr(line, "PANIC:  ")) return 3;
  for (size_t i = 0; i < sizeof complaints / sizeof *complaints; i++)
    if (strstr(line, complaints[i])) return 2;
  return *line ? 1 : 0;
}

/* Without "2026-01-31 12:00:00.000 UTC [4711] " in front. */
static const char *without_prefix(const char *line) {
  const char *end = strstr(line, "] ");
  return end && line[0] >= '0' && line[0] <= '9' ? end + 2 : line;
}

void pgr__log_complaint(const char *place, bool any_line, char *out, size_t out_bytes) {
  enum { TAIL_BYTES = 16384 };
  char path[PATH_MAX], text[TAIL_BYTES + 1];
  int best = any_line ? 1 : 2,
      fd = pgr__join(path, place, "server.log") ? open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW) : -1;
  out[0] = '\0';
  if (fd < 0) return;
  off_t end = lseek(fd, 0, SEEK_END);
  ssize_t n = pread(fd, text, TAIL_BYTES, end > TAIL_BYTES ? end - TAIL_BYTES : 0);
  close(fd);
  text[n > 0 ? n : 0] = '\0';
  char *rest = text;
  for (char *line; (line = strsep(&rest, "\n"));) {
    int w = weight(line);
    if (w < best) continue;
    best = w;
    snprintf(out, out_bytes, "%s", without_prefix(line));
  }
}

void pgr_server_last_complaint(const pgr_server *s, char *out, size_t out_bytes) {
  pgr__log_complaint(s->place.path, false, out, out_bytes);
}

void pgr_server_stop(pgr_server *s) {
  if (!s) return;
  if (pgr_server_alive(s)) pgr__end_child(s->pid, SIGQUIT);
  if (s->place.path[0]) pgr__end_inside(s->place.path);
  pgr__place_destroy(&s->socket_place);
  pgr__place_destroy(&s->place);
  pgr_free(s);
}
