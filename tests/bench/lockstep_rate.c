/* How many schedules a second lockstep runs: lockstep_rate [SECONDS]. Two agents take one row, each with BEGIN, SELECT,
 * UPDATE, COMMIT, in an order drawn anew each time, after an UPDATE on the control connection that puts the row back.
 * With FOR UPDATE the second has to wait; with a row for each nobody does. */
#include "pgr_seats.h"

#include "pgr_db.h"
#include "pgr_random.h"
#include "pgr_server.h"
#include <pthread.h>
#include <stdlib.h>

enum { AGENTS = 2, STEPS = 4, RESET = 1 };

static const char *const steps[] = {"BEGIN", "SELECT owner FROM item WHERE id = $1::int FOR UPDATE",
                                    "UPDATE item SET owner = 1 WHERE id = $1::int", "COMMIT"};

static void fail(const pgr_err *err) {
  fprintf(stderr, "%s\n", err->msg);
  exit(5);
}

typedef struct tally {
  uint64_t schedules, settlings, waits;
} tally;

static void start(room *r, int agent, int step, bool shared) {
  const char *values[] = {shared || agent == 0 ? "1" : "2"};
  pgr_conn_execute(r->conns[agent], step, step == 1 || step == 2, values);
}

/* Who looks while the other has looked and not committed waits until then; nobody else does. */
static void play(room *r, pgr_random *random, bool shared, tally *t) {
  int step[AGENTS] = {0};
  uint32_t waits = 0;
  pgr_settled settled = {0};
  pgr_err err;
  if (pgr_lockstep_control(r->l, RESET, 0, NULL, NULL, NULL, &err)) fail(&err);
  while (step[0] < STEPS || step[1] < STEPS) {
    int agent = (int)pgr_random_below(random, AGENTS);
    if (step[agent] == STEPS || waits >> agent & 1) agent = 1 - agent;
    int other = 1 - agent;
    bool taken = shared && step[agent] == 1 && step[other] > 1 && step[other] < STEPS, expects = taken || waits;
    if (taken) waits = UINT32_C(1) << agent;
    if (step[agent] == STEPS - 1) waits = 0;
    start(r, agent, step[agent]++, shared);
    if (pgr_lockstep_settle(r->l, expects, &settled, &err)) fail(&err);
    t->settlings++;
    t->waits += waits != 0;
    if (settled.blocked == waits) continue;
    fprintf(stderr, "blocked: %x, but it must be %x\n", settled.blocked, waits);
    exit(1);
  }
  t->schedules++;
}

typedef struct setting {
  const char *what;
  bool shared, pin;
  int worker;
  const pgr_target *target;
  double seconds;
  tally tally;
  double took;
} setting;

/* A thread of its own: it may be put on one processor. */
static void *measure(void *arg) {
  setting *s = arg;
  const char *const control[] = {PGR_LOCKSTEP_ASK, "UPDATE item SET owner = NULL WHERE id = 1"};
  room r;
  pgr_random random;
  pgr_err err;
  if (room_open(&r, s->target, AGENTS, "", steps, STEPS, &(pgr_session){"", control, 2},
                (pgr_lockstep_options){.patience_ns = PGR_NS_PER_MS, .deadlock_ns = PGR_NS_PER_S}, &err))
    fail(&err);
  if (s->pin) pgr_lockstep_pin(r.l, s->worker);
  pgr_random_init(&random, 1, 1);
  int64_t start_ns = pgr_now_ns();
  while ((double)(pgr_now_ns() - start_ns) < s->seconds * 1e9)
    play(&r, &random, s->shared, &s->tally);
  s->took = (double)(pgr_now_ns() - start_ns) / 1e9;
  room_close(&r);
  return NULL;
}

static void show(setting s) {
  pthread_t thread;
  if (pthread_create(&thread, NULL, measure, &s)) exit(5);
  pthread_join(thread, NULL);
  printf("%-16s %-10s %8.0f schedules/s %8.1f us a settling, %.2f waits a schedule\n", s.what, s.pin ? "pinned" : "",
         (double)s.tally.schedules / s.took, s.took * 1e6 / (double)s.tally.settlings,
         (double)s.tally.waits / (double)s.tally.schedules);
}

int main(int argc, char **argv) {
  double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
  pgr_server *server;
  pgr_target *target;
  pgr_db *db;
  pgr_err err;
  if (pgr_server_start(&(pgr_server_options){.max_connections = 20}, &server, &err) ||
      pgr_target_private(pgr_server_socket_dir(server), pgr_server_port(server), pgr_server_user(server), &target,
                         &err) ||
      pgr_db_connect(target, &db, &err) ||
      pgr_db_exec(db, "CREATE TABLE item (id int PRIMARY KEY, owner int); INSERT INTO item VALUES (1), (2)", &err))
    fail(&err);
  pgr_db_close(db);
  for (int pin = 0; pin < 2; pin++) {
    setting s = {.what = "FOR UPDATE", .shared = true, .pin = pin, .target = target, .seconds = seconds};
    show(s);
    s.what = "nothing blocks";
    s.shared = false;
    show(s);
  }
  pgr_target_destroy(target);
  pgr_server_stop(server);
  return 0;
}
