/* How the pieces of exploring fit: a plan (what is the same for all workers), a player a worker (plays one schedule at
 * a time, asking a chooser whom to let go), and a recorder (what happened, for the witness). */
#ifndef PGR_EXPLORE_INTERNAL_H
#define PGR_EXPLORE_INTERNAL_H

#include "history_rows.h"
#include "pgr_cell_session.h"
#include "pgr_explore.h"
#include "pgr_lockstep.h"
#include "pgr_reaches.h"
#include <pthread.h>

enum { PGR__TABLES_MAX = 60 };

/* ---- plan.c: how a schedule's end is looked at and undone ---- */

typedef struct pgr__table {
  const char *name;       /* quoted, qualified */
  uint64_t own;           /* its bit among the reaches */
  bool always;            /* has columns that differ by nature: a print does not show that it changed */
  int print, clear, fill; /* statements of the control session; the first two return the rows as texts */
  uint64_t seed_print;    /* of the rows right after the seed */
} pgr__table;

/* A hash of what `print` or `clear` returned; the sum over all tables stands for the state. */
uint64_t pgr__table_print(const pgr__table *t, const PGresult *rows);

/* Made once, then shared and read only. Texts are in the arena. */
typedef struct pgr__plan {
  const pgr_explore_options *options;
  pthread_mutex_t *reaching; /* of reaches, once workers run */
  pgr_reaches *reaches;
  pgr_reach reach[PGR_OPERATIONS_MAX][PGR_SCRIPT_COMMANDS_MAX]; /* by operation and index among its SQL */
  uint64_t scope[PGR_OPERATIONS_MAX]; /* all that an operation's statements may reach; 0: anything */
  pgr_level level;                    /* of the ledgers */
  bool crowd, watched;                /* as in pgr_ledger */
  bool sees_others;                   /* statements look at transactions of other databases */
  bool marks_sessions;                /* statements may leave something in their session */
  pgr_reach rollback;
  bool fast; /* tables are put back from copies in the control session; else by the scenario's reset and seed */
  pgr_session control;
  const char **statements;
  pgr_buf setup;
  pgr__table tables[PGR__TABLES_MAX];
  int table_count;
  uint64_t sequence_mask;
  int sequences, sequence_count; /* statements that put sequences back */
  int truncate;
  int invariants; /* the first of scenario->invariant_count statements */
  int history_insert, history_clear;
  int lock, unlock; /* a yield point of an agent */
  uint8_t starts[PGR_OPERATIONS_MAX], ends[PGR_OPERATIONS_MAX];
  int start_count, end_count;
  int64_t deadlock_ns; /* deadlock_timeout of the agents' sessions */
  char agent_setup[200];
  pgr_arena arena;
} pgr__plan;

/* The database is installed, empty, and stays this way but for what exploring adds: yield points. Seeds its key.
 * Errors: as pgr_stage_*. Deinit in any case. */
pgr_code pgr__plan_make(pgr__plan *plan, const pgr_explore_options *o, const pgr_stage *stage,
                        pgr_err *err) PGR_MUST_CHECK;
void pgr__plan_deinit(pgr__plan *plan);
/* What a statement may touch that was filled in just now. Any thread. Errors: PGR_ENOMEM. */
pgr_code pgr__plan_reach_of(const pgr__plan *plan, const char *sql, pgr_reach *out) PGR_MUST_CHECK;
/* Readies another room the same way. */
pgr_code pgr__plan_ready(const pgr__plan *plan, const pgr_stage *stage, pgr_err *err) PGR_MUST_CHECK;

/* ---- player.c ---- */

typedef struct pgr__chooser {
  int (*choose)(void *user, uint32_t enabled); /* -1: cut */
  bool (*did)(void *user, const pgr_event *e); /* false: give up */
  void *user;
} pgr__chooser;

/* Walks w. In shrink.c. */
pgr__chooser pgr__walk_chooser(pgr_walk *w);

typedef enum pgr__played {
  PGR__PLAYED,      /* to its end */
  PGR__PLAYED_CUT,  /* the chooser cut it */
  PGR__PLAYED_PART, /* the chooser gave up on it */
  PGR__PLAYED_AGAIN /* a deadlock was ended by chance: play the same once more */
} pgr__played;

typedef struct pgr__end {
  pgr__played how;
  uint64_t outcome, state; /* hashes: of all outcomes and the state; of the state alone */
  int broken_rule;         /* -1: none; 0: ownership; i + 1: invariant i */
  uint32_t second_owner;   /* agent, from 1; of a broken ownership */
  bool unexplained, cancelled;
} pgr__end;

typedef struct pgr__player pgr__player;

/* A worker's. The thread that opens it need not be the one that uses it, but one at a time. */
pgr_code pgr__player_open(const pgr__plan *plan, const pgr_room *room, int worker, const atomic_bool *stop,
                          pgr__player **out, pgr_err *err) PGR_MUST_CHECK;
void pgr__player_close(pgr__player *p);

/* Plays one schedule and puts the database back. active: agents that take part; operations: those that run.
 * record: NULL, or a witness that gets the steps (its arena is used). */
pgr_code pgr__player_play(pgr__player *p, uint32_t active, uint32_t operations, const pgr__chooser *chooser,
                          pgr_witness *record, pgr__end *end, pgr_err *err) PGR_MUST_CHECK;

pgr_tally *pgr__player_tally(pgr__player *p);

/* The pending statement of an agent as its script has it, white space squeezed; and where it stands. Borrowed until the
 * next call. For a chooser, within choose. */
typedef struct pgr__pending {
  const char *text, *file, *operation;
  int line;
  bool goes_on;
} pgr__pending;
pgr__pending pgr__player_pending(pgr__player *p, int agent);
/* "agent 2's UPDATE …": whom the last event let go, for messages. Borrowed until the next call. */
const char *pgr__player_last(pgr__player *p);

/* "it waits for a lock", "it is done: its last statement ended with ERROR 23514": why an agent has nothing to send.
 * Borrowed until the next call of this or of pgr__player_last. */
const char *pgr__player_standing(pgr__player *p, int agent);

/* ---- interrupts.c: sets *stop when the user interrupts, between begin and end ---- */

typedef struct pgr__interrupts {
  atomic_bool *stop;
  atomic_bool over;
  pthread_t thread;
  bool started;
} pgr__interrupts;

void pgr__interrupts_begin(pgr__interrupts *i, atomic_bool *stop);
void pgr__interrupts_end(pgr__interrupts *i);

/* ---- shrink.c: the witness ---- */

typedef struct pgr__schedule {
  uint8_t choices[PGR_SEARCH_DEPTH_MAX];
  size_t count;
  uint32_t active, operations;
  int rule;        /* as broken_rule; -1: the oracle is about serial orders */
  unsigned oracle; /* the PGR_ORACLE_ that objected */
  int preemptions;
} pgr__schedule;

/* The oracle of `oracles` that objects to an end; 0: none does. search: knows the serial outcomes. */
unsigned pgr__objection(unsigned oracles, pgr_search *search, const pgr__end *end);
/* What the search is told as a schedule's outcome. */
uint64_t pgr__outcome_for(unsigned oracles, const pgr__end *end);

/* Fewer agents, operations, switches while the same rule breaks; then `replays` runs, the last of them recorded. */
pgr_code pgr__shrink(pgr__player *p, const pgr__plan *plan, pgr_search *search, pgr__schedule *s, int replays,
                     pgr_witness *out, pgr_err *err) PGR_MUST_CHECK;

#endif
