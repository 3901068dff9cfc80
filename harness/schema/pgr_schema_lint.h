/* What is wrong, or soon will be, with the migrations and triggers of a folder. Main thread. */
#ifndef PGR_SCHEMA_LINT_H
#define PGR_SCHEMA_LINT_H

#include "pgr_db.h"
#include "pgr_triggers.h"

typedef struct pgr_lint_finding {
  const char *check;        /* "name-ties", as in docs/triggers.md */
  const pgr_source *source; /* NULL: of the database */
  pgr_place_in at;
  const char *message, *hint; /* hint NULL */
  bool warning;               /* told, but no reason to fail */
} pgr_lint_finding;

/* A constraint that some scenario declares as a rejection. */
typedef struct pgr_lint_declared {
  const char *constraint, *scenario;
} pgr_lint_declared;

typedef struct pgr_lint_input {
  const pgr_migrations *migrations;
  const pgr_triggers *triggers;
  const pgr_lint_declared *declared; /* NULL: nobody looked for scenarios, then nothing is said of them */
  size_t declared_count;
  /* Whether writers who check first and write then can break the rule: what nobody can race needs no scenario. NULL:
   * every rule can be broken so. */
  bool (*contested)(const pgr_rule *rule);
  pgr_db *db; /* NULL: without a database */
} pgr_lint_input;

/* Findings by file and place, in the arena. Errors: PGR_ENOMEM, PGR_EDATABASE. */
pgr_code pgr_schema_lint(const pgr_lint_input *input, pgr_arena *arena, const pgr_lint_finding **out, size_t *count,
                         pgr_err *err) PGR_MUST_CHECK;

#endif
