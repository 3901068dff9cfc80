/* Which agent's step goes next: a search over all schedules of a few agents, that knows neither SQL nor connections.
 *
 * A schedule is a walk: the caller asks whom to let go, lets that agent's pending step run until everything in flight
 * is done or blocked, and reports the event. The same choices must give the same events. From the events the search
 * learns which orders can differ and which cannot.
 *
 * Order: every serial order; round robin; then the tree of all schedules, those with fewest preemptions first, reduced
 * to one schedule a class of commuting orders (source sets with sleep sets, Abdulla et al., POPL 2014) unless told
 * otherwise; and when the tree is larger than the limit, the rest of the limit by PCT (Burckhardt et al., ASPLOS 2010).
 *
 * Thread: any, a mutex inside; several workers may walk at once. Blocks: never for long. */
#ifndef PGR_SEARCH_H
#define PGR_SEARCH_H

#include "pgr_err.h"
#include "pgr_touch.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PGR_SEARCH_AGENTS_MAX = 8, PGR_SEARCH_DEPTH_MAX = 1000 };

/* An agent was let go, and everything came to rest again. Agents are numbered from 0; bit i of a mask is agent i. */
typedef struct pgr_event {
  uint8_t agent;
  uint32_t ended;   /* agents whose statement ended in it: its own unless it blocks, and those it released */
  uint32_t enabled; /* agents that have a pending step afterwards and are not blocked */
  /* Of all that ran in it: the statement that was sent, and those that ended (what they read and wrote once more: they
   * may have waited in between). For the one that was sent it must not depend on whether it waits (pgr_ledger_sent). */
  pgr_touch touch;
  uint64_t print; /* a hash of what could be observed: the statement, its answer, who ended how */
} pgr_event;

typedef enum pgr_walk_kind {
  PGR_WALK_SERIAL,      /* one agent after the other; its outcome is by definition right */
  PGR_WALK_ROUND_ROBIN, /* a step each in turn */
  PGR_WALK_TREE,
  PGR_WALK_RANDOM /* PCT */
} pgr_walk_kind;

typedef struct pgr_search_options {
  int agents;       /* 1 … PGR_SEARCH_AGENTS_MAX */
  bool reduce;      /* skip schedules that only reorder commuting steps */
  int bound;        /* schedules with at most that many preemptions, none skipped (reduce must be false); -1: all */
  bool tree_only;   /* neither all serial orders nor round robin first: for minimising */
  int64_t limit;    /* schedules in all, 0: none. Reached: what is left of it after three quarters went to PCT */
  int random_depth; /* PCT's d, 3 by default; 0: no PCT, all of the limit is for the tree */
  uint64_t seed;    /* PCT's */
  size_t max_nodes; /* of the tree in memory; reaching it ends the search as a limit does. 0: 4 million */
} pgr_search_options;

/* A preemption: an agent is let go though another, which ran last, could have gone on. */

typedef struct pgr_search pgr_search;
typedef struct pgr_walk pgr_walk;

/* *out: the caller's, to be destroyed when no walk is under way. Errors: PGR_ENOMEM, PGR_EUSAGE (options). */
pgr_code pgr_search_create(const pgr_search_options *o, pgr_search **out, pgr_err *err) PGR_MUST_CHECK;
void pgr_search_destroy(pgr_search *s);

typedef enum pgr_search_state {
  PGR_SEARCH_WALK, /* *out is to be walked, and ended or abandoned */
  PGR_SEARCH_WAIT, /* nothing to do before a walk of another worker ends; only when one is under way */
  PGR_SEARCH_OVER  /* nothing is left, or the limit was reached, or there is no memory (totals say which) */
} pgr_search_state;

/* All serial walks have ended before the first of another kind is given out. */
pgr_search_state pgr_search_next(pgr_search *s, pgr_walk **out);

pgr_walk_kind pgr_walk_what(const pgr_walk *w);

/* Whom to let go. enabled: not 0; of the walk's beginning, or the last event's. -1: end this walk now, as cut: what
 * follows is covered by other schedules, or the depth limit was reached. */
int pgr_walk_choose(pgr_walk *w, uint32_t enabled);

/* What came of it. false: the same choices gave something else in an earlier walk (print, ended or enabled differ): end
 * the walk by abandoning it. */
bool pgr_walk_did(pgr_walk *w, const pgr_event *e) PGR_MUST_CHECK;

typedef struct pgr_walk_end {
  uint64_t outcome; /* a hash of all outcomes and the final state: the class of the schedule */
  bool broken;      /* an oracle objects */
} pgr_walk_end;

/* end: NULL for a walk that was cut. w is gone afterwards. A walk that is ended earlier than it could be leaves its
 * continuation out: nothing is exhausted then. */
void pgr_walk_finish(pgr_walk *w, const pgr_walk_end *end);
/* It did not come to its end and proves nothing: it is to be walked again, unless the caller stops. w is gone. */
void pgr_walk_abandon(pgr_walk *w);

/* The choices so far. *out: borrowed from w. */
size_t pgr_walk_choices(const pgr_walk *w, const uint8_t **out);

/* Whether a serial walk ended with that outcome. */
bool pgr_search_is_serial(pgr_search *s, uint64_t outcome);

typedef struct pgr_search_totals {
  int64_t schedules;     /* that came to their end, of all kinds */
  int64_t serial, cut;   /* serial ones among them; walks that were cut (not among them) */
  int64_t random;        /* PCT's among them */
  int64_t broken;        /* schedules an oracle objected to */
  int64_t classes;       /* distinct outcomes */
  uint64_t class_digest; /* of the set of outcomes: equal for equal sets */
  int64_t broken_classes;
  int64_t left;         /* branches of the tree that are known and not walked yet */
  int64_t at_bound[16]; /* schedules of the tree (serial ones, round robin included) by number of preemptions; the
                           last: that many or more */
  int bound_complete;   /* every schedule with at most that many preemptions was run; -1: not even those with none.
                           Only known without reduction, else -1 */
  size_t depth;         /* of the longest schedule */
  bool exhausted;       /* nothing of the tree is left; with a bound: nothing within it */
  bool deep;            /* a walk reached PGR_SEARCH_DEPTH_MAX: not exhausted, then */
  bool limited;         /* the limit or max_nodes was reached first */
  bool no_memory;
} pgr_search_totals;

void pgr_search_total(pgr_search *s, pgr_search_totals *out);

#endif
