/* A witness as JSON. What is written can be read again: a document that the reader would refuse for its size is none.
 * Keys stand in one fixed order; those of a step are left out where they say nothing. */
#include "pgr_json.h"
#include "pgr_witness.h"

#include <assert.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* Takes the value; without memory the whole document fails, at the end. */
static void put(json_t *o, const char *key, json_t *value, bool *failed) {
  if (json_object_set_new(o, key, value)) *failed = true;
}

static void put_text(json_t *o, const char *key, const char *text, bool *failed) {
  put(o, key, pgr_json_text(text), failed);
}

static void put_if_text(json_t *o, const char *key, const char *text, bool *failed) {
  assert(text);
  if (*text) put_text(o, key, text, failed);
}

static void put_if(json_t *o, const char *key, bool flag, bool *failed) {
  if (flag) put(o, key, json_true(), failed);
}

static json_t *step(const pgr_witness_step *s, bool *failed) {
  json_t *o = json_object();
  put(o, "agent", json_integer(s->agent), failed);
  put_text(o, "operation", s->operation, failed);
  put(o, "attempt", json_integer(s->attempt), failed);
  put_if_text(o, "file", s->file, failed);
  if (s->line) put(o, "line", json_integer(s->line), failed);
  put_text(o, "text", s->text, failed);
  put_if_text(o, "sql", s->sql, failed);
  put_if(o, "goes_on", s->goes_on, failed);
  put_if(o, "waits", s->waits, failed);
  put_if(o, "yields", s->yields, failed);
  if (s->released_by >= 0) put(o, "released_by", json_integer(s->released_by), failed);
  put_if_text(o, "result", s->result, failed);
  put_if_text(o, "value", s->value, failed);
  put_if_text(o, "outcome", s->outcome, failed);
  put_if(o, "breaks", s->breaks, failed);
  return o;
}

static json_t *steps(const pgr_witness *w, bool *failed) {
  json_t *all = json_array();
  for (int i = 0; i < w->step_count; i++)
    if (json_array_append_new(all, step(&w->steps[i], failed))) *failed = true;
  return all;
}

static json_t *defines(const pgr_witness *w, bool *failed) {
  json_t *all = json_object();
  for (int i = 0; i < w->define_count; i++)
    put_text(all, w->defines[i].name, w->defines[i].value, failed);
  return all;
}

static json_t *document(const pgr_witness *w, bool *failed) {
  json_t *o = json_object();
  put(o, "format", json_integer(1), failed);
  put(o, "kind", json_string("pgrace-witness"), failed);
  put_text(o, "scenario", w->scenario, failed);
  put_text(o, "strategy", w->strategy, failed);
  put_text(o, "isolation", w->isolation, failed);
  put_text(o, "protocol", w->protocol, failed);
  put_text(o, "operations", w->operations, failed);
  put(o, "agents", json_integer(w->agents), failed);
  put(o, "key", json_integer(w->key), failed);
  put(o, "seed", json_integer(w->seed), failed);
  put(o, "max_tries", json_integer(w->max_tries), failed);
  put(o, "split", json_boolean(w->split), failed);
  put(o, "defines", defines(w, failed), failed);
  put_text(o, "oracle", w->oracle, failed);
  put_text(o, "rule", w->rule, failed);
  put_text(o, "why", w->why, failed);
  put(o, "preemptions", json_integer(w->preemptions), failed);
  put(o, "switches", json_integer(w->switches), failed);
  put(o, "replayed", json_integer(w->replayed), failed);
  put(o, "broke", json_integer(w->broke), failed);
  put(o, "steps", steps(w, failed), failed);
  return o;
}

pgr_code pgr_witness_write(const pgr_witness *w, pgr_buf *out, pgr_err *err) {
  bool failed = false;
  assert(w->step_count > 0 && w->step_count <= PGR_WITNESS_STEPS_MAX);
  json_t *o = document(w, &failed);
  char *text = failed ? NULL : json_dumps(o, JSON_INDENT(2));
  json_decref(o);
  if (!text) return pgr_fail(err, PGR_ENOMEM, "out of memory");
  size_t len = strlen(text) + 1;
  bool large = len > PGR_WITNESS_BYTES_MAX;
  if (!large) {
    pgr_buf_add(out, text, len - 1);
    pgr_buf_adds(out, "\n");
  }
  free(text);
  if (large)
    return pgr_fail(err, PGR_ELIMIT, "the witness is too large to be read again: at most %d bytes, not %zu",
                    PGR_WITNESS_BYTES_MAX, len);
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}
