/* What happens in the demo's inbox, one moment after the other: what the page, the terminal and the explanation are
 * made of. Pure data. */
#ifndef PGR_MOMENT_H
#define PGR_MOMENT_H

#include "pgr_history.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  PGR_SEATS = 2,             /* people who are played by hand: agents 1 and 2 */
  PGR_CROWD = 50,            /* agents 3 … 52: simulated */
  PGR_MOMENT_SQL_BYTES = 400 /* of a statement, cut */
};

/* X(name, text): text is its name in JSON */
#define PGR_MOMENTS(X)                                                                                                 \
  X(PGR_MOMENT_STARTED, "started")   /* a seat's operation begins */                                                   \
  X(PGR_MOMENT_PARKED, "parked")     /* step by step: `sql` is what the seat would send next */                        \
  X(PGR_MOMENT_SENT, "sent")         /* a seat's statement `step` is sent */                                           \
  X(PGR_MOMENT_WAITS, "waits")       /* … it waits for a lock; who holds it is for_agent, 0: not known */            \
  X(PGR_MOMENT_ANSWERED, "answered") /* … its answer came; a wait ends with it */                                    \
  X(PGR_MOMENT_PAUSED, "paused")     /* between two statements the seat thinks until until_ns */                       \
  X(PGR_MOMENT_TOLD, "told")         /* an operation is over, of a seat or of the crowd */                             \
  X(PGR_MOMENT_DOUBLED, "doubled")   /* `key` has a second owner, which it had not before: `agent` */

typedef enum pgr_moment_kind {
#define PGR_MOMENT_ENUM(name, text) name,
  PGR_MOMENTS(PGR_MOMENT_ENUM)
#undef PGR_MOMENT_ENUM
      PGR_MOMENT_KIND_COUNT
} pgr_moment_kind;

const char *pgr_moment_name(pgr_moment_kind kind);

/* What a kind has nothing to say of is 0, "" or NULL. Texts are borrowed for the call. */
typedef struct pgr_moment {
  pgr_moment_kind kind;
  int64_t at_ns;     /* since the inbox was made */
  uint32_t agent;    /* from 1 */
  int64_t key;       /* the conversation */
  uint8_t operation; /* index into the scenario's */
  uint32_t contest;  /* of a seat: what is told together (pgr_explain.h); from 1 */
  uint32_t step;     /* of SENT, WAITS, ANSWERED: counts up over all of the demo, from 1; of TOLD: that it ended with */
  const char *sql;   /* SENT, PARKED: with its values, white space squeezed */
  uint32_t for_agent; /* WAITS */
  int64_t until_ns;   /* PAUSED */
  /* ANSWERED */
  int64_t rows;           /* returned or changed; -1 when it failed or has no count */
  bool has_value;         /* it returned a row */
  const char *value;      /* first column of its first row, cut; NULL for SQL NULL */
  const char *sqlstate;   /* also of TOLD: the operation's last error; "" for none */
  const char *constraint; /* "" for none */
  const char *error;      /* the server's message */
  /* TOLD */
  pgr_outcome outcome;
  const char *message; /* what the agent reads: "Conversation claimed successfully" */
  uint32_t owners;     /* DOUBLED: how many own it now */
} pgr_moment;

#endif
