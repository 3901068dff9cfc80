/* What a cell is filled with: which violations are told as stories, and how, who waited for whom, how fast it went.
 * From histories and traces that are made up. */
#include "pgr_test.h"

#include "pgr_clock.h"
#include "pgr_result.h"
#include <string.h>

enum { CLAIM, REPLY };

static const pgr_scenario scenario = {
    .name = "claim",
    .key = {"conversation", 101, 1000},
    .operations = {{"claim", PGR_WHEN_START, -1}, {"reply", PGR_WHEN_AFTER, 0}},
    .operation_count = 2,
    .ownership = {.declared = true, .name = "one owner", .acquire = CLAIM, .release = -1, .capacity = 1},
    .invariants = {{.name = "one answer"}, {.name = "no answer twice"}},
    .invariant_count = 2,
    .strategies = {{.name = "naive", .at = {{true, PGR_EXPECT_RACE}}}},
    .strategy_count = 1};

typedef struct made {
  pgr_history *history;
  pgr_trace trace;
  pgr_findings findings;
} made;

static made make(void) {
  made m = {.history = pgr_history_create(1000), .findings = {.known = true, .rule_count = 3}};
  assert_non_null(m.history);
  m.findings.rules[0] = (pgr_rule){.name = "one owner", .from_history = true, .known = true};
  m.findings.rules[1] = (pgr_rule){.name = "one answer", .known = true};
  m.findings.rules[2] = (pgr_rule){.name = "no answer twice", .known = true};
  return m;
}

static void add_steps(made *m, int64_t round, uint32_t agent, int kind, int64_t first_ns, int64_t last_ns,
                      pgr_outcome outcome) {
  pgr_trace_step steps[2] = {{.round = round,
                              .key = 100 + round,
                              .agent = agent,
                              .kind = (uint8_t)kind,
                              .call_ns = first_ns,
                              .return_ns = first_ns + 5,
                              .outcome = PGR_OUTCOME_COUNT}};
  steps[1] = steps[0];
  steps[1].call_ns = last_ns;
  steps[1].return_ns = last_ns + 5;
  steps[1].outcome = (uint8_t)outcome;
  assert_int_equal(pgr_trace_add(&m->trace, steps, 2), PGR_OK);
}

/* Agents a and b were both told yes, b second. */
static void add_violation(made *m, int64_t round, uint32_t a, uint32_t b) {
  pgr_op op = {.key = 100 + round, .round = round, .agent = a, .kind = CLAIM, .outcome = PGR_OUTCOME_OK};
  pgr_ownership_report *r = &m->findings.ownership;
  size_t at = pgr_history_count(m->history);
  assert_int_equal(pgr_history_append(m->history, &op), PGR_OK);
  op.agent = b;
  assert_int_equal(pgr_history_append(m->history, &op), PGR_OK);
  r->kept[r->kept_count++] = (pgr_violation){op.key, round, at, at + 1};
  assert_int_equal(pgr_rounds_add(&m->findings.broken, round), PGR_OK);
  m->findings.rules[0].broken++;
}

static void add_broken_rows(made *m, int rule, int64_t round) {
  m->findings.rules[rule].broken++;
  assert_int_equal(pgr_rounds_add(&m->findings.broken, round), PGR_OK);
  if (m->findings.rows_rule && strcmp(m->findings.rows_rule, m->findings.rules[rule].name) != 0) return;
  m->findings.rows_rule = m->findings.rules[rule].name;
  assert_int_equal(pgr_rounds_add(&m->findings.rows_broken, round), PGR_OK);
}

