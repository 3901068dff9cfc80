/* Which steps commute: the table of what conflicts, cell by cell, and what a transaction's statements touch at each
 * level, by asking whether one conflicts with another transaction's. Every refinement is here twice: where it lets two
 * steps commute, and next to it what must still conflict. */
#include "pgr_test.h"

#include "pgr_ledger.h"

enum { P = 1, C = 2, Q = 4 }; /* a parent, its child, another relation */

/* What is done to one relation. The order of the table below. */
static const pgr_touch kinds[] = {
    {.reads = P},
    {.writes = P},
    {.writes = P, .keys = P},
    {.shares = P},
    {.appends = P},
    {.tracked = P},
    {.publishes = P},
    {.publishes = P, .keys = P},
    {.releases = P},
    {.releases = P, .keys = P},
    {.unshares = P},
    {.numbered = true},
    {.everything = true},
    {0},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static void every_pair(void **state) {
  /* reads, writes, writes keys, shares, appends, tracked, publishes, publishes keys, releases, releases keys, unshares,
   * numbered, everything, nothing. */
  static const char *const table[KINDS] = {
      "......xx....x.", ".xx.xxxxxx..x.", ".xxxxxxxxxx.x.", "..x....x.x..x.", ".xx.x.......x.",
      ".xx.........x.", "xxx.........x.", "xxxx......x.x.", ".xx.........x.", ".xxx......x.x.",
      "..x....x.x..x.", "...........xx.", "xxxxxxxxxxxxx.", "..............",
  };
  (void)state;
  for (int a = 0; a < KINDS; a++)
    for (int b = 0; b < KINDS; b++) {
      pgr_touch other = kinds[b], away = kinds[b];
      uint64_t *masks[] = {&away.reads,   &away.writes,    &away.keys,     &away.shares,  &away.appends,
                           &away.tracked, &away.publishes, &away.releases, &away.unshares};
      for (size_t i = 0; i < sizeof masks / sizeof *masks; i++)
        *masks[i] *= Q;
      if (pgr_touch_conflicts(&kinds[a], &other) != (table[a][b] == 'x')) fail_msg("%d with %d", a, b);
      assert_true(pgr_touch_conflicts(&other, &kinds[a]) == (table[a][b] == 'x'));
      if (!kinds[a].everything && !kinds[a].numbered) /* of another relation */
        assert_true(pgr_touch_conflicts(&kinds[a], &away) == (away.everything && a != KINDS - 1));
    }
}

static void sums(void **state) {
  (void)state;
  for (int a = 0; a < KINDS; a++) {
    pgr_touch sum = {0};
    assert_true(pgr_touch_is_empty(&kinds[a]) == (a == KINDS - 1));
    pgr_touch_add(&sum, &kinds[a]);
    for (int b = 0; b < KINDS; b++)
      assert_true(pgr_touch_conflicts(&sum, &kinds[b]) == pgr_touch_conflicts(&kinds[a], &kinds[b]));
  }
}

/* --- statements --- */

static const pgr_reach begin = {.level = -1}, commit = {.kind = PGR_REACH_END, .level = -1},
                       rollback = {.kind = PGR_REACH_UNDO, .level = -1};
#define QUERY(...)                                                                                                     \
  { .kind = PGR_REACH_QUERY, .level = -1, __VA_ARGS__ }
static const pgr_reach read_parent = QUERY(.reads = P), read_child = QUERY(.reads = C), read_other = QUERY(.reads = Q);
static const pgr_reach change_parent = QUERY(.reads = P, .writes = P);
static const pgr_reach delete_parent = QUERY(.reads = P | C, .writes = P | C, .keys = P | C);
static const pgr_reach insert_parent = QUERY(.reads = P, .writes = P, .adds = P);
static const pgr_reach add_child = QUERY(.shares = P, .appends = C, .adds = C);

static pgr_ledger fresh(pgr_level level) {
  return (pgr_ledger){.level = level, .default_level = level};
}

/* A statement that does not wait. */
static pgr_touch step(pgr_ledger *l, const pgr_reach *r, bool open, bool failed) {
  pgr_touch t = pgr_ledger_sent(l, r), ended = pgr_ledger_ended(l, r, (pgr_statement_end){open, failed, true});
  pgr_touch_add(&t, &ended);
  return t;
}

/* The last of some statements in a transaction. */
#define LAST(level, ...) last(level, (const pgr_reach *const[]){__VA_ARGS__, NULL})
static pgr_touch last(pgr_level level, const pgr_reach *const *statements) {
  pgr_ledger l = fresh(level);
  pgr_touch t = step(&l, &begin, true, false);
  for (; *statements; statements++) {
    bool ends = (*statements)->kind == PGR_REACH_END || (*statements)->kind == PGR_REACH_UNDO;
    t = step(&l, *statements, !ends, false);
  }
  return t;
}

static bool meet(pgr_touch a, pgr_touch b) {
  return pgr_touch_conflicts(&a, &b);
}

static const pgr_level levels[] = {PGR_LEVEL_READ_COMMITTED, PGR_LEVEL_REPEATABLE_READ, PGR_LEVEL_SERIALIZABLE};
#define EACH_LEVEL(l) for (pgr_level l = levels[0]; l <= levels[2]; l++)

static void foreign_keys(void **state) {
  (void)state;
  EACH_LEVEL(l) {
    bool serializable = l == PGR_LEVEL_SERIALIZABLE;
    pgr_touch child = LAST(l, &read_other, &add_child);
    pgr_touch done = LAST(PGR_LEVEL_READ_COMMITTED, &add_child, &commit);
    assert_true(
        meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &read_other, &add_child))); /* who stands first in the child */
    /* A change that leaves the key as it is does not matter, open, committed or undone. */
    assert_true(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent)) == serializable);
    assert_false(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent, &commit)));
    assert_false(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent, &rollback)));
    assert_false(meet(done, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent)));
    /* One that does, does: open, committed, undone, and when the child's is given back. */
    assert_true(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &delete_parent)));
    assert_true(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &delete_parent, &commit)));
    assert_true(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &delete_parent, &rollback)));
    assert_true(meet(done, LAST(PGR_LEVEL_READ_COMMITTED, &delete_parent)));
    /* A new parent counts once it is committed. */
    assert_true(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &insert_parent)) == serializable);
    assert_true(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &insert_parent, &commit)));
    assert_false(meet(child, LAST(PGR_LEVEL_READ_COMMITTED, &insert_parent, &rollback)));
    /* Outside a transaction. */
    pgr_ledger alone = fresh(PGR_LEVEL_READ_COMMITTED);
    assert_true(meet(child, step(&alone, &insert_parent, false, false)));
    assert_true(meet(child, step(&alone, &change_parent, false, false)) == serializable);
    assert_true(meet(child, step(&alone, &delete_parent, false, true)));
  }
}

