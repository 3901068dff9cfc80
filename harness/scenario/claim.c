/* The claim of a conversation: check that nobody owns it, then take it. The text of the operations is the same for
 * every strategy: the application's code stays naive, the trigger is all that differs. */
#include "pgr_scenario.h"

#include <string.h>

enum { CLAIM, REPLY, RELEASE };

static const pgr_scenario claim = {
    .name = "claim",
    .title = "agents claim one conversation",
    .broken = "The customer got two answers.",
    .seed_sql = "INSERT INTO conversations (id) SELECT generate_series($1::bigint, $2::bigint)",
    .audit_sql = "SELECT count(*) FROM (SELECT FROM replies GROUP BY conversation_id"
                 " HAVING count(DISTINCT texter_id) > 1) doubled",
    .operations =
        {
            [CLAIM] = {.name = "claim",
                       .when = PGR_WHEN_RELEASED,
                       .steps = {{.sql = "SELECT texter_id FROM conversations WHERE id = $1",
                                  .params = {PGR_PARAM_KEY},
                                  .param_count = 1,
                                  .guard = PGR_GUARD_FREE},
                                 {.sql = "UPDATE conversations SET texter_id = $2 WHERE id = $1",
                                  .params = {PGR_PARAM_KEY, PGR_PARAM_AGENT},
                                  .param_count = 2,
                                  .guard = PGR_GUARD_ONE_ROW}},
                       .step_count = 2},
            [REPLY] = {.name = "reply",
                       .when = PGR_WHEN_OWNER,
                       .steps = {{.sql = "INSERT INTO replies (conversation_id, texter_id) VALUES ($1, $2)",
                                  .params = {PGR_PARAM_KEY, PGR_PARAM_AGENT},
                                  .param_count = 2,
                                  .guard = PGR_GUARD_ONE_ROW}},
                       .step_count = 1},
            [RELEASE] = {.name = "release",
                         .when = PGR_WHEN_ROUND_END,
                         .steps = {{.sql = "UPDATE conversations SET texter_id = NULL WHERE id = $1",
                                    .params = {PGR_PARAM_KEY},
                                    .param_count = 1,
                                    .guard = PGR_GUARD_ONE_ROW}},
                         .step_count = 1},
        },
    .operation_count = 3,
    .model = {.acquire = CLAIM, .release = RELEASE},
    .rejection = {.sqlstate = "23514",
                  .constraint = "conversation_texter_assignment_constraint",
                  .field = "texter_id",
                  .message = "This conversation is already checked out"},
    .strategies =
        {
            {.name = "naive",
             .summary = "check, then update: nothing stands between the two",
             .expect = PGR_EXPECT_RACE,
             .migrations = {"0001_inbox"}},
            {.name = "trigger",
             .summary = "the same code, and a trigger that forbids to change the owner",
             .expect = PGR_EXPECT_SAFE,
             .migrations = {"0001_inbox", "0002_conversation_texter_assignment"}},
        },
    .strategy_count = 2,
};

const pgr_scenario *pgr_scenario_claim(void) {
  return &claim;
}

const pgr_strategy *pgr_scenario_strategy(const pgr_scenario *s, const char *name) {
  for (int i = 0; i < s->strategy_count; i++)
    if (strcmp(s->strategies[i].name, name) == 0) return &s->strategies[i];
  return NULL;
}
