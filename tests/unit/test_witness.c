/* Witnesses: what is written is read again as it was, whatever texts are in it; what is wrong is named where it is; and
 * a story keeps within its columns and loses nothing. */
#include "pgr_test.h"

#include "pgr_random.h"
#include "pgr_witness.h"
#include <limits.h>
#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const char minimal[] =
    "{\"format\": 1, \"kind\": \"pgrace-witness\", \"scenario\": \"claim\",\n"
    "\"strategy\": \"naive\", \"isolation\": \"serializable\", \"protocol\": \"simple\",\n"
    "\"agents\": 2, \"key\": 7, \"seed\": 42, \"oracle\": \"rules\", \"rule\": \"one owner\",\n"
    "\"steps\": [{\"agent\": 1, \"operation\": \"claim\", \"text\": \"SELECT 1\"},\n"
    "{\"agent\": 2, \"operation\": \"claim\", \"text\": \"SELECT 2\"}]}";

static pgr_code read(const char *text, pgr_witness *w, pgr_err *err) {
  return pgr_witness_read("w.json", text, strlen(text), w, err);
}

/* The minimal witness with one piece exchanged; static. */
static const char *minimal_with(const char *old, const char *new) {
  static char text[2048];
  const char *at = strstr(minimal, old);
  assert_non_null(at);
  snprintf(text, sizeof text, "%.*s%s%s", (int)(at - minimal), minimal, new, at + strlen(old));
  return text;
}

/* Random witnesses --------------------------------------------------------------------------------------------------
 */

static int below(pgr_random *r, int n) {
  return (int)pgr_random_below(r, (uint64_t)n);
}

/* Of pieces that JSON, terminals and columns have trouble with. */
static const char *random_text(pgr_random *r, pgr_arena *arena, int pieces_max) {
  static const char *const pieces[] = {"a",
                                       "SELECT ",
                                       "\"",
                                       "\\",
                                       "'it''s' ",
                                       "\n",
                                       "\t",
                                       "\x1b[31m",
                                       "\x7F",
                                       "\xC2\x9B",
                                       "\xC3\xBC",
                                       "…",
                                       "e\xCC\x81",
                                       "\xE6\xBC\xA2",
                                       "שלום ",
                                       "\xE2\x80\xAE",
                                       "\xF0\x9F\x98\x80",
                                       " FROM ",
                                       " = ",
                                       "\x01",
                                       "/",
                                       "averyveryverylongword",
                                       " WHERE ",
                                       "\xEF\xBB\xBF",
                                       "\xE2\x80\xA8",
                                       " "};
  pgr_buf b;
  pgr_buf_init(&b, 0);
  for (int n = below(r, pieces_max + 1); n > 0; n--)
    pgr_buf_adds(&b, pieces[below(r, (int)(sizeof pieces / sizeof *pieces))]);
  const char *text = pgr_arena_strdup(arena, pgr_buf_text(&b));
  pgr_buf_deinit(&b);
  assert_non_null(text);
  return text;
}

static const char *random_name(pgr_random *r, pgr_arena *arena) {
  const char *name = pgr_arena_printf(arena, "n%s", random_text(r, arena, 4));
  assert_non_null(name);
  return name;
}

static void random_step(pgr_random *r, pgr_witness *w, int i) {
  pgr_arena *a = &w->arena;
  bool later = i + 1 < w->step_count && below(r, 4) == 0;
  w->steps[i] = (pgr_witness_step){
      .agent = 1 + below(r, w->agents),
      .operation = random_name(r, a),
      .attempt = below(r, 8) ? 1 + below(r, 3) : INT32_MAX,
      .file = random_text(r, a, 2),
      .line = below(r, 100),
      .text = random_text(r, a, 20),
      .sql = random_text(r, a, 40),
      .goes_on = below(r, 5) == 0,
      .waits = later || below(r, 8) == 0,
      .yields = below(r, 5) == 0,
      .released_by = later ? i + 1 + below(r, w->step_count - i - 1) : -1,
      .result = random_text(r, a, 6),
      .value = random_text(r, a, 2),
      .outcome = random_text(r, a, 2),
      .breaks = below(r, 9) == 0,
  };
}

