/* report.html: one file that shows documents in a browser, without network. The page is made of reports/ when pgrace is
 * built; this puts documents into it. Pure. */
#ifndef PGR_PAGE_H
#define PGR_PAGE_H

#include "pgr_buf.h"
#include "pgr_err.h"

#include <stddef.h>

/* False when pgrace was built without the page (-DPGR_HTML=OFF). */
bool pgr_page_is_built(void);

/* documents: JSON texts, trusted to be JSON; whatever strings they hold, the page shows them as text. Appends the page.
 * Errors: PGR_EUSAGE (built without it: says how to build with it), PGR_ENOMEM. */
pgr_code pgr_page(const pgr_buf *documents, size_t count, pgr_buf *out, pgr_err *err) PGR_MUST_CHECK;

#endif
