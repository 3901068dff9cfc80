/* The checker against a brute-force one, written from the header's definitions alone, on small random histories that
 * collide wherever they can, for every capacity and with and without a release; and each rule by an example. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_ownership.h"
#include "pgr_random.h"
#include <stdbool.h>
#include <string.h>

enum { CLAIM, OTHER, RELEASE };
enum { OPS_MAX = 32, ROUNDS_MAX = 4, KEYS_MAX = 3, AGENTS_MAX = 6, CAPACITY_MAX = 3 };

static const pgr_ownership_model one_owner = {.acquire = CLAIM, .release = RELEASE, .capacity = 1};

/* Brute force: O(n^2) and more, no sorting. ------------------------------------------------------------------------ */

typedef struct brute {
  const pgr_op *ops; /* an agent's in its order of time */
  int n;
  pgr_ownership_model model;
} brute;

static const pgr_op *next_release(const brute *b, int claim, bool certain) {
  for (int i = claim + 1; i < b->n; i++) {
    const pgr_op *op = &b->ops[i];
    if (op->agent != b->ops[claim].agent || op->key != b->ops[claim].key || op->kind != b->model.release) continue;
    if (op->outcome == PGR_OUTCOME_OK) return op;
    if (certain && (op->outcome == PGR_OUTCOME_UNKNOWN || op->outcome == PGR_OUTCOME_RETRIED)) return op;
  }
  return NULL;
}

static bool told_ok(const brute *b, int i) {
  return b->ops[i].kind == CLAIM && b->ops[i].outcome == PGR_OUTCOME_OK;
}

static int64_t certain_end_ns(const brute *b, int claim) {
  const pgr_op *release = next_release(b, claim, true);
  return release ? release->call_ns : INT64_MAX;
}

static bool told_before(const brute *b, int a, int c) {
  return b->ops[a].return_ns < b->ops[c].return_ns || (b->ops[a].return_ns == b->ops[c].return_ns && a < c);
}

/* Whether claim a's agent certainly owns the key for a while from the moment on at which another's claim c was told ok.
 */
static bool owns_beside(const brute *b, int a, int c) {
  const pgr_op *x = &b->ops[a], *y = &b->ops[c];
  return told_ok(b, a) && told_ok(b, c) && x->key == y->key && x->agent != y->agent && told_before(b, a, c) &&
         certain_end_ns(b, a) > y->return_ns && certain_end_ns(b, c) > y->return_ns;
}

/* Whether with this claim too many agents own its key. */
static bool is_one_too_many(const brute *b, int c) {
  bool owns[AGENTS_MAX + 1] = {false};
  int64_t others = 0;
  for (int a = 0; a < b->n; a++)
    if (owns_beside(b, a, c)) owns[b->ops[a].agent] = true;
  for (int agent = 1; agent <= AGENTS_MAX; agent++)
    others += owns[agent];
  return others >= b->model.capacity;
}

static bool is_explained(const brute *b, int refused) {
  const pgr_op *r = &b->ops[refused];
  for (int i = 0; i < b->n; i++) {
    const pgr_op *op = &b->ops[i];
    if (op->kind != CLAIM || op->key != r->key) continue;
    if (op->outcome != PGR_OUTCOME_OK && op->outcome != PGR_OUTCOME_UNKNOWN && op->outcome != PGR_OUTCOME_RETRIED)
      continue;
    const pgr_op *release = next_release(b, i, false);
    if (op->call_ns <= r->return_ns && (!release || release->return_ns >= r->call_ns)) return true;
  }
  return false;
}

typedef struct counts {
  bool broken[KEYS_MAX + 1][ROUNDS_MAX + 1];
  uint64_t rounds, pairs, unexplained; /* rounds broken; keys in rounds broken */
} counts;

