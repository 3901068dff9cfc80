/* Any text as a statement: it is studied or taken for OTHER, and what is found holds together. Its words end. */
#include "pgr_mem.h"
#include "pgr_study.h"
#include "pgr_words.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_study(const char *sql) {
  pgr_arena arena = {0};
  pgr_study s;
  if (pgr_study_sql(sql, &arena, &s)) abort();
  size_t len = strlen(sql);
  assert(len <= PGR_STUDY_BYTES_MAX || s.class == PGR_STATEMENT_OTHER);
  assert(s.class == PGR_STATEMENT_QUERY || s.relation_count + s.function_count + s.cte_count == 0);
  for (size_t i = 0; i < s.relation_count; i++)
    assert(s.relations[i].name && strlen(s.relations[i].name) < PGR_WORD_BYTES &&
           (s.relations[i].writes || !s.relations[i].locks));
  for (size_t i = 0; i < s.function_count; i++)
    assert(s.functions[i]);
  for (size_t i = 0; i < s.cte_count; i++)
    assert(s.ctes[i]);
  pgr_arena_deinit(&arena);
}

static void check_words(const char *text) {
  size_t len = strlen(text), count = 0;
  pgr_words w = {.at = text};
  while (pgr_words_next(&w)) {
    assert(*w.word && strlen(w.word) < PGR_WORD_BYTES && w.at >= text && w.at <= text + len);
    count++;
  }
  assert(count <= 2 * len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = pgr_calloc(size + 1, 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  check_study(text);
  check_words(text);
  pgr_free(text);
  return 0;
}
