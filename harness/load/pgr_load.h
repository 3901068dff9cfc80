/* One phase of load: agents of one strategy at one isolation level, for as long as it takes to say how much the server
 * gets done and what each operation waits.
 *
 * A transaction, here, is what one agent does with one key: an operation that starts, dealt in turn, what follows it
 * when it ends ok, and, after the hold time, the operations of the round's end that follow something that ended ok. (In
 * a race these are the parts of a round; here nobody waits for anybody else.) A closed loop begins the next one at
 * once; an open loop begins them when somebody arrives, and counts from then. What is counted began in the window:
 * after the warm-up, before the end. What began in it and has not ended is waited for, a while. */
#ifndef PGR_LOAD_H
#define PGR_LOAD_H

#include "pgr_agent.h"
#include "pgr_arrivals.h"
#include "pgr_follow.h"
#include "pgr_keys.h"
#include "pgr_measure.h"

typedef struct pgr_load_options {
  const pgr_scenario *scenario;
  const pgr_strategy *strategy;
  pgr_isolation isolation;
  pgr_protocol protocol;
  const pgr_define *defines; /* borrowed */
  int define_count;
  const int *weights;   /* by operation that starts: its share of the transactions; NULL: dealt in turn */
  uint32_t agents;      /* >= 1 */
  uint32_t connections; /* threads … agents */
  uint32_t threads;     /* >= 1 */
  const pgr_keys *keys;
  int64_t first_key; /* of the scenario's: draw 0 */
  int64_t hold_ns, gap_ns;
  int max_tries; /* as in pgr_agent_shared */
  bool open;     /* else the next four mean nothing */
  pgr_rate rate;
  bool poisson;
  int64_t max_lag_ns;             /* arrivals that late are not begun; 0: all are */
  int64_t warmup_ns, duration_ns; /* of the window; duration_ns > 0 unless transactions is */
  int64_t transactions;           /* an agent's, closed loop, no warm-up; 0: by time */
  bool verify;                    /* ownership, if the scenario declares one */
  size_t verify_max;              /* operations kept for it */
  uint64_t seed;
} pgr_load_options;

typedef enum pgr_load_phase {
  PGR_LOAD_CONNECTING,
  PGR_LOAD_WARMING,
  PGR_LOAD_MEASURING,
  PGR_LOAD_DRAINING
} pgr_load_phase;

typedef struct pgr_load_progress {
  pgr_load_phase phase;
  int64_t elapsed_ns, planned_ns; /* of warm-up and window; planned 0: by number of transactions */
  uint64_t transactions;          /* ended so far, warm-up included */
  uint64_t errors;                /* operations that failed or are unknown */
  uint64_t duplicates;            /* so far; 0 when nothing is verified */
} pgr_load_progress;

/* All on the main thread. NULL functions are not called. */
typedef struct pgr_load_watch {
  void (*progress)(void *user, const pgr_load_progress *p); /* about ten times a second */
  /* Asked many times a second: PGR_OK to go on, anything else ends the phase with that error. */
  pgr_code (*check)(void *user, pgr_err *err);
  void (*entered)(void *user, pgr_load_phase phase); /* once each, as they begin; DRAINING: the window is over */
  /* After the end: server processes whose statement was cut off, and goes on there. */
  void (*left)(void *user, const int *pids, int count);
  void (*look)(void *user); /* every 100 ms while it warms up and measures: at the server */
  void *user;
} pgr_load_watch;

/* Runs it. Blocks; returns with every thread joined and every connection closed. Main thread. out: zeroed; filled, to
 * be given to pgr_measure_deinit, also on errors; `server` is left alone. stories: the first violation and the first
 * unexplained refusal, when out has any; may be NULL. Errors: PGR_EDATABASE, PGR_EENVIRONMENT, PGR_ENOMEM. An interrupt
 * is PGR_OK and !out->complete. */
pgr_code pgr_load_run(const pgr_load_options *options, const pgr_target *target, const pgr_load_watch *watch,
                      pgr_measure *out, pgr_follow_report *stories, pgr_err *err) PGR_MUST_CHECK;

#endif