static void appends(void **state) {
  (void)state;
  pgr_touch open = LAST(PGR_LEVEL_READ_COMMITTED, &add_child);
  assert_false(meet(open, LAST(PGR_LEVEL_READ_COMMITTED, &read_child)));
  assert_true(meet(LAST(PGR_LEVEL_READ_COMMITTED, &add_child, &commit), LAST(PGR_LEVEL_READ_COMMITTED, &read_child)));
  assert_false(
      meet(LAST(PGR_LEVEL_READ_COMMITTED, &add_child, &rollback), LAST(PGR_LEVEL_READ_COMMITTED, &read_child)));
  assert_true(meet(open, LAST(PGR_LEVEL_SERIALIZABLE, &read_child)) == false);
  assert_true(meet(LAST(PGR_LEVEL_SERIALIZABLE, &add_child), LAST(PGR_LEVEL_SERIALIZABLE, &read_child)));
}

static void what_is_undone(void **state) {
  (void)state;
  pgr_touch reader = LAST(PGR_LEVEL_READ_COMMITTED, &read_parent),
            writer = LAST(PGR_LEVEL_READ_COMMITTED, &change_parent);
  assert_false(meet(reader, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent, &rollback)));
  assert_true(meet(reader, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent, &commit)));
  assert_true(meet(writer, LAST(PGR_LEVEL_READ_COMMITTED, &change_parent, &rollback)));
  assert_true(meet(reader, LAST(PGR_LEVEL_SERIALIZABLE, &change_parent, &rollback)));
  /* An error gives back what was taken before. */
  pgr_ledger l = fresh(PGR_LEVEL_READ_COMMITTED);
  step(&l, &begin, true, false);
  step(&l, &delete_parent, true, false);
  pgr_touch failed = step(&l, &read_other, true, true);
  assert_true(meet(failed, writer) && meet(failed, LAST(PGR_LEVEL_READ_COMMITTED, &add_child)) &&
              !meet(failed, reader));
}

