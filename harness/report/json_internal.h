/* Pieces of JSON documents that several writers share. What returns a json_t gives it to the caller; NULL: no memory.
 */
#ifndef PGR_JSON_INTERNAL_H
#define PGR_JSON_INTERNAL_H

#include "pgr_buf.h"
#include "pgr_curve.h"
#include "pgr_environment.h"
#include "pgr_json.h"
#include "pgr_scenario.h"
#include "pgr_tally.h"

json_t *pgr__json_environment(const pgr_environment *e);

/* What the scenario says of itself: names, operations, rules, declared rejections. */
json_t *pgr__json_scenario(const pgr_scenario *s);

/* {"winner": …, "loser": …}, each a list of [share, ns]. */
json_t *pgr__json_curves(const pgr_curve *winner, const pgr_curve *loser);

/* null when it is not finite; what is whole is written so: nothing of a count is lost, and 3 reads better than 3.0. */
json_t *pgr__json_number(double value);

/* By operation: how many ended how, and how many tries were followed by another. */
json_t *pgr__json_outcomes(const pgr_scenario *s, const uint64_t of[][PGR_OUTCOME_COUNT]);
json_t *pgr__json_retries(const pgr_scenario *s, const uint64_t of[][PGR_OUTCOME_COUNT]);

json_t *pgr__json_errors(const pgr_scenario *s, const pgr_complaint *complaints, size_t count);
/* counts: by the scenario's declaration. */
json_t *pgr__json_rejections(const pgr_scenario *s, const uint64_t *counts);

/* Appends it, indented (a list of nothing but numbers on one line), with a final newline; takes the document, which may
 * be NULL. Errors: PGR_ENOMEM. */
pgr_code pgr__json_write(json_t *document, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
