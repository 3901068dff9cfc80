/* A run followed in takes against the checker of its whole history: small random histories that collide wherever they
 * can, cut anywhere, for every capacity and with and without a release; then what is kept, and each rule of when
 * something is settled, by example. Every acquire has a round of its own, so that rounds broken are acquires that were
 * one too many. */
#include "pgr_test.h"

#include "pgr_follow.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIM, OTHER, RELEASE };
enum { OPS_MAX = 48, KEYS_MAX = 3, AGENTS_MAX = 5, CAPACITY_MAX = 3, TAKES_MAX = 12, NO_LIMIT = 1000000 };

static const pgr_ownership_model one_owner = {.acquire = CLAIM, .release = RELEASE, .capacity = 1};
static const pgr_ownership_model for_ever = {.acquire = CLAIM, .release = -1, .capacity = 1};

static pgr_history *new_history(void) {
  pgr_history *h = pgr_history_create(NO_LIMIT);
  assert_non_null(h);
  return h;
}

static void append(pgr_history *h, const pgr_op *op) {
  assert_int_equal(pgr_history_append(h, op), PGR_OK);
}

static pgr_follow *new_follow(pgr_ownership_model model) {
  pgr_follow *f = pgr_follow_create(model, NO_LIMIT);
  assert_non_null(f);
  return f;
}

static pgr_follow_report total(const pgr_follow *f) {
  pgr_follow_report r;
  pgr_follow_total(f, &r);
  return r;
}

static void take(pgr_follow *f, pgr_history *from, int64_t upto_ns) {
  assert_int_equal(pgr_follow_take(f, from, upto_ns, NULL), PGR_OK);
  assert_int_equal(pgr_history_count(from), 0);
}

static void take_ops(pgr_follow *f, const pgr_op *ops, size_t n, int64_t upto_ns) {
  pgr_history *h = new_history();
  for (size_t i = 0; i < n; i++)
    append(h, &ops[i]);
  take(f, h, upto_ns);
  pgr_history_destroy(h);
}

/* The end of it: f is destroyed. */
static pgr_follow_report finish(pgr_follow *f) {
  assert_int_equal(pgr_follow_finish(f, NULL), PGR_OK);
  pgr_follow_report r = total(f);
  pgr_follow_destroy(f);
  return r;
}

static void assert_same_op(const pgr_op *a, const pgr_op *b) {
  assert_true(a->intended_ns == b->intended_ns && a->call_ns == b->call_ns && a->return_ns == b->return_ns &&
              a->pool_wait_ns == b->pool_wait_ns && a->key == b->key && a->round == b->round && a->agent == b->agent &&
              a->attempt == b->attempt && a->kind == b->kind && a->outcome == b->outcome);
  assert_string_equal(a->sqlstate, b->sqlstate);
}

/* Random histories, cut at random ---------------------------------------------------------------------------------- */

typedef struct history {
  pgr_op ops[OPS_MAX]; /* in the order in which they are given */
  int take[OPS_MAX];   /* in which each is given */
  int n;
  int64_t upto_ns[TAKES_MAX];
  int takes;
} history;

static pgr_outcome random_outcome(pgr_random *r, uint64_t ok) {
  return pgr_random_below(r, 1 + ok) ? PGR_OUTCOME_OK : (pgr_outcome)pgr_random_below(r, PGR_OUTCOME_COUNT);
}

/* An agent's operations follow each other, but in a fourth of all histories, where a checker has to bear even that. In
 * half of them agents give back what they own, before anything else. */
static void make_ops(pgr_random *r, history *h) {
  int64_t free_at[AGENTS_MAX + 1] = {0}, owned[AGENTS_MAX + 1] = {0};
  uint64_t keys = 1 + pgr_random_below(r, KEYS_MAX), agents = 2 + pgr_random_below(r, AGENTS_MAX - 1);
  uint64_t spread = 1 + pgr_random_below(r, 7), ok = 1 + pgr_random_below(r, 5), apart = pgr_random_below(r, 4);
  bool tidy = pgr_random_below(r, 2);
  h->n = (int)pgr_random_below(r, OPS_MAX + 1);
  for (int i = 0; i < h->n; i++) {
    uint32_t agent = 1 + (uint32_t)pgr_random_below(r, agents);
    int64_t call = free_at[agent] + (int64_t)pgr_random_below(r, spread);
    int64_t ret = call + (int64_t)pgr_random_below(r, pgr_random_below(r, 8) ? spread : 6 * spread);
    free_at[agent] = apart ? ret : call;
    pgr_op *op = &h->ops[i];
    *op = (pgr_op){.intended_ns = call - 1,
                   .call_ns = call,
                   .return_ns = ret,
                   .pool_wait_ns = i,
                   .key = 1 + (int64_t)pgr_random_below(r, keys),
                   .round = i + 1,
                   .agent = agent,
                   .attempt = (uint16_t)(1 + i % 3),
                   .kind = (uint8_t)pgr_random_below(r, 3),
                   .outcome = (uint8_t)random_outcome(r, ok),
                   .sqlstate = {(char)('A' + i % 26)}};
    if (!tidy) continue;
    op->kind = owned[agent] ? RELEASE : CLAIM;
    if (owned[agent]) op->key = owned[agent];
    if (!owned[agent] && pgr_random_below(r, 2)) op->outcome = PGR_OUTCOME_REFUSED;
    if (op->outcome == PGR_OUTCOME_OK) owned[agent] = owned[agent] ? 0 : op->key;
  }
}

