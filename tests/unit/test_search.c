/* The search against brute force: on random programs over a toy database (tests/support/pgr_toy.h) every feasible
 * schedule is run once, and the reduced search shows exactly the same outcomes with no more schedules. Then counts
 * known from real servers, the order of walks, PCT, walks that part or are abandoned, limits, and memory that runs out.
 * Argument: how many random programs, from which seed. */
#include "pgr_test.h"

#include "pgr_mem.h"
#include "pgr_toy.h"
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t program_count = 300, first_seed = 1;

/* --- sets of hashes --- */

typedef struct set {
  uint64_t *items;
  size_t count, cap;
} set;

static void add(set *s, uint64_t x) {
  if (s->count == s->cap) {
    s->cap = s->cap ? s->cap * 2 : 256;
    s->items = realloc(s->items, s->cap * sizeof *s->items);
    assert_non_null(s->items);
  }
  s->items[s->count++] = x;
}

static int compare(const void *a, const void *b) {
  uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* Sorts it, each once. Returns how many were there twice. */
static size_t settle(set *s) {
  if (!s->count) return 0;
  qsort(s->items, s->count, sizeof *s->items, compare);
  size_t kept = 1, all = s->count;
  for (size_t i = 1; i < all; i++)
    if (s->items[i] != s->items[kept - 1]) s->items[kept++] = s->items[i];
  s->count = kept;
  return all - kept;
}

static bool equal(const set *a, const set *b) {
  return a->count == b->count && (!a->count || !memcmp(a->items, b->items, a->count * sizeof *a->items));
}

static void clear(set *s) {
  free(s->items);
  *s = (set){0};
}

/* --- brute force, without the search --- */

typedef struct seen {
  set schedules, outcomes;
} seen;

static void clear_seen(seen *s) {
  clear(&s->schedules);
  clear(&s->outcomes);
}

static void enumerate(const toy *t, uint64_t path, seen *out) {
  uint32_t enabled = toy_enabled(t);
  if (!enabled) {
    add(&out->schedules, path);
    add(&out->outcomes, toy_outcome(t));
    return;
  }
  for (int a = 0; a < t->program->agents; a++) {
    if (!(enabled & 1U << a)) continue;
    toy next = *t;
    pgr_event e;
    toy_step(&next, a, &e);
    enumerate(&next, toy_mix(path, (uint64_t)a + 1), out);
  }
}

static void brute(const toy_program *p, seen *out) {
  toy t;
  toy_init(&t, p);
  *out = (seen){0};
  enumerate(&t, 1, out);
  assert_true(settle(&out->schedules) == 0);
  settle(&out->outcomes);
}

/* --- the search --- */

typedef struct hunt {
  const toy_program *program;
  pgr_search *search;
  bool blind;                                       /* touches are kept from the search */
  bool (*broken)(const toy *t);                     /* NULL: nothing is */
  void (*ended)(struct hunt *h, const pgr_walk *w); /* NULL, or before each finish */
  uint64_t abandon_every, noise;                    /* abandon about every that many-th event; 0: none */
  pthread_mutex_t lock;
  seen seen;
  int64_t broken_count;
  bool parted;
  void *user;
} hunt;

/* Returns false when the walk was abandoned on purpose. */
static bool walk(hunt *h, pgr_walk *w, toy *t, pgr_random *r) {
  uint64_t path = 1;
  toy_init(t, h->program);
  for (uint32_t enabled; (enabled = toy_enabled(t)) != 0;) {
    pgr_event e;
    if (h->abandon_every && pgr_random_below(r, h->abandon_every) == 0) return pgr_walk_abandon(w), false;
    int a = pgr_walk_choose(w, enabled);
    if (a < 0) {
      pgr_walk_finish(w, NULL);
      return true;
    }
    if (h->abandon_every && pgr_random_below(r, h->abandon_every) == 0) return pgr_walk_abandon(w), false;
    toy_step(t, a, &e);
    if (h->blind) e.touch = (pgr_touch){0};
    if (!pgr_walk_did(w, &e)) {
      h->parted = true;
      pgr_walk_abandon(w);
      return false;
    }
    path = toy_mix(path, (uint64_t)a + 1);
  }
  pgr_walk_end end = {.outcome = toy_outcome(t), .broken = h->broken && h->broken(t)};
  pthread_mutex_lock(&h->lock);
  if (pgr_walk_what(w) != PGR_WALK_RANDOM) add(&h->seen.schedules, path);
  add(&h->seen.outcomes, end.outcome);
  h->broken_count += end.broken;
  if (h->ended) h->ended(h, w);
  pthread_mutex_unlock(&h->lock);
  pgr_walk_finish(w, &end);
  return true;
}

static void *work(void *user) {
  hunt *h = user;
  pgr_random r;
  pgr_walk *w;
  pthread_mutex_lock(&h->lock);
  pgr_random_init(&r, 99, h->noise++);
  pthread_mutex_unlock(&h->lock);
  for (;;) {
    toy t;
    switch (pgr_search_next(h->search, &w)) {
    case PGR_SEARCH_WALK: walk(h, w, &t, &r); break;
    case PGR_SEARCH_WAIT: sched_yield(); break;
    case PGR_SEARCH_OVER: return NULL;
    }
  }
}

static const pgr_search_options all_of_it = {.bound = -1}, reduced = {.bound = -1, .reduce = true};

/* h: zeroed but for what the caller wants; its sets are the caller's. */
static pgr_search_totals run(hunt *h, const toy_program *p, pgr_search_options o, int threads) {
  pgr_err err;
  pgr_search_totals t;
  pthread_t ids[4];
  h->program = p;
  o.agents = p->agents;
  pthread_mutex_init(&h->lock, NULL);
  assert_int_equal(pgr_search_create(&o, &h->search, &err), PGR_OK);
  for (int i = 1; i < threads; i++)
    assert_int_equal(pthread_create(&ids[i], NULL, work, h), 0);
  work(h);
  for (int i = 1; i < threads; i++)
    pthread_join(ids[i], NULL);
  pgr_search_total(h->search, &t);
  pgr_search_destroy(h->search);
  pthread_mutex_destroy(&h->lock);
  return t;
}

/* --- against brute force --- */

static void check_all(const toy_program *p, const seen *truth, uint64_t seed, int threads, bool tree_only) {
  hunt h = {.abandon_every = threads > 1 ? 40 : 0};
  pgr_search_options o = all_of_it;
  o.tree_only = tree_only;
  pgr_search_totals t = run(&h, p, o, threads);
  size_t twice = settle(&h.seen.schedules);
  settle(&h.seen.outcomes);
  if (!equal(&h.seen.schedules, &truth->schedules) || !equal(&h.seen.outcomes, &truth->outcomes))
    fail_msg("program %llu: %zu schedules instead of %zu", (unsigned long long)seed, h.seen.schedules.count,
             truth->schedules.count);
  assert_true(t.schedules == (int64_t)truth->schedules.count);
  assert_true(t.classes == (int64_t)truth->outcomes.count);
  assert_true(t.exhausted && !t.left && !t.cut && !t.limited && !t.no_memory && !t.deep);
  assert_true(twice <= 1 && (twice == 0 || !tree_only)); /* round robin may be a serial order */
  clear_seen(&h.seen);
}

static int64_t check_reduced(const toy_program *p, const seen *truth, uint64_t seed, int threads, bool tree_only,
                             int64_t *cut) {
  hunt h = {.abandon_every = threads > 1 ? 40 : 0};
  pgr_search_options o = reduced;
  o.tree_only = tree_only;
  pgr_search_totals t = run(&h, p, o, threads);
  settle(&h.seen.schedules);
  settle(&h.seen.outcomes);
  if (!equal(&h.seen.outcomes, &truth->outcomes))
    fail_msg("program %llu, %d threads: %zu outcomes instead of %zu, in %lld of %zu schedules",
             (unsigned long long)seed, threads, h.seen.outcomes.count, truth->outcomes.count, (long long)t.schedules,
             truth->schedules.count);
  assert_true(t.exhausted && !t.left && !t.limited);
  assert_true(t.schedules <= (int64_t)truth->schedules.count);
  assert_false(h.parted);
  *cut += t.cut;
  clear_seen(&h.seen);
  return t.schedules;
}

static bool blind_misses(const toy_program *p, const seen *truth) {
  hunt h = {.blind = true};
  pgr_search_totals t = run(&h, p, reduced, 1);
  settle(&h.seen.outcomes);
  bool misses = !equal(&h.seen.outcomes, &truth->outcomes);
  assert_true(t.exhausted);
  clear_seen(&h.seen);
  return misses;
}

/* watching: some statements look at the numbers of transactions. */
static void check_programs(bool watching) {
  int64_t all = 0, walked = 0, in_tree = 0, in_parallel = 0, classes = 0, cut = 0, ignored = 0;
  int missed = 0;
  for (uint64_t seed = first_seed; seed < first_seed + program_count; seed++) {
    toy_program p = toy_random_program(seed);
    if (watching) toy_watch(&p, seed);
    seen truth;
    brute(&p, &truth);
    check_all(&p, &truth, seed, 1, seed % 2);
    if (seed % 4 == 0) check_all(&p, &truth, seed, 3, seed % 8);
    walked += check_reduced(&p, &truth, seed, 1, false, &cut);
    in_tree += check_reduced(&p, &truth, seed, 1, true, &cut);
    in_parallel += check_reduced(&p, &truth, seed, 2 + (int)(seed % 2), seed % 4 < 2, &ignored);
    missed += blind_misses(&p, &truth);
    all += (int64_t)truth.schedules.count;
    classes += (int64_t)truth.outcomes.count;
    clear_seen(&truth);
  }
  print_message(
      "%llu programs: %lld schedules, %lld outcomes; reduced: %lld (tree alone: %lld, several threads: %lld), "
      "%lld cut; without touches %d programs miss an outcome\n",
      (unsigned long long)program_count, (long long)all, (long long)classes, (long long)walked, (long long)in_tree,
      (long long)in_parallel, (long long)cut, missed);
  assert_true(missed > (int)program_count / 20);
}

static void random_programs(void **state) {
  (void)state;
  check_programs(false);
}

static void random_programs_that_look_at_numbers(void **state) {
  (void)state;
  check_programs(true);
}

/* --- programs with known counts --- */

typedef enum claim { NAIVE, IN_TRANSACTION, FOR_UPDATE } claim;

/* Reads row 0, then takes it if nobody had; with its first statement in a transaction, or not. */
static toy_program claims(claim how, int agents) {
  toy_program p = {.agents = agents};
  for (int a = 0; a < agents; a++) {
    toy_script *s = &p.scripts[a];
    s->steps[0] =
        (toy_statement){.kind = how == FOR_UPDATE ? TOY_LOCK_ROWS : TOY_SELECT, .row_count = 1, .opens = how != NAIVE};
    s->steps[1] = (toy_statement){.kind = TOY_UPDATE, .row_count = 1, .needs = how == FOR_UPDATE ? 1 : 33};
    s->steps[2] = (toy_statement){.kind = TOY_COMMIT};
    s->count = how == NAIVE ? 2 : 3;
  }
  return p;
}

static void count_is(claim how, int agents, int64_t expected) {
  toy_program p = claims(how, agents);
  seen truth;
  hunt h = {0};
  brute(&p, &truth);
  if ((int64_t)truth.schedules.count != expected)
    fail_msg("%d agents: %zu schedules, not %lld", agents, truth.schedules.count, (long long)expected);
  pgr_search_totals t = run(&h, &p, all_of_it, 1);
  assert_true(t.schedules == expected && t.exhausted);
  int64_t serial = agents == 2 ? 2 : agents == 3 ? 6 : 24;
  assert_true(t.serial == serial);
  int64_t sum = 0;
  for (size_t i = 0; i < sizeof t.at_bound / sizeof *t.at_bound; i++)
    sum += t.at_bound[i];
  assert_true(sum == t.schedules);
  assert_true(t.depth == (size_t)agents * (how == NAIVE ? 2 : 3));
  clear_seen(&h.seen);
  clear_seen(&truth);
}

static void known_counts(void **state) {
  (void)state;
  count_is(NAIVE, 2, 6);
  count_is(NAIVE, 3, 90);
  count_is(IN_TRANSACTION, 2, 14);
  count_is(IN_TRANSACTION, 3, 726);
  count_is(FOR_UPDATE, 2, 6);
  count_is(FOR_UPDATE, 3, 72);
}

/* What commutes altogether is one class. */
static void strangers_are_one_class(void **state) {
  (void)state;
  toy_program p = claims(IN_TRANSACTION, 3);
  for (int a = 0; a < 3; a++) {
    p.scripts[a].steps[0].relation = a;
    p.scripts[a].steps[1].rows[0] = 2 * a;
  }
  hunt h = {0};
  pgr_search_options o = reduced;
  o.tree_only = true;
  pgr_search_totals t = run(&h, &p, o, 1);
  assert_true(t.schedules == 1 && t.cut == 0 && t.exhausted && t.classes == 1);
  clear_seen(&h.seen);
}

/* Three agents hold a row each and want the next one's: whoever asks last is the victim. The three requests have no
 * object in common, yet their order decides. */
static void circles_of_three(void **state) {
  (void)state;
  toy_program p = {.agents = 3};
  for (int a = 0; a < 3; a++) {
    p.scripts[a].count = 3;
    p.scripts[a].steps[0] = (toy_statement){.kind = TOY_UPDATE, .rows = {2 * a}, .row_count = 1, .opens = true};
    p.scripts[a].steps[1] = (toy_statement){.kind = TOY_UPDATE, .rows = {2 * ((a + 1) % 3)}, .row_count = 1};
    p.scripts[a].steps[2] = (toy_statement){.kind = TOY_COMMIT};
  }
  seen truth;
  int64_t cut = 0;
  brute(&p, &truth);
  check_reduced(&p, &truth, 0, 1, true, &cut);
  check_reduced(&p, &truth, 0, 1, false, &cut);
  check_reduced(&p, &truth, 0, 3, true, &cut);
  clear_seen(&truth);
}

/* Whatever the agents' numbers and the walks' beginning. */
static void check_numbered(const toy_program *p) {
  static const int orders[][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (int i = 0; i < 6; i++) {
    toy_program q = {.agents = 3};
    seen truth;
    int64_t cut = 0;
    for (int a = 0; a < 3; a++)
      q.scripts[orders[i][a]] = p->scripts[a];
    brute(&q, &truth);
    check_reduced(&q, &truth, (uint64_t)i, 1, true, &cut);
    check_reduced(&q, &truth, (uint64_t)i, 1, false, &cut);
    clear_seen(&truth);
  }
}

/* Agent 1 waits for agent 0's row, then goes on to a row of another relation and waits for agent 2: agent 0's COMMIT,
 * which ends nobody's statement, takes a lock that agent 2 wants. */
static void waiters_that_go_on_and_wait_again(void **state) {
  (void)state;
  const toy_program p = {
      .agents = 3,
      .scripts = {{.count = 2, .steps = {{TOY_UPDATE, .rows = {0}, .row_count = 1, .opens = true}, {TOY_COMMIT}}},
                  {.count = 1, .steps = {{TOY_UPDATE, .rows = {0, 4, 2}, .row_count = 3}}},
                  {.count = 3,
                   .steps = {{TOY_UPDATE, .rows = {2}, .row_count = 1, .opens = true},
                             {TOY_UPDATE, .rows = {4}, .row_count = 1},
                             {TOY_COMMIT}}}}};
  check_numbered(&p);
}

/* Programs that a search missed outcomes of while it was written. The UPDATE that waits publishes nothing yet, and so
 * seemed to leave alone the SELECT that it meets when it does not wait. */
static void what_waits_is_not_what_it_would_be(void **state) {
  (void)state;
  const toy_program one = {
      .agents = 3,
      .scripts = {
          {.count = 2, .steps = {{TOY_SELECT}, {TOY_UPDATE, .rows = {1}, .row_count = 1, .add = 1}}},
          {.count = 2, .steps = {{TOY_SELECT}, {TOY_SELECT, .if_odd = true}}},
          {.count = 3, .steps = {{TOY_BEGIN}, {TOY_UPDATE, .rows = {0, 1}, .row_count = 2, .add = 6}, {TOY_COMMIT}}}}};
  const toy_program two = {
      .agents = 3,
      .scripts = {{.level = PGR_LEVEL_REPEATABLE_READ,
                   .count = 2,
                   .steps = {{TOY_UPDATE, .rows = {0}, .row_count = 1, .add = 3},
                             {TOY_UPDATE, .rows = {0}, .row_count = 1, .add = 7}}},
                  {.count = 3, .steps = {{TOY_BEGIN}, {TOY_COMMIT}, {TOY_SELECT}}},
                  {.level = PGR_LEVEL_REPEATABLE_READ,
                   .count = 2,
                   .steps = {{TOY_UPDATE, .rows = {0, 0}, .row_count = 2, .add = 2, .opens = true}, {TOY_COMMIT}}}}};
  check_numbered(&one);
  check_numbered(&two);
}

/* Another: round robin went through an agent that slept, and its event hid that a schedule without it was missing. */
static void sleepers_in_forced_walks(void **state) {
  (void)state;
  const toy_program p = {
      .agents = 3,
      .scripts = {
          {.count = 2, .steps = {{TOY_UPDATE, .rows = {4}, .row_count = 1, .add = 1}, {TOY_SELECT, .relation = 1}}},
          {.count = 2,
           .steps = {{TOY_UPDATE, .rows = {4}, .row_count = 1},
                     {TOY_UPDATE, .rows = {1, 5}, .row_count = 2, .add = 1}}},
          {.level = PGR_LEVEL_REPEATABLE_READ,
           .count = 3,
           .steps = {{TOY_SELECT, .relation = 2, .opens = true},
                     {TOY_UPDATE, .rows = {2}, .row_count = 1, .add = 1, .if_odd = true},
                     {TOY_COMMIT}}}}};
  check_numbered(&p);
}

/* Rare programs, each of which shows an outcome missing when one rule of races.c is taken out: a wait and what lets go;
 * two waits; the second half of a statement; waiters that go on and wait again. They are found again by looking for
 * them, with that rule taken out, when the toy's programs change. */
static void rare_programs(void **state) {
  (void)state;
  static const uint64_t seeds[] = {32529, 10134, 361, 183491};
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    toy_program p = toy_random_program(seeds[i]);
    seen truth;
    int64_t cut = 0;
    brute(&p, &truth);
    check_reduced(&p, &truth, seeds[i], 1, true, &cut);
    check_reduced(&p, &truth, seeds[i], 1, false, &cut);
    clear_seen(&truth);
  }
}

/* --- order, bounds, limits --- */

static void in_order(hunt *h, const pgr_walk *w) {
  int *last = h->user;
  pgr_search_totals t;
  pgr_search_total(h->search, &t);
  /* Under way: this one. What is complete is one less than it has. */
  if (pgr_walk_what(w) != PGR_WALK_TREE) {
    assert_int_equal(t.bound_complete, -1);
    return;
  }
  assert_true(t.bound_complete + 1 >= *last);
  *last = t.bound_complete + 1;
}

static void fewest_preemptions_first(void **state) {
  (void)state;
  toy_program p = claims(NAIVE, 3);
  int last = 0;
  hunt h = {.user = &last, .ended = in_order};
  pgr_search_totals t = run(&h, &p, all_of_it, 1), bounded;
  assert_true(last >= 3 && t.bound_complete >= last);
  clear_seen(&h.seen);
  for (int bound = 0; bound <= t.bound_complete; bound++) {
    hunt b = {0};
    pgr_search_options o = all_of_it;
    o.bound = bound;
    o.tree_only = true;
    bounded = run(&b, &p, o, 1 + bound % 3);
    int64_t within = 0;
    for (int i = 0; i < 16; i++) {
      assert_true(bounded.at_bound[i] == (i <= bound ? t.at_bound[i] : 0));
      within += bounded.at_bound[i];
    }
    assert_true(bounded.schedules == within && bounded.exhausted && bounded.bound_complete == bound);
    clear_seen(&b.seen);
  }
  assert_true(t.at_bound[0] == 6);
}

static void limits_end_it(void **state) {
  (void)state;
  toy_program p = claims(IN_TRANSACTION, 3);
  for (int64_t limit = 1; limit <= 200; limit += limit < 20 ? 1 : 60)
    for (int depth = 0; depth <= 3; depth += 3)
      for (int threads = 1; threads <= 3; threads += 2) {
        hunt h = {0};
        pgr_search_options o = all_of_it;
        o.limit = limit;
        o.random_depth = depth;
        pgr_search_totals t = run(&h, &p, o, threads);
        assert_true(t.schedules == limit && t.limited && !t.exhausted && t.left > 0);
        assert_true(t.random == (depth ? limit / 4 : 0));
        clear_seen(&h.seen);
      }
  hunt h = {0};
  pgr_search_options o = all_of_it;
  o.limit = 726;
  pgr_search_totals t = run(&h, &p, o, 1);
  assert_true(t.schedules == 726 && t.exhausted && !t.limited);
  clear_seen(&h.seen);
  h = (hunt){0};
  o.limit = 0;
  o.max_nodes = 100;
  t = run(&h, &p, o, 1);
  assert_true(t.schedules > 6 && t.schedules < 726 && t.limited && !t.exhausted && t.random == 0);
  clear_seen(&h.seen);
}

static void options_are_checked(void **state) {
  (void)state;
  const pgr_search_options wrong[] = {{.agents = 0, .bound = -1},
                                      {.agents = PGR_SEARCH_AGENTS_MAX + 1, .bound = -1},
                                      {.agents = 2, .bound = 1, .reduce = true},
                                      {.agents = 2, .bound = -2},
                                      {.agents = 2, .bound = -1, .limit = -1},
                                      {.agents = 2, .bound = -1, .random_depth = -1},
                                      {.agents = 2, .bound = -1, .random_depth = 1000}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    pgr_search *s;
    pgr_err err;
    assert_int_equal(pgr_search_create(&wrong[i], &s, &err), PGR_EUSAGE);
  }
}

/* More agents than all serial orders are tried for. */
static void many_agents(void **state) {
  (void)state;
  toy_program p = claims(NAIVE, 4);
  hunt h = {0};
  pgr_search_options o = all_of_it;
  pgr_search_totals t = run(&h, &p, o, 2);
  assert_true(t.serial == 24 && t.schedules == 2520 && t.exhausted);
  clear_seen(&h.seen);
  pgr_search *s;
  pgr_err err;
  pgr_walk *w[25];
  o.agents = 6;
  set orders = {0};
  assert_int_equal(pgr_search_create(&o, &s, &err), PGR_OK);
  for (int i = 0; i < 24; i++) {
    uint64_t order = 0;
    assert_int_equal(pgr_search_next(s, &w[i]), PGR_SEARCH_WALK);
    assert_int_equal(pgr_walk_what(w[i]), PGR_WALK_SERIAL);
    for (uint32_t left = 63; left;) {
      int a = pgr_walk_choose(w[i], left);
      left &= ~(1U << a);
      pgr_event e = {.agent = (uint8_t)a, .ended = 1U << a, .enabled = left};
      assert_true(pgr_walk_did(w[i], &e));
      order = order * 8 + (uint64_t)a;
    }
    add(&orders, order);
  }
  assert_int_equal(pgr_search_next(s, &w[24]), PGR_SEARCH_WAIT); /* no other kind before they ended */
  for (uint64_t i = 0; i < 24; i++)
    pgr_walk_finish(w[i], &(pgr_walk_end){.outcome = i % 3});
  assert_int_equal(settle(&orders), 0);
  assert_true(pgr_search_is_serial(s, 2) && !pgr_search_is_serial(s, 3));
  assert_int_equal(pgr_search_next(s, &w[24]), PGR_SEARCH_WALK);
  assert_int_equal(pgr_walk_what(w[24]), PGR_WALK_ROUND_ROBIN);
  pgr_walk_abandon(w[24]);
  pgr_search_totals totals;
  pgr_search_total(s, &totals);
  assert_true(totals.classes == 3 && totals.serial == 24 && !totals.exhausted);
  pgr_search_destroy(s);
  clear(&orders);
}

/* --- PCT --- */

static void keep_random(hunt *h, const pgr_walk *w) {
  const uint8_t *choices;
  uint64_t hash = 1;
  if (pgr_walk_what(w) != PGR_WALK_RANDOM) return;
  for (size_t i = 0, n = pgr_walk_choices(w, &choices); i < n; i++)
    hash = toy_mix(hash, choices[i]);
  add(h->user, hash);
}

static set random_schedules(uint64_t seed) {
  toy_program p = claims(IN_TRANSACTION, 4);
  set kept = {0};
  hunt h = {.user = &kept, .ended = keep_random};
  pgr_search_options o = all_of_it;
  o.limit = 400;
  o.random_depth = 3;
  o.seed = seed;
  pgr_search_totals t = run(&h, &p, o, 1);
  assert_true(t.random == 100);
  clear_seen(&h.seen);
  return kept;
}

static void pct_repeats(void **state) {
  (void)state;
  set a = random_schedules(5), b = random_schedules(5), c = random_schedules(6);
  assert_true(a.count == 100 && equal(&a, &b) && !equal(&a, &c));
  assert_true(settle(&a) < 90);
  clear(&a);
  clear(&b);
  clear(&c);
}

static uint32_t between; /* row 0 after the one order that counts as broken */

static bool is_between(const toy *t) {
  return t->value[0] == between;
}

/* Agent 1's one statement falls between the third and the fourth of agent 0's eight: one schedule of nine, which takes
 * one preemption. PCT with d = 2 finds it with probability at least 1/(n k) = 1/18. */
static void pct_finds_a_bug_of_depth_2(void **state) {
  (void)state;
  toy_program p = {.agents = 2};
  toy_script *writer = &p.scripts[0];
  writer->count = 8;
  for (int i = 0; i < 8; i++)
    writer->steps[i] = (toy_statement){.kind = TOY_SELECT, .relation = 2};
  writer->steps[2] = writer->steps[3] = (toy_statement){.kind = TOY_UPDATE, .rows = {0}, .row_count = 1};
  p.scripts[1] = (toy_script){.count = 1, .steps = {{.kind = TOY_UPDATE, .rows = {0}, .row_count = 1, .add = 1}}};
  toy t;
  pgr_event e;
  toy_init(&t, &p);
  for (int i = 0; i < 9; i++)
    toy_step(&t, i == 3, &e);
  between = t.value[0];
  int found = 0;
  for (uint64_t seed = 0; seed < 200; seed++) {
    hunt h = {.broken = is_between};
    pgr_search_options o = all_of_it;
    o.tree_only = true;
    o.limit = seed ? 4 : 3; /* three walks of the tree, which do not find it, and one by PCT */
    o.random_depth = seed ? 2 : 0;
    o.seed = seed;
    pgr_search_totals totals = run(&h, &p, o, 1);
    assert_true(totals.random == (seed > 0) && totals.broken == h.broken_count);
    assert_true(totals.broken_classes == (totals.broken > 0));
    assert_true(seed || !totals.broken);
    found += totals.broken > 0;
    clear_seen(&h.seen);
  }
  assert_true(found >= 3);
}

/* --- what does not repeat, and what is walked again --- */

static pgr_walk *next_walk(pgr_search *s) {
  pgr_walk *w;
  assert_int_equal(pgr_search_next(s, &w), PGR_SEARCH_WALK);
  return w;
}

/* Makes events until the walk wants none, or `until` were made. */
static bool go(const toy_program *p, pgr_walk *w, size_t until, uint64_t spoil, uint64_t *outcome) {
  toy t;
  toy_init(&t, p);
  for (uint32_t enabled; (enabled = toy_enabled(&t)) != 0;) {
    pgr_event e;
    int a = until-- > 0 ? pgr_walk_choose(w, enabled) : -1;
    if (a < 0) return true;
    toy_step(&t, a, &e);
    if (until == 0) e.print ^= spoil;
    if (!pgr_walk_did(w, &e)) return false;
  }
  *outcome = toy_outcome(&t);
  return true;
}

static void parted_walks_are_noticed(void **state) {
  (void)state;
  toy_program p = claims(NAIVE, 2);
  pgr_search_options o = all_of_it;
  pgr_search_totals t;
  pgr_search *s;
  pgr_err err;
  uint64_t outcome = 0;
  o.agents = 2;
  o.tree_only = true;
  assert_int_equal(pgr_search_create(&o, &s, &err), PGR_OK);
  pgr_walk *w;
  for (int i = 0; i < 2; i++) {
    w = next_walk(s);
    assert_true(go(&p, w, 99, 0, &outcome));
    pgr_walk_finish(w, &(pgr_walk_end){.outcome = outcome});
  }
  pgr_search_total(s, &t);
  int64_t left = t.left;
  /* The next has a prefix: spoil its first event, then let another agent be missing at the start. */
  w = next_walk(s);
  assert_false(go(&p, w, 1, 1, &outcome));
  pgr_walk_abandon(w);
  w = next_walk(s);
  assert_int_equal(pgr_walk_choose(w, 1), -1);
  pgr_walk_finish(w, NULL); /* no cut: it is to be walked again */
  pgr_search_total(s, &t);
  assert_true(t.schedules == 2 && t.left == left && t.cut == 0);
  for (pgr_walk *again; pgr_search_next(s, &again) == PGR_SEARCH_WALK;) {
    assert_true(go(&p, again, 99, 0, &outcome));
    pgr_walk_finish(again, &(pgr_walk_end){.outcome = outcome});
  }
  pgr_search_total(s, &t);
  assert_true(t.schedules == 6 && t.exhausted);
  pgr_search_destroy(s);
}

/* A caller that ends walks early has not exhausted anything. */
static void early_ends_leave_a_gap(void **state) {
  (void)state;
  toy_program p = claims(NAIVE, 2);
  for (int cut = 0; cut < 2; cut++) {
    pgr_search_options o = all_of_it;
    pgr_search_totals t;
    pgr_search *s;
    pgr_err err;
    uint64_t outcome = 0;
    o.agents = 2;
    assert_int_equal(pgr_search_create(&o, &s, &err), PGR_OK);
    for (pgr_walk *w; pgr_search_next(s, &w) == PGR_SEARCH_WALK;) {
      assert_true(go(&p, w, 3, 0, &outcome));
      pgr_walk_finish(w, cut ? NULL : &(pgr_walk_end){.outcome = 1});
    }
    pgr_search_total(s, &t);
    assert_true(!t.exhausted && !t.left && !t.deep && t.bound_complete == -1);
    pgr_search_destroy(s);
  }
}

/* Two agents that never come to an end. */
static void too_deep(void **state) {
  (void)state;
  pgr_search_options o = reduced;
  pgr_search_totals t;
  pgr_search *s;
  pgr_err err;
  o.agents = 2;
  assert_int_equal(pgr_search_create(&o, &s, &err), PGR_OK);
  for (pgr_walk *w; pgr_search_next(s, &w) == PGR_SEARCH_WALK;) {
    for (int a; (a = pgr_walk_choose(w, 3)) >= 0;) {
      pgr_event e = {.agent = (uint8_t)a, .ended = 1U << a, .enabled = 3};
      assert_true(pgr_walk_did(w, &e));
    }
    const uint8_t *choices;
    assert_int_equal(pgr_walk_choices(w, &choices), PGR_SEARCH_DEPTH_MAX);
    pgr_walk_finish(w, NULL);
  }
  pgr_search_total(s, &t);
  assert_true(t.deep && !t.exhausted && t.cut == 3 && t.schedules == 0 && !t.left);
  pgr_search_destroy(s);
}

static void memory_runs_out(void **state) {
  (void)state;
  toy_program p = toy_random_program(17);
  pgr_search_options o = all_of_it;
  pgr_search_totals t = {.no_memory = true};
  pgr_err err;
  o.agents = p.agents;
  int failures = 0;
  for (unsigned long nth = 1; t.no_memory; nth++) {
    hunt h = {.program = &p};
    o.reduce = nth % 2;
    pgr_mem_fail_nth(nth);
    pgr_code code = pgr_search_create(&o, &h.search, &err);
    if (code) {
      assert_int_equal(code, PGR_ENOMEM);
      failures++;
      continue;
    }
    pthread_mutex_init(&h.lock, NULL);
    work(&h);
    pgr_mem_fail_nth(0);
    pgr_search_total(h.search, &t);
    assert_true(t.exhausted == !t.no_memory);
    failures += t.no_memory;
    pgr_search_destroy(h.search);
    clear_seen(&h.seen);
  }
  pgr_mem_fail_nth(0);
  assert_true(failures > 5);
}

int main(int argc, char **argv) {
  if (argc > 1) program_count = strtoull(argv[1], NULL, 10);
  if (argc > 2) first_seed = strtoull(argv[2], NULL, 10);
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(random_programs),
      cmocka_unit_test(random_programs_that_look_at_numbers),
      cmocka_unit_test(known_counts),
      cmocka_unit_test(strangers_are_one_class),
      cmocka_unit_test(circles_of_three),
      cmocka_unit_test(waiters_that_go_on_and_wait_again),
      cmocka_unit_test(what_waits_is_not_what_it_would_be),
      cmocka_unit_test(sleepers_in_forced_walks),
      cmocka_unit_test(rare_programs),
      cmocka_unit_test(fewest_preemptions_first),
      cmocka_unit_test(limits_end_it),
      cmocka_unit_test(options_are_checked),
      cmocka_unit_test(many_agents),
      cmocka_unit_test(pct_repeats),
      cmocka_unit_test(pct_finds_a_bug_of_depth_2),
      cmocka_unit_test(parted_walks_are_noticed),
      cmocka_unit_test(early_ends_leave_a_gap),
      cmocka_unit_test(too_deep),
      cmocka_unit_test(memory_runs_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
