/* Does the server understand a strategy's statements? Asked of scripts, without running them. */
#include "pgr_stage.h"

#include <string.h>
#include <strings.h>

/* A script that makes its own tables is not asked about tables that are missing before it runs. */
static bool makes_tables(const pgr_script *script) {
  for (int i = 0; i < script->count; i++) {
    const pgr_command *c = &script->commands[i];
    if (c->kind == PGR_COMMAND_SQL && strncasecmp(c->sql.numbered, "create", strlen("create")) == 0) return true;
  }
  return false;
}

static bool can_be_asked(const pgr_scenario *s, const pgr_command *c) {
  if (c->kind != PGR_COMMAND_SQL || c->sql.statement_count > 1) return false;
  return s->protocol != PGR_PROTOCOL_SIMPLE || c->sql.text.var_count == 0;
}

static pgr_code check_statement(const pgr_stage *s, const pgr_script *script, const pgr_command *c, pgr_faults *faults,
                                pgr_err *err) {
  pgr_err reason;
  pgr_code code = pgr_db_parse(s->db, c->sql.numbered, &reason);
  const char *sqlstate = pgr_db_sqlstate(s->db);
  if (code != PGR_EDATABASE || !*sqlstate) return code ? pgr_fail(err, code, "%s", reason.msg) : PGR_OK;
  if (strcmp(sqlstate, "42P01") == 0 && makes_tables(script)) return PGR_OK;
  int position = pgr_db_error_position(s->db);
  pgr_place_in at = c->at;
  if (position > 0) at = pgr_place_at(&script->source, pgr_sql_source_offset(c, script, (size_t)position - 1));
  pgr_faults_add(faults, &script->source, at, NULL, "%s", reason.msg);
  return PGR_OK;
}

static bool seen_before(const pgr_scenario *s, const pgr_strategy *strategy, const pgr_script *script) {
  for (const pgr_strategy *earlier = s->strategies; earlier < strategy; earlier++)
    for (int k = 0; k < s->operation_count; k++)
      if (earlier->scripts[k] == script && earlier->install_count == 0 && strategy->install_count == 0) return true;
  return false;
}

pgr_code pgr_stage_check_statements(const pgr_stage *s, const pgr_strategy *strategy, pgr_faults *faults,
                                    pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int k = 0; !code && k < s->scenario->operation_count; k++) {
    const pgr_script *script = strategy->scripts[k];
    if (seen_before(s->scenario, strategy, script)) continue;
    for (int i = 0; !code && i < script->count; i++)
      if (can_be_asked(s->scenario, &script->commands[i]))
        code = check_statement(s, script, &script->commands[i], faults, err);
  }
  return code;
}
