/* What a race broke: the scenario's ownership model on the history, its invariants on the rows. Main thread. */
#ifndef PGR_RULES_H
#define PGR_RULES_H

#include "pgr_findings.h"
#include "pgr_history.h"
#include "pgr_stage.h"

/* Before a race: an invariant that the seed itself breaks, or that has no column "key", is the scenario's fault
 * (PGR_EUSAGE). */
pgr_code pgr_rules_check_seed(const pgr_stage *s, pgr_err *err) PGR_MUST_CHECK;

/* After it. unfinished: as in pgr_race_result. An invariant is not asked about rounds that cannot be judged. An
 * interrupt leaves what was not checked unknown and is not an error. */
pgr_code pgr_rules_check(const pgr_stage *s, const pgr_history *h, const pgr_rounds *unfinished, pgr_findings *out,
                         pgr_err *err) PGR_MUST_CHECK;

#endif
