/* The checker against a brute-force one, written from the header's definitions alone, on small random histories that
 * collide wherever they can; and each rule by an example. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_ownership.h"
#include "pgr_random.h"
#include <stdbool.h>
#include <string.h>

enum { CLAIM, OTHER, RELEASE };
static const pgr_ownership_model model = {.acquire = CLAIM, .release = RELEASE};

enum { OPS_MAX = 24, ROUNDS_MAX = 4 };

/* Brute force: O(n^2) and more, no sorting. ------------------------------------------------------------------------ */

static const pgr_op *next_release(const pgr_op *ops, int n, int claim, bool certain) {
  for (int i = claim + 1; i < n; i++) { /* an agent's ops are in its order of time */
    if (ops[i].agent != ops[claim].agent || ops[i].key != ops[claim].key || ops[i].kind != RELEASE) continue;
    if (ops[i].outcome == PGR_OUTCOME_OK) return &ops[i];
    if (certain && ops[i].outcome == PGR_OUTCOME_UNKNOWN) return &ops[i];
  }
  return NULL;
}

static bool violates(const pgr_op *ops, int n, int a, int b) {
  if (ops[a].key != ops[b].key || ops[a].agent == ops[b].agent) return false;
  if (ops[a].kind != CLAIM || ops[b].kind != CLAIM) return false;
  if (ops[a].outcome != PGR_OUTCOME_OK || ops[b].outcome != PGR_OUTCOME_OK) return false;
  const pgr_op *ra = next_release(ops, n, a, true), *rb = next_release(ops, n, b, true);
  int64_t end_a = ra ? ra->call_ns : INT64_MAX, end_b = rb ? rb->call_ns : INT64_MAX;
  int64_t from = ops[a].return_ns > ops[b].return_ns ? ops[a].return_ns : ops[b].return_ns;
  int64_t to = end_a < end_b ? end_a : end_b;
  return from < to;
}

static bool second_of_a_violation(const pgr_op *ops, int n, int b) {
  for (int a = 0; a < n; a++)
    if (a != b && violates(ops, n, a, b) &&
        (ops[a].return_ns < ops[b].return_ns || (ops[a].return_ns == ops[b].return_ns && a < b)))
      return true;
  return false;
}

static bool is_explained(const pgr_op *ops, int n, int refused) {
  for (int i = 0; i < n; i++) {
    if (ops[i].kind != CLAIM || ops[i].key != ops[refused].key) continue;
    if (ops[i].outcome != PGR_OUTCOME_OK && ops[i].outcome != PGR_OUTCOME_UNKNOWN) continue;
    const pgr_op *release = next_release(ops, n, i, false);
    if (ops[i].call_ns <= ops[refused].return_ns && (!release || release->return_ns >= ops[refused].call_ns))
      return true;
  }
  return false;
}

static bool span_of(const pgr_op *ops, int n, int64_t key, int64_t round, uint32_t agent, int64_t *from, int64_t *to) {
  bool any = false;
  *from = INT64_MAX;
  *to = INT64_MIN;
  for (int i = 0; i < n; i++) {
    if (ops[i].kind != CLAIM || ops[i].key != key || ops[i].round != round || ops[i].agent != agent) continue;
    any = true;
    if (ops[i].call_ns < *from) *from = ops[i].call_ns;
    if (ops[i].return_ns > *to) *to = ops[i].return_ns;
  }
  return any;
}

static bool overlaps(const pgr_op *ops, int n, int64_t key, int64_t round) {
  for (uint32_t a = 1; a <= 4; a++) {
    for (uint32_t b = a + 1; b <= 4; b++) {
      int64_t af, at, bf, bt;
      if (span_of(ops, n, key, round, a, &af, &at) && span_of(ops, n, key, round, b, &bf, &bt) && af <= bt && bf <= at)
        return true;
    }
  }
  return false;
}

static pgr_ownership_report brute_force(const pgr_op *ops, int n) {
  pgr_ownership_report r = {0};
  for (int i = 0; i < n; i++)
    if (ops[i].kind == CLAIM && (ops[i].outcome == PGR_OUTCOME_REFUSED || ops[i].outcome == PGR_OUTCOME_REJECTED))
      r.unexplained += !is_explained(ops, n, i);
  for (int64_t key = 1; key <= 3; key++) {
    for (int64_t round = 1; round <= ROUNDS_MAX; round++) {
      bool any = false, broken = false, unknown = false;
      for (int i = 0; i < n; i++) {
        if (ops[i].kind != CLAIM || ops[i].key != key || ops[i].round != round) continue;
        any = true;
        unknown |= ops[i].outcome == PGR_OUTCOME_UNKNOWN;
        broken |= second_of_a_violation(ops, n, i);
      }
      r.rounds += any;
      r.duplicates += broken;
      r.contested += broken || (any && !unknown && overlaps(ops, n, key, round));
    }
  }
  return r;
}

/* Random histories ---------------------------------------------------------------------------------------------------
 */

