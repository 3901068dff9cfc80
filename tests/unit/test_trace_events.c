/* What a viewer is given: a document that is valid whatever is told, slices that lie within each other or apart, times
 * that are the measured ones, and in a schedule nothing but an order. The golden file is what one looks like; with
 * PGR_GOLDEN_WRITE set it is written instead: open it in a viewer before you commit it. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_random.h"
#include "pgr_trace_events.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 2000, ROUNDS_THREAD = 1000000 };

static const char *golden_dir;

static const pgr_scenario claim = {
    .name = "claim",
    .key = {"conversation", 1, 1000000},
    .operations = {{"look", PGR_WHEN_START, -1}, {"claim", PGR_WHEN_AFTER, 0}, {"reply", PGR_WHEN_AFTER, 1}},
    .operation_count = 3,
    .ownership = {.declared = true, .name = "one owner a conversation", .acquire = 1, .release = -1, .capacity = 1},
    .strategies = {{.name = "naive"}, {.name = "trigger"}},
    .strategy_count = 2};

enum { LOOK, CLAIM, REPLY };

/* Fixtures ----------------------------------------------------------------------------------------------------------
 */

static pgr_trace_step step(uint32_t agent, uint8_t kind, int64_t call_ns, int64_t return_ns, const char *sql,
                           const char *value, uint8_t outcome) {
  pgr_trace_step s = {.round = 17,
                      .key = 17,
                      .call_ns = call_ns,
                      .return_ns = return_ns,
                      .ready_ns = call_ns,
                      .rows = 1,
                      .agent = agent,
                      .kind = kind,
                      .outcome = outcome};
  snprintf(s.value, sizeof s.value, "%s", value);
  snprintf(s.sql, sizeof s.sql, "%s", sql);
  return s;
}

static const char select_owner[] = "SELECT owner FROM conversations WHERE id = 17";
static const char update_owner[] = "UPDATE conversations SET owner = 'agent' WHERE id = 17";
static const char insert_reply[] = "INSERT INTO replies VALUES (17)";

/* Agent 5 waits for a connection, then for agent 2; it is the second owner. */
static void tell_claim(pgr_story *s) {
  const uint8_t open = PGR_OUTCOME_COUNT, ok = PGR_OUTCOME_OK;
  *s = (pgr_story){.key = 17, .round = 17, .rule = "one owner a conversation", .second_owner = 5};
  s->steps[s->count++] = step(2, LOOK, 5000000100, 5000040100, select_owner, "NULL", ok);
  s->steps[s->count++] = step(5, LOOK, 5000001100, 5000050100, select_owner, "NULL", ok);
  s->steps[1].ready_ns = 4999999600;
  s->steps[s->count++] = step(2, CLAIM, 5000041100, 5000090100, update_owner, "", ok);
  s->waited[3] = (pgr_waited){2, 5000090600};
  s->steps[s->count++] = step(5, CLAIM, 5000052100, 5000095100, update_owner, "", ok);
  s->steps[s->count++] = step(2, REPLY, 5000092100, 5000099100, insert_reply, "", ok);
  s->steps[s->count++] = step(5, REPLY, 5000096100, 5000099600, insert_reply, "", PGR_OUTCOME_FAILED);
  s->steps[5].rows = -1;
  snprintf(s->steps[5].sqlstate, sizeof s->steps[5].sqlstate, "23505");
  s->steps[4].outcome = open;
}

static pgr_witness_step schedule[] = {{.agent = 1,
                                       .operation = "claim",
                                       .attempt = 1,
                                       .file = "naive/claim.sql",
                                       .line = 1,
                                       .text = "SELECT owner FROM conversations WHERE id = :key",
                                       .sql = select_owner,
                                       .released_by = -1,
                                       .result = "NULL",
                                       .value = "",
                                       .outcome = ""},
                                      {.agent = 2,
                                       .operation = "claim",
                                       .attempt = 2,
                                       .file = "naive/claim.sql",
                                       .line = 1,
                                       .text = select_owner,
                                       .sql = "",
                                       .yields = true,
                                       .released_by = -1,
                                       .result = "",
                                       .value = "",
                                       .outcome = ""},
                                      {.agent = 2,
                                       .operation = "claim",
                                       .attempt = 2,
                                       .file = "",
                                       .line = 0,
                                       .text = select_owner,
                                       .sql = "",
                                       .goes_on = true,
                                       .released_by = -1,
                                       .result = "NULL",
                                       .value = "",
                                       .outcome = ""},
                                      {.agent = 1,
                                       .operation = "claim",
                                       .attempt = 1,
                                       .file = "",
                                       .text = update_owner,
                                       .sql = update_owner,
                                       .released_by = -1,
                                       .result = "1 row",
                                       .value = "",
                                       .outcome = "ok"},
                                      {.agent = 2,
                                       .operation = "claim",
                                       .attempt = 2,
                                       .file = "",
                                       .text = update_owner,
                                       .sql = update_owner,
                                       .waits = true,
                                       .released_by = 6,
                                       .result = "1 row",
                                       .value = "",
                                       .outcome = "ok",
                                       .breaks = true},
                                      {.agent = 3,
                                       .operation = "claim",
                                       .attempt = 1,
                                       .file = "",
                                       .text = "BEGIN",
                                       .sql = "BEGIN",
                                       .released_by = -1,
                                       .result = "",
                                       .value = "",
                                       .outcome = ""},
                                      {.agent = 1,
                                       .operation = "claim",
                                       .attempt = 1,
                                       .file = "",
                                       .text = "COMMIT",
                                       .sql = "COMMIT",
                                       .released_by = -1,
                                       .result = "",
                                       .value = "",
                                       .outcome = ""}};