/* Watermarks that do not go back, some of them the same; an operation is given before one passes its call. */
static void cut(pgr_random *r, history *h) {
  int64_t end = 0, upto = -1;
  for (int i = 0; i < h->n; i++)
    if (h->ops[i].return_ns > end) end = h->ops[i].return_ns;
  h->takes = 1 + (int)pgr_random_below(r, TAKES_MAX);
  for (int t = 0; t < h->takes; t++) {
    upto += (int64_t)pgr_random_below(r, 2 + 3 * (uint64_t)end / (uint64_t)h->takes);
    h->upto_ns[t] = upto;
  }
  pgr_op ops[OPS_MAX];
  int take[OPS_MAX], n = 0;
  for (int i = 0; i < h->n; i++) {
    int latest = 0;
    while (latest < h->takes - 1 && h->upto_ns[latest] <= h->ops[i].call_ns)
      latest++;
    take[i] = latest - (int)pgr_random_below(r, pgr_random_below(r, 2) ? 1 : 1 + (uint64_t)latest);
  }
  memcpy(ops, h->ops, sizeof ops);
  for (int t = 0; t < h->takes; t++) {
    for (int i = 0; i < h->n; i++) {
      if (take[i] != t) continue;
      h->take[n] = t;
      h->ops[n++] = ops[i];
    }
  }
  assert_int_equal(n, h->n);
}

static bool may_have_happened(const pgr_op *op) {
  return op->outcome == PGR_OUTCOME_OK || op->outcome == PGR_OUTCOME_UNKNOWN || op->outcome == PGR_OUTCOME_RETRIED;
}

static bool is_later(const history *h, int a, int b) {
  return h->ops[a].call_ns > h->ops[b].call_ns || (h->ops[a].call_ns == h->ops[b].call_ns && a > b);
}

/* Whether what this acquire may have given is never given back for certain. */
static bool lasts(const history *h, pgr_ownership_model model, int acquire) {
  const pgr_op *a = &h->ops[acquire];
  if (a->kind != CLAIM || !may_have_happened(a)) return false;
  for (int i = 0; i < h->n; i++) {
    const pgr_op *op = &h->ops[i];
    if (op->kind == model.release && op->agent == a->agent && op->key == a->key && op->outcome == PGR_OUTCOME_OK &&
        is_later(h, i, acquire))
      return false;
  }
  return true;
}

/* How much may have to be remembered when all is settled: of an agent and a key one ownership; where nothing is given
 * back, of a key capacity + 1 agents, or one of whom it is not certain. */
static size_t kept_in_the_end(const history *h, pgr_ownership_model model) {
  size_t kept = 0;
  for (int64_t key = 1; key <= KEYS_MAX; key++) {
    size_t possible = 0, certain = 0;
    for (uint32_t agent = 1; agent <= AGENTS_MAX; agent++) {
      bool any = false, any_ok = false;
      for (int i = 0; i < h->n; i++) {
        if (h->ops[i].key != key || h->ops[i].agent != agent || !lasts(h, model, i)) continue;
        any = true;
        any_ok |= h->ops[i].outcome == PGR_OUTCOME_OK;
      }
      possible += any;
      certain += any_ok;
    }
    if (model.release >= 0)
      kept += possible;
    else if (certain == 0)
      kept += possible > 0;
    else
      kept += certain < (size_t)model.capacity + 1 ? certain : (size_t)model.capacity + 1;
  }
  return kept;
}