static int random_history(pgr_random *r, pgr_op *ops) {
  int n = (int)pgr_random_below(r, OPS_MAX + 1);
  int64_t free_at[5] = {0};
  uint64_t keys = 1 + pgr_random_below(r, 3), rounds = 1 + pgr_random_below(r, ROUNDS_MAX);
  uint64_t spread = 1 + pgr_random_below(r, 6);
  for (int i = 0; i < n; i++) {
    uint32_t agent = 1 + (uint32_t)pgr_random_below(r, 4);
    int64_t call = free_at[agent] + (int64_t)pgr_random_below(r, spread);
    int64_t ret = call + (int64_t)pgr_random_below(r, spread);
    free_at[agent] = ret;
    ops[i] = (pgr_op){.intended_ns = call,
                      .call_ns = call,
                      .return_ns = ret,
                      .key = 1 + (int64_t)pgr_random_below(r, keys),
                      .round = 1 + (int64_t)pgr_random_below(r, rounds),
                      .agent = agent,
                      .attempt = 1,
                      .kind = (uint8_t)pgr_random_below(r, 3),
                      .outcome =
                          (uint8_t)(pgr_random_below(r, 3) ? PGR_OUTCOME_OK : pgr_random_below(r, PGR_OUTCOME_COUNT))};
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

static pgr_ownership_report verify(const pgr_op *ops, int n) {
  pgr_history *h = history_of(ops, n);
  pgr_ownership_report report;
  assert_int_equal(pgr_verify_ownership(h, model, &report, NULL), PGR_OK);
  pgr_history_destroy(h);
  return report;
}

static void agrees_with_brute_force(void **state) {
  (void)state;
  pgr_random r;
  pgr_op ops[OPS_MAX];
  uint64_t duplicates = 0, unexplained = 0, contested = 0, uncontested = 0;
  pgr_random_init(&r, 2026, 1);
  for (int i = 0; i < 20000; i++) {
    int n = random_history(&r, ops);
    pgr_ownership_report fast = verify(ops, n), slow = brute_force(ops, n);
    if (fast.rounds != slow.rounds || fast.contested != slow.contested || fast.duplicates != slow.duplicates ||
        fast.unexplained != slow.unexplained)
      fail_msg("history %d: rounds %lu/%lu contested %lu/%lu duplicates %lu/%lu unexplained %lu/%lu", i, fast.rounds,
               slow.rounds, fast.contested, slow.contested, fast.duplicates, slow.duplicates, fast.unexplained,
               slow.unexplained);
    assert_int_equal(fast.kept_count, fast.duplicates);
    for (size_t v = 0; v < fast.kept_count; v++) {
      const pgr_violation *kept = &fast.kept[v];
      assert_true(violates(ops, n, (int)kept->first, (int)kept->second));
      assert_true(ops[kept->first].return_ns <= ops[kept->second].return_ns);
      assert_true(ops[kept->second].round == kept->round && ops[kept->second].key == kept->key);
    }
    if (fast.unexplained) assert_false(is_explained(ops, n, (int)fast.unexplained_first));
    duplicates += slow.duplicates;
    unexplained += slow.unexplained;
    contested += slow.contested;
    uncontested += slow.rounds - slow.contested;
  }
  /* The histories are worth checking: every count is far from nothing and from everything. */
  assert_true(duplicates > 1000 && unexplained > 1000 && contested > 1000 && uncontested > 1000);
}

/* By example ---------------------------------------------------------------------------------------------------------
 */

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

static void two_owners(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK),
                  op(RELEASE, 1, 20, 21, PGR_OUTCOME_OK), op(RELEASE, 2, 20, 22, PGR_OUTCOME_OK)};
  pgr_ownership_report r = verify(ops, 4);
  assert_int_equal(r.duplicates, 1);
  assert_int_equal(r.contested, 1);
  assert_int_equal(r.kept[0].first, 0);
  assert_int_equal(r.kept[0].second, 1);
}

static void handed_over_is_not_shared(void **state) {
  (void)state;
  /* The second claim was called while the first still owned, and told yes after the release was called. */
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 30, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 15, 20, PGR_OUTCOME_OK)};
  assert_int_equal(verify(ops, 3).duplicates, 0);
  ops[2].return_ns = 19;
  assert_int_equal(verify(ops, 3).duplicates, 1);
}

static void an_unknown_claim_accuses_nobody_but_excuses(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_UNKNOWN), op(CLAIM, 2, 0, 10, PGR_OUTCOME_OK),
                  op(RELEASE, 2, 20, 21, PGR_OUTCOME_OK), op(CLAIM, 3, 40, 50, PGR_OUTCOME_REFUSED)};
  pgr_ownership_report r = verify(ops, 4);
  assert_int_equal(r.duplicates, 0);
  assert_int_equal(r.contested, 0);
  assert_int_equal(r.unexplained, 0);
  ops[0].outcome = PGR_OUTCOME_FAILED;
  assert_int_equal(verify(ops, 4).unexplained, 1);
}

static void retries_are_one_claim_for_the_contest(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 5, PGR_OUTCOME_RETRIED), op(CLAIM, 1, 50, 60, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 20, 30, PGR_OUTCOME_REFUSED)};
  assert_int_equal(verify(ops, 3).contested, 1);
  assert_int_equal(verify(ops, 3).unexplained, 1);
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK)};
  pgr_history *h = history_of(ops, 2);
  pgr_ownership_report report;
  for (unsigned long nth = 1; nth <= 6; nth++) {
    pgr_mem_fail_nth(nth);
    assert_int_equal(pgr_verify_ownership(h, model, &report, NULL), PGR_ENOMEM);
  }
  pgr_mem_fail_nth(0);
  assert_int_equal(pgr_verify_ownership(h, model, &report, NULL), PGR_OK);
  pgr_history_destroy(h);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_brute_force),
                                     cmocka_unit_test(two_owners),
                                     cmocka_unit_test(handed_over_is_not_shared),
                                     cmocka_unit_test(an_unknown_claim_accuses_nobody_but_excuses),
                                     cmocka_unit_test(retries_are_one_claim_for_the_contest),
                                     cmocka_unit_test(no_memory_is_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
