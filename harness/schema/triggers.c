/* The folder triggers/: which files are there, what they make, and whether all of it is about the same trigger.
 * Invariant: what is wrong with one trigger hides nothing of another one; a trigger whose declaration cannot be read is
 * not in the list, but its versions were looked at. */
#include "folder_internal.h"
#include "pgr_triggers.h"

#include "pgr_yaml.h"
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { DECLARATION_BYTES_MAX = 256 << 10 };

typedef struct reading {
  pgr__folder *folder;
  pgr_triggers *triggers;
  pgr_arena *arena;
  pgr_faults *faults;
  pgr_err *err;
} reading;

static pgr_code no_memory(const reading *r) {
  return pgr_fail(r->err, PGR_ENOMEM, "out of memory");
}

/* Of a path that begins with the folder's name: what follows. */
static const char *inside(const reading *r, const char *path) {
  return path + strlen(r->folder->name) + 1;
}

static void add_fault(const reading *r, const char *path, const char *hint, const char *what) {
  const pgr_source whole = {.name = path};
  pgr_faults_add(r->faults, &whole, (pgr_place_in){0}, hint, "%s", what);
}

/* ---- files ---- */

/* Fills out->text, NULL when it cannot be read or is no text; faults were added then. path: what people call it. Its
 * name becomes that or, when `real` is asked for, where it really is, so that whatever leads to it finds it. */
