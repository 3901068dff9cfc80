/* What a command leaves when it has its result, the same for run, explore, bench and report: what --format names on
 * standard output, the files of --out, and on GitHub annotations and the step's summary. Main thread. */
#ifndef PGR_OUTPUTS_H
#define PGR_OUTPUTS_H

#include "outdir.h"
#include "pgr_document.h"

typedef struct pgr_outputs {
  const char *format; /* of pgr_outputs_check_format; NULL: standard output is the command's own */
  bool verbose;
  pgr_outdir *out;       /* NULL: no --out */
  bool keeps_history;    /* a history.csv in it is of this result, though we have not written it */
  const pgr_buf *beside; /* JSON that has no form but the page's, behind the results: of pgrace schema doc */
  size_t beside_count;
} pgr_outputs;

/* "text", "json", "junit", "tap", "markdown", "github", "html", "trace"; of a bench also "openmetrics". Errors:
 * PGR_EUSAGE, with the nearest one. */
pgr_code pgr_outputs_check_format(const char *format, bool bench, pgr_err *err) PGR_MUST_CHECK;

/* Whether standard output is for people: "text". */
bool pgr_outputs_are_text(const pgr_outputs *o);

/* Whether somebody wants a result of which there is nothing but what of the environment ended it: not a person at a
 * terminal, who reads the error. */
bool pgr_outputs_want_errors(const pgr_outputs *o);

/* All of it. json: the document's text when it is not d's own to make (an archive), else NULL. In out: result.json,
 * junit.xml, summary.md, trace.json, and report.html where pgrace was built with it. Where GITHUB_ACTIONS is "true":
 * annotations to standard error, which the runner reads too, and the summary appended to the file that
 * GITHUB_STEP_SUMMARY names. Errors: PGR_EENVIRONMENT (what could not be written), PGR_ENOMEM; it tries the rest first.
 */
pgr_code pgr_outputs_write(const pgr_outputs *o, const pgr_document *d, const pgr_buf *json,
                           pgr_err *err) PGR_MUST_CHECK;

/* The same of several documents that one report takes together; json: their texts, as many. Errors: PGR_EUSAGE, too,
 * when the format is for one alone. */
pgr_code pgr_outputs_write_all(const pgr_outputs *o, const pgr_document *d, const pgr_buf *json, size_t count,
                               pgr_err *err) PGR_MUST_CHECK;

/* The command as one line that a shell takes, for the result's `repeat`: argv quoted where needed, a connection string
 * replaced by "…", the seed added when it was not given. */
void pgr_outputs_repeat(int argc, char **argv, uint64_t seed, bool seed_given, char *out, size_t out_bytes);

#endif
