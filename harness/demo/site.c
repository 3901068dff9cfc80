/* The demo's site: what happens in the inbox becomes events, at once; how seats and counts stand is told once a flush.
 * Whoever begins to watch gets the state as it is then, and after it only what is published later: so an event must
 * never tell anew what it tells once (a conversation that arrived, a moment), and the state must not tell what is still
 * to be published.
 *
 * The inbox calls from inside of what it does. Nothing is asked of it there but how it stands. */
#include "site_internal.h"

#include "pgr_clock.h"
#include "pgr_embedded.h"
#include "pgr_mem.h"
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const int64_t FLUSH_NS = 10 * PGR_NS_PER_MS; /* from one to the next, when much happens */

/* ---- publishing ---- */

static void put(pgr_site *s, const char *name, json_t *value) {
  pgr_buf_clear(&s->scratch);
  if (pgr__site_write(value, &s->scratch)) pgr_http_publish(s->http, name, pgr_buf_text(&s->scratch), s->scratch.len);
}

/* Takes `now`. */
static void put_if_other(pgr_site *s, const char *name, json_t **known, json_t *now) {
  if (!now || json_equal(*known, now)) {
    json_decref(now);
    return;
  }
  json_decref(*known);
  *known = now;
  put(s, name, json_incref(now));
}

/* The time alone is no news. */
static void put_seats(pgr_site *s, const pgr_inbox_state *state) {
  json_t *now = pgr__site_seats(s, state);
  if (s->seats && now) json_object_set(s->seats, "now_ns", json_object_get(now, "now_ns"));
  put_if_other(s, "seats", &s->seats, now);
}

/* Whoever has followed the moments is told how the seats stand in the end, be it as they stood before. */
static void forget_seats(pgr_site *s) {
  json_decref(s->seats);
  s->seats = NULL;
}

static void flush(pgr_timer *t) {
  pgr_site *s = (pgr_site *)((char *)t - offsetof(pgr_site, flush));
  pgr_inbox_state state;
  s->flushed_ns = pgr_now_ns();
  pgr_inbox_state_of(s->inbox, &state);
  put_if_other(s, "counts", &s->counts, pgr__site_counts(s));
  put_seats(s, &state);
  pgr_http_flush(s->http);
}

static void run_timer(pgr_site *s, pgr_timer *t, int64_t due_ns) {
  if (s->closed || t->slot) return;
  if (pgr_timer_start(s->options.loop, t, due_ns)) t->fire(t);
}

static void flush_soon(pgr_site *s) {
  int64_t now_ns = pgr_now_ns(), due_ns = s->flushed_ns + FLUSH_NS;
  run_timer(s, &s->flush, due_ns > now_ns ? due_ns : now_ns);
}

static void put_arrived(pgr_site *s, const pgr_inbox_state *state) {
  int64_t first = s->arrived < state->first ? state->first : s->arrived + 1;
  if (s->stage == PGR__SITE_ENTERING || state->last < first) return;
  s->arrived = state->last;
  put(s, "arrived", pgr__site_conversations(s, first, state->last));
}

/* A contest is told of when both seats have come to rest; more of it may follow, and be told of anew. */
static void put_explained(pgr_site *s, const pgr_inbox_state *state) {
  const pgr_contest *c = pgr_inbox_contest(s->inbox);
  pgr_explanation e;
  if (s->stage == PGR__SITE_ENTERING || !c || c->number == 0 || !state->strategy) return;
  for (int i = 0; i < PGR_SEATS; i++)
    if (state->seats[i].busy) return;
  if (s->tried.number == c->number && s->tried.step_count == c->step_count && s->tried.doubled == c->doubled) return;
  s->tried.number = c->number;
  s->tried.step_count = c->step_count;
  s->tried.doubled = c->doubled;
  if (!pgr_explain(c, s->options.scenario, state->strategy, &e)) return;
  put_if_other(s, "explained", &s->explanation, pgr__site_explanation(c, &e));
}

