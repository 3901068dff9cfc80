/* Finds what two agents can collide on. Invariant: every state that is chosen is one that a row of the table can really
 * have, and that rows which are inserted as the rule wants can come to. */
#include "schema_contest.h"

#include "pgr_units.h"
#include <stdlib.h>
#include <string.h>

enum { NONE = -1, OWN_VALUES = 1000, OTHERS_TRIED = 200 };

/* One column's states, and which may follow which. */
typedef struct graph {
  pgr_state states[PGR_STATES_MAX];
  bool possible[PGR_STATES_MAX];
  bool follows[PGR_STATES_MAX][PGR_STATES_MAX]; /* [from][to] */
  int count;
} graph;

/* A walk through the states, breadth first. previous: NONE at a beginning; distance: NONE where it does not come. */
typedef struct walk {
  int previous[PGR_STATES_MAX], distance[PGR_STATES_MAX];
} walk;

/* ---- values ---- */

static bool is_number(const pgr_rule_target_column *t) {
  return t->category == 'N';
}

static bool same_value(const pgr_rule_target_column *t, const char *a, const char *b) {
  return strcmp(a, b) == 0 || (is_number(t) && strtod(a, NULL) == strtod(b, NULL));
}

static bool is_named(const pgr_rule_column *column, const pgr_rule_target_column *t, const char *value) {
  for (int i = 0; i < column->change_count; i++) {
    const pgr_side *sides[] = {&column->changes[i].from, &column->changes[i].to};
    for (int k = 0; k < 2; k++)
      if (sides[k]->kind == PGR_SIDE_VALUE && same_value(t, sides[k]->value, value)) return true;
  }
  for (int i = 0; i < column->begin_count; i++)
    if (column->begins[i].kind == PGR_SIDE_VALUE && same_value(t, column->begins[i].value, value)) return true;
  return false;
}

/* Two of the type's values, or, where numbers are values or texts of it, numbers. */
static void find_others(const pgr_rule_column *column, pgr_arena *arena, pgr_contest_column *c) {
  int found = 0;
  for (int i = 0; i < 3 && found < 2; i++)
    if (c->target->values[i] && !is_named(column, c->target, c->target->values[i]))
      c->others[found++] = c->target->values[i];
  if (!is_number(c->target) && c->target->category != 'S') return;
  for (int i = 1; i <= OTHERS_TRIED && found < 2; i++) {
    const char *number = pgr_arena_printf(arena, "%d", i);
    if (!number) return;
    bool taken = is_named(column, c->target, number) || (found && same_value(c->target, c->others[0], number));
    if (!taken) c->others[found++] = number;
  }
}

const pgr_rule_target_column *pgr_contest_find_column(const pgr_rule_target *target, const char *name) {
  for (int i = 0; i < target->column_count; i++)
    if (strcmp(target->columns[i].name, name) == 0) return &target->columns[i];
  return NULL;
}

void pgr_contest_columns(const pgr_rule *rule, const pgr_rule_target *target, pgr_arena *arena,
                         pgr_contest_column *columns) {
  for (int i = 0; i < rule->column_count; i++) {
    columns[i] = (pgr_contest_column){.target = pgr_contest_find_column(target, rule->columns[i].name)};
    if (columns[i].target) find_others(&rule->columns[i], arena, &columns[i]);
  }
}

const char *pgr_contest_text(const pgr_contest_column *c, pgr_state state) {
  switch (state.side.kind) {
  case PGR_SIDE_NULL: return NULL;
  case PGR_SIDE_VALUE: return state.side.value;
  case PGR_SIDE_ANY: break;
  }
  return c->others[state.other - 1];
}

/* As text, of at least the length that "agent 12345" has. */
static bool holds_text(const char *type) {
  static const char varying[] = "character varying(";
  enum { TEXT_BYTES = 11 };
  if (strcmp(type, "text") == 0 || strcmp(type, "character varying") == 0) return true;
  return strncmp(type, varying, sizeof varying - 1) == 0 && strtol(type + sizeof varying - 1, NULL, 10) >= TEXT_BYTES;
}

bool pgr_contest_makes_values(const pgr_rule_target_column *target) {
  static const char *const types[] = {"smallint", "integer", "bigint", "numeric", "real", "double precision", "uuid"};
  for (size_t i = 0; i < sizeof types / sizeof *types; i++)
    if (strcmp(target->type, types[i]) == 0) return true;
  return holds_text(target->type);
}

