#include "inputs.h"

#include <stdio.h>
#include <string.h>

pgr_code pgr_inputs_protocol(const pgr_scenario *s, const char *given, pgr_protocol *out, pgr_err *err) {
  static const char *const names[] = {"simple", "extended", "prepared", NULL};
  *out = s->protocol;
  if (!given) return PGR_OK;
  for (int i = 0; names[i]; i++) {
    if (strcmp(given, names[i]) != 0) continue;
    *out = (pgr_protocol)i;
    return PGR_OK;
  }
  return pgr_fail(err, PGR_EUSAGE, "--protocol: '%.40s' is unknown, give simple, extended or prepared", given);
}

static pgr_code check_script(const pgr_script *script, bool simple, bool allow_shell, pgr_err *err) {
  for (int i = 0; i < script->count; i++) {
    const pgr_command *c = &script->commands[i];
    if ((c->kind == PGR_COMMAND_SHELL || c->kind == PGR_COMMAND_SETSHELL) && !allow_shell)
      return pgr_fail(err, PGR_EUSAGE, "%s:%d:%d: the script runs a shell command; allow it with --allow-shell",
                      script->source.name, c->at.line, c->at.column);
    if (c->kind == PGR_COMMAND_STARTPIPELINE && simple)
      return pgr_fail(err, PGR_EUSAGE, "%s:%d:%d: a pipeline needs the extended or the prepared protocol",
                      script->source.name, c->at.line, c->at.column);
    if (c->kind == PGR_COMMAND_SQL && c->sql.statement_count > 1 && !simple)
      return pgr_fail(err, PGR_EUSAGE, "%s:%d:%d: several statements in one need the simple protocol",
                      script->source.name, c->at.line, c->at.column);
  }
  return PGR_OK;
}

pgr_code pgr_inputs_check_scripts(const pgr_scenario *s, const pgr_strategy *strategy, pgr_protocol protocol,
                                  bool allow_shell, pgr_err *err) {
  pgr_code code = PGR_OK;
  for (int k = 0; !code && k < s->operation_count; k++)
    code = check_script(strategy->scripts[k], protocol == PGR_PROTOCOL_SIMPLE, allow_shell, err);
  return code;
}

pgr_code pgr_inputs_defines(const pgr_scenario *s, const pgr_option_list *list, pgr_define *out, int *count,
                            pgr_err *err) {
  int defaults = s->variable_count;
  for (int i = 0; i < defaults; i++)
    out[i] = (pgr_define){s->variables[i].slot, s->variables[i].text};
  for (int i = 0; i < list->count; i++) {
    const char *item = list->items[i];
    size_t len = strcspn(item, "=");
    char name[PGR_NAME_BYTES_MAX];
    if (!pgr_name_is_valid(item, len) || len >= sizeof name || !item[len] || !item[len + 1]) {
      bool secret = strpbrk(item, ":@"); /* a connection string that was meant for --dsn */
      return pgr_fail(err, PGR_EUSAGE, "-D%s%.40s%s: write it as NAME=VALUE, with a value", secret ? "" : " '",
                      secret ? "" : item, secret ? "" : "'");
    }
    snprintf(name, sizeof name, "%.*s", (int)len, item);
    int slot = pgr_names_find(&s->names, name, strlen(name));
    bool ours = slot >= 0 && slot < PGR_SLOT_CLIENT_ID;
    if (ours) return pgr_fail(err, PGR_EUSAGE, "-D %.60s: pgrace sets :%.60s itself", name, name);
    if (slot < 0) return pgr_fail(err, PGR_EUSAGE, "-D %.60s: no script of %s refers to :%.60s", name, s->name, name);
    out[defaults + i] = (pgr_define){slot, item + len + 1};
  }
  *count = defaults + list->count;
  return PGR_OK;
}
