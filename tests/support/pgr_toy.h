/* A toy database for the tests of the search: rows with locks and versions, tables that can be locked, advisory locks,
 * three isolation levels (SERIALIZABLE with conflict flags, as PostgreSQL's), deadlocks whose victim closes the circle;
 * and agents whose scripts branch on what they read. Deterministic; a state is copied by assignment. The search never
 * sees it: it gets events, and touches by way of the ledger, as from a real one. */
#ifndef PGR_TOY_H
#define PGR_TOY_H

#include "pgr_ledger.h"
#include "pgr_random.h"
#include "pgr_search.h"
#include <assert.h>
#include <string.h>

enum { TOY_AGENTS = 4, TOY_STEPS = 8, TOY_RELATIONS = 3, TOY_ROWS = 6, TOY_LOCKS = 8, TOY_RESOURCES = 11, TOY_SX = 32 };
/* Resources: rows (two a relation), two advisory locks, the relations. */
enum { TOY_ADVISORY = TOY_ROWS, TOY_TABLE = TOY_LOCKS };

typedef enum toy_kind {
  TOY_BEGIN,
  TOY_SELECT,
  TOY_UPDATE,
  TOY_LOCK_ROWS,
  TOY_SHARE_ROWS, /* as a foreign key does */
  TOY_INSERT,     /* rows that collide with none: `add` of them, seen once they are committed */
  TOY_COMMIT,
  TOY_ROLLBACK,
  TOY_ADVISE,
  TOY_UNADVISE,
  TOY_LOCK_TABLE,
  TOY_NUMBER, /* asks for its transaction's number */
  TOY_WATCH   /* looks at which transactions have numbers, and have ended */
} toy_kind;

typedef struct toy_statement {
  toy_kind kind;
  int relation; /* of SELECT, INSERT, LOCK TABLE */
  int rows[3], row_count;
  int lock; /* advisory: 0 or 1 */
  uint32_t add;
  uint32_t needs; /* not 0: sent as something empty unless this is what was read last */
  bool if_odd;    /* left out unless what was read last is odd */
  bool opens;     /* begins the transaction, too */
  bool yields;    /* stands still once it has read, before it writes */
} toy_statement;

typedef struct toy_script {
  toy_statement steps[TOY_STEPS];
  int count;
  pgr_level level; /* of its transactions, and of the session */
  bool scoped;     /* its ledger is told what it can come to */
} toy_script;

typedef struct toy_program {
  toy_script scripts[TOY_AGENTS];
  int agents;
  bool watched; /* has statements that look at numbers */
} toy_program;

typedef struct toy_agent {
  int step; /* pending or running; count: done */
  bool running, waiting, in, failed, implicit, snapped;
  bool stands;         /* running, and to be let go once more */
  bool must_roll_back; /* the pending statement is a ROLLBACK, whatever the script says */
  int progress;        /* requests of the running statement that were granted */
  int wait_for, stamp;
  bool wait_exclusive;
  uint32_t reg, result;
  bool error;
  uint32_t snapshot[TOY_ROWS], snapshot_version[TOY_ROWS], own[TOY_ROWS];
  uint32_t wrote; /* rows */
  uint32_t added[TOY_RELATIONS], snapshot_added[TOY_RELATIONS];
  uint32_t number, snapshot_numbers; /* of its transaction, 0: none; what a snapshot showed of all */
  int sx;                            /* -1: none */
  pgr_ledger ledger;
  uint64_t hash;
} toy_agent;

typedef struct toy_sx { /* a serializable transaction */
  bool active, committed, doomed;
  int began, ended;
  uint32_t read, written, in, out;
} toy_sx;

typedef struct toy {
  const toy_program *program;
  toy_agent agents[TOY_AGENTS];
  uint32_t value[TOY_ROWS], version[TOY_ROWS], added[TOY_RELATIONS];
  uint32_t holders[TOY_RESOURCES];
  bool exclusive[TOY_RESOURCES];
  toy_sx sx[TOY_SX];
  int sx_count, clock, stamps;
  uint32_t numbers, numbers_ended[TOY_AGENTS];
  uint32_t ended;
} toy;

