/* What pgrace demo was asked for. Pure. */
#ifndef PGR_DEMO_OPTIONS_H
#define PGR_DEMO_OPTIONS_H

#include "pgr_err.h"
#include "pgr_scenario.h"
#include <stdbool.h>
#include <stdint.h>

enum {
  PGR_DEMO_PORT = 8734,    /* when it is free and nobody asks for another */
  PGR_DEMO_ORDER_MAX = 64, /* steps of --order: PGR_INBOX_ORDER_MAX */
  PGR_DEMO_GAP_MAX_S = 5   /* of --gap: PGR_INBOX_GAP_MAX_S */
};

typedef struct pgr_demo_options {
  const char *strategies; /* --strategy: NULL for the scenario's `compare`, the first of which the page begins with */
  int64_t gap_ns;         /* --gap, default 2 s in the page; 0 in the terminal, always */
  bool step;              /* --step */
  const char *order;      /* --order ABBA, NULL: none */
  const char *listen;     /* --listen ADDRESS, default 127.0.0.1 */
  int64_t port;           /* --port, 0: any that is free */
  bool port_given;        /* else another one will do */
  bool open;              /* --open: in the user's browser */
  bool terminal;          /* --terminal */
  int64_t pace_ns;        /* --pace D: between two lines of the terminal's story; 0: none */
  bool pace_given;
  const char *dsn; /* --dsn */
} pgr_demo_options;

/* To standard output. */
void pgr_demo_help(void);
/* Fills in defaults. Errors: PGR_EUSAGE. */
pgr_code pgr_demo_options_parse(pgr_demo_options *o, int argc, char **argv, bool *wants_help,
                                pgr_err *err) PGR_MUST_CHECK;

#endif
