/* What the user gave for a scenario, checked against it. Pure. */
#ifndef PGR_INPUTS_H
#define PGR_INPUTS_H

#include "options.h"
#include "pgr_agent.h"

enum { PGR_DEFINES_MAX = PGR_VARIABLES_MAX + PGR_OPTION_LIST_MAX };

/* given: "simple" …, NULL for the scenario's. Errors: PGR_EUSAGE. */
pgr_code pgr_inputs_protocol(const pgr_scenario *s, const char *given, pgr_protocol *out, pgr_err *err) PGR_MUST_CHECK;

/* What the strategy's scripts ask for and the options do not give: a shell, another protocol. Errors: PGR_EUSAGE. */
pgr_code pgr_inputs_check_scripts(const pgr_scenario *s, const pgr_strategy *strategy, pgr_protocol protocol,
                                  bool allow_shell, pgr_err *err) PGR_MUST_CHECK;

/* The scenario's defaults, then -D name=value: variables that some script refers to and pgrace does not set itself.
 * out: PGR_DEFINES_MAX. Errors: PGR_EUSAGE. */
pgr_code pgr_inputs_defines(const pgr_scenario *s, const pgr_option_list *given, pgr_define *out, int *count,
                            pgr_err *err) PGR_MUST_CHECK;

#endif
