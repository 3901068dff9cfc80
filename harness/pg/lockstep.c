/* Settling: runs the loop until each seat is idle or waits for a lock that one of us holds.
 *
 * The invariant most easily broken: an answer about who waits holds only for what was so when the question was sent. A
 * statement that ends meanwhile may have let others go before its own end was seen, so the answer is thrown away and
 * the question asked again; and what is believed in the end is one answer about everybody, after which nothing ended.
 */
#include "lockstep_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <assert.h>
#include <sched.h>
#include <string.h>

/* Between questions about somebody who neither ends nor waits for one of us. */
static const int64_t PAUSE_MIN_NS = 200 * PGR_NS_PER_US, PAUSE_MAX_NS = 20 * PGR_NS_PER_MS;
/* A processor that was yielded comes back so late only from strangers; then it is kept for so many questions. */
static const int64_t TAKEN_NS = 500 * PGR_NS_PER_US;
enum { RESERVED = 1000, CANCELS_MAX = 5 };

/* One settling. */
typedef struct settling {
  int64_t ask_ns;      /* when to ask next */
  int64_t pause_ns;    /* until the question after */
  int64_t cancel_ns;   /* when to cancel what is in flight; 0: never */
  int64_t give_up_ns;  /* for `awaited`: when to be content with what is; 0: never */
  uint32_t awaited;    /* seats whose end is waited for though they are blocked */
  uint32_t cancelling; /* seats that were asked to give up */
  int cancels;
  bool stale;      /* a statement ended since the question was sent */
  bool asked;      /* the answer has not been looked at */
  bool answered;   /* since a statement ended: waits tells who is blocked and who runs */
  bool believed;   /* … and everybody is blocked */
  bool let_others; /* … have the processor, since a statement ended */
  bool looked;     /* at the sockets since then */
} settling;

static void never_mind(pgr_timer *t) {
  (void)t; /* it has woken the loop, which is all it is for */
}

pgr_code pgr_lockstep_create(const pgr_lockstep_options *o, pgr_lockstep **out, pgr_err *err) {
  assert(o->count >= 1 && o->count <= PGR_SEATS_MAX);
  pgr_lockstep *l = pgr_calloc(1, sizeof *l);
  if (!l) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  l->o = *o;
  memcpy(l->seats, o->seats, (size_t)o->count * sizeof *l->seats);
  l->o.seats = l->seats;
  l->alarm.fire = never_mind;
  l->cpu = -1;
  l->waits.deadlock_ns = o->deadlock_ns;
  for (int i = 0; i < o->count; i++) {
    l->pid[i] = pgr_conn_pid(l->seats[i]);
    l->ended[i] = pgr_conn_ended(l->seats[i]);
  }
  l->quiet_ns = pgr_now_ns();
  *out = l;
  return PGR_OK;
}

void pgr_lockstep_destroy(pgr_lockstep *l) {
  if (!l) return;
  pgr_timer_cancel(l->o.loop, &l->alarm);
  pgr_free(l);
}

bool pgr__lockstep_stopped(const pgr_lockstep *l) {
  return l->o.stop && atomic_load_explicit(l->o.stop, memory_order_relaxed);
}

