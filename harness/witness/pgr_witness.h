/* A witness: one schedule, written down so that anybody can run it again. Pure; the file format is docs/witness.md. */
#ifndef PGR_WITNESS_H
#define PGR_WITNESS_H

#include "pgr_buf.h"
#include "pgr_mem.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  PGR_WITNESS_BYTES_MAX = 4 << 20,
  PGR_WITNESS_STEPS_MAX = 1000,
  PGR_WITNESS_AGENTS_MAX = 8,
  PGR_WITNESS_DEFINES_MAX = 64
};

/* Agents are numbered from 1 here, as people see them. Texts are in the witness's arena, none is NULL unless it says
 * so. */
typedef struct pgr_witness_step {
  int agent;
  const char *operation; /* "claim" */
  int attempt;           /* from 1 */
  const char *file;      /* "claim.sql", "" for a ROLLBACK that the agent sends after an error */
  int line;              /* 0 likewise */
  const char *text;      /* the statement as the script has it, variables as :name, white space squeezed */
  const char *sql;       /* the same with its values; for reading only */
  bool goes_on;          /* the second half of a statement that stood at a yield point: nothing is sent */
  bool waits;            /* it blocked: `result` came with a later step */
  bool yields;           /* it came to a yield point and stands there */
  int released_by;       /* index of the step with which its result came, from 0; -1: its own, or never */
  const char *result;    /* "1 row", "NULL", "ERROR 40001", "" for none: as the story shows it */
  const char *value;     /* what it read: first column of the first row, "" when there is none */
  const char *outcome;   /* of the operation, when it ended with this: "ok", "refused" …; "" while it goes on;
                            "retried": this try failed and another follows */
  bool breaks;           /* the moment from which the rule is broken */
} pgr_witness_step;

typedef struct pgr_witness_define {
  const char *name, *value;
} pgr_witness_define;

typedef struct pgr_witness {
  const char
      *scenario; /* as pgrace finds it again: a gallery name, or a path as it was given, from the folder one works in */
  const char *strategy, *isolation, *protocol;
  const char *operations; /* comma list of those that ran; "" for all */
  int agents;
  int64_t key, seed;
  int max_tries; /* 0: the scenario's */
  bool split;
  const char *oracle; /* "rules", "serial" or "state": what objects */
  const char *rule;   /* that is broken, in words */
  const char *why;    /* one sentence: what the oracle objects to */
  pgr_witness_define defines[PGR_WITNESS_DEFINES_MAX];
  int define_count;
  pgr_witness_step *steps;
  int step_count;
  int preemptions, switches;
  int replayed, broke; /* how often it was run again, and how often it broke */
  pgr_arena arena;
} pgr_witness;

/* Untrusted text. Unknown keys are ignored within the same format number. *out: zeroed before, the caller's to deinit
 * on success. name: for messages. Errors: PGR_EUSAGE (name:line:column, what is wrong), PGR_ENOMEM. */
pgr_code pgr_witness_read(const char *name, const char *text, size_t len_bytes, pgr_witness *out,
                          pgr_err *err) PGR_MUST_CHECK;
/* Appends the JSON document, ended by a newline; what it appends can be read. Bytes that are not UTF-8 become '?'.
 * w has 1 … PGR_WITNESS_STEPS_MAX steps. Errors: PGR_ENOMEM; PGR_ELIMIT (larger than PGR_WITNESS_BYTES_MAX): out is as
 * it was. */
pgr_code pgr_witness_write(const pgr_witness *w, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;
void pgr_witness_deinit(pgr_witness *w);

/* Appends the story: agents side by side, time downwards, in `columns` characters a line (80 at least, or it is told in
 * 80). colour: ANSI. Looks at agents, steps and rule alone, which is told where a step breaks it; `why` and a heading
 * are the caller's. Without memory out->failed is set. */
void pgr_witness_story(const pgr_witness *w, int columns, bool colour, pgr_buf *out);

#endif
