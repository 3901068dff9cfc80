/* One simulated user: runs an operation's script over a connection of its thread's pool, draws the conclusions the
 * application would draw, and writes down what it was told. Owning thread only. */
#ifndef PGR_AGENT_H
#define PGR_AGENT_H

#include "pgr_history.h"
#include "pgr_interp.h"
#include "pgr_pool.h"
#include "pgr_random.h"
#include "pgr_scenario.h"
#include "pgr_tally.h"
#include "pgr_trace.h"
#include <stdbool.h>

typedef struct pgr_agent pgr_agent;

/* A variable of the user's (-D); set at the start of every round, before pgrace's own. */
typedef struct pgr_define {
  int slot;
  const char *text;
} pgr_define;

/* What the agents of one thread share. Outlives them; fields are set by the owner before the first operation. */
typedef struct pgr_agent_shared {
  const pgr_scenario *scenario;
  const pgr_strategy *strategy;
  pgr_protocol protocol;
  pgr_loop *loop;
  pgr_pool *pool;
  pgr_history *history; /* NULL: nobody reads one */
  pgr_tally *tally;
  const pgr_define *defines;
  int define_count;
  int max_tries;  /* overrides the scenario's `attempts`; 0: it does not */
  int64_t gap_ns; /* :gap */
  uint32_t agents, contenders;
  uint64_t seed;
  int statement_base[PGR_OPERATIONS_MAX]; /* of the session's statements: where an operation's script begins */
  pgr_buf scratch;                        /* for building texts */
  /* Under load: statements and tries are timed, none is kept for a story, and what was to start outside of
   * from_ns … until_ns (on the history's clock) is not counted; of statements, what was sent outside. */
  bool measures;
  int64_t from_ns, until_ns;
  int64_t origin_ns; /* CLOCK_MONOTONIC at the run's start: time zero of the history */
  bool stopped;      /* nothing may be sent any more; what was in flight is recorded as unknown */
  /* Before anything is sent the agent stands in PGR_AGENT_PARKED until pgr_agent_go; it takes no pauses. */
  bool stepped;
  /* What an agent does, as it does it, for whoever shows it; each may be NULL. None may begin or let go an agent. */
  void (*sent)(pgr_agent *a);   /* a statement outside of a pipeline, or its own ROLLBACK: pgr_agent_statement has it */
  void (*parked)(pgr_agent *a); /* stepped: it stands before that */
  void (*paused)(pgr_agent *a, int64_t pause_ns); /* \sleep, or backoff */
  /* A result has come, of a statement or of the agent's own ROLLBACK; seen before the agent makes anything of it. NULL:
   * nobody looks. */
  void (*answered)(pgr_agent *a, const PGresult *result);
  /* An operation is over. Not called once stopped. */
  void (*done)(pgr_agent *a, uint8_t kind, pgr_outcome outcome);
  /* The agent cannot go on: no memory, or the history is full. */
  void (*fault)(struct pgr_agent_shared *shared, pgr_code code);
} pgr_agent_shared;

/* Statements of one round that are kept for the story; the rest is left out. */
enum { PGR_AGENT_TRACE_MAX = 12, PGR_AGENT_PIPELINE_MAX = 64 };

typedef enum pgr_agent_state {
  PGR_AGENT_IDLE,        /* nothing to do: waits for the barrier */
  PGR_AGENT_QUEUED,      /* waits for a connection */
  PGR_AGENT_PARKED,      /* waits to be let go: pgr_agent_pending says with what */
  PGR_AGENT_WAITING,     /* a statement or a pipeline is in flight */
  PGR_AGENT_SHELL,       /* a shell command runs */
  PGR_AGENT_PAUSED,      /* \sleep or backoff */
  PGR_AGENT_ROLLING_BACK /* the operation is decided, its transaction is being ended */
} pgr_agent_state;

typedef struct pgr__shell pgr__shell;

/* What a parked agent will send. */
typedef enum pgr_pending {
  PGR_PENDING_STATEMENT, /* `command` */
  PGR_PENDING_PIPELINE,  /* all that was queued since \startpipeline; `command` is its end */
  PGR_PENDING_ROLLBACK   /* the operation is decided and its transaction still open */
} pgr_pending;

/* Embed it; set up by init. `user`, `slot`: free for the owner. The rest is the agent's own. What each statement
 * touches comes first: of a thousand agents none is in the cache any more. */
struct pgr_agent {
  pgr_holder holder;
  pgr_agent_shared *shared;
  pgr_conn *conn; /* checked out, or NULL */
  pgr_agent_state state;
  pgr_outcome conclusion;     /* PGR_OUTCOME_COUNT while the operation goes on */
  const pgr_command *command; /* waits for its connection, or is in flight */
  int64_t queued_ns, step_call_ns;
  int64_t told_ns; /* the answer came that is being dealt with; 0: time has passed since */
  pgr_interp interp;
  pgr_vars vars;
  pgr_prng prng;                        /* the script's random functions */
  pgr_op op;                            /* the try under way */
  int64_t first_call_ns;                /* of the operation's first try */
  int64_t first_wait_ns, later_wait_ns; /* for a connection: before that call, and after it over all tries */
  int64_t try_wait_ns;                  /* the same after the first call of this try */
  uint32_t finished;                    /* operations so far: tells whether one ended inside a call */
  bool piping;                          /* the connection is in pipeline mode */
  bool presets_stand;                   /* those that no script names are as they begin every round */
  bool trace_cut;                       /* statements were left out */
  uint8_t trace_count, trace_answered;
  pgr_trace_step *trace; /* the current round's first statements; made when first needed */
  void *user;
  uint32_t slot;
  bool served;         /* was told an outcome at least once; set by the owner */
  pgr_pending pending; /* while parked */
  pgr_waiter waiter;
  pgr_timer timer;
  pgr_random random;            /* backoff */
  const pgr_command **pipeline; /* sent since \startpipeline; PGR_AGENT_PIPELINE_MAX, made when first needed */
  int pipeline_count, pipeline_answered;
  pgr_mark begin_mark, transaction_mark, statement_mark; /* where a retry goes back to */
  pgr_again again;                                       /* when the conclusion is `retried` */
  int64_t backoff_ns;
  pgr__shell *shell;
};

/* id: from 1. Errors: PGR_ENOMEM. */
pgr_code pgr_agent_init(pgr_agent *a, pgr_agent_shared *shared, uint32_t id) PGR_MUST_CHECK;
void pgr_agent_deinit(pgr_agent *a);

/* A round begins: variables and trace are emptied. contender: place in the round, from 1. Errors: PGR_ENOMEM. */
pgr_code pgr_agent_enter(pgr_agent *a, int64_t key, int64_t round, uint32_t contender) PGR_MUST_CHECK;

/* Starts an operation of the round; `done` follows, before this returns only when the script ends without a statement
 * or the connection fails at once. The agent is idle. intended_ns: when it should have started, on the history's clock.
 */
void pgr_agent_begin(pgr_agent *a, uint8_t kind, int64_t intended_ns);

/* Lets a parked agent send what is pending. */
void pgr_agent_go(pgr_agent *a);

/* Appends the pending statement, or the one in flight, with its values. */
void pgr_agent_statement(const pgr_agent *a, pgr_buf *out);

/* When its operation sent its first statement, on the history's clock; 0: it has not, or it runs none. */
int64_t pgr_agent_called_ns(const pgr_agent *a);

/* Cancels what has not been sent: the shared `stopped` was set, the pool is closed. An operation that has sent
 * something before is recorded as unknown. */
void pgr_agent_abandon(pgr_agent *a);

#endif
