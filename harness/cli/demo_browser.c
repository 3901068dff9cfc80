#include "demo_browser.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A list of commands, or one with arguments, is for a shell to take apart: xdg-open knows how. */
static const char *choose_program(void) {
  const char *browser = getenv("BROWSER");
  return browser && *browser && !strpbrk(browser, " \t:%") ? browser : "xdg-open";
}

static void complain(const pgr_demo_browser *b, const char *why) {
  fprintf(stderr, "pgrace: no browser was opened (%.100s %s): open the address yourself\n", b->program, why);
}

/* Silent, in a session of its own: Ctrl-C is for us, not for the browser. */
static int spawn(pid_t *pid, const char *program, const char *address) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t reset;
  char *argv[] = {(char *)(uintptr_t)program, (char *)(uintptr_t)address, NULL};
  sigemptyset(&reset);
  sigaddset(&reset, SIGPIPE);
  int rc = posix_spawn_file_actions_init(&files);
  if (rc) return rc;
  rc = posix_spawnattr_init(&attributes);
  if (rc) goto done;
  for (int fd = STDIN_FILENO; !rc && fd <= STDERR_FILENO; fd++)
    rc = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
  if (!rc) rc = posix_spawnattr_setsigdefault(&attributes, &reset);
  if (!rc) rc = posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  if (!rc) rc = posix_spawnp(pid, program, &files, &attributes, argv, environ);
  posix_spawnattr_destroy(&attributes);
done:
  posix_spawn_file_actions_destroy(&files);
  return rc;
}

void pgr_demo_browser_open(pgr_demo_browser *b, const char *address) {
  b->program = choose_program();
  int rc = spawn(&b->pid, b->program, address);
  if (rc == 0) return;
  b->pid = 0;
  complain(b, rc == ENOENT ? "is not there" : strerror(rc));
}

void pgr_demo_browser_watch(pgr_demo_browser *b) {
  int status = 0;
  if (b->pid == 0 || waitpid(b->pid, &status, WNOHANG) != b->pid) return;
  b->pid = 0;
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return;
  complain(b, WIFEXITED(status) ? "failed" : "was ended");
}
