/* The database of a cell: what a strategy needs installed, keys seeded, everything put back. Main thread. */
#ifndef PGR_STAGE_H
#define PGR_STAGE_H

#include "pgr_db.h"
#include "pgr_scenario.h"

typedef struct pgr_stage {
  pgr_db *db; /* borrowed */
  const pgr_scenario *scenario;
  uint32_t agents, contenders; /* for the presets of seed, reset and invariants */
} pgr_stage;

/* A fingerprint of every table and sequence. Init with {0}. */
typedef struct pgr_print {
  PGresult *rows; /* name, print; owned */
} pgr_print;

/* Into an empty database. All errors of this module name the file and place, or the part of the scenario. */
pgr_code pgr_stage_install(const pgr_stage *s, const pgr_strategy *strategy, pgr_err *err) PGR_MUST_CHECK;

/* Lets the server parse every statement of the strategy's scripts; what it does not understand is added as a fault at
 * its place. Left out: compounds, and in the simple protocol statements with variables, which may stand for anything.
 * Errors: PGR_EINTERRUPTED, a lost connection. */
pgr_code pgr_stage_check_statements(const pgr_stage *s, const pgr_strategy *strategy, pgr_faults *faults,
                                    pgr_err *err) PGR_MUST_CHECK;

/* Makes the rows of keys first … last. */
pgr_code pgr_stage_seed(const pgr_stage *s, int64_t first, int64_t last, pgr_err *err) PGR_MUST_CHECK;

/* Back to before the seed: the scenario's reset, or every table truncated and every sequence restarted. */
pgr_code pgr_stage_reset(const pgr_stage *s, pgr_err *err) PGR_MUST_CHECK;

pgr_code pgr_stage_print(const pgr_stage *s, pgr_print *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_print_deinit(pgr_print *p);

/* PGR_EUSAGE, naming the table, when after a reset and the same seed the database is not what it was. */
pgr_code pgr_stage_compare(const pgr_stage *s, const pgr_print *before, const pgr_print *after,
                           pgr_err *err) PGR_MUST_CHECK;

/* A query of the scenario's with its presets filled in. *out: the caller's, as of pgr_db_query. */
pgr_code pgr_stage_query(const pgr_stage *s, const char *what, const pgr_template *sql, PGresult **out,
                         pgr_err *err) PGR_MUST_CHECK;

#endif
