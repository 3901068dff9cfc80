/* Scenarios written down in a test, installed in an empty database and raced. */
#ifndef PGR_RACE_TEST_H
#define PGR_RACE_TEST_H

#include "pgr_live.h"

#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_race.h"
#include "pgr_stage.h"
#include <stdlib.h>
#include <string.h>

/* A file; a scenario is an array of them, its YAML ("test/test.yaml") first, ended by a NULL path. */
typedef struct sheet {
  const char *path, *text;
} sheet;

static inline bool read_sheet(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  snprintf(why, 128, "no such file");
  for (const sheet *s = user; s->path; s++) {
    if (strcmp(s->path, path) != 0) continue;
    *text = pgr_strdup(s->text);
    *len_bytes = strlen(s->text);
    return *text != NULL;
  }
  return false;
}

/* The caller's to destroy. */
static inline pgr_scenario *scenario_of(const sheet *sheets) {
  pgr_faults faults = {0};
  pgr_reader reader = {.read = read_sheet, .user = (void *)(uintptr_t)sheets};
  pgr_scenario *s = pgr_scenario_load(sheets->path, &reader, &faults);
  if (!s) fail_msg("%s", faults.count && faults.kept[0].text ? faults.kept[0].text : "no memory");
  return s;
}

typedef struct seeded {
  pgr_stage stage;
  int64_t first, next; /* keys made so far: first … next - 1; 0 before the first */
} seeded;

/* As watch.seed; the blocks follow one another. */
static inline pgr_code seed(void *user, int64_t first, int64_t last, pgr_err *err) {
  seeded *s = user;
  assert_true(first <= last && (s->next ? first == s->next : first == s->stage.scenario->key.first));
  if (!s->next) s->first = first;
  s->next = last + 1;
  return pgr_stage_seed(&s->stage, first, last, err);
}

static inline pgr_race_options options_of(const pgr_scenario *s, const char *strategy) {
  pgr_race_options o = {.scenario = s,
                        .strategy = pgr_scenario_strategy(s, strategy),
                        .protocol = s->protocol,
                        .agents = 8,
                        .contenders = 8,
                        .connections = 8,
                        .threads = 2,
                        .rounds = 50,
                        .seed = 1,
                        .max_ops = 1000000};
  assert_non_null(o.strategy);
  return o;
}

static inline seeded install(fixture *f, const pgr_race_options *o) {
  pgr_err err;
  seeded s = {.stage = {f->db, o->scenario, o->agents, o->contenders}};
  must(pgr_db_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public", &err), &err);
  must(pgr_stage_install(&s.stage, o->strategy, &err), &err);
  return s;
}

/* Installs and races; the result is the caller's to deinit. */
static inline pgr_race_result race(fixture *f, const pgr_race_options *o) {
  pgr_race_result r;
  pgr_err err;
  seeded s = install(f, o);
  must(pgr_race_run(o, f->target, &(pgr_race_watch){.seed = seed, .user = &s}, &r, &err), &err);
  return r;
}

static inline int64_t number(fixture *f, const char *sql) {
  pgr_err err;
  int64_t n = -1;
  must(pgr_db_query_int(f->db, sql, &n, &err), &err);
  return n;
}

/* Operations of a kind that ended so. */
static inline size_t count_ops(const pgr_race_result *r, int kind, pgr_outcome outcome) {
  size_t n = 0;
  for (size_t i = 0; i < pgr_history_count(r->history); i++) {
    const pgr_op *op = pgr_history_at(r->history, i);
    n += op->kind == kind && op->outcome == outcome;
  }
  assert_int_equal(n, r->tally.outcomes[kind][outcome]);
  return n;
}

#endif
