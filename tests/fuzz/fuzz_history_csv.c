/* Any bytes as a history: what is refused says where, what is accepted is within its ranges, is read again as the same
 * when it is written, and becomes two entries a try for others. */
#include "pgr_history_export.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { OPS_MAX = 10000 };

static const char name[] = "history.csv";

static bool read_bytes(const void *bytes, size_t len, pgr_history_file *file) {
  pgr_err err = {0};
  FILE *in = fmemopen((void *)bytes, len, "r");
  if (!in) return false;
  pgr_code code = pgr_history_read_csv(in, name, OPS_MAX, file, &err);
  fclose(in);
  if (code == PGR_OK) return true;
  assert(code == PGR_EUSAGE || code == PGR_ELIMIT || code == PGR_ENOMEM);
  assert(file->cells == NULL && file->count == 0);
  if (code == PGR_EUSAGE) assert(strncmp(err.msg, name, strlen(name)) == 0);
  return false;
}

static void check_op(const pgr_op *op, const pgr_history_rows *cell) {
  assert(op->round >= 1 && op->agent >= 1 && op->attempt >= 1 && op->pool_wait_ns >= 0);
  assert(op->intended_ns >= 0 && op->intended_ns <= op->call_ns && op->call_ns <= op->return_ns);
  assert(op->kind < cell->kind_count && op->outcome < PGR_OUTCOME_COUNT);
  assert(memchr(op->sqlstate, '\0', sizeof op->sqlstate));
}

static void check_same_op(const pgr_op *a, const pgr_op *b) {
  assert(a->round == b->round && a->key == b->key && a->agent == b->agent && a->attempt == b->attempt);
  assert(a->kind == b->kind && a->outcome == b->outcome && strcmp(a->sqlstate, b->sqlstate) == 0);
  assert(a->intended_ns == b->intended_ns && a->call_ns == b->call_ns && a->return_ns == b->return_ns);
  assert(a->pool_wait_ns == b->pool_wait_ns);
}

static void check_same(const pgr_history_file *a, const pgr_history_file *b) {
  assert(a->count == b->count);
  for (size_t i = 0; i < a->count; i++) {
    const pgr_history_rows *x = &a->cells[i], *y = &b->cells[i];
    assert(strcmp(x->strategy, y->strategy) == 0 && strcmp(x->isolation, y->isolation) == 0 && x->gap_ns == y->gap_ns);
    assert(x->kind_count == y->kind_count && pgr_history_count(x->history) == pgr_history_count(y->history));
    for (int k = 0; k < x->kind_count; k++)
      assert(strcmp(x->kinds[k], y->kinds[k]) == 0);
    for (size_t k = 0; k < pgr_history_count(x->history); k++)
      check_same_op(pgr_history_at(x->history, k), pgr_history_at(y->history, k));
  }
}

static void check_written(const pgr_history_file *file) {
  char *text = NULL;
  size_t len = 0;
  pgr_history_file again = {0};
  pgr_err err;
  FILE *out = open_memstream(&text, &len);
  if (!out) return;
  for (size_t i = 0; i < file->count; i++) {
    const pgr_history_rows *cell = &file->cells[i];
    pgr_code code = pgr_history_write_csv(cell->history, cell->strategy, cell->isolation, cell->gap_ns,
                                          (const char *const *)cell->kinds, i == 0, out, &err);
    assert(code == PGR_OK);
  }
  fclose(out);
  if (file->count > 0) {
    assert(read_bytes(text, len, &again));
    check_same(file, &again);
  }
  pgr_history_file_deinit(&again);
  free(text);
}

static size_t count_of(const char *text, char c) {
  size_t n = 0;
  for (; *text; text++)
    n += *text == c;
  return n;
}

static void check_exported(const pgr_history_rows *cell) {
  size_t entries = 2 * pgr_history_count(cell->history);
  for (int json = 0; json <= 1; json++) {
    char *text = NULL;
    size_t len = 0;
    pgr_err err;
    FILE *out = open_memstream(&text, &len);
    if (!out) return;
    assert((json ? pgr_history_write_json : pgr_history_write_edn)(cell, out, &err) == PGR_OK);
    fclose(out);
    assert(count_of(text, '{') == entries && count_of(text, '}') == entries && count_of(text, '"') % 2 == 0);
    assert(count_of(text, '\n') == entries + (json ? 2 : 0) && strlen(text) == len);
    free(text);
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pgr_history_file file = {0};
  if (!read_bytes(data, size, &file)) return 0;
  for (size_t i = 0; i < file.count; i++) {
    const pgr_history_rows *cell = &file.cells[i];
    assert(pgr_history_count(cell->history) > 0 && cell->kind_count > 0 && cell->gap_ns >= 0);
    for (size_t k = 0; k < pgr_history_count(cell->history); k++)
      check_op(pgr_history_at(cell->history, k), cell);
    check_exported(cell);
  }
  check_written(&file);
  pgr_history_file_deinit(&file);
  return 0;
}
