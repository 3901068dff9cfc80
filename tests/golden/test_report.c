/* Fixed results, every renderer: what comes out is compared with the files beside this one. With PGR_GOLDEN_WRITE
 * set they are written instead: look at the difference before you commit it. */
#include "pgr_test.h"

#include "pgr_report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *golden_dir;

static const pgr_latency fast = {16000, 212000, 611000, 904000, 5120000};
static const pgr_latency slow = {14000, 310000, 880000, 1200000, 12000000};

/* Scenarios, as far as a renderer looks at them ---------------------------------------------------------------------
 */

enum { NAIVE, TRIGGER, REPEATABLE_READ, NOWAIT };

static const pgr_scenario claim = {
    .name = "claim",
    .source = {.name = "scenarios/claim/claim.yaml"},
    .title = "agents claim one conversation",
    .lesson = "A check and an update are two steps.",
    .broken = "The customer got two answers.",
    .key = {"conversation", 1, 1000000},
    .protocol = PGR_PROTOCOL_PREPARED,
    .operations = {{"claim", PGR_WHEN_START, -1}, {"reply", PGR_WHEN_AFTER, 0}, {"release", PGR_WHEN_END, 0}},
    .operation_count = 3,
    .ownership = {.declared = true, .name = "one owner a conversation", .acquire = 0, .release = 2, .capacity = 1},
    .invariants = {{.name = "one answer a conversation"}},
    .invariant_count = 1,
    .rejections = {{"23514", "conversation_texter_assignment_constraint", "texter_id",
                    "This conversation is already checked out"},
                   {"55P03", NULL, NULL, "Somebody is checking this conversation out right now"}},
    .rejection_count = 2,
    .strategies = {[NAIVE] = {.name = "naive",
                              .summary = "check, then update",
                              .line = 27,
                              .at = {{true, PGR_EXPECT_RACE}, {true, PGR_EXPECT_RACE}, {true, PGR_EXPECT_NOTHING}}},
                   [TRIGGER] = {.name = "trigger",
                                .at = {{true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}}},
                   [REPEATABLE_READ] = {.name = "repeatable-read",
                                        .first = PGR_REPEATABLE_READ,
                                        .at = {[PGR_REPEATABLE_READ] = {true, PGR_EXPECT_SAFE}}},
                   [NOWAIT] = {.name = "for-update-nowait",
                               .at = {{true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}}}},
    .strategy_count = 4};

/* Rules about the rows alone. */
static const pgr_scenario overdraft = {.name = "overdraft",
                                       .title = "customers withdraw from one account",
                                       .broken = "The account was overdrawn.",
                                       .key = {"account", 1, 1000000},
                                       .protocol = PGR_PROTOCOL_PREPARED,
                                       .operations = {{"withdraw", PGR_WHEN_START, -1}},
                                       .operation_count = 1,
                                       .ownership = {.release = -1},
                                       .invariants = {{.name = "no account below zero"}},
                                       .invariant_count = 1,
                                       .strategies = {{.name = "naive", .at = {{true, PGR_EXPECT_RACE}}},
                                                      {.name = "guarded", .at = {{true, PGR_EXPECT_SAFE}}}},
                                       .strategy_count = 2};

/* Several may own a key. */
static const pgr_scenario stock = {
    .name = "stock",
    .title = "customers buy one product of which there are three",
    .broken = "A piece was sold that is not there.",
    .key = {"product", 1, 1000000},
    .protocol = PGR_PROTOCOL_PREPARED,
    .operations = {{"buy", PGR_WHEN_START, -1}, {"order", PGR_WHEN_AFTER, 0}},
    .operation_count = 2,
    .ownership = {.declared = true, .name = "no more buyers than pieces", .acquire = 0, .release = -1, .capacity = 3},
    .strategies = {{.name = "naive", .at = {{true, PGR_EXPECT_RACE}}},
                   {.name = "guarded-update", .at = {{true, PGR_EXPECT_SAFE}}}},
    .strategy_count = 2};

