/* A connection for the main thread: waits for its answers, but gives up when the user interrupts. */
#ifndef PGR_DB_H
#define PGR_DB_H

#include "pgr_target.h"
#include <stdbool.h>
#include <stdint.h>

typedef struct pgr_db pgr_db;

/* *out: the caller's, to be given to pgr_db_close. Errors: PGR_EDATABASE with the server's reason,
 * PGR_EINTERRUPTED, PGR_ENOMEM. */
pgr_code pgr_db_connect(const pgr_target *t, pgr_db **out, pgr_err *err) PGR_MUST_CHECK;
/* The same for dropping what was created: interrupts are ignored, now and later, and each step has ten seconds. */
pgr_code pgr_db_connect_for_cleanup(const pgr_target *t, pgr_db **out, pgr_err *err) PGR_MUST_CHECK;

void pgr_db_close(pgr_db *db); /* NULL is fine */

/* How long each statement from now on may take, nanoseconds; 0, as at first: for ever. One that takes longer is
 * PGR_EDATABASE, and the connection is of no use after it. */
void pgr_db_limit(pgr_db *db, int64_t limit_ns);

/* One or more statements without parameters or results of interest. Errors: PGR_EDATABASE with the server's primary
 * message, PGR_EINTERRUPTED (the statement is cancelled). */
pgr_code pgr_db_exec(pgr_db *db, const char *sql, pgr_err *err) PGR_MUST_CHECK;

/* One statement with text parameters (NULL: SQL NULL). *out: the caller's, to be given to PQclear; not NULL when
 * PGR_OK, untouched otherwise. */
pgr_code pgr_db_query(pgr_db *db, const char *sql, int count, const char *const *values, PGresult **out,
                      pgr_err *err) PGR_MUST_CHECK;

/* Asks the server whether it understands a statement with $1 … $n, without running it. Errors: as pgr_db_exec. */
pgr_code pgr_db_parse(pgr_db *db, const char *sql, pgr_err *err) PGR_MUST_CHECK;

/* The only value of a query's only row, as a number or as text of up to out_bytes. */
pgr_code pgr_db_query_int(pgr_db *db, const char *sql, int64_t *out, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_db_query_text(pgr_db *db, const char *sql, char *out, size_t out_bytes, pgr_err *err) PGR_MUST_CHECK;

/* SQLSTATE and constraint name that the last statement failed with; "" when it did not, when the connection was lost,
 * or when the error names no constraint. Borrowed. */
const char *pgr_db_sqlstate(const pgr_db *db);
const char *pgr_db_constraint(const pgr_db *db);
/* Whether the last statement failed for what it says (a missing table, a broken constraint), not for what became of the
 * server or the connection. */
bool pgr_db_blames_sql(const pgr_db *db);
/* Where in the text that was sent the server saw the error: characters from 1, 0 when it does not say. */
int pgr_db_error_position(const pgr_db *db);

const PGconn *pgr_db_raw(const pgr_db *db);

#endif
