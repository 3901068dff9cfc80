/* Errors that a scenario expects: rejections and retries. Invariant: within one list a retry is reachable, no other one
 * before it takes its SQLSTATE. */
#include "scenario_internal.h"

#include "pgr_clock.h"
#include <stdio.h>
#include <string.h>

enum { ATTEMPTS_DEFAULT = 10, ATTEMPTS_MAX = 1000 };
static const int64_t backoff_default_ns = PGR_NS_PER_MS, max_backoff_default_ns = 100 * PGR_NS_PER_MS;

static bool same(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

void pgr__fill_rejections(pgr__load *l) {
  pgr_scenario *s = l->s;
  s->rejection_count = (int)l->raw->rejection_count;
  for (int i = 0; i < s->rejection_count; i++) {
    const pgr__raw_rejection *raw = &l->raw->rejections[i];
    pgr_rejection *r = &s->rejections[i];
    *r = (pgr_rejection){.constraint = raw->constraint, .field = raw->field, .message = raw->message};
    pgr__check_sqlstate(l, pgr__at(l, "rejections[%d].sqlstate", i), raw->sqlstate, r->sqlstate);
    if (raw->constraint)
      pgr__check_line(l, pgr__at(l, "rejections[%d].constraint", i), "'constraint'", raw->constraint);
    if (raw->field) pgr__check_line(l, pgr__at(l, "rejections[%d].field", i), "'field'", raw->field);
    if (raw->message) pgr__check_line(l, pgr__at(l, "rejections[%d].message", i), "'message'", raw->message);
    for (int k = 0; k < i; k++)
      if (same(s->rejections[k].sqlstate, r->sqlstate) && same(s->rejections[k].constraint, r->constraint))
        pgr_faults_add(l->faults, &s->source, pgr__at(l, "rejections[%d].sqlstate", i), NULL,
                       "the same error is declared twice");
  }
}

static void fill_retry_numbers(pgr__load *l, const char *path, const pgr__raw_retry *raw, pgr_retry *r) {
  static const char *const again[] = {"operation", "transaction", "statement", NULL};
  int64_t attempts = ATTEMPTS_DEFAULT;
  int choice = PGR_AGAIN_OPERATION;
  r->backoff_ns = backoff_default_ns;
  if (raw->attempts)
    pgr__read_int(l, pgr__at(l, "%s.attempts", path), "attempts", raw->attempts, 1, ATTEMPTS_MAX, &attempts);
  if (raw->backoff) pgr__read_duration(l, pgr__at(l, "%s.backoff", path), "backoff", raw->backoff, &r->backoff_ns);
  r->max_backoff_ns = r->backoff_ns > max_backoff_default_ns ? r->backoff_ns : max_backoff_default_ns;
  if (raw->max_backoff &&
      pgr__read_duration(l, pgr__at(l, "%s.max_backoff", path), "max_backoff", raw->max_backoff, &r->max_backoff_ns) &&
      r->max_backoff_ns < r->backoff_ns)
    pgr_faults_add(l->faults, &l->s->source, pgr__at(l, "%s.max_backoff", path), NULL,
                   "max_backoff: %.40s is less than the backoff of %.40s", raw->max_backoff,
                   raw->backoff ? raw->backoff : "1ms");
  if (raw->again) {
    char at[80];
    snprintf(at, sizeof at, "%s.again", path);
    pgr__choose_optional(l, at, "thing to do again", raw->again, again, &choice);
  }
  r->attempts = (int)attempts;
  r->again = (pgr_again)choice;
}

static void add_retry(pgr__load *l, pgr_place_in at, const char *sqlstate, pgr_retry r, pgr_retry *out,
                      int *out_count) {
  if (!pgr__check_sqlstate(l, at, sqlstate, r.sqlstate)) return;
  for (int k = 0; k < *out_count; k++) {
    if (strcmp(out[k].sqlstate, r.sqlstate) != 0) continue;
    pgr_faults_add(l->faults, &l->s->source, at, NULL, "%s is retried already by what stands before", r.sqlstate);
    return;
  }
  if (*out_count == PGR_RETRIES_MAX)
    pgr_faults_add(l->faults, &l->s->source, at, NULL, "too many errors to retry, at most %d fit", PGR_RETRIES_MAX);
  else
    out[(*out_count)++] = r;
}

/* The one SQLSTATE of an entry, or the list of them. */
static void add_sqlstates(pgr__load *l, const char *path, pgr_retry r, pgr_retry *out, int *out_count) {
  char at[80];
  snprintf(at, sizeof at, "%s.sqlstate", path);
  const yaml_node_t *node = pgr_yaml_find(&l->yaml, at, NULL);
  if (node && node->type == YAML_SCALAR_NODE) {
    add_retry(l, pgr__at(l, "%s", at), (const char *)node->data.scalar.value, r, out, out_count);
    return;
  }
  if (!node || node->type != YAML_SEQUENCE_NODE || node->data.sequence.items.top == node->data.sequence.items.start) {
    pgr_faults_add(l->faults, &l->s->source, pgr__key_at(l, "%s", at), NULL,
                   "'sqlstate' must be one SQLSTATE or a list of them");
    return;
  }
  int count = (int)(node->data.sequence.items.top - node->data.sequence.items.start);
  for (int i = 0; i < count && i <= PGR_RETRIES_MAX; i++) {
    snprintf(at, sizeof at, "%s.sqlstate[%d]", path, i);
    const yaml_node_t *item = pgr_yaml_find(&l->yaml, at, NULL);
    bool text = item && item->type == YAML_SCALAR_NODE;
    add_retry(l, pgr__at(l, "%s", at), text ? (const char *)item->data.scalar.value : "", r, out, out_count);
  }
}

void pgr__fill_retries(pgr__load *l, const char *path, const pgr__raw_retry *raw, unsigned count, pgr_retry *out,
                       int *out_count) {
  for (unsigned i = 0; i < count; i++) {
    char at[64];
    pgr_retry r = {0};
    snprintf(at, sizeof at, "%s[%u]", path, i);
    fill_retry_numbers(l, at, &raw[i], &r);
    add_sqlstates(l, at, r, out, out_count);
  }
}
