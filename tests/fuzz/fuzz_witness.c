/* Witnesses: any bytes are read or refused in words; what is read can be written, read again and told, and no story has
 * a control character or a line that is too long. */
#include "pgr_witness.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_story(const pgr_witness *w, int columns) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_witness_story(w, columns, false, &out);
  assert(!out.failed);
  const unsigned char *s = (const unsigned char *)pgr_buf_text(&out);
  for (int width = 0; *s; s++) {
    assert(*s == '\n' || (*s >= ' ' && *s != 0x7F && (*s != 0xC2 || s[1] >= 0xA0)));
    width = *s == '\n' ? 0 : width + (*s < 0x80); /* the others' widths are what the unit test is about */
    assert(width <= columns);
  }
  pgr_buf_deinit(&out);
}

static void check_writing(const pgr_witness *w) {
  pgr_buf text[2];
  pgr_witness again;
  pgr_err err = {0};
  pgr_buf_init(&text[0], 0);
  pgr_buf_init(&text[1], 0);
  pgr_code code = pgr_witness_write(w, &text[0], &err);
  assert(code == PGR_OK || code == PGR_ELIMIT);
  if (!code) {
    code = pgr_witness_read("again", pgr_buf_text(&text[0]), text[0].len, &again, &err);
    assert(code == PGR_OK);
    code = pgr_witness_write(&again, &text[1], &err);
    assert(code == PGR_OK && strcmp(pgr_buf_text(&text[0]), pgr_buf_text(&text[1])) == 0);
    pgr_witness_deinit(&again);
  }
  pgr_buf_deinit(&text[0]);
  pgr_buf_deinit(&text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pgr_witness w;
  pgr_err err = {0};
  if (pgr_witness_read("fuzz", (const char *)data, size, &w, &err)) {
    assert(err.code == PGR_EUSAGE && strncmp(err.msg, "fuzz:", 5) == 0);
    assert(w.step_count == 0 && !w.arena.head);
    return 0;
  }
  assert(w.step_count >= 1 && w.step_count <= PGR_WITNESS_STEPS_MAX);
  check_writing(&w);
  check_story(&w, 80);
  check_story(&w, 120);
  pgr_witness_deinit(&w);
  return 0;
}
