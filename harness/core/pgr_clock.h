/* Time: CLOCK_MONOTONIC nanoseconds everywhere; wall time only to say when a run took place. */
#ifndef PGR_CLOCK_H
#define PGR_CLOCK_H

#include <stdint.h>

#define PGR_NS_PER_US INT64_C(1000)
#define PGR_NS_PER_MS INT64_C(1000000)
#define PGR_NS_PER_S INT64_C(1000000000)

int64_t pgr_now_ns(void);

/* Waits until CLOCK_MONOTONIC reads `deadline_ns`, or a signal arrives. Never on a loop thread. */
void pgr_sleep_until(int64_t deadline_ns);

#endif