/* Cells -------------------------------------------------------------------------------------------------------------
 */

static pgr_trace_step step(uint32_t agent, int64_t call_ns, const char *sql, const char *value, pgr_outcome outcome) {
  pgr_trace_step s = {.round = 17,
                      .key = 17,
                      .call_ns = call_ns,
                      .return_ns = call_ns + 40000,
                      .ready_ns = call_ns,
                      .rows = 1,
                      .agent = agent,
                      .outcome = (uint8_t)outcome};
  snprintf(s.value, sizeof s.value, "%s", value);
  snprintf(s.sql, sizeof s.sql, "%s", sql);
  return s;
}

static void add_rules(pgr_cell *c, const pgr_scenario *s, uint64_t broken) {
  if (s->ownership.declared)
    c->rules[c->rule_count++] = (pgr_rule){s->ownership.name, .from_history = true, .known = true, .broken = broken};
  for (int i = 0; i < s->invariant_count; i++)
    c->rules[c->rule_count++] = (pgr_rule){s->invariants[i].name, .known = true, .broken = broken};
}

static pgr_cell ran(const pgr_scenario *s, int strategy, pgr_isolation level) {
  pgr_cell c = {.strategy = &s->strategies[strategy],
                .isolation = level,
                .rounds = 2000,
                .elapsed_ns = 1700000000,
                .served = 8,
                .rounds_per_s = 1176.5,
                .statements_per_s = 28512.4,
                .winner = fast,
                .loser = slow,
                .start_skew = {2000, 32400, 80100, 121000, 1660000}};
  c.evidence = (pgr_evidence){.expect = s->strategies[strategy].at[level].expect,
                              .ran = true,
                              .rules_known = true,
                              .contested = 2000,
                              .complete = true};
  return c;
}

static pgr_cell raced(const pgr_scenario *s, int strategy, pgr_isolation level) {
  pgr_cell c = ran(s, strategy, level);
  c.evidence.duplicates = 1987;
  c.share = (pgr_interval){0.98891, 0.99653};
  c.outcomes[0][PGR_OUTCOME_OK] = 4101;
  c.outcomes[0][PGR_OUTCOME_REFUSED] = 11899;
  c.outcomes[1][PGR_OUTCOME_OK] = c.outcomes[2][PGR_OUTCOME_OK] = 4101;
  c.service[0][PGR_OUTCOME_OK] = c.response[0][PGR_OUTCOME_OK] = fast;
  c.service[0][PGR_OUTCOME_REFUSED] = c.response[0][PGR_OUTCOME_REFUSED] = slow;
  add_rules(&c, s, 1987);
  return c;
}

static pgr_cell held(const pgr_scenario *s, int strategy, pgr_isolation level) {
  pgr_cell c = ran(s, strategy, level);
  c.elapsed_ns = 1900000000;
  c.rounds_per_s = 1052.6;
  c.statements_per_s = 20242;
  c.upper_bound = 0.0014967;
  c.share = (pgr_interval){0, 0.0018428};
  c.outcomes[0][PGR_OUTCOME_OK] = 2000;
  c.outcomes[0][PGR_OUTCOME_REFUSED] = 14000;
  c.outcomes[1][PGR_OUTCOME_OK] = c.outcomes[2][PGR_OUTCOME_OK] = 2000;
  c.start_skew = (pgr_latency){2000, 33200, 79700, 104000, 193000};
  add_rules(&c, s, 0);
  return c;
}

static pgr_cell held_by_trigger(pgr_isolation level) {
  pgr_cell c = held(&claim, TRIGGER, level);
  c.outcomes[0][PGR_OUTCOME_REFUSED] = 2199;
  c.outcomes[0][PGR_OUTCOME_REJECTED] = c.rejections[0] = 11801;
  return c;
}

