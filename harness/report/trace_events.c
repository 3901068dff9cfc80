/* Stories and witnesses as Chrome Trace Events. A viewer draws a slice by what encloses it in its thread, so the
 * invariant is: the slices of a thread lie within each other or apart, an outer one before the inner one of the same
 * beginning, whatever times a document says. Source: "Trace Event Format", JSON object format; events of the phases X
 * (complete), i (instant) and M (metadata).
 *
 * Rounds lie seconds apart in a race and last milliseconds: drawn so, nobody would find them. So each begins a
 * millisecond after the one before it, and says when it really began. */
#include "pgr_trace_events.h"

#include "json_internal.h"
#include "pgr_json.h"
#include "pgr_units.h"
#include "pgr_utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
  APART_US = 1000,         /* between two rounds; and from step to step of a schedule */
  ROUNDS_THREAD = 1000000, /* above every agent's number; 0 would be a kernel's to some viewers */
  NAME_BYTES = 40          /* of a statement's first words */
};

typedef struct writer {
  pgr_buf *out;
  const pgr_result *result; /* whose cell is being written */
  int process;              /* of the cell; the first is 1 */
  bool has_events, has_rounds, has_schedules;
  bool failed; /* no memory */
} writer;

/* ---- pieces ---- */

/* Takes value. */
static void set(writer *w, json_t *object, const char *key, json_t *value) {
  if (json_object_set_new(object, key, value)) w->failed = true;
}

static void set_text(writer *w, json_t *object, const char *key, const char *s) {
  if (s && *s) set(w, object, key, pgr_json_text(s));
}

