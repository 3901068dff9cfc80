/* Names, values and texts of others written into a scenario: into SQL where ":name" is a variable even inside quotes,
 * and into YAML. Every function appends to out. Pure. */
#ifndef PGR_SCHEMA_QUOTE_H
#define PGR_SCHEMA_QUOTE_H

#include "pgr_rule_text.h"

/* As pgr_sql_name, pgr_sql_qualified. */
void pgr_quote_name(const char *name, pgr_buf *out);
void pgr_quote_table(const pgr_rule *rule, pgr_buf *out);

/* A value of the column's type; NULL: SQL NULL. */
void pgr_quote_value(const pgr_rule_target_column *column, const char *text, pgr_buf *out);

/* A scalar on one line, plain where that means the same. */
void pgr_quote_yaml(const char *text, pgr_buf *out);
/* The same as prose that is broken at spaces, indented; with the end of the last line. */
void pgr_quote_folded(const char *text, int indent, pgr_buf *out);
/* Lines, as a block indented by so many spaces where that is possible; with the end of the last line. */
void pgr_quote_block(const char *text, int indent, pgr_buf *out);

#endif
