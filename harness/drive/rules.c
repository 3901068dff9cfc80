/* The rules of a scenario, checked. An invariant is SQL: it runs in the database the race left behind, once for all
 * rounds, and may read what agents were told from the table pgrace_history, which is made here when it does. */
#include "pgr_rules.h"

#include "history_rows.h"
#include "pgr_contests.h"
#include "pgr_interrupt.h"
#include "pgr_race.h"
#include "pgr_units.h"
#include <stdio.h>
#include <string.h>

enum { HISTORY_BATCH = 20000 };

static pgr_code make_history_table(const pgr_stage *s, pgr_err *err) {
  pgr_code code = pgr_db_exec(s->db, "DROP TABLE IF EXISTS pg_temp.pgrace_history", err);
  return code ? code : pgr_db_exec(s->db, pgr__history_rows_table, err);
}

static pgr_code send_batch(const pgr_stage *s, pgr__history_rows *rows, pgr_err *err) {
  const char *const *values = pgr__history_rows_values(rows);
  PGresult *result = NULL;
  if (!values) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_code code = pgr_db_query(s->db, pgr__history_rows_insert, PGR__HISTORY_COLUMNS, values, &result, err);
  PQclear(result);
  return code;
}

static pgr_code load_history(const pgr_stage *s, const pgr_history *h, pgr_err *err) {
  size_t total = pgr_history_count(h);
  pgr__history_rows rows;
  pgr_code code = make_history_table(s, err);
  pgr__history_rows_init(&rows);
  for (size_t at = 0; !code && at < total;) {
    pgr__history_rows_clear(&rows);
    for (size_t n = 0; n < HISTORY_BATCH && at < total; n++, at++)
      pgr__history_rows_add(&rows, s->scenario, pgr_history_at(h, at));
    code = send_batch(s, &rows, err);
  }
  pgr__history_rows_deinit(&rows);
  return code;
}

bool pgr__needs_history(const pgr_scenario *s) {
  bool needs = false;
  for (int i = 0; i < s->invariant_count; i++)
    needs |= s->invariants[i].needs_history;
  return needs;
}

static pgr_code ask(const pgr_stage *s, const pgr_invariant *invariant, PGresult **out, pgr_err *err) {
  char what[200];
  snprintf(what, sizeof what, "invariant '%.160s'", invariant->name);
  pgr_code code = pgr_stage_query(s, what, &invariant->sql, out, err);
  if (code || PQfnumber(*out, "key") >= 0) return code;
  PQclear(*out);
  *out = NULL;
  return pgr_fail(err, PGR_EUSAGE, "%s: %s returns no column named key: it must say which %s is broken",
                  s->scenario->source.name, what, s->scenario->key.name);
}

pgr_code pgr_rules_check_seed(const pgr_stage *s, pgr_err *err) {
  pgr_code code = pgr__needs_history(s->scenario) ? make_history_table(s, err) : PGR_OK;
  for (int i = 0; !code && i < s->scenario->invariant_count; i++) {
    const pgr_invariant *invariant = &s->scenario->invariants[i];
    PGresult *rows = NULL;
    code = ask(s, invariant, &rows, err);
    if (!code && PQntuples(rows) > 0)
      code = pgr_fail(err, PGR_EUSAGE, "%s: the seed itself breaks the invariant '%s', before anything ran",
                      s->scenario->source.name, invariant->name);
    PQclear(rows);
  }
  return code;
}

