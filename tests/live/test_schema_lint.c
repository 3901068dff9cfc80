/* Every check of pgrace schema lint, on folders that are right but for one thing: the finding, its place, its level,
 * and no other. Then against a database: what was edited after it was applied, what nobody declares. */
#include "pgr_live.h"

#include "pgr_journal.h"
#include "pgr_mem.h"
#include "pgr_rule_text.h"
#include "pgr_schema_lint.h"
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- a folder that is right ---- */

static const char version[] = "CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$\n"
                              "BEGIN\n"
                              "  RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = 'not so', CONSTRAINT = 'keep';\n"
                              "END\n"
                              "$$;\n"
                              "COMMENT ON FUNCTION keep() IS 'Trigger keep.';\n"
                              "CREATE OR REPLACE TRIGGER keep BEFORE UPDATE ON t FOR EACH ROW\n"
                              "  WHEN (OLD.v IS NOT NULL AND NEW.v IS NOT NULL AND NEW.v <> OLD.v)\n"
                              "  EXECUTE FUNCTION keep();\n"
                              "COMMENT ON TRIGGER keep ON t IS 'A value stays.';\n";

static const struct file {
  const char *name, *text;
} files[] = {{"schema/0001_t.up.sql", "CREATE TABLE t (id bigint PRIMARY KEY, v bigint, w bigint);\n"},
             {"schema/0001_t.down.sql", "DROP TABLE t;\n"},
             {"schema/0002_keep.up.sql", "\\ir triggers/keep/v1.sql\n"},
             {"schema/0002_keep.down.sql", "DROP TRIGGER keep ON t;\nDROP FUNCTION keep();\n"},
             {"schema/triggers/keep/trigger.yaml",
              "table: t\nrule:\n  - column: v\n    allow: null->any, any->null, same\nmessage: not so\n"},
             {"schema/triggers/keep/v1.sql", version}};

enum { FILES = sizeof files / sizeof *files, EDITS = 6 };

/* In the file, `from` becomes `to`. from NULL: the whole text does. to NULL: there is no such file. */
typedef struct edit {
  const char *file, *from, *to;
} edit;

static void write_file(const char *name, const char *text) {
  char folder[512];
  snprintf(folder, sizeof folder, "%s", name);
  for (char *slash = strchr(folder, '/'); slash; slash = strchr(slash + 1, '/')) {
    *slash = '\0';
    mkdir(folder, 0777);
    *slash = '/';
  }
  FILE *f = fopen(name, "w");
  assert_non_null(f);
  fputs(text, f);
  fclose(f);
}

static void apply_edit(const edit *e) {
  char text[8192] = "", made[16384];
  if (!e->to) {
    assert_int_equal(unlink(e->file), 0);
    return;
  }
  FILE *f = e->from ? fopen(e->file, "r") : NULL;
  if (f) {
    text[fread(text, 1, sizeof text - 1, f)] = '\0';
    fclose(f);
  }
  const char *at = e->from ? strstr(text, e->from) : text;
  if (!at) fail_msg("%s does not hold: %s", e->file, e->from);
  snprintf(made, sizeof made, "%.*s%s%s", (int)(at - text), text, e->to, e->from ? at + strlen(e->from) : "");
  write_file(e->file, made);
}

/* A working directory of its own. */
static void make_folder(const edit *edits) {
  char path[] = "/tmp/pgrace-lint-XXXXXX";
  assert_non_null(mkdtemp(path));
  assert_int_equal(chdir(path), 0);
  for (size_t i = 0; i < FILES; i++)
    write_file(files[i].name, files[i].text);
  for (size_t i = 0; i < EDITS && edits && edits[i].file; i++)
    apply_edit(&edits[i]);
}

static void remove_folder(void) {
  char path[512], command[600];
  assert_non_null(getcwd(path, sizeof path));
  assert_int_equal(strncmp(path, "/tmp/pgrace-lint-", 17), 0);
  snprintf(command, sizeof command, "rm -r '%s'", path);
  assert_int_equal(chdir("/"), 0);
  assert_int_equal(system(command), 0);
}

/* ---- what is found in it ---- */

typedef struct folder {
  pgr_migrations migrations;
  pgr_triggers triggers;
} folder;

static void read_folder(folder *f) {
  pgr_faults faults = {0};
  pgr_err err;
  must(pgr_migrations_read("schema", &f->migrations, &faults, &err), &err);
  must(pgr_triggers_read("schema", &f->triggers, &faults, &err), &err);
  if (faults.count) fail_msg("%s", faults.kept[0].text);
}

static void close_folder(folder *f) {
  pgr_triggers_deinit(&f->triggers);
  pgr_migrations_deinit(&f->migrations);
}

static const pgr_lint_declared declared[] = {{"keep", "keeping"}};

/* "error triggers/keep/v1.sql:3:3 sqlstate-class: message", a line each. asked: without the folder. */
static void find(pgr_lint_input asked, pgr_buf *out) {
  folder f = {0};
  pgr_arena arena = {0};
  const pgr_lint_finding *found = NULL;
  size_t count = 0;
  pgr_err err;
  read_folder(&f);
  asked.migrations = &f.migrations;
  asked.triggers = &f.triggers;
  must(pgr_schema_lint(&asked, &arena, &found, &count, &err), &err);
  for (size_t i = 0; i < count; i++) {
    pgr_buf_addf(out, "%s %s", found[i].warning ? "warning" : "error",
                 found[i].source ? found[i].source->name + strlen("schema/") : "-");
    if (found[i].at.line) pgr_buf_addf(out, ":%d:%d", found[i].at.line, found[i].at.column);
    pgr_buf_addf(out, " %s: %s\n", found[i].check, found[i].message);
    assert_true(!found[i].hint || *found[i].hint);
  }
  pgr_arena_deinit(&arena);
  close_folder(&f);
}

static void expect_of(const char *what, pgr_lint_input asked, const char *expected) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  find(asked, &out);
  if (strcmp(pgr_buf_text(&out), expected) != 0) fail_msg("%s: found\n%snot\n%s", what, pgr_buf_text(&out), expected);
  pgr_buf_deinit(&out);
}

static void expect(const char *what, pgr_db *db, const pgr_lint_declared *known, size_t known_count,
                   const char *expected) {
  expect_of(what, (pgr_lint_input){.db = db, .declared = known, .declared_count = known_count}, expected);
}

#define V1 "schema/triggers/keep/v1.sql"
#define V2 "schema/triggers/keep/v2.sql"
#define YAML "schema/triggers/keep/trigger.yaml"
#define RAISE "RAISE EXCEPTION USING ERRCODE = '23514', MESSAGE = 'not so', CONSTRAINT = 'keep';"
#define WHEN "\n  WHEN (OLD.v IS NOT NULL AND NEW.v IS NOT NULL AND NEW.v <> OLD.v)"
/* The trigger calls its function each time; this is the function's body, and its search_path is set. */
#define EACH_TIME(body)                                                                                                \
  {V1, WHEN, ""}, {V1, "BEGIN\n  " RAISE "\nEND\n", body}, {                                                           \
    V1, "plpgsql AS", "plpgsql SET search_path = pg_catalog AS"                                                        \
  }
/* Further triggers of the version, as pgrace makes them: of another column, and of new rows. */
#define OF_W                                                                                                           \
  "CREATE OR REPLACE TRIGGER keep_set_w BEFORE UPDATE ON t FOR EACH ROW\n"                                             \
  "  WHEN (OLD.w <> NEW.w) EXECUTE FUNCTION keep();\n"                                                                 \
  "COMMENT ON TRIGGER keep_set_w ON t IS 'x';\n"
