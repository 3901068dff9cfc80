/* Runs a script's commands up to the next one that needs the world. Invariant most easily broken: pc moves forward
 * only, except in pgr_interp_rewind, so the work before an action is bounded by the script's length. */
#include "pgr_interp.h"

#include "script_internal.h"
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one command asks of the loop. */
typedef enum outcome { GO_ON, ACT, CANNOT } outcome;

void pgr_interp_begin(pgr_interp *in, const pgr_script *script) {
  in->script = script;
  in->pc = 0;
  in->pipeline = false;
}

static const char *name_of(const pgr_interp *in, int slot) {
  return in->scope.names->at[slot];
}

static outcome cannot(pgr_action *out, const char *fmt, ...) PGR_PRINTF(2, 3);

static outcome cannot(pgr_action *out, const char *fmt, ...) {
  char text[sizeof out->err.msg];
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(text, sizeof text, fmt, ap);
  va_end(ap);
  pgr_fail(&out->err, PGR_EUSAGE, "%s", text);
  return CANNOT;
}

static outcome set(pgr_interp *in, const pgr_command *c, pgr_action *out) {
  pgr_value value;
  pgr_err why;
  if (pgr_expr_eval(c->expr, &in->scope, &value, &why) != PGR_OK)
    return cannot(out, "\\set %s: %s", name_of(in, c->slot), why.msg);
  pgr_vars_set(in->scope.vars, c->slot, value);
  in->pc++;
  return GO_ON;
}

/* From an \if to the first command of the branch whose condition holds, or past its \endif. */
static outcome choose(pgr_interp *in, pgr_action *out) {
  const pgr_command *commands = in->script->commands;
  for (int at = in->pc;;) {
    pgr_value value;
    pgr_err why;
    out->command = &commands[at];
    if (pgr_expr_eval(commands[at].expr, &in->scope, &value, &why) != PGR_OK)
      return cannot(out, "\\%s: %s", at == in->pc ? "if" : "elif", why.msg);
    bool holds = pgr_value_is_true(value);
    if (!holds) at = commands[at].otherwise;
    if (!holds && commands[at].kind == PGR_COMMAND_ELIF) continue;
    in->pc = at + 1;
    return GO_ON;
  }
}

static bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Stricter than pgbench, which takes "5ms" as 5, "1.5" as 1, and lets large numbers overflow. */
static outcome sleep_for_variable(pgr_interp *in, const pgr_command *c, pgr_action *out) {
  char scratch[PGR_VALUE_BYTES];
  const char *text = pgr_vars_text(in->scope.vars, c->slot, scratch), *name = name_of(in, c->slot), *p = text;
  int64_t n = 0, max = PGR_SLEEP_US_MAX / (c->sleep_unit_ns / 1000);
  if (!text) return cannot(out, "\\sleep: undefined variable '%s'", name);
  while (is_blank(*p))
    p++;
  bool negative = *p == '-';
  p += *p == '-' || *p == '+';
  const char *digits = p;
  for (; *p >= '0' && *p <= '9'; p++)
    if (n <= max) n = n * 10 + (*p - '0');
  bool whole = p > digits;
  while (is_blank(*p))
    p++;
  if (!whole || *p) return cannot(out, "\\sleep: '%.60s' of variable '%s' is not a whole number", text, name);
  if (negative && n > 0) return cannot(out, "\\sleep: '%.60s' of variable '%s' is negative", text, name);
  if (n > max)
    return cannot(out, "\\sleep: '%.60s' of variable '%s' is longer than %d us", text, name, PGR_SLEEP_US_MAX);
  out->sleep_ns = n * c->sleep_unit_ns;
  return ACT;
}

static outcome sleep_for(pgr_interp *in, const pgr_command *c, pgr_action *out) {
  out->kind = PGR_ACTION_SLEEP;
  out->sleep_ns = c->sleep_ns;
  in->pc++;
  return c->slot < 0 ? ACT : sleep_for_variable(in, c, out);
}

static const char *shell_name(const pgr_command *c) {
  return c->kind == PGR_COMMAND_SETSHELL ? "setshell" : "shell";
}

