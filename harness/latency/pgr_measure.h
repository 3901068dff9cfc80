/* What one phase of load measured: one strategy at one level with so many clients, once. Pure data. */
#ifndef PGR_MEASURE_H
#define PGR_MEASURE_H

#include "pgr_series.h"
#include "pgr_tally.h"
#include <stdbool.h>

enum { PGR_WAITS_MAX = 48, PGR_WAIT_BYTES = 64 };

/* What server processes were found doing. "Lock:transactionid", "CPU" (active and waiting for nothing),
 * "idle in transaction", …; idle ones are not counted. */
typedef struct pgr_wait {
  char what[PGR_WAIT_BYTES];
  uint64_t seen; /* processes, over all looks */
} pgr_wait;

typedef struct pgr_server_figures {
  bool known; /* else nothing of it is */
  uint64_t looks;
  pgr_wait waits[PGR_WAITS_MAX]; /* the most seen first */
  size_t wait_count;
  int64_t took_ns; /* all looks together: what looking cost */
  /* From the phase's begin to its end, warm-up included; -1: this server does not say. */
  int64_t wal_bytes, wal_records, wal_full_pages;
  int64_t commits, rollbacks, deadlocks, conflicts;
  int64_t blocks_hit, blocks_read, temp_bytes;
  double phase_s;
} pgr_server_figures;

/* The open loop's. All of arrivals that were due in the window. */
typedef struct pgr_arrival_figures {
  uint64_t due;    /* intended */
  uint64_t late;   /* found no client free */
  uint64_t shed;   /* not begun, for they were later than --max-lag */
  uint64_t unsent; /* not begun when the phase ended */
} pgr_arrival_figures;

typedef struct pgr_measure {
  uint32_t phases;       /* pgr_measure_add's: how many this is the sum of; 0: one, measured, or none yet */
  int64_t window_ns;     /* measured; 0: the window never began */
  int64_t connect_ns;    /* to open and prepare all connections */
  uint64_t transactions; /* ended in the window, whenever they began: what the server got done */
  uint64_t begun;        /* begun in the window, and ended */
  uint64_t unfinished;   /* begun in the window, and not ended when the phase did */
  uint64_t errors;       /* operations that failed or are unknown, in all of the phase, but for those that we cut off */
  pgr_tally tally;       /* of operations begun in the window */
  pgr_series series;     /* of the whole phase, from the window's begin */
  pgr_histogram *lag;    /* from the intended start to the begin, a transaction; NULL: none */
  pgr_histogram *loop_lag; /* how late a timer of ours fired, a thread: our own scheduling delay */
  pgr_arrival_figures arrivals;
  /* Of our own threads, in the window: time on a processor, and runnable without one. run_wait_ns -1: not known. */
  int64_t cpu_ns, run_wait_ns;
  int64_t server_cpu_ns; /* of the private server's processes; -1: not known */
  pgr_server_figures server;
  bool verified;       /* ownership was, over the whole phase */
  bool verify_limited; /* until its memory was used up */
  uint64_t duplicates, unexplained, verified_operations, verify_kept_max;
  bool complete, keys_used_up;
} pgr_measure;

void pgr_measure_deinit(pgr_measure *m);

/* Adds up what can be: tallies, histograms, counts, durations. The series are not. to: {0} at first, then the sum; what
 * was itself measured is only ever `from`. Not known of one phase is not known of the sum; verified and complete are
 * what all were, verify_limited and keys_used_up what any was, verify_kept_max is the largest. Of more than
 * PGR_WAITS_MAX waits the most seen are kept. Errors: PGR_ENOMEM; `to` is then only good to deinit. */
pgr_code pgr_measure_add(pgr_measure *to, const pgr_measure *from) PGR_MUST_CHECK;

#endif
