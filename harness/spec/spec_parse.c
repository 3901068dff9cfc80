/* Reads a spec as PostgreSQL's specparse.y does, and checks it as isolationtester does before it runs one.
 * Invariant most easily broken: the parser stops at the first word that is wrong; the checks that follow a text that
 * could be read report everything they find. */
#include "spec_internal.h"

#include "pgr_units.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An array that grows; its items go into the arena when it is complete. */
typedef struct list {
  void *items;
  int count, capacity;
} list;

/* A blocker whose step is known by name only. */
typedef struct named_blocker {
  pgr_spec_blocker blocker;
  const char *name;
  pgr_place_in at;
} named_blocker;

typedef struct named_pstep {
  const char *name;
  pgr_place_in at;
  int blockers_from, blocker_count; /* in the list of all */
} named_pstep;

typedef struct named_permutation {
  int from, count; /* in the list of all psteps */
} named_permutation;

typedef struct parser {
  pgr__lexer lexer;
  pgr__token token; /* not yet consumed */
  const pgr_source *source;
  pgr_arena *arena;
  pgr_faults *faults;
  pgr_spec *out;
  list setups;       /* const char * */
  list sessions;     /* pgr_spec_session */
  list steps;        /* pgr_spec_step */
  list permutations; /* named_permutation */
  list psteps;       /* named_pstep */
  list blockers;     /* named_blocker */
  bool failed;       /* nothing more is read */
} parser;

static void fail_memory(parser *p) {
  if (!p->failed) pgr_faults_add(p->faults, p->source, (pgr_place_in){0}, NULL, "out of memory");
  p->failed = true;
}

static void *append(parser *p, list *l, const void *item, size_t size) {
  if (l->count == l->capacity) {
    int capacity = l->capacity ? l->capacity * 2 : 16;
    void *items = pgr_realloc(l->items, (size_t)capacity, size);
    if (!items) {
      fail_memory(p);
      return NULL;
    }
    l->items = items;
    l->capacity = capacity;
  }
  return memcpy((char *)l->items + (size_t)l->count++ * size, item, size);
}

/* ---- words ---- */

static void next(parser *p) {
  p->token = pgr__spec_next(&p->lexer);
  if (p->lexer.failed) p->failed = true;
}

static const char *describe(const pgr__token *t) {
  switch (t->kind) {
  case PGR__TOKEN_END: return "the end of the file";
  case PGR__TOKEN_NAME: return "a name";
  case PGR__TOKEN_INTEGER: return "a number";
  case PGR__TOKEN_SQL: return "a block of SQL";
  case PGR__TOKEN_OPEN: return "'('";
  case PGR__TOKEN_CLOSE: return "')'";
  case PGR__TOKEN_COMMA: return "','";
  case PGR__TOKEN_STAR: return "'*'";
  case PGR__TOKEN_NOTICES: return "'notices'";
  case PGR__TOKEN_PERMUTATION: return "'permutation'";
  case PGR__TOKEN_SESSION: return "'session'";
  case PGR__TOKEN_SETUP: return "'setup'";
  case PGR__TOKEN_STEP: return "'step'";
  case PGR__TOKEN_TEARDOWN: return "'teardown'";
  }
  return "";
}

/* what: what may stand here. */
static void unexpected(parser *p, const char *what) {
  static const char *const keywords[] = {"notices", "permutation", "session", "setup", "step", "teardown", NULL};
  if (p->failed) return;
  p->failed = true;
  const pgr__token *t = &p->token;
  bool name = t->kind == PGR__TOKEN_NAME, keyword = t->kind >= PGR__TOKEN_NOTICES;
  const char *near = name ? pgr_nearest(t->text, keywords) : NULL;
  char hint[64] = "";
  if (near)
    snprintf(hint, sizeof hint, "did you mean '%s'?", near);
  else if (keyword && strstr(what, "name") && !strstr(what, " or "))
    snprintf(hint, sizeof hint, "a name that is a keyword has to be in double quotes");
  pgr_faults_add(p->faults, p->source, t->at, *hint ? hint : NULL, "expected %s, found %s%.60s%s", what,
                 name ? "'" : "", name ? t->text : describe(t), name ? "'" : "");
}

/* The text of a word of this kind, which is consumed; NULL when it is another one. */
static const char *expect(parser *p, pgr__token_kind kind, const char *what) {
  if (p->failed) return NULL;
  if (p->token.kind != kind) {
    unexpected(p, what);
    return NULL;
  }
  const char *text = p->token.text;
  next(p);
  return text;
}

