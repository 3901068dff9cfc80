/* A witness out of a JSON text. The text may come from anybody: every number is checked against its range before it
 * becomes one of ours, and the first thing that is wrong ends the reading. */
#include "pgr_fault.h"
#include "pgr_utf8.h"
#include "pgr_witness.h"

#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FORMAT = 1, COUNT_MAX = INT32_MAX };

static const int64_t SEED_MAX = (INT64_C(1) << 53) - 1; /* as on the command line */

typedef struct reader {
  const char *name;
  pgr_witness *w;
  int step;      /* the one being read; -1: none */
  pgr_code code; /* of the first fault; nothing is read after it */
  pgr_err *err;
} reader;

/* What is wrong, at a key of the witness or of the step being read. */
static void complain(reader *r, const char *key, const char *fmt, ...) PGR_PRINTF(3, 4);
static void complain(reader *r, const char *key, const char *fmt, ...) {
  char what[160], step[32] = "";
  if (r->code) return;
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(what, sizeof what, fmt, ap);
  va_end(ap);
  if (r->step >= 0) snprintf(step, sizeof step, "steps[%d]%s", r->step, *key ? "." : "");
  r->code = pgr_fail(r->err, PGR_EUSAGE, "%s: %s%s: %s", r->name, step, key, what);
}

static const char *keep(reader *r, const char *text) {
  char *kept = pgr_arena_strdup(&r->w->arena, text);
  if (!kept && !r->code) r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
  return kept ? kept : "";
}

/* ---- values ---- */

typedef enum key_need { OPTIONAL, REQUIRED, NOT_EMPTY } key_need;

/* Borrowed from o; NULL: not there, which is complained of where it must be. */
static const json_t *find(reader *r, const json_t *o, const char *key, key_need need) {
  const json_t *v = json_object_get(o, key);
  if (!v && need != OPTIONAL) complain(r, key, "is missing");
  return r->code ? NULL : v;
}

static const char *read_text(reader *r, const json_t *o, const char *key, key_need need) {
  const json_t *v = find(r, o, key, need);
  if (!v) return "";
  if (!json_is_string(v))
    complain(r, key, "must be a text");
  else if (need == NOT_EMPTY && json_string_length(v) == 0)
    complain(r, key, "must not be empty");
  return r->code ? "" : keep(r, json_string_value(v));
}

static const char *read_choice(reader *r, const json_t *o, const char *key, const char *const choices[3]) {
  const char *text = read_text(r, o, key, REQUIRED);
  for (int i = 0; i < 3; i++)
    if (strcmp(text, choices[i]) == 0) return choices[i];
  complain(r, key, "must be \"%s\", \"%s\" or \"%s\"", choices[0], choices[1], choices[2]);
  return "";
}

/* missing: what an optional number is when it is not there. */
static int64_t read_number(reader *r, const json_t *o, const char *key, key_need need, int64_t missing, int64_t low,
                           int64_t high) {
  const json_t *v = find(r, o, key, need);
  if (!v) return missing;
  if (!json_is_integer(v)) {
    complain(r, key, "must be a whole number");
    return missing;
  }
  int64_t n = json_integer_value(v);
  if (n >= low && n <= high) return n;
  complain(r, key, "must be %lld … %lld, not %lld", (long long)low, (long long)high, (long long)n);
  return missing;
}

static int read_count(reader *r, const json_t *o, const char *key, int missing, int low, int high) {
  return (int)read_number(r, o, key, OPTIONAL, missing, low, high);
}

static bool read_flag(reader *r, const json_t *o, const char *key) {
  const json_t *v = find(r, o, key, OPTIONAL);
  if (v && !json_is_boolean(v)) complain(r, key, "must be true or false");
  return v && json_is_true(v);
}

/* ---- parts ---- */

static void read_defines(reader *r, json_t *o) {
  json_t *defines = json_object_get(o, "defines"), *value;
  const char *name;
  if (!defines || r->code) return;
  if (!json_is_object(defines)) {
    complain(r, "defines", "must be an object");
    return;
  }
  if (json_object_size(defines) > PGR_WITNESS_DEFINES_MAX) {
    complain(r, "defines", "at most %d, not %zu", PGR_WITNESS_DEFINES_MAX, json_object_size(defines));
    return;
  }
  json_object_foreach(defines, name, value) {
    if (!*name) complain(r, "defines", "a variable must have a name");
    if (!json_is_string(value)) complain(r, "defines", "every value must be a text");
    if (r->code) return;
    r->w->defines[r->w->define_count++] = (pgr_witness_define){keep(r, name), keep(r, json_string_value(value))};
  }
}