/* Takes event. A line each. */
static void add_event(writer *w, json_t *event) {
  char *line = event ? json_dumps(event, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
  json_decref(event);
  if (!line) {
    w->failed = true;
    return;
  }
  pgr_buf_adds(w->out, w->has_events ? ",\n" : "\n");
  pgr_buf_adds(w->out, line);
  free(line);
  w->has_events = true;
}

/* thread: 0 for the process as a whole. Takes value. */
static void add_metadata(writer *w, int64_t thread, const char *name, const char *key, json_t *value) {
  json_t *event = json_pack("{s:s,s:s,s:i,s:{s:o}}", "name", name, "ph", "M", "pid", w->process, "args", key, value);
  if (thread) set(w, event, "tid", json_integer(thread));
  add_event(w, event);
}

static void add_thread(writer *w, int64_t thread, const char *name, int64_t place) {
  add_metadata(w, thread, "thread_name", "name", pgr_json_text(name));
  add_metadata(w, thread, "thread_sort_index", "sort_index", json_integer(place));
}

static void add_agent(writer *w, int64_t agent) {
  char name[32];
  snprintf(name, sizeof name, "agent %lld", (long long)agent);
  add_thread(w, agent, name, agent);
}

typedef struct span {
  double from_us, until_us;
} span;

/* Microseconds, of which nanoseconds are known. */
static json_t *microseconds(double us) {
  return pgr__json_number(round(us * 1000) / 1000);
}

/* Takes args. */
static void add_slice(writer *w, int64_t thread, const char *name, const char *category, span at, json_t *args) {
  add_event(w, json_pack("{s:o,s:s,s:s,s:o,s:o,s:i,s:I,s:o}", "name", pgr_json_text(name), "cat", category, "ph", "X",
                         "ts", microseconds(at.from_us), "dur", microseconds(at.until_us - at.from_us), "pid",
                         w->process, "tid", (json_int_t)thread, "args", args));
}

/* From here on the rule is broken: a line through all of the cell's agents. */
static void add_break(writer *w, int64_t thread, const char *rule, double at_us) {
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_buf_addf(&name, "✗ %s", rule ? rule : "");
  add_event(w,
            json_pack("{s:o,s:s,s:s,s:s,s:o,s:i,s:I}", "name", pgr_json_text(pgr_buf_text(&name)), "cat", "violation",
                      "ph", "i", "s", "p", "ts", microseconds(at_us), "pid", w->process, "tid", (json_int_t)thread));
  if (name.failed) w->failed = true;
  pgr_buf_deinit(&name);
}

/* Named by a statement's first words, and what else is to be said of it there. */
static void add_statement(writer *w, int64_t thread, const char *sql, const char *more, span at, json_t *args) {
  char name[NAME_BYTES + 40];
  pgr_utf8_copy(name, NAME_BYTES, *sql ? sql : "statement");
  size_t len = strlen(name);
  bool cut = len < strlen(sql);
  char *space = cut ? strrchr(name, ' ') : NULL;
  if (space) len = (size_t)(space - name);
  snprintf(name + len, sizeof name - len, "%s%s", cut ? " …" : "", more);
  add_slice(w, thread, name, "statement", at, args);
}

/* The row above the agents'. Takes args. */
static void add_heading(writer *w, const char *what, int64_t key, const char *rule, span at, json_t *args) {
  const char *key_name = w->result->scenario->key.name;
  pgr_buf name;
  pgr_buf_init(&name, 0);
  pgr_buf_addf(&name, "%s, %s %lld", what, key_name ? key_name : "key", (long long)key);
  set_text(w, args, "rule", rule);
  add_slice(w, ROUNDS_THREAD, pgr_buf_text(&name), "round", at, args);
  if (name.failed) w->failed = true;
  pgr_buf_deinit(&name);
}

/* ---- stories ---- */

static int64_t later(int64_t a, int64_t b) {
  return a > b ? a : b;
}

/* When an agent is done with what it sent before step i; 0: nothing. */
static int64_t done_before(const pgr_story *s, size_t i) {
  int64_t done_ns = 0;
  for (size_t k = 0; k < i; k++)
    if (s->steps[k].agent == s->steps[i].agent)
      done_ns = later(done_ns, later(s->steps[k].call_ns, s->steps[k].return_ns));
  return done_ns;
}

/* 0 where it is not known. */
static bool has_waited_for_connection(const pgr_trace_step *t) {
  return t->ready_ns > 0 && t->ready_ns < t->call_ns;
}

static int64_t begin_of(const pgr_story *s) {
  int64_t begin_ns = s->steps[0].call_ns;
  for (size_t i = 0; i < s->count; i++) {
    const pgr_trace_step *t = &s->steps[i];
    int64_t first_ns = has_waited_for_connection(t) ? t->ready_ns : t->call_ns;
    if (first_ns < begin_ns) begin_ns = first_ns;
  }
  return begin_ns;
}

static json_t *step_args(writer *w, const pgr_trace_step *t) {
  const pgr_scenario *s = w->result->scenario;
  json_t *args = json_object();
  if (t->kind < s->operation_count) set_text(w, args, "operation", s->operations[t->kind].name);
  set_text(w, args, "sql", t->sql);
  set_text(w, args, "value", t->value);
  if (t->rows >= 0) set(w, args, "rows", json_integer(t->rows));
  set_text(w, args, "sqlstate", t->sqlstate);
  if (t->outcome < PGR_OUTCOME_COUNT) set_text(w, args, "outcome", pgr_outcome_name((pgr_outcome)t->outcome));
  set(w, args, "call_ns", json_integer(t->call_ns));
  set(w, args, "return_ns", json_integer(t->return_ns));
  return args;
}

/* A story, and where on the drawn time line its beginning is. */
typedef struct placed {
  const pgr_story *story;
  int64_t begin_ns;
  double at_us;
} placed;

static double place(const placed *p, int64_t ns) {
  return p->at_us + ((double)ns - (double)p->begin_ns) / 1000;
}

/* A slice that says for what an agent waited; none where that took no time. Takes args. */
static void add_wait(writer *w, int64_t agent, const char *name, span at, json_t *args) {
  if (at.until_us > at.from_us)
    add_slice(w, agent, name, "wait", at, args);
  else
    json_decref(args);
}

/* Returns when the statement's slice ends. */
static double add_step(writer *w, const placed *p, size_t i) {
  const pgr_trace_step *t = &p->story->steps[i];
  const pgr_waited *waited = &p->story->waited[i];
  int64_t free_ns = done_before(p->story, i), call_ns = later(t->call_ns, free_ns);
  int64_t return_ns = later(t->return_ns, call_ns), until_ns = waited->until_ns;
  span at = {place(p, call_ns), place(p, return_ns)};
  if (has_waited_for_connection(t))
    add_wait(w, t->agent, "waits for a connection", (span){place(p, later(t->ready_ns, free_ns)), at.from_us},
             json_object());
  add_statement(w, t->agent, t->sql, "", at, step_args(w, t));
  if (waited->for_agent) {
    char name[64];
    snprintf(name, sizeof name, "probably waits for agent %u", waited->for_agent);
    add_wait(w, t->agent, name, (span){at.from_us, place(p, until_ns < return_ns ? until_ns : return_ns)},
             json_pack("{s:I}", "agent", (json_int_t)waited->for_agent));
  }
  return at.until_us;
}

/* The step with which the second owner was told yes. */
static bool is_second_yes(const writer *w, const pgr_story *s, size_t i) {
  const pgr_trace_step *t = &s->steps[i];
  return s->second_owner && t->agent == s->second_owner && t->outcome == PGR_OUTCOME_OK &&
         t->kind == pgr_scenario_main_operation(w->result->scenario);
}

/* Returns where it ends. */
static double add_story(writer *w, const pgr_story *s, double at_us) {
  placed p = {s, begin_of(s), at_us};
  span all = {at_us, at_us};
  for (size_t i = 0; i < s->count; i++) {
    double until_us = add_step(w, &p, i);
    if (until_us > all.until_us) all.until_us = until_us;
    if (is_second_yes(w, s, i)) add_break(w, s->steps[i].agent, s->rule, until_us);
  }
  char what[64];
  snprintf(what, sizeof what, "round %lld", (long long)s->round);
  add_heading(w, what, s->key, s->rule, all,
              json_pack("{s:I,s:I,s:I}", "round", (json_int_t)s->round, "key", (json_int_t)s->key, "begin_ns",
                        (json_int_t)p.begin_ns));
  return all.until_us;
}

static bool is_new_agent(const pgr_cell *c, size_t story, size_t step) {
  uint32_t agent = c->stories[story].steps[step].agent;
  for (size_t i = 0; i <= story; i++)
    for (size_t k = 0; k < (i < story ? c->stories[i].count : step); k++)
      if (c->stories[i].steps[k].agent == agent) return false;
  return true;
}

static void add_stories(writer *w, const pgr_cell *c) {
  add_thread(w, ROUNDS_THREAD, "rounds", 0);
  for (size_t i = 0; i < c->story_count; i++)
    for (size_t k = 0; k < c->stories[i].count; k++)
      if (is_new_agent(c, i, k)) add_agent(w, c->stories[i].steps[k].agent);
  double at_us = 0;
  for (size_t i = 0; i < c->story_count; i++)
    if (c->stories[i].count > 0) at_us = add_story(w, &c->stories[i], at_us) + APART_US;
  w->has_rounds = true;
}

/* ---- witnesses ---- */

/* The step after the last one during which step i was under way: until its result came, and until its agent went on at
 * the latest. */
static int end_of(const pgr_witness *w, int i) {
  const pgr_witness_step *s = &w->steps[i];
  int end = i + 1;
  if (s->waits) end = s->released_by > i ? s->released_by + 1 : w->step_count;
  if (end > w->step_count) end = w->step_count;
  for (int k = i + 1; k < end; k++)
    if (w->steps[k].agent == s->agent) return k;
  return end;
}

static json_t *witness_args(writer *w, const pgr_witness_step *s) {
  json_t *args = json_object();
  set_text(w, args, "operation", s->operation);
  if (s->attempt > 1) set(w, args, "attempt", json_integer(s->attempt));
  set_text(w, args, "sql", *s->sql ? s->sql : s->text);
  set_text(w, args, "file", s->file);
  if (s->line) set(w, args, "line", json_integer(s->line));
  set_text(w, args, "value", s->value);
  set_text(w, args, "result", s->result);
  set_text(w, args, "outcome", s->outcome);
  return args;
}

static void add_witness_step(writer *w, const pgr_witness *witness, int i) {
  const pgr_witness_step *s = &witness->steps[i];
  int end = end_of(witness, i);
  span at = {(double)i * APART_US, (double)end * APART_US};
  const char *more = s->goes_on ? " (goes on)" : s->yields ? " (yields)" : "";
  add_statement(w, s->agent, *s->sql ? s->sql : s->text, more, at, witness_args(w, s));
  if (s->waits)
    add_wait(w, s->agent, "waits for a lock", (span){at.from_us + APART_US / 2.0, at.until_us - APART_US / 2.0},
             json_object());
  if (s->breaks) add_break(w, s->agent, witness->rule, at.until_us);
}

static void add_witness(writer *w, const pgr_witness *witness) {
  add_thread(w, ROUNDS_THREAD, "schedule", 0);
  for (int agent = 1; agent <= witness->agents; agent++)
    add_agent(w, agent);
  for (int i = 0; i < witness->step_count; i++)
    add_witness_step(w, witness, i);
  json_t *args = json_pack("{s:I}", "key", (json_int_t)witness->key);
  set_text(w, args, "why", witness->why);
  add_heading(w, "schedule", witness->key, witness->rule, (span){0, (double)witness->step_count * APART_US}, args);
  w->has_schedules = true;
}

/* ---- cells ---- */

/* "claim: naive / read committed, gap 5.00 ms" */
static void add_process(writer *w, const pgr_cell *c) {
  pgr_buf name;
  char gap[PGR_TEXT_BYTES];
  w->process++;
  pgr_buf_init(&name, 0);
  pgr_buf_addf(&name, "%s: %s / %s", w->result->scenario->name, c->strategy->name, pgr_isolation_name(c->isolation));
  if (w->result->settings.gap_count > 1) pgr_buf_addf(&name, ", gap %s", pgr_format_duration(gap, c->gap_ns));
  if (c->evidence.explored) pgr_buf_adds(&name, ", a step a millisecond");
  add_metadata(w, 0, "process_name", "name", pgr_json_text(pgr_buf_text(&name)));
  add_metadata(w, 0, "process_sort_index", "sort_index", json_integer(w->process));
  if (name.failed) w->failed = true;
  pgr_buf_deinit(&name);
}

static void add_cell(writer *w, const pgr_cell *c) {
  const pgr_witness *witness = c->evidence.explored ? c->proof.witness : NULL;
  bool has_story = false;
  for (size_t i = 0; i < c->story_count; i++)
    has_story |= c->stories[i].count > 0;
  if (!has_story && !witness) return;
  add_process(w, c);
  if (witness)
    add_witness(w, witness);
  else
    add_stories(w, c);
}

static void add_other_data(writer *w, const pgr_document *d, size_t count) {
  json_t *other = json_pack("{s:s}", "writer", "pgrace"), *repeat = json_array();
  if (w->has_rounds)
    set_text(w, other, "rounds",
             "Rounds stand one after the other, a millisecond apart; within one, times are those measured. begin_ns, "
             "call_ns and return_ns count from the race's start.");
  if (w->has_schedules)
    set_text(w, other, "schedules", "A step a millisecond: times tell the order of steps, and nothing else.");
  for (size_t i = 0; i < count; i++)
    if (d[i].run && *d[i].run->repeat && json_array_append_new(repeat, pgr_json_text(d[i].run->repeat)))
      w->failed = true;
  set(w, other, "repeat", repeat);
  char *line = json_dumps(other, JSON_COMPACT);
  json_decref(other);
  pgr_buf_addf(w->out, "\n],\"otherData\":%s}\n", line ? line : "{}");
  if (!line) w->failed = true;
  free(line);
}

pgr_code pgr_trace_events(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) {
  writer w = {.out = out};
  pgr_buf_adds(out, "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[");
  for (size_t i = 0; i < count; i++) {
    w.result = d[i].run;
    for (size_t k = 0; w.result && k < w.result->cell_count; k++)
      add_cell(&w, &w.result->cells[k]);
  }
  add_other_data(&w, d, count);
  return w.failed || out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}
