/* What the script parser says of scripts that are wrong: where, what, and what may have been meant. */
#include "pgr_test.h"

#include "pgr_script.h"
#include <stdio.h>
#include <string.h>

typedef struct parsed {
  pgr_arena arena;
  pgr_names names;
  pgr_faults faults;
  const pgr_script *script;
} parsed;

static bool parse_bytes(parsed *p, const char *text, size_t len) {
  *p = (parsed){0};
  assert_int_equal(pgr_names_init(&p->names, &p->arena), PGR_OK);
  pgr_source source = {.name = "t.sql", .text = text, .len_bytes = len};
  bool ok = pgr_script_parse(&source, &p->names, &p->arena, &p->faults, &p->script);
  assert_int_equal(ok, p->faults.count == 0);
  return ok;
}

static bool parse(parsed *p, const char *text) {
  return parse_bytes(p, text, strlen(text));
}

static void done(parsed *p) {
  pgr_faults_deinit(&p->faults);
  pgr_names_deinit(&p->names);
  pgr_arena_deinit(&p->arena);
}

/* The script has this one fault. hint: NULL when there is none. */
static void assert_fault(const char *text, const char *fault, const char *hint) {
  parsed p;
  if (parse(&p, text)) fail_msg("no fault in: %s", text);
  assert_string_equal(p.faults.kept[0].text, fault);
  if (hint)
    assert_string_equal(p.faults.kept[0].hint, hint);
  else
    assert_null(p.faults.kept[0].hint);
  if (p.faults.count != 1) fail_msg("%zu faults in: %s; then: %s", p.faults.count, text, p.faults.kept[1].text);
  done(&p);
}

typedef struct wrong {
  const char *text, *fault, *hint;
} wrong;

static void assert_faults(const wrong *cases, size_t count) {
  for (size_t i = 0; i < count; i++)
    assert_fault(cases[i].text, cases[i].fault, cases[i].hint);
}

#define ASSERT_FAULTS(cases) assert_faults(cases, sizeof(cases) / sizeof *(cases))

static void nothing_in_it(void **state) {
  (void)state;
  const wrong cases[] = {{"", "t.sql: the script is empty", NULL},
                         {" \n\t-- only this\n", "t.sql: the script is empty", NULL},
                         {"\\\n\\ \n", "t.sql: the script is empty", NULL},
                         {"\xEF\xBB\xBF", "t.sql: the script is empty", NULL}};
  ASSERT_FAULTS(cases);
}

static void not_closed(void **state) {
  (void)state;
  const wrong cases[] = {
      {"select 1;\nselect 'abc;", "t.sql:2:8: quote is not closed before the end of the script", NULL},
      {"select e'a'\n 'b\\'", "t.sql:2:2: quote is not closed before the end of the script", NULL},
      {"select \"abc;", "t.sql:1:8: quoted name is not closed before the end of the script", NULL},
      {"select $a$ $b$;\n", "t.sql:1:8: dollar quote is not closed before the end of the script", NULL},
      {"/* /* */ select 1;", "t.sql:1:1: comment is not closed before the end of the script", NULL},
      {"select (1, (2);\nselect 3;", "t.sql:1:8: '(' is not closed before the end of the script", NULL},
      {"select (1 \\gset\n", "t.sql:1:8: '(' is not closed before the meta command", NULL},
      {"create function f()\nbegin atomic select 1;\n",
       "t.sql:2:1: BEGIN of a function's body is not closed before the end of the script", NULL},
      {"\\set x 1\nselect :{?x};", "t.sql:2:8: :{?name} is of psql: here it would be FALSE, whatever the variable",
       NULL},
  };
  ASSERT_FAULTS(cases);
}

static void names_of_commands(void **state) {
  (void)state;
  const wrong cases[] = {
      {"\\echo hi", "t.sql:1:1: unknown meta command \\echo", NULL},
      {"\\gexec", "t.sql:1:1: unknown meta command \\gexec", NULL},
      {"select 1 \\gest\n", "t.sql:1:10: unknown meta command \\gest", "did you mean '\\gset'?"},
      {"\\Slep 1", "t.sql:1:1: unknown meta command \\Slep", "did you mean '\\sleep'?"},
      {"\\refuse;", "t.sql:1:1: unknown meta command \\refuse;", "did you mean '\\refuse'?"},
      {"\\ \t endpipelin", "t.sql:1:1: unknown meta command \\endpipelin", "did you mean '\\endpipeline'?"},
      {"\\syncpipeline", "t.sql:1:1: \\syncpipeline is from PostgreSQL 17 and not supported here",
       "end the pipeline with \\endpipeline and start the next one"},
  };
  ASSERT_FAULTS(cases);
}

