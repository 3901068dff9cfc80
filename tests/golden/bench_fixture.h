/* Benches of the inbox that never ran: a scenario from embedded text, and repetitions whose measures are made up, the
 * same every time, and go the way of real ones. For every renderer of pgr_bench.h. */
#ifndef PGR_BENCH_FIXTURE_H
#define PGR_BENCH_FIXTURE_H

#include "pgr_test.h"

#include "pgr_bench.h"
#include "pgr_clock.h"
#include "pgr_mem.h"
#include "pgr_threshold.h"
#include <stdio.h>
#include <string.h>

/* The scenario ------------------------------------------------------------------------------------------------------
 */

typedef struct bench_sheet {
  const char *path, *text;
} bench_sheet;

static const bench_sheet bench_sheets[] = {
    {"claim.yaml", "title: agents claim one conversation\n"
                   "lesson: The check must be part of the write.\n"
                   "broken: The customer got two answers.\n"
                   "schema: [inbox.sql]\n"
                   "seed: INSERT INTO conversations (id) SELECT generate_series(:first_key, :last_key)\n"
                   "key: {name: conversation, last: 1000000}\n"
                   "operations:\n"
                   "  - {name: claim, script: claim.sql}\n"
                   "  - {name: release, script: release.sql, after: claim, when: end}\n"
                   "ownership: {rule: one owner a conversation, acquire: claim, release: release}\n"
                   "invariants:\n"
                   "  - rule: one answer a conversation\n"
                   "    sql: SELECT id AS key FROM conversations WHERE texter_id < 0\n"
                   "rejections:\n"
                   "  - {sqlstate: \"23514\", field: texter_id, message: This conversation is already checked out}\n"
                   "retries:\n"
                   "  - {sqlstate: \"40001\", attempts: 30}\n"
                   "strategies:\n"
                   "  - name: naive\n"
                   "    summary: check, then update\n"
                   "    isolation: {read committed: race, repeatable read: race, serializable: race}\n"
                   "  - name: trigger\n"
                   "    summary: the same code, and a trigger that forbids to change the owner\n"
                   "    install: [trigger.sql]\n"
                   "    isolation: {read committed: safe, repeatable read: safe, serializable: safe}\n"
                   "compare: [naive, trigger]\n"},
    {"inbox.sql", "CREATE TABLE conversations (id bigint PRIMARY KEY, texter_id bigint);\n"},
    {"trigger.sql", "SELECT 1;\n"},
    {"claim.sql", "SELECT texter_id IS NULL AS free FROM conversations WHERE id = :key \\gset\n"
                  "\\if not :free\n"
                  "  \\refuse\n"
                  "\\endif\n"
                  "UPDATE conversations SET texter_id = :agent WHERE id = :key;\n"},
    {"release.sql", "UPDATE conversations SET texter_id = NULL WHERE id = :key AND texter_id = :agent;\n"}};

enum { BENCH_CLAIM, BENCH_RELEASE, BENCH_STATEMENTS = 3 };
enum { BENCH_NAIVE, BENCH_TRIGGER };

static inline bool bench_read(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  (void)user;
  snprintf(why, 128, "no such file");
  for (size_t i = 0; i < sizeof bench_sheets / sizeof *bench_sheets; i++) {
    if (strcmp(bench_sheets[i].path, path) != 0) continue;
    *text = pgr_strdup(bench_sheets[i].text);
    *len_bytes = strlen(bench_sheets[i].text);
    return *text != NULL;
  }
  return false;
}

/* The caller's to destroy; what a case wants otherwise it changes. */
static inline pgr_scenario *bench_scenario(void) {
  pgr_faults faults = {0};
  pgr_reader reader = {.read = bench_read};
  pgr_scenario *s = pgr_scenario_load("claim.yaml", &reader, &faults);
  if (!s) fail_msg("%s", faults.count && faults.kept[0].text ? faults.kept[0].text : "no memory");
  pgr_faults_deinit(&faults);
  return s;
}

/* A repetition ------------------------------------------------------------------------------------------------------
 */

/* What a cell's repetitions are made up from. */
typedef struct bench_load {
  int strategy;
  pgr_isolation isolation;
  uint32_t clients, connections;
  int repetitions;
  uint64_t transactions;                         /* a repetition; half of the claims are refused or rejected */
  uint64_t retried, failed, unknown, duplicates; /* a repetition */
  uint64_t rows_broken;                          /* a repetition */
  int64_t claim_ns;                              /* about */
  int64_t cpu_ns, run_wait_ns, loop_lag_ns;
  bool open, server_unknown;
} bench_load;

