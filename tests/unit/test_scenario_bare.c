/* Scripts without a scenario: the scenario around them, and what is wrong with a file at its place in it. */
#include "pgr_scenario_test.h"

static const file disk_files[] = {
    {"transfer.sql", "SELECT 1;\n", 0},
    {"other/transfer.sql", "SELECT 2;\n", 0},
    {"../up/transfer.sql", "SELECT 3;\n", 0},
    {"transfer-2.sql", "SELECT 4;\n", 0},
    {"no suffix~", "SELECT 5;\n", 0},
    {"-.sql", "SELECT 6;\n", 0},
    {"é__x.y~z.sql", "SELECT 7;\n", 0},
    {"n234567890123456789012345678901234567890123456789012345678901234.sql", "SELECT 8;", 0},
    {"tables.sql", "CREATE TABLE a (id bigint);", 0},
    {"meta.sql",
     "\\set n random(1, 10) * :scale\n"
     "SELECT :n + :unset_here AS m, 'at :n' \\gset\n"
     "\\if :m > 5\n\\refuse\n\\endif\n"
     "\\sleep :pause us\n"
     "\\startpipeline\nSELECT :key;\n\\endpipeline\n"
     "SELECT 1\\; SELECT 2;\n",
     0},
    {"only-meta.sql", "\\set n 1\n", 0},
    {"names.sql", "\\set key 5\nSELECT 1 AS agent \\gset\nSELECT :key, :agent;\n", 0},
    {"shell.sql", "\\shell true\n", 0},
    {"wrong.sql", "SELECT 1;\n  \\nonsense\n\\endif\n", 0},
    {"syntax.sql", "SELECT 1;\nSELEC 2;\n", 0},
    {"tables-syntax.sql", "CREATE TABLE a (id bigint);\nCREATE TABEL b ();\n", 0},
    {"empty.sql", "-- nothing\n", 0},
    {"latin.sql", "SELECT 1;\nSELECT '\xE9';\n", 0},
    {"marked.sql", "\xEF\xBB\xBFSELECT 9;\n", 0},
    {NULL, NULL, 0}};

enum { NAMED_MAX = 20 };

typedef struct named {
  const char *scripts[NAMED_MAX], *schema[NAMED_MAX]; /* NULL-ended */
} named;

static int count(const char *const *names) {
  int n = 0;
  while (n < NAMED_MAX && names[n])
    n++;
  return n;
}

static pgr_scenario *make(const named *n, int *reads, pgr_faults *faults) {
  disk d = {.files = disk_files, .yaml = ""};
  const pgr_reader reader = {.read = read_memory, .user = &d};
  pgr_scenario *s = pgr_scenario_bare(n->scripts, count(n->scripts), n->schema, count(n->schema), &reader, faults);
  if (reads) *reads = d.reads;
  return s;
}

static pgr_scenario *must_make(const named *n) {
  pgr_faults faults = {0};
  pgr_scenario *s = make(n, NULL, &faults);
  if (faults.count) fail_msg("%s", faults.kept[0].text);
  assert_non_null(s);
  return s;
}

static void every_field(void **state) {
  (void)state;
  pgr_scenario *s = must_make(&(named){{"./other/../transfer.sql"}, {"tables.sql"}});
  assert_string_equal(s->name, "transfer");
  assert_string_equal(s->source.name, "transfer");
  assert_string_equal(s->source.text, "");
  assert_int_equal(s->source.len_bytes, 0);
  assert_string_equal(s->title, "");
  assert_string_equal(s->lesson, "");
  assert_null(s->see);
  assert_null(s->broken);
  assert_string_equal(s->key.name, "key");
  assert_int_equal(s->key.first, 1);
  assert_int_equal(s->key.last, INT64_C(9007199254740992));
  assert_int_equal(s->protocol, PGR_PROTOCOL_SIMPLE);
  assert_int_equal(s->pool_mode, PGR_POOL_SESSION);
  assert_int_equal(s->schema_count, 1);
  assert_string_equal(s->schema[0]->name, "tables.sql");
  assert_string_equal(s->schema[0]->text, "CREATE TABLE a (id bigint);");
  assert_false(s->has_seed || s->has_reset || s->ownership.declared || s->uses_shell);
  assert_int_equal(s->ownership.acquire, -1);
  assert_int_equal(s->ownership.release, -1);
  assert_int_equal(s->invariant_count + s->rejection_count + s->limit_count + s->variable_count + s->ignored_count, 0);
  assert_int_equal(pgr_scenario_main_operation(s), 0);
  pgr_scenario_destroy(s);
}

