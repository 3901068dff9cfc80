/* SQL files that make objects, applied one transaction each. Main thread. */
#ifndef PGR_SCHEMA_H
#define PGR_SCHEMA_H

#include "pgr_db.h"
#include "pgr_fault.h"

/* Runs the file. Errors: PGR_EUSAGE, "file:line:column: the server's message", the database is unchanged then;
 * PGR_EDATABASE when it is not the file's fault (also: the role lacks a privilege), PGR_EINTERRUPTED, PGR_ENOMEM. */
pgr_code pgr_schema_apply(pgr_db *db, const pgr_source *file, pgr_err *err) PGR_MUST_CHECK;

/* The same of several, in a transaction that is open already, and stays open; after an error it has failed. */
pgr_code pgr_schema_apply_within(pgr_db *db, const pgr_source *files, size_t count, pgr_err *err) PGR_MUST_CHECK;

#endif
