#include "pgr_page.h"

bool pgr_page_is_built(void) {
  return false;
}

pgr_code pgr_page(const pgr_buf *documents, size_t count, pgr_buf *out, pgr_err *err) {
  (void)documents;
  (void)count;
  (void)out;
  return pgr_fail(err, PGR_EUSAGE, "this pgrace was built without the HTML report");
}
