/* A thread that waits for file descriptors, a mailbox other threads post to, and timers in nanoseconds. What else has
 * to be waited for (child processes) is left to a libuv loop, its guest. Whatever is attached to the loop belongs to
 * its thread from pgr_loop_start to pgr_loop_join. */
#ifndef PGR_LOOP_H
#define PGR_LOOP_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef struct pgr_loop pgr_loop;

/* Embed it; `deliver` runs on the receiving loop's thread. Belongs to its sender until posted, to the receiver from
 * then on: it may be posted again once delivered. */
typedef struct pgr_message {
  struct pgr_message *next;
  void (*deliver)(struct pgr_message *m);
} pgr_message;

/* *out: destroyed by pgr_loop_destroy. Errors: PGR_ENOMEM, PGR_EENVIRONMENT. */
pgr_code pgr_loop_create(pgr_loop **out, pgr_err *err) PGR_MUST_CHECK;

/* Starts the thread. Before it, the creating thread may attach handles. name: at most 15 bytes, for debuggers. */
pgr_code pgr_loop_start(pgr_loop *l, const char *name, pgr_err *err) PGR_MUST_CHECK;

/* Delivers m on l's thread, in order of posting. Any thread, l's own included. Blocks: for a mutex, briefly.
 * After the receiver called pgr_loop_finish nothing is delivered; not after pgr_loop_destroy. */
void pgr_loop_post(pgr_loop *l, pgr_message *m);

/* Closes the loop's own handles; the thread ends once the handles others attached are closed too. Owning thread. */
void pgr_loop_finish(pgr_loop *l);

/* Waits for the thread. A loop never started is run dry here (finish it first, on the calling thread). */
void pgr_loop_join(pgr_loop *l);

/* Of a loop that is not started: handles what has happened. wait: for something to happen, when nothing has. */
void pgr_loop_turn(pgr_loop *l, bool wait);

/* After join, or after a failed start. Asserts that nothing was left attached. */
void pgr_loop_destroy(pgr_loop *l);

/* To attach something to, right away, from the owning thread. It runs no timers of libuv's. */
uv_loop_t *pgr_loop_uv(pgr_loop *l);

enum { PGR_READABLE = 1, PGR_WRITABLE = 4 }; /* epoll's own */
/* With these: called once for what has arrived, not for as long as some is left. Whoever leaves some, or cannot tell,
 * sets the watch again, which looks anew. The other end's hanging up is told as without it. */
#define PGR_EDGE (1U << 31)

/* A file descriptor that is watched. Embed it, zeroed but for `ready`; owning thread only. */
typedef struct pgr_watch {
  /* events: what it is ready for, of what it is watched for; an error or the other end's hanging up is all of that. */
  void (*ready)(struct pgr_watch *w, unsigned events);
  int fd;
  unsigned events; /* 0: not watched */
} pgr_watch;

/* Calls w->ready whenever fd is ready for one of the events, until pgr_watch_end or another call: for other events, or
 * another fd, which may have taken the number of one that was closed. Errors: PGR_EENVIRONMENT, errno says why. */
pgr_code pgr_watch_set(pgr_loop *l, pgr_watch *w, int fd, unsigned events) PGR_MUST_CHECK;
void pgr_watch_end(pgr_loop *l, pgr_watch *w); /* watched or not; before fd is closed */

/* A deadline on CLOCK_MONOTONIC. Embed it, zeroed; owning thread only. */
typedef struct pgr_timer {
  int64_t due_ns;
  size_t slot; /* place in the heap + 1; 0: not running */
  void (*fire)(struct pgr_timer *t);
} pgr_timer;

/* Fires t once, at or soon after due_ns. t must not be running. Errors: PGR_ENOMEM. */
pgr_code pgr_timer_start(pgr_loop *l, pgr_timer *t, int64_t due_ns) PGR_MUST_CHECK;
void pgr_timer_cancel(pgr_loop *l, pgr_timer *t); /* running or not */

#endif