static void tell_claim(pgr_cell *c) {
  static const char look[] = "SELECT texter_id IS NULL AS free FROM conversations WHERE id = 17";
  c->story_count = 1;
  c->stories[0] = (pgr_story){.key = 17, .round = 17, .rule = claim.ownership.name, .second_owner = 5, .count = 4};
  c->stories[0].steps[0] = step(3, 1000000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[1] = step(5, 1011000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[2] = step(3, 1094000, "UPDATE conversations SET texter_id = 3 WHERE id = 17", "", PGR_OUTCOME_OK);
  c->stories[0].steps[3] = step(5, 1101000, "UPDATE conversations SET texter_id = 5 WHERE id = 17", "", PGR_OUTCOME_OK);
}

/* The worst story's second agent waited, for a connection and for the first one; and another one is told of round 90.
 */
static void tell_more(pgr_cell *c) {
  pgr_story *worst = &c->stories[0], *next = &c->stories[1];
  worst->steps[1].ready_ns -= 7000;
  worst->waited[3] = (pgr_waited){3, worst->steps[2].return_ns};
  *next = *worst;
  next->round = next->key = 90;
  next->second_owner = 3;
  for (size_t i = 0; i < next->count; i++) {
    next->steps[i].agent = worst->steps[i].agent == 3 ? 8 : 3;
    next->steps[i].round = next->steps[i].key = 90;
    next->waited[i] = (pgr_waited){0};
  }
  c->story_count = 2;
}

static void measure(pgr_cell *c) {
  c->winner_curve = (pgr_curve){3, {{0.25, 180000}, {0.5, 212000}, {1, 5120000}}};
  c->loser_curve = (pgr_curve){2, {{0.999755859375, 310000}, {1, 12000000}}};
  c->throughput = (pgr_throughput){500000000, 4, {3400, 0, 4000, 601}};
}

static pgr_cell not_run(const pgr_scenario *s, int strategy, pgr_isolation level) {
  pgr_cell c = {.strategy = &s->strategies[strategy], .isolation = level};
  c.evidence.expect = s->strategies[strategy].at[level].expect;
  return c;
}

/* Results -----------------------------------------------------------------------------------------------------------
 */

static pgr_result *result_of(const pgr_scenario *s) {
  static pgr_result r;
  pgr_result_deinit(&r);
  memset(&r, 0, sizeof r);
  r.command = "run";
  r.scenario = s;
  r.complete = true;
  r.seed = 42;
  r.settings.agents = r.settings.contenders = r.settings.connections = 8;
  r.settings.threads = 1;
  r.settings.rounds = 2000;
  r.settings.gap_count = 1;
  r.settings.protocol = s->protocol;
  r.environment.private_server = r.environment.in_memory = true;
  r.environment.libpq_version = 150018;
  r.environment.cpus = 2;
  strcpy(r.environment.server_version, "15.18");
  strcpy(r.environment.server_settings, "fsync=off full_page_writes=off max_connections=12 synchronous_commit=on");
  strcpy(r.environment.machine, "Linux 6.1 x86_64");
  r.environment.startup_ns = 240123456;
  strcpy(r.environment.started_at, "2026-01-02T03:04:05Z");
  return &r;
}

static void add(pgr_result *r, pgr_cell c) {
  pgr_cell *added = pgr_result_add_cell(r);
  assert_non_null(added);
  *added = c;
}

static pgr_result *fixed_result(void) {
  pgr_result *r = result_of(&claim);
  add(r, raced(&claim, NAIVE, PGR_READ_COMMITTED));
  tell_claim(&r->cells[0]);
  add(r, held_by_trigger(PGR_READ_COMMITTED));
  strcpy(r->repeat, "pgrace run claim --rounds 2000 --seed 42");
  pgr_result_judge(r);
  return r;
}

/* Two strategies, each with gaps of 0, 1.5 ms and 10 ms. */
static pgr_result *swept_result(pgr_isolation last) {
  static const int64_t gaps_ns[] = {0, 1500000, 10000000};
  pgr_result *r = result_of(&claim);
  r->settings.gap_count = 3;
  memcpy(r->settings.gaps_ns, gaps_ns, sizeof gaps_ns);
  for (int strategy = NAIVE; strategy <= TRIGGER; strategy++)
    for (int level = 0; level <= (int)last; level++)
      for (int i = 0; i < 3; i++) {
        pgr_cell c =
            strategy == NAIVE ? raced(&claim, NAIVE, (pgr_isolation)level) : held_by_trigger((pgr_isolation)level);
        c.gap_ns = gaps_ns[i];
        add(r, c);
      }
  tell_claim(&r->cells[1]);
  return r;
}

/* Comparing ---------------------------------------------------------------------------------------------------------
 */

static void compare(const char *name, const pgr_buf *got) {
  char path[4096];
  static char want[1 << 16];
  snprintf(path, sizeof path, "%s/%s", golden_dir, name);
  if (getenv("PGR_GOLDEN_WRITE")) {
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(pgr_buf_text(got), f);
    fclose(f);
    return;
  }
  FILE *f = fopen(path, "r");
  if (!f) fail_msg("there is no %s", path);
  want[fread(want, 1, sizeof want - 1, f)] = '\0';
  fclose(f);
  assert_string_equal(pgr_buf_text(got), want);
}

/* Nothing is wider than a terminal but SQL and the list of broken rules, whose names are the author's. */
static void check_width(const char *text) {
  while (*text) {
    size_t len = strcspn(text, "\n");
    char line[1024];
    int shown = 0;
    snprintf(line, sizeof line, "%.*s", (int)len, text);
    for (const char *p = line; *p; p++)
      shown += ((unsigned char)*p & 0xC0) != 0x80;
    if (shown > 80 && !strstr(line, " µs  agent ") && !strstr(line, " broke: "))
      fail_msg("%d columns: %s", shown, line);
    if (len && line[len - 1] == ' ') fail_msg("blanks at the end: '%s'", line);
    text += len + (text[len] == '\n');
  }
}

static void styled(const char *name, const pgr_result *r, unsigned style) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_report_header(r, &out);
  pgr_report_text(r, style, &out);
  assert_false(out.failed);
  if (!(style & PGR_STYLE_COLOUR)) check_width(pgr_buf_text(&out));
  compare(name, &out);
  pgr_buf_deinit(&out);
}

static void text(const char *name, const pgr_result *r, bool colour) {
  styled(name, r, colour ? PGR_STYLE_COLOUR : 0);
}

static void json(const char *name, const pgr_result *r) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  assert_int_equal(pgr_report_json(r, &out, NULL), PGR_OK);
  compare(name, &out);
  pgr_buf_deinit(&out);
}

