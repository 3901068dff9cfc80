/* How the terminal's story looks: two agents side by side, a phone, sentences; each printed as it happens. Main thread.
 */
#ifndef PGR_DEMO_COLUMNS_H
#define PGR_DEMO_COLUMNS_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stdint.h>

/* Meaning is never by colour alone: without it all is said as well. */
typedef enum pgr_demo_style {
  PGR_DEMO_PLAIN,
  PGR_DEMO_DIM,
  PGR_DEMO_BOLD,
  PGR_DEMO_GOOD,
  PGR_DEMO_ERROR,
  PGR_DEMO_BROKEN,
  PGR_DEMO_ADA, /* of a seat: PGR_DEMO_ADA + agent - 1 */
  PGR_DEMO_BEN
} pgr_demo_style;

/* Prints to standard output. Set up by open; what follows a failed write is dropped. */
typedef struct pgr_demo_columns {
  int width;  /* of the terminal; 80 at the least, and when it is none */
  int column; /* of a seat */
  bool terminal, colour;
  int error; /* errno of the first write that failed; 0: none */
} pgr_demo_columns;

void pgr_demo_columns_open(pgr_demo_columns *c);

void pgr_demo_columns_blank(pgr_demo_columns *c);
/* A rule over the whole width, with a name and what it is. */
void pgr_demo_columns_heading(pgr_demo_columns *c, const char *name, const char *words);
void pgr_demo_columns_seats(pgr_demo_columns *c); /* the two names, above their columns */
/* In the column of `agent`: a text, broken into lines, and at the right edge its answer ("" for none). number: of the
 * statement; 0: none. */
void pgr_demo_columns_line(pgr_demo_columns *c, uint32_t agent, int number, const char *text, const char *answer,
                           pgr_demo_style style);
/* mark: stands before the first line ("1."), "" for none. */
void pgr_demo_columns_words(pgr_demo_columns *c, const char *mark, const char *words, pgr_demo_style style);
/* A bubble on the customer's phone. agent: who wrote it; 0: the customer. */
void pgr_demo_columns_bubble(pgr_demo_columns *c, uint32_t agent, const char *text);

#endif