#define OF_NEW                                                                                                         \
  "CREATE OR REPLACE TRIGGER keep_insert AFTER INSERT ON t FOR EACH ROW\n"                                             \
  "  WHEN (NEW.v < 0) EXECUTE FUNCTION keep();\n"                                                                      \
  "COMMENT ON TRIGGER keep_insert ON t IS 'x';\n"
typedef struct check_case {
  const char *what;
  edit edits[EDITS];
  const char *expected;
} check_case;

static void check_all(const check_case *cases, size_t count) {
  for (size_t i = 0; i < count; i++) {
    make_folder(cases[i].edits);
    expect(cases[i].what, NULL, declared, 1, cases[i].expected);
    remove_folder();
  }
}

#define CHECK_ALL(cases) check_all(cases, sizeof(cases) / sizeof *(cases))

static void nothing_is_found_where_nothing_is_wrong(void **state) {
  (void)state;
  static const check_case cases[] = {{"as it is", {{0}}, ""},
                                     {"TG_NAME as constraint", {{V1, "'keep';", "TG_NAME;"}}, ""}};
  CHECK_ALL(cases);
}

static void names_tie_trigger_function_and_constraint(void **state) {
  (void)state;
  static const char twin[] = "CREATE OR REPLACE TRIGGER twin BEFORE UPDATE ON t FOR EACH ROW\n"
                             "  WHEN (NEW.w < 0) EXECUTE FUNCTION keep();\n"
                             "COMMENT ON TRIGGER twin ON t IS 'x';\n";
  static const check_case cases[] = {
      {"another constraint",
       {{V1, "CONSTRAINT = 'keep'", "CONSTRAINT = 'kept'"}},
       "error triggers/keep/v1.sql:3:3 name-ties: raises the constraint 'kept', and the trigger is 'keep'\n"},
      {"each trigger's own name, one of which is another",
       {{V1, "CONSTRAINT = 'keep'", "CONSTRAINT = TG_NAME"},
        {V1, "COMMENT ON TRIGGER", OF_W OF_NEW "COMMENT ON TRIGGER"}},
       "error triggers/keep/v1.sql:3:3 name-ties: raises TG_NAME as the constraint, which is 'keep_set_w' where that "
       "trigger fires, and not 'keep'\n"},
      {"another SQLSTATE than declared",
       {{V1, "'23514'", "'23P01'"}},
       "error triggers/keep/v1.sql:3:3 name-ties: raises SQLSTATE 23P01, and trigger.yaml says 23514\n"},
      {"another message than declared",
       {{V1, "'not so'", "'no'"}},
       "warning triggers/keep/v1.sql:3:3 name-ties: raises 'no', and trigger.yaml says 'not so'\n"},
      {"a function of another name",
       {{YAML, "table: t", "table: t\nfunction: f"},
        {V1, "FUNCTION keep()", "FUNCTION f()"},
        {V1, "ON FUNCTION keep()", "ON FUNCTION f()"},
        {V1, "EXECUTE FUNCTION keep()", "EXECUTE FUNCTION f()"}},
       "warning triggers/keep/v1.sql:1:28 name-ties: the function 'f' is called otherwise than its trigger 'keep': "
       "who finds one does not find the other\n"},
      {"another trigger in its folder",
       {{V1, "COMMENT ON TRIGGER",
         "CREATE OR REPLACE TRIGGER other BEFORE INSERT ON t EXECUTE FUNCTION keep();\n"
         "COMMENT ON TRIGGER other ON t IS 'x';\nCOMMENT ON TRIGGER"}},
       "warning triggers/keep/v1.sql:10:27 name-ties: the folder of 'keep' makes a trigger 'other'\n"},
      {"a function that is made elsewhere",
       {{V1, "CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n  " RAISE "\nEND\n$$;\n",
         ""}},
       "warning triggers/keep/v1.sql:2:27 name-ties: the function 'keep' of trigger 'keep' is not made in this file\n"},
      {"another trigger, after new rows",
       {{V1, "COMMENT ON TRIGGER", OF_NEW "COMMENT ON TRIGGER"},
        {V1, "TRIGGER keep_insert", "TRIGGER other"},
        {V1, "TRIGGER keep_insert", "TRIGGER other"}},
       "warning triggers/keep/v1.sql:10:27 name-ties: the folder of 'keep' makes a trigger 'other'\n"},
      {"those of another column and of new rows", {{V1, "COMMENT ON TRIGGER", OF_W OF_NEW "COMMENT ON TRIGGER"}}, ""},
      {"a second one for new rows",
       {{V1, "COMMENT ON TRIGGER",
         "CREATE OR REPLACE TRIGGER keep_insert BEFORE INSERT ON t EXECUTE FUNCTION keep();\n"
         "COMMENT ON TRIGGER keep_insert ON t IS 'x';\nCOMMENT ON TRIGGER"}},
       ""},
      {"one function for two by hand",
       {{YAML, "rule:\n  - column: v\n    allow: null->any, any->null, same\n", ""},
        {"schema/triggers/twin/v1.sql", NULL, twin},
        {"schema/triggers/twin/trigger.yaml", NULL, "table: t\nfunction: keep\nmessage: not so\n"},
        {"schema/0003_twin.up.sql", NULL, "\\ir triggers/twin/v1.sql\n"},
        {"schema/0003_twin.down.sql", NULL, "DROP TRIGGER twin ON t;\n"}},
       "warning triggers/keep/v1.sql:7:27 name-ties: the triggers 'keep' and 'twin' call the same function 'keep': its "
       "constraint names one of them at most\n"
       "warning triggers/twin/trigger.yaml scenario-missing: no scenario declares the constraint 'twin': nobody has "
       "raced what it forbids\n"
       "warning triggers/twin/v1.sql:1:27 name-ties: the triggers 'twin' and 'keep' call the same function 'keep': its "
       "constraint names one of them at most\n"}};
  CHECK_ALL(cases);
}

#define UNKNOWN_ERROR "RAISE EXCEPTION USING MESSAGE = 'not so', CONSTRAINT = 'keep';"
#define UNCAUGHT                                                                                                       \
  "error triggers/keep/v1.sql:4:1 sqlstate-class: raises SQLSTATE P0001, which no driver takes for a broken "          \
  "constraint\n"

