#include "pgr_tally.h"

#include "latency_internal.h"
#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <stdio.h>
#include <string.h>

void pgr_tally_init(pgr_tally *t) {
  *t = (pgr_tally){0};
}

pgr_code pgr_tally_time_statements(pgr_tally *t, int count) {
  if (t->statement_kinds >= count) return PGR_OK;
  pgr_histogram **grown = pgr_realloc(t->statement, (size_t)count, sizeof *grown);
  if (!grown) return PGR_ENOMEM;
  memset(grown + t->statement_kinds, 0, (size_t)(count - t->statement_kinds) * sizeof *grown);
  t->statement = grown;
  t->statement_kinds = count;
  return PGR_OK;
}

void pgr_tally_deinit(pgr_tally *t) {
  for (int i = 0; i < t->statement_kinds; i++)
    pgr_histogram_destroy(t->statement[i]);
  pgr_free(t->statement);
  for (int k = 0; k < PGR_KINDS_MAX; k++) {
    pgr_histogram_destroy(t->tries[k]);
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++) {
      pgr_histogram_destroy(t->service[k][o]);
      pgr_histogram_destroy(t->response[k][o]);
    }
  }
  pgr_histogram_destroy(t->transaction);
  pgr_histogram_destroy(t->pool_wait);
  pgr_histogram_destroy(t->start_skew);
  pgr_tally_init(t);
}

static pgr_code ensure(pgr_histogram **h) {
  if (!*h) *h = pgr_histogram_create();
  return *h ? PGR_OK : PGR_ENOMEM;
}

pgr_code pgr_tally_record(pgr_histogram **h, int64_t value_ns) {
  pgr_code code = ensure(h);
  return code ? code : pgr_histogram_record(*h, value_ns);
}

static pgr_complaint *find_complaint(pgr_tally *t, const char *sqlstate, const char *message) {
  for (size_t i = 0; i < t->complaint_count; i++)
    if (strcmp(t->complaints[i].sqlstate, sqlstate) == 0 && strcmp(t->complaints[i].message, message) == 0)
      return &t->complaints[i];
  return NULL;
}

static void complain(pgr_tally *t, const pgr_complaint *about, const char *message) {
  char cut[PGR_COMPLAINT_BYTES];
  pgr_utf8_copy(cut, sizeof cut, message);
  pgr_complaint *c = find_complaint(t, about->sqlstate, cut);
  if (!c) {
    if (t->complaint_count == PGR_COMPLAINTS_KEPT) return;
    c = &t->complaints[t->complaint_count++];
    *c = *about;
    c->count = 0;
    memcpy(c->message, cut, sizeof cut);
  }
  c->count += about->count;
}

void pgr_tally_complain(pgr_tally *t, uint8_t kind, const char *file, int line, const char *sqlstate,
                        const char *message) {
  pgr_complaint about = {.kind = kind, .file = file, .line = line, .count = 1};
  snprintf(about.sqlstate, sizeof about.sqlstate, "%s", sqlstate);
  complain(t, &about, message);
}

pgr_code pgr__histogram_add(pgr_histogram **to, const pgr_histogram *from) {
  if (!from) return PGR_OK;
  pgr_code code = ensure(to);
  return code ? code : pgr_histogram_merge(*to, from);
}

static pgr_code add_counted(pgr_histogram **h, int64_t value, uint64_t n) {
  if (n == 0) return PGR_OK;
  pgr_code code = ensure(h);
  return code ? code : pgr_histogram_record_many(*h, value, n);
}

pgr_code pgr_tally_merge(pgr_tally *t, const pgr_tally *from) {
  pgr_code code = pgr__histogram_add(&t->pool_wait, from->pool_wait);
  if (!code) code = pgr__histogram_add(&t->start_skew, from->start_skew);
  if (!code) code = pgr__histogram_add(&t->transaction, from->transaction);
  if (!code) code = add_counted(&t->pool_wait, 0, from->unqueued);
  for (int k = 0; !code && k < PGR_KINDS_MAX; k++) {
    code = pgr__histogram_add(&t->tries[k], from->tries[k]);
    if (!code) code = add_counted(&t->tries[k], 1, from->first_tries[k]);
    for (int o = 0; !code && o < PGR_OUTCOME_COUNT; o++) {
      t->outcomes[k][o] += from->outcomes[k][o];
      code = pgr__histogram_add(&t->service[k][o], from->service[k][o]);
      if (!code) code = pgr__histogram_add(&t->response[k][o], from->response[k][o]);
    }
  }
  if (!code) code = pgr_tally_time_statements(t, from->statement_kinds);
  for (int i = 0; !code && i < from->statement_kinds; i++)
    code = pgr__histogram_add(&t->statement[i], from->statement[i]);
  t->statements += from->statements;
  for (int i = 0; i < PGR_TALLY_REJECTIONS; i++)
    t->rejections[i] += from->rejections[i];
  for (size_t i = 0; i < from->complaint_count; i++)
    complain(t, &from->complaints[i], from->complaints[i].message);
  return code;
}