static void variables(void **state) {
  (void)state;
  const char *letters = "a name has letters, digits and _, no digit first", *rename = "give the variable another name";
  const wrong cases[] = {
      {"\\set", "t.sql:1:1: \\set: the variable is missing", NULL},
      {"\\set x", "t.sql:1:1: \\set: the expression is missing", NULL},
      {"\\set x \\\n \r\n", "t.sql:1:1: \\set: the expression is missing", NULL},
      {"\\set 1x 2", "t.sql:1:6: \\set: '1x' cannot be a variable's name", letters},
      {"\\set x=1 2", "t.sql:1:6: \\set: 'x=1' cannot be a variable's name", "write \\set NAME EXPRESSION, without ="},
      {"\\set :x 2", "t.sql:1:6: \\set: ':x' cannot be a variable's name",
       "the colon is for reading: write the name without it"},
      {"\\set key 1", "t.sql:1:6: \\set: 'key' is set by pgrace", rename},
      {"\\set last_key 1", "t.sql:1:6: \\set: 'last_key' is set by pgrace", rename},
      {"\\setshell agent echo 1", "t.sql:1:11: \\setshell: 'agent' is set by pgrace", rename},
      {"\\set ON_ERROR_STOP off", "t.sql:1:20: \\set: the value is an expression, and 'off' is none", "write false"},
      {"\\set ON_ERROR_STOP ON", "t.sql:1:20: \\set: the value is an expression, and 'ON' is none", "write true"},
      {"\\set x 1;", "t.sql:1:9: unexpected character ';'", "an expression ends with its line"},
      {"\\if\n\\endif", "t.sql:1:1: \\if: the expression is missing", NULL},
      {"\\if 1 +\n\\endif", "t.sql:1:8: expected a value, the expression ends", NULL},
  };
  ASSERT_FAULTS(cases);
  parsed p;
  const char *may[] = {"\\set KEY 1",   "\\set ON_ERROR_STOP false", "\\set ON_ERROR_STOP 0",
                       "\\set scale 3", "\\set ROW_COUNT 0",         "\\set on 1"};
  for (size_t i = 0; i < sizeof may / sizeof *may; i++) {
    assert_true(parse(&p, may[i]));
    done(&p);
  }
}

static void arguments(void **state) {
  (void)state;
  const char *whole = "write a whole number and us, ms or s: 1500 us",
             *no_semicolon = "a meta command ends with its line: leave the "
                             "; out";
  const wrong cases[] = {
      {"\\sleep", "t.sql:1:1: \\sleep: the time is missing", NULL},
      {"\\sleep 1.5 s", "t.sql:1:8: \\sleep: '1.5' is not a whole number", whole},
      {"\\sleep 1.5", "t.sql:1:8: \\sleep: '1.5' is not a whole number", whole},
      {"\\sleep ms", "t.sql:1:8: \\sleep: 'ms' is not a whole number", whole},
      {"\\sleep 5ms s", "t.sql:1:8: \\sleep: '5ms' is not a whole number", whole},
      {"\\sleep -5 us", "t.sql:1:8: \\sleep: the time is negative", NULL},
      {"\\sleep 5 min", "t.sql:1:10: \\sleep: 'min' is no unit, write us, ms or s", NULL},
      {"\\sleep 5xs", "t.sql:1:9: \\sleep: 'xs' is no unit, write us, ms or s", NULL},
      {"\\sleep :t xs", "t.sql:1:11: \\sleep: 'xs' is no unit, write us, ms or s", NULL},
      {"\\sleep :1", "t.sql:1:8: \\sleep: ':1' is not a colon and a variable's name", NULL},
      {"\\sleep 2147483648 us", "t.sql:1:8: \\sleep: longer than 2147483647 us", NULL},
      {"\\sleep 2148", "t.sql:1:8: \\sleep: longer than 2147483647 us", NULL},
      {"\\sleep 99999999999999999999999", "t.sql:1:8: \\sleep: longer than 2147483647 us", NULL},
      {"\\sleep 5 ms ;", "t.sql:1:13: \\sleep: unexpected argument ';'", no_semicolon},
      {"\\shell", "t.sql:1:1: \\shell: the command is missing", NULL},
      {"\\setshell", "t.sql:1:1: \\setshell: the variable is missing", NULL},
      {"\\setshell x", "t.sql:1:1: \\setshell: the command is missing", NULL},
      {"\\setshell 1 echo", "t.sql:1:11: \\setshell: '1' cannot be a variable's name",
       "a name has letters, digits and _, no digit first"},
      {"\\shell echo :", "t.sql:1:13: \\shell: ':' is not a colon and a variable's name", NULL},
      {"\\refuse now", "t.sql:1:9: \\refuse: unexpected argument 'now'", NULL},
      {"select 1 \\gset a b", "t.sql:1:18: \\gset: unexpected argument 'b'", NULL},
      {"select 1 \\aset 1a", "t.sql:1:16: \\aset: '1a' cannot begin a variable's name", NULL},
      {"select 1 \\gset a;", "t.sql:1:16: \\gset: 'a;' cannot begin a variable's name", no_semicolon},
  };
  ASSERT_FAULTS(cases);
}

