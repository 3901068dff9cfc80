/* What depends on what, and which orders of dependent events are still to be tried: source sets with sleep sets
 * (Abdulla, Aronis, Jonsson & Sagonas, POPL 2014), race detection at each new event.
 *
 * Two events are independent when swapping them, next to each other, gives the same two events and the same state. What
 * a touch says is not enough for that where agents wait:
 *  - Two waits: each may be what closes a circle, and who closes it is the deadlock's victim. The two need have no
 *    object in common. So events in which somebody began to wait depend on each other.
 *  - A wait and an event that lets somebody go, or ends a circle: likewise.
 *  - Whoever waits may go on when something is given back, take further locks, and wait again, without having ended:
 * such an event is that agent's too, and touches what its statement touches. Easily broken: all three are decided by
 * the two events themselves, not by what lies around them, so that the verdict is the same in either order and at a
 * sleep set.
 *
 * And the paper's events are the same whatever comes before them, while a statement waits, or fails and gives its locks
 * back, or does not, depending on whom it comes after: see at_worst(). */
#include "explore_internal.h"

#include "pgr_ledger.h"
#include <assert.h>
#include <string.h>

static bool depends(const pgr__node *a, const pgr__node *b) {
  return (a->parties & b->parties) || (a->waits && (b->waits || b->frees)) || (b->waits && a->frees) ||
         pgr_touch_conflicts(&a->touch, &b->touch);
}

static void join(uint16_t *to, const uint16_t *from) {
  for (int a = 0; a < PGR_SEARCH_AGENTS_MAX; a++)
    if (from[a] > to[a]) to[a] = from[a];
}

/* e is that agent's event number e->clock[e->agent]; whether it is in what a clock has seen. */
static bool seen(const uint16_t *clock, const pgr__node *e) {
  return clock[e->agent] >= e->clock[e->agent];
}

/* The launch of the statement that agent waits in. */
static const pgr__node *launch(pgr__node *const *path, size_t pos, int agent) {
  while (path[pos]->agent != agent) {
    assert(pos > 0);
    pos--;
  }
  return path[pos];
}

/* Numbers that snapshots show are no locks. */
static bool gives_back(const pgr_touch *t) {
  return t->everything || (t->publishes & ~PGR_REACH_NUMBERS) || t->releases || t->unshares;
}

/* Whether a statement that waits may have got further in an event that touched t. Reads wait for LOCK and DDL alone. */
static bool may_go_on(const pgr_touch *waiting, const pgr_touch *t) {
  if (waiting->everything || t->everything) return gives_back(t) || t->writes || t->shares;
  const pgr_touch wants = {.writes = waiting->writes, .keys = waiting->keys, .shares = waiting->shares};
  const pgr_touch gives = {.writes = t->writes,
                           .keys = t->keys,
                           .shares = t->shares,
                           .publishes = t->publishes,
                           .releases = t->releases,
                           .unshares = t->unshares};
  return pgr_touch_conflicts(&wants, &gives);
}

/* What a statement does to others while it runs and when it ends, whether it waits in between or not. */
static void add_effects(pgr_touch *to, const pgr_touch *launched) {
  pgr_touch t = *launched;
  t.reads = 0;
  pgr_touch_add(to, &t);
}

static void fill_touch(pgr__node *const *path, size_t pos, pgr__node *now) {
  const pgr__node *before = path[pos];
  const uint8_t self = pgr__bit(now->agent), waiting = before->running & (uint8_t)~before->enabled;
  uint8_t moved = 0;
  /* The second half of a statement that stood still in the middle. */
  if (before->running & self) add_effects(&now->touch, &launch(path, pos, now->agent)->touch);
  const pgr_touch own = now->touch;
  for (int a = 0; a < PGR_SEARCH_AGENTS_MAX; a++) {
    if (!(waiting & pgr__bit(a))) continue;
    const pgr_touch *launched = &launch(path, pos, a)->touch;
    if (now->ended & pgr__bit(a)) {
      now->touch.writes |= launched->writes;
      now->touch.keys |= launched->keys;
      now->touch.shares |= launched->shares;
      now->touch.everything |= launched->everything;
    } else if (may_go_on(launched, &own)) {
      moved |= pgr__bit(a);
      pgr_touch_add(&now->touch, launched);
    }
  }
  now->running = (uint8_t)((before->running | self) & ~now->ended);
  now->parties = (uint8_t)(self | now->ended | moved | (now->enabled ^ before->enabled));
  now->waits = (now->running & ~now->enabled & self) || moved;
  now->frees = gives_back(&own) || (now->ended & ~self);
}

