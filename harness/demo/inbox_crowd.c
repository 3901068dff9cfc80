/* A campaign: simulated agents who go from one conversation that they see open to the next. Each looks only at the
 * oldest few, as people do, so that several go for the same one; and tries none twice. */
#include "inbox_internal.h"

#include "pgr_mem.h"

enum { SEEN = 25 /* open conversations, of which an agent picks one */ };

/* NULL: none is left for it. */
static pgr__conversation *pick(pgr__member *m) {
  pgr_inbox *i = m->inbox;
  pgr__conversation *seen[SEEN];
  uint32_t count = 0;
  for (int64_t key = i->campaign_first; key <= i->campaign_last && count < SEEN; key++) {
    pgr__conversation *c = pgr__conversation_of(i, key);
    if (!c->owns && !(c->tried & pgr__bit(m))) seen[count++] = c;
  }
  return count ? seen[pgr_random_below(&m->random, count)] : NULL;
}

static void begin(pgr__member *m, uint8_t kind) {
  pgr__operation_begin(m, kind);
  pgr_agent_begin(&m->agent, kind, pgr__now_ns(m->inbox));
}

/* To the next conversation; when there is none the agent has nothing more to do. */
static void go_on(pgr__member *m) {
  pgr_inbox *i = m->inbox;
  pgr__conversation *c = pgr__record_is_full(i) ? NULL : pick(m);
  if (!c) {
    i->crowd_busy--;
    pgr__changed(i);
    return;
  }
  int64_t key = c->shown.key;
  pgr__visit_begin(m, c);
  if (pgr_agent_enter(&m->agent, key, key, m->agent.op.agent - PGR_SEATS))
    pgr__fault(i, "out of memory");
  else
    begin(m, (uint8_t)i->scenario->ownership.acquire);
}

static void on_answered(pgr_agent *a, const PGresult *result) {
  pgr__note_result((pgr__member *)a, result);
}

static void on_done(pgr_agent *a, uint8_t kind, pgr_outcome outcome) {
  pgr__member *m = (pgr__member *)a;
  pgr__tell(m, kind, outcome, 0, 0);
  int next = pgr__following(m, kind);
  if (next >= 0) {
    begin(m, (uint8_t)next);
    return;
  }
  if (pgr__record_visit(m->inbox->record, m)) pgr__fault(m->inbox, "out of memory");
  pgr__visit_end(m);
  go_on(m);
}

void pgr__crowd_hook(pgr_agent_shared *shared) {
  shared->answered = on_answered;
  shared->done = on_done;
}

void pgr__crowd_work(pgr_inbox *i) {
  if (!i->crowd_starts) return;
  i->crowd_starts = false;
  for (int k = 0; k < PGR_CROWD; k++)
    go_on(&i->desk->crowd[k]);
}

void pgr__crowd_forget(pgr_inbox *i) {
  i->crowd_busy = 0;
  i->crowd_starts = false;
}

pgr_code pgr_inbox_campaign(pgr_inbox *i, int count, pgr_err *err) {
  pgr_code code = pgr__need_room(i, err);
  if (code) return code;
  if (i->crowd_busy) return pgr_fail(err, PGR_EUSAGE, "A campaign is under way. Wait for its end.");
  if (count > PGR_INBOX_CAMPAIGN_MAX)
    return pgr_fail(err, PGR_EUSAGE, "A campaign brings at most %d %ss, not %d.", PGR_INBOX_CAMPAIGN_MAX,
                    i->scenario->key.name, count);
  code = pgr__conversations_add(i, count, true, err);
  if (code) return code;
  i->campaign_last = i->last;
  i->campaign_first = i->last - count + 1;
  i->crowd_busy = PGR_CROWD;
  i->crowd_starts = true;
  return PGR_OK;
}
