/* Results that never ran, as CI systems are to see them. For every renderer of pgr_suite.h. */
#ifndef CI_FIXTURE_H
#define CI_FIXTURE_H

#include "bench_fixture.h"

#include "pgr_document.h"

/* The scenario ------------------------------------------------------------------------------------------------------
 */

enum { CI_NAIVE, CI_TRIGGER, CI_UNIQUE, CI_STRATEGIES };

static const pgr_scenario ci_claim = {
    .name = "claim",
    .source = {.name = "scenarios/claim/claim.yaml"},
    .title = "agents claim one conversation",
    .broken = "The customer got two answers.",
    .key = {"conversation", 1, 1000000},
    .protocol = PGR_PROTOCOL_PREPARED,
    .operations = {{"claim", PGR_WHEN_START, -1}, {"release", PGR_WHEN_END, 0}},
    .operation_count = 2,
    .ownership = {.declared = true, .name = "one owner a conversation", .acquire = 0, .release = 1, .capacity = 1},
    .invariants = {{.name = "one answer a conversation"}},
    .invariant_count = 1,
    .strategies = {[CI_NAIVE] = {.name = "naive",
                                 .line = 33,
                                 .at = {{true, PGR_EXPECT_RACE}, {true, PGR_EXPECT_RACE}, {true, PGR_EXPECT_SAFE}}},
                   [CI_TRIGGER] = {.name = "trigger",
                                   .line = 37,
                                   .at = {{true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}}},
                   [CI_UNIQUE] = {.name = "unique-key",
                                  .line = 41,
                                  .at = {{true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}, {true, PGR_EXPECT_SAFE}}}},
    .strategy_count = CI_STRATEGIES};

/* Everything a document borrows from. Init with ci_make, in place; deinit after use. */
typedef struct ci_fixture {
  pgr_document document;
  pgr_scenario scenario;
  pgr_result run;
  pgr_scenario *loaded; /* a bench's; owned */
  pgr_bench bench;
} ci_fixture;

static inline void ci_deinit(ci_fixture *f) {
  pgr_result_deinit(&f->run);
  if (f->document.bench) pgr_bench_deinit(&f->bench);
  if (f->loaded) pgr_scenario_destroy(f->loaded);
}

/* Cells -------------------------------------------------------------------------------------------------------------
 */

/* The next one, raced without a violation. Pointers to earlier ones are then no longer good. */
static inline pgr_cell *ci_held(ci_fixture *f, int strategy, pgr_isolation level) {
  pgr_cell *c = pgr_result_add_cell(&f->run);
  assert_non_null(c);
  c->strategy = &f->scenario.strategies[strategy];
  c->isolation = level;
  c->rounds = 2000;
  c->elapsed_ns = 1700000000;
  c->upper_bound = 0.0014967;
  c->share = (pgr_interval){0, 0.0018428};
  c->outcomes[0][PGR_OUTCOME_OK] = 2000;
  c->rules[c->rule_count++] = (pgr_rule){f->scenario.ownership.name, .from_history = true, .known = true};
  c->rules[c->rule_count++] = (pgr_rule){f->scenario.invariants[0].name, .known = true};
  c->evidence = (pgr_evidence){
      .expect = pgr_cell_expect(c), .ran = true, .rules_known = true, .contested = 2000, .complete = true};
  return c;
}

static inline pgr_trace_step ci_step(uint32_t agent, int64_t call_ns, const char *sql, const char *value,
                                     pgr_outcome outcome) {
  pgr_trace_step s = {.round = 17,
                      .key = 17,
                      .call_ns = call_ns,
                      .return_ns = call_ns + 40000,
                      .rows = 1,
                      .agent = agent,
                      .outcome = (uint8_t)outcome};
  snprintf(s.value, sizeof s.value, "%s", value);
  snprintf(s.sql, sizeof s.sql, "%s", sql);
  return s;
}

