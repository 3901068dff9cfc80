/* A history as Jepsen's checkers read it: two entries a try, in order of time. docs/history.md says what becomes what.
 *
 * Invariant: nothing is claimed of the order of two tries that pgrace does not know. Intervals are closed, so of
 * entries at the same moment invocations come first: what touches is concurrent. That a process does one thing at a
 * time, and nothing after :info, is kept by giving the agent another process. Source: jepsen.history, README,
 * "Operation Structure" and "Operation Semantics". */
#include "pgr_history_export.h"

#include "pgr_mem.h"
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A try that was invoked and has not ended yet. */
typedef struct flight {
  const pgr_op *op;
  int64_t process;
} flight;

/* What goes on in the name of an agent. */
typedef struct seat {
  int64_t process; /* the latest; 0: none yet */
  bool is_free;    /* it may invoke */
} seat;

typedef struct exporter {
  const pgr_history_rows *rows;
  const pgr_op **ops; /* in order of their invocations */
  size_t count;
  uint32_t agents; /* the highest number */
  seat *seats;     /* by agent */
  flight *flights; /* a heap: the first to end is the first */
  size_t flight_count, flight_cap;
  int64_t index;
  bool json;
  FILE *out;
} exporter;

/* ---- order ---- */

static int compare_numbers(int64_t a, int64_t b) {
  return (a > b) - (a < b);
}

/* Everything that tells two tries apart, so that the order of lines in a file does not show. */
static int compare_invocations(const void *left, const void *right) {
  const pgr_op *a = *(const pgr_op *const *)left, *b = *(const pgr_op *const *)right;
  int order = compare_numbers(a->call_ns, b->call_ns);
  if (!order) order = compare_numbers(a->agent, b->agent);
  if (!order) order = compare_numbers(a->return_ns, b->return_ns);
  if (!order) order = compare_numbers(a->round, b->round);
  if (!order) order = compare_numbers(a->key, b->key);
  if (!order) order = compare_numbers(a->kind, b->kind);
  if (!order) order = compare_numbers(a->attempt, b->attempt);
  if (!order) order = compare_numbers(a->outcome, b->outcome);
  return order ? order : strcmp(a->sqlstate, b->sqlstate);
}

static bool ends_before(const flight *a, const flight *b) {
  if (a->op->return_ns != b->op->return_ns) return a->op->return_ns < b->op->return_ns;
  return a->process < b->process;
}

static pgr_code add_flight(exporter *e, flight added) {
  if (e->flight_count == e->flight_cap) {
    size_t cap = e->flight_cap ? e->flight_cap * 2 : 64;
    flight *flights = pgr_realloc(e->flights, cap, sizeof *flights);
    if (!flights) return PGR_ENOMEM;
    e->flights = flights;
    e->flight_cap = cap;
  }
  size_t i = e->flight_count++;
  for (; i > 0 && ends_before(&added, &e->flights[(i - 1) / 2]); i = (i - 1) / 2)
    e->flights[i] = e->flights[(i - 1) / 2];
  e->flights[i] = added;
  return PGR_OK;
}

static flight take_flight(exporter *e) {
  flight first = e->flights[0], last = e->flights[--e->flight_count];
  size_t i = 0;
  for (size_t child = 1; child < e->flight_count; child = 2 * i + 1) {
    if (child + 1 < e->flight_count && ends_before(&e->flights[child + 1], &e->flights[child])) child++;
    if (!ends_before(&e->flights[child], &last)) break;
    e->flights[i] = e->flights[child];
    i = child;
  }
  e->flights[i] = last;
  return first;
}

/* ---- entries ---- */

/* What a try that ended so may have done decides: :ok took effect, :fail did not, :info may have. */
static const char *end_type(pgr_outcome outcome) {
  switch (outcome) {
  case PGR_OUTCOME_OK: return "ok";
  case PGR_OUTCOME_REFUSED:
  case PGR_OUTCOME_REJECTED:
  case PGR_OUTCOME_FAILED: return "fail";
  case PGR_OUTCOME_UNKNOWN:
  case PGR_OUTCOME_RETRIED: /* what it had committed before the error stays, and is not done again */
  case PGR_OUTCOME_COUNT: break;
  }
  return "info";
}

/* A keyword of EDN must not begin with a digit. */
static bool is_keyword(const char *name) {
  return name[0] < '0' || name[0] > '9';
}

static void write_edn(exporter *e, const pgr_op *op, int64_t process, int64_t time_ns, const char *type) {
  const char *name = e->rows->kinds[op->kind], *quote = is_keyword(name) ? "" : "\"";
  fprintf(e->out, "{:index %" PRId64 ", :time %" PRId64 ", :type :%s, :process %" PRId64 ", :f %s%s%s, :value %" PRId64,
          e->index, time_ns, type, process, *quote ? quote : ":", name, quote, op->key);
}

