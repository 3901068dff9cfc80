/* Isolation specs: what PostgreSQL's own grammar reads is read, what it refuses is refused where it is wrong, and what
 * is written is read as the same spec. test_spec DIR: a folder of specs, all of which must be read. */
#include "pgr_test.h"

#include "pgr_spec.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *specs; /* the folder; NULL: none */

typedef struct parsed {
  pgr_arena arena;
  pgr_faults faults;
  pgr_spec spec;
} parsed;

static bool parse_bytes(parsed *p, const char *text, size_t len) {
  *p = (parsed){0};
  bool ok = pgr_spec_parse(&(pgr_source){"t.spec", text, len}, &p->arena, &p->faults, &p->spec);
  assert_int_equal(ok, p->faults.count == 0);
  return ok;
}

static bool parse(parsed *p, const char *text) {
  return parse_bytes(p, text, strlen(text));
}

static void done(parsed *p) {
  pgr_faults_deinit(&p->faults);
  pgr_arena_deinit(&p->arena);
}

static void must_parse(parsed *p, const char *text) {
  if (!parse(p, text)) fail_msg("%s in: %s", p->faults.kept[0].text, text);
}

/* Its first fault; and how many there are. */
static void assert_faults(const char *text, size_t count, const char *fault, const char *hint) {
  parsed p;
  if (parse(&p, text)) fail_msg("no fault in: %s", text);
  assert_string_equal(p.faults.kept[0].text, fault);
  if (hint)
    assert_string_equal(p.faults.kept[0].hint, hint);
  else
    assert_null(p.faults.kept[0].hint);
  assert_int_equal(p.faults.count, count);
  assert_int_equal(p.spec.session_count, 0);
  done(&p);
}

static void assert_fault(const char *text, const char *fault) {
  assert_faults(text, 1, fault, NULL);
}

/* ---- reading ---- */

static void everything(void **state) {
  (void)state;
  parsed p;
  must_parse(&p, "# a comment { session\n"
                 "setup { CREATE TABLE t (); }\n"
                 "setup {\n  INSERT INTO t DEFAULT VALUES; \n \t}\n"
                 "teardown{DROP TABLE t;}\n"
                 "session one setup { BEGIN; } step s1 { SELECT '#'; } step \"s \"\"2\" {} teardown { COMMIT; }\n"
                 "session \"step\" step sch\xC3\xB6n$1 { }\n"
                 "permutation s1 sch\xC3\xB6n$1(*) \"s \"\"2\"(sch\xC3\xB6n$1, sch\xC3\xB6n$1 notices 12)\n"
                 "permutation s1 s1");
  const pgr_spec *s = &p.spec;
  assert_int_equal(s->setup_count, 2);
  assert_string_equal(s->setups[0], "CREATE TABLE t ();");
  assert_string_equal(s->setups[1], "\n  INSERT INTO t DEFAULT VALUES; \n");
  assert_string_equal(s->teardown, "DROP TABLE t;");
  assert_int_equal(s->session_count, 2);
  assert_string_equal(s->sessions[0].name, "one");
  assert_string_equal(s->sessions[0].setup, "BEGIN;");
  assert_string_equal(s->sessions[0].teardown, "COMMIT;");
  assert_int_equal(s->sessions[0].step_count, 2);
  assert_int_equal(s->sessions[0].steps[1], 1);
  assert_string_equal(s->sessions[1].name, "step");
  assert_null(s->sessions[1].setup);
  assert_null(s->sessions[1].teardown);
  assert_int_equal(s->sessions[1].steps[0], 2);
  assert_int_equal(s->step_count, 3);
  assert_string_equal(s->steps[0].sql, "SELECT '#';");
  assert_string_equal(s->steps[1].name, "s \"2");
  assert_string_equal(s->steps[1].sql, "");
  assert_int_equal(s->steps[1].at.line, 7);
  assert_int_equal(s->steps[1].at.column, 59);
  assert_string_equal(s->steps[2].name, "sch\xC3\xB6n$1");
  assert_int_equal(s->steps[2].session, 1);
  assert_int_equal(s->permutation_count, 2);
  const pgr_spec_pstep *steps = s->permutations[0].steps;
  assert_int_equal(s->permutations[0].count, 3);
  assert_int_equal(steps[0].blocker_count, 0);
  assert_int_equal(steps[1].blockers[0].kind, PGR_SPEC_BLOCKER_ONCE);
  assert_int_equal(steps[1].blockers[0].step, -1);
  assert_int_equal(steps[2].blocker_count, 2);
  assert_int_equal(steps[2].blockers[0].kind, PGR_SPEC_BLOCKER_STEP);
  assert_int_equal(steps[2].blockers[0].step, 2);
  assert_int_equal(steps[2].blockers[1].kind, PGR_SPEC_BLOCKER_NOTICES);
  assert_int_equal(steps[2].blockers[1].notices, 12);
  assert_int_equal(s->permutations[1].count, 2);
  assert_true(s->steps[0].used && s->steps[1].used && s->steps[2].used);
  done(&p);
}

