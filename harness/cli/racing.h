/* The cells of a run, one after the other at one place: proved where that was asked for and can be had, raced else.
 * Main thread. */
#ifndef PGR_RACING_H
#define PGR_RACING_H

#include "exploring.h"
#include "inputs.h"
#include "outdir.h"
#include "pgr_progress.h"
#include "pgr_race.h"
#include "pgr_result.h"
#include "place.h"
#include "run_options.h"

/* Zeroed, then set up by its owner up to `progress`. */
typedef struct pgr_racing {
  const pgr_run_options *options;
  const pgr_scenario *scenario;
  pgr_race_options race;     /* what does not differ from cell to cell */
  pgr_place *place;          /* open */
  pgr_result *result;        /* with its cells */
  pgr_outdir *out;           /* NULL: histories are not kept */
  int64_t entered_ns;        /* the command's start */
  void (*begun)(void *user); /* once, when the scenario has shown that it works */
  void *user;
  pgr_progress progress;
  pgr_exploring exploring;
  pgr_witness witnesses[PGR_CELLS_MAX]; /* by cell */
  bool settled[PGR_CELLS_MAX];          /* by cell: a proof or a witness */
  pgr_cell proved;                      /* what a control was before it is raced as well */
  pgr_cell *current;
  const pgr_strategy *installed; /* in the place's database */
  bool altered;                  /* that database holds what a reset does not take away */
  bool has_begun;
  int64_t started_ns;
} pgr_racing;

/* Runs all cells; what a time budget or an interrupt left out did not run, and the result's note says so. Errors: as
 * pgr_race_run and pgr_explore_run, PGR_EUSAGE (a scenario that does not work). */
pgr_code pgr_racing_run(pgr_racing *r, pgr_err *err) PGR_MUST_CHECK;

/* The witnesses of proofs. */
void pgr_racing_deinit(pgr_racing *r);

#endif