static void random_witness(pgr_random *r, pgr_witness *w) {
  static const char *const isolations[] = {"read committed", "repeatable read", "serializable"};
  static const char *const protocols[] = {"simple", "extended", "prepared"};
  static const char *const oracles[] = {"rules", "serial", "state"};
  *w = (pgr_witness){0};
  w->scenario = random_name(r, &w->arena);
  w->strategy = random_name(r, &w->arena);
  w->isolation = isolations[below(r, 3)];
  w->protocol = protocols[below(r, 3)];
  w->operations = random_text(r, &w->arena, 3);
  w->agents = 1 + below(r, PGR_WITNESS_AGENTS_MAX);
  w->key = below(r, 4) ? (int64_t)pgr_random_next(r) : below(r, 2) ? INT64_MIN : INT64_MAX;
  w->seed = below(r, 4) ? below(r, 1000) : (INT64_C(1) << 53) - 1;
  w->max_tries = below(r, 10);
  w->split = below(r, 2);
  w->oracle = oracles[below(r, 3)];
  w->rule = random_text(r, &w->arena, 12);
  w->why = random_text(r, &w->arena, 6);
  w->define_count = below(r, PGR_WITNESS_DEFINES_MAX + 1);
  for (int i = 0; i < w->define_count; i++) {
    const char *name = pgr_arena_printf(&w->arena, "%d%s", i, random_text(r, &w->arena, 2));
    assert_non_null(name);
    w->defines[i] = (pgr_witness_define){name, random_text(r, &w->arena, 3)};
  }
  w->preemptions = below(r, 100);
  w->switches = below(r, 100);
  w->replayed = below(r, 100);
  w->broke = below(r, w->replayed + 1);
  w->step_count = 1 + below(r, 30);
  w->steps = pgr_arena_alloc(&w->arena, (size_t)w->step_count * sizeof *w->steps);
  assert_non_null(w->steps);
  for (int i = 0; i < w->step_count; i++)
    random_step(r, w, i);
}

static void check_same_step(const pgr_witness_step *a, const pgr_witness_step *b) {
  assert_int_equal(a->agent, b->agent);
  assert_string_equal(a->operation, b->operation);
  assert_int_equal(a->attempt, b->attempt);
  assert_string_equal(a->file, b->file);
  assert_int_equal(a->line, b->line);
  assert_string_equal(a->text, b->text);
  assert_string_equal(a->sql, b->sql);
  assert_int_equal(a->goes_on, b->goes_on);
  assert_int_equal(a->waits, b->waits);
  assert_int_equal(a->yields, b->yields);
  assert_int_equal(a->released_by, b->released_by);
  assert_string_equal(a->result, b->result);
  assert_string_equal(a->value, b->value);
  assert_string_equal(a->outcome, b->outcome);
  assert_int_equal(a->breaks, b->breaks);
}

static void check_same(const pgr_witness *a, const pgr_witness *b) {
  assert_string_equal(a->scenario, b->scenario);
  assert_string_equal(a->strategy, b->strategy);
  assert_string_equal(a->isolation, b->isolation);
  assert_string_equal(a->protocol, b->protocol);
  assert_string_equal(a->operations, b->operations);
  assert_int_equal(a->agents, b->agents);
  assert_true(a->key == b->key && a->seed == b->seed);
  assert_int_equal(a->max_tries, b->max_tries);
  assert_int_equal(a->split, b->split);
  assert_string_equal(a->oracle, b->oracle);
  assert_string_equal(a->rule, b->rule);
  assert_string_equal(a->why, b->why);
  assert_int_equal(a->define_count, b->define_count);
  for (int i = 0; i < a->define_count; i++) {
    assert_string_equal(a->defines[i].name, b->defines[i].name);
    assert_string_equal(a->defines[i].value, b->defines[i].value);
  }
  assert_int_equal(a->preemptions, b->preemptions);
  assert_int_equal(a->switches, b->switches);
  assert_int_equal(a->replayed, b->replayed);
  assert_int_equal(a->broke, b->broke);
  assert_int_equal(a->step_count, b->step_count);
  for (int i = 0; i < a->step_count; i++)
    check_same_step(&a->steps[i], &b->steps[i]);
}

