/* From the files of a scenario to the struct. Shape first (is it a scenario at all), then every section adds what is
 * wrong with it, so that one look shows all. Invariant: a scenario leaves here without a fault or not at all. */
#include "scenario_internal.h"

#include "pgr_mem.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { PATH_BYTES = 128 };

/* Where `path` stands; where nothing does, the place of what is around it. */
static pgr_place_in find_place(pgr__load *l, char path[PATH_BYTES], bool of_key) {
  /* What will not be kept needs no place, and finding one reads the whole text. */
  if (l->faults->count >= PGR_FAULTS_KEPT) return (pgr_place_in){0};
  for (;;) {
    yaml_node_t *key = NULL, *node = pgr_yaml_find(&l->yaml, path, &key);
    bool shown = node && node->type == YAML_SCALAR_NODE && node->data.scalar.length > 0;
    if (node) return pgr_yaml_place(&l->yaml, key && (of_key || !shown) ? key : node);
    if (!*path) return (pgr_place_in){0};
    size_t len = strlen(path);
    while (len > 0 && path[len - 1] != '.' && path[len - 1] != '[')
      len--;
    path[len ? len - 1 : 0] = '\0';
  }
}

pgr_place_in pgr__at(pgr__load *l, const char *path_format, ...) {
  char path[PATH_BYTES];
  va_list ap;
  va_start(ap, path_format);
  vsnprintf(path, sizeof path, path_format, ap);
  va_end(ap);
  return find_place(l, path, false);
}

pgr_place_in pgr__key_at(pgr__load *l, const char *path_format, ...) {
  char path[PATH_BYTES];
  va_list ap;
  va_start(ap, path_format);
  vsnprintf(path, sizeof path, path_format, ap);
  va_end(ap);
  return find_place(l, path, true);
}

static void out_of_memory(pgr__load *l) {
  pgr_faults_add(l->faults, &l->s->source, (pgr_place_in){0}, NULL, "out of memory");
}

/* The YAML's text into the arena, checked to be one. */
static bool read_yaml(pgr__load *l, const char *path) {
  pgr_source *source = &l->s->source;
  char *text = NULL, why[128] = "no reason given";
  size_t len = 0;
  char *name = pgr_arena_strdup(&l->s->arena, path);
  source->name = name ? name : path;
  if (!name) {
    out_of_memory(l);
    return false;
  }
  if (!l->reader->read(l->reader->user, path, &text, &len, why)) {
    pgr_faults_add(l->faults, source, (pgr_place_in){0}, NULL, "cannot read it: %s", why);
    return false;
  }
  if (len > PGR_YAML_BYTES_MAX) {
    pgr_faults_add(l->faults, source, (pgr_place_in){0}, NULL, "larger than %d KiB", PGR_YAML_BYTES_MAX >> 10);
    pgr_free(text);
    return false;
  }
  size_t mark = len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* a byte order mark is no YAML */
  char *kept = pgr_arena_alloc(&l->s->arena, len + 1);
  if (kept) memcpy(kept, text, len + 1);
  pgr_free(text);
  if (!kept) {
    out_of_memory(l);
    return false;
  }
  source->text = kept + mark;
  return pgr_text_check(source, len - mark, l->faults);
}

/* The file's name without its folder and .yaml. */
static void fill_name(pgr__load *l) {
  const char *path = l->s->source.name, *slash = strrchr(path, '/');
  char *name = pgr_arena_strdup(&l->s->arena, slash ? slash + 1 : path);
  if (!name) {
    out_of_memory(l);
    return;
  }
  char *dot = strrchr(name, '.');
  if (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0)) *dot = '\0';
  l->s->name = name;
  pgr__check_name(l, (pgr_place_in){0}, "a scenario (the file's name)", name);
}

static void fill_lines(pgr__load *l) {
  const pgr__raw *raw = l->raw;
  pgr_scenario *s = l->s;
  const struct {
    const char *path, *what;
    char *text;
    const char **out;
  } lines[] = {{"title", "'title'", raw->title, &s->title},
               {"see", "'see'", raw->see, &s->see},
               {"broken", "'broken'", raw->broken, &s->broken},
               {"key.name", "'name'", raw->key.name, &s->key.name}};
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (!lines[i].text) continue;
    pgr__check_line(l, pgr__at(l, "%s", lines[i].path), lines[i].what, lines[i].text);
    *lines[i].out = lines[i].text;
  }
  if (!s->key.name) s->key.name = "key";
  size_t len = strlen(raw->lesson);
  while (len > 0 && strchr(" \t\n", raw->lesson[len - 1]))
    raw->lesson[--len] = '\0';
  s->lesson = raw->lesson;
}

static void fill_key(pgr__load *l) {
  static const int64_t most = INT64_C(1000000000000000000);
  const pgr__raw_key *raw = &l->raw->key;
  pgr_scenario *s = l->s;
  s->key.first = 1;
  s->key.last = 1000000000;
  if (raw->first) pgr__read_int(l, pgr__at(l, "key.first"), "first", raw->first, 0, most, &s->key.first);
  if (raw->last) pgr__read_int(l, pgr__at(l, "key.last"), "last", raw->last, 0, most, &s->key.last);
  if (s->key.first > s->key.last)
    pgr_faults_add(l->faults, &s->source, pgr__at(l, raw->last ? "key.last" : "key.first"), NULL,
                   "the first key, %lld, comes after the last one, %lld", (long long)s->key.first,
                   (long long)s->key.last);
}

