/* What the statements of a strategy may touch in the database it is installed in: their texts, and everything the
 * catalogs tie to the relations they mention (views, triggers and the functions they call, foreign keys, defaults,
 * checks, policies, rules, partitions). Over-approximates; immutable once learnt, but for the answers it keeps.
 * What is made later is not known: a statement that names it reaches everything, but a trigger or a foreign key that a
 * script adds to a table that was there is missed. So is an isolation level that a script sets for later transactions
 * (SET default_transaction_isolation, which reaches everything itself), and a transaction that is DEFERRABLE. */
#ifndef PGR_REACHES_H
#define PGR_REACHES_H

#include "pgr_buf.h"
#include "pgr_db.h"
#include "pgr_ledger.h"

typedef struct pgr_reaches pgr_reaches;

/* Reads the catalogs; any role may. *out: the caller's. Each relation has a bit; of more than 61 the last ones share
 * one, and one is for advisory locks. Errors: as pgr_db_query. */
pgr_code pgr_reaches_learn(pgr_db *db, pgr_reaches **out, pgr_err *err) PGR_MUST_CHECK;
void pgr_reaches_destroy(pgr_reaches *r); /* NULL is fine */

/* sql: one statement, as sent with parameters ($1 …) or pasted; the answer is kept by text. What is written is read
 * too. reads and writes of PGR_REACH_EVERYTHING: all bits but PGR_REACH_TRACKING. Main thread, or under a lock of the
 * caller's. Errors: PGR_ENOMEM. */
pgr_code pgr_reaches_of(pgr_reaches *r, const char *sql, pgr_reach *out) PGR_MUST_CHECK;

/* Names of the objects of a mask, comma-separated, for people. Appended. */
void pgr_reaches_names(const pgr_reaches *r, uint64_t mask, pgr_buf *out);

#endif
