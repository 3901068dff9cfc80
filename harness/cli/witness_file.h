/* Witnesses as files. Main thread. */
#ifndef PGR_WITNESS_FILE_H
#define PGR_WITNESS_FILE_H

#include "pgr_stage.h"
#include "pgr_witness.h"

/* Over an older file, whole or not at all. Errors: PGR_EENVIRONMENT. */
pgr_code pgr_write_whole_file(const char *path, const pgr_buf *text, pgr_err *err) PGR_MUST_CHECK;

/* Writes folder/pgrace-witness-SCENARIO-STRATEGY[-LEVEL].json, over an older one; path: filled. Errors:
 * PGR_EENVIRONMENT, nothing is left half written. */
pgr_code pgr_witness_save(const pgr_witness *w, const char *folder, char *path, size_t path_bytes,
                          pgr_err *err) PGR_MUST_CHECK;

/* Errors: PGR_EUSAGE (it is not there, or no witness). *out: as of pgr_witness_read. */
pgr_code pgr_witness_load(const char *path, pgr_witness *out, pgr_err *err) PGR_MUST_CHECK;

/* Writes a spec for PostgreSQL's isolationtester that runs the witness's schedule and shows what it leaves behind.
 * stage: a database with the scenario's tables. Errors: PGR_EUSAGE (an SQL text that no spec can hold),
 * PGR_EENVIRONMENT, those of pgr_db_query. */
pgr_code pgr_witness_emit_spec(const pgr_witness *w, const pgr_stage *stage, const pgr_strategy *strategy,
                               const char *path, pgr_err *err) PGR_MUST_CHECK;

#endif
