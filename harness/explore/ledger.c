/* From statements to touches, by isolation level. A statement's reads and writes count when it is sent and again when
 * it ends, for it may have waited in between.
 *
 * Easily broken: what a transaction holds is given back only once per end, but every way to end must give it back:
 * END, an error, and the end of a statement that was a transaction of its own. */
#include "pgr_ledger.h"

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
  t.numbered = l->crowd && (r->writes | r->shares | r->appends);
  t.everything = l->wrote_everything; /* LOCK, or several statements at once, which may have changed the level */
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

pgr_touch pgr_ledger_ended(pgr_ledger *l, const pgr_reach *r, bool open, bool failed) {
  pgr_touch t = {0};
  switch (r->kind) {
  case PGR_REACH_NOTHING:
    if (failed) give_back(l, true, &t);
    break;
  case PGR_REACH_QUERY:
    t = query(l, r);
    if (failed || !open) give_back(l, failed, &t);
    break;
  case PGR_REACH_END:
  case PGR_REACH_UNDO:
    t = (pgr_touch){.reads = r->reads, .writes = r->writes, .keys = r->keys, .shares = r->shares};
    give_back(l, r->kind == PGR_REACH_UNDO, &t);
    break;
  case PGR_REACH_PART_END: give_back(l, true, &t); break;
  case PGR_REACH_EVERYTHING: t.everything = true; break;
  }
  if (!open) {
    *l = (pgr_ledger){
        .default_level = l->default_level, .level = l->default_level, .scope = l->scope, .crowd = l->crowd};
    return t;
  }
  l->open = true;
  if (r->level >= 0 && !failed) l->level = (pgr_level)r->level;
  return t;
}
