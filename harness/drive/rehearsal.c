#include "pgr_rehearsal.h"

enum { CONTENDERS_MAX = 4, KEYS = 3 };

static pgr_code no_seed(void *user, int64_t first, int64_t last, pgr_err *err) {
  (void)user, (void)first, (void)last, (void)err;
  return PGR_OK;
}

/* One round with few agents: enough to leave marks in the tables. */
static pgr_code race_a_round(const pgr_race_options *options, const pgr_target *target, const pgr_race_watch *watch,
                             pgr_err *err) {
  pgr_race_options o = *options;
  pgr_race_watch quiet = {.check = watch->check, .seed = no_seed, .user = watch->user};
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
                      const pgr_race_watch *watch, pgr_err *err) {
  pgr_print before = {0}, after = {0};
  int64_t first = stage->scenario->key.first, last = first + KEYS - 1;
  if (last > stage->scenario->key.last) last = stage->scenario->key.last;
  pgr_code code = pgr_stage_seed(stage, first, last, err);
  if (!code) code = pgr_rules_check_seed(stage, err);
  if (!code) code = pgr_stage_print(stage, &before, err);
  if (!code) code = race_a_round(options, target, watch, err);
  if (!code) code = pgr_stage_reset(stage, err);
  if (!code) code = seed_again(stage, first, last, err);
  if (!code) code = pgr_stage_print(stage, &after, err);
  if (!code) code = pgr_stage_compare(stage, &before, &after, err);
  if (!code) code = pgr_stage_reset(stage, err);
  pgr_print_deinit(&before);
  pgr_print_deinit(&after);
  return code;
}