/* The cell of all that, good until the next one; frees it. */
static const pgr_cell *cell_of(made *m, const pgr_scenario *of, const pgr_tally *tally, int64_t elapsed_ns) {
  static pgr_cell cell;
  pgr_err err;
  cell = (pgr_cell){.strategy = &scenario.strategies[0], .elapsed_ns = elapsed_ns};
  pgr_rounds_settle(&m->findings.broken);
  pgr_rounds_settle(&m->findings.rows_broken);
  assert_int_equal(pgr_cell_fill(&cell, of, tally, m->history, &m->trace, &m->findings, &err), PGR_OK);
  assert_true(cell.evidence.ran && cell.evidence.rules_known);
  assert_int_equal(cell.evidence.duplicates, m->findings.broken.count);
  assert_int_equal(cell.rule_count, 3);
  pgr_history_destroy(m->history);
  pgr_trace_deinit(&m->trace);
  pgr_findings_deinit(&m->findings);
  return &cell;
}

static const pgr_cell *untallied_cell_of(made *m, const pgr_scenario *of) {
  pgr_tally tally;
  pgr_tally_init(&tally);
  const pgr_cell *cell = cell_of(m, of, &tally, 1000);
  pgr_tally_deinit(&tally);
  return cell;
}

static pgr_story story_of(made *m) {
  const pgr_cell *cell = untallied_cell_of(m, &scenario);
  assert_true(cell->story_count <= 1);
  return cell->stories[0];
}

static void two_owners_by_their_acquires(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 7, 3, 5);
  add_steps(&m, 7, 3, CLAIM, 10, 30, PGR_OUTCOME_OK);
  add_steps(&m, 7, 3, REPLY, 40, 50, PGR_OUTCOME_OK);
  add_steps(&m, 7, 5, CLAIM, 20, 35, PGR_OUTCOME_OK);
  add_steps(&m, 7, 9, CLAIM, 15, 25, PGR_OUTCOME_REFUSED);
  pgr_story s = story_of(&m);
  assert_int_equal(s.count, 4);
  assert_int_equal(s.round, 7);
  assert_int_equal(s.key, 107);
  assert_int_equal(s.second_owner, 5);
  assert_string_equal(s.rule, "one owner");
  const int64_t calls[] = {10, 20, 30, 35};
  for (size_t i = 0; i < 4; i++) {
    assert_int_equal(s.steps[i].call_ns, calls[i]);
    assert_int_equal(s.steps[i].agent, i % 2 ? 5 : 3);
    assert_int_equal(s.steps[i].kind, CLAIM);
  }
}

static void the_quickest_is_told(void **state) {
  (void)state;
  made m = make();
  for (int64_t round = 1; round <= 3; round++) {
    int64_t takes_ns = round == 2 ? 50 : 500;
    add_violation(&m, round, 1, 2);
    add_steps(&m, round, 1, CLAIM, 10, 10 + takes_ns, PGR_OUTCOME_OK);
    add_steps(&m, round, 2, CLAIM, 12, 12 + takes_ns, PGR_OUTCOME_OK);
  }
  assert_int_equal(untallied_cell_of(&m, &scenario)->stories[0].round, 2);
}

/* Two of `yes` agents in a round are told; all were told yes. */
static void add_owners(made *m, int64_t round, uint32_t yes, int64_t takes_ns) {
  add_violation(m, round, 1, 2);
  for (uint32_t agent = 1; agent <= yes; agent++)
    add_steps(m, round, agent, CLAIM, 10 + agent, 10 + agent + takes_ns, PGR_OUTCOME_OK);
}

/* By most who were told yes, then by the quickest; no more than there is room for. */
static void the_worst_come_first(void **state) {
  (void)state;
  static const struct {
    uint32_t yes;
    int64_t takes_ns;
  } rounds[] = {{2, 50}, {3, 90}, {4, 500}, {3, 40}, {2, 20}};
  static const int64_t want[PGR_STORIES_MAX] = {3, 4, 2};
  made m = make();
  for (size_t i = 0; i < sizeof rounds / sizeof *rounds; i++)
    add_owners(&m, (int64_t)i + 1, rounds[i].yes, rounds[i].takes_ns);
  const pgr_cell *cell = untallied_cell_of(&m, &scenario);
  assert_int_equal(cell->story_count, PGR_STORIES_MAX);
  for (size_t i = 0; i < PGR_STORIES_MAX; i++)
    assert_int_equal(cell->stories[i].round, want[i]);
}

