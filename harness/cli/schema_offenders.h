/* Rows that break a rule before it is installed: asked for, and shown. Main thread. */
#ifndef PGR_SCHEMA_OFFENDERS_H
#define PGR_SCHEMA_OFFENDERS_H

#include "pgr_installed.h"
#include "pgr_units.h"
#include "schema_command.h"

/* Of one trigger that a migration installs. */
typedef struct pgr_schema_worry {
  const pgr_trigger *trigger;
  const pgr_offenders *offenders;
  size_t count;
  int64_t rows; /* of all offenders */
} pgr_schema_worry;

typedef struct pgr_schema_worries {
  pgr_schema_worry items[PGR_PARTS_MAX];
  size_t count;
  int64_t rows;
  char unasked[2 * PGR_SCHEMA_CELL_BYTES]; /* why one could not be asked; "" */
} pgr_schema_worries;

typedef struct pgr_schema_asking {
  pgr_db *db;
  const pgr_triggers *triggers;
  pgr_arena *arena;  /* for what is found */
  bool accepts;      /* rows may break a rule: what the server does not let us ask is no error */
  bool only_looks;   /* nothing will be applied: what cannot be asked is worth a word */
  bool may_be_early; /* a query may fail because what an earlier migration makes is not there yet */
} pgr_schema_asking;

/* Of every trigger that the migration brings to its latest version: the declared rule is that version's. Errors:
 * PGR_EUSAGE (a query in trigger.yaml), PGR_EDATABASE, PGR_EINTERRUPTED, PGR_ENOMEM. */
pgr_code pgr_schema_ask(const pgr_schema_asking *a, const pgr_migration *migration, pgr_schema_worries *out,
                        pgr_err *err) PGR_MUST_CHECK;
void pgr_schema_worries_print(const pgr_schema_worries *w);

/* "1 row breaks", "3 rows break". Returns out. */
const char *pgr_schema_rows_break(int64_t rows, char out[PGR_TEXT_BYTES * 2]);
/* What to do about them. */
void pgr_schema_mend_print(void);

#endif
