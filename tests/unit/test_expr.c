/* The expression language: precedence and its traps, types and NULL, errors and where they are pointed at, limits.
 * tests/live/test_expr_pgbench.c compares with a real pgbench; what is here holds without one. */
#include "pgr_test.h"

#include "pgr_expr.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct kit {
  pgr_arena arena;
  pgr_names names;
  pgr_vars vars;
  pgr_prng random;
  pgr_faults faults;
  char debugged[256];
} kit;

static void kit_init(kit *k) {
  *k = (kit){0};
  assert_int_equal(pgr_names_init(&k->names, &k->arena), PGR_OK);
  assert_int_equal(pgr_vars_init(&k->vars, PGR_NAMES_MAX), PGR_OK);
  pgr_prng_seed(&k->random, 42);
  pgr_vars_set_int(&k->vars, PGR_SLOT_DEFAULT_SEED, 5432);
}

static void kit_deinit(kit *k) {
  pgr_faults_deinit(&k->faults);
  pgr_vars_deinit(&k->vars);
  pgr_names_deinit(&k->names);
  pgr_arena_deinit(&k->arena);
}

static int slot(kit *k, const char *name) {
  int s = pgr_names_intern(&k->names, name, strlen(name));
  assert_true(s >= 0);
  return s;
}

static void set_text(kit *k, const char *name, const char *text) {
  assert_int_equal(pgr_vars_set_text(&k->vars, slot(k, name), text), PGR_OK);
}

static void keep_debug(void *user, const char *text) {
  kit *k = user;
  size_t used = strlen(k->debugged);
  snprintf(k->debugged + used, sizeof k->debugged - used, "%s%s", used ? "; " : "", text);
}

static const char *typed(pgr_value v, char out[64]) {
  static const char *const types[] = {"", "boolean ", "int ", "double "};
  char text[PGR_VALUE_BYTES];
  snprintf(out, 64, "%s%s", types[v.type], pgr_value_text(v, text));
  return out;
}

static bool parse(kit *k, const char *text, const pgr_expr **out) {
  pgr_source source = {.name = "x.sql", .text = text, .len_bytes = strlen(text)};
  return pgr_expr_parse(&source, 0, source.len_bytes, &k->names, &k->arena, &k->faults, out);
}

/* "int 3", "error: …" or "fault: …" */
static void outcome(kit *k, const char *text, char out[800]) {
  const pgr_expr *e = NULL;
  pgr_value v = {0};
  pgr_err err = {0};
  char value[64];
  size_t before = k->faults.count;
  bool parsed = parse(k, text, &e);
  assert_int_equal(k->faults.count, before + !parsed);
  if (!parsed) {
    snprintf(out, 800, "fault: %s", k->faults.kept[before].text);
    return;
  }
  pgr_scope scope = {&k->names, &k->vars, &k->random, keep_debug, k};
  if (pgr_expr_eval(e, &scope, &v, &err))
    snprintf(out, 800, "error: %s", err.msg);
  else
    snprintf(out, 800, "%s", typed(v, value));
}

typedef struct row {
  const char *text, *outcome;
} row;

static void check(kit *k, const row *rows, size_t count) {
  char got[800];
  for (size_t i = 0; i < count; i++) {
    outcome(k, rows[i].text, got);
    if (strcmp(got, rows[i].outcome) != 0) fail_msg("%s: %s, not %s", rows[i].text, got, rows[i].outcome);
  }
}

#define CHECK(k, rows) check(k, rows, sizeof(rows) / sizeof *(rows))

