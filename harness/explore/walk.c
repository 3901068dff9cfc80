/* One walk: the prefix of its branch again, then on by itself, with no preemption that is not forced on it.
 *
 * Easily broken: each new node's events are ordered and searched for races at once, under the lock, before the walk
 * goes on. So a walk that is abandoned later leaves nothing to be caught up with. */
#include "explore_internal.h"

#include "pgr_random.h"
#include <assert.h>

/* The agent that ran last if it can go on, else the lowest. -1: mask is empty. */
static int go_on(int last, uint32_t mask) {
  if (last >= 0 && (mask & pgr__bit(last))) return last;
  return mask ? __builtin_ctz(mask) : -1;
}

static int last_agent(const pgr_walk *w) {
  return w->pos ? w->choices[w->pos - 1] : -1;
}

static int first_in_plan(const pgr_walk *w, uint32_t enabled) {
  for (int i = 0; i < w->s->o.agents; i++)
    if (enabled & pgr__bit(w->order[i])) return w->order[i];
  assert(!"no agent is enabled");
  return 0;
}

static int next_in_turn(const pgr_walk *w, uint32_t enabled) {
  int n = w->s->o.agents, a = (last_agent(w) + 1) % n;
  while (!(enabled & pgr__bit(a)))
    a = (a + 1) % n;
  return a;
}

static int highest(const pgr_walk *w, uint32_t enabled) {
  int best = -1;
  for (int a = 0; a < w->s->o.agents; a++)
    if ((enabled & pgr__bit(a)) && (best < 0 || w->priority[a] > w->priority[best])) best = a;
  return best;
}

/* PCT: priorities above those of the change points, in random order; the change points anywhere. */
void pgr__walk_begin_random(pgr_walk *w) {
  const pgr_search *s = w->s;
  uint32_t agents[PGR_SEARCH_AGENTS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
  pgr_random r;
  pgr_random_init(&r, s->o.seed, (uint64_t)w->number + 1);
  pgr_random_choose(&r, agents, (size_t)s->o.agents, (size_t)s->o.agents);
  for (int i = 0; i < s->o.agents; i++)
    w->priority[agents[i]] = s->o.random_depth + i;
  for (int i = 0; i + 1 < s->o.random_depth; i++)
    w->change[i] = (size_t)pgr_random_below(&r, s->random_length);
}

static int by_priority(pgr_walk *w, uint32_t enabled) {
  for (int i = 0; i + 1 < w->s->o.random_depth; i++)
    if (w->change[i] == w->pos) w->priority[highest(w, enabled)] = i;
  return highest(w, enabled);
}

/* Under the lock, at the walk's last node. -1: all who could go on are asleep. */
static int choose_new(pgr_walk *w, uint32_t enabled) {
  pgr_search *s = w->s;
  pgr__node *at = w->path[w->pos];
  int choice = -1;
  switch (w->kind) {
  case PGR_WALK_SERIAL: choice = first_in_plan(w, enabled); break;
  case PGR_WALK_ROUND_ROBIN: choice = next_in_turn(w, enabled); break;
  case PGR_WALK_TREE:
    if (w->pos == w->prefix && w->choice != PGR__ANY) return w->choice;
    choice = go_on(last_agent(w), enabled & ~(uint32_t)at->sleep);
    break;
  case PGR_WALK_RANDOM: assert(!"has no nodes"); break;
  }
  if (choice < 0) return -1;
  pgr__take(s, at, choice);
  if (!s->o.reduce)
    for (int a = 0; a < s->o.agents; a++)
      if (enabled & pgr__bit(a)) pgr__want(s, at, a);
  return choice;
}

/* false: other agents can begin than in an earlier walk. */
static bool check_root(pgr_walk *w, uint32_t enabled) {
  pgr__node *root = w->s->root;
  if (!root->enabled) root->enabled = (uint8_t)enabled;
  w->parted = root->enabled != enabled;
  return !w->parted;
}

static int choose_in_tree(pgr_walk *w, uint32_t enabled) {
  pgr_search *s = w->s;
  pthread_mutex_lock(&s->lock);
  int choice = -1;
  if (w->pos > 0 || check_root(w, enabled)) choice = w->pos < w->prefix ? w->choices[w->pos] : choose_new(w, enabled);
  pthread_mutex_unlock(&s->lock);
  return choice;
}

void pgr__lose(pgr_search *s, int cost) {
  if (cost < s->lost_at) s->lost_at = cost;
}

static int too_deep(pgr_walk *w) {
  pgr_search *s = w->s;
  pthread_mutex_lock(&s->lock);
  s->totals.deep = true;
  if (w->kind != PGR_WALK_RANDOM) pgr__lose(s, w->item_cost);
  pthread_mutex_unlock(&s->lock);
  return -1;
}

int pgr_walk_choose(pgr_walk *w, uint32_t enabled) {
  assert(enabled && !(enabled >> w->s->o.agents) && !w->chosen && !w->parted);
  w->enabled = enabled;
  int choice;
  if (w->pos == PGR_SEARCH_DEPTH_MAX)
    choice = too_deep(w);
  else if (w->kind == PGR_WALK_RANDOM)
    choice = by_priority(w, enabled);
  else if (w->loose)
    choice = go_on(last_agent(w), enabled);
  else if (w->pos > 0 && w->pos < w->prefix)
    choice = w->choices[w->pos]; /* without the lock: its own */
  else
    choice = choose_in_tree(w, enabled);
  w->cut = choice < 0;
  if (choice < 0) return -1;
  w->choices[w->pos] = (uint8_t)choice;
  w->chosen = true;
  return choice;
}

static bool same(const pgr__node *n, const pgr_event *e) {
  return n->ended == e->ended && n->enabled == e->enabled && n->print == e->print;
}

/* The node for a new event; without memory the walk goes on outside the tree. */
static void grow(pgr_walk *w, const pgr_event *e) {
  pgr_search *s = w->s;
  pgr__node *at = w->path[w->pos], *n = pgr__node_new(s);
  if (!n) {
    w->loose = true;
    pgr__lose(s, w->item_cost);
    return;
  }
  w->path[w->pos + 1] = n;
  pgr__event_fill(s, w->path, w->pos, e);
  pgr__node_add(at, n);
  if (s->o.reduce) pgr__races(s, w->path, w->pos);
  if (s->open) {
    n->pending = 1; /* this walk. Its hold on the node above becomes the child's, which is not finished */
    w->held = w->pos + 1;
  }
}

bool pgr_walk_did(pgr_walk *w, const pgr_event *e) {
  pgr_search *s = w->s;
  assert(w->chosen && !w->parted && e->agent == w->choices[w->pos]);
  assert(!((e->ended | e->enabled) >> s->o.agents));
  if (w->kind == PGR_WALK_TREE && w->pos < w->prefix) {
    w->parted = !same(w->path[w->pos + 1], e);
  } else if (w->kind != PGR_WALK_RANDOM && !w->loose) {
    pthread_mutex_lock(&s->lock);
    pgr__node *known = pgr__node_child(w->path[w->pos], e->agent);
    if (known) {
      w->parted = !same(known, e);
      w->path[w->pos + 1] = known;
    } else {
      grow(w, e);
    }
    pthread_mutex_unlock(&s->lock);
  }
  if (w->parted) return false;
  w->chosen = false;
  w->enabled = e->enabled;
  w->pos++;
  return true;
}

pgr_walk_kind pgr_walk_what(const pgr_walk *w) {
  return w->kind;
}

size_t pgr_walk_choices(const pgr_walk *w, const uint8_t **out) {
  *out = w->choices;
  return w->pos + w->chosen;
}
