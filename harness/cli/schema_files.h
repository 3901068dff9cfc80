/* Files that are written together: all of them, or none. Main thread. */
#ifndef PGR_SCHEMA_FILES_H
#define PGR_SCHEMA_FILES_H

#include "pgr_buf.h"
#include "pgr_mem.h"
#include <limits.h>
#include <stdbool.h>

enum { PGR_SCHEMA_FILES_MAX = 64 };

typedef struct pgr_schema_file {
  const char *path, *text;
  const char *before; /* what it replaces; NULL: it is new */
} pgr_schema_file;

/* Init with {0}. Paths and texts are copied into the arena, which is its own. */
typedef struct pgr_schema_files {
  pgr_schema_file items[PGR_SCHEMA_FILES_MAX];
  size_t count;
  pgr_arena arena;
} pgr_schema_files;

void pgr_schema_files_deinit(pgr_schema_files *f);

/* What others name comes before them. The parts of the path are joined with slashes, NULL ends them; before: as above.
 * Errors: PGR_EUSAGE (a path that is too long), PGR_ELIMIT, PGR_ENOMEM. */
pgr_code pgr_schema_files_add(pgr_schema_files *f, const char *const *path, const char *text, const char *before,
                              pgr_err *err) PGR_MUST_CHECK;

/* Writes the new ones, with the folders they need, and replaces the others. Errors: PGR_EUSAGE (a new one is there
 * already), PGR_EENVIRONMENT; then everything is as it was. */
pgr_code pgr_schema_files_write(const pgr_schema_files *f, pgr_err *err) PGR_MUST_CHECK;

/* Appends the text as it may be shown on a terminal: of control characters only line ends and tabs stay as they are. */
void pgr_schema_show_text(const char *text, pgr_buf *out);

/* Lists them on standard output, or, where nothing is to be written, shows what each would hold, as above. */
void pgr_schema_files_tell(const pgr_schema_files *f, bool dry_run);

/* Reads a file as text. *out: the caller's, to be given to pgr_free; NULL, and no error, where there is none. Errors:
 * PGR_EUSAGE (too long, no text), PGR_EENVIRONMENT, PGR_ENOMEM. */
pgr_code pgr_schema_file_read(const char *path, char **out, pgr_err *err) PGR_MUST_CHECK;

/* How `to` is called in the folder `from`, both seen from here; either may not be there yet. Errors: PGR_EENVIRONMENT,
 * PGR_EUSAGE (too long). */
pgr_code pgr_schema_relative(const char *from, const char *to, char out[PATH_MAX], pgr_err *err) PGR_MUST_CHECK;

#endif
