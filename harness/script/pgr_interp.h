/* Runs a script one action at a time. It does no I/O: whoever drives it sends the statements, sleeps, and comes back
 * with the answers; so an agent, a search over schedules or a test can. Pure; owning thread only. */
#ifndef PGR_INTERP_H
#define PGR_INTERP_H

#include "pgr_script.h"

typedef enum pgr_action_kind {
  PGR_ACTION_SEND,          /* a statement: send it; outside a pipeline its answers come before the next action */
  PGR_ACTION_SLEEP,         /* sleep_ns */
  PGR_ACTION_SHELL,         /* command: run it and call pgr_interp_shell_done */
  PGR_ACTION_STARTPIPELINE, /* statements that follow are queued */
  PGR_ACTION_ENDPIPELINE,   /* sync, and read all answers */
  PGR_ACTION_END,           /* the script ran to its end */
  PGR_ACTION_REFUSE,        /* \refuse */
  PGR_ACTION_FAIL           /* the script cannot go on; err says why, command->at where */
} pgr_action_kind;

typedef struct pgr_action {
  pgr_action_kind kind;
  const pgr_command *command; /* which one asks; NULL for END */
  int64_t sleep_ns;
  char shell[PGR_SHELL_BYTES_MAX + 1];
  pgr_err err;
} pgr_action;

/* One result of a statement. A \; compound has several. */
typedef struct pgr_answer {
  const char *sqlstate;                                       /* of an error; NULL without one */
  int64_t rows;                                               /* returned or affected */
  int row_count, column_count;                                /* of a result set; 0 without one */
  const char *(*column)(const void *self, int column);        /* its name */
  const char *(*cell)(const void *self, int row, int column); /* NULL for SQL NULL */
  const void *self;
  bool last; /* of this statement */
} pgr_answer;

/* Where a retry may go back to. */
typedef struct pgr_mark {
  int pc;
  bool pipeline; /* the connection must be brought to that state before going back */
  pgr_prng random;
} pgr_mark;

typedef struct pgr_interp {
  const pgr_script *script;
  pgr_scope scope;
  int pc;        /* of the next command */
  bool pipeline; /* between \startpipeline and \endpipeline */
} pgr_interp;

/* At the script's first command; the scope's variables are kept. */
void pgr_interp_begin(pgr_interp *in, const pgr_script *script);

/* The next thing to do. Evaluates what lies before it. *out: filled. */
void pgr_interp_next(pgr_interp *in, pgr_action *out);

/* Whether an answer without an error makes any difference to the script: else it need not be told. */
bool pgr_interp_minds(const pgr_interp *in, const pgr_command *command);

/* One result of the command that was sent: \gset, \aset, ROW_COUNT, ERROR, SQLSTATE. Errors: PGR_EUSAGE (the rows do
 * not fit \gset), PGR_ENOMEM. An error answer is not an error here. */
pgr_code pgr_interp_answer(pgr_interp *in, const pgr_command *command, const pgr_answer *answer,
                           pgr_err *err) PGR_MUST_CHECK;

/* output: what the command wrote first, for \setshell; NULL when it failed. Errors: PGR_EUSAGE. */
pgr_code pgr_interp_shell_done(pgr_interp *in, const pgr_command *command, const char *output,
                               pgr_err *err) PGR_MUST_CHECK;

/* Whether the script wants to go on after an error (ON_ERROR_STOP is false). */
bool pgr_interp_goes_on(const pgr_interp *in);

/* Remember the place of the next command; go back to it. Variables stay as they are, the random state goes back, as in
 * pgbench. */
pgr_mark pgr_interp_mark(const pgr_interp *in);
void pgr_interp_rewind(pgr_interp *in, pgr_mark mark);

#endif
