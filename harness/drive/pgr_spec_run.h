/* Runs an isolation spec as PostgreSQL's isolationtester does, and prints what it prints, byte for byte. Nothing is
 * timed: where isolationtester waits 10 ms before it asks whether a step is blocked, we ask at once. */
#ifndef PGR_SPEC_RUN_H
#define PGR_SPEC_RUN_H

#include "pgr_spec.h"
#include "pgr_target.h"
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>

/* Command line options of the sessions under which pg_isolation_regress gets its expected outputs. */
extern const char PGR_SPEC_REGRESS[];

typedef struct pgr_spec_run_options {
  FILE *out;                   /* what isolationtester writes to its standard output */
  FILE *complaints;            /* … to its standard error; may be the same as out, as pg_isolation_regress has it */
  const char *name;            /* the sessions' application_name is isolation/NAME/SESSION */
  const char *session_options; /* "-c setting=value" …, after those of the target; NULL for none */
  int64_t step_timeout_ns;     /* a step that takes longer is cancelled; twice that is an error. 0: 300 s */
  bool pin;                    /* everything on one processor, see pgr_lockstep_pin; until the end of the run */
  int worker;                  /* which */
  /* The next permutation to run, good until the next call; false: that was all. NULL: those of the spec, or every
   * interleaving of its sessions where it has none. */
  bool (*next)(void *user, pgr_spec_permutation *out);
  void *user;
  const atomic_bool *stop; /* set by another thread: PGR_EINTERRUPTED soon. NULL: nobody does */
} pgr_spec_run_options;

typedef struct pgr_spec_run_result {
  uint64_t permutations, steps, waits; /* begun; launched; reported as waiting */
  int64_t elapsed_ns;
} pgr_spec_run_result;

/* Blocks for as long as it takes, on a loop of its own. r: filled on errors too; NULL for none. What is in flight on
 * errors is cancelled; what the spec's teardown would have dropped is left.
 * Errors: PGR_EDATABASE (a setup failed, a connection was lost, steps that block each other, a step that does not end;
 * isolationtester exits, too), PGR_EINTERRUPTED, PGR_EENVIRONMENT, PGR_ELIMIT (a result of more than 64 MiB),
 * PGR_ENOMEM. */
pgr_code pgr_spec_run(const pgr_spec *s, const pgr_target *target, const pgr_spec_run_options *o,
                      pgr_spec_run_result *r, pgr_err *err) PGR_MUST_CHECK;

#endif
