/* Timers: libuv's count milliseconds, agents think in microseconds.
 * Invariant: heap[i]->slot == i + 1 for every running timer, and the timerfd is armed for the earliest. */
#include "loop_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

static void arm(pgr__timers *t) {
  int64_t due_ns = t->count ? t->heap[0]->due_ns : 0;
  if (t->count && due_ns < 1) due_ns = 1; /* zero would disarm */
  if (due_ns == t->armed_ns) return;
  t->armed_ns = due_ns;
  struct itimerspec spec = {.it_value = {.tv_sec = due_ns / PGR_NS_PER_S, .tv_nsec = due_ns % PGR_NS_PER_S}};
  timerfd_settime(t->watch.fd, TFD_TIMER_ABSTIME, &spec, NULL);
}

static void place(pgr__timers *t, size_t i, pgr_timer *timer) {
  t->heap[i] = timer;
  timer->slot = i + 1;
}

static void sift_up(pgr__timers *t, size_t i, pgr_timer *timer) {
  for (; i > 0 && timer->due_ns < t->heap[(i - 1) / 2]->due_ns; i = (i - 1) / 2)
    place(t, i, t->heap[(i - 1) / 2]);
  place(t, i, timer);
}

static void sift_down(pgr__timers *t, size_t i, pgr_timer *timer) {
  for (size_t child; (child = 2 * i + 1) < t->count; i = child) {
    if (child + 1 < t->count && t->heap[child + 1]->due_ns < t->heap[child]->due_ns) child++;
    if (timer->due_ns <= t->heap[child]->due_ns) break;
    place(t, i, t->heap[child]);
  }
  place(t, i, timer);
}

static void take_out(pgr__timers *t, pgr_timer *timer) {
  size_t i = timer->slot - 1;
  timer->slot = 0;
  pgr_timer *last = t->heap[--t->count];
  if (last == timer) return;
  if (i > 0 && last->due_ns < t->heap[(i - 1) / 2]->due_ns)
    sift_up(t, i, last);
  else
    sift_down(t, i, last);
}

static void on_due(pgr_watch *w, unsigned events) {
  (void)events;
  pgr__timers *t = (pgr__timers *)((char *)w - offsetof(pgr__timers, watch));
  uint64_t expirations;
  ssize_t ignored = read(w->fd, &expirations, sizeof expirations);
  (void)ignored;
  t->armed_ns = 0;
  int64_t now = pgr_now_ns();
  while (t->count && t->heap[0]->due_ns <= now) {
    pgr_timer *due = t->heap[0];
    take_out(t, due);
    due->fire(due);
  }
  arm(t);
}

pgr_code pgr__timers_init(pgr_loop *l, pgr_err *err) {
  int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
  if (fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create a timer: %s", strerror(errno));
  l->timers.watch.ready = on_due;
  if (pgr_watch_set(l, &l->timers.watch, fd, PGR_READABLE) == PGR_OK) return PGR_OK;
  close(fd);
  return pgr_fail(err, PGR_EENVIRONMENT, "cannot watch a timer: %s", strerror(errno));
}

void pgr__timers_deinit(pgr__timers *t) {
  close(t->watch.fd);
  pgr_free(t->heap);
}

pgr_code pgr_timer_start(pgr_loop *l, pgr_timer *timer, int64_t due_ns) {
  pgr__timers *t = &l->timers;
  if (t->count == t->cap) {
    size_t cap = t->cap ? t->cap * 2 : 64;
    pgr_timer **heap = pgr_realloc(t->heap, cap, sizeof *heap);
    if (!heap) return PGR_ENOMEM;
    t->heap = heap;
    t->cap = cap;
  }
  timer->due_ns = due_ns;
  t->count++;
  sift_up(t, t->count - 1, timer);
  arm(t);
  return PGR_OK;
}

void pgr_timer_cancel(pgr_loop *l, pgr_timer *timer) {
  if (!timer->slot) return;
  take_out(&l->timers, timer);
  arm(&l->timers);
}
