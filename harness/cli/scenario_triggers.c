/* From the files that strategies install to the triggers that they are versions of. Invariant: of a scenario of the
 * gallery the gallery's files are read, of one on disk those on disk. */
#include "scenario_triggers.h"

#include "gallery.h"
#include "pgr_mem.h"
#include "pgr_schema_doc.h"
#include "pgr_units.h"
#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { TRIGGERS_MAX = PGR_STRATEGIES_MAX };

typedef struct collection {
  const pgr_scenario *scenario;
  pgr_trigger items[TRIGGERS_MAX];
  pgr_version versions[TRIGGERS_MAX]; /* one of each: the one that is installed */
  size_t count;
  char folder[PATH_MAX]; /* of the first one: what lies above triggers/ */
  pgr_arena arena;
} collection;

/* The version's number, and where its trigger's folder ends in the path; 0: the file is no version of a trigger. */
static int version_of(const char *path, const char **folder_end, const char **name) {
  static const char triggers[] = "triggers/";
  const char *file = strrchr(path, '/');
  int64_t number = 0;
  char digits[8];
  if (!file || file[1] != 'v') return 0;
  size_t len = strspn(file + 2, "0123456789");
  if (len == 0 || len >= sizeof digits || strcmp(file + 2 + len, ".sql") != 0) return 0;
  memcpy(digits, file + 2, len);
  digits[len] = '\0';
  if (pgr_parse_int(digits, "version", 1, PGR_VERSIONS_MAX, &number, NULL)) return 0;
  const char *begin = file;
  while (begin > path && begin[-1] != '/')
    begin--;
  size_t before = sizeof triggers - 1;
  if ((size_t)(begin - path) < before || strncmp(begin - before, triggers, before) != 0) return 0;
  *folder_end = file;
  *name = begin;
  return (int)number;
}

static bool is_known(const collection *c, const char *name) {
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(c->items[i].name, name) == 0) return true;
  return false;
}

/* false: there is none, or it cannot be used. */
static bool read_declaration(collection *c, const char *path, const char *name, pgr_trigger *t) {
  char *text = NULL, why[128];
  size_t len = 0;
  pgr_faults faults = {0};
  if (!pgr_gallery_read(c->scenario, path, &text, &len, why)) return false;
  const char *kept = pgr_arena_strdup(&c->arena, text), *kept_path = pgr_arena_strdup(&c->arena, path);
  pgr_free(text);
  if (!kept || !kept_path) return false;
  t->declaration = (pgr_source){kept_path, kept, strlen(kept)};
  const pgr_rule *rule = pgr_trigger_declaration_read(&t->declaration, name, &c->arena, &faults);
  if (rule) t->rule = *rule;
  pgr_faults_deinit(&faults);
  return rule != NULL;
}

static void read_objects(collection *c, const pgr_source *source, int number, pgr_version *v) {
  pgr_faults faults = {0};
  *v = (pgr_version){.number = number, .source = *source};
  if (pgr_objects_read(source, &c->arena, &v->objects, &faults, NULL)) v->objects = (pgr_objects){0};
  pgr_faults_deinit(&faults);
}

static void collect(collection *c, const pgr_source *source) {
  char path[PATH_MAX];
  const char *end = NULL, *begin = NULL;
  int number = version_of(source->name, &end, &begin);
  if (number == 0 || c->count == TRIGGERS_MAX) return;
  int folder_len = (int)(end - source->name);
  int n = snprintf(path, sizeof path, "%.*s/trigger.yaml", folder_len, source->name);
  const char *name = pgr_arena_printf(&c->arena, "%.*s", (int)(end - begin), begin);
  if (n >= (int)sizeof path || !name || is_known(c, name)) return;
  pgr_trigger *t = &c->items[c->count];
  *t = (pgr_trigger){.name = name, .versions = &c->versions[c->count], .version_count = 1};
  if (!read_declaration(c, path, name, t)) return;
  read_objects(c, source, number, t->versions);
  if (c->count++ == 0) {
    int above = (int)(begin - source->name) - (int)strlen("/triggers/");
    snprintf(c->folder, sizeof c->folder, "%.*s", above > 0 ? above : 0, source->name);
  }
}

void pgr_scenario_triggers(const pgr_scenario *s, pgr_buf *out) {
  collection *c = pgr_calloc(1, sizeof *c);
  if (!c) return;
  c->scenario = s;
  for (int i = 0; i < s->strategy_count; i++)
    for (int k = 0; k < s->strategies[i].install_count; k++)
      collect(c, s->strategies[i].installs[k]);
  pgr_triggers triggers = {.folder = c->folder, .items = c->items, .count = c->count};
  pgr_err ignored;
  if (c->count > 0 && pgr_schema_doc_json(&triggers, NULL, out, &ignored)) pgr_buf_clear(out);
  pgr_arena_deinit(&c->arena);
  pgr_free(c);
}
