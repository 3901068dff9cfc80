/* Where to connect to: libpq's keywords and values, with the password kept out of everything that is printed. */
#ifndef PGR_TARGET_H
#define PGR_TARGET_H

#include "pgr_err.h"
#include <libpq-fe.h>
#include <stdint.h>

typedef struct pgr_target pgr_target;

/* A connection URI or keyword=value string; "" takes all from libpq's environment variables. Nothing of `dsn` is
 * repeated in the error, for it may hold a password. Errors: PGR_EUSAGE, PGR_ENOMEM. */
pgr_code pgr_target_parse(const char *dsn, pgr_target **out, pgr_err *err) PGR_MUST_CHECK;

/* The throw-away server's socket. Removes libpq's own variables (PGHOST, PGSERVICE, PGSSLMODE …) but for PGOPTIONS
 * from this process's environment: they speak of other servers. Before any thread is started. */
pgr_code pgr_target_private(const char *socket_dir, int port, const char *user, pgr_target **out,
                            pgr_err *err) PGR_MUST_CHECK;

/* Replaces one of libpq's settings. Errors: PGR_ENOMEM, t unchanged. */
pgr_code pgr_target_set(pgr_target *t, const char *keyword, const char *value, pgr_err *err) PGR_MUST_CHECK;

/* For PQconnectStartParams; NULL-ended. Borrowed until the next set. Immutable, hence shareable, once set up. */
const char *const *pgr_target_keywords(const pgr_target *t);
const char *const *pgr_target_values(const pgr_target *t);

/* A copy of its own, to be destroyed. Errors: PGR_ENOMEM. */
pgr_code pgr_target_clone(const pgr_target *t, pgr_target **out, pgr_err *err) PGR_MUST_CHECK;

/* Pins the address that `conn` reached, so that other connections of this target neither look up names (which blocks)
 * nor land on another host. Errors: PGR_ENOMEM. */
pgr_code pgr_target_pin(pgr_target *t, const PGconn *conn, pgr_err *err) PGR_MUST_CHECK;

/* How long connecting may take, from connect_timeout as libpq found it (string, service file, environment), which its
 * non-blocking connect leaves to the caller; ten seconds without one, 0 for no limit. conn: from PQconnectStartParams.
 */
int64_t pgr_connect_limit_ns(PGconn *conn);

/* "host:port, user u", no password. Borrowed. */
const char *pgr_target_describe(const pgr_target *t);

void pgr_target_destroy(pgr_target *t);

#endif