static pgr_witness witness = {.agents = 3,
                              .key = 1,
                              .rule = "one owner a conversation",
                              .why = "Agents 1 and 2 were both told yes.",
                              .steps = schedule,
                              .step_count = 7};

/* Raced with two stories; raced without any; explored. */
static pgr_result fixture(void) {
  pgr_result r = {.command = "run",
                  .scenario = &claim,
                  .settings = {.gap_count = 2, .gaps_ns = {0, 5000000}},
                  .repeat = "pgrace run claim --seed 7"};
  pgr_cell *c = pgr_result_add_cell(&r);
  assert_non_null(c);
  c->strategy = &claim.strategies[0];
  c->gap_ns = 5000000;
  c->story_count = 2;
  tell_claim(&c->stories[0]);
  c->stories[1] = (pgr_story){.key = 4, .round = 4, .rule = "one answer a conversation"};
  c->stories[1].steps[c->stories[1].count++] = step(2, REPLY, 7000, 9477, insert_reply, "", PGR_OUTCOME_OK);
  assert_non_null(c = pgr_result_add_cell(&r));
  c->strategy = &claim.strategies[1];
  assert_non_null(c = pgr_result_add_cell(&r));
  c->strategy = &claim.strategies[0];
  c->isolation = PGR_SERIALIZABLE;
  c->evidence.explored = true;
  c->proof.witness = &witness;
  return r;
}

/* Reading -----------------------------------------------------------------------------------------------------------
 */

static char *traced(const pgr_document *d, size_t count) {
  pgr_buf out;
  pgr_err err;
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_trace_events(d, count, &out, &err), PGR_OK);
  return pgr_buf_take(&out);
}

static char *traced_result(const pgr_result *r) {
  return traced(&(pgr_document){.run = r}, 1);
}

typedef struct slice {
  json_int_t pid, tid;
  double from, until;
} slice;

static json_int_t integer(const json_t *event, const char *key) {
  assert_true(json_is_integer(json_object_get(event, key)));
  return json_integer_value(json_object_get(event, key));
}

static double number(const json_t *event, const char *key) {
  assert_true(json_is_number(json_object_get(event, key)));
  return json_number_value(json_object_get(event, key));
}

static const char *string(const json_t *event, const char *key) {
  assert_true(json_is_string(json_object_get(event, key)));
  return json_string_value(json_object_get(event, key));
}

static bool is_metadata(const json_t *event, const char *name, json_int_t pid, json_int_t tid) {
  return strcmp(string(event, "ph"), "M") == 0 && strcmp(string(event, "name"), name) == 0 &&
         integer(event, "pid") == pid && (tid == 0 || integer(event, "tid") == tid);
}

/* Exactly one such event. */
static void assert_named(const json_t *events, const char *name, json_int_t pid, json_int_t tid) {
  int count = 0;
  for (size_t i = 0; i < json_array_size(events); i++)
    count += is_metadata(json_array_get(events, i), name, pid, tid);
  assert_int_equal(count, 1);
}

/* In the order of the file an outer slice comes before its inner ones: within each other, or apart. */
static void assert_nested(const slice *slices, size_t count) {
  static const double rounding = 1e-6;
  for (size_t i = 0; i < count; i++) {
    for (size_t k = i + 1; k < count; k++) {
      const slice *a = &slices[i], *b = &slices[k];
      if (a->pid != b->pid || a->tid != b->tid) continue;
      bool apart = a->until <= b->from + rounding || b->until <= a->from + rounding;
      assert_true(apart || (a->from <= b->from && b->until <= a->until + rounding));
    }
  }
}

