/* What the site's parts share. */
#ifndef PGR_SITE_INTERNAL_H
#define PGR_SITE_INTERNAL_H

#include "pgr_site.h"
#include <jansson.h>

enum {
  PGR__SITE_WELCOME = 8, /* conversations that arrive by themselves in an inbox that is empty */
  PGR__SITE_FILES_MAX = 3,
  PGR__SITE_ROUTES = 13
};

/* Where the database stands, as far as the inbox does not say it. */
typedef enum pgr__site_stage {
  PGR__SITE_ENTERING, /* the keeper makes one: "preparing", whatever the inbox says */
  PGR__SITE_USING,    /* the inbox has one, and says how it is */
  PGR__SITE_LOST      /* there is none; the keeper tries to have the wanted one, again and again */
} pgr__site_stage;

struct pgr_site {
  pgr_site_options options;
  pgr_http_file files[PGR__SITE_FILES_MAX];
  pgr_http *http;
  pgr_inbox *inbox;
  const pgr_strategy *wanted; /* the last one that was asked for */
  pgr__site_stage stage;
  bool afresh;       /* an answer of the keeper's that came too late said so: true of the next one too */
  bool forgotten;    /* what was seen was: told until the next strategy or claim */
  bool welcomes;     /* conversations arrive as soon as the database is ready */
  bool order_played; /* that of the options */
  bool closed;
  char server[160];
  char trouble[200]; /* why the order of the options was not played, "" */
  json_t *cast;      /* does not change */

  /* What those who watch know. */
  json_t *setting, *seats, *counts; /* as published; NULL: not yet */
  int64_t arrived;                  /* the last conversation that was published as new */
  json_t *explanation;              /* the last one, shown until the next; NULL: none */
  struct {                          /* of which contest it was tried last, and how far that was */
    uint32_t number, doubled;
    int step_count;
  } tried;
  pgr_timer flush;    /* runs: something was published since the last one, or is to be */
  int64_t flushed_ns; /* last; CLOCK_MONOTONIC */
  pgr_timer welcome;  /* runs: what becomes of `welcomes` is not done from inside of the inbox */
  pgr_buf scratch;    /* of one event */
};

extern const pgr_http_route pgr__site_routes[PGR__SITE_ROUTES]; /* user: the site */

/* A strategy's database, from the keeper: the inbox is left at once. */
void pgr__site_enter(pgr_site *s, const pgr_strategy *strategy);

/* Shapes of protocol.ts. What returns a json_t gives it to the caller; NULL: no memory. */
json_t *pgr__site_cast(const pgr_scenario *s);
json_t *pgr__site_setting(const pgr_site *s, const pgr_inbox_state *state);
json_t *pgr__site_seats(const pgr_site *s, const pgr_inbox_state *state);
json_t *pgr__site_counts(const pgr_site *s);
/* Those with keys first … last. */
json_t *pgr__site_conversations(const pgr_site *s, int64_t first, int64_t last);
json_t *pgr__site_moment(const pgr_site *s, const pgr_moment *m);
json_t *pgr__site_explanation(const pgr_contest *c, const pgr_explanation *e);
json_t *pgr__site_state(const pgr_site *s, const char *token);

/* Appends it as one line and takes it. false: no memory. */
bool pgr__site_write(json_t *value, pgr_buf *out);

#endif
