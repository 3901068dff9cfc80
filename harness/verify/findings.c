#include "pgr_findings.h"

void pgr_findings_deinit(pgr_findings *f) {
  pgr_rounds_deinit(&f->broken);
  pgr_rounds_deinit(&f->contested);
  pgr_rounds_deinit(&f->rows_broken);
  pgr_ownership_report_deinit(&f->ownership);
  *f = (pgr_findings){0};
}
