/* A witness's schedule, run again: whom it lets go, and whether that agent is about to send what the witness says. */
#include "explore_internal.h"

#include "pgr_mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct replaying {
  pgr__player *player;
  const pgr_witness *witness;
  pgr_replayed *out;
  int at;
} replaying;

static void unfit(replaying *r, const char *fmt, ...) PGR_PRINTF(2, 3);

static void unfit(replaying *r, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(r->out->unfit, sizeof r->out->unfit, fmt, ap);
  va_end(ap);
}

static int on_choose(void *user, uint32_t enabled) {
  replaying *r = user;
  if (*r->out->unfit) return -1;
  if (r->at == r->witness->step_count) {
    for (int i = 0; i < PGR_SEARCH_AGENTS_MAX; i++) {
      if (!(enabled >> i & 1)) continue;
      pgr__pending p = pgr__player_pending(r->player, i);
      unfit(r, "after the schedule's last step, %d, agent %d still has a statement to send: %.200s (%s:%d)", r->at,
            i + 1, p.text, p.file, p.line);
      return -1;
    }
  }
  const pgr_witness_step *s = &r->witness->steps[r->at];
  int agent = s->agent - 1;
  if (!(enabled >> agent & 1)) {
    unfit(r, "step %d: agent %d was to send %.200s (%s:%d), but %s", r->at + 1, s->agent, s->text, s->file, s->line,
          pgr__player_standing(r->player, agent));
    return -1;
  }
  pgr__pending p = pgr__player_pending(r->player, agent);
  if (strcmp(p.text, s->text) != 0 || p.goes_on != s->goes_on) {
    unfit(r, "step %d: agent %d was to send %.200s (%s:%d), and is about to send %.200s (%s:%d)", r->at + 1, s->agent,
          s->text, s->file, s->line, p.text, p.file, p.line);
    return -1;
  }
  r->at++;
  return agent;
}

static bool on_did(void *user, const pgr_event *e) {
  (void)user, (void)e;
  return true;
}

/* Plays it once, and anew when a deadlock was ended by chance. */
static pgr_code play(replaying *r, uint32_t active, uint32_t operations, pgr__end *end, pgr_err *err) {
  pgr__chooser chooser = {on_choose, on_did, r};
  pgr_code code = PGR_OK;
  for (int tries = 0; tries < 3; tries++) {
    r->at = r->out->seen.step_count = 0;
    code = pgr__player_play(r->player, active, operations, &chooser, &r->out->seen, end, err);
    if (code || end->how != PGR__PLAYED_AGAIN) break;
  }
  return code;
}

/* What serial orders give, which the oracle compares with. */
static pgr_code learn_serial(pgr__player *p, const pgr_explore_options *o, uint32_t active, pgr_search *search,
                             pgr_err *err) {
  pgr_code code = PGR_OK;
  pgr_walk *walk;
  while (!code && pgr_search_next(search, &walk) == PGR_SEARCH_WALK) {
    pgr__chooser chooser = pgr__walk_chooser(walk);
    pgr__end end;
    bool serial = pgr_walk_what(walk) == PGR_WALK_SERIAL;
    if (serial) code = pgr__player_play(p, active, o->operations, &chooser, NULL, &end, err);
    if (code || !serial) {
      pgr_walk_abandon(walk);
      break;
    }
    pgr_walk_finish(walk, &(pgr_walk_end){.outcome = pgr__outcome_for(o->oracles, &end)});
  }
  return code;
}

static uint32_t agents_of(const pgr_witness *w) {
  uint32_t active = 0;
  for (int i = 0; i < w->step_count; i++)
    active |= UINT32_C(1) << (w->steps[i].agent - 1);
  return active;
}

static pgr_code replay(replaying *r, const pgr__plan *plan, int times, pgr_search *search, const atomic_bool *stop,
                       pgr_err *err) {
  const pgr_explore_options *o = plan->options;
  uint32_t active = agents_of(r->witness);
  pgr_code code = PGR_OK;
  if (o->oracles & (PGR_ORACLE_SERIAL | PGR_ORACLE_STATE)) code = learn_serial(r->player, o, active, search, err);
  for (int i = 0; !code && i < times; i++) {
    pgr__end end;
    if (atomic_load(stop)) return pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
    code = play(r, active, o->operations, &end, err);
    if (code || *r->out->unfit) break;
    r->out->times++;
    r->out->broke += end.how == PGR__PLAYED && pgr__objection(o->oracles, search, &end) != 0;
  }
  return code;
}

pgr_code pgr_replay_run(const pgr_explore_options *options, const pgr_explore_watch *watch, const pgr_witness *witness,
                        int times, pgr_replayed *out, pgr_err *err) {
  *out = (pgr_replayed){0};
  pgr_room room;
  pgr__player *player = NULL;
  pgr_search *search = NULL;
  atomic_bool stop = false;
  pgr__plan *plan = pgr_calloc(1, sizeof *plan);
  if (!plan) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = watch->room(watch->user, 0, &room, err);
  if (!code) {
    pgr_stage stage = {.db = room.db,
                       .scenario = options->scenario,
                       .agents = (uint32_t)options->agents,
                       .contenders = (uint32_t)options->agents};
    code = pgr__plan_make(plan, options, &stage, err);
  }
  if (!code) code = pgr__player_open(plan, &room, 0, &stop, &player, err);
  pgr_search_options so = {.agents = options->agents, .bound = -1};
  if (!code) code = pgr_search_create(&so, &search, err);
  replaying r = {.player = player, .witness = witness, .out = out};
  pgr__interrupts interrupts;
  pgr__interrupts_begin(&interrupts, &stop);
  if (!code) code = replay(&r, plan, times, search, &stop, err);
  pgr__interrupts_end(&interrupts);
  if (code == PGR_EINTERRUPTED) {
    out->interrupted = true;
    code = PGR_OK;
  }
  pgr__player_close(player);
  pgr_search_destroy(search);
  pgr__plan_deinit(plan);
  pgr_free(plan);
  return code;
}

void pgr_replayed_deinit(pgr_replayed *r) {
  pgr_witness_deinit(&r->seen);
}
