/* One connection as a state machine; set_state is the one place that changes it.
 *
 *   CLOSED      no socket
 *   CONNECTING  libpq's handshake; the socket may change under way
 *   BEGINNING   the session's SQL and all its statements are in flight, in one pipeline
 *   SETTING_UP  the session's SQL is in flight
 *   PREPARING   statements are prepared one after the other: what a failure in the pipeline has left to do
 *   IDLE        waits for a statement
 *   BUSY        a statement, or a pipeline up to its sync, is in flight
 *
 * The invariant most easily broken: while libpq connects it may close its socket and open another, so it is watched
 * anew each time; and it is not watched any more when it is closed for good. */
#include "pgr_conn.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_units.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

enum { CACHE_LINE = 64, HOLDER_LINES = 5 };

typedef enum conn_state { CLOSED, CONNECTING, BEGINNING, SETTING_UP, PREPARING, IDLE, BUSY } conn_state;

/* What each statement touches comes first, in one cache line: of a thousand connections none is in the cache any more.
 */
struct pgr_conn {
  _Alignas(CACHE_LINE) pgr_watch watch;
  PGconn *pg;
  pgr_holder *holder;
  pgr_conn_ear *ear;
  PGresult *result; /* kept back until it is known whether it is the statement's last */
  conn_state state;
  unsigned ended;
  bool filling;      /* a pipeline: what is sent waits for its end */
  bool all_prepared; /* else `prepared` says which */
  char sqlstate[6];
  bool *prepared; /* by index; owned */
  const pgr_session *session;
  int preparing; /* index of the statement that is being prepared; -1: the session's SQL is first */
  pgr_conn_events events;
  pgr_loop *loop;
  pgr_timer deadline; /* of connecting and preparing */
  const pgr_target *target;
};
_Static_assert(offsetof(pgr_conn, prepared) == CACHE_LINE, "what each statement touches");

static void set_state(pgr_conn *c, conn_state to) {
  c->state = to;
}

/* Once it stands, by edges: asking the kernel each time whether more is left costs more than to ask when in doubt. */
static bool watch(pgr_conn *c, unsigned events) {
  if (c->state != CONNECTING) events |= PGR_EDGE;
  if (c->watch.events == events && c->state != CONNECTING) return true;
  return pgr_watch_set(c->loop, &c->watch, PQsocket(c->pg), events) == PGR_OK;
}

static void drop(pgr_conn *c) {
  c->filling = false;
  pgr_timer_cancel(c->loop, &c->deadline);
  pgr_watch_end(c->loop, &c->watch);
  PQclear(c->result);
  c->result = NULL;
  PQfinish(c->pg);
  c->pg = NULL;
  set_state(c, CLOSED);
}

static void lose(pgr_conn *c, const char *why) {
  pgr_err reason;
  pgr_fail(&reason, PGR_EDATABASE, "%s", why && *why ? why : "the connection was closed");
  pgr_holder *holder = c->holder;
  c->holder = NULL;
  drop(c);
  if (holder) holder->lost(holder);
  c->events.lost(c, reason.msg, c->events.user);
}

/* Sends what libpq still holds. false: the connection is lost, and was reported. */
static bool flush(pgr_conn *c) {
  int unsent = PQflush(c->pg);
  if (unsent < 0 || !watch(c, unsent ? PGR_READABLE | PGR_WRITABLE : PGR_READABLE)) {
    lose(c, PQerrorMessage(c->pg));
    return false;
  }
  return true;
}

/* Of the session's statement with that index. */
enum { NAME_BYTES = PGR_INT_BYTES + 1 };
static const char *name_of(int index, char name[NAME_BYTES]) {
  name[0] = 's';
  pgr_write_int(name + 1, index);
  return name;
}

/* The next one that has a text. */
static int next_text(const pgr_session *session, int index) {
  while (index < session->count && !session->statements[index])
    index++;
  return index;
}

static void stand(pgr_conn *c) {
  pgr_timer_cancel(c->loop, &c->deadline);
  set_state(c, IDLE);
  c->events.ready(c, c->events.user);
}

static bool send_prepare(pgr_conn *c, int index) {
  char name[NAME_BYTES];
  return PQsendPrepare(c->pg, name_of(index, name), c->session->statements[index], 0, NULL);
}

