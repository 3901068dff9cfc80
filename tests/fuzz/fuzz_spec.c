/* Any bytes as an isolation spec. What parses can be written and reads as the same text again; steps, sessions and
 * permutations point at each other within bounds. */
#include "pgr_spec.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_sessions(const pgr_spec *s) {
  int step = 0;
  assert(s->session_count >= 1 && s->session_count <= PGR_SPEC_SESSIONS_MAX);
  assert(s->step_count <= PGR_SPEC_STEPS_MAX);
  for (int i = 0; i < s->session_count; i++) {
    assert(s->sessions[i].step_count >= 1);
    for (int k = 0; k < s->sessions[i].step_count; k++, step++)
      assert(s->sessions[i].steps[k] == step && s->steps[step].session == i);
  }
  assert(step == s->step_count);
}

static void check_permutations(const pgr_spec *s) {
  assert(s->permutation_count <= PGR_SPEC_PERMUTATIONS_MAX);
  for (int i = 0; i < s->permutation_count; i++) {
    const pgr_spec_permutation *p = &s->permutations[i];
    assert(p->count >= 1 && p->count <= PGR_SPEC_PSTEPS_MAX);
    for (int k = 0; k < p->count; k++) {
      assert(p->steps[k].step >= 0 && p->steps[k].step < s->step_count && s->steps[p->steps[k].step].used);
      for (int b = 0; b < p->steps[k].blocker_count; b++) {
        const pgr_spec_blocker *blocker = &p->steps[k].blockers[b];
        if (blocker->kind == PGR_SPEC_BLOCKER_ONCE) continue;
        assert(blocker->step >= 0 && blocker->step < s->step_count && blocker->notices >= 0);
        assert(s->steps[blocker->step].session != s->steps[p->steps[k].step].session);
      }
    }
  }
}

static void check_writing(const pgr_spec *s) {
  pgr_buf text[2];
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_spec again;
  pgr_err err;
  for (int i = 0; i < 2; i++)
    pgr_buf_init(&text[i], 0);
  pgr_code code = pgr_spec_write(s, NULL, &text[0], &err);
  assert(!code);
  pgr_source source = {"again", pgr_buf_text(&text[0]), text[0].len};
  if (source.len_bytes <= PGR_SPEC_BYTES_MAX) { /* quotes and blanks may take it past the limit */
    bool ok = pgr_spec_parse(&source, &arena, &faults, &again);
    assert(ok);
    code = pgr_spec_write(&again, NULL, &text[1], &err);
    assert(!code && strcmp(pgr_buf_text(&text[0]), pgr_buf_text(&text[1])) == 0);
  }
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
  for (int i = 0; i < 2; i++)
    pgr_buf_deinit(&text[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (memchr(data, '\0', size)) return 0;
  char *text = malloc(size + 1);
  pgr_arena arena = {0};
  pgr_faults faults = {0};
  pgr_spec spec;
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  text[size] = '\0';
  bool ok = pgr_spec_parse(&(pgr_source){"fuzz", text, size}, &arena, &faults, &spec);
  assert(ok == (faults.count == 0));
  if (ok) {
    memset(text, '#', size); /* the spec has its own copy */
    check_sessions(&spec);
    check_permutations(&spec);
    check_writing(&spec);
  } else {
    pgr_buf b;
    pgr_buf_init(&b, 0);
    pgr_faults_print(&faults, &b);
    pgr_buf_deinit(&b);
  }
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
  free(text);
  return 0;
}
