/* What the agents of a rule's scenario do: they read the same state, and go on to states that must not follow each
 * other. Pure. */
#ifndef PGR_SCHEMA_CONTEST_H
#define PGR_SCHEMA_CONTEST_H

#include "pgr_rule_text.h"

typedef enum pgr_contest_kind {
  PGR_CONTEST_OWN,  /* each agent writes a value of its own, whose text is made from its number */
  PGR_CONTEST_SAME, /* all write the same value, which may be written once */
  PGR_CONTEST_TWO   /* some agents take `steps`, the others write `stale` */
} pgr_contest_kind;

/* Two values that stand for "any value" and "any other": of the column's type, not named by the rule. NULL: pgrace
 * knows none. */
typedef struct pgr_contest_column {
  const pgr_rule_target_column *target; /* NULL: the table has no such column */
  const char *others[2];
} pgr_contest_column;

typedef struct pgr_contest {
  int column;                       /* of the rule, the one that is contested */
  pgr_state before[PGR_STATES_MAX]; /* what a row is inserted with, and what it goes through to the state that all read,
                                       the last one */
  int before_count;
  pgr_contest_kind kind;
  pgr_state steps[PGR_STATES_MAX]; /* one after the other; the last one must not be followed by `stale` */
  int step_count;
  pgr_state stale;
  bool both_ways;  /* nor `stale` by it */
  bool one_wins;   /* of all agents only one may be told yes */
  int number_base; /* of PGR_CONTEST_OWN and a numeric type: added to the agent's number, past what the rule names */
} pgr_contest;

/* NULL: the table has no column of that name. */
const pgr_rule_target_column *pgr_contest_find_column(const pgr_rule_target *target, const char *name);

/* columns: PGR_RULE_COLUMNS_MAX, one for each of the rule's. Texts are borrowed, or static. */
void pgr_contest_columns(const pgr_rule *rule, const pgr_rule_target *target, pgr_arena *arena,
                         pgr_contest_column *columns);

/* The shortest contest that the table's rows can be in: where no two changes collide, a stale check after several can.
 * false: there is none. */
bool pgr_contest_find(const pgr_rule *rule, const pgr_contest_column *columns, pgr_contest *out);

/* A state that a new row may have in a column which is not contested: NULL where that is possible. false: none. */
bool pgr_contest_begin(const pgr_rule_column *column, const pgr_contest_column *c, pgr_state *out);

/* Whether agents' numbers make values of the type. */
bool pgr_contest_makes_values(const pgr_rule_target_column *target);

/* The text of a state's value, NULL for SQL NULL. */
const char *pgr_contest_text(const pgr_contest_column *c, pgr_state state);

#endif