static inline pgr_cell *ci_raced(ci_fixture *f, int strategy, pgr_isolation level, uint64_t duplicates) {
  static const char look[] = "SELECT texter_id IS NULL AS free FROM conversations WHERE id = 17";
  pgr_cell *c = ci_held(f, strategy, level);
  c->evidence.duplicates = c->rules[0].broken = duplicates;
  c->share = pgr_interval_95(duplicates, 2000);
  c->story_count = 1;
  c->stories[0] =
      (pgr_story){.key = 17, .round = 17, .rule = f->scenario.ownership.name, .second_owner = 5, .count = 4};
  c->stories[0].steps[0] = ci_step(3, 1000000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[1] = ci_step(5, 1011000, look, "t", PGR_OUTCOME_COUNT);
  c->stories[0].steps[2] =
      ci_step(3, 1094000, "UPDATE conversations SET texter_id = 3 WHERE id = 17", "", PGR_OUTCOME_OK);
  c->stories[0].steps[3] =
      ci_step(5, 1101000, "UPDATE conversations SET texter_id = 5 WHERE id = 17", "", PGR_OUTCOME_OK);
  return c;
}

static inline pgr_cell *ci_not_run(ci_fixture *f, int strategy, pgr_isolation level) {
  pgr_cell *c = ci_held(f, strategy, level);
  *c = (pgr_cell){.strategy = c->strategy, .isolation = level};
  c->evidence.expect = pgr_cell_expect(c);
  return c;
}

/* broken: schedules, of six. */
static inline pgr_cell *ci_explored(ci_fixture *f, int strategy, pgr_isolation level, int64_t broken) {
  pgr_cell *c = ci_held(f, strategy, level);
  const pgr_tally tally = {.outcomes = {{[PGR_OUTCOME_OK] = 8}}};
  *c = (pgr_cell){.strategy = c->strategy, .isolation = level, .elapsed_ns = 40000000};
  c->evidence.expect = pgr_cell_expect(c);
  c->proof = (pgr_proof){.agents = 2, .proved = true, .bound = -1, .found_after = broken ? 2 : 0};
  c->proof.totals = (pgr_search_totals){.schedules = 6, .serial = 2, .broken = broken, .classes = 4, .exhausted = true};
  pgr_cell_prove(c, &f->scenario, &tally);
  return c;
}

static pgr_witness_step ci_witness_steps[] = {
    {1, "claim", 1, "claim.sql", 1, "SELECT … WHERE id = :key", "SELECT texter_id IS NULL AS free", false, false, false,
     -1, "1 row", "t", "", false},
    {2, "claim", 1, "claim.sql", 1, "SELECT … WHERE id = :key", "SELECT texter_id IS NULL AS free", false, false, false,
     -1, "1 row", "t", "", false},
    {1, "claim", 1, "claim.sql", 5, "UPDATE conversations …", "UPDATE conversations SET texter_id = 1", false, false,
     false, -1, "1 row", "", "ok", false},
    {2, "claim", 1, "claim.sql", 5, "UPDATE conversations …", "UPDATE conversations SET texter_id = 2", false, false,
     false, -1, "1 row", "", "ok", true}};

static pgr_witness ci_witness = {.scenario = "claim",
                                 .strategy = "naive",
                                 .isolation = "read committed",
                                 .protocol = "prepared",
                                 .operations = "",
                                 .agents = 2,
                                 .key = 1,
                                 .seed = 42,
                                 .oracle = "rules",
                                 .rule = "one owner a conversation",
                                 .why = "Agent 2 was told ok while agent 1 owned it.",
                                 .steps = ci_witness_steps,
                                 .step_count = 4,
                                 .preemptions = 2,
                                 .switches = 3,
                                 .replayed = 10,
                                 .broke = 10};

/* Races -------------------------------------------------------------------------------------------------------------
 */

static inline void ci_as_expected(ci_fixture *f) {
  (void)ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 1987);
  (void)ci_held(f, CI_TRIGGER, PGR_READ_COMMITTED);
}

/* One that is declared safe races, one meets errors that nobody declared. */
static inline void ci_broken(ci_fixture *f) {
  (void)ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 1987);
  (void)ci_raced(f, CI_TRIGGER, PGR_READ_COMMITTED, 3);
  pgr_cell *c = ci_held(f, CI_UNIQUE, PGR_READ_COMMITTED);
  c->evidence.failed = c->outcomes[0][PGR_OUTCOME_FAILED] = 4;
  c->complaint_count = 1;
  c->complaints[0] = (pgr_complaint){.sqlstate = "42703",
                                     .message = "column \"texter\" does not exist",
                                     .file = "scenarios/claim/claim.sql",
                                     .line = 6,
                                     .count = 4};
}

/* Levels, and one that races at some of them. */
static inline void ci_matrix(ci_fixture *f) {
  for (int level = 0; level < PGR_SERIALIZABLE; level++)
    (void)ci_raced(f, CI_NAIVE, (pgr_isolation)level, 1987);
  (void)ci_held(f, CI_NAIVE, PGR_SERIALIZABLE);
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    (void)ci_held(f, CI_TRIGGER, (pgr_isolation)level);
}