static void order_of_commands(void **state) {
  (void)state;
  const wrong cases[] = {
      {"\\gset", "t.sql:1:1: \\gset must follow an SQL command", NULL},
      {"select 1;\n\\set x 1\n\\aset\n", "t.sql:3:1: \\aset must follow an SQL command", NULL},
      {"select 1 \\gset\n\\gset", "t.sql:2:1: \\gset must follow an SQL command", NULL},
      {"\\if 1\n", "t.sql:1:1: \\if without \\endif", NULL},
      {"\\else\nselect 1;", "t.sql:1:1: \\else without \\if", NULL},
      {"\\elif 1\n", "t.sql:1:1: \\elif without \\if", NULL},
      {"\\endif\n", "t.sql:1:1: \\endif without \\if", NULL},
      {"\\if 1\n\\else\n\\else\n\\endif", "t.sql:3:1: \\else after \\else", NULL},
      {"\\if 1\n\\else\n\\elif 1\n\\endif", "t.sql:3:1: \\elif after \\else", NULL},
  };
  ASSERT_FAULTS(cases);
}

static void pipelines(void **state) {
  (void)state;
  const wrong cases[] = {
      {"\\startpipeline\nselect 1 \\gset\n\\endpipeline",
       "t.sql:2:1: \\gset inside a pipeline: the answer is not there yet", NULL},
      {"\\startpipeline\n\\if :x\nselect 1 \\aset\n\\endif\n\\endpipeline",
       "t.sql:3:1: \\aset inside a pipeline: the answer is not there yet", NULL},
      {"\\startpipeline\n\\startpipeline\n\\endpipeline", "t.sql:2:1: \\startpipeline inside a pipeline", NULL},
      {"\\endpipeline", "t.sql:1:1: \\endpipeline without \\startpipeline", NULL},
      {"\\startpipeline", "t.sql:1:1: \\startpipeline without \\endpipeline", NULL},
      {"\\startpipeline\n\\refuse\n", "t.sql:2:1: \\refuse inside a pipeline: end it first with \\endpipeline", NULL},
      {"\\if :x\n\\startpipeline\n\\else\n\\startpipeline\n\\endif\nselect 1;",
       "t.sql:4:1: \\startpipeline without \\endpipeline", NULL},
  };
  ASSERT_FAULTS(cases);
  /* What works on some path is left to the interpreter. */
  parsed p;
  const char *may[] = {"\\if :x\n\\startpipeline\n\\endif\nselect 1 \\gset\n\\if :x\n\\endpipeline\n\\endif",
                       "\\startpipeline\n\\if :x\n\\endpipeline\n\\refuse\n\\endif\n\\endpipeline",
                       "\\startpipeline\n\\if :x\n\\endpipeline\n\\else\n\\endpipeline\n\\endif\nselect 1 \\gset"};
  for (size_t i = 0; i < sizeof may / sizeof *may; i++) {
    assert_true(parse(&p, may[i]));
    assert_true(p.script->uses_pipeline);
    done(&p);
  }
}

