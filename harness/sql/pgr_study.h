/* What a statement is and what it mentions, by PostgreSQL's own grammar (libpg_query). Pure, no catalogs. */
#ifndef PGR_STUDY_H
#define PGR_STUDY_H

#include "pgr_mem.h"
#include <stdbool.h>
#include <stddef.h>

/* Longer texts are not parsed: libpg_query writes trees out by recursion. */
enum { PGR_STUDY_BYTES_MAX = 16 << 10 };

typedef enum pgr_statement_class {
  PGR_STATEMENT_QUERY,     /* SELECT, INSERT, UPDATE, DELETE, MERGE, VALUES, TABLE: mentions say what it touches */
  PGR_STATEMENT_BEGIN,     /* BEGIN, START TRANSACTION; not DEFERRABLE */
  PGR_STATEMENT_COMMIT,    /* COMMIT, END, without AND CHAIN */
  PGR_STATEMENT_ROLLBACK,  /* ROLLBACK, ABORT, without AND CHAIN */
  PGR_STATEMENT_SAVEPOINT, /* SAVEPOINT, RELEASE */
  PGR_STATEMENT_ROLLBACK_TO,
  PGR_STATEMENT_SETTING, /* SET, RESET, SHOW, SET TRANSACTION; a text without a statement */
  PGR_STATEMENT_OTHER    /* touches everything: DDL, LOCK, TRUNCATE, NOTIFY, COPY, DO, CALL, EXECUTE, EXPLAIN, SELECT
                            INTO, what sets the isolation of later transactions, several at once, and what is too long,
                            nests too deeply or cannot be parsed */
} pgr_statement_class;

typedef enum pgr_stated_isolation { /* by BEGIN, SET TRANSACTION or SET transaction_isolation */
                                    PGR_STATED_NONE,
                                    PGR_STATED_READ_COMMITTED, /* and READ UNCOMMITTED */
                                    PGR_STATED_REPEATABLE_READ,
                                    PGR_STATED_SERIALIZABLE
} pgr_stated_isolation;

typedef struct pgr_mention {
  const char *schema; /* NULL when none is written */
  const char *name;
  bool writes;  /* target of INSERT, UPDATE, DELETE, MERGE, or locked by FOR … */
  bool locks;   /* writes, but by FOR … alone: no trigger fires */
  bool inserts; /* writes, but by an INSERT without ON CONFLICT alone */
  bool updates; /* writes, but by an UPDATE alone, of these columns */
  const char *const *sets;
  size_t set_count;
} pgr_mention;

typedef struct pgr_study {
  pgr_statement_class class;
  pgr_stated_isolation isolation;
  bool changes;                 /* a QUERY, but not a SELECT: the rows it reports are those it added or changed */
  const pgr_mention *relations; /* of a QUERY: every relation named, CTE names too (they match no relation) */
  size_t relation_count;
  const char *const *functions; /* of a QUERY: every function called, last part of its name */
  size_t function_count;
  const char *const *ctes; /* of a QUERY: names that WITH gives, anywhere in it */
  size_t cte_count;
} pgr_study;

/* sql: $1 … $n and :name-free. Strings are in the arena. Errors: PGR_ENOMEM. What cannot be parsed is OTHER, not an
 * error. Thread: any one at a time (libpg_query points standard error elsewhere while it parses). */
pgr_code pgr_study_sql(const char *sql, pgr_arena *arena, pgr_study *out) PGR_MUST_CHECK;

#endif
