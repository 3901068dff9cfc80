/* One permutation of a spec, told in isolationtester's order.
 *
 * After each launch everything is left to settle; then the step is tried, and after it those that waited, in the order
 * in which they began to. To try a step is to print what its connection received, and to report it unless it is blocked
 * or held up by one of its markers.
 *
 * The invariant most easily broken: what is printed depends on the order in which steps are tried and on what had
 * settled by then, never on which of two connections was heard first. */
#include "spec_run_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <string.h>
#include <strings.h>

/* isolationtester looks after 10 ms. A timeout of as much is up to chance there: it has to be marked with (*). */
static const int64_t LOOK_NS = 9 * PGR_NS_PER_MS;
enum { LOOKS = 3 }; /* in that time: each is a round trip, which takes longer where the server is short of time, too */
/* A signal sent to another backend takes effect soon after the statement that sent it has ended. */
static const int64_t SIGNAL_NS = 50 * PGR_NS_PER_MS;
/* Between looks at steps that only others can move. */
static const int64_t PAUSE_NS = 10 * PGR_NS_PER_MS;

/* How long a step that never blocked may take before anybody asks: asking takes time from it. */
static const int64_t TRUST_NS = 2 * PGR_NS_PER_MS;

/* What is known of a step. */
enum { LAUNCHED = 1, HAS_BLOCKED = 2, BLOCKED_LAST = 4 };

typedef struct play {
  spec_run *run;
  const pgr_spec *spec;
  FILE *out;
  spec_seat *waiting[PGR_SEATS_MAX]; /* in the order in which they began to */
  int waiting_count;
  bool retry; /* steps that are tried have been reported as waiting */
  pgr_settled settled;
} play;

static const pgr_spec_step *step_of(const play *p, const pgr_spec_pstep *ps) {
  return &p->spec->steps[ps->step];
}

static spec_seat *seat_of(const play *p, int step) {
  return &p->run->seats[p->spec->steps[step].session];
}

static int index_of(const play *p, const spec_seat *s) {
  return (int)(s - p->run->seats);
}

static bool has_once(const pgr_spec_pstep *ps) {
  for (int i = 0; i < ps->blocker_count; i++)
    if (ps->blockers[i].kind == PGR_SPEC_BLOCKER_ONCE) return true;
  return false;
}

/* ---- letting everything settle ---- */

static void note_cancelled(play *p) {
  for (int i = 0; i < p->spec->session_count; i++)
    if (p->settled.cancelled & UINT32_C(1) << i) p->run->seats[i].cancelled = true;
}

/* Some seat waits for the transaction in which we ask, that is, for nobody once we have asked. */
static bool waits_for_asker(const pgr_settled *s) {
  for (uint32_t left = s->blocked; left; left &= left - 1)
    if (s->blockers[__builtin_ctz(left)] == PGR_SEAT_CONTROL) return true;
  return false;
}

static pgr_code settle(play *p, bool expects_lock, pgr_err *err) {
  pgr_code code;
  do {
    code = pgr_lockstep_settle(p->run->lockstep, expects_lock, &p->settled, err);
    note_cancelled(p);
  } while (!code && waits_for_asker(&p->settled));
  return code;
}

/* Until the seat is idle, or for most_ns. */
static pgr_code settle_seat(play *p, spec_seat *s, int64_t most_ns, pgr_err *err) {
  if (!pgr_conn_busy(s->conn)) return PGR_OK;
  pgr_code code = pgr_lockstep_wait(p->run->lockstep, index_of(p, s), most_ns, &p->settled, err);
  note_cancelled(p);
  return code;
}

static pgr_code wait_for(play *p, spec_seat *s, pgr_err *err) {
  int64_t timeout_ns = p->run->step_timeout_ns;
  pgr_code code = settle_seat(p, s, timeout_ns, err);
  if (code || !pgr_conn_busy(s->conn)) return code;
  if (pgr_conn_cancel(s->conn)) s->cancelled = true;
  code = settle_seat(p, s, timeout_ns, err);
  if (code || !pgr_conn_busy(s->conn)) return code;
  int seconds = (int)(2 * timeout_ns / PGR_NS_PER_S);
  const char *name = step_of(p, s->active)->name;
  fprintf(p->run->o->complaints, "step %s timed out after %d seconds\n", name, seconds);
  return pgr_fail(err, PGR_EDATABASE, "step %s timed out after %d seconds", name, seconds);
}

