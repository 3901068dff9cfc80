/* The demo's inbox: two people who are played by hand (seats) and a crowd of simulated ones, agents of the scenario
 * like any other, on real connections. It is told what to do, does it, and tells what happens. Owning thread of its
 * loop only, but where a function says otherwise.
 *
 * A conversation is a key of the scenario and a round of its history: it has two owners when two agents were told that
 * it is theirs and neither has begun to release it. What an agent does with a conversation it got is the scenario's
 * (`after`); what gives it back is the release of its ownership model. */
#ifndef PGR_INBOX_H
#define PGR_INBOX_H

#include "pgr_explain.h"
#include "pgr_loop.h"
#include "pgr_moment.h"
#include "pgr_rounds.h"
#include "pgr_scenario.h"
#include "pgr_tally.h"
#include "pgr_target.h"
#include "pgr_trace.h"

typedef struct pgr_inbox pgr_inbox;

enum {
  PGR_INBOX_CONVERSATIONS_MAX = 400, /* in the inbox at once: those that came first leave it */
  PGR_INBOX_CAMPAIGN_MAX = 200,      /* conversations that a campaign brings */
  PGR_INBOX_GAP_MAX_S = 5,           /* seconds: nobody waits longer */
  PGR_INBOX_ORDER_MAX = 64,          /* steps of an order to play */
  PGR_INBOX_OPS_MAX = 200000,        /* kept of a strategy; then nothing begins any more, and it says so */
  PGR_INBOX_CROWD_CONNECTIONS = 20
};

typedef enum pgr_inbox_database {
  PGR_INBOX_AWAY,      /* nobody can do anything; `why` says why */
  PGR_INBOX_PREPARING, /* connections are being made */
  PGR_INBOX_READY
} pgr_inbox_database;

typedef struct pgr_inbox_counts {       /* of the strategy in use */
  uint64_t outcomes[PGR_OUTCOME_COUNT]; /* of the operation that acquires */
  uint64_t replies;                     /* of what comes after it, told ok */
  uint64_t contested;                   /* conversations that two agents wanted at the same time */
  uint64_t doubled;                     /* conversations that have had two owners at once */
  uint64_t doubly_answered;             /* conversations that are `contradicted` */
} pgr_inbox_counts;

/* What one agent was told of one conversation. */
typedef struct pgr_inbox_told {
  uint32_t agent;
  uint8_t operation;
  pgr_outcome outcome;
  bool owns, replied;
  char sqlstate[6];
  const char *message; /* static */
} pgr_inbox_told;

enum { PGR_INBOX_TOLD_MAX = 8 }; /* agents of one conversation that are remembered by name; others are counted */

typedef struct pgr_conversation {
  int64_t key;
  bool campaign;     /* it came for the crowd */
  bool contradicted; /* two agents have answered it whose ownerships overlapped: not after a hand-over */
  uint32_t owners, owners_most, replies;
  uint32_t answered_by; /* agents that have answered it, each counted once */
  uint32_t told_count;  /* agents that were told something; those past PGR_INBOX_TOLD_MAX are counted only */
  pgr_inbox_told told[PGR_INBOX_TOLD_MAX]; /* the seats first, if they are among them */
} pgr_conversation;

/* A seat as it stands; while the database is away it is not busy, for nobody knows of what was under way. */
typedef struct pgr_seat_state {
  bool busy;
  uint8_t operation; /* when busy */
  int64_t key;
  bool parked, in_flight, waits; /* at most one of the first two */
  uint32_t waits_for;
  int64_t thinks_until_ns;        /* 0: it does not */
  char sql[PGR_MOMENT_SQL_BYTES]; /* parked: what it would send */
} pgr_seat_state;

typedef struct pgr_inbox_state {
  pgr_inbox_database database;
  char why[200];
  const pgr_strategy *strategy; /* NULL: none yet */
  int64_t gap_ns;
  bool stepping;
  int64_t now_ns; /* on the clock of moments */
  pgr_seat_state seats[PGR_SEATS];
  uint32_t crowd_busy;                 /* agents of the crowd that are at it; 0: no campaign runs */
  int64_t first, last;                 /* conversations in the inbox, by key; last < first: none */
  int order_left;                      /* steps of the order that is being played; 0: none is */
  char order[PGR_INBOX_ORDER_MAX + 1]; /* who went, in the contest that is shown: "ABBA" */
  char trouble[200];                   /* why an order could not be played to its end, "" */
} pgr_inbox_state;

/* From inside of `changed` and `away` anything may be called, from inside of `moment` anything but use, leave and
 * close. */
