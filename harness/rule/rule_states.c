/* What a rule says of states: the only place that knows what its words mean. */
#include "rule_internal.h"

#include <string.h>

bool pgr__side_equal(pgr_side a, pgr_side b) {
  return a.kind == b.kind && (a.kind != PGR_SIDE_VALUE || strcmp(a.value, b.value) == 0);
}

bool pgr__state_equal(pgr_state a, pgr_state b) {
  return pgr__side_equal(a.side, b.side) && (a.side.kind != PGR_SIDE_ANY || a.other == b.other);
}

static bool holds(pgr_side side, pgr_state state) {
  if (side.kind == PGR_SIDE_ANY) return state.side.kind != PGR_SIDE_NULL;
  return pgr__side_equal(side, state.side);
}

/* Adds the value that a side names, unless it is there. */
static int name_value(pgr_side side, pgr_state *out, int count) {
  if (side.kind != PGR_SIDE_VALUE) return count;
  for (int i = 0; i < count; i++)
    if (pgr__side_equal(out[i].side, side)) return count;
  if (count < PGR_STATES_MAX - 2) out[count++] = (pgr_state){.side = side};
  return count;
}

static int named_states(const pgr_rule_column *column, pgr_state *out, bool *any) {
  int count = 0;
  *any = false;
  out[count++] = (pgr_state){.side = {.kind = PGR_SIDE_NULL}};
  for (int i = 0; i < column->change_count; i++) {
    const pgr_change *change = &column->changes[i];
    count = name_value(change->from, out, count);
    count = name_value(change->to, out, count);
    if (change->from.kind == PGR_SIDE_ANY || change->to.kind == PGR_SIDE_ANY) *any = true;
  }
  for (int i = 0; i < column->begin_count; i++) {
    count = name_value(column->begins[i], out, count);
    if (column->begins[i].kind == PGR_SIDE_ANY) *any = true;
  }
  return count;
}

static int with_others(pgr_state *out, int count) {
  for (int other = 1; other <= 2; other++)
    out[count++] = (pgr_state){.side = {.kind = PGR_SIDE_ANY}, .other = other};
  return count;
}

int pgr_rule_states(const pgr_rule_column *column, pgr_state out[PGR_STATES_MAX]) {
  bool any;
  int count = named_states(column, out, &any);
  return any ? with_others(out, count) : count;
}

int pgr__every_state(const pgr_rule_column *column, pgr_state out[PGR_STATES_MAX]) {
  bool any;
  return with_others(out, named_states(column, out, &any));
}

bool pgr_rule_allows(const pgr_rule_column *column, pgr_state from, pgr_state to) {
  if (pgr__state_equal(from, to)) return column->same;
  for (int i = 0; i < column->change_count; i++)
    if (holds(column->changes[i].from, from) && holds(column->changes[i].to, to)) return true;
  return false;
}

bool pgr_rule_allows_begin(const pgr_rule_column *column, pgr_state begin) {
  if (!column->begins_ruled) return true;
  for (int i = 0; i < column->begin_count; i++)
    if (holds(column->begins[i], begin)) return true;
  return false;
}

bool pgr__refuses_begins(const pgr_rule_column *column) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr__every_state(column, states);
  for (int i = 0; i < count; i++)
    if (!pgr_rule_allows_begin(column, states[i])) return true;
  return false;
}

bool pgr__refuses_changes(const pgr_rule_column *column) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr__every_state(column, states);
  for (int from = 0; from < count; from++)
    for (int to = 0; to < count; to++)
      if (!pgr_rule_allows(column, states[from], states[to])) return true;
  return false;
}

bool pgr__knows(const pgr_rule_column *column, pgr_state state) {
  if (column->begins_ruled && pgr_rule_allows_begin(column, state)) return true;
  for (int i = 0; i < column->change_count; i++)
    if (holds(column->changes[i].from, state) || holds(column->changes[i].to, state)) return true;
  return column->change_count == 0 && !column->begins_ruled;
}

void pgr__reach(const pgr_rule_column *column, const pgr_state *states, int count, bool out[PGR_STATES_MAX],
                int via[PGR_STATES_MAX]) {
  int queue[PGR_STATES_MAX], queued = 0;
  for (int i = 0; i < count; i++) {
    via[i] = -1;
    out[i] = pgr_rule_allows_begin(column, states[i]);
    if (out[i]) queue[queued++] = i;
  }
  for (int next = 0; next < queued; next++) {
    int from = queue[next];
    for (int to = 0; to < count; to++) {
      if (out[to] || !pgr_rule_allows(column, states[from], states[to])) continue;
      out[to] = true;
      via[to] = from;
      queue[queued++] = to;
    }
  }
}
