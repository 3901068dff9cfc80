/* The interpreter, driven without a database: answers are canned, what it asks for is written down. */
#include "pgr_test.h"

#include "pgr_interp.h"
#include <stdio.h>
#include <string.h>

/* What a statement is told. Without columns it is a command. */
typedef struct canned {
  const char *sqlstate;
  int64_t rows;
  int columns;
  const char *names[3], *cells[3][3];
  bool more; /* the next one belongs to the same statement */
} canned;

static const char *column_name(const void *self, int column) {
  return ((const canned *)self)->names[column];
}

static const char *cell(const void *self, int row, int column) {
  return ((const canned *)self)->cells[row][column];
}

typedef struct driver {
  pgr_arena arena;
  pgr_names names;
  pgr_faults faults;
  pgr_vars vars;
  pgr_prng random;
  pgr_interp in;
  const canned *answers; /* used up from the front; an end without columns, rows and error is told for ever */
  const char *shell;     /* what every command prints */
  const pgr_command *queue[16];
  int queued;
  pgr_buf trace;
  bool ended;
} driver;

static void open_script(driver *d, const char *text) {
  *d = (driver){0};
  static const canned nothing[1];
  d->answers = nothing;
  pgr_buf_init(&d->trace, 0);
  assert_int_equal(pgr_names_init(&d->names, &d->arena), PGR_OK);
  d->names.named = UINT32_MAX; /* values are looked at that no script names */
  pgr_source source = {.name = "t.sql", .text = text, .len_bytes = strlen(text)};
  const pgr_script *script = NULL;
  if (!pgr_script_parse(&source, &d->names, &d->arena, &d->faults, &script))
    fail_msg("%s: %s", text, d->faults.kept[0].text);
  assert_int_equal(pgr_vars_init(&d->vars, d->names.count), PGR_OK);
  pgr_prng_seed(&d->random, 42);
  d->in.scope = (pgr_scope){.names = &d->names, .vars = &d->vars, .random = &d->random};
  pgr_interp_begin(&d->in, script);
}

static void close_script(driver *d) {
  pgr_buf_deinit(&d->trace);
  pgr_vars_deinit(&d->vars);
  pgr_faults_deinit(&d->faults);
  pgr_names_deinit(&d->names);
  pgr_arena_deinit(&d->arena);
}

static void fail_with(driver *d, const char *message) {
  pgr_buf_addf(&d->trace, "fail: %s|", message);
  d->ended = true;
}

static void answer(driver *d, const pgr_command *command) {
  for (bool more = true; more && !d->ended;) {
    const canned *c = d->answers;
    bool used_up = c->columns == 0 && c->rows == 0 && !c->sqlstate;
    more = c->more;
    if (!used_up) d->answers++;
    pgr_answer a = {.sqlstate = c->sqlstate,
                    .rows = c->rows,
                    .row_count = c->columns > 0 ? (int)c->rows : 0,
                    .column_count = c->columns,
                    .column = column_name,
                    .cell = cell,
                    .self = c,
                    .last = !more};
    pgr_err err;
    if (pgr_interp_answer(&d->in, command, &a, &err) != PGR_OK) {
      fail_with(d, err.msg);
    } else if (c->sqlstate && !pgr_interp_goes_on(&d->in)) {
      pgr_buf_addf(&d->trace, "error %s|", c->sqlstate);
      d->ended = true;
    }
  }
}

