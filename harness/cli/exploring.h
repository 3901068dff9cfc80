/* What pgrace explore, pgrace replay and pgrace run --explore share: a cell explored at a place. Main thread. */
#ifndef PGR_EXPLORING_H
#define PGR_EXPLORING_H

#include "pgr_explore.h"
#include "pgr_progress.h"
#include "pgr_result.h"
#include "place.h"

/* Fill options (scenario and what does not change from cell to cell) and place; the rest is its own. */
typedef struct pgr_exploring {
  pgr_explore_options options;
  pgr_place *place;
  pgr_progress *progress; /* NULL: none is shown */
  pgr_place beside[PGR_JOBS_MAX];
  const pgr_cell *cell;
} pgr_exploring;

/* Explores the cell in the place's database, where its strategy is installed and nothing is seeded, and fills the cell.
 * *witness: taken over, to be deinited, when the cell has one (cell->proof.witness points to it). */
pgr_code pgr_exploring_run(pgr_exploring *x, pgr_cell *cell, pgr_witness *witness, pgr_err *err) PGR_MUST_CHECK;

/* For pgr_replay_run and the like. */
pgr_explore_watch pgr_exploring_watch(pgr_exploring *x);

/* Fewest agents that make sense: 2, one for each operation that starts, one more than may own a key. */
int pgr_exploring_agents(const pgr_scenario *s);

#endif
