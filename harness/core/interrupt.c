/* The handler does two async-signal-safe things: set a lock-free flag, write an eventfd. */
#include "pgr_interrupt.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static atomic_bool pending;
static int wake_fd = -1;

static void on_signal(int signo) {
  (void)signo;
  int saved = errno;
  atomic_store(&pending, true);
  uint64_t one = 1;
  ssize_t ignored = write(wake_fd, &one, sizeof one);
  (void)ignored;
  errno = saved;
}

pgr_code pgr_interrupt_install(pgr_err *err) {
  wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_fd < 0) return pgr_fail(err, PGR_EENVIRONMENT, "cannot create an eventfd: %s", strerror(errno));
  /* SA_RESTART: writing a report goes on; waits are polls, which end all the same. */
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART}, inherited;
  sigemptyset(&action.sa_mask);
  static const int caught[] = {SIGINT, SIGTERM, SIGHUP};
  for (size_t i = 0; i < sizeof caught / sizeof *caught; i++)
    if (sigaction(caught[i], NULL, &inherited) == 0 && inherited.sa_handler != SIG_IGN)
      sigaction(caught[i], &action, NULL);
  signal(SIGPIPE, SIG_IGN);
  return PGR_OK;
}

bool pgr_interrupt_pending(void) {
  return atomic_load(&pending);
}

int pgr_interrupt_fd(void) {
  return wake_fd;
}
