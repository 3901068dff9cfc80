/* Runs one of PostgreSQL's isolation specs: on standard output what isolationtester prints, on standard error how many
 * permutations there were and how many different things came of them. */
#include "spec_command.h"

#include "gallery.h"
#include "pgr_clock.h"
#include "pgr_interrupt.h"
#include "pgr_mem.h"
#include "pgr_spec_run.h"
#include "pgr_units.h"
#include "place.h"
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { KEPT_MAX = 65536, CHUNKS_MAX = 4096 };

/* What is printed, passed on and looked at: a permutation's output is what each of its steps printed, whatever their
 * order. */
typedef struct listener {
  pgr_buf block;  /* of the permutation under way, from its first step */
  uint64_t *seen; /* hashes of those before; KEPT_MAX */
  size_t seen_count;
} listener;

static uint64_t hash(const char *text, size_t len) {
  uint64_t h = UINT64_C(0xcbf29ce484222325);
  for (size_t i = 0; i < len; i++)
    h = (h ^ (unsigned char)text[i]) * UINT64_C(0x100000001b3);
  return h ^ h >> 31;
}

/* The block is over: the sum of its steps' hashes does not depend on their order. */
static void settle(listener *l) {
  const char *at = pgr_buf_text(&l->block);
  uint64_t sum = 0;
  const char *line_end = strchr(at, '\n'); /* the steps' names in order come first */
  if (!*at) return;
  for (at = line_end ? line_end + 1 : at; *at;) {
    const char *next = strstr(at, "\nstep ");
    size_t len = next ? (size_t)(next - at) + 1 : strlen(at);
    sum += hash(at, len) * UINT64_C(0x9E3779B97F4A7C15);
    at += len;
  }
  pgr_buf_clear(&l->block);
  for (size_t i = 0; i < l->seen_count; i++)
    if (l->seen[i] == sum) return;
  if (l->seen_count < KEPT_MAX) l->seen[l->seen_count++] = sum;
}

static void listen_line(listener *l, const char *line, size_t len) {
  static const char start[] = "starting permutation:";
  bool starts = len >= sizeof start - 1 && strncmp(line, start, sizeof start - 1) == 0;
  if (starts) settle(l);
  if (starts || l->block.len) pgr_buf_add(&l->block, line, len);
}

static ssize_t on_write(void *cookie, const char *bytes, size_t len) {
  listener *l = cookie;
  for (size_t at = 0; at < len;) {
    const char *end = memchr(bytes + at, '\n', len - at);
    size_t n = end ? (size_t)(end - bytes) - at + 1 : len - at;
    listen_line(l, bytes + at, n);
    at += n;
  }
  return fwrite(bytes, 1, len, stdout) == len ? (ssize_t)len : 0;
}

/* Sets the flag that the runner looks at when the user interrupts. */
typedef struct watcher {
  atomic_bool stop, over;
} watcher;

static void *watch(void *arg) {
  watcher *w = arg;
  while (!atomic_load(&w->over)) {
    if (pgr_interrupt_pending()) atomic_store(&w->stop, true);
    pgr_sleep_until(pgr_now_ns() + 20 * PGR_NS_PER_MS);
  }
  return NULL;
}

static pgr_code read_spec(const char *path, pgr_source *source, pgr_err *err) {
  FILE *f = fopen(path, "re");
  if (!f) return pgr_fail(err, PGR_EUSAGE, "cannot read %.200s: %s", path, strerror(errno));
  char *text = pgr_calloc(PGR_SPEC_BYTES_MAX + 2, 1);
  pgr_code code = text ? PGR_OK : pgr_fail(err, PGR_ENOMEM, "out of memory");
  size_t len = code ? 0 : fread(text, 1, PGR_SPEC_BYTES_MAX + 1, f);
  if (!code && ferror(f)) code = pgr_fail(err, PGR_EUSAGE, "cannot read %.200s: %s", path, strerror(errno));
  fclose(f);
  if (!code && len > PGR_SPEC_BYTES_MAX)
    code = pgr_fail(err, PGR_EUSAGE, "%.200s: a spec may have %d bytes", path, PGR_SPEC_BYTES_MAX);
  if (code)
    pgr_free(text);
  else
    *source = (pgr_source){.name = path, .text = text, .len_bytes = len};
  return code;
}