static outcome shell(pgr_interp *in, const pgr_command *c, pgr_action *out) {
  size_t len = 0;
  out->kind = PGR_ACTION_SHELL;
  in->pc++;
  for (int i = 0; i < c->word_count; i++) {
    char scratch[PGR_VALUE_BYTES];
    const pgr_template *word = &c->words[i];
    const char *text =
        word->var_count == 0 ? word->literals[0] : pgr_vars_text(in->scope.vars, word->slots[0], scratch);
    if (!text) return cannot(out, "\\%s: undefined variable '%s'", shell_name(c), name_of(in, word->slots[0]));
    size_t more = strlen(text) + (i > 0);
    if (more > PGR_SHELL_BYTES_MAX - len)
      return cannot(out, "\\%s: the command is longer than %d bytes", shell_name(c), PGR_SHELL_BYTES_MAX);
    snprintf(out->shell + len, sizeof out->shell - len, "%s%s", i > 0 ? " " : "", text);
    len += more;
  }
  return ACT;
}

static outcome pipeline(pgr_interp *in, bool starts, pgr_action *out) {
  if (starts && in->pipeline) return cannot(out, "\\startpipeline inside a pipeline");
  if (!starts && !in->pipeline) return cannot(out, "\\endpipeline without \\startpipeline");
  in->pipeline = starts;
  in->pc++;
  out->kind = starts ? PGR_ACTION_STARTPIPELINE : PGR_ACTION_ENDPIPELINE;
  return ACT;
}

static const char *keep_name(const pgr_command *c) {
  return c->sql.keep == PGR_KEEP_GSET ? "gset" : "aset";
}

static outcome send_sql(pgr_interp *in, const pgr_command *c, pgr_action *out) {
  if (in->pipeline && c->sql.keep != PGR_KEEP_NOTHING)
    return cannot(out, "\\%s inside a pipeline: the answer is not there yet", keep_name(c));
  in->pc++;
  out->kind = PGR_ACTION_SEND;
  return ACT;
}

static outcome step(pgr_interp *in, pgr_action *out) {
  const pgr_command *c = &in->script->commands[in->pc];
  out->command = c;
  switch (c->kind) {
  case PGR_COMMAND_SQL: return send_sql(in, c, out);
  case PGR_COMMAND_SET: return set(in, c, out);
  case PGR_COMMAND_IF: return choose(in, out);
  /* Come to from above: the branch before it was taken. */
  case PGR_COMMAND_ELIF:
  case PGR_COMMAND_ELSE:
  case PGR_COMMAND_ENDIF: in->pc = c->end + 1; return GO_ON;
  case PGR_COMMAND_SLEEP: return sleep_for(in, c, out);
  case PGR_COMMAND_SHELL:
  case PGR_COMMAND_SETSHELL: return shell(in, c, out);
  case PGR_COMMAND_STARTPIPELINE: return pipeline(in, true, out);
  case PGR_COMMAND_ENDPIPELINE: return pipeline(in, false, out);
  case PGR_COMMAND_REFUSE:
    if (in->pipeline) return cannot(out, "\\refuse inside a pipeline");
    in->pc++;
    out->kind = PGR_ACTION_REFUSE;
    return ACT;
  }
  return cannot(out, "unknown command");
}

void pgr_interp_next(pgr_interp *in, pgr_action *out) {
  out->kind = PGR_ACTION_END;
  out->sleep_ns = 0;
  out->shell[0] = '\0';
  out->err.code = PGR_OK; /* not all of it: this is asked for every statement */
  out->err.msg[0] = '\0';
  outcome o = GO_ON;
  while (o == GO_ON && in->pc < in->script->count) {
    int before = in->pc;
    o = step(in, out);
    if (o == CANNOT) in->pc = before;
    assert(o == CANNOT || in->pc > before);
  }
  if (o == GO_ON && in->pipeline) {
    out->command = &in->script->commands[in->script->count - 1];
    o = cannot(out, "the script ended inside a pipeline: \\endpipeline is missing");
  }
  if (o == GO_ON) out->command = NULL;
  if (o == CANNOT) out->kind = PGR_ACTION_FAIL;
}

/* ---- answers ---- */

static pgr_code keep_column(pgr_interp *in, const pgr_command *c, const pgr_answer *answer, int column, pgr_err *err) {
  char name[PGR_NAME_BYTES_MAX + 1];
  const char *own = answer->column(answer->self, column);
  int len = snprintf(name, sizeof name, "%s%s", c->sql.prefix, own ? own : "");
  if (len < 0 || (size_t)len >= sizeof name || !pgr_name_is_valid(name, (size_t)len))
    return pgr_fail(err, PGR_EUSAGE, "\\%s: column %d, '%.60s', cannot be a variable's name: give it one with AS",
                    keep_name(c), column + 1, name);
  int slot = pgr_names_find(in->scope.names, name, (size_t)len);
  if (pgr__is_owned(in->scope.names, slot))
    return pgr_fail(err, PGR_EUSAGE,
                    "\\%s: column %d would set '%s', which pgrace sets: rename it with AS, or give a prefix",
                    keep_name(c), column + 1, name);
  if (slot < 0) return PGR_OK;
  const char *cell = answer->cell(answer->self, answer->row_count - 1, column);
  return pgr_vars_set_text(in->scope.vars, slot, cell ? cell : "") == PGR_OK
             ? PGR_OK
             : pgr_fail(err, PGR_ENOMEM, "out of memory");
}