static counts brute_force(const brute *b) {
  counts c = {0};
  for (int i = 0; i < b->n; i++) {
    const pgr_op *op = &b->ops[i];
    if (op->kind != CLAIM) continue;
    if (op->outcome == PGR_OUTCOME_REFUSED || op->outcome == PGR_OUTCOME_REJECTED)
      c.unexplained += !is_explained(b, i);
    else if (told_ok(b, i) && is_one_too_many(b, i))
      c.broken[op->key][op->round] = true;
  }
  for (int round = 1; round <= ROUNDS_MAX; round++) {
    bool any = false;
    for (int key = 1; key <= KEYS_MAX; key++) {
      any |= c.broken[key][round];
      c.pairs += c.broken[key][round];
    }
    c.rounds += any;
  }
  return c;
}

/* Random histories ------------------------------------------------------------------------------------------------- */

static int random_history(pgr_random *r, pgr_op *ops) {
  int n = (int)pgr_random_below(r, OPS_MAX + 1);
  int64_t free_at[AGENTS_MAX + 1] = {0};
  uint64_t keys = 1 + pgr_random_below(r, KEYS_MAX), rounds = 1 + pgr_random_below(r, ROUNDS_MAX);
  uint64_t agents = 2 + pgr_random_below(r, AGENTS_MAX - 1), spread = 1 + pgr_random_below(r, 6);
  for (int i = 0; i < n; i++) {
    uint32_t agent = 1 + (uint32_t)pgr_random_below(r, agents);
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

/* The caller's to deinit. */
static pgr_ownership_report verify(pgr_ownership_model model, const pgr_op *ops, int n) {
  pgr_history *h = history_of(ops, n);
  pgr_ownership_report report;
  assert_int_equal(pgr_verify_ownership(h, model, &report, NULL), PGR_OK);
  pgr_history_destroy(h);
  return report;
}

static void check_kept(const brute *b, const pgr_ownership_report *r, const counts *c) {
  bool seen[KEYS_MAX + 1][ROUNDS_MAX + 1] = {{false}};
  assert_int_equal(r->kept_count, c->pairs);
  for (size_t v = 0; v < r->kept_count; v++) {
    const pgr_violation *kept = &r->kept[v];
    const pgr_op *second = &b->ops[kept->second];
    assert_true(owns_beside(b, (int)kept->first, (int)kept->second));
    assert_true(is_one_too_many(b, (int)kept->second));
    assert_true(second->round == kept->round && second->key == kept->key);
    assert_false(seen[kept->key][kept->round]); /* one a round, the first of it */
    seen[kept->key][kept->round] = true;
    for (int i = 0; i < b->n; i++)
      if (told_ok(b, i) && b->ops[i].key == kept->key && b->ops[i].round == kept->round && is_one_too_many(b, i))
        assert_true(b->ops[i].return_ns >= second->return_ns);
    if (v > 0) assert_true(r->kept[v - 1].key <= kept->key);
  }
}

static void compare(int number, const pgr_history *h, const brute *b, counts *total) {
  pgr_ownership_report fast;
  assert_int_equal(pgr_verify_ownership(h, b->model, &fast, NULL), PGR_OK);
  counts slow = brute_force(b);
  if (fast.broken.count != slow.rounds || fast.unexplained != slow.unexplained)
    fail_msg("history %d, capacity %d, release %d: broken %zu/%lu unexplained %lu/%lu", number, (int)b->model.capacity,
             b->model.release, fast.broken.count, slow.rounds, fast.unexplained, slow.unexplained);
  for (size_t i = 0; i < fast.broken.count; i++) {
    bool any = false;
    for (int key = 1; key <= KEYS_MAX; key++)
      any |= slow.broken[key][fast.broken.at[i]];
    assert_true(any && (i == 0 || fast.broken.at[i - 1] < fast.broken.at[i]));
  }
  check_kept(b, &fast, &slow);
  if (fast.unexplained) assert_false(is_explained(b, (int)fast.unexplained_first));
  total->rounds += slow.rounds;
  total->unexplained += slow.unexplained;
  pgr_ownership_report_deinit(&fast);
}

static void agrees_with_brute_force(void **state) {
  (void)state;
  pgr_random r;
  pgr_op ops[OPS_MAX];
  static counts total[CAPACITY_MAX + 1][2];
  pgr_random_init(&r, 2026, 1);
  for (int i = 0; i < 12000; i++) {
    int n = random_history(&r, ops);
    pgr_history *h = history_of(ops, n);
    for (int capacity = 1; capacity <= CAPACITY_MAX; capacity++) {
      for (int releases = 0; releases < 2; releases++) {
        brute b = {ops, n, {.acquire = CLAIM, .release = releases ? RELEASE : -1, .capacity = capacity}};
        compare(i, h, &b, &total[capacity][releases]);
      }
    }
    pgr_history_destroy(h);
  }
  /* The histories are worth checking: every count is far from nothing. */
  for (int capacity = 1; capacity <= CAPACITY_MAX; capacity++)
    for (int releases = 0; releases < 2; releases++)
      assert_true(total[capacity][releases].rounds > 300 && total[capacity][releases].unexplained > 300);
  assert_true(total[1][1].rounds > total[2][1].rounds && total[2][1].rounds > total[3][1].rounds);
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

static size_t broken(pgr_ownership_model model, const pgr_op *ops, int n) {
  pgr_ownership_report r = verify(model, ops, n);
  size_t count = r.broken.count;
  pgr_ownership_report_deinit(&r);
  return count;
}

static uint64_t unexplained(const pgr_op *ops, int n) {
  pgr_ownership_report r = verify(one_owner, ops, n);
  uint64_t count = r.unexplained;
  pgr_ownership_report_deinit(&r);
  return count;
}

static void two_owners(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK),
                  op(RELEASE, 1, 20, 21, PGR_OUTCOME_OK), op(RELEASE, 2, 20, 22, PGR_OUTCOME_OK)};
  pgr_ownership_report r = verify(one_owner, ops, 4);
  assert_int_equal(r.broken.count, 1);
  assert_int_equal(r.broken.at[0], 1);
  assert_int_equal(r.kept[0].first, 0);
  assert_int_equal(r.kept[0].second, 1);
  pgr_ownership_report_deinit(&r);
}

static void handed_over_is_not_shared(void **state) {
  (void)state;
  /* The second claim was called while the first still owned, and told yes after the release was called. */
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 30, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 15, 20, PGR_OUTCOME_OK)};
  assert_int_equal(broken(one_owner, ops, 3), 0);
  ops[2].return_ns = 19;
  assert_int_equal(broken(one_owner, ops, 3), 1);
}

