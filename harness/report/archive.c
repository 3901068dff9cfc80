/* A result document out of its JSON text: what documents of runs, explorations and benches have in common, and the
 * scenario, as far as a renderer looks at one. An older document does not describe it: then its names come from the
 * cells. */
#include "archive_internal.h"

#include "pgr_fault.h"
#include "pgr_mem.h"
#include "pgr_utf8.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT = 1, BENCH = 3 };

static const char *const commands[] = {"run", "explore", "demo", [BENCH] = "bench"};

/* ---- messages ---- */

void pgr__archive_complain(pgr__archive_reader *r, const char *key, const char *fmt, ...) {
  char what[200];
  if (r->code) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  r->code = pgr_fail(r->err, PGR_EUSAGE, "%s: %s%s%s: %s", r->name, r->where, *r->where && *key ? "." : "", key, what);
}

void pgr__archive_no_memory(pgr__archive_reader *r) {
  if (!r->code) r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
}

size_t pgr__archive_enter(pgr__archive_reader *r, const char *fmt, ...) {
  size_t before = strlen(r->where);
  if (r->code) return before;
  va_list ap;
  va_start(ap, fmt);
  if (before && before + 1 < sizeof r->where) memcpy(r->where + before, ".", 2);
  size_t at = strlen(r->where);
  vsnprintf(r->where + at, sizeof r->where - at, fmt, ap);
  va_end(ap);
  return before;
}

void pgr__archive_leave(pgr__archive_reader *r, size_t before) {
  if (!r->code) r->where[before] = '\0';
}

/* ---- values ---- */

json_t *pgr__archive_find(json_t *o, const char *key) {
  json_t *v = json_object_get(o, key);
  return json_is_null(v) ? NULL : v;
}

json_t *pgr__archive_object(pgr__archive_reader *r, json_t *o, const char *key) {
  json_t *v = pgr__archive_find(o, key);
  if (v && !json_is_object(v)) pgr__archive_complain(r, key, "must be an object");
  return r->code ? NULL : v;
}

json_t *pgr__archive_list(pgr__archive_reader *r, json_t *o, const char *key, size_t most) {
  json_t *v = pgr__archive_find(o, key);
  if (v && !json_is_array(v))
    pgr__archive_complain(r, key, "must be a list");
  else if (json_array_size(v) > most)
    pgr__archive_complain(r, key, "at most %zu, not %zu", most, json_array_size(v));
  return r->code ? NULL : v;
}

const char *pgr__archive_text(pgr__archive_reader *r, json_t *o, const char *key) {
  json_t *v = pgr__archive_find(o, key);
  if (v && !json_is_string(v)) pgr__archive_complain(r, key, "must be a text");
  return v && !r->code ? json_string_value(v) : "";
}

void pgr__archive_copy(pgr__archive_reader *r, json_t *o, const char *key, char *out, size_t bytes) {
  pgr_utf8_copy(out, bytes, pgr__archive_text(r, o, key));
}

/* At most `bytes` of it. */
static char *keep(pgr__archive_reader *r, const char *text, size_t bytes) {
  size_t len = strlen(text);
  if (len + 1 < bytes) bytes = len + 1;
  char *kept = r->code ? NULL : pgr_arena_alloc(&r->a->arena, bytes);
  if (kept)
    pgr_utf8_copy(kept, bytes, text);
  else
    pgr__archive_no_memory(r);
  return kept;
}

const char *pgr__archive_keep(pgr__archive_reader *r, const char *text) {
  const char *kept = keep(r, text, PGR__ARCHIVE_NAME_BYTES);
  return kept ? kept : "";
}

const char *pgr__archive_name(pgr__archive_reader *r, json_t *o, const char *key) {
  return pgr__archive_keep(r, pgr__archive_text(r, o, key));
}

const char *pgr__archive_prose(pgr__archive_reader *r, json_t *o, const char *key) {
  const char *text = pgr__archive_text(r, o, key);
  char *kept = *text ? keep(r, text, PGR__ARCHIVE_PROSE_BYTES) : NULL;
  /* The text is UTF-8, for jansson takes no other: a byte became a byte. */
  for (char *c = kept; c && *c; c++)
    if (text[c - kept] == '\n') *c = '\n';
  return kept;
}

bool pgr__archive_flag(pgr__archive_reader *r, json_t *o, const char *key) {
  json_t *v = pgr__archive_find(o, key);
  if (v && !json_is_boolean(v)) pgr__archive_complain(r, key, "must be true or false");
  return !r->code && json_is_true(v);
}