static void add_op(made *m, int64_t round, uint32_t agent, int kind, int64_t call_ns, int64_t return_ns,
                   pgr_outcome outcome) {
  pgr_op op = {.key = 100 + round,
               .round = round,
               .agent = agent,
               .kind = (uint8_t)kind,
               .call_ns = call_ns,
               .return_ns = return_ns,
               .outcome = (uint8_t)outcome};
  assert_int_equal(pgr_history_append(m->history, &op), PGR_OK);
}

/* As many were told yes; two shared the key longer in round 2, which takes longer to tell, too. What does not release
 * the key does not end that: a release that failed, one of another key, one of somebody else, one before. */
static void who_shared_longer_comes_first(void **state) {
  (void)state;
  enum { RELEASE = REPLY };
  pgr_scenario released = scenario;
  made m = make();
  released.ownership.release = RELEASE;
  add_owners(&m, 1, 2, 20);
  add_owners(&m, 2, 2, 60);
  add_op(&m, 1, 1, RELEASE, 100, 110, PGR_OUTCOME_OK);
  add_op(&m, 1, 2, RELEASE, 130, 140, PGR_OUTCOME_OK);
  add_op(&m, 2, 1, RELEASE, 90, 95, PGR_OUTCOME_FAILED);
  add_op(&m, 2, 9, RELEASE, 90, 95, PGR_OUTCOME_OK);
  add_op(&m, 2, 1, RELEASE, -10, -5, PGR_OUTCOME_OK);
  add_op(&m, 3, 1, RELEASE, 90, 95, PGR_OUTCOME_OK);
  add_op(&m, 2, 1, RELEASE, 120, 125, PGR_OUTCOME_UNKNOWN);
  add_op(&m, 2, 1, RELEASE, 900, 905, PGR_OUTCOME_OK);
  add_op(&m, 2, 2, RELEASE, 150, 155, PGR_OUTCOME_RETRIED);
  const pgr_cell *cell = untallied_cell_of(&m, &released);
  assert_int_equal(cell->story_count, 2);
  assert_int_equal(cell->stories[0].round, 2);
  assert_int_equal(cell->stories[1].round, 1);
}

/* Two violations of one round are one story. */
static void a_round_is_told_once(void **state) {
  (void)state;
  made m = make();
  add_owners(&m, 1, 3, 50);
  add_violation(&m, 1, 1, 3);
  add_violation(&m, 1, 2, 3);
  const pgr_cell *cell = untallied_cell_of(&m, &scenario);
  assert_int_equal(cell->story_count, 1);
}

static void rows_fill_all_places(void **state) {
  (void)state;
  made m = make();
  for (int64_t round = 1; round <= 5; round++) {
    int64_t takes_ns = round == 4 ? 10 : 10 * (round + 1);
    add_broken_rows(&m, 1, round);
    add_steps(&m, round, 1, CLAIM, 10, 10 + takes_ns, PGR_OUTCOME_OK);
    add_steps(&m, round, 2, CLAIM, 11, 11 + takes_ns, PGR_OUTCOME_OK);
  }
  const pgr_cell *cell = untallied_cell_of(&m, &scenario);
  static const int64_t want[PGR_STORIES_MAX] = {4, 1, 2};
  assert_int_equal(cell->story_count, PGR_STORIES_MAX);
  for (size_t i = 0; i < PGR_STORIES_MAX; i++)
    assert_int_equal(cell->stories[i].round, want[i]);
}

/* Where the second one's last statement went out before the first one's, the order of the answers cannot be read from
 * the order of the statements: another round is told, or none. */
static void what_is_hard_to_follow_is_not_told(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 1, 2);
  add_steps(&m, 1, 1, CLAIM, 10, 40, PGR_OUTCOME_OK);
  add_steps(&m, 1, 2, CLAIM, 12, 30, PGR_OUTCOME_OK);
  add_violation(&m, 2, 1, 2); /* without a trace */
  assert_int_equal(story_of(&m).count, 0);
}

