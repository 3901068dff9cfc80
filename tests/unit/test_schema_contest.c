/* What agents collide on: rules of each kind to the letter; all rules of three values against a search by hand; that
 * what is chosen is something that rows can have and come to. */
#include "pgr_test.h"

#include "schema_contest.h"
#include <string.h>

enum { VALUES = 3, RULES = 1 << (VALUES * (VALUES - 1)), BEGINNINGS = 1 << VALUES };

static const char *const letters[VALUES] = {"a", "b", "c"};

static const pgr_rule_target_column a_text = {.name = "c", .type = "text", .category = 'S', .values = {"a", "b", "c"}};
static const pgr_rule_target_column a_number = {
    .name = "c", .type = "bigint", .category = 'N', .values = {"1", "2", "3"}};

static void declare(pgr_rule *rule, pgr_arena *arena, const char *allow, const char *begin) {
  pgr_err err;
  size_t at;
  *rule = (pgr_rule){.name = "rule", .table = "t", .column_count = 1};
  rule->columns[0].name = "c";
  if (pgr_rule_parse_allow(allow, arena, &rule->columns[0], &at, &err)) fail_msg("%s: %s", allow, err.msg);
  if (begin && pgr_rule_parse_begin(begin, arena, &rule->columns[0], &at, &err)) fail_msg("%s: %s", begin, err.msg);
}

static bool find(const pgr_rule *rule, const pgr_rule_target_column *column, pgr_arena *arena, pgr_contest *out) {
  static pgr_contest_column columns[PGR_RULE_COLUMNS_MAX];
  pgr_rule_target target = {.columns = column, .column_count = 1};
  pgr_contest_columns(rule, &target, arena, columns);
  return pgr_contest_find(rule, columns, out);
}

/* "open > a ! b: two, both ways"; "nothing" */
static void write_contest(const pgr_contest *c, pgr_buf *out) {
  static const char *const kinds[] = {
      [PGR_CONTEST_OWN] = "own", [PGR_CONTEST_SAME] = "same", [PGR_CONTEST_TWO] = "two"};
  for (int i = 0; i < c->before_count; i++) {
    if (i > 0) pgr_buf_adds(out, " ");
    pgr_state_words(c->before[i], out);
  }
  pgr_buf_adds(out, " >");
  for (int i = 0; i < c->step_count; i++) {
    pgr_buf_adds(out, " ");
    pgr_state_words(c->steps[i], out);
  }
  pgr_buf_adds(out, " ! ");
  pgr_state_words(c->stale, out);
  pgr_buf_addf(out, ": %s%s%s", kinds[c->kind], c->both_ways ? ", both ways" : "", c->one_wins ? ", one wins" : "");
}

static void expect(const char *allow, const char *begin, const pgr_rule_target_column *column, const char *wanted) {
  static pgr_rule rule;
  pgr_contest contest;
  pgr_arena arena = {0};
  pgr_buf text;
  pgr_buf_init(&text, 0);
  declare(&rule, &arena, allow, begin);
  if (find(&rule, column, &arena, &contest))
    write_contest(&contest, &text);
  else
    pgr_buf_adds(&text, "nothing");
  if (strcmp(pgr_buf_text(&text), wanted) != 0) fail_msg("%s: %s, expected %s", allow, pgr_buf_text(&text), wanted);
  pgr_buf_deinit(&text);
  pgr_arena_deinit(&arena);
}

static void rules_of_each_kind(void **state) {
  (void)state;
  expect("null->any, any->null, same", NULL, &a_number, "NULL > a value ! another value: own, both ways, one wins");
  expect("open->a, open->b, same", NULL, &a_text, "'open' > 'a' ! 'b': two, both ways");
  expect("open->a, open->b", NULL, &a_text, "'open' > 'a' ! 'b': two, both ways, one wins");
  expect("open->closed", NULL, &a_text, "'open' > 'closed' ! 'closed': same, both ways, one wins");
  expect("open->closed, same", NULL, &a_text, "nothing");
  expect("open->claimed->closed, same", NULL, &a_text, "'open' > 'claimed' 'closed' ! 'claimed': two");
  expect("new->open->a, open->b, same", "new", &a_text, "'new' 'open' > 'a' ! 'b': two, both ways");
}