/* The block that follows a keyword, which is the present word. */
static const char *block(parser *p) {
  next(p);
  return expect(p, PGR__TOKEN_SQL, "SQL in braces");
}

static void too_many(parser *p, pgr_place_in at, int max, const char *what) {
  if (p->failed) return;
  pgr_faults_add(p->faults, p->source, at, NULL, "more than %d %s", max, what);
  p->failed = true;
}

/* ---- sentences ---- */

static void read_step(parser *p) {
  next(p);
  pgr_spec_step step = {.session = p->sessions.count, .at = p->token.at};
  step.name = expect(p, PGR__TOKEN_NAME, "the name of a step");
  step.sql = expect(p, PGR__TOKEN_SQL, "the step's SQL in braces");
  if (p->steps.count == PGR_SPEC_STEPS_MAX) too_many(p, step.at, PGR_SPEC_STEPS_MAX, "steps");
  if (!p->failed) append(p, &p->steps, &step, sizeof step);
}

static void read_session(parser *p) {
  next(p);
  pgr_place_in at = p->token.at;
  pgr_spec_session session = {.name = expect(p, PGR__TOKEN_NAME, "the name of a session")};
  int from = p->steps.count;
  if (p->sessions.count == PGR_SPEC_SESSIONS_MAX) too_many(p, at, PGR_SPEC_SESSIONS_MAX, "sessions");
  if (!p->failed && p->token.kind == PGR__TOKEN_SETUP) session.setup = block(p);
  if (p->token.kind != PGR__TOKEN_STEP) unexpected(p, session.setup ? "'step'" : "'setup' or 'step'");
  while (!p->failed && p->token.kind == PGR__TOKEN_STEP)
    read_step(p);
  if (!p->failed && p->token.kind == PGR__TOKEN_TEARDOWN) session.teardown = block(p);
  session.step_count = p->steps.count - from;
  if (!p->failed) append(p, &p->sessions, &session, sizeof session);
}

static void read_blocker(parser *p) {
  named_blocker b = {.at = p->token.at};
  if (p->token.kind == PGR__TOKEN_STAR) {
    b.blocker = (pgr_spec_blocker){.kind = PGR_SPEC_BLOCKER_ONCE, .step = -1};
    next(p);
  } else {
    b.blocker.kind = PGR_SPEC_BLOCKER_STEP;
    b.name = expect(p, PGR__TOKEN_NAME, "'*' or the name of a step");
    if (!p->failed && p->token.kind == PGR__TOKEN_NOTICES) {
      next(p);
      b.blocker.kind = PGR_SPEC_BLOCKER_NOTICES;
      b.blocker.notices = p->token.number;
      expect(p, PGR__TOKEN_INTEGER, "a number of notices");
    }
  }
  if (!p->failed) append(p, &p->blockers, &b, sizeof b);
}

static void read_pstep(parser *p) {
  named_pstep step = {.at = p->token.at, .blockers_from = p->blockers.count};
  step.name = expect(p, PGR__TOKEN_NAME, "the name of a step");
  if (!p->failed && p->token.kind == PGR__TOKEN_OPEN) {
    do {
      next(p);
      read_blocker(p);
    } while (!p->failed && p->token.kind == PGR__TOKEN_COMMA);
    expect(p, PGR__TOKEN_CLOSE, "',' or ')'");
  }
  step.blocker_count = p->blockers.count - step.blockers_from;
  if (!p->failed) append(p, &p->psteps, &step, sizeof step);
}

static void read_permutation(parser *p) {
  named_permutation permutation = {.from = p->psteps.count};
  pgr_place_in at = p->token.at;
  if (p->permutations.count == PGR_SPEC_PERMUTATIONS_MAX) too_many(p, at, PGR_SPEC_PERMUTATIONS_MAX, "permutations");
  next(p);
  do {
    if (p->psteps.count - permutation.from == PGR_SPEC_PSTEPS_MAX)
      too_many(p, p->token.at, PGR_SPEC_PSTEPS_MAX, "steps in one permutation");
    read_pstep(p);
  } while (!p->failed && p->token.kind == PGR__TOKEN_NAME);
  permutation.count = p->psteps.count - permutation.from;
  if (!p->failed) append(p, &p->permutations, &permutation, sizeof permutation);
}