/* The control raced with the longer gap only. */
static inline void ci_gaps(ci_fixture *f) {
  f->run.settings.gap_count = 2;
  f->run.settings.gaps_ns[1] = 1500000;
  for (int i = 0; i < 2; i++) {
    pgr_cell *c = i ? ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 12) : ci_held(f, CI_NAIVE, PGR_READ_COMMITTED);
    c->gap_ns = f->run.settings.gaps_ns[i];
  }
  for (int i = 0; i < 2; i++)
    ci_held(f, CI_TRIGGER, PGR_READ_COMMITTED)->gap_ns = f->run.settings.gaps_ns[i];
}

static inline void ci_inconclusive(ci_fixture *f) {
  (void)ci_held(f, CI_NAIVE, PGR_READ_COMMITTED);
  (void)ci_held(f, CI_TRIGGER, PGR_READ_COMMITTED);
}

static inline void ci_interrupted(ci_fixture *f) {
  f->run.complete = false;
  f->run.interrupted = true;
  snprintf(f->run.note, sizeof f->run.note, "Interrupted: what ran is shown, and incomplete.");
  pgr_cell *c = ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 1200);
  c->evidence.complete = false;
  (void)ci_not_run(f, CI_TRIGGER, PGR_READ_COMMITTED);
}

/* A race with its witness, a proof of safety, and a proof that the control is safe. */
static inline void ci_proofs(ci_fixture *f) {
  f->run.command = "explore";
  ci_explored(f, CI_NAIVE, PGR_READ_COMMITTED, 4)->proof.witness = &ci_witness;
  (void)ci_explored(f, CI_NAIVE, PGR_REPEATABLE_READ, 0);
  (void)ci_explored(f, CI_TRIGGER, PGR_READ_COMMITTED, 0);
  ci_explored(f, CI_TRIGGER, PGR_REPEATABLE_READ, 1)->proof.witness = &ci_witness;
}

static inline void ci_server_died(ci_fixture *f) {
  f->run.complete = false;
  snprintf(f->run.error, sizeof f->run.error,
           "the server is gone: terminating connection due to administrator command");
  (void)ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 1987);
  (void)ci_not_run(f, CI_TRIGGER, PGR_READ_COMMITTED);
}

/* Nothing was made at all. */
static inline void ci_no_server(ci_fixture *f) {
  f->run.complete = false;
  snprintf(f->run.error, sizeof f->run.error, "cannot connect to db.example:5432: Connection refused");
}

enum { CI_LONG = 10000 };

/* Names and texts that want to be more than that. */
static inline void ci_hostile(ci_fixture *f) {
  static char endless[CI_LONG + 1];
  memset(endless, '|', CI_LONG);
  f->scenario.name = "<script>alert('1')</script>";
  f->scenario.title =
      "a | b & c ``` @somebody #1 [x](javascript:1) *bold* \xC3\xBC \xFF\x01 https://example.org\r\n# h";
  f->scenario.source.name = "a,b:c%d/\xE2\x80\xAE\"claim\".yaml";
  f->scenario.broken = "````\n</details> ]]> \x1b[31m";
  f->scenario.strategies[CI_NAIVE].name = "na|ive # TODO \\ \"quoted\" `code`\n::error::x";
  f->scenario.strategies[CI_TRIGGER].name = "\xE2\x80\xAEtrigger\xE2\x80\x8F \xEF\xBF\xBF\xC2\x85";
  f->scenario.strategies[CI_UNIQUE].name = endless;
  f->scenario.ownership.name = "</failure><evil a='1'>&amp;";
  snprintf(f->run.repeat, sizeof f->run.repeat, "pgrace run '<b>' --seed 42 # ```");
  snprintf(f->run.note, sizeof f->run.note, "<!-- & | ``` -->\n::warning::note");
  (void)ci_raced(f, CI_NAIVE, PGR_READ_COMMITTED, 1987);
  (void)ci_raced(f, CI_TRIGGER, PGR_READ_COMMITTED, 3);
  pgr_cell *c = ci_raced(f, CI_UNIQUE, PGR_READ_COMMITTED, 3);
  c->evidence.failed = 1;
  c->complaint_count = 1;
  c->complaints[0] =
      (pgr_complaint){.sqlstate = "XX000", .message = "no ]]> %0A \\ ::error::y", .file = "a \"b\".sql", .count = 1};
  (void)ci_not_run(f, CI_UNIQUE, PGR_READ_COMMITTED);
}

