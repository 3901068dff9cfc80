/* A rule about how a row's columns may change, as somebody declared it. Immutable once made; texts are borrowed or in
 * an arena. docs/triggers.md is the reference for authors. Pure. */
#ifndef PGR_RULE_H
#define PGR_RULE_H

#include "pgr_buf.h"
#include "pgr_mem.h"
#include <stdbool.h>
#include <stddef.h>

enum {
  PGR_RULE_COLUMNS_MAX = 8,
  PGR_RULE_CHANGES_MAX = 64, /* of a column */
  PGR_RULE_VALUES_MAX = 32,  /* different values that a column's rule names */
  PGR_RULE_VALUE_BYTES_MAX = 200,
  PGR_RULE_TEXT_BYTES_MAX = 4096, /* of an --allow */
  PGR_RULE_NAME_BYTES_MAX = 63    /* of a name in PostgreSQL */
};

typedef enum pgr_side_kind {
  PGR_SIDE_NULL,
  PGR_SIDE_ANY, /* any value; NULL is none */
  PGR_SIDE_VALUE
} pgr_side_kind;

typedef struct pgr_side {
  pgr_side_kind kind;
  const char *value; /* of PGR_SIDE_VALUE, else NULL */
} pgr_side;

/* From one value to another one. Keeping a value is no change: pgr_rule_column.same. */
typedef struct pgr_change {
  pgr_side from, to;
} pgr_change;

/* What may become of one column. */
typedef struct pgr_rule_column {
  const char *name;
  bool same; /* an UPDATE may set what is there already; without it an UPDATE that names the column must change it */
  pgr_change changes[PGR_RULE_CHANGES_MAX];
  int change_count;
  bool begins_ruled; /* new rows are ruled too: they begin with one of */
  pgr_side begins[PGR_RULE_VALUES_MAX];
  int begin_count;
} pgr_rule_column;

/* Where rejections are recorded, beyond the reach of the transaction's rollback. */
typedef enum pgr_rule_log {
  PGR_RULE_LOG_NONE,
  PGR_RULE_LOG_SERVER, /* a line of the server's log */
  PGR_RULE_LOG_TABLE   /* a row of pgrace.rejections, over a connection of its own (dblink) */
} pgr_rule_log;

typedef struct pgr_rule {
  const char *name;     /* of the trigger and the constraint */
  const char *function; /* "conversations_texter_id_transition" */
  const char *schema;   /* of the table; NULL when it is found by the search path */
  const char *table;
  pgr_rule_column columns[PGR_RULE_COLUMNS_MAX];
  int column_count;          /* 0: a trigger that was written by hand, whose rule pgrace does not know */
  char sqlstate[6];          /* "23514" */
  const char *message;       /* the error's */
  const char *why;           /* what would happen without it, one sentence; NULL */
  const char *field, *shown; /* what the application shows, and where; NULL */
  pgr_rule_log log;
  struct {
    const char *table, *key,
        *order; /* a table of earlier values with the same columns, in `order`; NULL: there is none */
  } history;
  const char *existing; /* SQL by hand: the rows that break the rule already; NULL */
  const char *decision; /* path of the decision record; NULL */
} pgr_rule;

/* "null->any, any->null, same", "open->claimed->closed, 'on hold'->open". Values are words, numbers, or 'quoted' as in
 * SQL; null, any and same (in any case) mean what they say unless they are quoted. Fills same, changes. A chain a->b->c
 * is a->b and b->c. Spaces mean nothing; → is ->. offset: byte in text of the fault, for its place. Errors: PGR_EUSAGE
 * (what is wrong and what to write), PGR_ELIMIT, PGR_ENOMEM. */
pgr_code pgr_rule_parse_allow(const char *text, pgr_arena *arena, pgr_rule_column *out, size_t *offset,
                              pgr_err *err) PGR_MUST_CHECK;
/* "open", "null, open": what new rows may begin with. Fills begins_ruled, begins. Otherwise as above; same is no value.
 */
pgr_code pgr_rule_parse_begin(const char *text, pgr_arena *arena, pgr_rule_column *out, size_t *offset,
                              pgr_err *err) PGR_MUST_CHECK;

/* Names that PostgreSQL would cut (the names made from `name`, too), a column twice, a rule that forbids nothing,
 * values that no row can ever have (where beginnings are ruled), an SQLSTATE outside class 23, several lines where
 * there must be one, history half declared. Errors: PGR_EUSAGE. */
pgr_code pgr_rule_check(const pgr_rule *rule, pgr_err *err) PGR_MUST_CHECK;

/* A value as far as a rule tells values apart. */
typedef struct pgr_state {
  pgr_side side;
  int other; /* of PGR_SIDE_ANY: a value that the rule does not name, number 1 or 2 */
} pgr_state;
enum { PGR_STATES_MAX = PGR_RULE_VALUES_MAX + 3 };

/* Every state of a column: NULL, the values named in order of appearance, then, where the rule says any, two others.
 * Returns their number. Named values are borrowed of the column. */
int pgr_rule_states(const pgr_rule_column *column, pgr_state out[PGR_STATES_MAX]);
/* What an UPDATE that sets the column from one state to another meets; equal states are `same`. */
bool pgr_rule_allows(const pgr_rule_column *column, pgr_state from, pgr_state to);
bool pgr_rule_allows_begin(const pgr_rule_column *column, pgr_state begin);

#endif
