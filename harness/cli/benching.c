/* Strategies are not measured one after the other but in turns, each repetition in another order: whatever drifts on
 * the machine meanwhile meets all of them. */
#include "benching.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include "pgr_rehearsal.h"
#include "pgr_rules.h"
#include "pgr_server_cpu.h"
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { SEED_KEYS = 10000, REHEARSAL_AGENTS = 2 };

static bool is_private(const pgr_benching *b) {
  return !b->options->dsn;
}

/* Where each key is contended for once, those who do are its contenders. */
static pgr_stage stage_of(const pgr_benching *b, const pgr_site *site, uint32_t clients) {
  const pgr_key_options *k = &b->load.keys->o;
  return (pgr_stage){.db = site->place.db,
                     .scenario = b->bench->scenario,
                     .agents = clients,
                     .contenders = k->spread == PGR_SPREAD_ONCE ? (uint32_t)k->each : clients};
}

/* ---- databases ---- */

static uint32_t most_connections(const pgr_bench *bench) {
  uint32_t most = 1;
  for (size_t i = 0; i < bench->cell_count; i++)
    if (bench->cells[i].connections > most) most = bench->cells[i].connections;
  return most;
}

static int count_strategies(const pgr_bench *bench) {
  int count = 0;
  for (size_t i = 0; i < bench->cell_count; i++)
    count += i == 0 || bench->cells[i].strategy != bench->cells[i - 1].strategy;
  return count;
}

pgr_code pgr_benching_open(pgr_benching *b, pgr_err *err) {
  pgr_site *first = &b->sites[0];
  const pgr_place_options options = {.dsn = b->options->dsn,
                                     .durable = b->options->durable,
                                     .as_is = b->options->use_database,
                                     .fewer = b->options->connections ? NULL : "--clients, or give --connections",
                                     .connections = (int)most_connections(b->bench) + count_strategies(b->bench) + 1};
  pgr_code code = pgr_place_open(&first->place, &options, err);
  if (code) return code;
  first->open = true;
  b->site_count = 1;
  return PGR_OK;
}

pgr_code pgr_benching_close(pgr_benching *b, pgr_err *err) {
  pgr_code code = PGR_OK;
  while (b->site_count > 0) { /* the first one's server last */
    pgr_site *site = &b->sites[--b->site_count];
    pgr_err reason;
    pgr_code closed = site->open ? pgr_place_close(&site->place, &reason) : PGR_OK;
    if (closed && !code) {
      code = closed;
      *err = reason;
    }
    site->open = false;
  }
  return code;
}

static pgr_code on_check(void *user, pgr_err *err) {
  return pgr_place_check(&((pgr_benching *)user)->sites[0].place, err);
}

/* One round with two agents: better now than in the middle of it all. */
static pgr_code rehearse(pgr_benching *b, const pgr_site *site, pgr_isolation level, pgr_err *err) {
  const pgr_scenario *s = b->bench->scenario;
  uint32_t agents = REHEARSAL_AGENTS;
  int starts = 0;
  for (int k = 0; k < s->operation_count; k++)
    starts += s->operations[k].when == PGR_WHEN_START;
  if (starts > REHEARSAL_AGENTS) agents = (uint32_t)starts;
  const pgr_race_options race = {.scenario = s,
                                 .strategy = site->strategy,
                                 .isolation = level,
                                 .protocol = b->load.protocol,
                                 .defines = b->load.defines,
                                 .define_count = b->load.define_count,
                                 .agents = agents,
                                 .contenders = agents,
                                 .connections = agents,
                                 .threads = 1,
                                 .rounds = 1,
                                 .seed = b->load.seed,
                                 .max_ops = SIZE_MAX};
  const pgr_race_watch watch = {.check = on_check, .user = b};
  pgr_stage stage = stage_of(b, site, agents);
  return pgr_rehearse(&stage, &race, site->place.target, &watch, true, err);
}