/* chunk: empty, and again. */
static pgr_follow_report follow(const history *h, pgr_ownership_model model, pgr_history *chunk) {
  pgr_follow *f = new_follow(model);
  for (int t = 0, i = 0; t < h->takes; t++) {
    for (; i < h->n && h->take[i] == t; i++)
      append(chunk, &h->ops[i]);
    take(f, chunk, h->upto_ns[t]);
    assert_true(total(f).kept <= total(f).kept_max && total(f).kept_max <= (size_t)h->n);
  }
  take(f, chunk, INT64_MAX - 1);
  assert_int_equal(total(f).kept, kept_in_the_end(h, model));
  return finish(f);
}

/* The operation that this is a copy of. */
static int original(const history *h, const pgr_op *copy) {
  int i = 0;
  while (i < h->n && h->ops[i].round != copy->round)
    i++;
  assert_true(i < h->n);
  assert_same_op(&h->ops[i], copy);
  return i;
}

/* Whether what this acquire gave certainly lasts beyond that moment. */
static bool owns_at(const history *h, pgr_ownership_model model, int acquire, int64_t ns) {
  const pgr_op *a = &h->ops[acquire];
  for (int i = 0; i < h->n; i++) {
    const pgr_op *op = &h->ops[i];
    if (op->kind != model.release || op->agent != a->agent || op->key != a->key || !is_later(h, i, acquire)) continue;
    if (may_have_happened(op) && op->call_ns <= ns) return false;
  }
  return a->outcome == PGR_OUTCOME_OK && a->return_ns <= ns;
}

static void check_story(const history *h, pgr_ownership_model model, const pgr_follow_report *r,
                        const pgr_ownership_report *whole) {
  if (r->duplicates) {
    const pgr_op *first = &r->violation.first, *second = &r->violation.second;
    int one = original(h, first), too_many = original(h, second);
    assert_true(first->kind == CLAIM && second->kind == CLAIM && first->key == second->key &&
                first->agent != second->agent && first->return_ns <= second->return_ns);
    assert_true(owns_at(h, model, one, second->return_ns) && owns_at(h, model, too_many, second->return_ns));
    assert_true(pgr_rounds_has(&whole->broken, second->round));
    for (size_t i = 0; i < whole->kept_count; i++)
      assert_true(second->return_ns <= h->ops[whole->kept[i].second].return_ns);
  }
  if (r->unexplained) {
    const pgr_op *told = &r->unexplained_first.second;
    original(h, told);
    assert_true(told->kind == CLAIM && (told->outcome == PGR_OUTCOME_REFUSED || told->outcome == PGR_OUTCOME_REJECTED));
    assert_true(told->return_ns <= h->ops[whole->unexplained_first].return_ns);
  }
}

typedef struct counts {
  uint64_t duplicates, unexplained;
} counts;

/* all: holds h's operations. */
static void compare(int number, const history *h, const pgr_history *all, pgr_history *chunk, pgr_ownership_model model,
                    counts *seen) {
  uint64_t looked_at = 0;
  for (int i = 0; i < h->n; i++)
    looked_at += h->ops[i].kind == model.acquire || h->ops[i].kind == model.release;
  pgr_ownership_report whole;
  assert_int_equal(pgr_verify_ownership(all, model, &whole, NULL), PGR_OK);
  pgr_follow_report r = follow(h, model, chunk);
  if (r.duplicates != whole.broken.count || r.unexplained != whole.unexplained)
    fail_msg("history %d, capacity %d, release %d: duplicates %lu of %zu, unexplained %lu of %lu", number,
             (int)model.capacity, model.release, r.duplicates, whole.broken.count, r.unexplained, whole.unexplained);
  assert_int_equal(r.operations, looked_at);
  check_story(h, model, &r, &whole);
  seen->duplicates += r.duplicates;
  seen->unexplained += r.unexplained;
  pgr_ownership_report_deinit(&whole);
}

static void agrees_with_the_whole_history(void **state) {
  (void)state;
  pgr_random r;
  history h;
  static counts seen[CAPACITY_MAX + 1][2];
  pgr_history *all = new_history(), *chunk = new_history();
  pgr_random_init(&r, 2026, 2);
  for (int i = 0; i < 5000; i++) {
    make_ops(&r, &h);
    cut(&r, &h);
    pgr_history_clear(all);
    for (int k = 0; k < h.n; k++)
      append(all, &h.ops[k]);
    for (int capacity = 1; capacity <= CAPACITY_MAX; capacity++) {
      for (int releases = 0; releases < 2; releases++) {
        pgr_ownership_model model = {.acquire = CLAIM, .release = releases ? RELEASE : -1, .capacity = capacity};
        compare(i, &h, all, chunk, model, &seen[capacity][releases]);
      }
    }
  }
  pgr_history_destroy(all);
  pgr_history_destroy(chunk);
  /* The histories are worth checking: every count is far from nothing. */
  for (int capacity = 1; capacity <= CAPACITY_MAX; capacity++)
    for (int releases = 0; releases < 2; releases++)
      assert_true(seen[capacity][releases].duplicates > 300 && seen[capacity][releases].unexplained > 300);
  assert_true(seen[1][1].duplicates > seen[2][1].duplicates && seen[2][1].duplicates > seen[3][1].duplicates);
}