static void precedence(void **state) {
  (void)state;
  static const row rows[] = {
      {"1 + 2 * 3", "int 7"},
      {"2 * 3 + 1", "int 7"},
      {"(1 + 2) * 3", "int 9"},
      {"10 - 2 - 3", "int 5"},
      {"100 / 10 / 5", "int 2"},
      {"17 % 10 * 2", "int 14"},
      {"- 2 * 3", "int -6"},
      {"-2 - -3", "int 1"},
      {"+ - + 4", "int -4"},
      {"~1 + 1", "int -3"},
      {"~1 | 4", "int -2"},
      {"2 * ~1 + 1", "int -6"},
      {"- ~1 + 1", "int 3"},
      {"~ ~ 7", "int 7"},
      {"1 | 2 # 3 & 6 << 1 >> 1", "int 0"},
      {"1 << 2 + 1", "int 8"},
      {"1 + 1 << 2", "int 8"},
      {"1 = 2 is null", "boolean false"},
      {"not 1 = 2", "boolean true"},
      {"not 1 is null", "boolean true"},
      {"not null is null", "boolean false"},
      {"not true and false", "boolean false"},
      {"not false or true", "boolean true"},
      {"true or false and false", "boolean true"},
      {"1 + 1 is null", "boolean false"},
      {"1 < 2 and 2 < 3", "boolean true"},
      {"1 < 2 is true = false", "error: cannot coerce boolean to int"},
      {"1 < 2 is null and 1 = 1", "boolean false"},
      {"1 is null is null", "boolean false"},
      {"1 isnull notnull", "boolean true"},
      {"1 < 2 is null is null", "boolean false"},
      {"null is not null is not true", "boolean true"},
      {"case when 1 then 2 else 3 end + 1", "int 3"},
      {"1 + case when 0 then 2 end", "NULL"},
  };
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  kit_deinit(&k);
}

/* not and ~ right of a tight operator take all that binds tighter than themselves. */
static void loose_prefix_operators(void **state) {
  (void)state;
  static const row rows[] = {
      {"1 + not 2", "error: cannot coerce int to boolean"},
      {"1 < not 2 < 3", "error: cannot coerce boolean to int"},
      {"true and not 1 < 2", "boolean false"},
      {"true = not false and true", "error: cannot coerce boolean to int"},
      {"8 / ~ 2 + 1", "int -2"},
      {"8 / ~ 2 | 1", "int -1"},
      {"- not 1 = 1", "error: cannot coerce boolean to int"},
  };
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  kit_deinit(&k);
}

static void numbers(void **state) {
  (void)state;
  static const row rows[] = {
      {"9223372036854775807", "int 9223372036854775807"},
      {"-9223372036854775808", "int -9223372036854775808"},
      {"- 9223372036854775808", "int -9223372036854775808"},
      {"-(-9223372036854775808)", "error: bigint sub out of range"},
      {"- -9223372036854775808", "error: bigint sub out of range"},
      {"000000000000000000000000007", "int 7"},
      {"1.", "double 1"},
      {".5", "double 0.5"},
      {"1e3", "double 1000"},
      {"1.e-3", "double 0.001"},
      {".25E+2", "double 25"},
      {"1.7976931348623157e308", "double 1.79769313486232e+308"},
      {"1e999", "fault: x.sql:1:1: double constant overflow (1e999)"},
      {"1e-999", "fault: x.sql:1:1: double constant overflow (1e-999)"},
      {"9223372036854775808", "fault: x.sql:1:1: expected a value, found '9223372036854775808'"},
      {"5 -9223372036854775808", "fault: x.sql:1:4: expected a value, found '9223372036854775808'"},
      {"-9223372036854775809", "fault: x.sql:1:2: bigint constant overflow (9223372036854775809)"},
      {"-09223372036854775808", "fault: x.sql:1:2: bigint constant overflow (09223372036854775808)"},
      {"1e", "fault: x.sql:1:2: expected an operator or the end of the line, found 'e'"},
      {"0x10", "fault: x.sql:1:2: expected an operator or the end of the line, found 'x10'"},
      {"1..5", "fault: x.sql:1:3: expected an operator or the end of the line, found '.5'"},
      {".", "fault: x.sql:1:1: unexpected character '.'"},
  };
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  kit_deinit(&k);
}

