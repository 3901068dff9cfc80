/* The SQL in the YAML itself: seed, reset, invariants. Invariant: each uses only variables that will have a value; any
 * other would be sent as it is, ":name". */
#include "scenario_internal.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static void check_variables(pgr__load *l, const char *path, const pgr_template *t, const char *const *allowed) {
  for (int i = 0; i < t->var_count; i++) {
    const char *name = l->s->names.at[t->slots[i]];
    bool known = false;
    for (int k = 0; allowed[k]; k++)
      known = known || strcmp(allowed[k], name) == 0;
    if (known) continue;
    const yaml_node_t *node = pgr_yaml_find(&l->yaml, path, NULL);
    char hint[PGR_YAML_HINT_BYTES] = "it takes no variables";
    if (*allowed) pgr_yaml_hint(hint, name, allowed);
    pgr_place_in at = {0};
    if (l->faults->count < PGR_FAULTS_KEPT && node) {
      size_t offset = 0;
      for (int k = 0; k <= i; k++)
        offset += strlen(t->literals[k]) + (k < i ? 1 + strlen(l->s->names.at[t->slots[k]]) : 0);
      at = pgr_place_at(&l->s->source, pgr_yaml_offset(&l->yaml, node, offset));
      at.width = (int)strlen(name) + 1;
    }
    pgr_faults_add(l->faults, &l->s->source, at, hint, "variable ':%.64s' has no value here", name);
  }
}

/* A file's name in place of SQL: schema takes files, so it is easily mistaken. */
static bool is_file_name(const char *text, size_t len) {
  return len > 4 && strcasecmp(text + len - 4, ".sql") == 0 && !strpbrk(text, " \t\n");
}

/* text: trailing space is cut off in place. */
static bool fill_template(pgr__load *l, const char *path, char *text, const char *const *allowed, pgr_template *out) {
  pgr_faults own = {0};
  size_t len = strlen(text);
  while (len > 0 && strchr(" \t\n", text[len - 1]))
    text[--len] = '\0';
  if (is_file_name(text, len)) {
    pgr_faults_add(l->faults, &l->s->source, pgr__at(l, "%s", path), NULL, "%s is SQL, not a file: write the SQL here",
                   *path == 'i' ? "an invariant" : path);
    return false;
  }
  const pgr_source source = {.name = path, .text = text, .len_bytes = len};
  bool ok = pgr_template_parse(&source, &l->s->names, &l->s->arena, &own, out);
  /* Its place is one in the value; ours is in the file. */
  const char *told = own.count && own.kept[0].text ? strstr(own.kept[0].text, ": ") : NULL;
  if (!ok)
    pgr_faults_add(l->faults, &l->s->source, pgr__at(l, "%s", path), NULL, "%s", told ? told + 2 : "out of memory");
  pgr_faults_deinit(&own);
  if (ok) check_variables(l, path, out, allowed);
  return ok;
}

void pgr__fill_seed_and_reset(pgr__load *l) {
  static const char *const seed_variables[] = {"first_key", "last_key", "contenders", "agents", NULL};
  static const char *const none[] = {NULL};
  pgr_scenario *s = l->s;
  s->has_seed = l->raw->seed && fill_template(l, "seed", l->raw->seed, seed_variables, &s->seed);
  s->has_reset = l->raw->reset && fill_template(l, "reset", l->raw->reset, none, &s->reset);
}

/* Whether the word stands in the SQL by itself; a word in a comment or a string counts, which does no harm. */
static bool mentions(const char *sql, const char *word) {
  size_t len = strlen(word);
  for (const char *p = sql; (p = strcasestr(p, word)); p += len) {
    bool begins = p == sql || !(isalnum((unsigned char)p[-1]) || strchr("_$", p[-1]));
    bool ends = !(isalnum((unsigned char)p[len]) || (p[len] && strchr("_$", p[len])));
    if (begins && ends) return true;
  }
  return false;
}

void pgr__fill_invariants(pgr__load *l) {
  static const char *const variables[] = {"contenders", "agents", NULL};
  pgr_scenario *s = l->s;
  s->invariant_count = (int)l->raw->invariant_count;
  for (int i = 0; i < s->invariant_count; i++) {
    const pgr__raw_invariant *raw = &l->raw->invariants[i];
    pgr_invariant *v = &s->invariants[i];
    char path[40];
    v->name = raw->rule;
    pgr__check_line(l, pgr__at(l, "invariants[%d].rule", i), "'rule'", raw->rule);
    v->needs_history = mentions(raw->sql, "pgrace_history");
    snprintf(path, sizeof path, "invariants[%d].sql", i);
    fill_template(l, path, raw->sql, variables, &v->sql);
  }
}