static void act(driver *d, const pgr_action *a) {
  pgr_err err;
  switch (a->kind) {
  case PGR_ACTION_SEND:
    pgr_template_fill(&a->command->sql.text, &d->names, &d->vars, &d->trace);
    pgr_buf_adds(&d->trace, "|");
    if (d->in.pipeline)
      d->queue[d->queued++] = a->command;
    else
      answer(d, a->command);
    break;
  case PGR_ACTION_SLEEP: pgr_buf_addf(&d->trace, "sleep %lld|", (long long)a->sleep_ns); break;
  case PGR_ACTION_SHELL:
    pgr_buf_addf(&d->trace, "shell %s|", a->shell);
    if (pgr_interp_shell_done(&d->in, a->command, d->shell, &err) != PGR_OK) fail_with(d, err.msg);
    break;
  case PGR_ACTION_STARTPIPELINE: pgr_buf_adds(&d->trace, "start|"); break;
  case PGR_ACTION_ENDPIPELINE:
    pgr_buf_adds(&d->trace, "end|");
    for (int i = 0; i < d->queued; i++)
      answer(d, d->queue[i]);
    d->queued = 0;
    break;
  case PGR_ACTION_END: d->ended = true; break;
  case PGR_ACTION_REFUSE:
    pgr_buf_adds(&d->trace, "refuse|");
    d->ended = true;
    break;
  case PGR_ACTION_FAIL: fail_with(d, a->err.msg); break;
  }
}

static void run(driver *d) {
  for (int i = 0; !d->ended; i++) {
    pgr_action a;
    pgr_interp_next(&d->in, &a);
    assert_true(i <= d->in.script->count);
    assert_true((a.command == NULL) == (a.kind == PGR_ACTION_END));
    act(d, &a);
  }
}

static const char *value(driver *d, const char *name) {
  static char scratch[PGR_VALUE_BYTES];
  int slot = pgr_names_find(&d->names, name, strlen(name));
  return slot < 0 ? NULL : pgr_vars_text(&d->vars, slot, scratch);
}

static void assert_runs(const char *text, const canned *answers, const char *trace) {
  driver d;
  open_script(&d, text);
  if (answers) d.answers = answers;
  pgr_vars_set_int(&d.vars, PGR_SLOT_KEY, 7);
  pgr_vars_set_int(&d.vars, PGR_SLOT_AGENT, 3);
  pgr_vars_set_int(&d.vars, PGR_SLOT_GAP, 250);
  run(&d);
  assert_string_equal(pgr_buf_text(&d.trace), trace);
  close_script(&d);
}

static void claims_naively(void **state) {
  (void)state;
  const char *text = "SELECT texter_id IS NULL AS free FROM c WHERE id = :key \\gset\n"
                     "\\if not :free\n  \\refuse\n\\endif\n\\sleep :gap us\n"
                     "UPDATE c SET texter_id = :agent WHERE id = :key;\n";
  const canned free[] = {{.rows = 1, .columns = 1, .names = {"free"}, .cells = {{"t"}}}, {.rows = 1}, {0}};
  const canned taken[] = {{.rows = 1, .columns = 1, .names = {"free"}, .cells = {{"f"}}}, {0}};
  assert_runs(text, free,
              "SELECT texter_id IS NULL AS free FROM c WHERE id = 7 |sleep 250000|"
              "UPDATE c SET texter_id = 3 WHERE id = 7;|");
  assert_runs(text, taken, "SELECT texter_id IS NULL AS free FROM c WHERE id = 7 |refuse|");
}

static void counts_rows(void **state) {
  (void)state;
  const char *text = "UPDATE c SET a = 1;\n\\if :ROW_COUNT = 0\n\\refuse\n\\endif\nx;";
  const canned one[] = {{.rows = 1}, {0}}, none[] = {{0}};
  assert_runs(text, one, "UPDATE c SET a = 1;|x;|");
  assert_runs(text, none, "UPDATE c SET a = 1;|refuse|");
}

