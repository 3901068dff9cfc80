/* The permutations of a spec, in isolationtester's order: those it names, or else every interleaving, sessions depth
 * first, which is the lexicographic order of the sequences of sessions. */
#include "spec_run_internal.h"

#include "pgr_mem.h"

pgr_code spec_orders_init(spec_orders *o, const pgr_spec *spec, pgr_err *err) {
  *o = (spec_orders){.spec = spec};
  if (spec->permutation_count) return PGR_OK;
  o->sessions = pgr_calloc((size_t)spec->step_count, sizeof *o->sessions);
  o->steps = pgr_calloc((size_t)spec->step_count, sizeof *o->steps);
  if (o->sessions && o->steps) return PGR_OK;
  spec_orders_deinit(o);
  return pgr_fail(err, PGR_ENOMEM, "out of memory");
}

void spec_orders_deinit(spec_orders *o) {
  pgr_free(o->sessions);
  pgr_free(o->steps);
}

static void first(const spec_orders *o) {
  int at = 0;
  for (int i = 0; i < o->spec->session_count; i++)
    for (int k = 0; k < o->spec->sessions[i].step_count; k++)
      o->sessions[at++] = i;
}

static void swap(int *a, int *b) {
  int c = *a;
  *a = *b;
  *b = c;
}

/* The next sequence; false: that was the last. */
static bool advance(int *sessions, int count) {
  int i = count - 2, k = count - 1;
  while (i >= 0 && sessions[i] >= sessions[i + 1])
    i--;
  if (i < 0) return false;
  while (sessions[k] <= sessions[i])
    k--;
  swap(&sessions[i], &sessions[k]);
  for (int a = i + 1, b = count - 1; a < b; a++, b--)
    swap(&sessions[a], &sessions[b]);
  return true;
}

bool spec_orders_next(void *user, pgr_spec_permutation *out) {
  spec_orders *o = user;
  const pgr_spec *s = o->spec;
  int taken[PGR_SPEC_SESSIONS_MAX] = {0};
  if (s->permutation_count) {
    if (o->next == s->permutation_count) return false;
    *out = s->permutations[o->next++];
    return true;
  }
  if (o->next++ == 0)
    first(o);
  else if (!advance(o->sessions, s->step_count))
    return false;
  o->next = 1;
  for (int i = 0; i < s->step_count; i++) {
    int session = o->sessions[i];
    o->steps[i] = (pgr_spec_pstep){.step = s->sessions[session].steps[taken[session]++]};
  }
  *out = (pgr_spec_permutation){o->steps, s->step_count};
  return true;
}
