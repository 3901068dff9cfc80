/* What one client sends to a server: any bytes. Whatever they are, the server goes on, nobody watches or waits any more
 * once the client has gone, nothing it sent is said back, and a call is served for a session's token alone.
 *
 * What an input cannot know stands in it as one byte each, and so does what happens in between: see `act`. */
#include "http_internal.h"
#include "pgr_mem.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HOST = 1, COOKIE, CALL_TOKEN, LINK, TURN, PUBLISH, ANSWER };
enum { TURNS = 8, TURNS_MAX = 1000, WAITING_MAX = 64, ROOM = 1 << 20, INPUT_BYTES = 1 << 16 };

static const char marker[] = "zQ7zQ7"; /* what is never to be said back */

typedef struct server {
  pgr_loop *loop;
  pgr_http *http;
  char host[32], cookie[128], call_token[64];
  pgr_http_call *waiting[WAITING_MAX];
  int waiting_count;
  bool knows_token; /* the input had the call token */
} server;

static server the_server;
static char heard[ROOM + 1];
static size_t heard_bytes;

static void snapshot(void *user, const char *token, pgr_buf *out) {
  server *s = user;
  snprintf(s->call_token, sizeof s->call_token, "%s", token);
  pgr_buf_addf(out, "{\"token\":\"%s\"}", token);
}

static void answer(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  server *s = user;
  assert(len_bytes <= PGR_HTTP_BODY_BYTES_MAX && body[len_bytes] == '\0');
  assert(s->knows_token || !call->route->post);
  pgr_http_answer(call, 200, "text/plain", "served", 6, NULL);
}

static void wait_with_it(void *user, pgr_http_call *call, const char *body, size_t len_bytes) {
  server *s = user;
  if (s->waiting_count == WAITING_MAX)
    answer(user, call, body, len_bytes);
  else
    s->waiting[s->waiting_count++] = call;
}

static void answer_all(server *s) {
  while (s->waiting_count)
    pgr_http_answer(s->waiting[--s->waiting_count], 200, "text/plain", "late", 4, "late.txt");
}

static void hear(int fd) {
  for (ssize_t n; (n = recv(fd, heard + heard_bytes, ROOM - heard_bytes, 0)) > 0;)
    heard_bytes = heard_bytes + (size_t)n < ROOM ? heard_bytes + (size_t)n : 0;
  heard[heard_bytes] = '\0';
}

static void turn(server *s, int fd) {
  for (int i = 0; i < TURNS; i++) {
    pgr_loop_turn(s->loop, false);
    if (fd >= 0) hear(fd);
  }
}

static int come(server *s) {
  int fds[2];
  int rc = socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds);
  assert(rc == 0);
  (void)rc;
  heard_bytes = 0;
  heard[0] = '\0';
  pgr_http_adopt(s->http, fds[1]);
  return fds[0];
}

/* Until the server takes no more. */
static void say(server *s, int fd, const char *bytes, size_t len) {
  bool turned = false;
  while (len > 0) {
    ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
    if (n > 0) {
      bytes += n;
      len -= (size_t)n;
    } else if (turned) {
      return;
    } else {
      turn(s, fd);
    }
    turned = n <= 0;
  }
}

/* Until the server has closed its end. */
static void leave(server *s, int fd) {
  close(fd);
  const union MHD_DaemonInfo *info;
  int turns = 0;
  do {
    answer_all(s);
    turn(s, -1);
    info = MHD_get_daemon_info(s->http->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
  } while (info->num_connections && ++turns < TURNS_MAX);
  assert(info->num_connections == 0 && pgr_http_viewers(s->http) == 0 && !s->http->waiting);
}

static int get(server *s, const char *path, int *status) {
  char text[512];
  int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: %s\r\nCookie: %s\r\n\r\n", path, s->host, s->cookie);
  int fd = come(s), minor;
  say(s, fd, text, (size_t)n);
  turn(s, fd);
  int read = sscanf(heard, "HTTP/1.%d %d", &minor, status);
  assert(read == 2);
  (void)read;
  return fd;
}

static const char *new_link(server *s) {
  return pgr__door_new_link(&s->http->door);
}

static void start(server *s) {
  static const pgr_http_file files[] = {{"/", "text/html", "<p>", 3}};
  static const pgr_http_route routes[] = {{"/now", true, answer},
                                          {"/later", true, wait_with_it},
                                          {"/read", false, answer},
                                          {"/read-later", false, wait_with_it}};
  pgr_http_options options = {.address = "127.0.0.1",
                              .files = files,
                              .file_count = 1,
                              .routes = routes,
                              .route_count = 4,
                              .snapshot = snapshot,
                              .stream_path = "/events",
                              .user = s};
  pgr_code code = pgr_loop_create(&s->loop, NULL);
  assert(code == PGR_OK);
  options.loop = s->loop;
  code = pgr_http_open(&options, &s->http, NULL);
  assert(code == PGR_OK);
  (void)code;
  snprintf(s->host, sizeof s->host, "127.0.0.1:%u", pgr_http_port(s->http));
  char path[64];
  int status;
  snprintf(path, sizeof path, "/?token=%s", new_link(s));
  int fd = get(s, path, &status);
  assert(status == 303);
  const char *cookie = strstr(heard, "Set-Cookie: ") + strlen("Set-Cookie: ");
  snprintf(s->cookie, sizeof s->cookie, "%.*s", (int)strcspn(cookie, ";"), cookie);
  leave(s, fd);
  leave(s, get(s, "/events", &status));
  assert(status == 200 && s->call_token[0]);
}

/* false: it is no such byte. */
static bool act(server *s, int fd, uint8_t byte) {
  const char *text = NULL;
  switch (byte) {
  case HOST: text = s->host; break;
  case COOKIE: text = s->cookie; break;
  case CALL_TOKEN:
    text = s->call_token;
    s->knows_token = true;
    break;
  case LINK: text = new_link(s); break;
  case TURN: turn(s, fd); break;
  case PUBLISH:
    pgr_http_publish(s->http, "moment", "{}", 2);
    pgr_http_flush(s->http);
    break;
  case ANSWER: answer_all(s); break;
  default: return false;
  }
  if (text) say(s, fd, text, strlen(text));
  return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  server *s = &the_server;
  if (!s->loop) start(s);
  if (size > INPUT_BYTES) return 0;
  s->http->door.calls = 0;
  s->knows_token = false;
  int fd = come(s);
  for (size_t i = 0, from = 0; i <= size; i++) {
    if (i < size && data[i] > ANSWER) continue;
    say(s, fd, (const char *)data + from, i - from);
    from = i + (i < size && act(s, fd, data[i]));
  }
  turn(s, fd);
  answer_all(s);
  turn(s, fd);
  assert(!strstr(heard, marker));
  leave(s, fd);
  int status;
  fd = get(s, "/", &status);
  assert(status == 200);
  leave(s, fd);
  return 0;
}
