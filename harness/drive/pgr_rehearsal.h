/* Before a strategy is raced: does its scenario hold what it promises? Main thread. */
#ifndef PGR_REHEARSAL_H
#define PGR_REHEARSAL_H

#include "pgr_race.h"
#include "pgr_rules.h"

/* In the stage's database, where the strategy was just installed: seeds a few keys, checks that the seed breaks no
 * invariant, races one round, resets, seeds again and compares every table with what the first seed made. Leaves the
 * database reset. options: of the race to come; without the round when with_a_round is false. Errors: PGR_EUSAGE naming
 * what is wrong in the scenario, PGR_EINTERRUPTED, else those of pgr_race_run. */
pgr_code pgr_rehearse(const pgr_stage *stage, const pgr_race_options *options, const pgr_target *target,
                      const pgr_race_watch *watch, bool with_a_round, pgr_err *err) PGR_MUST_CHECK;

#endif
