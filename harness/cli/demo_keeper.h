/* The main thread of the demo in a browser: it does for the site whatever may block, until the user interrupts. The
 * site's thread asks by a queue; it is answered by messages to its loop. */
#ifndef PGR_DEMO_KEEPER_H
#define PGR_DEMO_KEEPER_H

#include "demo_browser.h"
#include "demo_rooms.h"
#include "pgr_environment.h"
#include "pgr_loop.h"
#include "pgr_site.h"
#include <stdio.h>

/* What the site's thread wants; the queue's, then the main thread's. */
typedef struct pgr_demo_task pgr_demo_task;

/* Zeroed, then set up by its owner up to `site`. The main thread's, but for what lies under the lock. */
typedef struct pgr_demo_keeper {
  pgr_demo_rooms *rooms;      /* prepared, not open */
  const pgr_strategy *wanted; /* whose room the site is in, or comes to next */
  const char *repeat;         /* for results: the command */
  FILE *out;                  /* lines for the person at the terminal */
  pgr_loop *loop;
  pgr_site *site; /* before the loop is started */
  pgr_demo_browser browser;
  pgr_environment environment;
  uv_mutex_t lock;
  pgr_demo_task *tasks, **tasks_end; /* under it */
  int wake_fd;                       /* readable while there may be tasks */
  bool away;                         /* the database is lost */
  bool afresh;                       /* what the site knows is to be forgotten */
  int64_t retry_ns;                  /* away: when it is tried next */
  char told[200];                    /* away: what the site was told */
} pgr_demo_keeper;

/* Errors: PGR_EENVIRONMENT, and nothing to deinit then. */
pgr_code pgr_demo_keeper_init(pgr_demo_keeper *k, pgr_err *err) PGR_MUST_CHECK;
/* What the site calls, on its thread. */
pgr_site_keeper pgr_demo_keeper_calls(pgr_demo_keeper *k);

/* The loop runs. Opens the rooms, enters the one that is wanted, then serves the site until the user interrupts, which
 * is PGR_OK. A database that is lost later is no error: it is tried again and again. Errors: those of
 * pgr_demo_rooms_open and enter. */
pgr_code pgr_demo_keeper_run(pgr_demo_keeper *k, pgr_err *err) PGR_MUST_CHECK;

/* Closes the site, finishes the loop and joins its thread. */
void pgr_demo_keeper_stop(pgr_demo_keeper *k);
void pgr_demo_keeper_deinit(pgr_demo_keeper *k); /* after stop, or when the loop never ran */

#endif