static void arithmetic(void **state) {
  (void)state;
  static const row rows[] = {
      {"9223372036854775807 + 1", "error: bigint add out of range"},
      {"-9223372036854775808 - 1", "error: bigint sub out of range"},
      {"9223372036854775807 * 2", "error: bigint mul out of range"},
      {"-9223372036854775808 / -1", "error: bigint div out of range"},
      {"-9223372036854775808 % -1", "int 0"},
      {"7 / -1", "int -7"},
      {"abs(-9223372036854775808)", "int -9223372036854775808"},
      {"7 / 2", "int 3"},
      {"-7 / 2", "int -3"},
      {"-7 % 3", "int -1"},
      {"7 % -3", "int 1"},
      {"1 / 0", "error: division by zero"},
      {"1 % 0", "error: division by zero"},
      {"1.0 / 0", "double Infinity"},
      {"-1.0 / 0", "double -Infinity"},
      {"0.0 / 0", "double NaN"},
      {"7 / 2.0", "double 3.5"},
      {"7 % 2.6", "int 1"},
      {"mod(7, 2.6)", "int 1"},
      {"5 & 6.5", "int 4"},
      {"5 & 7.5", "int 0"},
      {"1 << 64", "int 1"},
      {"1 << -1", "int -9223372036854775808"},
      {"-8 >> 1", "int -4"},
      {"1 = 1.0", "boolean true"},
      {"2 > 2", "boolean false"},
      {"2 >= 2", "boolean true"},
      {"2 < 2", "boolean false"},
      {"2 <= 2.0", "boolean true"},
      {"3 <> 2", "boolean true"},
      {"3 != 3.5", "boolean true"},
      {"true = false", "error: cannot coerce boolean to int"},
      {"true + 1.0", "error: cannot coerce boolean to double"},
      {"1e30 | 1", "error: double to int overflow for 1000000000000000019884624838656.000000"},
      {"int(0.0 / 0)", "error: double to int overflow for NaN"},
      {"int(1.0 / 0)", "error: double to int overflow for Infinity"},
      {"int(2.5)", "int 2"},
      {"int(3.5)", "int 4"},
      {"int(-2.5)", "int -2"},
      {"-0.0", "double 0"},
  };
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  kit_deinit(&k);
}

static void nulls_and_booleans(void **state) {
  (void)state;
  static const row rows[] = {
      {"null + 1", "NULL"},
      {"null + true", "NULL"},
      {"null = null", "NULL"},
      {"not null", "NULL"},
      {"null and false", "NULL"},
      {"null or true", "NULL"},
      {"false and null", "boolean false"},
      {"true or null", "boolean true"},
      {"true and null", "NULL"},
      {"false or null", "NULL"},
      {"null and 1 / 0", "NULL"},
      {"false and 1 / 0 = 1", "boolean false"},
      {"true or 5", "boolean true"},
      {"true and 5", "error: cannot coerce int to boolean"},
      {"5 or 0", "error: cannot coerce int to boolean"},
      {"not 1.5", "error: cannot coerce double to boolean"},
      {"0 is false", "boolean false"},
      {"1.0 is true", "boolean false"},
      {"false is false", "boolean true"},
      {"null is false", "boolean false"},
      {"null is not true", "boolean true"},
      {"case when null then 1 when 0.0 then 2 when 1e-300 then 3 else 1 / 0 end", "int 3"},
      {"case when true then 1 when 1 / 0 then 2 end", "int 1"},
      {"case when false then 1 end", "NULL"},
      {"abs(null)", "NULL"},
      {"random(null, 1)", "NULL"},
      {"least(1, null)", "NULL"},
      {"abs(true)", "error: cannot coerce boolean to double"},
  };
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  kit_deinit(&k);
}