static void publish_changes(pgr_site *s) {
  pgr_inbox_state state;
  pgr_inbox_state_of(s->inbox, &state);
  put_if_other(s, "setting", &s->setting, pgr__site_setting(s, &state));
  put_arrived(s, &state);
  put_explained(s, &state);
  if (s->welcomes && s->stage == PGR__SITE_USING && state.database == PGR_INBOX_READY) {
    s->welcomes = false;
    run_timer(s, &s->welcome, pgr_now_ns());
  }
  flush_soon(s);
}

/* ---- what the inbox says ---- */

static void on_moment(void *user, const pgr_moment *m) {
  pgr_site *s = user;
  if (s->closed) return;
  if (m->key > s->arrived) {
    pgr_inbox_state state;
    pgr_inbox_state_of(s->inbox, &state);
    put_arrived(s, &state);
  }
  put(s, "moment", pgr__site_moment(s, m));
  s->forgotten &= m->kind != PGR_MOMENT_STARTED;
  if (m->agent <= PGR_SEATS) forget_seats(s);
  flush_soon(s);
}

static void on_changed(void *user) {
  pgr_site *s = user;
  if (!s->closed) publish_changes(s);
}

static void lose(pgr_site *s, const char *why) {
  s->stage = PGR__SITE_LOST;
  publish_changes(s);
  s->options.keeper.lost(s->options.keeper.user, why);
}

static void on_away(void *user, const char *why) {
  pgr_site *s = user;
  if (!s->closed) lose(s, why);
}

/* What a viewer is to find without a click: conversations, and the order that was asked for. */
static void welcome(pgr_timer *t) {
  pgr_site *s = (pgr_site *)((char *)t - offsetof(pgr_site, welcome));
  const char *order = s->options.order;
  pgr_code code = PGR_OK;
  pgr_inbox_state state;
  pgr_err err;
  pgr_inbox_state_of(s->inbox, &state);
  if (s->stage != PGR__SITE_USING || state.database != PGR_INBOX_READY) {
    s->welcomes = true;
    return;
  }
  if (state.last < state.first) code = pgr_inbox_arrive(s->inbox, PGR__SITE_WELCOME, &err);
  if (!code && order && *order && !s->order_played) {
    s->order_played = true;
    code = pgr_inbox_play(s->inbox, order, &err);
  }
  snprintf(s->trouble, sizeof s->trouble, "%.*s", (int)sizeof s->trouble - 1, code ? err.msg : "");
  publish_changes(s);
}

/* ---- what the server asks ---- */

static void on_snapshot(void *user, const char *token, pgr_buf *out) {
  if (!pgr__site_write(pgr__site_state(user, token), out)) out->failed = true;
}

static void on_link_used(void *user) {
  pgr_site *s = user;
  if (s->options.keeper.link_used) s->options.keeper.link_used(s->options.keeper.user);
}

#ifdef PGR_HTML
extern const pgr_embedded pgr_embedded_demo[];

static pgr_http_file file(const char *path, const char *type, const char *name) {
  const pgr_embedded *e = pgr_embedded_demo;
  while (e->name && strcmp(e->name, name) != 0)
    e++;
  assert(e->name);
  return (pgr_http_file){path, type, e->data, e->len_bytes};
}

static int find_files(pgr_http_file files[PGR__SITE_FILES_MAX]) {
  files[0] = file("/", "text/html; charset=utf-8", "demo.html");
  files[1] = file("/demo.js", "text/javascript; charset=utf-8", "demo.js");
  files[2] = file("/demo.css", "text/css; charset=utf-8", "demo.css");
  return 3;
}

#else
static int find_files(pgr_http_file files[PGR__SITE_FILES_MAX]) {
  (void)files;
  return 0; /* pgrace demo says what it was built without, and makes no site */
}
#endif

/* ---- what the keeper says ---- */

/* The inbox is empty from here on, for those who watch too: a setting that is "preparing" says it to them. */
static void begin_anew(pgr_site *s) {
  s->stage = PGR__SITE_ENTERING;
  s->arrived = INT64_MIN;
  *s->trouble = '\0';
  json_decref(s->explanation);
  s->explanation = NULL;
  memset(&s->tried, 0, sizeof s->tried);
  publish_changes(s);
}

