/* A throw-away PostgreSQL: a cluster of our own, reachable through a unix socket only, that dies with us.
 *
 * Everything here runs on the main thread, may block for seconds, gives up when pgr_interrupt_pending() and cleans up
 * on every path. The server is a child with a parent-death signal, so it must be started by the main thread. */
#ifndef PGR_SERVER_H
#define PGR_SERVER_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pgr_server pgr_server;

typedef struct pgr_server_options {
  int max_connections; /* at least 1 */
  bool still;          /* nothing happens that nobody asked for: no autovacuum; and transactions can be prepared */
  bool durable;        /* fsync, synchronous_commit and full_page_writes on, on a disk rather than in memory */
} pgr_server_options;

/* Where the server binaries are: $PGRACE_PG_BINDIR, `pg_config --bindir`, $PATH, the newest of
 * /usr/lib/postgresql/N/bin; the first that holds both postgres and initdb. A set but wrong PGRACE_PG_BINDIR is an
 * error, not skipped. bindir: at least PATH_MAX bytes. Errors: PGR_EENVIRONMENT, naming the package to install. */
pgr_code pgr_server_find(char *bindir, size_t bindir_bytes, pgr_err *err) PGR_MUST_CHECK;

/* Sweep what killed runs left, copy the cached initdb result (made first where there is none), start, wait until it
 * takes connections. *out: the caller's, to be given to pgr_server_stop. Errors: PGR_EENVIRONMENT,
 * PGR_EINTERRUPTED; nothing is left behind on either. */
pgr_code pgr_server_start(const pgr_server_options *options, pgr_server **out, pgr_err *err) PGR_MUST_CHECK;

const char *pgr_server_socket_dir(const pgr_server *s); /* libpq's host */
int pgr_server_port(const pgr_server *s);               /* names the socket; nothing listens on TCP */
const char *pgr_server_user(const pgr_server *s);       /* a superuser role, trusted on that socket */
const char *pgr_server_version(const pgr_server *s);    /* "15.18" */
int pgr_server_pid(const pgr_server *s);                /* of the postmaster; 0 once it was found ended */
bool pgr_server_in_memory(const pgr_server *s);         /* the cluster lies on a tmpfs */

/* Whether the server process still runs. Reaps it when it does not. */
bool pgr_server_alive(pgr_server *s);

/* The last FATAL, PANIC or ERROR line of its log, or "" . out: filled, NUL-terminated. */
void pgr_server_last_complaint(const pgr_server *s, char *out, size_t out_bytes);

/* Stop at once, wait, remove its folder. Not interruptible, bounded to seconds. NULL is fine. */
void pgr_server_stop(pgr_server *s);

#endif
