/* Error records. No global or thread-local state: an error belongs to the caller that passed it in. */
#include "pgr_err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Server messages may span lines; ours never do, so that a CI log keeps one error on one line. */
static void flatten(char *s) {
  char *out = s;
  for (char *in = s; *in; in++) {
    char c = (unsigned char)*in < ' ' ? ' ' : *in;
    if (c == ' ' && (out == s || out[-1] == ' ')) continue;
    *out++ = c;
  }
  while (out > s && out[-1] == ' ')
    out--;
  *out = '\0';
}

pgr_code pgr_fail(pgr_err *err, pgr_code code, const char *fmt, ...) {
  if (!err) return code;
  err->code = code;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(err->msg, sizeof err->msg, fmt, ap);
  va_end(ap);
  flatten(err->msg);
  return code;
}

int pgr_exit_status(pgr_code code) {
  static const int statuses[] = {
#define PGR_CODE_STATUS(c, status) [c] = (status),
      PGR_CODES(PGR_CODE_STATUS)
#undef PGR_CODE_STATUS
  };
  return statuses[code];
}