static inline uint64_t toy_mix(uint64_t h, uint64_t x) {
  h = (h ^ (x + 1) * UINT64_C(0xd6e8feb86659fd93)) * UINT64_C(0x9e3779b97f4a7c15) + 1;
  return h ^ h >> 29;
}

static inline const toy_statement *toy_pending(const toy *t, int a) {
  static const toy_statement rollback = {.kind = TOY_ROLLBACK}, nothing = {.kind = TOY_UPDATE};
  const toy_agent *g = &t->agents[a];
  const toy_statement *s = &t->program->scripts[a].steps[g->step];
  if (g->must_roll_back) return &rollback;
  return s->needs && s->needs != g->reg ? &nothing : s;
}

static inline pgr_reach toy_reach(const toy_statement *s) {
  pgr_reach r = {.kind = PGR_REACH_QUERY, .level = -1};
  uint64_t relations = 0;
  for (int i = 0; i < s->row_count; i++)
    relations |= UINT64_C(1) << s->rows[i] / 2;
  switch (s->kind) {
  case TOY_BEGIN: r.kind = PGR_REACH_NOTHING; break;
  case TOY_COMMIT: r.kind = PGR_REACH_END; break;
  case TOY_ROLLBACK: r.kind = PGR_REACH_UNDO; break;
  case TOY_LOCK_TABLE: r.kind = PGR_REACH_EVERYTHING; break;
  case TOY_SELECT: r.reads = UINT64_C(1) << s->relation; break;
  case TOY_INSERT:
    r.appends = UINT64_C(1) << s->relation;
    r.counts = true;
    break;
  case TOY_NUMBER: r.numbers = true; break;
  case TOY_WATCH: r.reads = PGR_REACH_NUMBERS; break;
  case TOY_ADVISE:
  case TOY_UNADVISE: r.writes = UINT64_C(8) << s->lock; break;
  case TOY_SHARE_ROWS: r.reads = r.shares = relations; break;
  case TOY_UPDATE: r.counts = true; /* fall through */
  case TOY_LOCK_ROWS: r.reads = r.writes = r.keys = relations; break;
  }
  return r;
}

static inline void toy_init(toy *t, const toy_program *p) {
  memset(t, 0, sizeof *t);
  t->program = p;
  for (int r = 0; r < TOY_ROWS; r++)
    t->value[r] = (uint32_t)r + 1;
  for (int a = 0; a < p->agents; a++) {
    const toy_script *s = &p->scripts[a];
    t->agents[a].sx = -1;
    t->agents[a].ledger = (pgr_ledger){.default_level = s->level, .level = s->level, .watched = p->watched};
    for (int i = 0; s->scoped && i < s->count; i++) {
      pgr_reach r = toy_reach(&s->steps[i]);
      t->agents[a].ledger.scope |= r.reads | r.writes | r.shares | r.appends;
    }
  }
}

static inline uint32_t toy_enabled(const toy *t) {
  uint32_t mask = 0;
  for (int a = 0; a < t->program->agents; a++)
    if (t->agents[a].stands || (!t->agents[a].running && t->agents[a].step < t->program->scripts[a].count))
      mask |= 1U << a;
  return mask;
}

/* --- locks --- */

static inline uint32_t toy_blockers(const toy *t, int a, int resource, bool exclusive, int stamp) {
  uint32_t self = 1U << a, holders = t->holders[resource];
  if ((holders & self) && (!exclusive || t->exclusive[resource])) return 0;
  uint32_t mask = exclusive || t->exclusive[resource] ? holders & ~self : 0;
  for (int b = 0; b < t->program->agents; b++) {
    const toy_agent *g = &t->agents[b];
    if (b != a && g->waiting && g->wait_for == resource && g->stamp < stamp && (exclusive || g->wait_exclusive))
      mask |= 1U << b;
  }
  return mask;
}