static void ends_of_comments_and_blocks(void **state) {
  (void)state;
  parsed p;
  /* A carriage return ends a comment; in SQL it is a blank at the ends and kept inside. */
  must_parse(&p, "#\rsession#x\r\na step b {\r\n SELECT\r\n1\r}\f#");
  assert_string_equal(p.spec.sessions[0].name, "a");
  assert_string_equal(p.spec.steps[0].sql, "\n SELECT\r\n1");
  assert_false(p.spec.steps[0].used);
  assert_int_equal(p.spec.permutation_count, 0);
  done(&p);
}

/* What was parsed holds nothing of the text it was parsed from. */
static void owns_its_text(void **state) {
  (void)state;
  parsed p = {0};
  char text[] = "session a step b { c }";
  char name[] = "n";
  assert_true(pgr_spec_parse(&(pgr_source){name, text, strlen(text)}, &p.arena, &p.faults, &p.spec));
  memset(text, '#', sizeof text - 1);
  *name = '#';
  assert_string_equal(p.spec.source.name, "n");
  assert_string_equal(p.spec.source.text, "session a step b { c }");
  assert_string_equal(p.spec.steps[0].sql, "c");
  done(&p);
}

static void wrong_words(void **state) {
  (void)state;
  assert_fault("", "t.spec:1:1: expected 'setup', 'teardown' or 'session', found the end of the file");
  assert_fault("setup { }\n", "t.spec:2:1: expected 'setup', 'teardown' or 'session', found the end of the file");
  assert_fault("teardown {} setup {}", "t.spec:1:13: expected 'session', found 'setup'");
  assert_fault("session a", "t.spec:1:10: expected 'setup' or 'step', found the end of the file");
  assert_fault("session a setup {} setup {}", "t.spec:1:20: expected 'step', found 'setup'");
  assert_fault("session a step b", "t.spec:1:17: expected the step's SQL in braces, found the end of the file");
  assert_fault("session a step b {} teardown {} step c {}",
               "t.spec:1:33: expected 'session', 'permutation' or the end of the file, found 'step'");
  assert_fault("session a step b {} permutation",
               "t.spec:1:32: expected the name of a step, found the end of the file");
  assert_fault("session a step b {} permutation b session c step d {}",
               "t.spec:1:35: expected the name of a step, 'permutation' or the end of the file, found 'session'");
  assert_fault("session a step b {} permutation b()", "t.spec:1:35: expected '*' or the name of a step, found ')'");
  assert_fault("session a step b {} permutation b(* *)", "t.spec:1:37: expected ',' or ')', found '*'");
  assert_fault("session a step b {} permutation b(b notices)", "t.spec:1:44: expected a number of notices, found ')'");
  assert_fault("session a step b {} 7",
               "t.spec:1:21: expected 'step', 'teardown', 'session', 'permutation' or the end of the file, found a "
               "number");
  assert_faults("session a step b {}\npermutatoin b", 1,
                "t.spec:2:1: expected 'step', 'teardown', 'session', 'permutation' or the end of the file, found "
                "'permutatoin'",
                "did you mean 'permutation'?");
  assert_faults("session setup step b {}", 1, "t.spec:1:9: expected the name of a session, found 'setup'",
                "a name that is a keyword has to be in double quotes");
}