static void errors_can_be_mapped(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"no constraint",
       {{V1, ", CONSTRAINT = 'keep'", ""}},
       "error triggers/keep/v1.sql:3:3 constraint-set: raises an error without a constraint\n"},
      {"a function that helps, whose errors are its own",
       {{V1, "COMMENT ON TRIGGER",
         "CREATE OR REPLACE FUNCTION helper() RETURNS int LANGUAGE plpgsql AS\n"
         "  'BEGIN RAISE EXCEPTION ''no''; END';\nCOMMENT ON FUNCTION helper() IS 'x';\n"
         "COMMENT ON TRIGGER"}},
       ""},
      {"one that is caught, in a block, an IF and a CASE",
       {{V1, RAISE,
         "BEGIN\n IF (CASE WHEN true THEN true END) THEN LOOP\n RAISE EXCEPTION 'no'; END LOOP; END IF; EXCEPTION WHEN "
         "data_exception OR OTHERS THEN RAISE WARNING 'no'; END;\n" RAISE}},
       ""},
      {"one that the whole body catches, behind a LOOP and a CASE",
       {{V1, RAISE,
         "LOOP RAISE EXCEPTION 'no'; END LOOP; CASE WHEN true THEN PERFORM 1; END CASE; EXCEPTION WHEN OTHERS "
         "THEN " RAISE}},
       ""},
      {"one that is caught outside",
       {{V1, RAISE,
         "BEGIN BEGIN\n RAISE EXCEPTION 'no'; EXCEPTION WHEN data_exception THEN NULL; END; EXCEPTION WHEN others THEN "
         "NULL; END;\n" RAISE}},
       ""},
      {"one that is caught and raised again",
       {{V1, RAISE, "BEGIN\n" UNKNOWN_ERROR " EXCEPTION WHEN OTHERS THEN RAISE; END;\n" RAISE}},
       UNCAUGHT},
      {"one behind a block that catches",
       {{V1, RAISE, "BEGIN PERFORM 1; EXCEPTION WHEN OTHERS THEN NULL; END;\n" UNKNOWN_ERROR}},
       UNCAUGHT},
      {"one that is caught by another name",
       {{V1, RAISE, "BEGIN\n" UNKNOWN_ERROR " EXCEPTION WHEN data_exception THEN NULL; END;\n" RAISE}},
       UNCAUGHT},
      {"an SQLSTATE of no constraint",
       {{V1, "'23514'", "'P0001'"}},
       "error triggers/keep/v1.sql:3:3 sqlstate-class: raises SQLSTATE P0001, which no driver takes for a broken "
       "constraint\n"},
      {"a body in quotes, whose lines cannot be found",
       {{V1, "$$\nBEGIN\n  " RAISE "\nEND\n$$", "'\nBEGIN RAISE EXCEPTION ''not so''; END\n'"}},
       "error triggers/keep/v1.sql:1:28 constraint-set: raises an error without a constraint\n"
       "error triggers/keep/v1.sql:1:28 sqlstate-class: raises SQLSTATE P0001, which no driver takes for a broken "
       "constraint\n"},
      {"another language",
       {{V1, "plpgsql AS", "plperl AS"}},
       "warning triggers/keep/v1.sql:1:28 not-parsed: what the function 'keep' raises is not known: its plperl cannot "
       "be read\n"}};
  CHECK_ALL(cases);
}

static void comments_are_there(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"none on the function",
       {{V1, "COMMENT ON FUNCTION keep() IS 'Trigger keep.';\n", ""}},
       "warning triggers/keep/v1.sql:1:28 comment-missing: the function 'keep' has no comment: \\df+ says nothing of "
       "it\n"},
      {"none on the trigger",
       {{V1, "COMMENT ON TRIGGER keep ON t IS 'A value stays.';\n", ""}},
       "warning triggers/keep/v1.sql:7:27 comment-missing: the trigger 'keep' has no comment\n"}};
  CHECK_ALL(cases);
}

static void no_search_path_bends_a_rule(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"SECURITY DEFINER",
       {{V1, "plpgsql AS", "plpgsql SECURITY DEFINER AS"}},
       "error triggers/keep/v1.sql:1:28 search-path: the function 'keep' is SECURITY DEFINER without SET search_path: "
       "whoever may create a function runs his own with its owner's rights\n"},
      {"SECURITY DEFINER with a search_path",
       {{V1, "plpgsql AS", "plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS"}},
       ""},
      {"a body that compares",
       {{V1, RAISE, "IF NEW.w = 3 THEN " RAISE " END IF;"}},
       "warning triggers/keep/v1.sql:1:28 search-path: what the function 'keep' compares with is found by the "
       "search_path of the session that writes\n"},
      {"a body that compares, with a search_path",
       {{V1, RAISE, "IF NEW.w = 3 THEN " RAISE " END IF;"},
        {V1, "plpgsql AS", "plpgsql SET search_path = pg_catalog AS"}},
       ""}};
  CHECK_ALL(cases);
}

#define POSSIBLE(line)                                                                                                 \
  "warning triggers/keep/v1.sql:" line ":27 when-possible: 'keep' calls its function for every row, which first asks " \
  "what WHEN could ask\n"

static void a_first_if_belongs_into_when(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"one IF", {EACH_TIME("BEGIN\n IF OLD.v <> NEW.v THEN " RAISE " END IF;\n RETURN NEW;\nEND\n")}, POSSIBLE("8")},
      {"comments, names that are words, an IF within",
       {EACH_TIME("-- IF x\nbegin /* if /* y */ */ if old.\"select\" <> new.found then\n IF NEW.w = 1 THEN " RAISE
                  " END IF; end if; return new; end;\n")},
       POSSIBLE("7")},
      {"an ELSE", {EACH_TIME("BEGIN IF OLD.v = NEW.v THEN RETURN NEW; ELSE " RAISE " END IF; RETURN NEW; END")}, ""},
      {"more behind it", {EACH_TIME("BEGIN IF OLD.v <> NEW.v THEN " RAISE " END IF; NEW.w := 3; RETURN NEW; END")}, ""},
      {"a query",
       {EACH_TIME("BEGIN IF EXISTS (SELECT FROM t WHERE v = NEW.v) THEN " RAISE " END IF; RETURN NEW; END")},
       ""},
      {"what only the function knows",
       {EACH_TIME("BEGIN IF TG_OP = 'UPDATE' AND NEW.v < 0 THEN " RAISE " END IF; RETURN NEW; END")},
       ""},
      {"variables of its own",
       {EACH_TIME("DECLARE x int := 3; BEGIN IF NEW.v > x THEN " RAISE " END IF; RETURN NEW; END")},
       ""},
      {"OLD where rows are new",
       {EACH_TIME("BEGIN IF OLD.v <> NEW.v THEN " RAISE " END IF; RETURN NEW; END"),
        {V1, "BEFORE UPDATE", "BEFORE INSERT OR UPDATE"}},
       ""},
      {"a WHEN that is there already",
       {{V1, RAISE, "IF OLD.w <> NEW.w THEN " RAISE " END IF; RETURN NEW;"},
        {V1, "plpgsql AS", "plpgsql SET search_path = pg_catalog AS"}},
       ""},
      {"after the row was written",
       {EACH_TIME("BEGIN IF NEW.v < 0 THEN " RAISE " END IF; RETURN NULL; END"), {V1, "BEFORE UPDATE", "AFTER INSERT"}},
       POSSIBLE("4")},
      {"once a statement",
       {EACH_TIME("BEGIN IF OLD.v <> NEW.v THEN " RAISE " END IF; RETURN NEW; END"),
        {V1, "EACH ROW", "EACH STATEMENT"}},
       ""}};
  CHECK_ALL(cases);
}

/* Longer than what is parsed, and without an end. */
static void bodies_that_cannot_be_read(void **state) {
  (void)state;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, "CREATE OR REPLACE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN IF NEW.v <\n");
  while (text.len < (100 << 10))
    pgr_buf_adds(&text, "  -- RAISE EXCEPTION /*\n");
  pgr_buf_addf(&text, "%s", strstr(version, "$$;"));
  char *no_when = strstr(text.data, WHEN);
  memset(no_when, ' ', strlen(WHEN));
  make_folder(NULL);
  write_file(V1, pgr_buf_text(&text));
  expect("a long body", NULL, declared, 1,
         "warning triggers/keep/v1.sql:1:28 not-parsed: what the function 'keep' raises is not known: its plpgsql "
         "cannot be read\n");
  remove_folder();
  pgr_buf_deinit(&text);
}