/* Spread around about_ns, with a tail: one in 100 is ten times as long, one in 1,000 a hundred times. */
static inline int64_t bench_time(int64_t about_ns, uint64_t i) {
  int64_t ns = about_ns / 2 + about_ns * (int64_t)(i * 7919 % 1000) / 1000;
  return i % 1000 == 999 ? ns * 100 : i % 100 == 99 ? ns * 10 : ns;
}

static inline void bench_record(pgr_histogram **h, int64_t about_ns, uint64_t count) {
  for (uint64_t i = 0; i < count; i++)
    assert_int_equal(pgr_tally_record(h, bench_time(about_ns, i)), PGR_OK);
}

static inline void bench_operation(pgr_tally *t, int k, pgr_outcome o, uint64_t count, int64_t about_ns) {
  t->outcomes[k][o] = count;
  bench_record(&t->service[k][o], about_ns, count);
  if (o != PGR_OUTCOME_RETRIED) bench_record(&t->response[k][o], about_ns + about_ns / 10, count);
}

static inline void bench_tally(const bench_load *l, int64_t claim_ns, uint64_t transactions, pgr_tally *t) {
  static const char sql[] = "claim.sql";
  uint64_t won = transactions / 2, lost = transactions - won - l->failed - l->unknown;
  pgr_outcome no = l->strategy == BENCH_NAIVE ? PGR_OUTCOME_REFUSED : PGR_OUTCOME_REJECTED;
  bench_operation(t, BENCH_CLAIM, PGR_OUTCOME_OK, won, claim_ns);
  bench_operation(t, BENCH_CLAIM, no, lost, claim_ns + claim_ns / 4);
  bench_operation(t, BENCH_CLAIM, PGR_OUTCOME_FAILED, l->failed, claim_ns);
  bench_operation(t, BENCH_CLAIM, PGR_OUTCOME_UNKNOWN, l->unknown, claim_ns);
  bench_operation(t, BENCH_CLAIM, PGR_OUTCOME_RETRIED, l->retried, claim_ns);
  bench_operation(t, BENCH_RELEASE, PGR_OUTCOME_OK, won, claim_ns / 3);
  for (uint64_t i = 0; i < transactions; i++)
    assert_int_equal(pgr_tally_record(&t->tries[BENCH_CLAIM], l->retried && i % 50 == 0 ? 3 : 1), PGR_OK);
  if (no == PGR_OUTCOME_REJECTED) t->rejections[0] = lost;
  for (uint64_t i = 0; i < l->failed; i++)
    pgr_tally_complain(t, BENCH_CLAIM, sql, 5, "42703", "column \"texter\" does not exist");
  assert_int_equal(pgr_tally_time_statements(t, BENCH_STATEMENTS), PGR_OK);
  bench_record(&t->statement[0], claim_ns / 2, transactions);
  bench_record(&t->statement[1], claim_ns / 2, won);
  bench_record(&t->statement[2], claim_ns / 3, won);
  bench_record(&t->transaction, claim_ns * 2, transactions);
  if (l->connections < l->clients) bench_record(&t->pool_wait, claim_ns / 5, transactions);
  t->statements = transactions + 2 * won;
}

static inline void bench_server(const bench_load *l, uint64_t transactions, pgr_server_figures *f) {
  *f = (pgr_server_figures){.known = true,
                            .looks = 120,
                            .waits = {{"Lock:transactionid", UINT64_C(90) * l->clients},
                                      {"CPU", UINT64_C(25) * l->clients},
                                      {"LWLock:WALWrite", UINT64_C(4) * l->clients}},
                            .wait_count = 3,
                            .took_ns = 24000000,
                            .wal_bytes = (int64_t)transactions * 412 * 12 / 10,
                            .wal_records = (int64_t)transactions * 4,
                            .wal_full_pages = 0,
                            .commits = (int64_t)transactions * 2,
                            .rollbacks = l->strategy == BENCH_NAIVE ? 0 : (int64_t)transactions / 2,
                            .deadlocks = 0,
                            .conflicts = 0,
                            .blocks_hit = 99871,
                            .blocks_read = 129,
                            .temp_bytes = 0,
                            .phase_s = 12};
}

