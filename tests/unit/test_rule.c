/* Rules: their grammar with the place of every fault, contradictions, what they allow, and what two writers collide on.
 */
#include "pgr_test.h"

#include "pgr_rule_text.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARROW "\xE2\x86\x92"

typedef struct parsed {
  pgr_arena arena;
  pgr_rule_column column;
  pgr_code code;
  size_t offset;
  pgr_err err;
} parsed;

static void parse(parsed *p, const char *text, bool begin) {
  *p = (parsed){.offset = 4711};
  p->code = (begin ? pgr_rule_parse_begin : pgr_rule_parse_allow)(text, &p->arena, &p->column, &p->offset, &p->err);
}

/* Reads as `canonical`, and that reads as itself. */
static void reads(const char *text, const char *canonical, bool begin) {
  const char *from = text;
  for (int again = 0; again < 2; again++, from = canonical) {
    parsed p;
    pgr_buf out;
    pgr_buf_init(&out, 0);
    parse(&p, from, begin);
    if (p.code) fail_msg("%s: %zu: %s", from, p.offset, p.err.msg);
    (begin ? pgr_rule_write_begin : pgr_rule_write_allow)(&p.column, &out);
    assert_string_equal(pgr_buf_text(&out), canonical);
    pgr_buf_deinit(&out);
    pgr_arena_deinit(&p.arena);
  }
}

static void the_grammar(void **state) {
  (void)state;
  reads("null->any, any->null, same", "null->any, any->null, same", false);
  reads(" NULL -> Any ,any\t->\nnull,SAME ", "null->any, any->null, same", false);
  reads("null" ARROW "any" ARROW "null", "null->any, any->null", false);
  reads("open->claimed->closed, 'on hold'->open", "open->claimed->closed, 'on hold'->open", false);
  reads("a->b, b->c, a->c", "a->b->c, a->c", false);
  reads("any->any", "any->any", false);
  reads("same", "same", false);
  reads("'null'->'ANY', 'same'->x", "'null'->'ANY', 'same'->x", false);
  reads("'it''s'->'','->'->'a,b'", "'it''s'->'', '->'->'a,b'", false);
  reads("1->2.5->-3->+4", "1->2.5->-3->+4", false);
  reads("in-progress->done-ish", "in-progress->done-ish", false);
  reads("'a-'->b", "'a-'->b", false);
  reads("\xC3\xA4->\xF0\x9F\x98\x80", "'\xC3\xA4'->'\xF0\x9F\x98\x80'", false);
  reads("open", "open", true);
  reads("open, NULL,'on hold' , any", "open, null, 'on hold', any", true);
}

static void chains_are_their_links(void **state) {
  (void)state;
  parsed p;
  parse(&p, "a->null->'null'->any", false);
  assert_int_equal(p.code, PGR_OK);
  assert_false(p.column.same);
  assert_int_equal(p.column.change_count, 3);
  assert_string_equal(p.column.changes[0].from.value, "a");
  assert_int_equal(p.column.changes[0].to.kind, PGR_SIDE_NULL);
  assert_null(p.column.changes[0].to.value);
  assert_int_equal(p.column.changes[1].from.kind, PGR_SIDE_NULL);
  assert_int_equal(p.column.changes[1].to.kind, PGR_SIDE_VALUE);
  assert_string_equal(p.column.changes[1].to.value, "null");
  assert_int_equal(p.column.changes[2].to.kind, PGR_SIDE_ANY);
  pgr_arena_deinit(&p.arena);
}

