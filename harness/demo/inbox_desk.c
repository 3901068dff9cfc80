/* The desk: pools, control connection and agents of one use of a database. Invariant: what is retired is closed at
 * once, and freed when nothing of it can be on the stack any more: by a message's delivery, or after the loop's join.
 */
#include "inbox_internal.h"

#include "pgr_mem.h"
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const uint64_t SEED = 1;

static void on_pool_ready(pgr_pool *p, void *user) {
  (void)p;
  pgr__group *g = user;
  g->ready = true;
  pgr__desk_look(g->inbox->desk);
}

static void on_pool_failed(pgr_pool *p, const char *why, void *user) {
  (void)p;
  pgr__group *g = user;
  pgr__fault(g->inbox, why);
}

static void on_fault(pgr_agent_shared *shared, pgr_code code) {
  pgr__group *g = (pgr__group *)shared;
  pgr__fault(g->inbox, code == PGR_ELIMIT ? "no more operations are kept of this strategy" : "out of memory");
}

void pgr__desk_look(pgr__desk *d) {
  pgr_inbox *i = d->inbox;
  if (!d->seat_group.ready || !d->crowd_group.ready || !d->control_stands || i->database == PGR_INBOX_READY) return;
  if (!i->record->since_ns) i->record->since_ns = pgr__now_ns(i);
  pgr__set_database(i, PGR_INBOX_READY, "");
}

pgr__member *pgr__desk_member(pgr__desk *d, uint32_t agent) {
  return agent <= PGR_SEATS ? &d->seats[agent - 1].member : &d->crowd[agent - PGR_SEATS - 1];
}

static pgr_code open_group(pgr__desk *d, pgr__group *g, const pgr_target *target, int connections, uint32_t contenders,
                           pgr_err *err) {
  pgr_inbox *i = d->inbox;
  pgr__record *r = i->record;
  g->inbox = i;
  g->shared = (pgr_agent_shared){.scenario = i->scenario,
                                 .strategy = r->strategy,
                                 .protocol = i->scenario->protocol,
                                 .loop = i->loop,
                                 .history = r->history,
                                 .tally = &r->tally,
                                 .gap_ns = i->gap_ns,
                                 .agents = PGR__AGENTS,
                                 .contenders = contenders,
                                 .seed = SEED,
                                 .origin_ns = i->origin_ns,
                                 .fault = on_fault};
  memcpy(g->shared.statement_base, d->session.base, sizeof d->session.base);
  pgr_buf_init(&g->shared.scratch, 0);
  return pgr_pool_create(i->loop, target, connections, &d->session.session,
                         (pgr_pool_events){on_pool_ready, on_pool_failed, g}, &g->shared.pool, err);
}

static pgr_code make_agents(pgr__desk *d) {
  for (; d->made < PGR__AGENTS; d->made++) {
    uint32_t id = (uint32_t)d->made + 1;
    pgr__member *m = pgr__desk_member(d, id);
    m->inbox = d->inbox;
    pgr_random_init(&m->random, SEED, UINT64_C(1) << 40 | id);
    pgr_code code = pgr_agent_init(&m->agent, id <= PGR_SEATS ? &d->seat_group.shared : &d->crowd_group.shared, id);
    if (code) return code;
  }
  return PGR_OK;
}

pgr_code pgr__desk_open(pgr_inbox *i, const pgr_target *target, const pgr_strategy *strategy, pgr_err *err) {
  pgr__desk *d = pgr_calloc(1, sizeof *d);
  if (!d) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  d->inbox = i;
  i->desk = d;
  if (pgr_cell_session_make(&d->session, i->scenario, strategy, strategy->first, i->scenario->protocol, "") ||
      pgr__waits_open(d, target))
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = open_group(d, &d->seat_group, target, PGR_SEATS, PGR_SEATS, err);
  if (!code) code = open_group(d, &d->crowd_group, target, PGR_INBOX_CROWD_CONNECTIONS, PGR_CROWD, err);
  if (code) return code;
  if (make_agents(d)) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr__seats_hook(&d->seat_group.shared);
  pgr__crowd_hook(&d->crowd_group.shared);
  d->seat_group.shared.stepped = i->stepping;
  pgr_pool_open(d->seat_group.shared.pool);
  pgr_pool_open(d->crowd_group.shared.pool);
  return PGR_OK;
}

static void close_group(pgr__group *g) {
  g->shared.stopped = true;
  if (g->shared.pool) pgr_pool_close(g->shared.pool);
}

/* Without memory what it did cannot be told; that it did it can. */
static void end_visit(pgr__member *m) {
  pgr_code ignored = pgr__record_visit(m->inbox->record, m);
  (void)ignored;
  pgr__visit_end(m);
}

void pgr__desk_retire(pgr_inbox *i) {
  pgr__desk *d = i->desk;
  pgr_timer_cancel(i->loop, &i->reopen);
  if (!d) return;
  pgr__order_forget(i);
  pgr__crowd_forget(i);
  close_group(&d->seat_group);
  close_group(&d->crowd_group);
  pgr__waits_close(d);
  for (int k = 0; k < d->made; k++) {
    pgr__member *m = pgr__desk_member(d, (uint32_t)k + 1);
    pgr_agent_abandon(&m->agent);
    if (m->at) end_visit(m);
  }
  i->desk = NULL;
  d->next = i->retired;
  i->retired = d;
  pgr__changed(i);
}

static void free_group(pgr__group *g) {
  pgr_pool_destroy(g->shared.pool);
  pgr_buf_deinit(&g->shared.scratch);
}

void pgr__desks_free(pgr_inbox *i) {
  while (i->retired) {
    pgr__desk *d = i->retired;
    i->retired = d->next;
    free_group(&d->seat_group);
    free_group(&d->crowd_group);
    pgr__waits_free(d);
    for (int k = 0; k < d->made; k++)
      pgr_agent_deinit(&pgr__desk_member(d, (uint32_t)k + 1)->agent);
    pgr_cell_session_deinit(&d->session);
    pgr_free(d);
  }
}
