/* What pgrace schema new and diff share. Main thread. */
#ifndef PGR_SCHEMA_NEW_H
#define PGR_SCHEMA_NEW_H

#include "pgr_rule_text.h"
#include "schema_command.h"
#include "schema_files.h"

/* argv[0] is the word behind "new". Return the exit status. */
int pgr_schema_new_transition(int argc, char **argv); /* schema_new_transition.c */
int pgr_schema_new_version(int argc, char **argv);    /* schema_new_version.c */

/* ---- schema_new.c ---- */

extern const char pgr_schema_default_scenarios[]; /* "scenarios", which --scenarios replaces */

/* What to do with a scenario that is new: "lint --server", "run", "explore". */
enum { PGR_SCHEMA_CHECKS = 3 };
extern const char *const pgr_schema_checks[PGR_SCHEMA_CHECKS];

/* As pgr_schema_folder_open, but a folder that is not there is one in which nothing is yet. */
bool pgr_schema_folder_open_or_begin(const char *dir, pgr_schema_folder *out, int *status) PGR_MUST_CHECK;

/* A name that is to be a folder's or a file's. Errors: PGR_EUSAGE. */
pgr_code pgr_schema_check_name(const char *what, const char *name, pgr_err *err) PGR_MUST_CHECK;

/* Lines of SQL comment, at most as wide as everything here. */
void pgr_schema_comment(const char *text, pgr_buf *out);

/* Faults on standard error; returns the exit status. */
int pgr_schema_complain_of_faults(const pgr_faults *faults);

/* A line each, on standard output; nothing in them moves a terminal's cursor. */
void pgr_schema_print_remarks(const char *remarks);

/* Adds the two files of the folder's next migration. */
pgr_code pgr_schema_add_migration(const pgr_migrations *migrations, const char *dir, const char *name, const char *up,
                                  const char *down, pgr_schema_files *files, pgr_err *err) PGR_MUST_CHECK;

/* Which value of a rule is at fault. value: the rule's; NULL: none, and `column` means nothing. */
typedef struct pgr_schema_culprit {
  int column;
  const char *value;
} pgr_schema_culprit;

/* Whether the table has the rule's columns, and their types "=" and its values, each written as PostgreSQL writes it
 * and no two the same. In a read-only transaction of its own. Errors: PGR_EUSAGE (*culprit: with which value),
 * PGR_ENOMEM, PGR_EDATABASE. */
pgr_code pgr_schema_check_rule(pgr_db *db, const pgr_rule *rule, const pgr_rule_target *target,
                               pgr_schema_culprit *culprit, pgr_err *err) PGR_MUST_CHECK;

/* On a server of ours: whether the version can be installed. Changes nothing. Errors: as above. */
pgr_code pgr_schema_try_version(const pgr_schema_database *d, const char *sql, pgr_err *err) PGR_MUST_CHECK;

/* ---- schema_diff.c ---- */

/* The text as version `number` of the trigger. */
enum { PGR_SCHEMA_LABEL_BYTES = 128 };
pgr_source pgr_schema_labelled(const pgr_trigger *t, int number, const char *text, char label[PGR_SCHEMA_LABEL_BYTES]);

/* On standard output, the unified diff of two texts, by diff. *differ: its status was 1. Errors: PGR_EENVIRONMENT (no
 * diff). */
pgr_code pgr_schema_print_diff(const pgr_source *from, const pgr_source *to, bool *differ, pgr_err *err) PGR_MUST_CHECK;

/* The trigger of that name; NULL: there is none, err says so with the nearest one. */
const pgr_trigger *pgr_schema_find_trigger(const pgr_triggers *triggers, const char *name, pgr_err *err);

#endif