/* number: of the repetition, from 0; each is a little slower or faster than the one before. */
static inline void bench_measure(const bench_load *l, int number, pgr_measure *m) {
  int64_t claim_ns = l->claim_ns + l->claim_ns * (number * 5 % 7) / 200;
  uint64_t transactions = l->transactions - l->transactions * (uint64_t)(number * 5 % 7) / 200;
  *m = (pgr_measure){.window_ns = 10 * PGR_NS_PER_S,
                     .connect_ns = 41000000 + 1000000 * number,
                     .transactions = transactions,
                     .begun = transactions,
                     .errors = l->failed + l->unknown,
                     .unfinished = number == 2,
                     .cpu_ns = l->cpu_ns + l->cpu_ns * number / 100,
                     .run_wait_ns = l->run_wait_ns,
                     .server_cpu_ns = l->server_unknown ? -1 : (int64_t)transactions * 183000,
                     .verified = true,
                     .duplicates = l->duplicates,
                     .verified_operations = transactions + transactions / 2,
                     .verify_kept_max = 4096,
                     .complete = true};
  bench_tally(l, claim_ns, transactions, &m->tally);
  bench_record(&m->loop_lag, l->loop_lag_ns, 1000);
  if (!l->server_unknown) bench_server(l, transactions, &m->server);
  if (l->open) {
    m->arrivals = (pgr_arrival_figures){.due = transactions + 90, .late = 412, .shed = 64, .unsent = 26};
    bench_record(&m->lag, claim_ns * 2, transactions);
  }
  m->series.width_ns = PGR_NS_PER_S;
  for (uint64_t i = 0; i < transactions; i++)
    assert_int_equal(pgr_series_add(&m->series, (int64_t)(i * (uint64_t)m->window_ns / transactions),
                                    bench_time(claim_ns * 2, i), i < l->failed + l->unknown),
                     PGR_OK);
}

/* A cell ------------------------------------------------------------------------------------------------------------
 */

static inline void bench_tell_story(pgr_bench_cell *c) {
  c->story = (pgr_follow_report){.operations = 3000, .duplicates = 1, .kept_max = 4096};
  c->story.violation.first = (pgr_op){
      .intended_ns = 900000, .call_ns = 1000000, .return_ns = 1094000, .key = 17, .round = 1, .agent = 3, .attempt = 1};
  c->story.violation.second = (pgr_op){
      .intended_ns = 900000, .call_ns = 1011000, .return_ns = 1103000, .key = 17, .round = 1, .agent = 5, .attempt = 1};
}

/* Without repetitions a cell was not run. */
static inline void bench_add_cell(pgr_bench *b, const bench_load *l) {
  pgr_bench_cell *grown = pgr_realloc(b->cells, b->cell_count + 1, sizeof *grown);
  assert_non_null(grown);
  b->cells = grown;
  pgr_bench_cell *c = &b->cells[b->cell_count++];
  const pgr_strategy *strategy = &b->scenario->strategies[l->strategy];
  *c = (pgr_bench_cell){.strategy = strategy,
                        .isolation = l->isolation,
                        .clients = l->clients,
                        .connections = l->connections,
                        .threads = b->settings.threads,
                        .expect = strategy->at[l->isolation].expect};
  for (int i = 0; i < l->repetitions; i++) {
    pgr_measure m;
    bench_measure(l, i, &m);
    c->rows_broken += l->rows_broken;
    assert_int_equal(pgr_bench_add(c, b->scenario, &m), PGR_OK);
    pgr_measure_deinit(&m);
  }
  assert_int_equal(pgr_bench_settle(c, b->scenario), PGR_OK);
  if (l->duplicates) bench_tell_story(c);
}

/* Benches -----------------------------------------------------------------------------------------------------------
 */

static inline pgr_bench bench_of(const pgr_scenario *s) {
  pgr_bench b = {.scenario = s, .complete = true, .seed = 42};
  b.settings.threads = 2;
  b.settings.repetitions = 6;
  b.settings.warmup_ns = 2 * PGR_NS_PER_S;
  b.settings.duration_ns = 10 * PGR_NS_PER_S;
  b.settings.verify = true;
  b.settings.keys = (pgr_key_options){.spread = PGR_SPREAD_ONCE, .count = 100000, .each = 8};
  b.settings.protocol = s->protocol;
  b.environment.private_server = b.environment.in_memory = true;
  b.environment.libpq_version = 150018;
  b.environment.cpus = 4;
  b.environment.startup_ns = 240123456;
  snprintf(b.environment.server_version, sizeof b.environment.server_version, "15.18");
  snprintf(b.environment.server_settings, sizeof b.environment.server_settings,
           "fsync=off full_page_writes=off max_connections=70 synchronous_commit=on");
  snprintf(b.environment.machine, sizeof b.environment.machine, "Linux 6.1 x86_64");
  snprintf(b.environment.started_at, sizeof b.environment.started_at, "2026-01-02T03:04:05Z");
  return b;
}

