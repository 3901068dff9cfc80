/* Which walk comes next, and what came of those that ended.
 *
 * Easily broken: the phases. Serial walks and round robin share the tree with the walks after them, but the tree is
 * opened, and its finished parts freed, only when the last of them has ended. */
#include "explore_internal.h"

#include "pgr_random.h"
#include <assert.h>
#include <limits.h>
#include <string.h>

enum { MAX_NODES = 4000000, ALL_ORDERS_UP_TO = 4 };

/* The next permutation in lexical order. false: it was the last. */
static bool next_order(uint8_t *order, int n) {
  int i = n - 2;
  while (i >= 0 && order[i] > order[i + 1])
    i--;
  if (i < 0) return false;
  int j = n - 1;
  while (order[j] < order[i])
    j--;
  uint8_t t = order[i];
  order[i] = order[j];
  order[j] = t;
  for (int a = i + 1, b = n - 1; a < b; a++, b--) {
    t = order[a];
    order[a] = order[b];
    order[b] = t;
  }
  return true;
}

static bool planned(const pgr_search *s, const uint8_t *order) {
  for (int i = 0; i < s->plan_count; i++)
    if (!memcmp(s->plans[i], order, PGR_SEARCH_AGENTS_MAX)) return true;
  return false;
}

static void plan_serial(pgr_search *s) {
  uint8_t order[PGR_SEARCH_AGENTS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
  int n = s->o.agents;
  if (n <= ALL_ORDERS_UP_TO) {
    do
      memcpy(s->plans[s->plan_count++], order, sizeof order);
    while (next_order(order, n));
    return;
  }
  pgr_random r;
  pgr_random_init(&r, s->o.seed, 0);
  while (s->plan_count < PGR__PLANS_MAX) {
    uint32_t agents[PGR_SEARCH_AGENTS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
    pgr_random_choose(&r, agents, (size_t)n, (size_t)n);
    for (int i = 0; i < n; i++)
      order[i] = (uint8_t)agents[i];
    if (!planned(s, order)) memcpy(s->plans[s->plan_count++], order, sizeof order);
  }
}

static pgr_code check_options(const pgr_search_options *o, pgr_err *err) {
  if (o->agents < 1 || o->agents > PGR_SEARCH_AGENTS_MAX)
    return pgr_fail(err, PGR_EUSAGE, "a search takes 1 to %d agents, not %d", PGR_SEARCH_AGENTS_MAX, o->agents);
  if (o->bound < -1) return pgr_fail(err, PGR_EUSAGE, "the bound on preemptions is %d; -1 means none", o->bound);
  if (o->bound >= 0 && o->reduce)
    return pgr_fail(err, PGR_EUSAGE, "a bound on preemptions and reduction together would lose schedules");
  if (o->limit < 0) return pgr_fail(err, PGR_EUSAGE, "the limit of schedules is negative");
  if (o->random_depth < 0 || o->random_depth > PGR__CHANGES_MAX)
    return pgr_fail(err, PGR_EUSAGE, "the depth of random schedules is 0 to %d, not %d", PGR__CHANGES_MAX,
                    o->random_depth);
  return PGR_OK;
}

pgr_code pgr_search_create(const pgr_search_options *o, pgr_search **out, pgr_err *err) {
  pgr_code code = check_options(o, err);
  if (code) return code;
  pgr_search *s = pgr_calloc(1, sizeof *s);
  if (!s) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  s->o = *o;
  if (!s->o.max_nodes) s->o.max_nodes = MAX_NODES;
  s->lost_at = INT_MAX;
  s->phase = o->tree_only ? PGR__TREE : PGR__SERIAL;
  if (!pgr__tree_init(s)) {
    pgr__tree_deinit(s);
    pgr_free(s);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  if (!o->tree_only) {
    plan_serial(s);
  } else {
    s->open = true;
    s->root->pending = 1;
    pgr__requeue(s, s->root, PGR__ANY);
  }
  pthread_mutex_init(&s->lock, NULL);
  *out = s;
  return PGR_OK;
}

static void free_walks(pgr_walk *w) {
  while (w) {
    pgr_walk *next = w->next;
    pgr_free(w);
    w = next;
  }
}

void pgr_search_destroy(pgr_search *s) {
  if (!s) return;
  assert(!s->live && "a walk is under way");
  free_walks(s->again);
  free_walks(s->spare);
  pgr__tree_deinit(s);
  pgr__classes_deinit(&s->classes);
  pthread_mutex_destroy(&s->lock);
  pgr_free(s);
}

static void go_live(pgr_walk *w) {
  pgr_search *s = w->s;
  w->prev = NULL;
  w->next = s->live;
  if (s->live) s->live->prev = w;
  s->live = w;
  s->live_count++;
}

static void leave(pgr_walk *w, pgr_walk **to) {
  pgr_search *s = w->s;
  if (w->prev)
    w->prev->next = w->next;
  else
    s->live = w->next;
  if (w->next) w->next->prev = w->prev;
  s->live_count--;
  w->next = *to;
  *to = w;
}

/* Whatever it was before, it stands at the root now. */
static void start(pgr_walk *w) {
  w->pos = 0;
  w->chosen = w->loose = w->parted = w->cut = false;
  w->enabled = 0;
  w->held = 0;
  w->path[0] = w->s->root;
}

static pgr_walk *new_walk(pgr_search *s, pgr_walk_kind kind) {
  pgr_walk *w = s->spare;
  if (w)
    s->spare = w->next;
  else
    w = pgr_calloc(1, sizeof *w);
  if (!w) {
    s->totals.no_memory = true;
    return NULL;
  }
  w->s = s;
  w->kind = kind;
  w->prefix = 0;
  w->item_cost = 0;
  w->choice = PGR__ANY;
  start(w);
  go_live(w);
  return w;
}

static pgr_walk *walk_again(pgr_search *s) {
  pgr_walk *w = s->again;
  s->again = w->next;
  start(w);
  if (w->kind == PGR_WALK_RANDOM) pgr__walk_begin_random(w);
  go_live(w);
  return w;
}

static pgr_walk *serial_walk(pgr_search *s) {
  pgr_walk *w = new_walk(s, PGR_WALK_SERIAL);
  if (w) memcpy(w->order, s->plans[s->plans_given++], sizeof w->order);
  return w;
}

static pgr_walk *robin_walk(pgr_search *s) {
  pgr_walk *w = new_walk(s, PGR_WALK_ROUND_ROBIN);
  if (w) s->robin_given = true;
  return w;
}

static pgr_walk *tree_walk(pgr_search *s) {
  pgr_walk *w = new_walk(s, PGR_WALK_TREE);
  if (!w) return NULL;
  pgr__item item = pgr__pop(s);
  w->choice = item.choice;
  w->item_cost = pgr__cost(item.node, item.choice);
  w->prefix = w->held = item.node->depth;
  for (pgr__node *n = item.node; n->parent; n = n->parent) {
    w->path[n->depth] = n;
    w->choices[n->depth - 1] = n->agent;
  }
  return w;
}

static pgr_walk *random_walk(pgr_search *s) {
  pgr_walk *w = new_walk(s, PGR_WALK_RANDOM);
  if (!w) return NULL;
  w->number = s->randoms_given++;
  pgr__walk_begin_random(w);
  return w;
}

/* Whether the limit lets one more walk begin: those that are under way may all come to their end. */
static bool room(const pgr_search *s) {
  int64_t limit = s->o.limit, used = s->totals.schedules + s->live_count;
  if (!limit) return true;
  if (s->phase != PGR__RANDOM && s->o.random_depth) limit -= limit / 4;
  return used < limit;
}

static void give_up_tree(pgr_search *s) {
  s->phase = PGR__RANDOM;
  s->totals.limited = true;
  s->random_length = s->totals.depth ? s->totals.depth : 1;
}

/* The phases before the tree: more: how to begin one more walk of this phase, NULL when all were given out. */
static pgr_search_state forced(pgr_search *s, pgr_walk *(*more)(pgr_search *), pgr__phase then, pgr_walk **out) {
  if ((s->again || more) && room(s)) {
    *out = s->again ? walk_again(s) : more(s);
    return *out ? PGR_SEARCH_WALK : PGR_SEARCH_OVER;
  }
  if (s->live) return PGR_SEARCH_WAIT;
  if (s->again || more) {
    give_up_tree(s);
  } else {
    s->phase = then;
    if (then == PGR__TREE) pgr__tree_open(s);
  }
  return PGR_SEARCH_WAIT;
}

static pgr_search_state tree(pgr_search *s, pgr_walk **out) {
  if (!s->left) return s->live ? PGR_SEARCH_WAIT : PGR_SEARCH_OVER;
  bool full = s->nodes >= s->o.max_nodes;
  if (!full && room(s)) {
    *out = tree_walk(s);
    return *out ? PGR_SEARCH_WALK : PGR_SEARCH_OVER;
  }
  if (!full && !s->o.random_depth && s->live) return PGR_SEARCH_WAIT; /* one that is cut makes room */
  give_up_tree(s);
  return PGR_SEARCH_WAIT;
}

static pgr_search_state at_random(pgr_search *s, pgr_walk **out) {
  if (!s->o.random_depth || !s->o.limit) return PGR_SEARCH_OVER;
  if (!room(s)) return s->live ? PGR_SEARCH_WAIT : PGR_SEARCH_OVER;
  while (s->again && s->again->kind != PGR_WALK_RANDOM) { /* the tree was given up before they were repeated */
    pgr_walk *w = s->again;
    s->again = w->next;
    w->next = s->spare;
    s->spare = w;
  }
  *out = s->again ? walk_again(s) : random_walk(s);
  return *out ? PGR_SEARCH_WALK : PGR_SEARCH_OVER;
}

static pgr_search_state next(pgr_search *s, pgr_walk **out) {
  for (;;) {
    pgr__phase phase = s->phase;
    pgr_search_state state = PGR_SEARCH_OVER;
    if (s->totals.no_memory) return PGR_SEARCH_OVER;
    switch (phase) {
    case PGR__SERIAL: state = forced(s, s->plans_given < s->plan_count ? serial_walk : NULL, PGR__ROBIN, out); break;
    case PGR__ROBIN: state = forced(s, s->robin_given ? NULL : robin_walk, PGR__TREE, out); break;
    case PGR__TREE: state = tree(s, out); break;
    case PGR__RANDOM: state = at_random(s, out); break;
    }
    if (s->phase == phase) return state;
  }
}

pgr_search_state pgr_search_next(pgr_search *s, pgr_walk **out) {
  *out = NULL;
  pthread_mutex_lock(&s->lock);
  pgr_search_state state = next(s, out);
  pthread_mutex_unlock(&s->lock);
  return state;
}

/* Whether this schedule is one that was not run before: two agents without steps have two serial orders, but the same
 * schedule. */
static bool is_new(pgr_walk *w) {
  if (w->kind == PGR_WALK_RANDOM || w->loose) return true;
  pgr__node *leaf = w->path[w->pos];
  bool is = !leaf->over;
  leaf->over = true;
  return is;
}

/* What follows the end of this walk is not run. */
static void leave_out(pgr_search *s, const pgr_walk *w) {
  s->gap = true;
  pgr__lose(s, w->item_cost);
}

static void count(pgr_walk *w, const pgr_walk_end *end) {
  pgr_search *s = w->s;
  pgr_search_totals *t = &s->totals;
  bool serial = w->kind == PGR_WALK_SERIAL, in_tree = w->kind != PGR_WALK_RANDOM && !w->loose;
  if (w->pos > t->depth) t->depth = w->pos;
  if (!pgr__classes_put(&s->classes, end->outcome, serial, end->broken)) t->no_memory = true;
  if (w->enabled && in_tree) leave_out(s, w); /* the caller had seen enough */
  if (!is_new(w)) return;
  t->schedules++;
  t->serial += serial;
  t->random += w->kind == PGR_WALK_RANDOM;
  t->broken += end->broken;
  if (!in_tree) return;
  int preemptions = w->path[w->pos]->preemptions, last = (int)(sizeof t->at_bound / sizeof *t->at_bound) - 1;
  t->at_bound[preemptions < last ? preemptions : last]++;
  if (preemptions > s->most_preemptions) s->most_preemptions = preemptions;
}

static void let_go(pgr_walk *w) {
  pgr_search *s = w->s;
  if (w->kind == PGR_WALK_TREE) pgr__release(s, w->path[w->held]);
  leave(w, &s->spare);
}

static void abandon(pgr_walk *w) {
  pgr_search *s = w->s;
  if (w->kind != PGR_WALK_TREE) {
    leave(w, &s->again);
    return;
  }
  if (w->loose) {
    let_go(w);
    return;
  }
  /* From where it stands, or if it did not get that far, its branch. */
  int choice = w->held == w->prefix ? w->choice : PGR__ANY;
  if (w->pos == w->held && w->chosen) choice = w->choices[w->pos];
  pgr__requeue(s, w->path[w->held], choice);
  leave(w, &s->spare);
}

void pgr_walk_finish(pgr_walk *w, const pgr_walk_end *end) {
  pgr_search *s = w->s;
  pthread_mutex_lock(&s->lock);
  if (w->parted) {
    abandon(w);
  } else if (end) {
    count(w, end);
    let_go(w);
  } else {
    s->totals.cut++;
    if (!w->cut && w->kind != PGR_WALK_RANDOM) leave_out(s, w);
    let_go(w);
  }
  pthread_mutex_unlock(&s->lock);
}

void pgr_walk_abandon(pgr_walk *w) {
  pgr_search *s = w->s;
  pthread_mutex_lock(&s->lock);
  abandon(w);
  pthread_mutex_unlock(&s->lock);
}

bool pgr_search_is_serial(pgr_search *s, uint64_t outcome) {
  pthread_mutex_lock(&s->lock);
  const pgr__class *k = pgr__classes_find(&s->classes, outcome);
  bool serial = k && k->serial;
  pthread_mutex_unlock(&s->lock);
  return serial;
}

static int bound_complete(const pgr_search *s) {
  if (s->o.reduce || !s->open) return -1;
  int open = pgr__fewest_queued(s);
  if (s->lost_at < open) open = s->lost_at;
  for (const pgr_walk *w = s->live; w; w = w->next)
    if (w->kind == PGR_WALK_TREE && w->item_cost < open) open = w->item_cost;
  if (open < INT_MAX) return open - 1;
  return s->o.bound >= 0 ? s->o.bound : s->most_preemptions;
}

void pgr_search_total(pgr_search *s, pgr_search_totals *out) {
  pthread_mutex_lock(&s->lock);
  pgr_search_totals *t = &s->totals;
  t->classes = (int64_t)s->classes.count;
  t->class_digest = s->classes.digest;
  t->broken_classes = (int64_t)s->classes.broken;
  t->left = s->left;
  t->bound_complete = bound_complete(s);
  t->exhausted = s->open && !s->left && !s->live && !t->deep && !t->no_memory && !t->limited && !s->gap;
  *out = *t;
  pthread_mutex_unlock(&s->lock);
}