static void versions_may_stand_on_each_other(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"the trigger of a first version",
       {{V1, "CREATE OR REPLACE TRIGGER", "CREATE TRIGGER"}},
       "warning triggers/keep/v1.sql:7:16 replaces: 'keep' cannot be made where another version of it stands\n"},
      {"the function",
       {{V1, "CREATE OR REPLACE FUNCTION", "CREATE FUNCTION"}},
       "warning triggers/keep/v1.sql:1:17 replaces: 'keep' cannot be made where another version of it stands\n"},
      {"the trigger of a second version",
       {{V2, NULL, version},
        {V2, "CREATE OR REPLACE TRIGGER", "CREATE TRIGGER"},
        {"schema/0003_again.up.sql", NULL, "\\ir triggers/keep/v2.sql\n"},
        {"schema/0003_again.down.sql", NULL, "\\ir triggers/keep/v1.sql\n"}},
       "error triggers/keep/v2.sql:7:16 replaces: 'keep' cannot be made where another version of it stands\n"},
      {"dropped before, which readers wait for",
       {{V1, "CREATE OR REPLACE TRIGGER", "DROP TRIGGER IF EXISTS keep ON t;\nCREATE TRIGGER"}},
       "warning triggers/keep/v1.sql:7:1 lock: DROP TRIGGER takes ACCESS EXCLUSIVE on 't': it keeps readers and "
       "writers waiting\n"},
      {"another was dropped before, whose name begins alike",
       {{V1, "CREATE OR REPLACE TRIGGER", "DROP TRIGGER IF EXISTS keep_insert ON t;\nCREATE TRIGGER"}},
       "warning triggers/keep/v1.sql:7:1 lock: DROP TRIGGER takes ACCESS EXCLUSIVE on 't': it keeps readers and "
       "writers waiting\n"
       "warning triggers/keep/v1.sql:8:16 replaces: 'keep' cannot be made where another version of it stands\n"},
      {"another was dropped before, whose name ends alike",
       {{V1, "CREATE OR REPLACE TRIGGER", "DROP TRIGGER IF EXISTS old_keep ON t;\nCREATE TRIGGER"}},
       "warning triggers/keep/v1.sql:7:1 lock: DROP TRIGGER takes ACCESS EXCLUSIVE on 't': it keeps readers and "
       "writers waiting\n"
       "warning triggers/keep/v1.sql:8:16 replaces: 'keep' cannot be made where another version of it stands\n"},
      {"one after new rows",
       {{V1, "COMMENT ON TRIGGER", OF_NEW "COMMENT ON TRIGGER"},
        {V1, "CREATE OR REPLACE TRIGGER keep_insert", "CREATE TRIGGER keep_insert"}},
       "warning triggers/keep/v1.sql:10:16 replaces: 'keep_insert' cannot be made where another version of it "
       "stands\n"},
      {"a constraint trigger, which nothing replaces",
       {{V1, "CREATE OR REPLACE TRIGGER keep BEFORE", "CREATE CONSTRAINT TRIGGER keep AFTER"}},
       "warning triggers/keep/v1.sql:7:27 replaces: 'keep' cannot be made where another version of it stands\n"}};
  CHECK_ALL(cases);
}

static void update_of_sees_what_it_must(void **state) {
  (void)state;
  static const char by[] = "warning triggers/keep/v1.sql:7:27 update-of: UPDATE OF sees what a statement names: what "
                           "another trigger changes in the row goes by\n";
  static const check_case cases[] = {
      {"the rule's column", {{V1, "BEFORE UPDATE", "BEFORE UPDATE OF v"}}, by},
      {"a second trigger, beside one that sees every change",
       {{V1, "COMMENT ON TRIGGER",
         "CREATE OR REPLACE TRIGGER keep_named BEFORE UPDATE OF v ON t FOR EACH ROW EXECUTE FUNCTION keep();\n"
         "COMMENT ON TRIGGER keep_named ON t IS 'x';\nCOMMENT ON TRIGGER"}},
       ""},
      {"a rule of two columns, and a trigger for each, one of which is missing",
       {{V1, "BEFORE UPDATE", "BEFORE UPDATE OF v"},
        {YAML, ", same", "\n  - column: w\n    allow: any->any\n  - column: x\n    allow: null->any"},
        {V1, "COMMENT ON TRIGGER",
         "CREATE OR REPLACE TRIGGER keep_set_x BEFORE UPDATE OF x ON t FOR EACH ROW EXECUTE FUNCTION keep();\n"
         "COMMENT ON TRIGGER keep_set_x ON t IS 'x';\nCOMMENT ON TRIGGER"}},
       "error triggers/keep/v1.sql:7:27 update-of: the rule is about 'w', which neither UPDATE OF nor WHEN names: "
       "nobody looks when it is changed\n"},
      {"another column",
       {{V1, "BEFORE UPDATE", "BEFORE UPDATE OF w"},
        {V1, "WHEN (OLD.v IS NOT NULL AND NEW.v IS NOT NULL AND NEW.v", "WHEN (NEW.w"},
        {V1, "<> OLD.v", "<> OLD.w"}},
       "error triggers/keep/v1.sql:7:27 update-of: the rule is about 'v', which neither UPDATE OF nor WHEN names: "
       "nobody looks when it is changed\n"
       "warning triggers/keep/v1.sql:7:27 update-of: UPDATE OF sees what a statement names: what another trigger "
       "changes in the row goes by\n"},
      {"two columns, and a WHEN that asks for one",
       {{YAML, ", same", ", same\n  - column: w\n    allow: null->any, same"}},
       "error triggers/keep/v1.sql:7:27 update-of: the rule is about 'w', which neither UPDATE OF nor WHEN names: "
       "nobody looks when it is changed\n"},
      {"three columns, two of whose names stand in WHEN as other words",
       {{YAML, ", same",
         ", same\n  - column: '\"a\"\"v\"'\n    allow: null->any, same\n  - column: old\n    allow: "
         "null->any, same\n  - column: '\"V\"'\n    allow: null->any, same"},
        {V1, "WHEN (", "WHEN (new.\"a\"\"v\" IS NULL AND "}},
       "error triggers/keep/v1.sql:7:27 update-of: the rule is about 'V', which neither UPDATE OF nor WHEN names: "
       "nobody looks when it is changed\n"
       "error triggers/keep/v1.sql:7:27 update-of: the rule is about 'old', which neither UPDATE OF nor WHEN names: "
       "nobody looks when it is changed\n"},
      {"two columns, and a WHEN that hands on the row",
       {{YAML, ", same", ", same\n  - column: w\n    allow: null->any, same"}, {V1, WHEN, "\n  WHEN (bad(OLD, NEW))"}},
       ""},
      {"two columns with a trigger each, and one for new rows, which sees no update",
       {{YAML, ", same", ", same\n    insert: any\n  - column: w\n    allow: null->any, same"},
        {V1, "COMMENT ON TRIGGER", OF_W OF_NEW "COMMENT ON TRIGGER"}},
       ""},
      {"UPDATE OF of one column, and every update of another",
       {{YAML, ", same", ", same\n  - column: w\n    allow: null->any, same"},
        {V1, "COMMENT ON TRIGGER", OF_W "COMMENT ON TRIGGER"},
        {V1, "keep_set_w BEFORE UPDATE", "keep_set_w BEFORE UPDATE OF w"}},
       "warning triggers/keep/v1.sql:10:27 update-of: UPDATE OF sees what a statement names: what another trigger "
       "changes in the row goes by\n"},
      {"a rule about what a statement names", {{V1, "BEFORE UPDATE", "BEFORE UPDATE OF v"}, {YAML, ", same", ""}}, ""}};
  CHECK_ALL(cases);
}

/* ---- what fires later ---- */

static const pgr_lint_declared with_other[] = {{"keep", "keeping"}, {"zz", "keeping"}, {"aa", "keeping"}};