/* ---- states ---- */

static bool is_possible(const pgr_contest_column *c, pgr_state state) {
  return state.side.kind == PGR_SIDE_NULL ? !c->target->not_null : pgr_contest_text(c, state) != NULL;
}

static void draw(const pgr_rule_column *column, const pgr_contest_column *c, graph *g) {
  g->count = pgr_rule_states(column, g->states);
  for (int i = 0; i < g->count; i++)
    g->possible[i] = is_possible(c, g->states[i]);
  for (int i = 0; i < g->count; i++)
    for (int k = 0; k < g->count; k++)
      g->follows[i][k] = pgr_rule_allows(column, g->states[i], g->states[k]);
}

static bool begins(const pgr_rule_column *column, const graph *g, int state) {
  return g->possible[state] && (!column->begins_ruled || pgr_rule_allows_begin(column, g->states[state]));
}

/* From every state of `starts`, through those of `within`. */
static void go(const graph *g, const bool *starts, const bool *within, walk *w) {
  int queue[PGR_STATES_MAX], head = 0, tail = 0;
  for (int i = 0; i < g->count; i++) {
    w->previous[i] = NONE;
    w->distance[i] = starts[i] ? 0 : NONE;
    if (starts[i]) queue[tail++] = i;
  }
  while (head < tail) {
    int from = queue[head++];
    for (int to = 0; to < g->count; to++) {
      if (w->distance[to] != NONE || !within[to] || !g->follows[from][to]) continue;
      w->previous[to] = from;
      w->distance[to] = w->distance[from] + 1;
      queue[tail++] = to;
    }
  }
}

static void go_from(const graph *g, int start, const bool *within, walk *w) {
  bool starts[PGR_STATES_MAX] = {false};
  starts[start] = true;
  go(g, starts, within, w);
}

/* The way to a state, with where it begins; returns its length. */
static int way_to(const graph *g, const walk *w, int state, pgr_state *out) {
  int count = w->distance[state] + 1;
  for (int i = count - 1; i >= 0; i--, state = w->previous[state])
    out[i] = g->states[state];
  return count;
}

/* ---- the contest ---- */

/* Whether agents that write the way's states and `stale` could come from its end to `stale` without breaking the rule;
 * then that a row ends there says nothing. */
static bool comes_back(const graph *g, const walk *way, int end, int stale) {
  bool within[PGR_STATES_MAX] = {false};
  walk back;
  for (int i = end; way->distance[i] > 0; i = way->previous[i])
    within[i] = true;
  within[stale] = true;
  go_from(g, end, within, &back);
  return back.distance[stale] > 0;
}

static bool collides(const graph *g, const walk *way, int start, int end, int stale) {
  if (way->distance[end] < 1 || !g->possible[stale] || stale == start || !g->follows[start][stale]) return false;
  return !g->follows[end][stale] && (end == stale || !comes_back(g, way, end, stale));
}

static void keep(const graph *g, const walk *to_start, const walk *way, int start, int end, int stale,
                 pgr_contest *out) {
  pgr_state steps[PGR_STATES_MAX];
  out->before_count = way_to(g, to_start, start, out->before);
  out->step_count = way_to(g, way, end, steps) - 1; /* less the state that is read */
  memcpy(out->steps, steps + 1, (size_t)out->step_count * sizeof *steps);
  out->stale = g->states[stale];
  out->both_ways = out->step_count == 1 && !g->follows[stale][end];
  out->one_wins = out->both_ways && !g->follows[end][end] && !g->follows[stale][stale];
}

/* What is looked for first, among contests of as many steps. */
typedef enum preference {
  PREFER_ANY,    /* two of any value: each agent can have its own */
  PREFER_OTHERS, /* two that differ */
  PREFER_SAME,
  PREFERENCES
} preference;

static preference preference_of(const graph *g, int end, int stale) {
  if (end == stale) return PREFER_SAME;
  bool any = g->states[end].side.kind == PGR_SIDE_ANY && g->states[stale].side.kind == PGR_SIDE_ANY;
  return any ? PREFER_ANY : PREFER_OTHERS;
}

