#include "pgr_suite.h"

pgr_code pgr_annotations(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) {
  (void)d;
  (void)count;
  (void)out;
  (void)err;
  return PGR_OK;
}
