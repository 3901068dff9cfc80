/* What the server was doing during a phase, by its own statistics: pg_stat_activity looked at again and again, counters
 * before and after. Main thread; over the connection it is given, which belongs to the database under load and is in no
 * transaction. Other databases' sessions are not counted; WAL and its counters are the whole server's. What the
 * sampler itself does is not counted as transactions, but its blocks are. */
#ifndef PGR_SAMPLER_H
#define PGR_SAMPLER_H

#include "pgr_db.h"
#include "pgr_measure.h"

typedef struct pgr_sampler {
  pgr_db *db;                /* borrowed; of no use after an answer that takes more than two seconds */
  pgr_server_figures before; /* wal_bytes: a position */
  pgr_server_figures figures;
  int64_t begun_ns;
  int64_t own_commits, own_rollbacks; /* of the sampler itself, since it read the counters */
  bool marked;
  bool failed; /* the server would not say; nothing more is asked */
} pgr_sampler;

/* Reads the counters. A role that may not see them all gets what it may; errors make the figures unknown, never the
 * phase fail. Takes a second on servers before 15. */
void pgr_sampler_begin(pgr_sampler *s, pgr_db *db);
/* One look at what its processes do. Sessions whose doings the role may not see are "hidden", idle ones too. */
void pgr_sampler_look(pgr_sampler *s);
/* The window is over: WAL, exactly, and the phase's seconds. Counters that sessions report late: pgr_sampler_end. */
void pgr_sampler_mark(pgr_sampler *s);
/* After the load's connections are closed: waits until their sessions are gone, unless none leaves for a second (and
 * takes another before 15), then the counters again. staying: other sessions that are there all the time. out:
 * overwritten. */
void pgr_sampler_end(pgr_sampler *s, int staying, pgr_server_figures *out);

#endif
