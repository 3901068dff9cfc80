#include "pgr_moment.h"

#include <assert.h>

const char *pgr_moment_name(pgr_moment_kind kind) {
  static const char *const names[] = {
#define PGR_MOMENT_TEXT(name, text) text,
      PGR_MOMENTS(PGR_MOMENT_TEXT)
#undef PGR_MOMENT_TEXT
  };
  assert((unsigned)kind < PGR_MOMENT_KIND_COUNT);
  return names[kind];
}
