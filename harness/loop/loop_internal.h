#ifndef PGR_LOOP_INTERNAL_H
#define PGR_LOOP_INTERNAL_H

#include "pgr_loop.h"
#include <sys/epoll.h>

/* A binary heap of deadlines behind one timerfd. */
typedef struct pgr__timers {
  pgr_timer **heap;
  size_t count, cap;
  pgr_watch watch;
  int64_t armed_ns; /* what the timerfd is set to; 0: disarmed */
} pgr__timers;

pgr_code pgr__timers_init(pgr_loop *l, pgr_err *err) PGR_MUST_CHECK;
void pgr__timers_deinit(pgr__timers *t); /* not watched any more */

/* Few: what is not asked for is found ready the next time, and what was put last into a batch has waited for long. */
enum { PGR__READY_MAX = 64 };

struct pgr_loop {
  int epoll;
  int watched; /* what keeps the loop running: all watches but `guest` */
  struct epoll_event ready[PGR__READY_MAX];
  int at, count; /* those of `ready` from `at` on are still to be dealt with */
  uv_loop_t uv;
  pgr_watch guest; /* the libuv loop's own descriptor */
  bool guest_due;  /* it was asked for: something may have been attached that it has to look at first */
  pgr_watch wake;  /* an eventfd: there is mail */
  uv_mutex_t lock; /* guards the next three */
  pgr_message *head, **tail;
  int finished;
  pgr__timers timers;
  uv_thread_t thread;
  char name[16];
  int started;
};

#endif
