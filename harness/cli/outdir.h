/* The folder of --out: its files appear whole or not at all. Main thread. */
#ifndef PGR_OUTDIR_H
#define PGR_OUTDIR_H

#include "pgr_buf.h"
#include "pgr_history.h"
#include <stdbool.h>

typedef struct pgr_outdir pgr_outdir;

/* Makes the folder (its parent exists) and begins its files, so that a run is not lost to a path that cannot be
 * written. Errors: PGR_EENVIRONMENT. */
pgr_code pgr_outdir_open(const char *path, pgr_outdir **out, pgr_err *err) PGR_MUST_CHECK;

/* Appends a cell's history to history.csv. */
pgr_code pgr_outdir_add_history(pgr_outdir *o, const pgr_history *h, const char *strategy, const char *isolation,
                                int64_t gap_ns, const char *const *kinds, pgr_err *err) PGR_MUST_CHECK;

/* False once a cell's history could not be written: then nothing of it is to be finished. NULL: false. */
bool pgr_outdir_works(const pgr_outdir *o);

/* Writes result.json and puts both files (history.csv when a cell's history was added) under their names, over older
 * ones. A history.csv of an earlier result goes, unless it is to be kept. */
pgr_code pgr_outdir_finish(pgr_outdir *o, const pgr_buf *result, bool keep_history, pgr_err *err) PGR_MUST_CHECK;

/* Writes one more file, whole or not at all. name: without a folder. */
pgr_code pgr_outdir_write(pgr_outdir *o, const char *name, const pgr_buf *text, pgr_err *err) PGR_MUST_CHECK;

/* Removes what was not finished, the folder too when it was made for this and is empty. NULL is fine. */
void pgr_outdir_close(pgr_outdir *o);

#endif
