/* The ownership model: who was told that it owns what, and when. Pure: reads a history, knows nothing of who wrote it.
 *
 * An agent owns a key from the return of an `ok` acquire to the call of its next release of that key (`ok`, `unknown`
 * or `retried`: a try that was done again may have committed a part; a failed release ends nothing), or to the end of
 * time. Only what is certain counts: a violation is reported when more agents than its capacity own one key over a
 * common stretch of time, however the clock is read, so touching ends do not count and an `unknown` acquire never makes
 * one.
 *
 * A `refused` or `rejected` acquire claims that somebody owned the key. It is explained by any possible ownership that
 * meets its closed interval: from the call of an `ok`, `unknown` or `retried` acquire to the return of the release that
 * certainly ended it (`ok`), or for ever. One that nothing explains is reported.
 *
 * Source: closed intervals as in Herlihy & Wing 1990; sort and sweep, n log n. */
#ifndef PGR_OWNERSHIP_H
#define PGR_OWNERSHIP_H

#include "pgr_history.h"
#include "pgr_rounds.h"

typedef struct pgr_ownership_model {
  int acquire, release; /* pgr_op.kind of each; release -1: what is owned is owned for ever */
  int64_t capacity;     /* agents that may own a key at once; >= 1 */
} pgr_ownership_model;

/* The ownership that was one too many, and one it overlaps: ops are indices into the history; first was told before
 * second. */
typedef struct pgr_violation {
  int64_t key, round; /* round: that of `second` */
  size_t first, second;
} pgr_violation;

enum { PGR_VIOLATIONS_KEPT = 64 };

/* Init with {0}; deinit after use. */
typedef struct pgr_ownership_report {
  pgr_rounds broken;                       /* with a violation; settled */
  uint64_t unexplained;                    /* acquires refused or rejected that no possible ownership explains */
  pgr_violation kept[PGR_VIOLATIONS_KEPT]; /* the first of each violating round, in order of key, then time */
  size_t kept_count;
  size_t unexplained_first; /* index of one unexplained op; valid when unexplained > 0 */
} pgr_ownership_report;

/* Tries with outcome `failed` acquired nothing. h is borrowed and unchanged. Memory: about 64 bytes an
 * acquire or release while it runs. Errors: PGR_ENOMEM. */
pgr_code pgr_verify_ownership(const pgr_history *h, pgr_ownership_model model, pgr_ownership_report *out,
                              pgr_err *err) PGR_MUST_CHECK;
void pgr_ownership_report_deinit(pgr_ownership_report *r);

#endif