static void is_blocked(void *user, const PGresult *r) {
  *(bool *)user = PQntuples(r) > 0;
}

/* isolationtester launches the next step without a look at one marked with (*); that it has got to its lock by then is
 * likely there, and certain here. But it need not end: somebody else may have to end it. */
static pgr_code settle_marked(play *p, const spec_seat *s, pgr_err *err) {
  char pid[16];
  const char *values[] = {pid};
  bool blocked = false;
  int64_t until_ns = pgr_now_ns() + LOOK_NS;
  snprintf(pid, sizeof pid, "{%d}", pgr_conn_pid(s->conn));
  while (!blocked && pgr_conn_busy(s->conn) && pgr_now_ns() < until_ns) {
    pgr_code code = spec_run_rest(p->run, PGR_NS_PER_MS / 2, err);
    if (code) return code;
    if (!pgr_conn_busy(s->conn)) break;
    code = pgr_lockstep_control(p->run->lockstep, 0, 1, values, is_blocked, &blocked, err);
    if (code) return code;
  }
  return blocked || !pgr_conn_busy(s->conn) ? settle(p, true, err) : PGR_OK;
}

/* The seat waits for somebody who waits for it. */
static bool in_circle(const pgr_settled *s, int seat) {
  uint32_t reached = s->blockers[seat] & s->blocked, seen = 0;
  while (reached & ~seen) {
    int next = __builtin_ctz(reached & ~seen);
    seen |= UINT32_C(1) << next;
    reached |= s->blockers[next] & s->blocked;
  }
  return reached & UINT32_C(1) << seat;
}

static bool mentions(const char *sql, const char *word) {
  for (; sql && *sql; sql++)
    if (strncasecmp(sql, word, strlen(word)) == 0) return true;
  return false;
}

/* A step that ends another's wait by a signal rather than by letting go of a lock: isolationtester would see that one
 * end. */
static pgr_code await_signal(play *p, const pgr_spec_pstep *ps, pgr_err *err) {
  const char *sql = step_of(p, ps)->sql;
  if (!mentions(sql, "pg_cancel_backend") && !mentions(sql, "pg_terminate_backend")) return PGR_OK;
  for (int i = 0; i < p->waiting_count; i++) {
    spec_seat *s = p->waiting[i];
    if (!pgr_conn_busy(s->conn)) continue;
    pgr_code code = settle_seat(p, s, SIGNAL_NS, err);
    if (code || !pgr_conn_busy(s->conn)) return code;
  }
  return PGR_OK;
}

/* A step that was just launched is blocked: gives the server the time that isolationtester would give it to end that
 * by itself, where it may. */
static pgr_code linger(play *p, spec_seat *s, pgr_err *err) {
  if (!(p->settled.blocked & UINT32_C(1) << index_of(p, s))) return PGR_OK;
  if (!p->run->impatient && !in_circle(&p->settled, index_of(p, s))) return PGR_OK;
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < LOOKS && pgr_conn_busy(s->conn); i++) {
    code = settle_seat(p, s, LOOK_NS / LOOKS, err);
    if (!code) code = settle(p, true, err);
  }
  return code;
}

static bool sets_timeout(const char *sql) {
  if (mentions(sql, "statement_timeout")) return true;
  /* deadlock_timeout matters in circles only. */
  for (; sql && *sql; sql++)
    if (strncasecmp(sql, "deadlock_timeout", 16) == 0)
      sql += 15;
    else if (strncasecmp(sql, "lock_timeout", 12) == 0)
      return true;
  return false;
}

bool spec_is_impatient(const pgr_spec *s) {
  for (int i = 0; i < s->setup_count; i++)
    if (sets_timeout(s->setups[i])) return true;
  for (int i = 0; i < s->session_count; i++)
    if (sets_timeout(s->sessions[i].setup)) return true;
  for (int i = 0; i < s->step_count; i++)
    if (sets_timeout(s->steps[i].sql)) return true;
  return false;
}

/* ---- trying ---- */

static bool is_held_up(const play *p, const spec_seat *s) {
  const pgr_spec_pstep *ps = s->active;
  for (int i = 0; i < ps->blocker_count; i++) {
    const pgr_spec_blocker *b = &ps->blockers[i];
    switch (b->kind) {
    case PGR_SPEC_BLOCKER_ONCE: break;
    case PGR_SPEC_BLOCKER_STEP: {
      const spec_seat *other = seat_of(p, b->step);
      if (other->active && other->active->step == b->step) return true;
      break;
    }
    case PGR_SPEC_BLOCKER_NOTICES:
      if (seat_of(p, b->step)->total_notices < s->targets[i]) return true;
      break;
    }
  }
  return false;
}

