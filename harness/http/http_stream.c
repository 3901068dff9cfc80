/* The stream of events: what was published last is kept, once for all; a viewer is a place in it. It holds the event
 * that it is in the midst of, so that an event may be dropped while a slow one still reads it.
 *
 * The invariant most easily broken: a viewer is idle exactly while its connection is suspended, and only one that is
 * idle is resumed. What is resumed goes on when libmicrohttpd runs next, never here. */
#include "http_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <assert.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { BLOCK_BYTES = 4096 }; /* for clients that know no chunks */
#define BEAT_NS (10 * PGR_NS_PER_S)

/* ---- events ---- */

static pgr__event *make_event(const char *head, const char *data, size_t len_bytes) {
  size_t head_bytes = strlen(head);
  pgr__event *e = pgr_calloc(1, sizeof *e + head_bytes + len_bytes + 2);
  if (!e) return NULL;
  e->holders = 1;
  memcpy(e->text, head, head_bytes);
  memcpy(e->text + head_bytes, data, len_bytes);
  memcpy(e->text + head_bytes + len_bytes, "\n\n", 2);
  e->len_bytes = head_bytes + len_bytes + 2;
  return e;
}

/* name: one of ours, short. */
static pgr__event *make_numbered(const pgr__stream *s, uint64_t number, const char *name, const char *data,
                                 size_t len_bytes) {
  char head[128];
  int length = snprintf(head, sizeof head, "id: %s-%" PRIu64 "\nevent: %s\ndata: ", s->run, number, name);
  assert(length < (int)sizeof head && !memchr(data, '\n', len_bytes) && !memchr(data, '\r', len_bytes));
  (void)length;
  return make_event(head, data, len_bytes);
}

static pgr__event *hold(pgr__event *e) {
  e->holders++;
  return e;
}

static void release(pgr__event *e) {
  if (e && --e->holders == 0) pgr_free(e);
}

static pgr__event **slot_of(const pgr__stream *s, uint64_t number) {
  return &s->kept[number % PGR_HTTP_EVENTS_KEPT];
}

static void drop_first(pgr__stream *s) {
  pgr__event **slot = slot_of(s, s->first++);
  s->kept_bytes -= (*slot)->len_bytes;
  release(*slot);
  *slot = NULL;
}

static void drop_all(pgr__stream *s) {
  while (s->first <= s->last)
    drop_first(s);
}

pgr_code pgr__stream_init(pgr__stream *s, pgr_err *err) {
  *s = (pgr__stream){.first = 1};
  if (!pgr__door_random(s->run, sizeof s->run - 1))
    return pgr_fail(err, PGR_EENVIRONMENT, "the system gives no random bytes");
  s->kept = pgr_calloc(PGR_HTTP_EVENTS_KEPT, sizeof(pgr__event *));
  s->greeting = make_event("retry: 1000", "", 0);
  s->beat = make_event(":", "", 0);
  if (s->kept && s->greeting && s->beat) return PGR_OK;
  pgr__stream_deinit(s);
  return pgr_fail(err, PGR_ENOMEM, "out of memory");
}

void pgr__stream_deinit(pgr__stream *s) {
  assert(!s->viewers);
  if (s->kept) drop_all(s);
  pgr_free(s->kept);
  release(s->greeting);
  release(s->beat);
  s->kept = NULL;
  s->greeting = s->beat = NULL;
}

void pgr_http_publish(pgr_http *h, const char *name, const char *data, size_t len_bytes) {
  pgr__stream *s = &h->stream;
  pgr__event *e = make_numbered(s, s->last + 1, name, data, len_bytes);
  if (!e || e->len_bytes > PGR_HTTP_EVENTS_BYTES_KEPT) {
    /* Its number is used up, so that whoever had not seen it is told the state. */
    release(e);
    drop_all(s);
    s->first = ++s->last + 1;
    return;
  }
  while (s->first <= s->last &&
         (s->last - s->first + 1 == PGR_HTTP_EVENTS_KEPT || s->kept_bytes + e->len_bytes > PGR_HTTP_EVENTS_BYTES_KEPT))
    drop_first(s);
  s->kept_bytes += e->len_bytes;
  *slot_of(s, ++s->last) = e;
}

/* ---- viewers ---- */

static void resume(pgr__viewer *v) {
  v->idle = false;
  pgr__http_resume(v->http, v->connection);
}

void pgr_http_flush(pgr_http *h) {
  for (pgr__viewer *v = h->stream.viewers; v; v = v->next)
    if (v->idle && v->at <= h->stream.last) resume(v);
}

void pgr__stream_beat(pgr_http *h) {
  for (pgr__viewer *v = h->stream.viewers; v; v = v->next) {
    if (!v->idle) continue;
    v->current = hold(h->stream.beat);
    resume(v);
  }
}

void pgr__stream_wake(pgr_http *h) {
  for (pgr__viewer *v = h->stream.viewers; v; v = v->next)
    if (v->idle) resume(v);
}

int pgr_http_viewers(const pgr_http *h) {
  return h->stream.viewer_count;
}

