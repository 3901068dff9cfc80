/* What is known of each strategy: its history, tally and statements, over all uses of it. */
#include "inbox_internal.h"

#include "pgr_mem.h"
#include <stdlib.h>
#include <string.h>

/* Operations that may still end once nothing begins any more: retries of every agent. */
enum { OPS_SPARE = 100000 };

static pgr__record *find(pgr_inbox *i, const pgr_strategy *strategy) {
  for (int k = 0; k < i->record_count; k++)
    if (i->records[k].strategy == strategy) return &i->records[k];
  return NULL;
}

pgr_code pgr__record_use(pgr_inbox *i, const pgr_strategy *strategy, pgr_err *err) {
  pgr__record *r = find(i, strategy);
  if (!r) {
    r = &i->records[i->record_count];
    *r = (pgr__record){.strategy = strategy, .history = pgr_history_create(PGR_INBOX_OPS_MAX + OPS_SPARE)};
    if (!r->history) return pgr_fail(err, PGR_ENOMEM, "out of memory");
    pgr_tally_init(&r->tally);
    i->record_count++;
  }
  i->record = r;
  r->gap_ns = i->gap_ns;
  return PGR_OK;
}

void pgr__record_leave(pgr_inbox *i) {
  pgr__record *r = i->record;
  if (!r || !r->since_ns) return;
  r->elapsed_ns += pgr__now_ns(i) - r->since_ns;
  r->since_ns = 0;
}

void pgr__records_forget(pgr_inbox *i) {
  for (int k = 0; k < i->record_count; k++) {
    pgr__record *r = &i->records[k];
    pgr_history_destroy(r->history);
    pgr_tally_deinit(&r->tally);
    pgr_trace_deinit(&r->trace);
    pgr_rounds_deinit(&r->doubled);
  }
  i->record_count = 0;
  i->record = NULL;
}

bool pgr__record_is_full(const pgr_inbox *i) {
  return pgr_history_count(i->record->history) >= i->ops_max;
}

/* Leaves what is of rounds that had two owners, or can still come to have them. */
static void make_room(pgr_inbox *i, pgr__record *r) {
  pgr_trace *t = &r->trace;
  size_t kept = 0;
  pgr_rounds_settle(&r->doubled);
  for (size_t k = 0; k < t->count; k++) {
    const pgr__conversation *c = pgr__conversation_of(i, t->steps[k].round);
    if (pgr_rounds_has(&r->doubled, t->steps[k].round) || (c && c->at)) t->steps[kept++] = t->steps[k];
  }
  t->count = kept;
  r->trace_full = kept > PGR_TRACE_STEPS_MAX / 8 * 7; /* lest it is searched for room at every visit */
}

pgr_code pgr__record_visit(pgr__record *r, const pgr__member *m) {
  const pgr_agent *a = &m->agent;
  bool matters = m->at->doubled || m->at->owns & pgr__bit(m);
  if (!matters && r->trace.count > PGR_TRACE_STEPS_MAX / 2) return PGR_OK;
  if (r->trace.count + a->trace_count > PGR_TRACE_STEPS_MAX && !r->trace_full) make_room(m->inbox, r);
  return pgr_trace_add(&r->trace, a->trace, a->trace_count);
}

/* ---- copies ---- */

static int by_round_agent_time(const void *a, const void *b) {
  const pgr_trace_step *x = a, *y = b;
  if (x->round != y->round) return x->round < y->round ? -1 : 1;
  if (x->agent != y->agent) return x->agent < y->agent ? -1 : 1;
  return (x->call_ns > y->call_ns) - (x->call_ns < y->call_ns);
}

static pgr_code copy_trace(const pgr_trace *from, pgr_trace *out) {
  pgr_code code = pgr_trace_add(out, from->steps, from->count);
  if (!code && out->count > 1) qsort(out->steps, out->count, sizeof *out->steps, by_round_agent_time);
  return code;
}

static pgr_code copy_history(const pgr_history *from, pgr_history *out) {
  pgr_code code = PGR_OK;
  for (size_t k = 0; !code && k < pgr_history_count(from); k++)
    code = pgr_history_append(out, pgr_history_at(from, k));
  return code;
}

static pgr_code find_unfinished(const pgr_inbox *i, pgr_rounds *out) {
  pgr_code code = PGR_OK;
  for (int64_t key = i->first; !code && key <= i->last; key++)
    if (i->conversations[pgr__place_of(key)].at) code = pgr_rounds_add(out, key);
  pgr_rounds_settle(out);
  return code;
}

static pgr_code copy(const pgr_inbox *i, const pgr__record *r, pgr_inbox_record *out) {
  if (!out->history) return PGR_ENOMEM;
  pgr_code code = copy_history(r->history, out->history);
  if (!code) code = pgr_tally_merge(&out->tally, &r->tally);
  if (!code) code = copy_trace(&r->trace, &out->trace);
  if (!code && r == i->record) code = find_unfinished(i, &out->unfinished);
  return code;
}

bool pgr_inbox_record_of(const pgr_inbox *i, int k, pgr_inbox_record *out, pgr_code *code) {
  *code = PGR_OK;
  if (k < 0 || k >= i->record_count) return false;
  const pgr__record *r = &i->records[k];
  *out = (pgr_inbox_record){.strategy = r->strategy,
                            .history = pgr_history_create(SIZE_MAX),
                            .rounds = r->rounds,
                            .elapsed_ns = r->elapsed_ns + (r->since_ns ? pgr__now_ns(i) - r->since_ns : 0),
                            .gap_ns = r->gap_ns,
                            .served = (uint32_t)__builtin_popcountll(r->served)};
  pgr_tally_init(&out->tally);
  *code = copy(i, r, out);
  if (*code) pgr_inbox_record_deinit(out);
  return true;
}

void pgr_inbox_record_deinit(pgr_inbox_record *r) {
  pgr_history_destroy(r->history);
  pgr_tally_deinit(&r->tally);
  pgr_trace_deinit(&r->trace);
  pgr_rounds_deinit(&r->unfinished);
  *r = (pgr_inbox_record){0};
}
