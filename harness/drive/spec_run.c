/* A spec's connections: one for setup and teardown, one a session, kept across permutations, and one that asks who
 * waits, so that nothing the spec does to its own sessions can disturb the question.
 * Invariant most easily broken: whatever way a run ends, no statement of it runs on: a backend that waits for a lock
 * does not notice that its client has gone. */
#include "pgr_spec_run.h"
#include "spec_run_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <sched.h>
#include <stdlib.h>
#include <string.h>

const char PGR_SPEC_REGRESS[] = "-c timezone=PST8PDT -c datestyle=Postgres,\\ MDY -c intervalstyle=postgres_verbose";

static const int64_t STEP_TIMEOUT_NS = 300 * PGR_NS_PER_S;
/* How long a step that is not expected to block may take before somebody asks. */
static const int64_t PATIENCE_NS = PGR_NS_PER_MS / 2;
static const int64_t LOOK_AROUND_NS = 50 * PGR_NS_PER_MS;

static const char *const asks[] = {PGR_LOCKSTEP_ASK};

/* ---- the loop ---- */

static void never_mind(pgr_timer *t) {
  (void)t;
}

static bool stopped(const spec_run *run) {
  return run->o->stop && atomic_load_explicit(run->o->stop, memory_order_relaxed);
}

pgr_code spec_run_rest(spec_run *run, int64_t most_ns, pgr_err *err) {
  int64_t due_ns = pgr_now_ns() + (most_ns < LOOK_AROUND_NS ? most_ns : LOOK_AROUND_NS);
  if (*run->lost.msg) return pgr_fail(err, PGR_EDATABASE, "%s", run->lost.msg);
  if (!run->alarm.slot || run->alarm.due_ns > due_ns) {
    pgr_timer_cancel(run->loop, &run->alarm);
    if (pgr_timer_start(run->loop, &run->alarm, due_ns)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr_loop_turn(run->loop, true);
  if (*run->lost.msg) return pgr_fail(err, PGR_EDATABASE, "%s", run->lost.msg);
  return stopped(run) ? pgr_fail(err, PGR_EINTERRUPTED, "interrupted") : PGR_OK;
}

pgr_code spec_run_check(const spec_run *run, pgr_err *err) {
  if (run->failed == PGR_ELIMIT) return pgr_fail(err, PGR_ELIMIT, "a step's results are larger than 64 MiB");
  if (run->failed) return pgr_fail(err, run->failed, "out of memory");
  return ferror(run->o->out) ? pgr_fail(err, PGR_EENVIRONMENT, "cannot write the output") : PGR_OK;
}

/* ---- connections ---- */

static void on_ready(pgr_conn *c, void *user) {
  (void)c;
  ((spec_seat *)user)->ready = true;
}

static void on_lost(pgr_conn *c, const char *why, void *user) {
  const spec_seat *s = user;
  pgr_err *lost = &s->run->lost;
  (void)c;
  if (*lost->msg) return;
  const char *session = s == &s->run->control || s == &s->run->asker ? "" : "session ";
  pgr_fail(lost, PGR_EDATABASE, s->ready ? "the connection of %s%s was lost: %s" : "cannot connect %s%s: %s", session,
           s->name, why);
}

static pgr_code open_seat(spec_run *run, spec_seat *s, const char *name, const pgr_session *session, pgr_err *err) {
  spec_seat_init(s, run, name);
  s->conn = pgr_conn_create(run->loop, run->target, session, (pgr_conn_events){on_ready, on_lost, s});
  if (!s->conn) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_conn_open(s->conn, 0);
  return PGR_OK;
}

/* All of them: the sessions, setup and teardown, whoever asks. */
static spec_seat *seat_at(spec_run *run, int i) {
  int count = run->spec->session_count;
  return i < count ? &run->seats[i] : i == count ? &run->control : &run->asker;
}

static int seat_count(const spec_run *run) {
  return run->spec->session_count + 2;
}

static pgr_code open_seats(spec_run *run, pgr_err *err) {
  const pgr_spec *spec = run->spec;
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < spec->session_count; i++)
    code = open_seat(run, &run->seats[i], spec->sessions[i].name, &run->session, err);
  if (!code) code = open_seat(run, &run->control, "control connection", &run->session, err);
  if (!code) code = open_seat(run, &run->asker, "lock watch", &run->ask_session, err);
  for (int i = 0; !code && i < seat_count(run); i++)
    while (!code && !seat_at(run, i)->ready)
      code = spec_run_rest(run, INT64_MAX, err);
  return code;
}

/* Everybody's application_name gets its session's name appended. */
static pgr_code name_seats(spec_run *run, pgr_err *err) {
  static const char append[] =
      "SELECT set_config('application_name', current_setting('application_name') || '/' || $1, false)";
  pgr_code code = PGR_OK;
  for (int i = 0; i < seat_count(run); i++) {
    spec_seat *s = seat_at(run, i);
    s->executing = true;
    pgr_conn_hold(s->conn, &s->holder);
    pgr_conn_listen(s->conn, &s->ear);
    pgr_conn_query_params(s->conn, append, 1, &s->name);
  }
  for (int i = 0; !code && i < seat_count(run); i++) {
    spec_seat *s = seat_at(run, i);
    while (!code && pgr_conn_busy(s->conn))
      code = spec_run_rest(run, INT64_MAX, err);
    if (!code && s->status != PGRES_TUPLES_OK)
      code = pgr_fail(err, PGR_EDATABASE, "setting of application name failed: %s", pgr_buf_text(&s->after));
    pgr_buf_clear(&s->after);
    s->executing = false;
  }
  return code;
}

static pgr_code take_seats(spec_run *run, pgr_err *err) {
  pgr_conn *conns[PGR_SEATS_MAX];
  for (int i = 0; i < run->spec->session_count; i++)
    conns[i] = run->seats[i].conn;
  pgr_lockstep_options o = {.loop = run->loop,
                            .control = run->asker.conn,
                            .seats = conns,
                            .count = run->spec->session_count,
                            .patience_ns = PATIENCE_NS,
                            .timeout_ns = run->step_timeout_ns,
                            .deadlock_ns = PGR_NS_PER_S,
                            .stop = run->o->stop};
  pgr_code code = pgr_lockstep_create(&o, &run->lockstep, err);
  if (!code && run->o->pin) pgr_lockstep_pin(run->lockstep, run->o->worker);
  return code;
}

/* The settings of pg_isolation_regress, and the name it would give. */
static pgr_code make_target(spec_run *run, const pgr_target *target, pgr_err *err) {
  const pgr_spec_run_options *o = run->o;
  pgr_code code = pgr_target_clone(target, &run->target, err);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_buf_addf(&b, "isolation/%s", o->name);
  if (!code) code = pgr_target_set(run->target, "application_name", pgr_buf_text(&b), err);
  if (!code && o->session_options) {
    const char *const *keywords = pgr_target_keywords(run->target), *const *values = pgr_target_values(run->target);
    const char *options = getenv("PGOPTIONS");
    for (; *keywords; keywords++, values++)
      if (strcmp(*keywords, "options") == 0) options = *values;
    pgr_buf_clear(&b);
    pgr_buf_addf(&b, "%s%s%s", options ? options : "", options ? " " : "", o->session_options);
    code = pgr_target_set(run->target, "options", pgr_buf_text(&b), err);
  }
  if (!code && b.failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_buf_deinit(&b);
  return code;
}

/* ---- the run ---- */

static int by_name(const void *a, const void *b) {
  return strcmp((*(const pgr_spec_step *const *)a)->name, (*(const pgr_spec_step *const *)b)->name);
}

static pgr_code print_unused(const spec_run *run, pgr_err *err) {
  const pgr_spec *spec = run->spec;
  if (!spec->permutation_count) return PGR_OK;
  const pgr_spec_step **unused = pgr_calloc((size_t)spec->step_count, sizeof *unused);
  size_t count = 0;
  if (!unused) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  for (int i = 0; i < spec->step_count; i++)
    if (!spec->steps[i].used) unused[count++] = &spec->steps[i];
  qsort(unused, count, sizeof *unused, by_name);
  for (size_t i = 0; i < count; i++)
    fprintf(run->o->complaints, "unused step name: %s\n", unused[i]->name);
  pgr_free(unused);
  return PGR_OK;
}

static pgr_code play_all(spec_run *run, pgr_err *err) {
  const pgr_spec_run_options *o = run->o;
  spec_orders orders = {0};
  pgr_spec_permutation permutation;
  pgr_code code = o->next ? PGR_OK : spec_orders_init(&orders, run->spec, err);
  while (!code && (o->next ? o->next(o->user, &permutation) : spec_orders_next(&orders, &permutation)))
    code = stopped(run) ? pgr_fail(err, PGR_EINTERRUPTED, "interrupted") : spec_play(run, &permutation, err);
  spec_orders_deinit(&orders);
  return code;
}

static pgr_code run_spec(spec_run *run, const pgr_target *target, pgr_err *err) {
  run->past = pgr_calloc((size_t)run->spec->step_count, sizeof *run->past);
  if (!run->past) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = print_unused(run, err);
  if (!code) fprintf(run->o->out, "Parsed test spec with %d sessions\n", run->spec->session_count);
  if (!code) code = make_target(run, target, err);
  if (!code) code = pgr_loop_create(&run->loop, err);
  if (!code) code = open_seats(run, err);
  if (!code) code = name_seats(run, err);
  if (!code) code = take_seats(run, err);
  if (!code) code = play_all(run, err);
  if (!code) return PGR_OK;
  if (*run->lost.msg && code == PGR_EDATABASE) pgr_fail(err, code, "%s", run->lost.msg);
  return code;
}

static void close_all(spec_run *run) {
  pgr_lockstep_destroy(run->lockstep);
  for (int i = 0; i < seat_count(run); i++) {
    spec_seat *s = seat_at(run, i);
    if (!s->conn) continue;
    if (pgr_conn_busy(s->conn)) pgr_conn_cancel(s->conn);
    pgr_conn_close(s->conn);
  }
  if (run->loop) {
    pgr_timer_cancel(run->loop, &run->alarm);
    pgr_loop_finish(run->loop);
    pgr_loop_join(run->loop);
  }
  for (int i = 0; i < seat_count(run); i++) {
    pgr_conn_destroy(seat_at(run, i)->conn);
    spec_seat_deinit(seat_at(run, i));
  }
  if (run->loop) pgr_loop_destroy(run->loop);
  pgr_target_destroy(run->target);
  pgr_free(run->past);
}

pgr_code pgr_spec_run(const pgr_spec *s, const pgr_target *target, const pgr_spec_run_options *o,
                      pgr_spec_run_result *r, pgr_err *err) {
  pgr_spec_run_result ignored;
  cpu_set_t processors;
  int64_t begun_ns = pgr_now_ns();
  if (!r) r = &ignored;
  *r = (pgr_spec_run_result){0};
  spec_run *run = pgr_calloc(1, sizeof *run);
  if (!run) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  run->spec = s;
  run->o = o;
  run->result = r;
  run->step_timeout_ns = o->step_timeout_ns ? o->step_timeout_ns : STEP_TIMEOUT_NS;
  run->session = (pgr_session){.setup = ""};
  run->ask_session = (pgr_session){.setup = "", .statements = asks, .count = 1};
  run->alarm.fire = never_mind;
  run->impatient = spec_is_impatient(s);
  bool known = o->pin && sched_getaffinity(0, sizeof processors, &processors) == 0;
  pgr_code code = run_spec(run, target, err);
  close_all(run);
  pgr_free(run);
  if (known) sched_setaffinity(0, sizeof processors, &processors);
  if (fflush(o->out) && !code) code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the output");
  r->elapsed_ns = pgr_now_ns() - begun_ns;
  return code;
}