int64_t pgr__archive_int(pgr__archive_reader *r, json_t *o, const char *key, int64_t missing, int64_t low,
                         int64_t high) {
  json_t *v = pgr__archive_find(o, key);
  if (!v) return missing;
  if (!json_is_integer(v)) {
    pgr__archive_complain(r, key, "must be a whole number");
    return missing;
  }
  int64_t n = json_integer_value(v);
  if (n >= low && n <= high) return n;
  pgr__archive_complain(r, key, "must be %lld … %lld, not %lld", (long long)low, (long long)high, (long long)n);
  return missing;
}

int64_t pgr__archive_count(pgr__archive_reader *r, json_t *o, const char *key) {
  return pgr__archive_int(r, o, key, 0, 0, PGR__ARCHIVE_COUNT_MAX);
}

double pgr__archive_number(pgr__archive_reader *r, json_t *o, const char *key, double missing, double low,
                           double high) {
  json_t *v = pgr__archive_find(o, key);
  if (!v) return missing;
  if (!json_is_number(v)) {
    pgr__archive_complain(r, key, "must be a number");
    return missing;
  }
  double n = json_number_value(v);
  if (n >= low && n <= high) return n;
  pgr__archive_complain(r, key, "must be %g … %g, not %g", low, high, n);
  return missing;
}

int pgr__archive_choice(pgr__archive_reader *r, json_t *o, const char *key, const char *const *names, int count) {
  const char *text = pgr__archive_text(r, o, key);
  char all[160] = "";
  for (int i = 0; i < count; i++)
    if (strcmp(text, names[i]) == 0) return i;
  for (int i = 0; i < count; i++) {
    size_t at = strlen(all);
    snprintf(all + at, sizeof all - at, "%s\"%s\"", i == 0 ? "" : i + 1 < count ? ", " : " or ", names[i]);
  }
  pgr__archive_complain(r, key, "must be %s", all);
  return 0;
}

/* ---- what both kinds have ---- */

pgr_isolation pgr__archive_isolation(pgr__archive_reader *r, json_t *o) {
  const char *names[PGR_ISOLATION_COUNT];
  for (int i = 0; i < PGR_ISOLATION_COUNT; i++)
    names[i] = pgr_isolation_name((pgr_isolation)i);
  return (pgr_isolation)pgr__archive_choice(r, o, "isolation", names, PGR_ISOLATION_COUNT);
}

int pgr__archive_exit_status(pgr__archive_reader *r, json_t *document) {
  if (!pgr__archive_find(document, "exit_status")) pgr__archive_complain(r, "exit_status", "is missing");
  return (int)pgr__archive_int(r, document, "exit_status", 0, 0, 5);
}

pgr_protocol pgr__archive_protocol(pgr__archive_reader *r, json_t *o) {
  static const char *const names[] = {"simple", "extended", "prepared"};
  return (pgr_protocol)pgr__archive_choice(r, o, "protocol", names, 3);
}

pgr_expect pgr__archive_expect(pgr__archive_reader *r, json_t *o) {
  static const char *const names[] = {"race", "safe"};
  if (!pgr__archive_find(o, "expect")) return PGR_EXPECT_NOTHING;
  return pgr__archive_choice(r, o, "expect", names, 2) == 0 ? PGR_EXPECT_RACE : PGR_EXPECT_SAFE;
}

const pgr_strategy *pgr__archive_strategy(pgr__archive_reader *r, json_t *cell) {
  pgr_scenario *s = &r->a->scenario;
  const char *name = pgr__archive_name(r, cell, "strategy");
  pgr_isolation level = pgr__archive_isolation(r, cell);
  pgr_expect expect = pgr__archive_expect(r, cell);
  if (!*name) pgr__archive_complain(r, "strategy", "is missing");
  int i = 0;
  while (i < s->strategy_count && strcmp(s->strategies[i].name, name) != 0)
    i++;
  if (i == PGR_STRATEGIES_MAX) pgr__archive_complain(r, "strategy", "at most %d different ones", PGR_STRATEGIES_MAX);
  if (r->code) return NULL;
  pgr_strategy *of = &s->strategies[i];
  if (i == s->strategy_count) {
    const char *summary = pgr__archive_prose(r, cell, "summary");
    *of = (pgr_strategy){.name = name, .summary = summary ? summary : "", .first = level};
    of->line = (int)pgr__archive_int(r, cell, "line", 0, 0, INT32_MAX);
    s->strategy_count++;
  }
  of->at[level].runs = true;
  of->at[level].expect = expect;
  return of;
}

