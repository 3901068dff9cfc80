/* What both forms of the page, Markdown and JSON, ask of a folder. */
#ifndef PGR_SCHEMA_DOC_INTERNAL_H
#define PGR_SCHEMA_DOC_INTERNAL_H

#include "pgr_schema_doc.h"

/* Whether the migration installs the version. */
bool pgr__doc_installs(const pgr_triggers *triggers, const pgr_migration *m, const pgr_version *version);

/* Whether it raises errors, as far as that can be told. */
bool pgr__doc_refuses(const pgr_trigger *t);

/* The comment on trigger i of a version; NULL: it has none, or an earlier one has the same. */
const char *pgr__doc_comment(const pgr_version *version, size_t i);

/* Appends text from elsewhere made fit to be shown: what is not UTF-8 becomes '?', control characters (lines: but for
 * line feeds) spaces, and what turns the direction of the text that follows '?'. */
void pgr__doc_clean(const char *text, bool lines, pgr_buf *out);

#endif