static void rows_are_told_by_two_who_met(void **state) {
  (void)state;
  made m = make();
  add_broken_rows(&m, 1, 4);
  add_steps(&m, 3, 1, CLAIM, 10, 20, PGR_OUTCOME_OK); /* another round, nothing broken */
  add_steps(&m, 3, 2, CLAIM, 11, 21, PGR_OUTCOME_OK);
  add_steps(&m, 4, 1, CLAIM, 10, 30, PGR_OUTCOME_OK);
  add_steps(&m, 4, 1, REPLY, 40, 50, PGR_OUTCOME_OK);
  add_steps(&m, 4, 2, CLAIM, 11, 31, PGR_OUTCOME_REFUSED);
  add_steps(&m, 4, 3, CLAIM, 45, 60, PGR_OUTCOME_OK);
  add_steps(&m, 4, 4, CLAIM, 90, 99, PGR_OUTCOME_OK); /* nobody else was there any more */
  pgr_story s = story_of(&m);
  assert_int_equal(s.round, 4);
  assert_int_equal(s.key, 104);
  assert_int_equal(s.second_owner, 0);
  assert_string_equal(s.rule, "one answer");
  assert_int_equal(s.count, 6); /* both operations of 1, and 3 */
  for (size_t i = 0; i < s.count; i++)
    assert_true(s.steps[i].agent == 1 || s.steps[i].agent == 3);
  for (size_t i = 1; i < s.count; i++)
    assert_true(s.steps[i - 1].call_ns <= s.steps[i].call_ns);
}

/* A round is told as what it is: not as a breach of a rule that another round broke. */
static void a_story_is_of_the_rule_it_names(void **state) {
  (void)state;
  made m = make();
  add_broken_rows(&m, 1, 5);
  add_broken_rows(&m, 2, 6);
  add_steps(&m, 5, 1, CLAIM, 10, 900, PGR_OUTCOME_OK);
  add_steps(&m, 5, 2, CLAIM, 11, 901, PGR_OUTCOME_OK);
  add_steps(&m, 6, 1, CLAIM, 10, 20, PGR_OUTCOME_OK); /* quicker */
  add_steps(&m, 6, 2, CLAIM, 11, 21, PGR_OUTCOME_OK);
  pgr_story s = story_of(&m);
  assert_string_equal(s.rule, "one answer");
  assert_int_equal(s.round, 5);
}

/* Two owners that cannot be told, and rows that are in order: no story, rather than one that names no rule. */
static void no_rule_no_story(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 1, 2);
  add_steps(&m, 1, 1, CLAIM, 10, 40, PGR_OUTCOME_OK);
  add_steps(&m, 1, 2, CLAIM, 12, 30, PGR_OUTCOME_OK);
  pgr_story s = story_of(&m);
  assert_int_equal(s.count, 0);
}

static void owners_before_rows(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 1, 2);
  add_steps(&m, 1, 1, CLAIM, 10, 40, PGR_OUTCOME_OK);
  add_steps(&m, 1, 2, CLAIM, 12, 50, PGR_OUTCOME_OK);
  add_broken_rows(&m, 1, 2);
  add_steps(&m, 2, 1, CLAIM, 10, 11, PGR_OUTCOME_OK);
  add_steps(&m, 2, 2, CLAIM, 10, 11, PGR_OUTCOME_OK);
  pgr_story s = story_of(&m);
  assert_int_equal(s.second_owner, 2);
  assert_string_equal(s.rule, "one owner");
}

static void too_many_statements_are_no_story(void **state) {
  (void)state;
  made m = make();
  add_broken_rows(&m, 1, 1);
  for (uint32_t agent = 1; agent <= 2; agent++)
    for (int i = 0; i < PGR_STORY_STEPS_MAX / 4 + 1; i++)
      add_steps(&m, 1, agent, CLAIM, 10 + i, 20 + i, PGR_OUTCOME_OK);
  assert_int_equal(story_of(&m).count, 0);
}

/* Waits -------------------------------------------------------------------------------------------------------------
 */