static void without_a_release_it_is_owned_for_ever(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 30, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 1000, 1010, PGR_OUTCOME_OK), op(CLAIM, 3, 2000, 2010, PGR_OUTCOME_REFUSED)};
  pgr_ownership_model for_ever = {.acquire = CLAIM, .release = -1, .capacity = 1};
  assert_int_equal(broken(one_owner, ops, 4), 0);
  assert_int_equal(broken(for_ever, ops, 4), 1);
}

static void capacity_counts_agents_not_claims(void **state) {
  (void)state;
  pgr_ownership_model two = {.acquire = CLAIM, .release = RELEASE, .capacity = 2};
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 1, 11, 12, PGR_OUTCOME_OK),
                  op(CLAIM, 2, 13, 14, PGR_OUTCOME_OK), op(CLAIM, 2, 15, 16, PGR_OUTCOME_OK),
                  op(CLAIM, 3, 17, 18, PGR_OUTCOME_OK)};
  assert_int_equal(broken(two, ops, 4), 0);
  pgr_ownership_report r = verify(two, ops, 5);
  assert_int_equal(r.broken.count, 1);
  assert_int_equal(r.kept_count, 1);
  assert_int_equal(r.kept[0].second, 4);
  pgr_ownership_report_deinit(&r);
  /* One of the two gives its place up in time. */
  pgr_op place_free[] = {ops[0], ops[2], op(RELEASE, 1, 15, 30, PGR_OUTCOME_OK), ops[4]};
  assert_int_equal(broken(two, place_free, 4), 0);
  place_free[2].call_ns = 19;
  assert_int_equal(broken(two, place_free, 4), 1);
  /* A release that failed gives nothing up. */
  place_free[2].call_ns = 15;
  place_free[2].outcome = PGR_OUTCOME_FAILED;
  assert_int_equal(broken(two, place_free, 4), 1);
}