static void one_strategy_at_one_level(void **state) {
  (void)state;
  pgr_scenario *s = must_make(&(named){{"transfer.sql", "no suffix~"}, {NULL}});
  const pgr_strategy *g = &s->strategies[0];
  assert_int_equal(s->strategy_count, 1);
  assert_int_equal(s->compare_count, 1);
  assert_int_equal(s->compare[0], 0);
  assert_ptr_equal(pgr_scenario_strategy(s, "script"), g);
  assert_string_equal(g->summary, "");
  assert_int_equal(g->first, PGR_READ_COMMITTED);
  assert_true(g->at[PGR_READ_COMMITTED].runs);
  assert_int_equal(g->at[PGR_READ_COMMITTED].expect, PGR_EXPECT_NOTHING);
  assert_false(g->at[PGR_REPEATABLE_READ].runs || g->at[PGR_SERIALIZABLE].runs || g->sampled_rarely);
  assert_int_equal(g->install_count + g->retry_count, 0);
  assert_int_equal(s->schema_count, 0);
  assert_string_equal(s->name, "scripts");
  assert_string_equal(s->source.name, "scripts");
  assert_int_equal(s->operation_count, 2);
  for (int i = 0; i < 2; i++) {
    assert_int_equal(s->operations[i].when, PGR_WHEN_START);
    assert_int_equal(s->operations[i].after, -1);
  }
  assert_string_equal(g->scripts[0]->source.name, "transfer.sql");
  assert_string_equal(g->scripts[1]->source.text, "SELECT 5;\n");
  pgr_scenario_destroy(s);
}

/* They go into figures, CSV and files as they are. */
static void operations_are_called_after_their_files(void **state) {
  (void)state;
  pgr_scenario *s = must_make(
      &(named){{"transfer.sql", "other/transfer.sql", "transfer-2.sql", "../up/transfer.sql", "no suffix~", "-.sql",
                "é__x.y~z.sql", "n234567890123456789012345678901234567890123456789012345678901234.sql"},
               {NULL}});
  static const char *const expected[] = {
      "transfer",  "transfer-2", "transfer-2-2", "transfer-3",
      "no-suffix", "script",     "x.y-z",        "n234567890123456789012345678901234567890123456789012345678901"};
  assert_int_equal(s->operation_count, 8);
  for (int i = 0; i < 8; i++)
    assert_string_equal(s->operations[i].name, expected[i]);
  pgr_scenario_destroy(s);
}

static void a_file_named_twice_is_one_script(void **state) {
  (void)state;
  static const char longest[] = "n234567890123456789012345678901234567890123456789012345678901234.sql";
  pgr_faults faults = {0};
  int reads = 0;
  pgr_scenario *s = make(&(named){{longest, longest}, {"tables.sql", "./tables.sql"}}, &reads, &faults);
  assert_non_null(s);
  assert_int_equal(reads, 2);
  assert_string_equal(s->operations[1].name, "n234567890123456789012345678901234567890123456789012345678901-2");
  assert_ptr_equal(s->strategies[0].scripts[0], s->strategies[0].scripts[1]);
  assert_ptr_equal(s->schema[0], s->schema[1]);
  pgr_scenario_destroy(s);
}

/* All of pgbench's, \refuse, and variables that -D may set or nobody; and that there is no SQL at all. */
static void scripts_may_do_what_pgbench_lets_them(void **state) {
  (void)state;
  pgr_faults faults = {0};
  pgr_scenario *s = must_make(&(named){{"meta.sql", "only-meta.sql", "shell.sql", "marked.sql"}, {NULL}});
  static const pgr_command_kind kinds[] = {
      PGR_COMMAND_SET,   PGR_COMMAND_SQL,           PGR_COMMAND_IF,  PGR_COMMAND_REFUSE,      PGR_COMMAND_ENDIF,
      PGR_COMMAND_SLEEP, PGR_COMMAND_STARTPIPELINE, PGR_COMMAND_SQL, PGR_COMMAND_ENDPIPELINE, PGR_COMMAND_SQL};
  const pgr_script *meta = s->strategies[0].scripts[0];
  assert_int_equal(meta->count, sizeof kinds / sizeof *kinds);
  for (int i = 0; i < meta->count; i++)
    assert_int_equal(meta->commands[i].kind, kinds[i]);
  assert_int_equal(meta->commands[9].sql.statement_count, 2);
  assert_int_equal(s->strategies[0].scripts[1]->sql_count, 0);
  assert_true(s->uses_shell);
  assert_string_equal(s->strategies[0].scripts[3]->source.text, "SELECT 9;\n");
  pgr_scenario_check_sql(s, &faults);
  assert_int_equal(faults.count, 0);
  pgr_scenario_destroy(s);
}