/* Another trigger of the folder, by hand; events: "BEFORE UPDATE". */
static void add_other(const char *name, const char *events, const char *language, const char *body) {
  char path[200], text[2048];
  snprintf(path, sizeof path, "schema/triggers/%s/v1.sql", name);
  snprintf(text, sizeof text,
           "CREATE OR REPLACE FUNCTION %s() RETURNS trigger LANGUAGE %s SET search_path = pg_catalog AS $f$%s$f$;\n"
           "COMMENT ON FUNCTION %s() IS 'x';\n"
           "CREATE OR REPLACE TRIGGER %s %s ON t FOR EACH ROW EXECUTE FUNCTION %s();\n"
           "COMMENT ON TRIGGER %s ON t IS 'x';\n",
           name, language, body, name, name, events, name, name);
  write_file(path, text);
  snprintf(path, sizeof path, "schema/triggers/%s/trigger.yaml", name);
  write_file(path, "table: t\nmessage: not so\n");
  snprintf(text, sizeof text, "\\ir triggers/%s/v1.sql\n", name);
  write_file("schema/0003_other.up.sql", text);
  snprintf(text, sizeof text, "DROP TRIGGER %s ON t;\nDROP FUNCTION %s();\n", name, name);
  write_file("schema/0003_other.down.sql", text);
}

#define LATER                                                                                                          \
  "warning triggers/keep/v1.sql:7:27 later-trigger: 'zz' fires after 'keep', and may change what that has looked at\n"

static void what_fires_later_may_undo_a_rule(void **state) {
  (void)state;
  static const char sets[] = "BEGIN NEW.v := 3; RETURN NEW; END";
  static const struct {
    const char *name, *events, *body, *expected;
  } cases[] = {
      {"zz", "BEFORE UPDATE", sets, LATER},
      {"zz", "BEFORE INSERT OR UPDATE OF w", sets, LATER},
      {"aa", "BEFORE UPDATE", sets, ""},
      {"zz", "BEFORE INSERT", sets, ""},
      {"zz", "AFTER UPDATE", sets, ""},
      {"zz", "BEFORE UPDATE", "BEGIN NEW.w := NEW.v; RETURN NEW; END", ""},
      {"zz", "BEFORE UPDATE", "BEGIN NEW.vast := 3; NEW.\"V\" := 3; RETURN NEW; END", ""},
      {"zz", "BEFORE UPDATE", "BEGIN PERFORM 1; IF OLD.w = 1 THEN NEW.\"v\" = 3; END IF; RETURN NEW; END", LATER},
      {"zz", "BEFORE UPDATE", "BEGIN PERFORM 1; IF NEW.v = 3 THEN NEW.w = 4; END IF; RETURN NEW; END", ""},
      {"zz", "BEFORE UPDATE", "BEGIN /* NEW.v */ SELECT 1, 2 INTO STRICT NEW.w, New.V; RETURN NEW; END", LATER},
      {"zz", "BEFORE UPDATE", "BEGIN INSERT INTO log VALUES (1, NEW.v); RETURN NEW; END", ""},
      {"zz", "BEFORE UPDATE", "BEGIN NEW := jsonb_populate_record(NEW, '{}'); RETURN NEW; END", LATER},
      {"zz", "BEFORE UPDATE", "DECLARE r t; BEGIN r := NEW; RETURN r; END", LATER}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_folder(NULL);
    add_other(cases[i].name, cases[i].events, "plpgsql", cases[i].body);
    expect(cases[i].body, NULL, with_other, 3, cases[i].expected);
    remove_folder();
  }
}

#define ROW_RULE "v\n    allow: null->any, any->null, same"
#define EACH_COLUMN                                                                                                    \
  {YAML, ROW_RULE, ROW_RULE "\n    insert: any\n  - column: w\n    allow: null->any, same"}, {                         \
    V1, "COMMENT ON TRIGGER", OF_W OF_NEW "COMMENT ON TRIGGER"                                                         \
  }

/* Of triggers with a column each it undoes that of the column that it sets, if it fires after that; what was asked
 * AFTER INSERT nothing undoes. */
static void what_fires_later_than_some(void **state) {
  (void)state;
  static const edit each[EDITS] = {EACH_COLUMN};
  static const edit asked_before[EDITS] = {EACH_COLUMN, {V1, "AFTER INSERT", "BEFORE INSERT"}};
  static const char sets_v[] = "BEGIN NEW.v := 3; RETURN NEW; END", sets_w[] = "BEGIN NEW.w := 3; RETURN NEW; END",
                    sets_both[] = "BEGIN NEW.w := 3; NEW.v := 3; RETURN NEW; END";
  static const struct {
    const edit *edits;
    const char *name, *events, *body, *expected;
  } cases[] = {
      {each, "keep_m", "BEFORE UPDATE", sets_w, ""},
      {each, "zz", "BEFORE UPDATE", sets_w,
       "warning triggers/keep/v1.sql:10:27 later-trigger: 'zz' fires after 'keep_set_w', and may change what that has "
       "looked at\n"},
      {each, "zz", "BEFORE UPDATE", sets_both, LATER},
      {each, "zz", "BEFORE INSERT", sets_v, ""},
      {each, "zz", "BEFORE INSERT OR UPDATE", sets_v, LATER},
      {asked_before, "zz", "BEFORE INSERT", sets_v,
       "warning triggers/keep/v1.sql:13:27 later-trigger: 'zz' fires after 'keep_insert', and may change what that has "
       "looked at\n"}};
  static const pgr_lint_declared known[] = {{"keep", "keeping"}, {"zz", "keeping"}, {"keep_m", "keeping"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    make_folder(cases[i].edits);
    add_other(cases[i].name, cases[i].events, "plpgsql", cases[i].body);
    expect(cases[i].expected, NULL, known, 3, cases[i].expected);
    remove_folder();
  }
}

/* What it looks at is what it speaks of; what nobody can read may do everything. */
static void what_fires_later_than_one_by_hand(void **state) {
  (void)state;
  static const edit by_hand = {YAML, "rule:\n  - column: v\n    allow: null->any, any->null, same\n", ""};
  make_folder(NULL);
  apply_edit(&by_hand);
  add_other("zz", "BEFORE UPDATE", "plpgsql", "BEGIN NEW.v := 3; RETURN NEW; END");
  expect("a column of its WHEN", NULL, with_other, 3, LATER);
  add_other("zz", "BEFORE UPDATE", "plpgsql", "BEGIN NEW.w := 3; RETURN NEW; END");
  expect("a column that it does not know", NULL, with_other, 3, "");
  add_other("zz", "BEFORE UPDATE", "plperl", "return;");
  expect("another language", NULL, with_other, 3,
         LATER
         "warning triggers/zz/v1.sql:1:28 not-parsed: what the function 'zz' raises is not known: its plperl cannot "
         "be read\n");
  remove_folder();
}

static void versions_are_installed(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"the latest is not",
       {{V2, NULL, version}, {V2, "A value", "Any value"}},
       "error triggers/keep/v2.sql version-not-installed: no migration installs version 2 of 'keep': no database will "
       "have it\n"},
      {"the first is not",
       {{V2, NULL, version}, {V2, "A value", "Any value"}, {"schema/0002_keep.up.sql", "v1", "v2"}},
       "warning triggers/keep/v1.sql version-not-installed: no migration installs version 1 of 'keep'\n"},
      {"two are one",
       {{V2, NULL, version},
        {"schema/0003_again.up.sql", NULL, "\\ir triggers/keep/v2.sql\n"},
        {"schema/0003_again.down.sql", NULL, "\\ir triggers/keep/v1.sql\n"}},
       "warning triggers/keep/v2.sql version-duplicated: version 2 of 'keep' says what version 1 says\n"}};
  CHECK_ALL(cases);
}