static void faults_have_their_place(void **state) {
  (void)state;
  static const struct {
    const char *text;
    size_t offset;
    const char *says;
  } allow[] = {
      {"", 0, "the rule is empty: write it like null->any, any->null, same"},
      {"  \t", 0, "the rule is empty"},
      {"open", 0, "this leads nowhere: write where to, like open->claimed"},
      {"null->any, open , same", 11, "this leads nowhere"},
      {"a->", 3, "a value is missing behind ->"},
      {"a->, same", 3, "a value is missing behind ->"},
      {"a-> ->b", 4, "a value is missing behind ->"},
      {"->b", 0, "a value is missing before ->"},
      {"a->b, " ARROW "c", 6, "a value is missing before ->"},
      {"a->b,", 5, "something is missing behind the last comma"},
      {"a->b,,c->d", 5, "a value is missing here"},
      {",a->b", 0, "a value is missing here"},
      {"on hold->open", 3, "a comma or -> is missing here; a value of several words stands in single quotes"},
      {"a->b c->d", 5, "a comma or -> is missing here"},
      {"same a->b", 5, "a comma is missing here"},
      {"a->b same", 5, "a comma or -> is missing here"},
      {"a=>b", 1, "write -> between two values, not =>"},
      {"a->=>b", 3, "write -> between two values, not =>"},
      {"a->\"b\"", 3, "values stand in single quotes: write 'on hold'"},
      {"a->b/c", 4, "'/' cannot be part of a plain word"},
      {"(a)->b", 0, "'(' cannot be part of a plain word"},
      {"a->'b", 3, "the quote is not closed"},
      {"a->'b''", 3, "the quote is not closed"},
      {"same->a", 0, "same stands alone, it leads nowhere; a value of this name is 'same'"},
      {"a->same", 3, "same stands alone, nothing leads there; a value of this name is 'same'"},
      {"same, a->b, Same", 12, "same is there already"},
      {"a->b, a -> 'b'", 6, "this change is there already: leave it out"},
      {"a->b->a->b", 6, "this change is there already"},
      {"any->any, any->any", 10, "this change is there already"},
      {"a->a", 3, "keeping a value is no change: write same"},
      {"null->null", 6, "keeping a value is no change"},
      {"a->'x\ny'", 5, "a value is text of one line, in UTF-8"},
      {"a->'x\x7F'", 5, "a value is text of one line, in UTF-8"},
      {"a->x\xC3", 4, "a value is text of one line, in UTF-8"},
      {"a->\xED\xA0\x80", 3, "a value is text of one line, in UTF-8"},
      {"a->\xC0\x80", 3, "a value is text of one line, in UTF-8"},
      {"a->b\x01", 4, "'' cannot be part of a plain word"},
  };
  static const struct {
    const char *text;
    size_t offset;
    const char *says;
  } begin[] = {
      {"", 0, "the rule is empty: write it like open, null"},
      {"open->claimed", 4, "a new row comes from nowhere"},
      {"open, same", 6, "a new row has no value before, so same says nothing"},
      {"open, null, 'open'", 12, "this value is there already"},
      {"open null", 5, "a comma is missing here"},
      {"open,", 5, "something is missing behind the last comma"},
  };
  parsed p;
  for (size_t i = 0; i < sizeof allow / sizeof *allow + sizeof begin / sizeof *begin; i++) {
    bool second = i >= sizeof allow / sizeof *allow;
    size_t k = second ? i - sizeof allow / sizeof *allow : i;
    const char *text = second ? begin[k].text : allow[k].text, *says = second ? begin[k].says : allow[k].says;
    parse(&p, text, second);
    assert_int_equal(p.code, PGR_EUSAGE);
    if (strncmp(p.err.msg, says, strlen(says)) != 0) fail_msg("%s: '%s', not '%s'", text, p.err.msg, says);
    if (p.offset != (second ? begin[k].offset : allow[k].offset)) fail_msg("%s: at %zu", text, p.offset);
    pgr_arena_deinit(&p.arena);
  }
}

static void write_changes(pgr_buf *out, int values) {
  for (int i = 1; i < values; i++)
    pgr_buf_addf(out, "%sv%d->v%d", i > 1 ? "," : "", i, i + 1);
}

