/* Strategies. Invariant: each has a script for every operation, and at least one isolation level. */
#include "scenario_internal.h"

#include <stdio.h>
#include <string.h>

pgr__names_of pgr__strategy_names(const pgr_scenario *s) {
  pgr__names_of names = {{NULL}};
  for (int i = 0; i < s->strategy_count; i++)
    names.at[i] = s->strategies[i].name;
  return names;
}

static void fill_isolation(pgr__load *l, int index) {
  static const char *const choices[] = {"unsaid", "race", "safe", NULL}; /* as in pgr_expect */
  pgr_strategy *g = &l->s->strategies[index];
  char path[80];
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++) {
    const char *expect = l->raw->strategies[index].isolation.at[level];
    int choice = PGR_EXPECT_NOTHING;
    g->at[level].runs = expect != NULL;
    snprintf(path, sizeof path, "strategies[%d].isolation.%s", index, pgr_isolation_name((pgr_isolation)level));
    pgr__choose_optional(l, path, "expectation", expect, choices, &choice);
    g->at[level].expect = (pgr_expect)choice;
  }
  /* Which comes first only the tree knows. */
  snprintf(path, sizeof path, "strategies[%d].isolation", index);
  const yaml_node_t *node = pgr_yaml_find(&l->yaml, path, NULL);
  if (!node || node->type != YAML_MAPPING_NODE) return;
  const yaml_node_t *key = yaml_document_get_node(&l->yaml.document, node->data.mapping.pairs.start->key);
  for (int level = 0; level < PGR_ISOLATION_COUNT; level++)
    if (strcmp(pgr_isolation_name((pgr_isolation)level), (const char *)key->data.scalar.value) == 0)
      g->first = (pgr_isolation)level;
}

/* One pair of `scripts`. */
static void fill_own_script(pgr__load *l, pgr_strategy *g, const yaml_node_pair_t *pair, bool own[PGR_OPERATIONS_MAX]) {
  const yaml_node_t *key = yaml_document_get_node(&l->yaml.document, pair->key);
  const yaml_node_t *value = yaml_document_get_node(&l->yaml.document, pair->value);
  const pgr__names_of names = pgr__operation_names(l->s);
  bool few = l->faults->count < PGR_FAULTS_KEPT;
  pgr_place_in key_at = few ? pgr_yaml_place(&l->yaml, key) : (pgr_place_in){0};
  if (key->type != YAML_SCALAR_NODE || value->type != YAML_SCALAR_NODE || !value->data.scalar.length) {
    pgr_faults_add(l->faults, &l->s->source, key_at, "write it like {claim: claim-locked.sql}",
                   "'scripts' must map operations to files");
    return;
  }
  int i = pgr__choose(l, key_at, "operation", (const char *)key->data.scalar.value, names.at);
  if (i < 0) return;
  if (own[i]) {
    pgr_faults_add(l->faults, &l->s->source, key_at, NULL, "operation '%.64s' is there twice", names.at[i]);
    return;
  }
  own[i] = true;
  g->scripts[i] = pgr__read_script(l, pgr_yaml_place(&l->yaml, value), (const char *)value->data.scalar.value);
}

static void fill_scripts(pgr__load *l, int index, const pgr_script *const shared[PGR_OPERATIONS_MAX]) {
  pgr_strategy *g = &l->s->strategies[index];
  bool own[PGR_OPERATIONS_MAX] = {false};
  char path[64];
  snprintf(path, sizeof path, "strategies[%d].scripts", index);
  const yaml_node_t *node = pgr_yaml_find(&l->yaml, path, NULL);
  if (node && node->type != YAML_MAPPING_NODE)
    pgr_faults_add(l->faults, &l->s->source, pgr__key_at(l, "%s", path), "write it like {claim: claim-locked.sql}",
                   "'scripts' must map operations to files");
  else if (node)
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
      fill_own_script(l, g, p, own);
  for (int i = 0; i < l->s->operation_count; i++) {
    if (own[i]) continue;
    g->scripts[i] = shared[i];
    if (!l->raw->operations[i].script)
      pgr_faults_add(l->faults, &l->s->source, pgr__at(l, "strategies[%d].name", index),
                     "give the operation a 'script', or the strategy one under 'scripts'",
                     "strategy '%.64s' has no script for operation '%.64s'", g->name, l->s->operations[i].name);
  }
}