static void migrations_are_looked_at(void **state) {
  (void)state;
  static const check_case cases[] = {
      {"no down",
       {{"schema/0002_keep.down.sql", NULL, NULL}},
       "warning triggers/keep/v1.sql down-missing: migration 0002_keep has no down: pgrace schema down stops there\n"},
      {"a lock that readers wait for, of a table that was there",
       {{"schema/0003_more.up.sql", NULL,
         "CREATE TABLE u (id int);\nALTER TABLE u ADD w int;\nALTER TABLE t ADD x int;\n"},
        {"schema/0003_more.down.sql", NULL, "DROP TABLE u;\nALTER TABLE t DROP x;\n"}},
       "warning 0003_more.up.sql:3:1 lock: ALTER TABLE takes ACCESS EXCLUSIVE on 't': it keeps readers and writers "
       "waiting\n"},
      {"what PostgreSQL 15 does not know",
       {{"schema/0003_more.up.sql", NULL, "-- 17:\nALTER TABLE t ALTER COLUMN w SET EXPRESSION AS (1);\n"},
        {"schema/0003_more.down.sql", NULL, "SELECT;\n"}},
       "warning 0003_more.up.sql:2:34 not-parsed: cannot be parsed: syntax error at or near \"EXPRESSION\"\n"},
      {"a trigger that no folder knows",
       {{"schema/0003_more.up.sql", NULL,
         "CREATE TRIGGER \"Odd\n%s name\" AFTER INSERT ON t EXECUTE FUNCTION keep();\n"},
        {"schema/0003_more.down.sql", NULL, "DROP TRIGGER \"Odd\n%s name\" ON t;\n"}},
       "warning 0003_more.up.sql:1:17 unknown-trigger: no folder declares the trigger 'Odd %s name': its next version "
       "will not be seen as one\n"}};
  CHECK_ALL(cases);
}

static bool contested(const pgr_rule *rule) {
  return strcmp(rule->name, "keep") == 0;
}

static bool uncontested(const pgr_rule *rule) {
  return !contested(rule);
}

static void scenarios_know_the_constraint(void **state) {
  (void)state;
  static const pgr_lint_declared other[] = {{"kept", "keeping"}};
  static const char missing[] = "warning triggers/keep/trigger.yaml scenario-missing: no scenario declares the "
                                "constraint 'keep': nobody has raced what it forbids\n";
  make_folder(NULL);
  expect("nobody looked", NULL, NULL, 0, "");
  expect("no scenario at all", NULL, other, 0, missing);
  expect("one of another constraint", NULL, other, 1, missing);
  pgr_lint_input asked = {.declared = other, .contested = contested};
  expect_of("what can be raced", asked, missing);
  asked.contested = uncontested;
  expect_of("what cannot be raced", asked, "");
  apply_edit(&(edit){YAML, "rule:\n  - column: v\n    allow: null->any, any->null, same\n", ""});
  expect_of("what is not known, being written by hand", asked, missing);
  remove_folder();
}

/* ---- what pgrace writes ---- */

/* Writes version 1 of the rule, and its declaration, into a folder that is right. */
static void make_generated(const char *yaml) {
  pgr_faults faults = {0};
  pgr_arena arena = {0};
  pgr_buf made;
  const pgr_source source = {"trigger.yaml", yaml, strlen(yaml)};
  const pgr_rule *rule = pgr_trigger_declaration_read(&source, "keep", &arena, &faults);
  if (!rule) fail_msg("%s: %s", yaml, faults.kept[0].text);
  pgr_buf_init(&made, 0);
  pgr_rule_write_version(rule, 1, &made);
  make_folder((const edit[EDITS]){{YAML, NULL, yaml}, {V1, NULL, pgr_buf_text(&made)}});
  pgr_buf_deinit(&made);
  pgr_arena_deinit(&arena);
  pgr_faults_deinit(&faults);
}

/* Whatever rule it is: the version that is made of it has nothing to be found. */
static void generated_versions_are_right(void **state) {
  (void)state;
  static const char *const rules[] = {
      "allow: null->any, any->null, same",
      "allow: any->any",
      "allow: null->any",
      "allow: any->any, same\n    insert: any",
      "allow: open->claimed->closed, same\n    insert: open",
      "allow: \"'on hold'->open->claimed->closed, claimed->open, closed->'it''s', same\"\n    insert: null, open, 'on "
      "hold'",
      "allow: null->open, any->null, same",
      "allow: any->closed, open->null, same",
      "allow: null->any, same\n  - column: w\n    allow: any->null, same",
      "allow: null->any, same\n  - column: w\n    allow: any->any",
      "allow: null->any\n  - column: w\n    allow: any->any, any->null",
      "allow: any->any\n  - column: w\n    allow: null->any, same\n  - column: x\n    allow: null->any\n    insert: "
      "null",
      "allow: any->any, null->any, any->null, same\n    insert: open\n  - column: w\n    allow: any->any",
      "allow: null->any, same\n  - column: '\"Old\"'\n    allow: null->any, same\n  - column: '\"a\"\"b\"'\n    "
      "allow: open->claimed, same\n    insert: open",
      "allow: null->any\n  - column: '\"Odd c\"'\n    allow: any->any, null->any\n  - column: z\n    allow: a->b->c, "
      "same"};
  static const char *const logs[] = {"", "log: server\n", "log: table\n"};
  for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
    for (size_t k = 0; k < sizeof logs / sizeof *logs; k++) {
      char yaml[768];
      snprintf(yaml, sizeof yaml, "table: t\nrule:\n  - column: v\n    %s\nmessage: not so\n%s", rules[i], logs[k]);
      make_generated(yaml);
      expect(yaml, NULL, declared, 1, "");
      remove_folder();
    }
}

static void an_edited_rule_needs_a_version(void **state) {
  (void)state;
  static const char edited[] = "error triggers/keep/trigger.yaml rule-edited: the rule of 'keep' is not the one that "
                               "version 1 was made of\n";
  static const edit edits[] = {{YAML, "null->any, same", "any->null, same"},
                               {YAML, "same", "same\n    insert: null"},
                               {YAML, "message:", "why: because\nmessage:"}};
  for (size_t i = 0; i < sizeof edits / sizeof *edits; i++) {
    make_generated("table: t\nrule:\n  - column: v\n    allow: null->any, same\nmessage: not so\n");
    apply_edit(&edits[i]);
    expect(edits[i].to, NULL, declared, 1, i == 2 ? "" : edited);
    remove_folder();
  }
  make_generated("table: t\nrule:\n  - column: v\n    allow: null->any, same\nmessage: not so\n");
  apply_edit(&(edit){YAML, "table: t", "table: shop.u"});
  expect("another table", NULL, declared, 1,
         "error triggers/keep/trigger.yaml rule-edited: 'keep' is declared on shop.u, and version 1 makes it on t\n");
  apply_edit(&(edit){YAML, "table: shop.u", "table: shop.t"});
  expect("the same table, named with its schema", NULL, declared, 1, "");
  remove_folder();
  make_generated("table: t\nrule:\n  - column: v\n    allow: any->any, same\n    insert: null\nmessage: not so\n");
  apply_edit(&(edit){V1, "AFTER INSERT", "BEFORE INSERT"});
  expect("asked at another time", NULL, declared, 1, edited);
  remove_folder();
  make_generated("table: t\nrule:\n  - column: v\n    allow: any->any\nmessage: not so\n");
  apply_edit(&(edit){V1, "UPDATE OF v", "UPDATE OF w"});
  pgr_buf out;
  pgr_buf_init(&out, 0);
  find((pgr_lint_input){.declared = declared, .declared_count = 1}, &out);
  assert_non_null(strstr(pgr_buf_text(&out), edited));
  pgr_buf_deinit(&out);
  remove_folder();
}

/* ---- a database ---- */

static void exec(fixture *f, const char *sql) {
  pgr_err err;
  must(pgr_db_exec(f->db, sql, &err), &err);
}

