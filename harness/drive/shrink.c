/* A witness made small: fewer agents, fewer operations, fewer switches, as long as the same rule breaks; then run again
 * and again, and written down. An oracle about serial orders holds for its own agents and operations alone, so there
 * only switches are taken away. */
#include "explore_internal.h"

#include <stdio.h>
#include <string.h>

enum { SWITCH_SCHEDULES_MAX = 400, TRIES = 3 };

uint64_t pgr__outcome_for(unsigned oracles, const pgr__end *end) {
  return oracles & PGR_ORACLE_STATE && !(oracles & PGR_ORACLE_SERIAL) ? end->state : end->outcome;
}

unsigned pgr__objection(unsigned oracles, pgr_search *search, const pgr__end *end) {
  if (oracles & PGR_ORACLE_RULES && end->broken_rule >= 0) return PGR_ORACLE_RULES;
  unsigned serial = oracles & (PGR_ORACLE_SERIAL | PGR_ORACLE_STATE);
  if (serial && !pgr_search_is_serial(search, pgr__outcome_for(oracles, end)))
    return oracles & PGR_ORACLE_SERIAL ? PGR_ORACLE_SERIAL : PGR_ORACLE_STATE;
  return 0;
}

static int walk_choose(void *user, uint32_t enabled) {
  return pgr_walk_choose(user, enabled);
}

static bool walk_did(void *user, const pgr_event *e) {
  return pgr_walk_did(user, e);
}

pgr__chooser pgr__walk_chooser(pgr_walk *w) {
  return (pgr__chooser){walk_choose, walk_did, w};
}

/* ---- following a list of choices ---- */

/* Follows the list where it can; what cannot be let go is left out, and what the list lacks goes on without a switch.
 */
typedef struct follower {
  const pgr__schedule *list;
  size_t at;
  pgr__schedule *made; /* what was really chosen */
  int last;
} follower;

static int follow(void *user, uint32_t enabled) {
  follower *f = user;
  int choice = -1;
  while (choice < 0 && f->at < f->list->count) {
    int next = f->list->choices[f->at++];
    if (enabled >> next & 1) choice = next;
  }
  bool could_go_on = f->last >= 0 && enabled >> f->last & 1;
  if (choice < 0 && could_go_on) choice = f->last;
  for (int i = 0; choice < 0; i++)
    if (enabled >> i & 1) choice = i;
  if (f->made->count == PGR_SEARCH_DEPTH_MAX) return -1;
  f->made->preemptions += could_go_on && choice != f->last;
  f->made->choices[f->made->count++] = (uint8_t)choice;
  f->last = choice;
  return choice;
}

static bool followed(void *user, const pgr_event *e) {
  (void)user, (void)e;
  return true;
}

typedef struct shrinking {
  pgr__player *player;
  const pgr__plan *plan;
  pgr_search *search;
} shrinking;

/* Plays s; *made: what it became. */
static pgr_code play(const shrinking *k, const pgr__schedule *s, pgr__schedule *made, pgr_witness *record,
                     pgr__end *end, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int i = 0; i < TRIES; i++) {
    *made = *s;
    made->count = 0;
    made->preemptions = 0;
    if (record) record->step_count = 0;
    follower f = {.list = s, .made = made, .last = -1};
    pgr__chooser chooser = {follow, followed, &f};
    code = pgr__player_play(k->player, s->active, s->operations, &chooser, record, end, err);
    if (code || end->how != PGR__PLAYED_AGAIN) break;
  }
  return code;
}

static bool breaks_the_same(const shrinking *k, const pgr__schedule *s, const pgr__end *end) {
  return end->how == PGR__PLAYED && pgr__objection(s->oracle, k->search, end) == s->oracle &&
         (s->rule < 0 || end->broken_rule == s->rule);
}

/* Takes the changed schedule if it still breaks the same. */
static pgr_code try_instead(const shrinking *k, pgr__schedule *s, const pgr__schedule *changed, pgr_err *err) {
  pgr__schedule made;
  pgr__end end;
  pgr_code code = play(k, changed, &made, NULL, &end, err);
  if (!code && breaks_the_same(k, s, &end)) *s = made;
  return code;
}

static pgr_code drop_agents(const shrinking *k, pgr__schedule *s, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int i = k->plan->options->agents - 1; !code && i >= 0; i--) {
    pgr__schedule without = *s;
    without.active &= ~(UINT32_C(1) << i);
    if (without.active == s->active || (without.active & (without.active - 1)) == 0) continue; /* two at least */
    code = try_instead(k, s, &without, err);
  }
  return code;
}

static pgr_code drop_operations(const shrinking *k, pgr__schedule *s, pgr_err *err) {
  const pgr_scenario *scenario = k->plan->options->scenario;
  pgr_code code = PGR_OK;
  for (int i = scenario->operation_count - 1; !code && i >= 0; i--) {
    pgr__schedule without = *s;
    if (scenario->operations[i].when == PGR_WHEN_START || !(s->operations >> i & 1)) continue;
    without.operations &= ~(UINT32_C(1) << i);
    code = try_instead(k, s, &without, err);
  }
  return code;
}

/* One schedule of a bounded search; *found: it breaks the same, and s is it now. */
static pgr_code try_walk(const shrinking *k, pgr_walk *walk, pgr__schedule *s, int bound, bool *found, pgr_err *err) {
  pgr__chooser chooser = pgr__walk_chooser(walk);
  pgr__end end;
  pgr_code code = pgr__player_play(k->player, s->active, s->operations, &chooser, NULL, &end, err);
  if (code || end.how == PGR__PLAYED_PART || end.how == PGR__PLAYED_AGAIN) {
    pgr_walk_abandon(walk);
    return code;
  }
  if (!code && breaks_the_same(k, s, &end)) {
    const uint8_t *choices;
    s->count = pgr_walk_choices(walk, &choices);
    memcpy(s->choices, choices, s->count);
    s->preemptions = bound;
    *found = true;
  }
  pgr_walk_finish(walk, end.how == PGR__PLAYED ? &(pgr_walk_end){.outcome = end.outcome} : NULL);
  return code;
}

