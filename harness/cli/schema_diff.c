/* pgrace schema diff: two versions of a trigger side by side, by the diff that everybody reads. */
#include "schema_new.h"

#include "pgr_units.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NAMES_SHOWN = 64, PATH_BYTES = 32, DIFF_FAILED = 2 };

static void help(void) {
  fputs("Usage: pgrace schema diff NAME [A [B]] [--dir DIR]\n\n"
        "What changed between two versions of a trigger, as a unified diff: from A\n"
        "(default: the one before B) to B (default: the latest).\n\n"
        "  --dir DIR   the folder of the migrations (default: schema)\n\n"
        "Exit status: 0 the same, 1 they differ, 4 usage, 5 there is no diff program.\n\n"
        "Examples\n"
        "  pgrace schema diff conversations_texter_id_transition\n"
        "  pgrace schema diff conversations_texter_id_transition 1 3\n",
        stdout);
}

const pgr_trigger *pgr_schema_find_trigger(const pgr_triggers *triggers, const char *name, pgr_err *err) {
  const char *names[NAMES_SHOWN + 1] = {NULL};
  const pgr_trigger *found = pgr_triggers_find(triggers, name);
  if (found) return found;
  for (size_t i = 0; i < triggers->count && i < NAMES_SHOWN; i++)
    names[i] = triggers->items[i].name;
  const char *near = pgr_nearest(name, names);
  if (pgr_looks_secret(name))
    (void)pgr_fail(err, PGR_EUSAGE, "no trigger has this name (not shown: it may hold a password)");
  else
    (void)pgr_fail(err, PGR_EUSAGE, "there is no trigger '%.80s' in %.200s/triggers%s%s%s", name, triggers->folder,
                   near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
  return NULL;
}

/* ---- the program ---- */

/* The text as a file without a name. -1: errno says why not. */
static int file_of(const pgr_source *source) {
  int fd = memfd_create("pgrace-diff", MFD_CLOEXEC);
  for (size_t done = 0; fd >= 0 && done < source->len_bytes;) {
    ssize_t n = write(fd, source->text + done, source->len_bytes - done);
    if (n > 0) {
      done += (size_t)n;
    } else if (n == 0 || errno != EINTR) {
      close(fd);
      fd = -1;
    }
  }
  return fd;
}

/* Without a shell; our own output goes on in the program's. Signals are as they are for any program. */
static int spawn(const pgr_source *from, const pgr_source *to, int a, int b, pid_t *pid) {
  char program[] = "diff", unified[] = "-u", label[] = "--label";
  char path_a[PATH_BYTES], path_b[PATH_BYTES];
  snprintf(path_a, sizeof path_a, "/dev/fd/%d", a);
  snprintf(path_b, sizeof path_b, "/dev/fd/%d", b);
  char *label_a = pgr_strdup(from->name), *label_b = pgr_strdup(to->name);
  char *arguments[] = {program, unified, label, label_a, label, label_b, path_a, path_b, NULL};
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t signals;
  extern char **environ;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  sigemptyset(&signals);
  sigaddset(&signals, SIGPIPE);
  posix_spawnattr_setsigdefault(&attributes, &signals);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  /* Onto itself: it stays open in the program. */
  int error = posix_spawn_file_actions_adddup2(&actions, a, a);
  if (!error) error = posix_spawn_file_actions_adddup2(&actions, b, b);
  if (!label_a || !label_b) error = ENOMEM;
  if (!error) error = posix_spawnp(pid, program, &actions, &attributes, arguments, environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  pgr_free(label_a);
  pgr_free(label_b);
  return error;
}

static pgr_code run(const pgr_source *from, const pgr_source *to, int a, int b, bool *differ, pgr_err *err) {
  pid_t pid = 0;
  int status = 0;
  /* A parent that ignores it would never be told how the program ended. */
  struct sigaction children;
  if (sigaction(SIGCHLD, NULL, &children) == 0 && children.sa_handler == SIG_IGN) signal(SIGCHLD, SIG_DFL);
  fflush(stdout);
  int error = spawn(from, to, a, b, &pid);
  if (error == ENOENT)
    return pgr_fail(err, PGR_EENVIRONMENT, "there is no program diff: install it (Debian: apt-get install diffutils)");
  if (error) return pgr_fail(err, PGR_EENVIRONMENT, "cannot run diff: %s", strerror(error));
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
    continue;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE) return PGR_OK; /* nobody reads on: as with our own output */
  if (!WIFEXITED(status) || WEXITSTATUS(status) >= DIFF_FAILED)
    return pgr_fail(err, PGR_EENVIRONMENT, "diff failed%s", WIFSIGNALED(status) ? ", it was ended by a signal" : "");
  *differ = WEXITSTATUS(status) == 1;
  return PGR_OK;
}

static pgr_code compare_files(const pgr_source *from, const pgr_source *to, bool *differ, pgr_err *err) {
  int a = file_of(from), b = a < 0 ? -1 : file_of(to), error = errno;
  pgr_code code = b < 0 ? pgr_fail(err, PGR_EENVIRONMENT, "cannot make a file in memory: %s", strerror(error))
                        : run(from, to, a, b, differ, err);
  if (a >= 0) close(a);
  if (b >= 0) close(b);
  return code;
}

/* What somebody looks at moves no cursor; what a program reads on, as patch does, is as the files are. */
pgr_code pgr_schema_print_diff(const pgr_source *from, const pgr_source *to, bool *differ, pgr_err *err) {
  pgr_buf before, after;
  if (!isatty(STDOUT_FILENO)) return compare_files(from, to, differ, err);
  pgr_buf_init(&before, 0);
  pgr_buf_init(&after, 0);
  pgr_schema_show_text(from->text, &before);
  pgr_schema_show_text(to->text, &after);
  pgr_source a = {.name = from->name, .text = pgr_buf_text(&before), .len_bytes = before.len};
  pgr_source b = {.name = to->name, .text = pgr_buf_text(&after), .len_bytes = after.len};
  pgr_code code =
      before.failed || after.failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : compare_files(&a, &b, differ, err);
  pgr_buf_deinit(&before);
  pgr_buf_deinit(&after);
  return code;
}

pgr_source pgr_schema_labelled(const pgr_trigger *t, int number, const char *text, char label[PGR_SCHEMA_LABEL_BYTES]) {
  snprintf(label, PGR_SCHEMA_LABEL_BYTES, "triggers/%s/v%d.sql", t->name, number);
  return (pgr_source){.name = label, .text = text, .len_bytes = strlen(text)};
}

/* ---- the command ---- */

static pgr_code read_version(const char *word, const pgr_trigger *t, const pgr_version **out, pgr_err *err) {
  int64_t number = 0;
  pgr_code code = pgr_parse_int(word, "version", 1, (int64_t)t->version_count, &number, err);
  if (!code) *out = &t->versions[number - 1];
  return code;
}

static pgr_code choose(const pgr_trigger *t, const char *const *words, int count, const pgr_version **a,
                       const pgr_version **b, pgr_err *err) {
  pgr_code code = PGR_OK;
  *b = pgr_trigger_latest(t);
  if (count > 2) code = read_version(words[2], t, b, err);
  if (!code && count > 1) return read_version(words[1], t, a, err);
  if (code) return code;
  if ((*b)->number == 1)
    return pgr_fail(err, PGR_EUSAGE, "%s has one version only, there is nothing to compare it with", t->name);
  *a = *b - 1;
  return PGR_OK;
}

static pgr_code compare(const pgr_triggers *triggers, const char *const *words, int count, bool *differ, pgr_err *err) {
  char label_a[PGR_SCHEMA_LABEL_BYTES], label_b[PGR_SCHEMA_LABEL_BYTES];
  const pgr_version *a = NULL, *b = NULL;
  const pgr_trigger *t = pgr_schema_find_trigger(triggers, words[0], err);
  if (!t) return PGR_EUSAGE;
  pgr_code code = choose(t, words, count, &a, &b, err);
  if (code || !a || !b) return code;
  pgr_source from = pgr_schema_labelled(t, a->number, a->source.text, label_a);
  pgr_source to = pgr_schema_labelled(t, b->number, b->source.text, label_b);
  return pgr_schema_print_diff(&from, &to, differ, err);
}

int pgr_schema_diff(int argc, char **argv) {
  const char *dir = pgr_schema_default_dir, *words[3] = {NULL};
  bool wants_help = false, differ = false;
  int count = 0, status = 0;
  const pgr_option table[] = {{"dir", 0, PGR_OPTION_TEXT, &dir, 0, 0, NULL}, {0}};
  pgr_schema_folder folder;
  pgr_err err;
  pgr_code code = pgr_options_parse(table, argc, argv, words, 3, &count, &wants_help, &err);
  if (!code && wants_help) {
    help();
    return 0;
  }
  if (!code && count == 0) code = pgr_fail(&err, PGR_EUSAGE, "schema diff: give a trigger's name");
  if (code) return pgr_schema_complain(&err);
  if (pgr_schema_folder_open(dir, &folder, &status)) {
    code = compare(&folder.triggers, words, count, &differ, &err);
    status = code ? pgr_schema_complain(&err) : differ;
  }
  pgr_schema_folder_close(&folder);
  return status;
}
