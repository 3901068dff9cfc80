/* What pgrace run was asked for, in one struct. Pure. */
#ifndef PGR_RUN_OPTIONS_H
#define PGR_RUN_OPTIONS_H

#include "options.h"
#include "pgr_scenario.h"

typedef struct pgr_run_options {
  int64_t agents, contenders, connections, threads, rounds, duration_ns, budget_ns, max_tries, seed;
  pgr_option_ints gaps_ns; /* at least one */
  bool rounds_given, duration_given, budget_given, contenders_given, connections_given, threads_given, seed_given;
  bool durable, quiet, verbose, allow_shell;
  bool explore; /* --budget has it, too */
  const char *scenario, *strategies, *isolation, *protocol, *dsn, *out, *format;
  pgr_option_list defines;
} pgr_run_options;

/* Defaults that no scenario is needed for, then argv. Errors: PGR_EUSAGE. */
pgr_code pgr_run_options_parse(pgr_run_options *o, int argc, char **argv, bool *help, pgr_err *err) PGR_MUST_CHECK;

/* The other defaults; then what excludes what, and what the scenario does not allow. cells: that are to run. Errors:
 * PGR_EUSAGE. */
pgr_code pgr_run_options_settle(pgr_run_options *o, const pgr_scenario *s, size_t cells, pgr_err *err) PGR_MUST_CHECK;

/* To standard output. */
void pgr_run_help(void);

#endif
