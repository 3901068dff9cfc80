/* What a run found: one struct, filled in once, read by every renderer. Pure data; documented in docs/result.md. */
#ifndef PGR_RESULT_H
#define PGR_RESULT_H

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

enum { PGR_STORY_STEPS_MAX = 32, PGR_CELLS_MAX = PGR_STRATEGIES_MAX * PGR_ISOLATION_COUNT };

/* Nanoseconds. */
typedef struct pgr_latency {
  uint64_t count;
  int64_t p50, p95, p99, max;
} pgr_latency;

/* How one violation came about: the statements of two agents, or of all of a round, in the order in which they were
 * sent. */
typedef struct pgr_story {
  pgr_trace_step steps[PGR_STORY_STEPS_MAX];
  size_t count; /* 0: no story */
  int64_t key, round;
  const char *rule;      /* that was broken */
  uint32_t second_owner; /* the agent that was told yes when it must not have been; 0: the rows broke a rule */
} pgr_story;

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

/* One strategy at one isolation level. */
typedef struct pgr_cell {
  const pgr_strategy *strategy;
  pgr_isolation isolation;
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
  pgr_latency pool_wait, start_skew;
  uint64_t rejections[PGR_REJECTIONS_MAX]; /* by declaration */
  pgr_complaint complaints[PGR_COMPLAINTS_KEPT];
  size_t complaint_count;
  pgr_story story;
} pgr_cell;

typedef struct pgr_result {
  const char *command; /* "run" or "explore" */
  const pgr_scenario *scenario;
  int exit_status;
  bool complete, interrupted;
  uint64_t seed;
  struct {
    uint32_t agents, contenders, connections, threads;
    int64_t rounds, duration_ns, gap_ns; /* rounds 0: by time */
    int max_tries;                       /* 0: as the scenario says */
    pgr_protocol protocol;
    bool durable;
  } settings;
  pgr_environment environment;
  pgr_cell cells[PGR_CELLS_MAX];
  size_t cell_count;
  char note[200]; /* why it is incomplete, "" when it is not */
} pgr_result;

/* Fills the cell's figures from what a race added up and what was found in it. */
pgr_code pgr_cell_fill(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally, const pgr_history *history,
                       const pgr_trace *trace, const pgr_findings *findings, pgr_err *err) PGR_MUST_CHECK;

/* The same from an exploration: the cell's proof is filled in, the tally is of all schedules. */
void pgr_cell_prove(pgr_cell *cell, const pgr_scenario *scenario, const pgr_tally *tally);

/* What the scenario expects of the cell. */
pgr_expect pgr_cell_expect(const pgr_cell *cell);

/* Judges all cells together and sets the exit status. */
void pgr_result_judge(pgr_result *r);

#endif
