/* The one way to a folder's files: nothing outside of the folder is ever read, whatever a link or an include says. Main
 * thread. */
#ifndef PGR_FOLDER_INTERNAL_H
#define PGR_FOLDER_INTERNAL_H

#include "pgr_fault.h"
#include "pgr_mem.h"
#include <limits.h>
#include <stdbool.h>

enum { PGR__WHY_BYTES = 128 };

typedef struct pgr__folder {
  const char *name;    /* as it was given, without slashes at its end; in the arena */
  char real[PATH_MAX]; /* where it is; without a slash at its end, so "" of the root */
  pgr_arena *arena;    /* borrowed; what is read goes there */
} pgr__folder;

/* Errors: PGR_EUSAGE when there is no such folder, PGR_EENVIRONMENT, PGR_ENOMEM. */
pgr_code pgr__folder_open(const char *name, pgr_arena *arena, pgr__folder *out, pgr_err *err) PGR_MUST_CHECK;

/* Where a file or a folder in it really is; relative: its path from the folder. false, and why: there is none, it lies
 * outside, its path is too long or is not UTF-8. */
bool pgr__folder_find(const pgr__folder *f, const char *relative, char real[PATH_MAX],
                      char why[PGR__WHY_BYTES]) PGR_MUST_CHECK;

/* Reads a file that is a regular one, really lies inside of the folder, has `max` bytes at most, and is text: UTF-8, no
 * NUL, without a byte order mark. out->name: what people call it; NULL: it becomes the folder's name and where in it
 * the file really is. out->text NULL: it was not read, and *why says what stands in the way; or *why is "" and its
 * out->len_bytes bytes are no text, of which faults were added. Errors: PGR_ENOMEM. */
pgr_code pgr__folder_file_read(const pgr__folder *f, const char *relative, size_t max, pgr_source *out,
                               char why[PGR__WHY_BYTES], pgr_faults *faults, pgr_err *err) PGR_MUST_CHECK;

/* What a file's name has to be before others are told of it. */
bool pgr__folder_is_utf8(const char *name);

#endif
