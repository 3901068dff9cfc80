/* Values of the script language, as pgbench has them. Pure. */
#ifndef PGR_VALUE_H
#define PGR_VALUE_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum pgr_type { PGR_TYPE_NULL, PGR_TYPE_BOOL, PGR_TYPE_INT, PGR_TYPE_DOUBLE } pgr_type;

typedef struct pgr_value {
  pgr_type type;
  union {
    bool b;
    int64_t i;
    double d;
  } as;
} pgr_value;

enum { PGR_VALUE_BYTES = 32 }; /* enough for the text of any value */

/* As it is sent to the server: "NULL", "true", "-17", "%.15g". Returns out. */
char *pgr_value_text(pgr_value v, char out[PGR_VALUE_BYTES]);

/* What a text (from \gset, -D) means in an expression: pgbench's lazy typing. name: of the variable, for the message.
 * Errors: PGR_EUSAGE (malformed, out of range, empty), *out unchanged. */
pgr_code pgr_value_read(const char *text, const char *name, pgr_value *out, pgr_err *err) PGR_MUST_CHECK;

#endif