/* A strategy's own retries come first; of the scenario's only those can be reached that it does not replace. */
static void fill_strategy_retries(pgr__load *l, int index, const pgr_retry *shared, int shared_count) {
  pgr_strategy *g = &l->s->strategies[index];
  const pgr__raw_strategy *raw = &l->raw->strategies[index];
  char path[64];
  snprintf(path, sizeof path, "strategies[%d].retries", index);
  pgr__fill_retries(l, path, raw->retries, raw->retry_count, g->retries, &g->retry_count);
  for (int i = 0; i < shared_count; i++) {
    if (pgr_strategy_retry(g, shared[i].sqlstate)) continue;
    if (g->retry_count == PGR_RETRIES_MAX) {
      pgr_faults_add(l->faults, &l->s->source, pgr__key_at(l, "%s", path), NULL,
                     "too many errors to retry together with the scenario's, at most %d fit", PGR_RETRIES_MAX);
      return;
    }
    g->retries[g->retry_count++] = shared[i];
  }
}

static void fill_strategy(pgr__load *l, int index, const pgr_script *const scripts[PGR_OPERATIONS_MAX]) {
  static const char *const sampled[] = {"rarely", NULL};
  const pgr__raw_strategy *raw = &l->raw->strategies[index];
  pgr_strategy *g = &l->s->strategies[index];
  char path[64];
  pgr__check_name(l, pgr__at(l, "strategies[%d].name", index), "a strategy", g->name);
  for (int k = 0; k < index; k++)
    if (strcmp(l->s->strategies[k].name, g->name) == 0)
      pgr_faults_add(l->faults, &l->s->source, pgr__at(l, "strategies[%d].name", index), NULL,
                     "there are two strategies '%.64s'", g->name);
  g->line = pgr__at(l, "strategies[%d]", index).line;
  g->summary = raw->summary;
  pgr__check_line(l, pgr__at(l, "strategies[%d].summary", index), "'summary'", raw->summary);
  int choice = -1;
  snprintf(path, sizeof path, "strategies[%d].sampled", index);
  pgr__choose_optional(l, path, "way to sample", raw->sampled, sampled, &choice);
  g->sampled_rarely = choice == 0;
  for (unsigned i = 0; i < raw->install_count; i++)
    g->installs[i] = pgr__read_sql(l, pgr__at(l, "strategies[%d].install[%u]", index, i), raw->install[i]);
  g->install_count = (int)raw->install_count;
  fill_isolation(l, index);
  fill_scripts(l, index, scripts);
}

void pgr__fill_strategies(pgr__load *l) {
  pgr_scenario *s = l->s;
  pgr_retry shared[PGR_RETRIES_MAX];
  const pgr_script *scripts[PGR_OPERATIONS_MAX] = {NULL};
  int shared_count = 0;
  for (int i = 0; i < s->operation_count; i++)
    if (l->raw->operations[i].script)
      scripts[i] = pgr__read_script(l, pgr__at(l, "operations[%d].script", i), l->raw->operations[i].script);
  pgr__fill_retries(l, "retries", l->raw->retries, l->raw->retry_count, shared, &shared_count);
  s->strategy_count = (int)l->raw->strategy_count;
  for (int i = 0; i < s->strategy_count; i++)
    s->strategies[i].name = l->raw->strategies[i].name;
  for (int i = 0; i < s->strategy_count; i++) {
    fill_strategy(l, i, scripts);
    fill_strategy_retries(l, i, shared, shared_count);
  }
}

pgr__scripts_of pgr__scripts(const pgr_scenario *s) {
  pgr__scripts_of scripts = {.all = true};
  int count = 0;
  for (int i = 0; i < s->strategy_count * s->operation_count; i++) {
    const pgr_script *script = s->strategies[i / s->operation_count].scripts[i % s->operation_count];
    bool there = !script;
    for (int k = 0; k < count && !there; k++)
      there = scripts.at[k] == script;
    if (!script) scripts.all = false;
    if (!there) scripts.at[count++] = script;
  }
  return scripts;
}

void pgr__fill_compare(pgr__load *l) {
  pgr_scenario *s = l->s;
  const pgr__names_of names = pgr__strategy_names(s);
  s->compare_count = l->raw->compare_count ? 0 : s->strategy_count;
  for (int i = 0; i < s->compare_count; i++)
    s->compare[i] = i;
  for (unsigned i = 0; i < l->raw->compare_count; i++) {
    pgr_place_in at = pgr__at(l, "compare[%u]", i);
    int found = pgr__choose(l, at, "strategy", l->raw->compare[i], names.at);
    bool twice = false;
    for (int k = 0; k < s->compare_count; k++)
      twice = twice || s->compare[k] == found;
    if (found >= 0 && twice)
      pgr_faults_add(l->faults, &s->source, at, NULL, "strategy '%.64s' is named twice", l->raw->compare[i]);
    else if (found >= 0)
      s->compare[s->compare_count++] = found;
  }
}