static void print_waiting(const play *p, const spec_seat *s) {
  const pgr_spec_step *step = step_of(p, s->active);
  fprintf(p->out, "step %s: %s <waiting ...>\n", step->name, step->sql);
  p->run->result->waits++;
}

/* again: it was reported as waiting before. true: it is not over. */
static bool try_step(const play *p, spec_seat *s, bool again) {
  const pgr_spec_step *step = step_of(p, s->active);
  if (!again && has_once(s->active)) {
    print_waiting(p, s);
    return true;
  }
  spec_seat_read(s);
  if (s->cancelled)
    fprintf(p->out, "isolationtester: canceling step %s after %d seconds\n", step->name,
            (int)(p->run->step_timeout_ns / PGR_NS_PER_S));
  s->cancelled = false;
  if (pgr_conn_busy(s->conn) || is_held_up(p, s)) {
    if (!again) print_waiting(p, s);
    return true;
  }
  if (again)
    fprintf(p->out, "step %s: <... completed>\n", step->name);
  else
    fprintf(p->out, "step %s: %s\n", step->name, step->sql);
  spec_seat_finish(s);
  return false;
}

static void forget(play *p, int at) {
  p->waiting_count--;
  memmove(&p->waiting[at], &p->waiting[at + 1], (size_t)(p->waiting_count - at) * sizeof *p->waiting);
}

/* Tries those that wait. to_the_end: each is waited for. A step that is held up by a marker may be let go by one that
 * is tried after it, so that all are tried again while anything happens. */
static pgr_code try_waiting(play *p, bool to_the_end, pgr_err *err) {
  bool held_up, fewer;
  do {
    int before = p->waiting_count;
    held_up = false;
    p->run->new_notice = false;
    for (int i = 0; i < p->waiting_count;) {
      spec_seat *s = p->waiting[i];
      pgr_code code = to_the_end ? wait_for(p, s, err) : PGR_OK;
      if (code) return code;
      if (!try_step(p, s, true)) {
        forget(p, i);
        continue;
      }
      held_up |= s->active->blocker_count > 0;
      i++;
    }
    fewer = p->waiting_count < before;
  } while (held_up && (fewer || p->run->new_notice));
  return PGR_OK;
}

/* ---- launching ---- */

static pgr_code too_long(const play *p, const spec_seat *s, pgr_err *err) {
  FILE *complaints = p->run->o->complaints;
  const char *name = step_of(p, s->active)->name;
  int seconds = (int)(2 * p->run->step_timeout_ns / PGR_NS_PER_S);
  fprintf(complaints, "step %s timed out after %d seconds\nactive steps are:", name, seconds);
  for (int i = 0; i < p->spec->session_count; i++)
    if (p->run->seats[i].active) fprintf(complaints, " %s", step_of(p, p->run->seats[i].active)->name);
  fprintf(complaints, "\n");
  return pgr_fail(err, PGR_EDATABASE, "step %s timed out after %d seconds", name, seconds);
}

/* Until the session's last step is reported. */
static pgr_code free_seat(play *p, spec_seat *s, pgr_err *err) {
  int64_t until_ns = pgr_now_ns() + 2 * p->run->step_timeout_ns;
  while (s->active) {
    pgr_code code = wait_for(p, s, err);
    if (!code && !try_step(p, s, true)) {
      for (int i = 0; i < p->waiting_count; i++)
        if (p->waiting[i] == s) forget(p, i);
    }
    if (!code) code = try_waiting(p, false, err);
    if (!code && s->active) {
      if (pgr_now_ns() > until_ns) return too_long(p, s, err);
      code = spec_run_rest(p->run, PAUSE_NS, err); /* only what the server does by itself can help now */
      if (!code) code = settle(p, true, err);
    }
    if (code) return code;
  }
  return PGR_OK;
}

static pgr_code set_targets(const play *p, spec_seat *s, const pgr_spec_pstep *ps, pgr_err *err) {
  if (ps->blocker_count > s->target_capacity) {
    int *targets = pgr_realloc(s->targets, (size_t)ps->blocker_count, sizeof *targets);
    if (!targets) return pgr_fail(err, PGR_ENOMEM, "out of memory");
    s->targets = targets;
    s->target_capacity = ps->blocker_count;
  }
  for (int i = 0; i < ps->blocker_count; i++) {
    const pgr_spec_blocker *b = &ps->blockers[i];
    s->targets[i] = b->kind == PGR_SPEC_BLOCKER_NOTICES ? b->notices + seat_of(p, b->step)->total_notices : 0;
  }
  return PGR_OK;
}

