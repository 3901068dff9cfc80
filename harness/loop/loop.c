/* A loop, its thread and its mailbox. Descriptors are watched by an epoll of our own and not by libuv's: with a
 * thousand connections libuv's records of each are cache lines more to fetch for every answer.
 *
 * The invariant most easily broken: the eventfd is written while the mailbox is locked. The receiver takes the same
 * lock before it sees the message, so by the time it acts on one, even one that closes the loop, its sender is done
 * with the eventfd. */
#include "loop_internal.h"

#include "pgr_mem.h"
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

/* ---- what is watched ---- */

_Static_assert((int)PGR_READABLE == (int)EPOLLIN && (int)PGR_WRITABLE == (int)EPOLLOUT && PGR_EDGE == EPOLLET,
               "no need to translate");

static struct epoll_event wish(pgr_watch *w, unsigned events) {
  return (struct epoll_event){.events = events & PGR_EDGE ? events | EPOLLRDHUP : events, .data.ptr = w};
}

pgr_code pgr_watch_set(pgr_loop *l, pgr_watch *w, int fd, unsigned events) {
  assert(events);
  if (w->events && w->fd != fd) pgr_watch_end(l, w);
  struct epoll_event e = wish(w, events);
  /* A descriptor that was closed is not in the set any more, though its number is the same. */
  if ((!w->events || epoll_ctl(l->epoll, EPOLL_CTL_MOD, fd, &e)) && epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &e))
    return PGR_EENVIRONMENT;
  l->watched += !w->events;
  w->fd = fd;
  w->events = events;
  return PGR_OK;
}

void pgr_watch_end(pgr_loop *l, pgr_watch *w) {
  if (!w->events) return;
  epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
  w->events = 0;
  l->watched--;
  for (int i = l->at; i < l->count; i++)
    if (l->ready[i].data.ptr == w) l->ready[i].data.ptr = NULL;
}

/* What the other end said last and its hanging up are one edge: it is not to be the only one. */
static void repeat(const pgr_loop *l, pgr_watch *w) {
  struct epoll_event e = wish(w, w->events);
  epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void pgr_loop_turn(pgr_loop *l, bool wait) {
  if (l->guest_due) {
    l->guest_due = wait = false;
    uv_run(&l->uv, UV_RUN_NOWAIT);
  }
  l->count = epoll_wait(l->epoll, l->ready, PGR__READY_MAX, wait ? -1 : 0);
  for (l->at = 0; l->at < l->count;) {
    const struct epoll_event *e = &l->ready[l->at++];
    if (l->at < l->count) __builtin_prefetch(l->ready[l->at].data.ptr);
    pgr_watch *w = e->data.ptr;
    if (w && (w->events & PGR_EDGE) && (e->events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP))) repeat(l, w);
    if (w) w->ready(w, e->events & (EPOLLERR | EPOLLHUP) ? w->events : e->events & w->events);
  }
}

/* ---- */

static void on_guest(pgr_watch *w, unsigned events) {
  (void)events;
  pgr_loop *l = (pgr_loop *)((char *)w - offsetof(pgr_loop, guest));
  uv_run(&l->uv, UV_RUN_NOWAIT);
}

static void on_wake(pgr_watch *w, unsigned events) {
  (void)events;
  pgr_loop *l = (pgr_loop *)((char *)w - offsetof(pgr_loop, wake));
  uint64_t count;
  ssize_t ignored = read(w->fd, &count, sizeof count);
  (void)ignored;
  uv_mutex_lock(&l->lock);
  pgr_message *m = l->head;
  l->head = NULL;
  l->tail = &l->head;
  uv_mutex_unlock(&l->lock);
  while (m) {
    pgr_message *next = m->next; /* m may be posted again, or freed, by its delivery */
    m->deliver(m);
    m = next;
  }
}

static pgr_code cannot_create(pgr_err *err, const char *why) {
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an event loop: %s", why);
}

/* What was made is left to the caller, also on errors. */
static pgr_code set_up(pgr_loop *l, pgr_err *err) {
  l->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (l->epoll < 0) return cannot_create(err, strerror(errno));
  l->wake = (pgr_watch){.ready = on_wake, .fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  l->guest = (pgr_watch){.ready = on_guest};
  if (l->wake.fd < 0 || pgr_watch_set(l, &l->wake, l->wake.fd, PGR_READABLE) ||
      pgr_watch_set(l, &l->guest, uv_backend_fd(&l->uv), PGR_READABLE))
    return cannot_create(err, strerror(errno));
  l->watched--; /* the guest is */
  return pgr__timers_init(l, err);
}

static void tear_down(pgr_loop *l) {
  int rc = uv_loop_close(&l->uv);
  assert(rc == 0 && "a handle was left on the loop");
  (void)rc;
  if (l->wake.fd >= 0) close(l->wake.fd);
  if (l->epoll >= 0) close(l->epoll);
  pgr_free(l);
}

pgr_code pgr_loop_create(pgr_loop **out, pgr_err *err) {
  pgr_loop *l = pgr_calloc(1, sizeof *l);
  if (!l) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  l->wake.fd = -1;
  l->tail = &l->head;
  int rc = uv_loop_init(&l->uv);
  if (rc) {
    pgr_free(l);
    return cannot_create(err, uv_strerror(rc));
  }
  pgr_code code = set_up(l, err);
  if (code) {
    tear_down(l);
    return code;
  }
  uv_mutex_init(&l->lock);
  *out = l;
  return PGR_OK;
}

static void run_dry(pgr_loop *l) {
  while (l->watched > 0 || l->guest_due || uv_loop_alive(&l->uv))
    pgr_loop_turn(l, true);
}

static void run(void *arg) {
  pgr_loop *l = arg;
  pthread_setname_np(pthread_self(), l->name);
  /* The default slack of 50 µs would blur every gap and skew of that size. */
  prctl(PR_SET_TIMERSLACK, 1000UL, 0, 0, 0);
  run_dry(l);
}

pgr_code pgr_loop_start(pgr_loop *l, const char *name, pgr_err *err) {
  snprintf(l->name, sizeof l->name, "%s", name);
  int rc = uv_thread_create(&l->thread, run, l);
  if (rc) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a thread: %s; use fewer --threads", uv_strerror(rc));
  l->started = 1;
  return PGR_OK;
}

void pgr_loop_post(pgr_loop *l, pgr_message *m) {
  m->next = NULL;
  uv_mutex_lock(&l->lock);
  if (!l->finished) {
    bool first = !l->head;
    *l->tail = m;
    l->tail = &m->next;
    uint64_t one = 1;
    ssize_t ignored = first ? write(l->wake.fd, &one, sizeof one) : 0;
    (void)ignored;
  }
  uv_mutex_unlock(&l->lock);
}

void pgr_loop_finish(pgr_loop *l) {
  uv_mutex_lock(&l->lock);
  l->finished = 1;
  uv_mutex_unlock(&l->lock);
  pgr_watch_end(l, &l->wake);
  pgr_watch_end(l, &l->timers.watch);
}

void pgr_loop_join(pgr_loop *l) {
  if (l->started)
    uv_thread_join(&l->thread);
  else
    run_dry(l);
  l->started = 0;
}

void pgr_loop_destroy(pgr_loop *l) {
  if (!l) return;
  assert(l->watched == 0 && "something is still watched");
  pgr__timers_deinit(&l->timers);
  uv_mutex_destroy(&l->lock);
  tear_down(l);
}

uv_loop_t *pgr_loop_uv(pgr_loop *l) {
  l->guest_due = true;
  return &l->uv;
}
