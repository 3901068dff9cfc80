/* How lockstep's parts fit: waits (what is known of the seats, pure), control (the one connection that asks and is
 * asked) and the settling itself. */
#ifndef PGR_LOCKSTEP_INTERNAL_H
#define PGR_LOCKSTEP_INTERNAL_H

#include "pgr_lockstep.h"

/* ---- lockstep_waits.c: no I/O, no clock ---- */

/* Set up with deadlock_ns and zeroes. Masks are of seats; in `blockers` PGR_SEAT_CONTROL may be among them. */
typedef struct pgr__waits {
  int64_t deadlock_ns;
  uint32_t blocked;                 /* as of the last answer, less those whose statement ended since */
  uint32_t unsteady;                /* of those: who may have been let go since */
  uint32_t blockers[PGR_SEATS_MAX]; /* by seat, of the blocked */
  uint32_t circle[PGR_SEATS_MAX];   /* the seats it waits for that wait for it in turn, itself among them; 0: none */
  int64_t after_ns[PGR_SEATS_MAX], by_ns[PGR_SEATS_MAX]; /* between them the wait of a blocked seat began */
  bool ambiguous; /* a deadlock ended whose victim was up to chance; set here, cleared by the reader */
} pgr__waits;

static inline uint32_t pgr__seat(int i) {
  return UINT32_C(1) << i;
}

/* An answer about all that are busy: `blocked` wait, for `blockers`. A wait that is new began after after_ns, and by
 * now_ns. Returns the seats whose wait is new, or may be. */
uint32_t pgr__waits_answer(pgr__waits *w, uint32_t blocked, const uint32_t *blockers, int64_t after_ns, int64_t now_ns);

/* Statements ended: those of `deadlocked` with 40P01, of `failed` with any error. A seat among them that is not known
 * to wait began to after after_ns, if at all. */
void pgr__waits_ended(pgr__waits *w, uint32_t ended, uint32_t failed, uint32_t deadlocked, int64_t after_ns);

/* Whoever waits for one of `mask`, or for one of those who do, may have been let go. */
void pgr__waits_disturb(pgr__waits *w, uint32_t mask);

/* Of `among`, the blocked that are part of a circle. */
uint32_t pgr__waits_in_circles(const pgr__waits *w, uint32_t among);
/* Of each circle that has one of `among`, the one whose wait began last. */
uint32_t pgr__waits_closers(const pgr__waits *w, uint32_t among);

/* When the last deadlock_timeout of those that are blocked has passed; 0: nobody is. */
int64_t pgr__waits_checked_ns(const pgr__waits *w);

/* ---- lockstep_control.c ---- */

/* What the control connection is doing for us. */
typedef enum pgr__errand { PGR__NO_ERRAND, PGR__ASKING, PGR__RUNNING } pgr__errand;

typedef struct pgr__batch {
  void (*on_result)(void *user, int index, const PGresult *r);
  void *user;
  int index; /* of the statement whose results come next */
} pgr__batch;

struct pgr_lockstep {
  pgr_lockstep_options o;
  pgr_conn *seats[PGR_SEATS_MAX];
  pgr_timer alarm; /* ends a wait for events; left running when they come first, which costs nothing */
  int reserve;     /* questions for which this processor is not offered to others */
  int cpu;         /* of all processes concerned; -1: wherever the system puts them */

  pgr_holder holder;  /* of the control connection, while one of our functions runs */
  pgr_holder *other;  /* who held it before */
  pgr__errand errand; /* PGR__NO_ERRAND: the last one is over */
  pgr__batch batch;
  bool control_lost;
  pgr_code failed; /* of the errand: PGR_OK, or PGR_EDATABASE and complaint */
  bool cancelled;  /* … with 57014 */
  pgr_err complaint;
  uint32_t asked, answer;          /* seats: asked about; of those, who wait */
  uint32_t answers[PGR_SEATS_MAX]; /* for whom */

  pgr__waits waits;
  int pid[PGR_SEATS_MAX];
  unsigned ended[PGR_SEATS_MAX];
  uint32_t busy;
  int64_t quiet_ns; /* no statement that is in flight now was sent before, unless its seat is known to wait */
};

/* Runs the loop until something happens, at most until due_ns. Errors: PGR_ENOMEM. */
pgr_code pgr__lockstep_rest(pgr_lockstep *l, int64_t due_ns, pgr_err *err) PGR_MUST_CHECK;
bool pgr__lockstep_stopped(const pgr_lockstep *l);

/* The control connection is ours from take to give. */
void pgr__control_take(pgr_lockstep *l);
void pgr__control_give(pgr_lockstep *l);

/* Sends the question about all that are busy; errand is PGR__NO_ERRAND again once the answer is there. */
void pgr__control_ask(pgr_lockstep *l);

/* Waits for the end of the errand. Errors: PGR_EDATABASE, PGR_EINTERRUPTED (it was cancelled), PGR_ENOMEM. */
pgr_code pgr__control_finish(pgr_lockstep *l, pgr_err *err) PGR_MUST_CHECK;

/* Puts a process on l->cpu, where there is one. */
bool pgr__lockstep_place(const pgr_lockstep *l, int pid);

/* How often whoever waits looks around, whatever it waits for. */
#define PGR__LOOK_AROUND_NS (50 * INT64_C(1000000))
/* How long a statement that was cancelled has to end before it is cancelled again. */
#define PGR__CANCEL_AGAIN_NS (2 * INT64_C(1000000000))

#endif
