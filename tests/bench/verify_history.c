/* How long verifying takes: bench_verify [OPERATIONS] [AGENTS]. The history is made up, like a run's: rounds of AGENTS
 * contenders on a key of their own; in every third round two of them are told yes. The count found is checked. */
#include "pgr_clock.h"
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

static uint64_t make(pgr_history *h, size_t operations, uint32_t agents) {
  pgr_random r;
  uint64_t duplicates = 0;
  int64_t now = 0;
  pgr_random_init(&r, 1, 1);
  for (int64_t round = 1; pgr_history_count(h) + 3 * agents <= operations; round++) {
    uint32_t owners = round % 3 == 0 ? 2 : 1;
    duplicates += owners == 2;
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
  return duplicates;
}

int main(int argc, char **argv) {
  size_t operations = argc > 1 ? strtoul(argv[1], NULL, 10) : 10000000;
  uint32_t agents = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 8;
  pgr_history *h = pgr_history_create(operations);
  if (!h) return 5;
  uint64_t duplicates = make(h, operations, agents);
  pgr_ownership_report report;
  pgr_err err;
  int64_t start_ns = pgr_now_ns();
  if (pgr_verify_ownership(h, (pgr_ownership_model){.acquire = CLAIM, .release = RELEASE}, &report, &err)) {
    fprintf(stderr, "%s\n", err.msg);
    return 5;
  }
  double seconds = (double)(pgr_now_ns() - start_ns) / 1e9;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  printf("verified %zu operations of %u agents in %.2f s, %.1f million a second, peak memory %ld MB\n",
         pgr_history_count(h), agents, seconds, (double)pgr_history_count(h) / seconds / 1e6, usage.ru_maxrss / 1024);
  bool right = report.duplicates == duplicates && report.unexplained == 0;
  printf("duplicates %llu, made %llu: %s\n", (unsigned long long)report.duplicates, (unsigned long long)duplicates,
         right ? "right" : "WRONG");
  pgr_history_destroy(h);
  return !right;
}