static void functions(void **state) {
  (void)state;
  static const row rows[] = {
      {"ABS(-3)", "int 3"},
      {"abs(-3.5)", "double 3.5"},
      {"abs(,-3)", "int 3"},
      {"double(3)", "double 3"},
      {"sqrt(16)", "double 4"},
      {"sqrt(-1)", "double NaN"},
      {"ln(0)", "double -Infinity"},
      {"exp(0)", "double 1"},
      {"pow(2, 10)", "double 1024"},
      {"Power(2, 0.5)", "double 1.4142135623731"},
      {"pi()", "double 3.14159265358979"},
      {"least(3, 1, 2)", "int 1"},
      {"greatest(3, 1.5, 2)", "double 3"},
      {"least(0.0 / 0, 1)", "double 1"},
      {"greatest(1, 0.0 / 0)", "double NaN"},
      {"least(1, true)", "error: cannot coerce boolean to int"},
      {"least(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16)", "int 1"},
      {"least(1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17)", "error: too many function arguments, maximum is 16"},
      {"hash(10, 5432)", "int -5817877081768721676"},
      {"hash_murmur2(10) = hash(10, :default_seed)", "boolean true"},
      {"hash_fnv1a(10, 5432)", "int -7793829335365542153"},
      {"permute(0, 1)", "int 0"},
      {"permute(5, 0)", "error: permute size parameter must be greater than zero"},
      {"random(5, 5)", "int 5"},
      {"random(2, 1)", "error: empty range given to random"},
      {"random(-9223372036854775808, 9223372036854775807)", "error: random range is too large"},
      {"random(0, 9223372036854775807)", "error: random range is too large"},
      {"random_gaussian(1, 10, 1.9)", "error: gaussian parameter must be at least 2.000000 (not 1.900000)"},
      {"random_gaussian(1, 10, 0.0 / 0)", "error: gaussian parameter must be at least 2.000000 (not NaN)"},
      {"random_zipfian(1, 10, 1)", "error: zipfian parameter must be in range [1.001, 1000] (not 1.000000)"},
      {"random_zipfian(1, 10, 0.0 / 0)", "error: zipfian parameter must be in range [1.001, 1000] (not NaN)"},
      {"random_exponential(1, 10, 0)", "error: exponential parameter must be greater than zero (not 0.000000)"},
      {"random_exponential(7, 7, 1e-300)", "int 7"},
  };
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  kit_deinit(&k);
}

static void faults_point_at_the_place(void **state) {
  (void)state;
  static const row rows[] = {
      {"", "fault: x.sql:1:1: expected a value, the expression ends"},
      {"1 +  ", "fault: x.sql:1:4: expected a value, the expression ends"},
      {"1 + \\\n  ) 2", "fault: x.sql:2:3: expected a value, found ')'"},
      {"(1", "fault: x.sql:1:3: expected an operator or ')', the expression ends"},
      {"1 2", "fault: x.sql:1:3: expected an operator or the end of the line, found '2'"},
      {"1 < 2 < 3", "fault: x.sql:1:7: comparisons do not chain"},
      {"1 = 2 <> 3", "fault: x.sql:1:7: comparisons do not chain"},
      {"1 is 2", "fault: x.sql:1:6: expected NULL, TRUE, FALSE or NOT, found '2'"},
      {"1 is not not null", "fault: x.sql:1:10: expected NULL, TRUE or FALSE, found 'not'"},
      {"foo(1)", "fault: x.sql:1:1: unknown function 'foo'"},
      {"abs", "fault: x.sql:1:4: expected '(' after the function's name, the expression ends"},
      {"abs()", "fault: x.sql:1:1: abs() takes 1 argument, not 0"},
      {"1 + pi(2)", "fault: x.sql:1:5: pi() takes 0 arguments, not 1"},
      {"least()", "fault: x.sql:1:1: least() takes at least 1 argument, not 0"},
      {"hash(1, 2, 3)", "fault: x.sql:1:1: hash() takes 1 or 2 arguments, not 3"},
      {"abs(1,)", "fault: x.sql:1:7: expected a value, found ')'"},
      {"abs(,)", "fault: x.sql:1:6: expected a value, found ')'"},
      {"case 1 when 2 then 3 end",
       "fault: x.sql:1:6: expected WHEN (CASE has a condition after each WHEN, and no value), found '1'"},
      {"case when 1 then 2 else 3", "fault: x.sql:1:26: expected an operator or END, the expression ends"},
      {"case when 1 then 2", "fault: x.sql:1:19: expected an operator, WHEN, ELSE or END, the expression ends"},
      {"case when 1 end", "fault: x.sql:1:13: expected an operator or THEN, found 'end'"},
      {"'text'", "fault: x.sql:1:1: unexpected character '\\''"},
      {"1;", "fault: x.sql:1:2: unexpected character ';'"},
      {"::x", "fault: x.sql:1:1: unexpected character ':'"},
      {"1 \\ 2", "fault: x.sql:1:3: unexpected character '\\'"},
      {"1 + \x01", "fault: x.sql:1:5: unexpected byte 0x01"},
      {"abs(1, 2) $", "fault: x.sql:1:11: unexpected character '$'"},
  };
  kit k;
  kit_init(&k);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    row r = rows[i];
    if (strstr(r.outcome, "'\\''")) r.outcome = "fault: x.sql:1:1: unexpected character '''";
    check(&k, &r, 1);
  }
  kit_deinit(&k);
}