typedef struct line {
  uint32_t agent;
  int64_t call_ns, return_ns;
  const char *sql;
  uint32_t for_agent; /* what is to be inferred */
  int64_t until_ns;
} line;

static void add_line(made *m, const line *l, const char *sqlstate, int64_t rows) {
  pgr_trace_step s = {.round = 1,
                      .key = 101,
                      .agent = l->agent,
                      .kind = CLAIM,
                      .call_ns = l->call_ns,
                      .return_ns = l->return_ns,
                      .rows = rows,
                      .outcome = PGR_OUTCOME_COUNT};
  snprintf(s.sql, sizeof s.sql, "%s", l->sql);
  snprintf(s.sqlstate, sizeof s.sqlstate, "%s", sqlstate);
  assert_int_equal(pgr_trace_add(&m->trace, &s, 1), PGR_OK);
}

/* Lines are of agents 1 and 2 (and others), an agent's together; all of it is one story. */
static void check_waits(const line *lines, size_t count) {
  made m = make();
  pgr_scenario all = scenario;
  all.operations[REPLY].when = PGR_WHEN_START; /* different parts: all of a round is told */
  add_broken_rows(&m, 1, 1);
  for (size_t i = 0; i < count; i++) {
    bool counts = strncmp(lines[i].sql, "BEGIN", 5) != 0 && strcmp(lines[i].sql, "COMMIT") != 0;
    const char *zero = strstr(lines[i].sql, "-- none");
    add_line(&m, &lines[i], strstr(lines[i].sql, "-- error") ? "23505" : "", !counts ? -1 : zero ? 0 : 1);
  }
  const pgr_story *s = &untallied_cell_of(&m, &all)->stories[0];
  assert_int_equal(s->count, count);
  for (size_t i = 0; i < count; i++)
    for (size_t k = 0; k < count; k++) {
      if (s->steps[k].agent != lines[i].agent || s->steps[k].call_ns != lines[i].call_ns) continue;
      if (s->waited[k].for_agent != lines[i].for_agent || s->waited[k].until_ns != lines[i].until_ns)
        fail_msg("agent %u, %s: waited for %u until %lld", lines[i].agent, lines[i].sql, s->waited[k].for_agent,
                 (long long)s->waited[k].until_ns);
    }
}

#define CHECK_WAITS(...)                                                                                               \
  do {                                                                                                                 \
    static const line lines[] = {__VA_ARGS__};                                                                         \
    check_waits(lines, sizeof lines / sizeof *lines);                                                                  \
  } while (0)

/* In flight when the other's COMMIT came back, whatever it began with. */
static void a_statement_waits_for_a_commit(void **state) {
  (void)state;
  CHECK_WAITS({1, 10, 15, "BEGIN ISOLATION LEVEL READ COMMITTED", 0, 0}, {1, 20, 25, "UPDATE t SET a = 1", 0, 0},
              {1, 40, 50, "COMMIT", 0, 0}, {2, 30, 60, "UPDATE t SET a = 2", 1, 50});
  CHECK_WAITS({1, 10, 15, "start transaction", 0, 0}, {1, 20, 25, "insert into public.t VALUES (1)", 0, 0},
              {1, 40, 50, "rollback", 0, 0}, {2, 30, 60, "INSERT INTO public.t VALUES (1) -- error", 1, 50});
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 20, 25, "DELETE FROM ONLY t", 0, 0}, {1, 40, 50, "END", 0, 0},
              {2, 30, 60, "SELECT a FROM t FOR NO KEY UPDATE NOWAIT", 1, 50});
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0},
              {1, 20, 25, "WITH x AS (SELECT 1 FROM u FOR UPDATE) UPDATE t SET a = 1", 0, 0},
              {1, 40, 50, "COMMIT", 0, 0}, {2, 30, 60, "WITH x AS (SELECT a FROM t FOR SHARE) SELECT 1", 1, 50});
}

