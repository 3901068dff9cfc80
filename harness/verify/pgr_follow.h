/* Ownership verified as time passes, for a run that is too long to keep its history: what pgr_verify_ownership would
 * say of all of it, from a window that moves on. Pure; not thread-safe. n log n in what a take settles.
 *
 * Memory: the operations that are not settled yet (88 bytes each, about 220 while a take looks at them) and who may own
 * what now (about 100 bytes each: an ownership an agent and key). For a model without release that is one ownership a
 * key that is owned for ever, capacity + 1 at most. */
#ifndef PGR_FOLLOW_H
#define PGR_FOLLOW_H

#include "pgr_ownership.h"

typedef struct pgr_follow pgr_follow;

/* A violation or an unexplained refusal, with copies of its operations. */
typedef struct pgr_followed {
  pgr_op first, second; /* second: the ownership that was one too many; of an unexplained refusal it alone is set */
} pgr_followed;

typedef struct pgr_follow_report {
  uint64_t operations;            /* acquires and releases that are settled */
  uint64_t duplicates;            /* acquires told yes that were one too many */
  uint64_t unexplained;           /* refusals that no possible ownership explains */
  pgr_followed violation;         /* the first that was told; valid when duplicates > 0 */
  pgr_followed unexplained_first; /* valid when unexplained > 0 */
  size_t kept, kept_max;          /* operations held since the last take, and at most between two */
} pgr_follow_report;

/* max_kept: operations it may hold between two takes. NULL: no memory. */
pgr_follow *pgr_follow_create(pgr_ownership_model model, size_t max_kept) PGR_MUST_CHECK;
void pgr_follow_destroy(pgr_follow *f);

/* Takes all of `from` (as pgr_history_take). upto_ns: every operation that is not given yet has call_ns >= upto_ns; it
 * never goes back (one that does is ignored: what was promised holds). Judges what is settled by then, forgets what can
 * decide nothing any more. Errors: PGR_ENOMEM, both unchanged; PGR_ELIMIT when max_kept would be passed: it is then
 * only good to report and destroy, and the report covers what was settled before. */
pgr_code pgr_follow_take(pgr_follow *f, pgr_history *from, int64_t upto_ns, pgr_err *err) PGR_MUST_CHECK;

/* Nothing comes any more: judges the rest. Errors: PGR_ENOMEM, unchanged. */
pgr_code pgr_follow_finish(pgr_follow *f, pgr_err *err) PGR_MUST_CHECK;

void pgr_follow_total(const pgr_follow *f, pgr_follow_report *out);

#endif