void pgr__site_enter(pgr_site *s, const pgr_strategy *strategy) {
  s->wanted = strategy;
  s->forgotten = false;
  if (s->stage == PGR__SITE_LOST) {
    publish_changes(s);
  } else {
    begin_anew(s);
    pgr_inbox_leave(s->inbox, "it is being prepared, try again in a moment");
  }
  s->options.keeper.enter(s->options.keeper.user, strategy);
}

void pgr_site_use(pgr_site *s, const pgr_target *target, const pgr_strategy *strategy, int64_t first_key,
                  int64_t last_key, bool afresh, const char *server) {
  pgr_err err;
  s->afresh = s->afresh || afresh;
  if (strategy != s->wanted) return; /* another one was asked for meanwhile, and comes */
  snprintf(s->server, sizeof s->server, "%s", server);
  s->forgotten |= s->afresh;
  begin_anew(s);
  if (pgr_inbox_use(s->inbox, target, strategy, first_key, last_key, s->afresh, &err)) {
    pgr_inbox_leave(s->inbox, err.msg);
    lose(s, err.msg);
    return;
  }
  s->stage = PGR__SITE_USING;
  s->afresh = false;
  s->welcomes = true;
  publish_changes(s);
}

void pgr_site_leave(pgr_site *s, const char *why) {
  s->stage = PGR__SITE_LOST;
  pgr_inbox_leave(s->inbox, why);
  publish_changes(s);
}

/* ---- from the beginning to the end ---- */

static pgr_code open_inbox(pgr_site *s, pgr_err *err) {
  pgr_inbox_events events = {.moment = on_moment, .changed = on_changed, .away = on_away, .user = s};
  return pgr_inbox_create(s->options.loop, s->options.scenario, events, &s->inbox, err);
}

static pgr_code open_http(pgr_site *s, pgr_err *err) {
  pgr_http_options o = {
      .loop = s->options.loop,
      .address = s->options.address,
      .port = s->options.port,
      .files = s->files,
      .file_count = find_files(s->files),
      .routes = pgr__site_routes,
      .route_count = PGR__SITE_ROUTES,
      .snapshot = on_snapshot,
      .stream_path = "/events",
      .link_used = on_link_used,
      .user = s,
  };
  return pgr_http_open(&o, &s->http, err);
}

pgr_code pgr_site_open(const pgr_site_options *options, pgr_site **out, pgr_err *err) {
  pgr_site *s = pgr_calloc(1, sizeof *s);
  if (!s) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  s->options = *options;
  s->wanted = options->strategy;
  s->arrived = INT64_MIN;
  s->flush.fire = flush;
  s->welcome.fire = welcome;
  pgr_buf_init(&s->scratch, 0);
  s->cast = pgr__site_cast(options->scenario);
  pgr_code code = s->cast ? open_inbox(s, err) : pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (!code) code = open_http(s, err);
  if (!code) code = pgr_inbox_set_gap(s->inbox, s->options.gap_ns, err);
  if (code) {
    pgr_site_close(s);
    pgr_site_destroy(s);
    return code;
  }
  pgr_inbox_set_stepping(s->inbox, s->options.stepping);
  *out = s;
  return PGR_OK;
}

pgr_http *pgr_site_http(pgr_site *s) {
  return s->http;
}

void pgr_site_close(pgr_site *s) {
  s->closed = true;
  pgr_timer_cancel(s->options.loop, &s->flush);
  pgr_timer_cancel(s->options.loop, &s->welcome);
  if (s->inbox) pgr_inbox_close(s->inbox);
  if (s->http) pgr_http_close(s->http);
}

void pgr_site_destroy(pgr_site *s) {
  if (!s) return;
  pgr_http_destroy(s->http);
  pgr_inbox_destroy(s->inbox);
  json_decref(s->cast);
  json_decref(s->setting);
  json_decref(s->seats);
  json_decref(s->counts);
  json_decref(s->explanation);
  pgr_buf_deinit(&s->scratch);
  pgr_free(s);
}
