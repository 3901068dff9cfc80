/* One processor for a worker and the server processes it talks to.
 * Invariant: the processors are counted before any thread is put on one, for a thread's own are all it sees then. */
#include "lockstep_internal.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/prctl.h>

static pthread_once_t counted = PTHREAD_ONCE_INIT;
static cpu_set_t allowed;
static atomic_int first; /* the first worker's processor, counted among the allowed; the others' follow */

static void count_processors(void) {
  if (sched_getaffinity(0, sizeof allowed, &allowed)) CPU_ZERO(&allowed);
}

static int nth_processor(int n) {
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
    if (CPU_ISSET(cpu, &allowed) && n-- == 0) return cpu;
  return -1;
}

/* Where this thread runs now: the system has put it where there was room. Were it always the same processor, those who
 * explore at the same time would share one and leave the others idle. */
static int processor_at_hand(void) {
  int at = sched_getcpu(), n = 0;
  for (int cpu = 0; cpu < at; cpu++)
    n += CPU_ISSET(cpu, &allowed) != 0;
  return n;
}

bool pgr__lockstep_place(const pgr_lockstep *l, int pid) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(l->cpu, &one);
  return sched_setaffinity(pid, sizeof one, &one) == 0;
}

void pgr_lockstep_pin(pgr_lockstep *l, int worker) {
  prctl(PR_SET_TIMERSLACK, 1UL, 0, 0, 0);
  pthread_once(&counted, count_processors);
  int count = CPU_COUNT(&allowed);
  if (count < 1) return;
  if (worker == 0) atomic_store(&first, processor_at_hand());
  l->cpu = nth_processor((atomic_load(&first) + worker) % count);
  bool placed = pgr__lockstep_place(l, pgr_conn_pid(l->o.control));
  for (int i = 0; placed && i < l->o.count; i++)
    placed = pgr__lockstep_place(l, pgr_conn_pid(l->seats[i]));
  /* Alone on it, away from them, this thread would be worse off than before. */
  if (!placed || !pgr__lockstep_place(l, 0)) l->cpu = -1;
}
