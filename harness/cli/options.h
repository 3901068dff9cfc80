/* Command-line options by table: one row an option gives parsing, error messages and help. */
#ifndef PGR_OPTIONS_H
#define PGR_OPTIONS_H

#include "pgr_err.h"
#include <stdbool.h>
#include <stdint.h>

typedef enum pgr_option_kind {
  PGR_OPTION_FLAG,      /* bool * */
  PGR_OPTION_INT,       /* int64_t *, within min … max */
  PGR_OPTION_INTS,      /* pgr_option_ints *, each within min … max: "1,8,64" */
  PGR_OPTION_DURATION,  /* int64_t *, nanoseconds */
  PGR_OPTION_DURATIONS, /* pgr_option_ints *, nanoseconds: "0,1ms,5ms" */
  PGR_OPTION_SECONDS,   /* the same, and a number without a unit is seconds */
  PGR_OPTION_PERCENT,   /* double *, a share: "5%" and "5" are 0.05; at most PGR_OPTION_PERCENT_MAX */
  PGR_OPTION_TEXT,      /* const char **, borrowed from argv */
  PGR_OPTION_LIST,      /* pgr_option_list *, may be given again and again */
  PGR_OPTION_ABSENT     /* const char *: another program's; always an error, which says this in place of a value */
} pgr_option_kind;

enum { PGR_OPTION_LIST_MAX = 64, PGR_OPTION_INTS_MAX = 16, PGR_OPTION_PERCENT_MAX = 1000 };

typedef struct pgr_option_ints {
  int64_t items[PGR_OPTION_INTS_MAX];
  int count;
} pgr_option_ints;

typedef struct pgr_option_list {
  const char *items[PGR_OPTION_LIST_MAX]; /* borrowed from argv */
  int count;
} pgr_option_list;

typedef struct pgr_option {
  const char *name; /* without the dashes; NULL ends a table */
  char letter;      /* its short form, or 0 */
  pgr_option_kind kind;
  void *value; /* ABSENT: never written to */
  int64_t min, max;
  bool *given; /* set when the option appears; may be NULL */
} pgr_option;

/* Reads options and at most max_operands other words (after "--" all words are operands). --help and -h are known to
 * every table and set *help. Errors: PGR_EUSAGE, with the nearest option's name where one is near. */
pgr_code pgr_options_parse(const pgr_option *table, int argc, char **argv, const char **operands, int max_operands,
                           int *operand_count, bool *help, pgr_err *err) PGR_MUST_CHECK;

/* Whether a word may be a connection string: such a word is not repeated in a message, it may hold a password. */
bool pgr_looks_secret(const char *word);

#endif