static void fill_clock(pgr__node *const *path, size_t pos, pgr__node *now) {
  for (size_t i = pos; i-- > 0;) {
    const pgr__node *e = path[i + 1];
    if (!seen(now->clock, e) && depends(e, now)) join(now->clock, e->clock);
  }
  now->clock[now->agent]++;
}

/* The event that a sleeping agent, or one whose branch here is known, would make next: what it made where it was put to
 * sleep, for nothing it depends on happened since. */
static const pgr__node *next_event(const pgr__node *at, int agent) {
  const pgr__node *e = NULL;
  while (at && !(e = pgr__node_child(at, agent)))
    at = at->parent;
  assert(e);
  return e;
}

static void fill_sleep(const pgr_search *s, const pgr__node *at, pgr__node *now) {
  uint8_t sleepers = at->sleep;
  for (const pgr__node *c = at->child; c; c = c->sibling)
    sleepers |= pgr__bit(c->agent);
  for (int a = 0; a < s->o.agents; a++)
    if ((sleepers & pgr__bit(a)) && a != now->agent && !depends(next_event(at, a), now)) now->sleep |= pgr__bit(a);
}

void pgr__event_fill(const pgr_search *s, pgr__node *const *path, size_t pos, const pgr_event *e) {
  pgr__node *now = path[pos + 1];
  now->agent = e->agent;
  now->ended = (uint8_t)e->ended;
  now->enabled = (uint8_t)e->enabled;
  now->touch = e->touch;
  now->print = e->print;
  fill_touch(path, pos, now);
  if (!s->o.reduce) return;
  fill_clock(path, pos, now);
  fill_sleep(s, path[pos], now);
}

/* What event j may be when event i does not come before it: it may wait or not, fail or not, and what its transaction
 * holds is given back when it fails. What its statement reads and writes is the same, for all its agent did before is
 * the same. */
static pgr__node at_worst(pgr__node *const *path, size_t i, size_t j) {
  const pgr__node *e = path[j + 1], *before = path[j];
  pgr__node w = {.agent = e->agent, .touch = e->touch, .parties = e->parties};
  pgr_touch held = {0};
  for (size_t k = 1; k <= j; k++)
    if (path[k]->agent == e->agent) pgr_touch_add(&held, &path[k]->touch);
  bool serializable = e->touch.tracked & ~PGR_REACH_TRACKING;
  bool holds = serializable || !pgr_touch_is_empty(&held);
  w.touch.releases |= held.writes;
  w.touch.keys |= held.keys;
  w.touch.unshares |= held.shares;
  w.touch.publishes |= held.publishes & PGR_REACH_NUMBERS;
  if (serializable) {
    w.touch.publishes |= held.writes | held.appends;
    w.touch.keys |= held.writes | held.appends;
  }
  if (holds) {
    w.touch.publishes |= PGR_REACH_TRACKING;
    w.touch.writes |= PGR_REACH_TRACKING;
  }
  const pgr_touch own = w.touch;
  w.waits = e->waits || e->touch.writes || e->touch.shares || own.everything || path[i + 1]->touch.everything;
  w.frees = e->frees || holds || own.everything;
  for (int a = 0; w.frees && a < PGR_SEARCH_AGENTS_MAX; a++) {
    if (!(before->running & ~before->enabled & pgr__bit(a))) continue;
    const pgr_touch *waiting = &launch(path, j, a)->touch;
    if (!may_go_on(waiting, &own)) continue;
    w.parties |= pgr__bit(a);
    pgr_touch_add(&w.touch, waiting);
  }
  return w;
}