static void wrong_characters(void **state) {
  (void)state;
  assert_fault("session \"a", "t.spec:1:9: this quoted name is not closed: \" is missing");
  assert_fault("\n session \"a\n\"", "t.spec:2:10: this quoted name is not closed on its line: \" is missing");
  assert_faults("session a\nstep b { SELECT", 1, "t.spec:2:8: this block of SQL is not closed: '}' is missing",
                "SQL that holds a '}' cannot be written in a spec");
  assert_faults("session a step b { SELECT '{}' }", 1, "t.spec:1:30: unexpected character '''",
                "a block of SQL ends at its first '}', wherever that stands");
  assert_faults("session a step b { {} }", 1, "t.spec:1:23: a '}' without its '{'",
                "a block of SQL ends at its first '}', wherever that stands");
  assert_fault("session a step b } {", "t.spec:1:18: a '}' without its '{'");
  assert_faults("-- x", 1, "t.spec:1:1: unexpected character '-'", "comments begin with #; SQL stands in braces");
  assert_fault("session a?", "t.spec:1:10: unexpected character '?'");
  assert_fault("session a step b {} permutation b(b notices 99999999999)", "t.spec:1:45: this number is too large");
}

static void wrong_names(void **state) {
  (void)state;
  assert_faults("session a step b {} step c {}\nsession d step b {}", 1,
                "t.spec:2:16: there is a step 'b' already, on line 1",
                "the names of steps are unique in the whole file");
  assert_faults("session a step read {} step write {}\npermutation read wrote red", 2,
                "t.spec:2:18: no session has a step 'wrote'", "did you mean 'write'?");
  assert_fault("session a step b {} session c step d {} permutation b b(xyz)",
               "t.spec:1:57: no session has a step 'xyz'");
  assert_fault("session a step b {} session c step d {} permutation b b(d)",
               "t.spec:1:57: step 'd' cannot hold up 'b': it is not in this permutation");
  /* Names are compared as written, and a later step may hold up an earlier one. */
  assert_fault("session a step b {} session c step B {} permutation b(B) B permutation b(B)",
               "t.spec:1:74: step 'B' cannot hold up 'b': it is not in this permutation");
  assert_fault("session a step b {} step c {} permutation b(c) c",
               "t.spec:1:45: step 'c' cannot hold up 'b': it is of the same session");
}

static void limits(void **state) {
  (void)state;
  pgr_buf b;
  parsed p;
  pgr_buf_init(&b, 0);
  for (int i = 0; i < PGR_SPEC_SESSIONS_MAX; i++)
    pgr_buf_addf(&b, "session s%d step t%d {}\n", i, i);
  must_parse(&p, pgr_buf_text(&b));
  done(&p);
  pgr_buf_adds(&b, "session x step y {}");
  assert_fault(pgr_buf_text(&b), "t.spec:32:9: more than 31 sessions");
  pgr_buf_clear(&b);
  pgr_buf_adds(&b, "session s\n");
  for (int i = 0; i < PGR_SPEC_STEPS_MAX; i++)
    pgr_buf_addf(&b, "step t%d {}\n", i);
  must_parse(&p, pgr_buf_text(&b));
  done(&p);
  pgr_buf_adds(&b, "step x {}");
  assert_fault(pgr_buf_text(&b), "t.spec:1002:6: more than 1000 steps");
  pgr_buf_clear(&b);
  pgr_buf_adds(&b, "session s step t {}\npermutation");
  for (int i = 0; i < PGR_SPEC_PSTEPS_MAX; i++)
    pgr_buf_adds(&b, " t");
  must_parse(&p, pgr_buf_text(&b));
  done(&p);
  pgr_buf_adds(&b, "\nt");
  assert_fault(pgr_buf_text(&b), "t.spec:3:1: more than 1000 steps in one permutation");
  pgr_buf_clear(&b);
  pgr_buf_adds(&b, "session s step t {}\n");
  for (int i = 0; i < PGR_SPEC_PERMUTATIONS_MAX; i++)
    pgr_buf_adds(&b, "permutation t\n");
  must_parse(&p, pgr_buf_text(&b));
  done(&p);
  pgr_buf_adds(&b, "permutation t");
  assert_fault(pgr_buf_text(&b), "t.spec:20002:1: more than 20000 permutations");
  pgr_buf_deinit(&b);
  char *large = calloc(1, PGR_SPEC_BYTES_MAX + 2);
  assert_non_null(large);
  memset(large, ' ', PGR_SPEC_BYTES_MAX + 1);
  assert_fault(large, "t.spec: the file is larger than 1024 KiB");
  free(large);
}