/* The reports -------------------------------------------------------------------------------------------------------
 */

static void as_expected(void **state) {
  (void)state;
  pgr_result *r = fixed_result();
  assert_int_equal(r->exit_status, 0);
  text("as-expected.txt", r, false);
  text("as-expected.ansi", r, true);
  tell_more(&r->cells[0]);
  measure(&r->cells[0]);
  json("as-expected.json", r);
  text("as-expected.txt", r, false); /* the worst story alone */
  r->cells[1].pool_wait = slow;
  styled("verbose.txt", r, PGR_STYLE_VERBOSE);
}

/* Cells that differ by their gap, as a list, as a matrix, and where each strategy has a level of its own. */
static void swept(void **state) {
  (void)state;
  pgr_result *r = swept_result(PGR_READ_COMMITTED);
  r->cells[5].evidence.unknown = r->cells[5].outcomes[0][PGR_OUTCOME_UNKNOWN] = 1;
  strcpy(r->error, "the disk is full");
  r->settings.budget_ns = 60000000000;
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 0);
  text("swept.txt", r, false);
  json("swept.json", r);
  r = swept_result(PGR_SERIALIZABLE);
  pgr_result_judge(r);
  text("swept-matrix.txt", r, false);
  r = result_of(&claim);
  r->settings.gap_count = 2;
  r->settings.gaps_ns[1] = 250000;
  for (int i = 0; i < 2; i++) {
    pgr_cell naive = raced(&claim, NAIVE, PGR_READ_COMMITTED);
    pgr_cell safe = raced(&claim, REPEATABLE_READ, PGR_REPEATABLE_READ);
    naive.gap_ns = safe.gap_ns = r->settings.gaps_ns[i];
    add(r, naive);
    r->cells[r->cell_count - 1].evidence.contested += (uint64_t)i;
    add(r, safe);
  }
  pgr_cell between = r->cells[1]; /* a strategy's cells are together */
  r->cells[1] = r->cells[2];
  r->cells[2] = between;
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("swept-mixed-levels.txt", r, false);
}