static void want_all(pgr_search *s, pgr__node *at) {
  for (int a = 0; a < s->o.agents; a++)
    if (at->enabled & ~at->sleep & pgr__bit(a)) pgr__want(s, at, a);
}

/* Agents whose first event among these has none of them before it. */
static uint8_t initials(const pgr__node *const *first, int agents) {
  uint8_t mask = 0;
  for (int a = 0; a < agents; a++) {
    bool initial = first[a] != NULL;
    for (int b = 0; initial && b < agents; b++)
      initial = b == a || !first[b] || !seen(first[a]->clock, first[b]);
    if (initial) mask |= pgr__bit(a);
  }
  return mask;
}

/* Events i and j (by their place in the path) may happen the other way round. What does not happen after i, and then j,
 * is a schedule that begins with any agent whose first event in it has none before it; one of them has to be walked.
 *  - Not if one of these events leaves j alone only because of what j is after i: then there are several schedules,
 *    which differ in what comes before j, and none stands for all.
 *  - A sleeping agent stands for the schedule only if j needs it to have gone first. Else it got into this walk because
 *    serial walks and round robin do not care who sleeps, and there is a schedule without it. */
static void reverse(pgr_search *s, pgr__node *const *path, size_t i, size_t j) {
  pgr__node *at = path[i];
  const pgr__node *e = path[i + 1], *last = path[j + 1];
  const pgr__node *all[PGR_SEARCH_AGENTS_MAX] = {NULL}, *needed[PGR_SEARCH_AGENTS_MAX] = {NULL};
  pgr__node worst = at_worst(path, i, j);
  for (size_t k = i + 1; k <= j; k++) {
    const pgr__node *v = path[k + 1];
    if (v != last && seen(v->clock, e)) continue;
    bool before = seen(last->clock, v);
    if (!before && depends(v, &worst)) {
      want_all(s, at);
      return;
    }
    if (!all[v->agent]) all[v->agent] = v;
    if (before && !needed[v->agent]) needed[v->agent] = v;
  }
  uint8_t begin = initials(all, s->o.agents), must = initials(needed, s->o.agents);
  if ((begin & (at->taken | at->queued)) || (must & at->sleep)) return;
  begin &= (uint8_t)(at->enabled & ~at->sleep);
  if (!(must & at->enabled)) { /* somebody was let go by an event that says nothing of it */
    want_all(s, at);
    return;
  }
  int choice = at->agent;
  if (choice == PGR__ROOT || !(begin & pgr__bit(choice))) choice = __builtin_ctz(begin);
  pgr__want(s, at, choice);
}

/* The events that event j races with: nothing lies between the two, and they can be had the other way round, unless i
 * let j's agent go, or is its own. The latest first. */
static size_t races_of(pgr__node *const *path, size_t j, uint16_t *out) {
  const pgr__node *now = path[j + 1];
  uint16_t known[PGR_SEARCH_AGENTS_MAX] = {0};
  size_t count = 0;
  for (size_t i = j; i-- > 0;) {
    const pgr__node *e = path[i + 1];
    if (seen(known, e) || !depends(e, now)) continue;
    if (!(e->parties & pgr__bit(now->agent))) out[count++] = (uint16_t)i;
    join(known, e->clock);
  }
  return count;
}

void pgr__races(pgr_search *s, pgr__node *const *path, size_t pos) {
  const pgr__node *now = path[pos + 1];
  uint16_t races[PGR_SEARCH_DEPTH_MAX];
  for (size_t n = races_of(path, pos, races), k = 0; k < n; k++)
    reverse(s, path, races[k], pos);
  /* The same as in reverse() where this event is the one that leaves an earlier j alone, and came after it. */
  for (size_t j = pos; j-- > 1;) {
    if (seen(now->clock, path[j + 1])) continue;
    for (size_t n = races_of(path, j, races), k = 0; k < n; k++) {
      if (seen(now->clock, path[races[k] + 1])) continue;
      pgr__node worst = at_worst(path, races[k], j);
      if (depends(now, &worst)) want_all(s, path[races[k]]);
    }
  }
}
