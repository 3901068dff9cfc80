/* Numbers and durations from the command line: any text parses to a value in range or is refused. */
#include "pgr_units.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  pgr_err err;
  int64_t n = 42, ns = 42;
  if (pgr_parse_int(text, "--n", -1000, 1000000, &n, &err) == PGR_OK)
    assert(n >= -1000 && n <= 1000000);
  else
    assert(n == 42 && err.msg[0]);
  if (pgr_parse_duration(text, "--d", &ns, &err) == PGR_OK)
    assert(ns >= 0 && ns <= INT64_C(10001) * 3600 * 1000000000);
  else
    assert(ns == 42 && err.msg[0]);
  const char *const names[] = {"agents", "rounds", "contenders", NULL};
  (void)pgr_nearest(text, names);
  free(text);
  return 0;
}