static const bench_load bench_naive_8 = {.strategy = BENCH_NAIVE,
                                         .clients = 8,
                                         .connections = 8,
                                         .repetitions = 6,
                                         .transactions = 3000,
                                         .duplicates = 7,
                                         .claim_ns = 212000,
                                         .cpu_ns = 3200000000,
                                         .run_wait_ns = 90000000,
                                         .loop_lag_ns = 21000};

static inline bench_load bench_with(int strategy, uint32_t clients, uint32_t connections) {
  bench_load l = bench_naive_8;
  l.strategy = strategy;
  l.clients = clients;
  l.connections = connections;
  l.claim_ns = l.claim_ns * clients / 6;
  if (strategy == BENCH_TRIGGER) {
    l.duplicates = 0;
    l.claim_ns += 31000;
    l.transactions -= 200;
    l.retried = clients == 8 ? 0 : 57;
  }
  return l;
}

/* Two strategies, two numbers of clients, a pool for the larger one: as expected. */
static inline pgr_bench bench_closed(pgr_scenario *s) {
  pgr_bench b = bench_of(s);
  for (int strategy = BENCH_NAIVE; strategy <= BENCH_TRIGGER; strategy++)
    for (uint32_t clients = 8; clients <= 64; clients *= 8) {
      bench_load l = bench_with(strategy, clients, clients == 8 ? 8 : 16);
      bench_add_cell(&b, &l);
    }
  return b;
}

/* By arrivals, and pgrace itself cannot keep up with them. A server of the user's that says nothing of itself. */
static inline pgr_bench bench_open(pgr_scenario *s) {
  pgr_bench b = bench_of(s);
  b.settings.open = b.settings.poisson = true;
  b.settings.rate = (pgr_rate){300, 300};
  b.settings.max_lag_ns = PGR_NS_PER_S;
  b.environment.private_server = b.environment.in_memory = false;
  snprintf(b.environment.target, sizeof b.environment.target, "somebody@db.example:5432");
  for (int strategy = BENCH_NAIVE; strategy <= BENCH_TRIGGER; strategy++) {
    bench_load l = bench_with(strategy, 64, 64);
    l.open = true;
    l.server_unknown = true;
    l.cpu_ns = strategy == BENCH_NAIVE ? 12000000000 : 18600000000;
    l.run_wait_ns = strategy == BENCH_NAIVE ? 300000000 : -1;
    l.loop_lag_ns = strategy == BENCH_NAIVE ? 21000 : 910000;
    bench_add_cell(&b, &l);
  }
  return b;
}

static inline size_t bench_figure_index(const pgr_bench_cell *c, const char *name) {
  const pgr_figure *f = pgr_bench_figure(c, name);
  if (!f) fail_msg("there is no figure %s", name);
  return (size_t)(f - c->figures);
}

/* factor: after, of before. */
static inline void bench_add_change(pgr_bench *b, size_t cell, const char *name, double factor, double p) {
  size_t figure = bench_figure_index(&b->cells[cell], name);
  const pgr_figure *f = &b->cells[cell].figures[figure];
  bool significant = p<0.05, more = factor> 1;
  pgr_change *grown = pgr_realloc(b->changes, b->change_count + 1, sizeof *grown);
  assert_non_null(grown);
  b->changes = grown;
  b->changes[b->change_count++] = (pgr_change){.cell = cell,
                                               .figure = figure,
                                               .before = f->median / factor,
                                               .after = f->median,
                                               .p = p,
                                               .significant = significant,
                                               .worse = significant && (f->better == PGR_BETTER_HIGHER ? !more : more)};
}

/* Thresholds of which two were crossed, and a baseline that some figures left: exit status 3. */
static inline pgr_bench bench_compared(pgr_scenario *s) {
  static const pgr_threshold thresholds[] = {
      {.text = "response.claim.ok.p99 < 5ms", .where = "claim.yaml:12:5", .figure = "response.claim.ok.p99"},
      {.text = "trigger@64: tps > 300", .where = "--threshold", .figure = "tps", .comparison = PGR_MORE},
      {.text = "errors == 0", .where = "--threshold", .figure = "errors", .comparison = PGR_EQUAL}};
  pgr_bench b = bench_closed(s);
  b.thresholds = thresholds;
  b.threshold_count = sizeof thresholds / sizeof *thresholds;
  b.crossing_count = 2;
  b.crossings = pgr_calloc(b.crossing_count, sizeof *b.crossings);
  assert_non_null(b.crossings);
  b.crossings[0] = (pgr_crossing){0, 1, pgr_bench_figure(&b.cells[1], "response.claim.ok.p99")->value};
  b.crossings[1] = (pgr_crossing){1, 3, pgr_bench_figure(&b.cells[3], "tps")->value};
  b.compared = true;
  snprintf(b.baseline, sizeof b.baseline, "baseline.json");
  bench_add_change(&b, 0, "tps", 1.004, 0.41);
  bench_add_change(&b, 0, "response.claim.ok.p99", 0.87, 0.0022);
  bench_add_change(&b, 0, "client.loop_lag.p99", 1.02, 0.62);
  bench_add_change(&b, 3, "tps", 0.913, 0.0022);
  bench_add_change(&b, 3, "response.claim.ok.p50", 1.01, 0.31);
  bench_add_change(&b, 3, "response.claim.ok.p99", 1.241, 0.0043);
  bench_add_change(&b, 3, "server.wal_per_transaction", 1.0, 1);
  b.exit_status = 3;
  return b;
}