/* ---- writing ---- */

static void assert_same_blockers(const pgr_spec_pstep *a, const pgr_spec_pstep *b) {
  assert_int_equal(a->step, b->step);
  assert_int_equal(a->blocker_count, b->blocker_count);
  for (int i = 0; i < a->blocker_count; i++) {
    assert_int_equal(a->blockers[i].kind, b->blockers[i].kind);
    assert_int_equal(a->blockers[i].step, b->blockers[i].step);
    assert_int_equal(a->blockers[i].notices, b->blockers[i].notices);
  }
}

static void assert_same_text(const char *a, const char *b) {
  assert_int_equal(a == NULL, b == NULL);
  if (a) assert_string_equal(a, b);
}

static void assert_same(const pgr_spec *a, const pgr_spec *b) {
  assert_int_equal(a->setup_count, b->setup_count);
  for (int i = 0; i < a->setup_count; i++)
    assert_string_equal(a->setups[i], b->setups[i]);
  assert_same_text(a->teardown, b->teardown);
  assert_int_equal(a->session_count, b->session_count);
  for (int i = 0; i < a->session_count; i++) {
    const pgr_spec_session *x = &a->sessions[i], *y = &b->sessions[i];
    assert_string_equal(x->name, y->name);
    assert_same_text(x->setup, y->setup);
    assert_same_text(x->teardown, y->teardown);
    assert_int_equal(x->step_count, y->step_count);
    assert_memory_equal(x->steps, y->steps, (size_t)x->step_count * sizeof *x->steps);
  }
  assert_int_equal(a->step_count, b->step_count);
  for (int i = 0; i < a->step_count; i++) {
    assert_string_equal(a->steps[i].name, b->steps[i].name);
    assert_string_equal(a->steps[i].sql, b->steps[i].sql);
    assert_int_equal(a->steps[i].session, b->steps[i].session);
    assert_int_equal(a->steps[i].used, b->steps[i].used);
  }
  assert_int_equal(a->permutation_count, b->permutation_count);
  for (int i = 0; i < a->permutation_count; i++) {
    assert_int_equal(a->permutations[i].count, b->permutations[i].count);
    for (int k = 0; k < a->permutations[i].count; k++)
      assert_same_blockers(&a->permutations[i].steps[k], &b->permutations[i].steps[k]);
  }
}

static void assert_written_again(const pgr_spec *s, const char *comment) {
  pgr_buf b;
  pgr_err err;
  parsed again;
  pgr_buf_init(&b, 0);
  assert_int_equal(pgr_spec_write(s, comment, &b, &err), PGR_OK);
  must_parse(&again, pgr_buf_text(&b));
  assert_same(s, &again.spec);
  done(&again);
  pgr_buf_deinit(&b);
}

static void written(void **state) {
  (void)state;
  parsed p;
  pgr_buf b;
  pgr_err err;
  must_parse(&p, "setup{\n A\n}setup{}teardown{B}session\"a\"setup{C}step\"b 1\"{D}step\"step\"{\nE }teardown{F}"
                 "session\"\"step\"c\"\"\"{}permutation\"b 1\" \"c\"\"\"(*,\"b 1\",\"b 1\"notices 2)");
  pgr_buf_init(&b, 0);
  assert_int_equal(pgr_spec_write(&p.spec, "what it shows\n\nand\r\nhow", &b, &err), PGR_OK);
  assert_string_equal(pgr_buf_text(&b),
                      "# what it shows\n#\n# and\n# how\n\n"
                      "setup {\n A\n}\nsetup { }\nteardown { B }\n\n"
                      "session a\nsetup { C }\nstep \"b 1\" { D }\nstep \"step\" {\nE }\nteardown { F }\n\n"
                      "session \"\"\nstep \"c\"\"\" { }\n\n"
                      "permutation \"b 1\" \"c\"\"\"(*, \"b 1\", \"b 1\" notices 2)\n");
  assert_written_again(&p.spec, NULL);
  assert_written_again(&p.spec, "} session\rx");
  pgr_buf_deinit(&b);
  done(&p);
}

