#ifndef PGR_AGENT_INTERNAL_H
#define PGR_AGENT_INTERNAL_H

#include "pgr_agent.h"

/* trace.c: the statements of a round, for the story. A step is begun when its statement is sent. */
void pgr__trace_begin(pgr_agent *a, const pgr_command *command);
/* Its first answer has come; a compound's further ones change nothing. */
void pgr__trace_answer(pgr_agent *a, const PGresult *result, pgr_outcome conclusion);
/* The operation is over: its last statement says how. */
void pgr__trace_conclude(pgr_agent *a, pgr_outcome outcome);

/* How a shell command ended. */
typedef struct pgr__shell_end {
  int64_t status;   /* its exit status */
  int signal;       /* that killed it; 0: none */
  const char *line; /* the first of its standard output, borrowed; "" when that was not to be read */
} pgr__shell_end;

/* shell.c: runs a command through /bin/sh without blocking the loop. done is not called before this returns, nor once
 * shared->stopped. Returns NULL, or why it could not be started. */
const char *pgr__shell_run(pgr_agent *a, const char *command, bool read,
                           void (*done)(pgr_agent *a, const pgr__shell_end *end)) PGR_MUST_CHECK;
/* Ends the command and what it started; done is not called. */
void pgr__shell_abandon(pgr_agent *a);

#endif