int pgr__archive_operation(pgr__archive_reader *r, json_t *o, const char *key) {
  const pgr_scenario *s = &r->a->scenario;
  const char *name = pgr__archive_name(r, o, key);
  for (int i = 0; i < s->operation_count; i++)
    if (strcmp(s->operations[i].name, name) == 0) return i;
  pgr__archive_complain(r, key, "'%.60s' is none of the scenario's operations", name);
  return 0;
}

void pgr__archive_environment(pgr__archive_reader *r, json_t *document, pgr_environment *e) {
  static const char *const servers[] = {"private", "given"};
  json_t *o = pgr__archive_object(r, document, "environment");
  if (!o) {
    pgr__archive_complain(r, "environment", "is missing");
    return;
  }
  size_t before = pgr__archive_enter(r, "environment");
  e->private_server = pgr__archive_choice(r, o, "server", servers, 2) == 0;
  e->in_memory = pgr__archive_flag(r, o, "in_memory");
  pgr__archive_copy(r, o, "server_version", e->server_version, sizeof e->server_version);
  pgr__archive_copy(r, o, "target", e->target, sizeof e->target);
  pgr__archive_copy(r, o, "server_settings", e->server_settings, sizeof e->server_settings);
  pgr__archive_copy(r, o, "machine", e->machine, sizeof e->machine);
  pgr__archive_copy(r, o, "started_at", e->started_at, sizeof e->started_at);
  e->libpq_version = (int)pgr__archive_int(r, o, "libpq_version", 0, 0, INT32_MAX);
  e->cpus = (int)pgr__archive_int(r, o, "cpus", 0, 0, INT32_MAX);
  e->startup_ns = pgr__archive_count(r, o, "startup_ns");
  pgr__archive_leave(r, before);
}

void pgr__archive_outcomes(pgr__archive_reader *r, json_t *cell, uint64_t out[][PGR_OUTCOME_COUNT]) {
  const pgr_scenario *s = &r->a->scenario;
  json_t *outcomes = pgr__archive_object(r, cell, "outcomes"), *retries = pgr__archive_object(r, cell, "retries");
  for (int k = 0; k < s->operation_count && !r->code; k++) {
    size_t before = pgr__archive_enter(r, "outcomes");
    json_t *one = pgr__archive_object(r, outcomes, s->operations[k].name);
    (void)pgr__archive_enter(r, "%s", s->operations[k].name);
    for (int o = 0; o < PGR_OUTCOME_COUNT; o++)
      if (o != PGR_OUTCOME_RETRIED) out[k][o] = (uint64_t)pgr__archive_count(r, one, pgr_outcome_name((pgr_outcome)o));
    pgr__archive_leave(r, before);
    before = pgr__archive_enter(r, "retries");
    out[k][PGR_OUTCOME_RETRIED] = (uint64_t)pgr__archive_count(r, retries, s->operations[k].name);
    pgr__archive_leave(r, before);
  }
}

static bool is_same(const char *a, const char *b) {
  return strcmp(a ? a : "", b ? b : "") == 0;
}

/* Index in the scenario, to which it is added when it is not there; -1 after a fault. */
static int read_rejection(pgr__archive_reader *r, json_t *o) {
  pgr_scenario *s = &r->a->scenario;
  pgr_rejection one = {.constraint = pgr__archive_find(o, "constraint") ? pgr__archive_name(r, o, "constraint") : NULL,
                       .field = pgr__archive_find(o, "field") ? pgr__archive_name(r, o, "field") : NULL,
                       .message = pgr__archive_prose(r, o, "message")};
  pgr__archive_copy(r, o, "sqlstate", one.sqlstate, sizeof one.sqlstate);
  if (!*one.sqlstate) pgr__archive_complain(r, "sqlstate", "is missing");
  int i = 0;
  for (; i < s->rejection_count && !r->code; i++) {
    const pgr_rejection *known = &s->rejections[i];
    if (is_same(known->sqlstate, one.sqlstate) && is_same(known->constraint, one.constraint) &&
        is_same(known->field, one.field) && is_same(known->message, one.message))
      return i;
  }
  if (i == PGR_REJECTIONS_MAX) pgr__archive_complain(r, "", "at most %d different ones", PGR_REJECTIONS_MAX);
  if (r->code) return -1;
  s->rejections[s->rejection_count++] = one;
  return i;
}