static void what_rows_cannot_have_is_not_raced(void **state) {
  (void)state;
  static const pgr_rule_target_column strict = {
      .name = "c", .type = "bigint", .category = 'N', .not_null = true, .values = {"1", "2", "3"}};
  static const pgr_rule_target_column unknown = {.name = "c", .type = "box", .category = 'G'};
  static const pgr_rule_target_column other = {.name = "d", .type = "text", .category = 'S', .values = {"a", "b", "c"}};
  expect("null->any, any->null, same", NULL, &strict, "nothing");
  expect("null->any, any->null, same", NULL, &unknown, "nothing");
  expect("open->a, open->b, same", NULL, &other, "nothing");
}

/* Agents' own numbers are none that the rule names. */
static void own_values_are_past_the_named_ones(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_contest contest;
  pgr_arena arena = {0};
  declare(&rule, &arena, "null->any, any->null, same", NULL);
  assert_true(find(&rule, &a_number, &arena, &contest));
  assert_int_equal(contest.number_base, 0);
  declare(&rule, &arena, "5->7, null->any, any->null, same", NULL);
  assert_true(find(&rule, &a_number, &arena, &contest));
  assert_int_equal(contest.kind, PGR_CONTEST_OWN);
  assert_int_equal(contest.number_base, 1000);
  declare(&rule, &arena, "'agent 1'->'b', null->any, any->null, same", NULL);
  assert_true(find(&rule, &a_text, &arena, &contest));
  assert_int_not_equal(contest.kind, PGR_CONTEST_OWN);
  pgr_arena_deinit(&arena);
}

/* Two values that the rule does not name, also where it names what the type's are usually taken from. */
static void others_are_not_named(void **state) {
  (void)state;
  static pgr_rule rule;
  static pgr_contest_column columns[PGR_RULE_COLUMNS_MAX];
  pgr_rule_target target = {.columns = &a_number, .column_count = 1};
  pgr_arena arena = {0};
  declare(&rule, &arena, "1.0->any, 3->any, 4->any", "4");
  pgr_contest_columns(&rule, &target, &arena, columns);
  assert_string_equal(columns[0].others[0], "2");
  assert_string_equal(columns[0].others[1], "5");
  pgr_arena_deinit(&arena);
}

static void a_row_begins_as_the_rule_wants(void **state) {
  (void)state;
  static pgr_rule rule;
  static pgr_contest_column columns[PGR_RULE_COLUMNS_MAX];
  pgr_rule_target target = {.columns = &a_text, .column_count = 1};
  pgr_arena arena = {0};
  pgr_state begin;
  declare(&rule, &arena, "open->closed", "closed");
  pgr_contest_columns(&rule, &target, &arena, columns);
  assert_true(pgr_contest_begin(&rule.columns[0], &columns[0], &begin));
  assert_string_equal(pgr_contest_text(&columns[0], begin), "closed");
  declare(&rule, &arena, "open->closed", NULL);
  assert_true(pgr_contest_begin(&rule.columns[0], &columns[0], &begin));
  assert_null(pgr_contest_text(&columns[0], begin));
  pgr_arena_deinit(&arena);
}

/* ---- all rules of three values ---- */

/* changes: a bit for each change from one value to another; begins: for each value, 0: new rows are not ruled. */
static void declare_by_bits(pgr_rule *rule, int changes, int begins, bool same) {
  *rule = (pgr_rule){.name = "rule", .table = "t", .column_count = 1};
  pgr_rule_column *column = &rule->columns[0];
  column->name = "c";
  column->same = same;
  for (int i = 0, bit = 0; i < VALUES * VALUES; i++) {
    if (i / VALUES == i % VALUES) continue;
    if (changes >> bit++ & 1)
      column->changes[column->change_count++] =
          (pgr_change){{PGR_SIDE_VALUE, letters[i / VALUES]}, {PGR_SIDE_VALUE, letters[i % VALUES]}};
  }
  column->begins_ruled = begins != 0;
  for (int i = 0; i < VALUES; i++)
    if (begins >> i & 1) column->begins[column->begin_count++] = (pgr_side){PGR_SIDE_VALUE, letters[i]};
}