static void check_event(const json_t *events, const json_t *event) {
  const char *phase = string(event, "ph");
  json_int_t pid = integer(event, "pid");
  assert_true(pid > 0 && *string(event, "name"));
  if (strcmp(phase, "M") == 0) {
    assert_int_equal(json_object_size(json_object_get(event, "args")), 1);
    return;
  }
  json_int_t tid = integer(event, "tid");
  assert_named(events, "process_name", pid, 0);
  assert_named(events, "process_sort_index", pid, 0);
  assert_named(events, "thread_name", pid, tid);
  assert_named(events, "thread_sort_index", pid, tid);
  assert_true(number(event, "ts") >= 0 && *string(event, "cat"));
  if (strcmp(phase, "X") == 0) {
    if (strcmp(string(event, "cat"), "wait") == 0) assert_true(number(event, "dur") > 0);
    assert_true(number(event, "dur") >= 0 && json_is_object(json_object_get(event, "args")));
  } else {
    assert_string_equal(phase, "i");
    assert_string_equal(string(event, "s"), "p");
  }
}

/* The parsed document; the caller's. */
static json_t *check(const char *text) {
  static slice slices[EVENTS_MAX];
  size_t count = 0;
  json_error_t error;
  json_t *document = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  assert_non_null(document);
  assert_string_equal(string(document, "displayTimeUnit"), "ms");
  assert_true(json_is_object(json_object_get(document, "otherData")));
  const json_t *events = json_object_get(document, "traceEvents");
  assert_true(json_is_array(events));
  for (size_t i = 0; i < json_array_size(events); i++) {
    const json_t *event = json_array_get(events, i);
    check_event(events, event);
    if (strcmp(string(event, "ph"), "X") != 0) continue;
    double from = number(event, "ts");
    assert_true(count < EVENTS_MAX);
    slices[count++] = (slice){integer(event, "pid"), integer(event, "tid"), from, from + number(event, "dur")};
  }
  assert_nested(slices, count);
  return document;
}

/* The nth event (from 0) of that phase whose name begins so. */
static const json_t *find(const json_t *document, const char *phase, const char *name, int nth) {
  const json_t *events = json_object_get(document, "traceEvents");
  for (size_t i = 0; i < json_array_size(events); i++) {
    const json_t *event = json_array_get(events, i);
    if (strcmp(string(event, "ph"), phase) == 0 && strncmp(string(event, "name"), name, strlen(name)) == 0 &&
        nth-- == 0)
      return event;
  }
  return NULL;
}

static void assert_at(const json_t *event, json_int_t tid, double from_us, double duration_us) {
  assert_non_null(event);
  assert_int_equal(integer(event, "tid"), tid);
  assert_true(number(event, "ts") == from_us);
  assert_true(number(event, "dur") == duration_us);
}

/* Tests -------------------------------------------------------------------------------------------------------------
 */

static char *read_file(const char *path) {
  char *text = NULL;
  size_t len = 0;
  FILE *in = fopen(path, "r"), *out = open_memstream(&text, &len);
  for (int c; in && (c = fgetc(in)) != EOF;)
    fputc(c, out);
  fclose(out);
  if (in) fclose(in);
  return text;
}

static void as_the_golden_file(void **state) {
  (void)state;
  char path[4096];
  pgr_result r = fixture();
  char *text = traced_result(&r);
  snprintf(path, sizeof path, "%s/claim.json", golden_dir);
  if (getenv("PGR_GOLDEN_WRITE")) {
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
  }
  char *golden = read_file(path);
  assert_string_equal(text, golden);
  free(golden);
  pgr_free(text);
  pgr_result_deinit(&r);
}

static void times_are_those_measured(void **state) {
  (void)state;
  pgr_result r = fixture();
  char *text = traced_result(&r);
  json_t *d = check(text);
  /* From the moment when agent 5 had something to send. */
  assert_at(find(d, "X", "waits for a connection", 0), 5, 0, 1.5);
  assert_null(find(d, "X", "waits for a connection", 1));
  assert_at(find(d, "X", "SELECT owner FROM conversations", 0), 2, 0.5, 40);
  assert_at(find(d, "X", "SELECT owner FROM conversations", 1), 5, 1.5, 49);
  assert_at(find(d, "X", "UPDATE conversations SET", 1), 5, 52.5, 43);
  assert_at(find(d, "X", "probably waits for agent 2", 0), 5, 52.5, 38.5);
  assert_at(find(d, "X", "round 17, conversation 17", 0), ROUNDS_THREAD, 0, 100);
  /* The next round begins a millisecond later, and says when it really did. */
  const json_t *round = find(d, "X", "round 4, conversation 4", 0);
  assert_at(round, ROUNDS_THREAD, 1100, 2.477);
  assert_int_equal(integer(json_object_get(round, "args"), "begin_ns"), 7000);
  assert_non_null(strstr(string(json_object_get(d, "otherData"), "rounds"), "from the race's start"));
  for (const char *dot = text; (dot = strchr(dot + 1, '.'));) /* no decimals that no clock gave */
    assert_true(strspn(dot + 1, "0123456789") <= 3);
  json_decref(d);
  pgr_free(text);
  pgr_result_deinit(&r);
}

