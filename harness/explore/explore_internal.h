/* What the files of this module share: the tree of prefixes, the branches waiting to be walked, the walks, the classes.
 * Everything is under pgr_search.lock, but for what a node says of its event, which never changes once the node is in
 * the tree, and what belongs to a walk's own thread. */
#ifndef PGR_EXPLORE_INTERNAL_H
#define PGR_EXPLORE_INTERNAL_H

#include "pgr_mem.h"
#include "pgr_search.h"
#include <pthread.h>

enum { PGR__ANY = 0xff, PGR__ROOT = 0xff, PGR__CHANGES_MAX = 16, PGR__PLANS_MAX = 24, PGR__NODES_IN_BLOCK = 512 };

/* The state after a prefix, and the event that led to it. A node whose subtree is finished loses its children, but
 * stays as long as its parent: its event is asked for by the sleep sets of its siblings' subtrees. */
typedef struct pgr__node {
  struct pgr__node *parent, *child, *sibling; /* sibling: also the list of free nodes */
  /* The event. */
  pgr_touch touch; /* widened by what the search infers: see pgr__event_fill */
  uint64_t print;
  uint16_t clock[PGR_SEARCH_AGENTS_MAX]; /* by agent: how many of its events happen before this one or are it */
  uint8_t agent;                         /* PGR__ROOT at the root */
  uint8_t ended, enabled, parties;       /* masks. parties: agents that it was an event of */
  bool waits, frees;                     /* somebody may have begun to wait; somebody may have been let go */
  /* The state. */
  uint8_t running; /* mask: a statement was sent and has not ended. Not enabled: it waits */
  uint8_t sleep;   /* mask: schedules that go on with one of these are covered by others */
  uint8_t taken, queued;
  bool over; /* a schedule ended here */
  uint16_t depth, preemptions;
  uint32_t pending; /* branches queued here, walks here, children that are not finished; 0: finished */
} pgr__node;

typedef struct pgr__item {
  pgr__node *node;
  uint8_t choice; /* an agent, or PGR__ANY: go on as a walk does by itself */
} pgr__item;

/* Branches of one number of preemptions; the latest first, which keeps the tree small. */
typedef struct pgr__bucket {
  pgr__item *items;
  size_t count, cap;
} pgr__bucket;

typedef struct pgr__class {
  uint64_t outcome;
  bool used, serial, broken;
} pgr__class;

typedef struct pgr__classes {
  pgr__class *slots; /* open addressing; cap is a power of two */
  size_t cap, count, broken;
  uint64_t digest; /* of the set: a sum, whatever the order */
} pgr__classes;

/* Each phase follows the one above it; RANDOM is entered when the tree is given up. */
typedef enum pgr__phase { PGR__SERIAL, PGR__ROBIN, PGR__TREE, PGR__RANDOM } pgr__phase;

struct pgr_search {
  pthread_mutex_t lock;
  pgr_search_options o;
  pgr__phase phase;
  pgr__node *root; /* enabled: 0 until the first walk begins */
  pgr__node *free_nodes;
  struct pgr__block *blocks;
  size_t nodes;
  /* Until the tree is opened, branches are only marked in their nodes (queued), and nothing is freed: the serial walks
   * and round robin take them as they come. */
  bool open;
  pgr__bucket buckets[PGR_SEARCH_DEPTH_MAX + 1];
  size_t lowest; /* no bucket below it holds anything */
  int64_t left;
  int lost_at; /* fewest preemptions of a schedule that was given up: too deep, or no memory. INT_MAX: none */
  bool gap;    /* something of the tree was left out for another reason than totals say */
  uint8_t plans[PGR__PLANS_MAX][PGR_SEARCH_AGENTS_MAX];
  int plan_count, plans_given;
  bool robin_given;
  int64_t randoms_given;
  size_t random_length; /* PCT's k */
  pgr_walk *live, *again, *spare;
  int live_count;
  int most_preemptions; /* of a schedule of the tree */
  pgr__classes classes;
  pgr_search_totals totals; /* what is counted as it happens; the rest is filled in when asked for */
};

struct pgr_walk {
  pgr_search *s;
  pgr_walk *prev, *next;
  pgr_walk_kind kind;
  size_t pos;    /* events so far */
  size_t prefix; /* of a tree walk: events that are replayed */
  int item_cost; /* preemptions of its branch */
  uint8_t choice;
  bool chosen; /* a choice was given whose event has not been reported */
  bool loose;  /* no memory for its nodes: it goes on outside the tree */
  bool parted, cut;
  uint32_t enabled;
  uint8_t order[PGR_SEARCH_AGENTS_MAX]; /* serial: the plan */
  int priority[PGR_SEARCH_AGENTS_MAX];  /* PCT: the highest goes first */
  size_t change[PGR__CHANGES_MAX];      /* PCT: before that event the first loses its priority */
  int64_t number;                       /* PCT: of the walk */
  uint8_t choices[PGR_SEARCH_DEPTH_MAX];
  pgr__node *path[PGR_SEARCH_DEPTH_MAX + 1]; /* path[i]: after i events. Ends at the last node when loose */
  size_t held;                               /* the node path[held] is kept alive by this walk, if the tree is open */
};

static inline uint8_t pgr__bit(int agent) {
  return (uint8_t)(1U << agent);
}

/* tree.c. All under the lock. */
bool pgr__tree_init(pgr_search *s);
void pgr__tree_deinit(pgr_search *s);
pgr__node *pgr__node_child(const pgr__node *n, int agent);
/* NULL: no memory, and the search says so from now on. */
pgr__node *pgr__node_new(pgr_search *s);
/* Ready to be seen by others: everything about its event is filled in. */
void pgr__node_add(pgr__node *parent, pgr__node *child);
/* What letting that agent go would make of the number of preemptions. */
int pgr__cost(const pgr__node *n, int choice);
/* A branch to be walked, unless it was or is known already, or the bound is in its way. */
void pgr__want(pgr_search *s, pgr__node *n, int choice);
/* A walk takes it of its own accord. */
void pgr__take(pgr_search *s, pgr__node *n, int choice);
/* Queues a branch that was taken before; the walk's hold on the node becomes the item's. */
void pgr__requeue(pgr_search *s, pgr__node *n, int choice);
/* The branch with fewest preemptions; left > 0. Its hold becomes the walk's. */
pgr__item pgr__pop(pgr_search *s);
void pgr__release(pgr_search *s, pgr__node *n);
/* Serial walks and round robin are over: the branches they left go into the queue. */
void pgr__tree_open(pgr_search *s);
int pgr__fewest_queued(const pgr_search *s); /* INT_MAX: none */

/* races.c. All under the lock. */
/* Of the node path[pos + 1], whose event e follows the state path[pos]: everything but its place in the tree. */
void pgr__event_fill(const pgr_search *s, pgr__node *const *path, size_t pos, const pgr_event *e);
/* Wants a branch for every order of conflicting events that it shows to be possible and not yet covered. */
void pgr__races(pgr_search *s, pgr__node *const *path, size_t pos);

/* classes.c. */
bool pgr__classes_put(pgr__classes *c, uint64_t outcome, bool serial, bool broken); /* false: no memory */
const pgr__class *pgr__classes_find(const pgr__classes *c, uint64_t outcome);
void pgr__classes_deinit(pgr__classes *c);

/* walk.c. Under the lock. */
void pgr__walk_begin_random(pgr_walk *w);
/* A schedule of that many preemptions will not be run. */
void pgr__lose(pgr_search *s, int cost);

#endif
