/* Result documents: any bytes are read or refused in words; what is read can be shown in every form, and a run's is
 * written again as it is read. */
#include "pgr_document.h"
#include "pgr_report.h"
#include "pgr_suite.h"
#include "pgr_trace_events.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Nothing in a text moves a cursor: whatever was read has lost it. */
static void check_words(const pgr_document *d, unsigned style) {
  pgr_buf out;
  pgr_buf_init(&out, 0);
  pgr_document_header(d, &out);
  pgr_document_text(d, style, &out);
  for (const unsigned char *s = (const unsigned char *)pgr_buf_text(&out); *s; s++)
    assert(*s == '\n' || (*s >= ' ' && *s != 0x7F));
  pgr_buf_deinit(&out);
}

static void check_forms(const pgr_document *d) {
  static pgr_code (*const forms[])(const pgr_document *, size_t, pgr_buf *,
                                   pgr_err *) = {pgr_junit, pgr_tap, pgr_annotations, pgr_markdown, pgr_trace_events};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    pgr_buf out;
    pgr_err err = {0};
    pgr_buf_init(&out, 0);
    pgr_code code = forms[i](d, 1, &out, &err);
    assert(code == PGR_OK || code == PGR_ENOMEM);
    pgr_buf_deinit(&out);
  }
}

static void check_writing(const pgr_document *d) {
  pgr_buf text[2];
  pgr_archive *again = NULL;
  pgr_err err = {0};
  pgr_buf_init(&text[0], 0);
  pgr_buf_init(&text[1], 0);
  pgr_code code = pgr_document_json(d, &text[0], &err);
  assert(code == PGR_OK);
  code = pgr_archive_read("again", pgr_buf_text(&text[0]), text[0].len, &again, &err);
  assert(code == PGR_OK);
  pgr_document read = pgr_archive_document(again);
  code = pgr_document_json(&read, &text[1], &err);
  assert(code == PGR_OK && strcmp(pgr_buf_text(&text[0]), pgr_buf_text(&text[1])) == 0);
  pgr_archive_close(again);
  pgr_buf_deinit(&text[0]);
  pgr_buf_deinit(&text[1]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  pgr_archive *a = NULL;
  pgr_err err = {0};
  if (pgr_archive_read("fuzz", (const char *)data, size, &a, &err)) {
    assert(err.code == PGR_EUSAGE && strncmp(err.msg, "fuzz:", 5) == 0);
    assert(!a);
    return 0;
  }
  pgr_document d = pgr_archive_document(a);
  assert(!d.run != !d.bench);
  assert(pgr_document_scenario(&d)->operation_count > 0);
  check_words(&d, 0);
  check_words(&d, PGR_STYLE_VERBOSE);
  check_forms(&d);
  if (d.run) check_writing(&d);
  pgr_archive_close(a);
  return 0;
}
