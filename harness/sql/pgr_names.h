/* Names and values written into SQL. Pure. Thread: pgr_sql_name and pgr_sql_qualified as pgr_statements.h. */
#ifndef PGR_NAMES_H
#define PGR_NAMES_H

#include "pgr_buf.h"
#include <stdbool.h>

/* Appends the name, in double quotes where PostgreSQL would read it otherwise (capitals, keywords, other characters):
 * as quote_ident does. */
void pgr_sql_name(const char *name, pgr_buf *out);
/* schema NULL: the name alone. */
void pgr_sql_qualified(const char *schema, const char *name, pgr_buf *out);
/* Appends 'text', quotes doubled; E'…' where a backslash is in it. */
void pgr_sql_literal(const char *text, pgr_buf *out);
/* Splits "name", "schema.name", "\"Odd\".name" as PostgreSQL's to_regclass reads it. schema: "" when there is none.
 * false: it is no name, or one over 63 bytes. */
bool pgr_sql_read_qualified(const char *text, char schema[64], char name[64]);

#endif
