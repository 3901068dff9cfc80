/* The migrations of a folder: NUMBER_name.up.sql and NUMBER_name.down.sql, as psql would run them. A file is SQL, or it
 * has nothing but comments and lines \ir FILE, each of a file that is SQL (a trigger's version). Main thread. */
#ifndef PGR_MIGRATIONS_H
#define PGR_MIGRATIONS_H

#include "pgr_fault.h"
#include "pgr_mem.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  PGR_MIGRATIONS_MAX = 10000,
  PGR_PARTS_MAX = 16,
  PGR_MIGRATION_BYTES_MAX = 8 << 20,    /* of a file */
  PGR_MIGRATIONS_BYTES_MAX = 256 << 20, /* of a folder's files together */
  PGR_MIGRATION_DIGITS_MAX = 18,        /* of a number */
  PGR_MIGRATION_NAME_BYTES_MAX = 120,
  PGR_CHECKSUM_BYTES = 65
};

/* One direction of a migration. */
typedef struct pgr_migration_text {
  const char *file; /* path as a person gave the folder: "schema/0002_inbox.up.sql"; NULL: there is none */
  pgr_source parts[PGR_PARTS_MAX]; /* the SQL: of the file itself, or of those it includes; names are paths alike */
  size_t part_count;
} pgr_migration_text;

typedef struct pgr_migration {
  int64_t number;
  int digits;       /* how many the file's name has: 4 of 0002 */
  const char *name; /* "conversation_texter_assignment" */
  pgr_migration_text up, down;
  /* SHA-256 of what up does, in hexadecimal: of the parts, one behind the other. CR LF counts as LF, which is what
   * checking out a file may change in it. */
  char checksum[PGR_CHECKSUM_BYTES];
} pgr_migration;

typedef struct pgr_migrations {
  const char *folder;   /* as given */
  pgr_migration *items; /* by number */
  size_t count;
  pgr_arena arena;
} pgr_migrations;

/* Adds faults for what is no migration's name or not UTF-8, numbers given twice, a down without its up, files that
 * cannot be read or are no text, includes that are not there or lie outside the folder, statements that end the
 * migration's transaction, cannot run in one, or wait for data. Only names that end in .sql, in any case, are looked
 * at. A folder that is not there is PGR_EUSAGE. folder: borrowed, as long as out. out: to be given to
 * pgr_migrations_deinit in any case; not to be applied when there was a fault. Errors: also PGR_ENOMEM, PGR_ELIMIT,
 * PGR_EENVIRONMENT. */
pgr_code pgr_migrations_read(const char *folder, pgr_migrations *out, pgr_faults *faults, pgr_err *err) PGR_MUST_CHECK;
void pgr_migrations_deinit(pgr_migrations *m);

/* "0002_conversation_texter_assignment"; out: 160 bytes. */
const char *pgr_migration_title(const pgr_migration *m, char out[160]);

#endif
