/* What the files of this module share: statements with their tokens and trees. */
#ifndef PGR_SQL_INTERNAL_H
#define PGR_SQL_INTERNAL_H

#include "pgr_objects.h"
#include "pgr_statements.h"
#include "pgr_study.h"
#include <jansson.h>

/* ---- study.c ---- */

/* The relations, functions and WITH names of a part of a tree. Errors: PGR_ENOMEM. */
pgr_code pgr__study_tree(const json_t *tree, pgr_arena *arena, pgr_study *out) PGR_MUST_CHECK;

/* In SET (a, b) = (SELECT …) the tree that is written out holds the SELECT once for each column, and so on inside it.
 * Whether that could become too much, by the words, commas and parentheses of the text. */
bool pgr__may_swell(const char *sql, size_t len);

/* ---- statements.c ---- */

/* As PostgreSQL's scanner cuts the text; comments are left out. Bytes. */
typedef struct pgr__token {
  size_t start, end;
  bool is_string; /* a constant: '…', E'…', $$…$$ */
} pgr__token;

/* A statement, without white space and comments around it. All borrowed until the visit returns. */
typedef struct pgr__piece {
  const char *text; /* NUL-terminated */
  size_t offset, len;
  const pgr__token *tokens; /* at least one */
  size_t token_count;
  const char *kind;   /* "CreateTrigStmt"; NULL: too long to be looked into */
  const json_t *node; /* the fields of that node */
} pgr__piece;

typedef pgr_code (*pgr__piece_visit)(void *context, const pgr__piece *piece);

/* Calls visit for each statement before the first fault. Errors: PGR_ENOMEM, and what visit returns. */
pgr_code pgr__pieces(const pgr_source *source, pgr_faults *faults, pgr__piece_visit visit,
                     void *context) PGR_MUST_CHECK;

bool pgr__token_is(const pgr__piece *piece, size_t index, const char *word);
/* NULL for a NULL node and for what is no text. */
const char *pgr__field(const json_t *node, const char *name);
bool pgr__flag(const json_t *node, const char *name);
bool pgr__field_is(const json_t *node, const char *name, const char *value);
/* The String nodes of a list, or of a List node; NULL: that element is none, or there are fewer. */
const char *pgr__string_at(const json_t *names, size_t index);
/* The array of a list, or of a List node. */
const json_t *pgr__list(const json_t *names);
/* "MATERIALIZED VIEW" of "MATVIEW": how a tag calls a type of object; NULL: as the tree does, with spaces. */
const char *pgr__object_word(const char *type);

/* ---- subjects.c ---- */

/* *out: in the arena; NULL: it is about nothing. Errors: PGR_ENOMEM. */
pgr_code pgr__subject_read(const pgr__piece *piece, pgr_arena *arena, const char **out) PGR_MUST_CHECK;

/* ---- locks.c ---- */

/* Of a cursor that an earlier statement declared: what FETCH locks, when it calls the query's functions. */
typedef struct pgr__cursor {
  const struct pgr__cursor *before; /* declared before it, perhaps by the same name */
  const char *name;
  const pgr_lock *locks;
  size_t count;
} pgr__cursor;

/* Relations and cursors that earlier statements made. Init with {.arena = …}. */
typedef struct pgr__made {
  pgr_arena *arena;
  pgr_lock *at;
  size_t count, cap;
  const pgr__cursor *cursors;
  bool linked; /* what was made may lead to what was not: by a foreign key, a partition, an owner, or unseen */
} pgr__made;

/* What is found in one statement; all in the arena of made. */
typedef struct pgr__locker {
  pgr__made *made;
  pgr_arena *arena;
  pgr_sql_statement *statement;
  const char *schema; /* that the statement creates, in which names without a schema are looked for first; or NULL */
  pgr_lock *locks;
  size_t count, cap;
  bool no_memory;
} pgr__locker;

/* Fills locks, ends_transaction, needs_none and wants_input. Errors: PGR_ENOMEM. */
pgr_code pgr__locks_read(pgr__made *made, const pgr__piece *piece, pgr_sql_statement *out) PGR_MUST_CHECK;

/* The stronger of two modes stays. Nothing, when the relation was made before. relation NULL: as pgr__lock_untold. */
void pgr__lock(pgr__locker *r, const char *schema, const char *relation, pgr_lock_mode mode);
/* Of an object that is not told. */
void pgr__lock_untold(pgr__locker *r, pgr_lock_mode mode);
/* What the RangeVar names is made; by the other name, if that is not NULL. */
void pgr__made_one(pgr__locker *r, const json_t *range_var, const char *renamed);
/* all: also those that were made with a schema's name. */
void pgr__forget_made(pgr__made *made, bool all);

/* ---- queries.c ---- */

/* A SELECT, INSERT, UPDATE, DELETE or MERGE that is run. mode: unused, for it is one of many such functions. */
void pgr__read_query(pgr__locker *r, const json_t *query, pgr_lock_mode mode);
/* What parsing the query locks. */
void pgr__read_mentions(pgr__locker *r, const json_t *query);
/* What the functions lock that are called anywhere in a tree. */
void pgr__read_calls(pgr__locker *r, const json_t *tree);

/* ---- raises.c ---- */

/* Fills raises and compares of a plpgsql or sql function; statement: its whole CREATE FUNCTION. Errors: PGR_ENOMEM. */
pgr_code pgr__body_read(const char *statement, pgr_arena *arena, pgr_made_function *f) PGR_MUST_CHECK;

#endif
