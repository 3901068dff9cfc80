/* A bench as one JSON document. Names and units are documented in docs/result.md; format 1. */
#include "json_internal.h"
#include "pgr_threshold.h"

#include <ctype.h>
#include <jansson.h>

static json_t *not_negative(int64_t value) {
  return value < 0 ? json_null() : json_integer((json_int_t)value);
}

static json_t *not_zero(int64_t value) {
  return value ? json_integer((json_int_t)value) : json_null();
}

static json_t *latency(const pgr_histogram *h) {
  if (!h || pgr_histogram_count(h) == 0) return json_null();
  static const struct {
    const char *name;
    double share;
  } shown[] = {{"p50", 0.5},    {"p90", 0.9},      {"p95", 0.95}, {"p99", 0.99},
               {"p999", 0.999}, {"p9999", 0.9999}, {"max", 1}};
  json_t *all = json_pack("{s:I,s:o}", "count", (json_int_t)pgr_histogram_count(h), "mean",
                          pgr__json_number(pgr_histogram_mean(h)));
  for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
    json_object_set_new(all, shown[i].name, json_integer((json_int_t)pgr_histogram_quantile(h, shown[i].share)));
  return all;
}

static json_t *latencies(const pgr_scenario *s, pgr_histogram *const of[][PGR_OUTCOME_COUNT]) {
  json_t *all = json_object();
  for (int k = 0; k < s->operation_count; k++) {
    json_t *one = json_object();
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
      if (of[k][o]) json_object_set_new(one, pgr_outcome_name((pgr_outcome)o), latency(of[k][o]));
    json_object_set_new(all, s->operations[k].name, one);
  }
  return all;
}

static const char *unit_name(pgr_unit unit) {
  switch (unit) {
  case PGR_UNIT_COUNT: return "count";
  case PGR_UNIT_PER_S: return "per_s";
  case PGR_UNIT_NS: return "ns";
  case PGR_UNIT_SHARE: return "share";
  case PGR_UNIT_BYTES: break;
  }
  return "bytes";
}

static json_t *better(pgr_better better) {
  if (better == PGR_BETTER_NEITHER) return json_null();
  return json_string(better == PGR_BETTER_LOWER ? "lower" : "higher");
}

static json_t *figures(const pgr_bench_cell *c) {
  json_t *all = json_object();
  for (size_t i = 0; i < c->figure_count; i++) {
    const pgr_figure *f = &c->figures[i];
    json_t *each = json_array();
    for (size_t r = 0; r < f->count; r++)
      json_array_append_new(each, pgr__json_number(f->each[r]));
    json_object_set_new(all, f->name,
                        json_pack("{s:o,s:o,s:o,s:o,s:b,s:s,s:o,s:o}", "value", pgr__json_number(f->value), "median",
                                  pgr__json_number(f->median), "low", pgr__json_number(f->interval.low), "high",
                                  pgr__json_number(f->interval.high), "bounded", f->bounded, "unit", unit_name(f->unit),
                                  "better", better(f->better), "each", each));
  }
  return all;
}

/* As its author wrote it, without the blanks before a \gset. */
static json_t *sql_text(const pgr_template *t, const pgr_names *names) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  for (int i = 0; i < t->var_count; i++)
    pgr_buf_addf(&text, "%s:%s", t->literals[i], names->at[t->slots[i]]);
  pgr_buf_adds(&text, t->literals[t->var_count]);
  size_t len = text.len;
  while (len > 0 && isspace((unsigned char)text.data[len - 1]))
    len--;
  json_t *written = json_stringn(pgr_buf_text(&text), len);
  pgr_buf_deinit(&text);
  return written;
}

