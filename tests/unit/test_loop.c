/* Mailboxes and timers, with real threads; descriptors, and libuv as a guest. */
#include "pgr_test.h"

#include "pgr_clock.h"
#include "pgr_loop.h"
#include "pgr_mem.h"
#include "pgr_random.h"
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* One end of a pipe. */
typedef struct end {
  pgr_watch watch;
  pgr_loop *loop;
  struct end *other; /* whose watch ends when this one is ready */
  int told;
  unsigned events;
} end;

static void on_ready(pgr_watch *w, unsigned events) {
  end *e = (end *)w;
  e->told++;
  e->events = events;
  if (e->other) pgr_watch_end(e->loop, &e->other->watch);
}

static void watch(end *e, pgr_loop *l, int fd, unsigned events) {
  e->watch.ready = on_ready;
  e->loop = l;
  assert_int_equal(pgr_watch_set(l, &e->watch, fd, events), PGR_OK);
}

static pgr_loop *unstarted(void) {
  pgr_loop *l;
  assert_int_equal(pgr_loop_create(&l, NULL), PGR_OK);
  pgr_loop_turn(l, false); /* nothing is due: it does not wait */
  return l;
}

static void destroy(pgr_loop *l) {
  pgr_loop_finish(l);
  pgr_loop_join(l);
  pgr_loop_destroy(l);
}

static void open_pipe(int fds[2]) {
  assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
}

static void close_pipe(const int fds[2]) {
  close(fds[0]);
  close(fds[1]);
}

static void descriptors_are_watched_for_what_was_asked(void **state) {
  (void)state;
  int fds[2];
  char byte;
  end in = {0}, out = {0};
  pgr_loop *l = unstarted();
  open_pipe(fds);
  watch(&in, l, fds[0], PGR_READABLE);
  pgr_loop_turn(l, false);
  assert_int_equal(in.told, 0);
  watch(&out, l, fds[1], PGR_WRITABLE);
  pgr_loop_turn(l, true);
  assert_true(out.told == 1 && out.events == PGR_WRITABLE && in.told == 0);
  pgr_watch_end(l, &out.watch);
  assert_int_equal(write(fds[1], "x", 1), 1);
  pgr_loop_turn(l, true);
  assert_true(out.told == 1 && in.told == 1 && in.events == PGR_READABLE);
  pgr_loop_turn(l, true); /* it is still there */
  assert_int_equal(in.told, 2);
  assert_int_equal(read(fds[0], &byte, 1), 1);
  close(fds[1]); /* hanging up counts */
  pgr_loop_turn(l, true);
  assert_true(in.told == 3 && in.events == PGR_READABLE);
  pgr_watch_end(l, &in.watch);
  pgr_watch_end(l, &in.watch);
  close(fds[0]);
  destroy(l);
}

/* Both are ready at once; whoever is told first ends the other, who must not be told any more. */
static void by_edges_what_is_left_is_told_when_asked_anew(void **state) {
  (void)state;
  int fds[2];
  char byte;
  end in = {0};
  pgr_loop *l = unstarted();
  assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  watch(&in, l, fds[0], PGR_READABLE | PGR_EDGE);
  assert_int_equal(write(fds[1], "xyz", 3), 3);
  pgr_loop_turn(l, true);
  assert_true(in.told == 1 && (in.events & PGR_READABLE));
  pgr_loop_turn(l, false); /* nobody read, nothing new came */
  assert_int_equal(in.told, 1);
  assert_int_equal(read(fds[0], &byte, 1), 1);
  watch(&in, l, fds[0], PGR_READABLE | PGR_EDGE);
  pgr_loop_turn(l, false);
  assert_int_equal(in.told, 2);
  assert_int_equal(read(fds[0], &byte, 1), 1);
  assert_int_equal(read(fds[0], &byte, 1), 1);
  /* The last words and the hanging up: whoever reads the words is told once more. */
  assert_int_equal(write(fds[1], "z", 1), 1);
  close(fds[1]);
  pgr_loop_turn(l, true);
  assert_int_equal(in.told, 3);
  assert_int_equal(read(fds[0], &byte, 1), 1);
  pgr_loop_turn(l, false);
  assert_true(in.told == 4 && (in.events & PGR_READABLE));
  assert_int_equal(read(fds[0], &byte, 1), 0);
  pgr_watch_end(l, &in.watch);
  close(fds[0]);
  destroy(l);
}

static void what_is_not_watched_any_more_is_not_told(void **state) {
  (void)state;
  int a[2], b[2];
  end first = {0}, second = {.other = &first};
  pgr_loop *l = unstarted();
  first.other = &second;
  open_pipe(a);
  open_pipe(b);
  watch(&first, l, a[1], PGR_WRITABLE);
  watch(&second, l, b[1], PGR_WRITABLE);
  pgr_loop_turn(l, true);
  assert_int_equal(first.told + second.told, 1);
  pgr_watch_end(l, &first.watch);
  pgr_watch_end(l, &second.watch);
  close_pipe(a);
  close_pipe(b);
  destroy(l);
}

/* As libpq does while it tries one address after the other. */
static void a_descriptor_may_take_the_number_of_another(void **state) {
  (void)state;
  int old[2], new[2];
  end e = {0};
  pgr_loop *l = unstarted();
  open_pipe(old);
  watch(&e, l, old[0], PGR_READABLE);
  close_pipe(old);
  open_pipe(new);
  assert_int_equal(new[0], old[0]);
  watch(&e, l, new[0], PGR_READABLE);
  assert_int_equal(write(new[1], "x", 1), 1);
  pgr_loop_turn(l, true);
  assert_int_equal(e.told, 1);
  watch(&e, l, new[1], PGR_WRITABLE); /* another number */
  pgr_loop_turn(l, true);
  assert_true(e.told == 2 && e.events == PGR_WRITABLE);
  pgr_watch_end(l, &e.watch);
  close_pipe(new);
  destroy(l);
}

static void on_closed(uv_handle_t *handle) {
  *(bool *)handle->data = true;
}

static void on_exit_status(uv_process_t *process, int64_t status, int signal_number) {
  assert_true(status == 3 && signal_number == 0);
  uv_close((uv_handle_t *)process, on_closed);
}

/* What libuv waits for keeps the loop going, and is noticed. */
static void libuv_is_a_guest(void **state) {
  (void)state;
  char shell[] = "/bin/sh", flag[] = "-c", text[] = "exit 3";
  char *args[] = {shell, flag, text, NULL};
  bool closed = false;
  uv_process_t process = {.data = &closed};
  uv_process_options_t options = {.file = shell, .args = args, .exit_cb = on_exit_status};
  pgr_loop *l = unstarted();
  assert_int_equal(uv_spawn(pgr_loop_uv(l), &process, &options), 0);
  pgr_loop_finish(l);
  pgr_loop_join(l);
  assert_true(closed);
  pgr_loop_destroy(l);
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
                                     cmocka_unit_test(descriptors_are_watched_for_what_was_asked),
                                     cmocka_unit_test(by_edges_what_is_left_is_told_when_asked_anew),
                                     cmocka_unit_test(what_is_not_watched_any_more_is_not_told),
                                     cmocka_unit_test(a_descriptor_may_take_the_number_of_another),
                                     cmocka_unit_test(libuv_is_a_guest),
                                     cmocka_unit_test(unstarted_loop_is_destroyed)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
