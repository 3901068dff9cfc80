/* The statements of a SQL file, by PostgreSQL's own grammar: where each begins, what it locks, what it makes, and what
 * it must not do inside a migration. Pure. Thread: any one at a time (libpg_query points standard error elsewhere while
 * it parses). */
#ifndef PGR_STATEMENTS_H
#define PGR_STATEMENTS_H

#include "pgr_fault.h"
#include "pgr_mem.h"
#include <stdbool.h>

/* PostgreSQL's, weakest first. UNKNOWN: nothing is known of the statement: a DO block, a function that is called. */
typedef enum pgr_lock_mode {
  PGR_LOCK_NONE,
  PGR_LOCK_ACCESS_SHARE,
  PGR_LOCK_ROW_SHARE,
  PGR_LOCK_ROW_EXCLUSIVE,
  PGR_LOCK_SHARE_UPDATE_EXCLUSIVE,
  PGR_LOCK_SHARE,
  PGR_LOCK_SHARE_ROW_EXCLUSIVE,
  PGR_LOCK_EXCLUSIVE,
  PGR_LOCK_ACCESS_EXCLUSIVE,
  PGR_LOCK_UNKNOWN
} pgr_lock_mode;

/* "SHARE ROW EXCLUSIVE", as LOCK TABLE takes it; "?" for unknown */
const char *pgr_lock_mode_name(pgr_lock_mode mode);
/* Whom it keeps waiting, for people: "nobody", though what takes ACCESS EXCLUSIVE waits for every lock; "writers of the
 * same rows", of those that the statement locks or changes (for rows that it adds, who adds the same unique key);
 * "VACUUM and DDL", "writers", "readers and writers" */
const char *pgr_lock_mode_blocks(pgr_lock_mode mode);

typedef struct pgr_lock {
  const char *schema, *relation; /* schema NULL: none is written; relation NULL: of an object that is not told here */
  pgr_lock_mode mode;
} pgr_lock;

typedef struct pgr_sql_statement {
  size_t offset, len; /* bytes in the source, without white space and comments around it */
  const char *what;   /* "CREATE TRIGGER", "ALTER TABLE", "DO" */
  /* What it is about, as SQL would read it: the table also of an index, a trigger, a policy; several with commas. The
   * type first where `what` does not say it, in COMMENT, GRANT, REVOKE, REINDEX, SECURITY LABEL: "COLUMN t.a",
   * "TRIGGER a ON t", "ALL TABLES IN SCHEMA s". NULL: nothing, as of DO and SELECT, or it was too long to be read. */
  const char *object;
  const pgr_lock *locks; /* each relation once; what is not told last, in at most one of them */
  size_t lock_count;
  bool ends_transaction; /* COMMIT, ROLLBACK, BEGIN, …: a migration's transaction is not its to end */
  bool needs_none;  /* cannot run in a transaction block: VACUUM, CREATE INDEX CONCURRENTLY, CREATE DATABASE, … */
  bool wants_input; /* COPY … FROM STDIN: waits for data that no file of SQL can hold */
} pgr_sql_statement;

typedef struct pgr_sql_statements {
  const pgr_sql_statement *items;
  size_t count;
} pgr_sql_statements;

/* What is created is locked too, but keeps nobody waiting: a relation that an earlier statement of the same text made
 * is left out. So is what only the catalogs know: partitions and children, a table's sequences, tables below a view,
 * those that triggers and foreign keys reach when rows change. What cannot be parsed adds a fault with its place
 * (syntax PostgreSQL 15 does not know); out then holds what comes before. Errors: PGR_ENOMEM. */
pgr_code pgr_statements_read(const pgr_source *source, pgr_arena *arena, pgr_sql_statements *out, pgr_faults *faults,
                             pgr_err *err) PGR_MUST_CHECK;

#endif