static pgr_code install(pgr_benching *b, const pgr_bench_cell *cell, pgr_err *err) {
  pgr_site *site = &b->sites[b->site_count - 1];
  site->strategy = cell->strategy;
  pgr_stage stage = stage_of(b, site, cell->clients);
  pgr_code code = b->options->use_database ? PGR_OK : pgr_stage_install(&stage, cell->strategy, err);
  if (!code && !b->bench->bare) code = rehearse(b, site, cell->isolation, err);
  return code;
}

static pgr_code install_all(pgr_benching *b, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < b->bench->cell_count; i++) {
    const pgr_bench_cell *cell = &b->bench->cells[i];
    if (i > 0 && cell->strategy == cell[-1].strategy) continue;
    if (i > 0) {
      code = pgr_place_beside(&b->sites[b->site_count].place, &b->sites[0].place, err);
      if (code) return code;
      b->sites[b->site_count++].open = true;
    }
    code = install(b, cell, err);
  }
  return code;
}

static pgr_site *site_of(pgr_benching *b, const pgr_bench_cell *cell) {
  pgr_site *site = b->sites;
  while (site->strategy != cell->strategy)
    site++;
  return site;
}

/* ---- before a phase ---- */

/* Of our own tables; all of the database would be the server's shared catalogs, too, where we may. */
static pgr_code vacuum(const pgr_benching *b, pgr_err *err) {
  pgr_db *db = b->site->place.db;
  PGresult *rows = NULL;
  pgr_code code = pgr_db_query(db,
                               "SELECT format('VACUUM (ANALYZE) %I.%I', schemaname, tablename) FROM pg_tables"
                               " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
                               0, NULL, &rows, err);
  for (int i = 0; !code && i < PQntuples(rows); i++)
    code = pgr_db_exec(db, PQgetvalue(rows, i, 0), err);
  PQclear(rows);
  return code;
}

/* Every phase finds what the first one found: the same rows, no dead ones, statistics, nothing left to be written. */
static pgr_code prepare(pgr_benching *b, pgr_err *err) {
  const pgr_scenario *s = b->bench->scenario;
  if (b->bench->bare) return PGR_OK;
  pgr_stage stage = stage_of(b, b->site, b->cell->clients);
  pgr_code code = pgr_stage_reset(&stage, err);
  int64_t last = s->key.first + b->load.keys->o.count - 1;
  for (int64_t first = s->key.first; !code && first <= last; first += SEED_KEYS)
    code = pgr_stage_seed(&stage, first, first + SEED_KEYS - 1 < last ? first + SEED_KEYS - 1 : last, err);
  if (!code) code = vacuum(b, err);
  if (!code && is_private(b)) code = pgr_db_exec(b->site->place.db, "CHECKPOINT", err);
  return code;
}

/* ---- while it runs ---- */

static void observe(pgr_benching *b) {
  pgr_err ignored;
  if (!b->options->sample || pgr_db_connect(b->site->place.target, &b->observer, &ignored)) return;
  pgr_sampler_begin(&b->sampler, b->observer);
  b->observing = true;
}

/* With --use-database others' sessions may stay, too; the sampler finds out. */
static void stop_observing(pgr_benching *b, pgr_server_figures *out) {
  if (b->observing) pgr_sampler_end(&b->sampler, 1, out);
  pgr_db_close(b->observer);
  b->observer = NULL;
  b->observing = false;
}

static void on_entered(void *user, pgr_load_phase phase) {
  pgr_benching *b = user;
  switch (phase) {
  case PGR_LOAD_CONNECTING: break;
  case PGR_LOAD_WARMING: observe(b); break;
  case PGR_LOAD_MEASURING: b->server_cpu_ns = pgr_server_cpu_ns(b->sites[0].place.server); break;
  case PGR_LOAD_DRAINING:
    if (b->server_cpu_ns >= 0) {
      int64_t now_ns = pgr_server_cpu_ns(b->sites[0].place.server);
      b->server_cpu_ns = now_ns < 0 ? -1 : now_ns - b->server_cpu_ns;
    }
    if (b->observing) pgr_sampler_mark(&b->sampler);
    break;
  }
}