/* Sends a step and lets everything settle. */
static pgr_code dispatch(play *p, spec_seat *s, const pgr_spec_pstep *ps, pgr_err *err) {
  unsigned char *past = &p->run->past[ps->step];
  bool marked = has_once(ps), expects_lock = *past & BLOCKED_LAST;
  pgr_code code = PGR_OK;
  pgr_conn_query(s->conn, p->spec->steps[ps->step].sql);
  int64_t now_ns = pgr_now_ns(), until_ns = *past == LAUNCHED ? now_ns + TRUST_NS : now_ns;
  for (; !code && pgr_conn_busy(s->conn) && now_ns < until_ns; now_ns = pgr_now_ns())
    code = spec_run_rest(p->run, until_ns - now_ns, err);
  if (!code) code = marked ? settle_marked(p, s, err) : settle(p, expects_lock, err);
  bool blocked = pgr_conn_busy(s->conn);
  *past = (unsigned char)(LAUNCHED | (*past & HAS_BLOCKED) | (blocked ? HAS_BLOCKED | BLOCKED_LAST : 0));
  if (!code && !marked) code = linger(p, s, err);
  return code ? code : await_signal(p, ps, err);
}

static pgr_code launch(play *p, const pgr_spec_pstep *ps, pgr_err *err) {
  spec_seat *s = seat_of(p, ps->step);
  pgr_code code = set_targets(p, s, ps, err);
  if (code) return code;
  s->active = ps;
  p->run->result->steps++;
  code = dispatch(p, s, ps, err);
  if (code) return code;
  bool waits = try_step(p, s, false);
  code = try_waiting(p, false, err);
  if (waits) p->waiting[p->waiting_count++] = s;
  return code ? code : spec_run_check(p->run, err);
}

/* ---- the whole ---- */

static pgr_code set_up(spec_run *run, pgr_err *err) {
  const pgr_spec *spec = run->spec;
  pgr_code code = PGR_OK;
  char what[128];
  for (int i = 0; !code && i < spec->setup_count; i++)
    code = spec_seat_execute(&run->control, spec->setups[i], "setup", true, err);
  for (int i = 0; !code && i < spec->session_count; i++) {
    if (!spec->sessions[i].setup) continue;
    snprintf(what, sizeof what, "setup of session %s", run->seats[i].name);
    code = spec_seat_execute(&run->seats[i], spec->sessions[i].setup, what, true, err);
  }
  return code;
}

static pgr_code tear_down(spec_run *run, pgr_err *err) {
  const pgr_spec *spec = run->spec;
  pgr_code code = PGR_OK;
  char what[128];
  for (int i = 0; !code && i < spec->session_count; i++) {
    if (!spec->sessions[i].teardown) continue;
    snprintf(what, sizeof what, "teardown of session %s", run->seats[i].name);
    code = spec_seat_execute(&run->seats[i], spec->sessions[i].teardown, what, false, err);
  }
  if (!code && spec->teardown) code = spec_seat_execute(&run->control, spec->teardown, "teardown", false, err);
  return code;
}

pgr_code spec_play(spec_run *run, const pgr_spec_permutation *permutation, pgr_err *err) {
  play p = {.run = run, .spec = run->spec, .out = run->o->out};
  fprintf(p.out, "\nstarting permutation:");
  for (int i = 0; i < permutation->count; i++)
    fprintf(p.out, " %s", step_of(&p, &permutation->steps[i])->name);
  fprintf(p.out, "\n");
  run->result->permutations++;
  pgr_code code = set_up(run, err);
  for (int i = 0; !code && i < permutation->count; i++) {
    const pgr_spec_pstep *ps = &permutation->steps[i];
    code = free_seat(&p, seat_of(&p, ps->step), err);
    if (!code) code = launch(&p, ps, err);
  }
  if (!code) code = try_waiting(&p, true, err);
  if (!code && p.waiting_count) {
    static const char complaint[] = "failed to complete permutation due to mutually-blocking steps";
    fprintf(run->o->complaints, "%s\n", complaint);
    code = pgr_fail(err, PGR_EDATABASE, "%s", complaint);
  }
  if (!code) code = tear_down(run, err);
  return code ? code : spec_run_check(run, err);
}
