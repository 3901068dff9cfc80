/* What a statement may reach: what its text mentions (libpg_query), and what follows from that by the catalogs. The
 * invariant most easily broken: too much is slow, too little is wrong. So a name means all relations and functions
 * called so, in whatever schema; a name that is not known means everything; and everything is what a statement reaches
 * that was not understood.
 *
 * Not seen: what is made after the catalogs were read (a statement that names it reaches everything, but a trigger that
 * a script adds to a table that was there is missed); what operators, casts, domains and index support do in C, if they
 * are declared stable; the order of transaction ids in system columns such as xmin; and, in a database whose encoding
 * has a byte a character, unquoted names in function bodies with letters beyond ASCII, whose case is not folded here.
 */
#include "reaches_internal.h"

#include "pgr_study.h"
#include "pgr_words.h"
#include <string.h>

pgr_code pgr_reaches_learn(pgr_db *db, pgr_reaches **out, pgr_err *err) {
  pgr_reaches *r = pgr_calloc(1, sizeof *r);
  if (!r) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  r->kept = pgr_calloc(2 * PGR__KEPT_MAX, sizeof *r->kept);
  pgr_code code = r->kept ? pgr__learn(r, db, err) : pgr_fail(err, PGR_ENOMEM, "out of memory");
  if (code)
    pgr_reaches_destroy(r);
  else
    *out = r;
  return code;
}

static void forget(pgr_reaches *r) {
  for (size_t i = 0; r->kept && i < 2 * PGR__KEPT_MAX; i++)
    pgr_free(r->kept[i].text);
  if (r->kept) memset(r->kept, 0, 2 * PGR__KEPT_MAX * sizeof *r->kept);
  r->kept_count = 0;
}

void pgr_reaches_destroy(pgr_reaches *r) {
  if (!r) return;
  forget(r);
  pgr_free(r->kept);
  pgr_free(r->values);
  pgr_free(r->edges);
  pgr_arena_deinit(&r->arena);
  pgr_free(r);
}

/* ---- a query ---- */

static bool is_cte(const pgr_study *s, const char *name) {
  for (size_t i = 0; i < s->cte_count; i++)
    if (strcmp(s->ctes[i], name) == 0) return true;
  return false;
}

static bool sets_key(const pgr__relation *relation, const pgr_mention *m) {
  for (const pgr__column *c = relation->keys; c; c = c->next)
    for (size_t i = 0; i < m->set_count; i++)
      if (strcmp(c->name, m->sets[i]) == 0) return true;
  return relation->any_key;
}

static pgr__role role_of(const pgr__relation *relation, const pgr_mention *m) {
  if (m->locks) return PGR__LOCK;
  if (m->inserts) return PGR__APPEND;
  if (m->updates && !sets_key(relation, m)) return PGR__CHANGE;
  return m->writes ? PGR__WRITE : PGR__READ;
}

static void add_mention(const pgr_reaches *r, const pgr_study *s, const pgr_mention *m, pgr__value *v) {
  const pgr__name *n = pgr__name_find(r, m->name);
  for (int i = n ? n->relation : -1; i >= 0; i = r->relations[i].next)
    pgr__value_add(v, &r->values[pgr__relation_node(i, role_of(&r->relations[i], m))]);
  bool systems = m->schema && (strcmp(m->schema, "pg_catalog") == 0 || strcmp(m->schema, "information_schema") == 0);
  bool unknown = !n || n->relation < 0 || n->meanings & PGR__MEANS_SYSTEM;
  if (systems || (unknown && (m->schema || !is_cte(s, m->name)))) v->everything = true;
}

static void add_functions(const pgr_reaches *r, const pgr__name *n, pgr__value *v) {
  for (int i = n ? n->function : -1; i >= 0; i = r->functions[i].next)
    pgr__value_add(v, &r->values[pgr__function_node(r, i)]);
}

static void add_call(const pgr_reaches *r, const char *name, pgr__value *v) {
  const pgr__name *n = pgr__name_find(r, name);
  const unsigned known = PGR__MEANS_BUILTIN | PGR__MEANS_HARMLESS;
  if (!n || (n->function < 0 && !(n->meanings & known)) || n->meanings & PGR__MEANS_DANGER) v->everything = true;
  if (n && n->meanings & PGR__MEANS_ADVISORY) v->writes |= PGR__REACH_ADVISORY;
  if (n && n->meanings & PGR__MEANS_SNAPSHOT) v->reads |= PGR_REACH_NUMBERS;
  if (n && n->meanings & PGR__MEANS_NUMBER) v->numbers = true;
  if (n && n->meanings & PGR__MEANS_SEQUENCE) pgr__any_sequence(r, v);
  add_functions(r, n, v);
}

/* FOR SHARE; and a function can be called without looking like it: row.function is function(row). */
static void add_words(const pgr_reaches *r, const char *sql, pgr__value *v) {
  pgr_words w = {.at = sql};
  while (pgr_words_next(&w)) {
    v->joins |= strcmp(w.word, "share") == 0;
    add_functions(r, pgr__name_find(r, w.word), v);
  }
  v->everything |= w.unclear;
}

static pgr__value reach_of_query(const pgr_reaches *r, const pgr_study *s, const char *sql) {
  pgr__value v = r->values[pgr__ambient_node(r)];
  for (size_t i = 0; i < s->relation_count; i++)
    add_mention(r, s, &s->relations[i], &v);
  for (size_t i = 0; i < s->function_count; i++)
    add_call(r, s->functions[i], &v);
  add_words(r, sql, &v);
  return v;
}

