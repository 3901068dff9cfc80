/* The session's texts are borrowed by every connection of the cell. */
#include "pgr_cell_session.h"

#include "pgr_mem.h"

pgr_code pgr_cell_session_make(pgr_cell_session *c, const pgr_scenario *scenario, const pgr_strategy *strategy,
                               pgr_isolation isolation, pgr_protocol protocol, const char *extra) {
  int count = 0;
  *c = (pgr_cell_session){0};
  pgr_buf_init(&c->setup, 0);
  pgr_buf_addf(&c->setup, "SET default_transaction_isolation = '%s';%s", pgr_isolation_name(isolation), extra);
  for (int k = 0; k < scenario->operation_count; k++) {
    c->base[k] = count;
    count += strategy->scripts[k]->sql_count;
  }
  c->count = count;
  c->statements = pgr_calloc((size_t)count, sizeof *c->statements);
  if (!c->statements || c->setup.failed) return PGR_ENOMEM;
  for (int k = 0; k < scenario->operation_count; k++) {
    const pgr_script *script = strategy->scripts[k];
    for (int i = 0; i < script->count; i++)
      if (script->commands[i].kind == PGR_COMMAND_SQL)
        c->statements[c->base[k] + script->commands[i].sql.index] = script->commands[i].sql.numbered;
  }
  c->session = (pgr_session){.setup = pgr_buf_text(&c->setup),
                             .statements = c->statements,
                             .count = protocol == PGR_PROTOCOL_PREPARED ? count : 0};
  return PGR_OK;
}

void pgr_cell_session_deinit(pgr_cell_session *c) {
  pgr_free(c->statements);
  pgr_buf_deinit(&c->setup);
  *c = (pgr_cell_session){0};
}