static inline bool toy_circle(const toy *t, int a) {
  uint32_t reached = 1U << a, from = 0;
  for (bool first = true;; first = false) {
    uint32_t grown = from;
    for (int b = 0; b < t->program->agents; b++) {
      const toy_agent *g = &t->agents[b];
      if (((first ? reached : from) & 1U << b) && g->waiting)
        grown |= toy_blockers(t, b, g->wait_for, g->wait_exclusive, g->stamp);
    }
    if (grown & 1U << a) return true;
    if (grown == from && !first) return false;
    from = grown;
  }
}

static inline void toy_let_go(toy *t, int a, bool advisory_too) {
  for (int r = 0; r < TOY_RESOURCES; r++) {
    bool advisory = r >= TOY_ADVISORY && r < TOY_TABLE;
    if (advisory && !advisory_too) continue;
    t->holders[r] &= ~(1U << a);
    if (!t->holders[r]) t->exclusive[r] = false;
  }
}

/* --- serializable --- */

static inline bool toy_concurrent(const toy_sx *me, const toy_sx *other) {
  return other->active || (other->committed && other->ended > me->began);
}

static inline bool toy_out_to_committed(const toy *t, const toy_sx *x) {
  for (int i = 0; i < t->sx_count; i++)
    if ((x->out & 1U << i) && t->sx[i].committed) return true;
  return false;
}

/* reader → writer; false: `me` has to fail. */
static inline bool toy_edge(toy *t, int reader, int writer, int me) {
  toy_sx *r = &t->sx[reader], *w = &t->sx[writer];
  r->out |= 1U << writer;
  w->in |= 1U << reader;
  bool ok = true;
  if (toy_out_to_committed(t, w)) {
    if (writer == me || !w->active)
      ok = false;
    else
      w->doomed = true;
  }
  if (r->in && w->committed) {
    if (reader == me || !r->active)
      ok = false;
    else
      r->doomed = true;
  }
  return ok;
}

static inline bool toy_sx_read(toy *t, int me, int relation) {
  bool ok = true;
  t->sx[me].read |= 1U << relation;
  for (int i = 0; i < t->sx_count; i++)
    if (i != me && toy_concurrent(&t->sx[me], &t->sx[i]) && (t->sx[i].written & 1U << relation))
      ok &= toy_edge(t, me, i, me);
  return ok;
}

static inline bool toy_sx_write(toy *t, int me, int relation) {
  bool ok = true;
  t->sx[me].written |= 1U << relation;
  for (int i = 0; i < t->sx_count; i++)
    if (i != me && toy_concurrent(&t->sx[me], &t->sx[i]) && (t->sx[i].read & 1U << relation))
      ok &= toy_edge(t, i, me, me);
  return ok;
}

/* --- numbers --- */

static inline void toy_number(toy *t, int a) {
  if (!t->agents[a].number) t->agents[a].number = ++t->numbers;
}

/* What a snapshot shows: how many each agent has had, and in which order those that run began. */
static inline uint32_t toy_numbers(const toy *t) {
  uint64_t h = 1;
  for (int a = 0; a < t->program->agents; a++) {
    uint64_t rank = 0;
    for (int b = 0; t->agents[a].number && b < t->program->agents; b++)
      rank += t->agents[b].number && t->agents[b].number <= t->agents[a].number;
    h = toy_mix(toy_mix(h, t->numbers_ended[a]), rank);
  }
  return (uint32_t)(h >> 8);
}

/* --- transactions --- */

