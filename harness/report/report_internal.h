#ifndef PGR_REPORT_INTERNAL_H
#define PGR_REPORT_INTERNAL_H

#include "pgr_report.h"

#define PGR__RED "\033[31m"
#define PGR__GREEN "\033[32m"
#define PGR__YELLOW "\033[33m"
#define PGR__PLAIN "\033[0m"

enum { PGR__COLUMNS = 80 };

typedef enum pgr__rounding { PGR__NEAREST, PGR__UP, PGR__DOWN } pgr__rounding;

/* columns.c: pieces of a table. Widths count characters, not bytes. */
int pgr__width(const char *text);              /* characters */
int pgr__padding(const char *text, int width); /* spaces to fill a column of `width` after text */
void pgr__add_right(pgr_buf *out, const char *text, int width);
void pgr__add_count(pgr_buf *out, uint64_t n, int width);
void pgr__add_time(pgr_buf *out, int64_t ns, int width);
void pgr__add_percent(pgr_buf *out, double p, pgr__rounding how);
int pgr__name_width(const pgr_result *r); /* of the widest strategy */
/* Breaks what was appended since out->len was `from` into lines of at most PGR__COLUMNS, at spaces; the rest of a
 * line is indented by two more than its beginning. */
void pgr__wrap(pgr_buf *out, size_t from);

/* A table whose columns are as wide as what is in them; one that is empty below its heading is left out. Texts are made
 * fit to be printed. */
enum { PGR__TABLE_COLUMNS = 12 };
typedef struct pgr__table {
  const char *alignment;
  pgr_buf cells;
} pgr__table;

/* alignment: a letter a column, l or r; a capital one goes when there is no room for all, the last of them first.
 * Borrowed. */
void pgr__table_init(pgr__table *t, const char *alignment);
/* The next cell of the line. colour: of PGR__RED …; NULL: none. */
void pgr__table_add(pgr__table *t, const char *text, const char *colour);
void pgr__table_end_line(pgr__table *t);
/* Appends it, indented by two, and frees it. */
void pgr__table_take(pgr__table *t, pgr_buf *out);

/* result.c: the service times of an operation's losers, refused and rejected; the caller's. Errors: PGR_ENOMEM. */
pgr_code pgr__merge_losers(const pgr_tally *tally, int operation, pgr_histogram **out) PGR_MUST_CHECK;

/* story.c: fills in story->waited from all statements of its round in the trace. No wait is claimed that is not likely.
 */
void pgr__infer_waits(pgr_story *story, const pgr_trace *trace);

/* text.c: the line that says what ran against what; errors nobody declared, each once, with where it was met. */
void pgr__add_server(const pgr_environment *e, bool durable, pgr_buf *out);
void pgr__add_complaints(const pgr_scenario *s, const pgr_complaint *complaints, size_t count, pgr_buf *out);

/* verdicts.c */
bool pgr__was_raced(const pgr_cell *c);      /* it ran, and was not explored */
bool pgr__is_matrix(const pgr_result *r);    /* some strategy ran at more than one isolation level */
bool pgr__sweeps_gaps(const pgr_result *r);  /* cells differ by their gap */
bool pgr__mixes_levels(const pgr_result *r); /* not all cells are of one level */
void pgr__add_verdicts(const pgr_result *r, bool colour, pgr_buf *out);
/* "2 agents": what the explored cells' proofs hold for; "2 to 3 agents" where not all have the same number. */
void pgr__add_proof_agents(const pgr_result *r, pgr_buf *out);
const char *pgr__verdict_words(const pgr_cell *c);
bool pgr__contradicts(const pgr_cell *c); /* its verdict is one, and not what the scenario says */
/* "naive", with what tells it from others: "naive at serializable, gap 1 ms"; appended. */
void pgr__add_cell_name(const pgr_result *r, const pgr_cell *c, pgr_buf *out);
/* The same without its level, for tables in which a strategy has one only; and the widest of these. */
void pgr__add_row_name(const pgr_result *r, const pgr_cell *c, pgr_buf *out);
int pgr__row_name_width(const pgr_result *r);

#endif