static void a_slice_says_what_a_statement_was(void **state) {
  (void)state;
  pgr_result r = fixture();
  char *text = traced_result(&r);
  json_t *d = check(text);
  const json_t *args = json_object_get(find(d, "X", "SELECT owner", 0), "args");
  assert_string_equal(string(args, "operation"), "look");
  assert_string_equal(string(args, "sql"), select_owner);
  assert_string_equal(string(args, "value"), "NULL");
  assert_string_equal(string(args, "outcome"), "ok");
  assert_int_equal(integer(args, "rows"), 1);
  assert_int_equal(integer(args, "call_ns"), 5000000100);
  assert_int_equal(integer(args, "return_ns"), 5000040100);
  assert_null(json_object_get(args, "sqlstate"));
  args = json_object_get(find(d, "X", "INSERT INTO replies VALUES (17)", 0), "args");
  assert_null(json_object_get(args, "outcome"));
  args = json_object_get(find(d, "X", "INSERT INTO replies VALUES (17)", 1), "args");
  assert_string_equal(string(args, "sqlstate"), "23505");
  assert_string_equal(string(args, "outcome"), "failed");
  assert_null(json_object_get(args, "rows"));
  assert_null(json_object_get(args, "value"));
  json_decref(d);
  pgr_free(text);
  pgr_result_deinit(&r);
}

/* Not its look, which ended ok too. */
static void the_second_yes_is_marked(void **state) {
  (void)state;
  pgr_result r = fixture();
  char *text = traced_result(&r);
  json_t *d = check(text);
  const json_t *mark = find(d, "i", "✗ one owner a conversation", 0);
  assert_non_null(mark);
  assert_int_equal(integer(mark, "tid"), 5);
  assert_true(number(mark, "ts") == 95.5);
  json_decref(d);
  pgr_free(text);
  pgr_result_deinit(&r);
}

static void a_schedule_is_an_order(void **state) {
  (void)state;
  pgr_result r = fixture();
  r.cells[0].story_count = 0;
  char *text = traced_result(&r);
  json_t *d = check(text);
  assert_string_equal(string(json_object_get(find(d, "M", "process_name", 0), "args"), "name"),
                      "claim: naive / serializable, gap 0 ns, a step a millisecond");
  assert_at(find(d, "X", "schedule, conversation 1", 0), ROUNDS_THREAD, 0, 7000);
  assert_at(find(d, "X", "SELECT owner FROM conversations", 0), 1, 0, 1000);
  assert_at(find(d, "X", "SELECT owner FROM conversations WHERE … (goes on)", 0), 2, 2000, 1000);
  assert_at(find(d, "X", "UPDATE conversations", 0), 1, 3000, 1000);
  /* Sent with step 5, answered with step 7: it waits between the middles of the two. */
  assert_at(find(d, "X", "UPDATE conversations", 1), 2, 4000, 3000);
  assert_at(find(d, "X", "waits for a lock", 0), 2, 4500, 2000);
  assert_null(find(d, "X", "waits for a lock", 1));
  const json_t *mark = find(d, "i", "✗ one owner a conversation", 0);
  assert_true(integer(mark, "tid") == 2 && number(mark, "ts") == 7000);
  assert_non_null(strstr(string(json_object_get(d, "otherData"), "schedules"), "nothing else"));
  assert_null(json_object_get(json_object_get(d, "otherData"), "rounds"));
  json_decref(d);
  pgr_free(text);
  pgr_result_deinit(&r);
}

static void documents_stand_beside_each_other(void **state) {
  (void)state;
  pgr_result r = fixture();
  const pgr_bench bench = {.scenario = &claim};
  char *text = traced((pgr_document[]){{.run = &r}, {.bench = &bench}, {.run = &r}}, 3);
  json_t *d = check(text);
  assert_int_equal(integer(find(d, "M", "process_name", 3), "pid"), 4);
  assert_null(find(d, "M", "process_name", 4));
  assert_int_equal(json_array_size(json_object_get(json_object_get(d, "otherData"), "repeat")), 2);
  json_decref(d);
  pgr_free(text);
  pgr_result_deinit(&r);
}