/* A trigger that lets one pass, with undeclared errors on the way, over a pool, with a gap. */
static void not_expected(void **state) {
  (void)state;
  pgr_result *r = fixed_result();
  pgr_cell *c = &r->cells[1];
  r->settings.agents = 10000;
  r->settings.connections = 64;
  r->settings.gaps_ns[0] = 5000000;
  r->settings.max_tries = 4;
  r->seed = 9007199254740991;
  c->pool_wait = slow;
  r->cells[0].pool_wait = fast;
  for (int i = 0; i < 4; i++)
    r->cells[0].stories[0].steps[i].agent *= 1111;
  r->cells[0].stories[0].second_owner = 5555;
  c->evidence.duplicates = c->rules[0].broken = 1;
  c->share = (pgr_interval){0.0000127, 0.00278};
  c->outcomes[0][PGR_OUTCOME_UNKNOWN] = c->evidence.unknown = 2;
  c->outcomes[0][PGR_OUTCOME_RETRIED] = 31;
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("not-expected.txt", r, false);
  c->evidence.failed = c->outcomes[0][PGR_OUTCOME_FAILED] = 4;
  c->complaint_count = 2;
  c->complaints[0] = (pgr_complaint){.sqlstate = "42703",
                                     .message = "column \"texter\" of relation \"conversations\" does not exist, and "
                                                "neither does the other one",
                                     .file = "scenarios/claim/claim.sql",
                                     .line = 6,
                                     .count = 3};
  c->complaints[1] = (pgr_complaint){.message = "the shell command failed", .kind = 1, .file = "mine.sql", .count = 1};
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("failed.txt", r, false);
  json("failed.json", r);
}

static void control_did_not_race(void **state) {
  (void)state;
  pgr_result *r = result_of(&claim);
  add(r, held(&claim, NAIVE, PGR_READ_COMMITTED));
  add(r, held_by_trigger(PGR_READ_COMMITTED));
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 2);
  text("inconclusive.txt", r, false);
}

static void interrupted(void **state) {
  (void)state;
  pgr_result *r = result_of(&claim);
  add(r, raced(&claim, NAIVE, PGR_READ_COMMITTED));
  tell_claim(&r->cells[0]);
  add(r, not_run(&claim, TRIGGER, PGR_READ_COMMITTED));
  r->complete = false;
  r->interrupted = true;
  r->cells[0].evidence.complete = r->cells[0].evidence.rules_known = r->cells[0].rules[1].known = false;
  r->cells[0].rules[1].broken = 0;
  strcpy(r->note, "Interrupted: what ran is shown, and incomplete.");
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 2);
  text("interrupted.txt", r, false);
  json("interrupted.json", r);
}

/* Every kind of cell: one that contradicts the scenario, one of which nothing is said, one that failed, one that was
 * not run, one that is not meant to run. */
