/* How the pieces of the inbox fit. A desk is what one use of a database needs: two pools, a control connection, and
 * the agents on them; a record is what is known of one strategy, over all its uses; the rest is the inbox's own.
 *
 * The invariants most easily broken: no agent is begun or let go from inside a hook of one but `done`, and no desk is
 * freed while a function of its connections is on the stack. So what is asked for is noted, and done by pgr__work,
 * which a message to ourselves brings. */
#ifndef PGR_INBOX_INTERNAL_H
#define PGR_INBOX_INTERNAL_H

#include "pgr_agent.h"
#include "pgr_cell_session.h"
#include "pgr_inbox.h"
#include "pgr_random.h"

enum { PGR__AGENTS = PGR_SEATS + PGR_CROWD, PGR__CONSTRAINT_BYTES = 64 };
_Static_assert(PGR__AGENTS <= 64, "a set of agents is a word");

/* A set of agents: agent n at bit n - 1. */
typedef uint64_t pgr__agents;

typedef struct pgr__conversation {
  pgr_conversation shown;
  pgr__agents at;                  /* are at it */
  pgr__agents wants;               /* of those, try to acquire it */
  pgr__agents owns;                /* were told that it is theirs */
  pgr__agents unsure;              /* do not know whether it is theirs */
  pgr__agents leaving;             /* owned it, and their release is under way */
  pgr__agents shared;              /* of those, were joined by one owner too many: so it was, if their release fails */
  pgr__agents tried;               /* have tried to acquire it: the crowd does so once */
  pgr__agents told;                /* were told something */
  pgr__agents replied;             /* were told that what follows succeeded */
  pgr__agents answers;             /* … in their present or last ownership */
  pgr__agents rivals[PGR__AGENTS]; /* of each agent: whose ownership was one too many beside its present or last one */
  bool contested, doubled;
} pgr__conversation;

/* What is known of a strategy. */
typedef struct pgr__record {
  const pgr_strategy *strategy;
  pgr_history *history;
  pgr_tally tally;
  pgr_trace trace;
  bool trace_full;         /* of rounds that had two owners alone */
  pgr_rounds doubled;      /* not settled */
  pgr_inbox_counts counts; /* but for outcomes, which the tally has */
  pgr__agents served;
  int64_t rounds, elapsed_ns, gap_ns;
  int64_t since_ns; /* in use since then; 0: it is not */
  int64_t next_key; /* the first that has not been in the inbox */
} pgr__record;

/* Agents that share a pool. */
typedef struct pgr__group {
  pgr_agent_shared shared; /* first: fault casts back */
  pgr_inbox *inbox;
  bool ready;
} pgr__group;

typedef struct pgr__member {
  pgr_agent agent; /* first: its hooks cast back */
  pgr_inbox *inbox;
  pgr__conversation *at;                  /* NULL: it is idle */
  uint8_t ok;                             /* operations of this visit that ended ok, by bit */
  bool let_go;                            /* its release has begun to be sent */
  char constraint[PGR__CONSTRAINT_BYTES]; /* of the last error */
  int64_t rows;                           /* of the operation's last statement that has a count; -1: none had */
  pgr_random random;                      /* what to go to next */
} pgr__member;

typedef struct pgr__seat {
  pgr__member member; /* first */
  uint8_t operation;  /* under way, or about to begin */
  bool starts, goes;  /* pgr__work is to begin it; to let it go */
  bool parked, in_flight, waits;
  uint32_t waits_for;
  int64_t thinks_until_ns;
  uint32_t contest, step;  /* its last ones */
  int step_at;             /* of its last statement in the contest that is shown; -1: it is not there */
  uint32_t asked_step;     /* the step that the question under way is about */
  unsigned waits_at_pulse; /* its wait was seen after that pulse */
  char sql[PGR_MOMENT_SQL_BYTES];
} pgr__seat;

typedef struct pgr__desk {
  struct pgr__desk *next; /* of those that are to be freed */
  pgr_inbox *inbox;
  pgr_cell_session session;
  pgr__group seat_group, crowd_group;
  pgr__seat seats[PGR_SEATS];
  pgr__member crowd[PGR_CROWD];
  int made; /* agents that were set up */
  /* inbox_waits.c */
  pgr_conn *control;
  pgr_holder control_holder;
  bool control_stands, asking;
  unsigned asked_pulse;
  int64_t control_lost_ns; /* 0: it is not */
  pgr_timer ask, reconnect;
} pgr__desk;

/* An order that is played (inbox_orders.c). */
typedef struct pgr__order {
  bool playing; /* also while what the order does not name goes on to its end */
  int at, count;
  char steps[PGR_INBOX_ORDER_MAX + 1];
} pgr__order;

struct pgr_inbox {
  pgr_loop *loop;
  const pgr_scenario *scenario;
  pgr_inbox_events events;
  int64_t origin_ns;
  pgr_message work;
  bool posted, changed, closed, faulted;
  char fault[200];
  pgr_inbox_database database;
  char why[200];
  pgr__desk *desk, *retired; /* desk: NULL without a database */
  const pgr_target *target;
  int64_t opened_ns; /* the use began; on the clock of moments */
  pgr_timer reopen;
  pgr__record *record; /* in use; NULL: none was */
  pgr__record records[PGR_STRATEGIES_MAX];
  int record_count;
  size_t ops_max; /* of each */
  int64_t gap_ns;
  bool stepping;
  int64_t first, last, last_key;                                /* in the inbox; that can be */
  pgr__conversation conversations[PGR_INBOX_CONVERSATIONS_MAX]; /* by key, modulo their number */
  int64_t campaign_first, campaign_last;
  uint32_t crowd_busy;
  bool crowd_starts; /* pgr__work is to begin it */
  pgr_contest contest;
  uint32_t contest_count, step_count;
  bool contest_released; /* its conversation was given back */
  unsigned pulse;        /* counts what may end a wait */
  char went[PGR_INBOX_ORDER_MAX + 1];
  pgr__order order;
  char trouble[200];
  pgr_buf text;
};