static void branches(void **state) {
  (void)state;
  const struct {
    const char *text, *trace;
  } cases[] = {
      {"\\set x 2\n\\if :x = 1\na;\n\\elif :x = 2\nb;\n\\elif 1/0\nc;\n\\else\nd;\n\\endif\ne;", "b;|e;|"},
      {"\\if 1\na;\n\\elif 1/0\nb;\n\\endif", "a;|"},
      {"\\if 0\na;\n\\else\nb;\n\\endif", "b;|"},
      {"\\if null\na;\n\\endif\nb;", "b;|"},
      {"\\if 0.0\na;\n\\elif 0.5\nb;\n\\endif", "b;|"},
      {"\\if 0\n\\if 1/0\na;\n\\else\nb;\n\\endif\n\\set y 1/0\n\\endif\nc;", "c;|"},
      {"\\if 1\n\\if 0\na;\n\\elif 1\nb;\n\\endif\n\\else\nc;\n\\endif\n", "b;|"},
      {"\\if 0\n\\endif\n", ""},
      {"a;\n\\set x 1/0\nb;", "a;|fail: \\set x: division by zero|"},
      {"\\if 1/0\na;\n\\endif", "fail: \\if: division by zero|"},
      {"\\if 0\n\\elif 1/0\na;\n\\endif", "fail: \\elif: division by zero|"},
      {"\\set x :y + 1\n", "fail: \\set x: undefined variable \"y\"|"},
      {"a :x;\n\\set x 1\nb :x;\n\\set x :x * 2.5\nc ':x';", "a :x;|b 1;|c '2.5';|"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_runs(cases[i].text, NULL, cases[i].trace);
}

static void keeps_rows(void **state) {
  (void)state;
  const canned two[] = {{.rows = 1, .columns = 1, .names = {"a"}, .cells = {{"1"}}, .more = true},
                        {.rows = 1, .columns = 2, .names = {"a", "b"}, .cells = {{"x y", NULL}}},
                        {0}};
  /* \gset: the last result; NULL is an empty text; z has no slot and is dropped. */
  assert_runs("select 1\\; select 2 \\gset p_\nq ':p_a' ':p_b' ':a';", two, "select 1; select 2 |q 'x y' '' ':a';|");
  const canned many_first[] = {{.rows = 2, .columns = 1, .names = {"b"}, .cells = {{"1"}, {"2"}}, .more = true},
                               {.rows = 1, .columns = 1, .names = {"a"}, .cells = {{"3"}}},
                               {0}};
  assert_runs("s \\gset\nq :a :b;", many_first, "s |q 3 :b;|");
  /* \aset: all results, the last row. */
  assert_runs("select 1\\; select 2 \\aset\nq :a :b;", two, "select 1; select 2 |q x y ;|");
  const canned rows[] = {{.rows = 2, .columns = 1, .names = {"a"}, .cells = {{"1"}, {"2"}}, .more = true},
                         {.rows = 0, .columns = 1, .names = {"a"}, .more = true},
                         {.rows = 5},
                         {0}};
  assert_runs("s \\aset\nq :a;", rows, "s |q 2;|");
}

static void gset_needs_one_row(void **state) {
  (void)state;
  const canned none[] = {{.rows = 0, .columns = 1, .names = {"a"}}, {0}};
  const canned two[] = {{.rows = 2, .columns = 1, .names = {"a"}, .cells = {{"1"}, {"2"}}}, {0}};
  const canned update[] = {{.rows = 1}, {0}};
  assert_runs("s \\gset\n", none, "s |fail: \\gset needs one row, the query returned 0|");
  assert_runs("s \\gset\n", two, "s |fail: \\gset needs one row, the query returned 2|");
  assert_runs("u \\gset\n", update, "u |fail: \\gset needs one row, the query returned 0|");
}

static void names_of_columns(void **state) {
  (void)state;
  const canned odd[] = {{.rows = 1, .columns = 1, .names = {"?column?"}, .cells = {{"1"}}}, {0}};
  const canned digit[] = {{.rows = 1, .columns = 1, .names = {"1st"}, .cells = {{"1"}}}, {0}};
  const canned key[] = {{.rows = 1, .columns = 2, .names = {"key", "other"}, .cells = {{"1", "2"}}}, {0}};
  assert_runs("s \\gset\n", odd,
              "s |fail: \\gset: column 1, '?column?', cannot be a variable's name: give it one with AS|");
  assert_runs("s \\aset p\n", odd,
              "s |fail: \\aset: column 1, 'p?column?', cannot be a variable's name: give it one with AS|");
  assert_runs("s \\gset p\nq :p1st;", digit, "s |q 1;|");
  assert_runs("s \\gset\n", key,
              "s |fail: \\gset: column 1 would set 'key', which pgrace sets: rename it with AS, or give a prefix|");
  assert_runs("s \\gset my_\nq :my_key :key;", key, "s |q 1 7;|");
  /* A name without a slot is dropped, after it was looked at. */
  char longest[300];
  memset(longest, 'a', sizeof longest - 1);
  longest[sizeof longest - 1] = '\0';
  canned too_long[] = {{.rows = 1, .columns = 1, .names = {longest}, .cells = {{"1"}}}, {0}};
  driver d;
  open_script(&d, "s \\gset\n");
  d.answers = too_long;
  run(&d);
  assert_non_null(strstr(pgr_buf_text(&d.trace), "cannot be a variable's name"));
  close_script(&d);
}

static void errors_are_data(void **state) {
  (void)state;
  const canned error[] = {{.sqlstate = "23505", .rows = 9}, {.rows = 4}, {0}};
  assert_runs("a;\nb;", error, "a;|error 23505|");
  assert_runs("\\set ON_ERROR_STOP false\na;\nb :ERROR :SQLSTATE :ROW_COUNT;\nc :ERROR :SQLSTATE :ROW_COUNT;", error,
              "a;|b true 23505 0;|c false 00000 4;|");
  assert_runs("\\set ON_ERROR_STOP 0\na \\gset\n\\if :ERROR and :SQLSTATE = 23505\nb;\n\\endif", error, "a |b;|");
  assert_runs("\\set ON_ERROR_STOP true\na;\nb;", error, "a;|error 23505|");
  assert_runs("\\set ON_ERROR_STOP null\na;\nb;", error, "a;|error 23505|");
}

static void what_goes_on(void **state) {
  (void)state;
  const struct {
    const char *text;
    bool goes_on;
  } cases[] = {{"false", true}, {"off", true}, {"0", true}, {"no", true},
               {"true", false}, {"1", false},  {"", false}, {"x", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    driver d;
    open_script(&d, "a;");
    assert_false(pgr_interp_goes_on(&d.in));
    assert_int_equal(pgr_vars_set_text(&d.vars, PGR_SLOT_ON_ERROR_STOP, cases[i].text), PGR_OK);
    assert_int_equal(pgr_interp_goes_on(&d.in), cases[i].goes_on);
    close_script(&d);
  }
}

static void sleeps(void **state) {
  (void)state;
  assert_runs("\\sleep 5ms\n\\set t 3\n\\sleep :t\n\\sleep :t us\n\\set t 1000 * 1.5\n\\sleep :t us\n", NULL,
              "sleep 5000000|sleep 3000000000|sleep 3000|sleep 1500000|");
  assert_runs("\\set t -1\n\\sleep :t us", NULL, "fail: \\sleep: '-1' of variable 't' is negative|");
  assert_runs("\\set t 0.5\n\\sleep :t s", NULL, "fail: \\sleep: '0.5' of variable 't' is not a whole number|");
  assert_runs("\\set t null\n\\sleep :t s", NULL, "fail: \\sleep: 'NULL' of variable 't' is not a whole number|");
  assert_runs("\\sleep :t s", NULL, "fail: \\sleep: undefined variable 't'|");
  assert_runs("\\set t 2147483\n\\sleep :t ms", NULL, "sleep 2147483000000|");
  assert_runs("\\set t 2147484\n\\sleep :t ms", NULL,
              "fail: \\sleep: '2147484' of variable 't' is longer than 2147483647 us|");
  assert_runs("\\set t 9223372036854775807\n\\sleep :t s", NULL,
              "fail: \\sleep: '9223372036854775807' of variable 't' is longer than 2147483647 us|");
  const canned rows[] = {{.rows = 1, .columns = 2, .names = {"t", "u"}, .cells = {{" +12 ", "5ms"}}}, {0}};
  assert_runs("s \\gset\n\\sleep :t us\n\\sleep :u us\n", rows,
              "s |sleep 12000|fail: \\sleep: '5ms' of variable 'u' is not a whole number|");
}

static void shells(void **state) {
  (void)state;
  driver d;
  open_script(&d, "\\setshell x  echo  ::a :key a:b\n\\shell cat :x\n");
  pgr_vars_set_int(&d.vars, PGR_SLOT_KEY, 7);
  d.shell = " 12 \nmore";
  run(&d);
  assert_string_equal(pgr_buf_text(&d.trace), "shell echo :a 7 a:b|shell cat 12|");
  close_script(&d);
  assert_runs("\\shell false", NULL, "shell false|fail: \\shell: the command failed|");
  assert_runs("\\setshell x false", NULL, "shell false|fail: \\setshell: the command failed|");
  assert_runs("\\shell echo :x", NULL, "fail: \\shell: undefined variable 'x'|");
  const char *bad[] = {"", "x", "1.5", "2147483648", "1 2", "\n1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    open_script(&d, "\\setshell x e");
    d.shell = bad[i];
    run(&d);
    assert_non_null(strstr(pgr_buf_text(&d.trace), "must print an integer of 32 bits"));
    assert_null(value(&d, "x"));
    close_script(&d);
  }
}

static void shell_commands_are_short(void **state) {
  (void)state;
  char text[300];
  for (int len = 249; len <= 250; len++) {
    driver d;
    open_script(&d, "\\shell echo a :x");
    memset(text, 'x', sizeof text);
    text[len] = '\0';
    d.shell = "";
    assert_int_equal(pgr_vars_set_text(&d.vars, pgr_names_find(&d.names, "x", 1), text), PGR_OK);
    pgr_action a;
    pgr_interp_next(&d.in, &a);
    assert_int_equal(a.kind, len == 249 ? PGR_ACTION_SHELL : PGR_ACTION_FAIL);
    if (len == 249) assert_int_equal(strlen(a.shell), PGR_SHELL_BYTES_MAX);
    close_script(&d);
  }
}

static void pipelines(void **state) {
  (void)state;
  const canned answers[] = {{.rows = 2}, {.rows = 3}, {0}};
  assert_runs("\\startpipeline\na;\nb;\n\\endpipeline\nc :ROW_COUNT;", answers, "start|a;|b;|end|c 3;|");
  const char *maybe = "\\set x 1\n\\if :x\n\\startpipeline\n\\endif\n";
  const struct {
    const char *rest, *trace;
  } cases[] = {
      {"a;", "start|a;|fail: the script ended inside a pipeline: \\endpipeline is missing|"},
      {"a \\gset", "start|fail: \\gset inside a pipeline: the answer is not there yet|"},
      {"\\if :x\n\\startpipeline\n\\endif\n", "start|fail: \\startpipeline inside a pipeline|"},
      {"\\endpipeline\n\\if not (:x = 1)\n\\startpipeline\n\\endif\n\\endpipeline\n",
       "start|end|fail: \\endpipeline without \\startpipeline|"},
      {"\\refuse", "start|fail: \\refuse inside a pipeline|"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[256];
    snprintf(text, sizeof text, "%s%s", maybe, cases[i].rest);
    assert_runs(text, NULL, cases[i].trace);
  }
}

static void failure_and_end_stay(void **state) {
  (void)state;
  driver d;
  pgr_action a;
  open_script(&d, "\\sleep :t us\na;");
  for (int i = 0; i < 3; i++) {
    pgr_interp_next(&d.in, &a);
    assert_int_equal(a.kind, PGR_ACTION_FAIL);
    assert_int_equal(a.command->at.line, 1);
    assert_int_equal(a.err.code, PGR_EUSAGE);
  }
  close_script(&d);
  open_script(&d, "\\set x 1");
  for (int i = 0; i < 3; i++) {
    pgr_interp_next(&d.in, &a);
    assert_int_equal(a.kind, PGR_ACTION_END);
  }
  close_script(&d);
}

/* Random numbers are drawn again, variables are not undone: as pgbench does. */
static void goes_back(void **state) {
  (void)state;
  driver d;
  pgr_action a;
  open_script(&d, "begin;\n\\set n :n + 1\n\\set r random(1, 1000000000)\na :n :r;\nend;");
  pgr_vars_set_int(&d.vars, pgr_names_find(&d.names, "n", 1), 0);
  pgr_interp_next(&d.in, &a);
  pgr_mark mark = pgr_interp_mark(&d.in);
  char r[PGR_VALUE_BYTES];
  for (int i = 1; i <= 3; i++) {
    pgr_interp_next(&d.in, &a);
    assert_int_equal(a.kind, PGR_ACTION_SEND);
    assert_int_equal(a.command->at.line, 4);
    char n[PGR_VALUE_BYTES];
    snprintf(n, sizeof n, "%d", i);
    assert_string_equal(value(&d, "n"), n);
    if (i == 1)
      snprintf(r, sizeof r, "%s", value(&d, "r"));
    else
      assert_string_equal(value(&d, "r"), r);
    pgr_interp_rewind(&d.in, mark);
  }
  /* A script begun again draws on. */
  pgr_interp_begin(&d.in, d.in.script);
  run(&d);
  assert_true(d.ended);
  close_script(&d);
}

static void no_memory(void **state) {
  (void)state;
  const canned row[] = {{.rows = 1, .columns = 1, .names = {"a"}, .cells = {{"1"}}}, {0}};
  driver d;
  open_script(&d, "s \\gset\nq :a;");
  d.answers = row;
  pgr_action a;
  pgr_interp_next(&d.in, &a);
  pgr_answer told = {
      .rows = 1, .row_count = 1, .column_count = 1, .column = column_name, .cell = cell, .self = row, .last = true};
  pgr_err err;
  for (unsigned long nth = 1; nth <= 2; nth++) {
    pgr_mem_fail_nth(nth);
    assert_int_equal(pgr_interp_answer(&d.in, a.command, &told, &err), PGR_ENOMEM);
    pgr_mem_fail_nth(0);
  }
  assert_int_equal(pgr_interp_answer(&d.in, a.command, &told, &err), PGR_OK);
  assert_string_equal(value(&d, "a"), "1");
  assert_string_equal(value(&d, "SQLSTATE"), "00000");
  close_script(&d);
}

/* What no script names is not worth telling. */
static void minds_what_it_names(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool minds;
  } scripts[] = {{"UPDATE t SET a = :key;", false},
                 {"SELECT 1 AS a \\gset", true},
                 {"SELECT 1;\n\\if :ROW_COUNT = 0\n\\refuse\n\\endif", true},
                 {"SELECT 1;\n\\if :ERROR\n\\refuse\n\\endif", true},
                 {"SELECT ':SQLSTATE', :SQLSTATE;", true}};
  for (size_t i = 0; i < sizeof scripts / sizeof *scripts; i++) {
    pgr_arena arena = {0};
    pgr_names names;
    pgr_faults faults = {0};
    pgr_source source = {.name = "t.sql", .text = scripts[i].text, .len_bytes = strlen(scripts[i].text)};
    const pgr_script *script = NULL;
    assert_int_equal(pgr_names_init(&names, &arena), PGR_OK);
    assert_true(pgr_script_parse(&source, &names, &arena, &faults, &script));
    const pgr_interp in = {.script = script, .scope = {.names = &names}};
    assert_true(pgr_interp_minds(&in, &script->commands[0]) == scripts[i].minds);
    pgr_faults_deinit(&faults);
    pgr_names_deinit(&names);
    pgr_arena_deinit(&arena);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(minds_what_it_names),
                                     cmocka_unit_test(claims_naively),
                                     cmocka_unit_test(counts_rows),
                                     cmocka_unit_test(branches),
                                     cmocka_unit_test(keeps_rows),
                                     cmocka_unit_test(gset_needs_one_row),
                                     cmocka_unit_test(names_of_columns),
                                     cmocka_unit_test(errors_are_data),
                                     cmocka_unit_test(what_goes_on),
                                     cmocka_unit_test(sleeps),
                                     cmocka_unit_test(shells),
                                     cmocka_unit_test(shell_commands_are_short),
                                     cmocka_unit_test(pipelines),
                                     cmocka_unit_test(failure_and_end_stay),
                                     cmocka_unit_test(goes_back),
                                     cmocka_unit_test(no_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
