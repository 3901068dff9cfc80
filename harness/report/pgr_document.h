/* One result document, whichever command made it: what renderers that serve all commands read. They need not know
 * whether the result was just found or read back from a file. Pure. */
#ifndef PGR_DOCUMENT_H
#define PGR_DOCUMENT_H

#include "pgr_bench.h"
#include "pgr_result.h"

enum {
  PGR_DOCUMENT_BYTES_MAX = 64 << 20,
  PGR_DOCUMENTS_MAX = 64 /* that one report takes together */
};

/* Exactly one of the two is set. */
typedef struct pgr_document {
  const pgr_result *run;  /* of run, explore and demo */
  const pgr_bench *bench; /* of bench */
} pgr_document;

/* A document read back: `document` and all that it points to are its own. The scenario in it is what the document says
 * of it (names, title, operations, rejections, what strategies expect), with no scripts: good for renderers alone.
 * A bench's measures hold counts; its histograms are gone, their figures and curves are there. */
typedef struct pgr_archive pgr_archive;

/* Untrusted text, of this version or an older one (docs/result.md; what an older one did not know is empty or 0), at
 * most PGR_DOCUMENT_BYTES_MAX. name: for messages. Unknown keys are ignored. Errors: PGR_EUSAGE (name:line:column when
 * it is not JSON, else name: cells[3].strategy: what is wrong), PGR_ENOMEM. */
pgr_code pgr_archive_read(const char *name, const char *text, size_t len_bytes, pgr_archive **out,
                          pgr_err *err) PGR_MUST_CHECK;
/* The same of what a report takes beside results: of a document of pgrace schema doc, which describes triggers and has
 * no form but the page's, *of_triggers becomes true and *out stays as it was. pgr_archive_read refuses one. */
pgr_code pgr_archive_read_any(const char *name, const char *text, size_t len_bytes, pgr_archive **out,
                              bool *of_triggers, pgr_err *err) PGR_MUST_CHECK;
pgr_document pgr_archive_document(const pgr_archive *a);
void pgr_archive_close(pgr_archive *a); /* NULL is fine */

/* What both kinds have. */
const pgr_scenario *pgr_document_scenario(const pgr_document *d);
const char *pgr_document_command(const pgr_document *d); /* "run", "explore", "demo", "bench" */
/* What the document says; where that is 0 and a case of its suite failed all the same (it was edited, or another
 * program wrote it), 1; where one could not be run, 5. */
int pgr_document_exit_status(const pgr_document *d);
const char *pgr_document_repeat(const pgr_document *d);

/* For people: the line that says what ran against what, which its command prints before the work begins. */
void pgr_document_header(const pgr_document *d, pgr_buf *out);
/* For people; the text of the command that made it, without its header. style: of PGR_STYLE_…. */
void pgr_document_text(const pgr_document *d, unsigned style, pgr_buf *out);
/* The document itself. Errors: PGR_ENOMEM. Of an archive's bench: not possible, keep the text that was read. */
pgr_code pgr_document_json(const pgr_document *d, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