static void what_is_written_is_read_again(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 1, 0);
  for (int n = 0; n < 500; n++) {
    pgr_witness w, again;
    pgr_buf text[2];
    pgr_err err;
    random_witness(&r, &w);
    pgr_buf_init(&text[0], 0);
    pgr_buf_init(&text[1], 0);
    assert_int_equal(pgr_witness_write(&w, &text[0], &err), PGR_OK);
    assert_int_equal(text[0].data[text[0].len - 1], '\n');
    if (read(pgr_buf_text(&text[0]), &again, &err)) fail_msg("%s", err.msg);
    check_same(&w, &again);
    assert_int_equal(pgr_witness_write(&again, &text[1], &err), PGR_OK);
    assert_string_equal(pgr_buf_text(&text[0]), pgr_buf_text(&text[1]));
    pgr_buf_deinit(&text[0]);
    pgr_buf_deinit(&text[1]);
    pgr_witness_deinit(&w);
    pgr_witness_deinit(&again);
  }
}

/* A database whose encoding is SQL_ASCII may return anything. */
static void bytes_that_are_not_utf8(void **state) {
  (void)state;
  pgr_witness w, again;
  pgr_buf out;
  pgr_err err;
  assert_int_equal(read(minimal, &w, &err), PGR_OK);
  w.steps[0].value = "a\xFF\xC3(b";
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_witness_write(&w, &out, &err), PGR_OK);
  assert_int_equal(read(pgr_buf_text(&out), &again, &err), PGR_OK);
  assert_string_equal(again.steps[0].value, "a?\?(b");
  pgr_buf_clear(&out);
  w.steps[0].sql = "SELECT '\xFF\x9B'";
  pgr_witness_story(&w, 80, false, &out);
  assert_non_null(strstr(pgr_buf_text(&out), "SELECT '?"
                                             "?'"));
  pgr_buf_deinit(&out);
  pgr_witness_deinit(&w);
  pgr_witness_deinit(&again);
}

/* Reading -----------------------------------------------------------------------------------------------------------
 */

static void what_is_left_out(void **state) {
  (void)state;
  pgr_witness w;
  pgr_err err;
  if (read(minimal, &w, &err)) fail_msg("%s", err.msg);
  assert_string_equal(w.operations, "");
  assert_string_equal(w.why, "");
  assert_int_equal(w.define_count + w.max_tries + w.split + w.preemptions + w.switches + w.replayed + w.broke, 0);
  assert_int_equal(w.step_count, 2);
  const pgr_witness_step *s = &w.steps[1];
  assert_int_equal(s->agent, 2);
  assert_int_equal(s->attempt, 1);
  assert_int_equal(s->line, 0);
  assert_int_equal(s->released_by, -1);
  assert_false(s->goes_on || s->waits || s->yields || s->breaks);
  assert_string_equal(s->file, "");
  assert_string_equal(s->sql, "");
  assert_string_equal(s->result, "");
  assert_string_equal(s->outcome, "");
  pgr_witness_deinit(&w);
}

static void unknown_keys(void **state) {
  (void)state;
  pgr_witness w;
  pgr_err err;
  assert_int_equal(read(minimal_with("{", "{\"later\": [1.5, {\"agents\": 99}, null], "), &w, &err), PGR_OK);
  assert_int_equal(w.agents, 2);
  pgr_witness_deinit(&w);
  assert_int_equal(read(minimal_with("{\"agent\": 1", "{\"mood\": {}, \"agent\": 1"), &w, &err), PGR_OK);
  pgr_witness_deinit(&w);
}