static inline void toy_over(toy *t, int a, bool commit) {
  toy_agent *g = &t->agents[a];
  for (int r = 0; r < TOY_RELATIONS; r++) {
    if (commit) t->added[r] += g->added[r];
    g->added[r] = 0;
  }
  if (commit && g->wrote) {
    t->clock++;
    for (int r = 0; r < TOY_ROWS; r++)
      if (g->wrote & 1U << r) {
        t->value[r] = g->own[r];
        t->version[r] = (uint32_t)t->clock;
      }
  }
  if (g->sx >= 0) {
    toy_sx *x = &t->sx[g->sx];
    x->active = false;
    x->committed = commit;
    x->ended = ++t->clock;
    for (int i = 0; i < t->sx_count; i++) {
      if (commit && t->sx[i].active && (t->sx[i].out & 1U << g->sx) && t->sx[i].in) t->sx[i].doomed = true;
      if (!commit) {
        t->sx[i].in &= ~(1U << g->sx);
        t->sx[i].out &= ~(1U << g->sx);
      }
    }
  }
  t->numbers_ended[a] += g->number != 0;
  g->number = 0;
  g->sx = -1;
  g->wrote = 0;
  g->snapped = false;
  toy_let_go(t, a, false);
}

static inline void toy_end(toy *t, int a, uint32_t result, bool error) {
  toy_agent *g = &t->agents[a];
  const toy_statement *s = toy_pending(t, a);
  const toy_script *script = &t->program->scripts[a];
  g->running = g->waiting = false;
  g->error = error;
  t->ended |= 1U << a;
  bool single = g->implicit;
  if (single || (error && g->in)) toy_over(t, a, !error);
  g->implicit = false;
  if (error && g->in && s->kind != TOY_COMMIT) g->failed = true;
  if (s->kind == TOY_COMMIT || s->kind == TOY_ROLLBACK) g->in = g->failed = false;
  g->hash = toy_mix(toy_mix(g->hash, (uint64_t)g->step << 32 | s->kind), (uint64_t)result << 1 | error);
  g->must_roll_back = false;
  if (error && g->in) { /* on to the end of the transaction, which is a ROLLBACK now */
    while (g->step < script->count && script->steps[g->step].kind != TOY_COMMIT &&
           script->steps[g->step].kind != TOY_ROLLBACK)
      g->step++;
    g->must_roll_back = g->step < script->count;
    return;
  }
  g->step++;
  while (g->step < script->count && script->steps[g->step].if_odd && !(g->reg & 1))
    g->step++;
}

static inline void toy_snapshot(toy *t, int a) {
  toy_agent *g = &t->agents[a];
  pgr_level level = t->program->scripts[a].level;
  if (g->snapped) return;
  g->snapped = true;
  memcpy(g->snapshot, t->value, sizeof g->snapshot);
  memcpy(g->snapshot_version, t->version, sizeof g->snapshot_version);
  memcpy(g->snapshot_added, t->added, sizeof g->snapshot_added);
  g->snapshot_numbers = toy_numbers(t);
  if (level != PGR_LEVEL_SERIALIZABLE) return;
  assert(t->sx_count < TOY_SX);
  g->sx = t->sx_count++;
  t->sx[g->sx] = (toy_sx){.active = true, .began = t->clock};
}

static inline uint32_t toy_visible(const toy *t, int a, int row) {
  const toy_agent *g = &t->agents[a];
  if (g->wrote & 1U << row) return g->own[row];
  return t->program->scripts[a].level == PGR_LEVEL_READ_COMMITTED ? t->value[row] : g->snapshot[row];
}

/* false: it has to fail. */
static inline bool toy_row(toy *t, int a, const toy_statement *s, int row) {
  toy_agent *g = &t->agents[a];
  bool latest = t->program->scripts[a].level == PGR_LEVEL_READ_COMMITTED;
  toy_number(t, a);
  if (!latest && !(g->wrote & 1U << row) && t->version[row] != g->snapshot_version[row]) return false;
  uint32_t v = toy_visible(t, a, row);
  if (g->sx >= 0 && !toy_sx_read(t, g->sx, row / 2)) return false;
  g->result = g->result * 31 + v;
  if (s->kind == TOY_LOCK_ROWS || s->kind == TOY_SHARE_ROWS) {
    g->reg = g->reg * 7 + v;
    return true;
  }
  if (g->sx >= 0 && !toy_sx_write(t, g->sx, row / 2)) return false;
  g->own[row] = (v * 3 + g->reg + s->add) & 0xff;
  g->wrote |= 1U << row;
  return true;
}

