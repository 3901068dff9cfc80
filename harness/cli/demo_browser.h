/* An address, opened in the user's browser. What fails is told on standard error and ends nothing. Main thread. */
#ifndef PGR_DEMO_BROWSER_H
#define PGR_DEMO_BROWSER_H

#include <sys/types.h>

/* Zeroed. */
typedef struct pgr_demo_browser {
  pid_t pid; /* of the program that opens it, until it ended; 0: none */
  const char *program;
} pgr_demo_browser;

/* By $BROWSER, where that is one word, else by xdg-open; no shell sees the address. */
void pgr_demo_browser_open(pgr_demo_browser *b, const char *address);
/* Now and then: whether it could. */
void pgr_demo_browser_watch(pgr_demo_browser *b);

#endif