void pgr__archive_rejections(pgr__archive_reader *r, json_t *cell, uint64_t *out) {
  json_t *all = pgr__archive_list(r, cell, "rejections", PGR_REJECTIONS_MAX);
  for (size_t i = 0; i < json_array_size(all) && !r->code; i++) {
    json_t *o = json_array_get(all, i);
    size_t before = pgr__archive_enter(r, "rejections[%zu]", i);
    int which = read_rejection(r, o);
    if (which >= 0) out[which] = (uint64_t)pgr__archive_count(r, o, "count");
    pgr__archive_leave(r, before);
  }
}

size_t pgr__archive_errors(pgr__archive_reader *r, json_t *cell, pgr_complaint *out) {
  json_t *all = pgr__archive_list(r, cell, "errors", PGR_COMPLAINTS_KEPT);
  size_t count = json_array_size(all);
  for (size_t i = 0; i < count && !r->code; i++) {
    json_t *o = json_array_get(all, i);
    pgr_complaint *e = &out[i];
    size_t before = pgr__archive_enter(r, "errors[%zu]", i);
    pgr__archive_copy(r, o, "sqlstate", e->sqlstate, sizeof e->sqlstate);
    pgr__archive_copy(r, o, "message", e->message, sizeof e->message);
    e->kind = (uint8_t)pgr__archive_operation(r, o, "operation");
    e->file = pgr__archive_name(r, o, "file");
    e->line = (int)pgr__archive_int(r, o, "line", 0, 0, INT32_MAX);
    e->count = (uint64_t)pgr__archive_count(r, o, "count");
    pgr__archive_leave(r, before);
  }
  return r->code ? 0 : count;
}

void pgr__archive_curve(pgr__archive_reader *r, json_t *cell, const char *key, pgr_curve *out) {
  json_t *curves = pgr__archive_object(r, cell, "curves");
  size_t before = pgr__archive_enter(r, "curves");
  json_t *all = pgr__archive_list(r, curves, key, PGR_CURVE_POINTS_MAX);
  for (size_t i = 0; i < json_array_size(all) && !r->code; i++) {
    json_t *point = json_array_get(all, i), *share = json_array_get(point, 0), *ns = json_array_get(point, 1);
    double s = json_number_value(share), last = i ? out->points[i - 1].share : 0;
    int64_t t = json_integer_value(ns), last_ns = i ? out->points[i - 1].ns : 0;
    if (!json_is_number(share) || !json_is_integer(ns))
      pgr__archive_complain(r, key, "every point must be a list of a share and nanoseconds");
    else if (s <= last || s > 1 || t < last_ns || t > PGR__ARCHIVE_COUNT_MAX)
      pgr__archive_complain(r, key, "shares must rise to 1, and times must not fall");
    out->points[i].share = s;
    out->points[i].ns = t;
    out->count = i + 1;
  }
  pgr__archive_leave(r, before);
}

/* ---- the scenario ---- */

static void add_operation(pgr__archive_reader *r, const char *name, pgr_when when) {
  pgr_scenario *s = &r->a->scenario;
  if (s->operation_count == PGR_OPERATIONS_MAX)
    pgr__archive_complain(r, "", "at most %d operations", PGR_OPERATIONS_MAX);
  else if (!*name)
    pgr__archive_complain(r, "", "an operation must have a name");
  if (!r->code) s->operations[s->operation_count++] = (pgr_operation){.name = name, .when = when, .after = -1};
}

static void read_operations(pgr__archive_reader *r, json_t *o) {
  static const char *const times[] = {[PGR_WHEN_START] = "start", [PGR_WHEN_AFTER] = "after", [PGR_WHEN_END] = "end"};
  json_t *all = pgr__archive_list(r, o, "operations", PGR_OPERATIONS_MAX);
  for (size_t i = 0; i < json_array_size(all) && !r->code; i++) {
    json_t *one = json_array_get(all, i);
    size_t before = pgr__archive_enter(r, "operations[%zu]", i);
    const char *name = pgr__archive_name(r, one, "name");
    add_operation(r, name, (pgr_when)pgr__archive_choice(r, one, "when", times, 3));
    pgr__archive_leave(r, before);
  }
}