static void limits(void **state) {
  (void)state;
  parsed p;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  write_changes(&text, PGR_RULE_VALUES_MAX);
  pgr_buf_adds(&text, ", any->any");
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_OK);
  pgr_state states[PGR_STATES_MAX];
  assert_int_equal(pgr_rule_states(&p.column, states), PGR_STATES_MAX);
  pgr_arena_deinit(&p.arena);
  size_t last = text.len + 8;
  pgr_buf_adds(&text, ", v1->'one more'");
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_ELIMIT);
  assert_int_equal(p.offset, last - 2);
  pgr_arena_deinit(&p.arena);

  pgr_buf_clear(&text);
  for (int i = 0; i <= PGR_RULE_CHANGES_MAX; i++)
    pgr_buf_addf(&text, "%sv%d->v%d", i ? "," : "", i / 9, 10 + i % 9);
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_ELIMIT);
  assert_string_equal(p.err.msg, "too many changes, the most is 64 of a column");
  assert_int_equal(p.column.change_count, PGR_RULE_CHANGES_MAX);
  pgr_arena_deinit(&p.arena);

  pgr_buf_clear(&text);
  for (int i = 0; i < PGR_RULE_VALUE_BYTES_MAX; i++)
    pgr_buf_adds(&text, "v");
  size_t len = text.len;
  pgr_buf_adds(&text, "->b");
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_OK);
  assert_int_equal(strlen(p.column.changes[0].from.value), len);
  pgr_arena_deinit(&p.arena);
  pgr_buf_adds(&text, ", b->c");
  pgr_buf_add(&text, pgr_buf_text(&text), len);
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_ELIMIT);
  pgr_arena_deinit(&p.arena);

  pgr_buf_clear(&text);
  for (int i = 0; i < PGR_RULE_TEXT_BYTES_MAX - 4; i++)
    pgr_buf_adds(&text, " ");
  pgr_buf_adds(&text, "same");
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_OK);
  pgr_arena_deinit(&p.arena);
  pgr_buf_adds(&text, " ");
  parse(&p, pgr_buf_text(&text), false);
  assert_int_equal(p.code, PGR_ELIMIT);
  pgr_arena_deinit(&p.arena);
  pgr_buf_deinit(&text);
}

static void without_memory(void **state) {
  (void)state;
  parsed p;
  pgr_mem_fail_nth(1);
  parse(&p, "same, a->b", false);
  pgr_mem_fail_nth(0);
  assert_int_equal(p.code, PGR_ENOMEM);
  assert_int_equal(p.offset, 6);
  pgr_arena_deinit(&p.arena);
}

/* ---- what a rule allows ---- */

/* Rows and columns as pgr_rule_states has them; "y" and "n". */
static void allows(const char *text, const char *states_expected, const char *const *expected) {
  parsed p;
  pgr_state states[PGR_STATES_MAX];
  pgr_buf words;
  parse(&p, text, false);
  assert_int_equal(p.code, PGR_OK);
  int count = pgr_rule_states(&p.column, states);
  pgr_buf_init(&words, 0);
  for (int i = 0; i < count; i++) {
    if (i) pgr_buf_adds(&words, " ");
    pgr_state_words(states[i], &words);
  }
  assert_string_equal(pgr_buf_text(&words), states_expected);
  for (int from = 0; from < count; from++)
    for (int to = 0; to < count; to++)
      if (pgr_rule_allows(&p.column, states[from], states[to]) != (expected[from][to] == 'y'))
        fail_msg("%s: %d to %d", text, from, to);
  pgr_buf_deinit(&words);
  pgr_arena_deinit(&p.arena);
}

static void transition_tables(void **state) {
  (void)state;
  allows("null->any, any->null, same", "NULL a value another value", (const char *const[]){"yyy", "yyn", "yny"});
  allows("null->any, any->null", "NULL a value another value", (const char *const[]){"nyy", "ynn", "ynn"});
  allows("open->claimed->closed, same", "NULL 'open' 'claimed' 'closed'",
         (const char *const[]){"ynnn", "nyyn", "nnyy", "nnny"});
  allows("any->any", "NULL a value another value", (const char *const[]){"nnn", "nny", "nyn"});
  allows("any->x", "NULL 'x' a value another value", (const char *const[]){"nnnn", "nnnn", "nynn", "nynn"});
  allows("x->any, same", "NULL 'x' a value another value", (const char *const[]){"ynnn", "nyyy", "nnyn", "nnny"});
  allows("same", "NULL", (const char *const[]){"y"});
}