static void read_spec(parser *p) {
  next(p);
  while (!p->failed && p->token.kind == PGR__TOKEN_SETUP) {
    const char *sql = block(p);
    if (!p->failed) append(p, &p->setups, &sql, sizeof sql);
  }
  if (!p->failed && p->token.kind == PGR__TOKEN_TEARDOWN) p->out->teardown = block(p);
  if (!p->failed && p->token.kind != PGR__TOKEN_SESSION)
    unexpected(p, p->out->teardown ? "'session'" : "'setup', 'teardown' or 'session'");
  while (!p->failed && p->token.kind == PGR__TOKEN_SESSION)
    read_session(p);
  while (!p->failed && p->token.kind == PGR__TOKEN_PERMUTATION)
    read_permutation(p);
  if (p->failed || p->token.kind == PGR__TOKEN_END) return;
  const pgr_spec_session *last = (const pgr_spec_session *)p->sessions.items + p->sessions.count - 1;
  unexpected(p, p->permutations.count ? "the name of a step, 'permutation' or the end of the file"
                : last->teardown      ? "'session', 'permutation' or the end of the file"
                                      : "'step', 'teardown', 'session', 'permutation' or the end of the file");
}

/* ---- names ---- */

/* The steps by name. */
typedef struct table {
  pgr_spec_step **steps; /* in the order of their names */
  const char **names;    /* of all, NULL-ended: for pgr_nearest */
  int count;
} table;

static int by_name(const void *a, const void *b) {
  const pgr_spec_step *x = *(pgr_spec_step *const *)a, *y = *(pgr_spec_step *const *)b;
  int order = strcmp(x->name, y->name);
  return order ? order : (x > y) - (x < y);
}

static int name_is(const void *name, const void *step) {
  return strcmp(name, (*(pgr_spec_step *const *)step)->name);
}

static pgr_spec_step *find(const table *t, const char *name) {
  pgr_spec_step **found = bsearch(name, t->steps, (size_t)t->count, sizeof *t->steps, name_is);
  return found ? *found : NULL;
}

static bool make_table(parser *p, table *t) {
  pgr_spec_step *steps = p->steps.items;
  t->count = p->steps.count;
  t->steps = pgr_calloc((size_t)t->count, sizeof *t->steps);
  t->names = pgr_calloc((size_t)t->count + 1, sizeof *t->names);
  if (!t->steps || !t->names) {
    fail_memory(p);
    return false;
  }
  for (int i = 0; i < t->count; i++) {
    t->steps[i] = &steps[i];
    t->names[i] = steps[i].name;
  }
  qsort(t->steps, (size_t)t->count, sizeof *t->steps, by_name);
  for (int i = 1; i < t->count; i++)
    if (strcmp(t->steps[i - 1]->name, t->steps[i]->name) == 0)
      pgr_faults_add(p->faults, p->source, t->steps[i]->at, "the names of steps are unique in the whole file",
                     "there is a step '%.60s' already, on line %d", t->steps[i]->name, t->steps[i - 1]->at.line);
  return true;
}

static void unknown_step(parser *p, const table *t, const char *name, pgr_place_in at) {
  char hint[128] = "";
  /* Looking for it takes time, and nobody reads the thousandth. */
  const char *near = p->faults->count < PGR_FAULTS_KEPT ? pgr_nearest(name, t->names) : NULL;
  if (near) snprintf(hint, sizeof hint, "did you mean '%.60s'?", near);
  pgr_faults_add(p->faults, p->source, at, near ? hint : NULL, "no session has a step '%.60s'", name);
}

/* seen: by step, the number of the permutation it was last seen in. */
static void link_blocker(parser *p, const table *t, const named_pstep *step, const named_blocker *from, const int *seen,
                         int number, pgr_spec_blocker *to) {
  *to = from->blocker;
  if (to->kind == PGR_SPEC_BLOCKER_ONCE) return;
  const pgr_spec_step *own = find(t, step->name), *other = find(t, from->name), *first = p->steps.items;
  if (!other) {
    unknown_step(p, t, from->name, from->at);
    return;
  }
  to->step = (int)(other - first);
  if (seen[to->step] != number)
    pgr_faults_add(p->faults, p->source, from->at, NULL,
                   "step '%.60s' cannot hold up '%.60s': it is not in this permutation", from->name, step->name);
  else if (own && own->session == other->session)
    pgr_faults_add(p->faults, p->source, from->at, NULL,
                   "step '%.60s' cannot hold up '%.60s': it is of the same session", from->name, step->name);
}

