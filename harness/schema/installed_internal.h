/* What the files that read a database's catalogs share. */
#ifndef PGR_INSTALLED_INTERNAL_H
#define PGR_INSTALLED_INTERNAL_H

#include "pgr_installed.h"

/* A while in which the database is read and nothing of it can change: a transaction of its own, or a part of the one
 * that is open. */
typedef struct pgr__look {
  pgr_db *db;
  bool within; /* the transaction was open before */
} pgr__look;

pgr_code pgr__look_begin(pgr__look *look, pgr_db *db, pgr_err *err) PGR_MUST_CHECK;
/* Ends it whatever happened; returns `code`, or what went wrong now when that is PGR_OK. */
pgr_code pgr__look_end(pgr__look *look, pgr_code code, pgr_err *err) PGR_MUST_CHECK;

/* The table as it is named; "" when there is nothing of that name, or no schema of it. oid: of a relation of any kind.
 * schema NULL: by the search path. */
typedef struct pgr__relation {
  char oid[16], kind;
} pgr__relation;
pgr_code pgr__relation_find(pgr_db *db, const char *schema, const char *table, pgr__relation *out,
                            pgr_err *err) PGR_MUST_CHECK;

#endif