static void snapshots(void **state) {
  (void)state;
  pgr_touch published = LAST(PGR_LEVEL_READ_COMMITTED, &change_parent, &commit);
  /* The first statement's counts for what may follow; the second takes none. */
  assert_false(meet(LAST(PGR_LEVEL_READ_COMMITTED, &read_other), published));
  for (pgr_level level = PGR_LEVEL_REPEATABLE_READ; level <= PGR_LEVEL_SERIALIZABLE; level++) {
    assert_true(meet(LAST(level, &read_other), published));
    assert_false(meet(LAST(PGR_LEVEL_REPEATABLE_READ, &read_other, &read_parent), published));
    pgr_ledger l = fresh(level);
    l.scope = Q | C; /* it never comes to the parent */
    step(&l, &begin, true, false);
    bool serializable = level == PGR_LEVEL_SERIALIZABLE; /* which counts the ends of all transactions */
    assert_true(meet(step(&l, &read_other, true, false), published) == serializable);
    l = fresh(level);
    l.scope = Q | P;
    step(&l, &begin, true, false);
    assert_true(meet(step(&l, &read_other, true, false), published));
    l = fresh(level); /* outside a transaction, for itself alone */
    assert_true(meet(step(&l, &read_other, false, false), published) == serializable);
    assert_true(meet(step(&l, &read_parent, false, false), published));
    assert_true(meet(step(&l, &add_child, false, false), LAST(PGR_LEVEL_READ_COMMITTED, &delete_parent, &commit)));
  }
}

/* Whoever waits for two that hold a row together waits for the one that got its number first. */
static void numbers(void **state) {
  (void)state;
  pgr_touch write[2];
  for (int crowd = 0; crowd < 2; crowd++) {
    const pgr_reach writes[] = {QUERY(.reads = P, .writes = P), QUERY(.shares = Q)};
    for (int i = 0; i < 2; i++) {
      pgr_ledger l = fresh(PGR_LEVEL_READ_COMMITTED);
      l.crowd = crowd;
      step(&l, &begin, true, false);
      assert_false(step(&l, &read_child, true, false).numbered);
      write[i] = step(&l, &writes[i], true, false);
      step(&l, &commit, false, false);
      assert_true(l.crowd == crowd);
    }
    assert_true(meet(write[0], write[1]) == crowd);
  }
}

/* Snapshots show who has a number and has not ended: from the first thing written or locked, at the latest the first
 * that is known to have been, to the end. */
static void watched_numbers(void **state) {
  (void)state;
  const pgr_reach watch = QUERY(.reads = PGR_REACH_NUMBERS), ask = QUERY(.numbers = true),
                  insert = QUERY(.appends = Q, .adds = Q, .counts = true), lock = QUERY(.reads = P, .writes = P),
                  tries = QUERY(.reads = C, .nests = true);
  const pgr_reach *const takes[] = {&ask, &insert, &lock};
  EACH_LEVEL(level) {
    pgr_ledger w = fresh(level);
    w.scope = C | PGR_REACH_NUMBERS;
    step(&w, &begin, true, false);
    pgr_touch first = step(&w, &read_child, true, false), watching = step(&w, &watch, true, false);
    if (level == PGR_LEVEL_REPEATABLE_READ) assert_false(watching.reads & PGR_REACH_NUMBERS);
    if (level != PGR_LEVEL_READ_COMMITTED) watching = first; /* its snapshot is what it looks at */
    for (size_t i = 0; i < sizeof takes / sizeof *takes; i++) {
      pgr_ledger l = fresh(PGR_LEVEL_READ_COMMITTED), other;
      l.watched = true;
      step(&l, &begin, true, false);
      assert_false(meet(watching, step(&l, &read_other, true, false)));
      assert_false(meet(watching, step(&l, &tries, true, false)));
      other = l;
      pgr_touch taken = step(&l, takes[i], true, false);
      assert_true(meet(watching, taken) && meet(taken, step(&other, &ask, true, false)));
      /* Only rows that were reported are known to have had one. */
      pgr_touch again = step(&l, &lock, true, false);
      assert_true(meet(watching, again) == !takes[i]->counts);
      assert_true(meet(watching, step(&l, &tries, true, false)));
      other = l;
      assert_true(meet(watching, step(&l, &commit, false, false)));
      assert_true(meet(watching, step(&other, &read_other, true, true)));
      assert_true(meet(watching, step(&other, &rollback, false, false)));
      assert_true(l.watched && !l.may_have && !l.has && !other.may_have);
      assert_true(meet(watching, step(&l, takes[i], false, false)));
    }
    /* An UPDATE that found nothing gave none. */
    pgr_ledger l = fresh(PGR_LEVEL_READ_COMMITTED);
    l.watched = true;
    step(&l, &begin, true, false);
    (void)pgr_ledger_sent(&l, &insert);
    (void)pgr_ledger_ended(&l, &insert, (pgr_statement_end){.open = true});
    assert_true(!l.has && meet(watching, step(&l, &insert, true, false)) && l.has);
  }
  /* Nobody looks: nobody minds. */
  assert_false(LAST(PGR_LEVEL_READ_COMMITTED, &insert).publishes & PGR_REACH_NUMBERS);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_pair),     cmocka_unit_test(sums),
      cmocka_unit_test(foreign_keys),   cmocka_unit_test(appends),
      cmocka_unit_test(what_is_undone), cmocka_unit_test(snapshots),
      cmocka_unit_test(numbers),        cmocka_unit_test(watched_numbers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
