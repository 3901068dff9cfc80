/* The folder triggers/: which files are there, what they make, and whether all of it is about the same trigger.
 * Invariant: what is wrong with one trigger hides nothing of another one; a trigger whose declaration cannot be read is
 * not in the list, but its versions were looked at. */
#include "pgr_triggers.h"

#include "pgr_yaml.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DECLARATION_BYTES_MAX = 256 << 10 };

typedef struct reading {
  pgr_triggers *triggers;
  pgr_arena *arena;
  pgr_faults *faults;
  pgr_err *err;
} reading;

static pgr_code no_memory(const reading *r) {
  return pgr_fail(r->err, PGR_ENOMEM, "out of memory");
}

static void add_fault(const reading *r, const char *path, const char *hint, const char *what) {
  const pgr_source whole = {.name = path};
  pgr_faults_add(r->faults, &whole, (pgr_place_in){0}, hint, "%s", what);
}

/* ---- files ---- */

/* Up to `max` bytes of what is open; *why: what is wrong with it, NULL when nothing is. */
static pgr_code read_open(const reading *r, int fd, size_t max, char **text, size_t *len, const char **why) {
  struct stat st;
  if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
    *why = "it is no regular file";
    return PGR_OK;
  }
  if (st.st_size > (off_t)max) {
    *why = max == DECLARATION_BYTES_MAX ? "larger than 256 KiB" : "larger than 8 MiB";
    return PGR_OK;
  }
  size_t room = (size_t)st.st_size;
  ssize_t n = 1;
  *len = 0;
  *text = pgr_arena_alloc(r->arena, room + 1);
  if (!*text) return no_memory(r);
  while (*len < room && n != 0) {
    n = read(fd, *text + *len, room - *len);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) {
      *why = "it cannot be read";
      return PGR_OK;
    }
    *len += (size_t)n;
  }
  return PGR_OK;
}
_Static_assert(DECLARATION_BYTES_MAX == 256 << 10 && PGR_MIGRATION_BYTES_MAX == 8 << 20, "the messages say so");

