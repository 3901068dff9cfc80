/* Which rounds can be judged and which were contests: against a brute-force reading of the header, and by example. */
#include "pgr_test.h"

#include "pgr_contests.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include <string.h>

enum { CLAIM, JOIN, REPLY }; /* the first two contend */
enum { OPS_MAX = 30, ROUNDS_MAX = 4, AGENTS_MAX = 4 };

static const bool contends[PGR_KINDS_MAX] = {[CLAIM] = true, [JOIN] = true};

/* Brute force ------------------------------------------------------------------------------------------------------ */

typedef struct share {
  int64_t from_ns, to_ns;
  bool any, decided;
} share;

/* What one agent contended in one round. */
static share share_of(const pgr_op *ops, int n, int64_t round, uint32_t agent) {
  share s = {.from_ns = INT64_MAX, .to_ns = INT64_MIN};
  for (int i = 0; i < n; i++) {
    if (ops[i].round != round || ops[i].agent != agent || !contends[ops[i].kind]) continue;
    s.any = true;
    s.decided |= ops[i].outcome != PGR_OUTCOME_RETRIED;
    if (ops[i].call_ns < s.from_ns) s.from_ns = ops[i].call_ns;
    if (ops[i].return_ns > s.to_ns) s.to_ns = ops[i].return_ns;
  }
  return s;
}

static bool is_judged(const pgr_op *ops, int n, int64_t round, uint32_t contenders) {
  uint32_t decided = 0;
  for (int i = 0; i < n; i++)
    if (ops[i].round == round && ops[i].outcome == PGR_OUTCOME_UNKNOWN) return false;
  for (uint32_t a = 1; a <= AGENTS_MAX; a++)
    decided += share_of(ops, n, round, a).decided;
  return decided >= contenders;
}

static bool overlaps(const pgr_op *ops, int n, int64_t round) {
  for (uint32_t a = 1; a <= AGENTS_MAX; a++) {
    for (uint32_t b = a + 1; b <= AGENTS_MAX; b++) {
      share x = share_of(ops, n, round, a), y = share_of(ops, n, round, b);
      if (x.any && y.any && x.from_ns <= y.to_ns && y.from_ns <= x.to_ns) return true;
    }
  }
  return false;
}

static int random_history(pgr_random *r, pgr_op *ops) {
  int n = (int)pgr_random_below(r, OPS_MAX + 1);
  uint64_t rounds = 1 + pgr_random_below(r, ROUNDS_MAX), spread = 1 + pgr_random_below(r, 30);
  uint64_t odd = 1 + pgr_random_below(r, 20);
  for (int i = 0; i < n; i++) {
    int64_t call = (int64_t)pgr_random_below(r, 40);
    ops[i] = (pgr_op){
        .call_ns = call,
        .return_ns = call + (int64_t)pgr_random_below(r, spread),
        .key = 1,
        .round = 1 + (int64_t)pgr_random_below(r, rounds),
        .agent = 1 + (uint32_t)pgr_random_below(r, AGENTS_MAX),
        .attempt = 1,
        .kind = (uint8_t)pgr_random_below(r, 3),
        .outcome = (uint8_t)(pgr_random_below(r, odd) ? PGR_OUTCOME_OK : pgr_random_below(r, PGR_OUTCOME_COUNT))};
  }
  return n;
}

static pgr_history *history_of(const pgr_op *ops, int n) {
  pgr_history *h = pgr_history_create(1000);
  assert_non_null(h);
  for (int i = 0; i < n; i++)
    assert_int_equal(pgr_history_append(h, &ops[i]), PGR_OK);
  return h;
}

/* The caller's to deinit. */
static pgr_contests verify(const pgr_op *ops, int n, uint32_t contenders) {
  pgr_history *h = history_of(ops, n);
  pgr_contests c;
  assert_int_equal(pgr_verify_contests(h, contends, contenders, &c, NULL), PGR_OK);
  pgr_history_destroy(h);
  return c;
}

