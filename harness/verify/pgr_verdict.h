/* From counts to a verdict and an exit status: the one place that decides. Pure. */
#ifndef PGR_VERDICT_H
#define PGR_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum pgr_expect { PGR_EXPECT_NOTHING, PGR_EXPECT_RACE, PGR_EXPECT_SAFE } pgr_expect;

typedef enum pgr_verdict {
  PGR_VERDICT_RACE,         /* agents were told what cannot both be true */
  PGR_VERDICT_SAFE,         /* exhausted only */
  PGR_VERDICT_NONE_SEEN,    /* none in n contested rounds, and a control raced: bounded, not proven */
  PGR_VERDICT_INCONCLUSIVE, /* none seen, and that proves nothing; `why` says what is missing */
  PGR_VERDICT_ERROR         /* the evidence is broken: failed operations, or two counts that contradict each other */
} pgr_verdict;

/* "race", "safe", "none-seen", "inconclusive", "error" */
const char *pgr_verdict_name(pgr_verdict v);
/* "race", "safe", or NULL for nothing expected */
const char *pgr_expect_name(pgr_expect e);

/* What one cell (strategy at an isolation level) showed. */
typedef struct pgr_evidence {
  pgr_expect expect;
  bool sampled_rarely;            /* its race lies inside one statement: seeing none says little */
  bool ran;                       /* else nothing below means anything */
  bool rules_known;               /* every rule was checked */
  uint64_t contested, duplicates; /* rounds; duplicates: those in which a rule was broken */
  uint64_t unexplained;           /* refusals that nothing explains */
  const char *never_ok;           /* an operation that agents were released for and that never ended ok, or NULL */
  uint64_t failed, unknown;       /* operations */
  bool explored;                  /* schedule by schedule, not raced: duplicates and contested count schedules */
  bool proved;                    /* every schedule was run, or one that is equal to it */
  const char *short_of;           /* explored and not proved: what is missing, one clause */
  const char *trouble;            /* explored: why what was seen proves nothing, failures neither; NULL: no trouble */
  bool complete;                  /* every planned round ran */
} pgr_evidence;

typedef struct pgr_judgement {
  pgr_verdict verdict;
  bool as_expected;
  char why[200]; /* one clause, "" when the verdict speaks for itself */
} pgr_judgement;

/* Judges n cells that ran together: a cell with nothing seen is `none-seen` only when some cell declared
 * PGR_EXPECT_RACE did race (the control); one that was explored shows nothing of what racing can see. out: n
 * judgements, written. Rules, first that fits: not ran → inconclusive. trouble, and no duplicates → inconclusive.
 * failed > 0 → error. unexplained > 0 → error. duplicates > 0 → race. rules not known, an operation that never ended ok
 * → inconclusive. explored → safe when proved, else inconclusive. contested = 0, sampled_rarely, or no control raced →
 * inconclusive. Else none-seen. as_expected: race where race was expected, none-seen where safe was, anything but error
 * where nothing was.
 */
void pgr_judge(const pgr_evidence *cells, size_t n, pgr_judgement *out);

/* 1 when a cell's evidence is broken or contradicts `expect: safe`, or a proof contradicts `expect: race`; else 2 when
 * anything is incomplete, inconclusive or not as expected (each control that did not race included); else 0. An
 * interrupted run (`interrupted`) is 2 whatever it saw.
 */
int pgr_judge_exit_status(const pgr_evidence *cells, const pgr_judgement *judged, size_t n, bool interrupted);

#endif
