/* Names and their slots, and the variables of one agent. A slot once given out never moves: expressions hold its
 * number. Names belong to whoever owns the pgr_names, variables to an agent's thread. */
#include "pgr_vars.h"

#include <assert.h>
#include <string.h>

static const char *const presets[] = {
#define PGR_PRESET_NAME(slot, name) name,
    PGR_PRESETS(PGR_PRESET_NAME)
#undef PGR_PRESET_NAME
};

enum { CACHE_LINE = 64 };
_Static_assert(CACHE_LINE % sizeof(pgr_var) == 0, "no variable lies in two");

static bool make_room(pgr_names *n) {
  if (n->count < n->cap) return true;
  size_t cap = n->cap ? 2 * n->cap : 64;
  const char **at = pgr_realloc(n->at, cap, sizeof *at);
  if (!at) return false;
  n->at = at;
  n->cap = cap;
  return true;
}

pgr_code pgr_names_init(pgr_names *n, pgr_arena *arena) {
  *n = (pgr_names){.arena = arena};
  for (size_t i = 0; i < PGR_PRESET_COUNT; i++) {
    if (!make_room(n)) {
      pgr_names_deinit(n);
      return PGR_ENOMEM;
    }
    n->at[n->count++] = presets[i];
  }
  return PGR_OK;
}

void pgr_names_deinit(pgr_names *n) {
  pgr_free(n->at);
  *n = (pgr_names){0};
}

int pgr_names_find(const pgr_names *n, const char *name, size_t len_bytes) {
  for (size_t i = 0; i < n->count; i++)
    if (strlen(n->at[i]) == len_bytes && memcmp(n->at[i], name, len_bytes) == 0) return (int)i;
  return -1;
}

int pgr_names_intern(pgr_names *n, const char *name, size_t len_bytes) {
  int slot = pgr_names_find(n, name, len_bytes);
  if (slot >= 0 && slot < PGR_PRESET_COUNT) n->named |= UINT32_C(1) << slot;
  if (slot >= 0) return slot;
  if (len_bytes == 0 || len_bytes > PGR_NAME_BYTES_MAX || n->count >= PGR_NAMES_MAX || !make_room(n)) return -1;
  char *copy = pgr_arena_alloc(n->arena, len_bytes + 1);
  if (!copy) return -1;
  memcpy(copy, name, len_bytes);
  n->at[n->count] = copy;
  return (int)n->count++;
}

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (unsigned char)c >= 0x80;
}

bool pgr_name_is_valid(const char *name, size_t len_bytes) {
  if (len_bytes == 0 || !is_letter(name[0])) return false;
  for (size_t i = 1; i < len_bytes; i++)
    if (!is_letter(name[i]) && !(name[i] >= '0' && name[i] <= '9')) return false;
  return true;
}

pgr_code pgr_vars_init(pgr_vars *v, size_t count) {
  *v = (pgr_vars){.slots = pgr_calloc_aligned(CACHE_LINE, count, sizeof *v->slots), .count = count};
  if (v->slots) return PGR_OK;
  v->count = 0;
  return PGR_ENOMEM;
}

void pgr_vars_deinit(pgr_vars *v) {
  for (size_t i = 0; i < v->count; i++)
    pgr_free(v->slots[i].text);
  pgr_free(v->slots);
  *v = (pgr_vars){0};
}

void pgr_vars_clear(pgr_vars *v, int from) {
  for (size_t i = (size_t)from; i < v->count; i++)
    v->slots[i].state = PGR_VAR_UNSET;
}

static pgr_var *at(const pgr_vars *v, int slot) {
  assert(slot >= 0 && (size_t)slot < v->count);
  return &v->slots[slot];
}

void pgr_vars_set(pgr_vars *v, int slot, pgr_value value) {
  pgr_var *var = at(v, slot);
  var->state = PGR_VAR_TYPED;
  var->value = value;
}

void pgr_vars_set_int(pgr_vars *v, int slot, int64_t i) {
  pgr_vars_set(v, slot, (pgr_value){.type = PGR_TYPE_INT, .as.i = i});
}

pgr_code pgr_vars_set_text(pgr_vars *v, int slot, const char *text) {
  pgr_var *var = at(v, slot);
  size_t need = strlen(text) + 1;
  if (need > var->cap) {
    /* Not realloc: text may be this very variable's. */
    char *bigger = need <= UINT32_MAX ? pgr_calloc(need, 1) : NULL;
    if (!bigger) return PGR_ENOMEM;
    memcpy(bigger, text, need);
    pgr_free(var->text);
    var->text = bigger;
    var->cap = (uint32_t)need;
  } else {
    memmove(var->text, text, need);
  }
  var->state = PGR_VAR_TEXT;
  return PGR_OK;
}

const char *pgr_vars_text(const pgr_vars *v, int slot, char scratch[PGR_VALUE_BYTES]) {
  const pgr_var *var = at(v, slot);
  switch (var->state) {
  case PGR_VAR_UNSET: return NULL;
  case PGR_VAR_TEXT: return var->text;
  case PGR_VAR_TYPED: return pgr_value_text(var->value, scratch);
  }
  return NULL;
}

pgr_code pgr_vars_value(const pgr_vars *v, int slot, const char *name, pgr_value *out, pgr_err *err) {
  const pgr_var *var = at(v, slot);
  switch (var->state) {
  case PGR_VAR_UNSET: return pgr_fail(err, PGR_EUSAGE, "undefined variable \"%s\"", name);
  case PGR_VAR_TEXT: return pgr_value_read(var->text, name, out, err);
  case PGR_VAR_TYPED: *out = var->value; return PGR_OK;
  }
  return PGR_OK;
}
