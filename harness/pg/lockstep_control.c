/* The control connection: asks who waits for whom, and runs statements while the seats stand still.
 *
 * The invariant most easily broken: whatever way a function of lockstep ends, nothing of ours is in flight on the
 * control connection any more, and whoever held it before holds it again. */
#include "lockstep_internal.h"

#include "pgr_clock.h"
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Cheaper than a filter outside, where the functions would run twice. */
const char PGR_LOCKSTEP_ASK[] =
    "SELECT p, b FROM (SELECT p, pg_blocking_pids(p) || pg_safe_snapshot_blocking_pids(p) AS b"
    " FROM unnest($1::int[]) AS p OFFSET 0) AS asked WHERE b <> '{}'";

static pgr_lockstep *of(pgr_holder *h) {
  return (pgr_lockstep *)((char *)h - offsetof(pgr_lockstep, holder));
}

static void complain(pgr_lockstep *l, const PGresult *r) {
  if (l->failed) return;
  const char *message = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
  const char *sqlstate = PQresultErrorField(r, PG_DIAG_SQLSTATE);
  l->cancelled = sqlstate && strcmp(sqlstate, "57014") == 0;
  l->failed = pgr_fail(&l->complaint, PGR_EDATABASE, "%s", message ? message : PQresultErrorMessage(r));
}

/* ---- the question ---- */

static uint32_t seat_of(const pgr_lockstep *l, long pid) {
  for (int i = 0; i < l->o.count; i++)
    if (l->pid[i] == pid) return pgr__seat(i);
  return pid == pgr_conn_pid(l->o.control) ? PGR_SEAT_CONTROL : 0;
}

/* "{1,2}". Processes that are none of ours give nothing. */
static uint32_t read_blockers(const pgr_lockstep *l, const char *array) {
  uint32_t mask = 0;
  while (*array == '{' || *array == ',') {
    char *end;
    mask |= seat_of(l, strtol(array + 1, &end, 10));
    array = end;
  }
  return mask;
}

static void read_answer(pgr_lockstep *l, const PGresult *r) {
  for (int row = 0; row < PQntuples(r); row++) {
    uint32_t seat = seat_of(l, strtol(PQgetvalue(r, row, 0), NULL, 10)) & l->asked;
    uint32_t blockers = read_blockers(l, PQgetvalue(r, row, 1)) & ~seat;
    if (!seat || !blockers) continue;
    l->answer |= seat;
    l->answers[__builtin_ctz(seat)] = blockers;
  }
}

void pgr__control_ask(pgr_lockstep *l) {
  char pids[16 + 12 * PGR_SEATS_MAX];
  const char *values[] = {pids};
  int len = 0;
  /* Those that may just have begun to wait come first: until the others are looked at they move no more. */
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < l->o.count; i++)
      if (l->busy & pgr__seat(i) && (l->waits.blocked & pgr__seat(i) ? pass == 1 : pass == 0))
        len += snprintf(pids + len, sizeof pids - (size_t)len, "%c%d", len ? ',' : '{', l->pid[i]);
  snprintf(pids + len, sizeof pids - (size_t)len, "}");
  l->errand = PGR__ASKING;
  l->asked = l->busy;
  l->answer = 0;
  l->failed = PGR_OK;
  pgr_conn_execute(l->o.control, l->o.ask_statement, 1, values);
}

/* ---- holding it ---- */

static void on_result(pgr_holder *h, const PGresult *r, bool last) {
  pgr_lockstep *l = of(h);
  ExecStatusType status = PQresultStatus(r);
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
    complain(l, r);
  else if (l->errand == PGR__ASKING)
    read_answer(l, r);
  else if (l->batch.on_result)
    l->batch.on_result(l->batch.user, l->batch.index, r);
  l->batch.index += last;
}

static void on_done(pgr_holder *h) {
  of(h)->errand = PGR__NO_ERRAND;
}

static void on_lost(pgr_holder *h) {
  pgr_lockstep *l = of(h);
  l->control_lost = true;
  l->errand = PGR__NO_ERRAND;
  if (!l->failed) l->failed = pgr_fail(&l->complaint, PGR_EDATABASE, "the control connection was lost");
}