/* ---- inbox.c ---- */

int64_t pgr__now_ns(const pgr_inbox *i);
/* Something of what pgr_inbox_state_of says is other than it was, or pgr__work has something to do. */
void pgr__changed(pgr_inbox *i);
/* There is no going on: pgr__work closes the desk and says so. */
void pgr__fault(pgr_inbox *i, const char *why);
void pgr__set_database(pgr_inbox *i, pgr_inbox_database to, const char *why);
/* A moment of the agent's, with what all moments have. */
pgr_moment pgr__moment_of(const pgr__member *m, pgr_moment_kind kind);
void pgr__emit(pgr_inbox *i, const pgr_moment *m);
/* "Ada", "Ben"; static. */
const char *pgr__name_of(uint32_t agent, char name[32]);
/* Refuses what needs the database. */
pgr_code pgr__need_database(const pgr_inbox *i, pgr_err *err) PGR_MUST_CHECK;
/* … and what begins something: of that more would be kept. */
pgr_code pgr__need_room(const pgr_inbox *i, pgr_err *err) PGR_MUST_CHECK;

/* ---- inbox_desk.c ---- */

pgr_code pgr__desk_open(pgr_inbox *i, const pgr_target *target, const pgr_strategy *strategy,
                        pgr_err *err) PGR_MUST_CHECK;
/* Ends what is under way and closes the connections. Freed by pgr__desks_free. NULL desk is fine. */
void pgr__desk_retire(pgr_inbox *i);
void pgr__desks_free(pgr_inbox *i);
/* READY, once everything stands. */
void pgr__desk_look(pgr__desk *d);
pgr__member *pgr__desk_member(pgr__desk *d, uint32_t agent);

/* ---- inbox_conversations.c ---- */

/* Where a key's conversation is, if it is in the inbox. */
static inline size_t pgr__place_of(int64_t key) {
  return (size_t)(((uint64_t)key ^ UINT64_C(1) << 63) % PGR_INBOX_CONVERSATIONS_MAX);
}
/* NULL: it is not in the inbox. */
pgr__conversation *pgr__conversation_of(pgr_inbox *i, int64_t key);
pgr_code pgr__conversations_add(pgr_inbox *i, int count, bool campaign, pgr_err *err) PGR_MUST_CHECK;
static inline pgr__agents pgr__bit(const pgr__member *m) {
  return UINT64_C(1) << (m->agent.op.agent - 1);
}
/* What follows an operation of the visit; -1: nothing. */
int pgr__following(const pgr__member *m, uint8_t kind);
/* An agent begins, and ends, its visit to a conversation; an operation of it begins. */
void pgr__visit_begin(pgr__member *m, pgr__conversation *c);
void pgr__visit_end(pgr__member *m);
void pgr__operation_begin(pgr__member *m, uint8_t kind);
/* A statement of its release is sent: what it owned it owns no more. */
void pgr__let_go(pgr__member *m);
/* Its operation ended: who owns what, the counts, the moments TOLD and DOUBLED. contest, step: 0 for the crowd. */
void pgr__tell(pgr__member *m, uint8_t kind, pgr_outcome outcome, uint32_t contest, uint32_t step);
/* Remembers how many rows a statement of it changed or returned, and what an error named. */
void pgr__note_result(pgr__member *m, const PGresult *result);

/* ---- inbox_contest.c ---- */

void pgr__contest_begin(pgr__seat *s, uint8_t kind);
/* Each fills in the step of the seat's last statement, where that is shown. */
void pgr__contest_sent(pgr__seat *s);
void pgr__contest_waits(pgr__seat *s);
void pgr__contest_answered(pgr__seat *s, const pgr_moment *answer);
void pgr__contest_told(pgr__seat *s, uint8_t kind, pgr_outcome outcome);

/* ---- inbox_seats.c ---- */

void pgr__seats_hook(pgr_agent_shared *shared);
/* What is noted of the seats is done. */
void pgr__seats_work(pgr_inbox *i);
bool pgr__seat_is_idle(const pgr__seat *s);

/* ---- inbox_orders.c ---- */

void pgr__order_work(pgr_inbox *i);
void pgr__order_forget(pgr_inbox *i);

/* ---- inbox_crowd.c ---- */

void pgr__crowd_hook(pgr_agent_shared *shared);
void pgr__crowd_work(pgr_inbox *i);
void pgr__crowd_forget(pgr_inbox *i);

/* ---- inbox_waits.c ---- */

pgr_code pgr__waits_open(pgr__desk *d, const pgr_target *target) PGR_MUST_CHECK;
void pgr__waits_close(pgr__desk *d);
void pgr__waits_free(pgr__desk *d);
/* A seat's statement was sent. */
void pgr__waits_watch(pgr__desk *d);

/* ---- inbox_record.c ---- */

/* That of the strategy, made when there is none. Errors: PGR_ENOMEM. */
pgr_code pgr__record_use(pgr_inbox *i, const pgr_strategy *strategy, pgr_err *err) PGR_MUST_CHECK;
void pgr__record_leave(pgr_inbox *i);
void pgr__records_forget(pgr_inbox *i);
bool pgr__record_is_full(const pgr_inbox *i);
/* Keeps the statements of a visit that is over, if they may be told as a story. Errors: PGR_ENOMEM. */
pgr_code pgr__record_visit(pgr__record *r, const pgr__member *m) PGR_MUST_CHECK;

#endif