static void hints(void **state) {
  (void)state;
  static const row rows[] = {
      {"rnadom(1, 2)", "did you mean 'random'?"},
      {"HASH_MURMUR(1)", "did you mean 'hash_murmur2'?"},
      {"counter + 1", "did you mean ':counter', the variable?"},
      {"1 == 2", "write a single '='"},
      {"true && false", "write AND"},
      {"true || false", "write OR"},
      {"!true", "write NOT, or <> for unequal"},
      {"1 < 2 < 3", "write (a < b) and (b < c)"},
      {"9223372036854775808", "only -9223372036854775808 fits into a bigint"},
  };
  kit k;
  kit_init(&k);
  for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
    const pgr_expr *e;
    assert_false(parse(&k, rows[i].text, &e));
    const char *hint = k.faults.kept[i].hint;
    if (!hint || strcmp(hint, rows[i].outcome) != 0) fail_msg("%s: %s", rows[i].text, hint ? hint : "no hint");
  }
  kit_deinit(&k);
}

/* The middle of a file: only begin … end is read, and places count from the file's start. */
static void within_a_file(void **state) {
  (void)state;
  kit k;
  kit_init(&k);
  const char *text = "begin;\n\\set x 1 + \\\r\n  2 \r\n3";
  pgr_source source = {.name = "f.sql", .text = text, .len_bytes = strlen(text)};
  const pgr_expr *e = NULL;
  pgr_value v = {0};
  pgr_err err;
  pgr_scope scope = {&k.names, &k.vars, &k.random, NULL, NULL};
  assert_true(pgr_expr_parse(&source, 14, source.len_bytes, &k.names, &k.arena, &k.faults, &e));
  assert_int_equal(pgr_expr_eval(e, &scope, &v, &err), PGR_OK);
  assert_int_equal(v.as.i, 3);
  assert_true(pgr_expr_parse(&source, 14, 15, &k.names, &k.arena, &k.faults, &e));
  assert_int_equal(pgr_expr_eval(e, &scope, &v, &err), PGR_OK);
  assert_int_equal(v.as.i, 1);
  assert_false(pgr_expr_parse(&source, 14, 18, &k.names, &k.arena, &k.faults, &e));
  assert_string_equal(k.faults.kept[0].text, "f.sql:2:11: expected a value, the expression ends");
  assert_false(pgr_expr_parse(&source, 9, source.len_bytes, &k.names, &k.arena, &k.faults, &e));
  assert_string_equal(k.faults.kept[1].text, "f.sql:2:3: unknown function 'et'");
  kit_deinit(&k);
}

