/* The phases of a bench: a database for each strategy, all on one server, and in each, in turns, one phase of load
 * after the other. Main thread. */
#ifndef PGR_BENCHING_H
#define PGR_BENCHING_H

#include "bench_options.h"
#include "pgr_bench.h"
#include "pgr_load.h"
#include "pgr_progress.h"
#include "pgr_sampler.h"
#include "place.h"

/* What a strategy runs in. */
typedef struct pgr_site {
  const pgr_strategy *strategy;
  pgr_place place;
  bool open;
} pgr_site;

/* Zeroed, then set up by its owner up to `load`. */
typedef struct pgr_benching {
  const pgr_bench_options *options;
  pgr_bench *bench;
  pgr_load_options load;  /* of a phase; what differs from cell to cell is filled in by us */
  pgr_progress *progress; /* NULL: quiet */
  pgr_site sites[PGR_STRATEGIES_MAX];
  int site_count;
  /* of the phase that runs */
  pgr_bench_cell *cell;
  pgr_site *site;
  int repetition;
  pgr_db *observer; /* what looks at the server has a connection of its own: a slow answer may cost it */
  bool observing;   /* the sampler has begun */
  pgr_sampler sampler;
  int64_t server_cpu_ns; /* of its processes, at the window's begin, then in it; -1: not known */
  int64_t reported_ns;   /* -P: elapsed time at the last line, and transactions until then */
  uint64_t reported;
} pgr_benching;

/* Opens the first strategy's database and learns what there is to say about the server. Errors: as pgr_place_open. */
pgr_code pgr_benching_open(pgr_benching *b, pgr_err *err) PGR_MUST_CHECK;

/* Installs the strategies, then runs all repetitions of all cells in turns and adds them to the bench. An interrupt
 * ends it without an error. */
pgr_code pgr_benching_run(pgr_benching *b, pgr_err *err) PGR_MUST_CHECK;

/* Drops every database. Errors: what is left behind, by name. */
pgr_code pgr_benching_close(pgr_benching *b, pgr_err *err);

#endif
