/* A history read back is the history written, what is no history is refused where it is wrong, and what becomes of one
 * for Jepsen's checkers keeps to Jepsen's rules whatever the tries were. */
#include "pgr_test.h"

#include "pgr_buf.h"
#include "pgr_history_export.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MANY = 1000000, OPS_MAX = 400 };

#define HEADER                                                                                                         \
  "strategy,round,key,agent,operation,attempt,outcome,sqlstate,intended_ns,call_ns,return_ns,pool_wait_ns,isolation,"  \
  "gap_ns\n"

/* Reading ------------------------------------------------------------------------------------------------------------
 */

static pgr_code read_bytes(const char *text, size_t len, size_t max_ops, pgr_history_file *out, pgr_err *err) {
  FILE *in = fmemopen((void *)text, len, "r");
  assert_non_null(in);
  pgr_code code = pgr_history_read_csv(in, "h.csv", max_ops, out, err);
  fclose(in);
  return code;
}

static void refuses(const char *text, const char *message) {
  pgr_history_file file = {0};
  pgr_err err;
  assert_int_equal(read_bytes(text, strlen(text), MANY, &file, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, message);
  assert_null(file.cells);
}

static void assert_same_op(const pgr_op *a, const pgr_op *b) {
  assert_int_equal(a->intended_ns, b->intended_ns);
  assert_int_equal(a->call_ns, b->call_ns);
  assert_int_equal(a->return_ns, b->return_ns);
  assert_int_equal(a->pool_wait_ns, b->pool_wait_ns);
  assert_int_equal(a->key, b->key);
  assert_int_equal(a->round, b->round);
  assert_int_equal(a->agent, b->agent);
  assert_int_equal(a->attempt, b->attempt);
  assert_int_equal(a->kind, b->kind);
  assert_int_equal(a->outcome, b->outcome);
  assert_string_equal(a->sqlstate, b->sqlstate);
}

static pgr_op any_op(pgr_random *random, int kinds) {
  static const char states[][6] = {"", "23514", "40001", "XX000"};
  pgr_op op = {.key = (int64_t)pgr_random_below(random, UINT64_MAX),
               .round = 1 + (int64_t)pgr_random_below(random, INT64_MAX),
               .agent = 1 + (uint32_t)pgr_random_below(random, 100000),
               .attempt = (uint16_t)(1 + pgr_random_below(random, UINT16_MAX)),
               .kind = (uint8_t)pgr_random_below(random, (uint64_t)kinds),
               .outcome = (uint8_t)pgr_random_below(random, PGR_OUTCOME_COUNT),
               .intended_ns = (int64_t)pgr_random_below(random, INT64_MAX / 4),
               .pool_wait_ns = (int64_t)pgr_random_below(random, INT64_MAX)};
  op.call_ns = op.intended_ns + (int64_t)pgr_random_below(random, INT64_MAX / 4);
  op.return_ns = op.call_ns + (int64_t)pgr_random_below(random, INT64_MAX / 4);
  memcpy(op.sqlstate, states[pgr_random_below(random, 4)], sizeof op.sqlstate);
  return op;
}

/* The kinds first appear in the order in which they were: the same numbers. */
static pgr_history *any_history(pgr_random *random, size_t count, int kinds) {
  pgr_history *h = pgr_history_create(MANY);
  assert_non_null(h);
  for (size_t i = 0; i < count; i++) {
    pgr_op op = any_op(random, kinds);
    if (i < (size_t)kinds) op.kind = (uint8_t)i;
    assert_int_equal(pgr_history_append(h, &op), PGR_OK);
  }
  return h;
}

static void what_was_written_is_read(void **state) {
  (void)state;
  static const char *const kinds[] = {"claim", "reply-2", "a.b_c", "d", "e", "f", "g", "h"};
  static const struct {
    const char *strategy, *isolation;
    int64_t gap_ns;
    int kinds;
  } cells[] = {{"naive", "read committed", 0, 8},
               {"naive", "read committed", 5000000, 1},
               {"naive", "serializable", 5000000, 3},
               {"2-phase", "serializable", INT64_MAX, 2}};
  enum { CELLS = sizeof cells / sizeof *cells };
  pgr_history *written[CELLS];
  pgr_history_file file = {0};
  pgr_random random;
  pgr_err err;
  char *text = NULL;
  size_t len = 0;
  FILE *out = open_memstream(&text, &len);
  pgr_random_init(&random, 7, 0);
  for (int c = 0; c < CELLS; c++) {
    written[c] = any_history(&random, 100 + (size_t)c, cells[c].kinds);
    assert_int_equal(pgr_history_write_csv(written[c], cells[c].strategy, cells[c].isolation, cells[c].gap_ns, kinds,
                                           c == 0, out, &err),
                     PGR_OK);
  }
  fclose(out);
  assert_int_equal(read_bytes(text, len, 100 + 101 + 102 + 103, &file, &err), PGR_OK);
  assert_int_equal(file.count, CELLS);
  for (int c = 0; c < CELLS; c++) {
    const pgr_history_rows *read = &file.cells[c];
    assert_string_equal(read->strategy, cells[c].strategy);
    assert_string_equal(read->isolation, cells[c].isolation);
    assert_int_equal(read->gap_ns, cells[c].gap_ns);
    assert_int_equal(read->kind_count, cells[c].kinds);
    for (int k = 0; k < read->kind_count; k++)
      assert_string_equal(read->kinds[k], kinds[k]);
    assert_int_equal(pgr_history_count(read->history), 100 + c);
    for (size_t i = 0; i < pgr_history_count(read->history); i++)
      assert_same_op(pgr_history_at(read->history, i), pgr_history_at(written[c], i));
    pgr_history_destroy(written[c]);
  }
  pgr_history_file_deinit(&file);
  assert_int_equal(read_bytes(text, len, 100 + 101 + 102 + 102, &file, &err), PGR_ELIMIT);
  assert_string_equal(err.msg, "h.csv:407: more than 405 operations");
  assert_null(file.cells);
  free(text);
}

static void an_older_file_has_no_gap(void **state) {
  (void)state;
  static const char text[] = "strategy,round,key,agent,operation,attempt,outcome,sqlstate,intended_ns,call_ns,return_"
                             "ns,pool_wait_ns,isolation\n"
                             "naive,3,7,2,claim,2,rejected,23514,5,10,30,4,read committed\n";
  pgr_history_file file = {0};
  pgr_err err;
  assert_int_equal(read_bytes(text, sizeof text - 1, MANY, &file, &err), PGR_OK);
  assert_int_equal(file.count, 1);
  assert_int_equal(file.cells[0].gap_ns, 0);
  assert_same_op(pgr_history_at(file.cells[0].history, 0), &(pgr_op){.intended_ns = 5,
                                                                     .call_ns = 10,
                                                                     .return_ns = 30,
                                                                     .pool_wait_ns = 4,
                                                                     .key = 7,
                                                                     .round = 3,
                                                                     .agent = 2,
                                                                     .attempt = 2,
                                                                     .outcome = PGR_OUTCOME_REJECTED,
                                                                     .sqlstate = "23514"});
  pgr_history_file_deinit(&file);
}

static void columns_go_by_name(void **state) {
  (void)state;
  static const char text[] =
      "later,gap_ns,strategy,round,key,agent,operation,attempt,outcome,sqlstate,return_ns,call_ns,"
      "intended_ns,pool_wait_ns,isolation\n"
      "\"what, ever,9,naive,3,-7,2,claim,1,ok,,30,10,5,4,read committed\n"
      ",8,naive,3,-7,2,claim,1,ok,,30,10,5,4,read committed\n";
  /* The first line has a field too many: a comma in a column nobody knows is no excuse. */
  pgr_history_file file = {0};
  pgr_err err;
  assert_int_equal(read_bytes(text, sizeof text - 1, MANY, &file, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "h.csv:2:1: has 16 fields, the header has 15");
  char *good = pgr_strdup(text);
  *strchr(good, '"') = ' ';
  memcpy(strstr(good, "what, "), "whatso", 6);
  assert_int_equal(read_bytes(good, strlen(good), MANY, &file, &err), PGR_OK);
  assert_int_equal(file.count, 2);
  assert_int_equal(file.cells[0].gap_ns, 9);
  assert_int_equal(file.cells[1].gap_ns, 8);
  const pgr_op *op = pgr_history_at(file.cells[1].history, 0);
  assert_int_equal(op->key, -7);
  assert_true(op->intended_ns == 5 && op->call_ns == 10 && op->return_ns == 30);
  pgr_history_file_deinit(&file);
  pgr_free(good);
}

static void every_line_is_checked(void **state) {
  (void)state;
  static const struct {
    const char *line, *message;
  } cases[] = {
      {"naive,0,7,2,claim,1,ok,,5,10,30,4,serializable,0\n", "2:7: round: must be at least 1, not 0"},
      {"naive,1e3,7,2,claim,1,ok,,5,10,30,4,serializable,0\n", "2:7: round: '1e3' is no whole number"},
      {"naive,,7,2,claim,1,ok,,5,10,30,4,serializable,0\n", "2:7: round: '' is no whole number"},
      {"naive,1,9223372036854775808,2,claim,1,ok,,5,10,30,4,serializable,0\n",
       "2:9: key: '9223372036854775808' is no whole number"},
      {"naive,1,-,2,claim,1,ok,,5,10,30,4,serializable,0\n", "2:9: key: '-' is no whole number"},
      {"naive,1,7,0,claim,1,ok,,5,10,30,4,serializable,0\n", "2:11: agent: must be 1 … 100000, not 0"},
      {"naive,1,7,100001,claim,1,ok,,5,10,30,4,serializable,0\n", "2:11: agent: must be 1 … 100000, not 100001"},
      {"naive,1,7,2,claim,65536,ok,,5,10,30,4,serializable,0\n", "2:19: attempt: must be 1 … 65535, not 65536"},
      {"naive,1,7,2,claim,1,okay,,5,10,30,4,serializable,0\n", "2:21: outcome: 'okay' is none"},
      {"naive,1,7,2,claim,1,\033\377,,5,10,30,4,serializable,0\n", "2:21: outcome: ' ?' is none"},
      {"naive,1,7,2,claim,1,failed,2351,5,10,30,4,serializable,0\n",
       "2:28: sqlstate: five digits or capital letters, or nothing"},
      {"naive,1,7,2,claim,1,failed,xx000,5,10,30,4,serializable,0\n",
       "2:28: sqlstate: five digits or capital letters, or nothing"},
      {"naive,1,7,2,claim,1,ok,,-5,10,30,4,serializable,0\n", "2:25: intended_ns: must be at least 0, not -5"},
      {"naive,1,7,2,claim,1,ok,,5,4,30,4,serializable,0\n", "2:27: call_ns: is before intended_ns"},
      {"naive,1,7,2,claim,1,ok,,5,10,9,4,serializable,0\n", "2:30: return_ns: is before call_ns"},
      {"naive,1,7,2,claim,1,ok,,5,10,30,-1,serializable,0\n", "2:33: pool_wait_ns: must be at least 0, not -1"},
      {"naive,1,7,2,claim,1,ok,,5,10,30,4,serializable,-1\n", "2:48: gap_ns: must be at least 0, not -1"},
      {"naive,1,7,2,claim,1,ok,,5,10,30,4,serializable,0\r\n", "2:48: gap_ns: '0 ' is no whole number"},
      {"na\"ive,1,7,2,claim,1,ok,,5,10,30,4,serializable,0\n", "2:3: strategy: no name of one"},
      {",1,7,2,claim,1,ok,,5,10,30,4,serializable,0\n", "2:1: strategy: no name of one"},
      {"naive,1,7,2,cl aim,1,ok,,5,10,30,4,serializable,0\n", "2:15: operation: no name of one"},
      {"naive,1,7,2,-claim,1,ok,,5,10,30,4,serializable,0\n", "2:13: operation: no name of one"},
      {"naive,1,7,2,claim,1,ok,,5,10,30,4,serializable!,0\n", "2:47: isolation: no name of one"},
      {"naive,1,7,2,claim,1,ok,,5,10,30,4,serializable\n", "2:1: has 13 fields, the header has 14"},
      {"\n", "2:1: has 1 fields, the header has 14"},
      {"naive,1,7,2,claim,1,ok,,5,10,30,4,serializable,5", "2:49: the file ends within a line: it was cut short"},
      {"a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,"
       "a,a,"
       "a,a,a,a,a,a,a,a\n",
       "2:129: more than 64 fields"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char text[1024], message[200];
    snprintf(text, sizeof text, "%s%s", HEADER, cases[i].line);
    snprintf(message, sizeof message, "h.csv:%s", cases[i].message);
    refuses(text, message);
  }
  static const char nul[] = HEADER "naive,1,7,2,cl\0im,1,ok,,5,10,30,4,serializable,0\n";
  pgr_history_file file = {0};
  pgr_err err;
  assert_int_equal(read_bytes(nul, sizeof nul - 1, MANY, &file, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "h.csv:2:15: a NUL byte");
  static char longer[8000];
  snprintf(longer, sizeof longer, "%s%05000d\n", HEADER, 1);
  refuses(longer, "h.csv:2:1: is longer than 4094 bytes");
}

static void the_header_is_checked(void **state) {
  (void)state;
  refuses("\n", "h.csv:1:1: no name of a column of a history");
  refuses("{\"format\": 1}\n", "h.csv:1:1: no name of a column of a history");
  refuses("strategy,round\n", "h.csv:1:1: has no column key");
  refuses("strategy,round,strategy\n", "h.csv:1:16: a second column strategy");
  refuses("strategy,gap_ns\r\n", "h.csv:1:10: no name of a column of a history");
  pgr_history_file file = {0};
  pgr_err err;
  FILE *in = fopen("/dev/null", "r");
  assert_int_equal(pgr_history_read_csv(in, "h.csv", MANY, &file, &err), PGR_EUSAGE);
  assert_string_equal(err.msg, "h.csv:1:1: is empty; a history begins with the names of its columns");
  fclose(in);
  assert_int_equal(read_bytes(HEADER, strlen(HEADER), MANY, &file, &err), PGR_OK);
  assert_int_equal(file.count, 0);
}

static void names_are_limited(void **state) {
  (void)state;
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_buf_adds(&text, HEADER);
  for (int k = 0; k < PGR_KINDS_MAX; k++)
    pgr_buf_addf(&text, "naive,1,7,2,op%d,1,ok,,5,10,30,4,serializable,0\n", k);
  pgr_buf_adds(&text, "trigger,1,7,2,another,1,ok,,5,10,30,4,serializable,0\n");
  pgr_buf_adds(&text, "naive,1,7,2,another,1,ok,,5,10,30,4,serializable,0\n");
  refuses(pgr_buf_text(&text), "h.csv:11:13: operation: more than 8 different ones");
  pgr_buf_clear(&text);
  pgr_buf_adds(&text, HEADER);
  for (int gap = 0; gap <= 1024; gap++)
    pgr_buf_addf(&text, "naive,1,7,2,claim,1,ok,,5,10,30,4,serializable,%d\n", gap);
  refuses(pgr_buf_text(&text), "h.csv:1026:1: more than 1024 combinations of a strategy, an isolation level and a gap");
  pgr_buf_clear(&text);
  pgr_buf_addf(&text, "%sn%063d,1,7,2,claim,1,ok,,5,10,30,4,serializable,0\n", HEADER, 1);
  refuses(pgr_buf_text(&text), "h.csv:2:1: strategy: no name of one");
  pgr_buf_deinit(&text);
}

static void a_file_that_cannot_be_read_says_so(void **state) {
  (void)state;
  pgr_history_file file = {0};
  pgr_err err;
  FILE *in = fopen("/", "r");
  if (!in) skip();
  assert_int_equal(pgr_history_read_csv(in, "h.csv", MANY, &file, &err), PGR_EENVIRONMENT);
  assert_non_null(strstr(err.msg, "h.csv: cannot be read: Is a directory"));
  fclose(in);
}

static void without_memory_nothing_is_left(void **state) {
  (void)state;
  static const char text[] = HEADER "naive,1,7,2,claim,1,ok,,5,10,30,4,serializable,0\n"
                                    "naive,1,7,2,reply,1,ok,,5,10,30,4,serializable,1\n";
  pgr_code code = PGR_ENOMEM;
  for (unsigned long nth = 1; code; nth++) {
    pgr_history_file file = {0};
    pgr_err err;
    pgr_mem_fail_nth(nth);
    code = read_bytes(text, sizeof text - 1, MANY, &file, &err);
    pgr_mem_fail_nth(0);
    if (code) {
      assert_int_equal(code, PGR_ENOMEM);
      assert_null(file.cells);
    }
    pgr_history_file_deinit(&file);
    assert_true(nth < 50);
  }
}

/* Exporting ----------------------------------------------------------------------------------------------------------
 */

typedef pgr_code exporter(const pgr_history_rows *rows, FILE *out, pgr_err *err);

static char *exported(exporter *write, const pgr_op *ops, size_t count) {
  static char claim[] = "claim", two_phase[] = "2pc";
  pgr_history_rows rows = {.history = pgr_history_create(count), .kinds = {claim, two_phase}, .kind_count = 2};
  char *text = NULL;
  size_t len = 0;
  pgr_err err;
  for (size_t i = 0; i < count; i++)
    assert_int_equal(pgr_history_append(rows.history, &ops[i]), PGR_OK);
  FILE *out = open_memstream(&text, &len);
  assert_int_equal(write(&rows, out, &err), PGR_OK);
  fclose(out);
  pgr_history_destroy(rows.history);
  return text;
}

static void becomes(exporter *write, const pgr_op *ops, size_t count, const char *expected) {
  char *text = exported(write, ops, count);
  assert_string_equal(text, expected);
  free(text);
}

static pgr_op told(uint32_t agent, int64_t call_ns, int64_t return_ns, pgr_outcome outcome, const char *sqlstate) {
  pgr_op op = {.key = 17,
               .round = 1,
               .agent = agent,
               .attempt = 1,
               .call_ns = call_ns,
               .return_ns = return_ns,
               .outcome = (uint8_t)outcome};
  snprintf(op.sqlstate, sizeof op.sqlstate, "%s", sqlstate);
  return op;
}

static void every_outcome_has_its_type(void **state) {
  (void)state;
  const pgr_op ops[] = {told(1, 0, 9, PGR_OUTCOME_OK, ""),
                        told(2, 1, 10, PGR_OUTCOME_REFUSED, ""),
                        told(3, 2, 11, PGR_OUTCOME_REJECTED, "23514"),
                        told(4, 3, 12, PGR_OUTCOME_FAILED, "XX000"),
                        told(5, 4, 13, PGR_OUTCOME_UNKNOWN, ""),
                        told(6, 5, 14, PGR_OUTCOME_RETRIED, "40001")};
  becomes(pgr_history_write_edn, ops, 6,
          "{:index 0, :time 0, :type :invoke, :process 1, :f :claim, :value 17}\n"
          "{:index 1, :time 1, :type :invoke, :process 2, :f :claim, :value 17}\n"
          "{:index 2, :time 2, :type :invoke, :process 3, :f :claim, :value 17}\n"
          "{:index 3, :time 3, :type :invoke, :process 4, :f :claim, :value 17}\n"
          "{:index 4, :time 4, :type :invoke, :process 5, :f :claim, :value 17}\n"
          "{:index 5, :time 5, :type :invoke, :process 6, :f :claim, :value 17}\n"
          "{:index 6, :time 9, :type :ok, :process 1, :f :claim, :value 17}\n"
          "{:index 7, :time 10, :type :fail, :process 2, :f :claim, :value 17, :error :refused}\n"
          "{:index 8, :time 11, :type :fail, :process 3, :f :claim, :value 17, :error [:rejected \"23514\"]}\n"
          "{:index 9, :time 12, :type :fail, :process 4, :f :claim, :value 17, :error [:failed \"XX000\"]}\n"
          "{:index 10, :time 13, :type :info, :process 5, :f :claim, :value 17, :error :unknown}\n"
          "{:index 11, :time 14, :type :info, :process 6, :f :claim, :value 17, :error [:retried \"40001\"]}\n");
  becomes(
      pgr_history_write_json, ops + 1, 2,
      "[\n{\"index\":0,\"time\":1,\"type\":\"invoke\",\"process\":2,\"f\":\"claim\",\"value\":17},\n"
      "{\"index\":1,\"time\":2,\"type\":\"invoke\",\"process\":3,\"f\":\"claim\",\"value\":17},\n"
      "{\"index\":2,\"time\":10,\"type\":\"fail\",\"process\":2,\"f\":\"claim\",\"value\":17,\"error\":\"refused\"},\n"
      "{\"index\":3,\"time\":11,\"type\":\"fail\",\"process\":3,\"f\":\"claim\",\"value\":17,"
      "\"error\":[\"rejected\",\"23514\"]}\n]\n");
  becomes(pgr_history_write_json, ops, 0, "[\n]\n");
  becomes(pgr_history_write_edn, ops, 0, "");
}

static void a_keyword_begins_with_no_digit(void **state) {
  (void)state;
  pgr_op op = told(1, 5, 5, PGR_OUTCOME_OK, "");
  op.kind = 1;
  op.key = -3;
  becomes(pgr_history_write_edn, &op, 1,
          "{:index 0, :time 5, :type :invoke, :process 1, :f \"2pc\", :value -3}\n"
          "{:index 1, :time 5, :type :ok, :process 1, :f \"2pc\", :value -3}\n");
}

/* Three agents: agent 1 goes on as process 4, then 7; agent 2 keeps its process. */
static void after_info_the_agent_is_another_process(void **state) {
  (void)state;
  const pgr_op ops[] = {told(1, 0, 1, PGR_OUTCOME_RETRIED, "40001"), told(1, 2, 3, PGR_OUTCOME_UNKNOWN, ""),
                        told(1, 4, 5, PGR_OUTCOME_OK, ""),           told(1, 6, 7, PGR_OUTCOME_OK, ""),
                        told(2, 8, 9, PGR_OUTCOME_FAILED, "XX000"),  told(2, 10, 11, PGR_OUTCOME_OK, ""),
                        told(3, 12, 13, PGR_OUTCOME_OK, "")};
  becomes(pgr_history_write_edn, ops, 7,
          "{:index 0, :time 0, :type :invoke, :process 1, :f :claim, :value 17}\n"
          "{:index 1, :time 1, :type :info, :process 1, :f :claim, :value 17, :error [:retried \"40001\"]}\n"
          "{:index 2, :time 2, :type :invoke, :process 4, :f :claim, :value 17}\n"
          "{:index 3, :time 3, :type :info, :process 4, :f :claim, :value 17, :error :unknown}\n"
          "{:index 4, :time 4, :type :invoke, :process 7, :f :claim, :value 17}\n"
          "{:index 5, :time 5, :type :ok, :process 7, :f :claim, :value 17}\n"
          "{:index 6, :time 6, :type :invoke, :process 7, :f :claim, :value 17}\n"
          "{:index 7, :time 7, :type :ok, :process 7, :f :claim, :value 17}\n"
          "{:index 8, :time 8, :type :invoke, :process 2, :f :claim, :value 17}\n"
          "{:index 9, :time 9, :type :fail, :process 2, :f :claim, :value 17, :error [:failed \"XX000\"]}\n"
          "{:index 10, :time 10, :type :invoke, :process 2, :f :claim, :value 17}\n"
          "{:index 11, :time 11, :type :ok, :process 2, :f :claim, :value 17}\n"
          "{:index 12, :time 12, :type :invoke, :process 3, :f :claim, :value 17}\n"
          "{:index 13, :time 13, :type :ok, :process 3, :f :claim, :value 17}\n");
}

static void what_touches_is_concurrent(void **state) {
  (void)state;
  const pgr_op ops[] = {told(1, 0, 5, PGR_OUTCOME_OK, ""), told(2, 5, 9, PGR_OUTCOME_OK, ""),
                        told(1, 5, 6, PGR_OUTCOME_OK, "")};
  becomes(pgr_history_write_edn, ops, 3,
          "{:index 0, :time 0, :type :invoke, :process 1, :f :claim, :value 17}\n"
          "{:index 1, :time 5, :type :invoke, :process 3, :f :claim, :value 17}\n"
          "{:index 2, :time 5, :type :invoke, :process 2, :f :claim, :value 17}\n"
          "{:index 3, :time 5, :type :ok, :process 1, :f :claim, :value 17}\n"
          "{:index 4, :time 6, :type :ok, :process 3, :f :claim, :value 17}\n"
          "{:index 5, :time 9, :type :ok, :process 2, :f :claim, :value 17}\n");
}

static void what_ends_together_ends_by_process(void **state) {
  (void)state;
  const pgr_op ops[] = {told(3, 2, 5, PGR_OUTCOME_OK, ""), told(2, 1, 5, PGR_OUTCOME_OK, ""),
                        told(1, 0, 5, PGR_OUTCOME_OK, "")};
  becomes(pgr_history_write_edn, ops, 3,
          "{:index 0, :time 0, :type :invoke, :process 1, :f :claim, :value 17}\n"
          "{:index 1, :time 1, :type :invoke, :process 2, :f :claim, :value 17}\n"
          "{:index 2, :time 2, :type :invoke, :process 3, :f :claim, :value 17}\n"
          "{:index 3, :time 5, :type :ok, :process 1, :f :claim, :value 17}\n"
          "{:index 4, :time 5, :type :ok, :process 2, :f :claim, :value 17}\n"
          "{:index 5, :time 5, :type :ok, :process 3, :f :claim, :value 17}\n");
}

/* Any history -------------------------------------------------------------------------------------------------------
 */

typedef struct entry {
  long long index, time, process, value;
  char type[8], f[16];
} entry;

/* Every line is one map, and nothing but that; how many. */
static size_t parse_edn(const char *text, entry *entries) {
  size_t count = 0;
  while (*text) {
    entry *e = &entries[count++];
    int used = 0;
    assert_true(count <= 2 * OPS_MAX);
    assert_int_equal(sscanf(text,
                            "{:index %lld, :time %lld, :type :%7[a-z], :process %lld, :f :%15[a-z], :value %lld%n",
                            &e->index, &e->time, e->type, &e->process, e->f, &e->value, &used),
                     6);
    text += used;
    const char *end = strchr(text, '\n');
    assert_non_null(end);
    bool whole = strncmp(text, "}\n", 2) == 0, has_error = strncmp(text, ", :error ", 9) == 0;
    assert_true(whole || has_error);
    assert_int_equal(whole, strcmp(e->type, "invoke") == 0 || strcmp(e->type, "ok") == 0);
    assert_true(end[-1] == '}');
    text = end + 1;
  }
  return count;
}

/* The end of the operation that entry i invokes; -1: none. */
static long end_of(const entry *entries, size_t count, size_t i) {
  for (size_t k = i + 1; k < count; k++)
    if (entries[k].process == entries[i].process) return (long)k;
  return -1;
}

static void check_rules(const entry *entries, size_t count) {
  for (size_t i = 0; i < count; i++) {
    bool invokes = strcmp(entries[i].type, "invoke") == 0;
    assert_int_equal(entries[i].index, i);
    if (i > 0) assert_true(entries[i].time >= entries[i - 1].time);
    long next = end_of(entries, count, i);
    if (invokes) { /* a process does one thing at a time, and ends it */
      assert_true(next > 0 && strcmp(entries[next].type, "invoke") != 0);
      assert_int_equal(entries[next].value, entries[i].value);
    } else if (strcmp(entries[i].type, "info") == 0) {
      assert_int_equal(next, -1);
    } else {
      assert_true(next < 0 || strcmp(entries[next].type, "invoke") == 0);
    }
  }
}

/* Keys are the operations' numbers: who is concurrent with whom is as the closed intervals say. */
static void check_order(const pgr_op *ops, size_t op_count, const entry *entries, size_t count) {
  size_t begin[OPS_MAX], end[OPS_MAX];
  assert_int_equal(count, 2 * op_count);
  for (size_t i = 0; i < count; i++)
    if (strcmp(entries[i].type, "invoke") == 0)
      begin[entries[i].value] = i;
    else
      end[entries[i].value] = i;
  for (size_t a = 0; a < op_count; a++) {
    assert_int_equal(entries[begin[a]].time, ops[a].call_ns);
    assert_int_equal(entries[end[a]].time, ops[a].return_ns);
    for (size_t b = 0; b < op_count; b++)
      assert_int_equal(end[a] < begin[b], ops[a].return_ns < ops[b].call_ns);
  }
}

static void shuffle(pgr_random *random, pgr_op *ops, size_t count) {
  for (size_t i = count; i > 1; i--) {
    size_t k = pgr_random_below(random, i);
    pgr_op other = ops[k];
    ops[k] = ops[i - 1];
    ops[i - 1] = other;
  }
}

static void jepsens_rules_hold_for_any_history(void **state) {
  (void)state;
  static pgr_op ops[OPS_MAX], sorted[OPS_MAX];
  static entry entries[2 * OPS_MAX];
  pgr_random random;
  pgr_random_init(&random, 42, 0);
  for (int run = 0; run < 200; run++) {
    size_t count = 1 + pgr_random_below(&random, run < 190 ? 40 : OPS_MAX);
    uint64_t agents = 1 + pgr_random_below(&random, 6), span = 1 + pgr_random_below(&random, 200);
    for (size_t i = 0; i < count; i++) { /* agents of a file from anybody may do two things at once */
      int64_t call_ns = (int64_t)pgr_random_below(&random, span);
      ops[i] = told(1 + (uint32_t)pgr_random_below(&random, agents), call_ns,
                    call_ns + (int64_t)pgr_random_below(&random, 1 + span / 4),
                    (pgr_outcome)pgr_random_below(&random, PGR_OUTCOME_COUNT), "");
      ops[i].key = (int64_t)i;
    }
    char *text = exported(pgr_history_write_edn, ops, count);
    size_t entry_count = parse_edn(text, entries);
    check_rules(entries, entry_count);
    check_order(ops, count, entries, entry_count);
    memcpy(sorted, ops, count * sizeof *ops);
    shuffle(&random, sorted, count);
    char *again = exported(pgr_history_write_edn, sorted, count);
    assert_string_equal(again, text); /* whatever the order of lines was */
    free(again);
    free(text);
  }
}

static void what_cannot_be_written_is_reported(void **state) {
  (void)state;
  static char claim[] = "claim";
  pgr_op op = told(1, 0, 1, PGR_OUTCOME_OK, "");
  pgr_history_rows rows = {.history = pgr_history_create(1), .kinds = {claim}, .kind_count = 1};
  pgr_err err;
  assert_int_equal(pgr_history_append(rows.history, &op), PGR_OK);
  FILE *nowhere = fopen("/dev/null", "w"), *full = fopen("/dev/full", "w");
  assert_non_null(nowhere);
  for (unsigned long nth = 1; nth <= 3; nth++) {
    pgr_mem_fail_nth(nth);
    assert_int_equal(pgr_history_write_json(&rows, nowhere, &err), PGR_ENOMEM);
    pgr_mem_fail_nth(0);
  }
  if (full) {
    assert_int_equal(pgr_history_write_edn(&rows, full, &err), PGR_EENVIRONMENT);
    assert_non_null(strstr(err.msg, "No space left"));
    fclose(full);
  }
  fclose(nowhere);
  pgr_history_destroy(rows.history);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(what_was_written_is_read),
                                     cmocka_unit_test(an_older_file_has_no_gap),
                                     cmocka_unit_test(columns_go_by_name),
                                     cmocka_unit_test(every_line_is_checked),
                                     cmocka_unit_test(the_header_is_checked),
                                     cmocka_unit_test(names_are_limited),
                                     cmocka_unit_test(a_file_that_cannot_be_read_says_so),
                                     cmocka_unit_test(without_memory_nothing_is_left),
                                     cmocka_unit_test(every_outcome_has_its_type),
                                     cmocka_unit_test(a_keyword_begins_with_no_digit),
                                     cmocka_unit_test(after_info_the_agent_is_another_process),
                                     cmocka_unit_test(what_touches_is_concurrent),
                                     cmocka_unit_test(what_ends_together_ends_by_process),
                                     cmocka_unit_test(jepsens_rules_hold_for_any_history),
                                     cmocka_unit_test(what_cannot_be_written_is_reported)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
