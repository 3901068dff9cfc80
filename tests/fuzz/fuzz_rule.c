/* Rules: what can be read is written back and read as the same rule, which allows the same; what cannot has a place and
 * a message. What is made of a rule is whole. Input: what is allowed, and behind a line end, if there is one, what rows
 * begin with. */
#include "pgr_rule_text.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool read_rule(const char *allow, const char *begin, pgr_arena *arena, pgr_rule_column *column) {
  pgr_err err = {.msg = ""};
  size_t offset = SIZE_MAX;
  const char *of = allow;
  pgr_code code = pgr_rule_parse_allow(allow, arena, column, &offset, &err);
  if (!code && begin) {
    of = begin;
    code = pgr_rule_parse_begin(begin, arena, column, &offset, &err);
  }
  if (code) assert(err.msg[0] && offset <= strlen(of));
  return !code;
}

static void assert_same(const pgr_rule_column *a, const pgr_rule_column *b) {
  pgr_state states[PGR_STATES_MAX], again[PGR_STATES_MAX];
  int count = pgr_rule_states(a, states);
  assert(count >= 1 && count <= PGR_STATES_MAX && pgr_rule_states(b, again) == count);
  for (int from = 0; from < count; from++) {
    assert(pgr_rule_allows_begin(a, states[from]) == pgr_rule_allows_begin(b, again[from]));
    for (int to = 0; to < count; to++)
      assert(pgr_rule_allows(a, states[from], states[to]) == pgr_rule_allows(b, again[from], again[to]));
  }
}

static void read_back(const pgr_rule_column *column, pgr_arena *arena) {
  static pgr_rule_column again;
  pgr_buf allow, begin;
  pgr_buf_init(&allow, 0);
  pgr_buf_init(&begin, 0);
  pgr_rule_write_allow(column, &allow);
  pgr_rule_write_begin(column, &begin);
  again = (pgr_rule_column){.name = "c"};
  /* What is written back may be longer than what may be read: a chain that another change came between. */
  if (allow.len <= PGR_RULE_TEXT_BYTES_MAX && begin.len <= PGR_RULE_TEXT_BYTES_MAX) {
    assert(read_rule(pgr_buf_text(&allow), column->begins_ruled ? pgr_buf_text(&begin) : NULL, arena, &again));
    assert_same(column, &again);
  }
  pgr_buf_deinit(&allow);
  pgr_buf_deinit(&begin);
}

static void write_all(const pgr_rule *rule) {
  static const char *const key[] = {"id"};
  const pgr_rule_target_column column = {.name = "c", .type = "text", .category = 'S', .values = {"a", "1", "z"}};
  const pgr_rule_target target = {.columns = &column, .column_count = 1, .key = key, .key_count = 1};
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_rule_write_version(rule, 1, &out);
  pgr_rule_write_existing(rule, key, 1, &out);
  pgr_rule_write_transitions(rule, &target, &out, &out);
  pgr_rule_words(rule, &out);
  pgr_rule_write_matrix(&rule->columns[0], &out);
  assert(!out.failed && out.len > 0);
  pgr_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_err err;
  char *text = malloc(size + 1);
  if (!text) return 0;
  memcpy(text, data, size);
  text[size] = '\0';
  char *begin = strchr(text, '\n');
  if (begin) *begin++ = '\0';
  rule = (pgr_rule){.name = "rule",
                    .function = "says_no",
                    .table = "t",
                    .sqlstate = "23514",
                    .message = "No.",
                    .columns = {{.name = "c"}},
                    .column_count = 1};
  if (read_rule(text, begin, &arena, &rule.columns[0])) {
    read_back(&rule.columns[0], &arena);
    if (pgr_rule_check(&rule, &err) == PGR_OK)
      write_all(&rule);
    else
      assert(err.msg[0]);
  }
  pgr_arena_deinit(&arena);
  free(text);
  return 0;
}
