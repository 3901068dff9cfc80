/* Writes a spec as text.
 * Invariant most easily broken: what is written is read as the same spec: names that are no plain words are quoted, and
 * SQL that a block cannot hold is refused. */
#include "spec_internal.h"

#include <string.h>

typedef struct writer {
  const pgr_spec *spec;
  pgr_buf *out;
  pgr_err *err;
  pgr_code code;
} writer;

static void refuse(writer *w, const char *what, const char *name, const char *why) {
  if (!w->code)
    w->code = pgr_fail(w->err, PGR_EUSAGE, "%s%s%.80s%s %s", what, *name ? " '" : "", name, *name ? "'" : "", why);
}

static void name(writer *w, const char *text) {
  if (pgr__spec_is_plain(text)) {
    pgr_buf_adds(w->out, text);
    return;
  }
  if (strchr(text, '\n')) refuse(w, "the name", text, "cannot be written in a spec: it spans lines");
  pgr_buf_adds(w->out, "\"");
  for (const char *c = text; *c; c++)
    pgr_buf_add(w->out, *c == '"' ? "\"\"" : c, *c == '"' ? 2 : 1);
  pgr_buf_adds(w->out, "\"");
}

/* what, of: whose SQL it is, for the error. */
static void block(writer *w, const char *sql, const char *what, const char *of) {
  if (strchr(sql, '}')) refuse(w, what, of, "cannot be written in a spec: its SQL holds a '}'");
  size_t len = strlen(sql);
  bool lines = *sql == '\n', ends = len && sql[len - 1] == '\n';
  pgr_buf_addf(w->out, " {%s%s%s}\n", lines ? "" : " ", sql, ends || !len ? "" : " ");
}

static void comment_lines(writer *w, const char *comment) {
  while (*comment) {
    size_t len = strcspn(comment, "\r\n");
    pgr_buf_adds(w->out, len ? "# " : "#");
    pgr_buf_add(w->out, comment, len);
    pgr_buf_adds(w->out, "\n");
    comment += len;
    if (*comment == '\r') comment++;
    if (*comment == '\n') comment++;
  }
}

static void session(writer *w, const pgr_spec_session *s) {
  pgr_buf_adds(w->out, "\nsession ");
  name(w, s->name);
  pgr_buf_adds(w->out, "\n");
  if (s->setup) {
    pgr_buf_adds(w->out, "setup");
    block(w, s->setup, "the setup of session", s->name);
  }
  for (int i = 0; i < s->step_count; i++) {
    const pgr_spec_step *step = &w->spec->steps[s->steps[i]];
    pgr_buf_adds(w->out, "step ");
    name(w, step->name);
    block(w, step->sql, "step", step->name);
  }
  if (!s->teardown) return;
  pgr_buf_adds(w->out, "teardown");
  block(w, s->teardown, "the teardown of session", s->name);
}

static void blockers(writer *w, const pgr_spec_pstep *step) {
  for (int i = 0; i < step->blocker_count; i++) {
    const pgr_spec_blocker *b = &step->blockers[i];
    pgr_buf_adds(w->out, i ? ", " : "(");
    switch (b->kind) {
    case PGR_SPEC_BLOCKER_ONCE: pgr_buf_adds(w->out, "*"); break;
    case PGR_SPEC_BLOCKER_STEP: name(w, w->spec->steps[b->step].name); break;
    case PGR_SPEC_BLOCKER_NOTICES:
      name(w, w->spec->steps[b->step].name);
      pgr_buf_addf(w->out, " notices %d", b->notices);
      break;
    }
  }
  if (step->blocker_count) pgr_buf_adds(w->out, ")");
}

static void permutation(writer *w, const pgr_spec_permutation *p) {
  pgr_buf_adds(w->out, "permutation");
  for (int i = 0; i < p->count; i++) {
    pgr_buf_adds(w->out, " ");
    name(w, w->spec->steps[p->steps[i].step].name);
    blockers(w, &p->steps[i]);
  }
  pgr_buf_adds(w->out, "\n");
}

pgr_code pgr_spec_write(const pgr_spec *s, const char *comment, pgr_buf *out, pgr_err *err) {
  writer w = {.spec = s, .out = out, .err = err};
  if (comment && *comment) {
    comment_lines(&w, comment);
    pgr_buf_adds(out, "\n");
  }
  for (int i = 0; i < s->setup_count; i++) {
    pgr_buf_adds(out, "setup");
    block(&w, s->setups[i], "the setup", "");
  }
  if (s->teardown) {
    pgr_buf_adds(out, "teardown");
    block(&w, s->teardown, "the teardown", "");
  }
  for (int i = 0; i < s->session_count; i++)
    session(&w, &s->sessions[i]);
  if (s->permutation_count) pgr_buf_adds(out, "\n");
  for (int i = 0; i < s->permutation_count; i++)
    permutation(&w, &s->permutations[i]);
  if (w.code) return w.code;
  return out->failed ? pgr_fail(err, PGR_ENOMEM, "out of memory") : PGR_OK;
}