typedef struct wrong {
  named given;
  const char *texts[4]; /* of the faults, in their order; NULL-ended */
} wrong;

static void check_faults(const wrong *w, const pgr_faults *faults) {
  int expected = count(w->texts);
  assert_int_equal(faults->count, expected);
  for (int i = 0; i < expected; i++)
    assert_string_equal(faults->kept[i].text, w->texts[i]);
}

static void faults_stand_at_their_place(void **state) {
  (void)state;
  static const wrong table[] = {
      {{{"none.sql"}, {NULL}}, {"none.sql: cannot read it: no such file"}},
      {{{"transfer.sql"}, {"../none.sql"}}, {"../none.sql: cannot read it: no such file"}},
      {{{"empty.sql"}, {NULL}}, {"empty.sql: the script is empty"}},
      {{{"latin.sql"}, {NULL}}, {"latin.sql:2:9: byte 0xE9 is not UTF-8 here"}},
      {{{"wrong.sql"}, {NULL}},
       {"wrong.sql:2:3: unknown meta command \\nonsense", "wrong.sql:3:1: \\endif without \\if"}},
      /* All at once. */
      {{{"none.sql", "transfer.sql", "empty.sql"}, {"nor-this.sql"}},
       {"none.sql: cannot read it: no such file", "empty.sql: the script is empty",
        "nor-this.sql: cannot read it: no such file"}},
  };
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    pgr_faults faults = {0};
    assert_null(make(&table[i].given, NULL, &faults));
    check_faults(&table[i], &faults);
    pgr_faults_deinit(&faults);
  }
}

static void sql_faults_stand_at_their_place(void **state) {
  (void)state;
  pgr_faults faults = {0};
  pgr_scenario *s = must_make(&(named){{"syntax.sql"}, {"tables-syntax.sql"}});
  pgr_scenario_check_sql(s, &faults);
  assert_int_equal(faults.count, 2);
  assert_string_equal(faults.kept[0].text, "tables-syntax.sql:2:8: syntax error at or near \"TABEL\"");
  assert_string_equal(faults.kept[1].text, "syntax.sql:2:1: syntax error at or near \"SELEC\"");
  pgr_faults_deinit(&faults);
  pgr_scenario_destroy(s);
}

static void too_many_schema_files(void **state) {
  (void)state;
  pgr_faults faults = {0};
  named n = {{"transfer.sql"}, {NULL}};
  for (int i = 0; i < PGR_INSTALLS_MAX; i++)
    n.schema[i] = "tables.sql";
  pgr_scenario *s = make(&n, NULL, &faults);
  assert_non_null(s);
  assert_int_equal(s->schema_count, PGR_INSTALLS_MAX);
  pgr_scenario_destroy(s);
  n.schema[PGR_INSTALLS_MAX] = "one-more.sql";
  assert_null(make(&n, NULL, &faults));
  assert_int_equal(faults.count, 1);
  assert_string_equal(faults.kept[0].text, "one-more.sql: one schema file too many, at most 16 fit");
  pgr_faults_deinit(&faults);
}

/* With each allocation of ours failing in turn: a fault and nothing leaked, or all is well. */
static void without_memory(void **state) {
  (void)state;
  for (unsigned long n = 1;; n++) {
    pgr_faults faults = {0};
    pgr_mem_fail_nth(n);
    pgr_scenario *s = make(&(named){{"meta.sql", "transfer.sql"}, {"tables.sql"}}, NULL, &faults);
    pgr_mem_fail_nth(0);
    assert_true((s != NULL) == (faults.count == 0));
    bool done = s != NULL;
    pgr_scenario_destroy(s);
    pgr_faults_deinit(&faults);
    if (done) break;
    assert_true(n < 10000);
  }
}

/* A script that is not written for pgrace may use its names as it likes. */
static void names_of_ours(void **state) {
  (void)state;
  pgr_scenario *s = must_make(&(named){{"names.sql"}, {NULL}});
  assert_int_equal(s->strategies[0].scripts[0]->commands[0].slot, PGR_SLOT_KEY);
  pgr_scenario_destroy(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(names_of_ours),
                                     cmocka_unit_test(every_field),
                                     cmocka_unit_test(one_strategy_at_one_level),
                                     cmocka_unit_test(operations_are_called_after_their_files),
                                     cmocka_unit_test(a_file_named_twice_is_one_script),
                                     cmocka_unit_test(scripts_may_do_what_pgbench_lets_them),
                                     cmocka_unit_test(faults_stand_at_their_place),
                                     cmocka_unit_test(sql_faults_stand_at_their_place),
                                     cmocka_unit_test(too_many_schema_files),
                                     cmocka_unit_test(without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
