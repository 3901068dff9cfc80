/* Blocking work on libpq's non-blocking calls: PQexec would wait through Ctrl-C.
 * Invariant: after a statement no result is left on the connection, unless the server did not answer in time. */
#include "pgr_db.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include "pgr_units.h"
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct pgr_db {
  PGconn *pg;
  bool cleanup;
  int64_t limit_ns;
  char sqlstate[6], constraint[64];
  int position;
  bool copied; /* the last statement asked for data to copy, and there is none */
};

static const int64_t CLEANUP_NS = 10 * PGR_NS_PER_S;

/* Waits for `events` on the connection's socket. deadline_ns: 0 for none. */
static pgr_code wait_for(pgr_db *db, short events, int64_t deadline_ns, pgr_err *err) {
  for (;;) {
    if (!db->cleanup && pgr_interrupt_pending()) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    int64_t left_ms = -1;
    if (deadline_ns) {
      left_ms = (deadline_ns - pgr_now_ns()) / PGR_NS_PER_MS + 1;
      if (left_ms <= 0) return pgr_fail(err, PGR_EDATABASE, "the server did not answer in time");
    }
    struct pollfd fds[2] = {{.fd = PQsocket(db->pg), .events = events},
                            {.fd = db->cleanup ? -1 : pgr_interrupt_fd(), .events = POLLIN}};
    int n = poll(fds, 2, (int)left_ms);
    if (n < 0 && errno != EINTR) return pgr_fail(err, PGR_EENVIRONMENT, "poll: %s", strerror(errno));
    if (n > 0 && fds[0].revents) return PGR_OK;
  }
}

static void ignore_notice(void *arg, const PGresult *notice) {
  (void)arg, (void)notice;
}

static pgr_code connect_with(const pgr_target *t, bool cleanup, pgr_db **out, pgr_err *err) {
  pgr_db *db = pgr_calloc(1, sizeof *db);
  if (!db) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  db->cleanup = cleanup;
  db->pg = PQconnectStartParams(pgr_target_keywords(t), pgr_target_values(t), 0);
  pgr_code code = db->pg ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
  int64_t limit_ns = cleanup || code ? CLEANUP_NS : pgr_connect_limit_ns(db->pg);
  int64_t deadline_ns = limit_ns ? pgr_now_ns() + limit_ns : 0;
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (!code && next != PGRES_POLLING_OK) {
    if (PQstatus(db->pg) == CONNECTION_BAD || next == PGRES_POLLING_FAILED) {
      code = pgr_fail(err, PGR_EDATABASE, "cannot connect: %s", PQerrorMessage(db->pg));
      break;
    }
    code = wait_for(db, next == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_ns, err);
    if (code == PGR_EDATABASE) pgr_fail(err, code, "cannot connect to %s: timed out", pgr_target_describe(t));
    if (!code) next = PQconnectPoll(db->pg);
  }
  if (code) {
    pgr_db_close(db);
    return code;
  }
  PQsetNoticeReceiver(db->pg, ignore_notice, NULL); /* "does not exist, skipping" is noise here */
  *out = db;
  return PGR_OK;
}

pgr_code pgr_db_connect(const pgr_target *t, pgr_db **out, pgr_err *err) {
  return connect_with(t, false, out, err);
}

pgr_code pgr_db_connect_for_cleanup(const pgr_target *t, pgr_db **out, pgr_err *err) {
  return connect_with(t, true, out, err);
}

void pgr_db_limit(pgr_db *db, int64_t limit_ns) {
  db->limit_ns = limit_ns;
}

void pgr_db_close(pgr_db *db) {
  if (!db) return;
  PQfinish(db->pg);
  pgr_free(db);
}

typedef struct cancellation {
  PGcancel *cancel;
  char complaint[256];
} cancellation;

static void *send_cancel(void *arg) {
  cancellation *c = arg;
  PQcancel(c->cancel, c->complaint, sizeof c->complaint);
  PQfreeCancel(c->cancel);
  pgr_free(c);
  return NULL;
}

/* Asks the server to give up the statement. PQcancel opens a connection of its own and blocks for as long as that
 * takes, minutes when the network is gone: hence a thread that nobody waits for. */
static void cancel(pgr_db *db) {
  pthread_t thread;
  cancellation *c = pgr_calloc(1, sizeof *c);
  if (!c) return;
  c->cancel = PQgetCancel(db->pg);
  if (c->cancel && pthread_create(&thread, NULL, send_cancel, c) == 0) {
    pthread_detach(thread);
    return;
  }
  PQfreeCancel(c->cancel);
  pgr_free(c);
}

static bool is_copy(const PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH;
}

/* Nobody has data to copy, or wants any: the first is an error then, the second is broken off. libpq gives a COPY
 * result again and again until it is ended. */
static void end_copy(pgr_db *db, ExecStatusType status) {
  char *row;
  if (status != PGRES_COPY_OUT) {
    db->copied = true;
    PQputCopyEnd(db->pg, "COPY has no data here");
  }
  if (status != PGRES_COPY_IN)
    while (PQgetCopyData(db->pg, &row, 0) > 0)
      PQfreemem(row);
}

/* Keeps the first error, else the last result. An interrupted statement is cancelled, and its end waited for all the
 * same, but not for ever: what it did must be settled before anything is cleaned up after it. */