static void read_step(reader *r, const json_t *o, int count) {
  pgr_witness_step *s = &r->w->steps[r->step];
  if (!json_is_object(o)) {
    complain(r, "", "must be an object");
    return;
  }
  s->agent = (int)read_number(r, o, "agent", REQUIRED, 1, 1, r->w->agents);
  s->operation = read_text(r, o, "operation", NOT_EMPTY);
  s->attempt = read_count(r, o, "attempt", 1, 1, COUNT_MAX);
  s->file = read_text(r, o, "file", OPTIONAL);
  s->line = read_count(r, o, "line", 0, 0, COUNT_MAX);
  s->text = read_text(r, o, "text", REQUIRED);
  s->sql = read_text(r, o, "sql", OPTIONAL);
  s->goes_on = read_flag(r, o, "goes_on");
  s->waits = read_flag(r, o, "waits");
  s->yields = read_flag(r, o, "yields");
  if (json_object_get(o, "released_by") && r->step + 1 == count) complain(r, "released_by", "there is no later step");
  s->released_by = read_count(r, o, "released_by", -1, r->step + 1, count - 1);
  s->result = read_text(r, o, "result", OPTIONAL);
  s->value = read_text(r, o, "value", OPTIONAL);
  s->outcome = read_text(r, o, "outcome", OPTIONAL);
  s->breaks = read_flag(r, o, "breaks");
}

static void read_steps(reader *r, const json_t *o) {
  const json_t *steps = find(r, o, "steps", REQUIRED);
  if (!steps) return;
  if (!json_is_array(steps)) {
    complain(r, "steps", "must be a list");
    return;
  }
  size_t count = json_array_size(steps);
  if (count < 1 || count > PGR_WITNESS_STEPS_MAX) {
    complain(r, "steps", "must be 1 … %d, not %zu", PGR_WITNESS_STEPS_MAX, count);
    return;
  }
  r->w->steps = pgr_arena_alloc(&r->w->arena, count * sizeof *r->w->steps);
  if (!r->w->steps) {
    r->code = pgr_fail(r->err, PGR_ENOMEM, "out of memory");
    return;
  }
  r->w->step_count = (int)count;
  for (r->step = 0; r->step < (int)count && !r->code; r->step++)
    read_step(r, json_array_get(steps, (size_t)r->step), (int)count);
}

/* Another kind of document, or one of a later format, is called that before anything in it is found wrong. */
static void read_kind(reader *r, const json_t *o) {
  static const char kind[] = "pgrace-witness";
  const json_t *v = json_object_get(o, "kind");
  if (!json_is_object(o))
    r->code = pgr_fail(r->err, PGR_EUSAGE, "%s: is not a witness: must be an object", r->name);
  else if (!json_is_string(v) || strcmp(json_string_value(v), kind) != 0)
    complain(r, "kind", "must be \"%s\": this is not a witness", kind);
  else
    (void)read_number(r, o, "format", REQUIRED, FORMAT, FORMAT, FORMAT);
}

static void read_document(reader *r, json_t *o) {
  static const char *const isolations[] = {"read committed", "repeatable read", "serializable"};
  static const char *const protocols[] = {"simple", "extended", "prepared"};
  static const char *const oracles[] = {"rules", "serial", "state"};
  pgr_witness *w = r->w;
  read_kind(r, o);
  w->scenario = read_text(r, o, "scenario", NOT_EMPTY);
  if (*w->scenario == '/') complain(r, "scenario", "must be a name or a path relative to the witness, not absolute");
  w->strategy = read_text(r, o, "strategy", NOT_EMPTY);
  w->isolation = read_choice(r, o, "isolation", isolations);
  w->protocol = read_choice(r, o, "protocol", protocols);
  w->operations = read_text(r, o, "operations", OPTIONAL);
  w->agents = (int)read_number(r, o, "agents", REQUIRED, 1, 1, PGR_WITNESS_AGENTS_MAX);
  w->key = read_number(r, o, "key", REQUIRED, 0, INT64_MIN, INT64_MAX);
  w->seed = read_number(r, o, "seed", REQUIRED, 0, 0, SEED_MAX);
  w->max_tries = read_count(r, o, "max_tries", 0, 0, COUNT_MAX);
  w->split = read_flag(r, o, "split");
  read_defines(r, o);
  w->oracle = read_choice(r, o, "oracle", oracles);
  w->rule = read_text(r, o, "rule", REQUIRED);
  w->why = read_text(r, o, "why", OPTIONAL);
  w->preemptions = read_count(r, o, "preemptions", 0, 0, COUNT_MAX);
  w->switches = read_count(r, o, "switches", 0, 0, COUNT_MAX);
  w->replayed = read_count(r, o, "replayed", 0, 0, COUNT_MAX);
  w->broke = read_count(r, o, "broke", 0, 0, w->replayed);
  read_steps(r, o);
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

pgr_code pgr_witness_read(const char *name, const char *text, size_t len_bytes, pgr_witness *out, pgr_err *err) {
  json_error_t e;
  *out = (pgr_witness){0};
  if (len_bytes > PGR_WITNESS_BYTES_MAX)
    return pgr_fail(err, PGR_EUSAGE, "%s: at most %d bytes, not %zu", name, PGR_WITNESS_BYTES_MAX, len_bytes);
  json_t *document = json_loadb(text, len_bytes, JSON_REJECT_DUPLICATES, &e);
  if (!document) return complain_of_syntax(name, text, len_bytes, &e, err);
  reader r = {.name = name, .w = out, .step = -1, .err = err};
  read_document(&r, document);
  json_decref(document);
  if (r.code) pgr_witness_deinit(out);
  return r.code;
}

void pgr_witness_deinit(pgr_witness *w) {
  pgr_arena_deinit(&w->arena);
  *w = (pgr_witness){0};
}
