/* From statements to touches, by isolation level. A statement's reads and writes count when it is sent and again when
 * it ends, for it may have waited in between.
 *
 * Easily broken: what a transaction holds is given back only once per end, but every way to end must give it back:
 * END, an error, and the end of a statement that was a transaction of its own. */
#include "pgr_ledger.h"

/* A transaction gets its number with the first thing it writes or locks, which may be any until one is known to have
 * done so. Snapshots show it then, until its end. */
static void number(pgr_ledger *l, const pgr_reach *r, pgr_touch *t) {
  bool takes = r->numbers || (r->writes | r->shares | r->appends) != 0;
  t->numbered = takes && (l->crowd || (l->watched && !l->has));
  if (!l->watched) return;
  l->may_have |= takes;
  if ((takes && !l->has) || (l->may_have && (r->nests || !l->open))) t->publishes |= PGR_REACH_NUMBERS;
}

/* Of a statement that takes a snapshot or uses its transaction's. */
static pgr_touch query(pgr_ledger *l, const pgr_reach *r) {
  pgr_touch t = {.writes = r->writes, .keys = r->keys, .shares = r->shares, .appends = r->appends};
  bool first = !l->snapshot;
  /* A transaction's snapshot counts for all that it can still come to; a statement's own for the statement. */
  uint64_t seen = !l->open ? r->reads | r->shares : l->scope ? l->scope : ~PGR_REACH_TRACKING;
  l->written |= r->writes;
  l->keyed |= r->keys;
  l->added |= r->adds;
  l->shared |= r->shares;
  l->appended |= r->appends;
  l->tracked |= r->reads | r->writes | r->shares | r->appends;
  switch (l->level) {
  case PGR_LEVEL_READ_COMMITTED: t.reads = r->reads; break;
  case PGR_LEVEL_REPEATABLE_READ:
    if (first) t.reads = seen;
    l->snapshot = true;
    if (r->reads | r->writes | r->shares | r->appends)
      t.tracked = PGR_REACH_TRACKING; /* not empty: LOCK and DDL keep it waiting */
    break;
  case PGR_LEVEL_SERIALIZABLE:
    if (first) t.reads = seen | PGR_REACH_TRACKING;
    l->snapshot = true;
    /* Another transaction dooms this one by writing what it read or reading what it wrote, at any time; it fails at
     * whichever statement comes next. Hence all it did so far, at each. The tracking bit: others' commits count too. */
    t.tracked = l->tracked | PGR_REACH_TRACKING;
    t.writes = l->written | l->appended;
    t.keys = l->keyed;
    t.shares = l->shared;
    break;
  }
  /* A transaction of its own gives back what it wrote. Also said of one that waits first: what a statement touches must
   * not depend on whether it waits. */
  if (!l->open) {
    t.publishes = l->written | l->appended;
    t.keys |= l->keyed | l->added;
    t.unshares = l->shared;
  }
  t.everything = l->wrote_everything; /* LOCK, or several statements at once, which may have changed the level */
  number(l, r, &t);
  return t;
}

/* A transaction holds what it read against LOCK and DDL alone. The tracking bit makes its end more than empty: below
 * SERIALIZABLE nobody reads or writes it. */
static void give_back(const pgr_ledger *l, bool undone, pgr_touch *t) {
  bool hidden = undone && l->level != PGR_LEVEL_SERIALIZABLE;
  if (hidden)
    t->releases |= l->written;
  else
    t->publishes |= l->written | l->appended;
  t->keys |= l->keyed | (hidden ? 0 : l->added);
  t->unshares |= l->shared;
  if (l->open && l->tracked) t->publishes |= PGR_REACH_TRACKING;
  if (l->may_have) t->publishes |= PGR_REACH_NUMBERS;
  t->everything |= l->wrote_everything;
  if (l->level != PGR_LEVEL_SERIALIZABLE) return;
  t->tracked |= l->tracked;
  t->publishes |= PGR_REACH_TRACKING;
  t->writes |= PGR_REACH_TRACKING;
}

pgr_touch pgr_ledger_sent(pgr_ledger *l, const pgr_reach *r) {
  switch (r->kind) {
  case PGR_REACH_NOTHING: break;
  case PGR_REACH_QUERY: return query(l, r);
  case PGR_REACH_END:
  case PGR_REACH_UNDO: {
    pgr_touch t = {.reads = r->reads, .writes = r->writes, .keys = r->keys, .shares = r->shares};
    give_back(l, r->kind == PGR_REACH_UNDO, &t);
    return t;
  }
  case PGR_REACH_PART_END: return (pgr_touch){.everything = l->wrote_everything};
  case PGR_REACH_EVERYTHING: l->wrote_everything = true; return (pgr_touch){.everything = true};
  }
  return (pgr_touch){0};
}

pgr_touch pgr_ledger_ended(pgr_ledger *l, const pgr_reach *r, pgr_statement_end end) {
  pgr_touch t = {0};
  switch (r->kind) {
  case PGR_REACH_NOTHING:
    if (end.failed) give_back(l, true, &t);
    break;
  case PGR_REACH_QUERY:
    t = query(l, r);
    if (end.failed || !end.open) give_back(l, end.failed, &t);
    break;
  case PGR_REACH_END:
  case PGR_REACH_UNDO:
    t = (pgr_touch){.reads = r->reads, .writes = r->writes, .keys = r->keys, .shares = r->shares};
    give_back(l, r->kind == PGR_REACH_UNDO, &t);
    break;
  case PGR_REACH_PART_END: give_back(l, true, &t); break;
  case PGR_REACH_EVERYTHING: t.everything = true; break;
  }
  if (!end.open) {
    *l = (pgr_ledger){.default_level = l->default_level,
                      .level = l->default_level,
                      .scope = l->scope,
                      .crowd = l->crowd,
                      .watched = l->watched};
    return t;
  }
  l->open = true;
  l->has |= !end.failed && r->counts && end.rows;
  if (r->level >= 0 && !end.failed) l->level = (pgr_level)r->level;
  return t;
}
