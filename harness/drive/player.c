/* Plays schedules: agents on connections of their own, one statement at a time, whoever the chooser says.
 *
 * What happens between two choices is one event: a statement is sent, and everything in flight comes to rest. The
 * invariants most easily broken: a schedule that is given up is played to its end all the same, for transactions must
 * not stay open; and nothing that was observed before an event is reported may depend on time. */
#include "explore_internal.h"
#include "player_internal.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pgr_code no_memory(pgr_err *err) {
  return pgr_fail(err, PGR_ENOMEM, "out of memory");
}

static uint64_t mix(uint64_t h, uint64_t v) {
  h ^= v + UINT64_C(0x9E3779B97F4A7C15) + (h << 6) + (h >> 2);
  h *= UINT64_C(0xFF51AFD7ED558CCD);
  return h ^ h >> 32;
}

static uint64_t mix_text(uint64_t h, const char *s) {
  uint64_t v = UINT64_C(0xcbf29ce484222325);
  for (; *s; s++)
    v = (v ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
  return mix(h, v);
}

static pgr__seat *seat_of(pgr_agent *a) {
  return (pgr__seat *)((char *)a - offsetof(pgr__seat, agent));
}

/* ---- what agents tell ---- */

static void on_answered(pgr_agent *a, const PGresult *result) {
  pgr__seat *seat = seat_of(a);
  pgr__answer *answer = &seat->answer;
  ExecStatusType status = PQresultStatus(result);
  const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  *answer = (pgr__answer){.rows = -1};
  if (status == PGRES_TUPLES_OK) {
    answer->rows = PQntuples(result);
    answer->is_set = true;
    if (answer->rows > 0 && PQnfields(result) > 0)
      snprintf(answer->value, sizeof answer->value, "%s",
               PQgetisnull(result, 0, 0) ? "NULL" : PQgetvalue(result, 0, 0));
  } else if (status == PGRES_COMMAND_OK) {
    const char *affected = PQcmdTuples((PGresult *)(uintptr_t)result);
    if (*affected) answer->rows = strtoll(affected, NULL, 10);
  } else if (sqlstate) {
    snprintf(answer->sqlstate, sizeof answer->sqlstate, "%s", sqlstate);
  }
}

static int following(const pgr__player *p, uint8_t kind, uint8_t ok) {
  const pgr_scenario *s = p->plan->options->scenario;
  for (int k = kind + 1; k < s->operation_count; k++) {
    const pgr_operation *o = &s->operations[k];
    if (o->when == PGR_WHEN_AFTER && ok >> o->after & 1 && p->operations >> k & 1) return k;
  }
  return -1;
}

static void on_done(pgr_agent *a, uint8_t kind, pgr_outcome outcome) {
  pgr__seat *seat = seat_of(a);
  pgr__player *p = seat->player;
  if (outcome == PGR_OUTCOME_OK) seat->ok |= (uint8_t)(1U << kind);
  if (p->at_end) return;
  int next = following(p, kind, seat->ok);
  if (next >= 0) pgr_agent_begin(a, (uint8_t)next, pgr_now_ns() - p->origin_ns);
}

static void on_fault(pgr_agent_shared *shared, pgr_code code) {
  pgr__seat *seat = (pgr__seat *)((char *)shared - offsetof(pgr__seat, shared));
  seat->player->fault = code;
}

/* ---- whose turn it can be ---- */

static uint32_t bit(int agent) {
  return UINT32_C(1) << agent;
}

static bool at_yield(const pgr__player *p, int i) {
  return p->settled.blocked >> i & 1 && p->settled.blockers[i] & PGR_SEAT_CONTROL && p->seats[i].locked;
}

static uint32_t find_enabled(const pgr__player *p) {
  uint32_t enabled = 0;
  for (int i = 0; i < p->count; i++)
    if (p->seats[i].agent.state == PGR_AGENT_PARKED || at_yield(p, i)) enabled |= bit(i);
  return enabled;
}

static uint32_t find_busy(const pgr__player *p) {
  uint32_t busy = 0;
  for (int i = 0; i < p->count; i++)
    if (pgr_conn_busy(p->conns[i])) busy |= bit(i);
  return busy;
}

/* In the simple protocol a variable may be a piece of SQL: what the statement reaches shows when it is filled in. */
static const pgr_reach *reach_filled(pgr__player *p, pgr__seat *seat) {
  pgr_buf_clear(&p->text);
  pgr_agent_statement(&seat->agent, &p->text);
  if (pgr__plan_reach_of(p->plan, pgr_buf_text(&p->text), &seat->own_reach)) p->fault = PGR_ENOMEM;
  return &seat->own_reach;
}

static const pgr_reach *reach_of(pgr__player *p, pgr__seat *seat) {
  static const pgr_reach everything = {.kind = PGR_REACH_EVERYTHING, .level = -1};
  const pgr_agent *a = &seat->agent;
  switch (a->pending) {
  case PGR_PENDING_STATEMENT:
    if (a->shared->protocol == PGR_PROTOCOL_SIMPLE && a->command->sql.text.var_count) return reach_filled(p, seat);
    return &p->plan->reach[a->op.kind][a->command->sql.index];
  case PGR_PENDING_PIPELINE: return &everything;
  case PGR_PENDING_ROLLBACK: return &p->plan->rollback;
  }
  return &everything;
}

/* ---- one event ---- */

static bool knows(const pgr__learnt *l, const pgr_command *command) {
  for (int i = 0; i < l->count; i++)
    if (l->at[i] == command) return true;
  return false;
}

static void learn(pgr__learnt *l, const pgr_command *command) {
  if (l->count < PGR__LEARNT_MAX && !knows(l, command)) l->at[l->count++] = command;
}

/* Somebody has an open transaction that wrote what this statement writes: it may have to wait. */
static bool expects_lock(const pgr__player *p, int agent, const pgr_reach *reach) {
  if (p->settled.blocked || knows(&p->waiters, p->last_command)) return true;
  if (reach->kind == PGR_REACH_END || reach->kind == PGR_REACH_UNDO || reach->kind == PGR_REACH_NOTHING) return false;
  for (int i = 0; i < p->count; i++) {
    const pgr_ledger *l = &p->seats[i].ledger;
    if (i != agent && l->open && (l->wrote_everything || (l->written | l->shared) & (reach->writes | reach->shares)))
      return true;
  }
  return p->plan->options->split || reach->kind == PGR_REACH_EVERYTHING;
}

static pgr_code set_lock(pgr__player *p, int agent, bool locked, pgr_err *err) {
  char number[16];
  const char *values[] = {number};
  snprintf(number, sizeof number, "%d", agent + 1);
  p->seats[agent].locked = locked;
  return pgr_lockstep_control(p->lockstep, locked ? p->plan->lock : p->plan->unlock, 1, values, NULL, NULL, err);
}

static pgr_code launch(pgr__player *p, int i, pgr_touch *touch, bool *expects, pgr_err *err) {
  pgr__seat *seat = &p->seats[i];
  pgr_agent *a = &seat->agent;
  if (at_yield(p, i)) {
    const pgr_reach *r = seat->reach;
    pgr_touch_add(touch, &(pgr_touch){.writes = r->writes, .keys = r->keys, .shares = r->shares});
    *expects = true;
    p->settled.blocked &= ~bit(i);
    return set_lock(p, i, false, err);
  }
  pgr_code code = p->plan->options->split && !seat->locked ? set_lock(p, i, true, err) : PGR_OK;
  if (code) return code;
  if (p->settled.blocked && knows(&p->closers, a->command)) pgr_lockstep_hold(p->lockstep);
  seat->reach = reach_of(p, seat);
  *expects = expects_lock(p, i, seat->reach);
  seat->ledger.scope = p->plan->scope[a->op.kind];
  pgr_touch sent = pgr_ledger_sent(&seat->ledger, seat->reach);
  pgr_touch_add(touch, &sent);
  pgr_agent_go(a);
  return PGR_OK;
}

/* Nobody can be let go, and somebody waits: the server may end the wait (a lock timeout). If it does not, we do. */
static pgr_code wait_or_cancel(pgr__player *p, pgr_end_flags *flags, pgr_err *err) {
  int waits = 0;
  while (!(p->settled.blocked >> waits & 1))
    waits++;
  pgr_code code = pgr_lockstep_wait(p->lockstep, waits, p->plan->options->step_timeout_ns, &p->settled, err);
  flags->cancelled |= p->settled.cancelled != 0;
  flags->ambiguous |= p->settled.ambiguous;
  if (code || find_enabled(p) != 0 || !p->settled.blocked) return code;
  flags->cancelled = true;
  pgr_conn_cancel(p->conns[waits]);
  return pgr_lockstep_settle(p->lockstep, false, &p->settled, err);
}

static pgr_code come_to_rest(pgr__player *p, bool expects, pgr_end_flags *flags, pgr_err *err) {
  pgr_code code = pgr_lockstep_settle(p->lockstep, expects, &p->settled, err);
  flags->cancelled |= p->settled.cancelled != 0;
  flags->ambiguous |= p->settled.ambiguous;
  while (!code && find_enabled(p) == 0 && p->settled.blocked)
    code = wait_or_cancel(p, flags, err);
  return code;
}

static uint64_t print_answer(uint64_t h, const pgr__answer *a) {
  return mix(mix_text(h, a->sqlstate), (uint64_t)a->rows);
}

static void end_statement(pgr__player *p, int i, pgr_event *e) {
  pgr__seat *seat = &p->seats[i];
  PGTransactionStatusType status = pgr_conn_transaction(p->conns[i]);
  bool open = status == PQTRANS_INTRANS || status == PQTRANS_INERROR;
  pgr_touch touch = pgr_ledger_ended(
      &seat->ledger, seat->reach,
      (pgr_statement_end){.open = open, .failed = *seat->answer.sqlstate != '\0', .rows = seat->answer.rows > 0});
  pgr_touch_add(&e->touch, &touch);
  e->ended |= bit(i);
  e->print = print_answer(mix(e->print, (uint64_t)i), &seat->answer);
}

/* Lets agent i go and fills in what came of it. */
static pgr_code make_event(pgr__player *p, int i, pgr_event *e, pgr_end_flags *flags, pgr_err *err) {
  pgr_agent *a = &p->seats[i].agent;
  const pgr_command *command = a->pending == PGR_PENDING_ROLLBACK ? NULL : a->command;
  bool expects = false;
  p->last_agent = i;
  p->last_command = command;
  *e = (pgr_event){.agent = (uint8_t)i};
  uint32_t before = find_busy(p) | bit(i);
  e->print = mix(mix(at_yield(p, i), (uint64_t)i), command ? (uint64_t)(command->at.line * 1000 + a->op.kind + 1) : 0);
  pgr__note_step(p, i);
  pgr_code code = launch(p, i, &e->touch, &expects, err);
  if (!code) code = come_to_rest(p, expects, flags, err);
  if (code) return code;
  uint32_t ended = before & ~find_busy(p);
  for (int k = 0; k < p->count; k++)
    if (ended & bit(k)) end_statement(p, k, e);
  e->enabled = find_enabled(p);
  p->written |= e->touch.writes | e->touch.appends | (e->touch.everything ? ~UINT64_C(0) : 0);
  if (flags->ambiguous) learn(&p->closers, command);
  if (!expects && p->settled.blocked & bit(i)) learn(&p->waiters, command);
  pgr__note_event(p, i, e);
  return p->fault ? pgr_fail(err, p->fault, "out of memory") : PGR_OK;
}

/* ---- a schedule ---- */

static pgr_code enter(pgr__player *p, uint32_t active, uint32_t operations, pgr_err *err) {
  const pgr_scenario *s = p->plan->options->scenario;
  p->operations = operations;
  p->at_end = false;
  p->written = 0;
  p->settled = (pgr_settled){0};
  pgr_history_clear(p->history);
  for (int i = 0; i < p->count; i++) {
    pgr__seat *seat = &p->seats[i];
    seat->ok = 0;
    seat->ledger = (pgr_ledger){
        .default_level = p->plan->level, .level = p->plan->level, .crowd = p->plan->crowd, .watched = p->plan->watched};
    if (!(active & bit(i))) continue;
    if (pgr_agent_enter(&seat->agent, s->key.first, 1, (uint32_t)i + 1)) return no_memory(err);
  }
  for (int i = 0; i < p->count; i++)
    if (active & bit(i)) /* dealt by number, so that one who is left out changes nothing for the others */
      pgr_agent_begin(&p->seats[i].agent, p->plan->starts[i % p->plan->start_count], pgr_now_ns() - p->origin_ns);
  return p->fault ? pgr_fail(err, p->fault, "out of memory") : PGR_OK;
}

/* To the end of every operation, in whatever order, unreported. */
static pgr_code run_out(pgr__player *p, pgr_end_flags *flags, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (uint32_t enabled; !code && (enabled = find_enabled(p)) != 0;) {
    int i = 0;
    while (!(enabled & bit(i)))
      i++;
    pgr_event e;
    code = make_event(p, i, &e, flags, err);
  }
  return code;
}

static pgr_code follow(pgr__player *p, const pgr__chooser *chooser, pgr__end *end, pgr_end_flags *flags, pgr_err *err) {
  pgr_code code = PGR_OK;
  end->how = PGR__PLAYED;
  for (uint32_t enabled; !code && (enabled = find_enabled(p)) != 0;) {
    pgr_event e;
    int i = chooser->choose(chooser->user, enabled);
    if (i < 0) {
      end->how = PGR__PLAYED_CUT;
      break;
    }
    assert(enabled & bit(i));
    code = make_event(p, i, &e, flags, err);
    if (code) break;
    if (flags->ambiguous) {
      end->how = PGR__PLAYED_AGAIN;
      break;
    }
    if (!chooser->did(chooser->user, &e)) {
      end->how = PGR__PLAYED_PART;
      break;
    }
  }
  return code;
}

static bool takes_part(const pgr__player *p, uint32_t active, int i, int operation) {
  int after = p->plan->options->scenario->operations[operation].after;
  if (!(active & bit(i))) return false;
  return after >= 0 ? p->seats[i].ok >> after & 1 : (active & (bit(i) - 1)) == 0;
}

/* The operations of the round's end, one agent after the other: they are not contested. */
static pgr_code run_ends(pgr__player *p, uint32_t active, pgr_end_flags *flags, pgr_err *err) {
  pgr_code code = PGR_OK;
  p->at_end = true;
  p->recording = NULL;
  for (int n = 0; n < p->plan->end_count; n++)
    for (int i = 0; !code && i < p->count; i++) {
      if (!(p->operations >> p->plan->ends[n] & 1) || !takes_part(p, active, i, p->plan->ends[n])) continue;
      pgr_agent_begin(&p->seats[i].agent, p->plan->ends[n], pgr_now_ns() - p->origin_ns);
      code = run_out(p, flags, err);
    }
  return code;
}

static bool has_ends(const pgr__player *p, uint32_t active) {
  for (int n = 0; n < p->plan->end_count; n++)
    for (int i = 0; i < p->count; i++)
      if (p->operations >> p->plan->ends[n] & 1 && takes_part(p, active, i, p->plan->ends[n])) return true;
  return false;
}

static uint64_t print_outcomes(const pgr__player *p, size_t ops) {
  uint64_t total = 0;
  for (size_t i = 0; i < ops; i++) {
    const pgr_op *op = pgr_history_at(p->history, i);
    if (op->outcome == PGR_OUTCOME_RETRIED) continue;
    total += mix_text(mix(mix(op->agent, op->kind), op->outcome), op->sqlstate); /* whatever their order */
  }
  return total;
}

/* ---- sessions ---- */

static void on_cleaned(pgr_holder *h) {
  pgr__seat *seat = (pgr__seat *)((char *)h - offsetof(pgr__seat, cleaner));
  seat->cleaning = false;
  pgr_conn_hold(seat->player->conns[seat - seat->player->seats], NULL);
}

static void on_clean_lost(pgr_holder *h) {
  pgr__seat *seat = (pgr__seat *)((char *)h - offsetof(pgr__seat, cleaner));
  seat->cleaning = false;
  seat->player->fault = PGR_EDATABASE;
}

static void ignore_result(pgr_holder *h, const PGresult *result, bool last) {
  (void)h, (void)result, (void)last;
}

/* Puts every session back to how it began: settings, advisory locks, temporary tables. */
static pgr_code clean_sessions(pgr__player *p, pgr_err *err) {
  for (int i = 0; i < p->count; i++) {
    pgr__seat *seat = &p->seats[i];
    pgr_buf_clear(&p->text);
    pgr_buf_addf(&p->text, "SELECT pg_advisory_unlock_all(); RESET ALL; DISCARD TEMP; UNLISTEN *; %s",
                 pgr_buf_text(&seat->session.setup));
    if (p->text.failed) return no_memory(err);
    seat->cleaner = (pgr_holder){ignore_result, on_cleaned, on_clean_lost};
    seat->cleaning = true;
    pgr_conn_hold(p->conns[i], &seat->cleaner);
    pgr_conn_query(p->conns[i], pgr_buf_text(&p->text));
    while (seat->cleaning && !atomic_load(p->stop))
      pgr_loop_turn(p->loop, true);
    if (p->fault) return pgr_fail(err, PGR_EDATABASE, "a connection was lost");
    if (seat->cleaning) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  }
  return PGR_OK;
}

pgr_code pgr__player_play(pgr__player *p, uint32_t active, uint32_t operations, const pgr__chooser *chooser,
                          pgr_witness *record, pgr__end *end, pgr_err *err) {
  pgr_end_flags flags = {0};
  *end = (pgr__end){.broken_rule = -1};
  p->recording = record;
  pgr_code code = enter(p, active, operations, err);
  if (!code) code = follow(p, chooser, end, &flags, err);
  bool whole = end->how == PGR__PLAYED;
  if (!code && !whole) {
    p->recording = NULL;
    code = run_out(p, &flags, err);
  }
  size_t ops = pgr_history_count(p->history);
  bool ends = whole && has_ends(p, active);
  if (!code && ends) {
    code = pgr__look_at_state(p, &end->state, err);
    if (!code) code = run_ends(p, active, &flags, err);
  }
  if (!code && p->plan->marks_sessions) code = clean_sessions(p, err);
  if (!code) code = pgr__judge_and_restore(p, whole, ends ? NULL : &end->state, end, err);
  end->cancelled = flags.cancelled;
  if (!code && whole) end->outcome = mix(print_outcomes(p, ops), end->state);
  return code;
}

pgr_tally *pgr__player_tally(pgr__player *p) {
  return &p->tally;
}

/* ---- opening and closing ---- */

static void on_pool_ready(pgr_pool *pool, void *user) {
  (void)pool;
  ((pgr__player *)user)->ready++;
}

static void on_pool_failed(pgr_pool *pool, const char *why, void *user) {
  (void)pool;
  pgr__player *p = user;
  snprintf(p->lost, sizeof p->lost, "%.*s", (int)sizeof p->lost - 1, why);
}

static void on_control_ready(pgr_conn *c, void *user) {
  (void)c;
  ((pgr__player *)user)->ready++;
}

static void on_control_lost(pgr_conn *c, const char *why, void *user) {
  (void)c;
  pgr__player *p = user;
  snprintf(p->lost, sizeof p->lost, "%.*s", (int)sizeof p->lost - 1, why);
}

static void never_granted(pgr_waiter *w, pgr_conn *c) {
  (void)w, (void)c;
}

/* Until everything that connects stands. */
static pgr_code await_ready(pgr__player *p, int needed, pgr_err *err) {
  while (p->ready < needed && !*p->lost) {
    if (atomic_load(p->stop)) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    pgr_loop_turn(p->loop, true);
  }
  return *p->lost ? pgr_fail(err, PGR_EDATABASE, "%s", p->lost) : PGR_OK;
}

static pgr_code open_seat(pgr__player *p, int i, const pgr_room *room, pgr_err *err) {
  const pgr_explore_options *o = p->plan->options;
  pgr__seat *seat = &p->seats[i];
  char setup[320];
  seat->player = p;
  snprintf(setup, sizeof setup, "%s", p->plan->agent_setup);
  if (o->split) snprintf(setup, sizeof setup, "%sSET pgrace.agent = '%d';", p->plan->agent_setup, i + 1);
  if (pgr_cell_session_make(&seat->session, o->scenario, o->strategy, o->isolation, o->protocol, setup))
    return no_memory(err);
  seat->shared = (pgr_agent_shared){.scenario = o->scenario,
                                    .strategy = o->strategy,
                                    .protocol = o->protocol,
                                    .loop = p->loop,
                                    .history = p->history,
                                    .tally = &p->tally,
                                    .defines = o->defines,
                                    .define_count = o->define_count,
                                    .max_tries = o->max_tries,
                                    .agents = (uint32_t)o->agents,
                                    .contenders = (uint32_t)o->agents,
                                    .seed = o->seed,
                                    .origin_ns = p->origin_ns,
                                    .stepped = true,
                                    .answered = on_answered,
                                    .done = on_done,
                                    .fault = on_fault};
  memcpy(seat->shared.statement_base, seat->session.base, sizeof seat->session.base);
  pgr_buf_init(&seat->shared.scratch, 0);
  if (pgr_agent_init(&seat->agent, &seat->shared, (uint32_t)i + 1)) return no_memory(err);
  p->seats_made = i + 1;
  pgr_code code = pgr_pool_create(p->loop, room->target, 1, &seat->session.session,
                                  (pgr_pool_events){on_pool_ready, on_pool_failed, p}, &seat->shared.pool, err);
  if (!code) pgr_pool_open(seat->shared.pool);
  return code;
}

static pgr_code open_lockstep(pgr__player *p, pgr_err *err) {
  const pgr_explore_options *o = p->plan->options;
  pgr_waiter waiter = {.granted = never_granted};
  for (int i = 0; i < p->count; i++) {
    p->conns[i] = pgr_pool_checkout(p->seats[i].shared.pool, &waiter);
    assert(p->conns[i]);
    pgr_pool_checkin(p->seats[i].shared.pool, p->conns[i]);
  }
  pgr_lockstep_options options = {.loop = p->loop,
                                  .control = p->control,
                                  .ask_statement = 0,
                                  .seats = p->conns,
                                  .count = p->count,
                                  .patience_ns = 2 * PGR_NS_PER_MS,
                                  .timeout_ns = o->step_timeout_ns,
                                  .deadlock_ns = p->plan->deadlock_ns,
                                  .awaits_deadlocks = true,
                                  .stop = p->stop};
  return pgr_lockstep_create(&options, &p->lockstep, err);
}

pgr_code pgr__player_open(const pgr__plan *plan, const pgr_room *room, int worker, const atomic_bool *stop,
                          pgr__player **out, pgr_err *err) {
  pgr__player *p = pgr_calloc(1, sizeof *p);
  if (!p) return no_memory(err);
  *out = p;
  p->plan = plan;
  p->room = *room;
  p->stop = stop;
  p->count = plan->options->agents;
  p->origin_ns = pgr_now_ns();
  pgr_tally_init(&p->tally);
  pgr_buf_init(&p->text, 0);
  pgr__history_rows_init(&p->rows);
  p->history = pgr_history_create(SIZE_MAX);
  if (!p->history) return no_memory(err);
  pgr_code code = pgr_loop_create(&p->loop, err);
  if (code) return code;
  p->control =
      pgr_conn_create(p->loop, room->target, &plan->control, (pgr_conn_events){on_control_ready, on_control_lost, p});
  if (!p->control) return no_memory(err);
  pgr_conn_open(p->control, 0);
  for (int i = 0; !code && i < p->count; i++)
    code = open_seat(p, i, room, err);
  if (!code) code = await_ready(p, p->count + 1, err);
  if (!code) code = open_lockstep(p, err);
  if (!code && plan->options->own_server) pgr_lockstep_pin(p->lockstep, worker);
  return code;
}

void pgr__player_close(pgr__player *p) {
  if (!p) return;
  p->recording = NULL;
  for (int i = 0; i < p->seats_made; i++) {
    p->seats[i].shared.stopped = true;
    if (p->seats[i].shared.pool) pgr_pool_close(p->seats[i].shared.pool);
    pgr_agent_abandon(&p->seats[i].agent);
  }
  pgr_lockstep_destroy(p->lockstep);
  if (p->control) pgr_conn_close(p->control);
  if (p->loop) {
    pgr_loop_finish(p->loop);
    pgr_loop_join(p->loop);
    pgr_loop_destroy(p->loop);
  }
  for (int i = 0; i < p->count; i++) {
    pgr__seat *seat = &p->seats[i];
    if (i < p->seats_made) {
      pgr_pool_destroy(seat->shared.pool);
      pgr_agent_deinit(&seat->agent);
      pgr_buf_deinit(&seat->shared.scratch);
    }
    pgr_cell_session_deinit(&seat->session);
  }
  pgr_conn_destroy(p->control);
  pgr_history_destroy(p->history);
  pgr__history_rows_deinit(&p->rows);
  pgr_tally_deinit(&p->tally);
  pgr_buf_deinit(&p->text);
  pgr_free(p);
}