static pgr_code keep(pgr_interp *in, const pgr_command *c, const pgr_answer *answer, pgr_err *err) {
  if (c->sql.keep == PGR_KEEP_GSET && !answer->last) return PGR_OK;
  if (c->sql.keep == PGR_KEEP_GSET && answer->row_count != 1)
    return pgr_fail(err, PGR_EUSAGE, "\\gset needs one row, the query returned %d", answer->row_count);
  for (int i = 0; answer->row_count > 0 && i < answer->column_count; i++) {
    pgr_code code = keep_column(in, c, answer, i, err);
    if (code != PGR_OK) return code;
  }
  return PGR_OK;
}

bool pgr_interp_minds(const pgr_interp *in, const pgr_command *command) {
  const uint32_t told =
      UINT32_C(1) << PGR_SLOT_ROW_COUNT | UINT32_C(1) << PGR_SLOT_ERROR | UINT32_C(1) << PGR_SLOT_SQLSTATE;
  return command->sql.keep != PGR_KEEP_NOTHING || (in->scope.names->named & told) != 0;
}

pgr_code pgr_interp_answer(pgr_interp *in, const pgr_command *command, const pgr_answer *answer, pgr_err *err) {
  pgr_vars *vars = in->scope.vars;
  bool failed = answer->sqlstate != NULL;
  if (!failed && command->sql.keep != PGR_KEEP_NOTHING) {
    pgr_code code = keep(in, command, answer, err);
    if (code != PGR_OK) return code;
  }
  /* After the columns: a column called ROW_COUNT does not hide the count. */
  const uint32_t named = in->scope.names->named;
  if (named >> PGR_SLOT_ROW_COUNT & 1) pgr_vars_set_int(vars, PGR_SLOT_ROW_COUNT, failed ? 0 : answer->rows);
  if (named >> PGR_SLOT_ERROR & 1)
    pgr_vars_set(vars, PGR_SLOT_ERROR, (pgr_value){.type = PGR_TYPE_BOOL, .as.b = failed});
  if (named >> PGR_SLOT_SQLSTATE & 1 &&
      pgr_vars_set_text(vars, PGR_SLOT_SQLSTATE, failed ? answer->sqlstate : "00000") != PGR_OK)
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  return PGR_OK;
}

pgr_code pgr_interp_shell_done(pgr_interp *in, const pgr_command *command, const char *output, pgr_err *err) {
  if (!output) return pgr_fail(err, PGR_EUSAGE, "\\%s: the command failed", shell_name(command));
  if (command->kind != PGR_COMMAND_SETSHELL) return PGR_OK;
  /* The first line only, with room for any 32-bit number and blanks around it. */
  char line[64];
  size_t len = strcspn(output, "\n");
  if (len < sizeof line) {
    memcpy(line, output, len);
    line[len] = '\0';
    char *end;
    long long n = strtoll(line, &end, 10);
    bool some = end > line;
    while (is_blank(*end))
      end++;
    if (some && *end == '\0' && n >= INT32_MIN && n <= INT32_MAX) {
      pgr_vars_set_int(in->scope.vars, command->slot, n);
      return PGR_OK;
    }
  }
  return pgr_fail(err, PGR_EUSAGE, "\\setshell: the command must print an integer of 32 bits, not '%.60s'", output);
}

bool pgr_interp_goes_on(const pgr_interp *in) {
  pgr_value stop;
  pgr_err err;
  if (pgr_vars_value(in->scope.vars, PGR_SLOT_ON_ERROR_STOP, "ON_ERROR_STOP", &stop, &err) != PGR_OK) return false;
  return stop.type != PGR_TYPE_NULL && !pgr_value_is_true(stop);
}

pgr_mark pgr_interp_mark(const pgr_interp *in) {
  return (pgr_mark){.pc = in->pc, .pipeline = in->pipeline, .random = *in->scope.random};
}

void pgr_interp_rewind(pgr_interp *in, pgr_mark mark) {
  in->pc = mark.pc;
  in->pipeline = mark.pipeline;
  *in->scope.random = mark.random;
}