static void faults_of_syntax(void **state) {
  (void)state;
  const struct {
    const char *text, *message;
  } cases[] = {
      {"", "w.json:1:1: '[' or '{' expected near end of file"},
      {"{", "w.json:1:1: string or '}' expected near end of file"},
      {"{\n  \"format\" 1}", "w.json:2:12: ':' expected near '1'"},
      {"{\n\n \"a\": tru}", "w.json:3:9: invalid token near 'tru'"},
      {"{\"\xC3\xBC\": ?}", "w.json:1:8: invalid token near '?'"},
      {"{\"a\": 1, \"a\": 2}", "w.json:1:12: duplicate object key near '\"a\"'"},
      {"{\"a\": \"x\\u0000\"}", "w.json:1:15: \\u0000 is not allowed without JSON_ALLOW_NUL near '\"x\\u0000\"'"},
      {"{\"a\": 99999999999999999999}", "w.json:1:26: too big integer near '99999999999999999999'"},
      {"{} x", "w.json:1:4: end of file expected near 'x'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_witness w;
    pgr_err err = {0};
    assert_int_equal(read(cases[i].text, &w, &err), PGR_EUSAGE);
    assert_string_equal(err.msg, cases[i].message);
  }
  pgr_witness w;
  pgr_err err = {0};
  assert_int_equal(pgr_witness_read("w.json", "{}\0", 3, &w, &err), PGR_EUSAGE);
  assert_non_null(strstr(err.msg, "w.json:1:3: "));
  assert_int_equal(read("{\"a\": \"\xFF\"}", &w, &err), PGR_EUSAGE);
  assert_non_null(strstr(err.msg, "w.json:1:"));
  assert_null(strstr(err.msg, "\xFF"));
}

static void faults_of_content(void **state) {
  (void)state;
  const struct {
    const char *old, *new, *message;
  } cases[] = {
      {"\"pgrace-witness\"", "\"other\"", "kind: must be \"pgrace-witness\": this is not a witness"},
      {"\"kind\"", "\"sort\"", "kind: must be \"pgrace-witness\": this is not a witness"},
      {"\"format\": 1", "\"format\": 2", "format: must be 1 … 1, not 2"},
      {"\"format\": 1,", "", "format: is missing"},
      {"\"format\": 1", "\"format\": \"1\"", "format: must be a whole number"},
      {"\"claim\"", "\"\"", "scenario: must not be empty"},
      {"\"claim\"", "[]", "scenario: must be a text"},
      {"\"claim\"", "\"/x/claim\"", "scenario: must be a name or a path relative to the witness, not absolute"},
      {"\"strategy\"", "\"strategies\"", "strategy: is missing"},
      {"serializable", "read uncommitted",
       "isolation: must be \"read committed\", \"repeatable read\" or \"serializable\""},
      {"simple", "binary", "protocol: must be \"simple\", \"extended\" or \"prepared\""},
      {"\"rules\"", "null", "oracle: must be a text"},
      {"\"agents\": 2", "\"agents\": 0", "agents: must be 1 … 8, not 0"},
      {"\"agents\": 2", "\"agents\": 9", "agents: must be 1 … 8, not 9"},
      {"\"agents\": 2", "\"agents\": 1", "steps[1].agent: must be 1 … 1, not 2"},
      {"\"agents\": 2", "\"agents\": 2.0", "agents: must be a whole number"},
      {"\"seed\": 42", "\"seed\": -1", "seed: must be 0 … 9007199254740991, not -1"},
      {"\"seed\": 42", "\"seed\": 9007199254740992", "seed: must be 0 … 9007199254740991, not 9007199254740992"},
      {"\"key\": 7,", "", "key: is missing"},
      {"\"key\"", "\"max_tries\": -1, \"key\"", "max_tries: must be 0 … 2147483647, not -1"},
      {"\"key\"", "\"split\": 1, \"key\"", "split: must be true or false"},
      {"\"key\"", "\"defines\": [], \"key\"", "defines: must be an object"},
      {"\"key\"", "\"defines\": {\"a\": 1}, \"key\"", "defines: every value must be a text"},
      {"\"key\"", "\"defines\": {\"\": \"1\"}, \"key\"", "defines: a variable must have a name"},
      {"\"key\"", "\"replayed\": 2, \"broke\": 3, \"key\"", "broke: must be 0 … 2, not 3"},
      {"\"steps\"", "\"step\"", "steps: is missing"},
      {"\"steps\": [", "\"steps\": 1, \"other\": [", "steps: must be a list"},
      {"\"steps\": [", "\"steps\": [], \"other\": [", "steps: must be 1 … 1000, not 0"},
      {"\"steps\": [", "\"steps\": [7,", "steps[0]: must be an object"},
      {"\"agent\": 2", "\"agent\": 3", "steps[1].agent: must be 1 … 2, not 3"},
      {"\"agent\": 2", "\"agent\": true", "steps[1].agent: must be a whole number"},
      {"\"agent\": 2, \"operation\": \"claim\"", "\"agent\": 2", "steps[1].operation: is missing"},
      {"\"text\": \"SELECT 2\"", "\"sql\": \"SELECT 2\"", "steps[1].text: is missing"},
      {"\"agent\": 2", "\"attempt\": 0, \"agent\": 2", "steps[1].attempt: must be 1 … 2147483647, not 0"},
      {"\"agent\": 2", "\"line\": 2147483648, \"agent\": 2", "steps[1].line: must be 0 … 2147483647, not 2147483648"},
      {"\"agent\": 2", "\"waits\": \"yes\", \"agent\": 2", "steps[1].waits: must be true or false"},
      {"\"agent\": 1", "\"released_by\": 0, \"agent\": 1", "steps[0].released_by: must be 1 … 1, not 0"},
      {"\"agent\": 1", "\"released_by\": 2, \"agent\": 1", "steps[0].released_by: must be 1 … 1, not 2"},
      {"\"agent\": 2", "\"released_by\": 1, \"agent\": 2", "steps[1].released_by: there is no later step"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_witness w;
    pgr_err err = {0};
    char message[256];
    snprintf(message, sizeof message, "w.json: %s", cases[i].message);
    if (read(minimal_with(cases[i].old, cases[i].new), &w, &err) != PGR_EUSAGE) fail_msg("no fault: %s", message);
    assert_string_equal(err.msg, message);
    assert_null(w.arena.head);
  }
  pgr_witness w;
  pgr_err err = {0};
  assert_int_equal(read("[]", &w, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "w.json: is not a witness: must be an object");
}

/* Limits ------------------------------------------------------------------------------------------------------------
 */

static pgr_code read_with_steps(int count, pgr_err *err) {
  pgr_buf b;
  pgr_witness w;
  pgr_buf_init(&b, 0);
  pgr_buf_adds(&b, "{\"format\": 1, \"kind\": \"pgrace-witness\", \"scenario\": \"s\", \"strategy\": \"t\",\"seed\": 0,"
                   "\"isolation\": \"serializable\", \"protocol\": \"simple\", \"agents\": 1, \"key\": 7,"
                   "\"oracle\": \"rules\", \"rule\": \"\", \"steps\": [");
  for (int i = 0; i < count; i++)
    pgr_buf_addf(&b, "%s{\"agent\": 1, \"operation\": \"o\", \"text\": \"\"}", i ? "," : "");
  pgr_buf_adds(&b, "]}");
  pgr_code code = read(pgr_buf_text(&b), &w, err);
  if (!code) {
    assert_int_equal(w.step_count, count);
    pgr_buf_clear(&b);
    pgr_witness_story(&w, 80, false, &b);
    assert_non_null(strstr(pgr_buf_text(&b), "\n 999  …\n"));
    assert_non_null(strstr(pgr_buf_text(&b), "\n1000  …\n"));
  }
  pgr_witness_deinit(&w);
  pgr_buf_deinit(&b);
  return code;
}

static void limits(void **state) {
  (void)state;
  pgr_err err = {0};
  pgr_witness w;
  assert_int_equal(read_with_steps(PGR_WITNESS_STEPS_MAX, &err), PGR_OK);
  assert_int_equal(read_with_steps(PGR_WITNESS_STEPS_MAX + 1, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "w.json: steps: must be 1 … 1000, not 1001");

  pgr_buf b;
  pgr_buf_init(&b, 0);
  for (int i = 0; i <= PGR_WITNESS_DEFINES_MAX; i++)
    pgr_buf_addf(&b, "%s\"v%d\": \"\"", i ? ", " : "\"defines\": {", i);
  pgr_buf_adds(&b, "}, \"key\"");
  assert_int_equal(read(minimal_with("\"key\"", pgr_buf_text(&b)), &w, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "w.json: defines: at most 64, not 65");

  size_t bytes = PGR_WITNESS_BYTES_MAX + 1;
  char *text = malloc(bytes);
  assert_non_null(text);
  memset(text, ' ', bytes);
  memcpy(text, minimal, strlen(minimal));
  assert_int_equal(pgr_witness_read("w.json", text, bytes, &w, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "w.json: at most 4194304 bytes, not 4194305");
  assert_int_equal(pgr_witness_read("w.json", text, bytes - 1, &w, &err), PGR_OK);

  memset(text, 'x', bytes);
  text[bytes - 1] = '\0';
  w.steps[0].value = text;
  pgr_buf_clear(&b);
  assert_int_equal(pgr_witness_write(&w, &b, &err), PGR_ELIMIT);
  assert_int_equal(b.len, 0);
  w.steps[0].sql = text; /* told all the same, its middle left out */
  pgr_witness_story(&w, 80, false, &b);
  assert_in_range(b.len, 80, 4096);
  pgr_witness_deinit(&w);
  pgr_buf_deinit(&b);
  free(text);
}

static void no_memory(void **state) {
  (void)state;
  pgr_witness w = {0};
  pgr_buf out;
  pgr_err err = {0};
  unsigned long nth = 1;
  for (pgr_code code = PGR_ENOMEM; code; nth++) {
    pgr_mem_fail_nth(nth);
    code = read(minimal, &w, &err);
    pgr_mem_fail_nth(0);
    assert_true(code == PGR_OK || code == PGR_ENOMEM);
  }
  assert_true(nth > 2);
  pgr_buf_init(&out, 0);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_witness_write(&w, &out, &err), PGR_ENOMEM);
  pgr_mem_fail_nth(0);
  pgr_buf_deinit(&out);
  bool failed = true;
  for (nth = 1; failed; nth++) {
    pgr_buf_init(&out, 0);
    pgr_mem_fail_nth(nth);
    pgr_witness_story(&w, 80, false, &out);
    pgr_mem_fail_nth(0);
    failed = out.failed;
    pgr_buf_deinit(&out);
  }
  assert_true(nth > 2);
  pgr_witness_deinit(&w);
}

/* The story ---------------------------------------------------------------------------------------------------------
 */

/* As the C library counts, of what the pieces of random_text are. */
static int width_by_libc(const char *line, size_t len) {
  int width = 0;
  mbstate_t at = {0};
  for (size_t i = 0, n; i < len; i += n) {
    wchar_t c;
    n = mbrtowc(&c, line + i, len - i, &at);
    assert_true(n > 0 && n <= 4);
    int w = wcwidth(c);
    if (w < 0) fail_msg("U+%04X is printed", (unsigned)c);
    width += w;
  }
  return width;
}

static void check_story(const char *text, int columns, int steps) {
  int number = 0, shown;
  for (size_t len; *text; text += len + 1) {
    len = strcspn(text, "\n");
    int width = width_by_libc(text, len);
    if (width > columns) fail_msg("%d columns, not %d: %.*s", width, columns, (int)len, text);
    if (len && text[len - 1] == ' ') fail_msg("blanks at the end: '%.*s'", (int)len, text);
    if (sscanf(text, "%3d", &shown) == 1 && strncmp(text, "     ", 5) != 0) assert_int_equal(shown, ++number);
  }
  assert_int_equal(number, steps);
}

static void stories_keep_their_columns(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 2, 0);
  if (!setlocale(LC_CTYPE, "C.UTF-8")) skip();
  for (int n = 0; n < 600; n++) {
    pgr_witness w;
    pgr_buf out;
    int columns = 80 + below(&r, 150);
    random_witness(&r, &w);
    pgr_buf_init(&out, 0);
    pgr_witness_story(&w, columns, false, &out);
    assert_false(out.failed);
    check_story(pgr_buf_text(&out), columns, w.step_count);
    pgr_buf_deinit(&out);
    pgr_witness_deinit(&w);
  }
  setlocale(LC_CTYPE, "C");
}

/* Colour adds to the text and changes nothing in it. */
static void colour_is_an_addition(void **state) {
  (void)state;
  pgr_random r;
  pgr_random_init(&r, 3, 0);
  for (int n = 0; n < 100; n++) {
    pgr_witness w;
    pgr_buf plain, coloured;
    random_witness(&r, &w);
    w.steps[0].sql = "commit";
    w.steps[0].goes_on = false;
    pgr_buf_init(&plain, 0);
    pgr_buf_init(&coloured, 0);
    pgr_witness_story(&w, 100, false, &plain);
    pgr_witness_story(&w, 100, true, &coloured);
    assert_non_null(strstr(pgr_buf_text(&coloured), "\033[2m"));
    char *out = coloured.data;
    for (const char *in = coloured.data; *in;)
      if (*in == '\033')
        in += strcspn(in, "m") + 1;
      else
        *out++ = *in++;
    *out = '\0';
    assert_string_equal(pgr_buf_text(&coloured), pgr_buf_text(&plain));
    pgr_buf_deinit(&plain);
    pgr_buf_deinit(&coloured);
    pgr_witness_deinit(&w);
  }
}

/* A schedule that was run again and broke nothing is told without the mark. */
static void no_break_no_mark(void **state) {
  (void)state;
  pgr_witness w;
  pgr_err err;
  pgr_buf out;
  assert_int_equal(read(minimal, &w, &err), PGR_OK);
  pgr_buf_init(&out, 0);
  pgr_witness_story(&w, 80, false, &out);
  assert_string_equal(pgr_buf_text(&out), "     agent 1    agent 2\n"
                                          "  1  SELECT 1\n"
                                          "  2             SELECT 2\n");
  pgr_buf_clear(&out);
  w.steps[1].breaks = true;
  pgr_witness_story(&w, 80, false, &out);
  assert_non_null(strstr(pgr_buf_text(&out), "\n                ✗ one owner\n"));
  pgr_buf_deinit(&out);
  pgr_witness_deinit(&w);
}

static void add_without_blanks(pgr_buf *out, const char *text) {
  for (; *text; text++)
    if (*text != ' ' && *text != '\n') pgr_buf_add(out, text, 1);
}

/* Statements are broken into lines, and what makes them is all there. */
static void nothing_is_lost(void **state) {
  (void)state;
  static const char *const statements[] = {
      "SELECT a, b, c FROM t WHERE id = 1 AND b <> 'a long text in quotes' ORDER BY c LIMIT 10 FOR UPDATE SKIP LOCKED",
      "INSERT INTO claims (conversation_id, texter_id) VALUES (1, 2) ON CONFLICT DO NOTHING RETURNING id",
      "UPDATE aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa SET b = 1", "x"};
  static const char *const results[] = {"", "NULL", "1 row", "ERROR 99999", "a value that takes most of a column"};
  for (int agents = 1; agents <= PGR_WITNESS_AGENTS_MAX; agents++)
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++)
      for (size_t k = 0; k < sizeof results / sizeof *results; k++) {
        pgr_witness w;
        pgr_err err;
        pgr_buf story, got, want;
        assert_int_equal(read(minimal, &w, &err), PGR_OK);
        w.agents = w.steps[1].agent = agents;
        w.steps[1].sql = statements[i];
        w.steps[1].result = results[k];
        w.steps[1].breaks = true;
        pgr_buf_init(&story, 0);
        pgr_buf_init(&got, 0);
        pgr_buf_init(&want, 0);
        pgr_witness_story(&w, 80, false, &story);
        add_without_blanks(&got, pgr_buf_text(&story));
        add_without_blanks(&want, statements[i]);
        add_without_blanks(&want, results[k]);
        add_without_blanks(&want, "✗one owner");
        if (!strstr(pgr_buf_text(&got), pgr_buf_text(&want)))
          fail_msg("%s is not in:\n%s", pgr_buf_text(&want), pgr_buf_text(&story));
        pgr_buf_deinit(&story);
        pgr_buf_deinit(&got);
        pgr_buf_deinit(&want);
        pgr_witness_deinit(&w);
      }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read_again),
                                     cmocka_unit_test(bytes_that_are_not_utf8),
                                     cmocka_unit_test(what_is_left_out),
                                     cmocka_unit_test(unknown_keys),
                                     cmocka_unit_test(faults_of_syntax),
                                     cmocka_unit_test(faults_of_content),
                                     cmocka_unit_test(limits),
                                     cmocka_unit_test(no_memory),
                                     cmocka_unit_test(stories_keep_their_columns),
                                     cmocka_unit_test(colour_is_an_addition),
                                     cmocka_unit_test(no_break_no_mark),
                                     cmocka_unit_test(nothing_is_lost)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
