/* What a migration's statements lock, and whom that keeps waiting, as a table for people. Main thread. */
#ifndef PGR_SCHEMA_LISTING_H
#define PGR_SCHEMA_LISTING_H

#include "schema_command.h"

enum { PGR_SCHEMA_LISTING_COLUMNS = 4 };

/* Of one direction of a migration: rows of PGR_SCHEMA_LISTING_COLUMNS texts, in an arena. Init with {0}. */
typedef struct pgr_schema_listing {
  const char **cells;
  size_t rows;
} pgr_schema_listing;

/* The columns that all listings of a run are measured into, so that they stand below each other; to be fitted before
 * anything is printed. */
void pgr_schema_listing_begin(pgr_schema_columns *columns);
/* Errors: PGR_ENOMEM. */
pgr_code pgr_schema_list(const pgr_migration_text *text, pgr_schema_columns *columns, pgr_arena *arena,
                         pgr_schema_listing *out, pgr_err *err) PGR_MUST_CHECK;
/* *headed: whether the heading was printed already. */
void pgr_schema_listing_print(const pgr_schema_listing *l, const pgr_schema_columns *columns, bool *headed);

#endif
