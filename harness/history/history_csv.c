/* The history as CSV, documented in docs/history.md. Every field is a number or a name without commas or quotes. */
#include "pgr_history.h"

#include <errno.h>
#include <string.h>

pgr_code pgr_history_write_csv(const pgr_history *h, const char *strategy, const char *isolation, int64_t gap_ns,
                               const char *const *kinds, int header, FILE *out, pgr_err *err) {
  errno = 0;
  if (header)
    fputs("strategy,round,key,agent,operation,attempt,outcome,sqlstate,intended_ns,call_ns,return_ns,pool_wait_ns,"
          "isolation,gap_ns\n",
          out);
  size_t count = pgr_history_count(h);
  for (size_t i = 0; i < count && !ferror(out); i++) {
    const pgr_op *op = pgr_history_at(h, i);
    fprintf(out, "%s,%lld,%lld,%u,%s,%u,%s,%s,%lld,%lld,%lld,%lld,%s,%lld\n", strategy, (long long)op->round,
            (long long)op->key, op->agent, kinds[op->kind], (unsigned)op->attempt,
            pgr_outcome_name((pgr_outcome)op->outcome), op->sqlstate, (long long)op->intended_ns,
            (long long)op->call_ns, (long long)op->return_ns, (long long)op->pool_wait_ns, isolation,
            (long long)gap_ns);
  }
  if (fflush(out) || ferror(out)) return pgr_fail(err, PGR_EENVIRONMENT, "%s", strerror(errno));
  return PGR_OK;
}