/* The request of that number: -1 when there are no more. */
static inline int toy_request(const toy_statement *s, int number, bool *exclusive) {
  *exclusive = true;
  switch (s->kind) {
  case TOY_SELECT:
  case TOY_INSERT: *exclusive = false; return number == 0 ? TOY_TABLE + s->relation : -1;
  case TOY_LOCK_TABLE: return number == 0 ? TOY_TABLE + s->relation : -1;
  case TOY_ADVISE: return number == 0 ? TOY_ADVISORY + s->lock : -1;
  case TOY_UPDATE:
  case TOY_LOCK_ROWS:
  case TOY_SHARE_ROWS:
    if (number >= 2 * s->row_count) return -1;
    *exclusive = number % 2 && s->kind != TOY_SHARE_ROWS;
    return number % 2 ? s->rows[number / 2] : TOY_TABLE + s->rows[number / 2] / 2;
  case TOY_BEGIN:
  case TOY_COMMIT:
  case TOY_ROLLBACK:
  case TOY_NUMBER:
  case TOY_WATCH:
  case TOY_UNADVISE: break;
  }
  return -1;
}

static inline void toy_finish(toy *t, int a) {
  toy_agent *g = &t->agents[a];
  const toy_statement *s = toy_pending(t, a);
  bool ok = true;
  switch (s->kind) {
  case TOY_SELECT:
    for (int r = 2 * s->relation; r < 2 * s->relation + 2; r++)
      g->result = g->result * 31 + toy_visible(t, a, r);
    g->result += g->added[s->relation] + (t->program->scripts[a].level == PGR_LEVEL_READ_COMMITTED
                                              ? t->added[s->relation]
                                              : g->snapshot_added[s->relation]);
    g->reg = g->result;
    if (g->sx >= 0) ok = toy_sx_read(t, g->sx, s->relation);
    break;
  case TOY_NUMBER:
    toy_number(t, a);
    g->reg = g->result = g->number;
    break;
  case TOY_WATCH:
    g->reg = g->result =
        t->program->scripts[a].level == PGR_LEVEL_READ_COMMITTED ? toy_numbers(t) : g->snapshot_numbers;
    break;
  case TOY_INSERT:
    toy_number(t, a);
    if (g->sx >= 0) ok = toy_sx_write(t, g->sx, s->relation);
    g->added[s->relation] += s->add;
    break;
  case TOY_COMMIT: toy_over(t, a, !g->failed); break;
  case TOY_ROLLBACK: toy_over(t, a, false); break;
  case TOY_UNADVISE:
    t->holders[TOY_ADVISORY + s->lock] &= ~(1U << a);
    if (!t->holders[TOY_ADVISORY + s->lock]) t->exclusive[TOY_ADVISORY + s->lock] = false;
    break;
  case TOY_BEGIN:
  case TOY_UPDATE:
  case TOY_LOCK_ROWS:
  case TOY_SHARE_ROWS:
  case TOY_ADVISE:
  case TOY_LOCK_TABLE: break;
  }
  toy_end(t, a, g->result, !ok);
}

/* Goes on with the running statement until it ends or waits. */
static inline void toy_run(toy *t, int a) {
  toy_agent *g = &t->agents[a];
  const toy_statement *s = toy_pending(t, a);
  for (;; g->progress++) {
    bool exclusive;
    int resource = toy_request(s, g->progress, &exclusive);
    if (resource < 0) break;
    if (!g->waiting) g->stamp = ++t->stamps;
    if (toy_blockers(t, a, resource, exclusive, g->stamp)) {
      g->waiting = true;
      g->wait_for = resource;
      g->wait_exclusive = exclusive;
      if (toy_circle(t, a)) toy_end(t, a, 40001, true);
      return;
    }
    g->waiting = false;
    t->holders[resource] |= 1U << a;
    t->exclusive[resource] |= exclusive;
    if (resource < TOY_ROWS && !toy_row(t, a, s, resource)) {
      toy_end(t, a, 40000, true);
      return;
    }
  }
  toy_finish(t, a);
}