/* Rounds whose keys an invariant returned. A key that is none of theirs is a mistake which would hide violations. */
static pgr_code collect(const pgr_stage *s, const pgr_invariant *invariant, const PGresult *rows, int64_t last_round,
                        pgr_rounds *out, pgr_err *err) {
  int key = PQfnumber(rows, "key");
  pgr_code code = PGR_OK;
  for (int i = 0; !code && i < PQntuples(rows); i++) {
    int64_t value = 0;
    if (PQgetisnull(rows, i, key) ||
        pgr_parse_int(PQgetvalue(rows, i, key), "key", s->scenario->key.first, s->scenario->key.last, &value, NULL) ||
        value - s->scenario->key.first >= last_round)
      code = pgr_fail(err, PGR_EUSAGE, "%s: invariant '%s' returns the key %.40s, which no round contested: %s",
                      s->scenario->source.name, invariant->name,
                      PQgetisnull(rows, i, key) ? "NULL" : PQgetvalue(rows, i, key),
                      "its column key must be the contested key");
    else if (pgr_rounds_add(out, value - s->scenario->key.first + 1))
      code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr_rounds_settle(out);
  return code;
}

static pgr_code check_invariant(const pgr_stage *s, const pgr_invariant *invariant, const pgr_contests *contests,
                                int64_t last_round, pgr_rule *rule, pgr_findings *out, pgr_err *err) {
  PGresult *rows = NULL;
  pgr_rounds of_this = {0};
  pgr_code code = ask(s, invariant, &rows, err);
  if (!code) code = collect(s, invariant, rows, last_round, &of_this, err);
  PQclear(rows);
  if (!code) {
    pgr_rounds_intersect(&of_this, &contests->judged);
    rule->known = true;
    rule->broken = of_this.count;
    if (pgr_rounds_unite(&out->broken, &of_this)) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  if (!out->rows_rule && of_this.count > 0) {
    out->rows_rule = rule->name;
    out->rows_broken = of_this;
  } else {
    pgr_rounds_deinit(&of_this);
  }
  return code;
}

static pgr_code check_ownership(const pgr_stage *s, const pgr_history *h, pgr_findings *out, pgr_err *err) {
  const pgr_ownership *o = &s->scenario->ownership;
  pgr_ownership_model model = {.acquire = o->acquire, .release = o->release, .capacity = o->capacity};
  pgr_code code = pgr_verify_ownership(h, model, &out->ownership, err);
  if (code) return code;
  out->rules[out->rule_count++] =
      (pgr_rule){.name = o->name, .from_history = true, .known = true, .broken = out->ownership.broken.count};
  return pgr_rounds_unite(&out->broken, &out->ownership.broken) ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}

/* The last round that began. */
static int64_t find_last_round(const pgr_history *h, const pgr_rounds *unfinished) {
  int64_t last = unfinished->count ? unfinished->at[unfinished->count - 1] : 0;
  size_t total = pgr_history_count(h);
  for (size_t i = 0; i < total; i++)
    if (pgr_history_at(h, i)->round > last) last = pgr_history_at(h, i)->round;
  return last;
}

static pgr_code check_invariants(const pgr_stage *s, const pgr_history *h, const pgr_contests *contests,
                                 const pgr_rounds *unfinished, pgr_findings *out, pgr_err *err) {
  const pgr_scenario *scenario = s->scenario;
  int64_t last_round = find_last_round(h, unfinished);
  pgr_code code = pgr__needs_history(scenario) ? load_history(s, h, err) : PGR_OK;
  for (int i = 0; i < scenario->invariant_count; i++) {
    pgr_rule *rule = &out->rules[out->rule_count++];
    rule->name = scenario->invariants[i].name;
    if (!code) code = check_invariant(s, &scenario->invariants[i], contests, last_round, rule, out, err);
    out->known &= rule->known;
  }
  /* Interrupted, or given up by a connection for cleaning up, which has a time limit: then it is not known. */
  bool given_up = code == PGR_EDATABASE && !*pgr_db_sqlstate(s->db);
  return code == PGR_EINTERRUPTED || (given_up && pgr_interrupt_pending()) ? PGR_OK : code;
}

pgr_code pgr_rules_check(const pgr_stage *s, const pgr_history *h, const pgr_rounds *unfinished, pgr_findings *out,
                         pgr_err *err) {
  bool contends[PGR_KINDS_MAX];
  pgr_contests contests;
  *out = (pgr_findings){.known = true};
  pgr_race_contends(s->scenario, contends);
  pgr_code code = pgr_verify_contests(h, contends, s->contenders, &contests, err);
  pgr_rounds_subtract(&contests.judged, unfinished);
  pgr_rounds_subtract(&contests.contested, unfinished);
  if (!code && s->scenario->ownership.declared) code = check_ownership(s, h, out, err);
  if (!code) code = check_invariants(s, h, &contests, unfinished, out, err);
  if (!code &&
      (pgr_rounds_unite(&out->contested, &contests.contested) || pgr_rounds_unite(&out->contested, &out->broken)))
    code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  pgr_contests_deinit(&contests);
  return code;
}
