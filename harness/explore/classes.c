/* The set of outcomes seen, by hash. At most three quarters full, so that a search for what is not there ends. */
#include "explore_internal.h"

static pgr__class *slot(pgr__class *slots, size_t cap, uint64_t outcome) {
  uint64_t h = outcome * UINT64_C(0x9e3779b97f4a7c15);
  size_t i = (size_t)(h ^ h >> 32) & (cap - 1);
  while (slots[i].used && slots[i].outcome != outcome)
    i = (i + 1) & (cap - 1);
  return &slots[i];
}

static bool grow(pgr__classes *c) {
  size_t cap = c->cap ? c->cap * 2 : 64;
  pgr__class *slots = pgr_calloc(cap, sizeof *slots);
  if (!slots) return false;
  for (size_t i = 0; i < c->cap; i++)
    if (c->slots[i].used) *slot(slots, cap, c->slots[i].outcome) = c->slots[i];
  pgr_free(c->slots);
  c->slots = slots;
  c->cap = cap;
  return true;
}

bool pgr__classes_put(pgr__classes *c, uint64_t outcome, bool serial, bool broken) {
  if (c->count >= c->cap / 4 * 3 && !grow(c)) return false;
  pgr__class *k = slot(c->slots, c->cap, outcome);
  c->count += !k->used;
  if (!k->used) c->digest += (outcome ^ outcome >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
  c->broken += broken && !k->broken;
  *k = (pgr__class){.outcome = outcome, .used = true, .serial = k->serial || serial, .broken = k->broken || broken};
  return true;
}

const pgr__class *pgr__classes_find(const pgr__classes *c, uint64_t outcome) {
  if (!c->cap) return NULL;
  const pgr__class *k = slot(c->slots, c->cap, outcome);
  return k->used ? k : NULL;
}

void pgr__classes_deinit(pgr__classes *c) {
  pgr_free(c->slots);
  *c = (pgr__classes){0};
}
