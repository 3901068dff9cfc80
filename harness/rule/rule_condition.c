/* What a rule refuses, as a condition in SQL. Invariant: it is true of exactly what pgr_rule_allows refuses; NULL
 * counts as not refused, hence IS NOT TRUE. */
#include "rule_internal.h"

#include "pgr_names.h"
#include <stdio.h>
#include <string.h>

/* ---- lists of values ---- */

static void write_values(const char *const *values, int count, pgr_buf *out) {
  for (int i = 0; i < count; i++) {
    if (i > 0) pgr_buf_adds(out, ", ");
    pgr_sql_literal(values[i], out);
  }
}

static void write_list(const char *one, const char *several, const char *const *values, int count, pgr_buf *out) {
  if (count == 0) return;
  pgr_buf_adds(out, count == 1 ? one : several);
  write_values(values, count, out);
  if (count > 1) pgr_buf_adds(out, ")");
}

void pgr__write_among(const char *const *values, int count, pgr_buf *out) {
  write_list("= ", "IN (", values, count, out);
}

void pgr__write_not_among(const char *const *values, int count, pgr_buf *out) {
  write_list("<> ", "NOT IN (", values, count, out);
}

/* ---- what a column's rule comes to ---- */

typedef struct values {
  const char *items[PGR_RULE_CHANGES_MAX];
  int count;
} values;

/* The changes, without those that others allow too. */
typedef struct summary {
  bool null_any, any_null, any_any;
  values null_to, to_null; /* NULL -> these; these -> NULL */
  values any_to, any_from; /* any value -> these; these -> any value */
  values all_to, all_from; /* the same, and NULL too */
  const pgr_change *pairs[PGR_RULE_CHANGES_MAX];
  int pair_count;
} summary;

static bool has(const values *v, const char *value) {
  for (int i = 0; i < v->count; i++)
    if (strcmp(v->items[i], value) == 0) return true;
  return false;
}

static void put(values *v, const char *value) {
  if (!has(v, value)) v->items[v->count++] = value;
}

static void summarize_change(const pgr_change *change, summary *s) {
  pgr_side_kind from = change->from.kind, to = change->to.kind;
  if (from == PGR_SIDE_NULL && to == PGR_SIDE_ANY) s->null_any = true;
  if (from == PGR_SIDE_ANY && to == PGR_SIDE_NULL) s->any_null = true;
  if (from == PGR_SIDE_ANY && to == PGR_SIDE_ANY) s->any_any = true;
  if (from == PGR_SIDE_NULL && to == PGR_SIDE_VALUE) put(&s->null_to, change->to.value);
  if (from == PGR_SIDE_VALUE && to == PGR_SIDE_NULL) put(&s->to_null, change->from.value);
  if (from == PGR_SIDE_ANY && to == PGR_SIDE_VALUE) put(&s->any_to, change->to.value);
  if (from == PGR_SIDE_VALUE && to == PGR_SIDE_ANY) put(&s->any_from, change->from.value);
}

/* What both have goes from them to `all`. */
static void merge(values *a, values *b, values *all) {
  values only_a = {.count = 0}, only_b = {.count = 0};
  for (int i = 0; i < a->count; i++)
    put(has(b, a->items[i]) ? all : &only_a, a->items[i]);
  for (int i = 0; i < b->count; i++)
    if (!has(a, b->items[i])) put(&only_b, b->items[i]);
  *a = only_a;
  *b = only_b;
}

static void summarize(const pgr_rule_column *column, summary *s) {
  *s = (summary){.null_any = false};
  for (int i = 0; i < column->change_count; i++)
    summarize_change(&column->changes[i], s);
  if (s->null_any) s->null_to.count = 0;
  if (s->any_null) s->to_null.count = 0;
  if (s->any_any) s->any_to.count = s->any_from.count = 0;
  for (int i = 0; i < column->change_count; i++) {
    const pgr_change *change = &column->changes[i];
    if (change->from.kind != PGR_SIDE_VALUE || change->to.kind != PGR_SIDE_VALUE || s->any_any) continue;
    if (!has(&s->any_to, change->to.value) && !has(&s->any_from, change->from.value))
      s->pairs[s->pair_count++] = change;
  }
  merge(&s->null_to, &s->any_to, &s->all_to);
  merge(&s->to_null, &s->any_from, &s->all_from);
}

static bool any_clauses(const summary *s) {
  return s->null_to.count + s->to_null.count + s->any_to.count + s->any_from.count + s->all_to.count +
             s->all_from.count + s->pair_count >
         0;
}

/* ---- its condition ---- */

/* Where the text goes and what it speaks of. */
typedef struct condition {
  const char *before, *after;
  int indent;
  bool before_known, after_known; /* not NULL, by what stands before the clauses or beside them */
  int clauses;
  pgr_buf *out;
} condition;

static void new_line(condition *c, int deeper) {
  pgr_buf_addf(c->out, "\n%*s", c->indent + deeper, "");
}

