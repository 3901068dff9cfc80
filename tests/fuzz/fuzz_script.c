/* Any bytes as a script. What parses keeps its promises (jumps forward, positions that lead back into the text), and
 * runs to an end with answers that the bytes themselves choose. */
#include "pgr_interp.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ACTIONS_MAX = 1000 };

typedef struct run {
  pgr_arena arena;
  pgr_names names;
  pgr_faults faults;
  pgr_vars vars;
  pgr_prng random;
  const pgr_script *script;
  uint64_t dice; /* chooses the answers */
  uint64_t rolled;
} run;

static unsigned roll(run *r, unsigned sides) {
  r->dice = r->dice * 6364136223846793005u + 1442695040888963407u;
  return (unsigned)(r->dice >> 33) % sides;
}

static const char *column(const void *self, int i) {
  static const char *const names[] = {"a", "x", "free", "key", "?column?", "", "ROW_COUNT"};
  return names[(((const run *)self)->rolled + (unsigned)i) % 7];
}

static const char *cell(const void *self, int row, int i) {
  static const char *const values[] = {"1", "t", NULL, "-7", "9223372036854775807", "x:y", "", "2.5", "\xFF"};
  return values[(((const run *)self)->rolled + (unsigned)(row + i)) % 9];
}

static void check_commands(const run *r) {
  const pgr_script *s = r->script;
  size_t before = 0;
  int sql = 0;
  assert(s->count > 0 && s->count <= PGR_SCRIPT_COMMANDS_MAX);
  for (int i = 0; i < s->count; i++) {
    const pgr_command *c = &s->commands[i];
    assert(c->offset < s->source.len_bytes && (i == 0 || c->offset > before));
    assert(c->at.line >= 1 && c->at.column >= 1 && c->at.width >= 1);
    before = c->offset;
    if (c->kind == PGR_COMMAND_IF || c->kind == PGR_COMMAND_ELIF || c->kind == PGR_COMMAND_ELSE) {
      assert(c->otherwise > i && c->otherwise <= c->end && c->end < s->count);
      assert(s->commands[c->end].kind == PGR_COMMAND_ENDIF);
    }
    if (c->kind != PGR_COMMAND_SQL) continue;
    assert(c->sql.index == sql++ && c->sql.statement_count >= 1);
    assert(c->sql.text.var_count <= PGR_SQL_VARS_MAX);
    size_t last = c->offset;
    for (size_t position = 0; position <= strlen(c->sql.numbered); position += 1 + position / 8) {
      size_t at = pgr_sql_source_offset(c, s, position);
      assert(at >= last && at <= s->source.len_bytes);
      last = at;
    }
  }
  assert(sql == s->sql_count);
}

/* With nothing set, the text that is sent is the text as written. */
static void check_text(run *r) {
  for (int i = 0; i < r->script->count; i++) {
    const pgr_command *c = &r->script->commands[i];
    if (c->kind != PGR_COMMAND_SQL) continue;
    pgr_buf b;
    pgr_buf_init(&b, 0);
    pgr_template_fill(&c->sql.text, &r->names, &r->vars, &b);
    const char *source = r->script->source.text + c->offset;
    for (size_t k = 0; k < b.len; k++, source++) {
      if (*source == '\\' && b.data[k] != '\\') source++;
      assert(*source == b.data[k]);
    }
    pgr_buf_deinit(&b);
  }
}

typedef struct found {
  const run *r;
  int in_sql;
} found;

static void check_use(void *user, const pgr_use *use) {
  found *f = user;
  const char *name = f->r->names.at[use->slot], *source = f->r->script->source.text + use->offset;
  assert(use->offset >= use->command->offset && *source == ':' && strncmp(source + 1, name, strlen(name)) == 0);
  f->in_sql += use->command->kind == PGR_COMMAND_SQL;
  assert(strchr("'\"$-", use->inside)); /* or NUL */
}

/* Every variable of the SQL is found, and all where they stand. */
static void check_uses(const run *r) {
  found f = {.r = r};
  int expected = 0;
  for (int i = 0; i < r->script->count; i++)
    if (r->script->commands[i].kind == PGR_COMMAND_SQL) expected += r->script->commands[i].sql.text.var_count;
  if (pgr_script_each_use(r->script, &r->names, check_use, &f)) assert(f.in_sql == expected);
}

