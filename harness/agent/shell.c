/* \shell and \setshell, allowed by --allow-shell only. The command is a child of its own loop, and leads a session of
 * its own: what it starts can be ended with it, and Ctrl-C reaches it through us.
 *
 * The invariant most easily broken: the record outlives its agent's interest in it (`agent` is NULL then), for libuv
 * still has to close two handles, and frees itself after the second. The command is over when the shell has ended, not
 * when its output has: what it left in the background may hold that open for long. */
#include "agent_internal.h"

#include "pgr_mem.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OUTPUT_BYTES = 1024 };

struct pgr__shell {
  uv_process_t process;
  uv_pipe_t out;
  pgr_agent *agent; /* NULL: nobody waits any more */
  void (*done)(pgr_agent *a, const pgr__shell_end *end);
  char output[OUTPUT_BYTES], sink[512]; /* the first of its output, the rest */
  size_t len;
  bool running;
  int open; /* handles */
};

static void on_closed(uv_handle_t *handle) {
  pgr__shell *s = handle->data;
  if (--s->open == 0) pgr_free(s);
}

static void close_handles(pgr__shell *s) {
  s->open = 2;
  uv_close((uv_handle_t *)&s->process, on_closed);
  uv_close((uv_handle_t *)&s->out, on_closed);
}

static uv_buf_t room(pgr__shell *s) {
  size_t left = sizeof s->output - 1 - s->len;
  return left ? uv_buf_init(s->output + s->len, (unsigned)left) : uv_buf_init(s->sink, sizeof s->sink);
}

static void took(pgr__shell *s, const char *base, size_t n) {
  if (base != s->sink) s->len += n;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  *buf = room(handle->data);
}

static void on_output(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  pgr__shell *s = stream->data;
  if (n > 0) took(s, buf->base, (size_t)n);
  if (n < 0) uv_read_stop(stream);
}

/* What it wrote before it ended and the loop has not got to yet. The pipe does not block. */
static void drain(pgr__shell *s) {
  uv_os_fd_t fd;
  if (uv_fileno((uv_handle_t *)&s->out, &fd)) return;
  while (s->len < sizeof s->output - 1) {
    uv_buf_t buf = room(s);
    ssize_t n = read(fd, buf.base, buf.len);
    if (n <= 0) return;
    took(s, buf.base, (size_t)n);
  }
}

static void on_exit_status(uv_process_t *process, int64_t status, int signal_number) {
  pgr__shell *s = process->data;
  pgr_agent *a = s->agent;
  char first[OUTPUT_BYTES];
  void (*done)(pgr_agent *, const pgr__shell_end *) = s->done;
  s->running = false;
  if (a) drain(s);
  memcpy(first, s->output, sizeof first);
  first[strcspn(first, "\n")] = '\0';
  close_handles(s);
  if (!a) return;
  a->shell = NULL;
  if (!a->shared->stopped) done(a, &(pgr__shell_end){status, signal_number, first});
}

/* \setshell reads what the command prints; \shell's goes where ours goes that is no report. */
static int spawn(pgr__shell *s, uv_loop_t *uv, char *text, bool read) {
  char shell[] = "/bin/sh", flag[] = "-c";
  char *args[] = {shell, flag, text, NULL};
  uv_stdio_container_t inherit = {.flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO}, out = inherit;
  if (read)
    out = (uv_stdio_container_t){.flags = (uv_stdio_flags)(UV_CREATE_PIPE | UV_WRITABLE_PIPE),
                                 .data.stream = (uv_stream_t *)&s->out};
  uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE}, out, inherit};
  uv_process_options_t options = {.file = shell,
                                  .args = args,
                                  .flags = UV_PROCESS_DETACHED, /* setsid */
                                  .stdio = stdio,
                                  .stdio_count = 3,
                                  .exit_cb = on_exit_status};
  return uv_spawn(uv, &s->process, &options);
}

const char *pgr__shell_run(pgr_agent *a, const char *command, bool read,
                           void (*done)(pgr_agent *a, const pgr__shell_end *end)) {
  pgr__shell *s = pgr_calloc(1, sizeof *s);
  char *text = pgr_strdup(command);
  if (!s || !text) {
    pgr_free(s);
    pgr_free(text);
    return "out of memory";
  }
  *s = (pgr__shell){.agent = a, .done = done};
  s->process.data = s->out.data = s;
  uv_loop_t *uv = pgr_loop_uv(a->shared->loop);
  uv_pipe_init(uv, &s->out, 0);
  int failed = spawn(s, uv, text, read);
  pgr_free(text);
  if (failed) {
    close_handles(s); /* that of the process too, though there is none */
    return uv_strerror(failed);
  }
  s->running = true;
  /* What cannot be read as it comes is read at the end. */
  if (read) (void)uv_read_start((uv_stream_t *)&s->out, on_room, on_output);
  a->shell = s;
  return NULL;
}

void pgr__shell_abandon(pgr_agent *a) {
  pgr__shell *s = a->shell;
  if (!s) return;
  a->shell = NULL;
  s->agent = NULL;
  if (s->running) uv_kill(-s->process.pid, SIGKILL); /* all of its session's first group */
}
