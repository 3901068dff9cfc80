/* The demo in a browser: an inbox behind HTTP. What a browser asks becomes calls of the inbox; what happens in the
 * inbox becomes events to everybody who watches. Texts: reports/src/demo/protocol.ts has their shapes. Owning thread of
 * the loop only. */
#ifndef PGR_SITE_H
#define PGR_SITE_H

#include "pgr_http.h"
#include "pgr_inbox.h"

typedef struct pgr_site pgr_site;

/* What a thread that may block does for the site; each returns at once and is answered by a call of the site's. */
typedef struct pgr_site_keeper {
  /* A database with this strategy is wanted: pgr_site_use or pgr_site_leave follows. */
  void (*enter)(void *user, const pgr_strategy *strategy);
  /* The connections were lost for good: the same follows. */
  void (*lost)(void *user, const char *why);
  /* A result of these records (the receiver's), as JSON, or as a page: pgr_http_answer follows. NULL records: there is
   * nothing to tell yet. */
  void (*report)(void *user, pgr_http_call *call, pgr_inbox_record *records, int count, bool page);
  void (*link_used)(void *user); /* as in pgr_http_options */
  void *user;
} pgr_site_keeper;

typedef struct pgr_site_options {
  pgr_loop *loop;
  const pgr_scenario *scenario;
  const pgr_strategy *strategy; /* to begin with */
  int64_t gap_ns;
  bool stepping;
  const char *order;   /* to be played once the database is there; NULL or "" for none */
  const char *version; /* pgrace's; NULL: "" */
  const char *address;
  uint16_t port;
  pgr_site_keeper keeper;
} pgr_site_options;

/* Listens; asks the keeper for nothing yet. Before the loop is started. Errors: those of pgr_http_open and
 * pgr_inbox_create. */
pgr_code pgr_site_open(const pgr_site_options *options, pgr_site **out, pgr_err *err) PGR_MUST_CHECK;

pgr_http *pgr_site_http(pgr_site *s);

/* The keeper's answers. server: one line for people, "PostgreSQL 15.18, private". */
void pgr_site_use(pgr_site *s, const pgr_target *target, const pgr_strategy *strategy, int64_t first_key,
                  int64_t last_key, bool afresh, const char *server);
void pgr_site_leave(pgr_site *s, const char *why);

void pgr_site_close(pgr_site *s);
void pgr_site_destroy(pgr_site *s); /* after the loop's join; NULL is fine */

#endif
