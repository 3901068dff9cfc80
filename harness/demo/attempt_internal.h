/* One seat's attempt at a conversation. Pure. */
#ifndef PGR_ATTEMPT_INTERNAL_H
#define PGR_ATTEMPT_INTERNAL_H

#include "pgr_cast.h"
#include "pgr_explain.h"

enum { PGR__CLAUSE_BYTES = 320 };

/* What a seat did to get the conversation: its last operation that acquires, or the one with which it became an owner.
 * Of several tries the last one, but for again and early_read. */
typedef struct pgr__attempt {
  uint32_t agent;
  char name[PGR_CAST_NAME_BYTES];
  const pgr_contest_step *first, *last;
  pgr_outcome outcome;
  const pgr_contest_step
      *lock; /* a SELECT that locks: FOR UPDATE, or an advisory lock; NULL: none, as with all below */
  const pgr_contest_step *read;       /* the last SELECT that returned a row and is no advisory lock */
  const pgr_contest_step *write;      /* the last UPDATE, INSERT or DELETE */
  const pgr_contest_step *effect;     /* what made its write visible to others: its COMMIT, or the write itself */
  const pgr_contest_step *error;      /* what it ended with */
  const pgr_contest_step *again;      /* the error that it tried again after */
  const pgr_contest_step *early_read; /* the SELECT before that one */
  const pgr_contest_step *waited;     /* the last one that waited for a lock and did not fail */
  bool transaction;
} pgr__attempt;

/* acquire: the operation. out->first NULL: the seat did not try. false: its last operation has not ended. */
bool pgr__attempt_gather(const pgr_contest *c, int acquire, uint32_t agent, pgr__attempt *out);

bool pgr__contains(const char *text, const char *words); /* in whatever case */
bool pgr__step_begins(const pgr_contest_step *s, const char *word);
/* "UPDATE": the statement's first word in capitals; "statement" when it is none of the known ones. */
const char *pgr__step_verb(const pgr_contest_step *s);
bool pgr__step_writes(const pgr_contest_step *s);
bool pgr__step_locks_advisory(const pgr_contest_step *s);
bool pgr__step_locks_row(const pgr_contest_step *s);
/* The column that a "SELECT texter_id IS NULL …" asks about, and its bytes; 0: another statement. */
int pgr__step_checks(const pgr_contest_step *s, const char **column);
bool pgr__step_found_free(const pgr_contest_step *s); /* NULL: it did not; of the next one too */
bool pgr__step_found_taken(const pgr_contest_step *s);
/* " (id = 7)": its WHERE, "" when it has none or a long one. Returns out. */
const char *pgr__step_condition(const pgr_contest_step *s, char out[PGR__CLAUSE_BYTES]);
/* " (check violation)", "" for one that is not known here. */
const char *pgr__error_words(const char *sqlstate);

#endif
