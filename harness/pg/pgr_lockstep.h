/* A few connections of one thread that run one statement at a time: after each, everything in flight is either done or
 * known to wait for a lock. Nothing is timed: whoever does not answer is asked about (pg_blocking_pids) on a connection
 * of its own, and its socket is looked at again before the answer is believed. Owning thread only; the loop is not
 * started but run here. */
#ifndef PGR_LOCKSTEP_H
#define PGR_LOCKSTEP_H

#include "pgr_conn.h"
#include <stdatomic.h>

enum { PGR_SEATS_MAX = 31 };
/* In a mask of blockers: the control connection (a yield point holds the seat up). */
#define PGR_SEAT_CONTROL (UINT32_C(1) << 31)

typedef struct pgr_lockstep pgr_lockstep;

typedef struct pgr_lockstep_options {
  pgr_loop *loop;
  pgr_conn *control; /* idle whenever one of the functions below is called and when it returns, held by it meanwhile */
  int ask_statement; /* index of PGR_LOCKSTEP_ASK among the statements its session prepares */
  pgr_conn *const *seats;  /* stand; whoever sends on them holds them. Borrowed */
  int count;               /* 1 … PGR_SEATS_MAX */
  int64_t patience_ns;     /* how long an answer may take before it is asked about, where no lock is to be expected */
  int64_t timeout_ns;      /* of one settling: what neither ends nor waits for one of us is cancelled then; also of a
                              statement of the control connection; 0: none */
  int64_t deadlock_ns;     /* the sessions' deadlock_timeout */
  bool awaits_deadlocks;   /* seats that wait for each other are waited for: the server ends one of them */
  const atomic_bool *stop; /* set by another thread: settle ends soon with PGR_EINTERRUPTED */
} pgr_lockstep_options;

/* $1: int[] of process ids. Rows (pid, array of those it waits for), for those that wait. */
extern const char PGR_LOCKSTEP_ASK[];

pgr_code pgr_lockstep_create(const pgr_lockstep_options *o, pgr_lockstep **out, pgr_err *err) PGR_MUST_CHECK;
void pgr_lockstep_destroy(pgr_lockstep *l); /* before its connections */

typedef struct pgr_settled {
  uint32_t blocked;                 /* seats that wait for a lock */
  uint32_t blockers[PGR_SEATS_MAX]; /* by seat, of the blocked: whom it waits for, PGR_SEAT_CONTROL among them */
  uint32_t cancelled;               /* seats that timeout_ns cancelled (their error, 57014, was delivered) */
  bool ambiguous; /* a deadlock was ended by the server while more than one seat's deadlock_timeout could have fired
                     first: which one was ended depends on time; repeat the schedule with pgr_lockstep_hold before the
                     statement that closed the circle. May come again (a process was late, or one release let two seats
                     go that then closed it): bound the repetitions */
} pgr_settled;

/* Runs the loop until every seat is idle, or waits for a lock that a seat or the control connection has or wants: who
 * waits for others alone (autovacuum, a prepared transaction) is waited for. expects_lock: ask at once, beside waiting
 * for the answer; false is never wrong, but slower where there is a lock to wait for. *out: filled on errors too.
 * Errors: PGR_EDATABASE (a connection was lost: seats got their holder's `lost`; or a statement does not end though it
 * was cancelled again and again), PGR_EINTERRUPTED, PGR_ENOMEM; statements may be in flight then. */
pgr_code pgr_lockstep_settle(pgr_lockstep *l, bool expects_lock, pgr_settled *out, pgr_err *err) PGR_MUST_CHECK;

/* The same, but this seat's end is waited for though it is blocked (a lock timeout, a deadlock), for timeout_ns at
 * most: then it is among the blocked, as it would be without. */
pgr_code pgr_lockstep_wait(pgr_lockstep *l, int seat, int64_t timeout_ns, pgr_settled *out,
                           pgr_err *err) PGR_MUST_CHECK;

/* Waits until the deadlock_timeout of every seat that is blocked has passed: each has looked for a deadlock once and
 * will not again, so that of a circle closed later the one who closes it is ended. */
void pgr_lockstep_hold(pgr_lockstep *l);

/* A statement of the control connection, run while the seats stand as they are; waits for its end. on_result: NULL, or
 * called for each result that is no error. Errors: PGR_EDATABASE with the server's primary message (it is cancelled at
 * timeout_ns: a seat's lock may hold it up), PGR_EINTERRUPTED (the user stopped while it lasted), PGR_ENOMEM. */
pgr_code pgr_lockstep_control(pgr_lockstep *l, int statement, int count, const char *const *values,
                              void (*on_result)(void *user, const PGresult *r), void *user,
                              pgr_err *err) PGR_MUST_CHECK;
/* Several in one round trip (a pipeline: one implicit transaction). n: 0 does nothing. */
typedef struct pgr_control_statement {
  int statement; /* index among the session's */
  int count;
  const char *const *values;
} pgr_control_statement;
/* on_result: index of the statement in s, its result. */
pgr_code pgr_lockstep_batch(pgr_lockstep *l, const pgr_control_statement *s, int n,
                            void (*on_result)(void *user, int index, const PGresult *r), void *user,
                            pgr_err *err) PGR_MUST_CHECK;

/* Puts the calling thread and the server processes of the connections on one processor (each worker its own): a step is
 * a ping-pong between two processes, and most of what it costs is waking the other one. Only for a server of our own on
 * this machine; does nothing where it may not. worker: from 0. Connections that are made anew follow. */
void pgr_lockstep_pin(pgr_lockstep *l, int worker);

#endif