static void on_look(void *user) {
  pgr_benching *b = user;
  if (b->observing) pgr_sampler_look(&b->sampler);
}

/* They would hold their locks, and on a user's server go on for as long as they like. */
static void on_left(void *user, const int *pids, int count) {
  pgr_benching *b = user;
  pgr_db *db = NULL;
  pgr_err ignored;
  if (pgr_db_connect_for_cleanup(b->site->place.target, &db, &ignored)) return;
  for (int i = 0; i < count; i++) {
    char sql[64];
    snprintf(sql, sizeof sql, "SELECT pg_cancel_backend(%d)", pids[i]);
    if (pgr_db_exec(db, sql, &ignored)) break;
  }
  pgr_db_close(db);
}

static void on_progress(void *user, const pgr_load_progress *p) {
  pgr_benching *b = user;
  pgr_buf what;
  if (!b->progress) return;
  if (b->options->progress_ns) {
    int64_t since_ns = p->elapsed_ns - b->reported_ns;
    if (since_ns < b->options->progress_ns) return;
    fprintf(stderr, "progress: %.1f s, %.1f tps, %llu errors, %llu duplicates\n", (double)p->elapsed_ns / PGR_NS_PER_S,
            (double)(p->transactions - b->reported) * PGR_NS_PER_S / (double)since_ns, (unsigned long long)p->errors,
            (unsigned long long)p->duplicates);
    b->reported_ns = p->elapsed_ns;
    b->reported = p->transactions;
    return;
  }
  pgr_buf_init(&what, 0);
  pgr_bench_cell_name(b->bench, b->cell, &what);
  pgr_buf_addf(&what, ", %d of %d", b->repetition + 1, b->bench->settings.repetitions);
  pgr_progress_loaded(b->progress, pgr_buf_text(&what), p->transactions, p->errors, p->elapsed_ns, p->planned_ns);
  pgr_buf_deinit(&what);
}

/* ---- after it ---- */

/* Whether a key is to its agents what a round is: they come once, and nobody gives it back for the next. Only then do
 * the rows of a key say what the invariants ask. */
static bool keys_are_rounds(const pgr_benching *b) {
  const pgr_scenario *s = b->bench->scenario;
  bool rounds = b->load.keys->o.spread == PGR_SPREAD_ONCE;
  for (int k = 0; k < s->operation_count; k++)
    rounds &= s->operations[k].when != PGR_WHEN_END;
  return rounds;
}

/* What the rows say, where that needs no history. */
static pgr_code check_rows(pgr_benching *b, pgr_err *err) {
  const pgr_scenario *s = b->bench->scenario;
  if (pgr_interrupt_pending() || !b->options->verify || !keys_are_rounds(b)) return PGR_OK;
  pgr_stage stage = stage_of(b, b->site, b->cell->clients);
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < s->invariant_count; i++) {
    const pgr_invariant *v = &s->invariants[i];
    PGresult *rows = NULL;
    if (v->needs_history) continue;
    code = pgr_stage_query(&stage, v->name, &v->sql, &rows, err);
    int broken = code ? 0 : PQntuples(rows);
    PQclear(rows);
    if (broken > 0 && !*b->cell->rules)
      snprintf(b->cell->rules, sizeof b->cell->rules, "%.150s: %d %s", v->name, broken, broken == 1 ? "key" : "keys");
    b->cell->rows_broken += (uint64_t)broken;
  }
  return code;
}

