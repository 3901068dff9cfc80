/* The triggers and functions that a SQL file makes, by PostgreSQL's own grammar. Pure. Thread: as pgr_statements.h. */
#ifndef PGR_OBJECTS_H
#define PGR_OBJECTS_H

#include "pgr_fault.h"
#include "pgr_mem.h"
#include <stdbool.h>

/* An error that a function's body raises, as far as that is written with constants. RAISE alone, which passes on what
 * was caught, and RAISE below EXCEPTION are none. */
typedef struct pgr_raise {
  const char *sqlstate; /* "23514" also where check_violation is written; "P0001" when none is; NULL: not a constant */
  const char *constraint; /* NULL: none, or not a constant */
  const char *message;    /* NULL: not a constant */
  int line;               /* in the body, from 1 */
} pgr_raise;

typedef struct pgr_made_function {
  const char *schema; /* NULL: none is written */
  const char *name, *language;
  const char *body; /* as between the quotes; pg_proc.prosrc is the same, byte for byte */
  bool security_definer, sets_search_path;
  const char *comment;     /* NULL: none in this text */
  const pgr_raise *raises; /* of a plpgsql body that parses */
  size_t raise_count;
  bool compares; /* its body has operators or functions that are looked up by the search path when it runs */
  size_t offset; /* of its statement */
} pgr_made_function;

typedef struct pgr_made_trigger {
  const char *name;
  const char *schema, *table; /* schema NULL: none is written */
  const char *function_schema, *function;
  bool before, after, row; /* neither before nor after: INSTEAD OF */
  bool inserts, updates, deletes, truncates;
  const char *const *columns; /* UPDATE OF these */
  size_t column_count;
  const char *when;          /* the condition's text, without WHEN and its parentheses; NULL: none */
  bool replaces, constraint; /* CREATE OR REPLACE; CREATE CONSTRAINT TRIGGER */
  const char *comment;
  size_t offset;
} pgr_made_trigger;

typedef struct pgr_objects {
  const pgr_made_function *functions;
  size_t function_count;
  const pgr_made_trigger *triggers;
  size_t trigger_count;
} pgr_objects;

/* What the text makes; of two statements that make the same the last counts. What cannot be parsed adds a fault with
 * its place. Errors: PGR_ENOMEM. */
pgr_code pgr_objects_read(const pgr_source *source, pgr_arena *arena, pgr_objects *out, pgr_faults *faults,
                          pgr_err *err) PGR_MUST_CHECK;

#endif