static void apply(fixture *f) {
  folder all = {0};
  pgr_journal *journal = NULL;
  pgr_err err;
  read_folder(&all);
  must(pgr_journal_open(f->db, &(pgr_journal_options){.changes = true}, &journal, &err), &err);
  for (size_t i = 0; i < all.migrations.count; i++)
    must(pgr_journal_up(journal, &all.migrations.items[i], &all.triggers, &err), &err);
  pgr_journal_close(journal);
  close_folder(&all);
}

static void a_database_is_compared(void **state) {
  fixture *f = *state;
  static const edit more[EDITS] = {
      {"schema/0003_more.up.sql", NULL, "ALTER TABLE t ADD x int;\n"},
      {"schema/0003_more.down.sql", NULL, "ALTER TABLE t DROP x;\n"},
      {V1, "CREATE OR REPLACE TRIGGER", "DROP TRIGGER IF EXISTS keep ON t;\nCREATE TRIGGER"}};
  static const edit edited = {V1, "A value stays", "A value stays so"};
  make_folder(more);
  expect("what is pending", f->db, declared, 1,
         "warning 0003_more.up.sql:1:1 lock: ALTER TABLE takes ACCESS EXCLUSIVE on 't': it keeps readers and writers "
         "waiting\n"
         "warning triggers/keep/v1.sql:7:1 lock: DROP TRIGGER takes ACCESS EXCLUSIVE on 't': it keeps readers and "
         "writers waiting\n");
  apply(f);
  expect("what is applied", f->db, declared, 1, "");
  apply_edit(&edited);
  expect("what was edited", f->db, declared, 1,
         "error triggers/keep/v1.sql version-edited: was edited after migration 0002_keep had been applied: the "
         "database has what it said before\n");
  apply_edit(&(edit){V1, "A value stays so", "A value stays"});
  exec(f, "CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';"
          "CREATE TABLE \"Odd\ntable\" (id int);"
          "CREATE TRIGGER \"stray %s\" BEFORE INSERT ON \"Odd\ntable\" FOR EACH ROW EXECUTE FUNCTION stray()");
  expect("what nobody declares", f->db, declared, 1,
         "warning - unknown-trigger: the database has a trigger \"stray %s\" on \"Odd table\" (function stray) that no "
         "folder declares\n");
  remove_folder();
}

static void exec_file(fixture *f, const char *name) {
  char text[8192];
  FILE *file = fopen(name, "r");
  assert_non_null(file);
  text[fread(text, 1, sizeof text - 1, file)] = '\0';
  fclose(file);
  exec(f, text);
}

/* The folder's table and trigger in a database that has nothing else. setting: what the session says before. */
static void install(fixture *f, const char *before, const char *setting) {
  exec(f, "RESET search_path; DROP TABLE IF EXISTS t, \"Odd\ntable\"; DROP FUNCTION IF EXISTS keep, stray, zz;"
          "DROP SCHEMA IF EXISTS pgrace, evil CASCADE");
  exec(f, before);
  exec(f, setting);
  exec_file(f, V1);
  exec(f, "RESET search_path");
}

#define TABLE_OF(type) "CREATE TABLE public.t (id bigint PRIMARY KEY, v " type ", w bigint);"
#define EVIL                                                                                                           \
  "CREATE SCHEMA evil; CREATE FUNCTION evil.never(bigint, bigint) RETURNS boolean LANGUAGE sql AS 'SELECT false';"     \
  "CREATE OPERATOR evil.<> (LEFTARG = bigint, RIGHTARG = bigint, FUNCTION = evil.never);"                              \
  "CREATE FUNCTION evil.lower(text) RETURNS text LANGUAGE sql AS 'SELECT NULL::text';"
#define BENT "SET search_path = evil, pg_catalog, public"

static void a_search_path_bent_a_rule(void **state) {
  fixture *f = *state;
  make_folder(NULL);
  install(f, TABLE_OF("bigint") EVIL, "RESET search_path");
  expect("as it should be", f->db, declared, 1, "");
  install(f, TABLE_OF("bigint") EVIL, BENT);
  expect(
      "another operator", f->db, declared, 1,
      "error - operator: the trigger 'keep' on public.t decides by evil.<>(bigint,bigint), which is not PostgreSQL's: "
      "a search_path bent the rule when it was installed\n");
  apply_edit(&(edit){V1, "NEW.v <> OLD.v", "NEW.v OPERATOR(evil.<>) OLD.v"});
  install(f, TABLE_OF("bigint") EVIL, "RESET search_path");
  expect("one that is meant", f->db, declared, 1, "");
  apply_edit(&(edit){V1, "NEW.v OPERATOR(evil.<>) OLD.v", "lower(NEW.v::text) = '3'"});
  install(f, TABLE_OF("bigint") EVIL, BENT);
  expect("another function", f->db, declared, 1,
         "error - operator: the trigger 'keep' on public.t decides by evil.lower(text), which is not PostgreSQL's: a "
         "search_path bent the rule when it was installed\n");
  remove_folder();
  make_folder(NULL);
  install(f,
          "CREATE SCHEMA evil; CREATE TYPE evil.mood AS ENUM ('sad');"
          "CREATE FUNCTION evil.never(evil.mood, evil.mood) RETURNS boolean LANGUAGE sql AS 'SELECT false';"
          "CREATE OPERATOR evil.<> (LEFTARG = evil.mood, RIGHTARG = evil.mood, FUNCTION = evil.never);" TABLE_OF(
              "evil.mood"),
          BENT);
  expect("one beside an enum, which compares as enums do", f->db, declared, 1,
         "error - operator: the trigger 'keep' on public.t decides by evil.<>(evil.mood,evil.mood), which is not "
         "PostgreSQL's: a search_path bent the rule when it was installed\n");
  remove_folder();
}

static void types_bring_operators_with_them(void **state) {
  fixture *f = *state;
  make_folder(NULL);
  install(f, "CREATE EXTENSION citext;" TABLE_OF("citext"), "RESET search_path");
  expect("of an extension", f->db, declared, 1, "");
  install(f,
          "CREATE TYPE mine;"
          "CREATE FUNCTION mine_in(cstring) RETURNS mine LANGUAGE internal IMMUTABLE STRICT AS 'int4in';"
          "CREATE FUNCTION mine_out(mine) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';"
          "CREATE TYPE mine (INPUT = mine_in, OUTPUT = mine_out, LIKE = int4);"
          "CREATE FUNCTION mine_ne(mine, mine) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4ne';"
          "CREATE OPERATOR <> (LEFTARG = mine, RIGHTARG = mine, FUNCTION = mine_ne);" TABLE_OF("mine"),
          "RESET search_path");
  expect("of a type of one's own", f->db, declared, 1, "");
  exec(f, "DROP TABLE t; DROP EXTENSION citext; DROP TYPE mine CASCADE");
  remove_folder();
}

#define STRAY(trigger)                                                                                                 \
  "warning - unknown-trigger: the database has a trigger " trigger " on t (function stray) that no folder declares\n"

