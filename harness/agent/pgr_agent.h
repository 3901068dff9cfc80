/* One simulated user: runs an operation's statements over a connection of its thread's pool, draws the conclusions the
 * application would draw, and writes down what it was told. Owning thread only. */
#ifndef PGR_AGENT_H
#define PGR_AGENT_H

#include "pgr_history.h"
#include "pgr_pool.h"
#include "pgr_random.h"
#include "pgr_scenario.h"
#include "pgr_tally.h"
#include "pgr_trace.h"
#include <stdbool.h>

typedef struct pgr_agent pgr_agent;

/* Retrying 40001 and 40P01: the whole operation again, after a pause drawn from 0 … base * 2^(tries-1), at most cap.
 * Source: "full jitter", M. Brooker, "Exponential Backoff And Jitter", 2015. */
typedef struct pgr_retry {
  int max_tries; /* 1: never */
  int64_t base_ns, cap_ns;
} pgr_retry;

/* What the agents of one thread share. Outlives them; fields are set by the owner before the first operation. */
typedef struct pgr_agent_shared {
  const pgr_scenario *scenario;
  pgr_loop *loop;
  pgr_pool *pool;
  pgr_history *history;
  pgr_tally *tally;
  pgr_retry retry;
  int64_t gap_ns;    /* think time between an operation's first statement and its second */
  int64_t origin_ns; /* CLOCK_MONOTONIC at the run's start: time zero of the history */
  bool stopped;      /* nothing may be sent any more; what was in flight is recorded as unknown */
  /* An operation is over. Not called once stopped. */
  void (*done)(pgr_agent *a, uint8_t kind, pgr_outcome outcome);
  /* The agent cannot go on: no memory, or the history is full. */
  void (*fault)(struct pgr_agent_shared *shared, pgr_code code);
} pgr_agent_shared;

enum { PGR_AGENT_TRACE_MAX = 8 };

typedef enum pgr_agent_state {
  PGR_AGENT_IDLE,    /* nothing to do: waits for the barrier */
  PGR_AGENT_QUEUED,  /* waits for a connection */
  PGR_AGENT_WAITING, /* a statement is in flight */
  PGR_AGENT_PAUSED   /* think time or backoff */
} pgr_agent_state;

/* Embed it; set up by init. `user`, `slot`: free for the owner. The rest is the agent's own. */
struct pgr_agent {
  pgr_reply reply;
  pgr_waiter waiter;
  pgr_timer timer;
  pgr_agent_shared *shared;
  void *user;
  uint32_t slot;
  pgr_agent_state state;
  pgr_conn *conn; /* checked out, or NULL */
  pgr_op op;      /* the try under way */
  int step;
  int64_t queued_ns, step_call_ns;
  int64_t first_call_ns;                /* of the operation's first try */
  int64_t first_wait_ns, later_wait_ns; /* for a connection: before that call, and after it over all tries */
  pgr_random random;
  bool served;                               /* was told an outcome at least once; set by the owner */
  pgr_trace_step trace[PGR_AGENT_TRACE_MAX]; /* the current round's first statements */
  uint8_t trace_count;
};

/* id: from 1. seed: the run's; the agent's stream is its own. */
void pgr_agent_init(pgr_agent *a, pgr_agent_shared *shared, uint32_t id, uint64_t seed);

/* Starts an operation; `done` follows, never before this returns unless the connection fails at once. The agent is
 * idle. intended_ns: when it should have started, on the history's clock. */
void pgr_agent_begin(pgr_agent *a, uint8_t kind, int64_t key, int64_t round, int64_t intended_ns);

/* Forgets the statements of the last round. */
void pgr_agent_clear_trace(pgr_agent *a);

/* Cancels what has not been sent: the shared `stopped` was set, the pool is closed. */
void pgr_agent_abandon(pgr_agent *a);

#endif
