/* A scenario's YAML, whatever its bytes: it loads or there are faults that say why, and what loads can be checked and
 * looked into. Every .sql file it names is there. The statements are checked too when they are few bytes: libpg_query
 * is not what is tested here. */
#include "pgr_mem.h"
#include "pgr_scenario.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

typedef struct input {
  const uint8_t *data;
  size_t size;
} input;

static bool read_memory(void *user, const char *path, char **text, size_t *len_bytes, char why[128]) {
  static const char script[] = "SELECT :key::bigint AS k \\gset\n\\if :k = 0\n\\refuse\n\\endif\nSELECT :agent;\n";
  const input *in = user;
  bool yaml = strcmp(path, "mine/mine.yaml") == 0;
  size_t len = strlen(path), size = yaml ? in->size : sizeof script - 1;
  snprintf(why, 128, "no such file");
  if (!yaml && (len < 4 || strcmp(path + len - 4, ".sql") != 0)) return false;
  *text = pgr_calloc(size + 1, 1);
  if (!*text) return false;
  if (size) memcpy(*text, yaml ? (const char *)in->data : script, size);
  *len_bytes = size;
  return true;
}

static void look_into(const pgr_scenario *s) {
  assert(s->operation_count > 0 && s->operation_count <= PGR_OPERATIONS_MAX);
  assert(s->strategy_count > 0 && s->compare_count > 0 && s->compare_count <= s->strategy_count);
  assert(s->key.first <= s->key.last && *s->title && *s->lesson && *s->name);
  assert(s->ownership.declared || s->invariant_count > 0);
  int main_operation = pgr_scenario_main_operation(s);
  assert(main_operation >= 0 && main_operation < s->operation_count);
  for (int i = 0; i < s->operation_count; i++)
    assert(s->operations[i].after < i);
  assert(s->limit_count <= PGR_LIMITS_MAX);
  for (int i = 0; i < s->limit_count; i++)
    assert(*s->limits[i].text && !strchr(s->limits[i].text, '\n') && s->limits[i].at.line > 0);
  for (int i = 0; i < s->strategy_count; i++) {
    const pgr_strategy *g = &s->strategies[i];
    assert(pgr_scenario_strategy(s, g->name) == g && g->at[g->first].runs);
    for (int k = 0; k < s->operation_count; k++)
      assert(g->scripts[k] && g->scripts[k]->count > 0);
    for (int k = 0; k < g->retry_count; k++)
      assert(pgr_strategy_retry(g, g->retries[k].sqlstate) == &g->retries[k] && g->retries[k].attempts >= 1 &&
             g->retries[k].max_backoff_ns >= g->retries[k].backoff_ns);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  enum { SQL_CHECKED_MAX = 2000 };
  input in = {.data = data, .size = size};
  const pgr_reader reader = {.read = read_memory, .user = &in};
  pgr_faults faults = {0};
  pgr_buf text;
  pgr_scenario *s = pgr_scenario_load("mine/mine.yaml", &reader, &faults);
  assert((s == NULL) == (faults.count > 0));
  if (s) look_into(s);
  if (s && size <= SQL_CHECKED_MAX) pgr_scenario_check_sql(s, &faults);
  pgr_buf_init(&text, 0);
  pgr_faults_print(&faults, &text);
  assert(!text.failed);
  pgr_buf_deinit(&text);
  pgr_scenario_destroy(s);
  pgr_faults_deinit(&faults);
  return 0;
}