static pgr_code collect(pgr_db *db, int64_t deadline_ns, PGresult **out, pgr_err *err) {
  PGresult *kept = NULL;
  pgr_code code = PGR_OK;
  bool interrupted = false;
  for (;;) {
    int unsent = PQflush(db->pg);
    while (!code && PQisBusy(db->pg)) {
      code = wait_for(db, (short)(unsent ? POLLIN | POLLOUT : POLLIN), deadline_ns, err);
      if (!code && unsent) unsent = PQflush(db->pg);
      if (!code && !PQconsumeInput(db->pg)) break;
      if (code != PGR_EINTERRUPTED || interrupted) continue;
      cancel(db);
      interrupted = db->cleanup = true;
      deadline_ns = pgr_now_ns() + (db->limit_ns && db->limit_ns < CLEANUP_NS ? db->limit_ns : CLEANUP_NS);
      code = PGR_OK;
    }
    if (code) break;
    PGresult *result = PQgetResult(db->pg);
    if (!result) break;
    if (is_copy(result)) {
      end_copy(db, PQresultStatus(result));
      PQclear(result);
      continue;
    }
    if (kept && PQresultStatus(kept) == PGRES_FATAL_ERROR) {
      PQclear(result);
    } else {
      PQclear(kept);
      kept = result;
    }
  }
  if (interrupted) {
    db->cleanup = false;
    code = pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  }
  if (!code && !kept) code = pgr_fail(err, PGR_EDATABASE, "the connection was lost: %s", PQerrorMessage(db->pg));
  if (!code && PQresultStatus(kept) == PGRES_FATAL_ERROR) {
    const char *state = PQresultErrorField(kept, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(kept, PG_DIAG_CONSTRAINT_NAME);
    const char *primary = PQresultErrorField(kept, PG_DIAG_MESSAGE_PRIMARY);
    const char *position = PQresultErrorField(kept, PG_DIAG_STATEMENT_POSITION);
    db->position = position ? (int)strtol(position, NULL, 10) : 0;
    snprintf(db->sqlstate, sizeof db->sqlstate, "%s", state ? state : "");
    snprintf(db->constraint, sizeof db->constraint, "%s", constraint ? constraint : "");
    code = pgr_fail(err, PGR_EDATABASE, "%s", primary ? primary : PQerrorMessage(db->pg));
  }
  if (code) {
    PQclear(kept);
    return code;
  }
  *out = kept;
  return PGR_OK;
}

static pgr_code run(pgr_db *db, int sent, PGresult **out, pgr_err *err) {
  db->sqlstate[0] = db->constraint[0] = '\0';
  db->position = 0;
  db->copied = false;
  if (!sent) return pgr_fail(err, PGR_EDATABASE, "the connection was lost: %s", PQerrorMessage(db->pg));
  int64_t limit_ns = db->cleanup ? CLEANUP_NS : db->limit_ns;
  return collect(db, limit_ns ? pgr_now_ns() + limit_ns : 0, out, err);
}

pgr_code pgr_db_exec(pgr_db *db, const char *sql, pgr_err *err) {
  PGresult *result = NULL;
  pgr_code code = run(db, PQsendQuery(db->pg, sql), &result, err);
  if (!code) PQclear(result);
  return code;
}

pgr_code pgr_db_query(pgr_db *db, const char *sql, int count, const char *const *values, PGresult **out, pgr_err *err) {
  return run(db, PQsendQueryParams(db->pg, sql, count, NULL, values, NULL, NULL, 0), out, err);
}

pgr_code pgr_db_parse(pgr_db *db, const char *sql, pgr_err *err) {
  PGresult *result = NULL;
  pgr_code code = run(db, PQsendPrepare(db->pg, "", sql, 0, NULL), &result, err);
  if (!code) PQclear(result);
  return code;
}

pgr_code pgr_db_query_text(pgr_db *db, const char *sql, char *out, size_t out_bytes, pgr_err *err) {
  PGresult *result = NULL;
  pgr_code code = pgr_db_query(db, sql, 0, NULL, &result, err);
  if (code) return code;
  if (PQntuples(result) != 1 || PQnfields(result) != 1 || strlen(PQgetvalue(result, 0, 0)) >= out_bytes)
    code = pgr_fail(err, PGR_EDATABASE, "unexpected answer to: %s", sql);
  else
    memcpy(out, PQgetvalue(result, 0, 0), strlen(PQgetvalue(result, 0, 0)) + 1);
  PQclear(result);
  return code;
}

pgr_code pgr_db_query_int(pgr_db *db, const char *sql, int64_t *out, pgr_err *err) {
  char text[32];
  pgr_code code = pgr_db_query_text(db, sql, text, sizeof text, err);
  return code ? code : pgr_parse_int(text, "server's answer", INT64_MIN + 1, INT64_MAX, out, err);
}

const char *pgr_db_sqlstate(const pgr_db *db) {
  return db->sqlstate;
}

const char *pgr_db_constraint(const pgr_db *db) {
  return db->constraint;
}

/* Classes of connection, resources, operator intervention, system and internal errors. */
bool pgr_db_blames_sql(const pgr_db *db) {
  static const char *const others[] = {"08", "53", "57", "58", "XX"};
  if (db->copied) return true; /* 57014 then, which else speaks of an operator */
  if (!*db->sqlstate) return false;
  for (size_t i = 0; i < sizeof others / sizeof *others; i++)
    if (strncmp(db->sqlstate, others[i], 2) == 0) return false;
  return true;
}

int pgr_db_error_position(const pgr_db *db) {
  return db->position;
}

const PGconn *pgr_db_raw(const pgr_db *db) {
  return db->pg;
}
