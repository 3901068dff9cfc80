/* A player from inside: player.c plays, ending.c judges and puts back, recorder.c writes down. */
#ifndef PGR_PLAYER_INTERNAL_H
#define PGR_PLAYER_INTERNAL_H

#include "explore_internal.h"

enum { PGR__LEARNT_MAX = 16 };

/* The last result of an agent's statement. */
typedef struct pgr__answer {
  int64_t rows; /* -1: no count */
  bool is_set;  /* rows were returned, not affected */
  char sqlstate[6];
  char value[120]; /* first column of the first row, cut */
} pgr__answer;

typedef struct pgr__seat {
  pgr_agent agent;
  pgr_agent_shared shared; /* its own: its pool has one connection */
  pgr_cell_session session;
  pgr__player *player;
  pgr_ledger ledger;
  const pgr_reach *reach; /* of the statement in flight, or the last */
  pgr_reach own_reach;    /* where it points when the plan cannot know it */
  pgr_holder cleaner;     /* between two schedules */
  bool cleaning;
  pgr__answer answer;
  uint8_t ok;    /* bit k: operation k ended ok */
  bool locked;   /* the control connection holds its yield points up */
  int last_step; /* in the recording; -1: none */
} pgr__seat;

/* Statements of which something was learnt; as many as there is room for. */
typedef struct pgr__learnt {
  const pgr_command *at[PGR__LEARNT_MAX];
  int count;
} pgr__learnt;

typedef struct pgr_end_flags {
  bool cancelled, ambiguous;
} pgr_end_flags;

struct pgr__player {
  const pgr__plan *plan;
  pgr_room room;
  const atomic_bool *stop;
  pgr_loop *loop;
  pgr_conn *control;
  pgr_conn *conns[PGR_SEARCH_AGENTS_MAX];
  pgr__seat seats[PGR_SEARCH_AGENTS_MAX];
  int count, seats_made;
  int ready;      /* connections and pools that stand */
  char lost[256]; /* why one does not */
  pgr_lockstep *lockstep;
  pgr_history *history; /* of this schedule */
  pgr_tally tally;      /* of all */
  pgr__history_rows rows;
  pgr_buf text;
  int64_t origin_ns;
  pgr_code fault;
  /* of the schedule under way */
  pgr_settled settled;
  uint32_t operations;
  uint64_t written;    /* by anybody, as the reaches say */
  bool at_end;         /* the operations of the round's end run */
  pgr__learnt closers; /* statements that closed a circle of waiting agents before, */
  pgr__learnt waiters; /* that waited before when nobody expected it */
  int64_t restores;    /* schedules since tables were truncated */
  pgr_witness *recording;
  size_t recorded_ops;
  int last_agent;                  /* whom the last event let go, */
  const pgr_command *last_command; /* and with what; NULL: its own ROLLBACK */
  char last[300];
};

/* ending.c. The hash of all tables' contents. */
pgr_code pgr__look_at_state(pgr__player *p, uint64_t *state, pgr_err *err) PGR_MUST_CHECK;
/* judge: whether rules are asked. state: NULL when it was looked at already. */
pgr_code pgr__judge_and_restore(pgr__player *p, bool judge, uint64_t *state, pgr__end *end,
                                pgr_err *err) PGR_MUST_CHECK;

/* recorder.c. Before an agent is let go; after the event. */
void pgr__note_step(pgr__player *p, int agent);
void pgr__note_event(pgr__player *p, int agent, const pgr_event *e);

#endif
