/* Operations, and who owns a key when one of them ended well. Invariant: `after` points to an earlier operation, so
 * that a chain of them ends. */
#include "scenario_internal.h"

#include <string.h>

pgr__names_of pgr__operation_names(const pgr_scenario *s) {
  pgr__names_of names = {{NULL}};
  for (int i = 0; i < s->operation_count; i++)
    names.at[i] = s->operations[i].name;
  return names;
}

static void fill_after(pgr__load *l, int i) {
  pgr_operation *o = &l->s->operations[i];
  const char *after = l->raw->operations[i].after;
  o->after = -1;
  if (!after) return;
  const pgr__names_of names = pgr__operation_names(l->s);
  pgr_place_in at = pgr__at(l, "operations[%d].after", i);
  int found = pgr__choose(l, at, "operation", after, names.at);
  if (found >= i)
    pgr_faults_add(l->faults, &l->s->source, at, "list the operations in the order in which an agent runs them",
                   "'%s' comes %s '%s'", after, found == i ? "after" : "later than", o->name);
  else
    o->after = found;
}

static void fill_when(pgr__load *l, int i) {
  static const char *const choices[] = {"start", "end", NULL};
  pgr_operation *o = &l->s->operations[i];
  const char *when = l->raw->operations[i].when;
  int choice = 0;
  if (when) choice = pgr__choose(l, pgr__at(l, "operations[%d].when", i), "time", when, choices);
  o->when = choice == 1 ? PGR_WHEN_END : l->raw->operations[i].after ? PGR_WHEN_AFTER : PGR_WHEN_START;
}

void pgr__fill_operations(pgr__load *l) {
  pgr_scenario *s = l->s;
  s->operation_count = (int)l->raw->operation_count;
  for (int i = 0; i < s->operation_count; i++) {
    s->operations[i].name = l->raw->operations[i].name;
    pgr__check_name(l, pgr__at(l, "operations[%d].name", i), "an operation", s->operations[i].name);
    for (int k = 0; k < i; k++)
      if (strcmp(s->operations[k].name, s->operations[i].name) == 0)
        pgr_faults_add(l->faults, &s->source, pgr__at(l, "operations[%d].name", i), NULL,
                       "there are two operations '%.64s'", s->operations[i].name);
  }
  bool starts = false;
  for (int i = 0; i < s->operation_count; i++) {
    fill_after(l, i);
    fill_when(l, i);
    starts = starts || s->operations[i].when == PGR_WHEN_START;
  }
  if (!starts)
    pgr_faults_add(l->faults, &s->source, pgr__key_at(l, "operations"),
                   "one at least has neither 'after' nor 'when: end'", "no operation begins the round");
}

static void check_release(pgr__load *l, const pgr_ownership *o) {
  const pgr_scenario *s = l->s;
  if (o->acquire < 0 || o->release < 0 || s->operations[o->release].after == o->acquire) return;
  pgr_faults_add(l->faults, &s->source, pgr__at(l, "ownership.release"),
                 "who releases is who acquired: give it that 'after'", "'%s' must be an operation 'after: %s'",
                 s->operations[o->release].name, s->operations[o->acquire].name);
}

void pgr__fill_ownership(pgr__load *l) {
  pgr_scenario *s = l->s;
  const pgr__raw_ownership *raw = &l->raw->ownership;
  pgr_ownership *o = &s->ownership;
  const pgr__names_of names = pgr__operation_names(s);
  *o = (pgr_ownership){.acquire = -1, .release = -1, .capacity = 1};
  if (!raw->acquire) return;
  o->declared = true;
  o->name = raw->rule;
  pgr__check_line(l, pgr__at(l, "ownership.rule"), "'rule'", raw->rule);
  o->acquire = pgr__choose(l, pgr__at(l, "ownership.acquire"), "operation", raw->acquire, names.at);
  if (raw->release) o->release = pgr__choose(l, pgr__at(l, "ownership.release"), "operation", raw->release, names.at);
  if (raw->capacity)
    pgr__read_int(l, pgr__at(l, "ownership.capacity"), "capacity", raw->capacity, 1, 1000000, &o->capacity);
  check_release(l, o);
}
