/* Where the checks of lint put what they find. */
#ifndef PGR_SCHEMA_LINT_INTERNAL_H
#define PGR_SCHEMA_LINT_INTERNAL_H

#include "pgr_journal.h"
#include "pgr_schema_lint.h"

/* One look at a folder. After an error nothing more is found. */
typedef struct pgr__lint {
  const pgr_lint_input *input;
  pgr_arena *arena; /* the caller's: what findings say */
  pgr_lint_finding *found;
  size_t count, capacity;
  const pgr_standing *standing; /* what the database says of migrations; none without one. The journal's */
  size_t standing_count;
  pgr_code code;
  pgr_err *err;
} pgr__lint;

typedef enum pgr__lint_level { PGR__LINT_ERROR, PGR__LINT_WARNING } pgr__lint_level;

/* source: borrowed of the input; NULL: the finding is of the database. hint: copied, or NULL. */
void pgr__lint_add(pgr__lint *l, pgr__lint_level level, const char *check, const pgr_source *source, pgr_place_in at,
                   const char *hint, const char *fmt, ...) PGR_PRINTF(7, 8);

/* Where the word first stands from the offset on, underlined; the offset's place where it does not. */
pgr_place_in pgr__lint_at_word(const pgr_source *source, size_t offset, const char *word);

/* A database has it, or had it: what its locks keep waiting is over. */
bool pgr__lint_is_applied(const pgr__lint *l, const pgr_version *version);

/* Statements that keep readers waiting, too, and what cannot be parsed. */
void pgr__lint_statements(pgr__lint *l, const pgr_source *source);

/* schema_lint_trigger.c: a trigger by its latest version. */
void pgr__lint_trigger(pgr__lint *l, const pgr_trigger *t);

/* schema_lint_trigger.c: the trigger says no before the row is stored: what fires after it may change what it saw. An
 * AFTER trigger sees what was stored. */
bool pgr__lint_looks_before(const pgr_trigger *t, const pgr_made_trigger *made);
extern const char pgr__lint_later_hint[];

/* schema_lint_when.c: the condition of the IF that the body of a function begins with, when WHEN could ask the same of
 * a trigger of these events; its bytes without IF and THEN. false: it begins with something else, or asks what WHEN
 * cannot. */
bool pgr__lint_first_if(const pgr_made_function *f, const pgr_made_trigger *t, const char **condition, size_t *len);

/* schema_lint_when.c: whether what plpgsql raises in this line of its body is caught there, by a WHEN OTHERS that does
 * not raise it again: then no application sees it. */
bool pgr__lint_is_caught(const char *body, int line);

/* schema_lint_when.c: whether a trigger of the rule looks at this column of it: one for each column asks only for its
 * own in UPDATE OF or WHEN. A WHEN that names none of them hands the row on, and may look at all. */
bool pgr__lint_watches(const pgr_rule *rule, const pgr_made_trigger *made, const char *column);

/* schema_lint_when.c: whether the function of a BEFORE trigger, of this language and source, may change in the row what
 * the trigger `made`, of the latest version of t, looks at: columns of its rule; of one by hand, what that version
 * speaks of. What cannot be read may change everything. */
bool pgr__lint_may_change(const pgr_trigger *t, const pgr_made_trigger *made, const char *language, const char *body);

#endif
