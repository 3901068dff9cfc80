/* What the subcommands of pgrace schema share. Main thread. */
#ifndef PGR_SCHEMA_COMMAND_H
#define PGR_SCHEMA_COMMAND_H

#include "options.h"
#include "pgr_triggers.h"
#include "place.h"

/* A subcommand: argv[0] is its name. Returns the exit status. */
int pgr_schema_up(int argc, char **argv);   /* schema_up.c */
int pgr_schema_down(int argc, char **argv); /* schema_down.c: down, redo */
int pgr_schema_redo(int argc, char **argv);
int pgr_schema_status(int argc, char **argv); /* schema_status.c */
int pgr_schema_new(int argc, char **argv);    /* schema_new.c */
int pgr_schema_diff(int argc, char **argv);
int pgr_schema_check(int argc, char **argv);  /* schema_check.c: lint */
int pgr_schema_doc(int argc, char **argv);    /* schema_doc_command.c */
int pgr_schema_export(int argc, char **argv); /* schema_export.c */

/* ---- schema_command.c ---- */

/* The folder's migrations and triggers. */
typedef struct pgr_schema_folder {
  pgr_migrations migrations;
  pgr_triggers triggers;
} pgr_schema_folder;

/* "schema", which --dir replaces. */
extern const char pgr_schema_default_dir[];

/* Reads both; on faults or an error tells the user, on standard error, and sets *status to the exit status. false: it
 * did. To be given to pgr_schema_folder_close in any case. */
bool pgr_schema_folder_open(const char *dir, pgr_schema_folder *out, int *status) PGR_MUST_CHECK;
void pgr_schema_folder_close(pgr_schema_folder *f);

/* The database that a subcommand works on: with --dsn the one it names, as it is; without, one of our own on a
 * throw-away server, into which, when `install`, all of the folder's migrations were applied. */
typedef struct pgr_schema_database {
  pgr_place place;
  bool ours;
} pgr_schema_database;
pgr_code pgr_schema_database_open(const char *dsn, const pgr_schema_folder *install, pgr_schema_database *out,
                                  pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_schema_database_close(pgr_schema_database *d, pgr_err *err);

/* Closes both and writes out what was printed. Returns status, or, where that was 0 and leaving goes wrong, the exit
 * status of that. */
int pgr_schema_finish(pgr_schema_folder *f, pgr_schema_database *d, int status);

/* Tells err on standard error, with the program's name; returns the exit status. */
int pgr_schema_complain(const pgr_err *err);

/* Prints "inbox: verdict" and, behind it where there is room, else below it, where that is. d: NULL for the folder
 * alone, whose path is told then. No password, and nothing that moves a terminal's cursor. */
void pgr_schema_print_verdict(const pgr_schema_database *d, const char *dir, const char *verdict);

/* Whether the user, asked on the terminal, says yes; `yes`: the option --yes. Without a terminal and without --yes it
 * is an error that says so. expected: the word to type: the database's name. Errors: PGR_EUSAGE, PGR_EINTERRUPTED
 * (Ctrl-C, another word). */
pgr_code pgr_schema_confirm(bool yes, const char *question, const char *expected, pgr_err *err) PGR_MUST_CHECK;

/* Writes a new file, with the folders it needs, whole or not at all; never over one that is there. Errors: PGR_EUSAGE
 * (it is there), PGR_EENVIRONMENT. */
pgr_code pgr_schema_write_new(const char *path, const char *text, size_t len, pgr_err *err) PGR_MUST_CHECK;

/* ---- columns of text ---- */

enum { PGR_SCHEMA_COLUMNS_MAX = 16, PGR_SCHEMA_CELL_BYTES = 256 };

/* Copies a text from elsewhere, cut and made fit to be printed: control characters become spaces. Returns out. */
const char *pgr_schema_show(const char *text, char out[PGR_SCHEMA_CELL_BYTES]);

/* What the connection really reached: "localhost (127.0.0.1), port 5432, user boss"; "socket in /run/postgresql, port
 * 5432, user boss". Returns out. */
const char *pgr_schema_where(const pgr_schema_database *d, char out[PGR_SCHEMA_CELL_BYTES]);

/* How wide each column must be; several tables may be measured into one. Init with {.count = …}. */
typedef struct pgr_schema_columns {
  size_t count; /* 1 … PGR_SCHEMA_COLUMNS_MAX */
  int indent;
  size_t cut; /* the only column, from 1, that may be made narrower, in the middle; 0: the widest ones, at the end */
  int widths[PGR_SCHEMA_COLUMNS_MAX]; /* characters */
} pgr_schema_columns;

/* cells: rows * count texts, line by line; NULL is an empty one. */
void pgr_schema_columns_measure(pgr_schema_columns *c, const char *const *cells, size_t rows);
/* Makes the widest ones narrower until a line fits the terminal; where standard output is none, nothing is cut. */
void pgr_schema_columns_fit(pgr_schema_columns *c);
/* On standard output; what does not fit its column has "…" where it was cut. */
void pgr_schema_columns_print(const pgr_schema_columns *c, const char *const *cells, size_t rows);

/* Prose on standard output, broken at spaces for a terminal of 80; "" prints nothing. */
void pgr_schema_print_wrapped(const char *text, int indent);

#endif