/* A better one than *out, of fewer steps. */
static bool improve(const graph *g, const walk *to_start, preference wanted, pgr_contest *out) {
  bool found = false;
  walk way;
  for (int start = 0; start < g->count; start++) {
    if (to_start->distance[start] == NONE) continue;
    go_from(g, start, g->possible, &way);
    for (int end = 0; end < g->count; end++)
      for (int stale = 0; stale < g->count; stale++) {
        if (preference_of(g, end, stale) != wanted || way.distance[end] >= out->step_count) continue;
        if (!collides(g, &way, start, end, stale)) continue;
        keep(g, to_start, &way, start, end, stale, out);
        found = true;
      }
  }
  return found;
}

static bool improve_by_column(const pgr_rule_column *column, const pgr_contest_column *c, pgr_contest *out) {
  bool starts[PGR_STATES_MAX] = {false}, found = false;
  walk to_start;
  graph g;
  draw(column, c, &g);
  for (int i = 0; i < g.count; i++)
    starts[i] = begins(column, &g, i);
  go(&g, starts, g.possible, &to_start);
  for (preference p = 0; p < PREFERENCES; p++)
    found = improve(&g, &to_start, p, out) || found;
  return found;
}

/* Whether the rule names a value that an agent's number makes. */
static bool names_numbers(const pgr_rule_column *column, const pgr_rule_target_column *t, int base) {
  char number[PGR_INT_BYTES];
  for (int i = 1; i <= OWN_VALUES; i++)
    if (is_named(column, t, pgr_write_int(number, base + i))) return true;
  return false;
}

/* Where a text or a UUID is made of the number, with what those begin. */
static bool names_like(const pgr_rule_column *column, const char *beginning) {
  pgr_state states[PGR_STATES_MAX];
  int count = pgr_rule_states(column, states);
  for (int i = 0; i < count; i++)
    if (states[i].side.kind == PGR_SIDE_VALUE && strncmp(states[i].side.value, beginning, strlen(beginning)) == 0)
      return true;
  return false;
}

/* false: what agents' numbers make is named by the rule, or they make no values of the type. */
static bool find_base(const pgr_rule_column *column, const pgr_rule_target_column *t, int *base) {
  static const int bases[] = {0, 1000, 10000, 20000};
  *base = 0;
  if (!pgr_contest_makes_values(t)) return false;
  if (!is_number(t)) return !names_like(column, strcmp(t->type, "uuid") == 0 ? "00000000" : "agent ");
  for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
    *base = bases[i];
    if (!names_numbers(column, t, *base)) return true;
  }
  return false;
}

static bool same_state(pgr_state a, pgr_state b) {
  if (a.side.kind != b.side.kind) return false;
  return a.side.kind == PGR_SIDE_VALUE ? strcmp(a.side.value, b.side.value) == 0 : a.other == b.other;
}

/* Values of the agents' own break the rule as two others do. */
static bool are_own(const pgr_rule_column *column, const pgr_contest *c) {
  pgr_state another = c->steps[0];
  another.other = 3 - another.other;
  return c->step_count == 1 && c->steps[0].side.kind == PGR_SIDE_ANY && c->stale.side.kind == PGR_SIDE_ANY &&
         !pgr_rule_allows(column, c->steps[0], another);
}

static void find_kind(const pgr_rule_column *column, const pgr_contest_column *c, pgr_contest *out) {
  if (are_own(column, out) && find_base(column, c->target, &out->number_base))
    out->kind = PGR_CONTEST_OWN;
  else
    out->kind = out->step_count == 1 && same_state(out->steps[0], out->stale) ? PGR_CONTEST_SAME : PGR_CONTEST_TWO;
  out->one_wins = out->one_wins || out->kind == PGR_CONTEST_OWN;
}

bool pgr_contest_find(const pgr_rule *rule, const pgr_contest_column *columns, pgr_contest *out) {
  *out = (pgr_contest){.column = NONE, .step_count = PGR_STATES_MAX};
  for (int i = 0; i < rule->column_count; i++) {
    if (columns[i].target && improve_by_column(&rule->columns[i], &columns[i], out)) out->column = i;
  }
  if (out->column == NONE) return false;
  find_kind(&rule->columns[out->column], &columns[out->column], out);
  return true;
}

bool pgr_contest_begin(const pgr_rule_column *column, const pgr_contest_column *c, pgr_state *out) {
  graph g;
  draw(column, c, &g);
  for (int i = 0; i < g.count; i++) {
    if (!begins(column, &g, i)) continue;
    *out = g.states[i];
    return true;
  }
  return false;
}