static bool answer(run *r, pgr_interp *in, const pgr_command *c) {
  static const char *const states[] = {NULL, NULL, NULL, "23505", "40001", ""};
  for (bool last = false; !last;) {
    pgr_err err = {0};
    last = roll(r, 4) > 0;
    r->rolled = roll(r, 1000);
    int rows = (int)roll(r, 4), columns = (int)roll(r, 3);
    pgr_answer a = {.sqlstate = states[roll(r, 6)],
                    .rows = rows,
                    .row_count = columns ? rows : 0,
                    .column_count = columns,
                    .column = column,
                    .cell = cell,
                    .self = r,
                    .last = last};
    if (pgr_interp_answer(in, c, &a, &err) != PGR_OK) {
      assert(err.msg[0]);
      return false;
    }
    if (a.sqlstate && !pgr_interp_goes_on(in)) return false;
  }
  return true;
}

static bool act(run *r, pgr_interp *in, const pgr_action *a) {
  pgr_err err = {0};
  pgr_buf b;
  switch (a->kind) {
  case PGR_ACTION_SEND:
    pgr_buf_init(&b, 0);
    pgr_template_fill(&a->command->sql.text, &r->names, &r->vars, &b);
    (void)pgr_sql_filled_offset(a->command, r->script, &r->names, &r->vars, roll(r, 50));
    pgr_buf_deinit(&b);
    return in->pipeline || answer(r, in, a->command);
  case PGR_ACTION_SLEEP: assert(a->sleep_ns >= 0 && a->sleep_ns <= INT64_C(1000) * PGR_SLEEP_US_MAX); return true;
  case PGR_ACTION_SHELL:
    assert(strlen(a->shell) <= PGR_SHELL_BYTES_MAX);
    return pgr_interp_shell_done(in, a->command, roll(r, 3) ? "12" : "no", &err) == PGR_OK;
  case PGR_ACTION_FAIL: assert(a->err.msg[0] && a->command); return false;
  case PGR_ACTION_STARTPIPELINE:
  case PGR_ACTION_ENDPIPELINE: return true;
  case PGR_ACTION_END:
  case PGR_ACTION_REFUSE: return false;
  }
  return false;
}

static void execute(run *r) {
  pgr_interp in = {.scope = {.names = &r->names, .vars = &r->vars, .random = &r->random}};
  pgr_action a;
  pgr_interp_begin(&in, r->script);
  pgr_mark mark = pgr_interp_mark(&in);
  for (int i = 0; i < ACTIONS_MAX; i++) {
    pgr_interp_next(&in, &a);
    if (act(r, &in, &a)) continue;
    if (roll(r, 2)) return;
    pgr_interp_rewind(&in, mark);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = malloc(size + 1);
  run r = {.dice = 1};
  if (!text || pgr_names_init(&r.names, &r.arena) != PGR_OK) {
    free(text);
    return 0;
  }
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  for (size_t i = 0; i < size; i++)
    r.dice = r.dice * 31 + data[i];
  pgr_source source = {.name = "fuzz", .text = text, .len_bytes = size};
  bool ok = pgr_script_parse(&source, &r.names, &r.arena, &r.faults, &r.script);
  assert(ok == (r.faults.count == 0));
  pgr_prng_seed(&r.random, r.dice);
  if (ok && pgr_vars_init(&r.vars, r.names.count) == PGR_OK) {
    memset(text, '#', size); /* the script has its own copy */
    check_commands(&r);
    check_text(&r);
    check_uses(&r);
    pgr_vars_set_int(&r.vars, PGR_SLOT_KEY, 7);
    pgr_vars_set_int(&r.vars, PGR_SLOT_GAP, 10);
    execute(&r);
  }
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_faults_print(&r.faults, &b);
  pgr_buf_deinit(&b);
  pgr_faults_deinit(&r.faults);
  pgr_vars_deinit(&r.vars);
  pgr_names_deinit(&r.names);
  pgr_arena_deinit(&r.arena);
  free(text);
  return 0;
}