static void refused(const pgr_spec *s, const char *why) {
  pgr_buf b;
  pgr_err err;
  pgr_buf_init(&b, 0);
  assert_int_equal(pgr_spec_write(s, NULL, &b, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, why);
  pgr_buf_deinit(&b);
}

static void cannot_be_written(void **state) {
  (void)state;
  static const int own[] = {0};
  pgr_spec_step step = {.name = "s", .sql = "SELECT '{}'"};
  pgr_spec_session session = {.name = "a", .steps = own, .step_count = 1};
  pgr_spec s = {.sessions = &session, .session_count = 1, .steps = &step, .step_count = 1};
  refused(&s, "step 's' cannot be written in a spec: its SQL holds a '}'");
  step.sql = "SELECT 1";
  session.teardown = "}";
  refused(&s, "the teardown of session 'a' cannot be written in a spec: its SQL holds a '}'");
  session.teardown = NULL;
  s.teardown = "}";
  refused(&s, "the teardown cannot be written in a spec: its SQL holds a '}'");
  s.teardown = NULL;
  step.name = "a\nb";
  refused(&s, "the name 'a b' cannot be written in a spec: it spans lines");
  step.name = "s";
  assert_written_again(&s, NULL);
}

/* ---- PostgreSQL's own ---- */

static void every_spec_of_a_folder(void **state) {
  (void)state;
  DIR *dir = specs ? opendir(specs) : NULL;
  if (!dir) {
    printf("no specs in %s\n", specs ? specs : "(no folder)");
    skip();
  }
  static char text[PGR_SPEC_BYTES_MAX];
  int count = 0;
  for (struct dirent *e; (e = readdir(dir));) {
    const char *dot = strrchr(e->d_name, '.');
    if (!dot || strcmp(dot, ".spec") != 0) continue;
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", specs, e->d_name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    size_t len = fread(text, 1, sizeof text, f);
    fclose(f);
    parsed p;
    if (!parse_bytes(&p, text, len)) fail_msg("%s: %s", e->d_name, p.faults.kept[0].text);
    assert_written_again(&p.spec, NULL);
    done(&p);
    count++;
  }
  closedir(dir);
  assert_true(count > 0);
}

static void without_memory(void **state) {
  (void)state;
  static const char text[] = "setup {} session a step b {} session c step d {} permutation b d(b, *)";
  for (unsigned long nth = 1;; nth++) {
    parsed p = {0};
    pgr_buf b;
    pgr_err err;
    pgr_buf_init(&b, 0);
    pgr_mem_fail_nth(nth);
    bool ok = pgr_spec_parse(&(pgr_source){"t.spec", text, strlen(text)}, &p.arena, &p.faults, &p.spec);
    pgr_code code = ok ? pgr_spec_write(&p.spec, NULL, &b, &err) : PGR_OK;
    pgr_mem_fail_nth(0);
    assert_int_equal(ok, p.faults.count == 0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    bool complete = ok && !code && !b.failed;
    pgr_buf_deinit(&b);
    done(&p);
    if (complete && nth > 3) return;
    assert_true(nth < 1000);
  }
}

int main(int argc, char **argv) {
  if (argc > 1) specs = argv[1];
  const struct CMUnitTest tests[] = {cmocka_unit_test(everything),
                                     cmocka_unit_test(ends_of_comments_and_blocks),
                                     cmocka_unit_test(owns_its_text),
                                     cmocka_unit_test(wrong_words),
                                     cmocka_unit_test(wrong_characters),
                                     cmocka_unit_test(wrong_names),
                                     cmocka_unit_test(limits),
                                     cmocka_unit_test(written),
                                     cmocka_unit_test(cannot_be_written),
                                     cmocka_unit_test(every_spec_of_a_folder),
                                     cmocka_unit_test(without_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
