/* How long verifying takes: bench_verify [OPERATIONS] [AGENTS]. The history is made up, like a run's: rounds of AGENTS
 * contenders on a key of their own; in every third round two of them are told yes. What is found is checked. */
#include "pgr_clock.h"
#include "pgr_contests.h"
#include "pgr_ownership.h"
#include "pgr_random.h"
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum { CLAIM, REPLY, RELEASE };

static void append(pgr_history *h, pgr_op op) {
  if (pgr_history_append(h, &op)) {
    fputs("out of memory\n", stderr);
    exit(5);
  }
}

typedef struct made {
  uint64_t rounds, duplicates;
} made;

static made make(pgr_history *h, size_t operations, uint32_t agents) {
  pgr_random r;
  made m = {0};
  int64_t now = 0;
  pgr_random_init(&r, 1, 1);
  for (int64_t round = 1; pgr_history_count(h) + 3 * agents <= operations; round++) {
    uint32_t owners = round % 3 == 0 ? 2 : 1;
    m.rounds++;
    m.duplicates += owners == 2;
    for (uint32_t a = 1; a <= agents; a++) {
      int64_t call = now + (int64_t)pgr_random_below(&r, 50000),
              back = call + 100000 + (int64_t)pgr_random_below(&r, 50000);
      pgr_op op = {.call_ns = call,
                   .return_ns = back,
                   .key = round,
                   .round = round,
                   .agent = a,
                   .attempt = 1,
                   .kind = CLAIM,
                   .outcome = a <= owners ? PGR_OUTCOME_OK : PGR_OUTCOME_REFUSED};
      append(h, op);
      if (a > owners) continue;
      op.kind = REPLY;
      op.call_ns = back;
      op.return_ns = back + 50000;
      append(h, op);
    }
    for (uint32_t a = 1; a <= owners; a++)
      append(h, (pgr_op){.call_ns = now + 400000,
                         .return_ns = now + 450000,
                         .key = round,
                         .round = round,
                         .agent = a,
                         .attempt = 1,
                         .kind = RELEASE});
    now += 500000;
  }
  return m;
}

static double seconds_since(int64_t start_ns) {
  return (double)(pgr_now_ns() - start_ns) / 1e9;
}

static void fail(const pgr_err *err) {
  fprintf(stderr, "%s\n", err->msg);
  exit(5);
}

int main(int argc, char **argv) {
  size_t operations = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000000;
  uint32_t agents = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 8;
  pgr_history *h = pgr_history_create(operations);
  if (!h) return 5;
  made m = make(h, operations, agents);
  const bool contends[PGR_KINDS_MAX] = {[CLAIM] = true};
  pgr_ownership_report report;
  pgr_contests contests;
  pgr_err err;
  int64_t start_ns = pgr_now_ns();
  if (pgr_verify_ownership(h, (pgr_ownership_model){.acquire = CLAIM, .release = RELEASE, .capacity = 1}, &report,
                           &err))
    fail(&err);
  double owners_s = seconds_since(start_ns);
  start_ns = pgr_now_ns();
  if (pgr_verify_contests(h, contends, agents, &contests, &err)) fail(&err);
  double contests_s = seconds_since(start_ns);
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf(
      "%zu operations of %u agents: owners in %.2f s, contests in %.2f s, %.1f million a second, peak memory %ld MB\n",
      pgr_history_count(h), agents, owners_s, contests_s, (double)pgr_history_count(h) / (owners_s + contests_s) / 1e6,
      usage.ru_maxrss / 1024);
  bool right = report.broken.count == m.duplicates && report.unexplained == 0 && contests.judged.count == m.rounds &&
               contests.contested.count == m.rounds;
  printf("two owners in %zu of %zu contested rounds, made %llu of %llu: %s\n", report.broken.count,
         contests.contested.count, (unsigned long long)m.duplicates, (unsigned long long)m.rounds,
         right ? "right" : "WRONG");
  pgr_ownership_report_deinit(&report);
  pgr_contests_deinit(&contests);
  pgr_history_destroy(h);
  return !right;
}
