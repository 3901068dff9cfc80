/* The scenario of a rule: its table, the naive code that breaks it, the trigger that forbids it, and the transition
 * table as a test. Pure but for the files, which the caller writes. */
#ifndef PGR_SCHEMA_SCENARIO_H
#define PGR_SCHEMA_SCENARIO_H

#include "pgr_rule_text.h"

typedef struct pgr_schema_scenario_input {
  const pgr_rule *rule;
  const pgr_rule_target *target;
  const char *table_sql; /* CREATE TABLE …, of pgr_installed_write_table */
  const char
      *version_path; /* of the version's file, as seen from the scenario's folder: "../../schema/triggers/…/v1.sql" */
} pgr_schema_scenario_input;

typedef struct pgr_schema_scenario_file {
  const char *name; /* in the scenario's folder */
  const char *text;
} pgr_schema_scenario_file;

enum { PGR_SCHEMA_SCENARIO_FILES_MAX = 8 };

/* out: PGR_SCHEMA_SCENARIO_FILES_MAX. Texts in the arena. remarks: appended, a line each, what the scenario cannot show
 * (a rule that no two writers can break, types without values). Errors: PGR_EUSAGE (a key that cannot be made of a
 * number), PGR_ENOMEM. */
pgr_code pgr_schema_scenario(const pgr_schema_scenario_input *input, pgr_arena *arena, pgr_schema_scenario_file *out,
                             size_t *count, pgr_buf *remarks, pgr_err *err) PGR_MUST_CHECK;

/* ---- parts of it ---- */

/* transitions.sql: replaces what is in out, with nothing where nothing can be tried. remarks: as above. */
void pgr_schema_scenario_transitions(const pgr_rule *rule, const pgr_rule_target *target, pgr_buf *out,
                                     pgr_buf *remarks);
/* Whether a transitions.sql is, byte for byte, as pgrace wrote it once, for whatever rule. */
bool pgr_schema_scenario_unedited(const char *text);

/* Appends, a line each, what a rule of this table does that may surprise its author, scenario or not. */
void pgr_schema_scenario_remarks(const pgr_rule *rule, const pgr_rule_target *target, pgr_buf *remarks);

#endif
