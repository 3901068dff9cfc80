/* Looking things up in a loaded scenario, and the names of its choices. */
#include "pgr_scenario.h"

#include "pgr_mem.h"
#include <string.h>

const char *pgr_isolation_name(pgr_isolation i) {
  switch (i) {
  case PGR_READ_COMMITTED: return "read committed";
  case PGR_REPEATABLE_READ: return "repeatable read";
  case PGR_SERIALIZABLE: return "serializable";
  case PGR_ISOLATION_COUNT: break;
  }
  return "?";
}

const char *pgr_protocol_name(pgr_protocol p) {
  switch (p) {
  case PGR_PROTOCOL_SIMPLE: return "simple";
  case PGR_PROTOCOL_EXTENDED: return "extended";
  case PGR_PROTOCOL_PREPARED: return "prepared";
  }
  return "?";
}

const char *pgr_pool_mode_name(pgr_pool_mode m) {
  switch (m) {
  case PGR_POOL_TRANSACTION: return "transaction";
  case PGR_POOL_SESSION: return "session";
  }
  return "?";
}

const pgr_strategy *pgr_scenario_strategy(const pgr_scenario *s, const char *name) {
  for (int i = 0; i < s->strategy_count; i++)
    if (strcmp(s->strategies[i].name, name) == 0) return &s->strategies[i];
  return NULL;
}

/* One that names the constraint says more than one for all of them. */
const pgr_rejection *pgr_scenario_rejection(const pgr_scenario *s, const char *sqlstate, const char *constraint) {
  const pgr_rejection *any = NULL;
  for (int i = 0; i < s->rejection_count; i++) {
    const pgr_rejection *r = &s->rejections[i];
    if (strcmp(r->sqlstate, sqlstate) != 0) continue;
    if (r->constraint && constraint && strcmp(r->constraint, constraint) == 0) return r;
    if (!r->constraint && !any) any = r;
  }
  return any;
}

const pgr_retry *pgr_strategy_retry(const pgr_strategy *s, const char *sqlstate) {
  for (int i = 0; i < s->retry_count; i++)
    if (strcmp(s->retries[i].sqlstate, sqlstate) == 0) return &s->retries[i];
  return NULL;
}

int pgr_scenario_main_operation(const pgr_scenario *s) {
  return s->ownership.declared ? s->ownership.acquire : 0;
}

void pgr_scenario_destroy(pgr_scenario *s) {
  if (!s) return;
  pgr_names_deinit(&s->names);
  pgr_arena_deinit(&s->arena);
  pgr_free(s);
}