/* Main is what acquires, or the first. */
static void read_ownership(pgr__archive_reader *r, json_t *o) {
  pgr_ownership *own = &r->a->scenario.ownership;
  own->declared = pgr__archive_find(o, "capacity") != NULL;
  own->capacity = pgr__archive_int(r, o, "capacity", 1, 1, INT64_MAX);
  own->name = pgr__archive_find(o, "owns") ? pgr__archive_name(r, o, "owns") : NULL;
  own->release = -1;
  if (own->declared) own->acquire = pgr__archive_operation(r, o, "main");
}

static void read_scenario(pgr__archive_reader *r, json_t *o) {
  pgr_scenario *s = &r->a->scenario;
  size_t before = pgr__archive_enter(r, "scenario");
  s->name = pgr__archive_name(r, o, "name");
  s->source.name = pgr__archive_name(r, o, "file");
  s->title = pgr__archive_prose(r, o, "title");
  s->lesson = pgr__archive_prose(r, o, "lesson");
  s->broken = pgr__archive_prose(r, o, "broken");
  s->key.name = pgr__archive_name(r, o, "key");
  read_operations(r, o);
  read_ownership(r, o);
  json_t *rejections = pgr__archive_list(r, o, "rejections", PGR_REJECTIONS_MAX);
  for (size_t i = 0; i < json_array_size(rejections) && !r->code; i++) {
    size_t inner = pgr__archive_enter(r, "rejections[%zu]", i);
    (void)read_rejection(r, json_array_get(rejections, i));
    pgr__archive_leave(r, inner);
  }
  if (!*s->name) pgr__archive_complain(r, "name", "is missing");
  pgr__archive_leave(r, before);
}

/* What an older document's first cell lets know of it. That others than the first operation follow is a guess. */
static void guess_scenario(pgr__archive_reader *r, json_t *cell) {
  pgr_scenario *s = &r->a->scenario;
  size_t before = pgr__archive_enter(r, "cells[0]");
  json_t *outcomes = pgr__archive_object(r, cell, "outcomes"), *ignored, *rules, *rule;
  const char *name;
  json_object_foreach(outcomes, name, ignored) {
    pgr_when when = s->operation_count == 0 || r->a->is_bench ? PGR_WHEN_START : PGR_WHEN_AFTER;
    add_operation(r, pgr__archive_keep(r, name), when);
    if (r->code) return;
  }
  rules = pgr__archive_list(r, cell, "rules", PGR_RULES_MAX);
  for (size_t i = 0; i < json_array_size(rules) && !r->a->is_bench && !r->code; i++) {
    rule = json_array_get(rules, i);
    if (strcmp(pgr__archive_text(r, rule, "by"), "history") != 0) continue;
    s->ownership.declared = true;
    s->ownership.name = pgr__archive_name(r, rule, "rule");
  }
  s->ownership.capacity = 1;
  s->ownership.release = -1;
  s->key.name = "key";
  s->source.name = "";
  if (pgr__archive_find(cell, "scenario"))
    s->name = pgr__archive_name(r, cell, "scenario");
  else /* scripts without one, called as they are when they run */
    s->name = s->operation_count == 1 ? s->operations[0].name : "scripts";
  pgr__archive_leave(r, before);
}

static void read_any_scenario(pgr__archive_reader *r, json_t *document) {
  pgr_scenario *s = &r->a->scenario;
  json_t *scenario = pgr__archive_object(r, document, "scenario"), *cells = pgr__archive_find(document, "cells");
  if (!json_is_array(cells) || json_array_size(cells) == 0)
    pgr__archive_complain(r, "cells", cells ? "must be a list, and not empty" : "is missing");
  if (r->code) return;
  if (scenario)
    read_scenario(r, scenario);
  else
    guess_scenario(r, json_array_get(cells, 0));
  if (s->operation_count == 0) pgr__archive_complain(r, scenario ? "scenario" : "cells[0]", "names no operation");
  if (!s->title) s->title = r->a->is_bench ? "" : "agents";
}

/* ---- the document ---- */

/* What the page shows of it is the page's to look at: here it is enough that it is one. */
static void read_triggers(pgr__archive_reader *r, json_t *document) {
  json_t *all = pgr__archive_list(r, document, "triggers", PGR__ARCHIVE_TRIGGERS_MAX);
  if (!all) pgr__archive_complain(r, "triggers", "is missing");
  for (size_t i = 0; i < json_array_size(all) && !r->code; i++) {
    size_t before = pgr__archive_enter(r, "triggers[%zu]", i);
    if (!*pgr__archive_text(r, json_array_get(all, i), "name")) pgr__archive_complain(r, "name", "is missing");
    pgr__archive_leave(r, before);
  }
}