static void beginnings(void **state) {
  (void)state;
  parsed p;
  pgr_state null = {.side = {.kind = PGR_SIDE_NULL}}, other = {.side = {.kind = PGR_SIDE_ANY}, .other = 1},
            open = {.side = {PGR_SIDE_VALUE, "open"}};
  parse(&p, "same", false);
  assert_true(pgr_rule_allows_begin(&p.column, null) && pgr_rule_allows_begin(&p.column, other));
  pgr_arena_deinit(&p.arena);
  parse(&p, "open", true);
  assert_true(p.column.begins_ruled && pgr_rule_allows_begin(&p.column, open));
  assert_false(pgr_rule_allows_begin(&p.column, null) || pgr_rule_allows_begin(&p.column, other));
  pgr_arena_deinit(&p.arena);
  parse(&p, "any", true);
  assert_true(pgr_rule_allows_begin(&p.column, open) && pgr_rule_allows_begin(&p.column, other));
  assert_false(pgr_rule_allows_begin(&p.column, null));
  pgr_arena_deinit(&p.arena);
}

/* ---- rules that are none ---- */

static void add(pgr_rule *rule, pgr_arena *arena, const char *name, const char *allow, const char *begin) {
  pgr_err err;
  size_t at;
  pgr_rule_column *column = &rule->columns[rule->column_count++];
  column->name = name;
  if (pgr_rule_parse_allow(allow, arena, column, &at, &err)) fail_msg("%s: %s", allow, err.msg);
  if (begin && pgr_rule_parse_begin(begin, arena, column, &at, &err)) fail_msg("%s: %s", begin, err.msg);
}

static void sound(pgr_rule *rule) {
  *rule = (pgr_rule){.name = "rule", .function = "says_no", .table = "t", .sqlstate = "23514", .message = "No."};
}

static void refused(const pgr_rule *rule, const char *says) {
  pgr_err err;
  assert_int_equal(pgr_rule_check(rule, &err), PGR_EUSAGE);
  if (strncmp(err.msg, says, strlen(says)) != 0) fail_msg("'%s', not '%s'", err.msg, says);
}

#define LETTERS_56 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define LETTERS_63 LETTERS_56 "aaaaaaa"

static void contradictions(void **state) {
  (void)state;
  static const struct {
    const char *allow, *begin, *says;
  } table[] = {
      {"null->any, any->any, any->null, same", NULL, "column c: everything is allowed, so there is nothing"},
      {"any->null, null->any, any->any, same, x->y", NULL, "column c: everything is allowed"},
      {"open->closed, same", "null, any", "column c: any new row is allowed"},
      {"open->closed, same", "closed", "column c: no row can ever have the value 'open'"},
      {"open->claimed, closed->gone, same", "open", "column c: no row can ever have the value 'closed'"},
      {"any->x", "null", "column c: no row can ever have the value 'x'"},
  };
  static const struct {
    const char *allow, *begin;
  } fine[] = {{"null->any, any->any, any->null", NULL},
              {"null->any, any->any, any->null, same", "null"},
              {"same", NULL},
              {"open->claimed->closed->open, same", "claimed"},
              {"null->any, any->x", "null"},
              {"same", "open"}};
  pgr_arena arena = {0};
  pgr_err err;
  static pgr_rule rule;
  for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
    sound(&rule);
    add(&rule, &arena, "c", table[i].allow, table[i].begin);
    refused(&rule, table[i].says);
  }
  for (size_t i = 0; i < sizeof fine / sizeof *fine; i++) {
    sound(&rule);
    add(&rule, &arena, "c", fine[i].allow, fine[i].begin);
    if (pgr_rule_check(&rule, &err)) fail_msg("%s: %s", fine[i].allow, err.msg);
  }
  add(&rule, &arena, "d", "same", NULL);
  add(&rule, &arena, "c", "same", NULL);
  refused(&rule, "column c is ruled twice");
  sound(&rule);
  rule.columns[0].name = "c";
  rule.column_count = 1;
  refused(&rule, "column c: no change is allowed, not even to what is there");
  rule.column_count = 0; /* by hand */
  rule.message = NULL;
  assert_int_equal(pgr_rule_check(&rule, &err), PGR_OK);
  pgr_arena_deinit(&arena);
}

