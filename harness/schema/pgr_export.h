/* Migrations in the forms of the frameworks that apply them. Pure. Thread: as pgr_statements.h. */
#ifndef PGR_EXPORT_H
#define PGR_EXPORT_H

#include "pgr_triggers.h"

typedef enum pgr_export_to {
  PGR_EXPORT_SQL,    /* NNNN_name.up.sql and .down.sql without includes: golang-migrate's and sqlx's names */
  PGR_EXPORT_FLYWAY, /* VN__name.sql, UN__name.sql */
  PGR_EXPORT_ECTO,
  PGR_EXPORT_RAILS,
  PGR_EXPORT_DJANGO
} pgr_export_to;

typedef struct pgr_export_options {
  pgr_export_to to;
  /* Of Ecto and Rails, whose versions are times: 20261130120000; each further one is a second later. Flyway: the same,
   * or 0, then its versions are the migrations' numbers. */
  int64_t first_stamp;
  int64_t from;      /* the number of the first migration that is exported; 0: of all of them */
  const char *app;   /* Ecto: module of the application or the repo, "MyApp"; Django: label, "inbox"; else NULL */
  const char *after; /* Django: the migration that the first one depends on, "0007_texters"; NULL: none */
} pgr_export_options;

typedef struct pgr_export_file {
  const char *name; /* of the file; no folder */
  const char *text;
  size_t len_bytes;
} pgr_export_file;

/* "ecto" … → its value; -1: no such word. */
int pgr_export_to_read(const char *word);
/* The words, NULL-ended. */
extern const char *const pgr_export_words[];

/* Whether it is a time as 20261130120000. */
bool pgr_export_stamp_is_valid(int64_t stamp);

/* Files in the arena, by number; the names that a migration gets do not depend on `from`. A migration without a down
 * becomes one that cannot be taken back, in the form's own way. application: appended, what the application's code
 * needs beside them (Ecto's check_constraint lines, what to rescue in Rails, …), nothing for the forms that are SQL.
 * Errors: PGR_EUSAGE (app, after, first_stamp; SQL that PostgreSQL 15's grammar cannot cut into the statements that
 * Ecto and Django want one by one), PGR_ENOMEM. */
pgr_code pgr_export(const pgr_migrations *migrations, const pgr_triggers *triggers, const pgr_export_options *options,
                    pgr_arena *arena, const pgr_export_file **out, size_t *count, pgr_buf *application,
                    pgr_err *err) PGR_MUST_CHECK;

#endif
