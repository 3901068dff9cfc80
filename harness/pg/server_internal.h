/* What the files of the throw-away server share. Main thread only; nothing here is for other modules. */
#ifndef PGR_SERVER_INTERNAL_H
#define PGR_SERVER_INTERNAL_H

#include "pgr_err.h"
#include "pgr_server.h"
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- server_find.c: the binaries ---- */

/* As pgr_server_find; versions_root replaces /usr/lib/postgresql, so that a test can have a machine without a server.
 */
pgr_code pgr__find_server(const char *versions_root, char *bindir, size_t bindir_bytes, pgr_err *err) PGR_MUST_CHECK;

enum { PGR__VERSION_BYTES = 64 };

/* "15.18" out of what `postgres -V` prints. Costs the start of a process. Errors: PGR_EENVIRONMENT. */
pgr_code pgr__server_version(const char *bindir, char version[PGR__VERSION_BYTES], pgr_err *err) PGR_MUST_CHECK;

/* Names the installed binaries: changes whenever another build is put in their place. 0 when they cannot be read. */
uint64_t pgr__server_identity(const char *bindir);

/* FNV-1a of `bytes` bytes, continued from h. */
#define PGR__HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t pgr__hash(uint64_t h, const void *data, size_t bytes);

/* ---- server_process.c: children, and processes that a killed run left ---- */

/* Whom the server runs as: PostgreSQL refuses to be root. */
typedef struct pgr__account {
  uid_t uid;
  gid_t gid;
  bool drop;     /* we are root and must become this account in the child */
  char name[64]; /* for messages */
} pgr__account;

pgr_code pgr__account_choose(pgr__account *a, pgr_err *err) PGR_MUST_CHECK;

typedef struct pgr__command {
  const char *const *argv; /* argv[0]: path of the program */
  const pgr__account *account;
  int death_signal; /* what it gets when we die, however we die */
  int out_fd;       /* becomes its standard output and error */
  bool batch;       /* see become_batch() */
} pgr__command;

/* Starts a program in a session of its own, in "/", with a clean environment. Errors: PGR_EENVIRONMENT, also when the
 * program cannot be executed. */
pgr_code pgr__spawn(const pgr__command *c, pid_t *pid, pgr_err *err) PGR_MUST_CHECK;

/* Waits until the child ends and reaps it. False when it still runs at the deadline. status may be NULL. */
bool pgr__wait_child(pid_t pid, int64_t deadline_ns, int *status);

/* Ends a child of ours and reaps it: by gentle_signal, and when that has not helped by SIGKILL for its whole process
 * group. With 0, by SIGKILL for it alone: what it started notices, and ends by itself. */
void pgr__end_child(pid_t pid, int gentle_signal);

/* What the server says of itself in postmaster.pid. Zero: not said (yet). */
typedef struct pgr__postmaster {
  pid_t pid;
  unsigned long shm_key;
  int shm_id; /* valid when shm_key is not 0 */
  bool ready;
  bool standalone; /* no postmaster, but a single backend, as initdb runs them */
} pgr__postmaster;

/* dir: the folder that holds `data`. All zero when there is no such file. */
pgr__postmaster pgr__postmaster_read(const char *dir);

/* Ends every PostgreSQL process at home under `dir` (its working directory, or an argument, lies there): the postmaster
 * gently, the others by waiting a few seconds for them before they are killed; then releases the postmaster's shared
 * memory, where nobody uses it. No other process is touched. */
void pgr__end_inside(const char *dir);

/* ---- server_place.c: folders and locks; server_root.c: where to put them ---- */

/* A folder of one run: <root>/pgrace-<uid>/<id>, with <id>.lock beside it, flock'ed as long as the run lives.
 * Whoever can lock <id>.lock may remove both. */
typedef struct pgr__place {
  char base[PATH_MAX]; /* <root>/pgrace-<uid> */
  char path[PATH_MAX]; /* <base>/<id>; "" when there is no place */
  char id[24];
  int lock_fd;
} pgr__place;

/* Makes the folder: ours, others may pass through it only when `account` must. Errors: PGR_EENVIRONMENT. */
pgr_code pgr__place_create(const char *root, const pgr__account *account, pgr__place *p, pgr_err *err) PGR_MUST_CHECK;

/* Removes folder and lock, and the base when it was the last. The server must have ended. */
void pgr__place_destroy(pgr__place *p);

/* Removes what runs that were killed left in <root>/pgrace-<uid>; runs that live are not disturbed. */
void pgr__place_sweep(const char *root);

/* Removes `name` in dir_fd and all under it, following no link. False when something is left. */
bool pgr__remove_tree(int dir_fd, const char *name);

/* "<dir>/<name>"; false when it does not fit. */
bool pgr__join(char out[PATH_MAX], const char *dir, const char *name);

/* Where places may lie. in_memory: on a tmpfs. Errors: PGR_EENVIRONMENT, saying what was looked at. */
pgr_code pgr__root_choose(const pgr__account *account, bool durable, char root[PATH_MAX], pgr_err *err) PGR_MUST_CHECK;
void pgr__sweep_roots(const pgr__account *account);
bool pgr__on_tmpfs(const char *path);

/* ---- server_archive.c: a cluster folder as one file ---- */

typedef struct pgr__archive pgr__archive;

/* Maps an archive; NULL unless it is whole, ours, and of these binaries. */
pgr__archive *pgr__archive_open(const char *path, uint64_t identity);
void pgr__archive_close(pgr__archive *a);
const char *pgr__archive_version(const pgr__archive *a);

/* Writes the files below dir_fd, owned by `account`. sparse: runs of zeros at the end of a file take no room.
 * Errors: PGR_EENVIRONMENT, PGR_EINTERRUPTED; what was written so far stays. */
pgr_code pgr__archive_unpack(const pgr__archive *a, int dir_fd, const pgr__account *account, bool sparse,
                             pgr_err *err) PGR_MUST_CHECK;

/* Packs the folder dir_fd (closed by this) and publishes it as `path`: whoever opens that sees all of it or nothing.
 * False when it could not, or another run was faster. */
bool pgr__archive_publish(const char *path, uint64_t identity, const char *version, int dir_fd);

/* ---- server_cluster.c: initdb and its cache ---- */

/* A ready cluster in <place>/data: unpacked from the cache, or made by initdb and put there.
 * log_fd: takes what initdb says. version: filled. Errors: PGR_EENVIRONMENT, PGR_EINTERRUPTED. */
pgr_code pgr__cluster_create(const char *bindir, const pgr__place *place, const pgr__account *account, bool durable,
                             int log_fd, char version[PGR__VERSION_BYTES], pgr_err *err) PGR_MUST_CHECK;

/* The last line of <place>/server.log that tells why something failed, "" when there is none. any_line: then simply the
 * last line. */
void pgr__log_complaint(const char *place, bool any_line, char *out, size_t out_bytes);

#endif