typedef struct pgr_inbox_events {
  void (*moment)(void *user, const pgr_moment *m);
  /* Anything of pgr_inbox_state but now_ns, or a conversation, is other than it was; after the moments that say why. */
  void (*changed)(void *user);
  /* The database does not answer, and did not come back within five seconds: the connections are closed, `why` is one
   * line. Whoever has it again calls pgr_inbox_use. */
  void (*away)(void *user, const char *why);
  void *user;
} pgr_inbox_events;

/* scenario: with ownership declared. Errors: PGR_ENOMEM, PGR_EUSAGE. */
pgr_code pgr_inbox_create(pgr_loop *loop, const pgr_scenario *scenario, pgr_inbox_events events, pgr_inbox **out,
                          pgr_err *err) PGR_MUST_CHECK;

/* From now on in the database of target (borrowed until the next use, away or close), where strategy is installed and
 * keys first_key … last_key are seeded and no others contested: PREPARING, then READY. What was under way is abandoned,
 * the inbox is empty. Coming back to a strategy goes on with what is known of it, unless `afresh`: then all that is
 * known of any is forgotten. */
pgr_code pgr_inbox_use(pgr_inbox *i, const pgr_target *target, const pgr_strategy *strategy, int64_t first_key,
                       int64_t last_key, bool afresh, pgr_err *err) PGR_MUST_CHECK;
/* Closes the connections: AWAY, with why. */
void pgr_inbox_leave(pgr_inbox *i, const char *why);

/* Each of these is refused with PGR_EUSAGE and one sentence for the person when it cannot be done now. */
pgr_code pgr_inbox_arrive(pgr_inbox *i, int count, pgr_err *err) PGR_MUST_CHECK; /* new conversations */
pgr_code pgr_inbox_claim(pgr_inbox *i, uint32_t agent, int64_t key, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_inbox_claim_both(pgr_inbox *i, int64_t key, pgr_err *err) PGR_MUST_CHECK; /* in the same millisecond */
pgr_code pgr_inbox_release(pgr_inbox *i, uint32_t agent, int64_t key, pgr_err *err) PGR_MUST_CHECK;
/* `count` new conversations, which the crowd claims: each agent goes from one that it sees open to the next until none
 * is left that it was not told no of. What it got stays with it. */
pgr_code pgr_inbox_campaign(pgr_inbox *i, int count, pgr_err *err) PGR_MUST_CHECK;
pgr_code pgr_inbox_set_gap(pgr_inbox *i, int64_t gap_ns, pgr_err *err) PGR_MUST_CHECK; /* of what begins from now on */
/* Step by step or not. Off: seats that are parked go on. On: seats park before their next statement. */
void pgr_inbox_set_stepping(pgr_inbox *i, bool stepping);
pgr_code pgr_inbox_step(pgr_inbox *i, uint32_t agent, pgr_err *err) PGR_MUST_CHECK; /* a parked seat sends */
/* Steps both seats' claims of one new conversation, in this order ("ABBA": A is agent 1): stepping is on from then.
 * Whoever is not named any more is stepped to its end. */
pgr_code pgr_inbox_play(pgr_inbox *i, const char *order, pgr_err *err) PGR_MUST_CHECK;

void pgr_inbox_state_of(const pgr_inbox *i, pgr_inbox_state *out);
void pgr_inbox_counts_of(const pgr_inbox *i, pgr_inbox_counts *out);
/* Borrowed until the next call of anything; NULL when it is not in the inbox. */
const pgr_conversation *pgr_inbox_conversation(const pgr_inbox *i, int64_t key);
/* Fewer operations than PGR_INBOX_OPS_MAX are kept of a strategy. For tests. */
void pgr_inbox_keep_at_most(pgr_inbox *i, size_t ops);

/* The contest that is shown: the seats' last one. Borrowed likewise. */
const pgr_contest *pgr_inbox_contest(const pgr_inbox *i);

/* What is known of one strategy: for a result. */
typedef struct pgr_inbox_record {
  const pgr_strategy *strategy;
  pgr_history *history;  /* owned */
  pgr_tally tally;       /* owned */
  pgr_trace trace;       /* owned; by round, then agent, then time */
  pgr_rounds unfinished; /* conversations that somebody is at; owned, settled */
  int64_t rounds;        /* conversations that were contested or claimed */
  int64_t elapsed_ns;    /* in use */
  int64_t gap_ns;        /* the last one */
  uint32_t served;
} pgr_inbox_record;

/* Copies of the k-th strategy that was used, from 0. false: there are no more. Errors: PGR_ENOMEM (*code). */
bool pgr_inbox_record_of(const pgr_inbox *i, int k, pgr_inbox_record *out, pgr_code *code);
void pgr_inbox_record_deinit(pgr_inbox_record *r); /* on any thread */

/* Closes the connections; the loop can be finished then. */
void pgr_inbox_close(pgr_inbox *i);
void pgr_inbox_destroy(pgr_inbox *i); /* after the loop's join; NULL is fine */

#endif