static void matrix(void **state) {
  (void)state;
  pgr_result *r = result_of(&claim);
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    add(r, raced(&claim, NAIVE, (pgr_isolation)level));
  tell_claim(&r->cells[0]);
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    add(r, held_by_trigger((pgr_isolation)level));
  add(r, held(&claim, REPEATABLE_READ, PGR_REPEATABLE_READ));
  add(r, held(&claim, NOWAIT, PGR_READ_COMMITTED));
  add(r, held(&claim, NOWAIT, PGR_REPEATABLE_READ));
  add(r, not_run(&claim, NOWAIT, PGR_SERIALIZABLE));
  r->cells[7].rejections[1] = 16000;
  pgr_cell *c = &r->cells[4];
  c->evidence.duplicates = c->rules[0].broken = c->rules[1].broken = 3;
  c->share = (pgr_interval){0.0003, 0.0044};
  c = &r->cells[8];
  c->evidence.failed = c->outcomes[0][PGR_OUTCOME_FAILED] = 12;
  c->complaint_count = 1;
  c->complaints[0] = (pgr_complaint){.sqlstate = "40001",
                                     .message = "could not serialize access due to concurrent update",
                                     .file = "scenarios/claim/claim-for-update-nowait.sql",
                                     .line = 2,
                                     .count = 12};
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("matrix.txt", r, false);
  text("matrix.ansi", r, true);
}

/* A strategy a line, each at the level it is meant for. */
static void mixed_levels(void **state) {
  (void)state;
  pgr_result *r = result_of(&claim);
  add(r, raced(&claim, NAIVE, PGR_READ_COMMITTED));
  tell_claim(&r->cells[0]);
  add(r, held(&claim, REPEATABLE_READ, PGR_REPEATABLE_READ));
  add(r, held(&claim, NOWAIT, PGR_READ_COMMITTED));
  add(r, not_run(&claim, TRIGGER, PGR_SERIALIZABLE));
  r->cells[1].outcomes[0][PGR_OUTCOME_RETRIED] = 12345;
  r->cells[2].evidence.contested = 0;
  r->cells[2].upper_bound = 1;
  r->settings.rounds = 0;
  r->settings.duration_ns = 2000000000;
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 2);
  text("mixed-levels.txt", r, false);
}

static void mixed_levels_with_a_surprise(void **state) {
  (void)state;
  pgr_result *r = result_of(&claim);
  add(r, raced(&claim, NAIVE, PGR_READ_COMMITTED));
  add(r, raced(&claim, REPEATABLE_READ, PGR_REPEATABLE_READ));
  add(r, held_by_trigger(PGR_READ_COMMITTED));
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 1);
  text("mixed-levels-surprise.txt", r, false);
}