/* Of a statement of many words, the table it writes to. */
static void written_tables(void **state) {
  (void)state;
  CHECK_WAITS({1, 10, 20, "WITH x AS (SELECT 1 FROM u FOR UPDATE OF u) UPDATE t SET a = 1", 0, 0},
              {2, 12, 30, "UPDATE t SET a = 2", 1, 20}, {3, 12, 30, "UPDATE of SET a = 2", 0, 0});
  CHECK_WAITS({1, 10, 20, "WITH x AS (SELECT 1) INSERT INTO t SELECT 1 ON CONFLICT (a) DO UPDATE SET a = 2", 0, 0},
              {2, 12, 30, "DELETE FROM t", 1, 20}, {3, 12, 30, "UPDATE u SET a = 2", 0, 0});
  CHECK_WAITS({1, 10, 20, "MERGE INTO t USING u ON true WHEN MATCHED THEN UPDATE SET a = 2", 0, 0},
              {2, 12, 30, "SELECT a FROM t FOR KEY SHARE", 1, 20}, {3, 12, 30, "DELETE FROM u", 0, 0});
}

/* Who waited may hear of it before who ended does. */
static void the_wait_ends_with_the_answer(void **state) {
  (void)state;
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 20, 25, "UPDATE t SET a = 1", 0, 0}, {1, 40, 50, "COMMIT", 0, 0},
              {2, 30, 45, "UPDATE t SET a = 2", 1, 45});
}

/* The other's write came after the statement was sent, and got the row all the same. */
static void who_came_later_may_be_first(void **state) {
  (void)state;
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 20, 25, "UPDATE t SET a = 1", 0, 0}, {1, 40, 50, "COMMIT", 0, 0},
              {2, 18, 60, "UPDATE t SET a = 2", 1, 50});
}

/* Statements that are transactions by themselves: sent first and answered first, or it is not known. */
static void overlapping_updates(void **state) {
  (void)state;
  CHECK_WAITS({1, 10, 20, "UPDATE t SET a = 1", 0, 0}, {2, 12, 30, "UPDATE t SET a = 2", 1, 20});
  CHECK_WAITS({1, 10, 40, "UPDATE t SET a = 1", 0, 0}, {2, 12, 30, "UPDATE t SET a = 2", 0, 0});
  CHECK_WAITS({1, 10, 20, "UPDATE t SET a = 1", 0, 0}, {2, 20, 30, "UPDATE t SET a = 2", 0, 0});
}

/* The last of those it waited for. */
static void a_queue(void **state) {
  (void)state;
  CHECK_WAITS({1, 10, 20, "UPDATE t SET a = 1", 0, 0}, {2, 11, 30, "UPDATE t SET a = 2", 1, 20},
              {3, 12, 40, "UPDATE t SET a = 3", 2, 30});
}

