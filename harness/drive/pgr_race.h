/* A race: rounds of contests between agents on several threads, for one strategy that is installed already.
 *
 * Agents are dealt to contests in equal shares; a contest runs its rounds one after the other, each with a key of its
 * own, and the contests run beside each other. A round: a barrier releases its contenders, who claim and reply; when
 * the last of them is done, the owners release. Who contends and in what order they are let go depends on the seed and
 * the round alone. */
#ifndef PGR_RACE_H
#define PGR_RACE_H

#include "pgr_agent.h"
#include "pgr_db.h"

enum { PGR_AGENTS_MAX = 100000, PGR_CONNECTIONS_MAX = 10000, PGR_THREADS_MAX = 256 };

typedef struct pgr_race_options {
  const pgr_scenario *scenario;
  uint32_t agents;      /* >= 2 */
  uint32_t contenders;  /* a round; 2 … agents */
  uint32_t connections; /* threads … agents */
  uint32_t threads;     /* >= 1 */
  int64_t rounds;       /* >= 1; or 0: until duration_ns is over */
  int64_t duration_ns;  /* 0: no limit */
  int64_t gap_ns;
  pgr_retry retry;
  uint64_t seed;
  size_t max_ops; /* of the history: at about that many no further round begins */
} pgr_race_options;

/* How far a race has come; `rounds_planned` is 0 when it runs by time. */
typedef struct pgr_race_progress {
  int64_t rounds, rounds_planned, suspects; /* suspects: rounds in which two agents were told yes */
  int64_t elapsed_ns;
} pgr_race_progress;

typedef struct pgr_race_watch {
  void (*progress)(void *user, const pgr_race_progress *p);
  /* Asked many times a second: PGR_OK to go on, anything else ends the race with that error. */
  pgr_code (*check)(void *user, pgr_err *err);
  void *user;
} pgr_race_watch;

typedef struct pgr_race_result {
  pgr_history *history; /* owned, as the next two */
  pgr_tally tally;
  pgr_trace trace;
  int64_t started_ns; /* CLOCK_MONOTONIC: the first barrier fell; 0: never */
  int64_t rounds;     /* that came to their end */
  int64_t elapsed_ns; /* from the first barrier to the last answer */
  uint32_t served;    /* agents that were told an outcome at least once */
  bool complete;      /* all that was planned ran */
  bool interrupted;   /* the user stopped it */
  bool history_full;  /* max_ops was reached */
} pgr_race_result;

/* Runs it. db: a connection of the main thread to the same database, to make keys with. Blocks until the race is over;
 * returns with every thread joined and every connection closed. Main thread only.
 * *out: filled, to be given to pgr_race_result_deinit, also on errors (what was seen until then).
 * Errors: PGR_EDATABASE, PGR_EENVIRONMENT, PGR_ENOMEM. An interrupt or a full history is not an error but a result. */
pgr_code pgr_race_run(const pgr_race_options *options, const pgr_target *target, pgr_db *db,
                      const pgr_race_watch *watch, pgr_race_result *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_race_result_deinit(pgr_race_result *r);

#endif