static inline void toy_launch(toy *t, int a) {
  toy_agent *g = &t->agents[a];
  const toy_statement *s = toy_pending(t, a);
  bool end = s->kind == TOY_COMMIT || s->kind == TOY_ROLLBACK;
  if (g->stands) {
    g->stands = false;
    toy_run(t, a);
    return;
  }
  g->running = true;
  g->progress = 0;
  g->result = 0;
  if (s->kind == TOY_BEGIN || s->opens) g->in = true;
  if (!g->in && !end) g->implicit = true;
  if (g->sx >= 0 && t->sx[g->sx].doomed && s->kind != TOY_ROLLBACK && !g->failed) {
    if (end) toy_over(t, a, false);
    toy_end(t, a, 40002, true);
    return;
  }
  if (s->kind != TOY_BEGIN && !end) toy_snapshot(t, a);
  if (s->yields && s->kind == TOY_UPDATE) {
    g->stands = true;
    g->reg = g->reg * 5 + toy_visible(t, a, s->rows[0]);
    if (g->sx < 0 || toy_sx_read(t, g->sx, s->rows[0] / 2)) return;
    g->stands = false;
    toy_end(t, a, 40000, true);
    return;
  }
  toy_run(t, a);
}

/* Lets an agent go, to rest again. */
static inline void toy_step(toy *t, int a, pgr_event *e) {
  pgr_reach reach[TOY_AGENTS];
  for (int b = 0; b < t->program->agents; b++)
    if (b == a || t->agents[b].running) reach[b] = toy_reach(toy_pending(t, b));
  t->ended = 0;
  *e = (pgr_event){.agent = (uint8_t)a, .print = toy_mix((uint64_t)a, (uint64_t)t->agents[a].step)};
  if (toy_pending(t, a)->opens) t->agents[a].ledger.open = true;
  if (t->agents[a].stands)
    e->touch = (pgr_touch){.writes = reach[a].writes, .shares = reach[a].shares};
  else
    e->touch = pgr_ledger_sent(&t->agents[a].ledger, &reach[a]);
  toy_launch(t, a);
  for (bool again = true; again;) { /* whoever can go on, in the order in which they began to wait */
    int next = -1;
    again = false;
    for (int b = 0; b < t->program->agents; b++) {
      const toy_agent *g = &t->agents[b];
      if (g->waiting && !toy_blockers(t, b, g->wait_for, g->wait_exclusive, g->stamp) &&
          (next < 0 || g->stamp < t->agents[next].stamp))
        next = b;
    }
    if (next >= 0) {
      again = true;
      toy_run(t, next);
    }
  }
  for (int b = 0; b < t->program->agents; b++) {
    if (!(t->ended & 1U << b)) continue;
    toy_agent *g = &t->agents[b];
    pgr_touch more = pgr_ledger_ended(&g->ledger, &reach[b],
                                      (pgr_statement_end){.open = g->in, .failed = g->error, .rows = !g->error});
    pgr_touch_add(&e->touch, &more);
    e->print = toy_mix(e->print, g->hash);
  }
  e->ended = t->ended;
  e->enabled = toy_enabled(t);
}

static inline uint64_t toy_outcome(const toy *t) {
  uint64_t h = 1;
  for (int a = 0; a < t->program->agents; a++)
    h = toy_mix(h, t->agents[a].hash);
  for (int r = 0; r < TOY_ROWS; r++)
    h = toy_mix(h, t->value[r]);
  for (int r = 0; r < TOY_RELATIONS; r++)
    h = toy_mix(h, t->added[r]);
  return h;
}

