/* The tree of prefixes and the branches of it that wait to be walked.
 *
 * The invariant most easily broken: `pending` counts whatever may still need a node: its branches in the queue, the
 * walks that stand at it, its unfinished children. At 0 nothing below can be asked for again, for a race found later
 * concerns only nodes that the walk that finds it has passed, and that walk holds them. */
#include "explore_internal.h"

#include <assert.h>
#include <limits.h>

typedef struct pgr__block {
  struct pgr__block *next;
  pgr__node nodes[PGR__NODES_IN_BLOCK];
} pgr__block;

static bool more_nodes(pgr_search *s) {
  pgr__block *b = pgr_calloc(1, sizeof *b);
  if (!b) return false;
  b->next = s->blocks;
  s->blocks = b;
  for (size_t i = PGR__NODES_IN_BLOCK; i-- > 0;) {
    b->nodes[i].sibling = s->free_nodes;
    s->free_nodes = &b->nodes[i];
  }
  return true;
}

pgr__node *pgr__node_new(pgr_search *s) {
  if (!s->free_nodes && !more_nodes(s)) {
    s->totals.no_memory = true;
    return NULL;
  }
  pgr__node *n = s->free_nodes;
  s->free_nodes = n->sibling;
  *n = (pgr__node){.agent = PGR__ROOT};
  s->nodes++;
  return n;
}

bool pgr__tree_init(pgr_search *s) {
  s->root = pgr__node_new(s);
  return s->root != NULL;
}

void pgr__tree_deinit(pgr_search *s) {
  while (s->blocks) {
    pgr__block *next = s->blocks->next;
    pgr_free(s->blocks);
    s->blocks = next;
  }
  for (size_t i = 0; i <= PGR_SEARCH_DEPTH_MAX; i++)
    pgr_free(s->buckets[i].items);
}

pgr__node *pgr__node_child(const pgr__node *n, int agent) {
  pgr__node *c = n->child;
  while (c && c->agent != agent)
    c = c->sibling;
  return c;
}

void pgr__node_add(pgr__node *parent, pgr__node *child) {
  child->parent = parent;
  child->depth = (uint16_t)(parent->depth + 1);
  child->preemptions = (uint16_t)pgr__cost(parent, child->agent);
  child->sibling = parent->child;
  parent->child = child;
}

int pgr__cost(const pgr__node *n, int choice) {
  bool could_go_on = n->agent != PGR__ROOT && (n->enabled & pgr__bit(n->agent));
  return n->preemptions + (could_go_on && choice != n->agent && choice != PGR__ANY);
}

static bool push(pgr_search *s, pgr__node *n, int choice) {
  int cost = pgr__cost(n, choice);
  pgr__bucket *b = &s->buckets[cost];
  if (b->count == b->cap) {
    size_t cap = b->cap ? b->cap * 2 : 64;
    pgr__item *items = pgr_realloc(b->items, cap, sizeof *items);
    if (!items) {
      s->totals.no_memory = true;
      if (cost < s->lost_at) s->lost_at = cost;
      return false;
    }
    b->items = items;
    b->cap = cap;
  }
  b->items[b->count++] = (pgr__item){.node = n, .choice = (uint8_t)choice};
  if ((size_t)cost < s->lowest) s->lowest = (size_t)cost;
  return true;
}

void pgr__want(pgr_search *s, pgr__node *n, int choice) {
  uint8_t bit = pgr__bit(choice);
  if ((n->taken | n->queued) & bit) return;
  if (s->o.bound >= 0 && pgr__cost(n, choice) > s->o.bound) return;
  if (s->open) {
    if (!push(s, n, choice)) return;
    n->pending++;
  }
  n->queued |= bit;
  s->left++;
}

void pgr__take(pgr_search *s, pgr__node *n, int choice) {
  uint8_t bit = pgr__bit(choice);
  if (n->queued & bit) {
    assert(!s->open && "a branch in a bucket belongs to whoever pops it");
    s->left--;
    n->queued &= (uint8_t)~bit;
  }
  n->taken |= bit;
}

void pgr__requeue(pgr_search *s, pgr__node *n, int choice) {
  if (!push(s, n, choice)) return;
  if (choice != PGR__ANY) n->queued |= pgr__bit(choice);
  s->left++;
}

pgr__item pgr__pop(pgr_search *s) {
  while (!s->buckets[s->lowest].count)
    s->lowest++;
  pgr__bucket *b = &s->buckets[s->lowest];
  pgr__item item = b->items[--b->count];
  if (item.choice != PGR__ANY) {
    item.node->queued &= (uint8_t)~pgr__bit(item.choice);
    item.node->taken |= pgr__bit(item.choice);
  }
  s->left--;
  return item;
}

int pgr__fewest_queued(const pgr_search *s) {
  for (size_t i = s->lowest; i <= PGR_SEARCH_DEPTH_MAX; i++)
    if (s->buckets[i].count) return (int)i;
  return INT_MAX;
}

/* Its children are finished. */
static void drop_children(pgr_search *s, pgr__node *n) {
  while (n->child) {
    pgr__node *c = n->child;
    assert(!c->child && c->pending == 0);
    n->child = c->sibling;
    c->sibling = s->free_nodes;
    s->free_nodes = c;
    s->nodes--;
  }
}

void pgr__release(pgr_search *s, pgr__node *n) {
  while (n) {
    assert(n->pending > 0);
    if (--n->pending) return;
    drop_children(s, n);
    n = n->parent;
  }
}

/* As deep as the tree, which has a limit, and only over what the walks before the TREE phase made. */
static void open_node(pgr_search *s, pgr__node *n) {
  for (pgr__node *c = n->child; c; c = c->sibling) {
    open_node(s, c);
    n->pending += c->pending > 0;
  }
  for (int a = 0; a < s->o.agents; a++)
    if (n->queued & pgr__bit(a)) {
      if (push(s, n, a))
        n->pending++;
      else
        s->left--;
    }
  if (!n->pending) drop_children(s, n);
}

void pgr__tree_open(pgr_search *s) {
  s->open = true;
  open_node(s, s->root);
}