/* Whether what the statement writes are rows of tables, wherever the name may point. */
static bool counts_rows(const pgr_reaches *r, const pgr_study *s) {
  bool tables = s->changes;
  for (size_t k = 0; tables && k < s->relation_count; k++) {
    const pgr_mention *m = &s->relations[k];
    const pgr__name *n = m->writes ? pgr__name_find(r, m->name) : NULL;
    for (int i = n ? n->relation : -1; i >= 0; i = r->relations[i].next)
      tables &= strchr("rp", r->relations[i].kind) && !r->relations[i].ruled;
  }
  return tables;
}

/* ---- any statement ---- */

static int level_of(pgr_stated_isolation stated) {
  switch (stated) {
  case PGR_STATED_NONE: return -1;
  case PGR_STATED_READ_COMMITTED: return PGR_LEVEL_READ_COMMITTED;
  case PGR_STATED_REPEATABLE_READ: return PGR_LEVEL_REPEATABLE_READ;
  case PGR_STATED_SERIALIZABLE: return PGR_LEVEL_SERIALIZABLE;
  }
  return -1;
}

static pgr_reach reach_of(const pgr_reaches *r, const pgr_study *s, const char *sql) {
  pgr__value v = {.everything = false};
  pgr_reach reach = {.kind = PGR_REACH_NOTHING, .level = level_of(s->isolation)};
  switch (s->class) {
  case PGR_STATEMENT_QUERY:
    reach.kind = PGR_REACH_QUERY;
    v = reach_of_query(r, s, sql);
    reach.counts = counts_rows(r, s);
    break;
  case PGR_STATEMENT_BEGIN:
  case PGR_STATEMENT_SAVEPOINT:
  case PGR_STATEMENT_SETTING: break;
  case PGR_STATEMENT_COMMIT:
    reach.kind = PGR_REACH_END;
    v.everything = r->defers;
    break;
  case PGR_STATEMENT_ROLLBACK: reach.kind = PGR_REACH_UNDO; break;
  case PGR_STATEMENT_ROLLBACK_TO: reach.kind = PGR_REACH_PART_END; break;
  case PGR_STATEMENT_OTHER: v.everything = true; break;
  }
  if (v.everything) {
    reach.kind = PGR_REACH_EVERYTHING;
    v.reads = v.writes = v.keys = v.adds = ~PGR_REACH_TRACKING;
  }
  reach.writes = v.writes;
  reach.keys = v.keys;
  reach.joins = v.joins || v.everything || (v.shares & v.writes);
  reach.numbers = v.numbers;
  reach.nests = v.nests;
  reach.adds = v.adds;
  reach.shares = v.shares & ~v.writes;
  reach.appends = v.appends & ~v.writes;
  reach.reads = v.reads | v.writes; /* what is changed is looked for first */
  return reach;
}

static pgr_code study(const pgr_reaches *r, const char *sql, pgr_reach *out) {
  pgr_arena arena = {0};
  pgr_study s;
  pgr_code code = pgr_study_sql(sql, &arena, &s);
  if (!code) *out = reach_of(r, &s, sql);
  pgr_arena_deinit(&arena);
  return code;
}

pgr_code pgr_reaches_of(pgr_reaches *r, const char *sql, pgr_reach *out) {
  uint64_t hash = pgr__hash(sql);
  size_t i = hash % (2 * PGR__KEPT_MAX);
  for (; r->kept[i].text; i = (i + 1) % (2 * PGR__KEPT_MAX))
    if (r->kept[i].hash == hash && strcmp(r->kept[i].text, sql) == 0) {
      *out = r->kept[i].reach;
      return PGR_OK;
    }
  pgr_code code = study(r, sql, out);
  if (code || strnlen(sql, PGR_STUDY_BYTES_MAX + 1) > PGR_STUDY_BYTES_MAX) return code;
  if (r->kept_count == PGR__KEPT_MAX) {
    forget(r);
    i = hash % (2 * PGR__KEPT_MAX);
  }
  char *text = pgr_strdup(sql);
  if (!text) return PGR_ENOMEM;
  r->kept[i] = (pgr__kept){.hash = hash, .text = text, .reach = *out};
  r->kept_count++;
  return PGR_OK;
}

/* ---- for people ---- */

void pgr_reaches_names(const pgr_reaches *r, uint64_t mask, pgr_buf *out) {
  const uint64_t shared = r->shares ? UINT64_C(1) << (PGR__REACH_BITS - 1) : 0;
  const char *comma = "";
  for (int i = 0; i < r->relation_count; i++) {
    if (!(r->relations[i].bit & mask & ~shared)) continue;
    pgr_buf_addf(out, "%s%s", comma, r->relations[i].label);
    comma = ", ";
  }
  if (mask & shared) {
    pgr_buf_addf(out, "%s%d other relations", comma, r->relation_count - (PGR__REACH_BITS - 1));
    comma = ", ";
  }
  if (mask & PGR__REACH_ADVISORY) {
    pgr_buf_addf(out, "%sadvisory locks", comma);
    comma = ", ";
  }
  if (mask & PGR_REACH_NUMBERS) pgr_buf_addf(out, "%stransactions' numbers", comma);
}
