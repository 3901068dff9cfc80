/* One round with few agents, and what it leaves behind. It has a time limit: a round that never ends, because it waits
 * for a lock that nobody gives back, would else look like a slow server. */
#include "pgr_rehearsal.h"

#include "pgr_clock.h"
#include <stdio.h>

enum { CONTENDERS_MAX = 4, KEYS = 3 };
static const int64_t LIMIT_NS = 20 * PGR_NS_PER_S;

typedef struct rehearsal {
  const pgr_stage *stage;
  const pgr_race_watch *watch;
  int64_t deadline_ns;
} rehearsal;

/* A statement of the round that waits for a lock, as the server has it; "" when there is none. */
static void find_waiting(const pgr_stage *stage, char *out, size_t out_bytes) {
  PGresult *rows = NULL;
  pgr_err ignored;
  *out = '\0';
  if (pgr_db_query(stage->db,
                   "SELECT query FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                   " ORDER BY query_start LIMIT 1",
                   0, NULL, &rows, &ignored))
    return;
  if (PQntuples(rows) == 1) snprintf(out, out_bytes, "%.200s", PQgetvalue(rows, 0, 0));
  PQclear(rows);
}

static pgr_code on_check(void *user, pgr_err *err) {
  rehearsal *r = user;
  char waiting[256];
  pgr_code code = r->watch->check ? r->watch->check(r->watch->user, err) : PGR_OK;
  if (code || pgr_now_ns() < r->deadline_ns) return code;
  find_waiting(r->stage, waiting, sizeof waiting);
  return pgr_fail(err, PGR_EUSAGE,
                  "%s: one round with %d agents did not end within 20 s%s%s%s; a lock that a session keeps "
                  "(pg_advisory_lock) needs pool_mode: session, or pg_advisory_xact_lock",
                  r->stage->scenario->source.name, CONTENDERS_MAX, *waiting ? ": waiting for a lock is “" : "", waiting,
                  *waiting ? "”" : "");
}

static pgr_code no_seed(void *user, int64_t first, int64_t last, pgr_err *err) {
  (void)user, (void)first, (void)last, (void)err;
  return PGR_OK;
}

/* One round with few agents: enough to leave marks in the tables. */
static pgr_code race_a_round(const pgr_stage *stage, const pgr_race_options *options, const pgr_target *target,
                             const pgr_race_watch *watch, pgr_err *err) {
  pgr_race_options o = *options;
  rehearsal r = {.stage = stage, .watch = watch, .deadline_ns = pgr_now_ns() + LIMIT_NS};
  pgr_race_watch quiet = {.check = on_check, .seed = no_seed, .user = &r};
  pgr_race_result result;
  if (o.contenders > CONTENDERS_MAX) o.contenders = CONTENDERS_MAX;
  o.agents = o.connections = o.contenders;
  o.threads = 1;
  o.rounds = 1;
  o.duration_ns = 0;
  pgr_code code = pgr_race_run(&o, target, &quiet, &result, err);
  if (!code && result.interrupted) code = pgr_fail(err, PGR_EINTERRUPTED, "interrupted");
  pgr_race_result_deinit(&result);
  return code;
}

/* It worked the first time: what is in its way now, the reset has left there. */
static pgr_code seed_again(const pgr_stage *stage, int64_t first, int64_t last, pgr_err *err) {
  pgr_err reason;
  pgr_code code = pgr_stage_seed(stage, first, last, &reason);
  if (code == PGR_EUSAGE)
    return pgr_fail(err, code, "%s (after a round and the reset: the reset does not restore what was there before)",
                    reason.msg);
  return code ? pgr_fail(err, code, "%s", reason.msg) : PGR_OK;
}

pgr_code pgr_rehearse(const pgr_stage *stage, const pgr_race_options *options, const pgr_target *target,
                      const pgr_race_watch *watch, bool with_a_round, pgr_err *err) {
  pgr_print before = {0}, after = {0};
  int64_t first = stage->scenario->key.first, last = first + KEYS - 1;
  if (last > stage->scenario->key.last) last = stage->scenario->key.last;
  pgr_code code = pgr_stage_seed(stage, first, last, err);
  if (!code) code = pgr_rules_check_seed(stage, err);
  if (!code) code = pgr_stage_print(stage, &before, err);
  if (!code && with_a_round) code = race_a_round(stage, options, target, watch, err);
  if (!code) code = pgr_stage_reset(stage, err);
  if (!code) code = seed_again(stage, first, last, err);
  if (!code) code = pgr_stage_print(stage, &after, err);
  if (!code) code = pgr_stage_compare(stage, &before, &after, err);
  if (!code) code = pgr_stage_reset(stage, err);
  pgr_print_deinit(&before);
  pgr_print_deinit(&after);
  return code;
}
