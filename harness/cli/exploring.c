#include "exploring.h"

#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

static pgr_stage stage_at(const pgr_exploring *x, const pgr_place *place) {
  return (pgr_stage){.db = place->db,
                     .scenario = x->options.scenario,
                     .agents = (uint32_t)x->options.agents,
                     .contenders = (uint32_t)x->options.agents};
}

/* The first worker's is the place's own database, the others' are made beside it. */
static pgr_code on_room(void *user, int job, pgr_room *out, pgr_err *err) {
  pgr_exploring *x = user;
  pgr_place *place = x->place;
  pgr_code code = PGR_OK;
  if (job > 0) {
    place = &x->beside[job];
    code = pgr_place_beside(place, x->place, err);
    pgr_stage stage = stage_at(x, place);
    if (!code) code = pgr_stage_install(&stage, x->options.strategy, err);
  }
  *out = (pgr_room){place->target, place->db};
  return code;
}

static pgr_code on_check(void *user, pgr_err *err) {
  return pgr_place_check(((pgr_exploring *)user)->place, err);
}

static void on_progress(void *user, const pgr_explore_progress *p) {
  pgr_exploring *x = user;
  char what[128];
  if (!x->progress) return;
  snprintf(what, sizeof what, "%s, %s", x->options.strategy->name, pgr_isolation_name(x->options.isolation));
  pgr_progress_explored(x->progress, what, &p->totals, p->elapsed_ns);
}

pgr_explore_watch pgr_exploring_watch(pgr_exploring *x) {
  return (pgr_explore_watch){.progress = on_progress, .room = on_room, .check = on_check, .user = x};
}

int pgr_exploring_agents(const pgr_scenario *s) {
  int starts = 0, agents = 2;
  for (int k = 0; k < s->operation_count; k++)
    starts += s->operations[k].when == PGR_WHEN_START;
  if (starts > agents) agents = starts;
  if (s->ownership.declared && s->ownership.capacity + 1 > agents && s->ownership.capacity < PGR_SEARCH_AGENTS_MAX)
    agents = (int)s->ownership.capacity + 1;
  return agents < PGR_SEARCH_AGENTS_MAX ? agents : PGR_SEARCH_AGENTS_MAX;
}

/* Why the exploration proves nothing, though it may have come to its end. */
static void say_what_is_missing(pgr_cell *cell, const pgr_explored *e) {
  pgr_proof *p = &cell->proof;
  if (*e->parted)
    snprintf(p->trouble, sizeof p->trouble, "not deterministic: the same schedule parted from its first run at %.200s",
             e->parted);
  else if (e->cancelled)
    snprintf(p->trouble, sizeof p->trouble,
             "in %lld schedule%s a statement did not end within the step timeout and was cancelled, as %.120s",
             (long long)e->cancelled, e->cancelled == 1 ? "" : "s", e->cancelled_what);
  else if (e->totals.deep)
    snprintf(p->trouble, sizeof p->trouble, "a schedule has more than %d steps", PGR_SEARCH_DEPTH_MAX);
  else if (e->interrupted)
    snprintf(p->trouble, sizeof p->trouble, "interrupted");
  if (*p->trouble) cell->evidence.trouble = p->trouble;
}

pgr_code pgr_exploring_run(pgr_exploring *x, pgr_cell *cell, pgr_witness *witness, pgr_err *err) {
  pgr_explored explored;
  pgr_explore_watch watch = pgr_exploring_watch(x);
  x->cell = cell;
  x->options.strategy = cell->strategy;
  x->options.isolation = cell->isolation;
  memset(x->beside, 0, sizeof x->beside);
  pgr_code code = pgr_explore_run(&x->options, &watch, &explored, err);
  for (int i = 0; i < PGR_JOBS_MAX; i++) {
    pgr_err closing;
    if (x->beside[i].target && pgr_place_close(&x->beside[i], &closing)) {
      fprintf(stderr, "pgrace: %s\n", closing.msg);
      if (!code) code = pgr_fail(err, closing.code, "a database was left behind");
    }
  }
  if (x->progress) pgr_progress_wipe(x->progress);
  if (!code) {
    cell->elapsed_ns = explored.elapsed_ns;
    cell->evidence.unexplained = (uint64_t)explored.unexplained;
    cell->proof = (pgr_proof){.agents = x->options.agents,
                              .proved = explored.proved,
                              .reduced = x->options.reduce && x->options.bound < 0,
                              .split = x->options.split,
                              .bound = x->options.bound,
                              .totals = explored.totals,
                              .found_after = explored.found_after,
                              .seed = x->options.seed};
    say_what_is_missing(cell, &explored);
    pgr_cell_prove(cell, x->options.scenario, &explored.tally);
    if (explored.has_witness) {
      *witness = explored.witness;
      explored.witness = (pgr_witness){0};
      cell->proof.witness = witness;
    }
  }
  pgr_explored_deinit(&explored);
  return code;
}
