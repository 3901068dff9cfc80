/* pgrace demo: the inbox, in a browser or a terminal. In the browser the page comes first: it can be opened while the
 * database is still being made. */
#include "cells.h"
#include "commands.h"
#include "demo_keeper.h"
#include "demo_options.h"
#include "demo_terminal.h"
#include "gallery.h"
#include "outputs.h"
#include "pgr_page.h"
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static_assert((int)PGR_DEMO_ORDER_MAX == (int)PGR_INBOX_ORDER_MAX, "what is taken can be played");
static_assert((int)PGR_DEMO_GAP_MAX_S == (int)PGR_INBOX_GAP_MAX_S, "so can a gap");

typedef struct demo {
  pgr_demo_options options;
  pgr_scenario *scenario;
  const pgr_strategy *strategies[PGR_STRATEGIES_MAX];
  int strategy_count;
  pgr_demo_rooms rooms;
  pgr_demo_keeper keeper;
  char repeat[PGR_REPEAT_BYTES];
  int exit_status;
} demo;

/* As pgrace run chooses them. */
static pgr_code choose_strategies(demo *d, pgr_err *err) {
  pgr_result chosen = {.scenario = d->scenario};
  pgr_code code = pgr_cells_choose(&chosen, d->options.strategies, NULL, NULL, err);
  for (size_t i = 0; !code && i < chosen.cell_count; i++)
    d->strategies[d->strategy_count++] = chosen.cells[i].strategy;
  pgr_result_deinit(&chosen);
  return code;
}

/* ---- in the browser ---- */

/* The port that was asked for, or ours; any where ours is taken. */
static pgr_code listen_somewhere(demo *d, pgr_err *err) {
  const pgr_demo_options *o = &d->options;
  pgr_site_options site = {.version = PGR_VERSION,
                           .loop = d->keeper.loop,
                           .scenario = d->scenario,
                           .strategy = d->strategies[0],
                           .gap_ns = o->gap_ns,
                           .stepping = o->step,
                           .order = o->order ? o->order : "",
                           .address = o->listen,
                           .port = (uint16_t)o->port,
                           .keeper = pgr_demo_keeper_calls(&d->keeper)};
  pgr_code code = pgr_site_open(&site, &d->keeper.site, err);
  if (code != PGR_EENVIRONMENT || o->port_given) return code;
  site.port = 0;
  return pgr_site_open(&site, &d->keeper.site, err);
}

/* Before the loop runs: the site is still ours. */
static pgr_code greet(demo *d, pgr_err *err) {
  pgr_buf link;
  pgr_buf_init(&link, 0);
  pgr_http_link(pgr_site_http(d->keeper.site), &link);
  pgr_code code = link.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
  if (!code) {
    printf("pgrace " PGR_VERSION " · an inbox for two, on %s PostgreSQL\nOpen %s  (works once; the next one appears "
           "here)\nCtrl-C ends it and leaves nothing behind.\n",
           d->options.dsn ? "your" : "a private", pgr_buf_text(&link));
    if (fflush(stdout)) /* without the address nobody can come */
      code = pgr_fail(err, PGR_EENVIRONMENT, "cannot write the address to standard output: %s", strerror(errno));
  }
  if (!code && d->options.open) pgr_demo_browser_open(&d->keeper.browser, pgr_buf_text(&link));
  pgr_buf_deinit(&link);
  return code;
}

/* The loop was not started: what is on it is closed on this thread. */
static void take_down(demo *d) {
  if (d->keeper.site) pgr_site_close(d->keeper.site);
  pgr_loop_finish(d->keeper.loop);
  pgr_loop_join(d->keeper.loop);
}

static pgr_code keep(demo *d, pgr_err *err) {
  pgr_demo_keeper *k = &d->keeper;
  pgr_err why = {0};
  pgr_code code = pgr_demo_keeper_run(k, err);
  pgr_demo_keeper_stop(k);
  pgr_code closed = pgr_demo_rooms_close(&d->rooms, &why);
  if (closed && code) fprintf(stderr, "pgrace: %s\n", why.msg);
  if (closed && !code) *err = why;
  return code ? code : closed;
}

static pgr_code show_page(demo *d, pgr_err *err) {
  pgr_demo_keeper *k = &d->keeper;
  *k = (pgr_demo_keeper){.rooms = &d->rooms, .wanted = d->strategies[0], .repeat = d->repeat, .out = stdout};
  pgr_code code = pgr_demo_keeper_init(k, err);
  if (code) return code;
  code = pgr_loop_create(&k->loop, err);
  if (!code) {
    bool runs = false;
    code = listen_somewhere(d, err);
    if (!code) code = greet(d, err);
    if (!code) code = pgr_loop_start(k->loop, "pgr-demo", err);
    runs = !code;
    if (runs)
      code = keep(d, err);
    else
      take_down(d);
    pgr_site_destroy(k->site);
    pgr_loop_destroy(k->loop);
  }
  pgr_demo_keeper_deinit(k);
  return code;
}

/* ---- in the terminal ---- */

static pgr_code tell_in_terminal(demo *d, pgr_err *err) {
  pgr_err why = {0};
  pgr_code code = pgr_demo_rooms_open(&d->rooms, err);
  if (code) return code;
  code = pgr_demo_terminal(&d->options, &d->rooms, d->strategies, d->strategy_count, &d->exit_status, err);
  pgr_code closed = pgr_demo_rooms_close(&d->rooms, &why);
  if (closed && code) fprintf(stderr, "pgrace: %s\n", why.msg);
  if (closed && !code) *err = why;
  return code ? code : closed;
}

/* ---- */

static pgr_code work(demo *d, pgr_err *err) {
  pgr_code code = choose_strategies(d, err);
  if (code) return code;
  if (d->options.strategies && d->strategy_count > 1 && !d->options.terminal)
    return pgr_fail(err, PGR_EUSAGE, "--strategy: the page begins with one strategy; --terminal plays several");
  d->rooms = (pgr_demo_rooms){
      .scenario = d->scenario, .dsn = d->options.dsn, .connections = PGR_SEATS + PGR_INBOX_CROWD_CONNECTIONS + 1};
  code = pgr_demo_rooms_prepare(&d->rooms, err);
  if (code) return code;
  if (d->options.terminal) return tell_in_terminal(d, err);
  if (pgr_page_is_built()) return show_page(d, err);
  return pgr_fail(err, PGR_EUSAGE,
                  "this pgrace was built without its pages: use --terminal, or build it with -DPGR_HTML=ON");
}

int pgr_cmd_demo(int argc, char **argv) {
  static demo d; /* rooms of every strategy */
  pgr_err err = {0};
  pgr_faults faults = {0};
  bool wants_help = false;
  pgr_code code = pgr_demo_options_parse(&d.options, argc, argv, &wants_help, &err);
  if (wants_help) {
    pgr_demo_help();
    return 0;
  }
  pgr_outputs_repeat(argc, argv, 0, true, d.repeat, sizeof d.repeat);
  if (!code) code = pgr_gallery_open("claim", &d.scenario, &faults, &err);
  if (!code) code = work(&d, &err);
  pgr_faults_deinit(&faults);
  pgr_scenario_destroy(d.scenario);
  if (code) fprintf(stderr, "pgrace: %s\n", err.msg);
  return code ? pgr_exit_status(code) : d.exit_status;
}
