/* A race: rounds of contests between agents on several threads, for one strategy that is installed already.
 *
 * Agents are dealt to contests in equal shares; a contest runs its rounds one after the other, each with a key of its
 * own, and the contests run beside each other. A round: a barrier releases its contenders, who run the operations that
 * start, and what follows them; when the last of them is done, the operations of the round's end run one after the
 * other. Who contends and in what order they are let go depends on the seed and the round alone. */
#ifndef PGR_RACE_H
#define PGR_RACE_H

#include "pgr_agent.h"
#include "pgr_rounds.h"

enum { PGR_AGENTS_MAX = 100000, PGR_CONNECTIONS_MAX = 10000, PGR_THREADS_MAX = 256 };

typedef struct pgr_race_options {
  const pgr_scenario *scenario;
  const pgr_strategy *strategy;
  pgr_isolation isolation;
  pgr_protocol protocol;
  const pgr_define *defines; /* borrowed */
  int define_count;
  uint32_t agents;      /* >= 2 */
  uint32_t contenders;  /* a round; 2 … agents */
  uint32_t connections; /* threads … agents */
  uint32_t threads;     /* >= 1 */
  int64_t rounds;       /* >= 1, at most the scenario's keys; or 0: until duration_ns is over */
  int64_t duration_ns;  /* 0: no limit */
  int64_t gap_ns;
  int max_tries; /* as in pgr_agent_shared */
  uint64_t seed;
  size_t max_ops; /* of the history: at about that many no further round begins */
} pgr_race_options;

/* How far a race has come; `rounds_planned` is 0 when it runs by time. */
typedef struct pgr_race_progress {
  int64_t rounds, rounds_planned;
  int64_t suspects; /* rounds in which more agents than allowed were told yes; -1 when no ownership is declared */
  int64_t elapsed_ns;
} pgr_race_progress;

typedef struct pgr_race_watch {
  void (*progress)(void *user, const pgr_race_progress *p);
  /* Asked many times a second: PGR_OK to go on, anything else ends the race with that error. */
  pgr_code (*check)(void *user, pgr_err *err);
  /* Makes the rows of keys first … last; on the main thread, ahead of the rounds that contest them. */
  pgr_code (*seed)(void *user, int64_t first, int64_t last, pgr_err *err);
  void *user;
} pgr_race_watch;

typedef struct pgr_race_result {
  pgr_history *history; /* owned, as the next two */
  pgr_tally tally;
  pgr_trace trace;
  int64_t started_ns; /* CLOCK_MONOTONIC: the first barrier fell; 0: never */
  int64_t rounds;     /* that came to their end */
  /* Rounds that began and did not come to their end, for the race was cut short; settled. What followed in them is not
   * known, so the rows prove nothing about them. Owned. */
  pgr_rounds unfinished;
  int64_t elapsed_ns; /* from the first barrier to the last answer */
  uint32_t served;    /* agents that were told an outcome at least once */
  bool complete;      /* all that was planned ran */
  bool interrupted;   /* the user stopped it */
  bool history_full;  /* max_ops was reached */
  bool keys_used_up;  /* a race by time came to the scenario's last key */
} pgr_race_result;

/* Runs it. Blocks until the race is over; returns with every thread joined and every connection closed. Main thread
 * only. *out: filled, to be given to pgr_race_result_deinit, also on errors (what was seen until then).
 * Errors: PGR_EDATABASE, PGR_EENVIRONMENT, PGR_ENOMEM. An interrupt or a full history is not an error but a result. */
pgr_code pgr_race_run(const pgr_race_options *options, const pgr_target *target, const pgr_race_watch *watch,
                      pgr_race_result *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_race_result_deinit(pgr_race_result *r);

/* Operations that contend: those the barrier releases agents for. contends: PGR_KINDS_MAX, filled. */
void pgr_race_contends(const pgr_scenario *s, bool *contends);

#endif