static void write_json(exporter *e, const pgr_op *op, int64_t process, int64_t time_ns, const char *type) {
  fprintf(e->out,
          "%s\n{\"index\":%" PRId64 ",\"time\":%" PRId64 ",\"type\":\"%s\",\"process\":%" PRId64
          ",\"f\":\"%s\",\"value\":%" PRId64,
          e->index ? "," : "", e->index, time_ns, type, process, e->rows->kinds[op->kind], op->key);
}

/* Why it did not end ok. */
static void write_error(exporter *e, const pgr_op *op) {
  const char *name = pgr_outcome_name((pgr_outcome)op->outcome), *mark = e->json ? "\"" : "";
  const char *open = e->json ? "\"" : ":";
  fputs(e->json ? ",\"error\":" : ", :error ", e->out);
  if (*op->sqlstate)
    fprintf(e->out, "[%s%s%s%s\"%s\"]", open, name, mark, e->json ? "," : " ", op->sqlstate);
  else
    fprintf(e->out, "%s%s%s", open, name, mark);
}

static void write_entry(exporter *e, flight f, bool ends) {
  const char *type = ends ? end_type((pgr_outcome)f.op->outcome) : "invoke";
  int64_t time_ns = ends ? f.op->return_ns : f.op->call_ns;
  if (e->json)
    write_json(e, f.op, f.process, time_ns, type);
  else
    write_edn(e, f.op, f.process, time_ns, type);
  if (ends && f.op->outcome != PGR_OUTCOME_OK) write_error(e, f.op);
  fputs(e->json ? "}" : "}\n", e->out);
  e->index++;
}

/* ---- the walk ---- */

static pgr_code invoke(exporter *e, const pgr_op *op) {
  seat *s = &e->seats[op->agent];
  if (s->process == 0)
    s->process = op->agent;
  else if (!s->is_free)
    s->process += e->agents;
  s->is_free = false;
  flight f = {op, s->process};
  write_entry(e, f, false);
  return add_flight(e, f);
}

static void end_first(exporter *e) {
  flight f = take_flight(e);
  seat *s = &e->seats[f.op->agent];
  write_entry(e, f, true);
  bool crashed = strcmp(end_type((pgr_outcome)f.op->outcome), "info") == 0;
  if (s->process == f.process) s->is_free = !crashed;
}

static pgr_code prepare(exporter *e) {
  e->count = pgr_history_count(e->rows->history);
  if (!(e->ops = pgr_calloc(e->count ? e->count : 1, sizeof *e->ops))) return PGR_ENOMEM;
  for (size_t i = 0; i < e->count; i++) {
    e->ops[i] = pgr_history_at(e->rows->history, i);
    if (e->ops[i]->agent > e->agents) e->agents = e->ops[i]->agent;
  }
  if (!(e->seats = pgr_calloc((size_t)e->agents + 1, sizeof *e->seats))) return PGR_ENOMEM;
  qsort(e->ops, e->count, sizeof *e->ops, compare_invocations);
  return PGR_OK;
}

static pgr_code walk(exporter *e) {
  pgr_code code = PGR_OK;
  for (size_t i = 0; !code && i < e->count && !ferror(e->out); i++) {
    while (e->flight_count > 0 && e->flights[0].op->return_ns < e->ops[i]->call_ns)
      end_first(e);
    code = invoke(e, e->ops[i]);
  }
  while (!code && e->flight_count > 0)
    end_first(e);
  return code;
}

static pgr_code export(const pgr_history_rows *rows, bool json, FILE *out, pgr_err *err) {
  exporter e = {.rows = rows, .json = json, .out = out};
  pgr_code code = prepare(&e);
  errno = 0;
  if (json && !code) fputs("[", out);
  if (!code) code = walk(&e);
  if (json && !code) fputs("\n]\n", out);
  pgr_free(e.ops);
  pgr_free(e.seats);
  pgr_free(e.flights);
  if (code) return pgr_fail(err, code, "out of memory");
  if (fflush(out) || ferror(out)) return pgr_fail(err, PGR_EENVIRONMENT, "%s", strerror(errno));
  return PGR_OK;
}

pgr_code pgr_history_write_edn(const pgr_history_rows *rows, FILE *out, pgr_err *err) {
  return export(rows, false, out, err);
}

pgr_code pgr_history_write_json(const pgr_history_rows *rows, FILE *out, pgr_err *err) {
  return export(rows, true, out, err);
}