static void agrees_with_brute_force(void **state) {
  (void)state;
  pgr_random r;
  pgr_op ops[OPS_MAX];
  int judged = 0, contested = 0, neither = 0;
  pgr_random_init(&r, 2026, 2);
  for (int i = 0; i < 20000; i++) {
    int n = random_history(&r, ops);
    uint32_t contenders = 2 + (uint32_t)pgr_random_below(&r, 3);
    pgr_contests fast = verify(ops, n, contenders);
    size_t judged_here = 0, contested_here = 0;
    for (int64_t round = 1; round <= ROUNDS_MAX; round++) {
      bool is = is_judged(ops, n, round, contenders), was = is && overlaps(ops, n, round);
      if (pgr_rounds_has(&fast.judged, round) != is || pgr_rounds_has(&fast.contested, round) != was)
        fail_msg("history %d, round %d: judged %d, contested %d", i, (int)round, is, was);
      judged_here += is;
      contested_here += was;
    }
    assert_int_equal(fast.judged.count, judged_here);
    assert_int_equal(fast.contested.count, contested_here);
    judged += (int)(judged_here - contested_here);
    contested += (int)contested_here;
    neither += judged_here == 0;
    pgr_contests_deinit(&fast);
  }
  assert_true(judged > 1000 && contested > 1000 && neither > 1000);
}

/* By example ------------------------------------------------------------------------------------------------------- */

static pgr_op op(uint8_t kind, uint32_t agent, int64_t call, int64_t ret, pgr_outcome outcome) {
  return (pgr_op){.call_ns = call,
                  .return_ns = ret,
                  .key = 1,
                  .round = 1,
                  .agent = agent,
                  .attempt = 1,
                  .kind = kind,
                  .outcome = (uint8_t)outcome};
}

/* 0: cannot be judged; 1: judged, no contest; 2: contested. */
static int grade(const pgr_op *ops, int n, uint32_t contenders) {
  pgr_contests c = verify(ops, n, contenders);
  int result = c.contested.count ? 2 : c.judged.count ? 1 : 0;
  pgr_contests_deinit(&c);
  return result;
}

static void one_after_the_other_is_no_contest(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 11, 20, PGR_OUTCOME_REFUSED)};
  assert_int_equal(grade(ops, 2, 2), 1);
  ops[1].call_ns = 10; /* closed intervals: they may have met */
  assert_int_equal(grade(ops, 2, 2), 2);
}

static void different_operations_contend_too(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(JOIN, 2, 5, 15, PGR_OUTCOME_OK)};
  assert_int_equal(grade(ops, 2, 2), 2);
  ops[1].kind = REPLY;
  assert_int_equal(grade(ops, 2, 2), 0);
}

/* The tries of one agent are one stretch of time, pauses and all. */
static void retries_are_one_contender(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 5, PGR_OUTCOME_RETRIED), op(CLAIM, 1, 50, 60, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 20, 30, PGR_OUTCOME_REFUSED)};
  assert_int_equal(grade(ops, 3, 2), 2);
  assert_int_equal(grade(ops, 3, 3), 0); /* two agents decided, not three */
}

static void a_round_that_was_cut_short_is_not_judged(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 5, 15, PGR_OUTCOME_RETRIED)};
  assert_int_equal(grade(ops, 1, 2), 0);
  assert_int_equal(grade(ops, 2, 2), 0);
  ops[1].outcome = PGR_OUTCOME_FAILED;
  assert_int_equal(grade(ops, 2, 2), 2);
}

static void an_unknown_outcome_of_any_operation_spoils_its_round_only(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 5, 15, PGR_OUTCOME_OK),
                  op(REPLY, 1, 20, 30, PGR_OUTCOME_UNKNOWN)};
  assert_int_equal(grade(ops, 3, 2), 0);
  ops[2].round = 2;
  assert_int_equal(grade(ops, 3, 2), 2);
}

static void an_empty_history_has_no_rounds(void **state) {
  (void)state;
  assert_int_equal(grade(NULL, 0, 2), 0);
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 1, 11, PGR_OUTCOME_UNKNOWN)};
  ops[2].round = 2;
  pgr_history *h = history_of(ops, 3);
  unsigned long nth = 1;
  for (;; nth++) {
    pgr_contests c;
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_verify_contests(h, contends, 2, &c, &err);
    pgr_mem_fail_nth(0);
    pgr_contests_deinit(&c);
    if (!code) break;
    assert_int_equal(code, PGR_ENOMEM);
    assert_non_null(strstr(err.msg, "out of memory"));
  }
  assert_true(nth > 4); /* spans, unknown, judged, contested */
  pgr_history_destroy(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_brute_force),
                                     cmocka_unit_test(one_after_the_other_is_no_contest),
                                     cmocka_unit_test(different_operations_contend_too),
                                     cmocka_unit_test(retries_are_one_contender),
                                     cmocka_unit_test(a_round_that_was_cut_short_is_not_judged),
                                     cmocka_unit_test(an_unknown_outcome_of_any_operation_spoils_its_round_only),
                                     cmocka_unit_test(an_empty_history_has_no_rounds),
                                     cmocka_unit_test(no_memory_is_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