static void an_unknown_claim_accuses_nobody_but_excuses(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_UNKNOWN), op(CLAIM, 2, 0, 10, PGR_OUTCOME_OK),
                  op(RELEASE, 2, 20, 21, PGR_OUTCOME_OK), op(CLAIM, 3, 40, 50, PGR_OUTCOME_REFUSED)};
  assert_int_equal(broken(one_owner, ops, 4), 0);
  assert_int_equal(unexplained(ops, 4), 0);
  ops[0].outcome = PGR_OUTCOME_FAILED;
  assert_int_equal(unexplained(ops, 4), 1);
}

/* What a try committed before the statement that failed stands: it may have claimed, and it may have given back. */
static void a_try_done_again_may_have_happened(void **state) {
  (void)state;
  pgr_op claims[] = {op(CLAIM, 1, 0, 5, PGR_OUTCOME_RETRIED), op(CLAIM, 1, 10, 20, PGR_OUTCOME_REFUSED),
                     op(CLAIM, 2, 30, 40, PGR_OUTCOME_REFUSED)};
  assert_int_equal(unexplained(claims, 3), 0);
  claims[0].outcome = PGR_OUTCOME_FAILED;
  assert_int_equal(unexplained(claims, 3), 2);
  pgr_op releases[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 25, PGR_OUTCOME_RETRIED),
                       op(RELEASE, 1, 40, 45, PGR_OUTCOME_OK), op(CLAIM, 2, 26, 30, PGR_OUTCOME_OK)};
  assert_int_equal(broken(one_owner, releases, 4), 0);
  releases[1].outcome = PGR_OUTCOME_FAILED;
  assert_int_equal(broken(one_owner, releases, 4), 1);
}

/* All violating rounds are counted, the first of them are kept. */
static void what_is_kept_is_bounded_what_is_counted_is_not(void **state) {
  (void)state;
  enum { ROUNDS = 3 * PGR_VIOLATIONS_KEPT };
  pgr_op ops[2 * ROUNDS];
  for (int i = 0; i < ROUNDS; i++) {
    ops[2 * i] = op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK);
    ops[2 * i + 1] = op(CLAIM, 2, 0, 11, PGR_OUTCOME_OK);
    ops[2 * i].key = ops[2 * i].round = ops[2 * i + 1].key = ops[2 * i + 1].round = ROUNDS - i;
  }
  pgr_ownership_report r = verify(one_owner, ops, 2 * ROUNDS);
  assert_int_equal(r.broken.count, ROUNDS);
  assert_int_equal(r.kept_count, PGR_VIOLATIONS_KEPT);
  for (size_t i = 0; i < r.kept_count; i++)
    assert_int_equal(r.kept[i].key, i + 1);
  pgr_ownership_report_deinit(&r);
}

static void no_memory_is_an_error(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK)};
  pgr_history *h = history_of(ops, 2);
  unsigned long nth = 1;
  for (;; nth++) {
    pgr_ownership_report report;
    pgr_err err;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_verify_ownership(h, one_owner, &report, &err);
    pgr_mem_fail_nth(0);
    pgr_ownership_report_deinit(&report);
    if (!code) break;
    assert_int_equal(code, PGR_ENOMEM);
    assert_non_null(strstr(err.msg, "out of memory"));
  }
  assert_true(nth > 6); /* events, the longest, three of a key, the round */
  pgr_history_destroy(h);
}

static void an_empty_history_breaks_nothing(void **state) {
  (void)state;
  assert_int_equal(broken(one_owner, NULL, 0), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_brute_force),
                                     cmocka_unit_test(two_owners),
                                     cmocka_unit_test(handed_over_is_not_shared),
                                     cmocka_unit_test(without_a_release_it_is_owned_for_ever),
                                     cmocka_unit_test(capacity_counts_agents_not_claims),
                                     cmocka_unit_test(an_unknown_claim_accuses_nobody_but_excuses),
                                     cmocka_unit_test(a_try_done_again_may_have_happened),
                                     cmocka_unit_test(what_is_kept_is_bounded_what_is_counted_is_not),
                                     cmocka_unit_test(no_memory_is_an_error),
                                     cmocka_unit_test(an_empty_history_breaks_nothing)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
