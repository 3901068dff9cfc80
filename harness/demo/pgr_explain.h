/* What happened in a contest, in three sentences and with its SQL. Pure. */
#ifndef PGR_EXPLAIN_H
#define PGR_EXPLAIN_H

#include "pgr_buf.h"
#include "pgr_moment.h"
#include "pgr_scenario.h"

enum { PGR_CONTEST_STEPS_MAX = 64, PGR_SENTENCES = 3 };

/* A statement of a seat as it ended. */
typedef struct pgr_contest_step {
  uint32_t agent, step;
  uint8_t operation;
  int64_t sent_ns, answered_ns; /* answered_ns 0: not yet */
  int64_t waits_ns;             /* since when it waits or waited for a lock; 0: never */
  uint32_t waits_for;
  bool inferred; /* nobody saw it wait: the times of the statements say that it probably did */
  int64_t rows;
  bool has_value, is_null;
  pgr_outcome outcome; /* of the operation, when it ended with this statement; PGR_OUTCOME_COUNT: it went on */
  char value[48], sqlstate[6], constraint[64], error[160];
  char sql[PGR_MOMENT_SQL_BYTES];
} pgr_contest_step;

/* What two seats did to one conversation, from the first statement while nobody of them was at it. */
typedef struct pgr_contest {
  uint32_t number; /* from 1; 0: there was none */
  int64_t key;
  pgr_contest_step steps[PGR_CONTEST_STEPS_MAX]; /* as sent */
  int step_count;                                /* what came after the last that fits is left out */
  bool cut;
  uint32_t doubled; /* the agent that became a second owner; 0: nobody */
} pgr_contest;

typedef struct pgr_explanation {
  char title[120]; /* "Two agents own conversation 7" */
  char sentences[PGR_SENTENCES][400];
  const char *sql[PGR_SENTENCES]; /* the statement each speaks of, borrowed from the contest; NULL: none */
} pgr_explanation;

/* Notes where a statement that was answered has probably waited, though nobody saw it: it wants the lock that one of
 * the other seat's holds until its transaction ends, and was in flight as that ended. Of two that succeeded by
 * themselves it is not known which one waited. May be called anew as more is answered. */
void pgr_contest_infer(pgr_contest *c);

/* false: not all that matters has ended, or one seat took part alone and was not told no; out is unchanged. Rules,
 * first that fits: a second owner; a rejection (names SQLSTATE and constraint, what the application shows); a lock wait
 * that ended in a refusal; a failure; a retry; a refusal; one after the other. strategy: may be NULL. */
bool pgr_explain(const pgr_contest *c, const pgr_scenario *s, const pgr_strategy *strategy, pgr_explanation *out);

#endif