static pgr_code read_source(const reading *r, const char *path, size_t max, bool real, pgr_source *out) {
  char why[PGR__WHY_BYTES];
  *out = (pgr_source){.name = real ? NULL : path};
  pgr_code code = pgr__folder_file_read(r->folder, inside(r, path), max, out, why, r->faults, r->err);
  if (!out->name) out->name = path;
  if (!code && *why) pgr_faults_add(r->faults, out, (pgr_place_in){0}, NULL, "cannot read it: %s", why);
  return code;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

typedef struct name_list {
  char **items; /* sorted; freed by the caller, the texts are in the arena */
  size_t count;
} name_list;

/* What a folder holds, but for what begins with a dot. real: where it is. */
static pgr_code list_folder(const reading *r, const char *path, const char *real, name_list *out) {
  DIR *dir = opendir(real);
  size_t room = 0;
  pgr_code code = PGR_OK;
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
  const char *path = pgr_arena_printf(r->arena, "%s/v%d.sql", folder, number);
  if (!path) return no_memory(r);
  pgr_code code = read_source(r, path, PGR_MIGRATION_BYTES_MAX, true, &v->source);
  if (code) return code;
  if (!v->source.text) {
    v->source.text = "";
    v->source.len_bytes = 0;
    return PGR_OK;
  }
  code = pgr_objects_read(&v->source, r->arena, &v->objects, r->faults, r->err);
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
  const char *path = pgr_arena_printf(r->arena, "%s/trigger.yaml", folder);
  if (!path) return no_memory(r);
  pgr_code code = read_source(r, path, DECLARATION_BYTES_MAX, false, &t.declaration);
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

/* Where the folder really is. false: it is none, or it cannot be read and a fault says why. A file is no fault,
 * wherever it may be: nobody reads it. */
static bool find_folder(const reading *r, const char *path, char real[PATH_MAX]) {
  char why[PGR__WHY_BYTES];
  struct stat st;
  bool there = stat(path, &st) == 0;
  if (there && !S_ISDIR(st.st_mode)) return false;
  if (pgr__folder_find(r->folder, inside(r, path), real, why)) return there;
  if (lstat(path, &st) == 0)
    pgr_faults_add(r->faults, &(pgr_source){.name = path}, (pgr_place_in){0}, NULL, "cannot read it: %s", why);
  return false;
}

static pgr_code read_folders(const reading *r, const char *folder, const name_list *names) {
  pgr_triggers *t = r->triggers;
  pgr_code code = PGR_OK;
  if (names->count > PGR_TRIGGERS_MAX)
    return pgr_fail(r->err, PGR_ELIMIT, "%s: more than %d triggers", folder, PGR_TRIGGERS_MAX);
  t->items = pgr_arena_alloc(r->arena, (names->count + 1) * sizeof *t->items);
  if (!t->items) return no_memory(r);
  for (size_t i = 0; i < names->count && !code; i++) {
    char real[PATH_MAX];
    name_list files = {0};
    const char *path = pgr_arena_printf(r->arena, "%s/%s", folder, names->items[i]);
    if (!path) return no_memory(r);
    if (!find_folder(r, path, real)) continue; /* a README */
    code = list_folder(r, path, real, &files);
    if (!code) code = read_trigger(r, path, names->items[i], &files);
    pgr_free(files.items);
  }
  return code;
}

/* ---- two of them ---- */

static const char *function_schema(const pgr_trigger *t) {
  const pgr_objects *objects = &pgr_trigger_latest(t)->objects;
  for (size_t i = 0; i < objects->trigger_count; i++)
    if (same_name(objects->triggers[i].name, t->name)) return objects->triggers[i].function_schema;
  return NULL;
}

static bool makes_function(const pgr_trigger *t) {
  const pgr_objects *objects = &pgr_trigger_latest(t)->objects;
  for (size_t i = 0; i < objects->function_count; i++)
    if (same_name(objects->functions[i].name, t->rule.function)) return true;
  return false;
}

/* Whether one of them can spoil the other's function or triggers. Several may execute one that a migration makes. */
static bool share_function(const pgr_trigger *a, const pgr_trigger *b) {
  const char *of_a = function_schema(a), *of_b = function_schema(b);
  if (!same_name(a->rule.function, b->rule.function) || (of_a && of_b && !same_name(of_a, of_b))) return false;
  return a->rule.column_count || b->rule.column_count || (makes_function(a) && makes_function(b));
}

/* Where trigger.yaml declares it; line 0 where it does not, and the function is called as the folder is. */
static pgr_place_in function_place(const pgr_trigger *t) {
  pgr_faults ignored = {0};
  pgr_yaml yaml;
  pgr_place_in at = {0};
  if (pgr_yaml_open(&yaml, &t->declaration, "trigger", &ignored)) {
    const yaml_node_t *node = pgr_yaml_find(&yaml, "function", NULL);
    if (node) at = pgr_yaml_place(&yaml, node);
    pgr_yaml_close(&yaml);
  }
  pgr_faults_deinit(&ignored);
  return at;
}

static void check_pair(const reading *r, const pgr_trigger *first, const pgr_trigger *t) {
  char place[32] = "";
  if (!share_function(first, t)) return;
  pgr_place_in at = function_place(first);
  if (at.line) snprintf(place, sizeof place, ":%d:%d", at.line, at.column);
  pgr_faults_add(r->faults, &t->declaration, function_place(t),
                 "give each a function of its own: what installs one of them changes it, or drops the other one",
                 "the function %.63s is that of %s%s, too", t->rule.function, first->declaration.name, place);
}

static void check_pairs(const reading *r) {
  const pgr_triggers *t = r->triggers;
  for (size_t i = 0; i < t->count; i++)
    for (size_t k = 0; k < i; k++)
      check_pair(r, &t->items[k], &t->items[i]);
}

pgr_code pgr_triggers_read(const char *folder, pgr_triggers *out, pgr_faults *faults, pgr_err *err) {
  char real[PATH_MAX];
  pgr__folder opened;
  name_list names = {0};
  *out = (pgr_triggers){0};
  const reading r = {.folder = &opened, .triggers = out, .arena = &out->arena, .faults = faults, .err = err};
  out->folder = pgr_arena_strdup(&out->arena, folder);
  if (!out->folder) return no_memory(&r);
  pgr_code code = pgr__folder_open(folder, &out->arena, &opened, err);
  if (code) return code;
  const char *path = pgr_arena_printf(&out->arena, "%s/triggers", opened.name);
  if (!path) return no_memory(&r);
  if (!find_folder(&r, path, real)) return PGR_OK;
  code = list_folder(&r, path, real, &names);
  if (!code) code = read_folders(&r, path, &names);
  pgr_free(names.items);
  if (!code) check_pairs(&r);
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

const pgr_made_trigger *pgr_trigger_elsewhere(const pgr_trigger *t) {
  const pgr_objects *objects = &pgr_trigger_latest(t)->objects;
  const char *schema = t->rule.schema;
  for (size_t i = 0; i < objects->trigger_count; i++) {
    const pgr_made_trigger *made = &objects->triggers[i];
    if (!same_name(made->name, t->name)) continue;
    bool here = same_name(made->table, t->rule.table) && (!schema || !made->schema || same_name(made->schema, schema));
    return here ? NULL : made;
  }
  return NULL;
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