/* --- programs --- */

/* relations: how many are used; the fewer, the more they meet. */
static inline toy_statement toy_random_statement(pgr_random *r, bool in_transaction, uint64_t relations) {
  static const toy_kind kinds[] = {TOY_SELECT, TOY_SELECT,     TOY_SELECT,    TOY_UPDATE, TOY_UPDATE,    TOY_UPDATE,
                                   TOY_INSERT, TOY_SHARE_ROWS, TOY_LOCK_ROWS, TOY_ADVISE, TOY_LOCK_TABLE};
  toy_statement s = {.kind = kinds[pgr_random_below(r, in_transaction ? 11 : 8)]};
  s.relation = (int)pgr_random_below(r, relations);
  s.row_count = 1 + (int)(pgr_random_below(r, 3) / 2);
  for (int i = 0; i < 3; i++)
    s.rows[i] = (int)pgr_random_below(r, 2 * relations);
  s.lock = (int)pgr_random_below(r, 2);
  s.add = (uint32_t)pgr_random_below(r, 8);
  s.if_odd = pgr_random_below(r, 4) == 0;
  s.yields = pgr_random_below(r, 10) == 0;
  return s;
}

static inline toy_script toy_random_script(pgr_random *r, int steps, uint64_t relations) {
  toy_script s = {.level = (pgr_level)(pgr_random_below(r, 5) * 3 / 5), .count = steps};
  s.scoped = pgr_random_below(r, 2);
  bool in = false, advised = false;
  int lock = 0;
  for (int i = 0; i < steps; i++) {
    bool last = i == steps - 1, opens = !in && i + 1 < steps && pgr_random_below(r, 3) > 0;
    if (in && (last || pgr_random_below(r, 4) == 0)) {
      s.steps[i] = (toy_statement){.kind = pgr_random_below(r, 8) ? TOY_COMMIT : TOY_ROLLBACK};
      in = false;
      continue;
    }
    if (opens && i + 2 < steps && pgr_random_below(r, 4) == 0) {
      s.steps[i] = (toy_statement){.kind = TOY_BEGIN};
      in = true;
      continue;
    }
    s.steps[i] = toy_random_statement(r, in || opens, relations);
    if (advised && pgr_random_below(r, 2)) s.steps[i] = (toy_statement){.kind = TOY_UNADVISE, .lock = lock};
    if (s.steps[i].kind == TOY_ADVISE) {
      advised = true;
      lock = s.steps[i].lock;
    }
    if (opens) {
      s.steps[i].opens = in = true;
      s.steps[i].if_odd = false;
    }
  }
  return s;
}

/* Turns some of a program's statements into such as look at numbers. */
static inline void toy_watch(toy_program *p, uint64_t seed) {
  pgr_random r;
  pgr_random_init(&r, seed, 8);
  for (int a = 0; a < p->agents; a++)
    for (int i = 0; i < p->scripts[a].count; i++) {
      toy_statement *s = &p->scripts[a].steps[i];
      if (s->kind == TOY_BEGIN || s->kind == TOY_COMMIT || s->kind == TOY_ROLLBACK || pgr_random_below(&r, 3)) continue;
      s->kind = pgr_random_below(&r, 4) ? TOY_WATCH : TOY_NUMBER;
      p->watched = true;
    }
}

/* Two agents of 2 to 5 statements, or three of 2 to 3. */
static inline toy_program toy_random_program(uint64_t seed) {
  pgr_random r;
  pgr_random_init(&r, seed, 7);
  toy_program p = {.agents = 2 + (int)pgr_random_below(&r, 2)};
  uint64_t relations = 1 + pgr_random_below(&r, TOY_RELATIONS);
  for (int a = 0; a < p.agents; a++)
    p.scripts[a] = toy_random_script(&r, 2 + (int)pgr_random_below(&r, p.agents == 2 ? 4 : 2), relations);
  return p;
}

#endif