/* base: how many statements the operations before have; so the tally's are numbered. */
static void add_statements(const pgr_scenario *s, const pgr_bench_cell *c, int k, int base, json_t *all) {
  const pgr_script *script = c->strategy->scripts[k];
  for (int i = 0; i < script->count; i++) {
    const pgr_command *command = &script->commands[i];
    if (command->kind != PGR_COMMAND_SQL) continue;
    int at = base + command->sql.index;
    const pgr_histogram *took = at < c->all.tally.statement_kinds ? c->all.tally.statement[at] : NULL;
    json_array_append_new(all, json_pack("{s:s,s:i,s:o,s:i,s:o,s:o}", "operation", s->operations[k].name, "number",
                                         command->sql.index + 1, "file", pgr_json_text_or_null(script->source.name),
                                         "line", command->at.line, "sql", sql_text(&command->sql.text, &s->names),
                                         "latency_ns", latency(took)));
  }
}

static json_t *statements(const pgr_scenario *s, const pgr_bench_cell *c) {
  json_t *all = json_array();
  for (int k = 0, base = 0; k < s->operation_count; k++) {
    if (!c->strategy->scripts[k]) continue;
    add_statements(s, c, k, base, all);
    base += c->strategy->scripts[k]->sql_count;
  }
  return all;
}

static json_t *waits(const pgr_server_figures *f) {
  if (!f->known) return json_null();
  json_t *all = json_array();
  for (size_t i = 0; i < f->wait_count; i++)
    json_array_append_new(all,
                          json_pack("{s:s,s:I,s:o}", "what", f->waits[i].what, "seen", (json_int_t)f->waits[i].seen,
                                    "processes", pgr__json_number((double)f->waits[i].seen / (double)f->looks)));
  return all;
}

static json_t *server(const pgr_server_figures *f) {
  if (!f->known) return json_null();
  json_t *all =
      json_pack("{s:I,s:I,s:o,s:o,s:o,s:o}", "looks", (json_int_t)f->looks, "took_ns", (json_int_t)f->took_ns,
                "phase_s", pgr__json_number(f->phase_s), "wal_bytes", not_negative(f->wal_bytes), "wal_records",
                not_negative(f->wal_records), "wal_full_pages", not_negative(f->wal_full_pages));
  json_object_update_new(all,
                         json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "commits", not_negative(f->commits), "rollbacks",
                                   not_negative(f->rollbacks), "deadlocks", not_negative(f->deadlocks), "conflicts",
                                   not_negative(f->conflicts), "blocks_hit", not_negative(f->blocks_hit), "blocks_read",
                                   not_negative(f->blocks_read), "temp_bytes", not_negative(f->temp_bytes)));
  return all;
}

static json_t *operation(const pgr_scenario *s, const pgr_op *op) {
  return json_pack("{s:I,s:s,s:i,s:I,s:I,s:I,s:I,s:I,s:s,s:o}", "agent", (json_int_t)op->agent, "operation",
                   s->operations[op->kind].name, "attempt", (int)op->attempt, "key", (json_int_t)op->key, "round",
                   (json_int_t)op->round, "intended_ns", (json_int_t)op->intended_ns, "call_ns",
                   (json_int_t)op->call_ns, "return_ns", (json_int_t)op->return_ns, "outcome",
                   pgr_outcome_name((pgr_outcome)op->outcome), "sqlstate", pgr_json_text_or_null(op->sqlstate));
}

static json_t *story(const pgr_scenario *s, const pgr_follow_report *r) {
  if (r->duplicates)
    return json_pack("{s:s,s:o,s:o}", "what", "duplicate", "first", operation(s, &r->violation.first), "second",
                     operation(s, &r->violation.second));
  if (r->unexplained)
    return json_pack("{s:s,s:n,s:o}", "what", "unexplained", "first", "second",
                     operation(s, &r->unexplained_first.second));
  return json_null();
}

/* Of one repetition, second by second. */
static json_t *seconds(const pgr_bench_repetition *of, size_t repetition) {
  const pgr_series *series = &of->series;
  json_t *transactions = json_array(), *errors = json_array(), *p50 = json_array(), *p99 = json_array(),
         *max = json_array();
  for (size_t i = 0; i < series->count; i++) {
    const pgr_interval_figures *f = &series->at[i];
    bool any = f->ended > 0;
    json_array_append_new(transactions, json_integer((json_int_t)f->ended));
    json_array_append_new(errors, json_integer((json_int_t)f->errors));
    json_array_append_new(p50, any ? json_integer((json_int_t)pgr_series_quantile(f, 0.5)) : json_null());
    json_array_append_new(p99, any ? json_integer((json_int_t)pgr_series_quantile(f, 0.99)) : json_null());
    json_array_append_new(max, any ? json_integer((json_int_t)f->max_ns) : json_null());
  }
  return json_pack("{s:I,s:I,s:o,s:o,s:o,s:o,s:o}", "repetition", (json_int_t)repetition, "width_ns",
                   (json_int_t)series->width_ns, "transactions", transactions, "errors", errors, "p50_ns", p50,
                   "p99_ns", p99, "max_ns", max);
}