void pgr__control_take(pgr_lockstep *l) {
  assert(!pgr_conn_busy(l->o.control));
  l->holder = (pgr_holder){.result = on_result, .done = on_done, .lost = on_lost};
  l->errand = PGR__NO_ERRAND;
  l->control_lost = false;
  l->failed = PGR_OK;
  l->other = NULL;
  if (!pgr_conn_pid(l->o.control)) {
    on_lost(&l->holder);
    return;
  }
  l->other = pgr_conn_holder(l->o.control);
  pgr_conn_hold(l->o.control, &l->holder);
}

void pgr__control_give(pgr_lockstep *l) {
  if (!l->control_lost)
    pgr_conn_hold(l->o.control, l->other);
  else if (l->other)
    l->other->lost(l->other);
}

/* A statement that a seat's lock holds up would never end: it is cancelled at its time limit, and when the user stops.
 */
pgr_code pgr__control_finish(pgr_lockstep *l, pgr_err *err) {
  if (!l->errand) return l->failed ? pgr_fail(err, l->failed, "%s", l->complaint.msg) : PGR_OK;
  int64_t now_ns = pgr_now_ns(), cancel_ns = l->o.timeout_ns ? now_ns + l->o.timeout_ns : INT64_MAX,
          look_ns = now_ns + PGR__LOOK_AROUND_NS;
  /* No later than a settling wants the alarm: whoever comes next finds it set and leaves it. */
  bool patient = l->o.patience_ns > 0 && l->o.patience_ns < PGR__LOOK_AROUND_NS;
  int64_t rest_ns = patient ? l->o.patience_ns : PGR__LOOK_AROUND_NS;
  bool stopped = false;
  l->cancelled = false;
  for (;;) {
    pgr_code code = pgr__lockstep_rest(l, now_ns + rest_ns, err);
    if (code) return code;
    if (!l->errand) break;
    now_ns = pgr_now_ns();
    if (now_ns >= look_ns && !stopped && pgr__lockstep_stopped(l)) {
      stopped = true;
      cancel_ns = now_ns;
    }
    if (now_ns < cancel_ns) continue;
    pgr_conn_cancel(l->o.control);
    cancel_ns = now_ns + PGR__CANCEL_AGAIN_NS;
  }
  if (stopped && l->cancelled) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  return l->failed ? pgr_fail(err, l->failed, "%s", l->complaint.msg) : PGR_OK;
}

/* ---- statements ---- */

pgr_code pgr_lockstep_batch(pgr_lockstep *l, const pgr_control_statement *s, int n,
                            void (*on_batch_result)(void *user, int index, const PGresult *r), void *user,
                            pgr_err *err) {
  pgr_conn *control = l->o.control;
  if (n == 0) return PGR_OK;
  pgr__control_take(l);
  if (!l->control_lost) {
    l->batch = (pgr__batch){.on_result = on_batch_result, .user = user};
    l->errand = PGR__RUNNING;
    if (n > 1) pgr_conn_start_pipeline(control);
    for (int i = 0; i < n && !l->control_lost; i++)
      pgr_conn_execute(control, s[i].statement, s[i].count, s[i].values);
    if (n > 1 && !l->control_lost) pgr_conn_end_pipeline(control);
  }
  pgr_code code = pgr__control_finish(l, err);
  pgr__waits_disturb(&l->waits, PGR_SEAT_CONTROL);
  pgr__control_give(l);
  return code;
}

typedef struct single {
  void (*on_result)(void *user, const PGresult *r);
  void *user;
} single;

static void on_single_result(void *user, int index, const PGresult *r) {
  (void)index;
  const single *s = user;
  if (s->on_result) s->on_result(s->user, r);
}

pgr_code pgr_lockstep_control(pgr_lockstep *l, int statement, int count, const char *const *values,
                              void (*on_control_result)(void *user, const PGresult *r), void *user, pgr_err *err) {
  single s = {on_control_result, user};
  return pgr_lockstep_batch(l, &(pgr_control_statement){statement, count, values}, 1, on_single_result, &s, err);
}