static void names_that_would_be_cut(void **state) {
  (void)state;
  static pgr_rule rule;
  pgr_arena arena = {0};
  pgr_err err;
  sound(&rule);
  add(&rule, &arena, LETTERS_63, "same", NULL);
  rule.name = rule.function = rule.schema = rule.table = LETTERS_63;
  assert_int_equal(pgr_rule_check(&rule, &err), PGR_OK);
  add(&rule, &arena, "b", "any->null, any->any, null->any, same", "x"); /* of new rows: NAME_insert */
  refused(&rule, "a trigger's name has 70 bytes and PostgreSQL would cut it at 63");
  rule.name = LETTERS_56 "a";
  refused(&rule, "a trigger's name has 64 bytes");
  rule.name = LETTERS_56;
  assert_int_equal(pgr_rule_check(&rule, &err), PGR_OK);
  add(&rule, &arena, "another", "x->y", NULL); /* NAME_set_another */
  refused(&rule, "a trigger's name has 68 bytes");
  rule.column_count = 2;
  add(&rule, &arena, "other", "same", NULL); /* NAME_set_other */
  refused(&rule, "a trigger's name has 66 bytes");
  rule.column_count = 2;
  add(&rule, &arena, "further", "any->null, any->any, null->any, same", "x"); /* NAME_insert_further */
  refused(&rule, "a trigger's name has 71 bytes");
  rule.column_count = 1;
  rule.table = LETTERS_63 "a";
  refused(&rule, "the table's name has 64 bytes");
  rule.table = "t";
  rule.function = LETTERS_63 "a";
  refused(&rule, "the function's name has 64 bytes");
  rule.function = "f";
  rule.schema = LETTERS_63 "a";
  refused(&rule, "the schema's name has 64 bytes");
  rule.schema = NULL;
  rule.columns[0].name = LETTERS_63 "a";
  refused(&rule, "a column's name has 64 bytes");
  rule.columns[0].name = "c\nd";
  refused(&rule, "a column's name has a control character or several lines");
  rule.columns[0].name = "";
  refused(&rule, "a column's name is missing");
  rule.columns[0].name = "c";
  rule.name = LETTERS_63 "\xC3\xA4";
  refused(&rule, "the rule's name has 65 bytes");
  pgr_arena_deinit(&arena);
}

static void texts_and_states(void **state) {
  (void)state;
  static pgr_rule rule;
  static const char *const outside[] = {"", "2351", "P0001", "23 14", "23abc", "40001"};
  pgr_arena arena = {0};
  pgr_err err;
  sound(&rule);
  add(&rule, &arena, "c", "same", NULL);
  for (size_t i = 0; i < sizeof outside / sizeof *outside; i++) {
    snprintf(rule.sqlstate, sizeof rule.sqlstate, "%s", outside[i]);
    refused(&rule, "sqlstate '");
  }
  snprintf(rule.sqlstate, sizeof rule.sqlstate, "23P01");
  assert_int_equal(pgr_rule_check(&rule, &err), PGR_OK);
  rule.message = "two\nlines";
  refused(&rule, "message must be one line");
  rule.message = "";
  refused(&rule, "message is missing");
  rule.message = "No.";
  rule.why = "a\rb";
  refused(&rule, "why must be one line");
  rule.why = NULL;
  rule.shown = "a\nb";
  refused(&rule, "shown: message must be one line");
  rule.shown = NULL;
  rule.field = "a\nb";
  refused(&rule, "shown: field must be one line");
  rule.field = NULL;
  rule.decision = "a\nb";
  refused(&rule, "decision must be one line");
  rule.decision = NULL;
  rule.existing = "SELECT 1\nFROM t";
  assert_int_equal(pgr_rule_check(&rule, &err), PGR_OK);
  rule.history.key = "id";
  refused(&rule, "history needs all three");
  rule.history.table = "app.past";
  refused(&rule, "history needs all three");
  rule.history.order = "at";
  assert_int_equal(pgr_rule_check(&rule, &err), PGR_OK);
  rule.history.table = "a.b.c";
  refused(&rule, "history: 'a.b.c' is no table's name");
  rule.history.table = "past";
  rule.history.key = LETTERS_63 "a";
  refused(&rule, "history: the key's name has 64 bytes");
  pgr_arena_deinit(&arena);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(the_grammar),
                                     cmocka_unit_test(chains_are_their_links),
                                     cmocka_unit_test(faults_have_their_place),
                                     cmocka_unit_test(limits),
                                     cmocka_unit_test(without_memory),
                                     cmocka_unit_test(transition_tables),
                                     cmocka_unit_test(beginnings),
                                     cmocka_unit_test(contradictions),
                                     cmocka_unit_test(names_that_would_be_cut),
                                     cmocka_unit_test(texts_and_states)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
