/* The page of a folder with a trigger that a rule makes and one written by hand, of one whose every text would be
 * markup, and of an empty one: Markdown, the document and the record to begin with, beside the files of schema_doc/.
 * With PGR_GOLDEN_WRITE set the files are written instead: look at the difference before you commit it. The argument:
 * schema_doc/, whose folder shop/ is read. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_rule_text.h"
#include "pgr_schema_doc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(pgr_code code, const pgr_err *err) {
  if (code) fail_msg("%s", err->msg);
}

static void compare(const char *name, const pgr_buf *got) {
  static char want[1 << 17];
  assert_false(got->failed);
  FILE *f = fopen(name, getenv("PGR_GOLDEN_WRITE") ? "w" : "r");
  if (!f) fail_msg("there is no %s", name);
  if (getenv("PGR_GOLDEN_WRITE")) {
    fputs(pgr_buf_text(got), f);
  } else {
    want[fread(want, 1, sizeof want - 1, f)] = '\0';
    assert_string_equal(pgr_buf_text(got), want);
  }
  fclose(f);
}

/* record: of the trigger to begin one for; NULL for none. */
static void golden(const char *name, const pgr_triggers *triggers, const pgr_migrations *migrations,
                   const pgr_trigger *record) {
  char file[64];
  pgr_buf out;
  pgr_err err;
  pgr_buf_init(&out, 0);
  pgr_schema_doc_markdown(triggers, migrations, &out);
  snprintf(file, sizeof file, "%s.md", name);
  compare(file, &out);
  pgr_buf_clear(&out);
  must(pgr_schema_doc_json(triggers, migrations, &out, &err), &err);
  snprintf(file, sizeof file, "%s.json", name);
  compare(file, &out);
  pgr_buf_clear(&out);
  if (record) {
    pgr_schema_doc_adr(record, 8, &out);
    snprintf(file, sizeof file, "%s.adr.md", name);
    compare(file, &out);
  }
  pgr_buf_deinit(&out);
}

typedef struct folder {
  pgr_migrations migrations;
  pgr_triggers triggers;
} folder;

static void read_shop(folder *f) {
  pgr_faults faults = {0};
  pgr_err err;
  must(pgr_migrations_read("shop", &f->migrations, &faults, &err), &err);
  must(pgr_triggers_read("shop", &f->triggers, &faults, &err), &err);
  if (faults.count) fail_msg("%s", faults.kept[0].text);
}

static void close_shop(folder *f) {
  pgr_triggers_deinit(&f->triggers);
  pgr_migrations_deinit(&f->migrations);
}

static void a_shop(void **state) {
  (void)state;
  folder f = {0};
  read_shop(&f);
  golden("shop", &f.triggers, &f.migrations, pgr_triggers_find(&f.triggers, "orders_status_transition"));
  close_shop(&f);
}

static void an_empty_folder(void **state) {
  (void)state;
  const pgr_triggers none = {.folder = "schema"};
  const pgr_migrations migrations = {.folder = "schema"};
  golden("empty", &none, &migrations, NULL);
}

/* What would begin a table, a heading, a list, code, a link, an element, or end one. */
static const char evil[] =
    "# `a` | **b** _c_ [d](javascript:e) <img src=x onerror=f>\n\n1. g & ``h`` ~i~ \\ $$ %s \xFF "
    "\xE2\x80\xAE\xF0\x9F\x99\x88 </script>";

static void hostile_texts(void **state) {
  (void)state;
  const pgr_made_trigger made[] = {{.name = evil,
                                    .schema = "Odd \"schema\"",
                                    .table = "t|`t",
                                    .function = "f\n| `g",
                                    .before = true,
                                    .row = true,
                                    .inserts = true,
                                    .updates = true,
                                    .columns = (const char *const[]){"c|`", "d\n"},
                                    .column_count = 2,
                                    .when = "NEW.v = '```\n| <b>\n````'",
                                    .comment = evil},
                                   {.name = "`", .table = "t", .function = "f", .after = true, .truncates = true}};
  pgr_version versions[] = {{.number = 1,
                             .source = {.name = "schema/triggers/`|/v1.sql", .text = ""},
                             .objects = {.triggers = made, .trigger_count = 2}}};
  pgr_trigger trigger = {.name = evil,
                         .declaration = {.name = "schema/triggers/`|/trigger.yaml", .text = ""},
                         .versions = versions,
                         .version_count = 1};
  pgr_err err;
  pgr_arena arena = {0};
  size_t offset = 0;
  trigger.rule = (pgr_rule){.name = evil,
                            .function = evil,
                            .schema = "Odd \"schema\"",
                            .table = "t|`t",
                            .column_count = 1,
                            .sqlstate = "23514",
                            .message = evil,
                            .why = "12. not a list, 3. nor here",
                            .field = evil,
                            .shown = evil,
                            .log = PGR_RULE_LOG_SERVER,
                            .decision = evil};
  must(pgr_rule_parse_allow("'| `x` <b>' -> '\"' -> null, same", &arena, &trigger.rule.columns[0], &offset, &err),
       &err);
  trigger.rule.columns[0].name = "c|`";
  const pgr_triggers triggers = {.folder = "`schema`", .items = &trigger, .count = 1};
  pgr_migration migration = {.number = 2, .digits = 4, .name = "`|"};
  migration.up.parts[0] = versions[0].source;
  migration.up.part_count = 1;
  const pgr_migrations migrations = {.folder = "`schema`", .items = &migration, .count = 1};
  golden("hostile", &triggers, &migrations, &trigger);
  pgr_arena_deinit(&arena);
}

static void memory_may_run_out(void **state) {
  (void)state;
  folder f = {0};
  pgr_err err;
  read_shop(&f);
  unsigned long n = 0;
  for (pgr_code code = PGR_ENOMEM; code; n++) {
    pgr_buf out;
    pgr_buf_init(&out, 0);
    pgr_mem_fail_nth(n + 1);
    code = pgr_schema_doc_json(&f.triggers, &f.migrations, &out, &err);
    pgr_mem_fail_nth(0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
    pgr_buf_deinit(&out);
  }
  assert_true(n > 10);
  n = 0;
  for (bool failed = true; failed; n++) {
    pgr_buf out;
    pgr_buf_init(&out, 0);
    pgr_mem_fail_nth(n + 1);
    pgr_schema_doc_markdown(&f.triggers, &f.migrations, &out);
    pgr_mem_fail_nth(0);
    failed = out.failed;
    pgr_buf_deinit(&out);
  }
  assert_true(n > 10);
  close_shop(&f);
}

int main(int argc, char **argv) {
  if (chdir(argc > 1 ? argv[1] : ".")) return 1;
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_shop), cmocka_unit_test(an_empty_folder),
                                     cmocka_unit_test(hostile_texts), cmocka_unit_test(memory_may_run_out)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