/* Between clauses. */
static void next_clause(condition *c) {
  if (c->clauses++ == 0) return;
  new_line(c, 2);
  pgr_buf_adds(c->out, "OR ");
}

/* "OLD.c IN (…) AND NEW.c IS NOT NULL", the row as it was first. test: of the other side, NULL for none. */
static void write_clause(condition *c, const values *v, bool of_before, const char *test) {
  const char *side = of_before ? c->before : c->after;
  if (v->count == 0) return;
  next_clause(c);
  if (test && !of_before) pgr_buf_addf(c->out, "%s %s AND ", c->before, test);
  pgr_buf_addf(c->out, "%s ", side);
  pgr__write_among(v->items, v->count, c->out);
  if (test && of_before) pgr_buf_addf(c->out, " AND %s %s", c->after, test);
}

static bool pairs_share(const summary *s, bool from) {
  for (int i = 1; i < s->pair_count; i++) {
    const pgr_change *a = s->pairs[0], *b = s->pairs[i];
    if (!pgr__side_equal(from ? a->from : a->to, from ? b->from : b->to)) return false;
  }
  return true;
}

static void write_pairs(condition *c, const summary *s) {
  values froms = {.count = 0}, tos = {.count = 0};
  if (s->pair_count == 0) return;
  next_clause(c);
  if (pairs_share(s, true) || pairs_share(s, false)) {
    for (int i = 0; i < s->pair_count; i++) {
      put(&froms, s->pairs[i]->from.value);
      put(&tos, s->pairs[i]->to.value);
    }
    pgr_buf_addf(c->out, "%s ", c->before);
    pgr__write_among(froms.items, froms.count, c->out);
    pgr_buf_addf(c->out, " AND %s ", c->after);
    pgr__write_among(tos.items, tos.count, c->out);
    return;
  }
  pgr_buf_addf(c->out, "(%s, %s) IN (", c->before, c->after);
  for (int i = 0; i < s->pair_count; i++) {
    const char *const pair[] = {s->pairs[i]->from.value, s->pairs[i]->to.value};
    if (s->pair_count > 3)
      new_line(c, 4);
    else if (i > 0)
      pgr_buf_adds(c->out, " ");
    pgr_buf_adds(c->out, "(");
    write_values(pair, 2, c->out);
    pgr_buf_adds(c->out, i + 1 < s->pair_count ? ")," : ")");
  }
  pgr_buf_adds(c->out, ")");
}

static void write_clauses(condition *c, const summary *s) {
  write_clause(c, &s->null_to, false, "IS NULL");
  write_clause(c, &s->all_to, false, NULL);
  write_clause(c, &s->any_to, false, c->before_known ? NULL : "IS NOT NULL");
  write_pairs(c, s);
  write_clause(c, &s->any_from, true, c->after_known ? NULL : "IS NOT NULL");
  write_clause(c, &s->all_from, true, NULL);
  write_clause(c, &s->to_null, true, "IS NULL");
}

/* What is refused of changes to another value when nothing but null->any, any->null and any->any is allowed. */
static void write_different(condition *c, const summary *s) {
  const char *b = c->before, *a = c->after;
  if (s->any_any && s->null_any)
    pgr_buf_addf(c->out, "%s IS NOT NULL AND %s IS NULL", b, a);
  else if (s->any_any && s->any_null)
    pgr_buf_addf(c->out, "%s IS NULL AND %s IS NOT NULL", b, a);
  else if (s->any_any)
    pgr_buf_addf(c->out, "(%s IS NULL) <> (%s IS NULL)", b, a);
  else if (s->null_any && s->any_null)
    pgr_buf_addf(c->out, "%s <> %s", b, a);
  else if (s->null_any)
    pgr_buf_addf(c->out, "%s IS NOT NULL AND %s IS DISTINCT FROM %s", b, a, b);
  else if (s->any_null)
    pgr_buf_addf(c->out, "%s IS NOT NULL AND %s IS DISTINCT FROM %s", a, a, b);
  else
    pgr_buf_addf(c->out, "%s IS DISTINCT FROM %s", b, a);
}

/* Values are ruled on one side only: what is compared is not NULL, and the comparison says that it is not. */
static bool write_one_sided(condition *c, const summary *s) {
  const values *v = &s->any_to;
  const char *side = c->after;
  if (s->any_any && s->null_any) {
    v = &s->to_null;
    side = c->before;
    pgr_buf_addf(c->out, "%s IS NULL", c->after);
  } else if (s->any_any && s->any_null) {
    v = &s->null_to;
    pgr_buf_addf(c->out, "%s IS NULL", c->before);
  } else if (s->null_any && s->any_null && s->pair_count == 0 && (s->any_to.count == 0 || s->any_from.count == 0)) {
    if (s->any_to.count == 0) {
      v = &s->any_from;
      side = c->before;
    }
    pgr_buf_addf(c->out, "%s <> %s", c->before, c->after);
  } else {
    return false;
  }
  pgr_buf_addf(c->out, " AND %s ", side);
  pgr__write_not_among(v->items, v->count, c->out);
  return true;
}