static void a_database_has_what_fires_later(void **state) {
  fixture *f = *state;
  make_folder(NULL);
  install(f, TABLE_OF("bigint"), "RESET search_path");
  exec(f, "CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := 3; RETURN NEW; END';"
          "CREATE TRIGGER \"zz %s\" BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stray();"
          "CREATE TRIGGER aa BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stray();"
          "CREATE TRIGGER zy BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stray();"
          "CREATE TRIGGER z_min BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()");
  static const char strays[] =
      STRAY("\"zz %s\"") STRAY("aa") "warning - unknown-trigger: the database has a trigger z_min on t (function "
                                     "suppress_redundant_updates_trigger) "
                                     "that no folder declares\n" STRAY("zy");
  char expected[2048];
  snprintf(
      expected, sizeof expected, "%s%s",
      "warning - later-trigger: the trigger \"zz %s\" on public.t fires after 'keep', and may change what that has "
      "looked at\n",
      strays);
  expect("one that sets the column", f->db, declared, 1, expected);
  exec(f, "CREATE OR REPLACE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.w := 3; RETURN NEW; END'");
  expect("one that sets another", f->db, declared, 1, strays);
  add_other("zz", "BEFORE UPDATE", "plpgsql", "BEGIN NEW.v := 3; RETURN NEW; END");
  install(f, TABLE_OF("bigint"), "RESET search_path");
  exec_file(f, "schema/triggers/zz/v1.sql");
  expect("one of the folder, which is told once", f->db, with_other, 3, LATER);
  remove_folder();
  make_folder(NULL);
  install(f,
          "CREATE TABLE public.t (id bigint, v bigint, w bigint) PARTITION BY LIST (id);"
          "CREATE TABLE public.\"t\n1\" PARTITION OF public.t DEFAULT",
          "RESET search_path");
  exec(f, "CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := 3; RETURN NEW; END';"
          "CREATE TRIGGER zz BEFORE UPDATE ON \"t\n1\" FOR EACH ROW EXECUTE FUNCTION stray()");
  expect(
      "one of a partition", f->db, declared, 1,
      "warning - later-trigger: the trigger zz on public.\"t 1\" fires after 'keep', and may change what that has "
      "looked at\n"
      "warning - unknown-trigger: the database has a trigger zz on \"t 1\" (function stray) that no folder declares\n");
  remove_folder();
}

static void expect_later(fixture *f, const char *later) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  find((pgr_lint_input){.db = f->db, .declared = declared, .declared_count = 1}, &out);
  const char *rest = strstr(pgr_buf_text(&out), "warning - unknown-trigger: ");
  assert_non_null(rest);
  if ((size_t)(rest - pgr_buf_text(&out)) != strlen(later) || strncmp(pgr_buf_text(&out), later, strlen(later)) != 0)
    fail_msg("found\n%snot\n%s", pgr_buf_text(&out), later);
  pgr_buf_deinit(&out);
}

/* Told once, at the trigger that it undoes. */
static void a_database_has_what_fires_later_than_some(void **state) {
  fixture *f = *state;
  static const edit each[EDITS] = {EACH_COLUMN};
  static const edit asked_before[EDITS] = {
      EACH_COLUMN, {V1, "AFTER INSERT", "BEFORE INSERT"}, {V1, "NEW.v < 0", "NEW.w < 0"}};
  make_folder(each);
  install(f, TABLE_OF("bigint"), "RESET search_path");
  exec(f, "CREATE FUNCTION stray() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.v := 3; NEW.w := 4; RETURN NEW; END';"
          "CREATE FUNCTION zz() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.w := 3; RETURN NEW; END';"
          "CREATE TRIGGER zz BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION stray();"
          "CREATE TRIGGER zy BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION stray();"
          "CREATE TRIGGER zx BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION zz();"
          "CREATE TRIGGER keep_m BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION zz()");
  expect_later(
      f, "warning - later-trigger: the trigger zx on public.t fires after 'keep_set_w', and may change what that has "
         "looked at\n"
         "warning - later-trigger: the trigger zz on public.t fires after 'keep', and may change what that has looked "
         "at\n");
  remove_folder();
  make_folder(asked_before);
  install(f, TABLE_OF("bigint"), "RESET search_path");
  exec(f, "CREATE FUNCTION zz() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.w := 3; RETURN NEW; END';"
          "CREATE TRIGGER keep_m BEFORE INSERT OR UPDATE ON t FOR EACH ROW EXECUTE FUNCTION zz()");
  expect_later(f, "warning - later-trigger: the trigger keep_m on public.t fires after 'keep_insert', and may change "
                  "what that has looked at\n");
  remove_folder();
}

static void a_subscription_goes_by(void **state) {
  fixture *f = *state;
  make_folder(NULL);
  install(f, TABLE_OF("bigint"), "RESET search_path");
  exec(f, "CREATE SUBSCRIPTION s CONNECTION 'dbname=elsewhere' PUBLICATION p WITH (connect = false, slot_name = NONE)");
  expect("a subscription of nothing yet", f->db, declared, 1, "");
  exec(f, "CREATE TABLE u (id int);"
          "INSERT INTO pg_subscription_rel SELECT oid, 'u'::regclass, 'r', NULL FROM pg_subscription");
  expect("one of another table", f->db, declared, 1, "");
  exec(f, "INSERT INTO pg_subscription_rel SELECT oid, 't'::regclass, 'r', NULL FROM pg_subscription");
  expect(
      "one of this table", f->db, declared, 1,
      "warning - replica: a subscription writes public.t, and the trigger 'keep' does not fire for what it brings\n");
  exec(f, "ALTER TABLE t ENABLE ALWAYS TRIGGER keep");
  expect("a trigger that fires for it", f->db, declared, 1, "");
  exec(f, "DROP SUBSCRIPTION s; DROP TABLE u");
  remove_folder();
}

/* ---- memory ---- */

static void memory_may_run_out(void **state) {
  (void)state;
  static const edit wrong[EDITS] = {{V1, ", CONSTRAINT = 'keep'", ""}, {V1, WHEN, ""}};
  folder f = {0};
  make_folder(wrong);
  read_folder(&f);
  const pgr_lint_input input = {
      .migrations = &f.migrations, .triggers = &f.triggers, .declared = declared, .declared_count = 1};
  unsigned long n = 0;
  for (pgr_code code = PGR_ENOMEM; code; n++) {
    pgr_arena arena = {0};
    const pgr_lint_finding *found = NULL;
    size_t count = 0;
    pgr_err err;
    pgr_mem_fail_nth(n + 1);
    code = pgr_schema_lint(&input, &arena, &found, &count, &err);
    pgr_mem_fail_nth(0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    assert_true(code ? count == 0 : count > 0);
    pgr_arena_deinit(&arena);
  }
  assert_true(n > 3);
  close_folder(&f);
  remove_folder();
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_found_where_nothing_is_wrong),
                                     cmocka_unit_test(names_tie_trigger_function_and_constraint),
                                     cmocka_unit_test(errors_can_be_mapped),
                                     cmocka_unit_test(comments_are_there),
                                     cmocka_unit_test(no_search_path_bends_a_rule),
                                     cmocka_unit_test(a_first_if_belongs_into_when),
                                     cmocka_unit_test(bodies_that_cannot_be_read),
                                     cmocka_unit_test(versions_may_stand_on_each_other),
                                     cmocka_unit_test(update_of_sees_what_it_must),
                                     cmocka_unit_test(what_fires_later_may_undo_a_rule),
                                     cmocka_unit_test(what_fires_later_than_some),
                                     cmocka_unit_test(what_fires_later_than_one_by_hand),
                                     cmocka_unit_test(versions_are_installed),
                                     cmocka_unit_test(migrations_are_looked_at),
                                     cmocka_unit_test(scenarios_know_the_constraint),
                                     cmocka_unit_test(generated_versions_are_right),
                                     cmocka_unit_test(an_edited_rule_needs_a_version),
                                     cmocka_unit_test(a_database_is_compared),
                                     cmocka_unit_test(a_search_path_bent_a_rule),
                                     cmocka_unit_test(types_bring_operators_with_them),
                                     cmocka_unit_test(a_database_has_what_fires_later),
                                     cmocka_unit_test(a_database_has_what_fires_later_than_some),
                                     cmocka_unit_test(a_subscription_goes_by),
                                     cmocka_unit_test(memory_may_run_out)};
  return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