static void variables(void **state) {
  (void)state;
  static const row rows[] = {
      {":n + 1", "int 8"},
      {":9lives", "double 9.5"},
      {":N", "error: undefined variable \"N\""},
      {":t and true", "boolean true"},
      {":text + 1", "error: malformed variable \"text\" value: \"hello\""},
      {":empty is null", "error: malformed variable \"empty\" value: \"\" (an SQL NULL becomes an empty text, which is "
                         "no value in an expression)"},
      {"false and :nobody", "boolean false"},
      {"case when :n = 7 then :hex end", "double 16"},
      {": n", "fault: x.sql:1:1: unexpected character ':'"},
  };
  kit k;
  kit_init(&k);
  set_text(&k, "n", " +7");
  set_text(&k, "9lives", "9.5");
  set_text(&k, "t", "Ye");
  set_text(&k, "text", "hello");
  set_text(&k, "empty", "");
  set_text(&k, "hex", "0x10");
  CHECK(&k, rows);
  kit_deinit(&k);
}

/* `a > b` is `b < a`: b is evaluated first. */
static void order_of_evaluation(void **state) {
  (void)state;
  static const row rows[] = {{"debug(1) < debug(2)", "boolean true"},
                             {"debug(3) > debug(4.0)", "boolean false"},
                             {"debug(5) + debug(null) >= debug(true)", "NULL"},
                             {"1 / 0 > true + 1", "error: cannot coerce boolean to int"}};
  kit k;
  kit_init(&k);
  CHECK(&k, rows);
  assert_string_equal(k.debugged, "int 1; int 2; double 4; int 3; boolean true; int 5; null");
  kit_deinit(&k);
}

static char *repeat(kit *k, const char *head, const char *piece, int times, const char *tail) {
  size_t len = strlen(head) + strlen(piece) * (size_t)times + strlen(tail) + 1;
  char *s = pgr_arena_alloc(&k->arena, len), *p = s;
  assert_non_null(s);
  p += snprintf(p, len, "%s", head);
  for (int i = 0; i < times; i++)
    p += snprintf(p, len - (size_t)(p - s), "%s", piece);
  snprintf(p, len - (size_t)(p - s), "%s", tail);
  return s;
}

static void limits(void **state) {
  (void)state;
  kit k;
  kit_init(&k);
  char got[800];
  outcome(&k, repeat(&k, "1", " + 1", 4000, ""), got);
  assert_string_equal(got, "int 4001");
  outcome(&k, repeat(&k, "1", " + 1", 6000, ""), got);
  assert_non_null(strstr(got, "more than 10000 operands and operators"));
  outcome(&k, repeat(&k, "", "(", 200, repeat(&k, "1", ")", 200, "")), got);
  assert_string_equal(got, "int 1");
  outcome(&k, repeat(&k, "", "(", 201, "1"), got);
  assert_non_null(strstr(got, "nested more than 200 deep"));
  outcome(&k, repeat(&k, "", "(", 100000, ""), got);
  assert_non_null(strstr(got, "nested more than 200 deep"));
  outcome(&k, repeat(&k, "", "-", 100000, "1"), got);
  assert_non_null(strstr(got, "nested more than 200 deep"));
  outcome(&k, repeat(&k, "", "not ", 200, "true"), got);
  assert_string_equal(got, "boolean true");
  outcome(&k, repeat(&k, "null", " > null is null", 150, ""), got);
  assert_string_equal(got, "boolean true");
  outcome(&k, repeat(&k, "null", " > null is null", 300, ""), got);
  assert_non_null(strstr(got, "nested more than 200 deep"));
  outcome(&k, repeat(&k, "", "1 + (1 * (", 100, "1"), got);
  assert_non_null(strstr(got, "expected an operator or ')'"));
  outcome(&k, repeat(&k, "case", " when 0 then 1", 3000, " else 2 end"), got);
  assert_string_equal(got, "int 2");
  outcome(&k, repeat(&k, ":", "v", PGR_NAME_BYTES_MAX, ""), got);
  assert_non_null(strstr(got, "error: undefined variable"));
  outcome(&k, repeat(&k, ":", "v", PGR_NAME_BYTES_MAX + 1, ""), got);
  assert_non_null(strstr(got, "the variable's name is longer than 256 bytes"));
  for (int i = (int)k.names.count; i < PGR_NAMES_MAX; i++) {
    char name[16];
    snprintf(name, sizeof name, "n%d", i);
    assert_int_equal(slot(&k, name), i);
  }
  outcome(&k, ":n1000 is null or :one_more", got);
  assert_string_equal(got, "fault: x.sql:1:19: there are more than 1024 variables");
  kit_deinit(&k);
}