static void a_bench_has_no_events(void **state) {
  (void)state;
  const pgr_bench bench = {.scenario = &claim};
  char *text = traced(&(pgr_document){.bench = &bench}, 1);
  json_t *d = check(text);
  assert_int_equal(json_array_size(json_object_get(d, "traceEvents")), 0);
  json_decref(d);
  pgr_free(text);
}

static void texts_from_elsewhere_are_made_valid(void **state) {
  (void)state;
  pgr_result r = fixture();
  pgr_trace_step *s = &r.cells[0].stories[0].steps[0];
  snprintf(s->sql, sizeof s->sql, "SELECT '\377\"\\\001 grün'");
  snprintf(s->value, sizeof s->value, "\303");
  char *text = traced_result(&r);
  json_t *d = check(text);
  const json_t *event = find(d, "X", "SELECT '?\"\\  grün'", 0);
  assert_non_null(event);
  assert_string_equal(string(json_object_get(event, "args"), "value"), "?");
  json_decref(d);
  pgr_free(text);
  pgr_result_deinit(&r);
}

/* Older documents do not know when a step was ready, and had no other stories; times may be anything. */
static void any_times_nest(void **state) {
  (void)state;
  pgr_random random;
  pgr_random_init(&random, 42, 0);
  for (int run = 0; run < 300; run++) {
    pgr_result r = fixture();
    int64_t span = run % 3 ? 200000 : 50;
    for (size_t i = 0; i < 2; i++) {
      pgr_story *s = &r.cells[0].stories[i];
      s->second_owner = (uint32_t)pgr_random_below(&random, 4);
      s->count = 1 + pgr_random_below(&random, 12);
      for (size_t k = 0; k < s->count; k++) {
        int64_t call_ns = (int64_t)pgr_random_below(&random, (uint64_t)span);
        s->steps[k] = step(1 + (uint32_t)pgr_random_below(&random, 3), CLAIM, call_ns,
                           (int64_t)pgr_random_below(&random, (uint64_t)span), update_owner, "", PGR_OUTCOME_OK);
        s->steps[k].ready_ns = (int64_t)pgr_random_below(&random, (uint64_t)span);
        s->waited[k] =
            (pgr_waited){(uint32_t)pgr_random_below(&random, 2), (int64_t)pgr_random_below(&random, (uint64_t)span)};
      }
    }
    pgr_witness_step steps[7];
    memcpy(steps, schedule, sizeof steps);
    steps[3].sql = steps[3].text = "";
    for (int k = 0; k < 7; k++) {
      steps[k].agent = 1 + (int)pgr_random_below(&random, 3);
      steps[k].waits = pgr_random_below(&random, 2);
      steps[k].released_by = (int)pgr_random_below(&random, 9) - 1;
    }
    pgr_witness any = witness;
    any.steps = steps;
    r.cells[2].proof.witness = &any;
    char *text = traced_result(&r);
    json_decref(check(text));
    pgr_free(text);
    pgr_result_deinit(&r);
  }
}

static void without_memory_it_says_so(void **state) {
  (void)state;
  pgr_result r = fixture();
  pgr_code code = PGR_ENOMEM;
  for (unsigned long nth = 1; code; nth++) {
    pgr_buf out;
    pgr_err err;
    pgr_buf_init(&out, 0);
    pgr_mem_fail_nth(nth);
    code = pgr_trace_events(&(pgr_document){.run = &r}, 1, &out, &err);
    pgr_mem_fail_nth(0);
    if (code) assert_int_equal(code, PGR_ENOMEM);
    pgr_buf_deinit(&out);
    assert_true(nth < 1000);
  }
  pgr_result_deinit(&r);
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: %s GOLDEN_DIR\n", argv[0]);
    return 1;
  }
  golden_dir = argv[1];
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_the_golden_file),
                                     cmocka_unit_test(times_are_those_measured),
                                     cmocka_unit_test(a_slice_says_what_a_statement_was),
                                     cmocka_unit_test(the_second_yes_is_marked),
                                     cmocka_unit_test(a_schedule_is_an_order),
                                     cmocka_unit_test(documents_stand_beside_each_other),
                                     cmocka_unit_test(a_bench_has_no_events),
                                     cmocka_unit_test(texts_from_elsewhere_are_made_valid),
                                     cmocka_unit_test(any_times_nest),
                                     cmocka_unit_test(without_memory_it_says_so)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
