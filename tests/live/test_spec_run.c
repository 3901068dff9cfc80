/* Runs every spec of a folder against a private server, all in one database as pg_isolation_regress does, and compares
 * what is printed with the expected output, byte for byte: test_spec_run DIR [--beside ISOLATIONTESTER] [--repeat N]
 * [SPEC …]. DIR/specs/NAME.spec; DIR/expected/NAME.out, or one of NAME_0.out … NAME_9.out. With --beside it is run by
 * PostgreSQL's own program, too, and the times of both are shown, medians of N, how often ours goes into theirs, and
 * what ours takes with steps that do nothing: connecting, setups, teardowns. Differences are shown as diffs. */
#include "pgr_clock.h"
#include "pgr_server.h"
#include "pgr_spec_run.h"
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SPECS_MAX = 500, PATH_BYTES = 1024, REPEAT_MAX = 99, PERMUTATIONS_MAX = 2000, SESSIONS_MAX = 16 };

typedef struct tester {
  const char *dir, *beside;
  pgr_server *server;
  pgr_target *target;
  char scratch[64]; /* a folder */
  int64_t ours_ns, theirs_ns;
  int repeat, run, differing;
} tester;

static void fatal(const char *what) {
  fprintf(stderr, "%s\n", what);
  exit(1);
}

/* NULL when there is no such file. The caller frees it. */
static char *read_file(const char *path) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  char *text = calloc(1, PGR_SPEC_BYTES_MAX * 4);
  if (!text) fatal("out of memory");
  size_t len = fread(text, 1, PGR_SPEC_BYTES_MAX * 4 - 1, f);
  text[len] = '\0';
  fclose(f);
  return text;
}