/* What looks alike and is no wait. */
static void no_wait(void **state) {
  (void)state;
  /* It reads; it writes something else; it is of the same agent. */
  CHECK_WAITS({1, 10, 20, "UPDATE t SET a = 1", 0, 0}, {2, 12, 30, "SELECT for_update FROM t", 0, 0},
              {3, 12, 30, "UPDATE tt SET a = 2", 0, 0}, {4, 12, 30, "UPDATE u SET t_ = 2", 0, 0});
  /* The other wrote nothing, failed, or has not ended. */
  CHECK_WAITS({1, 10, 20, "UPDATE t SET a = 1 -- none", 0, 0}, {2, 12, 30, "UPDATE t SET a = 2", 0, 0});
  CHECK_WAITS({1, 10, 20, "UPDATE t SET a = 1 -- error", 0, 0}, {2, 12, 30, "UPDATE t SET a = 2", 0, 0});
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 16, 20, "UPDATE t SET a = 1", 0, 0},
              {2, 17, 30, "UPDATE t SET a = 2", 0, 0});
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 16, 20, "UPDATE t SET a = 1", 0, 0},
              {1, 24, 25, "ROLLBACK TO SAVEPOINT s", 0, 0}, {2, 17, 30, "UPDATE t SET a = 2", 0, 0});
  /* The other only looked in its transaction, with a lock or without. */
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 16, 20, "SELECT a FROM t FOR UPDATE", 0, 0}, {1, 24, 25, "COMMIT", 0, 0},
              {2, 17, 30, "UPDATE t SET a = 2", 0, 0});
  /* Sent after the other's end was known; answered before it was asked for. */
  CHECK_WAITS({1, 10, 15, "BEGIN", 0, 0}, {1, 16, 20, "UPDATE t SET a = 1", 0, 0}, {1, 24, 25, "COMMIT", 0, 0},
              {2, 25, 30, "UPDATE t SET a = 2", 0, 0}, {3, 17, 23, "UPDATE t SET a = 3", 0, 0});
  /* The other's write was rolled back, by its application after an error, long before. */
  CHECK_WAITS({1, 1, 2, "BEGIN", 0, 0}, {1, 3, 4, "UPDATE t SET a = 1", 0, 0}, {1, 5, 6, "SELECT 1 -- error", 0, 0},
              {1, 8, 9, "BEGIN", 0, 0}, {1, 10, 11, "SELECT 1", 0, 0}, {1, 24, 25, "COMMIT", 0, 0},
              {2, 17, 30, "UPDATE t SET a = 2", 0, 0});
  /* It has the row locked itself: what it met was the other's older transaction. */
  CHECK_WAITS({1, 1, 2, "BEGIN", 0, 0}, {1, 3, 4, "UPDATE t SET a = 1", 0, 0}, {1, 24, 29, "COMMIT", 0, 0},
              {2, 5, 6, "BEGIN", 0, 0}, {2, 10, 26, "SELECT a FROM t FOR UPDATE", 1, 26},
              {2, 27, 40, "UPDATE t SET a = 2", 0, 0});
}