/* Loads -------------------------------------------------------------------------------------------------------------
 */

static inline pgr_bench ci_bench_died(pgr_scenario *s) {
  pgr_bench b = bench_of(s);
  b.complete = false;
  b.exit_status = 5;
  snprintf(b.error, sizeof b.error, "the server is gone");
  bench_load l = bench_with(BENCH_NAIVE, 8, 8);
  bench_add_cell(&b, &l);
  l = bench_with(BENCH_TRIGGER, 8, 8);
  l.repetitions = 0;
  bench_add_cell(&b, &l);
  return b;
}

/* Cases -------------------------------------------------------------------------------------------------------------
 */

/* Every case by the name of its golden files. */
typedef struct ci_case {
  const char *name;
  void (*race)(ci_fixture *f);           /* adds cells; or */
  pgr_bench (*bench)(pgr_scenario *s);   /* makes it all */
  size_t count, failed, skipped, errors; /* of its suite */
  int exit_status;
} ci_case;

static const ci_case ci_cases[] = {{"as-expected", ci_as_expected, NULL, 2, 0, 0, 0, 0},
                                   {"broken", ci_broken, NULL, 3, 2, 0, 0, 1},
                                   {"matrix", ci_matrix, NULL, 6, 0, 0, 0, 0},
                                   {"gaps", ci_gaps, NULL, 4, 0, 1, 0, 2},
                                   {"inconclusive", ci_inconclusive, NULL, 2, 0, 2, 0, 2},
                                   {"interrupted", ci_interrupted, NULL, 2, 0, 2, 0, 2},
                                   {"proofs", ci_proofs, NULL, 4, 2, 0, 0, 1},
                                   {"server-died", ci_server_died, NULL, 2, 0, 0, 1, 5},
                                   {"no-server", ci_no_server, NULL, 1, 0, 0, 1, 5},
                                   {"hostile", ci_hostile, NULL, 4, 2, 1, 0, 1},
                                   {"bench", NULL, bench_closed, 4, 0, 0, 0, 0},
                                   {"bench-compared", NULL, bench_compared, 4, 2, 0, 0, 3},
                                   {"bench-incomplete", NULL, bench_incomplete, 3, 2, 0, 1, 2},
                                   {"bench-died", NULL, ci_bench_died, 2, 0, 0, 1, 5},
                                   {"bench-hostile", NULL, bench_hostile, 2, 1, 0, 0, 0}};

enum { CI_CASES = sizeof ci_cases / sizeof *ci_cases };

static inline void ci_begin(ci_fixture *f) {
  pgr_result *r = &f->run;
  *f = (ci_fixture){.scenario = ci_claim};
  r->command = "run";
  r->scenario = &f->scenario;
  r->complete = true;
  r->seed = 42;
  r->settings.agents = r->settings.contenders = r->settings.connections = 8;
  r->settings.threads = 1;
  r->settings.rounds = 2000;
  r->settings.gap_count = 1;
  r->settings.protocol = f->scenario.protocol;
  r->environment.private_server = r->environment.in_memory = true;
  r->environment.libpq_version = 150018;
  r->environment.cpus = 2;
  snprintf(r->environment.server_version, sizeof r->environment.server_version, "15.18");
  snprintf(r->environment.server_settings, sizeof r->environment.server_settings,
           "fsync=off full_page_writes=off max_connections=12 synchronous_commit=on");
  snprintf(r->environment.machine, sizeof r->environment.machine, "Linux 6.1 x86_64");
  snprintf(r->environment.started_at, sizeof r->environment.started_at, "2026-01-02T03:04:05Z");
  snprintf(r->repeat, sizeof r->repeat, "pgrace run claim --agents 8 --rounds 2000 --seed 42");
}

static inline void ci_make(ci_fixture *f, const ci_case *c) {
  ci_begin(f);
  if (c->bench) {
    f->loaded = bench_scenario();
    f->bench = c->bench(f->loaded);
    snprintf(f->bench.repeat, sizeof f->bench.repeat, "pgrace bench claim --clients 8,64 --seed 42");
    f->document.bench = &f->bench;
    return;
  }
  c->race(f);
  pgr_result_judge(&f->run);
  if (*f->run.error) f->run.exit_status = 5;
  f->document.run = &f->run;
}

#endif
