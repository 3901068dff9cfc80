/* What is made of a rule: SQL, and words. Every function appends to out, whose `failed` the caller checks; names are
 * quoted where PostgreSQL would misread them, values always. Pure. */
#ifndef PGR_RULE_TEXT_H
#define PGR_RULE_TEXT_H

#include "pgr_rule.h"

/* A column as the catalogs describe it; needed to write rows. */
typedef struct pgr_rule_target_column {
  const char *name, *type;               /* format_type(): "bigint", "character varying(20)", "app.mood" */
  char category;                         /* pg_type.typcategory: 'N', 'S', 'E', 'D', 'B', 'U' … */
  bool not_null, has_default, generated; /* generated: GENERATED ALWAYS, as identity or from other columns */
  bool comparable;       /* its type's = says whether two values are the same: not so of json, xml, point, box */
  const char *values[3]; /* two or three values of its type as text, NULL when pgrace knows none */
} pgr_rule_target_column;

typedef struct pgr_rule_target {
  const pgr_rule_target_column *columns;
  int column_count;
  const char *const *key; /* names of the primary key's columns */
  int key_count;
  bool partitioned, partition; /* its rows are its partitions'; it is one itself, whose table may have further ones */
  int children; /* tables that inherit from it, at any depth: its triggers are not theirs. Partitions are none */
  int triggers; /* users' own on it, whoever declares them; not those that a partition has of its table */
} pgr_rule_target;

/* The whole of a version: the function (which only says no), its triggers (whose WHEN is the rule: resolved once, when
 * they are made, so that no search_path of a session can bend it, and nothing is called when nothing is refused),
 * comments. May run where an earlier version stands (CREATE OR REPLACE, PostgreSQL 14). version: from 1; told in the
 * function's body, so that its source says which version a database has. One trigger for each column and event: the
 * first has the rule's name, those of changes of further columns are NAME_set_COLUMN, of new rows NAME_insert and, of
 * further columns, NAME_insert_COLUMN. rule: pgr_rule_check found nothing wrong with it. */
void pgr_rule_write_version(const pgr_rule *rule, int version, pgr_buf *out);
/* Takes away what a version of this rule made; what others had and it has not, it took away itself. What other rules
 * may log with stays, and a comment says how that goes, too. */
void pgr_rule_write_drop(const pgr_rule *rule, pgr_buf *out);

/* One query: the rows of the table that are in a state which the rule does not know, key columns first, then the ruled
 * ones. No text when every state is known to it (nothing can be told from rows alone). key: names. */
void pgr_rule_write_existing(const pgr_rule *rule, const char *const *key, int key_count, pgr_buf *out);
/* One query over rule->history: successive values that the rule forbids, first values that no new row may have, and
 * rows that are compared with nothing because others of their key have the same order or they have none: key, order,
 * column, old, new, fault (words). */
void pgr_rule_write_history(const pgr_rule *rule, pgr_buf *out);

/* The transition table as a test: a script that tries every change of every column on a row of its own, raises an error
 * with what was wrong when one is let through that should be refused, or refused (with another SQLSTATE or constraint,
 * too) where it should not be, and leaves nothing; only one that fails leaves the rejections that log: table has
 * recorded meanwhile. untested: appends, a line each, what cannot be tried for want of values. */
void pgr_rule_write_transitions(const pgr_rule *rule, const pgr_rule_target *target, pgr_buf *out, pgr_buf *untested);

/* "conversations.texter_id may go from NULL to any value and from any value to NULL, and may be set to what it is." */
void pgr_rule_words(const pgr_rule *rule, pgr_buf *out);
/* The same as it is declared: "null->any, any->null, same". */
void pgr_rule_write_allow(const pgr_rule_column *column, pgr_buf *out);
void pgr_rule_write_begin(const pgr_rule_column *column, pgr_buf *out);
/* "NULL", "'open'", "a value", "another value" */
void pgr_state_words(pgr_state state, pgr_buf *out);
/* A Markdown table: from down, to across, yes and no. */
void pgr_rule_write_matrix(const pgr_rule_column *column, pgr_buf *out);

#endif
