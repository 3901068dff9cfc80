/* A thread that looks for the user's interrupt while the main one is busy playing schedules. */
#include "explore_internal.h"

#include "pgr_clock.h"
#include "pgr_interrupt.h"

static void *watch(void *arg) {
  pgr__interrupts *i = arg;
  while (!atomic_load(&i->over)) {
    if (pgr_interrupt_pending()) atomic_store(i->stop, true);
    pgr_sleep_until(pgr_now_ns() + 20 * PGR_NS_PER_MS);
  }
  return NULL;
}

void pgr__interrupts_begin(pgr__interrupts *i, atomic_bool *stop) {
  i->stop = stop;
  atomic_init(&i->over, false);
  i->started = pthread_create(&i->thread, NULL, watch, i) == 0;
}

void pgr__interrupts_end(pgr__interrupts *i) {
  atomic_store(&i->over, true);
  if (i->started) pthread_join(i->thread, NULL);
}