static void all_faults_are_told(void **state) {
  (void)state;
  const char *text =
      "\\set key 1\nselect 1;\n\\sleep x\n\\if 1 +\nselect (\\echo\n\\else\n\\elif 2\n\\endif\nselect 'x";
  const char *where[] = {
      "t.sql:1:6:", "t.sql:3:8:", "t.sql:4:8:", "t.sql:5:8:", "t.sql:5:9:", "t.sql:9:8:", "t.sql:7:1:"};
  parsed p;
  assert_false(parse(&p, text));
  assert_int_equal(p.faults.count, 7);
  for (size_t i = 0; i < 7; i++)
    assert_memory_equal(p.faults.kept[i].text, where[i], strlen(where[i]));
  done(&p);
}

/* A text of `count` times `piece`, between `before` and `after`. */
static void repeat(pgr_buf *b, const char *before, const char *piece, int count, const char *after) {
  pgr_buf_init(b, 0);
  pgr_buf_adds(b, before);
  for (int i = 0; i < count; i++)
    pgr_buf_adds(b, piece);
  pgr_buf_adds(b, after);
}

static void at_the_limit(const char *before, const char *piece, int max, const char *after, const char *fault) {
  pgr_buf b;
  parsed p;
  repeat(&b, before, piece, max, after);
  assert_true(parse(&p, pgr_buf_text(&b)));
  done(&p);
  pgr_buf_deinit(&b);
  repeat(&b, before, piece, max + 1, after);
  assert_fault(pgr_buf_text(&b), fault, NULL);
  pgr_buf_deinit(&b);
}

static void limits(void **state) {
  (void)state;
  at_the_limit("", "x;\n", 1000, "", "t.sql:1001:1: more than 1000 commands");
  at_the_limit("", "x \\gset\n", 1000, "", "t.sql:1001:1: more than 1000 commands");
  at_the_limit("select ", ":a ", 255, ";", "t.sql:1:1: 256 uses of variables, at most 255 are possible here");
  at_the_limit("\\shell", " a", 128, "", "t.sql:1:1: \\shell: the command is longer than 256 bytes");
  at_the_limit("\\set ", "a", 256, " 1", "t.sql:1:6: the name of a variable is longer than 256 bytes");
  pgr_buf b;
  repeat(&b, "\\shell", " a", 256, "");
  assert_fault(pgr_buf_text(&b), "t.sql:1:518: \\shell: more than 255 arguments", NULL);
  pgr_buf_deinit(&b);
  repeat(&b, "", "\\if 1\n", 65, "");
  assert_fault(pgr_buf_text(&b), "t.sql:65:1: more than 64 \\if inside each other", NULL);
  pgr_buf_deinit(&b);
  repeat(&b, "", "x", PGR_SCRIPT_BYTES_MAX + 1, "");
  assert_fault(pgr_buf_text(&b), "t.sql: the script is larger than 1048576 bytes", NULL);
  pgr_buf_deinit(&b);
  parsed p;
  assert_false(parse_bytes(&p, "a\0b", 3));
  assert_string_equal(p.faults.kept[0].text, "t.sql: the script holds a NUL byte: it is no text");
  done(&p);
}

static void too_many_names(void **state) {
  (void)state;
  pgr_buf b;
  pgr_buf_init(&b, 0);
  for (int i = 0; i <= PGR_NAMES_MAX - PGR_PRESET_COUNT; i++)
    pgr_buf_addf(&b, ":v%d%s", i, i % 100 == 99 ? ";\n" : " ");
  assert_fault(pgr_buf_text(&b), "t.sql:11:1: more than 1024 different variables in all scripts", NULL);
  pgr_buf_deinit(&b);
}

/* Many faults in a large text take no more time than a person waits. */
static void faults_are_bounded(void **state) {
  (void)state;
  pgr_buf b;
  parsed p;
  repeat(&b, "", "\\x\n", 300000, "");
  assert_false(parse(&p, pgr_buf_text(&b)));
  assert_int_equal(p.faults.count, 1000);
  done(&p);
  pgr_buf_deinit(&b);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_in_it),       cmocka_unit_test(not_closed),
                                     cmocka_unit_test(names_of_commands),   cmocka_unit_test(variables),
                                     cmocka_unit_test(arguments),           cmocka_unit_test(order_of_commands),
                                     cmocka_unit_test(pipelines),           cmocka_unit_test(limits),
                                     cmocka_unit_test(all_faults_are_told), cmocka_unit_test(too_many_names),
                                     cmocka_unit_test(faults_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