/* number: of the permutation, from 1. */
static void link_permutation(parser *p, const table *t, const named_permutation *from, int number, int *seen,
                             pgr_spec_permutation *to) {
  const named_pstep *named = (const named_pstep *)p->psteps.items + from->from;
  const named_blocker *blockers = p->blockers.items;
  pgr_spec_pstep *steps = pgr_arena_alloc(p->arena, (size_t)from->count * sizeof *steps);
  *to = (pgr_spec_permutation){steps, from->count};
  if (!steps) {
    fail_memory(p);
    return;
  }
  for (int i = 0; i < from->count; i++) {
    pgr_spec_step *step = find(t, named[i].name);
    if (!step) {
      unknown_step(p, t, named[i].name, named[i].at);
      continue;
    }
    step->used = true;
    steps[i].step = (int)(step - (pgr_spec_step *)p->steps.items);
    seen[steps[i].step] = number;
  }
  for (int i = 0; i < from->count; i++) {
    int count = steps[i].blocker_count = named[i].blocker_count;
    if (!count) continue;
    pgr_spec_blocker *linked = pgr_arena_alloc(p->arena, (size_t)count * sizeof *linked);
    steps[i].blockers = linked;
    for (int k = 0; linked && k < count; k++)
      link_blocker(p, t, &named[i], &blockers[named[i].blockers_from + k], seen, number, &linked[k]);
    if (!linked) fail_memory(p);
  }
}

/* ---- the whole ---- */

static void *keep(parser *p, const list *l, size_t size) {
  if (l->count == 0) return NULL;
  void *items = pgr_arena_alloc(p->arena, (size_t)l->count * size);
  if (items)
    memcpy(items, l->items, (size_t)l->count * size);
  else
    fail_memory(p);
  return items;
}

static void keep_sessions(parser *p) {
  pgr_spec_session *sessions = keep(p, &p->sessions, sizeof *sessions);
  int *steps = pgr_arena_alloc(p->arena, (size_t)p->steps.count * sizeof *steps);
  if (!steps) fail_memory(p);
  if (p->failed) return;
  for (int i = 0; i < p->steps.count; i++)
    steps[i] = i;
  for (int i = 0; i < p->sessions.count; steps += sessions[i++].step_count)
    sessions[i].steps = steps;
  p->out->sessions = sessions;
  p->out->session_count = p->sessions.count;
}

/* Marks the steps that are used, so before these are kept. */
static void link_permutations(parser *p) {
  int count = p->permutations.count;
  const named_permutation *named = p->permutations.items;
  table t = {0};
  int *seen = pgr_calloc((size_t)p->steps.count, sizeof *seen);
  pgr_spec_permutation *permutations = pgr_arena_alloc(p->arena, ((size_t)count + 1) * sizeof *permutations);
  if (!seen || !permutations) fail_memory(p);
  if (!p->failed && make_table(p, &t))
    for (int i = 0; !p->failed && i < count; i++)
      link_permutation(p, &t, &named[i], i + 1, seen, &permutations[i]);
  pgr_free(seen);
  pgr_free(t.steps);
  pgr_free(t.names);
  p->out->permutations = count ? permutations : NULL;
  p->out->permutation_count = count;
}

static void keep_source(parser *p) {
  const pgr_source *s = p->source;
  char *text = pgr_arena_alloc(p->arena, s->len_bytes + 1), *name = pgr_arena_strdup(p->arena, s->name);
  if (!text || !name) {
    fail_memory(p);
    return;
  }
  if (s->len_bytes) memcpy(text, s->text, s->len_bytes);
  p->out->source = (pgr_source){.name = name, .text = text, .len_bytes = s->len_bytes};
}

bool pgr_spec_parse(const pgr_source *source, pgr_arena *arena, pgr_faults *faults, pgr_spec *out) {
  size_t before = faults->count;
  *out = (pgr_spec){0};
  if (source->len_bytes > PGR_SPEC_BYTES_MAX) {
    pgr_faults_add(faults, source, (pgr_place_in){0}, NULL, "the file is larger than %d KiB",
                   PGR_SPEC_BYTES_MAX / 1024);
    return false;
  }
  parser p = {.lexer = {.source = source, .arena = arena, .faults = faults, .line = 1},
              .source = source,
              .arena = arena,
              .faults = faults,
              .out = out};
  read_spec(&p);
  if (!p.failed) link_permutations(&p);
  if (!p.failed) keep_sessions(&p);
  out->setups = keep(&p, &p.setups, sizeof *out->setups);
  out->setup_count = p.setups.count;
  out->steps = keep(&p, &p.steps, sizeof *out->steps);
  out->step_count = p.steps.count;
  keep_source(&p);
  list *lists[] = {&p.setups, &p.sessions, &p.steps, &p.permutations, &p.psteps, &p.blockers};
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
    pgr_free(lists[i]->items);
  if (faults->count == before) return true;
  *out = (pgr_spec){0};
  return false;
}