/* What is kept ----------------------------------------------------------------------------------------------------- */

static pgr_op op(uint8_t kind, uint32_t agent, int64_t call, int64_t ret, pgr_outcome outcome) {
  return (pgr_op){.call_ns = call,
                  .return_ns = ret,
                  .key = 1,
                  .round = call,
                  .agent = agent,
                  .attempt = 1,
                  .kind = kind,
                  .outcome = (uint8_t)outcome};
}

static pgr_op claim_of(int64_t key, uint32_t agent, int64_t call, pgr_outcome outcome) {
  pgr_op claim = op(CLAIM, agent, call, call + 1, outcome);
  claim.key = key;
  return claim;
}

/* Agents that claim and give back, for a long time: what is under way when operations are handed over is the next of
 * each. */
typedef struct load {
  pgr_random r;
  pgr_op next[8];
  int64_t last_key;
  bool new_keys; /* each is claimed once */
} load;

enum { LOAD_AGENTS = 8, LOAD_OPS = 60000, LOAD_TAKE = 60 };

static void load_next(load *l, int a) {
  const pgr_op before = l->next[a];
  bool owned = before.kind == CLAIM && before.outcome == PGR_OUTCOME_OK;
  int64_t call = before.return_ns + (int64_t)pgr_random_below(&l->r, 50);
  pgr_outcome outcome = owned || pgr_random_below(&l->r, 3) ? PGR_OUTCOME_OK : PGR_OUTCOME_REFUSED;
  l->next[a] =
      op(owned ? RELEASE : CLAIM, (uint32_t)a + 1, call, call + (int64_t)pgr_random_below(&l->r, 300), outcome);
  if (owned)
    l->next[a].key = before.key;
  else
    l->next[a].key = l->new_keys ? ++l->last_key : (int64_t)pgr_random_below(&l->r, 20);
}

static int load_first(const load *l, bool by_call) {
  int first = 0;
  for (int a = 1; a < LOAD_AGENTS; a++) {
    const pgr_op *x = &l->next[a], *y = &l->next[first];
    if (by_call ? x->call_ns < y->call_ns : x->return_ns < y->return_ns) first = a;
  }
  return first;
}

static void follow_load(bool new_keys, uint64_t duplicates_min) {
  load l = {.new_keys = new_keys};
  pgr_random_init(&l.r, 7, new_keys);
  pgr_follow *f = new_follow(one_owner);
  pgr_history *all = new_history(), *chunk = new_history();
  for (int a = 0; a < LOAD_AGENTS; a++)
    load_next(&l, a);
  for (int i = 1; i <= LOAD_OPS; i++) {
    int a = load_first(&l, false);
    l.next[a].round = i;
    append(all, &l.next[a]);
    append(chunk, &l.next[a]);
    load_next(&l, a);
    if (i % LOAD_TAKE == 0) take(f, chunk, l.next[load_first(&l, true)].call_ns);
  }
  pgr_history_destroy(chunk);
  pgr_follow_report r = finish(f);
  pgr_ownership_report whole;
  assert_int_equal(pgr_verify_ownership(all, one_owner, &whole, NULL), PGR_OK);
  assert_int_equal(r.duplicates, whole.broken.count);
  assert_int_equal(r.unexplained, whole.unexplained);
  assert_int_equal(r.operations, LOAD_OPS);
  assert_true(r.duplicates >= duplicates_min && r.unexplained > 0);
  /* At most what each agent owns or did while the longest operation ran. */
  assert_true(r.kept_max > 0 && r.kept_max < 8 * LOAD_AGENTS);
  assert_true(r.kept <= LOAD_AGENTS);
  pgr_ownership_report_deinit(&whole);
  pgr_history_destroy(all);
}

static void what_was_given_back_is_forgotten(void **state) {
  (void)state;
  follow_load(false, 300);
  follow_load(true, 0);
}

