/* The triggers of a folder, described: Markdown for people, JSON for the report's page. Main thread. */
#ifndef PGR_SCHEMA_DOC_H
#define PGR_SCHEMA_DOC_H

#include "pgr_triggers.h"

/* Appends the page: of each trigger its table, events, rule in words, transition table, constraint → message, versions,
 * decision. */
void pgr_schema_doc_markdown(const pgr_triggers *triggers, const pgr_migrations *migrations, pgr_buf *out);
/* Appends a document {"format": 1, "command": "schema", "triggers": […]}, as docs/result.schema.json says.
 * migrations: NULL where nobody looked at them. Errors: PGR_ENOMEM. */
pgr_code pgr_schema_doc_json(const pgr_triggers *triggers, const pgr_migrations *migrations, pgr_buf *out,
                             pgr_err *err) PGR_MUST_CHECK;
/* A decision record to begin with, of the trigger. number: its own. */
void pgr_schema_doc_adr(const pgr_trigger *trigger, int number, pgr_buf *out);

#endif
