#ifndef PGR_LOOP_INTERNAL_H
#define PGR_LOOP_INTERNAL_H

#include "pgr_loop.h"

/* A binary heap of deadlines behind one timerfd. */
typedef struct pgr__timers {
  pgr_timer **heap;
  size_t count, cap;
  int fd;
  uv_poll_t poll;
  int64_t armed_ns; /* what the timerfd is set to; 0: disarmed */
} pgr__timers;

pgr_code pgr__timers_init(pgr__timers *t, uv_loop_t *uv, pgr_err *err) PGR_MUST_CHECK;
void pgr__timers_close(pgr__timers *t);  /* on the loop; then run it until the handle is closed */
void pgr__timers_deinit(pgr__timers *t); /* after that */

struct pgr_loop {
  uv_loop_t uv;
  uv_async_t wake;
  uv_mutex_t lock; /* guards the next three */
  pgr_message *head, **tail;
  int finished;
  pgr__timers timers;
  uv_thread_t thread;
  char name[16];
  int started;
};

#endif
