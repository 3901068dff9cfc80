/* A scenario: one race worth studying, as data. What each agent does, what must hold, and the ways to do it.
 * Immutable once made, hence shared by all threads. */
#ifndef PGR_SCENARIO_H
#define PGR_SCENARIO_H

#include "pgr_ownership.h"
#include "pgr_verdict.h"
#include <stddef.h>

/* What a statement's parameter is bound to. */
typedef enum pgr_param { PGR_PARAM_KEY, PGR_PARAM_AGENT } pgr_param;

/* What the agent's code looks at in a statement's result before it goes on. */
typedef enum pgr_guard {
  PGR_GUARD_FREE,   /* one row whose first column is NULL, else the operation ends `refused`: the check */
  PGR_GUARD_ONE_ROW /* one row written, else the operation ends `failed`: the code believes it succeeded */
} pgr_guard;

enum { PGR_PARAMS_MAX = 2, PGR_STEPS_MAX = 4, PGR_OPERATIONS_MAX = PGR_KINDS_MAX, PGR_STRATEGIES_MAX = 16 };

/* One SQL statement of an operation. */
typedef struct pgr_step {
  const char *sql; /* $1 … $n */
  pgr_param params[PGR_PARAMS_MAX];
  int param_count;
  pgr_guard guard;
} pgr_step;

/* When an agent runs an operation. */
typedef enum pgr_when {
  PGR_WHEN_RELEASED, /* the barrier lets the round's agents go */
  PGR_WHEN_OWNER,    /* right after the agent was told that it owns the key */
  PGR_WHEN_ROUND_END /* all agents are done; owners only */
} pgr_when;

typedef struct pgr_operation {
  const char *name;
  pgr_when when;
  pgr_step steps[PGR_STEPS_MAX]; /* --gap passes between the first and the second: check, then use */
  int step_count;
} pgr_operation;

/* An error the application expects: these two together mean `rejected`. */
typedef struct pgr_rejection {
  const char *sqlstate, *constraint;
  const char *field, *message; /* what the application shows, and where */
} pgr_rejection;

typedef struct pgr_strategy {
  const char *name, *summary;
  pgr_expect expect;
  const char *migrations[4]; /* names without .up.sql, in order, NULL-ended */
} pgr_strategy;

typedef struct pgr_scenario {
  const char *name, *title;
  const char *broken;   /* what a violation means to the people concerned, one sentence */
  const char *seed_sql; /* makes keys $1 … $2 */
  /* Independent of any history: how many keys the rows themselves show broken. */
  const char *audit_sql;
  pgr_operation operations[PGR_OPERATIONS_MAX]; /* indexed by pgr_op.kind */
  int operation_count;
  pgr_ownership_model model;
  pgr_rejection rejection;
  pgr_strategy strategies[PGR_STRATEGIES_MAX];
  int strategy_count;
} pgr_scenario;

/* Two agents claim one conversation. */
const pgr_scenario *pgr_scenario_claim(void);

/* NULL when there is no strategy of that name. */
const pgr_strategy *pgr_scenario_strategy(const pgr_scenario *s, const char *name);

#endif
