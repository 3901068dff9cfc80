/* Mailboxes and timers, with real threads. */
#include "pgr_test.h"

#include "pgr_clock.h"
#include "pgr_loop.h"
#include "pgr_mem.h"
#include "pgr_random.h"

typedef struct numbered {
  pgr_message message;
  struct receiver *to;
  uint32_t producer, number;
} numbered;

enum { PRODUCERS = 4, MESSAGES = 5000 };

typedef struct receiver {
  pgr_loop *loop;
  uint32_t next[PRODUCERS];
  uint32_t total;
  int out_of_order;
} receiver;

static void on_numbered(pgr_message *m) {
  numbered *n = (numbered *)m;
  receiver *r = n->to;
  r->out_of_order += n->number != r->next[n->producer];
  r->next[n->producer]++;
  if (++r->total == PRODUCERS * MESSAGES) pgr_loop_finish(r->loop);
}

typedef struct producer {
  uv_thread_t thread;
  pgr_loop *to;
  numbered *messages;
} producer;

static void produce(void *arg) {
  producer *p = arg;
  for (int i = 0; i < MESSAGES; i++)
    pgr_loop_post(p->to, &p->messages[i].message);
}

/* The last message closes the mailbox while its sender may still be in pgr_loop_post: the sanitizers watch. */
static void every_message_arrives_in_order(void **state) {
  (void)state;
  for (int repetition = 0; repetition < 5; repetition++) {
    receiver r = {0};
    producer producers[PRODUCERS];
    assert_int_equal(pgr_loop_create(&r.loop, NULL), PGR_OK);
    assert_int_equal(pgr_loop_start(r.loop, "receiver", NULL), PGR_OK);
    for (uint32_t p = 0; p < PRODUCERS; p++) {
      producers[p] = (producer){.to = r.loop, .messages = pgr_calloc(MESSAGES, sizeof(numbered))};
      for (uint32_t i = 0; i < MESSAGES; i++)
        producers[p].messages[i] = (numbered){.message.deliver = on_numbered, .to = &r, .producer = p, .number = i};
    }
    for (int p = 0; p < PRODUCERS; p++)
      uv_thread_create(&producers[p].thread, produce, &producers[p]);
    pgr_loop_join(r.loop);
    for (int p = 0; p < PRODUCERS; p++) {
      uv_thread_join(&producers[p].thread);
      pgr_free(producers[p].messages);
    }
    pgr_loop_destroy(r.loop);
    assert_int_equal(r.total, PRODUCERS * MESSAGES);
    assert_int_equal(r.out_of_order, 0);
  }
}

enum { TIMERS = 500 };

typedef struct chime {
  pgr_timer timer;
  struct clocktower *tower;
  int64_t wanted_ns;
  int fired;
  int early;
} chime;

typedef struct clocktower {
  pgr_loop *loop;
  chime chimes[TIMERS];
  int left;
  int64_t last_due_ns;
  int out_of_order;
} clocktower;

static void on_chime(pgr_timer *t) {
  chime *a = (chime *)t;
  a->fired++;
  a->early = pgr_now_ns() < a->wanted_ns;
  a->tower->out_of_order += a->wanted_ns < a->tower->last_due_ns;
  a->tower->last_due_ns = a->wanted_ns;
  if (--a->tower->left == 0) pgr_loop_finish(a->tower->loop);
}

static void timers_fire_once_in_order_and_never_early(void **state) {
  (void)state;
  static clocktower t;
  pgr_random r;
  pgr_random_init(&r, 7, 7);
  assert_int_equal(pgr_loop_create(&t.loop, NULL), PGR_OK);
  int64_t now = pgr_now_ns();
  for (int i = 0; i < TIMERS; i++) {
    t.chimes[i] = (chime){.timer.fire = on_chime, .tower = &t};
    t.chimes[i].wanted_ns = now + (int64_t)pgr_random_below(&r, 20 * PGR_NS_PER_MS);
    assert_int_equal(pgr_timer_start(t.loop, &t.chimes[i].timer, t.chimes[i].wanted_ns), PGR_OK);
  }
  /* Every third is cancelled, some of them twice. */
  t.left = TIMERS;
  for (int i = 0; i < TIMERS; i += 3) {
    pgr_timer_cancel(t.loop, &t.chimes[i].timer);
    if (i % 2) pgr_timer_cancel(t.loop, &t.chimes[i].timer);
    t.left--;
  }
  assert_int_equal(pgr_loop_start(t.loop, "clocktower", NULL), PGR_OK);
  pgr_loop_join(t.loop);
  pgr_loop_destroy(t.loop);
  for (int i = 0; i < TIMERS; i++) {
    assert_int_equal(t.chimes[i].fired, i % 3 ? 1 : 0);
    assert_int_equal(t.chimes[i].early, 0);
  }
  assert_int_equal(t.out_of_order, 0);
}

static void unstarted_loop_is_destroyed(void **state) {
  (void)state;
  pgr_loop *l;
  assert_int_equal(pgr_loop_create(&l, NULL), PGR_OK);
  pgr_loop_finish(l);
  pgr_loop_join(l);
  pgr_loop_destroy(l);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(every_message_arrives_in_order),
                                     cmocka_unit_test(timers_fire_once_in_order_and_never_early),
                                     cmocka_unit_test(unstarted_loop_is_destroyed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