/* Every schedule with fewer preemptions, those with fewest first, as far as the budget goes. */
static pgr_code drop_switches(const shrinking *k, pgr__schedule *s, pgr_err *err) {
  bool found = false;
  int64_t budget = SWITCH_SCHEDULES_MAX;
  pgr_code code = PGR_OK;
  for (int bound = 0; !code && !found && bound < s->preemptions && budget > 0; bound++) {
    pgr_search_options o = {.agents = k->plan->options->agents, .bound = bound, .tree_only = true, .limit = budget};
    pgr_search *search = NULL;
    pgr_walk *walk;
    code = pgr_search_create(&o, &search, err);
    for (int tries = 0; !code && !found && tries < 2 * SWITCH_SCHEDULES_MAX; tries++) {
      if (pgr_search_next(search, &walk) != PGR_SEARCH_WALK) break;
      budget--;
      code = try_walk(k, walk, s, bound, &found, err);
    }
    pgr_search_destroy(search);
  }
  return code;
}

/* ---- written down ---- */

static const char *name_of_rule(const pgr_scenario *s, const pgr__schedule *schedule) {
  if (schedule->oracle == PGR_ORACLE_SERIAL) return "as if one after the other";
  if (schedule->oracle == PGR_ORACLE_STATE) return "a state that some serial order gives";
  return schedule->rule == 0 ? s->ownership.name : s->invariants[schedule->rule - 1].name;
}

static pgr_code describe(const pgr__plan *plan, const pgr__schedule *s, pgr_witness *out, pgr_err *err) {
  const pgr_explore_options *o = plan->options;
  const pgr_scenario *scenario = o->scenario;
  const char *oracles[] = {[PGR_ORACLE_RULES] = "rules", [PGR_ORACLE_SERIAL] = "serial", [PGR_ORACLE_STATE] = "state"};
  char operations[PGR_OPERATIONS_MAX * 80] = "";
  size_t len = 0;
  for (int k = 0; k < scenario->operation_count && len < sizeof operations; k++)
    if (s->operations >> k & 1)
      len += (size_t)snprintf(operations + len, sizeof operations - len, "%s%s", len ? "," : "",
                              scenario->operations[k].name);
  out->strategy = o->strategy->name;
  out->isolation = pgr_isolation_name(o->isolation);
  out->protocol = pgr_protocol_name(o->protocol);
  out->scenario = pgr_arena_strdup(&out->arena, o->where ? o->where : scenario->name);
  out->operations = pgr_arena_strdup(&out->arena, operations);
  out->oracle = oracles[s->oracle];
  out->rule = pgr_arena_strdup(&out->arena, name_of_rule(scenario, s));
  out->why = s->oracle == PGR_ORACLE_RULES    ? scenario->broken ? scenario->broken : ""
             : s->oracle == PGR_ORACLE_SERIAL ? "No serial order of these agents gives these outcomes and this state."
                                              : "No serial order of these agents leaves this state.";
  out->agents = o->agents;
  out->key = scenario->key.first;
  out->seed = (int64_t)o->seed;
  out->max_tries = o->max_tries;
  out->split = o->split;
  out->preemptions = s->preemptions;
  for (int i = 0; i < o->define_count && i < PGR_WITNESS_DEFINES_MAX; i++)
    out->defines[out->define_count++] =
        (pgr_witness_define){scenario->names.at[o->defines[i].slot], o->defines[i].text};
  return out->scenario && out->operations && out->rule ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

/* The moment: when the second owner was told yes; else the end, for only then the rows are asked. */
static void mark_the_break(const pgr_scenario *s, const pgr__schedule *schedule, const pgr__end *end,
                           pgr_witness *out) {
  int at = out->step_count - 1;
  out->switches = 0;
  for (int i = 0; i < out->step_count; i++) {
    const pgr_witness_step *step = &out->steps[i];
    out->switches += i > 0 && step->agent != out->steps[i - 1].agent;
    if (schedule->rule == 0 && (uint32_t)step->agent == end->second_owner && strcmp(step->outcome, "ok") == 0 &&
        strcmp(step->operation, s->operations[s->ownership.acquire].name) == 0)
      at = i;
  }
  if (at >= 0) out->steps[at].breaks = true;
}

pgr_code pgr__shrink(pgr__player *p, const pgr__plan *plan, pgr_search *search, pgr__schedule *s, int replays,
                     pgr_witness *out, pgr_err *err) {
  shrinking k = {p, plan, search};
  pgr__schedule made;
  pgr__end end = {0};
  pgr_code code = PGR_OK;
  if (s->oracle == PGR_ORACLE_RULES) {
    code = drop_agents(&k, s, err);
    if (!code) code = drop_operations(&k, s, err);
  }
  if (!code) code = drop_switches(&k, s, err);
  *out = (pgr_witness){0};
  for (int i = 0; !code && i < replays; i++) {
    code = play(&k, s, &made, i + 1 == replays ? out : NULL, &end, err);
    out->replayed++;
    out->broke += !code && breaks_the_same(&k, s, &end);
  }
  if (!code) code = describe(plan, s, out, err);
  if (!code) mark_the_break(plan->options->scenario, s, &end, out);
  return code;
}