static json_t *all_series(const pgr_bench_cell *c) {
  json_t *all = json_array();
  for (size_t i = 0; i < c->repetition_count; i++)
    json_array_append_new(all, seconds(&c->repetitions[i], i + 1));
  return all;
}

static json_t *cell_name(const pgr_bench *b, const pgr_bench_cell *c) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_bench_cell_name(b, c, &text);
  json_t *name = json_string(pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  return name;
}

static json_t *cell(const pgr_bench *b, const pgr_bench_cell *c) {
  const pgr_scenario *s = b->scenario;
  const pgr_measure *m = &c->all;
  json_t *o = json_pack("{s:o,s:o,s:s,s:s,s:o,s:I,s:I,s:I,s:s,s:I,s:b,s:I}", "name", cell_name(b, c), "scenario",
                        pgr_json_text_or_null(b->bare ? NULL : s->name), "strategy", c->strategy->name, "isolation",
                        pgr_isolation_name(c->isolation), "expect", pgr_json_text_or_null(pgr_expect_name(c->expect)),
                        "clients", (json_int_t)c->clients, "connections", (json_int_t)c->connections, "threads",
                        (json_int_t)c->threads, "method", "load", "repetitions", (json_int_t)c->repetition_count,
                        "complete", m->complete, "window_ns", (json_int_t)m->window_ns);
  if (!o) return NULL;
  json_object_update_new(
      o, json_pack("{s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "figures", figures(c), "outcomes",
                   pgr__json_outcomes(s, m->tally.outcomes), "retries", pgr__json_retries(s, m->tally.outcomes),
                   "latency_ns", latencies(s, m->tally.service), "response_ns", latencies(s, m->tally.response),
                   "transaction_ns", latency(m->tally.transaction), "pool_wait_ns", latency(m->tally.pool_wait),
                   "lag_ns", latency(m->lag), "loop_lag_ns", latency(m->loop_lag)));
  json_object_update_new(o, json_pack("{s:o,s:o,s:o,s:o,s:o}", "statements", statements(s, c), "waits",
                                      waits(&m->server), "server", server(&m->server), "rejections",
                                      pgr__json_rejections(s, m->tally.rejections), "errors",
                                      pgr__json_errors(s, m->tally.complaints, m->tally.complaint_count)));
  json_object_update_new(o, json_pack("{s:b,s:b,s:I,s:I,s:I,s:o,s:o,s:I,s:o}", "verified", m->verified,
                                      "verify_limited", m->verify_limited, "verified_operations",
                                      (json_int_t)m->verified_operations, "duplicates", (json_int_t)m->duplicates,
                                      "unexplained", (json_int_t)m->unexplained, "story", story(s, &c->story), "rules",
                                      pgr_json_text_or_null(c->rules), "rows_broken", (json_int_t)c->rows_broken,
                                      "trouble", pgr_json_text_or_null(c->trouble)));
  json_object_update_new(o, json_pack("{s:o,s:o,s:o,s:o}", "line", not_zero(c->strategy->line), "summary",
                                      pgr_json_text_or_null(c->strategy->summary), "curves",
                                      pgr__json_curves(&c->winner_curve, &c->loser_curve), "series", all_series(c)));
  return o;
}

static json_t *keys_text(const pgr_key_options *keys) {
  pgr_buf text;
  pgr_buf_init(&text, 0);
  pgr_keys_write(keys, &text);
  json_t *written = json_string(pgr_buf_text(&text));
  pgr_buf_deinit(&text);
  return written;
}

