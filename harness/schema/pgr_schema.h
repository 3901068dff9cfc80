/* Migrations: the SQL files of schema/, carried in the program, applied one transaction each. */
#ifndef PGR_SCHEMA_H
#define PGR_SCHEMA_H

#include "pgr_db.h"

/* name: without .up.sql, as "0001_inbox". Errors: PGR_EUSAGE for an unknown name, else those of pgr_db_exec; the
 * database is unchanged on all of them. */
pgr_code pgr_schema_up(pgr_db *db, const char *name, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_schema_down(pgr_db *db, const char *name, pgr_err *err) PGR_MUST_CHECK;

#endif
