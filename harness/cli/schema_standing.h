/* Where a folder and a database's records disagree, in words. Main thread. */
#ifndef PGR_SCHEMA_STANDING_H
#define PGR_SCHEMA_STANDING_H

#include "pgr_journal.h"

enum { PGR_STANDING_TITLE_BYTES = 160 };

/* "0002_inbox": by its file; of a record without one, with as many digits as most of the folder's files have. Returns
 * out. */
const char *pgr_standing_title(const pgr_standing *s, const pgr_migrations *all, char out[PGR_STANDING_TITLE_BYTES]);

/* What the standings of a folder and a database say together. */
typedef struct pgr_standings {
  const pgr_migrations *folder;
  const pgr_standing *items; /* by number; the journal's */
  size_t count;
} pgr_standings;

/* Appends "pgrace schema redo 2", which takes back all that was applied from items[at] on, and what that costs: later
 * migrations, tables. false: nothing, for one of them cannot be taken back. */
bool pgr_standing_redo(const pgr_standings *s, size_t at, pgr_buf *out);
/* Whether taking the migration back drops a table, by its down. */
bool pgr_standing_drops_tables(const pgr_migration *m);

/* The errors of what keeps everything from being done, by PGR_EUSAGE; of CHANGED, MISSING and OTHER. */
pgr_code pgr_standing_refuse(const pgr_standings *s, size_t at, pgr_err *err) PGR_MUST_CHECK;
/* The first that is another project's; PGR_OK: there is none. */
pgr_code pgr_standing_refuse_others(const pgr_standings *s, pgr_err *err) PGR_MUST_CHECK;

#endif
