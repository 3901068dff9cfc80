/* What pgrace bench was asked for, in one struct. Pure. */
#ifndef PGR_BENCH_OPTIONS_H
#define PGR_BENCH_OPTIONS_H

#include "options.h"
#include "pgr_arrivals.h"
#include "pgr_keys.h"

enum {
  PGR_BENCH_SWEEP_MAX = PGR_OPTION_INTS_MAX,
  PGR_BENCH_SCRIPTS_MAX = 8,
  PGR_BENCH_CLIENTS_MAX = 100000, /* these three as those of pgrace run */
  PGR_BENCH_CONNECTIONS_MAX = 10000,
  PGR_BENCH_THREADS_MAX = 256,
  PGR_BENCH_COMPARED_MIN = 10 /* repetitions that a comparison with a baseline wants */
};

/* Not to be copied: it points into itself. */
typedef struct pgr_bench_options {
  const char *scenario;                       /* NULL: the default, unless there are scripts */
  const char *scripts[PGR_BENCH_SCRIPTS_MAX]; /* --script, -f: paths; weights after their @, 1 without */
  int weights[PGR_BENCH_SCRIPTS_MAX];
  int script_count;
  char script_paths[PGR_BENCH_SCRIPTS_MAX][512]; /* what `scripts` points to */
  pgr_option_list schema;                        /* --schema: SQL files for bare scripts */
  const char *strategies, *isolation, *protocol;
  pgr_option_list defines, thresholds;
  int64_t clients[PGR_BENCH_SWEEP_MAX]; /* --clients, -c */
  int client_count;
  int64_t connections, threads;   /* of the largest of `clients`, a smaller cell takes no more than it can use;
                                     connections 0: one a client */
  int64_t warmup_ns, duration_ns; /* duration_ns 0: by transactions */
  int64_t transactions;           /* a client's; 0: by time */
  int64_t hold_ns, gap_ns, max_lag_ns, max_tries, seed;
  int64_t repetitions;
  bool open, poisson;
  pgr_rate rate;
  pgr_key_options keys; /* count 0: the default */
  bool spread_given, count_given, duration_given, warmup_given, repetitions_given, arrivals_given, max_lag_given;
  bool floor_given; /* one of the two below */
  bool verify, sample, durable, quiet, verbose, allow_shell, seed_given, use_database, compare_anyway;
  int64_t progress_ns; /* -P: a line every so often; 0: the one that is drawn over */
  const char *dsn, *out, *format, *baseline;
  double floor;     /* --floor: relative, of a change against the baseline */
  int64_t floor_ns; /* --floor-time */
} pgr_bench_options;

/* Defaults, then argv. Errors: PGR_EUSAGE. */
pgr_code pgr_bench_options_parse(pgr_bench_options *o, int argc, char **argv, bool *help, pgr_err *err) PGR_MUST_CHECK;

/* What excludes what, and what needs what; before a scenario is read. Errors: PGR_EUSAGE. */
pgr_code pgr_bench_options_check(const pgr_bench_options *o, pgr_err *err) PGR_MUST_CHECK;

/* To standard output. */
void pgr_bench_help(void);

#endif
