/* Scripts without a scenario: one is made around them, so that what runs scenarios runs them too. Invariant: it has
 * everything a loaded one has, texts included, but for rules, so nobody has to ask which of the two it is. */
#include "scenario_internal.h"

#include "pgr_mem.h"
#include <assert.h>
#include <stdio.h>
#include <string.h>

/* Up to here doubles, and so most readers of JSON, are exact. */
static const int64_t last_key = INT64_C(1) << 53;

static void out_of_memory(pgr__load *l) {
  pgr_faults_add(l->faults, &l->s->source, (pgr_place_in){0}, NULL, "out of memory");
}

/* Room for the digit that tells it from others of its name. */
enum { NAME_ROOM = PGR__NAME_BYTES_MAX - 2 };
_Static_assert(PGR_OPERATIONS_MAX <= 9, "one digit numbers them");

/* The file's name without its folder and .sql, made a name: what may not stand in one becomes a dash. */
static void name_of_file(const char *path, char out[PGR__NAME_BYTES_MAX + 1]) {
  const char *slash = strrchr(path, '/'), *p = slash ? slash + 1 : path;
  size_t len = strlen(p), used = 0;
  if (len > 4 && strcmp(p + len - 4, ".sql") == 0) len -= 4;
  for (size_t i = 0; i < len && used < NAME_ROOM; i++) {
    if (pgr__is_name_byte(p[i], used == 0))
      out[used++] = p[i];
    else if (used > 0 && out[used - 1] != '-')
      out[used++] = '-';
  }
  while (used > 0 && out[used - 1] == '-')
    used--;
  out[used] = '\0';
  if (used == 0) snprintf(out, PGR__NAME_BYTES_MAX + 1, "script");
}

static bool is_taken(const pgr_scenario *s, int count, const char *name) {
  for (int i = 0; i < count; i++)
    if (strcmp(s->operations[i].name, name) == 0) return true;
  return false;
}

/* "transfer", the next one of that name "transfer-2". false: no memory. */
static bool fill_names(pgr__load *l, const char *const *scripts) {
  pgr_scenario *s = l->s;
  for (int i = 0; i < s->operation_count; i++) {
    char name[PGR__NAME_BYTES_MAX + 1], unique[PGR__NAME_BYTES_MAX + 1];
    name_of_file(scripts[i], name);
    memcpy(unique, name, sizeof unique);
    for (char digit = '2'; is_taken(s, i, unique); digit++)
      snprintf(unique, sizeof unique, "%.*s-%c", NAME_ROOM, name, digit);
    char *kept = pgr_arena_strdup(&s->arena, unique);
    if (!kept) return false;
    s->operations[i] = (pgr_operation){.name = kept, .when = PGR_WHEN_START, .after = -1};
  }
  s->name = s->operation_count == 1 ? s->operations[0].name : "scripts";
  return true;
}

static void fill_strategy(pgr__load *l, const char *const *scripts) {
  pgr_scenario *s = l->s;
  pgr_strategy *g = &s->strategies[0];
  s->strategy_count = s->compare_count = 1; /* compare[0]: strategy 0 */
  *g = (pgr_strategy){.name = "script", .summary = "", .first = PGR_READ_COMMITTED};
  g->at[PGR_READ_COMMITTED].runs = true;
  g->at[PGR_READ_COMMITTED].expect = PGR_EXPECT_NOTHING;
  for (int i = 0; i < s->operation_count; i++)
    g->scripts[i] = pgr__read_script(l, (pgr_place_in){0}, scripts[i]);
}

static void fill_schema(pgr__load *l, const char *const *schema, int count) {
  pgr_scenario *s = l->s;
  s->schema_count = count;
  for (int i = 0; i < count; i++)
    s->schema[i] = pgr__read_sql(l, (pgr_place_in){0}, schema[i]);
}

static void fill(pgr__load *l, const char *const *scripts, const char *const *schema, int schema_count) {
  pgr_scenario *s = l->s;
  s->title = s->lesson = "";
  s->key.name = "key";
  s->key.first = 1;
  s->key.last = last_key;
  s->protocol = PGR_PROTOCOL_SIMPLE; /* pgbench's default, */
  s->pool_mode = PGR_POOL_SESSION;   /* and its way: SET, temporary tables and advisory locks last for a script */
  s->ownership = (pgr_ownership){.acquire = -1, .release = -1, .capacity = 1};
  if (!fill_names(l, scripts)) {
    out_of_memory(l);
    return;
  }
  s->source.name = s->name;
  fill_strategy(l, scripts);
  fill_schema(l, schema, schema_count);
}

pgr_scenario *pgr_scenario_bare(const char *const *scripts, int script_count, const char *const *schema,
                                int schema_count, const pgr_reader *reader, pgr_faults *faults) {
  const pgr_source source = {.name = "scripts", .text = "", .len_bytes = 0};
  size_t before = faults->count;
  assert(script_count >= 1 && script_count <= PGR_OPERATIONS_MAX && schema_count >= 0);
  if (schema_count > PGR_INSTALLS_MAX) {
    pgr_faults_add(faults, &(pgr_source){.name = schema[PGR_INSTALLS_MAX]}, (pgr_place_in){0}, NULL,
                   "one schema file too many, at most %d fit", PGR_INSTALLS_MAX);
    return NULL;
  }
  pgr_scenario *s = pgr_calloc(1, sizeof *s);
  if (!s || pgr_names_init(&s->names, &s->arena)) {
    pgr_faults_add(faults, &source, (pgr_place_in){0}, NULL, "out of memory");
    if (s) pgr_arena_deinit(&s->arena);
    pgr_free(s);
    return NULL;
  }
  s->source = source;
  s->names.free = true;
  s->operation_count = script_count;
  pgr__load l = {.s = s, .reader = reader, .faults = faults, .bare = true};
  fill(&l, scripts, schema, schema_count);
  if (faults->count == before) return s;
  pgr_scenario_destroy(s);
  return NULL;
}