static json_t *settings(const pgr_bench *b) {
  json_t *all = json_pack("{s:I,s:i,s:I,s:o,s:o,s:I,s:I,s:o}", "threads", (json_int_t)b->settings.threads,
                          "repetitions", b->settings.repetitions, "warmup_ns", (json_int_t)b->settings.warmup_ns,
                          "duration_ns", not_zero(b->settings.duration_ns), "transactions",
                          not_zero(b->settings.transactions), "hold_ns", (json_int_t)b->settings.hold_ns, "gap_ns",
                          (json_int_t)b->settings.gap_ns, "max_tries", not_zero(b->settings.max_tries));
  bool open = b->settings.open;
  json_object_update_new(
      all, json_pack("{s:s,s:b,s:b,s:o,s:I,s:s,s:o,s:o,s:o}", "protocol", pgr_protocol_name(b->settings.protocol),
                     "durable", b->settings.durable, "verify", b->settings.verify, "keys", keys_text(&b->settings.keys),
                     "key_count", (json_int_t)b->settings.keys.count, "loop", open ? "open" : "closed", "rate",
                     open ? json_pack("{s:o,s:o}", "from", pgr__json_number(b->settings.rate.from), "to",
                                      pgr__json_number(b->settings.rate.to))
                          : json_null(),
                     "arrivals", open ? json_string(b->settings.poisson ? "poisson" : "constant") : json_null(),
                     "max_lag_ns", open ? not_zero(b->settings.max_lag_ns) : json_null()));
  return all;
}

static json_t *crossings(const pgr_bench *b, size_t threshold) {
  json_t *all = json_array();
  for (size_t i = 0; i < b->crossing_count; i++)
    if (b->crossings[i].threshold == threshold)
      json_array_append_new(all, json_pack("{s:o,s:o}", "cell", cell_name(b, &b->cells[b->crossings[i].cell]), "value",
                                           pgr__json_number(b->crossings[i].value)));
  return all;
}

static json_t *thresholds(const pgr_bench *b) {
  json_t *all = json_array();
  for (size_t i = 0; i < b->threshold_count; i++)
    json_array_append_new(all, json_pack("{s:s,s:s,s:o}", "text", b->thresholds[i].text, "where",
                                         b->thresholds[i].where, "crossings", crossings(b, i)));
  return all;
}

static json_t *changes(const pgr_bench *b) {
  json_t *all = json_array();
  for (size_t i = 0; i < b->change_count; i++) {
    const pgr_change *c = &b->changes[i];
    const pgr_bench_cell *of = &b->cells[c->cell];
    json_array_append_new(all, json_pack("{s:o,s:s,s:o,s:o,s:o,s:b,s:b}", "cell", cell_name(b, of), "figure",
                                         of->figures[c->figure].name, "before", pgr__json_number(c->before), "after",
                                         pgr__json_number(c->after), "p", pgr__json_number(c->p), "significant",
                                         c->significant, "worse", c->worse));
  }
  return all;
}

pgr_code pgr_bench_json(const pgr_bench *b, pgr_buf *out, pgr_err *err) {
  json_t *cells = json_array();
  for (size_t i = 0; i < b->cell_count; i++)
    json_array_append_new(cells, cell(b, &b->cells[i]));
  json_t *document =
      json_pack("{s:i,s:s,s:i,s:b,s:b,s:o,s:o,s:o,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "format", 1, "command", "bench",
                "exit_status", b->exit_status, "complete", b->complete, "interrupted", b->interrupted, "note",
                pgr_json_text_or_null(b->note), "error", pgr_json_text_or_null(b->error), "repeat",
                pgr_json_text_or_null(b->repeat), "seed", (json_int_t)b->seed, "scenario",
                b->bare ? json_null() : pgr__json_scenario(b->scenario), "settings", settings(b), "environment",
                pgr__json_environment(&b->environment), "thresholds", thresholds(b), "baseline",
                pgr_json_text_or_null(b->compared ? b->baseline : NULL), "changes", changes(b), "cells", cells);
  return pgr__json_write(document, out, err);
}