static void prepare_next(pgr_conn *c) {
  c->preparing = next_text(c->session, c->preparing);
  if (c->preparing == c->session->count) {
    stand(c);
    return;
  }
  if (!send_prepare(c, c->preparing)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  set_state(c, PREPARING);
  flush(c);
}

static void set_up(pgr_conn *c) {
  if (!PQsendQuery(c->pg, c->session->setup)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  set_state(c, SETTING_UP);
  flush(c);
}

/* A pipeline takes one statement at a time: SQL that may hold several goes first, by itself. */
static bool fits_pipeline(const char *sql) {
  return sql[strcspn(sql, ";")] == '\0' || sql[strcspn(sql, ";") + 1] == '\0';
}

/* Everything at once costs the server one turn instead of one a statement. */
static void begin_session(pgr_conn *c, bool with_setup) {
  const pgr_session *session = c->session;
  bool sent = PQenterPipelineMode(c->pg) &&
              (!with_setup || PQsendQueryParams(c->pg, session->setup, 0, NULL, NULL, NULL, NULL, 0));
  c->preparing = with_setup ? -1 : next_text(session, 0);
  for (int i = next_text(session, 0); sent && i < session->count; i = next_text(session, i + 1))
    sent = send_prepare(c, i);
  if (!sent || !PQpipelineSync(c->pg)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  set_state(c, BEGINNING);
  flush(c);
}

static void on_connected(pgr_conn *c) {
  const pgr_session *session = c->session;
  c->preparing = 0;
  c->all_prepared = true;
  if (session->count) memset(c->prepared, 0, (size_t)session->count * sizeof *c->prepared);
  if (next_text(session, 0) < session->count && fits_pipeline(session->setup))
    begin_session(c, *session->setup);
  else if (*session->setup)
    set_up(c);
  else
    prepare_next(c);
}

static void on_connecting(pgr_conn *c) {
  switch (PQconnectPoll(c->pg)) {
  case PGRES_POLLING_READING:
    if (!watch(c, PGR_READABLE)) lose(c, "cannot watch the socket");
    return;
  case PGRES_POLLING_WRITING:
    if (!watch(c, PGR_WRITABLE)) lose(c, "cannot watch the socket");
    return;
  case PGRES_POLLING_OK:
    if (PQsetnonblocking(c->pg, 1))
      lose(c, PQerrorMessage(c->pg));
    else
      on_connected(c);
    return;
  case PGRES_POLLING_ACTIVE:
  case PGRES_POLLING_FAILED: lose(c, PQerrorMessage(c->pg)); return;
  }
}

/* Gives the holder the result that was kept back. The holder may let go in it. */
static void deliver(pgr_conn *c, bool last) {
  PGresult *result = c->result;
  c->result = NULL;
  if (c->holder) c->holder->result(c->holder, result, last);
  PQclear(result);
}

/* Where nobody listens they are forgotten, in between and now and then; libpq would keep them all. */
enum { FORGET_EVERY = 64 /* statements */ };
static void take_notifications(pgr_conn *c) {
  PGnotify *notification;
  while ((notification = PQnotifies(c->pg))) {
    if (c->ear) c->ear->notified(c->ear, notification);
    PQfreemem(notification);
  }
}

static void on_done(pgr_conn *c) {
  if (c->ear) take_notifications(c); /* they stand between a statement's last result and its end */
  set_state(c, IDLE);
  c->ended++;
  if (c->holder) c->holder->done(c->holder);
}

/* What fails here may work later (it reads a table that the script makes), or fails where it is counted. */
static void note_prepared(pgr_conn *c, bool succeeded) {
  c->prepared[c->preparing] = succeeded;
  c->all_prepared &= succeeded;
  c->preparing = next_text(c->session, c->preparing + 1);
}

/* A statement of ours, from before anybody holds the connection, is over. */
static void on_own_over(pgr_conn *c) {
  PGresult *result = c->result;
  c->result = NULL;
  ExecStatusType status = PQresultStatus(result);
  bool failed = status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK;
  if (status == PGRES_PIPELINE_ABORTED) {
    /* Its turn comes again. */
  } else if (failed && (c->state == SETTING_UP || c->preparing < 0)) {
    lose(c, PQresultErrorMessage(result));
  } else if (c->preparing < 0) {
    c->preparing = next_text(c->session, 0);
  } else {
    if (c->state != SETTING_UP) note_prepared(c, !failed);
    if (c->state != BEGINNING) prepare_next(c);
  }
  PQclear(result);
}

/* The pipeline that began the session is over. A statement that failed in it has undone the session's SQL, but not what
 * was prepared before; those after it were not looked at. */
static void on_begun(pgr_conn *c) {
  if (c->all_prepared)
    stand(c);
  else if (*c->session->setup)
    set_up(c);
  else
    prepare_next(c);
}

/* libpq has no further result of this statement. In a pipeline other statements' results follow. */
static void on_statement_over(pgr_conn *c) {
  if (c->state != BUSY) {
    on_own_over(c);
    return;
  }
  deliver(c, true);
  if (c->state == BUSY && PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF) on_done(c);
}

/* Scripts have no data to copy: what asks for some ends in an error, what sends some is read to its end. false: nothing
 * more may be read now. */
static bool refuse_copy(pgr_conn *c, ExecStatusType status) {
  char *row;
  int got;
  if (status == PGRES_COPY_IN) {
    if (PQputCopyEnd(c->pg, "COPY FROM STDIN has no place in a script") > 0) return flush(c);
    lose(c, PQerrorMessage(c->pg));
    return false;
  }
  while ((got = PQgetCopyData(c->pg, &row, 1)) > 0)
    PQfreemem(row);
  return got != 0;
}

static bool is_copy(const PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  return status == PGRES_COPY_IN || status == PGRES_COPY_OUT;
}

/* The server's parting words (57P01 …). */
static bool ends_session(const pgr_conn *c, const PGresult *result) {
  ExecStatusType status = PQresultStatus(result);
  if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return false;
  if (PQstatus(c->pg) == CONNECTION_BAD) return true;
  const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
  return severity && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
}

/* One result. false: nothing more may be read now. */
static bool on_result(pgr_conn *c, PGresult *result) {
  if (ends_session(c, result)) {
    /* No statement's answer: whether it took effect is not known. */
    char why[512];
    snprintf(why, sizeof why, "%s", PQresultErrorMessage(result));
    PQclear(result);
    lose(c, why);
    return false;
  }
  if (is_copy(result)) {
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return refuse_copy(c, status);
  }
  if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
    PQclear(result);
    if (!PQexitPipelineMode(c->pg))
      lose(c, PQerrorMessage(c->pg));
    else if (c->state == BEGINNING)
      on_begun(c);
    else
      on_done(c);
    return false;
  }
  if (c->result && c->state == BUSY)
    deliver(c, false);
  else
    PQclear(c->result);
  if (c->state == CLOSED) {
    PQclear(result);
    return false;
  }
  c->result = result;
  if (PQresultStatus(result) == PGRES_FATAL_ERROR && !*c->sqlstate) {
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    snprintf(c->sqlstate, sizeof c->sqlstate, "%s", sqlstate ? sqlstate : "");
  }
  return true;
}

/* While the socket is read, what its holder will touch comes nearer. */
static void fetch(const pgr_holder *holder) {
  for (int line = 0; line < HOLDER_LINES; line++)
    __builtin_prefetch((const char *)holder + line * CACHE_LINE, 1);
}

static void on_readable(pgr_conn *c) {
  if (c->holder) fetch(c->holder);
  if (!PQconsumeInput(c->pg)) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  if (c->ear || c->state == IDLE || c->ended % FORGET_EVERY == 0) take_notifications(c);
  while (c->state != CLOSED && c->state != IDLE && !PQisBusy(c->pg)) {
    PGresult *result = PQgetResult(c->pg);
    if (result) {
      if (!on_result(c, result)) return;
      continue;
    }
    if (c->result) {
      bool pipeline = PQpipelineStatus(c->pg) != PQ_PIPELINE_OFF;
      on_statement_over(c);
      if (!pipeline) return; /* whatever comes next was sent just now: its answer is another event */
    } else {
      /* A pipeline that is not ended yet has answers for what was flushed early, and then none. */
      if (PQstatus(c->pg) == CONNECTION_BAD || PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF)
        lose(c, PQerrorMessage(c->pg));
      return;
    }
  }
}

/* libpq reads once and does not say whether it has read all. It has when a statement's end was among it: nothing but
 * what no statement asked for comes between that and the next answer, which is an edge of its own. */
static void read_socket(pgr_conn *c) {
  unsigned ended = c->ended;
  on_readable(c);
  if (c->state != CLOSED && c->ended == ended && pgr_watch_set(c->loop, &c->watch, c->watch.fd, c->watch.events))
    lose(c, "cannot watch the socket");
}

static void on_socket(pgr_watch *w, unsigned events) {
  pgr_conn *c = (pgr_conn *)((char *)w - offsetof(pgr_conn, watch));
  if (c->state == CONNECTING) {
    on_connecting(c);
    return;
  }
  if ((events & PGR_WRITABLE) && !flush(c)) return;
  if (events & PGR_READABLE) read_socket(c);
}

static void on_deadline(pgr_timer *t) {
  lose((pgr_conn *)((char *)t - offsetof(pgr_conn, deadline)), "the server did not answer in time");
}

pgr_conn *pgr_conn_create(pgr_loop *l, const pgr_target *target, const pgr_session *session, pgr_conn_events events) {
  pgr_conn *c = pgr_calloc_aligned(CACHE_LINE, 1, sizeof *c);
  if (!c) return NULL;
  c->watch.ready = on_socket;
  c->loop = l;
  c->target = target;
  c->session = session;
  c->events = events;
  c->deadline.fire = on_deadline;
  c->prepared = pgr_calloc((size_t)session->count, sizeof *c->prepared);
  if (c->prepared) return c;
  pgr_free(c);
  return NULL;
}

static void on_notice(void *arg, const PGresult *notice) {
  const pgr_conn *c = arg;
  if (c->ear) c->ear->notice(c->ear, notice);
}

void pgr_conn_open(pgr_conn *c, int64_t deadline_ns) {
  set_state(c, CONNECTING);
  *c->sqlstate = '\0';
  c->pg = PQconnectStartParams(pgr_target_keywords(c->target), pgr_target_values(c->target), 0);
  if (!c->pg || PQstatus(c->pg) == CONNECTION_BAD) {
    lose(c, c->pg ? PQerrorMessage(c->pg) : "out of memory");
    return;
  }
  PQsetNoticeReceiver(c->pg, on_notice, c);
  int64_t limit_ns = deadline_ns ? 0 : pgr_connect_limit_ns(c->pg);
  if (limit_ns) deadline_ns = pgr_now_ns() + limit_ns;
  if ((deadline_ns && pgr_timer_start(c->loop, &c->deadline, deadline_ns)) || !watch(c, PGR_WRITABLE))
    lose(c, "cannot watch the socket");
}

void pgr_conn_hold(pgr_conn *c, pgr_holder *h) {
  c->holder = h;
}

pgr_holder *pgr_conn_holder(const pgr_conn *c) {
  return c->holder;
}

bool pgr_conn_keeps_result(const pgr_conn *c) {
  return c->result != NULL;
}

void pgr_conn_listen(pgr_conn *c, pgr_conn_ear *ear) {
  c->ear = ear;
}

/* A statement was given to libpq, or not. In a pipeline it waits for the sync. */
static void sent(pgr_conn *c, int ok) {
  if (!ok) {
    lose(c, PQerrorMessage(c->pg));
    return;
  }
  if (c->state != BUSY) *c->sqlstate = '\0';
  set_state(c, BUSY);
  if (PQpipelineStatus(c->pg) == PQ_PIPELINE_OFF) flush(c);
}

void pgr_conn_query(pgr_conn *c, const char *sql) {
  sent(c, PQsendQuery(c->pg, sql));
}

void pgr_conn_query_params(pgr_conn *c, const char *sql, int count, const char *const *values) {
  sent(c, PQsendQueryParams(c->pg, sql, count, NULL, values, NULL, NULL, 0));
}

void pgr_conn_execute(pgr_conn *c, int index, int count, const char *const *values) {
  if (!c->all_prepared && !c->prepared[index]) {
    pgr_conn_query_params(c, c->session->statements[index], count, values);
    return;
  }
  char name[NAME_BYTES];
  sent(c, PQsendQueryPrepared(c->pg, name_of(index, name), count, values, NULL, NULL, 0));
}

void pgr_conn_start_pipeline(pgr_conn *c) {
  if (!PQenterPipelineMode(c->pg))
    lose(c, PQerrorMessage(c->pg));
  else
    c->filling = true;
}

void pgr_conn_end_pipeline(pgr_conn *c) {
  c->filling = false;
  set_state(c, BUSY);
  if (!PQpipelineSync(c->pg))
    lose(c, PQerrorMessage(c->pg));
  else
    flush(c);
}

PGTransactionStatusType pgr_conn_transaction(const pgr_conn *c) {
  return PQtransactionStatus(c->pg);
}

bool pgr_conn_busy(const pgr_conn *c) {
  return c->state == BUSY && !c->filling;
}

unsigned pgr_conn_ended(const pgr_conn *c) {
  return c->ended;
}

const char *pgr_conn_sqlstate(const pgr_conn *c) {
  return c->sqlstate;
}

int pgr_conn_pid(const pgr_conn *c) {
  return c->state == IDLE || c->state == BUSY ? PQbackendPID(c->pg) : 0;
}

bool pgr_conn_cancel(pgr_conn *c) {
  char complaint[256];
  PGcancel *cancel = PQgetCancel(c->pg);
  bool asked = cancel && PQcancel(cancel, complaint, sizeof complaint);
  PQfreeCancel(cancel);
  return asked;
}

void pgr_conn_close(pgr_conn *c) {
  pgr_holder *holder = c->holder;
  c->holder = NULL;
  if (c->state != CLOSED) drop(c);
  if (holder) holder->lost(holder);
}

void pgr_conn_destroy(pgr_conn *c) {
  if (!c) return;
  pgr_free(c->prepared);
  pgr_free(c);
}
