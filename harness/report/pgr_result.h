/* What a run found: one struct, filled in once, read by every renderer. Pure data; documented in docs/result.md. */
#ifndef PGR_RESULT_H
#define PGR_RESULT_H

#include "pgr_curve.h"
#include "pgr_environment.h"
#include "pgr_findings.h"
#include "pgr_histogram.h"
#include "pgr_interval.h"
#include "pgr_scenario.h"
#include "pgr_search.h"
#include "pgr_tally.h"
#include "pgr_trace.h"
#include "pgr_verdict.h"
#include "pgr_witness.h"
#include <stdbool.h>

enum {
  PGR_STORY_STEPS_MAX = 32,
  PGR_STORIES_MAX = 3,
  PGR_GAPS_MAX = 8,
  PGR_SLICES_MAX = 60,
  PGR_CELLS_MAX = PGR_STRATEGIES_MAX * PGR_ISOLATION_COUNT * PGR_GAPS_MAX,
  PGR_REPEAT_BYTES = 1024
};

/* Nanoseconds. */
typedef struct pgr_latency {
  uint64_t count;
  int64_t p50, p95, p99, max;
} pgr_latency;

/* For whom a statement of a race has probably waited. Nobody watches locks in a race: it is inferred from times, where
 * a statement that takes row locks was in flight when another agent's transaction that had written the same key ended.
 */
typedef struct pgr_waited {
  uint32_t for_agent; /* 0: for nobody, as far as can be told */
  int64_t until_ns;   /* as call_ns: when that transaction's end was known */
} pgr_waited;

/* How one violation came about: the statements of two agents, or of all of a round, in the order in which they were
 * sent. */
typedef struct pgr_story {
  pgr_trace_step steps[PGR_STORY_STEPS_MAX];
  pgr_waited waited[PGR_STORY_STEPS_MAX]; /* by step */
  size_t count;                           /* 0: no story */
  int64_t key, round;
  const char *rule;      /* that was broken */
  uint32_t second_owner; /* the agent that was told yes when it must not have been; 0: the rows broke a rule */
} pgr_story;

/* How many operations ended when, in equal slices from the race's start. */
typedef struct pgr_throughput {
  int64_t slice_ns;
  size_t count; /* 0: none */
  uint64_t ended[PGR_SLICES_MAX];
} pgr_throughput;

/* What exploring a cell showed. */
typedef struct pgr_proof {
  int agents;
  bool proved, reduced, split;
  int bound; /* -1: none */
  pgr_search_totals totals;
  int64_t found_after;  /* schedules until the first that broke; 0: none */
  uint64_t seed;        /* of the random schedules */
  char trouble[300];    /* why it proves nothing whatever was covered; "" */
  char coverage[240];   /* what was run and what was not, in words */
  pgr_witness *witness; /* borrowed; NULL: none */
} pgr_proof;

/* One strategy at one isolation level, with one gap. */
typedef struct pgr_cell {
  const pgr_strategy *strategy;
  pgr_isolation isolation;
  int64_t gap_ns;
  pgr_rule rules[PGR_RULES_MAX];
  int rule_count;
  pgr_evidence evidence;
  pgr_proof proof; /* when evidence.explored */
  pgr_judgement judgement;
  int64_t rounds, elapsed_ns;
  uint32_t served;
  pgr_interval share; /* of contested rounds that raced, 95 % */
  double upper_bound; /* 95 %, when no contested round raced */
  double rounds_per_s, statements_per_s;
  uint64_t outcomes[PGR_OPERATIONS_MAX][PGR_OUTCOME_COUNT];
  pgr_latency service[PGR_OPERATIONS_MAX][PGR_OUTCOME_COUNT];
  pgr_latency response[PGR_OPERATIONS_MAX][PGR_OUTCOME_COUNT];
  pgr_latency winner, loser; /* service time of the main operation, told yes, and refused or rejected */
  pgr_curve winner_curve, loser_curve;
  pgr_throughput throughput;
  pgr_latency pool_wait, start_skew;
  uint64_t rejections[PGR_REJECTIONS_MAX]; /* by declaration */
  pgr_complaint complaints[PGR_COMPLAINTS_KEPT];
  size_t complaint_count;
  pgr_story stories[PGR_STORIES_MAX]; /* the worst first; see pgr_cell_fill */
  size_t story_count;
} pgr_cell;

typedef struct pgr_result {
  const char *command; /* "run", "explore" or "demo" */
  const pgr_scenario *scenario;
  int exit_status;
  bool complete, interrupted;
  uint64_t seed;
  struct {
    uint32_t agents, contenders, connections, threads;
    int64_t rounds, duration_ns, budget_ns; /* rounds 0: by time; budget_ns 0: none */
    int64_t gaps_ns[PGR_GAPS_MAX];          /* each cell has one of them */
    int gap_count;                          /* >= 1 for a run */
    int max_tries;                          /* 0: as the scenario says */
    pgr_protocol protocol;
    bool durable;
  } settings;
  pgr_environment environment;
  pgr_cell *cells; /* owned: pgr_result_add_cell, pgr_result_deinit */
  size_t cell_count, cell_cap;
  char note[200];                /* why it is incomplete, "" when it is not */
  char error[300];               /* what of the environment ended it (exit status 5), "" when nothing did */
  char repeat[PGR_REPEAT_BYTES]; /* the command that repeats it, never with a connection string; "" when not known */
} pgr_result;

/* The next cell, zeroed, the result's; pointers to earlier ones are then no longer good. NULL: no memory, or
 * PGR_CELLS_MAX. */
pgr_cell *pgr_result_add_cell(pgr_result *r) PGR_MUST_CHECK;
void pgr_result_deinit(pgr_result *r);

/* Fills the cell's figures from what a race added up and what was found in it. Its stories are the worst that can be
 * told: by most agents told yes, then by the longest time that two owned the key, then the quickest to tell. */
pgr_code pgr_cell_fill(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally, const pgr_history *history,
                       const pgr_trace *trace, const pgr_findings *findings, pgr_err *err) PGR_MUST_CHECK;

/* The same from an exploration: the cell's proof is filled in, the tally is of all schedules. */
void pgr_cell_prove(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally);

/* What the scenario expects of the cell. */
pgr_expect pgr_cell_expect(const pgr_cell *cell);

/* Judges all cells together and sets the exit status. */
void pgr_result_judge(pgr_result *r);

#endif