static pgr_code run_at(const pgr_spec *spec, const char *name, pgr_place *place, int64_t step_timeout_ns, bool pin,
                       pgr_err *err) {
  listener l = {0};
  watcher w = {0};
  pthread_t thread;
  pgr_spec_run_result result = {0};
  pgr_buf_init(&l.block, 0);
  l.seen = pgr_calloc(KEPT_MAX, sizeof *l.seen);
  FILE *out = l.seen ? fopencookie(&l, "w", (cookie_io_functions_t){.write = on_write}) : NULL;
  if (!out || pthread_create(&thread, NULL, watch, &w)) {
    if (out) fclose(out);
    pgr_free(l.seen);
    return pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr_spec_run_options o = {.out = out,
                            .complaints = stderr,
                            .name = name,
                            .session_options = PGR_SPEC_REGRESS,
                            .step_timeout_ns = step_timeout_ns,
                            .pin = pin,
                            .stop = &w.stop};
  pgr_code code = pgr_spec_run(spec, place->target, &o, &result, err);
  atomic_store(&w.over, true);
  pthread_join(thread, NULL);
  bool written = fclose(out) == 0 && fflush(stdout) == 0;
  settle(&l);
  char n[PGR_TEXT_BYTES], k[PGR_TEXT_BYTES], t[PGR_TEXT_BYTES];
  fprintf(stderr, "pgrace: %s permutation%s, %s different result%s, %s\n",
          pgr_format_count(n, (int64_t)result.permutations), result.permutations == 1 ? "" : "s",
          pgr_format_count(k, (int64_t)l.seen_count), l.seen_count == 1 ? "" : "s",
          pgr_format_duration(t, result.elapsed_ns));
  pgr_buf_deinit(&l.block);
  pgr_free(l.seen);
  return code || written ? code : pgr_fail(err, PGR_EENVIRONMENT, "cannot write to standard output");
}

/* "dir/two-ids.spec" is two-ids. */
static void name_of(const char *path, char *out, size_t out_bytes) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  snprintf(out, out_bytes, "%.*s", (int)(strlen(base) - strlen(".spec")), base);
}

int pgr_spec_command(const char *path, const char *dsn, int64_t step_timeout_ns) {
  pgr_err err = {0}, closing;
  pgr_source source = {0};
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_spec spec;
  pgr_place place;
  char name[128];
  name_of(path, name, sizeof name);
  pgr_code code = read_spec(path, &source, &err);
  if (!code && !pgr_spec_parse(&source, &arena, &faults, &spec)) {
    int status = pgr_gallery_complain(&faults, &err);
    pgr_faults_deinit(&faults);
    pgr_arena_deinit(&arena);
    pgr_free((char *)(uintptr_t)source.text);
    return status;
  }
  pgr_place_options o = {.dsn = dsn, .still = true, .fewer = "sessions"};
  if (!code) o.connections = spec.session_count + 3;
  if (!code) code = pgr_place_open(&place, &o, &err);
  if (!code) {
    code = run_at(&spec, name, &place, step_timeout_ns, !dsn, &err);
    pgr_code closed = pgr_place_close(&place, &closing);
    if (closed) fprintf(stderr, "pgrace: %s\n", closing.msg);
    if (closed && !code) code = closed;
  }
  pgr_arena_deinit(&arena);
  pgr_free((char *)(uintptr_t)source.text);
  if (code == PGR_EINTERRUPTED) {
    fputs("pgrace: interrupted\n", stderr);
    return 2;
  }
  if (code && *err.msg) fprintf(stderr, "pgrace: %s\n", err.msg);
  return code ? pgr_exit_status(code) : 0;
}