static const char *path_of(const tester *t, const char *folder, const char *name, const char *suffix) {
  static char path[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s/%s%s", t->dir, folder, name, suffix);
  return path;
}

static bool matches_file(const tester *t, const char *name, const char *suffix, const char *got) {
  char *expected = read_file(path_of(t, "expected", name, suffix));
  bool same = expected && strcmp(expected, got) == 0;
  free(expected);
  return same;
}

static bool matches(const tester *t, const char *name, const char *got) {
  bool same = matches_file(t, name, ".out", got);
  for (int i = 0; i < 10 && !same; i++) {
    char suffix[] = {'_', (char)('0' + i), '.', 'o', 'u', 't', '\0'};
    same = matches_file(t, name, suffix, got);
  }
  return same;
}

static pid_t start(char *const argv[], const char *in, const char *out) {
  fflush(stdout);
  pid_t pid = fork();
  if (pid) return pid;
  if (in && !freopen(in, "r", stdin)) _exit(126);
  if (out && !freopen(out, "w", stdout)) _exit(126);
  if (out) dup2(1, 2);
  execvp(argv[0], argv);
  _exit(127);
}

static void finish(pid_t pid) {
  int status = 0;
  while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
    ;
}

static void show_difference(const tester *t, const char *name, const char *got) {
  char path[PATH_BYTES], expected[PATH_BYTES];
  snprintf(path, sizeof path, "%s/%s.out", t->scratch, name);
  snprintf(expected, sizeof expected, "%s", path_of(t, "expected", name, ".out"));
  FILE *f = fopen(path, "wb");
  if (!f) fatal("cannot write a file for diff");
  fputs(got, f);
  fclose(f);
  char *argv[] = {(char[]){"diff"}, (char[]){"-u"}, expected, path, NULL};
  finish(start(argv, NULL, NULL));
  unlink(path);
}

/* Instead of its permutations so many that each do next to nothing, between the same setups and teardowns. */
static void hollow(pgr_spec *spec, int permutations) {
  static pgr_spec_step step;
  static const pgr_spec_pstep only = {0};
  static pgr_spec_permutation all[PERMUTATIONS_MAX];
  static int first = 0;
  static pgr_spec_session sessions[SESSIONS_MAX];
  if (permutations > PERMUTATIONS_MAX || spec->session_count > SESSIONS_MAX) fatal("a spec is larger than expected");
  step = spec->steps[0];
  step.sql = "SELECT 1";
  for (int i = 0; i < permutations; i++)
    all[i] = (pgr_spec_permutation){&only, 1};
  for (int i = 0; i < spec->session_count; i++) {
    sessions[i] = spec->sessions[i];
    sessions[i].steps = &first;
    sessions[i].step_count = i == step.session;
  }
  spec->sessions = sessions;
  spec->steps = &step;
  spec->step_count = 1;
  spec->permutations = all;
  spec->permutation_count = permutations;
}

static int permutations_in(const char *printed) {
  static const char begins[] = "\nstarting permutation: ";
  int count = 0;
  for (const char *at = printed; (at = strstr(at, begins)); at += sizeof begins - 1)
    count++;
  return count;
}

/* What both programs print. hollowed: its permutations, all made hollow, or 0. The caller frees it. */
static char *run_ours(tester *t, const char *name, int hollowed, int64_t *ns) {
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_spec spec;
  pgr_err err;
  char *text = read_file(path_of(t, "specs", name, ".spec")), *got = NULL;
  size_t len = 0;
  if (!text) fatal("cannot read a spec");
  if (!pgr_spec_parse(&(pgr_source){name, text, strlen(text)}, &arena, &faults, &spec)) fatal(faults.kept[0].text);
  if (hollowed) hollow(&spec, hollowed);
  FILE *out = open_memstream(&got, &len);
  if (!out) fatal("out of memory");
  pgr_spec_run_options o = {
      .out = out, .complaints = out, .name = name, .session_options = PGR_SPEC_REGRESS, .pin = true};
  int64_t begun_ns = pgr_now_ns();
  pgr_code code = pgr_spec_run(&spec, t->target, &o, NULL, &err);
  *ns = pgr_now_ns() - begun_ns;
  fclose(out);
  if (code) printf("%s: %s\n", name, err.msg);
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
  free(text);
  return got;
}

static int64_t run_theirs(const tester *t, const char *name) {
  char conninfo[PATH_BYTES], out[PATH_BYTES], program[PATH_BYTES], spec[PATH_BYTES];
  snprintf(conninfo, sizeof conninfo, "host=%s port=%d user=%s dbname=postgres", pgr_server_socket_dir(t->server),
           pgr_server_port(t->server), pgr_server_user(t->server));
  snprintf(out, sizeof out, "%s/theirs", t->scratch);
  snprintf(program, sizeof program, "%s", t->beside);
  snprintf(spec, sizeof spec, "%s", path_of(t, "specs", name, ".spec"));
  char *argv[] = {program, conninfo, NULL}, application[PATH_BYTES];
  snprintf(application, sizeof application, "isolation/%s", name);
  setenv("PGAPPNAME", application, 1);
  int64_t begun_ns = pgr_now_ns();
  finish(start(argv, spec, out));
  int64_t ns = pgr_now_ns() - begun_ns;
  unsetenv("PGAPPNAME");
  char *got = read_file(out);
  if (!got || !matches(t, name, got)) {
    printf("%s: isolationtester's own output differs\n", name);
    if (got) show_difference(t, name, got);
  }
  free(got);
  unlink(out);
  return ns;
}

static int by_time(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

static int64_t median(int64_t *ns, int count) {
  qsort(ns, (size_t)count, sizeof *ns, by_time);
  return ns[count / 2];
}

/* In turns, each first as often as the other. */
static void run(tester *t, const char *name) {
  int64_t ours[REPEAT_MAX], theirs[REPEAT_MAX] = {0}, floors[REPEAT_MAX] = {0};
  bool same = true;
  for (int k = 0; k < t->repeat; k++) {
    if (t->beside && k % 2) theirs[k] = run_theirs(t, name);
    char *got = run_ours(t, name, 0, &ours[k]);
    bool matching = got && matches(t, name, got);
    if (!matching && got) show_difference(t, name, got);
    same &= matching;
    int permutations = got ? permutations_in(got) : 0;
    free(got);
    if (t->beside && k % 2 == 0) theirs[k] = run_theirs(t, name);
    if (t->beside && permutations) free(run_ours(t, name, permutations, &floors[k]));
  }
  int64_t ours_ns = median(ours, t->repeat), theirs_ns = median(theirs, t->repeat),
          floor_ns = median(floors, t->repeat);
  t->run++;
  t->differing += !same;
  t->ours_ns += ours_ns;
  t->theirs_ns += theirs_ns;
  printf("%-36s %-9s %9.1f ms", name, same ? "same" : "DIFFERENT", (double)ours_ns / PGR_NS_PER_MS);
  if (t->beside)
    printf(" %9.1f ms %7.2f %9.1f ms", (double)theirs_ns / PGR_NS_PER_MS, (double)theirs_ns / (double)ours_ns,
           (double)floor_ns / PGR_NS_PER_MS);
  printf("\n");
}

static int by_name(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All of the folder, in the order of their names. */
static void run_folder(tester *t) {
  char path[PATH_BYTES], *names[SPECS_MAX];
  int count = 0;
  snprintf(path, sizeof path, "%s/specs", t->dir);
  DIR *dir = opendir(path);
  if (!dir) fatal("there is no such folder of specs");
  for (struct dirent *e; (e = readdir(dir)) && count < SPECS_MAX;) {
    char *dot = strrchr(e->d_name, '.');
    if (!dot || strcmp(dot, ".spec") != 0) continue;
    *dot = '\0';
    names[count] = strdup(e->d_name);
    count += names[count] != NULL;
  }
  closedir(dir);
  qsort(names, (size_t)count, sizeof *names, by_name);
  for (int i = 0; i < count; i++) {
    run(t, names[i]);
    free(names[i]);
  }
}

static void set_up(tester *t) {
  pgr_err err;
  snprintf(t->scratch, sizeof t->scratch, "/tmp/pgrace-spec.XXXXXX");
  if (!mkdtemp(t->scratch)) fatal("cannot make a folder");
  /* What pg_isolation_regress gives isolationtester. */
  setenv("PGTZ", "PST8PDT", 1);
  setenv("PGDATESTYLE", "Postgres, MDY", 1);
  setenv("PGOPTIONS", "-c intervalstyle=postgres_verbose", 1);
  if (pgr_server_start(&(pgr_server_options){.max_connections = 50, .still = true}, &t->server, &err)) fatal(err.msg);
  if (pgr_target_private(pgr_server_socket_dir(t->server), pgr_server_port(t->server), pgr_server_user(t->server),
                         &t->target, &err))
    fatal(err.msg);
}

int main(int argc, char **argv) {
  tester t = {.dir = argc > 1 ? argv[1] : NULL, .repeat = 1};
  int first = 2;
  if (argc > first + 1 && strcmp(argv[first], "--beside") == 0) {
    t.beside = argv[first + 1];
    first += 2;
  }
  if (argc > first + 1 && strcmp(argv[first], "--repeat") == 0) {
    t.repeat = atoi(argv[first + 1]);
    first += 2;
  }
  if (t.repeat < 1 || t.repeat > REPEAT_MAX) fatal("--repeat: 1 to 99");
  if (!t.dir) fatal("usage: test_spec_run DIR [--beside ISOLATIONTESTER] [--repeat N] [SPEC …]");
  set_up(&t);
  for (int i = first; i < argc; i++)
    run(&t, argv[i]);
  if (argc <= first) run_folder(&t);
  pgr_target_destroy(t.target);
  pgr_server_stop(t.server);
  rmdir(t.scratch);
  printf("%d specs, %d differ; %.2f s", t.run, t.differing, (double)t.ours_ns / PGR_NS_PER_S);
  if (t.beside) printf(" beside %.2f s", (double)t.theirs_ns / PGR_NS_PER_S);
  printf("\n");
  return t.differing || t.run == 0;
}