/* Fills out->text, NULL when it cannot be read or is no text; faults were added then. out->name: set. */
static pgr_code read_source(const reading *r, size_t max, pgr_source *out) {
  const char *why = NULL;
  char *text = NULL;
  size_t len = 0;
  int fd = open(out->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  pgr_code code = PGR_OK;
  if (fd < 0)
    why = errno == ENOENT ? "no such file" : strerror(errno);
  else
    code = read_open(r, fd, max, &text, &len, &why);
  if (fd >= 0) close(fd);
  if (code) return code;
  if (why) {
    pgr_faults_add(r->faults, out, (pgr_place_in){0}, NULL, "cannot read it: %s", why);
    return PGR_OK;
  }
  size_t mark = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
  out->text = text + mark;
  if (!pgr_text_check(out, len - mark, r->faults)) out->text = NULL;
  return PGR_OK;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct name_list {
  char **items; /* sorted; freed by the caller, the texts are in the arena */
  size_t count;
} name_list;

/* What a folder holds, but for what begins with a dot. *there: whether it is there. */
static pgr_code list_folder(const reading *r, const char *path, name_list *out, bool *there) {
  DIR *dir = opendir(path);
  size_t room = 0;
  pgr_code code = PGR_OK;
  *there = dir != NULL;
  if (!dir && errno == ENOENT) return PGR_OK;
  if (!dir) return pgr_fail(r->err, PGR_EENVIRONMENT, "%s: cannot read the folder: %s", path, strerror(errno));
  for (const struct dirent *e; !code && (e = readdir(dir));) {
    if (*e->d_name == '.') continue;
    if (out->count == room) {
      char **grown = pgr_realloc(out->items, room = room ? room * 2 : 16, sizeof *grown);
      if (!grown) {
        code = no_memory(r);
        break;
      }
      out->items = grown;
    }
    out->items[out->count] = pgr_arena_strdup(r->arena, e->d_name);
    if (!out->items[out->count++]) code = no_memory(r);
  }
  closedir(dir);
  if (!code && out->count) qsort(out->items, out->count, sizeof *out->items, by_text);
  return code;
}

/* ---- versions ---- */

/* The number in "v12.sql"; 0: it is no version's name. */
static int version_number(const char *name) {
  int number = 0;
  const char *p = name + 1;
  if (*name != 'v' || *p < '1' || *p > '9') return 0;
  for (; *p >= '0' && *p <= '9' && number <= PGR_VERSIONS_MAX; p++)
    number = number * 10 + (*p - '0');
  return strcmp(p, ".sql") == 0 && number <= PGR_VERSIONS_MAX ? number : 0;
}

static bool ends_in_sql(const char *name) {
  size_t len = strlen(name);
  return len > 4 && strcmp(name + len - 4, ".sql") == 0;
}

static pgr_code read_version(const reading *r, const char *folder, int number, pgr_version *v) {
  v->number = number;
  v->source.name = pgr_arena_printf(r->arena, "%s/v%d.sql", folder, number);
  if (!v->source.name) return no_memory(r);
  pgr_code code = read_source(r, PGR_MIGRATION_BYTES_MAX, &v->source);
  if (code) return code;
  if (!v->source.text) {
    v->source.text = "";
    v->source.len_bytes = 0;
    return PGR_OK;
  }
  code = pgr_objects_read(&v->source, r->arena, &v->objects, r->faults, r->err);
  if (!code && v->objects.trigger_count) v->words = v->objects.triggers[0].comment;
  return code;
}

/* Which numbers there are; faults for what looks like a version and is none, and for gaps. Returns the highest. */
static int check_versions(const reading *r, const char *folder, const name_list *names) {
  bool there[PGR_VERSIONS_MAX + 1] = {false};
  char path[1100], missing[64];
  int highest = 0;
  for (size_t i = 0; i < names->count; i++) {
    int number = version_number(names->items[i]);
    if (number) {
      there[number] = true;
      if (number > highest) highest = number;
    } else if (ends_in_sql(names->items[i])) {
      snprintf(path, sizeof path, "%s/%s", folder, names->items[i]);
      add_fault(r, path, "a trigger's versions are v1.sql, v2.sql, … v999.sql", "this is no version's name");
    }
  }
  if (highest == 0) add_fault(r, folder, NULL, "there is no version: v1.sql is missing");
  for (int i = 1; i < highest; i++) {
    if (there[i]) continue;
    snprintf(missing, sizeof missing, "v%d.sql is missing, but there is v%d.sql", i, highest);
    add_fault(r, folder, "versions have no gaps", missing);
    return 0;
  }
  return highest;
}

/* ---- a declaration and its versions ---- */

static bool same_name(const char *a, const char *b) {
  return strcmp(a, b) == 0;
}

static void check_table(const reading *r, const pgr_trigger *t, const pgr_made_trigger *made) {
  const pgr_version *v = pgr_trigger_latest(t);
  const char *schema = t->rule.schema;
  if (same_name(made->table, t->rule.table) && (!schema || !made->schema || same_name(made->schema, schema))) return;
  pgr_faults_add(r->faults, &v->source, pgr_place_at(&v->source, made->offset), NULL,
                 "the trigger %.63s is on %.63s%s%.63s, but trigger.yaml declares it on %.63s%s%.63s", made->name,
                 made->schema ? made->schema : "", made->schema ? "." : "", made->table, schema ? schema : "",
                 schema ? "." : "", t->rule.table);
}

static void check_function(const reading *r, const pgr_trigger *t, const pgr_made_trigger *made) {
  const pgr_version *v = pgr_trigger_latest(t);
  char hint[160];
  if (same_name(made->function, t->rule.function)) return;
  snprintf(hint, sizeof hint, "declare 'function: %.63s', or let the trigger execute the other one", made->function);
  pgr_faults_add(r->faults, &v->source, pgr_place_at(&v->source, made->offset), hint,
                 "the trigger %.63s executes %.63s, but trigger.yaml declares the function %.63s", made->name,
                 made->function, t->rule.function);
}

/* Whether the latest version makes what the declaration speaks of. */
static void check_made(const reading *r, const pgr_trigger *t) {
  const pgr_version *v = pgr_trigger_latest(t);
  char hint[300] = "it makes no trigger";
  size_t len = 0;
  for (size_t i = 0; i < v->objects.trigger_count; i++) {
    const pgr_made_trigger *made = &v->objects.triggers[i];
    if (same_name(made->name, t->name)) {
      check_table(r, t, made);
      check_function(r, t, made);
      return;
    }
    if (len < sizeof hint)
      len += (size_t)snprintf(hint + len, sizeof hint - len, "%s%s", i ? ", " : "it makes: ", made->name);
  }
  pgr_faults_add(r->faults, &v->source, (pgr_place_in){0}, hint,
                 "it makes no trigger %.80s, which the folder is named after", t->name);
}

/* A trigger by hand that declares no message: what its latest version raises, where that is a constant. */
static void borrow_message(pgr_trigger *t) {
  const pgr_objects *objects = &pgr_trigger_latest(t)->objects;
  for (size_t i = 0; i < objects->function_count && !*t->rule.message; i++)
    if (same_name(objects->functions[i].name, t->rule.function) && objects->functions[i].raise_count &&
        objects->functions[i].raises->message)
      t->rule.message = objects->functions[i].raises->message;
}

static pgr_code read_versions(const reading *r, const char *folder, int count, pgr_trigger *t) {
  pgr_code code = PGR_OK;
  t->version_count = (size_t)count;
  t->versions = pgr_arena_alloc(r->arena, (size_t)count * sizeof *t->versions);
  if (!t->versions) return no_memory(r);
  for (int i = 0; i < count && !code; i++)
    code = read_version(r, folder, i + 1, &t->versions[i]);
  return code;
}

/* One of the folders; added to the list when nothing is wrong with it as a whole. */
static pgr_code read_trigger(const reading *r, const char *folder, const char *name, const name_list *files) {
  pgr_trigger t = {.name = name};
  const pgr_rule *rule = NULL;
  t.declaration.name = pgr_arena_printf(r->arena, "%s/trigger.yaml", folder);
  if (!t.declaration.name) return no_memory(r);
  pgr_code code = read_source(r, DECLARATION_BYTES_MAX, &t.declaration);
  if (code) return code;
  if (t.declaration.text) rule = pgr_trigger_declaration_read(&t.declaration, name, r->arena, r->faults);
  int count = check_versions(r, folder, files);
  size_t before = r->faults->count;
  code = count ? read_versions(r, folder, count, &t) : PGR_OK;
  if (code || !count || !rule) return code;
  t.rule = *rule;
  if (r->faults->count == before) check_made(r, &t);
  borrow_message(&t);
  r->triggers->items[r->triggers->count++] = t;
  return PGR_OK;
}

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static pgr_code read_folders(const reading *r, const char *folder, const name_list *names) {
  pgr_triggers *t = r->triggers;
  pgr_code code = PGR_OK;
  if (names->count > PGR_TRIGGERS_MAX)
    return pgr_fail(r->err, PGR_ELIMIT, "%s: more than %d triggers", folder, PGR_TRIGGERS_MAX);
  t->items = pgr_arena_alloc(r->arena, (names->count + 1) * sizeof *t->items);
  if (!t->items) return no_memory(r);
  for (size_t i = 0; i < names->count && !code; i++) {
    bool there;
    name_list files = {0};
    const char *path = pgr_arena_printf(r->arena, "%s/%s", folder, names->items[i]);
    if (!path) return no_memory(r);
    if (!is_folder(path)) continue; /* a README */
    code = list_folder(r, path, &files, &there);
    if (!code) code = read_trigger(r, path, names->items[i], &files);
    pgr_free(files.items);
  }
  return code;
}

pgr_code pgr_triggers_read(const char *folder, pgr_triggers *out, pgr_faults *faults, pgr_err *err) {
  bool there;
  name_list names = {0};
  *out = (pgr_triggers){0};
  const reading r = {.triggers = out, .arena = &out->arena, .faults = faults, .err = err};
  out->folder = pgr_arena_strdup(&out->arena, folder);
  size_t len = strlen(folder);
  while (len > 1 && folder[len - 1] == '/')
    len--;
  const char *path =
      pgr_arena_printf(&out->arena, "%.*s%striggers", (int)len, folder, len && folder[len - 1] == '/' ? "" : "/");
  if (!out->folder || !path) return no_memory(&r);
  pgr_code code = list_folder(&r, path, &names, &there);
  if (!code && there) code = read_folders(&r, path, &names);
  pgr_free(names.items);
  return code;
}

void pgr_triggers_deinit(pgr_triggers *t) {
  pgr_arena_deinit(&t->arena);
  *t = (pgr_triggers){0};
}

/* ---- looking up ---- */

const pgr_trigger *pgr_triggers_find(const pgr_triggers *t, const char *name) {
  for (size_t i = 0; i < t->count; i++)
    if (same_name(t->items[i].name, name)) return &t->items[i];
  return NULL;
}

const pgr_version *pgr_trigger_latest(const pgr_trigger *t) {
  return &t->versions[t->version_count - 1];
}

static const char *next_step(const char *path, size_t *len) {
  for (;; path += *len) {
    path += strspn(path, "/");
    *len = strcspn(path, "/");
    if (*len != 1 || *path != '.') return path;
  }
}

/* Paths that differ in "./" and in doubled slashes only are the same. */
static bool same_path(const char *a, const char *b) {
  if ((*a == '/') != (*b == '/')) return false;
  for (;;) {
    size_t a_len, b_len;
    a = next_step(a, &a_len);
    b = next_step(b, &b_len);
    if (a_len != b_len || memcmp(a, b, a_len) != 0) return false;
    if (a_len == 0) return true;
    a += a_len;
    b += b_len;
  }
}

bool pgr_triggers_of_part(const pgr_triggers *t, const pgr_source *part, const pgr_trigger **trigger,
                          const pgr_version **version) {
  for (size_t i = 0; i < t->count; i++) {
    for (size_t k = 0; k < t->items[i].version_count; k++) {
      if (!same_path(t->items[i].versions[k].source.name, part->name)) continue;
      *trigger = &t->items[i];
      *version = &t->items[i].versions[k];
      return true;
    }
  }
  return false;
}