static pgr_state letter(int i) {
  return (pgr_state){.side = {PGR_SIDE_VALUE, letters[i]}};
}

/* Values that rows come to; a value that no change and no beginning names is none of the rule's. */
static void reach(const pgr_rule_column *column, bool reached[VALUES]) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(column, states);
  for (int i = 0; i < VALUES; i++) {
    bool named = false;
    for (int k = 0; k < count; k++)
      named = named || (states[k].side.value && strcmp(states[k].side.value, letters[i]) == 0);
    reached[i] = named && (!column->begins_ruled || pgr_rule_allows_begin(column, letter(i)));
  }
  for (int round = 0; round < VALUES; round++)
    for (int i = 0; i < VALUES * VALUES; i++)
      if (reached[i / VALUES] && pgr_rule_allows(column, letter(i / VALUES), letter(i % VALUES)))
        reached[i % VALUES] = true;
}

/* Two changes from one value that are allowed, the second of them not after the first. */
static bool two_collide(const pgr_rule_column *column) {
  bool reached[VALUES];
  reach(column, reached);
  for (int i = 0; i < VALUES * VALUES * VALUES; i++) {
    int from = i / VALUES / VALUES, first = i / VALUES % VALUES, second = i % VALUES;
    if (!reached[from] || first == from || second == from) continue;
    if (!pgr_rule_allows(column, letter(from), letter(first))) continue;
    if (!pgr_rule_allows(column, letter(from), letter(second))) continue;
    if (!pgr_rule_allows(column, letter(first), letter(second))) return true;
  }
  return false;
}

/* Every single change of it is allowed, and the last one is not. */
static void check_contest(const pgr_rule_column *column, const pgr_contest *c) {
  if (column->begins_ruled) assert_true(pgr_rule_allows_begin(column, c->before[0]));
  for (int i = 1; i < c->before_count; i++)
    assert_true(pgr_rule_allows(column, c->before[i - 1], c->before[i]));
  pgr_state read = c->before[c->before_count - 1], at = read;
  for (int i = 0; i < c->step_count; i++) {
    assert_true(pgr_rule_allows(column, at, c->steps[i]));
    at = c->steps[i];
  }
  assert_true(c->step_count > 0);
  assert_true(pgr_rule_allows(column, read, c->stale));
  assert_false(pgr_rule_allows(column, at, c->stale));
  assert_int_equal(c->both_ways, c->step_count == 1 && !pgr_rule_allows(column, c->stale, at));
}

static void all_rules_of_three_values(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_rule_target_column strict = a_text;
  int raced = 0, longer = 0;
  strict.not_null = true;
  for (int i = 0; i < RULES * BEGINNINGS * 2; i++) {
    pgr_arena arena = {0};
    pgr_contest contest;
    declare_by_bits(&rule, i / BEGINNINGS % RULES, i % BEGINNINGS, i >= RULES * BEGINNINGS);
    bool wanted = two_collide(&rule.columns[0]), found = find(&rule, &strict, &arena, &contest);
    if (wanted && !(found && contest.step_count == 1)) fail_msg("rule %d: two changes collide, and are not found", i);
    if (found && !wanted && contest.step_count == 1) fail_msg("rule %d: two changes are found that do not collide", i);
    if (found) check_contest(&rule.columns[0], &contest);
    raced += found;
    longer += found && contest.step_count > 1;
    pgr_arena_deinit(&arena);
  }
  assert_true(raced > longer && longer > 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(rules_of_each_kind),
      cmocka_unit_test(what_rows_cannot_have_is_not_raced),
      cmocka_unit_test(own_values_are_past_the_named_ones),
      cmocka_unit_test(others_are_not_named),
      cmocka_unit_test(a_row_begins_as_the_rule_wants),
      cmocka_unit_test(all_rules_of_three_values),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
