/* The script parser: where commands begin and end, what they become, and what is wrong with them. What is said of
 * pgbench here was seen with pgbench 15.20. */
#include "pgr_test.h"

#include "pgr_random.h"
#include "pgr_script.h"
#include <stdio.h>
#include <string.h>

static const char *scripts_dir;

typedef struct parsed {
  pgr_arena arena;
  pgr_names names;
  pgr_faults faults;
  const pgr_script *script;
  pgr_vars vars; /* all unset, once parsed */
} parsed;

static bool parse(parsed *p, const char *text) {
  *p = (parsed){0};
  assert_int_equal(pgr_names_init(&p->names, &p->arena), PGR_OK);
  pgr_source source = {.name = "t.sql", .text = text, .len_bytes = strlen(text)};
  bool ok = pgr_script_parse(&source, &p->names, &p->arena, &p->faults, &p->script);
  assert_int_equal(ok, p->faults.count == 0);
  assert_int_equal(ok, p->script != NULL);
  assert_int_equal(pgr_vars_init(&p->vars, p->names.count), PGR_OK);
  return ok;
}

static void parse_well(parsed *p, const char *text) {
  if (parse(p, text)) return;
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_faults_print(&p->faults, &b);
  fail_msg("%s\n%s", text, pgr_buf_text(&b));
}

static void done(parsed *p) {
  pgr_vars_deinit(&p->vars);
  pgr_faults_deinit(&p->faults);
  pgr_names_deinit(&p->names);
  pgr_arena_deinit(&p->arena);
}

static const char *const names[] = {
    [PGR_COMMAND_SET] = "\\set",
    [PGR_COMMAND_IF] = "\\if",
    [PGR_COMMAND_ELIF] = "\\elif",
    [PGR_COMMAND_ELSE] = "\\else",
    [PGR_COMMAND_ENDIF] = "\\endif",
    [PGR_COMMAND_SLEEP] = "\\sleep",
    [PGR_COMMAND_SHELL] = "\\shell",
    [PGR_COMMAND_SETSHELL] = "\\setshell",
    [PGR_COMMAND_STARTPIPELINE] = "\\startpipeline",
    [PGR_COMMAND_ENDPIPELINE] = "\\endpipeline",
    [PGR_COMMAND_REFUSE] = "\\refuse",
};

/* "[select 1;][\set][select 2 \gset p_]": what the script became. */
static void render(const parsed *p, pgr_buf *out) {
  for (int i = 0; i < p->script->count; i++) {
    const pgr_command *c = &p->script->commands[i];
    pgr_buf_adds(out, "[");
    if (c->kind == PGR_COMMAND_SQL)
      pgr_template_fill(&c->sql.text, &p->names, &p->vars, out);
    else
      pgr_buf_adds(out, names[c->kind]);
    if (c->sql.keep != PGR_KEEP_NOTHING)
      pgr_buf_addf(out, "\\%s %s", c->sql.keep == PGR_KEEP_GSET ? "gset" : "aset", c->sql.prefix);
    pgr_buf_adds(out, "]");
  }
}

static void assert_becomes(const char *text, const char *expected) {
  parsed p;
  pgr_buf b;
  parse_well(&p, text);
  pgr_buf_init(&b, 0);
  render(&p, &b);
  assert_string_equal(pgr_buf_text(&b), expected);
  pgr_buf_deinit(&b);
  done(&p);
}