/* Of a column that may be set to what it is. */
static void write_refused_change(condition *c, const summary *s) {
  if (!any_clauses(s)) {
    write_different(c, s);
    return;
  }
  if (write_one_sided(c, s)) return;
  bool neither_null = s->null_any && s->any_null; /* what is not true is false then */
  write_different(c, s);
  c->before_known = s->null_any;
  c->after_known = s->any_null;
  new_line(c, 0);
  pgr_buf_adds(c->out, neither_null ? "AND NOT (" : "AND (");
  write_clauses(c, s);
  pgr_buf_adds(c->out, neither_null ? ")" : ") IS NOT TRUE");
}

/* Of a column that must change: without clauses. */
static void write_kept_or_refused(condition *c, const summary *s) {
  const char *b = c->before, *a = c->after;
  if (s->any_any && s->null_any && s->any_null)
    pgr_buf_addf(c->out, "%s IS NOT DISTINCT FROM %s", a, b);
  else if (s->any_any && s->null_any)
    pgr_buf_addf(c->out, "%s IS NULL OR %s IS NOT DISTINCT FROM %s", a, a, b);
  else if (s->any_any && s->any_null)
    pgr_buf_addf(c->out, "%s IS NULL OR %s IS NOT DISTINCT FROM %s", b, a, b);
  else if (s->any_any)
    pgr_buf_addf(c->out, "(%s <> %s) IS NOT TRUE", b, a);
  else if (s->null_any && s->any_null)
    pgr_buf_addf(c->out, "(%s IS NULL) = (%s IS NULL)", b, a);
  else if (s->null_any)
    pgr_buf_addf(c->out, "%s IS NOT NULL OR %s IS NULL", b, a);
  else if (s->any_null)
    pgr_buf_addf(c->out, "%s IS NULL OR %s IS NOT NULL", b, a);
  else
    pgr_buf_adds(c->out, "true");
}

static void write_given(condition *c, bool given, const char *clause) {
  if (!given) return;
  next_clause(c);
  pgr_buf_adds(c->out, clause);
}

/* Of a column that must change. */
static void write_refused_setting(condition *c, const summary *s) {
  char text[3][2 * PGR_RULE_VALUE_BYTES_MAX];
  if (!any_clauses(s)) {
    write_kept_or_refused(c, s);
    return;
  }
  snprintf(text[0], sizeof text[0], "%s IS NULL", c->before);
  snprintf(text[1], sizeof text[1], "%s IS NULL", c->after);
  snprintf(text[2], sizeof text[2], "%s IS NOT NULL AND %s IS NOT NULL", c->before, c->after);
  /* Clauses that keeping a value would pass, too. */
  bool wide = s->null_any || s->any_null || s->any_any || s->any_to.count || s->any_from.count || s->all_to.count ||
              s->all_from.count;
  if (wide) {
    pgr_buf_addf(c->out, "%s IS NOT DISTINCT FROM %s", c->after, c->before);
    new_line(c, 0);
    pgr_buf_adds(c->out, "OR ");
  }
  pgr_buf_adds(c->out, "(");
  c->before_known = s->null_any;
  c->after_known = s->any_null;
  write_given(c, s->null_any, text[0]);
  write_given(c, s->any_null, text[1]);
  write_given(c, s->any_any, text[2]);
  write_clauses(c, s);
  pgr_buf_adds(c->out, ") IS NOT TRUE");
}

void pgr__write_refused(const pgr_rule_column *column, const char *before, const char *after, int indent,
                        pgr_buf *out) {
  condition c = {.before = before, .after = after, .indent = indent, .out = out};
  summary s;
  summarize(column, &s);
  if (column->same)
    write_refused_change(&c, &s);
  else
    write_refused_setting(&c, &s);
}

void pgr__write_refused_begin(const pgr_rule_column *column, const char *after, pgr_buf *out) {
  values named = {.count = 0};
  bool null = false, any = false;
  for (int i = 0; i < column->begin_count; i++) {
    pgr_side side = column->begins[i];
    if (side.kind == PGR_SIDE_NULL) null = true;
    if (side.kind == PGR_SIDE_ANY) any = true;
    if (side.kind == PGR_SIDE_VALUE) put(&named, side.value);
  }
  if (any || named.count == 0) {
    pgr_buf_addf(out, "%s %s", after, null ? "IS NOT NULL" : any ? "IS NULL" : "= NULL");
  } else if (null) {
    pgr_buf_addf(out, "%s ", after);
    pgr__write_not_among(named.items, named.count, out);
  } else if (named.count == 1) {
    pgr_buf_addf(out, "%s IS DISTINCT FROM ", after);
    pgr_sql_literal(named.items[0], out);
  } else {
    pgr_buf_addf(out, "(%s ", after);
    pgr__write_among(named.items, named.count, out);
    pgr_buf_adds(out, ") IS NOT TRUE");
  }
}