/* The watermark passes between the call and the return of each key's one release. */
static void a_key_is_forgotten_once_its_release_has_returned(void **state) {
  (void)state;
  pgr_follow *f = new_follow(one_owner);
  for (int64_t i = 0; i < 100; i++) {
    pgr_op ops[] = {claim_of(i, 1, 100 * i, PGR_OUTCOME_OK),
                    op(RELEASE, 1, 100 * i + 10, 100 * i + 50, PGR_OUTCOME_OK)};
    ops[1].key = i;
    take_ops(f, ops, 2, 100 * i + 30);
    assert_int_equal(total(f).kept, 2);
  }
  take_ops(f, NULL, 0, 100000);
  assert_int_equal(total(f).kept, 0);
  pgr_follow_destroy(f);
}

static void for_ever_is_kept_as_far_as_it_decides(void **state) {
  (void)state;
  enum { KEYS = 5, ROUNDS = 200 };
  for (int capacity = 1; capacity <= 3; capacity++) {
    pgr_ownership_model model = {.acquire = CLAIM, .release = -1, .capacity = capacity};
    pgr_follow *f = new_follow(model);
    for (int64_t i = 0; i < ROUNDS; i++) {
      pgr_op ops[KEYS];
      for (int64_t key = 0; key < KEYS; key++)
        ops[key] = claim_of(key, 1 + (uint32_t)i, 10 * i, i < 3 ? PGR_OUTCOME_UNKNOWN : PGR_OUTCOME_OK);
      take_ops(f, ops, KEYS, 10 * i + 10);
      size_t certain = i < 3 ? 1 : (size_t)(i - 2) < (size_t)capacity + 1 ? (size_t)(i - 2) : (size_t)capacity + 1;
      assert_int_equal(total(f).kept, KEYS * certain);
    }
    pgr_follow_report r = finish(f);
    assert_int_equal(r.duplicates, KEYS * (ROUNDS - 3 - capacity));
  }
}

/* An agent that takes again and again what it never gives back. */
static void one_ownership_an_agent_is_kept(void **state) {
  (void)state;
  static const pgr_outcome outcomes[] = {PGR_OUTCOME_RETRIED, PGR_OUTCOME_OK, PGR_OUTCOME_UNKNOWN, PGR_OUTCOME_OK};
  pgr_ownership_model two = {.acquire = CLAIM, .release = RELEASE, .capacity = 2};
  pgr_follow *f = new_follow(two);
  for (int i = 0; i < 100; i++) {
    pgr_op claims[] = {claim_of(1, 1, 10 * i, outcomes[i % 4]), claim_of(1, 2, 10 * i, outcomes[i % 4])};
    take_ops(f, claims, 2, 10 * i + 5);
    assert_int_equal(total(f).kept, 2);
  }
  pgr_op third = claim_of(1, 3, 5000, PGR_OUTCOME_OK);
  take_ops(f, &third, 1, 6000);
  assert_int_equal(total(f).duplicates, 1);
  /* All that each had ends with its release. */
  pgr_op releases[] = {op(RELEASE, 1, 7000, 7001, PGR_OUTCOME_OK), op(RELEASE, 2, 7000, 7001, PGR_OUTCOME_OK),
                       op(RELEASE, 3, 7000, 7001, PGR_OUTCOME_OK)};
  take_ops(f, releases, 3, 8000);
  assert_int_equal(total(f).kept, 0);
  pgr_follow_destroy(f);
}

/* More keys than the table begins with, in no order; those whose hashes collide are not taken for each other, nor
 * forgotten before their turn. */
static void many_keys_are_found_again(void **state) {
  (void)state;
  enum { KEYS = 20000, STEP = 500, LATER = 10 * KEYS };
  pgr_follow *f = new_follow(one_owner);
  pgr_history *chunk = new_history();
  for (int64_t i = 0; i < KEYS; i++) {
    pgr_op claim = claim_of(i * 7919 % KEYS - KEYS / 2, 1, 10 * i, PGR_OUTCOME_OK);
    append(chunk, &claim);
    if (i % STEP == STEP - 1) take(f, chunk, 10 * i + 10);
  }
  assert_int_equal(total(f).kept, KEYS);
  for (int64_t i = 0; i < KEYS; i++) {
    pgr_op rival = claim_of(i - KEYS / 2, 2, LATER, PGR_OUTCOME_OK);
    pgr_op release = op(RELEASE, 1, LATER + 10, LATER + 20, PGR_OUTCOME_OK);
    release.key = i - KEYS / 2;
    if (i % 2) append(chunk, &rival);
    append(chunk, &release);
  }
  take(f, chunk, LATER + 15);
  assert_int_equal(total(f).duplicates, KEYS / 2);
  for (int64_t i = 0; i < KEYS; i += 2) {
    pgr_op refused = claim_of(i - KEYS / 2, 3, LATER + 20, PGR_OUTCOME_REFUSED);
    append(chunk, &refused);
  }
  take(f, chunk, 2 * LATER);
  pgr_history_destroy(chunk);
  assert_int_equal(total(f).kept, KEYS / 2); /* the rivals */
  pgr_follow_report r = finish(f);
  assert_int_equal(r.duplicates, KEYS / 2);
  assert_int_equal(r.unexplained, 0);
}

