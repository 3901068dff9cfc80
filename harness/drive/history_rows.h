/* What agents were told, as rows of the table pgrace_history that an invariant may read. */
#ifndef PGR_HISTORY_ROWS_H
#define PGR_HISTORY_ROWS_H

#include "pgr_buf.h"
#include "pgr_history.h"
#include "pgr_scenario.h"

enum { PGR__HISTORY_COLUMNS = 7 };

extern const char pgr__history_rows_table[];  /* makes the table, temporary */
extern const char pgr__history_rows_insert[]; /* $1 … $7: the columns as arrays */

typedef struct pgr__history_rows {
  pgr_buf columns[PGR__HISTORY_COLUMNS];
  const char *values[PGR__HISTORY_COLUMNS];
} pgr__history_rows;

void pgr__history_rows_init(pgr__history_rows *r);
void pgr__history_rows_clear(pgr__history_rows *r);
void pgr__history_rows_add(pgr__history_rows *r, const pgr_scenario *s, const pgr_op *op);
/* For the insert; NULL when there was no memory. Nothing may be added until it is cleared. Borrowed. */
const char *const *pgr__history_rows_values(pgr__history_rows *r);
void pgr__history_rows_deinit(pgr__history_rows *r);

/* Whether an invariant of the scenario reads the table. */
bool pgr__needs_history(const pgr_scenario *s);

#endif