static void without_memory(void **state) {
  (void)state;
  for (unsigned long nth = 1; nth < 20; nth++) {
    kit k;
    kit_init(&k);
    /* Long names, so that arena blocks fill up. */
    char *text =
        repeat(&k, "", ":aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa + 1.5 * case when :bbbbbbb then 1 end + ", 200, "2");
    const pgr_expr *e = NULL;
    pgr_mem_fail_nth(nth);
    bool parsed = parse(&k, text, &e);
    pgr_mem_fail_nth(0);
    assert_int_equal(k.faults.count, !parsed);
    kit_deinit(&k);
  }
}

static void truth(void **state) {
  (void)state;
  assert_false(pgr_value_is_true((pgr_value){.type = PGR_TYPE_NULL}));
  assert_true(pgr_value_is_true((pgr_value){.type = PGR_TYPE_BOOL, .as.b = true}));
  assert_false(pgr_value_is_true((pgr_value){.type = PGR_TYPE_INT, .as.i = 0}));
  assert_true(pgr_value_is_true((pgr_value){.type = PGR_TYPE_INT, .as.i = -1}));
  assert_false(pgr_value_is_true((pgr_value){.type = PGR_TYPE_DOUBLE, .as.d = -0.0}));
  assert_true(pgr_value_is_true((pgr_value){.type = PGR_TYPE_DOUBLE, .as.d = (double)NAN}));
}

/* permute() is a bijection, and another one for another seed. */
static void permutations(void **state) {
  (void)state;
  static const int sizes[] = {1, 2, 3, 7, 8, 100, 255};
  kit k;
  kit_init(&k);
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    bool seen[256] = {false};
    for (int i = 0; i < sizes[s]; i++) {
      char text[64], got[800];
      int n;
      snprintf(text, sizeof text, "permute(%d, %d)", i, sizes[s]);
      outcome(&k, text, got);
      assert_int_equal(sscanf(got, "int %d", &n), 1);
      assert_true(n >= 0 && n < sizes[s] && !seen[n]);
      seen[n] = true;
    }
  }
  kit_deinit(&k);
}

/* What pgbench 15 draws with --random-seed=42, one after the other. */
static void draws(void **state) {
  (void)state;
  static const row rows[] = {{"random(1, 1000000)", "int 668251"},
                             {"random_gaussian(1, 1000000, 2.5)", "int 776020"},
                             {"random_exponential(1, 1000000, 3)", "int 19100"},
                             {"random_zipfian(1, 1000000, 1.5)", "int 12"},
                             {"random(-5, 5)", "int -5"},
                             {"permute(random(0, 99), 100)", "int 27"},
                             {"hash(1)", "int 8161110279748835556"}};
  kit k;
  kit_init(&k);
  pgr_prng base;
  pgr_prng_seed(&base, 42);
  pgr_prng_seed(&k.random, pgr_prng_next(&base));
  pgr_vars_set_int(&k.vars, PGR_SLOT_DEFAULT_SEED, (int64_t)pgr_prng_next(&base));
  CHECK(&k, rows);
  kit_deinit(&k);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(precedence),
                                     cmocka_unit_test(loose_prefix_operators),
                                     cmocka_unit_test(numbers),
                                     cmocka_unit_test(arithmetic),
                                     cmocka_unit_test(nulls_and_booleans),
                                     cmocka_unit_test(functions),
                                     cmocka_unit_test(variables),
                                     cmocka_unit_test(faults_point_at_the_place),
                                     cmocka_unit_test(hints),
                                     cmocka_unit_test(within_a_file),
                                     cmocka_unit_test(order_of_evaluation),
                                     cmocka_unit_test(limits),
                                     cmocka_unit_test(without_memory),
                                     cmocka_unit_test(truth),
                                     cmocka_unit_test(permutations),

                                     cmocka_unit_test(draws)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