/* When something is settled ---------------------------------------------------------------------------------------- */

static void a_watermark_alone_settles(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK),
                  op(CLAIM, 1, 15, 20, PGR_OUTCOME_FAILED), op(OTHER, 1, 21, 22, PGR_OUTCOME_OK)};
  pgr_follow *f = new_follow(one_owner);
  take_ops(f, ops, 4, 0);
  assert_int_equal(total(f).kept, 3);
  take_ops(f, NULL, 0, 11);
  assert_int_equal(total(f).duplicates, 0); /* a release may be called at 11 */
  assert_int_equal(total(f).operations, 1);
  take_ops(f, NULL, 0, 12);
  assert_int_equal(total(f).duplicates, 1);
  assert_int_equal(total(f).operations, 2);
  assert_int_equal(total(f).kept, 3);
  take_ops(f, NULL, 0, 12); /* nothing new at all */
  take_ops(f, NULL, 0, 5);
  assert_int_equal(total(f).duplicates, 1);
  take_ops(f, NULL, 0, 21);
  assert_int_equal(total(f).kept, 2); /* the two owners */
  assert_int_equal(total(f).kept_max, 3);
  pgr_follow_report r = finish(f);
  assert_int_equal(r.duplicates, 1);
  assert_int_equal(r.operations, 3);
}

static void nothing_comes_any_more(void **state) {
  (void)state;
  assert_int_equal(finish(new_follow(one_owner)).operations, 0);
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK),
                  claim_of(2, 3, 5, PGR_OUTCOME_REFUSED)};
  pgr_follow *f = new_follow(one_owner);
  take_ops(f, ops, 3, 0);
  assert_int_equal(total(f).duplicates + total(f).unexplained, 0);
  pgr_follow_report r = finish(f);
  assert_int_equal(r.duplicates, 1);
  assert_int_equal(r.unexplained, 1);
  assert_same_op(&r.violation.first, &ops[0]);
  assert_same_op(&r.violation.second, &ops[1]);
  assert_same_op(&r.unexplained_first.second, &ops[2]);
}

/* A refusal that took long is excused by who owned the key at its beginning, and by who owned it at its end. */
static void a_long_refusal_is_excused_from_both_sides(void **state) {
  (void)state;
  pgr_op before[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 30, PGR_OUTCOME_OK),
                     op(CLAIM, 2, 30, 100, PGR_OUTCOME_REFUSED)};
  pgr_follow *f = new_follow(one_owner);
  take_ops(f, before, 3, 50);
  assert_int_equal(total(f).kept, 0); /* excused already, and who owned it is forgotten */
  assert_int_equal(finish(f).unexplained, 0);

  before[2].call_ns = 31;
  pgr_op after = op(CLAIM, 3, 100, 110, PGR_OUTCOME_UNKNOWN);
  f = new_follow(one_owner);
  take_ops(f, before, 3, 50);
  assert_int_equal(total(f).kept, 1);
  take_ops(f, NULL, 0, 100);
  assert_int_equal(total(f).unexplained, 0); /* who called at 100 may still come */
  take_ops(f, &after, 1, 101);
  assert_int_equal(finish(f).unexplained, 0);

  f = new_follow(one_owner);
  take_ops(f, before, 3, 50);
  take_ops(f, NULL, 0, 101);
  assert_int_equal(total(f).unexplained, 1);
  after.call_ns = 101;
  take_ops(f, &after, 1, 200);
  assert_int_equal(finish(f).unexplained, 1);
}

/* Closed intervals: an excuse lasts up to and with the return of the release. */
static void an_excuse_ends_when_the_release_has_returned(void **state) {
  (void)state;
  pgr_op owned[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 30, PGR_OUTCOME_OK)};
  for (int64_t upto = 10; upto <= 30; upto++) {
    pgr_op refused[] = {op(CLAIM, 2, 30, 35, PGR_OUTCOME_REFUSED), op(CLAIM, 3, 31, 35, PGR_OUTCOME_REFUSED)};
    pgr_follow *f = new_follow(one_owner);
    take_ops(f, owned, 2, upto);
    take_ops(f, refused, 2, 50);
    assert_int_equal(total(f).kept, 0);
    pgr_follow_report r = finish(f);
    assert_int_equal(r.unexplained, 1);
    assert_same_op(&r.unexplained_first.second, &refused[1]);
  }
}