pgr_code pgr__lockstep_rest(pgr_lockstep *l, int64_t due_ns, pgr_err *err) {
  /* One that fires too early is no harm: a step takes far less than what it is set to, and setting it is a system call
   * or two. */
  if (!l->alarm.slot || l->alarm.due_ns > due_ns) {
    pgr_timer_cancel(l->o.loop, &l->alarm);
    if (pgr_timer_start(l->o.loop, &l->alarm, due_ns)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr_loop_turn(l->o.loop, true);
  return PGR_OK;
}

/* ---- what happened ---- */

static pgr_code lost(int seat, pgr_err *err) {
  return pgr_fail(err, PGR_EDATABASE, "the connection of session %d was lost", seat + 1);
}

/* Seats may stand on new connections since the last settling. */
static pgr_code find_seats(pgr_lockstep *l, pgr_err *err) {
  for (int i = 0; i < l->o.count; i++) {
    int pid = pgr_conn_pid(l->seats[i]);
    if (!pid) return lost(i, err);
    if (pid == l->pid[i]) continue;
    l->pid[i] = pid;
    l->ended[i]--; /* whatever the old one was about has ended */
    if (l->cpu >= 0) pgr__lockstep_place(l, pid);
  }
  return PGR_OK;
}

static void note_ends(pgr_lockstep *l, settling *s, uint32_t ended, pgr_settled *out) {
  uint32_t failed = 0, deadlocked = 0;
  for (int i = 0; i < l->o.count; i++) {
    if (!(ended & pgr__seat(i))) continue;
    const char *sqlstate = pgr_conn_sqlstate(l->seats[i]);
    if (*sqlstate) failed |= pgr__seat(i);
    if (strcmp(sqlstate, "40P01") == 0) deadlocked |= pgr__seat(i);
    if (s->cancelling & pgr__seat(i) && strcmp(sqlstate, "57014") == 0) out->cancelled |= pgr__seat(i);
  }
  s->cancelling &= ~ended;
  pgr__waits_ended(&l->waits, ended, failed, deadlocked, l->quiet_ns);
  s->stale = true;
  s->answered = s->believed = s->looked = s->let_others = false;
  s->pause_ns = PAUSE_MIN_NS;
  if (l->waits.blocked) s->ask_ns = 0;
}

/* Who is busy, and who has ended something since the last look. */
static pgr_code look(pgr_lockstep *l, settling *s, pgr_settled *out, pgr_err *err) {
  uint32_t busy = 0, ended = 0;
  if (l->control_lost) return pgr_fail(err, PGR_EDATABASE, "%s", l->complaint.msg);
  for (int i = 0; i < l->o.count; i++) {
    const pgr_conn *c = l->seats[i];
    if (pgr_conn_pid(c) != l->pid[i]) return lost(i, err);
    if (pgr_conn_busy(c)) busy |= pgr__seat(i);
    if (pgr_conn_ended(c) == l->ended[i]) continue;
    l->ended[i] = pgr_conn_ended(c);
    ended |= pgr__seat(i);
  }
  l->busy = busy;
  if (ended) note_ends(l, s, ended, out);
  return PGR_OK;
}

static void take_answer(pgr_lockstep *l, settling *s) {
  s->asked = false;
  if (s->stale) return; /* whoever ended has set ask_ns if somebody has to be asked about */
  int64_t now_ns = pgr_now_ns();
  uint32_t renewed = pgr__waits_answer(&l->waits, l->answer, l->answers, l->quiet_ns, now_ns);
  bool all = (l->asked & ~l->answer) == 0;
  /* Each is looked at a moment after the other. When two of them moved the first may have been let go by the second. */
  bool together = (renewed & (renewed - 1)) == 0;
  s->answered = true;
  s->believed = all && together;
  s->looked = false;
  if (all && !together) {
    s->ask_ns = 0;
    return;
  }
  s->ask_ns = now_ns + s->pause_ns;
  s->pause_ns = s->pause_ns * 2 < PAUSE_MAX_NS ? s->pause_ns * 2 : PAUSE_MAX_NS;
}

/* ---- what to do about it ---- */

/* Everybody stands still, and nothing else is waited for. */
static bool at_rest(const pgr_lockstep *l, const settling *s, int64_t now_ns) {
  if (!l->busy) return true;
  if (!s->believed || !s->looked) return false;
  if (s->give_up_ns && now_ns >= s->give_up_ns) return true;
  return !(s->awaited & l->busy) && !(l->o.awaits_deadlocks && pgr__waits_in_circles(&l->waits, l->busy));
}

/* Time is up: gives up what runs; where nothing does, whoever closed the circle that the server does not break. */
static pgr_code cancel(pgr_lockstep *l, settling *s, int64_t now_ns, pgr_err *err) {
  uint32_t stuck = l->busy & ~l->waits.blocked;
  if (!stuck) stuck = pgr__waits_closers(&l->waits, l->busy);
  if (!stuck) {
    s->cancel_ns = now_ns + PAUSE_MAX_NS; /* they only wait to be believed */
    return PGR_OK;
  }
  if (s->cancels++ == CANCELS_MAX)
    return pgr_fail(err, PGR_EDATABASE, "a statement does not end though it was cancelled");
  s->cancelling |= stuck;
  for (int i = 0; i < l->o.count; i++)
    if (stuck & pgr__seat(i)) pgr_conn_cancel(l->seats[i]);
  s->cancel_ns = now_ns + PGR__CANCEL_AGAIN_NS;
  return PGR_OK;
}

static void look_again(pgr_lockstep *l) {
  pgr_loop_turn(l->o.loop, false);
}

/* Whoever can go on, and shares this processor, does so now, which may leave nothing to ask. But when somebody else
 * takes it, for a slice of milliseconds, it is not offered again soon. */
static void let_others_run(pgr_lockstep *l, int64_t now_ns) {
  if (l->reserve > 0) {
    l->reserve--;
    return;
  }
  sched_yield();
  look_again(l);
  if (pgr_now_ns() - now_ns > TAKEN_NS) l->reserve = RESERVED;
}

/* One round: looks, and acts or waits. *rests: it is over. */
static pgr_code go_on(pgr_lockstep *l, settling *s, pgr_settled *out, bool *rests, pgr_err *err) {
  pgr_code code = look(l, s, out, err);
  if (code) return code;
  if (s->asked && !l->errand) {
    if (l->failed) return pgr_fail(err, l->failed, "cannot ask who waits: %s", l->complaint.msg);
    take_answer(l, s);
  }
  if (s->believed && !s->looked) {
    look_again(l);
    s->looked = true;
    return PGR_OK;
  }
  if (!l->busy) { /* before the clock is read: most settlings end here */
    *rests = true;
    return PGR_OK;
  }
  int64_t now_ns = pgr_now_ns();
  if (at_rest(l, s, now_ns)) {
    *rests = true;
    return PGR_OK;
  }
  if (pgr__lockstep_stopped(l)) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  bool late = s->cancel_ns && now_ns >= s->cancel_ns;
  if (late && s->answered) return cancel(l, s, now_ns, err);
  if (!s->asked && (late || now_ns >= s->ask_ns)) {
    if (!s->let_others) {
      s->let_others = true;
      let_others_run(l, now_ns);
      return PGR_OK;
    }
    s->asked = true;
    s->stale = false;
    pgr__control_ask(l);
    if (l->control_lost) return PGR_OK;
  }
  int64_t due_ns = now_ns + PGR__LOOK_AROUND_NS;
  if (!s->asked && s->ask_ns < due_ns) due_ns = s->ask_ns;
  if (s->cancel_ns > now_ns && s->cancel_ns < due_ns) due_ns = s->cancel_ns;
  if (s->give_up_ns > now_ns && s->give_up_ns < due_ns) due_ns = s->give_up_ns;
  return pgr__lockstep_rest(l, due_ns, err);
}

/* Adds to *out what was cancelled and whether it was ambiguous. */
static pgr_code settle(pgr_lockstep *l, settling *s, pgr_settled *out, pgr_err *err) {
  bool rests = false;
  pgr__control_take(l);
  pgr_code code = find_seats(l, err);
  s->pause_ns = PAUSE_MIN_NS;
  while (!code && !rests)
    code = go_on(l, s, out, &rests, err);
  if (l->errand) {
    /* Nobody wants the answer any more, but the connection. */
    pgr_code late = pgr__control_finish(l, code ? NULL : err);
    if (!code) code = late;
  }
  pgr__control_give(l);
  out->blocked = l->waits.blocked & l->busy;
  memcpy(out->blockers, l->waits.blockers, sizeof out->blockers);
  out->ambiguous |= l->waits.ambiguous;
  l->waits.ambiguous = false;
  return code;
}

pgr_code pgr_lockstep_settle(pgr_lockstep *l, bool expects_lock, pgr_settled *out, pgr_err *err) {
  int64_t now_ns = pgr_now_ns();
  settling s = {.ask_ns = expects_lock ? 0 : now_ns + l->o.patience_ns,
                .cancel_ns = l->o.timeout_ns ? now_ns + l->o.timeout_ns : 0};
  *out = (pgr_settled){0};
  pgr_code code = settle(l, &s, out, err);
  l->quiet_ns = pgr_now_ns();
  return code;
}

pgr_code pgr_lockstep_wait(pgr_lockstep *l, int seat, int64_t timeout_ns, pgr_settled *out, pgr_err *err) {
  int64_t now_ns = pgr_now_ns();
  settling s = {.awaited = pgr__seat(seat),
                .give_up_ns = now_ns + timeout_ns,
                .cancel_ns = l->o.timeout_ns ? now_ns + timeout_ns + l->o.timeout_ns : 0};
  *out = (pgr_settled){0};
  pgr_code code = settle(l, &s, out, err);
  l->quiet_ns = pgr_now_ns();
  return code;
}

void pgr_lockstep_hold(pgr_lockstep *l) {
  pgr_err ignored;
  int64_t until_ns = pgr__waits_checked_ns(&l->waits);
  while (pgr_now_ns() < until_ns && !pgr__lockstep_stopped(l)) {
    int64_t look_ns = pgr_now_ns() + PGR__LOOK_AROUND_NS;
    if (pgr__lockstep_rest(l, until_ns < look_ns ? until_ns : look_ns, &ignored)) break;
  }
  l->quiet_ns = pgr_now_ns();
}
