/* How the pieces of a race fit: a race has workers (threads) and contests; a contest moves from worker to worker, for
 * it is always the worker that finishes a phase that starts the next. */
#ifndef PGR_RACE_INTERNAL_H
#define PGR_RACE_INTERNAL_H

#include "pgr_cell_session.h"
#include "pgr_race.h"
#include <stdatomic.h>

enum { PGR__CACHE_LINE = 64 };

typedef struct pgr__race pgr__race;
typedef struct pgr__worker pgr__worker;
typedef struct pgr__contest pgr__contest;

/* "The contest has a new phase: start your share of it." One for each worker, so that none is posted twice at once. */
typedef struct pgr__call {
  pgr_message message; /* first: deliver casts back */
  pgr__contest *contest;
  pgr__worker *worker;
} pgr__call;

/* Phase 0: contenders run what starts, and what follows it. Then one phase for each operation of the round's end that
 * anybody has to run. */
struct pgr__contest {
  /* Who takes part in the phase and is not done. Whoever brings it to zero owns every other field
   * until it posts the next calls; before that each contender's thread writes its own entries of the arrays only. */
  _Alignas(PGR__CACHE_LINE) atomic_uint pending;
  pgr__race *race;
  pgr__call *calls; /* one a worker */
  uint32_t index, first_member, member_count, contender_count;
  uint32_t *members;   /* agent indices; after a draw the first contender_count contend, in that order */
  uint8_t *ok;         /* by place in members: bit k is set when its operation k ended ok */
  int64_t *called_ns;  /* by place in members: when its first statement was sent */
  int64_t round;       /* every round contests a key of its own. 0 before the first */
  bool under_way;      /* the round began and is not over; read after the join */
  int64_t released_ns; /* the barrier fell; on the history's clock */
  int phase;
  pgr_timer starved;                 /* waits for keys on the loop of `starved_on` */
  _Atomic(pgr__worker *) starved_on; /* written by the owner; every worker looks for itself when it quits */
};

struct pgr__worker {
  pgr_agent_shared shared; /* first: fault casts back */
  pgr__race *race;
  pgr_trace trace;
  pgr_tally tally;
  pgr_message open, quit;
  uint32_t index;
  /* Single writer, read by the main thread. */
  _Alignas(PGR__CACHE_LINE) atomic_llong rounds;
  atomic_llong suspects;
  atomic_llong ops; /* records in its history */
};

struct pgr__race {
  const pgr_race_options *options;
  pgr__worker *workers;
  pgr_agent *agents;
  pgr__contest *contests;
  uint32_t contest_count;
  pgr_cell_session session;                                     /* of every connection */
  uint8_t starts[PGR_OPERATIONS_MAX], ends[PGR_OPERATIONS_MAX]; /* operations by when they run */
  int start_count, end_count;
  int64_t deadline_ns;        /* on the history's clock; 0: none */
  atomic_llong keys_made;     /* the rows of the first keys_made rounds exist */
  atomic_bool stopping;       /* no new rounds */
  atomic_uint pools_ready;    /* workers whose connections stand */
  atomic_uint contests_live;  /* contests that will run another round */
  atomic_bool faulted;        /* fault and fault_code are set, or being set */
  atomic_bool fault_reported; /* and readable */
  pgr_err fault;
  int wake_fd; /* eventfd: something of the above changed */
};

/* contest.c */
pgr_code pgr__contests_create(pgr__race *race) PGR_MUST_CHECK;
void pgr__contests_destroy(pgr__race *race);
void pgr__contest_open(pgr__contest *c, pgr__worker *w);   /* its first or next round, or its end; on w's thread */
void pgr__contest_arrive(pgr__contest *c, pgr__worker *w); /* one who took part is done */

/* worker.c */
pgr_code pgr__worker_init(pgr__worker *w, pgr__race *race, uint32_t index, const pgr_target *target,
                          uint32_t connections, pgr_err *err) PGR_MUST_CHECK;
void pgr__worker_deinit(pgr__worker *w);
pgr__worker *pgr__worker_of(pgr__race *race, uint32_t agent);
/* Whether the contender at that place takes part in the contest's phase. */
bool pgr__takes_part(const pgr__contest *c, uint32_t place);
void pgr__worker_perform(pgr__worker *w, pgr__contest *c); /* w's share of the contest's new phase */

/* race.c; any thread */
void pgr__race_wake(pgr__race *race);
int64_t pgr__race_keys(const pgr__race *race);                         /* how many keys the scenario has */
void pgr__race_fault(pgr__race *race, pgr_code code, const char *why); /* the first is kept, the race stops */

#endif
