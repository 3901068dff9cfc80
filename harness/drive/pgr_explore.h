/* Exploring: every schedule of a few agents that can matter, run against the real server, for one strategy that is
 * installed already; the witness of what breaks, made small and run again. docs/exploring.md. */
#ifndef PGR_EXPLORE_H
#define PGR_EXPLORE_H

#include "pgr_agent.h"
#include "pgr_search.h"
#include "pgr_stage.h"
#include "pgr_witness.h"

enum { PGR_JOBS_MAX = 16 };

/* What objects to a schedule. */
enum {
  PGR_ORACLE_RULES = 1,  /* the scenario's ownership and invariants */
  PGR_ORACLE_SERIAL = 2, /* no serial order gives these outcomes and this state */
  PGR_ORACLE_STATE = 4   /* no serial order gives this state */
};

typedef struct pgr_explore_options {
  const pgr_scenario *scenario;
  const char *where; /* how a witness names it; NULL: by its name */
  const pgr_strategy *strategy;
  pgr_isolation isolation;
  pgr_protocol protocol;
  const pgr_define *defines; /* borrowed */
  int define_count;
  int agents;          /* 1 … PGR_SEARCH_AGENTS_MAX */
  uint32_t operations; /* bit k: operation k runs */
  unsigned oracles;
  int max_tries; /* as in pgr_agent_shared */
  uint64_t seed;
  bool split; /* yield points inside statements: alters the schema */
  bool reduce;
  bool keep_going;            /* past the first schedule that breaks */
  int bound;                  /* -1: none */
  int64_t limit, duration_ns; /* 0: none */
  int64_t step_timeout_ns;
  int jobs;
  int replays;     /* of the witness */
  bool own_server; /* processors may be chosen for its processes */
} pgr_explore_options;

/* A database with the strategy installed and nothing seeded, for one worker. */
typedef struct pgr_room {
  const pgr_target *target;
  pgr_db *db;
} pgr_room;

typedef struct pgr_explore_progress {
  pgr_search_totals totals;
  int64_t elapsed_ns;
} pgr_explore_progress;

typedef struct pgr_explore_watch {
  void (*progress)(void *user, const pgr_explore_progress *p);
  /* A room for job 0, 1, …; the caller's to give up after the run. Main thread. */
  pgr_code (*room)(void *user, int job, pgr_room *out, pgr_err *err);
  pgr_code (*check)(void *user, pgr_err *err); /* as in pgr_race_watch */
  void *user;
} pgr_explore_watch;

typedef struct pgr_explored {
  pgr_search_totals totals;
  pgr_tally tally;             /* of every schedule; owned */
  int64_t elapsed_ns;          /* from the first schedule to the last */
  int64_t found_after;         /* schedules until the first that breaks, it included; 0: none */
  bool proved;                 /* every schedule was run, or is equal to one that was */
  bool interrupted, timed_out; /* by the user; by duration_ns */
  int64_t cancelled;           /* schedules in which a statement neither ended nor waited for a lock */
  char cancelled_what[200];    /* one of those statements */
  int64_t unexplained;         /* schedules with a refusal that nothing explains */
  char parted[300];            /* not "": the same schedule gave something else; where */
  bool has_witness;
  pgr_witness witness; /* owned */
} pgr_explored;

/* Runs it. Blocks; every thread is joined and every connection of its own closed when it returns. Main thread only.
 * *out: to be given to pgr_explored_deinit, on errors too. Errors: PGR_EDATABASE, PGR_EENVIRONMENT, PGR_EUSAGE,
 * PGR_ENOMEM; an interrupt is a result. */
pgr_code pgr_explore_run(const pgr_explore_options *options, const pgr_explore_watch *watch, pgr_explored *out,
                         pgr_err *err) PGR_MUST_CHECK;
void pgr_explored_deinit(pgr_explored *e);

typedef struct pgr_replayed {
  int times, broke;
  bool interrupted; /* by the user: `times` is how far it came */
  char unfit[600];  /* not "": the schedule does not fit the scripts any more, and where */
  pgr_witness seen; /* the schedule as it ran last; owned */
} pgr_replayed;

/* Runs a witness's schedule `times` times. options: as for exploring (agents and operations from the witness).
 * Errors: as above. */
pgr_code pgr_replay_run(const pgr_explore_options *options, const pgr_explore_watch *watch, const pgr_witness *witness,
                        int times, pgr_replayed *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_replayed_deinit(pgr_replayed *r);

#endif