/* Another kind of document, or one of a later format, is called that before anything in it is found wrong. */
static void read_document(pgr__archive_reader *r, json_t *document) {
  json_t *command = json_object_get(document, "command"), *format = json_object_get(document, "format");
  if (json_is_string(json_object_get(document, "kind")) && !command) {
    r->code = pgr_fail(r->err, PGR_EUSAGE, "%s: this is a witness, for pgrace replay; give a result.json", r->name);
  } else if (!json_is_string(command)) {
    r->code =
        pgr_fail(r->err, PGR_EUSAGE,
                 "%s: this is no result of pgrace, give a result.json of pgrace run, explore, demo or bench", r->name);
  } else if (!json_is_integer(format) || json_integer_value(format) != FORMAT) {
    pgr__archive_complain(r, "format", "must be %d, this was written by another pgrace", FORMAT);
  }
  if (r->code) return;
  if (strcmp(json_string_value(command), "schema") == 0) {
    r->a->of_triggers = true;
    read_triggers(r, document);
    return;
  }
  int kind = pgr__archive_choice(r, document, "command", commands, BENCH + 1);
  r->a->is_bench = kind == BENCH;
  r->a->run.command = commands[kind];
  read_any_scenario(r, document);
  if (r->code) return;
  if (r->a->is_bench)
    pgr__archive_bench(r, document);
  else
    pgr__archive_run(r, document);
}

/* Lines and columns as everywhere in this project: jansson's columns count characters, ours bytes. */
static pgr_code complain_of_syntax(const char *name, const char *text, size_t len, const json_error_t *e,
                                   pgr_err *err) {
  if (json_error_code(e) == json_error_out_of_memory) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  char what[JSON_ERROR_TEXT_LENGTH];
  pgr_utf8_copy(what, sizeof what, e->text); /* it quotes the document */
  pgr_source source = {.name = name, .text = text, .len_bytes = len};
  size_t offset = e->position > 0 ? (size_t)e->position - 1 : 0;
  pgr_place_in at = pgr_place_at(&source, offset);
  return pgr_fail(err, PGR_EUSAGE, "%s:%d:%d: %s", name, at.line, at.column, what);
}

pgr_code pgr_archive_read_any(const char *name, const char *text, size_t len_bytes, pgr_archive **out,
                              bool *of_triggers, pgr_err *err) {
  char shown[PGR__ARCHIVE_NAME_BYTES];
  json_error_t e;
  pgr_utf8_copy(shown, sizeof shown, name);
  if (len_bytes > PGR_DOCUMENT_BYTES_MAX)
    return pgr_fail(err, PGR_EUSAGE, "%s: longer than %d bytes, no result is", shown, PGR_DOCUMENT_BYTES_MAX);
  json_t *document = json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES, &e);
  if (!document) return complain_of_syntax(shown, text, len_bytes, &e, err);
  pgr_archive *a = pgr_calloc(1, sizeof *a);
  pgr__archive_reader r = {.a = a, .name = shown, .err = err};
  if (a)
    read_document(&r, document);
  else
    pgr__archive_no_memory(&r);
  json_decref(document);
  *of_triggers = !r.code && a->of_triggers;
  if (r.code || *of_triggers)
    pgr_archive_close(a);
  else
    *out = a;
  return r.code;
}

pgr_code pgr_archive_read(const char *name, const char *text, size_t len_bytes, pgr_archive **out, pgr_err *err) {
  char shown[PGR__ARCHIVE_NAME_BYTES];
  bool of_triggers = false;
  pgr_code code = pgr_archive_read_any(name, text, len_bytes, out, &of_triggers, err);
  if (code || !of_triggers) return code;
  pgr_utf8_copy(shown, sizeof shown, name);
  return pgr_fail(err, PGR_EUSAGE, "%s: this describes triggers, it is no result", shown);
}

pgr_document pgr_archive_document(const pgr_archive *a) {
  return a->is_bench ? (pgr_document){.bench = &a->bench} : (pgr_document){.run = &a->run};
}

void pgr_archive_close(pgr_archive *a) {
  if (!a) return;
  for (size_t i = 0; i < a->witness_count; i++)
    pgr_witness_deinit(&a->witnesses[i]);
  pgr_free(a->witnesses);
  pgr_result_deinit(&a->run);
  pgr_bench_deinit(&a->bench);
  pgr_arena_deinit(&a->arena);
  pgr_free(a);
}