/* Agents that are not told count as well. */
static void one_waits_for_somebody_else(void **state) {
  (void)state;
  made m = make();
  add_violation(&m, 1, 2, 3);
  const line lines[] = {{1, 5, 6, "BEGIN", 0, 0},
                        {1, 7, 8, "UPDATE t SET a = 1", 0, 0},
                        {1, 40, 50, "COMMIT", 0, 0},
                        {2, 30, 60, "UPDATE t SET a = 2", 0, 0},
                        {3, 70, 80, "UPDATE t SET a = 3", 0, 0}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
    add_line(&m, &lines[i], "", strstr(lines[i].sql, "UPDATE") ? 1 : -1);
  for (size_t i = 3; i < 5; i++)
    m.trace.steps[i].outcome = PGR_OUTCOME_OK;
  pgr_story s = story_of(&m);
  assert_int_equal(s.count, 2);
  assert_int_equal(s.waited[0].for_agent, 1);
  assert_int_equal(s.waited[0].until_ns, 50);
  assert_int_equal(s.waited[1].for_agent, 0);
}

/* Figures -----------------------------------------------------------------------------------------------------------
 */

static void curves_are_of_the_main_operation(void **state) {
  (void)state;
  made m = make();
  pgr_tally t;
  pgr_tally_init(&t);
  for (int64_t i = 1; i <= 4; i++)
    assert_int_equal(pgr_tally_record(&t.service[CLAIM][PGR_OUTCOME_OK], i), PGR_OK);
  assert_int_equal(pgr_tally_record(&t.service[CLAIM][PGR_OUTCOME_REFUSED], 10), PGR_OK);
  assert_int_equal(pgr_tally_record(&t.service[CLAIM][PGR_OUTCOME_REJECTED], 20), PGR_OK);
  assert_int_equal(pgr_tally_record(&t.service[REPLY][PGR_OUTCOME_OK], 900), PGR_OK);
  const pgr_cell *cell = cell_of(&m, &scenario, &t, 1000);
  assert_int_equal(cell->winner_curve.count, 4);
  assert_int_equal(cell->winner_curve.points[3].ns, 4);
  assert_int_equal(cell->winner.max, 4);
  assert_int_equal(cell->loser_curve.count, 2);
  assert_int_equal(cell->loser_curve.points[0].ns, 10);
  assert_int_equal(cell->loser_curve.points[1].ns, 20);
  assert_int_equal(cell->loser.max, 20);
  pgr_tally_deinit(&t);
}

/* What is counted is what ended, of whatever operation, a try that was followed by another is not. */
static void throughput_is_of_all_that_ended(void **state) {
  (void)state;
  static const int64_t ms = PGR_NS_PER_MS;
  made m = make();
  pgr_tally t;
  pgr_tally_init(&t);
  add_op(&m, 1, 1, CLAIM, 0, 0, PGR_OUTCOME_OK);
  add_op(&m, 1, 2, CLAIM, 0, 2 * ms - 1, PGR_OUTCOME_REFUSED);
  add_op(&m, 1, 3, REPLY, 0, 2 * ms, PGR_OUTCOME_FAILED);
  add_op(&m, 1, 4, CLAIM, 0, 5 * ms, PGR_OUTCOME_RETRIED);
  add_op(&m, 1, 4, CLAIM, 0, 61 * ms, PGR_OUTCOME_UNKNOWN);
  const pgr_cell *cell = cell_of(&m, &scenario, &t, 64 * ms);
  const pgr_throughput *p = &cell->throughput;
  assert_int_equal(p->slice_ns, 2 * ms);
  assert_int_equal(p->count, 32);
  for (size_t i = 0; i < p->count; i++)
    assert_int_equal(p->ended[i], i == 0 ? 2 : i == 1 || i == 30 ? 1 : 0);
  pgr_tally_deinit(&t);
}

static void slices_are_round_and_few(void **state) {
  (void)state;
  static const int64_t ms = PGR_NS_PER_MS;
  static const struct {
    int64_t last_ns, slice_ns;
    size_t count;
  } cases[] = {{0, 1, 1},    {59, 1, 60},   {60, 2, 31},      {119, 2, 60},           {120, 5, 25},
               {299, 5, 60}, {300, 10, 31}, {10000, 200, 51}, {36000000, 1000000, 37}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    made m = make();
    pgr_tally t;
    pgr_tally_init(&t);
    add_op(&m, 1, 1, CLAIM, 0, cases[i].last_ns * ms, PGR_OUTCOME_OK); /* later than the race is said to have taken */
    const pgr_throughput *p = &cell_of(&m, &scenario, &t, 1)->throughput;
    assert_int_equal(p->slice_ns, cases[i].slice_ns * ms);
    assert_int_equal(p->count, cases[i].count);
    assert_int_equal(p->ended[p->count - 1], 1);
    pgr_tally_deinit(&t);
  }
  made m = make();
  assert_int_equal(untallied_cell_of(&m, &scenario)->throughput.count, 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(two_owners_by_their_acquires),
                                     cmocka_unit_test(the_quickest_is_told),
                                     cmocka_unit_test(what_is_hard_to_follow_is_not_told),
                                     cmocka_unit_test(rows_are_told_by_two_who_met),
                                     cmocka_unit_test(a_story_is_of_the_rule_it_names),
                                     cmocka_unit_test(no_rule_no_story),
                                     cmocka_unit_test(owners_before_rows),
                                     cmocka_unit_test(too_many_statements_are_no_story),
                                     cmocka_unit_test(the_worst_come_first),
                                     cmocka_unit_test(who_shared_longer_comes_first),
                                     cmocka_unit_test(a_round_is_told_once),
                                     cmocka_unit_test(rows_fill_all_places),
                                     cmocka_unit_test(a_statement_waits_for_a_commit),
                                     cmocka_unit_test(written_tables),
                                     cmocka_unit_test(the_wait_ends_with_the_answer),
                                     cmocka_unit_test(who_came_later_may_be_first),
                                     cmocka_unit_test(overlapping_updates),
                                     cmocka_unit_test(a_queue),
                                     cmocka_unit_test(no_wait),
                                     cmocka_unit_test(one_waits_for_somebody_else),
                                     cmocka_unit_test(curves_are_of_the_main_operation),
                                     cmocka_unit_test(throughput_is_of_all_that_ended),
                                     cmocka_unit_test(slices_are_round_and_few)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
