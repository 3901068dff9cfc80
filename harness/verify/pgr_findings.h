/* What was found in one race: which rules were broken, and in which rounds. Pure data. */
#ifndef PGR_FINDINGS_H
#define PGR_FINDINGS_H

#include "pgr_ownership.h"
#include <stdbool.h>

enum { PGR_RULES_MAX = 9 };

typedef struct pgr_rule {
  const char *name;  /* borrowed from the scenario */
  bool from_history; /* by what agents were told; else by what the rows say */
  bool known;        /* it was checked: an interrupt may have come first */
  uint64_t broken;   /* rounds */
} pgr_rule;

/* Init with {0}; deinit after use. */
typedef struct pgr_findings {
  pgr_rule rules[PGR_RULES_MAX];
  int rule_count;
  bool known;           /* all of them */
  pgr_rounds broken;    /* rounds in which any was; settled */
  pgr_rounds contested; /* rounds that may be counted, those of `broken` among them; settled */
  /* Of the first rule that the rows break: its rounds, settled; its name is NULL when they break none. */
  const char *rows_rule;
  pgr_rounds rows_broken;
  pgr_ownership_report ownership;
} pgr_findings;

void pgr_findings_deinit(pgr_findings *f);

#endif
