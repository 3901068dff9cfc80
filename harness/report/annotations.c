/* GitHub's workflow commands: one line each, which the runner takes from either stream of a step and shows beside the
 * changed line. It shows ten a step and type.
 * Source: "Workflow commands for GitHub Actions"; what is escaped, and how: actions/toolkit, command.ts. */
#include "ci_internal.h"

#include "pgr_units.h"
#include <string.h>

enum { DETAILS_SHOWN = 4000 /* bytes: a note in the margin, not the report */ };

/* len_bytes of text. property: what would end one is escaped, too. */
static void add_escaped(pgr_buf *out, const char *text, size_t len_bytes, bool property) {
  for (size_t i = 0; i < len_bytes;) {
    size_t plain = strcspn(text + i, property ? "%\r\n:," : "%\r\n"), left = len_bytes - i;
    pgr_buf_add(out, text + i, plain < left ? plain : left);
    i += plain;
    if (i < len_bytes) pgr_buf_addf(out, "%%%02X", (unsigned char)text[i++]);
  }
}

static void add_property(pgr_buf *out, const char *name, const char *text) {
  pgr_buf_addf(out, "%s=", name);
  add_escaped(out, text, strlen(text), true);
}

static void add_details(const pgr_case *c, pgr_buf *out) {
  size_t shown = strlen(c->details);
  if (shown > DETAILS_SHOWN)
    for (shown = DETAILS_SHOWN; shown > 0 && c->details[shown - 1] != '\n';)
      shown--;
  while (shown > 0 && c->details[shown - 1] == '\n')
    shown--;
  if (shown == 0) return;
  add_escaped(out, "\n\n", 2, false);
  add_escaped(out, c->details, shown, false);
}

static void add_case(const pgr_suite *s, const pgr_case *c, pgr_buf *out) {
  bool problem = c->status != PGR_CASE_SKIPPED;
  pgr_buf title;
  pgr_buf_init(&title, 0);
  pgr_buf_addf(&title, "pgrace %s, %s: %s", s->command, s->name, c->name);
  pgr_buf_addf(out, "::%s ", problem ? "error" : "warning");
  if (*c->file) {
    add_property(out, "file", c->file);
    if (c->line) pgr_buf_addf(out, ",line=%d", c->line);
    pgr_buf_adds(out, ",");
  }
  add_property(out, "title", pgr_buf_text(&title));
  pgr_buf_adds(out, "::");
  add_escaped(out, c->message, strlen(c->message), false);
  if (problem) add_details(c, out);
  pgr_buf_adds(out, "\n");
  out->failed |= title.failed;
  pgr_buf_deinit(&title);
}

/* Those that are problems, or those that are not, while `room` is left. */
static size_t add_cases(const pgr__suites *all, bool problems, size_t room, pgr_buf *out) {
  size_t shown = 0;
  for (size_t i = 0; i < all->count; i++)
    for (size_t k = 0; k < all->each[i].count && shown < room; k++) {
      const pgr_case *c = &all->each[i].cases[k];
      bool problem = c->status == PGR_CASE_FAILED || c->status == PGR_CASE_ERROR;
      if (c->status == PGR_CASE_PASSED || problem != problems) continue;
      add_case(&all->each[i], c, out);
      shown++;
    }
  return shown;
}

static void add_rest(size_t problems, size_t skipped, pgr_buf *out) {
  char text[PGR_TEXT_BYTES];
  pgr_buf_addf(out, "::%s title=pgrace::", problems ? "error" : "warning");
  if (problems) pgr_buf_addf(out, "%s more failed", pgr_format_count(text, (int64_t)problems));
  if (skipped)
    pgr_buf_addf(out, "%s%s more prove%s nothing", problems ? ", " : "", pgr_format_count(text, (int64_t)skipped),
                 skipped == 1 ? "s" : "");
  pgr_buf_adds(out, "\n");
}

pgr_code pgr_annotations(const pgr_document *d, size_t count, pgr_buf *out, pgr_err *err) {
  pgr__suites all;
  pgr_code code = pgr__suites_make(d, count, &all, err);
  if (!code) {
    size_t problems = all.failed + all.errors, open = problems + all.skipped;
    size_t room = open > PGR_ANNOTATIONS_MAX ? PGR_ANNOTATIONS_MAX - 1 : PGR_ANNOTATIONS_MAX;
    size_t failed = add_cases(&all, true, room, out);
    size_t skipped = add_cases(&all, false, room - failed, out);
    if (failed + skipped < open) add_rest(problems - failed, all.skipped - skipped, out);
    if (out->failed) code = pgr_fail(err, PGR_ENOMEM, "out of memory");
  }
  pgr__suites_deinit(&all);
  return code;
}