static void on_beat(pgr_timer *t) {
  pgr_http *h = (pgr_http *)((char *)t - offsetof(pgr_http, stream.beats));
  pgr__stream_beat(h);
  /* Without memory the next viewer sets it again. */
  pgr_code ignored = h->stream.viewers ? pgr_timer_start(h->options.loop, t, pgr_now_ns() + BEAT_NS) : PGR_OK;
  (void)ignored;
}

static pgr__event *make_state(pgr__viewer *v) {
  const pgr_http *h = v->http;
  pgr_buf data;
  pgr_buf_init(&data, 0);
  h->options.snapshot(h->options.user, v->session->call_token, &data);
  pgr__event *e =
      data.failed ? NULL : make_numbered(&h->stream, h->stream.last, "state", pgr_buf_text(&data), data.len);
  pgr_buf_deinit(&data);
  return e;
}

/* false: there is nothing for v, or it is over. */
static bool take_next(pgr__viewer *v) {
  const pgr__stream *s = &v->http->stream;
  if (v->gone) return false;
  if (v->at < s->first) {
    v->current = make_state(v);
    v->at = s->last + 1;
    v->gone = !v->current; /* it comes back by itself */
  } else if (v->at <= s->last) {
    v->current = hold(*slot_of(s, v->at++));
  }
  return v->current;
}

static ssize_t read_events(void *user, uint64_t position, char *out, size_t max_bytes) {
  (void)position;
  pgr__viewer *v = user;
  size_t done = 0;
  while (done < max_bytes && (v->current || take_next(v))) {
    size_t left = v->current->len_bytes - v->sent_bytes;
    size_t part = left < max_bytes - done ? left : max_bytes - done;
    memcpy(out + done, v->current->text + v->sent_bytes, part);
    done += part;
    v->sent_bytes += part;
    if (v->sent_bytes < v->current->len_bytes) continue;
    release(v->current);
    v->current = NULL;
    v->sent_bytes = 0;
  }
  if (done > 0) return (ssize_t)done;
  if (v->gone) return MHD_CONTENT_READER_END_WITH_ERROR;
  v->idle = true;
  MHD_suspend_connection(v->connection);
  return 0;
}

/* A client that says no more has left; what it still says nobody listens to before its stream has ended. */
static void on_heard(pgr_watch *w, unsigned events) {
  (void)events;
  pgr__viewer *v = (pgr__viewer *)w;
  struct pollfd hanging_up = {.fd = w->fd, .events = POLLRDHUP};
  if (poll(&hanging_up, 1, 0) <= 0) return;
  pgr_watch_end(v->http->options.loop, w);
  v->gone = true;
  shutdown(w->fd, SHUT_RDWR); /* so that libmicrohttpd notices while it waits for room to write */
  if (v->idle) resume(v);
}

static void end_viewer(void *user) {
  pgr__viewer *v = user;
  pgr__stream *s = &v->http->stream;
  pgr_watch_end(v->http->options.loop, &v->watch);
  release(v->current);
  if (v->previous)
    v->previous->next = v->next;
  else
    s->viewers = v->next;
  if (v->next) v->next->previous = v->previous;
  v->session->streams--;
  s->viewer_count--;
  pgr_free(v);
}

/* The number of the event after the one with that id; 0: what follows it is not known. */
static uint64_t number_after(const pgr__stream *s, const char *id) {
  size_t run = sizeof s->run - 1;
  if (!id || strncmp(id, s->run, run) != 0 || id[run] != '-') return 0;
  const char *digits = id + run + 1;
  size_t length = strspn(digits, "0123456789");
  if (length == 0 || length > 18 || digits[length]) return 0;
  uint64_t number = strtoull(digits, NULL, 10);
  return number <= s->last ? number + 1 : 0;
}

static pgr__viewer *begin_viewer(pgr_http *h, struct MHD_Connection *connection, pgr__session *session,
                                 const char *last_event_id) {
  pgr__stream *s = &h->stream;
  pgr__viewer *v = pgr_calloc(1, sizeof *v);
  if (!v) return NULL;
  *v = (pgr__viewer){.watch.ready = on_heard, .http = h, .connection = connection, .session = session};
  v->current = hold(s->greeting);
  v->at = number_after(s, last_event_id);
  v->next = s->viewers;
  if (v->next) v->next->previous = v;
  s->viewers = v;
  s->viewer_count++;
  session->streams++;
  return v;
}

struct MHD_Response *pgr__stream_response(pgr_http *h, struct MHD_Connection *connection, pgr__session *session,
                                          const char *last_event_id) {
  pgr__viewer *v = begin_viewer(h, connection, session, last_event_id);
  if (!v) return NULL;
  struct MHD_Response *r = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_BYTES, read_events, v, end_viewer);
  if (!r) {
    end_viewer(v);
    return NULL;
  }
  /* Where it cannot be watched, or the timer not be set, a sign of life finds it gone, or the next event. */
  int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
  pgr_code ignored = pgr_watch_set(h->options.loop, &v->watch, fd, PGR_READABLE | PGR_EDGE);
  if (!h->stream.beats.slot) {
    h->stream.beats.fire = on_beat;
    ignored = pgr_timer_start(h->options.loop, &h->stream.beats, pgr_now_ns() + BEAT_NS);
  }
  (void)ignored;
  return pgr__http_dress(r, "text/event-stream");
}
