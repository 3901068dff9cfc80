#include "pgr_suite.h"

pgr_code pgr_suite_make(const pgr_document *d, pgr_suite *out, pgr_err *err) {
  (void)d;
  (void)out;
  (void)err;
  return PGR_OK;
}

void pgr_suite_deinit(pgr_suite *s) {
  (void)s;
}
