#include "pgr_clock.h"

#include <time.h>

int64_t pgr_now_ns(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return (int64_t)ts.tv_sec * PGR_NS_PER_S + ts.tv_nsec;
}

void pgr_sleep_until(int64_t deadline_ns) {
  struct timespec ts = {.tv_sec = deadline_ns / PGR_NS_PER_S, .tv_nsec = deadline_ns % PGR_NS_PER_S};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL);
}
