/* Scenarios by name: the gallery that is compiled into the program, and the user's own files. Main thread. */
#ifndef PGR_GALLERY_H
#define PGR_GALLERY_H

#include "pgr_scenario.h"
#include <stdbool.h>
#include <stddef.h>

enum { PGR_GALLERY_NAME_BYTES = 64 };

/* name: a path (it has a slash, or ends in .yaml; a folder means the file of its name in it), else a folder of the
 * working directory that holds NAME/NAME.yaml, else a scenario of the gallery. Errors: PGR_EUSAGE, and then either
 * faults of the scenario's files were added, or there were none: then there is no such scenario. A name that may hold a
 * password is not repeated. The caller owns *out. */
pgr_code pgr_gallery_open(const char *name, pgr_scenario **out, pgr_faults *faults, pgr_err *err) PGR_MUST_CHECK;

/* A file beside those of an open scenario: of the gallery's where the scenario is, else of the disk. path: as the names
 * of its sources. false: it cannot be read; why: one clause. *text: NUL-terminated, to be given to pgr_free. */
bool pgr_gallery_read(const pgr_scenario *s, const char *path, char **text, size_t *len_bytes, char why[128]);

/* The name of the gallery's ith scenario, in alphabetical order; false when there are no more. */
bool pgr_gallery_name(size_t i, char out[PGR_GALLERY_NAME_BYTES]);

/* Tells the user, on standard error, why a scenario did not open: its faults, or else the error. Returns the exit
 * status. */
int pgr_gallery_complain(const pgr_faults *faults, const pgr_err *err);

#endif