static void fill_modes(pgr__load *l) {
  static const char *const protocols[] = {"simple", "extended", "prepared", NULL}; /* as in pgr_protocol */
  static const char *const pool_modes[] = {"transaction", "session", NULL};        /* as in pgr_pool_mode */
  int protocol = PGR_PROTOCOL_PREPARED, pool_mode = PGR_POOL_TRANSACTION;
  pgr__choose_optional(l, "protocol", "protocol", l->raw->protocol, protocols, &protocol);
  pgr__choose_optional(l, "pool_mode", "pool mode", l->raw->pool_mode, pool_modes, &pool_mode);
  l->s->protocol = (pgr_protocol)protocol;
  l->s->pool_mode = (pgr_pool_mode)pool_mode;
}

/* table.column */
static bool is_column(const char *text) {
  int dots = 0;
  for (const char *p = text; *p; p++) {
    bool first = p == text || p[-1] == '.';
    bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || *p == '_' || (unsigned char)*p >= 0x80;
    bool later = (*p >= '0' && *p <= '9') || *p == '$';
    if (*p == '.' && !first) {
      dots++;
    } else if (!letter && (first || !later)) {
      return false;
    }
  }
  return dots == 1 && text[strlen(text) - 1] != '.';
}

static void fill_schema_and_ignored(pgr__load *l) {
  pgr_scenario *s = l->s;
  s->schema_count = (int)l->raw->schema_count;
  for (int i = 0; i < s->schema_count; i++)
    s->schema[i] = pgr__read_sql(l, pgr__at(l, "schema[%d]", i), l->raw->schema[i]);
  s->ignored_count = (int)l->raw->ignore_count;
  for (int i = 0; i < s->ignored_count; i++) {
    s->ignored[i] = l->raw->ignore[i];
    if (!is_column(s->ignored[i]))
      pgr_faults_add(l->faults, &s->source, pgr__at(l, "ignore[%d]", i), "write it like orders.created_at",
                     "'%.80s' is no table.column", s->ignored[i]);
  }
}

static void fill_limits(pgr__load *l) {
  pgr_scenario *s = l->s;
  s->limit_count = (int)l->raw->threshold_count;
  for (int i = 0; i < s->limit_count; i++) {
    pgr_place_in at = pgr__at(l, "thresholds[%d]", i);
    pgr__check_line(l, at, "a threshold", l->raw->thresholds[i]);
    s->limits[i] = (pgr_limit){.text = l->raw->thresholds[i], .at = at};
  }
}

/* What a script does must be possible with the scenario's protocol. */
static void check_protocol(pgr__load *l, const pgr_script *script) {
  bool simple = l->s->protocol == PGR_PROTOCOL_SIMPLE;
  for (int i = 0; i < script->count; i++) {
    const pgr_command *c = &script->commands[i];
    if (simple && c->kind == PGR_COMMAND_STARTPIPELINE) {
      pgr_faults_add(l->faults, &script->source, c->at, "take 'protocol: simple' out of the scenario",
                     "a pipeline needs the extended or the prepared protocol");
      return;
    }
    if (!simple && c->kind == PGR_COMMAND_SQL && c->sql.statement_count > 1) {
      pgr_faults_add(l->faults, &script->source, c->at, "set 'protocol: simple' in the scenario",
                     "%d statements in one message (\\;) need the simple protocol", c->sql.statement_count);
      return;
    }
  }
}

static void check_protocols(pgr__load *l) {
  const pgr__scripts_of scripts = pgr__scripts(l->s);
  for (int i = 0; scripts.at[i]; i++)
    check_protocol(l, scripts.at[i]);
}

static void fill(pgr__load *l) {
  fill_name(l);
  fill_lines(l);
  fill_key(l);
  fill_modes(l);
  fill_schema_and_ignored(l);
  fill_limits(l);
  pgr__fill_seed_and_reset(l);
  pgr__fill_variables(l);
  pgr__fill_operations(l);
  pgr__fill_ownership(l);
  pgr__fill_invariants(l);
  pgr__fill_rejections(l);
  pgr__fill_strategies(l);
  pgr__fill_compare(l);
  check_protocols(l);
  pgr__check_variables(l);
}

pgr_scenario *pgr_scenario_load(const char *path, const pgr_reader *reader, pgr_faults *faults) {
  pgr_source unread = {.name = path, .text = NULL, .len_bytes = 0};
  size_t before = faults->count;
  pgr_scenario *s = pgr_calloc(1, sizeof *s);
  if (!s || pgr_names_init(&s->names, &s->arena)) {
    pgr_faults_add(faults, &unread, (pgr_place_in){0}, NULL, "out of memory");
    if (s) pgr_arena_deinit(&s->arena);
    pgr_free(s);
    return NULL;
  }
  pgr__load l = {.s = s, .reader = reader, .faults = faults};
  if (read_yaml(&l, path) && pgr_yaml_open(&l.yaml, &s->source, "scenario", faults)) {
    l.raw = pgr__shape_load(&l.yaml, &s->arena, faults);
    if (l.raw) fill(&l);
  }
  pgr_yaml_close(&l.yaml);
  if (faults->count == before) return s;
  pgr_scenario_destroy(s);
  return NULL;
}