/* What an unknown release ended is not certain any more, but excuses; an ok one ends that too. */
static void a_doubtful_release_leaves_an_excuse(void **state) {
  (void)state;
  pgr_follow *f = new_follow(one_owner);
  pgr_op first[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(RELEASE, 1, 20, 30, PGR_OUTCOME_UNKNOWN)};
  take_ops(f, first, 2, 40);
  assert_int_equal(total(f).kept, 1);
  pgr_op then[] = {op(CLAIM, 2, 50, 60, PGR_OUTCOME_OK), op(RELEASE, 2, 70, 80, PGR_OUTCOME_OK),
                   op(CLAIM, 3, 90, 95, PGR_OUTCOME_REFUSED), op(RELEASE, 1, 100, 110, PGR_OUTCOME_OK)};
  take_ops(f, then, 4, 120);
  assert_int_equal(total(f).kept, 0);
  assert_int_equal(total(f).duplicates + total(f).unexplained, 0);
  pgr_op last = op(CLAIM, 3, 120, 130, PGR_OUTCOME_REJECTED);
  take_ops(f, &last, 1, 140);
  assert_int_equal(finish(f).unexplained, 1);
}

/* An agent that does not wait for itself: what it was told last has an end, of what it was told before none is known.
 */
static void an_end_is_not_lost_in_what_has_none(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 20, PGR_OUTCOME_OK), op(RELEASE, 1, 1, 100, PGR_OUTCOME_OK),
                  op(CLAIM, 1, 5, 6, PGR_OUTCOME_OK)};
  pgr_op then[] = {op(RELEASE, 1, 40, 50, PGR_OUTCOME_OK), op(CLAIM, 2, 60, 70, PGR_OUTCOME_REFUSED)};
  pgr_follow *f = new_follow(one_owner);
  take_ops(f, ops, 3, 10);
  take_ops(f, NULL, 0, 30);
  take_ops(f, then, 2, 90);
  assert_int_equal(finish(f).unexplained, 0);
}

/* The first is the one that was told first, of whichever key, in whichever take. */
static void the_first_violation_is_the_first_told(void **state) {
  (void)state;
  pgr_op ops[] = {claim_of(1, 1, 0, PGR_OUTCOME_OK),  claim_of(1, 2, 40, PGR_OUTCOME_OK),
                  claim_of(9, 1, 10, PGR_OUTCOME_OK), claim_of(9, 3, 30, PGR_OUTCOME_OK),
                  claim_of(0, 4, 50, PGR_OUTCOME_OK), claim_of(0, 5, 60, PGR_OUTCOME_OK)};
  for (int64_t upto = 0; upto < 100; upto += 20) {
    pgr_follow *f = new_follow(for_ever);
    take_ops(f, ops, 6, upto);
    pgr_follow_report r = finish(f);
    assert_int_equal(r.duplicates, 3);
    assert_same_op(&r.violation.first, &ops[2]);
    assert_same_op(&r.violation.second, &ops[3]);
  }
}

/* Limits ----------------------------------------------------------------------------------------------------------- */

static void more_than_may_be_kept_is_an_error(void **state) {
  (void)state;
  enum { MAX = 10 };
  pgr_follow *f = pgr_follow_create(for_ever, MAX);
  assert_non_null(f);
  pgr_history *chunk = new_history();
  pgr_err err = {0};
  for (int64_t i = 0; i < MAX; i++) {
    pgr_op owner = claim_of(i, 1, 10 * i, PGR_OUTCOME_OK), rival = claim_of(i, 2, 10 * i + 5, PGR_OUTCOME_REFUSED);
    append(chunk, &owner);
    append(chunk, &rival); /* goes as it is settled */
  }
  pgr_op strange = claim_of(MAX, 2, 200, PGR_OUTCOME_REFUSED);
  append(chunk, &strange);
  take(f, chunk, 300);
  assert_int_equal(total(f).kept, MAX);
  pgr_op more = claim_of(MAX + 1, 1, 300, PGR_OUTCOME_OK);
  append(chunk, &more);
  assert_int_equal(pgr_follow_take(f, chunk, 400, &err), PGR_ELIMIT);
  assert_non_null(strstr(err.msg, "more than 10 operations"));
  assert_int_equal(total(f).kept_max, MAX);
  assert_int_equal(total(f).unexplained, 1);
  assert_true(total(f).operations >= 2 * MAX + 1);
  pgr_follow_report r = total(f);
  assert_same_op(&r.unexplained_first.second, &strange);
  pgr_history_destroy(chunk);
  pgr_follow_destroy(f);
}

