/* What the files of a rule share. */
#ifndef PGR_RULE_INTERNAL_H
#define PGR_RULE_INTERNAL_H

#include "pgr_rule_text.h"

/* ---- rule_states.c ---- */

bool pgr__side_equal(pgr_side a, pgr_side b);
bool pgr__state_equal(pgr_state a, pgr_state b);

/* As pgr_rule_states, and the two others in any case: every row is in one of these. */
int pgr__every_state(const pgr_rule_column *column, pgr_state out[PGR_STATES_MAX]);

/* out[i]: whether a row can come to be in states[i]; all of them where beginnings are not ruled. via[i]: the state that
 * it comes from, -1 for one that rows begin with. The way is as short as any. */
void pgr__reach(const pgr_rule_column *column, const pgr_state *states, int count, bool out[PGR_STATES_MAX],
                int via[PGR_STATES_MAX]);

/* Whether there is a state that the rule does not let a row begin with; a change of it that it refuses. */
bool pgr__refuses_begins(const pgr_rule_column *column);
bool pgr__refuses_changes(const pgr_rule_column *column);

/* Whether rows may be in the state at all: some change leads there or away, or rows begin with it; or no state is
 * mentioned by any. */
bool pgr__knows(const pgr_rule_column *column, pgr_state state);

/* ---- rule_condition.c ---- */

/* The condition, true of what the rule refuses, else false or NULL. before, after: expressions. indent: of lines after
 * the first, in characters. The column must refuse something. */
void pgr__write_refused(const pgr_rule_column *column, const char *before, const char *after, int indent, pgr_buf *out);
/* The same of a new row. */
void pgr__write_refused_begin(const pgr_rule_column *column, const char *after, pgr_buf *out);

/* "= 'a'" or "IN ('a', 'b')"; of none nothing. */
void pgr__write_among(const char *const *values, int count, pgr_buf *out);
/* "<> 'a'" or "NOT IN ('a', 'b')" */
void pgr__write_not_among(const char *const *values, int count, pgr_buf *out);

/* ---- rule_sql.c ---- */

/* The triggers of a rule, one for each column and event: that it fires says what was wrong, so the function compares no
 * values, which it would do by other operators than WHEN (those of its search_path). Each calls the same function. */
typedef enum pgr__event {
  PGR__INSERT,
  PGR__UPDATE,   /* of a column that may be set to what it is */
  PGR__UPDATE_OF /* of one that may not: fires only when it is named */
} pgr__event;

typedef struct pgr__trigger {
  pgr__event event;
  int column;   /* of the rule */
  bool further; /* PGR__INSERT: there is one before it */
} pgr__trigger;
enum { PGR__TRIGGERS_MAX = 2 * PGR_RULE_COLUMNS_MAX };

/* The first one has the rule's own name. Returns their number; 0: the rule refuses nothing. */
int pgr__triggers(const pgr_rule *rule, pgr__trigger out[PGR__TRIGGERS_MAX]);
/* Appends the name of the i-th, as it is. */
void pgr__trigger_name(const pgr_rule *rule, const pgr__trigger *trigger, int i, pgr_buf *out);

/* Appends the piece as a literal, and empties it. */
void pgr__piece_literal(pgr_buf *piece, pgr_buf *out);
/* A text that was put together for a part of out: out has failed when it has. Deinits it. */
void pgr__piece_end(pgr_buf *piece, pgr_buf *out);

void pgr__write_table(const pgr_rule *rule, pgr_buf *out);
/* "-- text", in as many lines as it needs; nothing in the text ends the comment. */
void pgr__write_comment(const char *text, pgr_buf *out);
/* body between dollar quotes that it does not end. The caller ends body, with pgr__piece_end. */
void pgr__write_dollars(const pgr_buf *body, pgr_buf *out);

/* ---- rule_words.c ---- */

/* "conversations.texter_id may go from …, and may be set to what it is"; "conversations.status begins with 'open'" */
void pgr__change_words(const pgr_rule *rule, const pgr_rule_column *column, pgr_buf *out);
void pgr__begin_words(const pgr_rule *rule, const pgr_rule_column *column, pgr_buf *out);

#endif