static void splits_as_pgbench(void **state) {
  (void)state;
  const struct {
    const char *text, *becomes;
  } cases[] = {
      {"select 1;", "[select 1;]"},
      {"select 1", "[select 1]"},
      {"select 1;select 2;", "[select 1;][select 2;]"},
      {"\n  -- lead\n\t/* a */ select 1 -- mid;\n + 1 ;  \n", "[/* a */ select 1 -- mid;\n + 1 ;]"},
      {";;/* */ ;", "[;][;][/* */ ;]"},
      {"-- only\nselect 3 -- trail\n\n", "[select 3 -- trail\n\n]"},
      {"select 1;\n-- no more", "[select 1;]"},
      {"\xEF\xBB\xBFselect 1;", "[select 1;]"},
      {"\vselect 1;", "[select 1;]"},
      {"select 1;\r\nselect 2;\r\n", "[select 1;][select 2;]"},
      /* quotes */
      {"select 'a;b'; x", "[select 'a;b';][x]"},
      {"select 'it''s;'; x", "[select 'it''s;';][x]"},
      {"select 'a\\'; x", "[select 'a\\';][x]"},
      {"select E'a\\';'; x", "[select E'a\\';';][x]"},
      {"select e'a' --c\n 'b\\';'; x", "[select e'a' --c\n 'b\\';';][x]"},
      {"select e'a' 'b\\'; x", "[select e'a' 'b\\';][x]"},
      {"select xe'a\\'; x", "[select xe'a\\';][x]"},
      {"select 1e'a\\'; x", "[select 1e'a\\';][x]"},
      {"select N'a\\'; x", "[select N'a\\';][x]"},
      {"select U&'\\;' ; x", "[select U&'\\;' ;][x]"},
      {"select \"a;\"\"b;\"; x", "[select \"a;\"\"b;\";][x]"},
      {"select $$a;'$$; x", "[select $$a;'$$;][x]"},
      {"select $a$;$b$;$$;$a$; x", "[select $a$;$b$;$$;$a$;][x]"},
      {"select a$$; x", "[select a$$;][x]"},
      {"select :a$$;$$; x", "[select :a$$;$$;][x]"},
      {"select 1a$$; x", "[select 1a$$;][x]"},
      {"select $1$$;$$; x", "[select $1$$;$$;][x]"},
      {"select $ ; x", "[select $ ;][x]"},
      {"select 1e--; x", "[select 1e--;][x]"},
      /* comments */
      {"select /*;/*;*/;*/ 1; x", "[select /*;/*;*/;*/ 1;][x]"},
      {"select 1 --;'\n; x", "[select 1 --;'\n;][x]"},
      {"select 1+--;\r;x", "[select 1+--;\r;][x]"},
      {"select 1*/*;*/2; x", "[select 1*/*;*/2;][x]"},
      /* parentheses */
      {"create rule r do (a; b); x", "[create rule r do (a; b);][x]"},
      {"select ((1;)); x", "[select ((1;));][x]"},
      {"select 1); x", "[select 1);][x]"},
      {"select (')'; ); x", "[select (')'; );][x]"},
      /* bodies */
      {"create function f() begin atomic select 1; select case when a then 1 end; end; x",
       "[create function f() begin atomic select 1; select case when a then 1 end; end;][x]"},
      {"CREATE or Replace PROCEDURE p() BEGIN a; END; x", "[CREATE or Replace PROCEDURE p() BEGIN a; END;][x]"},
      {"create table begin; x", "[create table begin;][x]"},
      {"create or function begin; x", "[create or function begin;][x]"},
      {"create function f(begin int); x", "[create function f(begin int);][x]"},
      {"create function f a::begin b; end; x", "[create function f a::begin b; end;][x]"},
      {"create function :begin; x", "[create function :begin;][x]"},
      {"create function f begin; 1end; end; x", "[create function f begin; 1end; end;][x]"},
      {"create function a() \\; begin; x", "[create function a() ; begin;][x]"},
      {"begin; update t; end;", "[begin;][update t;][end;]"},
      /* meta commands end SQL; \; and \: do not */
      {"select 1\n\\set x 1\nselect 2", "[select 1\n][\\set][select 2]"},
      {"select 1 \\gset\nselect 2 \\aset p_\n", "[select 1 \\gset ][select 2 \\aset p_]"},
      {"select 1;\n\n-- c\n \\gset\n", "[select 1;\\gset ]"},
      {"select 1\\; select 2;", "[select 1; select 2;]"},
      {"\\;select '\\;' \\:x;", "[;select '\\;' :x;]"},
      {"\\ set x 1\n\\SET y 2\n\\\n\\Sleep 1\n", "[\\set][\\set][\\sleep]"},
      {"\\set x \\\n 1 \\\r\n + 2\nselect 1", "[\\set][select 1]"},
      {"\\sleep 1\\\nus\nselect 1", "[\\sleep][select 1]"},
      {"\\if 1\nselect 1;\n\\elif 0\n\\else\n\\refuse\n\\endif",
       "[\\if][select 1;][\\elif][\\else][\\refuse][\\endif]"},
      {"\\startpipeline\nselect 1;\n\\endpipeline", "[\\startpipeline][select 1;][\\endpipeline]"},
      {"\\shell true\n\\setshell x echo 1\n", "[\\shell][\\setshell]"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_becomes(cases[i].text, cases[i].becomes);
}

static void counts_statements(void **state) {
  (void)state;
  const struct {
    const char *text;
    int count;
  } cases[] = {{"select 1;", 1},
               {"select 1\\; select 2;", 2},
               {"select 1\\; select 2", 2},
               {"select 1\\;\\; -- no more\n;", 1},
               {"\\;\\; select 1;", 1},
               {"/* */ ;", 1},
               {"(a\\;b)\\; c;", 2},
               {"create function f begin a\\; b; end\\; c\\; 'd';", 3},
               {"select ':'\\: 1;", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    parsed p;
    parse_well(&p, cases[i].text);
    assert_int_equal(p.script->count, 1);
    assert_int_equal(p.script->commands[0].sql.statement_count, cases[i].count);
    done(&p);
  }
}

static void numbers_variables_as_pgbench(void **state) {
  (void)state;
  const struct {
    const char *text, *numbered;
  } cases[] = {{"select :a;", "select $1;"},
               {"select :a, :b, :a;", "select $1, $2, $3;"},
               {"select a::text, :::b, b :: c;", "select a::text, :::b, b :: c;"},
               {"select a::b:c;", "select a::b$1;"},
               {"select ':a', \":b\", $$:c$$ /* :d */ --:e\n;", "select '$1', \"$2\", $$$3$$ /* $4 */ --$5\n;"},
               {"select :a:b;", "select $1$2;"},
               {"select \\:a;", "select $1;"},
               {"select '12:30', :1, :, : a;", "select '12:30', :1, :, : a;"},
               {"select :_1, :\xC3\xA9t\xC3\xA9;", "select $1, $2;"},
               {"select :a.b, :a$c;", "select $1.b, $2$c;"},
               {"select :a", "select $1"},
               {"select \\::a;", "select ::a;"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    parsed p;
    parse_well(&p, cases[i].text);
    const pgr_sql *sql = &p.script->commands[0].sql;
    assert_string_equal(sql->numbered, cases[i].numbered);
    for (int k = 0; k < sql->text.var_count; k++)
      assert_true(sql->text.slots[k] < p.names.count);
    done(&p);
  }
}

static void fills_what_is_set(void **state) {
  (void)state;
  parsed p;
  parse_well(&p, "update t set a = :v + :key, b = ':nothing' where c = :v;");
  int v = pgr_names_find(&p.names, "v", 1);
  assert_true(v >= PGR_PRESET_COUNT);
  assert_int_equal(pgr_vars_set_text(&p.vars, v, ":key"), PGR_OK);
  pgr_vars_set_int(&p.vars, PGR_SLOT_KEY, 7);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_template_fill(&p.script->commands[0].sql.text, &p.names, &p.vars, &b);
  assert_string_equal(pgr_buf_text(&b), "update t set a = :key + 7, b = ':nothing' where c = :key;");
  pgr_buf_deinit(&b);
  done(&p);
}

static void templates_without_commands(void **state) {
  (void)state;
  parsed p = {0};
  assert_int_equal(pgr_names_init(&p.names, &p.arena), PGR_OK);
  const char *text = "INSERT INTO c SELECT generate_series(:first_key, :last_key);\n\\set is '\\; text :x";
  pgr_source source = {.name = "seed", .text = text, .len_bytes = strlen(text)};
  pgr_template t;
  assert_true(pgr_template_parse(&source, &p.names, &p.arena, &p.faults, &t));
  assert_int_equal(t.var_count, 3);
  assert_int_equal(t.slots[0], PGR_SLOT_FIRST_KEY);
  assert_int_equal(pgr_vars_init(&p.vars, p.names.count), PGR_OK);
  pgr_vars_set_int(&p.vars, PGR_SLOT_FIRST_KEY, 1);
  pgr_vars_set_int(&p.vars, PGR_SLOT_LAST_KEY, 9);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_template_fill(&t, &p.names, &p.vars, &b);
  assert_string_equal(pgr_buf_text(&b), "INSERT INTO c SELECT generate_series(1, 9);\n\\set is '\\; text :x");
  pgr_buf_deinit(&b);
  done(&p);
}

/* Every character that was sent leads back to itself; every character of $n to its variable's colon. */
static void check_positions(const parsed *p) {
  for (int i = 0; i < p->script->count; i++) {
    const pgr_command *c = &p->script->commands[i];
    if (c->kind != PGR_COMMAND_SQL) continue;
    const char *sent = c->sql.numbered, *source = p->script->source.text;
    size_t position = 0, last = 0;
    for (size_t j = 0; sent[j]; j++) {
      if (((unsigned char)sent[j] & 0xC0) == 0x80) continue;
      size_t at = pgr_sql_source_offset(c, p->script, position);
      assert_true(at >= c->offset && at < p->script->source.len_bytes);
      assert_true(at >= last);
      assert_true(source[at] == sent[j] || source[at] == ':');
      last = at;
      position++;
    }
    assert_true(pgr_sql_source_offset(c, p->script, position) > last);
    assert_true(pgr_sql_source_offset(c, p->script, position + 100) <= p->script->source.len_bytes);
  }
}

static void positions_lead_back(void **state) {
  (void)state;
  const char *text = "-- c\nselect 'üü\\;' \\; b \\: :gap, x::int\\; c = :key + nope(:a:b) ;\nselect  1 +;";
  parsed p;
  parse_well(&p, text);
  check_positions(&p);
  const pgr_command *c = &p.script->commands[0];
  size_t nope = 0, sent = 0;
  for (const char *s = c->sql.numbered; strncmp(s, "nope", 4) != 0; s++)
    nope += ((unsigned char)*s & 0xC0) != 0x80;
  assert_string_equal(text + pgr_sql_source_offset(c, p.script, nope), strstr(text, "nope"));
  assert_string_equal(text + pgr_sql_source_offset(c, p.script, nope + 6), strstr(text, "a:b") - 1);
  assert_int_equal(pgr_place_at(&p.script->source, pgr_sql_source_offset(c, p.script, nope)).line, 2);
  /* The simple protocol: the same with values in it. */
  pgr_vars_set_int(&p.vars, PGR_SLOT_KEY, 123456);
  assert_int_equal(pgr_vars_set_text(&p.vars, PGR_SLOT_GAP, "äöü"), PGR_OK);
  pgr_buf b;
  pgr_buf_init(&b, 0);
  pgr_template_fill(&c->sql.text, &p.names, &p.vars, &b);
  for (const char *s = b.data; strncmp(s, "nope", 4) != 0; s++)
    sent += ((unsigned char)*s & 0xC0) != 0x80;
  assert_string_equal(text + pgr_sql_filled_offset(c, p.script, &p.names, &p.vars, sent), strstr(text, "nope"));
  pgr_buf_deinit(&b);
  done(&p);
}

static void many_variables_keep_positions(void **state) {
  (void)state;
  char text[255 * 5 + 64];
  size_t n = 0;
  for (int i = 0; i < 255; i++)
    n += (size_t)snprintf(text + n, sizeof text - n, ":v%d ", i % 10);
  snprintf(text + n, sizeof text - n, "end;");
  parsed p;
  parse_well(&p, text);
  check_positions(&p);
  assert_int_equal(p.script->commands[0].sql.text.var_count, 255);
  done(&p);
}

static void sleeps(void **state) {
  (void)state;
  const struct {
    const char *text;
    int64_t ns;
  } cases[] = {{"\\sleep 5", 5000000000},
               {"\\sleep 5 s", 5000000000},
               {"\\sleep 5ms", 5000000},
               {"\\sleep 5 MS", 5000000},
               {"\\sleep +7us", 7000},
               {"\\sleep 007 us", 7000},
               {"\\sleep 0", 0},
               {"\\sleep 2147 s", 2147000000000},
               {"\\sleep 2147483647us", 2147483647000}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    parsed p;
    parse_well(&p, cases[i].text);
    assert_int_equal(p.script->commands[0].sleep_ns, cases[i].ns);
    assert_int_equal(p.script->commands[0].slot, -1);
    done(&p);
  }
  parsed p;
  parse_well(&p, "\\sleep :gap us\n\\sleep :t\n");
  assert_int_equal(p.script->commands[0].slot, PGR_SLOT_GAP);
  assert_int_equal(p.script->commands[0].sleep_unit_ns, 1000);
  assert_int_equal(p.script->commands[1].sleep_unit_ns, 1000000000);
  done(&p);
}

static void shell_words(void **state) {
  (void)state;
  parsed p;
  parse_well(&p, "\\setshell x echo ::a :key a:b \\\n 'c d'\n");
  const pgr_command *c = &p.script->commands[0];
  const char *words[] = {"echo", ":a", "", "a:b", "'c", "d'"};
  assert_int_equal(c->word_count, 6);
  for (int i = 0; i < 6; i++)
    assert_string_equal(c->words[i].literals[0], words[i]);
  assert_int_equal(c->words[2].var_count, 1);
  assert_int_equal(c->words[2].slots[0], PGR_SLOT_KEY);
  assert_int_equal(c->slot, pgr_names_find(&p.names, "x", 1));
  assert_true(p.script->uses_shell);
  assert_false(p.script->uses_pipeline);
  done(&p);
}

static void places(void **state) {
  (void)state;
  parsed p;
  parse_well(&p, "-- c\n  select 1\n + 2;\n\t\\set x 1\nselect 3 \\gset\n");
  const pgr_command *c = p.script->commands;
  assert_int_equal(c[0].at.line, 2);
  assert_int_equal(c[0].at.column, 3);
  assert_int_equal(c[0].at.width, 8);
  assert_int_equal(c[0].offset, 7);
  assert_int_equal(c[1].at.line, 4);
  assert_int_equal(c[1].at.column, 2);
  assert_int_equal(c[1].at.width, 4);
  assert_int_equal(c[2].at.line, 5);
  assert_int_equal(c[2].sql.index, 1);
  assert_int_equal(p.script->sql_count, 2);
  assert_string_equal(p.script->source.name, "t.sql");
  done(&p);
}

/* A false \if leads to the next branch, all branches to the \endif, and every way forward. */
static void check_jumps(const pgr_script *s) {
  for (int i = 0; i < s->count; i++) {
    const pgr_command *c = &s->commands[i];
    bool branch = c->kind == PGR_COMMAND_IF || c->kind == PGR_COMMAND_ELIF || c->kind == PGR_COMMAND_ELSE;
    if (branch) {
      assert_true(c->otherwise > i && c->otherwise < s->count);
      assert_true(c->end >= c->otherwise && c->end < s->count);
      assert_int_equal(s->commands[c->end].kind, PGR_COMMAND_ENDIF);
      assert_int_equal(s->commands[c->otherwise].end, c->end);
    }
  }
}

static void jumps(void **state) {
  (void)state;
  parsed p;
  parse_well(&p, "\\if 1\n\\if 2\n\\else\n\\endif\n\\elif 3\n\\elif 4\n\\else\nselect 1;\n\\endif\n\\if 5\n\\endif");
  const int otherwise[] = {4, 2, 3, 3, 5, 6, 8, 0, 8, 10, 10}, end[] = {8, 3, 3, 3, 8, 8, 8, 0, 8, 10, 10};
  assert_int_equal(p.script->count, 11);
  for (int i = 0; i < p.script->count; i++) {
    assert_int_equal(p.script->commands[i].otherwise, otherwise[i]);
    assert_int_equal(p.script->commands[i].end, end[i]);
  }
  check_jumps(p.script);
  done(&p);
}

/* Scripts put together from pieces whose fate is known: what comes out is the pieces. */
static void pieces_come_back(void **state) {
  (void)state;
  static const char *const sql[] = {"select 1;",
                                    "select 'a;''b';",
                                    "/* ; /* ' */ ; */ ;",
                                    "select $q$;$q$ || $$'$$;",
                                    "insert into t values (1, ';', \"x;\");",
                                    "select E'\\';' -- ;\n;",
                                    "update t set a = :a::text || :key;",
                                    "create function f() returns int begin atomic select 1; end;",
                                    "select 'ü;ö';",
                                    ";"};
  static const char *const blank[] = {"", "\n", " \t", "-- ; '\n", "\r\n", "\n\n-- \\set\n  "};
  static const char *const meta[][2] = {{"\\set x 1 + \\\n 2\n", "[\\set]"},
                                        {"\\sleep 1 us\n", "[\\sleep]"},
                                        {"\\if :x\n\\else\n\\endif\n", "[\\if][\\else][\\endif]"},
                                        {"\\\n", ""},
                                        {"\\if true\n\\refuse\n\\endif\n", "[\\if][\\refuse][\\endif]"}};
  for (uint64_t round = 0; round < 300; round++) {
    pgr_random r;
    pgr_random_init(&r, round, 0);
    pgr_buf text, expected;
    pgr_buf_init(&text, 0);
    pgr_buf_init(&expected, 0);
    for (int n = 1 + (int)pgr_random_below(&r, 12); n > 0; n--) {
      size_t i = pgr_random_below(&r, 10), j = pgr_random_below(&r, 5);
      pgr_buf_adds(&text, blank[pgr_random_below(&r, 6)]);
      bool is_sql = n == 1 || pgr_random_below(&r, 3) > 0;
      pgr_buf_adds(&text, is_sql ? sql[i] : meta[j][0]);
      if (is_sql)
        pgr_buf_addf(&expected, "[%s]", sql[i]);
      else
        pgr_buf_adds(&expected, meta[j][1]);
    }
    assert_becomes(pgr_buf_text(&text), pgr_buf_text(&expected));
    parsed p;
    parse_well(&p, pgr_buf_text(&text));
    check_positions(&p);
    check_jumps(p.script);
    done(&p);
    pgr_buf_deinit(&text);
    pgr_buf_deinit(&expected);
  }
}

/* Each cut of a script is parsed or has a fault, and each allocation may fail. */
static void no_memory(void **state) {
  (void)state;
  const char *text = "\\set x random(1, :key)\nselect :x, ':y' \\gset p_\n\\if :p_a\n\\shell echo :x\n\\else\n"
                     "\\refuse\n\\endif\n\\setshell z echo ::a\nselect 1\\; select :key;\n\\sleep :z ms\n";
  for (unsigned long nth = 1;; nth++) {
    parsed p = {0};
    assert_int_equal(pgr_names_init(&p.names, &p.arena), PGR_OK);
    pgr_source source = {.name = "t.sql", .text = text, .len_bytes = strlen(text)};
    pgr_mem_fail_nth(nth);
    bool ok = pgr_script_parse(&source, &p.names, &p.arena, &p.faults, &p.script);
    pgr_mem_fail_nth(0);
    assert_int_equal(ok, p.faults.count == 0);
    done(&p);
    if (ok) {
      assert_true(nth > 3);
      break;
    }
  }
}

static void cuts(void **state) {
  (void)state;
  const char *text = "\\set x random(1, 2)\nselect 'a' || $b$ c $b$, E'\\'', (1) /* d */ \\gset p_\n\\if :p_a\n"
                     "create function f() begin atomic a; end\\; b;\n\\elif :x\n\\sleep 5 ms\n\\endif\n";
  char cut[512];
  for (size_t n = 0; n <= strlen(text); n++) {
    memcpy(cut, text, n);
    cut[n] = '\0';
    parsed p;
    if (parse(&p, cut)) {
      check_positions(&p);
      check_jumps(p.script);
    }
    done(&p);
  }
}

static void built_in(const char *name, const char *expected) {
  char path[4096], text[4096];
  snprintf(path, sizeof path, "%s/%s.sql", scripts_dir, name);
  FILE *f = fopen(path, "r");
  assert_non_null(f);
  text[fread(text, 1, sizeof text - 1, f)] = '\0';
  fclose(f);
  assert_becomes(text, expected);
}

static void built_in_scripts(void **state) {
  (void)state;
  built_in("select-only", "[\\set][SELECT abalance FROM pgbench_accounts WHERE aid = :aid;]");
  built_in("simple-update", "[\\set][\\set][\\set][\\set][BEGIN;]"
                            "[UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;]"
                            "[SELECT abalance FROM pgbench_accounts WHERE aid = :aid;]"
                            "[INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) "
                            "VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);][END;]");
  built_in("tpcb-like", "[\\set][\\set][\\set][\\set][BEGIN;]"
                        "[UPDATE pgbench_accounts SET abalance = abalance + :delta WHERE aid = :aid;]"
                        "[SELECT abalance FROM pgbench_accounts WHERE aid = :aid;]"
                        "[UPDATE pgbench_tellers SET tbalance = tbalance + :delta WHERE tid = :tid;]"
                        "[UPDATE pgbench_branches SET bbalance = bbalance + :delta WHERE bid = :bid;]"
                        "[INSERT INTO pgbench_history (tid, bid, aid, delta, mtime) "
                        "VALUES (:tid, :bid, :aid, :delta, CURRENT_TIMESTAMP);][END;]");
}

static void squeezes_for_reading(void **state) {
  (void)state;
  static const char *const texts[][2] = {
      {"\n SELECT  x\n\tFROM y ; ;\n", "SELECT x FROM y"}, {" ; ", ""}, {"", ""}, {"a;b", "a;b"}};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    char text[40];
    snprintf(text, sizeof text, "%s", texts[i][0]);
    pgr_statement_squeeze(text);
    assert_string_equal(text, texts[i][1]);
  }
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s SCRIPTS_DIR\n", argv[0]);
    return 1;
  }
  scripts_dir = argv[1];
  const struct CMUnitTest tests[] = {cmocka_unit_test(splits_as_pgbench),
                                     cmocka_unit_test(counts_statements),
                                     cmocka_unit_test(numbers_variables_as_pgbench),
                                     cmocka_unit_test(fills_what_is_set),
                                     cmocka_unit_test(templates_without_commands),
                                     cmocka_unit_test(squeezes_for_reading),
                                     cmocka_unit_test(positions_lead_back),
                                     cmocka_unit_test(many_variables_keep_positions),
                                     cmocka_unit_test(sleeps),
                                     cmocka_unit_test(shell_words),
                                     cmocka_unit_test(places),
                                     cmocka_unit_test(jumps),
                                     cmocka_unit_test(pieces_come_back),
                                     cmocka_unit_test(no_memory),
                                     cmocka_unit_test(cuts),
                                     cmocka_unit_test(built_in_scripts)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
