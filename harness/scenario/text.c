/* Single values: names, lines, numbers, choices. Invariant: what passes here is safe to print and, for names, to put
 * into file names, CSV and XML as it is. */
#include "scenario_internal.h"

#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

bool pgr__is_name_byte(char c, bool first) {
  bool word = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
  return word || (!first && (c == '_' || c == '.' || c == '-'));
}

bool pgr__check_name(pgr__load *l, pgr_place_in at, const char *what, const char *name) {
  size_t len = strlen(name), i = 0;
  while (i < len && pgr__is_name_byte(name[i], i == 0))
    i++;
  if (i == len && len > 0 && len <= PGR__NAME_BYTES_MAX) return true;
  pgr_faults_add(l->faults, &l->s->source, at,
                 "names go into file names: letters, digits, and after the first one also _ . -, at most 63",
                 "'%.80s' is no name for %s", name, what);
  return false;
}

bool pgr__check_line(pgr__load *l, pgr_place_in at, const char *what, char *text) {
  size_t len = strlen(text);
  while (len > 0 && strchr(" \t\n", text[len - 1]))
    text[--len] = '\0';
  if (!strchr(text, '\n')) return true;
  pgr_faults_add(l->faults, &l->s->source, at, "fold it: > instead of |, and no empty lines", "%s must be one line",
                 what);
  return false;
}

bool pgr__check_sqlstate(pgr__load *l, pgr_place_in at, const char *text, char out[6]) {
  size_t len = strlen(text), i = 0;
  while (i < len && ((text[i] >= '0' && text[i] <= '9') || (text[i] >= 'A' && text[i] <= 'Z')))
    i++;
  if (len != 5 || i != len) {
    pgr_faults_add(l->faults, &l->s->source, at, "five digits or capital letters, like \"23505\" or \"40P01\"",
                   "'%.40s' is no SQLSTATE", text);
    return false;
  }
  memcpy(out, text, 6);
  return true;
}

/* The parsers say "what: text is …". */
bool pgr__read_int(pgr__load *l, pgr_place_in at, const char *what, const char *text, int64_t min, int64_t max,
                   int64_t *out) {
  pgr_err err;
  if (!pgr_parse_int(text, what, min, max, out, &err)) return true;
  pgr_faults_add(l->faults, &l->s->source, at, NULL, "%s", err.msg);
  return false;
}

bool pgr__read_duration(pgr__load *l, pgr_place_in at, const char *what, const char *text, int64_t *out_ns) {
  pgr_err err;
  if (!pgr_parse_duration(text, what, out_ns, &err)) return true;
  pgr_faults_add(l->faults, &l->s->source, at, NULL, "%s", err.msg);
  return false;
}

int pgr__choose(pgr__load *l, pgr_place_in at, const char *what, const char *text, const char *const *names) {
  char hint[PGR_YAML_HINT_BYTES];
  for (int i = 0; names[i]; i++)
    if (strcmp(names[i], text) == 0) return i;
  pgr_faults_add(l->faults, &l->s->source, at, pgr_yaml_hint(hint, text, names), "unknown %s '%.80s'", what, text);
  return -1;
}

void pgr__choose_optional(pgr__load *l, const char *path, const char *what, const char *text, const char *const *names,
                          int *out) {
  if (!text) return;
  int i = pgr__choose(l, pgr__at(l, "%s", path), what, text, names);
  if (i >= 0) *out = i;
}