/* Why a cell's figures say less than they seem to; the first reason is kept. */
static void note(pgr_benching *b, const pgr_measure *m) {
  pgr_bench *bench = b->bench;
  char *trouble = b->cell->trouble;
  const size_t bytes = sizeof b->cell->trouble;
  if (m->keys_used_up && !*bench->note)
    snprintf(bench->note, sizeof bench->note,
             "All %lld keys were used and a phase was cut short: raise --keys or lower --duration.",
             (long long)bench->settings.keys.count);
  if (m->verify_limited || m->unfinished > 0 || m->keys_used_up) bench->complete = false;
  if (*trouble) return;
  if (m->verify_limited)
    snprintf(trouble, bytes,
             "ownership was verified for the first %llu operations only: what is not settled took too much memory",
             (unsigned long long)m->verified_operations);
  else if (m->unfinished > 0)
    snprintf(trouble, bytes, "%llu transactions did not end within 10 s of the window's end, and were cut off",
             (unsigned long long)m->unfinished);
  else if (m->arrivals.unsent > 0)
    snprintf(trouble, bytes, "%llu of %llu arrivals were never begun, so the times leave out those that waited longest",
             (unsigned long long)m->arrivals.unsent, (unsigned long long)m->arrivals.due);
}

static bool tells_more(const pgr_follow_report *now, const pgr_follow_report *before) {
  return (now->duplicates > 0 && before->duplicates == 0) ||
         (now->unexplained > 0 && before->unexplained == 0 && before->duplicates == 0);
}

static pgr_load_options options_of(const pgr_benching *b) {
  const pgr_bench_cell *cell = b->cell;
  pgr_load_options o = b->load;
  o.strategy = cell->strategy;
  o.isolation = cell->isolation;
  o.agents = cell->clients;
  o.connections = cell->connections;
  o.threads = cell->threads;
  o.seed += (uint64_t)b->repetition;
  return o;
}

/* A phase that an interrupt cut short is not one of the repetitions, but what it saw that must not be counts. One that
 * ran out of keys is, as long as it was. */
static pgr_code take(pgr_benching *b, pgr_measure *m, const pgr_follow_report *stories, pgr_err *err) {
  bool counts = m->complete || (m->keys_used_up && m->window_ns > 0);
  if (tells_more(stories, &b->cell->story)) b->cell->story = *stories;
  note(b, m);
  if (!counts) {
    b->bench->complete = false;
    return PGR_OK;
  }
  pgr_code code = check_rows(b, err);
  if (!code && pgr_bench_add(b->cell, b->bench->scenario, m)) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  return code;
}

static pgr_code run_phase(pgr_benching *b, pgr_err *err) {
  const pgr_load_watch watch = {
      .progress = on_progress, .check = on_check, .entered = on_entered, .look = on_look, .left = on_left, .user = b};
  const pgr_load_options o = options_of(b);
  pgr_measure m = {0};
  pgr_follow_report stories = {0};
  b->server_cpu_ns = -1;
  b->reported_ns = 0;
  b->reported = 0;
  if (b->progress) pgr_progress_restart(b->progress);
  pgr_code code = prepare(b, err);
  if (!code) code = pgr_load_run(&o, b->site->place.target, &watch, &m, &stories, err);
  if (b->progress) pgr_progress_wipe(b->progress);
  m.server_cpu_ns = b->server_cpu_ns;
  stop_observing(b, &m.server);
  if (!code) code = take(b, &m, &stories, err);
  pgr_measure_deinit(&m);
  return code;
}

pgr_code pgr_benching_run(pgr_benching *b, pgr_err *err) {
  pgr_bench *bench = b->bench;
  pgr_code code = install_all(b, err);
  bench->complete = true;
  for (b->repetition = 0; b->repetition < bench->settings.repetitions; b->repetition++)
    for (size_t i = 0; !code && i < bench->cell_count && !pgr_interrupt_pending(); i++) {
      b->cell = &bench->cells[(i + (size_t)b->repetition) % bench->cell_count];
      b->site = site_of(b, b->cell);
      code = run_phase(b, err);
    }
  if (pgr_interrupt_pending()) {
    bench->interrupted = true;
    bench->complete = false;
    snprintf(bench->note, sizeof bench->note, "Interrupted: the repetitions that ran are shown.");
  }
  return code == PGR_EINTERRUPTED ? PGR_OK : code;
}
