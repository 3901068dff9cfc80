/* How the parts of a spec's run fit: connections (spec_run), what a session sent (spec_seat), one permutation
 * (spec_play), the order of all of them (spec_orders). */
#ifndef SPEC_RUN_INTERNAL_H
#define SPEC_RUN_INTERNAL_H

#include "pgr_conn.h"
#include "pgr_lockstep.h"
#include "pgr_spec_run.h"

typedef struct spec_run spec_run;

/* A connection of ours, and what it received that isolationtester would not have read yet. */
typedef struct spec_seat {
  pgr_holder holder;
  pgr_conn_ear ear;
  spec_run *run;
  pgr_conn *conn;
  const char *name; /* of the session */
  bool ready;       /* connected */

  /* As text. before: notices that precede the first result of the step; after: results, and notices among them;
   * held: notices that belong behind the result which the connection keeps back; notified: what comes last. */
  pgr_buf before, after, held, notified;
  int before_notices, after_notices;
  bool answered;         /* the step has a result */
  bool executing;        /* spec_seat_execute, of which `after` keeps the last result only */
  ExecStatusType status; /* of that */

  int total_notices; /* printed so far */
  const pgr_spec_pstep *active;
  int *targets; /* by blocker of the active step: total_notices of the other's session that lift it; owned */
  int target_capacity;
  bool cancelled; /* the active step was, and that was not printed yet */
} spec_seat;

struct spec_run {
  const pgr_spec *spec;
  const pgr_spec_run_options *o;
  pgr_spec_run_result *result;
  int64_t step_timeout_ns;
  pgr_target *target;
  pgr_loop *loop;
  pgr_timer alarm;
  pgr_session session, ask_session;
  spec_seat seats[PGR_SEATS_MAX];
  spec_seat control; /* setup and teardown */
  spec_seat asker;   /* the lockstep's control connection */
  pgr_lockstep *lockstep;
  bool new_notice;     /* one was printed since this was cleared */
  bool impatient;      /* some SQL sets a short timeout, see spec_play.c */
  unsigned char *past; /* by step: what is known of its launches, see spec_play.c; owned */
  pgr_err lost;        /* why a connection was; "" */
  pgr_code failed;     /* out of memory, or a result too large */
};

/* ---- spec_seat.c ---- */

void spec_seat_init(spec_seat *s, spec_run *run, const char *name);
void spec_seat_deinit(spec_seat *s); /* its connection is destroyed before */

/* Prints what isolationtester prints when it reads from the connection while the step is not over. */
void spec_seat_read(spec_seat *s);
/* … and once it is. */
void spec_seat_finish(spec_seat *s);

/* Runs SQL as PQexec does, prints its rows. what: "setup of session x", for complaints. fatal: an SQL error is one of
 * ours, too. Errors: PGR_EDATABASE, PGR_EINTERRUPTED, PGR_ENOMEM. */
pgr_code spec_seat_execute(spec_seat *s, const char *sql, const char *what, bool fatal, pgr_err *err) PGR_MUST_CHECK;

/* ---- spec_run.c ---- */

/* Runs the loop until something happens, at most for most_ns. Errors: PGR_EDATABASE (a connection was lost),
 * PGR_EINTERRUPTED, PGR_ENOMEM. */
pgr_code spec_run_rest(spec_run *run, int64_t most_ns, pgr_err *err) PGR_MUST_CHECK;

/* Whether a seat's text is incomplete. Errors: PGR_ENOMEM, PGR_ELIMIT. */
pgr_code spec_run_check(const spec_run *run, pgr_err *err) PGR_MUST_CHECK;

/* ---- spec_play.c ---- */

pgr_code spec_play(spec_run *run, const pgr_spec_permutation *p, pgr_err *err) PGR_MUST_CHECK;

/* Whether a session's SQL sets a timeout that may end a step before isolationtester looks at it. */
bool spec_is_impatient(const pgr_spec *s);

/* ---- spec_orders.c ---- */

/* Those of a spec, or every interleaving of its sessions. */
typedef struct spec_orders {
  const pgr_spec *spec;
  int next;              /* of the spec's own; else whether one was given */
  int *sessions;         /* whose turn it is, by step; of the interleaving; NULL: the spec names its own */
  pgr_spec_pstep *steps; /* of the interleaving */
} spec_orders;

/* As pgr_spec_run_options.next; user: a spec_orders. */
bool spec_orders_next(void *user, pgr_spec_permutation *out);
pgr_code spec_orders_init(spec_orders *o, const pgr_spec *spec, pgr_err *err) PGR_MUST_CHECK;
void spec_orders_deinit(spec_orders *o);

#endif
