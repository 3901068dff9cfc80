/* What is known of functions by their names: those of pg_catalog that touch no table. Pure. Thread: any. */
#ifndef PGR_FUNCTIONS_H
#define PGR_FUNCTIONS_H

#include <stdbool.h>

/* Functions of pg_catalog that are not immutable, and yet neither see nor change what other sessions see: they depend
 * on the session, its settings, the time, chance, or on catalogs that only DDL changes. Of PostgreSQL 15 and later;
 * separated by spaces. */
const char *pgr_functions_harmless(void);
/* Those that are immutable, aggregates or window functions, as far as people call them by name. */
const char *pgr_functions_pure(void);
/* Whether a function of that name, as the catalog spells it, locks no relation but catalogs. false also for what is not
 * known, and for advisory locks, which keep others waiting. */
bool pgr_function_locks_nothing(const char *name);

#endif
