/* What the tests of the throw-away server share: a home of their own for cache and temporary folder, servers, and a
 * question asked over the bare protocol. /dev/shm is shared with whatever else runs, so only folders of servers started
 * here are looked at. */
#ifndef PGR_SERVER_TEST_H
#define PGR_SERVER_TEST_H

#include "pgr_test.h"

#include "pgr_clock.h"
#include "pgr_server.h"
#include "server_internal.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char home[PATH_MAX], own_base[PATH_MAX], bindir[PATH_MAX];
static const pgr_server_options fast = {.max_connections = 10}, durable = {.max_connections = 10, .durable = true};

static inline bool exists(const char *path) {
  struct stat st;
  return lstat(path, &st) == 0;
}

static inline void in_home(char out[PATH_MAX], const char *name) {
  assert_true(pgr__join(out, home, name));
}

static inline void write_program(const char *path, const char *text) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
  close(fd);
}

static inline pgr_server *must_start(const pgr_server_options *o) {
  pgr_err err = {0};
  pgr_server *s = NULL;
  if (pgr_server_start(o, &s, &err)) fail_msg("%s", err.msg);
  return s;
}

static inline void must_fail(const pgr_server_options *o, pgr_code code, pgr_err *err) {
  pgr_server *s = NULL;
  *err = (pgr_err){0};
  assert_int_equal(pgr_server_start(o, &s, err), code);
  assert_null(s);
}

static inline bool receive(int fd, void *data, size_t bytes) {
  for (char *p = data; bytes > 0;) {
    ssize_t n = read(fd, p, bytes);
    if (n <= 0) return false;
    p += n;
    bytes -= (size_t)n;
  }
  return true;
}

/* The one value of a query's one row, over the protocol itself: these modules do not know libpq. "?" on failure. */
static inline const char *ask(const pgr_server *s, const char *sql, char out[256]) {
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  char packet[512], body[4096];
  static const char startup[] = "\0\3\0\0user\0postgres\0database\0postgres\0";
  snprintf(address.sun_path, sizeof address.sun_path, "%s/.s.PGSQL.%d", pgr_server_socket_dir(s), pgr_server_port(s));
  strcpy(out, "?");
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  struct timeval patience = {.tv_sec = 10};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  uint32_t len = htonl((uint32_t)sizeof startup + 4);
  memcpy(packet, &len, 4);
  memcpy(packet + 4, startup, sizeof startup);
  bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0 &&
            write(fd, packet, sizeof startup + 4) == (ssize_t)sizeof startup + 4;
  for (int ready = 0; ok && ready < 2;) {
    char type;
    ok = receive(fd, &type, 1) && receive(fd, &len, 4) && (len = ntohl(len) - 4) < sizeof body &&
         receive(fd, body, len) && type != 'E';
    if (ok && type == 'D') {
      uint32_t width;
      memcpy(&width, body + 2, 4);
      snprintf(out, 256, "%.*s", (int)ntohl(width), body + 6);
    }
    if (ok && type == 'Z' && ready++ == 0) {
      packet[0] = 'Q';
      len = htonl((uint32_t)strlen(sql) + 5);
      memcpy(packet + 1, &len, 4);
      memcpy(packet + 5, sql, strlen(sql) + 1);
      ok = write(fd, packet, strlen(sql) + 6) == (ssize_t)strlen(sql) + 6;
    }
  }
  close(fd);
  return out;
}

#define assert_answer(s, sql, expected)                                                                                \
  do {                                                                                                                 \
    char answer_[256];                                                                                                 \
    assert_string_equal(ask(s, sql, answer_), expected);                                                               \
  } while (0)

#define SKIP_BECAUSE(why)                                                                                              \
  do {                                                                                                                 \
    print_message("skipped: %s\n", why);                                                                               \
    skip();                                                                                                            \
  } while (0)

static inline int set_up(void **state) {
  (void)state;
  const char *const parents[] = {getenv("TMPDIR"), "/tmp", "/var/tmp"};
  char name[64];
  for (size_t i = 0; i < sizeof parents / sizeof *parents; i++) {
    char template[PATH_MAX];
    if (!parents[i] || !pgr__join(template, parents[i], "pgrace-test-XXXXXX")) continue;
    if (pgr__on_tmpfs(parents[i]) && i + 1 < sizeof parents / sizeof *parents) continue;
    if (!mkdtemp(template) || !realpath(template, home)) continue;
    chmod(home, 0755); /* the server may be another user's */
    setenv("TMPDIR", home, 1);
    setenv("XDG_CACHE_HOME", home, 1);
    unsetenv("PGRACE_PG_BINDIR");
    snprintf(name, sizeof name, "pgrace-%u", (unsigned)geteuid());
    in_home(own_base, name);
    return pgr_server_find(bindir, sizeof bindir, NULL) == PGR_OK ? 0 : -1;
  }
  return -1;
}

static inline int tear_down(void **state) {
  (void)state;
  char *name = strrchr(home, '/');
  *name = '\0';
  int fd = open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  bool removed = fd >= 0 && pgr__remove_tree(fd, name + 1);
  close(fd);
  return removed ? 0 : -1;
}

#endif