/* What waits for the watermark is kept too. */
static void a_watermark_that_stands_still_meets_the_limit(void **state) {
  (void)state;
  pgr_follow *f = pgr_follow_create(one_owner, 10);
  assert_non_null(f);
  pgr_history *chunk = new_history();
  pgr_code code = PGR_OK;
  int64_t i = 0;
  for (; !code && i < 100; i++) {
    pgr_op failed = claim_of(1, 1, i, PGR_OUTCOME_FAILED);
    append(chunk, &failed);
    code = pgr_follow_take(f, chunk, 0, NULL);
  }
  assert_int_equal(code, PGR_ELIMIT);
  assert_int_equal(i, 11);
  pgr_history_destroy(chunk);
  pgr_follow_destroy(f);
}

/* A take that finds no memory has changed nothing, and can be done again. */
static void no_memory_is_an_error(void **state) {
  (void)state;
  pgr_op ops[] = {op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK), op(CLAIM, 2, 1, 11, PGR_OUTCOME_OK)};
  unsigned long nth = 1, failed_takes = 0;
  for (bool made = false; !made; nth++) {
    pgr_mem_fail_nth(nth);
    pgr_follow *f = pgr_follow_create(one_owner, NO_LIMIT);
    pgr_mem_fail_nth(0);
    if (!f) continue;
    made = true;
    pgr_follow_destroy(f);
  }
  assert_true(nth > 3); /* itself, and the longest of a key */
  for (nth = 1;; nth++) {
    pgr_follow *f = new_follow(one_owner);
    pgr_history *chunk = new_history();
    pgr_err err;
    append(chunk, &ops[0]);
    append(chunk, &ops[1]);
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_follow_take(f, chunk, 100, &err);
    pgr_mem_fail_nth(0);
    if (code) {
      failed_takes++;
      assert_int_equal(code, PGR_ENOMEM);
      assert_non_null(strstr(err.msg, "out of memory"));
      assert_int_equal(pgr_history_count(chunk), 2);
      assert_int_equal(total(f).operations, 0);
      take(f, chunk, 100);
    }
    pgr_history_destroy(chunk);
    pgr_follow_report r = finish(f);
    assert_int_equal(r.duplicates, 1);
    assert_int_equal(r.operations, 2);
    if (!code) break;
  }
  assert_true(failed_takes >= 7); /* what waits, events, three of a key, owners, their table */
}

static void no_memory_at_the_end_is_an_error(void **state) {
  (void)state;
  pgr_op claim = op(CLAIM, 1, 0, 10, PGR_OUTCOME_OK);
  pgr_follow *f = new_follow(one_owner);
  take_ops(f, &claim, 1, 0);
  pgr_mem_fail_nth(1);
  assert_int_equal(pgr_follow_finish(f, NULL), PGR_ENOMEM);
  pgr_mem_fail_nth(0);
  assert_int_equal(finish(f).operations, 1);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(agrees_with_the_whole_history),
                                     cmocka_unit_test(what_was_given_back_is_forgotten),
                                     cmocka_unit_test(a_key_is_forgotten_once_its_release_has_returned),
                                     cmocka_unit_test(for_ever_is_kept_as_far_as_it_decides),
                                     cmocka_unit_test(one_ownership_an_agent_is_kept),
                                     cmocka_unit_test(many_keys_are_found_again),
                                     cmocka_unit_test(a_watermark_alone_settles),
                                     cmocka_unit_test(nothing_comes_any_more),
                                     cmocka_unit_test(a_long_refusal_is_excused_from_both_sides),
                                     cmocka_unit_test(an_excuse_ends_when_the_release_has_returned),
                                     cmocka_unit_test(a_doubtful_release_leaves_an_excuse),
                                     cmocka_unit_test(an_end_is_not_lost_in_what_has_none),
                                     cmocka_unit_test(the_first_violation_is_the_first_told),
                                     cmocka_unit_test(more_than_may_be_kept_is_an_error),
                                     cmocka_unit_test(a_watermark_that_stands_still_meets_the_limit),
                                     cmocka_unit_test(no_memory_is_an_error),
                                     cmocka_unit_test(no_memory_at_the_end_is_an_error)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
