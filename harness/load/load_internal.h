/* How the pieces of a load fit: workers (threads), each with clients that begin one transaction after the other, and
 * the main thread, which watches and verifies. */
#ifndef PGR_LOAD_INTERNAL_H
#define PGR_LOAD_INTERNAL_H

#include "pgr_cell_session.h"
#include "pgr_load.h"
#include <stdatomic.h>

enum {
  PGR__LOAD_LINE = 64,
  PGR__QUEUE_MAX = 1 << 22 /* arrivals a worker lets wait; beyond it they are never begun */
};

typedef struct pgr__load pgr__load;
typedef struct pgr__load_worker pgr__load_worker;

/* One simulated user and its transaction. What each transaction touches lies together, before and at the beginning of
 * the agent. */
typedef struct pgr__client {
  _Alignas(PGR__LOAD_LINE) pgr__load_worker *worker;
  int64_t intended_ns; /* of the transaction, on the history's clock */
  int64_t count;       /* transactions begun */
  uint32_t index;      /* among all */
  uint8_t ok;          /* bit k: its operation k ended ok */
  int8_t ending;       /* the operation of the end that runs or is next; -1: none yet */
  bool busy, failed;
  bool inside, again; /* begin() is on the stack, and its transaction has ended already */
  pgr_agent agent;
  pgr_timer hold; /* between a transaction's operations and its end; or before the next, see `again` */
} pgr__client;

/* Arrivals that found nobody free, by their intended time: a ring. */
typedef struct pgr__queue {
  int64_t *at; /* owned; cap is a power of two */
  size_t first, count, cap;
} pgr__queue;

struct pgr__load_worker {
  pgr_agent_shared shared; /* first: fault casts back */
  pgr__load *load;
  uint32_t index;
  pgr_tally tally;
  pgr_series series;
  pgr_histogram *lag, *loop_lag;
  uint64_t transactions;      /* ended in the window */
  uint64_t begun, unfinished; /* begun in it, and ended; and not */
  uint64_t dealt;             /* operations that start, dealt so far */
  uint32_t done_count;        /* clients that have had all their transactions */
  int64_t stopped_ns;         /* when nothing began any more, on the history's clock */
  int *left;                  /* server processes that something was in flight in when all was cut off; owned */
  int left_count;
  pgr_random random; /* keys and weights */
  pgr_message open, begin, collect, quit;
  uint32_t busy;  /* clients with a transaction */
  bool stopping;  /* none begins any more */
  bool last_word; /* counted off `live` */
  /* the open loop */
  pgr_arrivals arrivals;
  pgr_timer due;
  int64_t due_ns; /* the next arrival, on the history's clock */
  pgr__queue queue;
  pgr__client **idle; /* owned */
  uint32_t idle_count;
  pgr_arrival_figures figures;
  /* the window */
  pgr_timer opens, closes, beat;
  bool beating;
  int64_t run_wait_ns; /* of this thread: at the window's begin, then in it; -1: not known */
  /* What is handed to the main thread to be verified: it owns both fields from `collected` to its next `collect`. */
  pgr_history *outgoing; /* NULL: nothing is verified */
  int64_t upto_ns;
  atomic_bool collected;
  /* Single writer, read by the main thread. */
  _Alignas(PGR__LOAD_LINE) atomic_ullong ended; /* transactions, warm-up included */
  atomic_ullong errors;
};

struct pgr__load {
  const pgr_load_options *options;
  pgr__load_worker *workers;
  pgr__client *clients;
  pgr_cell_session session;
  uint8_t starts[PGR_OPERATIONS_MAX]; /* operations that start */
  int start_count, weight_sum;
  pgr_follow *follow; /* main thread */
  pgr_err follow_err;
  atomic_llong draws; /* of keys, where their number counts */
  atomic_bool keys_used_up;
  atomic_bool opened, closed; /* the first worker saw the window begin, the last one saw it end */
  atomic_uint stopped;        /* workers that begin nothing any more */
  int64_t cpu_ns; /* of the process: at the window's begin, then in it; the first worker's, from then on the last's */
  atomic_bool unverified;        /* nothing is verified any more */
  atomic_uint pools_ready, live; /* live: workers that have transactions under way, or begin more */
  atomic_bool faulted, fault_reported;
  pgr_err fault;
  int wake_fd; /* eventfd: something of the above changed */
};

/* load_worker.c */
pgr_code pgr__load_worker_init(pgr__load_worker *w, pgr__load *load, uint32_t index, const pgr_target *target,
                               uint32_t connections, pgr_err *err) PGR_MUST_CHECK;
void pgr__load_worker_deinit(pgr__load_worker *w);

/* load.c; any thread */
void pgr__load_wake(pgr__load *load);
void pgr__load_fault(pgr__load *load, pgr_code code, const char *why); /* the first is kept */

#endif
