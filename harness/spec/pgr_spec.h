/* PostgreSQL's isolation test specifications: read, and written. Grammar: src/test/isolation/README and specparse.y of
 * PostgreSQL 15. Pure. */
#ifndef PGR_SPEC_H
#define PGR_SPEC_H

#include "pgr_buf.h"
#include "pgr_fault.h"
#include "pgr_mem.h"
#include <stdbool.h>

enum {
  PGR_SPEC_BYTES_MAX = 1 << 20,
  PGR_SPEC_SESSIONS_MAX = 31,
  PGR_SPEC_STEPS_MAX = 1000, /* of all sessions */
  PGR_SPEC_PERMUTATIONS_MAX = 20000,
  PGR_SPEC_PSTEPS_MAX = 1000 /* steps of one permutation */
};

typedef struct pgr_spec_step {
  const char *name, *sql; /* sql: between the braces, blanks trimmed as isolationtester does */
  int session;
  bool used; /* by a permutation */
  pgr_place_in at;
} pgr_spec_step;

typedef struct pgr_spec_session {
  const char *name;
  const char *setup, *teardown; /* NULL: none */
  const int *steps;             /* indices, in the file's order */
  int step_count;
} pgr_spec_session;

typedef enum pgr_spec_blocker_kind {
  PGR_SPEC_BLOCKER_ONCE,   /* (*) */
  PGR_SPEC_BLOCKER_STEP,   /* (other) */
  PGR_SPEC_BLOCKER_NOTICES /* (other notices n) */
} pgr_spec_blocker_kind;

typedef struct pgr_spec_blocker {
  pgr_spec_blocker_kind kind;
  int step; /* of the other; -1 for ONCE */
  int notices;
} pgr_spec_blocker;

typedef struct pgr_spec_pstep {
  int step;
  const pgr_spec_blocker *blockers;
  int blocker_count;
} pgr_spec_pstep;

typedef struct pgr_spec_permutation {
  const pgr_spec_pstep *steps;
  int count;
} pgr_spec_permutation;

typedef struct pgr_spec {
  pgr_source source;
  const char *const *setups; /* each one message on the control connection */
  int setup_count;
  const char *teardown; /* NULL: none */
  const pgr_spec_session *sessions;
  int session_count;
  const pgr_spec_step *steps;
  int step_count;
  const pgr_spec_permutation *permutations; /* none: every interleaving */
  int permutation_count;
} pgr_spec;

/* Everything is in the arena; source is copied. false: faults were added (line, column, what to do). */
bool pgr_spec_parse(const pgr_source *source, pgr_arena *arena, pgr_faults *faults, pgr_spec *out) PGR_MUST_CHECK;

/* Appends the spec as text that isolationtester (and pgr_spec_parse) reads as the same spec. comment: lines to put
 * above, without '#', or NULL. Errors: PGR_EUSAGE when an SQL block cannot be written (it holds a '}'), naming the
 * step; PGR_ENOMEM. */
pgr_code pgr_spec_write(const pgr_spec *s, const char *comment, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

/* Appends SQL that means the same and has no '}', which no SQL of a spec may have: an escape in literals, quoted names
 * and function bodies; a comment with one is left out. standard_conforming_strings must be on. */
void pgr_spec_without_braces(const char *sql, pgr_buf *out);

#endif
