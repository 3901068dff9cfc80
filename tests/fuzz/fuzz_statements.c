/* Any text as a SQL file: its statements and what it makes are read, or it has faults, and what is found lies in the
 * text, in its order. And as a name, written and read back. */
#include "pgr_mem.h"
#include "pgr_names.h"
#include "pgr_objects.h"
#include "pgr_statements.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_statements(const pgr_source *source) {
  pgr_arena arena = {0};
  pgr_faults faults = {.count = 0};
  pgr_sql_statements all;
  pgr_err err;
  if (pgr_statements_read(source, &arena, &all, &faults, &err)) abort();
  size_t end = 0;
  for (size_t i = 0; i < all.count; i++) {
    const pgr_sql_statement *s = &all.items[i];
    assert(s->what && *s->what && s->len > 0 && s->offset >= end && s->offset + s->len <= source->len_bytes);
    end = s->offset + s->len;
    for (size_t k = 0; k < s->lock_count; k++)
      assert(s->locks[k].mode > PGR_LOCK_NONE && s->locks[k].mode <= PGR_LOCK_UNKNOWN &&
             (s->locks[k].relation || !s->locks[k].schema));
  }
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
}

static void check_objects(const pgr_source *source) {
  pgr_arena arena = {0};
  pgr_faults faults = {.count = 0};
  pgr_objects objects;
  pgr_err err;
  if (pgr_objects_read(source, &arena, &objects, &faults, &err)) abort();
  for (size_t i = 0; i < objects.function_count; i++) {
    const pgr_made_function *f = &objects.functions[i];
    assert(f->name && f->language && f->body && f->offset < source->len_bytes);
    for (size_t k = 0; k < f->raise_count; k++)
      assert(f->raises[k].line > 0 && (!f->raises[k].sqlstate || strlen(f->raises[k].sqlstate) == 5));
  }
  for (size_t i = 0; i < objects.trigger_count; i++) {
    const pgr_made_trigger *t = &objects.triggers[i];
    assert(t->name && t->table && t->function && !(t->before && t->after) && t->offset < source->len_bytes);
    assert(!t->when || strstr(source->text + t->offset, t->when));
  }
  pgr_faults_deinit(&faults);
  pgr_arena_deinit(&arena);
}

static void check_name(const char *text) {
  char schema[64], name[64];
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_sql_name(text, &out);
  bool is_read = pgr_sql_read_qualified(pgr_buf_text(&out), schema, name);
  assert(is_read == (*text && strlen(text) < sizeof name) && (!is_read || strcmp(name, text) == 0));
  pgr_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *text = pgr_calloc(size + 1, 1);
  if (!text) return 0;
  if (size) memcpy(text, data, size);
  pgr_source source = {"fuzz.sql", text, strlen(text)};
  check_statements(&source);
  check_objects(&source);
  check_name(text);
  pgr_free(text);
  return 0;
}
