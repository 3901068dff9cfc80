/* A trigger.yaml, whatever its bytes: it is a rule, or there are faults that say why; and what is a rule is written
 * again as one that reads the same. */
#include "pgr_rule_text.h"
#include "pgr_triggers.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look_into(const pgr_rule *rule) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  assert(*rule->name && *rule->function && *rule->table && strlen(rule->sqlstate) == 5 && rule->message);
  assert(rule->column_count >= 0 && rule->column_count <= PGR_RULE_COLUMNS_MAX);
  for (int i = 0; i < rule->column_count; i++)
    assert(*rule->columns[i].name && (rule->columns[i].change_count > 0 || rule->columns[i].same));
  assert((rule->history.table != NULL) == (rule->history.key != NULL && rule->history.order != NULL));
  if (rule->column_count) {
    pgr_rule_words(rule, &out);
    pgr_rule_write_version(rule, 1, &out);
  }
  assert(!out.failed);
  pgr_buf_deinit(&out);
}

/* What is written of a rule, and of what that reads as. */
static void write_again(const pgr_rule *rule, pgr_arena *arena, pgr_faults *faults) {
  pgr_buf once, twice;
  pgr_buf_init(&once, 0);
  pgr_buf_init(&twice, 0);
  pgr_trigger_declaration_write(rule, &once);
  const pgr_source source = {"again.yaml", pgr_buf_text(&once), once.len};
  const pgr_rule *read = pgr_trigger_declaration_read(&source, rule->name, arena, faults);
  assert(!once.failed && read);
  pgr_trigger_declaration_write(read, &twice);
  assert(strcmp(pgr_buf_text(&once), pgr_buf_text(&twice)) == 0);
  pgr_buf_deinit(&once);
  pgr_buf_deinit(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_buf text;
  char *copy = pgr_arena_alloc(&arena, size + 1);
  if (copy && size) memcpy(copy, data, size);
  if (copy) { /* up to the first NUL: what lies behind one is no text */
    const pgr_source source = {"mine/trigger.yaml", copy, strlen(copy)};
    const pgr_rule *rule = pgr_trigger_declaration_read(&source, "mine", &arena, &faults);
    assert((rule == NULL) == (faults.count > 0));
    if (rule) look_into(rule);
    if (rule) write_again(rule, &arena, &faults);
  }
  pgr_buf_init(&text, 0);
  pgr_faults_print(&faults, &text);
  assert(!text.failed);
  pgr_buf_deinit(&text);
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
  return 0;
}
