/* The files a scenario names. Each is read once; who names it again gets the same text. Invariant: a reader sees
 * normalised paths only, so that ../ leads somewhere in a set of files that is no file system, and a file named in two
 * ways is one. */
#include "scenario_internal.h"

#include "pgr_mem.h"
#include <string.h>

typedef struct pgr__file {
  struct pgr__file *next;
  const pgr_source *source; /* NULL: it could not be read */
  const pgr_script *script; /* NULL: not parsed yet, or in vain */
  bool parsed;
  char why[128];
  const char *path;
} pgr__file;

/* Removes ".", ".." and empty steps, by the text alone. In place; the result is never longer. */
static void normalise(char *path) {
  bool absolute = *path == '/';
  char *out = path + absolute, *floor = out; /* what stands before floor stays: the root, or leading ../ */
  for (const char *p = path; *p;) {
    size_t len = strcspn(p, "/");
    const char *step = p;
    p += len + (p[len] == '/');
    if (len == 0 || (len == 1 && *step == '.')) continue;
    bool up = len == 2 && step[0] == '.' && step[1] == '.';
    if (up && out > floor) {
      do
        out--;
      while (out > floor && out[-1] != '/');
      continue;
    }
    if (up && absolute) continue;
    memmove(out, step, len);
    out += len;
    *out = '/'; /* over what was read already: the step or a slash before p */
    out++;
    if (up) floor = out;
  }
  if (out > path + absolute) out--;
  *out = '\0';
}

/* NULL: no memory. */
static char *resolve(pgr__load *l, const char *written) {
  const char *yaml = l->s->source.name, *slash = strrchr(yaml, '/');
  int folder = slash && *written != '/' ? (int)(slash - yaml) + 1 : 0;
  /* A byte more than the text: normalise() ends each step with a slash. */
  char *path = pgr_arena_printf(&l->s->arena, "%.*s%s/", folder, yaml, written);
  if (path) normalise(path);
  return path;
}

static pgr__file *no_memory(pgr__load *l) {
  pgr_faults_add(l->faults, &l->s->source, (pgr_place_in){0}, NULL, "out of memory");
  return NULL;
}

/* Reads and checks the text; file->source stays NULL when it will not do. false: no memory. */
static bool fetch(pgr__load *l, pgr__file *file) {
  char *text = NULL;
  size_t len = 0;
  if (!l->reader->read(l->reader->user, file->path, &text, &len, file->why)) {
    if (!*file->why) memcpy(file->why, "no reason given", sizeof "no reason given");
    return true;
  }
  *file->why = '\0'; /* a reader may have written something there all the same */
  if (len > PGR_SQL_BYTES_MAX) {
    pgr_free(text);
    memcpy(file->why, "larger than 8 MiB", sizeof "larger than 8 MiB");
    return true;
  }
  _Static_assert(PGR_SQL_BYTES_MAX == 8 << 20, "the message says so");
  bool marked = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0; /* a byte order mark is no SQL */
  pgr_source *source = pgr_arena_alloc(&l->s->arena, sizeof *source);
  char *kept = pgr_arena_alloc(&l->s->arena, len + 1);
  if (kept) memcpy(kept, text, len + 1);
  pgr_free(text);
  if (!source || !kept) return false;
  *source = (pgr_source){.name = file->path, .text = kept + 3 * marked};
  if (pgr_text_check(source, len - 3 * marked, l->faults)) file->source = source;
  return true;
}

static pgr__file *get(pgr__load *l, pgr_place_in at, const char *written) {
  char *path = resolve(l, written);
  if (!path) return no_memory(l);
  pgr__file *file = l->files;
  while (file && strcmp(file->path, path) != 0)
    file = file->next;
  if (!file) {
    file = pgr_arena_alloc(&l->s->arena, sizeof *file);
    if (!file) return no_memory(l);
    file->path = path;
    file->next = l->files;
    l->files = file;
    if (!fetch(l, file)) return no_memory(l);
  }
  if (file->source) return file;
  if (*file->why && l->bare)
    pgr_faults_add(l->faults, &(pgr_source){.name = path}, at, NULL, "cannot read it: %s", file->why);
  else if (*file->why)
    pgr_faults_add(l->faults, &l->s->source, at, NULL, "cannot read %.200s: %s", path, file->why);
  return NULL;
}

const pgr_source *pgr__read_sql(pgr__load *l, pgr_place_in at, const char *written) {
  const pgr__file *file = get(l, at, written);
  return file ? file->source : NULL;
}

const pgr_script *pgr__read_script(pgr__load *l, pgr_place_in at, const char *written) {
  pgr__file *file = get(l, at, written);
  if (!file) return NULL;
  if (!file->parsed && !pgr_script_parse(file->source, &l->s->names, &l->s->arena, l->faults, &file->script))
    file->script = NULL;
  file->parsed = true;
  if (file->script) l->s->uses_shell = l->s->uses_shell || file->script->uses_shell;
  return file->script;
}