/* Nobody was told what cannot be true, but the rows are wrong. */
static void rows_alone(void **state) {
  (void)state;
  static const char look[] = "SELECT balance >= 60 AS enough FROM accounts WHERE id = 17";
  static const char take[] = "UPDATE accounts SET balance = balance - 60 WHERE id = 17";
  pgr_result *r = result_of(&overdraft);
  add(r, raced(&overdraft, 0, PGR_READ_COMMITTED));
  add(r, held(&overdraft, 1, PGR_READ_COMMITTED));
  pgr_cell *c = &r->cells[0];
  c->story_count = 1;
  c->stories[0] = (pgr_story){.key = 17, .round = 17, .rule = overdraft.invariants[0].name, .count = 5};
  c->stories[0].steps[0] = step(3, 1000000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[1] = step(5, 1011000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[2] = step(3, 1094000, take, "", PGR_OUTCOME_OK);
  c->stories[0].steps[3] = step(5, 1101000, take, "", PGR_OUTCOME_COUNT);
  c->stories[0].steps[3].rows = -1;
  c->stories[0].steps[4] = step(5, 1301000, "COMMIT", "", PGR_OUTCOME_OK);
  c->stories[0].steps[4].rows = -1; /* it has no count */
  strcpy(c->stories[0].steps[3].sqlstate, "40001");
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 0);
  text("rows.txt", r, false);
  json("rows.json", r);
}

static void capacity(void **state) {
  (void)state;
  static const char look[] = "SELECT stock > 0 AS left FROM products WHERE id = 17";
  static const char take[] = "UPDATE products SET stock = stock - 1 WHERE id = 17";
  pgr_result *r = result_of(&stock);
  add(r, raced(&stock, 0, PGR_READ_COMMITTED));
  add(r, held(&stock, 1, PGR_READ_COMMITTED));
  pgr_cell *c = &r->cells[0];
  c->story_count = 1;
  c->stories[0] = (pgr_story){.key = 17, .round = 17, .rule = stock.ownership.name, .second_owner = 5, .count = 4};
  c->stories[0].steps[0] = step(3, 1000000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[1] = step(5, 1011000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[2] = step(3, 1094000, take, "", PGR_OUTCOME_OK);
  c->stories[0].steps[3] = step(5, 1101000, take, "", PGR_OUTCOME_OK);
  r->settings.agents = 100;
  r->settings.contenders = 8;
  r->settings.connections = 20;
  r->cells[0].pool_wait = r->cells[1].pool_wait = fast;
  r->environment.private_server = false;
  strcpy(r->environment.target, "somebody@db.example:5432");
  pgr_result_judge(r);
  assert_int_equal(r->exit_status, 0);
  text("capacity.txt", r, false);
}

/* The ends of intervals are rounded away from what was seen, and nothing but 0 and 1 is printed as 0 and 100. */
static void bounds_are_rounded_outward(void **state) {
  (void)state;
  static const struct {
    double bound;
    const char *text;
  } cases[] = {{0.006046, "≤ 0.61 %"}, {0.13911, "≤ 14.0 %"}, {0.0000006, "≤ 0.000060 %"},
               {0.05, "≤ 5.0 %"},      {1, "≤ 100 %"},        {0.00000059911, "≤ 0.000060 %"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_result *r = fixed_result();
    pgr_buf out;
    pgr_buf_init(&out, 0);
    r->cells[1].upper_bound = cases[i].bound;
    pgr_report_text(r, 0, &out);
    if (!strstr(pgr_buf_text(&out), cases[i].text)) fail_msg("%s is not in:\n%s", cases[i].text, pgr_buf_text(&out));
    pgr_buf_deinit(&out);
  }
}

/* Lists of numbers take a line each; what looks like one in a text stays as it is. What is not UTF-8 can still be
 * written. */
static void texts_are_kept(void **state) {
  (void)state;
  static const struct {
    const char *text, *written;
  } cases[] = {{"run \"[1,  2]\" [1,  2] \\", "\"run \\\"[1,  2]\\\" [1,  2] \\\\\""}, {"run caf\xe9", "\"run caf?\""}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    pgr_result *r = fixed_result();
    pgr_buf out;
    char line[128];
    pgr_buf_init(&out, 0);
    snprintf(r->repeat, sizeof r->repeat, "%s", cases[i].text);
    snprintf(line, sizeof line, "\n  \"repeat\": %s,\n", cases[i].written);
    assert_int_equal(pgr_report_json(r, &out, NULL), PGR_OK);
    if (!strstr(pgr_buf_text(&out), line)) fail_msg("%s is not in:\n%.400s", line, pgr_buf_text(&out));
    assert_non_null(strstr(pgr_buf_text(&out), "\n    \"gaps_ns\": [0],\n"));
    pgr_buf_deinit(&out);
  }
}

int main(int argc, char **argv) {
  golden_dir = argc > 1 ? argv[1] : ".";
  const struct CMUnitTest tests[] = {cmocka_unit_test(as_expected),
                                     cmocka_unit_test(swept),
                                     cmocka_unit_test(not_expected),
                                     cmocka_unit_test(control_did_not_race),
                                     cmocka_unit_test(interrupted),
                                     cmocka_unit_test(matrix),
                                     cmocka_unit_test(mixed_levels),
                                     cmocka_unit_test(mixed_levels_with_a_surprise),
                                     cmocka_unit_test(rows_alone),
                                     cmocka_unit_test(capacity),
                                     cmocka_unit_test(bounds_are_rounded_outward),
                                     cmocka_unit_test(texts_are_kept)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