/* Levels differ, too few repetitions, errors of every kind, a cell that was not run: interrupted. */
static inline pgr_bench bench_incomplete(pgr_scenario *s) {
  pgr_bench b = bench_of(s);
  b.complete = false;
  b.interrupted = true;
  b.exit_status = 2;
  b.settings.repetitions = 3;
  b.settings.durable = true;
  snprintf(b.note, sizeof b.note, "Interrupted: what ran is shown, and incomplete.");
  snprintf(b.error, sizeof b.error, "the disk is full");
  snprintf(b.repeat, sizeof b.repeat, "pgrace bench claim --seed 42");
  bench_load l = bench_with(BENCH_NAIVE, 8, 8);
  l.repetitions = 3;
  l.failed = 3;
  l.unknown = 2;
  bench_add_cell(&b, &l);
  l = bench_with(BENCH_TRIGGER, 8, 8);
  l.repetitions = 1;
  l.isolation = PGR_REPEATABLE_READ;
  l.retried = 1200;
  l.duplicates = 1;
  l.rows_broken = 3;
  bench_add_cell(&b, &l);
  l.repetitions = 0;
  l.duplicates = 0;
  l.isolation = PGR_SERIALIZABLE;
  bench_add_cell(&b, &l);
  pgr_bench_cell *c = &b.cells[1];
  snprintf(c->rules, sizeof c->rules, "one answer a conversation: 3 keys");
  snprintf(c->trouble, sizeof c->trouble, "only 1 of 3 repetitions was measured");
  return b;
}

/* Texts that want to be more than text. s: as bench_scenario makes it; its names are changed. */
static inline pgr_bench bench_hostile(pgr_scenario *s) {
  s->name = "a&b";
  s->title = "agents <script>alert(\"1\")</script> & \x1b[31m say 'claim', ü ☃ 𝄞";
  s->broken = "The \"customer\" got\ntwo answers.";
  s->operations[BENCH_CLAIM].name = "claim\"<a,b>\\";
  s->strategies[BENCH_NAIVE].name = "a-strategy-with-a-name-that-is-rather-long-for-a-table-of-80";
  s->strategies[BENCH_TRIGGER].name = "quo\"te{label=\"x\"},\\n";
  pgr_bench b = bench_of(s);
  bench_load l = bench_with(BENCH_NAIVE, 8, 8);
  bench_add_cell(&b, &l);
  l = bench_with(BENCH_TRIGGER, 8, 8);
  l.failed = 1;
  l.repetitions = 5;
  bench_add_cell(&b, &l);
  pgr_measure m;
  bench_measure(&l, 5, &m);
  snprintf(m.server.waits[0].what, sizeof m.server.waits[0].what, "Extension:\x1b[31m\"red\"\n");
  m.server.waits[0].seen = 9000;
  m.tally.complaints[0] = (pgr_complaint){
      .sqlstate = "XX000", .message = "<b>no</b> ]]> \"\\", .file = "a \"file\".sql", .line = 1, .count = 1};
  assert_int_equal(pgr_bench_add(&b.cells[1], s, &m), PGR_OK);
  assert_int_equal(pgr_bench_settle(&b.cells[1], s), PGR_OK);
  pgr_measure_deinit(&m);
  b.compared = true;
  snprintf(b.baseline, sizeof b.baseline, "base\x1b[31mline\n\"1\".json");
  snprintf(b.note, sizeof b.note, "A note with \"quotes\", <tags> & a tail.");
  return b;
}

/* Every case by the name of its golden files. */
typedef struct bench_case {
  const char *name;
  pgr_bench (*make)(pgr_scenario *s);
} bench_case;

static const bench_case bench_cases[] = {{"closed", bench_closed},
                                         {"open", bench_open},
                                         {"compared", bench_compared},
                                         {"incomplete", bench_incomplete},
                                         {"hostile", bench_hostile}};

#endif
